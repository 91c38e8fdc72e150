"""What is held out, what is watched on it, and which weights are kept."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from skmlp import MLPClassifier, MLPRegressor
from tests.estimators.plain import ONE_PLAIN_NETWORK

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 120
rng = np.random.default_rng(0)
X = np.column_stack([np.arange(N), rng.normal(size=(N, 3))])  # the first column names the row
THREE = np.repeat([0, 1, 2], [60, 40, 20])
rng.shuffle(THREE)
NOISY = (X[:, 1] + rng.normal(size=N) > 0).astype(int)
X_VAL, Y_VAL = X[:50], NOISY[:50]
X_TRAIN, Y_TRAIN = X[50:], NOISY[50:]


SMALL = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.02, "max_iter": 25, "random_state": 0}
# What is tested here does not hang on the defaults, which are chosen by measurement.
PLAIN = {
    **ONE_PLAIN_NETWORK,
    "learning_rate": "cosine",
    "scoring": "loss",
}
MODEST = {"label_smoothing": 0.0, "calibrate": False}


def classifier(**settings):
    return MLPClassifier(**{**SMALL, **PLAIN, **MODEST, "early_stopping": True, **settings})


def regressor(**settings):
    return MLPRegressor(**{**SMALL, **PLAIN, "early_stopping": True, **settings})


class Spy:
    """A scorer that remembers the rows on which it is asked."""

    def __call__(self, estimator, X, y, sample_weight=None):
        self.rows, self.y, self.w = X[:, 0].astype(int), y, sample_weight
        return estimator.score(X, y)


def held_out(y, *args, groups=None, estimator=classifier, **settings):
    spy = Spy()
    model = estimator(scoring=spy, max_iter=2, **settings).fit(X, y, *args, groups=groups)
    assert_array_equal(spy.y, y[spy.rows])
    assert len(model.validation_scores_) == 2
    return np.sort(spy.rows)


def test_each_class_is_held_out_alike():
    for seed in range(5):
        rows = held_out(THREE, validation_fraction=0.25, random_state=seed)
        assert_array_equal(np.bincount(THREE[rows]), [15, 10, 5])


def test_groups_stay_together():
    groups = np.arange(N) // 7
    rows = held_out(THREE, groups=groups, validation_fraction=0.3)
    assert 0 < len(rows) < N
    assert not set(groups[rows]) & set(np.delete(groups, rows))


def test_groups_may_have_names():
    groups = [f"family {i // 7}" for i in range(N)]
    rows = held_out(THREE, groups=groups, validation_fraction=0.3)
    assert len({groups[i] for i in rows}) == 6


@pytest.mark.parametrize("settings", [{"shuffle": False}, {"validation_split": "last"}])
@pytest.mark.parametrize("estimator", [classifier, regressor])
def test_the_last_rows_are_held_out_on_request(settings, estimator):
    rows = held_out(THREE, validation_fraction=0.2, estimator=estimator, **settings)
    assert_array_equal(rows, np.arange(96, 120))
    with pytest.raises(ValueError, match="groups"):
        estimator(**settings).fit(X, THREE, groups=THREE)


@pytest.mark.parametrize(
    ("splitter", "groups"),
    [
        (TimeSeriesSplit(4), None),
        (GroupKFold(3), np.arange(N) % 9),
        (StratifiedKFold(5), None),
        (ShuffleSplit(1, random_state=3), None),
    ],
)
def test_a_splitter_says_what_is_held_out(splitter, groups):
    rows = held_out(NOISY, groups=groups, validation_split=splitter)
    assert_array_equal(rows, np.sort(next(splitter.split(X, NOISY, groups))[1]))


def test_rows_outside_both_parts_of_a_splitter_are_left_alone():
    splitter = TimeSeriesSplit(4)
    train, held = next(splitter.split(X))
    split = classifier(validation_split=splitter, max_iter=3).fit(X, NOISY)
    given = classifier(max_iter=3).fit(X[train], NOISY[train], X_val=X[held], y_val=NOISY[held])
    assert_allclose(split.predict_proba(X), given.predict_proba(X))


def test_rows_of_no_weight_are_not_held_out():
    w = np.where(np.arange(N) < 60, 1.0, 0.0)
    for settings in ({}, {"validation_split": "last"}, {"validation_split": KFold(5)}):
        assert held_out(NOISY, w, **settings).max() < 60


@pytest.mark.parametrize(
    "scoring", [None, "accuracy", "neg_log_loss", "roc_auc", lambda m, X, y: m.score(X, y)]
)
@pytest.mark.parametrize("given", [True, False])
def test_the_best_weights_come_back(scoring, given):
    model = classifier(scoring=scoring, validation_fraction=0.4, n_iter_no_change=5)
    if given:
        model.fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
        rows = X_VAL, Y_VAL
    else:
        model.fit(X, NOISY)
        held = held_out(NOISY, validation_fraction=0.4)
        rows = X[held], NOISY[held]
    if scoring is None:
        scoring = "accuracy"
    score = (get_scorer(scoring) if isinstance(scoring, str) else scoring)(model, *rows)
    assert score == pytest.approx(model.best_validation_score_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_loss_ is None


@pytest.mark.parametrize("estimator", [classifier, regressor])
def test_the_score_is_watched_by_default(estimator):
    settings = {name: estimator().get_params()[name] for name in {**SMALL, **PLAIN}}
    del settings["scoring"]
    model = type(estimator())(**settings, n_iter_no_change=3, early_stopping=True)
    model.fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_validation_score_ == pytest.approx(model.score(X_VAL, Y_VAL))


@pytest.mark.parametrize("estimator", [classifier, regressor])
def test_the_loss_is_watched_on_request(estimator):
    model = estimator(max_iter=60, n_iter_no_change=3)
    model.fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
    losses = [row["validation_loss"] for row in model.history_]
    assert model.best_validation_score_ == pytest.approx(-min(losses))
    assert model.n_iter_ < 60
    if estimator is classifier:
        score = get_scorer("neg_log_loss")(model, X_VAL, Y_VAL)
        assert score == pytest.approx(model.best_validation_score_)


@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_absolute_error"])
def test_a_regressor_is_scored_in_units_of_y(scoring):
    y = 1000 * X[:, 1] + 5000 * NOISY
    model = regressor(scoring=scoring, max_iter=20)
    model.fit(X[50:], y[50:], X_val=X_VAL, y_val=y[:50])
    score = get_scorer(scoring or "r2")(model, X_VAL, y[:50])
    assert score == pytest.approx(model.best_validation_score_)


@pytest.mark.parametrize("scoring", ["loss", None, "accuracy", "neg_log_loss"])
def test_validation_rows_have_weights(scoring):
    w = np.where(np.arange(50) < 20, 2.0, 0.0)
    settings = {"scoring": scoring, "n_iter_no_change": 4}
    weighted = classifier(**settings).fit(
        X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL, sample_weight_val=w
    )
    removed = classifier(**settings).fit(X_TRAIN, Y_TRAIN, X_val=X_VAL[:20], y_val=Y_VAL[:20])
    assert_allclose(weighted.validation_scores_, removed.validation_scores_)
    assert_array_equal(weighted.networks_.theta, removed.networks_.theta)


def test_weights_follow_the_rows_held_out():
    w = np.arange(1.0, N + 1)
    spy = Spy()
    classifier(scoring=spy, max_iter=1).fit(X, NOISY, sample_weight=w)
    assert_allclose(spy.w / spy.w[0], w[spy.rows] / w[spy.rows][0])


def test_a_validation_set_is_not_trained_on():
    settings = {"early_stopping": False, "max_iter": 5}
    watched = classifier(**settings).fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
    alone = classifier(**settings).fit(X_TRAIN, Y_TRAIN)
    assert_array_equal(watched.networks_.theta, alone.networks_.theta)
    assert "validation_loss" in watched.history_[0]
    assert "validation_loss" not in alone.history_[0]


@pytest.mark.parametrize("missing", ["X_val", "y_val"])
def test_half_a_validation_set_is_an_error(missing):
    given = {"X_val": X_VAL, "y_val": Y_VAL}
    del given[missing]
    with pytest.raises(ValueError, match="belong together"):
        classifier().fit(X, NOISY, **given)


def test_a_validation_set_of_other_columns_is_an_error():
    with pytest.raises(ValueError, match="4 features"):
        classifier().fit(X, NOISY, X_val=X_VAL[:, :2], y_val=Y_VAL)


@pytest.mark.parametrize(
    ("n_estimators", "n", "stops_early"),
    [(1, 100, False), (1, 1500, True), (4, 30, False), (4, 100, True)],
)
def test_auto_holds_rows_out_where_there_are_many(n_estimators, n, stops_early):
    many = np.random.default_rng(0).normal(size=(n, 2))
    model = classifier(early_stopping="auto", n_estimators=n_estimators, max_iter=1)
    model.fit(many, many[:, 0] > 0)
    assert (model.validation_scores_ is not None) == stops_early
    assert (model.best_loss_ is None) == stops_early


def test_auto_watches_a_validation_set_however_few_the_rows():
    model = classifier(early_stopping="auto", max_iter=2)
    model.fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
    assert len(model.validation_scores_) == 2


@pytest.mark.parametrize(("n_estimators", "n_weighted"), [(1, 600), (4, 30)])
def test_auto_counts_the_rows_that_have_weight(n_estimators, n_weighted):
    many = np.random.default_rng(0).normal(size=(1500, 2))
    w = np.arange(1500) < n_weighted
    model = classifier(early_stopping="auto", n_estimators=n_estimators, max_iter=1)
    assert model.fit(many, many[:, 0] > 0, sample_weight=w).validation_scores_ is None


@pytest.mark.filterwarnings("ignore:The number of unique classes")
@pytest.mark.parametrize(
    "y",
    [
        np.r_[[7], np.arange(1499) % 3],  # one class has one row
        np.arange(1500) % 400,  # more classes than rows held out
        np.arange(1500) % 1499,  # hardly a class with two rows
    ],
    ids=["a singleton", "many classes", "almost all singletons"],
)
@pytest.mark.parametrize("n_estimators", [1, 4])
def test_auto_bears_rare_classes(n_estimators, y):
    many = np.random.default_rng(0).normal(size=(1500, 2))
    model = classifier(early_stopping="auto", n_estimators=n_estimators, max_iter=1).fit(many, y)
    assert len(model.classes_) == len(np.unique(y))
    assert len(model.validation_scores_) == 1


def test_early_stopping_asked_for_does_not_bear_a_class_of_one_row():
    with pytest.raises(ValueError, match="1 member|too few"):
        classifier().fit(X, np.r_[7, THREE[1:]])


@pytest.mark.parametrize(
    ("n_estimators", "few", "words"), [(1, 5, "validation"), (4, 3, "hold out a fold")]
)
def test_a_handful_of_rows_cannot_be_split(n_estimators, few, words):
    with pytest.raises(ValueError, match=words):
        regressor(n_estimators=n_estimators).fit(X[:few], NOISY[:few])


def test_several_labels_and_outputs_are_held_out_plainly():
    labels = (X[:, 1:] > 0).astype(int)
    for y in (labels, np.column_stack([THREE, NOISY])):
        for scoring in (None, "loss"):
            model = classifier(max_iter=2, scoring=scoring).fit(X, y)
            assert len(model.validation_scores_) == 2


def test_training_without_progress_stops():
    rest = {"early_stopping": False, "learning_rate_init": 1e-12, "n_iter_no_change": 4}
    model = classifier(max_iter=100, **rest).fit(X, NOISY)
    assert model.n_iter_ == 5
    assert model.best_loss_ == pytest.approx(min(model.loss_curve_))


def test_patience_without_end_trains_to_the_last_epoch():
    model = classifier(n_iter_no_change=np.inf, learning_rate_init=1e-12, max_iter=30)
    assert model.fit(X, NOISY).n_iter_ == 30


@pytest.mark.parametrize("solver", ["lbfgs", "rprop", "gd"])
def test_full_batch_solvers_stop_early_too(solver):
    model = classifier(solver=solver, alpha=0.0, max_iter=300, n_iter_no_change=5, tol=1e-6)
    model.fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
    score = get_scorer("neg_log_loss")(model, X_VAL, Y_VAL)
    assert score == pytest.approx(model.best_validation_score_)
    if solver == "lbfgs":
        assert model.n_iter_ < 300
