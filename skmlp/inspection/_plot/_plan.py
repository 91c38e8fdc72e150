"""Where the units of a network stand in a drawing, and how large everything is."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmlp.inspection._plot._figure import shortened

#: Of a unit, in distances from one unit to the next below it.
RADIUS = 0.34
#: That distance, in inches, where there is room enough.
_UNIT = 0.5
_LETTER = 0.15
_LINE = 0.4


class Plan:
    """Places of units and notes, in distances from one unit to the next below it.

    Parameters
    ----------
    sizes : sequence of int
        Number of units of each layer.
    activations : sequence of str or None
        Names of the functions of each layer but the first.
    names : (sequence of str or None, sequence of str or None)
        What is written at the left and at the right.
    max_units : int
        Largest number of units drawn of a layer.
    biased : bool
        Whether there is one more unit above each layer but the last.

    Attributes
    ----------
    shown : list of ndarray of int
        Numbers of the units of each layer that are drawn.
    heights : list of ndarray of float
        Their heights, around 0.
    gaps : list of float or None
        Height at which dots stand for the others.
    notes : list of str
        What is written under each layer.
    bottom : float
        Height of the notes' upper edge.
    step : float
        Distance from layer to layer.
    scale : float
        What lines and letters are to be shrunk by.
    """

    def __init__(
        self, sizes: Any, activations: Any, names: Any, max_units: int, biased: bool
    ) -> None:
        self.n_steps = max(1, len(sizes) - 1)
        places = [_places(n, max_units) for n in sizes]
        self.shown, self.heights, self.gaps = map(list, zip(*places, strict=True))
        self.notes = [_note(i, sizes, activations, self.gaps[i]) for i in range(len(sizes))]
        top = max(ys[0] for ys in self.heights)
        n_lines = max(note.count("\n") + bool(note) for note in self.notes)
        self.bottom = -top - 0.65
        self.low, self.high = self.bottom - 0.1 - _LINE * n_lines, top + 0.5 + biased
        self.left, self.right = map(_room, names)
        self.step = float(np.clip(1.1 * top + 1.1, 2.4, max(2.4, 14 / self.n_steps)))
        self.scale = 1.0

    @property
    def width(self) -> float:
        """From the left of the names to the right of the others."""
        return self.left + self.n_steps * self.step + self.right

    @property
    def figsize(self) -> tuple[float, float]:
        """Inches of a figure in which nothing is shrunk."""
        return max(2.0, _UNIT * self.width), _UNIT * (self.high - self.low)

    def fit(self, ax: Any) -> None:
        """Use the whole width of axes, and shrink what is too large for them."""
        room = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
        unit = room.height / (self.high - self.low)
        free = room.width / unit - self.left - self.right
        self.step = max(1.6, free / self.n_steps)
        self.scale = min(1.0, unit / _UNIT, room.width / self.width / _UNIT)


def _places(n: int, most: int) -> tuple[Any, Any, float | None]:
    """Return which of n units are drawn, at what heights, and where dots stand for the others."""
    if n <= most:
        return np.arange(n), (n - 1) / 2 - np.arange(n), None
    head, tail = (most + 1) // 2, most // 2
    slots = np.r_[:head, head + 1 : most + 1]
    return np.r_[:head, n - tail : n], most / 2 - slots, most / 2 - head


def _note(layer: int, sizes: Any, activations: Any, gap: float | None) -> str:
    """Return the function's name and, where units are left out, their number."""
    kind = "inputs" if layer == 0 else "outputs" if layer == len(sizes) - 1 else "units"
    lines = [] if activations is None or layer == 0 else [activations[layer - 1]]
    if gap is not None:
        lines.append(f"{sizes[layer]} {kind}")
    elif activations is not None and layer == 0:
        lines.append(kind)
    return "\n".join(lines)


def _room(names: Any) -> float:
    """Return how far names reach from the middle of their units."""
    longest = 0 if names is None else max((len(shortened(name)) for name in names), default=0)
    return 0.7 + _LETTER * longest
