"""The machine's interfaces and their IPv4 addresses, asked of the kernel over netlink (RFC 3549), and which are meant.

This module does not know DHCP or service sockets.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Final

import attrs

__all__ = ["EVERY", "Interface", "InterfaceSpec", "Wanted", "changes_socket", "choose", "interfaces"]

EVERY: Final = "*"

_NEW_LINK, _GET_LINK, _NEW_ADDRESS, _GET_ADDRESS, _DONE, _ERROR = 16, 18, 20, 22, 3, 2
_REQUEST_DUMP = 0x301
_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK: Final = struct.Struct("=BxHiII")  # family, hardware type, index, flags, change mask
_ADDRESS: Final = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ATTRIBUTE: Final = struct.Struct("=HH")
_LINK_MAC, _LINK_NAME, _LOCAL = 1, 3, 2
_UP, _LOOPBACK = 0x1, 0x8
_ETHERNET = 1
_ANSWER_MAX: Final = 1 << 18  # octets of one part of a dump; the kernel sends 32 kB at most
_PARTS_MAX: Final = 10_000  # parts of a dump: some hundred thousand interfaces
_GROUPS: Final = 0x1 | 0x10  # links, and IPv4 addresses


@attrs.frozen
class Interface:
    """One interface as it is now. Addresses are integers in the kernel's order."""

    name: str
    index: int
    mac: bytes
    up: bool
    loopback: bool
    ethernet: bool
    addresses: tuple[int, ...] = ()


@attrs.frozen
class InterfaceSpec:
    """What a configuration asks for: an interface by name, with one address or all of them (`address` 0), or `*`."""

    name: str
    address: int = 0

    @classmethod
    def parse(cls, text: str) -> InterfaceSpec:
        """`eth0`, `eth0/192.0.2.1` or `*`. ValueError says what is wrong."""
        name, slash, address = text.partition("/")
        if not name or (name == EVERY and slash):
            raise ValueError(f"{text!r} is not an interface (eth0, eth0/192.0.2.1, or *)")
        try:
            return cls(name, int(IPv4Address(address)) if slash else 0)
        except ValueError:
            raise ValueError(f"{address!r} behind interface {name} is not an IPv4 address") from None

    def __str__(self) -> str:
        return f"{self.name}/{IPv4Address(self.address)}" if self.address else self.name


@attrs.frozen
class Wanted:
    """What is to be listened on: interfaces with the addresses meant, and what is asked for but is not there."""

    served: tuple[Interface, ...]
    missing: tuple[str, ...]


def choose(specs: Iterable[InterfaceSpec], present: Mapping[str, Interface]) -> Wanted:
    """Which interfaces and addresses are meant. The loopback interface only serves when it is named."""
    addresses: dict[str, list[int]] = {}
    missing = []
    for spec in specs:
        if spec.name == EVERY:
            for interface in present.values():
                if interface.up and interface.addresses and not interface.loopback:
                    addresses.setdefault(interface.name, []).extend(interface.addresses)
            continue
        lacking = absent(spec, present)
        if lacking:
            missing.append(lacking)
            continue
        found = present[spec.name]
        if not found.up:
            missing.append(f"the interface {spec.name} is not running")
        elif not found.addresses:
            missing.append(f"the interface {spec.name} has no usable IPv4 addresses configured")
        else:
            addresses.setdefault(spec.name, []).extend([spec.address] if spec.address else found.addresses)
    served = tuple(
        attrs.evolve(present[name], addresses=tuple(dict.fromkeys(meant))) for name, meant in addresses.items()
    )
    return Wanted(served, tuple(missing))


def absent(spec: InterfaceSpec, present: Mapping[str, Interface]) -> str:
    """What a configuration names and this machine does not have, in Kea's words; empty where it has it."""
    if spec.name == EVERY:
        return ""
    found = present.get(spec.name)
    if found is None:
        return f"interface '{spec.name}' doesn't exist in the system"
    if spec.address and spec.address not in found.addresses:
        return f"interface '{spec.name}' doesn't have address '{IPv4Address(spec.address)}' assigned"
    return ""


def interfaces() -> dict[str, Interface]:
    """Every interface by name. OSError where the kernel does not tell."""
    names: dict[int, Interface] = {}
    addresses: dict[int, list[int]] = {}
    for kind, body in _dump(_GET_LINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        if kind == _NEW_LINK:
            _, hardware, index, flags, _ = _LINK.unpack_from(body)
            told = dict(_attributes(body[_LINK.size :]))
            name = told.get(_LINK_NAME, b"").rstrip(b"\0").decode()
            loopback = bool(flags & _LOOPBACK)
            ethernet = hardware == _ETHERNET and len(told.get(_LINK_MAC, b"")) == 6
            names[index] = Interface(name, index, told.get(_LINK_MAC, b""), bool(flags & _UP), loopback, ethernet)
    for kind, body in _dump(_GET_ADDRESS, _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0)):
        if kind == _NEW_ADDRESS:
            family, _, _, _, index = _ADDRESS.unpack_from(body)
            local = dict(_attributes(body[_ADDRESS.size :])).get(_LOCAL, b"")
            if family == socket.AF_INET and len(local) == 4:
                addresses.setdefault(index, []).append(int.from_bytes(local, "big"))
    return {i.name: attrs.evolve(i, addresses=tuple(addresses.get(i.index, ()))) for i in names.values()}


def changes_socket() -> socket.socket:
    """A socket that becomes readable when an interface or an address comes, changes or goes."""
    watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    try:
        watch.bind((0, _GROUPS))
    except OSError:
        watch.close()
        raise
    return watch


def quiet(watch: socket.socket) -> None:
    """Reads away what a `changes_socket` told; that something changed is all that counts."""
    with suppress(OSError):  # ENOBUFS too: it missed something, and something changed
        for _ in range(_PARTS_MAX):
            watch.recv(_ANSWER_MAX)


def _dump(request: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as ask:
        ask.settimeout(5)
        ask.bind((0, 0))
        ask.send(_HEADER.pack(_HEADER.size + len(body), request, _REQUEST_DUMP, 1, 0) + body)
        for _ in range(_PARTS_MAX):
            for kind, part in _messages(ask.recv(_ANSWER_MAX)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", part)[0]
                    raise OSError(code, "the kernel does not list interfaces")
                yield kind, part


def _messages(data: bytes) -> Sequence[tuple[int, bytes]]:
    found = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            break
        found.append((kind, data[at + _HEADER.size : at + length]))
        at += (length + 3) & ~3
    return found


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
