"""What is wrong with bytes that came from a peer, and with JSON that somebody wrote."""

from __future__ import annotations

from dhcpkit.errors import DhcpkitError

__all__ = ["JsonError", "WireError"]


class WireError(DhcpkitError):
    """Bytes do not have the form their declaration gives. The peer is at fault: count and drop.

    `offset` is where in the datagram (octets from its start), `what` a sentence without a full stop that says what was
    expected, and `path` the options that lead there, outermost first: `("ia-na (3)", "iaaddr (5)")`.
    It is the only exception that leaves a decoder.
    """

    def __init__(self, offset: int, what: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(offset, what, path)
        self.offset = offset
        self.what = what
        self.path = path

    def __str__(self) -> str:
        where = " > ".join(self.path)
        return f"octet {self.offset}: option {where}: {self.what}" if where else f"octet {self.offset}: {self.what}"


class JsonError(DhcpkitError, ValueError):
    """JSON does not have the form of a message, an option or a value. Whoever wrote it is at fault.

    `path` leads to the place from the outside, by names of members and numbers in lists: `("options", 3, "value")`;
    `what` is a sentence without a full stop that says what was expected there.
    """

    def __init__(self, what: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(what, path)
        self.what = what
        self.path = path

    def __str__(self) -> str:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).removeprefix(".")
        return f"{where}: {self.what}" if where else self.what
