"""Lines look as Kea's, go where they should, and carry nothing a terminal would obey."""

import importlib
import logging
import os
import pkgutil
import re
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dhcpkit.api
import dhcpkit.hooks
import dhcpkit.server
from dhcpkit.hooks.catalogue import CATALOGUE, ROOTS, Message, Twin, catalogue_page, level_of, safe
from dhcpkit.server import messages as m
from dhcpkit.server.log import LoggerSetting, OutputSetting, RateLimit, configure, end_periods, formatter, reopen

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO |WARN |ERROR|FATAL) "
    r"\[kea-(?:dhcp[46]|ctrl-agent)\.[a-z0-9_-]+/\d+\.\d+\] [A-Z0-9_]+ .*"
)
ROOT = ROOTS[4]
FAR_PATTERN = "%-5p|%5p|%c|%m|%%|%i|%q%n"


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    for family, root in ROOTS.items():
        configure([], LoggerSetting(root), family=family)


def everything_declared():
    """Every module that declares messages is read: the servers', the agent's and the libraries'."""
    packages = (dhcpkit.server, dhcpkit.hooks, dhcpkit.api)
    names = [each.name for p in packages for each in pkgutil.walk_packages(p.__path__, f"{p.__name__}.")]
    return [importlib.import_module(name) for name in names]


def to(file, severity="INFO", debuglevel=0, name=ROOT, **output):
    return LoggerSetting(name, severity, debuglevel, (OutputSetting(str(file), **output),))


def lines(file):
    return file.read_text().splitlines()


def offer(client="client", address="192.0.2.1"):
    m.DHCP4_LEASE_OFFER.log(client=client, address=address)


@pytest.mark.parametrize("family", ROOTS)
def test_every_message_makes_a_line_like_kea(folder, family):
    everything_declared()
    configure([to(folder / "log", "DEBUG", 99, name=ROOTS[family])], family=family)
    said = [message for messages in CATALOGUE.values() for message in messages if message.family == family]
    for message in said:
        message.emit("text")
    written = lines(folder / "log")
    assert len(written) == len(said) > (40 if family else 0)
    for line in written:
        assert LINE.fullmatch(line), line
        assert f"[{ROOTS[family]}." in line


def test_the_servers_of_both_families_log_apart(folder):
    configure([to(folder / "4")])
    configure([to(folder / "6", name=ROOTS[6])], family=6)
    m.DHCPSRV_NO_SOCKETS_OPEN.v4.log()
    m.DHCP_SHUTDOWN.of(6).log()
    assert ["NO_SOCKETS_OPEN" in line for line in lines(folder / "4")] == [True]
    assert ["DHCP6_SHUTDOWN" in line for line in lines(folder / "6")] == [True]
    configure([to(folder / "new")])
    m.DHCP_SHUTDOWN.of(6).log()
    assert len(lines(folder / "6")) == 2, "configuring one leaves the other's outputs alone"


def test_recorded_lines_have_the_form_that_is_tested_here(shared):
    for name in ("v4-dhclient-dora-release", "v6-dhclient-na-and-pd"):
        recorded = (shared / "kea/captures/clients" / name / "server.log").read_text().splitlines()
        assert recorded
        for line in recorded:
            assert LINE.fullmatch(line), line


def test_lease_messages_read_as_kea_wrote_them(shared, folder):
    text = (shared / "kea/captures/clients/v4-dhclient-dora-release/server.log").read_text()
    configure([to(folder / "log", pattern="%m%n")])
    client = re.search(r"\[hwtype=.*?, cid=.*?, tid=0x[0-9a-f]+", text).group()
    m.DHCP4_LEASE_ALLOC.log(client=client, address="10.53.1.0", lifetime=3600)
    assert lines(folder / "log")[0] in text


@pytest.mark.parametrize(("severity", "shown"), [("DEBUG", 3), ("INFO", 2), ("WARN", 1), ("ERROR", 0), ("NONE", 0)])
def test_severities(folder, severity, shown):
    configure([to(folder / "log", severity)])
    m.DHCP_OPEN_SOCKET.v4.log(type="UDP", where="here", port=67)
    offer()
    m.DHCPSRV_NO_SOCKETS_OPEN.v4.log()
    assert len(lines(folder / "log")) == shown
    assert m.DHCP4_LEASE_OFFER.on is (severity in ("DEBUG", "INFO"))


@given(st.integers(0, 99), st.integers(0, 99))
def test_debug_levels_are_ordered(low, high):
    low, high = sorted((low, high))
    assert 1 <= level_of("debug", high) <= level_of("debug", low) <= logging.DEBUG


def test_a_debug_level_shows_what_is_at_most_as_deep(folder):
    configure([to(folder / "log", "DEBUG", 40)])
    assert m.DHCP_PACKET_RECEIVED.v4.on
    configure([to(folder / "log", "DEBUG", 0)])
    assert not m.DHCP_PACKET_RECEIVED.v4.on


def test_a_logger_of_its_own_writes_elsewhere(folder):
    configure([to(folder / "all"), to(folder / "leases", name=f"{ROOT}.leases")])
    offer()
    m.DHCPSRV_NO_SOCKETS_OPEN.v4.log()
    assert "DHCP4_LEASE_OFFER" in lines(folder / "leases")[0]
    assert len(lines(folder / "all")) == len(lines(folder / "leases")) == 1


def test_a_logger_with_only_a_severity_writes_to_the_others(folder):
    configure([to(folder / "all"), LoggerSetting(f"{ROOT}.leases", "ERROR")])
    offer()
    m.DHCPSRV_NO_SOCKETS_OPEN.v4.log()
    assert len(lines(folder / "all")) == 1


def test_patterns(folder):
    configure([to(folder / "log", pattern=FAR_PATTERN)])
    offer("c", "a")
    pid = os.getpid()
    assert lines(folder / "log") == [
        f"INFO | INFO|kea-dhcp4.leases|DHCP4_LEASE_OFFER c: lease a will be offered|%|{pid}|%q"
    ]


def test_a_moment_has_its_own_milliseconds():
    line = formatter("%D{%S.%q}")
    record = logging.makeLogRecord({"created": 12.3456})
    assert line(record).endswith("12.345")
    record.created = 12.999
    assert line(record).endswith("12.999")


@given(st.text())
def test_text_from_outside_stays_on_its_line(text):
    shown = safe(text)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e]", shown)
    shown.encode()


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_not_touched(text):
    assert safe(text) == text


def test_a_forged_line_does_not_come_about(folder):
    configure([to(folder / "log")])
    offer("x\n2026-01-01 00:00:00.000 INFO  [kea-dhcp4.leases/1.1] DHCP4_LEASE_ALLOC forged\x1b[2J")
    assert len(lines(folder / "log")) == 1
    assert "\x1b" not in (folder / "log").read_text()


def test_what_others_log_below_our_names_is_made_safe_too(folder):
    configure([to(folder / "log")])
    logging.getLogger(f"{ROOT}.hooks").warning("a%sb", "\n")
    assert len(lines(folder / "log")) == 1


def test_files_are_private_and_rotate(folder):
    file = folder / "log"
    configure([to(file, maxsize=204_800, maxver=2)])
    for _ in range(10):
        offer("x" * 70_000)
    assert oct(file.stat().st_mode & 0o777) in ("0o640", "0o600")
    assert sorted(path.name for path in folder.iterdir()) == ["log", "log.1", "log.2"]
    assert all(path.stat().st_size <= 204_800 for path in folder.iterdir())


def test_a_small_maxsize_means_no_rotation(folder):
    configure([to(folder / "log", maxsize=1000)])
    for _ in range(10):
        offer("x" * 500)
    assert [path.name for path in folder.iterdir()] == ["log"]


def test_a_file_that_was_moved_away_is_opened_anew(folder):
    file = folder / "log"
    configure([to(file)])
    offer("before")
    file.rename(folder / "old")
    offer("still the old file")
    reopen()
    offer("after")
    assert len(lines(folder / "old")) == 2
    assert "after" in lines(file)[0]


def test_an_unknown_severity_is_told_and_info_is_used(folder):
    configure([to(folder / "log", "LOUD")])
    offer()
    assert "LOG_BAD_SEVERITY unrecognized log severity: LOUD" in lines(folder / "log")[0]
    assert "DHCP4_LEASE_OFFER" in lines(folder / "log")[1]


def test_an_output_that_cannot_be_opened_is_told_by_the_others(folder):
    broken = OutputSetting(str(folder / "no" / "such" / "folder"))
    configure([LoggerSetting(ROOT, "INFO", 0, (broken, OutputSetting(str(folder / "log"))))])
    assert "LOG_BAD_DESTINATION" in lines(folder / "log")[0]


def test_messages_can_be_limited(folder):
    configure([to(folder / "log")])
    limit = RateLimit(m.DHCP4_LEASE_OFFER, most=3, period=1e9)
    for _ in range(10):
        limit.log(client="c", address="a")
    limit.flush()
    written = lines(folder / "log")
    assert len(written) == 4
    assert "7 further messages DHCP4_LEASE_OFFER" in written[-1]


def test_what_was_left_out_is_said_once_the_period_is_over(folder):
    configure([to(folder / "log")])
    limit = RateLimit(m.DHCP4_LEASE_OFFER, most=1, period=0.0)
    other = RateLimit(m.DHCP4_LEASE_OFFER, most=1, period=1e9)
    for chatty in (limit, other):
        chatty._since = time.monotonic()
        chatty._count = 5
    end_periods()
    end_periods()
    [line] = lines(folder / "log")
    assert "4 further messages DHCP4_LEASE_OFFER" in line


def test_every_message_is_logged_somewhere(repo):
    """Those of hook libraries, too; each is named once where it is declared, and again where it is used."""
    words = Counter()
    for path in (repo / "src").rglob("*.py"):
        words.update(re.findall(r"\b[A-Z][A-Z0-9_]+\b", re.sub(r'"[^"\n]*"', "", path.read_text())))
    declared = {
        name: module.__name__
        for module in everything_declared()
        for name, value in vars(module).items()
        if isinstance(value, Message | Twin)
    }
    assert len(declared) > 100
    assert any(".libraries." in module for module in declared.values())
    assert {name: module for name, module in declared.items() if words[name] < 2} == {}


def test_the_page_has_every_message():
    everything_declared()
    page = catalogue_page()
    for name, messages in CATALOGUE.items():
        assert f"## {name}\n" in page
        for message in messages:
            assert message.paragraph in page
            assert f"`{message.logger.name}`" in page
            assert message.paragraph.endswith((".", ".)"))
            assert "#" not in message.id + message.template + message.paragraph


def test_environment(monkeypatch, folder):
    from dhcpkit.server.log import from_environment

    monkeypatch.setenv("KEA_LOGGER_DESTINATION", str(folder / "log"))
    monkeypatch.setenv("KEA_LOGGER_SEVERITY", "WARN")
    configure([], from_environment())
    offer()
    m.DHCPSRV_NO_SOCKETS_OPEN.v4.log()
    assert len(lines(folder / "log")) == 1
