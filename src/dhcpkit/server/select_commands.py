"""Which subnet a client would be in: a dry run of the selection for an arrival that a caller describes.

What is described becomes a message as a client or relay agent would send it, and goes through the very selection that
serves clients. Names of commands, arguments and results are Kea's. This module does not know channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from dhcpkit.alloc.select import select_subnet4
from dhcpkit.alloc.select6 import select_subnet6
from dhcpkit.alloc.trace import NO_TRACE
from dhcpkit.config.normal import normal
from dhcpkit.config.param import Document, document, param
from dhcpkit.hooks.commands import DHCP4, DHCP6, Access, Answer, Refused, Result, command
from dhcpkit.hooks.operated import Operated
from dhcpkit.server.interfaces import Interface, interfaces
from dhcpkit.wire.dhcp4 import Arrival, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, Packet6
from dhcpkit.wire.text import parse_hex

__all__ = ["Select4Arguments", "Select4o6Arguments", "Select6Arguments", "SelectCommands"]

FOUND: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY)

HEADER: Final = 236  # octets of a DHCPv4 header, RFC 2131 figure 1
COOKIE: Final = bytes((99, 130, 83, 99))
LINK_SELECTION: Final = 5  # of option 82, RFC 3527
DISCOVER, SOLICIT, RELAY_FORWARD = 1, 1, 12
RELAY_MESSAGE, INTERFACE_ID = 9, 18


@document("arguments")
class Select4Arguments(Document):
    """Where a DHCPv4 client's message would come from."""

    interface: str = param(default="", doc="The server's interface.")
    address: str = param(default="", doc="The client's own address (ciaddr).")
    relay: str = param(default="", doc="The relay agent's address (giaddr).")
    local: str = param(default="", doc="The address it is sent to.")
    remote: str = param(default="", doc="The address it is sent from.")
    link: str = param(default="", doc="The address in link selection (RFC 3527).")
    subnet: str = param(default="", doc="The address in subnet selection (RFC 3011).")
    classes: tuple[str, ...] = param(default=(), doc="The client's classes.")


@document("arguments")
class Select4o6Arguments(Select4Arguments):
    """Where a DHCPv4 message over DHCPv6 would come from."""

    interface_id: str = param(default="", doc="The relay agent's interface-id.")


@document("arguments")
class Select6Arguments(Document):
    """Where a DHCPv6 client's message would come from."""

    interface: str = param(default="", doc="The server's interface.")
    interface_id: str = param(default="", doc="The relay agent's interface-id.")
    remote: str = param(default="", doc="The address it is sent from.")
    link: str = param(default="", doc="The relay agent's link address.")
    classes: tuple[str, ...] = param(default=(), doc="The client's classes.")


class SelectCommands:
    """Which subnet a client would be in."""

    def __init__(self, operated: Operated, here: Callable[[], Mapping[str, Interface]] = interfaces) -> None:
        self._operated = operated
        self._here = here

    @command(
        "subnet4-select-test", Access.READ, since="2.7.0", arguments=Select4Arguments, raw=True, servers=[DHCP4],
        results=FOUND,
    )  # fmt: skip
    def subnet4_select_test(self, sent: Any) -> Answer:
        """Tells in which subnet a DHCPv4 client would be."""
        given = _checked(
            sent, Select4Arguments, dict.fromkeys(("address", "relay", "local", "remote", "link", "subnet"), 4)
        )
        network = self._operated.network
        interface = given.get("interface", "")
        local = given.get("local", 0)
        asks_interface = not any(given.get(key) for key in ("address", "relay", "remote", "link", "subnet"))
        if interface and asks_interface:
            there = self._here().get(interface)
            if there is None and not network.by_interface(interface):
                what = f"interface {interface} doesn't exist and therefore it is impossible to find a suitable subnet"
                raise Refused(f"Error during command processing: {what} for its IPv4 address")
            local = there.addresses[0] if there is not None and there.addresses else 0
        elif asks_interface:
            local = 0  # Kea looks at the interface's address, not at the one a message is sent to
        arrival = Arrival(interface=interface, source=given.get("remote", 0), local=local)
        packet = Packet4.parse(_message4(given), arrival)
        return _selected(select_subnet4(packet, network, tuple(given.get("classes", ())), NO_TRACE), network)

    @command(
        "subnet4o6-select-test", Access.READ, since="2.7.0", arguments=Select4o6Arguments, raw=True, servers=[DHCP4],
        results=FOUND,
    )  # fmt: skip
    def subnet4o6_select_test(self, sent: Any) -> Answer:
        """Tells which subnet the configuration means for a DHCPv4 client that asks over DHCPv6."""
        families = {"address": 4, "relay": 4, "subnet": 4, "local": 6, "remote": 6, "link": 6}
        given = _checked(sent, Select4o6Arguments, families)
        whole = normal(self._operated.doc)
        groups = [("", whole), *((network["name"], network) for network in whole["shared-networks"])]
        for name, group in groups:
            for subnet in group["subnet4"]:
                if _means_4o6(subnet, given):
                    return Answer(text=_told(subnet["subnet"], subnet["id"], name))
        raise Refused("no subnet selected", Result.EMPTY)

    @command(
        "subnet6-select-test", Access.READ, since="2.7.0", arguments=Select6Arguments, raw=True, servers=[DHCP6],
        results=FOUND,
    )  # fmt: skip
    def subnet6_select_test(self, sent: Any) -> Answer:
        """Tells in which subnet a DHCPv6 client would be."""
        given = _checked(sent, Select6Arguments, {"remote": 6, "link": 6})
        arrival = Arrival6(interface=given.get("interface", ""), source=given.get("remote", 0))
        packet = Packet6.parse(_message6(given), arrival)
        network = self._operated.network
        return _selected(select_subnet6(packet, network, tuple(given.get("classes", ())), NO_TRACE), network)


def _selected(subnet: Any, network: Any) -> Answer:
    if subnet is None:
        raise Refused("no subnet selected", Result.EMPTY)
    shared = network.shared_network(subnet)
    return Answer(text=_told(str(subnet.prefix), subnet.id, shared.name if shared is not None else ""))


def _told(prefix: str, number: int, network: str) -> str:
    if network:
        return f"selected shared network '{network}' starting with subnet '{prefix}' id {number}"
    return f"selected subnet '{prefix}' id {number}"


def _checked(sent: Any, cls: type[Document], families: Mapping[str, int]) -> dict[str, Any]:
    """What was sent by its keys: addresses as numbers, an interface-id as octets. Raises Refused."""
    if sent is None:
        raise Refused("empty arguments")
    if not isinstance(sent, dict):
        raise Refused("arguments must be a map")
    given: dict[str, Any] = {}
    for key, value in sent.items():
        if key not in cls.by_key:
            raise Refused(f"unknown entry '{key}'")
        if key == "classes":
            if not isinstance(value, list):
                raise Refused("'classes' entry must be a list")
            if not all(isinstance(each, str) for each in value):
                raise Refused("'classes' entry must be a list of strings")
            given[key] = value
            continue
        if not isinstance(value, str):
            raise Refused(f"'{key}' entry must be a string")
        given[key] = _read(key, value, families.get(key, 0))
    return given


def _read(key: str, value: str, family: int) -> Any:
    if key == "interface-id":
        try:
            return parse_hex(value)
        except ValueError:
            raise Refused("value of 'interface-id' was not recognized") from None
    if not family:
        return value
    try:
        address = ip_address(value)
    except ValueError:
        raise Refused(f"bad '{key}' entry: Failed to convert string to address '{value}': Invalid argument") from None
    if isinstance(address, IPv4Address if family == 6 else IPv6Address):
        raise Refused(f"bad '{key}' entry: not IPv{family}")
    return int(address)


def _message4(given: Mapping[str, Any]) -> bytes:
    """A DHCPDISCOVER that says of a client what a caller says of it."""
    header = bytearray(HEADER)
    header[0:3] = (1, 1, 6)
    header[12:16] = given.get("address", 0).to_bytes(4, "big")
    header[24:28] = given.get("relay", 0).to_bytes(4, "big")
    options = bytes((53, 1, DISCOVER))
    if "link" in given:
        options += bytes((82, 6, LINK_SELECTION, 4)) + int(given["link"]).to_bytes(4, "big")
    if "subnet" in given:
        options += bytes((118, 4)) + int(given["subnet"]).to_bytes(4, "big")
    return bytes(header) + COOKIE + options + b"\xff"


def _message6(given: Mapping[str, Any]) -> bytes:
    """A SOLICIT, relayed where a relay agent is spoken of."""
    solicit = bytes((SOLICIT, 0, 0, 0))
    if "link" not in given and "interface-id" not in given:
        return solicit
    link, peer = int(given.get("link", 0)), int(given.get("remote", 0))
    header = bytes((RELAY_FORWARD, 0)) + link.to_bytes(16, "big") + peer.to_bytes(16, "big")
    options = _option6(RELAY_MESSAGE, solicit)
    if "interface-id" in given:
        options = _option6(INTERFACE_ID, given["interface-id"]) + options
    return header + options


def _option6(code: int, payload: bytes) -> bytes:
    return code.to_bytes(2, "big") + len(payload).to_bytes(2, "big") + payload


def _means_4o6(subnet: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether a subnet is for what comes over DHCPv6 like this: by its prefix, its interface-id or its interface."""
    prefix, remote = subnet["4o6-subnet"], given.get("remote")
    if prefix and remote is not None and IPv6Address(remote) in ip_network(prefix, strict=False):
        return True
    wanted = subnet["4o6-interface-id"]
    if wanted and given.get("interface-id") == wanted.encode():
        return True
    return bool(subnet["4o6-interface"]) and subnet["4o6-interface"] == given.get("interface")
