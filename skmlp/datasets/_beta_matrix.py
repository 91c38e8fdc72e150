"""Read methylation from plain tables: CSV, TSV and Parquet."""

import os
import re
from pathlib import Path

import pandas as pd
from numpy.typing import DTypeLike

from ._methylation_matrix import MethylationMatrix, Table, check_names, check_settings, lay_down
from ._parquet_table import ParquetTable, import_parquet, is_parquet
from ._sample_sheet import by_id, join, read_sheet
from ._series_matrix import CPG, is_series_matrix, read_sample_sheet
from ._text_table import guess_separator, read_lines, scan, split

ORIENTATIONS = {"cpg_by_sample": "rows", "sample_by_cpg": "columns"}
DETECTION = re.compile(r"detection.?p", re.IGNORECASE)  # of the p-values beside each sample


def _text_table(path):
    if is_series_matrix(path):
        raise ValueError(
            f"{path}: got a Series Matrix of GEO, but expected a plain table: use read_geo_matrix, "
            "or pass it as samples."
        )
    lines = read_lines(path)
    _, header = next(lines, (0, b""))
    sep = guess_separator(header)
    names = split(header, sep)
    if len(names) < 2:
        raise ValueError(
            f"{path}, line 1: got {header[:60].decode(errors='replace')!r}, but expected a header "
            "of names separated by tabs, commas or semicolons."
        )
    return scan(path, lines, sep, names)


def _find_cpgs(table: Table, orientation: str) -> str:
    """Tell whether the CpGs are the rows or the columns."""
    if orientation != "auto":
        return ORIENTATIONS[orientation]
    rows = sum(CPG.match(name) is not None for name in table.rows)
    columns = sum(CPG.match(name) is not None for name in table.columns)
    if rows == columns:
        raise ValueError(
            f"{table.path}: got {rows} rows and {columns} columns with names of CpGs (as "
            f"cg05575921, ch.1.1234F or rs1234), with {table.rows[0]!r} as the first row and "
            f"{table.columns[0]!r} as the first column. Say which they are: "
            f"orientation={' or '.join(map(repr, ORIENTATIONS))}."
        )
    return "rows" if rows > columns else "columns"


def _find_sheet(samples, id_column):
    """Get the sample sheet, indexed by id."""
    if isinstance(samples, pd.DataFrame):
        return by_id(samples, id_column, "samples")
    path = Path(samples)
    if is_parquet(path):
        import_parquet()
        sheet = pd.read_parquet(path)
        if id_column is None and isinstance(sheet.index, pd.RangeIndex):
            id_column = sheet.columns[0]
        return by_id(sheet, id_column, str(path))
    if is_series_matrix(path):
        return by_id(read_sample_sheet(path), id_column, str(path))
    return read_sheet(path, id_column)


def read_beta_matrix(
    path: str | os.PathLike,
    *,
    samples: pd.DataFrame | str | os.PathLike | None = None,
    id_column: str | None = None,
    orientation: str = "auto",
    dtype: DTypeLike = "float32",
    memmap: str | os.PathLike | None = None,
    values: str = "beta",
) -> MethylationMatrix:
    r"""Read a table of methylation from CSV, TSV or Parquet, and join it to a sample sheet.

    Text is read twice, a few MiB at a time: first for its form, then for its values. It is never
    in memory as a whole.

    Parameters
    ----------
    path : str or path-like
        The table: CSV or TSV, as it is or compressed with gzip, or Parquet (needs pyarrow:
        ``pip install skmlp[parquet]``). The separator is the one that the header has most of;
        the header may lack a field for the column of names, as R writes it. What the file is
        shows in its content, not in its name.
    samples : DataFrame, str or path-like, default=None
        The sample sheet: a DataFrame, or a CSV, TSV or Parquet file, or a Series Matrix of GEO
        whose values are in a file of their own. Each id must be in the table once and in the
        sheet once.
    id_column : str, default=None
        The column of the sheet that holds the ids of the samples. By default the index of a
        DataFrame, the first column of a file, the accessions of a Series Matrix.
    orientation : {"auto", "cpg_by_sample", "sample_by_cpg"}, default="auto"
        Whether the rows of the file are CpGs or samples. By default the CpGs are where more
        names look as theirs do: cg, ch or rs and digits.
    dtype : dtype, default="float32"
        A float dtype for the values.
    memmap : str or path-like, default=None
        A path at which the values are laid down as a ``.npy`` file, which replaces one that is
        there. `data` is then a read-only map of it, and the memory in use stays small.
    values : {"beta", "M", "any"}, default="beta"
        What the file holds. Beta values lie in [0, 1] and M-values are finite: others are
        refused. "any" takes all numbers.

    Returns
    -------
    matrix : MethylationMatrix
        - ``data``: ndarray or memmap of shape (n_samples, n_cpgs), in the order of the file.
          Empty fields, NA, NaN and null are NaN. Columns of detection p-values, which GEO's
          supplementary files have beside each sample, are left out.
        - ``cpgs``: Index, the names of the CpGs.
        - ``samples``: DataFrame, the rows of the sample sheet in the order of `data`; without
          columns where there is no sheet.
        - ``to_frame()``: `data` as a DataFrame.

    Raises
    ------
    ValueError
        If ids do not match, if CpGs or samples occur twice, if rows are of unequal length, if
        there is text among the values or a value out of range, or if it does not show where the
        CpGs are. The message names the file, the line (from 1) and the column.
    ImportError
        If the file is Parquet and pyarrow is not installed.

    See Also
    --------
    read_geo_matrix : Read Series Matrix files of GEO.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from skmlp.datasets import read_beta_matrix
    >>> sheet = pd.DataFrame({"id": ["P2", "P1"], "smoking": ["current", "never"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "betas.csv")
    ...     _ = path.write_text("cpg,P1,P2\ncg05575921,0.91,0.48\ncg23916896,0.27,NA\n")
    ...     matrix = read_beta_matrix(path, samples=sheet, id_column="id")
    >>> matrix
    MethylationMatrix(2 samples, 2 CpGs, float32)
    >>> matrix.samples["smoking"].to_dict()
    {'P1': 'never', 'P2': 'current'}
    >>> matrix.data
    array([[0.91, 0.27],
           [0.48,  nan]], dtype=float32)
    """
    path = Path(path)
    kind = check_settings(path, dtype, memmap, values)
    if orientation not in ("auto", *ORIENTATIONS):
        raise ValueError(
            f"Got orientation={orientation!r}, but expected 'auto', "
            f"{' or '.join(map(repr, ORIENTATIONS))}."
        )
    sheet = None if samples is None else _find_sheet(samples, id_column)
    table = ParquetTable(path) if is_parquet(path) else _text_table(path)
    if not table.rows or not table.columns:
        raise ValueError(f"{path}: got a header without values.")
    cpgs_are = _find_cpgs(table, orientation)
    keep = list(range(len(table.columns)))
    if cpgs_are == "rows":
        keep = [j for j in keep if not DETECTION.search(table.columns[j])]
    check_names(table, cpgs_are, keep)
    ids = [table.columns[j] for j in keep] if cpgs_are == "rows" else table.rows
    cpgs = table.rows if cpgs_are == "rows" else table.columns
    bare = pd.DataFrame(index=pd.Index(ids, name="sample"))
    rows = bare if sheet is None else join(sheet, ids, path)
    data = lay_down(table, cpgs_are, keep, kind, memmap, values)
    return MethylationMatrix(data, pd.Index(cpgs, name="cpg"), rows)
