"""Train language models on real texts: `python -m tests.quality.bench_language brown|shakespeare`.

Any parameter of NextWordModel can be given as NAME=VALUE behind the name of the corpus. Each epoch
is printed, and at the end what the model reaches on the held-out text.

The vocabulary of Brown has 17,906 tokens, as published: those of both of our parts, the end of
line, the unknown token, and as many that are never seen as there are in the part for tests.
"""

import argparse
import ast
import math
import time
from pathlib import Path

import numpy as np

from skmlp.language import NextWordModel

DATA = Path(__file__).parents[3] / "shared" / "data" / "text"
BROWN_VOCABULARY = 17_906

#: Of the n-grams beside the network.
ORDERS = {"brown": 3, "shakespeare": 7}

SETTINGS = {
    "brown": {
        "across_lines": True,
        "context_size": 8,
        "embedding_dim": 128,
        "hidden_layer_sizes": (256,),
        "tie_embeddings": True,
        "dropout": 0.3,
        "embedding_dropout": 0.2,
        "output": "sampled",
        "n_samples": 2048,
        "batch_size": 512,
        "solver": "adamw",
        "max_iter": 6,
    },
    "shakespeare": {
        "level": "char",
        "across_lines": True,
        "context_size": 12,
        "embedding_dim": 24,
        "ngram_sizes": (2, 3, 4, 5, 6),
        "ngram_dropout": 0.5,
        "hidden_layer_sizes": (512, 512),
        "dropout": 0.3,
        "n_estimators": 3,
        "solver": "adamw",
        "learning_rate_init": 0.003,
        "max_iter": 4,
    },
}


def brown():
    """Return the training and held-out lines, and what else the model must know."""
    train, held = (
        (DATA / f"brown.{part}.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
        for part in ("train", "valid")
    )
    tokens = sorted({token for line in (*train, *held) for token in line.split()} | {"</s>"})
    tokens += [f"<unseen {i}>" for i in range(BROWN_VOCABULARY - len(tokens))]
    return train, held, {"vocabulary": tokens}


def shakespeare():
    """Return all but the last tenth of the characters, and that tenth, as lines."""
    text = (DATA / "tinyshakespeare.txt").read_text(encoding="utf-8")
    cut = text.rindex("\n", 0, len(text) * 9 // 10)
    return [text[:cut]], [text[cut + 1 :]], {}


class KneserNey:
    """An interpolated Kneser-Ney model of n-grams, with one discount for each order.

    The probability of a token after some others is the discounted share of that among all tokens
    seen after them, and for the rest that of shorter contexts, in which a token counts once for
    each context it was seen in (Kneser & Ney 1995; Chen & Goodman 1999, section 2.7).
    """

    def __init__(self, codes, n_tokens, order):
        self.n_tokens, self.order, self.levels = n_tokens, order, []
        grams, counts = np.unique(self._grams(codes), return_counts=True)
        for m in range(order, 0, -1):
            once, twice = (counts == 1).sum(), (counts == 2).sum()
            discount = once / max(1, once + 2 * twice)
            before, place = np.unique(grams // n_tokens, return_inverse=True)
            totals, kinds = np.bincount(place, counts), np.bincount(place)
            self.levels.append((m, grams, counts - discount, before, totals, discount * kinds))
            grams, counts = np.unique(grams % n_tokens ** (m - 1), return_counts=True)

    def _grams(self, codes):
        """Return a number for the tokens that end at each place but the first ones."""
        found = np.zeros(len(codes) - self.order + 1, dtype=np.int64)
        for j in range(self.order):
            found = found * self.n_tokens + codes[j : j + len(found)]
        return found

    def __call__(self, codes):
        """Return the probability of each token but the first order - 1."""
        asked = self._grams(codes)
        p = np.full(len(asked), 1 / self.n_tokens)
        for m, grams, kept, before, totals, rest in self.levels[::-1]:
            gram = asked % self.n_tokens**m
            context = gram // self.n_tokens
            at = np.minimum(np.searchsorted(grams, gram), len(grams) - 1)
            own = np.where(grams[at] == gram, kept[at], 0)
            i = np.minimum(np.searchsorted(before, context), len(before) - 1)
            p = np.where(before[i] == context, (own + rest[i] * p) / totals[i], p)
        return p


def mix(model, train, held, order):
    """Print what a table of n-grams reaches, and the mean of its probabilities and the model's."""
    codes, told = model._encode(train), model._encode(held)
    table = KneserNey(codes, len(model.vocabulary_), order)(told)
    network = np.exp(model.score_samples(held))[-len(table) :]
    for name, p in (
        ("network", network),
        (f"Kneser-Ney {order}-gram", table),
        ("mean of both", (network + table) / 2),
    ):
        loss = -np.log(p).mean()
        print(f"{name}: {loss:.4f} nats a token, perplexity {np.exp(loss):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", choices=sorted(SETTINGS))
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    options = parser.parse_args()
    given = (setting.split("=", 1) for setting in options.settings)
    train, held, known = {"brown": brown, "shakespeare": shakespeare}[options.corpus]()
    settings = {**SETTINGS[options.corpus], **known}
    settings |= {name: ast.literal_eval(value) for name, value in given}
    shown = {name: value for name, value in settings.items() if name != "vocabulary"}
    print(options.corpus, shown, flush=True)
    model = NextWordModel(random_state=0, verbose=True, **settings)
    start = time.process_time()
    model.fit(train, texts_val=held)
    print(f"{time.process_time() - start:.0f} s of CPU, {model.networks_.theta.size:,} parameters")
    loss = -model.score(held)
    print(f"held out: {loss:.4f} nats a token, perplexity {math.exp(loss):.2f}", flush=True)
    mix(model, train, held, ORDERS[options.corpus])


if __name__ == "__main__":
    main()
