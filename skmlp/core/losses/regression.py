"""Losses for numbers that may lie anywhere on the line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from .base import Array, Loss, sum_outputs
from .constants import root, weighted_mean, weighted_quantile, weighted_sum
from .rising import raw_of_rising, rising, rising_backward


@final
@dataclass(frozen=True)
class SquaredError(Loss):
    """(z - y)² / 2, summed over outputs; predicts the mean.

    Value and gradient are both sums over outputs. scikit-learn's value is a mean and its gradient
    that of a sum, which leads its line search astray when there are several outputs.

    Examples
    --------
    >>> raw, y = np.array([[[1.0, 2.0]]]), np.array([[0.0, 4.0]])
    >>> grad = np.empty_like(raw)
    >>> SquaredError().value_and_grad(raw, y, None, out=grad), grad
    (array([2.5]), array([[[ 1., -2.]]]))
    """

    target_scaling: ClassVar[Literal["standard", "none"]] = "standard"

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the mean."""
        return weighted_mean(y, w)

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = z - y."""
        np.subtract(raw, y, out=out)
        losses = sum_outputs(out * out)
        losses *= 0.5
        return losses

    def predict(self, raw: Array) -> Array:
        """Return z."""
        return raw


@final
@dataclass(frozen=True)
class AbsoluteError(Loss):
    """|z - y|, summed over outputs; predicts the median."""

    target_scaling: ClassVar[Literal["standard", "none"]] = "standard"

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the median."""
        return weighted_quantile(y, 0.5, w)[:, 0]

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = sign(z - y)."""
        np.subtract(raw, y, out=out)
        losses = sum_outputs(np.abs(out))
        np.sign(out, out=out)
        return losses

    def predict(self, raw: Array) -> Array:
        """Return z."""
        return raw


@final
@dataclass(frozen=True)
class Huber(Loss):
    """r² / 2 up to abs(r) = delta, delta (abs(r) - delta / 2) beyond; r = z - y (Huber 1964).

    Parameters
    ----------
    delta : float, default=1.0
        Error, in units of the (scaled) target, from which on the loss grows linearly.
    """

    target_scaling: ClassVar[Literal["standard", "none"]] = "standard"
    delta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a delta that is not positive."""
        if not 0 < self.delta < math.inf:
            raise ValueError(f"Huber loss: got delta={self.delta!r}, but expected delta > 0.")

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the M-estimate of location."""
        return _location(self, y, w)

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = g = clip(r, -delta, delta), and the loss is g (r - g / 2)."""
        errors = raw - y
        np.minimum(errors, self.delta, out=out)
        np.maximum(out, -self.delta, out=out)
        errors -= 0.5 * out
        errors *= out
        return sum_outputs(errors)

    def predict(self, raw: Array) -> Array:
        """Return z."""
        return raw


@final
@dataclass(frozen=True)
class LogCosh(Loss):
    """log(cosh(z - y)), summed over outputs: a Huber loss without a kink (Saleh & Saleh 2022)."""

    target_scaling: ClassVar[Literal["standard", "none"]] = "standard"

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the M-estimate of location."""
        return _location(self, y, w)

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = tanh(z - y)."""
        errors = raw - y
        np.tanh(errors, out=out)
        losses = np.logaddexp(errors, -errors)
        losses -= math.log(2)
        return sum_outputs(losses)

    def predict(self, raw: Array) -> Array:
        """Return z."""
        return raw


def _location(loss: Loss, y: Array, w: Array | None) -> Array:
    """Minimise a convex loss of z - y over constants z, (n, t) -> (t,)."""
    y = y.astype(np.float64)
    slopes = np.empty((1, *y.shape))

    def gradient(constant: Array) -> Array:
        loss.pointwise(np.broadcast_to(constant, slopes.shape), y, slopes)
        return weighted_sum(slopes[0], w)

    return root(gradient, y.min(axis=0), y.max(axis=0))


@final
@dataclass(frozen=True)
class Quantile(Loss):
    """Pinball loss of one or several quantiles that never cross (Koenker & Bassett 1978).

    The loss at level τ is max(τ (y - q), (τ - 1) (y - q)), summed over levels and targets. The
    quantiles of a target are q_0 = z_0 and q_j = q_{j-1} + log(1 + exp(z_j)), so a higher level
    never predicts less than a lower one.

    Parameters
    ----------
    levels : float or sequence of floats, default=0.5
        Levels between 0 and 1, in increasing order.

    Examples
    --------
    >>> Quantile([0.1, 0.5, 0.9]).predict(np.array([[[1.0, -100.0, 0.0]]])).round(3)
    array([[[1.   , 1.   , 1.693]]])
    >>> Quantile([0.9, 0.1])
    Traceback (most recent call last):
    ...
    ValueError: Quantile loss: got levels=[0.9, 0.1], but expected levels between 0 and 1, ...
    """

    target_scaling: ClassVar[Literal["standard", "none"]] = "standard"
    levels: float | Sequence[float] = 0.5

    def __post_init__(self) -> None:
        """Refuse levels at or beyond the ends, and levels out of order."""
        fences = np.diff(np.concatenate(([0.0], np.ravel(self.levels), [1.0])))
        if len(fences) < 2 or not (fences > 0).all():
            raise ValueError(
                f"Quantile loss: got levels={self.levels!r}, but expected levels between 0 and 1, "
                "the ends excluded, each above the one before, such as [0.1, 0.5, 0.9]."
            )

    def n_raw(self, n_targets: int) -> int:
        """Return one output for each target and level, those of a target side by side."""
        return n_targets * np.size(self.levels)

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the empirical quantiles; those that coincide start a ten-thousandth apart."""
        return raw_of_rising(weighted_quantile(y, self.levels, w), least=1e-4).ravel()

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dq = [q > y] - τ, then back through softplus and running sum."""
        levels = np.asarray(self.levels, dtype=raw.dtype).ravel()
        z = self._by_target(raw)
        errors = rising(z) - y[..., None]
        slopes = np.greater(errors, 0) - levels
        errors *= slopes
        out[...] = rising_backward(slopes, z).reshape(out.shape)
        return np.asarray(np.add.reduce(errors, axis=(-2, -1)))

    def predict(self, raw: Array) -> Array:
        """Return the quantiles, (K, n, t L), those of a target side by side."""
        return rising(self._by_target(raw)).reshape(raw.shape)

    def average(self, raw: Array) -> Array:
        """Return the raw output of the mean of each quantile, which never cross either."""
        if len(raw) == 1:
            return raw
        quantiles = rising(self._by_target(raw)).mean(axis=0, keepdims=True)
        return raw_of_rising(quantiles, least=0.0).reshape(1, *raw.shape[1:])

    def _by_target(self, raw: Array) -> Array:
        """Return raw (..., t L) with an axis for the targets, (..., t, L)."""
        return raw.reshape(*raw.shape[:-1], -1, np.size(self.levels))


@final
@dataclass(frozen=True)
class GaussianNLL(Loss):
    """Negative log-likelihood of a normal distribution, its spread predicted too.

    log σ + ((y - μ) / σ)² / 2 + log(2π) / 2, summed over targets (Nix & Weigend 1994). The raw
    outputs are all means, then all spreads s, with log σ = bound tanh(s / bound): about s itself
    near 0, and a smooth wall, gradient included, for networks that would drive σ to 0 on rows they
    have memorised.

    Parameters
    ----------
    bound : float, default=10.0
        Largest log σ of either sign, in units of the (scaled) target: 10 keeps σ between 4.5e-5
        and 2.2e4.
    """

    target_scaling: ClassVar[Literal["standard", "none"]] = "standard"
    bound: float = 10.0

    def __post_init__(self) -> None:
        """Refuse a bound that is not positive."""
        if not 0 < self.bound < math.inf:
            raise ValueError(f"GaussianNLL loss: got bound={self.bound!r}, but expected bound > 0.")

    def n_raw(self, n_targets: int) -> int:
        """Return two outputs for each target."""
        return 2 * n_targets

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the means and spreads of y, a spread no closer to the bound than nine tenths."""
        mean = weighted_mean(y, w)
        variance = weighted_mean((y - mean) ** 2, w)
        reach = 0.9 * self.bound
        log_std = 0.5 * np.log(np.clip(variance, math.exp(-2 * reach), math.exp(2 * reach)))
        return np.concatenate((mean, self.bound * np.arctanh(log_std / self.bound)))

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write (μ - y) / σ² for the means, (1 - ((μ - y) / σ)²) (1 - tanh²) for the spreads."""
        t = y.shape[-1]
        wall = np.tanh(raw[..., t:] / self.bound)
        log_std = self.bound * wall
        precision = np.exp(-log_std)  # 1 / sigma
        errors = (raw[..., :t] - y) * precision
        np.multiply(errors, precision, out=out[..., :t])
        errors *= errors
        np.multiply(1 - errors, 1 - wall * wall, out=out[..., t:])
        log_std += 0.5 * errors
        log_std += 0.5 * math.log(2 * math.pi)
        return sum_outputs(log_std)

    def average(self, raw: Array) -> Array:
        """Return the mean and the spread of the mixture of the members' distributions."""
        if len(raw) == 1:
            return raw
        mean, std = np.split(self.predict(raw), 2, axis=-1)
        centre = mean.mean(axis=0, keepdims=True)
        variance = (std * std + (mean - centre) ** 2).mean(axis=0, keepdims=True)
        wall = np.clip(0.5 / self.bound * np.log(variance), -0.999, 0.999)
        return np.concatenate((centre, self.bound * np.arctanh(wall)), axis=-1)

    def predict(self, raw: Array) -> Array:
        """Return means, then standard deviations, (K, n, 2 t)."""
        mean, spread = np.split(raw, 2, axis=-1)
        return np.concatenate((mean, np.exp(self.bound * np.tanh(spread / self.bound))), axis=-1)
