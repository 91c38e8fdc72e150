"""A stack of K networks: their parameters, the way up, the way down."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer
from skmlp.core.layers.compose import Chain
from skmlp.core.stacking import program, together

#: Rows that pass through a network together in a prediction.
_CHUNK = 1024


class Network:
    """K networks of one shape, whose parameters are the K rows of one array.

    Parameters
    ----------
    layers : sequence of Layer
        From the input to the raw output.
    n_in : int
        Number of input columns.
    stack : int, default=1
        Number K of networks.
    dtype : dtype, default=float64
        Of all parameters and of the arithmetic.

    Attributes
    ----------
    theta : ndarray of shape (K, P)
        Parameters: each layer's are views into it.
    grad : ndarray of shape (K, P)
        Gradient of the last ``backward``; allocated when training starts.
    stats : ndarray of shape (K, S)
        Running statistics, which are not trained.
    layout : Layout
        Where in a row each parameter stands.
    n_out : int
        Number of raw outputs.

    Examples
    --------
    >>> from skmlp.core.layers import Dense, Stem
    >>> from skmlp.core.initializers import INITIALIZERS
    >>> network = Network([Stem(Dense(2, INITIALIZERS["glorot_uniform"]))], n_in=3)
    >>> network.initialize([np.random.RandomState(0)])
    >>> network.predict(np.ones((5, 3))).shape
    (1, 5, 2)
    """

    def __init__(
        self, layers: Sequence[Layer], n_in: int, *, stack: int = 1, dtype: Any = np.float64
    ) -> None:
        self.n_in = n_in
        self.dtype = np.dtype(dtype)
        self.rows = np.arange(stack)
        self.rngs: list[np.random.Generator] = []
        self._build(Chain(layers))
        self.theta = np.zeros((stack, self.layout.size), dtype=self.dtype)
        self.stats = np.zeros((stack, self.stats_layout.size), dtype=self.dtype)
        self.grad: Array | None = None
        self.bind()

    def _build(self, chain: Chain) -> None:
        self.chain = chain
        self.layout, self.stats_layout = Layout(), Layout()
        self.n_out = chain.build(self.n_in, self.layout, self.stats_layout)
        self.layout.arrange()

    @classmethod
    def together(cls, networks: Sequence[Network]) -> Network:
        """Return one stack of the networks of several, which have one :attr:`program`."""
        first = networks[0]
        if len(networks) == 1:
            return first
        sizes = [network.k for network in networks]
        layers = together([network.chain.layers for network in networks], sizes)
        stack = cls(layers, first.n_in, stack=sum(sizes), dtype=first.dtype)
        np.concatenate([network.theta for network in networks], out=stack.theta)
        np.concatenate([network.stats for network in networks], out=stack.stats)
        return stack

    @property
    def program(self) -> Hashable:
        """What networks have in common that can be in one stack."""
        return self.n_in, self.dtype.str, program(self.chain.layers)

    @property
    def k(self) -> int:
        """Number of networks in the stack."""
        return len(self.theta)

    def bind(self) -> None:
        """Let the layers take fresh views and work arrays."""
        self.work = Workspace(self.dtype, self.rows, self.rngs)
        self.chain.bind(self.theta, self.grad, self.stats, self.work)
        self._readers, self._home = threading.local(), threading.get_ident()

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw the parameters of network k from ``rngs[k]``."""
        self.chain.initialize(rngs)

    def adapt(self, x: Any, rngs: Sequence[Any]) -> None:
        """Let layers whose initial parameters depend on data see some training rows."""
        self.chain.adapt(x, rngs)

    def prepare_training(self, rngs: Sequence[np.random.Generator] = ()) -> None:
        """Allocate the gradient; network k draws what it draws at each step from ``rngs[k]``."""
        self.rngs = list(rngs)
        if self.grad is None or self.grad.shape != self.theta.shape:
            self.grad = np.zeros_like(self.theta)
        self.bind()

    def finish_training(self) -> None:
        """Let go of gradient and work arrays, if any, which layers made anew do not know."""
        if self.grad is not None or self.work.is_used:
            self.__setstate__(self.__getstate__())

    def forward(self, x: Any, train: bool = False) -> Array:
        """Return the raw outputs (K, n, m), borrowed until the next call."""
        return self.chain.forward(x, train)

    def backward(self, d_raw: Array) -> None:
        """Fill ``grad`` from the gradient with respect to the raw outputs; overwrites it."""
        self.chain.backward(d_raw)

    def predict(self, x: Any, upto: int | None = None) -> Array:
        """Return the outputs for x (n, p) in an array of one's own, chunk by chunk.

        Safe to call from several threads at once.

        Parameters
        ----------
        x : ndarray, CSR matrix or Rows of shape (n, p), or list of these
            Shared by all networks; a list holds as many rows for each of them.
        upto : int, default=None
            Number of layers to pass; None for all.

        Returns
        -------
        ndarray of shape (K, n, m)
            Where several members share a network's weights, one slice for each of them, those of
            the first network first.
        """
        reader = self._reader()
        chain = reader.chain if upto is None else Chain(reader.chain.layers[:upto])
        each = x if isinstance(x, list) else [x]
        parts = []
        for start in range(0, each[0].shape[0], _CHUNK):
            chunk = [one[start : start + _CHUNK] for one in each]
            y = chain.forward(batch_of(*chunk), False)
            # between first and last layer the members of a network lie in the axis of the rows
            members = y.shape[1] // chunk[0].shape[0]
            parts.append(y.reshape(len(y) * members, -1, y.shape[2]).copy())
        reader.work.clear()
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _reader(self) -> Network:
        """Return this thread's twin, which shares the parameters but no work array.

        In the thread where the layers were bound that is the network itself, unless it is training.
        """
        if self.grad is None and self._home == threading.get_ident():
            return self
        found: Network | None = getattr(self._readers, "network", None)
        if found is None:
            found = self._readers.network = Network.__new__(Network)
            found.__setstate__(self.__getstate__())
        return found

    def select(self, keep: Array) -> None:
        """Go on with some networks: ``keep`` (K,) chooses rows of the present stack."""
        self.rngs = [rng for rng, kept in zip(self.rngs, keep, strict=False) if kept]
        self._replace(self.rows[keep], self.theta[keep], self.stats[keep])

    def restore(self, theta: Array, stats: Array, rngs: Sequence[np.random.Generator] = ()) -> None:
        """Become a full stack again, with these parameters (K, P) and statistics (K, S)."""
        self.rngs = list(rngs)
        self._replace(np.arange(len(theta)), theta, stats)

    def _replace(self, rows: Array, theta: Array, stats: Array) -> None:
        self.rows, self.theta, self.stats = rows, theta, stats
        if self.grad is not None:
            self.grad = np.zeros_like(theta)
        self.bind()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle what was learnt; views and work arrays are made anew."""
        names = ("n_in", "dtype", "rows", "chain", "theta", "stats", "rngs")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the layers again around the parameters."""
        self.__dict__.update(state)
        self._build(together([self.chain], [self.k]))
        self.grad = None
        self.bind()


def batch_of(*each: Any) -> Any:
    """Give one x (n, p) the form in which all K networks share it, or K of them their own."""
    if not isinstance(each[0], np.ndarray):
        return list(each)
    return each[0][None] if len(each) == 1 else np.stack(each)
