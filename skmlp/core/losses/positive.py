"""Losses for counts and amounts, which cannot be negative: deviances with a logarithmic link."""

from __future__ import annotations

import functools
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from scipy.special import xlogy

from .base import Array, Loss, require, sum_outputs
from .constants import weighted_mean


@functools.cache
def _largest(dtype: np.dtype[Any]) -> float:
    """Return a logarithm whose exponential leaves room to be squared: 39.9 in float32."""
    return 0.45 * float(np.log(np.finfo(dtype).max))


class LogLinkLoss(Loss):
    """Half the deviance of a distribution with mean μ = exp(z), summed over outputs.

    For every such distribution the best constant is the mean. Raw outputs so large that exp would
    overflow, as in a diverging run, are held at the largest one that does not.
    """

    target_scaling: ClassVar[Literal["standard", "none"]] = "none"

    @abstractmethod
    def check(self, y: Array) -> None:
        """Raise ValueError if y, shape (n, t), is outside the domain."""

    @final
    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the log of the mean, a mean of 0 taken as a millionth."""
        mean = weighted_mean(y, w)
        return np.log(np.where(mean > 0, mean, 1e-6))

    @final
    def predict(self, raw: Array) -> Array:
        """Return exp(z)."""
        return np.exp(_bounded(raw))

    @final
    def average(self, raw: Array) -> Array:
        """Return the logarithm of the mean of exp(z)."""
        if len(raw) == 1:
            return raw
        return np.asarray(np.log(self.predict(raw).mean(axis=0, keepdims=True)))

    @final
    def _require_not_negative(self, y: Array) -> None:
        require(
            (y >= 0) & (y < np.inf),
            y,
            self,
            "0 <= y < infinity",
            "Remove or correct such rows, or take loss='squared_error'.",
        )


def _bounded(raw: Array) -> Array:
    largest = _largest(raw.dtype)
    bounded = np.minimum(raw, largest)
    return np.maximum(bounded, -largest, out=bounded)


@final
@dataclass(frozen=True)
class Poisson(LogLinkLoss):
    """y log(y / μ) - y + μ, for counts and rates y >= 0.

    Half of scikit-learn's ``mean_poisson_deviance``.

    Examples
    --------
    >>> Poisson().check(np.array([[2.0], [-1.0]]))
    Traceback (most recent call last):
    ...
    ValueError: Poisson loss: got y=-1.0 in row 1, column 0, but expected 0 <= y < infinity. ...
    """

    def check(self, y: Array) -> None:
        """Expect y >= 0, and not 0 everywhere."""
        self._require_not_negative(y)

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = μ - y."""
        z = _bounded(raw)
        np.exp(z, out=out)
        z += 1
        z *= y
        losses = sum_outputs(out - z + xlogy(y, y))
        out -= y
        return losses


@final
@dataclass(frozen=True)
class Gamma(LogLinkLoss):
    """y / μ - log(y / μ) - 1, for amounts y > 0.

    Half of scikit-learn's ``mean_gamma_deviance``.
    """

    def check(self, y: Array) -> None:
        """Expect y > 0."""
        require(
            (y > 0) & (y < np.inf),
            y,
            self,
            "0 < y < infinity",
            "For amounts with zeros take loss='tweedie' or 'poisson'.",
        )

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = 1 - y / μ."""
        z = _bounded(raw)
        np.exp(-z, out=out)
        out *= y
        z += out
        z -= np.log(y)
        z -= 1
        np.subtract(1, out, out=out)
        return sum_outputs(z)


@final
@dataclass(frozen=True)
class Tweedie(LogLinkLoss):
    """Half the Tweedie deviance, for amounts y >= 0 of which some are exactly 0.

    y^(2-p) / ((1-p)(2-p)) - y μ^(1-p) / (1-p) + μ^(2-p) / (2-p), summed over outputs
    (Jørgensen 1987). Half of scikit-learn's ``mean_tweedie_deviance``.

    Parameters
    ----------
    power : float, default=1.5
        The variance grows as μ^power; between 1 (Poisson) and 2 (Gamma).
    """

    power: float = 1.5

    def __post_init__(self) -> None:
        """Refuse the powers that are other losses, or none."""
        if not 1 < self.power < 2:
            raise ValueError(
                f"Tweedie loss: got power={self.power!r}, but expected 1 < power < 2. "
                "Power 0 is SquaredError, 1 is Poisson, 2 is Gamma."
            )

    def check(self, y: Array) -> None:
        """Expect y >= 0, and not 0 everywhere."""
        self._require_not_negative(y)

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = μ^(2-p) - y μ^(1-p)."""
        a, b = 1 - self.power, 2 - self.power
        z = _bounded(raw)
        np.exp(b * z, out=out)
        z *= a
        np.exp(z, out=z)
        z *= y
        losses = sum_outputs(out / b - z / a + y**b / (a * b))
        out -= z
        return losses
