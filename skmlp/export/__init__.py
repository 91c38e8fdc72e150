"""Ship fitted networks: as JSON, as ONNX, as a source file of their own, as scikit-learn's."""

from ._description import describe
from ._html import to_html
from ._json import to_json
from ._onnx import to_onnx
from ._sklearn import to_sklearn
from ._skops import trusted_types
from ._source import to_source

__all__ = ["describe", "to_html", "to_json", "to_onnx", "to_sklearn", "to_source", "trusted_types"]
