"""What stands around a network: the steps of a pipeline, and the transformer of a target."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skmlp.estimators._base import BaseMLP
from skmlp.export import _ops
from skmlp.export._inputs import encoder_of, standardizer_of
from skmlp.export._ops import Op
from skmlp.preprocessing import TableEncoder
from skmlp.preprocessing.columns import ColumnEncoder


def unwrap(model: Any) -> tuple[list[Any], BaseMLP, list[TransformedTargetRegressor]]:
    """Return the steps before the network, the network, and what transforms its target.

    Raises
    ------
    TypeError
        If there is no network of this package within.
    """
    match model:
        case BaseMLP():
            return [], model, []
        case Pipeline():
            steps = [step for _, step in model.steps[:-1] if step not in (None, "passthrough")]
            below, mlp, targets = unwrap(model.steps[-1][1])
            return steps + below, mlp, targets
        case TransformedTargetRegressor() if hasattr(model, "regressor_"):
            steps, mlp, targets = unwrap(model.regressor_)
            return steps, mlp, [*targets, model]
    raise TypeError(
        f"Got a model of type {type(model).__name__}, but expected a fitted MLPClassifier or "
        "MLPRegressor of skmlp, or a Pipeline or TransformedTargetRegressor around one. From a "
        "search pass best_estimator_."
    )


def prepare_ops(steps: list[Any], mlp: BaseMLP) -> list[Op]:
    """Return what is done to the columns before they reach the networks."""
    ops: list[Op] = []
    for place, step in enumerate([*steps, mlp]):
        if place and (encoder := encoder_of(step)):
            ops += _encoded_late(encoder, step)
        ops += _step(step)
    return ops


def _encoded_late(encoder: ColumnEncoder, step: Any) -> list[Op]:
    """Return what an encoder does to columns that are numbers already."""
    if encoder.categories_:
        raise ValueError(
            f"{type(step).__name__} finds categories in what another step has made "
            f"({sorted(map(str, encoder.categories_))}), and that cannot be exported. Leave that "
            "step out, or pass categorical_features=None."
        )
    return [_ops.indicate(encoder._indicated)] if len(encoder._indicated) else []


def _step(step: Any) -> list[Op]:
    match step:
        case BaseMLP():
            return _standardized(step)
        case TableEncoder(scaling=None):
            return [_ops.fill(step.standardizer_.shift)]
        case TableEncoder():
            return _standardized(step)
        case StandardScaler() | MinMaxScaler():
            return _scaled(step)
        case SimpleImputer():
            return _imputed(step)
    raise ValueError(
        f"Got a pipeline with a step of type {type(step).__name__}, but only StandardScaler, "
        "MinMaxScaler, SimpleImputer, TableEncoder and 'passthrough' can be exported. The networks "
        "of this package take raw tables: often that step can be left out."
    )


def _standardized(step: Any) -> list[Op]:
    scales = standardizer_of(step)
    if scales is None:
        return []
    shift = 0.0 if scales.shift is None else scales.shift
    ops = [_ops.scale(scales.scale, shift=shift), _ops.fill(np.zeros(len(scales.scale)))]
    if scales.clip is not None:
        count = len(scales.scale) - scales.n_plain
        ops.append({"op": "smooth_clip", "limit": float(scales.clip), "count": count})
    return ops


def _scaled(scaler: Any) -> list[Op]:
    if isinstance(scaler, MinMaxScaler):
        ops = [_ops.scale(scaler.scale_, offset=scaler.min_)]
        if scaler.clip:
            ends = (np.full(len(scaler.scale_), end) for end in scaler.feature_range)
            ops.append(_ops.clip(*ends))
        return ops
    shift = scaler.mean_ if scaler.with_mean else 0.0
    factor = 1 / scaler.scale_ if scaler.with_std else np.ones(scaler.n_features_in_)
    return [_ops.scale(factor, shift=shift)]


def _imputed(imputer: SimpleImputer) -> list[Op]:
    marker, values = imputer.missing_values, imputer.statistics_
    if not (isinstance(marker, float) and np.isnan(marker)) or values.dtype.kind not in "fiu":
        raise ValueError(
            f"Got a SimpleImputer with missing_values={marker!r} and the values "
            f"{values[:3].tolist()}, but only one that puts numbers for NaN can be exported. Put "
            "NaN for what is missing; the networks of this package take care of it."
        )
    ops = []
    indicated = imputer.indicator_.features_ if imputer.add_indicator else []
    if len(indicated):
        ops.append(_ops.indicate(indicated))
    kept = np.flatnonzero(~np.isnan(values))  # a column without any value is left out
    ops.append(_ops.fill(np.append(np.nan_to_num(values), np.zeros(len(indicated)))))
    if len(kept) < len(values):
        ops.append(_ops.select([*kept, *(len(values) + np.arange(len(indicated)))]))
    return ops


def rescaled(
    finish: list[Op], output: dict[str, Any], targets: list[TransformedTargetRegressor]
) -> tuple[list[Op], dict[str, Any]]:
    """Return the same with the targets' transformers undone, the innermost first."""
    for target in targets:
        factor, offset = _inverse(target.transformer_, len(output["predict"]))
        output = {**output, "flat": target._training_dim == 1}
        for end in ("low", "high"):
            if output[end] is not None:
                output[end] = output[end] * factor + offset
        finish = [*finish, _undo(output, factor, offset)]
    return finish, output


def _undo(output: dict[str, Any], factor: Any, offset: Any) -> Op:
    """Return the scaling of all values, of which quantiles and deviations are several a target."""
    if output["levels"] is not None:
        each = len(output["levels"])
        factor, offset = np.repeat(factor, each), np.repeat(offset, each)
    if output["std"] is not None:
        factor, offset = np.tile(factor, 2), np.append(offset, np.zeros(len(offset)))
    return _ops.scale(factor, offset=offset)


def _inverse(transformer: Any, t: int) -> tuple[Any, Any]:
    """Return factor and offset (t,) that lead back to the target."""
    match transformer:
        case StandardScaler():
            factor = transformer.scale_ if transformer.with_std else np.ones(t)
            return factor, transformer.mean_ if transformer.with_mean else np.zeros(t)
        case MinMaxScaler():
            return 1 / transformer.scale_, -transformer.min_ / transformer.scale_
        case FunctionTransformer(func=None, inverse_func=None):
            return np.ones(t), np.zeros(t)
    raise ValueError(
        f"Got a target transformed by {transformer!r}, but only StandardScaler and MinMaxScaler "
        "can be exported. Take one of these, or none: y is standardised inside."
    )
