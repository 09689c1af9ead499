"""Kea's JSON dialect: what is accepted, what is refused in which words, and where it stands."""

import pytest

from dhcpkit.config import ConfigError, load4, parse4
from dhcpkit.config.json_dialect import parse_json
from dhcpkit.config.json_text import Source, path_text
from dhcpkit.config.load import KEYWORDS


def parsed(text, files=()):
    """Value and wrongs of a text; `files` are what it may include."""
    known = {"kea.conf": text, **dict(files)}

    def read(name):
        if name not in known:
            raise FileNotFoundError(2, "No such file or directory")
        return known[name]

    source = Source("kea.conf", read)
    value, wrongs = parse_json(source, KEYWORDS)
    return value, [(wrong.span.like_kea() if wrong.span else "", wrong.message) for wrong in wrongs], source


ACCEPTED = [  # text, value: each tried with kea-dhcp4 -t, inside a configuration
    ('{"a": 1} # end', {"a": 1}),
    ('{"a": 1} // end', {"a": 1}),
    ('/* a\n b */ {"a": "#no // comment /* here"}', {"a": "#no // comment /* here"}),
    ('{"a": .5}', {"a": 0.5}),
    ('{"a":.5}', {"a": 0.5}),
    ('{"a": 0., "b":-.5 }', {"a": 0.0, "b": -0.5}),
    ('{"a": +.5}', {"a": 0.5}),
    ('{"a": 04000, "b": -007, "c": 00}', {"a": 4000, "b": -7, "c": 0}),
    ('{"a": 1e3}', {"a": 1000.0}),
    ('{"a": "1., .5 +5 007"}', {"a": "1., .5 +5 007"}),
    (r'{"a": "\u00e9\/"}', {"a": "é/"}),
    ("[]", []),
]


@pytest.mark.parametrize(("text", "value"), ACCEPTED, ids=[text for text, _ in ACCEPTED])
def test_accepted(text, value):
    found, wrongs, _ = parsed(text)
    assert found == value
    assert wrongs == []


def test_extra_commas_are_warnings_where_kea_sees_them():
    value, wrongs, _ = parsed('{"a": [1,,],\n "b": 2,}')
    assert value == {"a": [1], "b": 2}
    message = "Extraneous comma. A piece of configuration may have been omitted."
    assert wrongs == [("kea.conf:1.9", message), ("kea.conf:1.10", message), ("kea.conf:2.8", message)]


REFUSED = [  # text, where, Kea's words
    ('{"a": 1 "b": 2}', "1.9-11", 'syntax error, unexpected constant string, expecting "," or }'),
    ('{"Dhcp4": {} "subnet4": 2}', "1.14-22", 'syntax error, unexpected subnet4, expecting "," or }'),
    ("[1 2]", "1.4", 'syntax error, unexpected integer, expecting "," or ]'),
    ('{"a" 3}', "1.6", "syntax error, unexpected integer, expecting :"),
    ('{,"a": 1}', "1.2", 'syntax error, unexpected ","'),
    ("", "1.1", "syntax error, unexpected end of file, expecting {"),
    ("{} x", "1.4", "Invalid character: x"),
    ("{} {}", "1.4", "syntax error, unexpected {, expecting end of file"),
    ('{"a": True}', "1.7-10", "JSON true reserved keyword is lower case only"),
    ('{"a": NaN}', "1.7-9", "Invalid character: N"),
    ('{"a": -Infinity}', "1.7-15", "Invalid character: -"),
    ('{"a": "b\tc"}', "1.9", 'Invalid control in "b\t"'),
    ('{"a": "b\\qc"}', "1.9-10", 'Bad escape in "b\\qc"'),
    ('{"a": "abc}', "1.7-11", 'Invalid character: "'),
    ("{ /* never closed", "1.3-4", "Comment not closed. (/* in line 1"),
    ("{'a': 1}", "1.2", "Invalid character: '"),
    ('{"a": 1, "a": 2}', "1.10-12", "duplicate a entries in toplevel map (previous at kea.conf:1:2)"),
]


@pytest.mark.parametrize(("text", "where", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_refused(text, where, message):
    _, wrongs, _ = parsed(text)
    assert wrongs == [(f"kea.conf:{where}", message)]


def test_behind_a_missing_comma_reading_goes_on():
    value, wrongs, _ = parsed('{"a": [1 [2] {"b": 3}] "c": 4\n"d": 5}')
    assert value == {"a": [1, [2], {"b": 3}], "c": 4, "d": 5}
    assert [where for where, _ in wrongs] == [
        "kea.conf:1.10",
        "kea.conf:1.14",
        "kea.conf:1.24-26",
        "kea.conf:2.1-3",
    ]


def test_a_text_without_end_of_mistakes_ends():
    _, wrongs, _ = parsed("[" + "[] " * 100 + "]")
    assert 20 <= len(wrongs) < 30


def test_nesting_without_end_is_refused():
    _, wrongs, _ = parsed("[" * 100_000)
    assert len(wrongs) == 1
    assert "nested" in wrongs[0][1]


def test_both_places_of_a_duplicate_key():
    text = '{"Dhcp4": {"valid-lifetime": 4000, "user-context": {"a": 1, "a": 2},\n"valid-lifetime": 4001}}'
    with pytest.raises(ConfigError) as caught:
        parse4(text, "kea.conf")
    assert [problem.message for problem in caught.value.errors] == [
        "duplicate a entries in JSON map (previous at kea.conf:1:53)",
        "duplicate valid-lifetime entries in Dhcp4 map (previous at kea.conf:1:12)",
    ]


INCLUDED = {
    "pools.json": '{ "pool": "192.0.2.1-192.0.2.9" }, // one\n<?include "more.json"?>',
    "more.json": '{ "pool": "192.0.3.1-192.0.3.9" }',
}


def test_includes_join_texts_and_keep_places():
    value, wrongs, source = parsed('{\n "pools": [ <?include "pools.json"?> ],\n "b": 1 }', INCLUDED)
    assert wrongs == []
    assert [pool["pool"] for pool in value["pools"]] == ["192.0.2.1-192.0.2.9", "192.0.3.1-192.0.3.9"]
    assert str(source.value(("pools", 0, "pool"))) == "pools.json:1:11"
    assert str(source.value(("pools", 1, "pool"))) == "more.json:1:11"
    assert str(source.value(("b",))) == "kea.conf:3:7"
    assert str(source.place("pools[1].pool")) == "more.json:1:11"


def test_an_absent_include_names_the_place_that_wants_it():
    value, wrongs, _ = parsed('{ "a":\n  <?include "gone.json"?> }')
    assert value is None
    assert wrongs == [("kea.conf:2.3-25", "Can't open include file gone.json")]


def test_an_include_in_an_include_that_is_absent():
    _, wrongs, _ = parsed('{ "a": <?include "one"?> }', {"one": '\n <?include "two"?>'})
    assert wrongs == [("one:2.2-18", "Can't open include file two")]


def test_includes_in_a_circle():
    _, wrongs, _ = parsed('<?include "one"?>', {"one": '<?include "two"?>', "two": ' <?include "one"?>'})
    assert wrongs == [("two:1.2-18", "Too many nested include.")]


def test_includes_too_deep():
    files = {f"f{depth}": f'<?include "f{depth + 1}"?>' for depth in range(20)} | {"f20": "{}"}
    _, wrongs, _ = parsed('<?include "f0"?>', files)
    assert [message for _, message in wrongs] == ["Too many nested include."]
    value, wrongs, _ = parsed('<?include "f12"?>', files)
    assert value == {}
    assert wrongs == []


def test_an_absent_file():
    with pytest.raises(ConfigError) as caught:
        load4("/nonexistent/k")
    assert caught.value.like_kea() == "Syntax check failed with: Unable to open file /nonexistent/k"


PATHS = [(), ("Dhcp4",), ("Dhcp4", "subnet4", 0, "pools", 12), ("a b", 0, 'q"]'), ("4o6-subnet", "x.y", "z")]


@pytest.mark.parametrize("steps", PATHS, ids=path_text)
def test_a_path_as_text_leads_back(steps):
    source = Source("f", lambda _: "{}")
    place = source.place(path_text(steps))
    assert place.path == path_text(steps)


def test_what_is_no_path_stays_as_it_is():
    assert str(Source("f", lambda _: "{}").place("kea.conf:41:9")) == "kea.conf:41:9"


def test_places_stay_when_numbers_and_commas_are_mended():
    text = '{"a": [.5,+1.5, 007,5., -.5,],"b" : "x"}'
    value, wrongs, source = parsed(text)
    assert value == {"a": [0.5, 1.5, 7, 5.0, -0.5], "b": "x"}
    assert [where for where, _ in wrongs] == ["kea.conf:1.28"]
    spans = [source.value(("a", index)) for index in range(5)] + [source.value(("b",))]
    words = [text[span.column - 1 : span.end_column] for span in spans]
    assert words == [".5", "+1.5", "007", "5.", "-.5", '"x"']


def test_places_stay_when_what_is_included_is_mended():
    value, wrongs, source = parsed('{"a": .5, <?include "more"?> "c": 7}', {"more": '"b": 05, // five\n"d": .5,'})
    assert value == {"a": 0.5, "b": 5, "c": 7, "d": 0.5}
    assert wrongs == []
    found = {key: source.value((key,)).like_kea() for key in value}
    assert found == {"a": "kea.conf:1.7-8", "b": "more:1.6-7", "c": "kea.conf:1.35", "d": "more:2.6-7"}
