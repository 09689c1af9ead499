"""Classes of clients by command, as Kea's `libdhcp_class_cmds.so`: looked at, added, replaced, removed.

Every change is a change of the whole configuration: checked like `config-set`, in force at once or not at all, and
written to no file before `config-write` is asked for. This module does not know channels.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dhcpkit.config.levels import BUILT_IN
from dhcpkit.config.normal import class_form
from dhcpkit.config.param import Document, Json, document, param
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command
from dhcpkit.hooks.library import Library

__all__ = ["ClassArguments", "ClassCmds", "ClassesArguments"]

FOUND: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY)
Map = dict[str, Any]


@document("arguments")
class ClassArguments(Document):
    """Which class."""

    name: str = param(doc="The class's name.")


@document("arguments")
class ClassesArguments(Document):
    """One class, in a list."""

    client_classes: tuple[Json, ...] = param(doc="One class, as in a configuration.")


class ClassCmds(Library):
    """Looks at classes of clients, and changes them while the server runs."""

    name = "class_cmds"

    @command("class-list", Access.READ, since="1.5.0", results=FOUND)
    def class_list(self) -> Answer:
        """Lists the names of the classes, in the order in which they are evaluated."""
        names = [{"name": each.name} for each in self.operated.doc.client_classes]
        text = f"{len(names)} class{'' if len(names) == 1 else 'es'} found"
        return Answer(Result.SUCCESS if names else Result.EMPTY, text, {"client-classes": names})

    @command("class-get", Access.READ, since="1.5.0", arguments=ClassArguments, raw=True, results=FOUND)
    def class_get(self, sent: Any) -> Answer:
        """Tells all about one class."""
        name = _name_of(sent, "class-get")
        found = class_form(self.operated.doc, name)
        if found is None:
            raise Refused(f"Class '{name}' not found", Result.EMPTY)
        return Answer(text=f"Class '{name}' definition returned", arguments={"client-classes": [found]})

    @command("class-add", Access.WRITE, since="1.5.0", arguments=ClassesArguments, raw=True)
    async def class_add(self, sent: Any) -> Answer:
        """Adds one class behind those there are."""
        entry = _one_class(sent, "class-add")
        if "name" not in entry:
            raise Refused("missing parameter 'name'")

        def change(config: Map) -> None:
            classes = config.setdefault("client-classes", [])
            if _place(classes, entry["name"]) is not None:
                raise Refused(f"Can't add class: Client Class: {entry['name']} has already been defined")
            classes.append(entry)

        await self.operated.edit(change)
        return Answer(text=f"Class '{entry['name']}' added")

    @command("class-update", Access.WRITE, since="1.5.0", arguments=ClassesArguments, raw=True, results=FOUND)
    async def class_update(self, sent: Any) -> Answer:
        """Puts a class in the place of the one with its name."""
        entry = _one_class(sent, "class-update")
        if "name" not in entry:
            raise Refused("the first class definition is missing a mandatory 'name' parameter")

        def change(config: Map) -> None:
            classes = config.setdefault("client-classes", [])
            place = _place(classes, entry["name"])
            if place is None:
                raise Refused(f"Class '{entry['name']}' is not found", Result.EMPTY)
            classes[place] = entry

        await self.operated.edit(change)
        return Answer(text=f"Class '{entry['name']}' updated")

    @command("class-del", Access.WRITE, since="1.5.0", arguments=ClassArguments, raw=True, results=FOUND)
    async def class_del(self, sent: Any) -> Answer:
        """Removes a class that no other class's expression speaks of."""
        name = _name_of(sent, "class-del")

        def change(config: Map) -> None:
            classes = config.setdefault("client-classes", [])
            place = _place(classes, name)
            if place is None:
                raise Refused(f"Class '{name}' not found", Result.EMPTY)
            for each in classes if name not in BUILT_IN else ():  # those are there without a definition, too
                if _speaks_of(each, name):
                    raise Refused(f"Class '{name}' is used by class '{each['name']}'")
            del classes[place]

        await self.operated.edit(change)
        return Answer(text=f"Class '{name}' deleted")


def _place(classes: list[Map], name: Any) -> int | None:
    return next((index for index, each in enumerate(classes) if each.get("name") == name), None)


def _speaks_of(entry: Map, name: str) -> bool:
    """Whether a class's expression asks for membership in another."""
    spoken = re.compile(rf"member\s*\(\s*'{re.escape(name)}'\s*\)")
    return any(spoken.search(entry.get(key, "")) for key in ("test", "template-test"))


def _some(sent: Any, name: str) -> None:
    """Whether a command has arguments at all. Raises Refused."""
    if sent is None:
        raise Refused(f"invalid command '{name}': no arguments specified")
    if not isinstance(sent, dict):
        raise Refused(f"invalid command '{name}': expected 'arguments' to be a map")
    if not sent:
        raise Refused(f"invalid command '{name}': 'arguments' is empty")


def _name_of(sent: Any, name: str) -> str:
    """The name of a class that a command is about. Raises Refused."""
    _some(sent, name)
    if len(sent) != 1:
        raise Refused(f"invalid number of arguments {len(sent)} for the '{name}' command. Expecting 'name' string")
    if "name" not in sent:
        raise Refused(f"missing 'name' argument for the '{name}' command")
    if not isinstance(sent["name"], str):
        raise Refused(f"'name' argument specified for the '{name}' command is not a string")
    return str(sent["name"])


def _one_class(sent: Any, name: str) -> Map:
    """The one class that a command brings. Raises Refused."""
    _some(sent, name)
    if "client-classes" not in sent:
        raise Refused(f"missing 'client-classes' argument for the '{name}' command")
    listed = sent["client-classes"]
    if not isinstance(listed, list):
        raise Refused(f"'client-classes' argument specified for the '{name}' command is not a list")
    if len(listed) != 1:
        raise Refused(f"invalid number of classes specified for the '{name}' command. Expected one class")
    [entry] = listed
    if not isinstance(entry, dict):
        raise Refused(f"invalid class definition specified for the '{name}' command. Expected a map")
    if not isinstance(entry.get("name", ""), str):
        raise Refused("'name' parameter is not a string")
    return dict(entry)
