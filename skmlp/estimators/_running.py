"""Train an estimator's networks on encoded rows, watch them, and keep the account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skmlp.core.batches import ArrayBatches, Batch
from skmlp.core.callbacks import (
    Averaging,
    BackOff,
    Deadline,
    EarlyStopping,
    MaxNorm,
    Report,
    Validate,
    mean_loss,
)
from skmlp.core.lbfgs import train_lbfgs
from skmlp.core.network import batch_of
from skmlp.core.optimizers import FULL_BATCH, Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.training import Callback, State, train
from skmlp.estimators import _monitoring, _options
from skmlp.estimators._data import others


@dataclass(eq=False)
class Training:
    """What a later call needs to go on: streams, split, optimiser, best weights."""

    rngs: list[Any]
    generators: list[np.random.Generator]
    split: tuple[int, Any, Any] | None = None
    folds: list[Any] | None = None
    shuffled: tuple[int, bool] = (0, False)  # what order is of: how many rows, in folds or not
    order: Any = None
    stopper: EarlyStopping | None = None
    solver: Any = ""
    state: State | None = None


@dataclass(eq=False)
class Encoded:
    """Rows: inputs as the core takes them, targets (n, t), weights (n,) or None."""

    inputs: Any
    target: Any
    w: Any
    origin: tuple[Any, Any] = field(default=(None, None))


def run(
    model: Any, rows: Encoded, watched: Encoded | None, listeners: Any, incremental: bool
) -> None:
    """Train on encoded rows, watching others, and keep the account of it."""
    network, training = model.networks_, model._training
    like_sklearn = model.conventions == "sklearn"
    n = rows.inputs.shape[0]
    total = float(n if rows.w is None else rows.w.sum())
    mean = total / n
    l1 = model._now.l1 * (mean if model.l1 == "auto" else 1.0)
    w = None if rows.w is None else (rows.w / mean).astype(network.dtype)
    network.prepare_training(training.generators)
    callbacks = [*_watchers(model, watched, incremental), *listeners]
    if model.solver == "lbfgs":
        _check_smooth(model)
        seen = 0
        penalty = Penalty(model.alpha, l1)
        batch = Batch(batch_of(rows.inputs), rows.target[None], None if w is None else w[None])
        state, results = train_lbfgs(
            network,
            model._loss,
            batch,
            epochs=model._now.max_iter,
            max_fun=model.max_fun,
            tol=model.tol,
            penalty=penalty,
            penalty_rows=total,
            callbacks=callbacks,
        )
        converged = all(result.status == 0 for result in results)
    else:
        # scikit-learn divides by the weight of each batch, which is rows x mean weight
        strength = 1 / mean if like_sklearn else 1.0
        penalty = Penalty(model.alpha * strength, l1 * strength)
        rngs = training.rngs if model.shuffle else []
        params = vars(model._now)
        optimizer = _continued(model, _options.optimizer(params))
        seen = len(training.state.history) if training.state else 0
        size = _batch_rows(model, n)
        folded = watched is not None and isinstance(watched.inputs, list)
        if training.shuffled != (n, folded):
            training.order = others(training.folds, training.rngs[0]) if folded else None
            training.shuffled = n, folded
        batches = ArrayBatches(rows.inputs, rows.target, w, size, rngs, training.order)
        training.order = batches.order
        state = train(
            network,
            model._loss,
            optimizer,
            batches,
            epochs=1 if incremental else model._now.max_iter,
            lr=model._now.learning_rate_init,
            schedule=_options.schedule(params, n),
            penalty=penalty,
            penalty_rows=None if like_sklearn else total,
            callbacks=callbacks,
            state=training.state,
            horizon=model._now.max_iter if incremental else None,
        )
        training.state = state
        model.t_ += n * (len(state.history) - seen)
        named = isinstance(model._now.learning_rate, str)
        converged = incremental or not (named and model._now.learning_rate in _options.OPEN_ENDED)
    _monitoring.extend_history(model, state.history[seen:])
    model.n_iter_ = len(state.history) - seen
    _conclude(model)
    if like_sklearn or incremental or state.diverged.any():
        model.loss_ = float(state.train_loss.mean())
    else:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            raw = network.predict(rows.inputs)
            value = mean_loss(model._loss, raw, rows.target, rows.w)
            value = value.reshape(network.k, -1).mean(axis=1)  # of members that share weights
            value = value + penalty.value_and_grad(network.theta, network.grad, total)
        model.loss_ = float(value.mean())
        state.diverged = ~np.isfinite(value)  # the last step was not seen before
    network.finish_training()
    _monitoring.warn_and_raise(model, state, converged or bool(state.stop.all()))


def _check_smooth(model: Any) -> None:
    """Refuse what would change the loss between two looks at it."""
    for name, off in (("dropout", 0.0), ("max_norm", None), ("averaging", None)):
        value = getattr(model._now, name)
        if value != off:
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


def _batch_rows(model: Any, n: int) -> int:
    if isinstance(model.solver, str) and model.solver in FULL_BATCH:
        return n
    return int(min(model._now.batch_size, n))


def _watchers(model: Any, watched: Encoded | None, incremental: bool) -> list[Callback]:
    """Return the callbacks that the parameters ask for."""
    callbacks: list[Callback] = []
    if watched is not None:
        score = None
        if model.scoring is None:
            score = _own_score(model, watched)
        elif model.scoring != "loss":
            score = _monitoring.user_score(model, model.scoring, *watched.origin, watched.w)
        joint = model.joint_best_epoch and model._now.n_estimators > 1
        callbacks.append(
            Validate(watched.inputs, watched.target, watched.w, model._loss, score, joint)
        )
    stopper = _make_stopper(model, watched)
    if _options.same(model._training.stopper, stopper):
        stopper = model._training.stopper
    model._training.stopper = stopper
    if watched is not None or model.solver != "lbfgs":  # lbfgs knows when its loss is flat
        callbacks.append(stopper)
    callbacks.extend(model.callbacks or ())
    if model.max_time is not None:
        callbacks.append(Deadline(model.max_time))
    if model.verbose:
        callbacks.append(Report(bar=model.verbose > 1))
    if model._now.averaging is not None:
        callbacks = [Averaging(model._now.averaging, callbacks)]
    first: list[Callback] = [] if model.max_norm is None else [MaxNorm(model.max_norm)]
    return first + [BackOff()] * (model.on_divergence == "backoff") + callbacks


def _own_score(model: Any, watched: Encoded) -> Any:
    def score(raw: Any, k: int) -> float:
        if not isinstance(watched.inputs, list):
            return model._score_raw(raw, watched.target, watched.w)
        return model._score_raw(raw, watched.target[k], None if watched.w is None else watched.w[k])

    return score


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


def listeners(model: Any, X: Any, y: Any) -> list[Callback]:
    if not getattr(model, "_skl_callbacks", None):
        return []
    return [_monitoring.TellScikitLearn(model, X, y)]


def _conclude(model: Any) -> None:
    """Set the attributes that sum up the training."""
    stopper = model._training.stopper
    assert stopper is not None
    model.best_loss_: float | None = None
    model.validation_scores_: list[float] | None = None
    model.best_validation_score_: float | None = None
    if stopper.monitor == "train_loss":
        model.best_loss_ = min(model.loss_curve_, default=np.inf)
        return
    sign = -stopper.sign
    model.validation_scores_ = [
        sign * row[stopper.monitor] for row in model.history_ if stopper.monitor in row
    ]
    model.best_validation_score_ = sign * float(stopper.best.mean())
