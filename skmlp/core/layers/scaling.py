"""A layer that weighs its inputs, one factor each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer, as_array


@final
@dataclass(eq=False)
class Scaling(Layer):
    """y = x s, with one learnt factor s_j for each input j, at first 1.

    With a learning rate above the other parameters' it selects inputs: where s_j shrinks,
    column j fades.

    The input is an array (K, n, p), or (1, n, p) shared by all K networks, or a sequence of K,
    or one shared, :class:`~skmlp.core.rows.Rows`; the output is (K, n, p).

    Parameters
    ----------
    first : bool, default=False
        Whether nothing lies below: no dx is then formed.

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS, section 3.
    """

    first: bool = False

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim s; as many outputs as inputs."""
        self.slot = layout.add("s", (1, n_in), "scale")
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View s (K, 1, p) and its gradient."""
        self.work = work
        self.s = self.slot.view(theta)
        if grad is not None:
            self.ds = self.slot.view(grad)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Start as the identity."""
        self.s[...] = 1

    def forward(self, x: Any, train: bool) -> Array:
        """Return y = x s."""
        self.x = as_array(x, self.work)
        return np.multiply(self.x, self.s, out=self._y(self.x.shape[1]))

    def backward(self, dy: Array) -> Array:
        """Write ds = Σ dy x over the rows; return dx = dy s, in place."""
        n = dy.shape[1]
        product = np.multiply(dy, self.x, out=self._y(n))  # y has done its work
        np.matmul(self.work.ones(n), product, out=self.ds)
        if not self.first:
            dy *= self.s
        return dy

    def _y(self, n: int) -> Array:
        return self.work.array(self, "y", (len(self.s), n, self.s.shape[2]))
