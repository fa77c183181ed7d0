"""The part of CEL that the definition's rules are written in, evaluated without an API server. Pure.

https://github.com/google/cel-spec/blob/master/doc/langdef.md, with what Kubernetes has beside it (quantity, isSorted). An expression
with more than that is refused when it is read, so that no rule is passed over.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

Scope = Mapping[str, Any]
"""Values by their names."""
Expression = Callable[[Scope], Any]

FAULTS = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What an expression raises of a value that it was not written for; CEL says "no such key", "no such overload"."""


class CelError(SyntaxError):
    """An expression that is not of this part of CEL."""


@cache
def read(text: str) -> Expression:
    """The expression, to be asked of values."""
    reader = _Reader(text)
    found = reader.expression()
    reader.end()
    return found


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<text>'[^'\\]*'|"[^"\\]*")|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|"""
    r"""(?P<sign>&&|\|\||[=!<>]=|[!<>?:.,+()\[\]]))"""
)


def _tokens(text: str) -> list[tuple[str, str]]:
    """Kinds and words; the last is the end."""
    found, place, text = [], 0, text.rstrip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise CelError(f"{text[place:]!r} of {text!r} cannot be read")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        place = token.end()
    return [*found, ("end", "")]


def _seconds(text: str) -> Decimal:
    """Go's form of a duration."""
    if not re.fullmatch(r"([0-9.]+(h|ms|m|s))+", text):
        raise ValueError(text)
    parts = re.findall(r"([0-9.]+)(h|ms|m|s)", text)
    return sum((Decimal(number) * _UNITS[unit] for number, unit in parts), Decimal(0))


_UNITS = {"h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}
_SCALES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}  # fmt: skip


def _quantity(text: str) -> Decimal:
    parts = re.fullmatch(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkMGTPE]|[KMGTPE]i|)", text)
    if parts is None:
        raise ValueError(text)
    return Decimal(parts[1]) * _SCALES[parts[2]]


def _matches(text: str, pattern: str) -> bool:
    """As RE2 has it, where `$` is the end of the text and not also before its last newline."""
    parts = r"\[(?:\\.|[^\]\\])*\]|\\.|\$"
    ends = re.sub(parts, lambda found: r"\Z" if found[0] == "$" else found[0], pattern)
    return re.search(ends, text) is not None


def _same(one: Any, other: Any) -> bool:
    """Equal, and not only as Python has it: true is no number."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "duration": _seconds,
    "quantity": _quantity,
    "size": len,
    "string": str,
}
_METHODS: Mapping[str, Callable[..., Any]] = {
    "contains": lambda text, part: part in text,
    "endsWith": str.endswith,
    "isGreaterThan": operator.gt,
    "isSorted": lambda items: sorted(items) == items,
    "matches": _matches,
    "replace": str.replace,
    "split": lambda text, by, most: text.split(by, most - 1),
    "startsWith": str.startswith,
}
_WALKS: Mapping[str, Callable[[Sequence[Any], Sequence[Any]], Any]] = {
    "all": lambda _, found: all(found),
    "exists": lambda _, found: any(found),
    "exists_one": lambda _, found: sum(found) == 1,
    "filter": lambda items, found: [one for one, kept in zip(items, found, strict=True) if kept],
    "map": lambda _, found: found,
}
"""Of a list or a map's keys, and what was found of each."""
_RELATIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": _same,
    "!=": lambda one, other: not _same(one, other),
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda item, items: item in items,
}
_SUMS: Mapping[str, Callable[[Any, Any], Any]] = {"+": operator.add}
_CONSTANTS: Mapping[str, Any] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a value."""

    of: Expression
    name: str

    def __call__(self, scope: Scope) -> Any:
        return self.of(scope)[self.name]

    def is_there(self, scope: Scope) -> bool:
        return self.name in self.of(scope)


def _constant(value: Any) -> Expression:
    return lambda _: value


def _call(function: Callable[..., Any], parts: Sequence[Expression]) -> Expression:
    return lambda scope: function(*(part(scope) for part in parts))


def _walk(kind: str, of: Expression, name: str, each: Expression) -> Expression:
    def evaluate(scope: Scope) -> Any:
        items = list(of(scope))
        return _WALKS[kind](items, [each({**scope, name: item}) for item in items])

    return evaluate


def _choice(asked: Expression, yes: Expression, no: Expression) -> Expression:
    return lambda scope: yes(scope) if asked(scope) else no(scope)


def _either(parts: Sequence[Expression], *, decides: bool) -> Expression:
    """`||` and `&&`: a side that decides is enough, even where another one cannot be told."""

    def evaluate(scope: Scope) -> Any:
        fault: Exception | None = None
        for part in parts:
            try:
                if part(scope) is decides:
                    return decides
            except FAULTS as error:
                fault = error
        if fault is not None:
            raise fault
        return not decides

    return evaluate if len(parts) > 1 else parts[0]


class _Reader:
    """One expression, from its first word to its last: a method for each level of precedence."""

    def __init__(self, text: str) -> None:
        self._text, self._words, self._place = text, _tokens(text), 0

    def expression(self) -> Expression:
        asked = self._any()
        if not self._took("?"):
            return asked
        yes = self._any()
        self._need(":")
        return _choice(asked, yes, self.expression())

    def end(self) -> None:
        if self._words[self._place][0] != "end":
            raise self._error()

    def _any(self) -> Expression:
        parts = [self._all()]
        while self._took("||"):
            parts.append(self._all())
        return _either(parts, decides=True)

    def _all(self) -> Expression:
        parts = [self._relation()]
        while self._took("&&"):
            parts.append(self._relation())
        return _either(parts, decides=False)

    def _relation(self) -> Expression:
        return self._joined(self._sum, _RELATIONS)

    def _sum(self) -> Expression:
        return self._joined(self._unary, _SUMS)

    def _joined(
        self, part: Callable[[], Expression], signs: Mapping[str, Callable[[Any, Any], Any]]
    ) -> Expression:
        found = part()
        while (sign := self._words[self._place][1]) in signs and self._took(sign):
            found = _call(signs[sign], (found, part()))
        return found

    def _unary(self) -> Expression:
        if self._took("!"):
            return _call(operator.not_, (self._unary(),))
        found = self._primary()
        while True:
            if self._took("."):
                found = self._member(found, self._word("name"))
            elif self._took("["):
                found = _call(operator.getitem, (found, self.expression()))
                self._need("]")
            else:
                return found

    def _member(self, of: Expression, name: str) -> Expression:
        if not self._took("("):
            return _Field(of, name)
        if name in _WALKS:
            item = self._word("name")
            self._need(",")
            each = self.expression()
            self._need(")")
            return _walk(name, of, item, each)
        return _call(self._known(_METHODS, name), (of, *self._list(")")))

    def _primary(self) -> Expression:
        kind, word = self._words[self._place]
        self._place += 1
        if kind == "number":
            return _constant(float(word) if "." in word else int(word))
        if kind == "text":
            return _constant(word[1:-1])
        if kind == "name":
            return self._named(word)
        if word == "[":
            return _call(lambda *items: list(items), self._list("]"))
        if word != "(":
            raise self._error()
        found = self.expression()
        self._need(")")
        return found

    def _named(self, name: str) -> Expression:
        if name in _CONSTANTS:
            return _constant(_CONSTANTS[name])
        if not self._took("("):
            return operator.itemgetter(name)
        if name != "has":
            return _call(self._known(_FUNCTIONS, name), self._list(")"))
        field = self.expression()
        self._need(")")
        if not isinstance(field, _Field):
            raise self._error()
        return field.is_there

    def _list(self, end: str) -> list[Expression]:
        parts: list[Expression] = []
        while not self._took(end):
            if parts:
                self._need(",")
            parts.append(self.expression())
        return parts

    def _took(self, word: str) -> bool:
        kind, found = self._words[self._place]
        is_it = kind in ("sign", "name") and found == word
        self._place += is_it
        return is_it

    def _need(self, sign: str) -> None:
        if not self._took(sign):
            raise self._error()

    def _word(self, kind: str) -> str:
        found, word = self._words[self._place]
        if found != kind:
            raise self._error()
        self._place += 1
        return word

    def _known(self, table: Mapping[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
        if name not in table:
            raise self._error()
        return table[name]

    def _error(self) -> CelError:
        return CelError(f"{self._text!r} cannot be read at word {self._place}")
