"""Searches over parameters, whose candidates are trained as stacks."""

from __future__ import annotations

from typing import Any

import sklearn.model_selection as skl
from sklearn.base import _fit_context
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it is an experiment there
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._search_successive_halving import BaseSuccessiveHalving

from skmlp.model_selection._parallel import StackingParallel, resource, with_names


class _Stacking(BaseSearchCV):
    """A search whose fits are done by another Parallel; the rest of fit is scikit-learn's."""

    fit = _fit_context(prefer_skip_nested_validation=False)(
        with_names(BaseSearchCV.fit, Parallel=StackingParallel)
    )


class _Resuming(BaseSuccessiveHalving, _Stacking):
    """A search by halving, in which networks go on where the last round left them."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Run fit with all sets of parameters, as scikit-learn's search does."""
        is_epochs = self.resource.rpartition("__")[2] == "max_iter"
        asked = resource.set(self.resource if is_epochs else None)
        try:
            return super().fit(X, y, **params)
        finally:
            resource.reset(asked)


class GridSearchCV(_Stacking, skl.GridSearchCV):
    """:class:`sklearn.model_selection.GridSearchCV`, its candidates x folds trained as stacks."""


class RandomizedSearchCV(_Stacking, skl.RandomizedSearchCV):
    """:class:`sklearn.model_selection.RandomizedSearchCV`, trained as stacks."""


class HalvingGridSearchCV(_Resuming, skl.HalvingGridSearchCV):
    """:class:`sklearn.model_selection.HalvingGridSearchCV`, trained as stacks."""


class HalvingRandomSearchCV(_Resuming, skl.HalvingRandomSearchCV):
    """:class:`sklearn.model_selection.HalvingRandomSearchCV`, trained as stacks."""
