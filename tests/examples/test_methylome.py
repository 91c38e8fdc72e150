"""The example goes from a file to a table of genes."""

import functools
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from skmlp.datasets import read_beta_matrix

EXAMPLE = Path(__file__).parents[2] / "examples" / "methylome.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("methylome", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.CHOSEN = 60
    for kind in ("MLPClassifier", "MLPRegressor"):  # fewer epochs
        setattr(module, kind, functools.partial(getattr(module, kind), n_estimators=1))
    return module


def test_the_file_holds_the_cohort(example, tmp_path):
    betas, sheet = example.write_cohort(tmp_path, n_people=12, n_cpgs=150)
    matrix = read_beta_matrix(betas, samples=sheet, memmap=tmp_path / "betas.npy")
    assert matrix.data.shape == (12, 150)
    assert isinstance(matrix.data, np.memmap)
    assert set(matrix.samples["smoking"]) <= {"never", "former", "current"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:The batch predicts:UserWarning")
def test_from_the_file_to_the_genes(example, tmp_path, capsys):
    betas, sheet = example.write_cohort(tmp_path, n_people=90, n_cpgs=400)
    plot = tmp_path / "plot.png"
    example.main(
        ["--betas", str(betas), "--sheet", str(sheet), "--plot", str(plot), "--folds", "3"]
    )
    told = capsys.readouterr().out
    assert "MethylationMatrix(90 samples, 400 CpGs, float32), in a memory map" in told
    assert "batches" in told
    scores = [line for line in told.splitlines() if "±" in line]
    assert len(scores) == 7
    best = max(float(line.split("roc_auc")[1].split("±")[0]) for line in scores[:4])
    assert best > 0.9
    genes = told[told.index("importance") :].splitlines()
    assert any(line.startswith("AHRR") for line in genes[1:6])
    assert "hold for" in told
    assert plot.exists() == (importlib.util.find_spec("matplotlib") is not None)
