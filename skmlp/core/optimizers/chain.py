"""The step: a chain of transforms, the learning rate, the move."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from copy import copy
from itertools import groupby
from typing import Any, final

from skmlp.core.buffers import Array, Layout, Pieces, Workspace
from skmlp.core.optimizers.base import Elementwise, Transform
from skmlp.core.stacking import program, together

#: Memories are freed of subnormal numbers every so many steps.
_FLUSH_EVERY = 256
#: Threads work on stretches that are so many times as long as those of one.
_STRETCH = 4


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
    >>> import numpy as np
    >>> theta = np.array([[1.0]])
    >>> Optimizer().step(theta, grad=np.array([[4.0]]), lr=0.1)
    >>> theta
    array([[0.6]])
    """

    def __init__(self, *transforms: Transform) -> None:
        self.transforms = transforms
        self.steps = 0
        on_direction = [t for t in transforms if not t.on_step]
        chain = [*on_direction, _Rate(on_direction), *(t for t in transforms if t.on_step), _Move()]
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

    def of(self, chosen: Array, layout: Layout, work: Workspace) -> Optimizer:
        """Return an optimiser that remembers what this one does of some networks."""
        other = Optimizer(*map(copy, self.transforms))
        other.steps = self.steps
        other.select(chosen)
        other.rebind(layout, work)
        return other

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
class _Rate(Elementwise):
    """Direction -> step: times the learning rate, and what the link before leaves to it."""

    def __init__(self, before: Sequence[Transform]) -> None:
        links = [link for link in before if isinstance(link, Elementwise)]
        self.last = links[-1] if links and links[-1] is before[-1] else None
        for link in links:
            link.leaves_scale = link is self.last

    def begin(self, lr: Any) -> None:
        self.lr = lr if self.last is None else lr * self.last.scale

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        grad *= self.lr


@final
class _Move(Elementwise):
    """θ ← θ - step."""

    def visit(self, block: slice, theta: Array, grad: Array) -> None:
        theta -= grad


def _visit(links: Sequence[Any], pieces: Sequence[Any]) -> None:
    for block, theta, grad in pieces:
        for link in links:
            link.visit(block, theta, grad)
