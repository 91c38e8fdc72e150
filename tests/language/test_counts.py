"""Kneser-Ney: probabilities sum to one, are the textbook's, and fall back on shorter contexts."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmlp.language._counts import KneserNey, _discounts

V = 4
TEXT = np.random.default_rng(0).integers(0, V - 1, size=200) % (V - 1)  # the last token never comes


def windows(codes, order):
    """Contexts and targets, with none (V) before the first token."""
    padded = np.concatenate([np.full(order - 1, V), codes])
    contexts = np.lib.stride_tricks.sliding_window_view(padded, order)[:, : order - 1]
    return contexts, codes


def textbook(codes, order, context, token):
    """One probability, by the recursion that the definition is, from counts in dictionaries."""
    contexts, targets = windows(codes, order)
    raw = Counter((*map(int, c), int(t)) for c, t in zip(contexts, targets, strict=True))
    levels = {order: raw}
    for m in range(order - 1, 0, -1):
        levels[m] = Counter(gram[1:] for gram in levels[m + 1])

    def p(context, token):
        m = len(context) + 1
        discount = _discounts(np.array(list(levels[m].values())))
        after = {gram[-1]: n for gram, n in levels[m].items() if gram[:-1] == context}
        lower = p(context[1:], token) if m > 1 else 1 / V
        if not after:
            return lower
        total = sum(after.values())
        rest = sum(discount[min(n, 3)] for n in after.values()) / total
        n = after.get(token, 0)
        return (n - discount[min(n, 3)]) / total + rest * lower

    return p(tuple(map(int, context)), token)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_are_the_textbooks(order):
    model = KneserNey(*windows(TEXT, order), V)
    # seen and unseen contexts, and the start of the text
    asked = np.vstack(
        [windows(TEXT, order)[0][:6], np.random.default_rng(1).integers(0, V, (30, order - 1))]
    )
    p = model.predict_proba(asked)
    assert_allclose(p.sum(axis=1), 1)
    assert (p > 0).all()
    for row, context in zip(p, asked, strict=True):
        assert_allclose(row, [textbook(TEXT, order, context, token) for token in range(V)])
    for token in range(V):
        assert_allclose(model.probability(asked, np.full(len(asked), token)), p[:, token])


def test_longer_contexts_tell_more_where_they_matter():
    period = np.tile([0, 1, 0, 2], 50)
    losses = [
        -np.log(KneserNey(*windows(period, order), V).probability(*windows(period, order))).mean()
        for order in (1, 2, 3)
    ]
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] < 0.1


@pytest.mark.parametrize("codes", [[0], [0, 0, 0], [0, 1, 2, 3], list(range(4)) * 3])
def test_the_smallest_texts_have_probabilities(codes):
    model = KneserNey(*windows(np.array(codes), 3), V)
    p = model.predict_proba(np.array([[V, V], [0, 1], [V, 0]]))
    assert_allclose(p.sum(axis=1), 1)
    assert (p > 0).all()


def test_discounts_are_chen_and_goodmans():
    counts = np.repeat([1, 2, 3, 4, 9], [40, 20, 10, 5, 3])
    y = 40 / (40 + 2 * 20)
    assert_allclose(
        _discounts(counts), [0, 1 - 2 * y * 20 / 40, 2 - 3 * y * 10 / 20, 3 - 4 * y * 5 / 10]
    )
