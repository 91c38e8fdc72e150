"""Tables of few bits for each value are read as they are, not blown up first."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.estimators import _data
from skmlp.preprocessing import TableEncoder

rng = np.random.default_rng(0)
TYPES = ("float16", "int8", "uint8", "int16", "uint16")


def stored(dtype, shape):
    """Draw betas, in per cent where they are to be integers."""
    beta = rng.beta(2, 2, size=shape)
    return (beta if dtype == "float16" else 100 * beta).astype(dtype)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("shape", [(120, 9), (30, 400)])
@pytest.mark.parametrize("settings", [{}, {"solver": "sgd", "l1": 0.0}, SKLEARN_DEFAULTS])
@pytest.mark.parametrize("dtype", ["float16", "int8", "uint16"])
def test_the_fit_is_that_of_the_same_numbers_in_float64(dtype, settings, shape):
    X = stored(dtype, shape)
    y = X[:, :3].astype(float).sum(axis=1)
    model = MLPRegressor(**{**settings, "dtype": "float64", "max_iter": 5, "random_state": 0})
    model.set_params(hidden_layer_sizes=(6,), tol=0, n_iter_no_change=100)
    narrow = model.fit(X, y).predict(X)
    wide = model.fit(X.astype(float), y).predict(X.astype(float))
    assert_allclose(narrow, wide, rtol=1e-12)
    assert_allclose(model.predict(X), wide, rtol=1e-12)


def test_gaps_of_half_precision_are_filled_as_others():
    X = stored("float16", (30, 400))
    y = np.arange(30) % 2
    X[3, 5] = np.nan
    model = MLPClassifier((4,), max_iter=3, random_state=0, dtype="float64").fit(X, y)
    probabilities = model.predict_proba(X)
    same = model.fit(X.astype(float), y).predict_proba(X.astype(float))
    assert_allclose(probabilities, same, rtol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("dtype", ["float16", "uint8"])
def test_no_copy_is_made(dtype, solver, monkeypatch):
    monkeypatch.setattr(_data, "_COPY_BYTES", 1 << 20)  # as if X were larger
    X = stored(dtype, (60, 30_000))
    model = MLPClassifier((2,), solver=solver, l1=0.0, max_iter=2, random_state=0)
    model.set_params(n_estimators=1, early_stopping=False)
    tracemalloc.start()
    try:
        model.fit(X, np.arange(60) % 2).predict(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * X.size  # bytes of a copy in float32


def test_infinity_in_half_precision_is_refused():
    X = stored("float16", (20, 3))
    X[4, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        MLPRegressor().fit(X, X[:, 0].astype(float))
    with pytest.raises(ValueError, match="column 1, row 4"):
        TableEncoder().fit(X)
