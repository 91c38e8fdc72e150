"""Any table is read in blocks of columns, in any order of columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmlp.preprocessing.containers import read
from skmlp.preprocessing.methylation import blocks
from skmlp.preprocessing.methylation.blocks import (
    center,
    compute,
    float_dtype,
    numbers,
    refuse_non_numbers,
    stored_dtype,
)

nan = np.nan


@pytest.mark.parametrize(("n", "p"), [(1, 1), (7, 5), (3, 100), (1000, 3)])
@pytest.mark.parametrize("values", [1, 20, 10**6])
def test_blocks_cover_every_column_once(monkeypatch, n, p, values):
    monkeypatch.setattr(blocks, "_VALUES", values)
    cut = list(blocks.blocks(n, p))
    assert_array_equal(np.concatenate([np.arange(p)[where] for where in cut]), np.arange(p))
    assert all((where.stop - where.start) * n <= max(values, n) for where in cut)


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame])
@pytest.mark.parametrize("columns", [[0, 1, 2], [2, 0, 1], [1], [2, 1]])
def test_columns_come_in_the_order_asked_for(rng, form, columns):
    X = rng.random((4, 3))
    assert_array_equal(numbers(read(form(X)), np.array(columns)), X[:, columns])


@pytest.mark.parametrize(
    ("dtypes", "as_float"),
    [
        (["float16"], "float16"),
        (["float32"], "float32"),
        (["float64"], "float64"),
        (["int8"], "float32"),
        (["uint16"], "float32"),
        (["int32"], "float64"),
        (["bool"], "float64"),
        (["float16", "float32"], "float32"),
        (["float32", "int16"], "float32"),
        (["float32", "float64"], "float64"),
        (["Float32"], "float32"),
        (["Int64"], "float64"),
    ],
)
def test_floats_stay_narrow(dtypes, as_float):
    frame = pd.DataFrame({str(j): pd.Series([0, 1], dtype=t) for j, t in enumerate(dtypes)})
    columns = np.arange(len(dtypes))
    assert float_dtype(read(frame), columns) == as_float
    assert stored_dtype(read(frame), columns) == as_float
    if len(dtypes) == 1 and dtypes[0].islower():
        array = read(np.array([[0, 1]], dtype=dtypes[0]))
        assert float_dtype(array, columns) == as_float
        assert stored_dtype(array, columns) == (dtypes[0] if "int" in dtypes[0] else as_float)


def test_other_columns_do_not_widen():
    table = read(pd.DataFrame({"age": [1], "cg": np.array([0.5], dtype=np.float32)}))
    assert float_dtype(table, np.array([1])) == np.float32
    assert float_dtype(table, np.array([], dtype=int)) == np.float64


def test_dtypes_of_polars():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [0.5, None], "b": [1, 2]}, schema={"a": pl.Float32, "b": pl.Int64})
    assert float_dtype(read(frame), np.array([0])) == np.float32
    assert float_dtype(read(frame), np.array([0, 1])) == np.float64


def test_results_stand_side_by_side(rng, monkeypatch):
    monkeypatch.setattr(blocks, "_VALUES", 8)
    X, shift = rng.random((4, 7)), np.arange(5)
    columns = np.array([6, 2, 0, 5, 1])
    out = compute(read(X), columns, np.float32, lambda values, where: values + shift[where])
    assert_array_equal(out, (X[:, columns] + shift).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", ["mean", "median"])
def test_centers(rng, dtype, how):
    X = rng.random((9, 6)).astype(dtype)
    X[rng.random(X.shape) < 0.3] = nan
    X[:, 4] = nan
    expected = (np.nanmean if how == "mean" else np.nanmedian)(X[:, :4], axis=0)
    found = center(X, how)
    assert found.dtype == np.float64
    assert_allclose(found[:4], expected, rtol=1e-6)
    assert np.isnan(found[4])


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (["a", "b"], ValueError, "'x' of X holds text .* ColumnTransformer"),
        ([0.5, np.inf], ValueError, "infinity: in column 'x', row 1"),
        (pd.to_datetime(["2020-01-01", None]), TypeError, "'x' holds dates"),
    ],
)
def test_what_is_no_number_is_refused(column, error, message):
    with pytest.raises(error, match=message):
        refuse_non_numbers(read(pd.DataFrame({"cg": [0.5, 0.6], "x": column})))
