"""`dhcpkit shell` and `kea-shell`: switches, arguments from words and standard input, output, and exit status."""

import io
import json
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.api import Basic, Client, HttpSocket, UnixSocket
from dhcpkit.cli import main
from dhcpkit.cli.shell import BadArguments, arguments_of, shown, words_as_arguments
from dhcpkit.cli.shell import main as kea_shell
from dhcpkit.cli.shell_prompt import Prompt
from dhcpkit.hooks.commands import Answer, Result
from dhcpkit.testing.answering import answering
from dhcpkit.testing.documents import json_values

RECORDED = [  # what kea-shell of Kea 3.0.4 sends for a command line and a standard input
    json.loads(line)
    for line in (Path(__file__).parent.parent / "vectors" / "kea-shell-3.0.jsonl").read_text().splitlines()
]


async def answer(request, caller):
    if request.command == "list-commands":
        return Answer(arguments=["echo", "list-commands"])
    if request.command != "echo":
        return Answer(Result.UNSUPPORTED, f"'{request.command}' command not supported.")
    told = {"arguments": request.arguments, "service": list(request.service), "user": caller.user}
    return Answer(text="as it came", arguments=told)


@pytest.fixture(scope="module")
def sockets(tmp_path_factory):
    """The path of a unix socket, and the port of an HTTP one with a user."""
    path = tmp_path_factory.mktemp("shell") / "control"
    http = HttpSocket("127.0.0.1", 0, answer, basic=Basic({"admin": "lab-pw-7"}, lambda: 0.0))
    with answering(UnixSocket(path, answer), http):
        yield str(path), http.port


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs one of the programs in this process; status and what it printed."""

    def go(program, *words, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as stopped:
            program(list(words))
        return stopped.value.code or 0, capsys.readouterr().out

    return go


def test_arguments_are_words_a_map_or_what_kea_shell_takes(run, sockets):
    path, _ = sockets
    wanted = {"ip-address": "192.0.2.1", "subnet-id": 4}
    for words, stdin in (
        (["ip-address=192.0.2.1", "subnet-id=4"], ""),
        ([json.dumps(wanted)], ""),
        ([], '"ip-address": "192.0.2.1", # comment\n"subnet-id": 4\n'),
        ([], json.dumps(wanted)),
    ):
        status, out = run(main, "shell", "-s", path, "--json", "echo", *words, stdin=stdin)
        assert (status, json.loads(out)["arguments"]["arguments"]) == (0, wanted)


def test_what_people_see_and_the_exit_status(run, sockets):
    path, port = sockets
    status, out = run(main, "shell", "-s", path, "echo", "x=1")
    assert status == 0
    assert out.startswith('done. as it came\n{\n  "arguments": {\n    "x": 1\n')
    assert run(main, "shell", "-s", path, "no-such") == (1, "not supported. 'no-such' command not supported.\n")
    assert run(main, "shell", "-s", path)[1] == '[\n  "echo",\n  "list-commands"\n]\n'
    assert run(main, "shell", "-s", f"{path}-none", "echo")[0] == 69
    assert run(main, "shell", "--port", str(port), "echo")[0] == 77
    assert run(main, "shell", "-s", path, "echo", "nonsense")[0] == 2


def test_kea_shell_prints_what_came(run, sockets, tmp_path):
    _, port = sockets
    secret = tmp_path / "secret"
    secret.write_text("lab-pw-7\n")
    for words in (["--auth-password", "lab-pw-7"], ["--auth-password-file", str(secret), "--auth-password", "x"]):
        line = ["--port", str(port), "--auth-user", "admin", *words, "--service", "dhcp4", "--service", "d2", "echo"]
        status, out = run(kea_shell, *line, stdin='"a": 1')
        (answer,) = json.loads(out)
        told = {"arguments": {"a": 1}, "service": ["dhcp4", "d2"], "user": "admin"}
        assert (status, answer) == (0, {"result": 0, "text": "as it came", "arguments": told})
    status, out = run(kea_shell, "--port", str(port), "--auth-user", "admin", "--auth-password", "lab-pw-7", "no-such")
    assert (status, json.loads(out)[0]["result"]) == (0, 2), "as Kea's, it tells only whether anything was answered"
    assert run(kea_shell, "--port", str(port), "echo") == (1, "Failed to run: 401 Unauthorized\n")
    assert run(kea_shell, "--port", "1", "echo") == (1, "Failed to run: Connection refused\n")
    assert run(kea_shell, "--cert", "x") == (1, "--cert and --key must be used together\n")
    assert run(kea_shell, "--cert", "x", "--key", "y") == (1, "--cert and --key with HTTPS disabled (no --ca)\n")
    assert run(kea_shell, "-v")[1].startswith("3.")


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: " ".join(case["words"]) or "none")
def test_what_keas_shell_sends_is_answered_and_sent_likewise(case, run):
    came = []

    async def look(request, _caller):
        came.append(request.as_json())
        return Answer(text="x")

    wanted = json.loads(case["sent"].partition("\r\n\r\n")[2])
    http = HttpSocket("127.0.0.1", 0, look)
    with answering(http):
        with socket.create_connection(("127.0.0.1", http.port)) as theirs:
            theirs.sendall(case["sent"].encode())
            octets = b""
            while more := theirs.recv(65536):  # kea-shell asks for the end of the connection
                octets += more
        assert octets.startswith(b"HTTP/1.1 200 OK\r\n")
        status, out = run(kea_shell, "--port", str(http.port), *case["words"], stdin=case["stdin"])
    assert came == [wanted, wanted]
    assert (status, json.loads(out)) == (case["exit"], json.loads(case["printed"]))


def test_the_prompt(sockets, capsys):
    prompt = Prompt(Client(sockets[0]))
    assert prompt.completenames("li") == ["list-commands"]
    for line in ("echo x=1", 'echo {"y": 2}', "no-such", "echo nonsense", "echo 'x", "echo {", ""):
        assert not prompt.onecmd(line)
    out = capsys.readouterr().out
    assert '"x": 1' in out
    assert '"y": 2' in out
    assert "not supported" in out
    assert "nonsense is neither KEY=VALUE nor a JSON map" in out
    assert prompt.onecmd("quit")
    assert Prompt(Client("/nowhere")).completenames("") == ["quit"]


@given(st.dictionaries(st.text(max_size=5), json_values(), max_size=3))
def test_a_map_means_the_same_with_and_without_its_braces(value):
    text = json.dumps(value)
    assert arguments_of(text) == value
    assert arguments_of(text[1:-1]) == (value or None)


def test_what_is_no_map_is_said_so():
    with pytest.raises(BadArguments, match="<stdin>"):
        arguments_of('"a": ')


@given(st.dictionaries(st.text(min_size=1).filter(lambda key: "=" not in key), json_values(), max_size=4))
def test_words_say_what_json_says(values):
    words = [f"{key}={json.dumps(value)}" for key, value in values.items()]
    if len(words) != 1 or not words[0].lstrip().startswith("{"):
        assert words_as_arguments(words) == (values or None)


@given(st.lists(st.builds(Answer, st.sampled_from(Result), st.text(), st.none() | json_values()), max_size=2))
def test_nothing_that_is_shown_moves_the_cursor(answers):
    text = shown(answers, ["dhcp4", "d2"])
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text.replace("\n", ""))
