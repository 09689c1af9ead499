"""Authentication of messages: option 90 (RFC 3118), DHCPv6's 11 (RFC 8415 21.11), a relay's sub-option 8 (RFC 4030).

The values, and the digests over whole messages that some of them carry: `signed4` and `signed6` put one into a message
that has room for it, `is_signed4` and `is_signed6` check it. All are pure functions of octets and a key. This module
does not know who has which key, nor which replay detection value a peer used last.
"""

from __future__ import annotations

import hmac
import struct
from typing import Final

import attrs

from dhcpkit.wire.kinds import BINARY, UINT8, UINT32, UINT64, Kind, composed, in_digits
from dhcpkit.wire.numbered import Numbered

__all__ = [
    "AUTHENTICATION",
    "DIGEST_SIZE",
    "RELAY_AUTHENTICATION",
    "Authentication",
    "AuthenticationProtocol",
    "RelayAuthentication",
    "client_key",
    "digest4",
    "digest6",
    "is_newer",
    "is_signed4",
    "is_signed6",
    "signed4",
    "signed6",
]

DIGEST_SIZE: Final = 16  # octets of HMAC-MD5, RFC 2104
HMAC_MD5: Final = 1  # the only algorithm of RFC 3118 5.2, RFC 6704 3.1 and RFC 8415 20.4
MONOTONIC: Final = 0  # the only replay detection method, RFC 3118 2: a counter that only grows
NONCE: Final = 1  # types of what stands in a reconfigure key's information, RFC 6704 3.1.2, RFC 8415 20.4.1
DIGEST: Final = 2
NO_DIGEST: Final = bytes(DIGEST_SIZE)  # what stands in a digest's place while it is computed
SECRET_ID_SIZE: Final = 4
FIXED_SIZE: Final = 11  # octets of an authentication option before its information

HOPS_AT: Final = 3  # offsets in a DHCPv4 message: what relays change and no digest covers, RFC 3118 5.3
GIADDR: Final = slice(24, 28)
OPTIONS4_AT: Final = 240
OPTIONS6_AT: Final = 4
PAD: Final = 0
END: Final = 255
RELAY_AGENT_OPTIONS: Final = 82
AUTHENTICATION4: Final = 90
AUTHENTICATION6: Final = 11
_unpack_head6: Final = struct.Struct(">HH").unpack_from


class AuthenticationProtocol(Numbered):
    """Field `protocol` (RFC 3118 2, RFC 6704 3.1.2, RFC 8415 20.4)."""

    CONFIGURATION_TOKEN = 0
    DELAYED = 1
    DELAYED6 = 2  # RFC 3315 21.4, which RFC 8415 has withdrawn
    RECONFIGURE_KEY = 3  # of DHCPv4: forcerenew nonce


@attrs.frozen
class Authentication:
    """The value of option 90, and of DHCPv6's option 11, which are alike.

    What is in `information` depends on the protocol; the properties read it, and are None where it is not there.
    """

    protocol: int
    algorithm: int = HMAC_MD5
    rdm: int = MONOTONIC
    replay_detection: int = 0
    information: bytes = b""

    @classmethod
    def token(cls, token: bytes) -> Authentication:
        """A configuration token (RFC 3118 4): a password in plain sight."""
        return cls(int(AuthenticationProtocol.CONFIGURATION_TOKEN), 0, MONOTONIC, 0, token)

    @classmethod
    def delayed(cls, replay_detection: int, secret_id: int | None = None) -> Authentication:
        """Delayed authentication (RFC 3118 5): a client's first request, or with `secret_id` room for a digest."""
        room = b"" if secret_id is None else secret_id.to_bytes(SECRET_ID_SIZE, "big") + NO_DIGEST
        return cls(int(AuthenticationProtocol.DELAYED), replay_detection=replay_detection, information=room)

    @classmethod
    def nonce(cls, replay_detection: int, key: bytes) -> Authentication:
        """The key that later reconfigure (or forcerenew) messages are signed with, of 16 octets."""
        if len(key) != DIGEST_SIZE:
            raise ValueError(f"a reconfigure key has {DIGEST_SIZE} octets, not {len(key)}")
        information = bytes((NONCE,)) + key
        return cls(int(AuthenticationProtocol.RECONFIGURE_KEY), HMAC_MD5, MONOTONIC, replay_detection, information)

    @classmethod
    def reconfigure(cls, replay_detection: int) -> Authentication:
        """Room for the digest of a reconfigure (or forcerenew) message."""
        information = bytes((DIGEST,)) + NO_DIGEST
        return cls(int(AuthenticationProtocol.RECONFIGURE_KEY), HMAC_MD5, MONOTONIC, replay_detection, information)

    @property
    def secret_id(self) -> int | None:
        """Which key signed the message, of delayed authentication (RFC 3118 5.2)."""
        found = self.information
        if self.protocol != AuthenticationProtocol.DELAYED or len(found) != SECRET_ID_SIZE + DIGEST_SIZE:
            return None
        return int.from_bytes(found[:SECRET_ID_SIZE], "big")

    @property
    def reconfigure_key(self) -> bytes | None:
        """The key a server gives to a client (RFC 6704 3.1.3, RFC 8415 20.4.2)."""
        return self.information[1:] if _holds(self.protocol, self.information, NONCE) else None

    @property
    def digest(self) -> bytes | None:
        """The digest of the message."""
        has = self.secret_id is not None or _holds(self.protocol, self.information, DIGEST)
        return self.information[-DIGEST_SIZE:] if has else None


@attrs.frozen
class RelayAuthentication:
    """A relay's sub-option 8 (RFC 4030 4). `rdm` is the octet whose four low bits name the replay detection method."""

    algorithm: int
    rdm: int
    replay_detection: int
    relay_identifier: int
    information: bytes = b""


# Kea: `binary`.
AUTHENTICATION: Final[Kind[Authentication]] = in_digits(
    composed(Authentication, protocol=UINT8, algorithm=UINT8, rdm=UINT8, replay_detection=UINT64, information=BINARY)
)
RELAY_AUTHENTICATION: Final[Kind[RelayAuthentication]] = in_digits(
    composed(
        RelayAuthentication,
        algorithm=UINT8,
        rdm=UINT8,
        replay_detection=UINT64,
        relay_identifier=UINT32,
        information=BINARY,
    )
)


def is_newer(replay_detection: int, last: int | None) -> bool:
    """Whether a counter was not used before (RFC 3118 2, method 0); `last` is the highest one seen, if any was."""
    return last is None or replay_detection > last


def client_key(master: bytes, client: bytes) -> bytes:
    """A client's key, made of a server's master key and the client's unique identifier (RFC 3118 appendix A)."""
    return hmac.digest(master, client, "md5")


def digest4(message: bytes, key: bytes) -> bytes:
    """The digest of a DHCPv4 message whose option 90 has room for one. ValueError where it has none."""
    return _digest4(message, _room(_digest_at4(message), 90), key)


def signed4(message: bytes, key: bytes) -> bytes:
    """A DHCPv4 message with its digest in the place that option 90 has for it. ValueError where it has none."""
    at = _room(_digest_at4(message), 90)
    return message[:at] + _digest4(message, at, key) + message[at + DIGEST_SIZE :]


def is_signed4(message: bytes, key: bytes) -> bool:
    """Whether option 90 of a DHCPv4 message holds the digest that this key makes. Never raises for what a peer sent."""
    at = _digest_at4(message)
    return at is not None and hmac.compare_digest(message[at : at + DIGEST_SIZE], _digest4(message, at, key))


def digest6(message: bytes, key: bytes) -> bytes:
    """The digest of a DHCPv6 message whose option 11 has room for one. ValueError where it has none."""
    return _digest6(message, _room(_digest_at6(message), 11), key)


def signed6(message: bytes, key: bytes) -> bytes:
    """A DHCPv6 message with its digest in the place that option 11 has for it. ValueError where it has none."""
    at = _room(_digest_at6(message), 11)
    return message[:at] + _digest6(message, at, key) + message[at + DIGEST_SIZE :]


def is_signed6(message: bytes, key: bytes) -> bool:
    """Whether option 11 of a DHCPv6 message holds the digest that this key makes. Never raises for what a peer sent."""
    at = _digest_at6(message)
    return at is not None and hmac.compare_digest(message[at : at + DIGEST_SIZE], _digest6(message, at, key))


def _room(at: int | None, code: int) -> int:
    """Where the digest is, which has to be somewhere."""
    if at is None:
        raise ValueError(f"no option {code} with room for a digest of HMAC-MD5")
    return at


def _holds(protocol: int, information: bytes, what: int) -> bool:
    return (
        protocol == AuthenticationProtocol.RECONFIGURE_KEY
        and len(information) == 1 + DIGEST_SIZE
        and information[0] == what
    )


def _digest4(message: bytes, at: int, key: bytes) -> bytes:
    # RFC 3118 5.3: hops and giaddr count as zero, and option 82, which relays add, as absent
    covered = bytearray(message[:at] + NO_DIGEST + message[at + DIGEST_SIZE :])
    covered[HOPS_AT] = 0
    covered[GIADDR] = bytes(4)
    for start, stop in reversed(_instances4(message, RELAY_AGENT_OPTIONS)):
        del covered[start:stop]
    return hmac.digest(key, bytes(covered), "md5")


def _digest6(message: bytes, at: int, key: bytes) -> bytes:
    return hmac.digest(key, message[:at] + NO_DIGEST + message[at + DIGEST_SIZE :], "md5")


def _digest_at4(message: bytes) -> int | None:
    """Where the digest stands in a message; None where it has no option 90, or one that does not hold a digest."""
    found = _instances4(message, AUTHENTICATION4)
    return _digest_at(message, found[0][0] + 2, found[0][1]) if len(found) == 1 else None


def _digest_at6(message: bytes) -> int | None:
    at, found = OPTIONS6_AT, []
    while at + 4 <= len(message):
        code, size = _unpack_head6(message, at)
        at += 4 + size
        if code == AUTHENTICATION6 and at <= len(message):
            found.append((at - size, at))
    # RFC 8415 24: at most one. Two of them contradict each other.
    return _digest_at(message, *found[0]) if len(found) == 1 else None


def _digest_at(message: bytes, start: int, stop: int) -> int | None:
    try:
        value = AUTHENTICATION.parse(message[start:stop])
    except ValueError:
        return None
    return stop - DIGEST_SIZE if value.algorithm == HMAC_MD5 and value.digest is not None else None


def _instances4(message: bytes, code: int) -> list[tuple[int, int]]:
    """Where the instances of an option begin and end, code and length included."""
    found, at, end = [], OPTIONS4_AT, len(message)
    while at + 1 < end and message[at] != END:
        if message[at] == PAD:
            at += 1
            continue
        start, at = at, at + 2 + message[at + 1]
        if message[start] == code and at <= end:
            found.append((start, at))
    return found
