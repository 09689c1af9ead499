"""Options of answers added, replaced or taken away, as expressions say.

Kea's `flex_option`. An answer costs the evaluation of those expressions whose class it is in, and is read and written
once more only where one of them changes it; a query is read before others read it only where an entry changes queries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dhcpkit.alloc.evaluate import Unfit
from dhcpkit.alloc.points import NextStep
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.answers import Answer, answer_of
from dhcpkit.hooks.catalogue import Both
from dhcpkit.hooks.expressions import Language
from dhcpkit.hooks.libraries.flex_option_entries import (
    QUERY,
    Action,
    Entry,
    FlexOptionParameters,
    Inside,
    entries_of,
)
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import (
    Buffer4Receive,
    Buffer6Receive,
    Dhcp4SrvConfigured,
    Dhcp6SrvConfigured,
    Pkt4Send,
    Pkt6Send,
)
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.nested import SubOptions, options_octets
from dhcpkit.wire.nested6 import Options6, options_octets6

__all__ = ["FlexOption"]

_log = Both("flex-option-hooks")
TRACE: Final = 40  # Kea's debug level of what the library does with each message

FLEX_OPTION_PROCESS_ADD = _log.debug(
    "FLEX_OPTION_PROCESS_ADD", TRACE, "Added the option code {code} with value {value}",
    "An entry's action `add`: the option was not there.",
)  # fmt: skip
FLEX_OPTION_PROCESS_CLIENT_CLASS = _log.debug(
    "FLEX_OPTION_PROCESS_CLIENT_CLASS", TRACE, "Skip processing of the option code {code} for class '{name}'",
    "An entry is for clients in a class, and this one is not in it.",
)  # fmt: skip
FLEX_OPTION_PROCESS_ERROR = _log.error(
    "FLEX_OPTION_PROCESS_ERROR", "An error occurred processing query {client}: {reason}",
    "An expression, or the option that its value should be, makes no sense for this client. Entries before it have had"
    " their effect, those after it have none.",
)  # fmt: skip
FLEX_OPTION_PROCESS_REMOVE = _log.debug(
    "FLEX_OPTION_PROCESS_REMOVE", TRACE, "Removed option code {code}", "An entry's action `remove`.",
)  # fmt: skip
FLEX_OPTION_PROCESS_SUB_ADD = _log.debug(
    "FLEX_OPTION_PROCESS_SUB_ADD", TRACE, "Added the sub-option code {code} in option code {around} with value {value}",
    "As FLEX_OPTION_PROCESS_ADD, of an option inside another one.",
)  # fmt: skip
FLEX_OPTION_PROCESS_SUB_CLIENT_CLASS = _log.debug(
    "FLEX_OPTION_PROCESS_SUB_CLIENT_CLASS", TRACE,
    "Skip processing of the sub-option code {code} in option code {around} for class '{name}'",
    "As FLEX_OPTION_PROCESS_CLIENT_CLASS, of an option inside another one.",
)  # fmt: skip
FLEX_OPTION_PROCESS_SUB_REMOVE = _log.debug(
    "FLEX_OPTION_PROCESS_SUB_REMOVE", TRACE, "Removed sub-option code {code} in option code {around}",
    "As FLEX_OPTION_PROCESS_REMOVE, of an option inside another one.",
)  # fmt: skip
FLEX_OPTION_PROCESS_SUB_SUPERSEDE = _log.debug(
    "FLEX_OPTION_PROCESS_SUB_SUPERSEDE", TRACE,
    "Supersedes the sub-option code {code} in option code {around} with value {value}",
    "As FLEX_OPTION_PROCESS_SUPERSEDE, of an option inside another one.",
)  # fmt: skip
FLEX_OPTION_PROCESS_SUPERSEDE = _log.debug(
    "FLEX_OPTION_PROCESS_SUPERSEDE", TRACE, "Supersedes the option code {code} with value {value}",
    "An entry's action `supersede`: whatever the option was, it has this value.",
)  # fmt: skip
FLEX_OPTION_PROCESS_VENDOR_ID_MISMATCH = _log.debug(
    "FLEX_OPTION_PROCESS_VENDOR_ID_MISMATCH", TRACE,
    "Skip processing of vendor option code {code} with vendor id {found} not matching wanted {wanted}",
    "The option holds what another enterprise has defined.",
)  # fmt: skip
FLEX_OPTION_UNLOAD = _log.info(
    "FLEX_OPTION_UNLOAD", "Flex Option hooks library has been unloaded", "The library was let go."
)

ENTERPRISE_SIZE: Final = 4  # octets of an enterprise's number
SAID: Final = {
    (Action.ADD, False): FLEX_OPTION_PROCESS_ADD,
    (Action.SUPERSEDE, False): FLEX_OPTION_PROCESS_SUPERSEDE,
    (Action.REMOVE, False): FLEX_OPTION_PROCESS_REMOVE,
    (Action.ADD, True): FLEX_OPTION_PROCESS_SUB_ADD,
    (Action.SUPERSEDE, True): FLEX_OPTION_PROCESS_SUB_SUPERSEDE,
    (Action.REMOVE, True): FLEX_OPTION_PROCESS_SUB_REMOVE,
}


class FlexOption(Library):
    """Options of answers are what expressions say (Kea: `libdhcp_flex_option.so`)."""

    name = "flex_option"
    parameters = FlexOptionParameters
    told: FlexOptionParameters

    async def load(self) -> None:
        """Gets ready. Expressions are compiled once the configuration whose options they may name is known."""
        self._parse: Callable[[bytes, Any], Any] = Packet4.parse if self.operated.family == 4 else Packet6.parse
        self._of_answers: tuple[Entry, ...] = ()
        self._of_queries: tuple[Entry, ...] = ()
        if not any(entry.destination == QUERY for entry in self.told.options):
            self.unused = frozenset(("change_query",))

    @on(Dhcp4SrvConfigured)
    @on(Dhcp6SrvConfigured)
    def check(self, point: Dhcp4SrvConfigured | Dhcp6SrvConfigured) -> NextStep | None:
        """Refuses a configuration for which an entry makes no sense."""
        try:
            self._entries(point.server_config)
        except DhcpkitError as error:
            point.error = str(error)
            return NextStep.DROP
        return None

    async def configured(self) -> None:
        """Compiles the entries, which may name options that the configuration defines."""
        entries = self._entries(self.operated.doc)
        self._of_answers = tuple(each for each in entries if not each.changes_query)
        self._of_queries = tuple(each for each in entries if each.changes_query)

    async def unload(self) -> None:
        """Nothing is left to do."""
        FLEX_OPTION_UNLOAD.of(self.operated.family).log()

    def _entries(self, doc: Any) -> tuple[Entry, ...]:
        """The entries in the light of a configuration. Raises EntryError, ExpressionError."""
        family = self.operated.family
        return entries_of(self.told, Language(doc, family), family)

    @on(Buffer4Receive)
    @on(Buffer6Receive)
    def change_query(self, point: Buffer4Receive | Buffer6Receive) -> None:
        """Changes the query, before it is put into classes (Kea 3.3)."""
        family = self.operated.family
        try:
            query: Any = point.query or self._parse(point.data, point.arrival)
        except WireError:
            return  # the server comes to the same, and counts it
        work = _Work(family, query, (), lambda: answer_of(bytes(query), family))
        self._carry_out(self._of_queries, work)
        if work.changed:
            point.data = work.answer().octets()
            changed = self._parse(point.data, point.arrival)
            changed.type = query.type  # which another library may have told
            point.query = changed

    @on(Pkt4Send)
    @on(Pkt6Send)
    def change_answer(self, point: Pkt4Send | Pkt6Send) -> None:
        """Changes the answer."""
        if not self._of_answers:
            return
        family, outcome = self.operated.family, point.outcome
        work = _Work(family, outcome.packet, outcome.classes, lambda: answer_of(point.data, family))
        self._carry_out(self._of_answers, work)
        if work.changed:
            point.data = work.answer().octets()

    def _carry_out(self, entries: tuple[Entry, ...], work: _Work) -> None:
        try:
            for entry in entries:
                if work.is_for(entry):
                    work.carry_out(entry)
        except (Unfit, ValueError) as error:
            FLEX_OPTION_PROCESS_ERROR.of(self.operated.family).log(client=work.query, reason=error)


class _Work:
    """One message's entries at work. The message to be changed is read when it is first asked for."""

    def __init__(self, family: int, query: Any, classes: tuple[str, ...], read: Callable[[], Answer]) -> None:
        self.query, self.changed = query, False
        self._family, self._classes, self._read = family, classes, read
        self._answer: Answer | None = None
        self._tells = FLEX_OPTION_PROCESS_ADD.of(family).on

    def answer(self) -> Answer:
        """The message to be changed."""
        if self._answer is None:
            self._answer = self._read()
        return self._answer

    def is_for(self, entry: Entry) -> bool:
        """Whether the client is in the classes that an entry is for."""
        inside, classes, family = entry.inside, self._classes, self._family
        if inside is not None and inside.guard and inside.guard not in classes:
            FLEX_OPTION_PROCESS_CLIENT_CLASS.of(family).log(code=inside.code, name=inside.guard)
            return False
        if entry.guard and entry.guard not in classes:
            if inside is None:
                FLEX_OPTION_PROCESS_CLIENT_CLASS.of(family).log(code=entry.code, name=entry.guard)
            else:
                told = FLEX_OPTION_PROCESS_SUB_CLIENT_CLASS.of(family)
                told.log(code=entry.code, around=inside.code, name=entry.guard)
            return False
        return True

    def carry_out(self, entry: Entry) -> None:
        """Does what an entry says. Raises Unfit, and ValueError where the option has no form for the value."""
        source = self.query if entry.asks_query else self.answer().packet
        payload = b""
        if entry.holds is not None:
            if not entry.holds(source, self._classes):
                return
        else:
            assert entry.value is not None, "what adds has a value"
            value = entry.value(source, self._classes)
            if not value:
                return
            payload = value if entry.option is None else entry.option.build_text(value.decode("utf-8", "replace"))
        done = self._in_place(entry, payload) if entry.inside is None else self._inside(entry, entry.inside, payload)
        if done:
            self.changed = True
            if self._tells:
                around = entry.inside.code if entry.inside is not None else 0
                said = SAID[entry.action, entry.inside is not None].of(self._family)
                said.log(code=entry.code, around=around, value=_shown(payload))

    def _in_place(self, entry: Entry, payload: bytes) -> bool:
        answer = self.answer()
        present = answer.get(entry.code) is not None
        if entry.action is Action.REMOVE:
            answer.remove(entry.code)
            return present
        if entry.action is Action.ADD and present:
            return False
        answer.put(entry.code, payload)
        return True

    def _inside(self, entry: Entry, inside: Inside, payload: bytes) -> bool:
        answer, enterprise = self.answer(), inside.enterprise
        payloads = answer.payloads(inside.code)
        holders = _holders(payloads, self._family, enterprise)
        removes = entry.action is Action.REMOVE
        if not holders and (removes or not inside.follows):
            return False
        number = next((at for at, (found, _) in enumerate(holders) if found == enterprise), None)
        if number is None and holders:
            told = FLEX_OPTION_PROCESS_VENDOR_ID_MISMATCH.of(self._family)
            told.log(code=inside.code, found=holders[0][0], wanted=enterprise)
            return False
        options = dict(holders[number][1]) if number is not None else {}
        if entry.code in options if entry.action is Action.ADD else removes and entry.code not in options:
            return False
        if removes:
            del options[entry.code]
        else:
            options.pop(entry.code, None)
            options[entry.code] = payload
        if number is None:
            holders.append((enterprise, options))
        elif options or not inside.follows:
            holders[number] = enterprise, options
        else:
            del holders[number]
        made = _payloads(holders, self._family, enterprise)
        if not enterprise:
            made += payloads[1:]  # what else there is of its code stays
        if made:
            answer.put(inside.code, *made)
        else:
            answer.remove(inside.code)
        return True


Holder = tuple[int, dict[int, bytes]]  # an enterprise (0: nobody's) and its options


def _holders(payloads: list[bytes], family: int, enterprise: int) -> list[Holder]:
    """What an option holds, by enterprise where it is one of those that tell enterprises apart."""
    if not enterprise:
        return [(0, _options(payload, family)) for payload in payloads[:1]]
    if family == 6:
        split = [(payload[:ENTERPRISE_SIZE], payload[ENTERPRISE_SIZE:]) for payload in payloads]
        return [(int.from_bytes(number, "big"), _options(octets, family)) for number, octets in split]
    found: list[Holder] = []
    for payload in payloads:
        at = 0
        while at + ENTERPRISE_SIZE < len(payload):
            start = at + ENTERPRISE_SIZE + 1
            stop = start + payload[start - 1]
            number = int.from_bytes(payload[at : at + ENTERPRISE_SIZE], "big")
            found.append((number, _options(payload[start:stop], family)))
            at = stop
    return found


def _options(octets: bytes, family: int) -> dict[int, bytes]:
    return dict(SubOptions(octets).options if family == 4 else Options6(octets).first)


def _payloads(holders: list[Holder], family: int, enterprise: int) -> list[bytes]:
    """The payloads of an option that holds these."""
    made = []
    for number, options in holders:
        ordered = {code: options[code] for code in sorted(options)}
        octets = options_octets(ordered) if family == 4 else options_octets6(ordered)
        if not enterprise:
            made.append(octets)
        elif family == 6:
            made.append(number.to_bytes(ENTERPRISE_SIZE, "big") + octets)
        else:
            made.append(number.to_bytes(ENTERPRISE_SIZE, "big") + bytes((len(octets),)) + octets)
    return made


def _shown(value: bytes) -> str:
    text = value.decode("latin-1")
    return f"'{text}'" if text.isascii() and text.isprintable() else f"0x{value.hex().upper()}"
