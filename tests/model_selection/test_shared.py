"""What fits share: told apart by what it holds, counted by what it takes."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from skmlp.model_selection._shared import Shared, _n_bytes

ROWS, STEP = np.arange(4), StandardScaler()


def tables():
    """Tables with numbers and texts, and with lists in cells."""
    numbers = pd.DataFrame({"a": np.arange(8.0), "b": list("abcdefgh")})
    lists = pd.DataFrame({"a": [[i, i + 1] for i in range(8)]})
    return [pytest.param(table, id=name) for name, table in (("plain", numbers), ("lists", lists))]


@pytest.mark.parametrize("table", tables())
def test_a_step_is_fitted_once_on_frames_that_are_equal(table):
    shared, calls = Shared(), []

    def fit(step, X, y):
        calls.append(X)
        return X, step

    once = shared.cache(fit)
    for indices in (ROWS, ROWS, ROWS + 4, ROWS):
        X, y = shared.safe_split(STEP, table, table["a"], indices)
        once(STEP, X, y)
    assert [X.index[0] for X in calls] == [0, 4]


def test_a_frame_that_was_written_to_is_another():
    shared, table = Shared(), pd.DataFrame({"a": np.arange(8.0)})
    X, _ = shared.safe_split(STEP, table, None, ROWS)
    assert shared._place(X) is not None
    X.loc[0, "a"] = 7.0
    assert shared._place(X) is None


def test_frames_and_sparse_rows_are_counted_with_arrays():
    frame, array = pd.DataFrame(np.zeros((100, 3))), np.zeros(50)
    assert _n_bytes((frame, (array, None), sparse.csr_matrix(np.eye(9)))) >= (100 * 3 + 50 + 9) * 8
