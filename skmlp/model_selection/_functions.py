"""scikit-learn's functions of cross-validation, whose fits are done as stacks."""

from __future__ import annotations

from typing import Any

import sklearn.model_selection as skl
from sklearn.utils._param_validation import validate_params

from skmlp.model_selection._parallel import StackingParallel, with_names

_WORDS = """{first}

    The networks of all folds are trained as stacks, as those of a
    :class:`skmlp.model_selection.GridSearchCV` are. What follows is scikit-learn's own text.

    """


def _stacking(function: Any, **names: Any) -> Any:
    """Return scikit-learn's function, checked as there, with another Parallel inside."""
    twin = with_names(function, Parallel=StackingParallel, **names)
    twin.__module__ = __name__
    first, _, rest = twin.__doc__.partition("\n")
    rest = rest.partition("Examples\n    ----")[0]  # they import what this stands in for
    twin.__doc__ = _WORDS.format(first=first) + rest.strip() + "\n"
    constraints = function._skl_parameter_constraints
    return validate_params(constraints, prefer_skip_nested_validation=False)(twin)


cross_validate = _stacking(skl.cross_validate)
cross_val_score = _stacking(skl.cross_val_score, cross_validate=cross_validate)
cross_val_predict = _stacking(skl.cross_val_predict)
learning_curve = _stacking(skl.learning_curve)
validation_curve = _stacking(skl.validation_curve)
