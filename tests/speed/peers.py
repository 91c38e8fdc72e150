"""The same training, done by several libraries: one function for each of them.

All fit the same rows with Adam, the same sizes, batches and epochs, and none may stop early.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sklearn.neural_network
from sklearn.exceptions import ConvergenceWarning

import skmlp

try:
    import torch
except ImportError:  # the comparison with it is then left out
    torch = None

Fit = Callable[[], object]


@dataclass(frozen=True)
class Job:
    """A table, a network and how long to train."""

    rows: int
    features: int
    hidden: tuple[int, ...]
    batch: int
    classes: int
    epochs: int

    def __str__(self) -> str:
        widths = "-".join(map(str, self.hidden))
        return f"{self.rows}x{self.features}, {widths}, batch {self.batch}"

    @property
    def wide(self) -> bool:
        return max(self.hidden) >= 256

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Draw float64 rows with as many classes as wanted, learnable but not separable."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.rows, self.features))
        scores = X @ rng.standard_normal((self.features, self.classes))
        return X, np.argmax(scores + rng.standard_normal(scores.shape), axis=1)

    def settings(self) -> dict:
        """Give the job in scikit-learn's words."""
        return {
            "hidden_layer_sizes": self.hidden,
            "batch_size": self.batch,
            "max_iter": self.epochs,
            "solver": "adam",
            "shuffle": True,
            "tol": 0.0,
            "n_iter_no_change": 10**9,
            "random_state": 0,
        }

    def tiny(self) -> "Job":
        """Shrink to what runs in no time, to see that everything runs."""
        return Job(self.rows // 50, self.features, self.hidden, self.batch // 4, self.classes, 1)


JOBS = (
    Job(20_000, 30, (100,), 200, 2, 5),
    Job(20_000, 30, (256, 256, 256), 256, 2, 2),
    Job(5_000, 30, (64,), 32, 2, 5),
    Job(6_000, 784, (512, 256), 256, 10, 3),
    Job(2_000, 20, (32, 32), 64, 2, 20),
)


def _all_epochs(model, X: np.ndarray, y: np.ndarray, epochs: int):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter is the work, not a limit
        model.fit(X, y)
    assert model.n_iter_ == epochs, f"stopped after {model.n_iter_} of {epochs} epochs"
    return model


def ours(job: Job) -> Fit:
    X, y = job.data()
    X = X.astype(np.float32)
    settings = {**skmlp.SKLEARN_DEFAULTS, **job.settings()}
    return lambda: _all_epochs(skmlp.MLPClassifier(**settings), X, y, job.epochs)


def sklearn_in(dtype: type) -> Callable[[Job], Fit]:
    def sklearn_fit(job: Job) -> Fit:
        X, y = job.data()
        X = X.astype(dtype)
        model = sklearn.neural_network.MLPClassifier
        return lambda: _all_epochs(model(**job.settings()), X, y, job.epochs)

    return sklearn_fit


def torch_loop(job: Job) -> Fit:
    """Write the loop as its users do: eager, fused Adam, a shuffle and rows by index."""
    X, y = job.data()
    X = torch.from_numpy(X.astype(np.float32))
    n_outputs = 1 if job.classes == 2 else job.classes
    y = torch.from_numpy(y.astype(np.float32)[:, None] if n_outputs == 1 else y)
    loss_of = torch.nn.BCEWithLogitsLoss() if n_outputs == 1 else torch.nn.CrossEntropyLoss()

    def fit():
        torch.manual_seed(0)
        layers = []
        for n_in, n_out in pairwise((job.features, *job.hidden)):
            layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
        net = torch.nn.Sequential(*layers, torch.nn.Linear(job.hidden[-1], n_outputs))
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
        for _ in range(job.epochs):
            for rows in torch.randperm(job.rows).split(job.batch):
                optimizer.zero_grad()
                loss = loss_of(net(X.index_select(0, rows)), y.index_select(0, rows))
                loss.backward()
                optimizer.step()
        return net

    return fit


def matrix_products(job: Job) -> Fit:
    """Do only the products of the same training: what no NumPy network can go below."""
    X = job.data()[0].astype(np.float32)
    sizes = [job.features, *job.hidden, 1 if job.classes == 2 else job.classes]
    rng = np.random.default_rng(0)
    W = [rng.standard_normal(shape, dtype=np.float32) for shape in pairwise(sizes)]
    dW = [np.empty_like(w) for w in W]
    A = [np.empty((job.batch, size), dtype=np.float32) for size in sizes[1:]]
    dA = [np.ones_like(a) for a in A]

    def step(x: np.ndarray):  # (n, features), n <= batch
        n = len(x)
        a = [x, *(layer[:n] for layer in A)]
        d = [layer[:n] for layer in dA]
        for i, w in enumerate(W):
            np.matmul(a[i], w, out=a[i + 1])
        for i in reversed(range(len(W))):
            np.matmul(a[i].T, d[i], out=dW[i])
            if i:
                # Into the activations, which are done with, so that no value grows.
                np.matmul(d[i], W[i].T, out=a[i])

    def fit():
        for _ in range(job.epochs):
            for start in range(0, job.rows, job.batch):
                step(X[start : start + job.batch])

    return fit


PEERS: dict[str, Callable[[Job], Fit]] = {
    "skmlp": ours,
    "scikit-learn float32": sklearn_in(np.float32),
    "scikit-learn float64": sklearn_in(np.float64),
}
if torch is not None:
    PEERS["PyTorch, fused Adam"] = torch_loop
PRODUCTS = "matrix products alone"
