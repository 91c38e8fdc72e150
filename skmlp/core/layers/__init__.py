"""The layers, one file each."""

from skmlp.core.layers.activation import Activate
from skmlp.core.layers.base import Layer
from skmlp.core.layers.beside import Beside
from skmlp.core.layers.compose import Chain
from skmlp.core.layers.dense import Dense
from skmlp.core.layers.dropout import Dropout
from skmlp.core.layers.ensemble import Heads, Members, SharedDense
from skmlp.core.layers.input_dropout import InputDropout
from skmlp.core.layers.ngrams import HashedNgrams
from skmlp.core.layers.norm import BatchNorm, LayerNorm
from skmlp.core.layers.numeric import PBLD, PLE, PLR
from skmlp.core.layers.parametric import ParametricActivate
from skmlp.core.layers.scaling import Scaling
from skmlp.core.layers.stem import Stem
from skmlp.core.layers.table import Columns
from skmlp.core.layers.tokens import Embedding, NextToken, Readout, SampledReadout

__all__ = [
    "PBLD",
    "PLE",
    "PLR",
    "Activate",
    "BatchNorm",
    "Beside",
    "Chain",
    "Columns",
    "Dense",
    "Dropout",
    "Embedding",
    "HashedNgrams",
    "Heads",
    "InputDropout",
    "Layer",
    "LayerNorm",
    "Members",
    "NextToken",
    "ParametricActivate",
    "Readout",
    "SampledReadout",
    "Scaling",
    "SharedDense",
    "Stem",
]
