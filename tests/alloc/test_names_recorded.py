"""What Kea told its DDNS server, field by field: 3.0.4 in some 200 conversations of each family, replayed here.

Recorded by tests/kea/record_names.py; the configurations are those Kea had. What is told in between, of leases that
end or are released, is told by a reclamation.
"""

import csv
import json
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import attrs
import pytest

from dhcpkit.alloc.lease import Lease4, LeaseState
from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.alloc.name_change import changes, forgotten
from dhcpkit.alloc.view import Change
from dhcpkit.alloc.view6 import Change6
from dhcpkit.config import parse4
from dhcpkit.config.load import parse6
from dhcpkit.testing.machine import Lab4
from dhcpkit.testing.machine6 import Lab6
from dhcpkit.testing.reference_store import ReferenceStore
from dhcpkit.wire import Arrival, Packet4
from dhcpkit.wire.dhcp6 import Arrival6, Packet6
from dhcpkit.wire.duid import Duid

VECTORS = Path(__file__).parent.parent / "vectors"
EMPTY = "00" * 192  # as the recording abbreviates it
RENEW = 5
SERVER4, SERVER6, AGENT6 = (
    int(IPv4Address("192.0.2.1")),
    int(IPv6Address("2001:db8:ffff::1")),
    int(IPv6Address("2001:db8:ffff::2")),
)


class Talking4:
    family = 4
    change = Change

    def __init__(self, network):
        self.lab = Lab4(network, ReferenceStore())

    @staticmethod
    def network_of(config):
        return parse4(json.dumps(config)).network

    def send(self, data):
        packet = Packet4.parse(data)
        decision, sent = self.lab.send(data, Arrival("eth0", 2, packet.giaddr, 67, SERVER4, broadcast=False))
        answer = Packet4.parse(sent.data) if sent is not None else None
        return packet.type, decision, answer and (answer.type, answer.options)


class Talking6:
    family = 6
    change = Change6

    def __init__(self, network):
        self.lab = Lab6(network)

    @staticmethod
    def network_of(config):
        return parse6(json.dumps(config), server_id=Duid(b"\0\3\0\1\2\0\0\0\0\xfe")).network

    def send(self, data):
        decision, sent = self.lab.send(data, Arrival6("eth0", 2, AGENT6, 547, SERVER6))
        answer = Packet6.parse(sent.data) if sent is not None else None
        return Packet6.parse(data).type, decision, answer and (answer.type, answer.options.first)


def reclaimed(talking):
    """What a reclamation tells: leases that have ended lose their names, and released ones."""
    lab = talking.lab
    told = []
    for lease in list(lab.store.leases.values()):
        if lease.expired(lab.now) and lease.state != LeaseState.EXPIRED_RECLAIMED:
            told += forgotten(lease, lab.network)
            nameless = lease._replace(hostname="", fqdn_fwd=False, fqdn_rev=False)
            if nameless != lease:
                assert lab.store.append([(talking.change(lease, nameless),)])[0]
    return told


def replayed(recording, talking_class):
    """Every exchange, with what Kea told and what we tell, and both answers."""
    network = talking_class.network_of(recording["config"])
    old = recording["kea"] < "3"
    for talk in recording["talks"]:
        talking = talking_class(network)
        for number, exchange in enumerate(talk["exchanges"]):
            theirs = [shown(each) for each in exchange["names"]]
            if "sent" not in exchange:
                talking.lab.now += exchange.get("wait", 0) + exchange.get("pause", 0)
                names, ours, answer = reclaimed(talking) if "wait" in exchange else (), None, None
                kind = 0
            else:
                kind, decision, ours = talking.send(bytes.fromhex(exchange["sent"].replace("~", EMPTY)))
                names, answer = getattr(decision, "names", ()), exchange["answer"]
                ours = ours and {"type": ours[0]} | {
                    str(code): ours[1][code].hex() for code in (12, 81, 39) if code in ours[1]
                }
            where = Where(talking_class.family, talk["link"], talk["about"], number, kind, answer)
            yield where, theirs, [shown(each.to_json(before_3_0=old)) for each in names], ours


def shown(request):
    """A request without when it was made; capitals mean nothing to DNS."""
    made = {key: value for key, value in request.items() if key != "lease-expires-on"}
    return made | {"fqdn": request["fqdn"].lower()}


@attrs.frozen
class Where:
    """Which exchange of which conversation, the message's type, and Kea's answer."""

    family: int
    link: str
    about: str
    number: int
    kind: int
    answer: dict | None

    def __str__(self):
        return f"DHCPv{self.family}, link {self.link}, {self.about}, {self.number}"


def removals(names):
    return [each for each in names if each["change-type"] == 1]


# Differences that are meant: what Kea told, and what we tell, and why.
KNOWN = {
    "Kea leaves the name at the address that its client has left, and is silent about the new": lambda at, kea, us: (
        at.family == 4
        and at.about in {"a new address", "moves"}
        and not kea
        and [each["change-type"] for each in us] == [1, 0]
    ),
    "Kea leaves a name in DNS when its client says none any more": lambda at, kea, us: (
        at.family == 6 and at.kind == RENEW and "39" not in at.answer and not kea and removals(us) == us
    ),
    "Kea leaves the names of further addresses when they change": lambda at, kea, us: (
        at.family == 6 and at.about == "several addresses" and [each for each in us if each in kea] == kea
    ),
    "Kea gives a name made of one address to another": lambda at, kea, us: (
        at.link == "always" and not us and kea[0]["fqdn"].split("--")[1] not in kea[0]["ip-address"]
    ),
    "Kea takes the name of a lease that ended back, although its client extends it": lambda at, kea, us: (
        at.family == 6 and at.about == "renewed late" and not us and removals(kea) == kea
    ),
}


@pytest.mark.parametrize("talking_class", [Talking4, Talking6])
def test_dns_hears_what_kea_told(talking_class):
    recording = json.loads((VECTORS / f"names{talking_class.family}-30.json").read_text())
    wrong, told, known = compared(recording, talking_class)
    assert not wrong, "\n".join(wrong)
    assert told > 300, "there is much to tell"
    assert len(known) == (1 if talking_class.family == 4 else 4), f"what is known happens: {known}"


def compared(recording, talking_class, more=()):
    """What differs without a reason, how often something was told alike, and the reasons of other differences."""
    wrong, told, known = [], 0, set()
    meant = KNOWN | dict(more)
    for at, kea, us, answer in replayed(recording, talking_class):
        if (kea, at.answer) == (us, answer):
            told += bool(kea)
            continue
        reason = next((why for why, applies in meant.items() if applies(at, kea, us)), None)
        if reason is None or (at.answer != answer and reason in KNOWN):
            wrong.append(f"{at}: Kea {kea} {at.answer}, and not {us} {answer}")
        known.add(reason)
    return wrong, told, known


# What Kea 2.2 told, by the rows that it wrote about its leases.


def rows_of(path, family):
    """The leases of a file, each as it was and as it became; None for none."""
    held = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        address, lifetime = row["address"], int(row["valid_lifetime"])
        named = {"fqdn_fwd": row["fqdn_fwd"] == "1", "fqdn_rev": row["fqdn_rev"] == "1", "hostname": row["hostname"]}
        times = lifetime, int(row["expire"]) - lifetime, int(row["subnet_id"])
        if family == 4:
            identifiers = (bytes.fromhex(row[name].replace(":", "")) for name in ("hwaddr", "client_id"))
            lease = Lease4(int(IPv4Address(address)), *identifiers, *times, **named)
        else:
            duid = bytes.fromhex(row["duid"].replace(":", ""))
            lease = Lease6(int(IPv6Address(address)), duid, *times, int(row["pref_lifetime"]), 0, 1, **named)
        before = held.pop(address, None)
        if lifetime:
            held[address] = lease
        yield before, lease if lifetime else None


CAPTURED = {  # and how many requests were captured
    "ddns4-add-renew-release-tsig": 2,
    "ddns4-client-updates": 1,
    "ddns4-conflict-dhcid": 3,
    "ddns4-hostname-option": 1,
    "ddns4-no-conflict-resolution": 3,
    "ddns4-override-client": 1,
    "ddns4-update-on-renew": 4,
    "ddns6-add-renew-release-tsig": 2,
}


@pytest.mark.parametrize(("name", "least"), CAPTURED.items())
def test_requests_are_those_that_were_captured(shared, name, least):
    folder = shared / "kea" / "captures" / "ddns" / name
    family = int(name[4])
    config = (folder / f"config-dhcp{family}.json").read_text()
    network = (parse4(config) if family == 4 else parse6(config, server_id=Duid(b"\0\3\0\1\2\0\0\0\0\1"))).network
    told = []
    for before, after in rows_of(folder / "leases.csv", family):
        named = changes(after, before, network.subnets[0].naming) if after is not None else forgotten(before, network)
        told += [each.to_json(before_3_0=True) for each in named]
    captured = [each["json"] for each in json.loads((folder / "exchange.json").read_text()) if each["kind"] == "NCR"]
    for ours, theirs in zip(told, captured, strict=True):
        if family == 6 and not theirs["change-type"]:  # Kea says 1970
            theirs["lease-expires-on"] = ours["lease-expires-on"]
        assert list(ours.items()) == list(theirs.items()), "the same keys in the same order"
    assert len(told) == least
