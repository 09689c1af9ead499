"""`dhcpkit init`: what it writes can be served, by dhcpkit and by Kea."""

import json
import os
import shutil
import subprocess
from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.cli import Status, main
from dhcpkit.cli.init import Wishes, configuration4, configuration6
from dhcpkit.config import load4, load6, parse4, parse6
from dhcpkit.config.review import review

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def run(*words, status=Status.OK):
    with pytest.raises(SystemExit) as stopped:
        main(["init", *map(str, words)])
    assert stopped.value.code in (status, None if status == Status.OK else status)


@given(
    st.integers(1, 30), st.integers(0, 2**32 - 1), st.sampled_from(["", "192.0.2.53"]), st.sampled_from(["eth0", "*"])
)
def test_any_ipv4_subnet_with_room_can_be_served(length, base, dns, interface):
    subnet = IPv4Network((base, length), strict=False)
    loaded = parse4(configuration4(subnet, Wishes(interface, dns=[dns] if dns else ())))
    assert loaded.warnings == ()
    (made,) = loaded.network.subnets
    (pool,) = made.pools
    assert made.prefix == subnet
    assert made.first < pool.first <= pool.last < int(subnet.broadcast_address)
    assert pool.first - made.first >= min(16, subnet.num_addresses // 8)  # left to routers, servers and printers
    assert pool.last - pool.first + 1 >= subnet.num_addresses // 2 - 1


@given(st.integers(1, 124), st.integers(0, 2**128 - 1), st.sampled_from(["", "2001:db8:8000::/40", "2001:db8:1::/60"]))
def test_any_ipv6_subnet_with_room_can_be_served(length, base, delegate):
    subnet = IPv6Network((base, length), strict=False)
    loaded = parse6(configuration6(subnet, Wishes(delegate=delegate, dns=["2001:db8::53"], domain="example.org")))
    assert loaded.warnings == ()
    (made,) = loaded.network.subnets
    (pool,) = made.pools
    assert made.prefix == subnet
    assert made.first < pool.first <= pool.last <= int(subnet.broadcast_address)
    assert [str(each.prefix) for each in made.pd_pools] == ([delegate] if delegate else [])


def test_there_is_a_remark_at_every_key_and_little_to_review(tmp_path):
    path = tmp_path / "kea.conf"
    run("192.0.2.0/24", path, "--dns", "192.0.2.53", "--domain", "example.org")
    loaded = load4(path)
    assert {problem.message.rpartition("[")[2] for problem in review(loaded)} <= {"lease-cmds-presence]"}
    lines = path.read_text().splitlines()
    assert sum(line.lstrip().startswith("//") for line in lines) > 10


def test_a_file_that_is_there_stays(tmp_path, capsys):
    path = tmp_path / "kea.conf"
    path.write_text("mine")
    run("192.0.2.0/24", path, status=Status.NEGATIVE)
    assert path.read_text() == "mine"
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["192.0.2.0/31"], ["192.0.2.1/24"], ["lan"], ["192.0.2.0/24", "--router", "198.51.100.1"],
        ["2001:db8::/126"], ["192.0.2.0/24", "--dns", "x"], ["2001:db8::/64", "--delegate", "2001:db8::1/40"],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(words, capsys):
    run(*words, status=Status.USAGE)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("kea-dhcp4", ["192.0.2.0/24", "--dns", "192.0.2.53", "--domain", "example.org"]),
        ("kea-dhcp4", ["198.51.100.0/25", "--relay", "198.51.100.1"]),
        ("kea-dhcp6", ["2001:db8::/64", "--dns", "2001:db8::53", "--delegate", "2001:db8:8000::/40"]),
        ("kea-dhcp6", ["2001:db8::/64", "--relay", "2001:db8::1"]),
    ],
)
def test_kea_takes_it(program, words, tmp_path):
    kea = shutil.which(program, path=PATH)
    if kea is None:
        pytest.skip(f"needs {program}")
    path = tmp_path / "kea.conf"
    run(words[0], path, "--interface", "lo", *words[1:])
    path.write_text(path.read_text().replace('"persist": true, "lfc-interval": 3600', '"persist": false'))
    done = subprocess.run([kea, "-t", path], check=False, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr


def test_standard_output_is_a_configuration(tmp_path, capsys):
    run("2001:db8:5::/64", "--interface", "lan0")
    text = capsys.readouterr().out
    path = tmp_path / "kea.conf"
    path.write_text(text)
    assert load6(path).network.subnets[0].interface == "lan0"
    assert json.dumps("lan0") in text
