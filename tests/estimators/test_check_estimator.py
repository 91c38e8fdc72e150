"""scikit-learn's checks of what an estimator must be."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor

# The checks fit on a handful of rows, for as long as the defaults say.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [
    estimator(**settings)
    for estimator in (MLPClassifier, MLPRegressor)
    for settings in (
        {},
        {"solver": "lbfgs"},
        SKLEARN_DEFAULTS,
        {**SKLEARN_DEFAULTS, "solver": "lbfgs"},
    )
]

STOCHASTIC = (
    "a weight of two and a row given twice fall into different minibatches, "
    "and the stochastic path to the end depends on them"
)


def expected_failed_checks(estimator) -> dict[str, str]:
    if estimator.solver == "lbfgs":
        return {}
    return {
        "check_sample_weight_equivalence_on_dense_data": STOCHASTIC,
        "check_sample_weight_equivalence_on_sparse_data": STOCHASTIC,
    }


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failed_checks)
def test_scikit_learns_check(estimator, check):
    check(estimator)
