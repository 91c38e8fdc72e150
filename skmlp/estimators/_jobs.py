"""The training of one estimator's networks: what it takes, and what came of it."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import joblib
import numpy as np

from skmlp.core.callbacks import EarlyStopping
from skmlp.core.network import Network
from skmlp.core.optimizers import FULL_BATCH, Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import Constant
from skmlp.core.stacking import program
from skmlp.core.training import Callback, State
from skmlp.estimators import _options
from skmlp.estimators._data import others


@dataclass(eq=False)
class Training:
    """What a later call needs to go on: streams, split, optimiser, best weights."""

    streams: list[Any]
    generators: list[np.random.Generator]
    split: tuple[int, Any, Any] | None = None
    folds: list[Any] | None = None
    shuffled: tuple[int, bool] = (0, False)  # what order is of: how many rows, in folds or not
    order: Any = None
    stopper: EarlyStopping | None = None
    solver: Any = ""
    drawn: Any = None  # the networks' own settings, where they have such
    state: State | None = None
    lent: bool = False  # whether other trainings have the same streams

    @property
    def rngs(self) -> list[Any]:
        """The streams to shuffle with, its own from now on."""
        if self.lent:
            self.streams, self.lent = copy.deepcopy(self.streams), False
        return self.streams


@dataclass(eq=False)
class Encoded:
    """Rows: inputs as the core takes them, targets (n, t), weights (n,) or None.

    Where each of K networks has rows of its own, inputs are a list of K, and targets (K, n, t).
    """

    inputs: Any
    target: Any
    w: Any
    origin: tuple[Any, Any] = field(default=(None, None))

    def of_each(self, k: int) -> list[tuple[Any, Any, Any]]:
        """Return the inputs, targets and weights of each of k networks."""
        if not isinstance(self.inputs, list):
            return [(self.inputs, self.target, self.w)] * k
        w = [None] * k if self.w is None else self.w
        return list(zip(self.inputs, self.target, w, strict=True))


@dataclass(eq=False)
class End(Callback):
    """Note how a training ends, before the best weights are put back, so that it can go on."""

    theta: Any = None
    stats: Any = None
    loss: Any = np.nan
    stopped: Any = False

    def on_fit_start(self, state: State) -> None:
        """Let those leave that had left before."""
        state.stop |= self.stopped
        state.train_loss[:] = np.where(self.stopped, self.loss, state.train_loss)

    def on_fit_end(self, state: State) -> None:
        """Look."""
        self.theta, self.stats = state.network.theta.copy(), state.network.stats.copy()
        self.loss, self.stopped = state.train_loss.copy(), state.stop.copy()

    def part(self, rows: slice) -> End:
        """Return how some of the networks ended."""
        return End(self.theta[rows], self.stats[rows], self.loss[rows], self.stopped[rows])

    @classmethod
    def together(cls, ends: Sequence[End], sizes: Sequence[int]) -> End:
        """Return how the networks of several trainings had ended, if they had."""
        loss, stopped = (
            np.concatenate([np.broadcast_to(getattr(e, name), k) for e, k in zip(ends, sizes)])  # noqa: B905
            for name in ("loss", "stopped")
        )
        return cls(loss=loss, stopped=stopped)


@dataclass(eq=False)
class Stand:
    """Where a job ended, and what it takes to go on."""

    training: Training
    end: End


class Job:
    """The training of one estimator's networks: all that it takes, and what came of it.

    Parameters
    ----------
    model : estimator
        Its networks drawn, its "auto" resolved.
    rows : Encoded
        To train on.
    watched : Encoded or None
        To watch.
    heard : list of Callback
        Who listens from outside.
    incremental : bool
        Whether this is one pass of partial_fit.
    """

    def __init__(
        self, model: Any, rows: Encoded, watched: Encoded | None, heard: Any, incremental: bool
    ) -> None:
        self.model, self.rows, self.watched, self.heard = model, rows, watched, heard
        self.incremental = incremental
        self.training: Training = model._training
        self.network: Network = model.networks_
        self.state: State | None = None
        self.resumed = False
        self.end: End | None = None  # kept on request, so that another job can go on from there
        self.error: BaseException | None = None
        self.seconds = 0.0  # its share of the time of the training
        self.folded = watched is not None and isinstance(watched.inputs, list)
        now, n = model._now, rows.inputs.shape[0]
        self.like_sklearn = model.conventions == "sklearn"
        total = float(n if rows.w is None else rows.w.sum())
        mean = total / n
        self.w = None if rows.w is None else (rows.w / mean).astype(self.network.dtype)
        self.loss, self.target = model._loss.prepared(rows.target)
        alpha, l1 = model.alpha, now.l1 * (mean if model.l1 == "auto" else 1.0)
        self.stopper = _make_stopper(model, watched)
        self.lbfgs = isinstance(model.solver, str) and model.solver == "lbfgs"
        if self.lbfgs:
            _check_smooth(model)
            self.penalty = Penalty(alpha, l1, total)
            self.seen = 0
            return
        # scikit-learn divides by the weight of each batch, which is rows x mean weight
        share = 1 / mean if self.like_sklearn else 1.0
        self.penalty = Penalty(alpha * share, l1 * share, None if self.like_sklearn else total)
        self.optimizer = _continued(model, _options.optimizer(vars(now)))
        self.schedule = _options.schedule(vars(now), n)
        self.seen = len(self.training.state.history) if self.training.state else 0
        full = isinstance(model.solver, str) and model.solver in FULL_BATCH
        self.size = n if full else int(now.batch_size)
        if self.training.shuffled != (n, self.folded):
            order = others(self.training.folds, self.training.rngs[0]) if self.folded else None
            self.training.order, self.training.shuffled = order, (n, self.folded)

    def mark(self) -> str | None:
        """Return what two jobs share that run the same course, however far; None if none can.

        It is the start: rows, weights, streams, settings. Courses that depend on where they end,
        by a schedule or an average, are never the same.
        """
        model, now = self.model, self.model._now
        drops_inputs = model.input_dropout > 0
        fixed = (
            self.can_share
            and program(self.schedule) == program(Constant())
            and now.averaging is None
            and model.on_divergence == "raise"
            and (model.dropout_schedule == "constant" or not (np.any(now.dropout) or drops_inputs))
            and (not np.any(now.weight_decay) or model.weight_decay_schedule == "constant")
        )
        if not fixed:
            return None
        streams = [rng.get_state() for rng in self.training.rngs]
        drawn = [rng.bit_generator.state for rng in self.training.generators]
        start = self.network.theta, self.order, self.rows.inputs, self.target, self.w
        settings = repr(self.optimizer), repr(self.penalty), repr(self.stopper), self.size
        return str(joblib.hash((start, streams, drawn, settings, now.learning_rate_init)))

    def resume(self, stand: Stand) -> None:
        """Go on from where a job of the same :meth:`mark` ended."""
        self.resumed = True
        vars(self.training).update(vars(copy.deepcopy(stand.training)))
        state, stopper = self.training.state, self.training.stopper
        assert state is not None and stopper is not None
        self.end = stand.end
        self.network.theta[:], self.network.stats[:] = stand.end.theta, stand.end.stats
        state.network, self.optimizer, self.stopper = self.network, state.optimizer, stopper

    def stand(self) -> Stand:
        """Return what another job of the same :meth:`mark` needs to go on."""
        assert self.end is not None
        return Stand(self.training, self.end)

    @property
    def order(self) -> list[Any]:
        """The rows that each network trains on."""
        order = self.training.order
        k = self.network.k
        return [np.arange(len(self.target))] * k if order is None or not len(order) else list(order)

    @property
    def can_share(self) -> bool:
        """Whether there may be other networks in the stack."""
        model, now, training = self.model, self.model._now, self.training
        watches = self.watched is not None
        return not (
            self.lbfgs
            or self.incremental
            or self.heard
            or model.callbacks
            or model.verbose
            or model.max_time is not None
            or (watches and model.scoring not in (None, "loss"))
            or (now.joint_best_epoch and self.network.k > 1 and watches and not self.folded)
            or now.members > 1
            or (training.state is not None and not self.resumed)
        )

    @cached_property
    def program(self) -> Hashable:
        """What jobs have in common that can be done as one stack."""
        if not self.can_share:
            return id(self)
        model, now, training = self.model, self.model._now, self.training
        n = len(self.order[0])
        n_batches = -(-n // min(self.size, n))
        rows: Any = n_batches if n_batches > 1 else round(4 * np.log2(n))
        if model.normalization == "batch":  # whose moments are over all rows of a batch
            rows = n
        return (
            self.network.program,
            self.optimizer.program,
            *map(program, (self.loss, self.schedule, self.penalty, self.stopper)),
            (self.penalty.rows is None, self.w is None, type(self.rows.inputs), rows),
            (self.watched is None, self.folded, model.scoring, now.joint_best_epoch),
            (now.max_iter, n_batches == 1 or self.size, now.averaging, model.max_norm),
            (model.on_divergence, model.shuffle),
            (training.state and training.state.epoch, self.end is None),
        )


def _check_smooth(model: Any) -> None:
    """Refuse what would change the loss between two looks at it."""
    off_by_name = {"dropout": 0.0, "input_dropout": 0.0, "max_norm": None, "averaging": None}
    for name, off in off_by_name.items():
        value = getattr(model._now, name)
        if np.any(value != off):
            raise ValueError(
                f"solver='lbfgs' compares losses at neighbouring weights, which "
                f"{name}={value} disturbs; pass {name}={off} or another solver"
            )


def _continued(model: Any, optimizer: Optimizer) -> Optimizer:
    """Return the optimiser of the last call, unless its settings changed."""
    training = model._training
    solver = repr(optimizer) if isinstance(model.solver, str) else model.solver
    if training.state is None or not _options.same(training.solver, solver):
        training.solver, training.state = solver, None
        return optimizer
    return training.state.optimizer


def _make_stopper(model: Any, watched: Encoded | None) -> EarlyStopping:
    like_sklearn = model.conventions == "sklearn"
    adaptive = model._now.learning_rate == "adaptive" and (
        model.solver == "sgd" or not like_sklearn
    )
    if watched is None or model.early_stopping is False:
        monitor, sign = "train_loss", 1
    elif model.scoring == "loss":
        monitor, sign = "validation_loss", 1
    else:
        monitor, sign = "validation_score", -1
    return EarlyStopping(
        monitor,
        sign,
        tol=model.tol,
        # scikit-learn's patience bears one epoch more than it says
        patience=model.n_iter_no_change - (0 if like_sklearn else 1),
        restore=monitor != "train_loss",
        divide_by=5.0 if adaptive else None,
    )
