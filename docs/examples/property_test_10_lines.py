"""No conversation makes the allocator give an address twice."""

from by_floor import ByFloor
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import Network
from dhcpkit.testing import Lab4, conversations, networks


@given(networks(), st.data())
def test_by_floor_never_double_books(network: Network, data: st.DataObject) -> None:
    lab = Lab4(network.with_allocator(ByFloor()))
    for step in data.draw(conversations(network)):
        lab.take(step)
    lab.check()
