"""What others wrote for Kea, unchanged, with a server of dhcpkit: exporters, clients, and what reads lease files."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from .living import PATIENCE, Living, LivingAgent

BIN = Path(sys.executable).parent
PLAIN = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}


@pytest.fixture(scope="module", params=[4, 6])
def server(request, tmp_path_factory):
    living = Living(tmp_path_factory.mktemp("others"), request.param)
    yield living
    living.end()


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    living = Living(tmp_path_factory.mktemp("four"), 4)
    yield living
    living.end()


@pytest.fixture(scope="module")
def agent(server):
    made = LivingAgent(server)
    yield made
    made.end()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def exported(target, wanted, tmp_path):
    """What kea-exporter shows of a target, and what it said."""
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / "kea-exporter", "-a", "127.0.0.1", "-p", str(port), target], stdout=output, stderr=output, env=PLAIN
        )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        end = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            try:
                with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
                    text = answer.read().decode()
            except OSError:
                text = ""
            if wanted in text:
                return text, log.read_text()
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("through", ["unix", "agent"])
def test_kea_exporter_shows_metrics(server, agent, through, tmp_path):
    target = str(server.unix) if through == "unix" else agent.url
    name = "addresses_total" if server.family == 4 else "na_total"
    text, said = exported(target, f"kea_dhcp{server.family}_{name}{{", tmp_path)
    subnet = server.config[f"subnet{server.family}"][0]["subnet"]
    (value,) = re.findall(rf'kea_dhcp{server.family}_{name}{{pool="",subnet="{subnet}",subnet_id="1"}} (\S+)', text)
    pool = 90 if server.family == 4 else 0x99 - 0x10 + 1
    assert float(value) == pool
    assert f"kea_dhcp{server.family}_packets_received_total" in text
    assert "Traceback" not in said


def test_netbox_kea_dhcp_edits_the_configuration(four):
    from netboxkea.kea.app import DHCP4App
    from netboxkea.kea.exceptions import KeaCmdError

    app = DHCP4App(four.url)
    app.pull()
    app.set_subnet(7, {"subnet": "198.51.100.0/24", "option-data": [{"name": "routers", "data": "198.51.100.1"}]})
    app.set_pool(7, 70, {"pool": "198.51.100.10-198.51.100.20"})
    app.set_reservation(
        7, 71, {"ip-address": "198.51.100.30", "hw-address": "02:00:00:00:00:01", "hostname": "printer"}
    )  # fmt: skip
    app.push()
    in_force = four.ask("config-get")["arguments"]["Dhcp4"]
    assert json.loads(four.file.read_text())["Dhcp4"] == in_force, "it was written, too"
    (subnet,) = [each for each in in_force["subnet4"] if each["id"] == 7]
    assert subnet["pools"][0]["pool"] == "198.51.100.10-198.51.100.20"
    assert subnet["reservations"][0]["hostname"] == "printer"
    with pytest.raises(KeaCmdError):
        app.set_subnet(8, {"subnet": "198.51.100.0/33"})
    assert four.ask("config-get")["arguments"]["Dhcp4"] == in_force
    app.pull()
    app.del_subnet(7)
    app.push()
    assert [each["id"] for each in four.ask("config-get")["arguments"]["Dhcp4"]["subnet4"]] == [1]


def test_pyisckea_knows_its_way_about(server, agent):
    import httpx
    from pyisckea import Kea

    with httpx.Client(trust_env=False) as client:
        kea = Kea(agent.url.rstrip("/"), client=client)
        daemon = kea.dhcp4 if server.family == 4 else kea.dhcp6
        assert daemon.cached_config[f"Dhcp{server.family}"]["valid-lifetime"] == 4000
        assert {"lease_cmds", "stat_cmds"} <= {each.name for each in daemon.hook_libraries}
        assert kea.ctrlagent.status_get().pid == agent.process.pid
        assert daemon.status_get().pid == server.process.pid
        assert "config-get" in kea.ctrlagent.list_commands().arguments
        assert daemon.dhcp_disable(max_period=20).result == 0
        assert daemon.dhcp_enable().result == 0
        assert daemon.statistic_get_all().result == 0
        test = daemon.config_test({f"Dhcp{server.family}": server.config})
        assert test.result == 0


def test_pyisckea_adds_looks_up_and_deletes_leases(four):
    import httpx
    from pyisckea import Kea
    from pyisckea.exceptions import KeaLeaseNotFoundException

    with httpx.Client(trust_env=False) as client:
        kea = Kea(four.url.rstrip("/"), client=client)
        added = kea.dhcp4.lease4_add(ip_address="192.0.2.20", hw_address="02:00:00:00:00:20", hostname="host.example.")
        assert added.result == 0
        lease = kea.dhcp4.lease4_get("192.0.2.20")
        assert (str(lease.ip_address), lease.hw_address, lease.hostname) == (
            "192.0.2.20", "02:00:00:00:00:20", "host.example.",
        )  # fmt: skip
        assert [str(each.ip_address) for each in kea.dhcp4.lease4_get_all()] == ["192.0.2.20"]
        assert [str(each.ip_address) for each in kea.dhcp4.lease4_get_page(limit=10, search_from="start").leases] == [
            "192.0.2.20"
        ]
        assert kea.dhcp4.lease4_del("192.0.2.20").result == 0
        with pytest.raises(KeaLeaseNotFoundException):
            kea.dhcp4.lease4_get("192.0.2.20")


def test_kea_leases_to_json_reads_the_lease_file(four, tmp_path):
    lease = {"ip-address": "192.0.2.40", "hw-address": "02:00:00:00:00:40", "hostname": "desk.example."}
    assert four.ask("lease4-add", lease)["result"] == 0
    target = tmp_path / "leases.json"
    words = [BIN / "kea-leases-to-json", four.inside, target, "--single-run"]
    subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE)
    found = [each for each in json.loads(target.read_text()) if each["Hostname"] == "desk"]
    assert found[-1]["Address"] == ["192", "0", "2", "40"]
    assert int(found[-1]["Expire"]) > time.time()
    assert four.ask("lease4-del", {"ip-address": "192.0.2.40"})["result"] == 0


def test_stork_s_agent_finds_and_understands_the_programs(server, shared, tmp_path):
    """The probe does what Stork's agent does: it finds processes by name, reads their files, and asks them."""
    from dhcpkit.cli import main

    with pytest.raises(SystemExit):
        main(["kea-names", "install", "--dir", str(tmp_path)])
    named = f"kea-dhcp{server.family}"
    copy = tmp_path / f"{named}.conf"
    port, agent_port = free_port(), free_port()
    config = {
        **server.config,
        "control-sockets": [{"socket-type": "http", "socket-address": "127.0.0.1", "socket-port": port}],
        "lease-database": {"type": "memfile", "name": str(tmp_path / "leases.csv")},
    }
    copy.write_text(json.dumps({f"Dhcp{server.family}": config}))
    agent_file = tmp_path / "agent.conf"
    agent_file.write_text(json.dumps({"Control-agent": {"http-host": "127.0.0.1", "http-port": agent_port}}))
    env = {**PLAIN, "KEA_PIDFILE_DIR": str(tmp_path), "KEA_DHCP_DATA_DIR": str(tmp_path)}
    env["PATH"] = f"{tmp_path}{os.pathsep}{env['PATH']}"
    lines = ([tmp_path / named, "-c", copy, "-p", "19069"], [tmp_path / "kea-ctrl-agent", "-c", agent_file])
    log = tmp_path / "log"
    with log.open("wb") as output:
        processes = [subprocess.Popen(line, stdout=output, stderr=output, env=env) for line in lines]
    try:
        end = time.monotonic() + PATIENCE
        while not (_listens(port) and _listens(agent_port)):
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        words = [sys.executable, shared / "tools" / "stork_probe.py", tmp_path]
        told = subprocess.run(words, capture_output=True, text=True, env=env, check=True, timeout=60).stdout
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert f" {named} " in told
    assert " kea-ctrl-agent " in told
    assert [line for line in told.splitlines() if line.startswith("FAIL")] == []
    assert told.rstrip().endswith(" passed, 0 failed")
