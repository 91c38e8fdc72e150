"""Columns that go together share a region."""

import numpy as np
import pandas as pd
import pytest

from skmlp.inspection.regions import correlated_groups


@pytest.fixture
def X(rng):
    a, b, c = rng.normal(size=(3, 200))
    noise = 0.3 * rng.normal(size=(200, 5))
    columns = [a, b, -a, b, c] + noise.T
    return pd.DataFrame(np.transpose(columns), columns=["a1", "b1", "a2", "b2", "c"])


def test_either_sign_counts(X):
    found = correlated_groups(X)
    assert found.to_dict() == {"a1": "a1", "b1": "b1", "a2": "a1", "b2": "b1", "c": "c"}


def test_each_pair_of_a_group_is_above_the_threshold(rng):
    X = rng.normal(size=(60, 40)).cumsum(axis=1)  # neighbours go together, a chain
    size = np.abs(np.corrcoef(X.T))
    for threshold in (0.5, 0.7, 0.9):
        found = correlated_groups(X, threshold).to_numpy()
        same = found[:, None] == found
        assert size[same].min() >= threshold
        assert same.sum() > 40  # and some are above


def test_blocks_do_not_see_each_other(X):
    found = correlated_groups(X, block_size=2)
    assert found.nunique() == 5
    ordered = X[["a1", "a2", "b1", "b2", "c"]]
    assert correlated_groups(ordered, block_size=2).nunique() == 3


def test_gaps_and_constants(X):
    X = X.assign(still=1.0, gaps=X["c"].where(X.index > 3), empty_but_one=np.nan)
    X.loc[0, "empty_but_one"] = 2.0
    found = correlated_groups(X)
    assert found["gaps"] == "c"
    assert found["still"] == "still"
    assert found["empty_but_one"] == "empty_but_one"


def test_names_for_an_array(X):
    found = correlated_groups(X.to_numpy(), feature_names=X.columns)
    pd.testing.assert_series_equal(found, correlated_groups(X), check_index_type=False)


@pytest.mark.parametrize(("name", "value"), [("threshold", 0), ("threshold", 2), ("block_size", 0)])
def test_settings_outside_their_range(X, name, value):
    with pytest.raises(ValueError, match=f"{name}={value}"):
        correlated_groups(X, **{name: value})
