"""Many datagrams in one system call: the same as one after the other."""

import errno
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.server.datagrams import SLOT_OUT, SLOTS, Inbox, Outbox, sockaddr4, sockaddr6

FAMILIES = {
    socket.AF_INET: ("127.0.0.1", lambda name: sockaddr4(0x7F000001, name[1])),
    socket.AF_INET6: ("::1", lambda name: sockaddr6(1, name[1])),
}


@pytest.fixture(params=FAMILIES, ids=["v4", "v6"], scope="module")
def line(request):
    """Two sockets that can reach each other, the address of either as the kernel has it, and boxes for both."""
    family = request.param
    host, octets = FAMILIES[family]
    ends = [socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for _ in range(2)]
    for end in ends:
        end.bind((host, 0))
    yield *ends, *(octets(end.getsockname()) for end in ends), Inbox(family), Outbox(family)
    for end in ends:
        end.close()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=SLOT_OUT), max_size=3 * SLOTS // 2))
def test_what_is_sent_arrives_in_order_with_its_sender(line, texts):
    here, there, here_name, there_name, inbox, outbox = line
    assert outbox.send(here.fileno(), [(text, there_name) for text in texts]) == []
    got = []
    while more := inbox.receive(there.fileno()):
        assert len(more) <= SLOTS
        got += more
    assert got == [(text, here_name) for text in texts]


def test_long_ones_arrive_whole(line):
    here, there, here_name, _, inbox, _ = line
    text = bytes(range(256)) * 255
    here.sendto(text, there.getsockname())
    here.sendto(b"", there.getsockname())
    assert inbox.receive(there.fileno()) == [(text, here_name), (b"", here_name)]


def test_one_that_cannot_be_sent_stops_no_other(line):
    here, there, here_name, there_name, inbox, outbox = line
    nowhere = there_name[:2] + b"\0\0" + there_name[4:]  # port 0
    names = [nowhere, there_name, there_name, nowhere, nowhere, there_name, nowhere]
    failed = outbox.send(here.fileno(), [(bytes([n]), name) for n, name in enumerate(names)])
    assert [(n, error.errno) for n, error in failed] == [(n, errno.EINVAL) for n in (0, 3, 4, 6)]
    assert inbox.receive(there.fileno()) == [(bytes([n]), here_name) for n in (1, 2, 5)]


def test_a_socket_that_fails_says_so(line):
    *_, inbox, outbox = line
    with pytest.raises(OSError, match="Bad file descriptor"):
        inbox.receive(-1)
    [(number, error)] = outbox.send(-1, [(b"x", line[3])])
    assert (number, error.errno) == (0, errno.EBADF)


def test_a_link_local_address_has_its_link():
    assert sockaddr6(0xFE80 << 112 | 1, 546, 3)[-4:] == (3).to_bytes(4, "little")
