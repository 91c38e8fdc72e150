"""Watching a training: validation, early stopping, smaller steps, limits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Pieces
from skmlp.core.losses import Loss
from skmlp.core.network import Network
from skmlp.core.training import Callback, State, hooks


@final
@dataclass(eq=False)
class Validate(Callback):
    """Record the loss, and a score, on held-out rows after each epoch.

    Parameters
    ----------
    X : ndarray, CSR matrix or Rows of shape (n, p), or list of K of these
        Inputs; a list where each network has rows of its own, as many for each.
    y : ndarray of shape (n, t) or (K, n, t)
        Targets in the loss's form.
    w : ndarray of shape (n,) or (K, n), or None
        Weights, of any mean.
    loss : Loss
        Without penalty.
    score : callable or None
        Given raw outputs (n, m), and the number of the network whose they are, returns a number,
        greater being better.
    joint : bool, default=False
        Whether to look at the networks' averaged prediction, so that all get the same record;
        where each has rows of its own, at the mean of what is seen there.
    ensembles : sequence of K ints, default=None
        Where networks have rows of their own, and some are one ensemble, others another: a number
        for each, the same for those whose record is joint. None where all are one.

    Where several members share a network's weights, its record is the mean of theirs, or, if
    ``joint``, that of their averaged prediction.
    """

    X: Any
    y: Array
    w: Array | None
    loss: Loss
    score: Callable[[Array, int], float] | None = None
    joint: bool = False
    ensembles: Sequence[int] | None = None

    def on_epoch_end(self, state: State) -> None:
        """Record "validation_loss" and, where there is a score, "validation_score"."""
        rows, X, y, w = state.network.rows, self.X, self.y, self.w
        own = isinstance(X, list)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            raw = state.network.predict([X[k] for k in rows] if own else X)
            if self.joint:
                seen_alike = np.split(raw, len(rows)) if own else [raw]
                raw = np.concatenate([self.loss.average(part) for part in seen_alike])
            members = max(1, len(raw) // len(rows))
            of: Array = np.repeat(rows, members)  # whose each slice of raw is
            if own:
                y, w = y[of], None if w is None else w[of]
            losses = mean_loss(self.loss, raw, y, w)
        self._put(state, "validation_loss", losses, members)
        if self.score is not None:
            scores = np.array([self.score(r, k) for r, k in zip(raw, of, strict=False)])
            self._put(state, "validation_score", scores, members)

    def _put(self, state: State, name: str, values: Array, members: int) -> None:
        if self.joint and self.ensembles is not None:
            of = np.asarray(self.ensembles)[state.network.rows]
            values = (np.bincount(of, values)[of] / np.bincount(of)[of]).reshape(-1, 1)
        elif self.joint:
            values = values.mean(keepdims=True)
        state.put(name, values.reshape(-1, 1 if self.joint else members).mean(axis=1))


def mean_loss(loss: Loss, raw: Array, y: Array, w: Array | None) -> Array:
    """Return the (k,) weighted mean losses of raw outputs (k, n, m), y and w shared or not."""
    values = loss.pointwise(raw, y, np.empty_like(raw))
    if w is None:
        return np.asarray(values.mean(axis=1))
    return np.asarray((values * w).sum(axis=1) / np.broadcast_to(w, values.shape).sum(axis=1))


@final
@dataclass(eq=False)
class EarlyStopping(Callback):
    """Stop a network, or shorten its steps, once what is watched no longer improves.

    Parameters
    ----------
    monitor : str
        Name of what is recorded: "train_loss", "validation_loss", "validation_score".
    sign : {-1, 1}, default=1
        1 where less is better, -1 where more is.
    tol : float or sequence of K floats, default=0
        An epoch that is not better than the best by at least this is without improvement.
    patience : float or sequence of K floats, default=10
        Epochs without improvement that are borne; the next one acts.
    restore : bool, default=False
        Whether to end with the weights of the best epoch.
    divide_by : float, default=None
        Divide the learning rate by this instead of stopping, and stop below ``lr_min``.
    lr_min : float, default=1e-6
        See ``divide_by``.

    Attributes
    ----------
    best : ndarray of shape (K,)
        Best value so far, in the sign of what is watched.
    best_epoch : ndarray of shape (K,)
        The epoch, from 1, in which it was seen.
    bad_epochs : ndarray of shape (K,)
        Epochs in a row without improvement.
    """

    monitor: str
    sign: int = 1
    tol: float | Sequence[float] = 0.0
    patience: float | Sequence[float] = 10
    restore: bool = False
    divide_by: float | None = None
    lr_min: float = 1e-6
    per_network: ClassVar[tuple[str, ...]] = ("tol", "patience")

    def on_fit_start(self, state: State) -> None:
        """Start counting; a training that goes on keeps its best."""
        if state.epoch and hasattr(self, "best"):
            return
        k = state.network.k
        self.limits = np.broadcast_to(self.tol, k), np.broadcast_to(self.patience, k)
        self.best = np.full(k, self.sign * np.inf)
        self.best_epoch = np.zeros(k, dtype=int)
        self.bad_epochs = np.zeros(k, dtype=int)
        self.kept: dict[int, tuple[Array, Array]] = {}

    def remember(self, other: EarlyStopping, rows: slice) -> None:
        """Have seen what another saw of some networks."""
        names = "best", "best_epoch", "bad_epochs"
        self.best, self.best_epoch, self.bad_epochs = (getattr(other, n)[rows] for n in names)
        size = len(self.best)
        self.limits = np.broadcast_to(self.tol, size), np.broadcast_to(self.patience, size)
        self.kept = {
            k - rows.start: other.kept[k] for k in other.kept if rows.start <= k < rows.stop
        }

    def gather(self, others: Sequence[EarlyStopping]) -> None:
        """Have seen what several others saw of theirs, side by side."""
        names = "best", "best_epoch", "bad_epochs"
        for name in names:
            setattr(self, name, np.concatenate([getattr(other, name) for other in others]))
        size, self.kept = 0, {}
        for other in others:
            self.kept |= {size + k: kept for k, kept in other.kept.items()}
            size += len(other.best)
        self.limits = np.broadcast_to(self.tol, size), np.broadcast_to(self.patience, size)

    def on_epoch_end(self, state: State) -> None:
        """Compare with the best so far."""
        rows, here = state.network.rows, ~state.stop
        values = state.get(self.monitor)
        found, best = self.sign * values, self.sign * self.best[rows]
        tol, patience = self.limits[0][rows], self.limits[1][rows]
        with np.errstate(invalid="ignore"):
            enough = found <= best - tol  # false for nan, which is no improvement
        bad = np.where(enough, 0, self.bad_epochs[rows] + 1)
        self.bad_epochs[rows] = np.where(here, bad, self.bad_epochs[rows])
        better = here & (found < best)
        self.best[rows[better]], self.best_epoch[rows[better]] = values[better], state.epoch
        if self.restore:
            for k in np.flatnonzero(better):
                self._keep(int(rows[k]), state.network.theta[k], state.network.stats[k])
        for k in np.flatnonzero(here & (bad > patience)):
            self._act(state, int(k), int(rows[k]))

    def _keep(self, row: int, theta: Array, stats: Array) -> None:
        if row in self.kept:
            self.kept[row][0][:], self.kept[row][1][:] = theta, stats
        else:
            self.kept[row] = theta.copy(), stats.copy()

    def _act(self, state: State, k: int, row: int) -> None:
        if self.divide_by is None or state.lr[k, 0] <= self.lr_min:
            state.stop[k] = True
        else:
            state.lr[k] /= self.divide_by
            self.bad_epochs[row] = 0

    def on_fit_end(self, state: State) -> None:
        """Put the best weights back."""
        for row, (theta, stats) in self.kept.items():
            state.network.theta[row], state.network.stats[row] = theta, stats


@final
@dataclass(eq=False)
class BackOff(Callback):
    """Where the loss becomes infinite, return to the start of the best epoch with smaller steps.

    An epoch's loss tells how good the weights were before its last steps; those after them
    may be halfway to infinity already.

    Parameters
    ----------
    factor : float, default=0.1
        Of the learning rate, at each return.
    attempts : int, default=8
        Returns before the network is given up.
    """

    factor: float = 0.1
    attempts: int = 8

    def on_fit_start(self, state: State) -> None:
        """Remember the start."""
        network = state.network
        self.good = {int(r): self._copy(network, k) for k, r in enumerate(network.rows)}
        self.last = dict(self.good)  # at the end of the last epoch: how good, the next one tells
        self.lowest = np.full(network.k, np.inf)
        self.returns = np.zeros(network.k, dtype=int)

    @staticmethod
    def _copy(network: Network, k: int) -> tuple[Array, Array]:
        return network.theta[k].copy(), network.stats[k].copy()

    def on_epoch_end(self, state: State) -> None:
        """Remember, or return."""
        network = state.network
        for k, row in enumerate(map(int, network.rows)):
            if not state.diverged[k]:
                if state.train_loss[k] < self.lowest[row]:
                    self.lowest[row], self.good[row] = state.train_loss[k], self.last[row]
                self.last[row] = self._copy(network, k)
                continue
            network.theta[k], network.stats[k] = self.last[row] = self.good[row]
            self.returns[row] += 1
            if self.returns[row] <= self.attempts:
                state.optimizer.reset(k)
                state.lr[k] *= self.factor
                state.diverged[k] = False


@final
@dataclass(eq=False)
class Averaging(Callback):
    """Keep a running average of the weights, which is what others see, and what is kept.

    After each step the average moves by a share 1 - d of its distance to the weights, where d
    grows from 0 to ``decay`` as (1 + t) / (10 + t), so that the start is soon forgotten.

    Parameters
    ----------
    decay : float
        Share of the average that is kept in a step, in (0, 1).
    watchers : sequence of Callback, default=()
        Called at the end of each epoch while the network holds the average.

    References
    ----------
    Polyak & Juditsky (1992), "Acceleration of stochastic approximation by averaging", SIAM J.
    Control Optim. 30; the exponential form is that of Tarvainen & Valpola (2017), NeurIPS.
    """

    decay: float
    watchers: Sequence[Callback] = ()

    def on_fit_start(self, state: State) -> None:
        """Start from the weights as they are."""
        self.first_epoch = state.epoch
        self.on_each = hooks(self.watchers, "on_gradient"), hooks(self.watchers, "on_batch_end")
        self.average = state.network.theta.copy()
        self.scratch = np.empty_like(self.average)
        self.rows, self.steps = state.network.rows, 0
        for hook in hooks(self.watchers, "on_fit_start"):
            hook(state)

    def on_gradient(self, state: State) -> None:
        """Let the watchers see the gradient."""
        for hook in self.on_each[0]:
            hook(state)

    def on_batch_end(self, state: State) -> None:
        """Follow the weights."""
        self._follow_stack(state)
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        theta = state.network.theta
        for _, average, now, scratch in self.pieces(self.average, theta, self.scratch):
            np.subtract(now, average, out=scratch)
            scratch *= 1 - decay
            average += scratch
        for hook in self.on_each[1]:
            hook(state)

    def on_epoch_end(self, state: State) -> None:
        """Show the average to the watchers."""
        self._follow_stack(state)
        theta = state.network.theta
        lost = ~np.isfinite(self.average.sum(axis=1))
        self.average[lost] = theta[lost]
        self.scratch[:] = theta
        theta[:] = self.average
        for hook in hooks(self.watchers, "on_epoch_end"):
            hook(state)
        state.stop |= state.diverged  # such a network leaves now, and with its average
        last = state.epoch - self.first_epoch == state.epochs
        stopped = np.ones_like(state.stop) if last else state.stop
        theta[~stopped] = self.scratch[~stopped]

    def on_fit_end(self, state: State) -> None:
        """Let the watchers put back the best."""
        for hook in hooks(self.watchers, "on_fit_end"):
            hook(state)

    def _follow_stack(self, state: State) -> None:
        """Keep the averages of the networks that are still in the stack."""
        rows = state.network.rows
        if len(rows) != len(self.rows) or not hasattr(self, "pieces"):
            self.average = self.average[np.isin(self.rows, rows)]
            self.scratch, self.rows = np.empty_like(self.average), rows
            self.pieces = Pieces()


@final
@dataclass(eq=False)
class Deadline(Callback):
    """Stop all networks once the time is up.

    Parameters
    ----------
    seconds : float
        From the start of the training to the end of the epoch in which it stops.
    """

    seconds: float

    def on_fit_start(self, state: State) -> None:
        """Look at the clock."""
        self.end = perf_counter() + self.seconds

    def on_epoch_end(self, state: State) -> None:
        """Look again."""
        if perf_counter() >= self.end:
            state.stop[:] = True


@final
@dataclass(eq=False)
class MaxNorm(Callback):
    """After each step, shorten every unit's incoming weights to a length of at most ``limit``.

    Parameters
    ----------
    limit : float
        The largest Euclidean norm of a column of W.

    References
    ----------
    Srivastava et al. (2014), "Dropout", JMLR 15, section 5.1.
    """

    limit: float

    def on_batch_end(self, state: State) -> None:
        """Project."""
        network = state.network
        for slot in network.layout.slots:
            if slot.role == "weight":
                w = slot.view(network.theta)  # (k, ..., n_in, n_out)
                norm = np.sqrt((w * w).sum(axis=-2, keepdims=True))
                if (norm > self.limit).any():
                    w *= self.limit / np.maximum(norm, self.limit)


@final
@dataclass(eq=False)
class Report(Callback):
    """Print each epoch, or draw a bar, with the loss and the time left.

    Parameters
    ----------
    bar : bool, default=False
        Whether to draw one line over and over, where the output is a terminal, instead of
        printing one an epoch.
    """

    bar: bool = False

    def on_fit_start(self, state: State) -> None:
        """Look at the clock."""
        self.started, self.epoch = perf_counter(), 0
        self.draws = self.bar and sys.stdout.isatty()

    def on_epoch_end(self, state: State) -> None:
        """Print the means over the present networks."""
        self.epoch += 1
        words = [f"loss = {state.get('train_loss').mean():.8f}"]
        for name in ("validation_loss", "validation_score"):
            if name in state.history[-1]:
                words.append(f"{name.replace('_', ' ')} = {state.get(name).mean():.6f}")
        elapsed = perf_counter() - self.started
        left = elapsed / self.epoch * (state.epochs - self.epoch)
        words.append(f"{left:.0f} s left")
        if not self.draws:
            print(f"Iteration {self.epoch}, {', '.join(words)}")
            return
        done = round(20 * self.epoch / state.epochs)
        print(
            f"\r[{'#' * done}{'.' * (20 - done)}] {self.epoch}/{state.epochs}, {', '.join(words)}",
            end="   ",
            flush=True,
        )

    def on_fit_end(self, state: State) -> None:
        """Say why it ended."""
        if self.draws:
            print()
        if self.epoch < state.epochs and not state.interrupted:
            print(f"Stopped after {self.epoch} of {state.epochs} iterations.")
