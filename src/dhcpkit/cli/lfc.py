"""`dhcpkit lfc`, and the program `kea-lfc`: cleans up the lease files of a server that is stopped, or of Kea's.

Switches are kea-lfc's. A server of dhcpkit needs neither: it cleans up by itself. As `kea-lfc`, it exits with 1 where
Kea's does, and also where the files could not be written, of which Kea's says nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from dhcpkit.cli.status import Status
from dhcpkit.errors import DhcpkitError

__all__ = ["lfc", "main"]

USAGE: Final[type[Exception]] = typer.BadParameter.__bases__[0]  # of whichever click typer brings along
SHORT: Final = "Usage: kea-lfc -[4|6] -p FILE -x FILE -i FILE -o FILE -f FILE -c FILE [-d]; -h explains"
NEEDED: Final = {"-p": "PID", "-x": "Previous", "-i": "Copy", "-o": "Output", "-f": "Finish", "-c": "Config"}


def lfc(  # noqa: PLR0913, PLR0917  # kea-lfc's switches
    leases: Annotated[
        str, typer.Argument(help="Clean up this file that no server uses; the switches for files then go without.")
    ] = "",
    four: Annotated[bool, typer.Option("-4", help="The files are of DHCPv4.")] = False,
    six: Annotated[bool, typer.Option("-6", help="The files are of DHCPv6.")] = False,
    pid: Annotated[str, typer.Option("-p", help="The file that says which process cleans up.")] = "",
    previous: Annotated[str, typer.Option("-x", help="What the clean-up before this one wrote.")] = "",
    copy: Annotated[str, typer.Option("-i", help="What the server appended since.")] = "",
    output: Annotated[str, typer.Option("-o", help="The file to write.")] = "",
    finish: Annotated[str, typer.Option("-f", help="Its name once it is whole.")] = "",
    config: Annotated[str, typer.Option("-c", help="Not used; servers of Kea say it.")] = "",
    verbose: Annotated[bool, typer.Option("-d", help="Say what is done.")] = False,
    version: Annotated[bool, typer.Option("-v", help="Print the version and exit.")] = False,
    long_version: Annotated[bool, typer.Option("-V", help="Print the long version and exit.")] = False,
) -> None:
    """Cleans up lease files as kea-lfc does: one row stays for each lease, whatever happens meanwhile."""
    if version or long_version:
        from dhcpkit.server.main import show

        show("V" if long_version else "v")
        return
    if not four and not six:
        raise typer.BadParameter("DHCP version required")
    from dhcpkit.backends.rows4 import ROWS4
    from dhcpkit.backends.rows6 import ROWS6
    from dhcpkit.cli.lfc_files import Busy, Files, clean, set_aside
    from dhcpkit.server.process import set_name

    given = dict(zip(NEEDED, (pid, previous, copy, output, finish, config), strict=True))
    if leases:
        if any(given.values()):
            raise typer.BadParameter("Extraneous parameters.")
        files = Files.of(Path(leases))
    else:
        for switch, what in NEEDED.items():
            if not given[switch]:
                raise typer.BadParameter(f"{what} file not specified")
        files = Files(Path(previous), Path(copy), Path(output), Path(finish), Path(pid))
    set_name("kea-lfc")  # by which servers of Kea and dhcpkit know that their files are being cleaned up
    try:
        if leases:
            set_aside(Path(leases))
        cleaned = clean(files, ROWS6 if six else ROWS4, step=_say if verbose else None)
    except Busy as busy:
        print(f"nothing is done: {busy}", file=sys.stderr)
        raise typer.Exit(Status.OK if not leases else Status.NEGATIVE) from None  # as kea-lfc
    for problem in cleaned.report.problems:
        print(problem, file=sys.stderr)
    if verbose and cleaned.written is not None:
        report = cleaned.report
        _say(f"{report.lines} lines read, {report.dropped} dropped, {cleaned.written} leases written")


def _say(what: str) -> None:
    print(what)


def main(arguments: Sequence[str] | None = None) -> None:
    """The program `kea-lfc`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(lfc)
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = typer.main.get_command(app)
    try:
        status = command.main(words, prog_name="kea-lfc", standalone_mode=False)
    except USAGE as error:
        print(f"Usage error: {getattr(error, 'message', error)}\n{SHORT}", file=sys.stderr)
        sys.exit(1)
    except (DhcpkitError, OSError) as error:
        print(f"Service failed: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(status or 0)
