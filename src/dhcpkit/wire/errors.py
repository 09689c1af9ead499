"""What is wrong with bytes that came from a peer."""

from dhcpkit.errors import DhcpkitError

__all__ = ["WireError"]


class WireError(DhcpkitError):
    """Bytes do not have the form their declaration gives. The peer is at fault: count and drop.

    `offset` is where in the datagram (octets from its start) and `what` is a sentence without a full stop.
    It is the only exception that leaves a decoder.
    """

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(offset, what)
        self.offset = offset
        self.what = what

    def __str__(self) -> str:
        return f"octet {self.offset}: {self.what}"
