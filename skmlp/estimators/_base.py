"""What the classifier and the regressor share: scikit-learn outside, the core inside."""

from __future__ import annotations

import copy
from abc import abstractmethod
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import (
    InvalidParameterError,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import _num_samples, check_is_fitted

from skmlp.core.layers import Dense, Scaling, Stem
from skmlp.core.losses import Loss
from skmlp.core.network import Network, batch_of
from skmlp.estimators import _monitoring, _options
from skmlp.estimators._constraints import CONSTRAINTS, SPLITS
from skmlp.estimators._data import lay_out
from skmlp.estimators._folding import Folded, folds_up, initialize
from skmlp.estimators._intake import Intake
from skmlp.estimators._jobs import Encoded, Training
from skmlp.estimators._pack import chosen, drawn
from skmlp.estimators._recipes import SHAPING, is_auto, is_wide, resolve, takes_folds
from skmlp.estimators._running import listeners, run
from skmlp.estimators._streams import first_numbers, next_numbers, stream

#: What never changes, and is told apart by type and value.
_PLAIN = str, int, float, type(None)
#: Rows by which data-driven initial weights are fitted.
_ROWS_TO_ADAPT = 2000


class BaseMLP(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _monitoring.CallbackSupportMixin,
    Intake,
):
    """The way of the data: take it in, build the networks, train, keep."""

    _parameter_constraints: dict[str, list[Any]] = CONSTRAINTS

    #: The networks that are averaged, where not all are.
    chosen_: list[int] | None = None
    #: What is to be unfolded to the networks, where they were trained in the space of the rows.
    _folded: Folded | None = None

    #: What the kind of estimator makes of the recipes, see :func:`resolve`.
    _recipes: ClassVar[dict[str, dict[str, Any]]]

    # -- in what classifier and regressor differ -------------------------------------

    @abstractmethod
    def _learn_targets(self, y: Any, classes: Any) -> None:
        """Set the fitted attributes that say what kind of y this is."""

    def _check_targets(self, y: Any) -> None:
        """Refuse to go on with other targets than those of the last fit."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """Return the loss for the targets seen."""

    @abstractmethod
    def _score_raw(self, raw: Any, y: Any, w: Any) -> float:
        """Return the estimator's own score of raw outputs (n, m) for targets y (n, t)."""

    def _before_training(self, watched: Encoded | None) -> None:
        """Refuse what :meth:`_after_training` could not do."""
        self.chosen_ = None
        if self.pack and (watched is None or isinstance(watched.inputs, list)):
            raise ValueError(
                "pack=True chooses networks by rows that all of them hold out: pass "
                "early_stopping=True and a validation_split other than 'folds', or X_val and y_val"
            )

    def _after_training(self, watched: Encoded | None) -> None:
        """Learn what can only be learnt from trained networks and rows they were not trained on."""
        if self.pack and watched is not None:
            raw = self.networks_.predict(watched.inputs)
            self.chosen_ = chosen(self._plain_loss(), raw, watched.target, watched.w)

    def _plain_loss(self) -> Loss:
        """Return the loss by which networks are chosen."""
        return self._loss

    def _chosen(self, raw: Any) -> Any:
        """Return the raw outputs of the networks that count."""
        return raw if self.chosen_ is None else raw[self.chosen_]

    # -- fit ---------------------------------------------------------------------------

    @classmethod
    @cache
    def _get_param_names(cls) -> list[str]:
        """Read the signature once: a search asks for the parameters many times."""
        return super()._get_param_names()  # type: ignore[no-any-return]

    def _validate_params(self) -> None:
        """Check the parameters; a name that is almost right gets a suggestion."""
        try:
            for name, value in self.get_params(deep=False).items():
                check = _checked if isinstance(value, _PLAIN) else _checked.__wrapped__
                check(type(self), name, type(value), value)
            split = self.validation_split
            if isinstance(split, str) and split not in SPLITS:  # a str has a method "split"
                raise InvalidParameterError(
                    f"The 'validation_split' parameter of {type(self).__name__} must be a str "
                    f"among {SPLITS} or a splitter. Got {split!r} instead."
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
        fresh = not hasattr(self, "_networks") or not (self.warm_start or incremental)
        heard = listeners(self, X, y)
        may_fold = fresh and not (heard or incremental)
        X, y = self._check_X_y(X, y, reset=fresh)
        if fresh:
            self._learn_targets(y, classes)
        elif not incremental:
            self._check_targets(y)
        code = self._encode_y(y)
        weight = self._check_weight(X, y, sample_weight)
        n = _num_samples(X) if weight is None else np.count_nonzero(weight)
        if fresh:
            self._wide = not incremental and is_wide(_num_samples(X), X.shape[1])
        params = self.get_params(deep=False)
        if not fresh:  # "auto" is what it was where it shaped the network
            kept = {name: getattr(self._now, name) for name in SHAPING if is_auto(params[name])}
            params |= kept
        shape, kind = (n, X.shape[1]), {"wide": self._wide, "incremental": incremental}
        self._now = resolve(params, self._recipes, shape, grouped=groups is not None, **kind)
        if fresh:
            self._built = self._architecture()
        else:
            self._check_unchanged()
        self._loss = self._make_loss()
        self._loss.check(code)
        if fresh or not hasattr(self, "_training"):  # a pickle leaves it behind
            self._training = self._new_training()
        if self.pack and self._now.stack > 1:
            if self._training.drawn is None:
                self._training.drawn = drawn(self._now, np.random.default_rng(self._seed()))
            vars(self._now).update(self._training.drawn)
        like_sklearn = self.conventions == "sklearn"
        if fresh:
            self._arithmetic, self._encoder = self._dtype(X), None
        if fresh and like_sklearn:  # whose split follows the initial weights
            self._draw(X, may_fold)
        given = any(part is not None for part in validation)
        chosen, held = self._split(X, y, weight, groups, given, incremental)
        if fresh:
            self._encoder = self._learn_columns(X, chosen)
        table = self._encode_X(X)
        rows = self._rows(table, code, weight, chosen, learn=fresh)
        if fresh and not like_sklearn:
            self._draw(rows.inputs, may_fold)
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
        folded = None
        if may_fold and folds_up(self, *rows.inputs.shape):
            folded = Folded(self.networks_, *self._drawn_from, rows, watched)
            self.networks_ = folded.network
        run(self, rows, watched, heard, incremental)
        self._after_training(watched)
        self._folded = folded
        return self

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

    def _draw(self, X: Any, may_fold: bool) -> None:
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
            input_dropout=self.input_dropout,
            dropout_schedule=self.dropout_schedule,
            normalization=self.normalization,
            members=self._now.members,
        )
        self.networks_ = Network(hidden, X.shape[1], stack=self._now.stack, dtype=self._arithmetic)
        streams, before = self._training.rngs, None
        if X.shape[1] > X.shape[0]:  # the weights are many, and may have to be drawn again
            before = copy.deepcopy(streams)
        is_drawn = initialize(self.networks_, streams, may_fold and folds_up(self, *X.shape))
        self._drawn_from = before, is_drawn
        self.n_layers_ = len(sizes) + 2
        self._n_features_out = (sizes[-1] if sizes else n_raw) * self._now.n_estimators
        self.t_ = 0
        self.history_: list[dict[str, float]] = []
        self.loss_curve_: list[float] = []

    def _new_training(self) -> Training:
        rng, k = stream(self.random_state), self._now.stack
        # streams of their own for dropout, so that turning it on leaves the shuffles alone, and
        # for the other networks, so that the first is the one that would be trained alone
        n_seeds = 2 * k - 1
        if isinstance(self.random_state, int):
            seeds = first_numbers(self.random_state, n_seeds)
        else:
            seeds = next_numbers(rng, n_seeds)
        dropout, others = seeds[:k], seeds[k:]
        return Training(
            [rng, *map(stream, others)],
            [np.random.Generator(np.random.SFC64(seed)) for seed in dropout],
        )

    def _seed(self) -> int:
        """Return a number that hangs on the random state, and does not change it."""
        return int(next_numbers(self._training.rngs[0], 1)[0])

    def _start(self, rows: Encoded) -> None:
        """Fit the initial weights to the training rows, where they can be."""
        some = rows.inputs[:: max(1, rows.inputs.shape[0] // _ROWS_TO_ADAPT)]
        self.networks_.adapt(batch_of(some), self._training.rngs)
        self._output_layer().b[...] = self._loss.start(rows.target, rows.w)

    def _output_layer(self) -> Dense:
        last = self.networks_.chain.layers[-1]
        return last.dense if isinstance(last, Stem) else last

    # -- what was learnt ---------------------------------------------------------------

    @property
    def networks_(self) -> Network:
        """The trained networks; those of a wide table are formed when first asked for."""
        if self._folded is not None:
            self._networks, self._folded = self._folded.unfold(), None
        return self._networks

    @networks_.setter
    def networks_(self, networks: Network) -> None:
        self._networks, self._folded = networks, None

    def _raw(self, X: Any, upto: int | None = None) -> Any:
        """Return the output (1, n, m) that stands for all networks, or hidden ones (K, n, h)."""
        check_is_fitted(self)
        X = self._encode_X(self._check_X(X, reset=False))
        inputs = lay_out(X, None, self._standardizer, self._arithmetic)
        raw = None if self._folded is None else self._folded.predict(inputs, upto)
        if raw is None:
            raw = self.networks_.predict(inputs, upto)
        return self._combine(raw) if upto is None else raw

    def _combine(self, raw: Any) -> Any:
        """Return the raw output (1, n, m) that stands for those of all networks, (K, n, m)."""
        return self._loss.average(self._chosen(raw))

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
        return hasattr(self, "_networks")

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
        if self.__sklearn_is_fitted__():
            self.networks_  # noqa: B018 - the rows from which it is formed are not kept
        state = dict(super().__getstate__())
        state.pop("_drawn_from", None)
        if not (self.warm_start or getattr(self, "_incremental", False)):
            state.pop("_training", None)
        return state


@lru_cache(maxsize=4096)
def _checked(cls: type[BaseMLP], name: str, kind: type, value: Any) -> None:
    """Check one parameter; once only, where it is plain, since a search fits many estimators."""
    constraints = cls._parameter_constraints
    validate_parameter_constraints(constraints, {name: value}, caller_name=cls.__name__)


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
