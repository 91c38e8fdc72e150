"""L-BFGS: the optimum, network by network, with callbacks and interrupts."""

import numpy as np
import pytest

from skmlp.core.activations import get_activation
from skmlp.core.batches import Batch
from skmlp.core.callbacks import EarlyStopping, Report, Validate
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import Activate, Dense, Dropout, Stem
from skmlp.core.lbfgs import train_lbfgs
from skmlp.core.losses import SquaredError
from skmlp.core.network import Network
from skmlp.core.penalties import Penalty
from skmlp.core.training import Callback

K, N, P = 3, 60, 4
INIT = INITIALIZERS["sklearn"]
L2 = [0.5, 2.0, 10.0]


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, P))
    y = X[:, :1] * X[:, 1:2] + 0.1 * rng.normal(size=(N, 1))
    return X, y, rng.uniform(0.5, 1.5, size=N)


def network(rows=range(K), hidden=6, dropout=False):
    layers = [Stem(Dense(hidden, INIT)), Activate(get_activation("tanh"))] if hidden else []
    layers += [Dropout(0.2)] * dropout
    last = Dense(1, INIT)
    stack = Network([*layers, last if layers else Stem(last)], P, stack=len(rows))
    stack.initialize([np.random.RandomState(k) for k in rows])
    stack.prepare_training([np.random.default_rng(k) for k in rows])
    return stack


def fit(stack, *callbacks, l2=L2, epochs=500, tol=1e-8, **settings):
    X, y, w = data()
    return train_lbfgs(
        stack,
        SquaredError(),
        Batch(X[None], y[None], (w / w.mean())[None]),
        epochs=epochs,
        max_fun=10_000,
        tol=tol,
        penalty=Penalty(l2, rows=N),
        callbacks=callbacks,
        **settings,
    )


def test_without_hidden_units_it_is_ridge_regression():
    stack = network(hidden=0)
    fit(stack)
    X, y, w = data()
    w = w / w.mean()
    design = np.column_stack([X, np.ones(N)])  # weights stand first, the bias last
    for k in range(K):
        gram = (design.T * w) @ design + np.diag([L2[k]] * P + [0])
        expected = np.linalg.solve(gram, (design.T * w) @ y).ravel()
        np.testing.assert_allclose(stack.theta[k], expected, atol=1e-5)


def test_a_stack_ends_where_each_network_ends_alone():
    together = network()
    state, results = fit(together)
    assert all(result.success for result in results)
    for k in range(K):
        alone = network([k])
        own, (result,) = fit(alone, l2=L2[k])
        np.testing.assert_array_equal(together.theta[k], alone.theta[0])
        np.testing.assert_array_equal(results[k].x, result.x)
        assert state.train_loss[k] == own.train_loss[0] == result.fun
        curve = np.array([record["train_loss"][k] for record in state.history])
        np.testing.assert_array_equal(
            curve[: results[k].nit], [record["train_loss"][0] for record in own.history]
        )
        assert np.isnan(curve[results[k].nit :]).all()
    assert state.epoch == len(state.history) == max(result.nit for result in results)


def test_the_gradient_vanishes_at_the_end():
    stack = network()
    fit(stack, tol=1e-6)
    again = network()
    again.theta[...] = stack.theta
    penalty = Penalty(L2)
    penalty.bind(again.layout, again.work)
    X, y, w = data()
    raw = again.forward(X[None], train=True)
    d_raw = np.empty_like(raw)
    SquaredError().value_and_grad(raw, y, w / w.mean(), d_raw)
    again.backward(d_raw)
    penalty.value_and_grad(again.theta, again.grad, N)
    assert np.abs(again.grad).max() < 1e-3  # it may end on the value rather than the gradient


class StopAt(Callback):
    """Stop after so many iterations; keep what was seen of them."""

    def __init__(self, *epochs):
        self.epochs, self.accepted, self.progress, self.fits = epochs, [], [], []

    def on_fit_start(self, state):
        self.fits.append(state.network.k)

    def on_epoch_end(self, state):
        (row,) = state.network.rows
        self.accepted.append(state.network.theta[0].copy())
        self.progress.append(state.progress)
        state.stop[:] = state.epoch >= self.epochs[row]

    def on_fit_end(self, state):
        self.fits.append(state.network.k)


def test_callbacks_see_each_iteration_and_may_stop_it():
    stack, watch = network(), StopAt(4, 2, 7)
    state, results = fit(stack, watch)
    assert [result.nit for result in results] == [4, 2, 7]
    assert state.stop.all() and not state.diverged.any()
    assert watch.fits == [K, K], "once for the whole stack, at the start and at the end"
    assert max(watch.progress) <= 1
    for k, last in enumerate((3, 5, 12)):
        np.testing.assert_array_equal(stack.theta[k], watch.accepted[last])


def test_early_stopping_keeps_each_networks_best(capsys):
    stack = network(hidden=12)
    stopping = EarlyStopping("validation_loss", patience=3, restore=True)
    watched = Validate(*data(), SquaredError())
    state, _ = fit(stack, watched, stopping, Report(), l2=0.0)
    curve = np.array([record["validation_loss"] for record in state.history])
    np.testing.assert_array_equal(np.nanmin(curve, axis=0), stopping.best)
    again = stack.predict(data()[0])
    weights = data()[2]
    loss = np.average((again - data()[1])[..., 0] ** 2 / 2, axis=1, weights=weights)
    np.testing.assert_allclose(loss, stopping.best, rtol=1e-12)
    assert "Iteration 1, loss = " in capsys.readouterr().out


@pytest.mark.parametrize("at", [0, 9, 15])
def test_an_interrupt_returns_to_the_last_iteration(at):
    class Interrupt(Callback):
        evaluations = 0

        def on_gradient(self, state):
            # at the second network, between two iterations
            self.evaluations += state.network.rows[0] == 1
            if self.evaluations > at:
                raise KeyboardInterrupt

    stack, watch = network(), StopAt(2, 99, 99)
    start = stack.theta.copy()
    state, results = fit(stack, watch, Interrupt())
    assert state.interrupted and len(results) == 2
    assert watch.fits == [K, K]
    last = watch.accepted[-1] if len(watch.accepted) > 2 else start[1]
    np.testing.assert_array_equal(stack.theta[1], last)
    np.testing.assert_array_equal(stack.theta[2], start[2])
    assert state.train_loss.shape == (K,)


def test_each_network_keeps_its_stream():
    together = network(dropout=True)
    fit(together, epochs=3)
    alone = network([2], dropout=True)
    fit(alone, l2=L2[2], epochs=3)
    np.testing.assert_array_equal(together.theta[2], alone.theta[0])


def test_theta_stays_the_same_array():
    stack = network()
    theta = stack.theta
    fit(stack, epochs=3)
    assert stack.theta is theta
