"""A layer that bends as far as it has learnt to: an activation function with a strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.activations import Activation
from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer


@final
@dataclass(eq=False)
class ParametricActivate(Layer):
    """y = x + α (f(x) - x), with one learnt strength α_j for each unit j, at first 1.

    α = 0 is a straight line, α = 1 is f; beyond, the bend grows. PReLU is the case of f = ReLU.

    Parameters
    ----------
    f : Activation
        The function and its derivative.

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS, section 3.
    """

    f: Activation

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim α; as many outputs as inputs."""
        self.slot = layout.add("alpha", (1, n_in), "activation")
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View α (K, 1, h) and its gradient."""
        self.work = work
        self.alpha = self.slot.view(theta)
        if grad is not None:
            self.dalpha = self.slot.view(grad)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Start as f."""
        self.alpha[...] = 1

    def forward(self, x: Array, train: bool) -> Array:
        """Return y = f + (α - 1) (f - x): what f leaves in x and out stays for the way down."""
        self.gap = self.work.array(self, "gap", x.shape)
        np.copyto(self.gap, x)  # f may write over x
        out = self.work.array(self, "f", x.shape) if self.f.uses_input else x
        self.x, self.out = x, out
        f = self.f.forward(x, out)
        np.subtract(f, self.gap, out=self.gap)
        y = self._y(x.shape)
        np.multiply(self.gap, self.alpha - 1, out=y)
        y += f
        return y

    def backward(self, dy: Array) -> Array:
        """Write dα = Σ dy (f - x) over the rows; return dx = α f'(x) dy + (1 - α) dy, in place."""
        bent = np.multiply(dy, self.alpha, out=self._y(dy.shape))  # y has done its work
        self.f.backward(self.x, self.out, bent)
        self.gap *= dy
        np.matmul(self.work.ones(dy.shape[1]), self.gap, out=self.dalpha)
        dy *= 1 - self.alpha
        dy += bent
        return dy

    def _y(self, shape: tuple[int, ...]) -> Array:
        return self.work.array(self, "y", shape)
