"""Configurations by command while clients are served: whole or not at all, and nobody misses an answer."""

import importlib.util
import json
import threading
import time
from pathlib import Path

import pytest

from dhcpkit.config import parse4, parse6
from dhcpkit.config.normal import normal
from dhcpkit.testing.client import Client4

spec = importlib.util.spec_from_file_location("control_process", Path(__file__).with_name("test_control.py"))
control = importlib.util.module_from_spec(spec)
spec.loader.exec_module(control)

CLIENTS, ROUNDS = 4, 8
SUBNET = {
    "id": 1,
    "subnet": "192.0.2.0/24",
    "relay": {"ip-addresses": ["127.0.0.1"]},
    "pools": [{"pool": "192.0.2.10-192.0.2.250"}],
}
LIBRARIES = [{"library": "libdhcp_subnet_cmds.so"}, {"library": "libdhcp_class_cmds.so"}]


@pytest.fixture
def server(tmp_path):
    running = control.Running(tmp_path, 4, subnet4=[SUBNET], **{"hooks-libraries": LIBRARIES})
    yield running
    running.end()


def changes(server):
    """Commands that put another configuration in force, and some that are refused."""
    yield "config-set", {"Dhcp4": {**server.config, "valid-lifetime": 1234}}
    yield "config-set", {"Dhcp4": {**server.config, "valid-lifetime": "x"}}
    yield "subnet4-add", {"subnet4": [{"id": 7, "subnet": "10.7.0.0/16", "pools": [{"pool": "10.7.0.0/24"}]}]}
    yield "subnet4-add", {"subnet4": [{"id": 7, "subnet": "10.8.0.0/16"}]}
    yield "class-add", {"client-classes": [{"name": "a", "test": "option[60].exists"}]}
    yield "subnet4-delta-add", {"subnet4": [{"id": 7, "subnet": "10.7.0.0/16", "valid-lifetime": 99}]}
    yield "class-del", {"name": "a"}
    yield "subnet4-del", {"id": 7}


def test_no_client_waits_longer_than_one_try_while_configurations_change(server):
    stop, missed, served = threading.Event(), [], []

    def clients(number):
        count = 0
        while not stop.is_set() or count < ROUNDS:
            mac = bytes((2, 0, 0, number, count >> 8, count & 255))
            with Client4(
                mac, server="127.0.0.1", port=server.port, relay="127.0.0.1", timeout=3.0, tries=2
            ) as client:  # the first try, and one retry
                try:
                    answer = client.dora()
                    client.release()
                except Exception as error:  # noqa: BLE001  # whatever it is, the client was not served
                    missed.append((mac, error))
                else:
                    served.append(answer.yiaddr)
            count += 1

    threads = [threading.Thread(target=clients, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    results = [server.ask(name, arguments=arguments)["result"] for _ in range(3) for name, arguments in changes(server)]
    stop.set()
    for thread in threads:
        thread.join()
    assert results == [0, 1, 0, 1, 0, 0, 0, 0] * 3
    assert missed == []
    assert len(served) >= CLIENTS * ROUNDS
    assert server.ask("config-get")["arguments"]["Dhcp4"]["valid-lifetime"] == 1234


def test_what_is_refused_changes_nothing_and_what_is_done_can_be_written_and_read(server):
    def told():
        return server.ask("config-get")["arguments"]

    for name, arguments in changes(server):
        before = told()
        answer = server.ask(name, arguments=arguments)
        after = told()
        assert (after == before) == (answer["result"] != 0), (name, answer)
        assert after == told()
        assert server.ask("config-hash-get")["arguments"]["hash"] == after["hash"]
        written = server.ask("config-write", arguments={"filename": "other.json"})
        assert written["result"] == 0
        text = Path(written["arguments"]["filename"]).read_text()
        assert written["arguments"]["size"] == len(text.encode())
        assert json.loads(text) == {"Dhcp4": after["Dhcp4"]} == {"Dhcp4": normal(parse4(text).doc)}


def test_a_control_socket_that_cannot_be_opened_leaves_the_one_that_is_there(server):
    before = server.ask("config-get")
    away = server.folder / "other.csv"
    (server.folder / "taken").mkdir()
    for name in (str(server.folder / "taken"), str(server.folder / ("x" * 200))):
        config = {
            **server.config,
            "control-socket": {"socket-type": "unix", "socket-name": name},
            "lease-database": {"type": "memfile", "name": str(away)},
        }
        answer = server.ask("config-set", arguments={"Dhcp4": config})
        assert answer["result"] == 1
        assert name in answer["text"]
        assert server.ask("config-get") == before
    assert not away.exists(), "leases are where they were"
    config["control-socket"]["socket-name"] = str(server.folder / "moved")
    assert server.ask("config-set", arguments={"Dhcp4": config})["result"] == 0
    server.socket = server.folder / "moved"
    assert server.ask("version-get")["result"] == 0


def test_loggers_that_are_not_named_any_more_are_as_at_the_start(server):
    loud = {"loggers": [{"name": "kea-dhcp4", "severity": "DEBUG", "debuglevel": 99}]}
    for more, debugging in ((loud, True), ({}, False)):
        assert server.ask("config-set", arguments={"Dhcp4": {**server.config, **more}})["result"] == 0
        before = len(server.log.read_text())
        with Client4(server="127.0.0.1", port=server.port, relay="127.0.0.1", timeout=5.0) as client:
            client.dora()
        server.ask("version-get")
        end = time.monotonic() + control.PATIENCE
        while "COMMAND_RECEIVED" not in server.log.read_text()[before:]:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert (" DEBUG " in server.log.read_text()[before:]) == debugging


def test_secrets_are_told_to_who_may_ask_and_not_to_the_log(server):
    secret = "tell-nobody"
    database = {"type": "mysql", "name": "kea", "user": "kea", "password": secret, "host": "127.0.0.1"}
    config = {**server.config, "hosts-databases": [database]}
    assert server.ask("config-set", arguments={"Dhcp4": config})["result"] == 0
    assert server.ask("config-get")["arguments"]["Dhcp4"]["hosts-databases"] == [database]
    assert server.ask("config-set", arguments={"Dhcp4": {**config, "nonsense": secret}})["result"] == 1
    assert secret not in server.log.read_text()


@pytest.mark.parametrize("family", [4, 6])
def test_two_configurations_with_one_meaning_have_one_hash(family, tmp_path):
    root, key = f"Dhcp{family}", f"subnet{family}"
    prefix = "192.0.2.0/24" if family == 4 else "2001:db8:1::/64"
    pool = "192.0.2.0 - 192.0.2.255" if family == 4 else "2001:db8:1::/64"
    same = "192.0.2.0/24" if family == 4 else "2001:0db8:1::/64"
    one = {key: [{"id": 1, "subnet": prefix, "pools": [{"pool": pool}]}], "valid-lifetime": 7200}
    other = {
        "valid-lifetime": 7200,
        key: [{"pools": [{"pool": same}], "subnet": prefix, "id": 1}],
        "shared-networks": [],
    }
    parse = parse4 if family == 4 else parse6
    assert normal(parse(json.dumps({root: one})).doc) == normal(parse(json.dumps({root: other})).doc)
