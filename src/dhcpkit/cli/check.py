"""`dhcpkit check`: every problem of a configuration in one run, for people or for programs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dhcpkit.cli.status import Status
from dhcpkit.config import ConfigError, Loaded4, Loaded6, Problem, family_of, load4, load6, render_json, render_text
from dhcpkit.config.codes import NO_INTERFACE
from dhcpkit.config.contacts import links_named
from dhcpkit.config.nearest import nearest
from dhcpkit.config.report import Report

__all__ = ["Format", "check"]


class Format(StrEnum):
    """How problems are shown."""

    TEXT = "text"
    JSON = "json"


def check(
    config: Annotated[Path, typer.Argument(help="Kea configuration file (Dhcp4 or Dhcp6).")],
    output: Annotated[Format, typer.Option("--format", help="For people (text) or for programs (json).")] = Format.TEXT,
    *,
    here: Annotated[bool, typer.Option("--here", help="Also look whether this machine has the interfaces.")] = False,
    reviewed: Annotated[
        bool, typer.Option("--review", help="Also look for what can be used, and may not be meant.")
    ] = False,
    without: Annotated[list[str] | None, typer.Option(help="A checker of the review to leave out.")] = None,
) -> None:
    """Shows every problem of a configuration, each with its place in the file and what may help."""
    unshown = 0
    try:
        loaded: Loaded4 | Loaded6 = load6(config) if family_of(config) == 6 else load4(config)
    except ConfigError as error:
        problems, unshown, summary = error.problems, error.unshown, ""
    else:
        problems = (*_absent(loaded), *loaded.warnings) if here else loaded.warnings
        problems = (*problems, *_libraries(loaded))
        if reviewed:
            problems = (*problems, *_review(loaded, without or ()))
        summary = f"{_many(len(loaded.network.subnets), 'subnet')}, {_many(len(loaded.network.hosts), 'reservation')}"
    failed = any(problem.severity == "error" for problem in problems)
    if output is Format.JSON:
        print(render_json(problems, unshown))
    else:
        if problems:
            print(render_text(problems, unshown), end="\n\n")
        print(f"{config}: {_counted(problems, unshown)}{'' if failed else f' ({summary})'}")
    if failed:
        raise typer.Exit(Status.BAD_CONFIG)


def _review(loaded: Loaded4 | Loaded6, without: Sequence[str]) -> tuple[Problem, ...]:
    """What a review finds, but by the checkers named in `without`."""
    from dhcpkit.config.review import CHECKERS, review  # only --review needs them

    for name in without:
        if name not in CHECKERS:
            near = nearest(name, CHECKERS)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(CHECKERS)}"
            raise typer.BadParameter(f"--without {name}: no such checker; {hint}")
    return review(loaded, without)


def _libraries(loaded: Loaded4 | Loaded6) -> tuple[Problem, ...]:
    """What is wrong with the hook libraries it asks for. To know, they are loaded."""
    if not loaded.doc.hooks_libraries:
        return ()
    from dhcpkit.hooks.loading import choose  # only a configuration with hook libraries needs them

    return choose(loaded).problems


def _absent(loaded: Loaded4 | Loaded6) -> tuple[Problem, ...]:
    """A problem for each interface the configuration names, to listen on or for a subnet, that this machine lacks."""
    from dhcpkit.server.interfaces import interfaces  # only --here needs the server
    from dhcpkit.server.programs import lacking_interfaces

    report = Report(loaded.source)
    root = "Dhcp6" if isinstance(loaded, Loaded6) else "Dhcp4"
    for number, lacking in lacking_interfaces(loaded.doc).items():
        report.add(
            NO_INTERFACE, (root, "interfaces-config", "interfaces", number), f"Failed to select interface: {lacking}"
        )
    present = interfaces()
    for steps, name, absent in links_named(loaded.doc):
        if name not in present:
            report.add(NO_INTERFACE, steps, absent, suggestion=nearest(name, present))
    return report.sorted()


def _counted(problems: tuple[Problem, ...], unshown: int) -> str:
    numbers = dict.fromkeys(("error", "warning", "notice"), 0)
    for problem in problems:
        numbers[problem.severity] += 1
    numbers["error"] += unshown
    return ", ".join(_many(number, name) for name, number in numbers.items() if number) or "no problems"


def _many(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
