"""The best CpGs are kept, as the statistics of `test_scores.py` say."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.feature_selection import SelectKBest, f_classif, r_regression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skmlp.preprocessing import SelectCpGs
from skmlp.preprocessing.methylation import blocks

nan = np.nan
N, P = 60, 40


@pytest.fixture
def smokes(rng):
    return rng.permutation(np.repeat(["never", "current"], N // 2))


@pytest.fixture
def age(rng, smokes):
    return 50 + 8 * (smokes == "current") + 5 * rng.normal(size=N)


@pytest.fixture
def X(rng, smokes, age):
    """Columns 3 and 30 go with smoking, 5 with age alone."""
    X = rng.normal(0.6, 0.05, (N, P))
    X[:, [3, 30]] -= 0.12 * (smokes == "current")[:, None]
    X[:, 5] += 0.02 * (age - 50)
    return X


def chosen(X, y, **settings):
    return set(SelectCpGs(**settings).fit(X, y).get_support(indices=True).tolist())


def test_the_largest_variances(X):
    expected = np.argsort(-X.var(axis=0))[:7]
    assert chosen(X, None, k=7) == set(expected.tolist())
    select = SelectCpGs(k=7).fit(X)
    assert_allclose(select.scores_, X.var(axis=0, ddof=1))
    assert select.pvalues_ is select.qvalues_ is None


@pytest.mark.parametrize("statistic", ["t", "welch", "F", "correlation"])
def test_as_scikit_learn_chooses(X, smokes, statistic):
    y = (smokes == "current").astype(int)
    expected = SelectKBest(f_classif, k=6).fit(X, y).get_support(indices=True)
    if statistic != "welch":
        assert chosen(X, y, k=6, statistic=statistic) == set(expected.tolist())
    assert {3, 30, 5} <= chosen(X, y, k=6, statistic=statistic)


def test_as_scipy_tests(X, smokes):
    select = SelectCpGs(statistic="t").fit(X, smokes)
    assert select.classes_.tolist() == ["current", "never"]
    expected = stats.ttest_ind(X[smokes == "never"], X[smokes == "current"])
    assert_allclose(select.scores_, expected.statistic)
    assert_allclose(select.pvalues_, expected.pvalue)
    assert_allclose(select.qvalues_, stats.false_discovery_control(expected.pvalue))
    welch = SelectCpGs(statistic="welch").fit(X, smokes)
    expected = stats.ttest_ind(X[smokes == "never"], X[smokes == "current"], equal_var=False)
    assert_allclose(welch.scores_, expected.statistic)
    correlation = SelectCpGs(statistic="correlation").fit(X, X[:, 3] ** 2)
    r = r_regression(X, X[:, 3] ** 2)
    assert_allclose(correlation.scores_, r / np.sqrt((1 - r**2) / (N - 2)))


def test_F_of_two_classes_is_the_square_of_t(X, smokes):
    F, t = (SelectCpGs(statistic=name).fit(X, smokes) for name in ("F", "t"))
    assert_allclose(F.scores_, t.scores_**2)
    assert_allclose(F.pvalues_, t.pvalues_)


def test_what_is_kept_is_in_the_order_of_X(X, smokes):
    select = SelectCpGs(k=3, statistic="t").fit(X, smokes)
    assert_array_equal(select.transform(X), X[:, [3, 5, 30]])
    assert select.get_feature_names_out().tolist() == ["x3", "x5", "x30"]
    assert_array_equal(select.inverse_transform(X[:, [3, 5, 30]])[:, 30], X[:, 30])


@pytest.mark.parametrize("k", [40, 1000, "all"])
def test_at_most_k(X, smokes, k):
    assert chosen(X, smokes, k=k, statistic="t") == set(range(P))


def test_columns_without_a_test_come_last(X, smokes):
    X[:, 7] = 0.5
    X[:, 8] = nan
    X[:, 9] = np.where(np.arange(N) < 2, 0.5, nan)
    select = SelectCpGs(k=P - 3, statistic="t").fit(X, smokes)
    assert_array_equal(np.flatnonzero(~select.get_support()), [7, 8, 9])
    assert np.isnan(select.qvalues_[[7, 8, 9]]).all()
    assert np.isfinite(np.delete(select.qvalues_, [7, 8, 9])).all()


def test_ties_are_broken_by_the_score():
    y = np.arange(400) % 2
    X = y[:, None] + np.random.default_rng(0).normal(size=(400, 4)) * [0.01, 1e-4, 1e-3, 0.5]
    select = SelectCpGs(k=1, statistic="t").fit(X, y)
    assert (select.pvalues_[:3] == 0).all()  # beyond the smallest float
    assert_array_equal(select.get_support(indices=True), [1])


# -- covariates ------------------------------------------------------------------------


def test_covariates_take_what_is_theirs(X, smokes, age):
    select = SelectCpGs(k=2, statistic="t").fit(X, smokes, covariates=age)
    assert_array_equal(select.get_support(indices=True), [3, 30])
    assert select.pvalues_[5] > 0.01
    assert SelectCpGs(statistic="t").fit(X, smokes).pvalues_[5] < 0.01


@pytest.mark.parametrize("statistic", ["variance", "t", "F", "correlation"])
def test_named_and_passed_covariates_are_the_same(X, smokes, age, statistic, monkeypatch):
    monkeypatch.setattr(blocks, "_VALUES", 5 * N)
    y = (smokes == "current").astype(int)
    frame = pd.DataFrame(X, columns=[f"cg{j}" for j in range(P)])
    sheet = pd.DataFrame({"age": age, "sex": np.where(np.arange(N) % 3, "f", "m")})
    full = pd.concat([frame.iloc[:, :9], sheet, frame.iloc[:, 9:]], axis=1)
    settings = {"k": 4, "statistic": statistic}
    passed = SelectCpGs(**settings).fit(frame, y, covariates=sheet)
    named = SelectCpGs(covariates=["sex", "age"], **settings).fit(full, y)
    placed = SelectCpGs(covariates=[9, 10], **settings).fit(full, y)
    for other in (named, placed):
        assert_allclose(np.delete(other.scores_, [9, 10]), passed.scores_, rtol=1e-6)
        assert np.isnan(other.scores_[[9, 10]]).all()
        assert list(other.get_feature_names_out()) == list(passed.get_feature_names_out())
        assert_array_equal(other.transform(full), passed.transform(frame))


def test_covariates_of_an_array(X, smokes, age):
    full = np.column_stack([age, X])
    select = SelectCpGs(k=2, statistic="t", covariates=[0]).fit(full, smokes)
    assert_array_equal(select.get_support(indices=True), [4, 31])
    kept = SelectCpGs(k=2, statistic="t", covariates=[0], keep_covariates=True).fit(full, smokes)
    assert_array_equal(kept.transform(full), full[:, [0, 4, 31]])


def test_covariates_are_routed(X, smokes, age):
    with sklearn.config_context(enable_metadata_routing=True):
        select = SelectCpGs(k=2, statistic="t").set_fit_request(covariates=True)
        model = make_pipeline(select, LogisticRegression())
        model.fit(X, smokes, covariates=age)
        assert_array_equal(model[0].get_support(indices=True), [3, 30])
        scores = cross_val_score(model, X, smokes, params={"covariates": age}, cv=3)
        assert scores.mean() > 0.6


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statistic", "y", "message"),
    [
        ("t", None, "requires y to be passed, but the target y is None"),
        ("t", np.arange(N) % 3, "y of 3 classes .* but expected two .* statistic='F'"),
        ("welch", np.zeros(N, int), "y of 1 class in .* but expected two"),
        ("F", np.zeros(N, int), "y of one class"),
        ("F", np.linspace(0, 1, N), "Unknown label type: continuous"),
        ("correlation", ["a", "b"] * (N // 2), "expected numbers for statistic='correlation'"),
        ("correlation", np.ones(N), "y that is constant"),
        ("correlation", np.r_[np.inf, np.ones(N - 1)], "y contains infinity"),
        ("correlation", np.r_[nan, np.ones(N - 1)], "y contains NaN: 1 of 60"),
        ("t", pd.Series(["a", None] * (N // 2)), "y contains NaN: 30 of 60"),
        ("t", [0, 1], "inconsistent numbers of samples"),
    ],
)
def test_wrong_targets(X, statistic, y, message):
    with pytest.raises(ValueError, match=message):
        SelectCpGs(statistic=statistic).fit(X, y)


def test_wrong_covariates(X, smokes, age):
    with pytest.raises(ValueError, match="covariates of 5 rows, but X has 60"):
        SelectCpGs(statistic="t").fit(X, smokes, covariates=age[:5])
    with pytest.raises(ValueError, match="linear combination of the covariates"):
        SelectCpGs(statistic="t").fit(X, smokes, covariates=smokes)
    with pytest.raises(ValueError, match="Welch's test knows no covariates"):
        SelectCpGs(statistic="welch").fit(X, smokes, covariates=age)
    with pytest.raises(ValueError, match="expected one of the two"):
        SelectCpGs(covariates=[0]).fit(X, smokes, covariates=age)
    with pytest.raises(ValueError, match="no CpG is left"):
        SelectCpGs(covariates=[0]).fit(age[:, None])
    with pytest.raises(ValueError, match="too few for a test with 58 columns"):
        SelectCpGs(statistic="t").fit(X, smokes, covariates=np.eye(N)[:, :58] + age[:, None])
