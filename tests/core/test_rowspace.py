"""Coordinates in the space of the rows stand for the rows themselves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skmlp.core.rows import Rows
from skmlp.core.rowspace import RowSpace

N, P, H = 12, 200, 4
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(20, P)) * rng.uniform(0.1, 2, P) + 3
SHIFT, SCALE = TABLE.mean(axis=0), 1 / TABLE.std(axis=0)
FORMS = {
    "array": TABLE[:N],
    "Rows": Rows(TABLE, np.arange(N)[::-1]),
    "centred": Rows(TABLE, np.arange(N), SHIFT, SCALE),
    "CSR": sparse.csr_matrix(TABLE[:N] * (TABLE[:N] > 4)),
    "a row twice": TABLE[[0, 0, *range(1, N - 1)]],
}


def dense(x):
    return x.toarray() if sparse.issparse(x) else x.whole(np.float64) if isinstance(x, Rows) else x


@pytest.mark.parametrize("form", FORMS)
def test_products_are_those_of_the_rows(form):
    x, w = FORMS[form], rng.normal(size=(P, H))
    space = RowSpace(x)
    inside, across = space.of_weight(w)
    start = np.vstack([inside, np.diag(across)])
    # on the rows themselves, the last coordinates are zero
    assert_allclose(space.own @ inside, dense(x) @ w, atol=1e-9)
    assert_allclose((start**2).sum(axis=0), (w**2).sum(axis=0))
    # a step within the space, and a shrinking of what is across
    step = rng.normal(size=(x.shape[0], H))
    shrink = rng.uniform(0.5, 1, H)
    now = np.vstack([inside + space.own.T @ step, np.diag(across * shrink)])
    basis = np.linalg.svd(dense(x), full_matrices=False)[2][: len(space.s)]
    expected = w - (w - basis.T @ (basis @ w)) * (1 - shrink) + dense(x).T @ step
    assert_allclose(space.weight(w.copy(), inside, across, now), expected, atol=1e-8)
    # other rows
    others = Rows(TABLE, np.arange(N, 20), SHIFT, SCALE) if form == "centred" else TABLE[N:]
    if form == "CSR":
        others = sparse.csr_matrix(others)
    coordinates = space.of_rows(others, w, inside, across)
    assert_allclose(coordinates @ now, dense(others) @ expected, atol=1e-8)


def test_directions_without_extent_are_left_out():
    assert len(RowSpace(FORMS["a row twice"]).s) == N - 1
    assert len(RowSpace(np.zeros((3, 9))).s) == 0
    centred = TABLE[:N] - TABLE[:N].mean(axis=0)
    assert len(RowSpace(centred).s) == N - 1


def test_offsets_do_not_drown_differences():
    x = (1000 + rng.normal(size=(N, 50_000))).astype(np.float32)
    space = RowSpace(x)
    exact = np.linalg.svd(x.astype(np.float64), compute_uv=False)
    assert_allclose(np.sort(space.s)[::-1], exact, rtol=1e-3)
