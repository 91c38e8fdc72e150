"""Searches over parameters, whose candidates are trained as stacks."""

from __future__ import annotations

from typing import Any

import sklearn.model_selection as skl
from sklearn.base import _fit_context
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it is an experiment there
from sklearn.model_selection._search import BaseSearchCV

from skmlp.model_selection._parallel import StackingParallel, with_names


class _Stacking(BaseSearchCV):
    """A search whose fits are done by another Parallel; the rest of fit is scikit-learn's."""

    fit = _fit_context(prefer_skip_nested_validation=False)(
        with_names(BaseSearchCV.fit, Parallel=StackingParallel)
    )


class GridSearchCV(_Stacking, skl.GridSearchCV):
    pass


class RandomizedSearchCV(_Stacking, skl.RandomizedSearchCV):
    pass


class HalvingGridSearchCV(skl.HalvingGridSearchCV, _Stacking):
    pass


class HalvingRandomSearchCV(skl.HalvingRandomSearchCV, _Stacking):
    pass
