"""Layers that bring their input to mean 0 and variance 1, then scale and shift it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer


class _Affine:
    """The learnt scale and shift y = gain x̂ + bias that both norms end with."""

    def build(self, n: int, layout: Layout) -> None:
        self.slot_gain = layout.add("gain", (1, n), "scale")
        self.slot_bias = layout.add("bias", (1, n), "bias")

    def bind(self, theta: Array, grad: Array | None, work: Workspace) -> None:
        self.work = work
        self.gain, self.bias = self.slot_gain.view(theta), self.slot_bias.view(theta)
        if grad is not None:
            self.dgain, self.dbias = self.slot_gain.view(grad), self.slot_bias.view(grad)

    def initialize(self) -> None:
        self.gain[...] = 1
        self.bias[...] = 0

    def forward(self, unit: Array) -> Array:
        self.unit = unit  # (K, n, h), mean 0 and variance 1
        y = np.multiply(unit, self.gain, out=self.work.array(self, "y", unit.shape))
        y += self.bias
        return y

    def backward(self, dy: Array) -> Array:
        ones = self.work.ones(dy.shape[1])
        np.matmul(ones, dy, out=self.dbias)
        product = np.multiply(dy, self.unit, out=self.work.array(self, "y", dy.shape))
        np.matmul(ones, product, out=self.dgain)
        dy *= self.gain
        return dy


def _backward(dunit: Array, unit: Array, inverse: Array, axis: int, scratch: Array) -> Array:
    """Return dx = (d - mean(d) - x̂ mean(d x̂)) / sd, the means taken over ``axis``."""
    np.multiply(dunit, unit, out=scratch)
    along = scratch.mean(axis=axis, keepdims=True)
    dunit -= dunit.mean(axis=axis, keepdims=True)
    np.multiply(unit, along, out=scratch)
    dunit -= scratch
    dunit *= inverse
    return dunit


@final
@dataclass(eq=False)
class BatchNorm(Layer):
    """y = gain (x - mean) / sd + bias, with the batch's mean and sd of each unit in training.

    Predictions use running means of both, so they do not depend on their companions.
    A batch of one row, which has no spread, is normalised as in a prediction.

    Parameters
    ----------
    momentum : float, default=0.9
        Share of the running statistics that each batch keeps.
    epsilon : float, default=1e-5
        Added to the variance.

    References
    ----------
    Ioffe & Szegedy (2015), "Batch normalization", ICML, algorithms 1 and 2.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim gain and bias, running mean and variance."""
        self.affine = _Affine()
        self.affine.build(n_in, layout)
        self.slot_mean = stats.add("mean", (1, n_in), "mean")
        self.slot_var = stats.add("var", (1, n_in), "var")
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View parameters and running statistics."""
        self.work = work
        self.affine.bind(theta, grad, work)
        self.mean, self.var = self.slot_mean.view(stats), self.slot_var.view(stats)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Start as the identity of a standardised input."""
        self.affine.initialize()
        self.mean[...] = 0
        self.var[...] = 1

    def forward(self, x: Array, train: bool) -> Array:
        """Standardise each unit over the rows."""
        n = x.shape[1]
        self.from_batch = train and n > 1
        unit = self.work.array(self, "unit", x.shape)
        if self.from_batch:
            mean, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
            self.mean += (1 - self.momentum) * (mean - self.mean)
            self.var += (1 - self.momentum) * (var * (n / (n - 1)) - self.var)
        else:
            mean, var = self.mean, self.var
        self.inverse = 1 / np.sqrt(var + self.epsilon)
        np.subtract(x, mean, out=unit)
        unit *= self.inverse
        return self.affine.forward(unit)

    def backward(self, dy: Array) -> Array:
        """Through the affine map, then through mean and sd where they came from the batch."""
        unit = self.affine.unit
        dunit = self.affine.backward(dy)
        if not self.from_batch:
            dunit *= self.inverse
            return dunit
        scratch = self.work.array(self, "scratch", dy.shape)
        return _backward(dunit, unit, self.inverse, 1, scratch)


@final
@dataclass(eq=False)
class LayerNorm(Layer):
    """y = gain (x - mean) / sd + bias, with mean and sd over the units of each row.

    Parameters
    ----------
    epsilon : float, default=1e-5
        Added to the variance.

    References
    ----------
    Ba, Kiros & Hinton (2016), "Layer normalization", arXiv:1607.06450, section 3.
    """

    epsilon: float = 1e-5

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim gain and bias."""
        self.affine = _Affine()
        self.affine.build(n_in, layout)
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View the parameters."""
        self.work = work
        self.affine.bind(theta, grad, work)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Start without scale or shift."""
        self.affine.initialize()

    def forward(self, x: Array, train: bool) -> Array:
        """Standardise each row over its units."""
        unit = self.work.array(self, "unit", x.shape)
        np.subtract(x, x.mean(axis=2, keepdims=True), out=unit)
        self.inverse = 1 / np.sqrt(unit.var(axis=2, keepdims=True) + self.epsilon)
        unit *= self.inverse
        return self.affine.forward(unit)

    def backward(self, dy: Array) -> Array:
        """Through the affine map, then through mean and sd of each row."""
        unit = self.affine.unit
        dunit = self.affine.backward(dy)
        scratch = self.work.array(self, "scratch", dy.shape)
        return _backward(dunit, unit, self.inverse, 2, scratch)
