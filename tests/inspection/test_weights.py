"""Weights as images and as bars."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris

from skmlp import MLPClassifier
from skmlp.inspection import WeightsDisplay

figure = pytest.importorskip("matplotlib.figure")
SHORT = {"max_iter": 2, "random_state": 0, "n_estimators": 1}
IRIS = load_iris()


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return MLPClassifier((20,), **SHORT).fit(X[:300], y[:300])


@pytest.fixture(scope="module")
def iris():
    return MLPClassifier((6, 5), **SHORT).fit(IRIS.data, IRIS.target)


@pytest.fixture
def ax():
    return figure.Figure(figsize=(8, 8)).subplots()


@pytest.mark.parametrize(("shape", "seen"), [("square", (8, 8)), ((4, 16), (4, 16))])
def test_images_are_the_weights_of_the_units_with_the_longest(digits, ax, shape, seen):
    display = WeightsDisplay.from_estimator(digits, image_shape=shape, n_units=7, ax=ax)
    w = digits.coefs_[0]
    lengths = np.linalg.norm(w, axis=0)
    assert_array_equal(np.sort(lengths)[::-1][:7], lengths[display.units_])
    for image, unit, one in zip(display.images_, display.units_, display.axes_, strict=True):
        assert_array_equal(image.get_array(), w[:, unit].reshape(seen))
        assert one.get_title() == f"unit {unit}"


def test_all_images_are_on_one_scale_around_zero(digits, ax):
    display = WeightsDisplay.from_estimator(digits, image_shape="square", n_units=3, ax=ax)
    limits = {image.get_clim() for image in display.images_}
    largest = np.abs(digits.coefs_[0][:, display.units_]).max()
    assert limits == {(-largest, largest)}
    assert display.colorbar_.ax.get_ylabel() == "weight"


def test_units_can_be_chosen_and_settings_given(digits, ax):
    display = WeightsDisplay.from_estimator(
        digits,
        image_shape="square",
        units=[3, 1],
        colorbar=False,
        image_kw={"interpolation": "bilinear", "cmap": "gray"},
        ax=ax,
    )
    assert display.units_.tolist() == [3, 1] and display.colorbar_ is None
    assert display.images_[0].get_cmap().name == "gray"
    assert display.images_[0].get_interpolation() == "bilinear"


@pytest.mark.parametrize("shape", [(8, 9), (3, 3)])
def test_an_image_of_another_size_is_refused(digits, shape):
    with pytest.raises(ValueError, match=r"pixels, but the layer has 64 inputs"):
        WeightsDisplay.from_estimator(digits, image_shape=shape)


def test_no_square_is_made_of_what_is_none(iris):
    with pytest.raises(ValueError, match="2 × 2 pixels, but the layer has 6"):
        WeightsDisplay.from_estimator(iris, layer=1, image_shape="square")


def test_bars_are_the_largest_weights_with_their_names(iris, ax):
    names = IRIS.feature_names
    display = WeightsDisplay.from_estimator(
        iris, units=[4], n_features=3, feature_names=names, ax=ax
    )
    w = iris.coefs_[0][:, 4]
    order = np.argsort(-np.abs(w))[:3]
    (bars,), (one,) = display.bars_, display.axes_
    assert one is ax
    assert_allclose([bar.get_width() for bar in bars], w[order])
    assert [label.get_text() for label in one.get_yticklabels()] == [names[j] for j in order]
    assert one.yaxis_inverted()  # the largest on top


def test_the_colour_of_a_bar_tells_its_sign():
    ax = figure.Figure().subplots()
    display = WeightsDisplay(np.array([[1.0], [-2.0], [3.0], [-4.0]])).plot(ax)
    widths = [bar.get_width() for bar in display.bars_[0]]
    red, _, blue = np.array([bar.get_facecolor()[:3] for bar in display.bars_[0]]).T
    assert widths == [-4, 3, -2, 1]
    assert ((red > blue) == (np.array(widths) < 0)).all()
    plain = WeightsDisplay(np.eye(2)).plot(ax, units=[0], bar_kw={"color": "k", "height": 0.2})
    assert plain.bars_[0][0].get_facecolor() == (0, 0, 0, 1)
    assert plain.bars_[0][0].get_height() == pytest.approx(0.2)


@pytest.mark.parametrize(("layer", "index", "name"), [(1, 1, "unit 0"), (-1, 2, "unit 0")])
def test_any_layer_can_be_drawn(iris, ax, layer, index, name):
    display = WeightsDisplay.from_estimator(iris, layer=layer, ax=ax)
    assert_array_equal(display.weights, iris.coefs_[index])
    assert display.feature_names[0] == name


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there_is_refused(iris, layer):
    with pytest.raises(ValueError, match="pass a number from -3 to 2"):
        WeightsDisplay.from_estimator(iris, layer=layer)
