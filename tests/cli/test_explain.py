"""`dhcpkit explain`: each step of a decision, with the place in the configuration that made it so."""

import json
import subprocess
import sys

import pytest

CONFIG = """{ "Dhcp4": {
  "valid-lifetime": 3600, // an hour
  "option-data": [ { "name": "domain-name", "data": "lab.example" } ],
  "client-classes": [ { "name": "voip" },
                      { "name": "lab", "test": "option[60].hex == 'lab' or pkt4.mac == 0x020000000001" } ],
  "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24",
      "pools": [ { "pool": "192.0.2.10 - 192.0.2.10", "client-classes": [ "voip" ] },
                 { "pool": "192.0.2.20 - 192.0.2.21" } ],
      "option-data": [ { "name": "routers", "data": "192.0.2.1" } ],
      "reservations": [ { "hw-address": "02:00:00:00:00:77", "ip-address": "192.0.2.77", "hostname": "seven" } ] },
    { "id": 2, "subnet": "198.51.100.0/24", "relay": { "ip-addresses": [ "203.0.113.1" ] },
      "pools": [ { "pool": "198.51.100.10 - 198.51.100.20" } ] }
  ] } }
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "kea.conf"
    path.write_text(CONFIG)
    return path


def explain(config, *words, status=0):
    command = [sys.executable, "-m", "dhcpkit", "explain", str(config), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_each_step_names_its_place(config):
    text = explain(config, "--mac", "02:00:00:00:00:01")
    assert f"192.0.2.0/24: selected, interface address 192.0.2.1  ({config}:7:5)" in text
    assert "pool 192.0.2.10-192.0.2.10: skipped, the client is not in voip" in text
    assert f"192.0.2.20: chosen, the next free one of pool 192.0.2.20-192.0.2.21  ({config}:9:18)" in text
    assert f"routers (3): 192.0.2.1, requested, from subnet 192.0.2.0/24  ({config}:10:24)" in text
    assert f"domain-name (15): lab.example, requested, from global  ({config}:3:20)" in text
    assert text.endswith("=> DHCPOFFER 192.0.2.20 for 3600 s to 192.0.2.20:68\n")


def test_each_term_of_a_class_has_its_value(config):
    place = f"({config}:5:23)"
    text = explain(config, "--mac", "02:00:00:00:00:01")
    assert f"lab: member, option[60].hex is '', not 'lab'; pkt4.mac is 0x020000000001  {place}" in text
    text = explain(config, "--mac", "02:00:00:00:00:02")
    assert "lab: not a member, option[60].hex is '', not 'lab'; pkt4.mac is 0x020000000002, not 0x020000000001" in text


def test_an_address_reserved_for_another_is_passed_over(tmp_path):
    path = tmp_path / "kea.conf"
    path.write_text(CONFIG.replace('"192.0.2.77"', '"192.0.2.20"'))
    text = explain(path, "--mac", "02:00:00:00:00:01")
    assert "192.0.2.20: passed over, 192.0.2.20 is reserved for hw-address 02:00:00:00:00:77\n" in text
    assert "192.0.2.21: chosen" in text


def test_a_reservation_and_the_relay_are_taken_into_account(config):
    reserved = json.loads(explain(config, "--mac", "02:00:00:00:00:77", "--json"))
    assert reserved["reply"]["yiaddr"] == "192.0.2.77"
    assert any(n["step"] == "reservation" and n["where"] == f"{config}:11:25" for n in reserved["notes"])
    relayed = json.loads(explain(config, "--mac", "02:00:00:00:00:77", "--relay", "203.0.113.1", "--json"))
    assert relayed["subnet"] == "198.51.100.0/24"
    assert relayed["reply"]["to"] == "203.0.113.1:67"


def test_leases_decide_too_and_silence_says_why(config, tmp_path):
    leases = tmp_path / "leases.csv"
    header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
    rows = [f"192.0.2.{n},02:00:00:00:00:{n},,4000000000,6000000000,1,0,0,,0," for n in (20, 21)]
    leases.write_text("\n".join([header, *rows, ""]))
    text = explain(config, "--mac", "02:00:00:00:00:01", "--leases", str(leases), status=1)
    assert "192.0.2.20: passed over, it is leased to 02:00:00:00:00:20\n" in text
    assert "pool 192.0.2.20-192.0.2.21: skipped, it is full" in text
    assert text.endswith("=> no answer: every pool open to the client is full\n")
    assert "=> DHCPACK 192.0.2.20" in explain(
        config,
        "--mac",
        "02:00:00:00:00:20",
        "--message",
        "request",
        "--requested",
        "192.0.2.20",
        "--leases",
        str(leases),
    )
    assert leases.read_text().count("\n") == 3, "nothing was written"


def test_a_whole_message_or_a_capture_can_be_given(config, shared):
    capture = shared / "kea/captures/clients/v4-dhclient-dora-release/traffic.pcap"
    results = json.loads(explain(config, "--pcap", str(capture), "--local", "192.0.2.1", "--json"))
    assert [result["event"] for result in results] == ["offer", "dropped", "silent"]
    discover = "01010600" + "00000001" + "00" * 20 + "020000000001" + "00" * 202 + "63825363" + "350101ff"
    assert "=> DHCPOFFER" in explain(config, "--packet", discover)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--mac"),
        (["--mac", "zz"], "--mac"),
        (["--mac", "02:00:00:00:00:01", "--message", "hello"], "discover"),
        (["--mac", "02:00:00:00:00:01", "--relay", "x"], "--relay"),
    ],
)
def test_a_command_line_that_makes_no_sense(config, words, says):
    command = [sys.executable, "-m", "dhcpkit", "explain", str(config), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert says in done.stderr
