"""Write a page on which one draws digits and watches a network read them.

    python examples/digits_page.py                    # scikit-learn's digits of 8x8 pixels
    python examples/digits_page.py --mnist FILE.npz   # digits of 28x28 pixels, if you have them

The page is one file: open it in a browser, send it to somebody, or lay it on a web site. FILE.npz
holds images and labels under any of the names that examples/digits.py knows.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from digits import as_rows, part, read_mnist
from sklearn.datasets import load_digits

from skmlp import MLPClassifier
from skmlp.export import to_html


def main(argv=None):
    """Train, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mnist", metavar="FILE", help="an .npz file of images and labels")
    parser.add_argument("--epochs", type=int, help="at most (as many as the network likes)")
    parser.add_argument("--page", metavar="PATH", default="digits.html", help="(%(default)s)")
    options = parser.parse_args(argv)
    if options.mnist:
        images, labels = read_mnist(options.mnist)
    else:
        images, labels = load_digits().images, load_digits().target
    train, test, y_train, y_test = part(images, labels, 0.2, seed=0)
    network = MLPClassifier(
        (64, 32), n_estimators=1, max_iter=options.epochs or "auto", random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a page of an early network is a page too
        network.fit(as_rows(train), y_train)
    right = network.score(as_rows(test), y_test)
    first = [np.flatnonzero(y_test == digit)[0] for digit in np.unique(y_test)]
    to_html(
        network,
        options.page,
        data=as_rows(train),
        image_shape=images.shape[1:],
        examples=as_rows(test[first]),
        title="A network reads digits",
        description=f"It learned from {len(train):,} digits and reads {right:.1%} of others right. "
        "Draw one, and watch what it makes of it.",
        target="Digit",
    )
    size = Path(options.page).stat().st_size
    print(f"{right:.1%} of {len(test):,} digits read right; {options.page} has {size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
