"""Halving by epochs: networks go on where they stood, with the scores of a fresh start."""

import numpy as np
import pytest
import sklearn.model_selection as skl
from numpy.testing import assert_allclose
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, model_selection
from skmlp.core import training
from tests.model_selection.test_same_results import OURS, Y3, X

SK = {**SKLEARN_DEFAULTS, "hidden_layer_sizes": (7,), "random_state": 0}
HALVING = {
    "resource": "max_iter",
    "min_resources": 4,
    "max_resources": 16,
    "factor": 2,
    "cv": skl.KFold(2),
    "random_state": 0,
    "refit": False,
}
RATES = {"learning_rate_init": [1e-4, 1e-2, 0.1, 0.5]}

NO_SCHEDULES = {"dropout": 0.0, "weight_decay": 0.0}

CASES = {
    "as scikit-learn": SK,
    "one network in float32": {**SK, "dtype": "float32"},
    "early stopping": {**SK, "early_stopping": True, "n_iter_no_change": 3, "tol": 1e-2},
    "stops on the training loss": {**SK, "n_iter_no_change": 2, "tol": 2e-2},
    "sgd": {**SK, "solver": "sgd"},
    "adaptive": {**SK, "solver": "sgd", "learning_rate": "adaptive", "tol": 0.05},
    "dropout": {**SK, "dropout": 0.2},
    "max_norm": {**SK, "max_norm": 1.0},
    "four networks": {**OURS, "learning_rate": "constant", "averaging": None, **NO_SCHEDULES},
    "with an average": {**OURS, "learning_rate": "constant"},
    "a schedule to the end": {**SK, "conventions": "skmlp", "learning_rate": "cosine"},
    "any start": {**SK, "random_state": np.random.RandomState(0)},
}


def epochs_trained(search, monkeypatch):
    """Fit a search; return it and the epochs that its networks were trained."""
    counted = []
    epoch = training._epoch
    with monkeypatch.context() as patch:
        patch.setattr(training, "_epoch", lambda s, *a: (counted.append(s.network.k), epoch(s, *a)))
        search.fit(X, Y3)
    return search, sum(counted)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CASES)
def test_rounds_score_as_if_each_had_started_anew(case, monkeypatch):
    model = MLPClassifier(**{**CASES[case], "max_iter": 4})
    ours, n_ours = epochs_trained(
        model_selection.HalvingGridSearchCV(model, RATES, **HALVING), monkeypatch
    )
    theirs, n_theirs = epochs_trained(skl.HalvingGridSearchCV(model, RATES, **HALVING), monkeypatch)
    assert ours.n_iterations_ == 3
    assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], atol=1e-7
    )
    resumes = case not in ("with an average", "a schedule to the end")
    assert n_ours < 0.95 * n_theirs if resumes else n_ours == n_theirs


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_in_a_pipeline_and_in_processes(n_jobs):
    model = make_pipeline(StandardScaler(), MLPClassifier(**{**SK, "max_iter": 4}))
    rates = {f"mlpclassifier__{name}": values for name, values in RATES.items()}
    settings = {**HALVING, "resource": "mlpclassifier__max_iter"}
    ours = model_selection.HalvingGridSearchCV(model, rates, n_jobs=n_jobs, **settings).fit(X, Y3)
    theirs = skl.HalvingGridSearchCV(model, rates, **settings).fit(X, Y3)
    name = "mean_test_score"
    assert_allclose(ours.cv_results_[name], theirs.cv_results_[name], atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_halving_by_rows_starts_anew():
    model = MLPClassifier(**{**SK, "max_iter": 10})
    settings = {"cv": skl.KFold(3), "random_state": 0, "min_resources": 30, "factor": 3}
    ours = model_selection.HalvingRandomSearchCV(model, RATES, **settings).fit(X, Y3)
    theirs = skl.HalvingRandomSearchCV(model, RATES, **settings).fit(X, Y3)
    name = "mean_test_score"
    assert_allclose(ours.cv_results_[name], theirs.cv_results_[name], atol=1e-12)
    assert ours.best_params_ == theirs.best_params_
