"""Subnets and shared networks by command, as Kea's `libdhcp_subnet_cmds.so`: looked at, added, changed, removed.

Every change is a change of the whole configuration: checked like `config-set`, in force at once or not at all, and
written to no file before `config-write` is asked for. A server has the commands of both families, as in Kea; of the
other one it has no subnets. Edits themselves are in `subnet_cmds_edits`. This module does not know channels.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import Any, Final

from dhcpkit.config.normal import network_form, subnet_form
from dhcpkit.config.param import Document, Json, document, param
from dhcpkit.hooks.commands import Access, Answer, Refused, Result, command
from dhcpkit.hooks.libraries.subnet_cmds_edits import Edited, add_to, check_entry, shown, take_from
from dhcpkit.hooks.library import Library

__all__ = [
    "NetworkArguments",
    "NetworkSubnetArguments",
    "NetworksArguments",
    "RemovalArguments",
    "SubnetArguments",
    "SubnetCmds",
    "SubnetIdArguments",
    "Subnets4Arguments",
    "Subnets6Arguments",
]

FOUND: Final = (Result.SUCCESS, Result.ERROR, Result.EMPTY)
Map = dict[str, Any]


@document("arguments")
class SubnetArguments(Document):
    """Which subnet: its id or its prefix."""

    id: int | None = param(default=None, doc="The subnet's id.")
    subnet: str = param(default="", doc="The subnet's prefix.")


@document("arguments")
class SubnetIdArguments(Document):
    """Which subnet."""

    id: int = param(doc="The subnet's id.")


@document("arguments")
class Subnets4Arguments(Document):
    """One subnet, in a list."""

    subnet4: tuple[Json, ...] = param(doc="One subnet, as in a configuration, without reservations.")


@document("arguments")
class Subnets6Arguments(Document):
    """One subnet, in a list."""

    subnet6: tuple[Json, ...] = param(doc="One subnet, as in a configuration, without reservations.")


@document("arguments")
class NetworkArguments(Document):
    """Which shared network."""

    name: str = param(doc="The shared network's name.")


@document("arguments")
class RemovalArguments(NetworkArguments):
    """Which shared network, and what becomes of its subnets."""

    subnets_action: str = param(
        default="keep", choices=("keep", "delete"), doc="Whether its subnets stay, in no shared network, or go."
    )


@document("arguments")
class NetworksArguments(Document):
    """One shared network, in a list."""

    shared_networks: tuple[Json, ...] = param(doc="One shared network, as in a configuration.")


@document("arguments")
class NetworkSubnetArguments(NetworkArguments):
    """Which shared network, and which subnet."""

    id: int = param(doc="The subnet's id.")


class SubnetCmds(Library):
    """Looks at subnets and shared networks, and changes them while the server runs."""

    name = "subnet_cmds"

    # What all of one kind have in common; `family` is that of the command, not of the server.

    def _ours(self, family: int) -> bool:
        return bool(self.operated.family == family)

    def _networks(self, family: int) -> Sequence[Any]:
        return tuple(self.operated.doc.shared_networks) if self._ours(family) else ()

    async def _edit(self, family: int, change: Callable[[Edited], None]) -> None:
        """Puts a change in force. Raises Refused."""
        if not self._ours(family):
            raise Refused(f"this server serves no IPv{family} subnets")
        await self.operated.edit(lambda config: change(Edited(config, family)))

    def _list(self, family: int) -> Answer:
        network = self.operated.network
        subnets: list[Map] = [
            {
                "id": subnet.id,
                "shared-network-name": None if (around := network.shared_network(subnet)) is None else around.name,
                "subnet": str(subnet.prefix),
            }
            for subnet in (network.subnets if self._ours(family) else ())
        ]
        subnets.sort(key=lambda each: int(each["id"]))
        return _listed({"subnets": subnets}, f"IPv{family} subnet")

    def _get(self, family: int, sent: Any) -> Answer:
        name = f"subnet{family}-get"
        _some(sent, name)
        if len(sent) != 1:
            what = f"for the '{name}' command. Expecting 'id' or 'subnet'"
            raise Refused(f"invalid number of arguments {len(sent)} {what}")
        [(key, value)] = sent.items()
        if key == "id":
            if type(value) is not int:
                raise Refused("'id' parameter must be an integer")
            number, nothing = value, f"No subnet with id {value} found"
        elif key == "subnet":
            if not isinstance(value, str):
                raise Refused("'subnet' parameter must be a string")
            number, nothing = self._number(family, value), f"No {value} subnet found"
        else:
            raise Refused(f"unsupported parameter '{key}' for the '{name}' command. Expecting 'id' or 'subnet'")
        found = subnet_form(self.operated.doc, number) if self._ours(family) else None
        if found is None:
            raise Refused(nothing, Result.EMPTY)
        told = f"Info about IPv{family} subnet {found['subnet']} (id {number}) returned"
        return Answer(text=told, arguments={f"subnet{family}": [_without_reservations(found)]})

    def _number(self, family: int, prefix: str) -> int:
        """The id of the subnet with a prefix, 0 where there is none."""
        if not self._ours(family):
            return 0
        try:
            wanted = ip_network(prefix)
        except ValueError:
            return 0
        return next((int(subnet.id) for subnet in self.operated.network.subnets if subnet.prefix == wanted), 0)

    async def _add(self, family: int, sent: Any) -> Answer:
        name = f"subnet{family}-add"
        entry = _one_subnet(sent, family, name)
        if "reservations" in entry:
            instead = "Use 'reservation-add' to add a reservation to a subnet"
            raise Refused(f"must not specify host reservations with '{name}'. {instead}")
        if "id" in entry:
            check_entry(entry)
        _check_interface(entry)
        await self._edit(family, lambda edited: edited.add(entry))
        return Answer(text=f"IPv{family} subnet added", arguments={"subnets": [shown(entry)]})

    async def _change(self, family: int, sent: Any, name: str, change: Callable[[Edited, Map], None]) -> Answer:
        entry = _one_subnet(sent, family, name)
        if "id" not in entry:
            raise Refused(f"must specify subnet id with '{name}' command.")
        if "reservations" in entry:
            raise Refused(f"must not specify host reservations with '{name}'.")
        check_entry(entry)
        _check_interface(entry)
        await self._edit(family, lambda edited: change(edited, entry))
        return Answer(text=f"IPv{family} subnet updated", arguments={"subnets": [shown(entry)]})

    async def _remove(self, family: int, sent: Any) -> Answer:
        name = f"subnet{family}-del"
        _some(sent, name)
        if len(sent) != 1:
            raise Refused(f"invalid number of arguments specified for the '{name} command. Expected subnet identifier")
        if "id" not in sent:
            raise Refused(f"subnet identifier is required for the '{name}' command")
        number = sent["id"]
        if type(number) is not int:
            raise Refused(f"subnet identifier specified for the '{name}' is not a number")
        removed: list[Map] = []
        if not self._ours(family):
            raise Refused(f"no subnet with id {number} found", Result.EMPTY)
        await self._edit(family, lambda edited: removed.append(edited.remove(number)))
        told = shown(removed[-1])
        return Answer(text=f"IPv{family} subnet {told['subnet']} (id {number}) deleted", arguments={"subnets": [told]})

    def _list_networks(self, family: int) -> Answer:
        networks = [{"name": network.name} for network in self._networks(family)]
        return _listed({"shared-networks": networks}, f"IPv{family} network")

    def _get_network(self, family: int, sent: Any) -> Answer:
        name = f"network{family}-get"
        _some(sent, name)
        if "name" not in sent:
            raise Refused(f"invalid '{name}': missing mandatory 'name' parameter")
        if not isinstance(sent["name"], str):
            raise Refused("'name' parameter must be a string")
        found = network_form(self.operated.doc, sent["name"]) if self._ours(family) else None
        if found is None:
            raise Refused(f"No '{sent['name']}' shared network found", Result.EMPTY)
        key = f"subnet{family}"
        found[key] = [_without_reservations(subnet) for subnet in found[key]]
        told = f"Info about IPv{family} shared network '{sent['name']}' returned"
        return Answer(text=told, arguments={"shared-networks": [found]})

    async def _add_network(self, family: int, sent: Any) -> Answer:
        name = f"network{family}-add"
        entry = _one_of(sent, "shared-networks", name, "networks")
        inside = entry.get(f"subnet{family}", [])
        for subnet in inside if isinstance(inside, list) else ():
            if isinstance(subnet, dict):
                _check_interface(subnet)
        await self._edit(family, lambda edited: edited.add_network(entry))
        told = {"shared-networks": [{"name": entry["name"]}]}
        return Answer(text=f"A new IPv{family} shared network '{entry['name']}' added", arguments=told)

    async def _remove_network(self, family: int, sent: Any) -> Answer:
        name = f"network{family}-del"
        _some(sent, name)
        if "name" not in sent:
            raise Refused(f"network name ('name') is required for the '{name}' command")
        if not isinstance(sent["name"], str):
            raise Refused(f"network name ('name') specified for the '{name}' is not a string")
        action, supported = sent.get("subnets-action", "keep"), "'keep' and 'delete'."
        if not isinstance(action, str):
            what = f"subnets-action parameter for {name} command must be a string"
            raise Refused(f"{what}. Supported values are: {supported}")
        if action not in ("keep", "delete"):
            raise Refused(f"Invalid value for subnets-action parameter: {action}, Supported values: {supported}")
        if not self._ours(family):
            raise Refused(f"no shared network with name '{sent['name']}' found", Result.EMPTY)
        await self._edit(family, lambda edited: edited.remove_network(sent["name"], keep=action == "keep"))
        told = {"shared-networks": [{"name": sent["name"]}]}
        return Answer(text=f"IPv{family} shared network '{sent['name']}' deleted", arguments=told)

    async def _move(self, family: int, sent: Any, name: str, change: Callable[[Edited, str, int], Map]) -> Answer:
        _some(sent, name)
        for key in ("name", "id"):
            if key not in sent:
                raise Refused(f"missing '{key}' argument for the '{name}' command")
        if not isinstance(sent["name"], str):
            raise Refused(f"'name' argument specified for the '{name}' command is not a string")
        if type(sent["id"]) is not int:
            raise Refused(f"'name' argument specified for the '{name}' command is not an integer")
        if not self._ours(family):
            raise Refused(f"no IPv{family} shared network with name '{sent['name']}' found", Result.EMPTY)
        moved: list[Map] = []
        await self._edit(family, lambda edited: moved.append(change(edited, sent["name"], sent["id"])))
        now = "part of" if name.endswith("-add") else "removed from"
        which = f"IPv{family} subnet {shown(moved[-1])['subnet']} (id {sent['id']})"
        return Answer(text=f"{which} is now {now} shared network '{sent['name']}'")

    @command("subnet4-list", Access.READ, since="1.3.0", results=FOUND)
    def subnet4_list(self) -> Answer:
        """Lists the subnets: id, prefix, and the shared network each is in."""
        return self._list(4)

    @command("subnet4-get", Access.READ, since="1.3.0", arguments=SubnetArguments, raw=True, results=FOUND)
    def subnet4_get(self, sent: Any) -> Answer:
        """Tells all about one subnet, by its id or its prefix; reservations are left out."""
        return self._get(4, sent)

    @command("subnet4-add", Access.WRITE, since="1.3.0", arguments=Subnets4Arguments, raw=True)
    async def subnet4_add(self, sent: Any) -> Answer:
        """Adds one subnet, with an id and without reservations."""
        return await self._add(4, sent)

    @command("subnet4-update", Access.WRITE, since="1.6.0", arguments=Subnets4Arguments, raw=True)
    async def subnet4_update(self, sent: Any) -> Answer:
        """Puts a subnet in the place of the one with its id; its reservations and its shared network stay."""
        return await self._change(4, sent, "subnet4-update", Edited.update)

    @command("subnet4-delta-add", Access.WRITE, since="2.1.7", arguments=Subnets4Arguments, raw=True)
    async def subnet4_delta_add(self, sent: Any) -> Answer:
        """Adds to a subnet, or changes, what is given; pools, options and user contexts one by one."""
        return await self._change(4, sent, "subnet4-delta-add", _add_parts)

    @command("subnet4-delta-del", Access.WRITE, since="2.1.7", arguments=Subnets4Arguments, raw=True)
    async def subnet4_delta_del(self, sent: Any) -> Answer:
        """Takes from a subnet what is named, whatever value is given with it."""
        return await self._change(4, sent, "subnet4-delta-del", _take_parts)

    @command("subnet4-del", Access.WRITE, since="1.3.0", arguments=SubnetIdArguments, raw=True, results=FOUND)
    async def subnet4_del(self, sent: Any) -> Answer:
        """Removes a subnet. Leases in it stay in the store until they end."""
        return await self._remove(4, sent)

    @command("network4-list", Access.READ, since="1.3.0", results=FOUND)
    def network4_list(self) -> Answer:
        """Lists the names of the shared networks."""
        return self._list_networks(4)

    @command("network4-get", Access.READ, since="1.3.0", arguments=NetworkArguments, raw=True, results=FOUND)
    def network4_get(self, sent: Any) -> Answer:
        """Tells all about one shared network and its subnets; reservations are left out."""
        return self._get_network(4, sent)

    @command("network4-add", Access.WRITE, since="1.3.0", arguments=NetworksArguments, raw=True)
    async def network4_add(self, sent: Any) -> Answer:
        """Adds one shared network, with subnets or without."""
        return await self._add_network(4, sent)

    @command("network4-del", Access.WRITE, since="1.3.0", arguments=RemovalArguments, raw=True, results=FOUND)
    async def network4_del(self, sent: Any) -> Answer:
        """Removes a shared network; its subnets stay, in no shared network, unless they are to go too."""
        return await self._remove_network(4, sent)

    @command(
        "network4-subnet-add", Access.WRITE, since="1.3.0", arguments=NetworkSubnetArguments, raw=True, results=FOUND
    )
    async def network4_subnet_add(self, sent: Any) -> Answer:
        """Moves a subnet that is in no shared network into one."""
        return await self._move(4, sent, "network4-subnet-add", Edited.join)

    @command(
        "network4-subnet-del", Access.WRITE, since="1.3.0", arguments=NetworkSubnetArguments, raw=True, results=FOUND
    )
    async def network4_subnet_del(self, sent: Any) -> Answer:
        """Moves a subnet out of its shared network."""
        return await self._move(4, sent, "network4-subnet-del", Edited.part)

    @command("subnet6-list", Access.READ, since="1.3.0", results=FOUND)
    def subnet6_list(self) -> Answer:
        """Lists the subnets: id, prefix, and the shared network each is in."""
        return self._list(6)

    @command("subnet6-get", Access.READ, since="1.3.0", arguments=SubnetArguments, raw=True, results=FOUND)
    def subnet6_get(self, sent: Any) -> Answer:
        """Tells all about one subnet, by its id or its prefix; reservations are left out."""
        return self._get(6, sent)

    @command("subnet6-add", Access.WRITE, since="1.3.0", arguments=Subnets6Arguments, raw=True)
    async def subnet6_add(self, sent: Any) -> Answer:
        """Adds one subnet, with an id and without reservations."""
        return await self._add(6, sent)

    @command("subnet6-update", Access.WRITE, since="1.6.0", arguments=Subnets6Arguments, raw=True)
    async def subnet6_update(self, sent: Any) -> Answer:
        """Puts a subnet in the place of the one with its id; its reservations and its shared network stay."""
        return await self._change(6, sent, "subnet6-update", Edited.update)

    @command("subnet6-delta-add", Access.WRITE, since="2.1.7", arguments=Subnets6Arguments, raw=True)
    async def subnet6_delta_add(self, sent: Any) -> Answer:
        """Adds to a subnet, or changes, what is given; pools, options and user contexts one by one."""
        return await self._change(6, sent, "subnet6-delta-add", _add_parts)

    @command("subnet6-delta-del", Access.WRITE, since="2.1.7", arguments=Subnets6Arguments, raw=True)
    async def subnet6_delta_del(self, sent: Any) -> Answer:
        """Takes from a subnet what is named, whatever value is given with it."""
        return await self._change(6, sent, "subnet6-delta-del", _take_parts)

    @command("subnet6-del", Access.WRITE, since="1.3.0", arguments=SubnetIdArguments, raw=True, results=FOUND)
    async def subnet6_del(self, sent: Any) -> Answer:
        """Removes a subnet. Leases in it stay in the store until they end."""
        return await self._remove(6, sent)

    @command("network6-list", Access.READ, since="1.3.0", results=FOUND)
    def network6_list(self) -> Answer:
        """Lists the names of the shared networks."""
        return self._list_networks(6)

    @command("network6-get", Access.READ, since="1.3.0", arguments=NetworkArguments, raw=True, results=FOUND)
    def network6_get(self, sent: Any) -> Answer:
        """Tells all about one shared network and its subnets; reservations are left out."""
        return self._get_network(6, sent)

    @command("network6-add", Access.WRITE, since="1.3.0", arguments=NetworksArguments, raw=True)
    async def network6_add(self, sent: Any) -> Answer:
        """Adds one shared network, with subnets or without."""
        return await self._add_network(6, sent)

    @command("network6-del", Access.WRITE, since="1.3.0", arguments=RemovalArguments, raw=True, results=FOUND)
    async def network6_del(self, sent: Any) -> Answer:
        """Removes a shared network; its subnets stay, in no shared network, unless they are to go too."""
        return await self._remove_network(6, sent)

    @command(
        "network6-subnet-add", Access.WRITE, since="1.3.0", arguments=NetworkSubnetArguments, raw=True, results=FOUND
    )
    async def network6_subnet_add(self, sent: Any) -> Answer:
        """Moves a subnet that is in no shared network into one."""
        return await self._move(6, sent, "network6-subnet-add", Edited.join)

    @command(
        "network6-subnet-del", Access.WRITE, since="1.3.0", arguments=NetworkSubnetArguments, raw=True, results=FOUND
    )
    async def network6_subnet_del(self, sent: Any) -> Answer:
        """Moves a subnet out of its shared network."""
        return await self._move(6, sent, "network6-subnet-del", Edited.part)


def _add_parts(edited: Edited, entry: Map) -> None:
    add_to(edited.known(entry).entry, entry)


def _take_parts(edited: Edited, entry: Map) -> None:
    found = edited.known(entry)
    unknown = [key for key in entry if key not in edited.keys]
    if unknown:
        raise Refused(f"spurious '{unknown[0]}' parameter")
    take_from(found.entry, entry)


def _listed(told: Map, noun: str) -> Answer:
    [(_, found)] = told.items()
    text = f"{len(found)} {noun}{'' if len(found) == 1 else 's'} found"
    return Answer(Result.SUCCESS if found else Result.EMPTY, text, told)


def _without_reservations(subnet: Map) -> Map:
    return {key: value for key, value in subnet.items() if key not in ("reservations", "shared-network-name")}


def _some(sent: Any, name: str) -> None:
    """Whether a command has arguments at all. Raises Refused."""
    if sent is None:
        raise Refused(f"no arguments specified for the '{name}' command")
    if not isinstance(sent, dict):
        raise Refused(f"arguments specified for the '{name}' command are not a map")


def _one_subnet(sent: Any, family: int, name: str) -> Map:
    key = f"subnet{family}"
    _some(sent, name)
    if len(sent) != 1:
        what = f"for the '{name}' command. Expecting '{key}' list"
        raise Refused(f"invalid number of arguments {len(sent)} {what}")
    return _one_of(sent, key, name, "subnets")


def _one_of(sent: Any, key: str, name: str, noun: str) -> Map:
    """The one map in a list that a command takes, as a copy. Raises Refused."""
    _some(sent, name)
    if key not in sent:
        raise Refused(f"missing '{key}' argument for the '{name}' command")
    listed = sent[key]
    if not isinstance(listed, list):
        raise Refused(f"'{key}' argument specified for the '{name}' command is not a list")
    if len(listed) != 1:
        raise Refused(f"invalid number of {noun} specified for the '{name}' command. Expected one {noun[:-1]}")
    [entry] = listed
    if not isinstance(entry, dict):
        raise Refused(f"invalid {noun[:-1]} information specified for the'{name}' command. Expected a map")
    return dict(entry)


def _check_interface(entry: Map) -> None:
    """Whether the interface of a subnet is there. Raises Refused."""
    name = entry.get("interface")
    if isinstance(name, str) and name and name not in {known for _, known in socket.if_nameindex()}:
        where = f"Specified network interface name {name} for subnet {entry.get('subnet')}"
        raise Refused(f"subnet configuration failed: {where} is not present in the system")
