"""How many leases each subnet has, counted from the leases: `libdhcp_stat_cmds.so`.

The answer is a table of columns and rows (Kea's `result-set`). What there is in all and what was ever assigned comes
from the counters; what is assigned and declined now is counted when it is asked for, so that a counter which somebody
has reset does not hide it. A server has the commands of both families; of the other one it has no subnets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from dhcpkit.alloc.lease import LeaseState
from dhcpkit.backends.protocols import StoreUnavailable
from dhcpkit.backends.rows import RowForm
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.config.param import Document, Json, document, param
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command
from dhcpkit.hooks.libraries.lease_cmds_walk import slices
from dhcpkit.hooks.library import Library

__all__ = ["StatArguments", "StatCmds"]

FOUND: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY)
ASSIGNED: Final = b"%d" % LeaseState.DEFAULT.value
DECLINED: Final = b"%d" % LeaseState.DECLINED.value
COLUMNS: Final[Mapping[int, Sequence[str]]] = {
    4: ("subnet-id", "total-addresses", "cumulative-assigned-addresses", "assigned-addresses", "declined-addresses"),
    6: (
        "subnet-id", "total-nas", "cumulative-assigned-nas", "assigned-nas", "declined-addresses", "total-pds",
        "cumulative-assigned-pds", "assigned-pds",
    ),
}  # fmt: skip
FORMS: Final[Mapping[int, RowForm[Any]]] = {4: ROWS4, 6: ROWS6}

Counts = Counter[tuple[int, bytes, bool]]  # leases by subnet, state as it stands in a row, and whether it is a prefix


@document("arguments")
class StatArguments(Document):
    """Which subnets. Without arguments: all of them."""

    subnet_id: int | None = param(default=None, doc="One subnet.")
    subnet_range: Json | None = param(
        default=None, doc="Those with identifiers from `first-subnet-id` to `last-subnet-id`."
    )


@attrs.frozen
class _Range:
    """The subnets that are meant, and how the answer calls them."""

    text: str = "[all subnets]"
    first: int = 0
    last: int = 0

    def select(self, known: Mapping[int, Any]) -> Sequence[int]:
        """Those of them that there are, in order."""
        if not self.last:
            return sorted(known)
        return [number for number in sorted(known) if self.first <= number <= self.last]


class StatCmds(Library):
    """Commands that count leases by subnet."""

    name = "stat_cmds"

    @command("stat-lease4-get", Access.READ, since="1.4.0", arguments=StatArguments, results=FOUND, raw=True)
    async def stat_lease4_get(self, said: Any) -> Answer:
        """Counts the DHCPv4 leases of each subnet, of one, or of a range of them. It looks at all leases."""
        return await self._answer(said, 4)

    @command("stat-lease6-get", Access.READ, since="1.4.0", arguments=StatArguments, results=FOUND, raw=True)
    async def stat_lease6_get(self, said: Any) -> Answer:
        """Counts the DHCPv6 leases of each subnet, of one, or of a range of them. It looks at all leases."""
        return await self._answer(said, 6)

    async def _answer(self, said: Any, family: int) -> Answer:
        asked = _range_of(said)
        name = f"stat-lease{family}-get{asked.text}"
        operated = self.operated
        numbers = asked.select(operated.network.by_id if operated.family == family else {})
        if not numbers:
            why = f"selected ID range: {asked.first} through {asked.last} includes no known subnets"
            if asked.text.startswith("[subnet-id"):
                why = f"subnet-id: {asked.first} does not exist"
            return Answer(Result.EMPTY, f"{name}: no matching data, {why}", {})
        try:
            counts = await _counted(operated.store, FORMS[family])
        except StoreUnavailable as error:
            raise Refused(f"leases are out of reach: {error}") from None
        rows = [self._row(number, counts, family) for number in numbers]
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        told = {"result-set": {"columns": list(COLUMNS[family]), "rows": rows, "timestamp": stamp}}
        return Answer(text=f"{name}: {len(rows)} rows found", arguments=told)

    def _row(self, number: int, counts: Counts, family: int) -> list[int]:
        """The row of a subnet. What is declined is not assigned here, otherwise than in the counters (Kea 3.0)."""
        counted = {
            "subnet-id": number,
            "declined-addresses": counts[number, DECLINED, False],
            "assigned-addresses": counts[number, ASSIGNED, False],
            "assigned-nas": counts[number, ASSIGNED, False],
            "assigned-pds": counts[number, ASSIGNED, True],
        }
        value = self.operated.statistics.value
        return [
            counted[column] if column in counted else value(f"subnet[{number}].{column}") for column in COLUMNS[family]
        ]


async def _counted(store: Any, form: RowForm[Any]) -> Counts:
    """All leases, counted a slice at a time: clients are served meanwhile."""
    found: Counter[tuple[bytes, bytes, bool]] = Counter()
    place, roams = form.place, form.roams
    async for rows in slices(store, form):
        found.update([(*place(row), roams(row)) for _, row in rows])
    return Counter({(int(subnet), state, prefix): count for (subnet, state, prefix), count in found.items()})


def _range_of(said: Any) -> _Range:
    """Which subnets a caller means. Raises Refused."""
    if said is None:
        return _Range()
    if not isinstance(said, dict):
        raise Refused("'arguments' parameter is not a map")
    one, several = said.get("subnet-id"), said.get("subnet-range")
    if "subnet-id" in said and "subnet-range" in said:
        raise Refused("cannot specify both subnet-id and subnet-range")
    if "subnet-id" in said:
        number = _positive(one, "subnet-id", "'subnet-id' parameter is not integer")
        return _Range(f"[subnet-id={number}]", number, number)
    if "subnet-range" not in said:
        return _Range()
    if not isinstance(several, dict):
        raise Refused("subnet-range parameter is not a map")
    first, last = (
        _positive(several.get(name), name, f"'{name}' parameter missing or not an integer")
        for name in ("first-subnet-id", "last-subnet-id")
    )
    if last < first:
        raise Refused("'last-subnet-id' must be greater than 'first-subnet-id'")
    return _Range(f"[subnets {first} through {last}]", first, last)


def _positive(value: Any, name: str, otherwise: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused(otherwise)
    if value <= 0:
        raise Refused(f"'{name}' parameter must be > 0")
    return value
