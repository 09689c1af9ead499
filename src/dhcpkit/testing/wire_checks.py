"""What holds for every codec, whatever octets come: one function for each surface, AssertionError where it does not.

Any octets are read, or refused with WireError whose offset lies in the datagram; what was read is written as it came,
and is shown in words, in JSON and as Python without an error, and JSON gives it back. Properties, the fuzzer
(`fuzz_targets.py`) and tests of your own kinds call the same functions: `check_payload(MY_OPTION, octets)`. This module
does not know where the octets come from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from dhcpkit.wire.capture import read_capture
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.errors import JsonError, WireError
from dhcpkit.wire.json_form import NESTING_MAX, Inside, Json
from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.names import is_complete, join_labels, read_labels, read_names, split_name, write_names
from dhcpkit.wire.options import Option, Space
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6
from dhcpkit.wire.packet_json import from_json, to_json
from dhcpkit.wire.places import space_inside
from dhcpkit.wire.problems import problems
from dhcpkit.wire.stream import Inflow, inflow4, inflow6
from dhcpkit.wire.text import join_text, parse_hex, split_text
from dhcpkit.wire.tree import outline, plain, printable

__all__ = [
    "check_capture",
    "check_json",
    "check_names",
    "check_octets4",
    "check_octets6",
    "check_packet_json",
    "check_payload",
    "check_stream",
    "check_text",
    "check_value",
    "text_holds",
]

A = TypeVar("A")
E = TypeVar("E", bound=Exception)
T = TypeVar("T")

BLANKS: Final = " \t\r\n"  # what the grammar of texts drops at a field's ends
OPTIONS4_AT: Final = 240  # octets before the first option of DHCPv4


def check_octets4(data: bytes) -> None:
    """Any octets, as a datagram of DHCPv4."""
    packet = _read(Packet4.parse, data)
    if packet is None:
        return
    _check_options(packet, DHCP4, data)
    _check_flaws(packet, OPTIONS4_AT, data)
    assert bytes(packet) == data, f"written as {bytes(packet).hex()}"
    whole = packet.without_overload()
    _check_options(whole, DHCP4, whole.data)
    _check_shown(packet, data)


def check_octets6(data: bytes) -> None:
    """Any octets, as a datagram of DHCPv6."""
    packet = _read(Packet6.parse, data)
    if packet is None:
        return
    for relay in packet.relays:
        _check_options(relay.options, DHCP6, data)
    _check_options(packet.options, DHCP6, data)
    _check_flaws(packet, 0, data)
    assert bytes(packet) == data, f"written as {bytes(packet).hex()}"
    _check_shown(packet, data)


def check_payload(option: Option[Any], octets: bytes) -> None:
    """Any octets, as the payload of an option; what is read is a value like any other."""
    value = _outcome(option.parse, octets, ValueError)
    if isinstance(value, ValueError):
        assert not str(value).endswith("."), f"{option!r}: {value}"
    else:
        check_value(option, value)


def check_value(option: Option[T], value: T) -> None:
    """A value of an option: its octets, its text and its JSON give it back, as do those of a row of options."""
    kind = option.kind
    octets = option.build(value)
    assert option.parse(octets) == value, (
        f"{option!r}: {octets.hex()} is read as {option.parse(octets)!r}, not {value!r}"
    )
    text = kind.show_text(value)
    if text_holds(kind, value):
        assert option.build_text(text) == octets, f"{option!r}: {text!r} gives {option.build_text(text).hex()}"
    inside = Inside(option.encapsulates)
    found = json.loads(json.dumps(kind.to_json(value, inside)))
    holders = () if kind.inner is None else [holder for _, holder in kind.inner(value, len(octets))]
    if all(holder.is_plain for holder in holders):
        again = option.build(kind.from_json(found, inside))
        assert again == octets, f"{option!r}: {found!r} gives {again.hex()}, not {octets.hex()}"
    row = [(option.code, octets)]
    where = Inside(option.declared_in)
    shown = json.loads(json.dumps(where.show(row)))
    assert where.read(shown) == row, f"{option!r}: {shown!r} gives {where.read(shown)!r}"


def text_holds(kind: Kind[T], value: T) -> bool:
    """Whether a text can hold the value: its grammar knows no empty fields and no blanks at the ends of one."""
    return all(field and field == field.strip(BLANKS) for field in kind.show_fields(value))


def check_text(option: Option[Any], text: str) -> None:
    """Any text, for an option: it is read or refused with ValueError, and what is read is a value like any other."""
    assert split_text(join_text(_whole(split_text(text)))) == _whole(split_text(text))
    _refused(parse_hex, text)
    octets = _refused(option.build_text, text)
    if octets:
        check_payload(option, octets)


def check_json(option: Option[Any], found: Json) -> None:
    """Any JSON, for an option's value: it is read or refused with ValueError, and what is read is a value like any."""
    value = _refused(lambda json: (option.kind.from_json(json, Inside(option.encapsulates)),), found)
    octets = None if value is None else _refused(option.build, value[0])
    if octets is not None:
        check_payload(option, octets)


def check_packet_json(found: Json, space: Space | None = None) -> None:
    """Any JSON, for a message: it is read or refused with JsonError."""
    packet = _outcome(lambda json: from_json(json, space), found, JsonError)
    if isinstance(packet, JsonError):
        return
    (check_octets4 if isinstance(packet, Packet4) else check_octets6)(bytes(packet))


def check_names(data: bytes) -> None:
    """Any octets, as domain names: one name, and a list of names with pointers."""
    found = _refused(read_labels, data)
    if found is not None:
        labels, complete = found
        name = join_labels(labels, complete=complete)
        if name:
            assert split_name(name) == labels, name
            assert is_complete(name) == complete, name
    names = _refused(read_names, data)
    if names is not None:
        for compress in (False, True):
            again = read_names(write_names(names, compress=compress))
            assert [name.lower() for name in again] == [name.lower() for name in names]
        assert read_names(write_names(names, compress=False)) == names


def check_capture(data: bytes) -> None:
    """Any octets, as a capture file, and every payload in it as a message of either family."""
    datagrams = read_capture(data)
    while True:
        datagram = _outcome(lambda found: next(found, None), datagrams, WireError)
        if datagram is None:
            return
        if isinstance(datagram, WireError):
            assert 0 <= datagram.offset <= len(data), datagram
            return
        check_octets4(datagram.payload)
        check_octets6(datagram.payload)


def check_stream(data: bytes, piece: int = 1) -> None:
    """Any octets, as what comes over a connection: in pieces the same messages as at once, and the same fault."""
    for make in (inflow4, inflow6):
        assert _flow(make(), data, piece) == _flow(make(), data, len(data) or 1)


def _flow(inflow: Inflow[Packet4] | Inflow[Packet6], data: bytes, piece: int) -> tuple[list[bytes], str]:
    """The messages that come in pieces of this size, and the fault at the end."""
    messages: list[bytes] = []
    for at in range(0, len(data), piece):
        found: Any = _outcome(inflow.feed, data[at : at + piece], WireError)
        if isinstance(found, WireError):
            break
        messages += map(bytes, found)
    return messages, str(_outcome(lambda stream: stream.close(), inflow, WireError))


def _read(parse: Callable[[bytes], T], data: bytes) -> T | None:
    packet = _outcome(parse, data, WireError)
    if isinstance(packet, WireError):
        assert 0 <= packet.offset <= len(data), packet
        assert not str(packet).endswith("."), packet
        return None
    return packet


def _check_options(holder: Any, space: Space, data: bytes, depth: int = 0) -> None:
    """Every option that is declared is read, or refused at an octet of the datagram; so are those within it."""
    for code in holder:
        option = space.by_code(code)
        if option is None:
            continue
        values = _outcome(holder.all, option, WireError)
        if isinstance(values, WireError):
            assert 0 <= values.offset < len(data), f"{values} of {len(data)}"
            assert values.path, values
            continue
        assert option in holder
        if option.kind.inner is None or depth > NESTING_MAX:
            continue
        for value in values:
            for _, inner in option.kind.inner(value, 0):
                within = space_inside(option, inner, space)
                if within is not None:
                    _check_options(inner, within, data, depth + 1)


def _check_flaws(packet: Packet4 | Packet6, start: int, data: bytes) -> None:
    for offset, what in packet.flaws:
        assert start <= offset <= len(data), (offset, what)


def _check_shown(packet: Packet4 | Packet6, data: bytes) -> None:
    shown = json.loads(json.dumps(to_json(packet)))
    assert bytes(from_json(shown)) == data, f"{shown!r}"
    for line in plain(outline(shown)):
        assert printable(line) == line
    for error in problems(packet):
        assert 0 <= error.offset <= len(data), error
    assert repr(packet)
    assert str(packet)


def _outcome(function: Callable[[A], T], argument: A, error: type[E]) -> T | E:
    """What a function returns, or the error of this type that it raises; any other is a fault."""
    try:
        return function(argument)
    except error as raised:
        return raised


def _refused(function: Callable[[A], T], argument: A) -> T | None:
    """What a function returns, or None where it raises ValueError."""
    found = _outcome(function, argument, ValueError)
    return None if isinstance(found, ValueError) else found


def _whole(fields: Sequence[str]) -> list[str]:
    """Fields that a text can hold."""
    return [field for field in fields if field and field == field.strip(BLANKS)]
