"""The library in the documentation works: as a file in a server's configuration, and in a laboratory."""

import importlib.util
import json
import socket
from pathlib import Path

import pytest

from dhcpkit.hooks.loading import find_library

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "lease_bell.py"


def _module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


control = _module("control_process", Path(__file__).parents[1] / "server" / "test_control.py")
hooked = _module("hooked", Path(__file__).with_name("hooked.py"))


@pytest.fixture
def collector():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(10)
        yield made


def test_in_a_server(tmp_path, collector):
    port = collector.getsockname()[1]
    entry = {"library": str(EXAMPLE), "parameters": {"port": port}, "callout-deadline": 500}
    server = control.Running(tmp_path, 4, **{"hooks-libraries": [entry]})
    try:
        assert server.ask("lease-bell-count")["arguments"] == {"count": 0}
        assert f"LEASE_BELL_OPEN leases are told to 127.0.0.1 port {port}" in server.log.read_text()
        entry["parameters"] = {"port": port, "ignored": ["no"]}
        server.write(server.config | {"hooks-libraries": [entry]})
        assert "ignored" in server.ask("config-reload")["text"]
    finally:
        server.end()


def test_in_a_laboratory(collector):
    port = collector.getsockname()[1]
    config = {
        "subnet4": [{"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": "10.53.1.0 - 10.53.1.9"}]}],
        "hooks-libraries": [{"library": str(EXAMPLE), "parameters": {"port": port, "ignored": ["02:00:00:00:00:09"]}}],
    }
    with hooked.Hooked({"Dhcp4": config}) as server:
        assert len(server.take(request(1))) == 1, "the client is answered once the collector was told"
        assert server.take(request(9)) == []
        assert server.ask("lease-bell-count") == {
            "result": 0, "text": "1 leases were told", "arguments": {"count": 1}
        }  # fmt: skip
        told = json.loads(collector.recv(1500))
    assert told == {"address": "10.53.1.1", "seconds": 7200, "interface": "eth0"}
    assert find_library(str(EXAMPLE)).name == "lease_bell"


def request(client):
    head = b"\1\1\6\0\0\0\0\1" + bytes(20) + b"\2\0\0\0\0" + bytes((client,)) + bytes(10 + 192)
    asked = (0x0A350100 + client).to_bytes(4, "big")
    return head + b"\x63\x82\x53\x63\x35\1\3\x32\4" + asked + b"\x36\4\x0a\x35\0\1\xff"
