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
from skmlp.estimators._parameters import documented


def _gives_quantiles(estimator):
    if not isinstance(estimator._make_loss(), Quantile):
        raise AttributeError(
            f"predict_quantiles needs loss='quantile' or a Quantile, got loss={estimator.loss!r}"
        )
    return True


@documented
class MLPRegressor(RegressorMixin, BaseMLP):
    r"""Neural network for numbers: means, medians, quantiles, counts, or a mean with its spread.

    A multi-layer perceptron: layers of weighted sums, each bent by `activation`, trained by
    gradient descent. It takes the place of :class:`sklearn.neural_network.MLPRegressor`, whose
    parameters, attributes and methods all keep their names and meaning; from `standardize` on the
    parameters are new, and so are further values of the old ones. Defaults differ where ours serve
    tables better; ``MLPRegressor(**skmlp.SKLEARN_DEFAULTS)`` has scikit-learn's.

    Parameters
    ----------
    hidden_layer_sizes : int, array-like of int or "auto", default="auto"
        Number of units of each hidden layer, from the input on. "auto" is (64, 64, 64), or (100,)
        where the plain recipe holds; see Notes. ``()`` is a network without hidden layer: linear
        regression, with the link of the loss.
    activation : str, Activation or sequence of these, default="mish"
        What bends the output of the hidden layers: one for all, or one for each. Names are
        "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish"
        and "softplus"; an :class:`~skmlp.core.activations.Activation` has settings, or a function,
        of your own.
    loss : str or Loss, default="squared_error"
        What training makes small, and with that, what is predicted: "squared_error" (the mean),
        "absolute_error" (the median), "huber" and "log_cosh" (between the two, hence robust),
        "quantile" (a level, or several that never cross), "poisson", "gamma" and "tweedie" (means
        that cannot be negative), "gaussian_nll" (mean and standard deviation). A
        :class:`~skmlp.core.losses.Loss`, such as ``Quantile([0.1, 0.5, 0.9])``, has settings, or a
        formula, of your own. Always by keyword: scikit-learn has it in the first place, where
        `hidden_layer_sizes` stands here.
    {solver}
    {alpha}
    {batch_size}
    {learning_rate}
    learning_rate_init : float or "auto", default="auto"
        Learning rate before the schedule's factor. "auto" is 0.009, or 0.001 where the plain recipe
        holds or ``parametrization="standard"``. Not for "lbfgs".
    {power_t}
    {max_iter}
    {shuffle}
    {random_state}
    {tol}
    {verbose}
    {warm_start}
    {momentum}
    {nesterovs_momentum}
    {early_stopping}
    {validation_fraction}
    {beta_1}
    {beta_2}
    {epsilon}
    {n_iter_no_change}
    {max_fun}
    standardize : bool, "robust" or "auto", default="auto"
        What every column of X is brought to, by the training rows: True, mean 0 and standard
        deviation 1; "robust", median 0 and quartiles 1 apart, then clipped smoothly to (-3, 3),
        which outliers do not disturb. [8]_ "auto" is "robust" in the recipe for ordinary tables.
        Missing values become 0, the mean or median, and such columns get a 0/1 column that says so
        (unless the table is wide). Sparse columns are divided by their standard deviation only, so
        that they stay sparse. y is brought to mean 0 and standard deviation 1, where the loss
        allows it. False leaves X alone, and refuses missing values and categories.
    {weight_init}
    dropout : float or "auto", default="auto"
        Probability with which each hidden unit is silenced in a training step. Against overfitting
        in wide networks; 0.1 to 0.5 is usual. "auto" is 0. Not for "lbfgs", which needs the
        same loss twice.
    {input_dropout}
    {normalization}
    {l1}
    weight_decay : float, None or "auto", default="auto"
        Share by which each step shrinks the weights, at a learning rate of 1. None is 0.01 for
        "adamw" and 0 for the others. "auto" is None. Not for "lbfgs".
    {max_norm}
    {clip_norm}
    {warmup}
    {scoring}
    validation_split : "auto", "folds", "last", "random" or splitter, default="auto"
        Which rows are held out. "folds": each network holds out a fold of its own, and is trained
        on the others, so that no row is lost. "auto" does so where there are several networks and
        no ``groups``, ``shuffle=False``, `scoring` of your own or "lbfgs" stands against it; else,
        as "random" always does, it draws one part at random, whole groups where `fit` is given
        ``groups``, and takes the last ones if ``shuffle=False``; "last" always takes those, as time
        series need it. Of a splitter of :mod:`sklearn.model_selection` the first split counts.
    {on_divergence}
    {dtype}
    categorical_features : "from_dtype", None, mask, list of int or list of str, \
            default="from_dtype"
        Which columns are categories, as in :class:`sklearn.ensemble.HistGradientBoostingRegressor`.
        "from_dtype" takes those of type category, string, object with text, and bool.
    {max_one_hot}
    {embedding_dim}
    numeric_embedding : {"auto", "pbld", "plr", "ple"}, Layer or None, default="auto"
        What spreads each numeric column over several inputs, so that the network can bend it
        sharply: learnt cosines beside the number itself ("pbld"), cosines and sines with a ReLU
        ("plr"), or position between quantiles ("ple"). Helps where the target jumps or waves along
        a column; costs time with many columns. "auto" is "pbld" in the best recipe, up to 100
        columns, else None. [7]_ [8]_
    {input_scaling}
    parametric_activation : bool or "auto", default="auto"
        Whether each unit learns how far its activation bends: x + a (f(x) - x). Helps a little, in
        regression more, for a tenth of the time. "auto" is True in the best recipe.
    {parametrization}
    {learning_rate_factors}
    {dropout_schedule}
    {averaging}
    {n_estimators}
    weight_sharing : bool, default=False
        Whether the `n_estimators` networks share their weight matrices, and differ by a few factors
        and an output layer each: less memory, and each is a regulariser of the others. They then
        see the same batches, and one part is held out for all. For dense X. [9]_
    pack : bool, default=False
        Whether each of the networks draws a learning rate, a dropout rate and a weight decay of
        its own around those given, and only those are averaged that predict the held-out rows best
        together, a good one several times. All hold out the same rows. For many networks: 16 or
        more. [10]_
    {joint_best_epoch}
    {max_time}
    clip_output : bool, default=False
        Whether to keep predictions within the range of the training targets.
    {recipe}
    {conventions}
    {callbacks}

    Attributes
    ----------
    {best_loss_}
    {best_validation_score_}
    {coefs_}
    {feature_names_in_}
    {history_}
    {intercepts_}
    {loss_}
    {loss_curve_}
    {n_features_in_}
    {n_iter_}
    {n_layers_}
    n_outputs_ : int
        Number of columns of y.
    {chosen_}
    {networks_}
    out_activation_ : str
        What turns raw outputs into predictions: "exp" for the losses of positive means,
        "identity" otherwise.
    {t_}
    {validation_scores_}

    See Also
    --------
    MLPClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : What this one stands in for.
    sklearn.ensemble.HistGradientBoostingRegressor : Quicker, above all on large tables.

    Notes
    -----
    With weights :math:`w_i` of the training rows, W the weights of all layers and ℓ the loss,
    training minimises

    .. math::

        \frac{1}{\sum_i w_i} \Big( \sum_i w_i\, \ell(y_i, f(x_i))
        + \frac{\alpha}{2} \lVert W \rVert_2^2 + \lambda_1 \lVert W \rVert_1 \Big),

    where ``alpha`` is α and ``l1`` is λ₁. For "squared_error" ℓ is half the squared error, summed
    over the columns of y where there are several; the other formulas are in :doc:`/user_guide`.
    The bias of the output layer starts at the best constant, so that the first epochs are not
    spent on finding it.

    The columns of X are standardised inside, not by you. So is y, column by column, except for
    "poisson", "gamma" and "tweedie", whose numbers carry meaning: losses in `history_` and settings
    such as the delta of "huber" are then in units of y's standard deviation, predictions in those
    of y. Rows held out for validation have no part in the means and deviations.

    **Intervals.** Quantiles and the spread of "gaussian_nll" are estimates, and promise nothing of
    rows to come; check on held-out rows what share falls between them. In a table with many more
    columns than rows the spread comes out far too small, as the network knows its training rows by
    heart: take quantiles there. For coverage that is guaranteed, set rows aside and correct for
    them by conformal prediction, as the library MAPIE does.

    **What "auto" stands for.** An ordinary table, trained by a solver that rescales the gradient
    ("adam", "adamw", "rmsprop", "rprop"), gets a recipe in the spirit of [8]_: four networks of
    three times 64 units with "data" weights, "ntk" rates, learnt input scales, averaged weights;
    each holds out a fold of its own, so that every row is trained on by three networks and watched
    by one. A table with more than 3 columns a row, and the other solvers, get a plain network of
    100 units, whose first layer is kept small by an L1 penalty where the table is wide. A parameter
    that you set is taken as it is.

    References
    ----------
    .. [1] Glorot & Bengio (2010), "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS.
    .. [2] Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR.
    .. [3] Loshchilov & Hutter (2019), "Decoupled weight decay regularization", ICLR.
    .. [4] Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
       overfitting", JMLR 15.
    .. [5] Koenker & Bassett (1978), "Regression quantiles", Econometrica 46.
    .. [6] Nix & Weigend (1994), "Estimating the mean and variance of the target probability
       distribution", ICNN.
    .. [7] Gorishniy, Rubachev & Babenko (2022), "On embeddings for numerical features in tabular
       deep learning", NeurIPS.
    .. [8] Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs and
       boosted trees on tabular data", NeurIPS.
    .. [9] Gorishniy, Kotelnikov & Babenko (2025), "TabM: advancing tabular deep learning with
       parameter-efficient ensembling", ICLR; Wen, Tran & Ba (2020), "BatchEnsemble", ICLR.
    .. [10] Gorishniy et al. (2026), "TabPack", arXiv 2607.05380, for drawn settings; Caruana et al.
       (2004), "Ensemble selection from libraries of models", ICML, for the choice.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from skmlp import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> short = {"learning_rate": "one_cycle", "learning_rate_init": 0.01, "max_iter": 40}
    >>> reg = MLPRegressor((50,), dropout=0.2, **short, random_state=0).fit(X_train, y_train)
    >>> reg.score(X_test, y_test) > 0.2
    True

    How sure is it? By a mean and its spread, or by quantiles: eight of ten values should fall
    between the levels 0.1 and 0.9.

    >>> reg = MLPRegressor((50,), loss="gaussian_nll", dropout=0.2, **short).fit(X_train, y_train)
    >>> mean, std = reg.predict(X_test, return_std=True)
    >>> from skmlp.core.losses import Quantile
    >>> reg = MLPRegressor((50,), loss=Quantile([0.1, 0.5, 0.9]), dropout=0.2, **short)
    >>> low, middle, high = reg.fit(X_train, y_train).predict_quantiles(X_test).T
    >>> bool((low <= middle).all() and (middle <= high).all())
    True

    Numbers that no network would guess from small ones need no care: y is standardised inside.

    >>> reg = MLPRegressor((50,), dropout=0.2, **short, random_state=0)
    >>> reg.fit(X_train, 1e6 + 1e3 * y_train).score(X_test, 1e6 + 1e3 * y_test) > 0.2
    True
    """

    _recipes = {
        "default": {"hidden_layer_sizes": (64, 64, 64), "learning_rate_init": 0.009},
        "best": {
            "n_estimators": 7,
            "max_iter": 190,
            "numeric_embedding": "pbld",
            "parametric_activation": True,
        },
        "wide": {"l1": 0.125},
    }
    _parameter_constraints = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(LOSSES)), Loss],
        "clip_output": ["boolean"],
    }

    def __init__(
        self,
        hidden_layer_sizes="auto",
        activation="mish",
        *,
        loss="squared_error",
        solver="adam",
        alpha=0.0,
        batch_size="auto",
        learning_rate="auto",
        learning_rate_init="auto",
        power_t=0.5,
        max_iter="auto",
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
        beta_2=0.95,
        epsilon=1e-8,
        n_iter_no_change=np.inf,
        max_fun=15000,
        standardize="auto",
        weight_init="auto",
        dropout="auto",
        input_dropout=0.0,
        normalization=None,
        l1="auto",
        weight_decay="auto",
        max_norm=None,
        clip_norm=None,
        warmup=0.0,
        scoring=None,
        validation_split="auto",
        on_divergence="raise",
        dtype="auto",
        categorical_features="from_dtype",
        max_one_hot=8,
        embedding_dim=8,
        numeric_embedding="auto",
        input_scaling="auto",
        parametric_activation="auto",
        parametrization="auto",
        learning_rate_factors="auto",
        dropout_schedule="flat_cos",
        weight_decay_schedule="flat_cos",
        averaging="auto",
        n_estimators="auto",
        weight_sharing=False,
        pack=False,
        joint_best_epoch=True,
        max_time=None,
        clip_output=False,
        recipe="default",
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
        self.input_dropout = input_dropout
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
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.embedding_dim = embedding_dim
        self.numeric_embedding = numeric_embedding
        self.input_scaling = input_scaling
        self.parametric_activation = parametric_activation
        self.parametrization = parametrization
        self.learning_rate_factors = learning_rate_factors
        self.dropout_schedule = dropout_schedule
        self.weight_decay_schedule = weight_decay_schedule
        self.averaging = averaging
        self.n_estimators = n_estimators
        self.weight_sharing = weight_sharing
        self.pack = pack
        self.joint_best_epoch = joint_best_epoch
        self.max_time = max_time
        self.clip_output = clip_output
        self.recipe = recipe
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

    def _suggestion(self):
        if isinstance(self.hidden_layer_sizes, str) and self.hidden_layer_sizes != "auto":
            return (
                " The first positional argument is hidden_layer_sizes; name the loss: "
                f"loss={self.hidden_layer_sizes!r}."
            )
        return super()._suggestion()

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
            raise ValueError(f"y has {y.shape[1]} columns, but {self.n_outputs_} were seen in fit")
        return y

    def _scale_target(self, y, w, learn):
        if learn:
            self._range = y.min(axis=0), y.max(axis=0)
            self._shift, self._scale = np.zeros(y.shape[1]), np.ones(y.shape[1])
            if self._now.standardize and self._loss.target_scaling == "standard":
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
        if self.clip_output:
            low, high = (bound.astype(y.dtype) for bound in self._range)
            y = np.clip(y, *(low[0], high[0]) if self._flat else (low, high))
        if not return_std:
            return y
        if not isinstance(self._loss, GaussianNLL):
            raise ValueError(f"return_std=True needs loss='gaussian_nll', got loss={self.loss!r}")
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
