"""Leases of a file, or of the configuration before, that do not fit the one in force."""

import asyncio
import json
import logging
import re
from ipaddress import ip_address
from pathlib import Path

import pytest

from dhcpkit.alloc.sanity import LeaseChecks
from dhcpkit.backends import Memfile, Memfile6, MemoryStore
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.config import parse4, parse6
from dhcpkit.server.family4 import FAMILY4
from dhcpkit.server.family6 import FAMILY6
from dhcpkit.server.programs import sanity_of
from dhcpkit.server.sanity import SanityChecks, check_leases
from dhcpkit.server.server4 import Server4
from dhcpkit.server.statistics import Statistics

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "lease-checks.json").read_text())
CASES = [(family, level) for family in ("4", "6") for level in VECTORS[family]["outcomes"]]
TOLD = re.compile(r"lease (\S+) ha\w+ subnet-id (\d+), but its address is in (?:subnet-id (\d+)|no subnet)")
# Kea, in its row-by-row way: (1) an address of a subnet with a guard is of no subnet; (2) a row that is dropped leaves
# an older one of its address in force; (3) rows that delete a lease are judged, too.
GUARDED, OLDER, DELETED = {"203.0.113.9", "2001:db8:3::1"}, {"192.0.2.20", "192.0.2.21"}, {"192.0.2.21"}


def configuration(family, level):
    subnets = [{**subnet, "subnet": subnet["subnet"]} for subnet in VECTORS[family]["subnets"]]
    inside = {"client-classes": [{"name": "c"}], "sanity-checks": {"lease-checks": level}, f"subnet{family}": subnets}
    return (parse4 if family == "4" else parse6)(json.dumps({f"Dhcp{family}": inside}))


@pytest.mark.parametrize(("family", "level"), CASES)
def test_a_file_is_taken_as_kea_takes_it(family, level, tmp_path, caplog):
    recorded = VECTORS[family]
    path = tmp_path / "leases.csv"
    text = "\n".join([recorded["header"], *recorded["rows"]]) + "\n"
    path.write_text(text)
    loaded = configuration(family, level)
    store = (Memfile if family == "4" else Memfile6)(path)
    kind = FAMILY4 if family == "4" else FAMILY6
    statistics = Statistics(kind.words.names)
    with caplog.at_level(logging.INFO):
        asyncio.run(check_leases(kind, store, loaded.network, sanity_of(loaded.doc), statistics))
    found = {str(ip_address(address)): store.view.by_address(address).subnet_id for address in store.view.rows}
    asyncio.run(store.close())
    assert path.read_text() == text, "what the operator may want back is still in the file"
    outcome = recorded["outcomes"][level]
    deviating = GUARDED | (OLDER if level == "del" else set())
    assert {a: s for a, s in found.items() if a not in deviating} == {
        a: s for a, s in outcome["leases"] if a not in deviating
    }
    for address in GUARDED & set(found):
        assert level in ("none", "warn") or found[address] == 3, "its subnet is known, whoever may use it"
    if level == "del":
        assert not OLDER & set(found), "the newest row of each of these was dropped"
    said = []
    for record in caplog.records:
        if "SANITY" in record.message_id:
            address, was, home = TOLD.search(record.getMessage()).groups()
            severity = record.levelname.replace("WARNING", "WARN")
            said.append([severity, record.message_id, address, int(was), int(home or 0)])
    kea = [each for each in outcome["told"] if each[2] not in GUARDED | DELETED]
    assert sorted(each for each in said if each[2] not in GUARDED) == sorted(kea)


def test_a_reload_puts_leases_where_their_subnet_is_now(caplog):
    """A subnet has got another number: its leases follow, the counters with them; clients go on meanwhile."""

    def network(number):
        subnet = {"id": number, "subnet": "127.0.8.0/24", "pools": [{"pool": "127.0.8.1 - 127.0.8.9"}]}
        return parse4(json.dumps({"Dhcp4": {"subnet4": [subnet]}})).network

    row = "127.0.8.{0},02:00:00:00:00:0{0},,100000,4000000000,1,0,0,,0,,0"
    leases = [lease_of(row.format(n).encode()) for n in range(1, 6)]

    async def scenario():
        store = MemoryStore(leases)
        server = Server4(network(1), store, sanity=SanityChecks(LeaseChecks.FIX))
        await server.suspend()
        await server.go_on(store)
        assert server.statistics.value("subnet[1].pool[0].assigned-addresses") == 5
        server.reconfigure(network(7))
        for _ in range(300):  # a step for some hundred addresses
            await asyncio.sleep(0)
        assert all(store.view.by_address(lease.address).subnet_id == 7 for lease in leases)
        values = server.statistics.values()
        assert values["subnet[7].assigned-addresses"] == values["subnet[7].pool[0].assigned-addresses"] == 5
        assert values["assigned-addresses"] == 5
        assert values["cumulative-assigned-addresses"] == 0, "nobody got anything"
        assert not any(name.startswith("subnet[1]") for name in values)
        await server.end()

    asyncio.run(scenario())


def lease_of(row):

    address, row = ROWS4.read_line(row)
    return ROWS4.decode(address, row)


CONTEXTS = json.loads((Path(__file__).parent.parent / "vectors" / "extended-info-checks.json").read_text())


@pytest.mark.parametrize("level", CONTEXTS["4"]["levels"])
def test_what_leases_keep_of_relay_agents_is_checked_when_a_file_is_read(level, tmp_path, caplog):
    recorded = CONTEXTS["4"]
    rows = [
        f"192.0.2.{n},02:00:00:00:00:{n:02x},,400000,4000000000,1,0,0,,0,{text.replace(',', '&#x2c')},0"
        for n, text in enumerate(recorded["contexts"], 1)
    ]
    path = tmp_path / "leases.csv"
    path.write_text("\n".join([VECTORS["4"]["header"], *rows]) + "\n")
    inside = {"sanity-checks": {"extended-info-checks": level}, "subnet4": [{"id": 1, "subnet": "192.0.2.0/24"}]}
    loaded = parse4(json.dumps({"Dhcp4": inside}))
    store = Memfile(path)
    statistics = Statistics(FAMILY4.words.names)
    asyncio.run(check_leases(FAMILY4, store, loaded.network, sanity_of(loaded.doc), statistics))
    texts = [store.view.by_address(address).user_context for address in sorted(store.view.rows)]
    asyncio.run(store.close())
    assert [json.loads(text) if text else None for text in texts] == [left for left, _ in recorded["levels"][level]]
    told = [record for record in caplog.records if record.message_id == "DHCPSRV_LEASE4_EXTENDED_INFO_SANITY_FAIL"]
    assert len(told) == sum(complained for _, complained in recorded["levels"][level])
