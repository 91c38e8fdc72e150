"""Language: a network that reads some words, or characters, and tells the next one."""

from skmlp.language.next_word import NextWordModel

__all__ = ["NextWordModel"]
