"""Covariates in any form become numbers around 0."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmlp.preprocessing.containers import read
from skmlp.preprocessing.methylation.covariates import (
    Covariates,
    as_table,
    basis,
    check_rows,
    positions,
    slopes,
)

nan = np.nan
AGES = [30.0, 45.0, 60.0, 25.0]


def people():
    return pd.DataFrame(
        {
            "age": AGES,
            "sex": ["female", "male", "male", "female"],
            "batch": pd.Categorical(["b1", "b2", "b3", "b1"]),
            "country": ["fi"] * 4,
        }
    )


def test_numbers_and_categories():
    covariates = Covariates(people())
    assert covariates.names == ["age", "sex_male", "batch_b1", "batch_b2", "batch_b3"]
    laid_out = covariates(people())
    assert_allclose(laid_out.mean(axis=0), 0, atol=1e-14)
    raw = [[30, -1, 1, 0, 0], [45, 1, 0, 1, 0], [60, 1, 0, 0, 1], [25, -1, 1, 0, 0]]
    assert_allclose(laid_out + covariates.mean, raw)


def test_new_rows_are_measured_from_the_training_means():
    covariates = Covariates(people()[["age", "sex"]])
    assert_allclose(covariates(people()[["age", "sex"]][:1]), [[-10, -1]])


@pytest.mark.parametrize(
    "ages",
    [
        AGES,
        np.array(AGES),
        np.array(AGES)[:, None],
        [[age] for age in AGES],
        pd.Series(AGES),
        pd.DataFrame({"age": AGES}),
    ],
)
def test_one_covariate_in_many_forms(ages):
    assert_allclose(Covariates(ages)(ages)[:, 0], np.array(AGES) - 40)


@pytest.mark.parametrize("form", [list, np.array, pd.Series])
def test_one_category_in_many_forms(form):
    sexes = form(["f", "m", "m", "f"])
    assert_array_equal(Covariates(sexes)(sexes)[:, 0], [-1, 1, 1, -1])


def test_polars():
    pl = pytest.importorskip("polars")
    frame = people()
    frame["batch"] = frame["batch"].astype(str)
    other = pl.DataFrame(frame.to_dict("list"))
    assert_array_equal(Covariates(other)(other), Covariates(frame)(frame))
    assert_array_equal(Covariates(other["age"])(other["age"]), Covariates(AGES)(AGES))


@pytest.mark.parametrize(("sex", "column"), [("other", 1), ("fi", 1)])
def test_unseen_categories_are_average(sex, column):
    covariates = Covariates(people())
    new = people()[:2].assign(sex=["male", sex])
    with pytest.warns(UserWarning, match=f"'sex' has categories that fit has not seen: '{sex}'"):
        laid_out = covariates(new)
    assert laid_out[1, column] == 0
    assert_array_equal(laid_out[:, 2:], covariates(people()[:2])[:, 2:])


def test_a_long_list_of_unseen_categories_is_cut():
    covariates = Covariates(["a", "b"] * 5)
    with pytest.warns(UserWarning, match="'c', 'd', 'e', 'f', 'g', ..."):
        covariates(list("cdefghijkl"))


@pytest.mark.parametrize("name", ["age", "sex", "batch", "country"])
@pytest.mark.parametrize("when", ["fit", "transform"])
def test_gaps_are_refused(name, when):
    gaps = people()
    gaps.loc[2, name] = None
    with pytest.raises(ValueError, match=f"'{name}' is missing in 1 of 4 rows, .* row 2"):
        Covariates(gaps if when == "fit" else people())(gaps)


def test_other_columns_are_refused():
    covariates = Covariates(people())
    with pytest.raises(ValueError, match="of 3 columns, but expected 4"):
        covariates(people()[["age", "sex", "batch"]])
    with pytest.raises(ValueError, match="in this order"):
        covariates(people()[["sex", "age", "batch", "country"]])


# -- which columns, which rows ---------------------------------------------------------


@pytest.mark.parametrize("named", [["sex", "age"], [1, 0], ["sex", 0], ["sex", "age", "sex"]])
def test_positions(named):
    assert_array_equal(positions(named, read(people())), [1, 0])


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["agee"], "'agee', which X does not have. Did you mean 'age'"),
        (["weight"], "'weight', which X does not have.$"),
        ([4], "Got 4 in covariates, .* from 0 to 3"),
        ([-1], "from 0 to 3"),
        ([True], "Got True"),
        ([0.5], "Got 0.5"),
        ([None], "Got None"),
    ],
)
def test_wrong_positions(named, message):
    with pytest.raises(ValueError, match=message):
        positions(named, read(people()))


def test_names_need_a_frame():
    with pytest.raises(ValueError, match="X has no names of columns: give positions"):
        positions(["age"], read(np.eye(3)))


def test_rows_must_be_those_of_X():
    table = read(people())
    check_rows(AGES, table)
    check_rows(pd.Series(AGES), table)
    check_rows(pd.Series(AGES, index=list("abcd")), table)  # names that X does not know
    with pytest.raises(ValueError, match="covariates of 3 rows, but X has 4"):
        check_rows(AGES[:3], table)
    with pytest.raises(ValueError, match=r"another order.* covariates.loc\[X.index\]"):
        check_rows(pd.Series(AGES)[::-1], table)


# -- linear algebra --------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1e-12, 1.0, 1e12])
def test_basis(rng, factor):
    columns = rng.normal(size=(20, 3))
    given = np.column_stack([columns * [1, factor, 1], columns[:, 0] + columns[:, 2], np.zeros(20)])
    found = basis(given)
    assert found.shape == (20, 3)
    assert_allclose(found.T @ found, np.eye(3), atol=1e-12)
    assert_allclose(found @ (found.T @ columns), columns)


@pytest.mark.parametrize("columns", [np.empty((5, 0)), np.zeros((5, 2))])
def test_basis_of_nothing(columns):
    assert basis(columns).shape == (5, 0)


def test_slopes(rng):
    design, values = rng.normal(size=(20, 3)), rng.normal(size=(20, 4))
    design -= design.mean(axis=0)
    expected = np.linalg.lstsq(np.column_stack([np.ones(20), design]), values)[0][1:]
    units = np.array([1e-8, 1, 1e8])
    assert_allclose(slopes(design * units) @ values, expected / units[:, None])


def test_slopes_of_collinear_columns(rng):
    x = rng.normal(size=20)
    x -= x.mean()
    assert_allclose(slopes(np.column_stack([x, x, 0 * x])) @ x, [0.5, 0.5, 0], atol=1e-12)


def test_tables_are_left_as_they_are():
    frame = people()
    assert as_table(frame) is frame
    assert as_table(["a", "b"]).shape == (2, 1)
