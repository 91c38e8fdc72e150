import builtins
import functools
import importlib.util
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skmlp

EXAMPLE = Path(__file__).parents[2] / "examples" / "predict_smoking.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("predict_smoking", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("MLPClassifier", "MLPRegressor"):
            patch.setattr(skmlp, kind, functools.partial(getattr(skmlp, kind), max_iter=20))
        yield module


@pytest.fixture
def table(rng):
    """A table with everything that tables have."""
    n = 120
    colour = rng.choice(["red", "green", "blue"], n)
    size = rng.normal(size=n)
    amount = 3 * size + 2 * (colour == "red") + 0.1 * rng.normal(size=n)
    size[::7] = np.nan
    colour = colour.astype(object)
    colour[::9] = None
    return pd.DataFrame(
        {
            "id": [f"row {i}" for i in range(n)],
            "size": size,
            "colour": colour,
            "flat": 1.0,
            "nothing": np.nan,
            "noise": rng.integers(5, size=n),
            "amount": amount,
            "big": np.where(amount > 0, "yes", "no"),
            "third": np.digitize(amount, [-1.5, 2.0]),
        }
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rows(text):
    """Read the printed tables: model -> (first metric, second metric), per task."""
    line = re.compile(r"^  (\S.*?) {2,}(-?[\d.]+) ± ([\d.]+) +(-?[\d.]+) ± [\d.]+ +[\d.]+ s$", re.M)
    return [
        {m[1]: (float(m[2]), float(m[4])) for m in line.finditer(part)}
        for part in text.split("\n\n")
        if line.search(part)
    ]


def test_the_cohort(example, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    plot = tmp_path / "smoking.png"
    example.main(["--samples", "80", "--null", "50", "--folds", "2", "--plot", str(plot)])
    text = capsys.readouterr().out
    status, pack_years = rows(text)
    assert list(status) == ["skmlp MLP", "AHRR alone", "L1 logistic regression", "scikit-learn MLP"]
    assert list(pack_years) == ["skmlp MLP", "AHRR alone", "ridge regression", "scikit-learn MLP"]
    assert status["skmlp MLP"][0] > 0.85
    assert "AHRR" in text.split("relies on")[1]
    assert "Spearman" in text and "52 rows, 115 columns, 2 folds" in text
    assert plot.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("target", "metric", "suffix"),
    [("big", "AUC", ".csv"), ("third", "AUC", ".csv.gz"), ("amount", "R²", ".tsv")],
)
def test_a_table_with_gaps_and_categories(example, table, tmp_path, capsys, target, metric, suffix):
    pytest.importorskip("matplotlib")
    others = {"big", "third", "amount"} - {target}
    table.loc[3, target] = None
    path, plot = tmp_path / f"table{suffix}", tmp_path / "plot.png"
    table.drop(columns=list(others)).to_csv(path, sep="\t" if "tsv" in suffix else ",", index=False)
    example.main(["--data", str(path), "--target", target, "--folds", "3", "--plot", str(plot)])
    text = capsys.readouterr().out
    assert "Dropping id: names of rows." in text
    assert "Dropping nothing: empty." in text
    assert f"Leaving out 1 rows without {target}." in text
    assert f"{target}: 119 rows, 4 columns, 3 folds" in text
    (scores,) = rows(text)
    assert metric in text and "AHRR alone" not in scores
    assert scores["skmlp MLP"][0] > 0.6
    assert "table of published smoking CpGs" not in text
    important = re.findall(r"^  (\w+) +-?[\d.]+ ± [\d.]+$", text.split("is shuffled")[1], re.M)
    assert important[0] == "size" and set(important) == {"size", "colour", "flat", "noise"}
    assert plot.exists()


def test_rare_classes_are_left_out(example, table, tmp_path, capsys):
    table.loc[[1, 2], "big"] = "perhaps"
    path = tmp_path / "table.csv"
    table.drop(columns=["amount", "third"]).to_csv(path, index=False)
    task = example.file_task(path, "big", folds=3)
    assert task.classes == ["no", "yes"]
    assert "Leaving out 2 rows of classes with fewer rows than folds." in capsys.readouterr().out


def test_a_missing_target_lists_the_columns(example, table, tmp_path):
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    with pytest.raises(SystemExit, match="No column 'weight'.*id, size, colour"):
        example.main(["--data", str(path), "--target", "weight"])


def test_a_single_class_is_refused(example, table, tmp_path):
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    with pytest.raises(SystemExit, match="'flat' has a single class"):
        example.file_task(path, "flat", folds=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "x.csv"], "go together"),
        (["--target", "y"], "go together"),
        (["--data", "no_such.csv", "--target", "y"], "no file no_such.csv"),
        (["--folds", "1"], "at least 2"),
    ],
)
def test_wrong_arguments_are_told(example, capsys, arguments, message):
    with pytest.raises(SystemExit):
        example.main(arguments)
    assert message in capsys.readouterr().err


def test_without_matplotlib_it_says_how_to_get_it(example, monkeypatch, tmp_path, capsys):
    real_import = builtins.__import__

    def refuse(name, *rest, **named):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real_import(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    example.draw(tmp_path / "none.png", [])
    assert "pip install skmlp[plot]" in capsys.readouterr().out
    assert not (tmp_path / "none.png").exists()
