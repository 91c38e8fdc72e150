"""The loop of gradient descent, its State, and the Callback contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from skmlp.core.batches import Batch, Batches
from skmlp.core.buffers import Array, Workspace
from skmlp.core.history import Epochs
from skmlp.core.losses import Loss
from skmlp.core.network import Network
from skmlp.core.optimizers import Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import Constant, Schedule

#: A network that has come to infinity is noticed within so many steps.
_CHECK_EVERY = 32
#: Where operands have gaps, NumPy copies so many numbers at a time into buffers. Its default, 8192,
#: does not fit a core's L1 cache: sums of parts of rows, or of rows and a column, take double.
_BUFFER = 1024
#: A loss so many times what it was before the first step is as good as infinite.
_EXPLODED = 1e6


@dataclass(eq=False)
class State:
    """Where a training stands; what callbacks see, and what a later call continues.

    Arrays named "of all" have one row for each of the K original networks; the others
    have one for each network still in the stack, ``network.rows`` saying which. A network
    that stops leaves the stack before the next epoch; at the end all are back in it.
    """

    network: Network
    optimizer: Optimizer
    #: Learning rates before the schedule, (k, 1) - callbacks may lower them.
    lr: Array
    #: What they were before any callback, (1 or K, 1).
    base_lr: Array = field(default_factory=lambda: np.zeros((0, 1)))
    #: Epochs and steps done, and what they were done of in the present call.
    epoch: int = 0
    step: int = 0
    epochs: int = 0
    progress: float = 0.0
    #: Mean loss of the last epoch with its penalty, (k,).
    train_loss: Array = field(default_factory=lambda: np.zeros(0))
    #: Loss of the first batch before the first step of the present call, (k,).
    first_loss: Array = field(default_factory=lambda: np.zeros(0))
    #: Which networks are to leave, and which have an infinite loss, or as good as that, (k,).
    stop: Array = field(default_factory=lambda: np.zeros(0, bool))
    diverged: Array = field(default_factory=lambda: np.zeros(0, bool))
    #: What is recorded of each epoch, of all networks (K,); nan where one has left.
    history: Any = field(default_factory=list)  # of dicts, or Epochs
    interrupted: bool = False
    _factor: float = 1.0
    _size: int = 0
    _whole: tuple[Array, ...] = ()
    _rngs: Sequence[np.random.Generator] = ()
    _left: list[tuple[Array, Optimizer]] = field(default_factory=list)

    def put(self, name: str, values: Any) -> None:
        """Record (k,) values of this epoch, or one number for all networks."""
        row = self.history[-1].setdefault(name, np.full(self._size, np.nan))
        row[self.network.rows] = values

    def get(self, name: str) -> Array:
        """Return the (k,) values recorded of this epoch."""
        values: Array = self.history[-1][name][self.network.rows]
        return values

    @classmethod
    def together(cls, states: Sequence[State], network: Network, optimizer: Optimizer) -> State:
        """Return where the networks of several trainings, all as long, stand side by side.

        ``network`` and ``optimizer`` are the stack's, whose memory is set.
        """
        optimizer.gather([state.optimizer for state in states])
        lr, base_lr = (
            np.concatenate([np.broadcast_to(getattr(s, name), (s.network.k, 1)) for s in states])
            for name in ("lr", "base_lr")
        )
        history = [
            {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
            for rows in zip(*(state.history for state in states), strict=True)
        ]
        first = states[0]
        return cls(network, optimizer, lr, base_lr, first.epoch, first.step, history=history)

    def part(self, rows: slice, epochs: Epochs, network: Network, optimizer: Optimizer) -> State:
        """Return where some of the networks stand, as if they had been trained by themselves.

        ``epochs`` is the history laid side by side; ``network`` and ``optimizer`` become the
        state's own, whose parameters and memory are set.
        """
        network.theta[:], network.stats[:] = self.network.theta[rows], self.network.stats[rows]
        optimizer.remember(self.optimizer, rows)
        part = State(network, optimizer, self.lr[rows], self.lr[rows].copy())
        part.history = epochs.part(rows)
        part.epoch = len(part.history)
        part.step = round(self.step * part.epoch / max(1, len(epochs)))
        part.epochs, part.interrupted = self.epochs, self.interrupted
        part.train_loss, part.first_loss = self.train_loss[rows], self.first_loss[rows]
        part.stop, part.diverged = self.stop[rows], self.diverged[rows]
        return part

    def share_time(self, since: int, shares: Array) -> None:
        """Count of each epoch's seconds, after so many epochs, a share for each network, (K,)."""
        for record in self.history[since:]:
            record["seconds"] *= shares

    def rate(self) -> Array:
        """Return the (k, 1) learning rates under the schedule, as of the last step."""
        return self.lr if self._factor == 1 else self.lr * self.lr.dtype.type(self._factor)

    def _begin(self, epochs: int) -> None:
        network, k = self.network, self.network.k
        self.epochs, self._factor, self.interrupted = epochs, 1.0, False
        self.train_loss, self.first_loss = np.full(k, np.nan), np.full(k, np.nan)
        self.stop, self.diverged = np.zeros(k, bool), np.zeros(k, bool)
        self._size, self._whole, self._rngs = k, self._parts(), network.rngs

    def _parts(self) -> tuple[Array, ...]:
        """Return every array with a row for each network in the stack."""
        network = self.network
        losses = self.train_loss, self.first_loss
        return network.theta, network.stats, self.lr, *losses, self.stop, self.diverged

    def _store(self) -> None:
        """Write what the present networks have come to into the arrays of all."""
        for whole, part in zip(self._whole, self._parts(), strict=True):
            if part is not whole:
                whole[self.network.rows] = part

    def _go_on_with(self, keep: Array) -> None:
        """Let the other networks leave."""
        self._store()
        _, _, *parts = self._parts()
        self.lr, self.train_loss, self.first_loss, self.stop, self.diverged = (
            part[keep] for part in parts
        )
        self.network.select(keep)

    def _release(self, batches: Batches) -> None:
        """Let the stopped networks leave."""
        keep, gone = ~self.stop, self.network.rows[self.stop]
        work = Workspace(self.network.dtype, gone)
        its_optimizer = self.optimizer.of(self.stop, self.network.layout, work)
        self._go_on_with(keep)
        self.optimizer.select(keep)
        self._left.append((gone, its_optimizer))
        self.optimizer.rebind(self.network.layout, self.network.work)
        batches.select(keep)

    def _reunite(self) -> None:
        """Bring the networks that left back into the stack."""
        self._store()
        theta, stats, *parts = self._whole
        self.lr, self.train_loss, self.first_loss, self.stop, self.diverged = parts
        if self.network.theta is not theta:
            together = [(self.network.rows, self.optimizer), *self._left]
            self.optimizer.gather([optimizer for _, optimizer in together])
            self.optimizer.select(np.argsort(np.concatenate([rows for rows, _ in together])))
            self._left = []
            self.network.restore(theta, stats, self._rngs)
            self.optimizer.rebind(self.network.layout, self.network.work)


class Callback:
    """What is called along the way; every hook does nothing unless overridden."""

    def on_fit_start(self, state: State) -> None:
        """Before the first step."""

    def on_gradient(self, state: State) -> None:
        """When ``state.network.grad`` is complete, before the step."""

    def on_batch_end(self, state: State) -> None:
        """After a step."""

    def on_epoch_end(self, state: State) -> None:
        """After an epoch, its loss recorded; may set ``state.stop[k]``."""

    def on_fit_end(self, state: State) -> None:
        """At the end, interrupted or not, with all networks back in the stack."""


def hooks(callbacks: Sequence[Callback], name: str) -> list[Any]:
    """Return the bound methods ``name`` of those callbacks that override it."""
    default = getattr(Callback, name)
    return [getattr(c, name) for c in callbacks if getattr(type(c), name) is not default]


def train(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    batches: Batches,
    *,
    epochs: int,
    lr: Any,
    schedule: Schedule | None = None,
    penalty: Penalty | None = None,
    callbacks: Sequence[Callback] = (),
    state: State | None = None,
    horizon: int | None = None,
) -> State:
    """Train a stack of networks by (stochastic) gradient descent.

    A network whose ``state.stop[k]`` a callback sets is left as it stands; an interrupt
    from the keyboard ends the training with all weights in place.

    Parameters
    ----------
    network : Network
        Its ``theta`` moves in place; ``prepare_training`` has been called.
    loss : Loss
        What is made small.
    optimizer : Optimizer
        How.
    batches : Batches
        Iterated once an epoch.
    epochs : int
        Passes over the data.
    lr : float or sequence of K floats
        Learning rate, before the schedule.
    schedule : Schedule, default=None
        Factor of the learning rate by progress; None for a constant one.
    penalty : Penalty, default=None
        Added to the loss.
    callbacks : sequence of Callback, default=()
        Called in turn.
    state : State, default=None
        Of an earlier call, to go on where it ended.
    horizon : int, default=None
        Epochs of the schedule, counted from the first call on; None for a schedule that runs
        through in this call.

    Returns
    -------
    State
    """
    schedule = schedule or Constant()
    penalty = penalty or Penalty()
    if state is None:
        optimizer.bind(network.layout, network.work, network.k)
        state = State(network, optimizer, np.zeros(0))
    else:
        state.optimizer.rebind(network.layout, network.work)
        state.history = list(state.history)
    base = np.asarray(lr, network.dtype).reshape(-1, 1)
    if horizon is None or not np.array_equal(base, state.base_lr):
        state.base_lr, state.lr = base, np.broadcast_to(base, (network.k, 1)).copy()
    state._begin(epochs)
    penalty.bind(network.layout, network.work)
    try:
        for hook in hooks(callbacks, "on_fit_start"):
            hook(state)
        for epoch in range(epochs):
            if state.stop.all():
                break
            started = perf_counter()
            if state.stop.any():
                state._release(batches)
                penalty.bind(network.layout, network.work)
            _epoch(state, loss, batches, epoch, schedule, horizon, penalty, callbacks)
            state.history.append({})
            state.put("train_loss", state.train_loss)
            state.put("learning_rate", state.rate()[:, 0])
            state.put("seconds", perf_counter() - started)
            state.epoch += 1
            state.diverged = _diverged(state)
            for hook in hooks(callbacks, "on_epoch_end"):
                hook(state)
            state.stop |= state.diverged
    except KeyboardInterrupt:
        state.interrupted = True
        if state.history and "seconds" not in state.history[-1]:
            state.history.pop()  # it came in the middle of the account of an epoch
    state._reunite()
    for hook in hooks(callbacks, "on_fit_end"):
        hook(state)
    return state


def loss_and_grad(network: Network, loss: Loss, batch: Batch) -> Array:
    """Go up and down once: return the (k,) losses, and fill ``grad``.

    Where m members share a network's weights, its loss is the mean of theirs.
    """
    assert network.grad is not None, "prepare_training allocates the gradient"
    network.work.n_rows = batch.n_rows
    raw = network.forward(batch.X, train=True)  # (k, n, n_out), or (k m, n, n_out)
    members = len(raw) // network.k
    d_raw = network.work.array(network, "d_raw", raw.shape)
    y = _for_members(batch.y, members)
    w = None if batch.w is None else _for_members(batch.w, members)
    value = loss.value_and_grad(raw, y, w, d_raw)
    if members > 1:
        value = value.reshape(-1, members).mean(axis=1)
        d_raw *= 1 / members
    network.backward(d_raw)
    return value


def _for_members(each: Array, members: int) -> Array:
    """Repeat each network's own (k, n, ...) for its members; what is shared, (1, n, ...), stays."""
    return each if members == 1 or len(each) == 1 else each.repeat(members, axis=0)


def _epoch(
    state: State,
    loss: Loss,
    batches: Batches,
    epoch: int,
    schedule: Schedule,
    horizon: int | None,
    penalty: Penalty,
    callbacks: Sequence[Callback],
) -> None:
    """Go through the data once; set ``state.train_loss``."""
    network, optimizer = state.network, state.optimizer
    on_gradient, on_batch_end = hooks(callbacks, "on_gradient"), hooks(callbacks, "on_batch_end")
    theta, grad = network.theta, network.grad
    assert grad is not None, "prepare_training allocates the gradient"
    done, planned = (epoch, state.epochs) if horizon is None else (state.epoch, horizon)
    values: list[Array] = []
    sizes: list[Any] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        np.setbufsize(_BUFFER)  # until the context is left
        for i, batch in enumerate(batches):
            state.progress = min(1.0, (done + i / (batches.n_batches or i + 1)) / planned)
            state._factor = schedule(state.progress)
            network.work.progress = state.progress
            value = loss_and_grad(network, loss, batch)
            penalty.begin(batch.n)
            if on_gradient:  # they see the whole gradient; otherwise the step adds the penalty's
                penalty.add(theta, grad)
            for hook in on_gradient:
                hook(state)
            rate = state.rate()
            rate = rate if len(rate) > 1 else rate.item()
            optimizer.step(theta, grad, rate, None if on_gradient else penalty)
            value = value + penalty.value
            for hook in on_batch_end:
                hook(state)
            if epoch == i == 0:
                state.first_loss = np.array(value, dtype=np.float64)
            values.append(value)
            sizes.append(batch.n if batch.n_rows is None else batch.n_rows[:, 0])
            state.step += 1
            if state.step % _CHECK_EVERY == 0 and not np.isfinite(value).any():
                break
        losses = np.array(values, dtype=np.float64)
        weights = np.empty_like(losses)
        for row, size in zip(weights, sizes, strict=True):
            row[:] = size
        losses *= weights
        state.train_loss = losses.sum(axis=0) / weights.sum(axis=0)


def _diverged(state: State) -> Array:
    """Tell which networks (k,) have come to an infinite loss, or parameter, or nearly so."""
    with np.errstate(over="ignore", invalid="ignore"):
        sums = state.network.theta.sum(axis=1)
    bound = _EXPLODED * (1 + np.abs(state.first_loss))
    lost: Array = ~((state.train_loss <= bound) & np.isfinite(sums))
    return lost
