"""Whatever happens, what DNS was told is what the leases say; and names are names, whatever clients call themselves."""

from ipaddress import IPv4Address, IPv6Address

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

from dhcpkit.alloc import Host, Network, Pool4, Subnet4
from dhcpkit.alloc.engine4 import reclaim4
from dhcpkit.alloc.engine6 import reclaim6
from dhcpkit.alloc.host6 import Host6
from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.alloc.name_change import complete_name, forgotten, is_told, removal
from dhcpkit.alloc.names import NO_NAME, choose_name
from dhcpkit.alloc.names6 import NO_NAME6, choose_name6
from dhcpkit.alloc.naming import KEA_NAMING, NO_UPDATES, Naming
from dhcpkit.alloc.network import Lifetimes, SharedNetwork4
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, SharedNetwork6, Subnet6
from dhcpkit.testing.machine import Client, Lab4, message4
from dhcpkit.testing.machine6 import Binding6, Client6, Lab6, message6
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.wire import Arrival, MessageType, Packet4
from dhcpkit.wire.client_fqdn import CLIENT_FQDN, ClientFqdn
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.names import split_name, wire_labels

NAMES = ("box", "new", "a.B.", "", "od_d")
NAMINGS = st.builds(
    Naming,
    send_updates=st.sampled_from([True, True, True, False]),
    override_no_update=st.booleans(),
    override_client_update=st.booleans(),
    replace_client_name=st.sampled_from(["never", "always", "when-present", "when-not-present"]),
    qualifying_suffix=st.sampled_from(["", "lab.example", "x."]),
    update_on_renew=st.booleans(),
    ttl=st.sampled_from([0, 50]),
)
LOCAL = int(IPv4Address("192.0.2.1"))
FIRST, OTHER = int(IPv4Address("192.0.2.10")), int(IPv4Address("198.51.100.10"))
FIRST6, OTHER6 = int(IPv6Address("2001:db8:1::10")), int(IPv6Address("2001:db8:2::10"))
SERVER = Duid.of_link_layer(b"\2\0\0\0\0\xff")
ACTS = ("request", "request", "request", "renew", "renew", "release", "decline", "wait", "reclaim")
SAID = st.none() | st.tuples(st.sampled_from(NAMES), st.sampled_from([(True, False), (False, False), (False, True)]))


@attrs.define
class Records:
    """The records that DNS has, by what it was told: names with addresses, one way and the other."""

    forward: set = attrs.field(factory=set)
    reverse: set = attrs.field(factory=set)

    def hear(self, names):
        for each in names:
            assert each.forward or each.reverse, "there is something to do"
            for wanted, known in ((each.forward, self.forward), (each.reverse, self.reverse)):
                record = (each.fqdn, int(each.address))
                if wanted and each.remove:
                    known.discard(record)
                elif wanted:
                    known.add(record)


def records_of(leases):
    told = [lease for lease in leases if is_told(lease)]
    return (
        {(complete_name(lease.hostname), lease.address) for lease in told if lease.fqdn_fwd},
        {(complete_name(lease.hostname), lease.address) for lease in told if lease.fqdn_rev},
    )


def take_back(lab, reclaim, records, hold):
    for lease in list(lab.store.leases.values()):
        if lease.expired(lab.now) and lease.state != 2:
            change = reclaim(lease, lab.now, hold=hold)
            assert lab.store.append([(change,)])[0]
            records.hear(forgotten(change.before, lab.network))
            if change.after is not None:
                assert not is_told(change.after), "nothing of the name stays"


@given(st.lists(NAMINGS, min_size=3, max_size=3), st.booleans(), st.data())
def test_dhcpv4_leases_and_dns_agree(namings, keep, data):
    pools = [Pool4("192.0.2.10/32"), Pool4("192.0.2.11 - 192.0.2.12", naming=namings[2])]
    life = {"lifetimes": Lifetimes(100, 50, 200), "cache_threshold": 0.25}
    one = Subnet4("192.0.2.0/24", id=1, pools=pools, naming=namings[0], **life)
    two = Subnet4("198.51.100.0/24", id=2, pools=[Pool4("198.51.100.10/32")], naming=namings[1], **life)
    hosts = [Host("hw-address", b"\2\0\0\0\0\1", 1, FIRST + 2, hostname="Desk")]
    network = Network(shared_networks=[SharedNetwork4("lab", [one, two])], hosts=hosts, keep_released=keep)
    lab, records = Lab4(attrs_naming(network), ReferenceStore()), Records()
    for _ in range(data.draw(st.integers(1, 12))):
        act = data.draw(st.sampled_from(ACTS))
        if act == "wait":
            lab.now += data.draw(st.sampled_from([1, 60, 150, 250]))
        elif act == "reclaim":
            take_back(lab, reclaim4, records, hold=data.draw(st.booleans()))
        else:
            number = data.draw(st.integers(1, 3))
            client = Client(b"\2\0\0\0\0" + bytes((number,)), data.draw(st.sampled_from([b"", b"\1id%d" % number])))
            address = data.draw(st.sampled_from([FIRST, FIRST + 1, FIRST + 2, OTHER]))
            message = message_of4(act, client, address, data.draw(SAID), plain=data.draw(st.booleans()))
            decision, _ = lab.send(message, Arrival("eth0", 2, local=LOCAL, broadcast=True))
            records.hear(decision.names)
        assert (records.forward, records.reverse) == records_of(lab.store.leases.values())


def attrs_naming(network):
    """The network of a configuration that enables updates."""
    network.naming = KEA_NAMING
    return network


def message_of4(act, client, address, said, *, plain):
    options = {}
    if said is not None and plain:
        options[12] = said[0].encode()
    elif said is not None:
        options[81] = CLIENT_FQDN.build(ClientFqdn(said[0], server_updates=said[1][0], no_updates=said[1][1]))
    four, server = address.to_bytes(4, "big"), LOCAL.to_bytes(4, "big")
    kind = {"release": MessageType.RELEASE, "decline": MessageType.DECLINE}.get(act, MessageType.REQUEST)
    ciaddr = 0 if act in {"request", "decline"} else address
    more = {50: four, 54: server} if act in {"request", "decline"} else {}
    return message4(kind, client, ciaddr=ciaddr, options=dict(sorted((options | more).items())))


@given(st.lists(NAMINGS, min_size=3, max_size=3), st.booleans(), st.booleans(), st.data())
def test_dhcpv6_leases_and_dns_agree(namings, keep, several, data):
    """With several addresses a client's name is at one of them; what DNS has is never more than leases say."""
    pools = [Pool6(FIRST6, FIRST6), Pool6(FIRST6 + 1, FIRST6 + 3, naming=namings[2])]
    life = {"valid": Lifetimes(100, 50, 200), "cache_threshold": 0.25, "interface": "lab0"}
    delegated = [PdPool("2001:db8:f::/60", 64)]
    one = Subnet6("2001:db8:1::/64", id=1, pools=pools, pd_pools=delegated, naming=namings[0], **life)
    two = Subnet6("2001:db8:2::/64", id=2, pools=[Pool6(OTHER6, OTHER6 + 1)], naming=namings[1], **life)
    hosts = [Host6("duid", b"\0\3\0\1\1", 1, (FIRST6 + 2,), hostname="Desk")]
    shared = [SharedNetwork6("lab", [one, two])]
    network = Network6(shared_networks=shared, server_id=SERVER, hosts=hosts, keep_released=keep)
    lab, records = Lab6(network), Records()
    for _ in range(data.draw(st.integers(1, 12))):
        act = data.draw(st.sampled_from((*ACTS, "rebind", "prefix")))
        if act == "wait":
            lab.now += data.draw(st.sampled_from([1, 60, 150, 250]))
        elif act == "reclaim":
            take_back(lab, reclaim6, records, hold=data.draw(st.booleans()))
        else:
            message = message_of6(act, data, several=several)
            decision, _ = lab.send(message, Arrival6("lab0", 2, int(IPv6Address("fe80::1")), 546, 1, multicast=True))
            records.hear(decision.names)
        forward, reverse = records_of(lab.store.leases.values())
        if several:
            assert records.forward <= forward
            assert records.reverse <= reverse
        else:
            assert (records.forward, records.reverse) == (forward, reverse)


def message_of6(act, data, *, several):
    duid = b"\0\3\0\1" + bytes((data.draw(st.integers(1, 3)),))
    iaids = data.draw(st.sampled_from([(1,), (2,), (1, 2)])) if several else (1,)
    wanted = data.draw(st.lists(st.sampled_from([FIRST6, FIRST6 + 1, FIRST6 + 2, OTHER6, OTHER6 + 1]), min_size=2))
    bindings = [Binding6(LeaseType.IA_NA, iaid, address) for iaid, address in zip(iaids, wanted, strict=False)]
    said, options = data.draw(SAID), {}
    if said is not None:
        name, (updates, none) = said
        wire = wire_labels(split_name(name)) if name else b""
        options[39] = bytes((updates | none << 2,)) + wire + (b"\0" if name.endswith(".") else b"")
    client = Client6(duid, iaids, (1,) if act == "prefix" else ())
    kind = MessageType6.REQUEST if act == "prefix" else MessageType6[act.upper()]
    server = None if act == "rebind" else SERVER.octets
    return message6(kind, client, bindings, server_id=server, options=options, empty=act not in {"release", "decline"})


# What clients call themselves.

OCTETS = st.binary(max_size=70) | st.text("aB-._!x\\ ", max_size=70).map(str.encode)
LABELS = st.lists(
    st.text("aB-._!x\\ ü", min_size=1, max_size=30).map(str.encode) | st.binary(min_size=1, max_size=63), max_size=5
)
WIRE = st.builds(
    lambda labels, end: b"".join(bytes((len(each),)) + each for each in labels) + end,
    LABELS,
    st.sampled_from([b"", b"\0"]),
)
CLEANING = st.sampled_from(
    [
        ("[^A-Za-z0-9.-]", ""),
        ("[^A-Za-z0-9.-]", "-"),
        ("[^a-z]", "x"),
        ("", ""),
        ("[.]", "-"),
        ("x", ".."),
        ("b", "y" * 70),
    ]
)


def named4(octets, naming, code, *, wire=False):
    options = {code: octets if code == 12 else bytes((5 if wire else 1, 0, 0)) + octets}
    packet = Packet4.parse(message4(MessageType.REQUEST, Client(b"\2\0\0\0\0\1"), options=options))
    try:
        return choose_name(packet, naming, None, FIRST)
    except ValueError:
        return NO_NAME  # a message with such an option 81 is dropped when it is opened


def is_name(hostname):
    """Whether DNS has such a name: its octets, as they stand or as a zone file writes them."""
    return bool(complete_name(hostname))


@given(OCTETS, CLEANING, st.sampled_from(["", "lab.example", "lab.example."]), st.sampled_from([12, 81]))
@example(b"b", ("b", "y" * 70), "", 12)
@example(b"x", ("x", ".."), "lab.example", 81)
@example(b"a" * 63, ("a", "bb"), "lab.example", 12)
@example(b"a" * 63, ("[^a]", ""), ".".join(["b" * 63] * 3), 12)
def test_what_is_left_of_a_dhcpv4_client_s_name_is_a_name(octets, cleaning, suffix, code):
    naming = Naming(qualifying_suffix=suffix, char_set=cleaning[0], char_replacement=cleaning[1])
    name = named4(octets, naming, code)
    if name.hostname:
        assert is_name(name.hostname)
        assert (name.hostname.endswith(".")) or code == 12
        if suffix and not octets.endswith((b".", b"\0")) and "." not in octets.decode("latin-1"):
            bare = name.hostname.removesuffix(".")
            assert bare == "lab.example" or bare.endswith(".lab.example")


@given(WIRE, CLEANING, st.sampled_from(["", "lab.example"]))
@example(b"".join(b"\x3e" + b"a" * 62 for _ in range(4)), ("", ""), "lab.example")
def test_nor_does_a_name_in_wire_form_lead_to_another(octets, cleaning, suffix):
    naming = Naming(qualifying_suffix=suffix, char_set=cleaning[0], char_replacement=cleaning[1])
    name = named4(octets, naming, 81, wire=True)
    if name.hostname:
        assert is_name(name.hostname)
        assert name.hostname.endswith(".")
        assert CLIENT_FQDN.parse(name.fqdn).name == name.hostname


@given(OCTETS | WIRE, CLEANING, st.sampled_from(["", "lab.example", "lab.example."]))
@example(b"\1b", ("b", "y" * 70), "")
@example(b"\3a.b", ("", ""), "lab.example")
@example(b"".join(b"\x3e" + b"a" * 62 for _ in range(4)), ("", ""), "lab.example")
def test_what_is_left_of_a_dhcpv6_client_s_name_is_a_name(octets, cleaning, suffix):
    naming = Naming(qualifying_suffix=suffix, char_set=cleaning[0], char_replacement=cleaning[1])
    client = Client6(b"\0\3\0\1\1")
    packet = Packet6.parse(message6(MessageType6.REQUEST, client, options={39: b"\1" + octets}))
    try:
        name = choose_name6(packet, None, naming, None)
    except ValueError:
        name = NO_NAME6  # as above
    if name.hostname:
        assert is_name(name.hostname)
        assert name.hostname.endswith(".")
        assert len(name.payload) <= 256


@given(st.text(max_size=20))
def test_a_complete_name_is_one_and_stays_it(hostname):
    name = complete_name(hostname)
    if name:
        assert name.endswith(".")
        assert complete_name(name) == name == name.lower()
        wire_labels(split_name(name))


def test_where_updates_are_not_enabled_nothing_is_told():
    lab = Lab4(Network([Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10/32")], naming=KEA_NAMING)]), ReferenceStore())
    lab.send(message_of4("request", Client(b"\2\0\0\0\0\1"), FIRST, ("box", (True, False)), plain=False), arrival())
    [lease] = lab.store.leases.values()
    assert len(list(removal(lease, KEA_NAMING))) == 1
    assert not list(removal(lease, NO_UPDATES))


def arrival():
    return Arrival("eth0", 2, local=LOCAL, broadcast=True)
