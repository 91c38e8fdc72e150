"""An ONNX graph predicts the same, on another runtime."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from skmlp import __version__
from skmlp.export import _numpy_runtime as by_numpy
from skmlp.export import describe, to_onnx
from skmlp.export._onnx_nodes import ACTIVATIONS, OPS, Graph, apply
from tests.export.cases import (
    CASES,
    FRAME,
    NUMBER,
    THREE,
    TWO,
    N,
    X,
    agree,
    case,
    classifier,
    fitted,
    regressor,
    rows_of,
)

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore:Skipping features without any observed values")

TYPES = ("float32", "float64")
#: Predictions that no float32 can hold.
TOO_LARGE = "beyond what an exponential bears"


def rounded(X, dtype):
    """Return the rows that a graph sees: numbers of its type, as float64 again."""
    if not isinstance(X, pd.DataFrame):
        return X.astype(dtype).astype(float)
    numbers = X.select_dtypes("float")
    return X.assign(**numbers.astype(dtype).astype(float))


def tensor(X, given, dtype):
    """Return what an input wants of a table."""
    columns = X if given.name == "X" else X[[given.name]]
    if given.type != "tensor(string)":
        return np.asarray(columns).astype(dtype)
    return columns.astype(object).where(columns.notna(), "").to_numpy()


def carried_out(model, X, dtype="float32"):
    """Return the outputs of a graph by their names."""
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    given = {one.name: tensor(X, one, dtype) for one in session.get_inputs()}
    made = [one.name for one in session.get_outputs()]
    return dict(zip(made, session.run(made, given), strict=True))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", CASES)
def test_the_graph_predicts_the_same(name, dtype):
    model, odd = case(name)
    if (name, dtype) == (TOO_LARGE, "float32"):
        return
    odd = rounded(odd, dtype)
    found = carried_out(to_onnx(model, dtype=dtype), odd, dtype)
    tolerance = 1e-5 if "float32" in (dtype, describe(model)["dtype"]) else 1e-10
    expected = model.predict(odd)
    if "variable" in found:
        assert found["variable"].dtype == dtype
        agree(found["variable"], expected.reshape(len(odd), -1), tolerance=tolerance)
        return
    probabilities = model.predict_proba(odd)
    if name != "several outputs":
        expected, probabilities = {"": expected}, {"": probabilities}
    else:
        expected = {"_0": expected[:, 0], "_1": expected[:, 1]}
        probabilities = {"_0": probabilities[0], "_1": probabilities[1]}
    assert len(found) == 2 * len(expected)
    for suffix in expected:
        assert found[f"probabilities{suffix}"].dtype == dtype
        assert found[f"label{suffix}"].dtype in (np.int64, object)
        agree(found[f"probabilities{suffix}"], probabilities[suffix], tolerance=tolerance)
        agree(found[f"label{suffix}"], expected[suffix], tolerance=0)


def test_every_operation_has_nodes():
    assert set(OPS) == set(by_numpy.OPS)
    assert set(ACTIVATIONS) == set(by_numpy.ACTIVATIONS)


def test_spread_and_quantiles_are_given():
    model, odd = case("spread of two")
    found = carried_out(to_onnx(model, dtype="float64"), odd, "float64")
    agree(found["std"], model.predict(odd, return_std=True)[1], tolerance=1e-10)
    model, odd = case("quantiles")
    found = carried_out(to_onnx(model, dtype="float64"), odd, "float64")
    agree(found["quantiles"], model.predict_quantiles(odd), tolerance=1e-10)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_far_from_zero(name, dtype):
    """The functions that are put together of others must not overflow."""
    x = np.linspace(-50.0, 50.0, 2001)[:, None]
    op = {"op": "activation", "name": name, "parameter": 1.5, "strength": None}
    found = carried_out(alone(op, dtype), x, dtype)["y"]
    expected = by_numpy.apply([op], x.astype(dtype).astype(float))
    agree(found, expected, tolerance=1e-5 if dtype == "float32" else 1e-14)


def alone(op, dtype):
    """Return a graph of one operation on one column."""
    g = Graph(onnx, dtype, set())
    g("Identity", apply(g, [op], "X"), name="y")
    ends = [[g.tensor(name, g.number, 1)] for name in ("X", "y")]
    graph = onnx.helper.make_graph(g.nodes, "alone", *ends, g.constants)
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)


def test_extreme_values_are_clipped_smoothly():
    op = {"op": "smooth_clip", "limit": 3.0, "count": 1}
    x = np.array([[-3e38], [-4.0], [0.0], [0.5], [1e25]])
    for dtype in TYPES:
        found = carried_out(alone(op, dtype), x, dtype)["y"]
        agree(found, by_numpy.apply([op], x), tolerance=1e-6)


def test_what_is_large_beside_its_spread_keeps_its_digits():
    years = 2000.3 + np.arange(N)[:, None] / 64
    model = fitted(regressor(), years, NUMBER)
    years = rounded(years, "float32")
    expected = by_numpy.run(describe(model), rows_of(years))
    agree(carried_out(to_onnx(model), years)["variable"], expected, tolerance=2e-6)


def test_inputs_are_one_for_all_or_one_for_each_column():
    given = to_onnx(case("categories by position")[0]).graph.input
    assert [one.name for one in given] == ["X"]
    given = to_onnx(case("frame")[0]).graph.input
    assert [one.name for one in given] == list(FRAME)
    types = [one.type.tensor_type.elem_type for one in given]
    assert types == [1, 1, 8, 8, 8, 1, 8]  # float32 and text; "member" is of booleans


def test_the_file_says_where_it_is_from(tmp_path):
    model, odd = case("frame")
    to_onnx(model, tmp_path / "model.onnx", data=odd)
    read = onnx.load(tmp_path / "model.onnx")
    assert (read.producer_name, read.producer_version) == ("skmlp", __version__)
    assert {one.domain: one.version for one in read.opset_import} == {"": 17, "ai.onnx.ml": 3}
    told = {one.key: one.value for one in read.metadata_props}
    assert told["model"] == "MLPClassifier"
    width = json.loads(told["inputs"])[1]
    assert (width["name"], width["statistics"]["max"]) == ("width", odd["width"].max())
    agree(carried_out(read, odd)["label"], model.predict(odd), tolerance=0)


def test_names_that_are_taken():
    names = ["v0", "v1", "v3", "n"]  # as nodes are named; "n" is the number of rows
    frame = pd.DataFrame(X, columns=names).assign(job=FRAME["job"])
    model = fitted(classifier(), frame, TWO)
    agree(carried_out(to_onnx(model), frame)["label"], model.predict(frame), tolerance=0)


@pytest.mark.parametrize("name", ["label", ""])
def test_names_that_will_not_do(name):
    model = fitted(classifier(), pd.DataFrame({"job": FRAME["job"], name: X[:, 0]}), TWO)
    with pytest.raises(ValueError, match=f"column named '{name}', but in an ONNX graph"):
        to_onnx(model)


def test_categories_of_two_types_are_refused():
    frame = pd.DataFrame({"a": [1, "x", 2] * (N // 3)}, dtype=object)
    with pytest.raises(ValueError, match="'a' has both text and numbers for categories"):
        to_onnx(fitted(classifier(), frame, TWO))


def test_categories_that_need_more_digits_are_refused():
    model = classifier(categorical_features=[0])
    large = 2.0**24 + np.arange(N)[:, None] % 3
    fitted(model, large, THREE)
    with pytest.raises(ValueError, match="float32 cannot tell apart. Pass dtype=np.float64"):
        to_onnx(model)
    found = carried_out(to_onnx(model, dtype=np.float64), large, "float64")
    agree(found["label"], model.predict(large), tolerance=0)


def test_a_model_without_columns_is_refused():
    model = fitted(classifier(), FRAME[["same"]], TWO)
    with pytest.raises(ValueError, match="uses none of its columns"):
        to_onnx(model)


def test_other_types_are_refused():
    with pytest.raises(ValueError, match="dtype='float16', but expected np.float32 or np.float64"):
        to_onnx(case("binary")[0], dtype="float16")


def test_without_onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "skmlp\[onnx\]"'):
        to_onnx(case("binary")[0])
