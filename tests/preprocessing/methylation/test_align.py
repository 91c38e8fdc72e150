"""Frames from other arrays fit into a pipeline."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skmlp.preprocessing import AlignCpGs
from skmlp.preprocessing.methylation import blocks

nan = np.nan
NAMES = [f"cg{j:02}" for j in range(40)]


@pytest.fixture
def train(rng):
    return pd.DataFrame(rng.random((12, 40)), columns=NAMES)


@pytest.fixture
def other(rng):
    """Another order, two CpGs less and one more."""
    names = [*rng.permutation(NAMES[2:]), "ch.1.1"]
    return pd.DataFrame(rng.random((5, 39)), columns=names)


@pytest.mark.parametrize("width", [1, 7, 1000])
def test_columns_match_by_name(train, other, width, monkeypatch):
    monkeypatch.setattr(blocks, "_VALUES", 5 * width)
    out = AlignCpGs().fit(train).transform(other)
    assert_array_equal(out[:, 2:], other[NAMES[2:]])
    assert_allclose(out[:, :2], np.tile(train[NAMES[:2]].mean(), (5, 1)))


def test_the_same_columns_in_another_order(train):
    shuffled = train[NAMES[::-1]]
    assert_array_equal(AlignCpGs().fit(train).transform(shuffled), train)
    assert_array_equal(AlignCpGs().fit_transform(train), train)


@pytest.mark.parametrize(("missing", "value"), [("mean", 3), ("median", 2), ("nan", nan)])
def test_what_fills(missing, value):
    train = pd.DataFrame({"cg1": [1.0, 2, 6, nan], "cg2": [0.0] * 4})
    align = AlignCpGs(missing=missing, warn_above=0.5).fit(train)
    assert_array_equal(
        align.transform(pd.DataFrame({"cg2": [7.0, nan]})), [[value, 7], [value, nan]]
    )


def test_a_cpg_that_had_no_value_stays_missing():
    train = pd.DataFrame({"cg1": [nan, nan], "cg2": [0.0, 1.0]})
    align = AlignCpGs(warn_above=0.5).fit(train)
    assert_array_equal(align.transform(pd.DataFrame({"cg2": [7.0]})), [[nan, 7]])


def test_warnings_and_errors(train):
    align = AlignCpGs().fit(train)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        align.transform(train[NAMES[2:]])  # 5 %
    with pytest.warns(UserWarning, match=r"3 of the 40 CpGs of fit \(8 %\) .* 'cg00', .* mean of"):
        align.transform(train[NAMES[3:]])
    with pytest.warns(UserWarning, match="'cg04', ..."):
        align.transform(train[NAMES[20:]])
    with pytest.raises(ValueError, match=r"21 of .* more than error_above=0.5. Check"):
        align.transform(train[NAMES[21:]])
    with pytest.raises(ValueError, match=r"\(100 %\) are not in X"):
        align.transform(pd.DataFrame({"a": [1.0]}))


def test_limits_may_be_set(train):
    align = AlignCpGs(warn_above=1, error_above=1, missing="nan").fit(train)
    out = align.transform(pd.DataFrame({"a": np.array([1.0, 2.0])}))
    assert_array_equal(out, np.full((2, 40), nan))
    with pytest.raises(ValueError, match="error_above=0.01"):
        AlignCpGs(error_above=0.01).fit(train).transform(train[NAMES[1:]])
    with pytest.warns(UserWarning, match="filled with NaN"):
        AlignCpGs(warn_above=0, missing="nan").fit(train).transform(train[NAMES[1:]])


def test_extra_columns(train, other):
    frame = train.assign(more=1.0, sex="male")
    assert_array_equal(AlignCpGs().fit(train).transform(frame), train)
    with pytest.warns(UserWarning, match="2 columns that fit has not seen: 'more', 'sex'. .* left"):
        AlignCpGs(extra="warn").fit(train).transform(frame)
    with pytest.raises(ValueError, match="Drop them, or set extra='ignore'"):
        AlignCpGs(extra="error").fit(train).transform(frame)
    assert_array_equal(AlignCpGs(extra="error").fit(train).transform(train), train)
    compared = AlignCpGs().fit(train).compare(other)
    assert compared.missing.tolist() == NAMES[:2]
    assert compared.extra.tolist() == ["ch.1.1"]


def test_transform_changes_nothing(train, other):
    align = AlignCpGs().fit(train)
    before = set(vars(align))
    align.transform(other)
    assert set(vars(align)) == before


def test_arrays_match_by_position(train):
    align = AlignCpGs().fit(train.to_numpy())
    assert_array_equal(align.transform(train.to_numpy()), train)
    with pytest.raises(ValueError, match="expecting 40 features"):
        align.transform(train.to_numpy()[:, :39])
    with pytest.raises(ValueError, match="Got columns without names"):
        align.compare(train)
    named = AlignCpGs().fit(train)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert_array_equal(named.transform(train.to_numpy()), train)
    with pytest.raises(ValueError, match="expecting 40 features"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        named.transform(train.to_numpy()[:, :39])


def test_names_must_differ(train):
    twice = pd.concat([train, train[["cg03"]]], axis=1)
    with pytest.raises(ValueError, match="1 names of columns more than once: 'cg03'"):
        AlignCpGs().fit(twice)
    with pytest.raises(ValueError, match="Average or drop the replicates"):
        AlignCpGs().fit(train).transform(twice)


@pytest.mark.parametrize("dtype", [np.float32, np.int8])
def test_the_new_cohort_may_be_of_another_dtype(train, dtype):
    new = (10 * train[NAMES[:39]]).astype(dtype)
    out = AlignCpGs().fit(train).transform(new)
    assert out.dtype == np.float32
    assert_array_equal(out[:, :39], new)
    assert_allclose(out[:, 39], train["cg39"].mean(), rtol=1e-6)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_of_other_libraries(train, other, library):
    module = pytest.importorskip(library)
    new = module.DataFrame(other.to_dict("list"))
    align = AlignCpGs().set_output(transform=library).fit(train)
    out = align.transform(new)
    assert list(out.columns) == NAMES
    assert_array_equal(out.to_numpy(), AlignCpGs().fit(train).transform(other))
    assert align.compare(new).extra.tolist() == ["ch.1.1"]


def test_in_front_of_a_pipeline(train, other):
    model = make_pipeline(AlignCpGs(), LogisticRegression()).fit(train, np.arange(12) % 2)
    assert model.predict(other).shape == (5,)
    assert_array_equal(model.predict(train[NAMES[::-1]]), model.predict(train))
