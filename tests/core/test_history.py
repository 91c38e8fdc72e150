"""Records of epochs: side by side they say what they said one by one."""

import pickle

import numpy as np
import pytest

from skmlp.core.history import Epochs, means

NAN = np.nan
RECORDS = [
    {"learning_rate": np.array([0.1, 0.2, 0.3]), "train_loss": np.array([5.0, 3.0, 1.0])},
    {"learning_rate": np.array([0.1, NAN, 0.3]), "train_loss": np.array([4.0, NAN, 2.0])},
    {"learning_rate": np.array([0.1, NAN, NAN]), "train_loss": np.array([3.0, NAN, NAN])},
]


@pytest.mark.parametrize("rows", [slice(0, 1), slice(1, 2), slice(1, 3), slice(0, 3)])
def test_a_part_is_as_long_as_its_networks_were_trained(rows):
    part = Epochs.of(RECORDS).part(rows)
    expected = [{name: record[name][rows] for name in record} for record in RECORDS]
    expected = [r for r in expected if not np.isnan(r["learning_rate"]).all()]
    assert len(part) == len(expected)
    for mine, its in zip(part, expected, strict=True):
        assert list(mine) == list(its)
        for name in its:
            np.testing.assert_array_equal(mine[name], its[name])
    assert [row["train_loss"] for row in part.means()] == [
        np.nanmean(record["train_loss"]) for record in expected
    ]


def test_means_of_a_list_and_of_epochs_are_the_same():
    assert list(means(RECORDS)) == list(means(Epochs.of(RECORDS)))
    assert list(means(Epochs.of(RECORDS)[1:])) == list(means(RECORDS))[1:]
    assert list(means([])) == list(means(Epochs.of([]))) == []


def test_epochs_may_record_different_things():
    odd = [*RECORDS, {**RECORDS[0], "validation_loss": np.array([1.0, 2.0, 3.0])}]
    assert [len(row) for row in means(odd)] == [2, 2, 2, 3]
    assert list(means(odd))[3]["validation_loss"] == 2.0


def test_a_network_that_was_never_trained_has_no_epochs():
    assert len(Epochs.of([]).part(slice(0, 1))) == 0


def test_a_part_does_not_take_the_whole_along():
    whole = Epochs.of([{"learning_rate": np.ones(1000)} for _ in range(50)])
    assert len(pickle.dumps(whole.part(slice(0, 1)))) < 2000
