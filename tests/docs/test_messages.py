"""The page about `decode` and `encode`: its commands run, and print what it says they print."""

import json
import os
import re
import runpy
import shlex
import subprocess
import sys

import pytest

from dhcpkit.wire import Packet4, Packet6, from_json, to_json
from dhcpkit.wire.capture import read_capture

DHCPKIT = shlex.join([sys.executable, "-m", "dhcpkit"])


@pytest.fixture(scope="module")
def page(repo):
    return (repo / "docs" / "how-to" / "read-and-write-messages.md").read_text()


@pytest.fixture
def folder(repo, tmp_path):
    """A folder with a small capture in it: one DORA of a recorded client."""
    messages = [json.loads(line) for line in (repo / "tests" / "vectors" / "clients4.jsonl").read_text().splitlines()]
    found = [
        {
            **to_json(Packet4.parse(bytes.fromhex(each["payload"]))),
            "datagram": {
                "source": each["src"],
                "port": each["sport"],
                "destination": each["dst"],
                "dport": each["dport"],
            },
        }
        for each in messages
        if each["from"] == messages[0]["from"]
    ]
    run(tmp_path, "dhcpkit encode --pcap capture.pcap", json.dumps(found))
    return tmp_path


def run(folder, command, text=""):
    command = re.sub(r"\bdhcpkit(?= (?:de|en)code)", lambda _: DHCPKIT, command)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        check=False, capture_output=True, text=True, cwd=folder, input=text, env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def commands(page):
    return [block.splitlines() for block in re.findall(r"```console\n\$ (.*?)```", page, re.DOTALL)]


def test_the_commands(page, folder):
    ran = [(command, told, run(folder, command)) for command, *told in commands(page) if "jq" not in command]
    assert len(ran) == 3
    for command, told, shown in ran:
        assert shown
        if told:
            assert shown.splitlines() == told, command


@pytest.mark.needs("jq")
def test_the_commands_with_jq(page, folder):
    shown = [run(folder, command) for command, *_ in commands(page) if "jq" in command]
    assert len(shown) == 2
    assert re.match(r"1970-01-01T00:00:00\.000000\+00:00\t02:00:00:00:00:10\t10\.", shown[0])
    changed = read_capture((folder / "changed.pcap").read_bytes())
    assert {Packet4.parse(each.payload).chaddr.hex(":") for each in changed} == {"02:00:00:00:00:99"}


def test_every_member_is_in_the_table(page):
    table = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    shown = (
        to_json(Packet4(1, {52: b"\1"}, pad_to=300)) | to_json(Packet6(1)) | {"relays": [], "flaws": [], "octets": ""}
    )
    header = {"op", "htype", "hlen", "hops", "secs", "broadcast", "ciaddr", "yiaddr", "siaddr", "giaddr", "chaddr"}
    for member in shown.keys() - header:
        assert f"`{member}`" in table, member


def test_the_example(repo, capsys):
    runpy.run_path(str(repo / "docs" / "examples" / "messages_as_json.py"))
    octets, option = capsys.readouterr().out.splitlines()
    packet = Packet4.parse(bytes.fromhex(octets))
    assert packet.options[82] == b"\1\4eth1"
    assert bytes(from_json(to_json(packet))) == bytes(packet)
    assert json.loads(option)["value"] == [1, 3, 6]
