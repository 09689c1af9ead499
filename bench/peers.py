"""Other Python libraries that read and write DHCP messages, each behind the same few functions.

What is not installed is passed over. A library of our own package's name (dhcpkit 1.0.7 on PyPI, DHCPv6 only) can only
be there in an interpreter of its own: this file runs there, too, and imports nothing of ours.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Peer", "peers"]


class Peer(NamedTuple):
    """A library and what it does with messages of one family.

    `read` takes octets as far as the library goes by itself, `everything` all options' values out of what was read,
    `write` makes the octets of what was read, and `fresh` makes them anew of values, without anything kept from
    reading. `value` is one option's value by its code, KeyError where there is none. A library that never `decodes`
    gives options' octets.
    """

    name: str
    family: int
    read: Callable[[bytes], Any]
    everything: Callable[[Any], Any]
    write: Callable[[Any], bytes]
    value: Callable[[Any, int], Any]
    fresh: Callable[[Any], Callable[[], bytes]] | None = None
    decodes: bool = True

    @property
    def version(self) -> str:
        """Of the distribution that is installed."""
        return importlib.metadata.version(self.name)

    @property
    def typed(self) -> bool:
        """Whether it ships a py.typed marker, so that type checkers look at it."""
        found = importlib.util.find_spec(self.name.removesuffix("-sdk"))
        return found is not None and Path(found.origin or "").with_name("py.typed").exists()


def peers() -> Iterator[Peer]:
    """Those that are installed here."""
    for make in (scapy4, scapy6, pydhcp, dhcppython, pyroute2, dhcplib, dpkt, dhcpkit1):
        try:
            yield make()
        except ImportError:
            continue


def scapy4() -> Peer:
    from scapy.layers.dhcp import BOOTP, DHCP, DHCPOptions

    numbers = {each if isinstance(each, str) else each.name: code for code, each in DHCPOptions.items()}

    def rows(message: Any) -> list[tuple[Any, ...]]:
        return [each for each in message[DHCP].options if isinstance(each, tuple)]

    def value(message: Any, code: int) -> Any:
        found = {numbers.get(name, name): values for name, *values in rows(message)}[code]
        return found[0] if len(found) == 1 else found

    def write(message: Any) -> bytes:
        for layer in (message, message[DHCP]):  # scapy keeps the octets it read, and would give them back
            layer.raw_packet_cache = None
        return bytes(message)

    def fresh(message: Any) -> Callable[[], bytes]:
        fields = {name: getattr(message, name) for name in ("op", "xid", "flags", "yiaddr", "siaddr", "chaddr")}
        options, cookie = message[DHCP].options, message.options
        return lambda: bytes(BOOTP(**fields, options=cookie) / DHCP(options=options))

    return Peer("scapy", 4, BOOTP, rows, write, value, fresh)


def scapy6() -> Peer:
    from scapy.layers import dhcp6

    def read(octets: bytes) -> Any:
        kind = dhcp6.dhcp6_cls_by_type.get(octets[0], "DHCP6")
        return getattr(dhcp6, kind)(octets)

    def layers(message: Any) -> Iterator[Any]:
        while message and type(message).__name__ != "NoPayload":
            yield message
            if isinstance(message, dhcp6.DHCP6OptRelayMsg):
                yield from layers(message.message)
            message = message.payload

    def value(message: Any, code: int) -> Any:
        for layer in layers(message):
            if getattr(layer, "optcode", None) == code:
                return layer
        raise KeyError(code)

    def write(message: Any) -> bytes:
        for layer in layers(message):
            layer.raw_packet_cache = None
        return bytes(message)

    def fresh(message: Any) -> Callable[[], bytes]:
        rows = [(type(each), dict(each.fields)) for each in layers(message)]

        def stacked(pairs: list[tuple[Any, dict[str, Any]]]) -> Any:
            made = None
            for kind, fields in pairs:
                layer = kind(**fields)
                made = layer if made is None else made / layer
            return made

        at = next((n for n, (kind, _) in enumerate(rows) if kind.__name__ == "DHCP6OptRelayMsg"), None)
        if at is None:
            return lambda: bytes(stacked(rows))
        head, tail = rows[:at], rows[at + 1 :]
        return lambda: bytes(stacked([*head, (dhcp6.DHCP6OptRelayMsg, {"message": stacked(tail)})]))

    return Peer("scapy", 6, read, lambda message: list(layers(message)), write, value, fresh)


def pydhcp() -> Peer:
    from pydhcp import DHCPMessage

    def value(message: Any, code: int) -> Any:
        if code not in message.options:
            raise KeyError(code)
        return message.options.get(code)

    def fresh(message: Any) -> Callable[[], bytes]:
        values = [(code, message.options.get(code)) for code in message.options]

        def build() -> bytes:
            made = DHCPMessage(
                message.op, xid=message.xid, flags=message.flags, yiaddr=message.yiaddr, siaddr=message.siaddr,
                chaddr=message.chaddr,
            )  # fmt: skip
            for code, each in values:
                made.options[code] = each
            return bytes(made.encode())

        return build

    return Peer(
        "pydhcp",
        4,
        DHCPMessage.decode,
        lambda message: [message.options.get(code) for code in message.options],
        lambda message: bytes(message.encode()),
        value,
        fresh,
    )


def dhcppython() -> Peer:
    from dhcppython.options import OptionList, options
    from dhcppython.packet import DHCPPacket

    def value(message: Any, code: int) -> Any:
        found = message.options.by_code(code)
        if found is None:
            raise KeyError(code)
        return next(iter(found.value.values()))

    def fresh(message: Any) -> Callable[[], bytes]:
        values = [(each.code, next(iter(each.value.values()))) for each in message.options if each.code != 255]
        names = [
            "op",
            "htype",
            "hlen",
            "hops",
            "xid",
            "secs",
            "flags",
            "ciaddr",
            "yiaddr",
            "siaddr",
            "giaddr",
            "chaddr",
            "sname",
            "file",
        ]
        header = [getattr(message, name) for name in names]
        return lambda: bytes(
            DHCPPacket(
                *header, OptionList([options.short_value_to_object(code, each) for code, each in values])
            ).asbytes
        )

    return Peer(
        "dhcppython",
        4,
        DHCPPacket.from_bytes,
        lambda message: [each.value for each in message.options],
        lambda message: bytes(message.asbytes),
        value,
        fresh,
    )


def pyroute2() -> Peer:
    from pyroute2.dhcp.dhcp4msg import dhcp4msg
    from pyroute2.dhcp.enums.dhcp import Option

    def write(message: Any) -> bytes:
        # these three are read as text, and wanted as octets
        octets = {"sname": message["sname"].encode(), "file": message["file"].encode(), "cookie": b"c\x82Sc"}
        return bytes(dhcp4msg(dict(message) | octets).encode().buf)

    def value(message: Any, code: int) -> Any:
        return message["options"][Option(code).name.lower()]

    return Peer("pyroute2", 4, lambda octets: dhcp4msg(buf=octets).decode(), lambda message: message, write, value)


def dhcplib() -> Peer:
    from dhcplib.packet import DHCPPacket

    def value(message: Any, code: int) -> Any:
        found = message.get_option(code, convert=True)
        if found is None:
            raise KeyError(code)
        return found

    return Peer(
        "dhcplib",
        4,
        lambda octets: DHCPPacket(data=octets),
        lambda message: [message.get_option(code, convert=True) for code in message._options],  # noqa: SLF001
        lambda message: bytes(message.encode_packet()),
        value,
    )


def dpkt() -> Peer:
    from dpkt.dhcp import DHCP

    def fresh(message: Any) -> Callable[[], bytes]:
        fields = {name: getattr(message, name) for name in ("op", "xid", "flags", "yiaddr", "siaddr", "chaddr", "opts")}
        return lambda: bytes(DHCP(**fields))

    return Peer(
        "dpkt",
        4,
        DHCP,
        lambda message: message.opts,
        bytes,
        lambda message, code: dict(message.opts)[code],
        fresh,
        decodes=False,
    )


def dhcpkit1() -> Peer:
    from dhcpkit.ipv6.messages import Message

    def value(message: Any, code: int) -> Any:
        while getattr(message, "relayed_message", None) is not None:
            message = message.relayed_message
        for option in message.options:
            if getattr(option, "option_type", None) == code:
                return option
        raise KeyError(code)

    return Peer(
        "dhcpkit",
        6,
        lambda octets: Message.parse(octets)[1],
        lambda message: message,
        lambda message: bytes(message.save()),
        value,
    )
