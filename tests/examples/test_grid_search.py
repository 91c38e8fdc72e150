"""The example of a grid search runs, on few candidates, and both libraries find the same."""

import io
import re
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "grid_search.py"


@pytest.fixture(scope="module")
def said():
    main = runpy.run_path(str(EXAMPLE))["main"]
    with redirect_stdout(io.StringIO()) as out:
        main(["--quick", "--samples", "150", "--epochs", "3"])
    return out.getvalue()


def test_both_searches_find_the_same(said):
    assert "98 people, 65 CpGs, 8 candidates, 5 folds" in said
    ours, theirs = re.findall(r"^best, \S+: +(hidden_layer_sizes=.*)$", said, re.M)
    assert ours == theirs
    (apart,) = re.findall(r"in 40 log losses: (\S+)$", said, re.M)
    assert float(apart) < 1e-9


def test_the_best_candidates_stand_side_by_side(said):
    row = r"^  (\(\d+,\)) +([\d.]+) +([\d.]+) +(\d\.\d{4}) +(\d\.\d{4})$"
    rows = re.findall(row, said, re.M)
    assert len(rows) == 5
    assert all(ours == theirs for *_, ours, theirs in rows)
    losses = [float(ours) for *_, ours, _ in rows]
    assert losses == sorted(losses)
    layers, alpha, rate, *_ = rows[0]
    best = f"hidden_layer_sizes={layers}, alpha={alpha}, learning_rate_init={rate}"
    assert f"best, skmlp:         {best}\n" in said


def test_it_tells_the_times(said):
    assert re.search(r"^skmlp +[\d.]+ s$", said, re.M)
    assert re.search(r"^scikit-learn +[\d.]+ s$", said, re.M)
    assert re.search(r"^ +[\d.]+ times as long$", said, re.M)
