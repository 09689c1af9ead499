"""What is usually wrong with a server that does not answer, looked for one thing at a time.

Each check gets what it judges as arguments and says what it found: one sentence, and what to do. Nothing is changed.
This module does not know how findings are shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import attrs

from dhcpkit.server.interfaces import EVERY, Interface, InterfaceSpec, absent, is_link_local

__all__ = [
    "Finding",
    "clock",
    "firewall",
    "links",
    "port",
    "privileges",
    "server",
    "space",
    "writable",
]

Severity = Literal["problem", "warning"]

NET_BIND_SERVICE: Final = 10  # bits of CapEff (linux/capability.h)
NET_RAW: Final = 13
FREE_MIN: Final = 64 << 20  # octets: a clean-up writes all leases a second time, a million of them are 100 MB
BORN: Final = 1_767_225_600  # 2026-01-01: no clock that is right says anything earlier
AHEAD: Final = 3600  # seconds a lease may be from the future: as far as clocks of partners may differ, and more
TAIL: Final = 1 << 16  # octets at the end of a lease file: some hundred rows


@attrs.frozen
class Finding:
    """Something that is wrong, in a sentence, and what to do about it. A warning need not be why nobody answers."""

    check: str
    said: str
    todo: str
    severity: Severity = "problem"


def links(wanted: tuple[InterfaceSpec, ...], present: Mapping[str, Interface], family: int) -> Iterator[Finding]:
    """Whether the interfaces that are listened on are there, up, and have an address."""
    if not wanted:
        yield Finding("interfaces", "The server listens nowhere.", "Name interfaces in interfaces-config.")
    for spec in wanted:
        lacking = absent(spec, present)
        if lacking:
            yield Finding("interfaces", f"{_sentence(lacking)}", "Name one that `ip address` shows, or add it.")
            continue
        every = [each for each in present.values() if not each.loopback]
        meant = every if spec.name == EVERY else [present[spec.name]]
        reasons = [(each, reason) for each in meant for reason in _idle(each, family)]
        if len({each.name for each, _ in reasons}) < len(meant):
            continue  # of all interfaces one is enough
        for each, (said, todo) in reasons:
            yield Finding("interfaces", f"Interface {each.name} {said}.", todo.format(each.name))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _idle(link: Interface, family: int) -> list[tuple[str, str]]:
    if not link.up:
        return [("is down", "Run `ip link set {} up`.")]
    if family == 4 and not link.addresses:
        return [("has no IPv4 address", "Give it one: `ip address add ADDRESS/LENGTH dev {}`.")]
    if family == 6 and not link.loopback and not any(map(is_link_local, link.addresses6)):
        if link.tentative6:
            return [("has no IPv6 address in use yet", "Wait for the test of its addresses, or look for a duplicate.")]
        return [("has no link-local address", "See whether IPv6 is off: `sysctl net.ipv6.conf.{}.disable_ipv6`.")]
    return []


def port(number: int, holder: str, ours: int | None) -> Iterator[Finding]:
    """Whether somebody else has the port. `holder` is its name and process, `ours` the server's process."""
    if holder and (ours is None or not holder.endswith(f"(process {ours})")):
        yield Finding("port", f"UDP port {number} is taken by {holder}.", "Stop that program; one server can have it.")


def privileges(number: int, effective: int, free_from: int, *, raw: bool) -> Iterator[Finding]:
    """Whether whoever runs this may open the sockets. `effective` are its capabilities as bits."""
    lacking = []
    if number < free_from and not effective >> NET_BIND_SERVICE & 1:
        lacking.append("CAP_NET_BIND_SERVICE")
    if raw and not effective >> NET_RAW & 1:
        lacking.append("CAP_NET_RAW")
    if lacking:
        yield Finding(
            "privileges",
            f"You may not open the server's sockets: {' and '.join(lacking)} missing.",
            "Run it as root or give them to the service (AmbientCapabilities= in its unit).",
        )


def writable(leases: Path) -> Iterator[Finding]:
    """Whether the lease file can be written, and its folder: a clean-up makes files there."""
    folder = leases.absolute().parent
    if not folder.is_dir():
        yield Finding("lease file", f"There is no folder {folder} for leases.", f"Make it: `mkdir -p {folder}`.")
        return
    if leases.exists() and not leases.is_file():
        yield Finding("lease file", f"{leases} is no file.", "Name another in lease-database.")
    for path in (folder, leases):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            yield Finding(
                "lease file", f"{path} cannot be written by you.", "Run as the server's user, or see owner and mount."
            )


def space(folder: Path, free: int, nodes: int) -> Iterator[Finding]:
    """Whether there is room for leases: octets and files that are free. No room, no new lease."""
    if free < FREE_MIN:
        yield Finding("disk", f"{free >> 20} MB are free at {folder}.", "Make room: without it no lease is given.")
    elif nodes == 0:
        yield Finding("disk", f"No more files fit at {folder}: no inodes are free.", "Remove files there.")


def clock(now: float, leases: Path) -> Iterator[Finding]:
    """Whether the clock can be right: not from before this program, nor behind what leases say."""
    if now < BORN:
        yield Finding("clock", "The clock is years behind.", "Set it, and see that chrony or ntpd runs.")
    if not leases.is_file() or not os.access(leases, os.R_OK):
        return
    with leases.open("rb") as file:
        columns = file.readline(4096).decode("latin-1").strip().split(",")
        if not {"expire", "valid_lifetime"} <= set(columns):
            return
        file.seek(max(file.tell(), file.seek(0, os.SEEK_END) - TAIL))
        rows = file.read(TAIL).decode("latin-1").split("\n")[1:]
    expire, valid = columns.index("expire"), columns.index("valid_lifetime")
    for row in rows:
        fields = row.split(",")
        if len(fields) <= max(expire, valid) or not (fields[expire].isdecimal() and fields[valid].isdecimal()):
            continue
        if int(fields[expire]) - int(fields[valid]) > now + AHEAD:
            yield Finding(
                "clock", f"The lease of {fields[0]} was given in the future.", "The clock has gone back: set it."
            )
            return


def firewall(ruleset: str | None, number: int, *, raw: bool) -> Iterator[Finding]:
    """Whether a firewall's rules (`nft list ruleset`; None: they cannot be read) let clients through.

    Raw sockets hear what comes before the firewall does.
    """
    if raw or not ruleset:
        return
    for chain in re.findall(r"chain [^{\n]*\{\n(.*?)^\s*\}$", ruleset, re.DOTALL | re.MULTILINE):
        drops = "hook input" in chain and re.search(r"policy drop|^\s*(drop|reject)\b", chain, re.MULTILINE)
        if drops and not re.search(rf"\b{number}\b.*accept", chain):
            yield Finding(
                "firewall",
                f"A chain of the firewall drops what comes in and does not name UDP port {number}.",
                f"Accept it: `nft add rule inet filter input udp dport {number} accept`, or see the rules it jumps to.",
                "warning",
            )
            return


def server(told: Mapping[str, Any] | str, socket: str) -> Iterator[Finding]:
    """What a running server says of itself: its answer to `status-get`, or why there is none."""
    if isinstance(told, str):
        yield Finding("server", f"No server answers at {socket}: {told}.", "Start it, and see its log if it ended.")
        return
    state = told.get("dhcp-state", {})
    if state.get("globally-disabled"):
        yield Finding("server", "The service is disabled by a command.", "Enable it: send dhcp-enable.")
    sockets = told.get("sockets", {})
    if sockets.get("status") not in (None, "ready"):
        errors = "; ".join(sockets.get("errors", [])) or sockets["status"]
        yield Finding("server", f"The server could not open its sockets: {errors}.", "See the findings above.")
