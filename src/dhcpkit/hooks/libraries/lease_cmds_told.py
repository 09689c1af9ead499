"""What the log hears of commands that change leases: Kea's messages, since operators' tools look for them.

A server tells of the leases of its own family; of the other one it has none. This module does not know commands.
"""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from dhcpkit.hooks.catalogue import Both, Twin
from dhcpkit.hooks.commands import Answer, Result

__all__ = ["ADD", "BULK_APPLY", "DELETE", "RESEND_DDNS", "UPDATE", "WIPE", "Telling"]

DATA: Final = 20  # Kea's debug level of what a command did
SAID_MAX: Final = 400  # characters of a command's arguments in a line of the log

_log = Both("lease-cmds-hooks")
_FAILED: Final = "The command made no sense, or leases are out of reach. No lease has changed."
_CONFLICT: Final = "What the command wants is against the leases or the configuration there are. No lease has changed."


@attrs.frozen(eq=False)
class Telling:
    """The messages of one command: that it was done, was in conflict with what is there, or failed."""

    done: Twin
    failed: Twin
    conflict: Twin | None = None

    def tell(self, family: int, said: Any, answer: Answer) -> None:
        """Tells what was answered to a command of the server's family. What was not found is no news."""
        result = answer.result
        if result is Result.SUCCESS:
            message = self.done.of(family)
        elif result is Result.CONFLICT and self.conflict is not None:
            message = self.conflict.of(family)
        elif result in {Result.ERROR, Result.CONFLICT}:
            message = self.failed.of(family)
        else:
            return
        if message.on:
            message.log(arguments=json.dumps(said)[:SAID_MAX], text=answer.text)


def _failed(name: str, command: str) -> Twin:
    template = f"lease#-{command} command failed (parameters: {{arguments}}, reason: {{text}})"
    return _log.error(f"LEASE_CMDS_{name}#_FAILED", template, _FAILED)


def _conflict(name: str, command: str) -> Twin:
    template = f"lease#-{command} command failed due to conflict (parameters: {{arguments}}, reason: {{text}})"
    return _log.warn(f"LEASE_CMDS_{name}#_CONFLICT", template, _CONFLICT)


ADD: Final = Telling(
    _log.debug("LEASE_CMDS_ADD#", DATA, "lease#-add command successful: {text}", "A lease was added by command."),
    _failed("ADD", "add"),
    _conflict("ADD", "add"),
)
UPDATE: Final = Telling(
    _log.debug("LEASE_CMDS_UPDATE#", DATA, "lease#-update command successful (parameters: {arguments})",
               "A lease was changed or added by command."),
    _failed("UPDATE", "update"),
    _conflict("UPDATE", "update"),
)  # fmt: skip
DELETE: Final = Telling(
    _log.debug("LEASE_CMDS_DEL#", DATA, "lease#-del command successful (parameters: {arguments})",
               "A lease was deleted by command."),
    _failed("DEL", "del"),
)  # fmt: skip
WIPE: Final = Telling(
    _log.info("LEASE_CMDS_WIPE#", "lease#-wipe command successful: {text}",
              "All leases of some subnets were deleted by command."),
    _failed("WIPE", "wipe"),
)  # fmt: skip
RESEND_DDNS: Final = Telling(
    _log.info("LEASE_CMDS_RESEND_DDNS#", "lease#-resend-ddns command successful: {text}",
              "DNS is told once more of a lease's name, by command."),
    _log.error("LEASE_CMDS_RESEND_DDNS#_FAILED", "lease#-resend-ddns command failed: {text}",
               "DNS is told nothing of the lease: there is none, it has no name, or DNS is told nothing at all."),
)  # fmt: skip
BULK_APPLY: Final = Telling(
    _log.debug("LEASE_CMDS_BULK_APPLY#", DATA, "lease#-bulk-apply command successful: {text}",
               "Leases were added, changed and deleted by command."),
    _failed("BULK_APPLY", "bulk-apply"),
)  # fmt: skip
