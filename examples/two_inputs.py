"""A network small enough to be written down: two inputs, three hidden units, one output
=====================================================================================

Is a point inside a disc? One straight line cannot tell; three can, each drawn by a hidden unit,
h = f(Wx + b). This example trains such a network by plain gradient descent, writes it out in full,
unit by unit and as matrices (LaTeX), goes through one point by hand, and draws the network beside
the deeper one that the same lines of code would give.

::

    python examples/two_inputs.py
    python examples/two_inputs.py --epochs 200    # stop early, and see lines that are not yet there
"""

import argparse
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import skmlp
from skmlp.inspection.equations import equations

RADIUS = 1.0
DEEP = (4, 4, 3)  # hidden units of the deeper network
POINT = np.array([[0.5, -0.25]])


def points(n, seed):
    """Draw points of a square; ask which are inside the disc."""
    X = np.random.default_rng(seed).uniform(-2, 2, (n, 2))
    return X, ((X**2).sum(axis=1) < RADIUS**2).astype(int)


def train(hidden, X, y, epochs, seed):
    """Train a network by gradient descent: every step takes all points, at one learning rate."""
    model = skmlp.MLPClassifier(
        hidden,
        "tanh",
        solver="gd",
        learning_rate="constant",
        learning_rate_init=1.0,
        max_iter=epochs,
        standardize=False,  # the numbers below act on x as it is
        early_stopping=False,
        tol=0.0,
        dtype="float64",
        random_state=seed,
    )
    with warnings.catch_warnings():
        # the number of epochs is asked for
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def write_out(model):
    """Print the network's equations, with letters, with numbers, and as matrices."""
    print("\nEach hidden unit is a bent sum of both inputs:\n")
    print("\n".join(equations(model, layer=0).lines))
    print("\nAs trained:\n")
    print("\n".join(equations(model, symbols=False).lines))
    print("\nAll three at once, h = f(Wx + b):\n")
    print(*equations(model, "matrix", layer=0).lines)
    print()
    print(*equations(model, "matrix", layer=0, symbols=False).lines)


def by_hand(model, x):
    """Go through one point with nothing but NumPy; print and return its probability."""
    (W, V), (b, c) = model.coefs_, model.intercepts_
    h = np.tanh(x @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    print(f"\nBy hand, for x = {x[0]}:  h = {h[0].round(3)},  p = {p[0, 0]:.6f}")
    print(f"By predict_proba:{'':>30}p = {model.predict_proba(x)[0, 1]:.6f}")
    return p[0, 0]


def draw(path, small, deep, X, y):
    """Draw both networks, and the lines of the small one among the points."""
    try:
        from matplotlib.figure import Figure

        from skmlp.inspection import NetworkDisplay
    except ImportError:
        print("\nNo plot: matplotlib is missing. To get it: pip install skmlp[plot]")
        return
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 1.4])
    draw_points(left, small, X, y)
    names = {"feature_names": ["$x_1$", "$x_2$"], "class_names": ["outside", "inside"]}
    NetworkDisplay.from_estimator(small, **names, ax=middle)
    NetworkDisplay.from_estimator(deep, **names, ax=right)
    middle.set_title("Two inputs, one hidden layer")
    right.set_title("The same with three hidden layers")
    figure.savefig(path, dpi=150)
    print(f"\nPlot written to {path}")


def draw_points(ax, model, X, y):
    """Draw the points, the line of each hidden unit, and where the network says one half."""
    ax.scatter(*X.T, c=y, cmap="coolwarm", s=8)
    grid = np.linspace(-2, 2, 200)
    cells = np.stack(np.meshgrid(grid, grid), axis=-1)
    p = model.predict_proba(cells.reshape(-1, 2))[:, 1].reshape(200, 200)
    ax.contour(grid, grid, p, [0.5], colors="k")
    for j, (w, b) in enumerate(zip(model.coefs_[0].T, model.intercepts_[0], strict=True)):
        on_line, along = -b * w / (w @ w), np.array([-w[1], w[0]])
        style = {"color": f"C{j}", "linestyle": "--", "label": f"$h_{j + 1} = 0$"}
        ax.axline(on_line, on_line + along, **style)
    ax.legend(loc="upper left")
    ax.set(xlabel="$x_1$", ylabel="$x_2$", title="A line for each hidden unit")
    ax.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal")


def main(argv=None):
    """Run the example."""
    options = parse(argv)
    X, y = points(options.points, options.seed)
    small = train((3,), X, y, options.epochs, options.seed)
    print(f"A 2-3-1 network, {small.n_iter_} steps of gradient descent on {len(X)} points:")
    print(f"loss {small.loss_curve_[0]:.3f} -> {small.loss_curve_[-1]:.3f}, ", end="")
    print(f"{small.score(X, y):.1%} of the points are right")
    write_out(small)
    by_hand(small, POINT)
    deep = train(DEEP, X, y, options.epochs, options.seed)
    draw(options.plot, small, deep, X, y)


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--points", type=int, default=400, help="to learn from (%(default)s)")
    parser.add_argument("--epochs", type=int, default=3000, help="steps (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--plot", metavar="PATH", default="two_inputs.png", help="(%(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
