"""A table of numbers in a text file, which is never in memory as a whole.

A first pass over the file learns the names and the form, a second one reads the numbers, in blocks.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

BLOCK = 4 * 2**20  # bytes of text that are turned into numbers at a time

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
_MISSING = {mark.encode() for mark in MISSING}
_NUMBER = re.compile(rb"\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?))\s*")
_TRUTH = re.compile(rb"[rsRS]")  # of true and false, which pandas takes for 1 and 0

Lines = Iterator[tuple[int, bytes]]


def open_binary(path: Path) -> BinaryIO:
    """Open a file, through gzip if it begins as such."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        raise ValueError(
            f"{path}: got a ZIP archive or an Excel workbook, but expected text: unpack it, or "
            "save the sheet as CSV."
        )
    return gzip.open(path) if start[:2] == b"\x1f\x8b" else open(path, "rb")


def read_lines(path: Path) -> Lines:
    """Read line by line, numbered from 1, without the ends of the lines."""
    number = 0
    with open_binary(path) as file:
        try:
            for number, line in enumerate(file, start=1):
                yield number, line.rstrip(b"\r\n")
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path}: the compressed file is cut short or damaged after line {number} "
                f"({error}). Remove it and get it anew."
            ) from error


def split(line: bytes, sep: bytes) -> list[str]:
    """Split a line of names, which may be quoted."""
    text = line.decode("utf-8-sig", "replace")
    return [name.strip() for name in next(csv.reader([text], delimiter=sep.decode()), [])]


def guess_separator(line: bytes) -> bytes:
    """Give the separator that a header holds most of, outside of quotes."""
    return max((b"\t", b",", b";"), key=re.sub(rb'"[^"]*"', b"", line).count)


@dataclass(frozen=True)
class TextTable:
    """Rows of a name and numbers, from line `first_line` on."""

    path: Path
    sep: bytes
    first_line: int
    rows: list[str]
    columns: list[str]  # without that of the names

    def row(self, i: int) -> str:
        """Say where a row is in the file."""
        return f"line {self.first_line + i}"

    def column(self, j: int) -> str:
        """Say where a column is in the file; the first one holds the names of the rows."""
        return f"column {j + 2} ({self.columns[j]!r})"

    def blocks(self) -> Iterator[np.ndarray]:
        """Read the numbers, some rows at a time, (b, n_columns)."""
        start = 0
        with open_binary(self.path) as file:
            for _ in islice(file, self.first_line - 1):
                pass
            while start < len(self.rows):
                lines = file.readlines(BLOCK)[: len(self.rows) - start]
                yield self._numbers(start, lines)
                start += len(lines)

    def _numbers(self, start, lines):
        """Parse lines as one long column, which costs the same for any form of the table."""
        fields = b"\n".join(_cut(line.rstrip(b"\r\n"), self.sep)[1] for line in lines) + b"\n"
        fields = fields.replace(self.sep, b"\n").replace(b'"', b"")
        try:
            if _TRUTH.search(fields):
                raise ValueError("there is text among the numbers")
            numbers = _parse(fields, self.sep)
        except ValueError:
            self._complain_of_text(start, fields)
            raise
        return numbers.reshape(len(lines), len(self.columns))

    def _complain_of_text(self, start, fields):
        for k, field in enumerate(fields.split(b"\n")):
            if field not in _MISSING and not _NUMBER.fullmatch(field):
                i, j = divmod(k, len(self.columns))
                text = field.decode(errors="replace")
                raise ValueError(
                    f"{self.path}, {self.row(start + i)}, {self.column(j)}: got {text!r}, but "
                    "expected a number (with a decimal point), or NA, NaN, null or nothing for a "
                    "missing value."
                ) from None


def _parse(fields, sep):
    """Turn numbers, each on a line of its own, into an array."""
    column = pd.read_csv(
        BytesIO(fields),
        sep=sep.decode(),  # there is none left, so each line is one field
        header=None,
        names=["value"],
        dtype=np.float64,
        na_values=list(MISSING),
        keep_default_na=False,
        skip_blank_lines=False,
        quoting=csv.QUOTE_NONE,
        lineterminator="\n",
    )
    return column["value"].to_numpy()


def _cut(line, sep):
    """Cut a line into the name, which may be quoted, and the rest; None where there is no rest."""
    quoted, end = line[:1] == b'"', line.find(b'"', 1)
    if quoted and end > 0 and line[end + 1 : end + 2] in (sep, b""):
        return line[1:end], line[end + 2 :] if len(line) > end + 1 else None
    name, found, rest = line.partition(sep)
    return name, rest if found else None


def scan(
    path: Path, lines: Lines, sep: bytes, header: list[str], *, end: bytes | None = None
) -> TextTable:
    """Learn the names of the rows, and see that each row has its fields.

    `header` has a field for the column of the names, or has none, as R writes it. The table ends
    with the line `end`, or else with the file.
    """
    rows, first_line, columns, blank, number = [], 0, header[1:], 0, 0
    for number, line in lines:
        if end is not None and line.strip(b'" \t') == end:
            break
        if not line:
            blank = blank or number
            continue
        name, rest = _cut(line, sep)
        got = 0 if rest is None else rest.count(sep) + 1
        if not rows:
            first_line = number
            columns = header if end is None and got == len(header) else columns
        if blank or got != len(columns):
            if end is not None and next(lines, None) is None:
                raise cut_short(path, number, end)
            raise _wrong_width(path, blank or number, 0 if blank else got + 1, len(columns) + 1)
        rows.append(name.decode("utf-8-sig", "replace").strip())
    else:
        if end is not None:
            raise cut_short(path, number, end)
    return TextTable(path, sep, first_line, rows, columns)


def cut_short(path: Path, number: int, end: bytes) -> ValueError:
    """Make the error for a file that ends before its end."""
    last = f"after line {number}" if number else "after the header"
    return ValueError(
        f"{path}: the file ends {last}, but expected the line {end.decode()!r}: it is cut short. "
        "Remove it and get it anew."
    )


def _wrong_width(path, number, got, expected):
    hint = "an empty line, or a file cut short" if got < expected else "a separator too many"
    return ValueError(
        f"{path}, line {number}: got {got} field{'s' * (got != 1)}, but expected {expected}, as in "
        f"the header. Look there for {hint}."
    )
