"""What goes on around a training: scikit-learn's callbacks, the history, the warnings."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring

from skmlp.core.history import means
from skmlp.core.training import Callback, State

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    _CALLS_UP_TO_USER = 8
except ImportError:  # scikit-learn < 1.9 has no callbacks
    _CALLS_UP_TO_USER = 7

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


class TellScikitLearn(Callback):
    """Pass each epoch on to the callbacks set with ``estimator.set_callbacks``.

    Parameters
    ----------
    estimator : estimator
        The one being fitted.
    X, y : array-like
        What it is fitted to.
    """

    def __init__(self, estimator: Any, X: Any, y: Any) -> None:
        self.estimator = estimator
        self.data = {"X": X, "y": y}

    def on_fit_start(self, state: State) -> None:
        """Open the task of the whole fit."""
        self.context = self.estimator._init_callback_context(max_subtasks=state.epochs)
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, state: State) -> None:
        """Report an epoch; a callback may ask to stop."""
        epoch = self.context.subcontext(task_name="epoch")
        about = {
            "estimator": self.estimator,
            **self.data,
            "reconstruction_attributes": {},
        }
        epoch.call_on_fit_task_begin(**about)
        if epoch.call_on_fit_task_end(**about):
            state.stop[:] = True

    def on_fit_end(self, state: State) -> None:
        """Close the task."""
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes={}
        )


def extend_history(estimator: Any, records: Sequence[dict[str, Any]]) -> None:
    """Append the epochs of a training, as means over the networks that were still trained."""
    for row in means(records):
        estimator.loss_curve_.append(row["train_loss"])
        estimator.history_.append({"epoch": len(estimator.history_) + 1, **row})


def user_score(estimator: Any, scoring: Any, X: Any, y: Any, w: Any) -> Any:
    """Return a function without argument that scores the estimator as it stands on X, y."""
    nameless = copy.copy(estimator)
    if isinstance(X, np.ndarray):  # names would be missed in it
        nameless.__dict__.pop("feature_names_in_", None)
    scorer = check_scoring(nameless, scoring)
    weights = {} if w is None else {"sample_weight": w}

    def score(raw: Any, k: int) -> float:
        if not np.isfinite(raw).all():
            return float("nan")
        return float(scorer(nameless, X, y, **weights))

    return score


def warn_and_raise(estimator: Any, state: State, converged: bool) -> None:
    """Say what the user should know of how the training ended."""
    if state.interrupted:
        warnings.warn("Training interrupted by user.", stacklevel=_CALLS_UP_TO_USER)
        return
    if state.diverged.any():
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large "
            "values and need to be preprocessed. The training diverged at epoch "
            f"{state.epoch} with learning_rate_init={estimator.learning_rate_init}: scale the "
            "data (standardize=True does so), lower learning_rate_init, clip the gradient "
            "(clip_norm=1.0), or pass on_divergence='backoff' to go on with smaller steps."
        )
    if not converged:
        name = "lbfgs failed to converge" if estimator.solver == "lbfgs" else "Stochastic Optimizer"
        warnings.warn(
            f"{name}: Maximum iterations ({estimator.max_iter}) reached and the optimization "
            "hasn't converged yet. Increase max_iter, scale the data (standardize=True), or "
            "raise tol.",
            ConvergenceWarning,
            stacklevel=_CALLS_UP_TO_USER,
        )
