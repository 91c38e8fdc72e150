"""Columns and groups of them, as callers name them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd


def column_names(X: Any, given: Any = None) -> list[Any]:
    """Return the names given, or those of the columns of X, or x0, x1, ..."""
    if given is not None:
        return list(given)
    return list(X.columns) if hasattr(X, "columns") else [f"x{j}" for j in range(np.shape(X)[1])]


def columns_of(groups: Any, names: list[Any]) -> dict[Any, list[int]]:
    """Return the positions of each group's columns.

    Parameters
    ----------
    groups : dict or array-like of shape (p,)
        Lists of columns, by name or position, for each group's name; or the name of each column's
        group, missing for none, where a Series has the columns as its index.
    names : list
        Names of all p columns.

    Examples
    --------
    >>> columns_of({"ends": ["a", 2], "middle": "b"}, ["a", "b", "c"])
    {'ends': [0, 2], 'middle': [1]}
    >>> columns_of(["u", None, "u"], ["a", "b", "c"])
    {'u': [0, 2]}
    """
    place = {name: j for j, name in enumerate(names)}
    if isinstance(groups, dict):
        return {
            group: [_position(one, place) for one in _listed(columns)]
            for group, columns in groups.items()
        }
    if isinstance(groups, pd.Series):
        known = groups.index.isin(names)
        if not known.any():
            raise ValueError(
                "groups: the index of the Series names no column of X; pass Series(groups, "
                "index=names of the columns)"
            )
        groups = groups[known].reindex(names)
    elif len(groups) != len(names):
        raise ValueError(
            f"groups: got {len(groups)} names of groups for {len(names)} columns; pass one for "
            "each, None for none"
        )
    found: dict[Any, list[int]] = {}
    for j, group in enumerate(groups):
        if not pd.isna(group):
            found.setdefault(group, []).append(j)
    return found


def _listed(columns: Any) -> list[Any]:
    return [columns] if isinstance(columns, str | int) else list(columns)


def _position(column: Any, place: dict[Any, int]) -> int:
    if column in place:
        return place[column]
    if isinstance(column, str) or not 0 <= column < len(place):
        close = get_close_matches(str(column), map(str, place), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"groups names {column!r}, which X does not have.{hint}")
    return int(column)
