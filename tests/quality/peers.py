"""Who is compared, and how one fit of theirs is measured.

A peer is a function of the task that returns an estimator for a raw frame.
"""

import hashlib
import json
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

import skmlp
from skmlp import _peers
from tests.quality import tables

Peer = Callable[[str], Any]

#: What each named tier of ours starts from.
TIERS = {"default": {}, "best": skmlp.BEST_QUALITY}


def ours(tier: str = "default", **settings: Any) -> Peer:
    """Return our estimators at a tier, with some settings changed."""
    settings = {"random_state": 0, **TIERS[tier], **settings}

    def make(task: str) -> Any:
        if task == "classification":
            return skmlp.MLPClassifier(**settings)
        return skmlp.MLPRegressor(**settings)

    return make


def real_mlp(name: str) -> Peer:
    """Return a network of pytabkit, which wants its numbers without gaps, on one thread."""

    def make(task: str) -> Any:
        import pytabkit
        import torch

        torch.set_num_threads(1)
        kind = "Classifier" if task == "classification" else "Regressor"
        network = getattr(pytabkit, f"{name}_{kind}")
        imputed = make_column_transformer(
            (SimpleImputer(strategy="median"), _peers.numbers),
            remainder="passthrough",
            verbose_feature_names_out=False,
        )
        return make_pipeline(
            imputed.set_output(transform="pandas"),
            network(random_state=0, device="cpu", n_threads=1),
        )

    return make


PEERS: dict[str, Peer] = {
    "skmlp": ours(),
    "sklearn": _peers.mlp,
    "sklearn_raw_target": _peers.mlp_raw_target,
    "hgb": _peers.boosting,
    "linear": _peers.linear,
}
if TIERS["best"] is not None:
    PEERS["skmlp_best"] = ours("best")
if find_spec("pytabkit"):
    PEERS["realmlp_td"] = real_mlp("RealMLP_TD")
    PEERS["realmlp_tds"] = real_mlp("RealMLP_TD_S")


@dataclass(frozen=True)
class Model:
    """A peer by its name; a candidate also has a tier and settings, which its records keep."""

    name: str
    tier: str | None = None
    settings: dict | None = None

    def make(self, task: str) -> Any:
        if self.tier is None:
            return PEERS[self.name](task)
        return ours(self.tier, **(self.settings or {}))(task)

    @property
    def marks(self) -> dict:
        """What a record of this model says besides its name."""
        said = {} if self.tier is None else {"tier": self.tier, "settings": self.settings}
        is_ours = self.tier is not None or self.name.startswith("skmlp")
        return said | ({"version": version_of_ours()} if is_ours else {})


def named(name: str) -> Model:
    """Return the peer of this name."""
    if name not in PEERS:
        close = get_close_matches(name, PEERS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"no model {name!r} here; expected one of {', '.join(PEERS)}.{hint}")
    return Model(name)


def candidate(text: str) -> Model:
    """Read ``name:{settings}`` or ``name:tier:{settings}``; the settings are JSON."""
    name, _, rest = text.partition(":")
    tier, rest = ("default", rest) if rest.startswith("{") else rest.partition(":")[::2]
    if not name or tier not in TIERS:
        raise ValueError(f"candidate {text!r}: expected name:{{...}} or name:best:{{...}}")
    if name in PEERS:
        raise ValueError(f"candidate {text!r}: {name!r} is taken; choose another name")
    try:
        model = Model(name, tier, json.loads(rest or "{}"))
        model.make("classification")
    except (TypeError, ValueError) as error:
        raise ValueError(f"candidate {text!r}: {error}") from None
    return model


@lru_cache
def version_of_ours() -> str:
    """Hash our sources, so that records of different versions do not mix unnoticed."""
    digest = hashlib.sha256()
    for path in sorted(Path(skmlp.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def measure(model: Model, set_name: str, split: int) -> dict:
    """Fit and score a model on a split of a set, on one thread; a failure is a result too."""
    record = {"model": model.name, "set": set_name, "split": split, **model.marks}
    table = tables.load(set_name)
    cut = table.cut(split)
    record |= {"task": table.task, "n": len(cut[2]), "n_test": len(cut[3])}
    try:
        with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            record |= _fit_and_score(model.make(table.task), table.task, *cut)
    except Exception as error:  # whatever a model raises is told at the end
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        return record | {"failure": f"{type(error).__name__}: {error} [{place}]"}
    kinds = {w.category.__name__ for w in caught if w.category is not ConvergenceWarning}
    return record | ({"warnings": sorted(kinds)} if kinds else {})


def _fit_and_score(model: Any, task: str, X_train, X_test, y_train, y_test) -> dict:
    cpu, wall = process_time(), perf_counter()
    model.fit(X_train, y_train)
    times = {"fit_cpu": process_time() - cpu, "fit_wall": perf_counter() - wall}
    cpu = process_time()
    model.predict(X_test)
    times["predict_cpu"] = process_time() - cpu
    scores = _peers.measured(model, task, X_test, y_test)
    if task == "classification":
        scores["error"] = 1 - scores["accuracy"]
    bad = [name for name, score in scores.items() if score != score]
    if bad:
        raise ValueError(f"the predictions give no {', '.join(bad)}")
    return {**scores, **times, "n_iter": _peers.n_iter_of(model)}
