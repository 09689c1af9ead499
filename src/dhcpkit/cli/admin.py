"""`dhcpkit admin`: lease files dumped, filled and checked, in the manner of kea-admin.

kea-admin does so for databases and refuses memfile; here it is the other way round until there are database backends.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dhcpkit.cli.status import Status
from dhcpkit.errors import DhcpkitError

__all__ = ["AdminError", "admin"]

DATABASE_VERBS: Final = ("db-init", "db-version", "db-upgrade", "stats-recount")
FILE_VERBS: Final = ("lease-dump", "lease-upload", "lease-check")
BACKENDS: Final = ("memfile", "mysql", "pgsql")
BATCH: Final = 1000  # leases made durable at a time
SHOWN_MAX: Final = 5  # addresses named where many are in the way


class AdminError(DhcpkitError):
    """The operation is refused; the text says why, and what may be done."""


def admin(  # noqa: PLR0913, PLR0917  # kea-admin's switches
    command: Annotated[str, typer.Argument(help=f"One of {', '.join((*FILE_VERBS, *DATABASE_VERBS))}.")],
    backend: Annotated[str, typer.Argument(help="memfile; others come with their backends.")],
    four: Annotated[bool, typer.Option("-4", help="Leases of DHCPv4.")] = False,
    six: Annotated[bool, typer.Option("-6", help="Leases of DHCPv6.")] = False,
    name: Annotated[str, typer.Option("--name", "-n", help="The server's lease file.")] = "",
    source: Annotated[str, typer.Option("--input", "-i", help="The file whose leases are uploaded.")] = "",
    target: Annotated[str, typer.Option("--output", "-o", help="The file that leases are dumped to.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Replace a file or leases that are there.")] = False,
) -> None:
    """Dumps leases to a file, uploads them from one, or checks a lease file; with kea-admin's switches."""
    if command not in (*FILE_VERBS, *DATABASE_VERBS):
        raise typer.BadParameter(f"invalid command: {command}")
    if backend not in BACKENDS:
        raise typer.BadParameter(f"invalid backend: {backend}")
    if command in DATABASE_VERBS:
        raise AdminError(f"{command}: there is no database to administer; it comes with a database backend")
    if backend != "memfile":
        raise AdminError(f"{command}: the backend {backend} is not there yet; it comes with that backend")
    if four == six:
        raise typer.BadParameter(f"{command}: lease type ( -4 or -6 ) needs to be specified")
    if not name:
        raise typer.BadParameter(f"{command}: say which lease file with -n or --name")
    family = 6 if six else 4
    if command == "lease-dump":
        if not target:
            raise typer.BadParameter("you must specify an output file for lease-dump")
        print(f"lease{family} successfully dumped to {target}: {_dump(family, Path(name), Path(target), yes)} leases")
    elif command == "lease-upload":
        if not source:
            raise typer.BadParameter("you must specify an input file with -i or --input for lease-upload")
        print(f"{asyncio.run(_upload(family, Path(name), Path(source), yes))} leases uploaded to {name}")
    else:
        _check(family, Path(name))


def _reading(family: int, path: Path) -> Iterator[Any]:
    from dhcpkit.backends.memfile import read_leases, read_leases6

    _existing(path)
    return read_leases6(path) if family == 6 else read_leases(path)


def _files(path: Path) -> list[Path]:
    """The files that make up a lease file, oldest first."""
    ex, copy, completed = (path.with_name(path.name + suffix) for suffix in (".2", ".1", ".completed"))
    return [each for each in (*([completed] if completed.exists() else [ex, copy]), path) if each.exists()]


def _existing(path: Path) -> None:
    if not _files(path):
        raise FileNotFoundError(f"there is no lease file {path}")


def _form(family: int) -> Any:
    from dhcpkit.backends.rows4 import ROWS4
    from dhcpkit.backends.rows6 import ROWS6

    return ROWS6 if family == 6 else ROWS4


def _dump(family: int, path: Path, target: Path, yes: bool) -> int:
    """Writes all leases to a file that is there only once it is whole; how many there were."""
    if target.exists() and not yes:
        raise AdminError(f"{target} is there already; -y replaces it")
    if target.absolute() in {each.absolute() for each in (path, *_files(path))}:
        raise AdminError(f"{target} is the lease file itself")
    form, count = _form(family), 0
    leases = _reading(family, path)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as file:  # noqa: PTH123  # a mode
            file.write(form.header + b"\n")
            for count, lease in enumerate(leases, 1):  # noqa: B007  # the last number counts
                file.write(form.encode(lease) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return count


async def _upload(family: int, path: Path, source: Path, yes: bool) -> int:
    """Adds the leases of a file to those of a server that is stopped; how many that were.

    Where the disk fails half-way, those before are there, and to run it again adds the rest.
    """
    from dhcpkit.alloc import Change
    from dhcpkit.alloc.view6 import Change6
    from dhcpkit.backends import Memfile, Memfile6

    leases = list(_reading(family, source))
    change: Any = Change6 if family == 6 else Change
    store: Any = Memfile6(path) if family == 6 else Memfile(path)  # StoreUnavailable where a server has it
    try:
        before = [store.view.by_address(lease.address) for lease in leases]
        units = [(change(old, new),) for old, new in zip(before, leases, strict=True) if old != new]
        there = [unit[0].before for unit in units if unit[0].before is not None]
        if there and not yes:
            from dhcpkit.hooks.libraries.lease_cmds_said import address_text

            named = ", ".join(address_text(lease.address, family) for lease in there[:SHOWN_MAX])
            raise AdminError(f"{len(there)} addresses have other leases ({named}); -y replaces them")
        waiting = iter(units)
        while batch := list(islice(waiting, BATCH)):
            assert all(await store.commit(batch)), "nobody else has the file"
        return len(units)
    finally:
        await store.close()


def _check(family: int, path: Path) -> None:
    """Tells what is in a lease file, and each line that is damaged; raises Exit where there is one."""
    from dhcpkit.backends.reader import LoadReport, read_file

    _existing(path)
    rows: dict[int, bytes] = {}
    report = LoadReport()
    for each in _files(path):
        with each.open("rb") as file:
            read_file(file, str(each), rows, report, _form(family))
    for problem in report.problems:
        print(problem)
    unshown = report.problem_count - len(report.problems)
    if unshown:
        print(f"{unshown} more problems")
    old = "; the header is of an older version" if report.old_header else ""
    print(f"{len(rows)} leases in {report.lines} lines, {report.dropped} lines lost{old}")
    if report.problem_count:
        raise typer.Exit(Status.NEGATIVE)
