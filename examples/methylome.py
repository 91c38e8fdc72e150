r"""A whole methylation array, from the file to a table of genes
============================================================

450,000 CpGs of a few hundred people: read from a file into a memory map, checked for batches,
and used to tell current from never smokers and to predict pack-years, by cross-validation in
which everything that looks at the target stays inside the folds. Then intervals for single
people, and the genes on which all the fitted networks agree.

::

    python examples/methylome.py                      # a drawn cohort of 450,000 CpGs
    python examples/methylome.py --n-cpgs 20000       # the same in a minute
    python examples/methylome.py --betas betas.csv.gz --sheet samples.csv \
        --status smoking --classes never current --amount pack_years --batch plate

The drawn cohort has published effects and invented people (`skmlp.datasets.make_methylation`);
its scores demonstrate, and prove nothing about people. A file of yours holds CpGs by samples or
samples by CpGs, as CSV, TSV or Parquet; the sample sheet's first column holds the ids.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import MLPClassifier, MLPRegressor
from skmlp.core.losses import Quantile
from skmlp.datasets import make_methylation, read_beta_matrix
from skmlp.inspection import batch_report, stable_importance
from skmlp.model_selection import cross_validate
from skmlp.preprocessing import SelectCpGs

AHRR = "cg05575921"  # the CpG that smoking moves most
LEVELS = (0.05, 0.5, 0.95)
STARTED = time.perf_counter()
CHOSEN = 1000  # CpGs that the fold's own test passes on to a network


def say(text):
    """Print a line with the seconds so far."""
    print(f"[{time.perf_counter() - STARTED:5.0f} s] {text}", flush=True)


# --- the file ---------------------------------------------------------------------------------


def write_cohort(folder, n_people, n_cpgs):
    """Draw a cohort and write it as a laboratory would send it: CpGs by samples, and a sheet."""
    n_known = make_methylation(10, 0, random_state=0).data.shape[1]
    cohort = make_methylation(n_people, max(0, n_cpgs - n_known), random_state=0)
    betas, sheet = folder / "betas.csv", folder / "samples.csv"
    cohort.sheet.to_csv(sheet)
    words = np.array([f"{i / 1e4:.4f}" for i in range(10_001)], dtype=object)
    with betas.open("w", encoding="utf-8") as file:
        file.write(",".join(["cpg", *cohort.data.index]) + "\n")
        for name, column in zip(cohort.data.columns, cohort.data.to_numpy().T, strict=True):
            file.write(f"{name},{','.join(words[np.rint(1e4 * column).astype(int)])}\n")
    return betas, sheet


def known_genes(cpgs):
    """Look up the genes of those CpGs whose smoking effect is published; the others by name."""
    genes = make_methylation(10, 0, random_state=0).cpgs["gene"]
    return genes.reindex(cpgs).fillna(pd.Series(cpgs, index=cpgs))


# --- the questions ----------------------------------------------------------------------------


def status_models(cpgs):
    """List models that tell two classes apart, from all CpGs, some or one."""
    chosen = SelectCpGs(k=CHOSEN, statistic="t")
    wide = {"solver": "sgd", "l1": 0.0, "alpha": 300.0, "max_iter": 60}
    models = {
        "network, all CpGs": MLPClassifier((32,), **wide, random_state=0),
        f"network, {CHOSEN:,} CpGs": make_pipeline(chosen, MLPClassifier(random_state=0)),
        "ridge, all CpGs": make_pipeline(StandardScaler(), RidgeClassifier(1e4)),
    }
    if AHRR in cpgs:
        models["AHRR alone"] = make_pipeline(one_column(cpgs), LogisticRegression(C=1e6))
    return models


def amount_models(cpgs):
    """List models that predict an amount."""
    chosen = SelectCpGs(k=CHOSEN, statistic="correlation")
    penalties = np.logspace(2, 7, 11)
    models = {
        f"network, {CHOSEN:,} CpGs": make_pipeline(chosen, MLPRegressor(random_state=0)),
        "ridge, all CpGs": make_pipeline(StandardScaler(), RidgeCV(penalties)),
    }
    if AHRR in cpgs:
        models["AHRR alone"] = make_pipeline(one_column(cpgs), LinearRegression())
    return models


def one_column(cpgs):
    """Pass on the CpG that smoking moves most."""
    return ColumnTransformer([("ahrr", "passthrough", [list(cpgs).index(AHRR)])])


def compare(models, X, y, folds, scoring):
    """Cross-validate each model; print a table; return what was fitted."""
    found = {}
    for name, model in models.items():
        found[name] = cross_validate(model, X, y, cv=folds, scoring=scoring, return_estimator=True)
        scores = found[name]["test_score"]
        error = scores.std(ddof=1) / len(scores) ** 0.5
        say(f"  {name:<24}{scoring:>8}  {scores.mean():.3f} ± {error:.3f} (standard error)")
    return found


def intervals(X, amount):
    """Fit quantiles on three quarters of the people; tell how often they hold for the others."""
    model = make_pipeline(
        SelectCpGs(k=CHOSEN, statistic="correlation"),
        MLPRegressor(loss=Quantile(list(LEVELS)), random_state=0),
    )
    train, test = train_test_split(np.arange(len(X)), random_state=0)
    model.fit(X[train], amount[train])
    low, middle, high = model[-1].predict_quantiles(model[:-1].transform(X[test])).T
    inside = np.mean((amount[test] >= low) & (amount[test] <= high))
    say(f"  intervals of {100 * (LEVELS[2] - LEVELS[0]):.0f} % hold for {100 * inside:.0f} %")
    return amount[test], middle, low, high


def genes_of(found, X, cpgs):
    """Sum what the networks of all folds rely on over genes."""
    table = stable_importance(
        found["estimator"], X, groups=known_genes(cpgs).to_numpy(), feature_names=list(cpgs)
    )
    print(table.head(12).round(3).to_string())
    return table


# --- the picture ------------------------------------------------------------------------------


def draw(path, found, X, y, folds, interval, genes):
    """Draw ROC curves, intervals and genes."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return say('no plot without matplotlib: pip install "skmlp[plot]"')
    from sklearn.metrics import RocCurveDisplay

    from skmlp.inspection import PredictionIntervalDisplay

    figure, axes = plt.subplots(1, 3, figsize=(16, 5), layout="constrained")
    test = next(iter(folds.split(X, y)))[1]
    for name, one in found.items():
        RocCurveDisplay.from_estimator(one["estimator"][0], X[test], y[test], ax=axes[0], name=name)
    axes[0].set_title("Current against never smokers, first fold")
    if interval is not None:
        observed, middle, low, high = interval
        PredictionIntervalDisplay.from_predictions(observed, middle, low, high, ax=axes[1])
        axes[1].set_ylabel("amount smoked, of people held out")
    top = genes.head(12).iloc[::-1]
    axes[2].barh(top.index, top["importance"], xerr=top["std"], color="#4477aa")
    axes[2].set_title("What the networks of all folds rely on")
    axes[2].set_xlabel("share of the importance")
    figure.savefig(path, dpi=120)
    say(f"drawn: {path}")


# --- from one end to the other ----------------------------------------------------------------


def arguments(given):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n-people", type=int, default=240)
    parser.add_argument("--n-cpgs", type=int, default=450_000)
    parser.add_argument("--betas", type=Path, help="a table of yours")
    parser.add_argument("--sheet", type=Path, help="its sample sheet")
    parser.add_argument("--status", default="smoking", help="column with the classes")
    parser.add_argument("--classes", nargs=2, default=["never", "current"])
    parser.add_argument("--amount", default="pack_years", help="column with numbers, or ''")
    parser.add_argument("--batch", default="batch", help="column with batches, or ''")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--plot", type=Path, default=Path("methylome.png"))
    return parser.parse_args(given)


def main(given=None):
    """Go through all of it."""
    args = arguments(given)
    with tempfile.TemporaryDirectory() as folder:
        betas, sheet = args.betas, args.sheet
        if betas is None:
            betas, sheet = write_cohort(Path(folder), args.n_people, args.n_cpgs)
            say(f"written: {betas.name}, {betas.stat().st_size / 1e6:,.0f} MB")
        matrix = read_beta_matrix(betas, samples=sheet, memmap=Path(folder) / "betas.npy")
        say(f"read: {matrix}, in a memory map")
        analyse(args, matrix.data, matrix.cpgs, matrix.samples)


def analyse(args, betas, cpgs, sheet):
    """Ask the questions of one cohort."""
    asked = sheet[args.status].isin(args.classes).to_numpy()
    X, y = betas[asked], (sheet[args.status][asked] == args.classes[1]).to_numpy()
    folds = StratifiedKFold(args.folds, shuffle=True, random_state=0)
    if args.batch:
        screened = make_pipeline(
            SelectCpGs(k=20, statistic="t"), StandardScaler(), LogisticRegression()
        )
        report = batch_report(screened, X, y, sheet[args.batch][asked], scoring="roc_auc")
        say(f"batches: association with the classes {report.association:.2f}")
        print(report.scores.round(3).to_string())
    say(f"{args.classes[1]} ({y.sum()}) against {args.classes[0]} ({(~y).sum()})")
    found = compare(status_models(cpgs), X, y, folds, "roc_auc")
    interval = None
    if args.amount:
        amount = sheet[args.amount].to_numpy(dtype=float)
        say(f"{args.amount}, everyone ({len(amount)})")
        parts = KFold(args.folds, shuffle=True, random_state=0)
        compare(amount_models(cpgs), betas, amount, parts, "r2")
        interval = intervals(betas, amount)
    say("genes, over the networks of all folds")
    genes = genes_of(found[f"network, {CHOSEN:,} CpGs"], X, cpgs)
    draw(args.plot, found, X, y, folds, interval, genes)


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    main()
