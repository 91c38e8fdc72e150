"""Look at fitted networks: what they are made of, how they learnt, what they rely on.

The functions explain: as formulas (:func:`equations`), by columns (:func:`permutation_importance`,
:func:`integrated_gradients`, :func:`olden`, ...), by genes over several fits
(:func:`stable_importance`), and beside the batches of a laboratory (:func:`batch_report`). The
displays work as scikit-learn's do: ``from_estimator`` computes and draws, the object that
it returns keeps the data and the artists, and its ``plot`` draws again. They need matplotlib:
``pip install "skmlp[plot]"``.

scikit-learn's own displays take these estimators too. For probabilities above all
:class:`sklearn.calibration.CalibrationDisplay`, which has no other here; what it is to classes,
:class:`QuantileCalibrationDisplay` is to numbers.
"""

from skmlp.inspection._plot.activations import ActivationDisplay
from skmlp.inspection._plot.decision_surface import DecisionSurfaceDisplay
from skmlp.inspection._plot.loss_curve import LossCurveDisplay
from skmlp.inspection._plot.network import NetworkDisplay
from skmlp.inspection._plot.prediction_interval import PredictionIntervalDisplay
from skmlp.inspection._plot.quantile_calibration import QuantileCalibrationDisplay
from skmlp.inspection._plot.weights import WeightsDisplay
from skmlp.inspection.attributions import gradients, integrated_gradients
from skmlp.inspection.batches import batch_report
from skmlp.inspection.classic import garson, generalized_weights, lek_profile, olden
from skmlp.inspection.equations import Equations, equations
from skmlp.inspection.genes import group_importance, selection_stability, stable_importance
from skmlp.inspection.importance import permutation_importance
from skmlp.inspection.regions import correlated_groups

__all__ = [
    "ActivationDisplay",
    "DecisionSurfaceDisplay",
    "Equations",
    "LossCurveDisplay",
    "NetworkDisplay",
    "PredictionIntervalDisplay",
    "QuantileCalibrationDisplay",
    "WeightsDisplay",
    "batch_report",
    "correlated_groups",
    "equations",
    "garson",
    "generalized_weights",
    "gradients",
    "group_importance",
    "integrated_gradients",
    "lek_profile",
    "olden",
    "permutation_importance",
    "selection_stability",
    "stable_importance",
]
