"""The DHCPv6 program under Kea's name with real clients on a real link: leases, relays, addresses that come and go."""

import json
import signal
import subprocess
import sys
import time
from ipaddress import IPv6Address

import pytest

from dhcpkit.wire.dhcp6 import MessageType6, Packet6, Relay6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.options6 import CLIENT_ID, IA_NA, IAADDR, RELAY_MSG, SERVER_ID

pytestmark = pytest.mark.privileged

SERVER, SERVER_LINK_LOCAL = "2001:db8:77::1", "fe80::ff:fe00:1"
CLIENT_DUID = b"\0\3\0\1\2\0\0\0\0\x10"

# Sends datagrams from a port of eth0 and prints what answers each: its octets, source and source port; null for none.
ASK = """
import json, socket, sys, time
port, *asked = sys.argv[1:]
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 25, b"eth0")
s.bind(("::", int(port)))
index = socket.if_nametoindex("eth0")
found = []
for each in asked:
    to, payload, wait = each.split(",")
    scope = index if to.startswith(("fe80", "ff")) else 0
    s.settimeout(float(wait))
    for patience in range(200, -1, -1):  # until the link is up and has its address, of which the kernel takes its time
        try:
            s.sendto(bytes.fromhex(payload), (to, 547, 0, scope))
            break
        except OSError:
            if not patience:
                raise
            time.sleep(0.1)
    try:
        data, source = s.recvfrom(2000)
        found.append([data.hex(), source[0].partition("%")[0], source[1]])
    except TimeoutError:
        found.append(None)
print(json.dumps(found))
"""

# A relay agent in front of many clients, as for DHCPv4: every address that was acknowledged is printed in the end.
FLOOD = """
import json, select, socket, sys, time
from ipaddress import IPv6Address
from dhcpkit.testing.machine6 import Client6, bindings_of, message6
from dhcpkit.wire.dhcp6 import MessageType6, Packet6, Relay6
from dhcpkit.wire.options6 import SERVER_ID
me = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
me.setsockopt(socket.SOL_SOCKET, 25, b"eth0")
me.bind(("::", 547))
server = ("ff02::1:2", 547, 0, socket.if_nametoindex("eth0"))
link = IPv6Address("2001:db8:77::9")
def say(kind, number, bindings=(), server_id=None):
    client = Client6(b"\\0\\3\\0\\1\\2\\0" + number.to_bytes(4, "big"))
    message = Packet6.parse(message6(kind, client, bindings, xid=number, server_id=server_id))
    relay = Relay6(12, 0, link, IPv6Address("fe80::9"))
    me.sendto(bytes(Packet6(message.type, message.options, xid=number, relays=[relay])), server)
acked, client, going, quiet = {}, 0, True, time.monotonic()
for client in range(32):
    say(MessageType6.SOLICIT, client)
print("flooding", flush=True)
while going or time.monotonic() - quiet < 0.5:
    ready, _, _ = select.select([me, sys.stdin] if going else [me], [], [], 0.1)
    if sys.stdin in ready:
        going = False
        sys.stdin.readline()
    if me in ready:
        quiet = time.monotonic()
        packet = Packet6.parse(me.recv(2000))
        if packet.type == 2:
            say(MessageType6.REQUEST, packet.xid, bindings_of(packet), packet[SERVER_ID].octets)
        elif packet.type == 7:
            for each in bindings_of(packet):
                acked[str(IPv6Address(each.address))] = packet.xid
            if going:
                client += 1
                say(MessageType6.SOLICIT, client)
print(json.dumps(acked))
"""


def solicit(xid=1, relay=None, kind=MessageType6.SOLICIT, **options):
    fields = [(CLIENT_ID.code, CLIENT_DUID), (IA_NA.code, bytes(3) + b"\1" + bytes(8))]
    relays = [] if relay is None else [Relay6(12, 0, IPv6Address(relay), IPv6Address("fe80::9"), options.get("inside"))]
    return bytes(Packet6(kind, fields, xid=xid, relays=relays)).hex()


def ask(link, port, *asked):
    """What answers (destination, payload): packets with source address and port; None where nothing comes in time."""
    words = [f"{to},{payload},{wait}" for to, payload, wait in asked]
    found = json.loads(link.python("c", ASK, str(port), *words))
    return [None if each is None else (Packet6.parse(bytes.fromhex(each[0])), each[1], each[2]) for each in found]


def leased(packet):
    return str(packet[IA_NA].options[IAADDR].address)


def dhclient(link, folder, *words):
    script = folder / "script"
    script.write_text(
        f'#!/bin/sh\necho "$reason $new_ip6_address $new_ip6_prefix $new_dhcp6_name_servers" >> {folder}/events\n'
        'case $reason in BOUND6) [ -z "$new_ip6_address" ] ||'
        " ip -6 addr add $new_ip6_address/128 dev eth0 nodad;; esac\n"
    )
    script.chmod(0o755)
    common = ["-6", "-cf", "/dev/null", "-lf", str(folder / "l"), "-pf", str(folder / "p"), "-sf", str(script)]
    return ["dhclient", *common, *words, "eth0"]


@pytest.mark.needs("dhclient")
def test_dhclient_gets_renews_and_releases_an_address_and_a_prefix(link, running6, tmp_path):
    running6.write(**{"valid-lifetime": 30, "preferred-lifetime": 20, "renew-timer": 2, "rebind-timer": 15})
    running6.start()
    client = link.start("c", *dhclient(link, tmp_path, "-d", "-N", "-P"), log=tmp_path / "dhclient.log")
    running6.wait_log("DHCP6_LEASE_RENEW")
    running6.wait_log("DHCP6_PD_LEASE_RENEW")
    events = (tmp_path / "events").read_text()
    assert "BOUND6 2001:db8:77::1:0  2001:db8:77::53" in events
    assert "BOUND6  2001:db8:8000::/56" in events
    rows = running6.rows()
    assert (rows["2001:db8:77::1:0"]["lease_type"], rows["2001:db8:77::1:0"]["prefix_len"]) == ("0", "128")
    assert (rows["2001:db8:8000::"]["lease_type"], rows["2001:db8:8000::"]["prefix_len"]) == ("2", "56")
    client.terminate()
    client.wait()
    link.run("c", *dhclient(link, tmp_path, "-r", "-N", "-P"), check=False)
    running6.wait_log("DHCP6_RELEASE_NA")
    running6.wait_log("DHCP6_RELEASE_PD")
    assert running6.stop() == 0
    assert {row["state"] for row in running6.rows().values()} == {"3"}, "kept for their client (Kea 3)"
    log = running6.text()
    assert log.index("DHCP6_STARTING") < log.index("DHCP6_STARTED") < log.index("DHCP6_SHUTDOWN")
    assert "[kea-dhcp6.leases/" in log


@pytest.mark.needs("dhclient")
def test_dhclient_gets_options_alone(link, running6, tmp_path):
    running6.start()
    link.run("c", *dhclient(link, tmp_path, "-1", "-S", "-v"))
    assert "2001:db8:77::53" in (tmp_path / "events").read_text()
    assert running6.rows() == {}
    assert running6.stop() == 0


def test_answers_leave_as_clients_and_relays_expect_them(link, running6):
    """From a link-local address to a client, from the address that was asked to a relay, to the port it listens on."""
    link.ip("s", "addr", "add", f"{SERVER}/64", "dev", "eth0", "nodad")
    link.ip("c", "addr", "add", "2001:db8:77::9/64", "dev", "eth0", "nodad")
    running6.write(**{"interfaces-config": {"interfaces": ["eth0", f"eth0/{SERVER}"]}})
    running6.start()
    [(advertise, source, port)] = ask(link, 546, ("ff02::1:2", solicit(), 10))
    assert (advertise.type, leased(advertise)) == (MessageType6.ADVERTISE, "2001:db8:77::1:0")
    assert (source, port) == (SERVER_LINK_LOCAL, 547)
    relayed = solicit(relay="2001:db8:77::9")
    for to, expected in ((SERVER, SERVER), ("ff05::1:3", SERVER), (SERVER_LINK_LOCAL, SERVER_LINK_LOCAL)):
        [(reply, source, port)] = ask(link, 547, (to, relayed, 10))
        assert [relay.type for relay in reply.relays] == [MessageType6.RELAY_REPL]
        assert RELAY_MSG in reply.relays[0]
        assert (source, port) == (expected, 547)
    elsewhere = solicit(relay="2001:db8:77::9", inside={135: b"\0\0"})
    [(reply, _, _)] = ask(link, 12345, (SERVER, elsewhere, 10))
    assert leased(reply).startswith("2001:db8:77::1:")
    assert running6.stop() == 0


def test_a_client_that_does_not_ask_a_group_is_not_answered(link, running6):
    """RFC 8415 16.2; the message that is sent to the group afterwards shows that the server is there."""
    running6.start()
    silence, answer = ask(link, 546, (SERVER_LINK_LOCAL, solicit(1), 1), ("ff02::1:2", solicit(2), 10))
    assert silence is None
    assert answer is not None
    assert running6.stop() == 0


def start_flood(link):
    words = ["ip", "netns", "exec", link.names["c"], sys.executable, "-c", FLOOD]
    flood = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    link.processes.append(flood)
    assert flood.stdout.readline() == "flooding\n"
    return flood


def acknowledged(flood):
    found, _ = flood.communicate("enough\n", timeout=20)
    return json.loads(found)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_survives_the_end_of_the_server(link, running6, how):
    running6.write(subnet6=[{**running6.settings["subnet6"][0], "interface": "", "pd-pools": []}])
    running6.start()
    flood = start_flood(link)
    running6.wait_log("DHCP6_LEASE_ALLOC", 300)
    running6.signal(how)
    running6.process.wait(20)
    acked = acknowledged(flood)
    assert len(acked) >= 200
    rows = running6.rows()
    missing = [address for address in acked if address not in rows]
    assert missing == []
    for address, number in acked.items():
        assert rows[address]["duid"].endswith(number.to_bytes(4, "big").hex(":"))
    running6.start(wait="")
    running6.wait_log("DHCP6_STARTED", 2)
    assert f"{len(rows)} leases loaded" in running6.text()
    [(again, _, _)] = ask(link, 546, ("ff02::1:2", solicit(), 10)) if how == signal.SIGKILL else [(None, 0, 0)]
    assert again is None or not list(again.all(IA_NA)[0].options.all(IAADDR)), "no interface, no relay: no subnet"
    assert running6.stop() == 0


def test_reload_and_rollback(link, running6):
    running6.start()
    [(before, _, _)] = ask(link, 546, ("ff02::1:2", solicit(), 10))
    assert leased(before) == "2001:db8:77::1:0"
    subnet = {**running6.settings["subnet6"][0], "pools": [{"pool": "2001:db8:77::5:5 - 2001:db8:77::5:9"}]}
    running6.write(subnet6=[subnet])
    running6.signal(signal.SIGHUP)
    running6.wait_log("DHCP6_DYNAMIC_RECONFIGURATION_SUCCESS")
    [(after, _, _)] = ask(link, 546, ("ff02::1:2", solicit(), 10))
    assert leased(after) == "2001:db8:77::5:5"
    assert after[SERVER_ID] == before[SERVER_ID]
    running6.write(subnet6=[{**subnet, "subnet": "nonsense"}])
    running6.signal(signal.SIGHUP)
    running6.wait_log("DHCP6_DYNAMIC_RECONFIGURATION_FAIL")
    [(still, _, _)] = ask(link, 546, ("ff02::1:2", solicit(), 10))
    assert leased(still).startswith("2001:db8:77::5:")
    running6.write(**{"server-id": {"identifier": "xyz"}})
    running6.signal(signal.SIGHUP)
    running6.wait_log("DHCP6_DYNAMIC_RECONFIGURATION_FAIL", 2)
    assert running6.stop() == 0


def answered(link):
    """The answer to a Solicit: a link that has just come up may lose the first ones, as clients know."""
    for _ in range(6):
        [found] = ask(link, 546, ("ff02::1:2", solicit(), 5))
        if found is not None:
            return found[0]
    raise AssertionError("nobody answers")


def test_the_server_keeps_its_name(link, running6):
    running6.start()
    first = answered(link)
    assert running6.stop() == 0
    kept = (running6.folder / "kea-dhcp6-serverid").read_text()
    assert kept == str(first[SERVER_ID])
    assert first[SERVER_ID].link_layer == bytes.fromhex("020000000001")
    link.ip("s", "link", "set", "eth0", "down")
    link.ip("s", "link", "set", "eth0", "address", "02:00:00:00:00:77")
    link.ip("s", "link", "set", "eth0", "up")
    running6.start(wait="")
    running6.wait_log("DHCP6_STARTED", 2)
    second = answered(link)
    assert second[SERVER_ID] == first[SERVER_ID], "other hardware, the same server"
    assert f"server is using server-id {kept} and stores in the file" in running6.text()
    assert running6.stop() == 0
    running6.write(**{"server-id": {"type": "EN", "enterprise-id": 9, "identifier": "0102", "persist": False}})
    running6.start(wait="")
    running6.wait_log("DHCP6_STARTED", 3)
    third = answered(link)
    assert third[SERVER_ID] == Duid(b"\0\2\0\0\0\x09\1\2")
    assert (running6.folder / "kea-dhcp6-serverid").read_text() == kept
    assert running6.stop() == 0


def served(link, to="ff02::1:2", *, port=546, relay=None):
    """Asks again and again until there is an answer."""
    end = time.monotonic() + 40
    while time.monotonic() < end:
        [found] = ask(link, port, (to, solicit(relay=relay), 0.5))
        if found is not None:
            return found[0]
    return pytest.fail(f"nobody answers at {to}")


def test_an_address_that_is_still_tested_is_served_afterwards(link, running6):
    link.ip("s", "link", "set", "eth0", "down")
    link.sysctl("s", "net/ipv6/conf/eth0/accept_dad", 1)
    link.sysctl("s", "net/ipv6/conf/eth0/dad_transmits", 10)  # ten seconds, long after the start
    link.ip("s", "link", "set", "eth0", "up")
    running6.start()
    running6.wait_log("no usable link-local IPv6 address: it is still tentative")
    assert leased(served(link)) == "2001:db8:77::1:0"
    assert running6.stop() == 0


def test_interfaces_and_addresses_come_and_go(link, running6):
    link.ip("s", "link", "set", "eth0", "down")
    link.ip("c", "addr", "add", "2001:db8:77::9/64", "dev", "eth0", "nodad")
    running6.write(**{"interfaces-config": {"interfaces": ["eth0", f"eth0/{SERVER}"]}})
    running6.start()
    assert "DHCPSRV_NO_SOCKETS_OPEN" in running6.text()
    link.ip("s", "link", "set", "eth0", "up")
    served(link)
    link.ip("s", "addr", "add", f"{SERVER}/64", "dev", "eth0", "nodad")
    served(link, SERVER, port=547, relay="2001:db8:77::9")
    link.ip("s", "addr", "del", f"{SERVER}/64", "dev", "eth0")
    running6.wait_log(f"interface 'eth0' doesn't have address '{SERVER}' assigned", 2)
    link.ip("s", "addr", "add", f"{SERVER}/64", "dev", "eth0", "nodad")
    served(link, SERVER, port=547, relay="2001:db8:77::9")
    served(link)
    assert running6.stop() == 0


def test_a_second_server_for_the_same_file_is_refused(link, running6):
    running6.start()
    first = running6.process
    assert running6.start(wait="").wait(20) == 1
    assert "DHCP6_ALREADY_RUNNING kea-dhcp6 already running?" in running6.text()
    running6.process = first
    assert (running6.folder / "kea.kea-dhcp6.pid").read_text() == f"{first.pid}\n"
    assert running6.stop() == 0


def test_a_port_in_use_is_told_and_served_once_it_is_free(link, running6):
    code = "import socket, sys; s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(('::', 547)); input()"
    words = ["ip", "netns", "exec", link.names["s"], sys.executable, "-c", code]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as holder:
        running6.write(
            **{
                "interfaces-config": {
                    "interfaces": ["eth0"],
                    "service-sockets-max-retries": 1000,
                    "service-sockets-retry-wait-time": 50,
                }
            }
        )
        time.sleep(0.3)
        running6.start()
        assert "the port is in use by python" in running6.text()
        assert f"(process {holder.pid})" in running6.text()
        holder.communicate(b"\n")
    assert leased(served(link)) == "2001:db8:77::1:0"
    assert running6.stop() == 0


@pytest.mark.parametrize("text", ["{", '{"Dhcp6": {"foo": 1}}', '{"Dhcp4": {}}'])
def test_a_configuration_that_cannot_be_served_ends_the_program(link, running6, text):
    running6.config.write_text(text)
    assert running6.start(wait="").wait(20) == 1
    assert "DHCP6_CONFIG_LOAD_FAIL" in running6.text()
    assert "DHCP6_INIT_FAIL" in running6.text()


def test_a_server_without_a_name_does_not_start(link, running6):
    link.ip("s", "link", "del", "eth0")
    running6.write(**{"interfaces-config": {"interfaces": []}})
    assert running6.start(wait="").wait(20) == 1
    assert "DHCP6_INIT_FAIL" in running6.text()
    assert "unable to find suitable interface for generating a DUID-LLT" in running6.text()


@pytest.mark.needs("perfdhcp")
def test_perfdhcp_sees_no_drops(link, running6):
    running6.start()
    words = ("perfdhcp", "-6", "-e", "address-and-prefix", "-r", "50", "-R", "1000", "-p", "2", "-W", "500000")
    ran = link.run("c", *words, "-l", "eth0", "all", check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert running6.stop() == 0
