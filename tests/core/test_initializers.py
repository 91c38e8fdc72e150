"""Initializers: moments, dtypes, and the draws of scikit-learn."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neural_network import MLPClassifier

from skmlp.core.initializers import (
    INITIALIZERS,
    DataDriven,
    Initializer,
    SklearnGlorot,
    VarianceScaling,
)

N_IN, N_OUT = 300, 200
VARIANCE = {
    "glorot_uniform": 2 / (N_IN + N_OUT),
    "glorot_normal": 2 / (N_IN + N_OUT),
    "he_uniform": 2 / N_IN,
    "he_normal": 2 / N_IN,
    "lecun_uniform": 1 / N_IN,
    "lecun_normal": 1 / N_IN,
    "sklearn": 2 / (N_IN + N_OUT),
    "data": 1 / N_IN,
}
every_name = pytest.mark.parametrize("name", INITIALIZERS)


def draw(initializer, rng, dtype=np.float64):
    weights, bias = np.full((N_IN, N_OUT), np.nan, dtype), np.full(N_OUT, np.nan, dtype)
    initializer.weights(rng, weights)
    initializer.bias(rng, N_IN, bias)
    return weights, bias


@every_name
def test_moments(name):
    weights, bias = draw(INITIALIZERS[name], np.random.default_rng(0))
    assert abs(weights.mean()) < 0.02 * weights.std()
    assert_allclose(weights.var(), VARIANCE[name], rtol=0.02)
    if "uniform" in name or name == "sklearn":
        assert np.abs(weights).max() <= np.sqrt(3 * VARIANCE[name])
    if name != "sklearn":
        assert_array_equal(bias, 0)


@every_name
@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_float32_is_float64_rounded(name, make):
    single = draw(INITIALIZERS[name], make(0), np.float32)
    double = draw(INITIALIZERS[name], make(0))
    for a, b in zip(single, double, strict=True):
        assert a.dtype == np.float32
        assert_array_equal(a, b.astype(np.float32))


@every_name
def test_fills_a_view(name):
    theta = np.zeros(2 + 12 + 3)
    INITIALIZERS[name].weights(np.random.default_rng(0), theta[2:14].reshape(3, 4))
    assert np.count_nonzero(theta) == np.count_nonzero(theta[2:14]) == 12


@pytest.mark.parametrize(("activation", "factor"), [("relu", 6.0), ("logistic", 2.0)])
def test_sklearn_draws_are_scikit_learns(activation, factor):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), np.arange(20) % 3
    still = {"solver": "sgd", "learning_rate_init": 1e-300}
    peer = MLPClassifier((5, 6), activation=activation, random_state=7, **still)
    peer.partial_fit(X, y, classes=[0, 1, 2])
    initializer, rng = SklearnGlorot(factor), np.random.RandomState(7)
    for coefs, intercepts in zip(peer.coefs_, peer.intercepts_, strict=True):
        weights, bias = np.empty_like(coefs), np.empty_like(intercepts)
        initializer.weights(rng, weights)
        initializer.bias(rng, len(weights), bias)
        assert_array_equal(weights, coefs)
        assert_array_equal(bias, intercepts)


@pytest.mark.parametrize(("fan", "number"), [("in", 300), ("out", 200), ("average", 250)])
def test_fans(fan, number):
    weights, _ = draw(VarianceScaling(3.0, fan, "normal"), np.random.default_rng(0))
    assert_allclose(weights.var(), 3 / number, rtol=0.02)


def test_own_subclass_works():
    class Ones(Initializer):
        def weights(self, rng, out):
            out[...] = 1

    weights, bias = draw(Ones(), None)
    assert (weights == 1).all()
    assert (bias == 0).all()


@every_name
def test_settings_copy_and_compare(name):
    assert copy.deepcopy(INITIALIZERS[name]) == INITIALIZERS[name]


@pytest.mark.parametrize(
    "make",
    [
        lambda: VarianceScaling(0),
        lambda: VarianceScaling(fan="both"),
        lambda: VarianceScaling(distribution="cauchy"),
        lambda: SklearnGlorot(-1),
    ],
)
def test_bad_settings_are_refused(make):
    with pytest.raises(ValueError, match="but expected"):
        make()


def test_units_fitted_to_data_vary_by_one_and_change_sign_among_them():
    rng = np.random.default_rng(0)
    X = 5 + rng.normal(size=(400, 30))
    X[:, -1] = 0
    weights, bias = rng.normal(size=(30, 50)), np.zeros(50)
    weights[:, 0] = 0
    weights[-1, 0] = 1  # a unit that sees a constant
    DataDriven.adapt(np.random.default_rng(1), X @ weights, weights, bias)
    z = X @ weights
    assert_allclose(z[:, 1:].std(axis=0), 1)
    assert_array_equal(z[:, 0], 0)
    assert bias[0] == 0
    assert ((z + bias).min(axis=0)[1:] < 0).all()
    assert ((z + bias).max(axis=0)[1:] > 0).all()
    assert len(np.unique(bias[1:])) == 49


def test_units_that_hardly_vary_are_not_blown_up():
    rng = np.random.default_rng(0)
    X = np.repeat([[0.1, 0.2, 0.3]], 50, axis=0)
    weights, bias = rng.normal(size=(3, 5)), np.zeros(5)
    before = weights.copy()
    DataDriven.adapt(np.random.default_rng(1), X @ weights + 1e-17, weights, bias)
    assert_array_equal(weights, before)
    X[:, 0] = rng.normal(size=50)
    weights[0, 0] = 1e-9  # this unit sees next to nothing of what varies
    before = np.abs(weights).max()
    DataDriven.adapt(np.random.default_rng(1), X @ weights, weights, bias)
    assert np.abs(weights).max() < 1000 * before
