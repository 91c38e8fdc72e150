"""The raw columns, and the numbers that are made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skmlp.estimators._base import BaseMLP
from skmlp.preprocessing import TableEncoder
from skmlp.preprocessing.columns import ColumnEncoder
from skmlp.preprocessing.containers import read
from skmlp.preprocessing.statistics import Standardizer

#: Levels of the quantiles that are taken of data.
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_TYPES = {str: "str", bool: "bool", int: "int", float: "float"}


def inputs_and_columns(steps: list[Any], mlp: BaseMLP, data: Any) -> tuple[list[Any], list[Any]]:
    """Return the description's inputs and columns.

    Parameters
    ----------
    steps : list of transformer
        What stands before the network.
    mlp : BaseMLP
        The network.
    data : frame or array of shape (n, p), or None
        Rows from which statistics are taken.
    """
    front = [*steps, mlp][0]
    n_inputs = front.n_features_in_
    names = getattr(front, "feature_names_in_", [f"x{j}" for j in range(n_inputs)])
    encoder = encoder_of(front)
    numeric = np.arange(n_inputs) if encoder is None else encoder._numeric
    missing = mlp._imputes() or any(isinstance(s, SimpleImputer | TableEncoder) for s in steps)
    found: list[Any] = [
        {"name": str(name), "kind": "number", "missing": bool(missing), "statistics": {}}
        for name in names
    ]
    for j, levels in _categories(encoder, n_inputs):
        found[j] |= {"kind": "category", "missing": True, **plain_values(levels, "categories")}
    for k, j in enumerate(numeric):
        found[j]["statistics"] = _known(front, k)
    if data is not None:
        _add_statistics(found, read(data))
    columns = [{"take": "number", "input": int(j)} for j in numeric]
    return found, columns if encoder is None else columns + _made_of(encoder)


def encoder_of(step: Any) -> ColumnEncoder | None:
    """Return what lays out the columns of a raw table, where a step does that."""
    found = getattr(step, "_encoder" if isinstance(step, BaseMLP) else "encoder_", None)
    return found if isinstance(found, ColumnEncoder) else None


def standardizer_of(step: Any) -> Standardizer | None:
    """Return the scales of a network, or of an encoder of tables."""
    return step._standardizer if isinstance(step, BaseMLP) else step.standardizer_


def plain_values(values: Any, name: str) -> dict[str, Any]:
    """Return values as Python's own, and their type.

    Raises
    ------
    ValueError
        If there is one that JSON does not know.

    Examples
    --------
    >>> plain_values(np.array([2, 5]), "classes")
    {'classes': [2, 5], 'type': 'int'}
    """
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    types = {_TYPES.get(type(value)) for value in plain}
    if None in types:
        odd = next(value for value in plain if type(value) not in _TYPES)
        raise ValueError(
            f"Got {odd!r} among the {name}, but only text, numbers and booleans can be exported. "
            "Fit with these, e.g. with str of each."
        )
    return {name: plain, "type": types.pop() if len(types) == 1 else "mixed"}


def _categories(encoder: ColumnEncoder | None, n_inputs: int) -> list[tuple[int, list[Any]]]:
    if encoder is None:
        return []
    where = np.setdiff1d(np.arange(n_inputs), encoder._numeric).tolist()
    return list(zip(where, encoder.categories_.values(), strict=True))


def _made_of(encoder: ColumnEncoder) -> list[dict[str, Any]]:
    """Return what an encoder lays out behind the numbers."""
    found = [{"take": "missing", "input": int(encoder._numeric[k])} for k in encoder._indicated]
    for j, levels in encoder._one_hot:
        each = np.eye(len(levels) + 1)[1:] if len(levels) > 2 else [[0.0, -1.0, 1.0]]
        found += [{"take": "lookup", "input": j, "values": list(map(float, v))} for v in each]
    for j, levels in encoder._coded:
        codes = list(map(float, range(len(levels) + 1)))
        found.append({"take": "lookup", "input": j, "values": codes})
    return found


def _known(front: Any, k: int) -> dict[str, Any]:
    """Return the statistics of number k that its scaling needs."""
    match front:
        case StandardScaler(mean_=np.ndarray(), scale_=np.ndarray()):
            return {"mean": float(front.mean_[k]), "std": float(front.scale_[k])}
        case MinMaxScaler():
            return {"min": float(front.data_min_[k]), "max": float(front.data_max_[k])}
        case BaseMLP() | TableEncoder():
            scales = standardizer_of(front)
            if scales is None or scales.shift is None:
                return {}
            centre = float(scales.shift[k])
            if scales.clip is not None:
                return {"median": centre}
            return {"mean": centre, "std": float(1 / scales.scale[k])}
    return {}


def _add_statistics(inputs: list[Any], table: Any) -> None:
    """Take statistics from rows of raw values."""
    if table.shape[1] != len(inputs):
        raise ValueError(
            f"Got data with {table.shape[1]} columns, but the model was fitted to {len(inputs)}. "
            "Pass rows as in fit."
        )
    for j, given in enumerate(inputs):
        if given["kind"] == "category":
            codes, here = table.labels(j)
            code_of = {level: code for code, level in enumerate(given["categories"], start=1)}
            codes = np.array([*(code_of.get(level, 0) for level in here), 0])[codes]
            counts = np.bincount(codes, minlength=len(code_of) + 1)
            given["statistics"] = {"shares": (counts / len(codes)).tolist()}
            continue
        values = table.numbers([j])[:, 0].astype(float)
        known = values[~np.isnan(values)]
        given["statistics"] = {"missing": float(1 - len(known) / len(values))}
        if len(known):
            quantiles = np.quantile(known, _LEVELS).tolist()
            given["statistics"] |= {
                "min": float(known.min()),
                "max": float(known.max()),
                "mean": float(known.mean()),
                "std": float(known.std()),
                "median": float(np.median(known)),
                "quantiles": [list(pair) for pair in zip(_LEVELS, quantiles, strict=True)],
            }
