"""Optimisers: every chain finds the minimum; each transform is its textbook formula."""

import copy
import warnings

import numpy as np
import pytest

from skmlp.core.activations import get_activation
from skmlp.core.batches import ArrayBatches
from skmlp.core.buffers import Layout, Workspace
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import Activate, Dense, Stem
from skmlp.core.losses import SquaredError
from skmlp.core.network import Network
from skmlp.core.optimizers import (
    SOLVERS,
    Adam,
    ClipNorm,
    ClipValue,
    Decay,
    Momentum,
    Optimizer,
    RateFactors,
    RMSProp,
    RProp,
)
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import FlatCosine
from skmlp.core.training import train
from tests.pairs import every_pair

K, P = 3, 6
SKLEARN = {
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
}
CHAINS = {name: tuple(make(**SKLEARN)) for name, make in SOLVERS.items()} | {
    "heavy ball": (Momentum(nesterov=False),),
    "clipped": (ClipNorm(1.0), Adam()),
    "cut": (ClipValue(1.0), Momentum()),
    "per network": (Adam([0.5, 0.8, 0.9], [0.9, 0.99, 0.999]),),
    "factors": (Adam(), RateFactors({"bias": 2.0})),
    "AdamW": (ClipNorm(1.0), Adam(), Decay(1e-4)),
}


def layout(p=P):
    """p - 2 weights and 2 biases."""
    made = Layout()
    made.add("b", (2,), "bias")
    made.add("W", (p - 2,), "weight")
    made.arrange()
    return made


def bound(*transforms, k=K, p=P, dtype=np.float64):
    """An optimiser of k networks with p - 2 weights and 2 biases."""
    optimizer = Optimizer(*copy.deepcopy(transforms))
    optimizer.bind(layout(p), Workspace(dtype, np.arange(k)), k)
    return optimizer


def step_of(optimizer, grad):
    """The step that a gradient makes at a learning rate of 1."""
    theta = np.zeros_like(grad)
    optimizer.step(theta, grad.copy(), 1.0)
    return -theta


def bowl(theta):
    """A quadratic around 1, up to ten times as steep in one direction as in another."""
    return (theta - 1) * np.linspace(1, 10, P, dtype=theta.dtype)


def valley(theta):
    """Gradient of Σ (1 - x)² + 5 (y - x²)²: a bent valley that ends at 1."""
    x, y = theta[:, ::2], theta[:, 1::2]
    grad = np.empty_like(theta)
    grad[:, ::2] = 2 * (x - 1) - 20 * x * (y - x * x)
    grad[:, 1::2] = 10 * (y - x * x)
    return grad


PROBLEMS = {"bowl": bowl, "valley": valley}
FAST = {"adam", "adamw", "rmsprop", "rprop", "clipped", "per network", "factors", "AdamW"}


@pytest.mark.parametrize(
    ("chain", "problem", "dtype"), every_pair([*CHAINS], [*PROBLEMS], [np.float32, np.float64])
)
def test_it_finds_the_minimum(chain, problem, dtype):
    optimizer = bound(*CHAINS[chain], dtype=dtype)
    theta = np.random.default_rng(0).uniform(-0.5, 0.5, size=(K, P)).astype(dtype)
    lr = np.array([[0.7], [0.85], [1.0]], dtype) * (0.1 if chain in FAST else 0.02)
    steps = 2500
    for t in range(steps):
        optimizer.step(theta, PROBLEMS[problem](theta), lr * dtype(1 - t / steps))
    assert theta.dtype == dtype
    np.testing.assert_allclose(theta, 1, atol=0.01)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("chain", CHAINS)
def test_it_trains_a_network(chain, dtype):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 3)).astype(dtype)
    y = np.tanh(X @ np.ones((3, 1), dtype)) + X[:, :1] * X[:, 1:2]
    init = INITIALIZERS["sklearn"]
    layers = [Stem(Dense(16, init)), Activate(get_activation("tanh")), Dense(1, init)]
    network = Network(layers, 3, stack=K, dtype=dtype)
    network.initialize([np.random.RandomState(k) for k in range(K)])
    network.prepare_training()
    batches = ArrayBatches(X, y, None, 60, [])
    lr = 0.03 if chain in FAST else 0.2
    optimizer = Optimizer(*copy.deepcopy(CHAINS[chain]))
    state = train(network, SquaredError(), optimizer, batches, epochs=300, lr=lr)
    assert (state.train_loss < 0.15 * state.first_loss).all()


def gradients(steps, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(steps, K, P)) * 10.0 ** rng.uniform(-4, 2, size=(1, K, P))


def test_adam_is_the_textbooks():
    b1, b2, eps = np.array([[0.5], [0.9], [0.99]]), np.array([[0.9], [0.99], [0.9999]]), 1e-3
    optimizer = bound(Adam(b1.ravel(), b2.ravel(), eps))
    theta, m, v = np.zeros((K, P)), 0, 0
    expected = theta.copy()
    for t, grad in enumerate(gradients(50), start=1):
        m = b1 * m + (1 - b1) * grad
        v = b2 * v + (1 - b2) * grad**2
        expected -= 0.01 * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps)
        optimizer.step(theta, grad.copy(), 0.01)
        np.testing.assert_allclose(theta, expected, rtol=1e-11, atol=1e-14)


def test_rmsprop_is_the_textbooks():
    optimizer = bound(RMSProp(0.9, 1e-3))
    theta, v = np.zeros((K, P)), 0
    expected = theta.copy()
    for grad in gradients(50):
        v = 0.9 * v + 0.1 * grad**2
        expected -= 0.01 * grad / (np.sqrt(v) + 1e-3)
        optimizer.step(theta, grad.copy(), 0.01)
        np.testing.assert_allclose(theta, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_scikit_learns_under_a_falling_rate(nesterov):
    mu = np.array([[0.5], [0.9], [0.99]])
    optimizer = bound(Momentum(mu.ravel(), nesterov))
    theta, velocity = np.zeros((K, P)), 0
    expected = theta.copy()
    for t, grad in enumerate(gradients(50), start=1):
        velocity = mu * velocity - 0.1 / t * grad
        expected += mu * velocity - 0.1 / t * grad if nesterov else velocity
        optimizer.step(theta, grad.copy(), 0.1 / t)
        np.testing.assert_allclose(theta, expected, rtol=1e-11, atol=1e-14)


def test_rprop_by_hand():
    optimizer = bound(RProp(), k=1, p=3)
    theta = np.zeros((1, 3))
    # grow, turn (no step), start again with the halved size, grow, wait at zero, go on as one was
    slopes = [3, 0.1, -5, -1, -2, 0, -1]
    moves = [1, 1.2, 0, -0.6, -0.72, 0, -0.72]
    for slope, move in zip(slopes, moves, strict=True):
        before = theta.copy()
        optimizer.step(theta, np.full((1, 3), float(slope)), 0.1)
        np.testing.assert_allclose(theta, before - 0.1 * move, rtol=1e-12)


def test_rprop_steps_have_bounds():
    optimizer = bound(RProp(), k=1, p=3)
    theta = np.zeros((1, 3))
    for t in range(100):
        # entry 0 never turns; entry 1 turns, then waits, and so on
        optimizer.step(theta, np.array([[1.0, (-1.0) ** (t // 2), 1.0]]), 0.1)
    (size,) = optimizer.transforms[0].size
    assert (size[0], size[1]) == (50, 1e-6)


def test_clip_norm_shortens_the_long_alone():
    grad = np.outer([10.0, 1e-3, 1.0], np.ones(P))
    grad[:, 0] = 0
    clipped = step_of(bound(ClipNorm(0.5)), grad)
    np.testing.assert_allclose(np.linalg.norm(clipped, axis=1), [0.5, 1e-3 * np.sqrt(5), 0.5])
    np.testing.assert_allclose(clipped[1], grad[1], rtol=1e-15)
    np.testing.assert_allclose(clipped[0] * np.sqrt(5), grad[0] / 20)


def test_clip_value_cuts_each_entry():
    grad = np.array([[-3.0, -0.2, 0.0, 0.2, 3.0, 1.0]] * K)
    cut = step_of(bound(ClipValue([0.5, 1, 10])), grad)
    np.testing.assert_array_equal(cut[0], [-0.5, -0.2, 0, 0.2, 0.5, 0.5])
    np.testing.assert_array_equal(cut[1], [-1, -0.2, 0, 0.2, 1, 1])
    np.testing.assert_array_equal(cut[2], [-3, -0.2, 0, 0.2, 3, 1])


def test_decay_shrinks_weights_beside_adam_and_spares_biases():
    rates = np.array([[0.1], [0.2], [0.0]])
    adam, adamw = bound(Adam()), bound(Adam(), Decay(rates.ravel()))
    start = np.random.default_rng(0).normal(size=(K, P))
    for grad in gradients(5):
        plain, decayed = start.copy(), start.copy()
        adam.step(plain, grad.copy(), 0.01)
        adamw.step(decayed, grad.copy(), 0.01)
        expected = plain
        expected[:, : P - 2] -= 0.01 * rates * start[:, : P - 2]  # weights stand first
        np.testing.assert_allclose(decayed, expected, rtol=1e-12)
        start = decayed


@pytest.mark.parametrize("chain", CHAINS)
def test_blocks_do_not_matter(chain, monkeypatch):
    whole, cut = bound(*CHAINS[chain]), bound(*CHAINS[chain])
    theta = np.random.default_rng(0).normal(size=(K, P))
    other = theta.copy()
    for grad in gradients(5):
        monkeypatch.undo()
        whole.step(theta, grad.copy(), 0.1)
        monkeypatch.setattr("skmlp.core.buffers.BLOCK_BYTES", 4 * 8 * K)
        cut.step(other, grad.copy(), 0.1)
    np.testing.assert_array_equal(theta, other)


@pytest.mark.parametrize("chain", CHAINS)
def test_threads_do_not_matter(chain, monkeypatch):
    monkeypatch.setattr("skmlp.core.buffers.BLOCK_BYTES", 8 * K)
    monkeypatch.setattr("skmlp.core.optimizers.chain._STRETCH", 1)
    alone, shared = bound(*CHAINS[chain], p=50), bound(*CHAINS[chain], p=50)
    shared.share_out(3)
    penalties = [Penalty([0.1, 0.0, 2.0], 0.5) for _ in range(2)]
    for penalty in penalties:
        penalty.bind(layout(50), Workspace(np.float64, np.arange(K)))
    theta = np.random.default_rng(0).normal(size=(K, 50))
    other = theta.copy()
    for grad in np.random.default_rng(1).normal(size=(5, K, 50)):
        for optimizer, place, penalty in zip(
            (alone, shared), (theta, other), penalties, strict=True
        ):
            penalty.begin(7)
            optimizer.step(place, grad.copy(), 0.1, penalty)
        np.testing.assert_array_equal(other, theta)
        np.testing.assert_array_equal(penalties[1].value, penalties[0].value)


def test_threads_keep_silent_where_one_is_told_to():
    optimizer = bound(Adam(), dtype=np.float32)
    optimizer.share_out(2)
    with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step(np.ones((K, P), np.float32), np.full((K, P), 1e38, np.float32), 0.1)


@pytest.mark.parametrize("chain", CHAINS)
def test_a_penalty_that_joins_in_the_step_was_as_well_added_before(chain, monkeypatch):
    monkeypatch.setattr("skmlp.core.buffers.BLOCK_BYTES", 3 * 8 * K)
    joined, added = bound(*CHAINS[chain]), bound(*CHAINS[chain])
    penalty = Penalty([0.1, 0.0, 2.0], 0.5)
    penalty.bind(layout(), Workspace(np.float64, np.arange(K)))
    theta = np.random.default_rng(0).normal(size=(K, P))
    other = theta.copy()
    for grad in gradients(5):
        penalty.begin(7)
        joined.step(theta, grad.copy(), 0.1, penalty)
        value = penalty.value
        np.testing.assert_array_equal(penalty.value_and_grad(other, grad, 7), value)
        added.step(other, grad, 0.1)
        np.testing.assert_array_equal(theta, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("chain", CHAINS)
def test_memory_does_not_silt_up_with_subnormal_numbers(chain, dtype):
    # such as where a unit is silent for good: its gradient is zero from some step on
    optimizer = bound(*CHAINS[chain], dtype=dtype)
    theta = np.zeros((K, P), dtype)
    for t in range(256 * 8 if dtype is np.float32 else 256 * 30):
        optimizer.step(theta, np.full((K, P), 1e-18 if t < 3 else 0, dtype), 0.01)
    for transform in optimizer.transforms:
        for name in transform.memory:
            values = np.abs(getattr(transform, name))
            assert ((values == 0) | (values >= np.finfo(dtype).tiny)).all(), name


@pytest.mark.parametrize("chain", CHAINS)
def test_a_reset_network_starts_afresh_and_others_go_on(chain):
    optimizer, undisturbed = bound(*CHAINS[chain]), bound(*CHAINS[chain])
    theta, expected = np.ones((K, P)), np.ones((K, P))
    for grad in gradients(20):
        optimizer.step(theta, grad.copy(), 0.1)
        undisturbed.step(expected, grad.copy(), 0.1)
    optimizer.reset(1)
    fresh = bound(*CHAINS[chain])
    anew = theta.copy()
    for grad in gradients(20, seed=1):
        optimizer.step(theta, grad.copy(), 0.1)
        undisturbed.step(expected, grad.copy(), 0.1)
        fresh.step(anew, grad.copy(), 0.1)
    np.testing.assert_array_equal(theta[[0, 2]], expected[[0, 2]])
    np.testing.assert_array_equal(theta[1], anew[1])


@pytest.mark.parametrize("chain", CHAINS)
def test_a_network_without_numbers_does_not_disturb_others(chain):
    optimizer, sound = bound(*CHAINS[chain]), bound(*CHAINS[chain])
    theta, expected = np.ones((K, P)), np.ones((K, P))
    with np.errstate(invalid="ignore"):
        for grad in gradients(20):
            sound.step(expected, grad.copy(), 0.1)
            grad[1] = np.nan
            optimizer.step(theta, grad, 0.1)
    np.testing.assert_array_equal(theta[[0, 2]], expected[[0, 2]])
    assert np.isnan(theta[1]).any()


@pytest.mark.parametrize("chain", CHAINS)
def test_the_repr_names_the_settings_and_not_the_memory(chain):
    fresh = Optimizer(*copy.deepcopy(CHAINS[chain]))
    assert repr(bound(*CHAINS[chain])) == repr(fresh)
    assert "array" not in repr(fresh)


def test_factors_go_by_role_and_by_the_number_of_inputs():
    optimizer = bound(RateFactors({"bias": 3.0}, 0.5))  # the weights have 4 inputs
    np.testing.assert_allclose(step_of(optimizer, np.ones((K, P))), [[0.5] * 4 + [3.0] * 2] * K)


def test_factors_behind_adam_are_the_tangent_parametrisation():
    """Adam on y = x W / 2 and on y = x V, V = W / 2, moves V the same way."""
    grads = np.random.default_rng(0).normal(size=(20, 1, 6))
    w, v = np.ones((1, 6)), np.ones((1, 6))
    w[:, :4] *= 2  # so that V = W / 2 where there are weights
    plain, factored = bound(Adam(), k=1), bound(Adam(), RateFactors({}, 0.5), k=1)
    for grad in grads:
        in_w = grad.copy()
        in_w[:, :4] /= 2
        plain.step(w, in_w, 0.1)
        factored.step(v, grad.copy(), 0.1)
    np.testing.assert_allclose(v[:, :4], w[:, :4] / 2, rtol=1e-6)
    np.testing.assert_allclose(v[:, 4:], w[:, 4:], rtol=1e-6)


def test_decay_follows_its_schedule():
    optimizer = bound(Decay(0.5, FlatCosine()))
    work = optimizer.transforms[0].work
    for progress, factor in ((0.0, 1.0), (0.5, 1.0), (0.75, 0.5), (1.0, 0.0)):
        work.progress = progress
        theta = np.ones((K, P))
        optimizer.step(theta, np.zeros((K, P)), 0.1)
        np.testing.assert_allclose(theta, [[1 - 0.05 * factor] * 4 + [1.0] * 2] * K)


def test_the_last_link_alone_leaves_its_scale_to_the_rate():
    first, last = Adam(), Adam()
    chain = Optimizer(first, last)
    assert (first.leaves_scale, last.leaves_scale) == (False, True)
    theta, by_hand = np.ones((2, 3)), np.ones((2, 3))
    links = Adam(), Adam()
    work = Workspace(np.float64, range(2))
    layout = Layout()
    layout.add("W", (3,), "weight")
    for part in (chain, *links):
        part.bind(layout, work, 2)
    lr = np.array([[0.1], [0.01]])
    for step in range(1, 5):
        grad = np.arange(6.0).reshape(2, 3) / step
        chain.step(theta, grad.copy(), lr)
        for link in links:
            link(by_hand, grad, lr)
        by_hand -= lr * grad
    np.testing.assert_allclose(theta, by_hand, rtol=1e-13)
