"""The language model: what it learns, tells, writes, and survives."""

import copy
import io
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

from skmlp.core.training import Callback
from skmlp.language import NextWordModel

# After "a" comes "b c" or "b d" by turns of the word before it: certain from two words on.
TOY = ["x a b c", "y a b d"] * 8
SMALL = {
    "context_size": 4,
    "embedding_dim": 8,
    "hidden_layer_sizes": (16,),
    "learning_rate_init": 0.02,
    "batch_size": 16,
    "max_iter": 25,
    "random_state": 0,
}
QUICK = {**SMALL, "max_iter": 3}

VARIANTS = {
    "plain": {},
    "lines joined": {"across_lines": True},
    "tied": {"tie_embeddings": True},
    "direct": {"direct_connections": True},
    "tied and direct": {"tie_embeddings": True, "direct_connections": True},
    "no hidden layer": {"hidden_layer_sizes": (), "context_size": 3},
    "sampled": {"output": "sampled", "n_samples": 50},
    "sampled and tied": {"output": "sampled", "n_samples": 50, "tie_embeddings": True},
    "two networks": {"n_estimators": 2},
    "averaged": {"averaging": 0.9},
    "layer norm": {"normalization": "layer", "hidden_layer_sizes": (16, 16)},
    "characters": {"level": "char", "context_size": 6, "activation": ["gelu"]},
    "n-grams": {"ngram_sizes": (2, 3), "ngram_rows": 300, "ngram_dropout": 0.2},
    "n-grams, tied": {"ngram_sizes": [2], "ngram_rows": 300, "tie_embeddings": True},
    "with counts": {"kneser_ney_order": 5},
    "with counts, lines joined": {"kneser_ney_order": 4, "across_lines": True},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)


def fitted(texts=TOY, **settings):
    return NextWordModel(**{**SMALL, **settings}).fit(texts)


@pytest.fixture(scope="module")
def toy():
    return fitted()


# -- what it learns ------------------------------------------------------------------------


@every_variant
def test_a_certain_language_is_learnt(variant):
    model = fitted(**VARIANTS[variant])
    between = "" if variant == "characters" else " "
    for line in TOY[:2]:
        *before, last = line.split()
        token, p = model.predict_next(" ".join(before) + (" " if not between else ""), k=1)[0]
        assert token == last
        assert p > 0.9
    assert model.loss_curve_[-1] < 0.3 * model.loss_curve_[0]
    # the first word of a line is one of two, unless lines alternate before one's eyes
    first = 0 if variant == "lines joined" else np.log(2)
    n_tokens = 8 if variant == "characters" else 5
    assert -model.score(TOY) < first / n_tokens + 0.1


def test_what_differs_before_the_context_is_not_seen():
    model = fitted(context_size=2)
    assert_allclose(model.predict_proba(["x a b"]), model.predict_proba(["y a b"]))
    p = dict(model.predict_next("x a b", k=2))
    assert p["c"] + p["d"] > 0.9
    assert abs(p["c"] - p["d"]) < 0.2


def test_sampled_training_comes_near_that_of_all_tokens():
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}" for i in range(40)])
    chain = rng.dirichlet(np.full(40, 0.05), size=40)  # a word by the one before it
    texts, state = [], 0
    for _ in range(100):
        line = [state := rng.choice(40, p=chain[state]) for _ in range(12)]
        texts.append(" ".join(words[line]))
    settings = {"context_size": 1, "embedding_dim": 16, "max_iter": 12, "batch_size": 32}
    full, frequencies, few, many = (
        -fitted(texts, **settings, **more).score(texts)
        for more in (
            {},
            {"learning_rate_init": 1e-9},
            {"output": "sampled", "n_samples": 4},
            {"output": "sampled", "n_samples": 200},
        )
    )
    assert full < few < frequencies - 0.5
    assert abs(many - full) < 0.03


def test_a_fit_can_be_repeated(toy):
    assert_array_equal(fitted().networks_.theta, toy.networks_.theta)
    assert (fitted(random_state=1).networks_.theta != toy.networks_.theta).any()


@pytest.mark.parametrize("settings", [{}, {"level": "char"}, {"early_stopping": True}])
def test_a_file_a_stream_and_a_list_give_the_same(settings, tmp_path):
    settings = {**QUICK, **settings}
    path = tmp_path / "text"
    path.write_text("\n".join(TOY) + "\n")
    expected = NextWordModel(**settings).fit(TOY).networks_.theta
    with path.open() as file:
        stream = io.StringIO(path.read_text())
        for texts in (str(path), path, file, stream, iter(TOY), ["\n".join(TOY)]):
            assert_array_equal(NextWordModel(**settings).fit(texts).networks_.theta, expected)


# -- what it tells -------------------------------------------------------------------------


@every_variant
def test_probabilities_sum_to_1_and_score_is_their_log(variant):
    model = NextWordModel(**{**QUICK, **VARIANTS[variant]}).fit(TOY)
    between = "" if model.level == "char" else " "
    tokens = list(TOY[0]) if model.level == "char" else TOY[0].split()
    contexts = [between.join(tokens[:i]) for i in range(len(tokens) + 1)]
    p = model.predict_proba(contexts)
    assert p.shape == (len(contexts), len(model.tokens_))
    assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    end = "\n" if model.level == "char" else "</s>"
    columns = [model.vocabulary_[token] for token in (*tokens, end)]
    expected = np.log(p[np.arange(len(columns)), columns]).mean()
    assert_allclose(model.score(TOY[:1]), expected, rtol=1e-4)
    each = model.score_samples(TOY[:1])
    assert each.shape == (len(columns),)
    assert_allclose(each.mean(), expected, rtol=1e-4)
    assert_allclose(model.perplexity(TOY[:1]), np.exp(-expected), rtol=1e-3)


def test_perplexity_is_exp_of_the_loss(toy):
    assert toy.perplexity(TOY[:3]) == np.exp(-toy.score(TOY[:3]))


def test_two_networks_answer_with_their_mean():
    both = NextWordModel(**QUICK, n_estimators=2).fit(TOY)
    raw = both.networks_.predict(both._contexts(["x a"]))
    mean = np.mean([both._loss.predict(one[None])[0] for one in raw], axis=0)
    assert_allclose(both.predict_proba(["x a"]), mean, rtol=1e-5)
    alone = NextWordModel(**QUICK, n_estimators=1).fit(TOY)
    assert not np.allclose(alone.predict_proba(["x a"]), mean)


def test_counts_are_mixed_in_by_their_share(toy):
    mixed = fitted(kneser_ney_order=3)
    alone, told = toy.predict_proba(["x a b", "z"]), {}
    for share in (0, 0.25, 1):
        mixed.set_params(kneser_ney_weight=share)
        told[share] = mixed.predict_proba(["x a b", "z"])
    assert_allclose(told[0], alone, rtol=1e-5)
    assert_allclose(told[0.25], 0.75 * told[0] + 0.25 * told[1], rtol=1e-5)
    # after "a b" there are as many "c" as "d"; the networks look further back
    c, d = (mixed.vocabulary_[token] for token in "cd")
    assert told[1][0, c] == pytest.approx(told[1][0, d])
    assert told[0][0, c] > 0.9


def test_a_refused_order_leaves_no_network_that_seems_fitted():
    model = NextWordModel(**QUICK, kneser_ney_order=6)
    with pytest.raises(ValueError, match="at most 5"):
        model.fit(TOY)
    with pytest.raises(NotFittedError):
        model.score(TOY)


def test_partial_fit_goes_on_without_the_counts_of_another_text(toy):
    mixed, alone = fitted(kneser_ney_order=3), copy.deepcopy(toy)
    mixed.set_params(kneser_ney_order=None).partial_fit(TOY)
    assert_array_equal(mixed.predict_proba(["x a"]), alone.partial_fit(TOY).predict_proba(["x a"]))


def test_many_rows_are_told_in_pieces(toy, monkeypatch):
    contexts = ["x", "x a", "x a b", "", "y"]
    p, score = toy.predict_proba(contexts), toy.score(TOY)
    monkeypatch.setattr("skmlp.language._running._MOST_ROWS", 2)
    assert_allclose(toy.predict_proba(contexts), p, rtol=1e-5)
    assert_allclose(toy.score(TOY), score, rtol=1e-5)


def test_the_most_probable_come_first(toy):
    top = toy.predict_next("x a b", k=3)
    assert [p for _, p in top] == sorted((p for _, p in top), reverse=True)
    assert top[0][0] == toy.predict(["x a b"])[0] == "c"
    assert len(toy.predict_next("x", k=100)) == len(toy.tokens_)


def test_a_line_break_starts_a_new_line(toy):
    assert_array_equal(toy.predict_proba(["x a b c\n"]), toy.predict_proba([""]))
    joined = NextWordModel(**QUICK, across_lines=True).fit(TOY)
    assert not np.allclose(joined.predict_proba(["x a b c\n"]), joined.predict_proba([""]))


def test_no_context_gives_no_rows(toy):
    assert toy.predict_proba([]).shape == (0, len(toy.tokens_))


def test_unknown_words_are_one_token():
    model = fitted([*TOY, "rare a b c"], min_count=2)
    assert "rare" not in model.vocabulary_
    assert_array_equal(model.predict_proba(["odd a b"]), model.predict_proba(["rare a b"]))
    assert model.predict_proba([""])[0, model.vocabulary_["<unk>"]] > 0.01
    chars = NextWordModel(level="char", **QUICK).fit(["abc" * 4])
    assert_array_equal(
        chars.predict_proba(["z"]), chars.predict_proba(["\N{REPLACEMENT CHARACTER}"])
    )


def test_a_vocabulary_can_be_given_and_limited():
    model = NextWordModel(**QUICK, vocabulary=["c", "b", "never", "</s>"]).fit(TOY)
    assert model.tokens_ == ["c", "b", "never", "</s>", "<unk>"]
    assert NextWordModel(**QUICK, vocabulary_size=4).fit(TOY).tokens_[:2] == ["<unk>", "</s>"]


def test_words_are_cut_as_one_likes():
    model = fitted(["A,b", "C,d"] * 8, tokenizer=lambda line: line.lower().split(","))
    assert set(model.tokens_) == {"a", "b", "c", "d", "</s>", "<unk>"}
    assert model.predict(["A", "C"]).tolist() == ["b", "d"]


# -- what it writes ------------------------------------------------------------------------


@pytest.mark.parametrize("across_lines", [False, True])
@pytest.mark.parametrize("level", ["word", "char"])
def test_temperature_0_writes_the_most_probable(level, across_lines):
    model = fitted(level=level, across_lines=across_lines)
    cold, frozen = (model.sample("x a", n=9, temperature=t, random_state=1) for t in (1e-3, 0))
    assert cold == frozen
    assert frozen.startswith("x a b")
    text = "x a"
    for _ in range(9):
        token = model.predict([text])[0].replace("</s>", "\n")
        glue = level == "word" and not (text[-1] + token[0]).count("\n")
        text += (" " if glue else "") + token
    assert text == frozen


def test_writing_can_be_repeated(toy):
    first = toy.sample("", n=30, random_state=0)
    assert toy.sample("", n=30, random_state=0) == first
    assert any(toy.sample("", n=30, random_state=seed) != first for seed in range(1, 5))
    assert toy.sample("x", n=0) == "x"


def test_samples_follow_the_probabilities(toy):
    drawn = [toy.sample("", n=1, random_state=seed) for seed in range(300)]
    p = dict(toy.predict_next("", k=2))
    assert set(p) == {"x", "y"}
    assert abs(drawn.count("x") / 300 - p["x"]) < 0.1


# -- watching, going on --------------------------------------------------------------------


def test_the_last_lines_are_watched_and_the_best_weights_kept():
    texts = TOY + ["z q z q"] * 4
    model = fitted(texts, early_stopping=True, validation_fraction=0.2, max_iter=30)
    losses = [row["validation_loss"] for row in model.history_]
    assert "z" not in model.vocabulary_
    assert model.best_validation_loss_ == min(losses)
    assert model.n_iter_ == len(losses) == len(model.loss_curve_) == losses.index(min(losses)) + 4
    assert_allclose(-model.score(texts[16:]), min(losses), rtol=1e-5)


def test_texts_to_watch_can_be_given():
    model = NextWordModel(**QUICK).fit(TOY, texts_val=TOY[:2])
    assert_allclose(model.best_validation_loss_, -model.score(TOY[:2]), rtol=1e-5)
    assert NextWordModel(**QUICK).fit(TOY).best_validation_loss_ is None


def test_texts_are_watched_with_what_is_mixed_in():
    model = NextWordModel(**QUICK, kneser_ney_order=3).fit(TOY[:12], texts_val=TOY[12:])
    assert_allclose(model.best_validation_loss_, -model.score(TOY[12:]), rtol=1e-5)


def test_partial_fit_goes_on():
    model = NextWordModel(**SMALL)
    for _ in range(20):
        model.partial_fit(TOY[:8]).partial_fit(TOY[8:])
    assert model.predict(["x a b", "y a b"]).tolist() == ["c", "d"]
    assert len(model.loss_curve_) == 40
    assert model.n_iter_ == 1
    assert set(model.partial_fit(["new words"]).tokens_) == {*"abcdxy", "</s>", "<unk>"}


def test_partial_fit_goes_on_from_a_fit_and_from_a_pickle(toy):
    model = copy.deepcopy(toy)
    for _ in range(3):
        model.partial_fit(["x a b x"])
    assert not np.allclose(model.predict_proba(["x a b"]), toy.predict_proba(["x a b"]))
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        one.partial_fit(["y y"])
    assert_array_equal(twin.networks_.theta, model.networks_.theta)


def test_a_network_keeps_its_shape():
    model = NextWordModel(**QUICK).fit(TOY)
    before = model.predict_proba(["x a b"])
    model.set_params(context_size=2, output="sampled", across_lines=True)
    assert_array_equal(model.predict_proba(["x a b"]), before)
    for name, value in {"context_size": 2, "output": "sampled", "embedding_dim": 9}.items():
        model.set_params(**{**QUICK, "across_lines": False, "output": "softmax", name: value})
        with pytest.raises(ValueError, match=f"cannot go on from the last fit: {name} was"):
            model.partial_fit(TOY)


class Strike(Callback):
    def __init__(self, at, hook):
        self.at, self.count = at, 0
        setattr(self, hook, self.strike)

    def on_batch_end(self, state):
        """Replaced, or nothing."""

    def on_epoch_end(self, state):
        """Replaced, or nothing."""

    def strike(self, state):
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize(("hook", "at"), [("on_batch_end", 1), ("on_batch_end", 20)])
def test_an_interrupted_fit_warns_and_can_be_used(hook, at):
    model = NextWordModel(**SMALL, callbacks=[Strike(at, hook)])
    with pytest.warns(UserWarning, match="interrupted") as caught:
        model.fit(TOY)
    assert caught[0].filename == __file__
    assert model.n_iter_ == len(model.history_) < 25
    assert np.isfinite(model.score(TOY))
    with pytest.warns(UserWarning, match="interrupted") as caught:
        model.set_params(callbacks=[Strike(1, hook)]).partial_fit(TOY)
    assert caught[0].filename == __file__


def test_an_interrupted_fit_keeps_the_best_weights():
    class Spoil(Callback):
        def on_batch_end(self, state):
            if state.epoch == 5:
                state.network.theta[...] += 1
                raise KeyboardInterrupt

    model = NextWordModel(**SMALL, callbacks=[Spoil()])
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(TOY, texts_val=TOY)
    assert_allclose(-model.score(TOY), model.best_validation_loss_, rtol=1e-5)


def test_time_runs_out_in_the_middle_of_an_epoch():
    steps = []

    class Count(Callback):
        def on_batch_end(self, state):
            steps.append(state.step)

    model = NextWordModel(**SMALL, max_time=1e-9, callbacks=[Count()]).fit(TOY)
    assert model.n_iter_ == len(steps) == 1


def test_a_training_that_diverges_says_so():
    model = NextWordModel(**QUICK, solver="sgd", clip_norm=None)
    with pytest.raises(ValueError, match="diverged in epoch .* learning_rate_init=1e"):
        model.set_params(learning_rate_init=1e30).fit(TOY)


def test_verbose_prints_a_line_an_epoch(capsys):
    NextWordModel(**QUICK, verbose=True, early_stopping=True).fit(TOY)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all("validation loss" in line for line in lines)


# -- the face ------------------------------------------------------------------------------


def test_parameters_are_those_of_the_constructor(toy):
    assert clone(toy).get_params() == toy.get_params()
    assert set(NextWordModel().get_params()) == set(NextWordModel._parameter_constraints)
    with pytest.raises(TypeError):
        NextWordModel("word")


@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
@every_variant
def test_a_copy_predicts_the_same(variant, make_copy):
    model = NextWordModel(**{**QUICK, "max_iter": 1, **VARIANTS[variant]}).fit(TOY)
    assert_array_equal(make_copy(model).predict_proba(["x a"]), model.predict_proba(["x a"]))


@pytest.mark.parametrize(
    "bad",
    [
        {"level": "sentence"},
        {"context_size": 0},
        {"vocabulary_size": 2},
        {"hidden_layer_sizes": 0},
        {"activation": "rellu"},
        {"dropout": 1.0},
        {"output": "hierarchical"},
        {"n_samples": 0},
        {"ngram_rows": 0},
        {"ngram_dropout": 1.0},
        {"kneser_ney_order": 0},
        {"kneser_ney_weight": 1.1},
        {"solver": "lbfgs"},
        {"learning_rate": "slowly"},
        {"max_time": 0},
        {"dtype": "float16"},
    ],
)
def test_bad_settings_are_refused(bad):
    with pytest.raises(InvalidParameterError, match=f"'{next(iter(bad))}' parameter"):
        NextWordModel(**bad).fit(TOY)


@pytest.mark.parametrize(
    ("act", "match"),
    [
        (lambda: fitted(hidden_layer_sizes=(4, 0)), "hidden_layer_sizes must be > 0"),
        (lambda: fitted(vocabulary=["a", "a"]), "got a token twice"),
        (lambda: fitted(level="char", tokenizer=str.split), "tokenizer is for level='word'"),
        (lambda: fitted(["one line"], early_stopping=True), "one line only"),
        (lambda: fitted([]), "without a line"),
        (lambda: fitted(ngram_sizes=(2, 9)), "ngram_sizes=.* whole numbers from 1 to 4, the len"),
        (lambda: fitted(ngram_sizes=(2.5,)), "ngram_sizes=.* whole numbers"),
        (lambda: fitted(kneser_ney_order=6), "at most 5, the context_size and the token told"),
        (lambda: NextWordModel(kneser_ney_order=2).partial_fit(TOY), "all texts at once"),
        (lambda: NextWordModel(early_stopping=True).partial_fit(TOY), "does not support"),
        (lambda: NextWordModel(**QUICK).fit(TOY).sample("x", temperature=-1), "temperature=-1"),
    ],
)
def test_what_cannot_be_is_refused(act, match):
    with pytest.raises(ValueError, match=match):
        act()


def test_one_str_is_no_list_of_contexts(toy):
    with pytest.raises(TypeError, match=r"Pass \[context\]"):
        toy.predict_proba("x a")


@pytest.mark.parametrize(
    "method", ["score", "score_samples", "perplexity", "predict_proba", "predict"]
)
def test_first_fit(method):
    with pytest.raises(NotFittedError):
        getattr(NextWordModel(), method)(TOY)
