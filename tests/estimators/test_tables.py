"""Tables as people have them: numbers, categories, gaps and odd columns, as they come."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as ScikitLearnsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import _get_feature_names

from skmlp import SKLEARN_DEFAULTS, MLPClassifier, MLPRegressor
from skmlp.core.layers import PBLD, PLE, PLR
from skmlp.estimators import _data

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# What is tested here does not hang on the defaults, which are chosen by measurement.
PLAIN = {
    "hidden_layer_sizes": (6,),
    "activation": "relu",
    "solver": "adam",
    "alpha": 0.0,
    "batch_size": 20,
    "learning_rate": "constant",
    "learning_rate_init": 0.01,
    "max_iter": 3,
    "random_state": 0,
    "tol": 0.0,
    "early_stopping": False,
    "validation_fraction": 0.25,
    "validation_split": "auto",
    "n_iter_no_change": np.inf,
    "standardize": "auto",
    "weight_init": "sklearn",
    "dropout": 0.0,
    "normalization": None,
    "l1": 0.0,
    "weight_decay": None,
    "scoring": "loss",
    "dtype": "float64",
    "categorical_features": "from_dtype",
    "max_one_hot": 4,
    "embedding_dim": 2,
    "numeric_embedding": None,
    "input_scaling": False,
    "parametric_activation": False,
    "parametrization": "standard",
    "learning_rate_factors": None,
    "averaging": None,
    "n_estimators": 1,
}
N = 80
CITIES = ["Ulm", "Bonn", "Kiel"]
JOBS = [f"job {i}" for i in range(10)]


def regressor(**settings):
    return MLPRegressor(**{**PLAIN, "clip_output": False, **settings})


def classifier(**settings):
    return MLPClassifier(**{**PLAIN, "calibrate": False, "label_smoothing": 0.0, **settings})


def people(n=N, seed=0):
    """Return a frame with a column of each kind."""
    rng = np.random.default_rng(seed)
    city, job = rng.integers(0, 4, n), rng.integers(0, 10, n)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.2, np.nan, rng.normal(50, 10, n)),
            "income": pd.array(rng.integers(0, 10**6, n), dtype="Int64"),
            "city": pd.Categorical.from_codes(np.where(city == 3, -1, city), CITIES),
            "job": pd.array([JOBS[j] for j in job], dtype="string"),
            "sick": rng.random(n) < 0.5,
            "note": [None if i % 7 == 0 else ["x", "y"][i % 2] for i in range(n)],
            "country": "here",
            "version": 3,
            "nothing": np.nan,
        }
    )
    frame.loc[::9, "income"] = pd.NA
    frame.loc[1::11, "job"] = pd.NA
    return frame


def of_text(frame):
    """Return the columns that read alike in every container, as plain Python objects."""
    columns = ["age", "income", "city", "job", "note", "version"]
    table = frame[columns].astype(object)
    return table.where(table.notna(), None)


def to_polars(frame):
    polars = pytest.importorskip("polars")
    columns = {name: frame[name].astype(object) for name in frame.columns}
    known = {name: column.where(column.notna(), None) for name, column in columns.items()}
    return polars.DataFrame({name: column.tolist() for name, column in known.items()})


CONTAINERS = {
    "pandas": lambda frame: frame,
    "polars": to_polars,
    "object array": lambda frame: frame.to_numpy(dtype=object),
    "lists": lambda frame: frame.to_numpy(dtype=object).tolist(),
}
X = people()
Y = np.where(X["sick"], 3.0, 0.0) + X["city"].cat.codes + 0.01 * X["age"].fillna(100)
LABELS = np.where(X["city"] == "Ulm", "yes", "no")
every_frame = pytest.mark.parametrize(
    "form", [CONTAINERS["pandas"], to_polars], ids=["pandas", "polars"]
)
every_container = pytest.mark.parametrize("form", CONTAINERS.values(), ids=CONTAINERS)
both = pytest.mark.parametrize(("make", "y"), [(regressor, Y), (classifier, LABELS)])


def theta(model):
    return model.networks_.theta.copy()


# -- in and out ------------------------------------------------------------------------


@both
@pytest.mark.parametrize("standardize", ["auto", "robust", True])
@every_frame
def test_a_frame_goes_in_as_it_is(make, y, standardize, form):
    frame = form(X)
    model = make(max_iter=40, standardize=standardize).fit(frame, y)
    assert model.score(frame, y) > 0.9
    assert model.n_features_in_ == 9
    assert model.transform(frame).shape == (N, 6)
    if make is classifier:
        p = model.predict_proba(frame)
        assert_allclose(p.sum(axis=1), 1)
        assert set(model.predict(frame)) == {"no", "yes"}
    else:
        assert np.isfinite(model.predict(frame)).all()


@both
@pytest.mark.parametrize("early_stopping", [True, False])
@every_container
def test_every_container_of_a_mixed_table(make, y, early_stopping, form):
    table = of_text(X)
    plain = make(early_stopping=early_stopping).fit(table, y)
    model = make(early_stopping=early_stopping).fit(form(table), y)
    assert_array_equal(theta(model), theta(plain))
    predict = "predict_proba" if make is classifier else "predict"
    assert_array_equal(getattr(model, predict)(form(table)), getattr(plain, predict)(table))


def test_a_frame_is_left_as_it_was():
    frame = people()
    regressor(early_stopping=True).fit(frame, Y).predict(frame)
    pd.testing.assert_frame_equal(frame, people())


def test_missing_values_of_an_array_are_as_those_of_a_frame():
    numbers = np.random.default_rng(0).normal(size=(N, 3))
    numbers[::5, 1] = np.nan
    model = regressor().fit(numbers, Y)
    frame = pd.DataFrame(numbers, columns=list("abc")).convert_dtypes()
    assert_array_equal(theta(regressor().fit(frame, Y)), theta(model))
    assert_array_equal(theta(regressor().fit(numbers.tolist(), Y)), theta(model))
    assert model.networks_.n_in == 4  # one indicator


def test_gaps_tell():
    gap = np.arange(N) % 3 == 0
    numbers = np.random.default_rng(0).normal(size=(N, 2))
    numbers[gap, 0] = np.nan
    model = classifier(max_iter=60).fit(numbers, gap)
    assert model.score(numbers, gap) == 1


def test_many_categories_are_embedded():
    codes = np.random.default_rng(0).integers(0, 30, 300)
    effect = np.random.default_rng(1).normal(size=30)
    frame = pd.DataFrame({"shop": [f"shop {c}" for c in codes], "x": np.arange(300) % 7})
    model = regressor(max_iter=60, embedding_dim=3, max_one_hot=29).fit(frame, effect[codes])
    roles = {slot.role: slot.shape for slot in model.networks_.layout.slots}
    assert roles["embedding"] == (31, 3)
    assert model.score(frame, effect[codes]) > 0.95
    one_hot = regressor(max_one_hot=30).fit(frame, effect[codes])
    assert one_hot.networks_.n_in == 31
    never = regressor(max_one_hot=None).fit(frame, effect[codes])
    assert_array_equal(theta(never), theta(one_hot))


@pytest.mark.parametrize("settings", [{}, {"numeric_embedding": "pbld"}, {"input_scaling": True}])
def test_large_tables_are_read_lazily(settings, monkeypatch):
    copied = regressor(standardize="robust", **settings).fit(X, Y).predict(X)
    monkeypatch.setattr(_data, "_COPY_BYTES", 0)
    lazy = regressor(standardize="robust", **settings).fit(X, Y)
    assert_allclose(lazy.predict(X), copied, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", ["auto", "float32", None])
@every_container
def test_the_arithmetic_of_a_mixed_table(dtype, form):
    table = form(of_text(X))
    expected = np.float32 if dtype == "float32" else np.float64
    assert regressor(dtype=dtype).fit(table, Y).predict(table).dtype == expected


def test_one_column_is_no_table():
    with pytest.raises(ValueError, match="(?i)expected (a )?2"):
        regressor().fit(X["age"].fillna(0), Y)


def test_huge_numbers_are_no_infinity():
    numbers = np.random.default_rng(0).normal(size=(N, 2))
    numbers[:2] = 1.7e308
    model = regressor(standardize="robust").fit(numbers, Y)
    assert np.isfinite(model.predict(numbers)).all()


# -- scikit-learn's tools --------------------------------------------------------------


@both
def test_in_scikit_learns_tools(make, y):
    pipeline = make_pipeline(FunctionTransformer(), make())
    assert np.isfinite(pipeline.fit(X, y).score(X, y))
    assert np.isfinite(cross_val_score(pipeline, X, y, cv=2)).all()


@pytest.mark.parametrize(
    "grid",
    [
        {"numeric_embedding": [None, "pbld", PLR(n_frequencies=3, dim=2)]},
        {"n_estimators": [1, 2], "averaging": [None, 0.9]},
        {"max_one_hot": [1, None], "standardize": ["robust", True], "input_scaling": [True]},
    ],
)
def test_grids_of_new_parameters(grid):
    search = GridSearchCV(regressor(max_iter=2), grid, cv=2, error_score="raise").fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    assert np.isfinite(search.predict(X)).all()


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), through_joblib])
@pytest.mark.parametrize("settings", [{}, {"numeric_embedding": "ple"}, {"n_estimators": 2}])
def test_a_copy_reads_tables_too(copied, settings):
    model = classifier(**settings).fit(X, LABELS)
    twin = copied(model)
    new = people(seed=1)
    assert_array_equal(twin.predict_proba(new), model.predict_proba(new))
    assert_array_equal(theta(clone(twin).fit(X, LABELS)), theta(model))


def test_a_scorer_sees_the_table_as_it_came():
    seen = []

    def scorer(estimator, frame, y):
        seen.append(frame)
        return estimator.score(frame, y)

    model = classifier(early_stopping=True, scoring=scorer, warm_start=True).fit(X, LABELS)
    held = model._training.split[2]
    pd.testing.assert_frame_equal(seen[0], X.iloc[held])
    assert_allclose(model.best_validation_score_, model.score(X.iloc[held], LABELS[held]))


# -- at predict ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        lambda f: f.assign(city=f["city"].cat.reorder_categories(CITIES[::-1])),
        lambda f: f.assign(city=f["city"].cat.add_categories(["Rome", "Aachen"])),
        lambda f: f.assign(city=f["city"].astype(object), job=f["job"].astype("category")),
        lambda f: f.assign(city=f["city"].astype("string"), note=f["note"].astype("string")),
        lambda f: f.assign(sick=f["sick"].astype("boolean"), age=f["age"].astype("Float64")),
        lambda f: f.assign(income=f["income"].astype(float), version=f["version"].astype("int8")),
        lambda f: f.iloc[::-1].iloc[::-1].set_index(np.arange(N) + 7),
    ],
    ids=["order", "more levels", "object", "string", "nullable", "float", "index"],
)
def test_other_dtypes_of_the_same_content(changed):
    model = regressor().fit(X, Y)
    assert_array_equal(model.predict(changed(X.copy())), model.predict(X))


def test_a_row_is_read_alone_as_among_others():
    model = regressor().fit(X, Y)
    together = model.predict(X)
    alone = [model.predict(X.iloc[[i]])[0] for i in range(10)]
    assert_allclose(alone, together[:10])


@both
def test_what_is_new_at_predict(make, y):
    model = make().fit(X, y)
    missing, unknown = X.copy(), X.copy()
    for name, value in (("city", "Rome"), ("job", "king"), ("note", "z")):
        unknown[name] = value
        missing[name] = pd.Series([None] * N, dtype=object)
    predict = model.predict_proba if make is classifier else model.predict
    assert_array_equal(predict(unknown), predict(missing))
    assert np.isfinite(predict(unknown)).all()
    gaps = X.assign(version=np.nan, sick=pd.array([pd.NA] * N, dtype="boolean"))  # fit saw none
    assert np.isfinite(predict(gaps)).all()
    full = X.assign(age=50.0, income=1, nothing=1e300)
    assert np.isfinite(predict(full)).all()


@every_frame
def test_columns_are_known_by_name(form):
    frame = form(X)
    if _get_feature_names(frame) is None:
        pytest.skip("this scikit-learn does not read the column names of this polars")
    model = regressor().fit(frame, Y)
    assert list(model.feature_names_in_) == list(X.columns)
    backwards = X[X.columns[::-1]]
    for other in (backwards, X.drop(columns="city"), X.rename(columns={"city": "town"})):
        with pytest.raises(ValueError, match="(?i)feature"):
            model.predict(form(other))
    with pytest.raises(ValueError, match="(?i)feature"):
        regressor().fit(frame, Y, X_val=form(backwards), y_val=Y)


def test_columns_of_an_array_are_counted():
    table = of_text(X).to_numpy(dtype=object)
    with pytest.raises(ValueError, match="5 features.*expecting 6"):
        regressor().fit(table, Y).predict(table[:, :5])


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.parametrize("mixed", [True, False])
def test_infinity_is_named(bad, mixed):
    good = X if mixed else pd.DataFrame({"age": np.arange(N) / 7, "size": np.arange(N) % 5})
    frame = good.copy()
    frame.loc[5, "age"] = bad
    for make in (
        lambda: regressor().fit(frame, Y),
        lambda: regressor().fit(good, Y).predict(frame),
        lambda: regressor().fit(good, Y, X_val=frame, y_val=Y),
    ):
        with pytest.raises(ValueError, match="infinity.*'age'"):
            make()


@pytest.mark.parametrize(
    "dates",
    [
        pd.date_range("2020", periods=N),
        pd.timedelta_range("1h", periods=N),
        pd.period_range("2020", periods=N),
        [d.date() for d in pd.date_range("2020", periods=N)],
    ],
    ids=["dates", "spans", "periods", "objects"],
)
def test_dates_are_named(dates):
    with pytest.raises(TypeError, match="'day' holds dates or times.*Derive"):
        regressor().fit(X.assign(day=dates), Y)
    model = regressor().fit(X.assign(day=1.0), Y)
    with pytest.raises(TypeError, match="'day' holds dates or times"):
        model.predict(X.assign(day=dates))


def test_an_array_of_dates_is_refused():
    with pytest.raises(TypeError, match="dates"):
        regressor().fit(np.full((N, 2), np.datetime64("2020-01-01")), Y)


def test_text_among_numbers_is_named():
    model = regressor().fit(X, Y)
    with pytest.raises(ValueError, match="'age' holds a value that is no number"):
        model.predict(X.astype({"age": object}).assign(age="old"))


@pytest.mark.parametrize("settings", [SKLEARN_DEFAULTS, {**PLAIN, "standardize": False}])
def test_who_asks_for_scikit_learns_ways_gets_its_errors(settings):
    numbers = np.where(np.eye(N, 3) == 1, np.nan, 1.0)
    text = np.array([["a", 1.0]] * N, dtype=object)
    for table in (numbers, text, pd.DataFrame(text)):
        with pytest.raises(ValueError) as theirs:
            ScikitLearnsClassifier(max_iter=2).fit(table, LABELS)
        with pytest.raises(ValueError) as ours:
            MLPClassifier(**{**settings, "max_iter": 2}).fit(table, LABELS)
        assert str(ours.value).splitlines()[0] == str(theirs.value).splitlines()[0]


@pytest.mark.parametrize("settings", [{}, {"numeric_embedding": "pbld", "n_estimators": 2}])
def test_sparse_input_still_works(settings):
    table = sparse.random_array((N, 5), density=0.4, random_state=0, format="csr")
    model = regressor(max_iter=30, **settings).fit(table, table.sum(axis=1))
    assert model.score(table, table.sum(axis=1)) > 0.7
    assert_allclose(model.predict(table.toarray()), model.predict(table))
    gap = table.copy()
    gap.data[3] = np.nan
    for make in (lambda: regressor().fit(gap, Y), lambda: model.predict(gap)):
        with pytest.raises(ValueError, match="NaN"):
            make()


def test_dense_and_sparse_rows_do_not_mix_silently():
    table = np.abs(np.random.default_rng(0).normal(size=(N, 3))) + 5
    with pytest.raises(TypeError, match="Sparse"):
        regressor().fit(table, Y).predict(sparse.csr_array(table))


# -- from which rows the scales come ---------------------------------------------------


def scales(model):
    standardizer = model._standardizer
    return standardizer.shift, standardizer.scale


def assert_same_scales(one, other):
    assert_array_equal(scales(one)[0], scales(other)[0])
    assert_array_equal(scales(one)[1], scales(other)[1])
    assert one._encoder.categories_ == other._encoder.categories_
    assert one._encoder.n_binary_ == other._encoder.n_binary_
    assert one._encoder.cardinalities_ == other._encoder.cardinalities_


def spoilt(frame, rows):
    """Return the frame with other categories, extremes and gaps in some rows."""
    frame = frame.astype({"age": float, "city": object, "version": float})
    frame.iloc[rows, frame.columns.get_loc("age")] = 1e6
    frame.iloc[rows, frame.columns.get_loc("city")] = "Atlantis"
    frame.iloc[rows, frame.columns.get_loc("version")] = np.nan
    return frame


@pytest.mark.parametrize("standardize", ["robust", True])
@every_frame
def test_held_out_rows_have_no_part_in_the_scales(standardize, form):
    settings = {"early_stopping": True, "warm_start": True, "standardize": standardize}
    plain = regressor(**settings).fit(form(X), Y)
    _, trained, held = plain._training.split
    assert len(held) == N // 4
    y = np.array(Y)
    y[held] += 1e6
    model = regressor(**settings).fit(form(spoilt(X, held)), y)
    assert_array_equal(model._training.split[2], held)
    assert_same_scales(model, plain)
    assert_array_equal((model._shift, model._scale), (plain._shift, plain._scale))
    other = regressor(**settings).fit(form(spoilt(X, trained[:5])), Y)
    assert "Atlantis" in other._encoder.categories_["city"]
    assert other._encoder.n_binary_ > plain._encoder.n_binary_


def test_watched_rows_of_ones_own_have_no_part_in_the_scales():
    model = classifier().fit(X, LABELS, X_val=spoilt(X, slice(0, 40)), y_val=LABELS)
    assert_same_scales(model, classifier().fit(X, LABELS))
    assert np.isfinite([row["validation_loss"] for row in model.history_]).all()


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("standardize", ["robust", True])
def test_rows_without_weight_do_not_count(standardize, early_stopping):
    w = np.where(np.arange(N) < 20, 0.0, 1.0)
    settings = {"standardize": standardize, "early_stopping": early_stopping}
    model = regressor(**settings).fit(spoilt(X, slice(0, 20)), Y, sample_weight=w)
    plain = regressor(**settings).fit(X.iloc[20:], Y[20:])
    assert_same_scales(model, plain)
    assert_allclose(theta(model), theta(plain))


@pytest.mark.parametrize("standardize", ["robust", True])
def test_a_weight_is_so_many_repetitions(standardize):
    w = np.arange(N) % 3
    rows = np.repeat(np.arange(N), w)
    weighted = regressor(standardize=standardize).fit(X, Y, sample_weight=w)
    repeated = regressor(standardize=standardize).fit(X.iloc[rows], Y.iloc[rows])
    for one, other in zip(scales(weighted), scales(repeated), strict=True):
        assert_allclose(one, other, rtol=1e-9)
    assert_allclose(
        (weighted._shift, weighted._scale), (repeated._shift, repeated._scale), rtol=1e-9
    )


@pytest.mark.parametrize("goes_on", ["partial_fit", "fit"])
def test_the_encoder_of_the_first_call_stays(goes_on):
    model = regressor(warm_start=True)
    getattr(model, goes_on)(X, Y)
    encoder, standardizer, before = model._encoder, model._standardizer, theta(model)
    getattr(model, goes_on)(spoilt(X, slice(0, 30)), Y)
    assert model._encoder is encoder
    assert model._standardizer is standardizer
    assert theta(model).shape == before.shape
    assert not np.array_equal(theta(model), before)
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        getattr(one, goes_on)(X.iloc[:40], Y[:40])
    assert_array_equal(theta(twin), theta(model))


# -- which columns are categories ------------------------------------------------------

CODED = pd.DataFrame({"x": np.linspace(-1, 1, N), "k": np.arange(N) % 3, "m": np.arange(N) % 7})


@pytest.mark.parametrize(
    "features",
    [["k", "m"], np.array(["m", "k"]), [1, 2], np.array([2, 1]), [False, True, True]],
    ids=["names", "array of names", "positions", "array", "mask"],
)
@pytest.mark.parametrize("dtype", ["float64", "Float64"])
def test_categories_may_be_pointed_out(features, dtype):
    frame = CODED.astype({"x": dtype})
    model = regressor(categorical_features=features).fit(frame, CODED["k"] ** 2)
    assert [len(levels) for levels in model._encoder.categories_.values()] == [3, 7]
    assert model._encoder.n_binary_ == 3
    assert model._encoder.cardinalities_ == (8,)
    assert np.isfinite(model.predict(frame.assign(k=99))).all()


def test_categories_of_an_array_may_be_pointed_out():
    table = CODED.to_numpy()
    by_position = regressor(categorical_features=[1]).fit(table, Y)
    by_mask = regressor(categorical_features=[False, True, False]).fit(table, Y)
    assert by_position._encoder.categories_ == {1: [0.0, 1.0, 2.0]}
    assert_array_equal(theta(by_mask), theta(by_position))


def test_no_column_may_be_one_of_categories():
    model = regressor(categorical_features=None).fit(CODED.assign(b=np.arange(N) % 2 == 0), Y)
    assert model._encoder.categories_ == {}
    with pytest.raises(ValueError, match="'city' holds a value that is no number"):
        regressor(categorical_features=None).fit(X, Y)


@pytest.mark.parametrize(
    ("features", "message"),
    [(["citty"], "Did you mean 'city'"), ([9], "0 to 8"), ([True], "9 columns")],
)
def test_columns_that_are_not_there(features, message):
    with pytest.raises(ValueError, match=message):
        regressor(categorical_features=features).fit(X, Y)


@pytest.mark.parametrize("kind", ["array", "frame"])
def test_wide_tables_get_no_indicators(kind):
    numbers = np.random.default_rng(0).normal(size=(12, 40))
    numbers[3, ::2] = np.nan
    table = pd.DataFrame(numbers).convert_dtypes() if kind == "frame" else numbers
    if kind == "frame":
        table.columns = [f"g{j}" for j in range(40)]
    wide, narrow = table, (table.iloc[:, :6] if kind == "frame" else table[:, :6])
    assert regressor().fit(wide, Y[:12]).networks_.n_in == 40
    assert regressor().fit(narrow, Y[:12]).networks_.n_in == 9


# -- columns that tell nothing ---------------------------------------------------------

ODD = {
    "categories alone": X[["city", "job", "sick"]],
    "embedded categories alone": X[["job"]],
    "constant number": X[["version", "age"]],
    "constant numbers alone": X[["version"]],
    "constant category alone": X[["country"]],
    "nothing at all": X[["nothing"]],
}


@pytest.mark.parametrize("table", ODD.values(), ids=ODD)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"standardize": True},
        {"numeric_embedding": "pbld", "input_scaling": True},
        {"numeric_embedding": "plr"},
        {"numeric_embedding": "ple"},
        {"parametrization": "ntk", "weight_init": "data", "n_estimators": 2},
        {"solver": "lbfgs"},
    ],
    ids=["plain", "standard", "pbld", "plr", "ple", "ntk", "lbfgs"],
)
def test_odd_tables(table, settings):
    model = regressor(**{"max_iter": 2, **settings}).fit(table, Y)
    assert np.isfinite(model.predict(table)).all()
    twin = pickle.loads(pickle.dumps(model))
    assert_array_equal(twin.predict(table), model.predict(table))


# -- embeddings of numbers -------------------------------------------------------------

EMBEDDINGS = {
    "pbld": ("pbld", 4),
    "plr": ("plr", 24),
    "ple": ("ple", 16),
    "PBLD": (PBLD(sigma=0.5, n_frequencies=5, dim=3), 3),
    "PLR": (PLR(sigma=0.5, n_frequencies=5, dim=6), 6),
}
every_embedding = pytest.mark.parametrize(("embedding", "dim"), EMBEDDINGS.values(), ids=EMBEDDINGS)


@every_embedding
def test_numbers_are_embedded_and_categories_are_not(embedding, dim):
    model = regressor(numeric_embedding=embedding).fit(X, Y)
    first_weights = next(s for s in model.networks_.layout.slots if s.role == "weight")
    encoder = model._encoder
    n_coded = len(encoder.cardinalities_)
    assert encoder.n_numeric_ == 4
    assert first_weights.shape[0] == 4 * dim + encoder.n_binary_ + 2 * n_coded
    twin = pickle.loads(pickle.dumps(model))
    new = people(seed=2)
    assert_array_equal(twin.predict(new), model.predict(new))
    assert_array_equal(theta(clone(model).fit(X, Y)), theta(model))


@every_embedding
def test_embedded_numbers_bend(embedding, dim):
    """Without hidden layer, it is the embedding that has to."""
    numbers = np.random.default_rng(0).uniform(-2, 2, size=(150, 2))
    y = numbers[:, 0] ** 2
    settings = {
        "hidden_layer_sizes": (),
        "learning_rate_init": 0.02,
        "max_iter": 80,
        "learning_rate_factors": {"embedding_numeric": 5.0},
    }
    assert regressor(**settings).fit(numbers, y).score(numbers, y) < 0.2
    model = regressor(numeric_embedding=embedding, **settings).fit(numbers, y)
    assert model.score(numbers, y) > 0.6


@pytest.mark.parametrize(
    "layer", [PBLD(n_frequencies=3), PLE([np.array([-1.0, 0.0, 1.0])] * 3, dim=2)]
)
def test_a_layer_may_serve_several_estimators(layer):
    numbers = np.random.default_rng(0).normal(size=(N, 3))
    written, content = repr(layer), pickle.dumps(layer)
    one = regressor(numeric_embedding=layer, warm_start=True).fit(numbers, Y)
    expected, after = one.predict(numbers), clone(one).fit(numbers, Y).fit(numbers, Y)
    other = regressor(numeric_embedding=layer, n_estimators=2, random_state=1)
    other.fit(numbers, -Y)
    assert_array_equal(one.predict(numbers), expected)
    assert_array_equal(theta(one.fit(numbers, Y)), theta(after))
    assert (repr(layer), pickle.dumps(layer)) == (written, content)
    assert one.numeric_embedding is layer


def test_edges_for_other_columns_are_refused():
    with pytest.raises(ValueError, match="edges.* 3"):
        regressor(numeric_embedding=PLE([np.array([0.0, 1.0])])).fit(CODED, Y)


def test_edges_are_those_of_the_training_rows():
    settings = {"numeric_embedding": "ple", "early_stopping": True, "warm_start": True}
    numbers = np.random.default_rng(0).normal(size=(N, 2))

    def edges(model):
        return model.networks_.chain.layers[0].numeric.edges

    plain = regressor(**settings).fit(numbers, Y)
    far = numbers.copy()
    far[plain._training.split[2]] = 1e3
    for one, other in zip(edges(regressor(**settings).fit(far, Y)), edges(plain), strict=True):
        assert_array_equal(one, other)
