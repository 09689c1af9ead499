"""Hypothesis strategies for class expressions, and packets that they say something of.

`booleans(family)` draws typed trees. Values are drawn from few
octet strings, so that comparisons hold now and then.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from dhcpkit.alloc.subjects import FAMILY4, FIELDS, Family, Packet
from dhcpkit.alloc.terms import (
    Boolean,
    Const,
    Equal,
    Exists,
    Field,
    Form,
    Join,
    Logic,
    LogicKind,
    Matches,
    Member,
    Not,
    Path,
    Present,
    Read,
    Root,
    Select,
    Split,
    Substring,
    Text,
    ToText,
    VendorField,
)
from dhcpkit.wire.build4 import build_packet4
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6, Relay6
from dhcpkit.wire.nested6 import Options6

__all__ = ["asked_packets", "booleans", "member_names", "paths", "texts"]

OCTETS: Final = (b"", b"a", b"ab", b"b,a", b"\0\0\0\1", b"\0\0\0\2", b"\1", b"\2\0\0\0\0\1", b"client")
NAMES: Final = ("ALL", "A", "B", "KNOWN")  # classes that tests may refer to
CODES4: Final = (1, 12, 43, 53, 55, 60, 61, 82, 124, 125, 200)
CODES6: Final = (1, 2, 3, 5, 6, 8, 16, 17, 18, 25, 200)
NESTED4: Final = tuple(  # sub-options, and vendors' blocks
    map(bytes.fromhex, ("0101610202ab", "010161", "0000118b0301026162", "0000000903020161", "0000118b020161"))
)
NESTED6: Final = tuple(
    map(
        bytes.fromhex,
        ("0000118b000100026162", "00000009000161", "0000118b000161000262", "000000010000000000000000000500020000"),
    )
)
FUNCTIONS: Final = ("lcase", "ucase", "addrtotext", "int8totext", "int16totext", "uint32totext", "int32totext")


def member_names() -> st.SearchStrategy[str]:
    """Names of classes."""
    return st.sampled_from(NAMES)


def paths(family: Family = FAMILY4) -> st.SearchStrategy[Path]:
    """Paths to options, one within another now and then."""
    code = st.sampled_from(CODES4 if family.version == 4 else CODES6)
    codes = st.one_of(code.map(lambda c: (c,)), code.map(lambda c: (c,)), st.tuples(code, code))
    found = [st.builds(Path, st.just(Root.OPTION), codes)]
    found.append(st.builds(Path, st.just(Root.VENDOR), codes, enterprise=st.sampled_from([0, 4491, 9])))
    if family.version == 4:
        found.append(st.builds(Path, st.just(Root.RELAY4), st.sampled_from([(1,), (2,), (9,)])))
    else:
        found.append(st.builds(Path, st.just(Root.RELAY6), codes, level=st.integers(-3, 2)))
    return st.one_of(found)


def asked_packets(family: Family = FAMILY4) -> st.SearchStrategy[Packet]:
    """Packets with options that the drawn expressions ask for."""
    code = st.sampled_from([code for code in (CODES4 if family.version == 4 else CODES6) if code != 53])
    payload = st.one_of(st.sampled_from(OCTETS), st.sampled_from(NESTED4 if family.version == 4 else NESTED6))
    options = st.dictionaries(code, payload, max_size=5)
    if family.version == 4:
        return options.map(lambda found: Packet4.parse(build_packet4(1, found, xid=1, chaddr=OCTETS[-2])))
    relay = st.builds(lambda o: Relay6(12, 0, 1, 2, Options6.of(o)), options)
    relays = st.lists(relay, max_size=2)
    return st.builds(
        lambda found, around: Packet6.parse(bytes(Packet6(1, found, xid=1, relays=around))), options, relays
    )


def booleans(family: Family = FAMILY4) -> st.SearchStrategy[Boolean]:
    """Tests of any shape."""
    return _trees(family)[0]


def texts(family: Family = FAMILY4) -> st.SearchStrategy[Text]:
    """String expressions of any shape."""
    return _trees(family)[1]


def _trees(family: Family) -> tuple[st.SearchStrategy[Boolean], st.SearchStrategy[Text]]:
    names = [name for name in FIELDS if name.startswith(("pkt.", f"pkt{family.version}."))]
    enterprise = st.sampled_from([0, 4491, 9])
    leaves: list[st.SearchStrategy[Text]] = [
        st.sampled_from(OCTETS).map(Const),
        st.builds(Read, paths(family), st.sampled_from(Form)),
        st.sampled_from(names).map(Field),
        st.sampled_from(["vendor.enterprise", "vendor-class.enterprise"]).map(VendorField),
        st.builds(VendorField, st.just("vendor-class.data"), enterprise, st.integers(0, 2)),
    ]
    if family.version == 6:
        leaves.append(st.builds(Field, st.sampled_from(["relay6.peeraddr", "relay6.linkaddr"]), st.integers(-2, 2)))
    simple = st.one_of(leaves)
    flat: st.SearchStrategy[Boolean] = st.one_of(
        st.builds(Equal, simple, st.sampled_from(OCTETS).map(Const)),
        paths(family).map(Exists),
        st.builds(Present, st.sampled_from(["vendor", "vendor-class"]), enterprise),
        member_names().map(Member),
    )
    text = st.recursive(simple, lambda inner: _longer(inner, flat), max_leaves=4)
    truth: st.SearchStrategy[Boolean] = st.one_of(
        flat,
        st.builds(Equal, text, text),
        st.builds(Matches, st.sampled_from(["a.*", ".*", "[0-9]+", "", "(a|b),?a?"]), text),
    )
    return st.recursive(truth, _joined, max_leaves=5), text


def _longer(inner: st.SearchStrategy[Text], flat: st.SearchStrategy[Boolean]) -> st.SearchStrategy[Text]:
    small = st.integers(-4, 4)
    return st.one_of(
        st.builds(Join, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Substring, inner, small, st.one_of(st.none(), small)),
        st.builds(Split, inner, st.sampled_from([b"", b",", b".,"]).map(Const), small),
        st.builds(ToText, st.sampled_from(FUNCTIONS), inner),
        st.builds(ToText, st.just("hexstring"), inner, st.sampled_from([b"", b":"]).map(Const)),
        st.builds(Select, flat, inner, inner, st.booleans()),
    )


def _joined(inner: st.SearchStrategy[Boolean]) -> st.SearchStrategy[Boolean]:
    operands = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(inner.map(Not), st.builds(Logic, st.sampled_from(LogicKind), operands))
