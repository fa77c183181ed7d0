"""What is made of the alerts: rules, a table, and the facts at the head of runbooks."""

from pathlib import Path

import pytest
import yaml

from dev import steps
from dev.generate import markdown, monitoring
from dev.monitoring.alerts import ALERTS, GROUPS

FIRST = ALERTS[0]


def write_runbooks(root: Path, *, facts: str = "old") -> Path:
    """A runbook of every alert; the folder that they are in."""
    begin, end = monitoring.FACTS_MARKS
    folder = root / monitoring.RUNBOOKS
    folder.mkdir(parents=True)
    for alert in ALERTS:
        (folder / f"{alert.name}.md").write_text(f"# {alert.name}\n\n{begin}{facts}{end}\nrest\n")
    return folder


def test_rules_are_read_back_as_they_were_said() -> None:
    groups = yaml.safe_load(monitoring.render_rules())["groups"]

    assert [group["name"] for group in groups] == [group.name for group in GROUPS]
    assert groups[0]["rules"][0] == {
        "alert": FIRST.name,
        "expr": FIRST.expression,
        "for": FIRST.lasts,
        "labels": {"severity": "critical"},
        "annotations": {"summary": FIRST.summary},
    }


def test_no_two_alerts_have_one_name() -> None:
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)


def test_the_facts_of_a_runbook_are_renewed_and_the_rest_stays(tmp_path: Path) -> None:
    write_runbooks(tmp_path)

    text = monitoring.runbooks(tmp_path)[monitoring.RUNBOOKS / f"{FIRST.name}.md"]

    assert text.startswith(f"# {FIRST.name}\n")
    assert text.endswith("\nrest\n")
    assert "old" not in text
    assert FIRST.expression in text
    assert FIRST.reason in text


def test_an_alert_without_a_runbook_is_refused(tmp_path: Path) -> None:
    (write_runbooks(tmp_path) / f"{FIRST.name}.md").unlink()

    with pytest.raises(steps.StepError, match=f"alert {FIRST.name} has no runbook: write docs/"):
        monitoring.runbooks(tmp_path)


def test_a_runbook_of_no_alert_is_refused(tmp_path: Path) -> None:
    (write_runbooks(tmp_path) / "DeepSeekGone.md").write_text("# DeepSeekGone\n")

    with pytest.raises(steps.StepError, match="runbooks of no alert: DeepSeekGone"):
        monitoring.runbooks(tmp_path)


def test_the_table_has_every_alert_with_its_runbook() -> None:
    begin, end = markdown.marks("alerts")
    table = monitoring.render_table(f"{begin}{end}")

    for alert in ALERTS:
        assert f"| [{alert.name}](runbooks/{alert.name}.md) | {alert.severity} |" in table
