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
        "kneser_ney_order": 3,
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
        "kneser_ney_order": 7,
        "hidden_layer_sizes": (512, 512),
        "dropout": 0.3,
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
    shares = {"networks": 0.0, "counts": 1.0, "both": model.kneser_ney_weight}
    for name, share in shares.items():
        loss = -model.set_params(kneser_ney_weight=share).score(held)
        print(f"{name}: {loss:.4f} nats a token, perplexity {math.exp(loss):.2f}", flush=True)


if __name__ == "__main__":
    main()
