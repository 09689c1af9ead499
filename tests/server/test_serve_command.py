"""`dhcpkit serve`: a subnet without a file, on the loopback interface, and what is said when it cannot."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from ipaddress import IPv4Address, IPv4Network

import pytest
import typer

from dhcpkit.cli import main, serve
from dhcpkit.cli.serve import _ranges
from dhcpkit.server import ServiceUnavailable
from dhcpkit.testing.client import Client4
from dhcpkit.wire.options4 import DHCP_LEASE_TIME, DOMAIN_NAME_SERVERS, ROUTERS


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Serving:
    def __init__(self, *words, env=None):
        self.port = free_port()
        code = "from dhcpkit.cli import main; main()"
        command = [sys.executable, "-c", code, "serve", *words, "-p", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __enter__(self):
        self.said = ""
        while "DHCP4_STARTED" not in self.said:
            line = self.process.stderr.readline() or self.process.stdout.readline()
            assert line, f"it ended: {self.said}"
            self.said += line
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        self.said += out + err
        return self.process.returncode

    def client(self, **kwargs):
        return Client4(server="127.0.0.1", port=self.port, relay="127.0.0.1", **kwargs)


def test_a_subnet_is_served_without_a_file():
    words = [
        "127.0.0.0/16",
        "-i",
        "lo",
        "--pool",
        "127.0.9.1-127.0.9.9",
        "--router",
        "127.0.0.1",
        "--dns",
        "1.1.1.1,8.8.8.8",
    ]
    with Serving(*words, "--lifetime", "600") as serving:
        with serving.client() as client:
            ack = client.dora()
            assert str(IPv4Address(ack.yiaddr)) == "127.0.9.1"
            assert ack[ROUTERS] == (IPv4Address("127.0.0.1"),)
            assert ack[DOMAIN_NAME_SERVERS] == (IPv4Address("1.1.1.1"), IPv4Address("8.8.8.8"))
            assert ack[DHCP_LEASE_TIME] == 600
        assert "Serving 127.0.0.0/16 on lo: 127.0.9.1-127.0.9.9; leases kept in memory only" in serving.said
        assert serving.stop(signal.SIGINT) == 0
        assert "DHCP4_LEASE_ALLOC" in serving.said


def test_the_interface_is_found_and_the_servers_own_address_is_not_given():
    with Serving("127.0.0.0/29") as serving:
        assert "on lo: 127.0.0.2-127.0.0.6" in serving.said
        with serving.client() as client:
            assert str(IPv4Address(client.dora().yiaddr)) == "127.0.0.2"


def test_leases_are_kept_in_a_file(tmp_path):
    file = tmp_path / "leases.csv"
    hwaddr = b"\2\0\0\0\0\7"
    for _ in range(2):
        with Serving("127.0.0.0/16", "--leases", str(file)) as serving, serving.client(hwaddr=hwaddr) as client:
            assert str(IPv4Address(client.dora().yiaddr)) == "127.0.0.2"
    assert "127.0.0.2,02:00:00:00:00:07" in file.read_text()


def test_a_configuration_file_is_served_and_read_again(tmp_path):
    def write(pool):
        subnet = {"id": 1, "subnet": "127.0.0.0/16", "pools": [{"pool": pool}]}
        interfaces, leases = {"interfaces": ["lo"]}, {"type": "memfile", "persist": False}
        config = {"interfaces-config": interfaces, "lease-database": leases, "subnet4": [subnet]}
        file.write_text(json.dumps({"Dhcp4": config}))

    file = tmp_path / "kea.conf"
    write("127.0.3.1 - 127.0.3.9")
    with Serving(str(file), env={**os.environ, "KEA_LOGGER_DESTINATION": "stderr"}) as serving:
        with serving.client() as client:
            assert str(IPv4Address(client.dora().yiaddr)) == "127.0.3.1"
        write("127.0.4.1 - 127.0.4.9")
        serving.process.send_signal(signal.SIGHUP)
        while "DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS" not in serving.said:
            serving.said += serving.process.stderr.readline()
        with serving.client() as client:
            assert str(IPv4Address(client.dora().yiaddr)) == "127.0.4.1"
        assert serving.stop() == 0


def test_a_wrong_configuration_file_is_explained(tmp_path, capsys):
    file = tmp_path / "kea.conf"
    file.write_text('{"Dhcp4": {"subnet4": [{"id": 1, "subnet": "192.0.2.0/33"}], "interfaces-confg": {}}}')
    with pytest.raises(SystemExit) as stopped:
        main(["serve", str(file)])
    assert stopped.value.code == 78
    told = capsys.readouterr().err
    assert "192.0.2.0/33" in told
    assert "did you mean `interfaces-config`?" in told


def test_two_servers_on_one_port_is_one_too_many():
    with Serving("127.0.0.0/16") as serving:
        code = "from dhcpkit.cli import main; main()"
        words = [sys.executable, "-c", code, "serve", "127.0.0.0/16", "-p", str(serving.port)]
        second = subprocess.run(words, check=False, capture_output=True, text=True)
    assert second.returncode == 69
    assert "the port is in use by" in second.stderr
    assert f"(process {serving.process.pid})" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(("code", "status"), [(errno.EACCES, 77), (errno.EPERM, 77), (errno.EADDRINUSE, 69), (0, 69)])
def test_exit_statuses_tell_what_is_missing(code, status, monkeypatch, capsys):
    def fail(*_):
        raise ServiceUnavailable(["one", "two"], code)

    monkeypatch.setattr(serve, "_serve_network", fail)
    with pytest.raises(SystemExit) as stopped:
        main(["serve", "127.0.0.0/16"])
    assert stopped.value.code == status
    assert capsys.readouterr().err == "one\ntwo\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["203.0.113.0/24"], "no interface has an address in 203.0.113.0/24"),
        (["127.0.0.1/16"], "has host bits set"),
        (["127.0.0.0/16", "--pool", "127.1.0.1-127.1.0.9"], "is not inside subnet"),
        (["127.0.0.0/16", "--pool", "nonsense"], "is not a range of addresses"),
        (["127.0.0.0/16", "--router", "nonsense"], "is not an IPv4 address"),
        (["127.0.0.0/16", "-i", "lo/nonsense"], "is not an IPv4 address"),
        (["127.0.0.1/32"], "has no address to give"),
        (["kea.conf", "--router", "192.0.2.1"], "go with a subnet, not with a file"),
        (["127.0.0.0/16", "--lifetime", "0"], "lifetime"),
        (["2001:db8::/64"], "dhcpkit init 2001:db8::/64 > kea.conf"),
    ],
)
def test_a_wrong_command_line_is_explained(words, said, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit) as stopped:
        main(["serve", *words])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("prefix", "own", "ranges"),
    [
        ("192.0.2.0/29", [], ["192.0.2.1 - 192.0.2.6"]),
        ("192.0.2.0/29", ["192.0.2.1"], ["192.0.2.2 - 192.0.2.6"]),
        ("192.0.2.0/29", ["192.0.2.6"], ["192.0.2.1 - 192.0.2.5"]),
        ("192.0.2.0/29", ["192.0.2.3", "192.0.2.4"], ["192.0.2.1 - 192.0.2.2", "192.0.2.5 - 192.0.2.6"]),
    ],
)
def test_which_addresses_are_given(prefix, own, ranges):
    assert _ranges(IPv4Network(prefix), {int(IPv4Address(address)) for address in own}) == ranges


def test_a_subnet_with_only_the_server_has_none():
    with pytest.raises(typer.BadParameter):
        _ranges(IPv4Network("192.0.2.0/30"), {0xC0000201, 0xC0000202})


def test_a_missing_file_is_told(capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["serve", str(tmp_path / "missing.conf")])
    assert stopped.value.code != 0
    told = capsys.readouterr().err
    assert "missing.conf" in told
    assert "Traceback" not in told
