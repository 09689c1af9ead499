"""What DHCPv4 clients say, drawn at random and well-formed, and how a server's client remembers what it heard.

Clients are told by two servers at once, so a message is made for each: what it refers to is what that server said.
"""

from ipaddress import IPv4Address

import attrs
from hypothesis import strategies as st

from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import MessageType, Packet4

DISCOVER, REQUEST, DECLINE, RELEASE, INFORM = (
    MessageType[name] for name in ("DISCOVER", "REQUEST", "DECLINE", "RELEASE", "INFORM")
)
KINDS = ("discover", "discover", "discover", "select", "select", "select", "renew", "rebind", "reboot", "snatch")
KINDS += ("release", "decline", "inform", "blank", "wait")
CODES = (1, 2, 3, 4, 6, 7, 12, 15, 28, 40, 41, 42, 43, 51, 54, 58, 59, 66, 67, 69, 77, 81, 98, 119, 121, 125, 224, 225)
CODES += (108, 226, 252)


@attrs.frozen
class Say4:
    """One message of a client: who, what about, and what it says besides."""

    role: int
    kind: str
    other: int = 0  # whose address is meant, where it is somebody else's
    hint: int = 0  # the last octet of an address asked for; 0 for none
    hint_net: int = 0
    options: tuple[tuple[int, bytes], ...] = ()
    circuit: int | None = None  # the circuit of which role, in option 82
    link_selection: int | None = None
    anonymous: bool = False  # without its client identifier
    broadcast: bool = False
    server: str = "ours"
    seconds: int = 0  # that pass, where nobody says anything

    def __str__(self):
        usual = attrs.asdict(Say4(self.role, self.kind), recurse=False)
        said = {name: value for name, value in attrs.asdict(self, recurse=False).items() if usual[name] != value}
        return f"{self.kind} of {self.role}" + "".join(f" {name}={value}" for name, value in said.items())


@attrs.define
class Memory:
    """What one server told a client."""

    offered: int = 0
    held: int = 0


def fqdn(flags, name, partial):
    wire = b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label)
    if flags & 4:
        return bytes((flags, 0, 0)) + (wire if partial or not wire else wire + b"\0")
    return bytes((flags, 0, 0)) + name.encode()


NAMES = ("host", "Host-1", "a.example.org", "a.example.org.", "odd_name!", "x" * 60, "UPPER.Case")


@st.composite
def extras(draw):
    found = {}
    if draw(st.booleans()):
        codes = draw(st.lists(st.sampled_from(CODES), max_size=12))
        found[55] = draw(st.sampled_from([bytes(codes) or b"\1", b"\1\3", bytes(CODES)]))
    if draw(st.booleans()):
        found[12] = draw(st.sampled_from(NAMES)).encode()
    if draw(st.integers(0, 2)) == 0:
        name = draw(st.sampled_from(("", *NAMES)))
        found[81] = fqdn(draw(st.sampled_from([0, 1, 4, 5, 8, 12, 13, 2, 6])), name, draw(st.booleans()))
    if draw(st.integers(0, 3)) == 0:
        found[51] = draw(st.sampled_from([0, 10, 1500, 1800, 5000, 0xFFFFFFFF])).to_bytes(4, "big")
    if draw(st.booleans()):
        found[60] = draw(st.sampled_from([b"phone", b"phone", b"docsis3.0", b"else"]))
    if draw(st.integers(0, 3)) == 0:
        found[77] = draw(st.sampled_from([b"\4lab1", b"lab1", b"\3abc\4lab2"]))
    if draw(st.integers(0, 3)) == 0:
        found[125] = draw(st.sampled_from([b"\0\0\x11\x8b\4\1\2\2\3", b"\0\0\x11\x8b\0", b"\0\0\0\x09\3\1\1\1"]))
    if draw(st.integers(0, 7)) == 0:
        found[57] = b"\5\xdc"
    return tuple(found.items())


WAITS = (194, 386, 1178, 3085, 8441)  # up to three together end some seconds from what the worlds' leases have


@st.composite
def says(draw, roles):
    kind = draw(st.sampled_from(KINDS))
    if kind == "wait":
        return Say4(roles[0], kind, seconds=draw(st.sampled_from(WAITS)))
    circuit = draw(st.one_of(st.none(), st.none(), st.sampled_from(roles)))
    return Say4(
        draw(st.sampled_from(roles)),
        kind,
        draw(st.sampled_from(roles)),
        draw(st.sampled_from([0, 0, 0, 10, 11, 12, 14, 20, 29, 30, 200, 201, 210, 9])),
        draw(st.sampled_from([0, 0, 1, 3])),
        draw(extras()),
        circuit,
        draw(st.one_of(st.none(), st.none(), st.none(), st.integers(0, 2))),
        draw(st.integers(0, 5)) == 0,
        draw(st.booleans()),
        draw(st.sampled_from(["ours"] * 6 + ["none", "theirs"])),
    )


@st.composite
def conversations(draw, roles):
    """A few clients, most of which get a lease before anything else."""
    few = draw(st.lists(st.sampled_from(roles), min_size=1, max_size=3, unique=True))
    opening = []
    if draw(st.booleans()):
        for role in few:
            more = draw(extras())
            opening += [Say4(role, "discover", options=more), Say4(role, "select", options=more)]
    return opening + draw(st.lists(says(few), max_size=8))


def ip(text):
    return int(IPv4Address(text))


def message(say, link, memories, xid, server):
    """The datagram for a server, and whether it comes through a relay; None where there is nothing to say."""
    mine, theirs = memories[say.role], memories[say.other]
    hint = ip(f"{link.net(say.hint_net)}.{say.hint}") if say.hint else 0
    kind, ciaddr, requested, sid = REQUEST, 0, 0, False
    relayed = True
    match say.kind:
        case "discover":
            kind, requested = DISCOVER, hint
        case "select":
            requested, sid = mine.offered or hint, True
        case "snatch":
            requested, sid = theirs.held or theirs.offered or hint, True
        case "renew":
            ciaddr, relayed = mine.held or hint, False
        case "rebind":
            ciaddr = mine.held or hint
        case "reboot":
            requested = mine.held or hint
        case "release":
            kind, ciaddr, sid, relayed = RELEASE, (mine.held or hint or theirs.held), True, False
        case "decline":
            kind, requested, sid = DECLINE, mine.held or hint or theirs.held, True
        case "inform":
            kind, ciaddr = INFORM, mine.held or hint
        case "blank":
            pass
    if say.kind in {"renew", "release"} and not ciaddr:
        return None
    fields = {}
    if requested:
        fields[50] = requested.to_bytes(4, "big")
    sid = sid if say.server == "ours" else say.server == "theirs"
    if sid:
        fields[54] = (server if say.server == "ours" else ip("192.0.2.77")).to_bytes(4, "big")
    client_id = link.client_id(say.role)
    if client_id and not say.anonymous:
        fields[61] = client_id
    fields |= dict(say.options)
    agent = b""
    if relayed and say.circuit is not None:
        circuit = link.circuit(say.circuit)
        agent = bytes((1, len(circuit))) + circuit
    if relayed and say.link_selection is not None:
        agent += b"\5\4" + ip(f"{link.net(say.link_selection)}.0").to_bytes(4, "big")
    if agent:
        fields[82] = agent
    giaddr = ip(f"{link.net(0)}.1") if relayed else 0
    data = build_packet4(
        kind,
        fields,
        xid=xid,
        chaddr=link.hwaddr(say.role),
        ciaddr=ciaddr,
        giaddr=giaddr,
        hops=1 if relayed else 0,
        broadcast=say.broadcast,
    )
    return data, relayed


def heard(say, memory, sent, answer):
    """What an answer, or its absence, means to the client."""
    kind = Packet4.parse(sent).type
    if answer is None:
        if kind in (RELEASE, DECLINE):
            memory.held = 0
        return
    if answer.type == MessageType.OFFER:
        memory.offered = answer.yiaddr
    elif answer.type == MessageType.NAK:
        memory.offered = memory.held = 0
    elif answer.yiaddr:
        memory.held, memory.offered = answer.yiaddr, 0
