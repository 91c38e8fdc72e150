"""What a description says is what the estimator predicts."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmlp.core.activations import Activation
from skmlp.core.losses import SquaredError
from skmlp.core.losses.base import Loss
from skmlp.export import describe
from skmlp.export._inputs import plain_values
from skmlp.export._numpy_runtime import ACTIVATIONS, OPS, predicted, probabilities, run
from skmlp.preprocessing import TableEncoder
from tests.export.cases import (
    CASES,
    FRAME,
    GAPS,
    NUMBER,
    ODD,
    N,
    X,
    agree,
    case,
    classifier,
    fitted,
    regressor,
    rows_of,
)

pytestmark = pytest.mark.filterwarnings("ignore:Skipping features without any observed values")


def every_op(ops):
    """Yield operations and those within."""
    for op in ops:
        yield op
        for part in op.get("parts", ()):
            yield from every_op(part["layers"])


@pytest.mark.parametrize("name", CASES)
def test_the_description_predicts_the_same(name):
    model, odd = case(name)
    description, rows = describe(model), rows_of(odd)
    tolerance = 1e-5 if description["dtype"] == "float32" else 1e-12
    agree(predicted(description, rows), model.predict(odd), tolerance=tolerance)
    if description["output"]["kind"] == "numbers":
        return
    expected, found = model.predict_proba(odd), probabilities(description, rows)
    assert isinstance(expected, list) == isinstance(found, list)
    pairs = zip(expected, found, strict=True) if isinstance(found, list) else [(expected, found)]
    for one, other in pairs:
        agree(other, one, tolerance=tolerance)


def test_the_cases_need_every_operation():
    used, functions = set(), set()
    for name in CASES:
        description = describe(case(name)[0])
        ops = description["prepare"] + description["finish"]
        ops += [op for network in description["networks"] for op in network["layers"]]
        for op in every_op(ops):
            used.add(op["op"])
            functions.add(op.get("name"))
    assert used == set(OPS)
    assert functions - {None} == set(ACTIVATIONS)


def test_spread_and_quantiles_are_told():
    for name in ("spread, one network", "spread of two"):
        model, odd = case(name)
        description = describe(model)
        std = run(description, rows_of(odd))[:, description["output"]["std"]]
        agree(std, model.predict(odd, return_std=True)[1], tolerance=1e-12)
    model, odd = case("target, spread")
    description = describe(model)
    std = run(description, rows_of(odd))[:, description["output"]["std"]]
    inside = model.regressor_.predict(odd, return_std=True)[1]
    agree(std, inside * model.transformer_.scale_, tolerance=1e-12)
    model, odd = case("quantiles")
    description = describe(model)
    assert description["output"]["levels"] == [0.1, 0.4, 0.8]
    quantiles = run(description, rows_of(odd)).reshape(len(odd), 2, 3)
    agree(quantiles, model.predict_quantiles(odd), tolerance=1e-12)


def test_what_is_linear_is_folded():
    layers = describe(case("batch")[0])["networks"][0]["layers"]
    kinds = [op["op"] for op in layers]
    assert kinds == ["dense", "activation", "dense", "activation", "dense", "softmax"]
    shared = describe(case("sharing, no hidden layer")[0])["networks"][1]["layers"]
    assert [op["op"] for op in shared] == ["dense", "softmax"]


def test_a_network_chosen_twice_is_there_once():
    model, _ = case("chosen")
    model.chosen_, before = [0, 2, 2], model.chosen_
    description = describe(model)
    assert_allclose([network["weight"] for network in description["networks"]], [1 / 3, 2 / 3])
    agree(probabilities(description, X.tolist()), model.predict_proba(X), tolerance=1e-12)
    model.chosen_ = before


def test_inputs_have_names_kinds_and_categories():
    inputs = {given["name"]: given for given in describe(case("frame")[0])["inputs"]}
    assert list(inputs) == list(FRAME.columns)
    assert [given["kind"] for given in inputs.values()] == ["number"] * 2 + ["category"] * 5
    assert inputs["job"]["categories"] == ["baker", "clerk", "smith"]
    assert (inputs["member"]["categories"], inputs["member"]["type"]) == ([False, True], "bool")
    assert inputs["same"]["categories"] == ["always"]
    assert [given["name"] for given in describe(case("binary")[0])["inputs"]] == [
        "x0",
        "x1",
        "x2",
        "x3",
    ]


def test_statistics_of_the_fit():
    def known(name):
        return describe(case(name)[0])["inputs"][1]["statistics"]

    assert known("frame") == {"median": np.sort(X[:, 1])[N // 2 - 1]}
    assert_allclose(known("gaps, standardize")["std"], np.nanstd(GAPS[:, 1]))
    assert_allclose(known("scaler")["mean"], np.nanmean(GAPS[:, 1]))
    assert known("clipped") == {"min": X[:, 1].min(), "max": X[:, 1].max()}
    assert known("sparse") == known("scikit-learn's") == {}


def test_statistics_of_data():
    age, width, job, *_ = describe(case("frame")[0], ODD)["inputs"]
    assert width["statistics"]["max"] == ODD["width"].max()
    assert width["statistics"]["missing"] == pytest.approx(1 / 20)
    assert age["statistics"]["quantiles"][2] == [0.5, age["statistics"]["median"]]
    shares = job["statistics"]["shares"]
    assert shares[0] == pytest.approx((ODD["job"].isna().sum() + 1) / 20)  # with the pilot
    assert sum(shares) == pytest.approx(1)
    with pytest.raises(ValueError, match="data with 2 columns, but the model was fitted to 7"):
        describe(case("frame")[0], ODD[["age", "width"]])


def test_a_list_of_values_will_do():
    model, _ = case("frame")
    found = probabilities(describe(model), ODD.to_numpy(dtype=object))
    agree(found, model.predict_proba(ODD), tolerance=1e-12)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1.0, 2.0], "Row 0 has 2 values, but expected 4"),
        ({"x0": 1.0, "x1": 2.0, "x3": 0.0}, r"Row 0 lacks \['x2'\]"),
        ([1.0, 2.0, np.inf, 0.0], "Row 0, x2: got inf, but expected a finite number or None"),
        ([1.0, 2.0, "old", 0.0], "x2: got 'old'"),
    ],
)
def test_rows_that_cannot_be_read(row, message):
    with pytest.raises(ValueError, match=message):
        run(describe(case("binary")[0]), [row])


def test_missing_values_are_refused_where_the_estimator_does():
    row = [[1.0, None, 2.0, 3.0]]
    assert run(describe(case("scaler")[0]), row).shape == (1, 2)
    assert run(describe(case("imputer")[0]), [[*row[0], 4.0]]).shape == (1, 1)
    for name in ("scikit-learn's", "no standardisation"):
        with pytest.raises(ValueError, match="x1: got None, but expected a finite number"):
            run(describe(case(name)[0]), row)


class Square(Activation):
    def forward(self, x, out):
        return np.multiply(x, x, out=out)

    def backward(self, x, y, dy):
        dy *= 2 * x


class Own(Loss):
    target_scaling = "standard"

    def start(self, y, w=None):
        return SquaredError().start(y, w)

    def pointwise(self, raw, y, out):
        return SquaredError().pointwise(raw, y, out)

    def predict(self, raw):
        return raw


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (regressor(activation=Square()), "activation=.*Square.* of one's own"),
        (regressor(loss=Own()), "loss=.*Own.* of one's own"),
        (make_pipeline(FunctionTransformer(), regressor()), "a step of type FunctionTransformer"),
        (make_pipeline(SimpleImputer(missing_values=-1), regressor()), "missing_values=-1"),
        (
            make_pipeline(StandardScaler(), regressor(categorical_features=[0])),
            "finds categories in what another step has made",
        ),
        (
            TransformedTargetRegressor(regressor(), func=np.log1p, inverse_func=np.expm1),
            "a target transformed by FunctionTransformer",
        ),
    ],
)
def test_what_cannot_be_described_is_named(model, message):
    with pytest.raises(ValueError, match=message):
        describe(fitted(model, np.round(X), NUMBER))


def test_values_that_json_does_not_know_are_named():
    with pytest.raises(ValueError, match="Got Timestamp.* among the classes, but only text"):
        plain_values([1, pd.Timestamp("2020-01-01")], "classes")
    assert plain_values([1, "a", True], "classes")["type"] == "mixed"


def test_other_models_are_refused():
    search = GridSearchCV(regressor(), {"alpha": [0.0]}, cv=2)
    for model in (StandardScaler(), search, make_pipeline(TableEncoder())):
        with pytest.raises(TypeError, match=r"expected a fitted MLPClassifier.*best_estimator_"):
            describe(model)
    with pytest.raises(NotFittedError):
        describe(classifier())
