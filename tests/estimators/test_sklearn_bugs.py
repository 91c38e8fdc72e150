"""Faults of scikit-learn's networks, each with a check that scikit-learn fails and we pass.

A check takes a `Face`, which builds a classifier or a regressor from scikit-learn's own words, and
looks only at what scikit-learn makes public too. So the same check runs on both, and that theirs
fails shows that it checks something. The numbers are those of the table in the documentation.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import sklearn.neural_network
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris, make_classification
from sklearn.metrics import log_loss, r2_score
from sklearn.utils import get_tags

import skmlp


@dataclass(frozen=True)
class Face:
    """A pair of estimators with the settings that they start from."""

    module: object
    settings: dict = field(default_factory=dict)

    def classifier(self, **settings):
        return self.module.MLPClassifier(**{**self.settings, **settings})

    def regressor(self, **settings):
        return self.module.MLPRegressor(**{**self.settings, **settings})


THEIRS = Face(sklearn.neural_network)
AS_THEIRS = Face(skmlp, skmlp.SKLEARN_DEFAULTS)
OUR_MEANINGS = Face(skmlp, {**skmlp.SKLEARN_DEFAULTS, "conventions": "skmlp"})
AT_OUR_DEFAULTS = Face(skmlp, {"scoring": None})  # the score that scikit-learn reports

Check = Callable[[Face], None]
CHECKS: dict[str, Check] = {}
THEIR_FAILURE: dict[str, type | tuple] = {}

# Definitions on which the loss curve depends: under SKLEARN_DEFAULTS they stay scikit-learn's.
DEFINITIONS = {"B10", "B11", "B16", "B17"}

# Checks that look at single steps and losses, which our defaults take and count in their own way.
UNDER_THE_BONNET = {"B1", "B3", "B8", "B9", "B10", "B11", "B16"}

WRONG_ANSWER = (AssertionError, pytest.fail.Exception)


def fault(number: str, theirs=WRONG_ANSWER):
    """Register a check, with what scikit-learn raises in it."""

    def register(check: Check) -> Check:
        CHECKS[number] = check
        THEIR_FAILURE[number] = theirs
        return check

    return register


# Steps of plain gradient descent, and steps so small that no weight moves.
PLAIN = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "early_stopping": False, "random_state": 0}
FROZEN = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1e-30, "random_state": 0}
# A network that sees no feature is one bias; a network without hidden layer is linear.
LINEAR = {"hidden_layer_sizes": (), "activation": "identity"}
TO_THE_LAST_EPOCH = {"tol": 0.0, "n_iter_no_change": 10_000}


def weights(model) -> np.ndarray:
    return np.concatenate([w.ravel() for w in model.coefs_ + model.intercepts_])


@fault("B1")
def check_sample_weights_count_in_minibatches_of_one(face):
    """A batch is divided by rows times the mean weight of all, not by its own sum of weights."""
    X = np.zeros((50, 1))
    y = np.tile([0.0, 1.0], 25)
    w = np.tile([1.0, 3.0], 25)
    settings = {**PLAIN, **LINEAR, **TO_THE_LAST_EPOCH, "batch_size": 1}
    model = face.regressor(**settings, learning_rate_init=0.003, max_iter=40)
    model.fit(X, y, sample_weight=w)
    assert_allclose(model.predict(X[:1]), 0.75, atol=0.02)

    # The loss of an epoch weighs the rows likewise.
    still = {**settings, **FROZEN, "max_iter": 1}
    whole = face.regressor(**{**still, "batch_size": 50}).fit(X, y, sample_weight=w)
    split = face.regressor(**still).fit(X, y, sample_weight=w)
    assert_allclose(split.loss_, whole.loss_)


@fault("B2", theirs=ZeroDivisionError)
def check_a_batch_of_no_weight_is_harmless(face):
    X, y = make_classification(40, random_state=0)
    w = np.repeat([0.0, 1.0], 20)
    for model in (face.classifier, face.regressor):
        fitted = model(
            batch_size=20, shuffle=False, early_stopping=False, max_iter=3, random_state=0
        ).fit(X, y, sample_weight=w)
        assert np.isfinite(fitted.loss_)


@fault("B3")
def check_the_loss_of_several_outputs_falls_as_its_gradient_says(face):
    """A short step `d` at rate `lr` lowers the loss by `|d|² / lr`."""
    rng = np.random.RandomState(0)
    X, y = rng.randn(50, 4), rng.randn(50, 3)
    rate = 1e-4
    settings = {**PLAIN, **LINEAR, **TO_THE_LAST_EPOCH, "batch_size": 50}
    first, second, third = (
        face.regressor(**settings, learning_rate_init=rate, max_iter=epochs).fit(X, y)
        for epochs in (1, 2, 3)
    )
    step = weights(second) - weights(first)
    fall = third.loss_curve_[1] - third.loss_curve_[2]
    assert_allclose(fall, step @ step / rate, rtol=0.01)


@fault("B4")
def check_the_multiclass_validation_split_is_stratified(face):
    """Without information every prediction is one class, which holds a quarter of each part."""
    X, y = np.zeros((80, 2)), np.tile([0, 1, 2, 3], 20)
    for seed in range(5):
        model = face.classifier(
            early_stopping=True, validation_fraction=0.2, max_iter=3, random_state=seed
        ).fit(X, y)
        assert_allclose(model.validation_scores_, 0.25)


@fault("B5")
def check_a_regressor_on_lbfgs_has_no_partial_fit(face):
    assert hasattr(face.regressor(), "partial_fit")
    assert not hasattr(face.regressor(solver="lbfgs"), "partial_fit")


@fault("B6", theirs=AttributeError)
def check_a_warm_start_in_another_architecture_says_what_is_wrong(face):
    X, y = make_classification(40, random_state=0)
    for model in (face.classifier, face.regressor):
        fitted = model(hidden_layer_sizes=(4,), warm_start=True, max_iter=2).fit(X, y)
        with pytest.raises(ValueError, match="hidden_layer_sizes"):
            fitted.set_params(hidden_layer_sizes=(5, 3)).fit(X, y)


@fault("B7")
def check_a_warm_start_keeps_the_validation_split(face):
    """The weights stay where they are, so a change of score is a change of rows."""
    X, y = np.zeros((40, 2)), np.arange(40.0)
    model = face.regressor(
        **FROZEN, early_stopping=True, validation_fraction=0.25, max_iter=2, warm_start=True
    )
    first = model.fit(X, y).validation_scores_[0]
    assert_allclose(model.fit(X, y).validation_scores_, first)


@fault("B8")
def check_going_on_keeps_the_optimiser_and_the_random_stream(face):
    X, y = make_classification(30, random_state=0)
    shared = {**TO_THE_LAST_EPOCH, "early_stopping": False, "hidden_layer_sizes": (4,)}

    def warm_starts(fits, max_iter=1, **settings):
        model = face.classifier(**shared, **settings, max_iter=max_iter, warm_start=True)
        for _ in range(fits):
            model.fit(X, y)
        return weights(model)

    def partial_fits(fits, **settings):
        model = face.classifier(**shared, **settings)
        for _ in range(fits):
            model.partial_fit(X, y, classes=[0, 1])
        return weights(model)

    # In one batch the order of the rows means nothing, so only Adam's memory is left.
    whole = {"solver": "adam", "batch_size": 30, "random_state": 0}
    at_once = warm_starts(1, max_iter=10, **whole)
    # In batches of one the order is all, and a seed is as good as the generator that it seeds.
    rows = {"solver": "sgd", "momentum": 0.0, "batch_size": 1, "learning_rate_init": 0.1}
    seed, generator = 0, np.random.RandomState
    comparisons = {
        "moments, warm start": (warm_starts(2, max_iter=5, **whole), at_once),
        "moments, partial_fit": (partial_fits(10, **whole), at_once),
        "shuffles, warm start": (
            warm_starts(3, **rows, random_state=seed),
            warm_starts(3, **rows, random_state=generator(seed)),
        ),
        "shuffles, partial_fit": (
            partial_fits(3, **rows, random_state=seed),
            partial_fits(3, **rows, random_state=generator(seed)),
        ),
    }
    assert [what for what, pair in comparisons.items() if not np.allclose(*pair, rtol=1e-9)] == []


@fault("B9")
def check_a_diverged_fit_stops_at_once_and_says_so(face):
    X, y = load_iris(return_X_y=True)
    for early_stopping in (False, True):
        model = face.regressor(
            activation="identity",
            solver="sgd",
            learning_rate_init=1.0,
            early_stopping=early_stopping,
            max_iter=200,
            random_state=0,
        )
        with pytest.raises(ValueError, match="non-finite"):
            model.fit(X, y)
        assert getattr(model, "n_iter_", 0) < 200


@fault("B10")
def check_the_penalty_does_not_depend_on_the_batch(face):
    X = np.random.RandomState(0).randn(60, 5)
    y = X.sum(axis=1)
    sizes = [
        np.sum(
            face.regressor(
                **{**PLAIN, **LINEAR, **TO_THE_LAST_EPOCH, "alpha": 3.0},
                batch_size=batch_size,
                learning_rate_init=0.02,
                max_iter=300,
            )
            .fit(X, y)
            .coefs_[0]
            ** 2
        )
        for batch_size in (10, 60)
    ]
    assert_allclose(sizes[0], sizes[1], rtol=0.1)


@fault("B11")
def check_inverse_scaling_does_not_depend_on_the_rows(face):
    """The second step is to the first as it is with a hundred times the rows."""

    def second_step_by_first(n_rows):
        X, y = np.zeros((n_rows, 1)), np.ones(n_rows)
        settings = {**PLAIN, **LINEAR, **TO_THE_LAST_EPOCH, "batch_size": n_rows}
        at = [
            weights(
                face.regressor(
                    **{**settings, "learning_rate": "invscaling", "learning_rate_init": rate},
                    max_iter=epochs,
                ).fit(X, y)
            )
            for rate, epochs in ((1e-30, 1), (1e-4, 1), (1e-4, 2))
        ]
        return np.linalg.norm(at[2] - at[1]) / np.linalg.norm(at[1] - at[0])

    assert_allclose(second_step_by_first(1000), second_step_by_first(10), rtol=0.01)


@fault("B12")
def check_one_class_has_one_column(face):
    X, y = np.random.RandomState(0).randn(20, 3), np.full(20, "only")
    model = face.classifier(max_iter=2, random_state=0).fit(X, y)
    assert list(model.classes_) == ["only"]
    assert_allclose(model.predict_proba(X), np.ones((20, 1)))
    assert list(model.predict(X)) == list(y)


@fault("B13")
def check_poisson_refuses_negative_counts(face):
    X, y = np.random.RandomState(0).randn(20, 3), np.r_[-1.0, np.ones(19)]
    with pytest.raises(ValueError, match="(?i)poisson"):
        face.regressor(loss="poisson", max_iter=2, random_state=0).fit(X, y)


@fault("B14")
def check_the_regressor_says_that_it_takes_several_targets(face):
    assert get_tags(face.regressor()).target_tags.multi_output


@fault("B15")
def check_log_probabilities_are_finite(face):
    for n_classes in (2, 3):
        X, y = make_classification(300, n_informative=6, n_classes=n_classes, random_state=0)
        model = face.classifier(
            solver="lbfgs", alpha=0.0, hidden_layer_sizes=(20,), random_state=0
        ).fit(X, y)
        log_proba = model.predict_log_proba(1000 * X)
        assert np.isfinite(log_proba).all()
        assert_allclose(np.exp(log_proba), model.predict_proba(1000 * X), atol=1e-6)


@fault("B16")
def check_the_loss_is_that_of_the_weights_returned(face):
    X, y = make_classification(100, random_state=0)
    model = face.classifier(**PLAIN, learning_rate_init=0.1, batch_size=10, max_iter=5).fit(X, y)
    assert_allclose(model.loss_, log_loss(y, model.predict_proba(X)), rtol=1e-6)


@fault("B17")
def check_patience_is_as_long_as_it_says(face):
    """Every epoch after the first is one without improvement, so the fifth of these is the last."""
    X, y = make_classification(100, random_state=0)
    for early_stopping in (False, True):
        model = face.classifier(
            solver="sgd",
            learning_rate="constant",
            early_stopping=early_stopping,
            tol=1e9,
            n_iter_no_change=5,
            random_state=0,
        ).fit(X, y)
        assert model.n_iter_ == 6


@fault("B18")
def check_without_shuffling_the_last_rows_validate(face):
    X, y = np.zeros((100, 2)), np.arange(100.0) ** 2
    model = face.regressor(
        **FROZEN, early_stopping=True, shuffle=False, validation_fraction=0.2, max_iter=1
    ).fit(X, y)
    assert_allclose(model.validation_scores_[0], r2_score(y[-20:], model.predict(X[-20:])))


def run(number: str, face: Face):
    """Run a check where only its own words can fail it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short fits, overflow and all that the faults bring
        CHECKS[number](face)


def faults_but(left_out: set[str]):
    return pytest.mark.parametrize("number", [n for n in CHECKS if n not in left_out])


every_fault = faults_but(set())


def test_every_fault_has_its_check():
    assert list(CHECKS) == [f"B{number}" for number in range(1, 19)]


@every_fault
def test_scikit_learn_fails(number):
    with pytest.raises(THEIR_FAILURE[number]):
        run(number, THEIRS)


@every_fault
def test_we_pass(number):
    run(number, OUR_MEANINGS)


@faults_but(UNDER_THE_BONNET)
def test_we_pass_at_our_defaults(number):
    run(number, AT_OUR_DEFAULTS)


@faults_but(DEFINITIONS)
def test_we_pass_under_sklearn_defaults(number):
    run(number, AS_THEIRS)


@pytest.mark.parametrize("number", sorted(DEFINITIONS))
def test_definitions_are_theirs_under_sklearn_defaults(number):
    with pytest.raises(WRONG_ANSWER):
        run(number, AS_THEIRS)


def test_a_diverged_fit_comes_with_advice():
    # The second half of B9.
    X, y = load_iris(return_X_y=True)
    model = AS_THEIRS.regressor(
        activation="identity", solver="sgd", learning_rate_init=1.0, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the overflow itself
        with pytest.raises(ValueError, match="learning_rate_init"):
            model.fit(X, y)


def test_log_probabilities_come_without_a_warning():
    # The second half of B15, which `run` cannot see.
    X, y = make_classification(100, random_state=0)
    model = AS_THEIRS.classifier(solver="lbfgs", alpha=0.0, random_state=0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict_log_proba(1000 * X)
