"""What is written is what the network computes: numbers are read back and put together again."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification

from skmlp import MLPClassifier, MLPRegressor
from skmlp.core.activations import ACTIVATIONS
from skmlp.inspection.equations import SYMBOLS, Equations, equations

SHORT = {"max_iter": 2, "random_state": 0, "dtype": "float64", "n_estimators": 1}
EXACT = {"symbols": False, "precision": 17, "max_terms": 50}
BENT = {
    r"\tanh": np.tanh,
    r"\operatorname{ReLU}": lambda x: np.maximum(x, 0),
    r"\sigma": lambda x: 1 / (1 + np.exp(-x)),
}


@pytest.fixture(scope="module")
def data():
    return make_classification(60, 4, n_informative=3, n_redundant=1, random_state=0)


def as_python(latex):
    """Turn the right side of an equation into an expression of Python."""
    for symbol, name in ((r"\tanh", "tanh"), (r"\operatorname{ReLU}", "relu"), (r"\sigma", "s")):
        latex = latex.replace(symbol, name)
    latex = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", latex)
    latex = re.sub(r"\\frac\{(.*)\}\{(.*)\}$", r"(\1) / (\2)", latex)
    latex = re.sub(r"\\sqrt\{(.*)\}", r"sqrt(\1)", latex)
    latex = re.sub(r"e\^\{(o(_\{\d+\})?)\}", r"exp(\1)", latex)
    latex = latex.replace(r"\left", "").replace(r"\right", "").replace(r" \, ", " * ")
    latex = re.sub(r"\\hat\{(.)\}", r"\1", latex)
    latex = re.sub(r"\^\{\((\d)\)\}", r"\1", latex).replace("^2", "**2")
    return re.sub(r"_\{(\d+)\}", r"_\1", re.sub(r"\\text\{(.*?)\}", r"\1", latex))


def computed(lines, **values):
    """Go through equations one by one, in the order in which they stand."""
    functions = {"tanh": np.tanh, "sqrt": np.sqrt, "exp": np.exp, "s": BENT[r"\sigma"]}
    functions["relu"] = BENT[r"\operatorname{ReLU}"]
    for line in lines:
        left, right = map(as_python, line.split(" &= "))
        if left.endswith("_j"):  # one line for all j
            for name in [name for name in values if name.startswith("u_")]:
                j = name[2:]
                each = right.replace("u_j", name)
                values[f"x_{j}"] = eval(each, functions, values)
            continue
        values[left] = eval(right, functions, values)
    return values


@pytest.mark.parametrize("standardize", [False, True, "robust"])
@pytest.mark.parametrize("sizes", [(), (3,), (3, 2), (2, 12, 2)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_a_classifier_rebuilt_from_its_equations(data, standardize, sizes, activation):
    X, y = data
    X = pd.DataFrame(X, columns=list("abcd"))
    model = MLPClassifier(sizes, activation, standardize=standardize, **SHORT).fit(X, y)
    found = equations(model, **EXACT)
    values = computed(found.lines, **dict(X.items()))
    np.testing.assert_allclose(values["p"], model.predict_proba(X)[:, 1], rtol=1e-9)
    if sizes:
        last = "h" if len(sizes) == 1 else f"h{len(sizes)}"
        units = np.stack([values[f"{last}_{i + 1}"] for i in range(sizes[-1])], axis=1)
        np.testing.assert_allclose(units, model.transform(X), rtol=1e-9, atol=1e-12)


def test_one_network_of_several(data):
    X, y = data
    several = {**SHORT, "n_estimators": 3, "calibrate": False}
    for sharing in (False, True):
        model = MLPClassifier((3,), weight_sharing=sharing, **several).fit(X, y)
        with pytest.raises(ValueError, match="averages 3 networks: pass network=0 to 2"):
            equations(model)
        found = [equations(model, network=k, **EXACT).lines for k in range(3)]
        columns = {f"z_{j + 1}": X[:, j] for j in range(4)}
        p = np.mean([computed(lines, **columns)["p"] for lines in found], axis=0)
        np.testing.assert_allclose(p, model.predict_proba(X)[:, 1], rtol=1e-9)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_regressor_rebuilt_from_its_equations(data, loss):
    X, y = data
    model = MLPRegressor((3,), "tanh", loss=loss, **SHORT).fit(X, np.stack([y, 5 * y + 3], axis=1))
    values = computed(equations(model, **EXACT).lines, **{f"z_{j + 1}": X[:, j] for j in range(4)})
    found = np.stack([values["y_1"], values["y_2"]], axis=1)
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-9)


def test_classes_with_an_order_have_thresholds(data):
    X, y = data
    X = X * 3
    y = np.digitize(X[:, 0], [-2, 0, 2])
    model = MLPClassifier((3,), "tanh", loss="ordinal", calibrate=False, **SHORT).fit(X, y)
    *lines, steps, cumulative = equations(model, **EXACT).lines
    assert steps == r"r_1 &= o_1, \quad r_k = r_{k-1} + \log(1 + e^{o_k})"
    assert cumulative == r"P(y \leq k) &= \sigma(r_k)"
    values = computed(lines, **{f"z_{j + 1}": X[:, j] for j in range(4)})
    o = np.stack([values[f"o_{k}"] for k in (1, 2, 3)], axis=1)
    o[:, 1:] = np.log1p(np.exp(o[:, 1:]))
    below = BENT[r"\sigma"](o.cumsum(axis=1))
    np.testing.assert_allclose(below, model.predict_proba(X).cumsum(axis=1)[:, :3], rtol=1e-9)


def numbers_of(matrix):
    rows = matrix.split(r" \\ ")
    return np.array([[float(cell) for cell in as_python(row).split(" & ")] for row in rows])


def test_the_matrix_form_holds_the_same_numbers(data):
    X, y = data
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    model = MLPClassifier((3,), "tanh", **SHORT).fit(X, y)
    for layer in range(2):
        (line,) = equations(model, "matrix", layer, **EXACT).lines
        matrices = re.findall(r"\\begin\{pmatrix\} (.*?) \\end\{pmatrix\}", line)
        assert len(matrices) == 4  # h, W, x, b
        np.testing.assert_allclose(numbers_of(matrices[1]), model.coefs_[layer].T)
        np.testing.assert_allclose(numbers_of(matrices[3])[:, 0], model.intercepts_[layer])


def test_the_textbook(data):
    X, y = data
    model = MLPClassifier((3,), "tanh", standardize=False, **SHORT).fit(X[:, :2], y)
    assert equations(model, layer=0).lines[0] == (
        r"h_{1} &= \tanh\left( w_{11} x_{1} + w_{12} x_{2} + b_{1} \right)"
    )
    assert equations(model, "matrix", 0).lines == (
        r"\begin{pmatrix} h_{1} \\ h_{2} \\ h_{3} \end{pmatrix} &= \tanh\left( "
        r"\begin{pmatrix} w_{11} & w_{12} \\ w_{21} & w_{22} \\ w_{31} & w_{32} \end{pmatrix} "
        r"\begin{pmatrix} x_{1} \\ x_{2} \end{pmatrix} + "
        r"\begin{pmatrix} b_{1} \\ b_{2} \\ b_{3} \end{pmatrix} \right)",
    )
    assert equations(model, layer=-1).lines == (
        r"o &= v_{1} h_{1} + v_{2} h_{2} + v_{3} h_{3} + c",
    )


def test_long_ones_have_dots_in_the_middle(data):
    X, y = data
    model = MLPClassifier((12,), standardize=False, **SHORT).fit(X, y)
    lines = equations(model, layer=0, max_terms=3).lines
    assert lines[1] == r"&\;\;\vdots"
    assert lines[2] == (
        r"h_{12} &= \operatorname{ReLU}"
        r"\left( w_{12,1} x_{1} + \dots + w_{12,4} x_{4} + b_{12} \right)"
    )
    (line,) = equations(model, "matrix", 0, max_terms=3).lines
    assert (
        r"\begin{pmatrix} w_{11} & \cdots & w_{14} \\ \vdots & \ddots & \vdots \\ "
        r"w_{12,1} & \cdots & w_{12,4} \end{pmatrix}"
    ) in line


def test_names_and_gaps_between_signs(data):
    X, y = data
    X = pd.DataFrame({"pack_years": X[:, 0] - 9, "sex": np.where(X[:, 1] > 0, "f", "m")})
    model = MLPClassifier((2,), **SHORT).fit(X, y)
    first, second, clip, *_ = equations(model, symbols=False).lines
    assert re.fullmatch(r"u_\{1\} &= \\frac\{\\text\{pack\\_years\} \+ [\d.]+\}\{[\d.]+\}", first)
    assert second.startswith(r"u_{2} &= \frac{\text{sex\_m} ")
    assert clip == r"x_j &= u_j / \sqrt{1 + (u_j / 3)^2}"
    named = equations(model, feature_names=None).lines[0]
    assert named == r"u_{1} &= \frac{\text{pack\_years} - m_{1}}{s_{1}}"


def test_balanced_braces_and_notebooks(data):
    X, y = data
    model = MLPClassifier((3, 2), **SHORT).fit(X, y)
    found = equations(model, "matrix")
    assert isinstance(found, Equations)
    latex = found._repr_latex_()
    assert latex.startswith("$$\n\\begin{aligned}")
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left(") == latex.count(r"\right)")
    assert str(found) in latex


def test_every_activation_has_a_symbol():
    assert set(SYMBOLS) == set(ACTIVATIONS)


def test_what_is_refused(data):
    X, y = data
    model = MLPClassifier((3,), **SHORT).fit(X, y)
    for wrong, message in (
        ({"form": "tensor"}, "form='tensor'"),
        ({"layer": 2}, "layer=2, but the network has 2"),
        ({"precision": 0}, "precision=0"),
        ({"max_terms": 2}, "max_terms=2"),
        ({"network": 1}, "network=1"),
    ):
        with pytest.raises(ValueError, match=message):
            equations(model, **wrong)
    for part in ({"parametric_activation": True}, {"normalization": "batch"}):
        with pytest.raises(ValueError, match=next(iter(part))):
            equations(MLPClassifier((3,), **part, **SHORT).fit(X, y))
