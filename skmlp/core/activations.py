"""Apply an elementwise nonlinearity, forward and backward, into the caller's arrays."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, final

import numpy as np
from scipy.special import expit, ndtr

from skmlp.core.buffers import BLOCK_BYTES, Array

#: An array, since a plain 0 would be converted anew at every call.
_ZERO = np.zeros((), dtype=np.float32)


@cache
def _filled(number: float, dtype: Any) -> Array:
    """Return as many equal numbers as a stretch has.

    NumPy takes the minimum of two arrays three times as fast as that of an array and a number.
    """
    return np.full(BLOCK_BYTES // np.dtype(dtype).itemsize, number, dtype)


def _stretches(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Cut arrays of one shape into flat views that stay in the cache from one step to the next."""
    if arrays[0].ndim != 1:
        if not all(a.flags.c_contiguous for a in arrays):
            for parts in zip(*arrays, strict=True):
                yield from _stretches(*parts)
            return
        arrays = tuple(a.reshape(-1) for a in arrays)
    width = BLOCK_BYTES // arrays[0].itemsize
    for start in range(0, len(arrays[0]), width):
        yield tuple(a[start : start + width] for a in arrays)


class Activation(ABC):
    """An elementwise function ``y = f(x)`` of a layer's output.

    A subclass writes ``f`` and its derivative; everything else belongs to the layer. Arrays may
    have any shape, and their dtype is kept.

    Attributes
    ----------
    uses_input : bool
        True (the safe answer, and the default): ``backward`` needs x, so y lives in an array of
        its own. False: ``f'`` is a function of y alone, so ``out`` may be x itself, which spares
        a buffer.

    Examples
    --------
    >>> import numpy as np
    >>> class Square(Activation):
    ...     def forward(self, x, out):
    ...         return np.multiply(x, x, out=out)
    ...     def backward(self, x, y, dy):
    ...         dy *= 2 * x
    >>> x, y, dy = np.array([1.0, -3.0]), np.empty(2), np.ones(2)
    >>> square = get_activation(Square())
    >>> y = square.forward(x, out=y)
    >>> square.backward(x, y, dy)
    >>> y, dy
    (array([1., 9.]), array([ 2., -6.]))
    """

    uses_input: ClassVar[bool] = True

    @abstractmethod
    def forward(self, x: Array, out: Array) -> Array:
        """Write f(x) into out and return it.

        An activation may return x instead, with f(x) over it, and leave in out what its
        ``backward`` needs: each is handed back as it was left.
        """

    @abstractmethod
    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f'(x) in place; x and y are free to be overwritten.

        Where ``uses_input`` is False, x is y.
        """


@final
@dataclass(frozen=True)
class Identity(Activation):
    """f(x) = x."""

    uses_input: ClassVar[bool] = False

    def forward(self, x: Array, out: Array) -> Array:
        """Copy x into out, unless it is out."""
        if out is not x:
            np.copyto(out, x)
        return out

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Leave dy as it is: f' = 1."""


@final
@dataclass(frozen=True)
class Logistic(Activation):
    """f(x) = 1 / (1 + exp(-x))."""

    uses_input: ClassVar[bool] = False

    def forward(self, x: Array, out: Array) -> Array:
        """Write the logistic function of x into out."""
        expit(x, out=out)
        return out

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f' = y (1 - y)."""
        dy *= y
        np.subtract(1, y, out=y)
        dy *= y


@final
@dataclass(frozen=True)
class Tanh(Activation):
    """f(x) = tanh(x)."""

    uses_input: ClassVar[bool] = False

    def forward(self, x: Array, out: Array) -> Array:
        """Write tanh(x) into out."""
        np.tanh(x, out=out)
        return out

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f' = 1 - y²."""
        y *= y
        np.subtract(1, y, out=y)
        dy *= y


@final
@dataclass(frozen=True)
class ReLU(Activation):
    """f(x) = max(x, 0), with f'(0) = 0 (Nair & Hinton 2010).

    The mask [x > 0] is made once for both ways: two products with it take half the time of
    ``np.maximum`` and a comparison.

    Examples
    --------
    >>> import numpy as np
    >>> x, mask, dy = np.array([-2.0, 0.0, 3.0]), np.empty(3), np.full(3, 0.5)
    >>> ReLU().forward(x, out=mask) + 0.0
    array([0., 0., 3.])
    >>> ReLU().backward(x, mask, dy)
    >>> dy
    array([0. , 0. , 0.5])
    """

    def forward(self, x: Array, out: Array) -> Array:
        """Return x, negatives replaced by 0, and leave the mask in out."""
        np.greater(x, _ZERO, out=out)
        x *= out
        return x

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f' = [x > 0], which is the mask in y."""
        dy *= y


@final
@dataclass(frozen=True)
class LeakyReLU(Activation):
    """f(x) = max(x, slope x) (Maas, Hannun & Ng 2013).

    Parameters
    ----------
    slope : float, default=0.01
        Slope left of 0, between 0 and 1.
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        """Refuse slopes for which the formula is no longer a leaky ReLU."""
        if not 0 <= self.slope <= 1:
            raise ValueError(f"LeakyReLU: got slope={self.slope!r}, but expected 0 <= slope <= 1.")

    def forward(self, x: Array, out: Array) -> Array:
        """Write max(x, slope x) into out."""
        np.multiply(x, self.slope, out=out)
        np.maximum(x, out, out=out)
        return out

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f' = slope + (1 - slope) [x > 0]."""
        np.greater(x, 0, out=x)
        x *= 1 - self.slope
        x += self.slope
        dy *= x


@final
@dataclass(frozen=True)
class ELU(Activation):
    """f(x) = x for x > 0, alpha (exp(x) - 1) elsewhere (Clevert, Unterthiner & Hochreiter 2016).

    Parameters
    ----------
    alpha : float, default=1.0
        Minus the limit at minus infinity; positive.
    """

    uses_input: ClassVar[bool] = False
    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Refuse an alpha for which the sign of y would no longer be that of x."""
        if not 0 < self.alpha < np.inf:
            raise ValueError(f"ELU: got alpha={self.alpha!r}, but expected a positive number.")

    def forward(self, x: Array, out: Array) -> Array:
        """Write max(x, 0) + alpha (exp(min(x, 0)) - 1) into out."""
        left = np.minimum(x, 0)
        np.expm1(left, out=left)
        left *= self.alpha
        np.maximum(x, 0, out=out)
        out += left
        return out

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f' = 1 for y > 0, y + alpha elsewhere."""
        positive = np.greater(y, 0, out=np.empty_like(y))
        positive *= 1 - self.alpha
        np.minimum(y, 0, out=y)
        y += self.alpha
        y += positive
        dy *= y


@final
@dataclass(frozen=True)
class SELU(Activation):
    """f(x) = 1.0507 ELU(x; alpha = 1.6733), which keeps mean 0 and variance 1 from layer to layer.

    Klambauer, Unterthiner, Mayr & Hochreiter 2017, section 2. Meant for ``lecun_normal`` weights.

    With e = exp(min(x, 0)) both f and f' = scale alpha e + scale (1 - alpha) [x >= 0] are at hand,
    and the step is the integer part of e, since e reaches 1 only there.
    """

    _right: ClassVar[float] = 1.0507009873554805
    _left: ClassVar[float] = 1.0507009873554805 * 1.6732632423543772

    def forward(self, x: Array, out: Array) -> Array:
        """Return x with f(x) over it, and leave f' in out."""
        zeros = _filled(0.0, x.dtype)
        scratch = np.empty_like(zeros[: x.size])
        for x_, slope in _stretches(x, out):
            e, zero = scratch[: len(x_)], zeros[: len(x_)]
            np.minimum(x_, zero, out=e)
            np.exp(e, out=e)
            np.floor(e, out=slope)
            slope *= self._right - self._left
            e *= self._left
            slope += e
            e -= self._left
            np.maximum(x_, zero, out=x_)
            x_ *= self._right
            x_ += e
        return x

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f', which is in y."""
        dy *= y


@final
@dataclass(frozen=True)
class GELU(Activation):
    """f(x) = x Φ(x), Φ the standard normal distribution function (Hendrycks & Gimpel 2016).

    The exact form, PyTorch's default, not the approximation by tanh.
    """

    def forward(self, x: Array, out: Array) -> Array:
        """Write x Φ(x) into out."""
        ndtr(x, out=out)
        out *= x
        return out

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f' = Φ(x) + x exp(-x²/2) / √(2π)."""
        np.multiply(x, x, out=y)
        y *= -0.5
        np.exp(y, out=y)
        y *= x
        y *= 0.3989422804014327  # 1 / sqrt(2 pi)
        ndtr(x, out=x)
        y += x
        dy *= y


@final
@dataclass(frozen=True)
class SiLU(Activation):
    """f(x) = x s(x), s the logistic function; also called swish (Elfwing, Uchibe & Doya 2018)."""

    def forward(self, x: Array, out: Array) -> Array:
        """Write x s(x) into out."""
        expit(x, out=out)
        out *= x
        return out

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f' = s + y (1 - s) = 1 - (1 - s) (1 - y)."""
        np.negative(x, out=x)
        expit(x, out=x)
        np.subtract(1, y, out=y)
        y *= x
        np.subtract(1, y, out=y)
        dy *= y


@final
@dataclass(frozen=True)
class Mish(Activation):
    """f(x) = x tanh(log(1 + exp(x))) (Misra 2020).

    With e = exp(x) and r = 2 / ((e + 1)² + 1) the hyperbolic tangent is 1 - r, and
    f' = 1 - r + x e (e + 1) r²: one exponential for both and no logarithm. Beyond x = 20 the
    function is x to double precision, so the exponent stops there.
    """

    def forward(self, x: Array, out: Array) -> Array:
        """Return x with f(x) over it, and leave f' in out."""
        ceilings = _filled(20.0, x.dtype)
        scratch = np.empty_like(ceilings[: x.size])
        for x_, slope in _stretches(x, out):
            r = scratch[: len(x_)]
            np.minimum(x_, ceilings[: len(x_)], out=slope)
            np.exp(slope, out=slope)
            np.add(slope, 1, out=r)
            slope *= r
            r *= r
            r += 1
            np.divide(2, r, out=r)
            slope *= r
            slope *= r
            slope *= x_
            np.subtract(1, r, out=r)
            x_ *= r
            slope += r
        return x

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f', which is in y."""
        dy *= y


@final
@dataclass(frozen=True)
class Softplus(Activation):
    """f(x) = log(1 + exp(x)) (Dugas et al. 2001)."""

    uses_input: ClassVar[bool] = False

    def forward(self, x: Array, out: Array) -> Array:
        """Write log(1 + exp(x)) into out."""
        np.logaddexp(x, 0, out=out)
        return out

    def backward(self, x: Array, y: Array, dy: Array) -> None:
        """Multiply dy by f' = 1 - exp(-y)."""
        np.negative(y, out=y)
        np.expm1(y, out=y)
        np.negative(y, out=y)
        dy *= y


ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "logistic": Logistic,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "softplus": Softplus,
}


def get_activation(spec: str | Activation) -> Activation:
    """Return the activation of that name, or the given one as it is.

    Parameters
    ----------
    spec : str or Activation
        A key of ``ACTIVATIONS``, or an instance, for other settings or a function of one's own.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> get_activation("leaky_relu")
    LeakyReLU(slope=0.01)
    >>> get_activation("rellu")
    Traceback (most recent call last):
    ...
    ValueError: Got activation='rellu'. Did you mean 'relu'? ...
    """
    if isinstance(spec, Activation):
        return spec
    if spec in ACTIVATIONS:
        return ACTIVATIONS[spec]()
    close = difflib.get_close_matches(str(spec), ACTIVATIONS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"Got activation={spec!r}.{hint} Expected one of {sorted(ACTIVATIONS)}, "
        "or an instance of Activation."
    )
