"""What the classifier and the regressor share: scikit-learn outside, the core inside."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skmlp.core.activations import ACTIVATIONS, Activation
from skmlp.core.batches import ArrayBatches, Batch
from skmlp.core.callbacks import (
    BackOff,
    EarlyStopping,
    MaxNorm,
    Report,
    Validate,
    mean_loss,
)
from skmlp.core.initializers import INITIALIZERS, Initializer
from skmlp.core.layers import Dense, Stem
from skmlp.core.lbfgs import train_lbfgs
from skmlp.core.losses import Loss
from skmlp.core.network import Network, batch_of
from skmlp.core.optimizers import FULL_BATCH, SOLVERS, Optimizer
from skmlp.core.penalties import Penalty
from skmlp.core.schedules import SCHEDULES
from skmlp.core.training import Callback, State, train
from skmlp.estimators import _monitoring, _options
from skmlp.estimators._data import Standardizer, lay_out, split

#: Below this many values of X, float64 costs nothing.
_FEW_VALUES = 100_000
#: From this many rows on, a table can spare some for validation, and fill large batches.
_ENOUGH_ROWS = 1000
#: A table is wide where it has more columns than so many times its rows.
_WIDE = 3
#: What l1="auto" is for a wide table.
_WIDE_L1 = 3.0


@dataclass(eq=False)
class Training:
    """What a later call needs to go on: streams, split, optimiser, best weights."""

    rng: Any
    generators: list[np.random.Generator]
    split: tuple[int, Any, Any] | None = None
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
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), Activation, list, tuple],
        "solver": [StrOptions({*SOLVERS, "lbfgs"}), Optimizer, list, tuple],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", *SCHEDULES}), callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
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
        "standardize": ["boolean"],
        "weight_init": [StrOptions({"auto", "narrow", *INITIALIZERS}), Initializer],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "normalization": [StrOptions(set(_options.NORMALIZATIONS)), None],
        "l1": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "warmup": [Interval(Real, 0, 1, closed="left")],
        "scoring": [str, callable, None],
        "validation_split": [StrOptions({"auto", "last"}), HasMethods(["split"])],
        "on_divergence": [StrOptions({"raise", "backoff"})],
        "dtype": [
            StrOptions({"auto", "float32", "float64"}),
            Options(type, {np.float32, np.float64}),
            None,
        ],
        "conventions": [StrOptions({"skmlp", "sklearn"})],
        "callbacks": [list, tuple, None],
    }

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

    # -- fit ---------------------------------------------------------------------------

    def _validate_params(self) -> None:
        """Check the parameters; a name that is almost right gets a suggestion."""
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{error}{self._suggestion()}") from None

    def _suggestion(self) -> str:
        for name, constraints in self._parameter_constraints.items():
            value = getattr(self, name)
            names = {o for c in constraints if isinstance(c, StrOptions) for o in c.options}
            if isinstance(value, str) and value not in names:
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
        self._loss = self._make_loss()
        self._loss.check(code)
        weight = self._check_weight(X, y, sample_weight)
        if fresh:
            self._draw(X, wide=not incremental and X.shape[1] > _WIDE * X.shape[0])
        else:
            self._check_unchanged()
        if not hasattr(self, "_training"):  # left behind by a pickle
            self._training = self._new_training(check_random_state(self.random_state))
        given = any(part is not None for part in validation)
        chosen, held = self._split(X, y, weight, groups, given, incremental)
        rows = self._rows(X, code, weight, chosen, learn=fresh)
        if given:
            watched = self._given_rows(*validation)
        else:
            watched = None if held is None else self._rows(X, code, weight, held, y=y)
        if fresh and self.conventions == "skmlp":
            self._output_layer().b[0, 0] = self._loss.start(rows.target, rows.w)
        self._run(rows, watched, listeners, incremental)
        return self

    def _check_X_y(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        return X, y

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
            "hidden_layer_sizes": _options.hidden_sizes(self.hidden_layer_sizes),
            "activation": self.activation,
            "normalization": self.normalization,
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

    def _draw(self, X: Any, wide: bool) -> None:
        """Build a network and draw its initial weights."""
        self._built, self._wide = self._architecture(), wide
        sizes = self._built["hidden_layer_sizes"]
        n_raw = self._loss.n_raw(self.n_outputs_)
        layers, self._ends = _options.layers(
            sizes,
            n_raw,
            activation=self.activation,
            weight_init=self._weight_init(),
            dropout=self.dropout,
            normalization=self.normalization,
        )
        rng = check_random_state(self.random_state)
        self.networks_ = Network(layers, X.shape[1], dtype=self._dtype(X))
        self.networks_.initialize([rng])
        self._training = self._new_training(rng)
        self.n_layers_ = len(sizes) + 2
        self._n_features_out = sizes[-1] if sizes else n_raw
        self.t_ = 0
        self.history_: list[dict[str, float]] = []
        self.loss_curve_: list[float] = []

    def _weight_init(self) -> Any:
        """Resolve "auto": narrow for solvers that rescale the gradient, unless L1 would win."""
        if self.weight_init != "auto":
            return self.weight_init
        rescales = self.solver in ("adam", "adamw", "rmsprop", "rprop")
        return "narrow" if rescales and not self._wide else "sklearn"

    def _new_training(self, rng: Any) -> Training:
        # a stream of its own for dropout, so that turning it on leaves the shuffles alone
        seed = copy.deepcopy(rng).randint(2**31)
        return Training(rng, [np.random.Generator(np.random.SFC64(seed))])

    def _dtype(self, X: Any) -> Any:
        if self.dtype is None:
            return X.dtype
        if self.dtype != "auto":
            return np.dtype(self.dtype)
        n_values = getattr(X, "nnz", X.size)
        exact = n_values < _FEW_VALUES or self.solver == "lbfgs"
        return np.dtype(np.float64 if exact else np.float32)

    def _output_layer(self) -> Dense:
        last = self.networks_.chain.layers[-1]
        return last.dense if isinstance(last, Stem) else last

    def _split(
        self, X: Any, y: Any, weight: Any, groups: Any, given: bool, incremental: bool
    ) -> tuple[Any, Any]:
        """Return the numbers of the training rows (None for all) and of those held out."""
        n = X.shape[0]
        used = None if weight is None or weight.all() else np.flatnonzero(weight)
        if incremental and self.early_stopping is True:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it never sees all rows"
            )
        n_used = n if used is None else len(used)
        if given or incremental or not self._stops_early(n_used):
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
                rng=training.rng,
            )
            training.split = n, index[train], index[held]
        return training.split[1:]

    def _stops_early(self, n: int) -> bool:
        return n >= _ENOUGH_ROWS if self.early_stopping == "auto" else bool(self.early_stopping)

    def _rows(
        self, X: Any, code: Any, weight: Any, index: Any, *, learn: bool = False, y: Any = None
    ) -> Encoded:
        """Encode the rows ``index`` (None for all); the scales are learnt from them on request."""
        if index is not None:
            code, weight = code[index], None if weight is None else weight[index]
        if learn:
            fit_to = X if index is None else X[index]
            self._standardizer = Standardizer(fit_to, weight) if self.standardize else None
        target = self._scale_target(code, weight, learn).astype(self.networks_.dtype, copy=False)
        inputs = lay_out(X, index, self._standardizer, self.networks_.dtype)
        origin = (None, None) if y is None else (X[index], y[index])
        return Encoded(inputs, target, weight, origin)

    def _given_rows(self, X: Any, y: Any, sample_weight: Any) -> Encoded:
        if X is None or y is None:
            raise ValueError("X_val and y_val belong together: pass both, or neither")
        X, y = self._check_X_y(X, y, reset=False)
        weight = self._check_weight(X, y, sample_weight)
        code = self._encode_y(y)
        self._loss.check(code)
        return self._rows(X, code, weight, np.arange(X.shape[0]), y=y)

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
        l1 = self.l1
        if l1 == "auto":  # in units of the mean weight, so that the scale of weights is no matter
            l1 = _WIDE_L1 * mean if self._wide else 0.0
        w = None if rows.w is None else (rows.w / mean).astype(network.dtype)
        network.prepare_training(training.generators)
        callbacks = [*self._watchers(watched, incremental), *listeners]
        if self.solver == "lbfgs":
            self._check_smooth()
            seen = 0
            penalty = Penalty(self.alpha, l1)
            batch = Batch(batch_of(rows.inputs), rows.target[None], None if w is None else w[None])
            state, (result,) = train_lbfgs(
                network,
                self._loss,
                batch,
                epochs=self.max_iter,
                max_fun=self.max_fun,
                tol=self.tol,
                penalty=penalty,
                penalty_rows=total,
                callbacks=callbacks,
            )
            converged = result.status == 0
        else:
            # scikit-learn divides by the weight of each batch, which is rows x mean weight
            strength = 1 / mean if like_sklearn else 1.0
            penalty = Penalty(self.alpha * strength, l1 * strength)
            rngs = [training.rng] if self.shuffle else []
            params = self.get_params(deep=False)
            optimizer = self._continued(_options.optimizer(params))
            seen = len(training.state.history) if training.state else 0
            size = self._batch_rows(n)
            batches = ArrayBatches(rows.inputs, rows.target, w, size, rngs, training.order)
            training.order = batches.order
            state = train(
                network,
                self._loss,
                optimizer,
                batches,
                epochs=1 if incremental else self.max_iter,
                lr=self.learning_rate_init,
                schedule=_options.schedule(params, n),
                penalty=penalty,
                penalty_rows=None if like_sklearn else total,
                callbacks=callbacks,
                state=training.state,
                horizon=self.max_iter if incremental else None,
            )
            training.state = state
            self.t_ += n * (len(state.history) - seen)
            named = isinstance(self.learning_rate, str)
            converged = incremental or not (named and self.learning_rate in _options.OPEN_ENDED)
        _monitoring.extend_history(self, state.history[seen:])
        self.n_iter_ = len(state.history) - seen
        self._conclude()
        if like_sklearn or incremental or state.diverged[0]:
            self.loss_ = float(state.train_loss[0])
        else:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                raw = network.predict(rows.inputs)
                value = mean_loss(self._loss, raw, rows.target, rows.w)
                value = value + penalty.value_and_grad(network.theta, network.grad, total)
            self.loss_ = float(value[0])
            state.diverged[0] = not np.isfinite(self.loss_)  # the last step was not seen before
        network.finish_training()
        _monitoring.warn_and_raise(self, state, converged or bool(state.stop.all()))

    def _check_smooth(self) -> None:
        """Refuse what would change the loss between two looks at it."""
        for name, off in (("dropout", 0.0), ("max_norm", None)):
            if getattr(self, name) != off:
                raise ValueError(
                    f"solver='lbfgs' compares losses at neighbouring weights, which "
                    f"{name}={getattr(self, name)} disturbs; pass {name}={off} or another solver"
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
        size = self.batch_size
        if size == "auto":  # a small table needs small batches to get enough steps
            few = self.conventions == "skmlp" and n < _ENOUGH_ROWS and not self._wide
            size = 32 if few else 200
        return min(size, n)

    def _watchers(self, watched: Encoded | None, incremental: bool) -> list[Callback]:
        """Return the callbacks that the parameters ask for."""
        callbacks: list[Callback] = []
        if self.max_norm is not None:
            callbacks.append(MaxNorm(self.max_norm))
        if watched is not None:
            score = None
            if self.scoring is None:
                score = lambda raw: self._score_raw(raw, watched.target, watched.w)  # noqa: E731
            elif self.scoring != "loss":
                score = _monitoring.user_score(self, self.scoring, *watched.origin, watched.w)
            callbacks.append(Validate(watched.inputs, watched.target, watched.w, self._loss, score))
        if self.on_divergence == "backoff":
            callbacks.append(BackOff())
        stopper = self._make_stopper(watched)
        if _options.same(self._training.stopper, stopper):
            stopper = self._training.stopper
        self._training.stopper = stopper
        if watched is not None or self.solver != "lbfgs":  # lbfgs knows when its loss is flat
            callbacks.append(stopper)
        callbacks.extend(self.callbacks or ())
        if self.verbose:
            callbacks.append(Report(bar=self.verbose > 1))
        return callbacks

    def _make_stopper(self, watched: Encoded | None) -> EarlyStopping:
        like_sklearn = self.conventions == "sklearn"
        adaptive = self.learning_rate == "adaptive" and (self.solver == "sgd" or not like_sklearn)
        monitor, sign = "train_loss", 1
        if watched is not None and self.early_stopping:
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
        self.best_validation_score_ = sign * float(stopper.best[0])

    # -- what was learnt ---------------------------------------------------------------

    def _raw(self, X: Any, upto: int | None = None) -> Any:
        """Return the outputs (K, n, m) of the networks for X."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        inputs = lay_out(X, None, self._standardizer, self.networks_.dtype)
        return self.networks_.predict(inputs, upto)

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
        return self._raw(X, self._ends[layer])[0]

    def _dense_layers(self, name: str) -> list[Dense]:
        check_is_fitted(self)
        if self.normalization is not None:
            raise AttributeError(
                f"{name} describes one dense network, and this one has other layers; see "
                "networks_.theta and networks_.layout"
            )
        layers = self.networks_.chain.layers
        dense = [layer.dense if isinstance(layer, Stem) else layer for layer in layers]
        return [layer for layer in dense if isinstance(layer, Dense)]

    @property
    def coefs_(self) -> list[Any]:
        """Weights of each layer, (n_in, n_out), as views; the inputs they act on may be scaled."""
        return [layer.w[0] for layer in self._dense_layers("coefs_")]

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
