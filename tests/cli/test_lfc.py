"""`dhcpkit lfc` and `kea-lfc`: the files of Kea's clean-up to the octet, and no lease lost wherever it is cut short."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.backends import Memfile, Memfile6
from dhcpkit.backends.disk import Disk
from dhcpkit.backends.memfile import read_leases, read_leases6
from dhcpkit.backends.rows4 import ROWS4
from dhcpkit.backends.rows6 import ROWS6
from dhcpkit.cli.lfc_files import Busy, Files, clean, set_aside
from dhcpkit.testing.leases import leases4, leases6

RECORDED = [  # files, and what kea-lfc of Kea 3.0.4 made of them
    json.loads(line) for line in (Path(__file__).parent.parent / "vectors" / "lfc-3.0.jsonl").read_text().splitlines()
]
FORMS = {4: ROWS4, 6: ROWS6}
READ = {4: read_leases, 6: read_leases6}
KEA = shutil.which("kea-lfc", path="/usr/sbin:/usr/local/sbin:/usr/bin")


def switches(files, family):
    pairs = zip(
        ("-p", "-x", "-i", "-o", "-f", "-c"), [*attrs.astuple(files)[-1:], *attrs.astuple(files)[:4], "x"], strict=True
    )
    return [f"-{family}", *(str(word) for pair in pairs for word in pair)]


def ours(*words, name="main"):
    program = f"import sys; from dhcpkit.cli.lfc import {name} as main; main()"
    return subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)


@st.composite
def histories(draw, family):
    """Two files of some leases that change and go."""
    few = st.integers(0x0A000000, 0x0A000007) if family == 4 else st.integers(1 << 125, (1 << 125) + 7)
    drawn = draw(st.lists((leases4 if family == 4 else leases6)(few), max_size=20))
    # Versions of Kea differ in times before 1970, types that are none, identifiers of one octet, control characters.
    leases = [
        each._replace(
            cltt=each.cltt % (1 << 31),
            hostname=re.sub(r"[\x00-\x1f\x7f]", "-", each.hostname),
            **({"type": min(each.type, 2)} if family == 6 else {"client_id": each.client_id[:64] * 2}),
        )
        for each in drawn
    ]
    form = FORMS[family]
    lines = []
    for lease in leases:
        row = form.encode(lease)
        lines.append(form.deletion(row) if draw(st.integers(0, 4)) == 0 else row)
    cut = draw(st.integers(0, len(lines)))
    return [b"\n".join([form.header, *part]) + b"\n" for part in (lines[:cut], lines[cut:])]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["about"])
def test_the_result_is_kea_s_to_the_octet(case, tmp_path):
    files = Files.of(tmp_path / "leases.csv")
    for path, text in ((files.previous, case["previous"]), (files.copy, case["copy"])):
        if text is not None:
            path.write_bytes(text.encode("latin-1"))
    done = ours(*switches(files, case["family"]))
    assert (done.returncode, done.stdout) == (0, "")
    assert files.previous.read_bytes().decode("latin-1") == case["result"]
    assert list(tmp_path.iterdir()) == [files.previous]


@pytest.mark.needs("kea-lfc")
@pytest.mark.parametrize("family", [4, 6])
@settings(max_examples=15)
@given(data=st.data())
def test_the_result_is_that_of_the_kea_that_is_installed(family, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lfc")
    written = data.draw(histories(family))
    results = []
    for name in ("kea", "ours"):
        files = Files.of(folder / name)
        files.previous.write_bytes(written[0])
        files.copy.write_bytes(written[1])
        if name == "ours":
            clean(files, FORMS[family])
        else:
            subprocess.run([KEA, *switches(files, family)], check=True, capture_output=True)
        assert {path for path in folder.iterdir() if path.name.startswith(name)} == {files.previous}
        results.append([line.split(b",") for line in files.previous.read_bytes().splitlines()])
    columns = len(results[0][0])  # of Kea 2.2: one fewer
    assert [row[:columns] for row in results[1]] == results[0]


class PowerLoss(OSError):
    """What ends a clean-up at one of its calls."""


class Unsteady(Disk):
    """A disk whose call of a number fails."""

    def __init__(self, left):
        self.left = left

    def _count(self):
        self.left -= 1
        if self.left < 0:
            raise PowerLoss

    def open(self, path, flags):
        self._count()
        return super().open(path, flags)

    def write(self, fd, data):
        if self.left == 0:
            os.write(fd, data[: len(data) // 2])
        self._count()
        super().write(fd, data)

    def sync(self, fd):
        self._count()
        super().sync(fd)

    def sync_folder(self, path):
        self._count()
        super().sync_folder(path)

    def rename(self, path, to):
        self._count()
        super().rename(path, to)

    def remove(self, path):
        self._count()
        super().remove(path)


@pytest.mark.parametrize("family", [4, 6])
@settings(max_examples=10)
@given(data=st.data())
def test_wherever_it_ends_all_leases_load_and_the_next_one_finishes(family, data, tmp_path_factory):
    written = data.draw(histories(family))
    reached = 0
    for at in range(12):
        leases = tmp_path_factory.mktemp("cut") / "leases.csv"
        files = Files.of(leases)
        files.previous.write_bytes(written[0])
        files.copy.write_bytes(written[1])
        before = [lease for lease in READ[family](leases) if lease.valid_lifetime]
        try:
            clean(files, FORMS[family], disk=Unsteady(at))
        except PowerLoss:
            reached += 1
        # A context is the same value in Kea's spelling.
        assert bare(READ[family](leases)) == bare(before)
        clean(files, FORMS[family])
        assert bare(READ[family](leases)) == bare(before)
        assert list(leases.parent.iterdir()) == [files.previous]
    assert reached >= 9, "every call of the disk was made to fail"


def bare(leases):
    def context(lease):
        return json.loads(lease.user_context or "null")

    return [(lease._replace(user_context=""), context(lease)) for lease in leases if lease.valid_lifetime]


def test_a_file_that_no_server_uses(tmp_path):
    leases = tmp_path / "leases.csv"
    rows = [b"192.0.2.1,02:00:00:00:00:01,,600,9000000000,1,0,0,%s,0,,0" % name for name in (b"a", b"b")]
    leases.write_bytes(b"\n".join([ROWS4.header, *rows]) + b"\n")
    done = ours("-4", "-d", str(leases))
    assert done.returncode == 0
    assert "3 lines read, 0 dropped, 1 leases written" in done.stdout
    assert [lease.hostname for lease in read_leases(leases)] == ["b"]
    assert ours("-4", str(leases)).returncode == 1, "there is no such file any more"
    assert [lease.hostname for lease in read_leases(leases)] == ["b"]
    assert ours("-4", str(leases), "-x", "y").returncode == 1


@pytest.mark.parametrize("store", [Memfile, Memfile6])
def test_files_of_a_running_server_are_left_alone(store, tmp_path):
    leases = tmp_path / "leases.csv"
    files = Files.of(leases)
    running = store(leases)
    files.copy.write_bytes(b"")
    try:
        with pytest.raises(Busy, match="kea-lfc-start"):
            clean(files, ROWS4)
        done = ours(*switches(files, 4))
        assert (done.returncode, files.copy.exists(), files.pid.exists()) == (0, True, False)
        files.copy.unlink()
        with pytest.raises(Busy):
            set_aside(leases)
        assert ours("-4", str(leases)).returncode == 1
    finally:
        running._journal.close()


def test_one_at_a_time(tmp_path):
    files = Files.of(tmp_path / "leases.csv")
    asked = []

    def second(step):
        asked.append(step)
        if step.startswith("write"):
            with pytest.raises(Busy, match="another"):
                clean(files, ROWS4)

    clean(files, ROWS4, step=second)
    assert asked[-1] == "done"
    shell = subprocess.Popen(["sleep", "30"])
    try:
        files.pid.write_text(f"{shell.pid}\n")
        clean(files, ROWS4)  # a number that another program has by now
    finally:
        shell.kill()
        shell.wait()
    files.pid.write_text("x\n")
    with pytest.raises(OSError, match="Unable to read PID"):
        clean(files, ROWS4)


NEEDED = ["-p", "a", "-x", "b", "-i", "c", "-o", "d", "-f", "e", "-c", "g"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "DHCP version required"),
        (["-4"], "PID file not specified"),
        (["-6", *NEEDED[:2]], "Previous file not specified"),
        (["-6", *NEEDED[:4]], "Copy file not specified"),
        (["-6", *NEEDED[:6]], "Output file not specified"),
        (["-6", *NEEDED[:8]], "Finish file not specified"),
        (["-6", *NEEDED[:10]], "Config file not specified"),
        (["-4", *NEEDED, "extra"], "Extraneous parameters."),
        (["-z"], ""),
        (["-4", "-p"], ""),
    ],
)
def test_a_command_line_that_makes_no_sense(words, complaint):
    done = ours(*words)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Usage error: {complaint}")
    assert "Traceback" not in done.stderr


def test_what_cannot_be_written_is_a_failure_and_loses_nothing(tmp_path):
    files = Files.of(tmp_path / "leases.csv")
    files.copy.write_bytes(ROWS4.header + b"\n")
    files.output.mkdir()
    done = ours(*switches(files, 4))
    assert done.returncode == 1
    assert done.stderr.startswith("Service failed: ")
    assert files.copy.read_bytes() == ROWS4.header + b"\n"
