"""What status tells of the figures of a run, for people and for webhooks. Pure."""

from typing import Any

from deepseek_operator.rollout import quality
from deepseek_operator.rollout.copies import Copies
from deepseek_operator.rollout.evidence import Alike, Evidence, Metric
from deepseek_operator.rollout.exams import Report
from deepseek_operator.rollout.run import Run

Manifest = dict[str, Any]

QUALITY = "quality"
"""Among the metrics: the prompts of the last examination count, as requests do of others."""


def metrics(run: Run) -> list[Manifest]:
    """Everything that is compared, the prompts last."""
    found = [_metric(run, metric) for metric in run.judged_by]
    report = run.exam.report if run.exam else None
    if report is not None and report.candidate is not None:
        found.append(_graded(run, report))
    return found


def _metric(run: Run, metric: Metric) -> Manifest:
    found = run.evidence.get(metric.name, Evidence())
    return {
        "name": metric.name,
        "verdict": str(found.verdict(run.plan.bar)),
        **_limit(metric),
        **_alarm(run, metric, found),
        "candidateRequests": found.seen.candidate.total,
        "candidateBad": found.seen.candidate.bad,
        "stableRequests": found.seen.stable.total,
        "stableBad": found.seen.stable.bad,
    }


def _limit(metric: Metric) -> Manifest:
    if metric.limit is None:
        return {}
    if isinstance(metric.alarm, Alike):
        return {"limitTokens": round(metric.limit)}
    return {"limitMilliseconds": round(1000 * metric.limit)}


def _alarm(run: Run, metric: Metric, found: Evidence) -> Manifest:
    if isinstance(metric.alarm, Alike):
        return {}
    return {"alarmPercent": min(100, int(100 * found.alarm / run.plan.bar.alarm_at))}


def _graded(run: Run, report: Report) -> Manifest:
    """Of the stable revision none, where it is not asked."""
    entry: Manifest = {"name": QUALITY, "verdict": str(quality.verdict(run)[0])}
    for who, grade in (("candidate", report.candidate), ("stable", report.stable)):
        entry[f"{who}Requests"] = grade.asked if grade else 0
        entry[f"{who}Bad"] = grade.asked - grade.passed if grade else 0
    return entry


def mirror(run: Run) -> Manifest | None:
    """What became of copies; None where none are asked for, or not yet."""
    asked, copies = run.plan.mirror, run.copies
    if asked is None or (copies is None and not run.mirrors):
        return None
    found = copies or Copies()
    return {
        "percent": asked.percent,
        "answered": found.answered,
        "rejected": found.rejected,
        "failed": found.failed,
        "dropped": found.dropped,
    }


def examined(run: Run) -> Manifest | None:
    """The last examination; None where there was none."""
    if run.exam is None:
        return None
    found, words = quality.verdict(run)
    grade = run.exam.report.candidate if run.exam.report else None
    return {
        "before": quality.before(run),
        "verdict": str(found),
        "message": words[:1024],
        "failed": list(grade.failed) if grade else [],
    }
