"""What the Job of an examination left: its report, or why there is none. Pure.

The Job's pod runs in the object's namespace, so what it says is taken for no more than it is: numbers that fit together,
names of a bounded form, and words that are cut.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from deepseek_operator import diagnosis
from deepseek_operator.observed import Manifest, Observed
from deepseek_operator.rollout.exams import Grade, Opinion, Report

MOST_FAILED = 16
"""Names of prompts that are kept."""

_MOST_PROMPTS = 10_000
_WORDS = 300
_FAILED = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?: [a-zA-Z]{1,32}")


def report_of(observed: Observed, job: str) -> Report | None:
    """The report of the Job of this name; None while it is not there, or has not ended."""
    found = observed.exam(job)
    if found is None:
        return None
    runs = observed.examiners_of(found)
    end = _end(runs[0]) if runs else None
    if end is not None:
        return read(end)
    ended = _ended_condition(found)
    if ended is None:
        return None
    said = ended.get("message") or "its pod is gone"
    trouble = diagnosis.diagnose_pods(observed, runs)
    if trouble is not None:
        said = f"{said}; {trouble.message}"
    return Report(missing=f"Job {job} left no result: {cut(said)}")


def read(end: Mapping[str, Any]) -> Report:
    """The report in how the Job's container ended."""
    told = _document(str(end.get("message") or ""))
    failure = told.get("failure")
    missing = ""
    if isinstance(failure, dict):
        missing = cut(f"{failure.get('reason')}: {failure.get('message')}")
    elif end.get("exitCode") != 0:
        missing = (
            f"its examination ended with exit code {end.get('exitCode')} ({end.get('reason')})"
        )
    elif not told:
        missing = "its examination told nothing that can be read"
    return Report(
        candidate=_grade(told.get("candidate")),
        stable=_grade(told.get("stable")),
        opinion=_opinion(told.get("webhook")),
        missing=missing,
    )


def ended_at(observed: Observed, job: str) -> str | None:
    """When the Job of this name ended, as Kubernetes writes times; None while it has not."""
    found = observed.exam(job)
    ended = _ended_condition(found) if found is not None else None
    return None if ended is None else str(ended["lastTransitionTime"])


def _ended_condition(job: Manifest) -> Manifest | None:
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            found: Manifest = condition
            return found
    return None


def _end(run: Manifest) -> Manifest | None:
    for container in run.get("status", {}).get("containerStatuses", []):
        end: Manifest | None = container.get("state", {}).get("terminated")
        return end
    return None


def _grade(told: object) -> Grade | None:
    """None for whatever is no grade: then it is missing, and holds."""
    if not isinstance(told, dict):
        return None
    asked, passed = _count(told.get("asked")), _count(told.get("passed"))
    failed = told.get("failed")
    if asked is None or passed is None or not isinstance(failed, list):
        return None
    named = [one for one in failed if isinstance(one, str) and _FAILED.fullmatch(one)]
    try:
        return Grade(asked, passed, tuple(named[:MOST_FAILED]))
    except ValueError:
        return None


def _count(told: object) -> int | None:
    is_whole = isinstance(told, int) and not isinstance(told, bool)
    return told if isinstance(told, int) and is_whole and 0 <= told <= _MOST_PROMPTS else None


def _opinion(told: object) -> Opinion | None:
    if not isinstance(told, dict) or not isinstance(told.get("pass"), bool):
        return None
    reason = told.get("reason")
    return Opinion(told["pass"], cut(reason) if isinstance(reason, str) else "")


def cut(text: str) -> str:
    """One line of bounded length, without what a terminal would act on."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:_WORDS]


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
