"""The programs under Kea's names, `kea-dhcp4` and `kea-dhcp6`: their switches, and nothing a switch does not need.

Monitoring asks for the version every few seconds, so `-v` answers without loading a server; whatever serves is
imported when it is to serve.
"""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from dhcpkit import __version__

__all__ = ["VERSION", "Switches", "UsageError", "main", "main6", "parse", "show"]

KEA_VERSION: Final = "3.0.0"  # whose switches, commands and files these are; monitoring wants it first
VERSION: Final = f"{KEA_VERSION} (dhcpkit {__version__})"
PROCESSES: Final = {4: "kea-dhcp4", 6: "kea-dhcp6"}
PORTS: Final = {4: (67, 68), 6: (547, 546)}  # the server's and the client's


def _usage(family: int) -> str:
    process, (server, client) = PROCESSES[family], PORTS[family]
    return f"""\
DHCPv{family} server of dhcpkit, version {VERSION}

Usage: {process} -[v|V|W] [-d] [-X] [-{{c|t|T}} FILE] [-p NUMBER] [-P NUMBER]
  -v         show the version and exit
  -V         show the version and what it runs on, and exit
  -W         show how it was built, and exit
  -d         log everything, down to single packets
  -c FILE    serve this configuration file
  -t FILE    check this configuration file and exit
  -T FILE    check it thoroughly, with what it refers to, and exit
  -X         leave out the checks of where files and sockets lie
  -p NUMBER  listen on another port than {server} (for trials)
  -P NUMBER  send to another port than {client} (for trials)
"""


class UsageError(Exception):
    """The command line makes no sense; the text says what is wrong with it."""


class Switches(NamedTuple):
    """The command line, understood. `show` is one of v, V, W; `check` a file to check."""

    show: str = ""
    config: str = ""
    check: str = ""
    verbose: bool = False
    unchecked: bool = False
    port: int = 0
    client_port: int = 0


def parse(words: Sequence[str], process: str = PROCESSES[4]) -> Switches:
    """The switches of a command line. Raises UsageError."""
    try:
        pairs, rest = getopt.getopt(list(words), "vVWdXFRc:t:T:p:P:")
    except getopt.GetoptError as error:
        raise UsageError(f"{process}: {error.msg}") from None
    found: dict[str, str] = {}
    for switch, value in pairs:
        if switch in ("-v", "-V", "-W"):
            return Switches(show=switch[1])
        found["-t" if switch == "-T" else switch] = value
    switches = Switches(
        config=found.get("-c", ""),
        check=found.get("-t", ""),
        verbose="-d" in found,
        unchecked="-X" in found,
        port=_port("server", found["-p"]) if "-p" in found else 0,
        client_port=_port("client", found["-P"]) if "-P" in found else 0,
    )
    if rest:
        raise UsageError(f"{process}: nothing is known about {' '.join(rest)}")
    if not switches.config and not switches.check:
        raise UsageError("Configuration file not specified.")
    return switches


def _port(whose: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise UsageError(f"Failed to parse {whose} port number: [{text}], 1-65535 allowed.")
    return int(text)


def show(what: str) -> None:
    """What -v, -V and -W print."""
    lines = [VERSION]
    if what != "v":
        lines += [f"Python {sys.version.split()[0]} at {sys.executable}"]
    if what == "W":
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # 30 ms that only this needs

        for package in ("attrs", "construct", "sortedcontainers"):
            try:
                lines.append(f"{package} {version(package)}")
            except PackageNotFoundError:
                lines.append(f"{package}: no information")
    sys.stdout.write("\n".join(lines) + "\n")


def main(arguments: Sequence[str] | None = None, *, family: int = 4) -> None:
    """The program: exits 0 or 1 as Kea does."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    process = PROCESSES[family]
    try:
        switches = parse(words, process)
    except UsageError as error:
        sys.stderr.write(f"{error}\n{_usage(family)}")
        sys.exit(1)
    if switches.show:
        show(switches.show)
        sys.exit(0)
    if os.path.basename(sys.argv[0]) == process:  # noqa: PTH119  # pathlib is not needed for -v
        from dhcpkit.server.process import set_name  # noqa: PLC0415  # as the module says

        set_name(process)
    from dhcpkit.server.daemon import Daemon, check  # noqa: PLC0415  # as the module says
    from dhcpkit.server.log import write_in_background  # noqa: PLC0415  # as the module says
    from dhcpkit.server.programs import PROGRAM4, PROGRAM6  # noqa: PLC0415  # as the module says

    program = PROGRAM6 if family == 6 else PROGRAM4
    if switches.check:
        sys.exit(check(switches.check, program))
    write_in_background()
    daemon = Daemon(
        switches.config,
        program=program,
        version=VERSION,
        port=switches.port,
        client_port=switches.client_port,
        verbose=switches.verbose,
        unchecked=switches.unchecked,
    )
    sys.exit(daemon.run())


def main6() -> None:
    """The program of DHCPv6."""
    main(family=6)
