"""The example on the next word runs, on its rhyme and on a file."""

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "next_word.py"


@pytest.fixture
def example():
    return runpy.run_path(str(EXAMPLE))


def test_the_rhyme_is_learnt(example, capsys):
    example["main"]([])
    said = capsys.readouterr().out
    assert "that tossed the dog / that worried the ...  'cat'" in said
    assert "crumpled horn / that tossed the ...  'dog'" in said
    written = said.split("temperature 0.8:\n\n")[1].splitlines()
    assert written[0].startswith("this is the ")
    assert sum(line in example["RHYME"].splitlines() for line in written[:-1]) > len(written) / 2


@pytest.mark.parametrize("level", ["word", "char"])
def test_a_file(example, level, tmp_path, capsys):
    path = tmp_path / "text"
    path.write_text(example["RHYME"] * 2)
    arguments = ["--level", level, "--epochs", "2", "--n", "5", "--contexts", "this is"]
    example["main"]([str(path), *arguments])
    said = capsys.readouterr().out
    assert "Iteration 2" in said
    assert "On the part held out" in said
    assert "this is ..." in said


def test_a_missing_file_is_an_error_of_usage(example, tmp_path, capsys):
    with pytest.raises(SystemExit):
        example["main"]([str(tmp_path / "none")])
    assert "no file" in capsys.readouterr().err
