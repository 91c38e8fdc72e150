"""Turn rows of raw values into numbers, in plain Python: also a part of written source files."""

from __future__ import annotations

import math


def read_rows(description, rows):
    """Return the columns x of a description for rows of raw values.

    Parameters
    ----------
    description : dict
        See :mod:`skmlp.export._description`.
    rows : sequence of sequences or of dicts
        Raw values: in the order of the inputs, or by their names.

    Returns
    -------
    list of list of float
        NaN where a number is missing.

    Raises
    ------
    ValueError
        If a row holds too few or too many values, or one that is not what was expected.
    """
    inputs, columns = description["inputs"], description["columns"]
    codes = [
        {value: code for code, value in enumerate(given.get("categories", ()), start=1)}
        for given in inputs
    ]
    found = []
    for i, row in enumerate(rows):
        values = [
            _number(value, given, i) if given["kind"] == "number" else code_of.get(value, 0)
            for value, given, code_of in zip(_values(inputs, row, i), inputs, codes, strict=True)
        ]
        found.append([_taken(column, values) for column in columns])
    return found


def _values(inputs, row, i):
    """Return a row's values in the order of the inputs."""
    if isinstance(row, dict):
        absent = [given["name"] for given in inputs if given["name"] not in row]
        if absent:
            raise ValueError(f"Row {i} lacks {absent}; put None for a value that is missing.")
        return [row[given["name"]] for given in inputs]
    if len(row) != len(inputs):
        raise ValueError(f"Row {i} has {len(row)} values, but expected {len(inputs)}.")
    return row


def _number(value, given, i):
    """Return a value as a float, NaN for None."""
    try:
        number = math.nan if value is None else float(value)
    except (TypeError, ValueError):
        number = math.inf
    if math.isinf(number) or (math.isnan(number) and not given["missing"]):
        expected = "a finite number or None" if given["missing"] else "a finite number"
        raise ValueError(f"Row {i}, {given['name']}: got {value!r}, but expected {expected}.")
    return number


def _taken(column, values):
    """Return the number that a column of x takes from a row."""
    value = values[column["input"]]
    if column["take"] == "number":
        return value
    if column["take"] == "missing":
        return float(math.isnan(value))
    return column["values"][value]
