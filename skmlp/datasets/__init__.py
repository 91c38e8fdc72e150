"""Draw tables to try an estimator on; nothing is downloaded."""

from ._methylation import make_methylation

__all__ = ["make_methylation"]
