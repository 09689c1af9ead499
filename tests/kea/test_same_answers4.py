"""Random conversations of DHCPv4 clients with real Kea and with our engine: the same answers, leases and names.

Both have the same configuration (worlds4.py) and hear the same messages through the same relay agents. What differs on
purpose stands in KNOWN, with its reason. The conversations are the same every time; DHCPKIT_KEA_EXAMPLES asks for so
many new ones. Another Kea: DHCPKIT_KEA_ROOT.
"""

import hashlib
import importlib.util
import json
import socket
import struct
from collections import defaultdict
from ipaddress import IPv4Address
from itertools import zip_longest
from pathlib import Path

import attrs
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from dhcpkit.config.load import load4
from dhcpkit.testing.leases import in_kea_words
from dhcpkit.testing.machine import Lab4
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import Arrival, MessageType, Packet4


def sibling(name):
    spec = importlib.util.spec_from_file_location(f"kea_{name}", Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


real_kea, bench, worlds, talk = (sibling(name) for name in ("real_kea", "bench", "worlds4", "talk4"))
pytestmark = [pytest.mark.privileged, pytest.mark.timeout(bench.TIMEOUT)]

SERVER = int(IPv4Address(real_kea.SERVER4))
PROBE_XID = b"\xff\xff\xff\xff"
PROBE_FROM = IPv4Address("10.255.0.1")
PROBE = build_packet4(MessageType.INFORM, {}, xid=0xFFFFFFFF, chaddr=b"\2probe", giaddr=PROBE_FROM, hops=1)
FIELDS = ("op", "htype", "hlen", "hops", "xid", "secs", "flags", "ciaddr", "yiaddr", "siaddr", "giaddr", "chaddr")
FIELDS += ("sname", "file")
SECONDS = bench.SECONDS


@attrs.frozen(eq=False)
class Context:
    """Where a difference was seen: the message that we got, and the answers to it."""

    pair: object
    link: object
    say: object
    sent: Packet4
    kea: Packet4 | None
    ours: Packet4 | None
    decision: object
    released: bool
    late: bool

    @property
    def because(self):
        return getattr(self.decision, "because", "")

    @property
    def old(self):
        """Whether this Kea is 2.2, or one of its age."""
        return self.pair.kea.version < (3,)


SEVERAL = {"siblings", "shared", "vips", "without"}  # kinds of links that are networks of several subnets
REPEATING = {"shared", "siblings", "globally", "outside", "mastered", "forever"}  # kinds where Kea 2.2 repeats leases


def other_subnet(each, at):
    """The client's reservation has no address, and is in another subnet of the network than the one selected."""
    return at.say is not None and at.link.kind in SEVERAL and at.say.role == 6


def reserved_in_a_sibling(each, at):
    """We refuse what is reserved for another client."""
    return at.link.kind in SEVERAL and each[0] in {"type", "answer"} and "is reserved for" in at.because


def has_two(each, at):
    """We let the client keep the one of its leases that it asks for, and take the other back."""
    changes = getattr(at.decision, "unit", ())
    both = len(changes) == 2 and all(
        change.before is not None and change.before.belongs_to(at.decision.query.client_id, at.sent.chaddr)
        for change in changes
    )
    return each[0] == "type" and at.kea.type == MessageType.NAK and both


def only_longer(each):
    """The lifetime of a lease, and nothing else of it."""
    return str(each[0]).startswith("lease") and all(
        value is not None and [*value] == ["valid-lft"] for value in each[1:]
    )


def cut_down(each, at):
    """A lease of which Kea keeps less than we do, where offers are kept for a while."""
    dicts = isinstance(each[1], dict) and isinstance(each[2], dict)
    return at.link.kind == "kept" and dicts and each[1].get("valid-lft", 0) == 120 < each[2].get("valid-lft", 0)


# Differences that are meant, and why. docs/why/differential.md says it to people.
KNOWN = [
    bench.Known(
        "DHCPNAK through a relay",
        "RFC 2131 4.3.2 wants the broadcast flag set; Kea sets it since 3.3.0",
        lambda each, at: each[0] == "flags" and at.ours.type == MessageType.NAK and at.sent.giaddr != 0,
    ),
    bench.Known(
        "reservation without an address",
        "it says which subnet of a shared network the client is served from; so it does in Kea since 3.1",
        other_subnet,
        ends=True,
    ),
    bench.Known(
        "an address reserved in a sibling",
        "Kea looks for others' reservations only in the subnet selected, and gives what a sibling has reserved",
        reserved_in_a_sibling,
        ends=True,
    ),
    bench.Known(
        "two reservations",
        "a client's reservation in a pool, where all are said to be out of pools, hides its global one in Kea only",
        lambda each, at: at.link.kind == "outside" and at.say.role in {1, 7} and each[0] in {"yiaddr", "type"},
        ends=True,
    ),
    bench.Known(
        "reserved and released",
        "Kea 3.0 takes what was released for leased, in the second it was released in",
        lambda each, at: at.released and not at.old and each[0] in {"type", "yiaddr", "answer"},
        ends=True,
    ),
    bench.Known(
        "names of clients that move",
        "a client with another address and the same name: Kea leaves DNS as it is, we tell it",
        lambda _each, _at: False,  # names are not compared where one has moved
    ),
    bench.Known(
        "two leases of one client",
        "of leases in two subnets of a network a client may keep the one it asks for; Kea refuses all but the first",
        has_two,
        ends=True,
    ),
    bench.Known(
        "timers of leases without end",
        "who has a lease without end needs not renew it; Kea takes parts of the number that stands for infinity",
        lambda each, at: each[0] in {58, 59, "order"} and at.ours.options.get(51) == b"\xff\xff\xff\xff",
    ),
    bench.Known(
        "leases shortened by offers",
        "in Kea a DHCPDISCOVER cuts the client's lease down to the time that its offer is kept, here it does not",
        cut_down,
        ends=True,
    ),
    bench.Known(
        "INIT-REBOOT without a subnet",
        "RFC 2131 4.3.2 wants silence about clients without record; Kea 2.2 refuses, 3.0 does not",
        lambda each, at: at.old and each[0] == "answer" and at.because.startswith("no subnet for an INIT-REBOOT"),
        ends=True,
    ),
    bench.Known(
        "repeated leases of another lifetime",
        "Kea 2.2 repeats a lease although the client's class gives it another lifetime now, 3.0 does not",
        lambda each, at: at.old and at.link.kind in REPEATING and (each[0] in {51, 58, 59} or only_longer(each)),
        ends=True,
    ),
    bench.Known(
        "declined when it was over",
        "Kea 2.2 lets a client decline a lease whose time is over, 3.0 does not",
        lambda _each, at: at.old and at.late,
        ends=True,
    ),
    bench.Known(
        "a reservation behind a guard",
        "Kea 2.2 gives an address reserved globally though its subnet is not open to the client, 3.0 does not",
        lambda _each, at: at.old and at.link.kind == "vips" and at.say is not None and at.say.role == 1,
        ends=True,
    ),
    bench.Known(
        "the suffix behind a dot",
        "Kea 2.2 adds the qualifying suffix to a reserved name that ends in a dot, 3.0 does not",
        lambda each, at: at.old and each[0] in {12, 81} and at.say.role == 6,
        ends=True,
    ),
]


@pytest.fixture(
    scope="module", params=[world for world in worlds.WORLDS if real_kea.can(4, world)], ids=lambda world: world.name
)
def pair(request, kea_of):

    return make_bench(*kea_of(4, request.param))


def make_bench(kea, world, ours):
    return bench.Bench(kea, world, lambda: Lab4(load4(ours).network))


@pytest.mark.needs("kea-dhcp4")
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
    names = []
    pair.stale = True
    released = moved = waited = late = False
    for say in conversation:
        if say.kind == "wait":
            note(f"{say.seconds} seconds later")
            pair.wait(link, say.seconds)
            waited = True
            continue
        late = late or (waited and say.kind == "decline")
        released = released or say.kind == "release"
        xid = pair.next_xid()
        to_kea = talk.message(say, link, theirs, xid, SERVER)
        to_us = talk.message(say, link, ours, xid, SERVER)
        assert (to_kea is None) == (to_us is None)
        if to_kea is None:
            continue
        answer, outgoing, decision = our_answer(pair, *to_us)
        note(f"{say}: {answer}")
        kea_answer, target = kea_answer_of(pair, *to_kea, patient=answer is not None)
        names += getattr(decision, "names", ())
        found = list(differences(kea_answer, answer))
        our_target = (str(IPv4Address(outgoing.address)), outgoing.port) if outgoing is not None else None
        if kea_answer is not None and answer is not None and target != our_target:
            found.append(("target", target, our_target))
        context = Context(pair, link, say, Packet4.parse(to_us[0]), kea_answer, answer, decision, released, late)
        found, ends = bench.unexplained(found, KNOWN, context)
        said = [f"{what}: Kea {shown(left)}, here {shown(right)}" for what, left, right in found]
        assert not found, "\n".join([*said, context.because])
        if ends:
            pair.used_up()
            return
        held = ours[say.role].held
        talk.heard(say, theirs[say.role], to_kea[0], kea_answer)
        talk.heard(say, ours[say.role], to_us[0], answer)
        moved = moved or 0 != held != ours[say.role].held
    context = Context(pair, link, None, None, None, None, None, released, late)
    found, ends = bench.unexplained(leases(pair, link), KNOWN, context)
    assert not found, "\n".join(f"{what}: Kea {left}, here {right}" for what, left, right in found)
    if not ends:
        same_names(pair, names, moved=moved)
    pair.used_up() if ends else pair.agreed()


def our_answer(pair, data, relayed):
    packet = Packet4.parse(data)
    source = packet.giaddr or packet.ciaddr
    arrival = Arrival("eth0", 2, source, 67 if relayed else 68, SERVER)
    pair.lab.now = pair.kea.now()
    decision, outgoing = pair.lab.send(data, arrival)
    return (Packet4.parse(outgoing.data) if outgoing is not None else None), outgoing, decision


def kea_answer_of(pair, data, relayed, *, patient):
    packet = Packet4.parse(data)
    source = IPv4Address(packet.giaddr or packet.ciaddr)

    probe, is_probe = probe_of(pair)

    def send():
        send_from(pair.kea.sockets[0 if relayed else 1], source, data)
        probe()

    answers = pair.kea.exchange(send, is_probe, patient=patient)
    assert len(answers) <= 1, f"one answer, not {answers}"
    if not answers:
        return None, None
    data, target, port = answers[0]
    return Packet4.parse(data), (target, port)


def probe_of(pair):
    """How to send a probe, and how to know its answer."""
    return lambda: send_from(pair.kea.sockets[0], PROBE_FROM, PROBE), lambda got: got[4:8] == PROBE_XID


def send_from(sock, source, data):
    """From an address of many."""
    info = struct.pack("I4s4s", 0, source.packed, bytes(4))
    sock.sendmsg([data], [(socket.IPPROTO_IP, real_kea.IP_PKTINFO, info)], 0, (real_kea.SERVER4, 67))


def differences(kea, ours):
    """In what two answers differ, as (what, Kea's, ours): silence, header fields, options and their order."""
    if kea is None or ours is None:
        if kea is not ours:
            yield "answer", kea, ours
        return
    if kea.type != ours.type:
        yield "type", kea, ours
        return
    for field in FIELDS:
        left, right = getattr(kea, field), getattr(ours, field)
        if left != right:
            yield field, left, right
    for code in sorted({*kea.options, *ours.options}):
        left, right = kea.options.get(code), ours.options.get(code)
        if left != right and not (code in (51, 58, 59) and close(left, right)):
            yield code, left, right
    if list(kea.options) != list(ours.options) and sorted(kea.options) == sorted(ours.options):
        yield "order", list(kea.options), list(ours.options)


def close(left, right):
    """Times of a lease that goes on count down."""
    return left and right and abs(int.from_bytes(left, "big") - int.from_bytes(right, "big")) <= SECONDS


def shown(value):
    return value.hex() if isinstance(value, bytes) else value


def leases(pair, link):
    """In what the two stores differ, as `differences` says it."""
    ids = pair.ids(link)
    theirs = {lease["ip-address"]: lease for lease in pair.kea_leases(link)}
    view = pair.lab.store.view
    rows = [view.by_address(address) for address in view.rows]
    ours = {lease["ip-address"]: lease for lease in map(in_kea_words, rows) if lease["subnet-id"] in ids}
    for address in sorted({*theirs, *ours}):
        left, right = theirs.get(address), ours.get(address)
        if left is None or right is None:
            yield f"lease of {address}", left, right
            continue
        bench.forget_seconds(left, right)
        left.pop("pool-id", None)
        if pair.kea.version < (3,):  # which keeps what relay agents say in another form
            left.pop("user-context", None), right.pop("user-context", None)
        if left != right:
            changed = {key for key in {*left, *right} if left.get(key) != right.get(key)}
            yield f"lease of {address}", *({key: lease.get(key) for key in changed} for lease in (left, right))


def same_names(pair, names, *, moved):
    """DNS is told the same, in the same order; unless a client has moved, which Kea leaves out."""
    wanted = [request_of(change, old=pair.kea.version < (3,)) for change in names]
    found = [json.loads(data[2:]) for data in pair.kea.told(len(wanted), probe_of(pair))]
    if moved:
        return
    for each in found:
        each.pop("lease-expires-on", None)
    said = [f"Kea {left}, here {right}" for left, right in zip_longest(found, wanted) if left != right]
    assert not said, "DNS: " + "\n".join(said)


def request_of(change, *, old):
    """A name change as Kea tells it to its DDNS server."""
    name = b"".join(bytes((len(label),)) + label.encode() for label in change.fqdn.rstrip(".").split(".")) + b"\0"
    digest = hashlib.sha256(change.identifier + name).hexdigest()
    return {
        "change-type": int(change.remove),
        "forward-change": change.forward,
        "reverse-change": change.reverse,
        "fqdn": change.fqdn.removesuffix(".") + ".",
        "ip-address": str(change.address),
        "dhcid": f"{change.identifier_kind:04X}01{digest.upper()}",
        "lease-length": change.ttl,
        **({"use-conflict-resolution": True} if old else {"conflict-resolution-mode": "check-with-dhcid"}),
    }
