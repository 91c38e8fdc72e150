"""Amounts that are often 0, by two estimators."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import MLPClassifier, MLPRegressor, TwoPartRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def pack_years(seed, n):
    """Return columns, amounts of which about half are 0, and the mean amounts."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    p = 1 / (1 + np.exp(-2 * X[:, 0]))
    mean_log, spread = 1 + 0.5 * X[:, 1] - 0.5 * X[:, 0], 0.8
    y = (rng.random(n) < p) * np.exp(mean_log + spread * rng.normal(size=n))
    return X, y, p * np.exp(mean_log + spread**2 / 2)


X, Y, _ = pack_years(0, 400)
W = np.random.default_rng(1).integers(0, 3, len(Y)).astype(float)


def two_part(**settings):
    return TwoPartRegressor(LogisticRegression(), LinearRegression(), **settings)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


CHECKS = parametrize_with_checks([two_part(), two_part(log=True)]).args


@pytest.mark.parametrize(CHECKS[0], list(CHECKS[1]))
def test_scikit_learns_check(estimator, check):
    check(estimator)


def test_the_prediction_is_the_product_of_its_parts():
    model = two_part().fit(X, Y)
    some = Y > 0
    whether = LogisticRegression().fit(X, some).predict_proba(X)[:, 1]
    how_much = np.maximum(LinearRegression().fit(X[some], Y[some]).predict(X), 0)
    assert_array_equal(model.predict_positive(X), whether)
    assert_array_equal(model.predict_amount(X), how_much)
    assert_array_equal(model.predict(X), whether * how_much)
    assert model.smearing_ == 1
    assert (model.predict(X) >= 0).all()


def test_smearing_finds_the_mean_of_a_long_tail():
    X_train, y, _ = pack_years(2, 5000)
    X_test, _, mean = pack_years(3, 5000)
    model = two_part(log=True).fit(X_train, y)
    assert model.smearing_ == pytest.approx(np.exp(0.8**2 / 2), rel=0.05)
    assert model.predict(X_test).mean() == pytest.approx(mean.mean(), rel=0.05)
    assert r2_score(mean, model.predict(X_test)) > 0.95
    assert r2_score(mean, two_part().fit(X_train, y).predict(X_test)) < 0.9


@pytest.mark.parametrize("log", [False, True])
def test_weights_are_repetitions(log):
    weighted = two_part(log=log).fit(X, Y, sample_weight=W)
    repeated = two_part(log=log).fit(np.repeat(X, W.astype(int), axis=0), Y.repeat(W.astype(int)))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-3)
    assert weighted.smearing_ == pytest.approx(repeated.smearing_)
    assert not np.allclose(weighted.predict(X), two_part(log=log).fit(X, Y).predict(X), rtol=1e-3)


@pytest.mark.parametrize("log", [False, True])
def test_nothing_at_all(log):
    model = two_part(log=log).fit(X, np.zeros(len(X)))
    assert_array_equal(model.predict(X), 0)
    assert_array_equal(model.predict_positive(X), 0)
    assert_array_equal(model.predict_amount(X), 0)
    assert isinstance(model.classifier_, DummyClassifier)
    assert isinstance(model.regressor_, DummyRegressor)


@pytest.mark.parametrize("y", [Y + 1, np.where(W > 0, Y + 1, 0)])
def test_always_something(y):
    w = np.where(y > 0, 1.0, 0.0)  # what has no weight is not seen
    model = two_part().fit(X, y, sample_weight=w)
    assert isinstance(model.classifier_, DummyClassifier)
    assert_array_equal(model.predict_positive(X), 1)
    assert_allclose(model.predict(X), LinearRegression().fit(X, y, w).predict(X).clip(0))


@pytest.mark.parametrize(
    ("y", "w", "message"),
    [
        (Y - 1, None, "y: got -1.0, but expected amounts"),
        (Y, 0 * W, "all weights are zero|at least one non-zero"),
        (Y, -W, "Negative values"),
        (np.column_stack([Y, Y]), None, "1d array"),
        (np.where(Y > 5, np.nan, Y), None, "NaN"),
    ],
)
def test_what_cannot_be_fitted_is_refused(y, w, message):
    with pytest.raises(ValueError, match=message):
        two_part().fit(X, y, sample_weight=w)


@pytest.mark.parametrize(
    ("parts", "name"),
    [((LinearSVC(),), "classifier"), ((None, "ridge"), "regressor")],
)
def test_parts_that_lack_a_method_are_refused(parts, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of TwoPartRegressor"):
        TwoPartRegressor(*parts).fit(X, Y)


def test_weights_for_a_part_that_takes_none_are_refused():
    model = TwoPartRegressor(KNeighborsClassifier(), LinearRegression())
    model.fit(X, Y)
    with pytest.raises(ValueError, match="KNeighborsClassifier.fit takes none"):
        model.fit(X, Y, sample_weight=W)
    with pytest.raises(ValueError, match="metadata_routing"):
        model.fit(X, Y, groups=W)


def test_parts_are_networks_unless_given():
    model = TwoPartRegressor().fit(X[:30], Y[:30])
    assert isinstance(model.classifier_, MLPClassifier)
    assert isinstance(model.regressor_, MLPRegressor)
    assert model.classifier is None
    assert clone(model).get_params() == TwoPartRegressor().get_params()


def test_networks_take_frames_with_categories_and_gaps():
    table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(
        d=pd.Categorical(np.where(X[:, 0] > 0, "x", "y"))
    )
    table.loc[::7, "b"] = np.nan
    short = {"hidden_layer_sizes": (8,), "n_estimators": 1, "max_iter": 3, "random_state": 0}
    model = TwoPartRegressor(MLPClassifier(**short), MLPRegressor(loss="gamma", **short))
    model.fit(table, Y)
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
    assert (model.predict(table) > 0).all()
    tags = model.__sklearn_tags__().input_tags
    assert tags.categorical and tags.allow_nan and tags.sparse
    assert not two_part().__sklearn_tags__().input_tags.allow_nan


def test_sparse_and_listed_rows_are_rows():
    expected = two_part().fit(X, Y).predict(X)
    assert_allclose(two_part().fit(X.tolist(), Y.tolist()).predict(X.tolist()), expected)
    coo = sparse.coo_array(X)
    assert_allclose(two_part().fit(coo, Y).predict(coo), expected, rtol=1e-3, atol=1e-3)


def test_parameters_of_parts_can_be_searched():
    grid = {"classifier__C": [0.01, 1.0], "regressor__fit_intercept": [False, True]}
    search = GridSearchCV(two_part(), grid, cv=3).fit(X, Y)
    assert search.best_params_["regressor__fit_intercept"]
    assert search.best_estimator_.classifier.C == search.best_params_["classifier__C"]


def test_metadata_go_where_they_are_requested(routing):
    weighs = {"sample_weight": True}
    model = TwoPartRegressor(
        LogisticRegression().set_fit_request(**weighs),
        make_pipeline(StandardScaler().set_fit_request(sample_weight=False), LinearRegression()),
    )
    model.regressor[-1].set_fit_request(**weighs)
    model.fit(X, Y, sample_weight=W)
    assert_allclose(model.predict(X), expected_with_weights(), rtol=1e-3)
    with pytest.raises(ValueError, match="sample_weight.* not explicitly set as requested"):
        two_part().fit(X, Y, sample_weight=W)


def expected_with_weights():
    with sklearn.config_context(enable_metadata_routing=False):
        return two_part().fit(X, Y, sample_weight=W).predict(X)


def test_the_regressor_gets_metadata_of_its_rows(routing):
    groups = np.arange(len(Y)) % 5
    noted = {}

    class Noting(LinearRegression):
        def fit(self, X, y, sample_weight=None, groups=None, note=None):
            noted.update(groups=groups, note=note)
            return super().fit(X, y, sample_weight)

    regressor = Noting().set_fit_request(groups=True, note=True, sample_weight=True)
    model = TwoPartRegressor(LogisticRegression().set_fit_request(sample_weight=True), regressor)
    model.fit(X, Y, sample_weight=W, groups=groups, note="for all")
    assert_array_equal(noted["groups"], groups[(Y > 0) & (W > 0)])
    assert noted["note"] == "for all"


def test_networks_by_default_are_weighted_where_metadata_are_routed(routing):
    TwoPartRegressor().get_metadata_routing()
    model = TwoPartRegressor().fit(X[:30], Y[:30], sample_weight=W[:30])
    assert model.score(X[:30], Y[:30]) > 0
