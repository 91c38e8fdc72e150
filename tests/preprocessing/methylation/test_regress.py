"""Residuals are those of regressions written out, with the coefficients of the training rows."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skmlp.preprocessing import RegressOut
from skmlp.preprocessing.methylation import blocks

nan = np.nan
N, P = 50, 12


@pytest.fixture
def sheet(rng):
    return pd.DataFrame(
        {
            "age": rng.uniform(20, 80, N),
            "sex": rng.permutation(["female", "male"] * (N // 2)),
            "batch": pd.Categorical(rng.choice(["b1", "b2", "b3"], N)),
        }
    )


@pytest.fixture
def cpgs(rng, sheet):
    X = rng.normal(0.5, 0.1, (N, P)) + np.outer(sheet["age"], rng.normal(size=P)) / 100
    X += np.outer(sheet["batch"] == "b2", rng.normal(size=P)) / 10
    return pd.DataFrame(X, columns=[f"cg{j}" for j in range(P)])


def design(sheet):
    return pd.get_dummies(sheet, dtype=float).to_numpy()


def explained(cpgs, sheet, new=None):
    """Return what a regression says of new rows, minus the mean of the training rows."""
    model = LinearRegression().fit(design(sheet), cpgs)
    return model.predict(design(sheet if new is None else new)) - cpgs.mean().to_numpy()


def test_residuals_of_a_regression(cpgs, sheet):
    regress = RegressOut().fit(cpgs, covariates=sheet)
    out = regress.transform(cpgs, covariates=sheet)
    assert_allclose(out, cpgs - explained(cpgs, sheet), rtol=1e-9)
    assert_allclose(out.mean(axis=0), cpgs.mean())
    assert regress.covariate_names_ == ["age", "sex_male", "batch_b1", "batch_b2", "batch_b3"]
    assert regress.coef_.shape == (5, P)
    assert_array_equal(RegressOut().fit_transform(cpgs, covariates=sheet), out)


def test_nothing_is_left_to_explain(cpgs, sheet):
    out = pd.DataFrame(RegressOut().fit_transform(cpgs, covariates=sheet))
    assert_allclose(explained(out, sheet), 0, atol=1e-12)


def test_coefficients_are_those_of_the_training_rows(cpgs, sheet):
    regress = RegressOut().fit(cpgs[:30], covariates=sheet[:30])
    out = regress.transform(cpgs[30:], covariates=sheet[30:])
    new = cpgs[30:] - explained(cpgs[:30], sheet[:30], sheet[30:])
    assert_allclose(out, new, rtol=1e-8)
    one = regress.transform(cpgs[30:31], covariates=sheet[30:31])
    assert_allclose(one, out[:1], rtol=1e-12)


@pytest.mark.parametrize("width", [1, 5, 100])
@pytest.mark.parametrize("keep", [False, True])
def test_columns_of_X_may_be_covariates(cpgs, sheet, width, keep, monkeypatch):
    monkeypatch.setattr(blocks, "_VALUES", width * N)
    expected = RegressOut().fit_transform(cpgs, covariates=sheet[["age"]])
    full = pd.concat([cpgs.iloc[:, :4], sheet[["age"]], cpgs.iloc[:, 4:]], axis=1)
    regress = RegressOut(covariates=["age"], keep_covariates=keep)
    out = regress.set_output(transform="pandas").fit_transform(full)
    assert list(out) == list(full if keep else cpgs)
    assert_allclose(out[list(cpgs)], expected, rtol=1e-10)
    if keep:
        assert_array_equal(out["age"], sheet["age"])
    by_position = RegressOut(covariates=[4], keep_covariates=keep).fit_transform(full.to_numpy())
    assert_allclose(by_position, out, rtol=1e-10)


def test_categories_among_the_columns_of_X(cpgs, sheet):
    full = pd.concat([sheet, cpgs], axis=1)
    out = RegressOut(covariates=["age", "sex", "batch"]).fit_transform(full)
    assert_allclose(out, RegressOut().fit_transform(cpgs, covariates=sheet), rtol=1e-10)
    with pytest.raises(ValueError, match="'sex' of X holds text"):
        RegressOut(covariates=["sex"], keep_covariates=True).fit_transform(
            full[["sex", "cg1", "cg2"]]
        )


def test_float32_is_not_widened_by_covariates(cpgs, sheet):
    full = pd.concat([sheet, cpgs.astype(np.float32)], axis=1)
    regress = RegressOut(covariates=list(sheet)).fit(full)
    assert regress.coef_.dtype == regress.transform(full).dtype == np.float32


def test_gaps_stay_and_count_nowhere(cpgs, sheet, rng):
    gaps = cpgs.mask(rng.random(cpgs.shape) < 0.2)
    gaps["cg3"], gaps["cg4"] = nan, cpgs["cg4"]
    out = RegressOut().fit_transform(gaps, covariates=sheet)
    assert_array_equal(np.isnan(out), gaps.isna())
    for j in (0, 4, 7):
        rows = gaps.iloc[:, j].notna().to_numpy()
        model = LinearRegression().fit(design(sheet[rows]), gaps.iloc[rows, j])
        centered = design(sheet) - design(sheet).mean(axis=0)
        assert_allclose(out[rows, j], gaps.iloc[rows, j] - centered[rows] @ model.coef_, rtol=1e-8)


def test_collinear_covariates(cpgs, sheet):
    double = sheet.assign(months=12 * sheet["age"], constant=1.0)
    assert_allclose(
        RegressOut().fit_transform(cpgs, covariates=double),
        RegressOut().fit_transform(cpgs, covariates=sheet),
        rtol=1e-9,
    )


def test_an_unseen_batch_is_taken_for_average(cpgs, sheet):
    regress = RegressOut().fit(cpgs, covariates=sheet[["batch"]])
    new = pd.DataFrame({"batch": ["b9"] * 3})
    with pytest.warns(UserWarning, match="'batch' has categories that fit has not seen: 'b9'"):
        out = regress.transform(cpgs[:3], covariates=new)
    assert_allclose(out, cpgs[:3])


def test_covariates_are_routed(cpgs, sheet):
    y = (cpgs["cg1"] > cpgs["cg1"].median()).to_numpy()
    with sklearn.config_context(enable_metadata_routing=True):
        regress = RegressOut().set_fit_request(covariates=True)
        model = make_pipeline(
            regress.set_transform_request(covariates=True), LogisticRegression(C=100)
        )
        model.fit(cpgs, y, covariates=sheet)
        assert model.predict(cpgs[:5], covariates=sheet[:5]).shape == (5,)
        assert_allclose(
            model[0].transform(cpgs, covariates=sheet),
            RegressOut().fit_transform(cpgs, covariates=sheet),
        )


def test_in_cross_validation(cpgs, sheet):
    y = (cpgs["cg1"] > cpgs["cg1"].median()).to_numpy()
    full = pd.concat([sheet, cpgs], axis=1)
    model = make_pipeline(RegressOut(covariates=list(sheet)), LogisticRegression())
    assert np.isfinite(cross_val_score(model, full, y, cv=3)).all()


# -- what is refused -------------------------------------------------------------------


def test_covariates_are_needed(cpgs, sheet):
    with pytest.raises(ValueError, match="Got no covariates to regress out"):
        RegressOut().fit(cpgs)
    regress = RegressOut().fit(cpgs, covariates=sheet)
    with pytest.raises(ValueError, match="Got no covariates to regress out"):
        regress.transform(cpgs)
    with pytest.raises(ValueError, match="columns \\['age'\\]|of 1 columns, but expected 3"):
        regress.transform(cpgs, covariates=sheet[["age"]])


def test_more_rows_than_covariates_are_needed(cpgs, sheet):
    with pytest.raises(ValueError, match="n_samples=4 rows, which are too few .* on 3 columns"):
        RegressOut().fit(cpgs[:4], covariates=np.eye(4)[:, :3])
