"""How the gallery runs the examples: small enough for seconds, their pictures brought back."""

from pathlib import Path

from sphinx_gallery.scrapers import figure_rst

#: What is asked of each on the command line. Their defaults are larger.
SMALL = {
    "digits": ["--epochs", "40"],
    "digits_page": ["--epochs", "40"],
    "grid_search": ["--quick", "--samples", "200"],
    "methylome": ["--n-people", "120", "--n-cpgs", "2000", "--folds", "3"],
    "predict_smoking": ["--samples", "120", "--null", "60", "--folds", "2"],
}
WITHOUT_PICTURE = ("digits_page", "grid_search", "next_word")


def arguments(gallery_conf, script_vars):
    """Return the arguments of an example."""
    name = Path(script_vars["src_file"]).stem
    plot = [] if name in WITHOUT_PICTURE else ["--plot", f"{name}.png"]
    return [*SMALL.get(name, []), *plot]


def pictures(block, block_vars, gallery_conf):
    """Move the picture that an example wrote to the page; return the page's lines for it."""
    written = Path(block_vars["src_file"]).with_suffix(".png")
    if not written.exists():
        return ""
    path = Path(next(block_vars["image_path_iterator"]))
    path.write_bytes(written.read_bytes())
    written.unlink()
    return figure_rst([path], gallery_conf["src_dir"])
