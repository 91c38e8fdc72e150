"""`python -m skmlp`: score models on a table, keep ours, predict with it."""

import argparse
import os
import sys
from collections.abc import Sequence

from skmlp import _command


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments."""
    top = argparse.ArgumentParser(prog="python -m skmlp", description="Networks for tables.")
    commands = top.add_subparsers(required=True, metavar="score | predict")

    one = commands.add_parser("score", help="compare models on a table by cross-validation")
    one.set_defaults(command=_command.score)
    one.add_argument("table", help="CSV, TSV (also .gz) or Parquet file with a header")
    one.add_argument("--target", required=True, help="the column to predict")
    tasks = ["auto", "classification", "regression"]
    one.add_argument("--task", choices=tasks, default="auto", help="default: told by the target")
    one.add_argument("--folds", type=int, default=5, help="of the cross-validation (default: 5)")
    one.add_argument(
        "--quality", choices=list(_command.QUALITIES), default="default", help="ours, quick or best"
    )
    one.add_argument(
        "--drop", nargs="+", action="extend", default=[], metavar="COLUMN", help="to leave out"
    )
    one.add_argument("--save", metavar="FILE", help="fit ours on all rows and keep it: model.skops")
    one.add_argument("--sep", help="between the fields of a text file (default: by its name)")

    two = commands.add_parser("predict", help="use a model that score has kept")
    two.set_defaults(command=_command.predict)
    two.add_argument("model", help="file that score --save has written")
    two.add_argument("table", help="new rows, with the columns that the model was fitted with")
    two.add_argument("--out", metavar="FILE", help="CSV to write (default: standard output)")
    two.add_argument("--proba", action="store_true", help="probabilities of the classes")
    two.add_argument("--sep", help="between the fields of a text file (default: by its name)")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except BrokenPipeError:  # whoever read has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (_command.CommandError, OSError) as error:  # such as a folder that is write-protected
        _command.note(f"error: {error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
