"""What our defaults and BEST_QUALITY reach on the suite of tables.

`pytest -m quality tests/quality/test_tables.py` takes hours; with SKMLP_RESULTS naming a file of
`bench_tables` it measures only what the file lacks. RealMLP is taken from the reference file, and
so compared on split 0, where it is not installed.
"""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.quality import bench_tables, critical_difference, peers, tables

needs_data = pytest.mark.skipif(not tables.present(), reason=tables.ABSENT)
quality = pytest.mark.quality


# -- targets -------------------------------------------------------------------------------

ERROR = {
    ("skmlp", "sklearn"): 0.68,
    ("skmlp", "hgb"): 0.87,
    ("skmlp", "realmlp_tds"): 1.08,
    ("skmlp_best", "sklearn"): 0.60,
    ("skmlp_best", "hgb"): 0.77,
    ("skmlp_best", "realmlp_tds"): 0.95,
    ("skmlp_best", "realmlp_td"): 0.95,
}
LOGLOSS = {("skmlp_best", "hgb"): 1.0, ("skmlp_best", "realmlp_td"): 0.9}
AREA_LOST = {("skmlp_best", "hgb"): 1.0, ("skmlp_best", "realmlp_td"): 1.0}
CPU = {("skmlp", "sklearn"): 2.5, ("skmlp_best", "realmlp_td"): 0.5}
WORST_SET = 1.05


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    if not tables.present():
        pytest.skip(tables.ABSENT)
    out = os.environ.get("SKMLP_RESULTS") or tmp_path_factory.mktemp("tables") / "results.jsonl"
    models = ("skmlp", "skmlp_best", "sklearn", "hgb", "realmlp_td", "realmlp_tds")
    here = [name for name in models if name in peers.PEERS]
    return bench_tables.main(["--models", *here, "--out", str(out), "--with-reference"])


def compare(results, model, other, metric="error"):
    base = results.find(other)
    if model not in results.models or base is None:
        pytest.skip(f"{model} or {other}: not here")
    return results.ratio(model, base, metric)


def ids(pair):
    return " / ".join(pair)


@quality
@pytest.mark.parametrize("pair", ERROR, ids=ids)
def test_errors(results, pair):
    assert compare(results, *pair).mean <= ERROR[pair]


@quality
@pytest.mark.parametrize("pair", LOGLOSS, ids=ids)
def test_log_loss(results, pair):
    assert compare(results, *pair, "logloss").mean <= LOGLOSS[pair]


@quality
@pytest.mark.parametrize("pair", AREA_LOST, ids=ids)
def test_area_under_the_curve(results, pair):
    assert compare(results, *pair, "1-auc").mean <= AREA_LOST[pair]


@quality
@pytest.mark.parametrize("pair", CPU, ids=ids)
def test_time(results, pair):
    model, other = pair
    compare(results, model, other)
    if other in results.models:
        found = results.cpu_ratio(model, other)
    else:  # seconds of another machine: compare through scikit-learn's there
        found = results.cpu_ratio(model, "sklearn") / results.cpu_ratio(f"{other}*", "sklearn*")
    assert found <= CPU[pair]


@quality
def test_no_set_is_much_worse_than_with_scikit_learn(results):
    ratio = compare(results, "skmlp", "sklearn")
    assert ratio.worst <= WORST_SET, ratio.worst_set


@quality
def test_every_set_is_fitted_from_the_raw_frame(results):
    failures = [r for r in results.failures if r["model"] in ("skmlp", "skmlp_best")]
    assert not failures, bench_tables.lament(failures)


# -- the protocol, and the program ---------------------------------------------------------


@needs_data
@pytest.mark.parametrize("name", tables.names() if tables.present() else [])
def test_split_0_is_the_one_of_the_reference(name):
    sizes = {r["n"] for r in tables.reference() if r["data"] == name}
    X_train, _, y_train, y_test = tables.load(name).cut(0)
    assert {len(X_train)} == {len(y_train)} == sizes
    if tables.load(name).task == "classification":
        assert set(y_train) == set(y_test)


@needs_data
def test_rare_classes_are_dropped():
    y = np.array(["a"] * 20 + ["b"] * 7)
    table = tables.load("uci_yacht").rows(np.arange(27))
    table = tables.sampled(tables.Table("some", "classification", table.X, y))
    assert set(table.y) == {"a"}


@needs_data
def test_the_benchmark_runs_and_resumes(tmp_path, capsys):
    out, png = tmp_path / "results.jsonl", tmp_path / "ranks.png"
    arguments = ["--sets", "uci_yacht", "--splits", "1", "--out", str(out)]
    arguments += ["--models", "sklearn", "skmlp", "--against", "sklearn", "hgb"]
    quick = ["--candidate", 'quick:{"max_iter": 2}']
    broken = ["--candidate", 'broken:{"solver": "no"}']

    bench_tables.main(arguments)
    assert len(out.read_text().splitlines()) == 2
    bench_tables.main([*arguments, *quick, *broken, "--with-reference"])
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["model"] for r in records] == ["sklearn", "skmlp", "quick", "broken"]
    assert records[0]["rmse"] == pytest.approx(reference_of("sk_scaled", "uci_yacht")["rmse"])
    assert all({"rmse", "fit_cpu", "n", "n_iter"} <= set(r) for r in records[:3])
    printed = capsys.readouterr().out
    assert "1 FAILED FITS" in printed
    assert "broken: InvalidParameterError" in printed
    assert "realmlp_td*" in printed

    pytest.importorskip("matplotlib")
    bench_tables.main([*arguments, "--summary-only", "--plot", str(png)])
    assert png.stat().st_size > 0
    assert len(out.read_text().splitlines()) == 4

    with pytest.raises(ValueError, match="'quick' with settings"):
        bench_tables.main([*arguments, "--candidate", 'quick:{"max_iter": 3}'])


def test_what_is_measured_again():
    mine, old = peers.named("skmlp"), record("skmlp", rmse=1.0, version="old")
    failed = record("skmlp", split=1, failure="E: no", version=peers.version_of_ours())

    def missing(*retry):
        jobs = bench_tables.missing([mine], ["a"], 3, [old, failed], retry)
        return [split for _, _, split in jobs]

    assert missing() == [2]
    assert missing("failed") == [1, 2]
    assert missing("failed", "changed") == [0, 1, 2]
    assert bench_tables.Results([old, failed]).stale() == ["skmlp"]


def reference_of(model, name):
    return next(r for r in tables.reference() if (r["model"], r["data"]) == (model, name))


@needs_data
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "sklern"], "Did you mean 'sklearn'?"),
        (["--sets", "uci_yatch"], "Did you mean 'uci_yacht'?"),
        (["--candidate", "a:[1]"], "expected name:"),
        (["--candidate", "a:{1}"], "candidate 'a:{1}'"),
        (["--candidate", 'a:{"alhpa": 1}'], "alhpa"),
        (["--candidate", "sklearn:{}"], "is taken"),
        (["--summary-only", "--out", "no.jsonl"], "no results file"),
    ],
)
def test_what_is_asked_amiss_is_refused(capsys, arguments, said):
    with pytest.raises(SystemExit):
        bench_tables.parse(arguments)
    assert said in capsys.readouterr().err


def record(model, name="a", split=0, **scores):
    return {"model": model, "set": name, "split": split, "n_test": 50, "fit_cpu": 1.0, **scores}


def test_ratios_are_of_means_over_the_splits_that_both_have():
    ours = [record("ours", "a", k, rmse=r) for k, r in enumerate([1.0, 3.0, 100.0])]
    theirs = [record("theirs", "a", k, rmse=r) for k, r in enumerate([2.0, 6.0])]
    both = [record("ours", "b", rmse=2.0), record("theirs", "b", rmse=1.0)]
    ratio = bench_tables.Results([*ours, *theirs, *both]).ratio("ours", "theirs")
    assert ratio == pytest.approx((1.0, 1, 1, 2.0, ratio.worst_set, 2))
    assert ratio.worst_set == "b"


def test_no_error_at_all_counts_as_half_a_row():
    scores = {"logloss": 0.1, "auc": 1.0}
    found = bench_tables.Results(
        [record("m", error=0.0, **scores), record("n", error=0.02, **scores)]
    )
    assert found.ratio("m", "n").mean == pytest.approx(0.5)
    assert found.ratio("m", "n", "1-auc").mean == 1


def test_who_fails_comes_last():
    records = [record("m", rmse=1.0), record("n", rmse=2.0), record("o", failure="E: no")]
    records += [record(m, "b", rmse=1.0) for m in "mno"]
    results = bench_tables.Results(records)
    assert dict(results.mean_ranks()) == {"m": 1.5, "n": 2.0, "o": 2.5}
    assert "o: E: no\n      on a/0" in bench_tables.lament(results.failures)


def test_a_broken_line_is_passed_over_and_a_repeated_fit_replaces(tmp_path, capsys):
    path = Path(tmp_path / "results.jsonl")
    path.write_text(json.dumps(record("m", rmse=1.0)) + '\n{"model": "m", "se')
    bench_tables.append(path, record("m", rmse=2.0))
    assert [r["rmse"] for r in bench_tables.read(path)] == [2.0]
    assert "a broken line" in capsys.readouterr().err


def test_ranks_are_told_on_the_sets_and_splits_that_all_have():
    both = [("m", 0, 1.0), ("m", 1, 3.0), ("m", 2, 100.0), ("n", 0, 2.0), ("n", 1, 2.5)]
    records = [record(model, "a", split, rmse=rmse) for model, split, rmse in both]
    records += [record("m", "b", rmse=9.0), record("n", "b", failure="E: no")]
    records += [record("o", name, failure="E: no") for name in "ab"]
    records.append(record("m", "c", error=0.1, logloss=0.3))
    results = bench_tables.Results(records)
    assert results.shared("logloss").to_dict("index") == {"c": {"m": 0.3}}
    assert results.shared("error").to_dict("index") == {"a": {"m": 2.0, "n": 2.25}}
    told = "mean ranks on 1 of 3 sets, those that all have: m 1.00, n 2.00 (no test"
    assert told in bench_tables.summary(results, ["m"])


# -- critical differences ------------------------------------------------------------------

TIE = 1e-9


def scores(rows, models="abcdefghijkl"):
    rows = np.asarray(rows, dtype=float)
    return pd.DataFrame(rows, columns=list(models[: rows.shape[1]]))


def steps(n_models, n_sets, step):
    """Let each model be worse than the one before by a factor, with noise."""
    noise = np.random.default_rng(0).normal(scale=0.1, size=(n_sets, n_models))
    return scores(np.exp(noise + step * np.arange(n_models)))


def test_mean_ranks_share_ties():
    near = 5 * (1 + np.array([0, 8e-10, 16e-10]))  # the ends only by way of the middle
    rows = [[1, 2, 3], [2, 2, 1], near[[1, 2, 0]], [1e6, 3e6, 2e6], [7, 7 * (1 + 1e-8), 8]]
    found = critical_difference.mean_ranks(scores(rows), TIE)
    expected = np.mean([[1, 2, 3], [2.5, 2.5, 1], [2, 2, 2], [1, 3, 2], [1, 2, 3]], axis=0)
    assert found.tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.9, 0.6], [1, 1]),
        ([0.2], [0.2]),
    ],
)
def test_holm(p, adjusted):
    assert critical_difference.holm(np.array(p)) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    ("n_models", "pairs", "runs"),
    [
        (3, [], [(0, 2)]),
        (3, [(0, 1), (0, 2), (1, 2)], []),
        (3, [(0, 2)], [(0, 1), (1, 2)]),  # a chain: its ends differ
        (3, [(0, 1)], [(1, 2)]),  # the ends do not differ, but no bar passes over who does
        (4, [(1, 2)], [(0, 1), (2, 3)]),
        (5, [(0, 3), (0, 4), (1, 4)], [(0, 2), (1, 3), (2, 4)]),
        (5, [(0, 4)], [(0, 3), (1, 4)]),
    ],
)
def test_groups_are_the_longest_runs_without_a_difference(n_models, pairs, runs):
    differs = np.zeros((n_models, n_models), dtype=bool)
    for i, j in pairs:
        differs[i, j] = differs[j, i] = True
    assert critical_difference.groups(differs) == runs


def test_models_are_ranked_and_tested():
    gap = np.array([0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.4, -0.4])  # between b and c, of no weight
    best = np.arange(-1, -9, -1)  # eight gains of a: p = 2 / 2**8
    logs = np.stack([gap / 2, best, -gap / 2], axis=1)
    found = critical_difference.compare(scores(np.exp(logs), "bac"), TIE)
    assert found.ranks.to_dict() == {"a": 1, "b": 2.5, "c": 2.5}
    assert found.friedman == pytest.approx(np.exp(-6))  # chi2 = 8 (1 + 1/4 + 1/4), 2 degrees
    assert found.differs.tolist() == [
        [False, True, True],
        [True, False, False],
        [True, False, False],
    ]
    p = critical_difference.pairwise_p(logs)
    assert p == pytest.approx(np.array([[1, 6 / 256, 1], [6 / 256, 1, 6 / 256], [1, 6 / 256, 1]]))


def test_zero_differences_count_half_for_either_side():
    logs = np.outer([0, 0, 0, 1, 2, -3, 4, 5], [1, 0, 0])
    # The zeros take ranks 1 to 3, so of the signs of 4 to 8 those count that leave at most 6 on one
    # side: none, 4, 5 or 6. Three pairs, of which two are alike and one has no difference at all.
    p = critical_difference.pairwise_p(logs)
    assert p[0] == pytest.approx([1, 3 * 2 * 4 / 2**5, 3 * 2 * 4 / 2**5])
    assert p[1, 2] == 1


def test_what_a_set_is_measured_in_does_not_matter():
    plain = steps(4, 12, step=0.05)
    units = 10.0 ** np.arange(-6, 6)
    found, same = (critical_difference.compare(s, TIE) for s in (plain, plain.mul(units, axis=0)))
    assert found.differs.any() and not found.differs.all()
    assert (found.differs == same.differs).all()
    assert found.ranks.equals(same.ranks)
    p = [critical_difference.pairwise_p(np.log(s.to_numpy())) for s in (plain, plain * 1e3)]
    assert p[0] == pytest.approx(p[1])


def test_no_pair_differs_where_friedman_finds_nothing():
    worse = np.concatenate([-0.01 * np.arange(1, 5), 0.1 * np.arange(5, 15)])
    logs = np.outer(worse, [0, 1, 0.5])
    found = critical_difference.compare(scores(np.exp(logs)), TIE)
    assert found.friedman == pytest.approx(np.exp(-14 * (3 / 7) ** 2))  # c between a and b
    assert critical_difference.pairwise_p(logs)[0, 1] < 0.05
    assert critical_difference.groups(found.differs) == [(0, 2)]
    assert "no pair is tested" in found.verdict()


def test_models_that_are_the_same_tie():
    found = critical_difference.compare(scores(np.ones((6, 3))), TIE)
    assert (found.friedman, found.ranks.tolist()) == (1, [2, 2, 2])
    assert critical_difference.groups(found.differs) == [(0, 2)]


@pytest.mark.parametrize(
    ("n_models", "n_sets", "said"),
    [
        (2, 12, "no test of differences: 2 models on 12 sets"),
        (6, 4, "no test of differences: 6 models on 4 sets"),
        (3, 6, "too few sets for any pair"),  # 3 pairs / 2**5 > 0.05
        (3, 7, "Friedman p ="),
    ],
)
def test_too_little_is_said_in_words(n_models, n_sets, said):
    found = critical_difference.compare(steps(n_models, n_sets, step=1.0), TIE)
    assert said in found.verdict()
    assert found.differs.any() == (n_sets == 7)
    assert ("too few" in found.verdict()) == (n_sets == 6)


def test_the_diagram_has_a_label_for_each_model_and_a_bar_for_each_group():
    figure = pytest.importorskip("matplotlib.figure").Figure(layout="constrained")
    names = [f"a_model_of_quite_a_long_name_{i}" for i in range(7)]
    found = critical_difference.compare(steps(7, 14, step=0.05).set_axis(names, axis=1), TIE)
    axes = figure.subplots()
    critical_difference.draw(axes, found, "title")
    figure.draw_without_rendering()

    groups = critical_difference.groups(found.differs)
    bars = [line.get_xdata() for line in axes.lines if line.get_marker() == "o"]
    assert len(groups) > 1
    assert [(x[0], x[-1]) for x in bars] == [tuple(found.ranks.iloc[list(g)]) for g in groups]
    assert [t.get_text().split()[0] for t in axes.texts] == found.ranks.index.tolist()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(figure.bbox.containsx(x) for box in boxes for x in box.intervalx)


@pytest.mark.parametrize("n_models", [2, 6])
def test_the_picture_is_drawn(tmp_path, n_models):
    pytest.importorskip("matplotlib")
    table = steps(n_models, 6, step=0.1).stack()
    records = [record(model, name, rmse=rmse) for (name, model), rmse in table.items()]
    bench_tables.plot(bench_tables.Results(records), "a", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 0


@needs_data
def test_one_model_alone_is_not_drawn(tmp_path, capsys):
    out = tmp_path / "results.jsonl"
    out.write_text(json.dumps(record("a", "uci_yacht", rmse=1.0)) + "\n")
    png = tmp_path / "a.png"
    bench_tables.main(
        ["--sets", "uci_yacht", "--out", str(out), "--summary-only", "--plot", str(png)]
    )
    assert "ratios need a second model" in capsys.readouterr().out
    assert not png.exists()
