"""The transformer of mixed tables, in pipelines and on real tables."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp.preprocessing import TableEncoder

nan = np.nan
SCALINGS = ["robust", "standard", None]
ENCODERS = [
    TableEncoder(),
    TableEncoder(scaling="standard"),
    TableEncoder(scaling=None, indicators=False),
    TableEncoder(max_one_hot=2, categorical_features=[0]),
]


def every_check(encoders):
    # scikit-learn 1.7 parametrises with a generator, of which pytest 9.1 warns.
    mark = parametrize_with_checks(encoders)
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs)


@every_check(ENCODERS)
def test_scikit_learns_check(estimator, check):
    check(estimator)


@pytest.fixture
def messy(rng):
    n = 80
    frame = pd.DataFrame(
        {
            "income": rng.lognormal(10, 2, n),
            "age": pd.array(rng.integers(18, 90, n), dtype="Int64"),
            "job": pd.Categorical(rng.choice(["clerk", "smith", "baker"], n)),
            "sex": rng.choice(["female", "male"], n),
            "smoker": pd.array(rng.random(n) < 0.3, dtype="boolean"),
            "constant": 7,
            "empty": nan,
        }
    )
    for name in ("income", "age", "job", "sex", "smoker"):
        frame.loc[rng.random(n) < 0.15, name] = None
    return frame


NAMES = ["income", "age", "constant", "empty", "income_missing", "age_missing", "empty_missing"]
NAMES += ["job_baker", "job_clerk", "job_smith", "sex_male", "smoker_True"]


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_messy_frame(messy, scaling):
    encoder = TableEncoder(scaling=scaling)
    out = encoder.fit_transform(messy)
    assert out.shape == (80, 12)
    assert np.isfinite(out).all()
    assert encoder.get_feature_names_out().tolist() == NAMES
    assert encoder.n_features_in_ == 7
    assert list(encoder.feature_names_in_) == list(messy)


def test_robust_scaling_and_clipping(messy):
    income = messy["income"].to_numpy()
    q25, q50, q75 = np.nanquantile(income, [0.25, 0.5, 0.75], method="inverted_cdf")
    z = np.nan_to_num((income - q50) / (q75 - q25))
    out = TableEncoder().fit_transform(messy)
    assert_allclose(out[:, 0], z / np.sqrt(1 + (z / 3) ** 2), atol=1e-12)
    assert np.abs(out).max() < 3


def test_standard_scaling(messy):
    out = TableEncoder(scaling="standard").fit_transform(messy)
    known = messy["income"].notna()
    assert_allclose(out[known, 0].mean(), 0, atol=1e-12)
    assert_allclose(out[known, 0].std(), 1)
    assert_array_equal(out[~known, 0], 0)
    assert_allclose(out[:, 4:].std(axis=0)[[0, 1, 3, 4, 5, 6, 7]], 1)


def test_without_scaling_gaps_hold_the_median():
    X = np.array([[1.0, nan], [2.0, 5.0], [9.0, nan], [nan, 5.0]])
    out = TableEncoder(scaling=None).fit_transform(X)
    assert_array_equal(out, [[1, 5, 0, 1], [2, 5, 0, 0], [9, 5, 0, 1], [2, 5, 1, 0]])
    weighted = TableEncoder(scaling=None, indicators=False).fit(X, sample_weight=[1, 1, 5, 1])
    assert_array_equal(weighted.transform(X)[3], [9, 5])


@pytest.mark.parametrize("scaling", SCALINGS)
def test_codes_are_not_scaled(messy, scaling):
    encoder = TableEncoder(scaling=scaling, max_one_hot=2).fit(messy)
    codes = messy["job"].map({"baker": 1, "clerk": 2, "smith": 3}).astype(float).fillna(0)
    assert_array_equal(encoder.transform(messy)[:, -1], codes)
    assert encoder.get_feature_names_out()[-1] == "job_code"
    many = pd.DataFrame({"name": [f"{i:03}" for i in range(200)]})
    out = TableEncoder(scaling=scaling, max_one_hot=2).fit_transform(many)
    assert_array_equal(out[:, 0], 1 + np.arange(200))


@pytest.mark.parametrize("scaling", SCALINGS)
def test_weights_are_repetitions(messy, rng, scaling):
    k = rng.integers(0, 4, 80)
    k[messy["job"] == "smith"] = 0  # a category on rows that count for nothing
    weighted = TableEncoder(scaling=scaling).fit(messy, sample_weight=k)
    repeated = TableEncoder(scaling=scaling).fit(messy.loc[np.repeat(np.arange(80), k)])
    assert weighted.encoder_.categories_ == repeated.encoder_.categories_
    assert weighted.encoder_.categories_["job"] == ["baker", "clerk"]
    if scaling == "standard":
        assert_allclose(weighted.transform(messy), repeated.transform(messy))
    else:
        assert_array_equal(weighted.transform(messy), repeated.transform(messy))


@pytest.mark.parametrize("w", [np.zeros(80), -np.ones(80), np.ones(79), np.full(80, nan)])
def test_impossible_weights_are_refused(messy, w):
    with pytest.raises(ValueError, match="(?i)weight"):
        TableEncoder().fit(messy, sample_weight=w)


def test_unknown_categories_are_as_missing(messy):
    encoder = TableEncoder().fit(messy)
    unknown, missing = messy[:1].astype(object), messy[:1].astype(object)
    unknown[["job", "sex"]], missing[["job", "sex"]] = "other", None
    assert_array_equal(encoder.transform(unknown), encoder.transform(missing))
    assert not np.array_equal(encoder.transform(unknown), encoder.transform(messy[:1]))


def test_polars_is_as_pandas(messy):
    pl = pytest.importorskip("polars")
    columns = messy.astype(object).where(messy.notna(), None)
    frame = pl.DataFrame({name: columns[name].tolist() for name in columns})
    assert_array_equal(TableEncoder().fit_transform(frame), TableEncoder().fit_transform(messy))


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_frames_come_out_on_request(messy, output):
    module = pytest.importorskip(output)
    out = TableEncoder().set_output(transform=output).fit_transform(messy)
    assert isinstance(out, module.DataFrame)
    assert list(out.columns) == NAMES


def test_names_of_columns_are_checked(messy):
    encoder = TableEncoder().fit(messy)
    with pytest.raises(ValueError, match="(?i)feature names"):
        encoder.transform(messy[list(messy)[::-1]])
    with pytest.raises(ValueError, match="(?i)feature names"):
        encoder.transform(messy.drop(columns="age"))
    with pytest.raises(ValueError, match="expecting 2 features"):
        TableEncoder().fit(np.eye(2)).transform(np.eye(3))


def test_names_of_an_array_may_be_given():
    encoder = TableEncoder().fit(np.array([[1.0, "a"], [nan, "b"]], dtype=object))
    assert list(encoder.get_feature_names_out()) == ["x0", "x0_missing", "x1_b"]
    assert list(encoder.get_feature_names_out(["age", "sex"])) == ["age", "age_missing", "sex_b"]


@pytest.mark.parametrize("scaling", SCALINGS)
def test_float32_stays(rng, scaling):
    X = rng.normal(size=(20, 3)).astype(np.float32)
    X[3, 1] = nan
    assert TableEncoder(scaling=scaling).fit_transform(X).dtype == np.float32


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("gap", [False, True])
def test_inputs_are_left_as_they_were(rng, scaling, gap):
    X = rng.normal(size=(20, 3))
    X[3, 1] = nan if gap else 0
    before = X.copy()
    out = TableEncoder(scaling=scaling).fit_transform(X)
    out[:] = 0
    assert_array_equal(X, before)


def test_pickles_and_clones(messy):
    encoder = TableEncoder(max_one_hot=2).fit(messy)
    again = pickle.loads(pickle.dumps(encoder))
    assert_array_equal(again.transform(messy), encoder.transform(messy))
    with pytest.raises(NotFittedError):
        clone(encoder).transform(messy)


def test_in_a_pipeline(messy):
    y = messy["sex"].fillna("male") == "male"
    model = make_pipeline(TableEncoder(), LogisticRegression()).fit(messy, y)
    assert model.score(messy, y) > 0.95


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (pd.DataFrame({"x": [1, np.inf]}), ValueError, "infinity: in column 'x', row 1"),
        (pd.DataFrame({"x": pd.to_datetime(["2020-01-01"])}), TypeError, "'x' holds dates"),
        (np.array([[1j]]), ValueError, "Complex data not supported"),
        ([[{"a": 1}]], TypeError, "argument must be a string or a real number"),
        (sparse.csr_array(np.eye(2)), TypeError, "(?i)sparse"),
    ],
)
def test_what_cannot_be_read_is_named(X, error, message):
    with pytest.raises(error, match=message):
        TableEncoder().fit(X)


@pytest.mark.parametrize(
    "settings", [{"scaling": "minmax"}, {"max_one_hot": -1}, {"categorical_features": "auto"}]
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        TableEncoder(**settings).fit(np.eye(2))


@pytest.mark.parametrize("number", range(35))
def test_real_tables(shared_data, number):
    about = json.loads(shared_data("tabular/manifest.json").read_text())[number]
    frame = pd.read_csv(shared_data(about["file"]))
    X, half = frame.iloc[:, :-1], len(frame) // 2
    encoder = TableEncoder().fit(X[:half])
    out = encoder.transform(X)
    assert out.shape == (len(X), len(encoder.get_feature_names_out()))
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 3
    text = X.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in X.dtypes]]
    assert list(encoder.encoder_.categories_) == list(text)
    coded = TableEncoder(max_one_hot=8, scaling=None).fit_transform(X)
    assert coded.shape[1] <= X.shape[1] * 8
    assert np.isfinite(coded).all()


def test_polars_without_a_number():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"s": ["a", "b", "a"]})
    assert TableEncoder().fit_transform(frame).shape == (3, 1)
