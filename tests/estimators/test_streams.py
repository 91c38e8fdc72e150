"""Streams: those that scikit-learn would draw from, begun sooner."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.utils import check_random_state

from skmlp.estimators._streams import first_numbers, next_numbers, stream


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, np.int64(5)])
def test_a_seed_gives_scikit_learns_stream(seed):
    ours, expected = stream(seed), check_random_state(seed)
    for one in (ours, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        np.testing.assert_array_equal(one.get_state()[1], expected.get_state()[1])
    np.testing.assert_array_equal(first_numbers(int(seed), 5), next_numbers(ours, 5))
    np.testing.assert_array_equal(ours.normal(size=9), expected.normal(size=9))


def test_a_stream_is_taken_as_it_is():
    rng = np.random.RandomState(0)
    assert stream(rng) is rng
    assert stream(None) is check_random_state(None)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_an_impossible_seed_is_refused(seed):
    with pytest.raises(ValueError, match="Seed must be between 0"):
        stream(seed)
