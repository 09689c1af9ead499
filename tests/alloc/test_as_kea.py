"""What random conversations with real Kea have shown to be different here, each as a plain test."""

from ipaddress import IPv4Address, IPv6Address

import attrs

from dhcpkit.alloc import Host, Network, Pool4, Subnet4
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.lease import LeaseState
from dhcpkit.alloc.naming import Naming
from dhcpkit.alloc.network import ClientClass, SharedNetwork4
from dhcpkit.alloc.network6 import Network6, Pool6, SharedNetwork6, Subnet6
from dhcpkit.testing.machine import Lab4
from dhcpkit.testing.machine6 import Client6, Lab6, bindings_of, message6
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import Arrival, MessageType, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.duid import Duid

SERVER, RELAY = (int(IPv4Address(text)) for text in ("192.0.2.1", "192.0.2.2"))
ANN, BOB, CID = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", b"\2\0\0\0\0\3"
SUBNET = Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.11")])
CIRCUIT = {82: b"\1\3abc"}
DUID = b"\0\3\0\1\2\0\0\0\0\1"
CLIENT = Client6(DUID)


def ask(lab, kind, hwaddr=ANN, options=None, **fields):
    data = build_packet4(kind, options or {}, chaddr=hwaddr, giaddr=RELAY, hops=1, **fields)
    _, sent = lab.send(data, Arrival("eth0", 2, RELAY, 67, SERVER))
    return None if sent is None else Packet4.parse(sent.data)


def requested(text):
    return {50: IPv4Address(text).packed}


def test_an_inform_answered_past_the_relay_has_nothing_of_the_relay():
    lab = Lab4(Network([SUBNET]))
    answer = ask(lab, MessageType.INFORM, options=CIRCUIT, ciaddr=int(IPv4Address("192.0.2.99")))
    assert (answer.giaddr, answer.hops, answer.options.get(82)) == (0, 0, None)
    assert ask(lab, MessageType.DISCOVER, options=CIRCUIT).options[82] == CIRCUIT[82]


def test_an_inform_of_nobody_in_particular_is_to_be_broadcast_by_the_relay():
    answer = ask(Lab4(Network([SUBNET])), MessageType.INFORM, options=CIRCUIT)
    assert (answer.giaddr, answer.flags, answer.options.get(82)) == (RELAY, 0x8000, CIRCUIT[82])


def test_classes_set_the_boot_fields_of_an_inform_without_a_subnet():
    phones = ClientClass("VENDOR_CLASS_phone", next_server=SERVER, boot_file_name="phone.img")
    lab = Lab4(Network([SUBNET], classes=[phones]))
    data = build_packet4(MessageType.INFORM, {60: b"phone"}, chaddr=ANN, giaddr=IPv4Address("198.51.100.1"))
    answer = Packet4.parse(lab.send(data, Arrival("eth0", 2, RELAY, 67, SERVER))[1].data)
    assert (answer.siaddr, answer.file.rstrip(b"\0")) == (SERVER, b"phone.img")


def test_a_request_for_nothing_in_particular_is_refused_where_there_is_nothing():
    lab = Lab4(Network([SUBNET]))
    assert ask(lab, MessageType.REQUEST).type == MessageType.ACK
    assert ask(lab, MessageType.REQUEST, BOB).type == MessageType.ACK
    assert ask(lab, MessageType.REQUEST, CID).type == MessageType.NAK
    assert ask(lab, MessageType.DISCOVER, CID) is None


def test_a_request_for_nothing_in_particular_renews_what_another_identifier_has_reserved():
    hosts = [Host("circuit-id", b"abc", 1, int(IPv4Address("192.0.2.11")))]
    lab = Lab4(Network([SUBNET], hosts=hosts))
    for options in (CIRCUIT, {}):
        assert ask(lab, MessageType.REQUEST, options=options).yiaddr == hosts[0].address
    assert ask(lab, MessageType.DISCOVER).yiaddr == int(IPv4Address("192.0.2.10"))


def test_who_asks_for_what_it_cannot_have_is_offered_something_in_that_subnet():
    second = Subnet4("198.51.100.0/24", id=2, pools=[Pool4("198.51.100.10 - 198.51.100.11")])
    lab = Lab4(Network(shared_networks=[SharedNetwork4("link", [SUBNET, second])]))
    assert ask(lab, MessageType.REQUEST, BOB, requested("198.51.100.11") | {54: b"\xc0\0\2\1"}).type == MessageType.ACK
    answer = ask(lab, MessageType.DISCOVER, options=requested("198.51.100.11"))
    assert answer.yiaddr == int(IPv4Address("198.51.100.10"))


def test_who_has_its_reserved_address_may_change_its_mind():
    hosts = [Host("hw-address", ANN, 1, int(IPv4Address("192.0.2.200")))]
    lab = Lab4(Network([SUBNET], hosts=hosts))
    assert ask(lab, MessageType.REQUEST, options=requested("192.0.2.10") | {54: b"\xc0\0\2\1"}).type == MessageType.NAK
    assert ask(lab, MessageType.REQUEST).yiaddr == hosts[0].address
    assert ask(lab, MessageType.REQUEST, options=requested("192.0.3.10") | {54: b"\xc0\0\2\1"}) is None
    answer = ask(lab, MessageType.REQUEST, options=requested("192.0.2.10") | {54: b"\xc0\0\2\1"})
    assert answer.yiaddr == int(IPv4Address("192.0.2.10"))


def lab6(**subnet):
    made = Subnet6("2001:db8::/64", pools=[Pool6.of("2001:db8::10 - 2001:db8::11")], interface="eth0", **subnet)
    return Lab6(Network6([made], server_id=Duid.of_link_layer(b"\2\0\0\0\0\xff")))


def told(lab, kind, bindings=(), interface="eth0", client=CLIENT, **more):
    server_id = None if kind == MessageType6.SOLICIT else lab.network.server_id.octets
    data = message6(kind, client, bindings, server_id=server_id, **more)
    source = int(IPv6Address("fe80::200:ff:fe00:1"))
    _, sent = lab.send(data, Arrival6(interface, 2, source, 546, int(IPv6Address("ff02::1:2")), multicast=True))
    return Packet6.parse(sent.data)


def test_a_client_without_a_subnet_hears_of_its_name_all_the_same():
    lab = lab6(naming=Naming(qualifying_suffix="lab"))
    assert told(lab, MessageType6.REQUEST, options={39: b"\1\3ann"}).options.first[39] == b"\1\3ann\3lab\0"
    for kind in (MessageType6.SOLICIT, MessageType6.REQUEST):
        answer = told(lab, kind, interface="eth1", options={39: b"\1\3ann\3lab\0"})
        assert answer.options.first[39] == b"\6\3ann\3lab\0"  # nobody updates DNS, and that is not what was asked
        assert told(lab, kind, interface="eth1", options={39: b"\0"}).options.first[39] == b"\4"


def test_a_name_is_made_of_the_first_association_s_address_or_not_at_all():
    lab = lab6(naming=Naming(qualifying_suffix="lab"))
    second = Client6(DUID, addresses=(2,))
    for client in (second, Client6(b"\0\3\0\1\2\0\0\0\0\2")):
        held = list(bindings_of(told(lab, MessageType6.REQUEST, client=client)))
        assert len(held) == 1
    answer = told(lab, MessageType6.REQUEST, client=Client6(DUID, addresses=(1, 2)), options={39: b"\1"})
    assert [(each.iaid, each.valid > 0) for each in bindings_of(answer)] == [(2, True)]
    assert answer.options.first[39] == b"\1"
    assert [lease.hostname for lease in lab.store.leases.values()] == ["", ""]


def test_a_declined_lease_keeps_what_the_relay_agent_said():
    lab = lab6()
    held = list(bindings_of(told(lab, MessageType6.REQUEST)))
    [lease] = lab.store.leases.values()
    lab.store.leases[lease.address] = lease._replace(user_context='{ "a": 1 }')
    told(lab, MessageType6.DECLINE, held)
    [lease] = lab.store.leases.values()
    assert (lease.state, lease.duid, lease.user_context) == (LeaseState.DECLINED, b"", '{ "a": 1 }')


def test_a_reservation_in_a_sibling_names_leases_of_a_client_that_wants_any_name():
    first = Subnet6("2001:db8::/64", pools=[Pool6.of("2001:db8::10 - 2001:db8::11")], interface="eth0")
    where = int(IPv6Address("2001:db8:0:1::99"))
    named = {"naming": Naming(qualifying_suffix="lab")}
    subnets = [attrs.evolve(first, **named), Subnet6("2001:db8:0:1::/64", id=2, interface="eth0", **named)]
    network = Network6(
        shared_networks=[SharedNetwork6("link", subnets)],
        hosts=[Host6("duid", DUID, 2, (where,), hostname="Boss")],
        server_id=Duid.of_link_layer(b"\2\0\0\0\0\xff"),
    )
    lab = Lab6(network)
    assert told(lab, MessageType6.REQUEST, options={39: b"\0"}).options.first[39] == b"\0\4boss\3lab\0"
    assert [(lease.address, lease.hostname) for lease in lab.store.leases.values()] == [(where, "boss.lab.")]
