"""Lease files as Kea, power loss, other programs and cosmic rays leave them: every row that can be read counts."""

import io
import json
import shutil

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dhcpkit.alloc import Lease4
from dhcpkit.backends import LeaseFileError, Memfile, Memfile6
from dhcpkit.backends.memfile import read_leases, read_leases6
from dhcpkit.backends.reader import LoadReport, read_file
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.testing.leases import in_kea_words, in_kea_words6, leases4, leases6

NETWORK = 0x0A350000
V21 = next(header for header, version in ROWS4.versions.items() if version == "2.1")


def row(number, **changes):
    return ROWS4.encode(
        Lease4(NETWORK + number, b"\2\0\0\0\0%c" % number, b"", 3600, 1795430813, 1)._replace(**changes)
    )


def load(data, form=ROWS4):
    rows, report = {}, LoadReport()
    unfinished = read_file(io.BytesIO(data), "leases.csv", rows, report, form)
    return rows, report, unfinished


def numbers(rows):
    return sorted(address - NETWORK for address in rows)


# Real Kea's answers.


# The recorded samples by name; the files lie outside the repository, and tests skip where they are not.
SAMPLES = """
    good-2.1 header-1.0 header-2.0 header-3.0-pool-id header-unknown-column header-missing empty header-only
    absent crlf no-final-newline truncated-last-row row-short row-long blank-lines bad-address v6-address
    bad-hwaddr no-identifiers no-identifiers-declined bad-client-id negative-lifetime text-lifetime
    infinite-lifetime expire-below-lifetime expired expire-negative subnet-0 subnet-unknown
    subnet-wrong-for-address state-3 state-2-reclaimed fqdn-true-text hostname-escaped hostname-uppercase
    hostname-utf8 hostname-quoted user-context-not-json user-context-list user-context-raw-comma
    duplicate-last-wins delete-row delete-missing delete-then-add nul-bytes binary-garbage max-row-errors-2
    max-row-errors-5 many-errors-default spaces duplicate-hwaddr-other-address lfc-1-and-current lfc-2-1-current
    lfc-completed lfc-output-only lfc-pid-stale lfc-1-old-header
"""

BETTER = {  # where Kea refuses to start, and how many leases are there to be had
    "header-unknown-column": 1,
    "header-missing": 2,
    "crlf": 2,
}


@pytest.fixture(scope="module")
def recorded(shared):
    folder = shared / "kea/captures/memfile"
    results = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    return folder / "samples", {result["name"]: result for result in results}


def test_all_samples_are_tried(recorded):
    _, results = recorded
    tried = {f"v4-{name}" for name in SAMPLES.split()} | {"v4-persist-false"}  # that one is not about the file
    assert {name for name, result in results.items() if result["family"] == 4} == tried


@pytest.mark.parametrize("name", SAMPLES.split())
def test_what_kea_loads_loads(name, recorded, tmp_path):
    folder, results = recorded
    result = results[f"v4-{name}"]
    for file in result["files-before"]:
        suffix = file.removeprefix("leases.csv")
        shutil.copyfile(folder / f"v4-{name}.csv{suffix}", tmp_path / file)
    allowed = result["lease-database"].get("max-row-errors", 0)
    if name == "max-row-errors-2":
        assert not result["started"]
        with pytest.raises(LeaseFileError, match="3 damaged rows where 2 are allowed"):
            Memfile(tmp_path / "leases.csv", "os", max_row_errors=allowed)
        return
    store = Memfile(tmp_path / "leases.csv", "os", max_row_errors=allowed)
    store.view.check()
    loaded = [in_kea_words(store.view.by_address(address)) for address in sorted(store.view.rows)]
    if name in BETTER:
        assert not result["started"]
        assert len(loaded) == BETTER[name]
        return
    # An IPv6 address in a file of IPv4 leases is no lease of ours, though Kea takes it.
    assert loaded == [lease for lease in result["leases"] if ":" not in lease["ip-address"]]
    assert [in_kea_words(lease) for lease in read_leases(tmp_path / "leases.csv")] == loaded


SAMPLES6 = """
    good-4.0 header-1.0 header-2.0 header-3.1 header-5.0-pool-id no-duid no-duid-declined duid-00-declined
    duid-00-active ta type-9 na-prefix-64 pd-host-bits pref-above-valid iaid-max iaid-overflow delete address-forms
    same-address-na-and-pd
"""


def test_all_samples_of_dhcpv6_are_tried(recorded):
    _, results = recorded
    assert {n for n, result in results.items() if result["family"] == 6} == {f"v6-{n}" for n in SAMPLES6.split()}


@pytest.mark.parametrize("name", SAMPLES6.split())
def test_what_kea_loads_of_dhcpv6_loads(name, recorded, tmp_path):
    folder, results = recorded
    result = results[f"v6-{name}"]
    for file in result["files-before"]:
        shutil.copyfile(folder / f"v6-{name}.csv{file.removeprefix('leases.csv')}", tmp_path / file)
    store = Memfile6(tmp_path / "leases.csv", "os")
    store.view.check()
    dropped = [line for line in result["log"] if "ROW_ERROR" in line]
    assert store.report.dropped == len(dropped)
    loaded = [in_kea_words6(store.view.by_address(address)) for address in sorted(store.view.rows)]
    nobody = {"00": "00:00:00"}  # its name in Kea 3
    assert loaded == [lease | {"duid": nobody.get(lease["duid"], lease["duid"])} for lease in result["leases"]]
    assert [in_kea_words6(lease) for lease in read_leases6(tmp_path / "leases.csv")] == loaded


# Damage.


@attrs.frozen(eq=False)
class Family:
    """Leases of a network and the form of their rows; whether a part of a row and an address are an address."""

    form: object
    network: int
    leases: object
    ambiguous: object

    @property
    def files(self):
        some = self.leases(st.integers(self.network, self.network + 200))
        return st.lists(some, min_size=1, max_size=8, unique_by=lambda lease: lease.address)

    @property
    def lines_of(self):
        return lambda some: [self.form.header, *map(self.form.encode, some)]


def loaded(family, data):
    return load(data, family.form)


each_family = pytest.mark.parametrize(
    "family",
    [
        Family(ROWS4, NETWORK, leases4, lambda part: part.endswith((b"1", b"2"))),  # 110.53.0.1
        Family(
            ROWS6, 0x20010DB8005300000000000000010000, leases6, lambda part: part and b"," not in part
        ),  # 2001:2001::1
    ],
    ids=["v4", "v6"],
)


@each_family
@settings(deadline=None)
@given(st.data())
def test_one_damaged_octet_costs_at_most_its_row(family, data):
    """And where it is one of the address, it may put the row in the place of another."""
    some = data.draw(family.files)
    lines = family.lines_of(some)
    content = b"".join(line + b"\n" for line in lines)
    at = data.draw(st.integers(len(family.form.header) + 1, len(content) - 1))
    octets = data.draw(st.binary(max_size=1))
    rows, _, _ = loaded(family, content[:at] + octets + content[at + 1 :])
    hit = content[:at].count(b"\n") - 1
    claimed = {address for address in rows if address not in {lease.address for lease in some}}
    elsewhere = {lease.address for lease in some if rows.get(lease.address) != family.form.encode(lease)}
    assert len(claimed) <= 1
    assert len(elsewhere) <= 2
    for number, lease in enumerate(some):
        if number != hit and rows.get(lease.address) != family.form.encode(lease):
            # Either the damaged row says now that it is this one, or its own end was the octet that changed.
            assert content[at : at + 1] != b"\n" or number == hit + 1
            mistaken = family.form.decode(lease.address, rows[lease.address]) if lease.address in rows else None
            assert content[at : at + 1] == b"\n" or (mistaken is not None and some[hit].address not in rows)


@each_family
@settings(deadline=None)
@given(st.data())
def test_a_cut_file_keeps_every_whole_row(family, data):
    """The last row may lack its end; what is left of a row that is not whole is reported, and can be cut off."""
    some = data.draw(family.files)
    lines = family.lines_of(some)
    content = b"".join(line + b"\n" for line in lines)
    cut = data.draw(st.integers(0, len(content)))
    rows, report, unfinished = loaded(family, content[:cut])
    whole = content[:cut].count(b"\n")
    for lease in some[: max(whole - 1, 0)]:
        assert rows[lease.address] == family.form.encode(lease)
    assert len(rows) <= max(whole, 1)
    if unfinished:
        assert report.dropped == 1
        again, second, rest = loaded(family, content[: cut - unfinished])
        assert (again, second.problem_count, rest) == (rows, 0, 0)
    elif cut and content[cut - 1 : cut] != b"\n" and whole:
        assert sorted(address - family.network for address in rows) == sorted(
            lease.address - family.network for lease in some[:whole]
        ), "the row was whole"


@each_family
@settings(deadline=None)
@given(st.data())
def test_rows_that_were_glued_are_told_apart(family, data):
    """Kea 2.2 appends the next row to a line without an end, and loses both."""
    some = data.draw(family.files)
    lines = [family.form.encode(lease) for lease in some]
    torn = data.draw(st.lists(st.integers(0, len(lines) - 1), unique=True, max_size=3))
    content = family.form.header + b"\n"
    for number, line in enumerate(lines):
        content += line + (b"" if number in torn and number + 1 < len(lines) else b"\n")
    rows, report, unfinished = loaded(family, content)
    assert rows == {lease.address: line for lease, line in zip(some, lines, strict=True)}
    assert report.dropped == 0
    assert unfinished == 0


@each_family
@settings(deadline=None)
@given(st.data())
def test_a_torn_row_does_not_take_its_neighbour_with_it(family, data):
    some = data.draw(family.files)
    assume(len(some) > 1)
    lines = [family.form.encode(lease) for lease in some]
    torn = data.draw(st.integers(0, len(lines) - 2))
    keep = data.draw(st.integers(0, len(lines[torn]) - 1))
    content = family.form.header + b"\n"
    for number, line in enumerate(lines):
        content += line[:keep] if number == torn else line + b"\n"
    assume(not family.ambiguous(lines[torn][:keep]))  # then nobody can tell
    rows, _, _ = loaded(family, content)
    for number, lease in enumerate(some):
        if number != torn:
            assert rows[lease.address] == lines[number]


@each_family
@settings(deadline=None)
@given(st.integers(1, 5000), st.data())
def test_a_run_of_nul_octets_costs_what_it_covers(family, length, data):
    """What ext4 leaves of a page that did not reach the disk."""
    some = data.draw(family.files)
    lines = family.lines_of(some)
    content = bytearray(b"".join(line + b"\n" for line in lines))
    at = data.draw(st.integers(len(family.form.header), len(content) - 1))
    end = min(at + length, len(content))
    content[at:end] = bytes(end - at)
    rows, _, _ = loaded(family, bytes(content))
    position = len(family.form.header) + 1
    for lease, line in zip(some, lines[1:], strict=True):
        if position + len(line) <= at or position >= end:
            assert rows[lease.address] == line
        position += len(line) + 1


@each_family
@settings(deadline=None)
@given(st.data())
def test_foreign_line_ends_and_blank_lines(family, data):
    some = data.draw(family.files)
    lines = family.lines_of(some)
    expected = loaded(family, b"".join(line + b"\n" for line in lines))[0]
    for end in (b"\r\n", b"\n\n", b"\n\r\n"):
        rows, report, _ = loaded(family, b"\xef\xbb\xbf" + b"".join(line + end for line in lines))
        assert rows == expected
        assert report.problem_count == 0


def test_lines_are_read_across_chunks():
    some = [Lease4(NETWORK + number, b"%d" % number, b"", 3600, 0, 1, hostname="h" * 200) for number in range(15_000)]
    content = b"\n".join([ROWS4.header, *map(ROWS4.encode, some)])
    assert len(content) > 3 * 2**20
    rows, report, unfinished = load(content)
    assert rows == {lease.address: ROWS4.encode(lease) for lease in some}
    assert (report.problem_count, unfinished, report.lines) == (0, 0, len(some) + 1)


def test_later_rows_win_and_deletions_delete():
    lines = [
        ROWS4.header,
        row(1),
        row(2),
        row(1, hostname="later"),
        ROWS4.deletion(row(2)),
        ROWS4.deletion(row(3)),
        row(2, hostname="new"),
    ]
    rows, report, _ = load(b"\n".join([*lines, b""]))
    assert rows == {NETWORK + 1: row(1, hostname="later"), NETWORK + 2: row(2, hostname="new")}
    assert report.problem_count == 0


def test_files_of_other_versions():
    old = b"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname"
    nine = b"10.53.0.1,02:00:00:00:00:01,,3600,1795434413,1,0,0,"
    assert load(old + b"\n" + nine + b"\n")[0] == {NETWORK + 1: row(1)}
    assert load(V21 + b"\n" + nine + b",0,\n")[0] == {NETWORK + 1: row(1)}
    newer = load(ROWS4.header + b",colour\n" + row(1) + b",blue\n")
    assert newer[0] == {NETWORK + 1: row(1)}
    assert newer[1].old_header
    shuffled = b"hwaddr,address,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname"
    assert load(shuffled + b"\n02:00:00:00:00:01,10.53.0.1,,3600,1795434413,1,0,0,\n")[0] == {NETWORK + 1: row(1)}
    together = old + b"\n" + nine + b"\n" + ROWS4.header + b"\n" + row(2) + b"\n"
    assert numbers(load(together)[0]) == [1, 2]


def test_a_line_without_end_is_not_held_forever():
    rows, report, _ = load(ROWS4.header + b"\n" + b"x" * (5 << 20) + b"\n" + row(1) + b"\n")
    assert rows == {NETWORK + 1: row(1)}
    assert report.dropped >= 1


def test_problems_are_kept_up_to_a_number_and_counted_beyond():
    rows, report, _ = load(ROWS4.header + b"\n" + b"bad\n" * 1000 + row(1) + b"\nworse\n")
    assert numbers(rows) == [1]
    assert (report.dropped, report.problem_count, len(report.problems)) == (1001, 1001, 100)
    assert str(report.problems[0]) == "leases.csv:2: 1 columns where 11 are needed"
    glued = load(ROWS4.header + b"\n" + row(1)[:30] + row(2) + b"\n")[1].problems
    assert [str(problem) for problem in glued] == ["leases.csv:2: more columns than a row has; 1 of its rows saved"]


@pytest.mark.parametrize("tail", [b"\n", b"", b"10.53.0.9,02:00", b"10.53.0.9,02:00:00:00:00:09,,3600,1795434413,1,0"])
def test_what_is_written_next_starts_on_a_line_of_its_own(tail, tmp_path):
    path = tmp_path / "leases.csv"
    path.write_bytes(ROWS4.header + b"\n" + row(1) + (tail if tail in (b"", b"\n") else b"\n" + tail))
    store = Memfile(path, "os")
    assert numbers(store.view.rows) == [1]
    store._journal.append([row(2)], [])
    assert path.read_bytes() == ROWS4.header + b"\n" + row(1) + b"\n" + row(2) + b"\n"
