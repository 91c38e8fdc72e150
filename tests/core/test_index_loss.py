"""The log loss of class numbers is that of one-hot rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmlp.core.losses import CategoricalLogLoss, IndexLogLoss

K, N, M = 3, 10, 5
rng = np.random.default_rng(0)
RAW = 3 * rng.normal(size=(K, N, M))
Y = rng.integers(0, M, size=(N, 1))
ONE_HOT = np.eye(M)[Y[:, 0]]
LOSS = IndexLogLoss(M)


@pytest.mark.parametrize("weighted", [None, "shared", "each"])
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("rows_at_once", [1, 3, 1000])
def test_value_and_gradient_are_those_of_one_hot_rows(weighted, each, rows_at_once, monkeypatch):
    monkeypatch.setattr("skmlp.core.losses.index.BLOCK_BYTES", rows_at_once * M * 8)
    w = {None: None, "shared": np.linspace(0.5, 1.5, N), "each": rng.uniform(0, 2, (K, N))}
    out, expected = np.empty_like(RAW), np.empty_like(RAW)
    y = np.stack([Y] * K) if each else Y[None]
    value = LOSS.value_and_grad(RAW, y, w[weighted], out)
    reference = CategoricalLogLoss().value_and_grad(RAW, ONE_HOT, w[weighted], expected)
    assert_allclose(value, reference, rtol=1e-13)
    assert_allclose(out, expected, rtol=1e-12, atol=1e-15)


def test_raw_outputs_may_be_overwritten_but_only_on_request():
    raw, out = RAW.copy(), np.empty_like(RAW)
    value = LOSS.pointwise(raw, Y, out)
    assert_array_equal(raw, RAW)
    assert_array_equal(LOSS.pointwise(raw, Y, raw), value)
    assert_array_equal(raw, out)


def test_the_best_constant_and_the_predictions():
    assert_allclose(LOSS.start(Y), CategoricalLogLoss().start(ONE_HOT))
    few = np.zeros((4, 1), int)
    assert_allclose(LOSS.start(few), CategoricalLogLoss().start(np.eye(M)[few[:, 0]]))
    for name in ("predict", "log_predict", "average"):
        result, reference = (getattr(loss, name)(RAW) for loss in (LOSS, CategoricalLogLoss()))
        assert_allclose(result, reference, rtol=1e-13)
    assert_array_equal(LOSS.average(RAW[:1]), RAW[:1])
    assert LOSS.n_raw(1) == M


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_stay_finite(dtype):
    raw = np.array([[[1e4, 0, -1e4], [0, -np.inf, 5], [-1e4, -1e4, -1e4]]], dtype)
    out = np.empty_like(raw)
    value = IndexLogLoss(3).pointwise(raw, np.array([[2], [0], [1]]), out)
    assert value.dtype == out.dtype == dtype
    assert_allclose(value, [[2e4, 5 + np.log1p(np.exp(-5)), np.log(3)]], rtol=1e-5)
    assert np.isfinite(out).all()
    assert out[0, 1, 1] == 0


@pytest.mark.parametrize("bad", [-1, M, 0.5, np.nan])
def test_what_is_no_class_is_refused(bad):
    LOSS.check(Y)
    with pytest.raises(ValueError, match="expected a class number below 5"):
        LOSS.check(np.array([[0.0], [bad]]))
