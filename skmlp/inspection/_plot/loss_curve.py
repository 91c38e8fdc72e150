"""How the loss fell, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skmlp.estimators._base import BaseMLP
from skmlp.inspection._plot._figure import COLOURS, axes_for, legend_above, styled

#: What is drawn how: a name for the legend, and the line.
_KINDS = {
    "train_loss": ("training loss", "-"),
    "validation_loss": ("validation loss", "--"),
    "validation_score": ("validation", ":"),
}

#: By which of these the best epoch was chosen, or what comes nearest to it.
_WATCHED = ("validation_score", "validation_loss", "train_loss")


@dataclass
class Curve:
    """What was recorded of one fit.

    Parameters
    ----------
    values : dict of str to ndarray of shape (n_epochs,)
        By "train_loss" and, where rows were watched, "validation_loss" and "validation_score".
    best_epoch : int, default=None
        The epoch, from 1, to whose weights the model returned; None where it did not.
    score_name : str, default="score"
        What kind of score it is.
    networks : dict of str to ndarray of shape (n_epochs, n_networks), default={}
        The same for each network, where there are several and they are known.
    """

    values: dict[str, Any]
    best_epoch: int | None = None
    score_name: str = "score"
    networks: dict[str, Any] = field(default_factory=dict)


class LossCurveDisplay:
    """Training and validation loss, or score, of one or several fits.

    Training losses are solid lines, validation losses dashed ones, and scores dotted ones with an
    axis of their own at the right. A dot marks the epoch to whose weights the model returned. Thin
    lines are the networks of an ensemble, whose mean is the thick one.

    Parameters
    ----------
    curves : dict of str to Curve
        The fits, by name.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.
    ax_score_ : matplotlib Axes or None
        Axes with the scores.
    figure_ : matplotlib Figure
        Figure with the lines.
    lines_ : dict of (str, str) to Line2D
        By name of the fit, and "train_loss", "validation_loss" or "validation_score".
    network_lines_ : list of Line2D
        The thin lines.
    best_ : dict of str to Line2D
        The dots, by name of the fit.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Score by number of training rows.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection import LossCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = MLPClassifier(max_iter=8, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(clf, ax=Figure().subplots())
    >>> sorted(kind for _, kind in display.lines_)
    ['train_loss', 'validation_loss', 'validation_score']

    Several fits, by name:

    >>> fits = {f"{n} units": MLPClassifier(n, max_iter=8).fit(X, y) for n in (8, 32)}
    >>> display = LossCurveDisplay.from_estimator(fits, ax=Figure().subplots())
    >>> list(display.curves)
    ['8 units', '32 units']
    """

    def __init__(self, curves: dict[str, Curve]) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(cls, model: Any, *, ax: Any = None, **kwargs: Any) -> LossCurveDisplay:
        """Draw the curves of fitted models.

        Parameters
        ----------
        model : estimator, dict of str to estimator, or sequence of estimators
            Fitted, of skmlp or scikit-learn. The networks of an ensemble are known as long as the
            model was not pickled, and of other solvers than "lbfgs".
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        LossCurveDisplay
        """
        if isinstance(model, Mapping):
            named = dict(model)
        elif isinstance(model, list | tuple):
            named = {f"{type(one).__name__} {i}": one for i, one in enumerate(model, start=1)}
        else:
            named = {type(model).__name__: model}
        display = cls({str(name): _curve(one) for name, one in named.items()})
        return display.plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        validation: str | None = "auto",
        show_networks: bool = True,
        line_kw: dict[str, Any] | None = None,
    ) -> LossCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        validation : {"auto", "loss", "score", "both"} or None, default="auto"
            What to draw of the watched rows. "auto" is both for one fit; for several it is the
            loss, or the score where no loss is known.
        show_networks : bool, default=True
            Whether to draw the networks of an ensemble one by one, too.
        line_kw : dict, default=None
            For :class:`matplotlib.lines.Line2D`.

        Returns
        -------
        LossCurveDisplay
            This object, with the attributes above.
        """
        if validation not in ("auto", "loss", "score", "both", None):
            raise ValueError(
                f"validation={validation!r}, expected 'auto', 'loss', 'score', 'both' or None"
            )
        self.ax_ = axes_for(ax)
        self.figure_, self.ax_score_ = self.ax_.figure, None
        self.lines_, self.network_lines_, self.best_ = {}, [], {}
        for i, (name, curve) in enumerate(self.curves.items()):
            style = {"color": COLOURS[i % len(COLOURS)]}
            for kind in self._kinds(curve, validation):
                self._draw(name, kind, style, show_networks, line_kw)
            self._mark_best(name, style)
        self.ax_.set(xlabel="epoch", ylabel="loss")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        legend_above(self.ax_, [*self.lines_.values(), *list(self.best_.values())[:1]])
        return self

    def _kinds(self, curve: Curve, validation: str | None) -> list[str]:
        """Return what is to be drawn of a fit, and known of it."""
        loss, score = ("validation_loss" in curve.values), ("validation_score" in curve.values)
        if validation == "auto":
            validation = "both" if len(self.curves) == 1 else "loss" if loss else "score"
        kinds = ["train_loss"]
        kinds += ["validation_loss"] if loss and validation in ("loss", "both") else []
        kinds += ["validation_score"] if score and validation in ("score", "both") else []
        return kinds

    def _draw(self, name: str, kind: str, style: Any, show_networks: bool, line_kw: Any) -> None:
        """Draw one kind of line of a fit, thick, and thin for its networks."""
        curve, ax = self.curves[name], self.ax_
        label, dashes = _KINDS[kind]
        if kind == "validation_score":
            label = f"{label} {curve.score_name}"
            if self.ax_score_ is None:
                self.ax_score_ = self.ax_.twinx()
                self.ax_score_.set_ylabel(label)
            ax = self.ax_score_
        label = label if len(self.curves) == 1 else f"{name}, {label}"
        style = styled("Line2D", {**style, "linestyle": dashes, "label": label}, line_kw)
        values = curve.values[kind]
        epochs = np.arange(1, len(values) + 1)
        each = curve.networks.get(kind) if show_networks else None
        if each is not None and (each != each[:, :1]).any():
            thin = style | {"linewidth": 0.6, "alpha": 0.5, "label": "_network"}
            self.network_lines_ += ax.plot(epochs, each, **thin)
        (self.lines_[name, kind],) = ax.plot(epochs, values, **style)

    def _mark_best(self, name: str, style: Any) -> None:
        """Put a dot where the model returned to, on what was watched if that is drawn."""
        epoch = self.curves[name].best_epoch
        if epoch is None:
            return
        line = next(self.lines_[name, kind] for kind in _WATCHED if (name, kind) in self.lines_)
        x, y = line.get_xdata()[epoch - 1], line.get_ydata()[epoch - 1]
        alone = len(self.curves) == 1
        label = f"best epoch, {epoch}" if alone else "_" if self.best_ else "best epochs"
        mark = {**style, "marker": "o", "linestyle": "none", "label": label, "zorder": 3}
        (self.best_[name],) = line.axes.plot([x], [y], **mark)


def _curve(model: Any) -> Curve:
    """Read what a fitted model keeps of its training."""
    scores = getattr(model, "validation_scores_", None)
    if isinstance(model, BaseMLP):
        check_is_fitted(model)
        values = {
            kind: np.array([row.get(kind, np.nan) for row in model.history_])
            for kind in _KINDS
            if any(kind in row for row in model.history_)
        }
        joint = len(model.networks_.theta) == 1 or model.joint_best_epoch
        networks = _networks(model)
    else:
        if not hasattr(model, "loss_curve_"):
            raise ValueError(
                f"model: {type(model).__name__} has no loss_curve_; fit it first, and with "
                "another solver than 'lbfgs' if it is scikit-learn's"
            )
        values = {"train_loss": np.array(model.loss_curve_)}
        if scores is not None:
            values["validation_score"] = np.array(scores)
        joint, networks = True, {}
    best = None
    if joint and scores is not None and not np.isnan(scores).all():
        best = int(np.nanargmax(scores)) + 1
    return Curve(values, best, _score_name(model), networks)


def _score_name(model: Any) -> str:
    scoring = getattr(model, "scoring", None)
    if scoring is None:
        return "accuracy" if is_classifier(model) else "R²"
    return scoring if isinstance(scoring, str) else "score"


def _networks(model: Any) -> dict[str, Any]:
    """Return each network's curves (n_epochs, K), as long as they are kept."""
    training = getattr(model, "_training", None)  # a pickle leaves it behind
    state = training and training.state
    if state is None or state.network.k == 1 or len(state.history) != len(model.history_):
        return {}
    return {
        kind: np.array([row[kind] for row in state.history])
        for kind in _KINDS
        if all(kind in row for row in state.history)
    }
