"""A language model's parameters, turned into the core's objects."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from skmlp.core.activations import ACTIVATIONS, Activation
from skmlp.core.initializers import INITIALIZERS, Initializer
from skmlp.core.layers import (
    Activate,
    Beside,
    Chain,
    Dense,
    Dropout,
    Embedding,
    HashedNgrams,
    Layer,
    NextToken,
    Readout,
    SampledReadout,
)
from skmlp.core.layers.ngrams import check_sizes
from skmlp.core.optimizers import SOLVERS, Optimizer
from skmlp.core.schedules import SCHEDULES
from skmlp.estimators import _options

#: In scikit-learn's form.
CONSTRAINTS: dict[str, list[Any]] = {
    "level": [StrOptions({"word", "char"})],
    "context_size": [Interval(Integral, 1, None, closed="left")],
    "across_lines": ["boolean"],
    "tokenizer": [callable, None],
    "vocabulary": ["array-like", None],
    "vocabulary_size": [Interval(Integral, 3, None, closed="left"), None],
    "min_count": [Interval(Integral, 1, None, closed="left")],
    "embedding_dim": [Interval(Integral, 1, None, closed="left")],
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(ACTIVATIONS)), Activation, list, tuple],
    "normalization": [StrOptions(set(_options.NORMALIZATIONS)), None],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "embedding_dropout": [Interval(Real, 0, 1, closed="left")],
    "ngram_sizes": ["array-like"],
    "ngram_rows": [Interval(Integral, 1, None, closed="left")],
    "ngram_dim": [Interval(Integral, 1, None, closed="left")],
    "ngram_dropout": [Interval(Real, 0, 1, closed="left")],
    "kneser_ney_order": [Interval(Integral, 1, None, closed="left"), None],
    "kneser_ney_weight": [Interval(Real, 0, 1, closed="both")],
    "weight_init": [StrOptions({*INITIALIZERS} - {"data"}), Initializer],
    "tie_embeddings": ["boolean"],
    "direct_connections": ["boolean"],
    "output": [StrOptions({"softmax", "sampled"})],
    "n_samples": [Interval(Integral, 1, None, closed="left")],
    "n_estimators": [Interval(Integral, 1, None, closed="left")],
    "solver": [StrOptions(set(SOLVERS)), Optimizer, list, tuple],
    "learning_rate": [StrOptions(set(SCHEDULES)), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "weight_decay": [Interval(Real, 0, None, closed="left"), None],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "averaging": [Interval(Real, 0, 1, closed="neither"), None],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "tol": [Interval(Real, 0, None, closed="left")],
    "max_time": [Interval(Real, 0, None, closed="neither"), None],
    "callbacks": [list, tuple, None],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
    "dtype": [StrOptions({"float32", "float64"}), Options(type, {np.float32, np.float64})],
}

#: Parameters that a network, once drawn, goes on with.
_SHAPING = (
    "level",
    "context_size",
    "across_lines",
    "embedding_dim",
    "hidden_layer_sizes",
    "activation",
    "normalization",
    "ngram_sizes",
    "ngram_rows",
    "ngram_dim",
    "tie_embeddings",
    "direct_connections",
    "output",
    "n_estimators",
)

#: What the solvers need besides the model's parameters.
_SOLVER_DEFAULTS = {
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "weight_decay_schedule": "constant",
    "learning_rate_factors": None,
    "parametrization": "standard",
}


def network_layer(model: Any, counts: Any) -> NextToken:
    """Return the one layer that is the network, for a vocabulary with these counts (V,)."""
    embedding = Embedding(len(counts) + 1, model.embedding_dim)
    readout = Readout(len(counts), tied=model.tie_embeddings)
    output: Any = readout
    if model.output == "sampled":
        # what was never seen is drawn at times too, or its output would stay as it started
        q = np.maximum(counts, 0.5)
        output = SampledReadout(readout, q / q.sum(), model.n_samples)
    return NextToken(embedding, Chain(_hidden(model)), output, _ngrams(model))


def _ngrams(model: Any) -> list[Layer]:
    """Return what reads n-grams of the context, if anything does."""
    sizes = check_sizes("ngram_sizes", model.ngram_sizes, model.context_size)
    if not sizes:
        return []
    return [HashedNgrams(sizes, model.ngram_rows, model.ngram_dim, model.ngram_dropout)]


def _hidden(model: Any) -> list[Layer]:
    """Return the layers between the embedding and the output."""
    sizes = _options.hidden_sizes(model.hidden_layer_sizes)
    functions = _options.activations(model.activation, len(sizes))
    init, _ = _options.initializers(model.weight_init, model.activation)
    middle: list[Layer] = []
    for size, function in zip(sizes, functions, strict=True):
        middle.append(Dense(size, init))
        if model.normalization is not None:
            middle.append(_options.NORMALIZATIONS[model.normalization]())
        middle.append(Activate(function))
        if model.dropout:
            middle.append(Dropout(model.dropout))
    layers = [Dropout(model.embedding_dropout)] if model.embedding_dropout else []
    if model.direct_connections and middle:
        middle = [Beside(Chain(middle))]
    if model.tie_embeddings:  # the output meets a row that is as long as those of the embedding
        middle.append(Dense(model.embedding_dim, INITIALIZERS["lecun_normal"]))
    return layers + middle


def shape(model: Any) -> dict[str, Any]:
    """Return the parameters that the present network is of."""
    return {name: getattr(model, name) for name in _SHAPING}


def check_unchanged(model: Any, built: dict[str, Any]) -> None:
    """Refuse to go on with other parameters than those of the present network."""
    for name, now in shape(model).items():
        if not _options.same(built[name], now):
            raise ValueError(
                f"cannot go on from the last fit: {name} was {built[name]!r} and is now {now!r}. "
                "Set it back, or call fit"
            )


def readout(layer: NextToken) -> Readout:
    """Return the output of all tokens."""
    output = layer.output
    return output.full if isinstance(output, SampledReadout) else output


def optimizer(model: Any) -> Optimizer:
    """Return the chain that ``solver`` and its companions describe."""
    names = ("solver", "clip_norm", "weight_decay")
    return _options.optimizer(_SOLVER_DEFAULTS | {name: getattr(model, name) for name in names})
