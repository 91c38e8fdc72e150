"""scikit-learn's own tests of its networks, run on ours under `SKLEARN_DEFAULTS`.

The installed `sklearn/neural_network/tests/test_mlp.py` is executed afresh with the two classes
replaced, and its tests are collected here as if they had been written here.
"""

import importlib.util
import inspect
from types import ModuleType
from unittest import mock

import pytest
import sklearn.neural_network

import skmlp

# Tests that read private attributes, and the last, which asserts a fault (B9): a diverged fit
# that goes on without a word.
LEFT_OUT = {
    "test_fit",
    "test_gradient",
    "test_learning_rate_warmstart",
    "test_adaptive_learning_rate",
    "test_n_iter_no_change",
    "test_n_iter_no_change_inf",
    "test_mlp_diverging_loss",
}

# As in scikit-learn's runs: many of these fits are cut short on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def in_place_of(theirs: type, ours: type):
    """Build ours from the call that would build theirs, arguments by position included."""
    signature = inspect.signature(theirs)

    def build(*args, **kwargs):
        explicit = signature.bind(*args, **kwargs).arguments
        return ours(**{**skmlp.SKLEARN_DEFAULTS, **explicit})

    build.__name__ = theirs.__name__
    return build


def fresh_copy(classifier, regressor) -> ModuleType:
    """Execute scikit-learn's test module with other classes behind its import."""
    name = "sklearn.neural_network.tests.test_mlp"
    spec = importlib.util.find_spec(name)
    if spec is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    module = importlib.util.module_from_spec(spec)
    swapped = mock.patch.multiple(
        sklearn.neural_network, MLPClassifier=classifier, MLPRegressor=regressor
    )
    with swapped:
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def global_random_seed() -> int:
    """Stand in for the fixture of scikit-learn's conftest, with its default seed."""
    return 42


SUITE = fresh_copy(
    in_place_of(sklearn.neural_network.MLPClassifier, skmlp.MLPClassifier),
    in_place_of(sklearn.neural_network.MLPRegressor, skmlp.MLPRegressor),
)
THEIR_TESTS = {name: test for name, test in vars(SUITE).items() if name.startswith("test_")}

globals().update({name: t for name, t in THEIR_TESTS.items() if name not in LEFT_OUT})


def test_the_classes_were_swapped():
    assert isinstance(SUITE.MLPClassifier(), skmlp.MLPClassifier)
    assert isinstance(SUITE.MLPRegressor(), skmlp.MLPRegressor)


def test_nothing_is_left_out_that_does_not_exist():
    assert set(THEIR_TESTS) >= LEFT_OUT
    assert len(THEIR_TESTS) - len(LEFT_OUT) > 20
