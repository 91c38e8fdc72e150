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
        "context_size": 16,
        "embedding_dim": 24,
        "hidden_layer_sizes": (512, 512),
        "dropout": 0.25,
        "solver": "adamw",
        "learning_rate_init": 0.004,
        "max_iter": 6,
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


def counted(codes):
    """Return the distinct rows of codes (n, m), and how often each is there."""
    return np.unique(codes, axis=0, return_counts=True)


class Trigram:
    """An interpolated Kneser-Ney trigram with one discount for each order.

    The probability of a token after two others is the discounted share of that among all tokens
    seen after them, and for the rest that of shorter contexts, in which a token counts once for
    each context it was seen in (Kneser & Ney 1995; Chen & Goodman 1999, section 2.7).
    """

    def __init__(self, codes, n_tokens):
        self.n_tokens = n_tokens
        grams, counts = counted(np.stack([codes[:-2], codes[1:-1], codes[2:]], axis=1))
        self.orders = []
        for m in (3, 2, 1):
            once, twice = (counts == 1).sum(), (counts == 2).sum()
            discount = once / max(1, once + 2 * twice)
            key = self._key(grams)
            before = self._key(grams[:, :-1])
            here, place = np.unique(before, return_inverse=True)
            totals, kinds = np.bincount(place, counts), np.bincount(place)
            self.orders.append((m, key, counts, here, totals, discount * kinds, discount))
            grams, counts = counted(grams[:, 1:]) if m > 1 else (grams, counts)

    def _key(self, grams):
        """Number each row of codes (n, m)."""
        key = np.zeros(len(grams), dtype=np.int64)
        for column in grams.T:
            key = key * self.n_tokens + column
        return key

    def __call__(self, codes):
        """Return the probability of each token but the first two."""
        grams = np.stack([codes[:-2], codes[1:-1], codes[2:]], axis=1)
        p = np.full(len(grams), 1 / self.n_tokens)
        for m, key, counts, here, totals, kept, discount in self.orders[::-1]:
            asked, before = self._key(grams[:, 3 - m :]), self._key(grams[:, 3 - m : 2])
            at = np.minimum(np.searchsorted(key, asked), len(key) - 1)
            seen = np.where(key[at] == asked, np.maximum(counts[at] - discount, 0), 0)
            i = np.minimum(np.searchsorted(here, before), len(here) - 1)
            mixed = (seen + kept[i] * p) / totals[i]
            p = np.where(here[i] == before, mixed, p)
        return p


def mix(model, train, held):
    """Print what a trigram reaches, and the mean of its probabilities and the model's."""
    codes, told = model._encode(train), model._encode(held)
    trigram = Trigram(codes, len(model.vocabulary_))(told)
    network = np.exp(model.score_samples(held))[2:]
    for name, p in (
        ("network", network),
        ("trigram", trigram),
        ("mean of both", (network + trigram) / 2),
    ):
        print(f"{name}: perplexity {np.exp(-np.log(p).mean()):.2f}")


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
    mix(model, train, held)


if __name__ == "__main__":
    main()
