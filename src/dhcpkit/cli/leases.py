"""`dhcpkit leases`: looks for leases, in a server that runs or in its file, and shows how they change."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dhcpkit.cli.status import Status

__all__ = ["changes", "leases"]

COLUMNS: Final = ("ip-address", "prefix-len", "hw-address", "client-id", "duid", "iaid", "subnet-id", "state",
                  "cltt", "valid-lft", "hostname")  # fmt: skip
INFINITE: Final = 0xFFFFFFFF
ADDRESS_WIDTH: Final = {4: 15, 6: 39}

Lease = Mapping[str, Any]


def leases(  # noqa: PLR0913, PLR0917  # a command's options
    socket: Annotated[str, typer.Option("--socket", "-s", help="The server's control socket: a path, or a URL.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="The lease file, of a server that runs or not.")
    ] = None,
    address: Annotated[str, typer.Option(help="The lease of this address.")] = "",
    subnet: Annotated[str, typer.Option(help="Those of a subnet: its identifier, or a prefix.")] = "",
    hw_address: Annotated[str, typer.Option(help="Those of a hardware address.")] = "",
    client_id: Annotated[str, typer.Option(help="Those of a client identifier, in hexadecimal.")] = "",
    duid: Annotated[str, typer.Option(help="Those of a DUID, in hexadecimal.")] = "",
    hostname: Annotated[str, typer.Option(help="Those of a name; * stands for anything.")] = "",
    state: Annotated[str, typer.Option(help="default, declined, expired-reclaimed, released or registered.")] = "",
    watch: Annotated[float, typer.Option(help="Go on, and show every so many seconds what changed.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON map a line, as lease commands tell it.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV, with a header.")] = False,
) -> None:
    """Looks for leases, over a control socket or in a file. The exit status is 1 where there are none."""
    from dhcpkit.cli.leases_found import BadTerm, Wanted, in_file, of_server

    if bool(socket) == bool(file):
        raise typer.BadParameter("say where leases are: --socket or --file")
    try:
        wanted = Wanted.read(
            address=address,
            subnet=subnet,
            hw_address=hw_address,
            client_id=client_id,
            duid=duid,
            hostname=hostname,
            state=state,
        )
    except BadTerm as bad:
        raise typer.BadParameter(str(bad)) from None

    def found() -> Iterator[Lease]:
        if file is not None:
            return in_file(file, wanted)
        from dhcpkit.api import Client

        return of_server(Client(socket), wanted)

    shown = _as_json if as_json else _as_csv if as_csv else _as_table
    try:
        if watch:
            _watch(found, watch, as_json=as_json)
        elif not shown(found()):
            raise typer.Exit(Status.NEGATIVE)
    except BrokenPipeError:  # whoever read it, `head` for instance, has seen enough
        sys.stderr.close()
        raise typer.Exit(Status.OK) from None


def changes(before: Mapping[str, Lease], after: Mapping[str, Lease]) -> Iterator[tuple[str, Lease]]:
    """What became of leases: `new`, `changed` (the lease as it is now) or `gone` (as it was)."""
    for key, lease in after.items():
        if key not in before:
            yield "new", lease
        elif before[key] != lease:
            yield "changed", lease
    for key, lease in before.items():
        if key not in after:
            yield "gone", lease


def _watch(found: Any, seconds: float, *, as_json: bool) -> None:
    before = {_key(lease): lease for lease in found()}
    print(f"{len(before)} leases; what changes follows, until Ctrl-C", file=sys.stderr)
    while True:
        time.sleep(seconds)
        after = {_key(lease): lease for lease in found()}
        for what, lease in changes(before, after):
            line = json.dumps({"change": what, "lease": lease}) if as_json else f"{what:8} {_line(lease)}"
            print(line, flush=True)
        before = after


def _key(lease: Lease) -> str:
    return f"{lease['ip-address']} {lease.get('type', '')}"


def _as_json(found: Iterable[Lease]) -> int:
    count = 0
    for count, lease in enumerate(found, 1):  # noqa: B007  # the last number counts
        print(json.dumps(lease))
    return count


def _as_csv(found: Iterable[Lease]) -> int:
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(COLUMNS)
    count = 0
    for count, lease in enumerate(found, 1):  # noqa: B007  # the last number counts
        table.writerow([lease.get(column, "") for column in COLUMNS])
    return count


def _as_table(found: Iterable[Lease]) -> int:
    count = 0
    for count, lease in enumerate(found, 1):
        if count == 1:
            width = ADDRESS_WIDTH[6 if "duid" in lease else 4]
            print(f"{'address':{width}}  {'client':23}  {'subnet':>6}  {'state':17}  {'until':19}  name")
        print(_line(lease))
    print(f"{count} lease{'' if count == 1 else 's'}", file=sys.stderr)
    return count


def _line(lease: Lease) -> str:
    from dhcpkit.alloc.lease import LeaseState
    from dhcpkit.hooks.catalogue import safe

    six = "duid" in lease
    client = lease["duid"] if six else lease["hw-address"] or lease.get("client-id", "")
    address = f"{lease['ip-address']}/{lease['prefix-len']}" if "prefix-len" in lease else lease["ip-address"]
    number = lease["state"]
    state = LeaseState(number).name.lower().replace("_", "-") if number in set(LeaseState) else str(number)
    until = "no end"
    if lease["valid-lft"] != INFINITE:
        until = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(lease["cltt"] + lease["valid-lft"]))
    name = safe(lease["hostname"])  # it may hold what a terminal would obey
    width = ADDRESS_WIDTH[6 if six else 4]
    return f"{address:{width}}  {client:23}  {lease['subnet-id']:>6}  {state:17}  {until:19}  {name}"
