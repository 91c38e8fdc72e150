"""Curves of fits, thick and thin, and where the best epoch is."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier as SklearnClassifier

from skmlp import MLPClassifier, MLPRegressor
from skmlp.inspection import LossCurveDisplay

figure = pytest.importorskip("matplotlib.figure")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
SHORT = {"hidden_layer_sizes": 4, "max_iter": 4, "random_state": 0}


@pytest.fixture(scope="module")
def ensemble():
    return MLPClassifier(**SHORT, n_estimators=3).fit(X, Y)


@pytest.fixture
def ax():
    return figure.Figure().subplots()


def history(model, name):
    return [row[name] for row in model.history_]


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_one_fit_shows_losses_and_score(ensemble, ax):
    display = LossCurveDisplay.from_estimator(ensemble, ax=ax)
    name = "MLPClassifier"
    for kind in ("train_loss", "validation_loss", "validation_score"):
        line = display.lines_[name, kind]
        assert_allclose(line.get_ydata(), history(ensemble, kind))
        assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
        score = kind == "validation_score"
        assert line.axes is (display.ax_score_ if score else ax)
    assert display.ax_score_ is not ax
    assert display.ax_score_.get_ylabel() == "validation accuracy"
    assert labels(display)[:3] == ["training loss", "validation loss", "validation accuracy"]
    styles = {line.get_linestyle() for line in display.lines_.values()}
    assert len(styles) == 3


def test_the_best_epoch_is_that_of_the_weights_kept(ensemble, ax):
    display = LossCurveDisplay.from_estimator(ensemble, ax=ax)
    best = int(np.argmax(history(ensemble, "validation_score"))) + 1
    assert ensemble._training.stopper.best_epoch.tolist() == [best] * 3
    (mark,) = display.best_.values()
    assert mark.get_xdata() == [best]
    assert mark.get_ydata() == [ensemble.best_validation_score_]
    assert mark.axes is display.ax_score_
    assert labels(display)[3] == f"best epoch, {best}"


def test_networks_are_thin_lines_around_their_mean(ensemble, ax):
    display = LossCurveDisplay.from_estimator(ensemble, ax=ax)
    each = np.array([line.get_ydata() for line in display.network_lines_])
    assert each.shape == (3, 4)  # what is watched is one curve for all
    assert_allclose(each.mean(axis=0), ensemble.loss_curve_)
    hidden = LossCurveDisplay.from_estimator(ensemble, show_networks=False, ax=ax)
    assert hidden.network_lines_ == []


def test_each_network_with_a_best_epoch_of_its_own_leaves_none_to_mark(ax):
    clf = MLPClassifier(**SHORT, n_estimators=2, joint_best_epoch=False).fit(X, Y)
    display = LossCurveDisplay.from_estimator(clf, ax=ax)
    assert display.best_ == {}
    assert len(display.network_lines_) == 6


def test_a_pickled_ensemble_has_its_mean_still(ensemble, ax):
    display = LossCurveDisplay.from_estimator(pickle.loads(pickle.dumps(ensemble)), ax=ax)
    assert display.network_lines_ == [] and len(display.lines_) == 3 and len(display.best_) == 1


def test_several_fits_go_by_name_and_colour(ax):
    fits = {n: MLPClassifier(**{**SHORT, "hidden_layer_sizes": n}).fit(X, Y) for n in (2, 3)}
    display = LossCurveDisplay.from_estimator(fits, ax=ax)
    assert set(display.lines_) == {
        (name, kind) for name in "23" for kind in ("train_loss", "validation_loss")
    }
    assert display.ax_score_ is None
    colours = {line.get_color() for (name, _), line in display.lines_.items() if name == "2"}
    others = {line.get_color() for (name, _), line in display.lines_.items() if name == "3"}
    assert len(colours) == len(others) == 1 and colours != others
    assert labels(display)[0] == "2, training loss" and labels(display)[-1] == "best epochs"
    assert all(mark.axes is ax for mark in display.best_.values())
    listed = LossCurveDisplay.from_estimator(list(fits.values()), ax=ax)
    assert list(listed.curves) == ["MLPClassifier 1", "MLPClassifier 2"]


@pytest.mark.parametrize(
    ("validation", "kinds"),
    [
        ("loss", {"validation_loss"}),
        ("score", {"validation_score"}),
        ("both", {"validation_loss", "validation_score"}),
        (None, set()),
    ],
)
def test_what_is_shown_of_the_watched_rows_is_a_choice(ensemble, ax, validation, kinds):
    display = LossCurveDisplay.from_estimator(ensemble, validation=validation, ax=ax)
    assert {kind for _, kind in display.lines_} == {"train_loss", *kinds}


def test_a_choice_that_is_none_is_refused(ensemble):
    with pytest.raises(ValueError, match="validation='accuracy', expected 'auto'"):
        LossCurveDisplay.from_estimator(ensemble, validation="accuracy")


def test_without_watched_rows_there_is_a_training_loss(ax):
    reg = MLPRegressor(**SHORT, n_estimators=1, early_stopping=False).fit(X, Y)
    display = LossCurveDisplay.from_estimator(reg, ax=ax, line_kw={"lw": 7})
    assert list(display.lines_) == [("MLPRegressor", "train_loss")]
    assert display.best_ == {} and display.ax_score_ is None
    assert display.lines_["MLPRegressor", "train_loss"].get_linewidth() == 7


def test_lbfgs_has_iterations(ax):
    clf = MLPClassifier(**SHORT, solver="lbfgs").fit(X, Y)
    display = LossCurveDisplay.from_estimator(clf, ax=ax)
    assert_allclose(display.lines_["MLPClassifier", "train_loss"].get_ydata(), clf.loss_curve_)


def test_watched_rows_that_do_not_stop_the_training_have_no_best_epoch(ax):
    reg = MLPRegressor(**SHORT, n_estimators=1, early_stopping=False)
    reg.fit(X, Y, X_val=X[:20], y_val=Y[:20])
    display = LossCurveDisplay.from_estimator(reg, ax=ax)
    assert len(display.lines_) == 3 and display.best_ == {}
    assert display.ax_score_.get_ylabel() == "validation R²"


def test_scikit_learns_curves(ax):
    settings = {"hidden_layer_sizes": 4, "max_iter": 4, "random_state": 0}
    clf = SklearnClassifier(**settings, early_stopping=True).fit(X, Y)
    display = LossCurveDisplay.from_estimator(clf, ax=ax)
    score = display.lines_["MLPClassifier", "validation_score"]
    assert_allclose(score.get_ydata(), clf.validation_scores_)
    assert len(display.best_) == 1
    with pytest.raises(ValueError, match="no loss_curve_"):
        LossCurveDisplay.from_estimator(SklearnClassifier(**settings, solver="lbfgs").fit(X, Y))
