"""`dhcpkit explain` and `dhcpkit check` with a DHCPv6 configuration."""

import json
import subprocess
import sys

import pytest

CONFIG = """{ "Dhcp6": {
  "valid-lifetime": 4000, // seconds
  "option-data": [ { "name": "dns-servers", "data": "2001:db8::53" } ],
  "client-classes": [ { "name": "voip" } ],
  "subnet6": [
    { "id": 1, "subnet": "2001:db8:1::/64", "interface": "eth0", "rapid-commit": true,
      "pools": [ { "pool": "2001:db8:1::10 - 2001:db8:1::10", "client-classes": [ "voip" ] },
                 { "pool": "2001:db8:1::20 - 2001:db8:1::21" } ],
      "pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56 } ],
      "reservations": [ { "hw-address": "02:00:00:00:00:77", "ip-addresses": [ "2001:db8:1::77" ] } ] },
    { "id": 2, "subnet": "2001:db8:2::/64", "pools": [ { "pool": "2001:db8:2::1:0/112" } ] }
  ] } }
"""
MAC = ("--mac", "02:00:00:00:00:01")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "kea.conf"
    path.write_text(CONFIG)
    return path


def run(command, config, *words):
    words = [sys.executable, "-m", "dhcpkit", command, str(config), *words]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def explain(config, *words, status=0):
    done = run("explain", config, *words)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_each_step_names_its_place(config):
    text = explain(config, "--duid", "00:03:00:01:02:00:00:00:00:01")
    assert "assumed: the client is on the link of the first subnet, 2001:db8:1::/64" in text
    assert f"2001:db8:1::/64: selected, interface eth0  ({config}:6:5)" in text
    assert f"2001:db8:1::20: chosen, the next free one of pool 2001:db8:1::20-2001:db8:1::21  ({config}:8:18)" in text
    assert f"dns-servers (23): 2001:db8::53, requested, from global  ({config}:3:20)" in text
    assert text.endswith("=> ADVERTISE, IA_NA 1: 2001:db8:1::20 for 4000 s, to fe80::1 port 546\n")


def test_associations_are_asked_for_with_wishes(config):
    wishes = ("--ia-na", "1=2001:db8:1::21", "--ia-na", "2", "--ia-pd", "7=2001:db8:8000:300::/56")
    text = explain(config, *MAC, "--type", "request", *wishes)
    told = "REPLY, IA_NA 1: 2001:db8:1::21 for 4000 s, IA_NA 2: 2001:db8:1::20 for 4000 s, "
    assert told + "IA_PD 7: 2001:db8:8000:300::/56 for 4000 s" in text
    assert "=> REPLY, IA_NA 1: 2001:db8:1::20 for 4000 s" in explain(config, *MAC, "--rapid-commit")


def test_reservations_relays_and_leases_are_taken_into_account(config, tmp_path):
    reserved = json.loads(explain(config, "--mac", "02:00:00:00:00:77", "--json"))
    assert "IA_NA 1: 2001:db8:1::77 for 4000 s" in reserved["verdict"]
    relayed = json.loads(explain(config, *MAC, "--relay", "2001:db8:2::9", "--json"))
    assert (relayed["subnet"], relayed["reply"]["to"]) == ("2001:db8:2::/64", "[2001:db8:2::9]:547")
    leases = tmp_path / "leases.csv"
    header = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,"
    header += "hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id"
    rows = [f"2001:db8:1::{n},00:03:00:01:{n}:00,4000000000,6000000000,1,9,0,1,128,0,0,,,0,,,,0" for n in (20, 21)]
    leases.write_text("\n".join([header, *rows, ""]))
    text = explain(config, *MAC, "--leases", str(leases))
    assert "=> ADVERTISE, IA_NA 1: NO_ADDRS_AVAIL" in text
    owner = ("--duid", "00:03:00:01:20:00", "--leases", str(leases), "--ia-na", "1=2001:db8:1::20")
    assert "=> REPLY, IA_NA 1: 2001:db8:1::20 for" in explain(config, *owner, "--message", "renew")
    assert leases.read_text().count("\n") == 3, "nothing was written"


def test_a_whole_message_or_a_capture_can_be_given(config, shared):
    capture = shared / "kea/captures/clients/v6-dhclient-na-release/traffic.pcap"
    results = json.loads(explain(config, "--pcap", str(capture), "--interface", "eth0", "--json"))
    assert [result["events"] for result in results] == [["offer"], ["alloc"], []]
    solicit = "01000001" + "0001000a" + "00030001020000000001" + "0003000c" + "00000001" + "00" * 8
    assert "=> ADVERTISE" in explain(config, "--packet", solicit)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ([], 2, "--duid"),
        (["--duid", "zz"], 2, "--duid"),
        ([*MAC, "--message", "discover"], 2, "solicit"),
        ([*MAC, "--ia-na", "x"], 2, "--ia-na"),
        ([*MAC, "--ia-pd", "1=nonsense"], 2, "--ia-pd"),
        ([*MAC, "--relay", "192.0.2.1"], 2, "--relay"),
        (["--packet", "01"], 1, "not a DHCPv6 message"),
    ],
)
def test_a_command_line_that_makes_no_sense(config, words, status, says):
    done = run("explain", config, *words)
    assert done.returncode == status
    assert says in done.stderr.replace("│", " ")


def test_a_configuration_is_checked(config, tmp_path):
    done = run("check", config)
    assert (done.returncode, done.stdout) == (0, f"{config}: no problems (2 subnets, 1 reservation)\n")
    wrong = tmp_path / "wrong.conf"
    wrong.write_text('{"Dhcp6": {"subnet6": [{"id": 1, "subnet": "192.0.2.0/24"}], "mac-surces": []}}')
    done = run("check", wrong)
    assert done.returncode == 78
    assert "192.0.2.0" in done.stdout
    assert "mac-sources" in done.stdout
    here = tmp_path / "here.conf"
    here.write_text('{"Dhcp6": {"interfaces-config": {"interfaces": ["nosuch0"]}}}')
    done = run("check", here, "--here")
    assert done.returncode == 78
    assert "Dhcp6.interfaces-config.interfaces" in done.stdout
