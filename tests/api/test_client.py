"""The client of control sockets: the same answers over every channel and either way of waiting, and who is at fault."""

import asyncio
import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.api import Basic, Client, Denied, HttpSocket, NotAnAnswer, Place, UnixSocket, Unreachable
from dhcpkit.api.client import read_answers
from dhcpkit.hooks.commands import Answer, Forbidden, Result
from dhcpkit.testing.answering import answering
from dhcpkit.testing.documents import json_values

SECRET = "lab-pw-7"


async def echo(request, caller):
    if request.command == "forbidden":
        raise Forbidden(403, "no")
    told = {"arguments": request.arguments, "service": list(request.service), "channel": caller.channel}
    return Answer(
        text=request.command,
        arguments={**told, "user": caller.user, "subject": caller.subject, "issuer": caller.issuer},
    )


@contextmanager
def peer(octets, *, stays=False):
    """Somebody who listens on a port and says the same whatever comes."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        one, _ = listener.accept()
        with one:
            one.recv(65536)
            if octets:
                one.sendall(octets)
            if stays:
                done.wait(20)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        done.set()
        thread.join(20)
        listener.close()


def both_ways(client, *words, **more):
    """The answers, which are the same whichever way they are waited for."""
    first = client.ask(*words, **more)
    assert asyncio.run(client.ask_async(*words, **more)) == first
    return first


def fails(client, kind):
    """What either way of waiting raises."""
    with pytest.raises(kind) as one:
        client.ask("version-get")
    return one.value


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    unix = UnixSocket(folder / "control", echo)
    http = HttpSocket("127.0.0.1", 0, echo)
    with answering(unix, http):
        yield Client(str(folder / "control")), Client(f"http://127.0.0.1:{http.port}/")


@given(arguments=st.none() | st.dictionaries(st.text(max_size=5), json_values(), max_size=3))
@settings(max_examples=25)
def test_every_channel_and_way_brings_arguments_there_and_back(channels, arguments):
    for client, channel in zip(channels, ("unix", "http"), strict=True):
        (answer,) = both_ways(client, "echo", arguments, service=["dhcp4", "d2"])
        assert (answer.result, answer.text) == (Result.SUCCESS, "echo")
        assert answer.arguments["arguments"] == arguments
        assert answer.arguments["service"] == ["dhcp4", "d2"]
        assert answer.arguments["channel"] == channel


def test_a_large_answer_comes_whole(channels):
    for client in channels:
        (answer,) = both_ways(client, "echo", {"text": "ü" * 1_000_000})
        assert answer.arguments["arguments"] == {"text": "ü" * 1_000_000}


def test_an_answer_that_is_too_large_is_given_up(channels):
    for client in channels:
        small = Client(client.place, answer_max=1000)
        both_ways(small, "echo", {"text": "x"})
        with pytest.raises(Unreachable, match="more than 1000 octets"):
            small.ask("echo", {"text": "x" * 2000})


def test_users_prove_who_they_are():
    http = HttpSocket("127.0.0.1", 0, echo, basic=Basic({"admin": SECRET}, lambda: 0.0))
    with answering(http):
        place = f"http://127.0.0.1:{http.port}/"
        (answer,) = both_ways(Client(place, user="admin", password=SECRET), "version-get")
        assert answer.arguments["user"] == "admin"
        assert fails(Client(place), Denied).status == 401
        assert fails(Client(place, user="admin", password="x"), Denied).status == 401
        with pytest.raises(Denied) as refused:
            Client(place, user="admin", password=SECRET).ask("forbidden")
        assert refused.value.status == 403


@pytest.mark.needs("openssl")
def test_certificates_say_who_is_who(authority):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority / "server.pem", authority / "server.key")
    tls.load_verify_locations(authority / "ca.pem")
    tls.verify_mode = ssl.CERT_OPTIONAL
    https = HttpSocket("127.0.0.1", 0, echo, tls=tls)
    with answering(https):
        place = f"https://127.0.0.1:{https.port}/"
        ca, cert, key = (str(authority / name) for name in ("ca.pem", "client.pem", "client.key"))
        (answer,) = both_ways(Client(place, ca=ca, cert=cert, key=key), "version-get")
        assert [answer.arguments[key] for key in ("channel", "subject", "issuer")] == ["https", "lab-client", "lab"]
        (answer,) = both_ways(Client(place, ca=ca), "version-get")
        assert answer.arguments["subject"] == ""
        assert "certificate" in str(fails(Client(place), Unreachable))
        assert fails(Client(place.replace("https", "http")), Unreachable)


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"", Unreachable),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Unreachable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[{", Unreachable),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Denied),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html", NotAnAnswer),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"result":7}', NotAnAnswer),
    ],
)
def test_whoever_is_no_server_is_found_out(octets, kind):
    with peer(octets) as place:
        fails(Client(place), kind)


def test_waiting_ends():
    with peer(b"HTTP/1.1 200 OK\r\n", stays=True) as place:
        assert "no answer within 0.3 seconds" in str(fails(Client(place, timeout=0.3), Unreachable))
    with peer(b"", stays=True) as place, pytest.raises(Unreachable, match=r"no answer within 0\.3 seconds"):
        asyncio.run(Client(place, timeout=0.3).ask_async("version-get"))


def test_who_trickles_is_left_all_the_same():
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        one, _ = listener.accept()
        with one, suppress(OSError):
            one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not done.wait(0.02):
                one.sendall(b" ")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.3)
        assert "no answer within 0.3 seconds" in str(fails(client, Unreachable))
    finally:
        done.set()
        thread.join(20)
        listener.close()


def test_an_answer_on_its_way_is_given_though_the_socket_closes():
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request, _caller):
        begun.set()
        await go_on.wait()
        return Answer(text="late")

    async def run():
        http = HttpSocket("127.0.0.1", 0, slow)
        await http.start()
        asked = asyncio.create_task(Client(f"http://127.0.0.1:{http.port}/").ask_async("version-get"))
        idle = await asyncio.open_connection("127.0.0.1", http.port)
        await begun.wait()
        closing = asyncio.create_task(http.close())
        await asyncio.sleep(0)
        go_on.set()
        (answer,) = await asked
        await closing
        assert await idle[0].read() == b"", "who has not asked anything is not waited for"
        idle[1].close()
        return answer.text

    assert asyncio.run(run()) == "late"


def test_a_socket_without_a_folder_lies_in_kea_s(monkeypatch, tmp_path):
    monkeypatch.setenv("KEA_CONTROL_SOCKET_DIR", str(tmp_path))
    with answering(UnixSocket("control", echo)):
        assert Client(str(tmp_path / "control")).ask("echo")[0].text == "echo"
    monkeypatch.delenv("KEA_CONTROL_SOCKET_DIR")
    assert UnixSocket("control", echo).path == Path("/run/kea/control")


def test_nobody_there(tmp_path):
    assert fails(Client(str(tmp_path / "none")), Unreachable).reason == "No such file or directory"
    with pytest.raises(Unreachable):
        asyncio.run(Client("http://127.0.0.1:1/").ask_async("version-get"))


@given(st.binary(max_size=200) | json_values().map(lambda value: json.dumps(value).encode()))
def test_no_answer_is_more_than_refused(octets):
    try:
        answers = read_answers(octets)
    except NotAnAnswer:
        return
    assert all(isinstance(answer, Answer) for answer in answers)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/run/kea/a", Place(unix="/run/kea/a")),
        ("unix:a", Place(unix="a")),
        ("http://h", Place(scheme="http", host="h", port=8000)),
        ("https://[::1]:8443/x?y=1", Place(scheme="https", host="::1", port=8443, path="/x?y=1")),
    ],
)
def test_places(text, place):
    assert Place.parse(text) == place
    assert Place.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", "unix:", "http://", "http://h:x/"])
def test_no_places(text):
    with pytest.raises(ValueError, match=r"expected|names no host|Port"):
        Place.parse(text)


@pytest.mark.needs("openssl")
def test_who_does_not_finish_shaking_hands_is_left(authority):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority / "server.pem", authority / "server.key")
    https = HttpSocket("127.0.0.1", 0, echo, tls=tls, timeout=0.2)
    with answering(https), socket.create_connection(("127.0.0.1", https.port)) as silent:
        silent.settimeout(20)
        assert silent.recv(1) == b""
