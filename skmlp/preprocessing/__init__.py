"""Turn tables of mixed columns into numbers, and prepare tables of DNA methylation."""

from .methylation import (
    AlignCpGs,
    BetaToM,
    MissingProbeFilter,
    QuantileNormalizer,
    RegressOut,
    SelectCpGs,
)
from .table import TableEncoder

__all__ = [
    "AlignCpGs",
    "BetaToM",
    "MissingProbeFilter",
    "QuantileNormalizer",
    "RegressOut",
    "SelectCpGs",
    "TableEncoder",
]
