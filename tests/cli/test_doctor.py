"""`dhcpkit doctor`: each thing that may be wrong is found, and nothing is found where nothing is wrong."""

import importlib.util
import json
import socket
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from dhcpkit.alloc.lease import Lease4
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.cli import doctor_checks as checks
from dhcpkit.cli import main
from dhcpkit.server.interfaces import Interface, InterfaceSpec

SPEC = importlib.util.spec_from_file_location("running", Path(__file__).parent.parent / "server" / "test_control.py")
control = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(control)

NOW = 1_795_000_000


@pytest.fixture
def run(capsys):
    def go(*words):
        with pytest.raises(SystemExit) as stopped:
            main(["doctor", *words])
        return stopped.value.code or 0, capsys.readouterr().out

    return go


def link(name="eth0", *, up=True, addresses=("192.0.2.1",), six=("fe80::1",), tentative=()):
    four = tuple(int(IPv4Address(each)) for each in addresses)
    sixes, not_yet = (tuple(int(IPv6Address(each)) for each in some) for some in (six, tentative))
    return Interface(name, 2, bytes(6), up, name == "lo", True, four, sixes, not_yet)


@pytest.mark.parametrize(
    ("wanted", "present", "family", "said"),
    [
        ("eth0", link(), 4, ""),
        ("eth0", link(), 6, ""),
        ("eth0/192.0.2.1", link(), 4, ""),
        ("*", link(), 4, ""),
        ("eth1", link(), 4, "'eth1' doesn't exist"),
        ("eth0/192.0.2.2", link(), 4, "address '192.0.2.2'"),
        ("eth0", link(up=False), 4, "is down"),
        ("*", link(up=False), 4, "is down"),
        ("eth0", link(addresses=()), 4, "no IPv4 address"),
        ("eth0", link(six=("2001:db8::1",)), 6, "no link-local address"),
        ("eth0", link(six=(), tentative=("fe80::1",)), 6, "in use yet"),
    ],
)
def test_interfaces(wanted, present, family, said):
    found = list(checks.links((InterfaceSpec.parse(wanted, family),), {present.name: present}, family))
    assert [said in each.said for each in found] == ([True] if said else [])


def test_of_all_interfaces_one_is_enough():
    present = {"eth0": link(), "eth1": link("eth1", up=False), "lo": link("lo", addresses=())}
    assert not list(checks.links((InterfaceSpec.parse("*", 4),), present, 4))
    assert list(checks.links((), present, 4))


@pytest.mark.parametrize(
    ("number", "bits", "raw", "lacking"),
    [(67, (10, 13), True, 0), (67, (10,), True, 1), (67, (), True, 2), (67, (10,), False, 0), (6767, (), False, 0)],
)
def test_privileges(number, bits, raw, lacking):
    found = list(checks.privileges(number, sum(1 << bit for bit in bits), 1024, raw=raw))
    assert sum(each.said.count("CAP_") for each in found) == lacking


def test_the_port():
    assert not list(checks.port(67, "", None))
    assert not list(checks.port(67, "kea-dhcp4 (process 12)", 12))
    assert list(checks.port(67, "kea-dhcp4 (process 12)", 1)), "process 12 is not process 1"
    assert list(checks.port(67, "dnsmasq (process 12)", None))


def test_the_lease_file_and_the_disk(tmp_path):
    assert not list(checks.writable(tmp_path / "leases.csv"))
    (found,) = checks.writable(tmp_path / "none" / "leases.csv")
    assert str(tmp_path / "none") in found.said
    (tmp_path / "leases.csv").mkdir()
    assert list(checks.writable(tmp_path / "leases.csv"))
    assert not list(checks.space(tmp_path, checks.FREE_MIN, 1))
    assert list(checks.space(tmp_path, checks.FREE_MIN - 1, 1))
    assert list(checks.space(tmp_path, checks.FREE_MIN, 0))


def test_the_clock(tmp_path):
    file = tmp_path / "leases.csv"
    assert not list(checks.clock(NOW, file))
    assert list(checks.clock(1000, file)), "1970"
    for ahead, count in ((0, 0), (checks.AHEAD, 0), (checks.AHEAD + 1, 1)):
        lease = Lease4(0xC0000201, b"\2" * 6, b"", 600, NOW + ahead, 1)
        file.write_bytes(b"\n".join([ROWS4.header, b"", *[ROWS4.encode(lease)] * 3000, b"junk"]) + b"\n")
        assert len(list(checks.clock(NOW, file))) == count
    file.write_bytes(b"\xff\n")
    assert not list(checks.clock(NOW, file))


RULES = """table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established accept
%s\t}
}
"""


@pytest.mark.parametrize(
    ("rules", "raw", "count"),
    [
        (None, False, 0),
        ("", False, 0),
        (RULES % "", False, 1),
        (RULES % "", True, 0),
        (RULES % "\t\tudp dport 547 accept\n", False, 0),
        (RULES % "\t\tudp dport { 53, 547 } accept\n", False, 0),
        (RULES % "\t\tudp dport 5470 accept\n", False, 1),
        ((RULES % "").replace("policy drop", "policy accept"), False, 0),
    ],
)
def test_the_firewall(rules, raw, count):
    assert len(list(checks.firewall(rules, 547, raw=raw))) == count


@pytest.mark.parametrize("family", [4, 6])
def test_a_server_that_runs_and_what_commands_did_to_it(family, run, tmp_path, monkeypatch):
    monkeypatch.setenv("KEA_PIDFILE_DIR", str(tmp_path))
    monkeypatch.setenv("KEA_DHCP_DATA_DIR", str(tmp_path))
    server = control.Running(tmp_path, family)
    try:
        words = (str(server.file), "--port", str(server.port), "--json")

        def problems():
            status, out = run(*words)
            found = [each for each in json.loads(out)["findings"] if each["severity"] == "problem"]
            assert status == (1 if found else 0)
            assert all(each["said"].endswith(".") and each["todo"] for each in found)
            return {each["check"] for each in found} - {"privileges", "disk"}

        assert problems() == set()
        server.ask("dhcp-disable")
        assert problems() == {"server"}
        server.ask("dhcp-enable")
        assert problems() == set()
    finally:
        server.end()
    assert problems() == {"server"}
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1" if family == 4 else "::1", int(words[2])))
        assert problems() == {"server", "port"}


def test_a_configuration_that_is_none(run, tmp_path):
    file = tmp_path / "kea.conf"
    file.write_text('{"Dhcp4": {"subnet4": [{"id": 1, "subnet": "nonsense"}], "no-such": 1}}')
    status, out = run(str(file))
    assert status == 1
    assert all(line.startswith("problem, configuration: ") for line in out.splitlines())
    assert "nonsense" in out
    assert run(str(tmp_path / "none"))[0] == 1
