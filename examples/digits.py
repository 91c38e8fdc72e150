"""Read handwritten digits, beside scikit-learn's own network
==========================================================

Scikit-learn ships 1,797 digits of 8x8 pixels, written by 13 people. This example fits both
libraries' MLPClassifier to three quarters of them, at the defaults of each, and tells how many of
the rest they read right, in what time, and which digits are taken for which.

::

    python examples/digits.py                    # scikit-learn's digits, no download
    python examples/digits.py --mnist FILE.npz   # 60,000 digits of 28x28 pixels, if you have them

FILE.npz holds the images as "X" and the labels as "y", or as "x_train" and "y_train", the way
Keras keeps them. A network of 784-300-100-10 units is trained on all but 10,000 images, which it
then has to read; the test images that Keras keeps in the same file are left alone.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import skmlp

MNIST_KEYS = (("X", "y"), ("x_train", "y_train"))
DRAWN = 24  # misread digits in the plot


# --- the images -------------------------------------------------------------------------------


def read_mnist(path):
    """Read images (n, 28, 28) and labels (n,) under any of the names in use."""
    with np.load(path) as file:
        for images, labels in MNIST_KEYS:
            if images in file and labels in file:
                return file[images], file[labels].astype(int)
        wanted = " or ".join(f"{images!r} and {labels!r}" for images, labels in MNIST_KEYS)
        raise SystemExit(f"{path} holds {', '.join(file.files)}, but expected {wanted}.")


def as_rows(images):
    """Lay each image out as one row; bytes become numbers from 0 to 1."""
    rows = images.reshape(len(images), -1)
    return rows.astype(np.float32) / 255 if images.dtype == np.uint8 else rows


def part(images, labels, held_out, seed):
    """Hold out so many images, a share of all or a number, alike from each digit."""
    return train_test_split(images, labels, test_size=held_out, stratify=labels, random_state=seed)


# --- the two jobs -----------------------------------------------------------------------------


def compare(options):
    """Fit both libraries to scikit-learn's digits; return ours and what it was asked."""
    images, labels = load_digits(return_X_y=True)
    images, labels = images[: options.rows].reshape(-1, 8, 8), labels[: options.rows]
    train, test, y_train, y_test = part(images, labels, 0.25, options.seed)
    print(f"{len(train):,} digits to learn from, {len(test):,} to read\n")
    models = {
        "skmlp MLP": skmlp.MLPClassifier(
            max_iter=options.epochs or "auto", random_state=options.seed
        ),
        "scikit-learn MLP": MLPClassifier(
            max_iter=options.epochs or 200, random_state=options.seed
        ),
    }
    print(f"{'model':<20}{'right':>8}{'misread':>10}{'epochs':>9}{'fit':>10}")
    for name, model in models.items():
        start = time.perf_counter()
        with warnings.catch_warnings():
            # the defaults' number of epochs is part of what is compared
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(as_rows(train), y_train)
        seconds = time.perf_counter() - start
        wrong = (model.predict(as_rows(test)) != y_test).sum()
        right = 1 - wrong / len(test)
        print(f"{name:<20}{right:>8.1%}{wrong:>10}{model.n_iter_:>9}{seconds:>8.2f} s", flush=True)
    return models["skmlp MLP"], test, y_test


def train_on_mnist(options):
    """Train the larger network; return it and what it was asked."""
    images, labels = read_mnist(options.mnist)
    images, labels = images[: options.rows], labels[: options.rows]
    train, test, y_train, y_test = part(images, labels, options.held_out, options.seed)
    print(f"{len(train):,} digits to learn from, {len(test):,} to read; 784-300-100-10 units")
    model = skmlp.MLPClassifier(
        (300, 100),
        n_estimators=1,  # and the plain steps and start of one network
        parametrization="standard",
        input_scaling=False,
        weight_init="narrow",
        averaging=None,
        weight_decay=None,
        beta_2=0.999,
        learning_rate="one_cycle",
        learning_rate_init=0.003,
        batch_size=128,
        max_iter=options.epochs or 20,
        dropout=0.2,
        early_stopping=False,  # the schedule says when to stop
        standardize=False,  # pixels share one scale, and some are hardly ever touched
        dtype="float32",
        random_state=options.seed,
        verbose=2 if sys.stdout.isatty() else 1,
    )
    start = time.perf_counter()
    model.fit(as_rows(train), y_train)
    seconds = time.perf_counter() - start
    wrong = (model.predict(as_rows(test)) != y_test).sum()
    print(f"\nError {wrong / len(test):.2%} ({wrong:,} misread), fitted in {seconds:.0f} s")
    return model, test, y_test


# --- what was misread -------------------------------------------------------------------------


def show_confused(labels, read, most=6):
    """Print the pairs of digits that are most often taken for each other."""
    mistakes = confusion_matrix(labels, read, labels=range(10))
    np.fill_diagonal(mistakes, 0)
    either_way = np.triu(mistakes + mistakes.T)
    order = np.argsort(-either_way, axis=None, kind="stable")[:most]
    pairs = np.stack(np.unravel_index(order, either_way.shape), axis=1)
    print("\nMost confused:")
    for a, b in pairs:
        if either_way[a, b]:
            ways = f"{a} read as {b}: {mistakes[a, b]}, {b} read as {a}: {mistakes[b, a]}"
            print(f"  {a} and {b}  {either_way[a, b]:>4}   ({ways})")
    if not mistakes.any():
        print("  none: every digit was read right")


def draw_misread(path, images, labels, chances):
    """Draw the digits whose true label got the least probability."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("\nNo plot: matplotlib is missing. To get it: pip install skmlp[plot]")
        return
    read = chances.argmax(axis=1)
    believed = chances[np.arange(len(labels)), labels]
    wrong = np.flatnonzero(read != labels)
    worst = wrong[np.argsort(believed[wrong])][:DRAWN]
    if not len(worst):
        print("\nNo plot: nothing was misread.")
        return
    rows = -(-len(worst) // 6)
    figure = Figure(figsize=(9, 1.4 * rows), layout="constrained")
    for ax in figure.subplots(rows, 6).ravel():
        ax.set_axis_off()
    for ax, i in zip(figure.axes, worst, strict=False):
        ax.imshow(images[i], cmap="gray_r")
        ax.set_title(f"{labels[i]} read as {read[i]} ({chances[i, read[i]]:.0%})", fontsize=8)
    figure.savefig(path, dpi=150)
    print(f"\nPlot written to {path}")


# --- the whole --------------------------------------------------------------------------------


def main(argv=None):
    """Run the example."""
    options = parse(argv)
    model, images, labels = train_on_mnist(options) if options.mnist else compare(options)
    chances = model.predict_proba(as_rows(images))
    show_confused(labels, chances.argmax(axis=1))
    draw_misread(options.plot, images, labels, chances)


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mnist", metavar="FILE", help="an .npz file of 28x28 images and labels")
    parser.add_argument("--held-out", type=int, default=10_000, help="of FILE (%(default)s)")
    parser.add_argument("--rows", type=int, help="use so many images only (all)")
    parser.add_argument("--epochs", type=int, help="at most (200; 20 for FILE)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--plot", metavar="PATH", default="digits.png", help="(%(default)s)")
    options = parser.parse_args(argv)
    if options.mnist and not Path(options.mnist).is_file():
        parser.error(f"no file {options.mnist}")
    return options


if __name__ == "__main__":
    main()
