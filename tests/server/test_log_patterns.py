"""Lines by every conversion, held to what Kea 3.0.4 wrote for the same pattern; and lines of JSON."""

import json
import logging
import math
import os
import re
import socket
import threading
from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.hooks.catalogue import Both, Severity
from dhcpkit.server import messages as m
from dhcpkit.server.log_patterns import formatter, json_line, severity_name

# What Kea 3.0.4 wrote, and by which pattern; name, process, host and the source's file are the machine's.
RECORDED_PATTERN = "%d{%H:%M:%S.%Q}|%-7p|%.3p|%c{1}|%8.8c|%i|%m|%x|%q|%h|%E{HOME}%n"
RECORDED = (
    "19:41:59.594.925|WARN   |ARN|dhcpsrv|.dhcpsrv|15312|DHCPSRV_MT_DISABLED_QUEUE_CONTROL disabling dhcp queue "
    "control when multi-threading is enabled.||%q|vm|/root\n"
)
AT = datetime(2026, 11, 24, 19, 41, 59, 594_925, tzinfo=UTC).timestamp() + 2e-7  # a float is a little off


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def said():
    """What is logged, as records."""
    kept = Kept()
    loggers = [logging.getLogger("kea-dhcp4"), logging.getLogger("kea-dhcp6")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(kept)
        logger.setLevel(logging.INFO)
    yield kept.records
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(kept)
        logger.setLevel(level)


def recorded(**more):
    what = {
        "name": "kea-dhcp4.dhcpsrv", "levelno": 30, "created": AT, "process": 15312, "message_id": "X",
        "msg": "DHCPSRV_MT_DISABLED_QUEUE_CONTROL disabling dhcp queue control when multi-threading is enabled.",
    }  # fmt: skip
    return logging.makeLogRecord({**what, **more})


def test_a_line_is_what_kea_wrote_for_the_same_pattern(monkeypatch):
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setattr(socket, "gethostname", lambda: "vm")
    assert formatter(RECORDED_PATTERN)(recorded()) == RECORDED


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("%p%n", "WARN\n"),
        ("%6p|%-6p|", "  WARN|WARN  |"),
        ("%.2c", "rv"),
        ("%c{2}", "kea-dhcp4.dhcpsrv"),
        ("%c{9}", "kea-dhcp4.dhcpsrv"),
        ("100%%", "100%"),
        ("%y %", "%y %"),
        ("%d{%H}", "19"),
        ("%d{%q%q}", "594594"),
        ("%X{key}%x", ""),
        ("%t", "5"),
        ("%T", "worker"),
        ("%L %b", "7 f.py"),
        ("no conversion", "no conversion"),
    ],
)
def test_conversions(pattern, line):
    record = recorded(thread=5, threadName="worker", lineno=7, filename="f.py")
    assert formatter(pattern)(record) == line


@given(st.text(max_size=30))
def test_any_pattern_makes_a_line(pattern):
    assert isinstance(formatter(pattern)(recorded()), str)


@given(st.text(alphabet=st.characters(exclude_characters="%", exclude_categories=["Cs"]), min_size=1))
def test_text_without_conversions_is_the_line(pattern):
    assert formatter(pattern)(recorded()) == pattern


def test_a_text_with_percent_signs_is_no_pattern():
    assert formatter("%m")(recorded(msg="X 100%s %d{")) == "X 100%s %d{"


@pytest.mark.parametrize("severity", [s for s in Severity if s is not Severity.NONE])
def test_severities_have_keas_names(severity):
    assert severity_name(severity.value) == severity.name
    assert severity_name(severity.value - 5) in (severity.name, Severity(max(severity.value - 10, 10)).name)


def test_what_others_log_is_escaped():
    record = logging.makeLogRecord({"msg": "a%sb", "args": ("\n\x1b",), "levelno": 20, "name": "kea-dhcp4.x"})
    assert formatter("%m")(record) == "a\\x0a\\x1bb"
    assert json.loads(json_line(record))["text"] == "a\\x0a\\x1bb"


# JSON.


def test_a_json_line(said):
    m.DHCP4_LEASE_ALLOC.log(client="c\n", address=IPv4Address("192.0.2.1"), lifetime=3600)
    [record] = said
    line = formatter("%json")(record)
    assert line.endswith("}\n")
    told = json.loads(line)
    assert datetime.fromisoformat(told.pop("timestamp")).timestamp() == pytest.approx(record.created, abs=1e-6)
    assert re.search(r'"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"', line)
    assert told.pop("pid") == os.getpid()
    assert told.pop("thread") == threading.get_ident()
    assert told.pop("text") == record.msg.partition(" ")[2]
    assert told == {
        "severity": "INFO",
        "logger": "kea-dhcp4.leases",
        "id": "DHCP4_LEASE_ALLOC",
        "values": {"client": "c\n", "address": "192.0.2.1", "lifetime": 3600},
    }


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.ip_addresses() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.text())
def test_whatever_is_told_is_one_object_on_one_line(values, text):
    line = json_line(recorded(msg=f"X {text}", values=values))
    assert len(line.splitlines()) == 1
    assert line.rstrip("\n").isprintable()
    assert line.isascii()
    told = json.loads(line, parse_constant=pytest.fail)
    assert told["text"] == text
    for key, value in values.items():
        shown = told["values"][key]
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            assert shown == value
            assert type(shown) is type(value)
        elif not isinstance(value, list | dict):
            assert shown == str(value)


def test_values_nested_without_end_are_text():
    value = []
    value.append(value)
    assert "[...]" in json_line(recorded(values={"x": value}))


# Declarations.


def test_a_message_may_be_bounded_by_its_declaration(said):
    chatty = Both("test-log").warn("TEST_LOG_CHATTY", "said {number}", "A test says this.", most=3)
    try:
        for number in range(10):
            chatty.v4.log(number=number)
        chatty.v6.log(number=0)
        assert [record.msg for record in said if record.name.startswith("kea-dhcp4")] == [
            f"TEST_LOG_CHATTY said {number}" for number in range(3)
        ]
        chatty.v4.limit.flush()
        assert said[-1].msg.startswith("DHCP4_MESSAGES_SUPPRESSED 7 further messages TEST_LOG_CHATTY")
        assert said[-1].values["count"] == 7
        assert len([record for record in said if record.name == "kea-dhcp6.test-log"]) == 1, "each family for itself"
    finally:
        from dhcpkit.hooks.catalogue import CATALOGUE

        del CATALOGUE["TEST_LOG_CHATTY"]


def test_a_message_nobody_wants_uses_up_no_limit():
    from dhcpkit.hooks.catalogue import CATALOGUE

    quiet = Both("test-log").info("TEST_LOG_QUIET", "x", "A test says this.", most=1).v4
    del CATALOGUE["TEST_LOG_QUIET"]
    quiet.logger.setLevel(logging.ERROR)
    try:
        quiet.log()
    finally:
        quiet.logger.setLevel(logging.NOTSET)
    assert quiet.limit.admits()


def test_records_are_what_logging_makes(said):
    """But for where they come from: which is the catalogue, and nobody's concern."""

    def logged():
        m.DHCP_STARTED.v4.log(version="1")

    thread = threading.Thread(target=logged, name="worker")
    thread.start()
    thread.join()
    [record] = said
    like = logging.LogRecord(record.name, record.levelno, "", 0, record.msg, None, None)
    assert vars(like).keys() <= vars(record).keys()
    assert (record.threadName, record.processName) == ("worker", "MainProcess")
    assert record.relativeCreated == pytest.approx(like.relativeCreated, abs=5000)
    assert 0 <= record.msecs < 1000
    assert record.getMessage() == "DHCP4_STARTED DHCPv4 server version 1 started"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_know_are_text(value):
    told = json.loads(json_line(recorded(values={"x": [value]})), parse_constant=pytest.fail)
    assert told["values"] == {"x": [str(value)]}
