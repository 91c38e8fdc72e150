"""Count the tokens a second of language models: `python -m tests.speed.bench_language`.

The same network, an embedding, one hidden layer and a softmax over all tokens, is trained on the
same drawn tokens in batches of as many windows, by Adam, here and in an eager PyTorch loop.
"""

import argparse
import statistics
from time import perf_counter
from typing import NamedTuple

import numpy as np

from skmlp.language import NextWordModel
from tests.speed.measure import threads, torch


class Corpus(NamedTuple):
    """How many tokens, of how many kinds, and the network for them."""

    tokens: int
    vocabulary: int
    context: int
    dim: int
    hidden: int
    batch: int

    def codes(self) -> np.ndarray:
        """Draw tokens as frequent as words are: the k-th kind by 1 / k."""
        p = 1 / np.arange(1, self.vocabulary + 1)
        return np.random.default_rng(0).choice(self.vocabulary, self.tokens, p=p / p.sum())


CORPORA = {
    "characters": Corpus(200_000, 65, 16, 24, 512, 256),
    "words": Corpus(60_000, 5_000, 5, 60, 100, 128),
    "many words": Corpus(12_000, 17_900, 8, 128, 256, 512),
}


def ours(corpus: Corpus) -> float:
    """Return the tokens a second of one pass of partial_fit, after another."""
    text = " ".join(map(str, corpus.codes()))
    model = NextWordModel(
        context_size=corpus.context,
        embedding_dim=corpus.dim,
        hidden_layer_sizes=(corpus.hidden,),
        batch_size=corpus.batch,
        vocabulary=list(map(str, range(corpus.vocabulary))),
        solver="adam",
        activation="relu",
        random_state=0,
    )
    model.partial_fit([text[: len(text) // 10]])
    start = perf_counter()
    model.partial_fit([text])
    return corpus.tokens / (perf_counter() - start)


def pytorch(corpus: Corpus) -> float:
    """Return those of an eager loop."""
    torch.manual_seed(0)
    codes = torch.from_numpy(corpus.codes())
    padded = torch.cat([torch.full((corpus.context,), corpus.vocabulary), codes])
    windows = padded.unfold(0, corpus.context + 1, 1)
    network = torch.nn.Sequential(
        torch.nn.Embedding(corpus.vocabulary + 1, corpus.dim),
        torch.nn.Flatten(),
        torch.nn.Linear(corpus.context * corpus.dim, corpus.hidden),
        torch.nn.ReLU(),
        torch.nn.Linear(corpus.hidden, corpus.vocabulary),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    loss = torch.nn.CrossEntropyLoss()

    def one_pass(n: int) -> None:
        for rows in torch.randperm(n).split(corpus.batch):
            window = windows[rows]
            optimizer.zero_grad()
            loss(network(window[:, :-1]), window[:, -1]).backward()
            optimizer.step()

    one_pass(corpus.tokens // 10)
    start = perf_counter()
    one_pass(corpus.tokens)
    return corpus.tokens / (perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    peers = {"skmlp": ours} | ({"PyTorch": pytorch} if torch else {})
    for n_threads, words in ((1, "one thread"), (None, "default threads")):
        for name, corpus in CORPORA.items():
            with threads(n_threads):
                turns = [[peer(corpus) for peer in peers.values()] for _ in range(repeats)]
            median = [statistics.median(speeds) for speeds in zip(*turns, strict=True)]
            shown = ", ".join(f"{p} {s:,.0f}" for p, s in zip(peers, median, strict=True))
            print(f"{words}, {name}: {shown} tokens a second; {median[0] / median[-1]:.2f}")


if __name__ == "__main__":
    main()
