"""Whatever holds the numbers, the network is the same."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _get_feature_names, check_array

from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators import _data
from skmlp.estimators._checks import is_clean, kind_of_target, positions
from tests.pairs import every_pair

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, LABELS = make_classification(90, 6, random_state=0)
Y = X[:, 0] + 0.1 * X[:, 1]
NAMES = list("abcdef")


SMALL = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}


def regressor(**settings):
    return MLPRegressor(**{**SMALL, **settings})


def classifier(**settings):
    return MLPClassifier(**{**SMALL, **settings})


def read_only_map(path):
    np.save(path / "X.npy", X)
    return np.load(path / "X.npy", mmap_mode="r")


CONTAINERS = {
    "lists": lambda _: X.tolist(),
    "pandas": lambda _: pd.DataFrame(X, columns=NAMES),
    "polars": lambda _: pl.DataFrame(X, schema=NAMES),
    "objects": lambda _: X.astype(object),
    "Fortran order": lambda _: np.asfortranarray(X),
    "every other column": lambda _: np.repeat(X, 2, axis=1)[:, ::2],
    "memory map": read_only_map,
}


def lies_by_columns(table):
    return hasattr(table, "columns") or getattr(table, "strides", (1,))[0] == X.itemsize


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("standardize", [True, False])
def test_every_container_gives_the_same_network(container, standardize, tmp_path):
    settings = {"standardize": standardize, "early_stopping": True}
    held = container(tmp_path)
    model = regressor(**settings).fit(held, Y)
    plain = regressor(**settings).fit(X, Y)
    # columns that lie in one piece are summed up in another order
    rounding = {"rtol": 1e-6} if lies_by_columns(held) else {"rtol": 0.0}
    assert_allclose(model.networks_.theta, plain.networks_.theta, **rounding)
    assert_allclose(model.predict(held), plain.predict(X), **rounding)


@pytest.mark.parametrize("target", [list, pd.Series, pl.Series])
def test_every_container_of_y(target):
    for y in (Y, LABELS, np.where(LABELS, "yes", "no")):
        make = regressor if y is Y else classifier
        w = np.arange(90.0)
        model = make().fit(X, target(y.tolist()), sample_weight=target(w.tolist()))
        assert_array_equal(model.predict(X), make().fit(X, y, sample_weight=w).predict(X))


def test_categories_may_be_classes():
    y = pd.Series(np.where(LABELS, "yes", "no"))
    for dtype in ("category", "string", "object", "str"):
        model = classifier().fit(X, y.astype(dtype))
        assert list(model.classes_) == ["no", "yes"]
        assert set(model.predict(X)) <= {"no", "yes"}


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16, np.float16])
def test_other_numbers_are_read_as_float64(dtype):
    table = (10 * np.abs(X)).astype(dtype)
    model, plain = regressor().fit(table, Y), regressor().fit(table.astype(float), Y)
    assert_array_equal(model.networks_.theta, plain.networks_.theta)
    assert model.predict(table).dtype == np.float64


@pytest.mark.parametrize(
    ("setting", "given", "arithmetic"),
    [
        ("auto", np.float32, np.float64),  # so few values cost nothing
        ("auto", np.float64, np.float64),
        ("float32", np.float64, np.float32),
        ("float64", np.float32, np.float64),
        (np.float32, np.float64, np.float32),
        (None, np.float32, np.float32),
        (None, np.float64, np.float64),
    ],
)
def test_the_arithmetic_is_as_asked_for(setting, given, arithmetic):
    for make, y in ((classifier, LABELS), (regressor, Y)):
        settings = {"dtype": setting, "early_stopping": True, "n_estimators": 1}
        model = make(**settings).fit(X.astype(given), y)
        assert model.networks_.dtype == arithmetic
        assert all(w.dtype == arithmetic for w in model.coefs_ + model.intercepts_)
        assert model.transform(X.astype(given)).dtype == arithmetic
        if make is regressor:
            assert model.predict(X.astype(given)).dtype == arithmetic
        else:
            assert model.predict_proba(X.astype(given)).dtype == arithmetic


def test_large_tables_are_trained_in_float32():
    table = np.random.default_rng(0).normal(size=(200, 600))
    model = regressor(max_iter=1).fit(table, table[:, 0])
    assert model.networks_.dtype == np.float32
    assert model.predict(table).dtype == np.float32


@pytest.mark.parametrize("dtype", [int, "complex64", bool])
def test_arithmetic_that_no_network_can_do_is_refused(dtype):
    with pytest.raises(ValueError, match="dtype"):
        regressor(dtype=dtype).fit(X, Y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "form", [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix]
)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_sparse_input_is_read_like_dense(form, solver, early_stopping):
    table = np.where(np.abs(X) > 0.7, X, 0)
    settings = {"standardize": False, "solver": solver, "early_stopping": early_stopping}
    settings["input_scaling"] = False  # sparse input has none
    dense, model = regressor(**settings).fit(table, Y), regressor(**settings).fit(form(table), Y)
    assert_allclose(model.predict(form(table)), dense.predict(table), rtol=1e-6)
    assert_allclose(model.predict(table), dense.predict(table), rtol=1e-6)


def test_sparse_input_is_scaled_but_stays_sparse():
    table = np.where(np.abs(X) > 0.7, X, 0)
    scaled = table / table.std(axis=0)
    given = sparse.csr_array(table)
    before = given.copy()
    model = regressor().fit(given, Y)
    # the target is scaled in both
    settings = {"standardize": False, "input_scaling": False}
    plain = regressor(**settings).fit(scaled, (Y - Y.mean()) / Y.std())
    assert_allclose(model.predict(given), plain.predict(scaled) * Y.std() + Y.mean(), rtol=1e-6)
    assert (given != before).nnz == 0


def test_sparse_weights_of_zero_are_no_rows():
    table, w = sparse.random(90, 6, 0.4, random_state=0, format="csr"), np.arange(90) % 2
    weighted = regressor().fit(table, Y, sample_weight=w)
    removed = regressor().fit(table[w > 0], Y[w > 0])
    assert_allclose(weighted.predict(table), removed.predict(table))


# -- tables too large to copy ----------------------------------------------------------


@pytest.fixture
def no_copies(monkeypatch):
    """Read every table lazily."""

    def switch():
        monkeypatch.setattr(_data, "_COPY_BYTES", 0)

    return switch


@pytest.mark.parametrize("solver", ["adam", "sgd", "rprop", "lbfgs"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tables_too_large_to_copy_give_the_same_network(no_copies, solver, standardize, dtype):
    settings = {"solver": solver, "standardize": standardize, "dtype": dtype, "batch_size": 20}
    table = (X + 3).astype(dtype)
    copied = regressor(**settings).fit(table, Y)
    expected = copied.predict(table), copied.transform(table)
    no_copies()
    lazy = regressor(**settings).fit(table, Y)
    tolerance = 1e-9 if dtype == "float64" else 2e-3
    assert_allclose(lazy.predict(table), expected[0], rtol=tolerance, atol=tolerance)
    assert_allclose(lazy.transform(table), expected[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("settings", [{"early_stopping": True}, {"shuffle": False}, {"l1": 0.1}])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_of_large_tables_are_chosen_alike(no_copies, settings, order):
    w = np.arange(90) % 3
    table = np.asarray(X, order=order)
    copied = classifier(**settings).fit(table, LABELS, sample_weight=w).predict_proba(X)
    no_copies()
    lazy = classifier(**settings).fit(table, LABELS, sample_weight=w)
    assert_allclose(lazy.predict_proba(table), copied)


def test_a_memory_map_is_read_lazily(no_copies, tmp_path):
    expected = regressor().fit(X, Y).predict(X)
    no_copies()
    assert_allclose(regressor().fit(read_only_map(tmp_path), Y).predict(X), expected)


# -- names -----------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [pd.DataFrame(X, columns=NAMES), pl.DataFrame(X, schema=NAMES)])
def test_names_of_columns_are_checked(frame):
    if _get_feature_names(frame) is None:
        pytest.skip("this scikit-learn does not read the column names of this polars")
    model = regressor().fit(frame, Y, X_val=frame[:20], y_val=Y[:20])
    assert list(model.feature_names_in_) == NAMES
    assert model.n_features_in_ == 6
    with pytest.raises(ValueError, match="(?i)feature names"):
        model.predict(frame[NAMES[::-1]])
    with pytest.raises(ValueError, match="(?i)feature names"):
        regressor().fit(frame, Y, X_val=frame[NAMES[::-1]], y_val=Y)
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X)


@pytest.mark.parametrize("scoring", ["r2", None, "loss"])
def test_scoring_on_held_out_rows_does_not_warn_of_names(scoring):
    frame = pd.DataFrame(X, columns=NAMES)
    regressor(early_stopping=True, scoring=scoring).fit(frame, Y)


@pytest.mark.parametrize(("output", "module"), [("pandas", pd), ("polars", pl)])
def test_hidden_units_come_as_a_frame_on_request(output, module):
    model = regressor(hidden_layer_sizes=(5, 3), n_estimators=1).fit(X, Y)
    model.set_output(transform=output)
    hidden = model.transform(X)
    assert isinstance(hidden, module.DataFrame)
    assert list(hidden.columns) == ["mlpregressor0", "mlpregressor1", "mlpregressor2"]
    assert model.transform(X, layer=1).shape == (90, 3)
    with pytest.raises(ValueError, match="set_output"):  # the names are those of the last layer
        model.transform(X, layer=0)


# -- messy tables ----------------------------------------------------------------------

MESSY = {
    "a constant column": np.column_stack([X, np.full(90, 1e9)]),
    "all constant": np.ones((90, 3)),
    "one feature": X[:, :1],
    "one row": X[:1],
    "two rows": X[:2],
    "duplicate rows": np.tile(X[:3], (30, 1)),
    "far from 0": X + 1e8,
    "tiny and huge": X * [1e-100, 1e100, 1e-10, 1e10, 1, 1],
}


@pytest.mark.parametrize(
    ("name", "solver", "normalization"),
    every_pair([*MESSY], ["adam", "lbfgs"], [None, "batch", "layer"]),
)
def test_messy_tables_are_fitted(name, solver, normalization):
    table = MESSY[name]
    settings = {"solver": solver, "normalization": normalization, "dtype": "float64"}
    model = regressor(**settings).fit(table, Y[: len(table)])
    assert np.isfinite(model.predict(table)).all()
    model = classifier(**settings).fit(table, LABELS[: len(table)])
    assert np.isfinite(model.predict_proba(table)).all()


@pytest.mark.parametrize("settings", [{}, {"standardize": False}, {"conventions": "sklearn"}])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_named(bad, settings):
    table, y = X.copy(), Y.copy()
    table[3, 2] = y[5] = bad
    name = "NaN" if np.isnan(bad) else "infinity"
    with pytest.raises(ValueError, match=f"contains {name}"):
        regressor(**settings).fit(X, y)
    if np.isnan(bad) and not settings:  # a missing value, which is imputed
        model = regressor(**settings).fit(table, Y, X_val=table, y_val=Y)
        assert np.isfinite(model.predict(table)).all()
        return
    with pytest.raises(ValueError, match=f"contains {name}"):
        regressor(**settings).fit(table, Y)
    with pytest.raises(ValueError, match=f"contains {name}"):
        regressor(**settings).fit(X, Y, X_val=table, y_val=Y)
    with pytest.raises(ValueError, match=f"contains {name}"):
        regressor(**settings).fit(X, Y).predict(table)


TEXTS = np.where(LABELS, "a", "b").astype(object)
WITHOUT_SOME = {
    "texts": lambda y: pd.Series(y),
    "objects": lambda y: y,
    "a list": list,
    "categories": lambda y: pd.Series(y, dtype="category"),
    "whole numbers": lambda y: pd.Series([None if v is None else len(v) for v in y], dtype="Int64"),
    "several columns": lambda y: pd.DataFrame({"one": TEXTS, "two": y}),
}


@pytest.mark.parametrize("form", WITHOUT_SOME)
def test_a_target_with_gaps_is_told_where_they_are(form):
    y = TEXTS.copy()
    y[[5, 70]] = None
    for model in (classifier(), regressor()):
        with pytest.raises(ValueError, match=r"Input y contains NaN: 2 of .* the first in row 5"):
            model.fit(X, WITHOUT_SOME[form](y))


@pytest.mark.parametrize("w", [np.zeros(90), -np.ones(90), np.ones(89), np.full(90, np.nan)])
def test_impossible_weights_are_refused(w):
    with pytest.raises(ValueError, match="(?i)weight"):
        regressor().fit(X, Y, sample_weight=w)


def test_inputs_are_left_as_they_were():
    table, y, w = X.copy(), Y.copy(), np.arange(90.0)
    for array in (table, y, w):
        array.flags.writeable = False
    for settings in ({}, {"standardize": False}, {"solver": "lbfgs"}, {"early_stopping": True}):
        regressor(**settings).fit(table, y, sample_weight=w).predict(table)


# -- routing ---------------------------------------------------------------------------


def test_a_pipeline_transforms_the_validation_set():
    frame = 1000 * X + 5
    with config_context(enable_metadata_routing=True):
        model = classifier(standardize=False)
        model.set_fit_request(X_val=True, y_val=True, sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        pipeline[0].set_fit_request(sample_weight=False)
        pipeline.fit(
            frame[30:], LABELS[30:], X_val=frame[:30], y_val=LABELS[:30], sample_weight=np.ones(60)
        )
    scaler = StandardScaler().fit(frame[30:])
    alone = classifier(standardize=False).fit(
        scaler.transform(frame[30:]),
        LABELS[30:],
        X_val=scaler.transform(frame[:30]),
        y_val=LABELS[:30],
    )
    assert_allclose(pipeline[-1].validation_scores_, alone.validation_scores_)


@pytest.mark.parametrize("scoring", ["accuracy", None, "loss"])
def test_weights_reach_the_score_with_routing_too(scoring):
    w = 1.0 + np.arange(90)
    settings = {"early_stopping": True, "scoring": scoring}
    plain = classifier(**settings).fit(X, LABELS, sample_weight=w)
    with config_context(enable_metadata_routing=True):
        routed = classifier(**settings).fit(X, LABELS, sample_weight=w)
    assert_allclose(routed.validation_scores_, plain.validation_scores_)


BIG = np.float32(3e38)
ARRAYS = {
    "float64": np.array([[1.0, -2.0]]),
    "float32, columns first": np.asfortranarray(np.ones((3, 2), np.float32)),
    "every other row": np.ones((6, 2))[::2],
    "a sum that overflows": np.array([[BIG, BIG]]),
    "integers": np.array([[1, 2]]),
    "float16": np.ones((2, 2), np.float16),
    "a gap": np.array([[1.0, np.nan]]),
    "infinity": np.array([[np.inf, 1.0]]),
    "infinities": np.array([[np.inf, -np.inf]]),
    "objects": np.array([[1, 2]], dtype=object),
    "no row": np.ones((0, 2)),
    "no column": np.ones((2, 0)),
    "one dimension": np.ones(3),
    "a matrix": np.matrix([[1.0]]),
    "the other end first": np.ones((2, 2), ">f8"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_clean_passes_scikit_learns_check_unchanged(name):
    X = ARRAYS[name]
    quick = is_clean(X, ndim=2)
    assert quick == (name in ("float64", "float32, columns first", "every other row"))
    if quick:
        assert check_array(X, dtype=(np.float64, np.float32)) is X


@pytest.mark.parametrize(
    "y",
    [
        [0, 1] * 3,
        [1, 2, 3] * 2,
        [True, False] * 2,
        [0, 1, 2],
        [5] * 4,
        [[0], [1]] * 2,
        list("abab"),
    ],
)
@pytest.mark.filterwarnings("ignore:The number of unique classes:UserWarning")
def test_the_kind_of_a_target_is_scikit_learns(y):
    y = np.array(y)
    assert kind_of_target(y) == type_of_target(y)


@pytest.mark.parametrize(
    ("values", "known"),
    [
        ([0, 2, 2, 5], [0, 2, 5]),
        ([0, 3], [0, 2, 5]),
        ([-1, 0], [0, 2]),
        ([0, 9], [0, 2]),
        (["b", "a"], ["a", "b"]),
        (["c", "a"], ["a", "b"]),
        (["a"], ["a", "bb"]),
        (["a", "b"], [0, 1]),
        ([True, False], [0, 1]),
        (np.array(["a", "b"], object), np.array(["a", "b"], object)),
        (np.array(["a", "b"], object), [0, 1]),
    ],
)
def test_positions_of_values(values, known):
    values, known = np.array(values), np.array(known)
    expected = np.searchsorted(known, values) if np.isin(values, known).all() else None
    np.testing.assert_array_equal(positions(values, known), expected)


def test_many_classes_are_warned_of_where_scikit_learn_does():
    told = []
    for look in (kind_of_target, type_of_target):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            assert look(np.arange(30)) == "multiclass"
        told.append([str(one.message) for one in heard])
    assert told[0] == told[1]
