"""Ask a regressor for quantiles, in whichever way it predicts them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from skmlp.core.losses import Loss, Quantile


def quantiles_of(model: Any, X: Any, levels: Any) -> tuple[Any, Any]:
    """Return levels (L,) and a fitted regressor's quantiles at them (n, L).

    Those of ``predict_quantiles`` are at the levels of its loss. Others are those of a normal
    distribution with the mean and the standard deviation of ``predict(X, return_std=True)``, at
    the levels given.

    Raises
    ------
    ValueError
        Where the model predicts neither, or several targets.
    """
    if hasattr(model, "predict_quantiles"):
        loss = model.loss if isinstance(model.loss, Loss) else Quantile()
        levels, values = np.ravel(loss.levels), model.predict_quantiles(X)
        ok = values.ndim == 2
    else:
        try:
            mean, std = model.predict(X, return_std=True)
        except TypeError as error:
            raise ValueError(
                f"model: {type(model).__name__} predicts neither quantiles nor a standard "
                "deviation; MLPRegressor does with loss=Quantile([0.05, 0.5, 0.95]), or with "
                "loss='gaussian_nll'"
            ) from error
        levels, ok = np.asarray(levels, dtype=float), mean.ndim == 1
        values = mean[:, None] + std[:, None] * norm.ppf(levels) if ok else mean
    if not ok:
        raise ValueError("model: got predictions of several targets, but one can be shown")
    return levels, values
