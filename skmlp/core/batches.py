"""Rows -> (X, y, w) batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from skmlp.core.buffers import Array

#: A shuffled copy of X is made once an epoch where it takes at most this many bytes.
_COPY_BYTES = 1 << 25


class Batch(NamedTuple):
    """Rows that are trained on together."""

    X: Any  # (1 or K, n, p), or a sequence of 1 or K CSR matrices or Rows
    y: Array  # (1 or K, n, t)
    w: Array | None  # (1 or K, n), mean 1 over all rows


class Batches(ABC):
    """What one epoch sees, anew at each iteration."""

    #: Number of rows and of batches in an epoch; None while unknown.
    n_rows: int | None
    n_batches: int | None

    @abstractmethod
    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one epoch."""

    def select(self, keep: Array) -> None:  # noqa: B027 - what is shared needs no selection
        """Go on with some of the networks."""


class ArrayBatches(Batches):
    """Batches of a table in memory: an array, a CSR matrix or lazily read rows.

    Each network shuffles with its own stream, so it sees the same batches alone as in a
    stack; the order of one epoch is shuffled further in the next.

    Parameters
    ----------
    X : ndarray, CSR matrix or Rows of shape (n, p)
        Inputs.
    y : ndarray of shape (n, t)
        Targets in the loss's form.
    w : ndarray of shape (n,) or None
        Weights of mean 1.
    size : int
        Rows of a batch; the last one takes what is left.
    rngs : sequence of RandomState or Generator
        One stream for each network; empty to keep the order, for all networks alike.
    order : ndarray of shape (K, r), default=None
        The numbers of the rows that each network sees, some or all, as an earlier training left
        them, to go on shuffling from there; None for all rows in their order.

    Examples
    --------
    >>> X, y = np.arange(10.0).reshape(5, 2), np.arange(5.0)[:, None]
    >>> [batch.y.ravel().tolist() for batch in ArrayBatches(X, y, None, 2, rngs=[])]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    """

    def __init__(
        self,
        X: Any,
        y: Array,
        w: Array | None,
        size: int,
        rngs: Sequence[Any],
        order: Array | None = None,
    ) -> None:
        self.X, self.y, self.w = X, y, w
        self.rngs = list(rngs)
        if order is None or len(order) != len(self.rngs):
            order = np.tile(np.arange(X.shape[0]), (len(self.rngs), 1))
        self.order = order  # (K, r)
        self.n_rows: int = order.shape[1] if self.rngs else X.shape[0]
        self.size = min(size, self.n_rows)
        self.n_batches: int = -(-self.n_rows // self.size)
        self._copies: dict[str, Array] = {}

    def select(self, keep: Array) -> None:
        """Keep the streams of some networks."""
        if self.rngs:
            self.rngs = [rng for rng, kept in zip(self.rngs, keep, strict=True) if kept]
            self.order = self.order[keep]
            self._copies.clear()

    def __iter__(self) -> Iterator[Batch]:
        """Shuffle, then cut."""
        for order, rng in zip(self.order, self.rngs, strict=True):
            order[:] = order[rng.permutation(self.n_rows)]
        slices = [slice(a, a + self.size) for a in range(0, self.n_rows, self.size)]
        if not self.rngs:
            y, w = self.y[None], None if self.w is None else self.w[None]
            X = self.X[None] if isinstance(self.X, np.ndarray) else None
            for s in slices:
                x = [self.X[s]] if X is None else X[:, s]
                yield Batch(x, y[:, s], None if w is None else w[:, s])
            return
        y = self._take("y", self.y, self.order)
        w = None if self.w is None else self._take("w", self.w, self.order)
        X = self._take("X", self.X, self.order) if self._is_small() else None
        for s in slices:
            x = self._rows(self.order[:, s]) if X is None else X[:, s]
            yield Batch(x, y[:, s], None if w is None else w[:, s])

    def _is_small(self) -> bool:
        if not isinstance(self.X, np.ndarray):
            return False
        return len(self.rngs) * self.X.nbytes <= _COPY_BYTES

    def _rows(self, index: Array) -> Any:
        """Return the rows index[k] for each network k."""
        if isinstance(self.X, np.ndarray):
            return self._take(f"batch of {index.shape[1]}", self.X, index)
        return [self.X[row] for row in index]

    def _take(self, name: str, source: Array, index: Array) -> Array:
        """Gather rows (K, n) of ``source`` into an array that is used again."""
        out = self._copies.get(name)
        if out is None:
            shape = (*index.shape, *source.shape[1:])
            out = self._copies[name] = np.empty(shape, dtype=source.dtype)
        # "clip" writes straight into out; the default mode would go through a copy
        return np.take(source, index, axis=0, out=out, mode="clip")


class ChunkBatches(Batches):
    """Batches of a stream that comes in chunks, such as a file read piece by piece.

    Rows are shuffled within their chunk.

    Parameters
    ----------
    chunks : callable
        Called at the start of each epoch; returns an iterable of (X, y, w), with X (n, p),
        y (n, t) and w (n,) or None as in :class:`ArrayBatches`.
    size : int
        Rows of a batch.
    rngs : sequence of RandomState or Generator
        One stream for each network; empty to keep the order.

    Examples
    --------
    >>> def chunks():
    ...     for start in (0, 3):
    ...         yield np.ones((3, 1)), np.arange(start, start + 3.0)[:, None], None
    >>> [batch.y.ravel().tolist() for batch in ChunkBatches(chunks, 2, rngs=[])]
    [[0.0, 1.0], [2.0], [3.0, 4.0], [5.0]]
    """

    def __init__(
        self,
        chunks: Callable[[], Iterable[tuple[Any, Array, Array | None]]],
        size: int,
        rngs: Sequence[Any],
    ) -> None:
        self.chunks, self.size, self.rngs = chunks, size, list(rngs)
        self.n_rows = self.n_batches = None

    def select(self, keep: Array) -> None:
        """Keep the streams of some networks."""
        self.rngs = [rng for rng, kept in zip(self.rngs, keep, strict=False) if kept]

    def __iter__(self) -> Iterator[Batch]:
        """Cut chunk after chunk; count rows and batches on the way."""
        n_rows = n_batches = 0
        for X, y, w in self.chunks():
            inner = ArrayBatches(X, y, w, self.size, self.rngs)
            yield from inner
            n_rows, n_batches = n_rows + inner.n_rows, n_batches + inner.n_batches
        self.n_rows, self.n_batches = n_rows, n_batches
