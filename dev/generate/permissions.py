"""The table of the operator's permissions in the chart's README, from the rules that the chart grants."""

from typing import Any

import yaml

from dev import steps
from dev.generate import markdown

BEGIN, END = markdown.marks("permissions")

_OPENING = '{{- define "deepseek-operator.workRules" -}}'
_CLOSING = "{{- end }}"


def render(readme: str, *, rules: str) -> str:
    """The README with its table of permissions renewed; `rules` is the template's text."""
    before, after = markdown.around(readme, BEGIN, END, name="the chart's README")
    rows = [
        (markdown.code(resource), rule["apiGroups"][0] or "core", ", ".join(rule["verbs"]))
        for rule in work_rules(rules)
        for resource in rule["resources"]
    ]
    text = markdown.table(("Resource", "API group", "Verbs"), rows)
    return f"{before}{text}{after}"


def work_rules(template: str) -> list[dict[str, Any]]:
    """What the operator may do in a namespace that it watches, as RBAC's rules."""
    _, opening, rest = template.partition(_OPENING)
    body, closing, _ = rest.rpartition(_CLOSING)
    if not (opening and closing) or "{{" in body:
        raise steps.StepError(f"_rules.tpl: plain rules between {_OPENING} and {_CLOSING} are read")
    rules: list[dict[str, Any]] = yaml.safe_load(body)
    return rules
