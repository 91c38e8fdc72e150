"""Score the defaults on real people beside linear models: `python -m tests.quality.bench_cohorts`.

Every model sees the same folds; what it needs to choose it chooses inside them. The standard error
is that of the difference to the best linear model, over folds, widened for their overlap (Nadeau &
Bengio 2003, "Inference for the generalization error", Machine Learning 52).
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.model_selection import (
    GroupKFold,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import MLPClassifier, MLPRegressor

DATA = Path(__file__).parents[3] / "shared" / "data" / "methylation"
SPLITS, REPEATS = 5, 3
_SMALL = "gse42861_subset100_cpg3000_ra_smoking"
_HEALTHY = "healthy_blood450k_cpg158_age"
#: File, target and score of each cohort.
COHORTS = {
    "ever smoking, GSE50660": ("gse50660_blood450k_ever_smoking", "ever_smoker", "roc_auc"),
    "rheumatoid arthritis, GSE42861": (_SMALL, "disease", "roc_auc"),
    "smoking now or never, GSE42861": (_SMALL, "smoking_status", "roc_auc"),
    "the same, shuffled": (_SMALL, "smoking_status", "roc_auc"),  # where there is nothing to find
    "age, 158 CpGs": (_HEALTHY, "Age_years", "neg_mean_absolute_error"),
    "age, 158 CpGs, other studies": (_HEALTHY, "Age_years", "neg_mean_absolute_error"),
    "age, 71 CpGs": ("gpage_blood_cpg71_age", "age", "neg_median_absolute_error"),
    "age, 37 people": ("carpentries_epic_sorted_mvalues_37x5000", "age", "r2"),
}


class Cohort(NamedTuple):
    """CpGs, a target, and how to hold people out."""

    X: pd.DataFrame
    y: np.ndarray
    groups: Any
    folds: Any
    scoring: str


def load(name: str, folder: Path = DATA) -> Cohort:
    """Read a cohort by its key in COHORTS."""
    file, target, scoring = COHORTS[name]
    table = pd.read_csv(folder / f"{file}.csv.gz")
    table = table[table[target].notna()]
    cpgs = [c for c in table if c.startswith(("cg", "ch"))]
    X, y = table[cpgs].astype(np.float32), table[target].to_numpy()
    if scoring == "roc_auc":
        if target == "smoking_status":  # now against never
            asked = np.isin(y, ["current", "never"])
            X, y, table = X[asked], y[asked] == "current", table[asked]
        y = pd.factorize(y, sort=True)[0]
        if "shuffled" in name:
            y = np.random.default_rng(0).permutation(y)
        return Cohort(
            X,
            y,
            None,
            RepeatedStratifiedKFold(n_splits=SPLITS, n_repeats=REPEATS, random_state=0),
            scoring,
        )
    if "other studies" in name:
        return Cohort(X, y, table["Batch"].to_numpy(), GroupKFold(SPLITS), scoring)
    repeats = 1 if len(y) > 5000 else REPEATS
    return Cohort(
        X, y, None, RepeatedKFold(n_splits=SPLITS, n_repeats=repeats, random_state=0), scoring
    )


def logistic(ratio: float) -> Callable[[], Any]:
    """Make logistic regression with an L1 (1) or L2 (0) penalty chosen by inner folds."""

    def make() -> Any:
        newer = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 8)
        kind = {"l1_ratios": (ratio,)} if newer else {"penalty": "l1" if ratio else "l2"}
        if newer:
            kind["use_legacy_attributes"] = False
        return LogisticRegressionCV(
            Cs=np.logspace(-3, 1, 9),
            cv=5,
            scoring="roc_auc",
            solver="liblinear",
            random_state=0,
            **kind,
        )

    return make


def models(scoring: str) -> dict[str, Any]:
    """List what is compared."""
    if scoring == "roc_auc":
        ours = {"skmlp": MLPClassifier(random_state=0)}
        linear = {"L1 logistic": logistic(1.0)(), "L2 logistic": logistic(0.0)()}
    else:
        ours = {"skmlp": MLPRegressor(random_state=0)}
        linear = {"ridge": RidgeCV(np.logspace(-2, 6, 17))}
    linear = {name: make_pipeline(StandardScaler(), model) for name, model in linear.items()}
    fill = SimpleImputer(strategy="median")
    return {name: make_pipeline(fill, model) for name, model in (ours | linear).items()}


def measure(cohort: Cohort) -> dict[str, np.ndarray]:
    """Return the score of each model on each fold."""
    return {
        name: cross_val_score(
            model, cohort.X, cohort.y, groups=cohort.groups, cv=cohort.folds, scoring=cohort.scoring
        )
        for name, model in models(cohort.scoring).items()
    }


def difference(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return the mean difference over folds, and its standard error."""
    apart = ours - theirs
    share = 1 / (SPLITS - 1)  # rows to test by rows to train
    error = np.sqrt((1 / len(apart) + share) * apart.var(ddof=1))
    return float(apart.mean()), float(error)


def main(given: list[str] | None = None) -> None:
    """Measure and print one line for each cohort."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cohorts", nargs="*", help="parts of their names; all without")
    parser.add_argument("--data", type=Path, default=DATA)
    args = parser.parse_args(given)
    for name in COHORTS:
        if args.cohorts and not any(part in name for part in args.cohorts):
            continue
        cohort = load(name, args.data)
        scores = measure(cohort)
        best = max(set(scores) - {"skmlp"}, key=lambda model: scores[model].mean())
        apart, error = difference(scores["skmlp"], scores[best])
        means = ", ".join(f"{model} {one.mean():.3f}" for model, one in scores.items())
        print(f"{name} ({cohort.X.shape[0]} x {cohort.X.shape[1]}), {cohort.scoring}: {means};")
        print(f"    skmlp - {best}: {apart:+.3f}, standard error {error:.3f}", flush=True)


if __name__ == "__main__":
    main()
