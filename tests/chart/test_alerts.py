"""Alerts: Prometheus's own promtool takes the rules, and fires each where it is caused and nowhere else."""

import json
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from deepseek_operator.api.conditions import ConditionType, Reason
from deepseek_operator.cli.__main__ import parse
from deepseek_operator.rollout.run import Cause, Phase
from dev import debian
from dev.generate import monitoring
from dev.monitoring.alerts import ALERTS, Alert
from dev.paths import REPOSITORY
from tests.chart import promql, rendering
from tests.chart.alert_cases import CASES, Case

RULES = rendering.CHART / "files" / "alerts.yaml"

every_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert debian.present("promtool"), "python3 -m dev.packages prometheus"
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def test_prometheus_takes_the_rules_that_the_chart_has() -> None:
    said = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))

    assert said.returncode == 0, said.stderr
    assert f"{len(ALERTS)} rules found" in said.stdout


def test_what_prometheus_does_not_take_is_found(tmp_path: Path) -> None:
    broken = tmp_path / "alerts.yaml"
    broken.write_text(RULES.read_text().replace("by (namespace, name)", "by (namespace name)"))

    assert promtool("check", "rules", str(broken)).returncode != 0


def test_every_alert_has_cases_that_fire_it_and_others_that_do_not() -> None:
    assert CASES.keys() == {alert.name for alert in ALERTS}
    for name, cases in CASES.items():
        assert {case.fires is None for case in cases} == {True, False}, name


def test_each_fires_where_it_is_caused_and_nowhere_else(tmp_path: Path) -> None:
    told = tried(CASES, tmp_path)

    assert told.returncode == 0, told.stdout + told.stderr


def test_an_alert_that_fires_though_nobody_is_to_be_called_is_found(tmp_path: Path) -> None:
    caused = {
        name: tuple(replace(case, fires=None) for case in cases if case.fires is not None)
        for name, cases in CASES.items()
    }

    told = tried(caused, tmp_path)

    assert told.returncode == 1
    assert told.stderr.count("alertname: ") == sum(map(len, caused.values()))


def tried(cases: Mapping[str, tuple[Case, ...]], folder: Path) -> subprocess.CompletedProcess[str]:
    """What promtool says of cases, in one run; each alert has rules of its own, as all are evaluated each minute."""
    rules = {
        rule["alert"]: rule
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
    }
    files = []
    for alert in ALERTS:
        rule, tests = folder / f"{alert.name}.yaml", folder / f"{alert.name}-cases.yaml"
        alone = {"name": alert.name, "rules": [rules[alert.name]]}
        rule.write_text(json.dumps({"groups": [alone]}))
        played_cases = [played(alert, case) for case in cases[alert.name]]
        whole = {"rule_files": [str(rule)], "evaluation_interval": "1m", "tests": played_cases}
        tests.write_text(json.dumps(whole))
        files.append(str(tests))
    return promtool("test", "rules", *files)


def played(alert: Alert, case: Case) -> dict[str, object]:
    """A case in promtool's words."""
    expected = []
    if case.fires is not None:
        labels = {"severity": str(alert.severity), **case.fires}
        summary = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: labels[m[1]], alert.summary)
        summary = re.sub(r"\{\{ \$value[^}]*\}\}", case.value, summary)
        expected = [{"exp_labels": labels, "exp_annotations": {"summary": summary}}]
    return {
        "name": case.why,
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in case.series.items()],
        "alert_rule_test": [
            {"eval_time": case.at, "alertname": alert.name, "exp_alerts": expected}
        ],
    }


@every_alert
def test_it_asks_only_for_what_is_told(alert: Alert) -> None:
    names = promql.asked_for(alert.expression)

    assert names
    assert names <= promql.exported()


KNOWN: dict[str, set[str]] = {
    "type": set(map(str, ConditionType)),
    "reason": {*map(str, Reason), *map(str, Cause), "RollbackStalled"},
    "phase": set(map(str, Phase)),
    "role": {"stable", "candidate", "fallback", "gateway"},
    "state": {"wanted", "ready", "taken", "refused"},
    "bound": {"min", "max"},
    "result": {"changed", "unchanged", "recorded", "gone", "stalled", "conflict", "failed"},
    "cause": {"unreachable", "overloaded", "timeout", "cut", "engine", "rejected", "client_gone"},
}
"""Values of labels that expressions name."""


@every_alert
def test_it_names_only_values_that_there_are(alert: Alert) -> None:
    for label, values in promql.named(alert.expression):
        assert label == "revision" or values <= KNOWN[label], label


@every_alert
def test_its_runbook_says_what_to_do_with_commands_that_there_are(alert: Alert) -> None:
    text = (REPOSITORY / monitoring.RUNBOOKS / f"{alert.name}.md").read_text()

    assert text.startswith(f"# {alert.name}\n")
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert heads == ["Meaning", "Impact", "How to look", "What to do"]
    commands = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert commands
    assert "kubectl " in commands[1]
    named = re.findall(r"kubectl deepseek ([^`\n]*)", text)
    for line in named:
        words = shlex.split(line.partition("  #")[0].replace("$", ""), comments=True)
        if len(words) > 1:
            parse(words)


def test_the_rules_and_their_runbooks_are_of_the_same_alerts() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule["alert"] for group in groups for rule in group["rules"]]

    assert rules == [alert.name for alert in ALERTS]
    there = {file.stem for file in (REPOSITORY / monitoring.RUNBOOKS).iterdir()}
    assert there == set(rules)
