"""What the classifier and the regressor share: scikit-learn outside, the core inside."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    _num_samples,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skmlp.core.activations import ACTIVATIONS, Activation
from skmlp.core.batches import ArrayBatches, Batch
from skmlp.core.callbacks import (
    Averaging,
    BackOff,
    Deadline,
    EarlyStopping,
    MaxNorm,
    Report,
    Validate,
    mean_loss,
)
from skmlp.core.initializers import INITIALIZERS, Initializer
from skmlp.core.layers import Dense, Layer, Scaling, Stem
from skmlp.core.lbfgs import train_lbfgs
from skmlp.core.losses import Loss
from skmlp.core.network import Network, batch_of
from skmlp.core.optimizers import FULL_BATCH, SOLVERS, Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import SCHEDULES
from skmlp.core.training import Callback, State, train
from skmlp.estimators import _monitoring, _options
from skmlp.estimators._data import folds, is_plain, lay_out, others, split
from skmlp.estimators._recipes import SHAPING, is_auto, is_wide, resolve, takes_folds
from skmlp.preprocessing.columns import ColumnEncoder
from skmlp.preprocessing.statistics import Standardizer

#: Below this many values of X, float64 costs nothing.
_FEW_VALUES = 5_000
_SPLITS = ("auto", "folds", "last", "random")
#: Rows by which data-driven initial weights are fitted.
_ROWS_TO_ADAPT = 2000


@dataclass(eq=False)
class Training:
    """What a later call needs to go on: streams, split, optimiser, best weights."""

    rngs: list[Any]
    generators: list[np.random.Generator]
    split: tuple[int, Any, Any] | None = None
    folds: list[Any] | None = None
    shuffled: tuple[int, bool] = (0, False)  # what order is of: how many rows, in folds or not
    order: Any = None
    stopper: EarlyStopping | None = None
    solver: Any = ""
    state: State | None = None


@dataclass(eq=False)
class Encoded:
    """Rows: inputs as the core takes them, targets (n, t), weights (n,) or None."""

    inputs: Any
    target: Any
    w: Any
    origin: tuple[Any, Any] = field(default=(None, None))


class BaseMLP(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _monitoring.CallbackSupportMixin,
    BaseEstimator,
    ABC,
):
    """The way of the data: check, encode, build, train, keep."""

    _parameter_constraints: dict[str, list[Any]] = {
        "hidden_layer_sizes": [
            "array-like",
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS)), Activation, list, tuple],
        "solver": [StrOptions({*SOLVERS, "lbfgs"}), Optimizer, list, tuple],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [
            StrOptions({"auto", "constant", "invscaling", "adaptive", *SCHEDULES}),
            callable,
        ],
        "learning_rate_init": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "standardize": ["boolean", StrOptions({"auto", "robust"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_one_hot": [Interval(Integral, 1, None, closed="left"), None],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "recipe": [StrOptions({"default", "best"})],
        "numeric_embedding": [
            StrOptions({"auto", "ple", *_options.NUMERIC_EMBEDDINGS}),
            Layer,
            None,
        ],
        "input_scaling": ["boolean", StrOptions({"auto"})],
        "parametric_activation": ["boolean", StrOptions({"auto"})],
        "parametrization": [StrOptions({"auto", "standard", "ntk"})],
        "learning_rate_factors": [StrOptions({"auto"}), dict, None],
        "dropout_schedule": [StrOptions(set(SCHEDULES)), callable],
        "weight_decay_schedule": [StrOptions(set(SCHEDULES)), callable],
        "averaging": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="neither"), None],
        "n_estimators": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "weight_sharing": ["boolean"],
        "joint_best_epoch": ["boolean"],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "weight_init": [StrOptions({"auto", "narrow", *INITIALIZERS}), Initializer],
        "dropout": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "normalization": [StrOptions(set(_options.NORMALIZATIONS)), None],
        "l1": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "weight_decay": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left"), None],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "warmup": [Interval(Real, 0, 1, closed="left")],
        "scoring": [str, callable, None],
        "validation_split": [StrOptions(set(_SPLITS)), HasMethods(["split"])],
        "on_divergence": [StrOptions({"raise", "backoff"})],
        "dtype": [
            StrOptions({"auto", "float32", "float64"}),
            Options(type, {np.float32, np.float64}),
            None,
        ],
        "conventions": [StrOptions({"skmlp", "sklearn"})],
        "callbacks": [list, tuple, None],
    }

    #: What the kind of estimator makes of the recipe of an ordinary table.
    _recipes: ClassVar[dict[str, dict[str, Any]]]

    # -- in what classifier and regressor differ -------------------------------------

    @abstractmethod
    def _learn_targets(self, y: Any, classes: Any) -> None:
        """Set the fitted attributes that say what kind of y this is."""

    def _check_targets(self, y: Any) -> None:
        """Refuse to go on with other targets than those of the last fit."""

    @abstractmethod
    def _encode_y(self, y: Any) -> Any:
        """Return y (n, t) as numbers, before any scaling; refuse what was not seen in fit."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """Return the loss for the targets seen."""

    @abstractmethod
    def _score_raw(self, raw: Any, y: Any, w: Any) -> float:
        """Return the estimator's own score of raw outputs (n, m) for targets y (n, t)."""

    def _stratify_by(self, y: Any) -> Any:
        """Return the classes that a validation split should hold out alike, or None."""
        return None

    def _weigh(self, y: Any, sample_weight: Any) -> Any:
        """Return the weights of the rows."""
        return sample_weight

    def _scale_target(self, y: Any, w: Any, learn: bool) -> Any:
        """Return y on the scale on which it is trained."""
        return y

    def _before_training(self, watched: Encoded | None) -> None:  # noqa: B027 - as above
        """Refuse what :meth:`_after_training` could not do."""

    def _after_training(self, watched: Encoded | None) -> None:  # noqa: B027 - most have no need
        """Learn what can only be learnt from a trained network and rows it was not trained on."""

    # -- fit ---------------------------------------------------------------------------

    def _validate_params(self) -> None:
        """Check the parameters; a name that is almost right gets a suggestion."""
        try:
            super()._validate_params()
            split = self.validation_split
            if isinstance(split, str) and split not in _SPLITS:  # a str has a method "split"
                raise InvalidParameterError(
                    f"The 'validation_split' parameter of {type(self).__name__} must be a str "
                    f"among {_SPLITS} or a splitter. Got {split!r} instead."
                )
            _options.check_factors(self.learning_rate_factors)
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{error}{self._suggestion()}") from None

    def _suggestion(self) -> str:
        for name, constraints in self._parameter_constraints.items():
            value = getattr(self, name)
            names = {o for c in constraints if isinstance(c, StrOptions) for o in c.options}
            if names and isinstance(value, str) and value not in names:
                close = get_close_matches(value, names, n=1)
                return f" Did you mean {name}={close[0]!r}?" if close else ""
        return ""

    @_monitoring.with_callbacks
    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        validation: tuple[Any, Any, Any] = (None, None, None),
        groups: Any = None,
        classes: Any = None,
        incremental: bool = False,
    ) -> Any:
        fresh = not hasattr(self, "networks_") or not (self.warm_start or incremental)
        listeners = self._listeners(X, y)
        X, y = self._check_X_y(X, y, reset=fresh)
        if fresh:
            self._learn_targets(y, classes)
        elif not incremental:
            self._check_targets(y)
        code = self._encode_y(y)
        weight = self._check_weight(X, y, sample_weight)
        n = _num_samples(X)
        if fresh:
            self._wide = not incremental and is_wide(n, X.shape[1])
        params = self.get_params(deep=False)
        if not fresh:  # "auto" is what it was where it shaped the network
            kept = {name: getattr(self._now, name) for name in SHAPING if is_auto(params[name])}
            params |= kept
        own = self._recipes[self.recipe]
        shape = n, X.shape[1]
        self._now = resolve(params, own, shape, wide=self._wide, incremental=incremental)
        if fresh:
            self._built = self._architecture()
        else:
            self._check_unchanged()
        self._loss = self._make_loss()
        self._loss.check(code)
        if fresh or not hasattr(self, "_training"):  # a pickle leaves it behind
            self._training = self._new_training()
        like_sklearn = self.conventions == "sklearn"
        if fresh:
            self._arithmetic, self._encoder = self._dtype(X), None
        if fresh and like_sklearn:  # whose split follows the initial weights
            self._draw(X)
        given = any(part is not None for part in validation)
        chosen, held = self._split(X, y, weight, groups, given, incremental)
        if fresh:
            self._encoder = self._learn_columns(X, chosen)
        table = self._encode_X(X)
        rows = self._rows(table, code, weight, chosen, learn=fresh)
        if fresh and not like_sklearn:
            self._draw(rows.inputs)
            self._start(rows)
        watched = None
        if given:
            watched = self._given_rows(*validation)
        elif held is not None:
            watched = self._rows(table, code, weight, held)
            watched.origin = _safe_indexing(X, held), y[held]
        elif self._now.early_stopping and takes_folds(self._now) and not incremental:
            watched = self._held_folds(rows, y if chosen is None else y[chosen], chosen, groups)
        self._before_training(watched)
        self._run(rows, watched, listeners, incremental)
        self._after_training(watched)
        return self

    def _check_X_y(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        if self._takes_raw(X):
            X = self._check_X(X, reset)
            y = _check_y(y, multi_output=True, estimator=self)
            check_consistent_length(X, y)
            return X, y
        checks = self._array_checks(X)
        X, y = validate_data(self, X, y, multi_output=True, reset=reset, **checks)
        return X, y

    def _check_X(self, X: Any, reset: bool) -> Any:
        if self._takes_raw(X):
            X = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
            return validate_data(self, X, skip_check_array=True, reset=reset)
        return validate_data(self, X, reset=reset, **self._array_checks(X))

    def _array_checks(self, X: Any) -> dict[str, Any]:
        fills = self._imputes() and not sparse.issparse(X)
        return {
            "accept_sparse": "csr",
            "dtype": (np.float64, np.float32),
            "ensure_all_finite": "allow-nan" if fills else True,
        }

    def _imputes(self) -> bool:
        """Say whether missing values, and categories, are taken care of here."""
        return self.conventions == "skmlp" and self.standardize is not False

    def _takes_raw(self, X: Any) -> bool:
        """Say whether X is left to the encoder of columns: a frame or array of mixed kinds."""
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
        return encoder.fit(X if chosen is None else _safe_indexing(X, chosen))

    def _encode_X(self, X: Any) -> Any:
        return X if self._encoder is None else self._encoder.transform(X)

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

    def _architecture(self) -> dict[str, Any]:
        return {
            "hidden_layer_sizes": _options.hidden_sizes(self._now.hidden_layer_sizes),
            "activation": self.activation,
            "normalization": self.normalization,
            "numeric_embedding": self._now.numeric_embedding,
            "input_scaling": self._now.input_scaling,
            "parametric_activation": self._now.parametric_activation,
            "n_estimators": self._now.n_estimators,
            "weight_sharing": self.weight_sharing,
            "loss": self.loss,
            "the number of outputs": self.n_outputs_,
        }

    def _check_unchanged(self) -> None:
        for name, value in self._architecture().items():
            before = self._built[name]
            if not _options.same(before, value):
                raise ValueError(
                    f"cannot go on from the last fit: {name} was {before} and is now {value}. "
                    "Set it back, or start anew with warm_start=False"
                )

    def _draw(self, X: Any) -> None:
        """Build the networks for inputs like X and draw their initial weights."""
        sizes = self._built["hidden_layer_sizes"]
        n_raw = self._loss.n_raw(self.n_outputs_)
        hidden, self._ends = _options.layers(
            _options.first_layers(self._now, X, self._encoder),
            sizes,
            n_raw,
            activation=self.activation,
            parametric=self._now.parametric_activation,
            weight_init=self._now.weight_init,
            dropout=self._now.dropout,
            dropout_schedule=self.dropout_schedule,
            normalization=self.normalization,
            members=self._now.members,
        )
        self.networks_ = Network(hidden, X.shape[1], stack=self._now.stack, dtype=self._arithmetic)
        self.networks_.initialize(self._training.rngs)
        self.n_layers_ = len(sizes) + 2
        self._n_features_out = (sizes[-1] if sizes else n_raw) * self._now.n_estimators
        self.t_ = 0
        self.history_: list[dict[str, float]] = []
        self.loss_curve_: list[float] = []

    def _new_training(self) -> Training:
        rng = check_random_state(self.random_state)
        # streams of their own for dropout, so that turning it on leaves the shuffles alone, and
        # for the other networks, so that the first is the one that would be trained alone
        k = self._now.stack
        seeds = copy.deepcopy(rng).randint(2**31, size=2 * k - 1)
        dropout, others = seeds[:k], seeds[k:]
        return Training(
            [rng, *map(np.random.RandomState, others)],
            [np.random.Generator(np.random.SFC64(seed)) for seed in dropout],
        )

    def _start(self, rows: Encoded) -> None:
        """Fit the initial weights to the training rows, where they can be."""
        some = rows.inputs[:: max(1, rows.inputs.shape[0] // _ROWS_TO_ADAPT)]
        self.networks_.adapt(batch_of(some), self._training.rngs)
        self._output_layer().b[...] = self._loss.start(rows.target, rows.w)

    def _dtype(self, X: Any) -> Any:
        if self.dtype is None:
            found = getattr(X, "dtype", None)  # that of an array; a frame has several
            return found if found in (np.float32, np.float64) else np.dtype(np.float64)
        if self.dtype != "auto":
            return np.dtype(self.dtype)
        n_values = X.nnz if sparse.issparse(X) else X.shape[0] * X.shape[1]
        exact = n_values < _FEW_VALUES or self.solver == "lbfgs"
        return np.dtype(np.float64 if exact else np.float32)

    def _output_layer(self) -> Dense:
        last = self.networks_.chain.layers[-1]
        return last.dense if isinstance(last, Stem) else last

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
                how=self.validation_split,
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
            fit_to = X if index is None else X[index]
            self._standardizer = self._learn_scales(fit_to, weight)
        target = self._scale_target(code, weight, learn).astype(self._arithmetic, copy=False)
        inputs = lay_out(X, index, self._standardizer, self._arithmetic)
        return Encoded(inputs, target, weight)

    def _learn_scales(self, X: Any, weight: Any) -> Standardizer | None:
        if not self._now.standardize:
            return None
        how = "robust" if self._now.standardize == "robust" else "standard"
        n_codes = len(self._encoder.cardinalities_) if self._encoder else 0
        return Standardizer(X, weight, how, n_codes)

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

    # -- train -------------------------------------------------------------------------

    def _run(
        self, rows: Encoded, watched: Encoded | None, listeners: Any, incremental: bool
    ) -> None:
        """Train on encoded rows, watching others, and keep the account of it."""
        network, training = self.networks_, self._training
        like_sklearn = self.conventions == "sklearn"
        n = rows.inputs.shape[0]
        total = float(n if rows.w is None else rows.w.sum())
        mean = total / n
        l1 = self._now.l1 * (mean if self.l1 == "auto" else 1.0)
        w = None if rows.w is None else (rows.w / mean).astype(network.dtype)
        network.prepare_training(training.generators)
        callbacks = [*self._watchers(watched, incremental), *listeners]
        if self.solver == "lbfgs":
            self._check_smooth()
            seen = 0
            penalty = Penalty(self.alpha, l1)
            batch = Batch(batch_of(rows.inputs), rows.target[None], None if w is None else w[None])
            state, results = train_lbfgs(
                network,
                self._loss,
                batch,
                epochs=self._now.max_iter,
                max_fun=self.max_fun,
                tol=self.tol,
                penalty=penalty,
                penalty_rows=total,
                callbacks=callbacks,
            )
            converged = all(result.status == 0 for result in results)
        else:
            # scikit-learn divides by the weight of each batch, which is rows x mean weight
            strength = 1 / mean if like_sklearn else 1.0
            penalty = Penalty(self.alpha * strength, l1 * strength)
            rngs = training.rngs if self.shuffle else []
            params = vars(self._now)
            optimizer = self._continued(_options.optimizer(params))
            seen = len(training.state.history) if training.state else 0
            size = self._batch_rows(n)
            folded = watched is not None and isinstance(watched.inputs, list)
            if training.shuffled != (n, folded):
                training.order = others(training.folds, training.rngs[0]) if folded else None
                training.shuffled = n, folded
            batches = ArrayBatches(rows.inputs, rows.target, w, size, rngs, training.order)
            training.order = batches.order
            state = train(
                network,
                self._loss,
                optimizer,
                batches,
                epochs=1 if incremental else self._now.max_iter,
                lr=self._now.learning_rate_init,
                schedule=_options.schedule(params, n),
                penalty=penalty,
                penalty_rows=None if like_sklearn else total,
                callbacks=callbacks,
                state=training.state,
                horizon=self._now.max_iter if incremental else None,
            )
            training.state = state
            self.t_ += n * (len(state.history) - seen)
            named = isinstance(self._now.learning_rate, str)
            converged = incremental or not (
                named and self._now.learning_rate in _options.OPEN_ENDED
            )
        _monitoring.extend_history(self, state.history[seen:])
        self.n_iter_ = len(state.history) - seen
        self._conclude()
        if like_sklearn or incremental or state.diverged.any():
            self.loss_ = float(state.train_loss.mean())
        else:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                raw = network.predict(rows.inputs)
                value = mean_loss(self._loss, raw, rows.target, rows.w)
                value = value.reshape(network.k, -1).mean(axis=1)  # of members that share weights
                value = value + penalty.value_and_grad(network.theta, network.grad, total)
            self.loss_ = float(value.mean())
            state.diverged = ~np.isfinite(value)  # the last step was not seen before
        network.finish_training()
        _monitoring.warn_and_raise(self, state, converged or bool(state.stop.all()))

    def _check_smooth(self) -> None:
        """Refuse what would change the loss between two looks at it."""
        for name, off in (("dropout", 0.0), ("max_norm", None), ("averaging", None)):
            value = getattr(self._now, name)
            if value != off:
                raise ValueError(
                    f"solver='lbfgs' compares losses at neighbouring weights, which "
                    f"{name}={value} disturbs; pass {name}={off} or another solver"
                )

    def _continued(self, optimizer: Optimizer) -> Optimizer:
        """Return the optimiser of the last call, unless its settings changed."""
        training = self._training
        solver = repr(optimizer) if isinstance(self.solver, str) else self.solver
        if training.state is None or not _options.same(training.solver, solver):
            training.solver, training.state = solver, None
            return optimizer
        return training.state.optimizer

    def _batch_rows(self, n: int) -> int:
        if isinstance(self.solver, str) and self.solver in FULL_BATCH:
            return n
        return int(min(self._now.batch_size, n))

    def _watchers(self, watched: Encoded | None, incremental: bool) -> list[Callback]:
        """Return the callbacks that the parameters ask for."""
        callbacks: list[Callback] = []
        if watched is not None:
            score = None
            if self.scoring is None:
                score = self._own_score(watched)
            elif self.scoring != "loss":
                score = _monitoring.user_score(self, self.scoring, *watched.origin, watched.w)
            joint = self.joint_best_epoch and self._now.n_estimators > 1
            callbacks.append(
                Validate(watched.inputs, watched.target, watched.w, self._loss, score, joint)
            )
        stopper = self._make_stopper(watched)
        if _options.same(self._training.stopper, stopper):
            stopper = self._training.stopper
        self._training.stopper = stopper
        if watched is not None or self.solver != "lbfgs":  # lbfgs knows when its loss is flat
            callbacks.append(stopper)
        callbacks.extend(self.callbacks or ())
        if self.max_time is not None:
            callbacks.append(Deadline(self.max_time))
        if self.verbose:
            callbacks.append(Report(bar=self.verbose > 1))
        if self._now.averaging is not None:
            callbacks = [Averaging(self._now.averaging, callbacks)]
        first: list[Callback] = [] if self.max_norm is None else [MaxNorm(self.max_norm)]
        return first + [BackOff()] * (self.on_divergence == "backoff") + callbacks

    def _own_score(self, watched: Encoded) -> Any:
        def score(raw: Any, k: int) -> float:
            if not isinstance(watched.inputs, list):
                return self._score_raw(raw, watched.target, watched.w)
            return self._score_raw(
                raw, watched.target[k], None if watched.w is None else watched.w[k]
            )

        return score

    def _make_stopper(self, watched: Encoded | None) -> EarlyStopping:
        like_sklearn = self.conventions == "sklearn"
        adaptive = self._now.learning_rate == "adaptive" and (
            self.solver == "sgd" or not like_sklearn
        )
        monitor, sign = "train_loss", 1
        if watched is not None and self.early_stopping is not False:
            monitor, sign = (
                ("validation_loss", 1)
                if self.scoring == "loss"
                else (
                    "validation_score",
                    -1,
                )
            )
        return EarlyStopping(
            monitor,
            sign,
            tol=self.tol,
            # scikit-learn's patience bears one epoch more than it says
            patience=self.n_iter_no_change - (0 if like_sklearn else 1),
            restore=monitor != "train_loss",
            divide_by=5.0 if adaptive else None,
        )

    def _listeners(self, X: Any, y: Any) -> list[Callback]:
        if not getattr(self, "_skl_callbacks", None):
            return []
        return [_monitoring.TellScikitLearn(self, X, y)]

    def _conclude(self) -> None:
        """Set the attributes that sum up the training."""
        stopper = self._training.stopper
        assert stopper is not None
        self.best_loss_: float | None = None
        self.validation_scores_: list[float] | None = None
        self.best_validation_score_: float | None = None
        if stopper.monitor == "train_loss":
            self.best_loss_ = min(self.loss_curve_, default=np.inf)
            return
        sign = -stopper.sign
        self.validation_scores_ = [
            sign * row[stopper.monitor] for row in self.history_ if stopper.monitor in row
        ]
        self.best_validation_score_ = sign * float(stopper.best.mean())

    # -- what was learnt ---------------------------------------------------------------

    def _raw(self, X: Any, upto: int | None = None) -> Any:
        """Return the output (1, n, m) that stands for all networks, or hidden ones (K, n, h)."""
        check_is_fitted(self)
        X = self._encode_X(self._check_X(X, reset=False))
        inputs = lay_out(X, None, self._standardizer, self._arithmetic)
        raw = self.networks_.predict(inputs, upto)
        return self._combine(raw) if upto is None else raw

    def _combine(self, raw: Any) -> Any:
        """Return the raw output (1, n, m) that stands for those of all networks, (K, n, m)."""
        return self._loss.average(raw)

    def transform(self, X: Any, layer: int = -1) -> Any:
        """Return the activations of a hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        layer : int, default=-1
            Which hidden layer, counted from 0, or from the end where negative.

        Returns
        -------
        ndarray of shape (n_samples, n_units)
            Those of all networks side by side, where there are several.
        """
        check_is_fitted(self)
        if not self._ends:
            raise ValueError("transform: the network has no hidden layer to show")
        if not -len(self._ends) <= layer < len(self._ends):
            raise ValueError(
                f"layer={layer}, but the network has {len(self._ends)} hidden layers; pass "
                f"a number from {-len(self._ends)} to {len(self._ends) - 1}"
            )
        if self._ends[layer] != self._ends[-1] and _names_output(self):
            raise ValueError(
                f"layer={layer} cannot go with set_output, whose names are those of the last "
                "hidden layer; call set_output(transform='default')"
            )
        return np.concatenate(list(self._raw(X, self._ends[layer])), axis=1)

    def _dense_layers(self, name: str) -> list[Dense]:
        check_is_fitted(self)
        if self.normalization is not None or self._now.n_estimators > 1:
            raise AttributeError(
                f"{name} describes one dense network, and here are several, or other layers; see "
                "networks_.theta and networks_.layout"
            )
        layers = self.networks_.chain.layers
        dense = [layer.dense if isinstance(layer, Stem) else layer for layer in layers]
        return [layer for layer in dense if isinstance(layer, Dense)]

    @property
    def coefs_(self) -> list[Any]:
        """Weights of each layer, (n_in, n_out); they act on standardised, or embedded, inputs.

        They are views of the network's own, but for the first where there are learnt scales of
        the inputs, by which its rows are multiplied here.
        """
        coefs = [layer.w[0] for layer in self._dense_layers("coefs_")]
        for layer in self.networks_.chain.layers:
            if isinstance(layer, Scaling):
                coefs[0] = layer.s[0].reshape(-1, 1) * coefs[0]
        return coefs

    @property
    def intercepts_(self) -> list[Any]:
        """Biases of each layer, (n_out,), as views."""
        return [layer.b[0, 0] for layer in self._dense_layers("intercepts_")]

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there is a network to predict with."""
        return hasattr(self, "networks_")

    def __sklearn_tags__(self) -> Any:
        """Sparse input is welcome, and so are several outputs."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if self._imputes():
            tags.input_tags.allow_nan = True
            tags.input_tags.categorical = True
            tags.input_tags.string = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what only a continued training needs, unless one is meant to follow."""
        state = dict(super().__getstate__())
        if not (self.warm_start or getattr(self, "_incremental", False)):
            state.pop("_training", None)
        return state


def _names_output(estimator: BaseMLP) -> bool:
    """Say whether scikit-learn will put names to what transform returns."""
    return bool(_get_output_config("transform", estimator)["dense"] != "default")


def partial_fit_is_possible(estimator: BaseMLP) -> bool:
    """Say whether the solver goes batch by batch."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )
    return True
