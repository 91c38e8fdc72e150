"""A description as text, and back."""

import base64
import json

import numpy as np
import pytest

from skmlp.export import to_json
from skmlp.export._numpy_runtime import run
from tests.export.cases import CASES, agree, case, rows_of

pytestmark = pytest.mark.filterwarnings("ignore:Skipping features without any observed values")


def unpacked(found):
    """Undo what a compact text does to an array."""
    if "float32" not in found:
        return found
    raw = np.frombuffer(base64.b64decode(found["float32"]), dtype="<f4")
    return raw.reshape(found["shape"]).astype(float)


@pytest.mark.parametrize("name", CASES)
def test_text_predicts_the_same(name):
    model, odd = case(name)
    description = json.loads(to_json(model))
    rows = rows_of(odd)
    values = run(description, rows)[:, description["output"].get("predict", slice(None))]
    compact = run(json.loads(to_json(model, compact=True), object_hook=unpacked), rows)
    compact = compact[:, description["output"].get("predict", slice(None))]
    assert np.isfinite(values).all()
    agree(compact, values, tolerance=1e-4)
    if description["output"]["kind"] == "numbers" and description["output"]["low"] is None:
        values = values[:, 0] if description["output"]["flat"] else values
        agree(values, model.predict(odd), tolerance=1e-12)


def test_a_file_is_written(tmp_path):
    model, odd = case("frame")
    text = to_json(model, tmp_path / "model.json", data=odd)
    assert (tmp_path / "model.json").read_text(encoding="utf-8") == text
    found = json.loads(text)
    assert (found["format"], found["version"]) == ("skmlp", 1)
    assert found["inputs"][1]["statistics"]["max"] == odd["width"].max()
    assert len(to_json(model, compact=True)) < len(to_json(model))
