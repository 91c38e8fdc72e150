"""The estimators: scikit-learn outside, the core inside."""

from skmlp.estimators.classifier import MLPClassifier
from skmlp.estimators.regressor import MLPRegressor
from skmlp.estimators.two_part import TwoPartRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "TwoPartRegressor"]
