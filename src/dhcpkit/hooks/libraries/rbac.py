"""Roles: who may run which commands over HTTP, by address, user or certificate. Parameters are those of Kea's rbac.

What a command may do, look or change, is known from its declaration; files in `api-files` and `commands` say otherwise
where they do. Callers over unix sockets are not asked: there the file's owner and group decide.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import attrs

from dhcpkit.config.param import Document, Json, document, param
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks.catalogue import Both
from dhcpkit.hooks.commands import Access, Answer, Caller, Forbidden, Result
from dhcpkit.hooks.libraries.rbac_rules import Facts, Matches, Role, WrongRule, named_lists, read_list
from dhcpkit.hooks.library import Library
from dhcpkit.hooks.operated import Operated

__all__ = ["CommandDoc", "NamedRoleDoc", "Rbac", "RbacError", "RbacParameters", "RoleDoc"]

METHODS: Final = ("remote-address", "cert-subject", "cert-issuer", "basic-authentication")
OF_CERTIFICATES: Final = ("cert-subject", "cert-issuer")
FILE_MAX: Final = 1 << 20  # octets of a file that describes a command: Kea's have some thousands
VERDICTS: Final = ("accept", "reject")

_said = Both("rbac-hooks")
RBAC_API_FILES_NOT_READ: Final = _said.warn(
    "RBAC_API_FILES_NOT_READ",
    "no descriptions of commands are read from {path}: {reason}",
    "dhcpkit's own. `api-files` names a folder that is not there or cannot be read. The commands' own declarations "
    "count instead, which is as good unless somebody changed the files.",
)
RBAC_UNKNOWN_COMMANDS: Final = _said.warn(
    "RBAC_UNKNOWN_COMMANDS",
    "access lists name commands that this server does not have: {names}",
    "dhcpkit's own. Mostly a typing error, which leaves the command that was meant to what the other lists say.",
)


class RbacError(DhcpkitError):
    """The parameters of the library make no sense together."""


@document("commands")
class CommandDoc(Document):
    """A command, and what it may do."""

    name: str = param(doc="The command's name.")
    access: str = param(choices=("read", "write"), doc="Whether it looks or changes something.")
    hook: str = param(default="", doc="The library that has it, such as `lease_cmds`; empty for a server's own.")


@document("role")
class RoleDoc(Document):
    """What somebody in a role may do."""

    accept_commands: object = param(default=None, doc="The access list of what is allowed.")
    reject_commands: object = param(default=None, doc="The access list of what is not.")
    other_commands: str = param(default="reject", choices=VERDICTS, doc="What becomes of commands in neither list.")
    list_match_first: str = param(default="accept", choices=VERDICTS, doc="The list that counts for one in both.")
    response_filters: tuple[str, ...] = param(
        default=(), choices=("list-commands",), doc="`list-commands` shows only commands that are allowed."
    )


@document("roles")
class NamedRoleDoc(RoleDoc):
    """A role with a name."""

    name: str = param(doc="The role's name: an address, a user, or the common name in a certificate.")


NOBODY: Final = RoleDoc(reject_commands="ALL")


@document("parameters")
class RbacParameters(Document):
    """Who may run which commands."""

    assign_role_method: str = param(choices=METHODS, doc="What tells a caller's role.")
    api_files: str = param(default="", doc="A folder of Kea's descriptions of commands, `NAME.json`; none is needed.")
    require_tls: bool | None = param(
        default=None, doc="Whether callers without TLS are refused. By default, where roles are told by certificates."
    )
    commands: tuple[CommandDoc, ...] = param(default=(), doc="Commands that are otherwise than they are declared.")
    access_control_lists: tuple[Json, ...] = param(default=(), doc="Access lists by name, for use in roles.")
    roles: tuple[NamedRoleDoc, ...] = param(default=(), doc="The roles.")
    default_role: RoleDoc = param(default=NOBODY, doc="For callers that have no role: nothing proves who they are.")
    unknown_role: RoleDoc = param(default=NOBODY, doc="For callers in a role that is not in `roles`.")


class Rbac(Library):
    """Refuses commands that a caller's role does not have. HTTP answers 403 then, and nothing is run."""

    name = "rbac"
    parameters = RbacParameters
    servers = ("dhcp4", "dhcp6", "d2", "ca")

    def __init__(self, operated: Operated, parameters: RbacParameters) -> None:
        super().__init__(operated, parameters)
        self._method = parameters.assign_role_method
        wanted = parameters.require_tls
        self._require_tls = self._method in OF_CERTIFICATES if wanted is None else wanted
        self._named: set[str] = set()
        try:
            lists = named_lists(parameters.access_control_lists)
            self._default = self._role(parameters.default_role, lists)
            self._unknown = self._role(parameters.unknown_role, lists)
            self._roles = {role.name: self._role(role, lists) for role in parameters.roles}
        except WrongRule as error:
            raise RbacError(f"rbac: {error}") from None
        if len(self._roles) < len(parameters.roles):
            raise RbacError("rbac: two roles have the same name")
        self._named |= _names_in(parameters.access_control_lists)
        self._told = {each.name: Facts(each.name, Access(each.access), each.hook) for each in parameters.commands}

    def _role(self, doc: RoleDoc, lists: dict[str, Matches]) -> Role:
        made = Role(
            None if doc.accept_commands is None else read_list(doc.accept_commands, lists),
            None if doc.reject_commands is None else read_list(doc.reject_commands, lists),
            doc.other_commands == "accept",
            doc.list_match_first == "accept",
            frozenset(doc.response_filters),
        )
        self._named |= _names_in((doc.accept_commands, doc.reject_commands))
        return made

    async def load(self) -> None:
        """Reads the descriptions of commands in `api-files`, if there are any."""
        folder = self.told.api_files
        if not folder:
            return
        try:
            found = await asyncio.to_thread(_described_in, Path(folder))
        except OSError as error:
            RBAC_API_FILES_NOT_READ.of(self.operated.family).log(path=folder, reason=error.strerror)
        else:
            self._told = found | self._told

    async def configured(self) -> None:
        """Looks whether access lists name commands that there are."""
        unknown = sorted(name for name in self._named if self._facts(name).access is None)
        if unknown:
            RBAC_UNKNOWN_COMMANDS.of(self.operated.family).log(names=", ".join(unknown))

    def admit(self, name: str, caller: Caller) -> None:
        """Lets a command through. Raises Forbidden."""
        if caller.channel == "unix":
            return
        if self._require_tls and caller.channel != "https":
            raise Forbidden(401, "TLS is required")
        role, whose = self._role_of(caller)
        if not role.admits(self._facts(name)):
            raise Forbidden(403, f"not allowed to {whose}")

    def show(self, name: str, caller: Caller, answer: Answer) -> Answer:
        """The answer of list-commands without the commands that the caller may not run, where its role wants that."""
        if name != "list-commands" or caller.channel == "unix" or answer.result is not Result.SUCCESS:
            return answer
        role, _ = self._role_of(caller)
        if "list-commands" not in role.filters or not isinstance(answer.arguments, list):
            return answer
        allowed = [each for each in answer.arguments if role.admits(self._facts(str(each)))]
        return attrs.evolve(answer, arguments=allowed, pieces=None)

    def _role_of(self, caller: Caller) -> tuple[Role, str]:
        """A caller's role, and whose it is, for the log."""
        told = {
            "remote-address": caller.address,
            "cert-subject": caller.subject,
            "cert-issuer": caller.issuer,
            "basic-authentication": caller.user,
        }[self._method]
        if not told:
            return self._default, "the default role"
        found = self._roles.get(told)
        return (self._unknown, f"the unknown role {told}") if found is None else (found, f"the role {told}")

    def _facts(self, name: str) -> Facts:
        """What is known of a command."""
        told = self._told.get(name)
        if told is not None:
            return told
        found = self.operated.commands.get(name)
        if found is None:
            return Facts(name)
        owner = found.library if isinstance(found.library, type) else type(found.library)
        return Facts(name, found.declaration.access, str(getattr(owner, "name", "")))


def _names_in(spec: Any) -> set[str]:
    """The commands that access lists name."""
    if isinstance(spec, list | tuple):
        return {name for each in spec for name in _names_in(each)}
    if not isinstance(spec, dict):
        return set()
    names = [each for key in ("commands", "command") for each in spec.get(key, ())]
    return {name for name in names if isinstance(name, str)} | _names_in(
        [value for key, value in spec.items() if key not in ("commands", "command")]
    )


def _described_in(folder: Path) -> dict[str, Facts]:
    """The commands that files of a folder describe, by name. Raises OSError."""
    return {facts.name: facts for path in sorted(folder.iterdir()) for facts in _described(path)}


def _described(path: Path) -> list[Facts]:
    """The command that a file of Kea's describes; nothing where it is none. Raises OSError."""
    if path.suffix != ".json" or path.name.startswith("_"):
        return []
    with path.open("rb") as file:
        octets = file.read(FILE_MAX)
    try:
        value = json.loads(octets)
        return [Facts(str(value["name"]), Access(value["access"]), str(value.get("hook", "")))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
