"""Train wide networks on the coordinates of the rows, in the space that the rows span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skmlp.core.buffers import Array
from skmlp.core.rows import Rows

#: Directions in which the rows extend less than this share of the longest are left out.
_SMALLEST = 1e-7
#: Columns of a block: wide enough for fast products.
_WIDTH = 2048


@dataclass(eq=False)
class RowSpace:
    r"""The space that n rows X of p columns span, and an orthonormal basis V of it, never formed.

    The gradient of a first weight, Xᵀ δ, lies in that space. So gradient descent, with momentum
    or by L-BFGS, moves a weight W (p, h) within it only; what of W is at right angles to it just
    shrinks, under an L2 penalty, by one factor for each unit. Training Ω = Vᵀ W on the rows'
    coordinates X V is the same training, with at most n + h inputs instead of p. The last h
    coordinates are those along what is at right angles: zero for the rows themselves.

    With X Xᵀ = U S² Uᵀ, V is Xᵀ U S⁻¹, and products with it are products with X.

    Parameters
    ----------
    rows : ndarray, CSR matrix or Rows of shape (n, p)
        The training rows X.

    Attributes
    ----------
    u : ndarray of shape (n, r)
        Eigenvectors U of X Xᵀ, r being the rank.
    s : ndarray of shape (r,)
        Lengths S.
    """

    rows: Any
    u: Array = field(init=False)
    s: Array = field(init=False)

    def __post_init__(self) -> None:
        """Find the axes."""
        squares, u = np.linalg.eigh(_gram(self.rows, self.rows))
        s = np.sqrt(np.maximum(squares, 0))
        kept = s > _SMALLEST * s.max(initial=1e-300)
        self.u, self.s = u[:, kept], s[kept]

    @property
    def own(self) -> Array:
        """Coordinates X V = U S of the rows, (n, r)."""
        return self.u * self.s

    def of_weight(self, w: Array) -> tuple[Array, Array]:
        """Return Vᵀ W (r, h), and the lengths (h,) of what is at right angles, of W (p, h)."""
        inside = (self.u.T @ _times(self.rows, w)) / self.s[:, None]
        squares = np.einsum("ij,ij->j", w, w, dtype=np.float64)
        across = squares - np.einsum("ij,ij->j", inside, inside)
        return inside, np.sqrt(np.maximum(across, 0))

    def of_rows(self, x: Any, w: Array, inside: Array, across: Array) -> Array:
        """Return all coordinates (m, r + h) of other rows x (m, p), given what W is."""
        along = (_gram(x, self.rows) @ self.u) / self.s
        with np.errstate(divide="ignore", invalid="ignore"):
            beside = (_times(x, w) - along @ inside) / across
        return np.hstack([along, np.where(across > 0, beside, 0)])

    def weight(self, w: Array, inside: Array, across: Array, now: Array) -> Array:
        """Return the weight (p, h) of which ``now`` (r + h, h) are the coordinates.

        w is the one with which the training began, the other two are what :meth:`of_weight` made
        of it. It is overwritten.
        """
        r = len(self.s)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(across > 0, np.diagonal(now[r:]) / across, 1.0)
        moved = self.u @ ((now[:r] - inside * left) / self.s[:, None])
        w *= left.astype(w.dtype)
        for columns, product in _transposed_times(self.rows, moved.astype(w.dtype)):
            w[columns] += product
        return w


def _blocks(x: Any, dtype: Any) -> Iterator[tuple[slice, Array]]:
    """Yield (columns, values) of an array or Rows."""
    rows = x if isinstance(x, Rows) else Rows(x, slice(None))
    return rows.blocks(dtype, _WIDTH)


def _gram(x: Any, other: Any) -> Array:
    """Return x otherᵀ (m, n), in float64: squares of offsets would drown small differences."""
    if not isinstance(x, np.ndarray | Rows):
        return np.asarray((x @ other.T).toarray(), dtype=np.float64)
    out = np.zeros((x.shape[0], other.shape[0]))
    if x is other:
        for _, block in _blocks(x, np.float64):
            out += block @ block.T
        return out
    pair = (_blocks(part, np.float64) for part in (x, other))
    for (_, mine), (_, its) in zip(*pair, strict=True):
        out += mine @ its.T
    return out


def _times(x: Any, w: Array) -> Array:
    """Return x w (n, h), in float64."""
    if not isinstance(x, np.ndarray | Rows):
        return np.asarray(x @ w, dtype=np.float64)
    out = np.zeros((x.shape[0], w.shape[1]))
    for columns, block in _blocks(x, w.dtype):
        out += block @ w[columns]
    return out


def _transposed_times(x: Any, a: Array) -> Iterator[tuple[slice, Array]]:
    """Yield (columns, xᵀ a for these) for a (n, h)."""
    if not isinstance(x, np.ndarray | Rows):
        yield slice(None), x.T @ a
        return
    for columns, block in _blocks(x, a.dtype):
        yield columns, block.T @ a
