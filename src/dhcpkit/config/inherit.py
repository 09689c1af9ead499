"""What holds at a level of the configuration: the nearest level that says something, else the default.

One `Settings` for the globals, each shared network and each subnet, made from the one around it. Checks that need
values of several levels are here, and are made only at a level that writes one of them, so that a mistake in the
globals is told once. This module does not know addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from dhcpkit.alloc.network import Lifetimes
from dhcpkit.config import codes
from dhcpkit.config.dhcp4 import Network4Doc
from dhcpkit.config.dhcp6 import Link6Doc
from dhcpkit.config.documents import DdnsDoc, NetworkDoc
from dhcpkit.config.json_text import Steps
from dhcpkit.config.report import Report
from dhcpkit.config.surroundings import CommentedDoc

__all__ = [
    "OUTERMOST",
    "OUTERMOST6",
    "Settings",
    "Triplet",
    "lifetimes_of",
    "names_within",
    "settings_of",
]

FLAGS: Final = ("reservations_global", "reservations_in_subnet", "reservations_out_of_pool")
MODES: Final = {  # reservation-mode: what it says of the three flags
    "disabled": (False, False, False),
    "out-of-pool": (False, True, True),
    "global": (True, False, False),
    "all": (False, True, False),
}
TIMERS: Final = frozenset(("renew_timer", "rebind_timer"))
NONE_OF_ITS_OWN: Final = frozenset(("server_hostname", "boot_file_name"))  # where they are empty, as in Kea
PERCENTS: Final = frozenset(("calculate_tee_times", "t1_percent", "t2_percent"))

# What a level hands on unchanged to the levels inside it, in both families, and what one of them has besides.
INHERITED: Final = (
    "renew_timer",
    "rebind_timer",
    "calculate_tee_times",
    "t1_percent",
    "t2_percent",
    "reservations_global",
    "reservations_in_subnet",
    "reservations_out_of_pool",
    "cache_threshold",
    "cache_max_age",
    "store_extended_info",
    "allocator",
    *(name for name in DdnsDoc.params if name not in CommentedDoc.params),
)
INHERITED4: Final = (
    *INHERITED,
    "authoritative",
    "match_client_id",
    "next_server",
    "server_hostname",
    "boot_file_name",
    "offer_lifetime",
    "adaptive_lease_time_threshold",
)
INHERITED6: Final = (*INHERITED, "rapid_commit", "pd_allocator", "adaptive_lease_time_threshold")


@attrs.frozen
class Triplet:
    """A lifetime as a level has it: the default and its bounds, each None where no level sets it."""

    default: int | None = None
    minimum: int | None = None
    maximum: int | None = None


@attrs.frozen
class Settings:
    """The values in force at a level, by the documents' names. `lifetimes` and `preferred` are three values in one.

    `preferred` is None where no level sets a preferred lifetime, and always in DHCPv4.
    """

    values: dict[str, Any]
    triplets: dict[str, Triplet]
    lifetimes: Lifetimes
    preferred: Lifetimes | None = None

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def _outermost(doc: type[NetworkDoc], names: Iterable[str], kinds: Iterable[str]) -> Settings:
    triplets = {kind: Triplet(doc.params[f"{kind}_lifetime"].inherit) for kind in kinds}
    return Settings({name: doc.params[name].inherit for name in names}, triplets, Lifetimes())


OUTERMOST: Final = _outermost(Network4Doc, INHERITED4, ["valid"])
OUTERMOST6: Final = _outermost(Link6Doc, INHERITED6, ["valid", "preferred"])


def settings_of(doc: NetworkDoc, outer: Settings, steps: Steps, report: Report, prefix: str = "") -> Settings:
    """The settings of a level inside another. `prefix` is what Kea's messages about it begin with."""
    written = doc.__dict__
    values = outer.values
    own: dict[str, Any] = {name: written[name] for name in written if name in values}
    for name in NONE_OF_ITS_OWN & own.keys():
        if not own[name]:
            del own[name]
    if "reservation_mode" in written:
        own.update(_of_mode(doc, steps, report, prefix))
    if own:
        values = values | own
        if TIMERS & own.keys():
            _check_timers(values, steps, report)
        if PERCENTS & own.keys() and values["calculate_tee_times"]:
            _check_percents(values, steps, report, prefix)
        outer = attrs.evolve(outer, values=values)
    for kind, around in outer.triplets.items():
        keys = (f"{kind}_lifetime", f"min_{kind}_lifetime", f"max_{kind}_lifetime")
        if not written.keys().isdisjoint(keys):
            outer = _with_lifetimes(outer, kind, _within(written, keys, around), steps, report, prefix)
    return outer


def names_within(doc: DdnsDoc, outer: Settings) -> Settings:
    """The settings of a pool, which has keys of its own for names only."""
    own = {name: value for name, value in doc.__dict__.items() if name in DdnsDoc.params and name in outer.values}
    return attrs.evolve(outer, values=outer.values | own) if own else outer


def _within(written: Mapping[str, Any], keys: Sequence[str], around: Triplet) -> Triplet:
    """A level's own lifetimes; each of the three is inherited by itself, as in Kea."""
    default, low, high = keys
    return Triplet(
        written.get(default, around.default), written.get(low, around.minimum), written.get(high, around.maximum)
    )


def _with_lifetimes(  # noqa: PLR0913, PLR0917  # whom to tell, besides
    outer: Settings, kind: str, own: Triplet, steps: Steps, report: Report, prefix: str
) -> Settings:
    triplets = outer.triplets | {kind: own}
    default = own.default
    if default is None:  # one bound alone is the lifetime itself; of both nobody knows which
        if own.minimum is not None and own.maximum is not None:
            message = f"{prefix}have min-{kind}-lifetime and max-{kind}-lifetime but no {kind}-lifetime (default)"
            hint = "give it here or around this"
            report.add(codes.BAD_LIFETIMES, (*steps, f"min-{kind}-lifetime"), message, hint=hint)
            return attrs.evolve(outer, triplets=triplets, preferred=None)
        default = own.maximum if own.minimum is None else own.minimum
        assert default is not None, "one of the three is written"
    made = lifetimes_of(default, own.minimum, own.maximum, steps, report, prefix, kind)
    if own.default == 0 and kind == "valid":
        report.add(codes.ZERO_LIFETIME, (*steps, "valid-lifetime"), "valid-lifetime is 0")
    if kind == "preferred":
        return attrs.evolve(outer, triplets=triplets, preferred=made)
    return attrs.evolve(outer, triplets=triplets, lifetimes=made)


def lifetimes_of(  # noqa: PLR0913, PLR0917  # three numbers, what they are, and whom to tell
    default: int,
    minimum: int | None,
    maximum: int | None,
    steps: Steps,
    report: Report,
    prefix: str = "",
    kind: str = "valid",
) -> Lifetimes:
    """The three lifetimes in one; an unset bound is the default itself. What is out of order is reported."""
    low, high = minimum, maximum
    name, least, most = f"{kind}-lifetime", f"min-{kind}-lifetime", f"max-{kind}-lifetime"
    message, at = "", name
    if low is not None and high is not None:
        if low > high:
            message, at = f"the value of {least} ({low}) is not less than {most} ({high})", least
        elif not low <= default <= high:
            message = f"the value of (default) {name} ({default}) is not between {least} ({low}) and {most} ({high})"
    elif low is not None and low > default:
        message, at = f"the value of {least} ({low}) is not less than (default) {name} ({default})", least
    elif high is not None and default > high:
        message, at = f"the value of (default) {name} ({default}) is not less than {most} ({high})", most
    if message:
        report.add(codes.BAD_LIFETIMES, (*steps, at), prefix + message, expected=f"{least} <= {name} <= {most}")
    return Lifetimes(default, default if low is None else low, default if high is None else high)


def _of_mode(doc: NetworkDoc, steps: Steps, report: Report, prefix: str) -> Iterable[tuple[str, Any]]:
    if doc.written & set(FLAGS):
        message = (
            f"{prefix}invalid use of both 'reservation-mode' and one of 'reservations-global',"
            " 'reservations-in-subnet' or 'reservations-out-of-pool' parameters"
        )
        report.add(codes.CONTRADICTION, (*steps, "reservation-mode"), message, key=True)
    assert doc.reservation_mode is not None, "asked only where it is written"
    return zip(FLAGS, MODES[doc.reservation_mode], strict=True)


def _check_timers(values: dict[str, Any], steps: Steps, report: Report) -> None:
    renew, rebind = values["renew_timer"], values["rebind_timer"]
    if renew is not None and rebind is not None and renew > rebind:
        message = f"the value of renew-timer ({renew}) is greater than the value of rebind-timer ({rebind})"
        report.add(codes.LATE_RENEWAL, (*steps, "renew-timer"), message, expected="renew-timer <= rebind-timer")


def _check_percents(values: dict[str, Any], steps: Steps, report: Report, prefix: str) -> None:
    t1, t2 = values["t1_percent"], values["t2_percent"]
    expected = "0 < t1-percent < t2-percent < 1"
    for key, value in (("t1-percent", t1), ("t2-percent", t2)):
        if not 0 < value < 1:
            message = f"{prefix}{key}:  {value} is invalid, it must be greater than 0.0 and less than 1.0"
            report.add(codes.BAD_TIMERS, (*steps, key), message, expected=expected)
            return
    if t1 >= t2:
        message = f"{prefix}t1-percent:  {t1} is invalid, it must be less than t2-percent: {t2}"
        report.add(codes.BAD_TIMERS, (*steps, "t1-percent"), message, expected=expected)
