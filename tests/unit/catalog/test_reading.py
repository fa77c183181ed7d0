"""A document is plain data or is refused by line and remedy, before anything is built of it."""

import pytest

from deepseek_operator.catalog import reading
from deepseek_operator.catalog.facts import CatalogError


def bomb(levels: int) -> str:
    """Ten to the power of so many values, in some hundred bytes."""
    lists = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lists += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lists)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}", "null"])
def test_a_document_without_entries_adds_nothing(text: str) -> None:
    assert reading.read(text, file="f") == {}


def test_an_alias_stands_for_what_was_written_before() -> None:
    found = reading.read("a: &one {b: [1, 2]}\nc: *one\nd: {<<: *one, e: 3}", file="f")

    assert found == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": {"b": [1, 2], "e": 3}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(bomb(9), "f: line 6: stands for more than 600000 values; write fewer aliases", id="bomb"),
        pytest.param("a: &a [*a]", "f: line 1: *a stands for nothing that is before it", id="of-itself"),
        pytest.param("a: *b", "f: line 1: *b stands for nothing that is before it", id="of-nothing"),
        pytest.param("[" * 500_000, "f: line 1: more than 16 maps and lists in each other", id="brackets"),
        pytest.param("{a: " * 200_000, "f: line 1: more than 16 maps and lists in each other", id="braces"),
        pytest.param("- " * 400_000, "f: line 1: more than 16 maps and lists in each other", id="dashes"),
        pytest.param("a: 1\nb: 2\na: 3", "f: line 3: a is there twice; keep one", id="key-twice"),
        pytest.param("a:\n  b: {c: 1, d: 2, c: 3}", "f: line 2: c is there twice; keep one", id="key-twice-below"),
        pytest.param("a: [x, x]\n7: 1\n'7': 2", "f: line 3: 7 is there twice; keep one", id="number-and-text"),
        pytest.param("a: !!python/object:os.system x", "f: line 1: tag:yaml.org,2002:python/object:os.system is a tag", id="tag"),
        pytest.param("a: !!timestamp x", "f: line 1: tag:yaml.org,2002:timestamp is a tag; write the plain value", id="tag-of-yaml"),
        pytest.param("a: !x {}", "f: line 1: !x is a tag", id="tag-of-a-map"),
        pytest.param("a: 2024-13-45", "f: month must be in 1..12; put it in quotes, or correct it", id="no-date"),
        pytest.param("a: " + "9" * 5000, "f: Exceeds the limit", id="digits"),
        pytest.param("a: 1\n---\nb: 2", "f: line 2: but found another document; write it as YAML", id="two-documents"),
        pytest.param("a: [", "f: line 2: did not find expected node content; write it as YAML", id="open"),
        pytest.param("a: \x00", "f: control characters are not allowed; write it as YAML", id="control"),
        pytest.param("[1]: 2", "f: line 1: found unhashable key; write it as YAML", id="key-that-is-a-list"),
        pytest.param("[1, 2]", "f: expected a map with models, accelerators or engines", id="list"),
        pytest.param("text", "f: expected a map with models, accelerators or engines", id="text"),
    ],
)  # fmt: skip
def test_more_than_plain_data_is_refused(text: str, said: str) -> None:
    with pytest.raises(CatalogError) as raised:
        reading.read(text, file="f")

    assert str(raised.value).startswith(said)


def test_values_are_counted_where_they_are_read_and_not_where_they_are_named() -> None:
    values = ", ".join(["1"] * 1000)
    once = f"a: &a [{values}]\nb: [{', '.join(['*a'] * 500)}]\n"

    assert len(reading.read(once, file="f")["b"]) == 500
    with pytest.raises(CatalogError, match="line 3: stands for more than"):
        reading.read(f"{once}c: [{', '.join(['*a'] * 500)}]", file="f")
