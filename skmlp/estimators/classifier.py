"""The classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skmlp.core.losses import CLASSIFICATION_LOSSES, Loss, SoftmaxLoss
from skmlp.core.losses import classification_loss, for_target_type
from skmlp.estimators._base import BaseMLP, Real, partial_fit_is_possible


def _finite_log(p):
    """Return log(p), with the smallest normal number in place of a p that has rounded to 0."""
    return np.log(np.maximum(p, np.finfo(p.dtype).tiny))


class MLPClassifier(ClassifierMixin, BaseMLP):
    """DOC"""

    _parameter_constraints = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(CLASSIFICATION_LOSSES)), Loss],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        loss="log_loss",
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping="auto",
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        class_weight=None,
        label_smoothing=0.0,
        standardize=True,
        weight_init="sklearn",
        dropout=0.0,
        normalization=None,
        l1=0.0,
        weight_decay=None,
        max_norm=None,
        clip_norm=None,
        warmup=0.0,
        scoring="loss",
        validation_split="auto",
        on_divergence="raise",
        dtype="auto",
        conventions="skmlp",
        callbacks=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.standardize = standardize
        self.weight_init = weight_init
        self.dropout = dropout
        self.normalization = normalization
        self.l1 = l1
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.warmup = warmup
        self.scoring = scoring
        self.validation_split = validation_split
        self.on_divergence = on_divergence
        self.dtype = dtype
        self.conventions = conventions
        self.callbacks = callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        groups=None,
    ):
        """Fit the network to X and y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Classes; a 0/1 indicator matrix for several labels a sample; one column of
            classes for each of several outputs.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, none negative.
        X_val, y_val : array-like, default=None
            Samples to watch instead of a part held out of X.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.
        groups : array-like of shape (n_samples,), default=None
            Groups that a validation part drawn from X keeps together.

        Returns
        -------
        self : MLPClassifier
        """
        self._incremental = False
        return self._fit(
            X, y, sample_weight, validation=(X_val, y_val, sample_weight_val), groups=groups
        )

    @available_if(partial_fit_is_possible)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Go through these samples once, from where the last call ended.

        The optimiser, the random stream and the scales of the first call are kept.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, none negative.
        classes : array-like of shape (n_classes,), default=None
            All classes there will be; needed in the first call.

        Returns
        -------
        self : MLPClassifier
        """
        self._check_classes(classes)
        self._incremental = True
        return self._fit(X, y, sample_weight, classes=classes, incremental=True)

    def _check_classes(self, classes):
        """Insist on all classes in the first call, and on the same ones later."""
        known = getattr(self, "classes_", None)
        if known is None:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
        elif classes is not None and not np.array_equal(known, np.unique(classes)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, "
                f"was: {known!r}"
            )

    # -- targets -----------------------------------------------------------------------

    def _learn_targets(self, y, classes):
        if classes is None:
            check_classification_targets(y)
            kind = type_of_target(y, input_name="y")
        else:
            kind = "multilabel-indicator" if y.ndim == 2 else "multiclass"
        if kind.startswith("multiclass") and y.ndim == 2 and y.shape[1] == 1:
            y, kind = y[:, 0], "multiclass"
        if kind == "multilabel-indicator":
            self.classes_ = np.arange(y.shape[1]) if classes is None else np.unique(classes)
            sizes = [y.shape[1]]
        elif kind == "multiclass-multioutput":
            self.classes_ = [np.unique(column) for column in y.T]
            sizes = [len(c) for c in self.classes_]
        else:
            self.classes_ = np.unique(y if classes is None else classes)
            kind = "multiclass" if len(self.classes_) > 2 else "binary"
            sizes = [len(self.classes_)] if kind == "multiclass" else [1]
        self._target_type, self._sizes = kind, sizes
        self.n_outputs_ = sum(sizes)
        self.out_activation_ = "softmax" if kind.startswith("multiclass") else "logistic"

    def _make_loss(self):
        if isinstance(self.loss, SoftmaxLoss):
            return for_target_type(self.loss, self._target_type, tuple(self._sizes))
        if isinstance(self.loss, Loss):
            return self.loss
        return classification_loss(
            self.loss, self._target_type, tuple(self._sizes), self.label_smoothing
        )

    def _columns(self, y):
        """Return y as one column of classes for each output, with those outputs' classes."""
        if self._target_type == "multiclass-multioutput":
            return list(zip(y.T, self.classes_, strict=True))
        return [(y.reshape(len(y)), self.classes_)]

    def _encode_y(self, y):
        if self._target_type == "multilabel-indicator":
            if y.ndim != 2 or y.shape[1] != self.n_outputs_:
                raise ValueError(
                    f"y has shape {y.shape}, but {self.n_outputs_} label columns were seen in fit"
                )
            return np.asarray(y.toarray() if hasattr(y, "toarray") else y, dtype=np.float64)
        blocks = []
        for column, classes in self._columns(y):
            unseen = np.setdiff1d(column, classes)
            if len(unseen):
                raise ValueError(
                    f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. "
                    f"'y' has {unseen}."
                )
            code = np.searchsorted(classes, column)
            blocks.append(code[:, None] == np.arange(len(classes)))
        if self._target_type == "binary":
            return (blocks[0][:, -1:] & (len(self.classes_) > 1)).astype(np.float64)
        return np.concatenate(blocks, axis=1).astype(np.float64)

    def _check_targets(self, y):
        if isinstance(self.classes_, list) or self._target_type == "multilabel-indicator":
            return
        classes = np.unique(y)
        if not np.array_equal(classes, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {classes}"
            )

    def _stratify_by(self, y):
        if self._target_type == "binary":
            return (y.reshape(len(y)) == self.classes_[-1]).astype(str)
        return y.reshape(len(y)) if self._target_type == "multiclass" else None

    def _weigh(self, y, sample_weight):
        if self.class_weight is None:
            return sample_weight
        if self._target_type == "multilabel-indicator":
            raise ValueError(
                "class_weight is not defined for several labels a sample; pass sample_weight"
            )
        given = self.class_weight
        each = given if isinstance(given, list) else [given] * len(self._columns(y))
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        for (column, classes), by_class in zip(self._columns(y), each, strict=True):
            weights = compute_class_weight(
                by_class, classes=classes, y=column, **self._balance(by_class, sample_weight)
            )
            weight = weight * weights[np.searchsorted(classes, column)]
        return weight

    @staticmethod
    def _balance(by_class, sample_weight):
        """Return the weights by which "balanced" counts, where scikit-learn takes them."""
        return {"sample_weight": sample_weight} if isinstance(by_class, str) else {}

    def _codes(self, values):
        """Return the most likely class of each output, as numbers (n, n_outputs).

        ``values`` (n, m) are probabilities, or encoded targets, which are 0 or 1.
        """
        if self._target_type in ("binary", "multilabel-indicator"):
            return (values > 0.5).astype(np.intp)
        blocks = np.split(values, np.cumsum(self._sizes)[:-1], axis=1)
        return np.stack([block.argmax(axis=1) for block in blocks], axis=1)

    def _score_raw(self, raw, y, w):
        if not np.isfinite(raw).all():
            return np.nan
        right = self._codes(self._loss.predict(raw[None])[0]) == self._codes(y)
        return float(np.average(right.all(axis=1), weights=w))

    # -- predictions -------------------------------------------------------------------

    def predict(self, X):
        """Predict the class of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        raw = self._raw(X)
        codes = self._codes(self._loss.predict(raw).mean(axis=0))
        if self._target_type == "multilabel-indicator":
            return codes
        if self._target_type == "multiclass-multioutput":
            pairs = zip(codes.T, self.classes_, strict=True)
            return np.stack([classes[code] for code, classes in pairs], axis=1)
        return self.classes_[codes[:, 0] * (len(self.classes_) > 1)]

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or list of such arrays
            Columns in the order of ``classes_``; for several labels a sample the
            probability of each label; for several outputs one array for each.
        """
        raw = self._raw(X)
        p = self._loss.predict(raw).mean(axis=0)
        if self._target_type != "binary":
            return self._by_output(p)
        if len(self.classes_) == 1:
            return np.ones_like(p)
        return np.hstack([self._loss.predict(-raw).mean(axis=0), p])

    def predict_log_proba(self, X):
        """Predict the logarithm of each probability, finite even where that rounds to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or list of such arrays
            As :meth:`predict_proba`.
        """
        p = self.predict_proba(X)
        if isinstance(p, list):
            return [_finite_log(one) for one in p]
        return _finite_log(p)

    def decision_function(self, X):
        """Return the raw outputs: log-odds for two classes or labels, logits for more.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes) or list of such arrays
            Above 0 for two classes means the second.
        """
        raw = self._raw(X).mean(axis=0)
        return raw[:, 0] if self._target_type == "binary" else self._by_output(raw)

    def _by_output(self, values):
        if self._target_type != "multiclass-multioutput":
            return values
        return np.split(values, np.cumsum(self._sizes)[:-1], axis=1)

    def __sklearn_tags__(self):
        """Several labels a sample are possible."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
