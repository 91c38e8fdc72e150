"""What "auto" stands for: settings chosen by the shape of the table and by the solver."""

from __future__ import annotations

from typing import Any

from skmlp.estimators import _options

#: A table is wide where it has more columns than so many times its rows.
_WIDE = 3
#: Rows from which on folds can be held out without hurting.
_ENOUGH_FOR_FOLDS = 40
#: Rows from which on a single network can spare some for validation.
_ENOUGH_ROWS = 1000
#: Largest tables for a batch size, in rows; the last size is for all that are larger.
_BATCHES = {512: 32, 1024: 64, 8192: 128, 32768: 256}
_LARGEST_BATCH = 512
#: Larger tables get fewer epochs, by the root of the number of rows.
_ROWS_FOR_ALL_EPOCHS = 10_000
#: Tables with more columns get no numeric embedding by themselves.
_MOST_EMBEDDED = 100

#: What is off in both recipes below, unless the kind of estimator turns it on.
_OFF = {
    "numeric_embedding": None,
    "parametric_activation": False,
    "dropout": 0.0,
    "weight_decay": None,
    "l1": 0.0,
}

#: An ordinary table: several networks, and layers that all learn at one pace.
_TABLE = {
    **_OFF,
    "n_estimators": 4,
    "max_iter": 140,
    "parametrization": "ntk",
    "learning_rate": "coslog4",
    "learning_rate_factors": {
        "bias": 0.8,
        "scale": 48.0,
        "activation": 0.8,
        "embedding": 8.0,
        "embedding_numeric": 0.8,
    },
    "input_scaling": True,
    "weight_init": "data",
    "averaging": 0.99,
    "standardize": "robust",
}

#: A table with more columns than rows, or a solver that takes the gradient as it is.
_PLAIN = {
    **_OFF,
    "hidden_layer_sizes": (100,),
    "n_estimators": 1,
    "max_iter": 200,
    "parametrization": "standard",
    "learning_rate": "cosine",
    "learning_rate_init": 0.001,
    "learning_rate_factors": None,
    "input_scaling": False,
    "weight_init": "sklearn",
    "averaging": None,
    "standardize": True,
    "batch_size": 200,
}

#: What cannot change once there is a network.
SHAPING = (
    "hidden_layer_sizes",
    "n_estimators",
    "input_scaling",
    "numeric_embedding",
    "parametric_activation",
)


class Settings:
    """The parameters of an estimator, with every "auto" replaced.

    Beside them, ``stack`` is the number of networks in the stack, and ``members`` that of the
    members which share the weights of each.
    """

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)


def is_auto(value: Any) -> bool:
    """Say whether a parameter was left to the recipe."""
    return isinstance(value, str) and value == "auto"


def is_wide(n_rows: int, n_columns: int) -> bool:
    """Say whether a table has so many columns that what they share must be kept small."""
    return n_columns > _WIDE * n_rows


def resolve(
    params: dict[str, Any],
    recipes: dict[str, dict[str, Any]],
    shape: tuple[int, int],
    *,
    wide: bool,
    incremental: bool,
    grouped: bool = False,
) -> Settings:
    """Return the parameters with every "auto" replaced.

    Parameters
    ----------
    params : dict
        As given to the estimator.
    recipes : dict of dict
        What the kind of estimator makes of the recipe of an ordinary table, by the name of the
        recipe, "default" being part of all; and, by the name of "wide", the strength "l1" for a
        root of the number of rows, as the noise of a sum over rows grows by that. It is in units
        of the mean weight of a row, so that the scale of the weights is no matter.
    shape : tuple of int
        Numbers of rows and columns.
    wide : bool
        Whether the table has more columns than rows, by far.
    incremental : bool
        Whether rows come in pieces, of which none are held out.
    grouped : bool, default=False
        Whether rows belong to groups, which may be few: then one part is held out for all.
    """
    n, n_columns = shape
    solver = params["solver"]
    ordinary = params["conventions"] == "skmlp" and not wide and _options.rescales(solver)
    own = {**recipes["default"], **recipes[params["recipe"]]}
    recipe = {**_TABLE, **own} if ordinary else dict(_PLAIN)
    if ordinary:
        recipe["batch_size"] = next((b for m, b in _BATCHES.items() if n <= m), _LARGEST_BATCH)
        if params["parametrization"] == "standard":
            recipe.update(learning_rate_init=0.001, learning_rate_factors=None)
    elif wide:
        recipe["l1"] = recipes["wide"]["l1"] * n**0.5
    if incremental:  # a call does not know how far it is, and would have an average of its own
        recipe.update(learning_rate="constant", averaging=None)
    if n_columns > _MOST_EMBEDDED:
        recipe["numeric_embedding"] = None
    recipe["max_iter"] = round(recipe["max_iter"] * min(1.0, _ROWS_FOR_ALL_EPOCHS / n) ** 0.5)
    found = Settings(**params)
    for name, value in recipe.items():
        if is_auto(params.get(name)):
            setattr(found, name, value)
    found.members = found.n_estimators if found.weight_sharing else 1
    found.stack = found.n_estimators // found.members
    found.joint_best_epoch = found.joint_best_epoch and not found.pack
    if grouped and found.validation_split == "auto":
        found.validation_split = "random"
    if params["early_stopping"] == "auto":
        enough = _ENOUGH_FOR_FOLDS if takes_folds(found) or found.pack else _ENOUGH_ROWS
        found.early_stopping = n >= enough and not wide and not incremental
    if params.get("calibrate") == "auto":
        found.calibrate = bool(found.early_stopping) and ordinary
    if params.get("label_smoothing") == "auto":
        found.label_smoothing = 0.1 if found.calibrate else 0.0
    return found


def takes_folds(params: Settings) -> bool:
    """Say whether each network holds out rows of its own."""
    if not isinstance(params.validation_split, str) or params.stack == 1:
        return False
    if params.validation_split == "folds":
        return True
    own_rows = params.scoring in (None, "loss") and params.shuffle and params.solver != "lbfgs"
    own_rows = own_rows and not params.pack
    return bool(params.validation_split == "auto" and own_rows)
