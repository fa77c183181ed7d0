"""The table of the chart's values in its README."""

import json
from typing import Any

import pytest

from dev import steps
from dev.generate import values

README = f"# Chart\n\n{values.BEGIN}\nold\n{values.END}\n\nMore.\n"


def leaf(kind: str, description: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "description": description, **more}


SCHEMA: dict[str, Any] = {
    "properties": {
        "replicas": leaf("integer", "Replicas.", minimum=0),
        "image": {
            "properties": {
                "tag": leaf("string", "Tag."),
                "digest": leaf("string", "Has no default."),
            }
        },
        "labels": leaf("object", "Labels.", additionalProperties={"type": "string"}),
        "names": leaf("array", "Names.", items={"type": "string"}),
        "resources": {
            **leaf("object", "Resources."),
            "properties": {"limits": leaf("object", "x")},
        },
    }
}
DEFAULTS = "replicas: 2\nimage: {tag: v1}\nlabels: {}\nnames: [a]\nresources: {}\n"


def table() -> list[str]:
    readme = values.render(README, schema=json.dumps(SCHEMA), defaults=DEFAULTS)
    return [line for line in readme.splitlines() if line.startswith("| `")]


def test_each_value_has_a_row_in_the_order_of_the_schema() -> None:
    assert table() == [
        "| `replicas` | integer | `2` | at least 0 | Replicas. |",
        "| `image.tag` | string | `v1` |  | Tag. |",
        "| `labels` | map | `{}` |  | Labels. |",
        '| `names` | list of string | `["a"]` |  | Names. |',
        "| `resources` | object | `{}` |  | Resources. |",
    ]


def test_what_stands_around_the_table_stays_and_the_table_is_renewed() -> None:
    once = values.render(README, schema=json.dumps(SCHEMA), defaults=DEFAULTS)

    assert once.startswith("# Chart\n\n")
    assert once.endswith("\n\nMore.\n")
    assert "\nold\n" not in once
    assert once == values.render(once, schema=json.dumps(SCHEMA), defaults=DEFAULTS)


@pytest.mark.parametrize(
    ("readme", "line"),
    [
        pytest.param("# Chart\n", values.BEGIN, id="no-begin"),
        pytest.param(f"{values.BEGIN}\n", values.END, id="no-end"),
    ],
)
def test_a_readme_without_a_place_for_the_table_is_an_error(readme: str, line: str) -> None:
    with pytest.raises(steps.StepError, match=line):
        values.render(readme, schema=json.dumps(SCHEMA), defaults=DEFAULTS)
