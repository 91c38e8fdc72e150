"""A table of numbers in a Parquet file, read a few rows at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ._text_table import BLOCK


def is_parquet(path: Path) -> bool:
    """Tell by the mark at the beginning."""
    with open(path, "rb") as file:
        return file.read(4) == b"PAR1"


def import_parquet() -> Any:
    """Import what reads Parquet, or say where to get it."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            "Parquet files are read with pyarrow, which is not installed: "
            'pip install "skmlp[parquet]"'
        ) from error
    return parquet


class ParquetTable:
    """A column of names and columns of numbers.

    The names are in the index that pandas kept, or else in the first column of text.
    """

    def __init__(self, path: Path):
        parquet = import_parquet()
        self.path = path
        try:
            self._file = parquet.ParquetFile(path)
        except ValueError as error:
            raise ValueError(
                f"{path}: cannot be read as Parquet ({error}). Is it cut short? "
                "Remove it and get it anew."
            ) from error
        schema = self._file.schema_arrow
        self._id = self._find_ids(schema)
        ids = self._file.read(columns=[schema.names[self._id]]).column(0)
        self.rows = ["" if name is None else str(name) for name in ids.to_pylist()]
        self._numbers = [j for j in range(len(schema)) if j != self._id]
        self.columns = [schema.names[j] for j in self._numbers]
        for j, k in enumerate(self._numbers):
            if not _is_number(schema.field(k).type):
                raise ValueError(
                    f"{path}, {self.column(j)}: got values of type {schema.field(k).type}, but "
                    "expected numbers. What is known of samples or CpGs belongs in a sheet of "
                    "its own."
                )

    def _find_ids(self, schema):
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        if len(index) == 1 and index[0] in schema.names:
            return schema.get_field_index(index[0])
        texts = [j for j in range(len(schema)) if not _is_number(schema.field(j).type)]
        if not texts:
            raise ValueError(
                f"{self.path}: got columns of numbers only, but expected one of names (of CpGs or "
                "of samples). Write the DataFrame with its index."
            )
        return texts[0]

    def row(self, i: int) -> str:
        """Say where a row is in the file."""
        return f"row {i + 1} ({self.rows[i]!r})"

    def column(self, j: int) -> str:
        """Say where a column is in the file."""
        return f"column {self._numbers[j] + 1} ({self.columns[j]!r})"

    def blocks(self) -> Iterator[np.ndarray]:
        """Read the numbers, some rows at a time, (b, n_columns)."""
        rows = max(1, BLOCK // (8 * len(self.columns)))
        for batch in self._file.iter_batches(batch_size=rows):
            block = np.empty((len(batch), len(self.columns)))
            for j, k in enumerate(self._numbers):
                block[:, j] = batch.column(k).to_numpy(zero_copy_only=False)
            yield block


def _is_number(kind):
    from pyarrow import types

    return types.is_floating(kind) or types.is_integer(kind) or types.is_null(kind)
