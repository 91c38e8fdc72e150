"""scikit-learn's functions of cross-validation, whose fits are done as stacks."""

from __future__ import annotations

from typing import Any

import sklearn.model_selection as skl
from sklearn.utils._param_validation import validate_params

from skmlp.model_selection._parallel import StackingParallel, with_names


def _stacking(function: Any, **names: Any) -> Any:
    """Return scikit-learn's function, checked as there, with another Parallel inside."""
    twin = with_names(function, Parallel=StackingParallel, **names)
    constraints = function._skl_parameter_constraints
    return validate_params(constraints, prefer_skip_nested_validation=False)(twin)


cross_validate = _stacking(skl.cross_validate)
cross_val_score = _stacking(skl.cross_val_score, cross_validate=cross_validate)
cross_val_predict = _stacking(skl.cross_val_predict)
learning_curve = _stacking(skl.learning_curve)
validation_curve = _stacking(skl.validation_curve)
