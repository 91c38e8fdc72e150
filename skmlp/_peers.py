"""Other people's models on a raw frame, to stand beside ours, and what is measured of any model.

Each peer is a function of the task, ``"classification"`` or ``"regression"``, that returns an
estimator not yet fitted. It takes columns as they come: numbers, texts, categories, gaps.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

Peer = Callable[[str], Any]

#: HistGradientBoosting takes no more categories in a column.
_MOST_CATEGORIES = 255

numbers = make_column_selector(dtype_include="number")
categories = make_column_selector(dtype_exclude="number")


def texts(X: pd.DataFrame) -> pd.DataFrame:
    """Write every value as a string, and every gap as NaN: encoders refuse mixed types."""
    written = {
        name: pd.Series([str(v) for v in column], index=X.index, dtype=object).mask(column.isna())
        for name, column in X.items()
    }
    return pd.DataFrame(written, index=X.index, columns=X.columns, dtype=object)


def as_category(X: pd.DataFrame) -> pd.DataFrame:
    """Mark all columns as categories."""
    return X.astype("category")


def prepared(model: Any) -> Any:
    """Put imputation, scaling and one-hot encoding in front of a model."""
    scaled = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()
    )
    one_hot = make_pipeline(
        FunctionTransformer(texts),
        SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore"),
    )
    return make_pipeline(
        make_column_transformer((one_hot, categories), (scaled, numbers)),
        model,
    )


def mlp(task: str) -> Any:
    """Return scikit-learn's network, its inputs prepared and a numeric target standardised."""
    if task == "classification":
        return prepared(MLPClassifier(random_state=0))
    return TransformedTargetRegressor(mlp_raw_target(task), transformer=StandardScaler())


def mlp_raw_target(task: str) -> Any:
    """Return scikit-learn's network, its inputs prepared and the target as it is."""
    return prepared(
        {"classification": MLPClassifier, "regression": MLPRegressor}[task](random_state=0)
    )


def boosting(task: str) -> Any:
    """Return histogram gradient boosting; beyond what it takes, rare categories go together."""
    boosters = {
        "classification": HistGradientBoostingClassifier,
        "regression": HistGradientBoostingRegressor,
    }
    codes = make_pipeline(
        FunctionTransformer(texts),
        OrdinalEncoder(
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
            max_categories=_MOST_CATEGORIES,
        ).set_output(transform="pandas"),
        FunctionTransformer(as_category),
    )
    columns = make_column_transformer(
        (codes, categories), remainder="passthrough", verbose_feature_names_out=False
    )
    return make_pipeline(
        columns.set_output(transform="pandas"),
        boosters[task](categorical_features="from_dtype", random_state=0),
    )


def linear(task: str) -> Any:
    """Return logistic regression or ridge regression, its inputs prepared."""
    return prepared(LogisticRegression(max_iter=1000) if task == "classification" else Ridge())


def dummy(task: str) -> Any:
    """Return what always predicts the shares of the classes, or the mean."""
    return DummyClassifier() if task == "classification" else DummyRegressor()


def measured(model: Any, task: str, X: Any, y: Any) -> dict[str, float]:
    """Score a fitted model: rmse and r2, or accuracy, logloss and auc.

    The area under the curve is the mean over classes, each against the rest; it is NaN where rows
    of some class are missing from y.
    """
    if task == "regression":
        predicted = model.predict(X)
        return {"rmse": root_mean_squared_error(y, predicted), "r2": r2_score(y, predicted)}
    proba, classes = np.asarray(model.predict_proba(X), dtype=np.float64), model.classes_
    proba /= proba.sum(axis=1, keepdims=True)  # float32 sums to one less exactly than is checked
    accuracy = float(np.mean(classes[proba.argmax(axis=1)] == y))
    return {
        "accuracy": accuracy,
        "logloss": _log_loss(y, proba, classes),
        "auc": _auc(y, proba, classes),
    }


def _log_loss(y: Any, proba: Any, classes: Any) -> float:
    """Return the log-loss; a class that the model never saw costs what probability 0 does."""
    unseen = np.setdiff1d(y, classes)
    labels = np.concatenate([classes, unseen])
    proba = np.hstack([proba, np.zeros((len(proba), len(unseen)))])
    order = np.argsort(labels)
    return float(log_loss(y, proba[:, order], labels=labels[order]))


def _auc(y: Any, proba: Any, classes: Any) -> float:
    if len(np.unique(y)) != len(classes) or not np.isin(y, classes).all():
        return float("nan")
    scores = proba[:, 1] if len(classes) == 2 else proba
    return float(roc_auc_score(y, scores, multi_class="ovr", average="macro", labels=classes))


def n_iter_of(model: Any) -> int | None:
    """Return how many rounds the model inside pipelines and wrappers trained, if it counts."""
    model = getattr(model, "regressor_", model)
    final = model[-1] if hasattr(model, "steps") else model
    rounds = getattr(final, "n_iter_", None)
    return None if rounds is None else int(np.max(rounds))


@contextmanager
def unmoved() -> Iterator[None]:
    """Let a fit that would like more rounds pass in silence: all are judged by their defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
