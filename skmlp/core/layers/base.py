"""The contract of a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from skmlp.core.buffers import Array, Layout, Workspace


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

    @abstractmethod
    def forward(self, x: Any, train: bool) -> Array:
        """Map x (K, n, n_in) to a borrowed (K, n, n_out)."""

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """Write the parameters' gradient into ``grad`` and return dx; dy may be overwritten."""

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the settings alone: the network builds and binds its layers again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]  # concrete layers are dataclasses
