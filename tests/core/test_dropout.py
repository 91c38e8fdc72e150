"""Dropout: every unit is silenced as often as asked, each network by its own stream."""

import numpy as np
import pytest

from skmlp.core.buffers import Layout, Workspace
from skmlp.core.layers import Dropout

RATES = [0.0, 0.1, 0.5, 0.9]
N, STEPS = 3, 4000


def bound(rates, seeds, n_rows=None):
    """Return a layer that draws from streams of these seeds."""
    layer = Dropout(rates)
    layer.build(1, Layout(), Layout())
    rngs = [np.random.Generator(np.random.SFC64(seed)) for seed in seeds]
    work = Workspace(np.float64, range(len(seeds)), rngs)
    work.n_rows = n_rows
    layer.bind(np.zeros((len(seeds), 0)), None, np.zeros((len(seeds), 0)), work)
    return layer


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8])
def test_every_unit_is_silenced_as_often_as_asked_and_the_mean_stays(width):
    layer, x = bound(RATES, range(4)), np.ones((4, N, width))
    seen = np.mean([layer.forward(x, train=True) > 0 for _ in range(STEPS)], axis=0)
    kept = 1 - np.array(RATES)[:, None, None]
    error = np.sqrt(kept * (1 - kept) / STEPS)
    assert (np.abs(seen - kept) <= 5 * error + 1 / 65536).all()
    outputs = layer.forward(x, train=True)
    for y, p in zip(outputs, kept.ravel(), strict=True):
        np.testing.assert_allclose(y[y > 0], 1 / p, rtol=1e-4)


def test_units_are_silenced_each_for_itself():
    layer, x = bound(0.5, [0, 1]), np.ones((2, 1, 6))
    seen = np.array([layer.forward(x, train=True).ravel() > 0 for _ in range(STEPS)])
    apart = np.corrcoef(seen.T) - np.eye(12)
    assert np.abs(apart).max() < 5 / np.sqrt(STEPS)


@pytest.mark.parametrize("width", [3, 4])
def test_masks_are_those_of_the_network_alone(width):
    x, counts = np.ones((2, 5, width)), np.array([[5], [2]])
    together = bound([0.3, 0.6], [7, 8], counts)
    first, second = bound(0.3, [7]), bound(0.6, [8])
    for _ in range(3):
        y = together.forward(x, train=True)
        np.testing.assert_array_equal(y[:1], first.forward(x[:1], train=True))
        np.testing.assert_array_equal(y[1:, :2], second.forward(x[1:, :2], train=True))


def test_backward_goes_through_the_same_mask():
    layer, x = bound(0.4, [0, 1, 2]), np.ones((3, 4, 5))
    y = layer.forward(x, train=True).copy()
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)), y)
    np.testing.assert_array_equal(layer.forward(x, train=False), x)
