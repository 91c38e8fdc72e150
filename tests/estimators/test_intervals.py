"""Intervals for a single row: do they hold what their levels promise?"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from skmlp import MLPRegressor
from skmlp.core.losses import Quantile

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def spread_data(seed, n):
    """Return columns, numbers whose spread hangs on the last column, and that spread."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, 4))
    std = np.exp(0.8 * X[:, -1] - 0.5)
    return X, 2 * np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + std * rng.normal(size=n), std


X_TEST, Y_TEST, STD = spread_data(99, 3000)


def quantiles(loss, **settings):
    """Fit at the defaults, but for time, and return quantiles of rows that fit has not seen."""
    settings = {"hidden_layer_sizes": (48,), "max_iter": 60, "random_state": 0, **settings}
    model = MLPRegressor(loss=loss, **settings).fit(*spread_data(1, 1000)[:2])
    assert model._now.early_stopping
    if isinstance(loss, Quantile):
        return model.predict_quantiles(X_TEST)
    mean, std = model.predict(X_TEST, return_std=True)
    return mean[:, None] + std[:, None] * norm.ppf(LEVELS)


@pytest.fixture(scope="module", params=[Quantile(LEVELS.tolist()), "gaussian_nll"], ids=str)
def predicted(request):
    return quantiles(request.param)


def test_each_quantile_is_above_its_share_of_fresh_rows(predicted):
    assert_allclose((Y_TEST[:, None] < predicted).mean(axis=0), LEVELS, atol=0.04)


def test_intervals_cover_their_share_of_fresh_rows(predicted):
    low, below, _, above, high = predicted.T
    assert np.mean((low <= Y_TEST) & (high >= Y_TEST)) == pytest.approx(0.9, abs=0.03)
    assert np.mean((below <= Y_TEST) & (above >= Y_TEST)) == pytest.approx(0.5, abs=0.05)


def test_intervals_are_wide_where_numbers_are_spread(predicted):
    low, *_, high = predicted.T
    inside = (low <= Y_TEST) & (high >= Y_TEST)
    wide = STD > np.median(STD)
    assert inside[wide].mean() > 0.83
    assert inside[~wide].mean() > 0.83
    assert np.corrcoef(np.log(high - low), np.log(STD))[0, 1] > 0.8


def test_quantiles_of_wide_tables_cover_their_share():
    shares = []
    for seed in range(3):  # the promise is one of many tables: each is of a hundred rows only
        rng = np.random.default_rng(seed)
        factors = rng.normal(size=(1100, 5))
        X = factors @ rng.normal(size=(5, 400)) + 2 * rng.normal(size=(1100, 400))
        y = factors[:, 0] + 0.7 * rng.normal(size=1100)
        model = MLPRegressor(loss=Quantile([0.05, 0.5, 0.95]), max_iter=100, random_state=seed)
        low, _, high = model.fit(X[:100], y[:100]).predict_quantiles(X[100:]).T
        assert model._wide
        assert np.mean(high - low) < np.ptp(np.quantile(y, [0.02, 0.98]))
        shares.append(np.mean((low <= y[100:]) & (high >= y[100:])))
    assert np.mean(shares) == pytest.approx(0.9, abs=0.06)


def test_an_ensembles_quantiles_are_the_means_of_its_members():
    X, y, _ = spread_data(2, 200)
    model = MLPRegressor(
        (16,), loss=Quantile([0.1, 0.5, 0.9]), n_estimators=3, max_iter=20, random_state=0
    ).fit(X, y)
    together = model.predict_quantiles(X)
    alone = []
    for network in range(3):
        model.chosen_ = [network]
        alone.append(model.predict_quantiles(X))
    assert_allclose(together, np.mean(alone, axis=0))
    assert (np.diff(together, axis=1) >= 0).all()
    assert not np.allclose(alone[0], alone[1])


def test_a_single_quantile_is_averaged_as_it_is():
    raw = np.random.default_rng(0).normal(size=(3, 5, 2))
    assert_array_equal(Quantile(0.3).average(raw), raw.mean(axis=0, keepdims=True))
