"""Under `SKLEARN_DEFAULTS` the same seed gives scikit-learn's networks, epoch by epoch."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network as theirs
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import (
    make_classification,
    make_multilabel_classification,
    make_regression,
)

import skmlp
from tests.pairs import every_pair

# Fits here are cut short on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# 130 rows are four batches of 32 and a ragged one of 2.
N_ROWS = 130
FEW_EPOCHS = {"hidden_layer_sizes": (12, 7), "batch_size": 32, "max_iter": 15, "random_state": 3}
# So small a step that no weight moves.
FROZEN = {"solver": "sgd", "learning_rate_init": 1e-30}


@dataclass(frozen=True)
class Task:
    """Data with the name of the estimator that learns them."""

    name: str
    estimator: str
    X: np.ndarray
    y: np.ndarray
    settings: dict[str, Any]

    def fit_both(self, **settings):
        """Fit theirs and ours with the same words."""
        settings = {**FEW_EPOCHS, **self.settings, **settings}
        ours = getattr(skmlp, self.estimator)(**{**skmlp.SKLEARN_DEFAULTS, **settings})
        return (
            getattr(theirs, self.estimator)(**settings).fit(self.X, self.y),
            ours.fit(self.X, self.y),
        )


def classes(n_classes):
    return make_classification(N_ROWS, 8, n_informative=5, n_classes=n_classes, random_state=0)


def numbers():
    X, y = make_regression(N_ROWS, 8, noise=5.0, random_state=0)
    return X, y / y.std()


def counts():
    X, y = numbers()
    return X, np.random.default_rng(0).poisson(np.exp(y / 2)).astype(float)


def labels():
    return make_multilabel_classification(N_ROWS, 8, n_classes=4, random_state=0)


TASKS = [
    Task("binary", "MLPClassifier", *classes(2), {}),
    Task("multiclass", "MLPClassifier", *classes(3), {}),
    Task("multilabel", "MLPClassifier", *labels(), {}),
    Task("squared_error", "MLPRegressor", *numbers(), {}),
    Task("poisson", "MLPRegressor", *counts(), {"loss": "poisson"}),
]
BINARY, MULTICLASS, _, SQUARED, _ = TASKS

SOLVERS = {
    "adam": {},
    "adam, other betas": {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-4},
    "sgd, plain": {"solver": "sgd", "momentum": 0},
    "sgd, momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "sgd, nesterov": {"solver": "sgd"},
    "sgd, nesterov of no momentum": {"solver": "sgd", "momentum": 0, "nesterovs_momentum": True},
}
SLOWING = {
    "invscaling": {"learning_rate": "invscaling", "learning_rate_init": 0.1, "power_t": 0.3},
    # A tolerance that every epoch fails: the rate is divided by five at every fourth.
    "adaptive": {
        "learning_rate": "adaptive",
        "learning_rate_init": 0.05,
        "tol": 0.5,
        "n_iter_no_change": 3,
        "max_iter": 40,
    },
}
MOMENTUM = {
    "plain": {"momentum": 0.0},
    "momentum": {"momentum": 0.9, "nesterovs_momentum": False},
    "nesterov": {"momentum": 0.9, "nesterovs_momentum": True},
}

every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


def by_name(argument: str, table: dict[str, dict]):
    return pytest.mark.parametrize(argument, table.values(), ids=table.keys())


def task_and(arguments: str, *values):
    """Parametrise by tasks and more, by few of all combinations."""
    cases = every_pair(TASKS, *values)
    ids = ["-".join([task.name, *map(str, others)]) for task, *others in cases]
    return pytest.mark.parametrize(f"task, {arguments}", cases, ids=ids)


def assert_same_network(want, got, rtol=1e-6, atol=1e-9):
    """Compare all that a fit leaves behind."""
    assert_allclose(got.loss_curve_, want.loss_curve_, rtol=rtol)
    assert_allclose(got.loss_, want.loss_, rtol=rtol)
    for ours, their in zip(
        got.coefs_ + got.intercepts_, want.coefs_ + want.intercepts_, strict=True
    ):
        assert ours.dtype == their.dtype
        assert_allclose(ours, their, rtol=rtol, atol=atol)
    for attribute in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(got, attribute) == getattr(want, attribute), attribute


@task_and("activation, solver", ["identity", "logistic", "tanh", "relu"], list(SOLVERS))
def test_loss_curve(task, activation, solver):
    want, got = task.fit_both(activation=activation, **SOLVERS[solver])
    assert len(want.loss_curve_) == FEW_EPOCHS["max_iter"]
    assert_same_network(want, got)
    assert_allclose(got.best_loss_, want.best_loss_, rtol=1e-6)


@task_and("schedule, momentum", list(SLOWING), list(MOMENTUM))
def test_loss_curve_while_the_rate_falls(task, schedule, momentum):
    want, got = task.fit_both(solver="sgd", **SLOWING[schedule], **MOMENTUM[momentum])
    assert want._optimizer.learning_rate < want.learning_rate_init
    assert_same_network(want, got)


@every_task
@pytest.mark.parametrize("hidden_layer_sizes", [(), 5, (4, 3, 2)])
@pytest.mark.parametrize("activation", ["logistic", "relu"])
def test_initial_weights_are_the_same_draws(task, hidden_layer_sizes, activation):
    want, got = task.fit_both(
        hidden_layer_sizes=hidden_layer_sizes, activation=activation, max_iter=1, **FROZEN
    )
    for ours, their in zip(
        got.coefs_ + got.intercepts_, want.coefs_ + want.intercepts_, strict=True
    ):
        assert_array_equal(ours, their)


@task_and("shuffle, batch_size", [True, False], ["auto", 1, 13, 129, 130])
def test_batches(task, shuffle, batch_size):
    assert_same_network(*task.fit_both(shuffle=shuffle, batch_size=batch_size, max_iter=4))


@pytest.mark.parametrize("task", [BINARY, SQUARED], ids=lambda task: task.name)
@by_name("solver", {"adam": {}, "sgd": {"solver": "sgd"}})
def test_early_stopping_splits_and_scores_alike(task, solver):
    want, got = task.fit_both(
        early_stopping=True,
        validation_fraction=0.2,
        learning_rate_init=0.01,
        n_iter_no_change=4,
        max_iter=60,
        **solver,
    )
    assert_same_network(want, got)
    assert_allclose(got.validation_scores_, want.validation_scores_, rtol=1e-6)
    assert_allclose(got.best_validation_score_, want.best_validation_score_, rtol=1e-6)
    assert got.best_loss_ is None


@every_task
def test_the_tolerance_stops_both_in_the_same_epoch(task):
    want, got = task.fit_both(learning_rate_init=0.01, tol=1e-2, n_iter_no_change=2, max_iter=300)
    assert want.n_iter_ < 300
    assert_same_network(want, got, rtol=1e-5, atol=1e-6)


@every_task
@pytest.mark.parametrize("alpha", [0.0, 10.0])
def test_penalty(task, alpha):
    assert_same_network(*task.fit_both(alpha=alpha))


@every_task
def test_lbfgs(task):
    want, got = task.fit_both(solver="lbfgs", max_iter=12)
    assert got.n_iter_ == want.n_iter_
    assert_allclose(got.loss_, want.loss_, rtol=1e-6)
    assert got.t_ == want.t_ == 0


def test_lbfgs_to_the_minimum():
    # A convex problem: one answer, whatever the path.
    want, got = SQUARED.fit_both(
        solver="lbfgs", hidden_layer_sizes=(), max_iter=500, tol=1e-8, alpha=1.0
    )
    assert_allclose(got.loss_, want.loss_, rtol=1e-9)
    assert_allclose(got.coefs_[0], want.coefs_[0], rtol=1e-5)


@every_task
def test_float32(task):
    single = Task(task.name, task.estimator, task.X.astype(np.float32), task.y, task.settings)
    want, got = single.fit_both()
    assert got.coefs_[0].dtype == np.float32
    assert_same_network(want, got, rtol=2e-3, atol=2e-4)


@every_task
def test_sparse_rows(task):
    X = scipy.sparse.csr_array(np.where(np.abs(task.X) > 1, task.X, 0.0))
    assert_same_network(*Task(task.name, task.estimator, X, task.y, task.settings).fit_both())


@every_task
def test_a_generator_is_advanced_as_theirs(task):
    # Both draw from the generator that they are given; what it draws next must agree.
    one, other = np.random.RandomState(5), np.random.RandomState(5)
    settings = {**FEW_EPOCHS, **task.settings}
    getattr(theirs, task.estimator)(**{**settings, "random_state": one}).fit(task.X, task.y)
    ours = getattr(skmlp, task.estimator)
    ours(**{**skmlp.SKLEARN_DEFAULTS, **settings, "random_state": other}).fit(task.X, task.y)
    assert one.randint(2**31) == other.randint(2**31)


def test_partial_fit_in_the_order_of_the_rows():
    # Shuffles differ: ours go on from the last order, scikit-learn's from the rows' (B8).
    settings = {**FEW_EPOCHS, "shuffle": False}
    want = theirs.MLPClassifier(**settings)
    got = skmlp.MLPClassifier(**{**skmlp.SKLEARN_DEFAULTS, **settings})
    for model in (want, got):
        model.set_params(random_state=np.random.RandomState(5))
    for _ in range(5):
        for model in (want, got):
            model.partial_fit(MULTICLASS.X, MULTICLASS.y, classes=[0, 1, 2])
    assert_same_network(want, got)


@every_task
def test_predictions(task):
    want, got = task.fit_both()
    assert_allclose(got.predict(task.X), want.predict(task.X), rtol=1e-6, atol=1e-9)
    if task.estimator == "MLPClassifier":
        assert_allclose(got.predict_proba(task.X), want.predict_proba(task.X), rtol=1e-6)
        assert_array_equal(got.classes_, want.classes_)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_every_parameter_is_taken_under_its_name(name):
    their = getattr(theirs, name)().get_params()
    ours = getattr(skmlp, name)(**skmlp.SKLEARN_DEFAULTS).get_params()
    assert set(their) <= set(ours)
    for parameter, value in their.items():
        assert ours[parameter] == value, parameter


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_parity_is_one_of_defaults(name):
    # What parity is worth: at our own defaults the curve is another one.
    task = next(task for task in TASKS if task.estimator == name)
    settings = {**FEW_EPOCHS, **task.settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = getattr(skmlp, name)(**settings).fit(task.X, task.y)
        their = getattr(theirs, name)(**settings).fit(task.X, task.y)
    assert not np.allclose(ours.loss_curve_[:2], their.loss_curve_[:2], rtol=1e-6)
