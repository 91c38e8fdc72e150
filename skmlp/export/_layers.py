"""The layers of each network, as operations."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import numpy as np

from skmlp.core.activations import ACTIVATIONS, ELU, Activation, Identity, LeakyReLU
from skmlp.core.layers import (
    PBLD,
    PLE,
    PLR,
    Activate,
    BatchNorm,
    Columns,
    Dense,
    Dropout,
    Heads,
    InputDropout,
    Layer,
    LayerNorm,
    Members,
    ParametricActivate,
    Scaling,
    SharedDense,
    Stem,
)
from skmlp.estimators._base import BaseMLP
from skmlp.export import _ops
from skmlp.export._ops import Op

_NAMES = {kind: name for name, kind in ACTIVATIONS.items()}


def networks_of(mlp: BaseMLP, link: list[Op]) -> list[dict[str, Any]]:
    """Return the networks that count, with their weights, each ending in the link."""
    layers = mlp.networks_.chain.layers
    m = max((layer.n_members for layer in layers if isinstance(layer, Heads)), default=1)
    numbers = range(mlp.networks_.k * m) if mlp.chosen_ is None else mlp.chosen_
    which, counts = np.unique(np.asarray(numbers), return_counts=True)
    return [
        {
            "weight": float(count / counts.sum()),
            "layers": _ops.folded(
                [op for layer in layers for op in ops_of(layer, number // m, number % m)] + link
            ),
        }
        for number, count in zip(which.tolist(), counts, strict=True)
    ]


@singledispatch
def ops_of(layer: Any, k: int, j: int) -> list[Op]:
    """Return what a layer does in a prediction of member j of network k.

    Raises
    ------
    ValueError
        If that cannot be told.
    """
    raise ValueError(
        f"Got a network with a layer of type {type(layer).__name__}, but only the layers of "
        "skmlp.core.layers can be exported. Fit with one of these, such as "
        "numeric_embedding='pbld'."
    )


@ops_of.register
def _(layer: Dense, k: int, j: int) -> list[Op]:
    return [_ops.dense(layer.w[k], layer.b[k, 0])]


@ops_of.register
def _(layer: Stem, k: int, j: int) -> list[Op]:
    return ops_of(layer.dense, k, j)


@ops_of.register
def _(layer: SharedDense, k: int, j: int) -> list[Op]:
    dense = _ops.dense(layer.w[k], np.zeros(layer.n_out))
    before = [_ops.scale(layer.r[k, j, 0])] if layer.scale_inputs else []
    return [*before, dense, _ops.scale(layer.s[k, j, 0], offset=layer.b[k, j, 0])]


@ops_of.register
def _(layer: Heads, k: int, j: int) -> list[Op]:
    return [_ops.dense(layer.w[k, j], layer.b[k, j, 0])]


@ops_of.register
def _(layer: Members, k: int, j: int) -> list[Op]:
    return [_ops.scale(layer.r[k, j, 0])]


@ops_of.register
def _(layer: Scaling, k: int, j: int) -> list[Op]:
    return [_ops.scale(layer.s[k, 0])]


@ops_of.register(InputDropout)
@ops_of.register(Dropout)
def _(layer: Layer, k: int, j: int) -> list[Op]:
    return []


@ops_of.register
def _(layer: BatchNorm, k: int, j: int) -> list[Op]:
    gain, variance = _ops.array(layer.affine.gain[k, 0]), _ops.array(layer.var[k, 0])
    factor = gain / np.sqrt(variance + layer.epsilon)
    return [_ops.scale(factor, shift=layer.mean[k, 0], offset=layer.affine.bias[k, 0])]


@ops_of.register
def _(layer: LayerNorm, k: int, j: int) -> list[Op]:
    gain, bias = (_ops.array(a[k, 0]) for a in (layer.affine.gain, layer.affine.bias))
    return [{"op": "layer_norm", "epsilon": float(layer.epsilon), "gain": gain, "bias": bias}]


@ops_of.register
def _(layer: Activate, k: int, j: int) -> list[Op]:
    return _activation(layer.f, None)


@ops_of.register
def _(layer: ParametricActivate, k: int, j: int) -> list[Op]:
    return _activation(layer.f, layer.alpha[k, 0])


def _activation(f: Activation, strength: Any) -> list[Op]:
    if type(f) not in _NAMES:
        raise ValueError(
            f"Got activation={f!r}, but a function of one's own cannot be exported. Fit with one "
            f"of {sorted(ACTIVATIONS)}."
        )
    if isinstance(f, Identity):  # of any strength
        return []
    parameter = None
    if isinstance(f, LeakyReLU):
        parameter = f.slope
    elif isinstance(f, ELU):
        parameter = f.alpha
    return [_ops.activation(_NAMES[type(f)], parameter, strength)]


@ops_of.register
def _(layer: Columns, k: int, j: int) -> list[Op]:
    numeric = [] if layer.numeric is None else ops_of(layer.numeric, k, j)
    first_code = layer.n_numeric + layer.n_plain
    each = [(0, layer.n_numeric, numeric), (layer.n_numeric, first_code, [])]
    for i, (start, size) in enumerate(zip(layer.starts, layer.cardinalities, strict=True)):
        table = _ops.array(layer.e[k, start : start + size])
        lookup = [{"op": "lookup", "table": table}]
        each.append((first_code + i, first_code + i + 1, lookup))
    return [_ops.parts(*(part for part in each if part[1] > part[0]))]


@ops_of.register
def _(layer: PBLD, k: int, j: int) -> list[Op]:
    p, _, f = layer.wb.shape[1:]
    wave, phase = 2 * math.pi * _ops.array(layer.wb[k, :, 0]), layer.wb[k, :, 1]  # (p, f)
    waves = [
        _ops.dense_each(wave[:, None], phase),
        _ops.activation("cos"),
        _ops.dense_each(layer.v[k], layer.c[k, :, 0]),
    ]
    # all mixtures of waves, then all numbers; wanted are those of a column side by side
    mixtures = np.arange(p * (layer.dim - 1)).reshape(p, -1)
    numbers = mixtures.size + np.arange(p)[:, None]
    order = np.hstack([mixtures, numbers]).ravel()
    return [_ops.parts((0, p, waves), (0, p, [])), _ops.select(order)]


@ops_of.register
def _(layer: PLR, k: int, j: int) -> list[Op]:
    wave = 2 * math.pi * _ops.array(layer.c[k])  # (p, 1, f)
    phase = np.zeros(wave[:, 0].shape)
    return [
        # sin(u) is cos(u - π / 2)
        _ops.dense_each(np.tile(wave, 2), np.hstack([phase, phase - math.pi / 2])),
        _ops.activation("cos"),
        _ops.dense_each(layer.w[k], layer.b[k, :, 0]),
        _ops.activation("relu"),
    ]


@ops_of.register
def _(layer: PLE, k: int, j: int) -> list[Op]:
    p, rows, _ = layer.vwb.shape[1:]  # rows: a ramp for each bin, then the line's w and b
    unbounded = np.full((p, 1), np.inf)
    shift = np.hstack([layer.start[..., 0], np.zeros((p, 1))])
    slope = np.hstack([layer.slope[..., 0], np.ones((p, 1))])
    low = np.hstack([layer.low[..., 0], -unbounded])
    high = np.hstack([layer.high[..., 0], unbounded])
    return [
        {"op": "repeat", "times": rows - 1},
        _ops.scale(slope.ravel(), shift=shift.ravel()),
        _ops.clip(low.ravel(), high.ravel()),
        _ops.dense_each(layer.vwb[k, :, :-1], layer.vwb[k, :, -1]),
    ]
