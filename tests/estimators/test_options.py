"""Every solver, schedule, activation and start; objects of one's own; scikit-learn's manners."""

import inspect
from dataclasses import dataclass

import numpy as np
import pytest
import sklearn.neural_network
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.core.activations import ACTIVATIONS, Activation, LeakyReLU
from skmlp.core.initializers import INITIALIZERS, VarianceScaling
from skmlp.core.losses import Focal, Huber, Loss, Quantile, SquaredError
from skmlp.core.optimizers import SOLVERS, Adam, ClipNorm, Decay, Momentum, Optimizer, Transform
from skmlp.core.schedules import SCHEDULES, Cosine, OneCycle, Schedule
from tests.estimators.plain import ONE_PLAIN_NETWORK

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, LABELS = make_moons(200, noise=0.1, random_state=0)
Y = np.sin(2 * X[:, 0]) + X[:, 1]
ALL_SOLVERS = [*SOLVERS, "lbfgs"]
ALL_SCHEDULES = ["constant", "invscaling", "adaptive", *SCHEDULES]
RATES = {"gd": 0.5, "sgd": 0.1, "rprop": 0.01}


# What is tested here does not hang on the defaults, which are chosen by measurement.
PLAIN = {
    **ONE_PLAIN_NETWORK,
    "activation": "relu",
    "batch_size": 200,
    "learning_rate": "constant",
}
MODEST = {"label_smoothing": 0.0, "calibrate": False}


def classifier(**settings):
    settings = {**PLAIN, "hidden_layer_sizes": (20,), "max_iter": 60, "random_state": 0, **settings}
    solver = settings.get("solver", "adam")
    rate = RATES.get(solver, 0.02) if isinstance(solver, str) else 0.02
    return MLPClassifier(**{"learning_rate_init": rate, **MODEST, **settings})


def regressor(**settings):
    settings = {**PLAIN, "hidden_layer_sizes": (20,), "max_iter": 60, "random_state": 0, **settings}
    return MLPRegressor(**{"learning_rate_init": 0.02, **settings})


def assert_learns(model, least=0.85):
    model.fit(X, LABELS if isinstance(model, MLPClassifier) else Y)
    assert np.mean(model.loss_curve_[-3:]) < model.loss_curve_[0]
    assert model.score(X, LABELS if isinstance(model, MLPClassifier) else Y) > least


@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_every_solver_learns(solver):
    assert_learns(classifier(solver=solver))


@pytest.mark.parametrize("schedule", ALL_SCHEDULES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "gd", "rmsprop", "adamw", "rprop"])
def test_every_schedule_goes_with_every_solver(solver, schedule):
    model = classifier(solver=solver, learning_rate=schedule, max_iter=40)
    assert_learns(model, 0.8)
    rates = [row["learning_rate"] for row in model.history_]
    assert rates[0] <= model.learning_rate_init * (1 + 1e-12)
    if schedule not in ("constant", "adaptive", "one_cycle", "coslog4"):
        assert rates[-1] < rates[0]


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_adaptive_steps_shorten_where_nothing_improves(solver):
    model = classifier(solver=solver, learning_rate="adaptive", n_iter_no_change=2, tol=10.0)
    rates = np.array([row["learning_rate"] for row in model.fit(X, LABELS).history_])
    steps = rates[1:] / rates[:-1]
    assert_allclose(steps[steps < 1], 0.2)
    assert rates[-1] < 1e-5


def test_the_rate_warms_up():
    model = classifier(warmup=0.5, learning_rate_init=0.1, batch_size=200, max_iter=10)
    rates = [row["learning_rate"] for row in model.fit(X, LABELS).history_]
    assert_allclose(rates, 0.1 * np.minimum(1, np.arange(10) / 5), atol=1e-12)


@dataclass
class Stairs(Schedule):
    """An object that can be compared, and so has no hash."""

    height: float = 0.5

    def __call__(self, progress):
        return self.height ** (progress > 0.5)


@pytest.mark.parametrize(
    "learning_rate", [Cosine(final=0.1), OneCycle(), lambda p: 1 - 0.9 * p, Stairs(), Stairs(0.1)]
)
def test_schedules_of_ones_own(learning_rate):
    assert_learns(classifier(learning_rate=learning_rate))
    clone(classifier(learning_rate=learning_rate))


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"identity"}))
def test_every_activation_learns(activation):
    assert_learns(classifier(activation=activation))


def test_each_layer_has_its_activation():
    model = regressor(hidden_layer_sizes=(4, 3), activation=["tanh", "identity"], max_iter=3)
    model.set_params(standardize=False).fit(X, Y)
    first = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    assert_allclose(model.transform(X, 0), first)
    assert_allclose(model.transform(X, 1), first @ model.coefs_[1] + model.intercepts_[1])
    mixed = ["relu", LeakyReLU(0.2)]
    assert_learns(classifier(hidden_layer_sizes=(10, 10), activation=mixed))


def test_too_few_activations_are_counted():
    with pytest.raises(ValueError, match="1 functions for 2 hidden layers"):
        classifier(hidden_layer_sizes=(4, 4), activation=["tanh"]).fit(X, LABELS)


def test_an_unknown_activation_in_a_list_is_corrected():
    with pytest.raises(ValueError, match="Did you mean 'tanh'"):
        classifier(activation=["tahn"]).fit(X, LABELS)


class Sine(Activation):
    def forward(self, x, out):
        return np.sin(x, out=out)

    def backward(self, x, y, dy):
        dy *= np.cos(x)


class Quartic(Loss):
    target_scaling = "standard"

    def start(self, y, w=None):
        return np.average(y, axis=0, weights=w)

    def pointwise(self, raw, y, out):
        errors = raw - y
        np.power(errors, 3, out=out)
        out *= 4
        return (errors**4).sum(axis=-1)

    def predict(self, raw):
        return raw


class Sign(Transform):
    def __call__(self, theta, grad, lr):
        np.sign(grad, out=grad)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "own", [{"activation": Sine()}, {"loss": Quartic()}, {"loss": SquaredError()}]
)
def test_functions_of_ones_own(own, solver):
    assert_learns(regressor(solver=solver, **own))


@pytest.mark.parametrize(
    "solver",
    [
        Optimizer(ClipNorm(1.0), Adam(), Decay(1e-2)),
        [Momentum(0.9)],
        (ClipNorm(0.5), Sign()),
        Optimizer(),
        [],
    ],
    ids=["AdamW", "Momentum", "signs", "plain", "nothing"],
)
def test_optimizers_of_ones_own(solver):
    rate = 0.5 if not getattr(solver, "transforms", solver) else 0.02
    model = classifier(solver=solver, learning_rate_init=rate, batch_size=50)
    assert_learns(model)
    assert model.get_params()["solver"] is solver
    assert_array_equal(clone(model).fit(X, LABELS).networks_.theta, model.networks_.theta)


def test_an_optimizer_of_ones_own_serves_two_estimators():
    chain = Optimizer(Adam())
    one = classifier(solver=chain, max_iter=3).fit(X, LABELS)
    other = classifier(solver=chain, max_iter=3).fit(X, LABELS)
    named = classifier(max_iter=3).fit(X, LABELS)
    assert_array_equal(one.networks_.theta, named.networks_.theta)
    assert_array_equal(other.networks_.theta, named.networks_.theta)


def test_the_batch_may_be_larger_than_the_table():
    whole = classifier(batch_size=200, max_iter=3).fit(X, LABELS)
    larger = classifier(batch_size=10_000, max_iter=3).fit(X, LABELS)
    assert_array_equal(whole.networks_.theta, larger.networks_.theta)


@pytest.mark.parametrize("weight_init", [*INITIALIZERS, VarianceScaling(0.5, "in", "normal")])
def test_every_start_learns(weight_init):
    assert_learns(classifier(weight_init=weight_init))


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.1},
        {"normalization": "batch"},
        {"normalization": "layer"},
        {"clip_norm": 0.1},
        {"max_norm": 2.0},
        {"l1": 1e-3},
        {"weight_decay": 0.1},
        {"solver": "adamw", "weight_decay": 0.0},
        {"solver": "sgd", "weight_decay": 0.01},
        {"solver": "lbfgs", "l1": 0.01},
    ],
    ids=str,
)
def test_every_restraint_learns(settings):
    assert_learns(classifier(**settings))


def test_max_norm_holds():
    model = classifier(max_norm=0.5).fit(X, LABELS)
    for w in model.coefs_:
        assert np.linalg.norm(w, axis=0).max() <= 0.5 + 1e-9


def test_l1_and_decay_shrink_the_weights():
    sizes = [
        sum(np.abs(w).sum() for w in classifier(**settings).fit(X, LABELS).coefs_)
        for settings in ({}, {"l1": 1.0}, {"weight_decay": 1.0}, {"alpha": 10.0})
    ]
    assert max(sizes[1:]) < 0.8 * sizes[0]


@pytest.mark.parametrize("sizes", [(), [], 5, np.int64(5), (5,), [5, 4], np.array([5, 4])])
def test_sizes_come_in_many_forms(sizes):
    model = classifier(hidden_layer_sizes=sizes, max_iter=2).fit(X, LABELS)
    assert model.n_layers_ == len(model.coefs_) + 1 == np.size(sizes) + 2


@pytest.mark.parametrize("sizes", [0, (0,), (5, -1), (2.5,), None, "abc"])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        classifier(hidden_layer_sizes=sizes).fit(X, LABELS)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_every_parameter_is_checked(estimator):
    class Nothing:
        pass

    y = LABELS if estimator is MLPClassifier else Y
    free = {"random_state"}
    for name in estimator().get_params():
        if name not in free:
            with pytest.raises((InvalidParameterError, ValueError), match=name):
                estimator(**{name: Nothing()}).fit(X, y)


# -- scikit-learn's manners ------------------------------------------------------------


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_every_parameter_can_be_set_and_read(estimator):
    names = list(inspect.signature(estimator).parameters)
    values = {name: object() for name in names}
    model = estimator(**values)
    assert model.get_params(deep=False) == values
    assert vars(model).keys() == values.keys()
    other = estimator().set_params(**values)
    assert other.get_params(deep=False) == values
    assert set(names) == set(estimator._parameter_constraints)
    assert names[0] == "hidden_layer_sizes"


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_scikit_learns_parameters_and_attributes_are_there(name):
    ours = {"MLPClassifier": classifier, "MLPRegressor": regressor}[name]
    theirs = getattr(sklearn.neural_network, name)(max_iter=1).fit(X, LABELS)
    model = ours(max_iter=1).fit(X, LABELS)
    assert set(theirs.get_params()) <= set(model.get_params())
    public = {n for n in dir(theirs) if not n.startswith("_")}
    assert public - set(dir(model)) == set()


@pytest.mark.parametrize("make", [classifier, regressor])
def test_clones_are_equal(make):
    model = make(
        solver=[ClipNorm(1.0), Adam()], learning_rate=Cosine(), activation=[Sine()], max_iter=2
    )
    twin = clone(model)
    y = LABELS if make is classifier else Y
    assert_array_equal(model.fit(X, y).networks_.theta, twin.fit(X, y).networks_.theta)


def test_scikit_learns_defaults_fit_both():
    for estimator in (MLPClassifier, MLPRegressor):
        settings = estimator(**SKLEARN_DEFAULTS).get_params()
        assert SKLEARN_DEFAULTS.items() <= settings.items()


@pytest.mark.parametrize("make", [classifier, regressor])
def test_it_can_be_shown(make):
    model = make(solver=Optimizer(Adam()), max_iter=1)
    name = type(model).__name__
    assert name in repr(model)
    for one in (model, model.fit(X, LABELS), make_pipeline(StandardScaler(), model)):
        assert name in one._repr_html_()


@pytest.mark.parametrize(
    ("make", "grid"),
    [
        (classifier, {"learning_rate": ["constant", Cosine(), OneCycle(peak=0.2)]}),
        (classifier, {"loss": ["log_loss", Focal(gamma=1.0)], "dropout": [0.0, 0.2]}),
        (classifier, {"solver": ["sgd", Optimizer(Adam()), "lbfgs"]}),
        (classifier, {"activation": ["relu", Sine()], "normalization": [None, "layer"]}),
        (regressor, {"loss": ["huber", Huber(2.0), Quantile([0.1, 0.5, 0.9])]}),
        (regressor, {"hidden_layer_sizes": [(), 5, (5, 5)], "weight_init": list(INITIALIZERS)[:2]}),
    ],
)
def test_grids_are_searched(make, grid):
    search = GridSearchCV(make(max_iter=3), grid, cv=2, error_score="raise")
    search.fit(X, LABELS if make is classifier else Y)
    n = np.prod([len(values) for values in grid.values()])
    assert np.isfinite(search.cv_results_["mean_test_score"]).sum() == n
    assert search.best_params_.keys() == grid.keys()
