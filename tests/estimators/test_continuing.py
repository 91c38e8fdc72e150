"""Going on from an earlier fit, in this process or after a pickle."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skmlp import MLPClassifier, MLPRegressor
from skmlp.core.activations import Activation
from skmlp.core.losses import Loss
from skmlp.core.optimizers import SOLVERS, Optimizer, Transform

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5))
Y = X[:, 0] + X[:, 1] ** 2
CLASSES = (Y > 1).astype(int)
FIRST_ORDER = sorted(SOLVERS)


class Swing(Activation):
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


class Heavy(Transform):
    memory = ("speed",)

    def __call__(self, theta, grad, lr):
        self.speed *= 0.9
        self.speed += grad
        grad[...] = self.speed


OWN = {
    "activation": {"activation": Swing()},
    "one for each layer": {"activation": [Swing(), "tanh"], "hidden_layer_sizes": (8, 4)},
    "loss": {"loss": Quartic()},
    "optimizer": {"solver": Optimizer(Heavy())},
    "chain": {"solver": [Heavy()]},
}


# What is tested here does not hang on the defaults, which are chosen by measurement.
PLAIN = {
    "activation": "relu",
    "learning_rate": "constant",
    "learning_rate_factors": None,
    "parametrization": "standard",
    "input_scaling": False,
    "standardize": True,
    "weight_init": "sklearn",
    "dropout": 0.0,
    "dropout_schedule": "constant",
    "weight_decay": None,
    "weight_decay_schedule": "constant",
    "averaging": None,
    "n_estimators": 1,
}


def regressor(**settings):
    settings = {**PLAIN, "hidden_layer_sizes": (8,), "batch_size": 20, "max_iter": 6, **settings}
    patient = {"tol": 0.0, "n_iter_no_change": np.inf, "early_stopping": False}
    return MLPRegressor(**{**patient, "random_state": 0, "learning_rate_init": 0.01, **settings})


def theta(model):
    return model.networks_.theta.copy()


SETTINGS = {solver: {"solver": solver} for solver in FIRST_ORDER} | {
    "in the order of the rows": {"shuffle": False},
    "one batch": {"batch_size": 60},
    "dropout": {"dropout": 0.3},
    "batch norm": {"normalization": "batch"},
    "clipped": {"clip_norm": 0.5, "weight_decay": 0.1, "l1": 1e-3, "max_norm": 1.0},
    "float32": {"dtype": "float32"},
    "several networks": {
        "n_estimators": 3,
        "parametrization": "ntk",
        "learning_rate_factors": {"bias": 0.5, "scale": 4.0},
        "input_scaling": True,
        "standardize": "robust",
        "weight_init": "data",
    },
    "own optimizer": OWN["optimizer"],
}
several_settings = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)


@several_settings
def test_partial_fits_are_the_epochs_of_one_fit(settings):
    whole = regressor(**settings).fit(X, Y)
    parts = regressor(**settings)
    for _ in range(6):
        parts.partial_fit(X, Y)
        assert parts.n_iter_ == 1
    assert_array_equal(theta(parts), theta(whole))
    assert_allclose(parts.loss_curve_, whole.loss_curve_)
    assert parts.t_ == whole.t_ == 6 * 60


@several_settings
def test_two_warm_starts_are_one_fit_of_twice_the_epochs(settings):
    whole = regressor(**settings, max_iter=8).fit(X, Y)
    parts = regressor(**settings, max_iter=4, warm_start=True).fit(X, Y).fit(X, Y)
    assert_array_equal(theta(parts), theta(whole))
    assert_allclose(parts.loss_curve_, whole.loss_curve_)
    assert [row["epoch"] for row in parts.history_] == list(range(1, 9))
    assert parts.n_iter_ == 4


def test_fits_without_warm_start_begin_anew():
    model = regressor().fit(X, Y)
    first = theta(model)
    assert_array_equal(theta(model.fit(X, Y)), first)
    assert len(model.history_) == model.n_iter_ == 6


@pytest.mark.parametrize("first", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    "copied",
    [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy],
    ids=["pickle", "deepcopy"],
)
@several_settings
def test_a_copy_goes_on_where_the_original_would(settings, copied, first):
    model = regressor(warm_start=first == "fit", **settings)
    getattr(model, first)(X, Y)
    twin = copied(model)
    for one in (model, twin):
        getattr(one, first)(X, Y)
    assert_array_equal(theta(twin), theta(model))


@pytest.mark.parametrize("own", OWN.values(), ids=OWN)
@pytest.mark.parametrize("first", ["fit", "partial_fit"])
def test_objects_of_ones_own_go_on_after_a_pickle(own, first):
    model = regressor(warm_start=first == "fit", **own)
    getattr(model, first)(X, Y)
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        getattr(one, first)(X, Y)
    assert_array_equal(theta(twin), theta(model))


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@pytest.mark.parametrize(
    "copied",
    [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy, through_joblib],
    ids=["pickle", "deepcopy", "copy", "joblib"],
)
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_a_copy_predicts_the_same(copied, normalization):
    model = regressor(normalization=normalization).fit(X, Y)
    twin = copied(model)
    assert_array_equal(twin.predict(X), model.predict(X))
    assert twin.history_ == model.history_
    assert repr(twin) == repr(model)
    assert not hasattr(clone(twin), "networks_")


def test_a_copy_trains_weights_of_its_own():
    model = regressor(warm_start=True).fit(X, Y)
    before = model.predict(X)
    twin = copy.deepcopy(model).fit(X, Y)
    assert_array_equal(model.predict(X), before)
    assert np.abs(twin.predict(X) - before).max() > 1e-3


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
def test_a_pickle_is_hardly_larger_than_the_weights(settings):
    wide = np.random.default_rng(0).normal(size=(60, 2000))
    model = regressor(hidden_layer_sizes=(100,), max_iter=2, **settings).fit(wide, Y)
    assert len(pickle.dumps(model)) < 1.1 * model.networks_.theta.nbytes


def test_training_goes_on_from_a_plain_pickle():
    model = pickle.loads(pickle.dumps(regressor().fit(X, Y)))
    before = model.loss_
    model.set_params(warm_start=True).fit(X, Y)
    assert model.loss_ < before
    assert len(model.history_) == 12
    model.partial_fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", (8, 8)),
        ("activation", "tanh"),
        ("activation", Swing()),
        ("normalization", "batch"),
        ("loss", "huber"),
        ("loss", "quantile"),
    ],
)
def test_a_changed_architecture_is_an_error(name, value):
    model = regressor(warm_start=True).fit(X, Y)
    model.set_params(**{name: value})
    with pytest.raises(ValueError, match=f"{name} was .* warm_start=False"):
        model.fit(X, Y)


def test_other_columns_are_an_error():
    model = regressor(warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="5 features"):
        model.fit(X[:, :3], Y)
    with pytest.raises(ValueError, match="2 columns"):
        model.fit(X, np.column_stack([Y, Y]))


@pytest.mark.parametrize("second", ["sgd", "lbfgs", Optimizer(Heavy())])
@pytest.mark.parametrize("first", ["adam", "lbfgs"])
def test_another_solver_may_go_on(first, second):
    model = regressor(warm_start=True, solver=first).fit(X, Y)
    before, epochs = model.loss_, len(model.history_)
    model.set_params(solver=second, learning_rate_init=1e-3, max_iter=3).fit(X, Y)
    assert model.n_iter_ == 3
    assert len(model.history_) == len(model.loss_curve_) == epochs + 3
    assert model.loss_ < before


def test_settings_of_the_step_may_change():
    model = regressor(warm_start=True).fit(X, Y)
    before = theta(model)
    model.set_params(learning_rate_init=1e-30).fit(X, Y)
    assert_array_equal(theta(model), before)
    assert model.history_[-1]["learning_rate"] == pytest.approx(1e-30)


@pytest.mark.parametrize("n", [10, 60, 90])
def test_other_rows_may_follow(n):
    more = np.random.default_rng(1).normal(size=(n, 5))
    model = regressor(warm_start=True, early_stopping=True, validation_fraction=0.3).fit(X, Y)
    assert model.fit(more, more[:, 0]).n_iter_ == 6
    model = regressor().partial_fit(X, Y)
    assert len(model.partial_fit(more, more[:, 0]).history_) == 2


def test_warm_starts_keep_the_validation_rows():
    class Spy:
        rows = []

        def __call__(self, estimator, X, y):
            self.rows.append(X.copy())
            return 0.0

    model = regressor(warm_start=True, early_stopping=True, scoring=Spy(), max_iter=1)
    twin = pickle.loads(pickle.dumps(model.set_params(scoring=None).fit(X, Y)))
    for one in (model, twin):
        one.set_params(scoring=Spy()).fit(X, Y)
    assert_array_equal(Spy.rows[0], Spy.rows[1])
    assert_array_equal(model.networks_.theta, twin.networks_.theta)


def test_partial_fit_goes_on_after_a_fit_that_stopped_early():
    model = regressor(early_stopping=True, n_iter_no_change=2, max_iter=50).fit(X, Y)
    model.set_params(early_stopping=False)
    before = theta(model)
    model.partial_fit(X, Y)
    assert np.abs(theta(model) - before).max() > 0
    assert "validation_loss" not in model.history_[-1]


def test_partial_fit_goes_on_after_a_fit_on_many_rows():
    """These are held out from by default, while partial_fit never is."""
    many = np.random.default_rng(0).normal(size=(1200, 2))
    model = MLPClassifier((4,), max_iter=2, random_state=0).fit(many, many[:, 0] > 0)
    assert len(model.partial_fit(many, many[:, 0] > 0).loss_curve_) == 3


def test_a_validation_set_may_come_and_go():
    model = regressor(warm_start=True, early_stopping="auto", max_iter=2)
    watched = {"X_val": X[:20], "y_val": Y[:20]}
    for given in ({}, watched, watched, {}):
        model.fit(X, Y, **given)
        assert ("validation_loss" in model.history_[-1]) == bool(given)
        assert (model.validation_scores_ is not None) == bool(given)
    assert len(model.history_) == 8


def test_a_warm_start_tells_of_all_its_validation_scores():
    model = regressor(warm_start=True, early_stopping=True, max_iter=3).fit(X, Y).fit(X, Y)
    assert len(model.validation_scores_) == 6
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_partial_fit_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="early_stopping=True"):
        regressor(early_stopping=True).partial_fit(X, Y)
    assert not hasattr(regressor(solver="lbfgs"), "partial_fit")


def test_partial_fit_keeps_the_scales_of_the_first_call():
    model = regressor(learning_rate_init=1e-30).partial_fit(X, Y)
    before = model.predict(X)
    model.partial_fit(100 * X + 7, 100 * Y)
    assert_allclose(model.predict(X), before)


def test_partial_fit_learns_from_a_stream():
    model = MLPClassifier((16,), **PLAIN, learning_rate_init=0.01, random_state=0)
    for epoch in range(150):
        rows = np.arange(60)[epoch % 3 :: 3]
        model.partial_fit(X[rows], CLASSES[rows], classes=[0, 1])
    assert model.score(X, CLASSES) > 0.9


def test_a_small_first_chunk_is_no_wide_table():
    # what "auto" does for more columns than rows would stay for all chunks that follow
    ordinary = {
        "hidden_layer_sizes": (64, 64, 64),
        "n_estimators": 4,
        "parametrization": "ntk",
        "input_scaling": True,
        "weight_init": "data",
        "standardize": "robust",
        "l1": 0.0,
    }
    models = [MLPRegressor(**settings, random_state=0) for settings in (ordinary, {})]
    for model in models:
        model.partial_fit(X[:1], Y[:1]).partial_fit(X, Y)
    assert X.shape[1] > 3
    assert_array_equal(theta(models[1]), theta(models[0]))
