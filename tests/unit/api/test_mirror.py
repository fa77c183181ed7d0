"""Copies of a Canary as people ask for them."""

from datetime import timedelta
from typing import Any

import pytest

from deepseek_operator import comparison
from deepseek_operator.api import mirror
from deepseek_operator.api.traffic import Rollout
from deepseek_operator.rollout.copies import Mirror
from tests.unit.api.test_rules import violations


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"percent": 1}, id="percent-alone"),
        pytest.param({"percent": 1, "minDuration": "30m"}, id="as-long-as-it-lasts"),
        pytest.param({"percent": 1, "maxDuration": "2m"}, id="as-short-as-it-lasts"),
        pytest.param({"percent": 1, "minDuration": "2h", "maxDuration": "24h"}, id="both"),
    ],
)
def test_copies_that_can_be_made_are_let_through(value: dict[str, Any]) -> None:
    assert violations(mirror.RULES, value) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param({"minDuration": "30m1s"}, "minDuration: above maxDuration (30m", id="long"),
        pytest.param({"maxDuration": "119s"}, "minDuration: above maxDuration", id="short"),
        pytest.param(
            {"minDuration": "2h", "maxDuration": "1h"}, "or raise maxDuration", id="crossed"
        ),
        pytest.param({"maxDuration": "24h1s"}, "maxDuration: at most 24h; lower it", id="days"),
    ],
)
def test_copies_that_cannot_are_refused_in_words(value: dict[str, Any], message: str) -> None:
    [broken] = violations(mirror.RULES, {"percent": 1, **value})

    assert broken.startswith("rollout.mirror.")
    assert message in broken


def test_what_is_said_is_what_a_run_follows() -> None:
    def planned(**given: Any) -> Mirror | None:
        settings = Rollout.model_validate({"strategy": "Canary", **given})
        return comparison.plan_of(settings, candidate=None, stable=None, known={}).mirror

    asked = {"minRequests": 7, "minDuration": "1m", "maxDuration": "1h", "maxConcurrent": 3}
    assert planned() is None
    assert planned(mirror={"percent": 5}) == Mirror(percent=5)
    assert planned(mirror={"percent": 5, **asked}) == Mirror(
        percent=5,
        min_requests=7,
        min_duration=timedelta(minutes=1),
        max_duration=timedelta(hours=1),
        most=3,
    )
