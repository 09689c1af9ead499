"""What `dhcpkit`'s exit status says. Scripts and service files rely on it; the program under Kea's names has Kea's own.

This module does not know commands.
"""

from __future__ import annotations

import enum
import sys

__all__ = ["Status", "status_of"]


class Status(enum.IntEnum):
    """Exit statuses of `dhcpkit`: those of sysexits.h where it has one that fits."""

    OK = 0
    NEGATIVE = 1  # it ran, and the answer is no
    USAGE = 2  # the command line makes no sense
    UNREACHABLE = 69  # EX_UNAVAILABLE: a server or a store cannot be reached
    NO_PERMISSION = 77  # EX_NOPERM
    BAD_CONFIG = 78  # EX_CONFIG: a service file must not restart on it (RestartPreventExitStatus=78)
    INTERRUPTED = 130  # Ctrl-C: 128 and the number of the signal


def status_of(error: BaseException) -> Status:
    """The status that tells what went wrong. Looks only at modules that are loaded: a raised error's class is."""
    for module, name, status in (
        ("dhcpkit.config.errors", "ConfigError", Status.BAD_CONFIG),
        ("dhcpkit.backends.protocols", "StoreUnavailable", Status.UNREACHABLE),
        ("dhcpkit.api.client", "Unreachable", Status.UNREACHABLE),
        ("dhcpkit.api.client", "Denied", Status.NO_PERMISSION),
    ):
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return status
    if isinstance(error, PermissionError):
        return Status.NO_PERMISSION
    if isinstance(error, ConnectionError):
        return Status.UNREACHABLE
    return Status.NEGATIVE
