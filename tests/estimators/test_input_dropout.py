"""Hiding inputs while training, as a parameter of the estimators."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn import model_selection

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.estimators import _data
from skmlp.model_selection import GridSearchCV

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 8))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
SHORT = {"max_iter": 8, "random_state": 0, "hidden_layer_sizes": (6,)}
FRAME = (
    pd.DataFrame(X)
    .assign(group=np.array(list("abc"))[np.arange(60) % 3])
    .set_axis([*"abcdefgh", "group"], axis=1)
)
CASES = {
    "default": (X, {}),
    "one network": (X, {"n_estimators": 1}),
    "frame": (FRAME, {}),
    "embedded": (FRAME, {"max_one_hot": 2, "numeric_embedding": "pbld"}),
    "shared weights": (X, {"weight_sharing": True}),
    "sparse": (sparse.csr_matrix(X), {"standardize": False}),
    "no hidden layer": (X, {"hidden_layer_sizes": ()}),
    "scikit-learn": (X, SKLEARN_DEFAULTS),
    "wide": (np.tile(X[:30], (1, 20)), {"solver": "sgd", "l1": 0.0}),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", CASES)
def test_it_changes_the_training_and_not_the_prediction(name):
    x, settings = CASES[name]
    y = Y[: x.shape[0]]
    plain, hiding = (
        MLPClassifier(**{**settings, **SHORT, **own}).fit(x, y)
        for own in ({}, {"input_dropout": 0.4})
    )
    assert not np.allclose(plain.predict_proba(x), hiding.predict_proba(x), atol=1e-4)
    assert_allclose(hiding.predict_proba(x), hiding.predict_proba(x), rtol=0)
    assert hiding._folded is None


def test_a_table_read_in_blocks_learns_from_what_is_left(monkeypatch):
    monkeypatch.setattr(_data, "_COPY_BYTES", 1 << 10)
    wide = rng.normal(size=(60, 300))
    target = wide[:, :100].mean(axis=1)
    settings = {"solver": "adam", "max_iter": 60, "l1": 0.0, "learning_rate_init": 0.01}
    model = MLPRegressor((4,), **settings, input_dropout=0.2, random_state=0).fit(wide, target)
    assert model.score(wide, target) > 0.8


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_over_it_has_the_scores_of_fits_alone():
    grid = {"input_dropout": [0.1, 0.2, 0.5], "alpha": [0.0, 1.0]}
    model = MLPClassifier(**{**SKLEARN_DEFAULTS, **SHORT})
    ours, theirs = (
        kind(model, grid, cv=3, scoring="neg_log_loss").fit(X, Y).cv_results_["mean_test_score"]
        for kind in (GridSearchCV, model_selection.GridSearchCV)
    )
    assert_allclose(ours, theirs, rtol=1e-9)
    assert len(np.unique(ours)) == 6


def test_lbfgs_refuses_it():
    with pytest.raises(ValueError, match="input_dropout=0.2 disturbs; pass input_dropout=0.0"):
        MLPClassifier(solver="lbfgs", input_dropout=0.2).fit(X, Y)
