"""A network of scikit-learn's that predicts the same, or the reason why there is none."""

import pickle

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.core.losses import Quantile
from skmlp.export import to_sklearn
from skmlp.preprocessing import TableEncoder
from tests.export.cases import (
    FRAME,
    GAPS,
    LABELS,
    LEVELS,
    NUMBER,
    NUMBERS,
    ONE,
    OUTPUTS,
    THREE,
    TWO,
    X,
    agree,
    fitted,
)


def classifier(**settings):
    return MLPClassifier(**ONE | settings)


def regressor(**settings):
    return MLPRegressor(**ONE | {"activation": "relu"} | settings)


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (classifier(), TWO),
        (classifier(), np.where(TWO, "yes", "no")),
        (classifier(), THREE),
        (classifier(), LABELS),
        (classifier(activation="tanh", normalization="batch"), THREE),
        (classifier(activation="logistic", input_scaling=True), TWO),
        (classifier(activation="identity"), THREE),
        (classifier(hidden_layer_sizes=()), THREE),
        (classifier(early_stopping=True, calibrate=True), TWO),
        (MLPClassifier(**SKLEARN_DEFAULTS | {"max_iter": 1}), THREE),
        (regressor(), NUMBER),
        (regressor(standardize=False, activation="tanh"), NUMBERS),
        (regressor(loss="quantile"), NUMBER),
        (regressor(loss="poisson"), NUMBER),
        (make_pipeline(StandardScaler(), MinMaxScaler(), regressor()), NUMBER),
        (TransformedTargetRegressor(regressor(), transformer=MinMaxScaler()), NUMBERS),
    ],
)
def test_it_predicts_the_same(model, y):
    fitted(model, X, y)
    shipped = pickle.loads(pickle.dumps(to_sklearn(model)))
    last = shipped[-1] if isinstance(shipped, Pipeline) else shipped
    assert type(last).__module__ == neural_network.MLPClassifier.__module__
    agree(shipped.predict(X), model.predict(X), tolerance=1e-12)
    if hasattr(model, "predict_proba"):
        agree(shipped.predict_proba(X), model.predict_proba(X), tolerance=1e-12)
        assert list(shipped.classes_) == list(model.classes_)


def test_names_of_columns_are_kept():
    numbers = FRAME[["width"]].assign(other=X[:, 0])
    model = fitted(regressor(), numbers, NUMBER)
    shipped = to_sklearn(model)
    assert list(shipped.feature_names_in_) == ["width", "other"]
    assert shipped.n_features_in_ == 2
    agree(shipped.predict(numbers), model.predict(numbers), tolerance=1e-12)


def test_scikit_learns_own_weights_come_back():
    settings = SKLEARN_DEFAULTS | {"max_iter": 1, "random_state": 0}
    shipped = to_sklearn(fitted(MLPClassifier(**settings), X, THREE))
    theirs = fitted(neural_network.MLPClassifier(max_iter=1, random_state=0), X, THREE)
    for mine, their in zip(shipped.coefs_, theirs.coefs_, strict=True):
        agree(mine, their, tolerance=1e-10)


@pytest.mark.parametrize(
    ("model", "X", "y", "message"),
    [
        (classifier(n_estimators=2), X, TWO, "average of 2 networks. Fit with n_estimators=1"),
        (classifier(standardize="robust"), X, TWO, "smooth clip .* standardize=True"),
        (classifier(), FRAME, TWO, "categories. Fit with numbers"),
        (classifier(), GAPS, TWO, "indicators of missing values"),
        (classifier(numeric_embedding="pbld"), X, TWO, "embeddings. .* numeric_embedding=None"),
        (classifier(normalization="layer"), X, TWO, "layer normalisation"),
        (classifier(parametric_activation=True), X, TWO, "learnt strength"),
        (classifier(activation="gelu"), X, TWO, "activation 'gelu'"),
        (classifier(activation=["relu", "tanh"]), X, TWO, "activation for each layer"),
        (classifier(), X, OUTPUTS, "several columns of classes"),
        (classifier(loss="ordinal"), X, LEVELS, "order of classes. Fit with loss='log_loss'"),
        (classifier(), X, np.zeros(len(X)), "target of a single class"),
        (regressor(clip_output=True), X, NUMBER, "clip_output=False"),
        (regressor(loss="gaussian_nll"), X, NUMBER, "spread or quantiles"),
        (regressor(loss=Quantile([0.1, 0.9])), X, NUMBER, "spread or quantiles"),
        (make_pipeline(TableEncoder(), classifier()), FRAME, TWO, "step like TableEncoder"),
        (
            TransformedTargetRegressor(regressor(loss="poisson"), transformer=MinMaxScaler()),
            X,
            NUMBER,
            "target behind an exponential",
        ),
    ],
)
def test_what_it_lacks_is_named(model, X, y, message):
    with pytest.raises(ValueError, match=f"scikit-learn's network has no .*{message}"):
        to_sklearn(fitted(model, X, y))
