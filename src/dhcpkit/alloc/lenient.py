"""Messages whose options are mended before anybody looks at them, where a configuration asks for it.

What can be mended, and how, is `wire.lenient`'s business; which options hold what, the option space's. Nothing here is
called unless `lenient-option-parsing` is on.
"""

from __future__ import annotations

from typing import Final

from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.lenient import mended, mended_fqdn, mended_strings
from dhcpkit.wire.nested6 import Options6, options_octets6
from dhcpkit.wire.options import Space

__all__ = ["mend4", "mend6"]

CLIENT_FQDN4, VENDOR_CLASSES4 = 81, 124
VENDOR_CLASS6, IA_PD, IAPREFIX, CLIENT_FQDN6 = 16, 25, 26, 39
PRIVATE: Final = 224  # codes from here on are anybody's own
ENTERPRISE: Final = 4  # octets of an enterprise's number
IA_HEAD, LENGTH_AT, BITS = 12, 8, 128  # before an association's options; of a prefix's length; the most it can be


def mend4(packet: Packet4, space: Space) -> None:
    """Mends a message's options, or leaves them out where nothing can be told of them."""
    options = packet.options
    for code, payload in list(options.items()):
        made: bytes | None = payload
        if code == CLIENT_FQDN4:
            made = mended_fqdn(payload, wide=False)
        elif code == VENDOR_CLASSES4:
            made = _vendor_classes4(payload)
        elif (option := space.by_code(code)) is not None:
            made = mended(option.kind, payload, wide=False)
        if made is None:
            if code < PRIVATE:  # of the others Kea keeps the octets
                del options[code]
        elif made != payload:
            options[code] = made


def mend6(packet: Packet6, space: Space) -> None:
    """The same of DHCPv6. Relay agents' own options are left alone."""
    found = list(packet.options.items())
    made = [(code, _mended6(code, payload, space)) for code, payload in found]
    if made != found:
        place = packet.options.place
        packet.options = Options6(options_octets6([(code, each) for code, each in made if each is not None]))
        packet.options.place = place


def _mended6(code: int, payload: bytes, space: Space) -> bytes | None:
    if code == CLIENT_FQDN6:
        return mended_fqdn(payload, wide=True)
    if code == VENDOR_CLASS6:
        return payload[:ENTERPRISE] + mended_strings(payload[ENTERPRISE:], 2)
    if code == IA_PD:
        return _prefixes(payload)
    option = space.by_code(code)
    return payload if option is None else mended(option.kind, payload, wide=True)


def _vendor_classes4(payload: bytes) -> bytes:
    """Each enterprise's classes after its number; the last may claim more than there is."""
    made, rest = b"", payload
    while len(rest) > ENTERPRISE:
        end = ENTERPRISE + 1 + rest[ENTERPRISE]
        made += rest[:ENTERPRISE] + mended_strings(rest[ENTERPRISE:end], 1)
        rest = rest[end:]
    return made + rest


def _prefixes(payload: bytes) -> bytes:
    """An association whose prefixes have 128 bits at most. What is too short for one is not looked at."""
    inside = Options6(payload[IA_HEAD:])
    found = list(inside.items())
    made = [(code, _prefix(each) if code == IAPREFIX else each) for code, each in found]
    return payload if made == found else payload[:IA_HEAD] + options_octets6(made)


def _prefix(payload: bytes) -> bytes:
    if len(payload) <= LENGTH_AT or payload[LENGTH_AT] <= BITS:
        return payload
    return payload[:LENGTH_AT] + bytes((BITS,)) + payload[LENGTH_AT + 1 :]
