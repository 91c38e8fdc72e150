"""The heat map of activations: order of rows, dead units, labels."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris

from skmlp import MLPClassifier
from skmlp.inspection import ActivationDisplay

figure = pytest.importorskip("matplotlib.figure")
X, Y = load_iris(return_X_y=True)
SHORT = {"max_iter": 2, "random_state": 0}


@pytest.fixture
def ax():
    return figure.Figure().subplots()


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize("layer", [0, 1, -1, -2])
@pytest.mark.parametrize("network", [0, 2])
def test_the_layer_of_one_network_is_shown(ax, layer, network):
    clf = MLPClassifier((6, 4), n_estimators=3, **SHORT).fit(X, Y)
    display = ActivationDisplay.from_estimator(clf, X, layer=layer, network=network, ax=ax)
    width = (6, 4)[layer]
    expected = np.split(clf.transform(X, layer=layer), 3, axis=1)[network]
    assert expected.shape == (150, width)
    assert_array_equal(display.image_.get_array(), expected)


def test_rows_are_sorted_by_class_in_a_stable_order(ax):
    values = np.arange(10.0).reshape(5, 2)
    display = ActivationDisplay(values, y=["b", "a", "b", "a", "a"]).plot(ax)
    assert display.order_.tolist() == [1, 3, 4, 0, 2]
    assert_array_equal(display.image_.get_array(), values[[1, 3, 4, 0, 2]])
    assert ticks(ax.yaxis) == ["a", "b"]
    assert ax.get_yticks().tolist() == [1, 3.5]  # the middle of their rows
    (border,) = ax.collections[0].get_segments()
    assert border[:, 1].tolist() == [2.5, 2.5]


def test_rows_keep_their_order_without_y(ax):
    display = ActivationDisplay(np.eye(3)).plot(ax)
    assert display.order_.tolist() == [0, 1, 2]
    assert ax.get_ylabel() == "row"


def test_targets_are_told_at_some_rows(ax):
    y = np.random.default_rng(0).permutation(50) * 1.5
    display = ActivationDisplay(np.eye(50), y=y).plot(ax)
    assert_array_equal(y[display.order_], np.sort(y))
    assert len(ticks(ax.yaxis)) == 6 and ticks(ax.yaxis)[0] == "0" and ticks(ax.yaxis)[-1] == "73.5"
    assert ax.get_ylabel() == "row, by target"


def test_dead_units_have_a_cross(ax):
    values = np.array([[0.0, 1.0, 2.0, 0.3], [0.0, 3.0, 2.0, 0.3 + 1e-12]])
    display = ActivationDisplay(values).plot(ax)
    assert display.dead_.tolist() == [0, 2, 3]
    assert display.crosses_.get_xdata().tolist() == [0, 2, 3]
    assert ax.get_title() == "× dead: 3 of 4 units"
    alive = ActivationDisplay(np.eye(2)).plot(figure.Figure().subplots())
    assert len(alive.dead_) == 0 and alive.ax_.get_title() == ""


@pytest.mark.parametrize(
    ("values", "name", "limits"),
    [
        ([[0.0, 2.0]], "viridis", (0, 2)),
        ([[-1.0, 3.0]], "PuOr", (-3, 3)),
        ([[0.0]], "viridis", (0, 1)),
    ],
)
def test_colours_suit_the_signs(ax, values, name, limits):
    display = ActivationDisplay(np.array(values)).plot(ax)
    assert display.image_.get_cmap().name == name
    assert display.image_.get_clim() == limits


def test_settings_reach_the_image(ax):
    display = ActivationDisplay(np.eye(2)).plot(
        ax, cmap="gray", colorbar=False, image_kw={"alpha": 0.5}
    )
    assert display.image_.get_cmap().name == "gray" and display.image_.get_alpha() == 0.5
    assert display.colorbar_ is None


def test_what_is_not_there_is_refused():
    clf = MLPClassifier((4,), n_estimators=2, **SHORT).fit(X, Y)
    with pytest.raises(ValueError, match="layer=1"):
        ActivationDisplay.from_estimator(clf, X, layer=1)
    with pytest.raises(ValueError, match="network=2"):
        ActivationDisplay.from_estimator(clf, X, network=2)
