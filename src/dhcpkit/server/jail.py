"""Which files a configuration may name that came over a control socket: those in the folders that are in use already.

The file that an operator starts the server with is trusted; whoever may send commands is not thereby allowed to write
anywhere on the machine. This module opens nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from dhcpkit.config.surroundings import ControlSocketDoc, HooksLibraryDoc
from dhcpkit.hooks.loading import LibraryError, find_library, is_foreign
from dhcpkit.server.control import sockets_of

__all__ = ["outside"]

STREAMS: Final = ("stdout", "stderr")
FOLDERS: Final = {  # where files of a kind may lie although none does yet: Kea's own places
    "lease-database.name": ("/var/lib/kea",),
    "hosts-database.name": ("/var/lib/kea",),
    "output": ("/var/log/kea",),
    "socket-name": ("/run/kea", "/var/run/kea"),
    "run_script.name": ("/usr/share/kea/scripts",),
    "legal_log.path": ("/var/log/kea",),
}


def outside(doc: Any, before: Any) -> str:
    """What is wrong with the files that a configuration names, held against the one in force; "" where nothing is."""
    return stray(_named(doc), _named(before))


def stray(named: Iterable[tuple[str, str]], before: Iterable[tuple[str, str]]) -> str:
    """The same of keys and the files they name."""
    allowed: defaultdict[str, set[PurePosixPath]] = defaultdict(set)
    for key, usual in FOLDERS.items():
        allowed[key].update(map(PurePosixPath, usual))
    present = set(before)
    for key, path in present:
        allowed[key].add(PurePosixPath(path).parent)
    for key, path in named:
        if (key, path) in present:
            continue
        if key == "library":
            return (
                f"'library' may not be {path} when it is set by a command: name it in the file the server starts with"
            )
        wanted = PurePosixPath(path)
        if not wanted.is_absolute() or ".." in wanted.parts or wanted.parent not in allowed[key]:
            folders = (
                ", ".join(sorted(map(str, allowed[key]))) or "no folder: name it in the file the server starts with"
            )
            return f"'{key}' may not be {path} when it is set by a command, but a file in {folders}"
    return ""


def _named(doc: Any) -> Iterator[tuple[str, str]]:
    """The files that a configuration names, with the keys that name them."""
    database = doc.lease_database
    if database.name:
        yield "lease-database.name", database.name
    for hosts in (*((doc.hosts_database,) if doc.hosts_database is not None else ()), *doc.hosts_databases):
        if (hosts.type or "sqlite") == "sqlite" and "/" in hosts.name:  # else it is in the data directory
            yield "hosts-database.name", hosts.name
    if doc.data_directory:
        yield "data-directory", f"{doc.data_directory.rstrip('/')}/*"
    yield from files_around(doc)
    for socket in sockets_of(doc):
        yield from files_of_socket(socket)


def files_around(doc: Any) -> Iterator[tuple[str, str]]:
    """Log files and hook libraries that are files, by key."""
    for logger in doc.loggers:
        for output in logger.output_options:
            if output.output not in STREAMS and output.output.partition(":")[0] != "syslog":
                yield "output", output.output
    for entry in doc.hooks_libraries:
        if is_foreign(entry.library):
            yield "library", entry.library
        else:
            yield from _told_to(entry)


def _told_to(entry: HooksLibraryDoc) -> Iterator[tuple[str, str]]:
    """The files that a library is told of. One that is not there is no business of this module's."""
    try:
        library = find_library(entry.library)
    except LibraryError:
        return
    if library is None:
        return
    for key in library.paths:
        name = key.rstrip("/")
        path = entry.parameters.get(name)
        if isinstance(path, str) and path:
            yield f"{library.name}.{name}", f"{path.rstrip('/')}/*" if key.endswith("/") else path


def files_of_socket(socket: ControlSocketDoc) -> Iterator[tuple[str, str]]:
    """The files of a control socket, by key."""
    files = {
        "socket-name": socket.socket_name,
        "trust-anchor": socket.trust_anchor,
        "cert-file": socket.cert_file,
        "key-file": socket.key_file,
        "authentication.directory": socket.authentication.directory,
    }
    yield from ((key, path) for key, path in files.items() if path)
    folder = PurePosixPath(socket.authentication.directory)
    for client in socket.authentication.clients:
        for key, path in (("user-file", client.user_file), ("password-file", client.password_file)):
            if path:
                yield key, str(folder / path)
