"""Training by L-BFGS: SciPy's minimiser on a network's row of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from skmlp.core.batches import Batch
from skmlp.core.buffers import Array
from skmlp.core.losses import Loss
from skmlp.core.network import Network
from skmlp.core.optimizers import Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.training import Callback, State, hooks, loss_and_grad


def train_lbfgs(
    network: Network,
    loss: Loss,
    batch: Batch,
    *,
    epochs: int,
    max_fun: int,
    tol: float,
    penalty: Penalty,
    callbacks: Sequence[Callback] = (),
) -> tuple[State, list[OptimizeResult]]:
    """Minimise the loss over all rows, network by network.

    An iteration of L-BFGS counts as an epoch; callbacks see it and may stop it. An interrupt
    from the keyboard leaves the present network at its last iteration.

    Parameters
    ----------
    network : Network
        Its ``theta`` moves in place; ``prepare_training`` has been called.
    loss : Loss
        What is made small.
    batch : Batch
        All rows, shared by the networks.
    epochs : int
        Largest number of iterations.
    max_fun : int
        Largest number of evaluations of the loss.
    tol : float
        Stop once no entry of the gradient exceeds it.
    penalty : Penalty
        Added to the loss.
    callbacks : sequence of Callback, default=()
        Called in turn.

    Returns
    -------
    state : State
    results : list of OptimizeResult
        SciPy's account of each network, up to the one that was interrupted.

    References
    ----------
    Liu & Nocedal (1989), "On the limited memory BFGS method for large scale optimization",
    Mathematical Programming 45.
    """
    state = State(network, Optimizer(), np.ones((network.k, 1)))
    state._begin(epochs)
    results: list[OptimizeResult] = []
    for hook in hooks(callbacks, "on_fit_start"):
        hook(state)
    records = state.history
    for k in range(len(network.rows)):
        state._go_on_with(network.rows == k)
        results.append(_minimise(state, records, loss, batch, max_fun, tol, penalty, callbacks))
        state._reunite()
        if state.interrupted:
            break
    state.history, state.epoch = records, len(records)
    for hook in hooks(callbacks, "on_fit_end"):
        hook(state)
    return state, results


def _minimise(
    state: State,
    records: list[dict[str, Array]],
    loss: Loss,
    batch: Batch,
    max_fun: int,
    tol: float,
    penalty: Penalty,
    callbacks: Sequence[Callback],
) -> OptimizeResult:
    """Minimise the loss of the one network in the stack; record its iterations beside others'."""
    network = state.network
    theta, grad = network.theta, network.grad
    assert grad is not None, "prepare_training allocates the gradient"
    penalty.bind(network.layout, network.work)
    state.epoch, clock = 0, [perf_counter()]
    accepted = theta[0].astype(np.float64)

    def value_and_grad(x: Any) -> tuple[float, Any]:
        theta[0] = x
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = loss_and_grad(network, loss, batch)
            value = value + penalty.value_and_grad(theta, grad, batch.n)
        for hook in hooks(callbacks, "on_gradient"):
            hook(state)
        return float(value[0]), grad[0].astype(np.float64)

    def on_iteration(intermediate_result: OptimizeResult) -> None:
        theta[0] = accepted[:] = intermediate_result.x
        if state.epoch == len(records):
            records.append({})
        state.epoch, state.step = state.epoch + 1, state.step + 1
        state.history = records[: state.epoch]
        state.progress = state.epoch / state.epochs
        state.train_loss = np.array([intermediate_result.fun])
        state.put("train_loss", state.train_loss)
        state.put("learning_rate", np.nan)
        state.put("seconds", perf_counter() - clock[0])
        clock[0] = perf_counter()
        for name in ("on_batch_end", "on_epoch_end"):
            for hook in hooks(callbacks, name):
                hook(state)
        if state.stop.all():
            raise StopIteration

    try:
        result = minimize(
            value_and_grad,
            accepted.copy(),
            jac=True,
            method="L-BFGS-B",
            callback=on_iteration,
            options={"maxfun": max_fun, "maxiter": state.epochs, "gtol": tol},
        )
        theta[0] = result.x
        state.train_loss = np.array([result.fun])
        state.diverged = ~np.isfinite(state.train_loss)
    except KeyboardInterrupt:
        theta[0] = accepted
        state.interrupted = True
        result = OptimizeResult(x=accepted, nit=state.epoch, status=0, message="interrupted")
    return result
