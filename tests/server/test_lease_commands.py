"""Lease commands to a server that runs as a process: over both channels, with more leases than fit in one piece."""

import http.client
import importlib.util
import json
import re
import socket
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("control_process", Path(__file__).with_name("test_control.py"))
control = importlib.util.module_from_spec(spec)
spec.loader.exec_module(control)

COUNT = 3000
HEADERS = {
    4: "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id",
    6: (
        "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,"
        "hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id"
    ),
}
PREFIXES = {4: "10.53.0.0/16", 6: "2001:db8:53::/64"}


def row(family, number):
    if family == 4:
        address, hwaddr = f"10.53.{number >> 8}.{number & 255}", f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
        return f"{address},{hwaddr},,4000,2000000000,1,0,0,h{number},0,,0"
    return (
        f"2001:db8:53::{number:x},00:03:00:01:{number >> 8:02x}:{number & 255:02x},4000,2000000000,1,3000,0,1,128,0,0,"
        f"h{number},,0,,,,0"
    )


@pytest.fixture(params=[4, 6])
def running(tmp_path, request):
    family = request.param
    (tmp_path / "leases.csv").write_text(
        "\n".join([HEADERS[family], *(row(family, n) for n in range(1, COUNT + 1)), ""])
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = control.Running(
        tmp_path,
        family,
        **{
            f"subnet{family}": [{"id": 1, "subnet": PREFIXES[family]}],
            "hooks-libraries": [
                {"library": f"/usr/lib/kea/hooks/libdhcp_{name}.so"} for name in ("lease_cmds", "stat_cmds")
            ],
        },
    )
    made.port = port
    config = {key: value for key, value in made.config.items() if key != "control-socket"}
    sockets = [
        {"socket-type": "unix", "socket-name": str(made.socket)},
        {"socket-type": "http", "socket-address": "127.0.0.1", "socket-port": port},
    ]
    made.write(config | {"control-sockets": sockets})
    assert made.ask("config-reload")["result"] == 0
    yield made
    made.end()


def post(running, command, arguments=None):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    body = json.dumps({"command": command} | ({"arguments": arguments} if arguments is not None else {}))
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    octets = response.read()
    connection.close()
    assert int(response.headers["Content-Length"]) == len(octets), "Kea's clients want to know the length"
    return json.loads(octets)


def test_many_leases_over_both_channels(running):
    name = f"lease{running.family}"
    over_unix = running.ask(f"{name}-get-all")
    assert over_unix["text"] == f"{COUNT} IPv{running.family} lease(s) found."
    assert len(over_unix["arguments"]["leases"]) == COUNT
    assert post(running, f"{name}-get-all") == [over_unix]
    page = post(running, f"{name}-get-page", {"from": "start", "limit": COUNT - 1})
    assert page[0]["arguments"]["leases"] == over_unix["arguments"]["leases"][:-1]
    assert running.ask(f"stat-{name}-get")["arguments"]["result-set"]["rows"][0][3] == COUNT
    assert running.ask(f"{name}-get-by-hostname", arguments={"hostname": "H77"})["text"].startswith("1 ")


def test_what_is_changed_stays_after_a_restart(running):
    name = f"lease{running.family}"
    first = running.ask(f"{name}-get-page", arguments={"from": "start", "limit": 1})["arguments"]["leases"][0]
    at = {"ip-address": first["ip-address"]}
    changed = {key: value for key, value in first.items() if key != "cltt"} | {"hostname": "other"}
    assert running.ask(f"{name}-update", arguments=changed)["result"] == 0
    assert running.ask(f"{name}-get", arguments=at)["arguments"]["hostname"] == "other"
    second = running.ask(f"{name}-get-page", arguments={"from": at["ip-address"], "limit": 1})["arguments"]["leases"][0]
    assert running.ask(f"{name}-del", arguments={"ip-address": second["ip-address"]})["result"] == 0
    statistic = f"assigned-{'addresses' if running.family == 4 else 'nas'}"
    assert running.ask("statistic-get", arguments={"name": statistic})["arguments"][statistic][0][0] == COUNT - 1
    running.process.kill()
    running.process.wait()
    again = control.Running(running.folder, running.family, **without_sockets(running))
    try:
        assert again.ask(f"{name}-get", arguments=at)["arguments"]["hostname"] == "other"
        assert again.ask(f"{name}-get", arguments={"ip-address": second["ip-address"]})["result"] == 3
        assert again.ask(f"{name}-write", arguments={"filename": "copy.csv"})["result"] == 0
        assert len((running.folder / "copy.csv").read_text().splitlines()) == COUNT
        refused = again.ask(f"{name}-write", arguments={"filename": "leases.csv"})
        assert refused["result"] == 1
        assert re.search("the server keeps its leases", refused["text"])
    finally:
        again.end()


def without_sockets(running):
    """What a second run is told: the same, but only the socket that tests always have."""
    kept = ("hooks-libraries", f"subnet{running.family}")
    return {key: running.config[key] for key in kept}
