"""Penalties: the gradient is the value's, biases are spared, blocks do not matter."""

import numpy as np
import pytest

from skmlp.core.buffers import Layout, Workspace
from skmlp.core.penalties import Penalty

K, N_WEIGHTS = 3, 12
PENALTIES = {
    "none": Penalty(),
    "l2": Penalty(0.3),
    "l1": Penalty(l1=0.2),
    "both": Penalty(0.3, 0.2),
    "per network": Penalty([0.1, 0.0, 2.0], [0.0, 0.5, 0.1]),
}


def bound(penalty, dtype=np.float64):
    layout = Layout()
    layout.add("b", (1, 3), "bias")
    layout.add("W", (4, 3), "weight")
    layout.arrange()
    penalty.bind(layout, Workspace(dtype, np.arange(K)))
    return penalty, np.random.default_rng(0).normal(size=(K, layout.size)).astype(dtype)


@pytest.mark.parametrize("name", PENALTIES)
def test_value_and_gradient(name):
    penalty, theta = bound(PENALTIES[name])
    grad = np.ones_like(theta)  # it is added to
    value = penalty.value_and_grad(theta, grad, 5.0)
    w = theta[:, :N_WEIGHTS]
    l2, l1 = np.asarray(penalty.l2), np.asarray(penalty.l1)
    expected = (0.5 * l2 * (w * w).sum(axis=1) + l1 * np.abs(w).sum(axis=1)) / 5
    np.testing.assert_allclose(np.broadcast_to(value, K), expected, rtol=1e-12)
    assert (grad[:, N_WEIGHTS:] == 1).all()
    direction = np.random.default_rng(1).normal(size=theta.shape)
    step = 1e-6 * direction
    numeric = [
        penalty.value_and_grad(theta + sign * step, np.zeros_like(theta), 5.0) for sign in (1, -1)
    ]
    slope = ((grad - 1) * direction).sum(axis=1)
    np.testing.assert_allclose(slope, (numeric[0] - numeric[1]) / 2e-6 + np.zeros(K), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PENALTIES)
def test_blocks_do_not_matter(name, dtype, monkeypatch):
    penalty, theta = bound(PENALTIES[name], dtype)
    whole, cut = np.zeros_like(theta), np.zeros_like(theta)
    value = penalty.value_and_grad(theta, whole, 5)
    monkeypatch.setattr("skmlp.core.buffers.BLOCK_BYTES", 5 * K * theta.itemsize)
    penalty, _ = bound(penalty, dtype)
    np.testing.assert_allclose(penalty.value_and_grad(theta, cut, 5), value, rtol=1e-6)
    np.testing.assert_array_equal(cut, whole)
    assert np.asarray(value).dtype in (dtype, np.float64)


def test_strengths_follow_the_networks_that_are_left():
    layout = Layout()
    layout.add("W", (2, 2), "weight")
    penalty = Penalty([1.0, 2.0, 3.0])
    penalty.bind(layout, Workspace(np.float64, np.array([2])))
    grad = np.zeros((1, 4))
    penalty.value_and_grad(np.ones((1, 4)), grad, 1)
    assert (grad == 3).all()
