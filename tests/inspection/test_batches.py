"""A score that comes from the batches falls where whole batches are held out."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats.contingency import association as contingency_association
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import MLPClassifier
from skmlp.inspection.batches import _cramer, _epsilon, batch_report

N_EACH, N_BATCHES = 15, 8


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def batch():
    return np.repeat(np.arange(N_BATCHES), N_EACH)


def shifted(rng, batch, size=2.0):
    """Rows of noise, moved by their batch."""
    return rng.normal(size=(len(batch), 6)) + size * rng.normal(size=(N_BATCHES, 6))[batch]


def test_what_was_the_batch_is_lost_and_warned_of(rng, batch):
    X = shifted(rng, batch)
    y = np.where(rng.random(len(batch)) < 0.9, batch % 2, 1 - batch % 2)
    model = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=30, random_state=0))
    with pytest.warns(UserWarning, match="The batch predicts the target"):
        report = batch_report(model, X, y, batch)
    means = report.scores["mean"]
    assert means["rows"] > 0.8
    assert means["batches"] < means["rows"] - 0.2
    assert 0.6 < report.association < 0.9
    assert (report.scores["n_folds"] == 5).all()
    assert report.scores["standard_error"].between(0.001, 0.3).all()


def test_what_is_in_every_batch_stays(rng, batch):
    y = rng.integers(0, 2, len(batch))
    X = shifted(rng, batch, 0.5)
    X[:, 0] += 4 * y
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = batch_report(LogisticRegression(), X, y, batch, scoring="roc_auc")
    assert report.scores["mean"].min() > 0.9
    assert report.association < 0.3


def test_numbers(rng, batch):
    y = 3.0 * (batch % 2) + rng.normal(size=len(batch))
    with pytest.warns(UserWarning, match="predicts the target"):
        report = batch_report(Ridge(), shifted(rng, batch), y, batch, cv=4)
    assert report.scores.loc["rows", "mean"] > report.scores.loc["batches", "mean"]
    assert 0.5 < report.association < 0.9


def test_no_more_folds_than_batches(rng):
    two = np.repeat(["a", "b"], 20)
    report = batch_report(Ridge(), rng.normal(size=(40, 3)), rng.normal(size=40), two)
    assert report.scores["n_folds"].tolist() == [5, 2]


def test_cramers_v_without_its_correction_is_that_of_scipy(rng):
    y, batch = rng.integers(0, 3, 5000), rng.integers(0, 4, 5000)
    y = np.where(rng.random(5000) < 0.4, batch % 3, y)
    table = np.array([[np.sum((y == a) & (batch == b)) for b in range(4)] for a in range(3)])
    assert_allclose(_cramer(y, batch)[0], contingency_association(table), rtol=0.01)


def test_there_is_no_association_by_chance_on_average(rng):
    batch = rng.integers(0, 10, size=60)
    draws = [_epsilon(rng.normal(size=60), batch)[0] for _ in range(200)]
    classes = [_cramer(rng.integers(0, 2, 60), batch)[0] ** 2 for _ in range(200)]
    assert np.mean(draws) < 0.04  # uncorrected: 9 / 59 = 0.15
    assert np.mean(classes) < 0.05


@pytest.mark.parametrize(
    ("y", "expected"), [(np.ones(8), (0.0, 1.0)), (np.repeat([1.0, 2.0], 4), (1.0, 0.0))]
)
def test_the_extremes(y, expected):
    assert _epsilon(y, np.repeat(["a", "b"], 4)) == expected


def test_a_single_class():
    assert _cramer(np.ones(8), np.repeat(["a", "b"], 4)) == (0.0, 1.0)


def test_one_batch_is_refused(rng):
    with pytest.raises(ValueError, match="Got batch with 1 value"):
        batch_report(Ridge(), rng.normal(size=(9, 2)), np.arange(9.0), np.zeros(9))
