"""A written source file predicts by itself."""

import subprocess
import sys

import numpy as np
import pytest

from skmlp.export import _numpy_runtime as by_numpy
from skmlp.export import _python_runtime as by_python
from skmlp.export import describe, to_source
from tests.export.cases import CASES, agree, case, fitted, regressor, rows_of

pytestmark = pytest.mark.filterwarnings("ignore:Skipping features without any observed values")


def plain(value):
    """Return lists for arrays, at any depth."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("name", CASES)
def test_plain_python_does_the_same_as_numpy(name):
    model, odd = case(name)
    description, rows = describe(model), rows_of(odd)[:5]
    listed = plain(description)
    agree(by_python.run(listed, rows), by_numpy.run(description, rows), tolerance=1e-12)
    agree(by_python.predicted(listed, rows), by_numpy.predicted(description, rows), tolerance=1e-12)


@pytest.mark.parametrize("library", ["numpy", "python"])
@pytest.mark.parametrize("name", ["frame", "several outputs", "labels", "spread of two", "ple"])
def test_the_file_predicts_the_same(tmp_path, name, library):
    model, odd = case(name)
    path = tmp_path / "shipped.py"
    assert to_source(model, path, library=library) == path.read_text(encoding="utf-8")
    shipped = {}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), shipped)
    agree(shipped["predict"](rows_of(odd)), model.predict(odd), tolerance=1e-12)
    assert ("predict_proba" in shipped) == hasattr(model, "predict_proba")
    if name == "several outputs":
        for found, expected in zip(
            shipped["predict_proba"](rows_of(odd)), model.predict_proba(odd), strict=True
        ):
            agree(found, expected, tolerance=1e-12)
    elif "predict_proba" in shipped:
        agree(shipped["predict_proba"](rows_of(odd)), model.predict_proba(odd), tolerance=1e-12)


def test_the_file_needs_nothing_else(tmp_path):
    model, _ = case("binary")
    to_source(model, tmp_path / "shipped.py", library="python")
    code = "import sys, shipped; shipped.predict([[1, 2, 3, 4]]); print(*sys.modules)"
    # -I -S: neither this package nor NumPy can be found
    start = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {code}"]
    run = subprocess.run(start, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not {"numpy", "skmlp", "sklearn"} & set(run.stdout.split())


def test_odd_names_do_not_break_the_file():
    import pandas as pd

    frame = pd.DataFrame({'"""\\': [1.0, 2.0, 3.0] * 4, "{x}": ["'", '"', "\\"] * 4})
    model = fitted(regressor(), frame, np.arange(12.0))
    for library in ("numpy", "python"):
        shipped = {}
        exec(to_source(model, library=library), shipped)
        agree(shipped["predict"](rows_of(frame)), model.predict(frame), tolerance=1e-12)


def test_many_columns_are_not_all_listed():
    model = fitted(regressor(), np.eye(120), np.arange(120.0))
    text = to_source(model)
    assert "- x99: number\n- and 20 more\n" in text


def test_an_unknown_library_is_refused():
    with pytest.raises(ValueError, match="library='torch', but expected 'numpy' or 'python'"):
        to_source(case("binary")[0], library="torch")
