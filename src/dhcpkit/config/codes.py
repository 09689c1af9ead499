"""Every kind of problem a configuration can have: one declaration each, from which its reference entry is generated.

A code is stable: scripts and documentation refer to it. This module does not know files or documents.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs

__all__ = ["CODES", "NO_INTERFACE", "Code", "Severity"]

Severity = Literal["error", "warning", "notice"]


@attrs.frozen
class Code:
    """One kind of problem. `syntax` tells what Kea finds while it reads the text from what it finds afterwards."""

    id: str
    title: str
    explanation: str
    severity: Severity = "error"
    syntax: bool = False

    def __str__(self) -> str:
        return self.id


CODES: Final[dict[str, Code]] = {}


def _code(number: int, title: str, explanation: str, *, severity: Severity = "error", syntax: bool = False) -> Code:
    code = Code(f"DK{number}", title, explanation, severity, syntax)
    assert code.id not in CODES, f"{code.id} is declared twice"
    CODES[code.id] = code
    return code


# 10xx: the text.
UNREADABLE: Final = _code(
    1001,
    "file cannot be read",
    "The configuration file, or a file it includes, is absent or may not be read by this user. Relative names in"
    ' `<?include "file"?>` are taken from the working directory of the process, as Kea does.',
    syntax=True,
)
BAD_SYNTAX: Final = _code(
    1002,
    "not well-formed",
    "The text is not Kea's JSON at the place shown. Where a comma is missing, reading goes on as if it were there, so"
    " that the rest of the file is checked in the same run.",
    syntax=True,
)
DUPLICATE_KEY: Final = _code(
    1003,
    "key given twice",
    "The same key occurs twice in one map, so that one of the two values would be ignored. Both places are shown.",
    syntax=True,
)
BAD_INCLUDE: Final = _code(
    1004,
    "include goes in a circle, or too deep",
    "A file includes itself, directly or through others, or includes are nested deeper than ten files (Kea's limit).",
    syntax=True,
)
EXTRA_COMMA: Final = _code(
    1005,
    "extra comma",
    "A comma is followed by no value. It is ignored, as in Kea, which warns because a piece of it may be missing.",
    severity="warning",
    syntax=True,
)

# 11xx: keys and types.
UNKNOWN_KEY: Final = _code(
    1101,
    "unknown key",
    "No such key exists in this map. Where a known key is spelt alike it is suggested; where the key belongs to another"
    " map, that map is named.",
    syntax=True,
)
WRONG_TYPE: Final = _code(
    1102,
    "value of the wrong type",
    "The value has another JSON type than the key takes, or is not one of the words the key allows.",
    syntax=True,
)
MISSING_KEY: Final = _code(1103, "required key absent", "The map lacks a key it cannot do without.", syntax=True)
OUT_OF_RANGE: Final = _code(
    1104,
    "number out of range",
    "The number lies outside the range the key allows. Kea lets some of these wrap around to another number silently:"
    " `valid-lifetime: 4294967296` becomes 0 there.",
)
BAD_ADDRESS: Final = _code(
    1105, "not an IPv4 address", "The value must be one IPv4 address in dotted decimal form, such as 192.0.2.1."
)
CONTRADICTION: Final = _code(
    1106,
    "keys exclude each other",
    "Two keys of one map say the same thing in two ways; only one of them may be given.",
)
BAD_VALUE: Final = _code(1107, "value not usable", "The value has the right type but no meaning for this key.")
BAD_PATTERN: Final = _code(
    1108,
    "not a pattern",
    "The value is to be a regular expression. Names that clients say are passed over where it is none, as in Kea.",
    severity="warning",
)

# 12xx: subnets, pools, shared networks, timers.
BAD_SUBNET: Final = _code(1201, "not a subnet", "`subnet` takes an IPv4 prefix with its length, such as 192.0.2.0/24.")
DUPLICATE_SUBNET: Final = _code(
    1202,
    "subnet declared twice",
    "Two subnets have the same prefix. The place of the first is shown.",
)
DUPLICATE_SUBNET_ID: Final = _code(
    1203,
    "subnet id used twice",
    "Leases and reservations refer to a subnet by its id, so two subnets cannot share one. A subnet without an id (or"
    " with id 0) gets the next number of a counter that starts at 1; give every subnet an id to keep them apart.",
)
BAD_POOL: Final = _code(
    1204,
    "not a pool",
    "`pool` takes a range `first - last` or a prefix `192.0.2.64/26`; the first address comes first.",
)
POOL_OUTSIDE: Final = _code(
    1205, "pool outside its subnet", "Every address of a pool must lie inside the prefix of the subnet the pool is in."
)
POOLS_OVERLAP: Final = _code(
    1206, "pools overlap", "Two pools of one subnet share addresses. The place of the other pool is shown."
)
BAD_LIFETIMES: Final = _code(
    1207, "lifetimes out of order", "min-valid-lifetime must not exceed valid-lifetime, nor that max-valid-lifetime."
)
BAD_TIMERS: Final = _code(
    1208,
    "timers out of order",
    "t1-percent must be less than t2-percent, both between 0 and 1.",
)
DUPLICATE_NETWORK: Final = _code(1209, "shared network declared twice", "Two shared networks have the same name.")
NO_SUBNET_ID: Final = _code(
    1210,
    "subnet without an id",
    "The subnet gets its id from a counter, so that adding a subnet before it changes the id that leases in the lease"
    " file refer to. Kea 3 requires an id.",
    severity="warning",
)
HOST_BITS: Final = _code(
    1211,
    "host bits set in a prefix",
    "The address of the subnet has bits set behind its prefix length. The bits are ignored.",
    severity="warning",
)
LATE_RENEWAL: Final = _code(
    1213,
    "renewal after rebinding",
    "renew-timer exceeds rebind-timer: a renewal would come too late, so that clients are not told its time. Kea 2.2"
    " refuses this, Kea 3 warns.",
    severity="warning",
)
ZERO_LIFETIME: Final = _code(
    1212, "lease that ends at once", "A lifetime of 0 gives leases that have already ended.", severity="warning"
)

# 13xx: options.
UNKNOWN_OPTION: Final = _code(
    1301,
    "unknown option",
    "No option of this name or code is defined in the option space. Define it with `option-def`, or give its data in"
    " hexadecimal digits with `csv-format` false.",
)
BAD_OPTION_VALUE: Final = _code(
    1302,
    "option value does not fit",
    "The data does not have the form the option's definition asks for. The expected form is shown.",
)
NO_OPTION: Final = _code(1303, "option not named", "An entry of option-data needs a name or a code.")
OPTION_MISMATCH: Final = _code(
    1304, "name and code disagree", "The entry's name belongs to another code than the one given beside it."
)
BAD_OPTION_DEF: Final = _code(
    1305,
    "option definition not usable",
    "The definition names an unknown type, combines what cannot be combined, or has a code out of range.",
)
DUPLICATE_OPTION_DEF: Final = _code(
    1306, "option defined twice", "The option space already has a definition with this code or name."
)
SEND_CONFLICT: Final = _code(
    1307,
    "always and never",
    "An option is marked both always-send and never-send; never-send wins.",
    severity="warning",
)
UNCARRIED: Final = _code(
    1308,
    "option nobody carries",
    "The option is in a space of sub-options, but no option of the same level encapsulates that space, so it is not"
    " sent. Options of a vendor's space (`vendor-4491`) are not assembled yet.",
    severity="warning",
)

# 14xx: reservations.
NO_IDENTIFIER: Final = _code(
    1401,
    "reservation without identifier",
    "A reservation names its client by exactly one of hw-address, duid, circuit-id, client-id or flex-id.",
)
BAD_IDENTIFIER: Final = _code(
    1402,
    "identifier not readable",
    "An identifier is hexadecimal digits, with colons or without, or text in single quotes inside the string:"
    ' `"circuit-id": "\'port 7\'"`.',
)
DUPLICATE_RESERVATION: Final = _code(
    1403,
    "client reserved twice",
    "Two reservations in one subnet name the same client. The place of the first is shown.",
)
DUPLICATE_ADDRESS: Final = _code(
    1404,
    "address reserved twice",
    "Two reservations in one subnet have the same address. `ip-reservations-unique` false allows it.",
)
ADDRESS_OUTSIDE: Final = _code(
    1405, "reserved address outside its subnet", "The reserved address does not lie inside the prefix of its subnet."
)
NOTHING_RESERVED: Final = _code(
    1406,
    "reservation of nothing",
    "The reservation gives its client no address, host name, options, classes or boot fields: all it does is that the"
    " client is in the class KNOWN. Kea 2.2 refuses this, Kea 3 takes it.",
    severity="warning",
)

# 15xx: client classes.
BAD_EXPRESSION: Final = _code(
    1501,
    "expression not well-formed",
    "The text of `test` is not an expression. Comparison is `==`, text stands in single quotes.",
)
UNKNOWN_CLASS: Final = _code(
    1502, "class not defined", "The expression refers to a class that is not defined before it and is not built in."
)
DUPLICATE_CLASS: Final = _code(1503, "class defined twice", "Two client classes have the same name.")
BUILT_IN_CLASS: Final = _code(
    1504, "test of a built-in class", "Built-in classes such as KNOWN and ALL decide their members themselves."
)

# 16xx: surroundings.
NO_INTERFACE: Final = _code(
    1601,
    "no such interface",
    "`interfaces`, or `interface` of a subnet or shared network, names an interface the system does not have, or an"
    " address it does not hold, or has no name in it.",
)
NO_BACKEND: Final = _code(
    1602,
    "lease database not supported",
    "Leases can be kept in a lease file (`memfile`) so far. A server that kept them elsewhere than it was told would"
    " give addresses that are in use, so it does not start.",
)

NO_LIBRARY: Final = _code(
    1603,
    "no such hook library",
    "`hooks-libraries` names a library that is not there, that is for another server, that is broken, or that lies"
    " where others than root and the server's user may write.",
)

# 19xx: said without being asked.
NO_EFFECT: Final = _code(
    1901,
    "accepted, no effect yet",
    "The key is valid and kept, so that the file can be used unchanged, but this version of dhcpkit does nothing with"
    " it. The configuration reference lists these keys.",
    severity="notice",
)
MISSED: Final = _code(
    1902,
    "no effect yet, and clients notice",
    "As DK1901, but what the key asks for changes what clients get: reservations in a database, a hook library.",
    severity="warning",
)

# 17xx: what a review finds.
REVIEW: Final = _code(
    1701,
    "worth a second look",
    "The configuration can be used, and does what it says; a review (`dhcpkit check --review`) found something that its"
    " author may not have meant. The word in brackets names the checker, which `--without` switches off.",
    severity="notice",
)
