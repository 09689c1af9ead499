"""What a DHCPv6 server calls itself: its DUID, made as the configuration asks and kept in Kea's file.

What the configuration leaves open comes from the file, so that the name outlives a change of hardware, or else from an
interface, the clock or chance (RFC 8415 11). This module does not know sockets or messages.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from dhcpkit.config.dhcp6 import ServerIdDoc
from dhcpkit.errors import DhcpkitError
from dhcpkit.server.interfaces import Interface
from dhcpkit.wire.duid import Duid, DuidType

__all__ = ["FILE_NAME", "ServerIdError", "read_server_id", "server_id_of", "write_server_id"]

FILE_NAME: Final = "kea-dhcp6-serverid"
ETHERNET: Final = 1  # hardware type (RFC 826's registry)
MAC_MIN: Final = 6  # octets; shorter ones are no hardware's own
EPOCH: Final = 946_684_800  # seconds until 2000-01-01, from which RFC 8415 11.2 counts
ISC: Final = 2495  # Kea's enterprise number: files of either server read the same
IDENTIFIER_SIZE: Final = 6  # octets of chance in a DUID-EN, as Kea makes it
FILE_MODE: Final = 0o644
FILE_MAX: Final = 4096  # octets that are read; a DUID has 130 at most


class ServerIdError(DhcpkitError):
    """The DUID that is configured cannot be made."""


def server_id_of(
    config: ServerIdDoc,
    before: Duid | None,
    interfaces: Iterable[Interface],
    *,
    now: Callable[[], float] = time.time,
    chance: Callable[[int], bytes] = secrets.token_bytes,
) -> Duid:
    """The DUID a configuration describes; `before` is what it was until now. Raises ServerIdError."""
    try:
        identifier = bytes.fromhex(config.identifier.replace(":", ""))
    except ValueError:
        raise ServerIdError(
            f"identifier specified in the DUID configuration '{config.identifier}' "
            "is not a valid string of hexadecimal digits"
        ) from None
    kind = DuidType[config.type]
    earlier = before if before is not None and before.type == kind else None
    try:
        if kind is DuidType.EN:
            return _of_enterprise(config, identifier, earlier, chance)
        hwtype, address = _hardware(config, identifier, earlier, interfaces)
        if kind is DuidType.LL:
            return Duid.of_link_layer(address, hwtype)
        moment = config.time or (earlier.time if earlier is not None else None) or int(now() - EPOCH)
        return Duid.of_link_layer(address, hwtype, moment & 0xFFFFFFFF)
    except ValueError as error:  # too long
        raise ServerIdError(f"server-id: {error}") from None


def _of_enterprise(
    config: ServerIdDoc, identifier: bytes, earlier: Duid | None, chance: Callable[[int], bytes]
) -> Duid:
    """RFC 8415 11.3."""
    kept = earlier.octets[6:] if earlier is not None else b""
    enterprise = config.enterprise_id or (earlier.enterprise if earlier is not None else None) or ISC
    data = identifier or kept or chance(IDENTIFIER_SIZE)
    return Duid(DuidType.EN.to_bytes(2, "big") + enterprise.to_bytes(4, "big") + data)


def _hardware(
    config: ServerIdDoc, identifier: bytes, earlier: Duid | None, interfaces: Iterable[Interface]
) -> tuple[int, bytes]:
    """The hardware type and address."""
    kept_type = earlier.hwtype if earlier is not None else None
    if identifier:
        return config.htype or kept_type or ETHERNET, identifier
    kept = earlier.link_layer if earlier is not None else None
    if kept:
        return kept_type or ETHERNET, kept
    fit = [i for i in interfaces if len(i.mac) >= MAC_MIN and any(i.mac) and not i.loopback]
    # Deviation: an interface that is down will do where there is no other; Kea does not start then.
    fit = [i for i in fit if i.up] or fit
    if not fit:
        raise ServerIdError(
            f"unable to find suitable interface for generating a DUID-{config.type}: server-id can name an identifier"
        )
    chosen = next((interface for interface in fit if interface.ethernet), fit[-1])
    return chosen.hwtype, chosen.mac


def read_server_id(path: Path) -> Duid | None:
    """What is kept in the file; None where there is none, or nothing that makes sense (Kea makes a new one then)."""
    with suppress(OSError, ValueError):
        with path.open("rb") as file:
            text = file.read(FILE_MAX).decode("ascii")
        return Duid(bytes(int(octet, 16) for octet in "".join(text.split()).split(":")))
    return None


def write_server_id(path: Path, duid: Duid) -> None:
    """Keeps it, in Kea's form. Raises OSError, and leaves what was there."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            os.write(fd, str(duid).encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
