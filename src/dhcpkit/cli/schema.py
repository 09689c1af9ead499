"""`dhcpkit schema`: what keys a configuration may have, as JSON Schema for editors."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from dhcpkit.config.schema import schema4, schema6

__all__ = ["Family", "schema"]


class Family(StrEnum):
    """Which server's configuration."""

    DHCP4 = "4"
    DHCP6 = "6"


def schema(
    family: Annotated[Family, typer.Argument(help="4 for Dhcp4, 6 for Dhcp6.")] = Family.DHCP4,
) -> None:
    """Prints the JSON Schema of a configuration, with which editors complete keys and check values."""
    print(json.dumps(schema4() if family is Family.DHCP4 else schema6(), indent=2))
