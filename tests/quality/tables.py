"""The tables of the benchmark, and the protocol by which each is cut into training and test."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

SUITE = Path(__file__).parents[3] / "shared" / "data" / "tabular"
ABSENT = "needs real data that is not here: ../shared/data/tabular"

MOST_ROWS = 5000
#: A class must reach both sides of a split, and a validation part besides.
FEWEST_OF_A_CLASS = 8
TEST_FRACTION = 0.25

Cut = tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Table:
    """One data set as it comes: numbers, texts, categories and gaps in a frame, and its target."""

    name: str
    task: str  # "regression" or "classification"
    X: pd.DataFrame
    y: np.ndarray

    @property
    def strata(self) -> np.ndarray | None:
        """What both sides of a cut should hold alike."""
        return self.y if self.task == "classification" else None

    def rows(self, chosen: np.ndarray) -> "Table":
        return Table(self.name, self.task, self.X.iloc[chosen], self.y[chosen])

    def cut(self, split: int) -> Cut:
        """Return X_train, X_test, y_train, y_test of a split: 0, 1, 2, ..."""
        return train_test_split(
            self.X, self.y, test_size=TEST_FRACTION, random_state=split, stratify=self.strata
        )


def present() -> bool:
    return (SUITE / "manifest.json").exists()


@lru_cache
def manifest() -> dict[str, dict]:
    """Return what is known of each set, by name, in the order of the file."""
    if not present():
        raise FileNotFoundError(ABSENT)
    entries = json.loads((SUITE / "manifest.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in entries}


def names(chosen: Iterable[str] = ("all",)) -> list[str]:
    """Turn a choice into names of sets: some, or all, or all of a task."""
    found = []
    for choice in chosen:
        tasks = {name: _task(entry) for name, entry in manifest().items()}
        if choice in tasks:
            found.append(choice)
        elif choice == "all" or choice in tasks.values():
            found += [name for name, task in tasks.items() if choice in ("all", task)]
        else:
            close = get_close_matches(choice, tasks, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"no set {choice!r}; expected all, regression, classification or a name.{hint}"
            )
    return list(dict.fromkeys(found))


def _task(entry: dict) -> str:
    return "regression" if entry["task"] == "regression" else "classification"


@lru_cache(maxsize=4)
def load(name: str) -> Table:
    """Read a set, and keep the rows of the protocol."""
    entry = manifest()[name]
    frame = pd.read_csv(SUITE / Path(entry["file"]).name)
    X, y = frame.iloc[:, :-1], frame.iloc[:, -1].to_numpy()
    X = X.astype(dict.fromkeys(entry["categorical"], "category"))
    return sampled(Table(name, _task(entry), X, y))


def sampled(table: Table) -> Table:
    """Drop the rarest classes, then draw as many rows as the protocol allows."""
    if table.task == "classification":
        classes, counts = np.unique(table.y, return_counts=True)
        frequent = np.isin(table.y, classes[counts >= FEWEST_OF_A_CLASS])
        table = table.rows(np.flatnonzero(frequent))
    if len(table.y) <= MOST_ROWS:
        return table
    drawn, _ = train_test_split(
        np.arange(len(table.y)), train_size=MOST_ROWS, random_state=0, stratify=table.strata
    )
    return table.rows(drawn)


def reference() -> list[dict]:
    """Return the published figures of peers, all of split 0, as the file holds them."""
    lines = (SUITE / "reference.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
