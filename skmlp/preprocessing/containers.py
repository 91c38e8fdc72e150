"""Read the columns of any table, as numbers or as categories, and find what is missing."""

from __future__ import annotations

import datetime
import sys
from abc import ABC, abstractmethod
from numbers import Number
from typing import Any, NoReturn, final

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
_LABELS = (str, bytes, Number, np.bool_)

#: Types of numbers in which large tables are stored, as DNA methylation often is.
NARROW = (np.float16, np.int8, np.uint8, np.int16, np.uint16)

#: Columns searched together for what is no number.
_COLUMNS = 1024


class Table(ABC):
    """Columns of one container.

    Parameters
    ----------
    X : container
        Of shape (n, p).
    names : list of length p or None
        Names of the columns.
    """

    def __init__(self, X: Any, names: list[Any] | None) -> None:
        self.X, self.names = X, names
        self.shape = X.shape

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.shape[0])

    def name(self, j: int) -> Any:
        """Name a column: by its position where it has no name."""
        return int(j) if self.names is None else self.names[j]

    def numbers(self, columns: Any, narrow: bool = False) -> Any:
        """Return the columns (n, q), NaN where a value is missing.

        They come as float64, or as float32 if all are of that type already. An array of floats is
        returned itself if all its columns are wanted; with ``narrow``, one of float16 or of
        integers of up to 16 bits too.
        """
        together = self._together(columns, narrow) if len(columns) else None
        if together is None:
            together = np.empty((len(self), len(columns)))
            for k, j in enumerate(columns):
                together[:, k] = self._numbers(j)
        self._check_finite(together, columns)
        return together

    @abstractmethod
    def is_category(self, j: int) -> bool:
        """Tell whether the type of a column is one of categories."""

    @abstractmethod
    def labels(self, j: int) -> tuple[Any, list[Any]]:
        """Return codes (n,), -1 where missing, and the values that they number."""

    @abstractmethod
    def _together(self, columns: Any, narrow: bool) -> Any:
        """Return several columns at once, or None if their types do not allow it."""

    @abstractmethod
    def _numbers(self, j: int) -> Any:
        """Return a column (n,) as float64."""

    def _check_finite(self, values: Any, columns: Any) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(values.sum()):
                return
        for start in range(0, values.shape[1], _COLUMNS):
            infinite = np.isinf(values[:, start : start + _COLUMNS])
            if infinite.any():
                row, k = np.argwhere(infinite)[0]
                raise ValueError(
                    f"Input X contains infinity: in column {self.name(columns[start + k])!r}, row "
                    f"{row}. Put the largest value that makes sense there, or NaN for a value "
                    "that is missing."
                )

    def _objects_to_numbers(self, values: Any, j: int) -> Any:
        self._kinds(values, j)
        values = np.where(_missing(values), np.nan, values)
        try:
            return values.astype(float)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"Column {self.name(j)!r} holds a value that is no number ({error}). Mend the "
                "value, or name the column in categorical_features."
            ) from None

    def _kinds(self, values: Any, j: int) -> set[type]:
        """Return the types of the known values, which must be numbers or text."""
        kinds = set(map(type, values[~_missing(values)]))
        for kind in kinds:
            if issubclass(kind, _DATES) or kind.__name__ == "Period":
                self._refuse_dates(j, kind.__name__)
            if issubclass(kind, complex | np.complexfloating):
                self._refuse_complex(j)
            if not issubclass(kind, _LABELS):
                raise TypeError(
                    f"Column {self.name(j)!r} holds a {kind.__name__}, but an argument must be a "
                    "string or a real number. Derive numbers or text from it, in columns of "
                    "their own."
                )
        return kinds

    def _refuse_dates(self, j: int, dtype: Any) -> NoReturn:
        raise TypeError(
            f"Column {self.name(j)!r} holds dates or times ({dtype}), but expected numbers or "
            "categories. Derive numbers from it, e.g. the year, the hour, or the days since a "
            "date."
        )

    def _refuse_complex(self, j: int) -> NoReturn:
        raise ValueError(
            f"Complex data not supported: column {self.name(j)!r}. Pass the real and the "
            "imaginary part as two columns."
        )


@final
class ArrayTable(Table):
    """A 2-D array: of numbers, or of objects whose columns are numbers if they convert."""

    def is_category(self, j: int) -> bool:
        """Tell whether a column of objects has text that is no number."""
        if self.X.dtype.kind != "O":
            return False
        values = self.X[:, j]
        kinds = self._kinds(values, j)
        if not any(issubclass(kind, str | bytes) for kind in kinds):
            return False
        try:
            values[~_missing(values)].astype(float)
        except ValueError:
            return True
        return False

    def labels(self, j: int) -> tuple[Any, list[Any]]:
        """Return codes (n,) and values."""
        return _factorize(self.X[:, j], self.name(j))

    def _together(self, columns: Any, narrow: bool) -> Any:
        if self.X.dtype.kind == "O":
            return None
        if self.X.dtype.kind in "mM":
            self._refuse_dates(0, self.X.dtype)
        X = self.X if len(columns) == self.shape[1] else self.X[:, columns]
        kept = (np.float32, np.float64, *(NARROW if narrow else ()))
        return X if X.dtype in kept else X.astype(float)

    def _numbers(self, j: int) -> Any:
        return self._objects_to_numbers(self.X[:, j], j)


@final
class PandasTable(Table):
    """A pandas frame."""

    def __init__(self, X: Any) -> None:
        super().__init__(X, list(X.columns))
        self.dtypes = list(X.dtypes)

    def is_category(self, j: int) -> bool:
        """Tell whether a column is of type category, string or bool, or of objects like these."""
        import pandas as pd

        dtype = self.dtypes[j]
        if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype) or dtype.kind in "bU":
            return True
        if dtype.kind != "O":
            return False
        kinds = self._kinds(np.asarray(self.X.iloc[:, j], dtype=object), j)
        return _are_labels(kinds)

    def labels(self, j: int) -> tuple[Any, list[Any]]:
        """Return codes (n,) and values, some of which may be on no row."""
        import pandas as pd

        column = self.X.iloc[:, j]
        if isinstance(self.dtypes[j], pd.CategoricalDtype):
            return column.cat.codes.to_numpy(), column.cat.categories.tolist()
        return _factorize(column, self.name(j))

    def _together(self, columns: Any, narrow: bool) -> Any:
        dtypes = {self.dtypes[j] for j in columns}
        if not all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in dtypes):
            return None
        X = self.X if len(columns) == self.shape[1] else self.X.iloc[:, columns]
        return X.to_numpy(np.float32 if dtypes == {np.dtype(np.float32)} else np.float64)

    def _numbers(self, j: int) -> Any:
        dtype, column = self.dtypes[j], self.X.iloc[:, j]
        if dtype.kind in "mM":
            self._refuse_dates(j, dtype)
        if dtype.kind == "c":
            self._refuse_complex(j)
        if dtype.kind in "biuf":
            return column.to_numpy(float, na_value=np.nan)
        return self._objects_to_numbers(np.asarray(column, dtype=object), j)


@final
class PolarsTable(Table):
    """A polars frame, read without pyarrow."""

    def __init__(self, X: Any) -> None:
        super().__init__(X, list(X.columns))
        self.dtypes = list(X.dtypes)

    def is_category(self, j: int) -> bool:
        """Tell whether a column is of text, bool, or objects like these."""
        import polars as pl

        if self.dtypes[j] in (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Binary):
            return True
        return self.dtypes[j] == pl.Object and _are_labels(self._kinds(self._objects(j), j))

    def labels(self, j: int) -> tuple[Any, list[Any]]:
        """Return codes (n,) and values."""
        return _factorize(self._objects(j), self.name(j))

    def _together(self, columns: Any, narrow: bool) -> Any:
        import polars as pl

        dtypes = {self.dtypes[j] for j in columns}
        if not all(dtype.is_numeric() or dtype in (pl.Boolean, pl.Null) for dtype in dtypes):
            return None
        X = self.X if len(columns) == self.shape[1] else self.X[:, columns.tolist()]
        return X.cast(pl.Float32 if dtypes == {pl.Float32} else pl.Float64).to_numpy()

    def _numbers(self, j: int) -> Any:
        import polars as pl

        if self.dtypes[j].is_temporal():
            self._refuse_dates(j, self.dtypes[j])
        if self.dtypes[j].is_numeric() or self.dtypes[j] in (pl.Boolean, pl.Null):
            return self.X.to_series(j).cast(pl.Float64).to_numpy()
        return self._objects_to_numbers(self._objects(j), j)

    def _objects(self, j: int) -> Any:
        values = np.empty(len(self), dtype=object)
        values[:] = self.X.to_series(j).to_list()
        return values


def read(X: Any) -> Table:
    """Read a table: a pandas or polars frame, a 2-D array, or a list of lists."""
    if isinstance(X, Table):
        return X
    if sparse.issparse(X):
        raise TypeError("Sparse data was passed, but dense data is required: use X.toarray().")
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(X, pandas.DataFrame):
        table: Table = PandasTable(X)
    elif polars is not None and isinstance(X, polars.DataFrame):
        table = PolarsTable(X)
    else:
        return ArrayTable(_to_array(X), None)
    if 0 in table.shape:  # in scikit-learn's words
        check_array(np.empty(table.shape))
    return table


def _to_array(X: Any) -> Any:
    if type(X) is np.ndarray and X.ndim == 2 and X.size and X.dtype.kind in "fiu":
        return X  # as check_array would, which takes longer than a prediction of a few rows
    array = np.asarray(X)
    if array.dtype.kind in "UST":  # in a list this may have been numbers and text
        array = np.asarray(X, dtype=object)
    return check_array(array, dtype=None, ensure_all_finite=False)


def _are_labels(kinds: set[type]) -> bool:
    """Tell whether values of such types are categories in a frame, where text is text."""
    bools = {bool, np.bool_}
    return any(issubclass(kind, str | bytes) for kind in kinds) or bool(kinds and kinds <= bools)


def _missing(values: Any) -> Any:
    import pandas as pd

    return pd.isna(values)


def _factorize(values: Any, name: Any) -> tuple[Any, list[Any]]:
    import pandas as pd

    try:
        codes, levels = pd.factorize(values)
    except TypeError as error:
        raise TypeError(
            f"Column {name!r} holds what cannot be a category, where an argument must be a string "
            f"or a real number ({error})."
        ) from None
    return codes, levels.tolist()


def refuse_gaps(y: Any) -> None:
    """Refuse a target with missing values, of whatever kind; say how many and where."""
    if y is None or sparse.issparse(y):
        return
    is_known = isinstance(y, np.ndarray) or hasattr(y, "iloc")
    gaps = np.asarray(_missing(y if is_known else np.asarray(y, dtype=object)))
    if gaps.any():
        row, n = np.argwhere(gaps)[0][0], gaps.sum()
        raise ValueError(
            f"Input y contains NaN: {n} of {gaps.size} values are missing, the first in row {row} "
            "(counted from 0). Drop the rows whose target is not known."
        )
