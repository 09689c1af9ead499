"""The row of a lease: one spelling, read back exactly, and Kea's rules for every other spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc import Lease4
from dhcpkit.backends.rows import RowError
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.testing.leases import leases4

PLAIN = b"10.53.1.2,02:00:00:00:00:02,01:02:03:04,3600,1795434413,1,1,1,host.example.org,0,,7"


def a_lease(last, hwaddr, valid, cltt, **more):
    return Lease4(0x0A350000 + last, bytes.fromhex(hwaddr), more.pop("client_id", b""), valid, cltt, 1, **more)


FULL = a_lease(
    0x102, "020000000002", 3600, 1795430813, client_id=b"\1\2\3\4", fqdn_fwd=True, fqdn_rev=True,
    hostname="host.example.org", pool_id=7,
)  # fmt: skip
CONTEXT = '{ "a": "1,2", "b": [ 1, 2 ] }'
VECTORS = [  # a lease, and the row Kea writes for it (with 3.0's pool_id); recorded from Kea 2.2
    (FULL, PLAIN),
    (a_lease(0x101, "", 8, 1795334479, state=1), b"10.53.1.1,,,8,1795334487,1,0,0,,1,,0"),
    (
        a_lease(0x707, "020000000077", 6, 1795334494, hostname="a,b&x", user_context=CONTEXT),
        b'10.53.7.7,02:00:00:00:00:77,,6,1795334500,1,0,0,a&#x2cb&#x26x,0,{ "a": "1&#x2c2"&#x2c "b": [ 1&#x2c 2 ] },0',
    ),
    (
        a_lease(0x708, "020000000079", 4294967295, 1795334494),
        b"10.53.7.8,02:00:00:00:00:79,,4294967295,6090301789,1,0,0,,0,,0",
    ),
]


@pytest.mark.parametrize(("lease", "row"), VECTORS, ids=str)
def test_vector(lease, row):
    assert ROWS4.encode(lease) == row
    assert ROWS4.decode(lease.address, row) == lease
    assert ROWS4.read_line(row) == (lease.address, row)


@given(leases4())
def test_a_row_gives_back_its_lease(lease):
    row = ROWS4.encode(lease)
    assert ROWS4.decode(lease.address, row) == lease
    assert ROWS4.read_line(row) == (lease.address, row)
    assert ROWS4.ends(row) == (lease.valid_lifetime, lease.expire, lease.state)
    assert not set(row) & {0, 10, 13}, "a row is one line"


@given(leases4())
def test_both_readers_agree_on_rows(lease):
    """The usual line is read by a pattern, every other one field by field."""
    row = ROWS4.encode(lease)
    assert ROWS4.read_loosely(row, ROWS4.columns) == ROWS4.read_line(row)
    if not lease.pool_id:
        assert ROWS4.read_line(row[:-2]) == ROWS4.read_line(row), "a row of Kea 2.2 has no pool_id"
    gone = ROWS4.deletion(row)
    assert ROWS4.read_line(gone) == (lease.address, None) == ROWS4.read_loosely(gone, ROWS4.columns)


@given(st.binary(max_size=60), leases4(), st.data())
def test_both_readers_agree_on_damaged_rows(junk, lease, data):
    row = ROWS4.encode(lease)
    at = data.draw(st.integers(0, len(row)))
    damaged = (row[:at] + junk + row[at + data.draw(st.integers(0, 3)) :]).replace(b"\n", b"")

    def result(read):
        try:
            return read()
        except RowError:
            return None

    assert result(lambda: ROWS4.read_line(damaged)) == result(lambda: ROWS4.read_loosely(damaged, ROWS4.columns))


@given(leases4())
def test_what_is_read_is_in_the_one_spelling(lease):
    address, _, rest = ROWS4.encode(lease).split(b",", 2)
    upper = b",".join((address, lease.hwaddr.hex(":").upper().encode(), rest))
    assert ROWS4.read_line(upper) == (lease.address, ROWS4.encode(lease))


def test_deletions_are_keas():
    lease = Lease4(0x0A350102, bytes.fromhex("020001000002"), b"", 6, 1795334478, 1)
    assert ROWS4.deletion(ROWS4.encode(lease)) == b"10.53.1.2,02:00:01:00:00:02,,0,1795334478,1,0,0,,0,,0"
    assert ROWS4.read_line(ROWS4.nothing_at(0x0A350102)) == (0x0A350102, None)
    released = lease._replace(state=3, valid_lifetime=0)
    assert ROWS4.read_line(ROWS4.encode(released)) == (0x0A350102, ROWS4.encode(released))
    assert ROWS4.read_line(ROWS4.deletion(ROWS4.encode(released))) == (0x0A350102, None)


@pytest.mark.parametrize(
    ("line", "lease"),
    [
        (PLAIN.replace(b"host.example.org", b"HOST.Example.ORG"), {"hostname": "host.example.org"}),
        (PLAIN.replace(b"host.example.org", b"h\xc3\xb6st"), {"hostname": "h\xc3\xb6st"}),
        (PLAIN.replace(b"host.example.org", b"&#x41b&#x2C"), {"hostname": "ab,"}),
        (PLAIN.replace(b"host.example.org", b"a&b"), {"hostname": "a&b"}),
        (PLAIN.replace(b"02:00:00:00:00:02", b"020000000002"), {}),
        (PLAIN.replace(b"02:00:00:00:00:02", b"2:0:0:0:0:2"), {}),
        (PLAIN.replace(b"3600", b"-5"), {"valid_lifetime": 4294967291, "cltt": -2499532878}),
        (PLAIN.replace(b"1795434413", b"-1"), {"cltt": -3601}),
        (PLAIN.replace(b"1795434413", b"18446744073709551615"), {"cltt": -3601}),  # so Kea's clean-up writes it
        (PLAIN.replace(b",0,,7", b",4711,,7"), {"state": 4711}),
        (PLAIN.replace(b",0,,7", b",0,,extra"), {"pool_id": 0}),
        (PLAIN + b",extra", {}),
    ],
)
def test_spellings_that_kea_accepts(line, lease):
    address, row = ROWS4.read_line(line)
    assert ROWS4.decode(address, row) == FULL._replace(**lease)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"10.53.1.300" + PLAIN[9:],
        b"10.53.01.2" + PLAIN[9:],
        b"2001:db8::1" + PLAIN[9:],
        PLAIN.replace(b"01:02:03:04", b"xyz"),
        PLAIN.replace(b"01:02:03:04", b"01:02:03:"),
        PLAIN.replace(b"3600", b"abc"),
        PLAIN.replace(b"3600", b"4294967296"),
        PLAIN.replace(b"3600", b" 3600"),
        PLAIN.replace(b",1,1,host", b",true,1,host"),
        PLAIN.replace(b"02:00:00:00:00:02,01:02:03:04", b","),
        PLAIN.replace(b",0,,7", b",0,[ 1 ],7"),
        PLAIN.replace(b",0,,7", b",0,{ not json },7"),
        PLAIN.replace(b",0,,7", b",0," + b"[" * 100_000 + b",7"),
        PLAIN[:40],
        b"10.53.1.1,02:00:00:00:00:01,,3600,1795434413,1,0,0",
    ],
)
def test_lines_that_are_no_rows(line):
    with pytest.raises(RowError):
        ROWS4.read_line(line)


def test_columns_of_older_files():
    assert [ROWS4.versions[",".join(ROWS4.columns[:count]).encode()] for count in (9, 10, 11, 12)] == [
        "1.0",
        "2.0",
        "2.1",
        "3.0",
    ]
    line = b"10.53.1.1,02:00:00:00:00:01,,3600,1795434413,1,0,0,old"
    expected = Lease4(0x0A350101, bytes.fromhex("020000000001"), b"", 3600, 1795430813, 1, hostname="old")
    assert ROWS4.read_loosely(line, ROWS4.columns[:9]) == (0x0A350101, ROWS4.encode(expected))
    assert ROWS4.read_loosely(line + b",1", ROWS4.columns[:10]) == (
        0x0A350101,
        ROWS4.encode(expected._replace(state=1)),
    )
    assert ROWS4.read_loosely(PLAIN, ROWS4.columns[:9]) == ROWS4.read_line(PLAIN), "a newer row in an older file"
