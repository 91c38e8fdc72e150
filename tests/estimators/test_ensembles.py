"""Several networks as one, and what else the recipes for tables are made of."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_softmax, softmax, xlogy
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.utils._param_validation import InvalidParameterError

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.core.layers import PBLD
from skmlp.core.schedules import SCHEDULES, Cosine
from skmlp.core.training import Callback
from tests.pairs import every_pair

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# What is tested here does not hang on the defaults, which are chosen by measurement. Without
# standardisation, networks_.predict takes X as it is.
PLAIN = {
    "hidden_layer_sizes": (6,),
    "activation": "relu",
    "solver": "adam",
    "alpha": 0.0,
    "batch_size": 20,
    "learning_rate": "constant",
    "learning_rate_init": 0.01,
    "max_iter": 6,
    "random_state": 0,
    "tol": 0.0,
    "early_stopping": False,
    "validation_fraction": 0.25,
    "validation_split": "auto",
    "n_iter_no_change": np.inf,
    "standardize": False,
    "weight_init": "sklearn",
    "dropout": 0.0,
    "dropout_schedule": "constant",
    "normalization": None,
    "l1": 0.0,
    "weight_decay": None,
    "weight_decay_schedule": "constant",
    "max_norm": None,
    "clip_norm": None,
    "scoring": "loss",
    "dtype": "float64",
    "numeric_embedding": None,
    "input_scaling": False,
    "parametric_activation": False,
    "parametrization": "standard",
    "learning_rate_factors": None,
    "averaging": None,
    "n_estimators": 1,
    "joint_best_epoch": True,
    "max_time": None,
}
rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
Y = X[:, 0] + X[:, 1] ** 2 + 0.5 * rng.normal(size=90)
TWO = (Y > 1).astype(int)
THREE = np.digitize(Y, [0.2, 1.2])
LABELS = (np.column_stack([Y, X[:, 2], X[:, 3]]) > 0).astype(int)
OUTPUTS = np.column_stack([THREE, TWO])
X_VAL, Y_VAL = X[60:], Y[60:]


def regressor(**settings):
    return MLPRegressor(**{**PLAIN, "clip_output": False, **settings})


def classifier(**settings):
    given = {"calibrate": False, "label_smoothing": 0.0, "class_weight": None, **settings}
    return MLPClassifier(**{**PLAIN, **given})


both = pytest.mark.parametrize("make", [regressor, classifier])


def theta(model):
    return model.networks_.theta.copy()


class Record(Callback):
    """Keep the weights of the start, of each step and of each epoch."""

    def on_fit_start(self, state):
        self.start, self.steps, self.epochs = state.network.theta.copy(), [], []
        self.seen = 0

    def on_gradient(self, state):
        self.seen += 1

    def on_batch_end(self, state):
        self.steps.append(state.network.theta.copy())

    def on_epoch_end(self, state):
        self.epochs.append(state.network.theta.copy())


class Watch(Callback):
    """Keep what each network still trained makes of some rows, after each epoch."""

    def __init__(self, rows):
        self.rows, self.raw = rows, []

    def on_epoch_end(self, state):
        self.raw.append(state.network.predict(self.rows))


# -- stacks ----------------------------------------------------------------------------

LIKE_ONE = {
    "plain": {},
    "sgd": {"solver": "sgd"},
    "dropout": {"dropout": 0.3, "dropout_schedule": "flat_cos"},
    "batch norm": {"normalization": "batch"},
    "embedding": {"numeric_embedding": "pbld", "input_scaling": True},
    "data-driven": {"weight_init": "data", "parametric_activation": True},
    "averaged": {"averaging": 0.9},
    "own best epoch": {"early_stopping": True, "joint_best_epoch": False, "max_iter": 15},
    "own stop": {
        "early_stopping": True,
        "joint_best_epoch": False,
        "n_iter_no_change": 1,
        "learning_rate_init": 0.1,
        "max_iter": 30,
    },
    "own stop, averaged": {
        "early_stopping": True,
        "joint_best_epoch": False,
        "n_iter_no_change": 1,
        "learning_rate_init": 0.1,
        "averaging": 0.5,
        "max_iter": 30,
    },
}


@both
@pytest.mark.parametrize("settings", LIKE_ONE.values(), ids=LIKE_ONE)
def test_the_first_of_several_is_the_one_that_is_trained_alone(make, settings):
    target = Y if make is regressor else TWO
    settings = {**settings, "validation_split": "random"}
    alone = make(**settings, n_estimators=1).fit(X, target)
    several = make(**settings, n_estimators=3).fit(X, target)
    assert theta(several).shape == (3, theta(alone).shape[1])
    assert_array_equal(theta(several)[0], theta(alone)[0])
    assert_array_equal(several.networks_.stats[0], alone.networks_.stats[0])
    assert np.ptp(theta(several), axis=0).max() > 0.01


def test_networks_stop_on_their_own():
    settings = {**LIKE_ONE["own stop"], "warm_start": True, "n_estimators": 3}
    model = regressor(**settings).fit(X, Y)
    assert len(set(model._training.stopper.best_epoch)) > 1
    one_more = regressor(**settings, random_state=0).fit(X, Y)
    assert_array_equal(theta(one_more), theta(model))


def test_lbfgs_trains_several():
    alone = regressor(solver="lbfgs").fit(X, Y)
    several = regressor(solver="lbfgs", n_estimators=2).fit(X, Y)
    assert_allclose(theta(several)[0], theta(alone)[0], rtol=1e-6, atol=1e-9)
    assert_allclose(several.predict(X), several.networks_.predict(X)[:, :, 0].mean(axis=0))


def test_partial_fits_train_several():
    alone, several = regressor(), regressor(n_estimators=2)
    for _ in range(3):
        alone.partial_fit(X, Y)
        several.partial_fit(X, Y)
    assert_array_equal(theta(several)[0], theta(alone)[0])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_probabilities_are_averaged(dtype):
    close = {"rtol": 1e-10 if dtype == "float64" else 1e-5}
    model = classifier(n_estimators=3, dtype=dtype).fit(X, TWO)
    p = expit(model.networks_.predict(X)[:, :, 0].astype(float)).mean(axis=0)
    assert_allclose(model.predict_proba(X), np.column_stack([1 - p, p]), **close)
    assert_array_equal(model.predict(X), p > 0.5)
    assert_allclose(expit(model.decision_function(X)), p, **close)
    assert model.predict_proba(X).dtype == dtype

    model = classifier(n_estimators=3, dtype=dtype).fit(X, THREE)
    p = softmax(model.networks_.predict(X).astype(float), axis=2).mean(axis=0)
    assert_allclose(model.predict_proba(X), p, **close)
    assert_array_equal(model.predict(X), p.argmax(axis=1))

    model = classifier(n_estimators=3, dtype=dtype).fit(X, LABELS)
    p = expit(model.networks_.predict(X).astype(float)).mean(axis=0)
    assert_allclose(model.predict_proba(X), p, **close)

    model = classifier(n_estimators=3, dtype=dtype).fit(X, OUTPUTS)
    raw = model.networks_.predict(X).astype(float)
    for got, block in zip(model.predict_proba(X), (raw[..., :3], raw[..., 3:]), strict=True):
        assert_allclose(got, softmax(block, axis=2).mean(axis=0), **close)


def test_sure_networks_do_not_overflow():
    model = classifier(n_estimators=2).fit(X, TWO)
    model.networks_.theta *= 1e3
    assert np.isfinite(model.predict_log_proba(X)).all()
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("standardize", [False, True])
def test_numbers_are_averaged(standardize):
    model = regressor(n_estimators=3, standardize=standardize).fit(X, np.column_stack([Y, 9 * Y]))
    members = []
    for k in range(3):
        twin = pickle.loads(pickle.dumps(model))
        twin.networks_.theta[:] = model.networks_.theta[k]
        members.append(twin.predict(X))
    assert_allclose(model.predict(X), np.mean(members, axis=0))
    assert np.ptp(members, axis=0).max() > 0.01


def test_counts_are_averaged():
    model = regressor(n_estimators=3, loss="poisson").fit(X, np.round(np.exp(Y)))
    rates = np.exp(model.networks_.predict(X)[:, :, 0])
    assert_allclose(model.predict(X), rates.mean(axis=0))


def test_hidden_units_stand_side_by_side():
    model = regressor(n_estimators=3, hidden_layer_sizes=(5, 2)).fit(X, Y)
    alone = regressor(hidden_layer_sizes=(5, 2)).fit(X, Y)
    assert model.transform(X).shape == (90, 6)
    assert model.transform(X, layer=0).shape == (90, 15)
    assert_allclose(model.transform(X)[:, :2], alone.transform(X))
    assert np.abs(model.transform(X)[:, 2:4] - alone.transform(X)).max() > 0.01
    assert len(model.get_feature_names_out()) == 6
    assert model.set_output(transform="pandas").transform(X).shape == (90, 6)


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_several_networks_have_no_coefs(name):
    model = regressor(n_estimators=2).fit(X, Y)
    with pytest.raises(AttributeError, match=f"{name}.*several.*networks_.theta"):
        getattr(model, name)
    assert not hasattr(model, name)


def test_their_number_may_not_change_on_the_way():
    model = regressor(warm_start=True, n_estimators=2).fit(X, Y)
    with pytest.raises(ValueError, match="n_estimators was 2 and is now 3"):
        model.set_params(n_estimators=3).fit(X, Y)


# -- best epochs -----------------------------------------------------------------------

HASTY = {"learning_rate_init": 0.3, "max_iter": 12, "early_stopping": True, "warm_start": True}


def binary_loss(p, y):
    return -(xlogy(y, p) + xlogy(1 - y, 1 - p)).mean(axis=-1)


def test_one_best_epoch_for_all():
    record, watch = Record(), Watch(X_VAL)
    longer = {**HASTY, "max_iter": 40}
    model = classifier(n_estimators=3, callbacks=[record, watch], **longer)
    model.fit(X[:60], TWO[:60], X_val=X_VAL, y_val=TWO[60:])
    losses = [binary_loss(expit(raw[:, :, 0]).mean(axis=0), TWO[60:]) for raw in watch.raw]
    assert_allclose([row["validation_loss"] for row in model.history_], losses)
    best = int(np.argmin(losses))
    assert 0 < best < len(losses) - 1
    assert_array_equal(theta(model), record.epochs[best])
    assert_array_equal(model._training.stopper.best_epoch, [best + 1] * 3)
    assert_allclose(binary_loss(model.predict_proba(X_VAL)[:, 1], TWO[60:]), losses[best])
    assert_allclose(-model.best_validation_score_, losses[best])


def test_a_best_epoch_for_each():
    record, watch = Record(), Watch(X_VAL)
    model = regressor(
        n_estimators=4, joint_best_epoch=False, callbacks=[record, watch], **HASTY
    ).fit(X[:60], Y[:60], X_val=X_VAL, y_val=Y_VAL)
    losses = ((np.array(watch.raw)[:, :, :, 0] - Y_VAL) ** 2).mean(axis=2) / 2  # (epochs, K)
    best = losses.argmin(axis=0)
    assert len(set(best)) > 1
    for k, epoch in enumerate(best):
        assert_array_equal(theta(model)[k], record.epochs[epoch][k])
    assert_allclose([row["validation_loss"] for row in model.history_], losses.mean(axis=1))


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_scores_are_those_of_the_average(scoring):
    record, watch = Record(), Watch(X_VAL)
    model = classifier(n_estimators=3, scoring=scoring, callbacks=[record, watch], **HASTY)
    model.fit(X[:60], TWO[:60], X_val=X_VAL, y_val=TWO[60:])
    p = np.array([expit(raw[:, :, 0]).mean(axis=0) for raw in watch.raw])  # (epochs, n)
    if scoring is None:
        scores = ((p > 0.5) == TWO[60:]).mean(axis=1)
    else:
        scores = [-log_loss(TWO[60:], row) for row in p]
    assert_allclose(model.validation_scores_, scores)
    assert_array_equal(theta(model), record.epochs[int(np.argmax(scores))])


# -- folds -----------------------------------------------------------------------------

FOLDS = {
    "n_estimators": 3,
    "validation_split": "folds",
    "early_stopping": True,
    "warm_start": True,
}


def assert_are_folds(model, n):
    folds, order = model._training.folds, model._training.order
    assert_array_equal(np.sort(np.concatenate(folds)), np.arange(n))
    assert len(folds) == len(order) == model.n_estimators
    for fold, rows in zip(folds, order, strict=True):
        assert not np.intersect1d(fold, rows).size
        assert len(np.unique(rows)) == len(rows)
    return folds, order


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("early_stopping", [True, "auto"])
@pytest.mark.parametrize("n", [90, 89])
def test_every_row_is_held_out_once(n, early_stopping, joint):
    settings = {**FOLDS, "early_stopping": early_stopping, "joint_best_epoch": joint}
    model = regressor(**settings).fit(X[:n], Y[:n])
    folds, order = assert_are_folds(model, n)
    assert set(map(len, folds)) <= {29, 30}
    assert {len(rows) for rows in order} == {n - 30}
    before = [set(rows) for rows in order]
    model.fit(X[:n], Y[:n])
    assert_array_equal(np.concatenate(model._training.folds), np.concatenate(folds))
    assert [set(rows) for rows in model._training.order] == before


def test_folds_are_stratified():
    y = np.repeat([0, 1], [75, 15])
    folds, order = assert_are_folds(classifier(**FOLDS).fit(X, y), 90)
    assert [int(y[fold].sum()) for fold in folds] == [5, 5, 5]
    assert [int(y[rows].sum()) for rows in order] == [10, 10, 10]


def test_a_rare_class_is_in_some_folds_only():
    y = np.repeat(["a", "b", "c"], [60, 29, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = classifier(**FOLDS).fit(X, y)
    assert_are_folds(model, 90)
    assert list(model.classes_) == ["a", "b", "c"]


def test_groups_stay_together():
    groups = np.arange(90) % 9
    folds, order = assert_are_folds(regressor(**FOLDS).fit(X, Y, groups=groups), 90)
    for fold, rows in zip(folds, order, strict=True):
        assert not set(groups[fold]) & set(groups[rows])


def test_rows_left_over_are_not_all_of_one_kind():
    """Unequal folds leave rows over, which must not be, say, those of the last class."""
    groups = np.repeat([0, 1, 2, 3], [60, 10, 10, 10])
    y = np.arange(90) >= 45  # as rows often are, in order
    folds, order = assert_are_folds(classifier(**FOLDS).fit(X, y, groups=groups), 90)
    for fold, rows in zip(folds, order, strict=True):
        others = np.setdiff1d(np.arange(90), fold)
        expected, got = y[others].mean(), y[rows].mean()
        assert abs(expected - got) < 0.25


def test_rows_without_weight_are_in_no_fold():
    w = np.where(np.arange(90) % 3 == 0, 0.0, 1.0)
    weighted = regressor(**FOLDS).fit(X, Y, sample_weight=w)
    assert_are_folds(weighted, 60)
    removed = regressor(**FOLDS).fit(X[w > 0], Y[w > 0])
    assert_allclose(theta(weighted), theta(removed))
    groups = np.arange(90) % 10
    folds, _ = assert_are_folds(regressor(**FOLDS).fit(X, Y, w, groups=groups), 60)
    groups = groups[w > 0]
    assert sum(len(np.unique(groups[fold])) for fold in folds) == 10


NO_LEAK = {
    "adam": {},
    "rprop": {"solver": "rprop"},
    "averaged": {"averaging": 0.9},
    "rows in order": {"shuffle": False},
    "lbfgs": {"solver": "lbfgs"},
}


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("settings", NO_LEAK.values(), ids=NO_LEAK)
def test_no_network_learns_from_its_own_fold(settings, weighted):
    def last_epoch(y):
        record = Record()
        model = regressor(**FOLDS, **settings, callbacks=[record])
        model.fit(X, y, sample_weight=np.full(90, 2.0) if weighted else None)
        return record.epochs[-1], model._training.folds

    try:
        last, folds = last_epoch(Y)
    except ValueError as error:  # to refuse is fair where it cannot be done
        assert "folds" in str(error)
        return
    y = Y.copy()
    y[folds[0]] = Y[folds[0]][::-1]  # the mean, by which the output's bias starts, stays
    again, same = last_epoch(y)
    assert_array_equal(same[0], folds[0])
    assert_allclose(again[0], last[0], rtol=1e-6, atol=1e-8)
    assert np.abs(again[1:] - last[1:]).max() > 1e-3


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("scoring", ["loss", None])
@pytest.mark.parametrize("joint", [True, False])
def test_each_is_watched_on_its_own_fold(form, scoring, joint):
    settings = {**FOLDS, **HASTY, "scoring": scoring, "joint_best_epoch": joint}
    record, watch = Record(), Watch(form(X))
    w = 1.0 + np.arange(90) % 3
    model = classifier(**settings, callbacks=[record, watch]).fit(form(X), TWO, sample_weight=w)
    folds = model._training.folds
    p = expit(np.array(watch.raw)[..., 0])  # (epochs, K, n)
    losses = -(xlogy(TWO, p) + xlogy(1 - TWO, 1 - p))
    own = [np.average(losses[:, k, f], axis=1, weights=w[f]) for k, f in enumerate(folds)]
    assert_allclose([row["validation_loss"] for row in model.history_], np.mean(own, axis=0))
    if scoring is None:
        right = (p > 0.5) == TWO
        own = [-np.average(right[:, k, f], axis=1, weights=w[f]) for k, f in enumerate(folds)]
    best = np.mean(own, axis=0).argmin() * np.ones(3, int) if joint else np.argmin(own, axis=1)
    for k, epoch in enumerate(best):
        assert_array_equal(theta(model)[k], record.epochs[epoch][k])


def test_a_scorer_of_ones_own_does_not_go_with_folds():
    with pytest.raises(ValueError, match="folds.*scoring='r2'"):
        regressor(**{**FOLDS, "scoring": "r2"}).fit(X, Y)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_one_network_has_no_folds(early_stopping):
    settings = {"early_stopping": early_stopping, "n_estimators": 1}
    folds = regressor(**settings, validation_split="folds").fit(X, Y)
    auto = regressor(**settings, validation_split="auto").fit(X, Y)
    assert_array_equal(theta(folds), theta(auto))
    assert folds.validation_scores_ == auto.validation_scores_


def test_rows_of_ones_own_are_watched_instead_of_folds():
    model = regressor(**FOLDS).fit(X[:60], Y[:60], X_val=X_VAL, y_val=Y_VAL)
    auto = regressor(**{**FOLDS, "validation_split": "auto"})
    assert_array_equal(theta(model), theta(auto.fit(X[:60], Y[:60], X_val=X_VAL, y_val=Y_VAL)))


@both
def test_folds_go_on_after_a_pickle(make):
    target = Y if make is regressor else THREE
    model = make(**FOLDS).fit(X, target)
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        one.fit(X, target)
    assert_array_equal(theta(twin), theta(model))
    assert_are_folds(twin, 90)


@pytest.mark.parametrize("n", [20, 60, 90])
@pytest.mark.parametrize("first", [FOLDS, {"warm_start": True}], ids=["folds", "plain"])
@pytest.mark.parametrize("goes_on", ["partial_fit", "fit"])
def test_all_of_other_rows_are_seen(goes_on, first, n):
    model = regressor(**first).fit(X[:60], Y[:60])
    model.set_params(early_stopping=False, validation_split="auto")
    twins = [pickle.loads(pickle.dumps(model)) for _ in range(2)]
    y = Y[:n].copy()
    y[-1] += 100
    for twin, target in zip(twins, (Y[:n], y), strict=True):
        getattr(twin, goes_on)(X[:n], target)
        assert all(set(rows) == set(range(n)) for rows in twin._training.order)
    assert (np.abs(theta(twins[0]) - theta(twins[1])).max(axis=1) > 1e-6).all()


# -- calibration -----------------------------------------------------------------------

KINDS = {"two": TWO, "three": THREE, "labels": LABELS, "outputs": OUTPUTS}


def probability_loss(raw, y, kind, temperature, w=None):
    """Return the mean log-loss of the averaged prediction of raw outputs (K, n, m)."""
    raw = raw / temperature
    if kind in ("two", "labels"):
        p = expit(raw).mean(axis=0)
        y = y.reshape(len(y), -1)
        each = -(xlogy(y, p) + xlogy(1 - y, 1 - p)).sum(axis=1)
    else:
        columns = [y] if kind == "three" else list(y.T)
        blocks = [raw] if kind == "three" else [raw[..., :3], raw[..., 3:]]
        each = 0
        for column, block in zip(columns, blocks, strict=True):
            p = softmax(block, axis=2).mean(axis=0)
            each = each - np.log(p[np.arange(len(column)), column])
    return np.average(each, weights=w)


@pytest.mark.parametrize(
    ("kind", "settings", "weighted"),
    every_pair([*KINDS], [{}, {"n_estimators": 3}, {"label_smoothing": 0.3}], [True, False]),
)
def test_the_temperature_makes_held_out_rows_likely(kind, settings, weighted):
    y = KINDS[kind]
    w = np.arange(30) % 3 if weighted else None
    model = classifier(calibrate=True, max_iter=15, **settings)
    model.fit(X[:60], y[:60], X_val=X_VAL, y_val=y[60:], sample_weight_val=w)
    raw = model.networks_.predict(X_VAL)

    def loss(temperature):
        return probability_loss(raw, y[60:], kind, temperature, w)

    grid = model.temperature_ * np.exp(np.linspace(-1, 1, 81))
    assert 0.06 < model.temperature_ < 19
    assert abs(np.log(model.temperature_)) > 0.01
    assert loss(model.temperature_) <= min(map(loss, grid)) + 1e-8
    predicted = model.predict_proba(X_VAL)
    cooled = raw / model.temperature_
    if kind == "three":
        assert_allclose(predicted, softmax(cooled, axis=2).mean(axis=0))
        assert_allclose(np.exp(model.predict_log_proba(X_VAL)), predicted)
    elif kind == "outputs":
        assert_allclose(predicted[0], softmax(cooled[..., :3], axis=2).mean(axis=0))
    else:
        p = expit(cooled).mean(axis=0)
        assert_allclose(predicted[:, -1:] if kind == "two" else predicted, p)
    assert model.predict(X_VAL).shape == y[60:].shape


@pytest.mark.parametrize("kind", KINDS)
def test_calibration_changes_no_class_of_one_network(kind):
    y = KINDS[kind]
    models = [
        classifier(calibrate=calibrate, early_stopping=True, max_iter=15).fit(X, y)
        for calibrate in (False, True)
    ]
    assert_array_equal(theta(models[1]), theta(models[0]))
    assert_array_equal(models[1].predict(X), models[0].predict(X))
    assert models[0].temperature_ == 1 != models[1].temperature_
    twin = pickle.loads(pickle.dumps(models[1]))
    assert twin.temperature_ == models[1].temperature_
    if kind != "outputs":
        assert_array_equal(twin.predict_proba(X), models[1].predict_proba(X))


def test_folds_calibrate_each_on_its_own():
    model = classifier(**FOLDS, calibrate=True, max_iter=15).fit(X, THREE)
    raw = model.networks_.predict(X)

    def loss(temperature):
        parts = [
            -log_softmax(raw[k, fold] / temperature, axis=1)[np.arange(len(fold)), THREE[fold]]
            for k, fold in enumerate(model._training.folds)
        ]
        return np.mean(parts)

    grid = model.temperature_ * np.exp(np.linspace(-1, 1, 81))
    assert loss(model.temperature_) <= min(map(loss, grid)) + 1e-8


def test_calibration_needs_rows_held_out():
    with pytest.raises(ValueError, match="calibrate=True needs held-out rows"):
        classifier(calibrate=True, early_stopping=False).fit(X, TWO)


def test_calibration_takes_back_the_smoothing():
    table, y = make_blobs(400, n_features=2, centers=3, cluster_std=1.0, random_state=0)
    losses = []
    for calibrate in (False, True):
        model = classifier(
            label_smoothing=0.4, calibrate=calibrate, early_stopping=True, max_iter=40
        ).fit(table[:250], y[:250])
        losses.append(log_loss(y[250:], model.predict_proba(table[250:])))
    assert losses[1] < 0.9 * losses[0]


def test_a_continued_fit_is_calibrated_anew():
    model = classifier(calibrate=True, early_stopping=True, warm_start=True, max_iter=3)
    temperatures = [model.fit(X, TWO).temperature_ for _ in range(3)]
    assert len(set(temperatures)) == 3
    assert model.set_params(warm_start=False, calibrate=False).fit(X, TWO).temperature_ == 1


# -- averaging -------------------------------------------------------------------------


def running_average(start, steps, decay, t=0):
    average, found = start.copy(), []
    for theta in steps:
        d = min(decay, (1 + t) / (10 + t))
        average = d * average + (1 - d) * theta
        found.append(average)
        t += 1
    return found


@pytest.mark.parametrize("settings", [{}, {"n_estimators": 2}, {"solver": "sgd"}])
@pytest.mark.parametrize("decay", [0.3, 0.99])
def test_the_weights_are_averages(decay, settings):
    record = Record()
    plain = regressor(callbacks=[record], **settings).fit(X, Y)
    averaged = regressor(averaging=decay, **settings).fit(X, Y)
    averages = running_average(record.start, record.steps, decay)
    assert_allclose(theta(averaged), averages[-1])
    assert np.abs(theta(averaged) - theta(plain)).max() > 1e-3


def test_the_average_is_what_is_watched():
    record, shown = Record(), Record()
    watched = {"X_val": X_VAL, "y_val": Y_VAL}
    settings = {"learning_rate_init": 0.1, "max_iter": 12, "n_estimators": 2}
    regressor(**settings, callbacks=[record]).fit(X[:60], Y[:60])
    averages = running_average(record.start, record.steps, 0.8)[2::3]  # three steps an epoch
    model = regressor(**settings, averaging=0.8, early_stopping=True, callbacks=[shown])
    model.fit(X[:60], Y[:60], **watched)
    for seen, average in zip(shown.epochs, averages, strict=True):
        assert_allclose(seen, average)
    losses = [row["validation_loss"] for row in model.history_]
    assert 0 < np.argmin(losses) < 11
    assert_allclose(theta(model), averages[int(np.argmin(losses))])
    assert_allclose(min(losses), ((model.predict(X_VAL) - Y_VAL) ** 2).mean() / 2)


def test_averaging_leaves_callbacks_their_hooks():
    with_average, without = Record(), Record()
    regressor(averaging=0.9, callbacks=[with_average]).fit(X, Y)
    regressor(callbacks=[without]).fit(X, Y)
    assert len(without.steps) == without.seen == 30
    assert len(with_average.steps) == with_average.seen == 30
    assert_array_equal(with_average.steps[-1], without.steps[-1])


def test_a_second_fit_averages_like_the_first():
    """It starts at the average; within it the weights go their way, and are averaged."""
    settings = {"warm_start": True, "solver": "sgd", "momentum": 0.0}
    averaged = regressor(averaging=0.8, **settings).fit(X, Y)
    record = Record()
    plain = regressor(callbacks=[record], **settings).fit(X, Y)
    plain.networks_.theta[:] = averaged.networks_.theta
    averaged.fit(X, Y)
    plain.fit(X, Y)
    assert_allclose(theta(averaged), running_average(record.start, record.steps, 0.8)[-1])


@both
@pytest.mark.parametrize("goes_on", ["partial_fit", "fit"])
def test_averages_go_on(make, goes_on):
    target = Y if make is regressor else TWO
    classes = {"classes": [0, 1]} if (make, goes_on) == (classifier, "partial_fit") else {}
    model = make(averaging=0.9, warm_start=True, max_iter=2, n_estimators=2)
    first = getattr(model, goes_on)(X, target, **classes).score(X, target)
    for _ in range(12):
        getattr(model, goes_on)(X, target)
        assert np.isfinite(theta(model)).all()
    assert model.score(X, target) > first + 0.05
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        getattr(one, goes_on)(X, target)
    assert_array_equal(theta(twin), theta(model))


def test_lbfgs_has_nothing_to_average():
    with pytest.raises(ValueError, match="averaging=0.9"):
        regressor(solver="lbfgs", averaging=0.9).fit(X, Y)


# -- the range of y --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_predictions_may_be_kept_in_range(dtype):
    y = np.column_stack([Y, -10 * Y])
    settings = {"dtype": dtype, "max_iter": 30, "standardize": True}
    free, clipped = (regressor(clip_output=c, **settings).fit(X, y) for c in (False, True))
    far = 5 * X
    low, high = (bound.astype(dtype) for bound in (y.min(axis=0), y.max(axis=0)))
    assert (free.predict(far) > high).any(axis=0).all()
    assert (free.predict(far) < low).any()
    assert_array_equal(clipped.predict(far), np.clip(free.predict(far), low, high))
    assert clipped.predict(far).dtype == dtype
    one = regressor(clip_output=True, **settings).fit(X, Y)
    assert one.predict(far).shape == (90,)
    assert one.predict(far).max() <= np.asarray(Y.max(), dtype=dtype)


def test_the_range_is_that_of_rows_with_weight():
    y = np.where(np.arange(90) < 3, 1e3, Y)
    w = np.where(np.arange(90) < 3, 0.0, 1.0)
    model = regressor(clip_output=True, max_iter=30).fit(X, y, sample_weight=w)
    assert model.predict(100 * X).max() <= Y[3:].max()


# -- the time --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"solver": "lbfgs"},
        {"n_estimators": 3, "early_stopping": True},
        {"averaging": 0.9, "early_stopping": True, "verbose": True},
        FOLDS,
    ],
    ids=["adam", "lbfgs", "several", "averaged", "folds"],
)
def test_time_runs_out(settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = regressor(**{**settings, "max_time": 1e-9, "max_iter": 50}).fit(X, Y)
    assert model.n_iter_ == len(model.history_) == 1
    assert np.isfinite(theta(model)).all()
    assert np.isfinite(model.predict(X)).all()


def test_the_best_weights_are_kept_when_time_runs_out():
    model = regressor(early_stopping=True, warm_start=True, max_iter=20).fit(X, Y)
    before = theta(model)
    model.set_params(max_time=1e-9, learning_rate_init=5.0).fit(X, Y)
    assert model.n_iter_ == 1
    assert model.validation_scores_[-1] < model.best_validation_score_
    assert_array_equal(theta(model), before)


def test_enough_time_is_as_no_limit():
    assert_array_equal(theta(regressor(max_time=1e6).fit(X, Y)), theta(regressor().fit(X, Y)))


# -- rates and schedules ---------------------------------------------------------------

EVERYTHING = {
    "numeric_embedding": PBLD(n_frequencies=3),
    "input_scaling": True,
    "parametric_activation": True,
    "standardize": "robust",
    "max_one_hot": 2,
    "categorical_features": [3],
}
ROLES = ["weight", "bias", "scale", "activation", "embedding", "embedding_numeric"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "rprop"])
def test_a_factor_of_zero_freezes(role, solver):
    table = X.copy()
    table[:, 3] = np.arange(90) % 5
    record = Record()
    settings = {"solver": solver, "callbacks": [record], **EVERYTHING}
    model = regressor(**settings, learning_rate_factors={role: 0.0}).fit(table, Y)
    moved = theta(model) != record.start
    frozen = np.zeros(moved.shape[1], dtype=bool)
    for slot in model.networks_.layout.slots:
        if slot.role == role:
            frozen[slot.start : slot.stop] = True
    assert frozen.any()
    assert not moved[:, frozen].any()
    assert moved[:, ~frozen].mean() > 0.5


def test_a_factor_is_a_rate():
    plain = regressor(solver="sgd", momentum=0.0, max_iter=1, batch_size=90)
    fast = clone(plain).set_params(learning_rate_factors={"bias": 3.0})
    records = []
    for model in (plain, fast):
        records.append(Record())
        model.set_params(callbacks=[records[-1]]).fit(X, Y)
    step, longer = (record.steps[0] - record.start for record in records)
    for slot in plain.networks_.layout.slots:
        factor = 3 if slot.role == "bias" else 1
        part = slice(slot.start, slot.stop)
        assert_allclose(longer[:, part], factor * step[:, part], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ("factors", "message"), [({"weights": 0.1}, "weights"), ({"weight": -1.0}, "-1")]
)
def test_factors_that_make_no_sense(factors, message):
    with pytest.raises(ValueError, match=message):
        regressor(learning_rate_factors=factors).fit(X, Y)


@pytest.mark.parametrize(("solver", "power"), [("adam", 0.5), ("rmsprop", 0.5), ("sgd", 1.0)])
def test_ntk_is_a_rate_for_each_width(solver, power):
    """With as many hidden units as columns, every weight has 4 inputs, of the 64 of factor 1."""
    settings = {"hidden_layer_sizes": (4,), "solver": solver}
    ntk = regressor(**settings, parametrization="ntk").fit(X, Y)
    by_hand = regressor(**settings, learning_rate_factors={"weight": 16.0**power}).fit(X, Y)
    assert_allclose(theta(ntk), theta(by_hand), rtol=1e-12)
    assert np.abs(theta(ntk) - theta(regressor(**settings).fit(X, Y))).max() > 1e-3
    both = regressor(
        **settings, parametrization="ntk", learning_rate_factors={"weight": 16.0**-power}
    ).fit(X, Y)
    assert_allclose(theta(both), theta(regressor(**settings).fit(X, Y)), rtol=1e-9, atol=1e-12)


def off(progress):
    return 0.0


def on(progress):
    return 1.0


STRENGTHS = {
    "dropout_schedule": {"dropout": 0.5},
    "weight_decay_schedule": {"weight_decay": 0.5},
}
every_strength = pytest.mark.parametrize(("name", "strength"), STRENGTHS.items())


@every_strength
def test_strengths_follow_a_schedule(name, strength):
    without, constant = regressor().fit(X, Y), regressor(**strength).fit(X, Y)
    assert_array_equal(theta(regressor(**strength, **{name: off}).fit(X, Y)), theta(without))
    assert_array_equal(theta(regressor(**strength, **{name: on}).fit(X, Y)), theta(constant))
    assert_array_equal(theta(regressor(**{name: "flat_cos"}).fit(X, Y)), theta(without))
    cosine = regressor(**strength, **{name: "cosine"}).fit(X, Y)
    assert_array_equal(theta(regressor(**strength, **{name: Cosine()}).fit(X, Y)), theta(cosine))
    assert not np.array_equal(theta(cosine), theta(constant))


@every_strength
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_by_its_name(name, strength, schedule):
    model = regressor(**strength, **{name: schedule}, learning_rate=schedule).fit(X, Y)
    assert np.isfinite(model.predict(X)).all()


@every_strength
def test_a_schedule_sees_all_of_training(name, strength):
    seen = []

    def look(progress):
        seen.append(progress)
        return 0.5

    regressor(**strength, **{name: look}, max_iter=4, batch_size=45).fit(X, Y)
    assert_allclose(sorted(set(seen)), np.arange(8) / 8)


# -- what the layers learn -------------------------------------------------------------


def test_coefs_with_scaled_inputs_predict():
    model = regressor(input_scaling=True, max_iter=20, hidden_layer_sizes=(5, 3)).fit(X, Y)
    slot = next(s for s in model.networks_.layout.slots if s.role == "scale")
    assert np.abs(slot.view(model.networks_.theta) - 1).max() > 0.01
    out = X
    for w, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        out = np.maximum(out @ w + b, 0)
    assert_allclose((out @ model.coefs_[-1] + model.intercepts_[-1])[:, 0], model.predict(X))


@pytest.mark.parametrize(
    ("switch", "role"), [("input_scaling", "scale"), ("parametric_activation", "activation")]
)
def test_what_does_not_learn_changes_nothing(switch, role):
    frozen = regressor(**{switch: True}, learning_rate_factors={role: 0.0}).fit(X, Y)
    plain = regressor().fit(X, Y)
    assert_allclose(frozen.predict(X), plain.predict(X))
    assert not np.allclose(regressor(**{switch: True}).fit(X, Y).predict(X), plain.predict(X))


# -- parameters ------------------------------------------------------------------------

WRONG = {
    "categorical_features": "all",
    "max_one_hot": 0,
    "embedding_dim": 0,
    "numeric_embedding": "pbl",
    "input_scaling": "yes",
    "parametric_activation": 2,
    "parametrization": "mup",
    "learning_rate_factors": "fast",
    "dropout_schedule": "flat",
    "weight_decay_schedule": 0.5,
    "averaging": 1.0,
    "n_estimators": 0,
    "joint_best_epoch": "each",
    "max_time": 0,
    "validation_split": "fold",
    "standardize": "robuts",
}
OTHER = {
    "categorical_features": [0],
    "max_one_hot": None,
    "embedding_dim": 3,
    "numeric_embedding": PBLD(dim=3),
    "input_scaling": True,
    "parametric_activation": True,
    "parametrization": "ntk",
    "learning_rate_factors": {"bias": 0.1},
    "dropout_schedule": off,
    "weight_decay_schedule": "coslog4",
    "averaging": 0.5,
    "n_estimators": 2,
    "joint_best_epoch": False,
    "max_time": 100.0,
    "validation_split": "folds",
    "standardize": "robust",
}


@both
@pytest.mark.parametrize("name", [*WRONG, "own"])
def test_wrong_values_are_named(make, name):
    target = Y if make is regressor else TWO
    wrong = WRONG.get(name)
    if name == "own":
        name, wrong = ("clip_output", 2) if make is regressor else ("calibrate", "yes")
    with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
        make(**{name: wrong}).fit(X, target)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"numeric_embedding": "pbl"}, "numeric_embedding='pbld'"),
        ({"dropout_schedule": "flat_cosine"}, "dropout_schedule='flat_cos'"),
        ({"validation_split": "fold"}, "validation_split='folds'"),
        ({"standardize": "robuts"}, "standardize='robust'"),
    ],
)
def test_almost_right_values_are_corrected(settings, name):
    with pytest.raises(InvalidParameterError, match=f"Did you mean {name}"):
        regressor(**settings).fit(X, Y)


@both
@pytest.mark.parametrize("name", OTHER)
def test_parameters_survive(make, name):
    target = Y if make is regressor else TWO
    model = make().set_params(**{name: OTHER[name]}, early_stopping=True)
    assert model.get_params()[name] is OTHER[name]
    twin = clone(model)
    assert repr(twin) == repr(model)
    assert repr(twin.get_params()[name]) == repr(OTHER[name])
    assert_array_equal(theta(twin.fit(X, target)), theta(model.fit(X, target)))
    assert repr(pickle.loads(pickle.dumps(model))) == repr(model)


@both
def test_scikit_learns_defaults_have_none_of_this(make):
    """They must say so themselves, once a default is no longer off."""
    neutral = {
        **{name: value for name, value in PLAIN.items() if name in OTHER},
        "categorical_features": "from_dtype",
        "dropout": 0.0,
        "normalization": None,
        "weight_decay": None,
        "max_norm": None,
        "clip_norm": None,
        "warmup": 0.0,
        "callbacks": None,
    }
    own = {"clip_output": False} if make is regressor else {"calibrate": False}
    if make is classifier:
        own |= {"label_smoothing": 0.0, "class_weight": None}
    model = type(make())(**{**SKLEARN_DEFAULTS, "max_iter": 1})
    params = vars(model.fit(X, Y if make is regressor else TWO)._now)
    assert {name: params[name] for name in {**neutral, **own}} == {**neutral, **own}
