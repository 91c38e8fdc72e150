"""What the displays share: matplotlib, where it is, axes, settings."""

import re
import sys

import numpy as np
import pytest

from skmlp.inspection import (
    ActivationDisplay,
    DecisionSurfaceDisplay,
    LossCurveDisplay,
    NetworkDisplay,
    PredictionIntervalDisplay,
    QuantileCalibrationDisplay,
    WeightsDisplay,
)
from skmlp.inspection._plot import _figure
from skmlp.inspection._plot.loss_curve import Curve

ONE = np.ones(1)
DISPLAYS = {
    "activation": ActivationDisplay(np.eye(2)),
    "decision_surface": DecisionSurfaceDisplay([np.eye(2)], (0, 1, 0, 1)),
    "loss_curve": LossCurveDisplay({"a": Curve({"train_loss": ONE})}),
    "network": NetworkDisplay([1, 1]),
    "prediction_interval": PredictionIntervalDisplay(ONE, ONE, ONE, ONE),
    "quantile_calibration": QuantileCalibrationDisplay(ONE / 2, ONE),
    "weights": WeightsDisplay(np.eye(2)),
}


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.mark.parametrize("name", DISPLAYS)
def test_without_matplotlib_the_extra_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=re.escape('pip install "skmlp[plot]"')):
        DISPLAYS[name].plot()


def test_training_does_not_start_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="plot"):
        DecisionSurfaceDisplay.from_training("no model is touched", np.eye(2), [0, 1])


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_figure_is_made_where_no_axes_are_given_and_can_be_drawn(name, pyplot):
    display = DISPLAYS[name].plot()
    assert display.figure_ is pyplot.gcf()
    display.figure_.canvas.draw()


@pytest.mark.parametrize("name", sorted(set(DISPLAYS) - {"weights"}))
def test_the_axes_given_are_used(name, pyplot):
    figure, (_, ax) = pyplot.subplots(1, 2)
    display = DISPLAYS[name].plot(ax)
    assert display.figure_ is figure
    assert (display.axes_[0] if name == "decision_surface" else display.ax_) is ax
    assert pyplot.get_fignums() == [figure.number]


def test_axes_are_divided_into_panels_in_their_place(pyplot):
    figure, (left, right) = pyplot.subplots(1, 2)
    panels = _figure.panels_for(right, 7, (1, 1))
    assert len(panels) == 7 and all(panel.figure is figure for panel in panels)
    assert min(panel.get_position().x0 for panel in panels) >= right.get_position().x0 - 1e-9
    assert panels[3].get_position().y1 < panels[0].get_position().y0
    assert not right.axison and left.axison


def test_panels_stand_in_a_row_or_nearly_in_a_square():
    assert [_figure.columns_for(n) for n in (1, 5, 6, 9, 10, 16)] == [1, 5, 3, 3, 4, 4]


def test_several_axes_are_taken_as_they_are(pyplot):
    _, axes = pyplot.subplots(2, 2)
    assert _figure.panels_for(axes, 4, (1, 1)) == list(axes.ravel())
    with pytest.raises(ValueError, match="got 4 axes for 5 panels"):
        _figure.panels_for(axes, 5, (1, 1))


def test_axes_without_a_place_in_a_grid_are_not_divided(pyplot):
    ax = pyplot.figure().add_axes((0, 0, 1, 1))
    assert _figure.panels_for(ax, 1, (1, 1)) == [ax]
    with pytest.raises(ValueError, match="pyplot.subplots"):
        _figure.panels_for(ax, 2, (1, 1))


@pytest.mark.parametrize("alias", ["lw", "linewidth"])
def test_settings_given_under_any_alias_override_the_defaults(alias, pyplot):
    style = _figure.styled("Line2D", {"linewidth": 1, "color": "k"}, {alias: 5})
    assert style == {"linewidth": 5, "color": "k"}


def test_long_names_are_cut():
    assert _figure.shortened("short") == "short"
    assert len(_figure.shortened("n" * 100)) == 24
