"""A fitted model, opened: its rows as its network sees them, and a way down to these rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from skmlp.core.layers import (
    BatchNorm,
    Chain,
    Columns,
    Dense,
    Heads,
    LayerNorm,
    Members,
    Scaling,
    SharedDense,
    Stem,
)
from skmlp.core.network import Network
from skmlp.core.rows import Rows
from skmlp.core.stacking import together
from skmlp.estimators._base import BaseMLP
from skmlp.estimators._data import lay_out
from skmlp.inspection._answers import slopes
from skmlp.inspection._plot._reading import parts_of

#: Rows, and values, that are looked at together.
_ROWS, _VALUES = 1024, 1 << 22
#: Step of central differences of embeddings, small because some have kinks.
_STEP = 1e-6


def require_model(model: Any) -> None:
    """Refuse what is not a fitted network of this package."""
    if not isinstance(model, BaseMLP):
        raise TypeError(
            f"Got model of type {type(model).__name__}, but expected a fitted MLPClassifier or "
            "MLPRegressor. Of a Pipeline pass the last step, pipeline[-1], and rows that the "
            "others have transformed, pipeline[:-1].transform(X); of a search, best_estimator_."
        )
    check_is_fitted(model)


def encoded_names(model: Any, names: Any = None) -> list[str]:
    """Name the columns that the network sees, one-hot columns among them."""
    names = _check_feature_names_in(model, names)
    encoder = model._encoder
    return list(map(str, names)) if encoder is None else encoder.feature_names_out(names)


def origins(model: Any) -> Any:
    """Return the number of the column of X from which each encoded column comes, (q,)."""
    p, encoder = model.n_features_in_, model._encoder
    if encoder is None:
        return np.arange(p)
    names = encoder.feature_names_out([f"{j};" for j in range(p)])
    return np.array([int(name.partition(";")[0]) for name in names], dtype=np.intp)


def gathered(values: Any, origin: Any, p: int) -> Any:
    """Sum values (n, d) over what comes from one column of X: (n, p)."""
    if np.array_equal(origin, np.arange(p)):
        return values
    place = (np.ones(len(origin)), (np.arange(len(origin)), origin))
    return values @ sparse.csr_array(place, shape=(len(origin), p))


def require_dense(model: Any) -> None:
    """Refuse a network whose dense layers alone do not describe it."""
    require_model(model)
    for layer in model.networks_.chain.layers:
        if isinstance(layer, Columns):
            part = "category columns with embeddings; max_one_hot=None makes 0/1 columns of them"
            if layer.numeric is not None:
                part = "numeric_embedding; fit one with numeric_embedding=None"
            raise ValueError(f"the first weights do not act on columns: this network has {part}")
        if isinstance(layer, BatchNorm | LayerNorm):
            raise ValueError(
                f"normalization={model.normalization!r} stands between the weights of this "
                "network, which they alone do not describe; fit one with normalization=None"
            )


def dense_weights(model: Any) -> list[Any]:
    """Return the weights (K, n_in, n_out) of each dense layer, of the K networks that count.

    Learnt scales of the inputs, and the factors of members that share weights, are multiplied in.
    """
    require_dense(model)
    parts = [parts_of(model, k) for k in range(model._now.n_estimators)]
    layers = zip(*(part.weights for part in parts), strict=True)
    return [counted(model, np.stack(weights)).astype(np.float64) for weights in layers]


def counted(model: Any, values: Any) -> Any:
    """Return the values (K, ...) of the networks that are averaged in predictions."""
    return values if model.chosen_ is None else values[model.chosen_]


def _plain(layer: Any) -> Any:
    return layer.dense if isinstance(layer, Stem) else layer


class Opened:
    """A fitted model's network, in float64, with derivatives with respect to its inputs.

    Columns are first embedded one by one, where they are. Then come affine maps, up to the sums of
    the first hidden layer, and the rest above.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted.
    """

    def __init__(self, model: Any) -> None:
        require_model(model)
        self.model = model
        network = model.networks_
        layers = [
            replace(layer, first=False) if isinstance(layer, Scaling | Members) else _plain(layer)
            for layer in together([list(network.chain.layers)], [network.k])
        ]
        twin = Network(layers, network.n_in, stack=network.k, dtype=np.float64)
        twin.theta[...], twin.stats[...] = network.theta, network.stats
        # what is not written to takes no memory
        twin.grad = np.empty_like(twin.theta)
        twin.bind()
        self.n_in = network.n_in
        self.columns = layers[0] if isinstance(layers[0], Columns) else None
        at = next(i for i, one in enumerate(layers) if isinstance(one, Dense | SharedDense | Heads))
        self.affine = Chain(layers[self.columns is not None : at + 1])
        self.above = Chain(layers[at + 1 :])

    def batches(self, X: Any, size: int | None = None) -> Iterator[tuple[slice, Any, Any]]:
        """Yield (rows, their encoded values, the same standardised (n, q))."""
        encoded = self.model._encode_X(self.model._check_X(X, reset=False))
        laid = lay_out(encoded, None, self.model._standardizer, np.float64)
        n, q = encoded.shape
        size = size or max(1, min(_ROWS, _VALUES // q))
        for start in range(0, n, size):
            rows = slice(start, min(start + size, n))
            x = laid[rows]
            x = x.whole(np.float64) if isinstance(x, Rows) else x
            yield rows, encoded[rows], x.toarray() if sparse.issparse(x) else x

    def embed(self, x: Any) -> Any:
        """Return what the affine maps are given for rows x (n, q): (K or 1, n, d)."""
        return x[None] if self.columns is None else self.columns.forward(x[None], False).copy()

    def origins(self) -> Any:
        """Return the column of X from which each of the d values of :meth:`embed` comes, (d,)."""
        found, columns = origins(self.model), self.columns
        if columns is None:
            return found
        widths = np.ones(len(found), dtype=np.intp)
        if columns.n_numeric:
            widths[: columns.n_numeric] = columns.width // columns.n_numeric
        widths[len(found) - columns.n_codes :] = columns.dim
        return np.repeat(found, widths)

    def slope(
        self,
        value: Callable[[Any], Any],
        end: Any,
        start: Any = None,
        nodes: Any = (0.0,),
        weights: Any = (1.0,),
    ) -> Any:
        """Return the weighted sum of slopes at nodes of the line from start to end, (K, n, d).

        The sums of the first hidden layer move on a line, too: so the many columns are passed once
        up and once down, however many nodes there are.
        """
        low = self.affine.forward(end if start is None else start, False).copy()
        step = np.zeros_like(low) if start is None else self.affine.forward(end, False) - low
        n, shape = end.shape[1], low.shape  # members of a network lie one below the other
        low, step = (a.reshape(shape[0], -1, 1, n, shape[2]) for a in (low, step))
        total = np.zeros_like(low)
        n_parts = min(len(nodes), -(-len(nodes) * n // _ROWS))
        for some in np.array_split(np.arange(len(nodes)), n_parts):
            t, w = (np.take(a, some)[:, None, None] for a in (nodes, weights))
            at = low + t * step  # (K, members, nodes, n, h)
            raw = self.above.forward(at.reshape(shape[0], -1, shape[2]), False)
            down = self.above.backward(slopes(value, raw)).reshape(at.shape)
            total += (w * down).sum(axis=2, keepdims=True)
        return self.affine.backward(total.reshape(shape))

    def to_columns(self, de: Any, x: Any) -> Any:
        """Turn slopes de (K, n, d) at rows x into those by their standardised numbers, (n, r).

        r leaves out the codes of categories, which have no slope.
        """
        columns = self.columns
        if columns is None:
            return de.sum(axis=0)
        numbers = de[..., : columns.width]
        if columns.numeric is not None:
            at = x[None, :, : columns.n_numeric]
            rise = columns.numeric.forward(at + _STEP, False).copy()
            rise -= columns.numeric.forward(at - _STEP, False)
            numbers = numbers * rise / (2 * _STEP)
            numbers = numbers.reshape(*de.shape[:2], columns.n_numeric, -1).sum(axis=3)
        plain = de[..., columns.width : columns.width + columns.n_plain]
        return np.concatenate([numbers, plain], axis=2).sum(axis=0)

    def to_raw(self, dx: Any, x: Any, encoded: Any) -> Any:
        """Turn slopes by standardised numbers x into those by the columns of X, (n, p).

        NaN for categories, and 0 where a number is missing, which is filled and so moves nothing.
        """
        model, standardizer = self.model, self.model._standardizer
        n_numeric = model._encoder.n_numeric_ if model._encoder else x.shape[1]
        dx, x = dx[:, :n_numeric], x[:, :n_numeric]
        if standardizer is not None:
            dx = dx * standardizer.scale[:n_numeric]
            if standardizer.clip is not None:  # of x / √(1 + (x / c)²), in terms of what came out
                dx *= np.maximum(1 - np.square(x / standardizer.clip), 0) ** 1.5
        if not sparse.issparse(encoded):
            dx = np.where(np.isnan(encoded[:, :n_numeric]), 0, dx)
        out = np.full((len(x), model.n_features_in_), np.nan)
        out[:, origins(model)[:n_numeric]] = dx
        return out
