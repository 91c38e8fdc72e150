"""The same seed gives the same bits."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import cross_val_predict

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.core.optimizers import SOLVERS, Optimizer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_classification(150, 8, random_state=0)
SETTINGS = {solver: {"solver": solver} for solver in [*SOLVERS, "lbfgs"]} | {
    "stopped early": {"early_stopping": True},
    "dropout": {"dropout": 0.4},
    "batch norm": {"normalization": "batch"},
    "float32": {"dtype": "float32"},
    "like scikit-learn": SKLEARN_DEFAULTS,
}


def classifier(**settings):
    small = {"hidden_layer_sizes": (8,), "max_iter": 6}
    return MLPClassifier(**{"random_state": 0, **settings, **small})


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_same_seed_gives_the_same_bits(settings):
    model = classifier(**settings)
    first = model.fit(X, Y).networks_.theta.copy()
    assert_array_equal(model.fit(X, Y).networks_.theta, first)
    assert_array_equal(clone(model).fit(X, Y).networks_.theta, first)
    other = clone(model).set_params(random_state=1).fit(X, Y)
    assert not np.array_equal(other.networks_.theta, first)


def test_a_stream_of_numbers_moves_on():
    stream = np.random.RandomState(0)
    model = classifier(random_state=stream)
    first = model.fit(X, Y).networks_.theta.copy()
    assert_array_equal(classifier(random_state=0).fit(X, Y).networks_.theta, first)
    assert not np.array_equal(model.fit(X, Y).networks_.theta, first)


def test_no_seed_is_another_network_each_time():
    one, other = (classifier(random_state=None).fit(X, Y).networks_.theta for _ in range(2))
    assert not np.array_equal(one, other)


def test_a_fit_leaves_the_global_stream_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    classifier(random_state=0, dropout=0.2, early_stopping=True).fit(X, Y)
    assert_array_equal(np.random.get_state()[1], before)


def test_dropout_leaves_the_start_and_the_shuffles_alone():
    """A rate this low drops no unit."""
    settings = {"batch_size": 10, "early_stopping": True}
    plain, dropped = (classifier(dropout=d, **settings).fit(X, Y) for d in (0.0, 1e-12))
    assert_allclose(dropped.networks_.theta, plain.networks_.theta, rtol=1e-6)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_companions_do_not_matter(n_jobs):
    alone = [classifier(random_state=seed).fit(X, Y).networks_.theta for seed in range(4)]
    together = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(classifier(random_state=seed).fit)(X, Y) for seed in range(4)
    )
    for theta, model in zip(alone, together, strict=True):
        assert_array_equal(model.networks_.theta, theta)


def test_cross_validation_is_the_same_in_threads():
    with parallel_config(backend="threading"):
        one, two = (
            cross_val_predict(classifier(), X, Y, cv=4, n_jobs=n_jobs, method="predict_proba")
            for n_jobs in (1, 2)
        )
    assert_array_equal(one, two)


@pytest.fixture
def restless():
    """Let threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_threads_may_predict_at_once(normalization, restless):
    many = np.random.default_rng(0).normal(size=(3000, 8))
    model = classifier(normalization=normalization, dropout=0.1).fit(X, Y)
    expected = model.predict_proba(many)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: model.predict_proba(many), range(16)))
    for proba in found:
        assert_array_equal(proba, expected)


def test_threads_may_predict_different_rows_at_once(restless):
    model = MLPRegressor((8,), max_iter=3, random_state=0).fit(X, Y)
    parts = [np.random.default_rng(i).normal(size=(50 + 300 * i, 8)) for i in range(8)]
    expected = [model.predict(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(model.predict, parts), expected, strict=True):
            assert_array_equal(found, alone)


@pytest.mark.parametrize("solver", ["adamw", "sgd"])
def test_steps_of_large_networks_are_shared_out_as_far_as_blas_may(solver, monkeypatch):
    monkeypatch.setattr("skmlp.core.buffers.BLOCK_BYTES", 1 << 8)
    alone = classifier(solver=solver, weight_decay=0.1, alpha=0.1).fit(X, Y)
    asked, share_out = [], Optimizer.share_out
    monkeypatch.setattr(
        Optimizer, "share_out", lambda self, n: (asked.append(n), share_out(self, n))
    )
    monkeypatch.setattr("skmlp.estimators._running._LARGE", 0)
    for threads in (1, 2):
        asked.clear()
        pools = [{"user_api": "openmp", "num_threads": 9}] * 2
        pools[0] = {"user_api": "blas", "num_threads": threads}
        monkeypatch.setattr("skmlp.estimators._running.threadpool_info", lambda p=pools: p)
        shared = clone(alone).fit(X, Y)
        assert max(asked) == threads
        assert asked[-1] == 1  # no thread stays behind
        assert_array_equal(shared.networks_.theta, alone.networks_.theta)
        assert shared.loss_curve_ == alone.loss_curve_


def test_predictions_do_not_depend_on_company():
    model = classifier().fit(X, Y)
    many = np.random.default_rng(0).normal(size=(2500, 8))
    together = model.predict_proba(many)
    assert_allclose(model.predict_proba(many[1000:1050]), together[1000:1050], rtol=1e-12)
    assert_allclose(np.vstack([model.predict_proba(row[None]) for row in many[:20]]), together[:20])


def test_prediction_leaves_the_estimator_as_it_is():
    model = classifier(normalization="batch", dropout=0.3).fit(X, Y)
    theta, stats = model.networks_.theta.copy(), model.networks_.stats.copy()
    first = model.predict_proba(X)
    model.predict(5 * X), model.transform(X), model.score(X, Y)
    assert_array_equal(model.predict_proba(X), first)
    assert_array_equal(model.networks_.theta, theta)
    assert_array_equal(model.networks_.stats, stats)
