"""Hypothesis strategies for commands, drawn from their declarations: arguments that fit, that do not, and odd requests.

A new command needs nothing here: what it is told is known from its `@command` line and its document of arguments.
"""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from dhcpkit.config.param import AnyShape, unparse
from dhcpkit.hooks.commands import Declaration
from dhcpkit.testing.documents import documents, json_values

__all__ = ["PATH_TRICKS", "fitting_arguments", "odd_requests", "unfit_arguments"]

PATH_TRICKS: Final = (
    "../outside", "../../../../etc/passwd", "/etc/cron.d/x", "/proc/self/mem", "..", ".", "", "/", "a/../../b",
    "x\0y", "~/x", "%2e%2e/x", "..\\x", "\n", "x" * 5000, "/dev/stdout", "|touch x", "$(touch x)", "file:///etc/x",
)  # fmt: skip
HUGE: Final = (2**31, 2**32, 2**63, 2**64, 10**40, -1, -(2**63), 1e308, -0.0)
DEPTHS: Final = (2, 30, 60, 70, 500)  # around what a request may have at most, and far beyond
_WRONG: Final[dict[type, st.SearchStrategy[Any]]] = {
    str: st.integers() | st.booleans() | st.lists(st.text(max_size=3), max_size=2) | st.just({}),
    int: st.text(max_size=5) | st.booleans() | st.floats(0.1, 0.9) | st.just([]) | st.just({}),
    float: st.text(max_size=5) | st.booleans() | st.just([]),
    bool: st.text(max_size=5) | st.integers() | st.just([]) | st.just({}),
    list: st.text(max_size=5) | st.integers() | st.booleans() | st.just({}),
    dict: st.text(max_size=5) | st.integers() | st.booleans() | st.just([]),
}


_TEXTS: Final = st.sampled_from(PATH_TRICKS) | st.text(max_size=20)  # names of files most of all


@st.composite
def fitting_arguments(draw: st.DrawFn, declaration: Declaration) -> Any:
    """Arguments of the declared types; hardly any mean something, and texts among them try to get out of folders."""
    if declaration.arguments is None:
        return draw(st.none() | st.just({}))
    made: dict[str, Any] = unparse(draw(documents(declaration.arguments)))
    for declared in declaration.arguments.params.values():
        if declared.shape.python is str and not declared.choices and draw(st.booleans()):
            made[declared.key] = draw(_TEXTS)
        elif declared.shape.python is int and draw(st.integers(0, 3)) == 0:
            made[declared.key] = draw(st.sampled_from(HUGE))
        elif isinstance(declared.shape, AnyShape):
            made[declared.key] = draw(json_values() | _TEXTS)
    return made


@st.composite
def unfit_arguments(draw: st.DrawFn, declaration: Declaration) -> Any:
    """Arguments of which a required one is missing, null or of another type: no command may be done with them.

    Only for a declaration with a required argument whose type is declared.
    """
    assert declaration.arguments is not None, "a command without arguments takes no wrong ones"
    needed = [each for each in declaration.arguments.required if not isinstance(each.shape, AnyShape)]
    made: dict[str, Any] = unparse(draw(documents(declaration.arguments)))
    chosen = draw(st.sampled_from(needed))
    if draw(st.booleans()):
        del made[chosen.key]
    else:
        made[chosen.key] = draw(st.none() | _WRONG[chosen.shape.python])
    return made


@st.composite
def odd_requests(draw: st.DrawFn) -> bytes:
    """Octets that are hardly a request: no JSON, no map, other keys, deep, long, or not even text."""
    value = draw(json_values() | st.dictionaries(_KEYS, json_values(), max_size=4))
    depth = draw(st.sampled_from(DEPTHS))
    deep = b'{"command": "version-get", "arguments": ' + b"[" * depth + b"]" * depth + b"}"
    whole = json.dumps({"command": "version-get", "arguments": {"x": value}}).encode()
    cut = draw(st.integers(0, len(whole)))
    return draw(
        st.sampled_from(
            [
                json.dumps(value).encode(),
                deep,
                whole[:cut],
                whole[:cut] + draw(st.binary(max_size=4)) + whole[cut:],
                json.dumps({"command": draw(st.text(max_size=30)), "arguments": value}).encode(),
                b'{"command": "\xff\xfe"}',
                b'{"command": "config-get", "command": "version-get"}',
            ]
        )
    )


_KEYS: Final = st.sampled_from(["command", "arguments", "service", "remote-address"]) | st.text(max_size=4)
