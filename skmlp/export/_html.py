"""A page on which a fitted network lives: one file, without a server."""

from __future__ import annotations

import html
import json
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Literal

import numpy as np

from skmlp.export._description import describe
from skmlp.export._json import packed
from skmlp.preprocessing.containers import read

#: The page's scripts, in the order in which they stand in it.
SCRIPTS = (
    "network.js",
    "sources.js",
    "digits.js",
    "elements.js",
    "layout.js",
    "drawing.js",
    "outputs.js",
    "details.js",
    "units.js",
    "pad.js",
    "table.js",
    "page.js",
)

#: The longer side of a digit of MNIST as a share of the image's, and what lies where its mass does.
_MNIST_BOX = 20 / 28
_MNIST_AT = 14.5 / 28

#: Sides of drawings in data may differ by this share of the image's, or they are not normalised.
_EVEN = 0.1

#: Images from which the place of drawings is taken.
_MOST_MEASURED = 2000


def to_html(
    model: Any,
    path: Any = None,
    *,
    data: Any = None,
    title: str | None = None,
    description: str | None = None,
    target: str | list[str] | None = None,
    units: dict[str, str] | None = None,
    examples: Any = None,
    image_shape: tuple[int, int] | None = None,
    value_range: tuple[float, float] | None = None,
    preprocess: Literal["auto", "mnist", "none"] = "auto",
    dtype: Literal["float32", "float64"] = "float32",
) -> str:
    """Write a fitted network as a page that shows it at work.

    The page is one file, opens without a server and asks nothing of any other. It draws the
    network, computes as it does, and shows how each change of an input flows through the units to
    the prediction. A table gets a control for each input; images (`image_shape`) are drawn by hand
    or read from a file. Of several networks the first is drawn, and all predict.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted; see :func:`describe` for the steps that a pipeline may have.
    path : str or path, default=None
        File to write; None for none.
    data : frame or array of shape (n, p), default=None
        The training rows. Of a table they give each control its range and first value; of images,
        `value_range` and where on the image a drawing belongs. No row becomes part of the page.
    title : str, default=None
        Heading; None for the model's name.
    description : str, default=None
        A paragraph below the heading.
    target : str or list of str, default=None
        What is predicted; a list where that is several things. None for y, or y0, y1, ...
    units : dict of {str: str}, default=None
        Units of inputs, and of what is predicted, by their names: ``{"age": "years"}``.
    examples : frame or array of shape (m, p), default=None
        Rows to choose from; the page opens with the first. They become part of the page.
    image_shape : tuple of (height, width), default=None
        If the rows are images in grey, row by row: their shape, in pixels.
    value_range : tuple of (paper, ink), default=None
        The values of no ink and of full ink, such as (0, 255); None for the least and the largest
        in `data`. For images only.
    preprocess : {"auto", "mnist", "none"}, default="auto"
        How a drawing becomes an image. "mnist" does as the makers of MNIST did [1]_, in proportion
        to `image_shape`: what is drawn is scaled, smoothly, until its longer side fills 20 of 28
        pixels, and moved until its centre of mass is in the middle. "none" takes the whole sheet.
        "auto" measures `data`: if their drawings are all of one size, drawings are given that size,
        and moved by their centre of mass or by their edges, whichever varies less in `data`; if
        not, it is "none". Without `data` it is "mnist". For images only.
    dtype : {"float32", "float64"}, default="float32"
        In which weights are written. The arithmetic is float64; float32 takes half the space, and
        changes predictions by about one part in a million.

    Returns
    -------
    str
        The page.

    Raises
    ------
    TypeError, ValueError
        If the model, or a part of it, cannot be described, or another argument does not fit it.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document
       recognition. Proceedings of the IEEE 86 (1998), section III.A.

    Examples
    --------
    >>> from skmlp import MLPRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 4.0, 6.0]
    >>> reg = MLPRegressor((), solver="lbfgs", max_iter=50, random_state=0).fit(X, y)
    >>> text = to_html(reg, data=X, title="Twice", units={"x0": "cm", "y": "cm"})
    >>> "<title>Twice</title>" in text
    True
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"Got dtype={dtype!r}, but expected 'float32' or 'float64'.")
    found = describe(model, data if image_shape is None else None)
    targets = _targets(found["output"], target)
    face: dict[str, Any] = {"targets": targets, "units": _units(found, targets, units)}
    if image_shape is None:
        face |= {"whole": _whole(found["inputs"], data), "image": None}
        face["examples"] = [] if examples is None else _rows(examples, found["inputs"])
    else:
        face["image"] = _image(found["inputs"], data, image_shape, value_range, preprocess)
        face["examples"] = [] if examples is None else list(_images(examples, image_shape))
        for given in found["inputs"]:
            given["statistics"] = {}
    heading = title or f"{found['model']} with {len(found['inputs'])} inputs"
    text = Template(_piece("page.html")).substitute(
        title=html.escape(heading),
        description=f"<p>{html.escape(description)}</p>" if description else "",
        style=_piece("page.css"),
        model=_json({"description": found, "face": face}, dtype),
        script="\n".join(map(_piece, SCRIPTS)),
    )
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _piece(name: str) -> str:
    return (resources.files(__package__) / "page" / name).read_text(encoding="utf-8")


def _json(value: Any, dtype: str) -> str:
    """Write JSON that cannot end the element in which it stands."""

    def written(values: Any) -> dict[str, Any]:  # matrices in a type, the few vectors in full
        return packed(values, dtype if values.ndim > 1 else "float64")

    return json.dumps(value, default=written, allow_nan=False).replace("<", "\\u003c")


# --- words ------------------------------------------------------------------------------------


def _targets(output: dict[str, Any], target: str | list[str] | None) -> list[str]:
    """Return the names of what is predicted."""
    count = len(output.get("targets") or output.get("predict") or output["classes"])
    if target is None:
        return ["y"] if count == 1 else [f"y{i}" for i in range(count)]
    names = [target] if isinstance(target, str) else list(target)
    if len(names) != count:
        raise ValueError(f"Got target={target!r}, but the model predicts {count}: name each.")
    return names


def _units(found: Any, targets: list[str], units: dict[str, str] | None) -> dict[str, str]:
    known = [given["name"] for given in found["inputs"]] + targets
    if unknown := set(units or {}) - set(known):
        raise ValueError(
            f"Got units of {sorted(unknown)}, but only {known[:20]} have one. Use these names; "
            "`target` names what is predicted."
        )
    return units or {}


# --- tables -----------------------------------------------------------------------------------


def _whole(inputs: list[Any], data: Any) -> list[bool]:
    """Tell which inputs hold whole numbers alone."""
    if data is None:
        return [False] * len(inputs)
    table = read(data)
    found = []
    for j, given in enumerate(inputs):
        values = table.numbers([j]) if given["kind"] == "number" else np.array([0.5])
        found.append(bool((np.isnan(values) | (values == np.rint(values))).all()))
    return found


def _rows(examples: Any, inputs: list[Any]) -> list[tuple[Any, ...]]:
    """Return rows of raw values, None where one is missing."""
    table = read(examples)
    _check_columns(table.shape[1], len(inputs))
    columns = []
    for j, given in enumerate(inputs):
        if given["kind"] == "number":
            numbers = table.numbers([j])[:, 0].tolist()
            columns.append([None if np.isnan(value) else value for value in numbers])
        else:
            codes, levels = table.labels(j)
            plain = [*(v.item() if isinstance(v, np.generic) else v for v in levels), None]
            columns.append([plain[code] for code in codes])
    return list(zip(*columns, strict=True))


def _check_columns(came: int, expected: int) -> None:
    if came != expected:
        raise ValueError(
            f"Got examples with {came} columns, but the model was fitted to {expected}. Pass rows "
            "as in fit."
        )


# --- images -----------------------------------------------------------------------------------


def _images(rows: Any, shape: tuple[int, int]) -> Any:
    """Return images (n, height * width)."""
    images = np.asarray(rows, dtype=float)
    images = images.reshape(len(images), -1)
    _check_columns(images.shape[1], shape[0] * shape[1])
    return images


def _image(
    inputs: list[Any],
    data: Any,
    shape: tuple[int, int],
    value_range: tuple[float, float] | None,
    preprocess: str,
) -> dict[str, Any]:
    """Return what the page must know to turn drawings into rows."""
    if preprocess not in ("auto", "mnist", "none"):
        raise ValueError(f"Got preprocess={preprocess!r}, but expected 'auto', 'mnist' or 'none'.")
    if len(shape) != 2 or shape[0] * shape[1] != len(inputs):
        raise ValueError(
            f"Got image_shape={shape!r}, but the model was fitted to {len(inputs)} inputs. Pass "
            "(height, width), whose product that is."
        )
    if any(given["kind"] == "category" for given in inputs):
        raise ValueError("Got image_shape for a model with categories, but pixels are numbers.")
    images = None
    if data is not None:
        images = _images(data, shape)
        images = images[:: -(-len(images) // _MOST_MEASURED)].reshape(-1, *shape)
    elif value_range is None:
        raise ValueError(
            "Got image_shape without data or value_range, but the page must know the values of "
            "paper and ink. Pass the training rows as data, or for instance value_range=(0, 255)."
        )
    paper, ink = value_range or (images.min(), images.max())
    if paper == ink:
        raise ValueError(f"Got the values {paper} of paper and {ink} of ink, which must differ.")
    frame = None
    if preprocess == "auto" and images is not None:
        frame = _measured((images - paper) / (ink - paper))
    elif preprocess != "none":
        at = [_MNIST_AT * size for size in shape]
        frame = {"box": _MNIST_BOX * max(shape), "by": "mass", "at": at}
    return {"shape": list(shape), "range": [float(paper), float(ink)], "frame": frame}


def _measured(ink: Any) -> dict[str, Any] | None:
    """Return the size and place of drawings (n, height, width), None where sizes differ."""
    ink = ink[(ink > 0).any(axis=(1, 2))]
    marked = [(ink > 0).any(axis=axis) for axis in (2, 1)]  # (n, height), (n, width)
    starts = np.stack([m.argmax(axis=1) for m in marked])  # (2, n)
    stops = np.stack([m.shape[1] - m[:, ::-1].argmax(axis=1) for m in marked])
    low, size, high = np.quantile((stops - starts).max(axis=0), [0.05, 0.5, 0.95])
    if high - low > _EVEN * max(ink.shape[1:]):
        return None
    mass = ink.sum(axis=(1, 2))
    moments = [ink.sum(axis=a) @ (np.arange(ink.shape[3 - a]) + 0.5) for a in (2, 1)]
    places = {"mass": np.stack(moments) / mass, "box": (starts + stops) / 2}
    by = min(places, key=lambda name: float(places[name].var(axis=1).sum()))
    return {"box": float(size), "by": by, "at": places[by].mean(axis=1).tolist()}
