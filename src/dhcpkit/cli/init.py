"""`dhcpkit init`: a first configuration for one link, with a remark at each key; for dhcpkit and Kea alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final

import attrs
import typer

__all__ = ["Wishes", "configuration4", "configuration6", "init"]

KEPT: Final = 16  # addresses at the beginning of a subnet that are left to routers, servers and printers
POOL6_BITS: Final = 16  # of the pool of an IPv6 subnet: what a link needs and a lease file can hold
DELEGATED_LEN: Final = 56  # bits of the prefix that a home gets (RFC 6177)

FOUR: Final = """\
// A DHCPv4 server for {subnet} on {interface}. Comments and a comma too many are allowed in this file.
// `dhcpkit check` shows what is wrong with it, `dhcpkit explain` what a client gets and why.
{{ "Dhcp4": {{

  // Where the server listens: names of interfaces, or "*" for all of them.
  "interfaces-config": {{ "interfaces": [ {interface_text} ] }},

  // Leases are kept in a file; it is cleaned up every hour.
  "lease-database": {{ "type": "memfile", "persist": true, "lfc-interval": 3600 }},

  // Seconds: how long a lease is valid, and when clients come back (T1, T2).
  "valid-lifetime": 4000,
  "renew-timer": 1000,
  "rebind-timer": 2000,

  // Seconds that an address rests which somebody else was found to use.
  "decline-probation-period": 3600,

  "subnet4": [
    {{
      // Leases know their subnet by this number: never give it to another one.
      "id": 1,
      "subnet": "{subnet}",
{where}
      // Addresses for clients at large. The first ones are left to routers, servers and printers.
      "pools": [ {{ "pool": "{first} - {last}" }} ],

      "option-data": [
{options}
      ],

      // One client that always gets the same address, which may also lie outside the pools:
      // {{ "hw-address": "02:00:00:00:00:01", "ip-address": "{example}", "hostname": "printer" }}
      "reservations": []
    }}
  ],

  // What is logged, and where to.
  "loggers": [
    {{ "name": "kea-dhcp4", "severity": "INFO", "output_options": [ {{ "output": "stdout" }} ] }}
  ]
}} }}
"""

SIX: Final = """\
// A DHCPv6 server for {subnet} on {interface}. Comments and a comma too many are allowed in this file.
// `dhcpkit check` shows what is wrong with it, `dhcpkit explain` what a client gets and why.
// Routers tell clients by their advertisements (flag "managed") that there is DHCPv6; routes come from them too.
{{ "Dhcp6": {{

  // Where the server listens: names of interfaces, or "*" for all of them.
  "interfaces-config": {{ "interfaces": [ {interface_text} ] }},

  // Leases are kept in a file; it is cleaned up every hour.
  "lease-database": {{ "type": "memfile", "persist": true, "lfc-interval": 3600 }},

  // Seconds: how long an address is preferred and valid, and when clients come back (T1, T2).
  "preferred-lifetime": 3000,
  "valid-lifetime": 4000,
  "renew-timer": 1000,
  "rebind-timer": 2000,

  // Seconds that an address rests which somebody else was found to use.
  "decline-probation-period": 3600,

  "subnet6": [
    {{
      // Leases know their subnet by this number: never give it to another one.
      "id": 1,
      "subnet": "{subnet}",
{where}
      // Addresses for clients at large.
      "pools": [ {{ "pool": "{first} - {last}" }} ],

{delegation}
      "option-data": [
{options}
      ],

      // One client that always gets the same address, known by its DUID:
      // {{ "duid": "00:03:00:01:02:00:00:00:00:01", "ip-addresses": [ "{example}" ], "hostname": "printer" }}
      "reservations": []
    }}
  ],

  // What is logged, and where to.
  "loggers": [
    {{ "name": "kea-dhcp6", "severity": "INFO", "output_options": [ {{ "output": "stdout" }} ] }}
  ]
}} }}
"""


@attrs.frozen
class Wishes:
    """What the command line says besides the prefix."""

    interface: str = "eth0"
    router: str = ""
    dns: Sequence[str] = ()
    domain: str = ""
    delegate: str = ""
    relay: str = ""


def configuration4(subnet: IPv4Network, wishes: Wishes) -> str:
    """The text for an IPv4 subnet. ValueError where it has no room for clients or a wish does not fit."""
    if subnet.prefixlen > 30:
        raise ValueError(f"{subnet} has no addresses for clients")
    size = subnet.num_addresses
    first = subnet.network_address + min(KEPT, max(2, size // 8))
    router = ip_address(wishes.router) if wishes.router else subnet.network_address + 1
    if router not in subnet:
        raise ValueError(f"the router {router} is not in {subnet}")
    options = [("routers", str(router), "The router that clients send everything else to.")]
    if wishes.dns:
        options.append(("domain-name-servers", ", ".join(wishes.dns), "Servers that know the names."))
    if wishes.domain:
        options.append(("domain-name", wishes.domain, "The domain that names are in."))
    return FOUR.format(
        subnet=subnet,
        interface=wishes.interface,
        interface_text=json.dumps(wishes.interface),
        where=_where(wishes),
        first=first,
        last=subnet.broadcast_address - 1,
        options=_options(options),
        example=first if size <= 8 else subnet.network_address + 5,
    )


def configuration6(subnet: IPv6Network, wishes: Wishes) -> str:
    """The text for an IPv6 subnet, as `configuration4` gives it."""
    if subnet.prefixlen > 124:
        raise ValueError(f"{subnet} has no addresses for clients")
    bits = min(POOL6_BITS, 127 - subnet.prefixlen)
    first = subnet.network_address + (1 << bits)
    options = []
    if wishes.dns:
        options.append(("dns-servers", ", ".join(wishes.dns), "Servers that know the names."))
    if wishes.domain:
        options.append(("domain-search", wishes.domain, "Domains that names are looked for in."))
    return SIX.format(
        subnet=subnet,
        interface=wishes.interface,
        interface_text=json.dumps(wishes.interface),
        where=_where(wishes),
        first=first,
        last=first + ((1 << bits) - 1),
        delegation=_delegation(wishes.delegate),
        options=_options(options),
        example=subnet.network_address + 5,
    )


def _where(wishes: Wishes) -> str:
    """Which clients a subnet is for."""
    if wishes.relay:
        relay = ip_address(wishes.relay)
        return (
            "\n      // Clients behind the relay agent with this address belong here.\n"
            f'      "relay": {{ "ip-addresses": [ "{relay}" ] }},\n'
        )
    if wishes.interface == "*":
        return ""
    return (
        "\n      // Clients that are heard on this interface belong here.\n"
        f'      "interface": {json.dumps(wishes.interface)},\n'
    )


def _delegation(text: str) -> str:
    remark = "      // Prefixes for routers that ask for one (RFC 8415 6.3)"
    if not text:
        example = '"prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56'
        return f'{remark}:\n      // {{ {example} }}\n      "pd-pools": [],\n'
    prefix = IPv6Network(text)
    length = max(prefix.prefixlen, DELEGATED_LEN)
    pool = f'"prefix": "{prefix.network_address}", "prefix-len": {prefix.prefixlen}, "delegated-len": {length}'
    return f'{remark}.\n      "pd-pools": [ {{ {pool} }} ],\n'


def _options(options: Sequence[tuple[str, str, str]]) -> str:
    if not options:
        return '        // { "name": "dns-servers", "data": "2001:db8::53" }'
    lines = []
    for index, (name, data, remark) in enumerate(options):
        comma = "," if index < len(options) - 1 else ""
        lines += [f"        // {remark}", f'        {{ "name": "{name}", "data": {json.dumps(data)} }}{comma}']
    return "\n".join(lines)


def init(  # noqa: PLR0913  # the command's options
    prefix: Annotated[str, typer.Argument(help="The link's prefix, 192.0.2.0/24 or 2001:db8::/64.")],
    output: Annotated[Path | None, typer.Argument(help="The file to write; none: standard output.")] = None,
    *,
    interface: Annotated[str, typer.Option(help="The interface the server listens on.")] = "eth0",
    router: Annotated[str, typer.Option(help="The router clients are told (DHCPv4); the subnet's first address.")] = "",
    dns: Annotated[list[str] | None, typer.Option(help="A name server clients are told.")] = None,
    domain: Annotated[str, typer.Option(help="The domain clients are told.")] = "",
    delegate: Annotated[str, typer.Option(help="A prefix whose parts are delegated (DHCPv6), 2001:db8::/40.")] = "",
    relay: Annotated[str, typer.Option(help="The relay agent the clients are behind, if they are.")] = "",
) -> None:
    """Writes a first configuration for one link, with a remark at each key. Never overwrites a file."""
    try:
        wishes = Wishes(interface, router, [str(ip_address(each)) for each in dns or ()], domain, delegate, relay)
        subnet = ip_network(prefix)
        text = configuration4(subnet, wishes) if isinstance(subnet, IPv4Network) else configuration6(subnet, wishes)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if output is None:
        print(text, end="")
        return
    with output.open("x") as file:
        file.write(text)
