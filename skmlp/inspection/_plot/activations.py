"""What the units of a hidden layer make of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmlp.inspection._plot._figure import COLOURS, SIGNED, axes_for
from skmlp.inspection._plot._reading import parts_of

#: Numbers of more than so many different values are targets, not classes.
_CLASSES = 30


class ActivationDisplay:
    """Heat map of a hidden layer's activations, rows of X by units.

    Rows are sorted by class, or by target. A unit that is the same for every row tells nothing:
    it is dead, as far as these rows go, and has a cross above its column.

    Parameters
    ----------
    activations : ndarray of shape (n_samples, n_units)
        Activations of the layer.
    y : array-like of shape (n_samples,), default=None
        Classes or targets by which rows are sorted; None to keep their order.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the heat map.
    figure_ : matplotlib Figure
        Figure with the heat map.
    image_ : AxesImage
        The heat map.
    order_ : ndarray of shape (n_samples,)
        Number of the row of X that is shown in each line.
    dead_ : ndarray of int
        Numbers of the units that are the same for every row.
    crosses_ : Line2D
        The crosses above them.
    colorbar_ : matplotlib Colorbar or None
        Key to the colours.

    See Also
    --------
    NetworkDisplay : All layers, for a single row.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection import ActivationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier((16, 12), max_iter=5, random_state=0).fit(X, y)
    >>> display = ActivationDisplay.from_estimator(clf, X, y=y, ax=Figure().subplots())
    >>> display.activations.shape
    (150, 12)
    """

    def __init__(self, activations: Any, *, y: Any = None) -> None:
        self.activations = activations
        self.y = y

    @classmethod
    def from_estimator(
        cls,
        model: Any,
        X: Any,
        *,
        layer: int = -1,
        y: Any = None,
        network: int = 0,
        ax: Any = None,
        **kwargs: Any,
    ) -> ActivationDisplay:
        """Draw the activations of a fitted network.

        Parameters
        ----------
        model : MLPClassifier or MLPRegressor
            Fitted.
        X : array-like of shape (n_samples, n_features)
            Rows.
        layer : int, default=-1
            Which hidden layer, counted from 0, or from the end where negative.
        y : array-like of shape (n_samples,), default=None
            Classes or targets by which rows are sorted; None to keep their order.
        network : int, default=0
            Which one, where the model has several.
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        ActivationDisplay

        Raises
        ------
        ValueError
            Where there is no such layer or network.
        """
        sizes = parts_of(model, network).sizes
        every = np.asarray(model.transform(X, layer=layer))  # those of all networks side by side
        width = sizes[1:-1][layer]
        return cls(every[:, network * width : (network + 1) * width], y=y).plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: Any = None,
        colorbar: bool = True,
        image_kw: dict[str, Any] | None = None,
    ) -> ActivationDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        cmap : str or Colormap, default=None
            Colours. None is "viridis" where no activation is negative, otherwise "PuOr" with
            white at 0.
        colorbar : bool, default=True
            Whether to add a key to the colours.
        image_kw : dict, default=None
            For :meth:`matplotlib.axes.Axes.imshow`.

        Returns
        -------
        ActivationDisplay
            This object, with the attributes above.
        """
        values = np.asarray(self.activations)
        self.ax_ = ax = axes_for(ax)
        self.figure_ = ax.figure
        labels = None if self.y is None else np.asarray(self.y)
        self.order_ = np.arange(len(values))
        if labels is not None:
            self.order_ = np.argsort(labels, kind="stable")
        self.dead_ = np.flatnonzero(np.ptp(values, axis=0) <= 1e-7 * np.abs(values).max())
        signed = values.min() < 0
        largest = np.abs(values).max() or 1.0
        style = {"cmap": cmap or (SIGNED if signed else "viridis"), "aspect": "auto"}
        style |= {"vmin": -largest if signed else 0, "vmax": largest, "interpolation": "nearest"}
        self.image_ = ax.imshow(values[self.order_], **style | (image_kw or {}))
        ax.set(xlabel="unit", ylabel="row")
        if labels is not None:
            self._label_rows(labels[self.order_])
        self._mark_dead()
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(self.image_, ax=ax, label="activation")
        return self

    def _label_rows(self, labels: Any) -> None:
        """Name the classes, with lines between them; or tell some of the targets."""
        ax, n = self.ax_, len(labels)
        classes, starts = np.unique(labels, return_index=True)
        if labels.dtype.kind in "fiu" and len(classes) > _CLASSES:
            rows = np.linspace(0, n - 1, min(n, 6)).round().astype(int)
            ax.set_yticks(rows, [f"{labels[row]:.4g}" for row in rows])
            ax.set_ylabel("row, by target")
            return
        ends, width = np.append(starts[1:], n), self.image_.get_array().shape[1]
        colour = "white" if self.image_.norm.vmin == 0 else "0.3"
        ax.hlines(starts[1:] - 0.5, -0.5, width - 0.5, colors=colour, linewidth=1)
        ax.set_yticks((starts + ends - 1) / 2, [str(name) for name in classes])
        ax.set_ylabel("row, by class")

    def _mark_dead(self) -> None:
        """Put a cross above each dead unit."""
        n, dead = self.image_.get_array().shape[1], len(self.dead_)
        cross = {"marker": "x", "linestyle": "none", "color": COLOURS[1], "clip_on": False}
        cross |= {"markersize": np.clip(300 / n, 1, 6), "transform": self.ax_.get_xaxis_transform()}
        (self.crosses_,) = self.ax_.plot(self.dead_, np.full(dead, 1.02), **cross)
        if dead:
            self.ax_.set_title(f"× dead: {dead} of {n} units", fontsize=9, pad=12)
