"""Who may send commands over HTTP: basic authentication, and a pause for those who guess.

Passwords are compared in the same time whatever they are. Time is a function that is passed in. This module does not
know sockets or configurations.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["Admission", "Basic"]

FAILURES_MAX: Final = 5  # wrong tries of one address within a minute, after which it is not listened to
MINUTE: Final = 60.0  # seconds
ADDRESSES_MAX: Final = 4096  # that are remembered: an attacker has more addresses than we have memory
NOBODY: Final = b"\0" * 32


class Admission(enum.Enum):
    """What becomes of a request."""

    GRANTED = 200
    UNAUTHORIZED = 401
    TOO_MANY = 429


class Basic:
    """Basic authentication (RFC 7617): users with their passwords."""

    def __init__(self, passwords: Mapping[str, str], clock: Callable[[], float], *, realm: str = "") -> None:
        self.realm = realm
        self._clock = clock
        self._secrets = {user: _digest(user, password) for user, password in passwords.items()}
        self._failures: dict[str, list[float]] = {}

    def admit(self, authorization: str | None, address: str) -> tuple[Admission, str]:
        """What becomes of a request with this header from this address, and the user it is of."""
        now = self._clock()
        failures = [each for each in self._failures.get(address, ()) if each > now - MINUTE]
        if len(failures) >= FAILURES_MAX:
            return Admission.TOO_MANY, ""
        user, digest = _told(authorization)
        if hmac.compare_digest(self._secrets.get(user, NOBODY), digest) and user in self._secrets:
            self._failures.pop(address, None)
            return Admission.GRANTED, user
        if authorization is not None:
            self._failures.pop(address, None)
            if len(self._failures) >= ADDRESSES_MAX:
                del self._failures[next(iter(self._failures))]
            self._failures[address] = [*failures, now]
        return Admission.UNAUTHORIZED, ""


def _digest(user: str, password: str) -> bytes:
    return hashlib.sha256(f"{user}:{password}".encode("utf-8", "surrogateescape")).digest()


def _told(authorization: str | None) -> tuple[str, bytes]:
    """The user that a header names, and the digest of what it proves it with."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return "", NOBODY
    try:
        octets = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return "", NOBODY
    return octets.partition(b":")[0].decode("utf-8", "surrogateescape"), hashlib.sha256(octets).digest()
