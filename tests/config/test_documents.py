"""Documents: sparse, frozen, and the law that reading what was written gives the same document."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpkit.config import ConfigError, Dhcp4Doc, Dhcp6Doc, parse4, parse6, unparse
from dhcpkit.config.compile import compile_into
from dhcpkit.config.compile6 import compile6_into
from dhcpkit.config.dhcp4 import Subnet4Doc
from dhcpkit.config.documents import PoolDoc
from dhcpkit.config.json_dialect import parse_json
from dhcpkit.config.json_text import Source, path_text
from dhcpkit.config.param import DOCUMENTS, DocumentShape, ListShape, read, walk
from dhcpkit.config.report import Report
from dhcpkit.config.surroundings import LeaseDatabaseDoc, LoggerDoc
from dhcpkit.testing.documents import configurations, configurations6, documents, json_texts, json_values

ALL = sorted({*walk(Dhcp4Doc), *walk(Dhcp6Doc)}, key=lambda cls: cls.__name__)
MAPS = st.dictionaries(st.text(max_size=5), json_values(), max_size=4)


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_reading_what_was_written_gives_the_same_document(cls, data):
    doc = data.draw(documents(cls))
    written = json.loads(json.dumps(unparse(doc)))
    report = Report()
    again = read(cls, written, (), report)
    assert report.problems == []
    assert again == doc
    assert again.written == doc.written
    assert unparse(again) == written


@given(documents())
@settings(max_examples=50)
def test_compiling_gives_a_network_or_says_what_is_wrong(doc):
    report = Report()
    network = compile_into(doc, report)
    assert report.failed == (network is None)
    assert all(str(problem) for problem in report.problems)
    if network is not None:
        assert len(network.subnets) >= len(doc.subnet4)


@given(documents(Dhcp6Doc))
@settings(max_examples=50)
def test_compiling_gives_a_dhcpv6_network_or_says_what_is_wrong(doc):
    report = Report()
    network = compile6_into(doc, report)
    assert report.failed == (network is None)
    assert all(str(problem) for problem in report.problems)
    if network is not None:
        assert len(network.subnets) >= len(doc.subnet6)


@given(configurations6())
@settings(max_examples=50)
def test_a_dhcpv6_configuration_that_can_be_served_is_one(doc):
    loaded = parse6(json.dumps({"Dhcp6": unparse(doc)}))
    assert loaded.doc == doc
    docs = [*doc.subnet6, *(subnet for network in doc.shared_networks for subnet in network.subnet6)]
    assert {subnet.id: str(subnet.prefix) for subnet in loaded.network.subnets} == {s.id: s.subnet for s in docs}
    assert sum(len(subnet.reservations) for subnet in docs) == len(loaded.network.hosts)
    delegated = {s.id: [str(pool.prefix) for pool in s.pd_pools] for s in loaded.network.subnets}
    assert delegated == {s.id: [f"{pool.prefix}/{pool.prefix_len}" for pool in s.pd_pools] for s in docs}


@given(configurations())
@settings(max_examples=50)
def test_a_configuration_that_can_be_served_is_one(doc):
    loaded = parse4(json.dumps({"Dhcp4": unparse(doc)}))
    assert loaded.doc == doc
    docs = [*doc.subnet4, *(subnet for network in doc.shared_networks for subnet in network.subnet4)]
    assert {subnet.id: str(subnet.prefix) for subnet in loaded.network.subnets} == {s.id: s.subnet for s in docs}
    assert sum(len(subnet.reservations) for subnet in docs) == len(loaded.network.hosts)


@given(configurations(), st.data())
@settings(max_examples=100)
def test_a_damaged_configuration_is_refused_with_places_or_still_good(doc, data):
    text = json.dumps({"Dhcp4": unparse(doc)}, indent=1)
    at = data.draw(st.integers(0, len(text) - 1))
    until = data.draw(st.integers(at, min(len(text), at + 8)))
    text = text[:at] + data.draw(st.sampled_from(["", ",", "{", '"', "x", "0", "#", " "])) + text[until:]
    try:
        parse4(text)
    except ConfigError as error:
        lines = text.split("\n")
        for problem in error.errors:
            assert problem.span is not None, problem
            assert 1 <= problem.line <= len(lines)
            assert problem.source_line == lines[problem.line - 1]
            assert 1 <= problem.column <= len(problem.source_line) + 1


@given(json_texts(MAPS))
def test_comments_and_extra_commas_change_nothing(case):
    value, text = case
    found, wrongs = parse_json(Source("text", lambda _: text))
    assert found == value
    assert {wrong.code.severity for wrong in wrongs} <= {"warning"}


@given(json_texts(MAPS))
def test_every_path_leads_to_its_value(case):
    value, text = case
    source = Source("text", lambda _: text)
    parse_json(source)

    def visit(steps, inner):
        start, end = source.range(steps)
        assert json.loads(source.text[start:end]) == inner
        span = source.span(start, end)
        original = text.split("\n")[span.line - 1][span.column - 1 :]
        assert original.startswith(source.text[start])
        members = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
        for step, member in members:
            visit((*steps, step), member)
        if steps and isinstance(steps[0], str) and steps[0].isalnum() and steps[0].isascii():
            assert source.place(path_text(steps)).line == span.line

    visit((), value)


def test_what_is_not_written_reads_as_its_default():
    doc = LeaseDatabaseDoc(type="memfile", persist=False)
    assert (doc.persist, doc.lfc_interval, doc.durability) == (False, 3600, "fsync")
    assert doc.written == {"type", "persist"}
    assert doc != LeaseDatabaseDoc(type="memfile", persist=False, lfc_interval=3600)
    assert repr(doc) == "LeaseDatabaseDoc(type='memfile', persist=False)"
    assert Subnet4Doc(subnet="192.0.2.0/24").valid_lifetime is None


def test_a_document_is_frozen_and_evolves():
    doc = Subnet4Doc(subnet="192.0.2.0/24", id=7)
    with pytest.raises(AttributeError, match="evolve"):
        doc.id = 8
    changed = doc.evolve(id=8)
    assert (doc.id, changed.id, changed.written) == (7, 8, {"subnet", "id"})
    assert changed.evolve(id=None) == Subnet4Doc(subnet="192.0.2.0/24")


def test_a_document_takes_its_parameters_only():
    with pytest.raises(TypeError, match="nonesuch"):
        PoolDoc(pool="192.0.2.1-192.0.2.2", nonesuch=1)
    with pytest.raises(TypeError, match="needs pool"):
        PoolDoc()


def test_the_old_spelling_of_a_key_is_read_and_the_new_one_written():
    report = Report()
    doc = read(LoggerDoc, {"name": "kea-dhcp4", "output_options": [{"output": "stdout"}]}, (), report)
    assert unparse(doc) == {"name": "kea-dhcp4", "output-options": [{"output": "stdout"}]}
    assert report.problems == []


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_key_says_what_it_means(cls):
    assert cls.__doc__
    for declared in cls.params.values():
        assert declared.doc.endswith("."), f"{cls.__name__}.{declared.name} has no sentence"
        # Inherited keys are "not set here" until they are; a required one has no default at all.
        if declared.inherit is not None:
            assert declared.default is None
        shape = declared.shape.item if isinstance(declared.shape, ListShape) else declared.shape
        if isinstance(shape, DocumentShape):
            assert shape.document in DOCUMENTS.values()
