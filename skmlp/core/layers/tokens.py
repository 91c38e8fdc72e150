"""Layers of a network that tells the next token: an embedding, an output, and both as one.

A token is a code, an integer from 0 to V - 1; a further code, V, stands where there is none. The
vocabulary being large, everything here touches whole rows of tables (V, d), one for each token.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer
from skmlp.core.scatter import add_rows


@final
@dataclass(eq=False)
class Embedding(Layer):
    """y = √d [E[c₁] | E[c₂] | ...] for a row of codes: one table for all positions.

    The factor √d gives outputs of variance 1 to rows of length 1, which are what an output tied
    to the table needs.

    Parameters
    ----------
    n_codes : int
        Number of tokens, the one that stands for none included.
    dim : int
        Number d of outputs for each position.

    References
    ----------
    Bengio, Ducharme, Vincent & Jauvin (2003), "A neural probabilistic language model", JMLR 3,
    section 2; Vaswani et al. (2017), "Attention is all you need", NeurIPS, section 3.4, for √d.
    """

    n_codes: int
    dim: int

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim the table."""
        self.slot = layout.add("E", (self.n_codes, self.dim), "embedding")
        return n_in * self.dim

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View the table E (K, V + 1, d) and its gradient."""
        self.work = work
        self.e = self.slot.view(theta)
        if grad is not None:
            self.de = self.slot.view(grad)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw E from N(0, 1 / d)."""
        for e, rng in zip(self.e, rngs, strict=True):
            e[...] = rng.normal(0.0, 1 / math.sqrt(self.dim), e.shape)

    def forward(self, x: Array, train: bool) -> Array:
        """Look up the rows of codes x, (K or 1, n, c) -> (K, n, c d)."""
        self.codes = x
        n, c = x.shape[1:]
        y = self.work.array(self, "y", (len(self.e), n, c, self.dim))
        for k, found in enumerate(y):
            # "clip" is the mode that fills out directly
            np.take(self.e[k], x[k % len(x)], axis=0, out=found, mode="clip")
        y *= math.sqrt(self.dim)
        return y.reshape(len(y), n, -1)

    def backward(self, dy: Array) -> Array:
        """Write dE; return dy, since there is nothing below."""
        self.de[...] = 0
        return self.add_backward(dy)

    def add_backward(self, dy: Array) -> Array:
        """Add to dE instead of writing it."""
        dy *= math.sqrt(self.dim)
        for k, de in enumerate(self.de):
            add_rows(de, self.codes[k % len(self.codes)].ravel(), dy[k].reshape(-1, self.dim))
        return dy


class Output(Layer):
    """What maps a hidden row h to one raw output z = W[t]·h + b[t] for each token t.

    Attributes
    ----------
    targets : ndarray of shape (K or 1, n, 0 or 1)
        The tokens to be told, for an output that asks, in training, about some tokens only.
    """

    targets: Array

    @abstractmethod
    def offer(self, w: Array, dw: Array | None) -> bool:
        """Take W (K, V, d) and its gradient from another layer where it has none; say whether."""


@final
@dataclass(eq=False)
class Readout(Output):
    """z = h Wᵀ + b, the raw outputs of all tokens.

    Parameters
    ----------
    n_out : int
        Number V of tokens.
    tied : bool, default=False
        Whether W is another layer's table, which :meth:`offer` brings, instead of its own.

    References
    ----------
    Press & Wolf (2017), "Using the output embedding to improve language models", EACL, for a
    table that is shared with the embedding.
    """

    n_out: int
    tied: bool = False

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim W, unless it is another's, and b."""
        self.n_in = n_in
        if not self.tied:
            self.slot_w = layout.add("W", (self.n_out, n_in), "weight")
        self.slot_b = layout.add("b", (1, self.n_out), "bias")
        return self.n_out

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View W (K, V, d), b (K, 1, V) and their gradients."""
        self.work = work
        self.b = self.slot_b.view(theta)
        if grad is not None:
            self.db = self.slot_b.view(grad)
        if not self.tied:
            self.w = self.slot_w.view(theta)
            if grad is not None:
                self.dw = self.slot_w.view(grad)

    def offer(self, w: Array, dw: Array | None) -> bool:
        """Take W if tied."""
        if self.tied:
            if w.shape[2] != self.n_in:
                raise ValueError(
                    f"Readout: got {self.n_in} inputs, but expected {w.shape[2]}, the number of "
                    "columns of the embedding to which it is tied."
                )
            self.w = w
            if dw is not None:
                self.dw = dw
        return self.tied

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Start as the constant b = 0, but for a little noise in a W of one's own."""
        self.b[...] = 0
        if not self.tied:
            for w, rng in zip(self.w, rngs, strict=True):
                w[...] = rng.normal(0.0, 0.1 / math.sqrt(max(1, w.shape[1])), w.shape)

    def forward(self, x: Array, train: bool) -> Array:
        """Return z (K, n, V)."""
        self.x = x
        z = self.work.array(self, "z", (*x.shape[:2], self.n_out))
        np.matmul(x, self.w.swapaxes(1, 2), out=z)
        z += self.b
        return z

    def backward(self, dy: Array) -> Array:
        """Write dW = dzᵀ h and db = Σ dz; return dh = dz W."""
        np.matmul(dy.swapaxes(1, 2), self.x, out=self.dw)
        np.matmul(self.work.ones(dy.shape[1]), dy, out=self.db)
        return np.matmul(dy, self.w, out=self.work.array(self, "dx", self.x.shape))


@final
@dataclass(eq=False)
class SampledReadout(Output):
    """In training, the raw outputs of each row's target and of S tokens drawn for all rows.

    Column 0 is the target's z, so that the class of every row is 0. The others are
    z_j - log(S q_j) for tokens j drawn from q, with which the sum over exp(z) of all other tokens
    is estimated without bias: as S grows, the log loss of these columns becomes that of all V
    tokens. A token drawn that is the row's target counts as not drawn. Predictions are of all V.

    Parameters
    ----------
    full : Readout
        The output whose columns are drawn.
    q : ndarray of shape (V,)
        Positive probabilities.
    n_samples : int
        Number S of draws, with replacement.

    References
    ----------
    Bengio & Senécal (2008), "Adaptive importance sampling to accelerate training of a neural
    probabilistic language model", IEEE Trans. Neural Networks 19, section III; Jean, Cho,
    Memisevic & Bengio (2015), "On using very large target vocabulary for neural machine
    translation", ACL, section 3.1; Blanc & Rendle (2018), "Adaptive sampled softmax with kernel
    based sampling", ICML, section 2, for the target left uncorrected.
    """

    full: Readout
    q: Array
    n_samples: int

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim W and b."""
        return self.full.build(n_in, layout, stats)

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View W and b; sum q up to draw from it."""
        self.work = work
        self.full.bind(theta, grad, stats, work)
        self.upto = np.cumsum(self.q, dtype=np.float64)
        self.shift = np.log(self.n_samples * self.q / self.upto[-1]).astype(work.dtype)

    def offer(self, w: Array, dw: Array | None) -> bool:
        """Take W if tied."""
        return self.full.offer(w, dw)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Start as the full output."""
        self.full.initialize(rngs)

    def forward(self, x: Array, train: bool) -> Array:
        """Return z (K, n, 1 + S) in training, (K, n, V) otherwise."""
        if not train:
            return self.full.forward(x, train)
        self.x, self.asked = x, []
        z = self.work.array(self, "z", (*x.shape[:2], 1 + self.n_samples))
        for k, rng in enumerate(self.work.rngs):
            target = self.targets[k % len(self.targets), :, 0]
            draws = rng.random(self.n_samples) * self.upto[-1]
            drawn = np.minimum(np.searchsorted(self.upto, draws, "right"), self.full.n_out - 1)
            w, b = self.full.w[k], self.full.b[k, 0]
            w_target, w_drawn = w[target], w[drawn]
            z[k, :, 0] = np.vecdot(x[k], w_target) + b[target]
            z[k, :, 1:] = x[k] @ w_drawn.T
            z[k, :, 1:] += b[drawn] - self.shift[drawn]
            z[k, :, 1:][drawn == target[:, None]] = -np.inf
            self.asked.append((target, drawn, w_target, w_drawn))
        return z

    def backward(self, dy: Array) -> Array:
        """Write dW and db, mostly zeros; return dh."""
        dx = self.work.array(self, "dx", self.x.shape)
        self.full.dw[...] = 0
        for k, (target, drawn, w_target, w_drawn) in enumerate(self.asked):
            d_target, d_drawn = dy[k, :, :1], dy[k, :, 1:]
            np.matmul(d_drawn, w_drawn, out=dx[k])
            dx[k] += d_target * w_target
            codes = np.concatenate([target, drawn])
            rows = np.concatenate([d_target * self.x[k], d_drawn.T @ self.x[k]])
            add_rows(self.full.dw[k], codes, rows)
            sums = np.concatenate([d_target[:, 0], d_drawn.sum(axis=0)])
            self.full.db[k, 0] = np.bincount(codes, sums, minlength=self.full.n_out)
        return dx


@final
@dataclass(eq=False)
class NextToken(Layer):
    """Codes of a context -> raw outputs of the tokens that may follow: z = output(f(E[codes])).

    The input is an integer array (K or 1, n, c); for a :class:`SampledReadout` in training it has
    a further column, the tokens that do follow.

    Parameters
    ----------
    embedding : Embedding
        Of the context; its last code stands for no token.
    hidden : Layer
        The function f.
    output : Output
        Where tied, it shares the embedding's table, whose dim must be the number of outputs of
        ``hidden``.
    beside : sequence of Layer, default=()
        What else reads the codes of the context, beside the embedding.
    """

    embedding: Embedding
    hidden: Layer
    output: Output
    beside: Sequence[Layer] = ()

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim the slots from the input to the output."""
        self.n_in = n_in
        self.readers = [self.embedding, *self.beside]
        widths = [layer.build(n_in, layout, stats) for layer in self.readers]
        self.bounds = np.cumsum(widths)[:-1]
        return self.output.build(self.hidden.build(sum(widths), layout, stats), layout, stats)

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """Bind all parts."""
        self.parts = [*self.readers, self.hidden, self.output]
        for layer in self.parts:
            layer.bind(theta, grad, stats, work)
        # all rows but the one that stands for no token
        dw = None if grad is None else self.embedding.de[:, :-1]
        self.tied = self.output.offer(self.embedding.e[:, :-1], dw)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Fill them in turn."""
        for layer in self.parts:
            layer.initialize(rngs)

    def forward(self, x: Array, train: bool) -> Array:
        """Go up."""
        self.output.targets = x[:, :, self.n_in :]
        codes = x[:, :, : self.n_in]
        read = [layer.forward(codes, train) for layer in self.readers]
        y = read[0] if len(read) == 1 else np.concatenate(read, axis=2)
        return self.output.forward(self.hidden.forward(y, train), train)

    def backward(self, dy: Array) -> Array:
        """Come down; a shared table gets both of its gradients."""
        dy = self.hidden.backward(self.output.backward(dy))
        dy, *others = np.split(dy, self.bounds, axis=2)
        for layer, part in zip(self.beside, others, strict=True):
            layer.backward(part)
        if not self.tied:
            return self.embedding.backward(dy)
        self.embedding.de[:, -1] = 0
        return self.embedding.add_backward(dy)
