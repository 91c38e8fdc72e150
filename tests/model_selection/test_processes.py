"""Searches in several processes or threads find the same, and an interrupt ends them all."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
import sklearn.model_selection as skl
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import ThreadpoolController, threadpool_info

import skmlp
from skmlp import model_selection
from tests.model_selection.test_features import (
    CV,
    LOSS,
    small,
    small_regressor,
    told_and_found,
)
from tests.model_selection.test_same_results import RATES, R, X, Y

PIPE = make_pipeline(StandardScaler(), PCA(random_state=0), small())
GRID = {"pca__n_components": [2, 3], "mlpclassifier__learning_rate_init": [1e-3, 1e-2]}


def search(n_jobs=None, estimator=PIPE, grid=GRID, **settings):
    """Return a search of ours, not yet fitted."""
    settings = {"cv": CV, "scoring": LOSS, "n_jobs": n_jobs, **settings}
    return model_selection.GridSearchCV(estimator, grid, **settings)


@pytest.fixture(scope="module")
def expected():
    """What scikit-learn's search finds in one process."""
    return skl.GridSearchCV(PIPE, GRID, cv=CV, scoring=LOSS).fit(X, Y)


def assert_found(found, expected):
    """Compare all that two fitted searches found, but for the times."""
    assert list(found.cv_results_) == list(expected.cv_results_)
    assert found.cv_results_["params"] == expected.cv_results_["params"]
    for name, values in expected.cv_results_.items():
        if "_test_" in name or "_train_" in name:
            assert_allclose(found.cv_results_[name], values, rtol=1e-9, err_msg=name)
    if found.refit:
        assert found.best_params_ == expected.best_params_
        assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=1e-9)


# -- where it runs ---------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_any_number_of_processes(n_jobs, expected):
    found = search(n_jobs).fit(X, Y)
    assert_found(found, expected)
    assert (found.cv_results_["mean_fit_time"] > 0).all()


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_any_backend(backend, n_jobs, expected):
    with joblib.parallel_config(backend=backend, n_jobs=n_jobs):
        assert_found(search().fit(X, Y), expected)


def test_a_dask_cluster(expected):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        assert_found(search().fit(X, Y), expected)


@pytest.mark.parametrize("function", ["cross_validate", "cross_val_score", "cross_val_predict"])
def test_functions_in_processes(function):
    found = getattr(model_selection, function)(PIPE, X, Y, cv=CV, n_jobs=2)
    theirs = getattr(skl, function)(PIPE, X, Y, cv=CV)
    if function == "cross_validate":
        found, theirs = found["test_score"], theirs["test_score"]
    assert_allclose(found, theirs, rtol=1e-9)


def test_curves_in_processes():
    ranges = {"param_name": "pca__n_components", "param_range": [1, 2], "cv": CV, "scoring": LOSS}
    found = model_selection.validation_curve(PIPE, X, Y, n_jobs=2, **ranges)
    assert_allclose(found, skl.validation_curve(PIPE, X, Y, **ranges), rtol=1e-9)
    sizes = {"train_sizes": [0.5, 1.0], "cv": CV, "scoring": LOSS}
    found = model_selection.learning_curve(PIPE, X, Y, n_jobs=2, **sizes)
    theirs = skl.learning_curve(PIPE, X, Y, **sizes)
    for mine, yours in zip(found, theirs, strict=True):
        assert_allclose(mine, yours, rtol=1e-9)


def test_fitted_estimators_come_back_from_processes():
    found = model_selection.cross_validate(PIPE, X, Y, cv=CV, n_jobs=2, return_estimator=True)
    theirs = skl.cross_validate(PIPE, X, Y, cv=CV, return_estimator=True)
    for mine, yours in zip(found["estimator"], theirs["estimator"], strict=True):
        assert mine.memory is None
        assert_allclose(mine.predict_proba(X), yours.predict_proba(X), rtol=1e-9)


def test_random_candidates_in_processes():
    settings = {"n_iter": 3, "random_state": 0, "cv": CV, "scoring": LOSS}
    found = model_selection.RandomizedSearchCV(PIPE, GRID, n_jobs=2, **settings).fit(X, Y)
    assert_found(found, skl.RandomizedSearchCV(PIPE, GRID, **settings).fit(X, Y))


@pytest.mark.parametrize("resource", ["n_samples", "mlpclassifier__max_iter"])
def test_halving_in_processes(resource):
    few, many = (40, 80) if resource == "n_samples" else (2, 4)
    settings = {
        "resource": resource,
        "min_resources": few,
        "max_resources": many,
        "factor": 2,
        "random_state": 0,
        "cv": CV,
    }
    found = model_selection.HalvingGridSearchCV(PIPE, GRID, n_jobs=2, **settings).fit(X, Y)
    theirs = skl.HalvingGridSearchCV(PIPE, GRID, **settings).fit(X, Y)
    assert found.n_iterations_ == 2
    assert_found(found, theirs)


def test_more_fits_than_one_process_gets_at_once():
    model = small(max_iter=1, hidden_layer_sizes=(2,))
    grid = {"alpha": np.linspace(0, 1, 36)}
    found = search(2, model, grid, refit=False).fit(X, Y)
    assert_found(found, skl.GridSearchCV(model, grid, cv=CV, scoring=LOSS, refit=False).fit(X, Y))


def test_large_rows_are_shared_by_the_processes():
    rows = np.tile(X, (200, 6))  # more than a megabyte, which joblib maps into memory
    y = np.tile(Y, 200)
    model = small(max_iter=1, batch_size=4096)
    pipe = make_pipeline(StandardScaler(copy=False), model)
    grid = {"mlpclassifier__alpha": [0.0, 1.0]}
    found = search(2, pipe, grid, refit=False).fit(rows, y)
    assert (rows[: len(X), :6] == X).all()
    assert_found(found, skl.GridSearchCV(pipe, grid, cv=CV, scoring=LOSS, refit=False).fit(rows, y))


def test_networks_and_others_in_processes():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
    grid = {"clf": [small(), LogisticRegression(C=0.1)]}
    found = search(2, pipe, grid).fit(X, Y)
    theirs = skl.GridSearchCV(pipe, grid, cv=CV, scoring=LOSS).fit(X, Y)
    name = "mean_test_score"
    assert_allclose(found.cv_results_[name], theirs.cv_results_[name], rtol=1e-9)


def test_what_only_cloudpickle_can_send():
    pipe = make_pipeline(FunctionTransformer(lambda X: X**3), small())
    scoring = {"mine": lambda m, X, y: float(m.predict_proba(X)[0, 0])}
    settings = {"cv": CV, "scoring": scoring, "refit": False}
    grid = {"mlpclassifier__alpha": [0.0, 1.0]}
    found = model_selection.GridSearchCV(pipe, grid, n_jobs=2, **settings).fit(X, Y)
    assert_found(found, skl.GridSearchCV(pipe, grid, **settings).fit(X, Y))


# -- what comes from there -------------------------------------------------------------


def test_a_candidate_that_fails_in_a_process_is_named():
    model = small_regressor(standardize=False)
    grid = {"learning_rate_init": [1e-3, 1e9]}
    rows = (X, R[:, 0])
    found, told = told_and_found(model_selection, model, grid, fit=rows, n_jobs=2, refit=False)
    naming = [text for category, text in told if category is FitFailedWarning and "{" in text]
    assert len(naming) == 1
    assert naming[0].startswith("{'learning_rate_init': 1000000000.0} failed in 2 fits")
    assert np.isfinite(found.cv_results_["mean_test_score"]).tolist() == [True, False]


class Frames(TransformerMixin, BaseEstimator):
    """Refuses whatever is no frame."""

    def fit(self, X, y=None):
        if not hasattr(X, "columns"):
            raise TypeError(f"Got {type(X).__name__}, but expected a frame")
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_the_configuration_goes_along(backend):
    pipe = make_pipeline(StandardScaler(), Frames(), small())
    grid = {"mlpclassifier__alpha": [0.0, 1.0]}
    with sklearn.config_context(transform_output="pandas"), joblib.parallel_config(backend):
        found = search(2, pipe, grid, error_score="raise").fit(X, Y)
    assert hasattr(found.best_estimator_[-1], "feature_names_in_")


def test_progress_of_several_processes(capfd):
    search(2, verbose=1, grid={**GRID, "mlpclassifier__alpha": [0.0, 1.0]}).fit(X, Y)
    said = capfd.readouterr().out.splitlines()
    assert said[0] == "Fitting 2 folds for each of 8 candidates, totalling 16 fits"
    counts = [int(line.split()[0]) for line in said[1:]]
    assert counts == sorted(counts) and counts[-1] == 16
    assert all(line.endswith("s left") for line in said[1:])
    assert len(set(counts)) >= 2


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_an_error_comes_out_of_a_process(backend):
    model = small(alpha=-1.0)
    with joblib.parallel_config(backend=backend):
        with pytest.raises(ValueError, match="'alpha' parameter of MLPClassifier"):
            search(2, model, RATES, error_score="raise").fit(X, Y)


# -- what is left behind ---------------------------------------------------------------


class Gate(TransformerMixin, BaseEstimator):
    """Says that it is fitted, and waits for something else to happen."""

    events = {name: threading.Event() for name in ("first begun", "second begun", "first done")}

    def __init__(self, says, waits_for):
        self.says, self.waits_for = says, waits_for

    def fit(self, X, y=None):
        self.events[self.says].set()
        assert self.events[self.waits_for].wait(20)
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


def blas_threads():
    """Return how many threads each BLAS would use."""
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.fixture
def two_blas_threads():
    """Let each BLAS use two threads, as if it had been so from the start."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    before = [library.num_threads for library in libraries]
    for library in libraries:
        library.set_num_threads(2)
    if 2 not in blas_threads():
        pytest.skip("a BLAS that has one thread only cannot be seen to be held to one")
    yield
    for library, n_threads in zip(libraries, before, strict=True):
        library.set_num_threads(n_threads)


@pytest.mark.usefixtures("two_blas_threads")
def test_afterwards_blas_has_as_many_threads_as_before():
    before = blas_threads()
    search(1).fit(X, Y)
    assert blas_threads() == before


@pytest.mark.usefixtures("two_blas_threads")
def test_after_searches_that_overlap_blas_has_as_many_threads_as_before():
    def run(says, waits_for):
        pipe = make_pipeline(Gate(says, waits_for), small())
        grid = {"mlpclassifier__alpha": [0.0]}
        search(1, pipe, grid, cv=[(np.arange(60), np.arange(60, 103))], refit=False).fit(X, Y)

    before = blas_threads()
    second = threading.Thread(target=run, args=("second begun", "first done"))
    first = threading.Thread(target=run, args=("first begun", "second begun"))
    first.start()
    assert Gate.events["first begun"].wait(20)
    second.start()
    first.join()
    Gate.events["first done"].set()
    second.join()
    assert blas_threads() == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_no_thread_stays_behind(error_score):
    before = set(threading.enumerate())
    grid = {"mlpclassifier__alpha": [0.0, -1.0, 1.0]}
    with (
        pytest.raises(ValueError, match="alpha")
        if error_score == "raise"
        else contextlib.nullcontext()
    ):
        search(1, grid=grid, error_score=error_score, refit=False).fit(X, Y)
    assert set(threading.enumerate()) <= before


class Asking(TransformerMixin, BaseEstimator):
    """Asks what joblib would do where it is fitted."""

    def fit(self, X, y=None):
        self.n_jobs_ = joblib.effective_n_jobs(2)
        self.loky_ = "Loky" in type(joblib.parallel.get_active_backend()[0]).__name__
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


def as_answered(pipe, X, y):
    return {"n_jobs": float(pipe[0].n_jobs_), "loky": float(pipe[0].loky_)}


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("backend", ["threading", "sequential"])
def test_joblibs_configuration_holds_in_a_fit(backend, n_jobs):
    pipe = make_pipeline(Asking(), small())
    grid = {"mlpclassifier__alpha": [0.0, 1.0]}
    settings = {"cv": CV, "scoring": as_answered, "refit": False, "n_jobs": n_jobs}
    with joblib.parallel_config(backend=backend):
        found = model_selection.GridSearchCV(pipe, grid, **settings).fit(X, Y)
        theirs = skl.GridSearchCV(pipe, grid, **settings).fit(X, Y)
    assert_found(found, theirs)


def test_bagging_in_threads_within_a_search():
    bagging = BaggingClassifier(small(), 2, n_jobs=2, random_state=0)
    grid = {"estimator__alpha": [0.0, 1.0]}
    with joblib.parallel_config(backend="threading"):
        found = search(None, bagging, grid).fit(X, Y)
        theirs = skl.GridSearchCV(bagging, grid, cv=CV, scoring=LOSS).fit(X, Y)
    assert_found(found, theirs)


def test_searches_side_by_side_in_threads(expected):
    def fit():
        return search().fit(X, Y)

    both = joblib.Parallel(2, backend="threading")(joblib.delayed(fit)() for _ in range(2))
    for found in both:
        assert_found(found, expected)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_within_cross_validation_in_processes(n_jobs):
    grid = {"mlpclassifier__alpha": [0.0, 1.0]}
    inner = search(n_jobs, grid=grid)
    found = model_selection.cross_val_score(inner, X, Y, cv=CV, n_jobs=3 - n_jobs, scoring=LOSS)
    plain = skl.GridSearchCV(PIPE, grid, cv=CV, scoring=LOSS)
    assert_allclose(found, skl.cross_val_score(plain, X, Y, cv=CV, scoring=LOSS), rtol=1e-9)


# -- interrupts ------------------------------------------------------------------------

STEP = """
    import os
    from pathlib import Path

    def tell(X):
        Path(__file__).with_name(f"begun-{os.getpid()}").touch()
        return X
"""

LONG = """
    import threading, time
    import numpy as np
    from sklearn.datasets import make_classification
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from skmlp import MLPClassifier, model_selection
    from step import tell

    if __name__ == "__main__":
        X, y = make_classification(200, 6, random_state=0)
        model = MLPClassifier(
            (5,), n_estimators=1, max_iter=10**7, tol=0, early_stopping=False,
            learning_rate="constant", solver={solver!r}, averaging=None, dropout=0.0,
            n_iter_no_change=10**9, random_state=0,
        )
        pipe = make_pipeline(FunctionTransformer(tell), model)
        grid = {{"mlpclassifier__alpha": np.linspace(0, 1, 8)}}
        search = model_selection.GridSearchCV(pipe, grid, cv=KFold(2), n_jobs={n_jobs})
        if {nested}:
            search = model_selection.GridSearchCV(search, {{"refit": [True]}}, cv=KFold(2))
        try:
            search.fit(X, y)
        except KeyboardInterrupt:
            time.sleep(0.5)
            left = sum(thread.name == "skmlp-fit" for thread in threading.enumerate())
            print("interrupted, threads left:", left, flush=True)
            raise
        print("ended by itself", flush=True)
"""

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"
)


def alive(session):
    """Return the command lines of the processes of a session that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = path.joinpath("stat").read_text().rpartition(")")[2].split()
            if int(words[3]) == session and words[0] not in "ZX":
                found.append(path.joinpath("cmdline").read_text().replace("\0", " ")[:100])
    return found


def interrupted(folder, send, n_jobs=1, solver="adam", nested=False):
    """Run a long search, interrupt it; return what it said, its errors and the seconds it took."""
    folder.joinpath("step.py").write_text(textwrap.dedent(STEP))
    script = folder / "long.py"
    settings = {"n_jobs": n_jobs, "solver": solver, "nested": nested}
    script.write_text(textwrap.dedent(LONG).format(**settings))
    said, errors = folder / "said", folder / "errors"
    patience = time.perf_counter() + 60
    with said.open("w") as output, errors.open("w") as error_output:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env={
                **os.environ,
                "PYTHONPATH": str(Path(skmlp.__file__).parents[1]),
                "OPENBLAS_NUM_THREADS": "1",
            },
            stdout=output,
            stderr=error_output,
            start_new_session=True,
        )
    try:
        while len(list(folder.glob("begun-*"))) < n_jobs:
            assert process.poll() is None, errors.read_text()
            assert time.perf_counter() < patience, "no step was fitted"
            time.sleep(0.05)
        time.sleep(0.7)  # until it trains
        assert process.poll() is None, errors.read_text()
        started = time.perf_counter()
        send(process)
        process.wait(timeout=30)
        seconds = time.perf_counter() - started
        patience = time.perf_counter() + 5
        while alive(process.pid) and time.perf_counter() < patience:
            time.sleep(0.1)
        assert alive(process.pid) == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode != 0
    return said.read_text(), errors.read_text(), seconds


def to_the_process(process):
    process.send_signal(signal.SIGINT)


def to_all_processes(process):  # as a terminal does
    os.killpg(process.pid, signal.SIGINT)


LONG_SEARCHES = {
    "while it trains": {},
    "in a search in a search": {"nested": True},
}


@needs_proc
@pytest.mark.parametrize("case", LONG_SEARCHES)
def test_an_interrupt_ends_a_search(case, tmp_path):
    said, errors, seconds = interrupted(tmp_path, to_the_process, **LONG_SEARCHES[case])
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert seconds < 10
    assert said.splitlines()[-1] == "interrupted, threads left: 0"


@needs_proc
@pytest.mark.parametrize("send", [to_all_processes])
def test_an_interrupt_ends_a_search_in_processes(send, tmp_path):
    said, errors, seconds = interrupted(tmp_path, send, n_jobs=2)
    assert "KeyboardInterrupt" in errors
    assert seconds < 10
    assert said.splitlines()[-1] == "interrupted, threads left: 0"
