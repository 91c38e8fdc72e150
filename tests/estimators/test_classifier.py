import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.utils.class_weight import compute_sample_weight

from skmlp import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(150, 4))
TARGETS = {
    "binary": (X[:, 0] > 0).astype(int),
    "bool": X[:, 0] > 0,
    "strings": np.where(X[:, 0] > 0, "yes", "no"),
    "objects": np.where(X[:, 0] > 0, "yes", "no").astype(object),
    "multiclass": X[:, :3].argmax(axis=1) + 10,
    "multilabel": (X[:, :3] > 0).astype(int),
    "multioutput": np.column_stack([np.digitize(X[:, 0], [-0.5, 0.5]), X[:, 1] > 0]) + 5,
}
ONE_COLUMN = ["binary", "bool", "strings", "objects", "multiclass"]


def classifier(**settings):
    settings = {"solver": "lbfgs", "alpha": 0.1, "max_iter": 25, **settings}
    return MLPClassifier(**{"hidden_layer_sizes": (8,), "random_state": 0, **settings})


def assert_same_network(one, other):
    assert_array_equal(one.networks_.theta, other.networks_.theta)


@pytest.fixture(scope="module", params=TARGETS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def y(kind):
    return TARGETS[kind]


@pytest.fixture(scope="module")
def model(y):
    return classifier().fit(X, y)


def test_every_kind_of_target_is_learnt(model, y):
    prediction = model.predict(X)
    assert prediction.shape == y.shape
    assert prediction.dtype == y.dtype
    right = prediction == y
    share = right.reshape(len(y), -1).all(axis=1)
    assert share.mean() > 0.9
    assert model.score(X, y) == pytest.approx(share.mean())
    w = np.arange(len(y))
    assert model.score(X, y, sample_weight=w) == pytest.approx(np.average(share, weights=w))


def test_the_most_probable_class_is_predicted(model, kind):
    proba, prediction = model.predict_proba(X), model.predict(X)
    if kind == "multilabel":
        assert_array_equal(proba > 0.5, prediction == 1)
        return
    outputs = proba if isinstance(proba, list) else [proba]
    classes = model.classes_ if isinstance(proba, list) else [model.classes_]
    columns = prediction.reshape(len(X), -1).T
    for p, names, column in zip(outputs, classes, columns, strict=True):
        assert p.shape == (len(X), len(names))
        assert_allclose(p.sum(axis=1), 1)
        assert_array_equal(names[p.argmax(axis=1)], column)


def test_the_decision_function_agrees_with_the_prediction(model, kind):
    values, prediction = model.decision_function(X), model.predict(X)
    if kind == "multilabel":
        assert_array_equal(values > 0, prediction == 1)
    elif kind == "multioutput":
        for value, names, column in zip(values, model.classes_, prediction.T, strict=True):
            assert_array_equal(names[value.argmax(axis=1)], column)
    elif len(model.classes_) == 2:
        assert_array_equal(model.classes_[(values > 0).astype(int)], prediction)
    else:
        assert_array_equal(model.classes_[values.argmax(axis=1)], prediction)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_probabilities_are_finite_where_probabilities_round_to_0(y, dtype):
    model = classifier(alpha=0, dtype=dtype).fit(X, y)
    far = 1e4 * X
    log_proba, proba = model.predict_log_proba(far), model.predict_proba(far)
    log_proba, proba = np.hstack(log_proba), np.hstack(proba)
    assert proba.min() == 0
    assert np.isfinite(log_proba).all()
    assert_allclose(np.exp(log_proba), proba, atol=1e-6)
    near = np.hstack(model.predict_proba(X))
    visible = near > 1e-5
    assert_allclose(
        np.hstack(model.predict_log_proba(X))[visible], np.log(near[visible]), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", ONE_COLUMN)
def test_class_weights_are_sample_weights(kind, solver):
    y, w = TARGETS[kind], np.random.default_rng(1).uniform(size=len(X))
    by_class = {label: 1.0 + i for i, label in enumerate(np.unique(y).tolist())}
    for class_weight in (by_class, "balanced"):
        each = compute_sample_weight(class_weight, y)
        settings = {"solver": solver, "max_iter": 3}
        weighted = classifier(class_weight=class_weight, **settings)
        assert_same_network(weighted.fit(X, y), classifier(**settings).fit(X, y, each))
    both = classifier(class_weight=by_class, max_iter=3).fit(X, y, w)
    each = w * compute_sample_weight(by_class, y)
    assert_same_network(both, classifier(max_iter=3).fit(X, y, each))


def test_class_weights_of_several_outputs_multiply():
    y = TARGETS["multioutput"]
    first = {5: 1.0, 6: 2.0, 7: 3.0}
    each = compute_sample_weight([first, "balanced"], y)
    weighted = classifier(class_weight=[first, "balanced"], max_iter=3).fit(X, y)
    assert_allclose(
        weighted.networks_.theta, classifier(max_iter=3).fit(X, y, each).networks_.theta
    )


def test_class_weights_are_refused_for_labels():
    with pytest.raises(ValueError, match="class_weight"):
        classifier(class_weight="balanced").fit(X, TARGETS["multilabel"])


def test_a_heavier_class_is_predicted_more_often():
    y = (X[:, 0] + np.random.default_rng(0).normal(size=len(X)) > 1).astype(int)
    counts = [
        classifier(class_weight=weight, alpha=1).fit(X, y).predict(X).sum()
        for weight in (None, "balanced", {0: 1, 1: 100})
    ]
    assert counts[0] < counts[1] < counts[2]


def test_sparse_labels_are_learnt_like_dense_ones():
    y = TARGETS["multilabel"]
    dense, from_sparse = classifier().fit(X, y), classifier().fit(X, sparse.csr_array(y))
    assert_same_network(dense, from_sparse)


@pytest.mark.parametrize("loss", ["log_loss", "focal"])
def test_every_loss_learns_every_kind_of_target(y, loss):
    model = classifier(loss=loss, label_smoothing=0.05).fit(X, y)
    right = (model.predict(X) == y).reshape(len(y), -1).all(axis=1)
    assert right.mean() > 0.9


def test_smoothed_labels_make_modest_probabilities():
    y = TARGETS["multiclass"]
    plain, smooth = (
        classifier(alpha=0, label_smoothing=s).fit(X, y).predict_proba(X).max(axis=1).mean()
        for s in (0, 0.3)
    )
    assert smooth < 0.85 < 0.95 < plain


def test_the_prior_is_where_training_starts():
    y = np.repeat([0, 1, 2], [100, 40, 10])
    still = {"solver": "sgd", "learning_rate_init": 1e-30, "max_iter": 1}
    linear = classifier(hidden_layer_sizes=(), **still).fit(X, y)
    proba = linear.predict_proba(X.mean(axis=0, keepdims=True))
    assert_allclose(proba, [[100 / 150, 40 / 150, 10 / 150]], rtol=1e-6)


def test_unknown_classes_are_named():
    model = classifier(warm_start=True, max_iter=2).fit(X, TARGETS["multiclass"])
    with pytest.raises(ValueError, match="99"):
        model.fit(X, np.r_[99, TARGETS["multiclass"][1:]])
    with pytest.raises(ValueError, match="99"):
        model.fit(X, TARGETS["multiclass"], X_val=X[:3], y_val=[10, 11, 99])


def test_partial_fit_needs_all_classes_first():
    model = classifier(solver="adam")
    with pytest.raises(ValueError, match="classes must be passed"):
        model.partial_fit(X, TARGETS["strings"])
    model.partial_fit(X[:1], TARGETS["strings"][:1], classes=["yes", "no"])
    model.partial_fit(X, TARGETS["strings"])
    assert list(model.classes_) == ["no", "yes"]
    with pytest.raises(ValueError, match="not the same"):
        model.partial_fit(X, TARGETS["strings"], classes=["yes", "maybe"])


def test_the_hidden_layers_can_be_seen():
    y = TARGETS["binary"]
    model = classifier(hidden_layer_sizes=(8, 3), activation="tanh", standardize=False).fit(X, y)
    (w0, w1, w2), (b0, b1, b2) = model.coefs_, model.intercepts_
    first = np.tanh(X @ w0 + b0)
    second = np.tanh(first @ w1 + b1)
    assert_allclose(model.transform(X, layer=0), first)
    assert_allclose(model.transform(X), second)
    assert_allclose(model.transform(X, layer=-2), first)
    assert_allclose(model.decision_function(X), (second @ w2 + b2)[:, 0])
    assert list(model.get_feature_names_out()) == [f"mlpclassifier{i}" for i in range(3)]
    assert model.fit_transform(X, y).shape == (150, 3)
    with pytest.raises(ValueError, match="2 hidden layers"):
        model.transform(X, layer=2)


def test_a_linear_model_has_no_hidden_layer_to_see():
    model = classifier(hidden_layer_sizes=()).fit(X, TARGETS["binary"])
    with pytest.raises(ValueError, match="no hidden layer"):
        model.transform(X)


def test_what_was_transformed_does_not_change_later():
    model = classifier().fit(X, TARGETS["binary"])
    hidden, values = model.transform(X), model.decision_function(X)
    copies = hidden.copy(), values.copy()
    model.transform(-X), model.decision_function(-X)
    assert_array_equal(hidden, copies[0])
    assert_array_equal(values, copies[1])


def test_weights_of_other_layers_are_found_elsewhere():
    model = classifier(normalization="layer").fit(X, TARGETS["binary"])
    for name in ("coefs_", "intercepts_"):
        with pytest.raises(AttributeError, match="networks_"):
            getattr(model, name)
