"""Probabilities from counts: interpolated Kneser-Ney smoothing of n-grams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(eq=False)
class _Level:
    """What was seen after contexts of one length, in numbers of contexts and tokens.

    A context is known by the number of the one that is shorter by its first token, and by that
    token; the empty one is number 0.
    """

    #: Contexts, as number of the shorter one times (V + 1) plus token, rising.
    contexts: Any
    #: N-grams, as number of the context times V plus token, rising.
    grams: Any
    #: What each n-gram's probability is before a share of the shorter context's is added.
    own: Any
    #: That share, for each context.
    rest: Any
    #: Where each context's n-grams start, and the last ones end.
    starts: Any


class KneserNey:
    """The probability of a token by how often it followed the last few ones.

    It is the discounted share of the token among all that followed the context, and for the rest
    the probability after the context without its first token, where a token counts once for each
    longer context it was seen in. There are three discounts for each length, for n-grams seen
    once, twice, and more often, found from how many there are of each.

    Parameters
    ----------
    contexts : ndarray of shape (n, order - 1)
        Codes of the tokens before each token, from 0 to ``n_tokens``, which stands for none.
    targets : ndarray of shape (n,)
        Codes of the tokens.
    n_tokens : int
        Size V of the vocabulary.

    References
    ----------
    Kneser & Ney (1995), "Improved backing-off for m-gram language modeling", ICASSP; Chen &
    Goodman (1999), "An empirical study of smoothing techniques for language modeling", Computer
    Speech & Language 13, section 3.

    Examples
    --------
    >>> text = np.array([0, 1, 0, 1, 0, 2])
    >>> counts = KneserNey(text[:-1, None], text[1:], n_tokens=3)
    >>> counts.predict_proba(np.array([[0]])).round(2)
    array([[0.04, 0.64, 0.31]])
    """

    def __init__(self, contexts: Any, targets: Any, n_tokens: int) -> None:
        self.n_tokens = n_tokens
        node, keys = np.zeros(len(targets), dtype=np.int64), [np.zeros(1, dtype=np.int64)]
        for column in contexts.T[::-1]:
            known, node = np.unique(node * (n_tokens + 1) + column, return_inverse=True)
            keys.append(known)
        grams, counts = np.unique(node * n_tokens + targets, return_counts=True)
        self.levels: list[_Level] = []
        for known in keys[::-1]:
            context, token = np.divmod(grams, n_tokens)
            discounted = counts - _discounts(counts)[np.minimum(counts, 3)]
            totals = np.bincount(context, counts, minlength=len(known))
            own = discounted / totals[context]
            rest = 1 - np.bincount(context, own, minlength=len(known))
            starts = np.searchsorted(context, np.arange(len(known) + 1))
            self.levels.insert(0, _Level(known, grams, own, rest, starts))
            shorter = known[context] // (n_tokens + 1)
            grams, counts = np.unique(shorter * n_tokens + token, return_counts=True)

    def _nodes(self, contexts: Any) -> Any:
        """Yield each level with the numbers (n,) of the contexts in it, -1 for unknown ones."""
        node = np.zeros(len(contexts), dtype=np.int64)
        yield self.levels[0], node
        for level, column in zip(self.levels[1:], contexts.T[::-1], strict=False):
            key = np.where(node < 0, -1, node * (self.n_tokens + 1) + column)
            node = _find(level.contexts, key)
            yield level, node

    def probability(self, contexts: Any, targets: Any) -> Any:
        """Return the probability (n,) of each target after its context (n, order - 1)."""
        p = np.full(len(targets), 1 / self.n_tokens)
        for level, node in self._nodes(contexts):
            gram = _find(level.grams, np.where(node < 0, -1, node * self.n_tokens + targets))
            own = np.where(gram < 0, 0, level.own[gram])
            p = np.where(node < 0, p, own + level.rest[node] * p)
        return p

    def predict_proba(self, contexts: Any) -> Any:
        """Return the probability (n, V) of every token after each context (n, order - 1)."""
        p = np.full((len(contexts), self.n_tokens), 1 / self.n_tokens)
        for level, node in self._nodes(contexts):
            for row, i in enumerate(node):
                if i >= 0:
                    seen = slice(*level.starts[i : i + 2])
                    p[row] *= level.rest[i]
                    p[row, level.grams[seen] % self.n_tokens] += level.own[seen]
        return p


def _find(known: Any, keys: Any) -> Any:
    """Return where each key stands among those known, which rise; -1 where it does not."""
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[at] == keys, at, -1)


def _discounts(counts: Any) -> Any:
    """Return what is taken from counts of 0, 1, 2, and 3 or more (Chen & Goodman, equation 26).

    Where some of the numbers that they hang on are zero, as in small texts, one is taken of all.
    """
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].tolist()
    y = n1 / max(1, n1 + 2 * n2)
    if n1 and n2 and n3 and n4:
        found = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
        if (found[1:] > 0).all():
            return found
    return np.array([0, 1, 1, 1]) * np.clip(y, 0.1, 0.9)
