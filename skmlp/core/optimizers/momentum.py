"""A velocity that rolls on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.optimizers.base import Elementwise


@final
@dataclass(eq=False)
class Momentum(Elementwise):
    """v ← μ v + step; the step becomes v, or μ v + step where Nesterov looks ahead.

    It stands behind the learning rate, so that a falling rate does not slow what already
    rolls (scikit-learn's and Sutskever's form).

    Parameters
    ----------
    mu : float, default=0.9
        Share of the velocity that is kept.
    nesterov : bool, default=True
        Whether to look ahead.

    References
    ----------
    Sutskever et al. (2013), "On the importance of initialization and momentum in deep
    learning", ICML, section 2.
    """

    mu: Any = 0.9
    nesterov: bool = True
    on_step: ClassVar[bool] = True
    memory: ClassVar[tuple[str, ...]] = ("velocity",)
    per_network: ClassVar[tuple[str, ...]] = ("mu",)
    velocity: Array = field(init=False, repr=False)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take μ as a column."""
        super().rebind(layout, work)
        self.mu_column = work.column(self.mu, 2)

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Let the velocity roll on."""
        v = self.velocity[:, block]
        v *= self.mu_column
        v += grad
        if self.nesterov:
            grad += np.multiply(v, self.mu_column, out=self.work.scratch(v.shape))
        else:
            grad[...] = v
