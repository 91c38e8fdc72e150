"""The drawing of a network: units, lines, names, numbers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris

from skmlp import MLPClassifier, MLPRegressor
from skmlp.inspection import NetworkDisplay

figure = pytest.importorskip("matplotlib.figure")
IRIS = load_iris()
SHORT = {"max_iter": 3, "random_state": 0, "n_estimators": 1}
NAMES = {"feature_names": IRIS.feature_names, "class_names": IRIS.target_names}


@pytest.fixture(scope="module")
def clf():
    return MLPClassifier((20, 5), **SHORT).fit(IRIS.data, IRIS.target)


@pytest.fixture
def ax():
    return figure.Figure(figsize=(8, 5)).subplots()


def texts(display, layer):
    return [text.get_text() for text in display.texts_[layer]]


def ends(lines):
    """Return the heights at which lines begin and end, and which weight each is."""
    return np.array([line[:, 1] for line in lines.get_segments()])


def test_units_stand_in_columns_from_left_to_right(clf, ax):
    display = NetworkDisplay.from_estimator(clf, **NAMES, ax=ax)
    assert [len(units) for units in display.units_] == [4, 8, 5, 3]
    columns = [{unit.center[0] for unit in units} for units in display.units_]
    assert all(len(column) == 1 for column in columns)
    xs = [column.pop() for column in columns]
    assert_allclose(np.diff(xs), np.diff(xs)[0])
    assert xs == sorted(xs)
    heights = np.array([unit.center[1] for unit in display.units_[2]])
    assert_allclose(np.diff(heights), -1)
    assert_allclose(heights.mean(), 0, atol=1e-12)


def test_wide_layers_are_abbreviated_with_dots_and_a_number(clf, ax):
    display = NetworkDisplay.from_estimator(clf, ax=ax, max_units=5)
    assert [len(units) for units in display.units_] == [4, 5, 5, 3]
    assert texts(display, 1)[-1] == "relu\n20 units"
    assert texts(display, 2)[-1] == "relu"
    (dots,) = ax.lines
    heights = [unit.center[1] for unit in display.units_[1]]
    above, below = heights[2], heights[3]
    assert above > max(dots.get_ydata()) and below < min(dots.get_ydata())
    assert above - below == 2


@pytest.mark.parametrize("max_units", [1, 2])
def test_even_one_unit_can_stand_for_all(clf, ax, max_units):
    display = NetworkDisplay.from_estimator(clf, ax=ax, max_units=max_units)
    assert {len(units) for units in display.units_} == {max_units}
    assert len(ax.lines) == 4


def test_none_cannot(clf):
    with pytest.raises(ValueError, match="max_units=0"):
        NetworkDisplay.from_estimator(clf, max_units=0)


def test_lines_are_the_weights_over_the_largest_of_the_layer(clf, ax):
    display = NetworkDisplay.from_estimator(clf, ax=ax, max_units=6)
    shown = clf.coefs_[1][np.ix_([0, 1, 2, 17, 18, 19], range(5))] / np.abs(clf.coefs_[1]).max()
    lines = display.edges_[1]
    assert_allclose(np.sort(lines.get_array()), np.sort(shown.ravel()))
    assert (lines.norm.vmin, lines.norm.vmax, lines.cmap.name) == (-1, 1, "PuOr")
    tails = [unit.center[1] for unit in display.units_[1]]
    heads = [unit.center[1] for unit in display.units_[2]]
    widest, strongest = lines.get_linewidth()[-1], abs(lines.get_array()[-1])
    for (tail, head), share, width in zip(
        ends(lines), lines.get_array(), lines.get_linewidth(), strict=True
    ):
        assert share == pytest.approx(shown[tails.index(tail), heads.index(head)])
        assert width / widest == pytest.approx((0.3 + 2.7 * abs(share)) / (0.3 + 2.7 * strongest))
    assert (np.diff(np.abs(lines.get_array())) >= 0).all()  # the strongest on top


def test_biases_are_lines_from_a_unit_of_their_own(clf, ax):
    display = NetworkDisplay.from_estimator(clf, ax=ax, show_biases=True)
    assert [len(units) for units in display.units_] == [5, 9, 6, 3]
    assert [len(lines.get_segments()) for lines in display.edges_] == [40, 45, 18]
    top = display.units_[2][0].center[1]
    assert texts(display, 2)[0] == "1"
    lines = display.edges_[2]
    largest = max(np.abs(clf.coefs_[2]).max(), np.abs(clf.intercepts_[2]).max())
    mine = lines.get_array()[ends(lines)[:, 0] == top]
    assert_allclose(np.sort(mine), np.sort(clf.intercepts_[2] / largest))


def test_names_stand_beside_their_units(clf, ax):
    display = NetworkDisplay.from_estimator(clf, **NAMES, ax=ax)
    assert texts(display, 0)[:4] == IRIS.feature_names
    assert texts(display, 3)[:3] == list(IRIS.target_names)
    for layer, side in ((0, -1), (3, 1)):
        for text, unit in zip(display.texts_[layer], display.units_[layer], strict=False):
            assert text.get_position()[1] == unit.center[1]
            assert side * (text.get_position()[0] - unit.center[0]) > unit.radius
    assert [texts(display, i)[-1] for i in range(4)] == [
        "inputs",
        "relu\n20 units",
        "relu",
        "softmax",
    ]


def test_a_row_colours_its_units_and_is_written_into_them(clf, ax):
    display = NetworkDisplay.from_estimator(clf, X=IRIS.data[:1], ax=ax)
    p = clf.predict_proba(IRIS.data[:1])[0]
    assert texts(display, 3)[:3] == [f"{one:z.2f}" for one in p]
    h = clf.transform(IRIS.data[:1])[0]
    assert texts(display, 2)[:5] == [f"{one:z.2f}" for one in h]
    colours = [unit.get_facecolor() for unit in display.units_[3]]
    expected = display.edges_[0].cmap((1 + p / p.max()) / 2)
    assert_allclose(colours, expected)
    with pytest.raises(ValueError, match="got 2 rows"):
        NetworkDisplay.from_estimator(clf, X=IRIS.data[:2])


def test_one_of_several_networks_is_drawn(ax):
    reg = MLPRegressor((3,), max_iter=2, n_estimators=2, random_state=0)
    reg.fit(IRIS.data, IRIS.target)
    weights = [NetworkDisplay.from_estimator(reg, network=k, ax=ax).weights[1] for k in (0, 1)]
    slot = next(s for s in reg.networks_.layout.slots if s.role == "weight" and s.shape == (3, 1))
    assert_array_equal(weights, slot.view(reg.networks_.theta))


def test_the_blackboard(ax):
    display = NetworkDisplay.from_sizes([2, 3, 1], ax=ax)
    assert texts(display, 0) == ["$x_{1}$", "$x_{2}$"]
    assert texts(display, 1) == ["$h_{1}$", "$h_{2}$", "$h_{3}$"]
    assert texts(display, 2) == ["$y$"]
    assert display.colorbar_ is None
    assert [len(lines.get_segments()) for lines in display.edges_] == [6, 3]
    deep = NetworkDisplay.from_sizes([12, 2, 2, 2], max_units=3, ax=ax)
    assert texts(deep, 0) == ["$x_{1}$", "$x_{2}$", "$x_{12}$", "12 inputs"]
    assert texts(deep, 2) == ["$h^{(2)}_{1}$", "$h^{(2)}_{2}$"]
    assert texts(deep, 3) == ["$y_{1}$", "$y_{2}$"]


def test_settings_reach_the_artists(clf, ax):
    display = NetworkDisplay.from_estimator(
        clf,
        ax=ax,
        cmap="RdBu_r",
        colorbar=False,
        unit_kw={"fc": "yellow", "lw": 3},
        edge_kw={"alpha": 0.5},
        text_kw={"size": 4, "color": "red"},
    )
    assert display.units_[0][0].get_facecolor()[:3] == (1, 1, 0)
    assert display.units_[0][0].get_linewidth() == 3
    assert display.edges_[0].get_alpha() == 0.5
    assert display.edges_[0].cmap.name == "RdBu_r"
    assert display.texts_[3][0].get_fontsize() == 4
    assert display.colorbar_ is None and len(ax.figure.axes) == 1


@pytest.mark.parametrize("size", [(3, 2), (12, 3), (4, 9)])
def test_nothing_is_cut_off_and_no_names_overlap(clf, size):
    ax = figure.Figure(figsize=size, layout="constrained").subplots()
    display = NetworkDisplay.from_estimator(clf, **NAMES, ax=ax)
    display.figure_.draw_without_rendering()
    page = display.figure_.bbox
    boxes = [text.get_window_extent() for layer in display.texts_ for text in layer]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(page.containsx(x) for box in boxes for x in box.intervalx)
    assert all(page.containsy(y) for box in boxes for y in box.intervaly)
    circles = [unit.get_window_extent() for units in display.units_ for unit in units]
    assert not any(a.overlaps(b) for i, a in enumerate(circles) for b in circles[:i])
    assert not any(a.overlaps(b) for a in boxes for b in circles)
