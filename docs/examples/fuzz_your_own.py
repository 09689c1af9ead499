"""Property tests of code that reads DHCP, with hypothesis: messages as they should be, relayed, and gone wrong."""

from hypothesis import given

from dhcpkit.testing import malformed, packets4, packets6, relayed
from dhcpkit.wire import Packet4, Packet6, WireError
from dhcpkit.wire.options4 import HOST_NAME


def greeting(data: bytes) -> str:
    """The code under test: greets a client by the name it sends."""
    try:
        packet = Packet4.parse(data)
        name = packet.get(HOST_NAME)
    except WireError:
        return "who is there?"
    return f"hello {name or packet.chaddr.hex(':')}"


@given(packets4())
def test_every_client_is_greeted(packet: Packet4) -> None:
    assert greeting(bytes(packet)) != "who is there?"


@given(malformed(packets4()))
def test_nothing_a_stranger_sends_breaks_it(data: bytes) -> None:
    assert greeting(data)


@given(relayed(packets6()))
def test_relays_keep_the_message(packet: Packet6) -> None:
    assert Packet6.parse(bytes(packet)).message() == packet.message()
