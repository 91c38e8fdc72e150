"""Weights shrink, beside the gradient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.optimizers.base import Elementwise
from skmlp.core.schedules import Constant, Schedule


@final
@dataclass(eq=False)
class Decay(Elementwise):
    """step ← step + lr · rate · W: weights, not biases, shrink by lr · rate a step.

    It stands behind the learning rate and, placed last, behind momentum too, so it is
    neither divided by the gradient's size nor remembered. Behind Adam this is AdamW.

    Parameters
    ----------
    rate : float
        Decay at a learning rate of 1.
    schedule : Schedule, default=Constant()
        Factor of the rate by the progress of training.

    References
    ----------
    Loshchilov & Hutter (2019), "Decoupled weight decay regularization", ICLR, algorithm 2.
    """

    rate: Any
    schedule: Schedule = field(default_factory=Constant)
    on_step: ClassVar[bool] = True
    per_network: ClassVar[tuple[str, ...]] = ("rate",)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the rate as a column; find the weights, which stand first."""
        super().rebind(layout, work)
        self.rate_column = work.column(self.rate, 2)
        self.stop = layout.span("weight").stop

    def begin(self, lr: Any) -> None:
        """See how far the rate is along its schedule."""
        self.share = self.rate_column * lr * self.schedule(self.work.progress)

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Add a share of the weights."""
        w = theta[:, : max(0, self.stop - block.start)]
        grad[:, : w.shape[1]] += np.multiply(w, self.share, out=self.work.scratch(w.shape))
