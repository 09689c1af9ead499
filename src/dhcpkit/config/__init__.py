"""Kea's configuration as typed documents, and compiled to the engine's network: `load4(path)`, `load6(path)`.

A configuration that cannot be used raises ConfigError with every problem found, each with its place.
"""

from dhcpkit.config.compile import compile4
from dhcpkit.config.compile6 import compile6
from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc
from dhcpkit.config.errors import ConfigError, Problem, render_json, render_text
from dhcpkit.config.load import Loaded4, Loaded6, family_of, load4, load6, parse4, parse6
from dhcpkit.config.param import unparse

__all__ = [
    "ConfigError",
    "Dhcp4Doc",
    "Dhcp6Doc",
    "Loaded4",
    "Loaded6",
    "Problem",
    "compile4",
    "compile6",
    "family_of",
    "load4",
    "load6",
    "parse4",
    "parse6",
    "render_json",
    "render_text",
    "unparse",
]
