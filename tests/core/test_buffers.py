"""Buffers: where slots stand, what views share, which arrays are the same ones."""

import numpy as np
import pytest

from skmlp.core.buffers import Layout, Workspace, blocks


def mixed_layout():
    layout = Layout()
    for name, shape, role in [
        ("W1", (4, 3), "weight"),
        ("b1", (1, 3), "bias"),
        ("gain", (1, 3), "scale"),
        ("W2", (3, 2), "weight"),
        ("b2", (1, 2), "bias"),
    ]:
        layout.add(name, shape, role)
    return layout


@pytest.mark.parametrize("arranged", [False, True])
def test_slots_cover_the_row_without_overlap(arranged):
    layout = mixed_layout()
    if arranged:
        layout.arrange()
    rows = np.zeros((2, layout.size))
    for slot in layout.slots:
        slot.view(rows)[...] += 1  # a copy instead of a view would leave zeros
    assert (rows == 1).all()


def test_slots_of_one_role_stand_side_by_side_weights_first():
    layout = mixed_layout()
    layout.arrange()
    assert [slot.name for slot in layout.slots] == ["W1", "W2", "b1", "b2", "gain"]
    assert layout.span("weight") == slice(0, 18)
    assert layout.span("bias") == slice(18, 23)
    assert layout.span("embedding") == slice(0, 0)


def test_a_vector_has_the_number_of_each_slots_role():
    layout = mixed_layout()  # not arranged: roles are not side by side
    vector = layout.vector({"weight": 2.0, "bias": 3.0}, default=5.0)
    expected = {"weight": 2, "bias": 3, "scale": 5}
    for slot in layout.slots:
        assert (slot.view(vector[None]) == expected[slot.role]).all()


@pytest.mark.parametrize("k", [1, 3, 1000])
def test_blocks_tile_the_columns(k, monkeypatch):
    monkeypatch.setattr("skmlp.core.buffers.BLOCK_BYTES", 160)
    rows = np.zeros((k, 23))
    for block in blocks(rows):
        rows[:, block] += 1
        assert rows[:, block].nbytes <= max(160, 8 * k)
    assert (rows == 1).all()


def test_a_workspace_lends_the_same_array_for_the_same_key_only():
    class Owner:
        pass

    work, one, other = Workspace(np.float32), Owner(), Owner()
    array = work.array(one, "y", (2, 3))
    assert array.dtype == np.float32
    assert work.array(one, "y", (2, 3)) is array
    for key in [(other, "y", (2, 3)), (one, "dx", (2, 3)), (one, "y", (3, 2))]:
        assert not np.shares_memory(work.array(*key), array)
    work.clear()
    assert work.array(one, "y", (2, 3)) is not array


def test_a_workspace_keeps_its_owners_alive():
    # an owner's id may be inherited by a later object, an owner that is held cannot
    work = Workspace(np.float64)
    arrays = [work.array(type("Owner", (), {})(), "y", (1,)) for _ in range(50)]
    assert len({id(array) for array in arrays}) == 50


def test_a_column_follows_the_networks_that_are_left():
    work = Workspace(np.float32, rows=np.array([0, 2]))
    np.testing.assert_array_equal(work.column([1, 2, 3], 2), [[1], [3]])
    assert work.column(7, 3) == 7.0
    assert work.column([1, 2, 3], 3).shape == (2, 1, 1)
    assert work.column([1, 2, 3], 2).dtype == np.float32
