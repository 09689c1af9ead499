"""Builds both sides of an exchange, in either family, and an option of one's own."""

from ipaddress import IPv4Address, IPv6Address

from dhcpkit.wire import DHCP4, Duid, IdentityAssociation, LeasedAddress, Options6, Packet4, Space
from dhcpkit.wire.kinds import UINT16
from dhcpkit.wire.messages4 import ack4, discover4, offer4, request4
from dhcpkit.wire.messages6 import advertise6, relay_forward6, relay_reply6, solicit6
from dhcpkit.wire.options4 import ROUTERS
from dhcpkit.wire.options6 import IA_NA, IAADDR

# DHCPv4: what one side says follows from what the other has said.
discover = discover4(bytes.fromhex("020000000010"), {"host-name": "lab"}, xid=7)
offer = offer4(discover, IPv4Address("192.0.2.10"), server_id=IPv4Address("192.0.2.1"), lifetime=3600)
request = request4(offer)
ack = ack4(
    request,
    IPv4Address("192.0.2.10"),
    {ROUTERS: (IPv4Address("192.0.2.1"),)},
    server_id=IPv4Address("192.0.2.1"),
    lifetime=3600,
)
assert Packet4.parse(bytes(ack))[ROUTERS] == (IPv4Address("192.0.2.1"),)

# DHCPv6, through a relay agent: the answer goes back the same way.
client, server = Duid.of_link_layer(bytes.fromhex("020000000010")), Duid.of_link_layer(bytes.fromhex("020000000001"))
solicit = solicit6(client, {IA_NA: IdentityAssociation(16)}, xid=7, asks=[23])
relayed = relay_forward6(solicit, link=IPv6Address("2001:db8::1"), peer=IPv6Address("fe80::10"))
address = LeasedAddress(IPv6Address("2001:db8::10"), preferred=1800, valid=3600)
offered = IdentityAssociation(16, 900, 1440, Options6.of({IAADDR: address}))
advertise = advertise6(solicit, {IA_NA: offered}, server_id=server)
answer = relay_reply6(advertise, relayed)
assert answer.relays[0].peer == relayed.relays[0].peer
assert answer[IA_NA].options[IAADDR] == address

# An option of one's own is one line, and all there is to an option works for it.
MINE = Space("mine", extends=DHCP4)
FLOOR = MINE.define(224, "floor", UINT16)
discover[FLOOR] = 3
assert Packet4.parse(bytes(discover))[FLOOR] == 3
assert FLOOR.build_text("3") == b"\0\3"
