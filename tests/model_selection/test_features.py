"""What scikit-learn's searches and cross-validation can do, ours do with the same numbers."""

import copy
import inspect
import io
import itertools
import pickle
import re
import time
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import sklearn
import sklearn.model_selection as skl
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it is an experiment there
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.utils.fixes import parse_version

from skmlp import MLPClassifier, model_selection
from tests.model_selection.test_same_results import (
    RATES,
    Y3,
    R,
    X,
    Y,
    assert_same,
    classifier,
    regressor,
)

SMALL = {
    "hidden_layer_sizes": (5,),
    "n_estimators": 1,
    "max_iter": 2,
    "batch_size": 32,
    "early_stopping": False,
}
CV = skl.KFold(2, shuffle=True, random_state=0)  # of 51 and 52 rows
LOSS = "neg_log_loss"
FOUR_RATES = [1e-3, 3e-3, 1e-2, 3e-2]
WEIGHT = np.random.RandomState(0).uniform(0.1, 3.0, len(X))
FUNCTIONS = [
    "cross_validate",
    "cross_val_score",
    "cross_val_predict",
    "learning_curve",
    "validation_curve",
]


def small(**settings):
    return classifier(**{**SMALL, **settings})


def small_regressor(**settings):
    return regressor(**{**SMALL, **settings})


def named(name, grid):
    """Return a grid for the step of that name."""
    return {f"{name}__{parameter}": values for parameter, values in grid.items()}


def both(kind, *args, fit=(X, Y), params=None, **settings):
    """Fit our search and scikit-learn's of the same name; return them, their results compared."""
    searches = [
        getattr(where, kind)(*copy.deepcopy(args), **{"cv": CV, **settings})
        .fit(*fit, **(params or {}))
        for where in (model_selection, skl)
    ]  # fmt: skip
    assert_same_results(*searches)
    return searches


def assert_same_results(ours, theirs, rtol=1e-9, atol=1e-12):
    """Compare all that two fitted searches found, but for the times."""
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for name, values in theirs.cv_results_.items():
        found = ours.cv_results_[name]
        if name == "params" or name.startswith("param_"):
            assert repr(list(found)) == repr(list(values))
        elif "time" not in name:
            assert_allclose(found, values, rtol=rtol, atol=atol, err_msg=name)
    assert ours.multimetric_ == theirs.multimetric_
    assert ours.n_splits_ == theirs.n_splits_
    for name in ("best_index_", "best_score_", "best_params_"):
        assert hasattr(ours, name) == hasattr(theirs, name)
        if hasattr(theirs, name):
            assert_equal(getattr(ours, name), getattr(theirs, name))


def assert_equal(ours, theirs):
    """Compare numbers to rounding, and everything else by what it looks like."""
    if isinstance(theirs, float):
        assert_allclose(ours, theirs, rtol=1e-9)
    else:
        assert repr(ours) == repr(theirs)


def assert_close(ours, theirs):
    """Compare arrays, or lists, tuples or dicts of them, but for times and estimators."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name in theirs:
            if "time" not in name and name != "estimator":
                assert_close(ours[name], theirs[name])
    elif isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for mine, yours in zip(ours, theirs, strict=True):
            assert_close(mine, yours)
    else:
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def compare(function, *args, **settings):
    """Call our function and scikit-learn's of the same name; return both results, compared."""
    results = [
        getattr(where, function)(*copy.deepcopy(args), **{"cv": CV, **settings})
        for where in (model_selection, skl)
    ]
    assert_close(*results)
    return results


# -- how rows are split ----------------------------------------------------------------

GROUPS = np.arange(len(X)) % 7
UNEVEN = np.repeat([0, 1, 2], [3, 20, 80])
SPLITTERS = {
    "a number": (3, None),
    "group k-fold": (skl.GroupKFold(3), GROUPS),
    "stratified groups": (skl.StratifiedGroupKFold(3), GROUPS),
    "uneven groups": (skl.LeaveOneGroupOut(), UNEVEN),
    "time series": (skl.TimeSeriesSplit(3), None),
    "stratified": (skl.StratifiedKFold(3, shuffle=True, random_state=1), None),
    "shuffled": (skl.ShuffleSplit(3, test_size=0.3, random_state=1), None),
    "repeated": (skl.RepeatedKFold(n_splits=2, n_repeats=2, random_state=1), None),
    "predefined": (skl.PredefinedSplit(np.resize([-1, 0, 1, 2], len(X))), None),
    "lists of row numbers": ([([*range(50)], [*range(50, 70)]), ([*range(30, 90)], [0, 1])], None),
    "overlapping folds": ([(np.arange(60), np.arange(60))] * 2, None),
}


@pytest.mark.parametrize("case", SPLITTERS)
def test_every_splitter(case):
    cv, groups = SPLITTERS[case]
    params = None if groups is None else {"groups": groups}
    assert_same(small_regressor(), RATES, X, Y, cv=cv, params=params, return_train_score=True)


@pytest.mark.parametrize("function", ["cross_val_score", "cross_validate", "learning_curve"])
def test_groups_reach_the_functions_of_cross_validation(function):
    compare(function, small_regressor(), X, Y, groups=UNEVEN, cv=skl.LeaveOneGroupOut())


# -- how it is scored ------------------------------------------------------------------


def a_number(estimator, X, y):
    return float(estimator.predict_proba(X)[:, 1].mean())


def two_numbers(estimator, X, y):
    proba = estimator.predict_proba(X)[:, 1]
    return {"mean": float(proba.mean()), "spread": float(proba.std())}


def the_worst(results):
    return int(np.argmin(results["mean_test_neg_log_loss"]))


SCORINGS = {
    "its own": {},
    "a name": {"scoring": LOSS},
    "names, refit by one": {"scoring": ["accuracy", LOSS], "refit": LOSS},
    "scorers": {
        "scoring": {"mine": a_number, "auc": "roc_auc"},
        "refit": "mine",
    },
    "refit by a function": {"scoring": ["accuracy", LOSS], "refit": the_worst},
    "no refit": {"scoring": ["accuracy", LOSS], "refit": False},
    "a function": {"scoring": a_number},
    "a function of two numbers": {"scoring": two_numbers, "refit": "spread"},
    "training rows too": {"scoring": ["accuracy", LOSS], "refit": LOSS, "return_train_score": True},
}


@pytest.mark.parametrize("case", SCORINGS)
def test_every_way_to_score_and_refit(case):
    ours, theirs = both("GridSearchCV", small(), RATES, **SCORINGS[case])
    if ours.refit:
        assert_allclose(
            ours.best_estimator_.predict_proba(X), theirs.best_estimator_.predict_proba(X)
        )
        assert_allclose(ours.predict(X), theirs.predict(X))
        if not callable(ours.refit):  # which says nothing of the score, there as here
            assert_allclose(ours.score(X, Y), theirs.score(X, Y))
        assert ours.refit_time_ > 0
    assert_equal(ours.scorer_, theirs.scorer_)


def test_a_metric_to_refit_by_must_be_named():
    for where in (model_selection, skl):
        with pytest.raises(ValueError, match="refit must be set to a scorer key"):
            where.GridSearchCV(small(), RATES, scoring=["accuracy", LOSS]).fit(X, Y)


class Mistake(Exception):
    """What a user's scorer raises."""


def scores_some(estimator, X, y):
    if estimator.learning_rate_init > 2e-3:
        raise Mistake("no score today")
    return a_number(estimator, X, y)


def told_and_found(where, *args, fit=(X, Y), **settings):
    """Fit a search; return it and the warnings, as (category, text)."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        search = where.GridSearchCV(*args, cv=CV, **settings).fit(*fit)
    return search, [(warning.category, str(warning.message)) for warning in told]


@pytest.mark.parametrize("error_score", [np.nan, -7.0])
def test_a_scorer_that_raises_costs_only_its_own_scores(error_score):
    settings = {"scoring": scores_some, "error_score": error_score}
    (ours, told), (theirs, told_there) = (
        told_and_found(where, small(), RATES, **settings) for where in (model_selection, skl)
    )
    assert_same_results(ours, theirs)
    assert sorted(map(first_line, told)) == sorted(map(first_line, told_there))
    assert sum("Scoring failed" in text for _, text in told) == 2


def first_line(warning):
    """Return the category of a warning and its first line: what follows is a traceback."""
    category, text = warning
    return category.__name__, text.splitlines()[0]


@pytest.mark.parametrize("scoring", [scores_some, {"a": scores_some}], ids=["alone", "named"])
def test_a_scorer_may_raise_to_the_caller(scoring):
    for where in (model_selection, skl):
        search = where.GridSearchCV(
            small(), RATES, scoring=scoring, refit=False, error_score="raise"
        )
        with pytest.raises(Mistake, match="no score today"):
            search.fit(X, Y)


# -- what fails ------------------------------------------------------------------------

DIVERGES = {"learning_rate_init": [1e-3, 1e9, 1e-2]}
FAILURES = {
    "diverges": (small_regressor(standardize=False), DIVERGES, "non-finite", np.nan),
    "diverges, with a score": (small_regressor(standardize=False), DIVERGES, "non-finite", -7.0),
    "is refused": (small_regressor(), {"alpha": [0.0, -1.0]}, "alpha", np.nan),
    "a step fails": (
        make_pipeline(PCA(random_state=0), small_regressor()),
        {"pca__n_components": [2, 50, 3]},
        "n_components",
        -7.0,
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_candidate_that_fails_is_named_and_the_others_go_on(case):
    estimator, grid, reason, error_score = FAILURES[case]
    settings = {"error_score": error_score, "return_train_score": True, "fit": (X, R[:, 0])}
    (ours, told), (theirs, told_there) = (
        told_and_found(where, estimator, grid, **settings) for where in (model_selection, skl)
    )
    assert_same_results(ours, theirs)
    scores = ours.cv_results_["mean_test_score"]
    assert_equal(float(scores[1]), float(error_score))
    assert np.isfinite(np.delete(scores, 1)).all()
    bad = next(iter(skl.ParameterGrid({name: [values[1]] for name, values in grid.items()})))
    naming = [text for _, text in told if str(bad) in text]
    assert len(naming) == 1 and reason in naming[0] and "2 fits" in naming[0]
    others = [first_line(w) for w in told if w[1] not in naming]
    assert others == [first_line(w) for w in told_there]


@pytest.mark.parametrize("case", FAILURES)
def test_a_candidate_that_fails_may_raise(case):
    estimator, grid, *_ = FAILURES[case]
    errors = []
    for where in (model_selection, skl):
        with pytest.raises(ValueError) as error:
            where.GridSearchCV(estimator, grid, error_score="raise").fit(X, R[:, 0])
        errors.append(error.value)
    assert type(errors[0]) is type(errors[1])
    assert str(errors[0]) == str(errors[1])


def test_if_all_candidates_fail_the_search_says_so():
    for where in (model_selection, skl):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FitFailedWarning)
            with pytest.raises(ValueError, match="All the 4 fits failed"):
                where.GridSearchCV(small(), {"alpha": [-1.0, -2.0]}, cv=CV).fit(X, Y)


@pytest.mark.parametrize("function", ["cross_val_score", "cross_validate", "learning_curve"])
def test_failures_of_cross_validation(function):
    bad = small_regressor(alpha=-1.0)
    for where in (model_selection, skl):
        with pytest.raises(ValueError, match=r"All the \d+ fits failed"):
            getattr(where, function)(bad, X, R[:, 0])
        with pytest.raises(ValueError, match="alpha"):
            getattr(where, function)(bad, X, R[:, 0], error_score="raise")


# -- what comes with the rows ----------------------------------------------------------


def test_sample_weight():
    ours, theirs = both(
        "GridSearchCV", small(), RATES, scoring=LOSS, params={"sample_weight": WEIGHT}
    )
    unweighted = model_selection.GridSearchCV(small(), RATES, cv=CV, scoring=LOSS).fit(X, Y)
    plain, weighted = (
        s.cv_results_["mean_test_score"] for s in (unweighted, ours)
    )  # fmt: skip
    assert not np.allclose(plain, weighted)


def test_sample_weight_of_a_step():
    pipe = make_pipeline(StandardScaler(), small())
    params = {"mlpclassifier__sample_weight": WEIGHT, "standardscaler__sample_weight": WEIGHT}
    both("GridSearchCV", pipe, named("mlpclassifier", RATES), scoring=LOSS, params=params)
    compare("cross_val_score", pipe, X, Y, params=params, scoring=LOSS)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"),
    reason="this scikit-learn's own search does not pass weights to the score of a pipeline",
)
def test_routed_sample_weight():
    with sklearn.config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), model)
        grid = named("mlpclassifier", RATES)
        ours, _ = both("GridSearchCV", pipe, grid, params={"sample_weight": WEIGHT})
        compare("cross_val_predict", pipe, X, Y, params={"sample_weight": WEIGHT})
        compare("cross_validate", pipe, X, Y, params={"sample_weight": WEIGHT})
        nested = model_selection.GridSearchCV(pipe, grid, cv=2)
        compare("cross_val_score", nested, X, Y, params={"sample_weight": WEIGHT})
    requests = model_selection.GridSearchCV(model, RATES).get_metadata_routing()
    assert repr(requests) == repr(skl.GridSearchCV(model, RATES).get_metadata_routing())


def test_routed_groups_and_a_request_that_is_missing():
    with sklearn.config_context(enable_metadata_routing=True):
        settings = {"cv": skl.GroupKFold(3)}
        for wanted in (False, True):
            model = small(early_stopping=True, max_iter=3).set_fit_request(groups=wanted)
            both("GridSearchCV", model, RATES, params={"groups": GROUPS}, **settings)
        compare("cross_val_score", model, X, Y, params={"groups": GROUPS}, **settings)
        for where in (model_selection, skl):
            with pytest.raises(ValueError, match="sample_weight"):
                where.GridSearchCV(small(), RATES).fit(X, Y, sample_weight=WEIGHT)


def test_routed_rows_to_watch_go_through_the_steps():
    watched = {"X_val": 3 * X[:17] + 1, "y_val": Y[:17]}
    with sklearn.config_context(enable_metadata_routing=True):
        model = small(early_stopping=True, n_iter_no_change=2, max_iter=20, scoring="loss")
        model.set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        grid = {"mlpclassifier__learning_rate_init": [1e-3, 0.3]}
        ours, _ = both("GridSearchCV", pipe, grid, params=watched, scoring=LOSS)
    assert ours.best_estimator_[-1].validation_scores_ is not None


class Spy(TransformerMixin, BaseEstimator):
    """Notes what it is given, and passes it on."""

    seen = []

    def fit(self, X, y=None):
        self.seen.append(X)
        return self

    def transform(self, X):
        self.seen.append(X)
        return X


def test_frames_as_output_of_steps():
    Spy.seen = []
    pipe = make_pipeline(StandardScaler(), Spy(), small())
    frame = pd.DataFrame(X.copy(), columns=list("abcdef"))
    with sklearn.config_context(transform_output="pandas"):
        ours, _ = both("GridSearchCV", pipe, named("mlpclassifier", RATES), fit=(frame, Y))
        assert all(isinstance(seen, pd.DataFrame) for seen in Spy.seen)
    assert list(ours.best_estimator_[-1].feature_names_in_) == list("abcdef")
    assert len(Spy.seen) > 10


# -- what it says ----------------------------------------------------------------------


def run_verbosely(function, verbose):
    """Call one of ours that takes verbose."""
    if function == "GridSearchCV":
        model_selection.GridSearchCV(small(), RATES, cv=CV, verbose=verbose).fit(X, Y)
    elif function == "validation_curve":
        ranges = {"param_name": "alpha", "param_range": [0.0, 1.0]}
        model_selection.validation_curve(small(), X, Y, cv=CV, verbose=verbose, **ranges)
    else:
        getattr(model_selection, function)(small(), X, Y, cv=CV, verbose=verbose)


@pytest.mark.parametrize("function", ["GridSearchCV", "cross_validate"])
def test_silence_is_the_default(function, capfd):
    run_verbosely(function, 0)
    said = capfd.readouterr()
    assert said.out == "" and said.err == ""


@pytest.mark.parametrize("function", ["GridSearchCV", *FUNCTIONS])
def test_verbose_tells_the_fits_done_and_the_time_left(function, capsys):
    run_verbosely(function, 1)
    said = capsys.readouterr().out
    total = {"GridSearchCV": 4, "validation_curve": 4, "learning_curve": 10}.get(function, 2)
    assert re.search(rf"^{total} of {total} fits, 0 s left", said, re.MULTILINE)
    if function == "GridSearchCV":
        assert said.startswith("Fitting 2 folds for each of 2 candidates, totalling 4 fits\n")


def test_verbose_tells_nothing_twice(capsys):
    run_verbosely("GridSearchCV", 1)
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == list(dict.fromkeys(said[1:]))


@pytest.mark.parametrize("verbose", [2, 3, 10])
def test_more_verbose_says_what_scikit_learn_says_of_each_fit(verbose, capsys):
    lines = []
    for where in (model_selection, skl):
        where.GridSearchCV(small(), RATES, cv=CV, verbose=verbose).fit(X, Y)
        said = capsys.readouterr().out.splitlines()
        lines.append(sorted(re.sub(r"\.{2,}|\d+\.\ds$", "", s) for s in said if "[CV" in s))
    assert lines[0] == lines[1]
    assert len(lines[0]) == (8 if verbose > 9 else 4)


def test_a_terminal_gets_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    model_selection.GridSearchCV(small(), RATES, cv=CV, verbose=1).fit(X, Y)
    assert "#" * 30 + "] 4 of 4 fits" in screen.getvalue()
    assert screen.getvalue().endswith("\n")


# -- which candidates ------------------------------------------------------------------


def test_a_list_of_grids():
    grids = [RATES, {"hidden_layer_sizes": [(3,), (4, 4)], "alpha": [0.0, 2.0]}]
    both("GridSearchCV", small(), grids, scoring=LOSS)


@pytest.mark.parametrize("random_state", [0, 5])
def test_random_candidates(random_state):
    space = {
        "learning_rate_init": scipy.stats.loguniform(1e-4, 1e-1),
        "alpha": scipy.stats.uniform(0, 1),
        "hidden_layer_sizes": [(3,), (4,)],
    }
    settings = {"n_iter": 5, "random_state": random_state, "scoring": LOSS}
    both("RandomizedSearchCV", small(), space, **settings)


HALVING = {"min_resources": 20, "max_resources": 60, "random_state": 0, "scoring": "accuracy"}
EPOCHS = {**HALVING, "resource": "max_iter", "min_resources": 2, "max_resources": 8}


@pytest.mark.parametrize("settings", [HALVING, EPOCHS], ids=["rows", "epochs"])
@pytest.mark.parametrize("kind", ["HalvingGridSearchCV", "HalvingRandomSearchCV"])
def test_halving(kind, settings):
    space = {"learning_rate_init": FOUR_RATES[::2], "alpha": [0.0, 1.0]}
    if kind == "HalvingRandomSearchCV":
        space["alpha"] = scipy.stats.uniform(0, 1)
    settings = {**settings, "factor": 2, "return_train_score": True}
    ours, theirs = both(kind, small(), space, **settings)
    for name in ("n_resources_", "n_candidates_", "n_iterations_", "n_remaining_candidates_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.n_iterations_ > 1


OTHERS = {
    "no network": (SVC(), {"C": [0.5, 1.0]}),
    "a pipeline without network": (
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"logisticregression__C": [0.1, 1.0]},
    ),
    "networks and others": (
        Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())]),
        [
            {"clf": [small(), LogisticRegression(C=0.1), SVC(random_state=0)]},
            {"clf": [small()], "clf__alpha": [0.0, 1.0]},
        ],
    ),
    "a network that is not used": (Pipeline([("clf", small())]), {"clf": [LogisticRegression()]}),
    "steps left out": (
        Pipeline([("scale", StandardScaler()), ("clf", small())]),
        {"scale": ["passthrough", StandardScaler(), MaxAbsScaler()]},
    ),
    "a pipeline in a pipeline": (
        Pipeline([("prepare", make_pipeline(StandardScaler(), PCA(3))), ("clf", small())]),
        {"prepare__pca__n_components": [2, 3], "clf__alpha": [0.0, 1.0]},
    ),
    "a pipeline among the candidates": (
        Pipeline([("clf", small())]),
        {"clf": [small(), make_pipeline(StandardScaler(), small())]},
    ),
    "side by side": (
        make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", PCA(2))]), small()),
        {"featureunion__b__n_components": [1, 2]},
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_candidates_need_not_be_networks(case):
    estimator, grid = OTHERS[case]
    ours, theirs = both("GridSearchCV", estimator, grid, return_train_score=True)
    assert (ours.predict(X) == theirs.predict(X)).all()


class Refits(ClassifierMixin, BaseEstimator):
    """Fits a network twice, then goes on by itself; says nothing of its warnings."""

    def __init__(self, network, passes=1):
        self.network, self.passes = network, passes

    def fit(self, X, y):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clone(self.network).fit(X, y)
            self.network_ = clone(self.network).fit(X, y)
            for _ in range(self.passes):
                self.network_.partial_fit(X, y)
        self.classes_ = self.network_.classes_
        return self

    def predict_proba(self, X):
        return self.network_.predict_proba(X)

    def predict(self, X):
        return self.network_.predict(X)


TINY = small(max_iter=2, dropout=0.0)
AROUND = {
    "voting": (
        VotingClassifier([("a", TINY), ("b", LogisticRegression())], voting="soft"),
        {"a__alpha": [0.0, 1.0]},
    ),
    "stacking": (
        StackingClassifier([("a", TINY), ("b", make_pipeline(StandardScaler(), TINY))], cv=2),
        {"a__alpha": [0.0, 1.0]},
    ),
    "calibration": (CalibratedClassifierCV(TINY, cv=2), named("estimator", {"alpha": [0.0, 1.0]})),
    "one against the rest": (OneVsRestClassifier(TINY), named("estimator", {"alpha": [0.0, 1.0]})),
    "bagging of pipelines": (
        BaggingClassifier(make_pipeline(StandardScaler(), TINY), 2, random_state=0),
        {"estimator__mlpclassifier__alpha": [0.0, 1.0]},
    ),
    "a user's own": (Refits(TINY), {"passes": [0, 2], "network__alpha": [0.0, 1.0]}),
}


@pytest.mark.parametrize("case", AROUND)
def test_estimators_that_hold_networks(case):
    estimator, grid = AROUND[case]
    y = Y3 if case == "one against the rest" else Y
    both("GridSearchCV", estimator, grid, fit=(X, y), scoring=LOSS, refit=False)


class FitsTwice(MLPClassifier):
    """A network that is trained, thrown away and trained again."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        return super().fit(X, y, sample_weight)


def test_a_network_that_is_trained_twice_where_others_stand_beneath_it():
    model = FitsTwice(**TINY.get_params())
    both("GridSearchCV", model, {"alpha": np.linspace(0, 1, 40)}, fit=(X, Y), scoring=LOSS)


def test_many_calls_deep_in_pipelines_do_not_run_out_of_frames():
    estimator, name = TINY, "alpha"
    for _ in range(6):
        estimator, name = Pipeline([("scale", StandardScaler()), ("on", estimator)]), f"on__{name}"
    both("GridSearchCV", estimator, {name: np.linspace(0, 1, 40)}, fit=(X, Y), scoring=LOSS)


@pytest.mark.parametrize("solver, lr", [("adam", 0.01), ("sgd", 3.0), ("rprop", 0.01)])
def test_estimators_of_a_stack_go_on_each_by_itself(solver, lr):
    early = {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.0, "max_iter": 60}
    model = small(solver=solver, learning_rate_init=lr, warm_start=True, **early)
    found = [
        cross_validate(model, X, Y, cv=5, return_estimator=True)["estimator"]
        for cross_validate in (model_selection.cross_validate, skl.cross_validate)
    ]
    assert len({one.n_iter_ for one in found[0]}) > 1, "they should leave the stack one by one"
    for mine, its in zip(*found, strict=True):
        for one in (mine, its):
            one.set_params(early_stopping=False, max_iter=4).fit(X, Y)
        assert mine.loss_curve_ == pytest.approx(its.loss_curve_, rel=1e-9)
        assert_allclose(mine.predict_proba(X), its.predict_proba(X), rtol=1e-9)


def test_a_users_stream_is_drawn_from_as_far_as_alone():
    model = small(random_state=np.random.RandomState(3))
    found = [
        cross_validate(model, X, Y, cv=5, return_estimator=True)["estimator"]
        for cross_validate in (model_selection.cross_validate, skl.cross_validate)
    ]
    for mine, its in zip(*found, strict=True):
        assert mine.random_state.randint(2**31) == its.random_state.randint(2**31)


def warns_of_its_score(estimator, X, y):
    warnings.warn(f"alpha {estimator.network.alpha}", UserWarning, stacklevel=1)
    return a_number(estimator, X, y)


def test_an_estimator_that_keeps_its_warnings_to_itself_silences_no_other():
    grid = {"network__alpha": [0.0, 1.0, 2.0]}
    told = [
        told_and_found(where, Refits(TINY), grid, scoring=warns_of_its_score, refit=False)[1]
        for where in (model_selection, skl)
    ]
    assert sorted(text for _, text in told[0]) == sorted(text for _, text in told[1])
    assert len(told[0]) == 6


# -- which X and y ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    """A frame with numbers, gaps, text and categories."""
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(X[:, :3].copy(), columns=["a", "b", "c"], index=np.arange(len(X)) + 1000)
    frame.loc[frame.index[::9], "b"] = np.nan
    frame["kind"] = pd.Categorical(rng.choice(["red", "green", "blue"], len(X)))
    frame["place"] = rng.choice(list("pqrstuvwxyz"), len(X))
    frame.loc[frame.index[5], "place"] = None
    return frame


def test_frames_with_categories_and_gaps(table):
    y = pd.Series(np.where(Y, "yes", "no"), index=table.index, name="answer")
    grid = {**RATES, "max_one_hot": [2, 10]}
    ours, theirs = both("GridSearchCV", small(), grid, fit=(table, y), scoring=LOSS)
    assert list(ours.feature_names_in_) == list(theirs.feature_names_in_)
    assert set(ours.predict(table)) <= {"yes", "no"}
    settings = {"method": "predict_proba"}
    compare("cross_val_predict", small(), table, y, **settings)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix])
def test_sparse_rows(kind):
    pipe = make_pipeline(MaxAbsScaler(), small())
    rows = kind(np.where(abs(X) > 1, X, 0))
    both("GridSearchCV", pipe, named("mlpclassifier", RATES), fit=(rows, Y), scoring=LOSS)
    both("GridSearchCV", small(), RATES, fit=(rows, Y), scoring=LOSS)


def test_lists_of_rows():
    both("GridSearchCV", small(), RATES, fit=(X.tolist(), Y.tolist()), scoring=LOSS)


def test_rows_that_cannot_be_written_to():
    fixed, y = X.copy(), Y.copy()
    fixed.flags.writeable = y.flags.writeable = False
    both("GridSearchCV", small(), RATES, fit=(fixed, y), scoring=LOSS)


def test_the_users_rows_stay_as_they_are_and_can_be_written_to():
    rows, y = X.copy(), Y.copy()
    pipe = make_pipeline(StandardScaler(copy=False), small())
    model_selection.GridSearchCV(pipe, named("mlpclassifier", RATES), cv=CV, refit=False).fit(
        rows, y
    )
    assert (rows == X).all() and (y == Y).all()
    assert rows.flags.writeable and y.flags.writeable


def test_several_outputs():
    classes = np.stack([Y, Y3], axis=1)
    compare("cross_val_predict", small(), X, classes)
    compare("cross_val_predict", small(), X, classes, method="predict_proba")
    compare("cross_val_predict", small_regressor(), X, R)
    both("GridSearchCV", small_regressor(), RATES, fit=(X, R), scoring="r2")


@pytest.mark.parametrize("dtype", ["float32", "auto"])
def test_single_precision_agrees_to_single_precision(dtype):
    settings = {"rtol": 1e-4, "atol": 1e-5, "scoring": LOSS, "return_train_score": True}
    model = small(dtype=dtype, max_iter=6)
    assert_same(model, RATES, X.astype(np.float32), Y, **settings)


# -- cross-validation ------------------------------------------------------------------


def pipelines_in(thing, depth=0):
    """Yield every pipeline in an estimator, fitted or not, however it is kept."""
    if isinstance(thing, Pipeline):
        yield thing
    if hasattr(thing, "get_params"):
        inner = vars(thing).values()
    elif isinstance(thing, dict):
        inner = thing.values()
    elif isinstance(thing, (list, tuple)):
        inner = thing
    else:
        return
    for part in inner:
        yield from pipelines_in(part, depth + 1)


def test_estimators_of_cross_validation_are_ones_own():
    pipe = make_pipeline(StandardScaler(), small())
    settings = {"return_estimator": True, "return_indices": True, "return_train_score": True}
    ours, theirs = compare("cross_validate", pipe, X, Y, scoring=["accuracy", LOSS], **settings)
    assert (ours["fit_time"] > 0).all() and (ours["score_time"] >= 0).all()
    for mine, yours in zip(ours["estimator"], theirs["estimator"], strict=True):
        assert repr(mine) == repr(yours)
        assert mine.memory is None
        assert_allclose(mine.predict_proba(X), yours.predict_proba(X))
        again = pickle.loads(pickle.dumps(mine))
        assert again.memory is None
        assert_allclose(again.predict_proba(X), yours.predict_proba(X))
        mine.fit(X[:50], Y[:50])  # and can be fitted anew
    assert len({id(mine[0]) for mine in ours["estimator"]}) == 2


def test_seconds_of_epochs_are_each_networks_share():
    found = model_selection.cross_validate(small(), X, Y, cv=CV, return_estimator=True)
    spent = [sum(row["seconds"] for row in one.history_) for one in found["estimator"]]
    assert len({round(seconds, 9) for seconds in spent}) == 1  # of one stack
    assert 0 < sum(spent) <= found["fit_time"].sum()


SCALED = make_pipeline(StandardScaler(), small())
ALPHAS = {"mlpclassifier__alpha": [0.0, 1.0]}
HOLDERS = {
    "a search": skl.GridSearchCV(SCALED, ALPHAS, cv=2),
    "our search": model_selection.GridSearchCV(SCALED, ALPHAS, cv=2),
    "bagging": AROUND["bagging of pipelines"][0],
    "stacking": AROUND["stacking"][0],
    "columns": make_pipeline(
        make_column_transformer((make_pipeline(StandardScaler(), PCA(2)), [0, 1, 2])), small()
    ),
    "a union": make_pipeline(
        FeatureUnion([("a", make_pipeline(StandardScaler(), PCA(2))), ("b", PCA(1))]), small()
    ),
    "calibration": CalibratedClassifierCV(make_pipeline(StandardScaler(), TINY), cv=2),
}  # fmt: skip


@pytest.mark.parametrize("case", HOLDERS)
def test_no_pipeline_keeps_a_memory_that_is_not_its_own(case):
    found = model_selection.cross_validate(HOLDERS[case], X, Y, cv=CV, return_estimator=True)
    pipelines = [pipe for fitted in found["estimator"] for pipe in pipelines_in(fitted)]
    assert len(pipelines) >= 2
    assert [pipe.memory for pipe in pipelines] == [None] * len(pipelines)


def test_a_memory_of_the_users_own_is_kept(tmp_path):
    pipe = make_pipeline(StandardScaler(), small(), memory=str(tmp_path))
    grid = {"mlpclassifier__alpha": [0.0, 1.0]}
    both("GridSearchCV", pipe, grid)
    found = model_selection.cross_validate(pipe, X, Y, return_estimator=True, cv=CV)
    assert [fitted.memory for fitted in found["estimator"]] == [str(tmp_path)] * 2
    assert any(tmp_path.iterdir())
    both("GridSearchCV", pipe, {**grid, "memory": [None, joblib.Memory(None)]})


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
@pytest.mark.parametrize("y", [Y, np.array(["b", "c", "a"])[Y3 % 3]], ids=["two", "three"])
def test_predictions_of_each_method(method, y):
    predictions = [
        where.cross_val_predict(small(), X, y, cv=CV, method=method)
        for where in (model_selection, skl)
    ]
    if predictions[0].dtype.kind in "UO":
        assert (predictions[0] == predictions[1]).all()
    else:
        assert_allclose(*predictions, rtol=1e-9, atol=1e-12)


def test_predictions_with_a_class_that_a_fold_lacks():
    rare = np.where(np.arange(len(Y)) < 3, 2, Y)
    folds = skl.KFold(3)
    with pytest.warns(RuntimeWarning, match="Number of classes in training fold"):
        compare("cross_val_predict", small(), X, rare, cv=folds, method="predict_proba")


SIZES = {"train_sizes": [0.3, 0.6, 1.0], "scoring": LOSS}
CURVES = {
    "plain": SIZES,
    "shuffled": {**SIZES, "shuffle": True, "random_state": 3},
    "numbers of rows": {"train_sizes": [20, 40, 41]},
    "times": {**SIZES, "return_times": True},
    "in steps": {**SIZES, "exploit_incremental_learning": True, "return_times": True},
}


@pytest.mark.parametrize("case", CURVES)
def test_learning_curves(case):
    settings = dict(CURVES[case])
    timed = settings.get("return_times", False)
    results = [
        where.learning_curve(small(), X, Y, cv=CV, **settings) for where in (model_selection, skl)
    ]
    assert [len(result) for result in results] == [5 if timed else 3] * 2
    assert_close(results[0][:3], results[1][:3])
    if timed:
        assert (results[0][3] > 0).all()


def test_validation_curves():
    for values in ([0.0, 0.5, 5.0], np.array([0.0, 2.0])):
        ranges = {"param_name": "alpha", "param_range": values}
        compare("validation_curve", small(), X, Y, scoring=LOSS, **ranges)
    pipe = make_pipeline(StandardScaler(), PCA(3), small())
    ranges = {"param_name": "pca__n_components", "param_range": [1, 3, 4]}
    compare("validation_curve", pipe, X, Y, scoring=LOSS, **ranges)


INNER = {
    "ours": model_selection.GridSearchCV,
    "scikit-learn's": skl.GridSearchCV,
    "ours, by halving": model_selection.HalvingGridSearchCV,
}


@pytest.mark.parametrize("case", INNER)
def test_a_search_in_cross_validation(case):
    pipe = make_pipeline(StandardScaler(), small())
    settings = {"random_state": 0} if "halving" in case else {}
    scaled = {"mlpclassifier__learning_rate_init": FOUR_RATES if settings else FOUR_RATES[::2]}
    kind = INNER[case]
    inner = kind(pipe, scaled, cv=skl.KFold(2), scoring=LOSS, **settings)
    plain = getattr(skl, kind.__name__)(pipe, scaled, cv=skl.KFold(2), scoring=LOSS, **settings)
    ours = model_selection.cross_validate(inner, X, Y, cv=CV, return_estimator=True)
    theirs = skl.cross_validate(plain, X, Y, cv=CV, return_estimator=True)
    assert_close(ours, theirs)
    for mine, yours in zip(ours["estimator"], theirs["estimator"], strict=True):
        assert_same_results(mine, yours)


def test_a_search_in_a_search():
    inner = model_selection.GridSearchCV(small(), {"alpha": [0.0, 1.0]}, cv=2, scoring=LOSS)
    plain = skl.GridSearchCV(small(), {"alpha": [0.0, 1.0]}, cv=2, scoring=LOSS)
    grid = {"estimator__learning_rate_init": [1e-3, 1e-2]}
    ours = model_selection.GridSearchCV(inner, grid, cv=CV).fit(X, Y)
    theirs = skl.GridSearchCV(plain, grid, cv=CV).fit(X, Y)
    assert_same_results(ours, theirs)


# -- scikit-learn's contract -----------------------------------------------------------

KINDS = ["GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV"]


@pytest.mark.parametrize("kind", KINDS)
def test_searches_are_estimators_like_scikit_learns(kind):
    settings = {"scoring": LOSS, "cv": 3, "n_jobs": 1, "verbose": 0}
    mine, yours = (
        getattr(where, kind)(small(), RATES, **settings) for where in (model_selection, skl)
    )
    assert isinstance(mine, getattr(skl, kind))
    assert repr(mine) == repr(yours)
    assert str(inspect.signature(type(mine))) == str(inspect.signature(type(yours)))
    assert list(inspect.signature(mine.fit).parameters) == ["X", "y", "params"]
    assert list(mine.get_params()) == list(yours.get_params())
    again = clone(mine)
    assert type(again) is type(mine) and repr(again) == repr(mine)
    again.set_params(estimator__alpha=0.25, cv=4)
    assert again.estimator.alpha == 0.25 and mine.estimator.alpha != 0.25
    assert repr(pickle.loads(pickle.dumps(mine))) == repr(mine)
    assert mine.__sklearn_tags__() == yours.__sklearn_tags__()
    assert mine._repr_html_()


def test_a_fitted_search_can_be_pickled():
    pipe = make_pipeline(StandardScaler(), small())
    search = model_selection.GridSearchCV(pipe, named("mlpclassifier", RATES), cv=CV).fit(X, Y)
    again = pickle.loads(pickle.dumps(search))
    assert_same_results(again, search)
    assert_allclose(again.predict_proba(X), search.predict_proba(X))
    assert_allclose(search.transform(X), search.best_estimator_.transform(X))
    assert list(search.classes_) == [0, 1] and search.n_features_in_ == 6
    assert not hasattr(clone(search), "best_estimator_")


def test_parameters_are_checked():
    for where in (model_selection, skl):
        with pytest.raises(ValueError, match="The 'error_score' parameter of GridSearchCV"):
            where.GridSearchCV(small(), RATES, error_score="no").fit(X, Y)
        with pytest.raises(ValueError, match="The 'cv' parameter of cross_val_score"):
            where.cross_val_score(small(), X, Y, cv="no")
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            where.GridSearchCV(small(), RATES).fit(X, Y[1:])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_are_like_scikit_learns(function):
    mine, yours = getattr(model_selection, function), getattr(skl, function)
    assert str(inspect.signature(mine)) == str(inspect.signature(yours))
    assert mine.__name__ == function and mine.__doc__
    assert mine is not yours


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_can_be_pickled(function):
    mine = getattr(model_selection, function)
    assert pickle.loads(pickle.dumps(mine)) is mine


def test_nothing_of_scikit_learns_is_changed():
    scores = model_selection.cross_val_score(small(), X, Y, cv=CV)
    globals_there = skl.cross_validate.__wrapped__.__globals__
    assert globals_there["Parallel"] is sklearn.utils.parallel.Parallel
    assert globals_there["time"] is time
    assert len(scores) == 2


def test_a_callback_on_the_network():
    callback = pytest.importorskip("sklearn.callback")
    logs = []
    for where in (model_selection, skl):
        monitor = callback.ScoringMonitor(scoring="accuracy")
        where.GridSearchCV(small().set_callbacks(monitor), RATES, cv=CV, refit=False).fit(X, Y)
        logs.append(monitor.get_logs().data)
    assert len(logs[0]) > 4
    assert repr(logs[0]) == repr(logs[1])


class Notes:
    """A callback for a search and all that is in it, which notes what it is told."""

    max_propagation_depth = None

    def __init__(self):
        self.told = []

    def setup(self, estimator, context):
        self.told.append(("setup", type(estimator).__name__))

    def teardown(self, estimator, context):
        self.told.append(("teardown", type(estimator).__name__))

    def on_fit_task_begin(self, estimator, context, **about):
        self.told.append(("begin", type(estimator).__name__, context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, **about):
        self.told.append(("end", type(estimator).__name__, context.task_name, context.task_id))


def test_a_callback_on_the_search():
    pytest.importorskip("sklearn.callback")
    pipe = make_pipeline(StandardScaler(), small())
    told = []
    for where in (model_selection, skl):
        notes = Notes()
        search = where.GridSearchCV(pipe, named("mlpclassifier", RATES), cv=CV)
        search.set_callbacks(notes).fit(X, Y)
        told.append(notes.told)
    assert len(told[0]) > 20
    assert set(told[0]) == set(told[1])
    mine, yours = ([note for note in notes if note[1] != "StandardScaler"] for notes in told)
    assert sorted(map(repr, mine)) == sorted(map(repr, yours))  # steps are fitted less often


# -- times, steps, rows ----------------------------------------------------------------


def test_times_are_shares_of_the_whole():
    pipe = make_pipeline(StandardScaler(), small(max_iter=10))
    search = model_selection.GridSearchCV(
        pipe, {"mlpclassifier__alpha": [0.0, 0.1, 1.0]}, cv=CV, n_jobs=1, refit=False
    )
    started = time.perf_counter()
    search.fit(X, Y)
    whole = time.perf_counter() - started
    times = {name: search.cv_results_[f"mean_{name}_time"] for name in ("fit", "score")}
    assert (times["fit"] > 0).all() and (times["score"] >= 0).all()
    assert 2 * (times["fit"].sum() + times["score"].sum()) <= 1.5 * whole


class Counting(StandardScaler):
    """Counts how often it is fitted, and how often it transforms."""

    fits, transforms = itertools.count(), itertools.count()

    def fit(self, X, y=None, sample_weight=None):
        next(Counting.fits)
        return super().fit(X, y, sample_weight)

    def transform(self, X, copy=None):
        next(Counting.transforms)
        return super().transform(X, copy)


def counted(search, *args, **params):
    """Return how often the counting step is fitted in a search, and how often it transforms."""
    Counting.fits, Counting.transforms = itertools.count(), itertools.count()
    search.fit(*(args or (X, Y)), **params)
    return next(Counting.fits), next(Counting.transforms)


STEPS = {
    "first": (make_pipeline(Counting(), small()), {}, 3),
    "second": (make_pipeline(MaxAbsScaler(), Counting(), small()), {}, 3),
    "behind a setting": (
        make_pipeline(PCA(random_state=0), Counting(), small()),
        {"pca__n_components": [2, 3]},
        6,
    ),
    "before a setting": (
        make_pipeline(Counting(), PCA(random_state=0), small()),
        {"pca__n_components": [2, 3]},
        3,
    ),
    "a setting of its own": (
        make_pipeline(Counting(), small()),
        {"counting__with_mean": [True, False]},
        6,
    ),
    "in a pipeline of steps": (make_pipeline(make_pipeline(Counting(), PCA(3)), small()), {}, 3),
}


@pytest.mark.parametrize("case", STEPS)
def test_steps_before_the_network_are_fitted_once_per_fold_and_setting(case):
    pipe, grid, expected = STEPS[case]
    assert_shared(pipe, grid, expected, X, Y)


def assert_shared(pipe, grid, expected, *data):
    """Search two rates too; compare how often the counting step worked."""
    grid = {"mlpclassifier__learning_rate_init": FOUR_RATES[::2], **grid}
    search = model_selection.GridSearchCV(pipe, grid, cv=skl.KFold(3), n_jobs=1)
    fits, transforms = counted(search, *data)
    assert fits == expected + 1
    assert transforms == 2 * expected + 1  # training and test rows; all rows for the refit


FORMS = {
    "frame": lambda X: pd.DataFrame(X, columns=list("abcdef")),
    "polars": lambda X: pytest.importorskip("polars").DataFrame(X, schema=list("abcdef")),
    "list": lambda X: X.tolist(),
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_array,
}


@pytest.mark.parametrize("form", FORMS)
def test_steps_are_fitted_once_whatever_form_the_rows_have(form):
    pipe = make_pipeline(Counting(with_mean=False), small())
    assert_shared(pipe, {}, 3, FORMS[form](X), pd.Series(Y))


class Picky(StandardScaler):
    """Takes no rows that it was not fitted on, if it scales by the mean."""

    def fit(self, X, y=None):
        self.seen_ = X[0].copy()
        return super().fit(X, y)

    def transform(self, X, copy=None):
        if self.with_mean and (X[0] != self.seen_).any():
            raise ValueError("not these rows")
        return super().transform(X, copy)


def test_a_step_that_cannot_transform_costs_only_its_own_scores():
    pipe, grid = make_pipeline(Picky(), small()), {"picky__with_mean": [True, False]}
    (ours, told), (theirs, told_there) = (
        told_and_found(where, pipe, grid, scoring=LOSS, refit=False)
        for where in (model_selection, skl)
    )
    assert_same_results(ours, theirs)
    assert sorted(map(first_line, told)) == sorted(map(first_line, told_there))
    assert np.isnan(ours.cv_results_["mean_test_score"]).tolist() == [True, False]


def test_without_refit_steps_are_fitted_once_per_fold():
    pipe = make_pipeline(Counting(), small())
    search = model_selection.GridSearchCV(
        pipe, named("mlpclassifier", RATES), cv=skl.KFold(3), refit=False
    )
    assert counted(search)[0] == 3


def test_steps_with_other_weights_or_targets_are_fitted_anew():
    pipe = make_pipeline(Counting(), small())
    grid = {"mlpclassifier__learning_rate_init": FOUR_RATES}
    search = model_selection.GridSearchCV(pipe, grid, cv=CV, refit=False)
    assert counted(search, X, Y, counting__sample_weight=WEIGHT)[0] == 2
    assert counted(search, X, 1 - Y)[0] == 2


class Clipped(TransformerMixin, BaseEstimator):
    """Cuts off what is far out, where it is: in the rows that it is given."""

    def __init__(self, at=1.0):
        self.at = at

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        if isinstance(X, pd.DataFrame):
            X["a"] = X["a"].clip(-self.at, self.at)
        else:
            np.clip(X, -self.at, self.at, out=X)
        return X

    def __sklearn_is_fitted__(self):
        return True


IN_PLACE = {
    "copy=False": (make_pipeline(StandardScaler(copy=False), small()), {}),
    "copy=False among the candidates": (
        make_pipeline(StandardScaler(), small()),
        {"standardscaler__copy": [False, True]},
    ),
    "copy=False from an array": (
        make_pipeline(StandardScaler(), small()),
        {"standardscaler__copy": np.array([False, True]), **named("mlpclassifier", RATES)},
    ),
    "copy=False, second": (
        make_pipeline(StandardScaler(), MaxAbsScaler(copy=False), small()),
        {"standardscaler__with_mean": [True, False]},
    ),
    "a user's own": (make_pipeline(Clipped(), small()), {"clipped__at": [0.3, 2.0]}),
    "a user's own, second": (
        make_pipeline(StandardScaler(), Clipped(), small()),
        {"clipped__at": [0.3, 2.0]},
    ),
    "a user's own, third": (
        make_pipeline(FunctionTransformer(), StandardScaler(), Clipped(), small()),
        {"clipped__at": [0.3, 2.0]},
    ),
}


@pytest.mark.parametrize("as_frame", [False, True], ids=["array", "frame"])
@pytest.mark.parametrize("case", IN_PLACE)
def test_steps_may_write_to_their_rows(case, as_frame):
    pipe, grid = IN_PLACE[case]
    rows = pd.DataFrame(X.copy(), columns=list("abcdef")) if as_frame else X.copy()
    grid = grid or named("mlpclassifier", RATES)
    both("GridSearchCV", pipe, grid, fit=(rows, Y), scoring=LOSS, refit=False)
    assert_allclose(np.asarray(rows), X)


class ScorerInPlace:
    """Writes to the rows on which it scores."""

    def __call__(self, estimator, X, y):
        X *= 2.0
        return a_number(estimator, X, y)


def test_a_scorer_may_write_to_its_rows():
    grid = {"learning_rate_init": [1e-3, 1e-2]}
    both("GridSearchCV", small(), grid, scoring=ScorerInPlace(), refit=False)


def test_steps_that_cannot_be_pickled():
    class Local(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X * 2

    for step in (FunctionTransformer(lambda X: X**2), Local()):
        pipe = Pipeline([("step", step), ("clf", small())])
        results = [
            where.GridSearchCV(pipe, named("clf", RATES), cv=CV, scoring=LOSS).fit(X, Y)
            for where in (model_selection, skl)
        ]
        assert_same_results(*results)


def test_scorers_that_cannot_be_pickled():
    offset = 3.0
    results = [
        where.cross_val_score(small(), X, Y, scoring=lambda m, X, y: a_number(m, X, y) + offset)
        for where in (model_selection, skl)
    ]
    assert_close(*results)


def test_no_seed():
    pipe = make_pipeline(PCA(3), small(random_state=None))
    search = model_selection.GridSearchCV(pipe, named("mlpclassifier", RATES), cv=CV).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    losses = model_selection.cross_val_score(
        small(random_state=None), X, Y, cv=[(np.arange(80), np.arange(80, 103))] * 3, scoring=LOSS
    )
    assert len(set(losses)) == 3


def test_a_generator_as_seed():
    grid = {**RATES, "random_state": [np.random.RandomState(1), 3]}
    model = small(random_state=np.random.RandomState(0))
    both("GridSearchCV", model, RATES, scoring=LOSS)
    assert_same(model, grid, X, Y, scoring=LOSS)


@pytest.mark.parametrize("n_candidates", [1, 33])
def test_few_candidates_and_many(n_candidates):
    model = small(max_iter=1, hidden_layer_sizes=(2,))
    grid = {"alpha": np.linspace(0, 1, n_candidates)}
    both("GridSearchCV", model, grid, scoring=LOSS, cv=[(np.arange(60), np.arange(60, 103))])


def test_no_candidates():
    for where in (model_selection, skl):
        with pytest.raises(ValueError, match="No fits were performed"):
            where.GridSearchCV(small(), RATES, cv=skl.PredefinedSplit([-1] * len(X))).fit(X, Y)
