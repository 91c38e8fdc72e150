"""A layer that looks the last few tokens up together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer
from skmlp.core.scatter import add_rows

#: 2^64 / golden ratio: its multiples spread evenly over the 64-bit integers.
_MIX = np.uint64(0x9E3779B97F4A7C15)


@final
@dataclass(eq=False)
class HashedNgrams(Layer):
    """y = √d [H₂[h(c₋₂, c₋₁)] | H₃[h(c₋₃, c₋₂, c₋₁)] | ...]: a table for each length of n-gram.

    There are more n-grams than rows, so a hash h tells each its row, and some share one. Rows
    start at 0, which is also what is read of an n-gram that was never seen, if its row is free,
    or that is dropped. Dropping some in training, as a whole, keeps the network from relying on
    the longest.

    Parameters
    ----------
    sizes : sequence of int
        Lengths of the n-grams, all of which end with the last token.
    n_rows : int
        Rows of each table.
    dim : int
        Number d of outputs for each n-gram.
    dropout : float, default=0.0
        Probability with which each n-gram is dropped.

    References
    ----------
    Mikolov, Deoras, Povey, Burget & Černocký (2011), "Strategies for training large scale neural
    network language models", ASRU, section 3.2, for hashed n-grams beside a network; Pagnoni et
    al. (2024), "Byte latent transformer: patches scale better than tokens", section 3.2.1, for
    their embeddings as inputs.

    Examples
    --------
    >>> from skmlp.core.network import Network
    >>> network = Network([HashedNgrams((2, 3), n_rows=100, dim=4)], n_in=5)
    >>> network.forward(np.array([[[7, 7, 1, 2, 3]]])).shape
    (1, 1, 8)
    """

    sizes: Sequence[int]
    n_rows: int
    dim: int
    dropout: float = 0.0

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim the tables, one below the other."""
        check_sizes("sizes", self.sizes, n_in)
        rows = len(self.sizes) * self.n_rows
        self.slot = layout.add("H", (rows, self.dim), "embedding")
        return len(self.sizes) * self.dim

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View the tables H (K, rows, d) and their gradient."""
        self.work = work
        self.h = self.slot.view(theta)
        if grad is not None:
            self.dh = self.slot.view(grad)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Start at 0."""
        self.h[...] = 0

    def forward(self, x: Array, train: bool) -> Array:
        """Look up the rows of the n-grams that end codes x, (K or 1, n, c) -> (K, n, s d)."""
        self.rows = self._rows_of(x)
        k, (n, s) = len(self.h), self.rows.shape[1:]
        y = self.work.array(self, "y", (k, n, s, self.dim))
        for table, rows, out in zip(self.h, self._each(self.rows), y, strict=True):
            np.take(table, rows, axis=0, out=out, mode="clip")
        self.factor: Any = y.dtype.type(math.sqrt(self.dim))
        if train and self.dropout:
            self.factor = self.factor * self._drop((k, n, s, 1))
        y *= self.factor
        return y.reshape(k, n, -1)

    def backward(self, dy: Array) -> Array:
        """Write dH; return dy, since there is nothing below."""
        rows = dy.reshape(*dy.shape[:2], -1, self.dim) * self.factor
        self.dh[...] = 0
        for table, where, each in zip(self.dh, self._each(self.rows), rows, strict=True):
            add_rows(table, where.ravel(), each.reshape(-1, self.dim))
        return dy

    def _rows_of(self, x: Array) -> Array:
        """Return where each n-gram stands, (K or 1, n, s)."""
        x = x.astype(np.uint64)
        found = np.empty((*x.shape[:2], len(self.sizes)), dtype=np.intp)
        for i, size in enumerate(self.sizes):
            hashed = np.full(x.shape[:2], size, dtype=np.uint64)
            for j in range(size, 0, -1):
                hashed = (hashed + x[:, :, -j]) * _MIX
                hashed ^= hashed >> np.uint64(32)
            place = (hashed & np.uint64(0xFFFFFFFF)) * np.uint64(self.n_rows) >> np.uint64(32)
            found[:, :, i] = place + np.uint64(i * self.n_rows)
        return found

    def _each(self, rows: Array) -> Array:
        """Repeat for every network what all share."""
        return np.broadcast_to(rows, (len(self.h), *rows.shape[1:]))

    def _drop(self, shape: tuple[int, ...]) -> Array:
        """Draw which n-grams are read, and how much more they then say."""
        kept = self.work.array(self, "kept", shape)
        for one, rng in zip(kept, self.work.rngs, strict=True):
            one[...] = rng.random(shape[1:], dtype=np.float32) >= self.dropout
        kept /= 1 - self.dropout
        return kept


def check_sizes(name: str, sizes: Any, longest: int) -> tuple[int, ...]:
    """Return the lengths of n-grams in a context of ``longest`` tokens, or refuse them."""
    if not all(size in range(1, longest + 1) for size in sizes):
        raise ValueError(
            f"{name}={sizes!r}: expected whole numbers from 1 to {longest}, the length of the "
            "context; look further back, or leave out the longest"
        )
    return tuple(int(size) for size in sizes)
