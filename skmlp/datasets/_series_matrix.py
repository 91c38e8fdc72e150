"""Read Series Matrix files, in which GEO keeps the values and the sample sheet of a study."""

import os
import re
from pathlib import Path

import pandas as pd
from numpy.typing import DTypeLike

from ._methylation_matrix import MethylationMatrix, check_names, check_settings, lay_down
from ._sample_sheet import join, tidy
from ._text_table import read_lines, scan, split

BEGIN, END = b"!series_matrix_table_begin", b"!series_matrix_table_end"
ACCESSION, TITLE = "!Sample_geo_accession", "!Sample_title"
CHARACTERISTICS = "!Sample_characteristics_ch1"

CPG = re.compile(r"(cg|ch\.?|rs)\d")  # of the 27k, 450k and EPIC arrays
SAMPLE = re.compile(r"GSM\d+")


def is_series_matrix(path: Path) -> bool:
    """Tell by the first line."""
    _, line = next(read_lines(path), (0, b""))
    return line.lstrip(b'"').startswith((b"!Series_", b"!Sample_"))


def read_sample_sheet(path: Path) -> pd.DataFrame:
    """Read the sample sheet of a Series Matrix, and not the values."""
    return _read_sheet(path, read_lines(path))


def _read_sheet(path, lines):
    """Read up to the line where the table begins."""
    accessions, titles, characteristics, number = None, None, [], 0
    for number, line in lines:
        if line.strip(b'" \t') == BEGIN:
            break
        if not line.startswith(b"!Sample_"):
            continue
        key, *fields = split(line, b"\t")
        if accessions is not None and len(fields) != len(accessions):
            raise ValueError(
                f"{path}, line {number}: got {len(fields)} fields after {key}, but expected one "
                f"for each of {len(accessions)} samples."
            )
        if key == ACCESSION:
            accessions = fields
        elif key == TITLE:
            titles = fields
        elif key == CHARACTERISTICS:
            characteristics.append(fields)
    else:
        raise ValueError(
            f"{path}: got {number} lines without {BEGIN.decode()}, but expected a Series Matrix of "
            "GEO. For another table use read_beta_matrix; else remove the file and get it anew."
        )
    if not accessions:
        raise ValueError(f"{path}: expected a line {ACCESSION} before the table, but got none.")
    return _tidy_sheet(accessions, titles, characteristics)


def _tidy_sheet(accessions, titles, characteristics):
    """Make a column of each key, wherever in the lines it is."""
    columns = {}
    for fields in characteristics:
        for i, field in enumerate(fields):
            key, colon, value = field.partition(":")
            if not colon:
                key, value = "characteristics", field
            if value.strip():
                column = columns.setdefault(key.strip(), [None] * len(accessions))
                column[i] = f"{column[i]}; {value.strip()}" if column[i] else value
    if titles is not None:
        if "title" in columns:
            columns["title_ch1"] = columns.pop("title")
        columns = {"title": titles, **columns}
    index = pd.Index(accessions, name="accession")
    return pd.DataFrame(
        {key: tidy(column).set_axis(index) for key, column in columns.items()}, index=index
    )


def _read_table_form(path, lines):
    """Read the header of the table and the names of its rows."""
    number, line = next(lines, (0, b""))
    header = split(line, b"\t")
    if len(header) < 2 or header[0] != "ID_REF":
        raise ValueError(
            f"{path}, line {number}: got {line[:60].decode(errors='replace')!r}, but expected "
            "ID_REF and the accessions of the samples."
        )
    table = scan(path, lines, b"\t", header, end=END)
    if not table.rows:
        raise ValueError(
            f"{path}: the table has no rows: for many studies GEO keeps the values in a "
            "supplementary file. Download that, and read it with read_beta_matrix(file, "
            f"samples={path.name!r}), which takes the sample sheet from here."
        )
    if any(map(SAMPLE.match, table.rows)) or all(map(CPG.match, table.columns)):
        raise ValueError(
            f"{path}, line {number + 1}: got {table.rows[0]!r} as a CpG and {table.columns[0]!r} "
            "as a sample, but expected CpGs as rows and samples as columns: the table is "
            "transposed. Write it as a plain table and use read_beta_matrix."
        )
    return table


def read_geo_matrix(
    path: str | os.PathLike,
    *,
    dtype: DTypeLike = "float32",
    memmap: str | os.PathLike | None = None,
    values: str = "beta",
) -> MethylationMatrix:
    r"""Read the methylation and the sample sheet of a study from GEO's Series Matrix file.

    The file is read twice, a few MiB at a time: first for its form, then for its values. It is
    never in memory as a whole.

    Parameters
    ----------
    path : str or path-like
        The file, ``GSE..._series_matrix.txt``, as it is or compressed with gzip.
    dtype : dtype, default="float32"
        A float dtype for the values.
    memmap : str or path-like, default=None
        A path at which the values are laid down as a ``.npy`` file, which replaces one that is
        there. `data` is then a read-only map of it, and the memory in use stays small however
        large the study is.
    values : {"beta", "M", "any"}, default="beta"
        What the file holds. Beta values lie in [0, 1] and M-values are finite: others are
        refused. "any" takes all numbers.

    Returns
    -------
    matrix : MethylationMatrix
        - ``data``: ndarray or memmap of shape (n_samples, n_cpgs). Empty fields, NA, NaN and null
          are NaN.
        - ``cpgs``: Index, the names of the CpGs.
        - ``samples``: DataFrame indexed by accession (GSM...), with the column title and one for
          each key of the characteristics ("smoking status: never" has the key "smoking status").
          A column is of numbers where all of its values are. What has no key is in the column
          characteristics; what has a key twice is joined with "; ".
        - ``to_frame()``: `data` as a DataFrame.

    Raises
    ------
    ValueError
        If the file is cut short, has rows of unequal length, text among the values, CpGs or
        samples twice, values out of range, or samples as rows. The message names the file, the
        line (from 1) and the column.

    See Also
    --------
    read_beta_matrix : Read CSV, TSV and Parquet files.
    fetch_geo : Download a Series Matrix and read it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmlp.datasets import read_geo_matrix
    >>> lines = [
    ...     '!Sample_title\t"P1"\t"P2"',
    ...     '!Sample_geo_accession\t"GSM1"\t"GSM2"',
    ...     '!Sample_characteristics_ch1\t"smoking status: never"\t"smoking status: current"',
    ...     '!Sample_characteristics_ch1\t"age: 52"\t""',
    ...     '!series_matrix_table_begin',
    ...     '"ID_REF"\t"GSM1"\t"GSM2"',
    ...     '"cg05575921"\t0.91\t0.48',
    ...     '"cg23916896"\t0.27\t',
    ...     '"cg21161138"\t0.76\t0.63',
    ...     '!series_matrix_table_end',
    ... ]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "GSE1_series_matrix.txt")
    ...     _ = path.write_text("\n".join(lines))
    ...     matrix = read_geo_matrix(path)
    >>> matrix
    MethylationMatrix(2 samples, 3 CpGs, float32)
    >>> print(matrix.samples)
              title smoking status   age
    accession
    GSM1         P1          never  52.0
    GSM2         P2        current   NaN
    >>> print(matrix.to_frame())
    cpg        cg05575921  cg23916896  cg21161138
    accession
    GSM1             0.91        0.27        0.76
    GSM2             0.48         NaN        0.63
    """
    path = Path(path)
    kind = check_settings(path, dtype, memmap, values)
    lines = read_lines(path)
    sheet = _read_sheet(path, lines)
    table = _read_table_form(path, lines)
    keep = list(range(len(table.columns)))
    check_names(table, "rows", keep)
    sheet = join(sheet, table.columns, path)
    data = lay_down(table, "rows", keep, kind, memmap, values)
    return MethylationMatrix(data, pd.Index(table.rows, name="cpg"), sheet)
