"""Every recorded message: written again as it came, by us, and read as scapy reads it, value by value.

Where scapy reads a value otherwise, `DIFFERENT` says so, and who is right.
"""

from collections import Counter, defaultdict
from ipaddress import IPv4Address, IPv6Address

import attrs
import pytest

from dhcpkit.wire import Options6, Packet4, Packet6, Relay6, SubOptions, WireError
from dhcpkit.wire.duid import Duid
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6

# Payloads that their values do not give back: those bits and octets mean nothing, or are to be ignored.
NOT_CANONICAL = {
    ("dhcp4", 81): "reserved bits of its flags (RFC 4702 2.1)",
    ("dhcp4", 12): "zeros at the end of a text (RFC 2132 2)",
}
# What scapy 2.8 reads otherwise, by the recorded vector: what it does, who is right, the section.
KEA_TOO = "dhcpkit; Kea drops the message"
DIFFERENT = {
    "raw-v4: message type of two octets": ("takes two types of it", "dhcpkit: the value is refused", "RFC 2132 9.6"),
    "raw-v4: empty parameter list": ("takes it", KEA_TOO, "RFC 2132 9.8"),
    "raw-v4: option 50 of three octets": ("gives it and all behind it as octets", "dhcpkit", "RFC 2132 9.1"),
    "raw-v4: option 51 of two octets": ("gives it and all behind it as octets", "dhcpkit", "RFC 2132 9.2"),
    "raw-v6: message type 14 leasequery": ("has no such message", "dhcpkit", "RFC 5007 4.2.1"),
    "raw-v6: message type 200": ("has no such message", "dhcpkit", "RFC 8415 7.3"),
    "raw-v6: solicit empty ORO": ("takes it", KEA_TOO, "RFC 8415 21.7"),
    "raw-v6: solicit odd ORO": ("passes over the last octet", KEA_TOO, "RFC 8415 21.7"),
    "raw-v6: client-id two octets": ("takes it", KEA_TOO, "RFC 8415 11.1"),
    "raw-v6: client-id 131 octets": ("takes it", KEA_TOO, "RFC 8415 11.1"),
    "raw-v6: IA_NA cut": (
        "ends the options before it",
        "dhcpkit: the option is there, its value is refused",
        "RFC 8415 21.4",
    ),
    "raw-v6: option cut": (
        "takes the option without its octets",
        "dhcpkit: it is left out, and `flaws` says so",
        "RFC 8415 21.1",
    ),
    "raw-v6: elapsed time of one octet": ("reads two, and goes on in the wrong place", "dhcpkit", "RFC 8415 21.9"),
    "raw-v6: option 39 N and S": ("takes both flags", KEA_TOO, "RFC 4704 4.1"),
    "raw-v6: option 39 bad": (
        "ends the options before it",
        "dhcpkit: the option is there, its value is refused",
        "RFC 4704 4",
    ),
}


def parsed(recorded):
    for family, payload, origin in recorded:
        try:
            yield family, payload, origin, (Packet4 if family == 4 else Packet6).parse(payload)
        except WireError:
            continue


def test_recorded_messages_are_written_as_they_came(recorded):
    count = 0
    for _, payload, origin, packet in parsed(recorded):
        assert bytes(packet) == payload, origin
        count += 1
    assert count > 2000


def test_recorded_values_give_their_octets_back(recorded):
    """Each option's payload is made anew of its value, and those within it of theirs."""
    found, count = set(), Counter()

    def check(space, items):
        for code, payload in items:
            option = space.by_code(code)
            if option is None:
                continue
            try:
                value = option.parse(payload)
            except ValueError:
                continue
            count[option] += 1
            if option.build(value) != payload:
                found.add((space.name, code))
            inner = value if isinstance(value, Options6 | SubOptions) else getattr(value, "options", None)
            if inner is not None and option.encapsulates is not None:
                check(option.encapsulates, inner.items())

    for family, _, _, packet in parsed(recorded):
        check(DHCP4 if family == 4 else DHCP6, packet.options.items())
        for relay in getattr(packet, "relays", ()):
            check(DHCP6, relay.options.items())
    assert found <= NOT_CANONICAL.keys()
    assert len(count) > 50


def test_recorded_messages_of_dhcpv6_are_made_anew_of_their_values(recorded):
    count = 0
    for family, payload, origin, packet in parsed(recorded):
        if family == 4 or packet.flaws:
            continue
        relays = [Relay6(each.type, each.hops, each.link, each.peer, valued(each.options)) for each in packet.relays]
        fields = (
            {"xid": packet.xid}
            if packet.header_size == 4
            else {"hops": packet.hops, "link": packet.link, "peer": packet.peer}
        )
        assert Packet6(packet.type, valued(packet.options), relays=relays, **fields).data == payload, origin
        count += 1
    assert count > 500


def valued(options):
    """The same options as pairs of declaration and value, or of code and octets where there is no value."""
    pairs = []
    for code, payload in options.items():
        option = DHCP6.by_code(code)
        try:
            pairs.append((code, payload) if option is None else (option, option.parse(payload)))
        except ValueError:
            pairs.append((code, payload))
    return pairs


def parts(value):
    """A value's numbers, addresses, texts and octets in their order, without options within."""
    if isinstance(value, Options6 | SubOptions):
        return
    if isinstance(value, Duid):
        yield value.octets
    elif isinstance(value, list | tuple):
        for each in value:
            yield from parts(each)
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from parts(getattr(value, field.name))
    else:
        yield value


def same(ours, theirs):
    if isinstance(theirs, bytes) and isinstance(ours, str):
        return theirs in forms_of(ours)
    if isinstance(ours, IPv4Address | IPv6Address):
        return str(ours) == theirs
    if isinstance(theirs, str) and isinstance(ours, bytes):
        return ours.hex(":") == theirs
    return ours == theirs


def forms_of(text):
    """The octets that scapy may give for a text: with its zeros, or a name with or without the dot at its end."""
    octets = text.encode("utf-8", "surrogateescape")
    return octets, octets + b"\0", octets.removesuffix(b"."), octets + b"."


@pytest.fixture(scope="module")
def scapy():
    """The layers; scapy tells by logging what it thinks of odd messages."""
    pytest.importorskip("scapy")
    from scapy.layers import dhcp, dhcp6

    return dhcp, dhcp6


def test_recorded_messages_of_dhcpv4_are_read_as_scapy_reads_them(recorded, scapy):
    dhcp, _ = scapy
    numbers = {each if isinstance(each, str) else each.name: code for code, each in dhcp.DHCPOptions.items()}
    found, differing, count = [], set(), Counter()
    for family, payload, origin, packet in parsed(recorded):
        if family == 6:
            continue
        rows = [row for row in dhcp.BOOTP(payload)[dhcp.DHCP].options if isinstance(row, tuple)]
        codes = [numbers.get(name, name) for name, *_ in rows]
        if len(set(codes)) < len(codes):
            assert list(dict.fromkeys(codes)) == list(packet.options)
            continue  # parts of a split option, which scapy reads each by itself
        if codes != list(packet.options):
            differing.add(origin)
            continue
        for code, (_, *theirs) in zip(codes, rows, strict=True):
            option = DHCP4.by_code(code)
            try:
                value = None if option is None else option.parse(packet.options[code])
            except ValueError:
                if theirs != [packet.options[code]]:
                    differing.add(origin)
                continue
            flat = [part for each in theirs for part in (each if isinstance(each, list) else [each])]
            ours = list(parts(value))
            if option is not None and len(ours) == len(flat) and all(map(same, ours, flat)):
                count[code] += 1
            elif flat != [packet.options[code]]:  # scapy gives octets of what it does not know
                found.append(f"{origin}: {option}: scapy {theirs}, we {value!r}")
    assert not found, "\n".join(found)
    assert differing == {origin for origin in DIFFERENT if origin.startswith("raw-v4")}
    assert len(count) >= 20, count


def layers_of(layer):
    while layer is not None and type(layer).__name__ != "NoPayload":
        yield layer
        layer = layer.payload


def fields_of(layer):
    """The values of a layer's fields, without code, length and options within."""
    for field in layer.fields_desc:
        if field.name in ("optcode", "optlen", "res", "message") or field.name in HOLD_OPTIONS:
            continue
        value = layer.getfieldval(field.name)
        for each in value if isinstance(value, list) else [value]:
            if field.name == "duid":
                yield bytes(each)
            elif field.name == "vso":
                yield from (each.optcode, each.optdata)
            elif field.name == "vcdata":
                yield each.data
            elif field.name == "flags":
                yield int(each)
            else:
                yield each


HOLD_OPTIONS = ("ianaopts", "iataopts", "iaaddropts", "iapdopt", "iaprefopts")
OTHER_PARTS = {  # our value as scapy lays it out
    14: lambda _: [],
    17: lambda value: [value.enterprise, *(part for pair in value.options.items() for part in pair)],
    20: lambda _: [],
    39: lambda value: [value.flags, value.name],
}


def check6(options, layers, origin):
    """What differs between options and the layers scapy made of them."""
    theirs = [layer for layer in layers if hasattr(layer, "optcode")]
    ours = [(code, payload) for code, payload in options.items() if code != 9]
    theirs = [layer for layer in theirs if layer.optcode != 9]
    if [code for code, _ in ours] != [layer.optcode for layer in theirs]:
        yield f"{origin}: scapy sees options {[layer.optcode for layer in theirs]}, we {[code for code, _ in ours]}"
        return
    for (code, payload), layer in zip(ours, theirs, strict=True):
        option = DHCP6.by_code(code)
        if option is None or type(layer).__name__ == "DHCP6OptUnknown":
            continue
        try:
            value = option.parse(payload)
        except ValueError as error:
            yield f"{origin}: {option}: we refuse it ({error})"
            continue
        mine, fields = list(OTHER_PARTS.get(code, parts)(value)), list(fields_of(layer))
        if len(mine) != len(fields) or not all(map(same, mine, fields)):
            yield f"{origin}: {option}: scapy {fields}, we {mine}"
        inner = next((layer.getfieldval(name) for name in HOLD_OPTIONS if name in layer.fields), None)
        if inner:
            yield from check6(value.options, inner, origin)


def test_recorded_messages_of_dhcpv6_are_read_as_scapy_reads_them(recorded, scapy):
    _, dhcp6 = scapy
    found, count = defaultdict(list), 0
    for family, payload, origin, packet in parsed(recorded):
        if family == 4:
            continue
        name = dhcp6.dhcp6_cls_by_type.get(payload[0])
        if name is None:
            found[origin].append("scapy has no such message")
            continue
        layer = getattr(dhcp6, name)(payload)
        for relay in packet.relays:
            if (relay.link, relay.peer) != (int(IPv6Address(layer.linkaddr)), int(IPv6Address(layer.peeraddr))):
                found[origin].append(f"a relay's header: {layer!r}")
            found[origin] += check6(relay.options, layers_of(layer.payload), origin)
            layer = next(each for each in layers_of(layer.payload) if each.optcode == 9).message
        found[origin] += check6(packet.options, layers_of(layer.payload), origin)
        count += 1
    differing = {origin: what for origin, what in found.items() if what}
    assert differing.keys() == {origin for origin in DIFFERENT if origin.startswith("raw-v6")}, differing
    assert count > 500


def test_the_table_of_differences_is_in_the_documentation(repo):
    page = (repo / "docs" / "why" / "second-decoders.md").read_text()
    missing = [row for row in rows() if row not in page]
    assert not missing, "\n".join(missing)
    assert page.count("\n| raw-v") == len(DIFFERENT)


def rows():
    """The table of docs/why/second-decoders.md."""
    return [f"| {vector} | {' | '.join(told)} |" for vector, told in DIFFERENT.items()]
