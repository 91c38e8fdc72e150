"""Search a grid of networks, beside scikit-learn's own search over its own network
================================================================================

Who smokes, current against never smokers, from the CpGs whose smoking effect is published, in the
drawn cohort of `skmlp.datasets.make_methylation`. Both libraries try the same layer sizes,
penalties and learning rates on the same five folds, with the same seeds. The code differs in its
imports and in SKLEARN_DEFAULTS, which makes our networks follow scikit-learn's; so both searches
find the same, and what differs is the time. Ours trains the networks of one layer size, all folds
of all candidates, as the rows of a few arrays.

::

    python examples/grid_search.py                # 32 candidates
    python examples/grid_search.py --quick        # 8, for fewer epochs
    python examples/grid_search.py --n-jobs 4     # both searches in four processes
"""

import argparse
import time
import warnings

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, ParameterGrid, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import skmlp
import skmlp.model_selection
from skmlp.datasets import make_methylation

FOLDS = 5
SHOWN = 5  # candidates, the best first

STEP = "mlp__"  # what scikit-learn puts before the names of that step's parameters

GRID = {
    "mlp__hidden_layer_sizes": [(8,), (32,)],
    "mlp__alpha": [0.01, 0.1, 1.0, 10.0],
    "mlp__learning_rate_init": [0.003, 0.01, 0.03, 0.1],
}
QUICK_GRID = GRID | {"mlp__alpha": [0.1, 1.0], "mlp__learning_rate_init": [0.01, 0.03]}


# --- the two searches -------------------------------------------------------------------------


def smokers(n_samples, seed):
    """Draw people and their CpGs; ask who smokes."""
    cohort = make_methylation(n_samples, n_null=0, random_state=seed)
    smoking = cohort.sheet["smoking"]
    asked = (smoking != "former").to_numpy()
    # float64: in float32 the two libraries' rounding would show in the scores
    return cohort.data[asked].astype(float), (smoking[asked] == "current").to_numpy().astype(int)


def searches(options):
    """Lay out both searches: the same grid, folds and seed, each over its own library's network."""
    epochs = options.epochs or (20 if options.quick else 50)
    same = {
        "param_grid": QUICK_GRID if options.quick else GRID,
        "scoring": "neg_log_loss",
        "cv": StratifiedKFold(FOLDS, shuffle=True, random_state=options.seed),
        "n_jobs": options.n_jobs,
    }
    settings = {"batch_size": 32, "max_iter": epochs, "random_state": options.seed}
    ours = scaled(skmlp.MLPClassifier(**{**skmlp.SKLEARN_DEFAULTS, **settings}))
    theirs = scaled(MLPClassifier(**settings))
    return skmlp.model_selection.GridSearchCV(ours, **same), GridSearchCV(theirs, **same)


def scaled(network):
    """Put a network behind a scaler, which ours needs too under SKLEARN_DEFAULTS."""
    return Pipeline([("scale", StandardScaler()), ("mlp", network)])


def start_processes(n_jobs):
    """Start all processes, and what they import, before the clock: the first search would wait."""
    draw = delayed(make_methylation)
    Parallel(n_jobs)(draw(10, 0, random_state=i) for i in range(effective_n_jobs(n_jobs)))


def run(name, search, X, y):
    """Fit a search; print and return the seconds that it took."""
    start = time.perf_counter()
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):  # a core for each process
        # the number of epochs is part of what is compared
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)
    seconds = time.perf_counter() - start
    print(f"{name:<16}{seconds:>8.1f} s", flush=True)
    return seconds


# --- what they found --------------------------------------------------------------------------


def split_scores(search):
    """Give the score of every candidate on every fold, (candidates, folds)."""
    return np.stack([search.cv_results_[f"split{i}_test_score"] for i in range(FOLDS)], axis=1)


def show_best(ours, theirs):
    """Print the best candidates, and the mean log loss that each search found for them."""
    names = [name.removeprefix(STEP) for name in GRID]
    print(f"\nMean log loss over {FOLDS} folds, of the best {SHOWN} candidates:")
    print(f"  {''.join(f'{name:<20}' for name in names)}{'skmlp':>8}{'scikit-learn':>15}")
    for i in np.argsort(ours.cv_results_["rank_test_score"], kind="stable")[:SHOWN]:
        values = [str(ours.cv_results_["params"][i][name]) for name in GRID]
        a, b = (-search.cv_results_["mean_test_score"][i] for search in (ours, theirs))
        print(f"  {''.join(f'{value:<20}' for value in values)}{a:>8.4f}{b:>15.4f}")


def show_agreement(ours, theirs):
    """Print what each search chose, and how far apart their scores are."""
    scores, others = split_scores(ours), split_scores(theirs)
    print(f"\nbest, skmlp:         {in_words(ours.best_params_)}")
    print(f"best, scikit-learn:  {in_words(theirs.best_params_)}")
    apart = np.abs(scores - others).max()
    print(f"largest difference between the two, in {scores.size} log losses: {apart:.1e}")


def in_words(parameters):
    """Write parameters without the step that they belong to."""
    return ", ".join(f"{name.removeprefix(STEP)}={parameters[name]}" for name in GRID)


# --- the whole --------------------------------------------------------------------------------


def main(argv=None):
    """Run the example."""
    options = parse(argv)
    X, y = smokers(options.samples, options.seed)
    ours, theirs = searches(options)
    n_candidates = len(ParameterGrid(ours.param_grid))
    print(f"{X.shape[0]} people, {X.shape[1]} CpGs, {n_candidates} candidates, {FOLDS} folds\n")
    start_processes(options.n_jobs)
    seconds = [run("skmlp", ours, X, y), run("scikit-learn", theirs, X, y)]
    print(f"{'':<16}{seconds[1] / seconds[0]:>8.1f} times as long")
    show_best(ours, theirs)
    show_agreement(ours, theirs)


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="8 candidates, 20 epochs")
    parser.add_argument("--samples", type=int, default=400, help="people drawn (%(default)s)")
    parser.add_argument("--epochs", type=int, help="at most (50; 20 with --quick)")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
