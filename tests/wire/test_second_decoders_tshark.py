"""Every recorded message, and one of every declared option, through tshark: it reads the values that we read.

Where tshark shows a value in other words, or reads it otherwise, `READINGS` says so, and who is right; the table in
docs/why/second-decoders.md is made of it. One run of tshark reads all messages at once.
"""

import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from math import isclose

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from dhcpkit.testing.strategies import option_values
from dhcpkit.wire import Options6, Packet4, Packet6, SubOptions, WireError, build_packet4
from dhcpkit.wire.duid import ClientId, Duid
from dhcpkit.wire.names import FQDN, is_complete, split_name, wire_labels
from dhcpkit.wire.options4 import DHCP4, RELAY_AGENT
from dhcpkit.wire.options6 import DHCP6
from dhcpkit.wire.vendor import opaque_list

pytestmark = pytest.mark.needs("tshark")

TSHARK = "4.0."
WARNING = 0x600000  # from this severity on tshark thinks that octets are wrong
RUNS_OUT = "field length invalid!"  # what stands for octets that are not there
NOT_VALUES = {  # fields that say where an option lies, or repeat its octets
    "dhcp.option.agent_information_option.vi.data_length", "dhcp.option.civic_location.ca_length",
    "dhcp.option.length", "dhcp.option.pcp.list_length", "dhcp.option.suboption_length", "dhcp.option.user_class",
    "dhcp.option.user_class.length", "dhcp.option.value", "dhcp.option.vi.length", "dhcp.option.vi_class.length",
    "dhcpv6.option.length", "dhcpv6.option.type", "dhcpv6.ntpserver.option.length", "dhcpv6.userclass.length",
    "dhcpv6.vendoropts.enterprise.option_length",
}  # fmt: skip
IN_WORDS = {"dhcp.option.classless_static_route"}  # fields whose value is only in what people read
OPINIONS = {  # on what is well-formed all the same
    "dhcp.option.client_architecture.ambiguous", "dhcpv6.expert.root_only_domain_name", "dhcpv6.expert.tld_lookup",
}  # fmt: skip


@attrs.frozen
class Seen:
    """An option as tshark shows it: the fields with their values, and the options within."""

    code: int
    payload: bytes
    fields: list[tuple[str, object]] = attrs.field(factory=list)
    inside: list["Seen"] = attrs.field(factory=list)
    complaints: list[str] = attrs.field(factory=list)


def frame(family, payload):
    udp = struct.pack(">HHHH", *((68, 67) if family == 4 else (546, 547)), 8 + len(payload), 0) + payload
    if family == 4:
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
        return bytes(12) + b"\x08\0" + head + udp
    addresses = IPv6Address("fe80::1").packed, IPv6Address("ff02::1:2").packed
    return bytes(12) + b"\x86\xdd" + struct.pack(">IHBB16s16s", 0x60000000, len(udp), 17, 64, *addresses) + udp


@pytest.fixture(scope="session")
def field_types():
    """The type of every field tshark knows."""
    rows = subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {row.split("\t")[2]: row.split("\t")[3] for row in rows if row.startswith("F\t")}


@pytest.fixture(scope="session")
def dissect(field_types, tmp_path_factory):
    """Reads messages with tshark: for each the element that holds what it saw."""

    def run(messages):
        path = tmp_path_factory.mktemp("tshark") / "messages.pcap"
        frames = [frame(family, payload) for family, payload in messages]
        records = [struct.pack("<IIII", number, 0, len(each), len(each)) + each for number, each in enumerate(frames)]
        path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1) + b"".join(records))
        command = ["tshark", "-n", "-r", str(path), "-T", "pdml", "-J", "dhcp dhcpv6"]
        found = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
        # tshark writes control characters that XML does not allow
        packets = ET.fromstring(re.sub("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]", "?", found))
        assert len(packets) == len(messages)
        return [
            packet.find(f"proto[@name='{'dhcp' if family == 4 else 'dhcpv6'}']")
            for packet, (family, _) in zip(packets, messages, strict=True)
        ]

    return run


def options_seen(element, types):
    """The options directly within an element."""
    for each in element:
        if each.get("name") in ("dhcp.option.type", "dhcpv6.option.type_str"):
            if each.get("value") == RUNS_OUT:
                yield Seen(int(each.get("show")), b"", complaints=["runs past the end"])
                return
            octets = bytes.fromhex(each.get("value") or "")
            if each.get("name") == "dhcpv6.option.type_str":
                seen = Seen(int.from_bytes(octets[:2], "big"), octets[4:])
            elif octets[0] in (0, 255):
                continue
            else:
                seen = Seen(octets[0], octets[2:])
            look_into(each, seen, types)
            yield seen


def look_into(element, seen, types):
    for each in element:
        name = each.get("name")
        if name == "_ws.malformed":
            seen.complaints.append("malformed")
        elif name == "_ws.expert":
            severity = int(each.find("field[@name='_ws.expert.severity']").get("show"))
            if severity >= WARNING and each[0].get("name") not in OPINIONS:
                seen.complaints.append(each[0].get("name"))
        elif name in ("dhcpv6.option.type_str", "dhcp.option.type"):
            seen.inside.extend(options_seen([each], types))
        elif each.find("field[@name='dhcp.option.suboption_length']") is not None:
            if each.get("value") == RUNS_OUT:
                seen.complaints.append("a sub-option runs past the end")
                continue
            octets = bytes.fromhex(each.get("value"))
            inner = Seen(octets[0], octets[2:])
            look_into(each, inner, types)
            seen.inside.append(inner)
        elif each.tag == "proto":
            seen.inside.extend(options_seen(each, types))
        else:
            is_value = name and name not in NOT_VALUES and types.get(name, "FT_NONE") != "FT_NONE"
            if is_value and each.get("hide") != "yes":
                seen.fields.append((name, value_shown(each, types[name])))
            look_into([part for part in each if not (is_value and "unmaskedvalue" in part.attrib)], seen, types)


def value_shown(field, kind):
    """The value of a field as tshark reads it. Text that XML cannot hold is given as octets."""
    if field.get("name") in IN_WORDS:
        return field.get("showname").strip()
    shown = field.get("show")
    if kind in ("FT_IPv4", "FT_IPv6"):
        return ip_address(shown)
    if kind == "FT_BOOLEAN":
        return shown in ("1", "True")
    if kind.startswith(("FT_UINT", "FT_INT", "FT_CHAR")):
        return int(shown, 0)
    if kind in ("FT_FLOAT", "FT_DOUBLE"):
        return float(shown)
    if kind in ("FT_BYTES", "FT_ETHER"):
        return bytes.fromhex(shown.replace(":", ""))
    if kind.startswith("FT_STRING") and shown.isascii() and shown.isprintable() and not {"\\", "?"} & set(shown):
        return shown
    return bytes.fromhex(field.get("value") or "")


def parts(value):
    """A value's numbers, addresses, texts and octets in their order, without options within."""
    if isinstance(value, Options6 | SubOptions):
        return
    if isinstance(value, list | tuple):
        for each in value:
            yield from parts(each)
    elif attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from parts(getattr(value, field.name))
    elif isinstance(value, IPv4Network | IPv6Network):
        yield from (value.prefixlen, value.network_address)
    else:
        yield value


def same(ours, theirs):
    if isinstance(theirs, bytes):
        return theirs in octets_of(ours, len(theirs))
    if isinstance(theirs, str) and isinstance(ours, str):
        plain = re.sub(r"\\(?:([0-9]{3})|(.))", lambda match: chr(int(match[1])) if match[1] else match[2], ours)
        shown = (ours, ours.removesuffix("."), plain, plain.removesuffix("."))  # it escapes nothing in names
        return theirs in shown or (theirs, ours) == ("<Root>", ".")
    if isinstance(theirs, str):
        return ours == theirs.encode()
    if isinstance(theirs, float):
        return isinstance(ours, float | int) and isclose(ours, theirs, rel_tol=1e-6)
    if isinstance(theirs, IPv4Address | IPv6Address) and isinstance(ours, bytes):
        return ours == theirs.packed
    return ours == theirs


def octets_of(value, size):
    """The forms a part may have on the wire."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, int):
        if 0 <= value < 1 << 8 * size:
            yield value.to_bytes(size, "big")
    elif isinstance(value, str):
        yield value.encode("utf-8", "surrogateescape")
        try:
            yield wire_labels(split_name(value)) + (b"\0" if is_complete(value) else b"")
        except ValueError:
            return
    elif isinstance(value, IPv4Address | IPv6Address):
        yield value.packed


OCTETS = object()  # tshark shows the payload as it is


@attrs.frozen
class Reading:
    """How tshark reads an option where it is not what our value's parts say: `parts` makes of our value what it shows.

    `what` tells of a real difference, and `right` who is; without it tshark only uses other words.
    """

    parts: object = None
    complains: bool = False
    what: str = ""
    right: str = ""
    rfc: str = ""


def duid_parts(value):
    """A DUID as tshark shows it: whole, and then its parts."""
    duid = value if isinstance(value, Duid) else Duid(value)
    yield duid.octets
    yield duid.type
    for part in (duid.hwtype, duid.enterprise):
        if part is not None:
            yield part
    if duid.time is not None:
        yield duid.octets[4:8]  # as a date, which PDML gives in words
    if duid.link_layer is not None:
        yield duid.link_layer.hex(":") if len(duid.link_layer) == 6 else duid.link_layer.hex()
    if duid.enterprise is not None:
        yield duid.octets[6:]
    if duid.uuid is not None:
        yield duid.uuid.bytes


def client_id_parts(octets):
    """A client identifier as tshark shows it, by its type."""
    client = ClientId(octets)
    yield client.type
    if client.duid is not None:
        yield octets[1:5]
        yield from list(duid_parts(client.duid))[1:]
    elif client.type == 1:
        yield client.hwaddr
    else:
        yield octets[1:]


def vendor_parts6(value):
    """Of CableLabs' options tshark shows the codes, and what they hold in words."""
    yield value.enterprise
    for code, octets in value.options.items():
        yield code
        if value.enterprise != 4491:
            yield octets


def with_hex_iaid(value):
    yield f"{value.iaid:08x}"
    yield from (part for name in ("t1", "t2") if (part := getattr(value, name, None)) is not None)


def names_before_root(names):
    """tshark stops at a root name, which it shows as an oddity."""
    for name in names:
        if name == ".":
            yield "['.' (0)]"
            return
        yield name


def fqdn_parts(value):
    name = value.name
    if value.ascii and name:
        name = b".".join(split_name(name)) + (b"." if is_complete(name) else b"")
    return [value.flags, value.rcode1, value.rcode2, name]


def pairs(values):
    return values[: len(values) // 2 * 2]


def is_flawed(value):
    """Whether we say ourselves that options within run past the end."""
    if isinstance(value, Options6 | SubOptions):
        return bool(value.flaws)
    return any(map(is_flawed, value if isinstance(value, tuple) else [getattr(value, "options", ())]))


def geo_parts(value):
    """tshark gives resolutions in degrees and metres, we the number of bits that mean something."""
    yield from (value.latitude, value.longitude)
    yield from (2.0 ** (8 - value.latitude_resolution), 2.0 ** (8 - value.longitude_resolution))
    yield from (value.altitude, 2.0 ** (21 - value.altitude_resolution), value.altitude_type, value.datum)


def route_parts(routes):
    for route in routes:
        yield f"{route.destination if route.destination.prefixlen else 'default'}-{route.router}"


def vss_parts(value):
    if value.type == 0:
        return [""]
    return [b"\1" + value.information] if value.type == 1 else [value.type]


NAME_SERVICES = {6: "Domain Name Server Option (6)", 41: "Network Information Servers Option (41)"}
NO_OCTETS = "takes a sub-option without octets for an unknown one"
READINGS = {
    ("dhcp4", 21): Reading(
        pairs,
        complains=True,
        what="complains where addresses and masks are not in pairs",
        right="tshark; Kea declares a plain list, and so do we",
    ),
    ("dhcp4", 33): Reading(
        pairs,
        complains=True,
        what="complains where addresses are not in pairs",
        right="tshark; Kea declares a plain list, and so do we",
    ),
    ("dhcp4", 43): Reading(lambda value: [value.octets]),
    ("dhcp4", 61): Reading(client_id_parts),
    ("dhcp4", 77): Reading(
        opaque_list,
        complains=True,
        what="complains of a class without its length before it",
        right="tshark; iPXE and others send it, and Kea takes it, too",
    ),
    ("dhcp4", 81): Reading(fqdn_parts),
    ("dhcp4", 90): Reading(
        lambda value: [
            value.protocol,
            value.algorithm,
            value.rdm,
            value.replay_detection.to_bytes(8, "big") if value.rdm else value.replay_detection,
        ],
        what="reads the replay detection value as text, unless the method (RDM) is 0",
        right="dhcpkit",
    ),
    ("dhcp4", 117): Reading(lambda values: [NAME_SERVICES[value] for value in values]),
    ("dhcp4", 120): Reading(lambda value: [int(not isinstance(value[0], str)), *value]),
    ("dhcp4", 121): Reading(route_parts),
    ("dhcp4", 122): Reading(list),  # the codes; what they hold stands in words only
    ("dhcp4", 123): Reading(geo_parts),
    ("dhcp4", 146): Reading(
        lambda value: [value[0] >> 2, value[0] & 3, *value[1:3], value[3][0]],
        what="shows the first domain name only",
        right="dhcpkit",
    ),
    ("dhcp4", 157): Reading(
        lambda value: [value != 0], what="takes any bit for the one that says `remote`", right="dhcpkit"
    ),
    ("dhcp4", 159): Reading(lambda value: [value[0], value[1][1], value[1][0] << 16 - value[1][1]]),
    ("dhcp-agent-options-space", 7): Reading(OCTETS),
    ("dhcp-agent-options-space", 8): Reading(OCTETS),
    ("dhcp-agent-options-space", 9): Reading(
        lambda values: [part for each in values for part in (each.enterprise, each.options.octets)]
    ),
    ("dhcp-agent-options-space", 19): Reading(complains=True, what=NO_OCTETS, right="dhcpkit"),
    ("dhcp-agent-options-space", 151): Reading(
        vss_parts,
        complains=True,
        what="takes the octet of a VPN's type for the beginning of its name or number",
        right="dhcpkit",
    ),
    ("dhcp-agent-options-space", 152): Reading(complains=True, what=NO_OCTETS, right="dhcpkit"),
    ("dhcp6", 1): Reading(duid_parts),
    ("dhcp6", 2): Reading(duid_parts),
    ("dhcp6", 53): Reading(duid_parts),
    ("dhcp6", 3): Reading(with_hex_iaid),
    ("dhcp6", 4): Reading(with_hex_iaid),
    ("dhcp6", 25): Reading(with_hex_iaid),
    ("dhcp6", 8): Reading(lambda value: [value * 10]),
    ("dhcp6", 16): Reading(
        lambda value: [value.enterprise, *value.classes[:1]], what="shows the first class only", right="dhcpkit"
    ),
    ("dhcp6", 17): Reading(vendor_parts6),
    ("dhcp6", 39): Reading(lambda value: [value.flags, value.name]),
    ("dhcp6", 56): Reading(
        lambda value: [
            part for code, octets in value.items() for part in (code, FQDN.parse(octets) if code == 3 else octets)
        ]
    ),
    ("dhcp6", 93): Reading(lambda value: [value.offset, value.psid[1], value.psid[0]]),
    **{("dhcp6", code): Reading(names_before_root) for code in (21, 24, 29, 30, 33)},
}
# Payloads of options whose values, drawn at random, are nothing that anybody sends.
EXAMPLES = {
    ("dhcp4", 77): ["0474657374036c6162", "9f"],
    ("dhcp4", 90): ["0101000000000000000007", "0101014142434445464748"],
    ("dhcp4", 99): ["014445010342617906084d756e6963683031"],
    ("dhcp4", 117): ["00060029"],
    ("dhcp4", 120): ["0003736970076578616d706c6500", "01c0000201c0000202"],
    ("dhcp4", 122): ["0104c00002010204c0000202"],
    ("dhcp4", 123): ["4869000000481ac0000013c000220001", "4bbc8000004b7300000013c002080001"],
    ("dhcp4", 125): ["00000d120501036162630000123400"],
    ("dhcp4", 137): ["046c6f7374076578616d706c6500"],
    ("dhcp4", 146): ["05c0000201c0000202076578616d706c65036f7267000361626300"],
    ("dhcp4", 151): ["016f6f7073"],
    ("dhcp-agent-options-space", 16): ["020000000010"],
    ("dhcp-agent-options-space", 151): ["00726564", "0100000100000002", "ff"],
    ("dhcp6", 16): ["0000013700084d53465420352e300003616263"],
    ("dhcp6", 17): ["00000d1200010002616200020000", "0000118b000100020026"],
    ("dhcp6", 39): ["0106636c69656e74076578616d706c6500"],
    ("dhcp6", 56): ["0001001020010db80000000000000000000000010003000d036e7470076578616d706c6500"],
    ("dhcp6", 64): ["0461667472076578616d706c6500"],
    ("dhcp6", 89): ["011018c00002003020010db80001005d000406083400"],
    ("dhcp6", 93): ["06083400"],
}


def differences(option, value, seen):
    """What tshark reads otherwise, in words; nothing where it agrees."""
    reading = READINGS.get((option.space, option.code), Reading())
    if seen.complaints and not (reading.complains or is_flawed(value)):
        yield f"tshark complains: {seen.complaints}"
    if is_flawed(value):
        return
    ours = [option.build(value)] if reading.parts is OCTETS else list((reading.parts or parts)(value))
    while len(ours) > len(seen.fields) and ours[-1] in ("", b""):
        ours.pop()  # of what has no octets tshark shows nothing
    if seen.fields and len(ours) != len(seen.fields):
        yield f"tshark shows {seen.fields}, we {ours}"
    for mine, (name, theirs) in zip(ours, seen.fields, strict=False):
        if not same(mine, theirs):
            yield f"{name}: tshark {theirs!r}, we {mine!r}"


# What we refuse and tshark does not complain of: what it does, and who is right.
KEA_TOO = "dhcpkit; Kea drops the message"
REFUSED = {
    ("dhcp4", 53): (
        "reads the first octet of a message type of two",
        "dhcpkit; `Packet4.type` is the first octet, as for Kea",
    ),
    ("dhcp4", 55): ("takes an empty list of requested options", KEA_TOO),
    ("dhcp4", 81): ("says nothing of a label that runs past the end", "dhcpkit"),
    ("dhcp6", 1): ("takes a DUID of more than 130 octets", KEA_TOO),
    ("dhcp6", 6): ("takes an empty list, and makes a code of the one octet left over", KEA_TOO),
}
# What it does with whole messages.
WHOLE = [
    ("parts of an option that was split (RFC 3396)", "reads each by itself", "dhcpkit", "RFC 3396 5"),
    ("reserved bits of fqdn (81)", "shows them", "both: a reader shall ignore them, and we give none", "RFC 4702 2.1"),
    ("an option that runs past the end", "shows it, and complains", "both: we list it in `flaws`", ""),
]
IGNORED_BITS = 0xF0  # of the fqdn option's flags: WHOLE tells


def check_options(space, ours, seens, origin):
    """Compares options one by one, and those in them; gives what differs in words."""
    ours, seens = list(ours), list(seens)
    if [(seen.code, seen.payload) for seen in seens] != ours:
        yield f"{origin}: tshark sees options {[(seen.code, seen.payload.hex()) for seen in seens]}, we {ours}"
        return
    for (code, payload), seen in zip(ours, seens, strict=True):
        option = space.by_code(code)
        if option is None:
            continue
        place = f"{origin}: {option.name} ({code}) {payload.hex()}"
        try:
            value = option.parse(payload)
        except ValueError as error:
            if not seen.complaints and (space.name, code) not in REFUSED:
                yield f"{place}: we refuse it ({error}), tshark shows {seen.fields}"
            continue
        yield from (f"{place}: {what}" for what in differences(option, value, seen))
        inner = value if isinstance(value, Options6 | SubOptions) else getattr(value, "options", None)
        if option.encapsulates is not None and seen.inside and not is_flawed(value):
            yield from check_options(option.encapsulates, inner.items(), seen.inside, place)


def check_message4(packet, element, types, origin):
    seens = list(options_seen(element, types))
    if packet.flaws and seens[-1].complaints == ["runs past the end"]:
        seens.pop()
    codes = [seen.code for seen in seens]
    if len(set(codes)) < len(codes):
        joined = {code: b"".join(seen.payload for seen in seens if seen.code == code) for code in codes}
        if joined != packet.options:
            yield f"{origin}: tshark sees {joined}, we {packet.options}"
        return
    for seen in seens:
        if seen.code == 81:
            seen.fields[0] = (seen.fields[0][0], seen.fields[0][1] & ~IGNORED_BITS)
    yield from check_options(DHCP4, packet.options.items(), seens, origin)


def check_message6(packet, element, types, origin):
    for relay in packet.relays:
        seens = list(options_seen(element, types))
        others = [(code, payload) for code, payload in relay.options.items() if code != 9]
        yield from check_options(DHCP6, others, [seen for seen in seens if seen.code != 9], origin)
        header = {each.get("name"): each.get("show") for each in element}
        if (header["dhcpv6.linkaddr"], header["dhcpv6.peeraddr"]) != (
            str(IPv6Address(relay.link)),
            str(IPv6Address(relay.peer)),
        ):
            yield f"{origin}: a relay's header is {header}, we read {relay}"
        element = element.find("field/proto[@name='dhcpv6']")
    yield from check_options(DHCP6, packet.options.items(), options_seen(element, types), origin)


def test_recorded_messages_are_read_as_tshark_reads_them(recorded, dissect, field_types):
    elements = dissect([(family, payload) for family, payload, _ in recorded])
    found, count = [], 0
    for (family, payload, origin), element in zip(recorded, elements, strict=True):
        try:
            packet = (Packet4 if family == 4 else Packet6).parse(payload)
        except WireError:
            continue  # BOOTP, and what is shorter than a header
        check = check_message4 if family == 4 else check_message6
        found += check(packet, element, field_types, origin)
        count += 1
    assert not found, "\n".join(found)
    assert count > 2000


def drawn(option):
    """A few values of an option: those of EXAMPLES, or drawn at random."""
    if (option.space, option.code) in EXAMPLES:
        return [option.parse(bytes.fromhex(octets)) for octets in EXAMPLES[option.space, option.code]]
    values = []

    @settings(max_examples=4, derandomize=True, database=None, phases=[Phase.generate], deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(option_values(option))
    def draw(value):
        values.append(value)

    draw()
    return [value for value in values if option.build(value)] or values


def message_of(space, option, value):
    payload = option.build(value)
    if space is DHCP6:
        return 6, Packet6(1, {option.code: payload}).data
    if space is RELAY_AGENT:
        return 4, build_packet4(1, {82: SubOptions.of({option.code: payload}).octets}, xid=1, chaddr=bytes(6))
    return 4, build_packet4(None if option.code == 53 else 1, {option.code: payload}, xid=1, chaddr=bytes(6))


@pytest.fixture(scope="session")
def declared(dissect, field_types):
    """Every option that a message or a relay agent's option may hold: some values, and what tshark sees of each."""
    cases = [
        (space, option, value)
        for space in (DHCP4, RELAY_AGENT, DHCP6)
        for option in space
        for value in drawn(option)
        if space is DHCP6 or len(option.build(value)) <= 250  # longer ones would be split
    ]
    elements = dissect([message_of(*case) for case in cases])
    found = []
    for (space, option, value), element in zip(cases, elements, strict=True):
        seens = list(options_seen(element, field_types))
        if space is RELAY_AGENT:
            seens = next(seen for seen in seens if seen.code == 82).inside
        found.append((option, value, next((seen for seen in seens if seen.code == option.code), None)))
    return found


def test_every_option_is_read_as_tshark_reads_it(declared):
    found = []
    for option, value, seen in declared:
        if seen is None or seen.payload != option.build(value):
            found.append(f"{option}: tshark sees {seen} of {value}")
        else:
            found += [f"{option} {value}: {what}" for what in differences(option, value, seen)]
    assert not found, "\n".join(found)


def test_what_differs_does_so(declared, monkeypatch):
    """An entry that nothing needs any more is dropped: tshark has learned something, or we have."""
    version = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True).stdout
    if f"TShark (Wireshark) {TSHARK}" not in version:
        pytest.skip(f"the readings are those of tshark {TSHARK}")
    readings = dict(READINGS)
    monkeypatch.setattr(sys.modules[__name__], "READINGS", {})
    needed = {(option.space, option.code) for option, value, seen in declared if list(differences(option, value, seen))}
    assert {place for place, reading in readings.items() if reading.what} - needed == set()


def rows():
    """The table of docs/why/second-decoders.md."""
    spaces = {"dhcp4": DHCP4, "dhcp6": DHCP6, RELAY_AGENT.name: RELAY_AGENT}
    differing = [(place, reading.what, reading.right) for place, reading in READINGS.items() if reading.what]
    differing += [(place, what, right) for place, (what, right) in REFUSED.items()]
    for (space, code), what, right in sorted(differing, key=lambda row: (list(spaces).index(row[0][0]), row[0][1])):
        option = spaces[space].by_code(code)
        where = {"dhcp4": "v4", "dhcp6": "v6"}.get(space, "v4, in 82")
        yield f"| {where} {option.name} ({code}) | {what} | {right} | {option.rfc} |"
    for about, what, right, rfc in WHOLE:
        yield f"| {about} | {what} | {right} | {rfc} |"


def test_the_table_of_differences_is_in_the_documentation(repo):
    page = (repo / "docs" / "why" / "second-decoders.md").read_text()
    missing = [row for row in rows() if row not in page]
    assert not missing, "\n".join(missing)
    assert page.count("\n| v") == sum(row.startswith("| v") for row in rows())
