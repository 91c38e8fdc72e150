"""The example on handwritten digits runs, on few of them."""

import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits.py"


@pytest.fixture
def main():
    return runpy.run_path(str(EXAMPLE))["main"]


@pytest.fixture
def mnist():
    """Images of 28x28 pixels, each digit a bar of its own."""
    labels = np.tile(np.arange(10, dtype=np.uint8), 6)
    images = np.random.default_rng(0).integers(0, 40, (60, 28, 28), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4] = 250
    return images, labels


def test_scikit_learns_digits(main, tmp_path, capsys):
    main(["--rows", "200", "--epochs", "3", "--plot", str(tmp_path / "digits.png")])
    said = capsys.readouterr().out
    assert "150 digits to learn from, 50 to read" in said
    assert "skmlp MLP" in said
    assert "scikit-learn MLP" in said
    assert "Most confused" in said


@pytest.mark.parametrize("keys", [("X", "y"), ("x_train", "y_train")])
def test_mnist_from_a_file(main, mnist, keys, tmp_path, capsys):
    path = tmp_path / "mnist.npz"
    np.savez(path, **dict(zip(keys, mnist, strict=True)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main(
            ["--mnist", str(path), "--held-out", "10", "--epochs", "2"]
            + ["--plot", str(tmp_path / "digits.png")]
        )
    said = capsys.readouterr().out
    assert "50 digits to learn from, 10 to read" in said
    assert "Error " in said
    assert "Iteration 2" in said


def test_a_file_of_something_else_is_refused(main, tmp_path):
    path = tmp_path / "else.npz"
    np.savez(path, pictures=np.zeros(3))
    with pytest.raises(SystemExit, match="holds pictures, but expected 'X' and 'y'"):
        main(["--mnist", str(path)])


def test_a_missing_file_is_an_error_of_usage(main, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--mnist", str(tmp_path / "none.npz")])
    assert "no file" in capsys.readouterr().err


def test_without_matplotlib_there_is_no_plot(main, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    path = tmp_path / "digits.png"
    main(["--rows", "200", "--epochs", "1", "--plot", str(path)])
    assert "matplotlib is missing" in capsys.readouterr().out
    assert not path.exists()
