"""Time searches beside scikit-learn's over its own MLP: `python -m tests.speed.bench_searches`.

Both search the same candidates and folds with the same networks and epochs, in as many processes,
whose pool is warm; scores are compared, and must agree to rounding.
"""

import argparse
import warnings
from collections.abc import Mapping
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import sklearn.model_selection
import sklearn.neural_network
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.preprocessing import StandardScaler

import skmlp
import skmlp.model_selection


class Search(NamedTuple):
    """A grid, the data, and the settings that both sides share."""

    X: Any
    y: Any
    grid: Mapping[str, Any]
    settings: Mapping[str, Any]
    folds: int = 5


def breast_cancer() -> Search:
    X, y = load_breast_cancer(return_X_y=True)
    grid = {
        "hidden_layer_sizes": [(16,), (32,)],
        "alpha": [1e-4, 1e-2, 1.0],
        "learning_rate_init": [1e-3, 3e-3, 1e-2, 3e-2],
    }
    return Search(StandardScaler().fit_transform(X), y, grid, {"batch_size": 64, "max_iter": 40})


def many_small() -> Search:
    X, y = make_classification(500, 10, n_informative=6, random_state=0)
    grid = {"alpha": np.geomspace(1e-5, 10, 10), "learning_rate_init": np.geomspace(1e-4, 0.1, 20)}
    settings = {"hidden_layer_sizes": (16,), "batch_size": 32, "max_iter": 50}
    return Search(X, y, grid, settings)


def one_wide() -> Search:
    X, y = make_classification(2000, 30, n_informative=8, random_state=0)
    settings = {"hidden_layer_sizes": (512,), "batch_size": 200, "max_iter": 20}
    return Search(X, y, {"alpha": [1e-4]}, settings)


SEARCHES = {
    "24 x 5, breast cancer, 16 and 32 units": breast_cancer,
    "200 x 5, 500x10, 16 units": many_small,
    "1 x 5, 2000x30, 512 units": one_wide,
}


def seconds(kind: Any, model: Any, search: Search, n_jobs: int) -> tuple[float, Any]:
    """Time one search; return its scores too."""
    settings = {"random_state": 0, **search.settings}
    found = kind(
        model.set_params(**settings), search.grid, cv=search.folds, n_jobs=n_jobs, refit=False
    )
    started = perf_counter()
    found.fit(search.X, search.y)
    return perf_counter() - started, found.cv_results_["mean_test_score"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    with sklearn.config_context(), warnings.catch_warnings():
        for name, make in SEARCHES.items():
            search = make()
            ours = (
                skmlp.model_selection.GridSearchCV,
                lambda: skmlp.MLPClassifier(**skmlp.SKLEARN_DEFAULTS),
            )
            theirs = sklearn.model_selection.GridSearchCV, sklearn.neural_network.MLPClassifier
            times: dict[str, list[float]] = {"skmlp": [], "sklearn": []}
            few = search._replace(settings={**search.settings, "max_iter": 1})
            for kind, model in (ours, theirs):
                seconds(kind, model(), few, chosen.jobs)  # the pool, and what it imports
            for _ in range(chosen.repeats):
                scores = []
                for peer, (kind, model) in zip(times, (ours, theirs), strict=True):
                    taken, score = seconds(kind, model(), search, chosen.jobs)
                    times[peer].append(taken)
                    scores.append(score)
                assert np.allclose(*scores, atol=1e-9), "the searches disagree"
            mine, its = (float(np.median(times[peer])) for peer in times)
            print(f"{name}: {mine:.2f} s, scikit-learn {its:.2f} s, ratio {its / mine:.1f}")


if __name__ == "__main__":
    main()
