"""The example that writes a page about digits runs, on few of them."""

import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def main(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)  # as it is for a script
    return runpy.run_path(str(EXAMPLES / "digits_page.py"))["main"]


@pytest.mark.parametrize("mnist", [False, True])
def test_a_page_is_written(main, mnist, tmp_path, capsys):
    page = tmp_path / "digits.html"
    options = ["--epochs", "1", "--page", str(page)]
    if mnist:
        labels = np.arange(200) % 10
        images = np.random.default_rng(0).integers(0, 255, (200, 28, 28)).astype(np.uint8)
        np.savez(tmp_path / "mnist.npz", X=images, y=labels)
        options += ["--mnist", str(tmp_path / "mnist.npz")]
    main(options)
    assert f"digits read right; {page} has " in capsys.readouterr().out
    assert "<title>A network reads digits</title>" in page.read_text(encoding="utf-8")
