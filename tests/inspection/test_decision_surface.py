"""Surfaces over the plane, at the end and on the way."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris, make_moons
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from skmlp import MLPClassifier, MLPRegressor
from skmlp.core.training import Callback
from skmlp.inspection import DecisionSurfaceDisplay

figure = pytest.importorskip("matplotlib.figure")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_moons(60, noise=0.2, random_state=0)
FAST = {"hidden_layer_sizes": 4, "random_state": 0, "n_estimators": 1}


@pytest.fixture
def ax():
    return figure.Figure().subplots()


def grid_of(display, n):
    x0, x1, y0, y1 = display.extent
    across, up = np.meshgrid(np.linspace(x0, x1, n), np.linspace(y0, y1, n))
    return np.column_stack([across.ravel(), up.ravel()])


@pytest.mark.parametrize("n", [2, 9])
def test_the_surface_is_what_the_model_predicts_there(ax, n):
    model = LogisticRegression().fit(X, Y)
    display = DecisionSurfaceDisplay.from_estimator(model, X, Y, grid_resolution=n, ax=ax)
    (surface,) = display.surfaces
    assert_allclose(surface.reshape(-1, 2), model.predict_proba(grid_of(display, n)))
    x0, x1, y0, y1 = display.extent
    assert (x0 < X[:, 0].min()) and (X[:, 0].max() < x1)
    assert (y0 < X[:, 1].min()) and (X[:, 1].max() < y1)
    left, right, low, high = display.surfaces_[0].get_extent()  # pixels have their points inside
    step = (x1 - x0) / (n - 1)
    assert (x0 - left, right - x1) == pytest.approx((step / 2, step / 2))
    assert (y0 - low, high - y1) == pytest.approx(((y1 - y0) / (n - 1) / 2,) * 2)


def test_the_line_is_where_both_classes_are_as_likely(ax):
    model = LogisticRegression().fit(X, Y)
    display = DecisionSurfaceDisplay.from_estimator(model, X, Y, ax=ax)
    ((line,),) = display.boundaries_
    points = np.concatenate(line.allsegs[0])
    assert_allclose(model.predict_proba(points), 0.5, atol=1e-3)


def test_classes_are_points_of_their_own_colour_and_shape(ax):
    iris = load_iris()
    names = iris.target_names[iris.target]
    model = LogisticRegression().fit(iris.data[:, 2:], names)
    display = DecisionSurfaceDisplay.from_estimator(model, iris.data[:, 2:], names, ax=ax)
    (points,) = display.points_
    assert [len(one.get_offsets()) for one in points] == [50, 50, 50]
    assert_array_equal(points[1].get_offsets(), iris.data[50:100, 2:])
    assert len({tuple(one.get_facecolor()[0]) for one in points}) == 3
    assert len({len(one.get_paths()[0].vertices) for one in points}) == 3
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == list(iris.target_names)
    image = display.surfaces_[0].get_array()  # where a class is certain, its colour on white
    sure = display.surfaces[0][0, 0]
    assert sure[0] > 0.99
    assert_allclose(image[0, 0], 1 - 0.5 * (1 - points[0].get_facecolor()[0, :3]), atol=0.01)


def test_a_regressor_and_its_targets_are_on_one_scale(ax):
    y = X @ [1.0, 2.0]
    display = DecisionSurfaceDisplay.from_estimator(LinearRegression().fit(X, y), X, y, ax=ax)
    (points,) = display.points_[0]
    assert points.get_clim() == display.surfaces_[0].get_clim()
    assert_array_equal(points.get_array(), y)
    assert display.surfaces_[0].get_clim()[1] >= y.max()
    assert display.boundaries_ == [[]] and display.colorbar_ is not None


def test_names_of_a_frame_are_kept_for_the_model_and_the_axes(ax):
    frame = pd.DataFrame(X, columns=["left", "up"])
    model = MLPClassifier(**FAST, max_iter=2).fit(frame, Y)
    DecisionSurfaceDisplay.from_estimator(model, frame, ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("left", "up")
    assert not ax.collections[0].get_label().startswith("0") and ax.get_legend() is None


def test_the_epochs_of_one_training_are_shown(ax):
    seen = {}

    class Look(Callback):
        def on_epoch_end(self, state):
            seen[state.epoch] = state.network.theta.copy()

    clf = MLPClassifier(**FAST, max_iter=6, callbacks=[Look()])
    display = DecisionSurfaceDisplay.from_training(
        clf, X, Y, epochs=(4, 1), grid_resolution=5, ax=ax
    )
    assert display.titles == ["epoch 1", "epoch 4"] == [a.get_title() for a in display.axes_]
    assert max(seen) == 6
    fitted = clone(clf).fit(X, Y)
    for epoch, surface in zip((1, 4), display.surfaces, strict=True):
        fitted.networks_.theta[...] = seen[epoch]
        assert_allclose(surface.reshape(-1, 2), fitted.predict_proba(grid_of(display, 5)))


def test_the_model_is_left_alone(ax):
    clf = MLPClassifier(**FAST, max_iter=3).fit(X, Y)
    before, weights = clf.get_params(), clf.networks_.theta.copy()
    DecisionSurfaceDisplay.from_training(clf, X, Y, epochs=[2], grid_resolution=3, ax=ax)
    assert clf.get_params() == before and clf.callbacks is None
    assert_array_equal(clf.networks_.theta, weights)
    assert len(clf.history_) == 3


def test_epochs_beyond_the_end_show_the_end(ax):
    reg = MLPRegressor(**FAST, max_iter=3, early_stopping=False, averaging=None)
    y = X[:, 0]
    display = DecisionSurfaceDisplay.from_training(reg, X, y, grid_resolution=4, ax=ax)
    assert display.titles == ["epoch 1", "epoch 3"]
    expected = clone(reg).fit(X, y).predict(grid_of(display, 4))
    assert_allclose(display.surfaces[1].ravel(), expected)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_networks_that_stop_early_stay_as_they_were(ax, solver):
    settings = {**FAST, "n_estimators": 2, "solver": solver, "early_stopping": False}
    clf = MLPClassifier(**settings, max_iter=12, n_iter_no_change=1, tol=0.03, averaging=None)
    display = DecisionSurfaceDisplay.from_training(clf, X, Y, epochs=[12], grid_resolution=4, ax=ax)
    fitted = clone(clf).fit(X, Y)
    assert display.titles == [f"epoch {len(fitted.history_)}"]
    expected = fitted.predict_proba(grid_of(display, 4))
    assert_allclose(display.surfaces[0].reshape(-1, 2), expected, rtol=1e-6)


def test_the_running_averages_of_batch_norm_are_those_of_the_epoch(ax):
    clf = MLPClassifier(**FAST, max_iter=2, normalization="batch", early_stopping=False)
    display = DecisionSurfaceDisplay.from_training(clf, X, Y, epochs=[1], grid_resolution=3, ax=ax)
    assert np.isfinite(display.surfaces[0]).all()
    final = DecisionSurfaceDisplay.from_training(clf, X, Y, epochs=[2], grid_resolution=3, ax=ax)
    expected = clone(clf).fit(X, Y).predict_proba(grid_of(display, 3))
    assert_allclose(final.surfaces[0].reshape(-1, 2), expected)


def test_settings_reach_the_artists(ax):
    model = LogisticRegression().fit(X, Y)
    display = DecisionSurfaceDisplay.from_estimator(
        model,
        X,
        Y,
        ax=ax,
        surface_kw={"alpha": 0.3},
        boundary_kw={"linewidths": 4},
        point_kw={"ec": "red", "s": 99},
    )
    assert display.surfaces_[0].get_alpha() == 0.3
    assert display.boundaries_[0][0].get_linewidth() == [4]
    assert display.points_[0][0].get_sizes() == [99]
    assert display.points_[0][0].get_edgecolor()[0].tolist() == [1, 0, 0, 1]
    bare = DecisionSurfaceDisplay.from_estimator(model, X, show_boundary=False, ax=ax)
    assert bare.boundaries_ == [[]] and bare.points_ == [[]]


@pytest.mark.parametrize("columns", [1, 3])
def test_other_than_two_columns_are_refused(columns):
    with pytest.raises(ValueError, match=rf"got shape \(60, {columns}\)"):
        DecisionSurfaceDisplay.from_estimator(None, np.ones((60, columns)))


@pytest.mark.parametrize("epochs", [(), (0, 3)])
def test_epochs_are_counted_from_one(epochs):
    with pytest.raises(ValueError, match="numbers from 1 on"):
        DecisionSurfaceDisplay.from_training(MLPClassifier(), X, Y, epochs=epochs)


def test_several_targets_are_refused():
    model = LinearRegression().fit(X, np.column_stack([Y, Y]))
    with pytest.raises(ValueError, match="several targets"):
        DecisionSurfaceDisplay.from_estimator(model, X)


def test_only_networks_can_be_looked_at_while_they_learn():
    pipeline = make_pipeline(LogisticRegression())
    with pytest.raises(TypeError, match="got Pipeline"):
        DecisionSurfaceDisplay.from_training(pipeline, X, Y)
