"""Losses: value and gradient with respect to the raw output, inverse link, best constant.

>>> LOSSES["huber"](delta=2.0)
Huber(delta=2.0)
>>> classification_loss("focal", "multiclass-multioutput", sizes=(3, 2))
Grouped(sizes=(3, 2), each=Focal(gamma=2.0, label_smoothing=0.0))
"""

from __future__ import annotations

import difflib
from typing import Protocol

from .base import Loss
from .classification import BinaryLogLoss, CategoricalLogLoss, ClassificationLoss, SoftmaxLoss
from .composite import Grouped, PerOutput
from .focal import Focal
from .index import IndexLogLoss
from .ordinal import Ordinal
from .positive import Gamma, Poisson, Tweedie
from .regression import AbsoluteError, GaussianNLL, Huber, LogCosh, Quantile, SquaredError

__all__ = [
    "CLASSIFICATION_LOSSES",
    "LOSSES",
    "AbsoluteError",
    "BinaryLogLoss",
    "CategoricalLogLoss",
    "ClassificationLoss",
    "Focal",
    "Gamma",
    "GaussianNLL",
    "Grouped",
    "Huber",
    "IndexLogLoss",
    "LogCosh",
    "Loss",
    "Ordinal",
    "PerOutput",
    "Poisson",
    "Quantile",
    "SoftmaxLoss",
    "SquaredError",
    "Tweedie",
    "classification_loss",
    "for_target_type",
]

#: Losses of regression by name. All have defaults for their settings.
LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
    "tweedie": Tweedie,
    "gaussian_nll": GaussianNLL,
}


class _Factory(Protocol):
    def __call__(self, *, label_smoothing: float) -> SoftmaxLoss | Ordinal: ...


#: Losses of classification by name, in their form for one column of classes.
CLASSIFICATION_LOSSES: dict[str, _Factory] = {
    "log_loss": CategoricalLogLoss,
    "focal": Focal,
    "ordinal": Ordinal,
}


def classification_loss(
    kind: str, target_type: str, sizes: tuple[int, ...] = (), label_smoothing: float = 0.0
) -> ClassificationLoss:
    """Return the classification loss of that name in the form that the targets need.

    Parameters
    ----------
    kind : str
        A key of ``CLASSIFICATION_LOSSES``.
    target_type, sizes
        As for ``for_target_type``.
    label_smoothing : float, default=0.0
        Part of the certainty that moves to all classes alike.

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> classification_loss("log_loss", "binary", label_smoothing=0.1)
    BinaryLogLoss(label_smoothing=0.1)
    >>> classification_loss("logloss", "binary")
    Traceback (most recent call last):
    ...
    ValueError: Got loss='logloss'. Did you mean 'log_loss'? Expected one of ['focal', ...].
    """
    if kind not in CLASSIFICATION_LOSSES:
        close = difflib.get_close_matches(str(kind), CLASSIFICATION_LOSSES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        names = sorted(CLASSIFICATION_LOSSES)
        raise ValueError(f"Got loss={kind!r}.{hint} Expected one of {names}.")
    each = CLASSIFICATION_LOSSES[kind](label_smoothing=label_smoothing)
    return for_target_type(each, target_type, sizes)


def for_target_type(
    each: SoftmaxLoss | Ordinal, target_type: str, sizes: tuple[int, ...] = ()
) -> ClassificationLoss:
    """Return a loss of one column of classes in the form that the targets need.

    Parameters
    ----------
    each : SoftmaxLoss or Ordinal
        Loss of one column of classes; an ordinal one is for that only.
    target_type : str
        As named by ``sklearn.utils.multiclass.type_of_target``: "binary" and "multilabel-indicator"
        give one raw output for each 0/1 column, "multiclass" one for each class,
        "multiclass-multioutput" a block of them for each column.
    sizes : tuple of int, default=()
        Number of classes of each column, for "multiclass-multioutput".

    Examples
    --------
    >>> for_target_type(Focal(gamma=1.0), "multilabel-indicator")
    PerOutput(each=Focal(gamma=1.0, label_smoothing=0.0))
    """
    if isinstance(each, Ordinal):
        if target_type not in ("binary", "multiclass"):
            raise ValueError(
                f"Got an ordinal loss for target_type={target_type!r}, but expected one column of "
                "ordered classes. Fit a model to each column, or take loss='log_loss'."
            )
        return each if target_type == "multiclass" else each.per_output()
    match target_type:
        case "binary" | "multilabel-indicator":
            return each.per_output()
        case "multiclass":
            return each
        case "multiclass-multioutput":
            return Grouped(tuple(sizes), each)
    raise ValueError(
        f"Got target_type={target_type!r}, but expected 'binary', 'multiclass', "
        "'multilabel-indicator' or 'multiclass-multioutput'."
    )
