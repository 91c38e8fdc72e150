"""Classes with an order."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import SKLEARN_DEFAULTS, MLPClassifier
from skmlp.core.losses import Focal, Ordinal

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NAMES = ["low", "middle", "high"]  # high < low < middle by the alphabet
N_CLASSES = 5


def ordered_data(seed, n):
    """Return columns, and classes that are parts of a noisy scale which bends with them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    scale = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.logistic(size=n)
    return X, np.searchsorted([-1.2, -0.4, 0.3, 1.1], scale)


X, CODE = ordered_data(0, 300)
THREE = np.minimum(CODE, 2)
Y = pd.Series(pd.Categorical.from_codes(THREE, NAMES, ordered=True), name="dose")


def ordinal(**settings):
    settings = {"loss": "ordinal", "n_estimators": 1, "max_iter": 12, **settings}
    return MLPClassifier(**{"hidden_layer_sizes": (16,), "random_state": 0, **settings})


@pytest.fixture(scope="module")
def model():
    return ordinal().fit(X, Y)


def test_columns_of_probabilities_are_sorted_and_their_order_is_that_of_the_categories(model):
    assert model.classes_.tolist() == sorted(NAMES)
    by_number = ordinal().fit(X, THREE)
    p = pd.DataFrame(model.predict_proba(X), columns=model.classes_)
    assert_array_equal(p[NAMES], by_number.predict_proba(X))
    assert_allclose(p.sum(axis=1), 1)
    assert_array_equal(model.predict(X), np.array(NAMES)[by_number.predict(X)])
    assert_array_equal(model.predict(X), p.idxmax(axis=1))
    assert model.score(X, Y) == by_number.score(X, THREE) > 0.5


def test_the_order_of_the_classes_matters(model):
    other = Y.cat.reorder_categories(["low", "high", "middle"])
    assert not np.allclose(ordinal().fit(X, other).predict_proba(X), model.predict_proba(X))


def test_other_losses_are_without_order():
    plain = MLPClassifier((4,), max_iter=2, n_estimators=1, random_state=0)
    assert_array_equal(
        plain.fit(X, Y).predict_proba(X), clone(plain).fit(X, Y.tolist()).predict_proba(X)
    )


def test_a_scorer_finds_the_columns_where_it_expects_them(model):
    p = model.predict_proba(X)
    expected = -np.log(p[np.arange(len(X)), np.searchsorted(model.classes_, Y)]).mean()
    assert log_loss(Y.tolist(), p) == pytest.approx(expected)


def test_text_without_order_is_taken_by_the_alphabet_with_a_warning():
    with pytest.warns(UserWarning, match="alphabet: high < low < middle. If .* ordered=True"):
        model = ordinal().fit(X, Y.tolist())
    by_alphabet = Y.cat.reorder_categories(sorted(NAMES))
    assert_array_equal(model.predict_proba(X), ordinal().fit(X, by_alphabet).predict_proba(X))
    with pytest.warns(UserWarning, match="alphabet"):
        ordinal(max_iter=1).fit(X, Y.cat.as_unordered())


def test_a_category_that_does_not_occur_is_no_class():
    some = Y != "middle"
    model = ordinal().fit(X[some], Y[some])
    assert model.classes_.tolist() == ["high", "low"]
    assert model.predict_proba(X).shape == (len(X), 2)


def test_numbers_are_in_their_own_order_unless_they_are_categories(model):
    codes = pd.Series(pd.Categorical(np.array([30, 20, 10])[THREE], [30, 20, 10], ordered=True))
    p = ordinal().fit(X, codes).predict_proba(X)  # columns 10, 20, 30
    columns = [model.classes_.tolist().index(name) for name in reversed(NAMES)]
    assert_array_equal(p, model.predict_proba(X)[:, columns])


def test_two_classes_are_the_log_loss():
    y = pd.Categorical.from_codes((CODE > 1).astype(int), ["yes", "no"], ordered=True)
    one, other = ordinal().fit(X, y), ordinal(loss="log_loss").fit(X, y)
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert_array_equal(one.decision_function(X), other.decision_function(X))


@pytest.mark.parametrize("y", [CODE[:, None] > [0, 1], np.column_stack([THREE, CODE])])
def test_several_columns_are_refused(y):
    with pytest.raises(ValueError, match="expected one column of ordered classes"):
        ordinal().fit(X, y.astype(int))


@pytest.mark.parametrize(
    "settings",
    [
        {"n_estimators": 3},
        {"n_estimators": 3, "weight_sharing": True},
        {"n_estimators": 3, "pack": True, "early_stopping": True},
        {"early_stopping": True, "validation_split": "random"},
        {"solver": "lbfgs", "calibrate": False},
        {"class_weight": "balanced"},
        {"class_weight": dict(zip(NAMES, [1, 5, 2], strict=True))},
        {"loss": Ordinal(label_smoothing=0.1)},
        {**SKLEARN_DEFAULTS, "max_iter": 40},
        {"dtype": "float32"},
    ],
    ids=repr,
)
def test_every_feature_works(settings):
    model = ordinal(**settings).fit(X, Y)
    p = model.predict_proba(X)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])
    logits = model.decision_function(X)
    assert_allclose(np.exp(logits), p, rtol=1e-5)
    assert model.score(X, Y) > 0.5
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), p)


def test_weights_are_repetitions():
    w = np.arange(len(X)) % 3
    settings = {"solver": "lbfgs", "calibrate": False, "alpha": 0.1, "weight_init": "narrow"}
    weighted = ordinal(**settings).fit(X, Y, sample_weight=w)
    repeated = ordinal(**settings).fit(np.repeat(X, w, axis=0), Y.repeat(w))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-5)


def test_calibration_undoes_label_smoothing():
    X_val, y_val = ordered_data(1, 300)
    X_test, y_test = ordered_data(2, 1000)
    settings = {"label_smoothing": 0.5, "joint_best_epoch": False, "early_stopping": True}
    losses = []
    for calibrate in (False, True):
        model = ordinal(**settings, calibrate=calibrate).fit(X, CODE, X_val=X_val, y_val=y_val)
        losses.append(log_loss(y_test, model.predict_proba(X_test)))
    assert model.temperature_ < 0.9
    assert losses[1] < losses[0]


def test_partial_fit_takes_the_order_of_its_classes_or_of_y():
    classes = pd.Categorical(NAMES, NAMES, ordered=True)
    pieces = [slice(0, 100), slice(100, None)]
    by_classes, by_y, by_number = ordinal(), ordinal(), ordinal()
    for rows in pieces:
        by_classes.partial_fit(X[rows], Y[rows].tolist(), classes=classes)
        by_y.partial_fit(X[rows], Y[rows], classes=NAMES)
        by_number.partial_fit(X[rows], THREE[rows], classes=range(3))
    columns = [NAMES.index(name) for name in by_y.classes_]
    assert_array_equal(by_classes.predict_proba(X), by_number.predict_proba(X)[:, columns])
    assert_array_equal(by_y.predict_proba(X), by_number.predict_proba(X)[:, columns])


def test_classes_beside_the_categories_are_refused():
    with pytest.raises(ValueError, match=r"classes \['huge'\] beside the ordered categories"):
        ordinal().partial_fit(X, Y, classes=[*NAMES, "huge"])


def test_an_order_of_columns_comes_before_that_of_categories(model):
    given = Ordinal(label_smoothing=0.0, order=(1, 2, 0))
    unordered = ordinal(loss=given, label_smoothing=0.0).fit(X, Y.cat.as_unordered())
    smooth = ordinal(label_smoothing=0.0).fit(X, Y)
    assert_array_equal(unordered.predict_proba(X), smooth.predict_proba(X))


def test_searches_keep_the_order():
    search = GridSearchCV(ordinal(max_iter=3), {"alpha": [0.1, 1.0]}, cv=2, scoring="neg_log_loss")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of the alphabet
        search.fit(X, Y)
        scores = cross_val_score(ordinal(max_iter=3), X, Y, cv=2, scoring="neg_log_loss")
    assert np.isfinite(scores).all()
    assert search.best_estimator_._order == (1, 2, 0)


def test_mistakes_are_smaller_than_those_of_the_log_loss():
    X_test, y_test = ordered_data(99, 1000)
    errors = {"ordinal": 0.0, "log_loss": 0.0}
    for seed in range(3):
        rows = ordered_data(seed, 300)
        for loss in errors:
            model = ordinal(loss=loss, max_iter=30, random_state=seed).fit(*rows)
            p = model.predict_proba(X_test)
            assert (np.diff(p.cumsum(axis=1)) >= 0).all()
            errors[loss] += np.abs(model.predict(X_test) - y_test).mean()
    assert errors["ordinal"] < errors["log_loss"]


def test_out_activation_tells_apart():
    assert ordinal(max_iter=1).fit(X, THREE).out_activation_ == "logistic"
    assert ordinal(loss=Focal(), max_iter=1).fit(X, THREE).out_activation_ == "softmax"


CHECKED = ordinal(solver="lbfgs", alpha=0.1, max_iter=25)


@pytest.mark.filterwarnings("ignore:loss='ordinal' takes text:UserWarning")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        (estimator, check)
        for estimator, check in parametrize_with_checks([CHECKED]).args[1]
        if "classif" in str(check)
    ],
)
def test_scikit_learns_checks_of_classifiers(estimator, check):
    check(estimator)
