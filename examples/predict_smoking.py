"""Predict smoking from DNA methylation in blood, and find the CpGs that tell
==========================================================================

Tobacco smoke leaves marks on DNA that last for years. This example asks how well four models
read them, by cross-validation: who smokes (current against never smokers), and how much a
person has smoked in all (pack-years: packs a day times years). It then asks the fitted
networks which CpG sites they rely on, and draws what came out.

Few people and thousands of CpGs, most of them idle: networks drown in that, unless an L1
penalty keeps the weights of idle columns at rest. skmlp's networks have one by default on
such tables (`l1="auto"`); its strength was chosen on this cohort and on GEO's GSE50660, so
take their scores here as a demonstration, not as a test.

::

    python examples/predict_smoking.py                 # a drawn cohort, no download
    python examples/predict_smoking.py --data table.csv.gz --target smoker   # a table of yours

The cohort comes from `skmlp.datasets.make_methylation`: published effects, invented people.
A table of yours may be csv or tsv, with gaps and categories; the target decides whether
classes or numbers are predicted.
"""

import argparse
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, confusion_matrix, r2_score, roc_auc_score, roc_curve
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skmlp
from skmlp.datasets import make_methylation

AHRR = "cg05575921"  # the CpG that smoking moves most
OURS = "skmlp MLP"
SCREENED = 30  # columns that get the exact, slower importance
SHOWN = 12


@dataclass
class Task:
    """A table and what to predict from it."""

    title: str
    X: pd.DataFrame
    y: np.ndarray  # class codes or numbers
    classes: list | None  # names of the classes; None where numbers are predicted
    unit: str  # of the numbers
    genes: pd.Series  # gene by CpG, for the known smoking CpGs
    groups: pd.Series | None = None  # what to colour the rows by

    @property
    def metrics(self):
        """Name what is measured on each fold."""
        return ("AUC", "accuracy") if self.classes else ("R²", "Spearman")


@dataclass
class Result:
    """What cross-validation found for one model."""

    name: str
    scores: np.ndarray  # (folds, 2)
    seconds: np.ndarray  # (folds,)
    predicted: np.ndarray  # held-out predictions: (n, classes) or (n,)
    fitted: list  # (pipeline, its held-out rows) of each fold


# --- the tables -------------------------------------------------------------------------------


def known_genes():
    """Look up the gene of every CpG whose smoking effect is published."""
    return make_methylation(n_samples=10, n_null=0, random_state=0).cpgs["gene"]


def cohort_tasks(n_samples, n_null, seed):
    """Draw the cohort; ask who smokes and how much."""
    cohort = make_methylation(n_samples, n_null, random_state=seed)
    smoking, genes = cohort.sheet["smoking"], known_genes()
    asked = (smoking != "former").to_numpy()
    return [
        Task(
            "Current against never smokers",
            cohort.data[asked],
            (smoking[asked] == "current").to_numpy().astype(int),
            ["never", "current"],
            "",
            genes,
        ),
        Task(
            "Pack-years of everyone",
            cohort.data,
            cohort.sheet["pack_years"].to_numpy(),
            None,
            "pack-years",
            genes,
            smoking,
        ),
    ]


def file_task(path, target, folds):
    """Read a table and find out what its target asks for."""
    table = pd.read_csv(path, sep="\t" if ".tsv" in Path(path).suffixes else ",")
    if target not in table:
        raise SystemExit(f"No column {target!r} in {path}. Columns: {shorten(list(table), 30)}.")
    y, X = table[target], drop_names(table.drop(columns=target))
    if y.isna().any():
        print(f"Leaving out {y.isna().sum()} rows without {target}.")
        X, y = X[y.notna()], y[y.notna()]
    numbers = pd.api.types.is_numeric_dtype(y) and y.nunique() > 10
    if numbers:
        return Task(target, X, y.to_numpy(dtype=float), None, target, known_genes())
    rare = y.map(y.value_counts()).astype(int) < folds
    if rare.any():
        print(f"Leaving out {rare.sum()} rows of classes with fewer rows than folds.")
        X, y = X[~rare], y[~rare]
    codes, classes = pd.factorize(y, sort=True)
    if len(classes) < 2:
        raise SystemExit(f"Column {target!r} has a single class: there is nothing to predict.")
    return Task(target, X, codes, [str(name) for name in classes], "", known_genes())


def drop_names(X):
    """Drop columns that name rows (text, mostly distinct) and columns without any value."""
    is_text = [not pd.api.types.is_numeric_dtype(X[name]) for name in X]
    names = [c for c in X.columns[is_text] if X[c].nunique() > len(X) / 2]
    empty = [c for c in X.columns[X.isna().all()] if c not in names]
    for reason, columns in (("names of rows", names), ("empty", empty)):
        if columns:
            print(f"Dropping {shorten(columns, 8)}: {reason}.")
    return X.drop(columns=names + empty)


def shorten(names, most):
    """List names, but not a thousand."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


# --- the models -------------------------------------------------------------------------------


def prepare(X):
    """Make numbers of categories and fill gaps, where there are any."""
    numeric = X.select_dtypes("number").columns
    others = X.columns.difference(numeric, sort=False)
    if others.empty and not X.isna().to_numpy().any():
        return "passthrough"
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=20, sparse_output=False
    )
    return ColumnTransformer(
        [("numbers", SimpleImputer(strategy="median"), numeric), ("names", categories, others)],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")


def models(task, seed):
    """List the models to compare, each to be fitted on the prepared table."""
    pick = ColumnTransformer([("ahrr", "passthrough", [AHRR])])
    if task.classes:
        ours, ahrr, linear = skmlp.MLPClassifier, LogisticRegression(), lasso(len(task.classes))
        theirs, linear_name = MLPClassifier(random_state=seed), "L1 logistic regression"
    else:
        ours, ahrr, linear = skmlp.MLPRegressor, LinearRegression(), RidgeCV(np.logspace(0, 5, 11))
        theirs, linear_name = MLPRegressor(random_state=seed), "ridge regression"
        theirs = TransformedTargetRegressor(theirs, transformer=StandardScaler())
    chosen = {OURS: make_pipeline(prepare(task.X), ours(random_state=seed))}
    if AHRR in task.X:
        chosen["AHRR alone"] = make_pipeline(prepare(task.X), pick, StandardScaler(), ahrr)
    chosen[linear_name] = make_pipeline(prepare(task.X), StandardScaler(), linear)
    chosen["scikit-learn MLP"] = make_pipeline(prepare(task.X), StandardScaler(), theirs)
    return chosen


def lasso(n_classes):
    """Spell L1 logistic regression for old and new scikit-learn."""
    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    l1 = {"l1_ratio": 1} if version >= (1, 8) else {"penalty": "l1"}
    model = LogisticRegression(C=0.1, solver="liblinear", random_state=0, **l1)
    return model if n_classes == 2 else OneVsRestClassifier(model)


# --- cross-validation -------------------------------------------------------------------------


def cross_validate(task, name, model, folds, seed):
    """Fit on all folds but one, predict that one; time the fits."""
    splitter = StratifiedKFold if task.classes else KFold
    splits = splitter(folds, shuffle=True, random_state=seed).split(task.X, task.y)
    shape = (len(task.y), len(task.classes)) if task.classes else len(task.y)
    result = Result(name, np.zeros((folds, 2)), np.zeros(folds), np.zeros(shape), [])
    for i, (train, test) in enumerate(splits):
        progress(f"  {name}: fold {i + 1} of {folds}")
        with warnings.catch_warnings():
            # scikit-learn's default of 200 epochs is part of what is compared
            warnings.simplefilter("ignore", ConvergenceWarning)
            start = time.perf_counter()
            fitted = clone(model).fit(task.X.iloc[train], task.y[train])
            result.seconds[i] = time.perf_counter() - start
        result.predicted[test] = predict(task, fitted, task.X.iloc[test])
        result.scores[i] = score(task, task.y[test], result.predicted[test])
        result.fitted.append((fitted, test))
    progress("")
    return result


def predict(task, fitted, X):
    """Predict probabilities of classes, or numbers."""
    return fitted.predict_proba(X) if task.classes else fitted.predict(X)


def score(task, y, predicted):
    """Measure both metrics of the task."""
    if not task.classes:
        return r2_score(y, predicted), spearmanr(y, predicted).statistic
    chances = predicted[:, 1] if len(task.classes) == 2 else predicted
    return roc_auc_score(y, chances, multi_class="ovr"), accuracy_score(y, predicted.argmax(1))


def compare(task, folds, seed):
    """Cross-validate every model and print the table, a row as soon as it is known."""
    rows, columns = task.X.shape
    print(f"\n{task.title}: {rows:,} rows, {columns:,} columns, {folds} folds")
    print(f"  {'model':<24}{task.metrics[0]:<18}{task.metrics[1]:<18}{'fit':>8}")
    results = []
    for name, model in models(task, seed).items():
        result = cross_validate(task, name, model, folds, seed)
        cells = "".join(f"{with_error(column):<18}" for column in result.scores.T)
        print(f"  {name:<24}{cells}{result.seconds.mean():>6.2f} s", flush=True)
        results.append(result)
    return results


def with_error(values):
    """Write the mean over folds and its standard error."""
    return f"{values.mean():.3f} ± {standard_error(values):.3f}"


def standard_error(values):
    """Give the standard error of a mean."""
    return values.std(axis=0, ddof=1) / np.sqrt(len(values))


def progress(text):
    """Show what is going on, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}\r", end="", file=sys.stderr, flush=True)


# --- what mattered ----------------------------------------------------------------------------


def importance(task, result, seed):
    """Measure how much the held-out loss rises when one column is shuffled.

    Thousands of columns are screened first, on a few rows of each fold, by how far shuffling
    moves the prediction.
    """
    rng = np.random.default_rng(seed)
    columns = np.arange(task.X.shape[1])
    if len(columns) > SCREENED:
        moved = [screen(task, *fold, rng) for fold in result.fitted]
        columns = np.argsort(-np.mean(moved, axis=0))[:SCREENED]
    progress("  shuffling the columns that matter")
    rises = np.array([loss_rises(task, *fold, columns, rng) for fold in result.fitted])
    progress("")
    table = pd.DataFrame(
        {"rise": rises.mean(axis=0), "error": standard_error(rises)}, index=task.X.columns[columns]
    )
    table.insert(0, "gene", task.genes.reindex(table.index))
    return table.sort_values("rise", ascending=False).head(SHOWN)


def screen(task, fitted, test, rng):
    """Find how far shuffling each column moves the prediction of a few rows."""
    X = task.X.iloc[rng.permutation(test)[:8]]
    before, moved = predict(task, fitted, X), []
    for start in range(0, X.shape[1], 256):
        columns = range(start, min(start + 256, X.shape[1]))
        progress(f"  screening column {start:,} of {X.shape[1]:,}")
        after = predict(task, fitted, shuffled_copies(X, columns, rng))
        moved.append(np.abs(after.reshape(len(columns), -1) - before.ravel()).mean(axis=1))
    return np.concatenate(moved)


def loss_rises(task, fitted, test, columns, rng, repeats=4):
    """Give the rise of the loss of one fold's held-out rows for each shuffled column."""
    X, y = task.X.iloc[test], task.y[test]
    before = losses(task, y, predict(task, fitted, X)).mean()
    total = np.zeros(len(columns))
    for _ in range(repeats):
        after = predict(task, fitted, shuffled_copies(X, columns, rng))
        each = losses(task, np.tile(y, len(columns)), after)
        total += each.reshape(len(columns), -1).mean(axis=1)
    return total / repeats - before


def shuffled_copies(X, columns, rng):
    """Stack a copy of X for each column, with that column shuffled."""
    values = X.to_numpy()
    copies = np.tile(values, (len(columns), 1))
    for i, column in enumerate(columns):
        copies[i * len(X) : (i + 1) * len(X), column] = rng.permutation(values[:, column])
    copies = pd.DataFrame(copies, columns=X.columns, copy=False)
    return copies if X.dtypes.nunique() == 1 else copies.astype(X.dtypes)


def losses(task, y, predicted):
    """Give each row's log loss, or its squared error in units of the target's variance."""
    if task.classes:
        return -np.log(np.clip(predicted[np.arange(len(y)), y], 1e-7, None))
    return (y - predicted) ** 2 / task.y.var()


def show_importance(task, table):
    """Print what mattered, and whether it was known to."""
    measure = "log loss" if task.classes else "squared error (share of the variance)"
    print(f"\n  What the {OURS} relies on: rise of the {measure}\n  when a column is shuffled")
    for name, row in table.iterrows():
        gene = row["gene"] if isinstance(row["gene"], str) else ""
        print(f"  {name!s:<24.24}{gene:<12}{row['rise']:>8.4f} ± {row['error']:.4f}")
    known = task.X.columns.isin(task.genes.index).sum()
    if known:
        here, columns = table["gene"].notna().sum(), task.X.shape[1]
        print(f"  {here} of these {len(table)}, and {known} of all {columns:,} columns, are in the")
        print("  table of published smoking CpGs behind make_methylation.")


# --- the plot ---------------------------------------------------------------------------------

# Four of Okabe and Ito's colours, which colour-blind readers tell apart; dashes for print.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
DASHES = ("-", "--", "-.", ":")


def draw(path, answers):
    """Draw two panels for each task: the predictions, and what mattered."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("\nNo plot: matplotlib is missing. To get it: pip install skmlp[plot]")
        return
    figure = Figure(figsize=(11, 4.8 * len(answers)), layout="constrained")
    axes = figure.subplots(len(answers), 2, squeeze=False)
    for (left, right), (task, results, table) in zip(axes, answers, strict=True):
        if not task.classes:
            draw_scatter(left, task, results[0])
        elif len(task.classes) == 2:
            draw_roc(left, task, results)
        else:
            draw_confusion(left, task, results[0])
        draw_importance(right, task, table)
        left.set_title(task.title, loc="left", weight="bold")
        for ax in (left, right):
            ax.spines[["top", "right"]].set_visible(False)
    figure.get_layout_engine().set(h_pad=0.15, w_pad=0.15)
    figure.savefig(path, dpi=150)
    print(f"\nPlot written to {path}")


def draw_roc(ax, task, results):
    """Draw the receiver operating characteristic of each model."""
    for result, colour, dash in zip(results, COLOURS, DASHES, strict=False):
        false, true, _ = roc_curve(task.y, result.predicted[:, 1])
        label = f"{result.name}: {result.scores[:, 0].mean():.3f}"
        ax.plot(false, true, dash, color=colour, label=label, linewidth=2)
    ax.plot([0, 1], [0, 1], color="0.8", linewidth=1, zorder=0)
    ax.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    ax.legend(loc="lower right", frameon=False, title="AUC on held-out folds")


def draw_scatter(ax, task, result):
    """Draw held-out predictions against the truth."""
    groups = pd.Series("rows", range(len(task.y))) if task.groups is None else task.groups
    names = groups.unique() if task.groups is None else groups.cat.categories
    for name, colour in zip(names, ("#999999", "#E69F00", "#0072B2"), strict=False):
        rows = (groups == name).to_numpy()
        ax.scatter(task.y[rows], result.predicted[rows], 16, colour, alpha=0.6, label=name, lw=0)
    ends = [task.y.min(), task.y.max()]
    ax.plot(ends, ends, color="0.6", linewidth=1, zorder=0)
    r2, rank = result.scores.mean(axis=0)
    ax.set(xlabel=f"true {task.unit}", ylabel=f"{task.unit} predicted by {result.name}, held out")
    ax.text(0.98, 0.02, f"R² = {r2:.2f}\nSpearman = {rank:.2f}", transform=ax.transAxes, ha="right")
    if task.groups is not None:
        ax.legend(loc="upper left", frameon=False, title="smoker")


def draw_confusion(ax, task, result):
    """Draw which classes are taken for which."""
    share = confusion_matrix(task.y, result.predicted.argmax(axis=1), normalize="true")
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(task.classes))
    for i in ticks:
        for j in ticks:
            ax.text(
                j,
                i,
                f"{share[i, j]:.2f}",
                ha="center",
                va="center",
                color="white" if share[i, j] > 0.5 else "black",
            )
    ax.set_xticks(ticks, task.classes, rotation=45, ha="right")
    ax.set_yticks(ticks, task.classes)
    ax.set(xlabel=f"class predicted by {result.name}, held out", ylabel="true class")


def draw_importance(ax, task, table):
    """Draw what mattered, the most important at the top."""
    table = table.iloc[::-1]
    known = table["gene"].notna()
    labels = [
        f"{gene}  {name}" if yes else str(name)[:24]
        for name, gene, yes in zip(table.index, table["gene"], known, strict=True)
    ]
    error = {"xerr": table["error"], "error_kw": {"ecolor": "0.35", "linewidth": 1}}
    ax.barh(labels, table["rise"], color=np.where(known, COLOURS[0], "#AAAAAA"), **error)
    loss = "log loss" if task.classes else "squared error / variance"
    ax.set_xlabel(f"rise of held-out {loss} when shuffled")
    ax.set_title(f"What the {OURS} relies on", loc="left", weight="bold")
    if known.any():
        ax.plot([], [], "s", color=COLOURS[0], label="published smoking CpG")
        ax.plot([], [], "s", color="#AAAAAA", label="other")
        ax.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")


# --- the whole --------------------------------------------------------------------------------


def main(argv=None):
    """Run the example."""
    options = parse(argv)
    if options.data:
        tasks = [file_task(options.data, options.target, options.folds)]
    else:
        tasks = cohort_tasks(options.samples, options.null, options.seed)
    answers = []
    for task in tasks:
        results = compare(task, options.folds, options.seed)
        table = importance(task, results[0], options.seed)
        show_importance(task, table)
        answers.append((task, results, table))
    draw(options.plot, answers)


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", metavar="FILE", help="a csv or tsv table, .gz or not")
    parser.add_argument("--target", metavar="COLUMN", help="the column of FILE to predict")
    parser.add_argument("--samples", type=int, default=500, help="people drawn (%(default)s)")
    parser.add_argument("--null", type=int, default=2000, help="idle probes drawn (%(default)s)")
    parser.add_argument("--folds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--plot", metavar="PATH", default="smoking.png", help="(%(default)s)")
    options = parser.parse_args(argv)
    if bool(options.data) != bool(options.target):
        parser.error("--data and --target go together.")
    if options.data and not Path(options.data).is_file():
        parser.error(f"no file {options.data}")
    if options.folds < 2:
        parser.error(f"--folds must be at least 2, got {options.folds}")
    return options


if __name__ == "__main__":
    main()
