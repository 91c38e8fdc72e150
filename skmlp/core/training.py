"""The loop of gradient descent, its State, and the Callback contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from skmlp.core.batches import Batches
from skmlp.core.buffers import Array
from skmlp.core.losses import Loss
from skmlp.core.network import Network
from skmlp.core.optimizers import Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import Constant, Schedule

#: A network that has come to infinity is noticed within so many steps.
_CHECK_EVERY = 32
#: A loss so many times what it was before the first step is as good as infinite.
_EXPLODED = 1e6


@dataclass(eq=False)
class State:
    """Where a training stands; what callbacks see, and what a later call continues.

    Arrays named "of all" have one row for each of the K original networks; the others
    have one for each network still in the stack, ``network.rows`` saying which.
    """

    network: Network
    optimizer: Optimizer
    #: Learning rates before the schedule, (k, 1) - callbacks may lower them.
    lr: Array
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
    history: list[dict[str, Array]] = field(default_factory=list)
    interrupted: bool = False
    _left: dict[int, tuple[Array, Array, bool]] = field(default_factory=dict)
    _size: int = 0

    def put(self, name: str, values: Any) -> None:
        """Record (k,) values of this epoch, or one number for all networks."""
        row = np.full(self._size, np.nan)
        row[self.network.rows] = values
        self.history[-1][name] = row

    def get(self, name: str) -> Array:
        """Return the (k,) values recorded of this epoch."""
        values: Array = self.history[-1][name][self.network.rows]
        return values

    def rate(self) -> Array:
        """Return the (k, 1) learning rates of the last step."""
        return self._rate

    def _begin(self, epochs: int) -> None:
        network = self.network
        self.epochs, self.interrupted = epochs, False
        self._size, self._left = network.k, {}
        self.stop, self.diverged = np.zeros(network.k, bool), np.zeros(network.k, bool)
        self._rate = self.lr

    def _release(self, batches: Batches) -> None:
        """Let the stopped networks leave, once they are half of the stack."""
        network = self.network
        if self.stop.all() or 2 * self.stop.sum() < network.k:
            return
        for k in np.flatnonzero(self.stop):
            self._leave(k)
        keep = ~self.stop
        network.select(keep)
        self.optimizer.select(keep)
        self.optimizer.rebind(network.layout, network.work)
        batches.select(keep)
        self.lr, self._rate = self.lr[keep], self._rate[keep]
        self.stop, self.diverged = self.stop[keep], self.diverged[keep]
        self.first_loss = self.first_loss[keep]

    def _leave(self, k: int) -> None:
        network = self.network
        row = int(network.rows[k])
        if row not in self._left:
            theta, stats = network.theta[k].copy(), network.stats[k].copy()
            self._left[row] = theta, stats, bool(self.diverged[k])

    def _reunite(self) -> None:
        """Bring the networks that left back into the stack."""
        if not self._left:
            return
        for k in range(self.network.k):
            self._leave(k)
        rows = [self._left[row] for row in range(self._size)]
        self.network.restore(np.stack([r[0] for r in rows]), np.stack([r[1] for r in rows]))
        self.diverged = np.array([r[2] for r in rows])
        self.stop = np.ones(self._size, bool)


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
    penalty_rows: float | None = None,
    callbacks: Sequence[Callback] = (),
    state: State | None = None,
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
    penalty_rows : float, default=None
        What the penalty is divided by; None for the number of rows of each batch, which is
        scikit-learn's way.
    callbacks : sequence of Callback, default=()
        Called in turn.
    state : State, default=None
        Of an earlier call, to go on where it ended.

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
        optimizer.rebind(network.layout, network.work)
    state.lr = np.broadcast_to(
        np.asarray(lr, network.dtype).reshape(-1, 1), (network.k, 1)
    ).copy()
    state._begin(epochs)
    try:
        for hook in hooks(callbacks, "on_fit_start"):
            hook(state)
        for epoch in range(epochs):
            started = perf_counter()
            penalty.bind(network.layout, network.work)
            _epoch(state, loss, batches, epoch, schedule, penalty, penalty_rows, callbacks)
            state.epoch += 1
            state.history.append({})
            state.put("train_loss", state.train_loss)
            state.put("learning_rate", state.rate()[:, 0])
            state.put("seconds", perf_counter() - started)
            state.diverged = ~(state.train_loss <= _EXPLODED * (1 + state.first_loss))
            for hook in hooks(callbacks, "on_epoch_end"):
                hook(state)
            state.stop |= state.diverged
            if state.stop.all():
                break
            state._release(batches)
    except KeyboardInterrupt:
        state.interrupted = True
    state._reunite()
    for hook in hooks(callbacks, "on_fit_end"):
        hook(state)
    return state


def _epoch(
    state: State,
    loss: Loss,
    batches: Batches,
    epoch: int,
    schedule: Schedule,
    penalty: Penalty,
    penalty_rows: float | None,
    callbacks: Sequence[Callback],
) -> None:
    """Go through the data once; set ``state.train_loss``."""
    network, optimizer = state.network, state.optimizer
    on_gradient, on_batch_end = hooks(callbacks, "on_gradient"), hooks(callbacks, "on_batch_end")
    theta, grad = network.theta, network.grad
    assert grad is not None, "prepare_training allocates the gradient"
    constant = isinstance(schedule, Constant)
    state._rate = state.lr
    total, seen = np.zeros(network.k), 0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for i, (x, y, w) in enumerate(batches):
            n = y.shape[1]
            state.progress = (epoch + i / (batches.n_batches or i + 1)) / state.epochs
            if not constant:
                state._rate = state.lr * state.lr.dtype.type(schedule(state.progress))
            raw = network.forward(x, train=True)
            d_raw = network.work.array(network, "d_raw", raw.shape)
            value = loss.value_and_grad(raw, y, w, d_raw)
            network.backward(d_raw)
            value = value + penalty.value_and_grad(theta, grad, penalty_rows or n)
            for hook in on_gradient:
                hook(state)
            optimizer.step(theta, grad, state._rate)
            for hook in on_batch_end:
                hook(state)
            if epoch == i == 0:
                state.first_loss = np.array(value, dtype=np.float64)
            total += value * n
            seen += n
            state.step += 1
            if state.step % _CHECK_EVERY == 0 and not np.isfinite(total).any():
                break
    state.train_loss = total / seen
