"""Beta values and M-values are two scales for the same."""

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skmlp.preprocessing import BetaToM

nan = np.nan


def to_m(beta, **settings):
    return BetaToM(**settings).fit_transform(np.atleast_2d(beta))


def test_the_formula(rng):
    beta = rng.random((5, 3))
    assert_allclose(to_m(beta, offset=0), np.log2(beta / (1 - beta)), rtol=1e-10)
    assert_allclose(to_m(beta), np.log2((beta + 0.001) / (1 - beta + 0.001)), rtol=1e-10)
    assert_allclose(to_m([0.5, 0.8, 0.2], offset=0), [[0, 2, -2]], atol=1e-12)


@hypothesis.given(st.floats(0, 1), st.floats(1e-6, 1))
def test_there_and_back(beta, offset):
    model = BetaToM(offset=offset).fit([[0.5]])
    m = model.transform([[beta]])
    assert abs(m[0, 0]) <= np.log2((1 + offset) / offset) * (1 + 1e-9)
    assert_allclose(model.inverse_transform(m), [[beta]], atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_there_and_back_in_every_dtype(rng, dtype):
    beta = rng.random((6, 4)).astype(dtype)
    beta[0] = [0, 1, nan, 0.5]
    model = BetaToM().fit(beta)
    back = model.inverse_transform(model.transform(beta))
    assert back.dtype == dtype
    assert_allclose(back, beta, atol=10 * np.finfo(dtype).eps)


def test_betas_never_leave_their_range():
    model = BetaToM().fit([[0.5]])
    assert_array_equal(model.inverse_transform([[-1000.0], [1000.0]]), [[0], [1]])


@pytest.mark.parametrize(
    ("X", "scale"),
    [
        (np.array([[0, 51, 255]], dtype=np.uint8), 255),
        (np.array([[0, 13107, 65535]], dtype=np.uint16), 65535),
        (np.array([[0.0, 20.0, 100.0]]), 100),
    ],
)
def test_quantised_betas(X, scale):
    model = BetaToM(scale=scale).fit(X)
    assert_allclose(model.transform(X), to_m([0, 0.2, 1]), rtol=1e-5)
    assert_allclose(model.inverse_transform(model.transform(X)), X, rtol=1e-5, atol=1e-2)


def test_values_beyond_are_refused_or_clipped():
    frame = pd.DataFrame({"cg1": [0.5, 0.2], "cg2": [0.9, 1.02]})
    with pytest.raises(ValueError, match="Got 1.02 in column 'cg2' of X.* out_of_range='clip'"):
        BetaToM().fit_transform(frame)
    with pytest.raises(ValueError, match="Got -0.1 in column 0 of X"):
        to_m([-0.1])
    clipped = to_m([[1.02, -3]], out_of_range="clip")
    assert_array_equal(clipped, to_m([[1.0, 0.0]]))


@pytest.mark.parametrize("beta", [0.0, 1.0])
@pytest.mark.parametrize("out_of_range", ["clip", "error"])
def test_infinite_m_values_are_refused(beta, out_of_range):
    with pytest.raises(ValueError, match=f"beta of {beta:g} in column 1 .* set offset"):
        to_m([0.5, beta], offset=0, out_of_range=out_of_range)


def test_the_inverse_checks_its_columns():
    with pytest.raises(ValueError, match="Got X of 3 columns, but expected 2"):
        BetaToM().fit([[0.1, 0.2]]).inverse_transform([[1.0, 2.0, 3.0]])
