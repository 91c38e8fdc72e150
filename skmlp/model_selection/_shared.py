"""What many fits on the same rows share: the rows themselves, and the steps before the network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import joblib
import numpy as np
from scipy import sparse
from sklearn.model_selection._validation import _safe_split, _score
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags

from skmlp.core.rows import Rows
from skmlp.estimators._base import BaseMLP
from skmlp.estimators._folding import Memory

#: Results of steps are kept while there are at most so many.
_MOST_RESULTS = 128
#: And no longer than for a unit of fits, where they take more.
_MOST_BYTES = 1 << 27


def nested(estimator: Any) -> list[Any]:
    """Return an estimator and those among its parameters, however deep."""
    if isinstance(estimator, BaseMLP):  # which has none
        return [estimator]
    if not hasattr(estimator, "get_params"):  # "passthrough"
        return [estimator]
    return [estimator, *(v for v in estimator.get_params().values() if hasattr(v, "get_params"))]


class Shared:
    """Splits and fitted steps of one search, each made once however many fits ask for them.

    Arrays that are handed out are shared, and cannot be written to. A fit that fails on this is
    to be tried again without (:attr:`off`).

    Parameters
    ----------
    off : bool, default=False
        Whether nothing is shared after all, since an estimator works in place.
    own_test : bool, default=False
        Whether each has test rows of its own, since a user's scorer sees them.
    """

    def __init__(self, off: bool = False, own_test: bool = False) -> None:
        self.off, self.own_test = off, own_test
        self.splits: dict[Any, tuple[Any, ...]] = {}
        self.results: OrderedDict[Any, Any] = OrderedDict()
        self.memory = Memory()
        self._X: Any = None

    def safe_split(self, estimator: Any, X: Any, y: Any, indices: Any, train_indices=None) -> Any:
        """Return X and y of some rows, as scikit-learn's function of that name does."""
        is_test = train_indices is not None
        if self.off or (is_test and self.own_test) or get_tags(estimator).input_tags.pairwise:
            return _safe_split(estimator, X, y, indices, train_indices)
        key = np.asarray(indices).tobytes()  # of the X and y of one search
        if key not in self.splits:
            if self._stays_where_it_is(estimator, X):
                rows = Rows(self._table, np.asarray(indices))
                split = rows, None if y is None else _safe_indexing(y, indices)
            else:
                split = _safe_split(estimator, X, y, indices, train_indices)
            self.splits[key] = split
        return tuple(map(handed_out, self.splits[key]))

    def _stays_where_it_is(self, estimator: Any, X: Any) -> bool:
        """Say whether rows are read from X, large and of finite numbers, and not copied.

        Only one of our own estimators can read them so, and no user's function may ask for them.
        """
        if not isinstance(X, np.ndarray) or X.ndim != 2 or X.nbytes <= _MOST_BYTES:
            return False
        if not isinstance(estimator, BaseMLP) or self.own_test or callable(estimator.scoring):
            return False
        if not isinstance(estimator.categorical_features, str | None):
            return False
        if self._X is not X:
            self._X, self._table = X, X.view()
            self._table.flags.writeable = False
            self._is_finite = X.dtype.kind in "fiu" and _is_finite(X)
        return self._is_finite

    def cache(self, function: Callable[..., Any], ignore: Sequence[str] = ()) -> Callable[..., Any]:
        """Return a function that computes nothing twice; what a Pipeline wants of its memory."""

        def once(transformer: Any, X: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
            told = {name: value for name, value in kwargs.items() if name not in ignore}
            try:
                names = [self._name(values) for values in (X, y)]
                rest = [values for values, name in zip((X, y), names, strict=True) if name is None]
                key = *names, joblib.hash((function.__name__, transformer, rest, args, told))
            except Exception:  # what cannot be compared or pickled cannot be told apart
                return function(transformer, X, y, *args, **kwargs)
            kept = self._remembered(key, function, transformer, X, y, *args, **kwargs)
            return handed_out(kept[0]), kept[1]

        return once

    def score(
        self, estimator: Any, X: Any, y: Any, scorer: Any, score_params: Any, error_score: Any
    ) -> Any:
        """Score as scikit-learn's function of that name does.

        The steps before a network get the rows once for all candidates that have those steps.
        """
        if not (self.off or self.own_test or score_params) and type(estimator) is Pipeline:
            try:
                estimator, X = self._past_steps(estimator, X)
            except Exception:  # which comes once more, where it is told
                pass
        return _score(estimator, X, y, scorer, score_params, error_score)

    def _past_steps(self, pipeline: Pipeline, X: Any) -> tuple[Any, Any]:
        """Return a pipeline's network and its inputs; the pipeline and X where that will not do."""
        *steps, (_, last) = pipeline.steps
        place, inputs, passed = self._place(X), X, []
        if place is None or not isinstance(last, BaseMLP):
            return pipeline, X
        for _, step in steps:
            if hasattr(step, "transform"):  # not "passthrough"
                passed.append(step)
                key = place, *map(id, passed)
                inputs = handed_out(self._remembered(key, _transformed, inputs, *passed))
        return last, inputs

    def _place(self, values: Any) -> Any:
        """Return of which split these are the rows or targets; None where that is not known."""
        if isinstance(values, np.ndarray) and values.flags.writeable:
            return None  # they may have been written to
        for key, split in self.splits.items():
            for i, known in enumerate(split):
                if known is values or _are_equal(known, values):
                    return key, i
        return None

    def _name(self, values: Any) -> Any:
        """Return what stands for rows or targets in a key; None where nothing can."""
        fixed = isinstance(values, np.ndarray) and not values.flags.writeable
        return self._place(values) or (id(values) if fixed else None)

    def _remembered(self, key: Any, make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what ``make`` returned when it was first called for a key.

        Arguments are kept too: while they are, no other object has their ids.
        """
        if key not in self.results:
            self.results[key] = make(*args, **kwargs), args
            if len(self.results) > _MOST_RESULTS:
                self.results.popitem(last=False)
        self.results.move_to_end(key)
        return self.results[key][0]

    def slim(self) -> None:
        """Let go of what is large."""
        for cache in (self.splits, self.results):
            if sum(map(_n_bytes, cache.values())) > _MOST_BYTES:
                cache.clear()
                self.memory.forget()

    def __deepcopy__(self, memo: Any) -> Shared:
        """Be the same to a clone."""
        return self

    def __reduce__(self) -> Any:
        """Leave no trace in a pickled pipeline."""
        return _nothing, ()


def _is_finite(X: Any) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return all(np.isfinite(row.sum(dtype=np.float64)) for row in X)


def _nothing() -> None:
    return None


def handed_out(values: Any) -> Any:
    """Return values that can be changed, if at all, without others noticing."""
    if isinstance(values, np.ndarray):
        values.flags.writeable = False
        return values
    return values.copy() if hasattr(values, "iloc") or sparse.issparse(values) else values


def _are_equal(one: Any, other: Any) -> bool:
    """Say whether two frames, sparse matrices or lists hold the same, beyond doubt."""
    if type(one) is not type(other):
        return False
    if hasattr(one, "equals"):
        return bool(one.equals(other))
    if sparse.issparse(one) and one.format == other.format in ("csr", "csc"):
        parts = [(m.data, m.indices, m.indptr) for m in (one, other)]
        alike = (one.shape, one.dtype) == (other.shape, other.dtype)
        return alike and all(map(np.array_equal, *parts))
    return isinstance(one, list) and one == other


def _transformed(X: Any, *steps: Any) -> Any:
    """Take X, which comes from the other steps, through the last."""
    return steps[-1].transform(X)


def _n_bytes(parts: Any) -> int:
    """Return about how much memory tables take, in nested tuples or alone."""
    if isinstance(parts, tuple):
        return sum(map(_n_bytes, parts))
    if sparse.issparse(parts):
        return _n_bytes(parts.data)
    if hasattr(parts, "memory_usage"):
        return int(np.sum(parts.memory_usage()))
    return int(getattr(parts, "nbytes", 0))


def in_place(parameters: dict[str, Any]) -> bool:
    """Say whether parameters tell an estimator, or a step of it, to work in place."""
    return any(
        isinstance(value, bool | np.bool_) and not value
        for name, value in parameters.items()
        if name.rpartition("__")[2] in ("copy", "copy_X")
    )


@contextmanager
def memory_of_pipelines(estimator: Any, memory: Shared) -> Iterator[None]:
    """Let the pipelines in an estimator remember fitted steps in ``memory`` for the time being."""
    pipelines = [p for p in nested(estimator) if isinstance(p, Pipeline) and p.memory is None]
    if not memory.off:
        for pipeline in pipelines:
            pipeline.memory = memory
    try:
        yield
    finally:
        if pipelines:
            _forget(estimator, memory, set())


def _forget(part: Any, memory: Shared, seen: set[int]) -> None:
    """Take the memory from all pipelines that an estimator, or its fitted parts, hold."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, Pipeline) and part.memory is memory:
        part.memory = None
    inner: Any = ()
    if isinstance(part, list | tuple):
        inner = part
    elif isinstance(part, dict):
        inner = part.values()
    elif hasattr(part, "get_params") and not isinstance(part, type | BaseMLP):
        inner = vars(part).values()
    for value in inner:
        _forget(value, memory, seen)
