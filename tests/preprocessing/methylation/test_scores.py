"""The scores are those of SciPy, and of regressions written out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from skmlp.preprocessing.methylation.scores import PartialTest, Variance, Welch

nan = np.nan
N = 40


@pytest.fixture
def classes(rng):
    return rng.permutation(np.arange(N) % 3)


@pytest.fixture
def X(rng, classes):
    X = rng.normal(0.6, 0.05, (N, 6))
    X[:, 1] += 0.05 * classes
    X[:, 2] *= 1 + classes
    X[:, 3] += 1e4  # far from 0
    return X


def none(n=N):
    return np.empty((n, 0))


def regression(x, target, covariates):
    """Return F, p and t of the target's columns in a regression with all columns."""

    def residual_sum(*columns):
        design = np.column_stack([np.ones(len(x)), *columns])
        coefficients, _, rank, _ = np.linalg.lstsq(design, x, rcond=None)
        return np.sum((x - design @ coefficients) ** 2), rank, coefficients[-1]

    small, rank0, _ = residual_sum(covariates)
    large, rank1, slope = residual_sum(covariates, target)
    m, df = rank1 - rank0, len(x) - rank1
    F = (small - large) / m / (large / df)
    return F, stats.f.sf(F, m, df), np.sign(slope) * np.sqrt(F)


def test_t_of_two_classes(X, classes):
    second = classes == 1
    t, p = PartialTest(second[:, None].astype(float), none())(X)
    expected = stats.ttest_ind(X[second], X[~second])
    assert_allclose(t, expected.statistic, rtol=1e-8)
    assert_allclose(p, expected.pvalue, rtol=1e-8)


def test_welch(X, classes):
    second = classes == 1
    t, p = Welch(second)(X)
    expected = stats.ttest_ind(X[second], X[~second], equal_var=False)
    assert_allclose(t, expected.statistic, rtol=1e-8)
    assert_allclose(p, expected.pvalue, rtol=1e-8)


def test_F_of_three_classes(X, classes):
    F, p = PartialTest((classes[:, None] == np.arange(3)).astype(float), none())(X)
    expected = stats.f_oneway(*(X[classes == c] for c in range(3)))
    assert_allclose(F, expected.statistic, rtol=1e-8)
    assert_allclose(p, expected.pvalue, rtol=1e-8)


@pytest.mark.parametrize("shift", [0, 1e6])
def test_slope_of_numbers(rng, X, shift):
    y = rng.normal(size=N) + X[:, 0] * 10 + shift
    t, p = PartialTest(y[:, None], none())(X)
    for j, x in enumerate(X.T):
        expected = stats.linregress(x, y)
        assert_allclose(t[j], expected.slope / expected.stderr, rtol=1e-6)
        r = stats.pearsonr(x, y)
        assert_allclose(t[j] / np.sqrt(t[j] ** 2 + N - 2), r.statistic, rtol=1e-6)
        assert_allclose(p[j], r.pvalue, rtol=1e-6)


@pytest.mark.parametrize("collinear", [False, True])
def test_partial_t(rng, X, classes, collinear):
    Z = rng.normal(size=(N, 2)) + classes[:, None]
    Z = np.column_stack([Z, Z.sum(axis=1), np.ones(N)]) if collinear else Z
    for target in (rng.normal(size=N) + Z[:, 0], (classes == 2).astype(float)):
        t, p = PartialTest(target[:, None], Z)(X)
        expected = [regression(x, target, Z) for x in X.T]
        assert_allclose(t, [row[2] for row in expected], rtol=1e-5)
        assert_allclose(p, [row[1] for row in expected], rtol=1e-5)


def test_partial_F(rng, X, classes):
    Z = rng.normal(size=(N, 2)) + classes[:, None]
    target = (classes[:, None] == np.arange(3)).astype(float)
    F, p = PartialTest(target, Z)(X)
    expected = [regression(x, target, Z) for x in X.T]
    assert_allclose(F, [row[0] for row in expected], rtol=1e-5)
    assert_allclose(p, [row[1] for row in expected], rtol=1e-5)


def test_variances(rng, X):
    assert_allclose(Variance(none())(X)[0], X.var(axis=0, ddof=1), rtol=1e-8)
    assert np.isnan(Variance(none())(X)[1]).all()
    Z = rng.normal(size=(N, 2))
    design = np.column_stack([np.ones(N), Z])
    residuals = X - design @ np.linalg.lstsq(design, X, rcond=None)[0]
    assert_allclose(Variance(Z)(X)[0], np.square(residuals).sum(axis=0) / (N - 3), rtol=1e-6)


def every_score(rng, classes):
    Z = rng.normal(size=(N, 2))
    return [
        Variance(none()),
        Variance(Z),
        Welch(classes == 1),
        PartialTest((classes == 1).astype(float)[:, None], Z),
        PartialTest((classes[:, None] == np.arange(3)).astype(float), none()),
    ]


@pytest.mark.parametrize("number", range(5))
def test_columns_with_gaps_are_scored_on_the_rows_they_have(rng, X, classes, number):
    score = every_score(rng, classes)[number]
    gaps = X.copy()
    gaps[rng.random(X.shape) < 0.2] = nan
    gaps[:, 0], gaps[:, 5] = X[:, 0], nan
    found, p = score.with_gaps(gaps)
    for j in range(5):
        rows = ~np.isnan(gaps[:, j])
        alone = score.on(rows)(gaps[rows, j : j + 1])
        assert_allclose([found[j], p[j]], np.ravel(alone))
    assert np.isnan([found[5], p[5]]).all()
    assert_allclose(score.with_gaps(X), score(X))


@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("value", [0, 0.1, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_columns_have_no_test(rng, X, classes, number, value, dtype):
    X = X.astype(dtype)
    X[:, 1] = value
    score, p = every_score(rng, classes)[number](X)
    assert np.isnan(score[1])
    assert np.isnan(p[1])
    assert np.isfinite(np.delete(p, 1)).all()


def test_perfect_separation_is_certain():
    y = np.array([0.0, 0, 1, 1])
    t, p = PartialTest(y[:, None], none(4))(y[:, None])
    assert t[0] > 1e6
    assert p[0] < 1e-10


def test_small_p_values_do_not_vanish(rng):
    y = np.arange(200) % 2
    x = y + 0.05 * rng.normal(size=200)
    _, p = PartialTest(y[:, None].astype(float), none(200))(x[:, None])
    assert 0 < p[0] < 1e-100


@pytest.mark.parametrize(
    "score",
    [
        Welch(np.array([True, False, False])),
        PartialTest(np.eye(3)[:, :1], np.eye(3)[:, 1:2]),
        PartialTest(np.eye(3), none(3)),
        PartialTest(np.ones((3, 1)), none(3)),
        Variance(np.eye(3)),
    ],
)
def test_too_few_rows(score):
    assert np.isnan(score(np.array([[1.0], [2.0], [4.0]]))).all()
