"""Write numbers, sums and matrices in LaTeX, with dots for the middle of long ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_SPECIAL = str.maketrans({c: "\\" + c for c in "#$%&_{}"} | {"~": r"\sim ", "^": r"\^{}"})


@dataclass(frozen=True)
class Layer:
    """A layer h = f(W x + b), and how it is written.

    Parameters
    ----------
    w, b : ndarray of shape (n_out, n_in) and (n_out,)
        Weights and biases, as they act on columns.
    x, h : str
        What input and output are called.
    letters : tuple of str
        What weights and biases are called.
    function : str
        The function f, in LaTeX; empty for none.
    """

    w: Any
    b: Any
    x: str
    h: str
    letters: tuple[str, str]
    function: str


@dataclass(frozen=True)
class Writer:
    """What writes layers.

    Parameters
    ----------
    symbols : bool
        Whether weights are letters.
    precision : int
        Significant digits of numbers.
    most : int
        Number of terms, rows or columns above which the middle is left out.
    """

    symbols: bool
    precision: int
    most: int

    def number(self, value: float) -> str:
        r"""Write a number.

        Examples
        --------
        >>> Writer(False, 3, 6).number(-1.2345e-7)
        '-1.23 \\cdot 10^{-7}'
        """
        mantissa, _, power = f"{value:.{self.precision}g}".partition("e")
        return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else mantissa

    def shown(self, n: int) -> list[int | None]:
        """Return the positions 0 to n - 1, or the first and the last of them around None."""
        if n <= self.most:
            return list(range(n))
        return [*range(self.most - 2), None, n - 1]

    def lines(self, n: int, line: Callable[[int], str]) -> list[str]:
        """Write a line for each of n positions."""
        return [r"&\;\;\vdots" if i is None else line(i) for i in self.shown(n)]

    def scalar(self, layer: Layer) -> list[str]:
        """Write an equation for each unit."""
        n_out, n_in = layer.w.shape

        def unit(i: int) -> str:
            terms = []
            for j in self.shown(n_in):
                if j is None:
                    terms.append(r"+ \dots")
                    continue
                sign, weight = self._weight(layer, i, j)
                space = " " if self.symbols else r" \, "
                terms.append(f"{sign} {weight}{space}{variable(layer.x, j, n_in)}")
            total = _alone(*" ".join([*terms, *self._bias(layer, i)]).split(" ", 1))
            return f"{variable(layer.h, i, n_out)} &= {_bent(layer, total)}"

        return self.lines(n_out, unit)

    def matrix(self, layer: Layer) -> list[str]:
        """Write one equation for all units."""
        n_out, n_in = layer.w.shape
        units = self.shown(n_out)
        weights = [[self._cell(layer, i, j) for j in self.shown(n_in)] for i in units]
        x, h = self._column(layer.x, n_in), self._column(layer.h, n_out)
        if n_out == 1:
            bias = " ".join(self._bias(layer, 0))
        else:
            biases = [r"\vdots" if i is None else _alone(*self._bias(layer, i)) for i in units]
            bias = "+ " + _pmatrix([[one] for one in biases])
        total = f"{_pmatrix(weights)} {x} {bias}"
        return [f"{h} &= {_bent(layer, total)}"]

    def _weight(self, layer: Layer, i: int, j: int) -> tuple[str, str]:
        """Return sign and size of a weight; those of a single output have one index."""
        if self.symbols:
            at = index(j) if len(layer.w) == 1 else index(i, j)
            return "+", f"{layer.letters[0]}_{at}"
        value = layer.w[i, j]
        return "-" if value < 0 else "+", self.number(abs(value))

    def _bias(self, layer: Layer, i: int) -> tuple[str, str]:
        """Return sign and size of a bias."""
        if self.symbols:
            return "+", variable(layer.letters[1], i, len(layer.b))
        return "-" if layer.b[i] < 0 else "+", self.number(abs(layer.b[i]))

    def _cell(self, layer: Layer, i: int | None, j: int | None) -> str:
        if i is None:
            return r"\ddots" if j is None else r"\vdots"
        return r"\cdots" if j is None else _alone(*self._weight(layer, i, j))

    def _column(self, letter: str, n: int) -> str:
        names = [r"\vdots" if i is None else variable(letter, i, n) for i in self.shown(n)]
        return _pmatrix([[name] for name in names])


def index(*positions: int) -> str:
    """Write positions, counted from 0, as indices, counted from 1.

    Examples
    --------
    >>> index(0, 1), index(0, 11)
    ('{12}', '{1,12}')
    """
    numbers = [str(i + 1) for i in positions]
    comma = "," if any(len(number) > 1 for number in numbers) else ""
    return "{" + comma.join(numbers) + "}"


def variable(letter: str, i: int, n: int) -> str:
    """Write one of n inputs, units or outputs; one alone has no index, but for inputs x."""
    return letter if n == 1 and letter != "x" else f"{letter}_{index(i)}"


def text(words: Any) -> str:
    r"""Write words.

    Examples
    --------
    >>> text("pack_years")
    '\\text{pack\\_years}'
    """
    return rf"\text{{{str(words).translate(_SPECIAL)}}}"


def _alone(sign: str, rest: str) -> str:
    """Write what begins with a sign where nothing stands before it."""
    return rest if sign == "+" else f"-{rest}"


def _bent(layer: Layer, total: str) -> str:
    return rf"{layer.function}\left( {total} \right)" if layer.function else total


def _pmatrix(rows: Sequence[Sequence[str]]) -> str:
    """Write a matrix; of one cell, that cell."""
    if len(rows) == len(rows[0]) == 1:
        return rows[0][0]
    body = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"
