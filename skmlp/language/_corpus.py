"""Lines -> codes -> windows -> batches: a corpus is one array of integers."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from skmlp.core.batches import Batch, Batches
from skmlp.language._text import Cutter

#: The codes of the end of line and of an unknown token, while a vocabulary is being learnt.
_END, _UNKNOWN = 0, 1


def encode(lines: Iterable[str], cutter: Cutter, code: dict[str, int]) -> Any:
    """Return the codes (n,) of all tokens of lines, an end after each line."""
    unknown = code[cutter.unknown]
    return _codes(lines, cutter, lambda token: code.get(token, unknown), code[cutter.end])


def discover(lines: Iterable[str], cutter: Cutter) -> tuple[Any, list[str]]:
    """Return the codes (n,) of all tokens of lines, and the tokens by code, as they came."""
    code = {cutter.end: _END, cutter.unknown: _UNKNOWN}
    codes = _codes(lines, cutter, lambda token: code.setdefault(token, len(code)), _END)
    return codes, list(code)


def _codes(lines: Iterable[str], cutter: Cutter, code_of: Callable[[str], int], end: int) -> Any:
    found = array("i")
    for line in lines:
        found.extend(map(code_of, cutter.cut(line)))
        found.append(end)
    if not found:
        raise ValueError("Got texts without a line, but expected at least one.")
    return np.array(found, dtype=np.int32)


def frequent(codes: Any, tokens: Sequence[str], min_count: int, size: int | None) -> list[str]:
    """Return the tokens that are frequent in codes (n,), the most frequent first.

    The end and the unknown token are always among them; the latter stands where it belongs with
    the count of all that were left out.
    """
    counts = np.bincount(codes, minlength=len(tokens))
    order = np.argsort(-counts, kind="stable")
    order = order[(order > _UNKNOWN) & (counts[order] >= min_count)]
    if size is not None:
        order = order[: max(0, size - 2)]
    counts[_UNKNOWN] += counts[_UNKNOWN + 1 :].sum() - counts[order].sum()
    kept = np.concatenate([[_END, _UNKNOWN], order])
    return [tokens[i] for i in kept[np.argsort(-counts[kept], kind="stable")]]


def translate(codes: Any, tokens: Sequence[str], cutter: Cutter, code: dict[str, int]) -> Any:
    """Return codes (n,) that were of ``tokens`` as those of another vocabulary."""
    unknown = code[cutter.unknown]
    return np.array([code.get(token, unknown) for token in tokens], dtype=np.int32)[codes]


def tail(codes: Any, fraction: float) -> int:
    """Return where the last lines begin that have about this share of the codes discovered."""
    ends = np.flatnonzero(codes == _END) + 1
    start = ends[np.searchsorted(ends, (1 - fraction) * len(codes))]
    if start == len(codes):
        start = ends[-2] if len(ends) > 1 else 0
    if start == 0:
        raise ValueError(
            "early_stopping=True holds out the last lines, but there is one line only. Pass more "
            "lines, texts_val, or early_stopping=False."
        )
    return int(start)


class Windows:
    """Every token of a corpus, with the c tokens before it, formed on request.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Of tokens, line after line.
    end, none : int
        The code at the end of a line, and the one that stands where there is no token.
    c : int
        Length of a context.
    across_lines : bool
        Whether a context reaches back beyond the start of its line.

    Examples
    --------
    >>> windows = Windows(np.array([5, 6, 0, 7, 0], np.int32), 0, 9, 2, across_lines=False)
    >>> windows.contexts(np.array([0, 2, 4])).tolist(), windows.targets(np.array([0, 2])).tolist()
    ([[9, 9], [5, 6], [9, 7]], [[5], [0]])
    """

    def __init__(self, codes: Any, end: int, none: int, c: int, across_lines: bool) -> None:
        # where each token stands, once each line, or the first, has c times "none" before it
        self.places = np.arange(c, c + len(codes), dtype=np.intp)
        if not across_lines:
            self.places[1:] += c * np.cumsum(codes[:-1] == end)
        self.stream = np.full(self.places[-1] + 1, none, dtype=np.int32)
        self.stream[self.places] = codes
        self.back = np.arange(-c, 0)

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.places)

    def contexts(self, which: Any) -> Any:
        """Return the codes (..., c) before tokens ``which`` (...)."""
        return self.stream[self.places[which][..., None] + self.back]

    def targets(self, which: Any) -> Any:
        """Return the codes (..., 1) of tokens ``which`` (...)."""
        return self.stream[self.places[which]][..., None]


class WindowBatches(Batches):
    """Batches of windows, which each network shuffles with its own stream.

    Parameters
    ----------
    windows : Windows
        All that is seen in an epoch.
    size : int
        Windows of a batch; the last one takes what is left.
    rngs : sequence of Generator
        One for each network.
    sampled : bool
        Whether inputs have the targets as their last column, all of class 0, which is how an
        output that draws its columns needs them.

    Attributes
    ----------
    over : bool
        Set to True to end the epoch after the present batch.
    """

    def __init__(self, windows: Windows, size: int, rngs: Sequence[Any], sampled: bool) -> None:
        self.windows, self.rngs, self.sampled = windows, list(rngs), sampled
        self.n_rows = len(windows)
        self.size = min(size, self.n_rows)
        self.n_batches = -(-self.n_rows // self.size)
        self.over = False

    def select(self, keep: Any) -> None:
        """Keep the streams of some networks."""
        self.rngs = [rng for rng, kept in zip(self.rngs, keep, strict=True) if kept]

    def __iter__(self) -> Iterator[Batch]:
        """Shuffle, then cut."""
        order = np.stack([rng.permutation(self.n_rows) for rng in self.rngs])  # (K, n)
        for start in range(0, self.n_rows, self.size):
            if self.over:
                return
            which = order[:, start : start + self.size]
            X, y = self.windows.contexts(which), self.windows.targets(which)
            if self.sampled:
                X, y = np.concatenate([X, y], axis=2), np.zeros_like(y)
            yield Batch(X, y, None)
