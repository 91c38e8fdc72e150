"""Gradients that are too long are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.optimizers.base import Elementwise, Transform


@final
@dataclass(eq=False)
class ClipNorm(Transform):
    """Shorten a network's gradient to a length of at most ``limit``.

    Parameters
    ----------
    limit : float
        The largest length, in the Euclidean norm over all of a network's parameters.

    References
    ----------
    Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural
    networks", ICML, section 3.2.
    """

    limit: Any
    per_network: ClassVar[tuple[str, ...]] = ("limit",)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the limit as a column."""
        super().rebind(layout, work)
        self.limit_column = work.column(self.limit, 2)

    def __call__(self, theta: Array, grad: Array, lr: Any) -> None:
        """Rescale the rows that are too long."""
        norm = np.sqrt(np.vecdot(grad, grad))[:, None]
        if (norm > self.limit_column).any():
            grad *= self.limit_column / np.maximum(norm, self.limit_column)


@final
@dataclass(eq=False)
class ClipValue(Elementwise):
    """Cut every entry of the gradient to [-limit, limit].

    Parameters
    ----------
    limit : float
        The largest absolute value.
    """

    limit: Any
    per_network: ClassVar[tuple[str, ...]] = ("limit",)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the limit as a column."""
        super().rebind(layout, work)
        self.limit_column = work.column(self.limit, 2)

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Cut."""
        np.clip(grad, -self.limit_column, self.limit_column, out=grad)
