"""The rules of RFC 8415 18.3 as Kea keeps them, one test each."""

from ipaddress import IPv6Address

import attrs
import pytest

from dhcpkit.alloc import INFINITE, LeaseState, Lifetimes, OptionValue, OptionValues
from dhcpkit.alloc.engine6 import Dropped, Event, open6, reclaim6, repeat6
from dhcpkit.alloc.host6 import Host6, ReservedPrefix
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.network6 import Network6, PdPool, Pool6, SharedNetwork6, Subnet6
from dhcpkit.alloc.points import NextStep
from dhcpkit.alloc.points6 import Host6Identifier, Lease6Decline, Lease6Release, Lease6Renew, Lease6Select
from dhcpkit.alloc.times6 import tee_times6
from dhcpkit.alloc.view6 import Change6
from dhcpkit.backends.memory6 import MemoryStore6
from dhcpkit.testing.machine6 import ALL_SERVERS, START, Binding6, Client6, Lab6, bindings_of, message6
from dhcpkit.testing.reference_store6 import ReferenceStore6
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.identity6 import StatusCode
from dhcpkit.wire.options6 import DNS_SERVERS, IA_NA, IA_PD, STATUS_CODE

SOLICIT, REQUEST, RENEW, REBIND = (MessageType6[name] for name in ("SOLICIT", "REQUEST", "RENEW", "REBIND"))
CONFIRM, RELEASE, DECLINE = (MessageType6[name] for name in ("CONFIRM", "RELEASE", "DECLINE"))
INFORM, ADVERTISE, REPLY = MessageType6.INFORMATION_REQUEST, MessageType6.ADVERTISE, MessageType6.REPLY
REGISTER, REGISTERED = MessageType6.ADDR_REG_INFORM, MessageType6.ADDR_REG_REPLY
TO_US = {REQUEST, RENEW, RELEASE, DECLINE}

SERVER = Duid.of_link_layer(b"\2\0\0\0\0\xff")
ANN = Client6(b"\0\3\0\1\2\0\0\0\0\1")
BOB = Client6(b"\0\3\0\1\2\0\0\0\0\2", (7,))
PAT = Client6(b"\0\3\0\1\2\0\0\0\0\3", (), (1,))
SAM = Client6(b"\0\3\0\1\2\0\0\0\0\4", (1, 2), (1, 2))

LAB = Subnet6(
    "2001:db8::/64",
    pools=[Pool6.of("2001:db8::10 - 2001:db8::12")],
    pd_pools=[PdPool("2001:db8:100::/46", 48), PdPool("2001:db8:200::/54", 56), PdPool("2001:db8:300::/62", 64)],
    valid=Lifetimes(100, 50, 200),
    preferred=Lifetimes(60, 30, 90),
    interface="lab0",
    cache_threshold=0.0,
)
OTHER = Subnet6("2001:db8:0:1::/64", id=2, pools=[Pool6.of("2001:db8:0:1::10 - 2001:db8:0:1::12")], cache_threshold=0.0)


def ip(text):
    return int(IPv6Address(text))


def lab_of(*subnets, store=None, consult=None, shared=False, **network):
    places = subnets or (LAB,)
    alone = {"shared_networks": [SharedNetwork6("link", places)]} if shared else {"subnets": places}
    return Lab6(
        Network6(server_id=SERVER, **alone, **network),
        store if store is not None else ReferenceStore6(),
        consult=consult,
    )


def na(address, iaid=1, preferred=0, valid=0):
    return Binding6(LeaseType.IA_NA, iaid, ip(address), 128, preferred, valid)


def pd(prefix, iaid=1, preferred=0, valid=0):
    address, _, length = prefix.partition("/")
    return Binding6(LeaseType.IA_PD, iaid, ip(address), int(length), preferred, valid)


def lease(binding, client=ANN, **more):
    values = {"valid_lifetime": 100, "cltt": START, "subnet_id": 1, "preferred_lifetime": 60} | more
    return Lease6(
        binding.address,
        client.duid,
        type=binding.type,
        iaid=binding.iaid,
        prefix_len=binding.prefix_len,
        **values,
    )


def hold(lab, *leases):
    assert lab.store.append([tuple(Change6(None, each) for each in leases)]) == [True]
    return lab


def ask(lab, kind, client=ANN, *bindings, options=None, arrival=None, empty=True, data=None):
    """One message. Returns the decision and the parsed answer."""
    server_id = SERVER.octets if kind in TO_US else None
    raw = data or message6(kind, client, bindings, server_id=server_id, options=options or {}, empty=empty)
    came = arrival or Arrival6("lab0", 1, client.source, 546, ALL_SERVERS, multicast=True)
    decision, sent = lab.send(raw, came)
    return decision, Packet6.parse(sent.data) if sent is not None else None


def told(reply):
    """What an answer grants: addresses and prefixes as text, those with lifetimes of 0 with a minus."""
    return [f"{'' if each.valid else '-'}{each}".removesuffix("/128") for each in bindings_of(reply)]


def statuses(reply):
    """The status of each association, None where it has none."""
    found = [ia.options.get(STATUS_CODE) for ia in (*reply.all(IA_NA), *reply.all(IA_PD))]
    return [status and StatusCode(status.code) for status in found]


IDS = {1: ANN.duid, 2: SERVER.octets}
IA = (3, b"\0\0\0\1" + bytes(8))


class TestWhoIsServed:
    @pytest.mark.parametrize(
        ("kind", "ids", "answered"),
        [
            (SOLICIT, (1,), True),
            (SOLICIT, (1, 2), False),
            (SOLICIT, (), False),
            (SOLICIT, (1, 1), False),
            (REQUEST, (1, 2), True),
            (REQUEST, (1,), False),
            (REQUEST, (1, 2, 2), False),
            (RENEW, (1,), False),
            (REBIND, (1, 2), False),
            (REBIND, (1,), True),
            (RELEASE, (1,), False),
            (DECLINE, (1,), False),
            (INFORM, (), True),
            (INFORM, (1,), True),
            (INFORM, (1, 2), True),
            (INFORM, (1, 1), False),
            (ADVERTISE, (1,), False),
            (MessageType6.LEASEQUERY, (1,), False),
        ],
    )
    def test_identifiers_a_message_must_have(self, kind, ids, answered):
        data = bytes(Packet6(kind, [*((code, IDS[code]) for code in ids), IA]))
        decision, reply = ask(lab_of(), kind, data=data)
        assert (reply is not None) == answered
        assert answered or isinstance(decision, Dropped)

    @pytest.mark.parametrize("duid", [b"", b"\0\1", bytes(3), bytes(131)])
    def test_what_is_no_duid(self, duid):
        data = bytes(Packet6(SOLICIT, [(1, duid), IA]))
        assert ask(lab_of(), SOLICIT, data=data)[0].reason == "rfc-violation"

    @pytest.mark.parametrize(
        ("kind", "answered"), [(SOLICIT, False), (REBIND, False), (INFORM, False), (REQUEST, True)]
    )
    def test_multicast_only(self, kind, answered):
        unicast = Arrival6("lab0", 1, ANN.source, 546, ip("2001:db8::1"))
        assert (ask(lab_of(), kind, arrival=unicast)[1] is not None) == answered

    def test_another_server(self):
        data = message6(REQUEST, ANN, server_id=b"\0\3\0\1\2\0\0\0\0\xee")
        assert ask(lab_of(), REQUEST, data=data)[0].reason == "not-for-us"

    def test_what_relays_say_to_relays(self):
        inner = message6(SOLICIT, ANN)
        data = b"\x0d\0" + bytes(32) + b"\0\x09" + len(inner).to_bytes(2, "big") + inner
        assert ask(lab_of(), SOLICIT, data=data)[0].reason == "rfc-violation"


class TestSolicit:
    def test_an_offer_changes_nothing(self):
        decision, reply = ask(lab_of(), SOLICIT)
        assert (reply.type, told(reply), decision.unit) == (ADVERTISE, ["2001:db8::10"], ())
        assert decision.events == (Event.OFFER,)

    @pytest.mark.parametrize(("enabled", "kind"), [(True, REPLY), (False, ADVERTISE)])
    def test_rapid_commit(self, enabled, kind):
        lab = lab_of(attrs.evolve(LAB, rapid_commit=enabled))
        decision, reply = ask(lab, SOLICIT, options={14: b""})
        assert (reply.type, bool(decision.unit), 14 in reply.options.first) == (kind, enabled, enabled)

    def test_every_association_gets_something_of_its_own(self):
        _, reply = ask(lab_of(), SOLICIT, SAM)
        assert told(reply) == ["2001:db8::10", "2001:db8::11", "2001:db8:100::/48", "2001:db8:101::/48"]

    def test_full_pools(self):
        lab = hold(lab_of(), *(lease(na(f"2001:db8::1{n}"), BOB) for n in range(3)))
        decision, reply = ask(lab, SOLICIT)
        assert statuses(reply) == [StatusCode.NO_ADDRS_AVAIL]
        assert decision.events == (Event.FULL,)

    def test_no_pool_at_all(self):
        decision, reply = ask(lab_of(attrs.evolve(LAB, pd_pools=())), SOLICIT, PAT)
        assert statuses(reply) == [StatusCode.NO_PREFIX_AVAIL]
        assert decision.events == (Event.NO_POOL,)

    def test_no_subnet(self):
        elsewhere = Arrival6("lab9", 9, SAM.source, 546, ALL_SERVERS, multicast=True)
        _, reply = ask(lab_of(), SOLICIT, SAM, arrival=elsewhere)
        assert statuses(reply) == [StatusCode.NO_ADDRS_AVAIL] * 2 + [StatusCode.NO_PREFIX_AVAIL] * 2

    def test_a_hint_is_followed_where_it_is_free(self):
        assert told(ask(lab_of(), SOLICIT, ANN, na("2001:db8::12"))[1]) == ["2001:db8::12"]
        lab = hold(lab_of(), lease(na("2001:db8::12"), BOB))
        assert told(ask(lab, SOLICIT, ANN, na("2001:db8::12"))[1]) == ["2001:db8::10"]
        assert told(ask(lab_of(), SOLICIT, ANN, na("2001:db8::99"))[1]) == ["2001:db8::10"]

    @pytest.mark.parametrize("kind", [SOLICIT, REQUEST, RENEW])
    def test_one_address_for_two_associations(self, kind):
        for hosts in ([], [Host6("duid", BOB.duid, 1, (ip("2001:db8::10"),))]):
            _, reply = ask(lab_of(hosts=hosts), kind, SAM, na("2001:db8::12", 1), na("2001:db8::12", 2))
            first, second, *_ = (each.address for each in bindings_of(reply) if each.valid)
            assert first == ip("2001:db8::12")
            assert second in {ip("2001:db8::10"), ip("2001:db8::11")}

    def test_what_is_over_is_free(self):
        lab = hold(lab_of(), lease(na("2001:db8::12"), BOB, cltt=START - 101))
        assert told(ask(lab, SOLICIT, ANN, na("2001:db8::12"))[1]) == ["2001:db8::12"]

    @pytest.mark.parametrize(
        ("hint", "given"),
        [
            ("2001:db8:202::/56", "2001:db8:200::/56"),  # in no part: /54 has four of them
            ("2001:db8:200:200::/56", "2001:db8:200:200::/56"),  # exactly
            ("2001:db8:200:277::/64", "2001:db8:300::/64"),  # of that length, elsewhere
            ("::/56", "2001:db8:200::/56"),
            ("::/60", "2001:db8:200::/56"),  # of no such length: a larger one first, the smallest of those
            ("::/40", "2001:db8:100::/48"),  # none larger: the largest of the others
            ("2001:db8:200:300::/60", "2001:db8:200:300::/56"),  # a larger one around it
            ("::/0", "2001:db8:100::/48"),
            ("2001:db8:200:310::/60", "2001:db8:200:300::/56"),  # its own bits behind the larger one are cleared
        ],
    )
    def test_lengths_of_prefixes(self, hint, given):
        assert told(ask(lab_of(), SOLICIT, PAT, pd(hint))[1]) == [given]

    def test_excluded_prefixes_are_told_to_who_asks(self):
        pool = PdPool("2001:db8:200::/54", 56, excluded=ip("2001:db8:200:7::"), excluded_len=64)
        lab = lab_of(attrs.evolve(LAB, pd_pools=[pool]))
        asking = ask(lab, SOLICIT, PAT, options={6: b"\0\x43"})[1]
        prefix = asking.options.payloads(25)[0][12 + 4 + 25 :]
        assert prefix == b"\0\x43\0\x02\x40\x07"  # RFC 6603 4.2: eight bits behind the /56
        assert b"\0\x43\0" not in ask(lab, SOLICIT, PAT)[1].options.payloads(25)[0]

    def test_odd_bits_of_an_excluded_prefix_stand_on_the_left(self):
        pool = PdPool("2001:db8:200::/54", 56, excluded=ip("2001:db8:200:a0::"), excluded_len=59)
        reply = ask(lab_of(attrs.evolve(LAB, pd_pools=[pool])), SOLICIT, PAT, options={6: b"\0\x43"})[1]
        assert reply.options.payloads(25)[0].endswith(b"\0\x43\0\x02\x3b\xa0")


class TestRequestAndRenew:
    def test_a_request_is_stored(self):
        lab = lab_of()
        decision, reply = ask(lab, REQUEST, ANN, na("2001:db8::11"))
        (change,) = decision.unit
        assert change.after == lease(na("2001:db8::11"), hwaddr=b"\2\0\0\0\0\1", hwtype=1, hwaddr_source=2)
        assert told(reply) == ["2001:db8::11"]
        assert decision.events == (Event.ALLOC,)

    def test_what_a_client_has_it_gets_again(self):
        lab = hold(lab_of(), lease(na("2001:db8::12")))
        assert told(ask(lab, REQUEST)[1]) == ["2001:db8::12"]
        assert told(ask(lab, SOLICIT)[1]) == ["2001:db8::12"]

    def test_one_address_for_each_association(self):
        lab = hold(lab_of(), lease(na("2001:db8::10")), lease(na("2001:db8::12")))
        assert told(ask(lab, REQUEST)[1]) == ["2001:db8::10"]
        assert told(ask(lab, RENEW)[1]) == ["2001:db8::10", "2001:db8::12"]

    def test_what_would_change_nothing_is_not_written(self):
        lab = lab_of()
        ask(lab, REQUEST)
        assert ask(lab, RENEW, ANN, na("2001:db8::10"))[0].unit == ()

    def test_another_association_is_another_lease(self):
        lab = hold(lab_of(), lease(na("2001:db8::12", iaid=9)))
        assert told(ask(lab, REQUEST)[1]) == ["2001:db8::10"]

    def test_a_released_lease_is_waiting_for_its_client(self):
        lab = hold(lab_of(), lease(na("2001:db8::12")))
        assert ask(lab, RELEASE, ANN, na("2001:db8::12"))[0].unit[0].after.state == LeaseState.RELEASED
        decision, reply = ask(lab, REQUEST)
        assert told(reply) == ["2001:db8::12"]
        assert decision.unit[0].after.valid_lifetime == 100
        assert decision.events == (Event.ALLOC,)

    @pytest.mark.parametrize("kind", [RENEW, REBIND])
    def test_extending(self, kind):
        lab = hold(lab_of(), lease(na("2001:db8::12"), valid_lifetime=70))
        lab.now += 30
        decision, reply = ask(lab, kind, ANN, na("2001:db8::12"))
        after = decision.unit[0].after
        assert (after.cltt, after.valid_lifetime, after.preferred_lifetime) == (START + 30, 100, 60)
        assert told(reply) == ["2001:db8::12"]
        assert decision.events == (Event.RENEW,)

    @pytest.mark.parametrize("kind", [RENEW, REBIND])
    def test_what_nobody_knows_comes_back_with_lifetimes_of_zero(self, kind):
        _, reply = ask(lab_of(), kind, ANN, na("2001:db8::99"), na("2001:db8::98"))
        assert told(reply) == ["2001:db8::10", "-2001:db8::99", "-2001:db8::98"]

    def test_a_new_association_in_a_renewal(self):
        lab = hold(lab_of(), lease(na("2001:db8::12"), SAM))
        _, reply = ask(lab, RENEW, SAM, na("2001:db8::12"))
        assert told(reply) == ["2001:db8::12", "2001:db8::10", "2001:db8:100::/48", "2001:db8:101::/48"]

    def test_nothing_to_renew_and_nothing_free(self):
        lab = hold(lab_of(), *(lease(na(f"2001:db8::1{n}"), BOB) for n in range(3)))
        _, reply = ask(lab, RENEW, ANN, na("2001:db8::10"))
        assert statuses(reply) == [StatusCode.NO_ADDRS_AVAIL]
        assert told(reply) == ["-2001:db8::10"]

    def test_no_subnet(self):
        elsewhere = Arrival6("lab9", 9, SAM.source, 546, ALL_SERVERS, multicast=True)
        _, reply = ask(lab_of(), RENEW, SAM, arrival=elsewhere)
        assert statuses(reply) == [StatusCode.NO_BINDING] * 4
        assert statuses(ask(lab_of(), REBIND, ANN, arrival=elsewhere)[1]) == [StatusCode.NO_BINDING]
        assert ask(lab_of(), REBIND, PAT, arrival=elsewhere)[1] is None

    def test_a_lease_out_of_every_pool_is_taken_back(self):
        lab = hold(lab_of(), lease(na("2001:db8::77")))
        decision, reply = ask(lab, RENEW, ANN, na("2001:db8::77"))
        assert told(reply) == ["2001:db8::10", "-2001:db8::77"]
        assert {change.address: change.after is None for change in decision.unit} == {
            ip("2001:db8::10"): False,
            ip("2001:db8::77"): True,
        }

    def test_a_callout_keeps_a_lease_as_it_is(self):
        def consult(point):
            return NextStep.SKIP if isinstance(point, Lease6Renew) else None

        lab = hold(lab_of(consult=consult), lease(na("2001:db8::12"), valid_lifetime=70))
        decision, reply = ask(lab, RENEW, ANN, na("2001:db8::12"))
        assert decision.unit == ()
        assert [each.valid for each in bindings_of(reply)] == [70]

    def test_a_callout_refuses_a_lease(self):
        def consult(point):
            return NextStep.SKIP if isinstance(point, Lease6Select) else None

        assert statuses(ask(lab_of(consult=consult), REQUEST)[1]) == [StatusCode.NO_ADDRS_AVAIL]

    def test_a_callout_changes_a_lease(self):
        def consult(point):
            if isinstance(point, Lease6Select):
                point.lease = point.lease._replace(valid_lifetime=7, preferred_lifetime=5)

        decision, reply = ask(lab_of(consult=consult), REQUEST)
        assert decision.unit[0].after.valid_lifetime == 7
        assert [each.valid for each in bindings_of(reply)] == [7]


class TestConfirm:
    @pytest.mark.parametrize(
        ("addresses", "status"),
        [
            (["2001:db8::99"], StatusCode.SUCCESS),
            (["2001:db8::99", "2001:db8:7::1"], StatusCode.NOT_ON_LINK),
            (["2001:db8:0:1::5"], StatusCode.NOT_ON_LINK),
            ([], None),
        ],
    )
    def test_alone(self, addresses, status):
        _, reply = ask(lab_of(LAB, OTHER), CONFIRM, ANN, *map(na, addresses))
        assert (reply and reply[STATUS_CODE].code) == status

    def test_all_of_a_shared_network_is_one_link(self):
        _, reply = ask(lab_of(LAB, OTHER, shared=True), CONFIRM, ANN, na("2001:db8:0:1::5"))
        assert reply[STATUS_CODE].code == StatusCode.SUCCESS

    def test_without_subnet(self):
        elsewhere = Arrival6("lab9", 9, SAM.source, 546, ALL_SERVERS, multicast=True)
        _, reply = ask(lab_of(), CONFIRM, ANN, na("2001:db8::99"), arrival=elsewhere)
        assert reply[STATUS_CODE].code == StatusCode.NOT_ON_LINK

    def test_prefixes_are_not_asked_about(self):
        assert ask(lab_of(), CONFIRM, PAT, pd("2001:db8:100::/48"))[1] is None


class TestGivingBack:
    @pytest.mark.parametrize(
        ("held", "status"),
        [
            (lease(na("2001:db8::12")), StatusCode.SUCCESS),
            (lease(na("2001:db8::12"), BOB), StatusCode.NO_BINDING),
            (lease(na("2001:db8::12", iaid=2)), StatusCode.NO_BINDING),
            (lease(na("2001:db8::12"), state=LeaseState.DECLINED.value), StatusCode.NO_BINDING),
            (lease(na("2001:db8::11")), StatusCode.NO_BINDING),
        ],
    )
    def test_only_the_holder_may(self, held, status):
        for kind in (RELEASE, DECLINE):
            decision, reply = ask(hold(lab_of(), held), kind, ANN, na("2001:db8::12"))
            assert statuses(reply) == [status]
            assert bool(decision.unit) == (status == StatusCode.SUCCESS)
            if kind == RELEASE:
                assert reply[STATUS_CODE].code == status

    @pytest.mark.parametrize(
        ("keep", "valid", "kept"), [(True, 100, True), (False, 100, False), (True, INFINITE, False)]
    )
    def test_released_leases_are_kept_where_that_is_wanted(self, keep, valid, kept):
        lab = hold(lab_of(keep_released=keep), lease(na("2001:db8::12"), valid_lifetime=valid))
        after = ask(lab, RELEASE, ANN, na("2001:db8::12"))[0].unit[0].after
        assert (after is not None) == kept
        assert not kept or (after.state, after.valid_lifetime, after.duid) == (LeaseState.RELEASED, 0, ANN.duid)

    def test_prefixes(self):
        lab = hold(lab_of(), lease(pd("2001:db8:100::/48"), PAT))
        assert statuses(ask(lab, RELEASE, PAT, pd("2001:db8:100::/48"))[1]) == [StatusCode.SUCCESS]

    def test_a_declined_address_rests_without_an_owner(self):
        lab = hold(lab_of(decline_probation_period=77), lease(na("2001:db8::12"), hostname="ann."))
        after = ask(lab, DECLINE, ANN, na("2001:db8::12"))[0].unit[0].after
        assert (after.duid, after.hwaddr, after.hostname) == (b"", b"", "")
        assert (after.state, after.valid_lifetime, after.cltt) == (LeaseState.DECLINED, 77, START)
        assert told(ask(lab, SOLICIT, BOB, na("2001:db8::12", 7))[1]) == ["2001:db8::10"]

    def test_what_is_named_twice_counts_once(self):
        for kind in (RELEASE, DECLINE):
            lab = hold(lab_of(), lease(na("2001:db8::12")))
            decision, reply = ask(lab, kind, ANN, na("2001:db8::12"), na("2001:db8::12"))
            assert len(decision.unit) == len(decision.events) == 1
            assert statuses(reply) == [StatusCode.SUCCESS]

    def test_what_is_over_cannot_be_declined(self):
        lab = hold(lab_of(), lease(na("2001:db8::12"), cltt=START - 101))
        assert ask(lab, DECLINE, ANN, na("2001:db8::12"))[0].unit == ()

    def test_nothing_named(self):
        for kind in (RELEASE, DECLINE):
            assert statuses(ask(lab_of(), kind, ANN)[1]) == [StatusCode.NO_BINDING]

    @pytest.mark.parametrize(("kind", "point"), [(RELEASE, Lease6Release), (DECLINE, Lease6Decline)])
    def test_callouts_may_keep_a_lease(self, kind, point):
        lab = lab_of(consult=lambda asked: NextStep.SKIP if isinstance(asked, point) else None)
        decision, _ = ask(hold(lab, lease(na("2001:db8::12"))), kind, ANN, na("2001:db8::12"))
        assert decision.unit == ()


class TestRegistering:
    ADDRESS = "2001:db8::abcd"

    def register(self, lab, address=ADDRESS, source=ADDRESS, extra=()):
        payload = IPv6Address(address).packed + (600).to_bytes(4, "big") + (900).to_bytes(4, "big")
        data = bytes(Packet6(REGISTER, [(1, ANN.duid), (5, payload), *extra]))
        return ask(lab, REGISTER, data=data, arrival=Arrival6("lab0", 1, ip(source), 546, ALL_SERVERS, multicast=True))

    def test_an_address_of_ones_own_making(self):
        decision, reply = self.register(lab_of())
        (change,) = decision.unit
        assert (change.after.state, change.after.valid_lifetime, change.after.iaid) == (LeaseState.REGISTERED, 900, 0)
        assert reply.type == REGISTERED
        assert reply.options.first[5][:16] == IPv6Address(self.ADDRESS).packed

    def test_again(self):
        lab = lab_of()
        self.register(lab)
        assert self.register(lab)[0].unit[0].before is not None

    def test_what_is_not_registered(self):
        assert self.register(lab_of(), source="2001:db8::1")[0].reason == "rfc-violation"
        assert self.register(lab_of(), "2001:db8:5::1", "2001:db8:5::1")[0].reason == "rfc-violation"
        assert self.register(lab_of(), extra=[IA])[0].reason == "rfc-violation"
        leased = hold(lab_of(), lease(na(self.ADDRESS), BOB))
        assert self.register(leased)[0].reason == "rfc-violation"
        reserved = lab_of(hosts=[Host6("duid", BOB.duid, 1, (ip(self.ADDRESS),))])
        assert self.register(reserved)[0].reason == "rfc-violation"
        everywhere = lab_of(hosts=[Host6("duid", BOB.duid, 0, (ip(self.ADDRESS),))])
        assert self.register(everywhere)[0].reason == "rfc-violation"
        assert self.register(lab_of(allow_address_registration=False))[0].reason == "admin-filtered"

    def test_a_registered_address_is_no_lease_of_its_client(self):
        lab = lab_of()
        self.register(lab, "2001:db8::11", "2001:db8::11")
        assert told(ask(lab, SOLICIT, Client6(ANN.duid, (0,)))[1]) == ["2001:db8::10"]

    def test_a_registered_address_is_never_leased(self):
        lab = lab_of()
        self.register(lab, "2001:db8::10", "2001:db8::10")
        assert told(ask(lab, SOLICIT, BOB)[1]) == ["2001:db8::11"]
        assert told(ask(lab, SOLICIT, ANN, na("2001:db8::10"))[1]) == ["2001:db8::12"]


class TestReservations:
    def test_addresses_and_prefixes_are_spread_over_associations(self):
        host = Host6(
            "duid",
            SAM.duid,
            1,
            (ip("2001:db8::99"), ip("2001:db8::11")),
            (ReservedPrefix(ip("2001:db8:999::"), 50), ReservedPrefix(ip("2001:db8:200::"), 56)),
        )
        lab = lab_of(hosts=[host])
        wanted = ["2001:db8::99", "2001:db8::11", "2001:db8:999::/50", "2001:db8:200::/56"]
        assert told(ask(lab, SOLICIT, SAM)[1]) == wanted
        assert told(ask(lab, REQUEST, SAM)[1]) == wanted
        assert told(ask(lab, RENEW, SAM)[1]) == wanted

    def test_nobody_else_gets_what_is_reserved(self):
        lab = lab_of(hosts=[Host6("duid", BOB.duid, 1, (ip("2001:db8::10"),))])
        assert told(ask(lab, SOLICIT, ANN, na("2001:db8::10"))[1]) == ["2001:db8::11"]
        assert told(ask(lab, SOLICIT, BOB)[1]) == ["2001:db8::10"]

    def test_several_associations_beside_others_reservations(self):
        lab = lab_of(hosts=[Host6("duid", BOB.duid, 1, (ip("2001:db8::11"),))])
        assert told(ask(lab, SOLICIT, SAM)[1])[:2] == ["2001:db8::10", "2001:db8::12"]

    def test_a_reservation_in_use_waits(self):
        lab = lab_of(hosts=[Host6("duid", BOB.duid, 1, (ip("2001:db8::10"),))])
        hold(lab, lease(na("2001:db8::10")))
        assert told(ask(lab, REQUEST, BOB)[1]) == ["2001:db8::11"]
        assert told(ask(lab, RENEW, ANN, na("2001:db8::10"))[1]) == ["2001:db8::12", "-2001:db8::10"]
        assert told(ask(lab, RENEW, BOB, na("2001:db8::11", 7))[1]) == ["2001:db8::10", "-2001:db8::11"]

    def test_a_client_keeps_what_it_has_while_its_reservation_is_in_use(self):
        lab = lab_of(hosts=[Host6("duid", BOB.duid, 1, (ip("2001:db8::10"),))])
        hold(lab, lease(na("2001:db8::10")), lease(na("2001:db8::12", 7), BOB))
        assert told(ask(lab, RENEW, BOB, na("2001:db8::12", 7))[1]) == ["2001:db8::12"]

    def test_the_first_identifier_wins_in_a_shared_network_too(self):
        hosts = [
            Host6("duid", ANN.duid, 1, (ip("2001:db8::98"),)),
            Host6("hw-address", b"\2\0\0\0\0\1", 1, (ip("2001:db8::97"),)),
        ]
        for shared in (False, True):
            assert told(ask(lab_of(LAB, OTHER, shared=shared, hosts=hosts), SOLICIT)[1]) == ["2001:db8::97"]

    def test_on_another_link_it_is_none(self):
        far = Subnet6("2001:db8:0:2::/64", id=3)
        hosts = [Host6("duid", ANN.duid, 3, (ip("2001:db8:0:2::99"),))]
        network = Network6([far], server_id=SERVER, shared_networks=[SharedNetwork6("link", (LAB, OTHER))], hosts=hosts)
        decision, reply = ask(Lab6(network), SOLICIT)
        assert told(reply) == ["2001:db8::10"]
        assert "UNKNOWN" in decision.reply.classes

    def test_in_a_closed_subnet_it_is_none(self):
        closed = attrs.evolve(OTHER, client_classes=("VIP",))
        hosts = [Host6("duid", ANN.duid, 2, (ip("2001:db8:0:1::99"),))]
        decision, reply = ask(lab_of(LAB, closed, shared=True, hosts=hosts), SOLICIT)
        assert told(reply) == ["2001:db8::10"]
        assert "UNKNOWN" in decision.reply.classes

    def test_by_hardware_address_and_flex_id(self):
        hosts = [
            Host6("hw-address", b"\2\0\0\0\0\1", 1, (ip("2001:db8::98"),)),
            Host6("flex-id", b"port 7", 1, (ip("2001:db8::97"),)),
        ]

        def consult(point):
            if isinstance(point, Host6Identifier):
                point.identifier = b"port 7"

        assert told(ask(lab_of(hosts=hosts), SOLICIT)[1]) == ["2001:db8::98"]
        order = ("flex-id", "hw-address")
        assert told(ask(lab_of(hosts=hosts, host_identifiers=order, consult=consult), SOLICIT)[1]) == ["2001:db8::97"]

    @pytest.mark.parametrize(("wanted", "given"), [(True, "2001:db8::99"), (False, "2001:db8::10")])
    def test_global(self, wanted, given):
        lab = lab_of(
            attrs.evolve(LAB, reservations_global=wanted), hosts=[Host6("duid", ANN.duid, 0, (ip("2001:db8::99"),))]
        )
        assert told(ask(lab, SOLICIT)[1]) == [given]

    def test_global_of_another_network(self):
        host = Host6("duid", ANN.duid, 0, (ip("2001:db8:77::99"),))
        assert told(ask(lab_of(attrs.evolve(LAB, reservations_global=True), hosts=[host]), SOLICIT)[1]) == [
            "2001:db8::10"
        ]

    def test_out_of_pool_means_that_pools_are_everybodys(self):
        subnet = attrs.evolve(LAB, reservations_out_of_pool=True)
        lab = lab_of(subnet, hosts=[Host6("duid", BOB.duid, 1, (ip("2001:db8::10"), ip("2001:db8::99")))])
        assert told(ask(lab, SOLICIT, ANN)[1]) == ["2001:db8::10"]
        assert told(ask(lab, SOLICIT, BOB)[1]) == ["2001:db8::99"]

    def test_switched_off(self):
        subnet = attrs.evolve(LAB, reservations_in_subnet=False)
        lab = lab_of(subnet, hosts=[Host6("duid", BOB.duid, 1, (ip("2001:db8::10"),))])
        assert told(ask(lab, SOLICIT, ANN)[1]) == ["2001:db8::10"]

    def test_in_a_sibling_subnet(self):
        lab = lab_of(LAB, OTHER, shared=True, hosts=[Host6("duid", ANN.duid, 2, (ip("2001:db8:0:1::99"),))])
        decision, reply = ask(lab, REQUEST)
        assert told(reply) == ["2001:db8:0:1::99"]
        assert decision.unit[0].after.subnet_id == 2
        assert decision.reply.subnet is OTHER

    def test_its_options_come_first(self):
        mine = OptionValues([OptionValue.of(DNS_SERVERS, (IPv6Address("2001:db8::aa"),))])
        theirs = OptionValues([OptionValue.of(DNS_SERVERS, (IPv6Address("2001:db8::bb"),))])
        lab = lab_of(attrs.evolve(LAB, options=theirs), hosts=[Host6("duid", ANN.duid, 1, options=mine)])
        asked = {6: b"\0\x17"}
        assert ask(lab, SOLICIT, ANN, options=asked)[1][DNS_SERVERS] == (IPv6Address("2001:db8::aa"),)
        assert ask(lab, SOLICIT, BOB, options=asked)[1][DNS_SERVERS] == (IPv6Address("2001:db8::bb"),)


class TestSharedNetworks:
    def test_a_client_is_served_from_a_sibling_where_its_own_subnet_is_full(self):
        lab = hold(lab_of(LAB, OTHER, shared=True), *(lease(na(f"2001:db8::1{n}"), BOB) for n in range(3)))
        decision, reply = ask(lab, REQUEST)
        assert told(reply) == ["2001:db8:0:1::10"]
        assert (decision.unit[0].after.subnet_id, decision.reply.subnet) == (2, OTHER)

    def test_the_next_client_begins_where_there_was_something(self):
        lab = hold(lab_of(LAB, OTHER, shared=True), *(lease(na(f"2001:db8::1{n}"), BOB) for n in range(3)))
        ask(lab, REQUEST)
        assert list(lab.network.recent.values()) == [1]
        asked = []
        below = lab.store.first_free
        lab.store.first_free = lambda order, *more: (asked.append(order.first), below(order, *more))[1]
        ask(lab, REQUEST, PAT)
        ask(lab, REQUEST, BOB)
        assert ip("2001:db8::10") not in asked

    def test_a_lease_in_a_sibling_is_kept(self):
        lab = hold(lab_of(LAB, OTHER, shared=True), lease(na("2001:db8:0:1::12"), subnet_id=2))
        decision, reply = ask(lab, RENEW)
        assert told(reply) == ["2001:db8:0:1::12"]
        assert decision.reply.subnet is OTHER

    def test_a_lease_on_another_link_is_none(self):
        lab = hold(lab_of(LAB, OTHER), lease(na("2001:db8:0:1::12"), subnet_id=2))
        assert told(ask(lab, RENEW)[1]) == ["2001:db8::10"]

    def test_a_guarded_sibling_stays_closed(self):
        lab = lab_of(attrs.evolve(LAB, pools=()), attrs.evolve(OTHER, client_classes=("VIP",)), shared=True)
        assert statuses(ask(lab, SOLICIT)[1]) == [StatusCode.NO_ADDRS_AVAIL]


class TestTimes:
    @pytest.mark.parametrize(
        ("preferred", "valid", "given"),
        [(0, 0, (60, 100)), (10, 10, (30, 50)), (80, 150, (80, 150)), (999, 999, (90, 200)), (90, 50, (31, 50))],
    )
    def test_what_a_client_asks_for_is_bounded(self, preferred, valid, given):
        _, reply = ask(lab_of(), SOLICIT, ANN, na("::", preferred=preferred, valid=valid))
        assert [(each.preferred, each.valid) for each in bindings_of(reply)] == [given]

    def test_five_eighths(self):
        lab = lab_of(attrs.evolve(LAB, preferred=None))
        assert [each.preferred for each in bindings_of(ask(lab, SOLICIT)[1])] == [62]

    def test_without_end(self):
        lab = lab_of(attrs.evolve(LAB, preferred=None, valid=Lifetimes.fixed(INFINITE)))
        ia = ask(lab, SOLICIT)[1][IA_NA]
        assert (ia.t1, ia.t2) == (INFINITE, INFINITE)
        assert [(each.preferred, each.valid) for each in bindings_of(ask(lab, SOLICIT)[1])] == [(INFINITE, INFINITE)]

    @pytest.mark.parametrize(
        ("timers", "told_then"),
        [
            ({}, (30, 48)),
            ({"renew_timer": 7}, (7, 48)),
            ({"renew_timer": 7, "rebind_timer": 5}, (0, 5)),
            ({"calculate_tee_times": False}, (0, 0)),
            ({"t1_percent": 0.25, "t2_percent": 0.4}, (15, 24)),
        ],
    )
    def test_t1_and_t2(self, timers, told_then):
        assert tee_times6(attrs.evolve(LAB, **timers), 60) == told_then

    @pytest.mark.parametrize(("age", "written"), [(10, False), (25, False), (26, True), (200, True)])
    def test_a_young_lease_is_repeated_for_the_time_it_has_left(self, age, written):
        subnet = attrs.evolve(LAB, cache_threshold=0.25, renew_timer=80, rebind_timer=90)
        lab = lab_of(subnet)
        ask(lab, REQUEST)
        lab.now += age
        decision, reply = ask(lab, RENEW, ANN, na("2001:db8::10"))
        assert bool(decision.unit) == written
        left = (60, 100) if written else (60 - age, 100 - age)
        assert [(each.preferred, each.valid) for each in bindings_of(reply)] == [left]
        assert written or decision.events == (Event.REUSE,)

    def test_a_client_that_does_as_it_was_told_is_extended(self):
        lab = lab_of(attrs.evolve(LAB, cache_threshold=0.25, renew_timer=10, rebind_timer=20))
        ask(lab, REQUEST)
        lab.now += 10
        assert ask(lab, RENEW, ANN, na("2001:db8::10"))[0].events == (Event.RENEW,)

    @pytest.mark.parametrize(
        ("state", "hold_it", "after"),
        [
            (LeaseState.DEFAULT, True, LeaseState.EXPIRED_RECLAIMED),
            (LeaseState.DEFAULT, False, None),
            (LeaseState.DECLINED, True, None),
            (LeaseState.REGISTERED, True, None),
            (LeaseState.RELEASED, True, LeaseState.RELEASED),
        ],
    )
    def test_reclaiming(self, state, hold_it, after):
        over = lease(na("2001:db8::10"), state=state.value, hostname="ann.", fqdn_fwd=True, user_context="{}")
        kept = reclaim6(over, START + 101, hold=hold_it).after
        assert (kept and kept.state) == after
        assert kept is None or (kept.hostname, kept.fqdn_fwd, kept.user_context, kept.duid) == ("", False, "", ANN.duid)


class TestFewPrefixes:
    """Kea 3.1: `adaptive-lease-time-threshold`, of prefixes from free lease queues."""

    FEW = attrs.evolve(
        LAB,
        pd_pools=[PdPool("2001:db8:100::/46", 48), PdPool("2001:db8:300::/62", 64)],
        pd_allocator="flq",
        adaptive_lease_time_threshold=0.75,
    )
    SHORT = (30, 50)  # what is the least that a client may ask for
    LONG = (60, 100)

    @staticmethod
    def got(lab, number, kind=REQUEST, hint="::/48", **more):
        client = Client6(b"\0\3\0\1\2\0\0\0\1" + bytes((number,)), (), (1,))
        _, reply = ask(lab, kind, client, pd(hint, **more))
        return [(each.preferred, each.valid) for each in bindings_of(reply) if each.valid]

    @pytest.mark.parametrize("store", [ReferenceStore6, MemoryStore6])
    def test_lifetimes_get_short(self, store):
        lab = lab_of(self.FEW, store=store())
        assert [self.got(lab, n) for n in range(4)] == [[self.LONG]] * 2 + [[self.SHORT]] * 2
        assert self.got(lab, 9, hint="::/64") == [self.LONG], "five of eight"
        # Longer prefixes do not count for who gets a shorter one, but shorter ones do for who gets a longer one.
        assert self.got(lab, 8, hint="::/64") == [self.SHORT]
        assert self.got(lab, 7, SOLICIT, "::/64") == [self.SHORT], "an offer says so, too"

    def test_who_has_one_keeps_what_is_left_of_it(self):
        lab = lab_of(self.FEW, store=MemoryStore6())
        for n in range(4):
            self.got(lab, n)
        held = "2001:db8:100::/48"
        assert lab.store.view.by_address(ip("2001:db8:100::")).valid_lifetime == 100
        lab.now += 20
        assert self.got(lab, 0, RENEW, held) == [(40, 80)]
        lab.now += 70
        assert self.got(lab, 0, RENEW, held) == [self.SHORT], "what it has left is less than the least"
        assert self.got(lab, 0, REQUEST, held) == [self.SHORT], "as long as it was for"

    def test_what_has_no_end_has_none_then_either(self):
        lab = lab_of(attrs.evolve(self.FEW, adaptive_lease_time_threshold=0.0))
        client = Client6(b"\0\3\0\1\2\0\0\0\1\0", (), (1,))
        hold(
            lab,
            lease(pd("2001:db8:100::/48"), client, valid_lifetime=INFINITE, preferred_lifetime=INFINITE),
        )
        lab.now += 20
        assert self.got(lab, 0, RENEW, "2001:db8:100::/48") == [(INFINITE, INFINITE)]

    def test_several_associations_of_one_client_count_one_by_one(self):
        lab = lab_of(attrs.evolve(self.FEW, pd_pools=self.FEW.pd_pools[:1]))
        client = Client6(ANN.duid, (), (1, 2, 3))
        _, reply = ask(lab, REQUEST, client)
        assert [each.valid for each in bindings_of(reply)] == [100, 100, 50]

    def test_what_is_given_back_counts_as_free(self):
        lab = lab_of(attrs.evolve(self.FEW, pd_pools=self.FEW.pd_pools[:1]), store=MemoryStore6())
        for n in range(3):
            self.got(lab, n)
        client = Client6(b"\0\3\0\1\2\0\0\0\1\0", (), (1,))
        ask(lab, RELEASE, client, pd("2001:db8:100::/48"), empty=False)
        assert lab.store.view.by_address(ip("2001:db8:100::")).state == LeaseState.RELEASED
        assert self.got(lab, 0, RENEW, "2001:db8:100::/48") == [self.SHORT], "the third"
        assert self.got(lab, 7) == [self.SHORT], "the fourth"

    @pytest.mark.parametrize(
        "changed",
        [
            {"pd_allocator": "iterative"},  # Kea: only free lease queues count
            {"adaptive_lease_time_threshold": None},
            {"adaptive_lease_time_threshold": 1.0},
            {"pd_pools": (PdPool("2001:db8::/32", 96), PdPool("2001:dc8::/63", 64))},
        ],
    )
    def test_where_there_is_nothing_of_it(self, changed):
        lab = lab_of(attrs.evolve(self.FEW, **changed))
        assert [self.got(lab, n, hint="::/96" if "pd_pools" in changed else "::/48") for n in range(3)] == [
            [self.LONG]
        ] * 3

    def test_addresses_are_given_as_ever(self):
        lab = lab_of(attrs.evolve(self.FEW, adaptive_lease_time_threshold=0.0))
        _, reply = ask(lab, REQUEST, SAM)
        assert [each.valid for each in bindings_of(reply)] == [100, 100, 50, 50]

    def test_a_pool_that_is_closed_to_the_client_does_not_count(self):
        guarded = PdPool("2001:db8:200::/40", 48, client_classes=("voip",))
        lab = lab_of(attrs.evolve(self.FEW, pd_pools=[self.FEW.pd_pools[0], guarded]))
        assert [self.got(lab, n) for n in range(3)] == [[self.LONG]] * 2 + [[self.SHORT]]


class TestWithoutAStore:
    def repeated(self, kind, held, *bindings):
        lab = hold(lab_of(), held)
        data = message6(kind, ANN, bindings, server_id=SERVER.octets if kind in TO_US else None)
        query = open6(
            Packet6.parse(data, Arrival6("lab0", 1, ANN.source, 546, ALL_SERVERS, multicast=True)), lab.network
        )
        decision = repeat6(query, lab.store.view, lab.network.hosts, START, lab.rng)
        assert decision.unit == ()
        return decision.reply and [(g.preferred, g.valid) for each in decision.reply.answered for g in each.granted]

    @pytest.mark.parametrize(
        ("held", "said"),
        [
            (lease(na("2001:db8::10"), cltt=START - 20), [(40, 80)]),
            (lease(na("2001:db8::10"), cltt=START - 70), [(0, 30)]),
            (lease(na("2001:db8::10"), cltt=START - 100), None),  # ends now
            (lease(na("2001:db8::10"), cltt=START - 101), None),
            (lease(na("2001:db8::10"), state=LeaseState.RELEASED.value), None),
            (lease(na("2001:db8::10"), BOB), None),
            (lease(na("2001:db8::10"), valid_lifetime=INFINITE), [(60, INFINITE)]),
        ],
    )
    def test_what_is_promised_is_said_for_the_time_that_is_left(self, held, said):
        for kind in (RENEW, REBIND):
            assert self.repeated(kind, held, na("2001:db8::10")) == said

    def test_nothing_is_given_back(self):
        for kind in (RELEASE, DECLINE):
            assert self.repeated(kind, lease(na("2001:db8::10")), na("2001:db8::10")) is None

    def test_offers_need_no_writing(self):
        assert self.repeated(SOLICIT, lease(na("2001:db8::10"), BOB)) == [(60, 100)]


class TestAllocators:
    HUGE = (Pool6.of("2001:db8::/65"),)

    @pytest.mark.parametrize("allocator", ["iterative", "random"])
    def test_pools_that_nobody_could_walk(self, allocator):
        subnet = attrs.evolve(LAB, pools=self.HUGE, pd_pools=[PdPool("2001:dc8::/32", 64)], allocator=allocator)
        lab = lab_of(attrs.evolve(subnet, pd_allocator=allocator), store=MemoryStore6())
        seen = set()
        for number in range(20):
            _, reply = ask(lab, REQUEST, Client6(b"\0\3\0\1\2\0\0\0\1" + bytes((number,)), (1,), (1,)))
            seen.update(told(reply))
        assert len(seen) == 40

    def test_a_random_order_finds_the_last_free_one(self):
        subnet = attrs.evolve(LAB, pools=[Pool6.of("2001:db8::/120")], allocator="random")
        lab = lab_of(subnet, store=MemoryStore6())
        free = ip("2001:db8::42")
        hold(
            lab,
            *(lease(na(str(IPv6Address(n))), BOB) for n in range(ip("2001:db8::"), ip("2001:db8::100")) if n != free),
        )
        assert told(ask(lab, SOLICIT)[1]) == ["2001:db8::42"]

    def test_unknown(self):
        with pytest.raises(ValueError, match="there is no allocator 'best'"):
            attrs.evolve(LAB, allocator="best")
