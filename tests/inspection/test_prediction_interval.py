"""Intervals in the order of predictions, and what lies inside."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.datasets import load_diabetes
from sklearn.linear_model import BayesianRidge, LinearRegression

from skmlp import MLPRegressor
from skmlp.core.losses import Quantile
from skmlp.inspection import PredictionIntervalDisplay

figure = pytest.importorskip("matplotlib.figure")
X, Y = load_diabetes(return_X_y=True)
FAST = {"hidden_layer_sizes": 4, "max_iter": 3, "n_estimators": 1, "random_state": 0}


@pytest.fixture
def ax():
    return figure.Figure().subplots()


def legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_rows_are_in_the_order_of_their_predictions(ax):
    display = PredictionIntervalDisplay.from_predictions(
        [1, 9, 3, 4], [2, 1, 4, 3], [0, 0, 3, 2], [1, 2, 5, 3.5], level=0.8, ax=ax
    )
    assert display.line_.get_ydata().tolist() == [1, 2, 3, 4]
    assert display.inside_.get_xydata().tolist() == [[1, 1], [3, 3]]  # ends count as inside
    assert display.outside_.get_xydata().tolist() == [[0, 9], [2, 4]]
    assert display.coverage_ == 0.5
    assert legend(display)[0] == "interval of 80 %, holds 50 %"
    (path,) = display.band_.get_paths()
    assert path.vertices[:, 1].min() == 0 and path.vertices[:, 1].max() == 5


def test_without_a_level_the_legend_tells_what_was_seen(ax):
    display = PredictionIntervalDisplay.from_predictions([0], [0], [1], [2], ax=ax)
    assert legend(display)[0] == "interval, holds 0 %"


def test_quantiles_bring_their_ends_and_level(ax):
    reg = MLPRegressor(**FAST, loss=Quantile([0.1, 0.3, 0.5, 0.8])).fit(X, Y)
    display = PredictionIntervalDisplay.from_estimator(reg, X, Y, level=0.99, ax=ax)
    quantiles = reg.predict_quantiles(X)
    assert_array_equal(display.lower, quantiles[:, 0])
    assert_array_equal(display.upper, quantiles[:, 3])
    assert_array_equal(display.y_pred, reg.predict(X))
    assert display.level == pytest.approx(0.7)


@pytest.mark.parametrize("kind", ["skmlp", "scikit-learn"])
def test_of_a_standard_deviation_a_normal_distribution_is_made(ax, kind):
    reg = MLPRegressor(**FAST, loss="gaussian_nll") if kind == "skmlp" else BayesianRidge()
    reg.fit(X, Y)
    mean, std = reg.predict(X, return_std=True)
    display = PredictionIntervalDisplay.from_estimator(reg, X, Y, level=0.8, ax=ax)
    assert_allclose(display.lower, mean - norm.ppf(0.9) * std, rtol=1e-6)
    assert_allclose(display.upper, mean + norm.ppf(0.9) * std, rtol=1e-6)
    assert display.coverage_ == np.mean((display.lower <= Y) & (display.upper >= Y))
    assert display.level == pytest.approx(0.8)


def test_settings_reach_the_artists(ax):
    display = PredictionIntervalDisplay.from_predictions(
        [0, 5],
        [0, 0],
        [-1, -1],
        [1, 1],
        ax=ax,
        band_kw={"fc": "red"},
        line_kw={"lw": 5},
        point_kw={"ms": 9},
    )
    assert display.band_.get_facecolor()[0, :3].tolist() == [1, 0, 0]
    assert display.line_.get_linewidth() == 5
    assert display.inside_.get_markersize() == display.outside_.get_markersize() == 9
    assert display.inside_.get_marker() != display.outside_.get_marker()


@pytest.mark.parametrize("level", [0, 1, 90])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match=f"level={level}, expected a share"):
        PredictionIntervalDisplay.from_estimator(None, X, Y, level=level)


def test_a_model_without_intervals_is_refused():
    with pytest.raises(ValueError, match="LinearRegression predicts neither quantiles nor"):
        PredictionIntervalDisplay.from_estimator(LinearRegression().fit(X, Y), X, Y)
    with pytest.raises(ValueError, match="needs loss='gaussian_nll'"):
        PredictionIntervalDisplay.from_estimator(MLPRegressor(**FAST).fit(X, Y), X, Y)
    median = MLPRegressor(**FAST, loss="quantile").fit(X, Y)
    with pytest.raises(ValueError, match="quantiles of the level 0.5 alone"):
        PredictionIntervalDisplay.from_estimator(median, X, Y)


@pytest.mark.parametrize("loss", [Quantile([0.1, 0.9]), "gaussian_nll"])
def test_several_targets_are_refused(loss):
    reg = MLPRegressor(**FAST, loss=loss).fit(X, np.column_stack([Y, Y]))
    with pytest.raises(ValueError, match="several targets"):
        PredictionIntervalDisplay.from_estimator(reg, X, Y)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers"):
        PredictionIntervalDisplay.from_predictions([0, 1], [0], [0], [0])
