"""Our part of CEL: what it makes of expressions, and that it refuses to read any other."""

from typing import Any

import pytest

from deepseek_operator.api import cel

SELF: dict[str, Any] = {
    "text": "a=b=c",
    "count": 2,
    "share": 0.5,
    "yes": True,
    "items": [1, 2, 3],
    "map": {"cpu": "1500m", "memory": "2Gi"},
    "inner": {"there": "x"},
}

TOLD: list[tuple[str, Any]] = [
    ("1 + 2 == 3", True),
    ("'a' + \"b\"", "ab"),
    ("true && !false", True),
    ("true || false && false", True),
    ("!(true && false) == true", True),
    ("1 < 2 ? 'less' : 'more'", "less"),
    ("1 > 2 ? 'a' : 2 >= 2 ? 'b' : 'c'", "b"),
    ("self.count != 2", False),
    ("self.count == true", False),
    ("self.yes == 1", False),
    ("self.share <= 0.5", True),
    ("has(self.text)", True),
    ("has(self.inner.gone)", False),
    ("!has(self.gone) || self.gone.more == 1", True),
    # A side that decides is enough, whatever the other one is.
    ("self.gone == 1 || true", True),
    ("true || self.gone == 1", True),
    ("self.gone == 1 && false", False),
    ("2 in self.items", True),
    ("'cpu' in self.map", True),
    ("'gpu' in ['cpu', 'memory']", False),
    ("self.items[0] + size(self.items)", 4),
    ("self.map['memory']", "2Gi"),
    ("self.map.all(k, k.contains('m') || k == 'cpu')", True),
    ("self.items.exists(one, one == self.count)", True),
    ("self.items.exists_one(one, one > 1)", False),
    ("self.items.filter(one, one > 1).map(one, one + 1)", [3, 4]),
    ("self.items.all(one, self.items.exists(other, other == one))", True),
    ("[1, 3, 2].isSorted()", False),
    ("self.text.split('=', 2)", ["a", "b=c"]),
    ("self.text.replace('=', '-').startsWith('a-')", True),
    ("self.text.endsWith('c')", True),
    ("self.text.matches('=b')", True),
    ("'a'.matches('^a$')", True),
    ("duration('1h30m') == duration('5400s')", True),
    ("duration('800ms') < duration('1s')", True),
    ("quantity(self.map.cpu) == quantity('1.5')", True),
    ("quantity('2Gi').isGreaterThan(quantity('2G'))", True),
    ("quantity(string(2)).isGreaterThan(quantity('1e3m'))", True),
]


@pytest.mark.parametrize(("text", "expected"), TOLD)
def test_an_expression_is_what_cel_makes_of_it(text: str, expected: Any) -> None:
    found = cel.read(text)({"self": SELF})

    assert found == expected
    assert type(found) is type(expected)


def test_a_pattern_ends_where_the_text_does() -> None:
    assert cel.read("self.matches('^[a-z$]+$')")({"self": "a$b"})
    assert not cel.read("self.matches('^[a-z$]+$')")({"self": "ab\n"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "self.",
        "(1",
        "[1 2]",
        "1 2",
        "a ? b",
        "self.text.lowerAscii()",
        "timestamp('2026-01-01T00:00:00Z')",
        "has(self)",
        "'it\\'s'",
        "1 - 2",
        "self.items.all(1, true)",
        "{'a': 1}",
        "a ? b : c :",
        ")",
    ],
)
def test_what_is_not_of_this_part_of_cel_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(cel.CelError):
        cel.read(text)


@pytest.mark.parametrize(
    "text",
    [
        "self.gone == 1",
        "self.gone == 1 || false",
        "self.items[9]",
        "self.text < 1",
        "duration('soon')",
        "quantity('much')",
        "self.count.startsWith('a')",
    ],
)
def test_what_cannot_be_told_of_a_value_is_a_fault(text: str) -> None:
    with pytest.raises(cel.FAULTS):
        cel.read(text)({"self": SELF})
