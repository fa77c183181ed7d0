"""The table of the operator's permissions in the chart's README."""

import pytest

from dev import steps
from dev.generate import permissions

README = f"# Chart\n\n{permissions.BEGIN}\nold\n{permissions.END}\n\nMore.\n"

RULES = """{{- define "deepseek-operator.workRules" -}}
# Why.
- apiGroups: [""]
  resources: [configmaps, pods/log]
  verbs: [get, list]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [create]
{{- end }}
"""


def test_each_resource_has_a_row_in_the_order_of_the_rules() -> None:
    text = permissions.render(README, rules=RULES)

    assert [line for line in text.splitlines() if line.startswith("| `")] == [
        "| `configmaps` | core | get, list |",
        "| `pods/log` | core | get, list |",
        "| `deployments` | apps | create |",
    ]


def test_what_stands_around_the_table_stays_and_the_table_is_renewed() -> None:
    once = permissions.render(README, rules=RULES)

    assert once.startswith("# Chart\n\n")
    assert once.endswith("\n\nMore.\n")
    assert "\nold\n" not in once
    assert once == permissions.render(once, rules=RULES)


@pytest.mark.parametrize(
    ("readme", "line"),
    [
        pytest.param("# Chart\n", permissions.BEGIN, id="no-begin"),
        pytest.param(f"{permissions.BEGIN}\n", permissions.END, id="no-end"),
    ],
)
def test_a_readme_without_a_place_for_the_table_is_an_error(readme: str, line: str) -> None:
    with pytest.raises(steps.StepError, match=line):
        permissions.render(readme, rules=RULES)


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param("- apiGroups: []\n", id="no-definition"),
        pytest.param(
            RULES.replace("# Why.", "{{- if .Values.gateway }}\n{{- end }}"),
            id="rules-with-conditions",
        ),
    ],
)
def test_rules_that_cannot_be_read_are_an_error(rules: str) -> None:
    with pytest.raises(steps.StepError, match="plain rules"):
        permissions.render(README, rules=rules)
