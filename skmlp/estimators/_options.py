"""The estimators' parameters, turned into the core's objects."""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import InvalidParameterError

from skmlp.core.activations import Activation, get_activation
from skmlp.core.initializers import INITIALIZERS, Initializer, SklearnGlorot
from skmlp.core.layers import (
    PBLD,
    PLE,
    PLR,
    Activate,
    BatchNorm,
    Columns,
    Dense,
    Dropout,
    Heads,
    InputDropout,
    Layer,
    LayerNorm,
    Members,
    ParametricActivate,
    Scaling,
    SharedDense,
    Stem,
)
from skmlp.core.optimizers import SOLVERS, ClipNorm, Decay, Optimizer, RateFactors, Transform
from skmlp.core.schedules import (
    SCHEDULES,
    Constant,
    FunctionSchedule,
    InverseScaling,
    Schedule,
    Warmup,
)
from skmlp.preprocessing.columns import ColumnEncoder

NORMALIZATIONS = {"batch": BatchNorm, "layer": LayerNorm}
NUMERIC_EMBEDDINGS = {"pbld": PBLD, "plr": PLR}

#: Schedules that do not end at a small learning rate: reaching ``max_iter`` deserves a warning.
OPEN_ENDED = frozenset({"constant", "invscaling", "adaptive"})

_ADAMW_DECAY = 0.01
#: What a network's parameters are for.
ROLES = (
    "weight",
    "bias",
    "scale",
    "activation",
    "embedding",
    "embedding_numeric",
    "member",
)
#: The number of inputs with which a layer learns at the rate given, whatever the parametrisation.
_FAN_IN = 64


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


def first_layers(params: Any, X: Any, encoder: ColumnEncoder | None) -> list[Layer]:
    """Return what stands below the first dense layer: embeddings, learnt scales, often nothing."""
    if sparse.issparse(X):
        if params.members > 1:
            raise ValueError("weight_sharing=True needs dense X; pass X.toarray(), or False")
        return []
    first: list[Layer] = []
    n_numeric = encoder.n_numeric_ if encoder else X.shape[1]
    numeric = params.numeric_embedding if n_numeric else None
    if numeric == "ple":
        values = X if isinstance(X, np.ndarray) else X.whole(np.float32)
        numeric = PLE.from_data(values[:, :n_numeric])
    elif isinstance(numeric, str):
        numeric = NUMERIC_EMBEDDINGS[numeric]()
    cardinalities = encoder.cardinalities_ if encoder else ()
    if numeric is not None or cardinalities:
        first.append(Columns(n_numeric, numeric, cardinalities, params.embedding_dim))
    if params.input_scaling:
        first.append(Scaling(first=not first))
    if params.members > 1:
        # members start apart by signs, or, where inputs are embedded, by factors
        start: Any = "signs" if numeric is None else "normal"
        first.append(Members(params.members, start, first=not first))
    return first


def layers(
    first: list[Layer],
    sizes: list[int],
    n_out: int,
    *,
    activation: Any,
    parametric: bool,
    weight_init: Any,
    dropout: Any,
    input_dropout: Any,
    dropout_schedule: Any,
    normalization: str | None,
    members: int = 1,
) -> tuple[list[Layer], list[int]]:
    """Return the layers of a network, and after how many of them each hidden layer ends."""
    functions = activations(activation, len(sizes))
    init, init_output = initializers(weight_init, activation)
    stack: list[Layer] = list(first)
    ends: list[int] = []
    at_door = not first  # the next layer with weights sees the inputs in whatever form they come
    if np.any(input_dropout):
        hide = Dropout(input_dropout, schedule_of(dropout_schedule))
        stack.append(InputDropout(hide) if at_door else hide)
    for size, function in zip(sizes, functions, strict=True):
        if members > 1:
            # the layer Members has just scaled the inputs
            stack.append(SharedDense(size, members, init, scale_inputs=bool(ends)))
        else:
            stack.append(Stem(Dense(size, init)) if at_door else Dense(size, init))
        at_door = False
        if normalization is not None:
            stack.append(NORMALIZATIONS[normalization]())
        stack.append(ParametricActivate(function) if parametric else Activate(function))
        ends.append(len(stack))
        if np.any(dropout):
            stack.append(Dropout(dropout, schedule_of(dropout_schedule)))
    if members > 1:
        stack.append(Heads(n_out, members, init_output))
    else:
        output = Dense(n_out, init_output)
        stack.append(Stem(output) if at_door else output)
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
    factors = params["learning_rate_factors"] or {}
    if factors or params["parametrization"] == "ntk":
        power = 0.0 if params["parametrization"] == "standard" else 0.5 if rescales(solver) else 1.0
        transforms.append(RateFactors(factors, power, fan_in=_FAN_IN))
    if np.any(decay):
        transforms.append(Decay(decay, schedule_of(params["weight_decay_schedule"])))
    return Optimizer(*transforms)


def check_factors(factors: Any) -> None:
    """Raise InvalidParameterError where learning_rate_factors names no role, or no factor."""
    for role, factor in (factors if isinstance(factors, dict) else {}).items():
        if role not in ROLES:
            raise InvalidParameterError(
                f"learning_rate_factors: got a factor for {role!r}, but parameters have the roles "
                f"{', '.join(map(repr, ROLES))}."
            )
        if not isinstance(factor, Real) or not 0 <= factor < np.inf:
            raise InvalidParameterError(
                f"learning_rate_factors[{role!r}]: got {factor!r}, but expected a number >= 0."
            )


def rescales(solver: Any) -> bool:
    """Say whether the solver's step does not depend on the scale of the gradient."""
    return solver in ("adam", "adamw", "rmsprop", "rprop")


def schedule_of(spec: Any) -> Schedule:
    """Return the schedule of that name, or of that function of progress."""
    if isinstance(spec, str):
        return SCHEDULES[spec]()
    return spec if isinstance(spec, Schedule) else FunctionSchedule(spec)


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
    else:
        found = schedule_of(spec)
    return Warmup(params["warmup"], found) if params["warmup"] else found
