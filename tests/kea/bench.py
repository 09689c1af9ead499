"""Real Kea and our engine side by side, with the same configuration: the same messages, and what differs.

This module does not know families; `test_*` brings what is special about one.
"""

import os
from ipaddress import IPv6Address

import attrs
from hypothesis import HealthCheck

from dhcpkit.alloc.view import Change

FOREVER = 0xFFFFFFFF  # a lifetime that never ends
SECONDS = 2  # that the two servers' clocks may be apart
EXAMPLES = 60  # conversations in each world
WANTED = os.environ.get("DHCPKIT_KEA_EXAMPLES")  # new ones, and so many
# A change is judged by the same conversations every time; a search for others takes as long as it takes.
SEARCH = {
    "max_examples": int(WANTED or EXAMPLES),
    "derandomize": not WANTED,
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
}
TIMEOUT = 0 if WANTED else 400


@attrs.define
class Bench:
    """Both servers, the links that are not used up, and what was said since they began."""

    kea: object
    world: object
    make_lab: object
    lab: object = None
    free: dict = attrs.field(factory=dict)
    stale: bool = True
    xid: int = 0

    def link(self, kind):
        """A link of this kind that nobody has used yet; both servers begin anew where there is none left."""
        if self.stale or not self.free[kind]:
            if self.lab is not None:
                self.kea.restart()
            self.lab = self.make_lab()
            self.free = {each: [] for each in self.world.kinds}
            for link in self.world.links():
                self.free[link.kind].append(link)
            self.stale = False
        self.kea.forget()
        return self.free[kind].pop()

    def reserved(self, link):
        """Every address and prefix that is reserved on a link, as text."""
        ids = {link.id(index) for index in range(4)} | {0}
        hosts = [host for host in self.lab.network.hosts if host.subnet_id in ids]
        found = {address for host in hosts for address in host.addresses}
        return {str(IPv6Address(each)) for each in found | {each.prefix for host in hosts for each in host.prefixes}}

    def used_up(self):
        """This link is, before DNS was told of everything: that would be heard on the next one."""
        self.stale = "dhcp-ddns" in self.world.settings

    def agreed(self):
        """What was said on this link does not matter for others."""
        self.stale = False

    def next_xid(self):
        self.xid += 1
        return self.xid

    def wait(self, link, seconds):
        """Time passes on a link: every lease of both servers gets older, but for those that last forever.

        None does where Kea's command would not take one of its own leases: one that DNS knows, by no name.
        """
        family, leases = self.kea.family, self.kea_leases(link)
        if any((lease["fqdn-fwd"] or lease["fqdn-rev"]) and not lease["hostname"] for lease in leases):
            return
        for lease in leases:
            began, lifetime = lease.pop("cltt"), lease["valid-lft"]
            if lifetime != FOREVER:
                answer = self.kea.ask(f"lease{family}-update", **lease, expire=began + lifetime - seconds)
                assert answer["result"] == 0, (answer, lease)
        view, store = self.lab.store.view, self.lab.store
        ids = self.ids(link)
        leases = [view.by_address(address) for address in list(view.rows)] if family == 4 else store.leases.values()
        units = [
            (Change(lease, lease._replace(cltt=lease.cltt - seconds)),)
            for lease in leases
            if lease.subnet_id in ids and lease.valid_lifetime != FOREVER
        ]
        assert all(store.append(units))

    def ids(self, link):
        """The subnets of a link."""
        known = {subnet.id for subnet in self.lab.network.subnets}
        return [link.id(index) for index in range(4) if link.id(index) in known]

    def kea_leases(self, link):
        """All leases of a link in Kea, in its words."""
        answer = self.kea.ask(f"lease{self.kea.family}-get-all", subnets=self.ids(link))
        assert answer["result"] in (0, 3), answer
        return answer.get("arguments", {}).get("leases", [])


def forget_seconds(left, right):
    """Makes the times of two leases equal, in Kea's words, where they are no more apart than the servers' clocks."""
    for key in ("cltt", "valid-lft", "preferred-lft"):
        if abs(left.get(key, 0) - right.get(key, 0)) <= SECONDS:
            left.pop(key, None), right.pop(key, None)


@attrs.frozen
class Known:
    """A difference that is meant: what it is called, and why it is so.

    With `ends` it is one after which the two servers hold different leases: the conversation ends there.
    """

    name: str
    reason: str
    applies: object  # (difference, context) -> bool
    ends: bool = False


def unexplained(found, known, context):
    """The differences that nothing explains; and whether one that is explained is the end of the conversation.

    Where it is, the other differences follow from it.
    """
    left, ends = [], False
    for each in found:
        reasons = [item for item in known if item.applies(each, context)]
        if not reasons:
            left.append(each)
        ends = ends or any(item.ends for item in reasons)
    return ([], True) if ends else (left, False)
