"""The contract of a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.rows import Rows


class Layer(ABC):
    """One step of a network, for a stack of K networks at once.

    Concrete layers are final dataclasses of settings. What they learn lives in the
    network's arrays; between :meth:`bind` and the next, a layer holds views of them.
    A layer is used in this order: ``build`` (claim slots), ``bind`` (take views),
    ``initialize`` (fill them), then ``forward`` and ``backward`` in turn.
    """

    @abstractmethod
    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim slots for parameters and running statistics; return the number of outputs."""

    @abstractmethod
    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """Take views of the network's arrays; ``grad`` is None where nothing is trained."""

    def initialize(self, rngs: Sequence[Any]) -> None:  # noqa: B027 - most layers draw nothing
        """Fill the parameters, network k from ``rngs[k]``."""

    def adapt(self, x: Any, rngs: Sequence[Any]) -> None:  # noqa: B027 - most layers need no data
        """Fit the initial parameters to some training rows x (1 or K, n, n_in)."""

    @abstractmethod
    def forward(self, x: Any, train: bool) -> Array:
        """Map x (K, n, n_in) to a borrowed (K, n, n_out)."""

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """Write the parameters' gradient into ``grad`` and return dx; dy may be overwritten."""

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the settings alone: the network builds and binds its layers again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]  # concrete layers are dataclasses


def as_array(x: Any, work: Workspace) -> Array:
    """Return x as an array (K, n, p), or (1, n, p) shared by all K networks.

    Parameters
    ----------
    x : ndarray, or a sequence of K Rows or of one
        An array is returned as it is.
    work : Workspace
        What knows the dtype.
    """
    if isinstance(x, np.ndarray):
        return x
    for rows in x:
        if not isinstance(rows, Rows):
            raise TypeError(
                f"Got an input of type {type(rows).__name__}, but this layer expects an array or "
                "Rows. Convert it, e.g. with its toarray()."
            )
    if len(x) == 1:
        return x[0].whole(work.dtype)[None]  # type: ignore[no-any-return]  # a sequence of Rows
    return np.stack([rows.whole(work.dtype) for rows in x])
