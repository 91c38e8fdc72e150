"""Dropout of inputs: while training, each number of a row is hidden at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer
from skmlp.core.layers.dropout import Dropout
from skmlp.core.rows import Rows


@final
@dataclass(eq=False)
class InputDropout(Layer):
    """y = x m / (1 - rate) for an x that nothing lies below, in whatever form it comes.

    An array is masked as hidden units are. Of :class:`~skmlp.core.rows.Rows` and CSR matrices no
    dense copy is made: the mask of each network is drawn anew, from one seed for the batch,
    wherever it is read.

    Parameters
    ----------
    dropout : Dropout
        The layer that has the rate, its schedule and the masks of arrays.

    References
    ----------
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
    overfitting", JMLR 15, appendix A.2: 0.2 is usual for inputs.
    """

    dropout: Dropout

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim nothing; as many outputs as inputs."""
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """Take the rates as a column."""
        self.work, self.k = work, len(theta)
        self.dropout.bind(theta, grad, stats, work)

    def forward(self, x: Any, train: bool) -> Any:
        """Hide numbers of each network's own choice."""
        if not train:
            return x
        if isinstance(x, np.ndarray):
            return self.dropout.forward(np.broadcast_to(x, (self.k, *x.shape[1:])), train)
        rates = np.broadcast_to(self.dropout.thresholds() / 65536, (self.k, 1, 1)).ravel()
        return [
            _masked(x[k % len(x)], float(rate), int(rng.integers(2**63)))
            for k, (rate, rng) in enumerate(zip(rates, self.work.rngs, strict=True))
        ]

    def backward(self, dy: Array) -> Array:
        """Return dy, since there is nothing below."""
        return dy


def _masked(x: Any, rate: float, seed: int) -> Any:
    if isinstance(x, Rows):
        return replace(x, rate=rate, seed=seed)
    x = x.copy()
    kept = np.random.Generator(np.random.SFC64(seed)).random(x.nnz, dtype=np.float32) >= rate
    x.data *= kept * x.dtype.type(1 / (1 - rate))
    return x
