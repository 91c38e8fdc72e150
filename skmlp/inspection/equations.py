r"""Write a fitted network down as equations, in LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.base import is_classifier

from skmlp.core.losses import GaussianNLL, Ordinal, Quantile
from skmlp.inspection._latex import Layer, Writer, index, text, variable
from skmlp.inspection._opened import encoded_names, require_dense
from skmlp.inspection._plot._reading import parts_of

#: What each activation is called; identity is not written.
SYMBOLS = {
    "identity": "",
    "logistic": r"\sigma",
    "tanh": r"\tanh",
    "leaky_relu": r"\operatorname{LeakyReLU}",
    "relu": r"\operatorname{ReLU}",
    "elu": r"\operatorname{ELU}",
    "selu": r"\operatorname{SELU}",
    "gelu": r"\operatorname{GELU}",
    "silu": r"\operatorname{SiLU}",
    "mish": r"\operatorname{mish}",
    "softplus": r"\operatorname{softplus}",
}


@dataclass(frozen=True)
class Equations:
    r"""Equations that notebooks typeset; ``str()`` and ``print()`` give the LaTeX.

    Attributes
    ----------
    lines : tuple of str
        One for each equation, with ``&`` before the sign of equality.

    Examples
    --------
    >>> print(Equations(("y &= x",)))
    \begin{aligned}
    y &= x
    \end{aligned}
    """

    lines: tuple[str, ...]

    def __str__(self) -> str:
        """Return the LaTeX, for a place where formulas stand."""
        body = " \\\\\n".join(self.lines)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self}\n$$"


def equations(
    model: Any,
    form: str = "scalar",
    layer: int | None = None,
    *,
    symbols: bool = True,
    precision: int = 3,
    feature_names: Any = None,
    network: int | None = None,
    max_terms: int = 6,
) -> Equations:
    r"""Write a fitted network as equations, :math:`h = f(W x + b)` layer by layer.

    Here W stands on the left of columns x and h, as in a textbook: :math:`w_{ij}` is the weight of
    input j in unit i, which is ``coefs_[0][j - 1, i - 1]``. With one hidden layer the output has
    weights V and biases c; with more, all letters carry the number of their layer.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted.
    form : {"scalar", "matrix"}, default="scalar"
        An equation for each unit, or one for each layer.
    layer : int or None, default=None
        Number of one layer, from 0, to be written alone; negative from the end, so that -1 is the
        output. None for all, with how inputs are standardised and what becomes of the output.
    symbols : bool, default=True
        Whether weights are letters; False writes their fitted values.
    precision : int, default=3
        Significant digits of these.
    feature_names : sequence of str, default=None
        Names of the columns; None for those that X had in ``fit``. Columns without a name are
        called z.
    network : int or None, default=None
        Which network, where the model has several.
    max_terms : int, default=6
        Longer sums, and more units, are written with dots in the middle; 3 at least.

    Returns
    -------
    Equations
        Typeset by notebooks; ``print`` shows the LaTeX, an environment "aligned" to be put where
        formulas stand; ``lines`` has the equations one by one.

    Raises
    ------
    TypeError
        If `model` is no network of this package.
    ValueError
        If the model has several networks and `network` is None, if it has layers that are no
        weighted sums (embeddings, normalization, ``parametric_activation``), or if a setting is
        outside its list.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp import MLPRegressor
    >>> from skmlp.inspection.equations import equations
    >>> X = np.random.default_rng(0).normal(size=(40, 2))
    >>> model = MLPRegressor((3,), "logistic", n_estimators=1, max_iter=5, standardize=False)
    >>> model = model.fit(X, X[:, 0] * X[:, 1])
    >>> print(equations(model))
    \begin{aligned}
    h_{1} &= \sigma\left( w_{11} x_{1} + w_{12} x_{2} + b_{1} \right) \\
    h_{2} &= \sigma\left( w_{21} x_{1} + w_{22} x_{2} + b_{2} \right) \\
    h_{3} &= \sigma\left( w_{31} x_{1} + w_{32} x_{2} + b_{3} \right) \\
    o &= v_{1} h_{1} + v_{2} h_{2} + v_{3} h_{3} + c \\
    \hat{y} &= o
    \end{aligned}
    >>> print(equations(model, "matrix", layer=-1))
    \begin{aligned}
    o &= \begin{pmatrix} v_{1} & v_{2} & v_{3} \end{pmatrix} \begin{pmatrix} h_{1} \\ h_{2} \\
    h_{3} \end{pmatrix} + c
    \end{aligned}
    """
    require_dense(model)
    if form not in ("scalar", "matrix"):
        raise ValueError(f"Got form={form!r}, but expected 'scalar' or 'matrix'.")
    for name, value, least in (("precision", precision, 1), ("max_terms", max_terms, 3)):
        if value < least:
            raise ValueError(f"Got {name}={value!r}, but expected {least} or more.")
    if model._now.parametric_activation:
        raise ValueError(
            "parametric_activation=True gives each unit a function of its own, which is not "
            "written; fit a model with parametric_activation=False"
        )
    n = model._now.n_estimators
    if network is None and n > 1:
        raise ValueError(
            f"the model averages {n} networks: pass network=0 to {n - 1} to write one of them, or "
            "fit one with n_estimators=1"
        )
    writer = Writer(symbols, precision, max_terms)
    layers = _layers(model, network or 0)
    if layer is not None:
        if not -len(layers) <= layer < len(layers):
            raise ValueError(f"Got layer={layer}, but the network has {len(layers)}, from 0 on.")
        return Equations(tuple(getattr(writer, form)(layers[layer])))
    lines = _inputs(model, writer, feature_names)
    for each in layers:
        lines += getattr(writer, form)(each)
    return Equations((*lines, *_answers(model, writer)))


def _layers(model: Any, network: int) -> list[Layer]:
    """Give names to what is in each layer."""
    parts = parts_of(model, network)
    last = len(parts.weights) - 1
    if last == 1:
        letters, hidden = [("w", "b"), ("v", "c")], ["h"]
    else:
        upper = [f"^{{({number})}}" for number in range(1, last + 2)] if last else [""]
        letters, hidden = [(f"w{up}", f"b{up}") for up in upper], [f"h{up}" for up in upper[:-1]]
    units = ["x", *hidden, "o"]
    functions = [SYMBOLS.get(f, rf"\operatorname{{{f}}}") for f in parts.activations[:-1]]
    return [
        Layer(w.T, b, units[i], units[i + 1], letters[i], function)
        for i, (w, b, function) in enumerate(
            zip(parts.weights, parts.biases, [*functions, ""], strict=True)
        )
    ]


def _inputs(model: Any, writer: Writer, feature_names: Any) -> list[str]:
    """Say what the inputs x are."""
    standardizer, n = model._standardizer, model.networks_.n_in
    named = feature_names is not None or hasattr(model, "feature_names_in_")
    if standardizer is None and not named:
        return []
    names = encoded_names(model, feature_names)
    named = named or n != model.n_features_in_  # those of categories tell more than a number

    def line(j: int) -> str:
        column = text(names[j]) if named else variable("z", j, n)
        if standardizer is None:
            return f"x_{index(j)} &= {column}"
        letter = "x" if standardizer.clip is None else "u"
        shift, unit = f"m_{index(j)}", f"s_{index(j)}"
        if not writer.symbols:
            scale = standardizer.scale[j]
            shift = "" if standardizer.shift is None else writer.number(standardizer.shift[j])
            if not scale:  # a constant column
                return f"{letter}_{index(j)} &= 0"
            unit = writer.number(1 / scale)
        above = column if standardizer.shift is None else f"{column} - {shift}".replace("- -", "+ ")
        return rf"{letter}_{index(j)} &= \frac{{{above}}}{{{unit}}}"

    lines = writer.lines(n, line)
    if standardizer is not None and standardizer.clip is not None:
        bound = writer.number(standardizer.clip)
        lines.append(rf"x_j &= u_j / \sqrt{{1 + (u_j / {bound})^2}}")
    return lines


def _answers(model: Any, writer: Writer) -> list[str]:
    """Say what becomes of the outputs o."""
    if not is_classifier(model):
        return _numbers(model, writer)
    n, cooled = model.n_outputs_, ""
    if model.temperature_ != 1:
        cooled = " / " + ("T" if writer.symbols else writer.number(model.temperature_))
    if isinstance(model._loss, Ordinal):
        steps = r"r_1 &= o_1, \quad r_k = r_{k-1} + \log(1 + e^{o_k})"
        return [steps, rf"P(y \leq k) &= \sigma(r_k{cooled})"]
    if model.out_activation_ == "softmax":
        return [rf"\hat{{p}}_k &= e^{{o_k{cooled}}} / \sum_l e^{{o_l{cooled}}}"]

    def probability(i: int) -> str:
        p, o = variable(r"\hat{p}", i, n), variable("o", i, n)
        return rf"{p} &= \sigma({o}{cooled})"

    return writer.lines(n, probability)


def _numbers(model: Any, writer: Writer) -> list[str]:
    """Say what becomes of a regressor's outputs."""
    n = model.n_outputs_
    if isinstance(model._loss, GaussianNLL | Quantile):
        return [rf"\hat{{y}} &= {text(type(model._loss).__name__)}(o)"]

    def line(i: int) -> str:
        y, o, scale, shift = variable(r"\hat{y}", i, n), variable("o", i, n), "s^{y}", "m^{y}"
        if model.out_activation_ == "exp":
            return f"{y} &= e^{{{o}}}"
        if model._scale[i] == 1 and model._shift[i] == 0:
            return f"{y} &= {o}"
        if writer.symbols:
            return f"{y} &= {variable(shift, i, n)} + {variable(scale, i, n)} {o}"
        return rf"{y} &= {writer.number(model._shift[i])} + {writer.number(model._scale[i])} \, {o}"

    return writer.lines(n, line)
