"""Products of weights, shares of weights, profiles, and slopes of log-odds."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from skmlp import MLPClassifier, MLPRegressor
from skmlp.inspection.attributions import gradients
from skmlp.inspection.classic import garson, generalized_weights, lek_profile, olden
from skmlp.preprocessing import TableEncoder

SHORT = {"max_iter": 3, "random_state": 0, "dtype": "float64"}


@pytest.fixture(scope="module")
def data():
    return make_classification(60, 4, n_informative=3, n_redundant=1, random_state=0)


@pytest.mark.parametrize("sizes", [(), (5,), (5, 4, 3)])
def test_olden_is_the_product_of_the_matrices(data, sizes):
    X, y = data
    model = MLPClassifier(sizes, n_estimators=1, **SHORT).fit(X, y)
    product = np.linalg.multi_dot([np.eye(4), *model.coefs_])
    found = olden(model)
    assert found.index.tolist() == ["x0", "x1", "x2", "x3"]
    assert found.columns.tolist() == [1]
    np.testing.assert_allclose(found, product)


@pytest.mark.parametrize("sharing", [False, True])
def test_olden_of_straight_networks_is_their_slope(data, sharing):
    X, y = data
    y = np.stack([X[:, 0] - X[:, 1], X @ [1, 2, 3, 4]], axis=1)
    straight = {"activation": "identity", "n_estimators": 3, "standardize": True}
    model = MLPRegressor((5, 4), weight_sharing=sharing, **straight, **SHORT).fit(X, y)
    for j in range(2):
        slope = gradients(model, X[:1], output=j)[0]
        expected = olden(model)[j] * model._scale[j] * model._standardizer.scale
        np.testing.assert_allclose(expected, slope, rtol=1e-8)


def test_olden_counts_packed_networks_as_often_as_they_were_chosen(data):
    X, y = data
    packed = {"pack": True, "early_stopping": True, "validation_split": "random"}
    model = MLPClassifier((3,), n_estimators=4, **packed, **SHORT).fit(X, y)
    model.chosen_ = [0, 1, 1]
    each = []
    for chosen in ([0], [1]):
        model.chosen_ = chosen
        each.append(olden(model))
    model.chosen_ = [0, 1, 1]
    np.testing.assert_allclose(olden(model), (each[0] + 2 * each[1]) / 3)


def test_outputs_are_named_by_their_classes(data):
    X, y = data
    names = np.array(["low", "some", "top"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    model = MLPClassifier((3,), **SHORT)
    assert olden(model.fit(X, names)).columns.tolist() == ["low", "some", "top"]
    assert olden(model.fit(X, names == "top")).columns.tolist() == [True]
    several = MLPClassifier((3,), **SHORT).fit(X, np.stack([y, 1 - y], axis=1))
    assert olden(several).columns.tolist() == [0, 1]
    ordinal = MLPClassifier((3,), loss="ordinal", **SHORT).fit(X, np.digitize(X[:, 0], [-1, 1]))
    assert olden(ordinal).columns.tolist() == [0, 1]  # thresholds, which are no classes


def test_garson_by_hand(data):
    X, y = data
    model = MLPClassifier((3,), n_estimators=1, **SHORT).fit(X, y % 2)
    w, v = np.abs(model.coefs_[0]), np.abs(model.coefs_[1][:, 0])
    share = np.zeros(4)
    for j in range(3):
        for i in range(4):
            share[i] += w[i, j] / w[:, j].sum() * v[j]
    np.testing.assert_allclose(garson(model)[1], share / share.sum())


def test_categories_are_inputs_of_their_own(data):
    X, y = data
    X = pd.DataFrame({"a": X[:, 0], "job": np.where(X[:, 1] > 0, "x", "y")})
    model = MLPClassifier((3,), **SHORT).fit(X, y)
    assert olden(model).index.tolist() == garson(model).index.tolist() == ["a", "job_y"]


def test_what_weights_alone_do_not_tell(data):
    X, y = data
    with pytest.raises(ValueError, match="2 hidden layers.*olden"):
        garson(MLPClassifier((3, 3), **SHORT).fit(X, y))
    with pytest.raises(ValueError, match="normalization='layer'"):
        olden(MLPClassifier((3,), normalization="layer", **SHORT).fit(X, y))
    with pytest.raises(ValueError, match="numeric_embedding=None"):
        olden(MLPClassifier((3,), numeric_embedding="pbld", **SHORT).fit(X, y))
    with pytest.raises(ValueError, match="max_one_hot=None"):
        table = pd.DataFrame({"a": list("abcdef") * 10})
        olden(MLPClassifier((3,), max_one_hot=3, **SHORT).fit(table, y))
    with pytest.raises(TypeError, match="LinearRegression"):
        olden(LinearRegression())


def test_profiles_of_a_straight_line():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = LinearRegression().fit(X, X @ [2, -3])
    profile = lek_profile(model, X, quantiles=[0.25, 1.0], n_points=5)
    assert profile["feature"].tolist() == [0] * 10 + [1] * 10
    for (feature, q), part in profile.groupby(["feature", "quantile"]):
        own, other = X[:, feature], np.quantile(X[:, 1 - feature], q)
        np.testing.assert_allclose(part["value"], np.linspace(own.min(), own.max(), 5))
        weights = [2, -3]
        expected = weights[feature] * part["value"] + weights[1 - feature] * other
        np.testing.assert_allclose(part["response"], expected, atol=1e-12)


def test_profiles_hold_categories_at_the_most_frequent(data):
    X, y = data
    job = pd.Categorical(np.where(X[:, 1] > 0.5, "x", "y"))
    X = pd.DataFrame({"job": job, "a": X[:, 0], "sure": X[:, 1] > 1, "b": X[:, 2]})
    model = make_pipeline(TableEncoder(), MLPClassifier((3,), **SHORT)).fit(X, y)
    profile = lek_profile(model, X, ["a"], [0.5], n_points=3)
    rows = X.iloc[:3].assign(job=pd.Categorical(["y"] * 3, ["x", "y"]), sure=False)
    rows = rows.assign(a=profile["value"].to_numpy(), b=X["b"].median())
    np.testing.assert_allclose(profile["response"], model.predict_proba(rows)[:, 1])
    with pytest.raises(ValueError, match="'job' is no number"):
        lek_profile(model, X, ["job"])
    with pytest.raises(ValueError, match="Did you mean 'sure'"):
        lek_profile(model, X, ["suer"])
    with pytest.raises(ValueError, match="output=7, but expected one of 0, 1"):
        lek_profile(model, X, ["a"], output=7)


def test_generalized_weights_of_logistic_regression_are_its_coefficients(data):
    X, y = data
    model = MLPClassifier((), n_estimators=1, standardize=True, **SHORT).fit(X, y)
    found = generalized_weights(model, X)
    coef = model.coefs_[0][:, 0] * model._standardizer.scale / model.temperature_
    np.testing.assert_allclose(found.weights, np.broadcast_to(coef, X.shape), rtol=1e-9)
    assert (found.std == 0).all()


def test_generalized_weights_of_each_network(data):
    X, y = data
    model = MLPClassifier((3,), n_estimators=3, **SHORT).fit(X, y)
    found = generalized_weights(model, X[:5])
    assert found.each.shape == (3, 5, 4)
    np.testing.assert_allclose(found.std, found.each.std(axis=0))
    np.testing.assert_allclose(found.each[1], gradients(model, X[:5], network=1))
    with pytest.raises(ValueError, match="MLPRegressor.*gradients"):
        generalized_weights(MLPRegressor((3,), **SHORT).fit(X, y), X)
