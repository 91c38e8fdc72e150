"""Every candidate and fold scores as our estimator does alone, under scikit-learn's own search."""

import numpy as np
import pytest
import sklearn.model_selection as skl
from numpy.testing import assert_allclose
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor, model_selection
from skmlp.core.rows import Rows
from skmlp.model_selection import _shared
from tests.pairs import every_pair

# 103 rows: folds of 34 and 35 rows, so of 68 and 69 to train on, which share a stack
X, Y = make_classification(103, 6, n_informative=4, random_state=0)
Y3 = (X[:, 0] > 0.5).astype(int) + (X[:, 1] > 0)
R = make_regression(103, 6, n_targets=2, noise=5.0, random_state=0)[1]
CV = skl.KFold(3, shuffle=True, random_state=0)
SK = {**SKLEARN_DEFAULTS, "max_iter": 12, "hidden_layer_sizes": (7,), "random_state": 0}
OURS = {"max_iter": 8, "hidden_layer_sizes": (7, 5), "random_state": 0, "dtype": "float64"}
RATES = {"learning_rate_init": [1e-3, 1e-2]}


def classifier(**settings):
    return MLPClassifier(**{**OURS, **settings})


def regressor(**settings):
    return MLPRegressor(**{**OURS, **settings})


def assert_same(estimator, grid, X, y, *, rtol=1e-9, atol=1e-12, params=None, **settings):
    """Compare every number of the two searches but the times; return ours."""
    settings = {"cv": CV, "refit": False, **settings}
    ours = model_selection.GridSearchCV(estimator, grid, **settings).fit(X, y, **(params or {}))
    theirs = skl.GridSearchCV(estimator, grid, **settings).fit(X, y, **(params or {}))
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for name, values in theirs.cv_results_.items():
        if name == "params":
            assert list(ours.cv_results_[name]) == list(values)
        elif "time" not in name and not name.startswith("param_"):
            assert_allclose(ours.cv_results_[name], values, rtol=rtol, atol=atol, err_msg=name)
    return ours


def in_pairs(grid):
    """Return a list of grids of one candidate each, few of all in the grid."""
    candidates = every_pair(*grid.values())
    return [{name: [value] for name, value in zip(grid, one, strict=True)} for one in candidates]


CASES = {
    "as scikit-learn": (MLPClassifier(**SK), {**RATES, "alpha": [1e-4, 1.0]}, Y),
    "sgd": (
        MLPClassifier(**{**SK, "solver": "sgd"}),
        {"momentum": [0.5, 0.9], "learning_rate_init": [0.01, 0.1]},
        Y,
    ),
    "early stopping as scikit-learn": (
        MLPClassifier(**{**SK, "early_stopping": True, "n_iter_no_change": 2, "max_iter": 40}),
        {"learning_rate_init": [1e-3, 1e-1]},
        Y3,
    ),
    "defaults": (classifier(), RATES, Y),
    "defaults, three classes": (classifier(), {"label_smoothing": [0.1, 0.2]}, Y3),
    "one network": (
        classifier(n_estimators=1, early_stopping=True, n_iter_no_change=3, max_iter=30),
        in_pairs({**RATES, "random_state": [0, 1], "tol": [1e-4, 1e-2]}),
        Y,
    ),
    "layer sizes": (classifier(), {"hidden_layer_sizes": [(4,), (6, 3)]}, Y),
    "dropout": (
        classifier(early_stopping=False, n_estimators=1, batch_size=32),
        {"dropout": [0.0, 0.1, 0.3]},
        Y,
    ),
    "decay, clipping": (
        classifier(clip_norm=1.0),
        in_pairs({"weight_decay": [0.0, 0.1, 0.3], "clip_norm": [0.1, 1.0], "l1": [0.0, 0.5]}),
        Y,
    ),
    "adam's own": (classifier(), {"beta_1": [0.8, 0.9], "beta_2": [0.9, 0.99]}, Y),
    "class weights": (classifier(), {"class_weight": [None, "balanced", {0: 1, 1: 5}]}, Y),
    "batch norm": (classifier(normalization="batch"), RATES, Y),
    "solvers": (
        classifier(max_iter=5),
        {"solver": ["adam", "adamw", "rmsprop", "rprop", "gd", "lbfgs"], "averaging": [None]},
        Y,
    ),
    "batches larger than a fold": (classifier(batch_size=500), RATES, Y),
    "batch sizes": (classifier(), {"batch_size": [16, 34, 64]}, Y),
    "no shuffling": (classifier(shuffle=False), RATES, Y),
    "adaptive rate": (
        MLPClassifier(**{**SK, "solver": "sgd", "learning_rate": "adaptive", "tol": 0.1}),
        {"learning_rate_init": [0.01, 0.1]},
        Y,
    ),
    "numeric embedding": (classifier(), {"numeric_embedding": ["pbld", "ple"]}, Y),
    "shared weights": (classifier(weight_sharing=True), RATES, Y),
    "joint best epoch": (classifier(joint_best_epoch=True), RATES, Y),
    "scored as the user says": (
        classifier(scoring="roc_auc", early_stopping=True),
        RATES,
        Y,
    ),
    "by the loss": (classifier(scoring="loss", early_stopping=True), RATES, Y3),
    "several labels": (classifier(), RATES, np.stack([Y, Y3 > 1], axis=1).astype(int)),
    "several outputs": (classifier(), RATES, np.stack([Y, Y3], axis=1)),
    "regressor": (regressor(), RATES, R[:, 0]),
    "regressor as scikit-learn": (MLPRegressor(**SK), RATES, R[:, 0]),
    "several numbers": (regressor(), RATES, R),
    "quantiles": (regressor(loss="quantile"), RATES, R[:, 0]),
    "back off": (
        regressor(on_divergence="backoff", standardize=False),
        {"learning_rate_init": [1e-3, 1e4]},
        R[:, 0],
    ),
    "pipeline": (
        make_pipeline(StandardScaler(), PCA(random_state=0), classifier()),
        {"pca__n_components": [2, 4], "mlpclassifier__learning_rate_init": [1e-3, 1e-2]},
        Y,
    ),
    "transformed target": (
        TransformedTargetRegressor(
            make_pipeline(PCA(3), regressor()), transformer=StandardScaler()
        ),
        {"regressor__mlpregressor__alpha": [0.0, 1.0]},
        R,
    ),
    "pipeline in place": (
        make_pipeline(StandardScaler(copy=False), classifier()),
        {"mlpclassifier__alpha": [0.0, 1.0]},
        Y,
    ),
    "bagging": (
        BaggingClassifier(classifier(max_iter=3), 2, random_state=0),
        {"max_samples": [0.5, 1.0]},
        Y,
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CASES)
def test_a_search_finds_what_scikit_learns_finds(case):
    estimator, grid, y = CASES[case]
    assert_same(estimator, grid, X, y, return_train_score=True)


#: Also on rows that are never copied: one of each kind of estimator, and of each use of the rows.
IN_PLACE = [
    "as scikit-learn",
    "early stopping as scikit-learn",
    "defaults",
    "decay, clipping",
    "scored as the user says",
    "several outputs",
    "regressor",
    "numeric embedding",
    "pipeline",
    "bagging",
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", IN_PLACE)
def test_rows_of_a_large_table_are_read_where_they_are(case, monkeypatch):
    monkeypatch.setattr(_shared, "_MOST_BYTES", 0)
    made = []

    def counted(table, index):
        made.append(index)
        return Rows(table, index)

    monkeypatch.setattr(_shared, "Rows", counted)
    estimator, grid, y = CASES[case]
    assert_same(estimator, grid, X, y, return_train_score=True)
    assert bool(made) == isinstance(estimator, MLPClassifier | MLPRegressor)


def test_a_users_scorer_sees_rows_of_a_large_table_as_an_array(monkeypatch):
    monkeypatch.setattr(_shared, "_MOST_BYTES", 0)

    def share(model, x, y):
        return float((model.predict(x + 0.0) == y).mean())

    assert_same(classifier(), RATES, X, Y, return_train_score=True, scoring=share)
    watching = classifier(scoring=share, early_stopping=True)
    assert_same(watching, RATES, X, Y, return_train_score=True)


def test_a_large_table_with_gaps_is_copied_and_filled(monkeypatch):
    monkeypatch.setattr(_shared, "_MOST_BYTES", 0)
    x = X.copy()
    x[::7, 2] = np.nan
    assert_same(classifier(), RATES, x, Y)
    search = model_selection.GridSearchCV(MLPClassifier(**SK), RATES, error_score="raise")
    with pytest.raises(ValueError, match="contains NaN"):
        search.fit(x, Y)
