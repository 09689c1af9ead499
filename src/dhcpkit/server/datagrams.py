"""Many datagrams in one system call: Linux's `recvmmsg` and `sendmmsg`.

Kernel and interpreter share a page of headers and a slot of octets for each datagram, so that neither addresses nor
buffers are made anew for each one. What that is worth depends on the interpreter (docs/why/interpreters.md): CPython
gains little, PyPy, which allocates the whole buffer at each `recvfrom`, a third of an exchange. Addresses are octets
here, as the kernel has them (`sockaddr_in`, `sockaddr_in6`). This module does not know what datagrams carry.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import socket
import struct
from collections.abc import Sequence
from typing import Final

__all__ = ["SEVERAL", "SLOT_OUT", "Inbox", "Outbox", "addressed4", "addressed6", "sockaddr4", "sockaddr6"]

SEVERAL: Final = 4  # datagrams from which on one call for all costs less than one for each (by ctypes, 2 us more)
SLOTS: Final = 64  # datagrams in one call: a batch
SLOT_IN: Final = 65536  # octets: no datagram is longer
SLOT_OUT: Final = 2048  # octets of an answer that goes with others; a longer one goes alone
NAME_SLOT: Final = 32  # octets kept for an address: sockaddr_in6 has 28
NAME_LENGTHS: Final[dict[int, int]] = {socket.AF_INET: 16, socket.AF_INET6: 28}


class _Vector(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """`struct msghdr`."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """`struct mmsghdr`: a message, and how long the datagram was that it received."""

    _fields_ = (("message", _Message), ("length", ctypes.c_uint32))


HEADER_SIZE: Final = ctypes.sizeof(_Header)
STRIDE: Final = HEADER_SIZE // 4  # headers as numbers of 4 octets: from one to the next,
LENGTH_AT: Final = _Header.length.offset // 4  # and to the datagram's length

_libc = ctypes.CDLL(None, use_errno=True)
_recvmmsg = _libc.recvmmsg
_recvmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
_sendmmsg = _libc.sendmmsg
_sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]


def sockaddr4(address: int, port: int) -> bytes:
    """A `sockaddr_in`: 16 octets."""
    return struct.pack("=H", socket.AF_INET) + struct.pack(">HI8x", port, address)


def sockaddr6(address: int, port: int, scope: int = 0) -> bytes:
    """A `sockaddr_in6`: 28 octets. `scope` is the number of an interface, for link-local addresses."""
    head = struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", port, 0)
    return head + address.to_bytes(16, "big") + struct.pack("=I", scope)


def addressed4(name: bytes) -> tuple[int, int]:
    """Address and port of a `sockaddr_in`."""
    return int.from_bytes(name[4:8], "big"), int.from_bytes(name[2:4], "big")


def addressed6(name: bytes) -> tuple[int, int]:
    """Address and port of a `sockaddr_in6`."""
    return int.from_bytes(name[8:24], "big"), int.from_bytes(name[2:4], "big")


class _Slots:
    """Headers, addresses and octets of a batch, where the kernel finds them."""

    def __init__(self, family: int, slot: int) -> None:
        self.name_length = NAME_LENGTHS[family]
        self.data = mmap.mmap(-1, SLOTS * slot)
        self.names = mmap.mmap(-1, SLOTS * NAME_SLOT)
        headers = mmap.mmap(-1, SLOTS * HEADER_SIZE)
        vectors = mmap.mmap(-1, SLOTS * ctypes.sizeof(_Vector))
        data, names, self.address, at = map(_address, (self.data, self.names, headers, vectors))
        made = (_Vector * SLOTS).from_buffer(vectors)
        for n, header in enumerate((_Header * SLOTS).from_buffer(headers)):
            made[n].base, made[n].length = data + n * slot, slot
            message = header.message
            message.name, message.name_length = names + n * NAME_SLOT, self.name_length
            message.vectors, message.vector_count = at + n * ctypes.sizeof(_Vector), 1
        self.header = memoryview(headers).cast("I")
        self.vector = memoryview(vectors).cast("L")


def _address(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class Inbox:
    """Where datagrams of a family arrive, for all sockets in turn: what one call received is copied before the next."""

    def __init__(self, family: int) -> None:
        self._slots = _Slots(family, SLOT_IN)

    def receive(self, fd: int) -> list[tuple[bytes, bytes]]:
        """What has arrived at a socket: octets, and the sender's address. At most SLOTS; none where none has.

        Raises OSError.
        """
        slots = self._slots
        count = _recvmmsg(fd, slots.address, SLOTS, socket.MSG_DONTWAIT, None)
        if count < 0:
            code = ctypes.get_errno()
            if code in (errno.EAGAIN, errno.EINTR):
                return []
            raise OSError(code, os.strerror(code))
        data, names, header, length = slots.data, slots.names, slots.header, slots.name_length
        return [
            (
                data[n * SLOT_IN : n * SLOT_IN + header[STRIDE * n + LENGTH_AT]],
                names[NAME_SLOT * n : NAME_SLOT * n + length],
            )
            for n in range(count)
        ]


class Outbox:
    """Where answers of a family wait to leave by one socket, in one call."""

    def __init__(self, family: int) -> None:
        self._slots = _Slots(family, SLOT_OUT)

    def send(self, fd: int, answers: Sequence[tuple[bytes, bytes]]) -> list[tuple[int, OSError]]:
        """Sends answers: octets (at most SLOT_OUT) and address. Returns which could not be sent, and why."""
        slots = self._slots
        data, names, vector, length = slots.data, slots.names, slots.vector, slots.name_length
        failed: list[tuple[int, OSError]] = []
        for first in range(0, len(answers), SLOTS):
            some = answers[first : first + SLOTS]
            at = 0
            for n, (octets, name) in enumerate(some):
                size = len(octets)
                data[at : at + size] = octets
                names[NAME_SLOT * n : NAME_SLOT * n + length] = name
                vector[2 * n + 1] = size
                at += SLOT_OUT
            failed += [(first + n, error) for n, error in self._send(fd, len(some))]
        return failed

    def _send(self, fd: int, count: int) -> list[tuple[int, OSError]]:
        """Sends what is in the slots. The kernel stops at the first it cannot send: the others go after it."""
        failed = []
        done = 0
        while done < count:
            sent = _sendmmsg(fd, self._slots.address + done * HEADER_SIZE, count - done, socket.MSG_DONTWAIT)
            if sent > 0:
                done += sent
                continue
            code = ctypes.get_errno()
            if code != errno.EINTR:
                failed.append((done, OSError(code, os.strerror(code))))
                done += 1
        return failed
