"""A vocabulary by frequency, windows, and batches of them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmlp.language._corpus import (
    WindowBatches,
    Windows,
    discover,
    encode,
    frequent,
    tail,
    translate,
)
from skmlp.language._text import Cutter

CUTTER = Cutter("word", None)
LINES = ["b a b", "a b c", "d <unk>", ""]


def learnt(min_count=1, size=None, n_train=None):
    codes, found = discover(LINES, CUTTER)
    tokens = frequent(codes[:n_train], found, min_count, size)
    return translate(codes, found, CUTTER, {token: i for i, token in enumerate(tokens)}), tokens


def words(codes, tokens):
    return " ".join(tokens[i] for i in codes)


def test_the_most_frequent_come_first():
    codes, tokens = learnt()
    assert tokens == ["</s>", "b", "a", "<unk>", "c", "d"]
    assert words(codes, tokens) == "b a b </s> a b c </s> d <unk> </s> </s>"
    assert codes.dtype == np.int32
    code = {token: i for i, token in enumerate(tokens)}
    assert_array_equal(encode(LINES, CUTTER, code), codes)
    assert words(encode(["a x"], CUTTER, code), tokens) == "a <unk> </s>"


@pytest.mark.parametrize("settings", [{"min_count": 2}, {"size": 4}])
def test_rare_words_become_the_unknown(settings):
    codes, tokens = learnt(**settings)
    # unknown are c, d and what was so before; of equals the end comes first, the unknown next
    assert tokens == ["</s>", "<unk>", "b", "a"]
    assert words(codes, tokens) == "b a b </s> a b <unk> </s> <unk> <unk> </s> </s>"


def test_what_is_held_out_does_not_count():
    codes, tokens = learnt(n_train=4)
    assert tokens == ["b", "</s>", "a", "<unk>"]
    assert words(codes, tokens).endswith("a b <unk> </s> <unk> <unk> </s> </s>")


def test_the_smallest_vocabulary():
    _, tokens = learnt(size=2)
    assert tokens == ["<unk>", "</s>"]


@pytest.mark.parametrize(("fraction", "start"), [(0.05, 11), (0.3, 11), (0.34, 8), (0.99, 4)])
def test_the_last_lines_are_held_out_whole(fraction, start):
    codes, _ = discover(LINES, CUTTER)
    assert tail(codes, fraction) == start


def test_one_line_cannot_be_parted():
    with pytest.raises(ValueError, match="one line only"):
        tail(np.array([3, 0]), 0.5)


def test_no_line_is_refused():
    with pytest.raises(ValueError, match="without a line"):
        discover([], CUTTER)


@pytest.mark.parametrize("across", [False, True])
def test_windows_are_what_stands_before(across):
    codes = np.array([5, 6, 0, 0, 7, 8, 5, 0], np.int32)
    windows = Windows(codes, end=0, none=9, c=2, across_lines=across)
    assert len(windows) == 8
    every = np.arange(8)
    assert_array_equal(windows.targets(every)[:, 0], codes)
    apart = [[9, 9], [9, 5], [5, 6], [9, 9], [9, 9], [9, 7], [7, 8], [8, 5]]
    joined = [[9, 9], [9, 5], [5, 6], [6, 0], [0, 0], [0, 7], [7, 8], [8, 5]]
    assert_array_equal(windows.contexts(every), joined if across else apart)
    assert windows.contexts(every).dtype == np.int32


def batches(sampled=False, k=2, size=5):
    windows = Windows(np.arange(13, dtype=np.int32) % 4, 0, 4, 3, True)
    rngs = [np.random.default_rng(i) for i in range(k)]
    return WindowBatches(windows, size, rngs, sampled)


def test_an_epoch_sees_every_window_once_in_an_order_of_each_network():
    each = list(batches())
    assert [batch.X.shape for batch in each] == [(2, 5, 3), (2, 5, 3), (2, 3, 3)]
    X, y = (np.concatenate(parts, axis=1) for parts in zip(*(b[:2] for b in each), strict=True))
    rows = np.concatenate([X, y], axis=2)
    windows = batches().windows
    every = np.arange(13)
    expected = np.concatenate([windows.contexts(every), windows.targets(every)], axis=1).tolist()
    assert all(sorted(own.tolist()) == sorted(expected) for own in rows)
    assert (rows[0] != rows[1]).any()
    again = batches()
    first, second = ([b.y.tolist() for b in again] for _ in range(2))
    assert first == [b.y.tolist() for b in each] != second


def test_a_network_sees_the_same_batches_alone():
    together, alone = batches(), batches()
    alone.select(np.array([False, True]))
    for one, other in zip(together, alone, strict=True):
        assert_array_equal(one.X[1:], other.X)


def test_targets_go_with_the_contexts_where_columns_are_drawn():
    for plain, asked in zip(batches(), batches(sampled=True), strict=True):
        assert_array_equal(asked.X, np.concatenate([plain.X, plain.y], axis=2))
        assert_array_equal(asked.y, 0)


def test_an_epoch_can_be_cut_short():
    seen = []
    short = batches()
    for batch in short:
        seen.append(batch)
        short.over = True
    assert len(seen) == 1
