"""Gradient descent is Euler's method, with the learning rate for its step
=======================================================================

Let the weights of a network roll down the loss without pause, dθ/dt = -∇L(θ), and they follow a
smooth path, the gradient flow. Gradient descent, θ ← θ - η ∇L(θ), goes along it in straight steps
of length η in time: what Euler did to differential equations in 1768. So it must lag behind the
flow by an error that halves when η is halved.

This example follows a network of two inputs, three hidden units and one output both ways: by
scipy's `solve_ivp` to ten digits, and by `MLPRegressor(solver="gd")` at several learning rates. It
prints how far apart they end, the order of the method that this amounts to (1 is Euler's), and
draws both.

::

    python examples/euler.py
    python examples/euler.py --time 30 --rates 1 0.5 0.25 0.125
"""

import argparse
import warnings

import numpy as np
from scipy.integrate import solve_ivp
from sklearn.exceptions import ConvergenceWarning

import skmlp
from skmlp.core.training import Callback

N_INPUTS, N_HIDDEN = 2, 3
SHAPES = ((N_INPUTS, N_HIDDEN), (N_HIDDEN, 1), (1, N_HIDDEN), (1, 1))  # W, V, b, c, as in theta
DRAWN = (0, 3)  # the weights of both inputs in the first hidden unit


# --- the slope of the loss, by hand -----------------------------------------------------------


def points(n, seed):
    """Draw points of a bent surface over two inputs."""
    X = np.random.default_rng(seed).uniform(-2, 2, (n, N_INPUTS))
    return X, np.sin(2 * X[:, 0]) + 0.5 * X[:, 1] ** 2


def taken_apart(theta):
    """View the weights W, V and biases b, c in one row of parameters."""
    ends = np.cumsum([np.prod(shape) for shape in SHAPES])
    parts = np.split(theta, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, SHAPES, strict=True)]


def slope(theta, X, y):
    """Return the gradient of the loss, half the mean squared error: up, and down again."""
    W, V, b, c = taken_apart(theta)
    h = np.tanh(X @ W + b)
    d_out = (h @ V + c - y[:, None]) / len(X)
    d_hidden = (d_out @ V.T) * (1 - h**2)
    parts = X.T @ d_hidden, h.T @ d_out, d_hidden.sum(axis=0), d_out.sum(axis=0)
    return np.concatenate([part.ravel() for part in parts])


# --- the two ways down ------------------------------------------------------------------------


class Path(Callback):
    """Notes where the weights are, from the start on and after each step."""

    def __init__(self):
        self.thetas = []

    def on_fit_start(self, state):
        """Note the start."""
        self.thetas = [state.network.theta[0].copy()]

    def on_epoch_end(self, state):
        """Note a step: with all rows in one batch an epoch is one."""
        self.thetas.append(state.network.theta[0].copy())


def descend(X, y, rate, time, seed):
    """Go down in steps of one length for so much time; return the path, (steps + 1, parameters)."""
    path = Path()
    model = skmlp.MLPRegressor(
        (N_HIDDEN,),
        "tanh",
        solver="gd",
        learning_rate="constant",
        learning_rate_init=rate,
        max_iter=round(time / rate),
        standardize=False,
        early_stopping=False,
        tol=0.0,
        dtype="float64",
        random_state=seed,
        callbacks=[path],
    )
    with warnings.catch_warnings():
        # the number of steps is part of what is compared
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return np.array(path.thetas)


def flow(X, y, start, time):
    """Follow the gradient flow; return it as a function of time."""
    found = solve_ivp(
        lambda t, theta: -slope(theta, X, y),
        (0, time),
        start,
        method="DOP853",
        rtol=1e-11,
        atol=1e-12,
        dense_output=True,
    )
    return found.sol


def compare(options):
    """Go both ways; return the flow, the paths by their rate, and the errors at the end."""
    X, y = points(options.points, options.seed)
    paths = {
        rate: descend(X, y, rate, options.time, options.seed) for rate in sorted(options.rates)
    }
    smooth = flow(X, y, next(iter(paths.values()))[0], options.time)
    ends = {rate: rate * (len(path) - 1) for rate, path in paths.items()}
    errors = {rate: np.linalg.norm(path[-1] - smooth(ends[rate])) for rate, path in paths.items()}
    return smooth, paths, errors


def order(errors):
    """Return the exponent p of error = C η^p that fits best."""
    return np.polyfit(np.log(list(errors)), np.log(list(errors.values())), 1)[0]


# --- the plot ---------------------------------------------------------------------------------


def draw(path, smooth, paths, errors, time):
    """Draw two weights on their way, and the error at the end against the learning rate."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("\nNo plot: matplotlib is missing. To get it: pip install skmlp[plot]")
        return
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for rate, steps in sorted(paths.items(), reverse=True)[:3]:
        left.plot(*steps[:, DRAWN].T, ".-", lw=0.8, ms=4, label=f"gradient descent, η = {rate:g}")
    left.plot(*smooth(np.linspace(0, time, 500))[list(DRAWN)], "k", label="gradient flow")
    left.set(xlabel="$w_{11}$", ylabel="$w_{12}$", title="Two weights on their way")
    left.legend()
    rates, found = np.array(list(errors)), np.array(list(errors.values()))
    right.loglog(rates, found, "o", label=f"measured, order {order(errors):.2f}")
    right.loglog(rates, found[0] * rates / rates[0], "k--", label="first order: slope 1")
    right.set_xticks(rates, [f"{rate:g}" for rate in rates])
    right.minorticks_off()
    right.set(xlabel="learning rate η", ylabel="distance from the flow", title="At the end")
    right.legend()
    figure.savefig(path, dpi=150)
    print(f"\nPlot written to {path}")


# --- the whole --------------------------------------------------------------------------------


def main(argv=None):
    """Run the example."""
    options = parse(argv)
    smooth, paths, errors = compare(options)
    print(f"A 2-3-1 network, {options.time:g} units of time down the gradient\n")
    print(f"{'learning rate':>13}{'steps':>8}{'distance from the flow':>25}")
    for rate, error in errors.items():
        print(f"{rate:>13g}{len(paths[rate]) - 1:>8}{error:>25.2e}")
    print(f"\nmeasured order: {order(errors):.2f} (Euler's method: 1)")
    draw(options.plot, smooth, paths, errors, options.time)


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    rates = [0.02, 0.04, 0.08, 0.16, 0.32, 0.64]
    parser.add_argument("--rates", type=float, nargs="+", default=rates, help="learning rates")
    parser.add_argument("--time", type=float, default=16.0, help="rate times steps (%(default)s)")
    parser.add_argument("--points", type=int, default=60, help="to learn from (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--plot", metavar="PATH", default="euler.png", help="(%(default)s)")
    options = parser.parse_args(argv)
    if len(options.rates) < 2 or min(options.rates) <= 0:
        parser.error("--rates: expected two or more, all above 0")
    return options


if __name__ == "__main__":
    main()
