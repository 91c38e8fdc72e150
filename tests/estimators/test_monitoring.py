"""History, messages, callbacks, interrupts and divergence."""

import contextlib
import io
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.core.optimizers import SOLVERS
from skmlp.core.training import Callback
from tests.estimators.plain import ONE_PLAIN_NETWORK

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 4))
Y = X[:, 0] + 0.5 * np.abs(X[:, 1]) + 0.1 * rng.normal(size=100)
X_VAL, Y_VAL = X[70:], Y[70:]
ALL_SOLVERS = [*SOLVERS, "lbfgs"]


# What is tested here does not hang on the defaults, which are chosen by measurement.
PLAIN = {
    **ONE_PLAIN_NETWORK,
    "activation": "relu",
    "batch_size": 200,
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
}


def regressor(**settings):
    settings = {**PLAIN, "hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0, **settings}
    return MLPRegressor(**settings)


# -- history ---------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("watched", [{}, {"X_val": X_VAL, "y_val": Y_VAL}])
def test_history_is_a_table(solver, watched):
    model = regressor(solver=solver, scoring="r2").fit(X, Y, **watched)
    table = pd.DataFrame(model.history_)
    columns = ["epoch", "train_loss", "learning_rate", "seconds"]
    if watched:
        columns += ["validation_loss", "validation_score"]
    assert set(table.columns) == set(columns)
    assert_array_equal(table["epoch"], np.arange(1, model.n_iter_ + 1))
    assert_allclose(table["train_loss"], model.loss_curve_)
    assert np.isfinite(table.drop(columns="learning_rate")).all(axis=None)
    assert table["learning_rate"].isna().all() == (solver == "lbfgs")
    assert (table["seconds"] >= 0).all()
    if watched:
        assert_allclose(table["validation_score"], model.validation_scores_)


@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_the_final_loss_is_that_of_the_weights(solver):
    model = regressor(solver=solver, alpha=0.0, standardize=False).fit(X, Y)
    assert model.loss_ == pytest.approx(np.mean((model.predict(X) - Y) ** 2) / 2)
    stopped = regressor(solver=solver, alpha=0.0, standardize=False, max_iter=40)
    stopped.set_params(learning_rate_init=0.1, n_iter_no_change=1).fit(
        X, Y, X_val=X_VAL[:3], y_val=-Y_VAL[:3]
    )
    assert stopped.loss_ == pytest.approx(np.mean((stopped.predict(X) - Y) ** 2) / 2)


def test_history_shows_the_learning_rate_in_use():
    model = regressor(learning_rate=lambda p: 1 - p, learning_rate_init=0.5, max_iter=4)
    rates = [row["learning_rate"] for row in model.fit(X, Y).history_]
    assert_allclose(rates, [0.5, 0.375, 0.25, 0.125])


# -- messages --------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_unfinished_training_warns(solver):
    with pytest.warns(ConvergenceWarning, match=r"\(2\) reached"):
        regressor(solver=solver, max_iter=2).fit(X, Y)


@pytest.mark.filterwarnings("error")
def test_a_warning_names_the_line_of_the_user():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        regressor(max_iter=1).fit(X, Y)
    assert [w.filename for w in caught] == [__file__]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle", "exponential"])
def test_a_schedule_that_has_run_its_course_is_finished(learning_rate):
    regressor(learning_rate=learning_rate).fit(X, Y)


@pytest.mark.filterwarnings("error")
def test_partial_fit_is_never_unfinished():
    regressor().partial_fit(X, Y)


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("watched", [{}, {"X_val": X_VAL, "y_val": Y_VAL}])
def test_verbose_prints_a_line_an_epoch(solver, watched, capsys):
    model = regressor(solver=solver, max_iter=3, verbose=True).fit(X, Y, **watched)
    lines = [line for line in capsys.readouterr().out.splitlines() if "loss" in line]
    assert len(lines) == model.n_iter_ == 3
    for number, (line, loss) in enumerate(zip(lines, model.loss_curve_, strict=True), 1):
        assert f"Iteration {number}" in line
        assert f"loss = {loss:.8f}" in line
        assert "left" in line
        assert ("validation" in line) == bool(watched)


def test_silence_is_the_default(capsys):
    regressor().fit(X, Y)
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_more_verbose_draws_a_bar():
    terminal = Terminal()
    with contextlib.redirect_stdout(terminal):
        model = regressor(max_iter=4, verbose=2).fit(X, Y)
    text = terminal.getvalue()
    assert text.count("\r") == 4
    assert text.count("\n") == 1
    assert "4/4" in text
    assert "left" in text
    assert f"{model.loss_curve_[-1]:.8f}" in text


# -- callbacks -------------------------------------------------------------------------


class Witness(Callback):
    def __init__(self):
        self.calls = []

    def on_fit_start(self, state):
        self.calls.append("start")

    def on_gradient(self, state):
        assert np.isfinite(state.network.grad).all()
        self.calls.append("gradient")

    def on_batch_end(self, state):
        self.calls.append("batch")

    def on_epoch_end(self, state):
        assert 0 < state.epoch <= state.epochs
        assert state.history[-1]["train_loss"][0] == state.train_loss[0]
        self.calls.append("epoch")

    def on_fit_end(self, state):
        self.calls.append("end")


def test_callbacks_see_the_state():
    witness = Witness()
    regressor(callbacks=[witness], batch_size=50, max_iter=2).fit(X, Y)
    epoch = ["gradient", "batch"] * 2 + ["epoch"]
    assert witness.calls == ["start", *epoch, *epoch, "end"]


def test_callbacks_see_lbfgs():
    witness = Witness()
    model = regressor(callbacks=[witness], solver="lbfgs").fit(X, Y)
    assert witness.calls.count("epoch") == model.n_iter_
    assert (witness.calls[0], witness.calls[-1]) == ("start", "end")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_stops_the_training(solver):
    class Stop(Callback):
        def on_epoch_end(self, state):
            state.stop[state.epoch >= 3] = True

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert regressor(callbacks=[Stop()], solver=solver, max_iter=9).fit(X, Y).n_iter_ == 3


def test_a_callback_records_what_it_likes():
    class Norm(Callback):
        def on_epoch_end(self, state):
            state.put("norm", np.linalg.norm(state.network.theta, axis=1))

    model = regressor(callbacks=[Norm()]).fit(X, Y)
    assert model.history_[-1]["norm"] == pytest.approx(np.linalg.norm(model.networks_.theta))


# -- interrupts ------------------------------------------------------------------------


class Interrupt(Callback):
    def __init__(self, at, hook="on_epoch_end"):
        self.at, self.count = at, 0
        setattr(self, hook, self.strike)

    def on_batch_end(self, state):
        """Replaced, or nothing."""

    def on_epoch_end(self, state):
        """Replaced, or nothing."""

    def strike(self, state):
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "settings",
    [
        {},
        SKLEARN_DEFAULTS,
        {"solver": "lbfgs"},
        {"verbose": 1},
        {"n_estimators": 3, "early_stopping": True, "averaging": 0.9},
    ],
)
@pytest.mark.parametrize("hook", ["on_batch_end", "on_epoch_end"])
@pytest.mark.parametrize("at", [1, 4])
def test_an_interrupted_fit_warns_and_can_be_used(settings, hook, at):
    settings = {**settings, "batch_size": 50, "max_iter": 20, "learning_rate_init": 0.02}
    model = regressor(**settings, warm_start=True, callbacks=[Interrupt(at, hook)])
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, Y)
    assert model.n_iter_ == len(model.history_) == len(model.loss_curve_) <= at
    assert np.isfinite(model.predict(X)).all()
    assert np.isfinite(model.loss_) or model.n_iter_ == 0
    model.set_params(callbacks=None, verbose=False).fit(X, Y)
    assert model.score(X, Y) > 0


@pytest.mark.parametrize("hook", ["on_batch_end", "on_epoch_end"])
def test_an_interrupted_partial_fit_warns(hook):
    model = regressor(callbacks=[Interrupt(1, hook)])
    with pytest.warns(UserWarning, match="interrupted"):
        model.partial_fit(X, Y)
    model.partial_fit(X, Y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_interrupted_fit_keeps_the_best_weights(solver):
    class Spoil(Callback):
        def on_epoch_end(self, state):
            if state.epoch == 5:
                state.network.theta[...] += 10
                raise KeyboardInterrupt

    model = regressor(solver=solver, callbacks=[Spoil()], max_iter=20, scoring="r2")
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    assert model.n_iter_ == 5
    assert model.score(X_VAL, Y_VAL) == pytest.approx(model.best_validation_score_)


# -- divergence ------------------------------------------------------------------------

WILD = {"solver": "sgd", "learning_rate_init": 1e3, "activation": "identity", "max_iter": 60}


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_a_diverging_fit_gives_advice(estimator, early_stopping):
    y = Y > 0.3 if estimator is MLPClassifier else Y
    settings = {**WILD, "learning_rate_init": 1e8} if estimator is MLPClassifier else WILD
    model = estimator((8,), random_state=0, early_stopping=early_stopping, **settings)
    with pytest.raises(ValueError, match="non-finite") as caught:
        model.fit(X, y)
    for word in ("scale", "learning_rate_init", "clip_norm", "backoff"):
        assert word in str(caught.value)
    assert len(model.history_) < 20


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "gd"])
@pytest.mark.parametrize("rate", [3.0, 100.0, 1e4])
def test_backing_off_recovers(early_stopping, solver, rate):
    settings = {**WILD, "solver": solver, "learning_rate_init": rate}
    settings.update(early_stopping=early_stopping, scoring="r2")
    patience = {"n_iter_no_change": 60}
    model = regressor(**settings, **patience, on_divergence="backoff").fit(X, Y)
    assert np.isfinite(model.networks_.theta).all()
    assert np.isfinite(model.loss_)
    assert model.history_[-1]["learning_rate"] < rate
    assert model.score(X, Y) > 0.8


def test_backing_off_gives_up_in_the_end():
    model = regressor(**{**WILD, "learning_rate_init": 1e200}, on_divergence="backoff")
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(X, Y)


def test_backing_off_changes_nothing_where_nothing_diverges():
    plain, careful = regressor().fit(X, Y), regressor(on_divergence="backoff").fit(X, Y)
    assert_array_equal(plain.networks_.theta, careful.networks_.theta)


def test_verbose_survives_divergence(capsys):
    model = regressor(**WILD, verbose=True, on_divergence="backoff")
    model.fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    assert "loss" in capsys.readouterr().out


# -- scikit-learn's callbacks ----------------------------------------------------------


class Listener:
    """A scikit-learn callback."""

    def __init__(self, stop_after=np.inf):
        self.stop_after, self.begun, self.ended, self.fitted = stop_after, [], [], []

    def setup(self, estimator, context):
        self.set_up = True

    def teardown(self, estimator, context):
        self.torn_down = True

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.ended.append(context.task_name)
        if fitted_estimator is not None:
            self.fitted.append(fitted_estimator.predict(X))
        return self.ended.count("epoch") >= self.stop_after


@pytest.fixture
def sklearn_callback():
    return pytest.importorskip("sklearn.callback", reason="needs scikit-learn 1.9")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scikit_learns_callbacks_hear_of_every_epoch(sklearn_callback, solver):
    listener = Listener()
    model = regressor(solver=solver)
    model.set_callbacks(listener)
    model.fit(X, Y)
    assert listener.set_up
    assert listener.torn_down
    assert listener.begun == ["fit", *["epoch"] * model.n_iter_]
    assert listener.ended == [*["epoch"] * model.n_iter_, "fit"]
    assert_allclose(listener.fitted[-1], model.predict(X))
    assert not np.allclose(listener.fitted[0], listener.fitted[-2])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scikit_learns_callbacks_may_stop(sklearn_callback, solver):
    model = regressor(solver=solver, max_iter=9)
    model.set_callbacks(Listener(stop_after=3))
    assert model.fit(X, Y).n_iter_ == 3


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("table", [np.asarray, pd.DataFrame])
def test_scikit_learns_scoring_monitor(sklearn_callback, method, table):
    monitor = sklearn_callback.ScoringMonitor(scoring="r2")
    model = regressor()
    model.set_callbacks(monitor)
    frame = table(X)
    if table is pd.DataFrame:
        frame.columns = list("abcd")
    getattr(model, method)(frame, Y)
    scores = [row["r2"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == model.n_iter_
    assert scores[-1] == pytest.approx(model.score(frame, Y))


def test_scikit_learns_callbacks_survive_a_failing_fit(sklearn_callback):
    listener = Listener()
    model = regressor(**WILD)
    model.set_callbacks(listener)
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(X, Y)
    assert listener.torn_down


def test_scikit_learns_progress_bar(sklearn_callback):
    pytest.importorskip("rich")
    model = regressor()
    model.set_callbacks(sklearn_callback.ProgressBar())
    model.fit(X, Y)
