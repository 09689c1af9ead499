"""What stands around a server: control sockets, the DNS server, and the links that subnets are said to be on.

A document says of each key alone what it may be; here is what two of them cannot be at once, in the words of Kea, which
says some of it only when it opens the socket. This module opens nothing, and does not know what this machine has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from dhcpkit.config import codes
from dhcpkit.config.dhcp4 import Dhcp4Doc, SharedNetworkDoc, Subnet4Doc
from dhcpkit.config.dhcp6 import Dhcp6Doc, SharedNetwork6Doc, Subnet6Doc
from dhcpkit.config.documents import ServerDoc
from dhcpkit.config.json_text import Steps
from dhcpkit.config.report import Report
from dhcpkit.config.surroundings import AuthClientDoc, ControlSocketDoc, DhcpDdnsDoc

__all__ = ["check_contacts", "links_named"]


def check_contacts(doc: ServerDoc, root: str, report: Report) -> None:
    """Reports what is wrong with the control sockets and the DNS server of a configuration."""
    if doc.control_socket is not None:
        here = (root, "control-socket")
        check_socket(doc.control_socket, here, report)
        if "control_sockets" in doc.written:
            message = f"duplicate control-socket entries in {root} map"
            report.add(codes.CONTRADICTION, here, message, key=True, hint="put it into control-sockets")
    _check_sockets(doc.control_sockets, (root, "control-sockets"), report)
    if "dhcp_ddns" in doc.written:
        _check_ddns(doc.dhcp_ddns, (root, "dhcp-ddns"), report)


def links_named(doc: Dhcp4Doc | Dhcp6Doc) -> Iterator[tuple[Steps, str, str]]:
    """The interfaces of subnets and shared networks: the place, the name, and what Kea says where there is none."""
    root, key = ("Dhcp4", "subnet4") if isinstance(doc, Dhcp4Doc) else ("Dhcp6", "subnet6")
    networks: Sequence[SharedNetworkDoc | SharedNetwork6Doc] = doc.shared_networks
    for number, network in enumerate(networks):
        here = (root, "shared-networks", number)
        if network.interface:
            yield (*here, "interface"), network.interface, _absent(network.interface, f"shared network {network.name}")
        yield from _of_subnets(getattr(network, key), (*here, key))
    yield from _of_subnets(getattr(doc, key), (root, key))


def _of_subnets(subnets: Sequence[Subnet4Doc | Subnet6Doc], steps: Steps) -> Iterator[tuple[Steps, str, str]]:
    for index, subnet in enumerate(subnets):
        if subnet.interface:
            message = f"subnet configuration failed: {_absent(subnet.interface, f'subnet {subnet.subnet}')}"
            yield (*steps, index, "interface"), subnet.interface, message


def _absent(interface: str, where: str) -> str:
    return f"Specified network interface name {interface} for {where} is not present in the system"


def _check_sockets(sockets: Sequence[ControlSocketDoc], steps: Steps, report: Report) -> None:
    first: Steps | None = None
    for index, socket in enumerate(sockets):
        here = (*steps, index)
        check_socket(socket, here, report)
        if socket.socket_type == "unix":
            if first is not None:
                message = "control socket of type 'unix' already configured"
                report.add(codes.CONTRADICTION, here, message, related=[("the other one", first)])
            first = first or here


def check_socket(socket: ControlSocketDoc, steps: Steps, report: Report) -> None:
    """A unix socket has a path, an HTTP socket an address; TLS takes three files."""
    written = socket.written
    if socket.socket_type == "unix":
        if "socket_name" not in written:
            report.add(codes.MISSING_KEY, steps, "Mandatory 'socket-name' parameter missing", expected="a path")
        elif not socket.socket_name.strip().rpartition("/")[2]:
            message = f"'socket-name' is invalid: path: '{socket.socket_name}' has no filename"
            report.add(codes.BAD_VALUE, (*steps, "socket-name"), message, expected="a path that ends in a file's name")
        _unsupported(socket, "socket-address", "UNIX", steps, report)
        return
    _unsupported(socket, "socket-name", "HTTP", steps, report)
    try:
        ip_address(socket.socket_address)
    except ValueError:
        address = socket.socket_address
        message = f"failed to convert '{address}' to address: Failed to convert string to address '{address}'"
        report.add(codes.BAD_VALUE, (*steps, "socket-address"), message, expected="an IPv4 or IPv6 address")
    files = {"trust-anchor": socket.trust_anchor, "cert-file": socket.cert_file, "key-file": socket.key_file}
    missing = [key for key, path in files.items() if not path]
    if socket.socket_type == "https" and len(missing) == len(files):
        report.add(codes.MISSING_KEY, steps, "no TLS setup for a HTTPS control socket", expected=", ".join(files))
    elif 0 < len(missing) < len(files):
        message = f"{missing[0]} parameter is missing or empty: all or none of TLS parameters must be set"
        report.add(codes.MISSING_KEY, steps, message, expected=", ".join(files))
    for index, client in enumerate(socket.authentication.clients):
        _check_client(client, (*steps, "authentication", "clients", index), report)


def _unsupported(socket: ControlSocketDoc, key: str, kind: str, steps: Steps, report: Report) -> None:
    if key.replace("-", "_") in socket.written:
        message = f"parameter '{key}' is not supported by {kind} control sockets"
        report.add(codes.CONTRADICTION, (*steps, key), message, key=True)


def _check_client(client: AuthClientDoc, steps: Steps, report: Report) -> None:
    """Who may use a socket: a name, here or in a file, and a password likewise."""
    written = client.written
    for key in ("user", "password"):
        if {key, f"{key}_file"} <= written:
            message = f"{key} and {key}-file are mutually exclusive"
            report.add(codes.CONTRADICTION, (*steps, f"{key}-file"), message, key=True)
    if "user" in written:
        if not client.user:
            report.add(codes.BAD_VALUE, (*steps, "user"), "user must not be empty", expected="a name")
        elif ":" in client.user:  # HTTP's basic authentication puts a colon between name and password
            message = f"user must not contain a ':': '{client.user}'"
            report.add(codes.BAD_VALUE, (*steps, "user"), message, expected="a name without a colon")
    elif not {"user_file", "password_file"} & written:
        report.add(codes.MISSING_KEY, steps, "user is required in clients items", expected="user, or user-file")


def _check_ddns(doc: DhcpDdnsDoc, steps: Steps, report: Report) -> None:
    """Name changes leave from an address of the same family, and not from the very place they go to."""
    try:
        server = ip_address(doc.server_ip)
        sender = ip_address(doc.sender_ip) if doc.sender_ip else _any_of(server)
    except ValueError:
        return  # the key alone is wrong, and reported
    message, key = "", "sender-ip"
    if server.version != sender.version:
        families = f"server-ip: {server} is: IPv{server.version} while sender-ip: {sender} is: IPv{sender.version}"
        message = f"D2ClientConfig error: address family mismatch: {families}"
    elif (server, doc.server_port) == (sender, doc.sender_port):
        place = f"{server}/{doc.server_port}"
        message = f"D2ClientConfig error: server and sender cannot share the exact same IP address/port: {place}"
        key = "sender-port" if "sender_port" in doc.written else "server-port"
    if message:
        report.add(codes.CONTRADICTION, (*steps, key), message)


def _any_of(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Any address of the family, from which is sent where nothing else is said."""
    return type(address)(0)
