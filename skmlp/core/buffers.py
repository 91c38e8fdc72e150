"""Lay named slots end to end in a row; hand out reusable work arrays."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from operator import is_not
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Rows of parameters are visited in blocks of this many bytes, which stay in a core's L2 cache.
BLOCK_BYTES = 1 << 18


@dataclass(eq=False)
class Slot:
    """A named stretch of a row, seen as an array of ``shape``."""

    name: str
    role: str
    start: int
    stop: int
    shape: tuple[int, ...]

    @property
    def fan_in(self) -> int:
        """Number of inputs of a weight, the shape of which ends in (n_in, n_out)."""
        return self.shape[-2:][0]

    def view(self, rows: Array) -> Array:
        """Return this slot of every row, (K, P) -> (K, ...), sharing memory."""
        return rows[:, self.start : self.stop].reshape(len(rows), *self.shape)


class Layout:
    """Slots laid end to end in one row, those of one role side by side.

    Slots stand in the order in which they were added until :meth:`arrange` sorts them by
    role, weights first: what acts on weights alone then acts on one stretch.

    Examples
    --------
    >>> layout = Layout()
    >>> b = layout.add("b", (3,), "bias")
    >>> w = layout.add("W", (2, 3), "weight")
    >>> layout.arrange()
    >>> layout.size, layout.span("weight"), layout.span("bias")
    (9, slice(0, 6, None), slice(6, 9, None))
    >>> w.view(np.zeros((1, layout.size))).shape
    (1, 2, 3)
    >>> layout.vector({"weight": 1.0}, default=0.0)
    array([1., 1., 1., 1., 1., 1., 0., 0., 0.])
    """

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.size = 0

    def add(self, name: str, shape: tuple[int, ...], role: str) -> Slot:
        """Append a slot; ``role`` is "weight", "bias", "scale", ..."""
        slot = Slot(name, role, self.size, self.size + prod(shape), shape)
        self.slots.append(slot)
        self.size = slot.stop
        return slot

    def arrange(self) -> None:
        """Sort the slots by role, weights first; each keeps its place among its like."""
        roles = ["weight", *dict.fromkeys(slot.role for slot in self.slots)]
        self.slots.sort(key=lambda slot: roles.index(slot.role))
        start = 0
        for slot in self.slots:
            slot.start, slot.stop = start, start + prod(slot.shape)
            start = slot.stop

    def span(self, role: str) -> slice:
        """Return the stretch of an arranged row that holds ``role``."""
        slots = [slot for slot in self.slots if slot.role == role]
        return slice(slots[0].start, slots[-1].stop) if slots else slice(0, 0)

    def vector(self, by_role: Mapping[str, float], default: float = 1.0) -> Array:
        """Return a (P,) row with one number per parameter, chosen by its slot's role."""
        row = np.empty(self.size)
        for slot in self.slots:
            row[slot.start : slot.stop] = by_role.get(slot.role, default)
        return row


def block_width(k: int, itemsize: int, times: int = 1) -> int:
    """Return how many columns of k rows fit the cache, or so many times that."""
    return max(1, times * BLOCK_BYTES // (k * itemsize))


def blocks(rows: Array, times: int = 1) -> Iterator[slice]:
    """Cut the columns of ``rows`` (K, P) into stretches that fit the cache, or so many times it."""
    k, p = rows.shape
    width = block_width(k, rows.itemsize, times)
    for start in range(0, p, width):
        yield slice(start, min(start + width, p))


class Pieces:
    """Views of the same stretches of several arrays (K, P), cut once and used at every step.

    Parameters
    ----------
    times : int, default=1
        How many times the usual length a stretch has.
    """

    def __init__(self, times: int = 1) -> None:
        self.times = times
        self._of: tuple[Array, ...] = ()
        self._views: list[tuple[Any, ...]] = []

    def __call__(self, *arrays: Array) -> list[tuple[Any, ...]]:
        """Return (columns, view of each array) for each stretch."""
        if len(arrays) != len(self._of) or any(map(is_not, arrays, self._of)):
            self._of = arrays
            cuts = blocks(arrays[0], self.times)
            self._views = [(block, *(a[:, block] for a in arrays)) for block in cuts]
        return self._views

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle no view: it would be cut loose from its array."""
        return Pieces, (self.times,)


class Workspace:
    """Work arrays that are allocated once for each (owner, name, shape), then reused.

    What :meth:`array` returns is borrowed: the next call with the same arguments
    returns the same memory. The owner is the layer itself, never its ``id()``, which a
    later object could inherit.

    Parameters
    ----------
    dtype : dtype
        Of all arrays.
    rows : sequence of int
        Which of the original networks are still in the stack, for settings that differ
        from network to network.
    rngs : sequence of Generator
        One stream for each network in the stack, for what is drawn at every step; each of 64 raw
        bits, as all of NumPy's are but for MT19937.
    xp : module
        NumPy, or an array module with its interface.

    Attributes
    ----------
    progress : float
        How far the training is, from 0 to 1, for settings that change on the way.
    n_rows : ndarray of shape (K, 1) or None
        How many rows of the batch count for each network, where that differs; the others, behind
        them, have no weight.
    """

    def __init__(
        self,
        dtype: Any,
        rows: Sequence[int] | Array = (0,),
        rngs: Sequence[np.random.Generator] = (),
        xp: Any = np,
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.rows = rows
        self.rngs = rngs
        self.xp = xp
        self.progress = 0.0
        self.n_rows: Array | None = None
        self._arrays: dict[tuple[Any, ...], Array] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle no work array, and no module; whoever goes on training brings a new one."""
        return Workspace, (self.dtype, self.rows)

    def array(self, owner: object, name: str, shape: tuple[int, ...]) -> Array:
        """Return an uninitialised array, the same one at every call."""
        key = (owner, name, shape)
        found = self._arrays.get(key)
        if found is None:
            found = self._arrays[key] = self.xp.empty(shape, dtype=self.dtype)
        return found

    def scratch(self, shape: tuple[int, ...]) -> Array:
        """Return an uninitialised array for the next few lines; every thread has its own."""
        return self.array(threading.get_ident(), "scratch", shape)

    def ones(self, n: int) -> Array:
        """Return a (1, 1, n) row of ones: a product with it sums over rows, faster than ``sum``."""
        found = self._arrays.get(("ones", n))
        if found is None:
            found = self._arrays["ones", n] = self.xp.ones((1, 1, n), dtype=self.dtype)
        return found

    def column(self, setting: Any, ndim: int) -> Any:
        """Return one number, or one for each original network as an array (K, 1, ...)."""
        numbers = self.xp.asarray(setting, dtype=self.dtype).reshape(-1)
        if len(numbers) == 1:
            return float(numbers[0])  # products with a number are faster than with a (1, 1) array
        return numbers[list(self.rows)].reshape(-1, *[1] * (ndim - 1))

    @property
    def is_used(self) -> bool:
        """Whether any array was asked for."""
        return bool(self._arrays)

    def clear(self) -> None:
        """Forget all arrays."""
        self._arrays.clear()
