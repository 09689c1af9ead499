"""Outputs never hold up who logs; what they do not take is counted and told. Files rotate and come back as Kea's."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dhcpkit.hooks.catalogue import DEBUG_STEPS, ROOTS, level_of
from dhcpkit.server import log_outputs
from dhcpkit.server import messages as m
from dhcpkit.server.log import LoggerSetting, OutputSetting, configure, end_periods, reopen, stray_files
from dhcpkit.server.log_outputs import FileSink, SyslogSink, Writer, drain, facility_of, is_file

ROOT = ROOTS[4]
PATIENCE = 20.0  # seconds a test waits for what must happen; it decides nothing but when to give up


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    for family, root in ROOTS.items():
        configure([], LoggerSetting(root), family=family)


def to(*files, severity="INFO", name=ROOT, **output):
    return LoggerSetting(name, severity, 0, tuple(OutputSetting(str(file), **output) for file in files))


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


class Stuck:
    """A sink that takes nothing until it is told to."""

    def __init__(self):
        self.free = threading.Event()
        self.written = []
        self.reopened = []
        self.closed = False

    def write(self, lines):
        self.free.wait(PATIENCE)
        self.written += lines

    def reopen(self):
        self.reopened.append(len(self.written))

    def close(self):
        self.closed = True


@pytest.fixture
def stuck():
    sink = Stuck()
    yield sink
    sink.free.set()


def test_a_stuck_output_costs_lines_and_nothing_else(stuck):
    writer = Writer(stuck, "stuck", held_max=1000)
    writer.start()
    for _ in range(100):
        writer.put(b"x" * 100)  # would never come back if it waited
    assert writer.held <= 1000
    assert writer.lost == 90
    stuck.free.set()
    wait_for(lambda: not writer.held)
    assert len(stuck.written) == 10
    writer.put(b"again")
    wait_for(lambda: stuck.written[-1] == b"again")
    writer.close()
    wait_for(lambda: stuck.closed)


def test_lines_keep_their_order_whoever_logs(stuck):
    stuck.free.set()
    writer = Writer(stuck, "x")
    writer.start()

    def log(name):
        for number in range(300):
            writer.put(b"%d %d;" % (name, number))

    threads = [threading.Thread(target=log, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    wait_for(lambda: stuck.closed)
    pairs = [tuple(map(int, line[:-1].split())) for line in stuck.written]
    assert writer.lost == 0
    assert len(pairs) == 1200
    for name in range(4):
        assert [number for who, number in pairs if who == name] == list(range(300))


def test_losses_are_told_once_the_output_works_again(stuck):
    writer = Writer(stuck, "x", held_max=10)
    writer.start()
    writer.put(b"0123456789")
    writer.put(b"lost")
    first = writer.untold()
    assert first in (0, 1), "told at once the first time, as this machine may have been up for long"
    writer.put(b"lost")
    assert writer.untold() == 0, "it is still stuck"
    stuck.free.set()
    wait_for(lambda: not writer.held)
    assert writer.untold() == 2 - first
    assert writer.untold() == 0


def test_the_end_waits_for_lines_but_not_for_ever(stuck):
    writer = Writer(stuck, "x")
    writer.start()
    writer.put(b"last")
    began = time.monotonic()
    drain(0.05)
    assert time.monotonic() - began < PATIENCE
    assert writer.held
    stuck.free.set()
    drain(PATIENCE)
    assert stuck.written == [b"last"]


def test_what_is_not_flushed_comes_later_and_at_the_end_at_once(stuck):
    stuck.free.set()
    writer = Writer(stuck, "x", flush=False)
    writer.start()
    writer.put(b"first")
    wait_for(lambda: stuck.written)
    writer.put(b"second")
    drain(PATIENCE)
    assert stuck.written == [b"first", b"second"]


def test_opening_anew_comes_between_the_lines_around_it(stuck):
    writer = Writer(stuck, "x")
    writer.start()
    writer.put(b"before")
    writer.reopen()
    writer.put(b"after")
    stuck.free.set()
    wait_for(lambda: len(stuck.written) == 2)
    assert stuck.reopened == [1]


def test_a_pipe_that_nobody_reads_does_not_stop_the_server(tmp_path):
    """A whole process: more than any pipe holds is logged, and it ends by itself, telling what was lost to a file."""
    script = f"""
import os, sys
from dhcpkit.server import log, log_outputs, messages as m
log.write_in_background()
outputs = log.OutputSetting("stdout"), log.OutputSetting("{tmp_path}/log")
log.configure([log.LoggerSetting("{ROOT}", "INFO", 0, outputs)])
for writer in log_outputs._all:
    if writer.name == "stdout":
        writer._held_max = 100_000
for number in range(4000):
    m.DHCP4_LEASE_OFFER.log(client="x" * 200, address=number)
log.end_periods()
"""
    reading, writing = os.pipe()
    try:
        words = [sys.executable, "-c", script]
        done = subprocess.run(words, check=False, stdout=writing, stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(writing)
        os.close(reading)
    assert (done.returncode, done.stderr) == (0, b"")
    text = (tmp_path / "log").read_text()
    assert text.count("DHCP4_LEASE_OFFER") == 4000, "the other output has them all"
    assert re.search(r"LOG_LINES_LOST \d+ lines were lost on their way to stdout", text)


def test_a_full_disk_costs_lines_and_is_told_by_the_others(folder):
    configure([to("/dev/full", folder / "log")])
    m.DHCP_STARTED.v4.log(version="1")
    end_periods()
    end_periods()
    text = (folder / "log").read_text()
    assert "DHCP4_STARTED" in text
    assert text.count("LOG_LINES_LOST") == 1 or "2 lines" not in text
    assert re.search(r"LOG_LINES_LOST 1 lines were lost on their way to /dev/full", text)


def test_a_line_cut_short_by_a_full_disk_does_not_swallow_the_next(tmp_path, monkeypatch):
    sink = FileSink(str(tmp_path / "log"))
    real = os.write
    room = [5]

    def short(fd, data):
        if room[0] <= 0:
            raise OSError(28, "No space left on device")
        count = real(fd, data[: room[0]])
        room[0] -= count
        return count

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space"):
        sink.write([b"0123456789\n"])
    monkeypatch.setattr(os, "write", real)
    sink.write([b"next\n"])
    assert (tmp_path / "log").read_bytes() == b"01234\nnext\n"
    sink.close()


# Files.


@pytest.mark.parametrize("background", [False, True])
def test_rotation_keeps_every_line_whole(tmp_path, background):
    file = tmp_path / "log"
    writer = Writer(FileSink(str(file), 204_800, 3), "file")
    if background:
        writer.start()
    lines = [b"%06d %s\n" % (number, b"x" * (number * 37 % 900)) for number in range(1300)]
    for line in lines:
        writer.put(line)
    drain(PATIENCE)
    writer.close()
    names = ["log.3", "log.2", "log.1", "log"]
    assert {path.name for path in tmp_path.iterdir()} <= set(names)
    sizes = [(tmp_path / name).stat().st_size for name in names if (tmp_path / name).exists()]
    assert max(sizes) <= 204_800
    assert len(sizes) >= 3
    kept = b"".join((tmp_path / name).read_bytes() for name in names if (tmp_path / name).exists())
    assert b"".join(lines).endswith(kept)
    assert writer.lost == 0


def test_a_file_that_logrotate_copied_and_cut_goes_on_from_its_start(tmp_path):
    file = tmp_path / "log"
    sink = FileSink(str(file), 204_800, 1)
    sink.write([b"x" * 150_000])
    os.truncate(file, 0)
    sink.write([b"y" * 150_000])
    assert file.read_bytes() == b"y" * 150_000
    assert not (tmp_path / "log.1").exists(), "what was cut off does not count"
    sink.close()


def test_a_file_that_was_moved_is_made_again_by_a_new_configuration(folder):
    file = folder / "log"
    configure([to(file)])
    m.DHCP_STARTED.v4.log(version="1")
    file.rename(folder / "old")
    configure([to(file)])
    m.DHCP_STARTED.v4.log(version="2")
    assert "version 1" in (folder / "old").read_text()
    assert "version 2" in file.read_text()
    assert "version 2" not in (folder / "old").read_text()


def test_where_opening_anew_fails_the_old_file_goes_on(folder):
    inner = folder / "in"
    inner.mkdir()
    configure([to(inner / "log")])
    inner.rename(folder / "out")
    reopen()
    m.DHCP_STARTED.v4.log(version="1")
    assert "DHCP4_STARTED" in (folder / "out" / "log").read_text()


def test_loggers_with_the_same_file_share_its_rotation(folder):
    file = folder / "log"
    configure([to(file, maxsize=204_800, maxver=1), to(file, name=f"{ROOT}.leases", maxsize=204_800, maxver=1)])
    for _ in range(6):
        m.DHCP4_LEASE_OFFER.log(client="x" * 30_000, address="a")
        m.DHCP_STARTED.v4.log(version="y" * 30_000)
    assert len(file.read_text().splitlines()) + len((folder / "log.1").read_text().splitlines()) == 12
    assert len(log_outputs._writers) == 1


def test_outputs_that_are_gone_are_closed(folder):
    def opened():
        return len([at for at in Path("/proc/self/fd").iterdir() if at.is_symlink()])

    configure([to(folder / "a")])
    before = opened()
    for name in "bcdef":
        configure([to(folder / name)])
    assert opened() == before


# Loggers.


def test_a_logger_without_outputs_writes_where_the_root_does_and_not_twice(folder):
    """As Kea, a deeper logger has the root's outputs, not those of the logger between."""
    configure([LoggerSetting(f"{ROOT}.leases.inner", "INFO"), to(folder / "all"), to(folder / "l", name="leases")])
    import logging

    logging.getLogger(f"{ROOT}.leases.inner").info("hello")
    m.DHCP4_LEASE_OFFER.log(client="c", address="a")
    assert [line.split()[-1] for line in (folder / "all").read_text().splitlines()] == ["hello"]
    assert "DHCP4_LEASE_OFFER" in (folder / "l").read_text()


def test_a_logger_without_severity_says_as_much_as_the_one_above(folder):
    configure([to(folder / "all", severity="ERROR"), to(folder / "l", name="leases", severity="")])
    assert not m.DHCP4_LEASE_OFFER.on
    configure([to(folder / "all", severity="INFO"), to(folder / "l", name="leases", severity="")])
    assert m.DHCP4_LEASE_OFFER.on
    configure([to(folder / "all", severity="")])
    assert m.DHCP4_LEASE_OFFER.on
    assert not m.DHCP_PACKET_RECEIVED.v4.on


def test_a_root_that_says_nothing_lets_a_child_speak(folder):
    configure([to(folder / "all", severity="NONE"), to(folder / "l", name="leases")])
    m.DHCP_STARTED.v4.log(version="1")
    m.DHCP4_LEASE_OFFER.log(client="c", address="a")
    assert (folder / "all").read_text() == ""
    assert (folder / "l").read_text() != ""


def test_loggers_that_are_no_longer_configured_are_reset(folder):
    configure([to(folder / "all"), to(folder / "l", name="leases", severity="NONE")])
    assert not m.DHCP4_LEASE_OFFER.on
    configure([], LoggerSetting(ROOT, "INFO", 0, (OutputSetting(str(folder / "new")),)))
    m.DHCP4_LEASE_OFFER.log(client="c", address="a")
    assert "DHCP4_LEASE_OFFER" in (folder / "new").read_text()


def test_every_debug_level_is_told_from_its_neighbours(repo):
    """Kea's levels: a logger at 45 shows nothing of 50."""
    for low, high in zip((0, *DEBUG_STEPS), DEBUG_STEPS, strict=False):
        assert level_of("DEBUG", high) < level_of("DEBUG", low)
        assert level_of("DEBUG", high - 1) == level_of("DEBUG", low)
    used = set()
    for path in (repo / "src/dhcpkit").rglob("*.py"):
        found = re.findall(r"\.debug\(\s*\"[A-Z0-9_#]+\",\s*(\w+),", path.read_text())
        used |= {int(each) for each in found if each.isdecimal()}
    assert used
    assert used <= {0, *DEBUG_STEPS}


def test_files_elsewhere_are_told(monkeypatch):
    settings = [to("stdout", "syslog:local1", "/var/log/kea/a", "/tmp/b", "/tmp/b", "plain")]
    assert stray_files(settings) == [("/tmp/b", "/var/log/kea")]
    monkeypatch.setenv("KEA_LOG_FILE_DIR", "/tmp")
    assert stray_files(settings) == [("/var/log/kea/a", "/tmp")]


# The system log.


@pytest.fixture
def journal(tmp_path):
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(tmp_path / "log"))
    listening.settimeout(PATIENCE)
    yield listening
    listening.close()


def test_a_message_for_the_system_log(journal, tmp_path):
    sink = SyslogSink("syslog:local3", "kea-dhcp4", waits=False, path=str(tmp_path / "log"))
    sink.write([b"\x04WARN  [kea-dhcp4.dhcp4] text\n"])
    told = journal.recv(9999).decode()
    assert re.fullmatch(r"<156>\w{3} [ \d]\d \d\d:\d\d:\d\d kea-dhcp4: WARN  \[kea-dhcp4\.dhcp4\] text", told)
    sink.close()


def test_a_system_log_that_was_started_anew_is_found_again(journal, tmp_path):
    sink = SyslogSink("syslog", "x", waits=False, path=str(tmp_path / "log"))
    sink.write([b"\x06one\n"])
    journal.close()
    (tmp_path / "log").unlink()
    with pytest.raises(OSError, match="No such file"):
        sink.write([b"\x06lost\n"])
    again = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    again.bind(str(tmp_path / "log"))
    again.settimeout(PATIENCE)
    sink.write([b"\x06two\n"])
    assert again.recv(999).endswith(b"two")
    again.close()
    sink.close()


def test_a_system_log_that_hangs_is_not_waited_for(journal, tmp_path):
    sink = SyslogSink("syslog", "x", waits=False, path=str(tmp_path / "log"))
    with pytest.raises(BlockingIOError):
        sink.write([b"\x06more\n"] * 100_000)
    sink.close()


@pytest.mark.parametrize(
    ("output", "number"),
    [("syslog", 16), ("syslog:daemon", 3), ("syslog:LOCAL7", 23), ("syslog:LOG_LOCAL1", 17), ("syslog:bogus", None)],
)
def test_facilities(output, number):
    assert facility_of(output) == number
    assert not is_file(output)


def test_a_facility_there_is_not_and_a_missing_system_log_are_told(folder, monkeypatch):
    monkeypatch.setattr(SyslogSink.__init__, "__kwdefaults__", {"path": str(folder / "nobody")})
    configure([to(folder / "log", "syslog:bogus")])
    text = (folder / "log").read_text()
    assert "LOG_BAD_DESTINATION unable to write log messages to syslog:bogus: there is no such facility" in text
    assert "syslog:bogus: No such file" in text
