"""A methylation matrix: what the readers of files give back, and how its values are laid down."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

#: The values that a file may hold, and what is said of others.
VALUES = {
    "beta": (
        "a beta value between 0 and 1. Pass values='M' if the file holds M-values, or "
        "values='any' to take what comes"
    ),
    "M": (
        "a finite M-value: that of a beta value of 0 or 1 is infinite. Pass values='any' to take "
        "what comes"
    ),
    "any": "a number",
}


@dataclass(frozen=True, eq=False)
class MethylationMatrix:
    """Beta values (or M-values) of samples at CpGs, with the sample sheet.

    Attributes
    ----------
    data : ndarray or memmap of shape (n_samples, n_cpgs)
        The values, C-contiguous; a missing one is NaN. A memmap is read-only.
    cpgs : Index of shape (n_cpgs,)
        Names of the CpGs, in the order of the columns of `data`.
    samples : DataFrame of n_samples rows
        The sample sheet, indexed by the ids of the samples, in the order of the rows of `data`.
    """

    data: np.ndarray
    cpgs: pd.Index
    samples: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Give `data` as a DataFrame of samples by CpGs, which shares its memory.

        Returns
        -------
        frame : DataFrame of shape (n_samples, n_cpgs)
            Indexed by the ids of the samples; the columns are the CpGs.
        """
        return pd.DataFrame(self.data, index=self.samples.index, columns=self.cpgs, copy=False)

    def __repr__(self) -> str:
        n_samples, n_cpgs = self.data.shape
        return f"MethylationMatrix({n_samples} samples, {n_cpgs} CpGs, {self.data.dtype})"


class Table(Protocol):
    """A table of numbers in a file, whose names are known and whose numbers are read in blocks."""

    path: Path
    rows: list[str]
    columns: list[str]

    def blocks(self) -> Iterator[np.ndarray]:
        """Read the numbers, some rows at a time, (b, n_columns)."""
        ...

    def row(self, i: int) -> str:
        """Say where a row is in the file."""
        ...

    def column(self, j: int) -> str:
        """Say where a column is in the file."""
        ...


def check_settings(path: Path, dtype: Any, memmap: Any, values: str) -> np.dtype:
    """Refuse settings that no file could fulfil; give the dtype."""
    if values not in VALUES:
        known = ", ".join(map(repr, VALUES))
        raise ValueError(f"Got values={values!r}, but expected one of {known}.")
    kind = np.dtype(dtype)
    if kind.kind != "f":
        raise ValueError(
            f"Got dtype={dtype!r}, but expected a float dtype such as 'float32': missing values "
            "are NaN."
        )
    if memmap is not None and Path(memmap).resolve() == path.resolve():
        raise ValueError(f"Got memmap={str(memmap)!r}, but that is the file to read.")
    return kind


def check_names(table: Table, cpgs_are: str, keep: list[int]) -> None:
    """Refuse a CpG or a sample that occurs twice, or has no name; `keep` are columns."""
    rows, columns = ("CpG", "sample") if cpgs_are == "rows" else ("sample", "CpG")
    kept = [table.columns[j] for j in keep]
    _check_unique(table.path, rows, table.rows, table.row)
    _check_unique(table.path, columns, kept, lambda i: table.column(keep[i]))


def _check_unique(path, what, names, place):
    repeats = np.flatnonzero(pd.Index(names).duplicated() | (np.array(names, dtype=object) == ""))
    if not len(repeats):
        return
    i, name = repeats[0], names[repeats[0]]
    if not name:
        raise ValueError(f"{path}, {place(i)}: got a {what} without a name.")
    raise ValueError(
        f"{path}, {place(i)}: got the {what} {name!r}, which is already at "
        f"{place(names.index(name))}. Expected each {what} once: rename or remove one."
    )


def lay_down(
    table: Table, cpgs_are: str, keep: list[int], dtype: np.dtype, memmap: Any, values: str
) -> np.ndarray:
    """Read a table into an array of samples by CpGs, in memory or in a file.

    `keep` are the columns of the table to take.
    """
    shape = (len(table.rows), len(keep))
    if cpgs_are == "rows":
        shape = shape[::-1]
    pieces = _pieces(table, cpgs_are, keep, values)
    if memmap is not None:
        return _lay_in_file(pieces, shape, dtype, Path(memmap))
    data = np.empty(shape, dtype)
    for place, piece in pieces:
        data[place] = piece
    return data


def _lay_in_file(pieces, shape, dtype, path):
    """Fill a .npy file beside `path`, which takes the name only when it is whole."""
    folder, needed = path.absolute().parent, dtype.itemsize * shape[0] * shape[1]
    if (free := shutil.disk_usage(folder).free) < needed:
        raise OSError(
            f"Got memmap={str(path)!r}, but the values take {needed / 2**20:.0f} MiB and "
            f"{free / 2**20:.0f} MiB are free there: make room, or name a path elsewhere."
        )
    part = folder / f"{path.name}.part"
    try:
        np.lib.format.open_memmap(part, mode="w+", dtype=dtype, shape=shape)
        for place, piece in pieces:
            # Mapped anew for each piece: what a map has touched stays in memory until it is closed.
            np.lib.format.open_memmap(part, mode="r+")[place] = piece
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return np.lib.format.open_memmap(path, mode="r")


def _pieces(table, cpgs_are, keep, values):
    """Read block by block: the place in the array of samples by CpGs, and what goes there."""
    start = 0
    everything = len(keep) == len(table.columns)
    for block in table.blocks():
        _check_values(table, start, block, values)
        kept = block if everything else block[:, keep]
        span = slice(start, start + len(block))
        start = span.stop
        yield ((slice(None), span), kept.T) if cpgs_are == "rows" else (span, kept)


def _check_values(table, start, block, values):
    if values == "any":
        return
    wrong = (block < 0) | (block > 1) if values == "beta" else np.isinf(block)
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise ValueError(
            f"{table.path}, {table.row(start + i)}, {table.column(j)}: got {block[i, j]:g}, but "
            f"expected {VALUES[values]}."
        )
