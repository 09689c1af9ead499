"""Commands over the control socket of a server that runs as a process."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from dhcpkit.config import parse4, parse6
from dhcpkit.config.normal import normal

PATIENCE = 20.0


def free_port(family):
    """A UDP port that nobody has: other tests run at the same time."""
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1" if family == 4 else "::1", 0))
        return sock.getsockname()[1]


class Running:
    """A server process, and its control socket."""

    def __init__(self, folder, family, **more):
        self.family, self.folder = family, folder
        self.root, self.socket = f"Dhcp{family}", folder / "control"
        self.file = folder / f"kea-dhcp{family}.conf"
        self.config = {
            "interfaces-config": {"interfaces": ["lo/127.0.0.1" if family == 4 else "lo/::1"]},
            "lease-database": {"type": "memfile", "name": str(folder / "leases.csv")},
            "control-socket": {"socket-type": "unix", "socket-name": str(self.socket)},
            "valid-lifetime": 4000,
            f"subnet{family}": [
                {"id": 1, "subnet": "192.0.2.0/24" if family == 4 else "2001:db8:1::/64", "valid-lifetime": 600}
            ],
            **more,
        }
        if family == 4:
            self.config["interfaces-config"]["dhcp-socket-type"] = "udp"
        else:
            self.config["server-id"] = {"type": "LL", "persist": False, "identifier": "020000000001", "htype": 1}
        self.write(self.config)
        main = "main" if family == 4 else "main6"
        program = f"import sys; from dhcpkit.server.main import {main} as main; sys.exit(main())"
        self.port = free_port(family)
        environment = {**os.environ, "KEA_PIDFILE_DIR": str(folder), "KEA_DHCP_DATA_DIR": str(folder)}
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, "-c", str(self.file), "-p", str(self.port)],
                stdout=log,
                stderr=log,
                env=environment,
            )
        end = time.monotonic() + PATIENCE
        while not self.socket.exists() or "_STARTED" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def write(self, config):
        self.file.write_text(json.dumps({self.root: config}))

    def send(self, octets):
        """Sends octets; the answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.settimeout(PATIENCE)
            caller.connect(str(self.socket))
            caller.sendall(octets)
            answer = b""
            while more := caller.recv(65536):
                answer += more
        return json.loads(answer)

    def ask(self, command, **arguments):
        request = {"command": command} | ({"arguments": arguments["arguments"]} if arguments else {})
        return self.send(json.dumps(request).encode())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def normal_of(config, family):
    """A configuration as `config-get` tells it."""
    return normal((parse4 if family == 4 else parse6)(json.dumps({f"Dhcp{family}": config})).doc)


@pytest.fixture(params=[4, 6])
def server(request, tmp_path):
    running = Running(tmp_path, request.param)
    yield running
    running.end()


def test_a_server_tells_what_it_is_and_ends_when_told(server):
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o660
    names = server.ask("list-commands")["arguments"]
    assert names == sorted(names)
    assert {"config-set", "dhcp-disable", "list-commands", "statistic-get", "version-get"} <= set(names)
    version = server.ask("version-get")
    assert (version["result"], version["text"][:2]) == (0, "3.")
    assert server.ask("no-such") == {"result": 2, "text": "'no-such' command not supported."}
    state = server.ask("status-get")["arguments"]
    assert state["pid"] == server.process.pid
    assert state["sockets"] == {"status": "ready"}
    assert not state["dhcp-state"]["globally-disabled"]
    assert server.ask("shutdown", arguments={"exit-value": "x"})["result"] == 1
    assert server.ask("shutdown", arguments={"exit-value": 5}) == {"result": 0, "text": "Shutting down."}
    assert server.process.wait(PATIENCE) == 5
    assert not server.socket.exists()


def test_whoever_disables_the_service_must_enable_it_again(server):
    def state():
        return server.ask("status-get")["arguments"]["dhcp-state"]

    assert server.ask("dhcp-disable")["text"] == f"DHCPv{server.family} service disabled"
    server.ask("dhcp-disable", arguments={"origin-id": 1000})
    server.ask("dhcp-disable", arguments={"origin": "ha-partner", "max-period": 3600})
    assert state() == {
        "disabled-by-db-connection": [],
        "disabled-by-local-command": [1000],
        "disabled-by-remote-command": [2000],
        "disabled-by-user": True,
        "globally-disabled": True,
    }
    server.ask("dhcp-enable")
    server.ask("dhcp-enable", arguments={"origin-id": 2000})
    assert state()["globally-disabled"]
    server.ask("dhcp-enable", arguments={"origin-id": 1000})
    assert not state()["globally-disabled"]
    server.ask("dhcp-disable", arguments={"max-period": 1})
    end = time.monotonic() + PATIENCE
    while state()["globally-disabled"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    for wrong in ({"max-period": 0}, {"max-period": "x"}, {"origin": "bogus"}, {"origin-id": -1}):
        assert server.ask("dhcp-disable", arguments=wrong)["result"] == 1
    assert not state()["globally-disabled"]


def test_a_configuration_is_tried_set_written_and_read_again(server):
    before = server.ask("config-get")["arguments"]
    assert before[server.root] == normal_of(server.config, server.family)
    changed = {**server.config, "valid-lifetime": 1234}
    assert server.ask("config-test", arguments={server.root: changed})["result"] == 0
    assert server.ask("config-get")["arguments"] == before
    answer = server.ask("config-set", arguments={server.root: changed})
    assert (answer["result"], answer["text"]) == (0, "Configuration successful.")
    after = server.ask("config-get")["arguments"]
    assert after[server.root] == normal_of(changed, server.family)
    assert after["hash"] == answer["arguments"]["hash"] == server.ask("config-hash-get")["arguments"]["hash"]
    assert after["hash"] != before["hash"]
    told = {server.root: after[server.root]}
    assert server.ask("config-set", arguments=told)["arguments"]["hash"] == after["hash"], "what is told can be set"
    assert server.ask("config-write")["arguments"]["filename"] == str(server.file)
    assert json.loads(server.file.read_text()) == told
    assert stat.S_IMODE(server.file.stat().st_mode) == 0o640
    assert server.ask("config-reload")["arguments"]["hash"] == after["hash"]
    server.write(server.config)
    assert server.ask("config-reload")["arguments"]["hash"] == before["hash"]
    assert server.ask("config-get")["arguments"] == before


def test_a_bad_configuration_changes_nothing(server):
    before = server.ask("config-get")
    for wrong in (
        {**server.config, "nonsense": 1},
        {**server.config, "valid-lifetime": "x"},
        {**server.config, "lease-database": {"type": "memfile", "name": "/proc/nowhere/leases.csv"}},
        {**server.config, "comment": '<?include "/etc/hostname"?>', "renew-timer": -1},
    ):
        answer = server.ask("config-set", arguments={server.root: wrong})
        assert answer["result"] == 1
        assert answer["text"]
    config = {server.root: server.config}
    for wrong, told in (
        ({"Wrong": {}}, f"Missing mandatory '{server.root}' parameter."),
        ({}, f"Missing mandatory '{server.root}' parameter."),
        ({server.root: []}, f"'{server.root}' parameter expected to be a map."),
        ({**config, "Extra": {}}, "Unsupported 'Extra' parameter."),
    ):
        for name in ("config-set", "config-test"):
            assert server.ask(name, arguments=wrong) == {"result": 1, "text": told}
    assert server.ask("config-set")["text"] == "Missing mandatory 'arguments' parameter."
    nowhere = {**server.config, "interfaces-config": {"interfaces": ["no-such-0"]}}
    assert "'no-such-0' doesn't exist" in server.ask("config-set", arguments={server.root: nowhere})["text"]
    server.file.write_text("{ nonsense")
    assert server.ask("config-reload")["text"].startswith("Config reload failed: configuration error using file")
    assert server.ask("config-get") == before
    os.kill(server.process.pid, signal.SIGHUP)  # the same by signal
    assert server.ask("config-get") == before


def test_a_configuration_moves_the_control_socket(server):
    elsewhere = server.folder / "elsewhere"
    moved = {**server.config, "control-socket": {"socket-type": "unix", "socket-name": str(elsewhere)}}
    assert server.ask("config-set", arguments={server.root: moved})["result"] == 0
    assert not server.socket.exists()
    server.socket = elsewhere
    assert server.ask("config-get")["arguments"][server.root] == normal_of(moved, server.family)


def test_a_command_names_files_only_where_files_of_the_kind_are(server, tmp_path_factory):
    before, away = server.ask("config-get"), tmp_path_factory.mktemp("away")
    for folder in (str(away), f"{server.folder}/../{away.name}", f"{server.folder}/sub", "relative"):
        path = f"{folder}/file"
        for change in (
            {"lease-database": {"type": "memfile", "name": path}},
            {"control-socket": {"socket-type": "unix", "socket-name": path}},
            {"loggers": [{"name": "kea-dhcp4", "output-options": [{"output": path}]}]},
            {"data-directory": folder},
        ):
            answer = server.ask("config-set", arguments={server.root: {**server.config, **change}})
            assert answer["result"] == 1, path
            assert "when it is set by a command" in answer["text"]
    assert list(away.iterdir()) == []
    assert server.ask("config-get") == before
    beside = {"lease-database": {"type": "memfile", "name": str(server.folder / "others.csv")}}
    assert server.ask("config-set", arguments={server.root: {**server.config, **beside}})["result"] == 0


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.json", "sub/x.json", "/", "..", "/tmp/w.json"])
def test_files_are_written_beside_the_configuration_only(server, name):
    before = {path: path.stat().st_mtime_ns for path in server.folder.iterdir()}
    answer = server.ask("config-write", arguments={"filename": name})
    assert answer["result"] == 1
    assert "same directory" in answer["text"]
    assert {path: path.stat().st_mtime_ns for path in server.folder.iterdir()}.keys() == before.keys()


def test_statistics_are_read_reset_and_kept_as_long_as_asked(server):
    name = f"pkt{server.family}-received"
    everything = server.ask("statistic-get-all")["arguments"]
    assert {name, f"pkt{server.family}-parse-failed"} <= everything.keys()
    assert server.ask("statistic-get", arguments={"name": name})["arguments"] == {name: everything[name]}
    assert server.ask("statistic-get", arguments={"name": "nope"}) == {"result": 0, "arguments": {}}
    assert server.ask("statistic-get")["text"] == "Missing mandatory 'name' parameter."
    assert server.ask("statistic-get", arguments={"name": 5})["text"] == "'name' parameter expected to be a string."
    assert server.ask("statistic-reset", arguments={"name": name})["text"] == f"Statistic '{name}' reset."
    assert server.ask("statistic-reset", arguments={"name": "nope"})["text"] == "No 'nope' statistic found"
    assert server.ask("statistic-remove", arguments={"name": name})["result"] == 0
    assert name not in server.ask("statistic-get-all")["arguments"]
    total = f"subnet[1].total-{'addresses' if server.family == 4 else 'nas'}"
    assert not any(each.startswith("subnet[") for each in server.ask("statistic-global-get-all")["arguments"])
    assert server.ask("statistic-sample-count-set", arguments={"name": total, "max-samples": 1})["result"] == 0
    assert server.ask("statistic-sample-age-set", arguments={"name": total, "duration": 3600})["result"] == 0
    assert server.ask("statistic-sample-age-set", arguments={"name": total, "duration": -5})["result"] == 1
    assert server.ask("statistic-sample-count-set-all", arguments={"max-samples": 0})["result"] == 1
    assert server.ask("statistic-reset-all")["result"] == 0
    assert {value[0][0] for value in server.ask("statistic-get-all")["arguments"].values()} == {0}


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (
            b"[]",
            "Error during command processing: invalid command: expected toplevel entry to be a map, got list instead",
        ),
        (b"5", "invalid first character 5"),
        (b"{}", "Error during command processing: invalid command: does not contain mandatory 'command'"),
        (
            b'{"command": "version-get", "extra": 1}',
            "Error during command processing: invalid command: unsupported parameter 'extra'",
        ),
    ],
)
def test_what_is_no_command_is_said_in_kea_words(server, octets, text):
    assert server.send(octets) == {"result": 1, "text": text}


@pytest.mark.parametrize(
    "octets",
    [
        b'// c\n{"command": "version-get"}',
        b'  \n {"command":\t"version-get"}\n',
        b'{"command": "version-get"} trailing',
        b'{"command": "version-get", "service": "dhcp4", "arguments": 5}',
    ],
)
def test_forms_of_a_command_that_kea_takes(server, octets):
    assert server.send(octets)["result"] == 0


def test_bombs_and_strange_octets_leave_the_server_up(server):
    for octets in (
        b"[" * 26_000,
        b'{"command": "' + b"a" * (5 << 20),
        b"{" + b'"a":1,' * 200_000,
        b"\xff\xfe{}",
        b"{'}",
    ):
        with suppress(BrokenPipeError, ConnectionResetError):  # it does not read on in what it has refused
            assert server.send(octets)["result"] == 1
    assert server.ask("version-get")["result"] == 0
