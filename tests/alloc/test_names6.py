"""What DNS hears of DHCPv6 leases where conversations seldom lead, and of leases whose subnet is no more."""

from ipaddress import IPv6Address
from random import Random

import attrs
import pytest

from dhcpkit.alloc import Lease4, Network, Pool4, Subnet4
from dhcpkit.alloc.decision6 import Answered6, Granted6
from dhcpkit.alloc.engine6 import open6, plan6, repeat6
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.name_change import NameChange, addition, forgotten
from dhcpkit.alloc.name_change6 import changes6, registered6
from dhcpkit.alloc.names6 import choose_name6
from dhcpkit.alloc.naming import KEA_NAMING, NO_UPDATES, Naming
from dhcpkit.alloc.network6 import Network6, Pool6, Subnet6
from dhcpkit.alloc.view6 import Change6
from dhcpkit.testing.machine6 import Binding6, Client6, Lab6, message6
from dhcpkit.testing.reference_store6 import ReferenceStore6
from dhcpkit.wire.dhcp6 import Arrival6, MessageType6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.nested6 import options_octets6

FIRST = int(IPv6Address("2001:db8::10"))
SERVER = Duid.of_link_layer(b"\2\0\0\0\0\xff")
ANN, BOB = b"\0\3\0\1ann", b"\0\3\0\1bob"
BOX = b"\1\3box\3lab\0"
SUBNET = Subnet6("2001:db8::/64", id=1, pools=[Pool6(FIRST, FIRST + 5)], interface="lab0", cache_threshold=0.0)
NETWORK = Network6([SUBNET], server_id=SERVER)
NAMED = Lease6(FIRST, ANN, 3600, 5, 1, 50, LeaseType.IA_NA, 1, hostname="box.lab.", fqdn_fwd=True, fqdn_rev=True)
SOURCE = int(IPv6Address("2001:db8::99"))
ARRIVAL = Arrival6("lab0", 2, SOURCE, 546, 1, multicast=True)


def answered(*addresses):
    return [Answered6(LeaseType.IA_NA, iaid, 0, 0, (Granted6(at, 128, 1, 2),)) for iaid, at in enumerate(addresses, 1)]


def told(names):
    return [(each.remove, each.fqdn, int(each.address) - FIRST) for each in names]


class TestSeveralLeases:
    def test_a_name_that_passes_to_another_client_is_taken_from_the_one_before(self):
        before, after = {FIRST: NAMED}, {FIRST: NAMED._replace(duid=BOB)}
        names = changes6(before, after, answered(FIRST), KEA_NAMING, NETWORK)
        assert told(names) == [(True, "box.lab.", 0), (False, "box.lab.", 0)]
        assert [each.identifier for each in names] == [ANN, BOB]

    def test_an_address_without_a_name_leaves_it_to_the_next(self):
        after = {FIRST: NAMED._replace(hostname=""), FIRST + 1: NAMED._replace(address=FIRST + 1)}
        names = changes6(dict.fromkeys(after), after, answered(*after), KEA_NAMING, NETWORK)
        assert told(names) == [(False, "box.lab.", 1)]

    def test_a_lease_that_is_lost_is_told_where_updates_are_not_sent_any_more(self):
        silent = Naming(send_updates=False)
        assert told(changes6({FIRST: NAMED}, {FIRST: None}, [], silent, NETWORK)) == [(True, "box.lab.", 0)]
        assert not changes6({FIRST: None}, {FIRST: NAMED}, answered(FIRST), silent, NETWORK)


class TestRegistered:
    @pytest.mark.parametrize(
        ("before", "update", "names"),
        [
            (None, False, [(False, "box.lab.", 0)]),
            (NAMED, False, []),
            (NAMED, True, [(True, "box.lab.", 0), (False, "box.lab.", 0)]),
            (NAMED._replace(hostname="old."), False, [(True, "old.", 0), (False, "box.lab.", 0)]),
            (NAMED._replace(duid=BOB), False, [(True, "box.lab.", 0), (False, "box.lab.", 0)]),
        ],
    )
    def test_an_address_that_is_registered_has_its_name(self, before, update, names):
        naming = attrs.evolve(KEA_NAMING, update_on_renew=update)
        assert told(registered6(NAMED, before, naming, NETWORK)) == names

    def test_the_message_says_so(self):
        lab = Lab6(NETWORK)
        inside = SOURCE.to_bytes(16, "big") + (50).to_bytes(4, "big") + (100).to_bytes(4, "big")
        data = bytes((MessageType6.ADDR_REG_INFORM, 0, 0, 1)) + options_octets6([(1, ANN), (5, inside), (39, BOX)])
        decision, _ = lab.send(data, ARRIVAL)
        assert [(each.fqdn, int(each.address)) for each in decision.names] == [("box.lab.", SOURCE)]


class TestGivingBack:
    @pytest.mark.parametrize("keep", [False, True])
    def test_what_is_kept_for_its_client_is_told_later(self, keep):
        lab = Lab6(Network6([SUBNET], server_id=SERVER, keep_released=keep))
        assert lab.store.append([(Change6(None, NAMED._replace(cltt=lab.now)),)])[0]
        binding = Binding6(LeaseType.IA_NA, 1, FIRST)
        data = message6(MessageType6.RELEASE, Client6(ANN), [binding], server_id=SERVER.octets, empty=False)
        decision, _ = lab.send(data, ARRIVAL)
        assert told(decision.names) == ([] if keep else [(True, "box.lab.", 0)])

    def test_what_is_declined_is_told_at_once(self):
        lab = Lab6(NETWORK)
        assert lab.store.append([(Change6(None, NAMED._replace(cltt=lab.now)),)])[0]
        binding = Binding6(LeaseType.IA_NA, 1, FIRST)
        data = message6(MessageType6.DECLINE, Client6(ANN), [binding], server_id=SERVER.octets, empty=False)
        assert told(lab.send(data, ARRIVAL)[0].names) == [(True, "box.lab.", 0)]


def test_nothing_is_told_while_nothing_can_be_stored():
    subnet = attrs.evolve(SUBNET, naming=attrs.evolve(KEA_NAMING, update_on_renew=True))
    network, store, now = Network6([subnet], server_id=SERVER), ReferenceStore6(), 1_000_000
    data = message6(MessageType6.REQUEST, Client6(ANN), server_id=SERVER.octets, options={39: BOX})
    query = open6(Packet6.parse(data, ARRIVAL), network)
    assert store.append([plan6(query, store, network.hosts, now, Random(1)).unit])[0]
    again = plan6(query, store, network.hosts, now, Random(1))
    assert not again.unit, "the same once more in the same second"
    assert len(again.names) == 2
    assert repeat6(query, store, network.hosts, now, Random(1)).names == ()


class TestLeasesFromElsewhere:
    def test_without_its_subnet_a_lease_has_what_kea_has_for_want_of_anything_said(self):
        [change] = forgotten(NAMED._replace(subnet_id=9), NETWORK)
        assert (change.ttl, change.conflict_resolution_mode) == (1200, "check-with-dhcid")
        assert not forgotten(NAMED._replace(subnet_id=9), Network6([], server_id=SERVER, naming=NO_UPDATES))

    def test_what_holds_is_what_holds_where_it_was(self):
        pools = [Pool6(FIRST, FIRST, naming=attrs.evolve(KEA_NAMING, ttl=7)), Pool6(FIRST + 1, FIRST + 5)]
        network = Network6([attrs.evolve(SUBNET, pools=pools)], server_id=SERVER)
        assert [forgotten(NAMED._replace(address=FIRST + at), network)[0].ttl for at in (0, 1)] == [7, 1200]

    def test_nobody_s_lease_has_no_name(self):
        subnet = Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10/32")], naming=KEA_NAMING)
        nobody = Lease4(subnet.first + 10, b"", b"", 100, 5, subnet.id, hostname="box.", fqdn_fwd=True)
        assert not forgotten(nobody, Network([subnet]))
        assert len(forgotten(nobody._replace(hwaddr=b"\2"), Network([subnet]))) == 1


@pytest.mark.parametrize(
    ("mode", "checks"),
    [
        ("check-with-dhcid", True),
        ("check-exists-with-dhcid", True),
        ("no-check-with-dhcid", False),
        ("no-check-without-dhcid", False),
    ],
)
def test_the_json_of_both_ages_of_kea(mode, checks):
    [change] = addition(NAMED, attrs.evolve(KEA_NAMING, conflict_resolution_mode=mode))
    assert isinstance(change, NameChange)
    assert change.to_json()["conflict-resolution-mode"] == mode
    assert change.to_json(before_3_0=True)["use-conflict-resolution"] is checks
    assert "conflict-resolution-mode" not in change.to_json(before_3_0=True)


@pytest.mark.parametrize(
    ("seconds", "stamp"),
    [
        (0, "19700101000000"),
        (951_782_399, "20000228235959"),
        (951_782_400, "20000229000000"),
        (1_709_251_199, "20240229235959"),
        (4_107_542_400, "21000301000000"),
        (0xFFFFFFFF, "21060207062815"),
    ],
)
def test_when_records_end(seconds, stamp):
    [change] = addition(NAMED._replace(cltt=seconds - 9), attrs.evolve(KEA_NAMING, ttl=9))
    assert change.to_json()["lease-expires-on"] == stamp


@pytest.mark.parametrize(("char_set", "name"), [("[^[:alnum:]]", "\\1a\\1b."), ("", "!a\\255b.")])
def test_characters_are_replaced_as_in_dhcpv4(char_set, name):
    naming = Naming(char_set=char_set, char_replacement="\\1")
    packet = Packet6.parse(message6(MessageType6.REQUEST, Client6(ANN), options={39: b"\1\4!A\xffB\0"}))
    found = choose_name6(packet, SUBNET, naming, None)
    assert found.hostname.replace("\\\\", "\\") == name
    assert found.payload is not None
