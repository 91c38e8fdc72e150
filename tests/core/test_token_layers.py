"""Layers that tell the next token: exact gradients, shared tables, draws without bias."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmlp.core.activations import get_activation
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import (
    Activate,
    Beside,
    Chain,
    Dense,
    Dropout,
    Embedding,
    HashedNgrams,
    NextToken,
    Readout,
    SampledReadout,
)
from skmlp.core.losses import IndexLogLoss
from skmlp.core.network import Network
from skmlp.core.scatter import add_rows

K, N, C, V, D = 3, 8, 3, 7, 4
Q = np.arange(1.0, V + 1) / np.arange(1.0, V + 1).sum()
INIT = INITIALIZERS["sklearn"]


def hidden(n_out):
    inner = Chain([Dense(5, INIT), Activate(get_activation("tanh")), Dropout(0.2)])
    return Chain([Dropout(0.1), Beside(inner), Dense(n_out, INIT)])


def next_token(n_out, output, *beside):
    return lambda: NextToken(Embedding(V + 1, D), hidden(n_out), output(), copy.deepcopy(beside))


LAYERS = {
    "full": next_token(6, lambda: Readout(V)),
    "full, tied": next_token(D, lambda: Readout(V, tied=True)),
    "sampled": next_token(6, lambda: SampledReadout(Readout(V), Q, 5)),
    "sampled, tied": next_token(D, lambda: SampledReadout(Readout(V, tied=True), Q, 5)),
    "n-grams": next_token(6, lambda: Readout(V), HashedNgrams((1, 2, 3), 20, 2)),
    "n-grams, dropped": next_token(6, lambda: Readout(V), HashedNgrams((2, 3), 20, 2, 0.4)),
    "n-grams, tied": next_token(D, lambda: Readout(V, tied=True), HashedNgrams((2,), 30, 3)),
}
every_layer = pytest.mark.parametrize("name", LAYERS)


def make(name, dtype=np.float64):
    network = Network([LAYERS[name]()], C, stack=K, dtype=dtype)
    network.initialize([np.random.RandomState(k) for k in range(K)])
    network.theta += 0.3 * np.random.default_rng(7).normal(size=network.theta.shape)
    return network


def rows(name, shared=False, seed=1):
    """Contexts, some of them with nothing before, and targets, as the layer takes them."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, V + 1, (1 if shared else K, N, C), dtype=np.int32)
    y = rng.integers(0, V, (len(X), N, 1), dtype=np.int32)
    return (np.concatenate([X, y], axis=2), np.zeros_like(y)) if "sampled" in name else (X, y)


def loss_and_grad(network, X, y, w=None):
    """The same masks and draws at every call; the gradient must be written, not added to."""
    network.prepare_training([np.random.default_rng(k) for k in network.rows])
    network.grad[...] = np.nan
    raw = network.forward(X, train=True)
    d_raw = np.empty_like(raw)
    value = IndexLogLoss(V).value_and_grad(raw, y, w, d_raw)
    network.backward(d_raw)
    return value, network.grad.copy()


@every_layer
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_gradient_in_a_random_direction(name, shared, weighted):
    rng = np.random.default_rng(2)
    network, (X, y) = make(name), rows(name, shared)
    w = rng.uniform(0.5, 2, size=(K, N)) if weighted else None
    direction = rng.normal(size=network.theta.shape)
    _, grad = loss_and_grad(network, X, y, w)
    start, eps, values = network.theta.copy(), 1e-6, []
    for sign in (1, -1):
        network.theta[...] = start + sign * eps * direction
        values.append(loss_and_grad(network, X, y, w)[0])
    numeric = (values[0] - values[1]) / (2 * eps)
    assert_allclose((grad * direction).sum(axis=1), numeric, rtol=1e-6, atol=1e-8)


@every_layer
def test_a_network_in_a_stack_has_the_bits_of_one_alone(name):
    X, y = rows(name)
    value, grad = loss_and_grad(make(name), X, y)
    for k in range(K):
        alone = make(name)
        alone.select(np.arange(K) == k)
        value_alone, grad_alone = loss_and_grad(alone, X[k : k + 1], y[k : k + 1])
        assert value_alone[0] == value[k]
        assert_array_equal(grad_alone[0], grad[k])


@every_layer
@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_predicts_the_same_and_trains_itself(name, make_copy):
    X, y = rows(name, shared=True)
    network = make(name)
    before = network.predict(X[0, :, :C])
    loss_and_grad(network, X, y)
    twin = make_copy(network)
    assert_array_equal(twin.predict(X[0, :, :C]), before)
    twin.theta -= loss_and_grad(twin, X, y)[1]
    assert not np.allclose(twin.predict(X[0, :, :C]), before)
    assert_array_equal(network.predict(X[0, :, :C]), before)


@every_layer
def test_float32_stays_float32_and_agrees(name):
    X, y = rows(name)
    value, grad = loss_and_grad(make(name, np.float32), X, y)
    value64, grad64 = loss_and_grad(make(name), X, y)
    assert grad.dtype == np.float32
    assert_allclose(value, value64, rtol=1e-4)
    assert_allclose(grad, grad64, rtol=1e-3, atol=1e-4)


def test_the_formula():
    network = make("full, tied")
    (layer,) = network.chain.layers
    X, _ = rows("full", shared=True)
    raw = network.forward(X)
    for k in range(K):
        e = layer.embedding.e[k]
        x = np.sqrt(D) * e[X[0]].reshape(N, -1)
        _, beside, last = layer.hidden.layers
        first = beside.inner.layers[0]
        h = np.hstack([np.tanh(x @ first.w[k] + first.b[k]), x]) @ last.w[k] + last.b[k]
        assert_allclose(raw[k], h @ e[:V].T + layer.output.b[k], rtol=1e-12)


def test_a_tied_table_is_one():
    (layer,) = make("full, tied").chain.layers
    assert np.shares_memory(layer.embedding.e, layer.output.w)
    assert make("full").theta.shape[1] > make("full, tied").theta.shape[1]
    with pytest.raises(ValueError, match="got 6 inputs, but expected 4"):
        Network([next_token(6, lambda: Readout(V, tied=True))()], C)


def test_draws_estimate_the_sum_over_all_tokens_without_bias():
    X, _ = rows("sampled", shared=True)
    network = make("sampled")
    (layer,) = network.chain.layers
    layer.hidden = Chain([Dense(6, INIT)])  # no dropout
    network = Network([layer], C, stack=K)
    network.theta[...] = np.random.default_rng(3).normal(size=network.theta.shape)
    full = np.exp(network.forward(X[:, :, :C])).copy()  # (K, N, V)
    target = np.take_along_axis(full, np.broadcast_to(X[:, :, C:], (K, N, 1)), axis=2)
    network.prepare_training([np.random.default_rng(k) for k in range(K)])
    sums = [np.exp(network.forward(X, train=True)) for _ in range(4000)]
    assert_allclose(sums[0][:, :, :1], target)
    estimated = np.mean([s.sum(axis=2) for s in sums], axis=0)
    assert_allclose(estimated, full.sum(axis=2), rtol=0.05)


def test_many_draws_give_the_gradient_of_all():
    X, y = rows("full")
    full = Network([NextToken(Embedding(V + 1, D), Dense(6, INIT), Readout(V))], C, stack=K)
    output = SampledReadout(Readout(V), Q, 20_000)
    some = Network([NextToken(Embedding(V + 1, D), Dense(6, INIT), output)], C, stack=K)
    some.theta[...] = full.theta[...] = np.random.default_rng(3).normal(size=full.theta.shape)
    value, grad = loss_and_grad(full, X, y)
    value2, grad2 = loss_and_grad(some, np.concatenate([X, y], axis=2), np.zeros_like(y))
    assert_allclose(value2, value, rtol=0.01)
    assert_allclose(grad2, grad, atol=0.02 * np.abs(grad).max())


def test_what_was_never_drawn_has_no_gradient():
    X, _ = rows("full", shared=True)
    network = make("sampled")
    asked = np.concatenate([X, np.zeros((1, N, 1), np.int32)], axis=2)
    _, grad = loss_and_grad(network, asked, np.zeros((1, N, 1), np.int32))
    (layer,) = network.chain.layers
    d_w, d_b = layer.output.full.slot_w.view(grad), layer.output.full.slot_b.view(grad)
    for k, (target, drawn, *_) in enumerate(layer.output.asked):
        rest = np.setdiff1d(np.arange(V), [*target, *drawn])
        assert len(rest)
        assert_array_equal(d_w[k, rest], 0)
        assert_array_equal(d_b[k, 0, rest], 0)


def test_start_values():
    layer = NextToken(Embedding(2001, 50), Dense(9, INIT), Readout(2000))
    Network([layer], 4).initialize([np.random.default_rng(0)])
    assert_allclose(layer.embedding.e.std(), 50**-0.5, rtol=0.02)
    x = layer.embedding.forward(np.arange(2000).reshape(1, 500, 4), False)
    assert_allclose(x.std(), 1, rtol=0.02)
    assert_allclose(layer.output.w.std(), 0.1 / 3, rtol=0.02)
    assert_array_equal(layer.output.b, 0)


def test_rows_of_one_code_are_summed():
    rng = np.random.default_rng(0)
    codes, values = rng.integers(0, 9, 50), rng.normal(size=(50, 3))
    expected = np.ones((9, 3))
    table = expected.copy()
    np.add.at(expected, codes, values)
    add_rows(table, codes, values)
    assert_allclose(table, expected, rtol=1e-13)


def test_rows_of_ngrams_hang_on_their_tokens_alone_and_spread():
    layer = HashedNgrams((2, 3), 1000, 2)
    codes = np.array([[[5, 1, 2], [6, 1, 2], [5, 2, 1]]])
    first, second, third = rows_of(layer, codes)
    assert first[0] == second[0] != third[0]  # the same two, in the same order
    assert first[1] != second[1]
    every = np.stack(np.meshgrid(*[np.arange(100)] * 2, indexing="ij"), axis=-1).reshape(1, -1, 2)
    counts = np.bincount(rows_of(HashedNgrams((2,), 1000, 2), every)[:, 0], minlength=1000)
    assert counts.sum() == 10_000
    assert counts.var() < 1.3 * counts.mean()  # as if they were thrown at random
    np.testing.assert_array_less(rows_of(layer, codes)[:, 0], 1000)
    np.testing.assert_array_less(999, rows_of(layer, codes)[:, 1])


def rows_of(layer, codes):
    return layer._rows_of(codes)[0]


def test_what_is_read_of_an_ngram_never_seen_is_zero():
    network = Network([HashedNgrams((2,), 50, 3)], 2)
    network.initialize([np.random.default_rng(0)])
    network.prepare_training()
    codes = np.array([[[1, 2]]])
    assert not network.forward(codes).any()
    network.backward(np.ones((1, 1, 3)))
    assert np.count_nonzero(network.grad) == 3
    assert_allclose(network.grad[network.grad != 0], np.sqrt(3))


def test_ngrams_longer_than_the_context_are_refused():
    with pytest.raises(ValueError, match="from 1 to 3, the length of the context"):
        Network([HashedNgrams((2, 4), 50, 3)], 3)
