"""Which level's value of an option a client must be sent: Kea's order of precedence, once more, plainly and slowly.

It is what the engine's answers are held to, and shares nothing with it. This module does not know packets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import attrs

__all__ = ["LEVELS", "Configured", "options_due"]

LEVELS: Final = ("host", "pool", "subnet", "shared network", "class c0", "class c1", "global")  # the nearest first


@attrs.frozen
class Configured:
    """A value of an option at one level."""

    payload: bytes
    always_send: bool = False
    never_send: bool = False


def options_due(levels: Sequence[Mapping[int, Configured]], asked: Collection[int]) -> dict[int, bytes]:
    """What an answer must carry, by code. `levels` are those that hold for the client, the nearest first.

    Sent is what is asked for, or marked to be sent always at any level, but nothing that is marked at any level to be
    sent never; the value is that of the nearest level that has one.
    """
    due = {}
    for code in {code for level in levels for code in level}:
        found = [level[code] for level in levels if code in level]
        wanted = code in asked or any(each.always_send for each in found)
        if wanted and not any(each.never_send for each in found):
            due[code] = found[0].payload
    return due
