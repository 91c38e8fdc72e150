"""The estimators' parameters, turned into the core's objects."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any

from skmlp.core.activations import Activation, get_activation
from skmlp.core.initializers import INITIALIZERS, Initializer, SklearnGlorot
from skmlp.core.layers import Activate, BatchNorm, Dense, Dropout, Layer, LayerNorm, Stem
from skmlp.core.optimizers import SOLVERS, ClipNorm, Decay, Optimizer, Transform
from skmlp.core.schedules import (
    SCHEDULES,
    Constant,
    FunctionSchedule,
    InverseScaling,
    Schedule,
    Warmup,
)

NORMALIZATIONS = {"batch": BatchNorm, "layer": LayerNorm}

#: Schedules that do not end at a small learning rate: reaching ``max_iter`` deserves a warning.
OPEN_ENDED = frozenset({"constant", "invscaling", "adaptive"})

_ADAMW_DECAY = 0.01


def same(one: Any, other: Any) -> bool:
    """Say whether two settings are one object, also after a pickle, or are written alike."""
    return one is other or repr(one) == repr(other)


def hidden_sizes(hidden_layer_sizes: Any) -> list[int]:
    """Return the numbers of units as a list; empty for none."""
    sizes = hidden_layer_sizes
    sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
    if any(not isinstance(size, Integral) or size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def activations(spec: Any, n_hidden: int) -> list[Activation]:
    """Return one activation for each hidden layer."""
    if isinstance(spec, str | Activation):
        return [get_activation(spec)] * n_hidden
    found = [get_activation(one) for one in spec]
    if len(found) != n_hidden:
        raise ValueError(
            f"activation names {len(found)} functions for {n_hidden} hidden layers; give one "
            "name for all, or one for each"
        )
    return found


def initializers(spec: Any, activation: Any) -> tuple[Initializer, Initializer]:
    """Return what draws the weights of the hidden layers and those of the output.

    "narrow" draws them small, and those of the output close to zero: the network starts as the best
    constant and grows only the features that it needs. scikit-learn's bound is narrower for
    the logistic function.
    """
    if isinstance(spec, Initializer):
        return spec, spec
    if spec == "narrow":
        return SklearnGlorot(0.6), SklearnGlorot(0.0006)
    if spec == "sklearn":
        spec = SklearnGlorot(2.0 if activation == "logistic" else 6.0)
        return spec, spec
    return INITIALIZERS[spec], INITIALIZERS[spec]


def layers(
    sizes: list[int],
    n_out: int,
    *,
    activation: Any,
    weight_init: Any,
    dropout: Any,
    normalization: str | None,
) -> tuple[list[Layer], list[int]]:
    """Return the layers of a network, and after how many of them each hidden layer ends."""
    functions = activations(activation, len(sizes))
    init, init_output = initializers(weight_init, activation)
    stack: list[Layer] = []
    ends = []
    for size, function in zip(sizes, functions, strict=True):
        stack.append(Dense(size, init) if stack else Stem(Dense(size, init)))
        if normalization is not None:
            stack.append(NORMALIZATIONS[normalization]())
        stack.append(Activate(function))
        ends.append(len(stack))
        if dropout:
            stack.append(Dropout(dropout))
    output = Dense(n_out, init_output)
    stack.append(output if stack else Stem(output))
    return stack, ends


def optimizer(params: dict[str, Any]) -> Optimizer:
    """Return the chain that ``solver`` and its companions describe."""
    solver = params["solver"]
    if not isinstance(solver, str):
        chain = solver.transforms if isinstance(solver, Optimizer) else solver
        return Optimizer(*copy.deepcopy(list(chain)))
    transforms: list[Transform] = []
    if params["clip_norm"] is not None:
        transforms.append(ClipNorm(params["clip_norm"]))
    names = ("momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon")
    transforms += SOLVERS[solver](**{name: params[name] for name in names})
    decay = params["weight_decay"]
    if decay is None:
        decay = _ADAMW_DECAY if solver == "adamw" else 0.0
    if decay:
        transforms.append(Decay(decay))
    return Optimizer(*transforms)


def schedule(params: dict[str, Any], n_rows: int) -> Schedule:
    """Return the learning rate's course; "adaptive" is constant, its steps come from a callback."""
    spec, like_sklearn = params["learning_rate"], params["conventions"] == "sklearn"
    if like_sklearn and params["solver"] != "sgd":
        return Constant()  # scikit-learn reads learning_rate for sgd only
    found: Schedule
    if spec in ("constant", "adaptive"):
        found = Constant()
    elif spec == "invscaling":
        per_epoch = float(n_rows) if like_sklearn else 1.0
        found = InverseScaling(params["power_t"], params["max_iter"], per_epoch)
    elif isinstance(spec, str):
        found = SCHEDULES[spec]()
    else:
        found = spec if isinstance(spec, Schedule) else FunctionSchedule(spec)
    return Warmup(params["warmup"], found) if params["warmup"] else found
