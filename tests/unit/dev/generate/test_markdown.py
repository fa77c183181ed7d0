"""Tables and values in Markdown."""

from typing import Any

import pytest

from dev.generate import markdown


def test_a_table_has_a_line_a_row() -> None:
    assert markdown.table(("A", "B"), [("1", "2"), ("3", "")]).splitlines() == [
        "| A | B |",
        "| --- | --- |",
        "| 1 | 2 |",
        "| 3 |  |",
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        pytest.param("a | b", "a \\| b", id="bar"),
        pytest.param("two\n lines", "two lines", id="line-end"),
        pytest.param("a <b> c", "a \\<b> c", id="no-html"),
        pytest.param("see `<b>` <i>", "see `<b>` \\<i>", id="html-in-code-stays"),
    ],
)
def test_no_text_breaks_its_cell(text: str, cell: str) -> None:
    assert markdown.table(("A",), [(text,)]).splitlines()[-1] == f"| {cell} |"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("vllm", "`vllm`", id="text"),
        pytest.param("", '`""`', id="empty-text"),
        pytest.param(None, "`null`", id="null"),
        pytest.param(True, "`true`", id="boolean"),
        pytest.param(600.0, "`600.0`", id="number"),
        pytest.param({}, "`{}`", id="map"),
        pytest.param(["a"], '`["a"]`', id="list"),
    ],
)
def test_a_value_is_written_as_yaml_takes_it(value: Any, text: str) -> None:
    assert text == markdown.literal(value)


def test_nothing_is_no_code() -> None:
    assert markdown.code("") == ""


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        pytest.param({}, "", id="anything"),
        pytest.param({"enum": ["a", 2]}, "a, 2", id="choice"),
        pytest.param({"minimum": 0, "maximum": 5}, "0 to 5", id="range"),
        pytest.param({"minimum": 1}, "at least 1", id="from"),
        pytest.param({"maximum": 1}, "at most 1", id="to"),
        pytest.param({"minLength": 1}, "not empty", id="not-empty"),
        pytest.param(
            {"minLength": 1, "maxLength": 9}, "not empty, at most 9 characters", id="short"
        ),
        pytest.param({"minLength": 2, "maxLength": 9}, "2 to 9 characters", id="length"),
        pytest.param({"maxItems": 3}, "at most 3 items", id="items"),
        pytest.param({"maxProperties": 3}, "at most 3 entries", id="entries"),
        pytest.param({"exclusiveMinimum": 0}, "above 0", id="above"),
        pytest.param({"maximum": 5, "pattern": "^a$"}, "at most 5; `^a$`", id="two-bounds"),
    ],
)
def test_bounds_are_told_in_words(schema: dict[str, Any], said: str) -> None:
    assert said == markdown.bounds(schema)
