"""What a relay agent said, kept with a lease: Kea's `store-extended-info` and `stash-agent-options`.

It is JSON in the lease's user context, written as Kea writes it. Pure; this module does not know who asks.
"""

from __future__ import annotations

import json
from typing import Any

from dhcpkit.alloc.select import suboption

__all__ = ["ISC", "RELAY", "RELAY_ID", "REMOTE_ID", "context_text", "recalled", "remembered"]

REMOTE_ID, RELAY_ID = 2, 12  # sub-options of RFC 3046 2 and RFC 6925
ISC, RELAY = "ISC", "relay-agent-info"


def remembered(relay: bytes, context: str) -> str:
    """A lease's user context with a relay agent's information in it (the payload of option 82)."""
    said: dict[str, str] = {}
    for name, code in (("relay-id", RELAY_ID), ("remote-id", REMOTE_ID)):
        value = suboption(relay, code)
        if value:
            said[name] = value.hex().upper()
    said["sub-options"] = f"0x{relay.hex().upper()}"
    if not context:
        return context_text({ISC: {RELAY: said}})
    known = _read(context)
    isc = known.get(ISC)
    return context_text(known | {ISC: (isc if isinstance(isc, dict) else {}) | {RELAY: said}})


def recalled(context: str) -> bytes | None:
    """The payload of option 82 that a user context holds, in today's form or the one of Kea before 2.3; else None."""
    isc = _read(context).get(ISC) if context else None
    said = isc.get(RELAY) if isinstance(isc, dict) else None
    text = said.get("sub-options") if isinstance(said, dict) else said
    if not isinstance(text, str):
        return None
    try:
        return bytes.fromhex(text.removeprefix("0x")) or None
    except ValueError:
        return None


def _read(context: str) -> dict[str, Any]:
    try:
        known = json.loads(context)
    except ValueError:  # a lease file may hold anything
        return {}
    return known if isinstance(known, dict) else {}


def context_text(value: Any) -> str:
    """JSON with Kea's spaces, and keys in its order."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)}: {context_text(value[key])}" for key in sorted(value))
        return f"{{ {inside} }}" if inside else "{  }"
    if isinstance(value, list):
        inside = ", ".join(map(context_text, value))
        return f"[ {inside} ]" if inside else "[  ]"
    return json.dumps(value)
