"""The layers, one file each."""

from skmlp.core.layers.activation import Activate
from skmlp.core.layers.base import Layer
from skmlp.core.layers.compose import Chain
from skmlp.core.layers.dense import Dense
from skmlp.core.layers.dropout import Dropout
from skmlp.core.layers.norm import BatchNorm, LayerNorm
from skmlp.core.layers.stem import Stem

__all__ = ["Activate", "BatchNorm", "Chain", "Dense", "Dropout", "Layer", "LayerNorm", "Stem"]
