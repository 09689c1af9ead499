"""What is different from Kea, or from the RFCs, on purpose, where no other test shows it: one test for each.

docs/why/deviations.md names the test of every entry.
"""

from ipaddress import IPv4Address, IPv6Address

import attrs
import pytest

from dhcpkit.alloc import Lease4, Lifetimes, Network, Pool4, Subnet4
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network6 import Network6, Pool6, SharedNetwork6, Subnet6
from dhcpkit.alloc.view import Change
from dhcpkit.alloc.view6 import Change6
from dhcpkit.config import parse4
from dhcpkit.testing.machine import START, Client, Lab4, message4
from dhcpkit.testing.machine6 import ALL_SERVERS, Binding6, Client6, Lab6, bindings_of, message6
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.testing.reference_store6 import ReferenceStore6
from dhcpkit.wire import Arrival, MessageType, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6, Relay6
from dhcpkit.wire.duid import Duid

ANN, BOB = Client(b"\2\0\0\0\0\1"), Client(b"\2\0\0\0\0\2")
HOUR = Lifetimes.fixed(3600)
LAB = Subnet4(
    "192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.12"), Pool4("192.0.2.50 - 192.0.2.59")], lifetimes=HOUR
)
ARRIVAL = Arrival("eth0", 2, local=int(IPv4Address("192.0.2.1")), broadcast=True)


def four(text):
    return IPv4Address(text).packed


def lab_of(subnet=LAB):
    return Lab4(Network([subnet]), ReferenceStore())


def ask(lab, kind, client=ANN, data=None, **options):
    raw = {int(name[1:]): value if isinstance(value, bytes) else four(value) for name, value in options.items()}
    decision, sent = lab.send(data or message4(kind, client, options=raw), ARRIVAL)
    return decision, Packet4.parse(sent.data) if sent is not None else None


def held(address, age, client=ANN):
    return Lease4(
        int(IPv4Address(address)), client.hwaddr, client.client_id, valid_lifetime=3600, cltt=START - age, subnet_id=1
    )


@pytest.mark.parametrize(("age", "written"), [(500, False), (600, True), (899, True)])
def test_a_client_that_comes_at_its_t1_is_extended_however_young_its_lease_is(age, written):
    """With a quarter of 3600 seconds, 900, in which a lease is repeated, and T1 at 600."""
    lab = lab_of(attrs.evolve(LAB, renew_timer=600))
    lab.store.append([(Change(None, held("192.0.2.10", age)),)])
    decision, reply = ask(lab, MessageType.REQUEST, o50="192.0.2.10")
    assert reply.type == MessageType.ACK
    assert bool(decision.unit) == written


def test_a_lease_is_repeated_for_a_quarter_of_its_time_where_nothing_else_is_said():
    (subnet,) = parse4('{"Dhcp4": {"subnet4": [{"id": 1, "subnet": "192.0.2.0/24"}]}}').network.subnets
    assert subnet.cache_threshold == 0.25


def test_the_first_pool_is_filled_before_the_next():
    lab = lab_of()
    given = []
    for number in range(1, 6):
        _, reply = ask(lab, MessageType.DISCOVER, client := Client(bytes([2, 0, 0, 0, 0, number])))
        address = IPv4Address(reply.yiaddr)
        given.append(str(address))
        assert ask(lab, MessageType.REQUEST, client, o50=str(address), o54="192.0.2.1")[1].type == MessageType.ACK
    assert sorted(given[:3]) == ["192.0.2.10", "192.0.2.11", "192.0.2.12"]
    assert all(address.startswith("192.0.2.5") for address in given[3:])


def test_octets_behind_the_hardware_address_come_back():
    data = bytearray(message4(MessageType.DISCOVER, ANN))
    data[28:44] = ANN.hwaddr + b"0123456789"
    _, sent = lab_of().send(bytes(data), ARRIVAL)
    assert sent.data[28:44] == bytes(data[28:44])


def test_a_renewal_of_an_address_that_was_never_leased_here_makes_the_lease():
    data = bytearray(message4(MessageType.REQUEST, ANN))
    data[12:16] = four("192.0.2.11")
    decision, reply = ask(lab_of(), MessageType.REQUEST, data=bytes(data))
    assert reply.type == MessageType.ACK
    assert [str(IPv4Address(change.after.address)) for change in decision.unit] == ["192.0.2.11"]


def test_the_server_does_not_look_for_options_in_the_boot_fields():
    data = bytearray(message4(MessageType.DISCOVER, ANN, options={52: b"\1"}))
    data[108 : 108 + 7] = b"\x32\4" + four("192.0.2.12") + b"\xff"  # requested address, in the field file
    assert 50 in Packet4.parse(bytes(data)).without_overload().options  # to a reader who wants all that a client says
    assert str(IPv4Address(ask(lab_of(), MessageType.DISCOVER, data=bytes(data))[1].yiaddr)) != "192.0.2.12"


@pytest.mark.parametrize(("field", "echoed"), [(b"\1\2ab", True), (b"", False), (b"\1\7ab", False)])
def test_an_option_82_with_nothing_in_it_or_cut_off_is_left_out(field, echoed):
    data = bytearray(message4(MessageType.DISCOVER, ANN, options={82: field}))
    data[24:28] = four("192.0.2.2")
    _, reply = ask(lab_of(), MessageType.DISCOVER, data=bytes(data))
    assert (82 in reply.options) is echoed


# DHCPv6

SERVER = Duid.of_link_layer(b"\2\0\0\0\0\xff")
CAT, DOG = Client6(b"\0\3\0\1\2\0\0\0\0\1"), Client6(b"\0\3\0\1\2\0\0\0\0\2")
LINK = Subnet6(
    "2001:db8::/64", pools=[Pool6.of("2001:db8::10 - 2001:db8::12")], interface="lab0", valid=Lifetimes.fixed(3600),
    preferred=Lifetimes.fixed(3600),
)  # fmt: skip
OTHER = Subnet6("2001:db8:0:1::/64", id=2, pools=[Pool6.of("2001:db8:0:1::10 - 2001:db8:0:1::12")])


def six(text):
    return int(IPv6Address(text))


def lab6_of(*subnets, shared=False, **network):
    places = {"shared_networks": [SharedNetwork6("link", subnets)]} if shared else {"subnets": subnets or (LINK,)}
    return Lab6(Network6(server_id=SERVER, **places, **network), ReferenceStore6())


def held6(address, client=CAT, age=0, **more):
    kept = {"valid_lifetime": 3600, "preferred_lifetime": 3600, "subnet_id": 1, "type": LeaseType.IA_NA} | more
    kept |= {"hwaddr": client.duid[4:], "hwtype": 1, "hwaddr_source": 2}  # as the server finds it in the DUID
    return Lease6(six(address), client.duid, iaid=1, prefix_len=128, cltt=START - age, **kept)


def ask6(lab, kind, client=CAT, *bindings, data=None):
    raw = data or message6(kind, client, bindings, server_id=SERVER.octets)
    decision, sent = lab.send(raw, Arrival6("lab0", 1, client.source, 546, ALL_SERVERS, multicast=True))
    return decision, Packet6.parse(sent.data) if sent is not None else None


def addresses(reply):
    return [str(IPv6Address(each.address)) for each in bindings_of(reply) if each.valid]


@pytest.mark.parametrize(("age", "written"), [(500, False), (600, True)])
def test_a_dhcpv6_client_that_comes_at_its_t1_is_extended(age, written):
    lab = lab6_of(attrs.evolve(LINK, renew_timer=600))
    lab.store.append([(Change6(None, lease := held6("2001:db8::10", age=age)),)])
    decision, _ = ask6(lab, MessageType6.RENEW, CAT, binding_of(lease))
    assert bool(decision.unit) is written


def binding_of(lease):
    return Binding6(lease.type, lease.iaid, lease.address, 128, 0, 0)


def test_a_lease_in_a_sibling_subnet_is_kept_on_request_too():
    lab = lab6_of(LINK, OTHER, shared=True)
    lab.store.append([(Change6(None, held6("2001:db8:0:1::12", subnet_id=2)),)])
    assert addresses(ask6(lab, MessageType6.REQUEST)[1]) == ["2001:db8:0:1::12"]


def test_everything_that_is_named_is_released():
    lab = lab6_of()
    leases = [held6("2001:db8::10"), held6("2001:db8::11")]
    lab.store.append([tuple(Change6(None, lease) for lease in leases)])
    decision, _ = ask6(lab, MessageType6.RELEASE, CAT, *map(binding_of, leases))
    assert {change.before.address for change in decision.unit} == {lease.address for lease in leases}


def test_what_is_over_at_a_reserved_address_is_in_nobody_s_way():
    lab = lab6_of(LINK, hosts=[Host6("duid", DOG.duid, 1, (six("2001:db8::10"),))])
    lab.store.append([(Change6(None, held6("2001:db8::10", age=4000)),)])
    assert addresses(ask6(lab, MessageType6.REQUEST, DOG)[1]) == ["2001:db8::10"]


def test_an_interface_id_that_nobody_knows_does_not_hide_the_interface():
    relay = Relay6(12, 0, 0, CAT.source, {18: b"port9"})
    options = {1: CAT.duid, 3: b"\0\0\0\1" + bytes(8)}
    data = bytes(Packet6(MessageType6.SOLICIT, options, xid=1, relays=[relay]))
    assert addresses(ask6(lab6_of(), MessageType6.SOLICIT, data=data)[1])
