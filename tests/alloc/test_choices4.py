"""What depends on who a DHCPv4 client is and where: classes, reservations, pools, vendor options, kept leases."""

from ipaddress import IPv4Address
from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import (
    INFINITE,
    Change,
    ClientClass,
    Host,
    Lease4,
    LeaseState,
    Lifetimes,
    Network,
    OptionValue,
    OptionValues,
    Overlay4,
    Pool4,
    SharedNetwork4,
    Subnet4,
)
from dhcpkit.alloc.engine4 import Dropped, Event, open4, plan4, reclaim4, repeat4
from dhcpkit.alloc.explain import explain4
from dhcpkit.alloc.expressions import parse, parse_text
from dhcpkit.alloc.extended4 import recalled, remembered
from dhcpkit.alloc.name_change import forgotten
from dhcpkit.alloc.naming import KEA_NAMING
from dhcpkit.alloc.pick import ALLOCATORS4, Queue4, Random4, Shuffle
from dhcpkit.alloc.points import Host4Identifier
from dhcpkit.backends import MemoryStore
from dhcpkit.hooks import Hooks
from dhcpkit.testing.machine import Client, Lab4, message4
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.testing.scenarios import conversations, networks
from dhcpkit.wire import Arrival, MessageType, Packet4
from dhcpkit.wire.kinds import BINARY
from dhcpkit.wire.options import Option
from dhcpkit.wire.options4 import DHCP4, ROUTERS

ANN = Client(b"\x02\0\0\0\0\x01")
BOB = Client(b"\x02\0\0\0\0\x02", b"\x01bob")
EVE = Client(b"\x02\0\0\0\0\x03")
DISCOVER, REQUEST, INFORM, RELEASE = (
    MessageType.DISCOVER,
    MessageType.REQUEST,
    MessageType.INFORM,
    MessageType.RELEASE,
)


def ip(text):
    return int(IPv4Address(text))


def four(text):
    return IPv4Address(text).packed


LOCAL = ip("192.0.2.1")
BROADCAST = Arrival("eth0", 2, local=LOCAL, broadcast=True)
LAB = Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.12")], lifetimes=Lifetimes(100, 50, 200))
NEXT = Subnet4("198.51.100.0/24", id=2, pools=[Pool4("198.51.100.10 - 198.51.100.12")])
LAST = Subnet4("203.0.113.0/24", id=3, pools=[Pool4("203.0.113.10 - 203.0.113.12")])
HOST = Host("hw-address", ANN.hwaddr, 1)


def link(*subnets, **more):
    """A shared network of these subnets."""
    named = [attrs.evolve(subnet, shared_network="link") for subnet in subnets]
    keys = {key: more.pop(key) for key in ("client_classes", "additional_classes") if key in more}
    return Network(shared_networks=[SharedNetwork4("link", named, **keys)], **more)


def lab_of(*subnets, hooks=None, store=None, **network):
    return Lab4(Network(subnets or [LAB], **network), store or ReferenceStore(), hooks=hooks)


def lease(address, client=ANN, **more):
    values = {"valid_lifetime": 100, "cltt": 1_000_000_000, "subnet_id": 1} | more
    return Lease4(ip(address), client.hwaddr, client.client_id, **values)


def put(lab, *leases):
    assert all(lab.store.append([(Change(None, each),) for each in leases]))


def ask(lab, kind, client=ANN, *, ciaddr="0.0.0.0", arrival=BROADCAST, giaddr="", **options):
    """One message; options by code as o50="...". Returns the decision and the parsed answer."""
    raw = {int(name[1:]): value if isinstance(value, bytes) else four(value) for name, value in options.items()}
    data = message4(kind, client, ciaddr=ip(ciaddr), options=raw)
    if giaddr:
        data = data[:24] + four(giaddr) + data[28:]
    decision, sent = lab.send(data, arrival)
    return decision, Packet4.parse(sent.data) if sent is not None else None


def take(lab, client=ANN, **options):
    """DISCOVER and REQUEST; the decision about the latter."""
    _, offer = ask(lab, DISCOVER, client, **options)
    return ask(lab, REQUEST, client, o50=str(IPv4Address(offer.yiaddr)), o54=offer.options[54], **options)[0]


def of_class(name, test="", **more):
    return ClientClass(name, test=parse(test) if test else None, **more)


def router(address):
    return OptionValues([OptionValue(ROUTERS, four(address))])


def classes_of(lab, client=ANN, kind=DISCOVER, **options):
    decision, _ = ask(lab, kind, client, **options)
    return decision.reply.classes if decision.reply is not None else None


class TestClasses:
    def test_they_are_told_in_kea_s_order(self):
        tested = [
            of_class("first", "option[60].hex == 'box'"),
            of_class("second", "member('first')"),
            of_class("held"),
            of_class("stranger", "member('UNKNOWN')"),
            of_class("late", "member('KNOWN')"),
            of_class("later", "member('late') or member('held')"),
            of_class("more", "member('later')", only_additional=True),
            of_class("plain", only_additional=True),
        ]
        pool = Pool4("192.0.2.10 - 192.0.2.12", additional_classes=["more", "absent"])
        subnet = attrs.evolve(LAB, pools=[pool], additional_classes=["plain"])
        host = attrs.evolve(HOST, client_classes=("held", "own"))
        lab = lab_of(subnet, hosts=[host], classes=tested)
        assert classes_of(lab, o60=b"box") == (
            "ALL", "VENDOR_CLASS_box", "held", "own", "first", "second", "KNOWN", "late", "later", "more", "plain",
        )  # fmt: skip
        assert classes_of(lab, BOB) == ("ALL", "UNKNOWN", "stranger", "plain")

    def test_a_reservation_s_class_overturns_what_was_told_without_it(self):
        tested = [of_class("held"), of_class("other", "not member('held')")]
        lab = lab_of(hosts=[attrs.evolve(HOST, client_classes=("held",))], classes=tested)
        assert "other" in classes_of(lab, BOB)
        assert "other" not in classes_of(lab)

    @pytest.mark.parametrize("where", ["first", "known", "reserved"])
    @pytest.mark.parametrize("kind", [DISCOVER, REQUEST, INFORM])
    def test_drop_is_silence_whenever_it_is_found_out(self, where, kind):
        test = {"first": "option[60].hex == 'bad'", "known": "member('KNOWN') and option[60].exists", "reserved": ""}
        host = attrs.evolve(HOST, client_classes=("DROP",) if where == "reserved" else ())
        lab = lab_of(hosts=[host], classes=[of_class("DROP", test[where])])
        decision, reply = ask(lab, kind, o60=b"bad", ciaddr="192.0.2.50" if kind == INFORM else "0.0.0.0")
        assert reply is None
        assert decision.reason == "admin-filtered"
        assert isinstance(decision, Dropped) == (where == "first")
        assert ask(lab, kind, BOB, ciaddr="192.0.2.50" if kind == INFORM else "0.0.0.0")[1] is not None

    def test_reject_is_a_refusal_of_requests_and_silence_to_discovers(self):
        lab = lab_of(classes=[of_class("REJECT", "option[60].hex == 'bad'")])
        assert ask(lab, DISCOVER, o60=b"bad")[1] is None
        assert ask(lab, REQUEST, o60=b"bad", o50="192.0.2.10", o54="192.0.2.1")[1].type == MessageType.NAK

    def test_a_template_makes_a_class_of_each_value(self):
        made = ClientClass("port", template=parse_text("option[61].hex"), lifetimes=Lifetimes.fixed(9))
        one = ClientClass("SPAWN_port_\x01bob", options=router("192.0.2.7"))
        lab = lab_of(classes=[made, one])
        classes = classes_of(lab, BOB)
        assert classes[1:3] == ("port", "SPAWN_port_\x01bob") or set(classes) >= {"port", "SPAWN_port_\x01bob"}
        decision, reply = ask(lab, DISCOVER, BOB, o55=b"\3")
        assert decision.lease.valid_lifetime == 9
        assert reply.options[3] == four("192.0.2.7")
        assert "port" not in classes_of(lab)

    def test_additional_classes_come_from_pool_subnet_and_network_and_are_not_tried_before(self):
        tested = [of_class(name, "option[60].exists", only_additional=True) for name in "abcd"]
        pool = Pool4("192.0.2.10 - 192.0.2.12", additional_classes=["a"])
        subnet = attrs.evolve(LAB, pools=[pool], additional_classes=["b"])
        lab = Lab4(link(subnet, additional_classes=("c",), classes=tested), ReferenceStore())
        assert classes_of(lab, o60=b"x")[-3:] == ("a", "b", "c")
        assert not set("abcd") & set(classes_of(lab))

    def test_a_shared_network_s_reservation_counts_once_the_address_is_chosen(self):
        guarded = attrs.evolve(LAB, pools=[Pool4("192.0.2.10/32", client_classes=["held"]), Pool4("192.0.2.20/32")])
        host = attrs.evolve(HOST, client_classes=("held",))
        tested = [of_class("held", options=router("192.0.2.9")), of_class("after", "member('held')")]
        alone = lab_of(guarded, hosts=[host], classes=tested)
        shared = Lab4(link(guarded, NEXT, hosts=[host], classes=tested), ReferenceStore())
        assert ask(alone, DISCOVER)[1].yiaddr == ip("192.0.2.10")
        decision, reply = ask(shared, DISCOVER, o55=b"\3")
        assert reply.yiaddr == ip("192.0.2.20")
        assert decision.reply.classes == ("ALL", "KNOWN", "held")
        assert reply.options[3] == four("192.0.2.9")

    def test_a_global_reservation_s_classes_open_pools_in_shared_networks_too(self):
        guarded = attrs.evolve(
            LAB,
            pools=[Pool4("192.0.2.10/32", client_classes=["held"]), Pool4("192.0.2.20/32")],
            reservations_global=True,
        )
        host = attrs.evolve(HOST, subnet_id=0, client_classes=("held",))
        assert ask(Lab4(link(guarded, NEXT, hosts=[host]), ReferenceStore()), DISCOVER)[1].yiaddr == ip("192.0.2.10")

    def test_a_client_with_a_reservation_in_a_sibling_is_known(self):
        lab = Lab4(link(LAB, NEXT, hosts=[attrs.evolve(HOST, subnet_id=2)]), ReferenceStore())
        assert "KNOWN" in classes_of(lab)
        assert ask(lab, DISCOVER)[1].yiaddr in NEXT, "a reservation without address says which subnet it is"

    def test_not_with_one_in_a_sibling_that_is_closed(self):
        closed = attrs.evolve(NEXT, client_classes=("vip",))
        lab = Lab4(link(LAB, closed, hosts=[attrs.evolve(HOST, subnet_id=2)]), ReferenceStore())
        assert "UNKNOWN" in classes_of(lab)

    def test_the_first_class_with_lifetimes_holds(self):
        tested = [
            of_class("none", "option[60].exists"),
            of_class("short", "option[60].exists", lifetimes=Lifetimes(10, 5, 20)),
            of_class("long", "option[60].exists", lifetimes=Lifetimes.fixed(99)),
        ]
        lab = lab_of(classes=tested)
        assert ask(lab, DISCOVER, o60=b"x")[0].lease.valid_lifetime == 10
        assert ask(lab, DISCOVER, o60=b"x", o51=bytes((0, 0, 0, 15)))[0].lease.valid_lifetime == 15

    def test_what_the_class_of_an_option_gets(self):
        values = [
            OptionValue(ROUTERS, four("192.0.2.1")),
            OptionValue(ROUTERS, four("192.0.2.2"), client_classes=("vip",)),
        ]
        subnet = attrs.evolve(LAB, options=OptionValues(values))
        lab = lab_of(subnet, classes=[of_class("vip", "option[60].exists")])
        assert ask(lab, DISCOVER)[1].options[3] == four("192.0.2.1")
        assert ask(lab, DISCOVER, o60=b"x")[1].options[3] == four("192.0.2.2")

    def test_guards_of_the_shared_network_hold_for_its_subnets(self):
        network = link(LAB, NEXT, client_classes=("vip",), classes=[of_class("vip", "option[60].exists")])
        lab = Lab4(network, ReferenceStore())
        assert ask(lab, DISCOVER)[1] is None
        assert ask(lab, DISCOVER, o60=b"x")[1].yiaddr == ip("192.0.2.10")

    def test_a_subnet_that_reservations_close_is_left_for_one_that_is_open(self):
        tested = [of_class("held"), of_class("plain", "not member('held')")]
        network = link(
            attrs.evolve(LAB, client_classes=("plain",), reservations_global=True),
            NEXT,
            hosts=[attrs.evolve(HOST, subnet_id=0, client_classes=("held",))],
            classes=tested,
        )
        lab = Lab4(network, ReferenceStore())
        assert ask(lab, DISCOVER, BOB)[1].yiaddr in LAB
        assert ask(lab, DISCOVER)[1].yiaddr in NEXT


class TestEarlyLookup:
    def test_a_global_reservation_chooses_the_subnet(self):
        guarded = attrs.evolve(LAB, client_classes=("vip",), reservations_global=True)
        host = attrs.evolve(HOST, subnet_id=0, client_classes=("vip",))
        late = lab_of(guarded, hosts=[host])
        early = lab_of(guarded, hosts=[host], early_global_reservations_lookup=True)
        assert ask(late, DISCOVER)[1] is None
        decision, reply = ask(early, DISCOVER)
        assert reply.yiaddr == ip("192.0.2.10")
        assert decision.reply.classes == ("ALL", "vip", "KNOWN")
        assert ask(early, DISCOVER, BOB)[1] is None

    def test_it_can_drop_before_a_subnet_is_selected(self):
        host = attrs.evolve(HOST, subnet_id=0)
        tested = [of_class("DROP", "member('KNOWN')")]
        lab = lab_of(hosts=[host], classes=tested, early_global_reservations_lookup=True)
        assert isinstance(ask(lab, DISCOVER)[0], Dropped)
        assert ask(lab, DISCOVER, BOB)[1] is not None

    def test_a_client_without_a_subnet_is_known_nonetheless(self):
        host = attrs.evolve(HOST, subnet_id=0)
        lab = lab_of(attrs.evolve(LAB, client_classes=("vip",)), hosts=[host], early_global_reservations_lookup=True)
        classes = classes_of(lab, kind=REQUEST, o50="192.0.2.10", o54="192.0.2.1")
        assert classes == ("ALL", "KNOWN")

    def test_its_address_holds_where_the_subnet_allows_it(self):
        host = attrs.evolve(HOST, subnet_id=0, address=ip("192.0.2.99"))
        keys = {"hosts": [host], "early_global_reservations_lookup": True}
        assert ask(lab_of(**keys), DISCOVER)[1].yiaddr == ip("192.0.2.10")
        subnet = attrs.evolve(LAB, reservations_global=True)
        assert ask(lab_of(subnet, **keys), DISCOVER)[1].yiaddr == ip("192.0.2.99")


class TestReservations:
    def test_the_global_address_is_for_the_subnet_it_fits(self):
        subnets = [attrs.evolve(each, reservations_global=True) for each in (LAB, NEXT)]
        lab = Lab4(link(*subnets, hosts=[Host("hw-address", ANN.hwaddr, 0, ip("198.51.100.99"))]), ReferenceStore())
        decision, reply = ask(lab, DISCOVER)
        assert reply.yiaddr == ip("198.51.100.99")
        assert decision.lease.subnet_id == 2
        outside = lab_of(subnets[0], hosts=[Host("hw-address", ANN.hwaddr, 0, ip("10.0.0.1"))])
        assert ask(outside, DISCOVER)[1].yiaddr == ip("192.0.2.10")

    def test_the_subnet_s_own_beats_the_global_one(self):
        subnet = attrs.evolve(LAB, reservations_global=True)
        hosts = [
            attrs.evolve(HOST, subnet_id=0, address=ip("192.0.2.98")),
            attrs.evolve(HOST, address=ip("192.0.2.99")),
        ]
        assert ask(lab_of(subnet, hosts=hosts), DISCOVER)[1].yiaddr == ip("192.0.2.99")
        without = [hosts[0], attrs.evolve(HOST, hostname="ann")]
        assert ask(lab_of(subnet, hosts=without), DISCOVER)[1].yiaddr == ip("192.0.2.10"), "even without an address"

    def test_several_may_have_one_address(self):
        hosts = [Host("hw-address", client.hwaddr, 1, ip("192.0.2.99")) for client in (ANN, BOB)]
        lab = lab_of(hosts=hosts)
        assert take(lab, BOB).lease.address == ip("192.0.2.99")
        assert ask(lab, DISCOVER)[1].yiaddr == ip("192.0.2.10"), "the other one has it"
        assert ask(lab, REQUEST, EVE, o50="192.0.2.99", o54="192.0.2.1")[1].type == MessageType.NAK

    def test_an_address_reserved_by_another_identifier_of_the_client_is_its_own(self):
        hosts = [
            Host("hw-address", BOB.hwaddr, 1, hostname="bob"),
            Host("client-id", BOB.client_id, 1, ip("192.0.2.10")),
        ]
        lab = lab_of(hosts=hosts)
        assert ask(lab, DISCOVER, BOB)[1].yiaddr == ip("192.0.2.10")
        assert ask(lab, DISCOVER, ANN)[1].yiaddr == ip("192.0.2.11")

    def test_out_of_pool_means_that_addresses_in_pools_are_not_reserved(self):
        subnet = attrs.evolve(LAB, reservations_out_of_pool=True)
        lab = lab_of(subnet, hosts=[Host("hw-address", BOB.hwaddr, 1, ip("192.0.2.10"))])
        assert ask(lab, DISCOVER)[1].yiaddr == ip("192.0.2.10")
        assert ask(lab, DISCOVER, BOB)[1].yiaddr == ip("192.0.2.11"), "the next in turn, not the reserved one"

    def test_a_callout_tells_a_flexible_identifier(self):
        hooks = Hooks()

        @hooks.on(Host4Identifier)
        def by_port(point):
            point.identifier = point.packet.options.get(60, b"")

        host = Host("flex-id", b"port 7", 1, ip("192.0.2.77"))
        lab = lab_of(hosts=[host], host_identifiers=("flex-id",), hooks=hooks)
        assert ask(lab, DISCOVER, o60=b"port 7")[1].yiaddr == ip("192.0.2.77")
        assert ask(lab, DISCOVER, o60=b"port 8")[1].yiaddr == ip("192.0.2.10")
        assert ask(lab_of(hosts=[host], host_identifiers=("flex-id",)), DISCOVER, o60=b"port 7")[1].yiaddr == ip(
            "192.0.2.10"
        )

    def test_a_conflict_gives_another_address_until_the_reserved_one_is_free(self):
        lab = lab_of(hosts=[attrs.evolve(HOST, address=ip("192.0.2.99"))])
        put(lab, lease("192.0.2.99", BOB))
        got = take(lab)
        assert got.lease.address == ip("192.0.2.10")
        assert ask(lab, REQUEST, ciaddr="192.0.2.10")[1].type == MessageType.ACK
        ask(lab, RELEASE, BOB, ciaddr="192.0.2.99")
        assert ask(lab, REQUEST, ciaddr="192.0.2.10")[1].type == MessageType.NAK
        assert take(lab).lease.address == ip("192.0.2.99")


class TestPools:
    def test_the_search_goes_around_from_the_selected_subnet(self):
        full = [lease(f"198.51.100.{n}", BOB, subnet_id=2) for n in (10, 11, 12)]
        lab = Lab4(link(LAB, NEXT, LAST), ReferenceStore(full))
        decision, _ = ask(lab, DISCOVER, giaddr="198.51.100.1")
        assert decision.lease.subnet_id == 3, "the one behind it, not the first"

    def test_it_begins_where_something_was_free_last(self):
        full = [lease(f"192.0.2.{n}", BOB) for n in (10, 11, 12)]
        lab = Lab4(link(LAB, NEXT), ReferenceStore(full))
        assert ask(lab, DISCOVER)[0].lease.subnet_id == 2
        ask(lab, RELEASE, BOB, ciaddr="192.0.2.10")
        assert ask(lab, DISCOVER, EVE)[0].lease.subnet_id == 2

    def test_not_in_one_with_other_guards(self):
        full = [lease(f"192.0.2.{n}", BOB) for n in (10, 11, 12)]
        other = attrs.evolve(NEXT, client_classes=("ALL",))
        lab = Lab4(link(LAB, other), ReferenceStore(full))
        assert ask(lab, DISCOVER)[0].lease.subnet_id == 2
        ask(lab, RELEASE, BOB, ciaddr="192.0.2.10")
        assert ask(lab, DISCOVER, EVE)[0].lease.subnet_id == 1

    def test_ends_of_24_bit_prefixes_are_given_to_those_who_ask_only(self):
        subnet = attrs.evolve(LAB, prefix="192.0.2.0/23", pools=[Pool4("192.0.2.254 - 192.0.3.1")])
        lab = lab_of(subnet, exclude_first_last_24=True)
        given_out = {take(lab, Client(bytes((2, 0, 0, 0, 0, n)))).lease.address for n in (1, 2)}
        assert given_out == {ip("192.0.2.254"), ip("192.0.3.1")}
        assert ask(lab, DISCOVER, EVE)[1] is None
        assert ask(lab, REQUEST, EVE, o50="192.0.2.255", o54="192.0.2.1")[1].type == MessageType.ACK
        narrow = attrs.evolve(LAB, prefix="192.0.2.0/25", pools=[Pool4("192.0.2.0/32")])
        assert ask(lab_of(narrow, exclude_first_last_24=True), DISCOVER)[1].yiaddr == ip("192.0.2.0")

    @given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.integers())
    def test_a_shuffle_has_every_address_once(self, first, size, seed):
        shuffle = Shuffle.of(first, first + size - 1, Random(seed))
        assert sorted(shuffle) == list(range(first, first + size))
        assert all(address in shuffle for address in shuffle)
        assert first + size not in shuffle

    def test_a_shuffle_is_lazy_and_is_not_in_order(self):
        shuffle = iter(Shuffle.of(0, 2**32 - 1, Random(1)))
        some = [next(shuffle) for _ in range(100)]
        assert len(set(some)) == 100
        assert some != sorted(some)

    @pytest.mark.parametrize("store", [ReferenceStore, MemoryStore])
    @pytest.mark.parametrize("name", sorted(ALLOCATORS4))
    def test_every_allocator_fills_a_pool_to_the_last_address(self, name, store):
        pool = Pool4("192.0.2.10 - 192.0.2.109")
        lab = lab_of(attrs.evolve(LAB, pools=[pool], allocator=name), store=store())
        got = [take(lab, Client(bytes((2, 0, 0, 0, 0, n)))).lease.address for n in range(100)]
        assert sorted(got) == list(range(pool.first, pool.last + 1))
        assert (got == sorted(got)) is (name != "random")
        assert ask(lab, DISCOVER, Client(b"\2\0\0\0\1\0"))[0].event is Event.FULL

    @pytest.mark.parametrize("free", [10, 100, 209])
    def test_a_random_choice_finds_the_last_free_address(self, free):
        pool = Pool4("192.0.2.10 - 192.0.2.209")
        others = [lease(f"192.0.2.{n}", BOB) for n in range(10, 210) if n != free]
        lab = lab_of(attrs.evolve(LAB, pools=[pool], allocator="random"), store=ReferenceStore(others))
        found = {ask(lab, DISCOVER, Client(bytes((2, 0, 0, 0, 1, n))))[1].yiaddr for n in range(8)}
        assert found == {ip(f"192.0.2.{free}")}

    def test_a_random_choice_is_the_same_when_planned_again(self):
        network = Network([attrs.evolve(LAB, pools=[Pool4("192.0.2.10 - 192.0.2.250")], allocator=Random4())])
        rng = Random(7)
        query = open4(Packet4.parse(message4(DISCOVER, ANN), BROADCAST), network)
        plans = {plan4(query, ReferenceStore(), network.hosts, 5, rng).lease.address for _ in range(5)}
        assert len(plans) == 1
        others = set()
        for xid in range(10):
            query = open4(Packet4.parse(message4(DISCOVER, ANN, xid=xid), BROADCAST), network)
            others.add(plan4(query, ReferenceStore(), network.hosts, 5, rng).lease.address)
        assert len(others) > 5

    def test_nobody_knows_an_allocator_of_another_name(self):
        with pytest.raises(ValueError, match="no allocator 'best'"):
            attrs.evolve(LAB, allocator="best")

    @given(networks(), st.sampled_from(sorted(ALLOCATORS4)), st.data())
    def test_no_address_is_leased_twice_whatever_the_allocator(self, network, name, data):
        lab = Lab4(network.with_allocator(ALLOCATORS4[name]), ReferenceStore())
        for step in data.draw(conversations(network)):
            lab.take(step)
            lab.check()

    @pytest.mark.parametrize("store", [ReferenceStore, MemoryStore])
    def test_lifetimes_get_short_where_addresses_are_few(self, store):
        pools = [Pool4("192.0.2.10 - 192.0.2.13")]
        subnet = attrs.evolve(
            LAB, pools=pools, allocator=Queue4(), adaptive_lease_time_threshold=0.75, cache_threshold=0.0
        )
        lab = lab_of(subnet, store=store())
        got = [take(lab, Client(bytes((2, 0, 0, 0, 0, n)))).lease.valid_lifetime for n in range(4)]
        assert got == [100, 100, 50, 50]
        lab.now += 20
        first = Client(bytes((2, 0, 0, 0, 0, 0)))
        assert ask(lab, REQUEST, first, ciaddr="192.0.2.10")[0].lease.valid_lifetime == 80, "what it has left"
        iterative = lab_of(attrs.evolve(subnet, allocator="iterative"))
        assert [take(iterative, Client(bytes((2, 0, 0, 0, 0, n)))).lease.valid_lifetime for n in range(4)] == [100] * 4


def vendor_option(enterprise, code, payload, **more):
    return OptionValue(Option(f"vendor-{enterprise}", code, f"option-{code}", BINARY), payload, **more)


def number(enterprise):
    return enterprise.to_bytes(4, "big")


class TestVendors:
    OFFERED = OptionValues(
        [
            vendor_option(4491, 2, b"tftp"),
            vendor_option(4491, 3, b"never", never_send=True),
            vendor_option(9, 1, b"x", always_send=True),
            vendor_option(9, 2, b"y"),
        ]
    )
    LAB = attrs.evolve(LAB, options=OFFERED)

    def test_a_cable_modem_gets_what_it_asks_for(self):
        oro = bytes((1, 3, 2, 3, 9))
        _, reply = ask(lab_of(self.LAB), DISCOVER, o125=number(4491) + bytes((len(oro),)) + oro)
        assert reply.options[125] == number(4491) + b"\x06\x02\x04tftp"
        assert 125 not in ask(lab_of(self.LAB), DISCOVER)[1].options

    @pytest.mark.parametrize("code", [124, 125])
    def test_others_get_what_is_always_sent(self, code):
        said = {f"o{code}": number(9) + b"\x03\x02ab" + number(7) + b"\0"}
        assert ask(lab_of(self.LAB), DISCOVER, **said)[1].options[125] == number(9) + b"\x03\x01\x01x"

    def test_each_enterprise_gets_its_own(self):
        said = number(9) + b"\0" + number(4491) + b"\x03\x01\x01\x02"
        _, reply = ask(lab_of(self.LAB), DISCOVER, o125=said)
        assert reply.options[125] == number(9) + b"\x03\x01\x01x" + number(4491) + b"\x06\x02\x04tftp"

    def test_those_configured_go_out_where_they_are_asked_for(self):
        values = [
            *self.OFFERED,
            OptionValue(DHCP4.by_code(125), number(9) + b"\0"),
            OptionValue(DHCP4.by_code(124), number(9) + b"\x02\x01a"),
            OptionValue(DHCP4.by_code(124), number(8) + b"\x02\x01b"),
        ]
        lab = lab_of(attrs.evolve(LAB, options=OptionValues(values)))
        _, reply = ask(lab, DISCOVER, o55=bytes((124, 125)))
        assert reply.options[125] == number(9) + b"\x03\x01\x01x"
        assert reply.options[124] == number(9) + b"\x02\x01a" + number(8) + b"\x02\x01b"
        assert not {124, 125} & ask(lab, DISCOVER)[1].options.keys()
        named = ask(lab, DISCOVER, o55=bytes((125,)), o125=number(9) + b"\0")[1]
        assert named.options[125] == number(9) + b"\x03\x01\x01x", "once, although client and configuration name it"

    def test_one_configured_goes_out_with_nothing_in_it(self):
        empty = OptionValues([OptionValue(DHCP4.by_code(125), number(9) + b"\0")])
        _, reply = ask(lab_of(attrs.evolve(LAB, options=empty)), DISCOVER, o55=bytes((125,)))
        assert reply.options[125] == number(9) + b"\0"

    def test_what_is_longer_than_an_octet_can_count_goes_in_parts(self):
        values = [vendor_option(9, code, bytes((code,)) * 200, always_send=True) for code in (1, 2)]
        values.append(vendor_option(9, 3, b"z" * 300, always_send=True))
        lab = lab_of(attrs.evolve(LAB, options=OptionValues(values)))
        _, reply = ask(lab, DISCOVER, o125=number(9) + b"\0")
        payload, found = reply.options[125], {}
        while payload:
            assert payload[:4] == number(9)
            inside, payload = payload[5 : 5 + payload[4]], payload[5 + payload[4] :]
            while inside:
                size = inside[1]
                found[inside[0]] = found.get(inside[0], b"") + inside[2 : 2 + size]
                inside = inside[2 + size :]
        assert found == {1: b"\1" * 200, 2: b"\2" * 200, 3: b"z" * 300}

    def test_answers_to_different_vendors_are_not_mixed_up(self):
        lab = lab_of(self.LAB)
        for _ in range(2):
            assert ask(lab, DISCOVER, o125=number(9) + b"\0")[1].options[125][:4] == number(9)
            assert 125 not in ask(lab, DISCOVER)[1].options

    @given(st.binary(max_size=40), st.binary(max_size=40))
    def test_whatever_a_client_says_of_vendors_is_answered(self, one, two):
        _, reply = ask(lab_of(self.LAB), DISCOVER, o125=one, o124=two)
        assert reply.type == MessageType.OFFER


class TestKeptOffers:
    LAB = attrs.evolve(LAB, offer_lifetime=30, cache_threshold=0.0)

    def test_an_offer_is_a_short_lease_of_which_the_client_hears_the_whole(self):
        lab = lab_of(self.LAB)
        decision, reply = ask(lab, DISCOVER)
        assert decision.event is Event.OFFER
        assert lab.store.by_address(ip("192.0.2.10")).valid_lifetime == 30
        assert int.from_bytes(reply.options[51], "big") == 100
        assert decision.names == ()
        assert ask(lab, DISCOVER, BOB)[1].yiaddr == ip("192.0.2.11")
        assert ask(lab, DISCOVER)[1].yiaddr == ip("192.0.2.10")
        got, _ = ask(lab, REQUEST, o50="192.0.2.10", o54="192.0.2.1")
        assert got.lease.valid_lifetime == 100

    def test_a_lease_that_lasts_longer_is_not_touched(self):
        lab = lab_of(self.LAB)
        put(lab, lease("192.0.2.10"))
        assert ask(lab, DISCOVER)[0].unit == ()
        lab.now += 80
        assert ask(lab, DISCOVER)[0].unit

    def test_a_class_says_how_long(self):
        tested = [of_class("not", "option[60].exists", offer_lifetime=0)]
        lab = lab_of(self.LAB, classes=tested)
        assert ask(lab, DISCOVER, o60=b"x")[0].unit == ()
        assert ask(lab, DISCOVER, BOB)[0].unit

    def test_without_a_store_nobody_is_promised_anything(self):
        network = Network([self.LAB])
        query = open4(Packet4.parse(message4(DISCOVER, ANN), BROADCAST), network)
        assert repeat4(query, ReferenceStore(), network.hosts, 5, Random(0)).unit == ()

    def test_a_client_that_takes_another_address_gives_the_offered_one_back(self):
        lab = lab_of(self.LAB)
        ask(lab, DISCOVER)
        decision, _ = ask(lab, REQUEST, o50="192.0.2.12", o54="192.0.2.1")
        assert decision.lease.address == ip("192.0.2.12")
        assert list(lab.store.leases) == [ip("192.0.2.12")]


class TestReleases:
    NAMED = attrs.evolve(LAB, naming=KEA_NAMING)

    def test_a_released_lease_waits_for_its_client(self):
        lab = lab_of(keep_released=True)
        put(lab, lease("192.0.2.10", hostname="ann.", fqdn_fwd=True))
        decision, _ = ask(lab, RELEASE, ciaddr="192.0.2.10")
        kept = lab.store.by_address(ip("192.0.2.10"))
        assert (kept.state, kept.valid_lifetime, kept.hostname) == (LeaseState.RELEASED, 0, "ann.")
        assert decision.names == (), "DNS hears when it is reclaimed"
        assert ask(lab, DISCOVER, BOB)[1].yiaddr != ip("192.0.2.10") or lab.store.by_address(ip("192.0.2.10"))
        assert take(lab).lease.address == ip("192.0.2.10")
        assert lab.store.by_address(ip("192.0.2.10")).state == LeaseState.DEFAULT

    @pytest.mark.parametrize(("keep", "lifetime"), [(False, 100), (True, INFINITE)])
    def test_it_is_gone_where_nobody_keeps_it(self, keep, lifetime):
        lab = lab_of(self.NAMED, keep_released=keep)
        put(lab, lease("192.0.2.10", hostname="ann.", fqdn_fwd=True, valid_lifetime=lifetime))
        decision, _ = ask(lab, RELEASE, ciaddr="192.0.2.10")
        assert not lab.store.leases
        assert [(each.remove, each.fqdn) for each in decision.names] == [(True, "ann.")]

    def test_a_released_address_is_anybody_s(self):
        lab = lab_of(attrs.evolve(LAB, pools=[Pool4("192.0.2.10/32")]), keep_released=True)
        put(lab, lease("192.0.2.10"))
        ask(lab, RELEASE, ciaddr="192.0.2.10")
        assert take(lab, BOB).lease.hwaddr == BOB.hwaddr

    def test_what_is_taken_back_is_told_to_dns(self):
        over = lease("192.0.2.10", hostname="ann.", fqdn_rev=True)
        told = forgotten(reclaim4(over, over.expire + 1, hold=True).before, Network([self.NAMED]))
        assert [(each.remove, each.forward, each.reverse) for each in told] == [(True, False, True)]
        assert forgotten(over, Network([LAB])) == (), "DNS is told nothing where it is told nothing at all"


class TestWithoutIpv4:
    WAIT = OptionValue(DHCP4.by_code(108), bytes((0, 0, 1, 0)))
    LAB = attrs.evolve(LAB, options=OptionValues([WAIT]))

    @pytest.mark.parametrize("kind", [DISCOVER, REQUEST])
    def test_a_client_that_can_do_without_is_told_to(self, kind):
        lab = lab_of(self.LAB)
        decision, reply = ask(lab, kind, o55=bytes((108,)))
        assert (reply.yiaddr, reply.options[108]) == (0, bytes((0, 0, 1, 0)))
        assert decision.unit == ()
        assert not {1, 51} & reply.options.keys()
        assert ask(lab, kind, BOB)[1].yiaddr == ip("192.0.2.10")

    def test_only_where_a_subnet_or_its_network_says_so(self):
        assert ask(lab_of(options=self.LAB.options), DISCOVER, o55=bytes((108,)))[1].yiaddr == ip("192.0.2.10")
        lab = Lab4(link(LAB, attrs.evolve(NEXT, options=self.LAB.options)), ReferenceStore())
        assert ask(lab, DISCOVER, o55=bytes((108,)))[1].yiaddr == 0

    def test_silence_where_it_must_not_be_told(self):
        host = attrs.evolve(HOST, options=OptionValues([attrs.evolve(self.WAIT, never_send=True)]))
        assert ask(lab_of(self.LAB, hosts=[host]), DISCOVER, o55=bytes((108,)))[1] is None


RELAY = b"\x01\x05port7\x02\x03abc\x0c\x02\x01\x02"


class TestRelayInformation:
    LAB = attrs.evolve(LAB, store_extended_info=True, cache_threshold=0.0)

    def test_it_is_kept_as_kea_keeps_it(self):
        lab = lab_of(self.LAB)
        got = take(lab, giaddr="192.0.2.2", o82=RELAY)
        assert got.lease.user_context == (
            '{ "ISC": { "relay-agent-info": { "relay-id": "0102", "remote-id": "616263", '
            f'"sub-options": "0x{RELAY.hex().upper()}" }} }} }}'
        )

    def test_a_renewal_without_it_keeps_what_is_there(self):
        lab = lab_of(self.LAB)
        put(lab, lease("192.0.2.10", user_context='{ "note": 1 }'))
        assert ask(lab, REQUEST, ciaddr="192.0.2.10")[0].lease.user_context == '{ "note": 1 }'
        changed, _ = ask(lab, REQUEST, ciaddr="192.0.2.10", giaddr="192.0.2.2", o82=b"\x01\x01x")
        assert changed.lease.user_context == (
            '{ "ISC": { "relay-agent-info": { "sub-options": "0x010178" } }, "note": 1 }'
        )

    def test_a_client_that_comes_back_finds_it(self):
        lab = lab_of(self.LAB, keep_released=True)
        put(lab, lease("192.0.2.10", user_context='{ "note": 1 }'))
        ask(lab, RELEASE, ciaddr="192.0.2.10")
        assert take(lab).lease.user_context == '{ "note": 1 }'

    def test_another_client_does_not_inherit_it(self):
        lab = lab_of(self.LAB)
        put(lab, lease("192.0.2.10", BOB, user_context='{ "note": 1 }'))
        lab.now += 500
        got, _ = ask(lab, REQUEST, o50="192.0.2.10", o54="192.0.2.1")
        assert got.lease.user_context == ""

    @given(st.binary(min_size=1, max_size=60), st.sampled_from(["", "{ }", "[ 1 ]", "nonsense", '{ "ISC": 3 }']))
    def test_what_is_kept_is_found_again(self, relay, context):
        assert recalled(remembered(relay, context)) == relay

    @pytest.mark.parametrize(
        ("context", "relay"),
        [
            ('{ "ISC": { "relay-agent-info": "0x010178" } }', b"\x01\x01x"),
            ('{ "ISC": { "relay-agent-info": { "sub-options": "0x" } } }', None),
            ('{ "ISC": { "relay-agent-info": { "sub-options": "0x0" } } }', None),
            ('{ "ISC": { "relay-agent-info": { } } }', None),
            ("", None),
        ],
    )
    def test_forms_of_older_files(self, context, relay):
        assert recalled(context) == relay

    def test_a_renewal_gets_back_what_the_relay_said(self):
        tested = [of_class("vip", "relay4[1].hex == 'port7'", options=router("192.0.2.9"))]
        for stash in (True, False):
            lab = lab_of(self.LAB, classes=tested, stash_agent_options=stash)
            take(lab, giaddr="192.0.2.2", o82=RELAY)
            direct = attrs.evolve(BROADCAST, broadcast=False)
            decision, reply = ask(lab, REQUEST, ciaddr="192.0.2.10", arrival=direct)
            assert reply.type == MessageType.ACK
            assert ("vip" in decision.reply.classes) is stash
            assert ("STASH_AGENT_OPTIONS" in decision.reply.classes) is stash
            assert (3 in reply.options) is stash
            assert 82 not in reply.options
            assert recalled(decision.lease.user_context) == RELAY

    @pytest.mark.parametrize(
        "fields",
        [{"client": BOB}, {"giaddr": "192.0.2.2"}, {"o82": b"\x01\x01x"}, {"later": 1000}],
        ids=["another client", "through a relay", "with its own", "after the end"],
    )
    def test_but_not_in_every_case(self, fields):
        lab = lab_of(self.LAB, stash_agent_options=True)
        take(lab, giaddr="192.0.2.2", o82=RELAY)
        lab.now += fields.pop("later", 0)
        decision, _ = ask(lab, REQUEST, ciaddr="192.0.2.10", **fields)
        assert decision.reply is None or "STASH_AGENT_OPTIONS" not in decision.reply.classes


def test_an_explanation_names_what_decided():
    host = attrs.evolve(HOST, client_classes=("held",))
    subnet = attrs.evolve(LAB, offer_lifetime=30, options=TestVendors.OFFERED)
    network = Network([subnet], hosts=[host], classes=[of_class("held"), of_class("late", "member('KNOWN')")])
    packet = Packet4.parse(message4(DISCOVER, ANN, options={125: number(9) + b"\0"}), BROADCAST)
    notes = [str(note) for note in explain4(packet, network, Overlay4(ReferenceStore()), 5).notes]
    for said in ("classes: held: member", "classes: late: member", "reservation: hw-address", "lifetime: 30 s: kept"):
        assert any(note.startswith(said) for note in notes), (said, notes)
