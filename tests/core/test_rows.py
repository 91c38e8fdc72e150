"""Rows read lazily: the same numbers as the whole table at once."""

import numpy as np
import pytest

from skmlp.core.rows import Rows

N, P = 9, 7
INDICES = {
    "all": slice(None),
    "slice": slice(1, 8, 2),
    "numbers": np.array([5, 0, 5, 8]),
    "one": np.array([3]),
}


def standardized(table, index, shift, scale):
    return (table[index].astype(np.float64) - shift) * scale


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("source", [np.int16, np.float32, np.float64])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_blocks_join_to_the_standardised_rows(index, source, order, rng, monkeypatch):
    table = np.asarray(rng.normal(size=(N, P)) * 100, dtype=source, order=order)
    before = table.copy()
    shift, scale = rng.normal(size=P), rng.uniform(0.5, 2, size=P)
    rows = Rows(table, index, shift, scale)
    expected = standardized(table, index, shift, scale)
    assert rows.shape == expected.shape
    monkeypatch.setattr("skmlp.core.rows._BLOCK_BYTES", 3 * 8 * len(expected))
    assert len(list(rows.blocks(np.float64))) > 1
    np.testing.assert_allclose(rows.whole(np.float64), expected, rtol=1e-12)
    single = rows.whole(np.float32)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-6, atol=1e-4)
    np.testing.assert_array_equal(table, before)


@pytest.mark.parametrize("choice", [slice(1, 3), np.array([2, 0, 0])], ids=["slice", "numbers"])
@pytest.mark.parametrize("index", [INDICES["slice"], INDICES["numbers"]], ids=["slice", "numbers"])
def test_rows_of_rows(index, choice, rng):
    table, shift, scale = rng.normal(size=(N, P)), np.ones(P), np.full(P, 2.0)
    chosen = Rows(table, index, shift, scale)[choice]
    expected = standardized(table, index, shift, scale)[choice]
    assert chosen.shape == expected.shape
    np.testing.assert_allclose(chosen.whole(np.float64), expected)


@pytest.mark.parametrize("part", ["shift", "scale"])
def test_shift_and_scale_can_stand_alone(part, rng):
    table, numbers = rng.normal(size=(N, P)), rng.uniform(1, 2, size=P)
    rows = Rows(table, slice(None), **{part: numbers})
    expected = table - numbers if part == "shift" else table * numbers
    np.testing.assert_allclose(rows.whole(np.float64), expected)


def test_an_untouched_table_is_not_copied(rng):
    table = rng.normal(size=(N, P))
    assert np.shares_memory(Rows(table, slice(2, 6)).whole(np.float64), table)


def test_a_table_mapped_from_a_file(tmp_path, rng):
    table = rng.normal(size=(N, P))
    np.save(tmp_path / "table.npy", table)
    mapped = np.load(tmp_path / "table.npy", mmap_mode="r")
    rows = Rows(mapped, np.array([4, 1]), np.ones(P))
    np.testing.assert_array_equal(rows.whole(np.float64), table[[4, 1]] - 1)


def test_missing_values_become_the_centre_and_large_ones_are_clipped_smoothly(monkeypatch):
    table = np.array([[np.nan, 1.0, 7.0], [4.0, 100.0, 7.0], [2.0, np.nan, 8.0]])
    rows = Rows(
        table,
        slice(None),
        shift=np.array([2.0, 1.0, 0.0]),
        scale=np.array([3.0, 1.0, 1.0]),
        clip=3.0,
        n_plain=1,
        fill=True,
    )
    expected = np.array([[0, 0, 7], [6 / np.sqrt(5), 99 / np.sqrt(1 + 33**2), 7], [0, 0, 8]])
    np.testing.assert_allclose(rows.whole(np.float64), expected)
    np.testing.assert_allclose(rows[np.array([2, 1])].whole(np.float64), expected[[2, 1]])
    monkeypatch.setattr("skmlp.core.rows._BLOCK_BYTES", 3 * 8)  # one column at a time
    np.testing.assert_allclose(rows.whole(np.float64), expected)
