"""dhcpkit beside real Kea: every item of docs/why/speed.md, measured in interleaved rounds on this machine.

Kea runs in both of its modes and the better one is 1.0. A ratio says how many times better dhcpkit is, whichever way
the unit counts. A second Kea runs in the same rounds where DHCPKIT_KEA_ROOT names a root file system with one.
`items()` is the list; `row()` measures one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median

import attrs
import full_pool
import harness

PAGE = harness.REPO / "docs" / "why" / "speed.md"
RESTART_LEASES = 1_000_000
POOL = 1_000_000
MANY = (  # what Kea's cost grows with: name, the load generator's knob, words
    ("subnets", ("--knob", "subnets=1000"), "1,000 subnets"),
    ("classes", ("--knob", "classes=1000"), "1,000 classes"),
    ("hosts", ("--knob", "hosts=100000"), "100,000 reservations"),
)


@attrs.frozen
class Item:
    """One thing that is measured: the load generator's arguments, and which of its figures counts."""

    name: str
    title: str
    arguments: tuple[str, ...]
    figure: str
    unit: str
    target: str
    durabilities: tuple[str, ...] = ("os", "fsync")
    more_is_better: bool = True
    kea: tuple[str, ...] = harness.KEA
    digits: int = 0
    family: int = 4
    with_kea3: bool = True
    settings: str = ""  # of all but Kea 2.2, whose default they are (bench/with-settings)


@attrs.frozen
class Row:
    """What was measured: values by server's label, medians of the rounds."""

    item: Item
    values: dict[str, float]
    rounds: dict[str, list[float]]
    foreign: tuple[float, ...] = ()  # the share of the machine that other work had, by round

    @property
    def kea(self) -> float | None:
        """The system's Kea in its better mode."""
        return self._better("kea")

    @property
    def kea3(self) -> float | None:
        """The other Kea in its better mode."""
        return self._better("isc3")

    def _better(self, label: str) -> float | None:
        found = [value for key, value in self.values.items() if key.startswith(label)]
        return (max if self.item.more_is_better else min)(found) if found else None

    def ratio(self, durability: str) -> float | None:
        ours, kea = self.values.get(f"dhcpkit-{durability}"), self.kea
        if not ours or not kea:
            return None
        return ours / kea if self.item.more_is_better else kea / ours


def items(rounds: int, secs: int) -> Iterator[Item]:
    """What the table holds, in its order."""
    turns = ("--rounds", str(rounds), "--secs", str(secs))
    closed = ("--mode", "closed", *turns)
    renewing = (*closed, "--work", "renew", "--knob", "cache=0.25")
    closed6, renewing6 = ("-6", *closed), ("-6", *renewing)
    both = ("--knob", "v6=na+pd")
    yield Item("dora", "four-way exchange, memfile, closed loop", closed, "value", "/s", "os 3, fsync 2.4")
    yield Item("renew", "renewals, cache-threshold 0.25 in both", renewing, "value", "/s", "2.5")
    written = (*closed, "--work", "renew")
    yield Item("written", "renewals, each of them written", written, "value", "/s", "2.5", settings="uncached")
    rate = ("--mode", "rate", "--rate", "2500", *turns)
    yield Item("cpu", "CPU for an exchange at 2,500 a second", rate, "cpu_us", "µs", "1.1", more_is_better=False)
    for name, knob, title in MANY:
        yield Item(name, f"four-way exchange with {title}", (*closed, *knob), "value", "/s", "4", ("os",))
    yield Item("sarr6", "DHCPv6: four-way exchange, address", closed6, "value", "/s", "2.2", family=6)
    yield Item(
        "both6", "DHCPv6: four-way exchange, address and prefix", (*closed6, *both), "value", "/s", "2.2", family=6
    )
    yield Item("renew6", "DHCPv6: renewals, cache-threshold 0.25 in both", renewing6, "value", "/s", "2.5", family=6)
    title6 = "DHCPv6: renewals, each of them written"
    yield Item("written6", title6, ("-6", *written), "value", "/s", "2.5", family=6, settings="uncached")
    for name, knob, title in MANY:
        title6 = f"DHCPv6: four-way exchange with {title}"
        yield Item(f"{name}6", title6, (*closed6, *knob), "value", "/s", "4", ("os",), family=6)
    memory = ("--mode", "memory", "--rate", "2500", "--secs", "30", "--rounds", "1")
    restart = ("--mode", "restart", "--rounds", "1", "--knob", f"preload={RESTART_LEASES}")
    million = f"restart with {RESTART_LEASES:,} leases, to the first answer"
    once = partial(Item, more_is_better=False, durabilities=("os",), kea=("kea,mt=0",), with_kea3=False)
    yield once("memory", "memory for a lease", memory, "value", "B", "1.4")
    yield once("memory6", "DHCPv6: memory for a lease", ("-6", *memory), "value", "B", "1.4", family=6)
    yield once("restart", million, restart, "value", "s", "4", digits=1)
    yield once("restart6", f"DHCPv6: {million}", ("-6", *restart), "value", "s", "4", digits=1, family=6)
    yield once("full", f"CPU for a DISCOVER on a full pool of {POOL:,}", (), "", "ms", "1000 at a million", digits=3)


def row(item: Item, *, quiet: bool = False) -> Row:
    """Measures one item."""
    if item.name == "full":
        values = full_pool.measure(POOL, [*item.kea, "dhcpkit-os"])
        return Row(item, values, {label: [value] for label, value in values.items()})
    servers = [*item.kea, *(harness.ours(durability, item.family, item.settings) for durability in item.durabilities)]
    servers += harness.on_pypy(item.family, item.settings)
    others = harness.kea3(item.family, item.settings) if item.with_kea3 else []
    found = harness.measure([*item.arguments, *others], servers, quiet=quiet)
    rounds = {
        label: [float(result[item.figure]) for result in results if result.get(item.figure)]
        for label, results in found.items()
    }
    rounds = {label: values for label, values in rounds.items() if values}
    foreign = tuple(result["foreign"] for results in found.values() for result in results if "foreign" in result)
    return Row(item, {label: median(values) for label, values in rounds.items()}, rounds, foreign)


def shown(value: float | None, digits: int = 0, unit: str = "") -> str:
    return "—" if value is None else f"{value:,.{digits}f}{f' {unit}' if unit and unit != '/s' else unit}"


def table(rows: Sequence[Row]) -> str:
    lines = [
        "| measured | Kea 2.2 | Kea 3.0 | os | ratio | fsync | ratio | PyPy, os | ratio | target |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for found in rows:
        item = found.item
        cells = [item.title, shown(found.kea, item.digits, item.unit), shown(found.kea3, item.digits, item.unit)]
        for durability in ("os", "fsync", "pypy"):
            cells.append(shown(found.values.get(f"dhcpkit-{durability}"), item.digits, item.unit))
            ratio = found.ratio(durability)
            cells.append("—" if ratio is None else f"**{ratio:.2f}**")
        lines.append("| " + " | ".join([*cells, item.target]) + " |")
    return "\n".join(lines)


def circumstances(rows: Sequence[Row]) -> str:
    """Where and how it was measured, and how much other work the machine had meanwhile."""
    foreign = [share for found in rows for share in found.foreign]
    busy = (
        f"; other work had {median(foreign):.0%} of the machine meanwhile, {max(foreign):.0%} at most"
        if foreign
        else ""
    )
    return f"Conditions: {harness.conditions()}{busy}."


def page(rows: Sequence[Row]) -> str:
    return f"""# How fast it is

Kea 2.2 in the better of its two modes (with and without threads) is 1.0; a ratio above 1 means that dhcpkit does more,
or needs less. Kea 3.0 ran in the same rounds, its better mode is shown. *os* and *fsync* are dhcpkit's two
durabilities: with *os* a lease is in the kernel's cache when the client
hears of it, as in Kea; with *fsync*, the default, it is on the disk. *On PyPy* is the same package on another
interpreter ([](../how-to/run-on-pypy.md)), measured from its first second, while it still compiles; it gets faster for
about half a minute. `bench/run --write` measures everything again and replaces this page.

{table(rows)}

{circumstances(rows)}

How it comes about: options are decoded only when asked for, and by derived code ([](derived-codecs.md)); datagrams are
drained in batches with one commit for each ([](batches.md)); the answer's options are joined once for all clients that
ask alike.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="items, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=int, default=3)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the table into docs/why/speed.md")
    arguments = parser.parse_args()
    every = list(items(arguments.rounds, arguments.secs))
    if arguments.list:
        print("\n".join(f"{item.name:8} {item.title}" for item in every))
        return 0
    if reason := harness.missing():
        print(reason, file=sys.stderr)
        return 1
    wanted = arguments.only.split(",") if arguments.only else [item.name for item in every]
    rows = []
    for item in every:
        if item.name in wanted:
            rows.append(row(item))
            print(f"{item.name}: {rows[-1].rounds}", file=sys.stderr, flush=True)
    print(table(rows))
    print(f"\n{circumstances(rows)}")
    if arguments.write:
        PAGE.write_text(page(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
