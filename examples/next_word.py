"""Tell the next word, and write on
================================

A network that sees the last few words learns a nursery rhyme, printed in 1755 and older than that,
in which every verse repeats the one before it. It then tells how some lines go on, and writes
lines of its own.

::

    python examples/next_word.py                       # the rhyme below
    python examples/next_word.py FILE                  # any text, the last tenth of it held out
    python examples/next_word.py FILE --level char     # letter by letter
"""

import argparse
import time
from pathlib import Path

from skmlp.language import NextWordModel

RHYME = """\
this is the house that Jack built
this is the malt
that lay in the house that Jack built
this is the rat
that ate the malt
that lay in the house that Jack built
this is the cat
that killed the rat
that ate the malt
that lay in the house that Jack built
this is the dog
that worried the cat
that killed the rat
that ate the malt
that lay in the house that Jack built
this is the cow with the crumpled horn
that tossed the dog
that worried the cat
that killed the rat
that ate the malt
that lay in the house that Jack built
this is the maiden all forlorn
that milked the cow with the crumpled horn
that tossed the dog
that worried the cat
that killed the rat
that ate the malt
that lay in the house that Jack built
this is the man all tattered and torn
that kissed the maiden all forlorn
that milked the cow with the crumpled horn
that tossed the dog
that worried the cat
that killed the rat
that ate the malt
that lay in the house that Jack built
"""

CONTEXTS = (
    "this is the",
    "this is the house that Jack built\nthis is the",
    "this is the cow with the",
    "that tossed the dog\nthat worried the",
    "that milked the cow with the crumpled horn\nthat tossed the",
)


# --- the two models ---------------------------------------------------------------------------


def for_the_rhyme(options):
    """Return a small network for a small text, which may know it by heart."""
    return NextWordModel(
        context_size=8,
        across_lines=True,  # a line hangs on the one before it
        embedding_dim=16,
        hidden_layer_sizes=(32,),
        batch_size=16,
        learning_rate_init=0.01,
        max_iter=options.epochs or 30,
        random_state=options.seed,
    )


def for_a_file(options):
    """Return a larger one, which is held back from learning by heart."""
    chars = options.level == "char"
    return NextWordModel(
        level=options.level,
        context_size=16 if chars else 5,
        across_lines=True,
        min_count=2,
        embedding_dim=24 if chars else 64,
        hidden_layer_sizes=(256,) if chars else (128,),
        tie_embeddings=not chars,
        dropout=0.1 if chars else 0.3,
        kneser_ney_order=7 if chars else 3,  # a table of counts is mixed in
        solver="adamw",
        early_stopping=True,
        max_iter=options.epochs or 10,
        verbose=True,
        random_state=options.seed,
    )


# --- what they tell ---------------------------------------------------------------------------


def show_training(model, seconds):
    """Print what was learnt in what time."""
    first, last = model.loss_curve_[0], model.loss_curve_[-1]
    print(
        f"{len(model.tokens_):,} tokens, {model.networks_.theta.size:,} parameters, "
        f"{model.n_iter_} epochs in {seconds:.1f} s\n"
        f"Loss in nats a token: {first:.2f} in the first epoch, {last:.2f} in the last"
    )
    if model.best_validation_loss_ is not None:
        print(f"On the part held out: {model.best_validation_loss_:.2f}")


def show_next(model, contexts):
    """Print how texts may go on."""
    if contexts:
        print("\nWhat comes next:")
    for context in contexts:
        after = ", ".join(f"{token!r} {p:.0%}" for token, p in model.predict_next(context, k=3))
        print(f"  {context.replace(chr(10), ' / ')} ...  {after}")


# --- the whole --------------------------------------------------------------------------------


def main(argv=None):
    """Run the example."""
    options = parse(argv)
    model = for_a_file(options) if options.file else for_the_rhyme(options)
    start = time.perf_counter()
    model.fit(options.file or RHYME.splitlines())
    show_training(model, time.perf_counter() - start)
    if not options.file:
        print(f"Perplexity of the rhyme itself: {model.perplexity(RHYME.splitlines()):.2f}")
    show_next(model, options.contexts or (() if options.file else CONTEXTS))
    print(f"\nWriting on, at temperature {options.temperature}:\n")
    prompt = "" if options.file else "this is the"
    print(model.sample(prompt, options.n, options.temperature, random_state=options.seed))


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", metavar="FILE", nargs="?", help="a text in UTF-8 (the rhyme)")
    parser.add_argument("--level", choices=["word", "char"], default="word", help="for FILE")
    parser.add_argument("--contexts", nargs="+", metavar="TEXT", help="to be gone on with")
    parser.add_argument("--epochs", type=int, help="at most (30; 10 for FILE)")
    parser.add_argument("--n", type=int, default=60, help="tokens to write (%(default)s)")
    parser.add_argument("--temperature", type=float, default=0.8, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    options = parser.parse_args(argv)
    if options.file and not Path(options.file).is_file():
        parser.error(f"no file {options.file}")
    return options


if __name__ == "__main__":
    main()
