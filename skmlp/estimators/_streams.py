"""Streams of random numbers, begun and looked ahead in at little cost."""

from __future__ import annotations

from functools import lru_cache
from numbers import Integral
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from sklearn.utils import check_random_state


class _NoSeed(ISeedSequence):
    """Stands where a generator asks for a first seed, which another replaces at once."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """Return zeros, in a list: they are read one by one, an array's for twice as long."""
        return [0] * n_words


def stream(random_state: Any) -> Any:
    """Return what `check_random_state` does.

    ``RandomState(seed)`` first gathers entropy, which it then drops, for longer than a small
    network takes to be drawn.
    """
    if not isinstance(random_state, Integral):
        return check_random_state(random_state)
    rng = np.random.RandomState(np.random.MT19937(_NoSeed()))
    rng.seed(random_state)
    return rng


def standing(rng: Any) -> tuple[Any, ...]:
    """Return what two streams have in common that will draw the same."""
    _, words, *rest = rng.get_state()
    return words.tobytes(), *rest


def next_numbers(rng: Any, size: int) -> Any:
    """Return what a stream would draw next, and leave it as it is."""
    state = rng.get_state()
    numbers = rng.randint(2**31, size=size)
    rng.set_state(state)
    return numbers


@lru_cache(maxsize=4096)
def first_numbers(seed: int, size: int) -> Any:
    """Return what a new stream would draw; drawn once only, since a search fits many estimators."""
    return stream(seed).randint(2**31, size=size)
