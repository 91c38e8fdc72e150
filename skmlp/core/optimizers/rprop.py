"""Rprop: signs alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.optimizers.base import Elementwise


@final
@dataclass(eq=False)
class RProp(Elementwise):
    """Follow the sign alone: a parameter's step grows while its sign stays, halves when it turns.

    Meant for the full batch: signs of noisy minibatches turn by chance. Steps start at the
    learning rate and stay between 1e-6 and 50 times it.

    Parameters
    ----------
    up, down : float, default=1.2, 0.5
        Factors of the step.

    References
    ----------
    Igel & Hüsken (2003), "Empirical evaluation of the improved Rprop learning algorithms",
    Neurocomputing 50, algorithm iRprop-.
    """

    up: float = 1.2
    down: float = 0.5
    memory: ClassVar[tuple[str, ...]] = ("last", "size")
    last: Array = field(init=False, repr=False)
    size: Array = field(init=False, repr=False)

    def bind(self, layout: Layout, work: Workspace, k: int) -> None:
        """Start with steps of one learning rate."""
        super().bind(layout, work, k)
        self.size += 1

    def reset(self, row: int) -> None:
        """Start one network's steps again."""
        super().reset(row)
        self.size[row] = 1

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Grow, halve, or wait where the sign turned."""
        last, size = self.last[:, block], self.size[:, block]
        agreement = np.sign(grad) * np.sign(last)
        turned = agreement < 0
        size *= np.where(agreement > 0, self.up, np.where(turned, self.down, 1.0))
        np.clip(size, 1e-6, 50.0, out=size)
        grad[turned] = 0
        last[...] = grad
        np.sign(grad, out=grad)
        grad *= size
