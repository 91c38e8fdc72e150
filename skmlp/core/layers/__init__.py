"""The layers, one file each."""

from skmlp.core.layers.activation import Activate
from skmlp.core.layers.base import Layer
from skmlp.core.layers.compose import Chain
from skmlp.core.layers.dense import Dense
from skmlp.core.layers.dropout import Dropout
from skmlp.core.layers.ensemble import Heads, Members, SharedDense
from skmlp.core.layers.norm import BatchNorm, LayerNorm
from skmlp.core.layers.numeric import PBLD, PLE, PLR
from skmlp.core.layers.parametric import ParametricActivate
from skmlp.core.layers.scaling import Scaling
from skmlp.core.layers.stem import Stem
from skmlp.core.layers.table import Columns

__all__ = [
    "PBLD",
    "PLE",
    "PLR",
    "Activate",
    "BatchNorm",
    "Chain",
    "Columns",
    "Dense",
    "Dropout",
    "Heads",
    "Layer",
    "LayerNorm",
    "Members",
    "ParametricActivate",
    "Scaling",
    "SharedDense",
    "Stem",
]
