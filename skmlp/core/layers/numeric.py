"""Embeddings of numeric columns: each number becomes a small vector that bends with it.

A network learns smooth, slow functions of its inputs first. With several functions of each column
to choose from, waves (PBLD, PLR) or ramps (PLE), it also learns the irregular ones that tables
are full of. Every layer here maps x (K or 1, n, p) to (K, n, p d), the d values of a column side
by side, and works on arrays (K, p, n, .), where each column is one small matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.special import ndtr, ndtri

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer, as_array

_ROLE = "embedding_numeric"


def _by_column(x: Array) -> Array:
    """View x (K, n, p) as (K, p, n, 1)."""
    return x.swapaxes(1, 2)[..., None]


def _split(y: Array, d: int) -> Array:
    """View y (K, n, p d) as (K, p, n, d)."""
    return y.reshape(*y.shape[:2], -1, d).swapaxes(1, 2)


def _require(holds: bool, layer: str, setting: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{layer}: got {setting}={value!r}, but expected {expected}.")


@final
@dataclass(eq=False)
class PBLD(Layer):
    """Periodic with bias, linear, dense: e_i = [Vᵢᵀ cos(2π wᵢ xᵢ + bᵢ) + cᵢ ; xᵢ].

    The number itself stands last, so that a column which is best left alone can be.

    Parameters
    ----------
    sigma : float, default=0.1
        Standard deviation of the frequencies w at the start.
    n_frequencies : int, default=16
        Length f of w, b ~ U(±π), and number of rows of V ~ U(±1/√f).
    dim : int, default=4
        Number d of outputs for each column: d - 1 mixtures of waves, V (f, d - 1) and
        c ~ U(±1/√f), and the number itself.

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS, section 3.
    """

    sigma: float = 0.1
    n_frequencies: int = 16
    dim: int = 4

    def __post_init__(self) -> None:
        """Refuse settings without waves."""
        _require(self.sigma > 0, "PBLD", "sigma", self.sigma, "a positive number")
        _require(self.n_frequencies > 0, "PBLD", "n_frequencies", self.n_frequencies, "1 or more")
        _require(self.dim > 1, "PBLD", "dim", self.dim, "2 or more")

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim w and b as two rows of one slot, V and c."""
        f, d = self.n_frequencies, self.dim - 1
        self.slot_wb = layout.add("wb", (n_in, 2, f), _ROLE)
        self.slot_v = layout.add("V", (n_in, f, d), _ROLE)
        self.slot_c = layout.add("c", (n_in, 1, d), _ROLE)
        return n_in * self.dim

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View [w; b] (K, p, 2, f), V (K, p, f, d - 1), c (K, p, 1, d - 1), their gradients."""
        self.work = work
        self.wb, self.v = self.slot_wb.view(theta), self.slot_v.view(theta)
        self.c = self.slot_c.view(theta)
        if grad is not None:
            self.dwb, self.dv = self.slot_wb.view(grad), self.slot_v.view(grad)
            self.dc = self.slot_c.view(grad)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw w, b, V, c in turn."""
        bound = 1 / math.sqrt(self.n_frequencies)
        for wb, v, c, rng in zip(self.wb, self.v, self.c, rngs, strict=True):
            wb[:, 0] = rng.normal(0.0, self.sigma, wb[:, 0].shape)
            wb[:, 1] = rng.uniform(-math.pi, math.pi, wb[:, 1].shape)
            v[...] = rng.uniform(-bound, bound, v.shape)
            c[...] = rng.uniform(-bound, bound, c.shape)

    def forward(self, x: Any, train: bool) -> Array:
        """Return [Vᵀ cos u + c ; x] with u = [2πx, 1] [w; b]."""
        x = as_array(x, self.work)
        k, p, _, f = self.wb.shape
        n = x.shape[1]
        self.x = self.work.array(self, "x", (len(x), p, n, 2))
        np.multiply(_by_column(x), 2 * math.pi, out=self.x[..., :1])
        self.x[..., 1] = 1
        self.u = np.matmul(self.x, self.wb, out=self.work.array(self, "u", (k, p, n, f)))
        self.q = np.cos(self.u, out=self.work.array(self, "q", (k, p, n, f)))
        waves = np.matmul(self.q, self.v, out=self._waves(n))
        y = self.work.array(self, "y", (k, n, p * self.dim))
        parts = _split(y, self.dim)
        np.add(waves, self.c, out=parts[..., :-1])
        parts[..., -1:] = _by_column(x)
        return y

    def backward(self, dy: Array) -> Array:
        """Write dV = qᵀ de, dc = Σ de, d[w; b] = -[2πx, 1]ᵀ (sin u ∘ de Vᵀ); return dy."""
        de = self._waves(dy.shape[1])
        de[...] = _split(dy, self.dim)[..., :-1]
        np.matmul(self.work.ones(dy.shape[1]), de, out=self.dc)
        np.matmul(self.q.swapaxes(2, 3), de, out=self.dv)
        du = np.matmul(de, self.v.swapaxes(2, 3), out=self.q)
        du *= np.sin(self.u, out=self.u)
        np.matmul(self.x.swapaxes(2, 3), du, out=self.dwb)
        np.negative(self.dwb, out=self.dwb)
        return dy

    def _waves(self, n: int) -> Array:
        return self.work.array(self, "waves", (*self.wb.shape[:2], n, self.dim - 1))


@final
@dataclass(eq=False)
class PLR(Layer):
    """Periodic, linear, ReLU: e_i = max(0, [cos 2πcᵢxᵢ, sin 2πcᵢxᵢ] Wᵢ + bᵢ).

    Parameters
    ----------
    sigma : float, default=0.01
        Scale of the frequencies c at the start: N(0, σ²), cut off at ±3σ. The setting to tune.
    n_frequencies : int, default=48
        Length f of c; W (2f, d) and b start as U(±1/√(2f)).
    dim : int, default=24
        Number d of outputs for each column.

    References
    ----------
    Gorishniy, Rubachev & Babenko (2022), "On embeddings for numerical features in tabular deep
    learning", NeurIPS, section 3.3.
    """

    sigma: float = 0.01
    n_frequencies: int = 48
    dim: int = 24

    def __post_init__(self) -> None:
        """Refuse settings without waves."""
        _require(self.sigma > 0, "PLR", "sigma", self.sigma, "a positive number")
        _require(self.n_frequencies > 0, "PLR", "n_frequencies", self.n_frequencies, "1 or more")
        _require(self.dim > 0, "PLR", "dim", self.dim, "1 or more")

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim c, W and b."""
        self.slot_c = layout.add("c", (n_in, 1, self.n_frequencies), _ROLE)
        self.slot_w = layout.add("W", (n_in, 2 * self.n_frequencies, self.dim), _ROLE)
        self.slot_b = layout.add("b", (n_in, 1, self.dim), _ROLE)
        return n_in * self.dim

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View c (K, p, 1, f), W (K, p, 2f, d), b (K, p, 1, d) and their gradients."""
        self.work = work
        self.c, self.w = self.slot_c.view(theta), self.slot_w.view(theta)
        self.b = self.slot_b.view(theta)
        if grad is not None:
            self.dc, self.dw = self.slot_c.view(grad), self.slot_w.view(grad)
            self.db = self.slot_b.view(grad)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw c, W, b in turn."""
        bound = 1 / math.sqrt(2 * self.n_frequencies)
        low, high = ndtr(-3.0), ndtr(3.0)
        for c, w, b, rng in zip(self.c, self.w, self.b, rngs, strict=True):
            c[...] = self.sigma * ndtri(rng.uniform(low, high, c.shape))
            w[...] = rng.uniform(-bound, bound, w.shape)
            b[...] = rng.uniform(-bound, bound, b.shape)

    def forward(self, x: Any, train: bool) -> Array:
        """Return max(0, v W + b) with v = [cos u, sin u], u = 2πcx."""
        x = as_array(x, self.work)
        k, p, _, f = self.c.shape
        n = x.shape[1]
        self.x = self.work.array(self, "x", (len(x), p, n, 1))
        np.multiply(_by_column(x), 2 * math.pi, out=self.x)
        u = np.multiply(self.x, self.c, out=self.work.array(self, "u", (k, p, n, f)))
        self.v = self.work.array(self, "v", (k, p, n, 2 * f))
        np.cos(u, out=self.v[..., :f])
        np.sin(u, out=self.v[..., f:])
        z = np.matmul(self.v, self.w, out=self.work.array(self, "z", (k, p, n, self.dim)))
        z += self.b
        self.y = self.work.array(self, "y", (k, n, p * self.dim))
        np.maximum(z, 0, out=_split(self.y, self.dim))
        return self.y

    def backward(self, dy: Array) -> Array:
        """Write db = Σ dz, dW = vᵀ dz, dc = 2πxᵀ (cos u ∘ dsin - sin u ∘ dcos); return dy."""
        k, p, _, f = self.c.shape
        n = dy.shape[1]
        mask = np.sign(self.y, out=self.y)
        dz = self.work.array(self, "z", (k, p, n, self.dim))
        np.multiply(_split(dy, self.dim), _split(mask, self.dim), out=dz)
        np.matmul(self.work.ones(n), dz, out=self.db)
        np.matmul(self.v.swapaxes(2, 3), dz, out=self.dw)
        dv = self.work.array(self, "dv", self.v.shape)
        np.matmul(dz, self.w.swapaxes(2, 3), out=dv)
        dcos, dsin = dv[..., :f], dv[..., f:]
        dcos *= self.v[..., f:]
        dsin *= self.v[..., :f]
        du = np.subtract(dsin, dcos, out=self.work.array(self, "u", (k, p, n, f)))
        np.matmul(self.x.swapaxes(2, 3), du, out=self.dc)
        return dy


@final
@dataclass(eq=False)
class PLE(Layer):
    """Piecewise linear: e_i = wᵢ xᵢ + bᵢ + Vᵢᵀ r(xᵢ), a straight line with a kink at each edge.

    Of the edges t₀ < t₁ < ... < t_T of a column, bin j gives the ramp
    r_j = (x - t_{j-1}) / (t_j - t_{j-1}), cut off at 0 and 1; but the first ramp goes on below its
    bin and the last above, so that numbers beyond the ends are told apart. This is version B of the
    embedding: V starts at 0, hence e as a straight line; w and b start as U(±1/√d).

    Parameters
    ----------
    edges : list of p 1-D arrays
        Of each column, strictly increasing. A column with fewer than two has no bins: e = w x + b.
    dim : int, default=16
        Number d of outputs for each column.

    References
    ----------
    Gorishniy, Rubachev & Babenko (2022), "On embeddings for numerical features in tabular deep
    learning", NeurIPS, section 3.2; Gorishniy, Kotelnikov & Babenko (2025), "TabM", ICLR, for
    version B.

    Examples
    --------
    >>> ple = PLE.from_data(np.array([[0.0, 5.0], [1.0, 5.0], [1.0, 5.0], [9.0, 5.0]]), n_bins=3)
    >>> ple.edges
    [array([0., 1., 9.]), array([5.])]
    """

    edges: list[Array]
    dim: int = 16

    def __post_init__(self) -> None:
        """Refuse edges that are not sorted, finite and distinct."""
        _require(self.dim > 0, "PLE", "dim", self.dim, "1 or more")
        self.edges = [np.asarray(edges, dtype=np.float64) for edges in self.edges]
        for i, edges in enumerate(self.edges):
            good = edges.ndim == 1 and np.isfinite(edges).all() and (np.diff(edges) > 0).all()
            _require(bool(good), "PLE", f"edges[{i}]", edges, "finite, strictly increasing numbers")

    @classmethod
    def from_data(cls, X: Array, n_bins: int = 48, dim: int = 16) -> PLE:
        """Return the layer whose edges are the distinct quantiles of each column.

        Parameters
        ----------
        X : ndarray of shape (n, p)
            Finite numbers.
        n_bins : int, default=48
            Number of bins, each with about as many rows, before quantiles that coincide are
            merged: those closer than a millionth of the column's range.
        dim : int, default=16
            Number of outputs for each column.
        """
        _require(n_bins > 0, "PLE", "n_bins", n_bins, "1 or more")
        X = np.asarray(X, dtype=np.float64)
        if not np.isfinite(X).all():
            raise ValueError("PLE: got an X with NaN or infinity, but expected finite numbers.")
        edges = []
        for column in X.T:
            quantiles = np.quantile(column, np.linspace(0, 1, n_bins + 1))
            gaps = np.diff(quantiles, prepend=-np.inf)
            edges.append(quantiles[gaps > 1e-6 * np.ptp(quantiles)])
        return cls(edges, dim)

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim V, w and b as rows of one slot; columns with few bins leave some of V unused."""
        _require(len(self.edges) == n_in, "PLE", "len(edges)", len(self.edges), f"{n_in} columns")
        self.n_bins = max((len(edges) - 1 for edges in self.edges), default=0)
        self.n_bins = max(self.n_bins, 0)
        self.slot = layout.add("vwb", (n_in, self.n_bins + 2, self.dim), _ROLE)
        return n_in * self.dim

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View [V; w; b] (K, p, T + 2, d) and its gradient; lay out the bins, each (p, T, 1)."""
        self.work = work
        self.vwb = self.slot.view(theta)
        if grad is not None:
            self.dvwb = self.slot.view(grad)
        start, slope, low, high = np.zeros((4, len(self.edges), self.n_bins, 1))
        for i, edges in enumerate(self.edges):
            bins = len(edges) - 1
            if bins < 1:
                continue
            start[i, :bins, 0], slope[i, :bins, 0] = edges[:-1], 1 / np.diff(edges)
            high[i, :bins] = 1
            low[i, 0], high[i, bins - 1] = -np.inf, np.inf
        self.start, self.slope, self.low, self.high = (
            work.xp.asarray(a, dtype=work.dtype) for a in (start, slope, low, high)
        )

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw w, then b; V is 0."""
        bound = 1 / math.sqrt(self.dim)
        self.vwb[:, :, :-2] = 0
        for vwb, rng in zip(self.vwb, rngs, strict=True):
            vwb[:, -2] = rng.uniform(-bound, bound, vwb[:, -2].shape)
            vwb[:, -1] = rng.uniform(-bound, bound, vwb[:, -1].shape)

    def forward(self, x: Any, train: bool) -> Array:
        """Return [r(x), x, 1] [V; w; b]."""
        x = as_array(x, self.work)
        k, p, rows, d = self.vwb.shape
        n = x.shape[1]
        self.z = self.work.array(self, "z", (len(x), p, rows, n))  # shared where x is
        ramps, line = self.z[:, :, :-2], self.z[:, :, -2:]
        line[:, :, 0] = x.swapaxes(1, 2)
        line[:, :, 1] = 1
        np.subtract(line[:, :, :1], self.start, out=ramps)
        ramps *= self.slope
        np.maximum(ramps, self.low, out=ramps)
        np.minimum(ramps, self.high, out=ramps)
        e = self.work.array(self, "e", (k, p, n, d))
        np.matmul(self.z.swapaxes(2, 3), self.vwb, out=e)
        y = self.work.array(self, "y", (k, n, p * d))
        _split(y, d)[...] = e
        return y

    def backward(self, dy: Array) -> Array:
        """Write d[V; w; b] = [r(x), x, 1]ᵀ de; return dy, since there is nothing below."""
        k, p, _, d = self.vwb.shape
        de = self.work.array(self, "e", (k, p, dy.shape[1], d))
        de[...] = _split(dy, d)
        np.matmul(self.z, de, out=self.dvwb)
        return dy
