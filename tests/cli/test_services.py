"""Files in packaging: units that systemd takes, services that start with what their units allow, one user for all."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dhcpkit.cli import COMMANDS, Status

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
UNITS = sorted((PACKAGING / "systemd").glob("*.service"))
PATIENCE = 20.0


def settings_of(unit):
    """Key and value of each line, in order."""
    lines = [line for line in unit.read_text().splitlines() if line and line[0] not in "#["]
    return [tuple(line.split("=", 1)) for line in lines]


def value(unit, key):
    return [said for name, said in settings_of(unit) if name == key][-1]


def test_there_is_one_for_each_service():
    assert [unit.stem for unit in UNITS] == ["dhcpkit-agent", "dhcpkit-dhcp4", "dhcpkit-dhcp6"]


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_it(unit, tmp_path):
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/dhcpkit/bin/dhcpkit", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, check=False, timeout=60
    )
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert not complaints
    here.write_text(here.read_text().replace("ProtectHome=", "ProtectHouse="))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, check=False, timeout=60
    )
    assert "ProtectHouse" in done.stderr, "it does look"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_runs_a_command_and_knows_its_statuses(unit):
    program, command, _ = value(unit, "ExecStart").split()
    assert program == "/opt/dhcpkit/bin/dhcpkit"
    assert command in {each.name for each in COMMANDS}
    assert value(unit, "Type") == "notify"
    assert {int(each) for each in value(unit, "RestartPreventExitStatus").split()} == {Status.USAGE, Status.BAD_CONFIG}
    user = value(unit, "User")
    assert re.search(rf"^u {user} ", (PACKAGING / "sysusers.d" / "dhcpkit.conf").read_text(), re.MULTILINE)
    folders = {value(unit, key) for key in ("StateDirectory", "RuntimeDirectory", "LogsDirectory")}
    assert folders == {"kea"}
    for folder in ("/run/kea", "/var/lib/kea", "/var/log/kea"):
        assert re.search(rf"^d {folder} +0750 {user} {user} ", (PACKAGING / "tmpfiles.d" / "dhcpkit.conf").read_text(),
                         re.MULTILINE)  # fmt: skip


@pytest.mark.privileged
@pytest.mark.needs("setpriv", "unshare", "ip")
@pytest.mark.parametrize("family", [4, 6])
def test_the_capabilities_of_the_unit_are_enough(family):
    unit = PACKAGING / "systemd" / f"dhcpkit-dhcp{family}.service"
    granted = value(unit, "AmbientCapabilities")
    assert granted == value(unit, "CapabilityBoundingSet")
    words = ",".join(f"+{each.removeprefix('CAP_').lower()}" for each in granted.split())
    folder = Path(tempfile.mkdtemp(prefix="dhcpkit-unit-", dir="/tmp"))
    try:
        config = {
            "interfaces-config": {"interfaces": ["dku0"]},
            "lease-database": {"type": "memfile", "name": str(folder / "leases.csv")},
            "valid-lifetime": 600,
            f"subnet{family}": [{"id": 1, "subnet": "192.0.2.0/24" if family == 4 else "2001:db8::/64"}],
        }
        (folder / "kea.conf").write_text(json.dumps({f"Dhcp{family}": config}))
        os.chown(folder, 65534, 65534)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(folder / "notify"))
            os.chown(folder / "notify", 65534, 65534)
            manager.settimeout(PATIENCE)
            script = (
                "ip link add dku0 type veth peer name dku1; ip address add 192.0.2.1/24 dev dku0;"
                "sysctl -qw net.ipv6.conf.dku0.accept_dad=0; ip link set dku1 up; ip link set dku0 up;"
                f"exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps {words}"
                f" --ambient-caps {words} --bounding-set=-all,{words}"
                f" {sys.executable} -m dhcpkit serve {folder}/kea.conf"
            )
            place = {"NOTIFY_SOCKET": str(folder / "notify"), "KEA_PIDFILE_DIR": str(folder),
                     "KEA_DHCP_DATA_DIR": str(folder), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}  # fmt: skip
            with (folder / "log").open("wb") as log:
                server = subprocess.Popen(["unshare", "--net", "sh", "-c", script], env=place, stdout=log, stderr=log)
            try:
                said = manager.recv(4096)
            except TimeoutError:
                pytest.fail((folder / "log").read_text())
            finally:
                server.terminate()
                server.wait(PATIENCE)
        assert b"READY=1" in said
        log = (folder / "log").read_text()
        assert "DHCPSRV_NO_SOCKETS_OPEN" not in log
        assert "Operation not permitted" not in log
    finally:
        shutil.rmtree(folder)


def test_the_container_file_runs_the_program():
    text = (PACKAGING / "Containerfile").read_text()
    assert 'ENTRYPOINT ["/opt/dhcpkit/bin/dhcpkit"]' in text
    (command,) = re.findall(r"^CMD (.*)$", text, re.MULTILINE)
    assert json.loads(command)[0] in {each.name for each in COMMANDS}
