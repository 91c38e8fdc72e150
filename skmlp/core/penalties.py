"""What large weights cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Pieces, Workspace


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
    """

    l2: Any = 0.0
    l1: Any = 0.0

    def bind(self, layout: Layout, work: Workspace) -> None:
        """Find the weights."""
        self.pieces = Pieces(layout.span("weight"))
        self.work = work
        self.l2_column, self.l1_column = work.column(self.l2, 2), work.column(self.l1, 2)
        self.has_l2, self.has_l1 = bool(np.any(self.l2)), bool(np.any(self.l1))
        self.n = 0.0

    def value_and_grad(self, theta: Array, grad: Array, n: float) -> Array | float:
        """Return the (K,) penalties and add their gradient to ``grad``."""
        value: Array | float = 0.0
        if n != self.n:
            self.n, self.l2_share, self.l1_share = n, self.l2_column / n, self.l1_column / n
        for w, dw in self.pieces(theta, grad):
            scratch = self.work.array(self, "scratch", w.shape)
            if self.has_l2:
                dw += np.multiply(w, self.l2_share, out=scratch)
                value += np.vecdot(scratch, w) * 0.5
            if self.has_l1:
                np.sign(w, out=scratch)
                dw += np.multiply(scratch, self.l1_share, out=scratch)
                value += np.vecdot(scratch, w)
        return value
