"""Fold a wide network onto the space of its training rows, and unfold it again."""

from __future__ import annotations

import copy
from contextvars import ContextVar
from typing import Any

import joblib
import numpy as np

from skmlp.core.layers import Stem
from skmlp.core.network import Network
from skmlp.core.rows import Rows
from skmlp.core.rowspace import RowSpace
from skmlp.core.stacking import together
from skmlp.estimators._jobs import Encoded

#: A network is folded where this makes its inputs so many times fewer.
_WORTH = 2
#: Solvers to which a rotation of the inputs makes no difference.
_BLIND = ("gd", "sgd", "lbfgs")


def folds_up(model: Any, n: int, p: int) -> bool:
    """Say whether training is the same in the space of the n rows, and cheaper."""
    now, sizes = model._now, model._built["hidden_layer_sizes"]
    width = sizes[0] if sizes else model._loss.n_raw(model.n_outputs_)
    return bool(
        p > _WORTH * (n + width)
        and isinstance(model.solver, str)
        and model.solver in _BLIND
        and now.l1 == now.input_dropout == 0
        and now.stack == now.members == 1
        and now.parametrization == "standard"
        and not (now.learning_rate_factors or now.input_scaling or now.numeric_embedding)
        and model.scoring in (None, "loss")
        and not (model.warm_start or model.callbacks)
    )


class Folded:
    """A network of p inputs, p large, as one of at most n + h: its training rows' coordinates.

    Parameters
    ----------
    network : Network
        With its initial weights, which are not kept: they can be drawn again.
    streams : list of RandomState
        As they were before the weights were drawn.
    rows : Encoded
        To train on; their inputs become coordinates.
    watched : Encoded or None
        To watch; their inputs likewise.
    """

    def __init__(
        self, network: Network, streams: list[Any], rows: Encoded, watched: Encoded | None
    ) -> None:
        self.space, self.streams = _space_of(rows.inputs), streams
        self.layers, self.n_in = network.chain.layers, network.n_in
        w = _first(network).w[0]
        self.inside, self.across = self.space.of_weight(w)
        r, h = self.inside.shape
        self.network = Network(_copies(self.layers), r + h, dtype=network.dtype)
        _first(self.network).w[0] = np.vstack([self.inside, np.diag(self.across)])
        self.network.theta[:, _size(self.network) :] = network.theta[:, _size(network) :]
        self.network.stats[:] = network.stats
        own = np.hstack([self.space.own, np.zeros((len(self.space.u), h))])
        rows.inputs = own.astype(network.dtype)
        if watched is not None:
            seen = self.space.of_rows(watched.inputs, w, self.inside, self.across)
            watched.inputs = seen.astype(network.dtype)

    def unfold(self) -> Network:
        """Return the trained network of p inputs."""
        network = Network(_copies(self.layers), self.n_in, dtype=self.network.dtype)
        network.initialize(copy.deepcopy(self.streams))
        w, now = _first(network).w[0], _first(self.network).w[0]
        self.space.weight(w, self.inside, self.across, now)
        network.theta[:, _size(network) :] = self.network.theta[:, _size(self.network) :]
        network.stats[:] = self.network.stats
        return network


#: Spaces found so far, by what tells rows apart: for whoever fits many networks on the same rows.
spaces: ContextVar[dict[Any, Any] | None] = ContextVar("spaces", default=None)


def _space_of(rows: Any) -> RowSpace:
    """Return the space of the rows, found once in a search."""
    known = spaces.get()
    if known is None or not isinstance(rows, Rows) or rows.table.flags.writeable:
        return RowSpace(rows)
    parts = rows.index, rows.shift, rows.scale, rows.clip
    key = id(rows.table), joblib.hash(parts)
    if key not in known:
        known.clear()  # one is enough, where fits of one fold follow each other
        known[key] = RowSpace(rows)
    return known[key]


def _first(network: Network) -> Any:
    stem = network.chain.layers[0]
    assert isinstance(stem, Stem)
    return stem.dense


def _size(network: Network) -> int:
    """Return the number of first weights, which stand first in a row of parameters."""
    return int(_first(network).w[0].size)


def _copies(layers: Any) -> list[Any]:
    """Return layers of the same settings, not yet built."""
    return list(together([list(layers)], [1]))
