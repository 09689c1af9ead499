"""Capture files: every link type and file format that tcpdump writes for DHCP, and damaged files."""

import gzip
import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.wire import WireError
from dhcpkit.wire.capture import Datagram, is_capture, read_capture, write_capture

PAYLOAD = b"\1\1\6\0payload"
MACS = b"\xff" * 6 + b"\2\0\0\0\0\1"
UDP = struct.pack(">HHHH", 68, 67, 8 + len(PAYLOAD), 0) + PAYLOAD
IP = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(UDP), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4) + UDP
IP6 = struct.pack(">IHBB16s16s", 0x60000000, len(UDP), 17, 64, bytes(15) + b"\1", bytes(15) + b"\2") + UDP
COOKED = b"\0\4\0\1\0\6\2\0\0\0\0\1\0\0"
COOKED2 = b"\0\0\0\0\0\1\0\1\4\6\2\0\0\0\0\1\0\0"

LINKS = {
    "ethernet": (1, MACS + b"\x08\0" + IP, True),
    "vlan": (1, MACS + b"\x81\0\0\5\x08\0" + IP, True),
    "two vlans": (1, MACS + b"\x88\xa8\0\5\x81\0\0\6\x08\0" + IP, True),
    "cooked": (113, COOKED + b"\x08\0" + IP, True),
    "cooked vlan": (113, COOKED + b"\x81\0\0\5\x08\0" + IP, True),
    "cooked 2": (276, b"\x08\0" + COOKED2 + IP, True),
    "cooked 2 vlan": (276, b"\x81\0" + COOKED2 + b"\0\5\x08\0" + IP, True),
    "raw": (101, IP, False),
    "raw of BSD": (12, IP, False),
    "IPv4": (228, IP, False),
    "loopback": (0, b"\2\0\0\0" + IP, False),
    "padded": (1, MACS + b"\x08\0" + IP + bytes(20), True),
}


def pcap(link, *frames, order="<", magic=0xA1B2C3D4, fraction=500_000):
    header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    return header + b"".join(struct.pack(order + "IIII", 7, fraction, len(f), len(f)) + f for f in frames)


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))


def pcapng(link, *frames, order="<", resolution=b"", units=1_000_000):
    data = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    data += block(order, 1, struct.pack(order + "HHI", link, 0, 0) + resolution)
    for frame in frames:
        time = int(7.5 * units)
        head = struct.pack(order + "IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        data += block(order, 6, head + frame + bytes(-len(frame) % 4))
    return data


@pytest.mark.parametrize("write", [pcap, pcapng])
@pytest.mark.parametrize("name", LINKS)
def test_every_link_type(write, name):
    link, frame, has_mac = LINKS[name]
    (datagram,) = read_capture(write(link, frame))
    assert datagram == Datagram(
        7.5, IPv4Address(0), 68, IPv4Address("255.255.255.255"), 67, PAYLOAD,
        b"\2\0\0\0\0\1" if has_mac else b"", datagram.destination_mac,
    )  # fmt: skip
    assert datagram.destination_mac in (b"", MACS[:6])


def test_ipv6():
    hop_by_hop = struct.pack(">BB6x", 17, 0)
    extended = IP6[:6] + b"\0" + IP6[7:40] + hop_by_hop + UDP
    for packet in (IP6, extended):
        (datagram,) = read_capture(pcap(1, MACS + b"\x86\xdd" + packet))
        assert (datagram.source, datagram.destination) == (IPv6Address("::1"), IPv6Address("::2"))
        assert datagram.payload == PAYLOAD
        with pytest.raises(ValueError, match="not an IPv4 address"):
            datagram.arrival()
        arrival = datagram.arrival6("eth0")
        assert (arrival.interface, arrival.source, arrival.port, arrival.local) == ("eth0", 1, 68, 2)
        assert not arrival.multicast


@pytest.mark.parametrize("order", "<>")
def test_byte_orders_and_resolutions(order):
    frame = LINKS["ethernet"][1]
    nano = struct.pack(order + "HHB3x", 9, 1, 9)
    binary = struct.pack(order + "HHB3x", 9, 1, 0x80 | 10)
    files = [
        pcap(1, frame, order=order),
        pcap(1, frame, order=order, magic=0xA1B23C4D, fraction=500_000_000),
        pcapng(1, frame, order=order),
        pcapng(1, frame, order=order, resolution=nano, units=10**9),
        pcapng(1, frame, order=order, resolution=binary, units=1024),
        pcapng(1, frame, order=order) + pcapng(1, frame, order="<" if order == ">" else ">"),
    ]
    for data in files:
        assert is_capture(data)
        assert {datagram.time for datagram in read_capture(data)} == {7.5}


def test_simple_blocks_have_no_time():
    data = pcapng(1)
    frame = LINKS["ethernet"][1]
    data += block("<", 3, struct.pack("<I", len(frame)) + frame)
    (datagram,) = read_capture(data)
    assert (datagram.time, datagram.payload) == (0.0, PAYLOAD)


def test_arrival():
    (broadcast,) = read_capture(pcap(1, LINKS["ethernet"][1]))
    arrival = broadcast.arrival("eth0")
    assert (arrival.interface, arrival.broadcast, arrival.local, arrival.port) == ("eth0", True, 0, 68)
    unicast = IP[:16] + b"\x0a\0\0\1" + IP[20:]
    (datagram,) = read_capture(pcap(101, unicast))
    assert (datagram.arrival().broadcast, datagram.arrival().local) == (False, 0x0A000001)
    with pytest.raises(ValueError, match="not an IPv6 address"):
        datagram.arrival6()
    group = Datagram(0.0, IPv6Address("fe80::1"), 546, IPv6Address("ff02::1:2"), 547, b"")
    assert group.arrival6().multicast


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        MACS + b"\x08\x06" + bytes(28),  # ARP
        MACS + b"\x08\0" + IP[:9] + b"\6" + IP[10:],  # TCP
        MACS + b"\x08\0" + IP[:6] + b"\x20\0" + IP[8:],  # a first fragment
        MACS + b"\x08\0" + IP[:6] + b"\0\5" + IP[8:],  # a later one
        MACS + b"\x08\0" + b"\x44" + IP[1:],  # a header too short to be one
        MACS + b"\x08\0" + IP[:24],
        MACS + b"\x08\0" + IP[:24] + b"\0\3" + IP[26:],  # a UDP length too short for its header
        MACS + b"\x81\0\0\1" * 9 + b"\x08\0" + IP,
        MACS + b"\x86\xdd" + IP6[:30],
        MACS + b"\x86\xdd" + IP6[:6] + b"\x3a" + IP6[7:],
    ],
)
def test_what_is_no_udp_datagram_is_passed_over(frame):
    assert len(list(read_capture(pcap(1, frame, LINKS["ethernet"][1])))) == 1


def test_links_that_are_not_known_are_passed_over():
    assert list(read_capture(pcap(147, LINKS["ethernet"][1]))) == []


def test_a_payload_cut_off_by_the_capture():
    (datagram,) = read_capture(pcap(1, LINKS["ethernet"][1][:-4]))
    assert datagram.payload == PAYLOAD[:-4]
    assert datagram.missing == 4


@pytest.mark.parametrize("write", [pcap, pcapng])
@pytest.mark.parametrize("lost", [1, 20, 60])
def test_what_came_before_the_damage_is_given_out(write, lost):
    frame = LINKS["ethernet"][1]
    found = read_capture(write(1, frame, frame)[:-lost])
    assert next(found).payload == PAYLOAD
    with pytest.raises(WireError, match="cut off"):
        next(found)


def compressed(data):
    """One gzip file, and one of two members."""
    return [gzip.compress(data, mtime=0), gzip.compress(data[:50], mtime=0) + gzip.compress(data[50:], mtime=0)]


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_compressed_files(write):
    data = write(1, LINKS["ethernet"][1], LINKS["vlan"][1])
    for packed in compressed(data):
        assert is_capture(packed)
        assert list(read_capture(packed)) == list(read_capture(data))
    assert not is_capture(gzip.compress(b"text"))
    assert not is_capture(b"\x1f\x8bnothing")


@pytest.mark.parametrize("lost", [1, 5, 8])
def test_a_compressed_file_cut_off_gives_out_what_is_there(lost):
    data = pcap(1, *[LINKS["ethernet"][1]] * 3)
    found = read_capture(gzip.compress(data)[:-lost])
    assert next(found).payload == PAYLOAD
    with pytest.raises(WireError, match="the compressed file is cut off"):
        list(found)


def test_a_compressed_file_that_is_damaged():
    data = gzip.compress(pcap(1, *[LINKS["ethernet"][1]] * 3))
    found = read_capture(data[:-8] + bytes(8))
    with pytest.raises(WireError, match="the compressed file is damaged"):
        list(found)


def test_a_compressed_file_that_only_fills_memory(monkeypatch):
    monkeypatch.setattr("dhcpkit.wire.capture.UNPACKED_MAX", 1000)
    with pytest.raises(WireError, match="more than 1000 octets"):
        list(read_capture(gzip.compress(bytes(100_000))))


MAC = st.binary(min_size=6, max_size=6)


@st.composite
def datagrams(draw, macs):
    address = draw(st.sampled_from([st.ip_addresses(v=4), st.ip_addresses(v=6)]))
    return Datagram(
        draw(st.integers(0, 2**32 * 10**6 - 1)) / 1e6,
        draw(address),
        draw(st.integers(0, 65535)),
        draw(address),
        draw(st.integers(0, 65535)),
        draw(st.binary(max_size=40)),
        *((draw(MAC), draw(MAC)) if macs else ()),
    )


@given(st.booleans().flatmap(lambda macs: st.lists(datagrams(macs), max_size=4)))
def test_what_is_written_is_read(found):
    assert list(read_capture(write_capture(found))) == found


V4, V6 = IPv4Address("10.0.0.1"), IPv6Address("fe80::1")


@pytest.mark.parametrize(
    ("datagram", "told"),
    [
        (Datagram(0.0, V4, 68, V6, 67, b""), "two families"),
        (Datagram(0.0, V4, 68, V4, 67, bytes(65508)), "cannot have 65508 octets"),
        (Datagram(0.0, V6, 68, V6, 67, bytes(65528)), "cannot have 65528 octets"),
        (Datagram(-1.0, V6, 68, V6, 67, b""), "cannot tell the time"),
        (Datagram(0.0, V6, 68, V6, 67, b"", bytes(7)), "has 6 octets"),
    ],
)
def test_what_has_no_form(datagram, told):
    with pytest.raises(ValueError, match=told):
        write_capture([datagram])


def test_the_longest_datagrams():
    longest = [Datagram(0.0, V4, 68, V4, 67, bytes(65507)), Datagram(0.0, V6, 68, V6, 67, bytes(65527))]
    assert list(read_capture(write_capture(longest))) == longest


def test_checksums_are_those_of_the_rfcs():
    (frame,) = [write_capture([Datagram(0.0, V4, 68, V4, 67, b"abc")])[40:]]
    assert ones(frame[:20]) == 0xFFFF
    pseudo = frame[12:20] + b"\0\x11" + frame[24:26]
    assert ones(pseudo + frame[20:] + b"\0") == 0xFFFF


def test_a_checksum_of_zero_is_told_from_none():
    """RFC 768: computed as zero, it is sent as all ones, since zero says that there is none."""
    empty = write_capture([Datagram(0.0, V4, 68, V4, 67, b"\0\0")])
    payload = empty[-4:-2]  # behind the UDP header's other fields: what makes the sum come out
    assert write_capture([Datagram(0.0, V4, 68, V4, 67, payload)])[-4:-2] == b"\xff\xff"


def ones(octets):
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    return (total & 0xFFFF) + (total >> 16)


@st.composite
def damaged(draw):
    """Captures with some octets changed, lost or put in, compressed before or after, or not at all."""
    write = draw(st.sampled_from([pcap, pcapng]))
    data = write(1, *(frame for link, frame, _ in LINKS.values() if link == 1))
    packed = draw(st.booleans())
    if packed:
        data = gzip.compress(data, mtime=0)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=6)) + data[at + draw(st.integers(0, 8)) :]
    return data if packed or draw(st.booleans()) else gzip.compress(data, mtime=0)


@given(st.one_of(st.binary(max_size=80), damaged()))
def test_nothing_but_wire_error_leaves_the_reader(data):
    is_capture(data)
    try:
        found = list(read_capture(data))
    except WireError:
        return
    assert all(isinstance(datagram.payload, bytes) for datagram in found)
