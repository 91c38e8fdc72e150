"""Turn tables of mixed columns into numbers."""

from .table import TableEncoder

__all__ = ["TableEncoder"]
