"""The program under Kea's name with real clients on a real link: leases, reload with rollback, stop, restart."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.privileged

# A relay agent in front of many clients: keeps 32 exchanges in progress until told to stop (its stdin closes), then
# waits for what is under way and prints every address that was acknowledged.
FLOOD = """
import json, select, socket, sys, time
server = sys.argv[1]
me = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
me.bind((sys.argv[2], 67))
giaddr = socket.inet_aton(sys.argv[2])
def message(kind, client, options=b""):
    header = b"\\1\\1\\6\\1" + client.to_bytes(4, "big") + bytes(16) + giaddr + b"\\2\\0" + client.to_bytes(4, "big")
    return header + bytes(202) + b"\\x63\\x82\\x53\\x63\\x35\\1" + bytes((kind,)) + options + b"\\xff"
acked, client, going, quiet = {}, 0, True, time.monotonic()
for client in range(32):
    me.sendto(message(1, client), (server, 67))
print("flooding", flush=True)
while going or time.monotonic() - quiet < 0.5:
    ready, _, _ = select.select([me, sys.stdin] if going else [me], [], [], 0.1)
    if sys.stdin in ready:
        going = False
        sys.stdin.readline()
    if me in ready:
        quiet = time.monotonic()
        data = me.recv(2000)
        kind, who, address = data[242], int.from_bytes(data[4:8], "big"), data[16:20]
        if kind == 2:
            me.sendto(message(3, who, b"\\x36\\4" + socket.inet_aton(server) + b"\\x32\\4" + address), (server, 67))
        elif kind == 5:
            acked[socket.inet_ntoa(address)] = who
            if going:
                client += 1
                me.sendto(message(1, client), (server, 67))
print(json.dumps(acked))
"""


def udhcpc(link, *words):
    return link.run(
        *("c", "busybox", "udhcpc", "-f", "-n", "-q", "-i", "eth0", "-s", "/bin/true", "-t", "5", "-T", "1", *words),
        check=False,
    )


def leased(text):
    """The address a client says it got."""
    return next(word for line in text.splitlines() if "lease of" in line for word in line.split() if word[:3] == "10.")


@pytest.mark.needs("busybox")
def test_a_client_without_an_address_gets_one(link, running):
    running.start()
    got = udhcpc(link)
    assert got.returncode == 0, got.stderr
    assert leased(got.stderr) == "10.77.1.0"
    row = running.rows()["10.77.1.0"]
    assert (row["hwaddr"], row["valid_lifetime"], row["subnet_id"], row["state"]) == (
        "02:00:00:00:00:10",
        "3600",
        "1",
        "0",
    )
    assert running.stop() == 0
    log = running.text()
    assert "DHCP4_LEASE_OFFER [hwtype=1 02:00:00:00:00:10]" in log
    assert "lease 10.77.1.0 has been allocated for 3600 seconds" in log
    assert log.index("DHCP4_STARTING") < log.index("DHCP4_STARTED") < log.index("DHCP4_SHUTDOWN")


@pytest.mark.needs("busybox")
def test_a_broadcast_flag_is_obeyed(link, running):
    running.start()
    assert leased(udhcpc(link, "-B").stderr) == "10.77.1.0"


# Sends datagrams in frames from eth0, one after the other, and prints the frame that answers each.
ASK = """
import json, socket, sys
from dhcpkit.server.frames import FrameMaker, parse_frame
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
s.bind(("eth0", 0x0800))
s.settimeout(10)
maker = FrameMaker(bytes.fromhex("020000000010"), 0, 68)
found = []
for payload in sys.argv[1:]:
    data = bytes.fromhex(payload)
    s.send(maker.build(data, b"\\xff" * 6, 0xFFFFFFFF, 67))
    while True:
        frame = s.recv(2000)
        if frame[6:12] == bytes.fromhex("020000000001") and frame[23] == 17:
            answer = parse_frame(frame)
            if answer.payload[4:8] == data[4:8]:
                break
    address = socket.inet_ntoa(answer.destination.to_bytes(4, "big"))
    found.append([answer.destination_mac.hex(":"), address, answer.port])
print(json.dumps(found))
"""


def test_a_frame_goes_to_the_station_that_asked(link, running):
    """Not to the hardware address in the message: a router on the way, for instance, is that station."""
    running.start()
    message = "01010600" + "0badcafe" + "00" * 20 + "02aa02aa02aa" + "00" * 202 + "63825363" + "350101ff"
    assert json.loads(link.python("c", ASK, message)) == [["02:00:00:00:00:10", "10.77.1.0", 68]]
    assert running.stop() == 0


def test_answers_are_addressed_as_recorded_from_kea(link, running, shared):
    """Frames go to the station that asked, whatever the message says; the IP destination follows the broadcast flag."""
    cases = [json.loads(line) for line in (shared / "kea/captures/raw-v4/vectors.jsonl").read_text().splitlines()]
    wanted = ("plain discover", "unicast flag, no ciaddr")
    cases = [case for case in cases if case["name"] in wanted]
    assert len(cases) == len(wanted)
    running.write()
    running.start()
    found = json.loads(link.python("c", ASK, *(case["sent"] for case in cases)))
    recorded = [case["replies"][0] for case in cases]
    assert [(mac, port) for mac, _, port in found] == [(reply["ethdst"], reply["dport"]) for reply in recorded]
    broadcast = [address == "255.255.255.255" for _, address, _ in found]
    assert broadcast == [reply["dst"] == "255.255.255.255" for reply in recorded]
    assert running.stop() == 0


@pytest.mark.needs("dhclient")
def test_dhclient_gets_renews_and_releases(link, running, tmp_path):
    running.write(**{"valid-lifetime": 20, "renew-timer": 2, "rebind-timer": 15})
    running.start()
    script = tmp_path / "script"
    script.write_text(
        '#!/bin/sh\necho "$reason $new_ip_address $new_routers" >> %s\n'
        'case $reason in BOUND) ip addr add "$new_ip_address/16" dev eth0;; esac\n' % (tmp_path / "events")
    )
    script.chmod(0o755)
    words = ["-4", "-d", "-cf", "/dev/null", "-lf", str(tmp_path / "l"), "-pf", str(tmp_path / "p"), "-sf", str(script)]
    client = link.start("c", "dhclient", *words, "eth0", log=tmp_path / "dhclient.log")
    running.wait_log("DHCP4_LEASE_ALLOC", 2)  # the second is a renewal: unicast, from a client with an address
    events = (tmp_path / "events").read_text()
    assert "BOUND 10.77.1.0 10.77.0.1" in events
    client.terminate()
    client.wait()
    link.run("c", "dhclient", *words, "-r", "eth0", check=False)
    running.wait_log("DHCP4_RELEASE")
    assert running.stop() == 0
    assert running.rows()["10.77.1.0"]["valid_lifetime"] == "0"


def start_flood(link, folder):
    link.ip("c", "addr", "add", "10.77.9.9/16", "dev", "eth0")
    words = ["ip", "netns", "exec", link.names["c"], sys.executable, "-c", FLOOD, "10.77.0.1", "10.77.9.9"]
    flood = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    link.processes.append(flood)
    assert flood.stdout.readline() == "flooding\n"
    return flood


def stop_flood(flood):
    out, _ = flood.communicate("\n")
    return json.loads(out)


WIDE = [{"id": 1, "subnet": "10.77.0.0/16", "pools": [{"pool": "10.77.16.0 - 10.77.250.255"}]}]
QUIET = [{"name": "kea-dhcp4", "severity": "WARN", "output-options": [{"output": "stdout"}]}]
ALSO_START = [{"name": "kea-dhcp4.dhcp4", "severity": "INFO"}, *QUIET]


@pytest.mark.parametrize("durability", ["fsync", "os"])
def test_a_stop_in_the_middle_of_a_flood_loses_nothing(link, running, durability):
    database = {**running.settings["lease-database"], "durability": durability}
    running.write(**{"subnet4": WIDE, "loggers": ALSO_START, "lease-database": database})
    running.start()
    flood = start_flood(link, running.folder)
    time.sleep(1)
    assert running.stop() == 0
    acked = stop_flood(flood)
    assert len(acked) > 100
    rows = running.rows()
    missing = [address for address in acked if address not in rows]
    assert not missing
    assert "Traceback" not in running.text()
    assert not list(running.folder.glob("*.pid"))


def test_a_kill_in_the_middle_of_a_flood_loses_no_acknowledged_lease(link, running):
    running.write(subnet4=WIDE, loggers=ALSO_START)
    running.start()
    flood = start_flood(link, running.folder)
    time.sleep(1)
    running.process.kill()
    running.process.wait()
    acked = stop_flood(flood)
    assert len(acked) > 100
    rows = running.rows()
    assert [address for address in acked if address not in rows] == []
    running.start(wait="")
    running.wait_log("DHCP4_STARTED", 2)
    assert running.stop() == 0


@pytest.mark.needs("busybox")
def test_reload(link, running):
    running.start()
    assert leased(udhcpc(link).stderr) == "10.77.1.0"
    other = [{"id": 1, "subnet": "10.77.0.0/16", "pools": [{"pool": "10.77.5.0 - 10.77.5.9"}]}]
    running.write(subnet4=other)
    running.signal(signal.SIGHUP)
    running.wait_log("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
    assert leased(udhcpc(link, "-C", "-x", "0x3d:01aabbccddeeff").stderr) == "10.77.5.0"
    for broken in (
        "{ this is no JSON",
        json.dumps({"Dhcp4": {**running.settings, "subnet4": [{"id": 1, "subnet": "x"}]}}),
    ):
        running.config.write_text(broken)
        failures = running.text().count("DHCP4_DYNAMIC_RECONFIGURATION_FAIL")
        running.signal(signal.SIGHUP)
        running.wait_log("DHCP4_DYNAMIC_RECONFIGURATION_FAIL", failures + 1)
        assert "DHCP4_CONFIG_LOAD_FAIL" in running.text()
        assert leased(udhcpc(link, "-C", "-x", "0x3d:01aabbccddeeff").stderr) == "10.77.5.0"
    assert running.stop() == 0


@pytest.mark.needs("busybox")
def test_reload_to_another_lease_file_and_back(link, running):
    running.start()
    assert leased(udhcpc(link).stderr) == "10.77.1.0"
    elsewhere = running.folder / "other.csv"
    running.write(**{"lease-database": {"type": "memfile", "name": str(elsewhere), "lfc-interval": 0}})
    running.signal(signal.SIGHUP)
    running.wait_log("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
    assert leased(udhcpc(link).stderr) == "10.77.1.0"
    assert "10.77.1.0" in elsewhere.read_text()
    running.write(**{"lease-database": {"type": "memfile", "name": "/proc/nowhere/leases", "lfc-interval": 0}})
    running.signal(signal.SIGHUP)
    running.wait_log("DHCP4_DYNAMIC_RECONFIGURATION_FAIL")
    assert leased(udhcpc(link, "-C", "-x", "0x3d:01aabbccddeeff").stderr) == "10.77.1.1", "the earlier file serves on"
    assert "01:aa:bb:cc:dd:ee:ff" in elsewhere.read_text()
    assert running.stop() == 0


@pytest.mark.needs("busybox")
def test_leases_survive_a_restart(link, running):
    running.start()
    first = leased(udhcpc(link).stderr)
    assert running.stop() == 0
    running.start(wait="")
    running.wait_log("DHCP4_STARTED", 2)
    assert leased(udhcpc(link).stderr) == first
    assert "1 leases loaded" in running.text()
    assert running.stop() == 0


def test_a_second_server_for_the_same_file_is_refused(link, running):
    running.start()
    first = running.process
    second = running.start(wait="")
    assert second.wait(20) == 1
    assert "DHCP4_ALREADY_RUNNING kea-dhcp4 already running?" in running.text()
    running.process = first
    assert running.stop() == 0


@pytest.mark.parametrize("text", [None, "{", '{"Dhcp4": {"foo": 1}}'])
def test_a_configuration_that_cannot_be_served_ends_the_program(link, running, text):
    if text is None:
        running.config = running.folder / "missing.conf"
        words = running.start
        running.write = lambda: None
        process = words(wait="")
    else:
        running.config.write_text(text)
        process = running.start(wait="")
    assert process.wait(20) == 1
    assert "DHCP4_CONFIG_LOAD_FAIL" in running.text()
    assert "DHCP4_INIT_FAIL" in running.text()
    assert not list(running.folder.glob("*.pid"))


def test_a_lease_file_that_cannot_be_used_ends_the_program(link, running):
    running.write(**{"lease-database": {"type": "memfile", "name": str(running.folder)}})
    process = running.start(wait="")
    assert process.wait(20) == 1
    assert "DHCP4_INIT_FAIL" in running.text()
    assert "Traceback" not in running.text()


@pytest.mark.needs("busybox")
def test_an_interface_that_comes_later_is_served(link, running):
    link.ip("s", "link", "set", "eth0", "down")
    running.start()
    assert "DHCPSRV_OPEN_SOCKET_FAIL failed to open socket: the interface eth0 is not running" in running.text()
    assert "DHCPSRV_NO_SOCKETS_OPEN" in running.text()
    link.ip("s", "link", "set", "eth0", "up")
    assert leased(udhcpc(link, "-t", "15").stderr) == "10.77.1.0"
    assert running.stop() == 0


@pytest.mark.needs("busybox")
def test_the_first_answer_comes_soon_and_memory_is_modest(link, running):
    """Not a judge of speed: bounds far above what is promised, so that only a mistake of a kind exceeds them."""
    began = time.monotonic()
    running.start()
    assert udhcpc(link).returncode == 0
    assert time.monotonic() - began < 10
    statm = Path(f"/proc/{running.process.pid}/statm").read_text()  # `ip netns exec` replaces itself by the program
    resident = int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert resident < 60e6
    assert running.stop() == 0


@pytest.mark.needs("perfdhcp")
def test_perfdhcp_sees_no_drops(link, running):
    running.write(subnet4=WIDE, loggers=ALSO_START)
    running.start()
    link.ip("c", "addr", "add", "10.77.9.9/16", "dev", "eth0")
    words = ("perfdhcp", "-4", "-r", "50", "-R", "1000", "-p", "2", "-W", "500000", "-B", "-l", "eth0")
    ran = link.run("c", *words, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert running.stop() == 0
