"""Parses a relayed DHCPv6 message, looks at it from several sides, and finds everything that is wrong with another."""

from ipaddress import IPv6Address

from dhcpkit.wire import Packet6, WireError, problems, to_json
from dhcpkit.wire.options6 import CLIENT_ID, IA_NA, IAADDR, INTERFACE_ID, ORO

DATAGRAM = bytes.fromhex(
    "0c 00 20010db8000000000000000000000001 fe80000000000000000000fffe000010"  # a relay's header
    "0012 0004 65746830"  # its interface
    "0009 0044 01 2f46e5"  # a Solicit in it
    "0001 000a 00030001020000000010"
    "0003 0028 00000010 00000000 00000000"
    "0005 0018 20010db8005300000000000000010000 00000000 00000000"
    "0006 0002 0017"
)

packet = Packet6.parse(DATAGRAM)
assert packet.xid == 0x2F46E5
assert packet.relays[0][INTERFACE_ID] == b"eth0"  # the relays around the message, outermost first
assert packet[CLIENT_ID].link_layer == bytes.fromhex("020000000010")
assert packet[ORO] == (23,)
assert packet[IA_NA].options[IAADDR].address == IPv6Address("2001:db8:53::1:0")  # options within an option
assert bytes(packet) == DATAGRAM

first = to_json(packet)["options"][0]
assert first["name"] == "clientid"

broken = Packet6.parse(DATAGRAM.replace(bytes.fromhex("00060002"), bytes.fromhex("00060001")))
assert broken[CLIENT_ID] == packet[CLIENT_ID]  # what is wrong elsewhere does not matter
try:
    broken[ORO]
except WireError as error:
    told = error
assert told.path[-1] == "oro (6)"  # and its message: octet 108: option relay-msg (9) > oro (6): ...
assert broken.data[told.offset : told.offset + 2] == b"\0\6"
assert len(problems(broken)) == 2  # the list of half a code, and the octet behind it
