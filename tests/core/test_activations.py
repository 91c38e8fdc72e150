"""Activations: derivatives, in-place contracts, precision, extremes."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import erf

from skmlp.core.activations import ACTIVATIONS, ELU, SELU, Activation, LeakyReLU, get_activation

SETTINGS = [ELU(0.5), ELU(2.0), LeakyReLU(0.0), LeakyReLU(0.3), LeakyReLU(1.0)]
INSTANCES = [*(get_activation(name) for name in ACTIVATIONS), *SETTINGS]
every_activation = pytest.mark.parametrize("activation", INSTANCES, ids=repr)

FORMULAS = {
    "identity": lambda x: x,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.where(x > 0, x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": lambda x: 1.05070098 * np.where(x > 0, x, 1.67326324 * (np.exp(x) - 1)),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log(1 + np.exp(x))),
    "softplus": lambda x: np.log(1 + np.exp(x)),
}


def forward(activation, x):
    """Call forward as a layer does: in place where that is allowed; return both arrays and y."""
    x = x.copy()
    out = np.full_like(x, np.nan) if activation.uses_input else x
    y = activation.forward(x, out)
    assert y is x or y is out
    return x, out, y


def value(activation, x):
    return forward(activation, x)[2]


def derivative(activation, x):
    x, out, _ = forward(activation, x)
    dy = np.ones_like(x)
    activation.backward(x, out, dy)
    return dy


def points(dtype=np.float64):
    return np.random.default_rng(0).normal(0, 3, (3, 7, 5)).astype(dtype)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_is_the_formula(name):
    x = points()
    assert_allclose(value(get_activation(name), x), FORMULAS[name](x), rtol=1e-7, atol=1e-12)


@every_activation
def test_derivative_is_the_central_difference(activation):
    x, h = points(), 1e-5
    slope = (value(activation, x + h) - value(activation, x - h)) / (2 * h)
    assert_allclose(derivative(activation, x), slope, rtol=1e-6, atol=1e-8)


@every_activation
def test_backward_multiplies_dy(activation):
    x, dy = points(), np.random.default_rng(1).normal(size=(3, 7, 5))
    expected = derivative(activation, x) * dy
    activation.backward(*forward(activation, x)[:2], dy)
    assert_allclose(dy, expected, rtol=1e-12)


@every_activation
def test_float32_agrees_with_float64(activation):
    x = points(np.float32)
    y = value(activation, x)
    assert y.dtype == np.float32
    assert_allclose(y, value(activation, x.astype(np.float64)), rtol=1e-5, atol=2e-6)
    dy = derivative(activation, x)
    assert dy.dtype == np.float32
    assert_allclose(dy, derivative(activation, x.astype(np.float64)), rtol=1e-5, atol=2e-6)


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_are_finite_and_silent(activation, dtype):
    x = np.array([0, 1e-30, 1, 30, 88, 100, 1e3, 1e4], dtype)
    x = np.concatenate((-x, x))
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(value(activation, x)).all()
        assert np.isfinite(derivative(activation, x)).all()


def test_selu_keeps_mean_and_variance():
    y = value(SELU(), np.random.default_rng(0).normal(size=200_000))
    assert_allclose([y.mean(), y.var()], [0, 1], atol=0.01)


def test_own_subclass_works():
    class Cube(Activation):
        def forward(self, x, out):
            return np.power(x, 3, out=out)

        def backward(self, x, y, dy):
            dy *= 3 * x**2

    cube = get_activation(Cube())
    assert cube.uses_input
    assert_allclose(derivative(cube, points()), 3 * points() ** 2)


@every_activation
def test_settings_copy_and_compare(activation):
    assert copy.deepcopy(activation) == activation
    assert get_activation(activation) is activation


def test_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'softplus'"):
        get_activation("softpluss")
    with pytest.raises(ValueError, match="Expected one of"):
        get_activation("zzz")


@pytest.mark.parametrize("make", [lambda: LeakyReLU(1.5), lambda: LeakyReLU(-0.1), lambda: ELU(0)])
def test_bad_settings_are_refused(make):
    with pytest.raises(ValueError, match="but expected"):
        make()
