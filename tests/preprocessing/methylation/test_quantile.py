"""Rows get the reference's distribution."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmlp.preprocessing import QuantileNormalizer

nan = np.nan


@pytest.fixture
def X(rng):
    return rng.random((10, 50)) * rng.uniform(0.5, 1, (10, 1))


def test_all_rows_have_the_same_values(X):
    normalizer = QuantileNormalizer().fit(X)
    reference = np.sort(X, axis=1).mean(axis=0)
    assert_allclose(normalizer.reference_, reference)
    out = normalizer.transform(X)
    assert_array_equal(np.sort(out, axis=1), np.tile(normalizer.reference_, (10, 1)))
    assert_array_equal(np.argsort(out, axis=1), np.argsort(X, axis=1))


def test_an_example_by_hand():
    X = np.array([[5.0, 2, 3, 4], [4, 1, 4, 2], [3, 4, 6, 8]])
    normalizer = QuantileNormalizer().fit(X)
    assert_allclose(normalizer.reference_, [2, 3, 14 / 3, 17 / 3])
    expected = [[17 / 3, 2, 3, 14 / 3], [31 / 6, 2, 31 / 6, 3], [2, 3, 14 / 3, 17 / 3]]
    assert_allclose(normalizer.transform(X), expected)


def test_new_rows_are_mapped_to_the_training_reference(X):
    normalizer = QuantileNormalizer().fit(X[:5])
    new = normalizer.transform(X[5:])
    assert_array_equal(np.sort(new[0]), normalizer.reference_)
    assert_array_equal(normalizer.transform(X[5:6]), new[:1])


def test_ranks_are_all_that_counts(X):
    normalizer = QuantileNormalizer().fit(X)
    assert_array_equal(normalizer.transform(np.exp(3 * X) - 7), normalizer.transform(X))


def test_ties_get_their_mean(rng):
    X = rng.integers(0, 5, (6, 40)).astype(float)
    normalizer = QuantileNormalizer().fit(X)
    out = normalizer.transform(X)
    for given, row in zip(X, out, strict=True):
        assert len(np.unique(row)) == len(np.unique(given))
        assert_allclose(row.mean(), normalizer.reference_.mean())
    assert_allclose(normalizer.transform(np.zeros((1, 40))), normalizer.reference_.mean())


def test_gaps_stay(X):
    gaps = X.copy()
    gaps[0, ::2] = gaps[1, 1:] = gaps[2] = nan
    normalizer = QuantileNormalizer().fit(gaps)
    out = normalizer.transform(gaps)
    assert_array_equal(np.isnan(out), np.isnan(gaps))
    reference = normalizer.reference_
    half = np.interp(np.linspace(0, 1, 25), np.linspace(0, 1, 50), reference)
    assert_allclose(np.sort(out[0, 1::2]), half)
    assert_allclose(out[1, 0], np.median(reference))


def test_gaps_in_fit_are_interpolated():
    normalizer = QuantileNormalizer().fit([[1.0, nan, 3.0], [nan, nan, nan], [1.0, 5.0, 9.0]])
    assert_allclose(normalizer.reference_, [1, 3.5, 6])


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, pd.DataFrame])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int16])
def test_other_containers(X, form, dtype):
    X = (100 * X).astype(dtype)
    normalizer = QuantileNormalizer().fit(form(X))
    expected = QuantileNormalizer().fit(X.astype(float))
    assert_allclose(normalizer.reference_, expected.reference_)
    assert_allclose(normalizer.transform(form(X)), expected.transform(X.astype(float)), rtol=1e-3)


def test_columns_of_several_dtypes(X):
    frame = pd.DataFrame(X).astype({3: np.float32})
    assert_allclose(
        QuantileNormalizer().fit(frame).reference_,
        QuantileNormalizer().fit(X).reference_,
        rtol=1e-6,
    )


def test_a_reference_may_be_given(X):
    reference = np.linspace(0, 1, 50) ** 2
    out = QuantileNormalizer(reference=reference[::-1]).fit_transform(X)
    assert_array_equal(np.sort(out, axis=1), np.tile(reference, (10, 1)))
    short = QuantileNormalizer(reference=[0, 1]).fit(X)
    assert_allclose(short.reference_, np.linspace(0, 1, 50))
    assert_allclose(QuantileNormalizer(reference=[0.5]).fit(X).reference_, 0.5)


@pytest.mark.parametrize("reference", [[[0, 1]], [], [0, nan], [0, np.inf]])
def test_wrong_references(X, reference):
    with pytest.raises(ValueError, match="Got reference of shape .* one dimension of finite"):
        QuantileNormalizer(reference=reference).fit(X)


def test_nothing_known():
    with pytest.raises(ValueError, match="without any value"):
        QuantileNormalizer().fit(np.full((2, 3), nan))
