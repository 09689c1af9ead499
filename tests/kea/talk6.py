"""What DHCPv6 clients say, drawn at random and well-formed, as talk4.py has it for DHCPv4."""

from ipaddress import IPv6Address

import attrs
from hypothesis import strategies as st

from dhcpkit.alloc.lease6 import LeaseType
from dhcpkit.testing.machine6 import Binding6, Client6, bindings_of, message6
from dhcpkit.wire.dhcp6 import MessageType6, Packet6
from dhcpkit.wire.identity6 import StatusCode
from dhcpkit.wire.nested6 import options_octets6
from dhcpkit.wire.options6 import IA_NA, IA_PD, STATUS_CODE

KINDS = ("solicit", "solicit", "solicit", "request", "request", "request", "renew", "renew", "rebind", "rebind")
KINDS += ("snatch", "confirm", "release", "decline", "inform", "wait")
TYPES = {
    "solicit": MessageType6.SOLICIT,
    "request": MessageType6.REQUEST,
    "snatch": MessageType6.REQUEST,
    "renew": MessageType6.RENEW,
    "rebind": MessageType6.REBIND,
    "confirm": MessageType6.CONFIRM,
    "release": MessageType6.RELEASE,
    "decline": MessageType6.DECLINE,
    "inform": MessageType6.INFORMATION_REQUEST,
}
TO_US = {"request", "snatch", "renew", "release", "decline"}
CODES = (7, 12, 17, 21, 22, 23, 24, 27, 29, 30, 31, 32, 39, 41, 56, 59, 65, 67, 82, 110, 1000, 1001, 1002)
ERP, RSOO, INTERFACE_ID, REMOTE_ID, LINK_LAYER = 65, 66, 18, 37, 79


@attrs.frozen
class Say6:
    """One message of a client: who, what about, and what it says besides."""

    role: int
    kind: str
    other: int = 0  # whose bindings are meant, where they are somebody else's
    addresses: tuple[int, ...] = (1,)  # numbers of its associations
    prefixes: tuple[int, ...] = ()
    hint: str = ""  # an address of the link asked for; "" for none
    hint_len: int = 0  # the length of a prefix asked for; 0 for none
    hint_prefix: str = ""  # the prefix asked for, in the link's
    times: tuple[int, int] = (0, 0)  # preferred and valid lifetime asked for
    options: tuple[tuple[int, bytes], ...] = ()
    relays: int = 1
    net: int = 0  # which of the link's subnets the relay agent names
    by_interface: bool = False  # whether by interface-id
    remote: bool = False  # whether the relay agent tells a remote-id, and the client's hardware address
    supplied: bool = False  # whether it supplies options
    server: str = "usual"
    seconds: int = 0  # that pass, where nobody says anything

    def __str__(self):
        usual = attrs.asdict(Say6(self.role, self.kind), recurse=False)
        said = {name: value for name, value in attrs.asdict(self, recurse=False).items() if usual[name] != value}
        return f"{self.kind} of {self.role}" + "".join(f" {name}={value}" for name, value in said.items())


@attrs.define
class Memory:
    """What one server told a client."""

    offered: list[Binding6] = attrs.field(factory=list)
    held: list[Binding6] = attrs.field(factory=list)


NAMES = ("host", "Host-1", "a.example.org", "odd_name!", "x" * 60, "UPPER.Case")


def fqdn(flags, name, partial):
    wire = b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label)
    return bytes((flags,)) + (wire if partial or not wire else wire + b"\0")


@st.composite
def extras(draw):
    found = {}
    if draw(st.booleans()):
        codes = draw(st.one_of(st.just(CODES), st.lists(st.sampled_from(CODES), min_size=1, max_size=12)))
        found[6] = b"".join(code.to_bytes(2, "big") for code in codes)
    if draw(st.integers(0, 2)) == 0:
        found[39] = fqdn(
            draw(st.sampled_from([0, 1, 4, 0, 1, 2])), draw(st.sampled_from(("", *NAMES))), draw(st.booleans())
        )
    if draw(st.booleans()):
        name = draw(st.sampled_from([b"phone", b"phone", b"docsis3.0", b"else"]))
        found[16] = b"\0\0\0\x09" + len(name).to_bytes(2, "big") + name
    if draw(st.integers(0, 3)) == 0:
        found[15] = draw(st.sampled_from([b"\0\4lab1", b"\0\3abc\0\4lab2"]))
    if draw(st.integers(0, 3)) == 0:
        asked = b"\0\0\x11\x8b\0\1\0\2\0\x20"
        found[17] = draw(st.sampled_from([asked, b"\0\0\x11\x8b", b"\0\0\0\x09\0\5\0\1a", b"\0\0\0\x07"]))
    if draw(st.integers(0, 3)) == 0:
        found[14] = b""
    if draw(st.integers(0, 3)) == 0:
        found[8] = b"\0\x64"
    if draw(st.integers(0, 7)) == 0:
        found[20] = b""
    return tuple(found.items())


HINTS = ["", "", "", "::10", "::11", "::12", "::14", "::1f", "::20", "::30", ":f::200", ":f::210"]
PREFIXES = ["", "", ":0::", ":100::", ":300::", ":1000::", ":1040::", ":ff00::"]
NUMBERS = [(1,), (1,), (1,), (), (1, 2), (7,)]


WAITS = (194, 386, 1178, 3085, 8441)  # up to three together end some seconds from what the worlds' leases have


@st.composite
def says(draw, roles):
    kind = draw(st.sampled_from(KINDS))
    if kind == "wait":
        return Say6(roles[0], kind, seconds=draw(st.sampled_from(WAITS)))
    return Say6(
        draw(st.sampled_from(roles)),
        kind,
        draw(st.sampled_from(roles)),
        draw(st.sampled_from(NUMBERS)),
        draw(st.sampled_from([(), (), *NUMBERS])),
        draw(st.sampled_from(HINTS)),
        draw(st.sampled_from([0, 0, 56, 56, 58, 52, 64, 48])),
        draw(st.sampled_from(PREFIXES)),
        draw(st.sampled_from([(0, 0), (0, 0), (1500, 1600), (9000, 9999), (10, 20), (2000, 1300), (0, 5000)])),
        draw(extras()),
        draw(st.sampled_from([1, 1, 1, 1, 2, 3])),
        draw(st.sampled_from([0, 0, 0, 0, 1, 2])),
        draw(st.booleans()),
        draw(st.integers(0, 2)) == 0,
        draw(st.integers(0, 3)) == 0,
        draw(st.sampled_from(["usual"] * 8 + ["none", "theirs"])),
    )


@st.composite
def conversations(draw, roles):
    """A few clients, most of which get leases before anything else."""
    few = draw(st.lists(st.sampled_from(roles), min_size=1, max_size=3, unique=True))
    opening = []
    if draw(st.booleans()):
        for role in few:
            numbers = {"addresses": draw(st.sampled_from(NUMBERS)), "prefixes": draw(st.sampled_from([(), *NUMBERS]))}
            more = draw(extras())
            opening += [Say6(role, kind, options=more, **numbers) for kind in ("solicit", "request")]
    return opening + draw(st.lists(says(few), max_size=8))


def ip(text):
    return int(IPv6Address(text))


def hints(say, link):
    """The addresses and prefixes a message asks for out of the blue."""
    found = []
    if say.hint:
        where = ip(f"{link.net(say.net)}{say.hint}" if say.hint.startswith("::") else link.net(say.net) + say.hint)
        found += [Binding6(LeaseType.IA_NA, iaid, where, 128, *say.times) for iaid in say.addresses[:1]]
    if say.hint_len:
        where = ip(link.delegated(min(say.net, 1)) + say.hint_prefix) if say.hint_prefix else 0
        where &= -1 << 128 - say.hint_len
        found += [Binding6(LeaseType.IA_PD, iaid, where, say.hint_len, *say.times) for iaid in say.prefixes[:1]]
    return found


def message(say, link, memories, xid, server_id):
    """The datagram for a server; None where there is nothing to say."""
    mine, theirs = memories[say.role], memories[say.other]
    asked = hints(say, link)
    empty = True
    match say.kind:
        case "solicit":
            bindings = asked
        case "request":
            bindings = mine.offered or asked
        case "snatch":
            bindings = theirs.held or theirs.offered or asked
        case "renew" | "rebind":
            held = [attrs.evolve(each, preferred=say.times[0], valid=say.times[1]) for each in mine.held]
            bindings = held or asked
        case "inform":
            bindings, empty = [], False
        case _:
            bindings, empty = mine.held or theirs.held or asked, False
    if say.kind == "decline":
        bindings = [each for each in bindings if each.type == LeaseType.IA_NA]
    numbers = {"addresses": set(say.addresses), "prefixes": set(say.prefixes)}
    for each in bindings:
        numbers["addresses" if each.type == LeaseType.IA_NA else "prefixes"].add(each.iaid)
    client = Client6(link.duid(say.role), **{name: tuple(sorted(found)) for name, found in numbers.items()})
    named = {"usual": server_id if say.kind in TO_US else None, "none": None, "theirs": b"\0\3\0\1\2\0\0\0\0\x99"}
    message = message6(
        TYPES[say.kind], client, bindings, xid=xid, server_id=named[say.server], options=say.options, empty=empty
    )
    for hops in range(say.relays):
        options = []
        if hops == 0 and say.remote:
            options.append((REMOTE_ID, b"\0\0\0\x09circuit"))
            options.append((LINK_LAYER, b"\0\1" + link.hwaddr(say.role)))
        if say.supplied:
            options.append((RSOO, options_octets6([(23, bytes(16)), (ERP, b"\7example\3org\0"), (110, b"\1")])))
        if hops == 0 and say.by_interface:
            options.append((INTERFACE_ID, link.interface_id(say.net).encode()))
        where = ip(f"{link.net(say.net)}::1") if hops == 0 else 0
        peer = ip("fe80::ff:fe00:10") if hops == 0 else ip("fe80::99")
        message = (
            bytes((MessageType6.RELAY_FORW, hops))
            + where.to_bytes(16, "big")
            + peer.to_bytes(16, "big")
            + options_octets6([*options, (9, message)])
        )
    return message


def heard(say, memory, answer):
    """What an answer, or its absence, means to the client."""
    if answer is None or say.kind in {"confirm", "inform"}:
        return
    told = [attrs.evolve(each, preferred=0, valid=0) for each in bindings_of(answer) if each.valid]
    if answer.type == MessageType6.ADVERTISE:
        memory.offered = told
        return
    answered = {(LeaseType.IA_NA, ia.iaid): ia for ia in answer.all(IA_NA)}
    answered |= {(LeaseType.IA_PD, ia.iaid): ia for ia in answer.all(IA_PD)}
    if say.kind in {"release", "decline"}:
        done = {
            key
            for key, ia in answered.items()
            if (status := ia.options.get(STATUS_CODE)) is None or status.code == StatusCode.SUCCESS
        }
        memory.held = [each for each in memory.held if (each.type, each.iaid) not in done]
        return
    memory.held = [each for each in memory.held if (each.type, each.iaid) not in answered] + told
    memory.offered = []


def opened(data):
    """The message of a client in what a relay agent gets or sends."""
    return Packet6.parse(data)
