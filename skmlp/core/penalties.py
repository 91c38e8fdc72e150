"""What large weights cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace, block_width, blocks


@final
@dataclass(eq=False)
class Penalty:
    """(l2 / 2 Σ W² + l1 Σ |W|) / n over the weights, not the biases.

    The division by n, the number of rows that the loss is a mean over, is scikit-learn's:
    alpha weighs against the *sum* of the rows' losses.

    Parameters
    ----------
    l2, l1 : float or sequence of K floats, default=0
        Strengths; scikit-learn's alpha is l2.
    rows : float or sequence of K floats, default=None
        The n above; None for that of each batch, which is scikit-learn's way.
    """

    l2: Any = 0.0
    l1: Any = 0.0
    rows: Any = None
    per_network: ClassVar[tuple[str, ...]] = ("l2", "l1", "rows")

    def bind(self, layout: Layout, work: Workspace) -> None:
        """Find the weights, which stand first."""
        self.work, self.stop = work, layout.span("weight").stop
        self.l2_column, self.l1_column = work.column(self.l2, 2), work.column(self.l1, 2)
        k = len(work.rows)
        self.is_even = k > 1 and layout.size <= block_width(k, work.dtype.itemsize)
        if self.is_even:
            # whole rows, with a strength for each parameter: without gaps NumPy is twice as fast
            each = layout.vector({"weight": 1.0}, default=0.0).astype(work.dtype)
            self.l2_column, self.l1_column = self.l2_column * each, self.l1_column * each
        self.has_l2, self.has_l1 = bool(np.any(self.l2)), bool(np.any(self.l1))
        self.rows_column = None if self.rows is None else work.column(self.rows, 2)
        self.shares: dict[Any, tuple[Any, Any, Any]] = {}  # for each n seen

    def begin(self, n: Any) -> None:
        """Prepare a step on ``n`` rows, a number for all networks or a column (K, 1)."""
        self.values: dict[int, Any] = {}  # (K,), of each block that was visited
        if self.rows_column is not None:
            n = self.rows_column
        key = id(n) if isinstance(n, np.ndarray) else n
        if key not in self.shares:
            self.shares[key] = self.l2_column / n, self.l1_column / n, n
        self.l2_share, self.l1_share, _ = self.shares[key]

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Add the gradient of some columns to ``grad``, and note what they cost."""
        n_weights = max(0, self.stop - block.start)
        w, dw = (theta, grad) if self.is_even else (theta[:, :n_weights], grad[:, :n_weights])
        scratch, parts = self.work.scratch(w.shape), []
        if self.has_l2:
            dw += np.multiply(w, self.l2_share, out=scratch)
            half = np.vecdot(scratch[:, :n_weights], w[:, :n_weights])
            half *= 0.5
            parts.append(half)
        if self.has_l1:
            np.sign(w, out=scratch)
            dw += np.multiply(scratch, self.l1_share, out=scratch)
            parts.append(np.vecdot(scratch[:, :n_weights], w[:, :n_weights]))
        self.values[block.start] = _total(parts)

    @property
    def value(self) -> Array | float:
        """The penalties (K,) of all that was visited, in whichever order."""
        value: Array | float = _total([self.values[start] for start in sorted(self.values)])
        return value

    def add(self, theta: Array, grad: Array) -> None:
        """Add the gradient to the whole of ``grad`` (K, P)."""
        for block in blocks(theta):
            self.visit(block, theta[:, block], grad[:, block])

    def value_and_grad(self, theta: Array, grad: Array, n: Any) -> Array | float:
        """Return the (K,) penalties and add their gradient to ``grad``, for ``n`` rows."""
        self.begin(n)
        self.add(theta, grad)
        return self.value


def _total(terms: Sequence[Any]) -> Any:
    """Return the sum of arrays; ``sum`` would begin with 0, which takes an addition more."""
    return reduce(add, terms) if terms else 0.0
