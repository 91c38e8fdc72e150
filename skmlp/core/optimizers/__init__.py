"""Direction -> better direction, in place; an optimiser is a chain of these.

>>> SOLVERS["adamw"](beta_1=0.9, beta_2=0.999, epsilon=1e-8)
[Adam(beta_1=0.9, beta_2=0.999, epsilon=1e-08)]
"""

from __future__ import annotations

from collections.abc import Callable

from .adam import Adam
from .base import Elementwise, Transform
from .chain import Optimizer
from .clipping import ClipNorm, ClipValue
from .decay import Decay
from .momentum import Momentum
from .rate_factors import RateFactors
from .rmsprop import RMSProp
from .rprop import RProp

__all__ = [
    "FULL_BATCH",
    "SOLVERS",
    "Adam",
    "ClipNorm",
    "ClipValue",
    "Decay",
    "Elementwise",
    "Momentum",
    "Optimizer",
    "RMSProp",
    "RProp",
    "RateFactors",
    "Transform",
]

#: First-order solvers by name: how each makes its chain from scikit-learn's parameters.
SOLVERS: dict[str, Callable[..., list[Transform]]] = {
    "gd": lambda **_: [],
    "sgd": lambda *, momentum, nesterovs_momentum, **_: (
        [Momentum(momentum, nesterovs_momentum)] if momentum else []
    ),
    "adam": lambda *, beta_1, beta_2, epsilon, **_: [Adam(beta_1, beta_2, epsilon)],
    "adamw": lambda *, beta_1, beta_2, epsilon, **_: [Adam(beta_1, beta_2, epsilon)],
    "rmsprop": lambda *, epsilon, **_: [RMSProp(epsilon=epsilon)],
    "rprop": lambda **_: [RProp()],
}

#: Solvers that need the gradient of all rows at every step.
FULL_BATCH = frozenset({"gd", "rprop", "lbfgs"})
