"""How problems are shown: to people with a caret, to programs as JSON, and in Kea's one line."""

import json

import pytest

from dhcpkit.config import ConfigError, parse4, render_json, render_text
from dhcpkit.config.codes import BAD_SYNTAX, CODES, POOL_OUTSIDE
from dhcpkit.config.errors import SOURCE_WIDTH, Problem, Related, Span


def refused(text, name="kea.conf"):
    with pytest.raises(ConfigError) as caught:
        parse4(text, name)
    return caught.value


def test_text_for_people():
    error = refused('{ "Dhcp4": {\n\t"valid-liftime": 7,\n\t"renew-timer": "soon" } }')
    assert str(error) == (
        'kea.conf:2:2: error[DK1101]: got unexpected keyword "valid-liftime" in Dhcp4 map.\n'
        '    2 | \t"valid-liftime": 7,\n'
        "      | \t^~~~~~~~~~~~~~~\n"
        "    at Dhcp4.valid-liftime\n"
        "    did you mean `valid-lifetime`?\n"
        "\n"
        "kea.conf:3:17: error[DK1102]: syntax error, unexpected constant string, expecting integer\n"
        '    3 | \t"renew-timer": "soon" } }\n'
        "      | \t               ^~~~~~\n"
        "    at Dhcp4.renew-timer\n"
        "    expected: integer"
    )


def test_json_for_programs():
    span = Span("kea.conf", 3, 9, 3, 12)
    problem = Problem(
        POOL_OUTSIDE,
        "outside",
        path="Dhcp4.x",
        span=span,
        source_line="        pool",
        expected="inside",
        suggestion="pond",
        hint="look",
        related=(Related("first", "Dhcp4.y", Span("other", 1, 2, 1, 2)),),
    )
    assert json.loads(render_json([problem], 3)) == {
        "problems": [
            {
                "code": "DK1205",
                "severity": "error",
                "message": "outside",
                "file": "kea.conf",
                "line": 3,
                "column": 9,
                "end-line": 3,
                "end-column": 12,
                "path": "Dhcp4.x",
                "source-line": "        pool",
                "expected": "inside",
                "suggestion": "pond",
                "hint": "look",
                "related": [{"message": "first", "path": "Dhcp4.y", "file": "other", "line": 1, "column": 2}],
            }
        ],
        "unshown": 3,
    }


KEA_LINES = [
    (BAD_SYNTAX, Span("f", 8, 7, 8, 19), "Syntax check failed with: f:8.7-19: bad"),
    (BAD_SYNTAX, Span("f", 8, 7, 8, 7), "Syntax check failed with: f:8.7: bad"),
    (BAD_SYNTAX, Span("f", 8, 7, 9, 2), "Syntax check failed with: f:8.7-9.2: bad"),
    (BAD_SYNTAX, None, "Syntax check failed with: bad"),
    (POOL_OUTSIDE, Span("f", 8, 7, 8, 19), "Error encountered: bad (f:8:7)"),
    (POOL_OUTSIDE, None, "Error encountered: bad"),
]


@pytest.mark.parametrize(("code", "span", "line"), KEA_LINES, ids=[line for *_, line in KEA_LINES])
def test_the_line_kea_prints(code, span, line):
    assert Problem(code, "bad", span=span).like_kea() == line


def test_kea_tells_what_it_finds_while_reading_first():
    error = refused('{"Dhcp4": {"min-valid-lifetime": 9000, "subnet4": 7}}')
    assert [problem.code.id for problem in error.errors] == ["DK1207", "DK1102"]
    assert error.like_kea() == "Syntax check failed with: kea.conf:1.51: syntax error, unexpected integer, expecting ["


def test_of_a_long_line_the_part_that_matters_is_shown():
    text = '{"Dhcp4": {"comment": "' + "x" * 400 + '", "bogus": 1, "server-tag": "' + "y" * 400 + '"}}'
    shown = render_text(refused(text).errors).split("\n")
    assert len(shown[1]) <= SOURCE_WIDTH + 8
    caret = shown[2].index("^")
    assert shown[1][caret : len(shown[2])] == '"bogus"'


def test_errors_beyond_the_limit_are_counted():
    subnets = [{"subnet": f"10.{n >> 8}.{n & 255}.0/24", "id": 1 + n, "bogus": n} for n in range(1000)]
    error = refused(json.dumps({"Dhcp4": {"subnet4": subnets}}, indent=1))
    assert len(error.errors) == 200
    assert error.unshown == 800
    assert str(error).endswith("... and 800 errors more.")


def test_warnings_of_one_kind_do_not_fill_the_screen():
    subnets = [{"subnet": f"10.0.{n}.0/24"} for n in range(100)]
    warnings = parse4(json.dumps({"Dhcp4": {"subnet4": subnets}})).warnings
    assert {problem.code.id for problem in warnings} == {"DK1210"}
    assert len(warnings) == 20


def test_a_notice_is_one_line_and_counts_its_places():
    subnets = [{"subnet": f"10.0.{n}.0/24", "id": 1 + n, "4o6-subnet": "2001:db8::/32"} for n in range(3)]
    warnings = parse4(json.dumps({"Dhcp4": {"subnet4": subnets}}), "kea.conf").warnings
    assert render_text(warnings) == (
        "kea.conf:1:59: notice[DK1901]: 4o6-subnet in subnet4 map is accepted but has no effect yet"
        " (3 places, here the first)"
    )


def test_an_idle_key_with_its_default_needs_no_notice():
    assert parse4('{"Dhcp4": {"server-tag": "", "ddns-send-updates": true}}').warnings == ()


def test_every_code_is_explained():
    for code in CODES.values():
        assert code.id.startswith("DK")
        assert code.title == code.title.strip()
        assert code.explanation.endswith(".")
