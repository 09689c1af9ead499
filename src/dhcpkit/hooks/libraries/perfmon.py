"""How long messages take from the socket to their answer, and alarms when that is too long.

Kea's `perfmon`. Events of a message are `buffer_read`, `process_started` and `process_completed`; Kea's two others do
not exist here: nothing is queued between threads, and the kernel is not asked when it received a datagram. A message
costs three callouts, and while monitoring is on six samples, each a look-up in a dict; it takes the engine's way, not
the quick one, because that is where its processing starts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from dhcpkit.config.param import Document, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.catalogue import Both
from dhcpkit.hooks.commands import PLAIN_RESULTS, Access, Answer, Refused, Result, command
from dhcpkit.hooks.libraries.perfmon_durations import (
    PAIRS,
    Alarm,
    Duration,
    Durations,
    Interval,
    Key,
    State,
    type_of,
    type_text,
)
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import Buffer4Receive, Buffer6Receive, Pkt4Receive, Pkt4Send, Pkt6Receive, Pkt6Send

__all__ = [
    "AlarmDoc",
    "DurationKeyDoc",
    "Perfmon",
    "PerfmonControl",
    "PerfmonError",
    "PerfmonGetAllDurations",
    "PerfmonParameters",
]

_log = Both("perfmon-hooks")
TRACE: Final = 50  # Kea's debug level of what is told of each message

PERFMON_ALARM_CLEARED = _log.info(
    "PERFMON_ALARM_CLEARED",
    "Alarm for {alarm} has been cleared, reported mean duration {mean} is now below low-water-ms: {limit}",
    "What took too long takes less than the alarm's `low-water-ms` again.",
)  # fmt: skip
PERFMON_ALARM_TRIGGERED = _log.warn(
    "PERFMON_ALARM_TRIGGERED",
    "Alarm for {alarm} has been triggered since {since}, reported mean duration {mean} exceeds high-water-ms: {limit}",
    "A step of serving takes longer than its `high-water-ms`. It is told again every `alarm-report-secs`, as long as"
    " the mean does not fall below `low-water-ms`.",
)  # fmt: skip
PERFMON_CMDS_CONTROL_OK = _log.info(
    "PERFMON_CMDS_CONTROL_OK",
    "perfmon-control command success: active monitoring: {monitoring}, stats-mgr-reporting: {reporting}",
    "Somebody asked for, or changed, what is monitored.",
)  # fmt: skip
PERFMON_CMDS_GET_ALL_DURATIONS_OK = _log.info(
    "PERFMON_CMDS_GET_ALL_DURATIONS_OK", "perfmon-get-all-durations returning {count} durations",
    "Somebody asked for what was monitored.",
)  # fmt: skip
PERFMON_DEINIT_OK = _log.info(
    "PERFMON_DEINIT_OK", "unloading PerfMon hooks library successful", "The library was let go."
)
PERFMON_DHCP_PKT_EVENTS = _log.debug(
    "PERFMON_DHCP#_PKT_EVENTS", TRACE, "query: {client} events=[{events}]",
    "When a message was read, when its processing began, and when its answer was ready.",
)  # fmt: skip
PERFMON_DHCP_PKT_PROCESS_ERROR = _log.debug(
    "PERFMON_DHCP#_PKT_PROCESS_ERROR", TRACE,
    "Packet event stack was not processed for query {client}, reason {reason}",
    "The message is none of those that are monitored.",
)  # fmt: skip
PERFMON_INIT_OK = _log.info("PERFMON_INIT_OK", "loading PerfMon hooks library successful", "The library was loaded.")

READ, STARTED, COMPLETED = "buffer_read", "process_started", "process_completed"
COMPOSITE, TOTAL = "composite", "total_response"
EVENTS: Final = "perfmon"  # in the context of an exchange
NONE: Final = "<none>"
MICRO: Final = 1_000_000
COLUMNS: Final = (
    "query-type", "response-type", "start-event", "end-event", "subnet-id", "interval-start", "occurrences",
    "min-duration-usecs", "max-duration-usecs", "total-duration-usecs", "mean-duration-usecs",
)  # fmt: skip


class PerfmonError(DhcpkitError):
    """An alarm makes no sense: the operator is at fault."""


@document("duration-key")
class DurationKeyDoc(Document):
    """Which step is watched."""

    query_type: str = param(doc="The question, as `DHCPDISCOVER` or `SOLICIT`; `*` for any.")
    response_type: str = param(doc="The answer, as `DHCPOFFER` or `ADVERTISE`; `*` for any.")
    start_event: str = param(doc="Where the step begins: `buffer_read`, `process_started`, or `composite`.")
    stop_event: str = param(doc="Where it ends: `process_started`, `process_completed`, or `total_response`.")
    subnet_id: int = param(default=0, low=0, high=2**32 - 1, doc="The subnet; 0 for all of them.")


@document("alarms")
class AlarmDoc(Document):
    """When to raise an alarm."""

    duration_key: DurationKeyDoc = param(doc="Which step is watched.")
    enable_alarm: bool = param(default=True, doc="Whether it is.")
    high_water_ms: int = param(low=1, doc="Above this mean (milliseconds) the alarm goes.")
    low_water_ms: int = param(low=1, doc="Below this mean (milliseconds) it goes no longer.")


@document("parameters")
class PerfmonParameters(Document):
    """What is monitored, and told."""

    enable_monitoring: bool = param(default=False, doc="Samples are gathered.")
    interval_width_secs: int = param(default=60, low=1, doc="How long samples are gathered before they are told.")
    stats_mgr_reporting: bool = param(default=True, doc="Means become statistics.")
    alarm_report_secs: int = param(default=300, low=0, doc="Seconds between two reports of an alarm that goes on.")
    alarms: tuple[AlarmDoc, ...] = param(default=(), doc="When to raise alarms.")


@document("arguments")
class PerfmonControl(Document):
    """What is to be monitored from now on."""

    enable_monitoring: bool | None = param(default=None, doc="Samples are gathered.")
    stats_mgr_reporting: bool | None = param(default=None, doc="Means become statistics.")


@document("arguments")
class PerfmonGetAllDurations(Document):
    """How durations are told."""

    result_set_format: bool = param(default=False, doc="As columns and rows, not as maps.")


class Perfmon(Library):
    """Tells how long messages take (Kea: `libdhcp_perfmon.so`)."""

    name = "perfmon"
    parameters = PerfmonParameters
    told: PerfmonParameters

    async def load(self) -> None:
        """Makes the alarms. Raises PerfmonError."""
        family = self.operated.family
        self.clock: Callable[[], float] = time.monotonic
        self.wall: Callable[[], float] = time.time
        self.monitoring, self.reporting = self.told.enable_monitoring, self.told.stats_mgr_reporting
        self._durations = Durations(self.told.interval_width_secs)
        self._alarms: dict[Key, Alarm] = {}
        for each in self.told.alarms:
            key = _key(each.duration_key, family)
            if each.low_water_ms >= each.high_water_ms:
                raise PerfmonError(
                    f"cannot add Alarm to store: 'low-water-ms': {each.low_water_ms}, must be less than"
                    f" 'high-water-ms': {each.high_water_ms}"
                )
            if key in self._alarms:
                raise PerfmonError(f"cannot add Alarm to store: alarm already exists for: {_label(key, family)}")
            if each.enable_alarm:
                self._alarms[key] = Alarm(each.low_water_ms * 1000, each.high_water_ms * 1000)
        PERFMON_INIT_OK.of(family).log()

    async def unload(self) -> None:
        """Nothing is left to do."""
        PERFMON_DEINIT_OK.of(self.operated.family).log()

    # Events.

    @on(Buffer4Receive)
    @on(Buffer6Receive)
    def note_read(self, point: Buffer4Receive | Buffer6Receive) -> None:
        """A datagram was read."""
        point.context[EVENTS] = [(READ, self.clock())]

    @on(Pkt4Receive)
    @on(Pkt6Receive)
    def note_started(self, point: Pkt4Receive | Pkt6Receive) -> None:
        """What it says is being looked at."""
        point.context.setdefault(EVENTS, []).append((STARTED, self.clock()))

    @on(Pkt4Send, order=1000)
    @on(Pkt6Send, order=1000)
    def note_completed(self, point: Pkt4Send | Pkt6Send) -> None:
        """Its answer is ready: what it took becomes samples."""
        family = self.operated.family
        told = PERFMON_DHCP_PKT_EVENTS.of(family)
        tells = told.on
        if not tells and not self.monitoring:
            return
        now = self.clock()
        events: list[tuple[str, float]] = [*point.context.get(EVENTS, ()), (COMPLETED, now)]
        outcome: Any = point.outcome
        query, response = outcome.packet, outcome.sent.type
        if response not in PAIRS[family].get(query.type, ()) or len(events) < 2:
            what = "is none of those that are monitored" if len(events) > 1 else "has an incomplete stack"
            PERFMON_DHCP_PKT_PROCESS_ERROR.of(family).log(client=query, reason=f"a message of type {query.type} {what}")
            return
        if tells:
            offset = self.wall() - now
            shown = [f"{_event_time(at + offset)} : {label}" for label, at in events]
            told.log(client=query, events=", ".join(shown))
        if self.monitoring:
            subnet_id = outcome.subnet.id if outcome.subnet is not None else 0
            self._sample(query.type, response, events, subnet_id, now)

    def _sample(
        self, query: int, response: int, events: Sequence[tuple[str, float]], subnet_id: int, now: float
    ) -> None:
        steps = [(start, stop, round((end - begin) * MICRO)) for (start, begin), (stop, end) in pairwise(events)]
        steps.append((COMPOSITE, TOTAL, round((events[-1][1] - events[0][1]) * MICRO)))
        wall = self.wall()
        for start, stop, taken in steps:
            for where in (subnet_id, 0) if subnet_id else (0,):
                key = Key(query, response, start, stop, where)
                ended = self._durations.add(key, taken, now, wall)
                if ended is not None:
                    self._report(key, ended, now, wall)

    def _report(self, key: Key, ended: Interval, now: float, wall: float) -> None:
        family, mean = self.operated.family, ended.mean
        if self.reporting:
            self.operated.statistics.put({f"{_statistic(key, family)}.mean-usecs": mean})
        alarm = self._alarms.get(key)
        if alarm is None or not alarm.is_told(mean, now, wall, self.told.alarm_report_secs):
            return
        label = _label(key, family)
        if alarm.state is State.CLEAR:
            PERFMON_ALARM_CLEARED.of(family).log(alarm=label, mean=_length(mean), limit=alarm.low // 1000)
        else:
            told = PERFMON_ALARM_TRIGGERED.of(family)
            told.log(alarm=label, since=_moment(alarm.since)[:-3], mean=_length(mean), limit=alarm.high // 1000)

    # Commands.

    @command("perfmon-control", Access.WRITE, since="2.5.6", arguments=PerfmonControl, raw=True)
    def control(self, arguments: Any) -> Answer:
        """Says, and changes, whether samples are gathered and whether they become statistics.

        It holds until the library is loaded anew. What is not given stays as it is.
        """
        found = _checked(arguments, ("enable-monitoring", "stats-mgr-reporting"))
        self.monitoring = found.get("enable-monitoring", self.monitoring)
        self.reporting = found.get("stats-mgr-reporting", self.reporting)
        words = {True: "enabled", False: "disabled"}
        told = PERFMON_CMDS_CONTROL_OK.of(self.operated.family)
        told.log(monitoring=words[self.monitoring], reporting=words[self.reporting])
        flags = {"enable-monitoring": self.monitoring, "stats-mgr-reporting": self.reporting}
        return Answer(text="perfmon-control success", arguments=flags)

    @command(
        "perfmon-get-all-durations",
        Access.READ,
        since="2.5.6",
        arguments=PerfmonGetAllDurations,
        results=(*PLAIN_RESULTS, Result.EMPTY),
        raw=True,
    )
    def get_all_durations(self, arguments: Any) -> Answer:
        """Returns how long steps took in their last complete intervals."""
        as_rows = _checked(arguments, ("result-set-format",)).get("result-set-format", False)
        family = self.operated.family
        rows = [_row(key, duration, family) for key, duration in self._durations]
        PERFMON_CMDS_GET_ALL_DURATIONS_OK.of(family).log(count=len(rows))
        told: dict[str, Any] = {
            "interval-width-secs": self.told.interval_width_secs,
            "timestamp": _moment(self.wall()),
            "result-set-format": as_rows,
        }
        if as_rows:
            told["durations-result-set"] = {"columns": list(COLUMNS), "rows": rows}
        else:
            told["durations"] = [_element(row) for row in rows]
        text = f"perfmon-get-all-durations: {len(rows)} found"
        return Answer(Result.SUCCESS if rows else Result.EMPTY, text, told)


def _key(told: DurationKeyDoc, family: int) -> Key:
    types = []
    for name, text in (("query-type", told.query_type), ("response-type", told.response_type)):
        try:
            types.append(type_of(text, family))
        except KeyError:
            kind = "DHCP" if family == 4 else "DHCPV6"
            raise PerfmonError(f"'{name}' parameter is invalid, '{text}' is not a valid {kind} message type") from None
    query, response = types
    answers = PAIRS[family].get(query)
    if answers is None:
        raise PerfmonError(f"Query type not supported by monitoring: {told.query_type}")
    if response not in answers:
        raise PerfmonError(f"Response type: {told.response_type} not valid for query type: {told.query_type}")
    return Key(query, response, told.start_event, told.stop_event, told.subnet_id)


def _step(key: Key, family: int) -> str:
    return f"{type_text(key.query, family)}-{type_text(key.response, family)}.{key.start}-{key.stop}"


def _label(key: Key, family: int) -> str:
    return f"{_step(key, family)}.{key.subnet_id}"


def _statistic(key: Key, family: int) -> str:
    scope = f"subnet-id[{key.subnet_id}]." if key.subnet_id else ""
    return f"{scope}perfmon.{_step(key, family)}"


def _row(key: Key, duration: Duration, family: int) -> list[str | int]:
    """A duration in the order of the columns."""
    named: list[str | int] = [
        type_text(key.query, family),
        type_text(key.response, family),
        key.start,
        key.stop,
        key.subnet_id,
    ]
    last = duration.previous
    if last is None:
        return [*named, NONE, 0, 0, 0, 0, 0]
    return [*named, _moment(last.began), last.count, last.shortest, last.longest, last.total, last.mean]


def _element(row: Sequence[str | int]) -> dict[str, Any]:
    names = ("query-type", "response-type", "start-event", "stop-event", "subnet-id")
    rest = ("start-time", *COLUMNS[6:])
    return {"duration-key": dict(zip(names, row, strict=False)), **dict(zip(rest, row[len(names) :], strict=True))}


def _checked(arguments: Any, known: Sequence[str]) -> Mapping[str, bool]:
    """The arguments of a command, each true or false. Raises Refused in Kea's words."""
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise Refused("arguments must be a map")
    for name, value in arguments.items():
        if name not in known:
            raise Refused(f"spurious '{name}' parameter")
        if not isinstance(value, bool):
            raise Refused(f"'{name}' parameter is not a boolean")
    return arguments


def _moment(at: float) -> str:
    """A time as Kea tells it, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S.%f}"


def _event_time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%b-%d %H:%M:%S.%f}"


def _length(microseconds: int) -> str:
    """A length of time as Kea tells it."""
    seconds, fraction = divmod(microseconds, MICRO)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}"
