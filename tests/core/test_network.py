"""The network: exact gradients, independence of companions, survival of pickling."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse

from skmlp.core.activations import ACTIVATIONS, get_activation
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import Activate, BatchNorm, Chain, Dense, Dropout, LayerNorm, Stem
from skmlp.core.losses import SquaredError
from skmlp.core.network import Network
from skmlp.core.rows import Rows

K, N, P = 3, 7, 4
INIT = INITIALIZERS["sklearn"]


def hidden(*middle):
    return [Stem(Dense(5, INIT)), *middle, Dense(6, INIT), Activate(get_activation("tanh"))]


MIDDLES = {
    "dense": [],
    "batch norm": [BatchNorm()],
    "layer norm": [LayerNorm()],
    "dropout": [Dropout([0.1, 0.3, 0.5])],
    "everything": [
        Chain([BatchNorm(), Activate(get_activation("gelu"))]),
        Dropout(0.2),
        LayerNorm(),
    ],
} | {name: [Activate(get_activation(name))] for name in ACTIVATIONS}


def make(layers, n_in=P, stack=K, dtype=np.float64):
    network = Network([*layers, Dense(2, INIT)], n_in, stack=stack, dtype=dtype)
    network.initialize([np.random.RandomState(k) for k in range(stack)])
    return network


def generators(seed=0):
    return [np.random.default_rng(seed + k) for k in range(K)]


def loss_and_grad(network, X, y, w):
    """The loss of each network, and its gradient; the same dropout masks at every call."""
    network.prepare_training(generators())
    raw = network.forward(X, train=True)
    d_raw = np.empty_like(raw)
    value = SquaredError().value_and_grad(raw, y, w, d_raw)
    network.backward(d_raw)
    return value, network.grad.copy()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("middle", MIDDLES)
def test_gradient_in_a_random_direction(middle, weighted):
    rng = np.random.default_rng(1)
    network = make(hidden(*MIDDLES[middle]))
    network.theta += 0.1 * rng.normal(size=network.theta.shape)
    X, y = rng.normal(size=(K, N, P)), rng.normal(size=(K, N, 2))
    w = rng.uniform(0.5, 2, size=(K, N)) if weighted else None
    direction = rng.normal(size=network.theta.shape)
    _, grad = loss_and_grad(network, X, y, w)
    values = []
    start = network.theta.copy()
    eps = 1e-6
    for sign in (1, -1):
        network.theta[...] = start + sign * eps * direction
        values.append(loss_and_grad(network, X, y, w)[0])
    numeric = (values[0] - values[1]) / (2 * eps)
    np.testing.assert_allclose((grad * direction).sum(axis=1), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("middle", MIDDLES)
def test_a_network_in_a_stack_has_the_bits_of_one_alone(middle):
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(K, N, P)), rng.normal(size=(K, N, 2))
    together = make(hidden(*copy.deepcopy(MIDDLES[middle])))
    value, grad = loss_and_grad(together, X, y, None)
    for k in range(K):
        alone = make(hidden(*copy.deepcopy(MIDDLES[middle])))
        alone.prepare_training(generators())
        alone.select(np.arange(K) == k)
        raw = alone.forward(X[k : k + 1], train=True)
        d_raw = np.empty_like(raw)
        value_alone = SquaredError().value_and_grad(raw, y[k : k + 1], None, d_raw)
        alone.backward(d_raw)
        assert value_alone[0] == value[k]
        np.testing.assert_array_equal(alone.grad[0], grad[k])


@pytest.mark.parametrize("form", ["shared", "csr", "csr each", "rows"])
def test_every_form_of_the_input_gives_the_same_gradient(form):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(N, P)) * (rng.random((N, P)) < 0.5), rng.normal(size=(1, N, 2))
    network = make(hidden(Activate(get_activation("relu"))))
    value, grad = loss_and_grad(network, np.stack([X] * K), y, None)
    csr = sparse.csr_matrix(X)
    forms = {
        "shared": X[None],
        "csr": [csr],
        "csr each": [csr] * K,
        "rows": [Rows(np.asfortranarray(2 * X + 1), np.arange(N), np.ones(P), np.full(P, 0.5))],
    }
    value2, grad2 = loss_and_grad(network, forms[form], y, None)
    np.testing.assert_allclose(value2, value, rtol=1e-12)
    np.testing.assert_allclose(grad2, grad, rtol=1e-12, atol=1e-14)


def test_many_blocks_of_columns_make_one_product(monkeypatch):
    monkeypatch.setattr("skmlp.core.rows._BLOCK_BYTES", 3 * N * 8)
    test_every_form_of_the_input_gives_the_same_gradient("rows")


@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_predicts_the_same_and_trains_itself(make_copy):
    X = np.random.default_rng(0).normal(size=(N, P))
    network = make(hidden(BatchNorm()))
    twin = make_copy(network)
    np.testing.assert_array_equal(twin.predict(X), network.predict(X))
    before = network.predict(X)
    _, grad = loss_and_grad(twin, X[None], np.zeros((1, N, 2)), None)
    twin.theta -= grad
    assert not np.allclose(twin.predict(X), before)
    np.testing.assert_array_equal(network.predict(X), before)


def test_prediction_does_not_depend_on_the_chunks(monkeypatch):
    X = np.random.default_rng(0).normal(size=(N, P))
    network = make(hidden(LayerNorm()))
    whole = network.predict(X)
    monkeypatch.setattr("skmlp.core.network._CHUNK", 3)
    np.testing.assert_allclose(network.predict(X), whole, rtol=1e-14)


def test_predictions_are_not_borrowed():
    network = make(hidden())
    first = network.predict(np.ones((N, P)))
    kept = first.copy()
    network.predict(np.zeros((N, P)))
    np.testing.assert_array_equal(first, kept)
