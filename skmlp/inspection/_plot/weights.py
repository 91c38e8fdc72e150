"""The weights of one layer, unit by unit: as images, or as bars."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from skmlp.inspection._plot._figure import SIGNED, panels_for, shortened, styled
from skmlp.inspection._plot._reading import input_names, parts_of


class WeightsDisplay:
    """Incoming weights of a layer's units, each in a panel of its own.

    Where the inputs are the pixels of an image, so are the weights: purple where positive, orange
    where negative, white at zero, on one scale for all units. Otherwise the largest weights of a
    unit are bars, the largest on top.

    Parameters
    ----------
    weights : ndarray of shape (n_in, n_units)
        Weights of the layer.
    image_shape : (height, width), default=None
        Shape of an image of n_in pixels, row by row; None for bars.
    feature_names : sequence of str, default=None
        Names of the inputs, for bars.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One for each unit drawn.
    figure_ : matplotlib Figure
        Figure with the panels.
    units_ : ndarray of int
        Numbers of the units drawn.
    images_ : list of AxesImage
        The images, if it is images.
    bars_ : list of BarContainer
        The bars, if it is bars.
    colorbar_ : matplotlib Colorbar or None
        Key to the images.

    See Also
    --------
    NetworkDisplay : All layers in one drawing.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_digits, load_wine
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection import WeightsDisplay
    >>> digits, wine = load_digits(), load_wine()
    >>> clf = MLPClassifier(24, max_iter=3).fit(digits.data, digits.target)
    >>> ax = Figure().subplots()
    >>> display = WeightsDisplay.from_estimator(clf, image_shape="square", ax=ax)
    >>> len(display.images_), display.images_[0].get_array().shape
    (16, (8, 8))

    Without images, bars:

    >>> clf = MLPClassifier(24, max_iter=3).fit(wine.data, wine.target)
    >>> names, ax = wine.feature_names, Figure().subplots()
    >>> display = WeightsDisplay.from_estimator(clf, n_units=2, feature_names=names, ax=ax)
    >>> [len(bars) for bars in display.bars_]
    [8, 8]
    """

    def __init__(self, weights: Any, *, image_shape: Any = None, feature_names: Any = None) -> None:
        self.weights = weights
        self.image_shape = image_shape
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        model: Any,
        *,
        layer: int = 0,
        image_shape: Any = None,
        feature_names: Any = None,
        network: int = 0,
        ax: Any = None,
        **kwargs: Any,
    ) -> WeightsDisplay:
        """Draw weights of a fitted network.

        Parameters
        ----------
        model : estimator
            Fitted ``MLPClassifier`` or ``MLPRegressor``, skmlp's or scikit-learn's.
        layer : int, default=0
            Which layer's, counted from the first hidden one, or from the output where negative.
        image_shape : (height, width) or "square", default=None
            Shape of the images whose pixels are the layer's inputs; None for bars.
        feature_names : sequence of str, default=None
            Names of the columns, or of the inputs that were made of them; None for those of X in
            fit, if there were any. For the first layer.
        network : int, default=0
            Which one, where the model has several.
        ax : matplotlib Axes or array of such, default=None
            One for each unit, or one to be divided; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        WeightsDisplay

        Raises
        ------
        ValueError
            Where there is no such layer or network, or the inputs do not make such an image.
        """
        weights = parts_of(model, network).weights
        if not -len(weights) <= layer < len(weights):
            raise ValueError(
                f"layer={layer}, but the network has {len(weights)} layers of weights; pass a "
                f"number from {-len(weights)} to {len(weights) - 1}"
            )
        w = weights[layer]
        first = layer in (0, -len(weights))
        below = [f"unit {j}" for j in range(len(w))]
        names = input_names(model, feature_names, len(w)) if first else below
        shape = _image_shape(image_shape, len(w))
        return cls(w, image_shape=shape, feature_names=names).plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        n_units: int = 16,
        units: Any = None,
        n_features: int = 8,
        cmap: Any = SIGNED,
        colorbar: bool = True,
        image_kw: dict[str, Any] | None = None,
        bar_kw: dict[str, Any] | None = None,
    ) -> WeightsDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or array of such, default=None
            One for each unit, or one to be divided; None for a new figure.
        n_units : int, default=16
            How many units to draw: those whose weights are longest, as vectors, longest first.
        units : sequence of int, default=None
            Numbers of the units to draw instead.
        n_features : int, default=8
            Largest number of bars of a unit.
        cmap : str or Colormap, default="PuOr"
            Colours of the images; bars have those of its ends.
        colorbar : bool, default=True
            Whether to add a key to the images.
        image_kw, bar_kw : dict, default=None
            For :meth:`matplotlib.axes.Axes.imshow` and :meth:`matplotlib.axes.Axes.barh`.

        Returns
        -------
        WeightsDisplay
            This object, with the attributes above.
        """
        if units is None:
            units = np.argsort(-np.linalg.norm(self.weights, axis=0), kind="stable")[:n_units]
        self.units_ = np.asarray(units)
        size = (1.7, 1.8) if self.image_shape else (2.9, 2.2)
        self.axes_ = panels_for(ax, len(self.units_), size)
        self.figure_ = self.axes_[0].figure
        self.images_, self.bars_, self.colorbar_ = [], [], None
        for one, unit in zip(self.axes_, self.units_, strict=True):
            one.set_title(f"unit {unit}", fontsize=9)
            if self.image_shape:
                self.images_.append(self._draw_image(one, unit, cmap, image_kw))
            else:
                self.bars_.append(self._draw_bars(one, unit, n_features, cmap, bar_kw))
        if self.images_ and colorbar:
            self.colorbar_ = self.figure_.colorbar(
                self.images_[0], ax=self.axes_, label="weight", shrink=0.7
            )
        return self

    def _draw_image(self, ax: Any, unit: int, cmap: Any, image_kw: Any) -> Any:
        largest = np.abs(self.weights[:, self.units_]).max() or 1.0
        style = {"cmap": cmap, "vmin": -largest, "vmax": largest, **(image_kw or {})}
        ax.set(xticks=[], yticks=[])
        return ax.imshow(self.weights[:, unit].reshape(self.image_shape), **style)

    def _draw_bars(self, ax: Any, unit: int, n_features: int, cmap: Any, bar_kw: Any) -> Any:
        from matplotlib import colormaps

        w = self.weights[:, unit]
        largest = np.argsort(-np.abs(w), kind="stable")[:n_features]
        colours = colormaps.get_cmap(cmap)(np.where(w[largest] < 0, 0.15, 0.85))
        names = self.feature_names or [f"input {j}" for j in range(len(w))]
        style = styled("Rectangle", {"color": colours}, bar_kw)
        bars = ax.barh(np.arange(len(largest)), w[largest], **style)
        ax.set_yticks(np.arange(len(largest)), [shortened(names[j]) for j in largest])
        ax.tick_params(labelsize=7)
        ax.axvline(0, color="0.2", linewidth=0.8)
        ax.invert_yaxis()
        return bars


def _image_shape(shape: Any, n_in: int) -> tuple[int, int] | None:
    """Return the shape of images of n_in pixels."""
    if shape is None:
        return None
    side = isqrt(n_in)
    height, width = (side, side) if isinstance(shape, str) and shape == "square" else shape
    if height * width != n_in:
        raise ValueError(
            f"image_shape={shape!r} has {height} × {width} pixels, but the layer has {n_in} "
            "inputs; pass (height, width) of the images, or None for bars"
        )
    return height, width
