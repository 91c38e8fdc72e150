"""Lines, tokens, and back."""

import io

import pytest

from skmlp.language._text import Cutter, lines_of

TEXT = "one two\n\n  three\tfour \nfive"
LINES = ["one two", "", "  three\tfour ", "five"]


@pytest.mark.parametrize("end", ["", "\n"])
def test_every_form_of_a_text_gives_the_same_lines(end, tmp_path):
    path = tmp_path / "text"
    path.write_text(TEXT + end, encoding="utf-8")
    assert list(lines_of([TEXT + end])) == LINES
    assert list(lines_of(LINES)) == LINES
    assert list(lines_of(line for line in LINES)) == LINES
    assert list(lines_of(line + "\n" for line in LINES)) == LINES
    assert list(lines_of(io.StringIO(TEXT + end))) == LINES
    assert list(lines_of(path)) == list(lines_of(str(path))) == LINES
    with path.open(encoding="utf-8") as file:
        assert list(lines_of(file)) == LINES


@pytest.mark.parametrize(
    ("texts", "error", "match"),
    [
        ("a text, not a path", ValueError, r"names no file. Pass \[text\]"),
        ("long" * 5000, ValueError, r"longlong\.\.\.', which names no file"),
        (3, TypeError, "type int, but expected an iterable of str"),
        ([b"bytes"], TypeError, "type bytes, but expected str. Decode"),
        ([["cut", "already"]], TypeError, "type list, but expected str"),
    ],
)
def test_what_is_no_text_is_refused(texts, error, match):
    with pytest.raises(error, match=match):
        list(lines_of(texts))


def test_words_and_characters_are_cut_and_joined():
    words, chars = Cutter("word", None), Cutter("char", None)
    assert list(words.cut(" a  bc\t")) == ["a", "bc"]
    assert list(chars.cut("a b")) == ["a", " ", "b"]
    assert words.join(["a", "b", "</s>", "c", "</s>"]) == "a b\nc\n"
    assert chars.join("a b\nc\n") == "a b\nc\n"
    assert Cutter("word", lambda line: line.split("-")).cut("a-b") == ["a", "b"]


@pytest.mark.parametrize(
    ("prompt", "more", "whole"),
    [("a", "b", "a b"), ("a ", "b", "a b"), ("", "b", "b"), ("a", "\nb", "a\nb"), ("a", "", "a")],
)
def test_what_follows_is_put_behind_the_prompt(prompt, more, whole):
    assert Cutter("word", None).glue(prompt, more) == whole


def test_characters_are_put_side_by_side():
    assert Cutter("char", None).glue("a", "b") == "ab"


def test_a_context_is_the_last_line_or_all_with_their_ends():
    cutter = Cutter("word", None)
    assert cutter.context("a b\nc", across_lines=False) == ["c"]
    assert cutter.context("a b\nc", across_lines=True) == ["a", "b", "</s>", "c"]
    assert cutter.context("a\n", across_lines=False) == []
    assert cutter.context("a\n", across_lines=True) == ["a", "</s>"]
