"""The estimator: a feed-forward neural language model."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skmlp.core.losses import IndexLogLoss
from skmlp.core.network import Network
from skmlp.core.training import State
from skmlp.language import _architecture
from skmlp.language._corpus import Windows, discover, encode, frequent, tail, translate
from skmlp.language._counts import KneserNey
from skmlp.language._running import chunks, log_losses, run
from skmlp.language._text import Cutter, lines_of


class NextWordModel(BaseEstimator):
    r"""A feed-forward neural language model: the next word, or character, from those before it.

    Each of the ``context_size`` tokens before is looked up in one table of embeddings; hidden
    layers and a softmax over the vocabulary make of them the probability of every token,

        P(w | context) = softmax(b + W h)[w],  h = f([E[w₋ₙ] | ... | E[w₋₁]]).

    A text is a sequence of lines, each of which ends in a token that is told like any other.
    Before the first token of a line, or of the whole text, stands a token that is never told.

    Parameters
    ----------
    level : {"word", "char"}, default="word"
        What a token is.
    context_size : int, default=5
        Number of tokens that are looked at.
    across_lines : bool, default=False
        Whether a line's context reaches back into the lines before it. Otherwise every line is a
        text by itself, whose order does not matter.
    tokenizer : callable, default=None
        Takes a line, returns its words; None to cut at whitespace. For words only.
    vocabulary : sequence of str, default=None
        All tokens, in the order of the output's columns. None to learn them from the texts, the
        most frequent first.
    vocabulary_size : int, default=None
        The most frequent tokens that are kept, the end of line and the unknown token among them;
        the others become the unknown token. None for no limit.
    min_count : int, default=1
        Tokens that are seen less often become the unknown token. With 1 there are no unknown
        tokens in training, and those of later texts seem all but impossible.
    embedding_dim : int, default=64
        Length of an embedding.
    hidden_layer_sizes : int or array-like of int, default=(128,)
        Numbers of hidden units; empty for none.
    activation : str, Activation or list of these, default="relu"
        Of the hidden layers; one, or one for each.
    normalization : {"batch", "layer"}, default=None
        Of the hidden layers.
    dropout : float, default=0.0
        Share of hidden units that are silenced in training.
    embedding_dropout : float, default=0.0
        Share of the embeddings' numbers that are silenced in training.
    ngram_sizes : array-like of int, default=()
        Numbers of last tokens that are also looked up together: with (2, 3), the last two and the
        last three. Worth most for characters, of which any few are seen often; they bring a
        network the memory of a table of counts.
    ngram_rows : int, default=32768
        Rows of the table for each of these numbers. Which row is an n-gram's is told by a hash,
        so where there are more n-grams than rows, some share one.
    ngram_dim : int, default=16
        Length of a row.
    ngram_dropout : float, default=0.0
        Share of the n-grams that are hidden in training, which keeps the network from relying on
        the longest; try 0.5.
    kneser_ney_order : int, default=None
        Length of n-grams, the told token included, that are counted; probabilities are then those
        of the networks mixed with those that interpolated Kneser-Ney smoothing makes of the counts,
        which know other things: the mixture is better than either. At most ``context_size`` + 1;
        try 3 for words and 7 for characters. None for the networks alone. The recorded losses are
        the networks' in training, and the mixture's on held-out texts.
    kneser_ney_weight : float, default=0.5
        Share of the counts in the mixture. It may be set anew after the fit.
    weight_init : str or Initializer, default="he_normal"
        Start of the hidden layers.
    tie_embeddings : bool, default=False
        Whether W is the table of embeddings, which a linear layer of ``embedding_dim`` units then
        leads to.
    direct_connections : bool, default=False
        Whether the output sees the embeddings directly too, beside the last hidden layer.
    output : {"softmax", "sampled"}, default="softmax"
        Whether a step of the training asks for the probability among all tokens, or among
        ``n_samples`` that are drawn by their frequency, which takes a fraction of the time where
        the vocabulary is large. The probability is the same kind in either case, and predictions
        are always of all tokens.
    n_samples : int, default=1024
        Tokens that are drawn at each step, for "sampled".
    n_estimators : int, default=1
        Number of networks, trained together, whose probabilities are averaged.
    solver : str, Optimizer or list of Transform, default="adam"
        A key of :data:`skmlp.core.optimizers.SOLVERS`, or an optimiser of one's own.
    learning_rate : str, Schedule or callable, default="cosine"
        Course of the learning rate over the ``max_iter`` epochs: a key of
        :data:`skmlp.core.schedules.SCHEDULES`, or a function of progress. ``partial_fit``, which
        knows no end, keeps it constant.
    learning_rate_init : float, default=0.001
        Where it starts.
    weight_decay : float, default=None
        Of the weights of hidden layers and an output that is not tied; None for 0.01 with
        "adamw" and 0 with the others.
    clip_norm : float, default=1.0
        Largest length of the gradient; None for no limit.
    averaging : float, default=None
        Decay of a running average of the weights, which is then what is kept.
    batch_size : int, default=256
        Tokens of a step.
    max_iter : int, default=10
        Epochs.
    early_stopping : bool, default=False
        Whether to hold out the last lines, to stop when their loss no longer falls, and to keep
        the weights of the best epoch.
    validation_fraction : float, default=0.1
        Share of the tokens that is held out.
    n_iter_no_change : int or inf, default=3
        Epochs without improvement after which to stop.
    tol : float, default=0.0
        What counts as an improvement, in nats.
    max_time : float, default=None
        Seconds after which to stop, in the middle of an epoch if need be.
    callbacks : list of Callback, default=None
        Of :mod:`skmlp.core.training`, called along the way.
    verbose : bool or int, default=False
        Whether to print each epoch; from 2 on a bar is drawn instead.
    random_state : int, RandomState instance or None, default=None
        Of initial weights, shuffles, dropout and sampled tokens.
    dtype : {"float32", "float64"}, default="float32"
        Of the arithmetic.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The column of each token.
    tokens_ : list of str
        The token of each column.
    networks_ : Network
        The trained networks.
    loss_curve_ : list of float
        Mean training loss of each epoch, in nats per token.
    history_ : list of dict
        For each epoch "train_loss", "learning_rate", "seconds" and, where there are held-out
        texts, "validation_loss".
    n_iter_ : int
        Epochs of the last call.
    best_validation_loss_ : float or None
        Lowest loss of the held-out texts.

    References
    ----------
    Bengio, Ducharme, Vincent & Jauvin (2003), "A neural probabilistic language model", JMLR 3,
    1137-1155, where networks are mixed with counts too. For n-grams as inputs: Mikolov, Deoras,
    Povey, Burget & Černocký (2011), "Strategies for training large scale neural network language
    models", ASRU, section 3.2. For counts: Chen & Goodman (1999), "An empirical study of smoothing
    techniques for language modeling", Computer Speech & Language 13, section 3.

    Examples
    --------
    >>> lines = ["the cat sat on the mat", "the dog sat on the rug"] * 4
    >>> model = NextWordModel(context_size=3, max_iter=40, batch_size=8, random_state=0).fit(lines)
    >>> model.predict_next("the cat", k=1)[0][0]
    'sat'
    >>> model.sample("the dog", n=4, temperature=0)
    'the dog sat on the rug'
    """

    _parameter_constraints: dict[str, list[Any]] = _architecture.CONSTRAINTS

    def __init__(
        self,
        *,
        level: str = "word",
        context_size: int = 5,
        across_lines: bool = False,
        tokenizer: Any = None,
        vocabulary: Any = None,
        vocabulary_size: int | None = None,
        min_count: int = 1,
        embedding_dim: int = 64,
        hidden_layer_sizes: Any = (128,),
        activation: Any = "relu",
        normalization: str | None = None,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        ngram_sizes: Any = (),
        ngram_rows: int = 32768,
        ngram_dim: int = 16,
        ngram_dropout: float = 0.0,
        kneser_ney_order: int | None = None,
        kneser_ney_weight: float = 0.5,
        weight_init: Any = "he_normal",
        tie_embeddings: bool = False,
        direct_connections: bool = False,
        output: str = "softmax",
        n_samples: int = 1024,
        n_estimators: int = 1,
        solver: Any = "adam",
        learning_rate: Any = "cosine",
        learning_rate_init: float = 0.001,
        weight_decay: float | None = None,
        clip_norm: float | None = 1.0,
        averaging: float | None = None,
        batch_size: int = 256,
        max_iter: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 3,
        tol: float = 0.0,
        max_time: float | None = None,
        callbacks: Any = None,
        verbose: Any = False,
        random_state: Any = None,
        dtype: Any = "float32",
    ) -> None:
        self.level = level
        self.context_size = context_size
        self.across_lines = across_lines
        self.tokenizer = tokenizer
        self.vocabulary = vocabulary
        self.vocabulary_size = vocabulary_size
        self.min_count = min_count
        self.embedding_dim = embedding_dim
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.normalization = normalization
        self.dropout = dropout
        self.embedding_dropout = embedding_dropout
        self.ngram_sizes = ngram_sizes
        self.ngram_rows = ngram_rows
        self.ngram_dim = ngram_dim
        self.ngram_dropout = ngram_dropout
        self.kneser_ney_order = kneser_ney_order
        self.kneser_ney_weight = kneser_ney_weight
        self.weight_init = weight_init
        self.tie_embeddings = tie_embeddings
        self.direct_connections = direct_connections
        self.output = output
        self.n_samples = n_samples
        self.n_estimators = n_estimators
        self.solver = solver
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.averaging = averaging
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.max_time = max_time
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state
        self.dtype = dtype

    # -- fit -----------------------------------------------------------------------------

    def fit(self, texts: Any, y: Any = None, *, texts_val: Any = None) -> NextWordModel:
        """Learn the vocabulary and train the networks.

        Parameters
        ----------
        texts : iterable of str, open text file, or path
            Read once, line by line; what is kept are integers, four bytes for each token.
        y : None
            Ignored.
        texts_val : iterable of str, open text file, or path, default=None
            Texts to watch instead of the last lines of ``texts``; this implies early stopping.

        Returns
        -------
        self
        """
        self._validate_params()
        codes, held = self._learn(texts, self.early_stopping and texts_val is None)
        if texts_val is not None:
            held = self._encode(texts_val)
        self._count(codes)
        self._draw(codes)
        run(self, codes, held, incremental=False)
        return self

    def partial_fit(self, texts: Any, y: Any = None) -> NextWordModel:
        """Go through some texts once, at a constant learning rate.

        Parameters
        ----------
        texts : iterable of str, open text file, or path
            The vocabulary is that of the first call, unless ``vocabulary`` is given.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        self._validate_params()
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it never sees all texts"
            )
        if self.kneser_ney_order is not None:
            raise ValueError(
                "partial_fit does not support kneser_ney_order: n-grams are counted in all texts "
                "at once. Pass kneser_ney_order=None, or call fit with all texts."
            )
        if self.__sklearn_is_fitted__():
            _architecture.check_unchanged(self, self._built)
            codes = self._encode(texts)
        else:
            codes, _ = self._learn(texts, False)
            self._draw(codes)
        self._counts = None
        run(self, codes, None, incremental=True)
        return self

    def _learn(self, texts: Any, hold_out: bool) -> tuple[Any, Any]:
        """Set the vocabulary; return the codes to train on, and those held out or None."""
        if self.level == "char" and self.tokenizer is not None:
            raise ValueError("tokenizer is for level='word'; pass None for characters")
        self._built = _architecture.shape(self)
        self._cutter = Cutter(self.level, self.tokenizer)
        codes, found = discover(lines_of(texts), self._cutter)
        n = tail(codes, self.validation_fraction) if hold_out else len(codes)
        if self.vocabulary is None:
            tokens = frequent(codes[:n], found, self.min_count, self.vocabulary_size)
        else:
            tokens = list(self.vocabulary)
            if len(set(tokens)) < len(tokens):
                raise ValueError("vocabulary: got a token twice, but expected distinct tokens")
            needed = self._cutter.end, self._cutter.unknown
            tokens += [token for token in needed if token not in tokens]
        self.tokens_ = tokens
        self.vocabulary_ = {token: column for column, token in enumerate(tokens)}
        codes = translate(codes, found, self._cutter, self.vocabulary_)
        return codes[:n], codes[n:] if hold_out else None

    def _encode(self, texts: Any) -> Any:
        return encode(lines_of(texts), self._cutter, self.vocabulary_)

    def _windows(self, codes: Any, c: int | None = None) -> Windows:
        end, none = self.vocabulary_[self._cutter.end], len(self.tokens_)
        c = self._built["context_size"] if c is None else c
        return Windows(codes, end, none, c, self._built["across_lines"])

    def _count(self, codes: Any) -> None:
        """Count n-grams, if asked for."""
        self._counts: KneserNey | None = None
        order = self.kneser_ney_order
        if order is not None:
            if order > self.context_size + 1:
                raise ValueError(
                    f"kneser_ney_order={order!r}: expected at most {self.context_size + 1}, the "
                    "context_size and the token told; look further back, or count shorter ones"
                )
            windows = self._windows(codes, order - 1)
            which = np.arange(len(windows))
            contexts, targets = windows.contexts(which), windows.targets(which)[:, 0]
            self._counts = KneserNey(contexts, targets, len(self.tokens_))

    def _draw(self, codes: Any) -> None:
        """Build the networks and draw their initial weights."""
        counts = np.bincount(codes, minlength=len(self.tokens_))
        layer = _architecture.network_layer(self, counts)
        k = self.n_estimators
        seeds = check_random_state(self.random_state).randint(2**31, size=2 * k)
        self._rngs, self._noise = np.split(np.array([np.random.default_rng(s) for s in seeds]), 2)
        self.networks_ = Network([layer], self.context_size, stack=k, dtype=np.dtype(self.dtype))
        self.networks_.initialize(self._rngs)
        self._loss = IndexLogLoss(len(counts))
        _architecture.readout(layer).b[...] = self._loss.start(codes[:, None])
        self._state: State | None = None
        self.loss_curve_: list[float] = []
        self.history_: list[dict[str, float]] = []

    # -- predict -------------------------------------------------------------------------

    def predict_proba(self, contexts: Any) -> Any:
        r"""Return the probability of every token after each context.

        Parameters
        ----------
        contexts : iterable of str
            Texts that go on. One that ends in "\n" goes on with a new line.

        Returns
        -------
        ndarray of shape (n_contexts, n_tokens)
            Columns in the order of ``tokens_``.
        """
        X = self._contexts(contexts)
        p = np.empty((len(X), len(self.tokens_)), self.networks_.dtype)
        for chunk in chunks(len(X), len(self.tokens_)):
            p[chunk] = np.exp(self._log_proba(X[chunk]))
        return p

    def predict(self, contexts: Any) -> Any:
        """Return the most probable token after each context, an array of str."""
        best = self.predict_proba(contexts).argmax(axis=1)
        return np.array(self.tokens_, dtype=object)[best]

    def predict_next(self, context: str, k: int = 5) -> list[tuple[str, float]]:
        """Return the k most probable tokens after a context, with their probabilities.

        Parameters
        ----------
        context : str
            A text that goes on.
        k : int, default=5
            Number of tokens; all where there are fewer.

        Returns
        -------
        list of (str, float)
            The most probable first.
        """
        p = self.predict_proba([context])[0]
        return [(self.tokens_[i], float(p[i])) for i in np.argsort(-p, kind="stable")[:k]]

    def sample(
        self, prompt: str = "", n: int = 20, temperature: float = 1.0, random_state: Any = None
    ) -> str:
        """Write on: draw token after token, each given those before it.

        Parameters
        ----------
        prompt : str, default=""
            How the text begins.
        n : int, default=20
            Number of tokens to draw, ends of lines among them.
        temperature : float, default=1.0
            Probabilities are taken to the power of 1 / temperature; 0 for the most probable token
            each time.
        random_state : int, RandomState instance or None, default=None
            What is drawn from.

        Returns
        -------
        str
            The prompt and what follows it.
        """
        if not temperature >= 0:
            raise ValueError(f"Got temperature={temperature!r}, but expected a number >= 0.")
        X = self._contexts([prompt])
        rng = check_random_state(random_state)
        end, none, drawn = self.vocabulary_[self._cutter.end], len(self.tokens_), []
        for _ in range(n):
            drawn.append(_draw_one(self._log_proba(X)[0], temperature, rng))
            X = np.append(X[:, 1:], [[drawn[-1]]], axis=1)
            if drawn[-1] == end and not self._built["across_lines"]:
                X[:] = none
        return self._cutter.glue(prompt, self._cutter.join(self.tokens_[i] for i in drawn))

    def score(self, texts: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of a token, the ends of lines included, in nats.

        Parameters
        ----------
        texts : iterable of str, open text file, or path
            Their unknown tokens count as what they are for the model: one token.
        y : None
            Ignored.

        Returns
        -------
        float
        """
        return float(self.score_samples(texts).mean())

    def score_samples(self, texts: Any) -> Any:
        """Return the log-likelihood of each token, the ends of lines included, in nats.

        Parameters
        ----------
        texts : iterable of str, open text file, or path
            As for :meth:`score`.

        Returns
        -------
        ndarray of shape (n_tokens,)
        """
        check_is_fitted(self)
        windows = self._windows(self._encode(texts))
        log_p = -log_losses(self.networks_.predict, self._loss, windows)
        return self._mix(log_p, self._counted(windows))

    def perplexity(self, texts: Any) -> float:
        """Return exp(-score(texts)): among how many tokens the model seems to choose.

        Parameters
        ----------
        texts : iterable of str, open text file, or path
            As for :meth:`score`.

        Returns
        -------
        float
        """
        return float(np.exp(-self.score(texts)))

    def _contexts(self, texts: Any) -> Any:
        """Return the codes (n, c) of the last tokens of texts."""
        check_is_fitted(self)
        if isinstance(texts, str):
            raise TypeError("Got contexts as one str, but expected several. Pass [context].")
        c, none = self._built["context_size"], len(self.tokens_)
        unknown = self.vocabulary_[self._cutter.unknown]
        rows = []
        for text in texts:
            tokens = self._cutter.context(text, self._built["across_lines"])[-c:]
            codes = [self.vocabulary_.get(token, unknown) for token in tokens]
            rows.append([none] * (c - len(codes)) + codes)
        return np.array(rows, dtype=np.int32).reshape(-1, c)

    def _log_proba(self, X: Any) -> Any:
        """Return the logarithms (n, V) of the probabilities of all tokens after contexts (n, c)."""
        raw = self._loss.average(self.networks_.predict(X))
        log_p = self._loss.log_predict(raw)[0].astype(np.float64)
        return self._mix(log_p, None if self._counts is None else self._counts.predict_proba(X))

    def _counted(self, windows: Windows) -> Any:
        """Return the probability (n,) of each token by the counts, or None where there are none."""
        if self._counts is None:
            return None
        p = np.empty(len(windows))
        for chunk in chunks(len(windows), 1):
            which = np.arange(chunk.start, chunk.stop)
            contexts, targets = windows.contexts(which), windows.targets(which)[:, 0]
            p[chunk] = self._counts.probability(contexts, targets)
        return p

    def _mix(self, log_p: Any, counted: Any) -> Any:
        """Return the logarithms of the networks' probabilities mixed with those of the counts."""
        if counted is None:
            return log_p
        share = self.kneser_ney_weight
        with np.errstate(divide="ignore"):  # a share of zero
            return np.logaddexp(np.log1p(-share) + log_p, np.log(share * counted))

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether there is a network to predict with."""
        return hasattr(self, "networks_")

    def __sklearn_tags__(self) -> Any:
        """Texts come in, not a table."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags


def _draw_one(log_p: Any, temperature: float, rng: Any) -> int:
    """Draw a code by log-probabilities (V,)."""
    if temperature == 0:
        return int(log_p.argmax())
    upto = np.exp((log_p - log_p.max()) / temperature).cumsum()
    return int(np.searchsorted(upto, rng.uniform() * upto[-1], side="right"))
