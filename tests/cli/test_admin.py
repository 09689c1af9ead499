"""`dhcpkit admin`: leases dumped, uploaded and checked; what is refused; and that nothing is lost by it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.backends import Memfile
from dhcpkit.backends.memfile import read_leases, read_leases6
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.cli import main
from dhcpkit.testing.leases import leases4, leases6

KINDS = {4: (ROWS4, leases4, read_leases), 6: (ROWS6, leases6, read_leases6)}
ROW = b"192.0.2.%d,02:00:00:00:00:01,,600,9000000000,1,0,0,%s,0,,0"


def run(*words):
    with pytest.raises(SystemExit) as stopped:
        main(["admin", *map(str, words)])
    return stopped.value.code or 0


def write(path, form, rows):
    path.write_bytes(b"\n".join([form.header, *rows]) + b"\n")
    return path


@pytest.mark.parametrize("family", [4, 6])
@settings(max_examples=15)
@given(data=st.data())
def test_what_is_dumped_can_be_uploaded_and_is_the_same(family, data, tmp_path_factory):
    form, some, read = KINDS[family]
    folder = tmp_path_factory.mktemp("admin")
    rows = [form.encode(lease) for lease in data.draw(st.lists(some(), max_size=12))]
    first = write(folder / "first.csv", form, rows)
    leases = list(read(first))
    assert run("lease-dump", "memfile", f"-{family}", "-n", first, "-o", folder / "dump.csv") == 0
    assert list(read(folder / "dump.csv")) == leases
    assert run("lease-upload", "memfile", f"-{family}", "-n", folder / "second.csv", "-i", folder / "dump.csv") == 0
    assert list(read(folder / "second.csv")) == leases
    assert run("lease-check", "memfile", f"-{family}", "-n", folder / "second.csv") == 0
    assert {path.name for path in folder.iterdir()} == {"first.csv", "dump.csv", "second.csv"}


def test_leases_that_are_there_are_replaced_only_where_asked(tmp_path, capsys):
    file = write(tmp_path / "leases.csv", ROWS4, [ROW % (1, b"a"), ROW % (2, b"b")])
    more = write(tmp_path / "more.csv", ROWS4, [ROW % (2, b"c"), ROW % (3, b"d")])
    words = ("lease-upload", "memfile", "-4", "-n", file, "-i", more)
    assert run(*words) == 1
    assert "192.0.2.2" in capsys.readouterr().err
    assert [lease.hostname for lease in read_leases(file)] == ["a", "b"]
    assert run(*words, "-y") == 0
    assert [lease.hostname for lease in read_leases(file)] == ["a", "c", "d"]
    assert run(*words) == 0, "the same once more changes nothing"


def test_a_file_is_replaced_only_where_asked(tmp_path):
    file = write(tmp_path / "leases.csv", ROWS4, [ROW % (1, b"a")])
    target = tmp_path / "dump.csv"
    target.write_text("mine")
    words = ("lease-dump", "memfile", "-4", "-n", file, "-o")
    assert run(*words, target) == 1
    assert target.read_text() == "mine"
    assert run(*words, target, "-y") == 0
    assert [lease.hostname for lease in read_leases(target)] == ["a"]
    assert run(*words, file, "-y") == 1, "not onto itself"
    assert run("lease-dump", "memfile", "-4", "-n", tmp_path / "none", "-o", tmp_path / "x") == 1
    assert not (tmp_path / "x").exists()


def test_the_file_of_a_running_server_takes_no_upload(tmp_path):
    file = write(tmp_path / "leases.csv", ROWS4, [ROW % (1, b"a")])
    more = write(tmp_path / "more.csv", ROWS4, [ROW % (2, b"b")])
    server = Memfile(file)
    try:
        assert run("lease-upload", "memfile", "-4", "-n", file, "-i", more) == 69
        assert run("lease-dump", "memfile", "-4", "-n", file, "-o", tmp_path / "dump") == 0
    finally:
        server._journal.close()
    assert [lease.hostname for lease in read_leases(file)] == ["a"]


def test_damage_is_told_with_its_place(tmp_path, capsys):
    file = write(tmp_path / "leases.csv", ROWS4, [ROW % (1, b"a"), b"junk", ROW % (2, b"b")])
    assert run("lease-check", "memfile", "-4", "-n", file) == 1
    out = capsys.readouterr().out
    assert f"{file}:3: " in out
    assert "2 leases in 4 lines, 1 lines lost" in out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("db-init", "memfile"), 1),
        (("db-version", "mysql"), 1),
        (("stats-recount", "pgsql"), 1),
        (("lease-dump", "mysql", "-4"), 1),
        (("no-such", "memfile"), 2),
        (("lease-dump", "oracle"), 2),
        (("lease-dump", "memfile", "-n", "x"), 2),
        (("lease-dump", "memfile", "-4", "-6", "-n", "x"), 2),
        (("lease-dump", "memfile", "-4"), 2),
        (("lease-dump", "memfile", "-4", "-n", "x"), 2),
        (("lease-upload", "memfile", "-4", "-n", "x"), 2),
    ],
)
def test_what_cannot_be_done(words, status):
    assert run(*words) == status
