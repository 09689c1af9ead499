"""dhcpkit: DHCP as composable building blocks, and a drop-in server for ISC Kea assembled from them.

The rooms, lowest first: `wire` (bytes and values), `alloc` (decisions, pure), `config` (Kea's JSON),
`backends` (stores), `hooks` (callouts), `server` (sockets and the loop), `testing` (for your own tests).
"""

__version__ = "0.1.0.dev0"
__all__ = ["__version__"]
