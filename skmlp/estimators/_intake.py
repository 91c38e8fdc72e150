"""How a table becomes rows of numbers: checked, encoded, split, scaled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    _num_samples,
    check_consistent_length,
    validate_data,
)

from skmlp.core.rows import Rows
from skmlp.estimators._checks import is_clean
from skmlp.estimators._data import folds, is_plain, lay_out, split
from skmlp.estimators._jobs import Encoded
from skmlp.estimators._recipes import takes_folds
from skmlp.preprocessing.columns import ColumnEncoder
from skmlp.preprocessing.containers import NARROW, refuse_gaps
from skmlp.preprocessing.statistics import Standardizer

#: Below this many values of X, float64 costs nothing.
_FEW_VALUES = 5_000


class Intake(BaseEstimator, ABC):
    """What stands between the table of a user and the rows that networks train on."""

    # -- in what classifier and regressor differ -------------------------------------

    @abstractmethod
    def _encode_y(self, y: Any) -> Any:
        """Return y (n, t) as numbers, before any scaling; refuse what was not seen in fit."""

    def _stratify_by(self, y: Any) -> Any:
        """Return the classes that a validation split should hold out alike, or None."""
        return None

    def _weigh(self, y: Any, sample_weight: Any) -> Any:
        """Return the weights of the rows."""
        return sample_weight

    def _scale_target(self, y: Any, w: Any, learn: bool) -> Any:
        """Return y on the scale on which it is trained."""
        return y

    # -- checks ------------------------------------------------------------------------

    def _check_X_y(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        clean = is_clean(y, ndim=1)
        if not clean:
            refuse_gaps(y)
        if y is not None and self._needs_no_check(X):
            X = self._take(X, reset)
            y = y if clean else _check_y(y, multi_output=True, estimator=self)
            check_consistent_length(X, y)
            return X, y
        checks = self._array_checks(X)
        X, y = validate_data(self, X, y, multi_output=True, reset=reset, **checks)
        return X, y

    def _check_X(self, X: Any, reset: bool) -> Any:
        if self._needs_no_check(X):
            return self._take(X, reset)
        return validate_data(self, X, reset=reset, **self._array_checks(X))

    def _take(self, X: Any, reset: bool) -> Any:
        """Take X unchecked, but for the number and the names of its columns."""
        X = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
        unnamed = type(X) is np.ndarray and not hasattr(self, "feature_names_in_")
        if unnamed and (reset or X.shape[1] == self.n_features_in_):
            self.n_features_in_ = X.shape[1]
            return X
        return validate_data(self, X, skip_check_array=True, reset=reset)

    def _array_checks(self, X: Any) -> dict[str, Any]:
        fills = self._imputes() and not sparse.issparse(X)
        return {
            "accept_sparse": "csr",
            "dtype": (np.float64, np.float32, *(() if sparse.issparse(X) else NARROW)),
            "ensure_all_finite": "allow-nan" if fills else True,
        }

    def _imputes(self) -> bool:
        """Say whether missing values, and categories, are taken care of here."""
        return self.conventions == "skmlp" and self.standardize is not False

    def _needs_no_check(self, X: Any) -> bool:
        """Say whether X is in order, or of mixed kinds, which the encoder checks."""
        if isinstance(X, Rows) or is_clean(X, ndim=2):
            return True
        return self._imputes() and (hasattr(X, "columns") or not is_plain(X))

    def _learn_columns(self, X: Any, chosen: Any) -> ColumnEncoder | None:
        """Learn how to make numbers of the columns, from the training rows."""
        if not self._imputes() or sparse.issparse(X):
            return None
        encoder = ColumnEncoder(
            categorical_features=self.categorical_features,
            max_one_hot=self.max_one_hot,
            indicators=not self._wide,
        )
        if isinstance(X, Rows):  # finite numbers
            return encoder.fit(X.table[X.index[:1]])
        numbers = isinstance(X, np.ndarray) and X.dtype.kind in "fiu"
        if self._wide and numbers and self.categorical_features == "from_dtype":
            chosen = [0]  # there is nothing to learn of the other rows
        return encoder.fit(X if chosen is None else _safe_indexing(X, chosen))

    def _encode_X(self, X: Any) -> Any:
        return X if self._encoder is None or isinstance(X, Rows) else self._encoder.transform(X)

    def _check_weight(self, X: Any, y: Any, sample_weight: Any) -> Any:
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        weight = self._weigh(y, sample_weight)
        if weight is not None and not weight.any():
            raise ValueError(
                "sample_weight: all weights are zero, so there is nothing to fit; give some "
                "rows a positive weight"
            )
        return weight

    def _dtype(self, X: Any) -> Any:
        if self.dtype is None:
            found = getattr(X, "dtype", None)  # that of an array; a frame has several
            return found if found in (np.float32, np.float64) else np.dtype(np.float64)
        if self.dtype != "auto":
            return np.dtype(self.dtype)
        n_values = X.nnz if sparse.issparse(X) else X.shape[0] * X.shape[1]
        exact = n_values < _FEW_VALUES or self.solver == "lbfgs"
        return np.dtype(np.float64 if exact else np.float32)

    # -- rows --------------------------------------------------------------------------

    def _split(
        self, X: Any, y: Any, weight: Any, groups: Any, given: bool, incremental: bool
    ) -> tuple[Any, Any]:
        """Return the numbers of the training rows (None for all) and of those held out."""
        n = _num_samples(X)
        used = None if weight is None or weight.all() else np.flatnonzero(weight)
        if incremental and self.early_stopping is True:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it never sees all rows"
            )
        if given or incremental or takes_folds(self._now) or not self._now.early_stopping:
            return used, None
        training = self._training
        if training.split is None or training.split[0] != n:
            index = np.arange(n) if used is None else used
            classes = self._stratify_by(y)
            train, held = split(
                y[index],
                how=self._now.validation_split,
                fraction=self.validation_fraction,
                shuffle=self.shuffle,
                stratify=None if classes is None else classes[index],
                groups=None if groups is None else np.asarray(groups)[index],
                spare_rare=self.early_stopping == "auto",
                rng=training.rngs[0],
            )
            training.split = n, index[train], index[held]
        return training.split[1:]

    def _held_folds(self, rows: Encoded, y: Any, chosen: Any, groups: Any) -> Encoded:
        """Let each network hold out a fold of its own, and train on the other rows."""
        for name, works in (
            ("scoring", self.scoring in (None, "loss")),
            ("shuffle", self.shuffle),
            ("solver", self.solver != "lbfgs"),
        ):
            if not works:
                raise ValueError(
                    "validation_split='folds' lets each network train on rows of its own, which "
                    f"{name}={getattr(self, name)!r} does not; change that, or pass "
                    "validation_split='auto'"
                )
        training, n = self._training, len(rows.target)
        if training.folds is None or sum(map(len, training.folds)) != n:
            if groups is not None and chosen is not None:
                groups = np.asarray(groups)[chosen]
            training.folds = folds(
                n, self._now.stack, self._stratify_by(y), groups, training.rngs[0]
            )
        shortest = min(map(len, training.folds))
        if shortest < 2:
            raise ValueError(
                "The validation set is too small: a fold has a single row. Give fewer networks, "
                "groups of more rows, or validation_split='random'"
            )
        held = [fold[:shortest] for fold in training.folds]
        return Encoded(
            [rows.inputs[fold] for fold in held],
            np.stack([rows.target[fold] for fold in held]),
            None if rows.w is None else np.stack([rows.w[fold] for fold in held]),
        )

    def _rows(self, X: Any, code: Any, weight: Any, index: Any, *, learn: bool = False) -> Encoded:
        """Encode the rows ``index`` (None for all); the scales are learnt from them on request."""
        if index is not None:
            code, weight = code[index], None if weight is None else weight[index]
        if learn:
            self._standardizer = self._learn_scales(X, weight, index)
        target = self._scale_target(code, weight, learn).astype(self._arithmetic, copy=False)
        inputs = lay_out(X, index, self._standardizer, self._arithmetic)
        return Encoded(inputs, target, weight)

    def _learn_scales(self, X: Any, weight: Any, index: Any) -> Standardizer | None:
        if not self._now.standardize:
            return None
        how = "robust" if self._now.standardize == "robust" else "standard"
        n_codes = len(self._encoder.cardinalities_) if self._encoder else 0
        if isinstance(X, Rows):
            X, index = X.table, X.index if index is None else X.index[index]
        return Standardizer(X, weight, how, n_codes, index)

    def _given_rows(self, X: Any, y: Any, sample_weight: Any) -> Encoded:
        if X is None or y is None:
            raise ValueError("X_val and y_val belong together: pass both, or neither")
        X, y = self._check_X_y(X, y, reset=False)
        weight = self._check_weight(X, y, sample_weight)
        code = self._encode_y(y)
        self._loss.check(code)
        rows = self._rows(self._encode_X(X), code, weight, None)
        rows.origin = X, y
        return rows
