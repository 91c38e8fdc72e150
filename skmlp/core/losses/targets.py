"""Check, smooth and count class targets: columns of 0 and 1, or of probabilities."""

from __future__ import annotations

import numpy as np

from .base import Array, Loss, require
from .constants import weighted_sum


def check_smoothing(label_smoothing: float) -> None:
    """Raise ValueError unless 0 <= label_smoothing < 1."""
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            f"Got label_smoothing={label_smoothing!r}, but expected 0 <= label_smoothing < 1."
        )


def require_probabilities(loss: Loss, y: Array) -> None:
    """Raise ValueError unless every entry of y is a probability."""
    require(
        (y >= 0) & (y <= 1),
        y,
        loss,
        "0 <= y <= 1",
        "Encode classes as columns of 0 and 1.",
    )


def require_one_hot(loss: Loss, y: Array) -> None:
    """Raise ValueError unless the rows of y are probabilities that sum to 1."""
    require_probabilities(loss, y)
    totals = y.sum(axis=-1, keepdims=True)
    require(
        np.isclose(totals, 1.0, rtol=0, atol=1e-3),
        totals,
        loss,
        "columns of y that sum to 1 (the value shown is a sum)",
        "Pass one-hot rows; for several labels a row take 'multilabel-indicator' targets.",
    )


def smoothed(y: Array, label_smoothing: float, n_classes: int) -> Array:
    """Move a part of the certainty of y to all classes alike."""
    if label_smoothing == 0:
        return y
    return (1 - label_smoothing) * y + label_smoothing / n_classes


def pairs(y: Array) -> list[Array]:
    """Return each column of y, (n, m), as two one-hot columns, (n, 2)."""
    return [np.stack((1 - column, column), axis=-1) for column in y.T]


def class_totals(y: Array, w: Array | None, label_smoothing: float) -> Array:
    """Return the total weight of each class after smoothing, (n, C) -> (C,).

    A class that is absent gets half a row, so that the logarithm is finite.
    """
    totals = weighted_sum(y, w)
    totals += label_smoothing * (totals.sum() / totals.size - totals)
    return np.where(totals > 0, totals, 0.5)


def centred(raw: Array) -> Array:
    """Shift raw outputs to mean 0, which a softmax does not notice."""
    return np.asarray(raw - raw.mean())
