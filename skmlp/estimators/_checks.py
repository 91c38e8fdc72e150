"""scikit-learn's checks at a glance, for plain arrays: they take longer than a small fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target


def is_clean(values: Any, ndim: int) -> bool:
    """Say whether `check_array` would hand values back as they are: numbers, all finite."""
    if type(values) is not np.ndarray or values.ndim != ndim or not values.size:
        return False
    if values.dtype not in (np.float32, np.float64):
        return ndim == 1 and values.dtype.kind in "biu"
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum()))


def kind_of_target(y: Any) -> str:
    """Return what `type_of_target` does."""
    if y.ndim == 1 and y.dtype.kind in "biu":
        n_classes = len(np.unique(y))
        if 2 * n_classes <= len(y):  # it warns of more
            return "multiclass" if n_classes > 2 else "binary"
    return str(type_of_target(y, input_name="y"))


def positions(values: Any, known: Any) -> Any:
    """Return where in ``known``, which is sorted, each value stands; None if some do not."""
    if values.dtype == known.dtype and values.dtype.kind != "O":
        found = np.minimum(np.searchsorted(known, values), len(known) - 1)
        return found if (known[found] == values).all() else None
    return np.searchsorted(known, values) if np.isin(values, known).all() else None


def are_labels_like(y: Any, predicted: Any) -> bool:
    """Say whether y is a plain array of labels of one output, beyond doubt."""
    plain = isinstance(y, np.ndarray) and y.dtype == predicted.dtype and y.dtype.kind in "biuU"
    return plain and y.ndim == 1 and y.shape == predicted.shape
