"""What "auto" stands for: the shape of the table decides, and what the user says stands."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skmlp
from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators._recipes import resolve

both = pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
Y = X[:, 0] + X[:, 1] ** 2
LABELS = Y > 1
SHORT = {"max_iter": 3, "random_state": 0}


def resolved(model, shape, *, wide=False, incremental=False):
    kind = {"wide": wide, "incremental": incremental}
    return resolve(model.get_params(), model._recipes, shape, **kind)


def target(make):
    return LABELS if make is MLPClassifier else Y


@both
def test_nothing_is_left_to_be_chosen(make):
    for settings in ({}, skmlp.BEST_QUALITY, {"solver": "sgd"}, skmlp.SKLEARN_DEFAULTS):
        for wide in (False, True):
            found = vars(resolved(make(**settings), (500, 10), wide=wide))
            auto = [name for name, value in found.items() if isinstance(value, str)]
            auto = [name for name in auto if found[name] == "auto"]
            # a word of its own in these two
            assert set(auto) <= {"dtype", "validation_split"}


@both
def test_what_is_set_is_taken_as_it_is(make):
    mine = {
        "hidden_layer_sizes": (7,),
        "batch_size": 11,
        "learning_rate": "constant",
        "learning_rate_init": 0.123,
        "max_iter": 5,
        "n_estimators": 3,
        "dropout": 0.3,
        "weight_init": "he_normal",
        "early_stopping": False,
        "numeric_embedding": "plr",
    }
    for wide in (False, True):
        found = vars(resolved(make(**mine), (5000, 10), wide=wide))
        assert {name: found[name] for name in mine} == mine


@both
@pytest.mark.parametrize(
    ("n", "size"), [(40, 32), (512, 32), (513, 64), (5000, 128), (20_000, 256), (10**6, 512)]
)
def test_batches_grow_with_the_table(make, n, size):
    assert resolved(make(), (n, 10)).batch_size == size


@both
def test_large_tables_get_fewer_epochs(make):
    assert resolved(make(), (100, 10)).max_iter == resolved(make(), (10_000, 10)).max_iter == 140
    assert resolved(make(), (1_000_000, 10)).max_iter == 14


@both
@pytest.mark.parametrize("solver", ["sgd", "gd", "lbfgs"])
def test_other_solvers_get_a_plain_network(make, solver):
    plain, wide = resolved(make(solver=solver), (500, 10)), resolved(make(), (50, 999), wide=True)
    for found in (plain, wide):
        assert found.hidden_layer_sizes == (100,)
        assert found.n_estimators == 1
        assert not found.input_scaling
        assert not found.early_stopping
        assert found.averaging is None
    assert plain.l1 == 0
    assert wide.l1 == pytest.approx(50**0.5 * (0.21 if make is MLPClassifier else 0.125))


def test_smoothing_goes_with_calibration():
    assert resolved(MLPClassifier(), (500, 10)).label_smoothing == 0.1
    for settings in ({"early_stopping": False}, {"calibrate": False}, {"n_estimators": 1}):
        found = resolved(MLPClassifier(**settings), (500, 10))
        assert found.label_smoothing == 0
        assert not found.calibrate
    assert resolved(MLPClassifier(), (30, 10)).label_smoothing == 0
    assert resolved(MLPClassifier(), (500, 10), incremental=True).label_smoothing == 0


def test_embeddings_are_for_tables_with_few_columns():
    best = MLPRegressor(**skmlp.BEST_QUALITY)
    assert resolved(best, (500, 100)).numeric_embedding == "pbld"
    assert resolved(best, (500, 101)).numeric_embedding is None


@both
def test_the_best_recipe_is_another_one(make):
    usual, best = resolved(make(), (500, 10)), resolved(make(**skmlp.BEST_QUALITY), (500, 10))
    assert best.n_estimators > usual.n_estimators
    assert best.max_iter > usual.max_iter


@both
def test_wide_tables_are_known_by_their_shape(make):
    wide = RNG.normal(size=(20, 61))
    model = make(**SHORT).fit(wide, wide[:, 0] > 0 if make is MLPClassifier else wide[:, 0])
    assert model.networks_.k == 1
    assert model.hidden_layer_sizes == "auto"  # what the user gave is left as it was
    narrow = make(**SHORT).fit(X, target(make))
    assert narrow.networks_.k == 4


@both
def test_a_network_once_built_keeps_its_shape(make):
    model = make(**SHORT, warm_start=True).fit(X, target(make))
    shape = model.networks_.theta.shape
    model.set_params(solver="sgd", learning_rate_init=1e-3).fit(X, target(make))
    assert model.networks_.theta.shape == shape
    with pytest.raises(ValueError, match="n_estimators was 4 and is now 2"):
        model.set_params(n_estimators=2).fit(X, target(make))


@both
def test_the_recipe_can_be_searched(make):
    grid = {"recipe": ["default", "best"]}
    search = GridSearchCV(make(**SHORT, n_estimators=2), grid, cv=2).fit(X, target(make))
    assert search.best_params_["recipe"] in grid["recipe"]
    assert clone(search.best_estimator_).recipe == search.best_params_["recipe"]


@both
def test_members_of_one_network_share_its_weights(make):
    model = make(**SHORT, n_estimators=5, weight_sharing=True, early_stopping=True)
    frame = pd.DataFrame(X, columns=list("abcd")).assign(e=RNG.choice(list("xyz"), 90))
    model.fit(frame, target(make))
    alone = make(**SHORT, n_estimators=1, early_stopping=True).fit(frame, target(make))
    assert model.networks_.k == 1
    assert model.networks_.theta.size < 5 * alone.networks_.theta.size
    prediction = "predict_proba" if make is MLPClassifier else "predict"
    once = getattr(model, prediction)(frame)
    assert np.isfinite(once).all()
    assert_array_equal(getattr(clone(model).fit(frame, target(make)), prediction)(frame), once)
    assert len(model.validation_scores_) == 3
    with pytest.raises(AttributeError, match="coefs_"):
        _ = model.coefs_
    assert len({tuple(raw.ravel()) for raw in model.networks_.predict(_inputs(model, frame))}) == 5


def _inputs(model, frame):
    from skmlp.estimators._data import lay_out

    return lay_out(model._encode_X(frame), None, model._standardizer, model._arithmetic)


def test_shared_weights_learn():
    X = RNG.normal(size=(400, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    model = MLPRegressor(n_estimators=6, weight_sharing=True, random_state=0, max_iter=60)
    assert model.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.9


@both
def test_rows_without_weight_do_not_count(make):
    table, w = RNG.normal(size=(600, 4)), (np.arange(600) < 500) * 1.0
    y = table[:, 0] > 0 if make is MLPClassifier else table[:, 0]
    weighted = make(**SHORT).fit(table, y, sample_weight=w)
    fewer = make(**SHORT).fit(table[:500], y[:500])
    assert_allclose(weighted.predict(table), fewer.predict(table), rtol=1e-9)


def test_many_classes_of_few_rows_are_held_out_in_folds_too():
    model = MLPClassifier(**SHORT).fit(RNG.normal(size=(60, 3)), np.arange(60) % 30)
    assert len(model.validation_scores_) == 3


@both
def test_few_groups_hold_out_one_part_for_all(make):
    groups = np.arange(90) % 3
    model = make(**SHORT, early_stopping=True, warm_start=True).fit(X, target(make), groups=groups)
    train, held = model._training.split[1:]
    assert not set(groups[train]) & set(groups[held])
    with pytest.raises(ValueError, match="4 networks cannot each hold out .* 3 groups"):
        make(**SHORT, validation_split="folds").fit(X, target(make), groups=groups)
    unequal = np.r_[np.zeros(87), 1, 2, 3]
    with pytest.raises(ValueError, match="a single row"):
        make(**SHORT, validation_split="folds").fit(X, target(make), groups=unequal)
