"""Eleven mistakes that were tried on three servers: each is found at its very place, shown, and answered with help."""

import json

import pytest

from dhcpkit.config import ConfigError, load4, render_json, render_text

NEAR = "did you mean"
CASES = [  # file, line:column-column of the range, code, what is shown below the caret besides
    ("k1-missing-comma", "8:7-19", "DK1002", ()),
    ("k2-unknown-key", "9:9-22", "DK1101", (f"{NEAR} `pool-id`?", "pool-id belongs in: pools")),
    ("k3-pool-outside-subnet", "7:28-54", "DK1205", ("expected: addresses from 192.0.2.0 to 192.0.2.255",)),
    ("k4-bad-option-value", "8:54-64", "DK1302", ("expected: an IPv4 address, several separated by commas",)),
    ("k5-unknown-option", "8:34-42", "DK1301", (f"{NEAR} `routers`?",)),
    ("k6-bad-mac-reservation", "9:43-61", "DK1402", ("expected: hexadecimal digits such as",)),
    ("k7-overlapping-pools", "7:69-95", "DK1206", ("the other pool: ", "json:7:28 at Dhcp4.subnet4[0].pools[0].pool")),
    ("k8-wrong-type-lifetime", "4:21-30", "DK1102", ("expected: integer",)),
    ("k9-duplicate-subnet", "10:29-42", "DK1202", ("first declared here: ", "json:6:26 at Dhcp4.subnet4[0].subnet")),
    ("k10-bad-class-expr", "11:68-68", "DK1501", ("comparison is written ==",)),
    ("k11-duplicate-reservation", "9:109-127", "DK1403", ("first reserved here: ", "json:9:43 at ")),
]


def refused(shared, name):
    with pytest.raises(ConfigError) as caught:
        load4(shared / "kea" / "bad-configs" / f"{name}.json")
    return caught.value


@pytest.mark.parametrize(("name", "where", "code", "shown"), CASES, ids=[name for name, *_ in CASES])
def test_the_mistake_is_found_and_shown(shared, name, where, code, shown):
    error = refused(shared, name)
    problem = error.errors[0]
    assert problem.span is not None
    assert f"{problem.line}:{problem.column}-{problem.span.end_column}" == where
    assert problem.code.id == code
    text = render_text([problem])
    lines = text.split("\n")
    assert lines[1].endswith(problem.source_line)
    caret = lines[2].index("^")
    marked = lines[1][caret : len(lines[2])]
    assert marked == problem.source_line[problem.column - 1 : problem.span.end_column]
    for words in shown:
        assert words in text


@pytest.mark.parametrize("name", [name for name, *_ in CASES])
def test_only_the_one_mistake_is_told(shared, name):
    error = refused(shared, name)
    # Of the class expression two things are wrong: a comparison that is none, and a text without end (Kea sees one).
    assert len(error.errors) == (2 if name == "k10-bad-class-expr" else 1)


def test_the_missing_quote_of_the_expression_is_told_too(shared):
    quote = refused(shared, "k10-bad-class-expr").errors[1]
    assert (quote.line, quote.column, quote.hint) == (11, 70, "the text has no closing quote")


def test_the_first_line_is_kea_s(shared):
    """What scripts look for in the output of `kea-dhcp4 -t`: recorded sentences, up to where they name the place."""
    recorded = (shared / "kea" / "bad-configs" / "results.txt").read_text()
    lines = [line for line in recorded.split("\n") if line.startswith(("Syntax check failed", "Error encountered"))]
    assert len(lines) == len(CASES)
    in_order = sorted(CASES, key=lambda case: int(case[0].split("-")[0][1:]))
    for (name, *_), line in zip(in_order, lines, strict=True):
        ours = refused(shared, name).like_kea().replace(str(shared / "kea" / "bad-configs") + "/", "")
        if line.startswith("Syntax"):  # with the same range to the column
            assert ours == line
        elif name != "k4-bad-option-value":  # what is wrong with an option's text is said in the option's own words
            assert ours.split(" (k")[0] == line.split(" (k")[0].removesuffix(" at")
        else:
            assert ours.split(": '")[0] == line.split(": Failed")[0]


def test_all_mistakes_of_a_file_are_found_in_one_run(shared, tmp_path):
    """Every mistake that stands alone in its map, in one file: none hides another."""
    text = (shared / "kea" / "bad-configs" / "k0-good.json").read_text()
    config = json.loads(text)
    subnet = config["Dhcp4"]["subnet4"][0]
    subnet |= {
        "pool-id-typo": 3,
        "pools": [{"pool": "192.0.3.1 - 192.0.3.9"}, {"pool": "192.0.2.9 - 192.0.2.1"}],
        "option-data": [{"name": "ruoters", "data": "x"}, {"name": "routers", "data": "192.0.2.300"}],
        "reservations": [{"hw-address": "zz"}, {"ip-address": "192.0.2.9"}],
    }
    config["Dhcp4"] |= {"valid-lifetime": "one hour", "t1-percent": 2.0}
    config["Dhcp4"]["calculate-tee-times"] = True
    config["Dhcp4"]["subnet4"].append({"id": 1, "subnet": "192.0.2.0/24"})
    path = tmp_path / "kea.conf"
    path.write_text(json.dumps(config, indent=2))
    with pytest.raises(ConfigError) as caught:
        load4(path)
    assert sorted(problem.code.id for problem in caught.value.errors) == [
        "DK1101",
        "DK1102",
        "DK1202",
        "DK1203",
        "DK1204",
        "DK1205",
        "DK1208",
        "DK1301",
        "DK1302",
        "DK1401",
        "DK1402",
    ]
    shown = json.loads(render_json(caught.value.problems))["problems"]
    assert [entry["line"] for entry in shown] == sorted(entry["line"] for entry in shown)
    assert all(entry["path"].startswith("Dhcp4") for entry in shown)
