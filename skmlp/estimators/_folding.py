"""Fold a wide network onto the space of its training rows, and unfold it again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import joblib
import numpy as np

from skmlp.core.initializers import DataDriven
from skmlp.core.layers import Stem
from skmlp.core.network import Network
from skmlp.core.rows import Rows
from skmlp.core.rowspace import RowSpace
from skmlp.core.stacking import together
from skmlp.estimators._jobs import Encoded
from skmlp.estimators._options import initializers

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
        and not isinstance(initializers(now.weight_init, model.activation)[0], DataDriven)
        and not (now.learning_rate_factors or now.input_scaling or now.numeric_embedding)
        and model.scoring in (None, "loss")
        and not (model.warm_start or model.callbacks)
    )


@dataclass(eq=False)
class Memory:
    """What many fits have in common, found once: drawn weights, the space of the rows of one fold.

    Attributes
    ----------
    drawn : dict
        What was drawn from streams, but for first weights, and how it left them.
    rows : object
        What tells the rows of the fold apart.
    found : dict
        What is known of them, by name.
    """

    drawn: dict[Any, Any] = field(default_factory=dict)
    rows: Any = None
    found: dict[Any, Any] = field(default_factory=dict)

    def forget(self, rows: Any = None) -> None:
        """Let go of one fold for another."""
        self.rows, self.found = rows, {}


#: For whoever fits many networks on the same rows; None if no one does.
memory: ContextVar[Memory | None] = ContextVar("memory", default=None)


def initialize(network: Network, streams: Any, folds: bool) -> bool:
    """Draw all parameters, and say whether the first weights are among them.

    They are not where they will be folded and were drawn alike before.
    """
    known = memory.get()
    if known is None or not folds:
        network.initialize(streams)
        return True
    key, first = _start(network, streams), _size(network)
    if key not in known.drawn:
        network.initialize(streams)
        states = [stream.get_state() for stream in streams]
        known.drawn[key] = network.theta[:, first:].copy(), network.stats.copy(), states
        return True
    network.theta[:, first:], network.stats[:], states = known.drawn[key]
    for stream, state in zip(streams, states, strict=True):
        stream.set_state(state)
    return False


class Folded:
    """A network of p inputs, p large, as one of at most n + h: its training rows' coordinates.

    Parameters
    ----------
    network : Network
        With its initial weights, which are not kept: they can be drawn again.
    streams : list of RandomState
        As they were before the weights were drawn.
    is_drawn : bool
        Whether the first weights are there.
    rows : Encoded
        To train on; their inputs become coordinates.
    watched : Encoded or None
        To watch; their inputs likewise.
    """

    def __init__(
        self,
        network: Network,
        streams: list[Any],
        is_drawn: bool,
        rows: Encoded,
        watched: Encoded | None,
    ) -> None:
        self.streams, self.start = streams, _start(network, streams)
        self.layers, self.n_in = _copies(network.chain.layers), network.n_in
        self.dtype, self.rows = network.dtype, _mark(rows.inputs)
        self.space: RowSpace = self._once("space", lambda: RowSpace(rows.inputs))

        def of_weight() -> Any:
            whole = network if is_drawn else self._initialized()
            return self.space.of_weight(_first(whole).w[0])

        self.inside, self.across = self._once("weight", of_weight)
        r, h = self.inside.shape
        self.network = Network(_copies(self.layers), r + h, dtype=self.dtype)
        _first(self.network).w[0] = np.vstack([self.inside, np.diag(self.across)])
        self.network.theta[:, _size(self.network) :] = network.theta[:, _size(network) :]
        self.network.stats[:] = network.stats
        if watched is not None:
            given = network if is_drawn else None
            watched.inputs = self._coordinates(watched.inputs, _mark(watched.inputs), given)
        own = np.hstack([self.space.own, np.zeros((len(self.space.u), h))])
        rows.inputs = own.astype(self.dtype)

    def predict(self, x: Any, upto: int | None) -> Any:
        """Return outputs for rows x that will be asked for again; None if there is no telling."""
        mark = _mark(x)
        if self.rows is None or mark is None:
            return None
        return self.network.predict(self._coordinates(x, mark), upto)

    def unfold(self) -> Network:
        """Return the trained network of p inputs."""
        network = self._initialized()
        w, now = _first(network).w[0], _first(self.network).w[0]
        self.space.weight(w, self.inside, self.across, now)
        network.theta[:, _size(network) :] = self.network.theta[:, _size(self.network) :]
        network.stats[:] = self.network.stats
        return network

    def _coordinates(self, x: Any, mark: Any, network: Network | None = None) -> Any:
        def find() -> Any:
            w = _first(network or self._initialized()).w[0]
            return self.space.of_rows(x, w, self.inside, self.across).astype(self.dtype)

        return find() if mark is None else self._once(("rows", mark), find)

    def _initialized(self) -> Network:
        """Return the network of p inputs as it was before training."""
        network = Network(_copies(self.layers), self.n_in, dtype=self.dtype)
        network.initialize(copy.deepcopy(self.streams))
        return network

    def _once(self, name: Any, find: Callable[[], Any]) -> Any:
        """Find what hangs on the rows and the initial weights; in a search, only once."""
        known = memory.get()
        if self.rows is None or known is None:
            return find()
        if known.rows != self.rows:
            known.forget(self.rows)  # one is enough, where fits of one fold follow each other
        key = name if name == "space" else (name, self.start)
        if key not in known.found:
            known.found[key] = find()
        return known.found[key]


def _start(network: Network, streams: Any) -> Any:
    """Return what tells initial weights apart."""
    return joblib.hash([stream.get_state() for stream in streams]), network.program


def _mark(rows: Any) -> Any:
    """Return what tells rows apart in a search; None if nothing does, or their table may change."""
    if memory.get() is None:
        return None
    if not isinstance(rows, Rows):
        return joblib.hash(rows)
    if rows.table.flags.writeable:
        return None
    return _Same(rows.table), joblib.hash((rows.index, rows.shift, rows.scale, rows.clip))


@dataclass(frozen=True)
class _Same:
    """An array, equal to itself alone; it lives as long as it is known."""

    table: Any

    def __eq__(self, other: object) -> bool:
        """Compare by identity."""
        return isinstance(other, _Same) and other.table is self.table

    def __hash__(self) -> int:
        """Hash by identity."""
        return id(self.table)


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
