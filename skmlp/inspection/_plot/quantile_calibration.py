"""How many observations fall below each predicted quantile, and how many should."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from skmlp.inspection._plot._figure import axes_for, styled
from skmlp.inspection._plot._quantiles import quantiles_of

_PERFECT = "perfectly calibrated"
_LEVELS = np.arange(0.05, 0.96, 0.05).round(2)


class QuantileCalibrationDisplay:
    r"""Observed share of targets below predicted quantiles, by the level of these.

    Of a calibrated regressor, a share p of observations falls below the quantile of level p, for
    each p: points lie on the diagonal. A curve steeper than that in the middle tells of intervals
    that are too wide, a flatter one of intervals that are too narrow. The legend tells the
    calibration error,

    .. math:: \sum_j (p_j - \hat p_j)^2, \qquad \hat p_j = \frac1n \sum_i [y_i \le q_j(x_i)].

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Levels p of the quantiles.
    observed : ndarray of shape (n_levels,)
        Share of observations that are not above.
    name : str, default=None
        Name of the model, for the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.
    figure_ : matplotlib Figure
        Figure with the curve.
    line_ : Line2D
        The curve.
    error_ : float
        The calibration error.

    See Also
    --------
    PredictionIntervalDisplay : One interval, row by row.
    sklearn.calibration.CalibrationDisplay : The same for probabilities of classes.

    References
    ----------
    Kuleshov, Fenner & Ermon (2018), "Accurate uncertainties for deep learning using calibrated
    regression", ICML, section 3.5.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_diabetes
    >>> from skmlp import MLPRegressor
    >>> from skmlp.inspection import QuantileCalibrationDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MLPRegressor(8, loss="gaussian_nll", max_iter=10, random_state=0)
    >>> reg = reg.fit(X[:300], y[:300])
    >>> ax = Figure().subplots()
    >>> display = QuantileCalibrationDisplay.from_estimator(reg, X[300:], y[300:], ax=ax)
    >>> display.levels.shape, bool((display.observed[1:] >= display.observed[:-1]).all())
    ((19,), True)
    """

    def __init__(self, levels: Any, observed: Any, *, name: str | None = None) -> None:
        self.levels = levels
        self.observed = observed
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        model: Any,
        X: Any,
        y: Any,
        *,
        levels: Any = None,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> QuantileCalibrationDisplay:
        """Draw the calibration of a fitted regressor.

        Parameters
        ----------
        model : estimator
            Fitted, with ``predict_quantiles``, or with ``predict(X, return_std=True)``, of which
            a normal distribution is made.
        X : array-like of shape (n_samples, n_features)
            Rows, best such as the model was not trained on.
        y : array-like of shape (n_samples,)
            Their targets.
        levels : array-like of shape (n_levels,), default=None
            Levels between 0 and 1; None for 0.05, 0.1, ..., 0.95. For standard deviations;
            quantiles bring theirs.
        name : str, default=None
            Name of the model, for the legend; None for its class.
        ax : matplotlib Axes, default=None
            Axes to draw in, beside other curves if you like; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        QuantileCalibrationDisplay

        Raises
        ------
        ValueError
            Where the model predicts neither, or several targets.
        """
        levels, quantiles = quantiles_of(model, X, _LEVELS if levels is None else levels)
        name = type(model).__name__ if name is None else name
        return cls.from_predictions(y, quantiles, levels, name=name, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        quantiles: Any,
        levels: Any,
        *,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> QuantileCalibrationDisplay:
        """Draw the calibration of quantiles however predicted.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            What was observed.
        quantiles : array-like of shape (n_samples, n_levels)
            Quantiles predicted.
        levels : array-like of shape (n_levels,)
            Their levels.
        name : str, default=None
            Name of the model, for the legend.
        ax : matplotlib Axes, default=None
            Axes to draw in, beside other curves if you like; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        QuantileCalibrationDisplay
        """
        quantiles, levels = np.asarray(quantiles, dtype=float), np.asarray(levels, dtype=float)
        check_consistent_length(y_true, quantiles)
        if quantiles.shape[1:] != levels.shape:
            raise ValueError(
                f"quantiles: got shape {quantiles.shape} for {levels.size} levels; expected "
                f"({len(quantiles)}, {levels.size}), one column for each level"
            )
        below = np.asarray(y_true, dtype=float)[:, None] <= quantiles
        return cls(levels, below.mean(axis=0), name=name).plot(ax, **kwargs)

    def plot(
        self, ax: Any = None, *, show_perfect: bool = True, **kwargs: Any
    ) -> QuantileCalibrationDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        show_perfect : bool, default=True
            Whether to draw the diagonal, unless it is there.
        **kwargs : dict
            For :class:`matplotlib.lines.Line2D`.

        Returns
        -------
        QuantileCalibrationDisplay
            This object, with the attributes above.
        """
        self.ax_ = ax = axes_for(ax)
        self.figure_ = ax.figure
        self.error_ = float(np.square(np.subtract(self.levels, self.observed)).sum())
        if show_perfect and all(line.get_label() != _PERFECT for line in ax.lines):
            ax.plot([0, 1], [0, 1], "k:", label=_PERFECT)
        label = f"{self.name or 'quantiles'} (error {self.error_:.2g})"
        (self.line_,) = ax.plot(
            self.levels, self.observed, **styled("Line2D", {"marker": "s", "label": label}, kwargs)
        )
        ax.set(xlabel="level of the quantile", ylabel="share of observations below it")
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        ax.legend(loc="upper left")
        return self
