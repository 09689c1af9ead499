"""An answer's options, to be changed by callouts: `Answer4` and `Answer6` read it, change it and write it again.

What was not changed comes out as it went in: options in Kea's order, relays' messages around it. This module does not
know what an option means.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Final

from dhcpkit.wire.dhcp4 import Packet4, join_options
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.header4 import OPTIONS_AT
from dhcpkit.wire.nested6 import Options6, options_octets6

__all__ = ["Answer", "Answer4", "Answer6", "answer_of"]

MESSAGE_TYPE, RELAY = 53, 82


class Answer4:
    """An answer of DHCPv4. `packet` shows it to expressions as it is now."""

    def __init__(self, data: bytes) -> None:
        self.packet: Final = Packet4.parse(data)

    @property
    def type(self) -> int:
        """Its message type, 0 where it says none."""
        return self.packet.type

    def get(self, code: int) -> bytes | None:
        """An option's payload, None where it is absent."""
        return self.packet.options.get(code)

    def payloads(self, code: int) -> list[bytes]:
        """The payloads of all instances of an option, which are one here (RFC 3396)."""
        found = self.packet.options.get(code)
        return [] if found is None else [found]

    def put(self, code: int, *payloads: bytes) -> None:
        """Gives an option these payloads, in the place of all it had."""
        self.packet.options[code] = b"".join(payloads)

    def remove(self, code: int) -> None:
        """Takes an option away."""
        self.packet.options.pop(code, None)

    def octets(self) -> bytes:
        """The answer. Options stand in the order of their codes, the type first and the relay's last, as Kea's do."""
        options = self.packet.options
        order = sorted(options, key=lambda code: (code != MESSAGE_TYPE, code == RELAY, code))
        return bytes(self.packet)[:OPTIONS_AT] + join_options({code: options[code] for code in order})


class Answer6:
    """An answer of DHCPv6, through all the relays around it. `packet` shows it to expressions as it is now."""

    def __init__(self, data: bytes) -> None:
        self.packet: Final = Packet6.parse(data)

    @property
    def type(self) -> int:
        """Its message type."""
        return self.packet.type

    def get(self, code: int) -> bytes | None:
        """The payload of an option's first instance, None where there is none."""
        return self.packet.options.first.get(code)

    def payloads(self, code: int) -> list[bytes]:
        """The payloads of all instances of an option."""
        return list(self.packet.options.payloads(code))

    def put(self, code: int, *payloads: bytes) -> None:
        """Gives an option these payloads, in the place of all it had."""
        self.packet.options = self.packet.options.replacing_octets(code, *payloads)

    def remove(self, code: int) -> None:
        """Takes an option away."""
        self.put(code)

    def octets(self) -> bytes:
        """The answer. Options stand in the order of their codes, as Kea's do."""
        packet = self.packet
        items = sorted(packet.options.items(), key=itemgetter(0))  # stable: instances stay in their order
        packet.options = Options6(options_octets6(items))
        return bytes(packet)


Answer = Answer4 | Answer6


def answer_of(data: bytes, family: int) -> Answer:
    """An answer of family 4 or 6."""
    return Answer4(data) if family == 4 else Answer6(data)
