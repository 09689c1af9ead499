"""What values mean, in words for people: to be named where an option or a kind is declared, as its `says`.

`DHCP4.define(53, "dhcp-message-type", UINT8, says=number_named(MessageType))` is all it takes. Nothing here fails for
what a peer chose. This module does not know which options exist.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from dhcpkit.wire.duid import ClientId, Duid
from dhcpkit.wire.json_form import Inside, Says

__all__ = [
    "bits_named",
    "name_of",
    "number_named",
    "say_client_id",
    "say_codes",
    "say_duid",
    "say_texts",
]


def name_of(names: type[enum.IntEnum], number: int) -> str | None:
    """The name of a number as RFCs write it: `INFORMATION-REQUEST`. None where it has none."""
    try:
        return names(number).name.replace("_", "-")
    except ValueError:
        return None


def number_named(names: type[enum.IntEnum] | Mapping[int, str]) -> Says[int]:
    """Says a number by its name."""

    def says(number: int, _: Inside) -> str:
        if isinstance(names, Mapping):
            return names.get(number, "")
        return name_of(names, number) or ""

    return says


def bits_named(names: Mapping[int, str]) -> Says[int]:
    """Says which of these bits are set in a number."""
    return lambda number, _: ", ".join(name for bit, name in names.items() if number & bit)


def say_codes(codes: Iterable[int], inside: Inside) -> str:
    """Codes of options as the names they have where this option stands."""
    return ", ".join(inside.named(code) for code in codes)


def say_texts(parts: Iterable[bytes], _: Inside) -> str:
    """Octets as texts in quotes."""
    return ", ".join(repr(part.decode("utf-8", "surrogateescape")) for part in parts)


def say_duid(found: bytes | Duid, _: Inside) -> str:
    """The parts of a DUID, or of octets that may be one."""
    octets = found.octets if isinstance(found, Duid) else found
    try:
        duid = Duid(octets)
    except ValueError:
        return f"no DUID: {len(octets)} octets"
    if duid.link_layer is not None:
        kind = "DUID-LL" if duid.time is None else "DUID-LLT"
        return f"{kind} of {duid.link_layer.hex(':')}" + ("" if duid.hwtype == 1 else f", hardware type {duid.hwtype}")
    if duid.enterprise is not None:
        return f"DUID-EN {duid.octets[6:].hex()} of enterprise {duid.enterprise}"
    return f"DUID-UUID {duid.uuid}" if duid.uuid is not None else f"DUID of type {duid.type}"


def say_client_id(octets: bytes, inside: Inside) -> str:
    """The parts of a DHCPv4 client identifier (RFC 2132 9.14, RFC 4361)."""
    client = ClientId(octets)
    if client.duid is not None:
        return f"IAID {client.iaid}, {say_duid(client.duid.octets, inside)}"
    if client.hwaddr is not None:
        return f"hardware address {client.hwaddr.hex(':')} of type {client.type}"
    return say_texts([octets[1:]], inside) if octets else "nothing"
