"""What matters in all of several fits, column by column and gene by gene."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmlp import MLPClassifier, MLPRegressor
from skmlp.datasets import make_methylation
from skmlp.inspection.attributions import integrated_gradients
from skmlp.inspection.classic import olden
from skmlp.inspection.genes import group_importance, selection_stability, stable_importance
from skmlp.preprocessing import BetaToM, SelectCpGs

SHORT = {"hidden_layer_sizes": (3,), "max_iter": 2, "n_estimators": 1, "dtype": "float64"}


def fits_of(model, X, y, n=5):
    """Fit to folds, each with a seed of its own."""
    folds = StratifiedKFold(n, shuffle=True, random_state=0).split(X, y)
    fits = [clone(model) for _ in range(n)]
    for seed, (fit, (train, _)) in enumerate(zip(fits, folds, strict=True)):
        last = fit[-1] if hasattr(fit, "steps") else fit
        last.set_params(random_state=seed)
        fit.fit(X.iloc[train], y[train])
    return fits


@pytest.fixture(scope="module")
def cohort():
    cohort = make_methylation(200, 900, random_state=0)
    asked = (cohort.target != "former").to_numpy()
    smokes = (cohort.target[asked] == "current").to_numpy()
    return cohort.data[asked], smokes, cohort.cpgs


@pytest.fixture(scope="module")
def fits(cohort):
    X, y, _ = cohort
    return fits_of(MLPClassifier((16,), max_iter=100, l1=3.0), X, y)


def test_the_cpgs_of_smoking_come_out_on_top(cohort, fits):
    X, _, cpgs = cohort
    found = stable_importance(fits, X)
    top = found.head(8).join(cpgs)
    assert (top["kind"] == "smoking").all()
    assert {"AHRR", "F2RL3"} < set(top["gene"])
    assert found.loc["cg05575921", "top_share"] >= 0.8
    assert found.attrs["stability"] > 0.5


@pytest.mark.parametrize("method", ["integrated_gradients", "olden"])
def test_the_genes_of_smoking_come_out_on_top(cohort, fits, method):
    X, _, cpgs = cohort
    found = stable_importance(fits, X, groups=cpgs["gene"], method=method, top=5)
    assert {"AHRR", "F2RL3"} < set(found.index[:5])
    assert found.loc["AHRR", "top_share"] == 1
    alone = group_importance(stable_importance(fits, X, method=method), cpgs["gene"])
    np.testing.assert_allclose(alone["importance"], found["importance"].reindex(alone.index))
    assert alone.loc["AHRR", "n_columns"] == (cpgs["gene"] == "AHRR").sum()


def test_no_smoking_no_stability(cohort):
    X, y, _ = cohort
    shuffled = np.random.default_rng(0).permutation(y)
    fits = fits_of(MLPClassifier((16,), max_iter=30), X, shuffled)
    assert abs(stable_importance(fits, X).attrs["stability"]) < 0.2


def test_pipelines_that_select_name_what_they_selected(cohort):
    X, y, _ = cohort
    model = make_pipeline(BetaToM(), SelectCpGs(k=30), MLPClassifier(**SHORT))
    fits = fits_of(model, X, y, 3)
    found = stable_importance(fits, X, top=10)
    assert sorted(found.index) == sorted(X.columns)
    chosen = [set(fit[:-1].get_feature_names_out()) for fit in fits]
    assert set(found.index[found["importance"] > 0]) == set.union(*chosen)
    first = np.abs(integrated_gradients(fits[0][-1], fits[0][:-1].transform(X))).mean(axis=0)
    alone = stable_importance([fits[0], fits[0]], X)
    expected = pd.Series(first / first.sum(), index=fits[0][:-1].get_feature_names_out())
    np.testing.assert_allclose(alone["importance"][expected.index], expected)
    assert alone["std"].max() == 0
    assert alone.attrs["stability"] == 1


@pytest.fixture
def small(rng):
    X = pd.DataFrame(rng.normal(size=(40, 3)), columns=list("abc"))
    return X, (X["a"] > 0).to_numpy()


def test_numbers_by_hand(small):
    X, y = small
    shares = iter([[3.0, 1.0, 0.0], [2.0, 0.0, -2.0]])
    fits = [MLPClassifier(**SHORT).fit(X, y)] * 2
    found = stable_importance(fits, X, method=lambda model, X: next(shares), top=1)
    assert found.index.tolist() == ["a", "c", "b"]
    np.testing.assert_allclose(found["importance"], [0.625, 0.25, 0.125])
    np.testing.assert_allclose(found["std"], np.std([[0.75, 0.5], [0, 0.5], [0.25, 0]], 1, ddof=1))
    assert found["top_share"].tolist() == [1, 0, 0]
    assert found["rank"].tolist() == [1, 2, 3]
    assert found.attrs["stability"] == 1


def test_a_function_may_give_a_number_for_each_row(small):
    X, y = small
    fits = [MLPClassifier(**SHORT, random_state=i).fit(X, y) for i in range(2)]
    by_hand = stable_importance(fits, X, method=integrated_gradients)
    pd.testing.assert_frame_equal(by_hand, stable_importance(fits, X))


def test_all_outputs_count_unless_one_is_asked_for(small):
    X, _ = small
    y = X.to_numpy() @ np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    fits = [MLPRegressor(**SHORT, random_state=i).fit(X, y) for i in range(2)]
    sizes = [
        np.mean([np.abs(integrated_gradients(fit, X, output=j)).mean(axis=0) for j in range(2)], 0)
        for fit in fits
    ]
    expected = np.mean([size / size.sum() for size in sizes], axis=0)
    found = stable_importance(fits, X)["importance"][list("abc")]
    np.testing.assert_allclose(found, expected)
    assert not np.allclose(stable_importance(fits, X, output=0)["importance"][list("abc")], found)


def test_olden_sums_the_columns_of_a_category(small):
    X, y = small
    X = X.assign(job=list("uvwx") * 10)
    fits = [MLPClassifier(**SHORT, random_state=i).fit(X, y) for i in range(2)]
    found = stable_importance(fits, X, method="olden")["importance"]
    sizes = [olden(fit)[True].abs() for fit in fits]
    expected = np.mean([size[3:].sum() / size.sum() for size in sizes])
    np.testing.assert_allclose(found["job"], expected)


def test_new_columns_of_a_pipeline_have_rows_of_their_own(small):
    X, y = small
    model = make_pipeline(PCA(2), MLPClassifier(**SHORT)).fit(X, y)
    found = stable_importance([model, model], X)
    assert set(found.index) == {"a", "b", "c", "pca0", "pca1"}
    plain = make_pipeline(MLPClassifier(**SHORT)).fit(X, y)
    assert set(stable_importance([plain, plain], X).index) == {"a", "b", "c"}


def test_what_is_refused(small):
    X, y = small
    model = MLPClassifier(**SHORT).fit(X, y)
    with pytest.raises(ValueError, match="at least two fits"):
        stable_importance([model], X)
    with pytest.raises(ValueError, match="method='garson'"):
        stable_importance([model, model], X, method="garson")
    nameless = make_pipeline(FunctionTransformer(np.asarray), StandardScaler(), model)
    with pytest.raises(ValueError, match="get_feature_names_out"):
        stable_importance([nameless.fit(X, y)] * 2, X)
    with pytest.raises(ValueError, match="M > 1 fits"):
        selection_stability([[True, False]])


def test_stability_is_zero_at_random_and_one_where_all_agree(rng):
    assert selection_stability(np.tile([1, 0, 0, 1, 0], (4, 1))) == 1
    at_random = np.argsort(rng.random((300, 50)), axis=1) < 10
    assert abs(selection_stability(at_random)) < 0.01
    assert np.isnan(selection_stability(np.ones((3, 4))))
