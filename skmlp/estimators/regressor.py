"""The regressor."""

from __future__ import annotations

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from skmlp.core.losses import LOSSES, GaussianNLL, Loss, Quantile
from skmlp.estimators._base import BaseMLP, partial_fit_is_possible


def _gives_quantiles(estimator):
    if not isinstance(estimator._make_loss(), Quantile):
        raise AttributeError(
            f"predict_quantiles needs loss='quantile' or a Quantile, got loss={estimator.loss!r}"
        )
    return True


class MLPRegressor(RegressorMixin, BaseMLP):
    """DOC"""

    _parameter_constraints = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(LOSSES)), Loss],
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        loss="squared_error",
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
            Target values.
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
        self : MLPRegressor
        """
        self._incremental = False
        return self._fit(
            X, y, sample_weight, validation=(X_val, y_val, sample_weight_val), groups=groups
        )

    @available_if(partial_fit_is_possible)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Go through these samples once, from where the last call ended.

        The optimiser, the random stream and the scales of the first call are kept.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their target values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, none negative.

        Returns
        -------
        self : MLPRegressor
        """
        self._incremental = True
        return self._fit(X, y, sample_weight, incremental=True)

    # -- targets -----------------------------------------------------------------------

    def _make_loss(self):
        return self.loss if isinstance(self.loss, Loss) else LOSSES[self.loss]()

    def _learn_targets(self, y, classes):
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        self._flat = y.ndim == 1
        positive = self._make_loss().target_scaling == "none"
        self.out_activation_ = "exp" if positive else "identity"

    def _encode_y(self, y):
        y = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y.shape[1]} columns, but {self.n_outputs_} were seen in fit"
            )
        return y

    def _scale_target(self, y, w, learn):
        if learn:
            self._shift, self._scale = np.zeros(y.shape[1]), np.ones(y.shape[1])
            if self.standardize and self._loss.target_scaling == "standard":
                scaler = StandardScaler().fit(y, sample_weight=w)
                self._shift, self._scale = scaler.mean_, scaler.scale_
        return (y - self._shift) / self._scale

    def _score_raw(self, raw, y, w):
        if not np.isfinite(raw).all():
            return np.nan
        return r2_score(y, self._centre(self._loss.predict(raw[None])[0]), sample_weight=w)

    # -- predictions -------------------------------------------------------------------

    def _centre(self, values):
        """Return the point prediction (n, t) among a loss's predictions (n, ...)."""
        if isinstance(self._loss, GaussianNLL):
            return values[:, : self.n_outputs_]
        if isinstance(self._loss, Quantile):
            levels = np.ravel(self._loss.levels)
            middle = int(np.argmin(np.abs(levels - 0.5)))
            return values[:, middle :: len(levels)]
        return values

    def _unscaled(self, values, shift=True):
        """Return (n, t) on the scale of y, in its shape."""
        dtype = values.dtype
        values = values * self._scale + (self._shift if shift else 0)
        return (values[:, 0] if self._flat else values).astype(dtype, copy=False)

    def predict(self, X, return_std=False):
        """Predict the target of each sample: its mean, or what the loss makes of it.

        ``absolute_error`` and ``quantile`` predict the median (or the level nearest to it).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        return_std : bool, default=False
            Whether to return the standard deviation too; needs ``loss="gaussian_nll"``.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape
            Only if ``return_std``.
        """
        values = self._loss_values(X)
        y = self._unscaled(self._centre(values))
        if not return_std:
            return y
        if not isinstance(self._loss, GaussianNLL):
            raise ValueError(
                f"return_std=True needs loss='gaussian_nll', got loss={self.loss!r}"
            )
        return y, self._unscaled(values[:, self.n_outputs_ :], shift=False)

    @available_if(_gives_quantiles)
    def predict_quantiles(self, X):
        """Predict the quantiles at the levels of the loss; they never cross.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_levels) or (n_samples, n_outputs, n_levels)
        """
        values = self._loss_values(X)
        values = values.reshape(len(values), self.n_outputs_, -1)  # (n, t, L)
        scaled = values * self._scale[:, None] + self._shift[:, None]
        return (scaled[:, 0] if self._flat else scaled).astype(values.dtype, copy=False)

    def _loss_values(self, X):
        raw = self._raw(X)
        return self._loss.predict(raw).mean(axis=0)
