"""What all displays share: matplotlib itself, axes to draw in, colours."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

#: Colours that nobody mixes up. Okabe & Ito (2008), "Color universal design".
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Marks of rows, for those who read no colours.
MARKERS = "os^Dvp*"
#: From negative (orange) over zero (white) to positive (purple).
SIGNED = "PuOr"
#: How wide a name may be before it is cut.
_NAME = 24


def import_pyplot() -> Any:
    """Import what draws, or say where to get it."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            'Displays are drawn with matplotlib, which is not installed: pip install "skmlp[plot]"'
        ) from error
    return pyplot


def axes_for(ax: Any, figsize: tuple[float, float] | None = None) -> Any:
    """Return the axes given, or those of a new figure."""
    pyplot = import_pyplot()
    if ax is not None:
        return ax
    return pyplot.subplots(figsize=figsize, layout="constrained")[1]


def columns_for(n: int) -> int:
    """Return in how many columns n panels stand: in a row, or, where they are many, a square."""
    return n if n < 6 else isqrt(n - 1) + 1


def panels_for(ax: Any, n: int, size: tuple[float, float]) -> list[Any]:
    """Return n axes on a grid: those given, the room of the one given, or a new figure.

    Raises
    ------
    ValueError
        Where several axes are given, and not n.
    """
    pyplot = import_pyplot()
    n_columns = columns_for(n)
    n_rows = -(-n // n_columns)
    if ax is None:
        figsize = n_columns * size[0], n_rows * size[1]
        figure = pyplot.figure(figsize=figsize, layout="constrained")
        grid = figure.add_gridspec(n_rows, n_columns)
    elif np.size(ax) > 1:
        if np.size(ax) != n:
            raise ValueError(
                f"ax: got {np.size(ax)} axes for {n} panels; pass {n}, or a single one to divide"
            )
        return list(np.ravel(ax))
    else:
        ax = np.ravel(ax)[0]
        if n == 1:
            return [ax]
        figure, spec = ax.figure, ax.get_subplotspec()
        if spec is None:
            raise ValueError(
                "ax: axes without a place in a grid cannot be divided into panels; make them with "
                f"pyplot.subplots, or pass {n} axes"
            )
        ax.set_axis_off()
        grid = spec.subgridspec(n_rows, n_columns)
    return [figure.add_subplot(grid[i // n_columns, i % n_columns]) for i in range(n)]


def styled(kind: str, defaults: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any]:
    """Return settings of a kind of artist, those given before the defaults, under any alias."""
    from matplotlib import cbook, collections, lines, patches, text

    artist = next(vars(m)[kind] for m in (collections, lines, patches, text) if kind in vars(m))
    return cbook.normalize_kwargs(defaults, artist) | cbook.normalize_kwargs(given, artist)


def shortened(name: Any) -> str:
    """Return a name that fits beside a drawing."""
    name = str(name)
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def legend_above(ax: Any, handles: Any = None) -> None:
    """Name what is drawn above the axes, where it hides nothing."""
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    ax.legend(
        handles=handles,
        frameon=False,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.01),
        ncols=min(2, len(handles)),
    )
