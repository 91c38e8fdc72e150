"""What all transformers of methylation promise: scikit-learn's manners, dtypes, little memory."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.fixes import parse_version

import skmlp.preprocessing
from skmlp.preprocessing import (
    AlignCpGs,
    BetaToM,
    MissingProbeFilter,
    QuantileNormalizer,
    RegressOut,
    SelectCpGs,
)
from skmlp.preprocessing.methylation import blocks

nan = np.nan

CHECKED = [
    BetaToM(out_of_range="clip"),
    MissingProbeFilter(),
    MissingProbeFilter(max_missing=0.5, imputation="median"),
    MissingProbeFilter(imputation=None),
    SelectCpGs(),
    SelectCpGs(statistic="F"),
    SelectCpGs(statistic="correlation"),
    SelectCpGs(covariates=[0], keep_covariates=True),
    RegressOut(covariates=[0]),
    RegressOut(covariates=[0], keep_covariates=True),
    QuantileNormalizer(),
    QuantileNormalizer(reference=[0.0, 1.0]),
    AlignCpGs(),
    AlignCpGs(missing="nan"),
]

# Of these, one for each way to name and count the columns that come out.
SHAPED = [
    BetaToM(out_of_range="clip"),
    MissingProbeFilter(),
    SelectCpGs(),
    SelectCpGs(covariates=[0], keep_covariates=True),
    RegressOut(covariates=[0]),
    RegressOut(covariates=[0], keep_covariates=True),
    QuantileNormalizer(),
    AlignCpGs(),
]

# One of each, for data in [0, 1] without covariates of its own.
PLAIN = [
    BetaToM(),
    MissingProbeFilter(max_missing=0.5),
    SelectCpGs(k=3),
    SelectCpGs(k=3, statistic="t"),
    RegressOut(covariates=[0]),
    QuantileNormalizer(),
    AlignCpGs(),
]


def expected_failures(estimator):
    settings = estimator.get_params()
    if settings.get("max_missing") == 0.05:
        return {"check_estimators_pickle": "a fifth of its table is missing, in all columns"}
    if settings.get("covariates") is not None:
        return {"check_estimators_pickle": "its table has gaps in the covariates, which are errors"}
    return {}


def every_check(estimators):
    # scikit-learn 1.7 parametrises with a generator, of which pytest 9.1 warns.
    mark = parametrize_with_checks(estimators, expected_failed_checks=expected_failures)
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs)


@every_check(CHECKED)
def test_scikit_learns_check(estimator, check):
    check(estimator)


# scikit-learn keeps these for itself, but they are what users of frames meet.
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_dataframe_column_names_consistency,
        estimator_checks.check_get_feature_names_out_error,
        estimator_checks.check_global_output_transform_pandas,
        estimator_checks.check_global_set_output_transform_polars,
        estimator_checks.check_param_validation,
        estimator_checks.check_set_output_transform,
        estimator_checks.check_set_output_transform_pandas,
        estimator_checks.check_set_output_transform_polars,
        estimator_checks.check_transformer_get_feature_names_out,
        estimator_checks.check_transformer_get_feature_names_out_pandas,
    ],
    ids=lambda check: check.__name__,
)
@pytest.mark.parametrize("estimator", SHAPED, ids=str)
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")  # as they mix both
def test_scikit_learns_own_checks(estimator, check):
    by_name = check is estimator_checks.check_dataframe_column_names_consistency
    if by_name and isinstance(estimator, AlignCpGs):
        return  # columns in another order are its purpose
    check(type(estimator).__name__, clone(estimator))


def name_of(estimator):
    return f"{type(estimator).__name__}-{getattr(estimator, 'statistic', '')}"


plain = pytest.mark.parametrize("estimator", PLAIN, ids=name_of)


@pytest.fixture
def betas(rng):
    return rng.beta(2, 3, (30, 8))


Y = np.arange(30) % 2


@pytest.fixture(params=[1, 60, 100_000], ids="{} values a block".format)
def block_size(request, monkeypatch):
    monkeypatch.setattr(blocks, "_VALUES", request.param)


def test_the_front_door_is_complete():
    for name in skmlp.preprocessing.methylation.__all__:
        assert name in skmlp.preprocessing.__all__


# -- containers and dtypes -------------------------------------------------------------


@plain
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("gaps", [False, True])
def test_floats_stay_as_wide(betas, estimator, dtype, gaps):
    X = betas.astype(dtype)
    if gaps:
        X[3, 4] = nan
    out = clone(estimator).fit_transform(X, Y)
    assert out.dtype == dtype
    wide = clone(estimator).fit_transform(X.astype(float), Y)
    assert_allclose(out, wide, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_integers_are_accepted(betas, dtype):
    X = (betas * 100).astype(dtype)
    wider = np.float64 if dtype == np.int64 else np.float32
    for estimator in (RegressOut(covariates=[0]), QuantileNormalizer(), AlignCpGs()):
        out = estimator.fit_transform(X)
        assert out.dtype == wider
        assert_allclose(out, clone(estimator).fit_transform(X.astype(float)), rtol=1e-5)
    assert_array_equal(
        BetaToM(scale=100).fit_transform(X), BetaToM().fit_transform(X / 100).astype(wider)
    )
    for estimator in (MissingProbeFilter(), SelectCpGs(k=3)):
        out = estimator.fit_transform(X)
        assert out.dtype == dtype
        assert_array_equal(out, X[:, estimator.get_support()])


@plain
def test_blocks_do_not_matter(betas, estimator, block_size):
    betas[2, 5] = nan
    out = clone(estimator).fit_transform(betas, Y)
    whole = estimator_in_one_block(estimator, betas)
    assert_allclose(out, whole, rtol=1e-12)


def estimator_in_one_block(estimator, X):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_VALUES", 1 << 30)
        return clone(estimator).fit_transform(X, Y)


@plain
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_maps(betas, estimator, order, tmp_path, block_size):
    mapped = np.memmap(tmp_path / "X", dtype=float, mode="w+", shape=betas.shape, order=order)
    mapped[:] = betas
    mapped.flush()
    mapped = np.memmap(tmp_path / "X", dtype=float, mode="r", shape=betas.shape, order=order)
    assert_allclose(
        clone(estimator).fit_transform(mapped, Y),
        clone(estimator).fit_transform(betas, Y),
        rtol=1e-12,
    )


@plain
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(betas, estimator, library, block_size):
    module = pytest.importorskip(library)
    betas[2, 5] = nan
    frame = module.DataFrame({f"cg{j}": betas[:, j] for j in range(8)})
    if not hasattr(frame, "__dataframe__") and parse_version(sklearn.__version__) < parse_version(
        "1.8"
    ):
        pytest.skip(f"this scikit-learn does not see the names of this {library}'s columns")
    fitted = clone(estimator).set_output(transform=library).fit(frame, Y)
    assert fitted.feature_names_in_.tolist() == list(frame.columns)
    out = fitted.transform(frame)
    assert isinstance(out, module.DataFrame)
    assert list(out.columns) == fitted.get_feature_names_out().tolist()
    assert_allclose(out.to_numpy(), clone(estimator).fit_transform(betas, Y), rtol=1e-12)


@plain
def test_nullable_columns(betas, estimator):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(betas, columns=list("abcdefgh"))
    frame.loc[2, "f"] = None
    expected = clone(estimator).fit_transform(frame, Y)
    for dtype in ("Float64", "double[pyarrow]"):
        out = clone(estimator).fit_transform(frame.astype(dtype), Y)
        assert_allclose(out, expected, rtol=1e-12)


@plain
def test_rows_keep_their_names(betas, estimator):
    people = [f"P{i}" for i in range(30)]
    frame = pd.DataFrame(betas, index=people, columns=list("abcdefgh"))
    out = clone(estimator).set_output(transform="pandas").fit_transform(frame, Y)
    assert list(out.index) == people


@plain
def test_inputs_are_left_as_they_were(betas, estimator):
    betas[2, 5] = nan
    for X in (betas, pd.DataFrame(betas)):
        before = X.copy()
        out = clone(estimator).fit_transform(X, Y)
        out[:] = -1
        assert_array_equal(X, before)


@plain
def test_pickles_and_clones(betas, estimator):
    fitted = clone(estimator).fit(betas, Y)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.transform(betas), fitted.transform(betas))
    with pytest.raises(NotFittedError):
        clone(fitted).transform(betas)


# -- what is refused -------------------------------------------------------------------


@plain
@pytest.mark.parametrize("when", ["fit", "transform"])
def test_infinity_is_named(betas, estimator, when):
    if isinstance(estimator, SelectCpGs):
        estimator = clone(estimator).set_params(k="all")
    bad = betas.copy()
    bad[3, 4] = np.inf
    fitted = clone(estimator)
    X = bad if when == "fit" else betas
    with pytest.raises(ValueError, match="infinity: in column 4, row 3"):
        fitted.fit(X, Y).transform(bad)


@plain
def test_text_is_named(betas, estimator):
    frame = pd.DataFrame(betas, columns=list("abcdefgh")).assign(sex="male")
    with pytest.raises(ValueError, match="(?i)column 'sex' of X holds text .* expected numbers"):
        clone(estimator).fit(frame, Y).transform(frame)


@plain
def test_sparse_is_refused(betas, estimator):
    with pytest.raises(TypeError, match="toarray"):
        clone(estimator).fit(sparse.csr_array(betas), Y)


@plain
def test_another_number_of_columns_is_refused(betas, estimator):
    fitted = clone(estimator).fit(betas, Y)
    with pytest.raises(ValueError, match="expecting 8 features"):
        fitted.transform(betas[:, :7])


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (BetaToM(offset=-1), "offset"),
        (BetaToM(scale=0), "scale"),
        (BetaToM(out_of_range="ignore"), "out_of_range"),
        (MissingProbeFilter(max_missing=5), "max_missing"),
        (MissingProbeFilter(imputation="mode"), "imputation"),
        (SelectCpGs(k=0), "k"),
        (SelectCpGs(k="many"), "k"),
        (SelectCpGs(statistic="chi2"), "statistic"),
        (SelectCpGs(covariates="age"), "covariates"),
        (RegressOut(covariates=3), "covariates"),
        (RegressOut(covariates=[0], keep_covariates="yes"), "keep_covariates"),
        (QuantileNormalizer(reference=1.0), "reference"),
        (AlignCpGs(missing="zero"), "missing"),
        (AlignCpGs(warn_above=5), "warn_above"),
        (AlignCpGs(error_above=-1), "error_above"),
        (AlignCpGs(extra="keep"), "extra"),
    ],
)
def test_wrong_settings_are_refused(betas, estimator, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        estimator.fit(betas, Y)


# -- memory ----------------------------------------------------------------------------

N, P = 250, 8000
MB = 2**20

HUNGRY = [
    BetaToM(),
    MissingProbeFilter(),
    MissingProbeFilter(imputation="median"),
    SelectCpGs(k=2000),
    SelectCpGs(k=2000, statistic="welch"),
    SelectCpGs(k=2000, statistic="correlation", covariates=[0, 1]),
    RegressOut(covariates=[0]),
    QuantileNormalizer(),
    AlignCpGs(),
    AlignCpGs(missing="median"),
]


def peak(function):
    """Return the result and the most memory beyond it that was held on the way."""
    tracemalloc.start()
    try:
        result = function()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def wide():
    X = np.random.default_rng(0).random((N, P), dtype=np.float32)  # 8 MB, twice that in float64
    X[::50, ::100] = nan
    return X


@pytest.mark.parametrize("estimator", HUNGRY, ids=name_of)
@pytest.mark.parametrize("form", ["array", "fortran", "pandas"])
def test_memory_is_the_output_and_some_blocks(wide, estimator, form, monkeypatch):
    monkeypatch.setattr(blocks, "_VALUES", 1 << 16)
    y = np.arange(N) % 2
    # gaps in covariates are errors, and columns with gaps are tested one by one
    X = np.nan_to_num(wide, nan=0.5) if isinstance(estimator, RegressOut | SelectCpGs) else wide
    X = np.asfortranarray(X) if form == "fortran" else X
    X = pd.DataFrame(X, copy=False) if form == "pandas" else X
    fitted = clone(estimator)
    _, used = peak(lambda: fitted.fit(X, y))
    assert used < 5 * MB
    out, used = peak(lambda: fitted.transform(X))
    assert used < out.nbytes + 5 * MB
    assert out.dtype == np.float32


# -- together --------------------------------------------------------------------------


def test_in_a_pipeline(rng):
    X, y = make_classification(
        120, 300, n_informative=5, n_redundant=0, class_sep=2, shuffle=False, random_state=0
    )
    X = 1 / (1 + np.exp(-X))
    X[rng.random(X.shape) < 0.01] = nan
    frame = pd.DataFrame(X, columns=[f"cg{j:04}" for j in range(300)])
    model = make_pipeline(
        AlignCpGs(),
        QuantileNormalizer(),
        MissingProbeFilter(),
        BetaToM(),
        SelectCpGs(k=20, statistic="t"),
        LogisticRegression(),
    )
    assert cross_val_score(model, frame, y, cv=4).mean() > 0.8
    model.fit(frame, y)
    shuffled = frame.sample(frac=1, axis=1, random_state=0).drop(columns=["cg0250"])
    other = shuffled.copy().assign(extra=0.0)
    assert model.score(other, y) > 0.8


def test_noise_is_not_predicted(rng):
    X, y = rng.random((60, 2000)), np.arange(60) % 2
    model = make_pipeline(SelectCpGs(k=10, statistic="t"), LogisticRegression())
    assert cross_val_score(model, X, y, cv=5).mean() < 0.7
