"""What the configuration says about logs and samples, at a server that runs as a process."""

import importlib.util
import json
import os
import signal
import time
from pathlib import Path

import pytest

from dhcpkit.config import parse4
from dhcpkit.server.programs import loggers_of, samples_of

_spec = importlib.util.spec_from_file_location("server_control", Path(__file__).parent / "test_control.py")
control = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(control)

PATIENCE = 20.0


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def told(file, text):
    return file.exists() and text in file.read_text()


@pytest.fixture
def running(tmp_path):
    outputs = [{"output": str(tmp_path / "json"), "pattern": "%json"}, {"output": "stdout"}]
    commands = {"name": "commands", "output-options": [{"output": str(tmp_path / "commands")}]}
    server = control.Running(
        tmp_path,
        4,
        loggers=[{"name": "kea-dhcp4", "severity": "INFO", "output-options": outputs}, commands],
        **{"statistic-default-sample-count": 2},
    )
    yield server
    server.end()


def test_logs_of_a_server(running, tmp_path):
    """JSON in one file, commands in another; moved away, cut short; reset by config-set; the last line is there."""
    lines, commands = tmp_path / "json", tmp_path / "commands"
    running.ask("version-get")
    wait_for(lambda: told(commands, "COMMAND_RECEIVED"))
    objects = [json.loads(line) for line in lines.read_text().splitlines()]
    ids = [each["id"] for each in objects]
    assert "DHCP4_STARTED" in ids
    assert "COMMAND_RECEIVED" not in ids
    stray = next(each for each in objects if each["id"] == "DCTL_LOG_PATH_SECURITY_WARNING")
    assert stray["values"] == {"file": str(lines), "folder": os.environ.get("KEA_LOG_FILE_DIR") or "/var/log/kea"}
    assert "DCTL_LOG_PATH_SECURITY_WARNING" in running.log.read_text(), "and on standard output"

    commands.rename(tmp_path / "old")
    running.process.send_signal(signal.SIGUSR1)
    wait_for(commands.exists)
    os.truncate(tmp_path / "old", 0)
    running.ask("version-get")
    wait_for(lambda: told(commands, "COMMAND_RECEIVED"))
    assert (tmp_path / "old").read_text() == ""

    commands.unlink()
    running.write(running.config)
    running.process.send_signal(signal.SIGHUP)
    wait_for(lambda: told(lines, "RECONFIGURATION_SUCCESS"))
    running.ask("version-get")
    wait_for(lambda: told(commands, "COMMAND_RECEIVED"))

    before = commands.read_text()
    plain = {key: value for key, value in running.config.items() if key != "loggers"}
    assert running.ask("config-set", arguments={"Dhcp4": plain})["result"] == 0
    length = len(running.log.read_text())
    running.ask("version-get")
    wait_for(lambda: "COMMAND_RECEIVED" in running.log.read_text()[length:])
    assert commands.read_text().count("COMMAND_RECEIVED") <= before.count("COMMAND_RECEIVED") + 1

    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(PATIENCE) == 0
    assert "DHCP4_SHUTDOWN" in running.log.read_text().splitlines()[-1]


def test_statistics_keep_as_many_samples_as_configured(running):
    def kept(name):
        return len(running.ask("statistic-get", arguments={"name": name})["arguments"][name])

    name = "subnet[1].total-addresses"
    for count, expected in ((2, 2), (3, 3), (0, 1)):
        config = {**running.config, "statistic-default-sample-count": count}
        for _ in range(4):  # each configuration sets totals anew
            other = {**config["subnet4"][0], "pools": [{"pool": f"192.0.2.{1 + count}-192.0.2.99"}]}
            assert running.ask("config-set", arguments={"Dhcp4": {**config, "subnet4": [other]}})["result"] == 0
        assert kept(name) == expected, count


@pytest.mark.parametrize(
    ("keys", "count", "age"),
    [
        ({}, 20, None),
        ({"statistic-default-sample-age": 60}, 20, None),
        ({"statistic-default-sample-count": 5}, 5, None),
        ({"statistic-default-sample-count": 0, "statistic-default-sample-age": 60}, None, 60),
        ({"statistic-default-sample-count": 0}, None, 0),
    ],
)
def test_age_counts_where_the_number_is_not_limited(keys, count, age):
    samples = samples_of(parse4(json.dumps({"Dhcp4": keys})).doc)
    assert (samples.count, samples.age) == (count, age)


def test_a_severity_that_is_not_given_is_inherited_and_shown_only_for_the_root():
    loggers = [{"name": "kea-dhcp4"}, {"name": "kea-dhcp4.leases"}, {"name": "kea-dhcp4.dhcp4", "severity": "warn"}]
    doc = parse4(json.dumps({"Dhcp4": {"loggers": loggers}})).doc
    assert [setting.severity for setting in loggers_of(doc)] == ["", "", "warn"]
    shown = control.normal_of({"loggers": loggers}, 4)["loggers"]
    assert [each.get("severity") for each in shown] == ["INFO", None, "WARN"]
