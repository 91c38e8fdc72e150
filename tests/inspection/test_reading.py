"""Networks are read as the model uses them: what the parts compute is what it predicts."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import MLPClassifier, MLPRegressor
from skmlp.inspection._plot._reading import input_names, output_names, parts_of, unit_values

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
SHORT = {"max_iter": 3, "random_state": 0}


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"n_estimators": 1},
        {"n_estimators": 1, "input_scaling": False, "dropout": 0.0},
        {"n_estimators": 3},
        {"n_estimators": 3, "weight_sharing": True},
        {"n_estimators": 3, "weight_sharing": True, "input_scaling": False},
        {"n_estimators": 2, "numeric_embedding": "pbld"},
    ],
    ids=str,
)
def test_the_networks_together_predict_what_the_model_does(settings):
    clf = MLPClassifier((7, 5), calibrate=False, **SHORT, **settings).fit(X, Y)
    every = []
    for k in range(settings["n_estimators"]):
        parts, values = parts_of(clf, k), unit_values(clf, X, k)
        h = values[0]
        for w, b, expected in zip(parts.weights[:-1], parts.biases[:-1], values[1:-1], strict=True):
            h = relu(h @ w + b)
            assert_allclose(h, expected, rtol=1e-4, atol=1e-5)
        every.append(softmax(h @ parts.weights[-1] + parts.biases[-1]))
        assert_allclose(every[-1], values[-1], rtol=1e-4, atol=1e-5)
        assert parts.sizes == [len(values[0].T), 7, 5, 3]
    assert_allclose(np.mean(every, axis=0), clf.predict_proba(X), rtol=1e-4, atol=1e-5)


def test_values_of_outputs_are_calibrated_as_probabilities_are():
    clf = MLPClassifier((7,), n_estimators=1, early_stopping=True, calibrate=True, **SHORT)
    clf.fit(X, Y)
    assert clf.temperature_ != 1
    assert_allclose(unit_values(clf, X)[-1], clf.predict_proba(X), rtol=1e-5)


def test_a_sparse_row_is_read():
    clf = MLPClassifier((4,), n_estimators=1, **SHORT).fit(sparse.csr_array(X), Y)
    values = unit_values(clf, sparse.csr_array(X[:1]))
    assert values[0].shape == (1, 4)
    assert_allclose(values[1], clf.transform(sparse.csr_array(X[:1])), rtol=1e-6)


def test_functions_are_named_layer_by_layer():
    clf = MLPClassifier((4, 3), activation=["tanh", "gelu"], n_estimators=1, **SHORT)
    assert parts_of(clf.fit(X, Y)).activations == ["tanh", "gelu", "softmax"]
    reg = MLPRegressor((4,), normalization="batch", parametric_activation=True, **SHORT)
    assert parts_of(reg.fit(X, Y)).activations == ["batch norm\nmish", "identity"]


def test_scikit_learns_networks_are_read():
    clf = SklearnClassifier((4,), max_iter=3, activation="tanh").fit(X, Y)
    parts = parts_of(clf)
    assert parts.activations == ["tanh", "softmax"]
    assert parts.weights is clf.coefs_ and parts.sizes == [4, 4, 3]
    with pytest.raises(ValueError, match="network=1, but the model has 1"):
        parts_of(clf, 1)
    with pytest.raises(TypeError, match="leave X out"):
        unit_values(clf, X)


@pytest.mark.parametrize("network", [-1, 3])
def test_a_network_that_is_not_there_is_refused(network):
    clf = MLPClassifier((4,), n_estimators=3, **SHORT).fit(X, Y)
    with pytest.raises(ValueError, match="pass a number from 0 to 2"):
        parts_of(clf, network)


def test_what_is_no_network_is_refused():
    with pytest.raises(TypeError, match=r"pipeline\[-1\]"):
        parts_of(make_pipeline(StandardScaler(), MLPClassifier()))
    with pytest.raises(TypeError, match="got StandardScaler"):
        parts_of(StandardScaler())


def test_names_of_inputs():
    frame = pd.DataFrame({"size": X[:, 0], "kind": pd.Categorical(np.repeat(["a", "b", "c"], 50))})
    clf = MLPClassifier((4,), n_estimators=1, **SHORT).fit(frame, Y)
    assert input_names(clf, None, 4) == ["size", "kind_a", "kind_b", "kind_c"]
    assert input_names(clf, ["s", "k"], 4) == ["s", "k_a", "k_b", "k_c"]
    assert input_names(clf, list("abcd"), 4) == list("abcd")
    with pytest.raises(ValueError, match="got 3 names for 2 columns, which are 4 inputs"):
        input_names(clf, list("abc"), 4)
    assert input_names(SklearnClassifier(max_iter=1).fit(X, Y), None, 4) is None


def test_embedded_inputs_have_no_names():
    reg = MLPRegressor((4,), n_estimators=1, numeric_embedding="pbld", **SHORT).fit(X, Y)
    assert input_names(reg, None, parts_of(reg).sizes[0]) is None


def test_names_of_outputs():
    three = MLPClassifier((4,), n_estimators=1, **SHORT).fit(X, np.array(list("abc"))[Y])
    assert output_names(three, None, 3) == ["a", "b", "c"]
    assert output_names(three, ["x", "y", "z"], 3) == ["x", "y", "z"]
    with pytest.raises(ValueError, match="got 2 names, expected 3"):
        output_names(three, ["x", "y"], 3)
    two = MLPClassifier((4,), n_estimators=1, **SHORT).fit(X, Y > 0)
    assert output_names(two, None, 1) == ["True"]
    assert output_names(two, ["no", "yes"], 1) == ["yes"]
    normal = MLPRegressor((4,), n_estimators=1, loss="gaussian_nll", **SHORT).fit(X, Y)
    assert output_names(normal, None, 2) == ["mean", "spread"]
    assert output_names(MLPRegressor(), None, 1) is None
