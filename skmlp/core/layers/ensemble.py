"""Several networks in one: members that share weight matrices, and differ by a few factors each.

A naive ensemble of m members has m weight matrices for every layer. Here there is one, W, which
member j sees through factors of its own: it weighs the inputs by r_j and the outputs by s_j. That
costs m (n_in + n_out) parameters beside n_in n_out, and all members train the one matrix.

The members' rows lie one member below the other, in arrays (K, m n, d), so that a product with W is
one for all of them, and every layer that treats rows alike needs to know nothing of members:

====================  =================================================================
:class:`Members`      (K, n, p) -> (K, m n, p): each member takes its view of the rows
:class:`SharedDense`  (K, m n, d) -> (K, m n, h): one W for all; or a plain dense layer,
                      in which members have nothing of their own
:class:`Heads`        (K, m n, d) -> (K m, n, n_out): each member's own output
====================  =================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.initializers import DataDriven, Initializer
from skmlp.core.layers.base import Layer, as_array


def _by_member(rows: Array, m: int) -> Array:
    """View (K, m n, d) as (K, m, n, d)."""
    k, n, d = rows.shape
    return rows.reshape(k, m, n // m, d)


def _require_members(n_members: int, layer: str) -> None:
    if n_members < 1:
        raise ValueError(f"{layer}: got n_members={n_members!r}, but expected 1 or more.")


@final
@dataclass(eq=False)
class Members(Layer):
    """y_j = x r_j for members j = 1 .. m: each weighs the inputs by factors of its own.

    The factors are drawn at random and are what makes the members differ from the start.

    The input is an array (K, n, p), or (1, n, p) shared by all K networks, or a sequence of K,
    or one shared, :class:`~skmlp.core.rows.Rows`; the output is (K, m n, p).

    Parameters
    ----------
    n_members : int
        Number m of members.
    start : {"signs", "normal"}, default="signs"
        Where the factors r start: at -1 or 1, either as likely, or from N(0, 1), which is meant
        for embedded inputs.
    sections : tuple of int or None, default=None
        Widths, from left to right, of the groups of inputs that start with one factor for the
        whole group, such as the embedding of one column; None for groups of one.
    first : bool, default=False
        Whether nothing lies below: no dx is then formed.

    References
    ----------
    Wen, Tran & Ba (2020), "BatchEnsemble: an alternative approach to efficient ensemble and
    lifelong learning", ICLR, section 3, for the factors; Gorishniy, Kotelnikov & Babenko (2025),
    "TabM: advancing tabular deep learning with parameter-efficient ensembling", ICLR, section 3,
    for where they start.
    """

    n_members: int
    start: Literal["signs", "normal"] = "signs"
    sections: tuple[int, ...] | None = None
    first: bool = False

    def __post_init__(self) -> None:
        """Refuse settings outside their lists."""
        _require_members(self.n_members, "Members")
        if self.start not in ("signs", "normal"):
            raise ValueError(
                f"Members: got start={self.start!r}, but expected 'signs' or 'normal'."
            )

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim r; as many outputs as inputs."""
        if self.sections is not None and sum(self.sections) != n_in:
            raise ValueError(
                f"Members: got sections of {sum(self.sections)} inputs in all, but expected "
                f"{n_in}, the number of inputs. List the width of each group, 1 for a lone input."
            )
        self.slot = layout.add("r", (self.n_members, n_in), "member")
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View r (K, m, 1, p) and its gradient."""
        self.work = work
        self.r = self.slot.view(theta)[:, :, None]
        if grad is not None:
            self.dr = self.slot.view(grad)[:, :, None]

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw r, one factor for each member and section."""
        n_in = self.r.shape[3]
        widths = np.ones(n_in, int) if self.sections is None else np.array(self.sections, int)
        shape = self.n_members, len(widths)
        for r, rng in zip(self.r, rngs, strict=True):
            if self.start == "normal":
                factors = np.asarray(rng.normal(0.0, 1.0, shape))
            else:
                factors = np.where(np.asarray(rng.uniform(-1.0, 1.0, shape)) < 0, -1.0, 1.0)
            r[:, 0] = np.repeat(factors, widths, axis=1)

    def forward(self, x: Any, train: bool) -> Array:
        """Return y_j = x r_j, member below member."""
        self.x = as_array(x, self.work)[:, None]  # (K or 1, 1, n, p)
        y = self._y(self.x.shape[2])
        np.multiply(self.x, self.r, out=_by_member(y, self.n_members))
        return y

    def backward(self, dy: Array) -> Array:
        """Write dr_j = Σ dy_j x over the rows; return dx = Σ dy_j r_j over the members."""
        each = _by_member(dy, self.n_members)
        k, _, n, p = each.shape
        product = _by_member(self._y(n), self.n_members)  # y has done its work
        np.multiply(each, self.x, out=product)
        np.matmul(self.work.ones(n), product, out=self.dr)
        if self.first:
            return dy
        each *= self.r
        dx = self.work.array(self, "dx", (k, n, p))
        np.add.reduce(each, axis=1, out=dx)
        return dx

    def _y(self, n: int) -> Array:
        return self.work.array(self, "y", (len(self.r), self.n_members * n, self.r.shape[3]))


@final
@dataclass(eq=False)
class SharedDense(Layer):
    """y_j = ((x_j r_j) W) s_j + b_j for members j = 1 .. m: a dense layer with one W for all.

    r and s start at 1, and b is the same for all members, which therefore start alike.

    Input and output are arrays (K, m n, n_in) and (K, m n, n_out), member below member.

    Parameters
    ----------
    n_out : int
        Number of units.
    n_members : int
        Number m of members.
    init : Initializer
        What fills W and b.
    scale_inputs : bool, default=True
        Whether there is an r; right behind :class:`Members`, which has one, it would be idle.

    References
    ----------
    Wen, Tran & Ba (2020), "BatchEnsemble: an alternative approach to efficient ensemble and
    lifelong learning", ICLR, section 3; Gorishniy, Kotelnikov & Babenko (2025), "TabM: advancing
    tabular deep learning with parameter-efficient ensembling", ICLR, section 3, for the start.
    """

    n_out: int
    n_members: int
    init: Initializer
    scale_inputs: bool = True

    def __post_init__(self) -> None:
        """Refuse an empty ensemble."""
        _require_members(self.n_members, "SharedDense")

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim W, r, s and b."""
        self.slot_w = layout.add("W", (n_in, self.n_out), "weight")
        if self.scale_inputs:
            self.slot_r = layout.add("r", (self.n_members, n_in), "member")
        self.slot_s = layout.add("s", (self.n_members, self.n_out), "member")
        self.slot_b = layout.add("b", (self.n_members, self.n_out), "bias")
        return self.n_out

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View W (K, n_in, n_out), r (K, m, 1, n_in), s and b (K, m, 1, n_out), their gradients."""
        self.work = work
        self.w = self.slot_w.view(theta)
        self.wt = self.w.swapaxes(1, 2)
        self.s, self.b = self.slot_s.view(theta)[:, :, None], self.slot_b.view(theta)[:, :, None]
        if self.scale_inputs:
            self.r = self.slot_r.view(theta)[:, :, None]
        if grad is not None:
            self.dw = self.slot_w.view(grad)
            self.ds = self.slot_s.view(grad)[:, :, None]
            self.db = self.slot_b.view(grad)[:, :, None]
            if self.scale_inputs:
                self.dr = self.slot_r.view(grad)[:, :, None]

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw each network's W, then one b for all its members."""
        self.s[...] = 1
        if self.scale_inputs:
            self.r[...] = 1
        for w, b, rng in zip(self.w, self.b, rngs, strict=True):
            self.init.weights(rng, w)
            self.init.bias(rng, len(w), b[0, 0])
            b[1:] = b[0]

    def adapt(self, x: Array, rngs: Sequence[Any]) -> None:
        """Let a data-driven initializer see all members' products for some training rows."""
        if isinstance(self.init, DataDriven):
            self.forward(x, train=False)
            for w, b, p, rng in zip(self.w, self.b, self.p, rngs, strict=True):
                DataDriven.adapt(rng, p, w, b[0, 0])
                b[1:] = b[0]

    def forward(self, x: Array, train: bool) -> Array:
        """Return y_j = p_j s_j + b_j with p = t W, t_j = x_j r_j."""
        m = self.n_members
        self.x = self.t = x
        if self.scale_inputs:
            self.t = self.work.array(self, "t", x.shape)
            np.multiply(_by_member(x, m), self.r, out=_by_member(self.t, m))
        shape = *x.shape[:2], self.n_out
        self.p = np.matmul(self.t, self.w, out=self.work.array(self, "p", shape))
        y = self.work.array(self, "y", shape)
        each = np.multiply(_by_member(self.p, m), self.s, out=_by_member(y, m))
        each += self.b
        return y

    def backward(self, dy: Array) -> Array:
        """Write db = Σ dy, ds = Σ dy p, dW = tᵀ dp, dr = Σ dt x; return dx_j = dt_j r_j.

        Here dp_j = dy_j s_j, dt = dp Wᵀ, and the sums are over each member's rows.
        """
        m, shape = self.n_members, dy.shape
        each = _by_member(dy, m)  # (K, m, n, n_out)
        ones = self.work.ones(each.shape[2])
        np.matmul(ones, each, out=self.db)
        product = _by_member(self.work.array(self, "y", shape), m)  # y has done its work
        np.multiply(each, _by_member(self.p, m), out=product)
        np.matmul(ones, product, out=self.ds)
        each *= self.s
        dp = each.reshape(shape)
        np.matmul(self.t.swapaxes(1, 2), dp, out=self.dw)
        dx = np.matmul(dp, self.wt, out=self.work.array(self, "dx", self.x.shape))
        if self.scale_inputs:
            each, product = _by_member(dx, m), _by_member(self.t, m)  # and t its own
            np.multiply(each, _by_member(self.x, m), out=product)
            np.matmul(ones, product, out=self.dr)
            each *= self.r
        return dx


@final
@dataclass(eq=False)
class Heads(Layer):
    """y_j = x_j W_j + b_j for members j = 1 .. m: a dense layer for each, nothing shared.

    The input is an array (K, m n, n_in), member below member; the output is (K m, n, n_out), one
    slice for each member, those of the first network first.

    Parameters
    ----------
    n_out : int
        Number of outputs of each member.
    n_members : int
        Number m of members.
    init : Initializer
        What fills each W_j and b_j.

    References
    ----------
    Gorishniy, Kotelnikov & Babenko (2025), "TabM: advancing tabular deep learning with
    parameter-efficient ensembling", ICLR, section 3.
    """

    n_out: int
    n_members: int
    init: Initializer

    def __post_init__(self) -> None:
        """Refuse an empty ensemble."""
        _require_members(self.n_members, "Heads")

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim W and b of all members."""
        self.slot_w = layout.add("W", (self.n_members, n_in, self.n_out), "weight")
        self.slot_b = layout.add("b", (self.n_members, 1, self.n_out), "bias")
        return self.n_out

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View W (K, m, n_in, n_out), b (K, m, 1, n_out) and their gradients."""
        self.work = work
        self.w, self.b = self.slot_w.view(theta), self.slot_b.view(theta)
        self.wt = self.w.swapaxes(2, 3)
        if grad is not None:
            self.dw, self.db = self.slot_w.view(grad), self.slot_b.view(grad)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw each member's W, then its b."""
        for ws, bs, rng in zip(self.w, self.b, rngs, strict=True):
            for w, b in zip(ws, bs, strict=True):
                self.init.weights(rng, w)
                self.init.bias(rng, len(w), b[0])

    def adapt(self, x: Array, rngs: Sequence[Any]) -> None:
        """Let a data-driven initializer see each member's outputs for some training rows."""
        if isinstance(self.init, DataDriven):
            y = self.forward(x, train=False).reshape(*self.w.shape[:2], -1, self.n_out)
            for ws, bs, zs, rng in zip(self.w, self.b, y - self.b, rngs, strict=True):
                for w, b, z in zip(ws, bs, zs, strict=True):
                    DataDriven.adapt(rng, z, w, b[0])

    def forward(self, x: Array, train: bool) -> Array:
        """Return y_j = x_j W_j + b_j."""
        self.x = _by_member(x, self.n_members)  # (K, m, n, n_in)
        k, m, n, _ = self.x.shape
        y = self.work.array(self, "y", (k, m, n, self.n_out))
        np.matmul(self.x, self.w, out=y)
        y += self.b
        return y.reshape(k * m, n, self.n_out)

    def backward(self, dy: Array) -> Array:
        """Write dW_j = x_jᵀ dy_j and db_j = Σ dy_j; return dx_j = dy_j W_jᵀ, (K, m n, n_in)."""
        k, m, n, d = self.x.shape
        each = dy.reshape(k, m, n, self.n_out)
        np.matmul(self.x.swapaxes(2, 3), each, out=self.dw)
        np.matmul(self.work.ones(n), each, out=self.db)
        dx = self.work.array(self, "dx", (k, m * n, d))
        if self.n_out == 1:  # an outer product: a broadcast is faster than a matmul
            np.multiply(each, self.wt, out=_by_member(dx, m))
        else:
            np.matmul(each, self.wt, out=_by_member(dx, m))
        return dx
