"""The commands as an OpenAPI 3.1 document, made of their declarations: for clients that are generated, and for people.

Control sockets do not look at the path of a request, so each command has one of its own here: a generated client has
one function for each then, and may still send everything to `/`. This module does not know servers or their commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dhcpkit.config.param import Document, walk
from dhcpkit.config.schema import DIALECT, map_schema
from dhcpkit.hooks.commands import Declaration, Result

__all__ = ["argument_schema", "openapi"]

SCHEMAS: Final = "#/components/schemas/"
MEANINGS: Final = {
    Result.SUCCESS: "done",
    Result.ERROR: "refused; the text says why",
    Result.UNSUPPORTED: "the server has no such command, or does not support what is asked",
    Result.EMPTY: "nothing found, or nothing changed",
    Result.CONFLICT: "against the present state",
    Result.FATAL: "the configuration is in force in part only",
}
ERRORS: Final = {
    "400": "No POST of `application/json`, or no JSON.",
    "401": "A user is asked for, or TLS.",
    "403": "The caller's role does not have the command.",
    "413": "The request is too large.",
    "429": "Too many wrong passwords came from this address; it is listened to again after a minute.",
}


def openapi(declared: Iterable[Declaration], version: str) -> dict[str, Any]:
    """The document of these commands. Those of one name are one command, which different servers take differently."""
    by_name: dict[str, list[Declaration]] = {}
    for declaration in declared:
        by_name.setdefault(declaration.name, []).append(declaration)
    documents = _documents(each for group in by_name.values() for each in group)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Commands of dhcpkit's servers",
            "version": version,
            "description": "Kea's commands over HTTP control sockets. The path of a request is not looked at.",
            "license": {"name": "MPL-2.0", "identifier": "MPL-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8000", "description": "A control socket, or the control agent."}],
        "security": [{}, {"basic": []}, {"certificate": []}],
        "paths": {f"/{name}": {"post": _operation(group, documents)} for name, group in sorted(by_name.items())},
        "components": {
            "schemas": {**_frame(), **_schemas(by_name, documents)},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "certificate": {"type": "mutualTLS"},
            },
            "responses": {status: _refusal(meaning) for status, meaning in ERRORS.items()},
        },
    }


def argument_schema(declaration: Declaration) -> dict[str, Any]:
    """The schema of a command's arguments alone, with what it refers to in `$defs`."""
    documents = _documents([declaration])
    if declaration.arguments is None:
        return {"$schema": DIALECT, "type": "object"}
    defs = {name: map_schema(each) for each, name in documents.items() if each is not declaration.arguments}
    return {"$schema": DIALECT, **_arguments(declaration), "$defs": _renamed(defs, documents, "#/$defs/")}


def _operation(group: list[Declaration], documents: Mapping[type[Document], str]) -> dict[str, Any]:
    first = group[0]
    results = sorted({result for each in group for result in each.results})
    told = "; ".join(f"{int(result)}: {MEANINGS[result]}" for result in results)
    return {
        "operationId": first.name.replace("-", "_"),
        "summary": first.summary,
        "description": "\n\n".join(dict.fromkeys(each.doc for each in group)),
        "tags": sorted({server for each in group for server in each.servers}),
        "x-access": first.access.value,
        "x-since": first.since,
        "requestBody": {"required": True, "content": _json(_request(group, documents))},
        "responses": {
            "200": {
                "description": f"The answer's `result` tells what became of the command. {told}.",
                "content": _json({"type": "array", "items": {"$ref": f"{SCHEMAS}answer"}, "minItems": 1}),
            },
            **{status: {"$ref": f"#/components/responses/{status}"} for status in ERRORS},
        },
    }


def _request(group: list[Declaration], documents: Mapping[type[Document], str]) -> dict[str, Any]:
    forms = [
        {"$ref": f"{SCHEMAS}{documents[each.arguments]}"} if each.arguments is not None else {"type": "object"}
        for each in group
    ]
    distinct = [form for number, form in enumerate(forms) if form not in forms[:number]]
    needed = all(each.arguments is not None and each.arguments.required for each in group)
    return {
        "type": "object",
        "properties": {
            "command": {"const": group[0].name},
            "service": {"$ref": f"{SCHEMAS}service"},
            "arguments": distinct[0] if len(distinct) == 1 else {"anyOf": distinct},
        },
        "required": ["command", *(["arguments"] if needed else [])],
        "additionalProperties": False,
    }


def _frame() -> dict[str, Any]:
    """What every answer and request is made of."""
    return {
        "answer": {
            "type": "object",
            "description": "What became of a command.",
            "properties": {
                "result": {"type": "integer", "enum": [int(each) for each in Result]},
                "text": {"type": "string", "description": "For people."},
                "arguments": {"description": "For programs."},
            },
            "required": ["result"],
        },
        "refusal": {
            "type": "object",
            "description": "Why a request was not looked at.",
            "properties": {"result": {"type": "integer"}, "text": {"type": "string"}},
            "required": ["result", "text"],
        },
        "service": {
            "type": "array",
            "description": "Servers behind a control agent; without it, whoever gets the command runs it.",
            "items": {"type": "string", "enum": ["dhcp4", "dhcp6", "d2"]},
        },
    }


def _schemas(by_name: Mapping[str, Iterable[Declaration]], documents: Mapping[type[Document], str]) -> dict[str, Any]:
    schemas = {name: map_schema(document) for document, name in documents.items()}
    for group in by_name.values():
        for each in group:
            if each.arguments is not None:
                schemas[documents[each.arguments]] = _arguments(each)
    renamed: dict[str, Any] = _renamed(schemas, documents, SCHEMAS)
    return renamed


def _arguments(declaration: Declaration) -> dict[str, Any]:
    """The map of a command's arguments. What a command does not know it passes over, unless it is strict."""
    assert declaration.arguments is not None, "only a command with arguments has a map of them"
    made = map_schema(declaration.arguments)
    return made if declaration.strict and not declaration.raw else {**made, "additionalProperties": True}


def _documents(declared: Iterable[Declaration]) -> dict[type[Document], str]:
    """Every document that arguments are made of, with a name of its own."""
    found: dict[type[Document], str] = {}
    for declaration in declared:
        for each in walk(declaration.arguments) if declaration.arguments is not None else ():
            if each not in found:
                taken = set(found.values())
                room = each.__module__.rpartition(".")[2]
                found[each] = each.__name__ if each.__name__ not in taken else f"{each.__name__}.{room}"
    return found


def _renamed(value: Any, documents: Mapping[type[Document], str], prefix: str) -> Any:
    """A schema whose references lead to where its definitions are."""
    if isinstance(value, dict):
        return {key: _renamed(inner, documents, prefix) for key, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, documents, prefix) for inner in value]
    if isinstance(value, str) and value.startswith("#/$defs/"):
        return prefix + value.removeprefix("#/$defs/")
    return value


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _refusal(meaning: str) -> dict[str, Any]:
    return {"description": meaning, "content": _json({"$ref": f"{SCHEMAS}refusal"})}
