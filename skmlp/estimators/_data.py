"""The estimators' inputs: standardised, split, laid out for the core."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedKFold,
    train_test_split,
)

from skmlp.core.rows import Rows
from skmlp.preprocessing.statistics import Standardizer

#: A dense table is copied, standardised and converted, up to this size; above, it is read lazily.
_COPY_BYTES = 1 << 25


def is_plain(X: Any) -> bool:
    """Say whether X is numbers throughout, so that it can be taken as one array."""
    if sparse.issparse(X):
        return True
    return np.asarray(X).dtype.kind not in "OUSmM"


def lay_out(X: Any, index: Any, standardizer: Standardizer | None, dtype: Any) -> Any:
    """Return rows ``index`` of X, standardised, as the core takes them: array, CSR or Rows.

    X itself may be Rows, which are finite numbers, as they are in their table.
    """
    shift = standardizer.shift if standardizer else None
    scale = standardizer.scale if standardizer else None
    if sparse.issparse(X):
        X = X if index is None else X[index]
        X = X.astype(dtype, copy=scale is not None)
        if scale is not None:
            X.data *= scale.astype(dtype)[X.indices]
        return X
    rows = X if isinstance(X, Rows) else Rows(X, slice(None))
    rows = replace(rows if index is None else rows[index], shift=shift, scale=scale)
    if standardizer is not None:
        fill = not isinstance(X, Rows) and _has_gaps(X)
        rows = replace(rows, clip=standardizer.clip, n_plain=standardizer.n_plain, fill=fill)
    if rows.shape[0] * rows.shape[1] * np.dtype(dtype).itemsize > _COPY_BYTES:
        return rows
    return rows.whole(dtype)


def _has_gaps(X: Any) -> bool:
    with np.errstate(over="ignore"):
        return X.dtype.kind == "f" and bool(np.isnan(X.sum()))


def split(
    y: Any,
    *,
    how: Any,
    fraction: float,
    shuffle: bool,
    stratify: Any,
    groups: Any,
    spare_rare: bool,
    rng: Any,
) -> tuple[Any, Any]:
    """Return (train, validation) row numbers.

    Parameters
    ----------
    y : array-like of shape (n, ...)
        Targets, for a splitter that looks at them.
    how : {"auto", "last"} or splitter
        "last" holds out the last rows, "auto" does so where ``shuffle`` is False, and draws
        at random otherwise: whole groups, or alike from each class, or plainly.
    fraction : float
        Share held out.
    shuffle : bool
        Whether rows may be reordered at all.
    stratify : ndarray of shape (n,) or None
        Classes to hold out alike.
    groups : array-like of shape (n,) or None
        Groups to keep together.
    spare_rare : bool
        Whether a class of a single row stays in the training part, and classes are drawn
        plainly where they are too many to have a row each; otherwise these are errors.
    rng : RandomState
        Where the split is drawn from.
    """
    n = len(y)
    everything = np.arange(n)
    if not isinstance(how, str):
        train, held = next(iter(how.split(everything, y, groups)))
    elif how == "last" or not shuffle:
        if groups is not None:
            raise ValueError(
                "groups were given, but the last rows are to be held out; pass "
                "validation_split='auto' and shuffle=True, or a splitter that knows both"
            )
        n_held = int(np.ceil(fraction * n))
        train, held = everything[: n - n_held], everything[n - n_held :]
    elif groups is not None:
        splitter = GroupShuffleSplit(1, test_size=fraction, random_state=rng)
        train, held = next(splitter.split(everything, y, groups))
    else:
        kept = everything[:0]
        if stratify is not None and spare_rare:
            _, code, count = np.unique(stratify, return_inverse=True, return_counts=True)
            if len(count) > fraction * n:  # more classes than rows to hold out
                stratify = None
            else:
                rare = count[code] == 1
                kept, everything, stratify = everything[rare], everything[~rare], stratify[~rare]
        train, held = train_test_split(
            everything, test_size=fraction, random_state=rng, stratify=stratify
        )
        train = np.concatenate([train, kept])
    if len(held) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    return train, held


def folds(n: int, k: int, stratify: Any, groups: Any, rng: Any) -> list[Any]:
    """Return the row numbers of k folds: whole groups, or alike from each class, or plainly."""
    everything = np.arange(n)
    n_units = n if groups is None else len(np.unique(groups))
    if n_units < k:
        raise ValueError(
            f"n_estimators={k} networks cannot each hold out a fold of their own of {n_units} "
            f"{'rows' if groups is None else 'groups'}; pass fewer, or early_stopping=False"
        )
    if groups is not None:
        splitter = GroupKFold(k, shuffle=True, random_state=rng)
        return [rng.permutation(held) for _, held in splitter.split(everything, None, groups)]
    if stratify is not None and np.unique(stratify, return_counts=True)[1].max() < k:
        stratify = None  # no class has a row for each fold
    splitter = StratifiedKFold if stratify is not None else KFold
    with warnings.catch_warnings():
        # a class with fewer rows than there are folds is in some of them only
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        parts = splitter(k, shuffle=True, random_state=rng).split(everything, stratify)
        return [rng.permutation(held) for _, held in parts]


def others(folds: list[Any], rng: Any) -> Any:
    """Return the rows outside each fold (K, r), as many for each: some are left out by chance."""
    n = sum(map(len, folds))
    rest = [rng.permutation(np.setdiff1d(np.arange(n), fold)) for fold in folds]
    shortest = min(map(len, rest))
    return np.stack([rows[:shortest] for rows in rest])
