"""Writes down what real Kea tells its DDNS server in the conversations of name_cases.py, as the tests replay it.

    DHCPKIT_KEA_ROOT=/where/another/kea/is python tests/kea/record_names.py 6 tests/vectors/names6-30.json

It needs root, for namespaces. All conversations go on at once, step by step, so that waiting takes little time.
"""

import importlib.util
import json
import os
import socket
import struct
import sys
import tempfile
import time
from collections import defaultdict
from ipaddress import IPv4Address
from pathlib import Path

from dhcpkit.testing.machine6 import Client6, message6
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import MessageType, Packet4
from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.nested6 import options_octets6


def sibling(name):
    spec = importlib.util.spec_from_file_location(f"kea_{name}", Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


real_kea, cases = sibling("real_kea"), sibling("name_cases")
PROBE_XID = 0xABCDEF
IDLE = ("pause", "wait")  # pauses first: leases are not looked for in them
LOOKS = 8  # probes after each message: Kea sends one request each time that it looks at its sockets


def process_config(family, folder):
    address = real_kea.SERVER4 if family == 4 else real_kea.SERVER6
    own = {
        "interfaces-config": {"interfaces": [f"eth0/{address}"] if family == 4 else ["eth0"]},
        "lease-database": {"type": "memfile", "persist": False},
        "control-socket": {"socket-type": "unix", "socket-name": str(folder / "control")},
        "loggers": [{"name": f"kea-dhcp{family}", "output_options": [{"output": "stdout"}], "severity": "WARN"}],
        "multi-threading": {"enable-multi-threading": False},
    }
    if family == 4:
        own["interfaces-config"]["dhcp-socket-type"] = "udp"
    else:
        own["interfaces-config"]["interfaces"] = [f"eth0/{address}"]
        own["server-id"] = {"type": "LL", "htype": 1, "identifier": cases.SERVER_DUID[4:].hex(), "persist": False}
    version = real_kea.version(family)
    config = cases.config(family, version)
    if version < (3,):
        del config["cache-threshold"]  # which is 0 where nobody says it
    return {f"Dhcp{family}": config | own}


def send4(sock, data):
    source = IPv4Address(data[24:28])
    info = struct.pack("I4s4s", 0, source.packed, bytes(4))
    sock.sendmsg([data], [(socket.IPPROTO_IP, real_kea.IP_PKTINFO, info)], 0, (real_kea.SERVER4, 67))


def send6(sock, data):
    sock.sendto(data, (real_kea.SERVER6, 547))


def probe(family):
    if family == 4:
        own = {"chaddr": b"\2probe", "giaddr": IPv4Address("10.255.0.1"), "hops": 1}
        return build_packet4(MessageType.INFORM, {}, xid=PROBE_XID, **own)
    data = message6(MessageType6.INFORMATION_REQUEST, Client6(b"\0\3\0\1\2probe"), xid=PROBE_XID, empty=False)
    return bytes((12, 0)) + bytes(32) + options_octets6([(9, data)])


def record(family, kea):
    """What is said and told, in each part of the conversations between two times of waiting: they wait together."""
    send = send4 if family == 4 else send6
    asking = probe(family)
    mark = PROBE_XID.to_bytes(4 if family == 4 else 3, "big")
    is_probe = (lambda got: got[4:8] == mark) if family == 4 else (lambda got: b"\x07" + mark in got)
    talks = list(cases.numbered(cases.talks(family)))
    found = [{"link": talk.link, "about": talk.about, "exchanges": []} for talk, _ in talks]
    whose = {}
    for at, (talk, number) in enumerate(talks):
        whose |= dict.fromkeys(cases.addresses_of(family, talk, number), at)
    late = defaultdict(list)

    def look(at):
        """What Kea has told; what is not about the conversation at hand is from what ended of itself."""
        mine = []
        for _ in range(LOOKS):
            kea.exchange(lambda: send(kea.sockets[0], asking), is_probe, patient=False)
            for data, _, _ in real_kea.drain(kea.dns):
                told = json.loads(data[2:])
                owner = whose.get(told["ip-address"], at)
                (mine if owner == at else late[owner]).append(told)
        return mine

    xid = 0
    left = [list(talk.steps) for talk, _ in talks]
    while any(left):
        for at, (talk, number) in enumerate(talks):
            while left[at] and left[at][0].what not in IDLE:
                step = left[at].pop(0)
                xid += 1
                data = cases.message_of(family, talk, number, step, xid)

                def both(data=data):
                    send(kea.sockets[0], data)
                    send(kea.sockets[0], asking)

                answers = kea.exchange(both, is_probe, patient=family == 6 or step.what not in {"release", "decline"})
                answer = answered(family, answers[0][0] if answers else None)
                sent = data.hex().replace(cases.EMPTY, "~")
                found[at]["exchanges"].append({"sent": sent, "answer": answer, "names": look(at)})
        time.sleep(cases.WAIT)
        kind = next(kind for kind in IDLE if any(steps and steps[0].what == kind for steps in left) or kind == "wait")
        if kind == "wait":
            kea.ask("leases-reclaim", remove=False)
            while look(None):
                pass
        for at, steps in enumerate(left):
            if steps and steps[0].what == kind:
                steps.pop(0)
                found[at]["exchanges"].append({kind: cases.WAIT, "names": late.pop(at, [])})
    return found


def answered(family, data):
    """What an answer says of names; None for silence."""
    if data is None:
        return None
    packet = (Packet4 if family == 4 else Packet6).parse(data)
    options = packet.options if family == 4 else packet.options.first
    return {"type": packet.type} | {str(code): options[code].hex() for code in (12, 81, 39) if code in options}


def recording(place, family, folder):
    """What a Kea in this place tells, with its configuration."""
    kea = real_kea.Kea(place, family, process_config(family, folder), folder)
    try:
        kea.start()
        found = record(family, kea)
    finally:
        kea.close()
    config = cases.config(family, kea.version)
    return {"kea": ".".join(map(str, kea.version)), "config": {f"Dhcp{family}": config}, "talks": found}


def main():
    family, target = int(sys.argv[1]), Path(sys.argv[2])
    place = real_kea.Place(f"dhcpkit-names-{os.getpid()}-")
    try:
        place.up()
        with tempfile.TemporaryDirectory() as folder:
            written = recording(place, family, Path(folder))
    finally:
        place.down()
    text = json.dumps(written, separators=(",", ":"))
    target.write_text(text.replace('{"link"', '\n{"link"').replace('{"sent"', '\n {"sent"') + "\n")


if __name__ == "__main__":
    main()
