"""The pages of the reference list every public name, and no other."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import skmlp.core

PAGES = sorted((Path(__file__).parents[1] / "docs" / "api").glob("*.rst"))
HOUSES = ["datasets", "export", "inspection", "language", "model_selection", "preprocessing"]
ROOMS = [room.name for room in pkgutil.iter_modules(skmlp.core.__path__, "skmlp.core.")]
MODULES = ["skmlp", *(f"skmlp.{house}" for house in HOUSES), *ROOMS]
TABLE = re.compile(r"\.\. (?:current)?module:: (\S+)\n\n\.\. autosummary::\n.*\n\n((?: +\w+\n)+)")


def listed():
    """Return (module, name) of every line of the tables."""
    tables = [table for page in PAGES for table in TABLE.findall(page.read_text(encoding="utf-8"))]
    return [(module, name) for module, names in tables for name in names.split()]


def public(module):
    """Return the names that a module offers: ``__all__``, or else what it defines."""
    if hasattr(module, "__all__"):
        return set(module.__all__) - {"__version__"}
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (getattr(value, "__module__", None) == module.__name__ or is_registry(name, value))
    }


def is_registry(name, value):
    return name.isupper() and isinstance(value, dict | tuple | frozenset)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_listed(name):
    module = importlib.import_module(name)
    assert {found for home, found in listed() if home == name} == public(module)


def test_nothing_is_listed_twice_or_elsewhere():
    entries = listed()
    assert len(entries) == len(set(entries))
    assert {home for home, _ in entries} == set(MODULES)


def test_the_estimators_have_one_page():
    from skmlp import estimators

    assert set(estimators.__all__) < set(skmlp.__all__)
