"""Texts -> lines -> tokens, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

#: The token at the end of every line, for each level.
END = {"word": "</s>", "char": "\n"}
#: The token that stands for all that are not in the vocabulary.
UNKNOWN = {"word": "<unk>", "char": "\N{REPLACEMENT CHARACTER}"}


def lines_of(texts: Any) -> Iterator[str]:
    r"""Yield line after line of texts.

    Parameters
    ----------
    texts : iterable of str, open text file, or path
        A text may have several lines.

    Examples
    --------
    >>> list(lines_of(["one\ntwo\n", "three"]))
    ['one', 'two', 'three']
    """
    if isinstance(texts, str | os.PathLike):
        if not os.path.isfile(texts):
            shown = str(texts)
            raise ValueError(
                f"Got texts={shown[:60] + '...' * (len(shown) > 60)!r}, which names no file. Pass "
                "[text] for a text, or a list of texts."
            )
        with open(texts, encoding="utf-8") as file:
            yield from lines_of(file)
        return
    if not isinstance(texts, Iterable):
        raise TypeError(
            f"Got texts of type {type(texts).__name__}, but expected an iterable of str, an open "
            "text file, or the path of one."
        )
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(
                f"Got a text of type {type(text).__name__}, but expected str. Decode bytes, and "
                "join the words of a text that is already cut."
            )
        yield from text.removesuffix("\n").split("\n")


class Cutter:
    """Cut a line into tokens, and join tokens to a text.

    Parameters
    ----------
    level : {"word", "char"}
        What a token is.
    tokenizer : callable or None
        Takes a line, returns its words; None to cut at whitespace. Not for characters.
    """

    def __init__(self, level: str, tokenizer: Callable[[str], Iterable[str]] | None) -> None:
        self.end, self.unknown = END[level], UNKNOWN[level]
        self.between = " " if level == "word" else ""
        self.tokenizer = tokenizer

    def cut(self, line: str) -> Iterable[str]:
        """Return the tokens of a line."""
        if self.tokenizer is not None:
            return self.tokenizer(line)
        return line.split() if self.between else list(line)

    def context(self, text: str, across_lines: bool) -> list[str]:
        """Return the tokens of a text that goes on: the last line, or all with their ends."""
        *before, last = text.split("\n")
        tokens = list(self.cut(last))
        if across_lines and before:
            tokens = [t for line in before for t in (*self.cut(line), self.end)] + tokens
        return tokens

    def join(self, tokens: Iterable[str]) -> str:
        """Return the text of tokens, an end of line as a line break."""
        lines: list[list[str]] = [[]]
        for token in tokens:
            if token == self.end:
                lines.append([])
            else:
                lines[-1].append(token)
        return "\n".join(map(self.between.join, lines))

    def glue(self, prompt: str, more: str) -> str:
        """Return a text and what follows it as one text."""
        apart = prompt and more and not (prompt[-1].isspace() or more[0].isspace())
        return prompt + (self.between if apart else "") + more
