"""Sample sheets: what is known of each sample, and how it is joined to the values."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path

import pandas as pd

from ._text_table import MISSING, guess_separator, read_lines

# A text that begins with a needless 0, such as "007", is a name.
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def tidy(texts: Iterable[str | None]) -> pd.Series:
    """Turn texts into a column: missing marks into missing values, numbers where all are."""
    texts = [text.strip() if isinstance(text, str) else "" for text in texts]
    texts = [None if text in MISSING else text for text in texts]
    column = pd.Series(texts, dtype=object)
    if all(_NUMBER.fullmatch(text) for text in texts if text is not None):
        return pd.to_numeric(column)
    return column.infer_objects()


def read_sheet(path: Path, id_column: str | None) -> pd.DataFrame:
    """Read a sample sheet from CSV or TSV; the ids stay text and become the index."""
    text = b"\n".join(line for _, line in read_lines(path))
    sep = guess_separator(text.partition(b"\n")[0]).decode()
    try:
        texts = pd.read_csv(
            BytesIO(text), sep=sep, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read as a sample sheet: {error}") from error
    if not isinstance(texts.index, pd.RangeIndex):  # R leaves the corner of the header out
        texts = texts.reset_index(names="id")
    texts.columns = texts.columns.str.strip()
    texts = by_id(texts, texts.columns[0] if id_column is None else id_column, str(path))
    columns = {name: tidy(texts[name]).set_axis(texts.index) for name in texts}
    return pd.DataFrame(columns, index=texts.index)


def by_id(sheet: pd.DataFrame, id_column: str | None, name: str) -> pd.DataFrame:
    """Index a sample sheet by its ids, as text."""
    if id_column is not None:
        if id_column not in sheet.columns:
            close = get_close_matches(str(id_column), map(str, sheet.columns), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {_few(sheet.columns)}."
            raise ValueError(
                f"Got id_column={id_column!r}, but the sample sheet ({name}) has no such column: "
                f"{hint}"
            )
        sheet = sheet.set_index(id_column)
    return sheet.set_axis(pd.Index([str(i).strip() for i in sheet.index], name=sheet.index.name))


def join(sheet: pd.DataFrame, ids: Sequence[str], path: Path) -> pd.DataFrame:
    """Bring the rows of a sample sheet into the order of the samples of a file."""
    if sheet.index.has_duplicates:
        twice = sheet.index[sheet.index.duplicated()].unique()
        raise ValueError(
            f"The sample sheet has {len(twice)} id{'s' * (len(twice) > 1)} in more than one row: "
            f"{_few(twice)}. Expected one row a sample: remove the others, or name the column that "
            "tells samples apart with id_column."
        )
    ids = pd.Index(ids)
    without_row, without_values = ids.difference(sheet.index), sheet.index.difference(ids)
    if len(without_row) or len(without_values):
        raise ValueError(
            f"The samples of {path} and the sample sheet do not match: "
            f"{_share(without_row, ids)} samples of the file have no row in the sheet, "
            f"{_share(without_values, sheet.index)} rows of the sheet have no sample in the file. "
            f"{_hint(sheet, ids)}"
        )
    return sheet.loc[ids].rename_axis(index=sheet.index.name)


def _share(part, whole):
    return f"{len(part)} of {len(whole)}" + (f" ({_few(part)})" if len(part) else "")


def _few(names, most=3):
    return ", ".join(repr(str(name)) for name in names[:most]) + (", ..." * (len(names) > most))


def _hint(sheet, ids):
    """Find the column that does hold the ids."""
    for name, column in sheet.items():
        if ids.isin(column.astype(str)).all():
            return f"The ids are in the column {name!r}: pass id_column={name!r}."
    return (
        "Expected the same ids on both sides, each once: mend the ids, or name the column that "
        "holds them with id_column, or leave out the rows and columns that have no counterpart."
    )
