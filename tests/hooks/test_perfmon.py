"""The library perfmon: how long messages take, beside recorded commands of Kea 3.0.4."""

import importlib.util
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.hooks.libraries.perfmon import COLUMNS, PerfmonError
from dhcpkit.hooks.libraries.perfmon_durations import Alarm, Durations, Key, State, type_of, type_text
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6

_spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)

COMMANDS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "vectors" / "perfmon-commands-30.jsonl").read_text().splitlines()
]
ONLY_KEA = {"mt_queued", "socket_received"}  # events between threads and of the kernel, which are not here
DISCOVERED = {
    "query-type": "DHCPDISCOVER",
    "response-type": "DHCPOFFER",
    "start-event": "composite",
    "stop-event": "total_response",
}


def config(family=4, **parameters):
    libraries = [{"library": "libdhcp_perfmon.so", "parameters": parameters}]
    if family == 4:
        subnet = {"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": "10.53.1.0 - 10.53.1.255"}]}
        return {"Dhcp4": {"subnet4": [subnet], "hooks-libraries": libraries}}
    subnet = {"id": 1, "subnet": "2001:db8:53::/64", "interface": "eth0", "pools": [{"pool": "2001:db8:53::/80"}]}
    return {"Dhcp6": {"subnet6": [subnet], "hooks-libraries": libraries}}


def discover(client):
    return bytes(Packet4(1, {}, xid=client, chaddr=b"\2\0\0\0\0" + bytes((client,)), broadcast=True))


def solicit(client):
    return bytes(Packet6(1, [(1, b"\0\3\0\1\2\0\0\0\0" + bytes((client,))), (3, bytes(12))], xid=client))


class Ticking:
    """A clock that goes on by so much whenever it is looked at."""

    def __init__(self, *libraries, tick=0.0001):
        self.now, self.tick = 1000.0, tick
        for library in libraries:
            library.clock, library.wall = self, lambda: self.now + 1_795_339_000

    def __call__(self):
        self.now += self.tick
        return self.now


@pytest.mark.parametrize("family", [4, 6])
def test_flags_are_told_and_changed_as_with_kea(family):
    with x.Hooked(config(family, **{"enable-monitoring": False})) as hooked:
        for exchange in COMMANDS:
            if exchange["server"] == f"dhcp{family}" and exchange["command"] == "perfmon-control":
                answer = hooked.ask("perfmon-control", exchange["arguments"])
                assert answer == exchange["response"], exchange["arguments"]


@pytest.mark.parametrize("family", [4, 6])
def test_durations_have_the_form_of_kea_s(family):
    """Keys, members and their types are those recorded, without the events that only Kea has."""
    recorded = [each for each in COMMANDS if each["server"] == f"dhcp{family}-perfmon"]
    with x.Hooked(config(family, **{"enable-monitoring": True, "interval-width-secs": 2})) as hooked:
        clock = Ticking(*hooked.libraries)
        for _ in range(2):
            for client in range(1, 5):
                exchange(hooked, family, client)
            clock.now += 2.4
        exchange(hooked, family, 9)
        for each in recorded:
            answer = hooked.ask(each["command"], each["arguments"])
            expected = each["response"]
            assert shape(answer) == shape(expected)
            assert keys(answer) == ours(keys(expected))
        assert hooked.counted(
            "perfmon.DHCPREQUEST-DHCPACK.composite-total_response.mean-usecs"
            if family == 4
            else "perfmon.REQUEST-REPLY.composite-total_response.mean-usecs"
        )


def exchange(hooked, family, client):
    if family == 4:
        [offer] = hooked.take(discover(client))
        wanted = {50: Packet4.parse(offer).yiaddr.to_bytes(4, "big"), 54: x.SERVER4.to_bytes(4, "big")}
        request = Packet4.parse(discover(client))
        request.options |= {53: b"\3", **wanted}
        [_] = hooked.take(bytes(request))
    else:
        [advertise] = hooked.take(solicit(client))
        options = [*Packet6.parse(solicit(client)).options.items(), (2, Packet6.parse(advertise).options.first[2])]
        [_] = hooked.take(bytes(Packet6(3, options, xid=client + 100)))


def rows(answer):
    found = answer["arguments"]
    return found["durations-result-set"]["rows"] if "durations-result-set" in found else found["durations"]


def keys(answer):
    return {
        tuple(row[:5])
        if isinstance(row, list)
        else tuple(row["duration-key"][key] for key in (*DISCOVERED, "subnet-id"))
        for row in rows(answer)
    }


def ours(recorded):
    """Kea's steps, those around the queue in one."""
    left = {key for key in recorded if not ONLY_KEA.intersection(key)}
    return left | {
        (*key[:3], "process_started", key[4]) for key in recorded if key[2:4] == ("buffer_read", "mt_queued")
    }


def shape(answer):
    def form(value):
        if isinstance(value, dict):
            return {key: form(each) for key, each in sorted(value.items()) if key not in ("columns", "text")}
        return (
            [form(value[0])]
            if isinstance(value, list) and value and isinstance(value[0], (dict, list))
            else type(value)
        )

    return form(answer)


def test_columns_are_apart():
    """Kea 3.0.4 runs the names of the last two together, so that there are fewer names than values in a row."""
    with x.Hooked(config(**{"enable-monitoring": True})) as hooked:
        hooked.take(discover(1))
        found = hooked.ask("perfmon-get-all-durations", {"result-set-format": True})["arguments"][
            "durations-result-set"
        ]
    assert found["columns"] == list(COLUMNS)
    assert {len(row) for row in found["rows"]} == {len(COLUMNS)}


@pytest.mark.parametrize("arguments", [[], "x", 5, {"result-set-format": None}, {"\ud800": True}, {"a": 10**400}])
def test_no_argument_makes_a_command_fail(arguments):
    with x.Hooked(config()) as hooked:
        for command in ("perfmon-control", "perfmon-get-all-durations"):
            assert hooked.ask(command, arguments)["result"] == 1
        assert hooked.ask("perfmon-get-all-durations")["result"] == 3


def test_nothing_is_gathered_unless_it_is_wanted():
    with x.Hooked(config()) as hooked:
        hooked.take(discover(1))
        assert hooked.ask("perfmon-get-all-durations")["result"] == 3
        hooked.ask("perfmon-control", {"enable-monitoring": True, "stats-mgr-reporting": False})
        clock = Ticking(*hooked.libraries)
        for client in (1, 2):
            hooked.take(discover(client))
            clock.now += 61
        assert hooked.ask("perfmon-get-all-durations")["result"] == 0
        assert not [name for name in hooked.statistics.values() if "perfmon" in name]


def test_alarms_go_and_end(caplog):
    alarm = {"duration-key": DISCOVERED | {"subnet-id": 1}, "high-water-ms": 5, "low-water-ms": 2}
    told = config(**{"enable-monitoring": True, "interval-width-secs": 1, "alarm-report-secs": 10, "alarms": [alarm]})
    with x.Hooked(told) as hooked, caplog.at_level(logging.INFO):
        clock = Ticking(*hooked.libraries)

        def interval(tick, pause=2):
            caplog.clear()
            clock.tick = tick
            hooked.take(discover(1))
            clock.now += pause
            return [record.getMessage() for record in caplog.records if "PERFMON_ALARM" in record.getMessage()]

        assert interval(0.01) == []
        [raised] = interval(0.01)
        assert "PERFMON_ALARM_TRIGGERED" in raised
        assert "DHCPDISCOVER-DHCPOFFER.composite-total_response.1" in raised
        assert "00:00:00.02" in raised
        assert interval(0.01, pause=12) == [], "it was told less than 10 seconds ago"
        [again] = interval(0.0001)
        assert "PERFMON_ALARM_TRIGGERED" in again
        [ended] = interval(0.0001)
        assert "PERFMON_ALARM_CLEARED" in ended
        assert interval(0.0001) == []


@pytest.mark.parametrize(
    "change",
    [
        {"low-water-ms": 5},
        {"duration-key": DISCOVERED | {"query-type": "DHCPNONSENSE"}},
        {"duration-key": DISCOVERED | {"query-type": "DHCPRELEASE"}},
        {"duration-key": DISCOVERED | {"response-type": "DHCPACK"}},
    ],
    ids=str,
)
def test_alarms_that_make_no_sense(change):
    alarm = {"duration-key": DISCOVERED, "high-water-ms": 5, "low-water-ms": 2} | change
    with pytest.raises(PerfmonError):
        x.Hooked(config(alarms=[alarm]))
    twice = {"duration-key": DISCOVERED, "high-water-ms": 5, "low-water-ms": 2}
    with pytest.raises(PerfmonError, match="already exists"):
        x.Hooked(config(alarms=[twice, twice]))


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(0, 30)), min_size=1, max_size=40))
def test_intervals_hold_every_sample_once(samples):
    durations, key = Durations(60), Key(1, 2, "a", "b", 0)
    now, running, ended = 0.0, [], []
    since = 0.0
    for sample, pause in samples:
        now += pause
        if running and now - since > 60:
            ended, running = running, []
        if not running:
            since = now
        running.append(sample)
        told = durations.add(key, sample, now, now)
        [(_, duration)] = list(durations)
        if ended:
            last = duration.previous
            assert (last.count, last.total, last.shortest, last.longest) == (
                *(len(ended), sum(ended)),
                *(min(ended), max(ended)),
            )
            assert last.mean == sum(ended) // len(ended)
        else:
            assert duration.previous is None
        assert (told is not None) is (len(running) == 1 and bool(ended))


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 20)), max_size=40))
def test_an_alarm_goes_from_above_high_to_below_low(means):
    alarm, now, goes, told_at = Alarm(5, 10), 0.0, False, None
    for mean, pause in means:
        now += pause
        told = alarm.is_told(mean, now, now, 15.0)
        before, goes = goes, mean > 10 or (goes and mean >= 5)
        due = goes and (not before or told_at is None or now - told_at > 15.0)
        assert told is (due or (before and not goes))
        told_at = (now if due else told_at) if goes else None
        assert (alarm.state is State.TRIGGERED) is goes


@pytest.mark.parametrize(
    ("family", "name"), [(4, "DHCPDISCOVER"), (4, "*"), (6, "INFORMATION_REQUEST"), (6, "SOLICIT")]
)
def test_names_of_types(family, name):
    assert type_text(type_of(name, family), family) == name
