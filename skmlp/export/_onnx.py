"""A description as an ONNX graph."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from skmlp.export._description import describe
from skmlp.export._onnx_nodes import (
    FLOATS,
    INT64,
    STRING,
    Graph,
    apply,
    beside,
    between,
    clip,
    mean,
    mixture,
    select,
    table_rows,
)

#: Versions of the operators, of 2022, and of the file format that came with them.
OPSETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8


def to_onnx(model: Any, path: Any = None, *, data: Any = None, dtype: Any = np.float32) -> Any:
    """Write a fitted network, with all that is done to raw columns, as an ONNX graph.

    **Inputs.** If no column is of text, one tensor "X" (n, p) of `dtype`, its columns in the order
    of the fit. Otherwise one tensor (n, 1) for each column, by its name: of text for categories
    that are text, of `dtype` for all else. Categories that are numbers or booleans are numbers.
    A number that is missing is NaN, a text that is missing any that is no category, such as "".

    **Outputs.** Of a classifier "label" (n,), int64 or text, and "probabilities" (n, n_classes);
    where y has several columns of classes, "label_0", "probabilities_0", "label_1" and so on; where
    it has labels that do not exclude each other, "label" (n, n_labels) of 0 and 1. Of a regressor
    "variable" (n, n_outputs), with "std" (n, n_outputs) where it predicts a spread, and "quantiles"
    (n, n_outputs, n_levels) where it predicts several.

    The graph checks no rows: where the estimator refuses a missing or infinite value, what comes
    out means nothing. The names, kinds and categories of the columns are in its metadata, as JSON
    under "inputs".

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted; see :func:`describe` for the steps that a pipeline may have.
    path : str or path, default=None
        File to write, with the ending .onnx by custom; None for none.
    data : frame or array of shape (n, p), default=None
        Rows from which the statistics of the inputs are taken, such as the training rows. They go
        into the metadata, and change no prediction.
    dtype : {np.float32, np.float64}, default=np.float32
        Type of the numbers, and of the arithmetic. In float32, as in most files, predictions of a
        fit in float64 agree to 5 digits or so.

    Returns
    -------
    onnx.ModelProto
        The model, of opset 17 and ai.onnx.ml 3.

    Raises
    ------
    ImportError
        If onnx is not installed: ``pip install "skmlp[onnx]"``.
    TypeError, ValueError
        If the model, or a part of it, cannot be described, or its columns have no names or types
        that ONNX can tell apart.

    Examples
    --------
    >>> from skmlp import MLPClassifier
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], ["few", "few", "many", "many"]
    >>> clf = MLPClassifier((), solver="lbfgs", max_iter=50, random_state=0).fit(X, y)
    >>> shipped = to_onnx(clf, "counts.onnx")  # doctest: +SKIP
    >>> import onnxruntime  # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("counts.onnx")  # doctest: +SKIP
    >>> session.run(["label"], {"X": np.float32([[2.5]])})  # doctest: +SKIP
    [array(['many'], dtype=object)]
    """
    if np.dtype(dtype) not in FLOATS:
        raise ValueError(f"Got dtype={dtype!r}, but expected np.float32 or np.float64.")
    onnx, description = _import_onnx(), describe(model, data)
    g = Graph(onnx, np.dtype(dtype), {given["name"] for given in description["inputs"]})
    given = inputs_of(g, description["inputs"])
    x = apply(g, description["prepare"], columns_of(g, description))
    each = [apply(g, network["layers"], x) for network in description["networks"]]
    weights = [network["weight"] for network in description["networks"]]
    average = mixture if description["average"] == "mixture" else mean
    values = apply(g, description["finish"], average(g, weights, each))
    made = outputs_of(g, description["output"], values)
    _check_names([one.name for one in given], [one.name for one in made])
    helper = onnx.helper
    written = helper.make_model(
        helper.make_graph(g.nodes, description["model"], given, made, g.constants),
        producer_name="skmlp",
        producer_version=sys.modules["skmlp"].__version__,  # imports go down only
        opset_imports=[helper.make_opsetid(*one) for one in OPSETS.items()],
        ir_version=IR_VERSION,
    )
    told = {"model": description["model"], "inputs": json.dumps(description["inputs"])}
    helper.set_model_props(written, told)
    if path is not None:
        Path(path).write_bytes(written.SerializeToString())
    return written


def _import_onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            'ONNX files are written with onnx, which is not installed: pip install "skmlp[onnx]"'
        ) from error
    return onnx


def _check_names(given: list[str], made: list[str]) -> None:
    names = ["", *made]
    for name in given:
        if name in names:
            raise ValueError(
                f"Got a column named {name!r}, but in an ONNX graph the names of columns must "
                f"differ from each other, and from {made} and ''. Fit with other names."
            )
        names.append(name)


# -- from inputs to columns ------------------------------------------------------------------


def inputs_of(g: Graph, inputs: list[dict[str, Any]]) -> list[Any]:
    """Return what tells of the inputs: of one for all, or one for each column."""
    if not any(map(_is_text, inputs)):
        return [g.tensor("X", g.number, len(inputs))]
    return [g.tensor(one["name"], STRING if _is_text(one) else g.number, 1) for one in inputs]


def _is_text(given: dict[str, Any]) -> bool:
    texts = {isinstance(value, str) for value in given.get("categories", ())}
    if len(texts) > 1:
        raise ValueError(
            f"Column {given['name']!r} has both text and numbers for categories, but a tensor of "
            "ONNX has one type. Fit with str of each."
        )
    return texts == {True}


def raw(g: Graph, inputs: list[dict[str, Any]], which: list[int]) -> str:
    """Return inputs side by side, (n, len(which))."""
    if any(map(_is_text, inputs)):
        return beside(g, [inputs[j]["name"] for j in which])
    return "X" if which == list(range(len(inputs))) else g("Gather", "X", which, axis=1)


def columns_of(g: Graph, description: dict[str, Any]) -> str:
    """Return the columns x (n, p)."""
    inputs, blocks = description["inputs"], []
    if not description["columns"]:
        raise ValueError(
            "Got a model that uses none of its columns, as none had two values or more. There is "
            "nothing to write: it predicts the same for all rows."
        )

    def kind(column: dict[str, Any]) -> tuple[str, int]:
        return column["take"], column["input"] if column["take"] == "lookup" else -1

    for (take, j), group in groupby(description["columns"], kind):
        columns = list(group)
        if take == "lookup":
            table = np.transpose([column["values"] for column in columns])
            blocks.append(table_rows(g, table, code_of(g, inputs[j], raw(g, inputs, [j]))))
            continue
        numbers = raw(g, inputs, [column["input"] for column in columns])
        blocks.append(numbers if take == "number" else g.floats(g("IsNaN", numbers)))
    return beside(g, blocks)


def code_of(g: Graph, given: dict[str, Any], values: str) -> str:
    """Return the codes (n, 1) of categories, 0 of what is none."""
    codes = range(1, len(given["categories"]) + 1)
    if _is_text(given):
        settings = {"keys_strings": given["categories"], "values_int64s": list(codes)}
        return g("LabelEncoder", values, domain="ai.onnx.ml", default_int64=0, **settings)
    categories = np.array(given["categories"], dtype=g.dtype)
    if len(np.unique(categories)) < len(categories):
        raise ValueError(
            f"Column {given['name']!r} has categories that {g.dtype} cannot tell apart. Pass "
            "dtype=np.float64, or fit with str of each."
        )
    same = g.floats(g("Equal", values, categories))  # (n, categories)
    return g.integers(g("MatMul", same, np.array(codes, dtype=float)[:, None]))


# -- outputs ---------------------------------------------------------------------------------


def outputs_of(g: Graph, output: dict[str, Any], values: str) -> list[Any]:
    """Name the outputs, and return what tells of them."""
    match output["kind"]:
        case "labels":
            m = len(output["classes"])
            label = g.integers(g("Greater", values, 0.5))
            return [
                _output(g, label, "label", INT64, m),
                _output(g, values, "probabilities", g.number, m),
            ]
        case "classes":
            names = [f"_{i}" if output["several"] else "" for i in range(len(output["targets"]))]
            each = zip(output["targets"], names, strict=True)
            return [one for target, name in each for one in _classes(g, target, values, name)]
    return _numbers(g, output, values)


def _output(g: Graph, x: str, name: str, element: int, *shape: int) -> Any:
    g("Identity", x, name=name)
    return g.tensor(name, element, *shape)


def _classes(g: Graph, target: dict[str, Any], values: str, suffix: str) -> list[Any]:
    """Return the class of the largest probability, and all probabilities."""
    if target["type"] == "mixed":
        raise ValueError(
            f"Got classes of several types, {target['classes'][:4]}, but a tensor of ONNX has one "
            "type. Fit with str of each."
        )
    if suffix:  # there are those of other targets beside
        values = between(g, values, *target["columns"])
    text = target["type"] == "str"
    # classes are floats in many a table, but 0.0 is the class 0
    classes = np.array(target["classes"], dtype=object if text else np.int64)
    label = g("Gather", classes, g("ArgMax", values, axis=1, keepdims=0), axis=0)
    return [
        _output(g, label, f"label{suffix}", STRING if text else INT64),
        _output(g, values, f"probabilities{suffix}", g.number, len(classes)),
    ]


def _numbers(g: Graph, output: dict[str, Any], values: str) -> list[Any]:
    """Return the numbers predicted, and what is known of their spread."""
    number, t = g.number, len(output["predict"])
    found = select(g, {"columns": output["predict"]}, values)
    if output["low"] is not None:
        found = clip(g, output, found)
    made = [_output(g, found, "variable", number, t)]
    if output["std"] is not None:
        std = select(g, {"columns": output["std"]}, values)
        made.append(_output(g, std, "std", number, t))
    if output["levels"] is not None and len(output["levels"]) > 1:
        shape = (t, len(output["levels"]))
        quantiles = g("Reshape", values, [0, *shape])  # 0: as many rows as there are
        made.append(_output(g, quantiles, "quantiles", number, *shape))
    return made
