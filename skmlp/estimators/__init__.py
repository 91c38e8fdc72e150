"""The estimators: scikit-learn outside, the core inside."""

from skmlp.estimators.classifier import MLPClassifier
from skmlp.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
