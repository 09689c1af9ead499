"""What the commands about reservations are asked, and in whose words they refuse what makes no sense: Kea's.

The documents describe the arguments; they are read one after the other as Kea reads them, for the same refusals. This
module does not know where reservations are.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from dhcpkit.config.checks import Unfit, identifier
from dhcpkit.config.param import Document, Json, document, param
from dhcpkit.config.surroundings import U32
from dhcpkit.hooks.commands import Refused

__all__ = [
    "SUBNET_MAX",
    "TARGETS",
    "U64",
    "ByAddress",
    "ByHostname",
    "ById",
    "InSubnet",
    "One",
    "Page",
    "Target",
    "Targeted",
    "Written",
    "address_of",
    "identifier_of",
    "integer_of",
    "map_of",
    "subnet_of",
    "target_of",
    "text_of",
]

SUBNET_MAX: Final = U32 - 1  # the last number of 32 bits means no subnet to Kea
U64: Final = 2**64 - 1
EVERY_KIND: Final = (
    "hw-address",
    "duid",
    "circuit-id",
    "client-id",
    "flex-id",
)  # known to the servers of both families


class Target(enum.Enum):
    """Kea's `operation-target`: whose reservations a command is about."""

    MEMORY = "memory"
    DATABASE = "database"
    ALL = "all"
    DEFAULT = "default"

    def has_memory(self, default: bool) -> bool:  # noqa: FBT001  # what the default means is the command's business
        """Whether those of the configuration are meant."""
        return default if self is Target.DEFAULT else self in (Target.MEMORY, Target.ALL)

    def has_database(self) -> bool:
        """Whether those of the stores are meant; by default they always are."""
        return self is not Target.MEMORY


TARGETS: Final = tuple(each.value for each in Target)


@document("arguments")
class Targeted(Document):
    """Whose reservations are meant."""

    operation_target: str = param(
        default="default",
        choices=TARGETS,
        doc="memory: the configuration's. database: those of the stores. default: both to look, the stores to change.",
    )


@document("arguments")
class Written(Targeted):
    """A reservation to keep."""

    reservation: Json = param(doc="The reservation as in the configuration file, with subnet-id (0: everywhere).")


@document("arguments")
class One(Targeted):
    """Which reservation: by its address, or by its client."""

    subnet_id: int = param(low=0, high=SUBNET_MAX, doc="The subnet; 0 for the global reservations.")
    ip_address: str = param(default="", doc="The reserved address, or what a reserved prefix begins with.")
    identifier_type: str = param(default="", choices=EVERY_KIND, doc="How the client is known.")
    identifier: str = param(default="", doc="The client's identifier.")


@document("arguments")
class InSubnet(Targeted):
    """All of one subnet."""

    subnet_id: int = param(low=0, high=SUBNET_MAX, doc="The subnet; 0 for the global reservations.")


@document("arguments")
class Page(Document):
    """Some of many."""

    limit: int = param(low=1, high=U32, doc="How many at most.")
    subnet_id: int = param(default=None, low=0, high=SUBNET_MAX, inherit=0, doc="Only those of this subnet.")
    source_index: int = param(default=0, low=0, high=U32, doc="Where to go on: `next` of the answer before.")
    from_: int = param(default=0, key="from", low=0, high=U64, doc="Where to go on: `next` of the answer before.")


@document("arguments")
class ByHostname(Targeted):
    """By host name."""

    hostname: str = param(doc="The host name; upper and lower case are the same.")
    subnet_id: int = param(default=None, low=0, high=SUBNET_MAX, inherit=0, doc="Only those of this subnet.")


@document("arguments")
class ById(Targeted):
    """By client, in all subnets."""

    identifier_type: str = param(choices=EVERY_KIND, doc="How the client is known.")
    identifier: str = param(doc="The client's identifier.")


@document("arguments")
class ByAddress(Targeted):
    """By address."""

    ip_address: str = param(doc="The reserved address, or what a reserved prefix begins with.")
    subnet_id: int = param(default=None, low=0, high=SUBNET_MAX, inherit=0, doc="Only those of this subnet.")


# Reading, in Kea's words.


def map_of(arguments: Any) -> Mapping[str, Any]:
    """The arguments, which are a map. Raises Refused."""
    if not isinstance(arguments, dict):
        raise Refused("Parameters missing or are not a map.")
    return arguments


def integer_of(arguments: Mapping[str, Any], key: str, high: int, default: int | None = None) -> int:
    """A number from 0 on. Raises Refused, also where it is missing and there is no default."""
    if key not in arguments:
        if default is None:
            raise Refused(f"missing parameter '{key}'")
        return default
    value = arguments[key]
    if type(value) is not int:
        raise Refused(f"invalid type specified for parameter '{key}'")
    if not 0 <= value <= high:
        raise Refused(f"The '{key}' value ({value}) is not within expected range: (0 - {high})")
    return value


def text_of(arguments: Mapping[str, Any], key: str) -> str:
    """A text that has to be there. Raises Refused."""
    if key not in arguments:
        raise Refused(f"missing parameter '{key}'")
    value = arguments[key]
    if not isinstance(value, str):
        raise Refused(f"invalid type specified for parameter '{key}'")
    return value


def target_of(arguments: Mapping[str, Any]) -> Target:
    """Whose reservations are meant. Raises Refused."""
    if "operation-target" not in arguments:
        return Target.DEFAULT
    told = text_of(arguments, "operation-target")
    if told not in TARGETS:
        expected = ", ".join(TARGETS)
        raise Refused(f"The 'operation-target' value ({told}) is not within expected set: ({expected})")
    return Target(told)


def subnet_of(arguments: Mapping[str, Any], network: Any, family: int, *, needed: bool = False) -> int | None:
    """The subnet that is meant, None for all. Raises Refused, also where there is no such subnet."""
    if not needed and "subnet-id" not in arguments:
        return None
    number = integer_of(arguments, "subnet-id", SUBNET_MAX)
    if number and number not in network.by_id:
        raise Refused(f"IPv{family} subnet with ID of '{number}' is not configured")
    return number


def address_of(text: str, family: int) -> int:
    """An address of a family. Raises Refused."""
    kinds: tuple[type[IPv4Address | IPv6Address], ...] = (IPv4Address, IPv6Address)
    for kind in kinds:
        try:
            address = kind(text)
        except AddressValueError:
            continue
        if address.version == family:
            return int(address)
        raise Refused(f"must specify an IPv{family} address when searching for a host, specified address was {text}")
    raise Refused(f"Failed to convert string to address '{text}': Invalid argument")


def identifier_of(arguments: Mapping[str, Any], lacking: str = "") -> tuple[str, bytes]:
    """A client's identifier and its kind. Raises Refused, which `lacking` begins."""
    for key in ("identifier-type", "identifier"):
        if not isinstance(arguments.get(key), str):
            raise Refused(f"{lacking}'{key}' is either missing or not a string.")
    kind = arguments["identifier-type"]
    if kind not in EVERY_KIND:
        raise Refused("Value of 'identifier-type' was not recognized.")
    try:
        return kind, identifier(arguments["identifier"])
    except Unfit:
        raise Refused("Unable to parse 'identifier' value.") from None
