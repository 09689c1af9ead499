"""Edits of the subnets and shared networks of a configuration's JSON map, as the commands about them mean them.

Every edit is a function on the map under `Dhcp4` or `Dhcp6`; whether what comes out can be served is for whoever puts
it in force. Texts of what is refused are Kea's. This module does not know servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

import attrs

from dhcpkit.config.dhcp4 import Subnet4Doc
from dhcpkit.config.dhcp6 import Subnet6Doc
from dhcpkit.config.forms import any_address_text, pool_text, prefix_text
from dhcpkit.hooks.commands import Refused, Result

__all__ = ["Edited", "Found", "add_to", "check_entry", "shown", "take_from"]

Map = dict[str, Any]
FAILED: Final = "subnet configuration failed: "
ID_MAX: Final = 0xFFFFFFFE  # the number above it means "no subnet"


@attrs.frozen
class Found:
    """A subnet of a configuration: its entry, the list it is in, and the shared network around it."""

    entry: Map
    among: list[Map]
    network: Map | None


class Edited:
    """A configuration that is edited. Subnets without a number are given theirs first, so that no edit moves it."""

    def __init__(self, config: Map, family: int) -> None:
        self.config = config
        self.key = f"subnet{family}"
        self.keys = (Subnet4Doc if family == 4 else Subnet6Doc).by_key.keys()
        self.name = f"IPv{family}"
        counter = 0
        for found in self.subnets():
            if not found.entry.get("id"):
                counter += 1
                found.entry["id"] = counter

    @property
    def networks(self) -> list[Map]:
        """The shared networks."""
        found: list[Map] = self.config.setdefault("shared-networks", [])
        return found

    @property
    def plain(self) -> list[Map]:
        """The subnets that are in no shared network."""
        found: list[Map] = self.config.setdefault(self.key, [])
        return found

    def subnets(self) -> Iterator[Found]:
        """All subnets, those of shared networks first: the order in which numbers are given."""
        for network in self.networks:
            among: list[Map] = network.setdefault(self.key, [])
            yield from (Found(entry, among, network) for entry in among)
        yield from (Found(entry, self.plain, None) for entry in self.plain)

    def find(self, number: int) -> Found | None:
        """The subnet with a number."""
        return next((found for found in self.subnets() if found.entry["id"] == number), None)

    def network(self, name: str) -> Map | None:
        """The shared network with a name."""
        return next((network for network in self.networks if network.get("name") == name), None)

    # What subnet commands do.

    def add(self, entry: Map) -> None:
        """A new subnet, in no shared network. Raises Refused."""
        self.check_new(entry)
        self.plain.append(entry)

    def check_new(self, entry: Map) -> None:
        """Whether a subnet can be added besides those there are. Raises Refused."""
        if "id" not in entry:
            raise Refused(f"{FAILED}missing parameter 'id'")
        check_entry(entry)
        if self.find(entry["id"]) is not None:
            raise Refused(f"ID of the new {self.name} subnet '{entry['id']}' is already in use")
        self._check_prefix(entry)

    def _check_prefix(self, entry: Map) -> None:
        ours = _prefix(entry["subnet"])
        for found in self.subnets():
            if found.entry["id"] != entry["id"] and _prefix(found.entry["subnet"]) == ours:
                raise Refused(f"subnet with the prefix of '{ours}' already exists")

    def update(self, entry: Map) -> None:
        """Another subnet in the place of the one with its number; reservations stay. Raises Refused."""
        found = self.known(entry)
        self._check_prefix(entry)
        kept = {key: found.entry[key] for key in ("reservations",) if key in found.entry}
        found.among[found.among.index(found.entry)] = entry | kept

    def known(self, entry: Map) -> Found:
        """The subnet that an entry is about. Raises Refused."""
        check_entry(entry)
        found = self.find(entry["id"])
        if found is None:
            raise Refused(f"Can't find subnet '{entry['id']}' to update")
        return found

    def remove(self, number: int) -> Map:
        """Takes a subnet out. Raises Refused."""
        found = self.find(number)
        if found is None:
            raise Refused(f"no subnet with id {number} found", Result.EMPTY)
        found.among.remove(found.entry)
        return found.entry

    # What commands about shared networks do.

    def add_network(self, entry: Map) -> None:
        """A new shared network, with the subnets it brings. Raises Refused."""
        if self.network(str(entry.get("name"))) is not None:
            raise Refused(f"duplicate network '{entry['name']}' found in the configuration")
        inside = entry.get(self.key, [])
        for subnet in inside if isinstance(inside, list) else ():
            if isinstance(subnet, dict):
                self.check_new(subnet)
        self.networks.append(entry)

    def remove_network(self, name: str, *, keep: bool) -> None:
        """Takes a shared network out; its subnets stay (`keep`) or go with it. Raises Refused."""
        network = self.network(name)
        if network is None:
            raise Refused(f"no shared network with name '{name}' found", Result.EMPTY)
        self.networks.remove(network)
        if keep:
            self.plain.extend(network.get(self.key, []))

    def join(self, name: str, number: int) -> Map:
        """Moves a subnet into a shared network. Raises Refused."""
        network, found = self.network(name), self.find(number)
        if network is None:
            raise Refused(f"no {self.name} shared network with name '{name}' found", Result.EMPTY)
        if found is None:
            raise Refused(f"no {self.name} subnet with id '{number}' found", Result.EMPTY)
        if found.network is network:
            raise Refused(f"attempted to add subnet with a duplicated subnet identifier {number}")
        if found.network is not None:
            raise Refused(f"subnet {number} being added to a shared network already belongs to a shared network")
        found.among.remove(found.entry)
        network.setdefault(self.key, []).append(found.entry)
        return found.entry

    def part(self, name: str, number: int) -> Map:
        """Moves a subnet out of a shared network. Raises Refused."""
        network, found = self.network(name), self.find(number)
        if network is None:
            raise Refused(f"no {self.name} shared network with name '{name}' found", Result.EMPTY)
        if found is None or found.network is not network:
            where = f"shared network with name '{name}' found"
            raise Refused(f"The {self.name} subnet with id {number} is not part of the {where}", Result.EMPTY)
        found.among.remove(found.entry)
        self.plain.append(found.entry)
        return found.entry


def check_entry(entry: Map) -> None:
    """Whether a subnet says which one it is. Raises Refused."""
    number = entry["id"]
    if type(number) is not int:
        raise Refused("'id' parameter is not an integer")
    if not 1 <= number <= ID_MAX:
        message = f"The 'id' value ({number}) is not within expected range: (1 - {ID_MAX})"
        raise Refused(f"{FAILED}{message}")
    if "subnet" not in entry:
        raise Refused(f"{FAILED}mandatory 'subnet' parameter is missing for a subnet being configured")
    if not isinstance(entry["subnet"], str):
        raise Refused("'subnet' parameter is not a string")


def _prefix(text: Any) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return str(text)


# Parts of a subnet: what is given is added to, or taken from, what there is.


def _same_option(one: Map, other: Map) -> bool:
    if one.get("space", "") != other.get("space", ""):
        return False
    return any(key in one and one[key] == other.get(key) for key in ("code", "name"))


def _same_pool(one: Map, other: Map) -> bool:
    return pool_text(str(one.get("pool"))) == pool_text(str(other.get("pool")))


def _same_prefixes(one: Map, other: Map) -> bool:
    return _pd_key(one) == _pd_key(other)


def _pd_key(entry: Map) -> tuple[str, Any]:
    return any_address_text(str(entry.get("prefix"))), entry.get("prefix-len")


# The lists whose members are known by some of their keys: how two are told to be one, and by which keys.
MEMBERS: Final = {
    "option-data": (_same_option, frozenset(("code", "name", "space"))),
    "pools": (_same_pool, frozenset(("pool",))),
    "pd-pools": (_same_prefixes, frozenset(("prefix", "prefix-len", "delegated-len"))),
}


def add_to(entry: Map, more: Map) -> None:
    """What `more` says holds, and the rest stays; members of lists are added to those they are the same as."""
    for key, value in more.items():
        there = entry.get(key)
        if value is None:
            continue
        if isinstance(value, dict) and isinstance(there, dict):
            add_to(there, value)
        elif isinstance(value, list) and isinstance(there, list):
            for each in value:
                known = _known(there, each, key)
                if known is not None:
                    add_to(known, each)
                elif each not in there:
                    there.append(each)
        else:
            entry[key] = value


def take_from(entry: Map, less: Map, keys: frozenset[str] = frozenset(("id", "subnet"))) -> None:
    """What `less` names is taken away, whatever value it gives; a member of a list goes if nothing else is named."""
    for key, value in less.items():
        there = entry.get(key)
        if key in keys or there is None:
            continue
        if isinstance(value, dict) and isinstance(there, dict):
            take_from(there, value, frozenset())
        elif isinstance(value, list) and isinstance(there, list):
            for each in value:
                _take_member(there, each, key)
        else:
            del entry[key]
            continue
        if not entry[key]:
            del entry[key]


def _take_member(there: list[Any], each: Any, key: str) -> None:
    known = _known(there, each, key)
    if known is None:
        if each in there:
            there.remove(each)
    elif set(each) <= MEMBERS[key][1]:
        there.remove(known)
    else:
        take_from(known, each, MEMBERS[key][1])


def _known(there: list[Any], each: Any, key: str) -> Map | None:
    """The member of a list that is the same as another."""
    if key not in MEMBERS or not isinstance(each, dict):
        return None
    same = MEMBERS[key][0]
    return next((one for one in there if isinstance(one, dict) and same(one, each)), None)


def shown(entry: Map) -> Map:
    """A subnet as answers name it."""
    return {"id": entry["id"], "subnet": prefix_text(entry["subnet"])}
