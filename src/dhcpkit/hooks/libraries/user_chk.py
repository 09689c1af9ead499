"""Registered users served as usual, everybody else in a subnet apart; what each of them got is written down.

Kea's sample library `user_chk`. The registry is a file with one user in JSON on each line, read again when it has
changed; the outcome file gets four lines for each answer that grants an address. A message costs a look at the file's
time, and its answer a line written to a file, for which the server waits: as in Kea, this is for small networks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any, Final, TextIO

import attrs

from dhcpkit.alloc.points import Subnet4Select
from dhcpkit.alloc.points6 import Subnet6Select
from dhcpkit.config.param import Document, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.answers import Answer4, Answer6
from dhcpkit.hooks.catalogue import Both
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import Pkt4Receive, Pkt4Send, Pkt6Receive, Pkt6Send
from dhcpkit.wire.dhcp4 import MessageType
from dhcpkit.wire.nested6 import Options6, options_octets6

__all__ = ["Registry", "RegistryError", "User", "UserChk", "UserChkParameters", "UserError", "user_of"]

_log = Both("user_chk")

USER_CHK_OUTCOME_ERROR = _log.error(
    "USER_CHK_OUTCOME_ERROR", "what users got cannot be written to {file}: {reason}",
    "The outcome file cannot be written. Clients are served nevertheless; it is told once, until one can be written.",
)  # fmt: skip
USER_CHK_REGISTRY_ERROR = _log.error(
    "USER_CHK_REGISTRY_ERROR", "the registry of users is kept as it was: {reason}",
    "The file of users has changed and cannot be read, or a line of it is no user. It is told once for each change.",
)  # fmt: skip
USER_CHK_REGISTRY_READ = _log.info(
    "USER_CHK_REGISTRY_READ", "{count} users are registered", "The file of users was read."
)

HW_ADDR, DUID = "HW_ADDR", "DUID"
TYPES: Final = {HW_ADDR: (1, 20), DUID: (1, 130)}  # octets that an identifier of a type may have
NOBODY: Final = bytes(4)  # the identifier of the user whose properties are everybody's who has none (Kea)
USER: Final = "user_chk"  # in the context of an exchange
NAK: Final = MessageType.NAK.value
CLIENT_ID, IA_NA, IAADDR, STATUS, VENDOR_OPTIONS, IA_PD, IAPREFIX = 1, 3, 5, 13, 17, 25, 26
TFTP_NAME, BOOT_FILE = 66, 67
TFTP_SERVERS, CONFIG_FILE = 32, 33  # of CableLabs in DHCPv6
ENTERPRISE_SIZE, IA_SIZE = 4, 12  # octets before the options inside


class UserError(ValueError):
    """A line is no user."""


class RegistryError(DhcpkitError):
    """A registry of users cannot be read: the operator is at fault."""


@document("parameters")
class UserChkParameters(Document):
    """Where the files are. Kea knows one place for each."""

    registry_file: str = param(default="/usr/local/share/kea/user_chk_registry.txt", doc="Who is registered.")
    outcome_file: str = param(default="/usr/local/share/kea/user_chk_outcome.txt", doc="What users got.")


@attrs.frozen
class User:
    """A registered user: what else its line says (`bootfile`, `tftp_server`)."""

    properties: Mapping[str, str]


class Registry:
    """The users of a file, by type and identifier."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._version: tuple[int, ...] | None = None
        self._users: dict[tuple[str, bytes], User] = {}

    def __len__(self) -> int:
        return len(self._users)

    def find(self, kind: str, identifier: bytes) -> User | None:
        """The user of an identifier; None for nobody who is registered."""
        return self._users.get((kind, identifier))

    def refresh(self) -> bool:
        """Reads the file if it has changed; whether it did. Raises RegistryError, once for each change."""
        try:
            found = os.stat(self._path)  # noqa: PTH116  # for every message
            version = found.st_mtime_ns, found.st_ino, found.st_size
        except OSError as error:
            if self._version == ():
                return False
            self._version = ()
            raise RegistryError(f"{self._path}: {error.strerror}") from error
        if version == self._version:
            return False
        self._version = version
        try:
            text = Path(self._path).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise RegistryError(f"{self._path}: {error}") from error
        users: dict[tuple[str, bytes], User] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    key, user = user_of(line)
                except UserError as error:
                    raise RegistryError(f"{self._path}:{number}: {error}") from error
                if key in users:
                    raise RegistryError(f"{self._path}:{number}: duplicate user: {key[0]}={key[1].hex()}")
                users[key] = user
        self._users = users
        return True


def user_of(line: str) -> tuple[tuple[str, bytes], User]:
    """The user that a line tells of: type and identifier, and the rest. UserError for none."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"malformed JSON: {error}") from error
    if not isinstance(told, dict):
        raise UserError("expected a map")
    for key, value in told.items():
        if not isinstance(value, str):
            raise UserError(f"non-string value for: {key}")
    kind = told.pop("type", "")
    if kind not in TYPES:
        raise UserError(f"invalid type: {kind!r}")
    try:
        identifier = bytes.fromhex(told.pop("id", "").replace(":", ""))
    except ValueError as error:
        raise UserError(f"no id: {error}") from error
    low, high = TYPES[kind]
    if not low <= len(identifier) <= high:
        raise UserError(f"an id of type {kind} has {low} to {high} octets, not {len(identifier)}")
    return (kind, identifier), User(told)


class UserChk(Library):
    """Tells registered users from others (Kea: `libdhcp_user_chk.so`)."""

    name = "user_chk"
    parameters = UserChkParameters
    paths = ("registry-file", "outcome-file")
    told: UserChkParameters

    async def load(self) -> None:
        """Reads the registry and opens the outcome file. Raises RegistryError, OSError."""
        self._registry = Registry(self.told.registry_file)
        self._registry.refresh()
        self._apart: Any = None
        self._fails = False
        self._outcome: TextIO = _appended(self.told.outcome_file)
        USER_CHK_REGISTRY_READ.of(self.operated.family).log(count=len(self._registry))

    async def configured(self) -> None:
        """Finds the subnet of those who are not registered: the last one, which to Kea has the greatest id."""
        self._apart = max(self.operated.network.subnets, key=lambda subnet: subnet.id, default=None)

    async def unload(self) -> None:
        """Closes the outcome file."""
        self._outcome.close()

    @on(Pkt4Receive)
    @on(Pkt6Receive)
    def recognize(self, point: Pkt4Receive | Pkt6Receive) -> None:
        """Looks the user up."""
        family = self.operated.family
        try:
            if self._registry.refresh():
                USER_CHK_REGISTRY_READ.of(family).log(count=len(self._registry))
        except RegistryError as error:
            USER_CHK_REGISTRY_ERROR.of(family).log(reason=error)
        query: Any = point.query
        identifier = query.chaddr if family == 4 else query.options.first.get(CLIENT_ID, b"")
        point.context[USER] = identifier, self._registry.find(HW_ADDR if family == 4 else DUID, identifier)

    @on(Subnet4Select)
    @on(Subnet6Select)
    def separate(self, point: Subnet4Select | Subnet6Select) -> None:
        """Puts those who are not registered into the subnet apart."""
        known = point.context.get(USER)
        if known is not None and known[1] is None and self._apart is not None:
            point.subnet = self._apart

    @on(Pkt4Send)
    def settle4(self, point: Pkt4Send) -> None:
        """Writes down what the user got, and gives it the user's options."""
        known = point.context.get(USER)
        if known is None:
            return
        answer = Answer4(point.data)
        if answer.type == NAK:
            return
        (identifier, user), packet = known, answer.packet
        address = IPv4Address(packet.yiaddr)
        self._write(HW_ADDR, f"hwtype={packet.htype} {identifier.hex(':')}", str(address), registered=user is not None)
        user = user if user is not None else self._registry.find(HW_ADDR, NOBODY)
        if user is None:
            return
        boot_file, tftp_server = (user.properties.get(key, "").encode() for key in ("bootfile", "tftp_server"))
        if boot_file:
            answer.put(BOOT_FILE, boot_file)
            packet.file = boot_file[:128]
        if tftp_server:
            answer.put(TFTP_NAME, tftp_server)
        if boot_file or tftp_server:
            point.data = answer.octets()

    @on(Pkt6Send)
    def settle6(self, point: Pkt6Send) -> None:
        """Writes down what the user got, and gives it the user's options, where there are vendor's options."""
        known = point.context.get(USER)
        if known is None:
            return
        answer = Answer6(point.data)
        got = _granted(answer)
        if not got:
            return
        identifier, user = known
        self._write(DUID, identifier.hex(":"), got, registered=user is not None)
        user = user if user is not None else self._registry.find(DUID, NOBODY)
        vendor = answer.payloads(VENDOR_OPTIONS)
        if user is None or not vendor:
            return
        told = {CONFIG_FILE: user.properties.get("bootfile"), TFTP_SERVERS: user.properties.get("tftp_server")}
        mine = {code: text.encode() for code, text in told.items() if text}
        if mine:
            kept = [item for item in Options6(vendor[0][ENTERPRISE_SIZE:]).items() if item[0] not in mine]
            options = sorted([*kept, *mine.items()], key=lambda item: item[0])
            answer.put(VENDOR_OPTIONS, vendor[0][:ENTERPRISE_SIZE] + options_octets6(options), *vendor[1:])
            point.data = answer.octets()

    def _write(self, kind: str, client: str, address: str, *, registered: bool) -> None:
        known = "yes" if registered else "no"
        try:
            self._outcome.write(f"id_type={kind}\nclient={client}\naddr={address}\nregistered={known}\n\n")
            self._outcome.flush()
        except (OSError, ValueError) as error:
            if not self._fails:
                told = USER_CHK_OUTCOME_ERROR.of(self.operated.family)
                told.log(file=self.told.outcome_file, reason=error)
            self._fails = True
        else:
            self._fails = False


def _appended(path: str) -> TextIO:
    return Path(path).open("a", encoding="utf-8")


def _granted(answer: Answer6) -> str:
    """The first address of an answer, or else its first prefix; empty where there is none."""
    for code, inner in ((IA_NA, IAADDR), (IA_PD, IAPREFIX)):
        payload = answer.get(code)
        if payload is None:
            continue
        options = Options6(payload[IA_SIZE:]).first
        granted = options.get(inner)
        if granted is None or options.get(STATUS, b"\0\0")[:2] != b"\0\0":
            return ""
        if code == IA_NA:
            return str(IPv6Address(granted[:16]))
        return f"{IPv6Address(granted[9:25])}/{granted[8]}"
    return ""
