"""Networks draw settings of their own, and those are averaged that predict best together."""

import pickle

import numpy as np
import pytest
import sklearn.model_selection
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression

import skmlp.model_selection
from skmlp import MLPClassifier, MLPRegressor
from skmlp.core.callbacks import mean_loss
from skmlp.core.losses import SquaredError
from skmlp.estimators._data import lay_out
from skmlp.estimators._pack import chosen

X, Y = make_classification(150, 5, n_informative=4, n_redundant=0, random_state=0)
R = make_regression(150, 5, noise=20.0, random_state=0)[1]
PACK = {"pack": True, "n_estimators": 6, "hidden_layer_sizes": (8,), "max_iter": 8}


def classifier(**settings):
    return MLPClassifier(**{**PACK, "random_state": 0, **settings})


def test_the_choice_is_greedy_with_replacement():
    y = np.zeros((4, 1))
    raw = np.array([[3.0, 3, 3, 3], [-1, -1, -1, -1], [1.5, 1.5, 1.5, 1.5], [-9, 9, -9, 9]])
    # the best alone is -1; with 1.5 the mean is 0.25; with a second -1 it is -1/6
    assert chosen(SquaredError(), raw[..., None], y, None) == [1, 1, 2]
    # rows without weight do not count
    w = np.array([1.0, 1.0, 0.0, 0.0])
    raw[0] = [0, 0, 99, 99]
    assert chosen(SquaredError(), raw[..., None], y, w) == [0]


def test_diverged_networks_are_not_chosen():
    raw = np.full((3, 2, 1), np.nan)
    raw[1] = 1.0
    assert set(chosen(SquaredError(), raw, np.zeros((2, 1)), None)) == {1}


def test_each_network_has_settings_of_its_own():
    model = classifier(learning_rate_init=0.01, weight_decay=0.1).fit(X, Y)
    now = model._now
    assert_allclose([now.learning_rate_init[0], now.weight_decay[0]], [0.01, 0.1])
    for values, low, high in (
        (now.learning_rate_init, 0.01 / 3, 0.03),
        (now.weight_decay, 0.01, 1.0),
        (now.dropout[1:], 0, 0.3),
    ):
        assert len(set(values)) > 2
        assert ((values >= low) & (values <= high)).all()
    assert_array_equal(clone(model).fit(X, Y)._now.dropout, now.dropout)
    other = clone(model).set_params(random_state=1).fit(X, Y)
    assert not np.array_equal(other._now.dropout, now.dropout)


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_those_that_are_averaged_predict_the_held_out_rows_best(make):
    y = Y if make is MLPClassifier else R
    model = make(**PACK, random_state=0, early_stopping=True).fit(X, y)
    assert 1 <= len(model.chosen_) <= 6
    again = pickle.loads(pickle.dumps(model))
    assert again.chosen_ == model.chosen_
    assert_allclose(again.predict(X), model.predict(X))
    # the rows held out are those of the split
    _, _, held = model._training.split
    loss, target = model._plain_loss(), model._encode_y(y)[held]
    target = model._scale_target(target, None, False)
    inputs = lay_out(model._encode_X(X[held]), None, model._standardizer, model._arithmetic)
    raw = model.networks_.predict(inputs)
    each = [mean_loss(loss, raw[k : k + 1], target, None)[0] for k in range(6)]
    together = mean_loss(loss, loss.average(raw[model.chosen_]), target, None)[0]
    assert together <= min(each) + 1e-9


def test_rows_are_held_out_by_default_and_the_networks_share_them():
    model = classifier().fit(X, Y)
    assert model._training.folds is None
    assert model._training.split is not None


@pytest.mark.parametrize("settings", [{"validation_split": "folds"}, {"early_stopping": False}])
def test_without_rows_that_all_hold_out_there_is_no_choice(settings):
    with pytest.raises(ValueError, match=r"pack=True chooses .* pass early_stopping=True"):
        classifier(**settings).fit(X, Y)


def test_lbfgs_takes_no_settings_that_differ():
    with pytest.raises(ValueError, match="solver='lbfgs' .* dropout"):
        classifier(solver="lbfgs").fit(X, Y)


def test_rows_may_be_given():
    model = classifier(early_stopping=True).fit(X[:100], Y[:100], X_val=X[100:], y_val=Y[100:])
    assert model.chosen_


def test_a_search_gives_the_same():
    grid = {"learning_rate_init": [0.003, 0.01], "pack": [True, False]}
    model = classifier(max_iter=3, dtype="float64")
    ours = skmlp.model_selection.GridSearchCV(model, grid, cv=2, scoring="neg_log_loss")
    ours.fit(X, Y)
    theirs = sklearn.model_selection.GridSearchCV(model, grid, cv=2, scoring="neg_log_loss")
    theirs.fit(X, Y)
    name = "mean_test_score"
    assert_allclose(ours.cv_results_[name], theirs.cv_results_[name])
