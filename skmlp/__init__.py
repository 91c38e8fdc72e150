"""Neural networks for tables, the scikit-learn way."""

from skmlp.estimators import MLPClassifier, MLPRegressor, TwoPartRegressor

__version__ = "0.1.0"

#: Arguments of both estimators with which they follow scikit-learn's: same initial weights,
#: same shuffles, same loss curve for the same ``random_state``.
SKLEARN_DEFAULTS = {
    "hidden_layer_sizes": (100,),
    "activation": "relu",
    "solver": "adam",
    "alpha": 1e-4,
    "batch_size": "auto",
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "power_t": 0.5,
    "max_iter": 200,
    "shuffle": True,
    "tol": 1e-4,
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "n_iter_no_change": 10,
    "max_fun": 15000,
    "standardize": False,
    "weight_init": "sklearn",
    "dropout": 0.0,
    "input_dropout": 0.0,
    "dropout_schedule": "constant",
    "weight_decay": None,
    "weight_decay_schedule": "constant",
    "l1": 0.0,
    "scoring": None,
    "dtype": None,
    "numeric_embedding": None,
    "parametric_activation": False,
    "input_scaling": False,
    "parametrization": "standard",
    "learning_rate_factors": None,
    "averaging": None,
    "n_estimators": 1,
    "pack": False,
    "conventions": "sklearn",
}

#: Arguments of both estimators for the best predictions that a few times the time can buy.
BEST_QUALITY = {"recipe": "best"}

__all__ = [
    "BEST_QUALITY",
    "SKLEARN_DEFAULTS",
    "MLPClassifier",
    "MLPRegressor",
    "TwoPartRegressor",
    "__version__",
]
