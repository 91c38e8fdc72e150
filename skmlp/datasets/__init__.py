"""Tables to try an estimator on, and readers for files of DNA methylation."""

from ._beta_matrix import read_beta_matrix
from ._geo import fetch_geo
from ._methylation import make_methylation
from ._methylation_matrix import MethylationMatrix
from ._series_matrix import read_geo_matrix

__all__ = [
    "MethylationMatrix",
    "fetch_geo",
    "make_methylation",
    "read_beta_matrix",
    "read_geo_matrix",
]
