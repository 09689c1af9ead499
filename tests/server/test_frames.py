"""Frames survive being built and parsed, their checksums are right, and nothing else ever leaves the parser."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.server.frames import DROP_ALL, FrameError, FrameMaker, dhcp_filter, parse_frame

macs = st.binary(min_size=6, max_size=6)
addresses = st.integers(0, 2**32 - 1)
ports = st.integers(0, 65535)
payloads = st.binary(max_size=1500)


def ones_complement_sum(data):
    """RFC 1071, the plain way: 16-bit words, carries added back."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


ends = st.tuples(macs, addresses, ports)
CLIENT, SERVER = (b"\2" * 6, 1, 68), (b"\3" * 6, 2, 67)


def frame_of(source, destination, payload):
    return FrameMaker(*source).build(payload, *destination)


@given(ends, ends, payloads)
def test_what_is_built_is_parsed(source, destination, payload):
    found = parse_frame(frame_of(source, destination, payload))
    assert found.payload == payload
    assert (found.source_mac, found.source, found.source_port) == source
    assert (found.destination_mac, found.destination, found.port) == destination


@given(ends, ends, payloads)
def test_checksums_are_right(source, destination, payload):
    frame = frame_of(source, destination, payload)
    assert ones_complement_sum(frame[14:34]) == 0xFFFF
    pseudo = frame[26:34] + struct.pack(">HH", 17, len(payload) + 8)  # RFC 768
    assert ones_complement_sum(pseudo + frame[34:]) == 0xFFFF
    assert frame[40:42] != b"\0\0", "0 would say that there is no checksum"


@given(payloads, st.integers(0, 60), st.binary(max_size=40).map(lambda b: b[: len(b) // 4 * 4]))
def test_padding_and_ip_options_do_not_matter(payload, padding, options):
    frame = frame_of(CLIENT, SERVER, payload)
    header = bytearray(frame[14:34])
    header[0] = 0x40 | (5 + len(options) // 4)
    header[2:4] = (20 + len(options) + 8 + len(payload)).to_bytes(2, "big")
    changed = frame[:14] + bytes(header) + options + frame[34:] + bytes(padding)
    assert parse_frame(changed).payload == payload


@given(payloads, st.integers(0, 7))
def test_a_priority_tag_is_no_vlan(payload, priority):
    frame = frame_of(CLIENT, SERVER, payload)
    tagged = frame[:12] + b"\x81\x00" + struct.pack(">H", priority << 13) + frame[12:]
    assert parse_frame(tagged).payload == payload


@given(payloads, st.integers(1, 4095))
def test_a_frame_of_another_vlan_is_refused(payload, vlan):
    frame = frame_of(CLIENT, SERVER, payload)
    with pytest.raises(FrameError):
        parse_frame(frame[:12] + b"\x81\x00" + struct.pack(">H", vlan) + frame[12:])


@given(st.binary(max_size=100))
def test_any_octets_parse_or_are_refused(octets):
    with suppress(FrameError):
        parse_frame(octets)


@given(payloads, st.data())
def test_a_damaged_frame_parses_or_is_refused(payload, data):
    frame = bytearray(frame_of(CLIENT, SERVER, payload))
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(frame[: data.draw(st.integers(0, len(frame)))])
    try:
        found = parse_frame(cut)
    except FrameError:
        return
    assert found.payload in cut


def run(program, frame, *, packet_type=0, ifindex=1, vlan=None):
    """The kernel's machine for classic BPF, as far as these programs need it: what is let through."""
    ancillary = {4: packet_type, 8: ifindex, 44: vlan or 0, 48: int(vlan is not None)}
    accumulator = index = at = 0
    instructions = [struct.unpack_from("=HBBI", program, start) for start in range(0, len(program), 8)]
    for _ in range(len(instructions)):
        code, yes, no, operand = instructions[at]
        at += 1
        size = {0x20: 4, 0x28: 2, 0x30: 1, 0x48: 2}.get(code)
        if size is not None:
            where = operand + (index if code == 0x48 else 0)
            if operand >= 0xFFFFF000:
                accumulator = ancillary[operand - 0xFFFFF000]
            elif where + size > len(frame):
                return 0
            else:
                accumulator = int.from_bytes(frame[where : where + size], "big")
        elif code == 0xB1:
            index = (frame[operand] & 0xF) * 4
        elif code == 0x54:
            accumulator &= operand
        elif code in (0x15, 0x45):
            at += yes if (accumulator == operand if code == 0x15 else accumulator & operand) else no
        elif code == 0x06:
            return operand
        else:
            pytest.fail(f"no such instruction: {code:#x}")
    return pytest.fail("the program does not end")


FRAME = frame_of(CLIENT, SERVER, b"x" * 240)


def changed(at, value):
    return FRAME[:at] + bytes((value,)) + FRAME[at + 1 :]


@pytest.mark.parametrize(
    ("frame", "how", "passes"),
    [
        (FRAME, {}, True),
        (FRAME, {"packet_type": 1}, True),  # broadcast
        (FRAME, {"packet_type": 3}, False),  # to another host
        (FRAME, {"ifindex": 2}, False),  # received by a VLAN on top of the interface
        (FRAME, {"vlan": 0}, True),
        (FRAME, {"vlan": 0xE000}, True),
        (FRAME, {"vlan": 7}, False),
        (changed(13, 0x06), {}, False),  # ARP
        (changed(23, 6), {}, False),  # TCP
        (changed(20, 0x20), {}, False),  # more fragments
        (changed(21, 0x01), {}, False),  # a later fragment
        (changed(20, 0x40), {}, True),  # do not fragment
        (changed(37, 68), {}, False),  # another port
        (FRAME[:30], {}, False),
    ],
)
def test_the_filter(frame, how, passes):
    assert bool(run(dhcp_filter(67, 1), frame, **how)) is passes


@given(st.binary(max_size=80))
def test_the_filter_agrees_with_the_parser(octets):
    program = dhcp_filter(67, 1)
    try:
        found = parse_frame(octets)
    except FrameError:
        return
    tagged = octets[12:14] == b"\x81\x00"  # the kernel takes tags out before
    assert tagged or bool(run(program, octets)) is (found.port == 67)


def test_a_deaf_socket_hears_nothing():
    assert run(DROP_ALL, FRAME) == 0
