"""scikit-learn's Parallel, for fits of many networks: they are done as stacks."""

from __future__ import annotations

import gc
import itertools
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import cache, partial
from inspect import unwrap
from types import FunctionType
from typing import Any, NamedTuple

import joblib
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import _scorer
from sklearn.model_selection import _validation
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import ThreadpoolController, threadpool_limits

from skmlp.estimators._base import BaseMLP
from skmlp.estimators._folding import memory
from skmlp.estimators._jobs import Stand
from skmlp.model_selection._calls import Call, Chain, Clock, present_settings
from skmlp.model_selection._conductor import run_together
from skmlp.model_selection._progress import Progress
from skmlp.model_selection._shared import Shared, in_place, memory_of_pipelines, nested
from skmlp.model_selection._units import cut, length_of_chains, training_rows

#: Told which share of a unit is done, where it is done in this process.
_report: ContextVar[Callable[[float], None]] = ContextVar("report", default=lambda share: None)
#: Every search has a number.
_numbers = itertools.count()
#: What the fits of the present search share, in each thread: ``.shared``, and ``.origin``.
_kept = threading.local()
#: The parameter, if any, in which a candidate may differ from an earlier one that it goes on from.
resource: ContextVar[str | None] = ContextVar("resource", default=None)


class Origin(NamedTuple):
    """Where a unit comes from: process, search, and whether its estimators work in place."""

    process: int
    search: int
    writes: bool


def with_names(function: Callable[..., Any], **names: Any) -> Any:
    """Return a function as it was written, but for what some global names mean in it."""
    inner: Any = unwrap(function)
    space = {**inner.__globals__, **names}
    twin = FunctionType(
        inner.__code__, space, inner.__name__, inner.__defaults__, inner.__closure__
    )
    twin.__kwdefaults__ = inner.__kwdefaults__
    for name in ("__doc__", "__module__", "__qualname__", "__dict__", "__annotations__"):
        setattr(twin, name, getattr(inner, name))
    return twin


#: What fits one estimator on one part of the rows, in scikit-learn's words.
_FITS = _validation._fit_and_score, _validation._fit_and_predict


class StackingParallel(Parallel):
    """Runs what it is given as :class:`sklearn.utils.parallel.Parallel` does, but for networks.

    Calls that fit a pipeline or the like with an MLP in it are put into units, each of which
    trains its networks as stacks; units go to the processes. Everything else is passed on.
    """

    def __call__(self, iterable: Iterable[Any]) -> Any:
        """Run (function, args, kwargs) each, and return the results in their order."""
        tasks = list(iterable)
        if not _are_ours(tasks):
            return super().__call__(tasks)
        n_jobs = effective_n_jobs(self.n_jobs)
        units = cut(tasks, n_jobs)
        asked = [kwargs.get("parameters") or {} for _, _, kwargs in tasks]
        verbose = max(int(kwargs.get("verbose") or self.verbose or 0) for _, _, kwargs in tasks)
        self.progress = Progress([len(unit) for unit in units], verbose)
        stands, marks = self._stands(tasks)
        writes = any(map(in_place, [tasks[0][1][0].get_params(), *asked]))
        here = Origin(os.getpid(), next(_numbers), writes)

        def given_out(unit: list[int]) -> tuple[list[Any], list[Any]]:
            given = [tasks[i] for i in unit], [stands[i] for i in unit]
            for i in unit:  # whose estimator, once fitted, is not to be kept
                tasks[i] = None
            return given

        reporting = _report.set(self.progress.within if n_jobs == 1 else _report.get())
        try:
            with _libraries().limit(limits=1, user_api="blas"):
                done = super().__call__(delayed(run_unit)(*given_out(u), here) for u in units)
        finally:
            _report.reset(reporting)
            self.progress.close()
            _kept.__dict__.clear()
        results: list[Any] = [None] * len(tasks)
        for unit, found in zip(units, done, strict=True):
            for i, (result, left) in zip(unit, found, strict=True):
                results[i], stands[i] = result, left
        self.left = dict(zip(marks, stands, strict=False))
        _name_failures(asked, results)
        return results

    def _stands(self, tasks: Sequence[Any]) -> tuple[list[dict[str, Stand] | None], list[str]]:
        """Return where the trainings of each task's like ended in the last call; None for never.

        The other list tells the tasks apart, but for the resource.
        """
        if resource.get() is None:
            return [None] * len(tasks), []
        before, marks = getattr(self, "left", {}), [_identity(task) for task in tasks]
        return [before.get(mark, {}) for mark in marks], marks

    def print_progress(self) -> None:
        """Tell the bar; joblib calls this after each unit."""
        if hasattr(self, "progress"):
            self.progress.units_done(self.n_completed_tasks)
        else:
            super().print_progress()


def _are_ours(tasks: Sequence[Any]) -> bool:
    """Say whether the tasks are fits, and some of an MLP."""
    if not tasks or not all(getattr(f, "function", None) in _FITS for f, _, _ in tasks):
        return False
    candidates = [tasks[0][1][0]]
    for _, _, kwargs in tasks:
        values = (kwargs.get("parameters") or {}).values()
        candidates += [value for value in values if hasattr(value, "get_params")]
    return any(isinstance(part, BaseMLP) for each in candidates for part in nested(each))


def _identity(task: Any) -> str:
    """Tell which tasks differ in nothing but the resource."""
    parameters = task[2].get("parameters") or {}
    others = {name: value for name, value in parameters.items() if name != resource.get()}
    return str(joblib.hash((others, training_rows(task))))


def _is_known(scorer: Any) -> bool:
    """Say whether a scorer is none that a user has written, who might write to the rows."""
    if isinstance(scorer, _scorer._MultimetricScorer):
        return all(map(_is_known, scorer._scorers.values()))
    return scorer is None or isinstance(scorer, _scorer._BaseScorer | _scorer._PassthroughScorer)


@cache
def _libraries() -> ThreadpoolController:
    """Look for the libraries that have threads, which takes as long as a small fit."""
    return ThreadpoolController()


@cache
def _settle_in() -> None:
    """Prepare a process, for good, that is there for such work alone."""
    threadpool_limits(1, "blas")
    gc.collect()
    gc.freeze()  # what was imported is not looked through for garbage again and again


def run_unit(
    tasks: Sequence[Any], stands: Sequence[dict[str, Stand] | None], origin: Origin
) -> list[Any]:
    """Run fits side by side; return what each returns, and where its trainings ended."""
    if origin.process != os.getpid():
        _settle_in()
    if getattr(_kept, "origin", None) != origin:
        scorer = tasks[0][2].get("scorer")
        _kept.origin, _kept.shared = origin, Shared(origin.writes, not _is_known(scorer))
    shared = _kept.shared
    names = {"time": Clock, "_safe_split": shared.safe_split, "_score": shared.score}
    inside, outside = present_settings(), memory.set(shared.memory)
    calls = [
        Call(partial(_call, shared, with_names(f.function, **names), args, kwargs), inside, before)
        for (f, args, kwargs), before in zip(tasks, stands, strict=True)
    ]  # each has a copy of the present context
    memory.reset(outside)
    length = length_of_chains(tasks)
    if isinstance(tasks, list):
        tasks.clear()  # the estimators are the calls' alone, and go with them
    run_together(
        [Chain(calls[a : a + length]) for a in range(0, len(calls), length)], _report.get()
    )
    shared.slim()
    return [(call.result, call.left) for call in calls]


def _call(shared: Shared, function: Any, args: Any, kwargs: Any) -> Any:
    """Fit and score; again, on rows of its own, what wants to write to those that are shared."""
    error = None
    try:
        with memory_of_pipelines(args[0], shared):
            result = function(*args, **kwargs)
        reason = result.get("fit_error") if isinstance(result, dict) else None
    except ValueError as failure:
        error, reason = failure, str(failure)
    if shared.off or "read-only" not in (reason or ""):
        if error is not None:
            raise error
        return result
    shared.off = True
    return _call(shared, function, (clone(args[0]), *args[1:]), kwargs)


def _name_failures(asked: Sequence[dict[str, Any]], results: Sequence[Any]) -> None:
    """Warn of each candidate that could not be fitted."""
    failed: dict[str, list[str]] = {}
    for parameters, result in zip(asked, results, strict=True):
        if isinstance(result, dict) and result.get("fit_error") and parameters:
            reason = result["fit_error"].strip().splitlines()[-1]
            failed.setdefault(str(parameters), []).append(reason)
    for words, reasons in failed.items():
        warnings.warn(
            f"{words} failed in {len(reasons)} fits: {reasons[0]}",
            FitFailedWarning,
            stacklevel=2,
        )
