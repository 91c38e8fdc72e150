"""Callbacks: the best epoch comes back, steps shrink, units stay short, reports tell the truth."""

import numpy as np
import pytest

from skmlp.core.activations import get_activation
from skmlp.core.batches import ArrayBatches
from skmlp.core.callbacks import (
    Averaging,
    BackOff,
    Deadline,
    EarlyStopping,
    MaxNorm,
    Report,
    Validate,
)
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import Activate, BatchNorm, Dense, Stem
from skmlp.core.losses import SquaredError
from skmlp.core.network import Network
from skmlp.core.optimizers import Adam, Momentum, Optimizer
from skmlp.core.training import Callback, State, train

K, N, P = 3, 40, 4
INIT = INITIALIZERS["sklearn"]


def network(k=K):
    hidden = [Stem(Dense(8, INIT)), BatchNorm(), Activate(get_activation("relu"))]
    stack = Network([*hidden, Dense(1, INIT)], P, stack=k)
    stack.initialize([np.random.RandomState(seed) for seed in range(k)])
    stack.prepare_training()
    return stack


def data(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, P))
    return X, X[:, :1] + rng.normal(size=(N, 1)), rng.uniform(0.1, 2, size=N)


def fit(*callbacks, stack=None, epochs=30, lr=0.05, optimizer=None, state=None):
    X, y, _ = data()
    stack = network() if stack is None else stack
    streams = [np.random.RandomState(k) for k in range(stack.k)]
    return train(
        stack,
        SquaredError(),
        optimizer or Optimizer(Adam()),
        ArrayBatches(X, y, None, 10, streams),
        epochs=epochs,
        lr=lr,
        callbacks=callbacks,
        state=state,
    )


def replay(values, **settings):
    """Let early stopping see these values (epochs, K), without any training; return both."""
    values = np.asarray(values, dtype=float)
    stack = network(values.shape[1])
    state = State(stack, Optimizer(), np.ones((stack.k, 1)))
    state._begin(len(values))
    stopping = EarlyStopping("watched", **settings)
    stopping.on_fit_start(state)
    for row in values:
        if state.stop.all():
            break
        state.epoch += 1
        stack.theta[...] = state.epoch
        state.history.append({})
        state.put("watched", row)
        stopping.on_epoch_end(state)
    stopping.on_fit_end(state)
    return state, stopping


@pytest.mark.parametrize("sign", [1, -1])
def test_patience_is_the_number_of_bad_epochs_borne(sign):
    values = sign * np.array([[5, 5], [4, 6], [5, 4], [6, 3], [7, 2], [8, 1], [0, 0.0]])
    state, stopping = replay(values, sign=sign, patience=2, restore=True)
    assert state.stop.tolist() == [True, False]
    assert stopping.best.tolist() == [4 * sign, 0]
    assert stopping.best_epoch.tolist() == [2, 7]
    assert state.network.theta[:, 0].tolist() == [2, 7]


def test_an_improvement_must_exceed_the_tolerance_but_the_best_is_kept():
    state, stopping = replay([[5.0], [4.95], [4.9], [4.85]], tol=0.1, patience=2, restore=True)
    assert state.stop.all() and state.epoch == 4
    assert (stopping.best[0], stopping.best_epoch[0]) == (4.85, 4)


def test_nan_is_no_improvement():
    state, stopping = replay([[5.0], [np.nan], [np.nan]], patience=1, restore=True)
    assert state.stop.all() and stopping.best_epoch[0] == 1
    assert (state.network.theta == 1).all()


def test_the_learning_rate_is_divided_before_a_network_is_stopped():
    state, _ = replay([[1.0 + t, 9 - t] for t in range(10)], patience=1, divide_by=5, lr_min=0.05)
    np.testing.assert_allclose(state.lr, [[0.2**2], [1]])
    assert state.stop.tolist() == [True, False]
    assert state.epoch == 10


class Snapshots(Callback):
    def on_fit_start(self, state):
        self.thetas, self.stats = [], []

    def on_epoch_end(self, state):
        shape = len(state.stop), -1
        assert state.network.theta.reshape(shape).shape == state.network.theta.shape
        self.thetas.append(dict(zip(state.network.rows, state.network.theta.copy(), strict=True)))
        self.stats.append(dict(zip(state.network.rows, state.network.stats.copy(), strict=True)))


def test_each_network_ends_with_its_best_epoch():
    watched = Validate(*data(1), SquaredError())
    stopping = EarlyStopping("validation_loss", patience=4, restore=True)
    snapshots = Snapshots()
    state = fit(watched, stopping, snapshots, epochs=100, lr=[0.1, 0.01, 0.03])
    assert len(set(stopping.best_epoch)) > 1
    curve = np.array([record["validation_loss"] for record in state.history])
    np.testing.assert_array_equal(np.nanargmin(curve, axis=0) + 1, stopping.best_epoch)
    np.testing.assert_array_equal(np.nanmin(curve, axis=0), stopping.best)
    for k, epoch in enumerate(stopping.best_epoch):
        np.testing.assert_array_equal(state.network.theta[k], snapshots.thetas[epoch - 1][k])
        np.testing.assert_array_equal(state.network.stats[k], snapshots.stats[epoch - 1][k])


def test_early_stopping_counts_on_in_a_continued_training_and_anew_in_another():
    stopping = EarlyStopping("train_loss", patience=100)
    state = fit(stopping, epochs=5)
    first = stopping.best.copy()
    fit(stopping, stack=state.network, epochs=1, lr=50.0, state=state)
    np.testing.assert_array_equal(stopping.best, first)
    assert (stopping.best_epoch <= 5).all()
    fit(stopping, epochs=1)
    assert (stopping.best_epoch == 1).all() and (stopping.best > first).all()


@pytest.mark.parametrize("chunk", [7, 4096])
def test_validation_is_the_weighted_loss_of_a_prediction(chunk, monkeypatch):
    monkeypatch.setattr("skmlp.core.network._CHUNK", chunk)
    X, y, w = data(1)
    state = fit(
        Validate(X, y, w, SquaredError(), score=lambda raw, k: -abs(raw - y).max()), epochs=3
    )
    raw = state.network.predict(X)
    expected = np.average((raw - y)[..., 0] ** 2 / 2, axis=1, weights=w)
    np.testing.assert_allclose(state.history[-1]["validation_loss"], expected, rtol=1e-12)
    np.testing.assert_allclose(
        state.history[-1]["validation_score"], -abs(raw - y).max(axis=(1, 2)), rtol=1e-12
    )


def test_watching_does_not_change_what_is_learnt():
    watched = fit(Validate(*data(1), SquaredError()), Report(), BackOff(), epochs=3)
    np.testing.assert_array_equal(watched.network.theta, fit(epochs=3).network.theta)


def test_max_norm_shortens_the_long_columns_alone():
    class Longest(Callback):
        norms = ()

        def on_batch_end(self, state):
            slots = [s for s in state.network.layout.slots if s.role == "weight"]
            norms = [np.linalg.norm(s.view(state.network.theta), axis=1) for s in slots]
            self.norms = (*self.norms, *norms)

    longest = Longest()
    fit(MaxNorm(0.8), longest, epochs=5, lr=0.1)
    norms = np.concatenate([n.ravel() for n in longest.norms])
    np.testing.assert_allclose(norms.max(), 0.8, rtol=1e-12)
    assert norms.min() < 0.7, "the short ones are left as they are"
    loose = fit(MaxNorm(1e9), epochs=5)
    np.testing.assert_array_equal(loose.network.theta, fit(epochs=5).network.theta)


def test_backing_off_returns_to_the_start_of_the_best_epoch():
    class Blast(Callback):
        """Throw network 1 out of the valley once: first a little, then for good."""

        def on_epoch_end(self, state):
            if state.epoch in (5, 6):
                state.network.theta[1] *= 3 if state.epoch == 5 else np.inf

    snapshots, back_off = Snapshots(), BackOff()
    blast = Blast()
    state = fit(back_off, snapshots, blast, epochs=20, optimizer=Optimizer(Momentum()))
    sound = Snapshots()
    fit(sound, epochs=20, optimizer=Optimizer(Momentum()))
    curve = [record["train_loss"][1] for record in state.history[:5]]
    best = sound.thetas[int(np.argmin(curve)) - 1][1]  # where that epoch started
    np.testing.assert_array_equal(snapshots.thetas[6][1], best)
    assert back_off.returns.tolist() == [0, 1, 0]
    np.testing.assert_allclose(state.lr, [[0.05], [0.005], [0.05]])
    for k in (0, 2):
        np.testing.assert_array_equal(snapshots.thetas[-1][k], sound.thetas[-1][k])


def test_a_report_gives_the_means_of_the_networks_present(capsys):
    class StopFirst(Callback):
        def on_epoch_end(self, state):
            state.stop |= state.network.rows == 0

    watched = Validate(*data(1), SquaredError(), score=lambda raw, k: float(raw.mean()))
    state = fit(watched, Report(), StopFirst(), epochs=3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for t, (line, record) in enumerate(zip(lines, state.history, strict=True), start=1):
        present = slice(None) if t == 1 else slice(1, None)
        assert line.startswith(f"Iteration {t}, loss = {record['train_loss'][present].mean():.8f}")
        score = record["validation_score"][present].mean()
        assert f", validation score = {score:.6f}, " in line
    assert np.isnan(state.history[-1]["train_loss"][0])


def test_a_report_tells_of_an_early_end(capsys):
    class Stop(Callback):
        def on_epoch_end(self, state):
            state.stop[:] = state.epoch == 2

    fit(Report(), Stop(), epochs=9)
    assert capsys.readouterr().out.endswith("Stopped after 2 of 9 iterations.\n")


def test_a_bar_is_one_line_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    fit(Report(bar=True), epochs=3)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out.count("\r") == 3
    assert "[####################] 3/3, loss = " in out


class Record(Callback):
    """Keep what the network holds after each step, and at the end of each epoch."""

    def __init__(self):
        self.steps, self.epochs = [], []

    def on_batch_end(self, state):
        self.steps.append(state.network.theta.copy())

    def on_epoch_end(self, state):
        self.epochs.append(state.network.theta.copy())


def test_averaging_shows_the_running_mean_and_leaves_the_training_alone():
    plain, shown = Record(), Record()
    fit(plain, epochs=5)
    stack = network()
    start, steps = stack.theta.copy(), Record()
    fit(steps, Averaging(0.8, [shown]), stack=stack, epochs=5)
    np.testing.assert_array_equal(steps.steps, plain.steps)
    mean, expected = start, []
    for t, theta in enumerate(plain.steps):
        d = min(0.8, (1 + t) / (10 + t))
        mean = d * mean + (1 - d) * theta
        expected.append(mean)
    np.testing.assert_allclose(shown.epochs, expected[3::4])
    np.testing.assert_allclose(stack.theta, expected[-1])


def test_averages_stay_with_their_networks_when_others_leave():
    class Leave(Callback):
        def on_epoch_end(self, state):
            state.stop[:] = state.network.rows == state.epoch - 1  # one after another

    alone, stacked = Record(), network()
    fit(Averaging(0.9, [alone]), epochs=3)
    fit(Averaging(0.9, [Leave()]), stack=stacked, epochs=3)
    for k in range(K):
        np.testing.assert_allclose(stacked.theta[k], alone.epochs[k][k])


def test_averaging_recovers_where_a_network_backs_off():
    shown, stack = Record(), network()
    state = fit(BackOff(), Averaging(0.9, [shown]), stack=stack, lr=[0.05, 1e200, 0.05], epochs=6)
    assert not state.diverged.any()
    assert np.isfinite(stack.theta).all()


def test_a_joint_look_is_at_the_mean_prediction():
    X, y, w = data(1)
    each, joint = Validate(X, y, w, SquaredError()), Validate(X, y, w, SquaredError(), joint=True)
    one, other = network(), network()
    several, together = fit(each, stack=one, epochs=1), fit(joint, stack=other, epochs=1)
    mean = one.predict(X).mean(axis=0)
    expected = np.average((mean - y)[:, 0] ** 2, weights=w) / 2
    np.testing.assert_allclose(together.history[0]["validation_loss"], [expected] * K)
    assert len(set(several.history[0]["validation_loss"])) == K
    assert expected < several.history[0]["validation_loss"].mean()


def test_the_deadline_ends_all():
    assert len(fit(Deadline(0.0), epochs=5).history) == 1
    assert len(fit(Deadline(60.0), epochs=5).history) == 5
