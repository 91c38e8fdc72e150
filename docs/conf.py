"""Settings of the documentation's build: ``sphinx-build -W docs docs/_build``."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import skmlp  # noqa: E402 - of this checkout

project = "skmlp"
author = "the skmlp developers"
copyright = author
release = version = skmlp.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
    "_mending",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "py:obj"  # a name between single backquotes is a link where there is one
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", ".*"),  # and anything else may stand there too
    ("py:.*", r"(sklearn|matplotlib)\..*|\w*KFold"),
]

# --- pages ------------------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

# --- reference --------------------------------------------------------------------------------

autodoc_typehints = "none"  # the docstrings name the types
autosummary_imported_members = True
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template of a class lists them

# --- gallery ----------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",  # all of them run
    "image_scrapers": ("_examples.pictures",),
    "reset_argv": "_examples.arguments",
    "default_thumb_file": str(Path(__file__).parent / "_static" / "printed.svg"),
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "write_computation_times": False,
}

# --- looks ------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skmlp"
html_static_path = ["_static"]
html_css_files = ["calm.css"]
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "measurements", "gallery/**")}  # nothing below
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}
