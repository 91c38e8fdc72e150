"""Members that share weights: exact gradients, the start, what a network of them is to others."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skmlp.core.activations import get_activation
from skmlp.core.batches import ArrayBatches, Batch
from skmlp.core.callbacks import EarlyStopping, MaxNorm, Validate
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import (
    PBLD,
    Activate,
    BatchNorm,
    Columns,
    Dense,
    Dropout,
    Heads,
    LayerNorm,
    Members,
    ParametricActivate,
    Scaling,
    SharedDense,
    Stem,
)
from skmlp.core.losses import BinaryLogLoss, SquaredError
from skmlp.core.network import Network
from skmlp.core.optimizers import Adam, Optimizer, RateFactors
from skmlp.core.rows import Rows
from skmlp.core.training import loss_and_grad, train

M, N, P, T = 3, 7, 6, 2
CARDINALITIES = (4, 3)
INIT = INITIALIZERS["sklearn"]
LOSS = SquaredError()


def relu():
    return Activate(get_activation("relu"))


STACKS = {
    "heads alone": lambda: [Members(M, first=True), Heads(T, M, INIT)],
    "one output": lambda: [
        Members(M, first=True),
        SharedDense(5, M, INIT, scale_inputs=False),
        Activate(get_activation("tanh")),
        Heads(1, M, INIT),
    ],
    "scales": lambda: [
        Scaling(first=True),
        Members(M),
        SharedDense(5, M, INIT, scale_inputs=False),
        Activate(get_activation("gelu")),
        SharedDense(4, M, INIT),
        Activate(get_activation("tanh")),
        Heads(T, M, INIT),
    ],
    "table": lambda: [
        Columns(3, PBLD(1.0, 5), CARDINALITIES, dim=2),
        Scaling(),
        Members(M, "normal", sections=(4, 4, 4, 1, 2, 2)),
        SharedDense(5, M, INIT),
        ParametricActivate(get_activation("mish")),
        Dropout(0.2),
        SharedDense(4, M, INIT),
        ParametricActivate(get_activation("selu")),
        Heads(T, M, INIT),
    ],
    "norms": lambda: [
        Members(M, first=True),
        SharedDense(5, M, INIT),
        BatchNorm(),
        Activate(get_activation("tanh")),
        SharedDense(4, M, INIT),
        LayerNorm(),
        Heads(T, M, INIT),
    ],
    "plain layers between": lambda: [
        Members(M, first=True),
        Dense(5, INIT),
        Activate(get_activation("tanh")),
        Heads(T, M, INIT),
    ],
    "a single member": lambda: [
        Members(1, first=True),
        SharedDense(5, 1, INIT),
        Activate(get_activation("tanh")),
        Heads(T, 1, INIT),
    ],
}
every_stack = pytest.mark.parametrize("name", STACKS)
every_k = pytest.mark.parametrize("k", [1, 2])


def table(k, seed=1):
    """Four numbers and two codes in each row."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(k, N, P))
    for j, cardinality in enumerate(CARDINALITIES, start=P - len(CARDINALITIES)):
        X[:, :, j] = rng.integers(0, cardinality, size=X.shape[:2])
    return X


def targets(k, n_out, seed=2):
    return np.random.default_rng(seed).normal(size=(k, N, n_out))


def make(layers, k=1, shaken=True, dtype=np.float64, n_in=P):
    network = Network(layers, n_in, stack=k, dtype=dtype)
    network.initialize([np.random.RandomState(i) for i in range(k)])
    if shaken:
        network.theta += 0.1 * np.random.default_rng(7).normal(size=network.theta.shape)
    return network


def value_and_grad(network, X, y, w=None):
    """The same dropout masks at every call; the gradient must be written, not added to."""
    network.prepare_training([np.random.default_rng(row) for row in network.rows])
    network.grad[...] = np.nan
    value = loss_and_grad(network, LOSS, Batch(X, y, w))
    return value, network.grad.copy()


@every_stack
@every_k
@pytest.mark.parametrize("form", ["shared", "own", "own and weighted"])
def test_gradient_in_a_random_direction(name, k, form):
    rng = np.random.default_rng(3)
    network = make(STACKS[name](), k)
    n_own = 1 if form == "shared" else k
    X, y = table(n_own), targets(n_own, network.n_out)
    w = rng.uniform(0.5, 2, size=(n_own, N)) if form == "own and weighted" else None
    direction = rng.normal(size=network.theta.shape)
    value, grad = value_and_grad(network, X, y, w)
    assert value.shape == (k,)
    start, eps, values = network.theta.copy(), 1e-6, []
    for sign in (1, -1):
        network.theta[...] = start + sign * eps * direction
        values.append(value_and_grad(network, X, y, w)[0])
    numeric = (values[0] - values[1]) / (2 * eps)
    assert_allclose((grad * direction).sum(axis=1), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("layer", "spread"),
    [
        (Members(M), 1),
        (SharedDense(4, M, INIT), M),
        (SharedDense(4, M, INIT, scale_inputs=False), M),
        (Heads(2, M, INIT), M),
        (Heads(1, M, INIT), M),
    ],
    ids=repr,
)
@every_k
def test_dx_is_the_central_difference(layer, spread, k):
    rng = np.random.default_rng(4)
    X, direction = rng.normal(size=(2, k, spread * N, P))
    network = make([layer], k)
    network.prepare_training()
    d_raw = rng.normal(size=network.forward(X, train=True).shape)
    before = X.copy()
    dx = network.chain.backward(d_raw.copy())
    assert_array_equal(X, before)
    assert dx.shape == X.shape
    eps = 1e-6
    up = network.forward(X + eps * direction, train=True).copy()
    down = network.forward(X - eps * direction, train=True)
    numeric = ((up - down) * d_raw).sum() / (2 * eps)
    assert_allclose((dx * direction).sum(), numeric, rtol=1e-6)


@every_stack
def test_a_network_in_a_stack_has_the_bits_of_one_alone(name):
    k = 2
    together = make(STACKS[name](), k)
    X, y = table(k), targets(k, together.n_out)
    value, grad = value_and_grad(together, X, y)
    for i in range(k):
        alone = make(STACKS[name](), k)
        alone.select(np.arange(k) == i)
        value_alone, grad_alone = value_and_grad(alone, X[i : i + 1], y[i : i + 1])
        assert value_alone[0] == value[i]
        assert_array_equal(grad_alone[0], grad[i])


def fit(name, k, rows, epochs, callbacks=()):
    """Train the networks ``rows`` of k, each on shuffles of its own."""
    network = make(STACKS[name](), k, shaken=False)
    network.prepare_training([np.random.default_rng(row) for row in range(k)])
    network.select(np.isin(np.arange(k), rows))
    network.rows = np.arange(len(rows))
    network.bind()
    X, y = table(1)[0], targets(1, network.n_out)[0]
    batches = ArrayBatches(X, y, None, 3, [np.random.RandomState(100 + row) for row in rows])
    optimizer = Optimizer(Adam())
    return train(network, LOSS, optimizer, batches, epochs=epochs, lr=0.01, callbacks=callbacks)


@every_stack
def test_a_training_in_a_stack_has_the_bits_of_one_alone(name):
    together = fit(name, 2, [0, 1], epochs=4)
    for i in range(2):
        alone = fit(name, 2, [i], epochs=4)
        assert_array_equal(alone.network.theta[0], together.network.theta[i])
        assert alone.history[-1]["train_loss"][0] == together.history[-1]["train_loss"][i]


@every_stack
@every_k
def test_training_reduces_the_loss(name, k):
    state = fit(name, k, list(range(k)), epochs=60)
    first, last = state.history[0]["train_loss"], state.history[-1]["train_loss"]
    assert first.shape == (k,)
    assert (last < 0.8 * first).all()


@every_k
def test_members_may_branch_off_above_a_sparse_first_layer(k):
    layers = [Stem(Dense(5, INIT)), relu(), Members(M, "normal"), Heads(T, M, INIT)]
    network = make(layers, k)
    X, y = table(1), targets(1, T)
    value, grad = value_and_grad(network, X, y)
    value2, grad2 = value_and_grad(network, [sparse.csr_matrix(X[0])], y)
    assert_allclose(value2, value, rtol=1e-12)
    assert_allclose(grad2, grad, rtol=1e-10, atol=1e-12)


@every_stack
@pytest.mark.parametrize("form", ["each", "rows", "rows each"])
def test_every_form_of_the_input_gives_the_same_gradient(name, form):
    k, X = 2, table(1)
    network = make(STACKS[name](), k)
    y = targets(1, network.n_out)
    value, grad = value_and_grad(network, X, y)
    rows = Rows(np.asfortranarray(2 * X[0] + 1), np.arange(N), np.ones(P), np.full(P, 0.5))
    forms = {"each": np.concatenate([X] * k), "rows": [rows], "rows each": [rows] * k}
    value2, grad2 = value_and_grad(network, forms[form], y)
    assert_allclose(value2, value, rtol=1e-12)
    assert_allclose(grad2, grad, rtol=1e-10, atol=1e-12)


def test_a_sparse_input_is_refused():
    network = make(STACKS["heads alone"]())
    with pytest.raises(TypeError, match="Convert it"):
        network.predict(sparse.csr_matrix(table(1)[0]))


@every_stack
@every_k
@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_predicts_the_same_and_trains_itself(name, k, make_copy):
    X = table(1)
    network = make(STACKS[name](), k)
    network.prepare_training([np.random.default_rng(i) for i in range(k)])
    network.forward(X, train=True)
    before = network.predict(X[0])
    twin = make_copy(network)
    assert_array_equal(twin.predict(X[0]), before)
    _, grad = value_and_grad(twin, X, targets(1, twin.n_out))
    twin.theta -= grad
    assert not np.allclose(twin.predict(X[0]), before)
    assert_array_equal(network.predict(X[0]), before)


@every_stack
def test_float32_stays_float32_and_agrees(name):
    X, k = table(2), 2
    network, reference = make(STACKS[name](), k, dtype=np.float32), make(STACKS[name](), k)
    y = targets(k, network.n_out)
    value, grad = value_and_grad(network, X.astype(np.float32), y.astype(np.float32))
    value64, grad64 = value_and_grad(reference, X, y)
    assert value.dtype == grad.dtype == np.float32
    assert_allclose(value, value64, rtol=1e-4)
    assert_allclose(grad, grad64, rtol=1e-3, atol=1e-4)


def test_a_second_step_allocates_no_array():
    rows, k = 3000, 2  # many, beside which NumPy's own buffers are small
    network = make([Dense(20, INIT), *STACKS["scales"]()[1:]], k)
    network.prepare_training()
    X = np.zeros((1, rows, P))
    d_raw = np.zeros(network.forward(X, train=True).shape)
    network.backward(d_raw)
    tracemalloc.start()
    network.forward(X, train=True)
    network.backward(d_raw)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    narrowest = k * M * rows * 4 * d_raw.itemsize
    assert peak < narrowest / 4


# -- what the members are ---------------------------------------------------------------


def slots(network, rows, name):
    return [slot.view(rows) for slot in network.layout.slots if slot.name == name]


def plain(shared):
    """Return the dense network that each of the equal members of ``shared`` is."""
    network = Network([Dense(5, INIT), relu(), Dense(4, INIT), relu(), Dense(T, INIT)], P)
    dense = [network.chain.layers[i] for i in (0, 2, 4)]
    *hidden, head = [layer for layer in shared.chain.layers if hasattr(layer, "w")]
    for one, other in zip(dense, hidden, strict=False):
        one.w[...], one.b[...] = other.w, other.b[:, 0]
    dense[-1].w[...], dense[-1].b[...] = head.w[:, 0], head.b[:, 0]
    return network


def deep(start="signs"):
    return [
        Members(M, start, first=True),
        SharedDense(5, M, INIT, scale_inputs=False),
        relu(),
        SharedDense(4, M, INIT),
        relu(),
        Heads(T, M, INIT),
    ]


def test_members_without_factors_and_with_equal_heads_are_the_plain_network():
    shared = make(deep(), shaken=False)
    shared.chain.layers[0].r[...] = 1
    head = shared.chain.layers[-1]
    head.w[...], head.b[...] = head.w[:, :1].copy(), head.b[:, :1].copy()
    X, y = table(1), targets(1, T)
    dense = plain(shared)
    expected = dense.predict(X[0])
    raw = shared.predict(X[0])
    assert raw.shape == (M, N, T)
    for member in raw:
        assert_allclose(member, expected[0], rtol=1e-12, atol=1e-14)
    value, _ = value_and_grad(shared, X, y)
    expected_value, _ = value_and_grad(dense, X, y)
    assert_allclose(value, expected_value, rtol=1e-12)
    # the shared weights move as the plain network's do
    shared_dw, dw = slots(shared, shared.grad, "W"), slots(dense, dense.grad, "W")
    for ours, theirs in zip(shared_dw[:2], dw[:2], strict=True):
        assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_members_are_their_formula():
    network = make(STACKS["scales"](), k=2)
    X = table(2)
    scaling, members, first, _, second, _, heads = network.chain.layers
    raw = network.forward(X)
    gelu = get_activation("gelu")
    for k in range(2):
        for j in range(M):
            h = X[k] * scaling.s[k] * members.r[k, j]
            h = (h @ first.w[k]) * first.s[k, j] + first.b[k, j]
            h = gelu.forward(h, np.empty_like(h))
            h = np.tanh(((h * second.r[k, j]) @ second.w[k]) * second.s[k, j] + second.b[k, j])
            expected = h @ heads.w[k, j] + heads.b[k, j]
            assert_allclose(raw[k * M + j], expected, rtol=1e-10, atol=1e-12)


def test_members_differ_at_the_start_through_their_factors_and_heads_only():
    network = make(deep(), k=2, shaken=False)
    members, first, _, second, _, heads = network.chain.layers
    for factors in (first.s, second.r, second.s):
        assert_array_equal(factors, 1)
    for layer in (first, second):
        assert_array_equal(layer.b, np.broadcast_to(layer.b[:, :1], layer.b.shape))
        assert np.ptp(layer.b) > 0
    assert set(np.unique(members.r)) == {-1.0, 1.0}
    assert len(np.unique(heads.w)) == heads.w.size
    members.r[...] = members.r[:, :1].copy()
    heads.w[...], heads.b[...] = heads.w[:, :1].copy(), heads.b[:, :1].copy()
    raw = network.predict(table(1)[0]).reshape(2, M, N, T)
    assert_array_equal(raw, np.broadcast_to(raw[:, :1], raw.shape))
    assert not np.allclose(raw[0], raw[1]), "networks have start values of their own"


@pytest.mark.parametrize("rng", [np.random.RandomState, np.random.default_rng])
def test_factors_start_as_signs_or_normal_numbers(rng):
    for start in ("signs", "normal"):
        network = Network([Members(50, start)], 200)
        network.initialize([rng(0)])
        r = network.chain.layers[0].r
        assert_allclose([r.mean(), r.std()], [0, 1], atol=0.03)
        assert (set(np.unique(r)) == {-1.0, 1.0}) == (start == "signs")


def test_a_section_starts_with_one_factor_and_learns_several():
    network = Network([Members(M, "normal", sections=(1, 3, 2)), Heads(T, M, INIT)], P)
    network.initialize([np.random.RandomState(0)])
    r = network.chain.layers[0].r[0, :, 0]
    assert_array_equal(r[:, [1, 1, 4]], r[:, [2, 3, 5]])
    assert len(np.unique(r)) == 3 * M
    value_and_grad(network, table(1), targets(1, T))
    (dr,) = slots(network, network.grad, "r")
    assert len(np.unique(dr)) == dr.size == M * P


@pytest.mark.parametrize("last", ["predict", "hidden"])
def test_a_prediction_has_one_slice_for_each_member_whatever_the_chunks(last, monkeypatch):
    network, X = make(deep(), k=2), table(1)[0]
    upto = None if last == "predict" else 3
    whole = network.predict(X, upto)
    assert whole.shape == (2 * M, N, T if last == "predict" else 5)
    monkeypatch.setattr("skmlp.core.network._CHUNK", 3)
    assert_allclose(network.predict(X, upto), whole, rtol=1e-13)
    own = network.predict([X, X[::-1]], upto)
    assert_allclose(own[:M], whole[:M], rtol=1e-13)
    assert_allclose(own[M:], whole[M:, ::-1], rtol=1e-13)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Members(0), "n_members=0"),
        (lambda: SharedDense(3, 0, INIT), "n_members=0"),
        (lambda: Heads(3, 0, INIT), "n_members=0"),
        (lambda: Members(2, "ones"), "'signs' or 'normal'"),
        (lambda: Network([Members(2, sections=(1, 2))], P), "sections of 3 inputs"),
    ],
)
def test_bad_settings_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_data_driven_start_sees_the_rows_of_all_members():
    init = INITIALIZERS["data"]
    layers = [
        Members(M, "normal", first=True),
        SharedDense(20, M, init),
        relu(),
        SharedDense(10, M, init),
        relu(),
        Heads(T, M, init),
    ]
    network = make(layers, k=2, shaken=False, n_in=4)
    X = np.random.default_rng(0).normal(size=(1, 300, 4)) * [1, 5, 0.1, 2]
    network.chain.layers[-1].b[...] = 50  # what stood there before must not matter
    network.adapt(X, [np.random.RandomState(k) for k in range(2)])
    network.forward(X)
    _, first, _, second, _, heads = network.chain.layers
    for layer in (first, second):
        assert_allclose(layer.p.std(axis=1), 1, rtol=1e-9)
        assert_array_equal(layer.b, np.broadcast_to(layer.b[:, :1], layer.b.shape))
        z = layer.p + layer.b[:, 0]
        assert ((z > 0).any(axis=1) & (z < 0).any(axis=1)).all(), "each unit changes its sign"
    raw = network.predict(X[0])
    assert_allclose(raw.std(axis=1), 1, rtol=1e-9)
    assert ((raw > 0).any(axis=1) & (raw < 0).any(axis=1)).all()
    assert len(np.unique(heads.b)) == heads.b.size


# -- what others make of them -----------------------------------------------------------


def test_the_loss_is_the_mean_of_the_members_losses():
    k, rng = 2, np.random.default_rng(5)
    network = make(deep(), k)
    X, y, w = table(k), targets(k, T), rng.uniform(0.5, 2, size=(k, N))
    value, _ = value_and_grad(network, X, y, w)
    raw = network.predict(list(X)).reshape(k, M, N, T)
    rows = ((raw - y[:, None]) ** 2).sum(axis=3) / 2 * w[:, None]  # (k, M, N)
    assert_allclose(value, rows.mean(axis=(1, 2)), rtol=1e-12)


class Records:
    """Just enough of a training to be looked at."""

    def __init__(self, network):
        self.network, self.seen = network, {}

    def put(self, name, values):
        row = self.seen.setdefault(name, np.full(self.network.k, np.nan))
        row[:] = values


def validated(network, X, y, w, loss, **settings):
    record = Records(network)
    Validate(X, y, w, loss, score=lambda raw, k: raw.sum() + 100 * k, **settings).on_epoch_end(
        record
    )
    return record.seen["validation_loss"], record.seen["validation_score"]


@every_k
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("joint", [False, True])
def test_validation_looks_at_members_or_at_their_average(k, own, joint):
    rng, loss = np.random.default_rng(6), BinaryLogLoss()
    network = make([*deep()[:-1], Heads(1, M, INIT)], k)
    n_own = k if own else 1
    X, w = table(n_own), rng.uniform(0.5, 2, size=(n_own, N))
    y = (rng.random((n_own, N, 1)) < 0.5).astype(float)
    given = (list(X), y, w) if own else (X[0], y[0], w[0])
    losses, scores = validated(network, *given, loss, joint=joint)
    raw = network.predict(given[0]).reshape(k, M, N, 1)
    if joint and own:
        raw = np.stack([loss.average(one) for one in raw])
    elif joint:
        raw = loss.average(raw.reshape(k * M, N, 1))[None]
    expected, expected_scores = [], []
    for i, members in enumerate(raw):
        p = 1 / (1 + np.exp(-members[..., 0]))
        rows = -np.log(np.where(y[i % n_own, :, 0] == 1, p, 1 - p))
        expected.append(np.average(rows.mean(axis=0), weights=w[i % n_own]))
        expected_scores.append(np.mean([one.sum() + 100 * i for one in members]))
    if joint:
        expected, expected_scores = np.mean(expected), np.mean(expected_scores)
    assert_allclose(losses, expected, rtol=1e-10)
    assert_allclose(scores, expected_scores, rtol=1e-10)


@pytest.mark.parametrize("joint", [False, True])
def test_early_stopping_restores_the_best_epoch_of_each_network(joint):
    X, y = table(1, seed=11)[0], targets(1, T, seed=12)[0]
    watched = Validate(X, y, None, LOSS, joint=joint)
    stopper = EarlyStopping("validation_loss", patience=5, restore=True)
    state = fit("scales", 2, [0, 1], 40, [watched, stopper])
    curve = np.array([epoch["validation_loss"] for epoch in state.history])
    best = np.nanmin(curve, axis=0)
    again, _ = validated(state.network, X, y, None, LOSS, joint=joint)
    assert_allclose(again, best, rtol=1e-12)


def test_each_head_is_a_weight_of_its_own_to_limits_and_rate_factors():
    network = make(deep(), k=2)
    weights = network.layout.slots[:3]
    assert weights[2].shape == (M, 4, T)
    assert [slot.fan_in for slot in weights] == [P, 5, 4]
    MaxNorm(0.3).on_batch_end(Records(network))
    for w in slots(network, network.theta, "W"):
        norms = np.sqrt((w * w).sum(axis=-2))
        assert_allclose(norms.max(), 0.3, rtol=1e-12)
    factors = RateFactors({"member": 3.0}, 1.0)
    factors.bind(network.layout, network.work, 2)
    step = np.ones_like(network.theta)
    factors(network.theta, step, 1.0)
    for slot, n_in in zip(weights, (P, 5, 4), strict=True):
        assert_allclose(slot.view(step), 1 / n_in)
    assert_allclose(step[:, network.layout.span("member")], 3)
