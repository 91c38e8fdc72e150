import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import r2_score

from skmlp import MLPRegressor
from skmlp.core.losses import LOSSES, GaussianNLL, Quantile, Tweedie
from tests.estimators.plain import ONE_PLAIN_NETWORK

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3))
SIGNAL = X[:, 0] + np.abs(X[:, 1])
Y = SIGNAL + 0.1 * rng.normal(size=300)
POSITIVE = np.exp(0.5 * SIGNAL) * rng.gamma(50, 1 / 50, size=300)
LOG_LINK = ["poisson", "gamma", "tweedie"]
ON_THE_LINE = sorted(set(LOSSES) - set(LOG_LINK))


# What is tested here does not hang on the defaults, which are chosen by measurement.
PLAIN = {
    **ONE_PLAIN_NETWORK,
    "activation": "relu",
    "batch_size": 200,
    "learning_rate": "constant",
}


def regressor(**settings):
    settings = {
        **PLAIN,
        "hidden_layer_sizes": (16,),
        "learning_rate_init": 0.02,
        "max_iter": 60,
        **settings,
    }
    return MLPRegressor(**settings, random_state=0)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_is_learnt(loss):
    y = POSITIVE if loss in LOG_LINK else Y
    model = regressor(loss=loss).fit(X, y)
    assert np.mean(model.loss_curve_[-3:]) < np.mean(model.loss_curve_[:3])
    assert model.predict(X).shape == y.shape
    assert r2_score(y, model.predict(X)) == pytest.approx(model.score(X, y))
    assert model.score(X, y) > 0.85


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_takes_several_targets(loss):
    y = POSITIVE if loss in LOG_LINK else Y
    model = regressor(loss=loss, max_iter=40).fit(X, np.column_stack([y, 3 * y]))
    prediction = model.predict(X)
    assert prediction.shape == (300, 2)
    assert r2_score(prediction[:, 1], 3 * prediction[:, 0]) > 0.9
    assert model.score(X, np.column_stack([y, 3 * y])) > 0.8


@pytest.mark.parametrize("loss", ON_THE_LINE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("scale", "shift"), [(1e6, 3e6), (1e-6, -2e-6), (1.0, 50.0)])
def test_predictions_are_in_units_of_y(loss, dtype, scale, shift):
    settings = {"loss": loss, "dtype": dtype, "max_iter": 5, "tol": 0.0}
    plain = regressor(**settings).fit(X, Y).predict(X)
    there = regressor(**settings).fit(X, scale * Y + shift).predict(X)
    tolerance = 1e-9 if dtype == "float64" else 0.02
    assert_allclose((there - shift) / scale, plain, atol=tolerance * np.ptp(plain))


@pytest.mark.parametrize("loss", LOG_LINK)
def test_amounts_are_predicted_positive(loss):
    model = regressor(loss=loss).fit(X, POSITIVE)
    assert (model.predict(100 * X) > 0).all()
    assert np.isfinite(model.predict(1e6 * X)).all()


@pytest.mark.parametrize("loss", LOG_LINK)
@pytest.mark.parametrize("bad", [-1.0, -1e-9])
def test_negative_amounts_are_refused(loss, bad):
    with pytest.raises(ValueError, match=f"(?i){loss}.*y={bad}"):
        regressor(loss=loss).fit(X, np.r_[bad, POSITIVE[1:]])


@pytest.mark.parametrize("loss", LOG_LINK)
def test_negative_amounts_are_refused_in_a_validation_set(loss):
    with pytest.raises(ValueError, match=f"(?i){loss}.*y=-1"):
        regressor(loss=loss, max_iter=1).fit(X, POSITIVE, X_val=X[:2], y_val=[1.0, -1.0])


@pytest.mark.parametrize("loss", ["poisson", "tweedie"])
def test_a_part_of_the_rows_may_have_no_amount(loss):
    """A batch of zeros, or a validation set of zeros, is no reason to stop."""
    y = np.where(np.arange(300) < 20, 0.0, POSITIVE)
    model = regressor(loss=loss, max_iter=2).fit(X, y, X_val=X[:20], y_val=y[:20])
    assert np.isfinite(model.history_[-1]["validation_loss"])
    model.partial_fit(X[:20], y[:20])


def test_zero_is_an_amount_for_some():
    y = np.where(POSITIVE < 1, 0, POSITIVE)
    for loss in ("poisson", "tweedie", Tweedie(power=1.2)):
        assert regressor(loss=loss).fit(X, y).score(X, y) > 0.6
    with pytest.raises(ValueError, match="(?i)gamma"):
        regressor(loss="gamma").fit(X, y)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_the_spread_is_in_units_of_y(unit):
    spread = np.where(X[:, 2] > 0, 1.0, 0.1)
    y = unit * (5 + X[:, 0] + spread * np.random.default_rng(1).normal(size=300))
    model = regressor(loss="gaussian_nll", max_iter=150).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert mean.shape == std.shape == (300,)
    assert_allclose(model.predict(X), mean)
    wide, narrow = (np.median(std[where]) / unit for where in (X[:, 2] > 0.3, X[:, 2] < -0.3))
    assert 0.6 < wide < 1.4
    assert 0.03 < narrow < 0.3


def test_the_spread_of_several_targets_has_their_shape():
    y = np.column_stack([Y, 1000 * Y])
    _, std = regressor(loss=GaussianNLL()).fit(X, y).predict(X, return_std=True)
    assert std.shape == (300, 2)
    assert 300 < np.median(std[:, 1]) / np.median(std[:, 0]) < 3000


def test_a_spread_needs_its_loss():
    with pytest.raises(ValueError, match="gaussian_nll"):
        regressor(max_iter=1).fit(X, Y).predict(X, return_std=True)


@pytest.mark.parametrize("n_targets", [None, 2])
def test_quantiles_never_cross(n_targets):
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    y = 1e3 * (Y if n_targets is None else np.column_stack([Y, -Y]))
    model = regressor(loss=Quantile(levels)).fit(X, y)
    quantiles = model.predict_quantiles(X)
    assert quantiles.shape == (*y.shape, 5)
    assert (np.diff(model.predict_quantiles(50 * X), axis=-1) >= 0).all()
    assert_allclose(model.predict(X), quantiles[..., 2])
    below = (y[..., None] <= quantiles).mean(axis=0)
    assert_allclose(below, np.broadcast_to(levels, below.shape), atol=0.12)


def test_one_quantile_has_its_column():
    model = regressor(loss=Quantile(0.9)).fit(X, Y)
    quantiles = model.predict_quantiles(X)
    assert quantiles.shape == (300, 1)
    assert 0.8 < (Y <= quantiles[:, 0]).mean() < 1


def test_quantiles_need_their_loss():
    assert not hasattr(regressor(), "predict_quantiles")
    with pytest.raises(AttributeError) as caught:
        _ = regressor().predict_quantiles
    assert "loss='quantile'" in str(caught.value.__cause__)


def test_a_loss_in_scikit_learns_place_is_pointed_to_its_name():
    with pytest.raises((TypeError, ValueError), match="loss='poisson'"):
        MLPRegressor("poisson").fit(X, POSITIVE)


def test_y_keeps_its_shape():
    assert regressor(max_iter=2).fit(X, Y).predict(X).shape == (300,)
    assert regressor(max_iter=2).fit(X, Y[:, None]).predict(X).shape == (300, 1)


def test_targets_not_standardised_are_learnt_as_they_are():
    """The first loss is then in units of y."""
    settings = {"max_iter": 1, "learning_rate_init": 1e-9, "solver": "sgd"}
    loss = regressor(standardize=False, **settings).fit(X, 100 * Y).loss_
    scaled = regressor(**settings).fit(X, 100 * Y).loss_
    assert loss > 1000 > 2 > scaled


def test_a_target_that_does_not_vary_is_predicted():
    for unit in (0.0, 7.0, 1e6):
        assert_allclose(regressor(max_iter=30).fit(X, np.full(300, unit)).predict(X), unit, atol=1)


@pytest.mark.parametrize("standardize", [True, False])
def test_a_weight_of_two_is_a_row_given_twice(standardize):
    w = np.arange(300) % 3
    settings = {"solver": "lbfgs", "standardize": standardize, "max_iter": 20}
    weighted = regressor(**settings).fit(X, Y, sample_weight=w)
    repeated = regressor(**settings).fit(np.repeat(X, w, axis=0), np.repeat(Y, w))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-5)


@pytest.mark.parametrize("solver", ["adam", "sgd", "rprop", "lbfgs"])
def test_a_weight_of_zero_is_no_row(solver):
    w = np.where(np.arange(300) % 4, 1.5, 0.0)
    settings = {"solver": solver, "max_iter": 5, "learning_rate_init": 0.01}
    X_bad, Y_bad = np.where(w[:, None] > 0, X, 1e3), np.where(w > 0, Y, -1e3)
    weighted = regressor(**settings).fit(X_bad, Y_bad, sample_weight=w)
    removed = regressor(**settings).fit(X[w > 0], Y[w > 0], sample_weight=w[w > 0])
    assert_allclose(weighted.predict(X), removed.predict(X))


def test_the_scale_of_the_weights_does_not_matter():
    w = np.random.default_rng(0).uniform(size=300)
    one, other = (regressor(max_iter=5, alpha=0.0).fit(X, Y, sample_weight=s * w) for s in (1, 1e6))
    assert_allclose(one.predict(X), other.predict(X))
