"""What the demo prints of a Canary."""

from typing import Any

from dev.demo import canary


def metric(name: str, **counts: int) -> dict[str, Any]:
    counted = {"candidateRequests": 0, "candidateBad": 0, "stableRequests": 0, "stableBad": 0}
    return {"name": name, "verdict": "Unknown", **counted, **counts}


def test_both_revisions_figures_are_told_of_what_was_judged() -> None:
    errors = metric("errors", candidateRequests=14, candidateBad=2, stableRequests=130, stableBad=1)

    said = canary.figures({"metrics": [errors, metric("empty", stableRequests=3)]})

    assert said == ["bad of the candidate (of the old): errors 2 of 14 (1 of 130)"]


def test_before_anything_was_judged_no_figure_is_told() -> None:
    assert canary.figures({"metrics": [metric("errors", stableRequests=9)]}) == []
    assert canary.figures({}) == []
