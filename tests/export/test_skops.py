"""Kept with skops, every model comes back, and nothing else does."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline

from skmlp import TwoPartRegressor
from skmlp.export import trusted_types
from skmlp.language import NextWordModel
from skmlp.preprocessing import (
    AlignCpGs,
    BetaToM,
    MissingProbeFilter,
    QuantileNormalizer,
    RegressOut,
    SelectCpGs,
    TableEncoder,
)
from tests.export.cases import CASES, NUMBER, X, case, classifier, fitted, regressor

pytestmark = pytest.mark.filterwarnings("ignore:Skipping features without any observed values")

_rng = np.random.default_rng(0)
BETAS = pd.DataFrame(_rng.uniform(0.1, 0.9, (12, 6)), columns=[f"cg{i}" for i in range(6)])


@pytest.fixture
def kept(tmp_path):
    """Keep a model in a file, and return what comes back, with the types that it took."""
    skops = pytest.importorskip("skops.io")

    def keep(model):
        skops.dump(model, tmp_path / "model.skops")
        types = trusted_types(tmp_path / "model.skops")
        return skops.load(tmp_path / "model.skops", trusted=types), types

    return keep


@pytest.mark.parametrize("name", CASES)
def test_every_model_comes_back(kept, name):
    model, odd = case(name)
    loaded, types = kept(model)
    np.testing.assert_array_equal(loaded.predict(odd), model.predict(odd))
    assert len(types) <= 20
    assert all(one.startswith("skmlp.") or one == "numpy.dtype" for one in types)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"level": "char", "context_size": 3, "ngram_sizes": (2, 3), "n_estimators": 2},
        {"kneser_ney_order": 3},
        {"output": "sampled", "n_samples": 5, "tie_embeddings": True, "direct_connections": True},
    ],
)
def test_a_language_model_comes_back(kept, settings):
    lines = ["the cat sat", "the dog sat"] * 3
    model = NextWordModel(max_iter=2, random_state=0, **settings).fit(lines)
    loaded, types = kept(model)
    assert loaded.score(lines) == model.score(lines)
    assert loaded.sample("the", 3, random_state=0) == model.sample("the", 3, random_state=0)
    assert len(types) <= 20


@pytest.mark.parametrize(
    "settings",
    [
        {"warm_start": True},
        {"random_state": np.random.RandomState(0)},
        {"early_stopping": True, "validation_split": ShuffleSplit(1, random_state=0)},
        {"averaging": 0.9},
        {"solver": "lbfgs"},
    ],
)
def test_whatever_the_settings(kept, settings):
    model = fitted(regressor(**settings), X, NUMBER)
    loaded, _ = kept(model)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_training_goes_on(kept):
    model = regressor().partial_fit(X, NUMBER)
    loaded, _ = kept(model)
    for one in (model, loaded):
        one.partial_fit(X, NUMBER)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_model_of_two_parts_comes_back(kept):
    for amounts in (np.where(X[:, 0] > 3, NUMBER, 0), NUMBER):
        model = fitted(TwoPartRegressor(classifier(), regressor(), log=True), X, amounts)
        loaded, _ = kept(model)
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "transformer",
    [
        AlignCpGs(),
        BetaToM(),
        MissingProbeFilter(),
        QuantileNormalizer(),
        RegressOut(covariates=["cg0"]),
        SelectCpGs(k=3),
        TableEncoder(),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_every_transformer_comes_back(kept, transformer):
    pipeline = make_pipeline(transformer, regressor()).fit(BETAS, NUMBER[:12])
    loaded, _ = kept(pipeline)
    np.testing.assert_array_equal(loaded[0].transform(BETAS), pipeline[0].transform(BETAS))
    np.testing.assert_array_equal(loaded.predict(BETAS), pipeline.predict(BETAS))


def test_a_new_process_can_load(kept, tmp_path):
    two_parts = TwoPartRegressor(classifier(), regressor())
    kept(fitted(make_pipeline(SelectCpGs(k=3), two_parts), BETAS, NUMBER[:12]))
    code = (
        "import skops.io; from skmlp.export import trusted_types;"
        "skops.io.load('model.skops', trusted=trusted_types('model.skops'))"
    )
    path = [f"import sys; sys.path[:] = {sys.path!r}", code]
    subprocess.run([sys.executable, "-c", "; ".join(path)], cwd=tmp_path, check=True)


class Stranger(BaseEstimator):
    pass


def test_what_is_no_model_of_ours_is_refused(kept):
    with pytest.raises(ValueError, match=r"with \[.*Stranger.*\], but expected only what models"):
        kept(make_pipeline(Stranger(), regressor()))


def test_without_skops_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(ImportError, match=r'pip install "skmlp\[persist\]"'):
        trusted_types("model.skops")
