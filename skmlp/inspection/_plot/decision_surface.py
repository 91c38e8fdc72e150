"""What a model of two inputs predicts all over the plane, at the end or while it learns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from skmlp.estimators._base import BaseMLP
from skmlp.inspection._plot._album import Album
from skmlp.inspection._plot._figure import (
    COLOURS,
    MARKERS,
    columns_for,
    import_pyplot,
    panels_for,
    styled,
)

#: How much of the class's colour, and how much white, the surface has.
_INK = 0.5


class DecisionSurfaceDisplay:
    """Predictions over the plane of two inputs, with the rows that they were learnt from.

    For a classifier each point has the mixture of the classes' colours that its probabilities
    say, and lines where another class becomes the most likely one. For a regressor the colour is
    the prediction, and that inside a row's mark its target.

    Parameters
    ----------
    surfaces : list of ndarray of shape (n, n) or (n, n, n_classes)
        Predictions, or probabilities, over a grid, one for each panel; rows go with the second
        input.
    extent : (float, float, float, float)
        First and last value on the grid of the first input, then of the second.
    X : ndarray of shape (n_samples, 2), default=None
        Rows to be drawn.
    y : ndarray of shape (n_samples,), default=None
        Their classes or targets.
    classes : ndarray of shape (n_classes,), default=None
        The classes; None for a regressor.
    titles : list of str, default=None
        A title for each panel.
    feature_names : (str, str), default=None
        Names of the inputs.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One for each panel.
    figure_ : matplotlib Figure
        Figure with the panels.
    surfaces_ : list of AxesImage
        The colours, panel by panel.
    boundaries_ : list of list of ContourSet
        Of a classifier, the lines in each panel.
    points_ : list of list of PathCollection
        The rows in each panel, class by class.
    colorbar_ : matplotlib Colorbar or None
        Key to the colours, for a regressor.

    See Also
    --------
    sklearn.inspection.DecisionBoundaryDisplay : Other responses, such as ``decision_function``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import make_moons
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection import DecisionSurfaceDisplay
    >>> X, y = make_moons(100, noise=0.2, random_state=0)
    >>> clf = MLPClassifier(16, max_iter=20, random_state=0).fit(X, y)
    >>> display = DecisionSurfaceDisplay.from_estimator(clf, X, y, ax=Figure().subplots())
    >>> display.surfaces[0].shape
    (100, 100, 2)

    How it came about:

    >>> ax = Figure().subplots()
    >>> display = DecisionSurfaceDisplay.from_training(clf, X, y, epochs=(1, 5, 20), ax=ax)
    >>> display.titles
    ['epoch 1', 'epoch 5', 'epoch 20']
    """

    def __init__(
        self,
        surfaces: list[Any],
        extent: tuple[float, float, float, float],
        *,
        X: Any = None,
        y: Any = None,
        classes: Any = None,
        titles: list[str] | None = None,
        feature_names: Any = None,
    ) -> None:
        self.surfaces = surfaces
        self.extent = extent
        self.X = X
        self.y = y
        self.classes = classes
        self.titles = titles
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        model: Any,
        X: Any,
        y: Any = None,
        *,
        grid_resolution: int = 100,
        ax: Any = None,
        **kwargs: Any,
    ) -> DecisionSurfaceDisplay:
        """Draw the surface of a fitted model.

        Parameters
        ----------
        model : estimator
            Fitted, with ``predict_proba`` if it is a classifier.
        X : array-like of shape (n_samples, 2)
            Rows to be drawn; the surface goes a little beyond them.
        y : array-like of shape (n_samples,), default=None
            Their classes or targets; None to leave the rows out.
        grid_resolution : int, default=100
            Points of the grid along each input.
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        DecisionSurfaceDisplay

        Raises
        ------
        ValueError
            Where X has not two columns, or the model predicts several targets.
        """
        extent, grid, names = _grid(X, grid_resolution)
        about = {"classes": getattr(model, "classes_", None), "feature_names": names}
        if y is not None:
            about |= {"X": np.asarray(X), "y": np.asarray(y)}
        surface = _surface(model, grid, grid_resolution)
        return cls([surface], extent, **about).plot(ax, **kwargs)

    @classmethod
    def from_training(
        cls,
        model: Any,
        X: Any,
        y: Any,
        *,
        epochs: Any = (1, 10, 100),
        grid_resolution: int = 100,
        ax: Any = None,
        **kwargs: Any,
    ) -> DecisionSurfaceDisplay:
        """Fit a clone of the model, and draw its surface after some of the epochs.

        The model itself is left alone. Its clone is trained once, for as long as the model's
        settings say, so that the schedules of the learning rate are as ever. Where training ends
        before an epoch asked for, the last one is drawn. The temperature by which a classifier
        calibrates, known only at the end, is used throughout.

        Parameters
        ----------
        model : MLPClassifier or MLPRegressor
            Fitted or not; with a ``random_state``, if the same pictures are to come again.
        X : array-like of shape (n_samples, 2)
            Training rows.
        y : array-like of shape (n_samples,)
            Their classes or targets.
        epochs : sequence of int, default=(1, 10, 100)
            Epochs, from 1, after which to look; for "lbfgs" its iterations.
        grid_resolution : int, default=100
            Points of the grid along each input.
        ax : matplotlib Axes or array of such, default=None
            One for each epoch, or one to be divided; None for a new figure.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        DecisionSurfaceDisplay

        Raises
        ------
        TypeError
            Where the model is no such estimator.
        ValueError
            Where X has not two columns, or an epoch is below 1.
        """
        import_pyplot()  # better missed before the training than after it
        if not isinstance(model, BaseMLP):
            raise TypeError(
                f"model: got {type(model).__name__}, expected an MLPClassifier or MLPRegressor of "
                "skmlp, which can be looked at while it learns"
            )
        extent, grid, names = _grid(X, grid_resolution)
        if not len(epochs) or min(epochs) < 1:
            raise ValueError(f"epochs={epochs!r}, expected numbers from 1 on, at least one")
        album = Album(epochs)
        twin = clone(model)
        twin.set_params(callbacks=[*(twin.callbacks or ()), album]).fit(X, y)
        surfaces, titles = [], []
        for epoch, (theta, stats) in album.pages():
            twin.networks_.theta[...], twin.networks_.stats[...] = theta, stats
            surfaces.append(_surface(twin, grid, grid_resolution))
            titles.append(f"epoch {epoch}")
        about = {"classes": getattr(twin, "classes_", None), "feature_names": names}
        about |= {"X": np.asarray(X), "y": np.asarray(y), "titles": titles}
        return cls(surfaces, extent, **about).plot(ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: Any = "viridis",
        show_boundary: bool = True,
        surface_kw: dict[str, Any] | None = None,
        boundary_kw: dict[str, Any] | None = None,
        point_kw: dict[str, Any] | None = None,
    ) -> DecisionSurfaceDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes or array of such, default=None
            One for each panel, or one to be divided; None for a new figure.
        cmap : str or Colormap, default="viridis"
            Colours of a regressor's predictions.
        show_boundary : bool, default=True
            Whether to draw the lines between classes.
        surface_kw, boundary_kw, point_kw : dict, default=None
            For :meth:`matplotlib.axes.Axes.imshow`, :meth:`matplotlib.axes.Axes.contour` and
            :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        DecisionSurfaceDisplay
            This object, with the attributes above.
        """
        n = len(self.surfaces)
        size = (5.0, 4.0) if n == 1 else (3.0, 2.8)
        self.axes_ = panels_for(ax, n, size)
        self.figure_ = self.axes_[0].figure
        self.surfaces_, self.boundaries_, self.points_, self.colorbar_ = [], [], [], None
        limits = self._limits()
        names = ("x0", "x1") if self.feature_names is None else self.feature_names
        colours = {} if self.classes is not None else {"cmap": cmap, **limits}
        for i, (one, surface) in enumerate(zip(self.axes_, self.surfaces, strict=True)):
            image = surface if self.classes is None else _mixed(surface)
            step = (np.subtract(self.extent[1::2], self.extent[::2])) / (len(surface) - 1) / 2
            around = np.add(self.extent, np.outer(step, (-1, 1)).ravel())
            style = {"origin": "lower", "aspect": "auto", "extent": around, **colours}
            self.surfaces_.append(one.imshow(image, **style | (surface_kw or {})))
            lines = self.classes is not None and show_boundary
            self.boundaries_.append(self._draw_lines(one, surface, boundary_kw) if lines else [])
            self.points_.append(self._draw_points(one, colours, point_kw))
            one.set(xlim=self.extent[:2], ylim=self.extent[2:])
            one.set_title(self.titles[i] if self.titles else "", fontsize=10)
            one.set(xlabel=names[0], ylabel=names[1])
            if n > 1:
                one.label_outer()
            if i + columns_for(n) >= n:  # nothing stands below
                one.set_xlabel(names[0])
                one.tick_params(labelbottom=True)
        if self.classes is None:
            self.colorbar_ = self.figure_.colorbar(
                self.surfaces_[0], ax=self.axes_, label="prediction"
            )
        elif self.y is not None:
            self.axes_[-1].legend(fontsize=8)
        return self

    def _limits(self) -> dict[str, float]:
        """Return the lowest and the highest of all predictions and targets."""
        values = [*self.surfaces, *([] if self.y is None or self.classes is not None else [self.y])]
        return {"vmin": min(map(np.min, values)), "vmax": max(map(np.max, values))}

    def _draw_lines(self, ax: Any, surface: Any, boundary_kw: Any) -> list[Any]:
        """Draw a line around where each class is the most likely one."""
        sides = [np.linspace(*ends, len(surface)) for ends in (self.extent[:2], self.extent[2:])]
        style = {"colors": "0.2", "linewidths": 1.2, **(boundary_kw or {})}
        drawn = []
        n_classes = surface.shape[2]
        for c in range(n_classes - (n_classes <= 2)):  # two have one line in common
            lead = surface[:, :, c] - np.delete(surface, c, axis=2).max(axis=2)
            if lead.min() < 0 < lead.max():
                drawn.append(ax.contour(*sides, lead, levels=[0.0], **style))
        return drawn

    def _draw_points(self, ax: Any, colours: dict[str, Any], point_kw: Any) -> list[Any]:
        """Draw the rows, class by class."""
        if self.y is None:
            return []
        base = {"s": 18, "edgecolor": "white", "linewidth": 0.6}
        if self.classes is None:
            style = styled("PathCollection", base | {"edgecolor": "black"}, point_kw)
            return [ax.scatter(*self.X.T, c=self.y, **colours, **style)]
        drawn = []
        for c, name in enumerate(self.classes):
            own = {"facecolor": COLOURS[c % len(COLOURS)], "marker": MARKERS[c % len(MARKERS)]}
            style = styled("PathCollection", base | own, point_kw)
            drawn.append(ax.scatter(*self.X[self.y == name].T, label=str(name), **style))
        return drawn


def _grid(X: Any, n: int) -> tuple[tuple[float, float, float, float], Any, Any]:
    """Return the range of two columns, a grid over it in the kind of X, and names of columns."""
    values = np.asarray(X)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(f"X: got shape {values.shape}, but a surface has two inputs: (n, 2)")
    low, high = values.min(axis=0), values.max(axis=0)
    margin = 0.1 * (high - low)
    (x0, y0), (x1, y1) = low - margin, high + margin
    across, up = np.meshgrid(np.linspace(x0, x1, n), np.linspace(y0, y1, n))
    grid = np.column_stack([across.ravel(), up.ravel()])
    names = getattr(X, "columns", None)
    if names is not None:
        grid = type(X)(dict(zip(names, grid.T, strict=True)))
    return (x0, x1, y0, y1), grid, names


def _surface(model: Any, grid: Any, n: int) -> Any:
    """Return predictions (n, n), or probabilities (n, n, n_classes)."""
    values = model.predict_proba(grid) if is_classifier(model) else model.predict(grid)
    if isinstance(values, list) or values.ndim > 1 + is_classifier(model):
        raise ValueError("model: got predictions of several targets, but one can be shown")
    return values.reshape(n, n, *values.shape[1:])


def _mixed(surface: Any) -> Any:
    """Return the mixture (n, n, 3) of classes' colours by probabilities, on white."""
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(COLOURS[c % len(COLOURS)]) for c in range(surface.shape[2])])
    return np.clip(1 - _INK * (1 - surface @ colours), 0, 1)
