"""Where a command ends, what is too much of one, and that neither depends on how its octets arrive."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.api.feed import Feed, Limits, NotJson, parse_text

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.text('"\\#/*,{}[]\n'))
VALUES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=20
)
WHOLE = st.one_of(st.lists(VALUES), st.dictionaries(st.text('ab"\\#/*'), VALUES))
COMMENTS = st.sampled_from(("", " ", "\n", '# " { \n', '// [ "\n', "/* } */", '/* " **/'))


@st.composite
def written(draw):
    """A value, and octets that mean it: comments and blanks before it and between its parts."""
    value = draw(WHOLE)
    comma, colon = draw(COMMENTS) + "," + draw(COMMENTS), draw(COMMENTS) + ":" + draw(COMMENTS)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()), separators=(comma, colon))
    return value, draw(COMMENTS).encode() + text.encode("utf-8", "surrogatepass"), len(text)


def push_all(feed, octets, cuts):
    """Pushes octets in pieces; the text, or None."""
    before = 0
    for cut in [*sorted(cuts), len(octets)]:
        found = feed.push(octets[before:cut])
        if found is not None:
            return found
        before = cut
    return None


@given(written(), st.binary(max_size=8), st.data())
def test_a_text_ends_where_its_outermost_bracket_closes(case, behind, data):
    value, octets, _ = case
    try:
        octets.decode()
    except UnicodeDecodeError:
        return  # half a surrogate: parse_text refuses it, wherever it ends
    sent = octets + behind
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=5))
    assert parse_text(push_all(Feed(), sent, cuts)) == value
    assert push_all(Feed(), octets[:-1], cuts) is None


@given(st.binary(max_size=40), st.data())
def test_pieces_do_not_matter_for_arbitrary_octets(octets, data):
    def outcome(cuts):
        try:
            return push_all(Feed(Limits(depth=3, items=5)), octets, cuts)
        except NotJson:
            return "refused"

    assert outcome(data.draw(st.lists(st.integers(0, len(octets)), max_size=10))) == outcome([])


@given(st.integers(1, 6), st.integers(1, 6))
def test_depth_is_limited_before_anything_is_parsed(depth, limit):
    octets = b"[" * depth + b"]" * depth
    feed = Feed(Limits(depth=limit))
    if depth > limit:
        with pytest.raises(NotJson, match="nested"):
            feed.push(octets)
    else:
        assert feed.push(octets) == octets


@given(WHOLE)
def test_every_value_counts(value):
    octets = json.dumps(value).encode()
    total = octets_items(value)
    assert Feed(Limits(items=total)).push(octets) == octets
    if total:
        with pytest.raises(NotJson, match="values"):
            Feed(Limits(items=total - 1)).push(octets)


def octets_items(value):
    """What `Feed` counts: each map and list, and what follows a comma in one."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(len(value) - 1, 0) + sum(map(octets_items, inner))


def test_a_long_open_string_is_looked_at_once():
    feed = Feed(Limits(octets=1 << 20))
    assert feed.push(b'{"a": "') is None
    for _ in range(100_000):
        assert feed.push(b'\\"') is None  # would take minutes if each piece were a new search
    assert parse_text(feed.push(b'"}')) == {"a": '"' * 100_000}


@pytest.mark.parametrize("octets", [b"5", b'"a"', b"x{", b", {}", b"\xff", b"/x", b"nul"])
def test_what_is_no_map_or_list_is_refused_at_once(octets):
    with pytest.raises(NotJson, match="invalid"):
        Feed().push(octets)


def test_too_many_octets_are_refused():
    feed = Feed(Limits(octets=10))
    assert feed.push(b"[ 1, 2") is None
    with pytest.raises(NotJson, match="10 octets"):
        feed.push(b", 3, 4")


@pytest.mark.parametrize("text", [b'{"a": NaN}', b"{'a': 1}", b'{"a": 1,}', b'["\xff"]', b"[" * 5000 + b"]" * 5000])
def test_what_json_refuses_is_refused(text):
    with pytest.raises(NotJson):
        parse_text(text)
