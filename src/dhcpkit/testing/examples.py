"""An example of each option's text, for references and for first tries: made of its kind, and tried before it is given.

This module does not know options. A text that a kind refuses never becomes an example.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from dhcpkit.wire.kinds import Kind
from dhcpkit.wire.options import Option

__all__ = ["example"]

# What a field of Kea's type looks like; the first that an option takes is shown.
FIELDS: Final = {
    "binary": [
        "0A0B0C",
        "00030001020000000010",  # a DUID
        "0003414243",  # a string behind two octets of length
        "0106C0000201",  # an attribute of RADIUS
        "00000000000000000000007365637265740A",  # authentication by a token
        "00555300020143",  # a civic address
        "000101C0000201",  # a boot server
        "0000054C6F63616C",  # an entry of a boot menu
        *("00" * size for size in range(1, 33)),
    ],
    "boolean": ["true"],
    "empty": [""],
    "fqdn": ["example.org."],
    "internal": ["10.0.0.0/8 - 192.0.2.1", "alpn=h2 port=443"],
    "ipv4-address": ["192.0.2.1"],
    "ipv6-address": ["2001:db8::1", "64:ff9b::"],
    "ipv6-prefix": ["2001:db8::/48", "2001:db8:0:1::/64"],
    "psid": ["3/4"],
    "string": ["text"],
    "tuple": ["text", "0A0B"],
}
NUMBERS: Final = ["1", "0", "2", "64"]
SECOND: Final = {"192.0.2.1": "192.0.2.2", "2001:db8::1": "2001:db8::2", "example.org.": "example.com."}
WHOLE: Final = [  # texts of kinds that are no row of plain fields
    "0, 0, 0, host.example.org.",
    "0, host.example.org.",
    "1, host.example.org.",
    "0, example.org.",
    "4491, 0101",
    "4491",
    "1, 192.0.2.1",
    "0, 21843, 000143",
    "9, 0003414243",
    "",
]


def example(option: Option[Any]) -> tuple[str, bytes]:
    """A text that the option takes, and the payload it becomes. LookupError where none of those known here is one."""
    width = option.kind.width
    whole = sorted(WHOLE, key=lambda text: abs(text.count(",") + bool(text) - width))
    for text in (*_texts(option.kind), *whole):
        try:
            payload = option.build_text(text)
            option.parse(payload)
        except ValueError:
            continue
        return text, payload
    raise LookupError(f"no example is known for {option!r}")


def _texts(kind: Kind[Any]) -> Iterator[str]:
    """Texts worth trying, the plainest first."""
    if kind.element is not None and (kind.array or kind.name not in FIELDS):
        for text in _texts(kind.element):
            more = SECOND.get(text, "2" if text == "1" else None)
            yield text if more is None else f"{text}, {more}"
            yield text
        return
    parts = () if kind.name in FIELDS else kind.fields or tuple(kind.members.values())
    if parts:
        for fields in product(*(list(_texts(part))[:3] for part in parts)):
            yield ", ".join(field for field in fields if field)
        return
    yield from FIELDS.get(kind.name, NUMBERS)
