"""Digests over whole messages, against what openssl computes of the same octets, and what must not count in them."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.testing.strategies import packets4, packets6
from dhcpkit.wire import Authentication, AuthenticationProtocol, Packet4, Packet6
from dhcpkit.wire.auth import (
    client_key,
    digest4,
    digest6,
    is_newer,
    is_signed4,
    is_signed6,
    signed4,
    signed6,
)
from dhcpkit.wire.options4 import AUTHENTICATE, DHCP_AGENT_OPTIONS
from dhcpkit.wire.options6 import AUTH

KEY = bytes(range(16))
HEADER = bytes.fromhex(
    "020106000000000100000000" + "00000000" + "c0000207" + "c0000201" + "00000000" + "020000000001" + "00" * 202
    + "63825363"
)  # fmt: skip
DELAYED = HEADER + bytes.fromhex("350102" + "5a1f010100" + "0000000000000005" + "00000007" + "00" * 16 + "ff")
FORCERENEW = HEADER + bytes.fromhex("350109" + "5a1c030100" + "0000000000000006" + "02" + "00" * 16 + "ff")
RECONFIGURE = bytes.fromhex(
    "0a000000" + "0002000a00030001020000000001" + "0013000105"
    + "000b001c030100" + "0000000000000007" + "02" + "00" * 16
)  # fmt: skip

# HMAC-MD5 of these octets with that key, by `openssl dgst -md5 -mac HMAC -macopt hexkey:000102...`.
BY_OPENSSL = [
    (DELAYED, digest4, signed4, is_signed4, "f657a54ce2330801b9665cc5eedd5344"),
    (FORCERENEW, digest4, signed4, is_signed4, "42535504cfbd73ec1b5ccff00dfa6f43"),
    (RECONFIGURE, digest6, signed6, is_signed6, "4fc0b910c0b37f691dc57de43b1984c0"),
]


@pytest.mark.parametrize(("message", "digest", "signed", "is_signed", "expected"), BY_OPENSSL)
def test_digests_are_those_of_openssl(message, digest, signed, is_signed, expected):
    assert digest(message, KEY).hex() == expected
    done = signed(message, KEY)
    assert len(done) == len(message)
    assert bytes.fromhex(expected) in done
    assert is_signed(done, KEY)
    assert not is_signed(message, KEY)
    assert not is_signed(done, KEY + b"x")
    assert digest(done, KEY).hex() == expected  # what stood in its place counts for nothing


@pytest.mark.parametrize(("message", "digest", "signed", "is_signed", "expected"), BY_OPENSSL)
def test_every_other_octet_counts(message, digest, signed, is_signed, expected):
    done = signed(message, KEY)
    for at in range(len(message)):
        if digest is digest4 and (at == 3 or 24 <= at < 28):
            continue
        changed = bytearray(done)
        changed[at] ^= 1
        assert not is_signed(bytes(changed), KEY), at


def test_what_relays_change_does_not_count():
    """RFC 3118 5.3: hops, giaddr, and option 82 wherever it stands."""
    done = signed4(DELAYED, KEY)
    relayed = bytearray(done)
    relayed[3] = 4
    relayed[24:28] = b"\x0a\0\0\1"
    assert is_signed4(bytes(relayed), KEY)
    assert is_signed4(bytes(relayed[:-1]) + b"\x52\x03\x01\x01a\xff", KEY)
    assert is_signed4(bytes(relayed[:240]) + b"\x52\x03\x01\x01a" + bytes(relayed[240:]), KEY)
    assert not is_signed4(bytes(relayed[:-1]) + b"\x0c\x03\x01\x01a\xff", KEY)


def test_signing_a_message_with_option_82_keeps_it():
    packet = Packet4.parse(DELAYED)
    packet.options[DHCP_AGENT_OPTIONS.code] = b"\x01\x01a"
    done = signed4(bytes(packet), KEY)
    assert Packet4.parse(done).options[DHCP_AGENT_OPTIONS.code] == b"\x01\x01a"
    assert is_signed4(done, KEY)
    assert done[-(1 + 5 + 16) : -(1 + 5)].hex() == BY_OPENSSL[0][4]


def test_keys_of_clients():
    """RFC 2202 2, test case 1, which is what RFC 3118 appendix A does with a client's identifier."""
    assert client_key(b"\x0b" * 16, b"Hi There").hex() == "9294727a3638bb1c13f48ef8158bfc9d"
    assert client_key(KEY, b"id") == hmac.new(KEY, b"id", hashlib.md5).digest()


def test_counters():
    assert is_newer(1, None)
    assert is_newer(2, 1)
    assert not is_newer(1, 1)
    assert not is_newer(0, 1)


def test_values_tell_what_is_in_them():
    asked, answered = Authentication.delayed(5), Authentication.delayed(5, 7)
    assert (asked.secret_id, asked.digest, asked.information) == (None, None, b"")
    assert (answered.secret_id, answered.digest) == (7, bytes(16))
    key = Authentication.nonce(1, KEY)
    assert (key.reconfigure_key, key.digest, key.secret_id) == (KEY, None, None)
    room = Authentication.reconfigure(2)
    assert (room.reconfigure_key, room.digest) == (None, bytes(16))
    assert Authentication.token(b"secret").information == b"secret"
    assert {each.protocol for each in (asked, answered, key, room)} == {
        AuthenticationProtocol.DELAYED,
        AuthenticationProtocol.RECONFIGURE_KEY,
    }
    with pytest.raises(ValueError, match="16 octets"):
        Authentication.nonce(1, b"short")
    assert AUTHENTICATE.build(answered) == DELAYED[245:-1]
    assert AUTH.build(room)[-17:] == RECONFIGURE[-17:]


@pytest.mark.parametrize(
    "value",
    [
        Authentication.token(b"x" * 20),
        Authentication.delayed(1),
        Authentication.nonce(1, KEY),
        Authentication(3, 2, 0, 1, b"\2" + bytes(16)),  # another algorithm
        Authentication(1, 1, 0, 1, bytes(19)),
        None,
    ],
    ids=repr,
)
def test_messages_without_room_for_a_digest(value):
    options = {} if value is None else {AUTHENTICATE: value}
    four = bytes(Packet4(5, options, xid=1))
    six = bytes(Packet6(7, {} if value is None else {AUTH: value}))
    for message, digest, signed, is_signed in (
        (four, digest4, signed4, is_signed4),
        (six, digest6, signed6, is_signed6),
    ):
        assert not is_signed(message, KEY)
        for refuses in (digest, signed):
            with pytest.raises(ValueError, match="room for a digest"):
                refuses(message, KEY)


def test_two_digests_contradict_each_other():
    done = signed6(RECONFIGURE, KEY)
    assert not is_signed6(done + done[-32:], KEY)
    again = signed4(DELAYED, KEY)
    assert not is_signed4(again[:-1] + again[243:], KEY)
    with pytest.raises(ValueError, match="room for a digest"):
        signed6(RECONFIGURE + RECONFIGURE[-32:], KEY)
    with pytest.raises(ValueError, match="room for a digest"):
        signed4(DELAYED[:-1] + DELAYED[243:], KEY)


@given(st.binary(max_size=400), st.binary(max_size=20))
def test_any_octets_are_signed_or_not(message, key):
    assert not is_signed4(message, key)
    assert not is_signed6(message, key)


@given(packets4(), packets6(), st.integers(0, 2**64 - 1), st.binary(min_size=1, max_size=64))
def test_messages_are_signed(four, six, counter, key):
    four[AUTHENTICATE] = Authentication.delayed(counter, 1)
    done = signed4(bytes(four), key)
    assert is_signed4(done, key)
    assert Packet4.parse(done)[AUTHENTICATE].replay_detection == counter
    six.relays = ()
    six[AUTH] = Authentication.reconfigure(counter)
    octets = six.message()
    if octets[0] not in (12, 13):  # no digest is made of a relay's message
        assert is_signed6(signed6(octets, key), key)
