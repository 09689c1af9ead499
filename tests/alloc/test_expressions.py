"""Class expressions: what a text means, that compiled code means the same, and what is refused where."""

from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.alloc.because import terms_told
from dhcpkit.alloc.compiled import ClassTest, CompiledTests, compile_test
from dhcpkit.alloc.evaluate import Unfit, evaluate, evaluate_text
from dhcpkit.alloc.expressions import parse, parse_text
from dhcpkit.alloc.subjects import FAMILY4, FAMILY6
from dhcpkit.alloc.terms import Const, Exists, Logic, LogicKind, Member
from dhcpkit.alloc.written import written
from dhcpkit.testing.expressions import asked_packets, booleans, member_names, paths, texts

FAMILIES = (FAMILY4, FAMILY6)
CLASSES = st.lists(member_names(), unique=True).map(dict.fromkeys)


def outcome(function, *arguments):
    try:
        return function(*arguments)
    except Unfit:
        return "unfit"


@given(st.data(), st.sampled_from(FAMILIES))
def test_what_is_written_is_what_was_meant(data, family):
    test = data.draw(booleans(family))
    text = data.draw(texts(family))
    packet, classes = data.draw(asked_packets(family)), data.draw(CLASSES)
    read = parse(written(test), family)
    assert outcome(evaluate, read, packet, classes, family.space) == outcome(
        evaluate, test, packet, classes, family.space
    )
    again = parse_text(written(text), family)
    assert outcome(evaluate_text, again, packet, classes, family.space) == outcome(
        evaluate_text, text, packet, classes, family.space
    )
    assert parse(written(read), family) == read  # a text's meaning has a text that means it


@given(st.data(), st.sampled_from(FAMILIES))
def test_compiled_is_interpreted(data, family):
    test = data.draw(booleans(family))
    packet, classes = data.draw(asked_packets(family)), data.draw(CLASSES)
    plain = outcome(evaluate, test, packet, classes, family.space)
    assert outcome(compile_test(test, family.space), packet, classes) == plain


@given(st.data(), st.sampled_from(FAMILIES))
def test_what_is_told_of_a_test_is_what_it_means(data, family):
    test = data.draw(booleans(family))
    packet, classes = data.draw(asked_packets(family)), data.draw(CLASSES)
    plain = outcome(evaluate, test, packet, classes, family.space)
    holds, told = terms_told(test, packet, classes, family.space)
    assert holds is (plain is True)
    assert ("cannot be told" in told) is (plain == "unfit")
    assert told


@given(st.data(), st.sampled_from(FAMILIES))
def test_many_tests_are_as_each_alone(data, family):
    pairs = st.one_of(
        st.tuples(booleans(family), st.none()),
        st.tuples(st.none(), texts(family)),
        st.tuples(st.none(), st.none()),
    )
    tests = [ClassTest(f"class{number}", *pair) for number, pair in enumerate(data.draw(st.lists(pairs, max_size=12)))]
    check_each(data, family, tests)


@given(st.data(), st.sampled_from(FAMILIES))
def test_tests_that_ask_alike_are_as_each_alone(data, family):
    """Presence and membership: what is looked up for many tests at once."""
    wanted = st.sampled_from(data.draw(st.lists(paths(family), min_size=1, max_size=3))).map(Exists)
    names = ("KNOWN", "class0", "class1", "SPAWN_class0_a", "SPAWN_class1_a")
    member = st.sampled_from(names).map(Member)
    either = st.lists(st.one_of(wanted, member), max_size=3).map(lambda each: Logic(LogicKind.OR, tuple(each)))
    both = st.lists(st.one_of(wanted, member), max_size=3).map(lambda each: Logic(LogicKind.AND, tuple(each)))
    one = st.tuples(st.one_of(wanted, wanted, either, both, member), st.none())
    template = st.tuples(st.none(), st.just(Const(b"a")))
    chosen = data.draw(st.lists(st.one_of(one, one, one, template), min_size=3, max_size=12))
    check_each(data, family, [ClassTest(f"class{number}", *pair) for number, pair in enumerate(chosen)])


def check_each(data, family, tests):
    packet, classes = data.draw(asked_packets(family)), data.draw(CLASSES)
    expected, failed = dict(classes), []
    for test in tests:
        try:
            if test.test is not None and evaluate(test.test, packet, expected, family.space):
                expected[test.name] = None
            elif test.template is not None:
                value = evaluate_text(test.template, packet, expected, family.space)
                if value:
                    expected[f"SPAWN_{test.name}_{value.decode('utf-8', 'surrogateescape')}"] = None
                    expected[test.name] = None
        except Unfit:
            failed.append(test.name)
    found = dict(classes)
    errors = CompiledTests(tests, family.space).add_to(packet, found)
    assert list(found) == list(expected)
    assert [name for name, _ in errors] == failed
