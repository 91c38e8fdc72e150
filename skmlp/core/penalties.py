"""What large weights cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import BLOCK_BYTES, Array, Layout, Pieces, Workspace


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
        """Find the weights."""
        weights = layout.span("weight")  # they stand first
        self.pieces, self.stop = Pieces(weights), weights.stop
        self.work = work
        self.l2_column, self.l1_column = work.column(self.l2, 2), work.column(self.l1, 2)
        k = len(work.rows)
        if 1 < k <= BLOCK_BYTES // (layout.size * work.dtype.itemsize):
            # whole rows, with a strength for each parameter: without gaps NumPy is twice as fast
            self.pieces = Pieces()
            each = layout.vector({"weight": 1.0}, default=0.0).astype(work.dtype)
            self.l2_column, self.l1_column = self.l2_column * each, self.l1_column * each
        self.has_l2, self.has_l1 = bool(np.any(self.l2)), bool(np.any(self.l1))
        self.rows_column = None if self.rows is None else work.column(self.rows, 2)
        self.shares: dict[Any, tuple[Any, Any, Any]] = {}  # for each n seen

    def value_and_grad(self, theta: Array, grad: Array, n: Any) -> Array | float:
        """Return the (K,) penalties and add their gradient to ``grad``.

        ``n`` is the number of rows of the batch, for all networks or as a column (K, 1).
        """
        value: Array | float = 0.0
        if self.rows_column is not None:
            n = self.rows_column
        key = id(n) if isinstance(n, np.ndarray) else n
        if key not in self.shares:
            self.shares[key] = self.l2_column / n, self.l1_column / n, n
        l2_share, l1_share, _ = self.shares[key]
        for w, dw in self.pieces(theta, grad):
            scratch = self.work.array(self, "scratch", w.shape)
            if self.has_l2:
                dw += np.multiply(w, l2_share, out=scratch)
                value += np.vecdot(scratch[:, : self.stop], w[:, : self.stop]) * 0.5
            if self.has_l1:
                np.sign(w, out=scratch)
                dw += np.multiply(scratch, l1_share, out=scratch)
                value += np.vecdot(scratch[:, : self.stop], w[:, : self.stop])
        return value
