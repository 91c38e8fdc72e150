"""Few combinations of many parameters, in which each value of one meets each of another."""

from itertools import combinations, product


def every_pair(*parameters):
    """Return combinations with every pair of values of two parameters, for ``parametrize``.

    What goes wrong hangs on one value or on two that meet, hardly ever on three. Of 5 x 4 x 6
    combinations 30 are enough for that. They are chosen one after the other, each for the number
    of pairs that it brings.
    """
    rows = list(product(*(range(len(values)) for values in parameters)))
    pairs = {row: set(combinations(enumerate(row), 2)) for row in rows}
    missing, chosen = set().union(*pairs.values()), []
    while missing:
        chosen.append(max(rows, key=lambda row: len(pairs[row] & missing)))
        missing -= pairs[chosen[-1]]
    return [
        tuple(values[i] for values, i in zip(parameters, row, strict=True))
        for row in sorted(chosen)
    ]
