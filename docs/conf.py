"""How Sphinx builds the documentation: Markdown pages, furo's look, and a reference generated before the build."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import generate

from dhcpkit import __version__

generate.write()

project = "dhcpkit"
author = "the dhcpkit authors"
release = version = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_block", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "dhcpkit"
exclude_patterns = ["_build"]
# Code in docstrings is prose about Python, and the lexers need not understand every signature.
suppress_warnings = ["misc.highlighting_failure"]
