"""Finding hook libraries: what `hooks-libraries` names becomes classes, or problems with their places.

A library is named as Kea names it (`libdhcp_lease_cmds.so`, with or without a folder), by the name of an entry point of
the group `dhcpkit.hooks`, as a Python module (`package.module`), or as a file with an absolute path that ends in `.py`.
Loading code gives it everything the server may do, so a file must belong to root or to the server's user, and nobody
else may write it or its folder. This module does not run libraries.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any, Final

import attrs

from dhcpkit.config import codes
from dhcpkit.config.errors import Problem
from dhcpkit.config.param import read
from dhcpkit.config.report import Report
from dhcpkit.errors import DhcpkitError
from dhcpkit.hooks import libraries
from dhcpkit.hooks.library import Library

__all__ = ["GROUP", "KEA_LIBRARIES", "Choice", "Chosen", "LibraryError", "choose", "find_library", "is_foreign"]

GROUP: Final = "dhcpkit.hooks"  # the group of entry points
KEA_LIBRARIES: Final = frozenset({
    "bootp", "cb_cmds", "class_cmds", "ddns_tuning", "flex_id", "flex_option", "ha", "host_cache",
    "host_cmds", "lease_cmds", "lease_query", "legal_log", "limits", "mysql", "perfmon", "pgsql",
    "ping_check", "radius", "rbac", "run_script", "stat_cmds", "subnet_cmds", "user_chk",
})  # fmt: skip  # of Kea's DHCP servers; those that are not there yet are named by the check
_FILES: Final[dict[str, tuple[tuple[int, int], ModuleType]]] = {}
"""Files that were loaded, with inode and time of change: one that is the same is not run again."""
_PREFIX, _SUFFIX = "libdhcp_", ".so"


class LibraryError(DhcpkitError):
    """A hook library cannot be used: it is not there, is no library, or lies where others may write it."""


@attrs.frozen(eq=False)
class Choice:
    """An entry of `hooks-libraries`, understood. Two with the same `key` are the same library, told the same.

    `deadline` is how many seconds its callouts may take; 0: as the library has it.
    """

    library: type[Library]
    parameters: Any
    key: tuple[Any, ...]
    deadline: float = 0


@attrs.frozen(eq=False)
class Chosen:
    """All entries, in order, and what is wrong with the others."""

    choices: tuple[Choice, ...]
    problems: tuple[Problem, ...]

    @property
    def failed(self) -> bool:
        """Whether one of the problems is an error."""
        return any(problem.severity == "error" for problem in self.problems)


def choose(loaded: Any) -> Chosen:
    """The libraries that a configuration (`Loaded4`, `Loaded6`) asks for."""
    root = "Dhcp6" if hasattr(loaded.doc, "pd_allocator") else "Dhcp4"
    report = Report(loaded.source)
    choices = []
    for number, entry in enumerate(loaded.doc.hooks_libraries):
        steps = (root, "hooks-libraries", number)
        try:
            cls = find_library(entry.library)
        except LibraryError as error:
            report.add(codes.NO_LIBRARY, (*steps, "library"), f"hooks library {entry.library}: {error}")
            continue
        if cls is None:
            message = f"hooks library {entry.library} is accepted but has no effect yet"
            report.add(codes.MISSED, (*steps, "library"), message)
            continue
        if root.lower() not in cls.servers:
            message = f"hooks library {entry.library} is for {', '.join(sorted(cls.servers))} only"
            report.add(codes.NO_LIBRARY, (*steps, "library"), message)
            continue
        parameters = read(cls.parameters, entry.parameters, (*steps, "parameters"), report)
        deadline = entry.callout_deadline / 1000
        choices.append(Choice(cls, parameters, (cls, repr(entry.parameters)), deadline))
    return Chosen(tuple(choices), report.sorted())


def find_library(name: str) -> type[Library] | None:
    """The library of a name or path; None for one of Kea's that is not there yet. Raises LibraryError."""
    short = _kea_name(name)
    if short:
        if importlib.util.find_spec(f"{libraries.__name__}.{short}") is not None:
            return _library_in(importlib.import_module(f"{libraries.__name__}.{short}"))
        found = _entry_point(short)
        if found is not None:
            return found
        if short in KEA_LIBRARIES:
            return None
        raise LibraryError(f"there is no hook library of the name {short}")
    if is_foreign(name):
        return _library_in(_from_file(name) if name.endswith(".py") else _from_module(name))
    raise LibraryError(f"expected {_PREFIX}NAME{_SUFFIX}, an entry point of {GROUP}, a Python module, or a .py file")


def is_foreign(name: str) -> bool:
    """Whether it names code by file or module, which only the file that the server starts with may do."""
    return not _kea_name(name) and (name.endswith(".py") or all(part.isidentifier() for part in name.split(".")))


def _kea_name(name: str) -> str:
    """`lease_cmds` of `/usr/lib/kea/hooks/libdhcp_lease_cmds.so`, and of itself; else ""."""
    last = PurePosixPath(name).name
    if last.startswith(_PREFIX) and last.endswith(_SUFFIX):
        return last[len(_PREFIX) : -len(_SUFFIX)]
    if name in KEA_LIBRARIES or (name.isidentifier() and _entry_point(name) is not None):
        return name
    return ""


def _entry_point(name: str) -> type[Library] | None:
    for each in entry_points(group=GROUP, name=name):
        try:
            found = each.load()
        except Exception as error:
            raise LibraryError(f"its module cannot be imported: {type(error).__name__}: {error}") from error
        return found if inspect.isclass(found) and issubclass(found, Library) else _library_in(found)
    return None


def _from_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever its code raises
        raise LibraryError(f"the module cannot be imported: {type(error).__name__}: {error}") from error


def _from_file(name: str) -> ModuleType:
    path = Path(name)
    if not path.is_absolute():
        raise LibraryError("a file is named by its absolute path")
    wrong = _unsafe(path)
    if wrong:
        raise LibraryError(wrong)
    found = path.stat()
    version = found.st_ino, found.st_mtime_ns
    if name in _FILES and _FILES[name][0] == version:
        return _FILES[name][1]
    title = f"dhcpkit_hook_{path.stem}"
    spec = importlib.util.spec_from_file_location(title, path)
    assert spec is not None, "a path that ends in .py is Python"
    assert spec.loader is not None, "Python is loaded by a loader"
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(title)
    sys.modules[title] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever its code raises
        if before is None:
            del sys.modules[title]
        else:
            sys.modules[title] = before
        raise LibraryError(f"it cannot be loaded: {type(error).__name__}: {error}") from error
    _FILES[name] = version, module
    return module


def _unsafe(path: Path) -> str:
    """Why a file is not loaded: somebody else could have written it."""
    for what, each in (("file", path), ("folder", path.parent)):
        try:
            found = os.stat(each)  # noqa: PTH116  # a symbolic link's target is what is loaded
        except OSError as error:
            return f"{each}: {error.strerror}"
        if what == "file" and not stat.S_ISREG(found.st_mode):
            return f"{each} is no regular file"
        if found.st_uid not in (0, os.geteuid()):
            return f"the {what} {each} belongs to another user (uid {found.st_uid})"
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX:
            return f"the {what} {each} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""


def _library_in(module: ModuleType) -> type[Library]:
    """The one library that a module defines. Raises LibraryError."""
    found = list(_libraries_in(module))
    if len(found) != 1:
        counted = "no class" if not found else f"{len(found)} classes"
        raise LibraryError(f"{counted} in {module.__name__} derived from dhcpkit.hooks.Library, expected one")
    return found[0]


def _libraries_in(module: ModuleType) -> Iterator[type[Library]]:
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, Library) and value.__module__ == module.__name__:
            yield value
