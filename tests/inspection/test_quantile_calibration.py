"""Observed shares below quantiles, by level."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm
from sklearn.datasets import load_diabetes

from skmlp import MLPRegressor
from skmlp.core.losses import Quantile
from skmlp.inspection import QuantileCalibrationDisplay

figure = pytest.importorskip("matplotlib.figure")
X, Y = load_diabetes(return_X_y=True)
FAST = {"hidden_layer_sizes": 4, "max_iter": 3, "n_estimators": 1, "random_state": 0}


@pytest.fixture
def ax():
    return figure.Figure().subplots()


def test_shares_and_error_by_hand(ax):
    quantiles = [[0, 2], [0, 2], [0, 2], [0, 2]]
    display = QuantileCalibrationDisplay.from_predictions(
        [-1, 0, 1, 3], quantiles, [0.25, 0.75], name="mine", ax=ax
    )
    assert display.observed.tolist() == [0.5, 0.75]  # one that is equal counts
    assert display.error_ == pytest.approx(0.25**2)
    assert display.line_.get_xydata().tolist() == [[0.25, 0.5], [0.75, 0.75]]
    assert display.line_.get_label() == "mine (error 0.062)"


@pytest.mark.parametrize(("width", "sign"), [(1.0, 0), (2.0, 1), (0.5, -1)])
def test_the_curve_is_steep_in_the_middle_where_intervals_are_too_wide(ax, width, sign):
    levels = np.arange(0.1, 1, 0.1)
    y = norm.ppf((np.arange(1000) + 0.5) / 1000)
    quantiles = np.tile(width * norm.ppf(levels), (1000, 1))
    display = QuantileCalibrationDisplay.from_predictions(y, quantiles, levels, ax=ax)
    steepness = (display.observed[5] - display.observed[3]) / (levels[5] - levels[3])
    assert np.sign(np.round(steepness - 1, 1)) == sign
    assert (display.error_ > 0.01) == (sign != 0)


def test_quantiles_bring_their_levels(ax):
    reg = MLPRegressor(**FAST, loss=Quantile([0.2, 0.5, 0.9])).fit(X, Y)
    display = QuantileCalibrationDisplay.from_estimator(reg, X, Y, levels=[0.5], ax=ax)
    assert display.levels.tolist() == [0.2, 0.5, 0.9]
    assert_allclose(display.observed, (Y[:, None] <= reg.predict_quantiles(X)).mean(axis=0))


def test_a_normal_distribution_has_any_levels(ax):
    reg = MLPRegressor(**FAST, loss="gaussian_nll").fit(X, Y)
    mean, std = reg.predict(X, return_std=True)
    p = norm.cdf((Y - mean) / std)
    display = QuantileCalibrationDisplay.from_estimator(reg, X, Y, levels=[0.1, 0.6], ax=ax)
    assert_allclose(display.observed, [np.mean(p <= 0.1), np.mean(p <= 0.6)])
    every = QuantileCalibrationDisplay.from_estimator(reg, X, Y, ax=ax)
    assert_allclose(every.levels, np.linspace(0.05, 0.95, 19))
    assert every.line_.get_label().startswith("MLPRegressor (error ")


def test_several_curves_share_axes_and_diagonal(ax):
    for _ in range(2):
        QuantileCalibrationDisplay([0.5], [0.4]).plot(ax)
    assert [line.get_label() for line in ax.lines].count("perfectly calibrated") == 1
    assert len(ax.lines) == 3


def test_settings_reach_the_line(ax):
    display = QuantileCalibrationDisplay(np.array([0.5]), np.array([0.4]))
    display.plot(ax, show_perfect=False, c="red", label="own")
    assert len(ax.lines) == 1
    assert display.line_.get_color() == "red" and display.line_.get_label() == "own"


def test_each_level_needs_a_column():
    with pytest.raises(ValueError, match=r"got shape \(2, 1\) for 2 levels"):
        QuantileCalibrationDisplay.from_predictions([0, 1], [[0], [1]], [0.1, 0.9])
