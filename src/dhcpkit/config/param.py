"""Documents made of parameters: one `param()` line says key, type, default, inheritance and meaning of a key.

From that line come reading, writing, the reference row, and the test strategy. A document is sparse: it keeps what
was written and answers with the default for the rest (`document.written` tells them apart). Reading collects every
problem and still makes the document, so that what follows can look for more. This module does not know Kea's keys.
"""

from __future__ import annotations

import enum
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    Self,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from dhcpkit.config import codes
from dhcpkit.config.checks import Unfit
from dhcpkit.config.json_text import Steps
from dhcpkit.config.nearest import nearest
from dhcpkit.config.report import Report

__all__ = [
    "REQUIRED",
    "AnyShape",
    "Document",
    "DocumentShape",
    "Json",
    "ListShape",
    "Param",
    "Shape",
    "Shown",
    "document",
    "param",
    "read",
    "unparse",
    "walk",
]

Json = Mapping[str, Any]  # a map that is kept as it is: user-context, a library's parameters


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()
ALIKE: Final = 0.7  # of keys: at the usual 0.6, short ones such as `id` would be suggested for much else
Idle = Literal[False, True, "grave"]
_UNREAD: Final = object()  # what a reader answers when it has reported a problem instead of a value


class Shown(enum.Enum):
    """When the normal form of a configuration has a key: what `config-get` and `config-write` tell (`normal`)."""

    WRITTEN = "written"  # where it was written
    ALWAYS = "always"  # with its default where it was not
    OTHER = "other"  # where it is not the default
    NEVER = "never"  # an older form: what it means is shown under the newer key


@attrs.frozen(eq=False)
class Param:
    """One key of a document, as its `param()` line declares it. `name` is the attribute, `key` is Kea's spelling."""

    default: Any
    key: str = ""
    aliases: tuple[str, ...] = ()
    inherit: Any = None  # the default where no level sets it
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    check: Callable[[Any], object] | None = None
    filled: bool = False  # a list or map that may be absent, but not empty
    distinct: Mapping[str, str] | None = None  # no value of a list twice; names that mean another one, and which
    doc: str = ""
    idle: Idle = False  # accepted, no effect yet; "grave": and clients notice
    since: str = ""  # the series of Kea that brought it, where 2.2 did not know it
    shown: Shown | Callable[[Any], bool] = Shown.WRITTEN  # a condition of the document: always there, else never
    handed: bool = False  # what is inside shows what it inherits
    form: Callable[[Any], Any] | None = None  # a value as it is shown
    name: str = ""
    shape: Shape = attrs.field(default=None)

    @property
    def required(self) -> bool:
        """Whether a document cannot do without it."""
        return self.default is REQUIRED


def param(  # noqa: PLR0913  # one argument for each thing a line may say
    *,
    default: Any = REQUIRED,
    key: str = "",
    aliases: Sequence[str] = (),
    inherit: Any = None,
    choices: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
    check: Callable[[Any], object] | None = None,
    filled: bool = False,
    distinct: Mapping[str, str] | None = None,
    doc: str = "",
    idle: Idle = False,
    since: str = "",
    shown: Shown | Callable[[Any], bool] = Shown.WRITTEN,
    handed: bool = False,
    form: Callable[[Any], Any] | None = None,
) -> Any:
    """Declares a key of a document. Its spelling follows from the attribute's name unless `key` says otherwise.

    `inherit` is the value where no level of the configuration sets it (then `default` is None: "not set here").
    `check` raises Unfit for a value that means nothing. `filled`: a list or map may not be empty. `distinct`: a list
    has no value twice; the mapping says which names mean another one. `idle`: accepted, no effect yet ("grave":
    clients notice). `since`: the series of Kea that brought the key, where Kea 2.2 did not know it.

    The rest is about the normal form (`dhcpkit.config.normal`). `shown`: when the key is there, a `Shown` or a
    condition of its document; `handed`: subnets show what they inherit; `form`: how a value is shown.
    """
    about = (default, key, tuple(aliases), inherit, tuple(choices), low, high, check, filled, distinct, doc)
    return Param(*about, idle, since, shown, handed, form)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(param,))
def document(map_name: str) -> Callable[[type[D]], type[D]]:
    """Makes a class with `param()` lines a document. `map_name` is what Kea calls its map in messages."""

    def make(cls: type[D]) -> type[D]:
        params: dict[str, Param] = {}
        for base in reversed(cls.__bases__):  # a document may be put together from several
            params |= getattr(base, "params", {})
        hints = get_type_hints(cls)
        for name in inspect.get_annotations(cls):
            declared = cls.__dict__.get(name)
            if isinstance(declared, Param):
                key = declared.key or name.replace("_", "-")
                params[name] = attrs.evolve(declared, name=name, key=key, shape=_shape(hints[name]))
                setattr(cls, name, None if declared.required else declared.default)
        cls.map_name = map_name
        cls.params = params
        cls.by_key = {spelling: p for p in params.values() for spelling in (p.key, *p.aliases)}
        cls.required = tuple(p for p in params.values() if p.required)
        DOCUMENTS.setdefault(cls.__name__, cls)
        return cls

    return make


class Document:
    """What was written in one map. Frozen; absent keys read as their default, `written` names those present.

    `evolve` makes a changed copy (attrs.evolve and copy.replace would write out every default).
    """

    map_name: ClassVar[str] = ""
    params: ClassVar[Mapping[str, Param]] = {}
    by_key: ClassVar[Mapping[str, Param]] = {}
    required: ClassVar[tuple[Param, ...]] = ()

    def __init__(self, **values: Any) -> None:
        unknown = values.keys() - self.params.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no parameter {', '.join(sorted(unknown))}")
        for needed in self.required:
            if values.get(needed.name) is None:
                raise TypeError(f"{type(self).__name__} needs {needed.name}")
        self.__dict__.update({name: value for name, value in values.items() if value is not None})

    @classmethod
    def of_written(cls, values: dict[str, Any]) -> Self:
        """From values that were read; a required one may be absent after a reported problem and reads as None."""
        made = cls.__new__(cls)
        made.__dict__.update(values)
        return made

    @property
    def written(self) -> frozenset[str]:
        """The names of the parameters that were written."""
        return frozenset(self.__dict__)

    def evolve(self, **changes: Any) -> Self:
        """A copy with other values; None takes a value out."""
        return type(self)(**{**self.__dict__, **changes})

    __replace__ = evolve

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen; evolve({name}=...) makes a changed copy")

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # maps that are kept as they are cannot be hashed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"


D = TypeVar("D", bound=Document)
DOCUMENTS: Final[dict[str, type[Document]]] = {}  # every document class by name; the reference walks it


def read(cls: type[D], data: Mapping[str, Any], steps: Steps, report: Report) -> D:
    """The document of a JSON map. What is wrong goes to the report; the rest of the document is still made."""
    values: dict[str, Any] = {}
    by_key = cls.by_key
    for key, raw in data.items():
        declared = by_key.get(key)
        if declared is None:
            _unknown(cls, key, steps, report)
            continue
        if declared.name in values:
            first = next(other for other in data if by_key.get(other) is declared)
            message = f"cannot specify both '{first}' and '{key}'. Use only {declared.key}."
            report.add(codes.CONTRADICTION, (*steps, key), message, key=True)
            continue
        if declared.idle:
            value = _read_idle(cls, declared, raw, (*steps, key), report)
        else:
            value = declared.shape.read(raw, declared, (*steps, key), report)
        if value is not _UNREAD:
            values[declared.name] = value
    for needed in cls.required:
        if needed.name not in values and needed.key not in data:
            report.add(codes.MISSING_KEY, steps, f"missing parameter '{needed.key}'", expected=needed.doc)
    return cls.of_written(values)


def _read_idle(cls: type[Document], declared: Param, raw: Any, steps: Steps, report: Report) -> Any:
    """As the shape reads it; a value other than the default is noted, since it will not do what it says."""
    report.mute(1)
    value = declared.shape.read(raw, declared, steps, report)
    report.mute(-1)
    if value not in (_UNREAD, declared.default, declared.inherit):
        report.idle(declared.key, cls.map_name, steps, grave=declared.idle == "grave")
    return value


def _unknown(cls: type[Document], key: str, steps: Steps, report: Report) -> None:
    near, hint = nearest(key, cls.by_key, ALIKE), ""
    if not near:
        documents = report.documents or tuple(DOCUMENTS.values())
        near = nearest(key, (spelling for other in documents for spelling in other.by_key), ALIKE)
        homes = sorted({other.map_name for other in documents if near in other.by_key})
        hint = f"{near} belongs in: {', '.join(homes)}" if homes else ""
    message = f'got unexpected keyword "{key}" in {cls.map_name} map.'
    report.add(codes.UNKNOWN_KEY, (*steps, key), message, key=True, suggestion="" if near == key else near, hint=hint)


def unparse(value: Any) -> Any:
    """Kea's JSON of a document (or of a list of them), with the keys that were written and no others."""
    if isinstance(value, Document):
        return {value.params[name].key: unparse(inner) for name, inner in value.__dict__.items()}
    if isinstance(value, tuple):
        return [unparse(inner) for inner in value]
    return value


# What a JSON value may be. A shape reads it and tells the reference and the test strategies what it is.

_JSON_NAMES: Final = {
    str: "constant string",
    bool: "boolean",
    int: "integer",
    float: "floating point",
    list: "[",
    dict: "{",
    type(None): "null",
}


def _wrong_type(raw: Any, expected: str, steps: Steps, report: Report, meant: str = "") -> Any:
    found = _JSON_NAMES.get(type(raw), "value")
    message = f"syntax error, unexpected {found}, expecting {expected}"
    report.add(codes.WRONG_TYPE, steps, message, expected=expected, suggestion=meant)
    return _UNREAD


@attrs.frozen
class Shape:
    """A plain JSON value: text, a whole number, a number, a truth value, or a map kept as it is."""

    python: type

    def read(self, raw: Any, declared: Param, steps: Steps, report: Report) -> Any:
        """The value, or _UNREAD after reporting."""
        kind = type(raw)
        if kind is not self.python:
            return self._other_type(raw, steps, report)
        if declared.choices and raw not in declared.choices:
            return _not_a_choice(raw, declared, steps, report)
        low, high = declared.low, declared.high
        if low is not None and high is not None and not low <= raw <= high:
            message = f"{declared.key} value: {raw} is out of range, expected value: {_shown(low)}..{_shown(high)}"
            report.add(codes.OUT_OF_RANGE, steps, message, expected=f"{_shown(low)} to {_shown(high)}")
            return _UNREAD
        if declared.check is not None:
            try:
                declared.check(raw)
            except Unfit as unfit:
                report.add(unfit.code, steps, unfit.message, expected=unfit.expected)
                return _UNREAD
        return raw

    def _other_type(self, raw: Any, steps: Steps, report: Report) -> Any:
        """A number without a fraction is no fraction to Kea either; what was meant is plain."""
        meant = f"{raw}.0" if self.python is float and type(raw) is int else ""
        return _wrong_type(raw, _JSON_NAMES[self.python], steps, report, meant)

    def __str__(self) -> str:
        return {str: "string", bool: "boolean", int: "integer", float: "number", dict: "map"}[self.python]


@attrs.frozen
class AnyShape(Shape):
    """Any JSON value, kept as it is."""

    python: type = object

    def read(self, raw: Any, _declared: Param, _steps: Steps, _report: Report) -> Any:
        """The value."""
        return raw

    def __str__(self) -> str:
        return "any value"


def _shown(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _not_a_choice(raw: str, declared: Param, steps: Steps, report: Report) -> Any:
    near = nearest(raw, declared.choices)
    message = f"syntax error, unexpected constant string, expecting {' or '.join(declared.choices)}"
    words = ", ".join(declared.choices)
    report.add(codes.WRONG_TYPE, steps, message, expected=f"one of {words}", suggestion=near)
    return _UNREAD


def _empty(bracket: str, declared: Param, steps: Steps, report: Report) -> Any:
    """Kea's grammar wants something in some lists and maps."""
    choices = f", expecting {' or '.join(declared.choices)}" if declared.choices else ""
    hint = f"leave {declared.key} out for its default"
    message = f"syntax error, unexpected {bracket}{choices}"
    report.add(codes.WRONG_TYPE, steps, message, expected="at least one entry", hint=hint)
    return _UNREAD


def _check_distinct(raw: Sequence[Any], declared: Param, steps: Steps, report: Report) -> None:
    meant = declared.distinct or {}
    seen: dict[Any, int] = {}
    for index, value in enumerate(raw):
        first = seen.setdefault(meant.get(value, value) if isinstance(value, str) else index, index)
        if first != index:
            message = f"the {declared.key} value '{value}' was specified twice"
            related = [("the first one", (*steps, first))]
            report.add(codes.BAD_VALUE, (*steps, index), message, related=related)


@attrs.frozen
class ListShape(Shape):
    """A JSON list of one shape, kept as a tuple."""

    python: type = list
    item: Shape = attrs.field(default=None)

    def read(self, raw: Any, declared: Param, steps: Steps, report: Report) -> Any:
        """The values that could be read; _UNREAD only where it is no list."""
        if type(raw) is not list:
            return _wrong_type(raw, "[", steps, report)
        if declared.filled and not raw:
            return _empty("]", declared, steps, report)
        if declared.distinct is not None:
            _check_distinct(raw, declared, steps, report)
        item = self.item
        values = [item.read(inner, declared, (*steps, index), report) for index, inner in enumerate(raw)]
        return tuple(value for value in values if value is not _UNREAD)

    def __str__(self) -> str:
        return f"list of {self.item}"


@attrs.frozen
class DocumentShape(Shape):
    """A JSON map that is a document."""

    python: type = dict
    document: type[Document] = attrs.field(default=Document)

    def read(self, raw: Any, declared: Param, steps: Steps, report: Report) -> Any:
        """The document; _UNREAD only where it is no map."""
        if type(raw) is not dict:
            return _wrong_type(raw, "{", steps, report)
        if declared.filled and not raw:
            return _empty("}", declared, steps, report)
        return read(self.document, raw, steps, report)

    def __str__(self) -> str:
        return f"{self.document.map_name} map"


def _shape(hint: Any) -> Shape:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _shape(next(argument for argument in arguments if argument is not type(None)))
    if origin is tuple:
        return ListShape(item=_shape(arguments[0]))
    if isinstance(hint, type) and issubclass(hint, Document):
        return DocumentShape(document=hint)
    if hint == Json:
        return Shape(dict)
    if hint is object:
        return AnyShape()
    assert hint in (str, int, float, bool), f"a parameter cannot be {hint}"
    return Shape(hint)


def walk(cls: type[Document]) -> Iterable[type[Document]]:
    """The document classes reachable from one, itself first, each once."""
    seen: dict[type[Document], None] = {}
    waiting = [cls]
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen[current] = None
        for declared in current.params.values():
            shape = declared.shape.item if isinstance(declared.shape, ListShape) else declared.shape
            if isinstance(shape, DocumentShape):
                waiting.append(shape.document)
    return seen
