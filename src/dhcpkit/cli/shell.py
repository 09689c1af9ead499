"""`dhcpkit shell`, and the program `kea-shell`: one command for a server or an agent, or a prompt to give several.

Switches and the way arguments are read from standard input are kea-shell's. Under that name it prints what was answered
as it came, and its exit status says only whether anything was; `dhcpkit shell` shows answers to people and says with
its exit status whether the command was done.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dhcpkit.cli.status import Status
from dhcpkit.errors import DhcpkitError

if TYPE_CHECKING:
    from dhcpkit.api import Client
    from dhcpkit.hooks.commands import Answer

__all__ = ["BadArguments", "arguments_of", "kea_shell", "main", "place_of", "shell", "shown", "words_as_arguments"]


class BadArguments(DhcpkitError):
    """What should be arguments of a command is no JSON map."""


def _command_names(incomplete: str) -> list[str]:
    """The names of commands that begin so, for the shell's completion."""
    from dhcpkit.server.declared import declarations

    return [each.name for each in declarations() if each.name.startswith(incomplete)]


Host = Annotated[str, typer.Option(help="The host of the server or agent.")]
Port = Annotated[int, typer.Option(help="Its port.", min=1, max=65535)]
UrlPath = Annotated[str, typer.Option("--path", help="The path of the URL.")]
Ca = Annotated[str, typer.Option(help="A file or folder of certificate authorities; means HTTPS.")]
Cert = Annotated[str, typer.Option(help="A file with the client's certificate.")]
Key = Annotated[str, typer.Option(help="A file with the client's key.")]
Timeout = Annotated[float, typer.Option(help="Seconds until it gives up.", min=0)]
Service = Annotated[list[str] | None, typer.Option(help="A server behind an agent: dhcp4, dhcp6, d2. May be repeated.")]
User = Annotated[str, typer.Option("--auth-user", help="The user's name, for basic authentication.")]
Password = Annotated[str, typer.Option("--auth-password", help="The user's password.")]
PasswordFile = Annotated[
    str, typer.Option("--auth-password-file", help="A file whose first line is the password; counts more.")
]
UserFile = Annotated[str, typer.Option("--auth-user-file", help="A file whose first line is the user's name.")]
Version = Annotated[bool, typer.Option("-v", help="Print the version and exit.")]
LongVersion = Annotated[bool, typer.Option("-V", help="Print the long version and exit.")]


def shell(  # noqa: PLR0913, PLR0917  # a command's options
    command: Annotated[
        str, typer.Argument(help="The command; none for a prompt.", autocompletion=_command_names, metavar="COMMAND")
    ] = "",
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Its arguments as KEY=VALUE, or one JSON map.", metavar="ARGUMENTS")
    ] = None,
    socket: Annotated[str, typer.Option("--socket", "-s", help="The path of a unix control socket.")] = "",
    host: Host = "127.0.0.1",
    port: Port = 8000,
    path: UrlPath = "",
    ca: Ca = "",
    cert: Cert = "",
    key: Key = "",
    user: User = "",
    password: Password = "",
    user_file: UserFile = "",
    password_file: PasswordFile = "",
    timeout: Timeout = 10,
    service: Service = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print answers as JSON, as they came.")] = False,
) -> None:
    """Sends a command to a server's control socket or to an agent, and shows what is answered.

    Arguments are KEY=VALUE or a JSON map, or come from standard input as kea-shell takes them. Without a command, it
    asks for one after the other.
    """
    secrets = _first_line(user_file) or user, _first_line(password_file) or password
    client = _client(place_of(socket, host, port, path, ca), ca, cert, key, secrets, timeout)
    if not command and sys.stdin.isatty():
        from dhcpkit.cli.shell_prompt import Prompt

        Prompt(client, service or []).cmdloop()
        return
    given = words_as_arguments(arguments or [])
    if given is None and not sys.stdin.isatty():
        given = arguments_of(sys.stdin.read())
    from dhcpkit.api import Request, read_answers

    octets = client.octets(Request(command or "list-commands", given, tuple(filter(None, service or ()))))
    answers = read_answers(octets)
    print(octets.decode("utf-8", "replace") if as_json else shown(answers, service or []))
    if any(answer.result not in (0, 3) for answer in answers):
        raise typer.Exit(Status.NEGATIVE)


def kea_shell(  # noqa: PLR0913, PLR0917  # a command's options
    command: Annotated[str, typer.Argument(help="The command.", autocompletion=_command_names)] = "list-commands",
    host: Host = "127.0.0.1",
    port: Port = 8000,
    path: UrlPath = "",
    ca: Ca = "",
    cert: Cert = "",
    key: Key = "",
    user: User = "",
    password: Password = "",
    user_file: UserFile = "",
    password_file: PasswordFile = "",
    timeout: Timeout = 10,
    service: Service = None,
    version: Version = False,
    long_version: LongVersion = False,
) -> None:
    """Sends a command to a server or an agent over HTTP or HTTPS; its arguments come from standard input."""
    if version or long_version:
        from dhcpkit.server.main import VERSION

        print(VERSION)
        return
    if bool(cert) != bool(key):
        print("--cert and --key must be used together")
        raise typer.Exit(1)
    if cert and not ca:
        print("--cert and --key with HTTPS disabled (no --ca)")
        raise typer.Exit(1)
    from dhcpkit.api import Request

    try:
        secrets = _first_line(user_file) or user, _first_line(password_file) or password
        client = _client(place_of("", host, port, path, ca), ca, cert, key, secrets, timeout)
        given = arguments_of(sys.stdin.read())
        octets = client.octets(Request(command, given, tuple(filter(None, service or ()))))
    except (DhcpkitError, OSError) as error:
        print(f"Failed to run: {error}")
        raise typer.Exit(1) from None
    print(octets.decode("utf-8", "replace"))


def place_of(socket: str, host: str, port: int, path: str, ca: str) -> str:
    """Where to send commands to, as `Client` takes it."""
    if socket:
        return f"unix:{socket}"
    shown_host = f"[{host}]" if ":" in host else host
    return f"{'https' if ca else 'http'}://{shown_host}:{port}/{path.removeprefix('/')}"


def _client(  # noqa: PLR0913, PLR0917  # as the command
    place: str, ca: str, cert: str, key: str, secrets: tuple[str, str], timeout: float
) -> Client:
    from dhcpkit.api import Client

    try:
        return Client(place, ca=ca, cert=cert, key=key, user=secrets[0], password=secrets[1], timeout=timeout)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _first_line(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r") if path else ""


def arguments_of(text: str) -> Any:
    """Arguments as kea-shell takes them: the inside of a JSON map, or the map itself; None for nothing."""
    from dhcpkit.api import NotJson, parse_text

    inner = text.strip()
    if not inner:
        return None
    try:
        return parse_text((inner if inner[0] == "{" else f"{{{inner}\n}}").encode(), "<stdin>")
    except NotJson as error:
        raise BadArguments(f"arguments: {error}") from None


def words_as_arguments(words: Sequence[str]) -> dict[str, Any] | None:
    """Arguments of words KEY=VALUE, where a value that is JSON is taken as such; or of one word that is a map."""
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        found: dict[str, Any] = arguments_of(words[0])
        return found
    made: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{word} is neither KEY=VALUE nor a JSON map")
        try:
            made[key] = json.loads(value)
        except ValueError:
            made[key] = value
    return made or None


def shown(answers: Sequence[Answer], services: Sequence[str] = ()) -> str:
    """Answers for people: what became of the command, and what was told as indented JSON."""
    from dhcpkit.hooks.catalogue import safe
    from dhcpkit.hooks.commands import Result

    words = {Result.SUCCESS: "done", Result.EMPTY: "nothing found", Result.UNSUPPORTED: "not supported"}
    lines = []
    for number, answer in enumerate(answers):
        whose = f"{services[number]}: " if len(answers) > 1 and number < len(services) else ""
        if answer.text or whose or answer.result:
            lines.append(f"{whose}{words.get(answer.result, answer.result.name.lower())}. {answer.text}".rstrip())
        if answer.arguments is not None:
            lines += json.dumps(answer.arguments, indent=2, ensure_ascii=False).split("\n")
    return "\n".join(map(safe, lines or ["done."]))  # a client's name may hold what a terminal would obey


def main(arguments: Sequence[str] | None = None) -> None:
    """The program `kea-shell`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(context_settings={"help_option_names": ["-h", "--help"]})(kea_shell)
    words = list(sys.argv[1:] if arguments is None else arguments)
    app(words, prog_name="kea-shell")
