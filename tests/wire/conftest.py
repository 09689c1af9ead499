"""What tests of several decoders read: every DHCP message that was recorded with real servers and clients."""

import gzip
import json

import pytest

from dhcpkit.wire.capture import read_capture

PORTS = {67: 4, 68: 4, 546: 6, 547: 6}


@pytest.fixture(scope="session")
def recorded(shared):
    """Family, octets and origin of every message in the captures, each message once; skips where there are none."""
    captures = shared / "kea" / "captures"
    found = {}
    for path in sorted(captures.rglob("traffic.pcap*")):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for datagram in read_capture(data):
            family = PORTS.get(datagram.dport) or PORTS.get(datagram.port)
            if family is not None:
                found.setdefault((family, datagram.payload), path.parent.name)
    for family in (4, 6):
        for line in (captures / f"raw-v{family}" / "vectors.jsonl").read_text().splitlines():
            vector = json.loads(line)
            for payload in (vector["sent"], *(reply["payload"] for reply in vector["replies"])):
                found.setdefault((family, bytes.fromhex(payload)), f"raw-v{family}: {vector['name']}")
    return [(family, payload, origin) for (family, payload), origin in found.items()]
