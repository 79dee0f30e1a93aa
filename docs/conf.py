"""Settings of Sphinx for the site, which build_site.py builds."""

import re

from sphinx.application import Sphinx

import faceposenet

project = "faceposenet"
author = "the authors of faceposenet"
copyright = "the authors of faceposenet"
release = faceposenet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
highlight_language = "none"

# Docstrings are written as the README is: single backticks are code.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 60
add_module_names = False

html_theme = "furo"
html_title = f"faceposenet {release}"
html_show_copyright = False
html_show_sourcelink = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]

# What docstrings say plainly, and reStructuredText would take for markup: |yaw|, a * b, name_.
_MARKUP = re.compile(r"`[^`]*`|[|*]|(?<=\w)_(?!\w)")


def setup(app: Sphinx) -> None:
    """Read by Sphinx."""
    before_napoleon = 400
    app.connect("autodoc-process-docstring", _escape, priority=before_napoleon)


def _escape(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = [_MARKUP.sub(lambda m: m[0] if m[0][0] == "`" else "\\" + m[0], line) for line in lines]
