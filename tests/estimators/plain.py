"""What tests set that do not hang on the recipes: one network, trained in the plain way."""

ONE_PLAIN_NETWORK = {
    "learning_rate_factors": None,
    "parametrization": "standard",
    "input_scaling": False,
    "standardize": True,
    "weight_init": "sklearn",
    "beta_2": 0.999,
    "dropout": 0.0,
    "weight_decay": None,
    "averaging": None,
    "n_estimators": 1,
}
