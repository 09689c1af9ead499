"""Broken and hostile octets end no service and cost what they weigh: promises of docs/why/promises.md.

DHCPKIT_MUTANTS says how many mutated messages each family is sent; the figure on the page was reached with a million.
"""

import importlib.util
import json
import os
import sys
import tracemalloc
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc.open6 import ASKED_MAX
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.errors import WireError
from dhcpkit.wire.options4 import DHCP4
from dhcpkit.wire.options6 import DHCP6

_spec = importlib.util.spec_from_file_location("server_relayed", Path(__file__).parent / "relayed.py")
r = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(r)

VECTORS = Path(__file__).parent.parent / "vectors"
MUTANTS = int(os.environ.get("DHCPKIT_MUTANTS", "3000"))
PROBE_EACH = 50  # messages between two probes
RSS_MAX = 16 << 20  # octets the process may grow by
DATAGRAM = 65_507  # octets: the largest there is

both = pytest.mark.parametrize("world", r.WORLDS.values(), ids=["v4", "v6"])


def recorded(number):
    """What clients sent to real Kea, and odd octets that were tried on it."""
    for name in (f"clients{number}.jsonl", f"raw-v{number}.jsonl"):
        for line in (VECTORS / name).read_text().splitlines():
            found = json.loads(line)
            octets = found.get("payload") or found.get("sent")
            if octets:
                yield bytes.fromhex(octets)


def mutated(rng, seeds):
    """A message with something wrong about it."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(7)
        if how == 0 and data:
            data[at - 1] ^= 1 << rng.randrange(8)
        elif how == 1 and data:
            data[at - 1] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))
        elif how == 2:
            del data[at:]
        elif how == 3:
            data[at:at] = rng.randbytes(rng.randint(1, 40))
        elif how == 4:
            end = min(len(data), at + rng.randint(1, 60))
            data[end:end] = data[at:end] * rng.randint(1, 8)
        elif how == 5:
            other = rng.choice(seeds)
            data[at:] = other[rng.randrange(len(other)) :]
        else:
            del data[at : at + rng.randint(1, 20)]
    return bytes(data[:DATAGRAM])


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@both
def test_mutated_messages_end_no_service(world):
    """No death, no fault, every probe answered, no memory kept. Messages come as batches, by way of relays and not."""
    here, rng = world.made(size=200), Random(20)
    seeds = [*recorded(here.number), *(here.datagram(kind, 1, "1/1", 1, address=0x0A001000) for kind in KINDS)]
    assert len(seeds) > 60
    begun = None
    for number in range(0, MUTANTS, PROBE_EACH):
        batch = [(mutated(rng, seeds), here.arrival(rng.randrange(2))) for _ in range(PROBE_EACH)]
        here.bench.batches.take(batch)
        here.bench.wire.sent.clear()
        here.bench.time.seconds += 60
        assert here.get(0xFFFF, "9/9", xid=number + 1) is not None
        if number >= MUTANTS // 10 and begun is None:
            begun = resident()  # memos are filled by then
    assert here.value("pkt#-processing-failed") == 0
    assert here.value("pkt#-parse-failed") > 0
    assert here.value("pkt#-received") >= MUTANTS
    assert resident() - begun <= RSS_MAX


KINDS = ("discover", "request", "renew", "release", "decline")


# Costs: calls are counted, never time.


def calls(function, *arguments):
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function(*arguments)
    except (ValueError, WireError):
        pass
    finally:
        sys.setprofile(before)
    return count


def bomb4(piece, size):
    return r.x4.message(1, 1)[:-1] + (piece * (size // len(piece) + 1))[:size]


def bomb6(piece, size):
    return r.x6.message(r.x6.SOLICIT, 1) + (piece * (size // len(piece) + 1))[:size]


BOMBS = {
    "empty options": (b"\x0c\0", b"\0\x0f\0\0"),
    "pads": (b"\0", b"\0\0\0\0"),
    "longest options": (b"\x0c\xff" + b"x" * 255, b"\0\x10\xff\xff" + b"x" * 9),
    "one option in parts": (b"\x52\x01x", b"\0\x03\0\x0c" + b"\0" * 12),
    "relay information": (b"\x52\x03\x01\x01x", b"\0\x12\0\x01x"),
    "every code": (bytes(i for code in range(1, 255) for i in (code, 0)), b"\0\x06\0\x02\0\x17"),
    "associations": (b"\x3d\x02ab", b"\0\x03\0\x28" + b"\0" * 12 + b"\0\5\0\x18" + b"\1" * 24),
}


@both
@pytest.mark.parametrize("name", BOMBS)
def test_64_kb_of_options_cost_what_they_weigh(world, name):
    """Read and answered, twice as many octets cost little more than twice; 64 kB never take more than 4 MB."""
    piece = BOMBS[name][world.number == 6]
    bomb = (bomb4, bomb6)[world.number == 6]
    here = world.made()
    parse = Packet4.parse if world.number == 4 else Packet6.parse

    def serve(size):
        data = bomb(piece, size)
        count = calls(here.bench.batches.take, [(data, here.arrival(0))])
        here.bench.wire.sent.clear()
        return count

    serve(100)
    half, whole = serve(32_000), serve(64_000)
    assert whole <= 2.3 * half + 1500
    assert whole <= 64_000 + 1500, "at most a call for an octet"
    data = bomb(piece, 64_000)
    tracemalloc.start()
    try:
        packet = parse(data, here.arrival(0))
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read <= 4 << 20
    assert packet.data == data
    assert here.value("pkt#-processing-failed") == 0


@pytest.mark.parametrize("count", [1, ASKED_MAX // 2, ASKED_MAX // 2 + 1, 1500])
def test_a_message_asks_for_so_many_leases_at_most(count):
    here = r.World6.made()
    association = (3, b"%04d" % 1 + bytes(8) + b"\0\5\0\x18" + bytes(24))
    data = bytes(Packet6(1, [(1, b"\0\2\0\0\0\x09abcd"), *[association] * count]))
    assert bool(here.ask(data, relay=0)) == (2 * count <= ASKED_MAX)
    assert here.value("pkt6-parse-failed") == (2 * count > ASKED_MAX)


NAMED = [(DHCP4, 119), (DHCP4, 81), (DHCP4, 120), (DHCP6, 24), (DHCP6, 39), (DHCP6, 64), (DHCP6, 21)]
CALLS_MAX = 3000  # for 300 octets: about a third of a millisecond where this was written


@pytest.mark.parametrize(("space", "code"), NAMED, ids=str)
@given(piece=st.binary(min_size=1, max_size=12), size=st.integers(1, 300))
def test_names_of_300_octets_are_read_in_bounded_steps(space, code, piece, size):
    option = space.by_code(code)
    assert calls(option.parse, (piece * size)[:300]) <= CALLS_MAX


@pytest.mark.parametrize(("space", "code"), NAMED, ids=str)
@pytest.mark.parametrize("loop", [b"\xc0\0", b"\x01a\xc0\0", b"\xc0\2\xc0\0", b"\x01a\xc0\4\x01b\xc0\0", b"\xc0\xff"])
def test_pointers_that_lead_nowhere_are_refused_or_passed_over(space, code, loop):
    """Such an option is refused, or holds no compressed names; nothing goes round in circles."""
    option = space.by_code(code)
    for prefix in (b"", b"\0", b"\0\0\0", b"\1"):
        try:
            shown = str(option.parse(prefix + loop * 20))
        except (ValueError, WireError):
            continue
        assert len(shown) < 4000
