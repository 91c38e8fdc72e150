"""Numbers in increasing order, made of free ones: r_0 = z_0, r_j = r_{j-1} + log(1 + exp(z_j))."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from .base import Array


def rising(raw: Array) -> Array:
    """Return numbers that never fall along the last axis.

    Examples
    --------
    >>> rising(np.array([1.0, -100.0, 0.0])).round(3)
    array([1.   , 1.   , 1.693])
    """
    if raw.shape[-1] == 1:
        return raw
    steps = np.concatenate((raw[..., :1], np.logaddexp(raw[..., 1:], 0)), axis=-1)
    return np.cumsum(steps, axis=-1, out=steps)


def rising_backward(slopes: Array, raw: Array) -> Array:
    """Return the derivative by raw of what has these derivatives by rising(raw)."""
    if raw.shape[-1] == 1:
        return slopes
    slopes = np.cumsum(slopes[..., ::-1], axis=-1)[..., ::-1]
    slopes[..., 1:] *= expit(raw[..., 1:])
    return slopes


def raw_of_rising(values: Array, least: float) -> Array:
    """Return what `rising` makes these numbers of, steps below `least` taken as that.

    Examples
    --------
    >>> rising(raw_of_rising(np.array([1.0, 1.0, 1.5]), 0.125))
    array([1.   , 1.125, 1.625])
    """
    first, steps = values[..., :1], np.maximum(np.diff(values, axis=-1), least)
    return np.concatenate((first, inverse_softplus(steps)), axis=-1)


def inverse_softplus(steps: Array) -> Array:
    """Return the z at which log(1 + exp(z)) is this; the softplus of no number is 0.

    Examples
    --------
    >>> inverse_softplus(np.logaddexp([-50.0, 0.5, 50.0], 0))
    array([-50. ,   0.5,  50. ])
    """
    steps = np.maximum(steps, np.finfo(steps.dtype).tiny)
    return np.asarray(steps + np.log(-np.expm1(-steps)))
