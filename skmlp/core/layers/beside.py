"""A layer that lets its input pass beside another layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer


@final
@dataclass(eq=False)
class Beside(Layer):
    """y = [f(x) | x]: what stands above sees the input directly as well.

    Parameters
    ----------
    inner : Layer
        The function f, which must leave x as it is.
    """

    inner: Layer

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Let the inner layer claim its slots."""
        self.n_inner = self.inner.build(n_in, layout, stats)
        return self.n_inner + n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """Bind the inner layer."""
        self.work = work
        self.inner.bind(theta, grad, stats, work)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Fill the inner layer."""
        self.inner.initialize(rngs)

    def adapt(self, x: Any, rngs: Sequence[Any]) -> None:
        """Let the inner layer see some training rows."""
        self.inner.adapt(x, rngs)

    def forward(self, x: Array, train: bool) -> Array:
        """Lay f(x) and x side by side."""
        inner = self.inner.forward(x, train)
        y = self.work.array(self, "y", (*inner.shape[:2], self.n_inner + x.shape[2]))
        y[:, :, : self.n_inner] = inner
        y[:, :, self.n_inner :] = x
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx = f'(x) dy_f + dy_x."""
        d_inner = self.work.array(self, "d_inner", (*dy.shape[:2], self.n_inner))
        d_inner[...] = dy[:, :, : self.n_inner]
        dx = self.inner.backward(d_inner)
        return np.add(dx, dy[:, :, self.n_inner :], out=dx)
