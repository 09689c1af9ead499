"""Commands over HTTP and HTTPS: who is let in, and that the configuration opens and closes the sockets."""

import asyncio
import base64
import http.client
import json
import socket
import ssl
import subprocess

import pytest

from dhcpkit.config import parse4
from dhcpkit.hooks.commands import Access, Answer, Commands, command
from dhcpkit.server.control import Control, sockets_of

SECRET = "lab-pw-7"


class Library:
    @command("version-get", Access.READ, since="1.2.0")
    def version_get(self):
        """Tells the version."""
        return Answer(text="3.0")

    @command("broken", Access.READ, since="0.1")
    def broken(self):
        """Fails."""
        raise ZeroDivisionError


def sockets(*control):
    return sockets_of(parse4(json.dumps({"Dhcp4": {"control-sockets": list(control)}})).doc)


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, name="version-get", *, tls=None, user=""):
    """Status and answer of one command."""
    make = http.client.HTTPConnection if tls is None else http.client.HTTPSConnection
    connection = make("127.0.0.1", port, timeout=20, **({} if tls is None else {"context": tls}))
    headers = {"Content-Type": "application/json"}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
    try:
        connection.request("POST", "/", json.dumps({"command": name}), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def serve(control, work):
    """Runs blocking work while sockets are open."""

    async def run():
        commands = Commands("dhcp4")
        commands.add(Library())
        made = Control(commands, 4)
        await made.listen(control)
        try:
            return await asyncio.to_thread(work)
        finally:
            await made.close()

    return asyncio.run(run())


def test_a_command_and_a_fault(port):
    control = sockets({"socket-type": "http", "socket-port": port})

    def work():
        assert ask(port) == (200, [{"result": 0, "text": "3.0"}])
        status, (answer,) = ask(port, "broken")
        assert (status, answer["result"]) == (200, 1)
        assert "internal error" in answer["text"]
        assert ask(port)[0] == 200

    serve(control, work)


def test_users_from_files_and_from_the_configuration(port, tmp_path):
    (tmp_path / "both").write_text(f"carol:{SECRET}\n")
    (tmp_path / "name").write_text("bob\n")
    (tmp_path / "word").write_text(f"{SECRET}2\n")
    clients = [
        {"user": "alice", "password": SECRET},
        {"user-file": "name", "password-file": "word"},
        {"password-file": "both"},
    ]
    users = {"type": "basic", "realm": "lab", "directory": str(tmp_path), "clients": clients}
    control = sockets({"socket-type": "http", "socket-port": port, "authentication": users})

    def work():
        for user in (f"alice:{SECRET}", f"bob:{SECRET}2", f"carol:{SECRET}"):
            assert ask(port, user=user)[0] == 200
        for user in ("", "alice:", f"bob:{SECRET}", "carol:x"):
            assert ask(port, user=user) == (401, {"result": 401, "text": "Unauthorized"})

    serve(control, work)


def test_headers_are_added_to_answers(port):
    header = {"name": "Strict-Transport-Security", "value": "max-age=1"}
    control = sockets(
        {"socket-type": "http", "socket-address": "127.0.0.1", "socket-port": port, "http-headers": [header]}
    )

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.getheader("Strict-Transport-Security") == "max-age=1"
        answer.read()
        connection.close()

    serve(control, work)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and a certificate of it for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=lab")
    openssl(
        *("req", "-x509", *key, "-keyout", "one.key", "-out", "one.pem", "-subj", "/CN=one"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-CA", "ca.pem", "-CAkey", "ca.key"),
    )
    return folder


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("required", [True, False])
def test_tls_wants_a_certificate_unless_told_otherwise(port, certificates, required):
    files = {"trust-anchor": "ca.pem", "cert-file": "one.pem", "key-file": "one.key"}
    paths = {key: str(certificates / name) for key, name in files.items()}
    control = sockets({"socket-type": "https", "socket-port": port, "cert-required": required, **paths})
    known = ssl.create_default_context(cafile=paths["trust-anchor"])
    known.load_cert_chain(paths["cert-file"], paths["key-file"])
    stranger = ssl.create_default_context(cafile=paths["trust-anchor"])

    def work():
        assert ask(port, tls=known)[0] == 200
        if required:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(port, tls=stranger)
        else:
            assert ask(port, tls=stranger)[0] == 200
        old = ssl.create_default_context(cafile=paths["trust-anchor"])
        old.load_cert_chain(paths["cert-file"], paths["key-file"])
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(port, tls=old)
        with pytest.raises((http.client.HTTPException, OSError)):
            ask(port)

    serve(control, work)


def test_what_cannot_be_opened_leaves_the_others_open(port, tmp_path):
    control = sockets(
        {"socket-type": "http", "socket-port": port},
        {"socket-type": "http", "socket-address": "192.0.2.1", "socket-port": port},
        {"socket-type": "unix", "socket-name": str(tmp_path / "no" / "folder")},
    )
    serve(control, lambda: ask(port))


def test_a_change_of_users_counts_at_once(port):
    async def run():
        commands = Commands("dhcp4")
        commands.add(Library())
        made = Control(commands, 4)
        plain = {"socket-type": "http", "socket-port": port}
        users = {"type": "basic", "clients": [{"user": "alice", "password": SECRET}]}
        await made.listen(sockets(plain))
        assert (await asyncio.to_thread(ask, port))[0] == 200
        await made.listen(sockets({**plain, "authentication": users}))
        assert (await asyncio.to_thread(ask, port))[0] == 401
        await made.listen(sockets(plain))
        assert (await asyncio.to_thread(ask, port))[0] == 200
        await made.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(ask, port)

    asyncio.run(run())
