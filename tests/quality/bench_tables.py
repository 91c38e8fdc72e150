"""Score models over the suite of tables: `python -m tests.quality.bench_tables`.

Each fit is one line of the results file, written as soon as it is there. What the file has already
is not measured again, so a run can be broken off and taken up, and models can be added.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd

from tests.quality import critical_difference, peers, tables

#: What is compared, each the smaller the better, with a floor where a perfect score would be zero.
METRICS = ("error", "logloss", "1-auc")
_SMALLEST = 1e-4
#: Nearer than this is the same result, but for rounding.
_TIE = 1e-9

#: Peers of the reference file by our names; a star says: not measured here.
REFERENCES = {
    "sk_scaled": "sklearn*",
    "hgb": "hgb*",
    "realmlp_td": "realmlp_td*",
    "realmlp_tds": "realmlp_tds*",
}


# -- records -------------------------------------------------------------------------------


def read(path: Path) -> list[dict]:
    """Return the records of a file, the last where one fit has several."""
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            print(f"{path}:{number}: a broken line, ignored", file=sys.stderr)
            continue
        found[record["model"], record["set"], record["split"]] = record
    return list(found.values())


def missing(
    models: Iterable[peers.Model],
    sets: Iterable[str],
    n_splits: int,
    records: Iterable[dict],
    retry: Sequence[str] = (),
) -> list[tuple[peers.Model, str, int]]:
    """List the fits that the records do not have, or that are to be tried again."""
    models = list(models)
    marks = {model.name: model.marks.get("settings") for model in models}
    done = set()
    for record in records:
        name = record["model"]
        if name in marks and record.get("settings") != marks[name]:
            raise ValueError(
                f"the results file has {name!r} with settings {record.get('settings')}, not "
                f"{marks[name]}; choose another name or another file"
            )
        again = {"failed": "failure" in record, "changed": is_stale(record)}
        if not any(again[reason] for reason in retry):
            done.add((name, record["set"], record["split"]))
    jobs = product(sets, range(n_splits), models)
    return [(m, s, k) for s, k, m in jobs if (m.name, s, k) not in done]


def is_stale(record: dict) -> bool:
    """Say whether our sources have changed since."""
    return record.get("version", peers.version_of_ours()) != peers.version_of_ours()


def run(jobs: Sequence[tuple[peers.Model, str, int]], n_jobs: int, path: Path) -> None:
    """Measure in processes of one thread each, and append each record as it comes."""
    with joblib.parallel_config("loky", n_jobs=n_jobs, inner_max_num_threads=1):
        parallel = joblib.Parallel(return_as="generator_unordered", pre_dispatch="2*n_jobs")
        results = parallel(joblib.delayed(peers.measure)(*job) for job in jobs)
        for number, record in enumerate(results, start=1):
            append(path, record)
            told = record.get("failure") or _score_of(record)
            where = f"{record['set']} {record['split']} {record['model']}"
            print(f"[{number}/{len(jobs)}] {where}: {told}", flush=True)


def append(path: Path, record: dict) -> None:
    broken = path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * bool(broken) + json.dumps(record) + "\n")


def _score_of(record: dict) -> str:
    name = "rmse" if "rmse" in record else "error"
    return f"{name} {record[name]:.4g}, {record['fit_cpu']:.2f} s"


def references(sets: Iterable[str]) -> list[dict]:
    """Return the reference figures as records of split 0."""
    chosen = set(sets)
    return [_referred(r) for r in tables.reference() if r["data"] in chosen & _known(r)]


def _known(reference: dict) -> set[str]:
    return {reference["data"]} if reference["model"] in REFERENCES else set()


def _referred(reference: dict) -> dict:
    scores = {k: reference[k] for k in ("rmse", "logloss", "auc") if k in reference}
    if "acc" in reference:
        scores["error"] = 1 - reference["acc"]
    n = reference["n"]
    sizes = {"n": n, "n_test": round(n * tables.TEST_FRACTION / (1 - tables.TEST_FRACTION))}
    name = REFERENCES[reference["model"]]
    key = {"model": name, "set": reference["data"], "split": 0}
    return {**key, **sizes, **scores, "fit_cpu": reference["cpu"]}


# -- what the records say -------------------------------------------------------------------


class Ratio(NamedTuple):
    """A model beside another over the sets that both have."""

    mean: float  # geometric
    wins: int
    losses: int
    worst: float
    worst_set: str
    n_sets: int


class Results:
    """Records as one column for each metric, a row for each model, set and split."""

    def __init__(self, records: Iterable[dict]) -> None:
        self.records = list(records)
        self.failures = [r for r in self.records if "failure" in r]
        rows = [_row(r) for r in self.records if "failure" not in r]
        columns = ["model", "set", "split", *METRICS, "cpu"]
        self.rows = pd.DataFrame(rows, columns=columns).set_index(columns[:3]).sort_index()
        self.models = list(dict.fromkeys(r["model"] for r in self.records))
        self.sets = list(dict.fromkeys(r["set"] for r in self.records))

    def find(self, name: str) -> str | None:
        """Return the model of this name, or else the one of the reference file."""
        return next((m for m in (name, f"{name}*") if m in self.models), None)

    def of(self, model: str, column: str) -> pd.Series:
        """Return a column of one model by set and split."""
        if model not in self.rows.index.get_level_values("model"):
            return pd.Series(dtype=float, index=pd.MultiIndex.from_arrays([[], []]))
        return self.rows.xs(model)[column].dropna()

    def beside(self, model: str, other: str, column: str) -> pd.DataFrame:
        """Return a column of two models on the splits that both have, averaged over them."""
        both = pd.concat([self.of(model, column), self.of(other, column)], axis=1, join="inner")
        both.columns = ["ours", "theirs"]
        return both.groupby(level=0).mean()

    def ratio(self, model: str, other: str, metric: str = "error") -> Ratio | None:
        """Compare two models by a metric; None where they share no set."""
        both = self.beside(model, other, metric)
        if both.empty:
            return None
        ratios = both["ours"] / both["theirs"]
        return Ratio(
            mean=float(np.exp(np.log(ratios).mean())),
            wins=int((ratios < 1 - _TIE).sum()),
            losses=int((ratios > 1 + _TIE).sum()),
            worst=float(ratios.max()),
            worst_set=str(ratios.idxmax()),
            n_sets=len(ratios),
        )

    def cpu_ratio(self, model: str, other: str) -> float:
        """Divide the time of all fits by the other's."""
        both = self.beside(model, other, "cpu").sum()
        return float(both["ours"] / both["theirs"]) if both["theirs"] else float("nan")

    def mean_ranks(self) -> pd.Series:
        """Rank the models on each set, on the splits that all have; who failed there comes last."""
        shared = self.shared("error")
        errors = self.rows["error"].unstack("model")
        alone = errors.groupby(level="set").mean()  # where no split is shared by all
        by_set = shared.combine_first(alone.loc[~alone.index.isin(shared.index)])
        by_set = by_set.reindex(columns=self.models)
        return critical_difference.mean_ranks(by_set.fillna(np.finfo(float).max), _TIE)

    def shared(self, metric: str) -> pd.DataFrame:
        """Return a metric of each model that has it, by set, averaged over splits that all have."""
        by_split = self.rows[metric].unstack("model").dropna(axis=1, how="all")
        return by_split.dropna().groupby(level="set").mean()

    def comparison(self, metric: str = "error") -> critical_difference.Comparison:
        """Test the models by a metric on the sets that all have."""
        return critical_difference.compare(self.shared(metric), _TIE)

    def stale(self) -> list[str]:
        """Name the models of ours with records of other sources than today's."""
        return sorted({r["model"] for r in self.records if is_stale(r)})


def _row(record: dict) -> tuple:
    error = record.get("rmse")
    if error is None:  # a share of rows: half a row stands for none
        error = max(record["error"], 0.5 / record["n_test"])
    logloss, auc = record.get("logloss"), record.get("auc")
    return (
        record["model"],
        record["set"],
        record["split"],
        max(error, np.finfo(float).tiny),
        np.nan if logloss is None else max(logloss, _SMALLEST),
        np.nan if auc is None else max(1 - auc, _SMALLEST),
        record["fit_cpu"],
    )


def summary(results: Results, against: Sequence[str]) -> str:
    """Write one line for each model: mean ratios, wins and losses, rank, time, worst set."""
    bases = [(name, results.find(name)) for name in against]
    present = [base for _, base in bases if base]
    heads = [f"{metric}/{base}" for metric in METRICS for base in present]
    table = [["model", "sets", *heads, "rank", *(f"cpu/{b}" for b in present), "worst set"]]
    ranks = results.mean_ranks()
    for model in results.models:
        n_sets = results.of(model, "error").index.get_level_values(0).nunique()
        line = [model, f"{n_sets}/{len(results.sets)}"]
        line += [_told(results, model, b, metric) for metric in METRICS for b in present]
        line += [f"{ranks[model]:.2f}"]
        line += [f"{results.cpu_ratio(model, b):.2f}" for b in present]
        worst = results.ratio(model, present[0]) if present else None
        table.append([*line, f"{worst.worst:.2f} {worst.worst_set}" if worst else "-"])
    notes = [f"no model {name!r} to compare with" for name, base in bases if base is None]
    notes += [f"{m}: has records of another version of skmlp" for m in results.stale()]
    notes.append(_ranked(results))
    return "\n".join([*aligned(table), *notes])


def _told(results: Results, model: str, base: str, metric: str) -> str:
    ratio = results.ratio(model, base, metric)
    if ratio is None or model == base:
        return "-" if ratio is None else "1"
    return f"{ratio.mean:.3f} ({ratio.wins}:{ratio.losses})"


def _ranked(results: Results) -> str:
    found = results.comparison()
    ranks = ", ".join(f"{model} {rank:.2f}" for model, rank in found.ranks.items())
    sets = f"{found.n_sets} of {len(results.sets)} sets, those that all have"
    return f"mean ranks on {sets}: {ranks or 'none'} ({found.verdict()})"


def aligned(table: list[list[str]]) -> Iterator[str]:
    """Pad the cells of each column to one width."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        yield "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()


def lament(failures: Iterable[dict]) -> str:
    """List what failed, grouped by model and message."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for r in failures:
        place = f"{r['set']}/{r['split']}"
        grouped.setdefault((r["model"], " ".join(r["failure"].split())), []).append(place)
    return "\n".join(
        f"  {model}: {message}\n      on {', '.join(places)}"
        for (model, message), places in grouped.items()
    )


# -- picture --------------------------------------------------------------------------------


def plot(results: Results, base: str, path: Path) -> None:
    """Draw the models' error ratios over the sets, and the critical differences beneath."""
    from matplotlib.figure import Figure

    ranks = results.mean_ranks().sort_values(ascending=False)
    others = [m for m in ranks.index if m != base and results.ratio(m, base)]
    logs = []
    for model in others:
        both = results.beside(model, base, "error")
        logs.append(np.log2(both["ours"] / both["theirs"]).to_numpy())

    found = results.comparison()
    heights = [1 + 0.4 * len(others), 1 + 0.27 * critical_difference.depth(found)]
    width = 7 + 0.1 * max(map(len, ranks.index))
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    boxes = above.subplots()
    boxes.axvline(0, color="0.4", linewidth=1)
    boxes.boxplot(logs, orientation="horizontal", tick_labels=others, showfliers=False, widths=0.6)
    jitter = np.random.default_rng(0)
    for height, values in enumerate(logs, start=1):
        spread = height + jitter.uniform(-0.12, 0.12, len(values))
        boxes.plot(values, spread, ".", color="C0", alpha=0.5, markersize=5)
    boxes.set_xlabel(f"log2 of the error as a ratio to {base}, a dot a set (left is better)")
    title = f"mean rank by error on {found.n_sets} sets (1 is best)"
    critical_difference.draw(below.subplots(), found, title)
    figure.savefig(path, dpi=120)


# -- command --------------------------------------------------------------------------------


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    option("--models", nargs="+", default=["sklearn", "hgb", "skmlp"], metavar="NAME",
           help=f"of {', '.join(peers.PEERS)} (default: sklearn hgb skmlp)")  # fmt: skip
    option("--candidate", action="append", default=[], metavar="NAME[:best]:JSON",
           help="one more model: ours, with these settings changed; may be repeated")  # fmt: skip
    option("--splits", type=int, default=3, help="how many, from 0 on (default: 3)")
    option("--sets", nargs="+", default=["all"], metavar="SET",
           help="all, regression, classification, or names")  # fmt: skip
    option("--jobs", type=int, default=1, help="fits at a time, one thread each (default: 1)")
    option("--out", type=Path, default=Path("results.jsonl"), help="results file, appended to")
    option("--retry", nargs="+", choices=["failed", "changed"], default=[],
           help="measure again what failed, or what another version of our sources did",
           )  # fmt: skip
    option("--against", nargs="+", default=["sklearn", "hgb"], metavar="NAME", help="baselines")
    option("--with-reference", action="store_true",
           help="add the given figures of peers for split 0, times from another machine, marked *",
           )  # fmt: skip
    option("--summary-only", action="store_true", help="measure nothing, tell what the file says")
    option("--plot", type=Path, metavar="PNG", help="draw error ratios and critical differences")
    chosen = parser.parse_args(arguments)
    try:
        chosen.sets = tables.names(chosen.sets)
        chosen.models = [peers.named(name) for name in chosen.models]
        chosen.models += [peers.candidate(text) for text in chosen.candidate]
        if chosen.summary_only and not chosen.out.exists():
            raise ValueError(f"no results file {str(chosen.out)!r}")
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    return chosen


def main(arguments: list[str] | None = None) -> Results:
    chosen = parse(arguments)
    if not chosen.summary_only:
        before = read(chosen.out) if chosen.out.exists() else []
        jobs = missing(chosen.models, chosen.sets, chosen.splits, before, chosen.retry)
        run(jobs, chosen.jobs, chosen.out)
    records = [r for r in read(chosen.out) if r["set"] in chosen.sets]
    if chosen.with_reference:
        records += references(chosen.sets)
    results = Results(records)
    print("\n" + summary(results, chosen.against))
    if chosen.plot and len(results.models) < 2:
        print(f"\nno {chosen.plot}: ratios need a second model, and there is {results.models}")
    elif chosen.plot:
        base = next(filter(None, map(results.find, chosen.against)), None)
        plot(results, base or results.models[0], chosen.plot)
    if results.failures:
        print(f"\n{len(results.failures)} FAILED FITS:\n{lament(results.failures)}")
    return results


if __name__ == "__main__":
    main()
