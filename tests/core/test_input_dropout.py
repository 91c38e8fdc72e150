"""Inputs are hidden alike in whatever form they come, and never in a prediction."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skmlp.core import rows
from skmlp.core.activations import get_activation
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import Activate, Dense, Dropout, InputDropout, Stem
from skmlp.core.losses import SquaredError
from skmlp.core.network import Network
from skmlp.core.rows import Rows

K, N, P = 3, 40, 30
INIT = INITIALIZERS["glorot_uniform"]
rng = np.random.default_rng(0)
X = rng.normal(size=(N, P)) * (rng.random((N, P)) < 0.6)
Y = rng.normal(size=(1, N, 2))
FORMS = {
    "array": X[None],
    "array each": np.stack([X] * K),
    "csr": [sparse.csr_matrix(X)],
    "rows": [Rows(np.asfortranarray(2 * X + 1), np.arange(N), np.ones(P), np.full(P, 0.5))],
    "plain rows": [Rows(X, np.arange(N))] * K,
}


def make(rate):
    layers = [InputDropout(Dropout(rate)), Stem(Dense(5, INIT)), Activate(get_activation("tanh"))]
    network = Network([*layers, Dense(2, INIT)], P, stack=K)
    network.initialize([np.random.RandomState(k) for k in range(K)])
    return network


def loss_and_grad(network, x, keep=None):
    network.prepare_training([np.random.default_rng(k) for k in range(K)])
    if keep is not None:
        network.select(keep)
    raw = network.forward(x, train=True)
    d_raw = np.empty_like(raw)
    value = SquaredError().value_and_grad(raw, Y, None, d_raw)
    network.backward(d_raw)
    return value, network.grad.copy()


@pytest.fixture(autouse=True)
def narrow_blocks(monkeypatch):
    """Let the rows be read in several blocks."""
    monkeypatch.setattr(rows, "_BLOCK_BYTES", 8 * N * 7)


@pytest.mark.parametrize("form", FORMS)
def test_the_way_down_hides_what_the_way_up_has_hidden(form):
    network, direction = make([0.1, 0.3, 0.5]), rng.normal(size=make(0.1).theta.shape)
    _, grad = loss_and_grad(network, FORMS[form])
    start, values = network.theta.copy(), []
    for sign in (1, -1):
        network.theta[...] = start + sign * 1e-6 * direction
        values.append(loss_and_grad(network, FORMS[form])[0])
    numeric = (values[0] - values[1]) / 2e-6
    assert_allclose((grad * direction).sum(axis=1), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("form", FORMS)
def test_a_network_in_a_stack_has_the_bits_of_one_alone(form):
    x = FORMS[form]
    value, grad = loss_and_grad(make(0.2), x)
    for k in range(K):
        own = x[k : k + 1] if len(x) == K else x
        value_alone, grad_alone = loss_and_grad(make(0.2), own, np.arange(K) == k)
        assert value_alone[0] == value[k]
        assert_array_equal(grad_alone[0], grad[k])


@pytest.mark.parametrize("form", FORMS)
def test_the_share_hidden_is_the_rate_and_the_mean_stays(form):
    network, total = make(0.25), 0.0
    network.prepare_training([np.random.default_rng(k) for k in range(K)])
    layer = network.chain.layers[0]
    for _ in range(200):
        for x in layer.forward(FORMS[form], train=True):
            if isinstance(x, Rows):
                x = x.whole(np.float64)
            x = x.toarray() if sparse.issparse(x) else x
            assert ((x == 0) | np.isclose(x, X / 0.75)).all()
            total = total + x
    hidden = 1 - (total / (200 * K))[X != 0] / X[X != 0]
    # 600 draws for each of some 700 values: 5 standard errors
    assert np.abs(hidden).max() < 5 * np.sqrt(0.25 / 0.75 / 600)
    assert abs(hidden.mean()) < 5 * np.sqrt(0.25 / 0.75 / 600 / hidden.size)


@pytest.mark.parametrize("form", FORMS)
def test_a_prediction_sees_everything(form):
    network, plain = make(0.5), make(0.0)
    raw = network.forward(FORMS[form], train=False)
    assert_allclose(raw, plain.forward(FORMS[form], train=False), rtol=1e-12)
