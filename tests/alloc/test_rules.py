"""The rules of RFC 2131 4.3 as Kea keeps them, one test each."""

from ipaddress import IPv4Address
from random import Random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import (
    INFINITE,
    NO_TRACE,
    Change,
    ClientClass,
    Host,
    Lease4,
    LeaseState,
    Level,
    Lifetimes,
    Network,
    OptionValue,
    OptionValues,
    Pool4,
    SharedNetwork4,
    Subnet4,
    Trace,
)
from dhcpkit.alloc.answer import answer4
from dhcpkit.alloc.engine4 import Dropped, Event, open4, plan4, reclaim4
from dhcpkit.alloc.times import tee_times
from dhcpkit.testing.machine import Client, Lab4, message4
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.wire import Arrival, MessageType, Packet4
from dhcpkit.wire.options4 import DOMAIN_NAME, DOMAIN_NAME_SERVERS, ROUTERS

ANN = Client(b"\x02\0\0\0\0\x01")
BOB = Client(b"\x02\0\0\0\0\x02", b"\x01bob")
DISCOVER, REQUEST, INFORM = MessageType.DISCOVER, MessageType.REQUEST, MessageType.INFORM


def ip(text):
    return int(IPv4Address(text))


def four(text):
    return IPv4Address(text).packed


LOCAL = ip("192.0.2.1")
BROADCAST = Arrival("eth0", 2, local=LOCAL, broadcast=True)
LAB = Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.12")], lifetimes=Lifetimes(100, 50, 200))


def lab_of(subnet=LAB, **network):
    return Lab4(Network([subnet], **network), ReferenceStore())


def lease(address, client=ANN, **more):
    values = {"valid_lifetime": 100, "cltt": 1_000_000_000, "subnet_id": 1} | more
    return Lease4(ip(address), client.hwaddr, client.client_id, **values)


def ask(lab, kind, client=ANN, *, ciaddr="0.0.0.0", arrival=BROADCAST, flags=0, giaddr="", **options):
    """One message; options by code as o50="...". Returns the decision and the parsed answer."""
    raw = {int(name[1:]): value if isinstance(value, bytes) else four(value) for name, value in options.items()}
    data = message4(kind, client, ciaddr=ip(ciaddr), broadcast=bool(flags), options=raw)
    if giaddr:
        data = data[:24] + four(giaddr) + data[28:]
    decision, sent = lab.send(data, arrival)
    return decision, Packet4.parse(sent.data) if sent is not None else None


class TestRequest:
    def test_selecting_another_server_is_not_our_affair(self):
        decision, reply = ask(lab_of(), REQUEST, o50="192.0.2.10", o54="192.0.2.77")
        assert isinstance(decision, Dropped)
        assert decision.reason == "not-for-us"
        assert reply is None

    def test_an_address_of_another_client_is_refused_never_replaced(self):
        lab = lab_of()
        lab.store.append([(Change(None, lease("192.0.2.10", BOB)),)])
        decision, reply = ask(lab, REQUEST, o50="192.0.2.10", o54="192.0.2.1")
        assert reply.type == MessageType.NAK
        assert decision.unit == ()

    @pytest.mark.parametrize(("authoritative", "answer"), [(False, None), (True, MessageType.NAK)])
    def test_init_reboot_without_record_is_silent_unless_authoritative(self, authoritative, answer):
        lab = lab_of(attrs.evolve(LAB, authoritative=authoritative))
        _, reply = ask(lab, REQUEST, o50="192.0.2.10")
        assert (reply and reply.type) == answer

    def test_init_reboot_with_another_address_is_refused(self):
        lab = lab_of()
        lab.store.append([(Change(None, lease("192.0.2.10")),)])
        assert ask(lab, REQUEST, o50="192.0.2.11")[1].type == MessageType.NAK

    @pytest.mark.parametrize(
        ("fields", "answer"),
        [
            ({"o50": "10.0.0.1", "o54": "192.0.2.1"}, MessageType.NAK),  # selecting
            ({"ciaddr": "10.0.0.1", "arrival": attrs.evolve(BROADCAST, broadcast=False)}, MessageType.NAK),  # renewing
            ({"ciaddr": "10.0.0.1"}, None),  # rebinding
            ({"o50": "10.0.0.1"}, None),  # init-reboot
        ],
    )
    def test_without_a_subnet(self, fields, answer):
        lab = Lab4(Network([attrs.evolve(LAB, prefix="198.51.100.0/24", pools=())]), ReferenceStore())
        _, reply = ask(lab, REQUEST, **fields)
        assert (reply and reply.type) == answer

    def test_an_address_in_no_pool_is_another_servers_affair(self):
        decision, reply = ask(lab_of(), REQUEST, ciaddr="192.0.2.99")
        assert reply is None
        assert "no pool" in decision.because

    def test_a_client_that_moves_gives_up_its_old_lease_in_the_same_unit(self):
        lab = lab_of()
        old = lease("192.0.2.10")
        lab.store.append([(Change(None, old),)])
        decision, reply = ask(lab, REQUEST, o50="192.0.2.11", o54="192.0.2.1")
        assert reply.type == MessageType.ACK
        assert decision.unit[1] == Change(old, None)
        assert list(lab.store.leases) == [ip("192.0.2.11")]

    def test_a_request_for_nothing_in_particular_is_served(self):
        decision, reply = ask(lab_of(), REQUEST)
        assert reply.type == MessageType.ACK
        assert decision.event is Event.ALLOC


class TestLifetimes:
    @pytest.mark.parametrize(("asked", "granted"), [(None, 100), (0, 100), (10, 50), (150, 150), (10**6, 200)])
    def test_what_is_asked_for_is_kept_within_bounds(self, asked, granted):
        more = {} if asked is None else {"o51": asked.to_bytes(4, "big")}
        _, reply = ask(lab_of(), DISCOVER, **more)
        assert int.from_bytes(reply.options[51], "big") == granted

    def test_a_class_beats_the_subnet(self):
        host = Host("hw-address", ANN.hwaddr, 1, client_classes=("fast",))
        lab = lab_of(hosts=[host], classes=[ClientClass("fast", lifetimes=Lifetimes.fixed(7))])
        assert ask(lab, DISCOVER)[0].lease.valid_lifetime == 7
        assert ask(lab, DISCOVER, BOB)[0].lease.valid_lifetime == 100

    @given(
        st.none() | st.integers(0, 300),
        st.none() | st.integers(0, 300),
        st.booleans(),
        st.integers(1, 300) | st.just(INFINITE),
    )
    def test_t1_before_t2_before_the_end(self, t1, t2, calculate, lifetime):
        subnet = attrs.evolve(LAB, renew_timer=t1, rebind_timer=t2, calculate_tee_times=calculate)
        renew, rebind = tee_times(subnet, lifetime)
        assert renew is None or 0 < renew < (rebind if rebind is not None else lifetime)
        assert rebind is None or 0 < rebind < lifetime
        if not calculate:
            assert renew in (None, t1)
            assert rebind in (None, t2)

    @pytest.mark.parametrize(
        ("age", "changes", "repeated"),
        [
            (10, {}, True),
            (25, {}, True),
            (26, {}, False),  # older than a quarter of its lifetime
            (10, {"cache_threshold": 0.0}, False),
            (10, {"cache_max_age": 9}, False),
            (10, {"renew_timer": 11}, False),  # it was told to come at its T1
            (10, {"renew_timer": 20}, True),
        ],
    )
    def test_a_young_lease_is_repeated_and_not_written(self, age, changes, repeated):
        lab = lab_of(attrs.evolve(LAB, **changes))
        lab.store.append([(Change(None, lease("192.0.2.10")),)])
        lab.now += age
        decision, reply = ask(lab, REQUEST, ciaddr="192.0.2.10")
        assert decision.event is (Event.REUSE if repeated else Event.RENEW)
        assert bool(decision.unit) is not repeated
        assert int.from_bytes(reply.options[51], "big") == (100 - age if repeated else 100)


class TestReservations:
    HOST = Host("hw-address", ANN.hwaddr, 1, ip("192.0.2.200"), hostname="ann.example.org", next_server=ip("192.0.2.9"))

    def test_the_reserved_address_comes_first_and_others_never_get_one(self):
        lab = lab_of(hosts=[attrs.evolve(self.HOST, address=ip("192.0.2.10"))])
        assert ask(lab, DISCOVER, BOB)[1].yiaddr == ip("192.0.2.11")
        _, reply = ask(lab, DISCOVER)
        assert reply.yiaddr == ip("192.0.2.10")
        assert reply.options[12] == b"ann.example.org"
        assert reply.siaddr == ip("192.0.2.9")
        assert ask(lab, REQUEST, BOB, o50="192.0.2.10", o54="192.0.2.1")[1].type == MessageType.NAK

    def test_outside_the_pools(self):
        lab = lab_of(hosts=[self.HOST])
        _, reply = ask(lab, REQUEST, o50="192.0.2.200", o54="192.0.2.1")
        assert (reply.type, reply.yiaddr) == (MessageType.ACK, ip("192.0.2.200"))

    def test_a_holder_that_asks_for_another_address_must_discover_anew(self):
        assert ask(lab_of(hosts=[self.HOST]), REQUEST, o50="192.0.2.10", o54="192.0.2.1")[1].type == MessageType.NAK

    def test_a_reserved_address_in_use_is_not_offered(self):
        lab = lab_of(hosts=[self.HOST])
        lab.store.append([(Change(None, lease("192.0.2.200", BOB)),)])
        assert ask(lab, DISCOVER)[1].yiaddr == ip("192.0.2.10")

    @pytest.mark.parametrize(
        ("kind", "identifier", "options"),
        [
            ("client-id", b"\x01x", {"o61": b"\x01x"}),
            ("duid", b"\0\3\0\1abc", {"o61": b"\xff\0\0\0\1\0\3\0\1abc"}),
            ("circuit-id", b"port7", {"o82": b"\x01\x05port7"}),
        ],
    )
    def test_every_identifier_finds_it(self, kind, identifier, options):
        lab = lab_of(hosts=[attrs.evolve(self.HOST, identifier_type=kind, identifier=identifier)])
        assert ask(lab, DISCOVER, **options)[1].yiaddr == ip("192.0.2.200")

    def test_global_ones_count_where_the_subnet_says_so(self):
        host = attrs.evolve(self.HOST, subnet_id=0)
        assert ask(lab_of(hosts=[host]), DISCOVER)[1].yiaddr == ip("192.0.2.10")
        assert ask(lab_of(attrs.evolve(LAB, reservations_global=True), hosts=[host]), DISCOVER)[1].yiaddr == ip(
            "192.0.2.200"
        )

    def test_a_reservation_can_shut_a_client_out(self):
        decision, reply = ask(lab_of(hosts=[attrs.evolve(self.HOST, client_classes=("DROP",))]), DISCOVER)
        assert reply is None
        assert "DROP" in decision.because


class TestReleaseAndDecline:
    def test_the_holder_releases(self):
        lab = lab_of()
        lab.store.append([(Change(None, lease("192.0.2.10")),)])
        assert ask(lab, MessageType.RELEASE, BOB, ciaddr="192.0.2.10")[0].event is Event.SILENT
        assert ask(lab, MessageType.RELEASE, ciaddr="192.0.2.10")[0].event is Event.RELEASE
        assert not lab.store.leases

    def test_only_the_holder_declines_and_the_address_rests(self):
        lab = lab_of(decline_probation_period=500)
        lab.store.append([(Change(None, lease("192.0.2.10")),)])
        assert ask(lab, MessageType.DECLINE, BOB, o50="192.0.2.10", o54="192.0.2.1")[0].event is Event.SILENT
        assert ask(lab, MessageType.DECLINE, o50="192.0.2.10", o54="192.0.2.1")[0].event is Event.DECLINE
        resting = lab.store.by_address(ip("192.0.2.10"))
        assert (resting.state, resting.hwaddr, resting.client_id) == (LeaseState.DECLINED, b"", b"")
        assert resting.expire == lab.now + 500
        assert ask(lab, DISCOVER)[1].yiaddr != ip("192.0.2.10")

    def test_what_is_over_is_reclaimed(self):
        over = lease("192.0.2.10", hostname="x", fqdn_fwd=True)
        kept = reclaim4(over, over.expire + 1, hold=True).after
        assert (kept.state, kept.hostname, kept.fqdn_fwd) == (LeaseState.EXPIRED_RECLAIMED, "", False)
        assert reclaim4(over, over.expire + 1, hold=False).after is None
        assert reclaim4(over._replace(state=1), over.expire + 1, hold=True).after is None


class TestSubnetSelection:
    A = attrs.evolve(LAB, client_classes=())
    B = Subnet4("198.51.100.0/24", id=2, pools=[Pool4("198.51.100.0/28")], relays=frozenset({ip("203.0.113.9")}))
    C = Subnet4("198.51.100.0/25", id=3, pools=[Pool4("198.51.100.32/28")], interface="eth9")

    @pytest.mark.parametrize(
        ("fields", "subnet"),
        [
            ({}, 1),
            ({"giaddr": "198.51.100.1"}, 2),  # both hold it: the first in the configuration
            ({"giaddr": "203.0.113.9"}, 2),  # listed relay
            ({"giaddr": "203.0.113.1"}, None),
            ({"giaddr": "203.0.113.9", "o82": b"\x05\x04" + bytes((192, 0, 2, 0))}, 1),  # link selection
            ({"giaddr": "198.51.100.1", "o82": b"\x05\x04" + bytes((8, 8, 8, 8))}, None),  # and no fallback
            ({"o118": "198.51.100.0"}, 2),
            ({"arrival": Arrival("eth9", 3, local=ip("203.0.113.1"), broadcast=True)}, 3),
            ({"arrival": Arrival("eth0", 2, source=ip("198.51.100.7"), local=LOCAL)}, 2),
        ],
    )
    def test_order(self, fields, subnet):
        lab = Lab4(Network([self.A, self.B, self.C]), ReferenceStore())
        decision, _ = ask(lab, DISCOVER, **fields)
        assert (decision.query.subnet and decision.query.subnet.id) == subnet

    def test_a_full_subnet_of_a_shared_network_passes_clients_on(self):
        network = Network(shared_networks=[SharedNetwork4("lab", [LAB, self.B])])
        lab = Lab4(network, ReferenceStore([lease(f"192.0.2.{n}", BOB) for n in (10, 11, 12)]))
        decision, reply = ask(lab, DISCOVER)
        assert reply.yiaddr in self.B
        assert decision.lease.subnet_id == 2

    def test_guards_close_subnets_and_pools(self):
        closed = attrs.evolve(LAB, client_classes=("vip",))
        assert ask(lab_of(closed), DISCOVER)[1] is None
        pool = attrs.evolve(
            LAB, pools=[Pool4("192.0.2.10/32", client_classes=["VENDOR_CLASS_box"]), Pool4("192.0.2.20/32")]
        )
        assert ask(lab_of(pool), DISCOVER)[1].yiaddr == ip("192.0.2.20")
        assert ask(lab_of(pool), DISCOVER, o60=b"box")[1].yiaddr == ip("192.0.2.10")


class TestOptions:
    def test_the_nearest_level_wins_and_each_is_used_where_nothing_is_nearer(self):
        def only(n, **more):
            return OptionValues([OptionValue(ROUTERS, four(f"192.0.2.{n}"), **more)])

        levels = {"host": only(101), "pool": only(102), "subnet": only(103), "network": only(104), "class": only(105)}
        expected = [101, 102, 103, 104, 105, 106]
        for used in range(6):
            have = list(levels)[used:]
            pool = Pool4("192.0.2.10/32", options=levels["pool"] if "pool" in have else OptionValues())
            subnet = attrs.evolve(
                LAB,
                pools=[pool],
                options=levels["subnet"] if "subnet" in have else OptionValues(),
                outer_levels=(Level("shared network lab", levels["network"]),) if "network" in have else (),
            )
            host = Host(
                "hw-address",
                ANN.hwaddr,
                1,
                client_classes=("c",),
                options=levels["host"] if "host" in have else OptionValues(),
            )
            of_class = ClientClass("c", options=levels["class"] if "class" in have else OptionValues())
            network = Network([subnet], hosts=[host], classes=[of_class], options=only(106))
            _, reply = ask(Lab4(network, ReferenceStore()), DISCOVER)
            assert reply.options[3] == four(f"192.0.2.{expected[used]}")

    def test_always_send_never_send_and_unasked_basics(self):
        names = [
            OptionValue.of(DOMAIN_NAME, "a.example"),
            OptionValue(DOMAIN_NAME_SERVERS, four("192.0.2.5"), never_send=True),
        ]
        lab = lab_of(attrs.evolve(LAB, options=OptionValues(names)).with_option(ROUTERS, "192.0.2.1"))
        _, reply = ask(lab, DISCOVER, o55=bytes((6, 15)))
        assert (reply.options[15], reply.options[3]) == (b"a.example", four("192.0.2.1"))
        assert 6 not in reply.options

    @pytest.mark.parametrize("echo", [True, False])
    def test_the_client_identifier_is_echoed(self, echo):
        _, reply = ask(lab_of(echo_client_id=echo), DISCOVER, BOB)
        assert reply.options.get(61) == (BOB.client_id if echo else None)

    def test_relay_information_comes_back_last(self):
        _, reply = ask(lab_of(), DISCOVER, giaddr="192.0.2.2", o82=b"\x01\x01x")
        assert list(reply.options)[-1] == 82

    def test_an_inform_gets_options_without_an_address(self):
        decision, reply = ask(lab_of(LAB.with_option(ROUTERS, "192.0.2.1")), INFORM, ciaddr="192.0.2.50")
        assert (reply.type, reply.yiaddr, reply.ciaddr) == (MessageType.ACK, 0, ip("192.0.2.50"))
        assert reply.options[3] == four("192.0.2.1")
        assert not {51, 58, 59} & set(reply.options)
        assert decision.unit == ()

    @given(
        st.binary(max_size=8),
        st.lists(st.integers(40, 210), min_size=1, max_size=4),
        st.sampled_from([{}, {"renew_timer": 60}, {"calculate_tee_times": True}]),
        st.booleans(),
    )
    def test_what_is_remembered_of_answers_never_changes_one(self, asked, lifetimes, times, named):
        subnet = attrs.evolve(LAB, **times).with_option(ROUTERS, "192.0.2.1").with_option(DOMAIN_NAME, "lab.example")
        warm, cold = Network([subnet]), Network([subnet])
        for lifetime in lifetimes:
            options = {51: lifetime.to_bytes(4, "big")} | ({55: asked} if asked else {}) | ({12: b"x"} if named else {})
            packet = Packet4.parse(message4(DISCOVER, ANN, options=options), BROADCAST)
            answers = set()
            for network, trace in ((warm, NO_TRACE), (cold, Trace())):  # with a trace nothing is remembered
                query = open4(packet, network, None, trace)
                answers.add(answer4(plan4(query, ReferenceStore(), network.hosts, 5, Random(0))).data)
            assert len(answers) == 1


class TestAddressing:
    @pytest.mark.parametrize(
        ("fields", "address", "port", "direct"),
        [
            ({}, "192.0.2.10", 68, True),
            ({"flags": 0x8000}, "255.255.255.255", 68, True),
            ({"giaddr": "192.0.2.2"}, "192.0.2.2", 67, False),
            (
                {"giaddr": "192.0.2.2", "o82": b"\x13\0", "arrival": attrs.evolve(BROADCAST, port=6767)},
                "192.0.2.2",
                6767,
                False,
            ),
        ],
    )
    def test_where_an_offer_goes(self, fields, address, port, direct):
        lab = lab_of()
        raw = {int(k[1:]): v for k, v in fields.items() if k.startswith("o")}
        data = message4(DISCOVER, ANN, broadcast="flags" in fields, options=raw)
        if "giaddr" in fields:
            data = data[:24] + four(fields["giaddr"]) + data[28:]
        _, sent = lab.send(data, fields.get("arrival", BROADCAST))
        assert (sent.address, sent.port, bool(sent.hwaddr)) == (ip(address), port, direct)

    def test_a_refusal_is_broadcast_and_through_a_relay_flagged_so(self):
        lab = lab_of()
        lab.store.append([(Change(None, lease("192.0.2.10", BOB)),)])
        data = message4(REQUEST, ANN, options={50: four("192.0.2.10"), 54: four("192.0.2.1")})
        assert lab.send(data, BROADCAST)[1].address == ip("255.255.255.255")
        relayed = data[:24] + four("192.0.2.2") + data[28:]
        sent = lab.send(relayed, BROADCAST)[1]
        assert sent.address == ip("192.0.2.2")
        assert Packet4.parse(sent.data).flags == 0x8000
