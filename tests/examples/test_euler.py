"""The example of Euler's method runs, and finds that gradient descent is of first order."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "euler.py"
QUICK = ["--time", "2", "--rates", "0.02", "0.04", "0.08", "--points", "20"]


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(EXAMPLE))


def test_the_order_is_one(example, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    path = tmp_path / "euler.png"
    example["main"]([*QUICK, "--plot", str(path)])
    said = capsys.readouterr().out
    (order,) = re.findall(r"measured order: ([\d.]+)", said)
    assert 0.95 < float(order) < 1.05
    errors = [float(error) for error in re.findall(r"([\d.]+e-\d+)$", said, re.M)]
    assert len(errors) == 3
    np.testing.assert_allclose(errors[1] / errors[0], 2, rtol=0.05)
    assert "matplotlib is missing" in said
    assert not path.exists()


def test_a_step_goes_down_the_slope_worked_out_by_hand(example):
    X, y = example["points"](20, 0)
    path = example["descend"](X, y, 0.1, 1.0, 0)
    assert path.shape == (11, 13)
    for before, after in zip(path, path[1:], strict=False):
        np.testing.assert_allclose(after, before - 0.1 * example["slope"](before, X, y), atol=1e-14)


def test_it_is_drawn(example, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "euler.png"
    example["main"]([*QUICK, "--plot", str(path)])
    assert f"Plot written to {path}" in capsys.readouterr().out
    assert path.stat().st_size > 10_000


def test_rates_that_say_nothing(example, capsys):
    with pytest.raises(SystemExit):
        example["main"](["--rates", "0.1"])
    assert "two or more" in capsys.readouterr().err
