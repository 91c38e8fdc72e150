"""Train jobs, alone or as one stack, watch them, and keep the account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from numbers import Integral
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

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
from skmlp.core.history import Epochs
from skmlp.core.lbfgs import train_lbfgs
from skmlp.core.network import Network, batch_of
from skmlp.core.optimizers import Optimizer
from skmlp.core.stacking import together
from skmlp.core.training import Callback, State, train
from skmlp.estimators import _monitoring, _options
from skmlp.estimators._jobs import Encoded, End, Job
from skmlp.estimators._streams import standing

#: Who trains a job: by default it is done at once, alone. Whoever has many estimators to fit sets
#: another here, which waits for more and trains them as one stack.
trainer: ContextVar[Callable[[Job], None]] = ContextVar(
    "trainer", default=lambda job: train_together([job])
)

#: Parameters of so many bytes are moved by several threads.
_LARGE = 1 << 24


def run(
    model: Any, rows: Encoded, watched: Encoded | None, listeners: Any, incremental: bool
) -> None:
    """Train on encoded rows, watching others, and keep the account of it."""
    job = Job(model, rows, watched, listeners, incremental)
    trainer.get()(job)
    _conclude(job)


def train_together(jobs: Sequence[Job]) -> None:
    """Train the networks of jobs of one :attr:`~Job.program` as one stack."""
    first = jobs[0]
    sizes = [job.network.k for job in jobs]
    network = Network.together([job.network for job in jobs])
    network.prepare_training([rng for job in jobs for rng in job.training.generators])
    penalty = together([job.penalty for job in jobs], sizes)
    stopper = _stopper_of(jobs, sizes)
    callbacks = [*_watchers(jobs, stopper), *first.heard]
    ends = [job.end for job in jobs if job.end is not None]
    if ends:
        callbacks.insert(0, End.together(ends, sizes))
    if first.lbfgs:
        first.state, first.results = train_lbfgs(
            network,
            first.loss,
            Batch(
                batch_of(first.rows.inputs),
                first.target[None],
                None if first.w is None else first.w[None],
            ),
            epochs=first.model._now.max_iter,
            max_fun=first.model.max_fun,
            tol=first.model.tol,
            penalty=penalty,
            callbacks=callbacks,
        )
        return
    batches = _batches(jobs)
    optimizer = Optimizer.together([job.optimizer for job in jobs], sizes)
    optimizer.share_out(_threads(network.theta))
    now, before = first.model._now, first.training.state
    if len(jobs) > 1 and before is not None:
        before = State.together([job.training.state for job in jobs], network, optimizer)
        stopper.gather([job.stopper for job in jobs])
    done = before.epoch if before is not None and first.resumed else 0
    state = train(
        network,
        first.loss,
        optimizer,
        batches,
        epochs=1 if first.incremental else now.max_iter - done,
        lr=np.concatenate(
            [np.broadcast_to(job.model._now.learning_rate_init, job.network.k) for job in jobs]
        ),
        schedule=first.schedule,
        penalty=penalty,
        callbacks=callbacks,
        state=before,
        horizon=now.max_iter if first.incremental or first.resumed else None,
    )
    optimizer.share_out(1)
    orders, k_done = batches.orders(), 0
    if len(jobs) > 1:
        state.share_time(done, np.repeat(sizes, sizes) / sum(sizes))
        epochs = Epochs.of(state.history)
    for job, k in zip(jobs, sizes, strict=True):
        rows, k_done = slice(k_done, k_done + k), k_done + k
        if ends:
            job.end = callbacks[0].part(rows)  # type: ignore[attr-defined]  # an End
        job.training.order = orders[rows]
        if batches.streams and len(jobs) > 1 and _has_seed(job):
            job.training.streams, job.training.lent = batches.streams[rows], True
        if len(jobs) == 1:
            job.state = state
        else:
            job.state = state.part(rows, epochs, job.network, job.optimizer)
            job.stopper.remember(stopper, rows)
        job.training.state, job.training.stopper = job.state, job.stopper


def _threads(theta: Any) -> int:
    """Return how many threads a step on these parameters is worth: at most those BLAS may take."""
    if theta.nbytes < _LARGE:
        return 1
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max((pool["num_threads"] for pool in pools), default=1)


def _batches(jobs: Sequence[Job]) -> ArrayBatches:
    """Return the batches of one job, or those of several side by side."""
    first = jobs[0]
    size = max(job.size for job in jobs)
    if len(jobs) == 1:
        rngs = first.training.rngs if first.model.shuffle else []
        order = first.training.order
        return ArrayBatches(first.rows.inputs, first.target, first.w, size, rngs, order)
    each = [job for job in jobs for _ in range(job.network.k)]
    streams, alike = _streams(jobs) if first.model.shuffle else ([], [])
    return ArrayBatches(
        [job.rows.inputs for job in each],
        _shared([job.target for job in each]),
        None if first.w is None else [job.w for job in each],
        size,
        streams,
        [rows for job in jobs for rows in job.order],
        alike,
    )


def _shared(tables: Sequence[Any]) -> list[Any]:
    """Return tables, one for those side by side that are equal: its rows are taken at once."""
    found: list[Any] = []
    for table in tables:
        found.append(found[-1] if found and np.array_equal(table, found[-1]) else table)
    return found


def _has_seed(job: Job) -> bool:
    """Say whether a job's streams are no one's but its own, who does not mind how they get on."""
    return isinstance(job.model.random_state, Integral)


def _streams(jobs: Sequence[Job]) -> tuple[list[Any], list[int]]:
    """Return each network's stream, and which network is the first that is shuffled alike."""
    rngs = [rng for job in jobs for rng in job.training.rngs]
    rows = [rows for job in jobs for rows in job.order]
    seeded = [_has_seed(job) for job in jobs for _ in job.training.rngs]
    found: dict[Any, int] = {}
    first = [
        found.setdefault((standing(rngs[k]), rows[k].tobytes()), k) if seeded[k] else k
        for k in range(len(rngs))
    ]
    return [rngs[k] for k in first], first


def _watchers(jobs: Sequence[Job], stopper: EarlyStopping) -> list[Callback]:
    """Return the callbacks that the parameters ask for."""
    model, watched = jobs[0].model, jobs[0].watched
    callbacks: list[Callback] = []
    if watched is not None:
        callbacks.append(_validate(jobs))
    if watched is not None or not jobs[0].lbfgs:  # lbfgs knows when its loss is flat
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


def _validate(jobs: Sequence[Job]) -> Validate:
    """Return what looks at the held-out rows of all jobs after each epoch."""
    model, watched = jobs[0].model, jobs[0].watched
    assert watched is not None
    each = [(job, *rows) for job in jobs for rows in job.watched.of_each(job.network.k)]  # type: ignore[union-attr]
    lengths = [len(target) for _, _, target, _ in each]

    def score(raw: Any, k: int) -> float:
        job, _, target, w = each[k]
        return float(job.model._score_raw(raw[: len(target)], target, w))

    if model.scoring == "loss":
        scored: Any = None
    elif model.scoring is None:
        scored = score
    else:
        scored = _monitoring.user_score(model, model.scoring, *watched.origin, watched.w)
    joint = model._now.joint_best_epoch and model._now.n_estimators > 1
    if len(jobs) == 1:
        target = jobs[0].model._loss.prepared(watched.target)[1]
        return Validate(watched.inputs, target, watched.w, jobs[0].loss, scored, joint)
    longest = max(lengths)
    inputs = [_filled_up(x, longest) for _, x, _, _ in each]
    targets = [
        _filled_up(job.model._loss.prepared(target)[1], longest) for job, _, target, _ in each
    ]
    weights = None
    if min(lengths) < longest or any(w is not None for *_, w in each):
        weights = np.zeros((len(each), longest))
        for row, (_, _, _, w), n in zip(weights, each, lengths, strict=True):
            row[:n] = 1 if w is None else w
    ensembles = np.repeat(np.arange(len(jobs)), [job.network.k for job in jobs])
    return Validate(
        inputs, np.stack(targets), weights, jobs[0].loss, scored, joint, ensembles.tolist()
    )


def _filled_up(values: Any, n: int) -> Any:
    """Return the rows of an array, CSR or Rows, with its first once more until there are n."""
    have = values.shape[0]
    return values if have == n else values[np.arange(n) * (np.arange(n) < have)]


def _stopper_of(jobs: Sequence[Job], sizes: Sequence[int]) -> EarlyStopping:
    """Return the early stopping of all jobs; that of the last call, if its settings are as now."""
    first = jobs[0]
    if len(jobs) == 1 and _options.same(first.training.stopper, first.stopper):
        assert first.training.stopper is not None
        first.stopper = first.training.stopper
    first.training.stopper = first.stopper
    stopper: EarlyStopping = together([job.stopper for job in jobs], sizes)
    return first.stopper if len(jobs) == 1 else stopper


def listeners(model: Any, X: Any, y: Any) -> list[Callback]:
    if not getattr(model, "_skl_callbacks", None):
        return []
    return [_monitoring.TellScikitLearn(model, X, y)]


def _conclude(job: Job) -> None:
    """Set the attributes that sum up the training; warn, or raise, where it ended badly."""
    model, rows, network, state = job.model, job.rows, job.network, job.state
    assert state is not None
    if job.lbfgs:
        converged = all(result.status == 0 for result in job.results)
    else:
        model.t_ += len(rows.target) * (len(state.history) - job.seen)
        rate = model._now.learning_rate
        open_ended = isinstance(rate, str) and rate in _options.OPEN_ENDED
        converged = job.incremental or not open_ended
    _monitoring.extend_history(model, state.history[job.seen :])
    model.n_iter_ = len(state.history) - job.seen
    _sum_up(model, job.stopper)
    if job.like_sklearn or job.incremental or state.diverged.any():
        model.loss_ = float(state.train_loss.mean())
    else:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = mean_loss(model._loss, network.predict(rows.inputs), rows.target, rows.w)
            value = value.reshape(network.k, -1).mean(axis=1)  # of members that share weights
            job.penalty.bind(network.layout, network.work)
            grad = np.zeros_like(network.theta)
            value = value + job.penalty.value_and_grad(network.theta, grad, None)
        model.loss_ = float(value.mean())
        state.diverged = ~np.isfinite(value)  # the last step was not seen before
    network.finish_training()
    _monitoring.warn_and_raise(model, state, converged or bool(state.stop.all()))


def _sum_up(model: Any, stopper: EarlyStopping) -> None:
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
