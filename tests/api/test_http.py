"""The HTTP control socket: Kea's manners as they were recorded, and who is let in."""

import asyncio
import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.api.access import ADDRESSES_MAX, FAILURES_MAX, MINUTE, Admission, Basic
from dhcpkit.api.feed import Limits
from dhcpkit.api.http import HttpSocket
from dhcpkit.hooks.commands import Answer

DIFFERENT = {  # recorded cases that are answered otherwise, and why
    "command int": "Kea names the type of the whole instead of the part",
    "HTTP/1.1 without Host": "RFC 9112 3.2: such a request is answered with 400",
    "HTTP/2.0": "there is no such version of that form",
    "Connection: close": "the connection is closed, as the caller wants",
    "HTTP/1.0": "HTTP/1.1 is spoken, and the connection closed",
    "garbage": "HTTP/1.1 is spoken, and the connection closed",
    "chunked": "the same answer; the connection is closed, since nobody reads what follows",
}


async def asked(request, _caller):
    known = request.command == "version-get"
    return Answer(text="3.0") if known else Answer(2, f"'{request.command}' command not supported.")


async def exchange(sent, **settings):
    """What is answered to octets: status, headers, body; and whether the connection is open then."""
    server = HttpSocket("127.0.0.1", 0, asked, **settings)
    await server.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = json.loads(await reader.readexactly(int(headers["Content-Length"])))
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        try:
            is_open = bool(await reader.read(1))
        except ConnectionError:
            is_open = False
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return status, headers, body, is_open
    finally:
        await server.close()


def test_recorded_manners(shared):
    recorded = json.loads((shared / "kea/captures-3.0/framing-3.0.json").read_text())["http"]
    differs = set()
    for case in recorded:
        name, answer = case["case"], case["answer"]
        settings = {}
        if name.startswith("auth"):
            settings["basic"] = Basic({"admin": "lab-pw-7"}, lambda: 0.0, realm="lab")
            settings["headers"] = [("Strict-Transport-Security", "max-age=31536000")]
        status, headers, body, is_open = asyncio.run(exchange(answer["sent"].encode(), **settings))
        wanted = dict(line.split(": ", 1) for line in answer["headers"])
        for told in (wanted, headers):
            told.pop("Date"), told.pop("Content-Length"), told.pop("Connection", None)
        wanted_body = answer["body"]
        if isinstance(wanted_body, list) and wanted_body[0].get("text", "").startswith("3.0"):
            wanted_body = [{"result": 0, "text": "3.0"}]
        same = (status, headers, body, "open" if is_open else "closed") == (
            answer["status-line"], wanted, wanted_body, answer["connection"],
        )  # fmt: skip
        if not same:
            differs.add(name)
    assert differs == DIFFERENT.keys()


POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


def post(body):
    return POST % (len(body), body)


def test_requests_that_do_not_wait_are_answered_in_turn():
    async def run():
        server = HttpSocket("127.0.0.1", 0, asked)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(post(b'{"command": "version-get"}') + post(b'{"command": "other"}'))
        writer.write_eof()
        text = await reader.read()
        writer.close()
        await server.close()
        return text

    text = asyncio.run(run())
    assert text.count(b"HTTP/1.1 200 OK") == 2
    assert text.index(b'"3.0"') < text.index(b"'other' command")


def test_what_is_too_much_is_refused_and_what_is_too_slow_ends():
    status, _, body, is_open = asyncio.run(exchange(post(b"[" * 5000), limits=Limits(octets=1000)))
    assert (status, body["result"], is_open) == ("HTTP/1.1 413 Content Too Large", 413, False)
    status, _, _, _ = asyncio.run(exchange(post(b"[" * 500), limits=Limits(depth=10)))
    assert status == "HTTP/1.1 400 Bad Request"

    async def slow():
        server = HttpSocket("127.0.0.1", 0, asked, timeout=0.2, idle=0.2)
        await server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST / HTTP/1.1\r\nHost")
        ended = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await server.close()
        return ended

    assert asyncio.run(slow()) == b""


def told(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")), st.sampled_from("abcd"), st.sampled_from("xyzw")
)
def test_only_the_right_password_lets_in(passwords, user, password):
    basic = Basic(passwords, lambda: 0.0)
    right = passwords.get(user) == password
    assert basic.admit(told(user, password), "::1") == (
        (Admission.GRANTED, user) if right else (Admission.UNAUTHORIZED, "")
    )


@pytest.mark.parametrize("header", [None, "", "Basic", "Basic !!!", "Bearer x", "Basic Og==", "Basic " + "A" * 9000])
def test_what_proves_nothing_is_refused(header):
    assert Basic({"": "x", "a": ""}, lambda: 0.0).admit(header, "::1")[0] is Admission.UNAUTHORIZED


def test_whoever_guesses_must_wait_and_others_need_not():
    now = 0.0
    basic = Basic({"a": "x"}, lambda: now)
    for _ in range(FAILURES_MAX):
        assert basic.admit(told("a", "no"), "192.0.2.1")[0] is Admission.UNAUTHORIZED
    assert basic.admit(told("a", "x"), "192.0.2.1")[0] is Admission.TOO_MANY
    assert basic.admit(told("a", "x"), "192.0.2.2")[0] is Admission.GRANTED
    now = MINUTE + 1
    assert basic.admit(told("a", "x"), "192.0.2.1")[0] is Admission.GRANTED


def test_guessing_from_many_addresses_fills_no_memory():
    basic = Basic({"a": "x"}, lambda: 0.0)
    for number in range(ADDRESSES_MAX + 100):
        basic.admit(told("a", "no"), str(number))
    assert len(basic._failures) == ADDRESSES_MAX
