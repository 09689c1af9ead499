"""The quick way of DHCPv6 and the engine are one: whatever the quick way decides, the engine decides as well."""

from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import ClientClass, Lifetimes, OptionValue, OptionValues
from dhcpkit.alloc.answer6 import outcome6
from dhcpkit.alloc.engine6 import Event, Query6, open6, plan6
from dhcpkit.alloc.expressions import parse
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.naming import KEA_NAMING
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, Subnet6
from dhcpkit.alloc.quick6 import quick6
from dhcpkit.alloc.subjects import FAMILY6
from dhcpkit.alloc.view6 import Overlay6
from dhcpkit.testing.machine6 import ALL_SERVERS, Binding6, Client6, Lab6, bindings_of, message6
from dhcpkit.testing.reference_store6 import ReferenceStore6
from dhcpkit.testing.scenarios6 import clients6, conversations6, networks6
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6, Relay6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.kinds import BINARY
from dhcpkit.wire.nested6 import Options6, options_octets6
from dhcpkit.wire.options import Option
from dhcpkit.wire.options6 import DHCP6, DNS_SERVERS

SOLICIT, REQUEST, RENEW, REBIND = (MessageType6[name] for name in ("SOLICIT", "REQUEST", "RENEW", "REBIND"))
SERVER = Duid.of_link_layer(b"\2\0\0\0\0\xff")
DNS = OptionValue(DNS_SERVERS, bytes(15) + b"\x35")
ALWAYS = [OptionValue(DHCP6.by_code(code), b"\0\0\0\7", always_send=True) for code in (7, 32, 82)]
VENDORS = [
    OptionValue(Option("vendor-9", 1, "one", BINARY), b"x", always_send=True),
    OptionValue(Option("vendor-4491", 32, "asked-for", BINARY), b"y"),
]
LAB = Subnet6(
    "2001:db8::/64",
    pools=[Pool6.of("2001:db8::10 - 2001:db8::12")],
    pd_pools=[PdPool("2001:db8:1::/60", 62)],
    interface="lab0",
    valid=Lifetimes(100, 50, 200),
    preferred=Lifetimes(60, 30, 120),
    options=OptionValues([DNS, *ALWAYS, *VENDORS]),
)
RELAY = LAB.first + 1
OTHER = attrs.evolve(
    LAB, prefix="2001:db8:ff::/64", id=2, pools=[], pd_pools=[], interface="lab9", interface_id=b"port"
)
AROUND_LAB = Subnet6("2001:db8::/48", id=2, interface="lab0")
ANN = Client6(Duid.of_link_layer(b"\2\0\0\0\0\1").octets, (1,), (7,))
DIRECT = Arrival6("lab0", 1, ANN.source, 546, ALL_SERVERS, multicast=True)


def network_of(*subnets, **more):
    return Network6(subnets or [LAB], server_id=SERVER, **more)


def same(quick, network, store, now):
    """Holds a quick decision to the engine's on the same store."""
    query = open6(quick.packet, network)
    assert isinstance(query, Query6), query
    decision = plan6(query, Overlay6(store), network.hosts, now, Random(0))
    assert quick.identity == query.identity
    assert quick == outcome6(decision)


class Talk:
    """Clients on a link, whose messages go the quick way where there is one; every decision is held to the engine's."""

    def __init__(self, network, store=None):
        self.network = network
        self.store = store or ReferenceStore6()
        self.now = 1_000_000

    def ask(self, kind, client=ANN, bindings=(), arrival=DIRECT, relays=(), **options):
        server_id = SERVER.octets if kind in (REQUEST, RENEW) else None
        data = message6(kind, client, bindings, server_id=server_id, options=options.get("options", {}))
        return self.send(relayed(data, *relays), arrival)

    def send(self, data, arrival=DIRECT, taken=frozenset()):
        quick = quick6(Packet6.parse(data, arrival), self.network, self.store, self.network.hosts, self.now, taken)
        if quick is not None:
            same(quick, self.network, self.store, self.now)
            if quick.unit:
                assert all(self.store.append([quick.unit]))
            for address in quick.offered:
                self.store.handed_out(address)
        return quick


def relayed(data, *relays):
    for each in reversed(relays):
        data = bytes(each.around(data))
    return data


def relay(link=RELAY, peer=ANN.source, kind=12, **options):
    held = [(int(name[1:]), payload) for name, payload in options.items()]
    return Relay6(kind, 0, link, peer, Options6(options_octets6([*held, (9, b"")])))


@st.composite
def bindings(draw, network, client):
    """What a client may name: leases, what is near the pools, what is nowhere."""
    found = []
    subnet = draw(st.sampled_from(network.subnets))
    for iaid in client.addresses:
        if draw(st.booleans()):
            address = draw(st.integers(subnet.first + 0xF, subnet.first + 0x18) | st.sampled_from([0, 1 << 120]))
            found.append(Binding6(LeaseType.IA_NA, iaid, address, 128, *draw(LIFETIMES)))
    for iaid in client.prefixes:
        if draw(st.booleans()):
            pools = [pool for each in network.subnets for pool in each.pd_pools]
            inside = [part for pool in pools for part in pool.sweep]
            prefix = draw(st.sampled_from([*inside, 0, 1 << 120]))
            length = draw(st.sampled_from([*(pool.delegated_len for pool in pools), 0, 56, 64, 128, 129]))
            found.append(Binding6(LeaseType.IA_PD, iaid, prefix, length, *draw(LIFETIMES)))
    return found


LIFETIMES = st.sampled_from([(0, 0), (40, 90), (1000, 1000), (50, 20)])
# Options that matter to the engine; those that make a message one that nobody answers are few.
EXTRA = [
    *[
        (6, b"\0\x17\0\x18"),
        (6, b"\0\x20\0\x43\0\x17"),
        (14, b""),
        (14, b""),
        (14, b""),
        (15, b"\0\1x"),
        (39, b"\0\3box\0"),
    ],
    *[(16, b"\0\0\0\x09\0\3abc"), (16, b"\0\0\x11\x8b\0\1x\0\x09docsis3.0"), (17, b"\0\0\x11\x8b\0\1\0\2\0\x20")],
    *[(17, b"\0\0\0\x09"), (8, b"\0\0"), (39, b"\1\3box\0")],
]
WRONG = [
    (6, b""),
    (6, b"\0"),
    (8, b"\0"),
    (16, b"\0"),
    (39, b""),
    (3, b"\0\0\0\2" + bytes(8)),
    (3, b"\0"),
    (1, b"\0\3box"),
]


@st.composite
def messages(draw, network, held=()):
    """Messages of every kind with options that matter to the engine, direct and through relays."""
    client = draw(clients6())
    kinds = [SOLICIT, REQUEST, RENEW]
    kind = draw(st.sampled_from([*kinds, *kinds, *kinds, REBIND, REBIND, MessageType6.CONFIRM]))
    named = draw(bindings(network, client))
    if draw(st.booleans()):
        named = [binding for duid, binding in held if duid == client.duid]
    options = draw(st.lists(st.sampled_from(EXTRA * 3 + WRONG), max_size=3, unique_by=lambda each: each[0]))
    own = kind in (REQUEST, RENEW)
    server_id = draw(st.sampled_from([network.server_id.octets] * 6 + [None, b"\0\1x"])) if own else None
    data = message6(kind, client, named, server_id=server_id, options=options)
    around = []
    link = st.sampled_from([network.subnets[0].first + 1, network.subnets[-1].first + 1, 0, client.source])
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        said = draw(st.sampled_from([{}, {}, {"o18": b"port"}, {"o135": b"\0\0"}, {"o66": b""}, {"o37": b"\0\0\0\1x"}]))
        around.append(relay(draw(link), client.source, draw(st.sampled_from([12, 12, 12, 13])), **said))
    local = draw(st.sampled_from([(ALL_SERVERS, True)] * 4 + [(network.subnets[0].first + 2, False)]))
    source = client.source if not around else network.subnets[0].first + 1
    arrival = Arrival6(draw(st.sampled_from(["lab0", "lab0", "lab7"])), 1, source, 546, *local)
    return Packet6.parse(relayed(data, *around), arrival)


def checked(lab, network, packet):
    quick = quick6(packet, network, lab.store, network.hosts, lab.now)
    if quick is not None:
        same(quick, network, lab.store, lab.now)
    return quick


def played(lab, steps):
    for step in steps:
        lab.take(step)
    return [
        (client.duid, binding) for client, state in lab.clients.items() for binding in (*state.held, *state.offered)
    ]


def plainer(network):
    """The same network, with as little in it as there can be that makes a subnet one for the engine."""
    subnets = [
        attrs.evolve(each, allocator="iterative", pd_allocator="flq", pd_pools=each.pd_pools[:1])
        for each in network.subnets
    ]
    return network_of(*subnets, hosts=network.hosts, keep_released=network.keep_released)


@given(networks6() | networks6().map(plainer) | networks6().map(plainer), st.data())
def test_the_quick_way_decides_as_the_engine(network, data):
    lab = Lab6(network)
    held = played(lab, data.draw(conversations6()))
    for packet in data.draw(st.lists(messages(network, held), min_size=2, max_size=6)):
        checked(lab, network, packet)


@st.composite
def nearly_plain(draw):
    """Networks that most messages are plain in, with what may make some of them less plain."""
    several = [Pool6.of("2001:db8::10 - 2001:db8::11"), Pool6.of("2001:db8::15/128")]
    subnet = attrs.evolve(
        LAB,
        pools=draw(st.sampled_from([LAB.pools, several])),
        cache_threshold=draw(st.sampled_from([0.0, 0.25, 0.9])),
        rapid_commit=draw(st.booleans()),
        reservations_global=draw(st.booleans()),
        reservations_out_of_pool=draw(st.booleans()),
    )
    reserved = [LAB.first + 0x11, *(LAB.first + 0x10,)[: draw(st.integers(0, 1))]]
    host = Host6("duid", draw(clients6()).duid, draw(st.sampled_from([0, 1])), tuple(reserved))
    tests = ["relay6[0].peeraddr == fe80::1", "option[6].exists", "member('UNKNOWN')", "option[15].exists"]
    classes = [ClientClass("c0", test=parse(draw(st.sampled_from(tests)), FAMILY6))] if draw(st.booleans()) else []
    guarded = draw(st.sampled_from([OTHER, AROUND_LAB]))
    if draw(st.booleans()):
        guarded = attrs.evolve(guarded, client_classes=draw(st.sampled_from([("c0",), ("VENDOR_CLASS_abc",)])))
    subnets = draw(st.sampled_from([[subnet, guarded], [guarded, subnet], [subnet]]))
    return network_of(*subnets, hosts=[host] if draw(st.booleans()) else (), classes=classes)


PLAIN = [
    ANN,
    Client6(Duid.of_link_layer(b"\2\0\0\0\0\2").octets, (), (7,)),
    Client6(Duid.of_link_layer(b"\2\0\0\0\0\3").octets, (1,), ()),
    Client6(b"\0\4" + bytes(range(16)), (1,), (1,)),
    Client6(Duid.of_link_layer(b"\2\0\0\0\0\1").octets, (2,), ()),
    Client6(b"\0\0\0", (1,), ()),
]


@st.composite
def spoken(draw, network, told):
    """What a client says that mostly remembers what it was told, and mostly has nothing special to say."""
    client = draw(st.sampled_from(PLAIN))
    kind = draw(st.sampled_from([SOLICIT, REQUEST, REQUEST, RENEW, RENEW, REBIND, MessageType6.RELEASE]))
    named = told.get(client, [])
    if draw(st.integers(0, 4)) == 0:
        named = draw(bindings(network, client))
    options = []
    if draw(st.integers(0, 2)) == 0:
        options = draw(st.lists(st.sampled_from(EXTRA * 3 + WRONG), max_size=2, unique_by=lambda each: each[0]))
    mine = kind in (REQUEST, RENEW, MessageType6.RELEASE)
    data = message6(kind, client, named, server_id=SERVER.octets if mine else None, options=options)
    if draw(st.integers(0, 5)) == 0:  # the client's identifier need not come first
        data = data[:4] + options_octets6(sorted(Options6(data[4:]).items(), key=lambda each: -each[0]))
    around = draw(st.sampled_from([(), (), (), *AROUND]))
    source, port = (RELAY, draw(st.sampled_from([547, 1547]))) if around else (client.source, 546)
    local = draw(st.sampled_from([(ALL_SERVERS, True)] * 6 + [(LAB.first + 2, False)]))
    interface = draw(st.sampled_from(["lab0", "lab0", "lab0", "lab9"]))
    return client, Packet6.parse(relayed(data, *around), Arrival6(interface, 1, source, port, *local))


AROUND = [
    (relay(),),
    (relay(o18=b"eth0"),),
    (relay(o18=b"port"),),
    (relay(link=OTHER.first + 1),),
    (relay(o135=b"\0\0"),),
    (relay(o66=options_octets6([(65, b"\1x\0")])),),
    (relay(o37=b"\0\0\0\1x", o79=b"\0\1\2\2\2\2\2\2"),),
    (relay(), relay(0, o18=b"eth0")),
    (relay(), relay(ANN.source)),
    (relay(OTHER.first + 1), relay(ANN.source)),
    (relay(0),),
    (relay(kind=13),),
]


ODD = [
    {},
    {},
    {"subnet_id": 2},
    {"subnet_id": 2, "valid_lifetime": 100_000},
    *({"state": state} for state in (2, 3, 5)),
    {"valid_lifetime": 0},
    {"prefix_len": 63},
    {"hostname": "ann."},
    {"fqdn_fwd": True},
    {"fqdn_rev": True},
    {"user_context": "{ }"},
    {"hwaddr": b""},
    {"cltt": 999_000},
]


@st.composite
def old_leases(draw):
    """What a store may have of a client from before: with one thing odd about it, or a second one of a kind."""
    client = draw(st.sampled_from(PLAIN))
    kind, iaid = draw(st.sampled_from([*((0, iaid) for iaid in client.addresses), *((2, n) for n in client.prefixes)]))
    at = draw(st.integers(0, 2))
    address = LAB.pd_pools[0].first + (at << 66) if kind else LAB.first + 0x10 + at
    cltt = 1_000_000 - draw(st.sampled_from([0, 10, 90]))
    lease = Lease6(address, client.duid, 100, cltt, 1, 60, kind, iaid, 62 if kind else 128, hwaddr=client.duid[-6:])
    return lease._replace(**draw(st.sampled_from(ODD)))


@given(nearly_plain(), st.lists(old_leases(), max_size=6, unique_by=lambda lease: lease.address), st.data())
def test_and_through_whole_conversations(network, old, data):
    store, now, told = ReferenceStore6(old), 1_000_000, {}
    for _ in range(data.draw(st.integers(5, 30))):
        client, packet = data.draw(spoken(network, told))
        quick = quick6(packet, network, store, network.hosts, now)
        query = open6(packet, network)
        if not isinstance(query, Query6):
            assert quick is None, query
            continue
        outcome = outcome6(plan6(query, Overlay6(store), network.hosts, now, Random(0)))
        assert quick is None or (quick == outcome and quick.identity == query.identity)
        assert store.append([outcome.unit]) == [True]
        for address in outcome.offered:
            store.handed_out(address)
        if outcome.sent is not None:
            answer = Packet6.parse(outcome.sent.data)
            told[client] = [each for each in bindings_of(answer) if each.valid]
        now += data.draw(st.sampled_from([0, 0, 1, 10, 40, 60, 200]))


@pytest.mark.parametrize("relays", [(), (relay(),), (relay(0, o18=b"eth0"), relay())])
@pytest.mark.parametrize("ias", [((1,), ()), ((), (7,)), ((1,), (7,))])
def test_what_most_messages_are_goes_the_quick_way(relays, ias):
    talk = Talk(network_of())
    client = attrs.evolve(ANN, addresses=ias[0], prefixes=ias[1])
    wants = {6: b"\0\x17\0\x18"}
    arrival = DIRECT if not relays else attrs.evolve(DIRECT, source=RELAY, port=547)
    seen = []
    named = []
    for kind, later in ((SOLICIT, 0), (REQUEST, 1), (RENEW, 5), (RENEW, 60), (REBIND, 70), (SOLICIT, 0)):
        talk.now += later
        quick = talk.ask(kind, client, named, arrival, relays, options=wants)
        assert quick is not None, f"{kind.name} is plain"
        answer = Packet6.parse(quick.sent.data)
        assert answer[DNS_SERVERS], "what was asked for is told"
        named = list(bindings_of(answer))
        seen.append(set(quick.events))
    assert seen == [{Event.OFFER}, {Event.ALLOC}, {Event.REUSE}, {Event.RENEW}, {Event.RENEW}, {Event.OFFER}]


def test_a_client_that_wants_to_be_quick_is_given_addresses_at_once():
    for subnet, event in ((attrs.evolve(LAB, rapid_commit=True), Event.ALLOC), (LAB, Event.OFFER)):
        quick = Talk(network_of(subnet)).ask(SOLICIT, options={14: b""})
        assert quick.events == (event, event)


def test_two_leases_for_one_association_are_the_engine_s():
    def lease(at, iaid):
        return Lease6(LAB.first + at, ANN.duid, 100, 1_000_000, 1, 60, 0, iaid, hwaddr=ANN.duid[-6:])

    client = attrs.evolve(ANN, prefixes=())
    for second, plain in ((1, False), (2, True)):
        talk = Talk(network_of(), ReferenceStore6([lease(0x10, 1), lease(0x11, second)]))
        assert (talk.ask(SOLICIT, client) is not None) == plain


def test_what_a_client_extends_is_what_it_has():
    pool, other = LAB.pd_pools[0], LAB.pd_pools[0].first + (1 << 66)
    talk = Talk(network_of())
    client = attrs.evolve(ANN, addresses=())
    assert talk.ask(RENEW, client) is None, "it has nothing yet"
    assert talk.ask(REQUEST, client).unit
    talk.now += 60
    for prefix, length in ((other, 62), (pool.first, 61)):
        assert talk.ask(RENEW, client, [Binding6(LeaseType.IA_PD, 7, prefix, length)]) is None
    assert talk.ask(REBIND, client, [Binding6(LeaseType.IA_PD, 7, 0, 56)]).events == (Event.RENEW,)
    talk.now += 60
    assert talk.ask(RENEW, client, [Binding6(LeaseType.IA_PD, 7, pool.first, 62)]).events == (Event.RENEW,)
    assert talk.ask(RENEW, client, [Binding6(LeaseType.IA_PD, 7, pool.first, 62)]).unit == (), "once a second suffices"
    assert talk.ask(RENEW) is None, "it has no address"


def test_a_prefix_in_the_middle_of_what_is_delegated_is_not_delegated():
    wish = Binding6(LeaseType.IA_PD, 7, LAB.pd_pools[0].first + (1 << 66) + (1 << 64), 64)
    quick = Talk(network_of()).ask(SOLICIT, attrs.evolve(ANN, addresses=()), [wish])
    assert quick.answered[0].granted[0][:2] == (LAB.pd_pools[0].first + (1 << 66), 62)


def test_the_pool_that_gave_something_last_comes_first():
    pools = [Pool6.of("2001:db8::10/128"), Pool6.of("2001:db8::20 - 2001:db8::2f")]
    network = network_of(attrs.evolve(LAB, pools=pools, pd_pools=[]))
    store, given = ReferenceStore6(), []
    for number, now in ((1, 1_000), (2, 1_000), (3, 2_000)):  # the first address is free again at last
        client = Client6(Duid.of_link_layer(bytes((2, 0, 0, 0, 0, number))).octets)
        packet = Packet6.parse(message6(REQUEST, client, server_id=SERVER.octets), DIRECT)
        quick = quick6(packet, network, store, network.hosts, now)
        assert store.append([quick.unit]) == [True]
        given.append(quick.unit[0].address - LAB.first)
    assert given == [0x10, 0x20, 0x20]


def test_one_address_is_not_given_twice_where_pools_overlap():
    pools = [Pool6.of("2001:db8:: - 2001:db8::2")], [PdPool("2001:db8::/62", 64)]
    talk = Talk(network_of(attrs.evolve(LAB, pools=pools[0], pd_pools=pools[1])))
    assert talk.ask(SOLICIT) is None
    assert talk.ask(SOLICIT, attrs.evolve(ANN, prefixes=())).offered == (LAB.first,)


def test_what_a_client_would_like_is_heeded():
    talk = Talk(network_of())
    address = Binding6(LeaseType.IA_NA, 1, LAB.first + 0x12, 128, 70, 170)
    prefix = Binding6(LeaseType.IA_PD, 7, LAB.pd_pools[0].first + (2 << 66), 62)
    quick = talk.ask(SOLICIT, ANN, [address, prefix])
    assert [(each.granted[0].address, each.granted[0].valid) for each in quick.answered] == [
        (address.address, 170),
        (prefix.address, 100),
    ]
    assert not quick.offered, "it was not its turn"


def test_an_address_whose_lease_is_over_is_given_to_another():
    old = Lease6(LAB.first + 0x10, b"\0\1old", 10, 1_000, 1, 5, 0, 1)
    talk = Talk(network_of(), ReferenceStore6([old]))
    quick = talk.ask(REQUEST, attrs.evolve(ANN, prefixes=()))
    assert [change.before for change in quick.unit] == [old]


def test_other_clients_reservations_do_not_make_a_client_less_plain():
    for key in ("duid", "hw-address"):
        bob = Client6(Duid.of_link_layer(b"\2\0\0\0\0\7").octets)
        identifier = bob.duid if key == "duid" else b"\2\0\0\0\0\7"
        talk = Talk(network_of(hosts=[Host6(key, identifier, 1, (LAB.first + 0x10,))]))
        quick = talk.ask(SOLICIT)
        assert quick.offered[0] == LAB.first + 0x11, "what is reserved is not offered to others"
        assert talk.ask(SOLICIT, bob) is None


def test_classes_of_others_do_not_make_a_client_less_plain():
    mine = ClientClass("mine", test=parse("option[15].exists", FAMILY6))
    talk = Talk(network_of(LAB, attrs.evolve(OTHER, client_classes=("mine",)), classes=[mine]))
    assert talk.ask(SOLICIT) is not None
    assert talk.ask(SOLICIT, options={15: b"\0\1x"}) is None
    late = ClientClass("late", test=parse("member('UNKNOWN')", FAMILY6))
    assert Talk(network_of(classes=[late])).ask(SOLICIT) is None


def test_options_for_the_clients_of_a_vendor_are_theirs_alone():
    mine = OptionValue(DNS_SERVERS, bytes(16), client_classes=("VENDOR_CLASS_abc",))
    talk = Talk(network_of(attrs.evolve(LAB, options=OptionValues([DNS, mine]))))
    wants = {6: b"\0\x17"}
    said = []
    for more in ({}, {16: b"\0\0\0\x09\0\3abc"}, {16: b"\0\0\0\x09\0\3abd"}):
        quick = talk.ask(SOLICIT, options={**wants, **more})
        said.append(Packet6.parse(quick.sent.data).options.first[23])
    assert said == [DNS.payload, bytes(16), DNS.payload]


@pytest.mark.parametrize("more", [*WRONG, (39, b"\0\3box\0"), (25, bytes(12)), (5, b"")])
def test_what_is_odd_or_about_names_is_the_engine_s(more):
    talk = Talk(network_of())
    assert (talk.ask(SOLICIT, options=[more]) is None) == (more[0] != 5)


def test_vendors_are_told_what_is_theirs():
    talk = Talk(network_of())
    said = []
    for more in ({}, {16: b"\0\0\0\x09\0\1x"}, {17: b"\0\0\x11\x8b\0\1\0\2\0\x20"}):
        answer = Packet6.parse(talk.ask(SOLICIT, options=more).sent.data)
        said.append(answer.options.first.get(17))
    assert said == [None, b"\0\0\0\x09\0\1\0\1x", b"\0\0\x11\x8b\0\x20\0\1y"]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_classes": ("x",)},
        {"additional_classes": ("x",)},
        {"store_extended_info": True},
        {"pools": [Pool6.of("2001:db8::10/128", client_classes=("x",))]},
        {"pools": [Pool6.of("2001:db8::10/128", additional_classes=("x",))]},
        {"pools": [Pool6.of("2001:db8::10/128", naming=KEA_NAMING)]},
        {"pd_pools": [PdPool("2001:db8:1::/60", 62, client_classes=("x",))]},
        {"pd_pools": [PdPool("2001:db8:1::/60", 62, excluded=LAB.first, excluded_len=64)]},
        {"allocator": "random"},
        {"pd_allocator": "random"},
        {"pd_allocator": "flq", "adaptive_lease_time_threshold": 0.5},
        {"naming": attrs.evolve(KEA_NAMING, replace_client_name="always")},
    ],
)
def test_a_subnet_where_the_client_matters_is_not_plain(changes):
    assert network_of().plain == {1}
    assert not network_of(attrs.evolve(LAB, **changes)).plain


def test_a_network_where_it_does_has_no_plain_ones():
    assert not network_of(early_global_reservations_lookup=True).plain


def test_what_is_remembered_is_bounded():
    talk = Talk(network_of())
    for number in range(5000):
        talk.ask(SOLICIT, options={6: number.to_bytes(2, "big")})
        lifetimes = Binding6(LeaseType.IA_NA, 1, 0, 128, number, 0)
        talk.ask(SOLICIT, ANN, [lifetimes], relays=[relay(LAB.first + number)])
    network = talk.network
    assert max(len(network.blocks), len(network.times), len(network.selected)) <= 4096


def test_addresses_taken_earlier_in_the_batch_are_not_given_again():
    talk = Talk(network_of())
    data = message6(SOLICIT, ANN)
    taken = {LAB.first + 0x10, LAB.pd_pools[0].first}
    packet = Packet6.parse(data, DIRECT)
    quick = quick6(packet, talk.network, talk.store, talk.network.hosts, talk.now, taken)
    assert quick.offered == (LAB.first + 0x11, LAB.pd_pools[0].first + (1 << 66))
    wishes = [Binding6(LeaseType.IA_NA, 1, LAB.first + 0x10), Binding6(LeaseType.IA_PD, 7, LAB.pd_pools[0].first, 62)]
    wished = Packet6.parse(message6(SOLICIT, ANN, wishes), DIRECT)
    assert quick6(wished, talk.network, talk.store, talk.network.hosts, talk.now, taken).offered == quick.offered
    talk.ask(REQUEST)
    again = quick6(packet, talk.network, talk.store, talk.network.hosts, talk.now, taken)
    assert again is None, "what it had another client of the batch has"


def test_guards_are_asked_of_every_client_however_many_came_through_the_relay():
    guarded = attrs.evolve(AROUND_LAB, client_classes=("VENDOR_CLASS_abc",))
    talk = Talk(network_of(guarded, LAB))
    for _ in range(2):
        assert talk.ask(SOLICIT, relays=[relay()]) is not None
        assert talk.ask(SOLICIT, relays=[relay()], options={16: b"\0\0\0\x09\0\3abc"}) is None, "it is elsewhere"


def test_a_prefix_that_overlaps_a_held_one_is_not_delegated_as_asked_for():
    first = LAB.pd_pools[0].first
    inside = Lease6(first + (1 << 64), b"\0\1bob", 100, 1_000_000, 1, 60, 2, 1, 64)
    client = attrs.evolve(ANN, addresses=())
    wish = [Binding6(LeaseType.IA_PD, 7, first, 62)]
    talk = Talk(network_of(), ReferenceStore6([inside]))
    assert talk.ask(REQUEST, client, wish) is None
    assert talk.ask(REQUEST, client).unit[0].address == first + (1 << 66), "the next one is free"
    talk = Talk(network_of(), ReferenceStore6([inside]))
    talk.now += 101
    assert talk.ask(REQUEST, client, wish).unit[0].address == first, "nobody holds the other one any more"


def test_each_pool_has_its_own_options():
    own = OptionValues([OptionValue(DNS_SERVERS, bytes(16))])
    pools = [Pool6.of("2001:db8::10/128"), Pool6.of("2001:db8::20 - 2001:db8::2f", options=own)]
    talk, said = Talk(network_of(attrs.evolve(LAB, pools=pools, pd_pools=[]))), []
    for number in (1, 2, 3):
        client = Client6(Duid.of_link_layer(bytes((2, 0, 0, 0, 0, number))).octets)
        answer = Packet6.parse(talk.ask(REQUEST, client, options={6: b"\0\x17"}).sent.data)
        said.append(answer.options.first[23])
    assert said == [DNS.payload, bytes(16), bytes(16)]


def test_each_subnet_has_its_own_options_though_they_delegate_the_same_prefixes():
    there = OptionValues([OptionValue(DNS_SERVERS, bytes(16))])
    talk = Talk(network_of(LAB, attrs.evolve(OTHER, pd_pools=LAB.pd_pools, options=there)))
    client, said = attrs.evolve(ANN, addresses=()), []
    for link in (RELAY, OTHER.first + 1, RELAY):
        answer = talk.ask(SOLICIT, client, relays=[relay(link)], options={6: b"\0\x17"})
        said.append(Packet6.parse(answer.sent.data).options.first[23])
    assert said == [DNS.payload, bytes(16), DNS.payload]


def test_what_a_client_once_had_for_another_association_is_anybody_s():
    """It is over: nobody who gets the address is told, and nothing else follows from whose it was."""
    old = Lease6(LAB.first + 0x10, ANN.duid, 10, 1_000, 1, 5, 0, 9, hwaddr=ANN.duid[-6:])
    for before in (old, old._replace(duid=b"\0\1bob"), old._replace(type=2, prefix_len=62), old._replace(subnet_id=2)):
        quick = Talk(network_of(), ReferenceStore6([before])).ask(REQUEST, attrs.evolve(ANN, prefixes=()))
        assert [change.before for change in quick.unit] == [before]
    named = old._replace(hostname="ann.")
    assert Talk(network_of(), ReferenceStore6([named])).ask(REQUEST, attrs.evolve(ANN, prefixes=())) is None
