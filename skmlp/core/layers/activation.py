"""A layer that bends: an activation function applied elementwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from skmlp.core.activations import Activation
from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer


@final
@dataclass(eq=False)
class Activate(Layer):
    """y = f(x).

    Parameters
    ----------
    f : Activation
        The function and its derivative.
    """

    f: Activation

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim nothing; as many outputs as inputs."""
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """Keep the work arrays."""
        self.work = work

    def forward(self, x: Array, train: bool) -> Array:
        """Return y = f(x), over x itself where the derivative does not need x."""
        out = self.work.array(self, "f", x.shape) if self.f.uses_input else x
        self.x, self.out = x, out
        return self.f.forward(x, out)

    def backward(self, dy: Array) -> Array:
        """Return dx = f'(x) dy, in place."""
        self.f.backward(self.x, self.out, dy)
        return dy
