"""The control agent as a process, in front of a DHCPv4 server: what Kea 3.0.4's agent answered, and what it survives.

tests/vectors/agent-3.0.jsonl has the recorded exchanges in the order in which they were made: the agent knows dhcp4, a
dhcp6 whose socket is not there, and a d2 whose socket is a file.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dhcpkit.api import Client, Denied, Unreachable
from dhcpkit.hooks.commands import Answer

from .test_control import PATIENCE, Running

RECORDED = [
    json.loads(line) for line in (Path(__file__).parent.parent / "vectors" / "agent-3.0.jsonl").read_text().splitlines()
]
DIFFERENT = {  # recorded requests that are answered otherwise, and why
    "service [4]": "in other words",
    'config-test {"Dhcp4": {}}': "what is wrong is named, not what is missing",
    'config-set {"Dhcp4": {}}': "what is wrong is named, not what is missing",
    'config-test {"Control-agent": {"http-port": "x"}}': "in the words of the file's check",
    'config-set {"Control-agent": {"http-port": "x"}}': "in the words of the file's check",
    'config-test {"Control-agent": {"bogus": 1, "http-port": 18123}}': "unknown keys are refused, as in a file",
    'config-set {"Control-agent": {"bogus": 1, "http-port": 18123}}': "unknown keys are refused, as in a file",
    "config-set {extra}": "another argument is refused, as by config-test",
    "config-test {extra}": "in other words",
    "config-test 5": "in other words",
    "config-set 5": "in other words",
    "write": "in other words",
    "shutdown bad": "arguments that are not known are passed over, or in other words",
}


class Agent:
    """An agent's process and its HTTP socket."""

    def __init__(self, folder, services, **more):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.file, self.log = folder, folder / "ca.conf", folder / "ca.log"
        sockets = {name: {"socket-type": "unix", "socket-name": str(path)} for name, path in services.items()}
        self.config = {
            "http-host": "127.0.0.1",
            "http-port": self.port,
            "control-sockets": sockets,
            "loggers": [{"name": "kea-ctrl-agent", "severity": "INFO", "output-options": [{"output": "stdout"}]}],
            **more,
        }
        self.file.write_text(json.dumps({"Control-agent": self.config}))
        self.start()

    def start(self):
        program = "import sys; sys.argv[0] = 'kea-ctrl-agent'; from dhcpkit.server.agent import main; main()"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, "-c", str(self.file)],
                stdout=log,
                stderr=log,
                env={**os.environ, "KEA_PIDFILE_DIR": str(self.folder)},
            )
        end = time.monotonic() + PATIENCE
        while "CTRL_AGENT_STARTED" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def post(self, octets):
        """Status and value of a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/", octets, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def client(self, **more):
        return Client(f"http://127.0.0.1:{self.port}/", **more)

    def ask(self, *words, **more):
        return self.client().ask(*words, **more)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    running = Running(tmp_path, 4)
    yield running
    running.end()


@pytest.fixture
def agent(tmp_path, server):
    (tmp_path / "file").touch()
    made = Agent(tmp_path, {"dhcp4": server.socket, "dhcp6": tmp_path / "none", "d2": tmp_path / "file"})
    yield made
    made.end()


@pytest.fixture
def lonely(tmp_path):
    """An agent in front of one socket, at which a test listens itself."""
    made = Agent(tmp_path, {"dhcp4": tmp_path / "server"})
    yield made
    made.end()


def test_the_answers_are_those_of_kea(agent):
    differs = set()
    for case in RECORDED:
        request = json.dumps(case["request"])
        for theirs, ours in (
            ("18123", agent.port), ("/tmp/lab/k4.sock", agent.folder / "control"), ("/tmp/lab/nosuch.sock",
            agent.folder / "none"), ("/tmp/lab/notsock", agent.folder / "file"), ("/tmp/lab", agent.folder),
        ):  # fmt: skip
            request = request.replace(theirs, str(ours))
        status, answers = agent.post(request.encode())
        assert status == case["status"]
        if not _same(case["answer"], answers, agent):
            extra = "x" in (case["request"].get("arguments") or {}) if isinstance(
                case["request"].get("arguments"), dict) else False  # fmt: skip
            differs.add(f"{case['request']['command']} {{extra}}" if extra else case["case"])
    assert differs == DIFFERENT.keys()


def _same(recorded, answers, agent):
    def plain(answer):
        answer = json.loads(json.dumps(answer).replace(str(agent.folder), "/tmp/lab"))
        arguments = answer.get("arguments")
        if isinstance(arguments, dict):
            for key in ("extended", "hash", "pid", "uptime", "reload", "size"):
                arguments.pop(key, None)
            arguments.pop("Control-agent", None)
        text = answer.get("text", "")
        answer["text"] = text.partition(" You did not")[0].replace("3.0.4", "3.0.0")
        return answer

    return [plain(each) for each in recorded] == [plain(each) for each in answers]


def test_a_large_answer_goes_through_as_it_is(lonely):
    text = json.dumps({"result": 0, "arguments": {"leases": ["ü" * 1000] * 1000}}, ensure_ascii=False).encode()
    with Listening(lonely, text):
        (answer,) = lonely.ask("lease4-get-all", service=["dhcp4"])
    assert answer == Answer(arguments={"leases": ["ü" * 1000] * 1000})


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b"nonsense", b'{"result": "x"}', b'{"result": 0, "text": 5}'])
def test_a_server_that_talks_nonsense_is_told_about(lonely, said):
    with Listening(lonely, said):
        (answer,) = lonely.ask("version-get", service=["dhcp4"])
    assert answer.result == 1
    assert answer.text.startswith("unable to forward command to the dhcp4 service: ")
    assert lonely.ask("version-get")[0].result == 0


class Listening:
    """A server behind the agent that says the same whatever it is asked."""

    def __init__(self, agent, said):
        self.agent, self.said = agent, said

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.agent.folder / "server"))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        one, _ = self.listener.accept()
        with one:
            one.settimeout(PATIENCE)
            one.recv(65536)
            one.sendall(self.said)

    def __exit__(self, *_):
        self.thread.join(PATIENCE)
        self.listener.close()


def test_a_configuration_over_the_socket_names_no_file_elsewhere(agent, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    before = agent.ask("config-get")
    for change in (
        {"control-sockets": {"dhcp4": {"socket-name": str(elsewhere / "docker.sock")}}},
        {"loggers": [{"name": "kea-ctrl-agent", "output-options": [{"output": str(elsewhere / "log")}]}]},
        {"authentication": {"type": "basic", "clients": [{"user": "a", "password-file": "/etc/passwd"}]}},
        {"hooks-libraries": [{"library": str(elsewhere / "code.py")}]},
        {"http-host": "192.0.2.1"},
    ):
        (answer,) = agent.ask("config-set", {"Control-agent": {**agent.config, **change}})
        assert (answer.result, bool(answer.text)) == (1, True), change
    assert list(elsewhere.iterdir()) == []
    assert agent.ask("config-get") == before


def test_users_come_and_go_with_the_configuration(agent):
    users = {"type": "basic", "clients": [{"user": "admin", "password": "lab-pw-7"}]}
    changed = {**agent.config, "authentication": users}
    assert agent.ask("config-set", {"Control-agent": changed})[0].result == 0
    with pytest.raises(Denied):
        agent.ask("version-get")
    admin = agent.client(user="admin", password="lab-pw-7")
    assert admin.ask("version-get", service=["dhcp4"])[0].result == 0
    assert admin.ask("config-reload")[0].result == 0
    assert agent.ask("version-get")[0].result == 0
    for _ in range(5):
        admin.ask("config-set", {"Control-agent": changed})
    for _ in range(5):
        with pytest.raises(Denied) as refused:
            agent.client(user="admin", password="wrong").ask("version-get")
        assert refused.value.status == 401
    with pytest.raises(Denied) as refused:
        admin.ask("version-get")
    assert refused.value.status == 429  # whoever guesses is not listened to for a while


def test_roles_hold_for_what_is_passed_on(agent):
    users = [{"user": name, "password": "lab-pw-7"} for name in ("reader", "admin")]
    roles = [
        {"name": "reader", "accept-commands": "READ", "response-filters": ["list-commands"]},
        {"name": "admin", "accept-commands": "ALL"},
    ]
    told = {"assign-role-method": "basic-authentication", "roles": roles}
    changed = {
        **agent.config,
        "authentication": {"type": "basic", "clients": users},
        "hooks-libraries": [{"library": "libdhcp_rbac.so", "parameters": told}],
    }
    assert agent.ask("config-set", {"Control-agent": changed})[0].result == 0
    reader, admin = (agent.client(user=name, password="lab-pw-7") for name in ("reader", "admin"))
    names = reader.ask("list-commands", service=["dhcp4"])[0].arguments
    assert "config-get" in names
    assert "config-set" not in names
    assert reader.ask("config-get", service=["dhcp4"])[0].result == 0
    for service in ([], ["dhcp4"], ["dhcp4", "d2"], ["none"]):
        with pytest.raises(Denied) as refused:
            reader.ask("config-reload", service=service)
        assert refused.value.status == 403
    assert admin.ask("config-reload", service=["dhcp4"])[0].result == 0
    assert "config-set" in admin.ask("list-commands", service=["dhcp4"])[0].arguments
    wrong = [{"library": "libdhcp_rbac.so", "parameters": {**told, "default-role": {"accept-commands": "NOSUCH"}}}]
    (answer,) = admin.ask("config-set", {"Control-agent": {**changed, "hooks-libraries": wrong}})
    assert (answer.result, answer.text) == (1, "rbac: there is no access list of the name NOSUCH")
    assert admin.ask("config-set", {"Control-agent": {**changed, "hooks-libraries": []}})[0].result == 0
    assert reader.ask("config-reload", service=["dhcp4"])[0].result == 0


def test_a_command_is_for_few_servers(lonely):
    (answer,) = lonely.ask("version-get", service=["dhcp4"] * 1000)
    assert (answer.result, answer.text) == (1, "at most 8 services may be named")


def test_slow_and_large_callers_keep_nobody_waiting(agent):
    idle = [socket.create_connection(("127.0.0.1", agent.port)) for _ in range(40)]
    try:
        for each in idle:
            each.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert agent.ask("version-get", service=["dhcp4"])[0].result == 0
    finally:
        for each in idle:
            each.close()
    assert agent.post(b'{"command": "version-get", "arguments": ' + b"[" * 100 + b"]" * 100 + b"}")[0] == 400
    with pytest.raises(Denied) as refused:
        agent.ask("version-get", {"x": "x" * (5 << 20)})
    assert refused.value.status == 413


def test_signals_reload_and_end_it(agent):
    agent.file.write_text(json.dumps({"Control-agent": {**agent.config, "comment": "again"}}))
    agent.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + PATIENCE
    while agent.ask("config-get")[0].arguments["Control-agent"].get("comment") != "again":
        assert time.monotonic() < end
        time.sleep(0.05)
    agent.file.write_text("{ nonsense")
    agent.process.send_signal(signal.SIGHUP)
    while "CTRL_AGENT_CONFIG_FAIL" not in agent.log.read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert agent.ask("version-get")[0].result == 0
    assert (agent.folder / "ca.kea-ctrl-agent.pid").read_text().strip() == str(agent.process.pid)
    assert Path(f"/proc/{agent.process.pid}/comm").read_text().strip() == "kea-ctrl-agent"
    agent.process.terminate()
    assert agent.process.wait(PATIENCE) == 0
    with pytest.raises(Unreachable):
        agent.ask("version-get")


def test_shutdown_is_answered_and_has_a_status(agent):
    assert agent.ask("shutdown", {"exit-value": 3}) == (Answer(text="Control Agent is shutting down"),)
    assert agent.process.wait(PATIENCE) == 3


def run(*words):
    program = "from dhcpkit.server.agent import main; main()"
    return subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)


def test_switches(tmp_path):
    assert run("-v").stdout.startswith("3.")
    assert run("-h").returncode == 1
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text('{"Control-agent": {}}')
    bad.write_text('{"Control-agent": {"http-port": "x", "hooks-libraries": [{"library": "libdhcp_no.so"}]}}')
    assert run("-t", str(good)).returncode == 0
    refused = run("-t", str(bad))
    assert (refused.returncode, "unexpected constant string, expecting integer" in refused.stderr) == (1, True)
    assert run("-c", str(bad)).returncode == 1
    half = tmp_path / "half"
    half.write_text('{"Control-agent": {"trust-anchor": "x"}}')
    refused = run("-t", str(half))
    assert (refused.returncode, "all or none of TLS parameters must be set" in refused.stderr) == (1, True)
