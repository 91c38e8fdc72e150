"""Regions of columns that say the same, such as neighbouring probes of an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from skmlp.inspection._groups import column_names


def correlated_groups(
    X: Any, threshold: float = 0.7, *, block_size: int = 2000, feature_names: Any = None
) -> pd.Series:
    """Put columns together that go together, such as neighbouring probes.

    Within a group the correlation of each two columns has at least the size `threshold` (complete
    linkage).

    Parameters
    ----------
    X : frame or ndarray of shape (n, p)
        Numbers; missing ones are taken for the column's mean.
    threshold : float, default=0.7
        Smallest size of a correlation, between 0 and 1.
    block_size : int, default=2000
        So many columns that stand side by side are compared with each other, and not with those
        of other blocks: time and memory grow by its square. Columns in the order of the genome
        have their neighbours in their block.
    feature_names : sequence of str, default=None
        Names of the columns, where X has none.

    Returns
    -------
    Series
        The group of each column, named after its first column; the index holds the columns'
        names. As it is a `groups` of the other functions.

    Raises
    ------
    ValueError
        If `threshold` is not between 0 and 1, or `block_size` is below 1.

    Examples
    --------
    >>> from skmlp.inspection.regions import correlated_groups
    >>> a, b = np.random.default_rng(0).normal(size=(2, 100))
    >>> correlated_groups(np.stack([a, b, -a], axis=1)).to_dict()
    {'x0': 'x0', 'x1': 'x1', 'x2': 'x0'}
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"Got threshold={threshold!r}, but expected a number in (0, 1].")
    if block_size < 1:
        raise ValueError(f"Got block_size={block_size!r}, but expected 1 or more.")
    names = column_names(X, feature_names)
    labels: list[Any] = []
    for start in range(0, len(names), block_size):
        columns = slice(start, start + block_size)
        block = X.iloc[:, columns].to_numpy() if hasattr(X, "iloc") else X[:, columns]
        here = names[columns]
        for first in _first_of_cluster(np.asarray(block, dtype=float), 1 - threshold):
            labels.append(here[first])
    return pd.Series(labels, index=names)


def _first_of_cluster(block: Any, reach: float) -> Any:
    """Return the position of the first column in each column's cluster, (q,)."""
    if block.shape[1] == 1:
        return np.zeros(1, dtype=int)
    centred = block - np.nanmean(block, axis=0)
    centred[np.isnan(centred)] = 0
    length = np.sqrt(np.square(centred).sum(axis=0))
    centred /= np.where(length > 0, length, 1)  # a constant goes with nothing
    apart = np.clip(1 - np.abs(centred.T @ centred), 0, None)
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(apart, checks=False), "complete")
    cluster = fcluster(tree, reach + 1e-12, "distance")
    _, first, inverse = np.unique(cluster, return_index=True, return_inverse=True)
    return first[inverse]
