"""The example of the small network runs, and says by hand what the model says."""

import re
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "two_inputs.py"


@pytest.fixture(scope="module")
def main():
    return runpy.run_path(str(EXAMPLE))["main"]


def test_it_is_written_out(main, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    path = tmp_path / "two.png"
    main(["--epochs", "400", "--points", "100", "--plot", str(path)])
    said = capsys.readouterr().out
    for i in (1, 2, 3):
        letters = rf"w_{{{i}1}} x_{{1}} + w_{{{i}2}} x_{{2}} + b_{{{i}}}"
        assert rf"h_{{{i}}} &= \tanh\left( {letters} \right)" in said
        assert re.search(rf"h_\{{{i}\}} &= \\tanh\\left\( -?[\d.]+ \\, x_\{{1\}}", said)
    assert said.count(r"\begin{pmatrix} h_{1} \\ h_{2} \\ h_{3} \end{pmatrix}") == 2
    start, end = map(float, re.search(r"loss ([\d.]+) -> ([\d.]+)", said).groups())
    assert end < start
    by_hand, predicted = re.findall(r"p = ([\d.]+)$", said, re.M)
    assert by_hand == predicted
    assert "matplotlib is missing" in said
    assert not path.exists()


def test_it_is_drawn(main, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "two.png"
    main(["--epochs", "50", "--points", "50", "--plot", str(path)])
    assert f"Plot written to {path}" in capsys.readouterr().out
    assert path.stat().st_size > 10_000
