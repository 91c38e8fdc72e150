"""Which fits go together: to one process, and into one thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from skmlp.estimators._base import BaseMLP
from skmlp.model_selection._shared import nested

#: Fits that a process gets at once: enough for stacks, few enough to share out and to hold.
_FEWEST, _MOST = 32, 256
#: Units for each process, so that none is idle for long at the end.
_UNITS_EACH = 4

#: Calls of plain networks that stand on top of each other in a thread. Each takes 14 of the 1000
#: frames that Python allows, and 2 more for each pipeline around it.
_LONGEST = 32

#: A unit has rows of one fold only, where X takes more bytes.
_LARGE = 1 << 26

#: Parameters that networks of one stack may have of their own.
_OF_EACH = frozenset(
    (
        "alpha",
        "beta_1",
        "beta_2",
        "class_weight",
        "clip_norm",
        "dropout",
        "epsilon",
        "input_dropout",
        "l1",
        "label_smoothing",
        "learning_rate_init",
        "momentum",
        "n_iter_no_change",
        "random_state",
        "tol",
        "weight_decay",
    )
)


def cut(tasks: Sequence[Any], n_jobs: int) -> list[list[int]]:
    """Share tasks out in units of those that are likely to be one stack; return their numbers."""
    groups: dict[Any, list[int]] = {}
    for i, (_, _, kwargs) in enumerate(tasks):
        groups.setdefault(_signature(kwargs.get("parameters") or {}), []).append(i)
    size = max(_FEWEST, -(-len(tasks) // (_UNITS_EACH * n_jobs)))
    size = min(size, _MOST, -(-len(tasks) // n_jobs))
    large = getattr(tasks[0][1][1], "nbytes", 0) > _LARGE
    units: list[list[int]] = [[]]
    for group in groups.values():
        # those of one fold side by side, since they share its rows
        group.sort(key=lambda i: (id(training_rows(tasks[i])), i))
        for part in np.array_split(group, -(-len(group) // size)):
            for i in part.tolist():
                other_fold = large and units[-1] and _other_fold(tasks, i, units[-1])
                if i == part[0] and len(units[-1]) + len(part) > size or other_fold:
                    units.append([])
                units[-1].append(i)
    return units


def _other_fold(tasks: Sequence[Any], i: int, unit: list[int]) -> bool:
    return training_rows(tasks[i]) is not training_rows(tasks[unit[-1]])


def training_rows(task: Any) -> Any:
    """Return which rows a fit is to be trained on."""
    _, args, kwargs = task
    return kwargs["train"] if "train" in kwargs else args[3]


def _signature(parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Return what two candidates have in common that are likely to be one stack."""
    return tuple(
        (name, repr(value))
        for name, value in sorted(parameters.items())
        if name.rpartition("__")[2] not in _OF_EACH
    )


def length_of_chains(tasks: Sequence[Any]) -> int:
    """Return how many calls may stand on top of each other: one, if it may train several times."""
    around = 0
    for _, args, kwargs in tasks:
        own = _levels(args[0])
        values = (kwargs.get("parameters") or {}).values()
        if own is None or any(hasattr(value, "get_params") for value in values):
            return 1
        around = max(around, own)
    return max(1, _LONGEST // (1 + around))


def _levels(estimator: Any) -> int | None:
    """Return how many estimators stand around the one that is trained; None if several may be."""
    if isinstance(estimator, BaseMLP):
        return 0
    inner = None
    if type(estimator) is Pipeline:
        *others, (_, inner) = estimator.steps
        if any(isinstance(part, BaseMLP) for _, step in others for part in nested(step)):
            return None
    elif type(estimator) is TransformedTargetRegressor:
        inner = estimator.regressor
    further = None if inner is None else _levels(inner)
    return None if further is None else 1 + further
