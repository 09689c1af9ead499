"""`dhcpkit version`: what is installed, for bug reports."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from dhcpkit import __version__

__all__ = ["version"]

SHOWN = ("attrs", "construct", "sortedcontainers", "typer")  # what behaviour may depend on


def version(
    *, as_json: Annotated[bool, typer.Option("--json", help="As one JSON object, for programs.")] = False
) -> None:
    """Shows the versions of dhcpkit, Python and the libraries below it."""
    versions = {"dhcpkit": __version__, "python": platform.python_version()}
    versions |= {name: version_of(name) for name in SHOWN}
    if as_json:
        print(json.dumps(versions))
    else:
        print("\n".join(f"{name} {number}" for name, number in versions.items()))
