"""Commands: one declaration gives name, servers, arguments, access, results, reference page, schema and fuzzing.

`@command(...)` marks a method of a library (or of the server itself) as a command; `Commands` finds them, checks what
a caller sends against the declared arguments, and runs them. Names, arguments and results are Kea's. This module does
not know channels, callers' rights or what any command does.
"""

from __future__ import annotations

import asyncio
import enum
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

import attrs

from dhcpkit.config import codes
from dhcpkit.config.errors import Problem
from dhcpkit.config.param import Document, read
from dhcpkit.config.report import Report
from dhcpkit.errors import DhcpkitError

__all__ = [
    "BOTH",
    "DHCP4",
    "DHCP6",
    "Access",
    "Answer",
    "Caller",
    "Command",
    "CommandClash",
    "Commands",
    "Declaration",
    "Forbidden",
    "Guard",
    "Handler",
    "Refused",
    "Result",
    "command",
    "declared_commands",
    "read_arguments",
]

DHCP4: Final = "dhcp4"
DHCP6: Final = "dhcp6"
BOTH: Final = frozenset((DHCP4, DHCP6))
A = TypeVar("A", bound=Document)


class Access(enum.Enum):
    """What a caller needs to be allowed: to look, or to change something."""

    READ = "read"
    WRITE = "write"


class Result(enum.IntEnum):
    """What became of a command (Kea's result codes)."""

    SUCCESS = 0
    ERROR = 1
    UNSUPPORTED = 2
    EMPTY = 3  # done, and nothing was found or changed
    CONFLICT = 4  # well-formed, but against the present state
    FATAL = 5  # the configuration is in force in part only


@attrs.frozen
class Answer:
    """What a command says: a result, a text for people, and `arguments` for programs (None: left out).

    `pieces` makes the JSON text of the whole answer while it is sent, where that is too large to be made in one go: it
    says result, text and arguments then, once, in pieces of some ten thousand characters between which others have
    their turn. `whole` puts such an answer together.
    """

    result: Result = Result.SUCCESS
    text: str = ""
    arguments: Any = None
    pieces: Callable[[], AsyncIterator[str]] | None = None

    async def whole(self) -> Answer:
        """The answer with everything that it says. Raises what making it raises."""
        if self.pieces is None:
            return self
        said = json.loads("".join([piece async for piece in self.pieces()]))
        return Answer(Result(said["result"]), said.get("text", ""), said.get("arguments"))

    def as_json(self) -> dict[str, Any]:
        """The map that is sent. Kea leaves out what is empty."""
        made: dict[str, Any] = {"result": int(self.result)}
        if self.text:
            made["text"] = self.text
        if self.arguments is not None:
            made["arguments"] = self.arguments
        return made


class Refused(DhcpkitError):
    """A command cannot be done as asked: the caller, or what it asks about, is at fault. It becomes the answer."""

    def __init__(self, text: str, result: Result = Result.ERROR, arguments: Any = None) -> None:
        super().__init__(text)
        self.answer = Answer(result, text, arguments)


@attrs.frozen
class Caller:
    """Who sends a command: the channel it came by, the peer's address, and who it proved to be.

    `user` is of basic authentication; `subject` and `issuer` are the common names of a certificate that was verified.
    """

    channel: str = ""
    address: str = ""
    user: str = ""
    subject: str = ""
    issuer: str = ""


class Forbidden(DhcpkitError):
    """A caller may not run a command. `status` is HTTP's: 401 where it should show who it is, 403 where it did."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@runtime_checkable
class Guard(Protocol):
    """A library that says who may run which commands. Where it fails itself, nobody may."""

    def admit(self, name: str, caller: Caller, /) -> None:
        """Lets a command through. Raises Forbidden."""
        ...

    def show(self, name: str, caller: Caller, answer: Answer, /) -> Answer:
        """What a caller is shown of an answer."""
        ...


class CommandClash(DhcpkitError):
    """Two libraries declare a command of one name: they cannot be loaded together."""


@attrs.frozen(eq=False)
class Declaration:
    """What `@command` says of a command.

    `arguments` is the document that its arguments are; None: it takes none. `strict`: arguments it does not know are
    refused, not passed over. `raw`: it gets the JSON value that was sent, None where none was, and checks it itself;
    the document is its description then.
    """

    name: str
    access: Access
    servers: frozenset[str]
    since: str
    arguments: type[Document] | None
    strict: bool
    results: tuple[Result, ...]
    doc: str
    raw: bool = False

    @property
    def summary(self) -> str:
        """The first sentence of its documentation."""
        return self.doc.partition("\n")[0]


Handler = Callable[..., "Answer | Awaitable[Answer]"]
H = TypeVar("H", bound=Handler)
_MARK: Final = "__dhcpkit_command__"
PLAIN_RESULTS: Final = (Result.SUCCESS, Result.ERROR)


def command(  # noqa: PLR0913  # one argument for each part of a declaration
    name: str,
    access: Access,
    *,
    since: str,
    arguments: type[Document] | None = None,
    strict: bool = False,
    servers: Iterable[str] = BOTH,
    results: Iterable[Result] = PLAIN_RESULTS,
    raw: bool = False,
) -> Callable[[H], H]:
    """Declares the decorated method as a command: `(self, arguments)` with arguments, else `(self)`.

    Commands whose arguments Kea takes in other forms than a map of typed values are `raw`: they get what was sent. It
    returns an Answer, or a coroutine that does, or raises Refused. `since` is Kea's version that brought it, or
    dhcpkit's where Kea has none. Its docstring is its page in the reference.
    """

    def declare(function: H) -> H:
        doc = inspect.getdoc(function)
        assert doc, f"{name}: a command says in its docstring what it does"
        made = Declaration(name, access, frozenset(servers), since, arguments, strict, tuple(results), doc, raw)
        setattr(function, _MARK, made)
        return function

    return declare


def declared_commands(of: object) -> Iterator[tuple[str, Declaration]]:
    """The commands that a library's class declares: attribute and declaration, in the order of their names."""
    cls = of if isinstance(of, type) else type(of)
    for attribute, function in sorted(inspect.getmembers(cls, callable)):
        found = getattr(function, _MARK, None)
        if found is not None:
            yield attribute, found


@attrs.frozen(eq=False)
class Command:
    """A command that can be run: its declaration, and the method of the library that was loaded."""

    declaration: Declaration
    handler: Handler
    library: object

    async def run(self, arguments: Any) -> Answer:
        """Checks the arguments, a JSON value or None, and does it."""
        declared = self.declaration
        try:
            if declared.raw:
                found = self.handler(arguments)
            elif declared.arguments is None:
                found = self.handler()
            else:
                found = self.handler(read_arguments(declared.arguments, arguments, strict=declared.strict))
            return await found if inspect.isawaitable(found) else found
        except Refused as refused:
            return refused.answer


class Commands:
    """The commands of one server, from the libraries that were loaded. One that changes something runs alone."""

    def __init__(self, server: str) -> None:
        self.server = server
        self._commands: dict[str, Command] = {}
        self._guards: tuple[Guard, ...] = ()
        self._changing = asyncio.Lock()

    def add(self, library: object) -> None:
        """Adds the commands that a library declares for this server. Raises CommandClash, and then adds none.

        A library that is a Guard is asked about every command from then on.
        """
        added: dict[str, Command] = {}
        for attribute, declaration in declared_commands(library):
            if self.server not in declaration.servers:
                continue
            other = self._commands.get(declaration.name)
            if other is not None:
                names = f"{type(other.library).__name__} and {type(library).__name__}"
                raise CommandClash(f"{declaration.name} is a command of {names}")
            added[declaration.name] = Command(declaration, getattr(library, attribute), library)
        self._commands |= added
        if isinstance(library, Guard):
            self._guards = (*self._guards, library)

    def remove(self, library: object) -> None:
        """Takes a library's commands away."""
        self._commands = {name: each for name, each in self._commands.items() if each.library is not library}
        self._guards = tuple(each for each in self._guards if each is not library)

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands[name] for name in sorted(self._commands))

    def __contains__(self, name: object) -> bool:
        return name in self._commands

    @property
    def guards(self) -> tuple[Guard, ...]:
        """Who is asked before a command runs."""
        return self._guards

    def get(self, name: str) -> Command | None:
        """The command of a name."""
        return self._commands.get(name)

    async def ask(self, name: str, arguments: Any, caller: Caller) -> Answer:
        """Runs a command for a caller, if every guard lets it. Raises Forbidden, and faults of the command's code."""
        guards = self._guards
        for guard in guards:
            guard.admit(name, caller)
        answer = await self.run(name, arguments)
        for guard in guards:
            answer = guard.show(name, caller, answer)
        return answer

    async def run(self, name: str, arguments: Any = None) -> Answer:
        """Runs a command; what it refuses is an answer, too. Faults of its code are raised."""
        found = self._commands.get(name)
        if found is None:
            return Answer(Result.UNSUPPORTED, f"'{name}' command not supported.")
        if found.declaration.access is Access.READ:
            return await found.run(arguments)
        async with self._changing:
            return await found.run(arguments)


def read_arguments(document: type[A], arguments: Any, *, strict: bool = False) -> A:
    """The document of a command's arguments. Raises Refused, naming every argument that is missing or wrong.

    Arguments that the command does not know are passed over, as Kea does, unless it is `strict`.
    """
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise Refused(f"arguments must be a map, got {_kind(arguments)} instead")
    unknown = [key for key in arguments if key not in document.by_key]
    if strict and unknown:
        raise Refused(" ".join(f"Unsupported '{key}' parameter." for key in unknown))
    report = Report()
    known = {key: value for key, value in arguments.items() if key in document.by_key}
    made = read(document, known, (), report)
    if report.failed:
        raise Refused(" ".join(_told(problem) for problem in report.sorted()))
    return made


def _told(problem: Problem) -> str:
    if problem.code is codes.MISSING_KEY:
        return f"Missing mandatory '{problem.message.split(QUOTE)[1]}' parameter{_inside(problem.path)}."
    if problem.code is codes.WRONG_TYPE:
        return f"'{problem.path}' parameter expected to be {WORDS.get(problem.expected, problem.expected)}."
    expected = f", expected {problem.expected}" if problem.expected else ""
    return f"'{problem.path}' parameter: {problem.message}{expected}."


def _inside(path: str) -> str:
    return f" in '{path}'" if path else ""


QUOTE: Final = "'"
WORDS: Final = {  # what the shapes of parameters call themselves, for people
    "constant string": "a string",
    "boolean": "a boolean",
    "integer": "an integer",
    "floating point": "a number",
    "[": "a list",
    "{": "a map",
}
_KINDS: Final = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "a list",
    dict: "a map",
}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null")
