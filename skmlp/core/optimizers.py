"""Direction -> better direction, in place; an optimiser is a chain of these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Pieces, Workspace, blocks
from skmlp.core.schedules import Constant, Schedule
from skmlp.core.stacking import program, together

#: Memories are freed of subnormal numbers every so many steps.
_FLUSH_EVERY = 256
#: Threads work on stretches that are so many times as long as those of one.
_STRETCH = 4
#: Adam computes its bias corrections for so many steps at a time.
_AHEAD = 64


class Transform(ABC):
    """One link of the chain: changes a gradient, or a step, in place."""

    #: False: sees the direction, before the learning rate. True: sees the step, after it.
    on_step: ClassVar[bool] = False
    #: Names of the (K, P) arrays it remembers between steps.
    memory: ClassVar[tuple[str, ...]] = ()
    #: Names of the settings of which each network may have its own.
    per_network: ClassVar[tuple[str, ...]] = ()

    def bind(self, layout: Layout, work: Workspace, k: int) -> None:
        """Allocate the memory of a new training, in the state before its first step."""
        for name in self.memory:
            setattr(self, name, work.xp.zeros((k, layout.size), dtype=work.dtype))
        self.rebind(layout, work)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take settings and work arrays for the networks that are in the stack."""
        self.work = work

    def select(self, keep: Array) -> None:
        """Keep the memory of some networks."""
        for name in self.memory:
            setattr(self, name, getattr(self, name)[keep])

    def spread(self, rows: Array, k: int) -> None:
        """Remember nothing of the other networks than ``rows``, of k in all."""
        for name in self.memory:
            setattr(self, name, _spread(getattr(self, name), rows, k))

    def remember(self, other: Any, rows: slice) -> None:
        """Have the memory of some networks of a link of the same kind."""
        for name in self.memory:
            setattr(self, name, getattr(other, name)[rows].copy())

    def gather(self, others: Sequence[Any]) -> None:
        """Have the memory of the networks of all others, side by side."""
        for name in self.memory:
            setattr(self, name, np.concatenate([getattr(other, name) for other in others]))

    def reset(self, row: int) -> None:
        """Forget what was remembered of one network."""
        for name in self.memory:
            getattr(self, name)[row] = 0

    def flush(self) -> None:
        """Set to zero what has decayed into subnormal numbers, which are a hundred times slower."""
        for name in self.memory:
            rows = getattr(self, name)
            tiny = np.finfo(rows.dtype).tiny
            for block in blocks(rows):
                values = rows[:, block]
                values[np.abs(values) < tiny] = 0

    @abstractmethod
    def __call__(self, theta: Array, grad: Array, lr: Any) -> None:
        """Change ``grad`` (K, P), direction or step, in place; ``lr`` is (K, 1) or a number."""


class Elementwise(Transform):
    """A link that changes each entry by itself.

    Such links, one behind the other, visit a stretch of the rows together while it is in the
    cache: where parameters are many, a step takes as long as reading and writing them.
    """

    def begin(self, lr: Any) -> None:  # noqa: B027 - most have nothing to prepare
        """Prepare a step."""

    @abstractmethod
    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Change ``grad`` (K, width), the columns ``block`` of direction or step, in place."""

    def __call__(self, theta: Array, grad: Array, lr: Any) -> None:
        """Change the whole of ``grad`` (K, P)."""
        self.begin(lr)
        for block in blocks(theta):
            self.visit(block, theta[:, block], grad[:, block])


@final
class _Rate(Elementwise):
    """The step is the direction times the learning rate."""

    def begin(self, lr: Any) -> None:
        self.lr = lr

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        grad *= self.lr


@final
class _Move(Elementwise):
    """Take the step."""

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        theta -= grad


def _visit(links: Sequence[Any], pieces: Sequence[Any]) -> None:
    for block, theta, grad in pieces:
        for link in links:
            link.visit(block, theta, grad)


def _spread(values: Array, rows: Array, k: int) -> Array:
    """Return an array of k rows, those of ``rows`` being ``values``, the others zero."""
    out = np.zeros((k, *values.shape[1:]), dtype=values.dtype)
    out[rows] = values
    return out


class Optimizer:
    """θ ← θ - lr · direction, the direction being the gradient after a chain of transforms.

    ``Optimizer()`` is plain gradient descent; ``Optimizer(ClipNorm(1.0), Adam(), Decay(1e-2))``
    is AdamW with clipping.

    Parameters
    ----------
    *transforms : Transform
        Applied in turn.

    Examples
    --------
    >>> theta = np.array([[1.0]])
    >>> Optimizer().step(theta, grad=np.array([[4.0]]), lr=0.1)
    >>> theta
    array([[0.6]])
    """

    def __init__(self, *transforms: Transform) -> None:
        self.transforms = transforms
        self.steps = 0
        on_direction = [t for t in transforms if not t.on_step]
        chain = [*on_direction, _Rate(), *(t for t in transforms if t.on_step), _Move()]
        self._runs: list[tuple[bool, list[Any]]] = [
            (elementwise, list(run))
            for elementwise, run in groupby(chain, lambda link: isinstance(link, Elementwise))
        ]
        self._pool: ThreadPoolExecutor | None = None
        self.share_out(1)

    @classmethod
    def together(cls, optimizers: Sequence[Optimizer], sizes: Sequence[int]) -> Optimizer:
        """Return one for the networks of several, which have one :attr:`program`."""
        chains = [optimizer.transforms for optimizer in optimizers]
        return optimizers[0] if len(chains) == 1 else cls(*together(chains, sizes))

    @property
    def program(self) -> Hashable:
        """What optimisers have in common that can serve one stack."""
        return program(self.transforms)

    def __repr__(self) -> str:
        """Show the chain as it was written."""
        return f"Optimizer({', '.join(map(repr, self.transforms))})"

    def bind(self, layout: Layout, work: Workspace, k: int) -> None:
        """Start a new training of K networks."""
        self.steps = 0
        for transform in self.transforms:
            transform.bind(layout, work, k)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Go on with other work arrays."""
        for transform in self.transforms:
            transform.rebind(layout, work)

    def select(self, keep: Array) -> None:
        """Go on with some of the networks."""
        for transform in self.transforms:
            transform.select(keep)

    def spread(self, rows: Array, k: int) -> None:
        """Be the optimiser of k networks again, of which only ``rows`` are remembered."""
        for transform in self.transforms:
            transform.spread(rows, k)

    def remember(self, other: Optimizer, rows: slice) -> None:
        """Have the memory of some networks of another optimiser of the same :attr:`program`."""
        self.steps = other.steps
        for transform, its in zip(self.transforms, other.transforms, strict=True):
            transform.remember(its, rows)

    def gather(self, others: Sequence[Optimizer]) -> None:
        """Have the memory of the networks of all others, side by side."""
        self.steps = others[0].steps
        for i, transform in enumerate(self.transforms):
            transform.gather([other.transforms[i] for other in others])

    def reset(self, row: int) -> None:
        """Forget what was remembered of one network."""
        for transform in self.transforms:
            transform.reset(row)

    def share_out(self, threads: int) -> None:
        """Take steps with so many threads, which pays where parameters are millions."""
        if self._pool is not None:
            self._pool.shutdown()
        self._pool = None if threads == 1 else ThreadPoolExecutor(threads)
        self._threads = threads
        # threads take turns at Python: the longer the stretches, the less they wait
        self._pieces = Pieces(1 if threads == 1 else _STRETCH)

    def step(self, theta: Array, grad: Array, lr: Array | float, penalty: Any = None) -> None:
        """Move ``theta`` (K, P); ``grad`` is consumed; ``lr`` is a number or (K, 1).

        The gradient of ``penalty``, a :class:`~skmlp.core.penalties.Penalty` that has begun, is
        added first.
        """
        first = [] if penalty is None else [penalty]
        for elementwise, links in self._runs:
            if elementwise:
                for link in links:
                    link.begin(lr)
                self._walk([*first, *links], theta, grad)
            else:
                self._walk(first, theta, grad)
                for link in links:
                    link(theta, grad, lr)
            first = []
        self.steps += 1
        if self.steps % _FLUSH_EVERY == 0:
            for transform in self.transforms:
                transform.flush()

    def _walk(self, links: Sequence[Any], theta: Array, grad: Array) -> None:
        """Let links visit stretch after stretch."""
        pieces = self._pieces(theta, grad) if links else []
        if self._pool is None:
            _visit(links, pieces)
            return
        shares = [pieces[i :: self._threads] for i in range(self._threads)]
        for done in [self._pool.submit(copy_context().run, _visit, links, s) for s in shares]:
            done.result()

    def __getstate__(self) -> dict[str, Any]:
        """Pickle what was given and what is remembered; how to walk is found again."""
        return {"transforms": self.transforms, "steps": self.steps}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Find the way again."""
        Optimizer.__init__(self, *state["transforms"])
        self.steps = state["steps"]


@final
@dataclass(eq=False)
class Momentum(Elementwise):
    """v ← μ v + step; the step becomes v, or μ v + step where Nesterov looks ahead.

    It stands behind the learning rate, so that a falling rate does not slow what already
    rolls (scikit-learn's and Sutskever's form).

    Parameters
    ----------
    mu : float, default=0.9
        Share of the velocity that is kept.
    nesterov : bool, default=True
        Whether to look ahead.

    References
    ----------
    Sutskever et al. (2013), "On the importance of initialization and momentum in deep
    learning", ICML, section 2.
    """

    mu: Any = 0.9
    nesterov: bool = True
    on_step: ClassVar[bool] = True
    memory: ClassVar[tuple[str, ...]] = ("velocity",)
    per_network: ClassVar[tuple[str, ...]] = ("mu",)
    velocity: Array = field(init=False, repr=False)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take μ as a column."""
        super().rebind(layout, work)
        self.mu_column = work.column(self.mu, 2)

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Let the velocity roll on."""
        v = self.velocity[:, block]
        v *= self.mu_column
        v += grad
        if self.nesterov:
            grad += np.multiply(v, self.mu_column, out=self.work.scratch(v.shape))
        else:
            grad[...] = v


@final
@dataclass(eq=False)
class Adam(Elementwise):
    """m̂ / (√v̂ + ε), with running averages m of the gradient and v of its square.

    Kept as s₁ = m / (1 - β₁) and s₂ = v / (1 - β₂), which saves two products a step.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Shares of the running averages that are kept.
    epsilon : float, default=1e-8
        Added to the root, before the correction of its bias as in the paper's section 2
        and in scikit-learn.

    References
    ----------
    Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR, algorithm 1.
    """

    beta_1: Any = 0.9
    beta_2: Any = 0.999
    epsilon: Any = 1e-8
    memory: ClassVar[tuple[str, ...]] = ("s1", "s2")
    per_network: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")
    s1: Array = field(init=False, repr=False)
    s2: Array = field(init=False, repr=False)
    used: int = field(default=0, init=False, repr=False)
    table: Any = field(default=(), init=False, repr=False)

    def bind(self, layout: Layout, work: Workspace, k: int) -> None:
        """Start with empty averages."""
        self.t = np.zeros((k, 1))  # steps behind the first entry of the table
        super().bind(layout, work, k)

    def select(self, keep: Array) -> None:
        """Keep the averages of some networks."""
        self._settle()
        self.t = self.t[keep]
        super().select(keep)

    def remember(self, other: Adam, rows: slice) -> None:
        """Have the averages of some networks of another."""
        super().remember(other, rows)
        self.t, self.used, self.table = other.t[rows] + other.used, 0, ()

    def gather(self, others: Sequence[Adam]) -> None:
        """Have the averages of the networks of all others."""
        super().gather(others)
        self.t, self.used, self.table = np.concatenate([a.t + a.used for a in others]), 0, ()

    def spread(self, rows: Array, k: int) -> None:
        """Have empty averages for the other networks."""
        self._settle()
        self.t = _spread(self.t, rows, k)
        super().spread(rows, k)

    def reset(self, row: int) -> None:
        """Empty the averages of one network."""
        self._settle()
        self.t[row] = 0
        super().reset(row)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the settings as columns."""
        super().rebind(layout, work)
        self._settle()
        self.b1, self.b2 = work.column(self.beta_1, 2), work.column(self.beta_2, 2)
        exact = Workspace(np.float64, work.rows)
        b1, b2 = exact.column(self.beta_1, 2), exact.column(self.beta_2, 2)
        self.exact = b1, b2, (1 - b1) / (1 - b2) ** 0.5
        eps = exact.column(self.epsilon, 2) / (1 - b2) ** 0.5
        self.eps = eps.astype(work.dtype) if isinstance(eps, np.ndarray) else eps

    def begin(self, lr: Any) -> None:
        """Correct the bias of the averages."""
        self.scale = self._correction()

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Follow the averages."""
        g, s1, s2 = grad, self.s1[:, block], self.s2[:, block]
        s1 *= self.b1
        s1 += g
        g *= g
        s2 *= self.b2
        s2 += g
        np.sqrt(s2, out=g)
        g += self.eps
        np.divide(s1, g, out=g)
        g *= self.scale

    def _correction(self) -> Any:
        """Return the (K, 1) factors that make m̂ / √v̂ of s₁ / √s₂, from a table of some steps."""
        if self.used == len(self.table):
            self._settle()
            b1, b2, factor = self.exact
            t = self.t + np.arange(1, _AHEAD + 1)[:, None, None]  # (steps, K, 1)
            table = (factor * np.sqrt(1 - b2**t) / (1 - b1**t)).astype(self.work.dtype)
            alike = bool((table == table[:, :1]).all())  # then a number will do, which is faster
            self.table = table[:, 0, 0].tolist() if alike else table
        self.used += 1
        return self.table[self.used - 1]

    def _settle(self) -> None:
        """Count the steps taken and drop the table."""
        self.t, self.used, self.table = self.t + self.used, 0, ()


@final
@dataclass(eq=False)
class RMSProp(Elementwise):
    """g / (√v + ε), with a running average v of the squared gradient.

    Parameters
    ----------
    rho : float, default=0.9
        Share of the running average that is kept.
    epsilon : float, default=1e-8
        Added to the root.

    References
    ----------
    Tieleman & Hinton (2012), "Lecture 6.5: rmsprop", Neural Networks for Machine Learning.
    """

    rho: Any = 0.9
    epsilon: Any = 1e-8
    memory: ClassVar[tuple[str, ...]] = ("v",)
    per_network: ClassVar[tuple[str, ...]] = ("rho", "epsilon")
    v: Array = field(init=False, repr=False)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the settings as columns."""
        super().rebind(layout, work)
        self.rho_column = work.column(self.rho, 2)
        self.eps = work.column(self.epsilon, 2)

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Divide by the root of the running mean square."""
        v = self.v[:, block]
        square = np.multiply(grad, grad, out=self.work.scratch(v.shape))
        square *= 1 - self.rho_column
        v *= self.rho_column
        v += square
        np.sqrt(v, out=square)
        square += self.eps
        grad /= square


@final
@dataclass(eq=False)
class RProp(Elementwise):
    """Follow the sign alone: a parameter's step grows while its sign stays, halves when it turns.

    Meant for the full batch: signs of noisy minibatches turn by chance. Steps start at the
    learning rate and stay between 1e-6 and 50 times it.

    Parameters
    ----------
    up, down : float, default=1.2, 0.5
        Factors of the step.

    References
    ----------
    Igel & Hüsken (2003), "Empirical evaluation of the improved Rprop learning algorithms",
    Neurocomputing 50, algorithm iRprop-.
    """

    up: float = 1.2
    down: float = 0.5
    memory: ClassVar[tuple[str, ...]] = ("last", "size")
    last: Array = field(init=False, repr=False)
    size: Array = field(init=False, repr=False)

    def bind(self, layout: Layout, work: Workspace, k: int) -> None:
        """Start with steps of one learning rate."""
        super().bind(layout, work, k)
        self.size += 1

    def spread(self, rows: Array, k: int) -> None:
        """Start the other networks' steps again."""
        super().spread(rows, k)
        self.size[np.setdiff1d(np.arange(k), rows)] = 1

    def reset(self, row: int) -> None:
        """Start one network's steps again."""
        super().reset(row)
        self.size[row] = 1

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Grow, halve, or wait where the sign turned."""
        last, size = self.last[:, block], self.size[:, block]
        agreement = np.sign(grad) * np.sign(last)
        turned = agreement < 0
        size *= np.where(agreement > 0, self.up, np.where(turned, self.down, 1.0))
        np.clip(size, 1e-6, 50.0, out=size)
        grad[turned] = 0
        last[...] = grad
        np.sign(grad, out=grad)
        grad *= size


@final
@dataclass(eq=False)
class ClipNorm(Transform):
    """Shorten a network's gradient to a length of at most ``limit``.

    Parameters
    ----------
    limit : float
        The largest length, in the Euclidean norm over all of a network's parameters.

    References
    ----------
    Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural
    networks", ICML, section 3.2.
    """

    limit: Any
    per_network: ClassVar[tuple[str, ...]] = ("limit",)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the limit as a column."""
        super().rebind(layout, work)
        self.limit_column = work.column(self.limit, 2)

    def __call__(self, theta: Array, grad: Array, lr: Any) -> None:
        """Rescale the rows that are too long."""
        norm = np.sqrt(np.vecdot(grad, grad))[:, None]
        if (norm > self.limit_column).any():
            grad *= self.limit_column / np.maximum(norm, self.limit_column)


@final
@dataclass(eq=False)
class ClipValue(Elementwise):
    """Cut every entry of the gradient to [-limit, limit].

    Parameters
    ----------
    limit : float
        The largest absolute value.
    """

    limit: Any
    per_network: ClassVar[tuple[str, ...]] = ("limit",)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the limit as a column."""
        super().rebind(layout, work)
        self.limit_column = work.column(self.limit, 2)

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Cut."""
        np.clip(grad, -self.limit_column, self.limit_column, out=grad)


@final
@dataclass(eq=False)
class Decay(Elementwise):
    """step ← step + lr · rate · W: weights, not biases, shrink by lr · rate a step.

    It stands behind the learning rate and, placed last, behind momentum too, so it is
    neither divided by the gradient's size nor remembered. Behind Adam this is AdamW.

    Parameters
    ----------
    rate : float
        Decay at a learning rate of 1.
    schedule : Schedule, default=Constant()
        Factor of the rate by the progress of training.

    References
    ----------
    Loshchilov & Hutter (2019), "Decoupled weight decay regularization", ICLR, algorithm 2.
    """

    rate: Any
    schedule: Schedule = field(default_factory=Constant)
    on_step: ClassVar[bool] = True
    per_network: ClassVar[tuple[str, ...]] = ("rate",)

    def rebind(self, layout: Layout, work: Workspace) -> None:
        """Take the rate as a column; find the weights, which stand first."""
        super().rebind(layout, work)
        self.rate_column = work.column(self.rate, 2)
        self.stop = layout.span("weight").stop

    def begin(self, lr: Any) -> None:
        """See how far the rate is along its schedule."""
        self.share = self.rate_column * lr * self.schedule(self.work.progress)

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        """Add a share of the weights."""
        w = theta[:, : max(0, self.stop - block.start)]
        grad[:, : w.shape[1]] += np.multiply(w, self.share, out=self.work.scratch(w.shape))


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


#: First-order solvers by name: how each makes its chain from scikit-learn's parameters.
SOLVERS: dict[str, Callable[..., list[Transform]]] = {
    "gd": lambda **_: [],
    "sgd": lambda *, momentum, nesterovs_momentum, **_: (
        [Momentum(momentum, nesterovs_momentum)] if momentum else []
    ),
    "adam": lambda *, beta_1, beta_2, epsilon, **_: [Adam(beta_1, beta_2, epsilon)],
    "adamw": lambda *, beta_1, beta_2, epsilon, **_: [Adam(beta_1, beta_2, epsilon)],
    "rmsprop": lambda *, epsilon, **_: [RMSProp(epsilon=epsilon)],
    "rprop": lambda **_: [RProp()],
}

#: Solvers that need the gradient of all rows at every step.
FULL_BATCH = frozenset({"gd", "rprop", "lbfgs"})
