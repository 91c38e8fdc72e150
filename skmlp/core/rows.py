"""Rows of a table too large to copy, read and standardised a block of columns at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skmlp.core.buffers import Array

#: Bytes of one block.
_BLOCK_BYTES = 1 << 19


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows ``index`` of ``(table - shift) * scale``, never formed as a whole.

    Parameters
    ----------
    table : ndarray of shape (N, p)
        In memory or mapped from a file, of any real dtype and memory order.
    index : ndarray of shape (n,) or slice
        The rows, in order.
    shift, scale : ndarray of shape (p,), default=None
        Standardisation of each column; None for none.
    clip : float, default=None
        Bound that values approach smoothly after standardisation, x / √(1 + (x / clip)²);
        None for none.
    n_plain : int, default=0
        Number of last columns that are not clipped.
    fill : bool, default=False
        Whether to look for missing values, which become 0: what they were centred on.
    rate : float, default=0.0
        Probability with which each value is hidden: it becomes 0, and the others are divided by
        1 - rate.
    seed : int, default=0
        Which are hidden: the same ones whenever the rows are read by blocks of the same width.

    Examples
    --------
    >>> rows = Rows(np.arange(6).reshape(3, 2), np.array([2, 0]), shift=np.array([1.0, 1.0]))
    >>> [block for _, block in rows.blocks(np.float64)]
    [array([[ 3.,  4.],
           [-1.,  0.]])]
    """

    table: Array
    index: Any
    shift: Array | None = None
    scale: Array | None = None
    clip: float | None = None
    n_plain: int = 0
    fill: bool = False
    rate: float = 0.0
    seed: int = 0

    @property
    def dtype(self) -> Any:
        """That of the table."""
        return self.table.dtype

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        if isinstance(self.index, slice):
            return len(range(*self.index.indices(len(self.table)))), self.table.shape[1]
        return len(self.index), self.table.shape[1]

    def __getitem__(self, index: Any) -> Rows:
        """Choose among the rows."""
        if isinstance(self.index, slice):
            chosen = np.arange(len(self.table))[self.index][index]
        else:
            chosen = self.index[index]
        return replace(self, index=chosen)

    def blocks(self, dtype: Any, width: int | None = None) -> Iterator[tuple[slice, Array]]:
        """Yield (columns, values (n, width)) from left to right, in ``dtype``."""
        n, p = self.shape
        width = width or max(1, _BLOCK_BYTES // (n * np.dtype(dtype).itemsize))
        for start in range(0, p, width):
            columns = slice(start, min(start + width, p))
            block = self._standardized(columns, dtype)
            if self.rate:
                rng = np.random.Generator(np.random.SFC64([self.seed, start]))
                kept = rng.random(block.shape, dtype=np.float32) >= self.rate
                block = block * (kept * block.dtype.type(1 / (1 - self.rate)))
            yield columns, block

    def _standardized(self, columns: slice, dtype: Any) -> Array:
        """Return some columns; perhaps the table's own memory, so read only."""
        chosen = self.table[self.index, columns]
        if self.shift is None and self.scale is None:
            return np.asarray(chosen, dtype=dtype)
        # the difference is rounded to dtype, not its terms, which may be far from zero
        shift = 0 if self.shift is None else self.shift[columns]
        ours = chosen.dtype == dtype and not isinstance(self.index, slice)
        block = chosen if ours else np.empty(chosen.shape, dtype=dtype)
        np.subtract(chosen, shift, out=block, casting="same_kind")
        if self.scale is not None:
            block *= self.scale[columns]
        if self.fill:
            np.copyto(block, 0, where=np.isnan(block))
        if self.clip is not None:
            inner = block[:, : max(0, self.shape[1] - self.n_plain - columns.start)]
            inner /= np.hypot(1, inner / self.clip)  # no overflow, however large
        return block

    def whole(self, dtype: Any) -> Array:
        """Return all values (n, p) in one array; the table itself where that will do."""
        untouched = self.shift is None and self.scale is None and isinstance(self.index, slice)
        if untouched and self.table.dtype == dtype:
            all_rows = self.index == slice(None)
            return np.ascontiguousarray(self.table if all_rows else self.table[self.index])
        out = np.empty(self.shape, dtype=dtype)
        for columns, block in self.blocks(dtype):
            out[:, columns] = block
        return out
