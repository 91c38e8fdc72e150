"""Make one part of a stack, a layer or a link of an optimiser, of those of several networks."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

import numpy as np


def program(part: Any) -> Hashable:
    """Return what parts have in common that can go into one stack.

    It is all of their settings but those that a class names in ``per_network``: of these every
    network may have its own.

    Examples
    --------
    >>> from skmlp.core.optimizers import Momentum
    >>> program(Momentum(0.5)) == program(Momentum(0.9))
    True
    >>> program(Momentum(0.9)) == program(Momentum(0.9, nesterov=False))
    False
    """
    if is_dataclass(part):
        return type(part), *((name, program(value)) for name, value in _shared(part).items())
    if isinstance(part, list | tuple):
        return tuple(map(program, part))
    if isinstance(part, np.ndarray):
        return part.shape, part.dtype.str, part.tobytes()
    return repr(part)


def together(parts: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Return a part for a stack of several stacks' networks, not yet built or bound.

    Parameters
    ----------
    parts : sequence
        Parts of one :func:`program`.
    sizes : sequence of int
        How many networks each of them serves.

    Examples
    --------
    >>> from skmlp.core.optimizers import Momentum
    >>> together([Momentum(0.5), Momentum(0.9)], [1, 2]).mu
    [0.5, 0.9, 0.9]
    """
    first = parts[0]
    if is_dataclass(first):
        changed = {
            name: together([getattr(part, name) for part in parts], sizes)
            for name in _shared(first)
        }
        for name in getattr(first, "per_network", ()):
            changed[name] = _of_each([getattr(part, name) for part in parts], sizes)
        return replace(first, **changed)  # type: ignore[type-var]  # an instance, not a class
    if isinstance(first, list | tuple):
        return type(first)(together(each, sizes) for each in zip(*parts, strict=True))
    return first


def _shared(part: Any) -> dict[str, Any]:
    return {name: getattr(part, name) for name in _names(type(part))}  # type: ignore[arg-type]  # a class is hashable


@cache
def _names(kind: Any) -> list[str]:
    """Return the names of the settings that all networks of a stack have in common."""
    own = getattr(kind, "per_network", ())
    return [field.name for field in fields(kind) if field.init and field.name not in own]


def _of_each(values: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Return one number where all have the same, or one for each network."""
    if len(values) == 1 or all(value is None for value in values):
        return values[0]
    columns = [np.broadcast_to(value, size) for value, size in zip(values, sizes, strict=True)]
    numbers = np.concatenate(columns).tolist()
    return numbers[0] if len(set(numbers)) == 1 else numbers
