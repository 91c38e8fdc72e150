"""Prepare tables of DNA methylation: few people, very many CpGs.

Every transformer reads X in blocks of columns of some MB, and holds no second copy of it beside
what it returns. (`QuantileNormalizer` reads rows: a frame that is not stored as one array is
copied in its ``fit``, in its own dtype.)
"""

from .align import AlignCpGs
from .beta import BetaToM
from .missing import MissingProbeFilter
from .quantile import QuantileNormalizer
from .regress import RegressOut
from .selection import SelectCpGs

__all__ = [
    "AlignCpGs",
    "BetaToM",
    "MissingProbeFilter",
    "QuantileNormalizer",
    "RegressOut",
    "SelectCpGs",
]
