"""Losses: gradients, values, best constants, weights, extremes, domains."""

import copy
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logit
from scipy.stats import norm
from sklearn import metrics

from skmlp.core.losses import (
    CLASSIFICATION_LOSSES,
    LOSSES,
    AbsoluteError,
    BinaryLogLoss,
    CategoricalLogLoss,
    Focal,
    Gamma,
    GaussianNLL,
    Grouped,
    Huber,
    LogCosh,
    Loss,
    Ordinal,
    PerOutput,
    Poisson,
    Quantile,
    SquaredError,
    Tweedie,
    classification_loss,
    for_target_type,
)
from skmlp.core.losses.constants import weighted_quantile
from skmlp.core.losses.rising import rising

K, N = 3, 24
SIZES = (3, 2)
TARGET_TYPES = ["binary", "multilabel-indicator", "multiclass", "multiclass-multioutput"]
KINDS = [
    (kind, target_type)
    for kind in CLASSIFICATION_LOSSES
    for target_type in TARGET_TYPES
    if kind != "ordinal" or target_type in ("binary", "multiclass")
]

REGRESSION = [
    *(make() for make in LOSSES.values()),
    Huber(0.3),
    Quantile([0.1, 0.5, 0.9]),
    Quantile((0.2,)),
    Tweedie(1.1),
    Tweedie(1.9),
    GaussianNLL(3.0),
]
CLASSIFICATION = [
    classification_loss(kind, target_type, SIZES, smoothing)
    for kind, target_type in KINDS
    for smoothing in (0.0, 0.2)
] + [for_target_type(Focal(gamma), "multiclass") for gamma in (0.0, 0.5, 1.0, 5.0)]
CLASSIFICATION.append(Ordinal(0.1, order=(2, 0, 3, 1)))
CLASSIFICATION = list(dict.fromkeys(CLASSIFICATION))  # binary and multilabel share a loss
every_loss = pytest.mark.parametrize("loss", REGRESSION + CLASSIFICATION, ids=repr)
# The best constant of a focal loss is a search in a search: a few of them have to be enough where
# others look at it too.
every_start = pytest.mark.parametrize(
    "loss",
    [
        loss
        for loss in REGRESSION + CLASSIFICATION
        if not re.search(r"Focal\(gamma=([01]\.0|2.0, label_smoothing=0.2)", repr(loss))
    ],
    ids=repr,
)
every_regression = pytest.mark.parametrize("loss", REGRESSION, ids=repr)
every_classification = pytest.mark.parametrize("loss", CLASSIFICATION, ids=repr)
every_target_type = pytest.mark.parametrize("target_type", TARGET_TYPES)
every_kind = pytest.mark.parametrize(("kind", "target_type"), KINDS)


def one_hot(rng, n, n_classes, p=None):
    return np.eye(n_classes)[rng.choice(n_classes, n, p=p)]


def targets(loss, n=N, seed=0):
    """Return valid targets with two columns or one-hot blocks."""
    rng = np.random.default_rng(seed)
    match loss:
        case Grouped():
            return np.hstack([one_hot(rng, n, size) for size in loss.sizes])
        case BinaryLogLoss() | PerOutput():
            return (rng.random((n, 2)) < 0.3).astype(float)
        case CategoricalLogLoss() | Focal() | Ordinal():
            return one_hot(rng, n, 4, [0.6, 0.2, 0.1, 0.1])
        case Gamma():
            return rng.gamma(2, 3, (n, 2))
        case Poisson() | Tweedie():
            return rng.poisson(1.5, (n, 2)).astype(float)
    return rng.normal(0.5, 2, (n, 2))


def raws(loss, y, seed=1):
    m = loss.n_raw(y.shape[-1])
    return np.random.default_rng(seed).normal(size=(K, y.shape[-2], m))


def weights(kind, n=N):
    w = np.random.default_rng(2).exponential(size=(K, n))
    w /= w.mean()
    return {"none": None, "(n,)": w[0], "(K, n)": w}[kind]


def value(loss, raw, y, w=None):
    return loss.value_and_grad(raw, y, w, np.empty_like(raw))


def constant(loss, z, y, w=None):
    """Return value and gradient sums for the constant raw output z, in one network."""
    raw = np.tile(z, (1, len(y), 1))
    out = np.empty_like(raw)
    total = loss.value_and_grad(raw, y, w, out)
    return total[0], out[0].sum(axis=0)


@every_loss
@pytest.mark.parametrize("kind", ["none", "(n,)", "(K, n)"])
@pytest.mark.parametrize("stacked_y", [False, True])
def test_gradient_along_one_random_direction(loss, kind, stacked_y):
    y = targets(loss)
    if stacked_y:
        y = np.stack([targets(loss, seed=seed) for seed in range(K)])
    raw, w, h = raws(loss, y), weights(kind), 1e-6
    direction = np.random.default_rng(3).normal(size=raw.shape)
    out = np.full_like(raw, np.nan)
    kept = raw.copy(), y.copy()
    total = loss.value_and_grad(raw, y, w, out)
    assert total.shape == (K,)
    assert_array_equal(raw, kept[0])
    assert_array_equal(y, kept[1])
    slope = value(loss, raw + h * direction, y, w) - value(loss, raw - h * direction, y, w)
    assert_allclose((out * direction).sum(axis=(1, 2)), slope / (2 * h), rtol=1e-6, atol=1e-8)


@every_loss
def test_networks_do_not_see_each_other(loss):
    y, w = targets(loss), weights("(K, n)")
    raw = raws(loss, y)
    out, alone = np.empty_like(raw), np.empty_like(raw[:1])
    together = loss.value_and_grad(raw, y, w, out)
    for k in range(K):
        assert_array_equal(loss.value_and_grad(raw[[k]], y, w[k], alone), together[[k]])
        assert_array_equal(alone[0], out[k])


@every_loss
def test_weights_are_repetitions(loss):
    y = targets(loss)
    raw, times = raws(loss, y), np.arange(N) % 4
    repeated = value(loss, np.repeat(raw, times, axis=1), np.repeat(y, times, axis=0))
    assert_allclose(value(loss, raw, y, times / times.mean()), repeated, rtol=1e-12)


@every_start
def test_weights_are_repetitions_to_the_start_too(loss):
    y, times = targets(loss), np.arange(N) % 4
    start = loss.start(np.repeat(y, times, axis=0), None)
    assert_allclose(loss.start(y, times / times.mean()), start, rtol=1e-6, atol=1e-8)


@every_loss
def test_value_divides_by_rows_not_by_their_weight(loss):
    y = targets(loss)
    raw, w = raws(loss, y), weights("(n,)")
    assert_allclose(value(loss, raw, y, 0.5 * w), 0.5 * value(loss, raw, y, w))


@every_loss
def test_start_is_the_best_constant(loss):
    y, w = targets(loss, n=400), weights("(n,)", n=400)  # those without weights: see above
    z = loss.start(y, w)
    assert z.shape == (loss.n_raw(y.shape[1]),)
    best, slope = constant(loss, z, y, w)
    if not isinstance(loss, AbsoluteError | Quantile):  # their slope jumps over 0
        assert_allclose(slope, 0, atol=1e-8)
    for column in range(z.size):
        for step in (-0.02, 0.02):
            moved = z.copy()
            moved[column] += step
            assert constant(loss, moved, y, w)[0] >= best - 1e-12


@every_start
def test_start_is_finite_for_a_constant_y(loss):
    y = targets(loss)[:1].repeat(5, axis=0)
    assert np.isfinite(loss.start(y, None)).all()
    assert np.isfinite(loss.start(0 * y, np.ones(5))).all()


@every_loss
def test_float32_stays_float32(loss):
    y = targets(loss)
    raw = raws(loss, y)
    single = raw.astype(np.float32), y.astype(np.float32)
    w = weights("(n,)")
    out, out32 = np.empty_like(raw), np.empty_like(single[0])
    total = loss.value_and_grad(*single, w.astype(np.float32), out32)
    assert total.dtype == loss.predict(single[0]).dtype == np.float32
    assert_allclose(total, loss.value_and_grad(raw, y, w, out), rtol=1e-4)
    assert_allclose(out32, out, rtol=1e-3, atol=1e-6)


@every_loss
def test_settings_copy_and_compare(loss):
    assert copy.deepcopy(loss) == loss
    loss.check(targets(loss))


# Values


def _pinball(levels):
    def formula(y, q):
        q = q.reshape(*y.shape, -1)
        return sum(
            metrics.mean_pinball_loss(y[:, j], q[:, j, i], alpha=level)
            for j in range(y.shape[1])
            for i, level in enumerate(levels)
        )

    return formula


def _half(deviance, **settings):
    def formula(y, mean):
        columns = range(y.shape[1])
        return sum(deviance(y[:, j], mean[:, j], **settings) / 2 for j in columns)

    return formula


def _huber(y, z, delta=1.0):
    r = np.abs(z - y)
    return np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).sum(axis=1).mean()


VALUES = [
    (SquaredError(), lambda y, z: 0.5 * ((z - y) ** 2).sum(axis=1).mean()),
    (AbsoluteError(), lambda y, z: np.abs(z - y).sum(axis=1).mean()),
    (Huber(), _huber),
    (LogCosh(), lambda y, z: np.log(np.cosh(z - y)).sum(axis=1).mean()),
    (Quantile(), _pinball([0.5])),
    (Quantile([0.1, 0.4, 0.8]), _pinball([0.1, 0.4, 0.8])),
    (Poisson(), _half(metrics.mean_poisson_deviance)),
    (Gamma(), _half(metrics.mean_gamma_deviance)),
    (Tweedie(), _half(metrics.mean_tweedie_deviance, power=1.5)),
    (Tweedie(1.2), _half(metrics.mean_tweedie_deviance, power=1.2)),
    (GaussianNLL(), lambda y, p: -norm.logpdf(y, p[:, :2], p[:, 2:]).sum(axis=1).mean()),
    (CategoricalLogLoss(), metrics.log_loss),
    (
        BinaryLogLoss(),
        lambda y, p: sum(metrics.log_loss(y[:, j], p[:, j]) for j in range(y.shape[1])),
    ),
    (
        Grouped(SIZES),
        lambda y, p: metrics.log_loss(y[:, :3], p[:, :3]) + metrics.log_loss(y[:, 3:], p[:, 3:]),
    ),
    (Ordinal(), metrics.log_loss),
    (Ordinal(order=(1, 3, 0, 2)), metrics.log_loss),
    (Focal(2.0), lambda y, p: -(y * (1 - p) ** 2 * np.log(p)).sum(axis=1).mean()),
    (
        PerOutput(Focal(1.5)),
        lambda y, p: (
            -(y * (1 - p) ** 1.5 * np.log(p) + (1 - y) * p**1.5 * np.log(1 - p)).sum(axis=1).mean()
        ),
    ),
]


@pytest.mark.parametrize(("loss", "formula"), VALUES, ids=[repr(loss)[:40] for loss, _ in VALUES])
def test_value_of_predictions_is_the_formula(loss, formula):
    y = targets(loss)
    raw = raws(loss, y)
    expected = [formula(y, prediction) for prediction in loss.predict(raw)]
    assert_allclose(value(loss, raw, y), expected, rtol=1e-9)


def test_every_registered_regression_loss_has_its_formula():
    assert set(LOSSES.values()) <= {type(loss) for loss, _ in VALUES}


# Classification


@every_classification
def test_log_predict_is_the_log_of_predict(loss):
    raw = raws(loss, targets(loss))
    assert_allclose(np.exp(loss.log_predict(raw)), loss.predict(raw), rtol=1e-12)


@every_classification
def test_extreme_raws_stay_finite(loss):
    y = targets(loss).astype(np.float32)
    signs = np.random.default_rng(0).choice([-1, 0, 1], (K, N, loss.n_raw(y.shape[1])))
    raw = (1e4 * signs).astype(np.float32)
    out = np.empty_like(raw)
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(loss.value_and_grad(raw, y, None, out)).all()
        assert np.isfinite(out).all()
        assert np.isfinite(loss.predict(raw)).all()
        assert np.isfinite(loss.log_predict(raw)).all()
        assert np.isfinite(loss.log_predict(-raw)).all()


@every_kind
def test_label_smoothing_is_the_loss_of_smoothed_targets(kind, target_type):
    plain = classification_loss(kind, target_type, SIZES)
    smooth = classification_loss(kind, target_type, SIZES, label_smoothing=0.1)
    y = targets(plain)
    classes = {"multiclass": 4, "multiclass-multioutput": [3, 3, 3, 2, 2]}.get(target_type, 2)
    mixed = 0.9 * y + 0.1 / np.array(classes)
    raw = raws(plain, y)
    assert_allclose(value(smooth, raw, y), value(plain, raw, mixed), rtol=1e-12)
    assert_allclose(smooth.start(y, None), plain.start(mixed, None), atol=1e-9)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_per_output_of_a_softmax_is_the_binary_log_loss(smoothing):
    pairs, direct = PerOutput(CategoricalLogLoss(smoothing)), BinaryLogLoss(smoothing)
    y = targets(direct)
    raw = raws(direct, y)
    a, b = np.empty_like(raw), np.empty_like(raw)
    assert_allclose(pairs.pointwise(raw, y, a), direct.pointwise(raw, y, b))
    assert_allclose(a, b)
    assert_allclose(pairs.start(y, None), direct.start(y, None))


@every_target_type
def test_focal_without_focus_is_the_log_loss(target_type):
    focal = for_target_type(Focal(0.0), target_type, SIZES)
    plain = for_target_type(CategoricalLogLoss(), target_type, SIZES)
    y = targets(plain)
    raw = raws(plain, y)
    a, b = np.empty_like(raw), np.empty_like(raw)
    assert_allclose(focal.pointwise(raw, y, a), plain.pointwise(raw, y, b))
    assert_allclose(a, b, atol=1e-12)
    assert_allclose(focal.start(y, None), plain.start(y, None), atol=1e-9)


def test_start_of_classes_predicts_their_frequencies():
    loss = CategoricalLogLoss()
    y = targets(loss)
    assert_allclose(loss.predict(loss.start(y, None)[None, None])[0, 0], y.mean(axis=0))
    y = targets(BinaryLogLoss())
    z = BinaryLogLoss().start(y, None)
    assert_allclose(BinaryLogLoss().predict(z), y.mean(axis=0))


@every_kind
def test_start_with_one_class_only_leans_to_it(kind, target_type):
    loss = classification_loss(kind, target_type, SIZES)
    z = loss.start(np.tile([1.0, 0, 0, 1, 0], (10, 1)), None)
    assert np.isfinite(z).all()
    p = loss.predict(z)
    assert p[[0, 3]].min() > p[[1, 2, 4]].max()


def test_cooling_divides_the_log_odds_of_cumulative_probabilities():
    loss = Ordinal()
    raw = raws(loss, targets(loss))
    cold, cool = (np.cumsum(loss.predict(z), axis=-1)[..., :-1] for z in (raw, loss.cooled(raw, 3)))
    assert_allclose(logit(cold), rising(raw))
    assert_allclose(logit(cool), logit(cold) / 3)
    assert_allclose(loss.cooled(raw, 1.0), raw, rtol=1e-9)
    assert_allclose(Focal().cooled(raw, 2.0), raw / 2)


def test_columns_may_be_in_any_order():
    order = [2, 0, 3, 1]
    loss = Ordinal(0.1, tuple(order))
    y = targets(loss)
    raw = raws(loss, y)
    a, b = np.empty_like(raw), np.empty_like(raw)
    assert_array_equal(loss.pointwise(raw, y, a), Ordinal(0.1).pointwise(raw, y[:, order], b))
    assert_array_equal(a, b)
    assert_array_equal(loss.predict(raw)[..., order], Ordinal().predict(raw))
    assert_array_equal(loss.start(y), Ordinal(0.1).start(y[:, order]))
    prepared, z = loss.prepared(y)
    assert_array_equal(prepared.pointwise(raw, z, b), loss.pointwise(raw, y, a))
    assert_array_equal(a, b)


def test_an_ensemble_keeps_its_narrow_classes():
    raw = np.array([[[0.5, -30.0, 1.0]], [[-1.0, -31.0, 0.0]]], dtype=np.float32)
    average = Ordinal().average(raw)
    assert average.dtype == np.float32
    expected = Ordinal().predict(raw).mean(axis=0, dtype=np.float64)
    assert_allclose(Ordinal().predict(average)[0], expected, rtol=1e-2)


@pytest.mark.parametrize("target_type", ["multilabel-indicator", "multiclass-multioutput"])
def test_an_order_is_of_one_column(target_type):
    with pytest.raises(ValueError, match=f"ordinal loss for target_type='{target_type}'"):
        classification_loss("ordinal", target_type, SIZES)


def test_unknown_classification_loss():
    with pytest.raises(ValueError, match="Did you mean 'focal'"):
        classification_loss("focall", "binary")
    with pytest.raises(ValueError, match="Got target_type='continuous'"):
        classification_loss("focal", "continuous")


# Regression


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6),
    st.sampled_from([(0.1, 0.5, 0.9), (0.01, 0.02, 0.03)]),
)
def test_quantiles_never_cross(raw, levels):
    quantiles = Quantile(levels).predict(np.reshape(raw, (1, 1, 6))).reshape(2, 3)
    assert (np.diff(quantiles, axis=1) >= 0).all()


def test_quantile_start_predicts_empirical_quantiles():
    y, levels = targets(Quantile(), n=401), [0.05, 0.5, 0.95]
    loss = Quantile(levels)
    found = loss.predict(loss.start(y, None)[None, None]).reshape(2, 3)
    assert_allclose(found, np.quantile(y, levels, axis=0, method="inverted_cdf").T)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=12))
def test_weighted_quantile_is_the_median_without_weights(values):
    y = np.array(values, dtype=float)[:, None]
    assert weighted_quantile(y, 0.5, None) == np.median(y)


def test_weighted_quantile_does_not_see_rows_without_weight():
    y, w = np.array([[-9.0], [1.0], [5.0], [2.0], [9.0]]), np.array([0.0, 1, 0, 1, 0])
    assert_array_equal(weighted_quantile(y, [0.1, 0.5, 0.9], w), [[1, 1.5, 2]])


@pytest.mark.parametrize(
    "loss", [loss for loss in REGRESSION if loss.target_scaling == "standard"], ids=repr
)
def test_standard_scaling_is_for_losses_that_move_with_y(loss):
    y = targets(loss)
    raw, shifted = raws(loss, y), raws(loss, y)
    moved = loss.start(y + 10, None) - loss.start(y, None)
    assert_allclose(moved[np.abs(moved) > 1e-6], 10, rtol=1e-6)
    shifted += moved
    assert_allclose(value(loss, shifted, y + 10), value(loss, raw, y), rtol=1e-9)


@pytest.mark.parametrize("loss", [Poisson(), Gamma(), Tweedie()], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_diverging_log_links_do_not_overflow(loss, dtype):
    y = targets(loss).astype(dtype)
    raw = np.full((1, N, 2), 1e4, dtype)
    out = np.empty_like(raw)
    for sign in (1, -1):
        with np.errstate(all="raise", under="ignore"):
            assert np.isfinite(loss.value_and_grad(sign * raw, y, None, out)).all()
            assert np.isfinite(out).all()
            assert np.isfinite(loss.predict(sign * raw)).all()


def test_gaussian_spread_keeps_within_its_bound():
    loss = GaussianNLL(bound=5.0)
    raw = np.array([[[0.0, -1e4], [0.0, 1e4], [0.0, 0.0]]])
    assert_allclose(loss.predict(raw)[0, :, 1], [np.exp(-5), np.exp(5), 1])
    assert np.isfinite(value(loss, raw, np.ones((3, 1)))).all()


def test_gaussian_start_is_mean_and_standard_deviation():
    loss = GaussianNLL()
    y = targets(loss)
    found = loss.predict(loss.start(y, None)[None, None])[0, 0]
    assert_allclose(found, np.concatenate((y.mean(axis=0), y.std(axis=0))))


# Domains


@pytest.mark.parametrize(
    ("loss", "bad", "message"),
    [
        (SquaredError(), np.nan, r"SquaredError loss: got y=nan in row 2, column 1, .* finite"),
        (GaussianNLL(), np.inf, "got y=inf"),
        (Poisson(), -1, r"Poisson loss: got y=-1.0 in row 2, column 1, but expected 0 <= y"),
        (Poisson(), np.nan, "got y=nan"),
        (Tweedie(), -0.5, "Tweedie loss: got y=-0.5"),
        (Gamma(), 0, r"Gamma loss: got y=0.0 .* expected 0 < y < infinity. For amounts with zeros"),
        (BinaryLogLoss(), 2, "expected 0 <= y <= 1"),
        (PerOutput(Focal()), -1, "expected 0 <= y <= 1"),
        (CategoricalLogLoss(), 0.5, "sum to 1"),
        (Grouped(SIZES), 0.5, "sum to 1"),
        (Ordinal(), 0.5, "sum to 1"),
        (Ordinal(order=(1, 0)), 0.0, r"y with 4 classes, but expected 2: order=\(1, 0\)"),
    ],
)
def test_targets_outside_the_domain_are_refused(loss, bad, message):
    y = targets(loss)
    y[2, 1] = bad
    with pytest.raises(ValueError, match=message):
        loss.check(y)


def test_grouped_counts_its_columns():
    with pytest.raises(ValueError, match="4 columns, but expected 5"):
        Grouped(SIZES).check(np.zeros((3, 4)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Huber(0),
        lambda: Quantile(0),
        lambda: Quantile(1.0),
        lambda: Quantile([]),
        lambda: Quantile([0.5, 0.5]),
        lambda: Quantile([0.9, 0.1]),
        lambda: Quantile(np.nan),
        lambda: Tweedie(1),
        lambda: Tweedie(2),
        lambda: GaussianNLL(0),
        lambda: Focal(-1),
        lambda: Focal(label_smoothing=1),
        lambda: CategoricalLogLoss(-0.1),
        lambda: BinaryLogLoss(1.5),
        lambda: Ordinal(1.5),
        lambda: Ordinal(order=(0, 2)),
        lambda: Ordinal(order=(0, 0, 1)),
        lambda: Grouped(()),
    ],
)
def test_bad_settings_are_refused(make):
    with pytest.raises(ValueError, match="but expected"):
        make()


def test_own_subclass_works():
    class Quartic(Loss):
        target_scaling = "standard"

        def start(self, y, w=None):
            return y.mean(axis=0)

        def pointwise(self, raw, y, out):
            np.power(raw - y, 3, out=out)
            return ((raw - y) ** 4).sum(axis=-1) / 4

        def predict(self, raw):
            return raw

    y = targets(Quartic())
    raw, out = raws(Quartic(), y), np.empty((K, N, 2))
    assert_allclose(
        Quartic().value_and_grad(raw, y, None, out), ((raw - y) ** 4 / 4).sum(axis=(1, 2)) / N
    )
    assert_allclose(out, (raw - y) ** 3 / N)


@every_classification
def test_an_ensemble_predicts_the_mean_probability(loss):
    m = 5 if isinstance(loss, Grouped) else 3
    raw = np.random.default_rng(0).normal(0, 3, size=(K, N, m))
    average = loss.average(raw)
    assert average.shape == (1, N, m)
    assert_allclose(loss.predict(average)[0], loss.predict(raw).mean(axis=0), rtol=1e-9)
    assert_array_equal(loss.average(raw[:1]), raw[:1])


@every_regression
def test_an_ensemble_predicts_the_mean(loss):
    raw = np.random.default_rng(0).normal(size=(K, N, loss.n_raw(2)))
    expected = loss.predict(raw).mean(axis=0)
    if isinstance(loss, GaussianNLL):  # a mixture of normal distributions
        mean, std = np.split(loss.predict(raw), 2, axis=-1)
        second = (std**2 + mean**2).mean(axis=0)
        spread = np.sqrt(second - mean.mean(axis=0) ** 2)
        expected = np.concatenate((mean.mean(axis=0), spread), axis=-1)
    assert_allclose(loss.predict(loss.average(raw))[0], expected)
