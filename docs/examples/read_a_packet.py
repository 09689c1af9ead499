"""Reads a DHCPDISCOVER, changes it, and writes it again."""

from dhcpkit.wire import Packet4
from dhcpkit.wire.options4 import DHCP_PARAMETER_REQUEST_LIST, HOST_NAME, ROUTERS

DATAGRAM = bytes.fromhex(
    "01010600 6c0ec575 00008000 00000000 00000000 00000000 00000000 020002000001"
    + "00" * 202
    + "63825363 350101 0c036c6162 3704 01 03 06 0f ff"
)

packet = Packet4.parse(DATAGRAM)
assert packet.chaddr.hex(":") == "02:00:02:00:00:01"
assert packet[HOST_NAME] == "lab"
assert packet[DHCP_PARAMETER_REQUEST_LIST] == (1, 3, 6, 15)
assert packet.get(ROUTERS) is None
assert bytes(packet) == DATAGRAM

packet[HOST_NAME] = "attic"
assert Packet4.parse(bytes(packet))[HOST_NAME] == "attic"
