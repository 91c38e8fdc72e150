"""Times in one run, side by side; latency of one row; memory of one wide fit."""

import pickle
import statistics
import tracemalloc
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

import numpy as np
import sklearn.neural_network
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import skmlp
from tests.speed.peers import PEERS, PRODUCTS, Fit, Job, matrix_products, ours, torch

Times = dict[str, float]


@contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Hold BLAS, OpenMP and PyTorch to n threads; None leaves each its default."""
    with threadpool_limits(n):
        before = torch.get_num_threads() if torch and n else None
        if before:
            torch.set_num_threads(n)
        try:
            yield
        finally:
            if before:
                torch.set_num_threads(before)


def interleaved(fits: Mapping[str, Fit], repeats: int) -> Times:
    """Take the median seconds of each after a warm-up, in turns, so that all see one machine."""
    taken = {name: [] for name in fits}
    for fit in fits.values():
        fit()
    for _ in range(repeats):
        for name, fit in fits.items():
            start = perf_counter()
            fit()
            taken[name].append(perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def fit_times(job: Job, repeats: int = 5, n_threads: int | None = 1) -> Times:
    """Time a job with every peer, and for wide networks its matrix products."""
    fits = {name: peer(job) for name, peer in PEERS.items()}
    if job.wide:
        fits[PRODUCTS] = matrix_products(job)
    with threads(n_threads):
        return interleaved(fits, repeats)


def ratio(times: Times, peer: str) -> float:
    """Say how many times as long a peer takes as we do."""
    return times[peer] / times["skmlp"]


def geometric_mean(values: Iterable[float]) -> float:
    return statistics.geometric_mean(values)


def threading_cost(job: Job, repeats: int = 5) -> float:
    """Divide the time with default threads by the time with one."""

    def on(n: int | None) -> Fit:
        fit = ours(job)

        def limited():
            with threads(n):
                fit()

        return limited

    times = interleaved({"default": on(None), "one": on(1)}, repeats)
    return times["default"] / times["one"]


def one_row_latency(repeats: int = 2000) -> Times:
    """Time `predict` on one row, ours and scikit-learn's, in seconds."""
    job = Job(500, 30, (100,), 100, 2, 2)
    X, y = job.data()
    models = {
        "skmlp": skmlp.MLPClassifier(**{**skmlp.SKLEARN_DEFAULTS, **job.settings()}),
        "scikit-learn": sklearn.neural_network.MLPClassifier(**job.settings()),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        predict = {name: model.fit(X, y).predict for name, model in models.items()}
    row = X[:1]
    return interleaved({name: lambda p=p: p(row) for name, p in predict.items()}, repeats)


def memory(model, n_rows: int = 500, n_features: int = 50_000) -> dict[str, float]:
    """Measure a fit's peak beyond its input, and the pickle, both as multiples of the weights."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    y = rng.integers(0, 2, n_rows)
    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    weights = sum(w.nbytes for w in model.coefs_ + model.intercepts_)
    return {"peak": peak / weights, "pickle": len(pickle.dumps(model)) / weights}


MEMORY_SETTINGS = {
    "hidden_layer_sizes": (100,),
    "solver": "adam",
    "early_stopping": False,
    "max_iter": 2,
    "random_state": 0,
}


def memory_of_each(**shape: int) -> dict[str, dict[str, float]]:
    """Measure our memory, and scikit-learn's beside it."""
    return {
        "skmlp": memory(
            skmlp.MLPClassifier(**{**skmlp.SKLEARN_DEFAULTS, **MEMORY_SETTINGS}), **shape
        ),
        "scikit-learn": memory(sklearn.neural_network.MLPClassifier(**MEMORY_SETTINGS), **shape),
    }
