"""Any table becomes one array of floats, or an error that says which column and why."""

import datetime
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skmlp.preprocessing import columns, containers
from skmlp.preprocessing.columns import ColumnEncoder

nan = np.nan
AGES = [39.0, nan, 28.0, 51.0]
SEXES = ["female", "male", None, "male"]
JOBS = ["clerk", "smith", "baker", None]


def encode(X, **settings):
    return ColumnEncoder(**settings).fit_transform(X)


def people(job=None, module=pd):
    return module.DataFrame({"age": AGES, "sex": SEXES, "job": JOBS if job is None else job})


ENCODED = np.array(  # age | missing, male, baker, clerk, smith
    [[39, 0, -1, 0, 1, 0], [nan, 1, 1, 0, 0, 1], [28, 0, 0, 1, 0, 0], [51, 0, 1, 0, 0, 0]]
)


# -- layout ----------------------------------------------------------------------------


def test_numbers_then_indicators_then_one_hot():
    encoder = ColumnEncoder().fit(people())
    assert_array_equal(encoder.transform(people()), ENCODED)
    assert (encoder.n_numeric_, encoder.n_binary_, encoder.cardinalities_) == (1, 5, ())
    assert encoder.categories_ == {"sex": ["female", "male"], "job": ["baker", "clerk", "smith"]}
    names = ["age", "age_missing", "sex_male", "job_baker", "job_clerk", "job_smith"]
    assert encoder.feature_names_out(["age", "sex", "job"]) == names


def test_codes_come_last():
    encoder = ColumnEncoder(max_one_hot=2, indicators=False).fit(people()[["job", "sex", "age"]])
    assert_array_equal(
        encoder.transform(people()[["job", "sex", "age"]]),
        [[39, -1, 2], [nan, 1, 3], [28, 0, 1], [51, 1, 0]],
    )
    assert (encoder.n_numeric_, encoder.n_binary_, encoder.cardinalities_) == (1, 1, (4,))
    assert encoder.feature_names_out(["job", "sex", "age"]) == ["age", "sex_male", "job_code"]


@pytest.mark.parametrize(("most", "n_binary", "cardinalities"), [(4, 0, (6,)), (5, 5, ())])
def test_how_many_categories_are_one_hot(most, n_binary, cardinalities):
    encoder = ColumnEncoder(max_one_hot=most).fit(pd.DataFrame({"letter": list("abcde")}))
    assert (encoder.n_binary_, encoder.cardinalities_) == (n_binary, cardinalities)


def test_any_number_of_categories_may_be_one_hot():
    frame = pd.DataFrame({"name": [str(i) for i in range(300)]})
    assert_array_equal(encode(frame, max_one_hot=None).sum(axis=0), 1)
    assert encode(frame, max_one_hot=0).max() == 300


@pytest.mark.parametrize("values", [["a", "a", None], [None] * 3])
def test_columns_that_tell_nothing_are_left_out(values):
    frame = pd.DataFrame({"x": [1, 2, 3], "constant": pd.Series(values, dtype="category")})
    assert_array_equal(encode(frame), [[1], [2], [3]])
    encoder = ColumnEncoder().fit(frame[["constant"]])
    assert encoder.transform(frame[["constant"]]).shape == (3, 0)


def test_levels_on_no_row_are_no_categories():
    frame = pd.DataFrame({"c": pd.Categorical(["b", "c", "d"], categories=list("edcba"))})
    encoder = ColumnEncoder().fit(frame)
    assert encoder.categories_ == {"c": ["b", "c", "d"]}
    assert_array_equal(encoder.transform(frame), np.eye(3))


def test_gaps_are_indicated_where_fit_had_some():
    encoder = ColumnEncoder().fit(np.array([[1.0, nan], [2.0, 3.0]]))
    assert_array_equal(encoder.transform(np.array([[nan, 4.0]])), [[nan, 4, 0]])
    assert_array_equal(encoder.transform(np.array([[nan, nan]])), [[nan, nan, 1]])


def test_what_fit_has_not_seen_is_zero():
    new = pd.DataFrame({"age": [1.0], "sex": ["other"], "job": ["pilot"]})
    assert_array_equal(ColumnEncoder().fit(people()).transform(new), [[1, 0, 0, 0, 0, 0]])
    encoder = ColumnEncoder(max_one_hot=2).fit(people())
    assert_array_equal(encoder.transform(new), [[1, 0, 0, 0]])
    all_missing = pd.DataFrame({"age": [None], "sex": [None], "job": [nan]})
    assert_array_equal(encoder.transform(all_missing), [[nan, 1, 0, 0]])


# -- containers ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["category", "string", "object", "str"])
def test_text_of_every_dtype(dtype):
    frame = people().astype({"sex": dtype, "job": dtype})
    if dtype == "str":  # which writes None as text in an older pandas
        frame = frame.where(people().notna())
    assert_array_equal(encode(frame), ENCODED)


@pytest.mark.parametrize("missing", [None, nan, pd.NA, pd.NaT])
def test_every_kind_of_missing(missing):
    sex, job = ([missing if v is None else v for v in column] for column in (SEXES, JOBS))
    age = [missing if v != v else v for v in AGES]
    objects = pd.DataFrame({"age": age, "sex": sex, "job": job}, dtype=object)
    assert_array_equal(encode(objects), ENCODED)
    assert_array_equal(encode(objects.to_numpy()), ENCODED)


def test_lists():
    rows = [list(row) for row in zip(AGES, SEXES, JOBS, strict=True)]
    assert_array_equal(encode(rows), ENCODED)
    assert_array_equal(encode([[1, "a"], [nan, "b"]]), [[1, 0, -1], [nan, 1, 1]])
    assert_array_equal(encode([[1, 2], [3, 4]]), [[1, 2], [3, 4]])


def test_nullable_dtypes():
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None, 3], dtype="Int64"),
            "f": pd.array([0.5, None, 1.5], dtype="Float32"),
            "b": pd.array([True, None, False], dtype="boolean"),
            "s": pd.array(["x", None, "y"], dtype="string"),
        }
    )
    expected = [[1, 0.5, 0, 0, 1, -1], [nan, nan, 1, 1, 0, 0], [3, 1.5, 0, 0, -1, 1]]
    assert_array_equal(encode(frame), expected)
    as_numbers = encode(frame[["i", "f", "b"]], categorical_features=None, indicators=False)
    assert_array_equal(as_numbers, [[1, 0.5, 1], [nan, nan, nan], [3, 1.5, 0]])


def test_other_dtypes_of_pandas():
    frame = pd.DataFrame(
        {
            "sparse": pd.arrays.SparseArray([0, 0, 2]),
            "decimal": [Decimal("0.5"), None, Decimal(2)],
            "mixed": [1, 2.5, True],
            "half": np.array([1, 2, 3], dtype=np.float16),
            "cut": pd.cut([1, 5, 9], [0, 4, 8, 12]),
        }
    )
    expected = [[0, 0.5, 1, 1, 0, 1, 0, 0], [0, nan, 2.5, 2, 1, 0, 1, 0], [2, 2, 1, 3, 0, 0, 0, 1]]
    assert_array_equal(encode(frame), expected)


def test_arrow_dtypes():
    pa = pytest.importorskip("pyarrow")
    frame = people().astype({"sex": pd.ArrowDtype(pa.string()), "job": "string[pyarrow]"})
    frame["age"] = frame["age"].astype(pd.ArrowDtype(pa.float64()))
    assert_array_equal(encode(frame), ENCODED)


def test_polars():
    pl = pytest.importorskip("polars")
    frame = people(module=pl)
    missing = pl.DataFrame({"age": [39.0, None, 28.0, 51.0]})
    for job in (pl.String, pl.Categorical, pl.Enum(["smith", "none", "clerk", "baker"])):
        typed = frame.with_columns(pl.col("job").cast(job))
        assert_array_equal(encode(typed), ENCODED)
        assert_array_equal(encode(typed.with_columns(missing["age"])), ENCODED)


def test_dtypes_of_polars():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(
        {
            "bool": [True, None, False],
            "int": pl.Series([1, None, 3], dtype=pl.Int8),
            "float": pl.Series([0.5, None, nan], dtype=pl.Float32),
            "null": [None, None, None],
            "object": pl.Series([1, None, 2.5], dtype=pl.Object),
        }
    )
    settings = {"indicators": False}
    numbers = [[1, 0.5, nan, 1], [nan, nan, nan, nan], [3, nan, nan, 2.5]]
    assert_array_equal(encode(frame, **settings), np.column_stack([numbers, [1, 0, -1]]))
    named = encode(frame, categorical_features=["int", "float"], **settings)
    assert_array_equal(named[:, -1], [-1, 0, 1])  # int: float has but one value
    plain = encode(frame[["bool", "int"]], categorical_features=None, **settings)
    assert_array_equal(plain, [[1, 1], [nan, nan], [0, 3]])


def test_objects_that_convert_are_numbers_in_an_array_and_text_in_a_frame():
    values = np.array([["1.5"], ["2"], [None]], dtype=object)
    assert_array_equal(encode(values), [[1.5, 0], [2, 0], [nan, 1]])
    assert_array_equal(encode(np.array([["1.5"], ["2"]])), [[1.5], [2]])
    assert_array_equal(encode(pd.DataFrame(values)), [[-1], [1], [0]])


def test_a_column_without_a_value_is_numeric():
    for X in (pd.DataFrame({"x": [None, None]}), np.array([[None], [pd.NA]], dtype=object)):
        assert_array_equal(encode(X), [[nan, 1], [nan, 1]])


# -- categories match by value ---------------------------------------------------------


def test_levels_match_by_value_whatever_the_dtype():
    encoder = ColumnEncoder().fit(people(pd.Categorical(JOBS)))
    other = pd.Categorical(JOBS, categories=["smith", "pilot", "clerk", "baker"])
    for job in (other, JOBS, pd.array(JOBS, dtype="string")):
        assert_array_equal(encoder.transform(people(job)), ENCODED)


def test_levels_match_across_libraries():
    pl = pytest.importorskip("polars")
    encoder = ColumnEncoder().fit(people())
    assert_array_equal(encoder.transform(people(module=pl)), ENCODED)


@pytest.mark.parametrize("dtype", ["int64", "float32", "Int64", "category", "object"])
def test_numbers_may_be_categories(dtype):
    fitted = ColumnEncoder(categorical_features=["zip"]).fit(pd.DataFrame({"zip": [7.0, 3.0, nan]}))
    assert fitted.categories_ == {"zip": [3, 7]}
    assert_array_equal(
        fitted.transform(pd.DataFrame({"zip": [3, 7, 8]}, dtype=dtype)), [[-1], [1], [0]]
    )


def test_a_bool_is_not_its_name():
    encoder = ColumnEncoder().fit(pd.DataFrame({"b": [True, False]}))
    assert_array_equal(encoder.transform(pd.DataFrame({"b": ["True", "False"]})), [[0], [0]])
    assert_array_equal(encoder.transform(pd.DataFrame({"b": [True, None]})), [[1], [0]])
    assert_array_equal(encode(pd.DataFrame({"b": [True, False, None]})), [[1], [-1], [0]])
    mixed = pd.DataFrame({"b": [True, "True", 2, 1.5]})
    assert_array_equal(encode(mixed).sum(axis=1), 1)
    assert encode(mixed).shape == (4, 4)


def test_columns_may_share_a_name():
    frame = pd.DataFrame([["a", 1.0, "x"], ["b", nan, "y"]], columns=["s", "n", "s"])
    assert_array_equal(encode(frame), [[1, 0, -1, -1], [nan, 1, 1, 1]])


def test_the_order_of_rows_does_not_matter():
    for values in (["b", "a", "c"], [2, "a", 1.5]):
        one, other = (
            ColumnEncoder().fit(pd.DataFrame({"x": column}, dtype=object))
            for column in (values, values[::-1])
        )
        assert one.categories_ == other.categories_


# -- which columns are categories ------------------------------------------------------


@pytest.mark.parametrize(
    "named", [["b"], [1], [False, True, False], np.array([1]), pd.Index(["b"])]
)
def test_columns_may_be_named(named):
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 4], "c": [0.5, nan, 1]})
    encoder = ColumnEncoder(categorical_features=named).fit(frame)
    assert encoder.categories_ == {"b": [4, 5]}
    assert_array_equal(encoder.transform(frame), [[1, 0.5, 0, -1], [2, nan, 1, 1], [3, 1, 0, -1]])
    if not isinstance(named[0], str):
        encoder = ColumnEncoder(categorical_features=named).fit(frame.to_numpy())
        assert encoder.categories_ == {1: [4, 5]}


@pytest.mark.parametrize("none", [None, [], [False, False]])
def test_no_column_may_be_one_of_categories(none):
    frame = pd.DataFrame({"a": [True, False], "b": pd.Categorical([3, 4])})
    assert_array_equal(encode(frame, categorical_features=none), [[1, 3], [0, 4]])


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["agee"], "Did you mean 'age'"),
        ([3], "from 0 to 2"),
        ([-1], "from 0 to 2"),
        ([0.5], "from 0 to 2"),
        ([True], "3 columns"),
        ("age", "from_dtype"),
    ],
)
def test_wrong_names_of_columns(named, message):
    with pytest.raises(ValueError, match=message):
        ColumnEncoder(categorical_features=named).fit(people())


def test_names_need_a_frame():
    with pytest.raises(ValueError, match="pass a frame"):
        ColumnEncoder(categorical_features=["age"]).fit(np.eye(3))


# -- copies and dtypes -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_are_not_copied(rng, dtype, order):
    X = np.asarray(rng.normal(size=(5, 3)), dtype=dtype, order=order)
    assert ColumnEncoder().fit(X).transform(X) is X
    frame = pd.DataFrame(X)
    assert np.shares_memory(encode(frame), frame.to_numpy())


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float16])
def test_narrow_numbers_are_not_copied(dtype):
    X = np.arange(6).reshape(3, 2).astype(dtype)
    assert ColumnEncoder().fit(X).transform(X) is X


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint32])
def test_other_numbers_become_float64(dtype):
    X = np.arange(6).reshape(3, 2).astype(dtype)
    assert encode(X).dtype == np.float64
    assert_array_equal(encode(X), X)


def test_float32_stays_unless_there_are_categories():
    X = np.array([[0.1, nan], [0.2, 1]], dtype=np.float32)
    assert encode(X).dtype == np.float32
    assert encode(pd.DataFrame(X)).dtype == np.float32
    assert_array_equal(encode(X)[:, :2], X)
    assert encode(X, categorical_features=[0]).dtype == np.float64
    mixed = pd.DataFrame(X).assign(wide=[1e300, 2])
    assert encode(mixed).dtype == np.float64


def test_inputs_are_left_as_they_were():
    frame, objects = people(), people().to_numpy()
    for X in (frame, objects):
        before = X.copy()
        encode(X)
        assert pd.DataFrame(X).equals(pd.DataFrame(before))


def test_pickles_and_clones():
    encoder = ColumnEncoder(max_one_hot=2).fit(people())
    again = pickle.loads(pickle.dumps(encoder))
    assert_array_equal(again.transform(people()), encoder.transform(people()))
    assert clone(encoder).get_params() == encoder.get_params()
    assert not hasattr(clone(encoder), "categories_")


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, list])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, object])
def test_infinity_is_named(value, form, dtype, monkeypatch):
    monkeypatch.setattr(containers, "_COLUMNS", 2)
    X = np.ones((4, 5), dtype=dtype)
    X[2, 3] = value
    with pytest.raises(ValueError, match="infinity: in column 3, row 2. Put the largest"):
        encode(form(X))


def test_infinity_is_named_by_the_name_of_its_column():
    frame = people().assign(weight=[1, np.inf, 2, 3])
    with pytest.raises(ValueError, match="infinity: in column 'weight', row 1"):
        encode(frame)


def test_large_numbers_are_not_infinity(monkeypatch):
    monkeypatch.setattr(columns, "_COLUMNS", 2)
    X = np.full((3, 5), 1.7e308)
    assert ColumnEncoder().fit(X).transform(X) is X
    X[0, 4] = nan
    assert_array_equal(encode(X)[:, 5], [1, 0, 0])


DATES = {
    "datetime": pd.to_datetime(["2020-01-01", None]),
    "zone": pd.to_datetime(["2020-01-01", None]).tz_localize("UTC"),
    "timedelta": pd.to_timedelta([1, 2], unit="D"),
    "period": pd.period_range("2020", periods=2, freq="D"),
    "date": [datetime.date(2020, 1, 1), None],
    "periods as objects": np.array([pd.Period("2020"), None], dtype=object),
}


@pytest.mark.parametrize("values", DATES.values(), ids=DATES)
@pytest.mark.parametrize("features", ["from_dtype", None])
def test_dates_are_refused_with_advice(values, features):
    frame = pd.DataFrame({"x": [1, 2], "born": values})
    with pytest.raises(TypeError, match=r"'born' holds dates or times .*the year"):
        encode(frame, categorical_features=features)


def test_dates_of_other_containers_are_refused():
    pl = pytest.importorskip("polars")
    day = datetime.datetime(2020, 1, 1)
    for X in (np.array([["2020-01-01"]], dtype="M8[D]"), [[1, day]], pl.DataFrame({"born": [day]})):
        with pytest.raises(TypeError, match="dates or times"):
            encode(X)


def test_dates_may_be_named_as_categories():
    frame = pd.DataFrame({"day": DATES["datetime"].append(pd.to_datetime(["2021-01-01"]))})
    assert_array_equal(encode(frame, categorical_features=["day"]), [[-1], [0], [1]])


@pytest.mark.parametrize("bad", [{"a": 1}, [1, 2], (1, 2), object()])
@pytest.mark.parametrize("column", [[1.0, 2.0], ["a", "b"]])
def test_other_objects_are_refused(bad, column):
    values = np.array([[v] for v in [*column, None]], dtype=object)
    values[2, 0] = bad
    for X in (values, pd.DataFrame(values)):
        for features in ("from_dtype", None):
            with pytest.raises(TypeError, match="argument must be a string or a real number"):
                encode(X, categorical_features=features)


def test_what_cannot_be_hashed_cannot_be_a_category():
    frame = pd.DataFrame({"x": [{"a": 1}, {"b": 2}]})
    with pytest.raises(TypeError, match="'x' .*argument must be a string or a real number"):
        encode(frame, categorical_features=["x"])


@pytest.mark.parametrize(
    "X",
    [
        np.array([[1 + 1j]]),
        [[1 + 1j, "a"]],
        pd.DataFrame({"z": [1 + 1j]}),
        pd.DataFrame({"z": [1 + 1j, "a"]}),
    ],
)
def test_complex_numbers_are_refused(X):
    with pytest.raises(ValueError, match="Complex data not supported"):
        encode(X)


def test_sparse_input_is_refused():
    with pytest.raises(TypeError, match="(?i)sparse"):
        encode(sparse.csr_array(np.eye(3)))


@pytest.mark.parametrize("X", [np.ones(3), [1, 2], pd.Series([1, 2]), np.ones((2, 2, 2)), 3.0])
def test_tables_have_two_dimensions(X):
    with pytest.raises(ValueError, match="(?i)dim|2D"):
        encode(X)


@pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame])
def test_empty_tables_are_refused(shape, form):
    with pytest.raises(ValueError, match=r"0 (sample|feature)\(s\)"):
        encode(form(np.ones(shape)))


@pytest.mark.parametrize("value", ["clerk", 10**400])
def test_text_among_numbers_is_refused(value):
    encoder = ColumnEncoder().fit(pd.DataFrame({"x": [1, 2]}))
    with pytest.raises(ValueError, match="'x' holds a value that is no number"):
        encoder.transform(pd.DataFrame({"x": [1, value]}, dtype=object))


def test_text_is_refused_where_no_column_is_one_of_categories():
    with pytest.raises(ValueError, match="'sex' .*categorical_features"):
        encode(people(), categorical_features=None)
