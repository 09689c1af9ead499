"""Asks with ICMP whether somebody uses an address before it is offered: `libdhcp_ping_check.so`.

The offer waits meanwhile. Where an address answers, the server puts it on probation and offers nothing; the client asks
again and is offered another one. Not asked are reserved addresses, and those the client itself has, or had until
recently. A `ping-check` map in a subnet's `user-context` overrides the library's parameters. This module does not know
how offers wait.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, Final

from dhcpkit.alloc.points import NextStep
from dhcpkit.config.json_text import Steps
from dhcpkit.config.param import Document, document, param, read
from dhcpkit.config.report import Report
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.catalogue import Room
from dhcpkit.hooks.commands import DHCP4
from dhcpkit.hooks.expressions import contexts_of_subnets
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import Cb4Updated, Dhcp4SrvConfigured, Lease4Offer

__all__ = ["PingCheck", "PingCheckParameters", "PingError", "echo_request", "told_of"]

ECHO_REPLY, UNREACHABLE, ECHO_REQUEST = 0, 3, 8
PAYLOAD: Final = b"dhcpkit ping check"
PACKET_MAX: Final = 2048  # octets of an answer that are looked at
READ_MAX: Final = 64  # answers taken in one turn of the loop
ENOUGH: Final = 300.0  # seconds a check may take at most, whatever the parameters say
IP_HEADER: Final = 20  # octets, without options
U32 = 0xFFFFFFFF

_log = Room("ping-check-hooks", 4)
PING_CHECK_LOAD_OK: Final = _log.info(
    "PING_CHECK_LOAD_OK",
    "Ping Check hooks library loaded successfully.",
    "From now on addresses are asked for before they are offered.",
)
PING_CHECK_MGR_RECEIVED_ECHO_REPLY: Final = _log.debug(
    "PING_CHECK_MGR_RECEIVED_ECHO_REPLY",
    40,
    "address {address} answers: it is in use",
    "Somebody answered for an address that was about to be offered. It is declined by the server.",
)
PING_CHECK_MGR_LEASE_FREE_TO_USE: Final = _log.debug(
    "PING_CHECK_MGR_LEASE_FREE_TO_USE",
    40,
    "address {address} is free to use: {reason}",
    "Nobody answered for an address, and it is offered.",
)
PING_CHECK_DUPLICATE_CHECK: Final = _log.debug(
    "PING_CHECK_DUPLICATE_CHECK",
    40,
    "address {address} is being asked for already, for another client; this offer is dropped",
    "Two clients were about to be offered one address. The second one is not answered, and will ask again.",
)


class PingError(DhcpkitError):
    """No socket for ICMP: the server lacks the right (CAP_NET_RAW)."""


@document("parameters")
class PingCheckParameters(Document):
    """What ping_check is told, and what a subnet's `ping-check` may say otherwise."""

    enable_ping_check: bool = param(default=True, doc="Whether addresses are asked for before they are offered.")
    min_ping_requests: int = param(
        default=1, low=1, high=100, doc="How many requests must be without answer before an address is free."
    )
    reply_timeout: int = param(default=100, low=1, high=60_000, doc="Milliseconds to wait for each answer.")
    ping_cltt_secs: int = param(
        default=60, low=0, high=U32, doc="Seconds after a client's last message in which its own address is not asked."
    )
    ping_channel_threads: int = param(
        default=0, low=0, high=0xFFFF, doc="Kea's threads for this; dhcpkit needs none and passes it over."
    )


class PingCheck(Library):
    """Asks whether somebody uses an address before it is offered."""

    name = "ping_check"
    parameters = PingCheckParameters
    servers = (DHCP4,)
    deadline = ENOUGH

    async def load(self) -> None:
        """Opens the socket. Raises PingError."""
        try:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP)
        except OSError as error:
            raise PingError(f"no socket for ICMP: {error.strerror}; it needs CAP_NET_RAW") from error
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self._id = secrets.randbits(16)
        self._sequence = 0
        self._asked: dict[int, asyncio.Future[bool]] = {}
        self._subnets: dict[int, PingCheckParameters] = {}
        PING_CHECK_LOAD_OK.log()

    async def unload(self) -> None:
        """Closes the socket; what is being asked for counts as free."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_result(False)

    @on(Dhcp4SrvConfigured)
    def judge(self, point: Dhcp4SrvConfigured) -> None:
        """Refuses a configuration whose subnets say what makes no sense."""
        try:
            self._told(point.server_config, point.network)
        except PingError as error:
            point.error = str(error)

    async def configured(self) -> None:
        """Another configuration is in force: what its subnets say counts."""
        self._subnets = self._told(self.operated.doc, self.operated.network)

    @on(Cb4Updated)
    def updated(self, _point: Cb4Updated) -> None:
        """Subnets came from a database."""
        self._subnets = self._told(self.operated.doc, self.operated.network)

    def _told(self, doc: Any, network: Any) -> dict[int, PingCheckParameters]:
        """What subnets say, by id. Raises PingError."""
        found = {}
        for number, context in contexts_of_subnets(doc, network, 4):
            if isinstance(context, Mapping) and "ping-check" in context:
                found[number] = told_of(context["ping-check"], self.told, number)
        return found

    @on(Lease4Offer)
    async def ask(self, point: Lease4Offer) -> NextStep | None:
        """Lets an offer wait until it is known whether its address is free."""
        [lease] = point.leases
        told = self._subnets.get(lease.subnet_id, self.told)
        if not self._worth(point, told):
            return None
        if lease.address in self._asked:
            if PING_CHECK_DUPLICATE_CHECK.on:
                PING_CHECK_DUPLICATE_CHECK.log(address=IPv4Address(lease.address))
            self.operated.statistics.add({"pkt4-duplicate": 1, "pkt4-receive-drop": 1})
            return NextStep.DROP
        point.offer_address_in_use = await self.in_use(lease.address, told)
        return None

    def _worth(self, point: Lease4Offer, told: PingCheckParameters) -> bool:
        """Whether an address is asked for at all (Kea's rules)."""
        if not told.enable_ping_check:
            return False
        [lease] = point.leases
        if point.host is not None and point.host.address == lease.address:
            return False
        old, now = point.old_lease, self.operated.now()
        return old is None or (old.expired(now) and now - old.cltt >= told.ping_cltt_secs)

    async def in_use(self, address: int, told: PingCheckParameters) -> bool:
        """Whether an address answers; as often and as long as told."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked[address] = answer
        try:
            for _ in range(told.min_ping_requests):
                self._sequence = (self._sequence + 1) & 0xFFFF
                try:
                    self._socket.sendto(echo_request(self._id, self._sequence), (str(IPv4Address(address)), 0))
                except BlockingIOError:
                    pass  # too many at once: this one counts as not answered, and the next may get through
                except OSError as error:
                    return self._free(address, error.strerror or str(error))  # no way there: nobody can be there (Kea)
                done, _ = await asyncio.wait({answer}, timeout=told.reply_timeout / 1000)
                if done:
                    return answer.result() or self._free(address, "it cannot be reached")
            return self._free(address, "nobody answers")
        finally:
            del self._asked[address]

    def _free(self, address: int, reason: str) -> bool:
        if PING_CHECK_MGR_LEASE_FREE_TO_USE.on:
            PING_CHECK_MGR_LEASE_FREE_TO_USE.log(address=IPv4Address(address), reason=reason)
        return False

    def _read(self) -> None:
        """Takes answers from the socket; it shows the whole machine's, so most may be for others."""
        for _ in range(READ_MAX):
            try:
                packet = self._socket.recv(PACKET_MAX)
            except OSError:
                return
            found = _answer(packet, self._id)
            if found is None:
                continue
            address, used = found
            waiting = self._asked.get(address)
            if waiting is not None and not waiting.done():
                if used and PING_CHECK_MGR_RECEIVED_ECHO_REPLY.on:
                    PING_CHECK_MGR_RECEIVED_ECHO_REPLY.log(address=IPv4Address(address))
                waiting.set_result(used)


def told_of(context: Any, general: PingCheckParameters, subnet: int) -> PingCheckParameters:
    """What a subnet says of ping checks, over what holds in general. Raises PingError."""
    where: Steps = ("ping-check",)
    if not isinstance(context, Mapping):
        raise PingError(f"ping-check of subnet {subnet} must be a map")
    report = Report()
    own = read(PingCheckParameters, context, where, report)
    if report.failed:
        raise PingError(f"subnet {subnet}: " + "; ".join(problem.message for problem in report.sorted()))
    return general.evolve(**{name: getattr(own, name) for name in own.written})


def echo_request(identifier: int, sequence: int) -> bytes:
    """An ICMP echo request (RFC 792)."""
    head = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, sequence)
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, _checksum(head + PAYLOAD), identifier, sequence) + PAYLOAD


def _checksum(octets: bytes) -> int:
    """RFC 1071."""
    octets += b"\0" * (len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _answer(packet: bytes, identifier: int) -> tuple[int, bool] | None:
    """About which address of ours an IP packet says something, and whether it is in use; None: about none."""
    if len(packet) < IP_HEADER:
        return None
    body = packet[(packet[0] & 0xF) * 4 :]
    if len(body) < 8:
        return None
    if body[0] == ECHO_REPLY:
        mine = int.from_bytes(body[4:6], "big") == identifier and body[8:].startswith(PAYLOAD)
        return (int.from_bytes(packet[12:16], "big"), True) if mine else None
    if body[0] != UNREACHABLE or len(body) < 8 + IP_HEADER:
        return None
    inner = body[8:]
    asked = inner[(inner[0] & 0xF) * 4 :]
    if len(asked) < 8 or asked[0] != ECHO_REQUEST or int.from_bytes(asked[4:6], "big") != identifier:
        return None
    return int.from_bytes(inner[16:20], "big"), False
