"""What each parameter may be."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from skmlp.core.activations import ACTIVATIONS, Activation
from skmlp.core.initializers import INITIALIZERS, Initializer
from skmlp.core.layers import Layer
from skmlp.core.optimizers import SOLVERS, Optimizer
from skmlp.core.schedules import SCHEDULES
from skmlp.estimators import _options

#: Words for validation_split; a splitter is the other way to say it.
SPLITS = ("auto", "folds", "last", "random")

#: In scikit-learn's form.
CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": [
        "array-like",
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "activation": [StrOptions(set(ACTIVATIONS)), Activation, list, tuple],
    "solver": [StrOptions({*SOLVERS, "lbfgs"}), Optimizer, list, tuple],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [
        StrOptions({"auto", "constant", "invscaling", "adaptive", *SCHEDULES}),
        callable,
    ],
    "learning_rate_init": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean", StrOptions({"auto"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "standardize": ["boolean", StrOptions({"auto", "robust"})],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
    "max_one_hot": [Interval(Integral, 1, None, closed="left"), None],
    "embedding_dim": [Interval(Integral, 1, None, closed="left")],
    "recipe": [StrOptions({"default", "best"})],
    "numeric_embedding": [
        StrOptions({"auto", "ple", *_options.NUMERIC_EMBEDDINGS}),
        Layer,
        None,
    ],
    "input_scaling": ["boolean", StrOptions({"auto"})],
    "parametric_activation": ["boolean", StrOptions({"auto"})],
    "parametrization": [StrOptions({"auto", "standard", "ntk"})],
    "learning_rate_factors": [StrOptions({"auto"}), dict, None],
    "dropout_schedule": [StrOptions(set(SCHEDULES)), callable],
    "weight_decay_schedule": [StrOptions(set(SCHEDULES)), callable],
    "averaging": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="neither"), None],
    "n_estimators": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "weight_sharing": ["boolean"],
    "pack": ["boolean"],
    "joint_best_epoch": ["boolean"],
    "max_time": [Interval(Real, 0, None, closed="neither"), None],
    "weight_init": [StrOptions({"auto", "narrow", *INITIALIZERS}), Initializer],
    "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
    "input_dropout": [Interval(Real, 0, 1, closed="left")],
    "normalization": [StrOptions(set(_options.NORMALIZATIONS)), None],
    "l1": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    "weight_decay": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left"), None],
    "max_norm": [Interval(Real, 0, None, closed="neither"), None],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "warmup": [Interval(Real, 0, 1, closed="left")],
    "scoring": [str, callable, None],
    "validation_split": [StrOptions(set(SPLITS)), HasMethods(["split"])],
    "on_divergence": [StrOptions({"raise", "backoff"})],
    "dtype": [
        StrOptions({"auto", "float32", "float64"}),
        Options(type, {np.float32, np.float64}),
        None,
    ],
    "conventions": [StrOptions({"skmlp", "sklearn"})],
    "callbacks": [list, tuple, None],
}
