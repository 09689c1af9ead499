"""What depends on who a DHCPv6 client is and where: subnets, relays, hardware addresses, classes, options, names."""

from ipaddress import IPv6Address
from types import SimpleNamespace

import attrs
import pytest

from dhcpkit.alloc import ClientClass, Level, Lifetimes, OptionValue, OptionValues
from dhcpkit.alloc.engine6 import Dropped, open6
from dhcpkit.alloc.explain6 import explain6
from dhcpkit.alloc.expressions import parse, parse_text
from dhcpkit.alloc.host6 import Host6, ReservedPrefix
from dhcpkit.alloc.hwaddr6 import HwSource, find_hwaddr
from dhcpkit.alloc.naming import KEA_NAMING, Naming
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, SharedNetwork6, Subnet6
from dhcpkit.alloc.points import NextStep
from dhcpkit.alloc.points6 import Ddns6Update, Subnet6Select
from dhcpkit.alloc.subjects import FAMILY6
from dhcpkit.testing.machine6 import ALL_SERVERS, Client6, Lab6, bindings_of, message6
from dhcpkit.testing.reference_store6 import ReferenceStore6
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6, Relay6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.kinds import BINARY
from dhcpkit.wire.nested6 import Options6, options_octets6
from dhcpkit.wire.options import Option
from dhcpkit.wire.options6 import DHCP6, DNS_SERVERS, IA_NA, STATUS_CODE

SOLICIT, REQUEST, INFORM = MessageType6.SOLICIT, MessageType6.REQUEST, MessageType6.INFORMATION_REQUEST
RENEW = MessageType6.RENEW
SERVER = Duid.of_link_layer(b"\2\0\0\0\0\xff")
ANN = Client6(b"\0\3\0\1\2\0\0\0\0\1")
LAB = Subnet6("2001:db8::/64", pools=[Pool6.of("2001:db8::10 - 2001:db8::1f")], interface="lab0", cache_threshold=0.0)
DIRECT = Arrival6("lab0", 1, ANN.source, 546, ALL_SERVERS, multicast=True)
INTERFACE_ID, RSOO, RELAY_PORT = 18, 66, 135


def ip(text):
    return int(IPv6Address(text))


def relay(link="::", peer="fe80::99", hops=0, **options):
    """A relay; options by code as o18=b"..."."""
    held = [(int(name[1:]), payload) for name, payload in options.items()]
    return Relay6(12, hops, ip(link), ip(peer), Options6(options_octets6([*held, (9, b"")])))


def relayed(data, *relays):
    """A message as the server gets it, the server's neighbour first."""
    for each in reversed(relays):
        data = bytes(each.around(data))
    return data


def network_of(*subnets, **more):
    return Network6(subnets or [LAB], server_id=SERVER, **more)


def opened(network, *relays, arrival=DIRECT, options=()):
    return open6(Packet6.parse(relayed(message6(SOLICIT, ANN, options=options), *relays), arrival), network)


def ask(network, kind=SOLICIT, *relays, client=ANN, arrival=DIRECT, options=(), bindings=(), lab=None, consult=None):
    """One message to a fresh laboratory. Returns the decision and the parsed answer."""
    lab = lab or Lab6(network, consult=consult)
    server_id = SERVER.octets if kind in (REQUEST, RENEW) else None
    data = message6(kind, client, bindings, server_id=server_id, options=options, empty=kind != INFORM)
    decision, sent = lab.send(relayed(data, *relays), arrival)
    return decision, Packet6.parse(sent.data) if sent is not None else None


def asks_for(*codes):
    return {6: b"".join(code.to_bytes(2, "big") for code in codes)}


WANTS_DNS = asks_for(23)


class TestSubnets:
    A = Subnet6("2001:db8:a::/64", id=1, interface="lab0")
    B = Subnet6("2001:db8:b::/64", id=2, interface_id=b"port 2")
    C = Subnet6("2001:db8:c::/64", id=3, relays=frozenset((ip("2001:db8:ffff::3"),)))
    D = Subnet6("2001:db8:d::/64", id=4)

    @pytest.mark.parametrize(
        ("relays", "arrival", "chosen"),
        [
            ((), DIRECT, 1),  # by the interface
            ((), attrs.evolve(DIRECT, interface="lab9", source=ip("2001:db8:d::5")), 4),  # by the source
            ((), attrs.evolve(DIRECT, interface="lab9"), None),
            ((relay("2001:db8:d::1"),), DIRECT, 4),
            ((relay("2001:db8:d::1", o18=b"port 2"),), DIRECT, 2),  # interface-id first
            ((relay("2001:db8:d::1", o18=b"port 9"),), DIRECT, 4),
            ((relay("2001:db8:ffff::3"),), DIRECT, 3),
            ((relay("2001:db8:77::1"),), DIRECT, None),  # not by the interface: it is the relay's
            ((relay(o18=b"port 2"),), DIRECT, 2),  # a lightweight relay (RFC 6221)
            ((relay(o18=b"port 9"),), DIRECT, 1),
            ((relay(),), DIRECT, 1),  # says nothing at all
            ((relay("2001:db8:d::1"), relay()), DIRECT, 4),  # a lightweight one behind another
            ((relay("2001:db8:b::1"), relay("2001:db8:d::1")), DIRECT, 4),  # the client's own
            ((relay("2001:db8:b::1"), relay("fe80::1")), DIRECT, 2),  # link-local says nothing
            ((relay("2001:db8:d::1", o18=b"port 2"), relay("2001:db8:a::1")), DIRECT, 1),  # its interface-id counts not
        ],
    )
    def test_where_a_client_is(self, relays, arrival, chosen):
        query = opened(network_of(self.A, self.B, self.C, self.D), *relays, arrival=arrival)
        assert (query.subnet and query.subnet.id) == chosen

    def test_what_is_bound_to_a_shared_network(self):
        bare = [Subnet6("2001:db8:a::/64", id=1), Subnet6("2001:db8:b::/64", id=2)]
        around = SharedNetwork6("link", bare, interface_id=b"port 1", relays=frozenset((ip("2001:db8:ffff::3"),)))
        network = Network6(server_id=SERVER, shared_networks=[around])
        assert opened(network, relay(o18=b"port 1")).subnet is bare[0]
        assert opened(network, relay("2001:db8:ffff::3")).siblings == tuple(bare)
        assert opened(network, relay("2001:db8:b::1")).siblings == (bare[1], bare[0])

    def test_a_guarded_subnet_is_passed_over(self):
        guarded = attrs.evolve(self.A, client_classes=("VENDOR_CLASS_modem",))
        network = network_of(guarded, attrs.evolve(self.D, interface="lab0"))
        assert opened(network).subnet.id == 4
        assert opened(network, options={16: b"\0\0\x11\x8b\0\5modem"}).subnet.id == 1

    def test_the_nearest_of_nested_prefixes_by_order(self):
        wide = Subnet6("2001:db8::/32", id=7)
        network = network_of(wide, self.D)
        assert opened(network, relay("2001:db8:d::1")).subnet.id == 7
        assert opened(network_of(self.D, wide), relay("2001:db8:d::1")).subnet.id == 4
        assert opened(network_of(self.D, wide), relay("2001:db8:e::1")).subnet.id == 7

    @pytest.mark.parametrize(("step", "chosen"), [(None, 4), (NextStep.SKIP, None), (NextStep.DROP, "dropped")])
    def test_a_callout_chooses(self, step, chosen):
        def consult(point):
            if isinstance(point, Subnet6Select):
                point.subnet = self.D
                return step
            return None

        packet = Packet6.parse(message6(SOLICIT, ANN), DIRECT)
        query = open6(packet, network_of(self.A, self.D), consult)
        assert ("dropped" if isinstance(query, Dropped) else query.subnet and query.subnet.id) == chosen


class TestRelays:
    def test_an_answer_goes_back_the_way_the_question_came(self):
        outer = relay("2001:db8:1::1", "2001:db8::9", hops=1, o18=b"uplink", o37=b"\0\0\0\1who")
        inner = relay("2001:db8::1", "fe80::5", o18=b"port 5", o79=b"\0\1\2\0\0\0\0\1")
        _, reply = ask(network_of(), SOLICIT, outer, inner)
        assert [(each.type, each.hops, each.link, each.peer) for each in reply.relays] == [
            (13, 1, ip("2001:db8:1::1"), ip("2001:db8::9")),
            (13, 0, ip("2001:db8::1"), ip("fe80::5")),
        ]
        assert [[code for code, _ in each.options.items()] for each in reply.relays] == [[18, 9], [18, 9]]
        assert reply.relays[1].options.first[18] == b"port 5"

    @pytest.mark.parametrize(
        ("relays", "port"),
        [
            ((), 546),
            ((relay("2001:db8::1"),), 547),
            ((relay("2001:db8::1", o135=b"\0\0"),), 9999),  # RFC 8357: to the port it came from
            ((relay("2001:db8::1"), relay("2001:db8::1", o135=b"\0\0")), 547),
        ],
    )
    def test_ports(self, relays, port):
        lab = Lab6(network_of())
        arrival = attrs.evolve(DIRECT, port=9999 if relays else 546)
        _, sent = lab.send(relayed(message6(SOLICIT, ANN), *relays), arrival)
        assert (sent.address, sent.port, sent.interface) == (ANN.source, port, "lab0")
        if relays:
            echoed = [135 in each.options.first for each in Packet6.parse(sent.data).relays]
            assert echoed == [135 in each.options.first for each in relays]

    def test_what_relays_supply(self):
        first = options_octets6([(65, b"\4home\0"), (23, bytes(16)), (200, b"no")])
        second = options_octets6([(65, b"\5other\0"), (99, b"yes")])
        here = attrs.evolve(LAB, options=OptionValues([OptionValue.of(DNS_SERVERS, (IPv6Address("2001:db8::53"),))]))
        network = network_of(here, relay_supplied_options=(65, 99, 23))
        relays = (relay("2001:db8::1", o66=second), relay("2001:db8::1", o66=first))
        _, reply = ask(network, SOLICIT, *relays, options=asks_for(23))
        assert reply.options.payloads(65) == (b"\4home\0",)  # the client's relay first, and one of each
        assert reply.options.payloads(99) == (b"yes",)
        assert reply.options.payloads(200) == ()  # not among those that may be supplied
        assert reply[DNS_SERVERS] == (IPv6Address("2001:db8::53"),)  # the server's own wins

    def test_what_a_lease_keeps_of_them(self):
        network = network_of(attrs.evolve(LAB, store_extended_info=True))
        decision, _ = ask(network, REQUEST, relay("2001:db8::1", hops=2, o18=b"p5", o37=b"\0\0\0\1who"))
        assert decision.unit[0].after.user_context == (
            '{ "ISC": { "relay-info": [ { "hop": 2, "link": "2001:db8::1", "options": "0x00120002703500250007'
            '0000000177686F", "peer": "fe80::99", "remote-id": "0000000177686F" } ] } }'
        )
        assert ask(network, REQUEST)[0].unit[0].after.user_context == ""


class TestHardwareAddresses:
    CABLE = (4491).to_bytes(4, "big")

    @pytest.mark.parametrize(
        ("sources", "relays", "found"),
        [
            (["any"], (), (b"\2\0\0\0\0\1", 1, HwSource.DUID)),
            (["raw"], (), (b"\2\0\0\0\0\x77", 1, HwSource.RAW)),
            (["raw", "duid"], (relay("2001:db8::1"),), (b"\2\0\0\0\0\1", 1, HwSource.DUID)),
            (["ipv6-link-local"], (), (b"\0\0\0\0\0\x55", 1, HwSource.IPV6_LINK_LOCAL)),
            (["ipv6-link-local"], (relay(peer="fe80::200:ff:fe00:66"),), (b"\0\0\0\0\0\x66", 1, 4)),
            (["ipv6-link-local"], (relay(peer="fe80::ff:fe00:66"),), (b"", 0, 0)),
            (["ipv6-link-local"], (relay(peer="2001:db8::200:ff:fe00:66"),), (b"", 0, 0)),
            (["ipv6-link-local"], (relay(peer="fe80::1"),), (b"", 0, 0)),
            (["client-link-addr-option"], (relay(o79=b"\0\6\1\2\3"),), (b"\1\2\3", 6, 8)),
            (["rfc6939"], (relay(o79=b"\0\6\1\2\3"), relay()), (b"", 0, 0)),  # the client's relay alone
            (["remote-id"], (relay(o37=b"\0\0\0\1\xaa\xbb"),), (b"\xaa\xbb", 1, 16)),
            (["subscriber-id", "remote-id"], (relay(o38=b"\0\0\0\1\xaa\xbb"),), (b"", 0, 0)),
            (["docsis-cmts"], (relay(o17=CABLE + b"\x04\2\0\2\xcc\xdd"),), (b"\xcc\xdd", 0, 64)),
            (["docsis-modem"], (), (b"\xee\xff", 0, 128)),
            (["docsis-cmts"], (relay(o17=b"\0\0\0\1\x04\2\0\2\xcc\xdd"),), (b"", 0, 0)),
            (["any"], (relay(o79=b"\0\1\1\2\3\4\5\6"),), (b"\1\2\3\4\5\6", 1, 8)),
        ],
    )
    def test_where_one_is_found(self, sources, relays, found):
        options = {17: self.CABLE + b"\0\x24\0\2\xee\xff"}
        source_mac = b"\2\0\0\0\0\x77" if "raw" in sources else b""
        arrival = attrs.evolve(DIRECT, source=ip("fe80::200:ff:fe00:55"), source_mac=source_mac)
        packet = Packet6.parse(relayed(message6(SOLICIT, ANN, options=options), *relays), arrival)
        assert find_hwaddr(packet, sources) == found

    @pytest.mark.parametrize("duid", [b"\0\2\0\0\0\1\2\3", b"\0\4" + bytes(16), b"\0\1\0\1\0\0\0\0", b"\0\3\0\1"])
    def test_identifiers_that_have_none(self, duid):
        packet = Packet6.parse(message6(SOLICIT, Client6(duid)), DIRECT)
        assert find_hwaddr(packet, ["duid"]).octets == b""


def class_if(name, expression, **more):
    return ClientClass(name, test=parse(expression, FAMILY6), **more)


class TestClasses:
    def classes(self, *classes, kind=SOLICIT, options=(), hosts=(), subnet=LAB, **more):
        decision, _ = ask(network_of(subnet, classes=classes, hosts=hosts, **more), kind, options=options)
        return decision.reply.classes if not isinstance(decision, Dropped) and decision.reply else decision

    def test_their_order(self):
        found = self.classes(
            class_if("b", "option[16].exists"),
            class_if("late", "member('KNOWN')"),
            class_if("after late", "member('late')"),
            class_if("a", "member('b') and pkt6.msgtype == 1"),
            ClientClass("extra"),
            class_if("never", "not option[16].exists", only_additional=True),
            ClientClass("t", template=parse_text("'x' + option[16].option[0].hex", FAMILY6)),
            hosts=[Host6("duid", ANN.duid, 1, client_classes=("reserved",))],
            subnet=attrs.evolve(LAB, additional_classes=("extra", "never", "unheard of")),
            options={16: b"\0\0\0\1\0\5modem"},
        )
        # A reservation overturns classes, and not what a template has made of its value by then (Kea).
        first = ("ALL", "VENDOR_CLASS_modem", "SPAWN_t_x", "reserved", "b", "a", "t")
        assert found == (*first, "KNOWN", "late", "after late", "extra")

    def test_without_reservation(self):
        assert self.classes(class_if("late", "member('UNKNOWN')")) == ("ALL", "UNKNOWN", "late")

    def test_a_reservation_overturns_what_depends_on_it(self):
        one = class_if("other", "not member('first')")
        host = Host6("duid", ANN.duid, 1, client_classes=("first",))
        assert self.classes(ClientClass("first"), one) == ("ALL", "other", "UNKNOWN")
        assert self.classes(ClientClass("first"), one, hosts=[host]) == ("ALL", "first", "KNOWN")

    def test_cable_modems(self):
        vendor = {16: b"\0\0\x11\x8b\0\3odd\0\x09docsis3.0"}
        assert self.classes(options=vendor)[1] == "VENDOR_CLASS_docsis3.0"

    @pytest.mark.parametrize("when", ["option[1].exists", "member('UNKNOWN')"])
    def test_dropped(self, when):
        decision = self.classes(class_if("DROP", when))
        assert decision.reason == "admin-filtered"

    def test_rejected(self):
        _, reply = ask(network_of(classes=[class_if("REJECT", "option[1].exists")]))
        assert reply[IA_NA].options[STATUS_CODE].code == 2

    def test_a_test_that_fails_adds_no_class(self):
        assert self.classes(class_if("odd", "uint16totext(option[1].hex) == '1'"))[:1] == ("ALL",)

    def test_pools_are_guarded(self):
        pools = [
            Pool6.of("2001:db8::10 - 2001:db8::1f", client_classes=("m",)),
            Pool6.of("2001:db8::20 - 2001:db8::2f"),
        ]
        network = network_of(attrs.evolve(LAB, pools=pools), classes=[class_if("m", "option[16].exists")])
        given = [
            str(each).partition("/")[0]
            for options in ((), {16: b"\0\0\0\1\0\1x"})
            for each in bindings_of(ask(network, options=options)[1])
        ]
        assert given == ["2001:db8::20", "2001:db8::10"]

    def test_lifetimes(self):
        classes = [
            class_if("p", "option[1].exists", preferred=Lifetimes.fixed(7)),
            class_if("v", "option[1].exists", lifetimes=Lifetimes.fixed(70), preferred=Lifetimes.fixed(9)),
            class_if("w", "option[1].exists", lifetimes=Lifetimes.fixed(80)),
        ]
        (given,) = bindings_of(ask(network_of(classes=classes))[1])
        assert (given.preferred, given.valid) == (7, 70)

    def test_a_shared_networks_reservation_adds_its_classes_late(self):
        subnets = [LAB, Subnet6("2001:db8:1::/64", id=2)]
        host = Host6("duid", ANN.duid, 1, client_classes=("vip",))
        late = class_if("sees it", "member('vip')")
        network = Network6(
            server_id=SERVER,
            shared_networks=[SharedNetwork6("link", subnets, additional_classes=("more",))],
            classes=[ClientClass("vip"), late, ClientClass("more")],
            hosts=[host],
        )
        assert ask(network)[0].reply.classes == ("ALL", "KNOWN", "vip", "more")

    def test_both_guards_must_let_a_client_in(self):
        subnets = [attrs.evolve(LAB, client_classes=("VENDOR_CLASS_m",))]
        for around, open_then in (("VENDOR_CLASS_m", True), ("vip", False)):
            shared = [SharedNetwork6("link", subnets, client_classes=(around,))]
            query = opened(Network6(server_id=SERVER, shared_networks=shared), options={16: b"\0\0\0\1\0\1m"})
            assert (query.subnet is not None) == open_then

    def test_a_global_reservation_may_open_a_pool_of_a_shared_network(self):
        guarded = Pool6.of("2001:db8::10 - 2001:db8::1f", client_classes=("vip",))
        here = attrs.evolve(LAB, pools=[guarded], reservations_global=True)
        hosts = [Host6("duid", ANN.duid, 0, client_classes=("vip",))]
        shared = [SharedNetwork6("link", [here, Subnet6("2001:db8:1::/64", id=2)])]
        network = Network6(server_id=SERVER, shared_networks=shared, hosts=hosts, classes=[ClientClass("vip")])
        assert len(list(bindings_of(ask(network)[1]))) == 1

    def test_who_is_known_early_may_use_what_is_for_the_known(self):
        subnet = attrs.evolve(LAB, client_classes=("friend",))
        classes = [class_if("friend", "member('KNOWN')")]
        hosts = [Host6("duid", ANN.duid, 0)]
        network = network_of(subnet, classes=classes, hosts=hosts, early_global_reservations_lookup=True)
        assert opened(network).subnet is subnet
        assert opened(network_of(subnet, classes=classes, early_global_reservations_lookup=True)).subnet is None

    def test_a_global_reservation_may_open_a_subnet(self):
        subnets = [attrs.evolve(LAB, client_classes=("vip",)), Subnet6("2001:db8:1::/64", id=2, interface="lab0")]
        hosts = [Host6("duid", ANN.duid, 0, client_classes=("vip",))]
        for early, chosen in ((True, 1), (False, 2)):
            network = network_of(
                *subnets, classes=[ClientClass("vip")], hosts=hosts, early_global_reservations_lookup=early
            )
            assert ask(network)[0].reply.subnet.id == chosen


def value(payload, option=DNS_SERVERS, **more):
    return OptionValue(option, payload, **more)


def dns(number):
    return IPv6Address(f"2001:db8::{number}").packed


class TestOptions:
    def dns_of(self, network, options=WANTS_DNS, **more):
        return ask(network, options=options, **more)[1].options.payloads(23)

    def test_the_nearest_level_wins(self):
        levels = [OptionValues([value(dns(number))]) for number in range(6)]
        host = Host6("duid", ANN.duid, 1, options=levels[0])
        pool = Pool6.of("2001:db8::10 - 2001:db8::1f", options=levels[1])
        outer = (Level("shared network", levels[3]),)
        classes = [class_if("c", "option[1].exists", options=levels[4])]
        subnet = attrs.evolve(LAB, pools=[pool], options=levels[2], outer_levels=outer)
        network = network_of(subnet, hosts=[host], classes=classes, options=levels[5])
        assert self.dns_of(network) == (dns(0),)
        assert self.dns_of(network_of(subnet, classes=classes, options=levels[5])) == (dns(1),)
        bare = attrs.evolve(subnet, pools=[attrs.evolve(pool, options=OptionValues())])
        assert self.dns_of(network_of(bare, classes=classes, options=levels[5])) == (dns(2),)
        bare = attrs.evolve(bare, options=OptionValues())
        assert self.dns_of(network_of(bare, classes=classes, options=levels[5])) == (dns(3),)
        bare = attrs.evolve(bare, outer_levels=())
        assert self.dns_of(network_of(bare, classes=classes, options=levels[5])) == (dns(4),)
        assert self.dns_of(network_of(bare, options=levels[5])) == (dns(5),)

    def test_every_pool_that_gave_something_counts(self):
        pd_pool = PdPool("2001:db8:1::/48", 56, options=OptionValues([value(dns(9))]))
        network = network_of(attrs.evolve(LAB, pd_pools=[pd_pool]))
        assert self.dns_of(network) == ()
        assert self.dns_of(network, client=Client6(ANN.duid, (1,), (1,))) == (dns(9),)

    @pytest.mark.parametrize(
        ("more", "asked", "sent"),
        [
            ({}, True, True),
            ({}, False, False),
            ({"always_send": True}, False, True),
            ({"never_send": True}, True, False),
            ({"never_send": True, "always_send": True}, False, False),
        ],
    )
    def test_what_is_sent(self, more, asked, sent):
        network = network_of(options=OptionValues([value(dns(1), **more)]))
        assert bool(self.dns_of(network, asks_for(23) if asked else ())) == sent

    def test_never_beats_every_level(self):
        subnet = attrs.evolve(LAB, options=OptionValues([value(dns(1))]))
        assert self.dns_of(network_of(subnet, options=OptionValues([value(dns(2), never_send=True)]))) == ()

    def test_options_for_some_classes(self):
        values = OptionValues(
            [value(dns(1)), value(dns(2), client_classes=("m",)), value(dns(3), client_classes=("n",))]
        )
        network = network_of(options=values, classes=[class_if("m", "option[16].exists")])
        assert self.dns_of(network) == (dns(1),)
        assert self.dns_of(network, asks_for(23) | {16: b"\0\0\0\1\0\1x"}) == (dns(2),)

    def test_without_a_subnet_there_are_global_ones(self):
        network = network_of(options=OptionValues([value(dns(1))]))
        elsewhere = attrs.evolve(DIRECT, interface="lab9")
        assert ask(network, INFORM, arrival=elsewhere, options=asks_for(23))[1].options.payloads(23) == (dns(1),)

    def test_the_servers_own_options_are_not_configured_over(self):
        own = OptionValue(DHCP6.by_code(1), b"not yours", always_send=True)
        _, reply = ask(network_of(options=OptionValues([own])))
        assert reply.options.payloads(1) == (ANN.duid,)

    def test_answers_are_remembered_and_do_not_mix(self):
        network = network_of(options=OptionValues([value(dns(1))]))
        assert [bool(self.dns_of(network, each)) for each in (asks_for(23), (), asks_for(23))] == [True, False, True]
        assert len(network.blocks) == 2

    def test_what_is_remembered_is_for_the_same_classes_vendors_and_reservations(self):
        classes = [class_if("m", "option[14].exists", options=OptionValues([value(dns(2))]))]
        always = value(b"\1", self.MODEM, always_send=True)
        network = network_of(options=OptionValues([value(dns(1)), always]), classes=classes)
        assert self.dns_of(network) == (dns(1),)
        assert self.dns_of(network, asks_for(23) | {14: b""}) == (dns(2),)
        for enterprise, told in ((b"\0\0\0\2", 0), (b"\0\0\x11\x8b", 1)):
            _, reply = ask(network, options=asks_for(23) | {17: enterprise})
            assert len(reply.options.payloads(17)) == told
        others = [Client6(ANN.duid[:-1] + bytes((n,))) for n in (7, 8)]
        hosts = [Host6("duid", each.duid, 1, options=OptionValues([value(dns(n))])) for n, each in enumerate(others)]
        network = network_of(hosts=hosts)
        assert [self.dns_of(network, client=each) for each in others] == [(dns(0),), (dns(1),)]

    MODEM = Option("vendor-4491", 32, "tftp-servers", BINARY)
    LOG = Option("vendor-4491", 34, "syslog-servers", BINARY)

    def vendor(self, values, options=()):
        return ask(network_of(options=OptionValues(values)), options=options)[1].options.payloads(17)

    def test_vendor_options_for_those_who_name_the_vendor(self):
        always = value(b"\1", self.MODEM, always_send=True)
        told = (b"\0\0\x11\x8b\0\x20\0\1\1",)
        assert self.vendor([always]) == ()
        assert self.vendor([always], {16: b"\0\0\x11\x8b\0\1x"}) == told
        assert self.vendor([always], {17: b"\0\0\x11\x8b"}) == told
        assert self.vendor([always], {17: b"\0\0\0\1"}) == ()

    def test_what_a_cable_modem_asks_for(self):
        values = [value(b"\1", self.MODEM), value(b"\2", self.LOG)]
        asked = {17: b"\0\0\x11\x8b\0\1\0\4\0\x22\0\x63"}
        assert self.vendor(values, asked) == (b"\0\0\x11\x8b\0\x22\0\1\2",)
        assert self.vendor(values, {17: b"\0\0\x11\x8b"}) == ()
        hidden = value(b"\2", self.LOG, never_send=True)
        assert self.vendor([hidden], asked) == ()

    def test_a_vendor_option_that_is_asked_for(self):
        container = OptionValue(DHCP6.by_code(17), b"\0\0\x11\x8b")
        always = value(b"\1", self.MODEM, always_send=True)
        assert self.vendor([container], asks_for(17)) == (b"\0\0\x11\x8b",)
        assert self.vendor([container, always], asks_for(17)) == (b"\0\0\x11\x8b\0\x20\0\1\1",)

    def test_a_vendor_class_for_each_enterprise(self):
        classes = [OptionValue(DHCP6.by_code(16), payload) for payload in (b"\0\0\0\1\0\1a", b"\0\0\0\2\0\1b")]
        nearer = OptionValues([OptionValue(DHCP6.by_code(16), b"\0\0\0\2\0\1c")])
        network = network_of(attrs.evolve(LAB, options=nearer), options=OptionValues(classes))
        reply = ask(network, options=asks_for(16))[1]
        assert sorted(reply.options.payloads(16)) == [b"\0\0\0\1\0\1a", b"\0\0\0\2\0\1c"]


class TestNames:
    S, O, N = 1, 2, 4  # noqa: E741  # RFC 4704's names

    def named(self, *asked, naming=KEA_NAMING, hosts=(), kind=REQUEST, consult=None):
        """Flags and name in the answer, and the lease's name and directions."""
        options = {39: bytes((asked[0],)) + asked[1]} if asked else ()
        network = network_of(attrs.evolve(LAB, naming=naming), hosts=hosts)
        decision, reply = ask(network, kind, options=options, consult=consult)
        payload = reply.options.first.get(39)
        after = decision.unit[0].after if decision.unit else SimpleNamespace(hostname="", fqdn_fwd=0, fqdn_rev=0)
        return payload and (payload[0], payload[1:]), (after.hostname, after.fqdn_fwd, after.fqdn_rev)

    FULL, PARTIAL = b"\3ANN\3lab\0", b"\3ann"

    @pytest.mark.parametrize(
        ("asked", "naming", "flags", "directions"),
        [
            (S, {}, S, (True, True)),
            (0, {}, 0, (False, True)),
            (N, {}, N, (False, False)),
            (S, {"send_updates": False}, N | O, (False, False)),
            (0, {"send_updates": False}, N, (False, False)),
            (0, {"override_client_update": True}, S | O, (True, True)),
            (N, {"override_no_update": True}, S | O, (True, True)),
        ],
    )
    def test_who_tells_dns(self, asked, naming, flags, directions):
        answer, kept = self.named(asked, self.FULL, naming=Naming(**naming))
        assert answer == (flags, b"\3ann\3lab\0")
        assert kept == ("ann.lab.", *directions)

    def test_a_partial_name_is_completed(self):
        assert self.named(1, self.PARTIAL)[1][0] == "ann."
        assert self.named(1, self.PARTIAL, naming=Naming(qualifying_suffix="lab."))[1][0] == "ann.lab."
        assert self.named(1, b"\3ann\3lab", naming=Naming(qualifying_suffix="lab."))[1][0] == "ann.lab."
        assert self.named(1, b"\3ann\4slab", naming=Naming(qualifying_suffix="lab."))[1][0] == "ann.slab.lab."

    def test_unwanted_characters(self):
        naming = Naming(char_set="[^a-z]", char_replacement="x")
        assert self.named(1, b"\4a_b1", naming=naming)[1][0] == "axbx."
        assert self.named(1, b"\2__") == (None, ("", False, False))

    def test_a_name_made_of_the_address(self):
        naming = Naming(qualifying_suffix="lab", generated_prefix="host")
        answer, kept = self.named(1, b"", naming=naming)
        assert kept[0] == "host-2001-db8--10.lab."
        assert answer == (1, b"\x11host-2001-db8--10\3lab\0")
        assert self.named(1, b"", naming=naming, kind=SOLICIT)[0] == (1, b"")

    @pytest.mark.parametrize(
        ("mode", "says", "silent"),
        [
            ("never", "ann.lab.", ""),
            ("always", "myhost-2001-db8--10.", "myhost-2001-db8--10."),
            ("when-present", "myhost-2001-db8--10.", ""),
            ("when-not-present", "ann.lab.", "myhost-2001-db8--10."),
        ],
    )
    def test_names_in_place_of_the_clients(self, mode, says, silent):
        naming = Naming(replace_client_name=mode)
        assert self.named(1, self.FULL, naming=naming)[1][0] == says
        assert self.named(naming=naming)[1][0] == silent

    def test_a_reserved_name(self):
        hosts = [Host6("duid", ANN.duid, 1, hostname="boss")]
        naming = Naming(qualifying_suffix="lab")
        assert self.named(1, self.FULL, hosts=hosts, naming=naming) == (
            (1, b"\4boss\3lab\0"),
            ("boss.lab.", True, True),
        )
        assert self.named(hosts=hosts, naming=naming) == (None, ("boss.lab", False, False))

    def test_a_reserved_name_is_as_written_unless_the_lease_is_of_the_reservation(self):
        naming = Naming(qualifying_suffix="lab")
        prefix = (ReservedPrefix(ip("2001:db8:9:100::"), 56),)
        hosts = [Host6("duid", ANN.duid, 1, prefixes=prefix, hostname="Boss")]
        assert self.named(hosts=hosts, naming=naming) == (None, ("Boss", False, False))
        assert self.named(1, self.FULL, hosts=hosts, naming=naming) == (
            (1, b"\4boss\3lab\0"),
            ("boss.lab.", True, True),
        )
        hosts = [Host6("duid", ANN.duid, 1, (ip("2001:db8::99"),), hostname="Boss")]
        assert self.named(1, self.FULL, hosts=hosts, naming=naming) == (
            (1, b"\4boss\3lab\0"),
            ("Boss.lab.", True, True),
        )

    def test_a_renewed_name_is_kept_up(self):
        lab = Lab6(network_of(attrs.evolve(LAB, naming=Naming(), cache_threshold=0.9)))
        asked = {39: b"\1\3ann\3lab\0"}
        ask(None, REQUEST, lab=lab, options=asked)
        lab.now += 1
        held = list(bindings_of(ask(None, RENEW, lab=lab, options=asked)[1]))
        assert ask(None, RENEW, lab=lab, options=asked, bindings=held)[0].unit == ()
        decision, _ = ask(None, RENEW, lab=lab, options={39: b"\1\3bob\3lab\0"}, bindings=held)
        assert decision.unit[0].after.hostname == "bob.lab."

    def test_a_pool_of_its_own_naming(self):
        pools = [Pool6.of("2001:db8::10 - 2001:db8::1f", naming=Naming(qualifying_suffix="pool"))]
        network = network_of(attrs.evolve(LAB, pools=pools, naming=Naming(qualifying_suffix="lab")))
        decision, reply = ask(network, REQUEST, options={39: b"\1\3ann"})
        assert decision.unit[0].after.hostname == "ann.pool."
        assert reply.options.first[39] == b"\1\3ann\4pool\0"

    def test_a_callout_decides(self):
        def consult(point):
            if isinstance(point, Ddns6Update):
                point.hostname, point.forward, point.reverse = "it.", False, False

        assert self.named(1, self.FULL, consult=consult) == ((self.N, b"\2it\0"), ("it.", False, False))

    @pytest.mark.parametrize("payload", [b"", b"\5\1a", b"\1\5ann", b"\1" + b"\x40" + bytes(64)])
    def test_what_is_no_name(self, payload):
        assert ask(network_of(), REQUEST, options={39: payload})[0].reason == "parse-failed"


class TestExplanations:
    def test_every_step_has_its_reason(self):
        values = OptionValues([value(dns(1))])
        guarded = Pool6.of("2001:db8::5 - 2001:db8::6", client_classes=("vip",))
        subnet = attrs.evolve(LAB, pools=[guarded, *LAB.pools], options=values)
        network = network_of(
            subnet, options=values, hosts=[Host6("duid", b"\0\3\0\1\2\0\0\0\0\2", 1, (ip("2001:db8::10"),))]
        )
        packet = Packet6.parse(message6(SOLICIT, ANN, options=asks_for(23, 24)), DIRECT)
        told = explain6(packet, network, ReferenceStore6(), 1_000_000_000)
        text = "\n".join(map(str, told.notes))
        for expected in (
            "subnet: 2001:db8::/64: selected, interface lab0",
            "reservation: duid 00:03:00:01:02:00:00:00:00:01: none",
            "pool 2001:db8::5-2001:db8::6: passed over, the client is not in vip",
            "2001:db8::11: chosen, the next free one of pool 2001:db8::10-2001:db8::1f",
            "dns-servers (23): 2001:db8::1, requested, from subnet 2001:db8::/64, hides global",
            "domain-search: not sent, requested, and nowhere configured",
        ):
            assert expected in text
        assert told.verdict.startswith("ADVERTISE, IA_NA 1: 2001:db8::11 for 7200 s, to fe80::200:0:1 port 546")
        shown = told.to_json()
        assert shown["events"] == ["offer"]
        assert shown["subnet"] == "2001:db8::/64"
        assert shown["reply"]["options"][0] == [1, ANN.duid.hex()]

    def test_silence_and_drops(self):
        confirm = Packet6.parse(message6(MessageType6.CONFIRM, ANN), DIRECT)
        assert explain6(confirm, network_of(), ReferenceStore6(), 0).verdict.startswith("no answer: a CONFIRM")
        renew = Packet6.parse(message6(RENEW, ANN), DIRECT)
        assert explain6(renew, network_of(), ReferenceStore6(), 0).verdict.startswith("dropped (rfc-violation): RENEW")
        assert explain6(renew, network_of(), ReferenceStore6(), 0).to_json()["events"] == ["dropped"]
