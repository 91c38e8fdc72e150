"""Gradients against central differences, and integrated gradients against what they sum to."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import make_classification, make_regression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import MLPClassifier, MLPRegressor
from skmlp.core.activations import ACTIVATIONS
from skmlp.inspection.attributions import gradients, integrated_batches, integrated_gradients

SHORT = {"max_iter": 2, "n_estimators": 2, "dtype": "float64", "random_state": 0}
SHORT["hidden_layer_sizes"] = (5, 4)
SMOOTH = {**SHORT, "activation": "tanh"}
#: Parts that a network may have.
PARTS = {
    "one": {"n_estimators": 1},
    "ensemble": {"n_estimators": 3},
    "shared weights": {"n_estimators": 3, "weight_sharing": True},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "shared, no hidden layer": {"hidden_layer_sizes": (), "weight_sharing": True},
    "not standardised": {"standardize": False},
    "standardised by means": {"standardize": True},
    "batch norm": {"normalization": "batch"},
    "learnt activations": {"parametric_activation": True},
    "dropout": {"dropout": 0.2, "input_dropout": 0.2},
    "waves": {"numeric_embedding": "pbld"},
    "waves and ReLU": {"numeric_embedding": "plr", "weight_init": "narrow"},
}


@pytest.fixture(scope="module")
def classes():
    return make_classification(60, 4, n_informative=3, n_redundant=1, random_state=0)


@pytest.fixture(scope="module")
def numbers():
    X, y = make_regression(60, 4, n_targets=2, random_state=0)
    return 10 * X + 3, 100 * y - 40


def central(answer, X, h=1e-5):
    """Differentiate by every column at once, (n, p)."""
    steps = h * np.eye(X.shape[1])
    return np.stack([(answer(X + step) - answer(X - step)) / (2 * h) for step in steps], axis=1)


def close(found, expected, tol):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol * np.abs(expected).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_each_activation(classes, activation):
    X, y = classes
    model = MLPClassifier(**SHORT, activation=activation).fit(X, y)
    close(gradients(model, X), central(model.decision_function, X), 1e-5)


@pytest.mark.parametrize("part", PARTS)
def test_gradients_and_completeness_of_each_part(classes, part):
    X, y = classes
    model = MLPClassifier(**{**SMOOTH, **PARTS[part]}).fit(X, y)
    close(gradients(model, X), central(model.decision_function, X), 1e-5)
    shares = integrated_gradients(model, X, baseline=X[0], batch_size=17)
    answer = model.decision_function(X)
    np.testing.assert_allclose(shares.sum(axis=1), answer - answer[0], atol=1e-6)


@pytest.mark.parametrize("response", ["decision_function", "predict_proba"])
@pytest.mark.parametrize("output", ["a", "b", "c"])
def test_each_of_three_classes(classes, response, output):
    X, _ = classes
    y = np.array(list("abc"))[np.digitize(X[:, 0], [-0.5, 0.5])]
    model = MLPClassifier(**SMOOTH).fit(X, y)
    asked = {"output": output, "response_method": response}
    place = "abc".index(output)

    def answer(X):
        return getattr(model, response)(X)[:, place]

    close(gradients(model, X, **asked), central(answer, X), 1e-5)
    shares = integrated_gradients(model, X, baseline=X[0], **asked)
    np.testing.assert_allclose(shares.sum(axis=1), answer(X) - answer(X)[0], atol=1e-6)


def test_classes_with_an_order(classes):
    X, _ = classes
    model = MLPClassifier(**SMOOTH, loss="ordinal").fit(X, np.digitize(X[:, 0], [-0.5, 0.5]))
    for output in range(3):

        def answer(X, output=output):
            return model.decision_function(X)[:, output]

        close(gradients(model, X, output=output), central(answer, X), 1e-5)
        shares = integrated_gradients(model, X, baseline=X[0], output=output)
        np.testing.assert_allclose(shares.sum(axis=1), answer(X) - answer(X)[0], atol=1e-6)


def test_log_odds_of_one_class_against_all_others(classes):
    X, _ = classes
    model = MLPClassifier(**SMOOTH).fit(X, np.digitize(X[:, 0], [-0.5, 0.5]))

    def log_odds(X):
        p = model.predict_proba(X)[:, 1]
        return np.log(p / (1 - p))

    close(gradients(model, X, output=1, response_method="log_odds"), central(log_odds, X), 1e-5)


def test_the_first_of_two_classes_is_the_second_upside_down(classes):
    X, y = classes
    model = MLPClassifier(**SMOOTH).fit(X, y)
    for response in ("decision_function", "predict_proba"):
        first = gradients(model, X, output=0, response_method=response)
        close(first, -gradients(model, X, response_method=response), 1e-8)


@pytest.mark.parametrize(
    "loss", ["squared_error", "huber", "quantile", "gaussian_nll", "poisson", "gamma"]
)
def test_regressors_in_units_of_y(numbers, loss):
    X, y = numbers
    y = y if loss not in ("poisson", "gamma") else np.abs(y) + 1
    model = MLPRegressor(**SMOOTH, loss=loss).fit(X, y)

    def answer(X):
        return model.predict(X)[:, 1]

    close(gradients(model, X, output=1), central(answer, X), 1e-5)
    shares = integrated_gradients(model, X, baseline=X[0], output=1)
    close(shares.sum(axis=1), answer(X) - answer(X)[0], 1e-8)


def test_one_network_of_several(classes):
    X, y = classes
    model = MLPClassifier(**SMOOTH).fit(X, y)
    raw = model.networks_.predict(np.zeros((1, 4)))[:, 0, 0] / model.temperature_
    middle = model._standardizer.shift[None]  # which the network sees as zeros
    both = [gradients(model, middle, network=k)[0] for k in range(2)]
    assert not np.allclose(*both)
    # the slope of the log-odds of the mean probability, by hand
    p = 1 / (1 + np.exp(-raw))
    expected = (p * (1 - p)) @ both / 2 / (p.mean() * (1 - p.mean()))
    np.testing.assert_allclose(gradients(model, middle)[0], expected, rtol=1e-7)


def test_a_single_precision_model_has_double_precision_slopes(classes):
    X, y = classes
    rough = MLPClassifier(**{**SMOOTH, "dtype": "float32"}).fit(X, y)
    shares = integrated_gradients(rough, X, baseline=X[0])
    answer = rough.decision_function(X)
    assert shares.dtype == gradients(rough, X).dtype == np.float64
    np.testing.assert_allclose(shares.sum(axis=1), answer - answer[0], atol=1e-5)


def test_packed_networks_count_as_often_as_they_were_chosen(classes):
    X, y = classes
    packed = {"pack": True, "n_estimators": 4, "early_stopping": True, "validation_split": "random"}
    model = MLPClassifier(**{**SMOOTH, **packed}).fit(X, y)
    assert model.chosen_ != [0, 1, 2, 3]
    close(gradients(model, X), central(model.decision_function, X), 1e-5)


@pytest.fixture(scope="module")
def mixed(classes):
    X, y = classes
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": X[:, 0], "job": rng.choice(["x", "y", "z"], 60), "b": X[:, 1]})
    table["town"] = rng.choice(list("klmnopqrst"), 60)
    table.loc[3, "a"] = np.nan
    return table, y


def test_categories_and_gaps_have_shares_too(mixed):
    X, y = mixed
    model = MLPClassifier(**SMOOTH).fit(X, y)
    shares = integrated_gradients(model, X, baseline=X.iloc[[0]])
    assert shares.shape == X.shape
    answer = model.decision_function(X)
    np.testing.assert_allclose(shares.sum(axis=1), answer - answer[0], atol=1e-6)
    same = X["town"] == X["town"].iloc[0]
    assert (shares[same.to_numpy(), 3] == 0).all()
    assert np.abs(shares[~same.to_numpy(), 3]).min() > 0


def test_categories_have_no_slope(mixed):
    X, y = mixed
    model = MLPClassifier(**SMOOTH).fit(X, y)
    g = gradients(model, X)
    assert np.isnan(g[:, [1, 3]]).all()
    assert g[3, 0] == 0  # which is missing there
    moved = [X.assign(b=X["b"] + h) for h in (1e-5, -1e-5)]
    expected = np.subtract(*map(model.decision_function, moved)) / 2e-5
    close(g[:, 2], expected, 1e-5)


def test_without_a_baseline_it_is_what_stands_for_a_gap(mixed):
    X, y = mixed
    model = MLPClassifier(**SMOOTH, max_one_hot=2).fit(X, y)
    gap = pd.DataFrame({"a": [np.nan], "job": [None], "b": [np.nan], "town": [None]}, index=[0])
    gap = gap.astype({"a": float, "b": float})
    shares = integrated_gradients(model, X)
    # the indicator of a missing number stands at its median, which is "not missing"
    gap["a"] = model._standardizer.shift[0]
    expected = model.decision_function(X) - model.decision_function(gap)
    np.testing.assert_allclose(shares.sum(axis=1), expected, atol=1e-6)


def test_sparse_rows_are_dense_rows(classes):
    X, y = classes
    X = np.where(np.abs(X) < 1, 0, X)
    model = MLPClassifier(**SMOOTH, input_scaling=False).fit(sparse.csr_matrix(X), y)
    rows = sparse.csr_matrix(X)
    close(gradients(model, rows), central(lambda X: model.decision_function(X), X), 1e-5)
    shares = integrated_gradients(model, rows)
    expected = model.decision_function(rows) - model.decision_function(0 * rows)
    np.testing.assert_allclose(shares.sum(axis=1), expected, atol=1e-6)


def test_a_wide_table_in_batches(rng, capsys):
    X, y = rng.normal(size=(20, 90)), np.arange(20) % 2
    model = MLPClassifier((4,), "tanh", max_iter=5, random_state=0).fit(X, y)
    whole = integrated_gradients(model, X)
    parts = list(integrated_batches(model, X, batch_size=8, verbose=1))
    assert [len(part) for part in parts] == [8, 8, 4]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-12)
    assert capsys.readouterr().out.endswith("Integrated gradients: 20 of 20 rows\n")


def test_the_model_is_left_as_it_was(classes):
    X, y = classes
    model = MLPClassifier(**SHORT).fit(X, y)
    before, theta = model.predict_proba(X), model.networks_.theta.copy()
    gradients(model, X)
    integrated_gradients(model, X)
    assert (model.networks_.theta == theta).all()
    assert (model.predict_proba(X) == before).all()


def test_what_is_refused(classes):
    X, y = classes
    model = MLPClassifier(**SHORT).fit(X, y)
    with pytest.raises(TypeError, match=r"type Pipeline.*pipeline\[-1\]"):
        gradients(make_pipeline(StandardScaler(), model).fit(X, y), X)
    with pytest.raises(ValueError, match="output=2, but expected one of 0, 1"):
        gradients(model, X, output=2)
    with pytest.raises(ValueError, match="output=None, but expected one of 0, 1, 2"):
        gradients(MLPClassifier(**SHORT).fit(X, np.arange(60) % 3), X)
    with pytest.raises(ValueError, match="response_method='predict'"):
        gradients(model, X, response_method="predict")
    with pytest.raises(ValueError, match="network=2, but the model has those from 0 to 1"):
        gradients(model, X, network=2)
    with pytest.raises(ValueError, match="n_steps=0"):
        integrated_gradients(model, X, n_steps=0)
    with pytest.raises(ValueError, match=r"baseline of shape \(60, 4\)"):
        integrated_gradients(model, X, baseline=X)
    with pytest.raises(ValueError, match="needs one column of classes"):
        two = MLPClassifier(**SHORT).fit(X, np.stack([np.arange(60) % 3, y], axis=1))
        gradients(two, X, output=0, response_method="log_odds")
