"""The contract of a transform: gradient -> better direction, in place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace, blocks


class Transform(ABC):
    """One link of the chain: changes a gradient, or a step, in place."""

    #: False: sees the direction, before the learning rate. True: sees the step, after it.
    on_step: ClassVar[bool] = False
    #: Names of the (K, P) arrays it remembers between steps.
    memory: ClassVar[tuple[str, ...]] = ()
    #: Names of the settings of which each network may have its own.
    per_network: ClassVar[tuple[str, ...]] = ()

    def bind(self, layout: Layout, work: Workspace, k: int) -> None:
        """Allocate the memory of a new training, in the state before its first step."""
        for name in self.memory:
            setattr(self, name, work.xp.zeros((k, layout.size), dtype=work.dtype))
        self.rebind(layout, work)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take settings and work arrays for the networks that are in the stack."""
        self.work = work

    def select(self, keep: Array) -> None:
        """Keep the memory of some networks: a mask, or their rows in a new order."""
        for name in self.memory:
            setattr(self, name, getattr(self, name)[keep])

    def remember(self, other: Any, rows: slice) -> None:
        """Have the memory of some networks of a link of the same kind."""
        for name in self.memory:
            setattr(self, name, getattr(other, name)[rows].copy())

    def gather(self, others: Sequence[Any]) -> None:
        """Have the memory of the networks of all others, side by side."""
        for name in self.memory:
            setattr(self, name, np.concatenate([getattr(other, name) for other in others]))

    def reset(self, row: int) -> None:
        """Forget what was remembered of one network."""
        for name in self.memory:
            getattr(self, name)[row] = 0

    def flush(self) -> None:
        """Set to zero what has decayed into subnormal numbers, which are a hundred times slower."""
        for name in self.memory:
            rows = getattr(self, name)
            tiny = np.finfo(rows.dtype).tiny
            for block in blocks(rows):
                values = rows[:, block]
                values[np.abs(values) < tiny] = 0

    @abstractmethod
    def __call__(self, theta: Array, grad: Array, lr: Any) -> None:
        """Change ``grad`` (K, P), direction or step, in place; ``lr`` is (K, 1) or a number."""


class Elementwise(Transform):
    """A link that changes each entry by itself.

    Such links, one behind the other, visit a stretch of the rows together while it is in the
    cache: where parameters are many, a step takes as long as reading and writing them.
    """

    #: A factor, a number or (K, 1), of the direction; left to the learning rate on request.
    scale: Any = 1.0
    leaves_scale: bool = False

    def begin(self, lr: Any) -> None:  # noqa: B027 - most have nothing to prepare
        """Prepare a step."""

    @abstractmethod
    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Change ``grad`` (K, width), the columns ``block`` of direction or step, in place."""

    def __call__(self, theta: Array, grad: Array, lr: Any) -> None:
        """Change the whole of ``grad`` (K, P)."""
        self.begin(lr)
        for block in blocks(theta):
            self.visit(block, theta[:, block], grad[:, block])
