"""Rows -> (X, y, w) batches."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from skmlp.core.buffers import Array

#: A shuffled copy of X is made once an epoch where it takes at most so many bytes, which stay in a
#: core's L2 cache; else rows are gathered for each batch.
_COPY_BYTES = 1 << 20


class Batch(NamedTuple):
    """Rows that are trained on together."""

    X: Any  # (1 or K, n, p), or a sequence of 1 or K CSR matrices or Rows
    y: Array  # (1 or K, n, t)
    w: Array | None  # (1 or K, n), mean 1 over all rows
    n_rows: Array | None = None  # (K, 1) where networks have fewer than n; then w of the rest is 0

    @property
    def n(self) -> Any:
        """Number of rows, for all networks or as a column (K, 1)."""
        return self.y.shape[1] if self.n_rows is None else self.n_rows


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
    X : ndarray, CSR matrix or Rows of shape (n, p), or list of K of these
        Inputs; a list where each network has a table of its own.
    y : ndarray of shape (n, t), or list of K of these
        Targets in the loss's form.
    w : ndarray of shape (n,) or None, or list of K of these
        Weights of mean 1.
    size : int
        Rows of a batch; the last one takes what is left.
    rngs : sequence of RandomState or Generator
        One stream for each network; empty to keep the order.
    order : sequence of K arrays of shape (r,), default=None
        The numbers of the rows that each network sees, some or all, as an earlier training left
        them, to go on shuffling from there; None for all rows in their order. Lengths may differ
        so long as all networks have as many batches: in the last one, rows without weight follow
        those of a network that has fewer.
    alike : sequence of K hashables, default=None
        Networks of one name here, and only these, have one stream and begin in one order, so they
        are shuffled alike, once for all; None if each goes its own way.

    Examples
    --------
    >>> X, y = np.arange(10.0).reshape(5, 2), np.arange(5.0)[:, None]
    >>> [batch.y.ravel().tolist() for batch in ArrayBatches(X, y, None, 2, rngs=[])]
    [[0.0, 1.0], [2.0, 3.0], [4.0]]
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        w: Any,
        size: int,
        rngs: Sequence[Any],
        order: Sequence[Array] | None = None,
        alike: Sequence[Hashable] | None = None,
    ) -> None:
        self.X, self.y, self.w = X, y, w
        self.rngs = list(rngs)
        n = (X[0] if isinstance(X, list) else X).shape[0]
        if order is None or (self.rngs and len(order) != len(self.rngs)):
            order = [np.arange(n) for _ in self.rngs]
        self.counts = np.array([len(rows) for rows in order], dtype=int)  # (K,)
        self.n_rows: int = self.counts.max() if len(order) else n
        self.size = min(size, self.n_rows)
        self.n_batches: int = -(-self.n_rows // self.size)
        self.order = np.zeros((len(order), self.n_rows), dtype=np.intp)  # (K, r), filled up
        for row, rows in zip(self.order, order, strict=True):
            row[: len(rows)], row[len(rows) :] = rows, rows[0]
        self._copies: dict[str, Array] = {}
        self._runs: dict[str, list[tuple[Array, slice]]] = {}
        self._real: dict[int, Any] = {}  # how many rows of a batch are no filling, and their weight
        self._all = self.order, self.counts
        self.streams = list(rngs)  # as they are, or were where a network left
        self.alike = list(range(len(self.rngs)) if alike is None else alike)
        self._present = np.arange(len(order))

    def select(self, keep: Array) -> None:
        """Keep the streams, and the tables, of some networks."""
        if not len(self.order):
            return
        self._all[0][self._present] = self.order
        chosen = np.flatnonzero(keep)
        self._present = self._present[keep]
        self.order, self.counts = self.order[keep], self.counts[keep]
        if self.rngs:
            left = {self.alike[k]: self.rngs[k] for k in np.flatnonzero(~keep)}
            self.alike = [self.alike[k] for k in chosen]
            twins = {name: copy.deepcopy(left[name]) for name in left.keys() & set(self.alike)}
            self.rngs = [
                twins.get(name, self.rngs[k]) for name, k in zip(self.alike, chosen, strict=True)
            ]
            for k, rng in zip(self._present, self.rngs, strict=True):
                self.streams[k] = rng
        self.X, self.y, self.w = (
            [part[k] for k in chosen] if isinstance(part, list) else part
            for part in (self.X, self.y, self.w)
        )
        for cache in self._copies, self._runs, self._real:
            cache.clear()

    def orders(self) -> list[Array]:
        """Return the numbers of the rows that each network saw, in its last order."""
        order, counts = self._all
        order[self._present] = self.order
        return [row[:n] for row, n in zip(order, counts, strict=True)]

    def __iter__(self) -> Iterator[Batch]:
        """Shuffle, then cut."""
        if not len(self.order):
            yield from self._in_order()
            return
        self._shuffle()
        y = self._take("y", self.y, self.order)
        w = None if self.w is None else self._take("w", self.w, self.order)
        X = self._take("X", self.X, self.order) if self._is_small() else None
        shortest = self.counts.min()
        for s in self._slices():
            x = self._rows(self.order[:, s]) if X is None else X[:, s]
            batch = Batch(x, y[:, s], None if w is None else w[:, s])
            yield batch if s.stop < shortest else self._uneven(batch, s.start)

    def _shuffle(self) -> None:
        """Shuffle each network's order further."""
        first: dict[Hashable, int] = {}
        for k, (name, rng) in enumerate(zip(self.alike, self.rngs, strict=True)):
            if first.setdefault(name, k) == k:
                rng.shuffle(self.order[k, : self.counts[k]])
        if len(first) < len(self.rngs):
            self.order = self.order[[first[name] for name in self.alike]]

    def _in_order(self) -> Iterator[Batch]:
        """Cut rows that are the same for all networks."""
        y, w = self.y[None], None if self.w is None else self.w[None]
        X = self.X[None] if isinstance(self.X, np.ndarray) else None
        for s in self._slices():
            x = [self.X[s]] if X is None else X[:, s]
            yield Batch(x, y[:, s], None if w is None else w[:, s])

    def _slices(self) -> list[slice]:
        return [slice(a, a + self.size) for a in range(0, self.n_rows, self.size)]

    def _uneven(self, batch: Batch, start: int) -> Batch:
        """Take the weight from rows that only fill up, so that the mean is over the others."""
        if start not in self._real:
            n = batch.y.shape[1]
            real = np.minimum(self.counts - start, n)[:, None]
            w = np.where(np.arange(n) < real, n / real, 0).astype(batch.y.dtype)
            self._real[start] = None if (real == n).all() else (real, w)
        if self._real[start] is None:
            return batch
        real, w = self._real[start]
        return batch._replace(w=w if batch.w is None else w * batch.w, n_rows=real)

    def _is_small(self) -> bool:
        X = self.X[0] if isinstance(self.X, list) else self.X
        if not isinstance(X, np.ndarray):
            return False
        return bool(self.order.size * X.shape[1] * X.itemsize <= _COPY_BYTES)

    def _rows(self, index: Array) -> Any:
        """Return the rows index[k] for each network k."""
        X = self.X if isinstance(self.X, list) else [self.X] * len(index)
        if isinstance(X[0], np.ndarray):
            return self._take(f"batch of {index.shape[1]}", self.X, index)
        return [table[row] for table, row in zip(X, index, strict=True)]

    def _take(self, name: str, source: Any, index: Array) -> Array:
        """Gather rows (K, n) of ``source`` into an array that is used again."""
        own = isinstance(source, list)
        out = self._copies.get(name)
        if out is None:
            like = source[0] if own else source
            out = np.empty((*index.shape, *like.shape[1:]), dtype=like.dtype)
            self._copies[name] = out
        # "clip" writes straight into out; the default mode would go through a copy
        if not own:
            return np.take(source, index, axis=0, out=out, mode="clip")
        if name not in self._runs:  # networks side by side that have one table
            groups = (list(run) for _, run in groupby(enumerate(source), lambda each: id(each[1])))
            self._runs[name] = [(run[0][1], slice(run[0][0], run[-1][0] + 1)) for run in groups]
        for table, rows in self._runs[name]:
            table.take(index[rows], 0, out[rows], "clip")
        return out


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
