"""Random conversations of DHCPv6 clients with real Kea and with our engine: the same answers and leases.

Both have the same configuration (worlds6.py) and hear the same messages through the same relay agents. What differs on
purpose stands in KNOWN, with its reason. The conversations are the same every time; DHCPKIT_KEA_EXAMPLES asks for so
many new ones. Another Kea: DHCPKIT_KEA_ROOT.
"""

import importlib.util
from collections import defaultdict
from ipaddress import IPv6Address
from itertools import zip_longest
from pathlib import Path

import attrs
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from dhcpkit.config.load import load6
from dhcpkit.testing.leases import in_kea_words6
from dhcpkit.testing.machine6 import Lab6, bindings_of
from dhcpkit.wire.dhcp6 import Arrival6, Packet6
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.nested6 import Options6, options_octets6
from dhcpkit.wire.options6 import IA_NA as IA_NA_OPTION
from dhcpkit.wire.options6 import IA_PD as IA_PD_OPTION


def sibling(name):
    spec = importlib.util.spec_from_file_location(f"kea_{name}", Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


real_kea, bench, worlds, talk = (sibling(name) for name in ("real_kea", "bench", "worlds6", "talk6"))
pytestmark = [pytest.mark.privileged, pytest.mark.timeout(bench.TIMEOUT)]

AGENT, SERVER = (int(IPv6Address(text)) for text in (real_kea.AGENT6, real_kea.SERVER6))
PROBE_XID = b"\x0b\xff\xff\xff"
PROBE = bytes((12, 0)) + bytes(32) + options_octets6([(9, PROBE_XID + options_octets6([(1, b"\0\3\0\1\2probe")]))])
IA_NA, IAADDR, STATUS, RELAY_MSG, IA_PD, IAPREFIX = 3, 5, 13, 9, 25, 26
FOREVER = bench.FOREVER
SECONDS = bench.SECONDS


@attrs.frozen(eq=False)
class Context:
    """Where a difference was seen: the message that we got, and the answers to it."""

    pair: object
    link: object
    say: object
    sent: Packet6
    kea: Packet6 | None
    ours: Packet6 | None
    decision: object
    released: bool
    waited: bool

    @property
    def because(self):
        return getattr(self.decision, "because", "")

    @property
    def old(self):
        """Whether this Kea is 2.2, or one of its age."""
        return self.pair.kea.version < (3,)


def made_for_prefixes(each, at):
    """A client that has no address is to have a name made of its address."""
    return each[0] == "answer" and at.kea is None and at.ours.options.first.get(39, b"name")[1:] == b""


def promised_twice(_each, at):
    """Kea offers something to several associations of a client."""
    offered = [binding.address for binding in bindings_of(at.kea) if binding.valid] if at.kea is not None else []
    return at.say is not None and at.say.kind == "solicit" and len(set(offered)) < len(offered)


SEVERAL = {"siblings", "shared", "vips"}  # kinds of links that are networks of several subnets


def other_subnet(each, at):
    """The client has a reservation in another subnet of the network than the one selected."""
    return at.say is not None and at.link.kind in SEVERAL and 1 <= at.say.role <= 5


def place(value):
    """The address or prefix that a difference is about, as text."""
    return str(value[1] if isinstance(value, tuple) else value)


def in_a_pool(each, at):
    """What is reserved lies in a pool, where reservations are said to be out of pools."""
    mine = at.pair.reserved(at.link)
    return at.link.kind == "outside" and " gives" in each[0] and any(place(value) in mine for value in each[1:])


def closest_length(_each, at):
    """A prefix of a length that no pool has, where pools have others; Kea 2.2 does not look at lengths."""
    known = {0} if at.old else {0, 56, 58}
    return at.say is not None and at.link.kind == "pools" and bool(at.say.prefixes) and at.say.hint_len not in known


def lost_to_an_offer(each, at):
    """Kea has no lease any more where classes open pools: at the end, or when we give the client what it had."""
    had = {change.before.address for change in getattr(at.decision, "unit", ()) if change.before is not None}
    ours = " gives" in each[0] and place(each[2]) in {str(IPv6Address(address)) for address in had}
    lost = each[0].startswith("lease") and each[1] is None
    return (lost or ours) and at.link.kind in {"pools", "shared"}


def released_now(each, at):
    """Something was released a moment ago."""
    return at.released and not at.old and each[0].startswith("IA")


def of_infinity(each, at):
    """Timers of leases that are preferred forever, in one of the answers at least."""
    return each[0].endswith(("t1 time", "t2 time")) and FOREVER in each[1:]


def unmentioned(each, at):
    """We tell a client what it loses, though it did not mention it."""
    if at.kea is None or at.ours is None:
        return False
    kept = {(each.type, each.iaid, each.address) for each in bindings_of(at.kea)}
    lost = [each for each in bindings_of(at.ours) if (each.type, each.iaid, each.address) not in kept]
    return bool(lost) and not any(each.valid for each in lost)


def gives(packet):
    """The addresses and prefixes that an answer gives, as text."""
    return (
        {str(IPv6Address(each.address)) for each in bindings_of(packet) if each.valid} if packet is not None else set()
    )


def reserved_and_over(each, at):
    """We give something reserved, after leases may have ended."""
    mine = gives(at.ours) - gives(at.kea) if at.waited else set()
    return each[0].startswith(("IA", "option")) and not mine.isdisjoint(at.pair.reserved(at.link))


def of_another_subnet(each, at):
    """Something of another subnet of the network, for a client that asks for several things."""
    several = at.sent is not None and len(at.sent.all(IA_NA_OPTION)) + len(at.sent.all(IA_PD_OPTION)) > 1
    return several and at.link.kind in SEVERAL and " gives" in each[0] and None not in each


def only(key, each):
    """Two leases that differ in this alone."""
    return each[0].startswith("lease") and all(value is not None and [*value] == [key] for value in each[1:])


def whose_turn(each, at):
    """Another address or prefix of those that anybody may have."""
    mine = at.pair.reserved(at.link)
    free = not any(place(value) in mine for value in each[1:])
    return at.link.kind == "pools" and each[0] in {"IA 3 gives", "IA 25 gives"} and None not in each and free


def of_a_prefix(each, _at):
    """The name of a prefix's lease."""
    return only("hostname", each) and int(each[0].split(":")[2], 16) >= 0x8000


def only_case(each, at):
    """The name of a lease, but for capitals."""
    names = [value.get("hostname", "").lower() for value in each[1:] if isinstance(value, dict) and len(value) == 1]
    return each[0].startswith("lease") and len(names) == 2 and names[0] == names[1] != ""


# Differences that are meant, and why. docs/why/differential.md says it to people.
KNOWN = [
    bench.Known(
        "a name for prefixes alone",
        "Kea stumbles over a client that wants a name made for it and has no address, and is silent",
        made_for_prefixes,
        ends=True,
    ),
    bench.Known(
        "offered twice",
        "Kea offers the same address to several associations of a client where there is one left, we offer it once",
        promised_twice,
        ends=True,
    ),
    bench.Known(
        "reservation in a sibling",
        "a reservation says which subnet of a shared network the client is served from; so it does in Kea since 3.1",
        other_subnet,
        ends=True,
    ),
    bench.Known(
        "released in this second",
        "Kea 3.0 takes what was released for leased by the association it was of, in the second it was released in",
        released_now,
        ends=True,
    ),
    bench.Known(
        "whose turn it is",
        "of several pools Kea goes on with the one it gave of last, we begin with the first",
        whose_turn,
        ends=True,
    ),
    bench.Known(
        "capitals in names of prefixes",
        "a prefix has no name in DNS: Kea keeps the first one it had, as it was written",
        only_case,
    ),
    bench.Known(
        "names of prefixes",
        "a prefix has no name in DNS: its lease has that of the subnet's reservation, in Kea of the one selected first",
        of_a_prefix,
    ),
    bench.Known(
        "others' reservations in pools",
        "with reservations out of pools nobody asks whether what is in one is reserved; Kea does where a lease exists",
        in_a_pool,
        ends=True,
    ),
    bench.Known(
        "prefixes of the closest length",
        "of pools with larger prefixes than asked for Kea takes the first (2.2 any), we the one of the closest length",
        closest_length,
        ends=True,
    ),
    bench.Known(
        "confirmed on the link",
        "an address of any subnet of a shared network is on its link; Kea looks at the subnet selected alone",
        lambda _each, at: at.say is not None and at.say.kind == "confirm" and at.link.kind in SEVERAL,
    ),
    bench.Known(
        "timers of the subnet that serves",
        "T1 and T2 are those of the subnet that the leases are of, in Kea sometimes of the one selected at first",
        lambda each, at: at.link.kind == "shared" and each[0].endswith(("t1 time", "t2 time")),
        ends=True,
    ),
    bench.Known(
        "leases lost to an offer",
        "in Kea a SOLICIT takes leases from the client that its classes do not open any more, here nothing is written",
        lost_to_an_offer,
        ends=True,
    ),
    bench.Known(
        "timers of leases without end",
        "RFC 8415 14.2 wants timers without end for them; Kea takes parts of the number that stands for infinity",
        of_infinity,
    ),
    bench.Known(
        "lost without a word",
        "a client hears of each address it loses; of one it does not ask about Kea says nothing if it gives another",
        unmentioned,
        ends=True,
    ),
    bench.Known(
        "served from one subnet",
        "what a client gets besides a lease that it has is of that lease's subnet, in Kea of the one selected at first",
        of_another_subnet,
        ends=True,
    ),
    bench.Known(
        "whose hardware address",
        "a lease whose time is over goes to another client with that client's hardware address; Kea leaves the old one",
        lambda each, _at: only("hw-address", each),
    ),
    bench.Known(
        "reserved and over",
        "what is reserved goes to its client once the lease that was there is over; in Kea once that is reclaimed",
        reserved_and_over,
        ends=True,
    ),
    bench.Known(
        "rapid commit without a name",
        "Kea makes no name for a client that gets its lease by rapid commit",
        lambda each, at: each[0] == "option 39" and at.ours is not None and 14 in at.ours.options.first,
        ends=True,
    ),
    bench.Known(
        "the subnet of a global reservation",
        "a lease of what is reserved globally is of the subnet that holds it; Kea 2.2 writes down the one selected",
        lambda each, at: at.old and only("subnet-id", each),
    ),
    bench.Known(
        "declined when it was over",
        "Kea 2.2 lets a client decline a lease whose time is over, 3.0 does not",
        lambda _each, at: at.old and at.waited and at.say is not None and at.say.kind == "decline",
        ends=True,
    ),
    bench.Known(
        "the exclusion of another pool",
        "Kea 2.2 leaves out of a reserved prefix what some pool leaves out that does not hold it, 3.0 does not",
        lambda each, at: at.old and each[0] == "IA 25 inside",
        ends=True,
    ),
    bench.Known(
        "preferred for longer than valid",
        "Kea 2.2 may prefer a lease for longer than it is valid; 3.0 makes that five eighths",
        lambda each, at: at.old and each[0].endswith("time"),
        ends=True,
    ),
    bench.Known(
        "a name that nobody asked for",
        "Kea 2.2 offers an option 39 without a name to clients that sent none, where names are always replaced",
        lambda each, at: at.old and each[0].startswith("option 39"),
        ends=True,
    ),
    bench.Known(
        "options of several vendors",
        "Kea 2.2 sends vendor options of one enterprise, 3.0 those of each that is asked for or always sent",
        lambda each, at: at.old and "option 17" in each[0],
        ends=True,
    ),
]


@pytest.fixture(
    scope="module", params=[world for world in worlds.WORLDS if real_kea.can(6, world)], ids=lambda world: world.name
)
def pair(request, kea_of):
    return make_bench(*kea_of(6, request.param))


def make_bench(kea, world, ours):
    server_id = Duid(worlds.SERVER_DUID)
    return bench.Bench(kea, world, lambda: Lab6(load6(ours, server_id=server_id).network))


@pytest.mark.needs("kea-dhcp6")
def test_clients_hear_the_same_from_both(pair):
    @settings(**bench.SEARCH)
    @given(st.sampled_from(sorted(pair.world.kinds)), talk.conversations(worlds.ROLES))
    def run(kind, conversation):
        converse(pair, kind, conversation)

    run()


def converse(pair, kind, conversation):
    link = pair.link(kind)
    note(f"link {link.number} {link.kind} {link.net(0)}")
    theirs, ours = defaultdict(talk.Memory), defaultdict(talk.Memory)
    pair.stale = True
    released = waited = False
    for say in conversation:
        if say.kind == "wait":
            note(f"{say.seconds} seconds later")
            pair.wait(link, say.seconds)
            waited = True
            continue
        released = released or say.kind == "release"
        xid = pair.next_xid()
        to_kea = talk.message(say, link, theirs, xid, worlds.SERVER_DUID)
        to_us = talk.message(say, link, ours, xid, worlds.SERVER_DUID)
        answer, decision = our_answer(pair, to_us)
        note(f"{say}: {answer}")
        kea_answer = kea_answer_of(pair, to_kea, patient=answer is not None)
        context = Context(pair, link, say, Packet6.parse(to_us), kea_answer, answer, decision, released, waited)
        found, ends = bench.unexplained(differences(kea_answer, answer), KNOWN, context)
        said = [f"{what}: Kea {shown(left)}, here {shown(right)}" for what, left, right in found]
        assert not found, "\n".join([*said, context.because])
        if ends:
            pair.agreed()
            return
        talk.heard(say, theirs[say.role], kea_answer)
        talk.heard(say, ours[say.role], answer)
    context = Context(pair, link, None, None, None, None, None, released, waited)
    found, ends = bench.unexplained(leases(pair, link), KNOWN, context)
    assert not found, "\n".join(f"{what}: Kea {left}, here {right}" for what, left, right in found)
    pair.agreed()


def our_answer(pair, data):
    pair.lab.now = pair.kea.now()
    decision, outgoing = pair.lab.send(data, Arrival6("eth0", 2, AGENT, 547, SERVER))
    if outgoing is None:
        return None, decision
    assert (outgoing.address, outgoing.port) == (AGENT, 547)
    return Packet6.parse(outgoing.data), decision


def kea_answer_of(pair, data, *, patient):
    def send():
        for each in (data, PROBE):
            pair.kea.sockets[0].sendto(each, (real_kea.SERVER6, 547))

    answers = pair.kea.exchange(send, lambda got: b"\x07" + PROBE_XID[1:] in got, patient=patient)
    assert len(answers) <= 1, f"one answer, not {answers}"
    return Packet6.parse(answers[0][0]) if answers else None


def differences(kea, ours):
    """In what two answers differ, as (what, Kea's, ours): silence, header, relays' and client's options, in order."""
    if kea is None or ours is None:
        if kea is not ours:
            yield "answer", kea, ours
        return
    if (kea.type, kea.xid) != (ours.type, ours.xid):
        yield "type", kea, ours
        return
    theirs, mine = (list(flat(packet)) for packet in (kea, ours))
    if sorted(map(repr, theirs)) == sorted(map(repr, mine)) and theirs != mine:
        yield "order", [what for what, _ in theirs], [what for what, _ in mine]
        return
    for left, right in zip_longest(theirs, mine, fillvalue=("nothing", None)):
        if left[0] != right[0]:
            yield f"{left[0]} or {right[0]}", left[1], right[1]
            return
        if left[1] != right[1] and not (left[0].endswith("time") and abs(left[1] - right[1]) <= SECONDS):
            yield left[0], left[1], right[1]


def flat(packet):
    """Everything in an answer that must agree, with names: the sentences of statuses are everybody's own."""
    for number, relay in enumerate(packet.relays):
        yield f"relay {number}", (relay.type, relay.hops, relay.link, relay.peer)
        for code, payload in relay.options.items():
            if code != RELAY_MSG:
                yield f"relay {number} option {code}", payload
    for code, payload in packet.options.items():
        if code in (IA_NA, IA_PD):
            yield f"IA {code}", payload[:4]
            yield f"IA {code} t1 time", number_in(payload, 4)
            yield f"IA {code} t2 time", number_in(payload, 8)
            for inner, octets in Options6(payload[12:]).items():
                at = {IAADDR: 16, IAPREFIX: 0}.get(inner)
                if at is None:
                    yield f"IA {code} option {inner}", octets[:2] if inner == STATUS else octets
                    continue
                where = IPv6Address(octets[:16]) if inner == IAADDR else (octets[8], IPv6Address(octets[9:25]))
                yield f"IA {code} gives", where
                yield f"IA {code} preferred time", number_in(octets, at)
                yield f"IA {code} valid time", number_in(octets, at + 4)
                yield f"IA {code} inside", octets[24 if inner == IAADDR else 25 :]
        elif code == STATUS:
            yield "status", payload[:2]
        else:
            yield f"option {code}", payload


def number_in(octets, at):
    return int.from_bytes(octets[at : at + 4], "big")


def shown(value):
    return value.hex() if isinstance(value, bytes) else value


def leases(pair, link):
    """In what the two stores differ, as `differences` says it."""
    ids = pair.ids(link)
    theirs = {lease["ip-address"]: lease for lease in pair.kea_leases(link)}
    ours = {}
    for lease in pair.lab.store.leases.values():
        if lease.subnet_id in ids:
            told = in_kea_words6(lease)
            ours[told["ip-address"]] = told
    for address in sorted({*theirs, *ours}):
        left, right = theirs.get(address), ours.get(address)
        if left is None or right is None:
            yield f"lease of {address}", left, right
            continue
        bench.forget_seconds(left, right)
        left.pop("pool-id", None)
        if pair.kea.version < (3,):  # which keeps what relay agents say in another form
            left.pop("user-context", None), right.pop("user-context", None)
            left["duid"] = left["duid"].replace("00", "00:00:00") if left["duid"] == "00" else left["duid"]  # nobody's
        if left != right:
            changed = {key for key in {*left, *right} if left.get(key) != right.get(key)}
            yield f"lease of {address}", *({key: lease.get(key) for key in changed} for lease in (left, right))
