"""Clients known by what an expression says of their messages, for reservations and, if wanted, for leases too.

Kea's `flex_id`. With `replace-client-id` the server serves a message as if the client's identifier were the flexible
one, and the client gets its own back in the answer. A message costs one evaluation, and where its identifier is
replaced also the copy of its header and the answer read and written once more; others cost a look-up in a dict.
"""

from __future__ import annotations

from typing import Any, Final

from dhcpkit.alloc.evaluate import Unfit
from dhcpkit.alloc.points import Host4Identifier, NextStep, Point
from dhcpkit.alloc.points6 import Host6Identifier
from dhcpkit.config.param import Document, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.answers import Answer6, answer_of
from dhcpkit.hooks.catalogue import Both
from dhcpkit.hooks.expressions import Language, Value
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import Dhcp4SrvConfigured, Dhcp6SrvConfigured, Pkt4Receive, Pkt4Send, Pkt6Receive, Pkt6Send
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.nested6 import Options6, options_octets6

__all__ = ["FlexId", "FlexIdParameters"]

_log = Both("flex-id-hooks")
TRACE: Final = 40  # Kea's debug level of what the library does with each message

FLEX_ID_EXPRESSION_EVALUATED = _log.debug(
    "FLEX_ID_EXPRESSION_EVALUATED", TRACE, 'Expression evaluated for packet to "{value}" (size: {size})',
    "The identifier of a client, as text. It is empty where the expression finds nothing in the message.",
)  # fmt: skip
FLEX_ID_EXPRESSION_EVALUATED_NP = _log.debug(
    "FLEX_ID_EXPRESSION_EVALUATED_NP", TRACE, "Expression evaluated for packet to 0x{value} (size: {size})",
    "The identifier of a client that is no text, in hexadecimal.",
)  # fmt: skip
FLEX_ID_EXPRESSION_FAILED = _log.warn(
    "FLEX_ID_EXPRESSION_FAILED", "the identifier-expression cannot be told of a message: {reason}",
    "A function of the expression got something it has no use for. The message is served without an identifier.",
)  # fmt: skip
FLEX_ID_IGNORE_IAID_APPLIED_ON_NA = _log.debug(
    "FLEX_ID_IGNORE_IAID_APPLIED_ON_NA", TRACE, "ignore-iaid: IAID {iaid} of the IA_NA is 0 to the server",
    "The message has one identity association for addresses, whose number the server does not see.",
)  # fmt: skip
FLEX_ID_IGNORE_IAID_APPLIED_ON_PD = _log.debug(
    "FLEX_ID_IGNORE_IAID_APPLIED_ON_PD", TRACE, "ignore-iaid: IAID {iaid} of the IA_PD is 0 to the server",
    "The message has one identity association for prefixes, whose number the server does not see.",
)  # fmt: skip
FLEX_ID_IGNORE_IAID_ENABLED = _log.warn(
    "FLEX_ID_IGNORE_IAID_ENABLED", "ignore-iaid is on: clients have one IA_NA and one IA_PD each at most",
    "RFC 8415 lets a client have several associations, which their numbers tell apart. The server ignores these, in"
    " messages that have no more than one association of a kind.",
)  # fmt: skip
FLEX_ID_IGNORE_IAID_NOT_APPLIED_ON_NA = _log.debug(
    "FLEX_ID_IGNORE_IAID_NOT_APPLIED_ON_NA", TRACE, "ignore-iaid was not applied: the message has several IA_NAs",
    "Without their numbers the client's associations could not be told apart.",
)  # fmt: skip
FLEX_ID_IGNORE_IAID_NOT_APPLIED_ON_PD = _log.debug(
    "FLEX_ID_IGNORE_IAID_NOT_APPLIED_ON_PD", TRACE, "ignore-iaid was not applied: the message has several IA_PDs",
    "Without their numbers the client's associations could not be told apart.",
)  # fmt: skip
FLEX_ID_NO_IDENTIFIER_EXPRESSION = _log.debug(
    "FLEX_ID_NO_IDENTIFIER_EXPRESSION", TRACE, "identifier-expression is either not specified or empty",
    "The library makes no identifiers; it may be there for ignore-iaid alone.",
)  # fmt: skip
FLEX_ID_RESTORE_CLIENT_ID = _log.debug(
    "FLEX_ID_RESTORE_CLIENT_ID", TRACE, "restoring original client identifier '{identifier}' in the response",
    "The client gets back the client identifier (61) that it sent.",
)  # fmt: skip
FLEX_ID_RESTORE_DUID = _log.debug(
    "FLEX_ID_RESTORE_DUID", TRACE, 'restoring original DUID "{identifier}" in the response',
    "The client gets back the client identifier (1) that it sent.",
)  # fmt: skip
FLEX_ID_UNLOAD = _log.info("FLEX_ID_UNLOAD", "Flex-id library has been unloaded.", "The library was let go.")
FLEX_ID_USED_AS_CLIENT_ID = _log.debug(
    "FLEX_ID_USED_AS_CLIENT_ID", TRACE, 'using flexible identifier "{identifier}" as client identifier',
    "The server serves the message as if the client had sent this client identifier (61).",
)  # fmt: skip
FLEX_ID_USED_AS_DUID = _log.debug(
    "FLEX_ID_USED_AS_DUID", TRACE, 'using flexible identifier "{identifier}" as DUID',
    "The server serves the message as if the client had sent this client identifier (1).",
)  # fmt: skip

CLIENT_ID4, CLIENT_ID6, IA_NA, IA_PD = 61, 1, 3, 25
IAID_SIZE: Final = 4  # octets at the start of an identity association
NO_IAID: Final = bytes(IAID_SIZE)
OWN4: Final = b"\0"  # the type of a client identifier that is no hardware address (RFC 2132 9.14)
RFC4361: Final = b"\xff" + bytes(4)  # RFC 4361 6.1: a DUID behind an IAID, which is 0
OWN6: Final = b"\0\0"  # a type of DUID that nobody else has
ID4_MAX: Final = 128  # octets of a client identifier that servers take
ID6_MAX: Final = 130  # octets of a DUID (RFC 8415 11.1)
KEPT: Final = "flex_id"  # in the context of an exchange


@document("parameters")
class FlexIdParameters(Document):
    """What identifies clients, and for what."""

    identifier_expression: str = param(
        default="", doc="An expression whose value is the client's identifier. Empty: there is none."
    )
    replace_client_id: bool = param(
        default=False, doc="The identifier takes the place of the client identifier or DUID, for leases as well."
    )
    ignore_iaid: bool = param(
        default=False, doc="DHCPv6: an association's number is 0 to the server, where a message has one of its kind."
    )
    cid_as_rfc4361_duid: bool = param(
        default=False, doc="DHCPv4: the replaced client identifier has the form of RFC 4361.", since="3.3"
    )


class _Renamed4(Packet4):
    """A message served under another client identifier. `sent_id` is the client's own, None if it sent none."""

    __slots__ = ("sent_id",)
    sent_id: bytes | None


class _Renamed6(Packet6):
    """A message served under another DUID or other IAIDs. What was sent is None where it was left alone.

    `sent_duid` is empty where the client sent none.
    """

    __slots__ = ("sent_duid", "sent_na", "sent_pd")
    sent_duid: bytes | None
    sent_na: bytes | None
    sent_pd: bytes | None


class FlexId(Library):
    """Clients are known by what an expression says of their messages (Kea: `libdhcp_flex_id.so`)."""

    name = "flex_id"
    parameters = FlexIdParameters
    told: FlexIdParameters

    async def load(self) -> None:
        """Gets ready. The expression is compiled once the configuration whose options it may name is known."""
        family = self.operated.family
        self._value: Value | None = None
        self._ignores = family == 6 and self.told.ignore_iaid
        self._replaces = self.told.replace_client_id and bool(self.told.identifier_expression)
        self._prefix = RFC4361 if self.told.cid_as_rfc4361_duid else OWN4
        unused = set() if self._replaces else {"rename4", "restore4"}
        if not self._replaces and not self._ignores:
            unused |= {"rename6", "restore6"}
        if not self.told.identifier_expression:
            unused.add("identify")
            FLEX_ID_NO_IDENTIFIER_EXPRESSION.of(family).log()
        self.unused = frozenset(unused)
        if self._ignores:
            FLEX_ID_IGNORE_IAID_ENABLED.v6.log()

    @on(Dhcp4SrvConfigured)
    @on(Dhcp6SrvConfigured)
    def check(self, point: Dhcp4SrvConfigured | Dhcp6SrvConfigured) -> NextStep | None:
        """Refuses a configuration for which the expression makes no sense."""
        try:
            self._compiled(point.server_config)
        except DhcpkitError as error:
            point.error = f"identifier-expression: {error}"
            return NextStep.DROP
        return None

    async def configured(self) -> None:
        """Compiles the expression, which may name options that the configuration defines."""
        self._value = self._compiled(self.operated.doc)

    async def unload(self) -> None:
        """Nothing is left to do."""
        FLEX_ID_UNLOAD.of(self.operated.family).log()

    def _compiled(self, doc: Any) -> Value | None:
        """The expression in the light of a configuration; None for none. Raises ExpressionError."""
        told = self.told.identifier_expression
        return Language(doc, self.operated.family).text(told) if told else None

    def _identifier(self, point: Point, packet: Packet4 | Packet6, classes: tuple[str, ...] = ()) -> bytes:
        """The identifier, told once for an exchange; empty for none."""
        known: bytes | None = point.context.get(KEPT)
        if known is not None:
            return known
        if self._value is None:
            return b""
        family = self.operated.family
        try:
            value = self._value(packet, classes)
        except Unfit as error:
            FLEX_ID_EXPRESSION_FAILED.of(family).log(reason=error)
            value = b""
        if FLEX_ID_EXPRESSION_EVALUATED.of(family).on:
            text = value.decode("latin-1")
            if text.isascii() and (text.isprintable() or not text):
                FLEX_ID_EXPRESSION_EVALUATED.of(family).log(value=text, size=len(value))
            else:
                FLEX_ID_EXPRESSION_EVALUATED_NP.of(family).log(value=value.hex().upper(), size=len(value))
        point.context[KEPT] = value
        return value

    @on(Host4Identifier)
    @on(Host6Identifier)
    def identify(self, point: Host4Identifier | Host6Identifier) -> None:
        """The identifier that reservations are searched by."""
        point.identifier = self._identifier(point, point.packet) or point.identifier

    # DHCPv4.

    @on(Pkt4Receive)
    def rename4(self, point: Pkt4Receive) -> None:
        """Puts the identifier in the place of the client's own."""
        packet = point.query
        value = self._identifier(point, packet, point.classes)
        if not value:
            return
        renamed = _Renamed4.__new__(_Renamed4)
        for name in Packet4.__slots__:
            setattr(renamed, name, getattr(packet, name))
        renamed.sent_id = packet.options.get(CLIENT_ID4)
        identifier = (self._prefix + value)[:ID4_MAX]
        renamed.options = packet.options | {CLIENT_ID4: identifier}
        point.query = renamed
        if FLEX_ID_USED_AS_CLIENT_ID.v4.on:
            FLEX_ID_USED_AS_CLIENT_ID.v4.log(identifier=identifier.hex(":"))

    @on(Pkt4Send)
    def restore4(self, point: Pkt4Send) -> None:
        """Gives the client its own identifier back, whether others are echoed or not (Kea)."""
        packet = point.outcome.packet
        if type(packet) is not _Renamed4:
            return
        answer = answer_of(point.data, 4)
        if packet.sent_id is None:
            answer.remove(CLIENT_ID4)
        else:
            answer.put(CLIENT_ID4, packet.sent_id)
            if FLEX_ID_RESTORE_CLIENT_ID.v4.on:
                FLEX_ID_RESTORE_CLIENT_ID.v4.log(identifier=packet.sent_id.hex(":"))
        point.data = answer.octets()

    # DHCPv6.

    @on(Pkt6Receive)
    def rename6(self, point: Pkt6Receive) -> None:
        """Takes IAIDs away, and puts the identifier in the place of the DUID."""
        packet = point.query
        na = pd = duid = None
        items = list(packet.options.items())
        if self._ignores:
            na, pd = _only(items, IA_NA), _only(items, IA_PD)
            for code, iaid in ((IA_NA, na), (IA_PD, pd)):
                if iaid is not None:
                    items = [(at, NO_IAID + data[IAID_SIZE:]) if at == code else (at, data) for at, data in items]
            _tell_of_iaids(items, na, pd)
        renamed = _Renamed6.__new__(_Renamed6)
        for name in Packet6.__slots__:
            setattr(renamed, name, getattr(packet, name))
        renamed.options = _options_like(packet.options, items)
        if self._replaces:
            value = self._identifier(point, renamed, point.classes)
            if value:
                duid = packet.options.first.get(CLIENT_ID6, b"")
                identifier = (OWN6 + value)[:ID6_MAX]
                renamed.options = renamed.options.replacing_octets(CLIENT_ID6, identifier)
                if FLEX_ID_USED_AS_DUID.v6.on:
                    FLEX_ID_USED_AS_DUID.v6.log(identifier=identifier.hex(":"))
        if na is None and pd is None and duid is None:
            return
        renamed.sent_duid, renamed.sent_na, renamed.sent_pd = duid, na, pd
        point.query = renamed

    @on(Pkt6Send)
    def restore6(self, point: Pkt6Send) -> None:
        """Gives the client its own DUID and IAIDs back."""
        packet = point.outcome.packet
        if type(packet) is not _Renamed6:
            return
        answer = Answer6(point.data)
        for code, iaid in ((IA_NA, packet.sent_na), (IA_PD, packet.sent_pd)):
            if iaid is not None and answer.get(code) is not None:
                answer.put(code, *(iaid + payload[IAID_SIZE:] for payload in answer.payloads(code)))
        if packet.sent_duid is not None:
            answer.remove(CLIENT_ID6)
            if packet.sent_duid:
                answer.put(CLIENT_ID6, packet.sent_duid)
                if FLEX_ID_RESTORE_DUID.v6.on:
                    FLEX_ID_RESTORE_DUID.v6.log(identifier=packet.sent_duid.hex(":"))
        point.data = answer.octets()


def _only(items: list[tuple[int, bytes]], code: int) -> bytes | None:
    """The IAID of the only association of a kind; None where there is none, or are several."""
    found = [payload for each, payload in items if each == code]
    return found[0][:IAID_SIZE] if len(found) == 1 else None


def _tell_of_iaids(items: list[tuple[int, bytes]], na: bytes | None, pd: bytes | None) -> None:
    if not FLEX_ID_IGNORE_IAID_APPLIED_ON_NA.v6.on:
        return
    codes = [code for code, _ in items]
    if na is not None:
        FLEX_ID_IGNORE_IAID_APPLIED_ON_NA.v6.log(iaid=int.from_bytes(na, "big"))
    elif IA_NA in codes:
        FLEX_ID_IGNORE_IAID_NOT_APPLIED_ON_NA.v6.log()
    if pd is not None:
        FLEX_ID_IGNORE_IAID_APPLIED_ON_PD.v6.log(iaid=int.from_bytes(pd, "big"))
    elif IA_PD in codes:
        FLEX_ID_IGNORE_IAID_NOT_APPLIED_ON_PD.v6.log()


def _options_like(options: Options6, items: list[tuple[int, bytes]]) -> Options6:
    made = Options6(options_octets6(items))
    made.place = options.place
    return made
