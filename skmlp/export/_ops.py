"""The operations of a description, made and folded into fewer."""

from __future__ import annotations

from typing import Any

import numpy as np

#: Where there is no bound: finite in float32 too, and in JSON.
UNBOUNDED = 3e38

Op = dict[str, Any]


def array(values: Any) -> Any:
    """Return an array of float64 of one's own."""
    return np.array(values, dtype=np.float64)


def dense(weight: Any, bias: Any) -> Op:
    """Return y = x W + b."""
    return {"op": "dense", "weight": array(weight), "bias": array(bias)}


def dense_each(weight: Any, bias: Any) -> Op:
    """Return y[:, i] = x[:, i] W[i] + b[i] for groups i of columns."""
    return {"op": "dense_each", "weight": array(weight), "bias": array(bias)}


def scale(scale: Any, *, shift: Any = 0.0, offset: Any = 0.0) -> Op:
    """Return y = (x - shift) scale + offset; shift and offset may be one number for all."""
    scale = array(scale)
    return {
        "op": "scale",
        "shift": array(np.broadcast_to(shift, scale.shape)),
        "scale": scale,
        "offset": array(np.broadcast_to(offset, scale.shape)),
    }


def clip(low: Any, high: Any) -> Op:
    """Return y = min(max(x, low), high)."""
    low, high = (np.clip(array(bound), -UNBOUNDED, UNBOUNDED) for bound in (low, high))
    return {"op": "clip", "low": low, "high": high}


def fill(values: Any) -> Op:
    """Return y = x with values for NaN."""
    return {"op": "fill", "values": array(values)}


def select(columns: Any) -> Op:
    """Return y = x[:, columns]."""
    return {"op": "select", "columns": [int(j) for j in columns]}


def indicate(columns: Any) -> Op:
    """Return x and indicators of what is missing in columns."""
    return {"op": "indicate", "columns": [int(j) for j in columns]}


def parts(*each: tuple[int, int, list[Op]]) -> Op:
    """Return the results of (start, stop, layers) side by side."""
    found = [{"columns": [int(a), int(b)], "layers": layers} for a, b, layers in each]
    return {"op": "parts", "parts": found}


def activation(name: str, parameter: Any = None, strength: Any = None) -> Op:
    """Return y = f(x), or x + strength (f(x) - x)."""
    return {
        "op": "activation",
        "name": name,
        "parameter": None if parameter is None else float(parameter),
        "strength": None if strength is None else array(strength),
    }


def folded(ops: list[Op]) -> list[Op]:
    """Join operations that are linear with the dense layers beside them.

    Examples
    --------
    >>> found = folded([scale([2.0, 3.0]), dense([[1.0], [1.0]], [5.0]), scale([10.0])])
    >>> len(found), found[0]["weight"].tolist(), found[0]["bias"].tolist()
    (1, [[20.0], [30.0]], [50.0])
    """
    out: list[Op] = []
    for op in ops:
        while out and (joined := _joined(out[-1], op)):
            op = joined
            out.pop()
        out.append(op)
    return out


def _joined(first: Op, second: Op) -> Op | None:
    """Return one operation for two, or None; where that costs no digits."""
    match first["op"], second["op"]:
        case "dense", "dense":
            weight = first["weight"] @ second["weight"]
            return dense(weight, first["bias"] @ second["weight"] + second["bias"])
        case "dense", "scale":
            bias = (first["bias"] - second["shift"]) * second["scale"] + second["offset"]
            return dense(first["weight"] * second["scale"], bias)
        case "scale", "dense" if not (first["shift"].any() or first["offset"].any()):
            return dense(first["scale"][:, None] * second["weight"], second["bias"])
    return None
