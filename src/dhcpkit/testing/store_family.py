"""What differs between stores of DHCPv4 leases, DHCPv6 addresses and prefixes, for tests that are for all of them.

A family has a lease for each number, at an address of that number, and says what identifies the leases' clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from dhcpkit.alloc.lease import INFINITE, Lease4, LeaseState
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.view import CLIENT_ID, HWADDR, Change, Sweep
from dhcpkit.alloc.view6 import DUID, Change6, Sweep6

__all__ = ["ADDRESSES6", "LEASES4", "NOW", "PREFIXES6", "Family", "Identifier"]

NOW: Final = 1_795_430_813  # some second; stores have no clock of their own
_DECLINED: Final = LeaseState.DECLINED.value
_RECLAIMED: Final = LeaseState.EXPIRED_RECLAIMED.value
_RELEASED: Final = LeaseState.RELEASED.value


@attrs.frozen
class Identifier:
    """A field of a lease that says whose it is: its name, the key by which a view loads it, and the view's question."""

    field: str
    key: str
    question: str

    def of(self, lease: Any) -> bytes:
        """The lease's own."""
        return bytes(getattr(lease, self.field))

    def ask(self, identifier: bytes) -> Callable[[Any], Sequence[Any]]:
        """The question for the leases of an identifier."""
        return lambda view: getattr(view, self.question)(identifier)


@attrs.frozen(eq=False)
class Family:
    """Leases of one kind, `step` addresses apart from `first` on. `strange` has values at the ends of their ranges.

    `wrong` is what another lease at the same address may differ in; `ending` are the states in which a lease ends.
    """

    first: int
    step: int
    lease: Callable[[int], Any]
    change: Callable[[Any, Any], Any]
    sweep: Callable[[int, int], Iterable[int]]
    identifiers: tuple[Identifier, ...]
    strange: tuple[Any, ...]
    wrong: tuple[Mapping[str, Any], ...]
    ending: tuple[int, ...]

    def lease_of(self, number: int, **changes: object) -> Any:
        """The lease of that number, for the client of that number, with some of its fields changed."""
        return self.lease(number)._replace(**changes)

    def owned_by(self, name: bytes) -> dict[str, bytes]:
        """Fields for a lease of the client of that name; empty for nobody's."""
        return dict.fromkeys((each.field for each in self.identifiers), name)

    def address(self, number: int) -> int:
        """The address of that number."""
        return self.first + number * self.step

    def order(self, first: int, last: int) -> Iterable[int]:
        """The sweep over the addresses of these numbers."""
        return self.sweep(self.address(first), self.address(last))


def _lease4(number: int) -> Lease4:
    hwaddr = (0x020000000000 + number).to_bytes(6, "big")
    return Lease4(_FIRST4 + number, hwaddr, b"\x01" + hwaddr, 3600, NOW, 1, hostname=f"host-{number}")


_FIRST4: Final = 0x0A350100  # 10.53.1.0, in a range that crosses no boundary in particular
_COMMON_WRONG: Final[tuple[Mapping[str, Any], ...]] = (
    {"hostname": "x"},
    {"cltt": 7},
    {"state": 7},
    {"subnet_id": 7},
    {"user_context": "{}"},
    {"fqdn_fwd": True},
)
_STRANGE_NAME: Final = "a,b&c;d'e\"f\\g%h?i\nj\rk\x00l m"

LEASES4: Final = Family(
    first=_FIRST4,
    step=1,
    lease=_lease4,
    change=Change,
    sweep=Sweep,
    identifiers=(Identifier("client_id", CLIENT_ID, "by_client_id"), Identifier("hwaddr", HWADDR, "by_hwaddr")),
    strange=(
        _lease4(1)._replace(address=0, cltt=-3600, hostname="", client_id=b""),
        _lease4(2)._replace(address=0xFFFFFFFF, hwaddr=b"", client_id=bytes(range(255)), valid_lifetime=INFINITE),
        _lease4(3)._replace(hwaddr=bytes(20), client_id=b"\x00\x00", subnet_id=0xFFFFFFFE, pool_id=0xFFFFFFFF),
        _lease4(4)._replace(fqdn_fwd=True, hostname=_STRANGE_NAME),
        _lease4(5)._replace(fqdn_rev=True, hostname="h\xf6st\xff", user_context='{ "a": "1,2&3", "b": [ 1, null ] }'),
        _lease4(6)._replace(hwaddr=b"", client_id=b"", state=_DECLINED, valid_lifetime=86400),
        _lease4(7)._replace(state=_RELEASED, valid_lifetime=0),
        _lease4(8)._replace(state=_RECLAIMED, hostname="&#x2c"),
    ),
    wrong=(*_COMMON_WRONG, {"client_id": b"xx"}),
    ending=(LeaseState.DEFAULT.value, _DECLINED),
)


def _lease6(number: int) -> Lease6:
    hwaddr = (0x020000000000 + number).to_bytes(6, "big")
    return Lease6(
        _FIRST6 + number,
        b"\x00\x03\x00\x01" + hwaddr,
        3600,
        NOW,
        1,
        1800,
        LeaseType.IA_NA.value,
        number,
        hostname=f"host-{number}",
        hwaddr=hwaddr,
        hwtype=1,
        hwaddr_source=2,
    )


def _prefix6(number: int) -> Lease6:
    lease = _lease6(number)
    return lease._replace(address=_PREFIX + (number << _SHIFT), type=LeaseType.IA_PD.value, prefix_len=128 - _SHIFT)


_FIRST6: Final = 0x20010DB80053000000000000FFFFFFF0  # in a range that crosses a boundary of 32 bits
_PREFIX: Final = 0x20010DB88000FFC00000000000000000  # and one of 16
_SHIFT: Final = 68

_STRANGE6: Final = (
    _lease6(1)._replace(address=0, cltt=-3600, hostname="", hwaddr=b"", hwtype=0, hwaddr_source=0),
    _lease6(2)._replace(address=(1 << 128) - 1, duid=bytes(range(130)), valid_lifetime=INFINITE, iaid=0xFFFFFFFF),
    _lease6(3)._replace(hwaddr=bytes(20), duid=bytes(4), subnet_id=0xFFFFFFFE, pool_id=0xFFFFFFFF, hwtype=0xFFFF),
    _lease6(4)._replace(fqdn_fwd=True, hostname=_STRANGE_NAME, preferred_lifetime=INFINITE, hwaddr_source=0xFFFFFFFF),
    _lease6(5)._replace(fqdn_rev=True, hostname="h\xf6st\xff", user_context='{ "a": "1,2&3", "b": [ 1, null ] }'),
    _lease6(6)._replace(duid=b"", hwaddr=b"", hwtype=0, hwaddr_source=0, state=_DECLINED, preferred_lifetime=0),
    _lease6(7)._replace(state=_RELEASED, valid_lifetime=0, preferred_lifetime=0),
    _lease6(8)._replace(state=_RECLAIMED, hostname="&#x2c", type=LeaseType.IA_TA.value),
    _lease6(9)._replace(state=LeaseState.REGISTERED.value),
    _prefix6(1),
    _prefix6(2)._replace(prefix_len=0, iaid=0),
    _prefix6(3)._replace(address=_PREFIX + 1, prefix_len=48),  # host bits set, which Kea keeps
    _prefix6(4)._replace(prefix_len=128),
    _lease6(0x0102)._replace(address=0x0102),  # ::1:2 and ::ffff:1.2.3.4 have a spelling of their own
    _lease6(0x0103)._replace(address=0x10203),
    _lease6(0x0104)._replace(address=0xFFFF01020304),
)
_WRONG6: Final = (*_COMMON_WRONG, {"duid": b"xx"}, {"iaid": 7}, {"preferred_lifetime": 7}, {"hwaddr": b"x"})
_ENDING6: Final = (LeaseState.DEFAULT.value, _DECLINED, LeaseState.REGISTERED.value)
_BY_DUID: Final = (Identifier("duid", DUID, "by_duid"),)

ADDRESSES6: Final = Family(
    first=_FIRST6,
    step=1,
    lease=_lease6,
    change=Change6,
    sweep=Sweep6,
    identifiers=_BY_DUID,
    strange=_STRANGE6,
    wrong=(*_WRONG6, {"type": LeaseType.IA_TA.value}),
    ending=_ENDING6,
)
PREFIXES6: Final = Family(
    first=_PREFIX,
    step=1 << _SHIFT,
    lease=_prefix6,
    change=Change6,
    sweep=lambda first, last: Sweep6(first, last + (1 << _SHIFT) - 1, _SHIFT),
    identifiers=_BY_DUID,
    strange=_STRANGE6,
    wrong=(*_WRONG6, {"prefix_len": 61}),
    ending=_ENDING6,
)
