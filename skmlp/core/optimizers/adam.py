"""Adam: averages of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.optimizers.base import Elementwise

#: Bias corrections are computed for so many steps at a time.
_AHEAD = 64


@final
@dataclass(eq=False)
class Adam(Elementwise):
    """m̂ / (√v̂ + ε), with running averages m of the gradient and v of its square.

    Kept as s₁ = m / (1 - β₁) and s₂ = v / (1 - β₂), which saves two products a step.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Shares of the running averages that are kept.
    epsilon : float, default=1e-8
        Added to the root, before the correction of its bias as in the paper's section 2
        and in scikit-learn.

    References
    ----------
    Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR, algorithm 1.
    """

    beta_1: Any = 0.9
    beta_2: Any = 0.999
    epsilon: Any = 1e-8
    memory: ClassVar[tuple[str, ...]] = ("s1", "s2")
    per_network: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")
    s1: Array = field(init=False, repr=False)
    s2: Array = field(init=False, repr=False)
    used: int = field(default=0, init=False, repr=False)
    table: Any = field(default=(), init=False, repr=False)

    def bind(self, layout: Layout, work: Workspace, k: int) -> None:
        """Start with empty averages."""
        self.t = np.zeros((k, 1))  # steps behind the first entry of the table
        super().bind(layout, work, k)

    def select(self, keep: Array) -> None:
        """Keep the averages of some networks."""
        self._settle()
        self.t = self.t[keep]
        super().select(keep)

    def remember(self, other: Adam, rows: slice) -> None:
        """Have the averages of some networks of another."""
        super().remember(other, rows)
        self.t, self.used, self.table = other.t[rows] + other.used, 0, ()

    def gather(self, others: Sequence[Adam]) -> None:
        """Have the averages of the networks of all others."""
        super().gather(others)
        self.t, self.used, self.table = np.concatenate([a.t + a.used for a in others]), 0, ()

    def reset(self, row: int) -> None:
        """Empty the averages of one network."""
        self._settle()
        self.t[row] = 0
        super().reset(row)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the settings as columns."""
        super().rebind(layout, work)
        self._settle()
        self.b1, self.b2 = work.column(self.beta_1, 2), work.column(self.beta_2, 2)
        exact = Workspace(np.float64, work.rows)
        b1, b2 = exact.column(self.beta_1, 2), exact.column(self.beta_2, 2)
        self.exact = b1, b2, (1 - b1) / (1 - b2) ** 0.5
        eps = exact.column(self.epsilon, 2) / (1 - b2) ** 0.5
        self.eps = eps.astype(work.dtype) if isinstance(eps, np.ndarray) else eps

    def begin(self, lr: Any) -> None:
        """Correct the bias of the averages."""
        self.scale = self._correction()

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Follow the averages."""
        g, s1, s2 = grad, self.s1[:, block], self.s2[:, block]
        s1 *= self.b1
        s1 += g
        g *= g
        s2 *= self.b2
        s2 += g
        np.sqrt(s2, out=g)
        g += self.eps
        np.divide(s1, g, out=g)
        if not self.leaves_scale:
            g *= self.scale

    def _correction(self) -> Any:
        """Return the (K, 1) factors that make m̂ / √v̂ of s₁ / √s₂, from a table of some steps."""
        if self.used == len(self.table):
            self._settle()
            b1, b2, factor = self.exact
            t = self.t + np.arange(1, _AHEAD + 1)[:, None, None]  # (steps, K, 1)
            table = (factor * np.sqrt(1 - b2**t) / (1 - b1**t)).astype(self.work.dtype)
            alike = bool((table == table[:, :1]).all())  # then a number will do, which is faster
            self.table = table[:, 0, 0].tolist() if alike else table
        self.used += 1
        return self.table[self.used - 1]

    def _settle(self) -> None:
        """Count the steps taken and drop the table."""
        self.t, self.used, self.table = self.t + self.used, 0, ()
