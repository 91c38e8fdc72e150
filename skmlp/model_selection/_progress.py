"""A bar for many fits."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

_WIDTH = 30


class Progress:
    """Shows how many of the fits are done, and the time left.

    Where the output is no terminal, a line is printed after each unit instead of a bar.

    Parameters
    ----------
    sizes : sequence of int
        Fits of each unit, in the order in which they are given out.
    verbose : int
        0 for silence.
    """

    def __init__(self, sizes: Sequence[int], verbose: int) -> None:
        self.sizes, self.verbose = sizes, verbose
        self.total, self.done, self.shown = sum(sizes), 0, 0
        self.draws = sys.stdout.isatty()
        self.started = time.perf_counter()

    def units_done(self, n_units: int) -> None:
        """Count all fits of so many units as done."""
        self.done = sum(self.sizes[:n_units])
        self._show(self.done)

    def within(self, share: float) -> None:
        """Count a share of the next unit's fits as done, without a line of its own."""
        if self.draws:
            n_units = next(
                (i for i in range(len(self.sizes)) if sum(self.sizes[:i]) == self.done), 0
            )
            self._show(self.done + int(share * self.sizes[n_units]))

    def _show(self, done: int) -> None:
        if not self.verbose or not done or done == self.shown:
            return
        self.shown = done
        left = (time.perf_counter() - self.started) * (self.total / done - 1)
        words = f"{done} of {self.total} fits, {left:.0f} s left"
        if self.draws:
            n = _WIDTH * done // self.total
            print(f"\r[{'#' * n}{'.' * (_WIDTH - n)}] {words}", end="   ", flush=True)
        else:
            print(words)

    def close(self) -> None:
        """End the line of the bar."""
        if self.draws and self.verbose and self.done:
            print()
