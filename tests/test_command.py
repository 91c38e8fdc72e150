"""`python -m skmlp`, called in process."""

import gzip
import io
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

from skmlp import BEST_QUALITY, MLPClassifier, MLPRegressor, _command
from skmlp.__main__ import main

N = 60


@pytest.fixture
def table(rng):
    """Numbers only, with a number and a class to predict."""
    X = pd.DataFrame(rng.standard_normal((N, 3)), columns=["height", "width", "depth"])
    X["price"] = X["height"] - 2 * X["width"] + 0.1 * rng.standard_normal(N)
    X["grade"] = np.where(X["height"] > 0, "good", "bad")
    return X


@pytest.fixture
def csv(table, tmp_path):
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    return str(path)


@pytest.fixture
def quick(monkeypatch):
    """Leave out scikit-learn's models, which others test, and all but a few epochs."""

    ours = _command.ours

    def hasty(task, quality):
        return ours(task, quality).set_params(max_iter=5)

    monkeypatch.setattr(_command, "ours", hasty)
    monkeypatch.setattr(_command, "entrants", lambda *asked: {"skmlp": hasty(*asked)})


def refusal(capsys, *arguments):
    """Return the one line with which arguments are refused."""
    assert main(list(arguments)) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    return line


# -- score ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "other", "linear", "headings"),
    [
        ("price", "grade", "ridge", ["RMSE", "R²"]),
        ("grade", "price", "logistic", ["accuracy", "log-loss", "AUC"]),
    ],
)
def test_score_compares(csv, capsys, target, other, linear, headings):
    assert main(["score", csv, "--target", target, "--drop", other, "--folds", "2"]) == 0
    printed = capsys.readouterr()
    models = ["skmlp", "scikit-learn MLP", "HistGradientBoosting", linear, "dummy"]
    assert all(name in printed.out for name in [*models, *headings, "*", "±"])
    assert f"{N} rows, 3 columns: 3 numeric" in printed.err


@pytest.mark.parametrize("quality", [{}, BEST_QUALITY], ids=["default", "best"])
def test_ours_enters_as_it_is_at_each_quality(quality):
    name = "best" if quality else "default"
    for task, kind in (("regression", MLPRegressor), ("classification", MLPClassifier)):
        for model in (_command.entrants(task, name)["skmlp"], _command.ours(task, name)):
            assert repr(model) == repr(kind(**quality, random_state=0))


@pytest.mark.parametrize("ending", ["tsv", "csv.gz", "tsv.gz", "parquet"])
def test_every_kind_of_file_is_read(table, tmp_path, ending):
    path = tmp_path / f"table.{ending}"
    if ending == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if "tsv" in ending else ",")
    pd.testing.assert_frame_equal(_command.read_table(str(path)), table)


def test_a_separator_is_taken_and_suggested(table, tmp_path, capsys):
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False, sep=";")
    assert _command.read_table(str(path), ";").shape == table.shape
    assert "--sep ';'" in refusal(capsys, "score", str(path), "--target", "price")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0.5, 1.5, 2.0, 1.0], "regression"),
        ([0, 1, 1, 0], "classification"),
        ([0.0, 1.0, 2.0, 0.0], "classification"),
        (range(40), "regression"),
        (["a", "b", "a", "b"], "classification"),
        ([True, False, True, True], "classification"),
    ],
)
def test_the_task_is_told_by_the_target(values, task):
    table = pd.DataFrame({"y": values, "x": 1.0})
    assert _command.ask(table, "y", [], "auto").task == task


def test_rows_without_a_target_are_left_out(table, capsys):
    table.loc[:4, "price"] = np.nan
    question = _command.ask(table, "price", ["grade"], "auto")
    assert question.X.shape == (N - 5, 3)
    assert "5 rows without 'price' are left out" in capsys.readouterr().err


def test_whole_numbers_stay_whole_beside_a_gap():
    table = pd.DataFrame({"y": [1, 2, None, 1], "x": 1.0})
    assert _command.ask(table, "y", [], "auto").y.dtype == np.int64


def test_odd_columns_are_pointed_out(table):
    table["name"] = [f"item {i}" for i in range(N)]
    table["power"] = [*map(str, range(N - 1)), "?"]
    said = _command.describe(_command.ask(table, "price", [], "auto"), "price")
    assert "--drop 'name'" in said
    assert "'power' holds numbers but for '?'" in said
    assert "'grade'" not in said


def test_a_rare_class_costs_the_auc_only(table, csv, capsys, quick):
    table.loc[0, "grade"] = "rare"
    table.to_csv(csv, index=False)
    assert main(["score", csv, "--target", "grade", "--drop", "price", "--folds", "2"]) == 0
    printed = capsys.readouterr()
    assert "fewer than 2 rows of 'rare'" in printed.err
    assert printed.out.splitlines()[2].split()[-2] == "-"


def test_a_model_that_fails_does_not_hide_the_others(csv, capsys, monkeypatch):
    class Broken(BaseEstimator):
        def fit(self, X, y):
            raise ValueError("cannot\nat all")

    both = {"broken": Broken(), "skmlp": MLPRegressor(max_iter=2)}
    monkeypatch.setattr(_command, "entrants", lambda task, quality: both)
    arguments = ["score", csv, "--target", "price", "--drop", "grade", "--folds", "2"]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "broken: failed: cannot" in printed.err
    assert "skmlp" in printed.out
    both["skmlp"] = Broken()
    assert "skmlp could not be fitted" in refusal(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "Pricee"], "no column 'Pricee'; did you mean 'price'?"),
        (["--target", "price", "--drop", "depht"], "--drop: no column 'depht'; did you mean"),
        (["--target", "price", "--folds", "40"], "60 rows are too few for 40 folds"),
        (["--target", "price", "--folds", "1"], "--folds must be 2 or more, got 1"),
        (["--target", "grade", "--task", "regression"], "holds 'bad'"),
        (["--target", "price", "--save", "no/where.skops"], "no such folder: no"),
        (["--target", "price", "--drop", "grade", "width", "height", "depth"], "no column is left"),
        (["--target", "price", "--drop", "price"], "--drop names the target 'price'"),
    ],
)
def test_what_is_asked_amiss_is_refused(table, csv, capsys, arguments, said):
    table.loc[0, "grade"] = "bad"
    table.to_csv(csv, index=False)
    assert said in refusal(capsys, "score", csv, *arguments)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"x,y\n1,\n2,\n", "the target 'y' is empty in every row"),
        (b"x,y\n", "has a header and no rows"),
        (b"x,y\n1,a\n2,a\n", "the target 'y' is 'a' in every row"),
        (b"x,y\n1,0.5\n2,inf\n", "infinite"),
        (b"x,y\n1,2\n1,2,3,4\n", "cannot read"),
        (b"\xff\xfe\x00x", "cannot read"),
        (gzip.compress(b"x,y\n" + bytes(range(32, 127)) * 20)[:40], "cannot read"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, capsys, content, said):
    path = tmp_path / ("bad.csv.gz" if content[:2] == b"\x1f\x8b" else "bad.csv")
    path.write_bytes(content)
    assert said in refusal(capsys, "score", str(path), "--target", "y")


def test_a_file_that_is_not_there(tmp_path, capsys):
    missing = str(tmp_path / "no.csv")
    assert f"no such file: {missing}" in refusal(capsys, "score", missing, "--target", "y")
    assert "cannot read" in refusal(capsys, "score", str(tmp_path), "--target", "y")


def test_arguments_are_checked(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["score", "table.csv"])
    assert exit_.value.code == 2


# -- save and predict ----------------------------------------------------------------------


@pytest.fixture
def kept(csv, tmp_path, quick):
    """Keep a model of the table by the command, for a target."""
    pytest.importorskip("skops")

    def keep(target, other):
        path = str(tmp_path / "model.skops")
        asked = ["--target", target, "--drop", other, "--folds", "2", "--save", path]
        assert main(["score", csv, *asked]) == 0
        return path

    return keep


def test_a_kept_model_predicts(kept, table, csv, tmp_path, capsys):
    path, out = kept("price", "grade"), str(tmp_path / "out.csv")
    assert main(["predict", path, csv, "--out", out]) == 0
    assert "ignored: 'price', 'grade'" in capsys.readouterr().err
    X = table[["height", "width", "depth"]]
    expected = MLPRegressor(max_iter=5, random_state=0).fit(X, table["price"]).predict(X)
    np.testing.assert_allclose(pd.read_csv(out)["prediction"], expected, rtol=1e-5, atol=1e-6)


def test_columns_are_matched_by_name(kept, table, tmp_path, capsys):
    path = kept("grade", "price")
    capsys.readouterr()
    found = []
    for columns in (["height", "width", "depth"], ["depth", "height", "width"]):
        new = tmp_path / "new.csv"
        table[columns].to_csv(new, index=False)
        assert main(["predict", path, str(new)]) == 0
        found.append(pd.read_csv(io.StringIO(capsys.readouterr().out)))
    pd.testing.assert_frame_equal(*found)
    assert set(found[0]["prediction"]) == {"bad", "good"}


def test_probabilities(kept, csv, capsys):
    path = kept("grade", "price")
    capsys.readouterr()
    assert main(["predict", path, csv, "--proba"]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(found) == ["probability_bad", "probability_good"]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_what_does_not_fit_the_model_is_refused(kept, table, csv, tmp_path, capsys):
    path = kept("price", "grade")
    assert "not classes" in refusal(capsys, "predict", path, csv, "--proba")
    new = tmp_path / "new.csv"
    table.rename(columns={"width": "widht"}).to_csv(new, index=False)
    said = refusal(capsys, "predict", path, str(new))
    assert "lacks 'width'" in said
    assert "did you mean 'widht'?" in said
    assert "no such folder" in refusal(capsys, "predict", path, csv, "--out", "no/where.csv")


def test_a_place_that_cannot_be_written_is_told(kept, csv, tmp_path, capsys):
    assert "directory" in refusal(
        capsys, "predict", kept("price", "grade"), csv, "--out", str(tmp_path)
    )


def test_a_model_without_names_counts_columns(table, tmp_path, capsys):
    skops = pytest.importorskip("skops.io")
    path, new = str(tmp_path / "model.skops"), tmp_path / "new.csv"
    X = table[["height", "width", "depth"]]
    skops.dump(MLPClassifier(max_iter=2).fit(X.to_numpy(), table["grade"]), path)
    X.to_csv(new, index=False)
    assert main(["predict", path, str(new)]) == 0
    X.iloc[:, :2].to_csv(new, index=False)
    assert "has 2 columns" in refusal(capsys, "predict", path, str(new))


def test_without_skops_the_extra_is_named(csv, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    arguments = ["score", csv, "--target", "price", "--save", "model.skops"]
    assert 'pip install "skmlp[persist]"' in refusal(capsys, *arguments)


class Stranger(BaseEstimator):
    pass


def test_a_strange_type_is_refused_by_name(csv, tmp_path, capsys):
    skops = pytest.importorskip("skops.io")
    path = str(tmp_path / "model.skops")
    skops.dump(make_pipeline(Stranger(), MLPRegressor()), path)
    said = refusal(capsys, "predict", path, csv)
    assert "not loaded, because it holds" in said
    assert "Stranger" in said
    skops.dump([1, 2], path)
    assert "holds no model" in refusal(capsys, "predict", path, csv)
    (tmp_path / "model.skops").write_text("anything")
    assert "holds no model" in refusal(capsys, "predict", path, csv)
    assert "no such file" in refusal(capsys, "predict", f"{path}.not", csv)


@pytest.mark.parametrize(
    ("name", "trusted"),
    [
        ("numpy.dtype", True),
        ("skmlp.core.network.Network", True),
        ("skmlp.estimators.regressor.MLPRegressor", True),
        ("sklearn.model_selection._split.ShuffleSplit", True),
        ("sklearn.linear_model._ridge.Ridge", True),
        # each of these runs, reads or writes what a file tells it to
        ("numpy.testing._private.utils.runstring", False),
        ("numpy.memmap", False),
        ("sklearn.datasets._base.load_files", False),
        ("skmlp.__main__.main", False),
        ("skmlp._command.Path", False),
        ("builtins.eval", False),
        ("os.system", False),
        ("skmlp.no_such_module.Thing", False),
    ],
)
def test_only_what_holds_a_models_state_is_trusted(name, trusted):
    assert _command.is_trusted(name) is trusted


# What people have: texts, gaps, truth values. The estimators must take frames as they come.
MESSY = pd.DataFrame(
    {
        "city": ["Graz", "Linz", None, "Wien"] * 15,
        "rooms": [1, 2, 3, None] * 15,
        "garden": [True, False, False, True] * 15,
        "rent": np.linspace(500, 1500, N),
        "let": ["yes", "no", "yes", "no"] * 15,
    }
)


@pytest.mark.parametrize(("target", "other"), [("rent", "let"), ("let", "rent")])
def test_a_messy_table_is_scored_kept_and_used(tmp_path, capsys, quick, target, other):
    pytest.importorskip("skops")
    csv, path = str(tmp_path / "messy.csv"), str(tmp_path / "model.skops")
    MESSY.to_csv(csv, index=False)
    asked = ["--target", target, "--drop", other, "--folds", "2", "--save", path]
    assert main(["score", csv, *asked]) == 0
    capsys.readouterr()
    # a city never seen, and a column that is now empty
    MESSY.assign(city="Bregenz", rooms=None).to_csv(csv, index=False)
    assert main(["predict", path, csv]) == 0
    assert len(pd.read_csv(io.StringIO(capsys.readouterr().out))) == N


@pytest.mark.parametrize(("target", "other"), [("rent", "let"), ("let", "rent")])
def test_the_peers_take_a_messy_table(target, other):
    question = _command.ask(MESSY, target, [other], "auto")
    cuts = _command.folds(question, 2)
    for name, model in _command.entrants(question.task, "default").items():
        if name != "skmlp":
            scores = _command.cross_validate(model, question, cuts)
            assert all(np.isfinite(values).all() for values in scores.values()), name
