"""Fill one network's weight and bias views with their start values."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Inputs whose weights are drawn together.
_DRAWN = 4096


class RandomSource(Protocol):
    """What initializers ask of a generator: ``RandomState`` and ``Generator`` both have it."""

    def uniform(self, low: float, high: float, size: tuple[int, ...], /) -> Any:
        """Draw uniform numbers."""

    def normal(self, loc: float, scale: float, size: tuple[int, ...], /) -> Any:
        """Draw normal numbers."""


class Initializer(ABC):
    """Start values of a dense layer.

    Numbers are drawn in float64 and then rounded to the dtype of ``out``, so that networks of
    either precision start from the same draw.
    """

    @abstractmethod
    def weights(self, rng: RandomSource, out: Array) -> None:
        """Fill out, shape (n_in, n_out)."""

    def bias(self, rng: RandomSource, fan_in: int, out: Array) -> None:
        """Fill out, shape (n_out,), after the weights were drawn: with zeros, unless overridden."""
        out[...] = 0.0


def _fill(out: Array, draw: Callable[[tuple[int, int]], Any]) -> None:
    """Fill out (n_in, n_out) with draws, not all at once: those of wide layers are large."""
    for start in range(0, len(out), _DRAWN):
        part = out[start : start + _DRAWN]
        part[...] = draw(part.shape)


@final
@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Weights of mean 0 and variance ``scale / fan``, biases 0.

    Parameters
    ----------
    scale : float, default=1.0
        Factor of the variance; positive.
    fan : {"in", "out", "average"}, default="in"
        What the variance is divided by: inputs, outputs, or the mean of both.
    distribution : {"uniform", "normal"}, default="uniform"
        Shape of the distribution: U(±√(3 scale / fan)) or N(0, scale / fan), not truncated.

    Notes
    -----
    scale 1 and "average" is Glorot & Bengio 2010, equation 16; scale 2 and "in" is He et al. 2015,
    section 2.2; scale 1 and "in" is LeCun et al. 1998, section 4.6.

    Examples
    --------
    >>> import numpy as np
    >>> weights = np.empty((400, 200), dtype=np.float32)
    >>> INITIALIZERS["he_normal"].weights(np.random.default_rng(0), weights)
    >>> round(float(weights.var() * 400), 1)
    2.0
    """

    scale: float = 1.0
    fan: Literal["in", "out", "average"] = "in"
    distribution: Literal["uniform", "normal"] = "uniform"

    def __post_init__(self) -> None:
        """Refuse settings outside their lists."""
        if not 0 < self.scale < math.inf:
            raise ValueError(f"VarianceScaling: got scale={self.scale!r}, but expected scale > 0.")
        if self.fan not in ("in", "out", "average"):
            raise ValueError(
                f"VarianceScaling: got fan={self.fan!r}, but expected 'in', 'out' or 'average'."
            )
        if self.distribution not in ("uniform", "normal"):
            raise ValueError(
                f"VarianceScaling: got distribution={self.distribution!r}, "
                "but expected 'uniform' or 'normal'."
            )

    def weights(self, rng: RandomSource, out: Array) -> None:
        """Fill out, shape (n_in, n_out)."""
        n_in, n_out = out.shape
        fan = {"in": n_in, "out": n_out, "average": (n_in + n_out) / 2}[self.fan]
        variance = self.scale / max(fan, 1)  # a layer without inputs has nothing to fill
        if self.distribution == "uniform":
            bound = math.sqrt(3.0 * variance)
            _fill(out, lambda shape: rng.uniform(-bound, bound, shape))
        else:
            _fill(out, lambda shape: rng.normal(0.0, math.sqrt(variance), shape))


@final
@dataclass(frozen=True)
class SklearnGlorot(Initializer):
    """Weights, then biases, from U(±√(factor / (fan_in + fan_out))), as scikit-learn draws them.

    With the same generator and the same order of layers the numbers are those of scikit-learn's
    ``MLPClassifier`` and ``MLPRegressor``.

    Parameters
    ----------
    factor : float, default=6.0
        scikit-learn takes 6, and 2 for ``activation="logistic"``.
    """

    factor: float = 6.0

    def __post_init__(self) -> None:
        """Refuse a factor that is not positive."""
        if not 0 < self.factor < math.inf:
            raise ValueError(f"SklearnGlorot: got factor={self.factor!r}, but expected factor > 0.")

    def weights(self, rng: RandomSource, out: Array) -> None:
        """Fill out, shape (n_in, n_out)."""
        n_in, n_out = out.shape
        bound = self._bound(n_in, n_out)
        _fill(out, lambda shape: rng.uniform(-bound, bound, shape))

    def bias(self, rng: RandomSource, fan_in: int, out: Array) -> None:
        """Fill out, shape (n_out,), from the distribution of the weights."""
        bound = self._bound(fan_in, out.size)
        out[...] = rng.uniform(-bound, bound, (out.size,))

    def _bound(self, fan_in: int, fan_out: int) -> float:
        return math.sqrt(self.factor / (fan_in + fan_out))


@final
@dataclass(frozen=True)
class DataDriven(Initializer):
    """Weights under which every output has variance 1 on the training rows, with biases to match.

    Weights are drawn from N(0, 1 / n_in); :meth:`adapt` then divides those of each unit by the
    standard deviation of its outputs z, and sets its bias to minus a random convex combination
    of five of them, so that every unit changes its sign somewhere among the data.

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS, appendix A; the bias is that of Steinwart (2019), "A
    sober look at neural network initializations".
    """

    def weights(self, rng: RandomSource, out: Array) -> None:
        """Fill out, shape (n_in, n_out)."""
        out[...] = rng.normal(0.0, max(len(out), 1) ** -0.5, out.shape)

    @staticmethod
    def adapt(rng: RandomSource, z: Array, weights: Array, bias: Array) -> None:
        """Rescale weights (n_in, n_out) and draw bias (n_out,) by the outputs z (n, n_out)."""
        spread = z.std(axis=0)
        # a unit that hardly varies is not blown up, least of all by the rounding of a constant
        np.maximum(spread, 0.01 * spread.max(initial=0), out=spread)
        spread[spread <= 1e-6 * np.abs(z).max(initial=0)] = 1
        weights /= spread
        rows = np.asarray(rng.uniform(0, len(z), (5, z.shape[1]))).astype(np.intp)
        shares = -np.log1p(-np.asarray(rng.uniform(0, 1, rows.shape)))  # exponential
        shares /= shares.sum(axis=0)
        bias[...] = -(shares * np.take_along_axis(z, rows, axis=0)).sum(axis=0) / spread


INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": VarianceScaling(1.0, "average", "uniform"),
    "glorot_normal": VarianceScaling(1.0, "average", "normal"),
    "he_uniform": VarianceScaling(2.0, "in", "uniform"),
    "he_normal": VarianceScaling(2.0, "in", "normal"),
    "lecun_uniform": VarianceScaling(1.0, "in", "uniform"),
    "lecun_normal": VarianceScaling(1.0, "in", "normal"),
    "sklearn": SklearnGlorot(),
    "data": DataDriven(),
}
