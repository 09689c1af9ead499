"""`dhcpkit serve`: a server from a configuration file, or from a prefix and a few options without any file."""

from __future__ import annotations

import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dhcpkit.cli.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhcpkit.alloc.network import Network
    from dhcpkit.server.interfaces import Interface

__all__ = ["serve"]

PATTERN: Final = "%D{%H:%M:%S.%q} %-5p %m\n"  # on a terminal: the time will do


def serve(  # noqa: PLR0913, PLR0917  # a command's options
    what: Annotated[
        str,
        typer.Argument(
            help="A Kea configuration file, or a subnet to serve without one: 192.0.2.0/24.", metavar="WHAT"
        ),
    ],
    interface: Annotated[
        list[str] | None, typer.Option("--interface", "-i", help="Where to listen: eth0, eth0/192.0.2.1, or * for all.")
    ] = None,
    pool: Annotated[
        list[str] | None, typer.Option(help="Addresses to give: FIRST-LAST. All but the server's own, if not given.")
    ] = None,
    router: Annotated[str, typer.Option(help="Routers clients are told of, separated by commas.")] = "",
    dns: Annotated[str, typer.Option(help="Name servers clients are told of, separated by commas.")] = "",
    lifetime: Annotated[int, typer.Option(help="Seconds a lease is valid.", min=1, max=0xFFFFFFFF)] = 3600,
    leases: Annotated[
        Path | None, typer.Option(help="The file that keeps leases. In memory only, if not given.", dir_okay=False)
    ] = None,
    port: Annotated[
        int, typer.Option("--port", "-p", help="Listen on another port than 67 or 547.", min=0, max=65535)
    ] = 0,
    client_port: Annotated[
        int, typer.Option("--client-port", "-P", help="Send to another port than 68 or 546.", min=0, max=65535)
    ] = 0,
    verbose: Annotated[bool, typer.Option("--verbose", "-d", help="Log single packets.")] = False,
) -> None:
    """Serves DHCP from a Kea configuration file, or serves a subnet with no file at all."""
    from dhcpkit.server.sockets import ServiceUnavailable

    try:
        if "/" in what and not Path(what).exists() and (prefix := _prefix(what)) is not None:
            network = _network(prefix, interface or [], pool or [], router, dns, lifetime)
            _serve_network(network, interface or _found(prefix), leases, port, client_port, verbose)
        elif interface or pool or router or dns or leases:
            raise typer.BadParameter("the options for a server without a file go with a subnet, not with a file")
        else:
            _serve_file(what, port, client_port, verbose)
    except ServiceUnavailable as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
        denied = isinstance(OSError(error.errno, ""), PermissionError)
        raise typer.Exit(Status.NO_PERMISSION if denied else Status.UNREACHABLE) from None


def _prefix(text: str) -> IPv4Network | None:
    address, _, length = text.partition("/")
    if ":" in address and length.isdecimal():
        wanted = f"dhcpkit init {text} > kea.conf, then dhcpkit serve kea.conf"
        raise typer.BadParameter(f"{text} is a DHCPv6 subnet, which takes a file: {wanted}")
    if not length.isdecimal() or not address.replace(".", "").isdecimal():
        return None
    try:
        return IPv4Network(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _serve_file(path: str, port: int, client_port: int, verbose: bool) -> None:
    from dhcpkit.server.daemon import Daemon
    from dhcpkit.server.main import VERSION
    from dhcpkit.server.programs import program_for

    daemon = Daemon(
        path,
        program=program_for(path),
        version=VERSION,
        port=port,
        client_port=client_port,
        verbose=verbose,
        patient=False,
    )
    daemon.serve(daemon.load(path))  # the daemon loads it, so that it knows which libraries are asked for


def _here(prefix: IPv4Network) -> Sequence[tuple[Interface, int]]:
    """The interfaces with an address inside the prefix, and that address."""
    from dhcpkit.server.interfaces import interfaces

    return [(i, address) for i in interfaces().values() for address in i.addresses if IPv4Address(address) in prefix]


def _found(prefix: IPv4Network) -> list[str]:
    """Where to listen, if nobody says: the interface that has an address in the subnet."""
    found = [interface.name for interface, _ in _here(prefix)]
    if not found:
        raise typer.BadParameter(f"no interface has an address in {prefix}: say where to listen with --interface")
    return list(dict.fromkeys(found))


def _network(  # noqa: PLR0913, PLR0917  # as serve
    prefix: IPv4Network, listening: list[str], pools: list[str], router: str, dns: str, lifetime: int
) -> Network:
    from dhcpkit.alloc import Lifetimes, Network, Pool4, Subnet4
    from dhcpkit.wire.options4 import DOMAIN_NAME_SERVERS, ROUTERS

    named = {name.partition("/")[0] for name in listening}
    own = {address for _, address in _here(prefix)}
    try:
        ranges = [Pool4(text) for text in pools] or [Pool4(text) for text in _ranges(prefix, own)]
        subnet = Subnet4(
            prefix,
            pools=ranges,
            lifetimes=Lifetimes.fixed(lifetime),
            interface=named.pop() if len(named) == 1 and "*" not in named else "",
        )
        if router:
            subnet = subnet.with_option(ROUTERS, ROUTERS.kind.parse_text(router))
        if dns:
            subnet = subnet.with_option(DOMAIN_NAME_SERVERS, DOMAIN_NAME_SERVERS.kind.parse_text(dns))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return Network([subnet])


def _ranges(prefix: IPv4Network, own: set[int]) -> list[str]:
    """All of a subnet but its first and last address and the server's own."""
    ranges = []
    first, last = int(prefix.network_address) + 1, int(prefix.broadcast_address) - 1
    for taken in [*sorted(own), last + 1]:
        if first < taken <= last + 1:
            ranges.append(f"{IPv4Address(first)} - {IPv4Address(taken - 1)}")
        first = max(first, taken + 1)
    if not ranges:
        raise typer.BadParameter(f"{prefix} has no address to give")
    return ranges


def _serve_network(  # noqa: PLR0913, PLR0917  # as serve
    network: Network, listening: list[str], leases: Path | None, port: int, client_port: int, verbose: bool
) -> None:
    import asyncio

    from dhcpkit.server import Listening
    from dhcpkit.server.daemon import run_server
    from dhcpkit.server.log import LoggerSetting, OutputSetting, configure
    from dhcpkit.server.main import VERSION
    from dhcpkit.server.programs import PROGRAM4, open_memfile

    configure([LoggerSetting(outputs=(OutputSetting("stderr", PATTERN),))], verbose=verbose)
    try:
        where = Listening(tuple(listening))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    subnet = network.subnets[0]
    kept = f"kept in {leases}" if leases else "kept in memory only"
    shown = ", ".join(str(pool) for pool in subnet.pools)
    sys.stderr.write(f"Serving {subnet.prefix} on {', '.join(listening)}: {shown}; leases {kept}. Ctrl-C ends it.\n")

    async def run() -> None:
        store = open_memfile(PROGRAM4, str(leases)) if leases else PROGRAM4.memory()
        server = PROGRAM4.server(network, store, interfaces=where, port=port or PROGRAM4.port, client_port=client_port)
        try:
            await run_server(server, VERSION)
        finally:
            await store.close()

    asyncio.run(run())
