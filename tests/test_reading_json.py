"""JSON is read as the standard library reads it, and refused with CPython's words at CPython's place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit import reading_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.booleans())
def test_what_is_json_is_read(value, plain):
    text = json.dumps(value, ensure_ascii=plain)
    assert reading_json.loads(text) == reading_json._loads_plainly(f" {text}\n") == value


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ('{"a": "b\tc"}', "Invalid control character at", 8),
        ('{"a": "b\\qc"}', "Invalid \\escape", 8),
        ('{"é\udc80": "\\é"}', "Invalid \\escape", 8),
        ('{"a" 1}', "Expecting ':' delimiter", 5),
        ("é", "Expecting value", 0),
        ("[1, é]", "Expecting value", 4),
        ("[1] é", "Extra data", 4),
        ("", "Expecting value", 0),
    ],
)
@pytest.mark.parametrize("loads", [reading_json.loads, reading_json._loads_plainly])
def test_what_is_none_is_refused_at_its_place(loads, text, message, at):
    with pytest.raises(json.JSONDecodeError) as caught:
        loads(text)
    assert (caught.value.msg, caught.value.pos) == (message, at)


def test_octets_are_read_too():
    assert reading_json.loads('{"a": "é"}'.encode()) == {"a": "é"}
    with pytest.raises(UnicodeDecodeError):
        reading_json.loads(b'{"a": "\x80"}')
