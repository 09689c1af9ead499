"""The machine's interfaces and their addresses, asked of the kernel over netlink (RFC 3549), and which are meant.

An IPv6 address whose uniqueness is still being tested (RFC 4862 5.4) cannot be served yet; the kernel tells of its end
as of any change, so whoever follows changes (`changes_socket`) looks again then. This module does not know DHCP or
service sockets.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import attrs

__all__ = [
    "EVERY",
    "Detection",
    "Interface",
    "InterfaceSpec",
    "Served6",
    "Wanted",
    "Wanted6",
    "absent",
    "changes_socket",
    "choose",
    "choose6",
    "interfaces",
    "is_link_local",
    "quiet",
]

EVERY: Final = "*"

_NEW_LINK, _GET_LINK, _NEW_ADDRESS, _GET_ADDRESS, _DONE, _ERROR = 16, 18, 20, 22, 3, 2
_REQUEST_DUMP = 0x301
_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK: Final = struct.Struct("=BxHiII")  # family, hardware type, index, flags, change mask
_ADDRESS: Final = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ATTRIBUTE: Final = struct.Struct("=HH")
_LINK_MAC, _LINK_NAME, _ADDRESS_ITSELF, _LOCAL = 1, 3, 1, 2
_TENTATIVE, _DAD_FAILED = 0x40, 0x08
_UP, _LOOPBACK = 0x1, 0x8
_ETHERNET = 1
_ANSWER_MAX: Final = 1 << 18  # octets of one part of a dump; the kernel sends 32 kB at most
_PARTS_MAX: Final = 10_000  # parts of a dump: some hundred thousand interfaces
_GROUPS: Final = {4: 0x1 | 0x10, 6: 0x1 | 0x100}  # by family: links, and its addresses
_ALL: Final[Mapping[int, tuple[int, int]]] = {4: (socket.AF_INET, 4), 6: (socket.AF_INET6, 16)}


@attrs.frozen
class Interface:
    """One interface as it is now. Addresses are integers in the kernel's order.

    `addresses6` are the IPv6 ones in use, `tentative6` those that cannot be used yet; `hwtype` is the kernel's number.
    """

    name: str
    index: int
    mac: bytes
    up: bool
    loopback: bool
    ethernet: bool
    addresses: tuple[int, ...] = ()
    addresses6: tuple[int, ...] = ()
    tentative6: tuple[int, ...] = ()
    hwtype: int = 0

    @property
    def link_locals(self) -> tuple[int, ...]:
        """The link-local addresses in use (RFC 4291 2.5.6)."""
        return tuple(filter(is_link_local, self.addresses6))


def is_link_local(address: int) -> bool:
    """Whether an IPv6 address is one that only its link knows."""
    return address >> 118 == 0xFE80 >> 6


@attrs.frozen
class InterfaceSpec:
    """What a configuration asks for: an interface by name, or `*`, and one address of it, 0 for none in particular.

    For DHCPv4 no address means all of them; for DHCPv6 an address is served besides the link-local one.
    """

    name: str
    address: int = 0
    family: int = 4

    @classmethod
    def parse(cls, text: str, family: int = 4) -> InterfaceSpec:
        """`eth0`, `*`, and `eth0/192.0.2.1`, or for family 6 `eth0/2001:db8::1`. ValueError says what is wrong."""
        name, slash, address = text.partition("/")
        kind, example = (IPv6Address, "2001:db8::1") if family == 6 else (IPv4Address, "192.0.2.1")
        if not name or (name == EVERY and slash):
            raise ValueError(f"{text!r} is not an interface (eth0, eth0/{example}, or *)")
        try:
            return cls(name, int(kind(address)) if slash else 0, family)
        except ValueError:
            raise ValueError(f"{address!r} behind interface {name} is not an IPv{family} address") from None

    @property
    def shown(self) -> str:
        """The address as people write it; empty for none."""
        if not self.address:
            return ""
        return str(IPv6Address(self.address) if self.family == 6 else IPv4Address(self.address))

    def __str__(self) -> str:
        return f"{self.name}/{self.shown}" if self.address else self.name


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
        attrs.evolve(present[name], addresses=tuple(dict.fromkeys(meant)), addresses6=(), tentative6=())
        for name, meant in addresses.items()
    )
    return Wanted(served, tuple(missing))


@attrs.frozen
class Served6:
    """An interface to listen on: its link-local addresses, to which groups go as well, and others asked for."""

    interface: Interface
    link_locals: tuple[int, ...]
    unicast: tuple[int, ...]


@attrs.frozen
class Wanted6:
    """As Wanted."""

    served: tuple[Served6, ...]
    missing: tuple[str, ...]


def choose6(specs: Iterable[InterfaceSpec], present: Mapping[str, Interface]) -> Wanted6:
    """Which interfaces and addresses are meant. The loopback interface only serves addresses that are named."""
    unicast: dict[str, list[int]] = {}
    missing = []
    for spec in specs:
        if spec.name == EVERY:
            for interface in present.values():
                if interface.up and interface.link_locals and not interface.loopback:
                    unicast.setdefault(interface.name, [])
            continue
        lacking = absent(spec, present)
        found = present.get(spec.name)
        if lacking or found is None:
            missing.append(lacking)
        elif not found.up:
            missing.append(f"the interface {spec.name} is not running")
        elif spec.address in found.tentative6:
            missing.append(f"the address {spec.shown} of interface {spec.name} is still tentative")
        else:
            unicast.setdefault(spec.name, []).extend([spec.address] if spec.address else [])
    for name, asked in unicast.items():
        if not present[name].link_locals and not (present[name].loopback and asked):
            still = "is still tentative" if present[name].tentative6 else "is not configured"
            missing.append(f"the interface {name} has no usable link-local IPv6 address: it {still}")
    served = (
        Served6(present[name], present[name].link_locals, tuple(dict.fromkeys(asked)))
        for name, asked in unicast.items()
    )
    wanted = (each for each in served if each.link_locals or each.unicast)
    return Wanted6(tuple(wanted), tuple(dict.fromkeys(missing)))


def absent(spec: InterfaceSpec, present: Mapping[str, Interface]) -> str:
    """What a configuration names and this machine does not have, in Kea's words; empty where it has it."""
    if spec.name == EVERY:
        return ""
    found = present.get(spec.name)
    if found is None:
        return f"interface '{spec.name}' doesn't exist in the system"
    known = (*found.addresses6, *found.tentative6) if spec.family == 6 else found.addresses
    if spec.address and spec.address not in known:
        return f"interface '{spec.name}' doesn't have address '{spec.shown}' assigned"
    return ""


def interfaces() -> dict[str, Interface]:
    """Every interface by name. OSError where the kernel does not tell."""
    names: dict[int, Interface] = {}
    for kind, body in _dump(_GET_LINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        if kind == _NEW_LINK:
            _, hardware, index, flags, _ = _LINK.unpack_from(body)
            told = dict(_attributes(body[_LINK.size :]))
            name = told.get(_LINK_NAME, b"").rstrip(b"\0").decode()
            mac = told.get(_LINK_MAC, b"")
            ethernet = hardware == _ETHERNET and len(mac) == 6
            names[index] = Interface(
                name, index, mac, bool(flags & _UP), bool(flags & _LOOPBACK), ethernet, hwtype=hardware
            )
    found: dict[tuple[int, str], list[int]] = {}
    for index, address, _ in _addresses(4):
        found.setdefault((index, "addresses"), []).append(address)
    for index, address, state in _addresses(6):
        if not state & _DAD_FAILED:
            where = "tentative6" if state & _TENTATIVE else "addresses6"
            found.setdefault((index, where), []).append(address)
    return {
        i.name: attrs.evolve(
            i,
            addresses=tuple(found.get((i.index, "addresses"), ())),
            addresses6=tuple(found.get((i.index, "addresses6"), ())),
            tentative6=tuple(found.get((i.index, "tentative6"), ())),
        )
        for i in names.values()
    }


def _addresses(family: int) -> Iterator[tuple[int, int, int]]:
    """Every address of a family: its interface, itself, its flags."""
    wanted, size = _ALL[family]
    for kind, body in _dump(_GET_ADDRESS, _ADDRESS.pack(wanted, 0, 0, 0, 0)):
        if kind == _NEW_ADDRESS:
            at, _, flags, _, index = _ADDRESS.unpack_from(body)
            told = dict(_attributes(body[_ADDRESS.size :]))
            local = told.get(_LOCAL) or told.get(_ADDRESS_ITSELF, b"")
            if at == wanted and len(local) == size:
                yield index, int.from_bytes(local, "big"), flags


class Detection:
    """Which of the machine's interfaces and addresses a server knows of (Kea's `re-detect`).

    With `again` it is whatever is there now. Without, those that were there at the last detection stay the ones there
    are: one that went away and is back is used again, a new one is as if it were not there.
    """

    def __init__(self, *, again: bool = True, look: Callable[[], dict[str, Interface]] = interfaces) -> None:
        self.again = again
        self._look = look
        self._known: Mapping[str, Interface] | None = None

    def present(self) -> Mapping[str, Interface]:
        """What is known and there. OSError where the kernel does not tell."""
        now = self._look()
        known = self._known
        if self.again or known is None:
            self._known = now
            return now
        return {name: _as_known(interface, known[name]) for name, interface in now.items() if name in known}


def _as_known(now: Interface, then: Interface) -> Interface:
    """An interface as it is, with those of its addresses that it had."""
    had4, had6 = frozenset(then.addresses), frozenset((*then.addresses6, *then.tentative6))
    return attrs.evolve(
        now,
        addresses=tuple(address for address in now.addresses if address in had4),
        addresses6=tuple(address for address in now.addresses6 if address in had6),
        tentative6=tuple(address for address in now.tentative6 if address in had6),
    )


def changes_socket(family: int = 4) -> socket.socket:
    """A socket that becomes readable when an interface or an address of a family comes, changes or goes."""
    watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    try:
        watch.bind((0, _GROUPS[family]))
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
