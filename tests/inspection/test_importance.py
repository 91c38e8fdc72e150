"""Permutation importance of columns is scikit-learn's; that of groups moves rows together."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import inspection
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from skmlp import MLPClassifier
from skmlp.inspection.importance import permutation_importance

REPEATS = {"n_repeats": 3, "random_state": 0}


@pytest.fixture
def data(rng):
    X = rng.normal(size=(80, 4))
    X[:, 1] = X[:, 0] + 0.01 * rng.normal(size=80)
    return X, X @ [1.0, 1.0, 2.0, 0.0]


@pytest.mark.parametrize("frame", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("groups", [None, {"a": [0], "b": 1, "c": [2], "d": [3]}, list("abcd")])
def test_single_columns_are_as_in_scikit_learn(data, rng, frame, weighted, groups):
    X, y = data
    X = pd.DataFrame(X, columns=list("abcd"), index=range(5, 85)) if frame else X
    model = LinearRegression().fit(X, y)
    weight = rng.random(80) if weighted else None
    theirs = inspection.permutation_importance(model, X, y, sample_weight=weight, **REPEATS)
    ours = permutation_importance(model, X, y, groups=groups, sample_weight=weight, **REPEATS)
    for name in ("importances", "importances_mean", "importances_std"):
        assert (ours[name] == theirs[name]).all()
    assert ours.group_names == (list("abcd") if frame or groups else [0, 1, 2, 3])


def test_a_network_is_scored_by_name(data):
    X, y = data
    model = MLPClassifier((4,), n_estimators=1, max_iter=3, random_state=0).fit(X, y > 0)
    asked = {"scoring": "roc_auc", **REPEATS}
    theirs = inspection.permutation_importance(model, X, y > 0, **asked)
    with joblib.parallel_config("threading"):
        ours = permutation_importance(model, X, y > 0, n_jobs=2, **asked)
    assert (ours.importances == theirs.importances).all()


def test_the_rows_of_a_group_stay_together(data):
    X, y = data
    kept = []

    def look(model, X, y):
        kept.append(X.copy())
        return r2_score(y, model.predict(X))

    model = LinearRegression().fit(X, y)
    permutation_importance(model, X, y, groups={"pair": [0, 1]}, scoring=look, **REPEATS)
    first, *others = kept
    assert (first == X).all()
    for moved in others:
        assert (moved[:, 2:] == X[:, 2:]).all()
        assert not (moved[:, 0] == X[:, 0]).all()
        assert {tuple(row) for row in moved[:, :2]} == {tuple(row) for row in X[:, :2]}


def test_columns_that_say_the_same_are_missed_together(data):
    X, y = data

    class Either(LinearRegression):
        """Reads the first column while it agrees with the second, and else the one in range."""

        def predict(self, X):
            return np.where(np.abs(X[:, 0] - X[:, 1]) < 1, 2 * X[:, 0], X[:, 0] + X[:, 1])

    model = Either().fit(X, y)
    groups = {"both": [0, 1], "first": [0], "idle": [3]}
    found = permutation_importance(model, X, y, groups=groups, **REPEATS)
    both, first, idle = found.importances_mean
    assert both > 1.5 * first > 0
    assert idle == 0


def test_groups_by_a_series_leave_out_columns_without_one(data):
    X, y = data
    X = pd.DataFrame(X, columns=list("abcd"))
    X["e"] = pd.Categorical(np.where(X["c"] > 0, "u", "v"))
    model = LinearRegression().fit(X[list("abcd")], y)
    model.predict = lambda X: LinearRegression.predict(model, X[list("abcd")])
    genes = pd.Series(["g", "h", "g", "far"], index=["a", "c", "b", "not here"])
    before = X.copy()
    found = permutation_importance(model, X, y, groups=genes, **REPEATS)
    assert found.group_names == ["g", "h"]
    pd.testing.assert_frame_equal(X, before)
    dicts = {"g": ["a", "b"], "h": [2], "e": "e"}
    again = permutation_importance(model, X, y, groups=dicts, **REPEATS)
    assert (again.importances[:2] == found.importances).all()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"g": ["sexx"]}, "names 'sexx'.*Did you mean 'sex'"),
        ({"g": [2]}, "names 2, which X does not have"),
        (["g"], "got 1 names of groups for 2 columns"),
        (pd.Series(["g"], index=["far"]), "names no column of X"),
    ],
)
def test_groups_that_do_not_fit(groups, message):
    X = pd.DataFrame({"age": [1.0, 2.0], "sex": [1.0, 0.0]})
    model = LinearRegression().fit(X, [1, 2])
    with pytest.raises(ValueError, match=message):
        permutation_importance(model, X, [1, 2], groups=groups)


def test_other_containers_are_refused(data):
    X, y = data
    model = LinearRegression().fit(X, y)
    with pytest.raises(TypeError, match="[Ss]parse"):
        permutation_importance(model, sparse.csr_matrix(X), y)
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match="to_pandas"):
        permutation_importance(model, polars.DataFrame(X), y)
