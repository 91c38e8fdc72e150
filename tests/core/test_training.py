"""The loop: networks in a stack end as they would alone, whatever happens to the others."""

import copy
import tracemalloc

import numpy as np
import pytest

from skmlp.core.activations import get_activation
from skmlp.core.batches import ArrayBatches
from skmlp.core.callbacks import BackOff, EarlyStopping, MaxNorm, Validate
from skmlp.core.initializers import INITIALIZERS
from skmlp.core.layers import Activate, BatchNorm, Dense, Dropout, Stem
from skmlp.core.losses import GaussianNLL, SquaredError
from skmlp.core.network import Network
from skmlp.core.optimizers import FULL_BATCH, SOLVERS, Adam, ClipNorm, Decay, Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.rows import Rows
from skmlp.core.schedules import Cosine, Schedule
from skmlp.core.training import Callback, State, train

K, N, P = 3, 50, 4
INIT = INITIALIZERS["sklearn"]
DROPOUT = [0.0, 0.2, 0.5]
LR = [0.02, 0.01, 0.005]
SKLEARN = {
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
}
CHAINS = {name: make(**SKLEARN) for name, make in SOLVERS.items()} | {
    "everything": [ClipNorm(1.0), Adam([0.8, 0.9, 0.95]), Decay([0.1, 0.0, 1.0])]
}


class Stack:
    """Networks ``rows`` of the K that the tests train, with streams and settings of their own."""

    def __init__(self, rows=range(K), chain="adam", *, loss=None, dropout=True):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(N, P))
        y = X[:, :1] * X[:, 1:2] + 0.5 * rng.normal(size=(N, 1))
        w = rng.uniform(0.5, 1.5, size=N)
        self.rows, self.loss = list(rows), loss or SquaredError()
        self.held = X[40:], y[40:], w[40:]
        middle = [BatchNorm(), Activate(get_activation("tanh"))]
        middle += [Dropout(self.own(DROPOUT))] * dropout
        n_out = self.loss.n_raw(1)
        layers = [Stem(Dense(8, INIT)), *middle, Dense(n_out, INIT)]
        self.network = Network(layers, P, stack=len(self.rows))
        self.network.initialize([np.random.RandomState(k) for k in self.rows])
        self.network.prepare_training([np.random.default_rng(k) for k in self.rows])
        size = 40 if chain in FULL_BATCH else 16
        streams = [np.random.RandomState(10 + k) for k in self.rows]
        self.batches = ArrayBatches(X[:40], y[:40], w[:40], size, streams)
        self.optimizer = Optimizer(*(self.own_settings(link) for link in CHAINS[chain]))
        self.lr = self.own(LR)
        self.penalty = Penalty(self.own([0.1, 0.0, 1.0]), 0.01)
        self.state = None

    def own(self, settings):
        return [settings[k] for k in self.rows]

    def own_settings(self, link):
        link = copy.deepcopy(link)
        for name, value in vars(link).items():
            if isinstance(value, list):
                setattr(link, name, self.own(value))
        return link

    def train(self, *callbacks, epochs=12, **settings):
        settings = {"lr": self.lr, "penalty": self.penalty, "state": self.state} | settings
        self.state = train(
            self.network,
            self.loss,
            self.optimizer,
            self.batches,
            epochs=epochs,
            callbacks=callbacks,
            **settings,
        )
        return self.state

    @property
    def theta(self):
        return self.network.theta


class Watch(Callback):
    """Keep what was seen at each epoch, and of each step."""

    def __init__(self):
        self.rows, self.thetas, self.rates, self.ended = [], [], [], 0

    def on_batch_end(self, state):
        self.rates.append(state.rate().copy())

    def on_epoch_end(self, state):
        self.rows.append(state.network.rows.tolist())
        self.thetas.append(state.network.theta.copy())

    def on_fit_end(self, state):
        self.ended += 1


class StopAt(Callback):
    """Stop each network after an epoch of its own."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, state):
        for k, row in enumerate(state.network.rows):
            state.stop[k] |= state.epoch >= self.epochs[row]


def equal(one, other, rows=slice(None)):
    """Same bits in parameters, statistics and what was recorded."""
    np.testing.assert_array_equal(one.theta[rows], other.theta)
    np.testing.assert_array_equal(one.network.stats[rows], other.network.stats)
    for mine, its in zip(one.state.history, other.state.history, strict=False):
        np.testing.assert_array_equal(mine["train_loss"][rows], its["train_loss"])


@pytest.mark.parametrize("ends", [(12, 12, 12), (3, 7, 12), (9, 12, 2), (4, 4, 9)])
@pytest.mark.parametrize("chain", CHAINS)
def test_a_network_in_a_stack_ends_as_it_would_alone(chain, ends):
    together, watch = Stack(chain=chain), Watch()
    together.train(StopAt(ends), watch, schedule=Cosine())
    left = [[k for k in range(K) if ends[k] > epoch] for epoch in range(max(ends))]
    assert watch.rows == left
    assert together.network.rows.tolist() == [0, 1, 2]
    for k in range(K):
        alone = Stack([k], chain)
        alone.train(StopAt([ends[k]]), schedule=Cosine())
        equal(together, alone, slice(k, k + 1))
        assert together.state.train_loss[k] == alone.state.train_loss[0]
        assert together.state.stop[k] == alone.state.stop[0]
        seen = [np.isfinite(record["train_loss"][k]) for record in together.state.history]
        assert seen == [epoch < ends[k] for epoch in range(max(ends))]


def early_stopping(stack):
    stopping = EarlyStopping("validation_loss", patience=3, restore=True)
    return [Validate(*stack.held, stack.loss), stopping, MaxNorm(1.0)]


def test_early_stopping_ends_each_network_as_it_would_alone():
    together = Stack()
    together.lr = [0.2, 0.05, 0.1]
    stopping = early_stopping(together)
    state = together.train(*stopping, epochs=100)
    assert len(set(stopping[1].best_epoch)) > 1, "they should stop at different epochs"
    assert state.stop.all() and not state.interrupted
    for k in range(K):
        alone = Stack([k])
        alone.lr = [together.lr[k]]
        own = early_stopping(alone)
        alone.train(*own, epochs=100)
        equal(together, alone, slice(k, k + 1))
        assert stopping[1].best_epoch[k] == own[1].best_epoch[0]


@pytest.mark.parametrize("chain", CHAINS)
def test_two_calls_are_one_call_of_twice_the_epochs(chain):
    once, twice = Stack(chain=chain), Stack(chain=chain)
    once.train(epochs=10)
    twice.train(epochs=5)
    twice.train(epochs=5)
    equal(once, twice)
    assert (twice.state.epoch, twice.state.step) == (once.state.epoch, once.state.step)
    assert len(twice.state.history) == 10


def test_a_stack_can_go_on_after_some_have_left():
    stack = Stack(dropout=True)
    stack.train(StopAt([2, 3, 9]), epochs=5)
    assert stack.state.stop.tolist() == [True, True, False]
    assert stack.state.lr.shape == (K, 1)
    before = stack.theta.copy()
    stack.batches = Stack().batches
    stack.train(epochs=2)
    assert (stack.theta != before).any(axis=1).all()


class Interrupt(Callback):
    def __init__(self, hook, at):
        self.left = at
        setattr(type(self), hook, lambda self, state: self.count())

    def count(self):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("at", [0, 4])
@pytest.mark.parametrize("hook", ["on_gradient", "on_batch_end", "on_epoch_end"])
def test_an_interrupt_leaves_the_weights_in_place(hook, at):
    one_of_a_kind = type("Interrupt", (Interrupt,), {})  # its hook is not the next test's
    stack, watch = Stack(), Watch()
    state = stack.train(StopAt([1, 9, 9]), watch, one_of_a_kind(hook, at))
    assert state.interrupted
    assert watch.ended == 1
    assert stack.theta.shape[0] == K and np.isfinite(stack.theta).all()
    assert stack.network.rows.tolist() == [0, 1, 2]
    assert state.train_loss.shape == state.stop.shape == (K,)
    state = stack.train(epochs=0)
    assert not state.interrupted


@pytest.mark.parametrize("chain", [name for name in CHAINS if name != "everything"])
def test_a_diverging_network_stops_at_once_and_leaves_the_others_alone(chain):
    both, watch = Stack(chain=chain, dropout=False), Watch()
    both.lr = [0.02, 1e200, 0.005]
    state = both.train(watch, epochs=6)
    assert watch.rows[-1] == [0, 2]
    assert len([rows for rows in watch.rows if 1 in rows]) <= 2
    assert state.diverged.tolist() == [False, True, False]
    sound = Stack([0, 2], chain, dropout=False)
    sound.train(epochs=6)
    equal(both, sound, [0, 2])


def test_a_diverging_network_alone_stops_within_the_epoch():
    stack = Stack([0], dropout=False)
    stack.batches.size, stack.batches.n_batches = 1, 40
    state = stack.train(lr=1e200, epochs=5)
    assert state.diverged.all() and state.stop.all()
    assert (state.epoch, state.step) == (1, 32)


def test_parameters_lost_in_the_last_step_count_as_diverged():
    class Lose(Callback):
        def on_batch_end(self, state):
            state.network.theta[1, 0] = np.nan

    stack = Stack(chain="gd")
    assert stack.train(Lose(), epochs=1).diverged.tolist() == [False, True, False]


def test_a_loss_far_below_zero_has_not_diverged():
    stack = Stack(loss=GaussianNLL(), dropout=False)
    stack.batches.y = stack.batches.y * 1e-5
    stack.batches.w = None
    for _ in range(3):
        state = stack.train(lr=0.05, penalty=None, epochs=60)
    assert (state.first_loss < -1).any()
    assert not state.diverged.any()


def test_backing_off_recovers():
    stack, sound = Stack(chain="sgd", dropout=False), Stack([0], "sgd", dropout=False)
    stack.lr = [0.02, 1e6, 1e3]
    state = stack.train(BackOff(), epochs=40)
    assert not state.diverged.any()
    assert (state.train_loss < state.first_loss).all()
    assert state.lr[0] == 0.02 and (state.lr[1:] < [[1e3], [1e2]]).all()
    sound.train(epochs=40)
    equal(stack, sound, [0])


def test_backing_off_gives_up():
    state = Stack([1], dropout=False).train(BackOff(attempts=3), lr=1e200, epochs=40)
    assert state.diverged.all() and state.epoch < 10
    assert np.isfinite(state.network.theta).all()


def test_numpy_settings_are_left_as_they_were():
    before, during = (np.getbufsize(), np.geterr()), []

    class Look(Callback):
        def on_batch_end(self, state):
            during.append(np.getbufsize())

    Stack().train(Look(), epochs=1)
    assert max(during) < before[0]
    assert (np.getbufsize(), np.geterr()) == before


def test_the_schedule_is_asked_at_every_step():
    class Linear(Schedule):
        def __call__(self, progress):
            return 1 - progress

    stack, watch = Stack(), Watch()
    steps = 4 * stack.batches.n_batches
    stack.train(watch, epochs=4, schedule=Linear())
    expected = np.array(LR)[:, None] * (1 - np.arange(steps) / steps)[:, None, None]
    np.testing.assert_allclose(watch.rates, expected, rtol=1e-12)


def test_a_call_may_be_a_part_of_the_schedule():
    once, parts = Stack(), Stack()
    once.train(epochs=6, schedule=Cosine())
    for epochs in (1, 3, 2):
        parts.train(epochs=epochs, schedule=Cosine(), horizon=6)
    equal(once, parts)


@pytest.mark.parametrize("total", [None, 7.0])
def test_what_the_penalty_is_divided_by(total):
    stack = Stack([1], "gd", dropout=False)
    before = stack.theta.copy()
    weights = stack.network.layout.span("weight")
    thetas = []
    for penalty in (Penalty(0.0, rows=total), Penalty(2.0, rows=total)):
        stack.network.theta[...] = before
        stack.network.stats[...] = 0
        stack.batches = Stack([1], "gd").batches
        stack.train(epochs=1, lr=0.1, penalty=penalty, state=None)
        thetas.append(stack.theta.copy())
    expected = np.zeros_like(before)
    expected[:, weights] = 0.1 * 2.0 / (total or 40) * before[:, weights]
    np.testing.assert_allclose(thetas[0] - thetas[1], expected, atol=1e-14)


def test_the_recorded_loss_is_the_epochs_weighted_mean():
    stack = Stack([0], dropout=False)
    X, y, w = stack.batches.X, stack.batches.y, stack.batches.w
    (loss,) = stack.train(epochs=1, lr=0.0, penalty=None).train_loss
    # at a standstill only batch norm's grouping differs: the mean over its batches
    again = Stack([0], dropout=False)
    total = 0.0
    for batch in again.batches:
        raw = again.network.forward(batch.X, train=True)
        total += (batch.w * (raw - batch.y)[..., 0] ** 2 / 2).sum()
    assert (X.shape[0], y.shape[0], w.shape[0]) == (40, 40, 40)
    np.testing.assert_allclose(loss, total / 40, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_on_a_wide_table_holds_four_times_its_parameters(dtype):
    table = np.random.default_rng(0).normal(size=(200, 20000)).astype(np.float32)
    y = table[:, :1].astype(dtype)
    rows = Rows(table, np.arange(200), table.mean(axis=0), 1 / table.std(axis=0))
    tracemalloc.start()
    try:
        layers = [Stem(Dense(50, INIT)), Activate(get_activation("relu")), Dense(1, INIT)]
        network = Network(layers, 20000, dtype=dtype)
        network.initialize([np.random.RandomState(0)])
        network.prepare_training()
        batches = ArrayBatches(rows, y, None, 100, [np.random.RandomState(0)])
        optimizer = Optimizer(Adam(), Decay(0.01))
        train(network, SquaredError(), optimizer, batches, epochs=2, lr=1e-3, penalty=Penalty(1e-4))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4.5 * network.theta.nbytes


@pytest.mark.parametrize("at", ["train_loss", "learning_rate", "seconds"])
def test_an_interrupt_leaves_no_record_half_written(at, monkeypatch):
    put = State.put

    def interrupted(state, name, values):
        if name == at and len(state.history) == 3:
            raise KeyboardInterrupt
        put(state, name, values)

    monkeypatch.setattr(State, "put", interrupted)
    state = Stack().train(epochs=5, lr=0.1)
    assert state.interrupted
    assert state.epoch == len(state.history) == 2
    assert all(len(record) == 3 for record in state.history)
