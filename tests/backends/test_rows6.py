"""The row of a DHCPv6 lease: one spelling, read back exactly, and Kea's rules for every other spelling."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc.lease6 import Lease6
from dhcpkit.backends.rows import RowError
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.testing.leases import leases6

PLAIN = (
    b"2001:db8:53::1:2,00:03:00:01:02:00:01:00:00:01,3600,1795434413,1,1800,0,7,128,1,0,host.example.org,"
    b"02:00:01:00:00:01,0,,1,2,9"
)


def a_lease(address, duid, valid, cltt, preferred, **more):
    kind, iaid, prefix_len = more.pop("type", 0), more.pop("iaid", 1), more.pop("prefix_len", 128)
    number = int(IPv6Address(address))
    return Lease6(number, bytes.fromhex(duid), valid, cltt, 1, preferred, kind, iaid, prefix_len, **more)


MAC = {"hwaddr": bytes.fromhex("020001000001"), "hwtype": 1, "hwaddr_source": 2}
FULL = a_lease(
    "2001:db8:53::1:2", "00030001020001000001", 3600, 1795430813, 1800, iaid=7, fqdn_fwd=True,
    hostname="host.example.org", pool_id=9, **MAC,
)  # fmt: skip
VECTORS = [  # a lease, and the row Kea writes for it (with 5.0's pool_id); recorded from Kea 2.2 and 3.0
    (FULL, PLAIN),
    (
        a_lease("2001:db8:53::1:1", "", 8, 1795334497, 0, state=1),
        b"2001:db8:53::1:1,00:00:00,8,1795334505,1,0,0,1,128,0,0,,,1,,,,0",
    ),
    (
        a_lease("2001:db8:53::7:7", "00010203", 6, 1795334512, 6, iaid=6, user_context='{ "a": "1,2" }'),
        b'2001:db8:53::7:7,00:01:02:03,6,1795334518,1,6,0,6,128,0,0,,,0,{ "a": "1&#x2c2" },,,0',
    ),
    (
        a_lease("2001:db8:8000:100::", "0001020304", 3600, 1795430813, 1800, type=2, prefix_len=56),
        b"2001:db8:8000:100::,00:01:02:03:04,3600,1795434413,1,1800,2,1,56,0,0,,,0,,,,0",
    ),
]


@pytest.mark.parametrize(("lease", "row"), VECTORS, ids=str)
def test_vector(lease, row):
    assert ROWS6.encode(lease) == row
    assert ROWS6.decode(lease.address, row) == lease
    assert ROWS6.read_line(row) == (lease.address, row)


@given(leases6())
def test_a_row_gives_back_its_lease(lease):
    row = ROWS6.encode(lease)
    assert ROWS6.decode(lease.address, row) == lease
    assert ROWS6.read_line(row) == (lease.address, row)
    assert ROWS6.ends(row) == (lease.valid_lifetime, lease.expire, lease.state)
    assert ROWS6.place(row) == (b"%d" % lease.subnet_id, b"%d" % lease.state)
    assert not set(row) & {0, 10, 13}, "a row is one line"


@given(leases6())
def test_both_readers_agree_on_rows(lease):
    """The usual line is read by a pattern, every other one field by field."""
    row = ROWS6.encode(lease)
    assert ROWS6.read_loosely(row, ROWS6.columns) == ROWS6.read_line(row)
    if not lease.pool_id:
        assert ROWS6.read_line(row[:-2]) == ROWS6.read_line(row), "a row of Kea 2.2 has no pool_id"
    if not lease.hwaddr:
        zeros = row.removesuffix(b",,%d" % lease.pool_id) + b"0,0,%d" % lease.pool_id
        assert ROWS6.read_line(zeros) == ROWS6.read_line(row), "Kea after 3.0 writes zeros"
    gone = ROWS6.deletion(row)
    assert ROWS6.read_line(gone) == (lease.address, None) == ROWS6.read_loosely(gone, ROWS6.columns)


# Addresses of all shapes, among them those with a spelling of their own: zeros anywhere, IPv4 at the end.
GROUPS = st.lists(st.sampled_from([0, 0, 0, 1, 0xFF, 0x2001, 0xFFFF]), min_size=8, max_size=8)


@given(GROUPS)
def test_any_shape_of_an_address_is_read_and_written_in_one_way(groups):
    address = int.from_bytes(b"".join(group.to_bytes(2, "big") for group in groups), "big")
    row = ROWS6.encode(FULL._replace(address=address))
    assert int(IPv6Address(row.split(b",")[0].decode())) == address
    rest = row[row.index(b",") :]
    for spelling in (
        IPv6Address(address).exploded,
        IPv6Address(address).compressed,
        str(IPv6Address(address)).upper(),
        ":".join(f"{group:x}" for group in groups),
    ):
        assert ROWS6.read_line(spelling.encode() + rest) == (address, row)


@pytest.mark.parametrize("groups", [3, 4, 5])
def test_prefixes_that_differ_in_the_last_group_written(groups):
    for last in (1, 0x2F, 0xFFFF):
        address = 0x20010DB8 << 96 | last << 16 * (8 - groups)
        row = ROWS6.encode(FULL._replace(address=address))
        assert ROWS6.read_usual(row) == (address, row)


def test_only_a_prefix_has_a_length():
    assert ROWS6.encode(FULL._replace(prefix_len=64)) == PLAIN
    assert b",2,7,64," in ROWS6.encode(FULL._replace(prefix_len=64, type=2))


def test_the_usual_line_is_read_by_the_pattern():
    for _, row in VECTORS:
        usual = ROWS6.read_usual(row)
        assert usual == (None if b",00:00:00," in row or b"{" in row else ROWS6.read_loosely(row, ROWS6.columns))
    assert ROWS6.read_usual(ROWS6.deletion(PLAIN)) == (FULL.address, None)


@given(st.binary(max_size=60), leases6(), st.data())
def test_both_readers_agree_on_damaged_rows(junk, lease, data):
    row = ROWS6.encode(lease)
    at = data.draw(st.integers(0, len(row)))
    damaged = (row[:at] + junk + row[at + data.draw(st.integers(0, 3)) :]).replace(b"\n", b"")

    def result(read):
        try:
            return read()
        except RowError:
            return None

    assert result(lambda: ROWS6.read_line(damaged)) == result(lambda: ROWS6.read_loosely(damaged, ROWS6.columns))


def test_deletions_are_keas():
    lease = VECTORS[0][0]._replace(hostname="", fqdn_fwd=False, pool_id=0)
    gone = b"2001:db8:53::1:2,00:03:00:01:02:00:01:00:00:01,0,1795430813,1,0,0,7,128,0,0,,02:00:01:00:00:01,0,,1,2,0"
    assert ROWS6.deletion(ROWS6.encode(lease)) == gone
    assert ROWS6.read_line(ROWS6.nothing_at(lease.address)) == (lease.address, None)
    assert ROWS6.nothing_at(1) == b"::1,00:00:00,0,0,0,0,0,0,128,0,0,,,1,,,,0"
    released = lease._replace(state=3, valid_lifetime=0)
    assert ROWS6.read_line(ROWS6.encode(released)) == (lease.address, ROWS6.encode(released))
    assert ROWS6.read_line(ROWS6.deletion(ROWS6.encode(released))) == (lease.address, None)


@pytest.mark.parametrize(
    ("line", "lease"),
    [
        (PLAIN.replace(b"host.example.org", b"HOST.Example.ORG"), {}),
        (PLAIN.replace(b"host.example.org", b"&#x41b&#x2C"), {"hostname": "ab,"}),
        (PLAIN.replace(b"00:03:00:01:02:00:01:00:00:01", b"00030001020001000001"), {}),
        (PLAIN.replace(b"2001:db8:53::1:2", b"2001:DB8:53:0:0:0:1:2"), {}),
        (PLAIN.replace(b"2001:db8:53::1:2", b"2001:db8:53::0.1.0.2"), {}),
        (PLAIN.replace(b",3600,", b",-5,"), {"valid_lifetime": 4294967291, "cltt": -2499532878}),
        (PLAIN.replace(b"1795434413", b"18446744073709551615"), {"cltt": -3601}),
        (PLAIN.replace(b",0,,1,2,9", b",4711,,1,2,9"), {"state": 4711}),
        (PLAIN.replace(b",0,,1,2,9", b",0,,1,2,extra"), {"pool_id": 0}),
        (PLAIN.replace(b",0,,1,2,9", b",0,,,,9"), {"hwtype": 1, "hwaddr_source": 0}),  # as files of 3.1 mean it
        (PLAIN.replace(b",0,,1,2,9", b",0,,x,2,9"), {"hwaddr": b"", "hwtype": 0, "hwaddr_source": 0}),
        (PLAIN.replace(b",02:00:01:00:00:01,0,", b",what,0,"), {"hwaddr": b"", "hwtype": 0, "hwaddr_source": 0}),
        (PLAIN.replace(b",0,7,128,", b",9,7,64,"), {"type": 9}),
        (PLAIN.replace(b",0,7,128,", b",0,7,64,"), {}),  # an address has no length
        (PLAIN.replace(b",0,7,128,", b",2,7,256,"), {"type": 2, "prefix_len": 0}),
        (PLAIN.replace(b",0,7,128,", b",0,4294967295,128,"), {"iaid": 4294967295}),
        (PLAIN.replace(b",0,7,128,", b",0,-1,128,"), {"iaid": 4294967295}),
        (PLAIN + b",extra", {}),
    ],
)
def test_spellings_that_kea_accepts(line, lease):
    address, row = ROWS6.read_line(line)
    assert ROWS6.decode(address, row) == FULL._replace(**lease)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        PLAIN.replace(b"2001:db8:53::1:2", b"10.53.1.2"),
        PLAIN.replace(b"2001:db8:53::1:2", b"2001:db8:53::1::2"),
        PLAIN.replace(b"2001:db8:53::1:2", b"2001:db8:53::\xff"),
        PLAIN.replace(b"00:03:00:01:02:00:01:00:00:01", b""),
        PLAIN.replace(b"00:03:00:01:02:00:01:00:00:01", b"00"),
        PLAIN.replace(b"00:03:00:01:02:00:01:00:00:01", b"00:00:00"),
        PLAIN.replace(b"00:03:00:01:02:00:01:00:00:01", b"xyz"),
        PLAIN.replace(b",3600,", b",abc,"),
        PLAIN.replace(b",3600,", b",4294967296,"),
        PLAIN.replace(b",3600,", b", 3600,"),
        PLAIN.replace(b",1800,", b",4294967296,"),
        PLAIN.replace(b",0,7,128,", b",0,4294967296,128,"),
        PLAIN.replace(b",0,7,128,", b",what,7,128,"),
        PLAIN.replace(b",0,7,128,", b",2,7,what,"),
        PLAIN.replace(b",1,0,host", b",true,0,host"),
        PLAIN.replace(b",0,,1,2", b",0,[ 1 ],1,2"),
        PLAIN[:60],
    ],
)
def test_lines_that_are_no_rows(line):
    with pytest.raises(RowError):
        ROWS6.read_line(line)


def test_nobodys_duid_in_any_version_of_kea():
    row = VECTORS[1][1]
    older = row.replace(b",00:00:00,", b",00,")
    assert ROWS6.read_line(older) == ROWS6.read_line(row) == (VECTORS[1][0].address, row)
    assert ROWS6.decode(VECTORS[1][0].address, row).duid == b""


def test_columns_of_older_files():
    versions = [ROWS6.versions[",".join(ROWS6.columns[:count]).encode()] for count in (12, 13, 14, 15, 17, 18)]
    assert versions == ["1.0", "2.0", "3.0", "3.1", "4.0", "5.0"]
    line = b"2001:db8:53::1:2,00:03:00:01:02:00:01:00:00:01,3600,1795434413,1,1800,0,7,128,0,0,old"
    plain = FULL._replace(fqdn_fwd=False, hostname="old", hwaddr=b"", hwtype=0, hwaddr_source=0, pool_id=0)
    with_mac = plain._replace(hwaddr=FULL.hwaddr, hwtype=1)
    for count, more, lease in (
        (12, b"", plain),
        (13, b",02:00:01:00:00:01", with_mac),
        (14, b",02:00:01:00:00:01,1", with_mac._replace(state=1)),
        (15, b",,0,{}", plain._replace(user_context="{}")),
    ):
        assert ROWS6.read_loosely(line + more, ROWS6.columns[:count]) == (lease.address, ROWS6.encode(lease))
    assert ROWS6.read_loosely(PLAIN, ROWS6.columns[:12]) == ROWS6.read_line(PLAIN), "a newer row in an older file"
