"""Some parameters learn faster than others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.optimizers.base import Elementwise


@final
@dataclass(eq=False)
class RateFactors(Elementwise):
    """direction ← factor · direction: some parameters learn faster than others.

    It stands behind the transforms that undo a scaling of the gradient, such as Adam.

    Parameters
    ----------
    by_role : dict of str to float
        Factor of the parameters of each role; 1 for the others.
    fan_in_power : float, default=0
        Weights with n inputs have the further factor (fan_in / n) ** fan_in_power. 1/2 behind
        Adam, and 1 for plain gradient descent, give the steps of the neural tangent
        parametrisation, y = x W / √n, in which all layers learn at one rate whatever their width.
    fan_in : float, default=1
        The number of inputs for which that factor is 1.

    References
    ----------
    Jacot, Gabriel & Hongler (2018), "Neural tangent kernel", NeurIPS, section 3; Holzmüller,
    Grinsztajn & Steinwart (2024), "Better by default", NeurIPS, section 3.
    """

    by_role: Mapping[str, float]
    fan_in_power: float = 0.0
    fan_in: float = 1.0

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Lay the factors out as a row."""
        super().rebind(layout, work)
        row = layout.vector(self.by_role)
        for slot in layout.slots:
            if slot.role == "weight":
                row[slot.start : slot.stop] *= (
                    self.fan_in / max(slot.fan_in, 1)
                ) ** self.fan_in_power
        self.row = row.astype(work.dtype)[None]

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Rescale."""
        grad *= self.row[:, block]
