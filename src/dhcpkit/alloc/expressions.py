"""Kea's class expressions as typed values: what a text means, or where it stops making sense.

`parse(text, FAMILY4)` gives a tree of frozen nodes; equal trees mean the same. Booleans and strings are apart, as in
Kea's grammar, so that a tree has no type errors left. What an expression says of a packet is told by `evaluate`
(plainly) and `compiled` (fast); this module does not know packets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from ipaddress import ip_address
from typing import Any, Final

from lark import Lark, Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError
from lark.visitors import Transformer_NonRecursive

from dhcpkit.alloc.subjects import FAMILY4, Family
from dhcpkit.alloc.terms import (
    Boolean,
    Const,
    Equal,
    Exists,
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
)
from dhcpkit.errors import DhcpkitError

__all__ = ["NESTING_MAX", "ExpressionError", "parse", "parse_text"]

NESTING_MAX: Final = 64  # brackets within brackets: more than people write, and far from the end of Python's stack
LEVEL_MIN, LEVEL_MAX = -32, 31  # relay levels an expression may name (Kea)
UINT32_MAX: Final = 2**32 - 1  # what an integer in place of a string may be: it becomes four octets


class ExpressionError(DhcpkitError):
    """A text is no expression. `start` and `end` are the characters it is about, `expected` what may stand there."""

    def __init__(  # noqa: PLR0913, PLR0917  # the parts of a sentence
        self, text: str, start: int, end: int, what: str, expected: Sequence[str] = (), hint: str = ""
    ) -> None:
        super().__init__(text, start, end, what, expected, hint)
        self.text, self.start, self.end, self.what = text, start, end, what
        self.expected, self.hint = tuple(expected), hint

    def __str__(self) -> str:
        told = f"{self.what}: expected {', '.join(self.expected)}" if self.expected else self.what
        told += f" ({self.hint})" if self.hint else ""
        line = self.text.replace("\n", " ").replace("\t", " ")
        return f"{told}\n    {line}\n    {' ' * self.start}{'^' * max(1, self.end - self.start)}"


def parse(text: str, family: Family = FAMILY4, member: Callable[[str], bool] | None = None) -> Boolean:
    """The meaning of a `test`. ExpressionError where it has none; `member` says which classes may be referred to."""
    meaning: Boolean = _parse(text, family, member, "boolean")
    return meaning


def parse_text(text: str, family: Family = FAMILY4, member: Callable[[str], bool] | None = None) -> Text:
    """The meaning of a `template-test`, or of any other expression whose value is a string. Errors as `parse`."""
    meaning: Text = _parse(text, family, member, "text")
    return meaning


# The grammar. Precedence from low to high: sor, or, sand, and, not; all of them from the left (Kea's parser).
_GRAMMAR: Final = r"""
    boolean: sor
    ?sor: or_ | sor "sor" or_ -> sor
    ?or_: sand | or_ "or" sand -> or_
    ?sand: and_ | sand "sand" and_ -> sand
    ?and_: not_ | and_ "and" not_ -> and_
    ?not_: "not" not_ -> not_ | truth
    ?truth: OPEN sor CLOSE -> bracket
        | text EQUAL text -> equal
        | path "." "exists" -> exists
        | "vendor" "[" enterprise "]" "." "exists" -> vendor_exists
        | VENDOR_CLASS "[" enterprise "]" "." "exists" -> vendor_class_exists
        | "member" "(" STRING ")" -> member
        | "match" "(" STRING "," text ")" -> match

    text: sum
    ?sum: atom | sum "+" atom -> plus
    ?atom: STRING -> string
        | HEXSTRING -> hexadecimal
        | ADDRESS -> address
        | INTEGER -> integer
        | OPEN sum CLOSE -> bracket
        | path "." FORM -> read
        | "pkt" "." PKT_FIELD -> pkt
        | "pkt4" "." PKT4_FIELD -> pkt4
        | "pkt6" "." PKT6_FIELD -> pkt6
        | "relay6" "[" INTEGER "]" "." RELAY6_FIELD -> relay6_field
        | "vendor" "." "enterprise" -> vendor_enterprise
        | VENDOR_CLASS "." "enterprise" -> vendor_class_enterprise
        | VENDOR_CLASS "[" enterprise "]" "." "data" -> vendor_class_data
        | VENDOR_CLASS "[" enterprise "]" "." "data" "[" INTEGER "]" -> vendor_class_data
        | "substring" "(" text "," INTEGER "," (INTEGER | ALL) ")" -> substring
        | "split" "(" text "," text "," INTEGER ")" -> split
        | "concat" "(" text "," text ")" -> concat
        | CASE "(" text ")" -> to_text
        | TOTEXT "(" text ")" -> to_text
        | "hexstring" "(" text "," text ")" -> hexstring
        | "ifelse" "(" boolean "," text "," text ")" -> ifelse
        | "sifelse" "(" boolean "," text "," text ")" -> sifelse

    path: "option" "[" code "]" inner* -> option
        | "relay4" "[" INTEGER "]" inner* -> relay4
        | "relay6" "[" INTEGER "]" _WITHIN "[" INTEGER "]" inner* -> relay6
        | "vendor" "[" enterprise "]" _WITHIN "[" INTEGER "]" inner* -> vendor
    inner: _WITHIN "[" code "]"
    code: INTEGER | NAME
    enterprise: INTEGER | ANY

    _WITHIN.2: /\.[ \t\r\n]*option(?![A-Za-z0-9_-])/  // one token: a dot alone would not tell where a path goes on
    VENDOR_CLASS: "vendor-class"
    OPEN: "("
    CLOSE: ")"
    EQUAL: "=="
    ANY: "*"
    ALL: "all"
    FORM: "text" | "hex"
    CASE: "lcase" | "ucase"
    TOTEXT: "addrtotext" | /u?int(?:8|16|32)totext/
    PKT_FIELD: "iface" | "src" | "dst" | "len"
    PKT4_FIELD: "mac" | "hlen" | "htype" | "ciaddr" | "giaddr" | "yiaddr" | "siaddr" | "msgtype" | "transid"
    PKT6_FIELD: "msgtype" | "transid"
    RELAY6_FIELD: "peeraddr" | "linkaddr"
    STRING: /'[^'\n]*'/
    HEXSTRING.3: /0[xX][0-9A-Fa-f]+/
    ADDRESS.2: /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*/
    INTEGER: /-?[0-9]+/
    NAME: /[A-Za-z](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?=[ \t\r\n]*\])/
    %ignore /[ \t\r\n]+/
"""


@cache
def _parser() -> Lark:
    """Made when the first expression is read: most configurations have none, and it takes a twentieth of a second."""
    return Lark(
        _GRAMMAR,
        parser="lalr",
        lexer="contextual",
        start=["boolean", "text"],
        propagate_positions=True,
        maybe_placeholders=False,
    )


_QUOTED: Final = re.compile(r"'[^'\n]*'")
_DEEPER: Final = re.compile(r"[(]|[)]|\bnot\b|[^\s(]")


def _parse(text: str, family: Family, member: Callable[[str], bool] | None, start: str) -> Any:
    if _depth(text) > NESTING_MAX:
        raise ExpressionError(text, 0, len(text), f"more than {NESTING_MAX} brackets within brackets")
    try:
        tree = _parser().parse(text, start=start)
    except UnexpectedInput as refused:
        raise _told(text, refused) from None
    try:
        return _Meaning(text, family, member).transform(tree)
    except VisitError as wrapped:
        raise wrapped.orig_exc from None


def _depth(text: str) -> int:
    """How deep brackets and rows of `not` nest, at most."""
    depth = deepest = nots = 0
    for found in _DEEPER.findall(_QUOTED.sub("x", text)):
        if found == "not":
            nots += 1
        elif found in "()":
            depth += 1 if found == "(" else -1
        else:
            nots = 0
        deepest = max(deepest, depth + nots)
    return deepest


_WORDS: Final = {  # what people call the tokens of the grammar
    "OPEN": "(",
    "CLOSE": ")",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "DOT": ".",
    "_WITHIN": ".option",
    "COMMA": ",",
    "PLUS": "+",
    "EQUAL": "==",
    "ANY": "*",
    "STRING": "text in single quotes",
    "HEXSTRING": "0x and hexadecimal digits",
    "ADDRESS": "an IP address",
    "INTEGER": "a whole number",
    "NAME": "an option's name",
    "VENDOR_CLASS": "vendor-class",
    "FORM": "text, hex",
    "CASE": "lcase, ucase",
    "TOTEXT": "addrtotext, int8totext, int16totext, int32totext, uint8totext, uint16totext, uint32totext",
    "PKT_FIELD": "iface, src, dst, len",
    "PKT4_FIELD": "mac, hlen, htype, ciaddr, giaddr, yiaddr, siaddr, msgtype, transid",
    "PKT6_FIELD": "msgtype, transid",
    "RELAY6_FIELD": "peeraddr, linkaddr",
    "$END": "the end",
}


def _word(name: str) -> str:
    return _WORDS.get(name) or name.lower().replace("__", "-").replace("_", "-")


def _told(text: str, refused: UnexpectedInput) -> ExpressionError:
    at = refused.pos_in_stream if refused.pos_in_stream is not None else len(text)
    if isinstance(refused, UnexpectedToken):
        expected = sorted(_word(name) for name in refused.accepts or refused.expected)
        if refused.token.type == "$END":
            return ExpressionError(text, len(text), len(text), "the expression ends too early", expected)
        end = refused.token.end_pos or at + 1
        return ExpressionError(text, at, end, f"{str(refused.token)!r} cannot stand here", expected)
    if isinstance(refused, UnexpectedCharacters):
        expected = sorted(_word(name) for name in refused.allowed or ())
        if text[at : at + 1] == "'":
            return ExpressionError(text, at, len(text), "the text has no closing quote")
        character = text[at : at + 1]
        hint = "comparison is written ==" if character in ("=", "!", "<", ">") else ""
        return ExpressionError(text, at, at + 1, f"Invalid character: {character}", [] if hint else expected, hint)
    return ExpressionError(text, at, len(text), "not an expression")


_LOGIC: Final = {kind.value: kind for kind in LogicKind}


@v_args(meta=True)
class _Meaning(Transformer_NonRecursive[Any, Any]):
    """Makes nodes of lark's tree, and refuses what the grammar cannot tell."""

    def __init__(self, text: str, family: Family, member: Callable[[str], bool] | None) -> None:
        super().__init__()
        self._text = text
        self._family = family
        self._member = member

    def _refuse(self, where: Any, what: str) -> ExpressionError:
        start = where.start_pos if isinstance(where, Token) else getattr(where, "start_pos", 0)
        end = where.end_pos if isinstance(where, Token) else getattr(where, "end_pos", len(self._text))
        return ExpressionError(self._text, start or 0, end or len(self._text), what)

    def _only(self, version: int, meta: Any, what: str) -> None:
        if self._family.version != version:
            raise self._refuse(meta, f"{what} is there in DHCPv{version} only")

    def _number(self, token: Token, low: int, high: int, what: str) -> int:
        value = int(token)
        if not low <= value <= high:
            raise self._refuse(token, f"{what} is {low} to {high}, not {token}")
        return value

    def _code(self, token: Token) -> int:
        if token.type != "NAME":
            return self._number(token, 0, self._family.space.code_max, "an option's code")
        option = self._family.space.by_name(str(token))
        if option is None:
            raise self._refuse(token, f"option {str(token)!r} is not defined")
        return option.code

    # What holds others.

    def boolean(self, _: Any, children: list[Any]) -> Any:
        return children[0]

    text = boolean
    code = boolean

    def bracket(self, _: Any, children: list[Any]) -> Any:
        return children[1]

    def inner(self, _: Any, children: list[Any]) -> Any:
        return children[0]

    def enterprise(self, _: Any, children: list[Any]) -> int:
        token = children[0]
        return 0 if token.type == "ANY" else self._number(token, 0, UINT32_MAX, "an enterprise number")

    # Booleans.

    def _logic(self, kind: LogicKind, children: list[Any]) -> Logic:
        first, second = children
        chained = isinstance(first, Logic) and first.kind is kind
        return Logic(kind, (*first.operands, second) if chained else (first, second))

    def or_(self, _: Any, children: list[Any]) -> Logic:
        return self._logic(LogicKind.OR, children)

    def and_(self, _: Any, children: list[Any]) -> Logic:
        return self._logic(LogicKind.AND, children)

    def sor(self, _: Any, children: list[Any]) -> Logic:
        return self._logic(LogicKind.SOR, children)

    def sand(self, _: Any, children: list[Any]) -> Logic:
        return self._logic(LogicKind.SAND, children)

    def not_(self, _: Any, children: list[Any]) -> Not:
        return Not(children[0])

    def equal(self, _: Any, children: list[Any]) -> Equal:
        return Equal(children[0], children[2])

    def exists(self, _: Any, children: list[Any]) -> Exists:
        return Exists(children[0])

    def vendor_exists(self, _: Any, children: list[Any]) -> Present:
        return Present("vendor", children[0])

    def vendor_class_exists(self, _: Any, children: list[Any]) -> Present:
        return Present("vendor-class", children[1])

    def member(self, _: Any, children: list[Any]) -> Member:
        name = str(children[0])[1:-1]
        if self._member is not None and not self._member(name):
            raise self._refuse(children[0], f"class {name!r} is not defined here: a class is defined before it is used")
        return Member(name)

    def match(self, _: Any, children: list[Any]) -> Matches:
        pattern = str(children[0])[1:-1]
        try:
            re.compile(pattern.encode())
        except re.error as error:
            raise self._refuse(children[0], f"not a regular expression: {error}") from None
        return Matches(pattern, children[1])

    # Strings.

    def string(self, _: Any, children: list[Any]) -> Const:
        return Const(str(children[0])[1:-1].encode())

    def hexadecimal(self, _: Any, children: list[Any]) -> Const:
        digits = children[0][2:]
        return Const(bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits))

    def address(self, _: Any, children: list[Any]) -> Const:
        try:
            return Const(ip_address(str(children[0])).packed)
        except ValueError:
            raise self._refuse(children[0], "not an IP address") from None

    def integer(self, _: Any, children: list[Any]) -> Const:
        return Const(self._number(children[0], 0, UINT32_MAX, "a number here").to_bytes(4, "big"))

    def read(self, _: Any, children: list[Any]) -> Read:
        return Read(children[0], Form(str(children[1])))

    def pkt(self, _: Any, children: list[Any]) -> Field:
        return Field(f"pkt.{children[0]}")

    def pkt4(self, meta: Any, children: list[Any]) -> Field:
        self._only(4, meta, "pkt4")
        return Field(f"pkt4.{children[0]}")

    def pkt6(self, meta: Any, children: list[Any]) -> Field:
        self._only(6, meta, "pkt6")
        return Field(f"pkt6.{children[0]}")

    def relay6_field(self, meta: Any, children: list[Any]) -> Field:
        self._only(6, meta, "relay6")
        return Field(f"relay6.{children[1]}", self._number(children[0], LEVEL_MIN, LEVEL_MAX, "a relay's level"))

    def vendor_enterprise(self, _: Any, __: list[Any]) -> VendorField:
        return VendorField("vendor.enterprise")

    def vendor_class_enterprise(self, _: Any, __: list[Any]) -> VendorField:
        return VendorField("vendor-class.enterprise")

    def vendor_class_data(self, _: Any, children: list[Any]) -> VendorField:
        _, enterprise, *rest = children
        index = self._number(rest[0], 0, 255, "the number of a vendor class's data") if rest else 0
        return VendorField("vendor-class.data", enterprise, index)

    def plus(self, _: Any, children: list[Any]) -> Join:
        first, second = children
        return Join((*first.parts, second) if isinstance(first, Join) else (first, second))

    concat = plus

    def substring(self, _: Any, children: list[Any]) -> Substring:
        of, start, length = children
        return Substring(of, self._int32(start), None if length.type == "ALL" else self._int32(length))

    def split(self, _: Any, children: list[Any]) -> Split:
        return Split(children[0], children[1], self._int32(children[2]))

    def _int32(self, token: Token) -> int:
        return self._number(token, -(2**31), 2**31 - 1, "a number here")

    def to_text(self, _: Any, children: list[Any]) -> ToText:
        return ToText(str(children[0]), children[1])

    def hexstring(self, _: Any, children: list[Any]) -> ToText:
        return ToText("hexstring", children[0], children[1])

    def ifelse(self, _: Any, children: list[Any]) -> Select:
        return Select(children[0], children[1], children[2])

    def sifelse(self, _: Any, children: list[Any]) -> Select:
        return Select(children[0], children[1], children[2], strict=True)

    # Paths.

    def option(self, _: Any, children: list[Any]) -> Path:
        return Path(Root.OPTION, tuple(map(self._code, children)))

    def relay4(self, meta: Any, children: list[Any]) -> Path:
        self._only(4, meta, "relay4")
        return Path(Root.RELAY4, tuple(map(self._code, children)))

    def relay6(self, meta: Any, children: list[Any]) -> Path:
        self._only(6, meta, "relay6")
        level, *codes = children
        return Path(
            Root.RELAY6, tuple(map(self._code, codes)), self._number(level, LEVEL_MIN, LEVEL_MAX, "a relay's level")
        )

    def vendor(self, _: Any, children: list[Any]) -> Path:
        enterprise, *codes = children
        return Path(Root.VENDOR, tuple(map(self._code, codes)), enterprise=enterprise)
