"""Train a network on windows of text, watch it, and measure it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from scipy.special import logsumexp

from skmlp.core.callbacks import Averaging, EarlyStopping, Report
from skmlp.core.losses import IndexLogLoss
from skmlp.core.schedules import Constant
from skmlp.core.training import Callback, State, train
from skmlp.estimators import _monitoring, _options
from skmlp.language import _architecture
from skmlp.language._corpus import WindowBatches, Windows

#: Raw outputs that are formed together in a prediction.
_VALUES = 1 << 23
_MOST_ROWS = 1024


def chunks(n: int, n_classes: int) -> list[slice]:
    """Cut n rows into stretches whose raw outputs take little memory."""
    height = max(1, min(_MOST_ROWS, _VALUES // n_classes))
    return [slice(start, min(start + height, n)) for start in range(0, n, height)]


def log_losses(predict: Callable[[Any], Any], loss: IndexLogLoss, windows: Windows) -> Any:
    """Return -log p(token) of each token (n,), p being the mean of the networks' probabilities.

    Parameters
    ----------
    predict : callable
        Takes contexts (n, c), returns raw outputs (K, n, m), which are overwritten.
    loss : IndexLogLoss
        Of one network.
    windows : Windows
        All tokens to be told.
    """
    found = np.empty(len(windows))
    for chunk in chunks(len(windows), loss.n_classes):
        which = np.arange(chunk.start, chunk.stop)
        raw = predict(windows.contexts(which))
        losses = loss.pointwise(raw, windows.targets(which), raw).astype(np.float64)  # (K, n)
        found[chunk] = np.log(len(losses)) - logsumexp(-losses, axis=0)
    return found


@dataclass(eq=False)
class HeldOut(Callback):
    """Record "validation_loss", that of all networks together, after each epoch.

    Parameters
    ----------
    windows : Windows
        Tokens that are not trained on.
    loss : IndexLogLoss
        Of one network.
    mix : callable
        Takes the log-probabilities (n,) of the networks, returns those of the model.
    """

    windows: Windows
    loss: IndexLogLoss
    mix: Callable[[Any], Any]

    def on_epoch_end(self, state: State) -> None:
        """Look."""

        def predict(X: Any) -> Any:
            return state.network.forward(X[None])

        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            log_p = self.mix(-log_losses(predict, self.loss, self.windows))
        state.put("validation_loss", -log_p.mean())


@dataclass(eq=False)
class Clock(Callback):
    """End the training once the time is up, in the middle of an epoch if need be.

    Parameters
    ----------
    seconds : float
        From the start of the training.
    batches : WindowBatches
        What is cut short.
    """

    seconds: float
    batches: WindowBatches

    def on_fit_start(self, state: State) -> None:
        """Look at the clock."""
        self.end = perf_counter() + self.seconds

    def on_batch_end(self, state: State) -> None:
        """Look again."""
        self.batches.over = perf_counter() >= self.end

    def on_epoch_end(self, state: State) -> None:
        """Go no further."""
        if self.batches.over:
            state.stop[:] = True


def run(model: Any, codes: Any, held: Any, incremental: bool) -> None:
    """Train a model's networks on codes (n,), watching others or None, and keep the account.

    Parameters
    ----------
    model : NextWordModel
        Its networks drawn.
    codes, held : ndarray of shape (n,)
        Texts to train on, and to watch.
    incremental : bool
        Whether this is one pass of partial_fit.
    """
    network, before = model.networks_, model._state
    network.prepare_training(model._noise)
    sampled = model.output == "sampled"
    batches = WindowBatches(model._windows(codes), model.batch_size, model._rngs, sampled)
    stopper = None
    if held is not None:
        patience = model.n_iter_no_change - 1
        stopper = EarlyStopping("validation_loss", tol=model.tol, patience=patience, restore=True)
    seen = len(before.history) if before else 0
    state = train(
        network,
        model._loss,
        before.optimizer if before else _architecture.optimizer(model),
        batches,
        epochs=1 if incremental else model.max_iter,
        lr=model.learning_rate_init,
        schedule=Constant() if incremental else _options.schedule_of(model.learning_rate),
        callbacks=_watchers(model, batches, held, stopper),
        state=before,
    )
    network.finish_training()
    model._state = state if incremental else None
    _monitoring.extend_history(model, state.history[seen:])
    model.n_iter_ = len(state.history) - seen
    model.best_validation_loss_ = None if stopper is None else float(stopper.best.mean())
    _warn_or_raise(model, state)


def _watchers(
    model: Any, batches: WindowBatches, held: Any, stopper: EarlyStopping | None
) -> list[Callback]:
    """Return the callbacks that the parameters ask for."""
    callbacks: list[Callback] = []
    if stopper is not None:
        windows = model._windows(held)
        mix = partial(model._mix, counted=model._counted(windows))
        callbacks += [HeldOut(windows, model._loss, mix), stopper]
    callbacks += model.callbacks or ()
    if model.max_time is not None:
        callbacks.append(Clock(model.max_time, batches))
    if model.verbose:
        callbacks.append(Report(bar=model.verbose > 1))
    return callbacks if model.averaging is None else [Averaging(model.averaging, callbacks)]


def _warn_or_raise(model: Any, state: State) -> None:
    """Say what the user should know of how the training ended."""
    if state.interrupted:
        warnings.warn("Training interrupted by user.", stacklevel=4)
    elif state.diverged.any():
        raise ValueError(
            f"The training diverged in epoch {state.epoch} with learning_rate_init="
            f"{model.learning_rate_init}. Lower it, or the limit clip_norm={model.clip_norm}."
        )
