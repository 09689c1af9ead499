"""Class tests as code: all of a configuration's tests become one Python function, made once.

What several tests ask of a packet is asked once; tests of one thing for equality are found in a dict, and so are tests
for options that lie in one place, so that their number does not count. `evaluate` says what the tests mean, and
properties hold this module to it. The code is made as a syntax tree of a few kinds of nodes (`_ALLOWED`), names are
taken from one namespace, and no text of a configuration ever becomes code: strings are constants in it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Final

import attrs

from dhcpkit.alloc.dispatch import ClassTest, Place, places, tables
from dhcpkit.alloc.evaluate import (
    CONVERSIONS,
    Unfit,
    full_match,
    hexstring,
    read_around,
    read_path,
    shown,
    split,
    substring,
    vendor_field,
)
from dhcpkit.alloc.subjects import FIELDS, Packet, relay_field, vendor_enterprise
from dhcpkit.alloc.terms import (
    Boolean,
    Const,
    Equal,
    Exists,
    Expression,
    Field,
    Form,
    Join,
    Logic,
    LogicKind,
    Matches,
    Member,
    Not,
    Path,
    Present,
    Read,
    Root,
    Select,
    Split,
    Substring,
    Text,
    ToText,
    VendorField,
    members_of,
)
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.options import Space
from dhcpkit.wire.options4 import DHCP4

__all__ = ["ClassTest", "CompiledTests", "compile_test", "compile_text", "spawned_name"]

_ALLOWED: Final = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Assign, ast.If, ast.Try, ast.ExceptHandler, ast.Expr,
    ast.Return, ast.Name, ast.Load, ast.Store, ast.Constant, ast.Call, ast.Compare, ast.Eq, ast.Is, ast.IsNot, ast.In,
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.IfExp, ast.NamedExpr, ast.Tuple, ast.Pass,
)  # fmt: skip


def spawned_name(template: str, value: bytes) -> str:
    """The class that a template class puts a packet into (Kea)."""
    return f"SPAWN_{template}_{value.decode('utf-8', 'surrogateescape')}"


class CompiledTests:
    """The tests of some classes, compiled. They run in the order given; later ones see what earlier ones decided."""

    def __init__(self, tests: Sequence[ClassTest], space: Space = DHCP4) -> None:
        self._names = [test.name for test in tests]
        self._independent, self._dependent, self._templates = _make(tests, space)

    def add_to(self, packet: Packet, classes: MutableMapping[str, None]) -> list[tuple[str, Unfit]]:
        """Adds to `classes` those whose tests hold, in order. Returns the classes whose tests could not be told."""
        get = packet.options.get if isinstance(packet, Packet4) else packet.options.first.get
        errors: list[tuple[int, Unfit]] = []
        values: dict[int, bytes] = {}
        found: list[int] = []
        self._independent(packet, get, classes, found, errors, values)
        if self._dependent is None:
            found.sort()
            for index in found:
                self._add(index, values, classes)
        else:
            self._in_order(packet, get, classes, frozenset(found), errors, values)
        return [(self._names[index], error) for index, error in sorted(errors, key=lambda pair: pair[0])]

    def _in_order(  # noqa: PLR0913, PLR0917  # what the compiled functions take
        self,
        packet: Packet,
        get: Get,
        classes: MutableMapping[str, None],
        found: frozenset[int],
        errors: list[tuple[int, Unfit]],
        values: dict[int, bytes],
    ) -> None:
        """The same where tests ask for membership: one after the other, each seeing the classes before it."""
        assert self._dependent is not None, "there are such tests"
        for index in sorted({*found, *self._dependent}):
            function = self._dependent.get(index)
            holds: list[int] = []
            if function is not None:
                function(packet, get, classes, holds, errors, values)
            if holds or index in found:
                self._add(index, values, classes)

    def _add(self, index: int, values: dict[int, bytes], classes: MutableMapping[str, None]) -> None:
        name = self._names[index]
        if index in self._templates:
            classes[spawned_name(name, values[index])] = None
        classes[name] = None


Get = Callable[[int], "bytes | None"]
Run = Callable[[Packet, Get, Any, list[int], list[tuple[int, Unfit]], dict[int, bytes]], None]


def _make(tests: Sequence[ClassTest], space: Space) -> tuple[Run, dict[int, Run] | None, frozenset[int]]:
    independent: list[tuple[int, ClassTest]] = []
    dependent: list[tuple[int, ClassTest]] = []
    names = {test.name for test in tests}
    spawned = tuple(spawned_name(test.name, b"") for test in tests if test.template is not None)
    for index, test in enumerate(tests):
        expression = test.test if test.test is not None else test.template
        if expression is not None:
            # Membership that these tests do not decide among themselves is known before the first of them.
            waits = any(name in names or name.startswith(spawned) for name in members_of(expression))
            (dependent if waits else independent).append((index, test))
    templates = frozenset(index for index, test in enumerate(tests) if test.test is None and test.template is not None)
    later = {index: _Code([(index, test)], space).function() for index, test in dependent}
    return _Code(independent, space).function(), later or None, templates


def compile_test(test: Boolean, space: Space = DHCP4) -> Callable[[Packet, Any], bool]:
    """One test as a function of a packet and its classes. It raises Unfit where the test cannot be told."""
    run = _Code([(0, ClassTest("", test))], space).function()

    def holds(packet: Packet, classes: Any = ()) -> bool:
        get = packet.options.get if isinstance(packet, Packet4) else packet.options.first.get
        found: list[int] = []
        errors: list[tuple[int, Unfit]] = []
        run(packet, get, classes, found, errors, {})
        if errors:
            raise errors[0][1]
        return bool(found)

    return holds


def compile_text(text: Text, space: Space = DHCP4) -> Callable[[Packet, Any], bytes]:
    """One expression whose value is a string, as a function of a packet and its classes. Errors as `compile_test`."""
    run = _Code([(0, ClassTest("", template=text))], space).function()

    def value(packet: Packet, classes: Any = ()) -> bytes:
        get = packet.options.get if isinstance(packet, Packet4) else packet.options.first.get
        errors: list[tuple[int, Unfit]] = []
        values: dict[int, bytes] = {}
        run(packet, get, classes, [], errors, values)
        if errors:
            raise errors[0][1]
        return values[0]

    return value


class _Code:
    """Makes the function of some tests."""

    def __init__(self, tests: Sequence[tuple[int, ClassTest]], space: Space) -> None:
        self._tests = tests
        self._names: dict[str, Any] = {
            "Unfit": Unfit,
            "UNSET": _UNSET,
            "append": list.append,
            "failed": _failed_all,
            "join": b"".join,
            "split": split,
            "substring": substring,
            "hexstring": hexstring,
            "full_match": full_match,
            "relay_field": relay_field,
            "vendor_field": vendor_field,
            "present": _present,
            "read": lambda path, packet: read_path(path, packet, space),
            "around": lambda path, packet: read_around(path, packet, space),
            "within": _within,
            "extend_present": _extend_present,
            "shown": lambda path, octets, packet: b"" if octets is None else shown(path, octets, packet, space),
            "chosen": _chosen,
            **{f"to_{name}": function for name, function in CONVERSIONS.items()},
            **{name.replace(".", "_"): function for name, function in FIELDS.items()},
        }
        self._uses: Counter[Any] = Counter()
        self._variables: dict[Any, str] = {}
        self._payloads: dict[int, str] = {}

    def function(self) -> Run:
        """The function: (packet, get, classes, found, errors, values) -> None."""
        wanted, rest = places(self._tests)
        compared, rest = tables(rest)
        for _, test in self._tests:
            self._count(test.test if test.test is not None else test.template)
        body: list[ast.stmt] = []
        for place, present in wanted.items():
            name = f"present_{len(self._names)}"
            self._names[name] = present
            body.append(ast.Expr(_call("extend_present", _name("found"), self._around(place), _name(name))))
        for subject, table in compared:
            body += self._table(subject, table)
        for index, test in rest:
            body.append(self._guarded(index, self._statement(index, test)))
        head: list[ast.stmt] = [
            _assign(name, _call("get", _constant(code))) for code, name in sorted(self._payloads.items())
        ]
        head += [_assign(name, _name("UNSET")) for name in self._variables.values()]
        made = ast.FunctionDef(
            "run",
            ast.arguments(
                [], [ast.arg(name) for name in ("packet", "get", "classes", "found", "errors", "values")], None, [], [],
                None, [],
            ),
            [*head, *body, ast.Pass()],
            [],
        )  # fmt: skip
        module = ast.fix_missing_locations(ast.Module([made], []))
        for node in ast.walk(module):
            assert isinstance(node, _ALLOWED), f"{type(node).__name__} has no place in a class test"
        namespace = {**self._names, "__builtins__": {}}
        exec(compile(module, "<class tests>", "exec"), namespace)  # noqa: S102  # a tree of allowed nodes, see above
        run: Run = namespace["run"]
        return run

    # Statements.

    def _statement(self, index: int, test: ClassTest) -> ast.stmt:
        if test.test is not None:
            return ast.If(self._boolean(test.test), [_append(index)], [])
        assert test.template is not None, "a class without test has no code"
        # The value is kept for the name of the class it spawns; an empty one spawns none.
        return ast.If(
            _call("chosen", _name("values"), _constant(index), self._text(test.template)), [_append(index)], []
        )

    def _guarded(self, index: int, statement: ast.stmt) -> ast.stmt:
        """A statement whose failure concerns its test alone."""
        return _try([statement], [_failed([index])])

    def _table(self, subject: Text, table: dict[bytes, list[tuple[int, Boolean | None]]]) -> Iterator[ast.stmt]:
        """CompiledTests that begin with an equality of one subject: one look-up, then what else each of them asks."""
        name = f"table_{len(self._names)}"
        places: dict[bytes, int] = {}
        rows: dict[tuple[tuple[int, Boolean | None], ...], int] = {}
        for key, row in table.items():
            places[key] = rows.setdefault(tuple(row), len(rows))
        plain = {key: tuple(index for index, rest in row if rest is None) for key, row in table.items()}
        self._names[name] = {key: (plain[key], places[key]) for key in table}.get
        self._names["nothing"] = ((), -1)
        yield _assign("hit", _name("UNSET"))
        everyone = sorted({index for row in table.values() for index, _ in row})
        yield _try([_assign("hit", _call(name, self._text(subject), _name("nothing")))], [_failed(everyone)])
        self._names["extend"] = _extend
        after: list[ast.stmt] = [ast.Expr(_call("extend", _name("found"), _name("hit")))]
        self._names["row_of"] = _row_of
        for asks, place in rows.items():
            asked = [(index, rest) for index, rest in asks if rest is not None]
            if asked:
                then: list[ast.stmt] = [
                    self._guarded(index, ast.If(self._boolean(rest), [_append(index)], [])) for index, rest in asked
                ]
                after.append(
                    ast.If(ast.Compare(_call("row_of", _name("hit")), [ast.Eq()], [_constant(place)]), then, [])
                )
        yield ast.If(ast.Compare(_name("hit"), [ast.IsNot()], [_name("UNSET")]), after, [])

    # Expressions.

    def _count(self, node: Any) -> None:
        """Counts what is asked how often; what lies in something counted before is asked with it."""
        if isinstance(node, tuple):
            for each in node:
                self._count(each)
        elif attrs.has(type(node)):
            if isinstance(node, _KEPT):
                self._uses[node] += 1
                if isinstance(node, Path):
                    self._uses[Place.of(node)] += 1
                if self._uses[node] > 1:
                    return
            for field in attrs.fields(type(node)):
                self._count(getattr(node, field.name))

    def _boolean(self, test: Boolean) -> ast.expr:
        match test:
            case Equal(left, right):
                return ast.Compare(self._text(left), [ast.Eq()], [self._text(right)])
            case Exists(path):
                return ast.Compare(self._payload(path), [ast.IsNot()], [_constant(None)])
            case Present(name, enterprise):
                return _call("present", _name("packet"), _constant(name), _constant(enterprise))
            case Member(name):
                return ast.Compare(_constant(name), [ast.In()], [_name("classes")])
            case Matches(pattern, of):
                return _call("full_match", _constant(pattern), self._text(of))
            case Not(of):
                return ast.UnaryOp(ast.Not(), self._boolean(of))
            case Logic(kind, operands):
                return self._logic(kind, operands)

    def _logic(self, kind: LogicKind, operands: Sequence[Boolean]) -> ast.expr:
        made = [self._boolean(each) for each in operands]
        if len(made) == 1:
            return made[0]
        if not made:
            return _constant(kind in (LogicKind.AND, LogicKind.SAND))
        if kind is LogicKind.AND:
            return ast.BoolOp(ast.And(), made)
        if kind is LogicKind.OR:
            return ast.BoolOp(ast.Or(), made)
        self._names["every"], self._names["some"] = all, any
        return _call("every" if kind is LogicKind.SAND else "some", ast.Tuple(made, ast.Load()))

    def _text(self, text: Text) -> ast.expr:
        if isinstance(text, Const):
            return _constant(text.value)
        if self._uses[text] > 1 and isinstance(text, _KEPT):
            return self._kept(text, self._plain(text))
        return self._plain(text)

    def _plain(self, text: Text) -> ast.expr:
        match text:
            case Read(path, Form.HEX):
                return ast.BoolOp(ast.Or(), [self._payload(path), _constant(b"")])
            case Read(path, _):
                return _call("shown", self._known(path), self._payload(path), _name("packet"))
            case Field(name, level) if name not in FIELDS:
                return _call("relay_field", _name("packet"), _constant(level), _constant(name))
            case Field(name, _):
                return _call(name.replace(".", "_"), _name("packet"))
            case VendorField(name, enterprise, index):
                return _call("vendor_field", _name("packet"), _constant(name), _constant(enterprise), _constant(index))
            case Join(parts):
                return _call("join", ast.Tuple([self._text(part) for part in parts], ast.Load()))
            case Substring(of, start, length):
                return _call("substring", self._text(of), _constant(start), _constant(length))
            case Split(of, delimiters, field):
                return _call("split", self._text(of), self._text(delimiters), _constant(field))
            case ToText(function, of, separator):
                if separator is not None:
                    return _call("hexstring", self._text(of), self._text(separator))
                return _call(f"to_{function}", self._text(of))
            case Select(test, yes, no, strict):
                made = self._boolean(test), self._text(yes), self._text(no)
                if not strict:
                    return ast.IfExp(*made)
                self._names["pick"] = _pick
                return _call("pick", *made)
        raise AssertionError(f"{text!r} is no string")

    def _payload(self, path: Path) -> ast.expr:
        """The octets an option has, or None."""
        if path.root is Root.OPTION and len(path.codes) == 1:
            return _name(self._payloads.setdefault(path.codes[0], f"option_{path.codes[0]}"))
        place = Place.of(path)
        if self._uses[place] > 1:
            made = _call("within", self._around(place), _constant(path.codes[-1]))
        else:
            made = _call("read", self._known(path), _name("packet"))
        return self._kept(path, made) if self._uses[path] > 1 else made

    def _around(self, place: Place) -> ast.expr:
        """The options that lie in one place, found once for all that ask for one of them."""
        return self._kept(place, _call("around", self._known(place.example), _name("packet")))

    def _known(self, path: Path) -> ast.expr:
        """A path as a name of the namespace."""
        parts = (path.root.value, *path.codes, path.level, path.enterprise)
        name = f"path_{'_'.join(map(str, parts)).replace('-', 'm')}"
        self._names[name] = path
        return _name(name)

    def _kept(self, node: Expression | Path | Place, made: ast.expr) -> ast.expr:
        """What is asked more than once: computed when it is first needed."""
        name = self._variables.setdefault(node, f"v{len(self._variables)}")
        return ast.IfExp(
            ast.Compare(_name(name), [ast.IsNot()], [_name("UNSET")]),
            _name(name),
            ast.NamedExpr(ast.Name(name, ast.Store()), made),
        )


_UNSET: Final = object()
_KEPT: Final = (Path, Read, VendorField, Join, Substring, Split, ToText, Select, Field)


# What compiled code calls.


def _present(packet: Packet, name: str, enterprise: int) -> bool:
    found = vendor_enterprise(packet, name)
    return found is not None and enterprise in (0, found)


def _chosen(values: dict[int, bytes], index: int, value: bytes) -> bool:
    values[index] = value
    return bool(value)


def _extend(found: list[int], hit: tuple[Sequence[int], int]) -> None:
    found.extend(hit[0])


def _extend_present(found: list[int], options: Mapping[int, bytes], wanted: Mapping[int, Sequence[int]]) -> None:
    for code in options:
        if code in wanted:
            found.extend(wanted[code])


def _within(options: Mapping[int, bytes], code: int) -> bytes | None:
    return options.get(code)


def _failed_all(errors: list[tuple[int, Unfit]], indices: Sequence[int], error: Unfit) -> None:
    errors.extend((index, error) for index in indices)


def _row_of(hit: tuple[Sequence[int], int]) -> int:
    return hit[1]


def _pick(test: bool, yes: bytes, no: bytes) -> bytes:  # noqa: FBT001  # a value, not a switch
    return yes if test else no


# Nodes.


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _constant(value: Any) -> ast.Constant:
    return ast.Constant(value)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(_name(name), list(arguments), [])


def _assign(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(name, ast.Store())], value)


def _append(index: int) -> ast.stmt:
    return ast.Expr(_call("append", _name("found"), _constant(index)))


def _failed(indices: Sequence[int]) -> ast.stmt:
    return ast.Expr(_call("failed", _name("errors"), _constant(tuple(indices)), _name("error")))


def _try(body: list[ast.stmt], handler: list[ast.stmt]) -> ast.Try:
    return ast.Try(body, [ast.ExceptHandler(_name("Unfit"), "error", handler)], [], [])
