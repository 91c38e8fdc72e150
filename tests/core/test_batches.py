"""Batches: every row once an epoch, in each network's own order, whatever holds the rows."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.utils import shuffle

from skmlp.core.batches import ArrayBatches, ChunkBatches
from skmlp.core.rows import Rows

N, P, K = 11, 3, 3


def streams(k=K):
    return [np.random.RandomState(seed) for seed in range(k)]


@pytest.fixture
def data(rng):
    """Rows that tell their number: y is the number, w and X are functions of it."""
    number = np.arange(float(N))
    X = rng.normal(size=(N, P)) * (rng.random((N, P)) < 0.7)
    return X, number[:, None], number / number.mean()


def dense(x):
    """The inputs of a batch (K, n, p), whatever form they have."""
    if isinstance(x, np.ndarray):
        return x
    return np.stack([e.whole(float) if isinstance(e, Rows) else e.toarray() for e in x])


@pytest.mark.parametrize("size", [1, 4, 11, 100])
@pytest.mark.parametrize("k", [0, K])
def test_every_row_once_an_epoch(data, size, k):
    X, y, w = data
    batches = ArrayBatches(X, y, w, size, streams(k))
    for _ in range(3):
        seen = [batch.y.copy() for batch in batches]
        assert [b.shape[1] for b in seen[:-1]] == [min(size, N)] * (len(seen) - 1)
        assert len(seen) == batches.n_batches
        for rows in np.concatenate(seen, axis=1):
            assert sorted(rows.ravel()) == list(range(N))


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("form", ["array", "csr", "rows"])
def test_inputs_and_weights_follow_their_rows(data, form, small, monkeypatch):
    if not small:
        monkeypatch.setattr("skmlp.core.batches._COPY_BYTES", 0)
    X, y, w = data
    forms = {"array": X, "csr": sparse.csr_matrix(X), "rows": Rows(X, slice(None))}
    for rngs in (streams(), []):
        for batch in ArrayBatches(forms[form], y, w, 4, rngs):
            rows = batch.y[..., 0].astype(int)
            np.testing.assert_array_equal(dense(batch.X), X[rows])
            np.testing.assert_array_equal(batch.w, w[rows])


@pytest.mark.parametrize("small", [True, False])
def test_a_network_sees_the_same_rows_alone_and_after_others_left(data, small, monkeypatch):
    if not small:
        monkeypatch.setattr("skmlp.core.batches._COPY_BYTES", 0)
    together = ArrayBatches(*data, 4, streams())
    alone = [ArrayBatches(*data, 4, [rng]) for rng in streams()]
    left = [0, 1, 2]
    for keep in ([True] * 3, [True, False, True], [False, True]):
        together.select(np.array(keep))
        left = [k for k, kept in zip(left, keep, strict=True) if kept]
        for batch, *own in zip(together, *(alone[k] for k in left), strict=True):
            for name in ("X", "y", "w"):
                parts = np.concatenate([getattr(one, name) for one in own])
                np.testing.assert_array_equal(getattr(batch, name), parts)
        for gone in {0, 1, 2} - set(left):
            list(alone[gone])


def test_networks_with_one_stream_are_shuffled_alike_and_leave_it_as_if_alone(data):
    def stream():
        return np.random.RandomState(5)

    one, other = stream(), np.random.RandomState(6)
    together = ArrayBatches(*data, 4, [one, one, other, one], alike="aaba")
    own = [stream(), stream(), np.random.RandomState(6), stream()]
    alone = [ArrayBatches(*data, 4, [rng]) for rng in own]
    left = np.arange(4)
    for keep in ([True] * 4, [False, True, True, True], [True, True, False], [True, True]):
        together.select(np.array(keep))
        left = left[keep]
        for batch, *parts in zip(together, *(alone[k] for k in left), strict=True):
            np.testing.assert_array_equal(batch.X, np.concatenate([part.X for part in parts]))
            np.testing.assert_array_equal(batch.y, np.concatenate([part.y for part in parts]))
    for mine, its in zip(together.streams, own, strict=True):
        np.testing.assert_array_equal(mine.get_state()[1], its.get_state()[1])
        assert mine.get_state()[2] == its.get_state()[2]
    np.testing.assert_array_equal(together.orders(), [one.orders()[0] for one in alone])


def test_one_stream_of_several_networks_is_drawn_from_in_turn(data):
    one = np.random.RandomState(0)
    batches = ArrayBatches(*data, N, [one, one])
    first, second = next(iter(batches)).y.copy()
    assert (first != second).any()


def test_epochs_shuffle_on_as_scikit_learn_does(data):
    X, y, _ = data
    rng, index = np.random.RandomState(0), np.arange(N)
    batches = ArrayBatches(X, y, None, 4, [np.random.RandomState(0)])
    for _ in range(3):
        index = shuffle(index, random_state=rng)
        seen = np.concatenate([batch.y.copy() for batch in batches], axis=1)
        np.testing.assert_array_equal(seen.ravel(), index)


def test_an_order_goes_on_in_other_batches(data):
    X, y, _ = data
    whole = ArrayBatches(X, y, None, N, streams())
    expected = [batch.y.copy() for _ in range(4) for batch in whole]
    rngs, order, seen = streams(), None, []
    for _ in range(4):
        batches = ArrayBatches(X, y, None, N, rngs, order)
        order = batches.order
        seen += [batch.y.copy() for batch in batches]
    np.testing.assert_array_equal(seen, expected)


def chunked(X, y, w, *cuts):
    def chunks():
        for a, b in zip((0, *cuts), (*cuts, len(y)), strict=True):
            yield X[a:b], y[a:b], w[a:b]

    return chunks


@pytest.mark.parametrize("k", [0, K])
def test_chunks_give_every_row_once_shuffled_within_their_chunk(data, k):
    X, y, w = data
    batches = ChunkBatches(chunked(X, y, w, 5, 6), 2, streams(k))
    assert batches.n_batches is None
    for _ in range(2):
        seen = []
        for batch in batches:
            rows = batch.y[..., 0].astype(int)
            np.testing.assert_array_equal(batch.X, X[rows])
            np.testing.assert_array_equal(batch.w, w[rows])
            seen.append(rows.copy())
        rows = np.concatenate(seen, axis=1)
        for stretch in (slice(0, 5), slice(5, 6), slice(6, 11)):
            np.testing.assert_array_equal(
                np.sort(rows[:, stretch]), [np.arange(N)[stretch]] * max(k, 1)
            )
        assert (batches.n_rows, batches.n_batches) == (N, 7)


def test_chunks_keep_the_streams_of_those_left(data):
    together = ChunkBatches(chunked(*data, 5), 4, streams())
    alone = ChunkBatches(chunked(*data, 5), 4, streams()[1:2])
    together.select(np.array([False, True, False]))
    for batch, own in zip(together, alone, strict=True):
        np.testing.assert_array_equal(batch.y, own.y)
