"""What many fits on the same rows share: the rows themselves, and the steps before the network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib
import numpy as np
from sklearn.model_selection._validation import _safe_split
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skmlp.estimators._base import BaseMLP

#: Results of steps are kept while there are at most so many.
_MOST_RESULTS = 64
#: And no longer than for a unit of fits, where they take more.
_MOST_BYTES = 1 << 27


def nested(estimator: Any) -> list[Any]:
    """Return an estimator and those among its parameters, however deep."""
    if isinstance(estimator, BaseMLP):  # which has none
        return [estimator]
    return [estimator, *(v for v in estimator.get_params().values() if hasattr(v, "get_params"))]


class Shared:
    """Splits and fitted steps, each made once however many fits ask for them.

    What is handed out is shared, so arrays cannot be written to.

    Parameters
    ----------
    in_place : bool, default=False
        Whether an estimator works in place (``copy=False``): then each gets its own.
    """

    def __init__(self, in_place: bool = False) -> None:
        self.in_place = in_place
        self.splits: dict[Any, tuple[Any, ...]] = {}
        self.results: OrderedDict[Any, Any] = OrderedDict()

    def safe_split(self, estimator: Any, X: Any, y: Any, indices: Any, train_indices=None) -> Any:
        """Return X and y of some rows, as scikit-learn's function of that name does."""
        if self.in_place or get_tags(estimator).input_tags.pairwise:
            return _safe_split(estimator, X, y, indices, train_indices)
        key = id(X), id(y), id(indices)
        if key not in self.splits:
            parts = _safe_split(estimator, X, y, indices, train_indices)
            for part in parts:
                if isinstance(part, np.ndarray):
                    part.flags.writeable = False
            self.splits[key] = (parts, X, y, indices)  # kept alive, so that the ids stay theirs
        return self.splits[key][0]

    def cache(self, function: Callable[..., Any], ignore: Sequence[str] = ()) -> Callable[..., Any]:
        """Return a function that computes nothing twice; what a Pipeline wants of its memory."""

        def once(transformer: Any, X: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
            told = {name: value for name, value in kwargs.items() if name not in ignore}
            settings = joblib.hash((function.__name__, transformer, y, args, told))
            key = settings, id(X)
            if key not in self.results:
                self.results[key] = function(transformer, X, y, *args, **kwargs), X
                if len(self.results) > _MOST_RESULTS:
                    self.results.popitem(last=False)
            self.results.move_to_end(key)
            return self.results[key][0]

        return once

    def slim(self) -> None:
        """Let go of what is large."""
        for cache in (self.splits, self.results):
            if sum(map(_n_bytes, cache.values())) > _MOST_BYTES:
                cache.clear()

    def __deepcopy__(self, memo: Any) -> Shared:
        """Be the same to a clone."""
        return self

    def __reduce__(self) -> Any:
        """Leave no trace in a pickled pipeline."""
        return type(None), ()


def _n_bytes(parts: Any) -> int:
    """Return about how much memory arrays take, in nested tuples or alone."""
    if isinstance(parts, tuple):
        return sum(map(_n_bytes, parts))
    return int(getattr(parts, "nbytes", 0))


def in_place(parameters: dict[str, Any]) -> bool:
    """Say whether parameters tell an estimator, or a step of it, to work in place."""
    return any(
        value is False
        for name, value in parameters.items()
        if name.rpartition("__")[2] in ("copy", "copy_X")
    )


@contextmanager
def memory_of_pipelines(estimator: Any, memory: Shared) -> Iterator[None]:
    """Let the pipelines in an estimator remember fitted steps in ``memory`` for the time being."""
    pipelines = [p for p in nested(estimator) if isinstance(p, Pipeline) and p.memory is None]
    for pipeline in pipelines:
        pipeline.memory = memory
    try:
        yield
    finally:
        for pipeline in [*pipelines, *_fitted_pipelines(estimator)]:
            if pipeline.memory is memory:
                pipeline.memory = None


def _fitted_pipelines(estimator: Any) -> list[Pipeline]:
    """Return the pipelines among the estimators that the fitted estimator holds."""
    inner = [value for value in vars(estimator).values() if hasattr(value, "get_params")]
    found = [part for value in inner for part in nested(value) if isinstance(part, Pipeline)]
    return found + [part for value in inner for part in _fitted_pipelines(value)]
