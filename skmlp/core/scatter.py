"""Add rows to the rows of a table."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from skmlp.core.buffers import Array


def add_rows(table: Array, codes: Array, rows: Array) -> None:
    """Add row i of ``rows`` (n, d) to row codes[i] of ``table`` (V, d); codes may repeat.

    The rows of each code are summed first, as the product of a matrix of one-hot columns.

    Examples
    --------
    >>> table = np.zeros((3, 1))
    >>> add_rows(table, np.array([2, 0, 2]), np.array([[1.0], [2.0], [3.0]]))
    >>> table.ravel()
    array([2., 0., 4.])
    """
    found, place = np.unique(codes, return_inverse=True)
    n = len(codes)
    one_hot = csr_array((np.ones(n, rows.dtype), place, np.arange(n + 1)), shape=(n, len(found)))
    table[found] += one_hot.T @ rows
