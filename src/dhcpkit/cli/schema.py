"""`dhcpkit schema`: what keys a configuration may have, as JSON Schema, and what commands there are, as OpenAPI."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["Family", "schema"]


class Family(StrEnum):
    """Which server's configuration."""

    DHCP4 = "4"
    DHCP6 = "6"


def schema(
    family: Annotated[Family, typer.Argument(help="4 for Dhcp4, 6 for Dhcp6.")] = Family.DHCP4,
    api: Annotated[bool, typer.Option("--api", help="Print the OpenAPI document of all commands instead.")] = False,
) -> None:
    """Prints the JSON Schema of a configuration, with which editors complete keys and check values."""
    if api:
        from dhcpkit.api.openapi import openapi
        from dhcpkit.server.declared import every_declaration
        from dhcpkit.server.main import VERSION

        print(json.dumps(openapi(every_declaration(), VERSION), indent=2))
        return
    from dhcpkit.config.schema import schema4, schema6

    print(json.dumps(schema4() if family is Family.DHCP4 else schema6(), indent=2))
