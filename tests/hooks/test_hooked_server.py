"""A server process whose library listens to what happens to the server itself: configurations and commands."""

import base64
import http.client
import importlib.util
import json
import socket
import textwrap
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location(
    "control_process", Path(__file__).parent.parent / "server" / "test_control.py"
)
control = importlib.util.module_from_spec(spec)
spec.loader.exec_module(control)

LIBRARY = textwrap.dedent(
    '''
    """Has a say in configurations and commands."""

    import asyncio

    from dhcpkit.hooks import (
        CommandProcessed, Dhcp4SrvConfigured, Dhcp6SrvConfigured, HttpAuth, HttpResponse, Library, NextStep, on
    )
    from dhcpkit.hooks.commands import Access, Answer, Result, command


    class Says(Library):
        """Has a say."""

        name = "says"

        @command("limit-get", Access.READ, since="0.1")
        def limit(self) -> Answer:
            """Tells how many exchanges may wait."""
            return Answer(arguments={"limit": self.operated.server.batches.callouts.limit})

        @on(Dhcp4SrvConfigured)
        @on(Dhcp6SrvConfigured)
        async def judge(self, point):
            await asyncio.sleep(0)
            lifetime = point.server_config.valid_lifetime
            assert lifetime != 13, "an unlucky number"
            if lifetime == 7:
                point.error = "seven is too short"
            return NextStep.DROP if lifetime == 8 else None

        @on(CommandProcessed)
        async def slow(self, point):
            if point.name == "version-get":
                point.context["seen"] = True
                await asyncio.sleep(30)

        @on(CommandProcessed)
        def change(self, point):
            if point.name == "build-report":
                point.response = Answer(text="secret")

        @on(HttpAuth)
        async def admit(self, point):
            if point.caller.user == "clumsy":
                raise ValueError("a bug")
            if point.command == "config-get" and point.caller.user != "root":
                point.response = Answer(Result.ERROR, "not for you")

        @on(HttpResponse)
        def tell(self, point):
            if point.command == "config-get":
                point.response = Answer(point.response.result, point.response.text + "!")
    '''
)


@pytest.fixture(params=[4, 6])
def running(tmp_path, request):
    folder = tmp_path / "hooks"
    folder.mkdir(mode=0o755)
    file = folder / "says.py"
    file.write_text(LIBRARY)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    users = [{"user": name, "password": "pw"} for name in ("root", "guest", "clumsy")]
    web = {
        "socket-type": "http",
        "socket-address": "127.0.0.1",
        "socket-port": port,
        "authentication": {"type": "basic", "clients": users},
    }
    unix = {"socket-type": "unix", "socket-name": str(tmp_path / "control")}
    made = control.Running(
        tmp_path,
        request.param,
        **{
            "hooks-libraries": [{"library": str(file), "callout-deadline": 100}],
            "control-socket": None,
            "control-sockets": [unix, web],
            "parked-packet-limit": 7,
        },
    )
    made.port = port
    yield made
    made.end()


@pytest.fixture(autouse=True)
def without_nothing(monkeypatch):
    """Keys that are None are left out of the configuration."""
    write = control.Running.write
    monkeypatch.setattr(
        control.Running, "write", lambda self, config: write(self, {k: v for k, v in config.items() if v is not None})
    )


def over_http(running, command, user):
    caller = http.client.HTTPConnection("127.0.0.1", running.port, timeout=control.PATIENCE)
    secret = base64.b64encode(f"{user}:pw".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {secret}"}
    caller.request("POST", "/", json.dumps({"command": command}), headers)
    [answer] = json.loads(caller.getresponse().read())
    caller.close()
    return answer


def test_a_callout_has_a_say_in_configurations(running):
    assert running.ask("limit-get")["arguments"] == {"limit": 7}
    for lifetime, told in ((7, "seven is too short"), (8, "refuses the configuration"), (13, "an unlucky number")):
        running.write(running.config | {"valid-lifetime": lifetime, "parked-packet-limit": 0})
        answer = running.ask("config-reload")
        assert answer["result"] == 1
        assert told in answer["text"]
        assert running.ask("limit-get")["arguments"] == {"limit": 7}, "the one before is in force"
    running.write(running.config | {"valid-lifetime": 9, "parked-packet-limit": 0})
    assert running.ask("config-reload")["result"] == 0
    assert running.ask("limit-get")["arguments"] == {"limit": 0}


def test_a_callout_refuses_the_first_configuration(running, tmp_path):
    running.end()
    config = running.config | {"valid-lifetime": 7}
    (tmp_path / "other").mkdir()
    with pytest.raises(AssertionError, match="seven is too short"):
        control.Running(tmp_path / "other", running.family, **config)


def test_callouts_of_commands(running):
    assert running.ask("build-report") == {"result": 0, "text": "secret"}
    assert running.ask("version-get")["result"] == 0, "the callout that is late is not waited for"
    assert "HOOKS_CALLOUT_LATE" in running.log.read_text()
    assert running.ask("statistic-get", arguments={"name": "dhcpkit-callout-delays"})["arguments"][
        "dhcpkit-callout-delays"
    ][0][0] == 1  # fmt: skip


def test_callouts_of_http(running):
    assert over_http(running, "config-get", "guest") == {"result": 1, "text": "not for you!"}
    assert over_http(running, "config-get", "root") == {"result": 0, "text": "!"}
    for _ in range(10):
        answer = over_http(running, "limit-get", "clumsy")
        assert (answer["result"], "internal error" in answer["text"]) == (1, True), "who guards is never left out"
    assert running.ask("limit-get")["result"] == 0
