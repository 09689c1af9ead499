"""The machine under the server, by command: its interfaces, and the lease file that is cleaned up.

Names, arguments and results are Kea's. This module does not know channels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.config.param import Document, document, param
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command
from dhcpkit.server import messages as m
from dhcpkit.server.commands import OwnProcess
from dhcpkit.server.interfaces import Interface, InterfaceSpec, interfaces

__all__ = ["InterfacesArguments", "MachineCommands"]

CLEANED: Final = (Result.SUCCESS, Result.ERROR, Result.UNSUPPORTED, Result.EMPTY)
EVERY: Final = "*"


@document("arguments")
class InterfacesArguments(Document):
    """Where to listen besides."""

    interfaces: tuple[str, ...] = param(doc="Interfaces, each with an address or without (`eth0`, `eth0/192.0.2.1`).")


class MachineCommands:
    """Interfaces, and the clean-up of the lease file."""

    def __init__(self, operated: OwnProcess, here: Callable[[], Mapping[str, Interface]] = interfaces) -> None:
        self._operated = operated
        self._here = here
        self._cleaning: asyncio.Task[None] | None = None

    @command("interface-list", Access.READ, since="3.1.9")
    def interface_list(self) -> Answer:
        """Lists the machine's interfaces, and which of them the server listens at."""
        try:
            there = self._here()
        except OSError as error:
            what = "Unexpected error while retrieving the list of detected interfaces"
            raise Refused(f"{what}: {error.strerror}") from None
        wanted = {text.partition("/")[0] for text in self._operated.doc.interfaces_config.interfaces}
        listed = [
            {
                "addresses": [
                    *(str(IPv4Address(address)) for address in each.addresses),
                    *(str(IPv6Address(address)) for address in each.addresses6),
                ],
                "flag-loopback": each.loopback,
                "flag-up": each.up,
                "in-use": each.name in wanted or (EVERY in wanted and not each.loopback),
                "index": each.index,
                "mac": each.mac.hex(":"),
                "name": each.name,
                "type": each.hwtype,
            }
            for each in sorted(there.values(), key=lambda each: each.index)
        ]
        return Answer(text=f"{len(listed)} interfaces detected.", arguments={"interfaces": listed})

    @command("interface-redetect", Access.WRITE, since="3.1.9")
    def interface_redetect(self) -> Answer:
        """Looks for interfaces and addresses anew, listens at those that are configured, and lists all."""
        self._operated.server.sockets.refresh()
        return self.interface_list()

    @command("interface-add", Access.WRITE, since="3.1.9", arguments=InterfacesArguments, raw=True)
    async def interface_add(self, sent: Any) -> Answer:
        """Listens at more interfaces, until another configuration is put in force."""
        added = _names_of(sent)
        there, family = self._here(), self._operated.family
        for text in added:
            try:
                spec = InterfaceSpec.parse(text, family)
            except ValueError as error:
                raise Refused(f"Updating used interfaces failed: {error}") from None
            if spec.name != EVERY and spec.name not in there:
                what = f"interface '{spec.name}' doesn't exist in the system"
                raise Refused(f"Updating used interfaces failed: Failed to select interface: {what}")

        def change(config: dict[str, Any]) -> None:
            listed = config.setdefault("interfaces-config", {}).setdefault("interfaces", [])
            listed.extend(text for text in dict.fromkeys(added) if text not in listed)

        if added:
            await self._operated.edit(change)
        return Answer(text="Interface configuration successfully updated.")

    @command("kea-lfc-start", Access.WRITE, since="3.1.2", results=CLEANED)
    async def kea_lfc_start(self) -> Answer:
        """Starts a clean-up of the lease file, which goes on while clients are served."""
        clean_up: Callable[[], Awaitable[object]] | None = getattr(self._operated.store, "clean_up", None)
        if clean_up is None:
            what = "'persist' parameter of 'memfile' lease backend was configured to 'false'"
            raise Refused(what, Result.UNSUPPORTED)
        if self._cleaning is not None and not self._cleaning.done():
            raise Refused("kea-lfc already running", Result.EMPTY)
        self._cleaning = asyncio.create_task(self._clean(clean_up))
        return Answer(text="kea-lfc started")

    async def _clean(self, clean_up: Callable[[], Awaitable[object]]) -> None:
        family = self._operated.family
        m.DHCPSRV_MEMFILE_LFC_START.of(family).log()
        try:
            await clean_up()
        except (StoreUnavailable, OSError) as error:
            m.DHCPSRV_MEMFILE_LFC_FAIL.of(family).log(reason=error)


def _names_of(sent: Any) -> list[str]:
    """The interfaces that were sent. Raises Refused."""
    if sent is None:
        raise Refused("Missing mandatory 'arguments' parameter.")
    if not isinstance(sent, dict):
        raise Refused("arguments for the 'interface-add' command must be a map")
    for key in sent:
        if key != "interfaces":
            raise Refused(f"Unsupported '{key}' map parameter in 'arguments'.")
    if "interfaces" not in sent:
        raise Refused("Missing mandatory 'interfaces' map parameter in 'arguments'.")
    names = sent["interfaces"]
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise Refused("'interfaces' parameter must be a list of strings")
    return names
