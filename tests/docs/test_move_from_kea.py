"""The guide for those who come from Kea: its commands run, in their order, and its tables hold.

The page is run as one script, with the folders of a machine in a folder of the test's own. What is not run: `pip` asks
no registry here (the project's name is compared instead), and `systemctl` only notes what it is told.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from dhcpkit.config import parse4, unparse
from dhcpkit.config.codes import CODES
from dhcpkit.server.main import parse
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.capture import Datagram, write_capture

PROGRAMS = Path(sys.executable).parent
SECONDS = 4  # a server runs that is to be stopped again
CONFIG = {
    "interfaces-config": {"interfaces": []},
    "lease-database": {"type": "memfile", "name": "/var/lib/kea/kea-leases4.csv"},
    "subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.99"}]}],
}
HEADER = (
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id"
)
LEASE = "192.0.2.42,02:00:00:00:00:10,,4000000000,4000000000,1,0,0,,0,,0"


@pytest.fixture
def page(repo):
    return (repo / "docs" / "how-to" / "move-from-kea.md").read_text()


def commands(page):
    return "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))


@pytest.fixture
def machine(tmp_path):
    """The folders that the page speaks of, and how its script finds them."""
    for folder in ("etc/kea", "var/lib/kea", "usr/local/sbin", "bin", "run"):
        (tmp_path / folder).mkdir(parents=True)
    config = json.dumps({"Dhcp4": CONFIG}).replace("/var/lib/kea", str(tmp_path / "var/lib/kea"))
    (tmp_path / "etc/kea/kea-dhcp4.conf").write_text("// as it was\n" + config)
    (tmp_path / "var/lib/kea/kea-leases4.csv").write_text(f"{HEADER}\n{LEASE}\n")
    asked = build_packet4(1, {}, xid=7, chaddr=b"\2\0\0\0\0\x10")
    sent = Datagram(0.0, IPv4Address("0.0.0.0"), 68, IPv4Address("255.255.255.255"), 67, asked)
    (tmp_path / "yesterday.pcap").write_bytes(write_capture([sent]))
    note = tmp_path / "bin/systemctl"
    note.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    note.chmod(0o755)
    return tmp_path


def script_of(text, machine):
    installed = f"ln -s {PROGRAMS}/dhcpkit* {machine}/opt/dhcpkit/bin/"
    text = text.replace("/opt/dhcpkit/bin/pip install dhcpkit-sdk", installed).replace(
        "-m venv", "-m venv --without-pip"
    )
    text = re.sub(r"(?<![\w.])/(etc/kea|var/lib/kea|opt|usr/local/sbin)", rf"{machine}/\1", text)
    started = f"timeout -s TERM {SECONDS} dhcpkit-dhcp4 -p 6767 -P 6868 -c"
    return text.replace("dhcpkit-dhcp4 -c", started).replace("kea-dhcp4.conf\n", "kea-dhcp4.conf || test $? = 124\n")


@pytest.mark.timeout(180)
def test_every_command_runs(page, machine):
    script = script_of(commands(page), machine)
    done = subprocess.run(
        ["sh", "-e", "-x", "-c", script],
        check=False, capture_output=True, text=True, cwd=machine, timeout=150,
        env={"PATH": f"{machine}/bin:{os.environ['PATH']}", "KEA_PIDFILE_DIR": f"{machine}/run",
             "KEA_LOCKFILE_DIR": f"{machine}/run", "KEA_DHCP_DATA_DIR": f"{machine}/var/lib/kea"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "192.0.2.42" in done.stdout  # the client of the lease file keeps its address in explain and in replay
    assert (machine / "asked").read_text() == "stop kea-dhcp4-server\nstart kea-dhcp4-server\n"
    assert (machine / "var/lib/kea.before/kea-leases4.csv").read_text() == f"{HEADER}\n{LEASE}\n"
    assert LEASE in (machine / "var/lib/kea/kea-leases4.csv").read_text()
    assert list((machine / "usr/local/sbin").iterdir()) == []
    assert "no problems" in done.stdout


def test_the_name_is_the_project_s(page, repo):
    project = tomllib.loads((repo / "pyproject.toml").read_text())["project"]
    assert f"pip install {project['name']}\n" in page
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in page
    for program in set(re.findall(r"dhcpkit-dhcp[46]", page)):
        assert program in project["scripts"]


def test_what_is_said_of_switches_and_problems_holds(page):
    told = re.search(r"same switches: (.*?) and the exit statuses", page.replace("\n", " "))[1]
    for switch in re.findall(r"`(-\w)`", told):
        takes = {"-c": "f", "-t": "f", "-p": "6767", "-P": "6868"}.get(switch)
        parse([switch, *([takes] if takes else []), "-c", "f"])
    for code in re.findall(r"DK[0-9]{4}", page):
        assert code in CODES


LAN = {"id": 1, "subnet": "192.0.2.0/24"}
SAME = {  # an old name and what it is called today, as the table has it
    "require-client-classes": (LAN | {"require-client-classes": ["a"]}, LAN | {"evaluate-additional-classes": ["a"]}),
    "client-class": (LAN | {"client-class": "a"}, LAN | {"client-classes": ["a"]}),
    "reservation-mode": (
        LAN | {"reservation-mode": "global"}, LAN | {"reservations-global": True, "reservations-in-subnet": False},
    ),
    "ip-address": (LAN | {"relay": {"ip-address": "192.0.2.9"}}, LAN | {"relay": {"ip-addresses": ["192.0.2.9"]}}),
    "ddns-use-conflict-resolution": (
        LAN | {"ddns-use-conflict-resolution": False}, LAN | {"ddns-conflict-resolution-mode": "no-check-with-dhcid"},
    ),
}  # fmt: skip
CLASS = {"name": "a", "test": "member('ALL')"}
SOCKET = {"socket-type": "unix", "socket-name": "/run/kea/s"}
OUT = [{"output": "stdout"}]
DATABASE = {"type": "mysql", "name": "kea"}
SAME_AT_THE_TOP = {
    "only-if-required": (
        {"client-classes": [CLASS | {"only-if-required": True}]},
        {"client-classes": [CLASS | {"only-in-additional-list": True}]},
    ),
    "output_options": (
        {"loggers": [{"name": "x", "output_options": OUT}]}, {"loggers": [{"name": "x", "output-options": OUT}]},
    ),
    "control-socket": ({"control-socket": SOCKET}, {"control-sockets": [SOCKET]}),
    "hosts-database": ({"hosts-database": DATABASE}, {"hosts-databases": [DATABASE]}),
    "override-no-update": (
        {"dhcp-ddns": {"enable-updates": True, "override-no-update": True}},
        {"dhcp-ddns": {"enable-updates": True}, "ddns-override-no-update": True},
    ),
}  # fmt: skip
KEPT_APART = {
    "control-socket",
    "hosts-database",
}  # of no effect yet: both names are read, and kept as they were written


def loaded(keys):
    return parse4(json.dumps({"Dhcp4": keys}))


def test_the_table_of_old_names_is_complete(page):
    part = page.partition("## Old names")[2].partition("## Afterwards")[0]
    first = [re.search(r"`([^`]+)`", line)[1] for line in part.splitlines() if line.startswith("| `")]
    assert sorted(first) == sorted([*SAME, *SAME_AT_THE_TOP])


@pytest.mark.parametrize("name", [*SAME, *SAME_AT_THE_TOP])
def test_an_old_name_means_what_today_s_does(name):
    old, new = SAME_AT_THE_TOP.get(name) or ({"subnet4": [keys]} for keys in SAME[name])
    was, now = loaded(old), loaded(new)
    if name in KEPT_APART:
        assert unparse(was.doc) == old
        assert unparse(now.doc) == new
        return

    def seen(network):
        subnet = network.subnets[0] if network.subnets else None
        return [
            subnet and (
                subnet.client_classes, subnet.additional_classes, subnet.relays, subnet.naming,
                subnet.reservations_global, subnet.reservations_in_subnet, subnet.reservations_out_of_pool,
            ),
            [made.only_additional for made in network.classifier],
        ]  # fmt: skip

    assert seen(was.network) == seen(now.network)
    if name in ("output_options", "override-no-update"):
        assert was.doc.loggers == now.doc.loggers
