"""Fitted models of every kind, each fitted once for all tests of a run."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skmlp import BEST_QUALITY, SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.core.activations import ACTIVATIONS, ELU, LeakyReLU
from skmlp.core.layers import PBLD, PLR
from skmlp.core.losses import LOSSES, Ordinal, Quantile
from skmlp.export._steps import unwrap
from skmlp.preprocessing import TableEncoder

N = 60
SMALL = {
    "hidden_layer_sizes": (5, 4),
    "n_estimators": 2,
    "max_iter": 1,
    "early_stopping": False,
    "dtype": "float64",
    "embedding_dim": 2,
    "random_state": 0,
}
ONE = {**SMALL, "n_estimators": 1, "standardize": True}

_rng = np.random.default_rng(0)
X = _rng.normal(3.0, [1.0, 5.0, 0.1, 50.0], size=(N, 4))
GAPS = np.where(_rng.random(X.shape) < 0.2, np.nan, X)
GAPS[:, 2] = X[:, 2]
WIDE = _rng.normal(size=(12, 90))
FRAME = pd.DataFrame(
    {
        "age": GAPS[:, 0],
        "width": X[:, 1],
        "job": _rng.choice(["baker", "clerk", "smith", None], N),
        "side": pd.Categorical(_rng.choice(["left", "right"], N)),
        "town": _rng.choice([f"town {i}" for i in range(11)], N),
        "member": _rng.random(N) < 0.5,
        "same": "always",
    }
)
# what fit has not seen: a gap in a column that had none, a new category, far numbers
ODD = FRAME.iloc[:20].copy()
ODD.loc[0, "width"] = np.nan
ODD.loc[1, "job"] = "pilot"
ODD.loc[2, "town"] = None
ODD.loc[3, "age"] = 1e9
ODD.loc[4, "age"] = -20.0

TWO = (X[:, 0] > 3).astype(int)
THREE = np.array(["p", "q", "r"])[_rng.integers(0, 3, N)]
LEVELS = np.searchsorted([2.5, 3.0, 3.5], X[:, 0])
LABELS = _rng.integers(0, 2, (N, 3))
OUTPUTS = np.stack([_rng.integers(0, 3, N), _rng.integers(5, 7, N)], axis=1)
NUMBER = 1000.0 + X @ [1.0, 2.0, 3.0, 4.0]
NUMBERS = np.stack([NUMBER, X[:, 0]], axis=1)


def classifier(**settings):
    return MLPClassifier(**SMALL | settings)


def regressor(**settings):
    return MLPRegressor(**SMALL | settings)


#: name -> model, X, y, X to predict
CASES = {
    "frame": (classifier(), FRAME, THREE, ODD),
    "frame, codes alone": (classifier(max_one_hot=1), FRAME, TWO, ODD),
    "frame, no codes": (classifier(max_one_hot=None, standardize=True), FRAME, TWO, ODD),
    "float32": (classifier(dtype="float32"), FRAME, THREE, ODD),
    "one network": (classifier(n_estimators=1), FRAME, THREE, ODD),
    "four networks": (classifier(n_estimators=4), X, THREE, X),
    "binary": (classifier(), X, TWO, X),
    "bools as classes": (classifier(), X, TWO == 1, X),
    "one class": (classifier(), X, np.zeros(N), X),
    "labels": (classifier(), X, LABELS, X),
    "several outputs": (classifier(), X, OUTPUTS, X),
    "focal": (classifier(loss="focal"), X, TWO, X),
    "focal labels": (classifier(loss="focal"), X, LABELS, X),
    "ordered": (classifier(loss="ordinal"), X, LEVELS, X),
    "ordered, calibrated": (
        classifier(loss=Ordinal(order=(3, 1, 2, 0)), early_stopping=True, calibrate=True),
        X,
        LEVELS,
        X,
    ),
    "ordered, two": (classifier(loss=Ordinal(order=(1, 0))), X, TWO, X),
    "calibrated": (classifier(early_stopping=True, calibrate=True), X, THREE, X),
    "calibrated, binary": (classifier(early_stopping=True, calibrate=True), X, TWO, X),
    "chosen": (
        classifier(pack=True, n_estimators=4, early_stopping=True, validation_fraction=0.3),
        X,
        THREE,
        X,
    ),
    "no standardisation": (classifier(standardize=False), X, THREE, X),
    "gaps": (classifier(), GAPS, TWO, GAPS),
    "gaps, standardize": (regressor(standardize=True), GAPS, NUMBER, GAPS * 2),
    "sparse": (classifier(), sparse.csr_array(X), TWO, X),
    "categories by position": (
        classifier(categorical_features=[0]),
        np.round(X),
        TWO,
        np.round(X) + [[1, 0, 0, 0]],
    ),
    "best": (MLPClassifier(**BEST_QUALITY, **{**SMALL, "n_estimators": 3}), FRAME, THREE, ODD),
    "no hidden layer": (classifier(hidden_layer_sizes=()), FRAME, THREE, ODD),
    "batch": (classifier(normalization="batch"), X, THREE, X),
    "layer": (classifier(normalization="layer"), X, THREE, X),
    "dropout": (classifier(dropout=0.5), X, TWO, X),
    "sharing": (classifier(weight_sharing=True, n_estimators=3), FRAME, THREE, ODD),
    "sharing, embedded": (
        regressor(weight_sharing=True, numeric_embedding="pbld", normalization="layer"),
        X,
        NUMBER,
        X,
    ),
    "sharing, no hidden layer": (
        classifier(weight_sharing=True, hidden_layer_sizes=()),
        X,
        TWO,
        X,
    ),
    "pbld alone": (classifier(numeric_embedding=PBLD(n_frequencies=3, dim=3)), X, TWO, X),
    "pbld, no scales": (
        classifier(numeric_embedding="pbld", input_scaling=False),
        FRAME,
        TWO,
        ODD,
    ),
    "plr": (classifier(numeric_embedding=PLR(n_frequencies=3, dim=4)), FRAME, TWO, ODD),
    "ple": (classifier(numeric_embedding="ple"), FRAME, TWO, ODD),
    "scikit-learn's": (MLPClassifier(**SKLEARN_DEFAULTS | {"max_iter": 1}), X, THREE, X),
    "scikit-learn's numbers": (MLPRegressor(**SKLEARN_DEFAULTS | {"max_iter": 1}), X, NUMBER, X),
    "two numbers": (regressor(), X, NUMBERS, X),
    "one column": (regressor(), X, NUMBER[:, None], X),
    "kept in range": (regressor(clip_output=True), X, NUMBERS, 9 * X),
    "quantiles": (regressor(loss=Quantile([0.1, 0.4, 0.8])), X, NUMBERS, X),
    "quantiles in range": (
        regressor(loss=Quantile([0.1, 0.9]), clip_output=True),
        X,
        NUMBER,
        9 * X,
    ),
    "spread, one network": (regressor(loss="gaussian_nll", n_estimators=1), X, NUMBERS, X),
    "spread of two": (regressor(loss="gaussian_nll"), X, NUMBERS, X),
    "wide": (regressor(solver="lbfgs"), WIDE, NUMBER[:12], WIDE),
    "wide, recipe": (
        MLPRegressor(max_iter=1, dtype="float64", random_state=0),
        WIDE,
        NUMBER[:12],
        WIDE,
    ),
    "encoder": (make_pipeline(TableEncoder(), classifier()), FRAME, TWO, ODD),
    "encoder of codes": (
        make_pipeline(TableEncoder(scaling="standard", max_one_hot=3), classifier()),
        FRAME,
        TWO,
        ODD,
    ),
    "encoder, no scales": (
        make_pipeline(TableEncoder(scaling=None), classifier()),
        FRAME,
        TWO,
        ODD,
    ),
    "scaler": (make_pipeline(StandardScaler(), "passthrough", classifier()), GAPS, TWO, GAPS),
    "imputer": (
        make_pipeline(SimpleImputer(add_indicator=True), MinMaxScaler(), regressor()),
        np.insert(GAPS, 1, np.nan, axis=1),
        NUMBER,
        np.insert(GAPS, 1, 7.0, axis=1),
    ),
    "clipped": (make_pipeline(MinMaxScaler(clip=True), classifier()), X, TWO, 2 * X),
    "target, scaled": (
        TransformedTargetRegressor(regressor(clip_output=True), transformer=StandardScaler()),
        X,
        NUMBERS,
        X,
    ),
    "target, scaled twice": (
        TransformedTargetRegressor(
            TransformedTargetRegressor(regressor(), transformer=StandardScaler()),
            transformer=MinMaxScaler((1, 4)),
        ),
        X,
        NUMBER,
        X,
    ),
    "target, quantiles": (
        TransformedTargetRegressor(
            regressor(loss=Quantile([0.2, 0.6])), transformer=MinMaxScaler()
        ),
        X,
        NUMBERS,
        X,
    ),
    "target, spread": (
        TransformedTargetRegressor(regressor(loss="gaussian_nll"), transformer=StandardScaler()),
        X,
        NUMBERS,
        X,
    ),
    "beyond what an exponential bears": (
        regressor(loss="poisson", standardize=True),
        X,
        NUMBER,
        1e6 * X,
    ),
    "target as it is": (TransformedTargetRegressor(regressor()), X, NUMBER[:, None], X),
}
for _name in ACTIVATIONS:
    CASES[f"{_name} of a strength"] = (
        classifier(activation=_name, parametric_activation=True),
        X,
        THREE,
        X,
    )
CASES["elu, leaky relu"] = (classifier(activation=[ELU(2.0), LeakyReLU(0.3)]), X, TWO, X)
for _name in LOSSES:
    CASES[f"loss {_name}"] = (regressor(loss=_name), X, NUMBER, X)


def fitted(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Skipping features without any observed")
        return model.fit(X, y)


@cache
def case(name):
    """Return a model, fitted and then shaken so that no parameter is where it started."""
    model, X, y, odd = CASES[name]
    fitted(model, X, y)
    mlp = unwrap(model)[1]
    shake = np.random.default_rng(1)
    mlp.networks_.theta += shake.normal(0, 0.1, mlp.networks_.theta.shape)
    mlp.networks_.stats += shake.uniform(0, 0.5, mlp.networks_.stats.shape)
    if mlp._now.__dict__.get("calibrate"):
        mlp.temperature_ = 1.7
    return model, odd


def rows_of(X):
    """Return raw rows: dicts of a frame, lists of an array."""
    return X.to_dict("records") if isinstance(X, pd.DataFrame) else X.tolist()


def agree(found, expected, *, tolerance):
    """Compare to a share of the largest number."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    if expected.dtype.kind == "f":
        assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()
    else:
        assert (found == expected).all()
