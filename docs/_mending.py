"""What pages and docstrings need on their way to the site; as plain text they read well without."""

import re
from pprint import pformat

DOCTEST_END = re.compile(r"\n\n```$", re.MULTILINE)  # doctest needs the empty line
LINK = re.compile(r":(?:ref|term):`([^`<]+?)(?:\s*<[^`>]*>)?`")  # to scikit-learn's guide, glossary
CONTINUED = re.compile(r" \\\n\s+")  # a long type, in a raw docstring
SHAPE = re.compile(r"of shape \(([^)`]*)\)")
FITTED = re.compile(r"\w+_\b")
PLAIN = str | int | float | tuple | None


def mend_page(app, name, source):
    """Take off the empty line at the end of a block of code."""
    source[0] = DOCTEST_END.sub("\n```", source[0])


def mend_docstring(app, what, name, obj, options, lines):
    """Mend what would be markup: links that lead out of here, long types, a_, |a|."""
    text = CONTINUED.sub(" ", LINK.sub(r"\1", "\n".join(lines)))
    text = SHAPE.sub(lambda shape: FITTED.sub(r"``\g<0>``", shape[0]), text)
    summary, *rest = text.split("\n")
    lines[:] = [summary.replace("|", r"\|"), *rest]
    if what == "data":
        lines += ["", *shown(obj)]


def shown(value):
    """Return the lines that show a constant: a registry by its names, other things as they are."""
    if isinstance(value, dict) and not all(isinstance(one, PLAIN) for one in value.values()):
        return [", ".join(f"``{name!r}``" for name in value), ""]
    return ["::", "", *("    " + line for line in pformat(value, sort_dicts=False).split("\n")), ""]


def leave_out(app, what, name, member, skip, options):
    """Leave out members that come from other packages: their pages are there."""
    home = getattr(member, "__module__", None)
    return True if home and not home.startswith("skmlp") else None


def setup(app):
    """Connect them; numpydoc reads docstrings at 500."""
    app.connect("source-read", mend_page)
    app.connect("autodoc-process-docstring", mend_docstring, priority=400)
    app.connect("autodoc-skip-member", leave_out)
    return {"parallel_read_safe": True}
