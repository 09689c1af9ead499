"""Real Kea and our engine side by side, with the same configuration: the same messages, and what differs.

This module does not know families; `test_*` brings what is special about one.
"""

from ipaddress import IPv6Address

import attrs


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
        """This link is; what either server holds there is no matter for others, but DNS may be told of it yet."""
        self.stale = "dhcp-ddns" in self.world.settings

    def next_xid(self):
        self.xid += 1
        return self.xid


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
