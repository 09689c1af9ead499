"""A simulated DHCPv4 client over a real UDP socket: discover, request, renew, rebind, release, decline, inform.

    with Client4(server="127.0.0.1", port=6767, relay="127.0.0.1") as client:
        ack = client.dora(options={HOST_NAME: "printer-7"})
        print(IPv4Address(ack.yiaddr), ack[ROUTERS])

It is for tests of a running server and for demonstrations, blocks while it waits, and never configures an interface.
With `relay` it speaks as the relay agent in front of the client: an unprivileged port will do, because it tells the
server which one (RFC 8357). Without, it is a client on the link and needs port 68. This module does not know servers.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from random import Random
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self

from dhcpkit.errors import DhcpkitError
from dhcpkit.wire.dhcp4 import BROADCAST, COOKIE, MessageType, Packet4, join_options
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.options import Option

__all__ = ["Client4", "NoAnswer", "Refused"]

ASKS: Final = (1, 3, 6, 12, 15, 28, 42, 51, 54, 58, 59, 121)  # what a workstation's client usually requests (55)
DATAGRAM_MAX: Final = 65535  # octets; whatever the server sends is looked at whole

Values = Mapping[Option[Any], Any]
NOTHING: Final[Values] = MappingProxyType({})
_pack_header: Final = struct.Struct(">4BIHHIIII16s192x4s").pack


class NoAnswer(DhcpkitError):
    """The server did not answer in time: `kind` is what was asked, `tries` how often."""

    def __init__(self, kind: MessageType, tries: int) -> None:
        super().__init__(kind, tries)
        self.kind = kind
        self.tries = tries

    def __str__(self) -> str:
        return f"no answer to DHCP{self.kind.name}, sent {self.tries} times"


class Refused(DhcpkitError):
    """The server answered DHCPNAK; `nak` is the message."""

    def __init__(self, nak: Packet4) -> None:
        super().__init__(nak)
        self.nak = nak

    def __str__(self) -> str:
        return "the server answered DHCPNAK"


class Client4:
    """One client and its socket. After a DHCPACK, `address` is its lease and `server_id` who gave it.

    `server` and `port` say where messages go: a server, or the broadcast address for whoever is on the link of
    `interface`. `relay` is the relay agent's address (giaddr), one of this machine's. `hwaddr` is random unless given;
    `asks` are the option codes it requests (55). It sends at most `tries` times and waits `timeout` seconds each time.
    """

    def __init__(  # noqa: PLR0913  # a client's nature, by names
        self,
        hwaddr: bytes = b"",
        *,
        server: str = "255.255.255.255",
        port: int = 67,
        relay: str = "",
        interface: str = "",
        client_id: bytes = b"",
        asks: Sequence[int] = ASKS,
        timeout: float = 1.0,
        tries: int = 3,
        rng: Random | None = None,
    ) -> None:
        self.rng = rng if rng is not None else Random()
        self.hwaddr = hwaddr or b"\x02" + self.rng.randbytes(5)
        self.server = (server, port)
        self.relay = int(IPv4Address(relay)) if relay else 0
        self.client_id = client_id
        self.asks = bytes(asks)
        self.timeout = timeout
        self.tries = tries
        self.address = 0
        self.server_id = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._open(relay, interface)
        except BaseException:
            self._socket.close()
            raise

    def _open(self, relay: str, interface: str) -> None:
        if interface:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        if relay:
            self._socket.bind((relay, 0))
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(("", 68))

    def close(self) -> None:
        """Closes the socket; a lease it has stays with the server."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def discover(self, *, options: Values = NOTHING) -> Packet4:
        """DHCPDISCOVER: the first DHCPOFFER that comes. Raises NoAnswer."""
        return self._ask(MessageType.DISCOVER, options, (MessageType.OFFER,))

    def request(self, offer: Packet4, *, options: Values = NOTHING) -> Packet4:
        """Takes an offer (SELECTING): the DHCPACK. Raises NoAnswer, Refused."""
        chosen = {50: offer.yiaddr.to_bytes(4, "big"), 54: offer.options.get(54, b"")}
        return self._bound(self._ask(MessageType.REQUEST, options, _ANSWERS, own=chosen, xid=offer.xid))

    def dora(self, *, options: Values = NOTHING) -> Packet4:
        """Discover, offer, request, acknowledge: the DHCPACK. Raises NoAnswer, Refused."""
        return self.request(self.discover(options=options), options=options)

    def reboot(self, address: int, *, options: Values = NOTHING) -> Packet4:
        """INIT-REBOOT: asks for an address it remembers; the DHCPACK. Raises NoAnswer, Refused."""
        chosen = {50: address.to_bytes(4, "big")}
        return self._bound(self._ask(MessageType.REQUEST, options, _ANSWERS, own=chosen))

    def renew(self, *, options: Values = NOTHING) -> Packet4:
        """Asks to extend its lease: the DHCPACK. Raises NoAnswer, Refused."""
        return self._bound(self._ask(MessageType.REQUEST, options, _ANSWERS, ciaddr=self.address))

    def inform(self, address: int = 0, *, options: Values = NOTHING) -> Packet4:
        """DHCPINFORM: only asks for options. The answer goes to `address` itself, so a relay leaves it out."""
        return self._ask(MessageType.INFORM, options, (MessageType.ACK,), ciaddr=address)

    def release(self, *, options: Values = NOTHING) -> None:
        """Gives its lease back. No server answers that."""
        own = {54: self.server_id.to_bytes(4, "big")}
        self._send(self._message(MessageType.RELEASE, self._xid(), options, own, ciaddr=self.address))
        self.address = 0

    def decline(self, *, options: Values = NOTHING) -> None:
        """Says that its address is in use by somebody else. No server answers that."""
        own = {50: self.address.to_bytes(4, "big"), 54: self.server_id.to_bytes(4, "big")}
        self._send(self._message(MessageType.DECLINE, self._xid(), options, own))
        self.address = 0

    def _bound(self, answer: Packet4) -> Packet4:
        if answer.type == MessageType.NAK:
            self.address = 0
            raise Refused(answer)
        self.address = answer.yiaddr
        self.server_id = int.from_bytes(answer.options.get(54, b""), "big")
        return answer

    def _xid(self) -> int:
        return self.rng.getrandbits(32)

    def _ask(  # noqa: PLR0913  # a message's parts, by names
        self,
        kind: MessageType,
        options: Values,
        wanted: Sequence[MessageType],
        *,
        own: Mapping[int, bytes] = MappingProxyType({}),
        ciaddr: int = 0,
        xid: int | None = None,
    ) -> Packet4:
        xid = self._xid() if xid is None else xid
        asked = {**own, 55: self.asks} if self.asks else own
        data = self._message(kind, xid, options, asked, ciaddr=ciaddr)
        for _ in range(self.tries):
            self._send(data)
            answer = self._wait(xid, wanted)
            if answer is not None:
                return answer
        raise NoAnswer(kind, self.tries)

    def _message(
        self, kind: MessageType, xid: int, options: Values, own: Mapping[int, bytes], *, ciaddr: int = 0
    ) -> bytes:
        hops = 1 if self.relay else 0
        flags = 0 if self.relay or ciaddr else BROADCAST
        header = _pack_header(
            1, 1, len(self.hwaddr), hops, xid, 0, flags, ciaddr, 0, 0, self.relay, self.hwaddr, COOKIE
        )
        fields = {53: bytes((kind,)), **own}
        if self.client_id:
            fields[61] = self.client_id
        fields |= {option.code: option.build(value) for option, value in options.items()}
        if self.relay:
            fields[82] = fields.pop(82, b"") + _RELAY_PORT  # RFC 3046 2.1: relay information goes last
        return header + join_options(fields)

    def _send(self, data: bytes) -> None:
        self._socket.sendto(data, self.server)

    def _wait(self, xid: int, wanted: Sequence[MessageType]) -> Packet4 | None:
        until = time.monotonic() + self.timeout
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                answer = Packet4.parse(self._socket.recv(DATAGRAM_MAX))
            except TimeoutError:
                return None
            except (WireError, ConnectionRefusedError):  # not DHCP, or nobody listens there yet
                continue
            if answer.op == 2 and answer.xid == xid and answer.chaddr == self.hwaddr and answer.type in wanted:
                return answer
        return None


_ANSWERS: Final = (MessageType.ACK, MessageType.NAK)
_RELAY_PORT: Final = b"\x13\0"  # RFC 8357 5.4: sub-option 19 without content asks for an answer to the sender's port
