"""Names of DHCPv4 clients: what options 12 and 81 become, and what DNS is to hear of it."""

from ipaddress import IPv4Address

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import Change, Host, Lease4, Network, Pool4, Subnet4
from dhcpkit.alloc.engine4 import Event
from dhcpkit.alloc.lease6 import Lease6, LeaseType
from dhcpkit.alloc.name_change import IdentifierKind, addition, changes, removal
from dhcpkit.alloc.names import NO_NAME, choose_name
from dhcpkit.alloc.naming import KEA_NAMING, NO_UPDATES, Naming, pattern_fault, qualified, scrubbed
from dhcpkit.alloc.points import Ddns4Update
from dhcpkit.hooks import Hooks
from dhcpkit.testing.machine import Client, Lab4, message4
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.wire import Arrival, MessageType, Packet4
from dhcpkit.wire.client_fqdn import CLIENT_FQDN, ClientFqdn

ANN = Client(b"\x02\0\0\0\0\x01")
BOB = Client(b"\x02\0\0\0\0\x02", b"\x01bob")
DISCOVER, REQUEST, RELEASE, DECLINE = (
    MessageType.DISCOVER,
    MessageType.REQUEST,
    MessageType.RELEASE,
    MessageType.DECLINE,
)
ADDRESS = int(IPv4Address("192.0.2.10"))
LOCAL = int(IPv4Address("192.0.2.1"))
SUFFIX = Naming(qualifying_suffix="lab.example")
HOST = Host("hw-address", ANN.hwaddr, 1, hostname="Desk")
LAB = Subnet4("192.0.2.0/24", pools=[Pool4("192.0.2.10 - 192.0.2.12")], naming=SUFFIX, cache_threshold=0.0)


def packet(**options):
    raw = {int(name[1:]): value for name, value in options.items()}
    return Packet4.parse(message4(DISCOVER, ANN, options=raw), Arrival("eth0", 2, local=LOCAL, broadcast=True))


def named(naming=SUFFIX, host=None, **options):
    return choose_name(packet(**options), naming, host, ADDRESS)


def fqdn(name, **flags):
    return CLIENT_FQDN.build(ClientFqdn(name, **flags))


class TestHostName:
    @pytest.mark.parametrize(
        ("asked", "name"),
        [
            (b"box", "box.lab.example"),
            (b"BOX\0", "box.lab.example"),
            (b" box \t", "box.lab.example"),
            (b"box.", "box"),  # complete, so nothing is added; and the dot is not sent
            (b"a.b", "a.b"),
            (b"a.b.", "a.b."),
            (b"b_o!x", "box.lab.example"),
            (b".", "myhost-192-0-2-10.lab.example"),
            (b"", ""),
            (b"!!", ""),
            (b"a..b", ""),
            (b"x" * 64, ""),
            (b"lab.example", "lab.example"),
        ],
    )
    def test_what_a_client_says_is_cleaned_and_completed(self, asked, name):
        found = named(o12=asked)
        assert (found.hostname, found.host_name) == (name, name.encode() or None)
        assert (found.forward, found.reverse) == (bool(name), bool(name))

    @pytest.mark.parametrize(
        ("mode", "said", "unsaid"),
        [
            ("never", "box.lab.example", ""),
            ("always", "myhost-192-0-2-10.lab.example", "myhost-192-0-2-10.lab.example"),
            ("when-present", "myhost-192-0-2-10.lab.example", ""),
            ("when-not-present", "box.lab.example", "myhost-192-0-2-10.lab.example"),
        ],
    )
    def test_names_of_our_making(self, mode, said, unsaid):
        naming = attrs.evolve(SUFFIX, replace_client_name=mode)
        assert named(naming, o12=b"box").hostname == said
        assert named(naming).hostname == unsaid
        assert named(naming, HOST).hostname == "desk.lab.example", "a reservation's beats them"

    def test_characters_are_replaced_as_the_configuration_says(self):
        naming = attrs.evolve(SUFFIX, char_set="[^[:lower:]]", char_replacement="\\1")
        assert scrubbed("aXb", naming) == "a\\1b", "what replaces them means nothing itself"
        assert scrubbed("aXb", attrs.evolve(naming, char_set="")) == "aXb"
        assert scrubbed("aXb", attrs.evolve(naming, char_set="[a")) == ""
        assert pattern_fault("[a")
        assert not pattern_fault("[[a]")

    def test_octets_that_are_let_pass_go_back_as_they_came(self):
        naming = attrs.evolve(SUFFIX, char_set="")
        found = named(naming, o12=b"B\xfc\xdcX y.lab")
        assert found.host_name == b"b\xfc\xdcx y.lab"
        [change] = addition(lease(hostname=found.hostname, fqdn_fwd=True), naming)
        assert change.fqdn == "b\\252\\220x\\032y.lab."

    def test_without_updates_a_name_is_only_answered(self):
        found = named(NO_UPDATES, o12=b"box")
        assert (found.hostname, found.forward, found.reverse) == ("box", False, False)


class TestFqdn:
    @pytest.mark.parametrize(
        ("asked", "changes_of_naming", "answered", "told"),
        [  # flags S and N of the client; what is configured; S, N and O of the server; forward and reverse
            ((False, False), {}, (False, False, False), (False, True)),
            ((False, False), {"override_client_update": True}, (True, False, True), (True, True)),
            ((True, False), {}, (True, False, False), (True, True)),
            ((False, True), {}, (False, True, False), (False, False)),
            ((False, True), {"override_no_update": True}, (True, False, True), (True, True)),
            ((True, False), {"send_updates": False}, (False, True, True), (False, False)),
            (
                (False, False),
                {"send_updates": False, "override_client_update": True},
                (False, True, False),
                (False,) * 2,
            ),
        ],
    )
    def test_who_updates_what(self, asked, changes_of_naming, answered, told):
        updates, none = asked
        naming = attrs.evolve(SUFFIX, **changes_of_naming)
        found = named(naming, o81=fqdn("box", server_updates=updates, no_updates=none))
        value = CLIENT_FQDN.parse(found.fqdn)
        assert (value.server_updates, value.no_updates, value.overridden) == answered
        assert (found.forward, found.reverse) == told
        assert value.name == found.hostname == "box.lab.example."

    @pytest.mark.parametrize(
        ("asked", "name"),
        [
            ("Box", "box.lab.example."),
            ("box.here.", "box.here."),
            ("box.here", "box.here.lab.example."),
            ("", "myhost-192-0-2-10.lab.example."),
            ("b_x.here.", "bx.here."),
            ("box.lab.example", "box.lab.example."),
            ("lab.example", "lab.example."),
        ],
    )
    def test_the_name_is_complete_in_the_end(self, asked, name):
        assert named(o81=fqdn(asked), o12=b"other").hostname == name

    def test_nothing_left_is_nothing_said(self):
        assert named(o81=fqdn("_._.")) == NO_NAME

    def test_a_reservation_beats_it(self):
        assert named(SUFFIX, HOST, o81=fqdn("box")).hostname == "desk.lab.example."
        assert named(KEA_NAMING, HOST, o81=fqdn("box")).hostname == "desk."

    @given(st.text(max_size=12), st.sampled_from(["", "lab", "lab.example.", "."]), st.booleans())
    def test_a_name_is_qualified_once(self, name, suffix, complete):
        naming = Naming(qualifying_suffix=suffix)
        once = qualified(name, naming, complete=True)
        assert once.endswith(".")
        assert qualified(once, naming, complete=True) == once
        assert qualified(name, naming, complete=complete).endswith(".") >= complete

    @given(st.binary(max_size=30), st.sampled_from(["never", "always", "when-present", "when-not-present"]))
    def test_whatever_is_said_the_answer_has_a_form(self, said, mode):
        found = named(attrs.evolve(SUFFIX, replace_client_name=mode), o12=said)
        if found.hostname:
            assert found.host_name == found.hostname.encode()


def lab_of(subnet=LAB, hooks=None, **more):
    return Lab4(Network([subnet], **more), ReferenceStore(), hooks=hooks)


def lease(client=ANN, **more):
    values = {"valid_lifetime": 100, "cltt": 1_000_000_000, "subnet_id": 1} | more
    return Lease4(values.pop("address", ADDRESS), client.hwaddr, client.client_id, **values)


def ask(lab, kind, client=ANN, *, ciaddr=0, **options):
    raw = {int(name[1:]): value for name, value in options.items()}
    data = message4(kind, client, ciaddr=ciaddr, options=raw)
    decision, sent = lab.send(data, Arrival("eth0", 2, local=LOCAL, broadcast=True))
    return decision, Packet4.parse(sent.data) if sent is not None else None


def request(lab, client=ANN, address=ADDRESS, **options):
    four = address.to_bytes(4, "big")
    return ask(lab, REQUEST, client, o50=four, o54=LOCAL.to_bytes(4, "big"), **options)[0]


def told(decision):
    return [(each.remove, each.fqdn, str(each.address)) for each in decision.names]


class TestWhatDnsHears:
    BOX = (False, "box.lab.example.", "192.0.2.10")

    def test_of_a_new_lease_and_not_of_one_extended_as_it_is(self):
        lab = lab_of()
        assert ask(lab, DISCOVER, o12=b"box")[0].names == ()
        assert told(request(lab, o12=b"box")) == [self.BOX]
        kept = lab.store.by_address(ADDRESS)
        assert (kept.hostname, kept.fqdn_fwd, kept.fqdn_rev) == ("box.lab.example", True, True)
        assert told(ask(lab, REQUEST, ciaddr=ADDRESS, o12=b"box")[0]) == []

    def test_of_a_change(self):
        lab = lab_of()
        request(lab, o12=b"box")
        assert told(ask(lab, REQUEST, ciaddr=ADDRESS, o12=b"new")[0]) == [
            (True, "box.lab.example.", "192.0.2.10"),
            (False, "new.lab.example.", "192.0.2.10"),
        ]
        assert told(ask(lab, REQUEST, ciaddr=ADDRESS)[0]) == [(True, "new.lab.example.", "192.0.2.10")]

    def test_of_a_client_that_moves(self):
        lab = lab_of()
        request(lab, o12=b"box")
        assert told(request(lab, address=ADDRESS + 1, o12=b"box")) == [
            (True, "box.lab.example.", "192.0.2.10"),
            (False, "box.lab.example.", "192.0.2.11"),
        ]

    def test_of_every_renewal_where_the_configuration_says_so(self):
        lab = lab_of(attrs.evolve(LAB, naming=attrs.evolve(SUFFIX, update_on_renew=True)))
        request(lab, o12=b"box")
        assert len(told(ask(lab, REQUEST, ciaddr=ADDRESS, o12=b"box")[0])) == 2

    def test_of_the_end_of_a_lease_that_is_taken_over(self):
        lab = lab_of()
        lab.store.append([(Change(None, lease(BOB, hostname="bob.", fqdn_fwd=True)),)])
        lab.now += 500
        assert told(request(lab, o12=b"box")) == [(True, "bob.", "192.0.2.10"), self.BOX]

    @pytest.mark.parametrize("kind", [RELEASE, DECLINE])
    def test_of_a_lease_given_back(self, kind):
        lab = lab_of()
        request(lab, o12=b"box")
        four = {"o50": ADDRESS.to_bytes(4, "big")} if kind == DECLINE else {}
        decision, _ = ask(lab, kind, ciaddr=ADDRESS if kind == RELEASE else 0, **four)
        assert told(decision) == [(True, "box.lab.example.", "192.0.2.10")]

    def test_nothing_where_updates_are_off(self):
        lab = lab_of(attrs.evolve(LAB, naming=NO_UPDATES))
        decision = request(lab, o12=b"box")
        assert (decision.names, decision.lease.fqdn_fwd) == ((), False)

    def test_a_pool_has_its_own_say(self):
        pools = [Pool4("192.0.2.10/32"), Pool4("192.0.2.11/32", naming=Naming(qualifying_suffix="pool.example"))]
        lab = lab_of(attrs.evolve(LAB, pools=pools))
        assert request(lab, o12=b"box").lease.hostname == "box.lab.example"
        assert request(lab, BOB, ADDRESS + 1, o12=b"bob").lease.hostname == "bob.pool.example"

    def test_a_lease_with_a_name_of_our_making_is_repeated_as_it_is(self):
        naming = attrs.evolve(SUFFIX, replace_client_name="always")
        lab = lab_of(attrs.evolve(LAB, naming=naming, cache_threshold=0.25))
        assert told(request(lab)) == [(False, "myhost-192-0-2-10.lab.example.", "192.0.2.10")]
        assert ask(lab, REQUEST, ciaddr=ADDRESS)[0].event is Event.REUSE

    @pytest.mark.parametrize("option", [{"o12": b"box"}, {"o81": fqdn("box", server_updates=True)}])
    def test_a_callout_may_change_it(self, option):
        hooks = Hooks()

        @hooks.on(Ddns4Update)
        def rename(point):
            point.hostname, point.forward = "other.example.", False

        decision, reply = ask(lab_of(hooks=hooks), DISCOVER, **option)
        assert (decision.lease.hostname, decision.lease.fqdn_fwd, decision.lease.fqdn_rev) == (
            "other.example.",
            False,
            True,
        )
        if 81 in reply.options:
            value = CLIENT_FQDN.parse(reply.options[81])
            assert (value.name, value.server_updates, value.no_updates) == ("other.example.", False, True)
        else:
            assert reply.options[12] == b"other.example."


class TestNameChange:
    NAMED = lease(hostname="box.", fqdn_fwd=True)

    @pytest.mark.parametrize(
        ("client_id", "kind", "identifier"),
        [
            (b"", IdentifierKind.HWADDR, b"\1" + ANN.hwaddr),
            (b"\1x", IdentifierKind.CLIENT_ID, b"\1x"),
            (b"\xff\0\0\0\1\0\3\0\1abc", IdentifierKind.DUID, b"\0\3\0\1abc"),
            (b"\xff\0\0\0\1", IdentifierKind.CLIENT_ID, b"\xff\0\0\0\1"),
        ],
    )
    def test_whose_it_is(self, client_id, kind, identifier):
        [change] = addition(self.NAMED._replace(client_id=client_id), KEA_NAMING)
        assert (change.identifier_kind, change.identifier) == (kind, identifier)

    def test_a_dhcpv6_lease_is_its_duid_s(self):
        held = Lease6(1, b"\0\3\0\1abc", 100, 5, 1, 50, LeaseType.IA_NA, 7, hostname="box.", fqdn_fwd=True)
        [change] = addition(held, KEA_NAMING)
        assert (change.identifier_kind, change.identifier, str(change.address)) == (
            IdentifierKind.DUID,
            b"\0\3\0\1abc",
            "::1",
        )

    def test_a_prefix_has_no_name(self):
        held = Lease6(1, b"\0\3\0\1abc", 100, 5, 1, 50, LeaseType.IA_PD, 7, 64, hostname="box.", fqdn_fwd=True)
        assert not list(addition(held, KEA_NAMING))

    @pytest.mark.parametrize("flags", [{"hostname": ""}, {"fqdn_fwd": False}])
    def test_nothing_is_told_of_what_dns_does_not_know(self, flags):
        assert not list(removal(self.NAMED._replace(**flags), KEA_NAMING))
        assert not list(removal(None, KEA_NAMING))

    @pytest.mark.parametrize(
        ("naming", "lifetime", "ttl"),
        [
            ({}, 3600, 1200),
            ({}, 100, 600),
            ({"ttl": 5}, 3600, 5),
            ({"ttl_percent": 0.5}, 3600, 1800),
            ({"ttl_percent": 0.5, "ttl_max": 900}, 3600, 900),
            ({"ttl_percent": 0.5, "ttl_min": 2000}, 3600, 2000),
            ({"ttl_percent": 0.5, "ttl_min": 2000, "ttl_max": 900}, 3600, 2000),
        ],
    )
    def test_how_long_records_live(self, naming, lifetime, ttl):
        [change] = addition(self.NAMED._replace(valid_lifetime=lifetime), attrs.evolve(KEA_NAMING, **naming))
        assert (change.lifetime, change.ttl) == (lifetime, ttl)

    @given(st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["", "a.", "b."]))
    def test_what_was_told_is_taken_back_before_something_else_is_told(self, forward, reverse, renew, name):
        after = self.NAMED._replace(hostname=name, fqdn_fwd=forward, fqdn_rev=reverse)
        naming = attrs.evolve(KEA_NAMING, update_on_renew=renew)
        made = list(changes(after, self.NAMED, naming))
        assert [each.remove for each in made] == sorted((each.remove for each in made), reverse=True)
        assert not list(changes(after, self.NAMED, NO_UPDATES))
        if name and (forward or reverse) and made:
            assert made[0].fqdn == "box."
            assert made[-1].fqdn == name
