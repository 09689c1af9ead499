"""What a lease's user context says of relay agents, held to its form: Kea's `extended-info-checks`.

Kea before 2.3 wrote that in another form; it is brought into today's. What has neither form is taken out, and the rest
of the user context stays. Pure: a text in, a text out; this module does not know leases.
"""

from __future__ import annotations

import enum
import json
import re
from ipaddress import IPv6Address
from typing import Any, Final

import attrs

from dhcpkit.alloc.extended4 import ISC, RELAY, RELAY_ID, REMOTE_ID, context_text
from dhcpkit.alloc.select import suboption

__all__ = ["CheckedContext", "ExtendedInfoChecks", "check_context4", "check_context6"]

RELAYS, OLD_RELAYS = "relay-info", "relays"
RELAY_ID6, REMOTE_ID6 = 53, 37  # RFC 5460 5.4.1, RFC 4649
KEYS4: Final = {"sub-options", "remote-id", "relay-id", "comment"}
KEYS6: Final = {"hop", "link", "peer", "options", "remote-id", "relay-id", "comment"}

# As servers write it: where `fix` is all that is asked for, most leases need not be read as JSON (8 us each).
_HEX: Final = r'"(?:0x)?(?:[0-9A-F]{2})+"'
_SAID: Final = rf'"(?:sub-options|relay-id|remote-id)": {_HEX}'
_RELAY: Final = rf'"(?:hop": [0-9]+|(?:link|peer)": "[0-9a-f:]+"|(?:options|relay-id|remote-id)": {_HEX})'
_USUAL: Final = re.compile(
    rf'\{{ "ISC": \{{ (?:"relay-agent-info": \{{ {_SAID}(?:, {_SAID})* \}}'
    rf'|"relay-info": \[ \{{ {_RELAY}(?:, {_RELAY})* \}}(?:, \{{ {_RELAY}(?:, {_RELAY})* \}})* \]) \}} \}}'
)


class ExtendedInfoChecks(enum.IntEnum):
    """How much is checked; the names are Kea's."""

    NONE = 0
    FIX = 1
    STRICT = 2
    PEDANTIC = 3


@attrs.frozen
class CheckedContext:
    """A user context after its check, and what was wrong with it, empty for nothing."""

    context: str
    fault: str = ""


class _Fault(ValueError):
    """What is said of relay agents has no form that is known."""


def check_context4(context: str, checks: ExtendedInfoChecks) -> CheckedContext:
    """A lease's user context, its `relay-agent-info` as it should be or taken out."""
    return _checked(context, RELAY, checks, _relay4)


def check_context6(context: str, checks: ExtendedInfoChecks) -> CheckedContext:
    """The same of DHCPv6: `relay-info`, or `relays` as it was called once."""
    return _checked(context, RELAYS, checks, _relays6)


def _checked(context: str, key: str, checks: ExtendedInfoChecks, check: Any) -> CheckedContext:
    if checks is ExtendedInfoChecks.NONE or not context:
        return CheckedContext(context)
    if checks is ExtendedInfoChecks.FIX and _USUAL.fullmatch(context):
        return CheckedContext(context)
    known = json.loads(context)
    if not known:
        return CheckedContext("")
    if ISC not in known:
        return CheckedContext(context)
    isc, fault = known[ISC], ""
    before = context_text(known)
    if not isinstance(isc, dict):
        isc, fault = {}, "ISC is no map"
    else:
        try:
            check(isc, checks)
        except _Fault as error:
            isc.pop(key, None)
            isc.pop(OLD_RELAYS, None)
            fault = str(error)
    known[ISC] = isc
    if not isc:
        del known[ISC]
    after = context_text(known) if known else ""
    return CheckedContext(context if after == before else after, fault)


def _relay4(isc: dict[str, Any], checks: ExtendedInfoChecks) -> None:
    if RELAY not in isc:
        return
    said = isc[RELAY]
    if isinstance(said, str):
        octets = _octets(said, "relay-agent-info", may_be_empty=True)
        isc[RELAY] = {"sub-options": said}
        for name, code in (("remote-id", REMOTE_ID), ("relay-id", RELAY_ID)):
            value = suboption(octets, code)
            if value:
                isc[RELAY][name] = value.hex().upper()
        return
    if not isinstance(said, dict):
        raise _Fault("relay-agent-info is neither a map nor a text")
    if checks >= ExtendedInfoChecks.STRICT:
        _texts(said, "sub-options", checks)
    _strange(said, KEYS4, checks)


def _relays6(isc: dict[str, Any], checks: ExtendedInfoChecks) -> None:
    old = OLD_RELAYS in isc and RELAYS not in isc
    if old:
        isc[RELAYS] = isc[OLD_RELAYS]
    isc.pop(OLD_RELAYS, None)
    if RELAYS not in isc:
        return
    relays = isc[RELAYS]
    if not isinstance(relays, list) or not relays:
        raise _Fault("relay-info is no list of relay agents")
    for number, relay in enumerate(relays):
        if not isinstance(relay, dict):
            raise _Fault(f"relay agent {number} is no map")
        if "options" in relay:
            octets = _octets(relay["options"], "options", may_be_empty=True)
            for name, code in (("remote-id", REMOTE_ID6), ("relay-id", RELAY_ID6)) if old else ():
                value = _option6(octets, code)
                if value:
                    relay[name] = value.hex().upper()
        if checks >= ExtendedInfoChecks.STRICT:
            _address(relay, "link")
            _texts(relay, "options", checks)
        if checks >= ExtendedInfoChecks.PEDANTIC:
            _address(relay, "peer")
            if not isinstance(relay.get("hop"), int) or isinstance(relay["hop"], bool):
                raise _Fault("hop is no number")
        _strange(relay, KEYS6, checks)


def _texts(said: dict[str, Any], whole: str, _checks: ExtendedInfoChecks) -> None:
    """The octets that a record of a relay agent has: all its options, and two of them."""
    if whole in said:
        _octets(said[whole], whole, may_be_empty=True)
    for name in ("remote-id", "relay-id"):
        if name in said:
            _octets(said[name], name)


def _octets(text: object, what: str, *, may_be_empty: bool = False) -> bytes:
    if not isinstance(text, str):
        raise _Fault(f"{what} is no text")
    try:
        octets = bytes.fromhex(text.removeprefix("0x").replace(":", " "))
    except ValueError:
        raise _Fault(f"{what} is not hexadecimal") from None
    if not octets and not may_be_empty:
        raise _Fault(f"{what} is empty")
    return octets


def _address(relay: dict[str, Any], name: str) -> None:
    try:
        IPv6Address(relay[name])
    except (KeyError, ValueError):
        raise _Fault(f"{name} is no IPv6 address") from None


def _strange(said: dict[str, Any], keys: set[str], checks: ExtendedInfoChecks) -> None:
    strange = said.keys() - keys
    if strange and checks >= ExtendedInfoChecks.PEDANTIC:
        raise _Fault(f"nothing is known of {min(strange)}")


def _option6(octets: bytes, code: int) -> bytes:
    """The first option of this code in a row of them; empty where there is none."""
    at = 0
    while at + 4 <= len(octets):
        length = int.from_bytes(octets[at + 2 : at + 4], "big")
        if int.from_bytes(octets[at : at + 2], "big") == code:
            return octets[at + 4 : at + 4 + length]
        at += 4 + length
    return b""
