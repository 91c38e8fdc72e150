"""Layers made of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer


@final
@dataclass(eq=False)
class Chain(Layer):
    """One layer after another: y = f_L(... f_2(f_1(x))).

    Parameters
    ----------
    layers : sequence of Layer
        In the order in which the data pass them.
    """

    layers: Sequence[Layer]

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Hand each layer the outputs of the one before."""
        for layer in self.layers:
            n_in = layer.build(n_in, layout, stats)
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """Bind each layer."""
        for layer in self.layers:
            layer.bind(theta, grad, stats, work)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Fill each layer in turn, from the same streams."""
        for layer in self.layers:
            layer.initialize(rngs)

    def adapt(self, x: Any, rngs: Sequence[Any]) -> None:
        """Go up, and fit each layer to what comes from below."""
        for layer in self.layers:
            layer.adapt(x, rngs)
            x = layer.forward(x, train=False)

    def forward(self, x: Any, train: bool) -> Array:
        """Go up."""
        for layer in self.layers:
            x = layer.forward(x, train)
        return x  # type: ignore[no-any-return]  # an array once the first layer has seen it

    def backward(self, dy: Array) -> Array:
        """Come down."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy
