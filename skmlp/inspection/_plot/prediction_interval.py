"""How often the truth lies where a regressor says that it should."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length

from skmlp.inspection._plot._figure import COLOURS, axes_for, legend_above, styled
from skmlp.inspection._plot._quantiles import quantiles_of


class PredictionIntervalDisplay:
    """Predictions in ascending order, with intervals as a band, and what was observed.

    Observations outside their interval are crosses. The legend tells what share of them lies
    inside (the coverage), beside the share that should.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_samples,)
        What was observed, and predicted.
    lower, upper : ndarray of shape (n_samples,)
        Ends of the intervals.
    level : float, default=None
        Share of observations that should lie inside.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the intervals.
    figure_ : matplotlib Figure
        Figure with the intervals.
    band_ : FillBetweenPolyCollection
        The intervals.
    line_ : Line2D
        The predictions.
    inside_, outside_ : Line2D
        The observations.
    coverage_ : float
        Share of observations inside, ends included.

    See Also
    --------
    QuantileCalibrationDisplay : Coverage level by level.
    sklearn.metrics.PredictionErrorDisplay : Errors of predictions without intervals.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_diabetes
    >>> from skmlp import MLPRegressor
    >>> from skmlp.core.losses import Quantile
    >>> from skmlp.inspection import PredictionIntervalDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> reg = MLPRegressor(8, loss=Quantile([0.05, 0.5, 0.95]), max_iter=10, random_state=0)
    >>> reg = reg.fit(X[:300], y[:300])
    >>> ax = Figure().subplots()
    >>> display = PredictionIntervalDisplay.from_estimator(reg, X[300:], y[300:], ax=ax)
    >>> round(display.level, 2), 0.8 < display.coverage_ <= 1
    (0.9, True)

    Intervals from elsewhere:

    >>> ends = {"lower": [0, 1, 2], "upper": [2, 3, 4]}
    >>> display = PredictionIntervalDisplay.from_predictions(
    ...     y_true=[1, 5, 3], y_pred=[1, 2, 3], **ends, level=0.9, ax=Figure().subplots()
    ... )
    >>> display.ax_.get_legend().get_texts()[0].get_text()
    'interval of 90 %, holds 66.7 %'
    """

    def __init__(
        self, y_true: Any, y_pred: Any, lower: Any, upper: Any, *, level: float | None = None
    ) -> None:
        self.y_true = y_true
        self.y_pred = y_pred
        self.lower = lower
        self.upper = upper
        self.level = level

    @classmethod
    def from_estimator(
        cls,
        model: Any,
        X: Any,
        y: Any,
        *,
        level: float = 0.9,
        ax: Any = None,
        **kwargs: Any,
    ) -> PredictionIntervalDisplay:
        """Draw the intervals that a fitted regressor predicts.

        Parameters
        ----------
        model : estimator
            Fitted, with ``predict_quantiles``, of which the lowest and the highest level are the
            ends; or with ``predict(X, return_std=True)``, of which a normal distribution is made.
        X : array-like of shape (n_samples, n_features)
            Rows, best such as the model was not trained on.
        y : array-like of shape (n_samples,)
            Their targets.
        level : float, default=0.9
            Share that should lie inside. For standard deviations; quantiles bring theirs.
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        PredictionIntervalDisplay

        Raises
        ------
        ValueError
            Where the model predicts neither, or a single level, or several targets.
        """
        if not 0 < level < 1:
            raise ValueError(f"level={level}, expected a share between 0 and 1")
        levels, quantiles = quantiles_of(model, X, [(1 - level) / 2, (1 + level) / 2])
        if len(levels) < 2:
            raise ValueError(
                f"model: got quantiles of the level {levels[0]} alone, but an interval has two "
                "ends; pass loss=Quantile([0.05, 0.5, 0.95]), say, to the regressor"
            )
        ends = quantiles[:, 0], quantiles[:, -1]
        nominal = float(levels[-1] - levels[0])
        return cls.from_predictions(y, model.predict(X), *ends, level=nominal, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        lower: Any,
        upper: Any,
        *,
        level: float | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> PredictionIntervalDisplay:
        """Draw intervals however predicted.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n_samples,)
            What was observed, and predicted.
        lower, upper : array-like of shape (n_samples,)
            Ends of the intervals.
        level : float, default=None
            Share of observations that should lie inside, for the legend.
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        PredictionIntervalDisplay
        """
        check_consistent_length(y_true, y_pred, lower, upper)
        columns = (np.asarray(values, dtype=float) for values in (y_true, y_pred, lower, upper))
        return cls(*columns, level=level).plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        band_kw: dict[str, Any] | None = None,
        line_kw: dict[str, Any] | None = None,
        point_kw: dict[str, Any] | None = None,
    ) -> PredictionIntervalDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        band_kw : dict, default=None
            For :meth:`matplotlib.axes.Axes.fill_between`.
        line_kw, point_kw : dict, default=None
            For the :class:`matplotlib.lines.Line2D` of predictions, and of observations.

        Returns
        -------
        PredictionIntervalDisplay
            This object, with the attributes above.
        """
        self.ax_ = ax = axes_for(ax)
        self.figure_ = ax.figure

        order = np.argsort(self.y_pred, kind="stable")
        y, middle, low, high = (
            np.asarray(values)[order]
            for values in (self.y_true, self.y_pred, self.lower, self.upper)
        )
        inside, rank = (low <= y) & (y <= high), np.arange(len(y))
        self.coverage_ = float(inside.mean())
        nominal = "" if self.level is None else f" of {100 * self.level:.3g} %"
        label = f"interval{nominal}, holds {100 * self.coverage_:.3g} %"
        band = {"color": COLOURS[0], "alpha": 0.25, "linewidth": 0, "label": label}
        style = styled("PolyCollection", band, band_kw)
        self.band_ = ax.fill_between(rank, low, high, step="mid", **style)
        line = styled("Line2D", {"color": COLOURS[0], "label": "predicted"}, line_kw)
        (self.line_,) = ax.plot(rank, middle, drawstyle="steps-mid", **line)
        dots = {"linestyle": "none", "markersize": 4}
        hit = {**dots, "marker": "o", "color": "0.3", "label": "observed, inside"}
        miss = {**dots, "marker": "x", "color": COLOURS[1], "label": "observed, outside"}
        (self.inside_,) = ax.plot(rank[inside], y[inside], **styled("Line2D", hit, point_kw))
        (self.outside_,) = ax.plot(rank[~inside], y[~inside], **styled("Line2D", miss, point_kw))
        ax.set(xlabel="row, by prediction", ylabel="target")
        legend_above(ax)
        return self
