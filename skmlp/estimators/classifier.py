"""The classifier."""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Real

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets

from skmlp.core.callbacks import mean_loss
from skmlp.core.losses import (
    CLASSIFICATION_LOSSES,
    Loss,
    Ordinal,
    SoftmaxLoss,
    classification_loss,
    for_target_type,
)
from skmlp.estimators._base import BaseMLP, partial_fit_is_possible
from skmlp.estimators._checks import are_labels_like, kind_of_target, positions
from skmlp.estimators._parameters import documented


def _finite_log(p):
    """Return log(p), with the smallest normal number in place of a p that has rounded to 0."""
    return np.log(np.maximum(p, np.finfo(p.dtype).tiny))


def _ordered_categories(*values):
    """Return the categories of the first ordered pandas Categorical, lowest first; else None."""
    dtypes = (getattr(one, "dtype", None) for one in values)
    return next((dtype.categories for dtype in dtypes if getattr(dtype, "ordered", False)), None)


def _order_among(classes, categories):
    """Return the numbers of sorted classes from the lowest on, None where they are in order."""
    if categories is not None:
        places = categories.get_indexer(pd.Index(classes))
        if (places < 0).any():
            raise ValueError(
                f"loss='ordinal': got classes {classes[places < 0]} beside the ordered categories "
                f"{list(categories)} of y; make those categories of y, each in its place"
            )
        return tuple(np.argsort(places).tolist())
    if len(classes) > 2 and isinstance(classes[0], str):
        warnings.warn(
            f"loss='ordinal' takes text in the order of the alphabet: {' < '.join(classes)}. If "
            "the classes have another, pass y as pd.Categorical(y, categories, ordered=True), or "
            "as numbers",
            UserWarning,
            stacklevel=2,
        )
    return None


@documented
class MLPClassifier(ClassifierMixin, BaseMLP):
    r"""Neural network for classes: two, many, several labels a sample, or several outputs.

    A multi-layer perceptron: layers of weighted sums, each bent by `activation`, trained by
    gradient descent. It takes the place of :class:`sklearn.neural_network.MLPClassifier`, whose
    parameters, attributes and methods all keep their names and meaning; from `class_weight` on the
    parameters are new, and so are `loss` and further values of the old ones. Defaults differ where
    ours serve tables better; ``MLPClassifier(**skmlp.SKLEARN_DEFAULTS)`` has scikit-learn's.

    Parameters
    ----------
    hidden_layer_sizes : int, array-like of int or "auto", default="auto"
        Number of units of each hidden layer, from the input on. "auto" is (96, 96), or (100,) where
        the plain recipe holds; see Notes. ``()`` is a network without hidden layer: logistic
        regression.
    activation : str, Activation or sequence of these, default="relu"
        What bends the output of the hidden layers: one for all, or one for each. Names are
        "identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish"
        and "softplus"; an :class:`~skmlp.core.activations.Activation` has settings, or a function,
        of your own.
    loss : {"log_loss", "focal", "ordinal"} or Loss, default="log_loss"
        What training makes small. "focal" gives less weight to rows that are already classified
        well. "ordinal" is for classes that have an order, such as never < former < current; see
        Notes. A :class:`~skmlp.core.losses.Loss` has settings, or a formula, of your own.
    {solver}
    {alpha}
    {batch_size}
    {learning_rate}
    learning_rate_init : float or "auto", default="auto"
        Learning rate before the schedule's factor. "auto" is 0.005, or 0.001 where the plain recipe
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
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weight of each class, which multiplies the sample weights. "balanced" gives every class the
        same total. For several outputs, a list with one for each.
    label_smoothing : float or "auto", default="auto"
        Share of each row's certainty that is moved to all classes alike: keeps the network from
        growing ever surer. "auto" is 0.1 where `calibrate` undoes its blur, else 0.
    standardize : bool, "robust" or "auto", default="auto"
        What every column of X is brought to, by the training rows: True, mean 0 and standard
        deviation 1; "robust", median 0 and quartiles 1 apart, then clipped smoothly to (-3, 3),
        which outliers do not disturb. [8]_ "auto" is "robust" in the recipe for ordinary tables.
        Missing values become 0, the mean or median, and such columns get a 0/1 column that says so
        (unless the table is wide). Sparse columns are divided by their standard deviation only, so
        that they stay sparse. False leaves X alone, and refuses missing values and categories.
    {weight_init}
    dropout : float or "auto", default="auto"
        Probability with which each hidden unit is silenced in a training step. Against overfitting
        in wide networks; 0.1 to 0.5 is usual. "auto" is 0.1 in the recipe for ordinary tables, else
        0. Not for "lbfgs", which needs the same loss twice.
    {input_dropout}
    {normalization}
    {l1}
    weight_decay : float, None or "auto", default="auto"
        Share by which each step shrinks the weights, at a learning rate of 1. None is 0.01 for
        "adamw" and 0 for the others. "auto" is 0.16 in the recipe for ordinary tables, else None.
        Not for "lbfgs".
    {max_norm}
    {clip_norm}
    {warmup}
    {scoring}
    validation_split : "auto", "folds", "last", "random" or splitter, default="auto"
        Which rows are held out. "folds": each network holds out a fold of its own, and is trained
        on the others, so that no row is lost. "auto" does so where there are several networks and
        no ``groups``, ``shuffle=False``, `scoring` of your own or "lbfgs" stands against it; else,
        as "random" always does, it draws one part at random, alike from each class, whole groups
        where `fit` is given ``groups``, and takes the last ones if ``shuffle=False``; "last" always
        takes those, as time series need it. Of a splitter of :mod:`sklearn.model_selection` the
        first split counts.
    {on_divergence}
    {dtype}
    categorical_features : "from_dtype", None, mask, list of int or list of str, \
            default="from_dtype"
        Which columns are categories, as in
        :class:`sklearn.ensemble.HistGradientBoostingClassifier`. "from_dtype" takes those of type
        category, string, object with text, and bool.
    {max_one_hot}
    {embedding_dim}
    numeric_embedding : {"auto", "pbld", "plr", "ple"}, Layer or None, default="auto"
        What spreads each numeric column over several inputs, so that the network can bend it
        sharply: learnt cosines beside the number itself ("pbld"), cosines and sines with a ReLU
        ("plr"), or position between quantiles ("ple"). Helps where the target jumps or waves along
        a column, mostly in regression; costs time with many columns. "auto" is None. [7]_ [8]_
    {input_scaling}
    parametric_activation : bool or "auto", default="auto"
        Whether each unit learns how far its activation bends: x + a (f(x) - x). Helps a little, in
        regression more, for a tenth of the time. "auto" is False.
    {parametrization}
    {learning_rate_factors}
    {dropout_schedule}
    {averaging}
    {n_estimators}
    weight_sharing : bool, default=False
        Whether the `n_estimators` networks share their weight matrices, and differ by a few factors
        and an output layer each: less memory, and each is a regulariser of the others. They then
        see the same batches, and one part is held out for all. For dense X. [10]_
    pack : bool, default=False
        Whether each of the networks draws a learning rate, a dropout rate and a weight decay of
        its own around those given, and only those are averaged that predict the held-out rows best
        together, a good one several times. All hold out the same rows. For many networks: 16 or
        more. [11]_
    {joint_best_epoch}
    {max_time}
    calibrate : bool or "auto", default="auto"
        Whether to divide the raw outputs by the `temperature_` under which the held-out rows are
        most likely; keeps `label_smoothing` from blurring probabilities. [9]_ "auto": wherever rows
        are held out in the recipe for ordinary tables.
    {recipe}
    {conventions}
    {callbacks}

    Attributes
    ----------
    {best_loss_}
    {best_validation_score_}
    classes_ : ndarray of shape (n_classes,) or list of such arrays
        The classes, sorted; for several outputs one array for each.
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
        Number of outputs: 1 for two classes, else one for each class or label.
    {chosen_}
    {networks_}
    out_activation_ : str
        What turns raw outputs into probabilities: "logistic" for two classes or several labels,
        and for classes with an order, "softmax" for more classes.
    {t_}
    temperature_ : float
        What the raw outputs are divided by; 1 without `calibrate`.
    {validation_scores_}

    See Also
    --------
    MLPRegressor : The same for numbers.
    sklearn.neural_network.MLPClassifier : What this one stands in for.
    sklearn.ensemble.HistGradientBoostingClassifier : Quicker, above all on large tables.

    Notes
    -----
    With weights :math:`w_i` of the training rows, W the weights of all layers and ℓ the loss,
    training minimises

    .. math::

        \frac{1}{\sum_i w_i} \Big( \sum_i w_i\, \ell(y_i, f(x_i))
        + \frac{\alpha}{2} \lVert W \rVert_2^2 + \lambda_1 \lVert W \rVert_1 \Big),

    where ``alpha`` is α and ``l1`` is λ₁. For "log_loss" ℓ is minus the log of the true class's
    probability, summed over labels or outputs where there are several. The bias of the output
    layer starts at the log of the class frequencies, so that the first epochs are not spent on
    finding them.

    The columns of X are standardised inside, not by you: a StandardScaler in front does no harm and
    no good. Rows held out for validation have no part in the means and deviations.

    **What "auto" stands for.** An ordinary table, trained by a solver that rescales the gradient
    ("adam", "adamw", "rmsprop", "rprop"), gets a recipe in the spirit of [8]_: four networks of 96
    and 96 units with "data" weights, "ntk" rates, learnt input scales, averaged weights, dropout,
    weight decay, label smoothing and calibration; each holds out a fold of its own, so that every
    row is trained on by three networks and watched by one. A table with more than 3 columns a row,
    and the other solvers, get a plain network of 100 units, whose first layer is kept small by an
    L1 penalty where the table is wide. ``recipe="best"`` takes seven networks, "pbld" embeddings of
    numbers, and 190 epochs. A parameter that you set is taken as it is.

    **Classes with an order.** ``loss="ordinal"`` is minus the log-probability of the true class
    too, but the probabilities are those of a cumulative logit model [12]_: the network learns one
    scale, and thresholds between neighbouring classes that may move with x. So the rows of every
    class tell about the same scale, which helps most where rows are few and classes many. It is for
    one column of classes; two classes make it the log loss. Numbers are in their own order, and a
    pandas Categorical with ``ordered=True`` is in that of its categories; other text is taken by
    the alphabet, with a warning. Tools that number the classes before they call `fit`, such as
    ``cross_val_predict(method="predict_proba")``, lose the order of a Categorical: give them
    numbers. `classes_` and the columns of probabilities are sorted as ever. `predict` gives the
    most likely class; where a mistake by two classes is twice as bad as one by one, take the
    median: the first class, from the lowest on, at which the sum of probabilities reaches 1/2.

    References
    ----------
    .. [1] Glorot & Bengio (2010), "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS.
    .. [2] Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR.
    .. [3] Loshchilov & Hutter (2019), "Decoupled weight decay regularization", ICLR.
    .. [4] Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
       overfitting", JMLR 15.
    .. [5] Lin et al. (2017), "Focal loss for dense object detection", ICCV.
    .. [6] Liu & Nocedal (1989), "On the limited memory BFGS method for large scale optimization",
       Mathematical Programming 45.
    .. [7] Gorishniy, Rubachev & Babenko (2022), "On embeddings for numerical features in tabular
       deep learning", NeurIPS.
    .. [8] Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs and
       boosted trees on tabular data", NeurIPS.
    .. [9] Guo et al. (2017), "On calibration of modern neural networks", ICML.
    .. [10] Gorishniy, Kotelnikov & Babenko (2025), "TabM: advancing tabular deep learning with
       parameter-efficient ensembling", ICLR; Wen, Tran & Ba (2020), "BatchEnsemble", ICLR.
    .. [11] Gorishniy et al. (2026), "TabPack", arXiv 2607.05380, for drawn settings; Caruana et al.
       (2004), "Ensemble selection from libraries of models", ICML, for the choice.
    .. [12] McCullagh (1980), "Regression models for ordinal data", Journal of the Royal Statistical
       Society B 42, section 2.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from skmlp import MLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> short = {"learning_rate": "one_cycle", "learning_rate_init": 0.01, "max_iter": 40}
    >>> clf = MLPClassifier(**short, random_state=0).fit(X_train, y_train)
    >>> clf.score(X_test, y_test) > 0.93
    True
    >>> clf.predict_proba(X_test[:3]).shape
    (3, 2)

    The last hidden layers of the four networks, as new columns for another model:

    >>> clf.transform(X_test).shape
    (143, 384)

    Classes may have any names, and a rare one can be given its due:

    >>> names = ["malignant" if one == 0 else "benign" for one in y_train]
    >>> clf = MLPClassifier((32, 16), class_weight="balanced", dropout=0.1, **short)
    >>> [str(name) for name in clf.fit(X_train, names).classes_]
    ['benign', 'malignant']

    Classes may have an order:

    >>> import pandas as pd
    >>> area = pd.qcut(X_train[:, 3], 3, labels=["small", "medium", "large"])
    >>> area.ordered
    True
    >>> clf = MLPClassifier(loss="ordinal", **short, random_state=0).fit(X_train[:, :3], area)
    >>> clf.score(X_train[:, :3], area) > 0.9
    True

    Rows that come in pieces:

    >>> clf = MLPClassifier(random_state=0)
    >>> for _ in range(20):
    ...     for rows in (slice(0, 200), slice(200, None)):
    ...         clf = clf.partial_fit(X_train[rows], y_train[rows], classes=[0, 1])
    >>> clf.score(X_test, y_test) > 0.9
    True
    """

    _recipes = {
        "default": {
            "hidden_layer_sizes": (96, 96),
            "learning_rate_init": 0.005,
            "dropout": 0.1,
            "weight_decay": 0.16,
        },
        "best": {
            "n_estimators": 7,
            "max_iter": 190,
            "numeric_embedding": "pbld",
        },
        "wide": {"l1": 0.21},
    }
    _parameter_constraints = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(CLASSIFICATION_LOSSES)), Loss],
        "label_smoothing": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "calibrate": ["boolean", StrOptions({"auto"})],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes="auto",
        activation="relu",
        *,
        loss="log_loss",
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
        class_weight=None,
        label_smoothing="auto",
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
        calibrate="auto",
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
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
        self.calibrate = calibrate
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
        self._categories = _ordered_categories(y)
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
            All classes there will be; needed in the first call. For ``loss="ordinal"`` an ordered
            pandas Categorical says their order.

        Returns
        -------
        self : MLPClassifier
        """
        self._check_classes(classes)
        self._incremental = True
        self._categories = _ordered_categories(classes, y)
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
        self.temperature_ = 1.0
        if classes is None:
            kind = kind_of_target(y)
            if not kind.startswith(("binary", "multi")):
                check_classification_targets(y)  # which refuses it
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
        softmax = kind.startswith("multiclass") and not self._is_ordinal()
        self.out_activation_ = "softmax" if softmax else "logistic"
        self._order = None
        if self._is_ordinal() and getattr(self.loss, "order", None) is None:
            self._order = _order_among(self.classes_, self._categories)

    def _is_ordinal(self):
        return isinstance(self.loss, Ordinal) or self.loss == "ordinal"

    def _make_loss(self):
        kind, sizes = self._target_type, tuple(self._sizes)
        if isinstance(self.loss, SoftmaxLoss | Ordinal):
            loss = for_target_type(self.loss, kind, sizes)
        elif isinstance(self.loss, Loss):
            loss = self.loss
        else:
            loss = classification_loss(self.loss, kind, sizes, self._now.label_smoothing)
        if isinstance(loss, Ordinal) and loss.order is None:
            return replace(loss, order=self._order)
        return loss

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
            code = positions(column, classes)
            if code is None:
                raise ValueError(
                    f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. "
                    f"'y' has {np.setdiff1d(column, classes)}."
                )
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

    def _before_training(self, watched):
        super()._before_training(watched)
        self.temperature_ = 1.0
        if self._now.calibrate and watched is None:
            raise ValueError(
                "calibrate=True needs held-out rows: pass early_stopping=True, or X_val and y_val, "
                "to fit; partial_fit has none"
            )

    def _after_training(self, watched):
        """Choose the temperature under which the held-out rows are most likely."""
        super()._after_training(watched)
        if not self._now.calibrate:
            return
        loss = self._plain_loss()
        raw = self._chosen(self.networks_.predict(watched.inputs)).astype(np.float64)

        def loss_at(log_temperature):
            cooled = self._loss.cooled(raw, np.exp(log_temperature))
            if not isinstance(watched.inputs, list):
                cooled = self._loss.average(cooled)
            return mean_loss(loss, cooled, watched.target, watched.w).mean()

        self.temperature_ = float(np.exp(minimize_scalar(loss_at, bounds=(-3, 3)).x))

    def _plain_loss(self):
        if isinstance(self._loss, Ordinal):
            return replace(self._loss, label_smoothing=0.0)
        return classification_loss("log_loss", self._target_type, tuple(self._sizes), 0.0)

    def _combine(self, raw):
        return super()._combine(self._loss.cooled(raw, self.temperature_))

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

    def score(self, X, y, sample_weight=None):
        """Return the share of samples whose classes, all of them, are predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        if sample_weight is None and are_labels_like(y, predicted):
            return float((y == predicted).mean())  # accuracy_score checks for longer than we train
        if self._target_type != "multiclass-multioutput":
            return accuracy_score(y, predicted, sample_weight=sample_weight)
        return float(np.average((np.asarray(y) == predicted).all(axis=1), weights=sample_weight))

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
        """Return log-odds for two classes or labels, logits for more: the raw outputs.

        Where the classes have an order, the logits are the logarithms of their probabilities.

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
        if isinstance(self._loss, Ordinal):
            return self._loss.log_predict(raw)
        return raw[:, 0] if self._target_type == "binary" else self._by_output(raw)

    def _by_output(self, values):
        if self._target_type != "multiclass-multioutput":
            return values
        return np.split(values, np.cumsum(self._sizes)[:-1], axis=1)

    def __sklearn_tags__(self):
        """Several labels a sample are possible, or several outputs, unless classes are ordered."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = not self._is_ordinal()
        tags.target_tags.multi_output = not self._is_ordinal()
        return tags
