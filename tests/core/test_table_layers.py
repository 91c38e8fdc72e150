"""Layers for tables: exact gradients, independence of companions, start values, edge cases."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmlp.core.activations import ACTIVATIONS, get_activation
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import PBLD, PLE, PLR, Columns, Dense, Dropout, ParametricActivate, Scaling
from skmlp.core.network import Network
from skmlp.core.rows import Rows

K, N, P = 3, 9, 6
CARDINALITIES = (4, 3)
INIT = INITIALIZERS["sklearn"]
EDGES = [np.array([-1.0, 0.0, 0.5, 1.0]), np.array([0.0]), np.array([-0.5, 0.5])]
MISH = get_activation("mish")


def ple(p):
    return PLE([EDGES[i % 3] for i in range(p)], dim=3)


def parametric(name):
    return [Columns(P, None, ()), ParametricActivate(get_activation(name))]


# Columns: 3 numbers to embed, one more number, two codes.
STACKS = {
    "scaling": lambda: [Scaling(first=True)],
    "pbld": lambda: [PBLD(1.0, 5)],
    "plr": lambda: [PLR(0.5, 4, 3)],
    "ple": lambda: [ple(P)],
    "columns": lambda: [Columns(3, None, CARDINALITIES, dim=2)],
    "columns of codes": lambda: [Columns(4, PBLD(1.0, 5), CARDINALITIES)],
    "columns of numbers": lambda: [Columns(P, ple(P), ())],
    "network": lambda: [
        Columns(3, PBLD(1.0, 5), CARDINALITIES),
        Scaling(),
        Dense(5, INIT),
        ParametricActivate(MISH),
        Dropout(0.2),
        Dense(4, INIT),
        ParametricActivate(get_activation("selu")),
        Dense(2, INIT),
    ],
    "network of ramps": lambda: [Columns(3, ple(3), CARDINALITIES), Scaling(), Dense(2, INIT)],
    "network of waves": lambda: [Columns(3, PLR(0.5), CARDINALITIES), Scaling(), Dense(2, INIT)],
} | {name: lambda name=name: [*parametric(name), Dense(2, INIT)] for name in ACTIVATIONS}
every_stack = pytest.mark.parametrize("name", STACKS)


def inputs(shared=False, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1 if shared else K, N, P))
    for j, cardinality in enumerate(CARDINALITIES, start=P - len(CARDINALITIES)):
        X[:, :, j] = rng.integers(0, cardinality, size=X.shape[:2])
    return X


def make(layers, n_in=P, stack=K, dtype=np.float64):
    network = Network(layers, n_in, stack=stack, dtype=dtype)
    rng = np.random.default_rng(7)
    network.initialize([np.random.RandomState(k) for k in range(stack)])
    network.theta += 0.1 * rng.normal(size=network.theta.shape)
    return network


def output_and_grad(network, X, d_raw):
    """The same dropout masks at every call; the gradient must be written, not added to."""
    network.prepare_training([np.random.default_rng(k) for k in network.rows])
    network.grad[...] = np.nan
    raw = network.forward(X, train=True).copy()
    network.backward(d_raw.copy())
    return raw, network.grad.copy()


@every_stack
@pytest.mark.parametrize("shared", [True, False])
def test_gradient_in_a_random_direction(name, shared):
    rng = np.random.default_rng(2)
    network, X = make(STACKS[name]()), inputs(shared)
    d_raw = rng.normal(size=(K, N, network.n_out)) * rng.uniform(0.5, 2, size=(K, N, 1))
    direction = rng.normal(size=network.theta.shape)
    _, grad = output_and_grad(network, X, d_raw)
    start, eps, values = network.theta.copy(), 1e-6, []
    for sign in (1, -1):
        network.theta[...] = start + sign * eps * direction
        raw, _ = output_and_grad(network, X, d_raw)
        values.append((raw * d_raw).sum(axis=(1, 2)))
    numeric = (values[0] - values[1]) / (2 * eps)
    assert_allclose((grad * direction).sum(axis=1), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "layer",
    [Scaling(), *(ParametricActivate(get_activation(name)) for name in ACTIVATIONS)],
    ids=repr,
)
def test_dx_is_the_central_difference(layer):
    rng = np.random.default_rng(3)
    X, d_raw = rng.normal(size=(2, K, N, P))
    network = make([layer])
    network.prepare_training()
    network.forward(X.copy(), train=True)
    dx = network.chain.backward(d_raw.copy())
    eps, direction = 1e-6, rng.normal(size=X.shape)
    up = network.forward(X + eps * direction, train=True).copy()
    down = network.forward(X - eps * direction, train=True)
    numeric = ((up - down) * d_raw).sum(axis=(1, 2)) / (2 * eps)
    assert_allclose((dx * direction).sum(axis=(1, 2)), numeric, rtol=1e-6)


@every_stack
def test_a_network_in_a_stack_has_the_bits_of_one_alone(name):
    X = inputs()
    together = make(STACKS[name]())
    d_raw = np.random.default_rng(4).normal(size=(K, N, together.n_out))
    raw, grad = output_and_grad(together, X, d_raw)
    for k in range(K):
        alone = make(STACKS[name]())
        alone.select(np.arange(K) == k)
        raw_alone, grad_alone = output_and_grad(alone, X[k : k + 1], d_raw[k : k + 1])
        assert_array_equal(raw_alone[0], raw[k])
        assert_array_equal(grad_alone[0], grad[k])


@every_stack
@pytest.mark.parametrize("form", ["each", "rows", "rows each"])
def test_every_form_of_the_input_gives_the_same_gradient(name, form):
    X = inputs(shared=True)
    network = make(STACKS[name]())
    d_raw = np.random.default_rng(5).normal(size=(K, N, network.n_out))
    raw, grad = output_and_grad(network, X, d_raw)
    rows = Rows(np.asfortranarray(2 * X[0] + 1), np.arange(N), np.ones(P), np.full(P, 0.5))
    forms = {"each": np.concatenate([X] * K), "rows": [rows], "rows each": [rows] * K}
    raw2, grad2 = output_and_grad(network, forms[form], d_raw)
    assert_allclose(raw2, raw, rtol=1e-12, atol=1e-14)
    assert_allclose(grad2, grad, rtol=1e-10, atol=1e-12)


@every_stack
def test_the_input_is_left_alone(name):
    X = inputs()
    network = make(STACKS[name]())
    before = X.copy()
    output_and_grad(network, X, np.ones((K, N, network.n_out)))
    assert_array_equal(X, before)


@every_stack
@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_predicts_the_same_and_trains_itself(name, make_copy):
    X = inputs(shared=True)
    network = make(STACKS[name]())
    before = network.predict(X[0])
    network.prepare_training([np.random.default_rng(k) for k in range(K)])
    network.forward(X, train=True)
    twin = make_copy(network)
    assert_array_equal(twin.predict(X[0]), before)
    _, grad = output_and_grad(twin, X, np.ones((K, N, network.n_out)))
    twin.theta -= grad
    assert not np.allclose(twin.predict(X[0]), before)
    assert_array_equal(network.predict(X[0]), before)


@every_stack
def test_float32_stays_float32_and_agrees(name):
    X = inputs()
    network = make(STACKS[name](), dtype=np.float32)
    reference = make(STACKS[name]())
    d_raw = np.random.default_rng(6).normal(size=(K, N, network.n_out))
    raw, grad = output_and_grad(network, X.astype(np.float32), d_raw.astype(np.float32))
    raw64, grad64 = output_and_grad(reference, X, d_raw)
    assert raw.dtype == grad.dtype == np.float32
    assert_allclose(raw, raw64, rtol=1e-4, atol=1e-5)
    assert_allclose(grad, grad64, rtol=1e-3, atol=1e-4)


def test_scaling_and_parametric_activation_start_as_if_they_were_not_there():
    network = Network([Scaling(), ParametricActivate(MISH)], P, stack=K)
    network.initialize([None] * K)
    X = inputs()
    expected = MISH.forward(X.copy(), np.empty_like(X))
    assert_array_equal(network.forward(X), expected)


@pytest.mark.parametrize("name", ["mish", "selu"])
def test_arrays_of_any_size_and_stride_are_bent_alike(name):
    f = get_activation(name)
    X = np.random.default_rng(8).normal(size=(2, 300, 160)).astype(np.float32)
    X[0, 7, 3] = np.nan
    whole, slope = X.copy(), np.empty_like(X)
    assert f.forward(whole, slope) is whole
    assert (np.isnan(whole) == np.isnan(X)).all() and (np.isnan(slope) == np.isnan(X)).all()
    part, part_slope = X.copy()[:, ::2, 1::3], np.empty_like(X)[:, ::2, 1::3]
    f.forward(part, part_slope)
    # at the end of a stretch the last bit may differ, as it is computed one by one
    assert_allclose(part, whole[:, ::2, 1::3], rtol=1e-6, atol=1e-6)
    assert_allclose(part_slope, slope[:, ::2, 1::3], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("strength", [0.0, 0.5, 2.0])
def test_parametric_activation_is_its_formula(strength):
    X = inputs()
    network = Network([Columns(P, None, ()), ParametricActivate(get_activation("relu"))], P)
    network.theta[...] = strength
    expected = X[:1] + strength * (np.maximum(X[:1], 0) - X[:1])
    assert_allclose(network.forward(X[:1]), expected, rtol=1e-14)


def test_columns_are_numbers_then_rows_of_the_tables():
    X = inputs()
    layer = Columns(3, None, CARDINALITIES, dim=2)
    network = make([layer])
    raw = network.forward(X)
    layer = network.chain.layers[0]
    assert_array_equal(raw[:, :, :4], X[:, :, :4])
    for k in range(K):
        codes = X[k, :, 4:].astype(int)
        assert_array_equal(raw[k, :, 4:6], layer.e[k, :4][codes[:, 0]])
        assert_array_equal(raw[k, :, 6:8], layer.e[k, 4:][codes[:, 1]])


@pytest.mark.parametrize("rng", [np.random.RandomState, np.random.default_rng])
def test_start_values(rng):
    p = 200
    network = Network([Columns(p, PBLD(0.2), (500, 300))], p + 2)
    network.initialize([rng(0)])
    (columns,) = network.chain.layers
    assert_array_equal(columns.e[0, [0, 500]], 0)
    drawn = np.delete(columns.e[0], [0, 500], axis=0)
    assert_allclose([drawn.mean(), drawn.std()], [0, 1], atol=0.05)
    pbld = columns.numeric
    assert_allclose(pbld.wb[0, :, 0].std(), 0.2, rtol=0.05)
    assert_allclose(np.abs(pbld.wb[0, :, 1]).max(), np.pi, rtol=0.01)
    assert_allclose([np.abs(pbld.v).max(), np.abs(pbld.c).max()], 0.25, rtol=0.02)
    network = Network([PLR(0.3)], p)
    network.initialize([rng(0)])
    (plr,) = network.chain.layers
    assert 0.85 < np.abs(plr.c).max() <= 0.9
    assert_allclose(plr.c.std(), 0.3 * 0.9866, rtol=0.03)
    assert_allclose(np.abs(plr.w).max(), 1 / np.sqrt(96), rtol=0.01)
    network = Network([PLE([np.arange(3)] * p)], p)
    network.initialize([rng(0)])
    (ramps,) = network.chain.layers
    assert_array_equal(ramps.vwb[:, :, :2], 0)
    assert_allclose(np.abs(ramps.vwb[:, :, 2:]).max(axis=(0, 1, 3)), 0.25, rtol=0.01)


def test_pbld_is_its_formula():
    X = inputs()
    network = make([PBLD(1.0, 5, 4)])
    raw = network.forward(X).reshape(K, N, P, 4)
    (layer,) = network.chain.layers
    for k in range(K):
        for i in range(P):
            w, b = layer.wb[k, i]
            waves = np.cos(2 * np.pi * np.outer(X[k, :, i], w) + b)
            assert_allclose(raw[k, :, i, :3], waves @ layer.v[k, i] + layer.c[k, i], rtol=1e-9)
            assert_array_equal(raw[k, :, i, 3], X[k, :, i])


def test_plr_is_its_formula():
    X = inputs()
    network = make([PLR(1.0, 5, 4)])
    raw = network.forward(X).reshape(K, N, P, 4)
    (layer,) = network.chain.layers
    for k in range(K):
        for i in range(P):
            u = 2 * np.pi * np.outer(X[k, :, i], layer.c[k, i, 0])
            z = np.hstack([np.cos(u), np.sin(u)]) @ layer.w[k, i] + layer.b[k, i]
            assert_allclose(raw[k, :, i], np.maximum(z, 0), rtol=1e-9, atol=1e-12)


def ramps_of(edges, numbers):
    """What the layer hands to its weights, but for x and 1."""
    network = Network([PLE(edges, dim=1)], len(edges))
    network.forward(np.asarray(numbers, dtype=float)[None])
    return network.chain.layers[0].z[0, :, :-2].swapaxes(1, 2)  # (p, n, T)


def test_ramps_are_cut_off_inside_and_go_on_at_the_ends():
    numbers = np.array([-4.0, 0.0, 1.0, 2.0, 3.0, 4.0, 8.0])[:, None]
    expected = [
        [-2, 0, 0],
        [0, 0, 0],
        [0.5, 0, 0],
        [1, 0, 0],
        [1, 1, 0],
        [1, 1, 0.5],
        [1, 1, 2.5],
    ]
    assert_allclose(ramps_of([np.array([0.0, 2.0, 3.0, 5.0])], numbers)[0], expected)


def test_a_single_ramp_is_a_straight_line_and_missing_bins_are_0():
    numbers = np.array([[-1.0, -1.0, 7.0], [0.5, 0.5, 8.0], [3.0, 3.0, 9.0]])
    edges = [np.array([0.0, 0.25, 1.0]), np.array([0.0, 2.0]), np.array([8.0])]
    ramps = ramps_of(edges, numbers)
    assert_allclose(ramps[1], [[-0.5, 0], [0.25, 0], [1.5, 0]])
    assert_array_equal(ramps[2], 0)


def test_numbers_beyond_the_ends_extrapolate_linearly():
    network = make([PLE([np.array([0.0, 1.0, 4.0])], dim=3)], n_in=1)
    raw = network.forward(np.array([-6.0, -3.0, 0.0, 4.0, 9.0, 14.0]).reshape(1, -1, 1))
    assert_allclose(raw[:, 0] - raw[:, 1], raw[:, 1] - raw[:, 2])
    assert_allclose(raw[:, 5] - raw[:, 4], raw[:, 4] - raw[:, 3])
    assert not np.allclose((raw[:, 1] - raw[:, 2]) / -3, (raw[:, 4] - raw[:, 3]) / 5)


def test_edges_from_data_are_the_distinct_quantiles():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=500)
    X = np.column_stack([normal, np.full(500, 0.1), np.arange(500) % 3, np.arange(500) > 450])
    X[0, 1] += 1e-18  # nothing, in this precision
    layer = PLE.from_data(X, n_bins=20, dim=5)
    assert layer.dim == 5
    assert_allclose(layer.edges[0], np.quantile(normal, np.linspace(0, 1, 21)))
    assert [len(edges) for edges in layer.edges] == [21, 1, 3, 2]
    network = make([layer], n_in=4)
    assert np.isfinite(network.forward(X[None])).all()


def test_edges_that_all_but_coincide_are_merged():
    X = np.array([0.0, 1e-9, 2e-9, 1.0, 2.0])[:, None]
    assert_allclose(PLE.from_data(X, n_bins=4).edges[0], [0, 1, 2])


def test_a_table_of_constants_has_no_bins():
    network = make([PLE.from_data(np.ones((5, P)))])
    X = inputs()
    raw, _ = output_and_grad(network, X, np.ones((K, N, network.n_out)))
    line = network.chain.layers[0].vwb  # (K, P, 2, dim)
    expected = X[..., None] * line[:, None, :, 0] + line[:, None, :, 1]
    assert_allclose(raw.reshape(expected.shape), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("layer", [PBLD(), PLR(), PLE([EDGES[0]] * P)])
def test_a_missing_number_is_not_hidden(layer):
    X = inputs()
    X[0, 0, 0] = np.nan
    assert np.isnan(make([layer]).forward(X)[0, 0]).any()


@pytest.mark.parametrize(
    "make_bad",
    [
        lambda: PBLD(sigma=0),
        lambda: PBLD(n_frequencies=0),
        lambda: PBLD(dim=1),
        lambda: PLR(sigma=-1),
        lambda: PLR(n_frequencies=0),
        lambda: PLR(dim=0),
        lambda: PLE([np.array([0.0, 0.0])]),
        lambda: PLE([np.array([0.0, np.nan])]),
        lambda: PLE([np.zeros((2, 2))]),
        lambda: PLE([], dim=0),
        lambda: PLE.from_data(np.ones((3, 1)), n_bins=0),
        lambda: PLE.from_data(np.array([[np.nan], [1.0]])),
        lambda: Network([PLE(EDGES)], 4),
        lambda: Network([Columns(3, None, (2, 2))], 4),
    ],
)
def test_bad_settings_are_refused(make_bad):
    with pytest.raises(ValueError, match="but expected"):
        make_bad()


def test_an_input_of_an_unknown_form_is_refused():
    with pytest.raises(TypeError, match="expects an array or Rows"):
        make([Scaling()]).forward([[[1.0] * P]])
