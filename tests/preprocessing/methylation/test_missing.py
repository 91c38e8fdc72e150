"""Probes with too many gaps go, the gaps of the others are filled."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmlp.preprocessing import MissingProbeFilter

nan = np.nan


@pytest.fixture
def X(rng):
    X = rng.random((20, 5))
    X[:1, 1] = X[:2, 2] = X[:10, 3] = X[:, 4] = nan
    return X


@pytest.mark.parametrize(
    ("most", "kept"), [(0, [0]), (0.05, [0, 1]), (0.1, [0, 1, 2]), (0.5, [0, 1, 2, 3])]
)
def test_which_are_kept(X, most, kept):
    probes = MissingProbeFilter(max_missing=most).fit(X)
    assert_array_equal(probes.get_support(indices=True), kept)
    assert_allclose(probes.missing_share_, [0, 0.05, 0.1, 0.5, 1])
    assert probes.get_feature_names_out().tolist() == [f"x{j}" for j in kept]


@pytest.mark.parametrize("imputation", ["mean", "median", None])
def test_a_column_without_a_value_always_goes(X, imputation):
    probes = MissingProbeFilter(max_missing=1, imputation=imputation).fit(X)
    assert_array_equal(probes.get_support(indices=True), range(4))


@pytest.mark.parametrize(
    ("imputation", "statistic"), [("mean", np.nanmean), ("median", np.nanmedian)]
)
def test_gaps_are_filled_from_the_training_rows(X, imputation, statistic):
    probes = MissingProbeFilter(max_missing=0.5, imputation=imputation).fit(X)
    expected = statistic(X[:, :4], axis=0)
    assert_allclose(probes.fill_, expected)
    assert_allclose(probes.transform(np.full((2, 5), nan)), [expected, expected])
    out = probes.transform(X)
    known = ~np.isnan(X[:, :4])
    assert_array_equal(out[known], X[:, :4][known])
    assert not np.isnan(out).any()


def test_gaps_may_stay(X):
    probes = MissingProbeFilter(max_missing=0.5, imputation=None)
    assert_array_equal(probes.fit_transform(X), X[:, :4])
    assert probes.fill_ is None


def test_new_rows_do_not_change_the_choice(X):
    probes = MissingProbeFilter().fit(X)
    assert probes.transform(np.full((3, 5), nan)).shape == (3, 2)


def test_nothing_left_is_an_error(X):
    X[0, 0] = X[1, 0] = nan
    with pytest.raises(ValueError, match="more of its values than max_missing=0.01 .* is 0.05"):
        MissingProbeFilter(max_missing=0.01).fit(X)
