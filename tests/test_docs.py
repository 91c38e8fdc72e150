"""Every snippet of the README and of the pages runs and prints what it says."""

import ast
import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_run(page):
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=options)
    assert failed == 0


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda e: e.stem)
def test_the_gallery_asks_of_an_example_what_it_takes(example):
    tree = ast.parse((ROOT / "docs" / "_examples.py").read_text(encoding="utf-8"))
    known = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
    }
    asked = list(known["SMALL"].get(example.stem, []))
    if example.stem not in known["WITHOUT_PICTURE"]:
        asked.append("--plot")
    source = example.read_text(encoding="utf-8")
    for option in asked:
        assert not option.startswith("--") or f'"{option}"' in source
