"""What `python -m skmlp score` and `python -m skmlp predict` do.

Results go to stdout; what is told on the way, and errors, go to stderr.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold, StratifiedKFold

import skmlp
from skmlp import _peers
from skmlp.export._skops import is_trusted

#: What ``--quality`` chooses.
QUALITIES = {"default": {}, "best": skmlp.BEST_QUALITY}

#: Whole numbers with no more distinct values than this are taken for classes.
MOST_CLASSES_OF_NUMBERS = 10
#: The share of rows of a column from which on it is said to be mostly so.
MOSTLY = 0.9

#: Scores in the order of the table, and whether more is better.
SCORES = {
    "classification": {"accuracy": True, "logloss": False, "auc": True},
    "regression": {"rmse": False, "r2": True},
}
HEADINGS = {"accuracy": "accuracy", "logloss": "log-loss", "auc": "AUC", "rmse": "RMSE", "r2": "R²"}

PARQUET = (".parquet", ".pq")
SEPARATORS = {".tsv": "\t", ".tab": "\t"}

_NO_SKOPS = 'models are kept with skops, which is not installed: pip install "skmlp[persist]"'


class CommandError(Exception):
    """What the user can mend, in one line."""


def note(text: str) -> None:
    """Tell what happens on the way."""
    print(text, file=sys.stderr, flush=True)


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    folded = {one.casefold(): one for one in known}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]!r}?" if close else f"; there are {_list(known)}"


def _list(names: Sequence[Any], most: int = 6) -> str:
    shown = ", ".join(repr(str(name)) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


# -- tables ------------------------------------------------------------------------------


def read_table(path: str, sep: str | None = None) -> pd.DataFrame:
    """Read CSV, TSV or Parquet, by the name of the file; compressed text as pandas does."""
    try:
        table = _read(Path(path), sep)
    except FileNotFoundError:
        raise CommandError(f"no such file: {path}") from None
    except pd.errors.EmptyDataError:
        raise CommandError(f"{path} is empty") from None
    except ImportError as error:
        raise CommandError(f"cannot read {path}: {_first_line(error)}") from None
    except (OSError, ValueError, EOFError) as error:  # no table, no text, not allowed, cut off
        raise CommandError(f"cannot read {path}: {_first_line(error)}") from None
    table.columns = table.columns.astype(str)
    return table


def _read(path: Path, sep: str | None) -> pd.DataFrame:
    if path.suffix in PARQUET:
        return pd.read_parquet(path)
    suffix = next((s for s in path.suffixes if s in SEPARATORS), "")
    sep = sep.replace("\\t", "\t") if sep else SEPARATORS.get(suffix, ",")
    table = pd.read_csv(path, sep=sep, low_memory=False)
    if table.shape[1] == 1:
        other = next((s for s in ";\t|," if s != sep and s in table.columns[0]), None)
        if other:
            raise CommandError(f"{path} has one column only; try --sep {other!r}")
    return table


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _must_have(table: pd.DataFrame, name: str, option: str) -> None:
    if name not in table.columns:
        hint = _did_you_mean(name, list(table.columns))
        raise CommandError(f"{option}: no column {name!r}{hint}")


# -- what is asked -------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What to predict from what."""

    task: str
    X: pd.DataFrame
    y: np.ndarray


def ask(table: pd.DataFrame, target: str, drop: Sequence[str], task: str) -> Question:
    """Take the target out of a table, and settle the task."""
    _must_have(table, target, "--target")
    for name in drop:
        _must_have(table, name, "--drop")
    if target in drop:
        raise CommandError(f"--drop names the target {target!r}")
    if table.empty:
        raise CommandError("the table has a header and no rows")
    known = table[target].notna().to_numpy()
    if not known.any():
        raise CommandError(f"the target {target!r} is empty in every row")
    if not known.all():
        note(f"{(~known).sum()} rows without {target!r} are left out")
    table = table[known].reset_index(drop=True)
    X = table.drop(columns=[target, *drop])
    if X.shape[1] == 0:
        raise CommandError(f"no column is left to predict {target!r} from")
    y = table[target]
    task = _task_of(y) if task == "auto" else task
    return Question(task, X, _values(y, task))


def _task_of(y: pd.Series) -> str:
    if not pd.api.types.is_numeric_dtype(y) or pd.api.types.is_bool_dtype(y):
        return "classification"
    few = y.nunique() <= MOST_CLASSES_OF_NUMBERS
    return "classification" if few and _is_whole(y) else "regression"


def _is_whole(y: pd.Series) -> bool:
    values = y.to_numpy(dtype=np.float64)
    return bool(np.all(np.isfinite(values)) and np.all(values == np.floor(values)))


def _values(y: pd.Series, task: str) -> np.ndarray:
    name = y.name
    if task == "classification":
        classes = y.nunique()
        if classes < 2:
            raise CommandError(f"the target {name!r} is {y.iloc[0]!r} in every row")
        if pd.api.types.is_float_dtype(y) and _is_whole(y):
            y = y.astype(np.int64)  # whole numbers that a gap has turned into floats
        is_text = not pd.api.types.is_numeric_dtype(y)
        return y.astype(str).to_numpy(dtype=object) if is_text else y.to_numpy()
    if not pd.api.types.is_numeric_dtype(y):
        raise CommandError(
            f"the target {name!r} holds {str(y.iloc[0])!r}, and regression needs numbers; "
            "pass --task classification"
        )
    values = y.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        raise CommandError(f"the target {name!r} holds infinite values")
    return values


def describe(question: Question, target: str) -> str:
    """Say what was found, and what looks odd."""
    X, y = question.X, question.y
    numeric = X.select_dtypes("number").columns
    others = X.columns.difference(numeric, sort=False)
    gaps = X.isna().to_numpy()
    lines = [
        f"{len(X)} rows, {X.shape[1]} columns: {len(numeric)} numeric, {len(others)} of categories;"
        f" {gaps.mean():.1%} of the values missing, in {gaps.any(axis=0).sum()} columns",
        _describe_target(question.task, y, target),
    ]
    lines += [odd for name in others if (odd := _oddity(X[name].dropna()))]
    return "\n".join(lines)


def _oddity(texts: pd.Series) -> str:
    """Say what makes a column, its gaps left out, a strange one to have categories."""
    numeric = pd.to_numeric(texts, errors="coerce").notna()
    if numeric.mean() > MOSTLY and not numeric.all():
        strange = _list(texts[~numeric].unique(), most=3)
        return f"{texts.name!r} holds numbers but for {strange}; it is taken for categories"
    if len(texts) > 20 and texts.nunique() > MOSTLY * len(texts):
        return f"{texts.name!r} differs in nearly every row; perhaps --drop {texts.name!r}"
    return ""


def _describe_target(task: str, y: np.ndarray, target: str) -> str:
    if task == "regression":
        return f"regression of {target!r}: {y.min():.4g} to {y.max():.4g}, mean {y.mean():.4g}"
    classes, counts = np.unique(y, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shown = ", ".join(f"{classes[i]} {counts[i] / len(y):.0%}" for i in order[:6])
    more = f" and {len(classes) - 6} more" if len(classes) > 6 else ""
    return f"classification of {target!r} into {len(classes)} classes: {shown}{more}"


# -- score ---------------------------------------------------------------------------------


def ours(task: str, quality: str) -> Any:
    """Return our estimator at a quality."""
    kinds = {"classification": skmlp.MLPClassifier, "regression": skmlp.MLPRegressor}
    return kinds[task](**QUALITIES[quality], random_state=0)


def entrants(task: str, quality: str) -> dict[str, Any]:
    """Return who is compared, ours first."""
    return {
        "skmlp": ours(task, quality),
        "scikit-learn MLP, scaled": _peers.mlp(task),
        "HistGradientBoosting": _peers.boosting(task),
        "logistic regression" if task == "classification" else "ridge regression": _peers.linear(
            task
        ),
        "dummy": _peers.dummy(task),
    }


def folds(question: Question, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cut the rows into folds, each with its share of every class."""
    if n < 2:
        raise CommandError(f"--folds must be 2 or more, got {n}")
    if len(question.X) < 2 * n:
        raise CommandError(f"{len(question.X)} rows are too few for {n} folds")
    if question.task == "regression":
        return list(KFold(n, shuffle=True, random_state=0).split(question.X))
    classes, counts = np.unique(question.y, return_counts=True)
    if counts.max() < n:
        raise CommandError(f"no class has {n} rows, one for each fold; pass a smaller --folds")
    rare = classes[counts < n]
    if len(rare):
        note(f"fewer than {n} rows of {_list(rare)}: not every fold has them, so there is no AUC")
    cv = StratifiedKFold(n, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # told above
        return list(cv.split(question.X, question.y))


def cross_validate(model: Any, question: Question, cuts: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return each score over the folds, and the seconds of each fit."""
    found = []
    for train, test in cuts:
        start = perf_counter()
        with _peers.unmoved():
            model.fit(question.X.iloc[train], question.y[train])
        seconds = perf_counter() - start
        held_out = question.X.iloc[test], question.y[test]
        found.append(_peers.measured(model, question.task, *held_out) | {"seconds": seconds})
    return {name: np.array([scores[name] for scores in found]) for name in found[0]}


def table_of(results: dict[str, dict[str, np.ndarray]], task: str) -> str:
    """Lay out mean and standard deviation over the folds; a star marks the best of each."""
    scores = SCORES[task]
    means = {m: {s: found[s].mean() for s in scores} for m, found in results.items()}
    lines = [["", *(HEADINGS[s] for s in scores), "fit, seconds"]]
    for model, found in results.items():
        line = [model]
        for score, more_is_better in scores.items():
            seen = [mean[score] for mean in means.values()]
            best = bool(means[model][score] == (max if more_is_better else min)(seen))
            told = f"{found[score].mean():.4g} ± {found[score].std(ddof=1):.2g}"
            line.append("-" if np.isnan(found[score].mean()) else told + " *" * best)
        lines.append([*line, f"{found['seconds'].mean():.2f}"])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def score(options: argparse.Namespace) -> int:
    """Compare models on a table, and keep ours if asked."""
    if options.save:
        _skops()  # before the work, not after it
        _check_place(options.save)
    table = read_table(options.table, options.sep)
    question = ask(table, options.target, options.drop, options.task)
    note(describe(question, options.target))
    cuts = folds(question, options.folds)
    results, failed = {}, []
    for name, model in entrants(question.task, options.quality).items():
        try:
            results[name] = cross_validate(model, question, cuts)
        except Exception as error:  # one model's trouble must not hide the others' results
            failed.append(name)
            note(f"{name}: failed: {_first_line(error)}")
        else:
            note(f"{name}: {len(cuts)} folds in {results[name]['seconds'].sum():.1f} s")
    if results:
        print(f"\n{table_of(results, question.task)}\n* best; mean ± sd over {len(cuts)} folds")
    if "skmlp" in failed:
        raise CommandError("skmlp could not be fitted; see above")
    if options.save:
        save(question, options)
    return 0


def save(question: Question, options: argparse.Namespace) -> None:
    """Fit ours on all rows and write it."""
    with _peers.unmoved():
        model = ours(question.task, options.quality).fit(question.X, question.y)
    _skops().dump(model, options.save)
    kilobytes = Path(options.save).stat().st_size / 1000
    note(f"{options.save}: fitted on all {len(question.X)} rows, {kilobytes:.0f} kB")


# -- predict -------------------------------------------------------------------------------


def _skops() -> Any:
    try:
        import skops.io
    except ImportError:
        raise CommandError(_NO_SKOPS) from None
    return skops.io


def _check_place(path: str) -> None:
    if not Path(path).parent.is_dir():
        raise CommandError(f"no such folder: {Path(path).parent}")


def load(path: str) -> Any:
    """Return the model of a file, unless it holds anything that a model of ours would not."""
    skops = _skops()
    if not Path(path).is_file():
        raise CommandError(f"no such file: {path}")
    try:
        found = skops.get_untrusted_types(file=path)
        strange = sorted(name for name in found if not is_trusted(name))
        model = None if strange else skops.load(path, trusted=found)
    except Exception as error:  # a broken file can raise anything
        raise CommandError(
            f"{path} holds no model that can be read: {_first_line(error)}"
        ) from None
    if strange:
        raise CommandError(f"{path} is not loaded, because it holds {_list(strange)}")
    if not isinstance(model, BaseEstimator):
        raise CommandError(f"{path} holds no model, but {type(model).__name__!r}")
    return model


def columns_for(model: Any, table: pd.DataFrame, path: str) -> Any:
    """Return the columns that a model was fitted with, in its order; all, if it has no names."""
    needed = getattr(model, "feature_names_in_", None)
    if needed is None:  # fitted on an array
        if table.shape[1] != model.n_features_in_:
            raise CommandError(
                f"{path} has {table.shape[1]} columns, and the model was fitted with "
                f"{model.n_features_in_} without names"
            )
        return table.to_numpy()
    lacking = [name for name in needed if name not in table.columns]
    if lacking:
        extra = [name for name in table.columns if name not in set(needed)]
        hint = _did_you_mean(lacking[0], extra) if len(lacking) == 1 and extra else ""
        raise CommandError(f"{path} lacks {_list(lacking)}, which the model was fitted with{hint}")
    ignored = table.columns.difference(needed, sort=False)
    if len(ignored):
        note(f"ignored: {_list(ignored)}, which the model does not know")
    return table[list(needed)]


def predictions(model: Any, X: Any, proba: bool) -> pd.DataFrame:
    """Return a column of predictions, or one of probability for each class."""
    if proba:
        if not hasattr(model, "predict_proba"):
            raise CommandError("--proba: the model predicts numbers, not classes")
        named = [f"probability_{name}" for name in model.classes_]
        return pd.DataFrame(model.predict_proba(X), columns=named)
    predicted = np.asarray(model.predict(X))
    if predicted.ndim == 1:
        return pd.DataFrame({"prediction": predicted})
    return pd.DataFrame(predicted).add_prefix("prediction_")


def predict(options: argparse.Namespace) -> int:
    """Write what a kept model predicts for a table."""
    if options.out:
        _check_place(options.out)
    model = load(options.model)
    table = read_table(options.table, options.sep)
    X = columns_for(model, table, options.table)
    try:
        found = predictions(model, X, options.proba)
    except ValueError as error:
        raise CommandError(f"{options.table}: {_first_line(error)}") from None
    found.to_csv(options.out or sys.stdout, index=False)
    if options.out:
        note(f"{options.out}: {len(found)} predictions")
    return 0
