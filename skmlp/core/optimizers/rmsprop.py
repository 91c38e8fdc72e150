"""RMSProp: an average of the squared gradient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.optimizers.base import Elementwise


@final
@dataclass(eq=False)
class RMSProp(Elementwise):
    """g / (√v + ε), with a running average v of the squared gradient.

    Parameters
    ----------
    rho : float, default=0.9
        Share of the running average that is kept.
    epsilon : float, default=1e-8
        Added to the root.

    References
    ----------
    Tieleman & Hinton (2012), "Lecture 6.5: rmsprop", Neural Networks for Machine Learning.
    """

    rho: Any = 0.9
    epsilon: Any = 1e-8
    memory: ClassVar[tuple[str, ...]] = ("v",)
    per_network: ClassVar[tuple[str, ...]] = ("rho", "epsilon")
    v: Array = field(init=False, repr=False)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the settings as columns."""
        super().rebind(layout, work)
        self.rho_column = work.column(self.rho, 2)
        self.eps = work.column(self.epsilon, 2)

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Divide by the root of the running mean square."""
        v = self.v[:, block]
        square = np.multiply(grad, grad, out=self.work.scratch(v.shape))
        square *= 1 - self.rho_column
        v *= self.rho_column
        v += square
        np.sqrt(v, out=square)
        square += self.eps
        grad /= square
