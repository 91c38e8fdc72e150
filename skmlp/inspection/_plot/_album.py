"""Pictures of networks while they are trained: their parameters, after some epochs."""

from __future__ import annotations

from typing import Any

from skmlp.core.training import Callback, State


class Album(Callback):
    """Keep the parameters as they are after some epochs, and after the last one."""

    def __init__(self, epochs: Any) -> None:
        self.epochs = set(epochs)
        self.kept: dict[int, Any] = {}
        self.ended: dict[int, int] = {}

    def on_fit_start(self, state: State) -> None:
        """Start with what all networks start with."""
        self.now = state.network.theta.copy(), state.network.stats.copy()

    def on_epoch_end(self, state: State) -> None:
        """Follow the networks that are still in the stack."""
        network, epoch = state.network, state.epoch
        page = self.kept.setdefault(epoch, tuple(each.copy() for each in self.now))
        for theta, stats in (self.now, page):
            theta[network.rows], stats[network.rows] = network.theta, network.stats
        self.ended |= dict.fromkeys(network.rows.tolist(), epoch)
        if epoch - 1 not in self.epochs:
            self.kept.pop(epoch - 1, None)

    def pages(self) -> list[tuple[int, Any]]:
        """Return (epoch, parameters) of the epochs asked for, as far as training went.

        A network that had ended by then is as it was at its end, whether the others went on
        beside it or, as with "lbfgs", after it.
        """
        last = max(self.kept)
        pages = [(epoch, self.kept[epoch]) for epoch in sorted({min(e, last) for e in self.epochs})]
        for epoch, page in pages:
            rows = [row for row, end in self.ended.items() if end < epoch]
            for each, final in zip(page, self.now, strict=True):
                each[rows] = final[rows]
        return pages
