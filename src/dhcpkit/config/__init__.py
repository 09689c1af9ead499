"""Kea's configuration as typed documents, and compiled to the engine's network. `load4(path)` is the way in.

A configuration that cannot be used raises ConfigError with every problem found, each with its place.
"""

from dhcpkit.config.compile import compile4
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.errors import ConfigError, Problem, render_json, render_text
from dhcpkit.config.load import Loaded4, load4, parse4
from dhcpkit.config.param import unparse

__all__ = [
    "ConfigError",
    "Dhcp4Doc",
    "Loaded4",
    "Problem",
    "compile4",
    "load4",
    "parse4",
    "render_json",
    "render_text",
    "unparse",
]
