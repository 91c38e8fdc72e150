"""Covariates are columns of X, or beside it."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skmlp.preprocessing.containers import read
from skmlp.preprocessing.methylation.sources import covariates_and_cpgs

FRAME = pd.DataFrame({"cg1": [0.1, 0.2], "age": [30, 40], "cg2": [0.5, 0.6], "sex": ["f", "m"]})


def test_columns_of_X():
    found, cpgs = covariates_and_cpgs(["sex", "age"], None, read(FRAME))
    pd.testing.assert_frame_equal(found, FRAME[["sex", "age"]])
    assert_array_equal(cpgs, [0, 2])


def test_beside_X():
    table = read(FRAME[["cg1", "cg2"]])
    found, cpgs = covariates_and_cpgs(None, [1, 2], table)
    assert found == [1, 2]
    assert_array_equal(cpgs, [0, 1])


@pytest.mark.parametrize("named", [None, []])
def test_none(named):
    found, cpgs = covariates_and_cpgs(named, None, read(np.eye(3)))
    assert found is None
    assert_array_equal(cpgs, [0, 1, 2])


def test_not_both():
    with pytest.raises(ValueError, match="expected one of the two. Add them all to X"):
        covariates_and_cpgs(["age"], [1, 2], read(FRAME))


def test_something_must_be_left():
    with pytest.raises(ValueError, match="n_features=2, all of them covariates"):
        covariates_and_cpgs([0, 1], None, read(np.eye(2)))
