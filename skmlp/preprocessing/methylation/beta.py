"""Beta values and M-values."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..containers import Table, read
from .blocks import BlockTransformer, compute, float_dtype


class BetaToM(OneToOneFeatureMixin, BlockTransformer):
    r"""Turn beta values, shares of methylated copies, into M-values, and back.

    .. math::

        M = \log_2 \frac{\beta + o}{1 - \beta + o}, \qquad
        \beta = (1 + 2 o) \frac{2^M}{1 + 2^M} - o,

    where o is the offset. With o = 0 it is equation 3 of Du et al. (2010); the offset keeps a
    beta of 0 or 1 finite, as the offset to the intensities does in their equation 2. Betas near
    0 and 1 have small variances; M-values have about the same variance everywhere.

    Parameters
    ----------
    offset : float, default=0.001
        Added to both shares. The M-values lie within ± log2((1 + offset) / offset), which is
        ±9.97 by default.
    scale : float, default=1.0
        The number in X that stands for a beta of 1: 100 for per cent, 255 or 65535 for betas
        that were quantised to 8 or 16 bits.
    out_of_range : {"error", "clip"}, default="error"
        What to do with betas below 0 or above 1: refuse them, as they may be M-values already, or
        move them to 0 and 1, as after a correction that has moved them slightly beyond.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are strings.

    Notes
    -----
    Missing values stay missing. Floats come out as wide as they came in, integers of up to 16
    bits as float32, wider ones as float64.

    References
    ----------
    Du, Zhang, Huang, Jafari, Kibbe, Hou and Lin, "Comparison of Beta-value and M-value methods
    for quantifying methylation levels by microarray analysis", BMC Bioinformatics 11:587, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp.preprocessing import BetaToM
    >>> beta = np.array([[0.5, 0.8], [0.0, np.nan]])
    >>> to_m = BetaToM().fit(beta)
    >>> to_m.transform(beta).round(2)
    array([[ 0.  ,  1.99],
           [-9.97,   nan]])
    >>> to_m.inverse_transform(to_m.transform(beta)).round(6)
    array([[0.5, 0.8],
           [0. , nan]])

    Values that are no betas are refused:

    >>> to_m.transform([[0.5, -3.2]])
    Traceback (most recent call last):
        ...
    ValueError: Got -3.2 in column 1 of X, but expected betas between 0 and 1. If these are ...
    """

    _parameter_constraints = {
        "offset": [Interval(Real, 0, None, closed="left")],
        "scale": [Interval(Real, 0, None, closed="neither")],
        "out_of_range": [StrOptions({"error", "clip"})],
    }

    def __init__(
        self, *, offset: float = 1e-3, scale: float = 1.0, out_of_range: str = "error"
    ) -> None:
        self.offset = offset
        self.scale = scale
        self.out_of_range = out_of_range

    def _transformed(self, table: Table) -> Any:
        columns = np.arange(table.shape[1])

        def to_m(values: Any, where: slice) -> Any:
            beta = values / np.float64(self.scale)  # a new array, of float64
            self._check_range(beta, table, where)
            np.clip(beta, 0, 1, out=beta)
            return np.log2(beta + self.offset) - np.log2(1 - beta + self.offset)

        return compute(table, columns, float_dtype(table, columns), to_m)

    def inverse_transform(self, X: Any) -> Any:
        """Return betas, times ``scale``.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            M-values.

        Returns
        -------
        ndarray of shape (n, p)
        """
        check_is_fitted(self)
        table = read(X)
        if table.shape[1] != self.n_features_in_:
            raise ValueError(
                f"Got X of {table.shape[1]} columns, but expected {self.n_features_in_} as in fit."
            )
        columns = np.arange(table.shape[1])

        def to_beta(values: Any, where: slice) -> Any:
            share = expit(np.log(2) * values.astype(float))
            beta = np.clip((1 + 2 * self.offset) * share - self.offset, 0, 1)
            return beta * self.scale

        return compute(table, columns, float_dtype(table, columns), to_beta)

    def _check_range(self, beta: Any, table: Table, where: slice) -> None:
        if self.out_of_range == "error":
            wrong = (beta < 0) | (beta > 1)
            if wrong.any():
                row, k = np.argwhere(wrong)[0]
                raise ValueError(
                    f"Got {beta[row, k] * self.scale:g} in column {table.name(where.start + k)!r} "
                    f"of X, but expected betas between 0 and {self.scale:g}. If these are M-values "
                    "already, leave BetaToM out; if they are per cent or quantised, set scale; if "
                    "they are betas slightly beyond, set out_of_range='clip'."
                )
        if not self.offset:
            extreme = (beta <= 0) | (beta >= 1)
            if extreme.any():
                row, k = np.argwhere(extreme)[0]
                raise ValueError(
                    f"Got a beta of {np.clip(beta[row, k], 0, 1):g} in column "
                    f"{table.name(where.start + k)!r} of X, whose M-value is infinite with "
                    "offset=0: set offset, e.g. to 0.001."
                )
