"""Wide tables are trained in the space of their rows, with the same outcome."""

import pickle

import numpy as np
import pytest
import sklearn.model_selection
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone

import skmlp.model_selection
from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.core.network import Network
from skmlp.estimators import _base, _data, _folding
from skmlp.model_selection import _shared
from tests.pairs import every_pair

N, P = 40, 700
rng = np.random.default_rng(0)
X = rng.normal(size=(N + 15, P)) * rng.uniform(0.2, 2, P) + 1
Y = (X[:, :20].mean(axis=1) + 0.1 * rng.normal(size=len(X)) > 1).astype(int)
R = X[:, :5].sum(axis=1)
SK = {**SKLEARN_DEFAULTS, "solver": "sgd", "hidden_layer_sizes": (9, 4), "alpha": 1.0}
OURS = {"solver": "sgd", "l1": 0.0, "alpha": 2.0, "dtype": "float64", "hidden_layer_sizes": (8,)}
SETTINGS = {
    "as scikit-learn": SK,
    "as scikit-learn, early stopping": {**SK, "early_stopping": True, "n_iter_no_change": 3},
    "no momentum": {**SK, "momentum": 0.0},
    "adaptive": {**SK, "learning_rate": "adaptive", "tol": 1e-2},
    "lbfgs": {**SK, "solver": "lbfgs", "max_iter": 30},
    "gd": {**OURS, "solver": "gd"},
    "sgd": OURS,
    "batch norm": {**OURS, "normalization": "batch"},
    "clipped": {**OURS, "clip_norm": 0.1, "max_norm": 0.5, "dropout": 0.2},
    "decay, average": {**OURS, "weight_decay": 0.1, "averaging": 0.9},
    "no hidden layer": {**OURS, "hidden_layer_sizes": ()},
    "early stopping": {**OURS, "early_stopping": True, "scoring": "loss"},
    "standard": {**OURS, "standardize": True},
}


def fitted(model, monkeypatch, folds, x=X, y=Y, **settings):
    with monkeypatch.context() as patch:
        patch.setattr(_folding, "_WORTH", 2 if folds else np.inf)
        model = clone(model).fit(x[:N], y[:N], **settings)
    assert (model._folded is not None) == folds
    return model


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("form", ["array", "sparse"])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_course_is_that_of_training_all_weights(name, form, monkeypatch):
    settings = {"max_iter": 15, "learning_rate_init": 1e-3, "random_state": 0, **SETTINGS[name]}
    model, x = MLPClassifier(**settings), X
    if form == "sparse":
        x = sparse.csr_matrix(X * (X > 1))
    direct, folded = (fitted(model, monkeypatch, folds, x) for folds in (False, True))
    assert folded.n_iter_ == direct.n_iter_
    near = 1e-6 if name == "lbfgs" else 1e-8  # whose line search heeds the last bit
    assert_allclose(folded.loss_curve_, direct.loss_curve_, rtol=near)
    assert_allclose(folded.loss_, direct.loss_, rtol=near)
    if "early" in name:
        assert_allclose(folded.validation_scores_, direct.validation_scores_, rtol=1e-8)
    assert folded._folded is not None, "nothing so far has asked for the weights"
    assert_allclose(folded.predict_proba(x[N:]), direct.predict_proba(x[N:]), rtol=1e-6)
    assert_allclose(folded.networks_.theta, direct.networks_.theta, atol=near)
    assert folded._folded is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_pickle_keeps_the_weights_and_not_the_rows(monkeypatch):
    model = MLPRegressor(**{**SK, "max_iter": 5, "random_state": 0})
    model = fitted(model, monkeypatch, True, y=R)
    text = pickle.dumps(model)
    assert len(text) < 1.5 * 8 * model.coefs_[0].size
    assert_allclose(pickle.loads(text).predict(X), model.predict(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_given_rows_to_watch(monkeypatch):
    model = MLPClassifier(**{**SK, "max_iter": 10, "random_state": 0, "early_stopping": True})
    val = {"X_val": X[N:], "y_val": Y[N:]}
    direct, folded = (fitted(model, monkeypatch, folds, **val) for folds in (False, True))
    assert_allclose(folded.validation_scores_, direct.validation_scores_)
    assert_allclose(
        [row["validation_loss"] for row in folded.history_],
        [row["validation_loss"] for row in direct.history_],
        rtol=1e-8,
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "adam"},
        {"l1": 0.1},
        {"warm_start": True},
        {"weight_init": "data"},
        {"scoring": "roc_auc", "early_stopping": True},
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_depends_on_the_axes_is_trained_as_it_is(settings, monkeypatch):
    model = MLPClassifier(**{**OURS, "max_iter": 3, **settings}).fit(X[:N], Y[:N])
    assert model._folded is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("settings", "dtype", "large"),
    every_pair(
        [{**SK, "early_stopping": True}, SETTINGS["batch norm"]],
        ["float64", "float32"],
        [False, True],
    ),
)
def test_a_search_draws_the_weights_of_a_fold_once(dtype, large, settings, monkeypatch):
    model = MLPClassifier(**{**settings, "dtype": dtype, "max_iter": 8, "random_state": 0})
    x, grid = X.astype(dtype), {"alpha": [0.1, 1.0, 10.0], "learning_rate_init": [1e-3, 1e-2]}
    if large:  # read in blocks
        monkeypatch.setattr(_data, "_COPY_BYTES", 0)
        monkeypatch.setattr(_shared, "_MOST_BYTES", 0)
    searches = [
        kind(model, grid, cv=3, refit=False, scoring=["accuracy", "neg_log_loss"])
        for kind in (sklearn.model_selection.GridSearchCV, skmlp.model_selection.GridSearchCV)
    ]
    its = searches[0].fit(x, Y).cv_results_
    draws = []

    class Counting(Network):
        def initialize(self, rngs):
            draws.extend([self.n_in] * (self.n_in == P))
            super().initialize(rngs)

    monkeypatch.setattr(_base, "Network", Counting)
    monkeypatch.setattr(_folding, "Network", Counting)
    mine = searches[1].fit(x, Y).cv_results_
    # one at the start, one for each later fold, and one for the rows of each to be scored
    assert len(draws) <= 1 + 2 + 2 * 3
    for score in ("mean_test_accuracy", "mean_test_neg_log_loss"):
        assert_allclose(mine[score], its[score], rtol=1e-9 if dtype == "float64" else 1e-4)
    assert _folding.memory.get() is None
