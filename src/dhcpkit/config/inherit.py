"""What holds at a level of the configuration: the nearest level that says something, else the default.

One `Settings` for the globals, each shared network and each subnet, made from the one around it. Checks that need
values of several levels are here, and are made only at a level that writes one of them, so that a mistake in the
globals is told once. This module does not know addresses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from dhcpkit.alloc.network import Lifetimes
from dhcpkit.config import codes
from dhcpkit.config.documents import NetworkDoc
from dhcpkit.config.json_text import Steps
from dhcpkit.config.report import Report

__all__ = ["OUTERMOST", "Settings", "lifetimes_of", "settings_of"]

FLAGS: Final = ("reservations_global", "reservations_in_subnet", "reservations_out_of_pool")
MODES: Final = {  # reservation-mode: what it says of the three flags
    "disabled": (False, False, False),
    "out-of-pool": (False, True, True),
    "global": (True, False, False),
    "all": (False, True, False),
}
LIFETIMES: Final = frozenset(("valid_lifetime", "min_valid_lifetime", "max_valid_lifetime"))
TIMERS: Final = frozenset(("renew_timer", "rebind_timer"))
PERCENTS: Final = frozenset(("calculate_tee_times", "t1_percent", "t2_percent"))

# What a level hands on unchanged to the levels inside it.
INHERITED: Final = (
    "renew_timer",
    "rebind_timer",
    "calculate_tee_times",
    "t1_percent",
    "t2_percent",
    "authoritative",
    "match_client_id",
    "next_server",
    "server_hostname",
    "boot_file_name",
    "reservations_global",
    "reservations_in_subnet",
    "reservations_out_of_pool",
    "cache_threshold",
    "cache_max_age",
    "store_extended_info",
    "ddns_qualifying_suffix",
)


@attrs.frozen
class Settings:
    """The values in force at a level, by the documents' names. `lifetimes` are the three of them resolved together."""

    values: dict[str, Any]
    valid: int
    minimum: int | None
    maximum: int | None
    lifetimes: Lifetimes

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


OUTERMOST: Final = Settings(
    {name: NetworkDoc.params[name].inherit for name in INHERITED}, 7200, None, None, Lifetimes()
)


def settings_of(doc: NetworkDoc, outer: Settings, steps: Steps, report: Report, prefix: str = "") -> Settings:
    """The settings of a level inside another. `prefix` is what Kea's messages about it begin with."""
    written = doc.__dict__
    values = outer.values
    own: dict[str, Any] = {name: written[name] for name in INHERITED if name in written}
    if "reservation_mode" in written:
        own.update(_of_mode(doc, steps, report, prefix))
    if own:
        values = values | own
        if TIMERS & own.keys():
            _check_timers(values, steps, report, prefix)
        if PERCENTS & own.keys() and values["calculate_tee_times"]:
            _check_percents(values, steps, report, prefix)
    if not LIFETIMES & written.keys():
        return outer if not own else attrs.evolve(outer, values=values)
    # Each of the three is inherited by itself, as in Kea.
    valid = written.get("valid_lifetime", outer.valid)
    minimum = written.get("min_valid_lifetime", outer.minimum)
    maximum = written.get("max_valid_lifetime", outer.maximum)
    lifetimes = lifetimes_of(valid, minimum, maximum, steps, report, prefix)
    if valid == 0:
        report.add(codes.ZERO_LIFETIME, (*steps, "valid-lifetime"), "valid-lifetime is 0")
    return Settings(values, valid, minimum, maximum, lifetimes)


def lifetimes_of(  # noqa: PLR0913, PLR0917  # three numbers, and whom to tell
    valid: int, minimum: int | None, maximum: int | None, steps: Steps, report: Report, prefix: str = ""
) -> Lifetimes:
    """The three lifetimes in one; an unset bound is the default itself. What is out of order is reported."""
    low, high = minimum, maximum
    message, at = "", "valid-lifetime"
    if low is not None and high is not None:
        if low > high:
            message = f"the value of min-valid-lifetime ({low}) is not less than max-valid-lifetime ({high})"
            at = "min-valid-lifetime"
        elif not low <= valid <= high:
            bounds = f"min-valid-lifetime ({low}) and max-valid-lifetime ({high})"
            message = f"the value of (default) valid-lifetime ({valid}) is not between {bounds}"
    elif low is not None and low > valid:
        message = f"the value of min-valid-lifetime ({low}) is not less than (default) valid-lifetime ({valid})"
        at = "min-valid-lifetime"
    elif high is not None and valid > high:
        message = f"the value of (default) valid-lifetime ({valid}) is not less than max-valid-lifetime ({high})"
        at = "max-valid-lifetime"
    if message:
        expected = "min-valid-lifetime <= valid-lifetime <= max-valid-lifetime"
        report.add(codes.BAD_LIFETIMES, (*steps, at), prefix + message, expected=expected)
    return Lifetimes(valid, valid if low is None else low, valid if high is None else high)


def _of_mode(doc: NetworkDoc, steps: Steps, report: Report, prefix: str) -> Iterable[tuple[str, Any]]:
    if doc.written & set(FLAGS):
        message = (
            f"{prefix}invalid use of both 'reservation-mode' and one of 'reservations-global',"
            " 'reservations-in-subnet' or 'reservations-out-of-pool' parameters"
        )
        report.add(codes.CONTRADICTION, (*steps, "reservation-mode"), message, key=True)
    assert doc.reservation_mode is not None, "asked only where it is written"
    return zip(FLAGS, MODES[doc.reservation_mode], strict=True)


def _check_timers(values: dict[str, Any], steps: Steps, report: Report, prefix: str) -> None:
    renew, rebind = values["renew_timer"], values["rebind_timer"]
    if renew is not None and rebind is not None and renew > rebind:
        message = f"the value of renew-timer ({renew}) is greater than the value of rebind-timer ({rebind})"
        report.add(codes.BAD_TIMERS, (*steps, "renew-timer"), prefix + message, expected="renew-timer <= rebind-timer")


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
