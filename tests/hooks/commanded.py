"""A server without sockets that takes commands: real configuration, network, store, counters; libraries as they are."""

import asyncio
import functools
import json
from pathlib import Path

from dhcpkit.backends import Memfile, MemoryStore
from dhcpkit.backends.memory6 import MemoryStore6
from dhcpkit.config import load4, load6
from dhcpkit.hooks import Hooks
from dhcpkit.hooks.commands import Commands
from dhcpkit.hooks.libraries.lease_cmds import LeaseCmds
from dhcpkit.hooks.libraries.stat_cmds import StatCmds
from dhcpkit.server.name_changes import WaitingNames
from dhcpkit.server.server4 import Server4
from dhcpkit.server.server6 import Server6

CONFIGS = {
    4: {
        "valid-lifetime": 4000,
        "subnet4": [
            {
                "id": 1,
                "subnet": "10.53.0.0/16",
                "pools": [{"pool": "10.53.1.0 - 10.53.1.255", "pool-id": 7}, {"pool": "10.53.2.0/28"}],
            },
            {"id": 2, "subnet": "10.60.0.0/24", "pools": [{"pool": "10.60.0.10-10.60.0.19"}]},
        ],
    },
    6: {
        "valid-lifetime": 4000,
        "preferred-lifetime": 3000,
        "subnet6": [
            {
                "id": 1,
                "subnet": "2001:db8:53::/64",
                "pools": [{"pool": "2001:db8:53::1:0 - 2001:db8:53::1:ffff", "pool-id": 7}],
                "pd-pools": [{"prefix": "3000:53::", "prefix-len": 40, "delegated-len": 56, "pool-id": 9}],
            },
            {"id": 2, "subnet": "2001:db8:60::/64", "pools": [{"pool": "2001:db8:60::10-2001:db8:60::1f"}]},
        ],
    },
}
LIBRARIES = (LeaseCmds, StatCmds)


@functools.cache
def loaded_of(family, text):
    """A configuration; read once, since tests make many servers of it."""
    return (load4 if family == 4 else load6)("dhcp.conf", lambda _: text)


class Commanded:
    """As Operated. `ask` sends a command and waits for its whole answer."""

    def __init__(self, folder, family, config=None, *, store=None, libraries=LIBRARIES, parameters=None):
        config = config if config is not None else CONFIGS[family]
        file = Path(folder) / f"dhcp{family}.conf"
        text = json.dumps({f"Dhcp{family}": config})
        file.write_text(text)
        loaded = loaded_of(family, text)
        self.family, self.doc, self.config = family, loaded.doc, str(file)
        self.store = store if store is not None else MemoryStore() if family == 4 else MemoryStore6()
        self.names = WaitingNames(10_000)
        self.hooks = Hooks()
        made = Server4 if family == 4 else Server6
        self.server = made(loaded.network, self.store, names=self.names, hooks=self.hooks)
        self.server.statistics.network(loaded.network)
        self.data_directory = Path(folder)
        self.commands = Commands(f"dhcp{family}")
        self.libraries = [each(self, (parameters or {}).get(each, each.parameters())) for each in libraries]
        for library in self.libraries:
            self.commands.add(library)

    @property
    def network(self):
        return self.server.network

    @property
    def statistics(self):
        return self.server.statistics

    def now(self):
        return self.server.clock.now()

    async def commit(self, units):
        return await self.server.commit(units)

    async def edit(self, change):
        raise NotImplementedError

    async def answer(self, name, arguments=None):
        """What a command answers, as it is sent."""
        return (await (await self.commands.run(name, arguments)).whole()).as_json()

    def ask(self, name, arguments=None):
        return asyncio.run(self.answer(name, arguments))

    async def leases(self):
        """All leases, in order of their addresses."""
        return [lease async for page in self.store.pages() for lease in page]

    def all_leases(self):
        return asyncio.run(self.leases())


def in_file(folder, family, **more):
    """One that keeps its leases in a file."""
    assert family == 4
    return Commanded(folder, 4, store=Memfile(Path(folder) / "leases4.csv"), **more)
