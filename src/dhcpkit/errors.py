"""The root of every error dhcpkit raises: one `except` clause for a caller who wants just that."""

__all__ = ["DhcpkitError"]


class DhcpkitError(Exception):
    """Any error dhcpkit raises on purpose; its subclasses say who is at fault (peer, operator, surroundings)."""
