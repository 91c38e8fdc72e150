"""A drawing of a network: its units, and the weights between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from skmlp.inspection._plot._figure import SIGNED, axes_for, shortened, styled
from skmlp.inspection._plot._plan import RADIUS, Plan
from skmlp.inspection._plot._reading import input_names, output_names, parts_of, unit_values

_Text = tuple[float, float, str, dict[str, Any]]


class NetworkDisplay:
    """Drawing of a network, its layers from left to right.

    Units are circles, weights are lines: purple where positive, orange where negative, and the
    stronger the closer they come to the largest weight of their layer. Of a layer with more than
    `max_units` units the first and the last are drawn, with dots between them.

    Make one by :meth:`from_estimator` or, without weights, :meth:`from_sizes`.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, of the units of each hidden layer, and of outputs.
    weights : list of ndarray of shape (n_in, n_out), default=None
        Weights of each layer but the first; None for lines that are all alike.
    biases : list of ndarray of shape (n_out,), default=None
        Biases of the same layers.
    activations : sequence of str, default=None
        Names of the functions of the same layers, written under them.
    feature_names, class_names : sequence of str, default=None
        What is written beside the inputs and outputs.
    values : list of ndarray of shape (n_units,), default=None
        One number for each unit, input and output, to be written into it and shown as its
        colour: the stronger the closer to its layer's largest.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the drawing.
    figure_ : matplotlib Figure
        Figure with the drawing.
    edges_ : list of LineCollection
        Lines into each layer but the first; where there are weights, their array is weights over
        the largest of the layer, between -1 and 1.
    units_ : list of list of Circle
        Circles of each layer, from top to bottom; with `show_biases` the bias unit comes first.
    texts_ : list of list of Text
        What is written beside, under and into each layer.
    colorbar_ : matplotlib Colorbar or None
        Key to the colours.

    See Also
    --------
    WeightsDisplay : One layer's weights alone.
    ActivationDisplay : What the units of a layer make of many rows.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection import NetworkDisplay
    >>> iris = load_iris()
    >>> clf = MLPClassifier((12, 5), max_iter=5, random_state=0).fit(iris.data, iris.target)
    >>> names = {"feature_names": iris.feature_names, "class_names": iris.target_names}
    >>> display = NetworkDisplay.from_estimator(clf, **names, ax=Figure().subplots())
    >>> [len(units) for units in display.units_]
    [4, 8, 5, 3]

    What a flower stirs, and a network for the blackboard:

    >>> ax = Figure().subplots()
    >>> display = NetworkDisplay.from_estimator(clf, X=iris.data[:1], **names, ax=ax)
    >>> display = NetworkDisplay.from_sizes([2, 3, 1], ax=Figure().subplots())
    >>> [text.get_text() for text in display.texts_[1]]
    ['$h_{1}$', '$h_{2}$', '$h_{3}$']
    """

    def __init__(
        self,
        sizes: Any,
        *,
        weights: Any = None,
        biases: Any = None,
        activations: Any = None,
        feature_names: Any = None,
        class_names: Any = None,
        values: Any = None,
    ) -> None:
        self.sizes = sizes
        self.weights = weights
        self.biases = biases
        self.activations = activations
        self.feature_names = feature_names
        self.class_names = class_names
        self.values = values

    @classmethod
    def from_estimator(
        cls,
        model: Any,
        *,
        feature_names: Any = None,
        class_names: Any = None,
        X: Any = None,
        network: int = 0,
        ax: Any = None,
        **kwargs: Any,
    ) -> NetworkDisplay:
        """Draw a fitted network.

        Learnt scales of the inputs are part of the weights drawn.

        Parameters
        ----------
        model : estimator
            Fitted ``MLPClassifier`` or ``MLPRegressor``, skmlp's or scikit-learn's.
        feature_names : sequence of str, default=None
            Names of the columns, or of the inputs that were made of them; None for those of X in
            fit, if there were any.
        class_names : sequence of str, default=None
            Names of the classes, or outputs; None for ``classes_``. A network for two classes has
            one output, which stands for the second.
        X : array-like of shape (1, n_features), default=None
            A row whose way through the network is to be shown. Inputs appear as the network sees
            them, standardised; outputs of a regressor are standardised too. For skmlp's alone.
        network : int, default=0
            Which one, where the model has several.
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure of a size that suits.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        NetworkDisplay

        Raises
        ------
        TypeError
            Where the model is no such estimator.
        ValueError
            Where names do not match, X has several rows, or there is no such network.
        """
        parts = parts_of(model, network)
        values = None
        if X is not None:
            if (n := _num_samples(X)) != 1:
                raise ValueError(f"X: got {n} rows, but one can be shown; pass X[:1]")
            values = [each[0] for each in unit_values(model, X, network)]
        display = cls(
            parts.sizes,
            weights=parts.weights,
            biases=parts.biases,
            activations=parts.activations,
            feature_names=input_names(model, feature_names, parts.sizes[0]),
            class_names=output_names(model, class_names, parts.sizes[-1]),
            values=values,
        )
        return display.plot(ax, **kwargs)

    @classmethod
    def from_sizes(
        cls,
        sizes: Any,
        *,
        activations: Any = None,
        feature_names: Any = None,
        class_names: Any = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> NetworkDisplay:
        """Draw a network of these sizes, with a symbol in each unit and no weights.

        Parameters
        ----------
        sizes : sequence of int
            Number of inputs, of the units of each hidden layer, and of outputs.
        activations : sequence of str, default=None
            Names of functions, one for each layer but the first.
        feature_names, class_names : sequence of str, default=None
            Names beside the inputs and outputs.
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure of a size that suits.
        **kwargs : dict
            For :meth:`plot`.

        Returns
        -------
        NetworkDisplay
        """
        names = {"feature_names": feature_names, "class_names": class_names}
        display = cls(sizes, activations=activations, **names)
        return display.plot(ax, **{"symbols": True, **kwargs})

    def plot(
        self,
        ax: Any = None,
        *,
        max_units: int = 8,
        show_biases: bool = False,
        symbols: bool = False,
        cmap: Any = SIGNED,
        colorbar: bool = True,
        unit_kw: dict[str, Any] | None = None,
        edge_kw: dict[str, Any] | None = None,
        text_kw: dict[str, Any] | None = None,
    ) -> NetworkDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None for a new figure of a size that suits.
        max_units : int, default=8
            Largest number of units drawn of a layer.
        show_biases : bool, default=False
            Whether to add a unit that is always 1 above each layer but the last.
        symbols : bool, default=False
            Whether to write x₁, h₁, y into the units; not where there are values.
        cmap : str or Colormap, default="PuOr"
            Colours of weights and values, from -1 to 1.
        colorbar : bool, default=True
            Whether to add a key to the colours, where there are weights.
        unit_kw, edge_kw, text_kw : dict, default=None
            For :class:`matplotlib.patches.Circle`, :class:`matplotlib.collections.LineCollection`
            and :class:`matplotlib.text.Text`.

        Returns
        -------
        NetworkDisplay
            This object, with the attributes above.
        """
        if max_units < 1:
            raise ValueError(f"max_units={max_units}, expected 1 or more")
        names = self.feature_names, self.class_names
        plan = Plan(self.sizes, self.activations, names, max_units, show_biases)
        key = colorbar and self.weights is not None
        width, height = plan.figsize
        self.ax_ = axes_for(ax, (width + 0.9 * key, height))
        self.figure_ = self.ax_.figure
        self.colorbar_ = self._add_colorbar(cmap) if key else None
        if ax is not None:
            plan.fit(self.ax_)
        across, up = (-plan.left, plan.width - plan.left), (plan.low, plan.high)
        self.ax_.set(xlim=across, ylim=up, aspect="equal")
        self.ax_.set_axis_off()
        layers = range(len(self.sizes))
        self.edges_ = [self._draw_edges(i, plan, show_biases, cmap, edge_kw) for i in layers[1:]]
        self.units_ = [self._draw_units(i, plan, show_biases, cmap, unit_kw) for i in layers]
        self.texts_ = []
        for i in layers:
            texts = self._inside(i, plan, show_biases, symbols, cmap) + self._around(i, plan)
            middle = {"fontsize": 9 * plan.scale, "ha": "center", "va": "center"}
            style = styled("Text", middle, text_kw)
            self.texts_.append(
                [self.ax_.text(x, y, text, **style | own) for x, y, text, own in texts]
            )
        return self

    def _add_colorbar(self, cmap: Any) -> Any:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        style = {"shrink": 0.7, "aspect": 30, "pad": 0.02, "ticks": [-1, 0, 1]}
        colours = ScalarMappable(Normalize(-1, 1), cmap)
        label = "weight / largest of its layer"
        return self.figure_.colorbar(colours, ax=self.ax_, label=label, **style)

    def _draw_edges(self, layer: int, plan: Plan, biased: bool, cmap: Any, edge_kw: Any) -> Any:
        """Draw the lines into a layer, the strongest on top."""
        from matplotlib.collections import LineCollection
        from matplotlib.colors import Normalize

        (below, above), (tails, heads) = (
            each[layer - 1 : layer + 1] for each in (plan.shown, plan.heights)
        )
        x0, x1 = (layer - 1) * plan.step, layer * plan.step
        starts = [tails[0] + 1, *tails] if biased else tails
        lines = np.array([[(x0, y0), (x1, y1)] for y0 in starts for y1 in heads])
        style: dict[str, Any] = {"zorder": 1, "linewidth": 0.8 * plan.scale, "color": "0.6"}
        shares = None
        if self.weights is not None:
            w = self.weights[layer - 1]
            shown, largest = w[np.ix_(below, above)], np.abs(w).max()
            if biased:
                b = self.biases[layer - 1]
                shown, largest = np.vstack([b[above], shown]), max(largest, np.abs(b).max())
            shares = (shown / (largest or 1.0)).ravel()
            order = np.argsort(np.abs(shares))
            lines, shares = lines[order], shares[order]
            style = {"zorder": 1, "linewidth": plan.scale * (0.3 + 2.7 * np.abs(shares))}
            style |= {"cmap": cmap, "norm": Normalize(-1, 1)}
        edges = LineCollection(lines, **styled("LineCollection", style, edge_kw))
        if shares is not None:
            edges.set_array(shares)
        return self.ax_.add_collection(edges, autolim=False)

    def _draw_units(
        self, layer: int, plan: Plan, biased: bool, cmap: Any, unit_kw: Any
    ) -> list[Any]:
        """Draw the circles of a layer, and the dots for those left out."""
        from matplotlib.patches import Circle

        x, ys, gap = layer * plan.step, plan.heights[layer], plan.gaps[layer]
        style = styled("Circle", {"facecolor": "white", "edgecolor": "0.2", "zorder": 2}, unit_kw)
        faces: list[dict[str, Any]] = [{} for _ in ys]
        if self.values is not None:
            faces = [{"facecolor": colour} for colour in self._colours(layer, plan, cmap)]
        circles = [Circle((x, y), RADIUS, **style | f) for y, f in zip(ys, faces, strict=True)]
        if biased and layer + 1 < len(self.sizes):
            bias = style | {"facecolor": "0.85", "linestyle": "--"}
            circles.insert(0, Circle((x, ys[0] + 1), RADIUS, **bias))
        if gap is not None:
            dots = {"color": "0.2", "linestyle": "none", "marker": "o"}
            dots["markersize"] = 2.5 * plan.scale
            self.ax_.plot([x] * 3, [gap - 0.25, gap, gap + 0.25], **dots)
        return [self.ax_.add_patch(circle) for circle in circles]

    def _colours(self, layer: int, plan: Plan, cmap: Any) -> Any:
        """Return the colours (n, 4) of the units shown."""
        from matplotlib import colormaps

        values = np.asarray(self.values[layer], dtype=float)
        shares = values[plan.shown[layer]] / (np.abs(values).max() or 1.0)
        return colormaps.get_cmap(cmap)((1 + shares) / 2)

    def _inside(
        self, layer: int, plan: Plan, biased: bool, symbols: bool, cmap: Any
    ) -> list[_Text]:
        """Return what is written into the units of a layer: x, y, text, settings."""
        x, ys, shown = layer * plan.step, plan.heights[layer], plan.shown[layer]
        texts: list[_Text] = []
        if biased and layer + 1 < len(self.sizes):
            texts.append((x, ys[0] + 1, "1", {}))
        if self.values is not None:
            dark = self._colours(layer, plan, cmap)[:, :3] @ (0.3, 0.6, 0.1) < 0.5
            for i, y, on_dark in zip(shown, ys, dark, strict=True):
                own = {"fontsize": 6.5 * plan.scale, "color": "white" if on_dark else "black"}
                texts.append((x, y, f"{float(self.values[layer][i]):z.2f}", own))
        elif symbols:
            texts += [(x, y, self._symbol(layer, i), {}) for i, y in zip(shown, ys, strict=True)]
        return texts

    def _symbol(self, layer: int, i: int) -> str:
        """Return the symbol of a unit, numbered from 1."""
        last = len(self.sizes) - 1
        if layer == last and self.sizes[-1] == 1:
            return "$y$"
        hidden = "h" if last == 2 else f"h^{{({layer})}}"
        letter = "x" if layer == 0 else "y" if layer == last else hidden
        return f"${letter}_{{{i + 1}}}$"

    def _around(self, layer: int, plan: Plan) -> list[_Text]:
        """Return what is written beside and under a layer: x, y, text, settings."""
        x, last = layer * plan.step, len(self.sizes) - 1
        beside = {0: (self.feature_names, -1, "right"), last: (self.class_names, 1, "left")}
        names, side, align = beside.get(layer, (None, 0, ""))
        texts: list[_Text] = []
        if names is not None:
            at, own = x + side * (RADIUS + 0.15), {"horizontalalignment": align}
            for i, y in zip(plan.shown[layer], plan.heights[layer], strict=True):
                texts.append((at, y, shortened(names[i]), own))
        if plan.notes[layer]:
            under = {"verticalalignment": "top", "color": "0.3"}
            texts.append((x, plan.bottom, plan.notes[layer], under))
        return texts
