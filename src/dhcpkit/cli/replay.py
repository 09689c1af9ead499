"""`dhcpkit replay`: what a configuration makes of captured messages, and what another one would change for whom."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from dhcpkit.backends.memfile import read_leases, read_leases6
from dhcpkit.cli.replayed import Engine, Engine4, Engine6, Heard, Outcome, messages4, messages6
from dhcpkit.cli.status import Status
from dhcpkit.config import Loaded4, Loaded6, family_of, load4, load6
from dhcpkit.config.compile6 import UNNAMED
from dhcpkit.wire.capture import read_capture

__all__ = ["Replayed", "replay"]


@attrs.frozen
class Replayed:
    """One message with what was decided, and what the other configuration decides, where there is one."""

    heard: Heard
    decided: Outcome
    against: Outcome | None = None

    @property
    def changes(self) -> list[str]:
        """What the other configuration would change."""
        return list(self.decided.changes(self.against)) if self.against is not None else []

    def to_json(self) -> dict[str, Any]:
        """The same for programs."""
        heard = self.heard
        shown: dict[str, Any] = {
            "number": heard.number,
            "time": heard.time,
            "client": heard.client,
            "message": heard.said,
            "decided": self.decided.to_json(),
            "recorded": heard.recorded.to_json() if heard.recorded is not None else None,
        }
        if self.against is not None:
            shown |= {"against": self.against.to_json(), "changes": self.changes}
        return shown


def replay(  # noqa: PLR0913  # the command's options
    pcap: Annotated[Path, typer.Argument(help="Capture file, pcap or pcapng, with what clients said.")],
    config: Annotated[Path, typer.Option("--config", "-c", help="Kea configuration file (Dhcp4 or Dhcp6).")],
    *,
    against: Annotated[Path | None, typer.Option(help="Another configuration: show what it would change.")] = None,
    leases: Annotated[Path | None, typer.Option(help="Lease file to begin with; none: no leases.")] = None,
    interface: Annotated[str, typer.Option(help="The server's interface the messages came in on.")] = "",
    local: Annotated[str, typer.Option(help="The server's own address there (DHCPv4).")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")] = False,
) -> None:
    """Plays a capture through the engine, in the capture's own time, and shows what is decided for each message.

    With --against the exit status is 1 where something would change for a client.
    """
    family = family_of(config)
    if against is not None and family_of(against) != family:
        raise typer.BadParameter(f"{against} is not a DHCPv{family} configuration as {config} is")
    files = [config, *([against] if against is not None else [])]
    heard, engines = (
        _six(pcap, files, leases, interface) if family == 6 else _four(pcap, files, leases, interface, local)
    )
    if not heard:
        sys.stderr.write(f"no DHCPv{family} message to a server in the capture\n")
        raise typer.Exit(Status.NEGATIVE)
    found = [Replayed(each, *(engine.take(each) for engine in engines)) for each in heard]
    changed = {each.heard.client for each in found if each.changes}
    clients = {each.client for each in heard}
    if as_json:
        summary = {"clients": len(clients), "changed": sorted(changed)} if against is not None else {}
        print(json.dumps({"messages": [each.to_json() for each in found], **summary}, indent=2))
    elif against is None:
        _show(found)
    else:
        _show_changes(found)
        print(f"{len(changed)} of {len(clients)} clients would notice")
    if changed:
        raise typer.Exit(Status.NEGATIVE)


def _four(
    pcap: Path, files: Sequence[Path], leases: Path | None, interface: str, local: str
) -> tuple[list[Heard], list[Engine]]:
    heard, seen = messages4(read_capture(pcap.read_bytes()))
    try:
        own = int(IPv4Address(local)) if local else seen
    except ValueError as error:
        raise typer.BadParameter(f"--local: {error}") from error
    held = tuple(read_leases(leases) if leases is not None else ())
    engines: list[Engine] = []
    for path in files:
        loaded = load4(path)
        first = loaded.network.subnets[0].first + 1 if loaded.network.subnets else 0
        engines.append(Engine4(loaded, held, interface or _interface(loaded), own or first))
    return heard, engines


def _six(pcap: Path, files: Sequence[Path], leases: Path | None, interface: str) -> tuple[list[Heard], list[Engine]]:
    heard, server_id = messages6(read_capture(pcap.read_bytes()))
    held = tuple(read_leases6(leases) if leases is not None else ())
    engines: list[Engine] = []
    for path in files:
        loaded = load6(path)
        engines.append(Engine6(loaded, held, interface or _interface(loaded), server_id or UNNAMED))
    return heard, engines


def _interface(loaded: Loaded4 | Loaded6) -> str:
    """The one interface that a configuration speaks of, if it is one: captures do not say where they were taken."""
    listening = {text.partition("/")[0] for text in loaded.doc.interfaces_config.interfaces} - {"*"}
    named = listening or {each.interface for each in (*loaded.network.subnets, *loaded.network.shared_networks)} - {""}
    return next(iter(named)) if len(named) == 1 else ""


def _show(found: Sequence[Replayed]) -> None:
    for each in found:
        heard = each.heard
        print(f"#{heard.number}  {heard.client}  {heard.said} => {each.decided}")
        if heard.recorded is not None and not heard.recorded.like(each.decided):
            print(f"    recorded: {heard.recorded}")


def _show_changes(found: Sequence[Replayed]) -> None:
    for each in found:
        if each.changes:
            print(f"#{each.heard.number}  {each.heard.client}  {each.heard.said}")
            print("".join(f"    {line}\n" for line in each.changes), end="")
