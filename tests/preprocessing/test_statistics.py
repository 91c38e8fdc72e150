"""Shift and scale: what they are, and that weights are repetitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from skmlp.preprocessing import statistics
from skmlp.preprocessing.statistics import Standardizer, smooth_clip, weighted_quantiles

HOW = ["standard", "robust"]


@pytest.fixture
def table(rng):
    X = np.round(rng.normal(size=(60, 7)), 1) * [1, 1, 1e6, 1e-6, 1, 1, 1] + [0, 9, 0, 0, 0, 0, 0]
    X[rng.random(X.shape) < 0.2] = np.nan
    X[:, 4] = 5.0
    X[:, 5] = np.arange(60) == 3
    X[:, 6] = np.nan
    return X


def same(one, other):
    assert_array_equal(one.shift, other.shift)
    assert_array_equal(one.scale, other.scale)


def test_standard_is_mean_and_standard_deviation(table):
    fitted, theirs = Standardizer(table[:, :6], None), StandardScaler().fit(table[:, :6])
    assert_array_equal(fitted.shift, theirs.mean_)
    assert_array_equal(fitted.scale, 1 / theirs.scale_)
    assert fitted.clip is None


def test_robust_is_median_and_quartiles(table):
    fitted = Standardizer(table, None, how="robust")
    for j in range(4):
        x = table[~np.isnan(table[:, j]), j]
        q25, q50, q75 = np.quantile(x, [0.25, 0.5, 0.75], method="inverted_cdf")
        assert fitted.shift[j] == q50
        assert fitted.scale[j] == 1 / (q75 - q25)
    assert fitted.clip == 3.0


def test_robust_without_spread(table):
    fitted = Standardizer(table, None, how="robust")
    assert_array_equal(fitted.shift[4:], [5, 0, 0])
    assert_array_equal(fitted.scale[4:], [0, 2, 0])  # constant; rarely not 0; without a value


def test_standard_without_spread(table):
    fitted = Standardizer(table, None)
    assert_array_equal(fitted.shift[[4, 6]], [5, 0])
    assert_array_equal(fitted.scale[[4, 6]], [1, 1])


@pytest.mark.parametrize("how", HOW)
def test_weights_of_one_are_none(table, how):
    same(Standardizer(table, np.ones(60), how=how), Standardizer(table, None, how=how))


@pytest.mark.parametrize("unit", [1, 1 / 3, 0.1, 1e-9])
def test_robust_weights_are_repetitions_in_any_unit(table, rng, unit):
    k = rng.integers(0, 5, 60)
    repeated = np.repeat(table, k, axis=0)
    same(Standardizer(table, k * unit, how="robust"), Standardizer(repeated, None, how="robust"))


def test_standard_weights_are_repetitions(table, rng):
    k = rng.integers(1, 5, 60)
    weighted, repeated = Standardizer(table, k), Standardizer(np.repeat(table, k, axis=0), None)
    assert_allclose(weighted.shift, repeated.shift)
    assert_allclose(weighted.scale, repeated.scale)


def test_rows_without_weight_have_no_extremes():
    X, w = np.array([[-99.0], [1.0], [1.0], [1.0], [1.0], [3.0], [99.0]]), [0, 1, 1, 1, 1, 1, 0]
    assert Standardizer(X, np.array(w), how="robust").scale == 1.0  # 2 / (3 - 1)


@given(
    st.lists(
        st.tuples(st.one_of(st.floats(-9, 9), st.just(np.nan)), st.integers(0, 4)),
        min_size=1,
        max_size=30,
    ).filter(lambda rows: any(k for _, k in rows))
)
def test_weighted_quantiles_are_those_of_repetitions(rows):
    x, k = np.array([v for v, _ in rows])[:, None], np.array([k for _, k in rows])
    q = np.array([0.05, 0.1, 0.3, 0.5, 0.75, 1.0])
    lowest, found, highest = weighted_quantiles(x, k / 3, q)
    known = np.repeat(x[:, 0], k)
    known = known[~np.isnan(known)]
    if len(known) == 0:
        assert np.isnan([lowest[0], highest[0], *found[:, 0]]).all()
        return
    rank = [-(-len(known) * round(100 * share) // 100) - 1 for share in q]  # in whole numbers
    assert_array_equal(found[:, 0], np.sort(known)[rank])
    assert (lowest[0], highest[0]) == (known.min(), known.max())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("how", HOW)
def test_columns_are_alone_however_many_are_taken_together(table, how, weighted, monkeypatch):
    w = np.arange(60) if weighted else None
    together = Standardizer(table, w, how=how)
    monkeypatch.setattr(statistics, "_COLUMNS", 2)
    same(Standardizer(table, w, how=how), together)


def test_few_columns_of_a_long_table_are_taken_together(table, monkeypatch):
    widths = []
    monkeypatch.setattr(statistics, "_VALUES", 60 * 3 + 1)
    monkeypatch.setattr(statistics, "_robust", lambda X, w: widths.append(X.shape[1]) or (0, 1))
    Standardizer(table, None, how="robust")
    assert widths == [3, 3, 1]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_codes_are_left_as_they_are(table, how, form):
    X = np.nan_to_num(table) + 1
    fitted, alone = Standardizer(form(X), None, how, 2), Standardizer(form(X[:, :5]), None, how)
    assert_array_equal(fitted.scale[:5], alone.scale)
    assert_array_equal(fitted.scale[5:], 1)
    if form is np.asarray:
        assert_array_equal(fitted.shift[5:], 0)
        assert_array_equal(fitted(100 * X)[:, 5:], 100 * X[:, 5:])
    assert fitted.n_plain == 2
    same(Standardizer(form(X), None, how, 7), Standardizer(form(np.ones((1, 7))), None, how, 7))


@pytest.mark.parametrize("how", HOW)
def test_sparse_input_is_scaled_but_not_shifted(table, how):
    X = np.nan_to_num(table)
    fitted = Standardizer(sparse.csr_array(X), None, how=how)
    assert fitted.shift is None
    assert fitted.clip is None
    assert_allclose(fitted.scale, 1 / StandardScaler().fit(X).scale_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", HOW)
def test_dtype_is_that_of_the_table(table, how, dtype):
    fitted = Standardizer(table.astype(dtype), np.arange(60), how=how)
    assert fitted.shift.dtype == fitted.scale.dtype == dtype
    assert fitted(table.astype(dtype)).dtype == dtype
    assert Standardizer(sparse.csr_array(np.eye(3, dtype=dtype)), None, how).scale.dtype == dtype


@pytest.mark.parametrize("spread", [1e-320, 1e-40, 1e300])
def test_scales_are_finite(spread):
    X = np.array([[0.0], [0.0], [1.0], [1.0]]) * spread
    with np.errstate(over="ignore"):
        X = X.astype(np.float32 if spread == 1e-40 else float)
    fitted = Standardizer(X, None, how="robust")
    assert np.isfinite(fitted.scale).all()
    assert np.isfinite(fitted(X)).all()


def test_robust_reads_as_its_formula(table):
    fitted = Standardizer(table, None, how="robust")
    z = (table - fitted.shift) * fitted.scale
    assert_allclose(fitted(table), np.nan_to_num(z / np.sqrt(1 + (z / 3) ** 2)), atol=1e-15)


def test_missing_values_are_read_as_the_centre(table):
    for how in HOW:
        assert_array_equal(Standardizer(table, None, how=how)(table)[np.isnan(table)], 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_smooth_clip_has_its_limits_and_order(dtype):
    x = np.array([-np.inf, -1e30, -3, -1e-3, 0, 1e-3, 3, 1e30, np.inf], dtype=dtype)
    smooth_clip(x, 3.0)
    assert_allclose(x, [-3, -3, -1.5 * 2**0.5, -1e-3, 0, 1e-3, 1.5 * 2**0.5, 3, 3], rtol=1e-6)
    assert (np.diff(x) >= 0).all()
