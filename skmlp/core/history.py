"""What was recorded of the epochs of a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np

from skmlp.core.buffers import Array


class Epochs(Sequence[dict[str, Array]]):
    """Records of epochs, laid side by side: of each a dict of arrays (K,), formed when asked for.

    A search trains thousands of networks, and few of their records are ever looked at.

    Parameters
    ----------
    names : sequence of str
        What each record holds, "learning_rate" being part of it.
    values : ndarray of shape (n_epochs, n_names, K)
        Its values; nan for networks that had left.

    Examples
    --------
    >>> both = Epochs(["learning_rate"], np.array([[[0.1, 0.2]], [[0.1, np.nan]]]))
    >>> both.means()
    [{'learning_rate': 0.15000000000000002}, {'learning_rate': 0.1}]
    >>> len(both.part(slice(1, 2)))
    1
    """

    def __init__(self, names: Sequence[str], values: Array) -> None:
        self.names, self.values = tuple(names), values

    @classmethod
    def of(cls, records: Sequence[dict[str, Array]]) -> Epochs:
        """Lay records of the same names side by side."""
        names = tuple(records[0]) if records else ()
        rows = list(chain.from_iterable(record.values() for record in records))
        shape = (len(records), len(names), -1) if rows else (0, 0, 0)
        return cls(names, np.concatenate(rows).reshape(shape) if rows else np.zeros(shape))

    def part(self, rows: slice) -> Epochs:
        """Return what there is of some networks, as long as one of them was trained."""
        if not len(self):
            return self
        values = self.values[..., rows]
        rates = values[:, self.names.index("learning_rate")]
        n_epochs = (~np.isnan(rates)).any(axis=-1).sum()
        return Epochs(self.names, values[:n_epochs].copy())

    def means(self) -> list[dict[str, float]]:
        """Return each epoch's means over the networks that were still trained."""
        trained = ~np.isnan(self.values)
        with np.errstate(invalid="ignore"):
            means = np.where(trained, self.values, 0).sum(axis=-1) / trained.sum(axis=-1)
        return [dict(zip(self.names, row, strict=True)) for row in means.tolist()]

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        """Return one record, or some."""
        if isinstance(index, slice):
            return Epochs(self.names, self.values[index])
        return dict(zip(self.names, self.values[index], strict=True))


def means(records: Sequence[dict[str, Array]]) -> Iterator[dict[str, float]]:
    """Yield each epoch's means over the networks that were still trained."""
    alike = (list(run) for _, run in groupby(records, tuple))
    for run in [records] if isinstance(records, Epochs) else map(Epochs.of, alike):
        yield from run.means()
