"""What Kea 3.0.4 answered to its own commands and to those of subnet_cmds and class_cmds, asked again in order."""

import importlib.util
import re
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("replayed", Path(__file__).with_name("replayed.py"))
replayed = importlib.util.module_from_spec(spec)
spec.loader.exec_module(replayed)

REPO = Path(__file__).parent.parent.parent
VECTORS = REPO / "tests" / "vectors" / "control-30.jsonl"
PAGE = REPO / "docs" / "why" / "control-channel.md"

# Where we answer something else: why, and which exchanges of DHCPv4 and DHCPv6.
DEVIATIONS = {
    "The version is dhcpkit's, and the series of Kea that it stands for.": ({5, 6, 7, 8, 9}, {5, 6, 7, 8, 9}),
    "There are no threads: `status-get` is Kea's with `enable-multi-threading` false.": (
        {10, 11, 12, 644, 653},
        {10, 11, 12, 646, 655},
    ),
    "A counter that is 0 is told, and where Kea has one no longer it is there.": ({32}, {32}),
    "Counters of libraries that are not loaded, and of the other family, are not there.": (
        {59, 60, 61, 657},
        {659},
    ),
    "A number that is none is named; Kea tells where in its code it noticed.": ({42, 45}, {42, 45}),
    "A server of one family has no subnets of the other, which would be served by nobody.": (
        {*range(211, 221)},
        {*range(215, 225)},
    ),
    "The command is newer than Kea 3.0.4.": ({229, 230, 231, 232, 233}, {245, 246, 247, 248, 249}),
    "What is wrong with an expression, an option or a value is told in our words, at the same place.": (
        {254, 255, 257, 261, 266, 269, 664, 665, 667, 669, 674, 679, 681, 683, 686, 698, 699, 700, 704, 706},
        {270, 271, 273, 277, 282, 285, 666, 667, 669, 671, 676, 681, 682, 683, 685, 688, 700, 701, 702, 706, 708},
    ),
    "Keys of Kea 2.2 are taken, subnets without a number get one from a counter, and a comment is taken everywhere.": (
        {318, 400, 409, 671, 688, 702},
        {334, 416, 425, 673, 690, 704},
    ),
    "What is named is taken away whether a value is given with it or not.": ({349}, set()),
    "A shared network has a name; Kea keeps one whose subnets it has refused.": ({368, 399}, {384, 415}),
    "A subnet that joins a shared network takes `rapid-commit` from it unless it says so itself.": (set(), {399}),
    "The recorded server had an interface with an address of the subnet.": ({592, 608}, set()),
    "Values that are out of range, or no truth values, are refused; Kea takes them.": ({661, 685}, {663, 687}),
    "Reservations and leases in databases are not there yet.": ({668, 701, 737, 738}, {670, 703, 739, 740}),
    "An interface that is not there is refused and nothing changed; Kea is half reconfigured then (result 5).": (
        {705},
        {707},
    ),
    "No samples at all are refused; Kea takes it, and every `statistic-get-all` fails from then on.": (
        {740, 741, 743, 744, 745},
        {742, 743, 745, 746, 747},
    ),
    "A word that is none is pointed at whole, not at its first letter.": ({724}, {726}),
    "`max-period` is not over yet where no time passes between two commands.": ({726}, {728}),
}
RELOADS = {723: '{"bad": 1}', 724: "{ nonsense", 725: ""}  # what the file was, by the exchange; later by 2 in DHCPv6
BUILT_IN = re.compile(
    r"(config|status|statistic|version|build|list|server|shutdown|dhcp|leases|class|subnet|network)-.*"
)


@pytest.mark.parametrize("family", [4, 6])
def test_what_was_asked_is_answered_alike(family, tmp_path):
    config, rows = replayed.rows_of(VECTORS, f"dhcp{family}")
    server = replayed.Replayed(tmp_path, family, config, libraries=["subnet_cmds", "class_cmds"])
    try:
        started = server.running.file.read_text()
        found = {}
        for row in rows:
            text = RELOADS.get(row["seq"] - (0 if family == 4 else 2))
            if text is not None:
                server.running.file.write_text(text or started)
            answer, expected = server.answer(row), server.expected(row)
            name = row["request"]["command"]
            if name == "list-commands":
                assert {each for each in expected["arguments"] if BUILT_IN.fullmatch(each)} <= {*answer["arguments"]}
                continue
            if name == "config-get":
                assert answer["arguments"].keys() == expected["arguments"].keys() == {f"Dhcp{family}", "hash"}
                continue
            differing = replayed.differences(answer, expected, values=not name.startswith("statistic-get"))
            if name == "statistic-get-all":  # ours are more
                differing = [each for each in differing if not each.endswith("besides")]
            if differing:
                found[row["seq"]] = differing
        assert server.running.process.wait(20) == 5
    finally:
        server.end()
    known = set().union(*(numbers[0 if family == 4 else 1] for numbers in DEVIATIONS.values()))
    assert {number: told for number, told in found.items() if number not in known} == {}
    assert known - found.keys() == set(), "these are the same now"


def test_the_page_has_every_deviation_and_no_other():
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert dict(rows[1:]) == dict(table())


def table():
    """Reason and commands of every deviation, as the page has them."""
    names = {}
    for family in (4, 6):
        for row in replayed.rows_of(VECTORS, f"dhcp{family}")[1]:
            names[family, row["seq"]] = row["request"]["command"]
    for reason, numbers in DEVIATIONS.items():
        commands = {names[family, each] for family, of in zip((4, 6), numbers, strict=True) for each in of}
        yield reason, ", ".join(f"`{name}`" for name in sorted(commands))
