"""Which models differ over many sets: mean ranks, tests, and the critical-difference diagram.

Friedman's test asks whether the models differ at all, then Wilcoxon's signed-rank test, with Holm's
correction, asks it of each pair (Demšar, JMLR 7, 2006, pages 1-30). Mean ranks only order them: a
test by these would depend on who else takes part (Benavoli et al., JMLR 17(5), 2016, pages 1-10).

Scores are positive, the smaller the better: a row for each set and a column for each model. They
are compared by their logarithms, as sets differ in unit and size.
"""

from itertools import combinations
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import PermutationMethod, friedmanchisquare, wilcoxon

ALPHA = 0.05
FEWEST_MODELS, FEWEST_SETS = 3, 5
#: With fewer sets all signs of the differences are tried: a normal p would be too rough.
_ENOUGH_FOR_NORMAL = 10


class Comparison(NamedTuple):
    """Models by mean rank, the best first, and what the tests say of them."""

    ranks: pd.Series
    n_sets: int
    friedman: float  # p-value; nan where there is too little to test
    differs: np.ndarray  # (models, models) of bool

    @property
    def enough(self) -> bool:
        return len(self.ranks) >= FEWEST_MODELS and self.n_sets >= FEWEST_SETS

    @property
    def can_differ(self) -> bool:
        """Say whether a model that wins on every set would differ from another."""
        n_pairs = len(self.ranks) * (len(self.ranks) - 1) // 2
        return n_pairs * 2.0 ** (1 - self.n_sets) < ALPHA

    def verdict(self) -> str:
        """Tell the outcome of Friedman's test, or why there is none."""
        if not self.enough:
            return (
                f"no test of differences: {len(self.ranks)} models on {self.n_sets} sets, "
                f"at least {FEWEST_MODELS} on {FEWEST_SETS} are needed"
            )
        told = f"Friedman p = {self.friedman:.2g}"
        if self.friedman >= ALPHA:
            return f"{told}, so no pair is tested"
        return told if self.can_differ else f"{told}, but too few sets for any pair to differ"


def compare(scores: pd.DataFrame, tie: float) -> Comparison:
    """Rank and test models; log scores nearer than ``tie`` are the same."""
    logs = settled(np.log(scores), tie)
    ranks = logs.rank(axis=1)
    means = ranks.mean().sort_values(kind="stable")
    found = Comparison(means, len(scores), np.nan, np.zeros((len(means), len(means)), dtype=bool))
    if not found.enough:
        return found
    found = found._replace(friedman=friedman_p(ranks))
    if found.friedman >= ALPHA:
        return found
    return found._replace(differs=pairwise_p(logs[means.index].to_numpy()) < ALPHA)


def mean_ranks(scores: pd.DataFrame, tie: float) -> pd.Series:
    """Average the models' ranks over the sets; who ties shares the mean of the ranks."""
    return settled(np.log(scores), tie).rank(axis=1).mean()


def settled(values: pd.DataFrame, tie: float) -> pd.DataFrame:
    """Make equal, in each row, what lies within ``tie`` of the next below."""
    found = values.to_numpy()
    order = found.argsort(axis=1)
    rising = np.take_along_axis(found, order, axis=1)
    is_step = np.diff(rising, axis=1, prepend=-np.inf) > tie
    lowest = np.maximum.accumulate(np.where(is_step, rising, -np.inf), axis=1)
    equal = np.take_along_axis(lowest, order.argsort(axis=1), axis=1)
    return pd.DataFrame(equal, values.index, values.columns)


def friedman_p(ranks: pd.DataFrame) -> float:
    if (ranks.nunique(axis=1) == 1).all():  # no rank differs, and the statistic would be 0 / 0
        return 1.0
    return float(friedmanchisquare(*ranks.to_numpy().T).pvalue)


def pairwise_p(logs: np.ndarray) -> np.ndarray:
    """Test each pair of columns; zero differences count half for either side, as Demšar does."""
    n_models = logs.shape[1]
    pairs = tuple(zip(*combinations(range(n_models), 2), strict=True))
    gaps = logs[:, pairs[0]] - logs[:, pairs[1]]  # (sets, pairs)
    method = PermutationMethod() if len(gaps) < _ENOUGH_FOR_NORMAL else "auto"
    tests = [wilcoxon(gap, zero_method="zsplit", method=method) for gap in gaps.T]
    adjusted = holm(np.array([test.pvalue for test in tests]))
    found = np.ones((n_models, n_models))
    found[pairs] = found[pairs[::-1]] = adjusted
    return found


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p-values: the i-th smallest times how many are not below it, and never falling."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(raised, 1)
    return adjusted


def groups(differs: np.ndarray) -> list[tuple[int, int]]:
    """List the longest runs, first to last, of two or more neighbours of which no pair differs.

    A pair that does not differ may still be in no run together: one between them may differ.
    """
    found, reached = [], 0
    for first in range(len(differs)):
        last = first
        while last + 1 < len(differs) and not differs[first : last + 1, last + 1].any():
            last += 1
        if last > max(first, reached):
            found.append((first, last))
            reached = last
    return found


# -- diagram --------------------------------------------------------------------------------

_BAR = 0.5  # from one bar to the next, in lines of text


def depth(found: Comparison) -> float:
    """Return how many lines of text the diagram takes below its axis."""
    if not found.enough:
        return 0
    return _BAR * (len(groups(found.differs)) + 1) + ceil(len(found.ranks) / 2)


def draw(axes: Any, found: Comparison, title: str) -> None:
    """Draw the models on an axis of mean ranks, and bars that join those that do not differ."""
    if not found.enough:
        axes.set_axis_off()
        axes.text(0.5, 0.5, found.verdict(), ha="center", va="center", transform=axes.transAxes)
        return
    n_models = len(found.ranks)
    margin = 0.03 * (n_models - 1)
    joined = groups(found.differs)
    for place, (name, rank) in enumerate(found.ranks.items()):
        is_left = place < ceil(n_models / 2)
        line = place if is_left else n_models - 1 - place
        height = -_BAR * (len(joined) + 1) - line - 0.5
        end = 1 - margin if is_left else n_models + margin
        axes.plot([rank, rank, end], [0, height, height], color="0.5", linewidth=1)
        side = "right" if is_left else "left"
        axes.text(end, height, f" {name} ({rank:.2f}) ", ha=side, va="center")
    for number, (first, last) in enumerate(joined, start=1):
        members = found.ranks.iloc[first : last + 1]
        heights = np.full(len(members), -_BAR * number)
        axes.plot(members, heights, "o-", color="C0", linewidth=3, markersize=6, zorder=3)

    axes.set(xlim=(1 - margin, n_models + margin), ylim=(-depth(found), 0), yticks=[])
    axes.set_xticks(range(1, n_models + 1))
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    axes.spines["top"].set_bounds(1, n_models)
    axes.set_xlabel(
        f"{title}; {found.verdict()}\nbars join models that do not differ at {ALPHA} (Wilcoxon's "
        "signed-rank test, Holm's correction)",
        labelpad=8,
    )
