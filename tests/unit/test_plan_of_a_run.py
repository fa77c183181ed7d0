"""A run follows what the spec said when it began, and says so where the spec says something else by now."""

from typing import Any

import pytest

from tests.unit.samples import Manifest, conditions, deepseek
from tests.unit.test_canary import CANARY, NEW, OLD, Service

EDITED = "spec.rollout was changed since this run began"


def with_settings(**rollout: Any) -> Manifest:
    return {**NEW, "rollout": {**CANARY, **rollout}}


@pytest.fixture
def service() -> Service:
    """The old revision serves."""
    made = Service()
    for _ in range(6):
        made.one_pass(deepseek(**OLD))
    return made


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"steps": [{"weight": 90, "minRequests": 1}]}, id="steps"),
        pytest.param({"analysis": {"relative": "Never"}}, id="analysis"),
        pytest.param({"holdTimeout": "1h"}, id="times"),
        pytest.param({"mirror": {"percent": 5}}, id="copies"),
    ],
)
def test_a_run_goes_on_by_the_plan_that_it_began_with(service: Service, change: Manifest) -> None:
    before = service.until(deepseek(**NEW, generation=2), "Analyzing")["rollout"]
    assert EDITED not in before["message"]

    edited = deepseek(**with_settings(**change), generation=3)
    status = service.one_pass(edited)
    run = status["rollout"]
    assert (run["run"], run["steps"], run["weight"]) == (before["run"], 2, 20)
    assert f"{EDITED}: it goes on by its steps" in run["message"]
    assert "abort and then retry" in run["message"]
    assert EDITED in conditions(status)["RolledOut"]["message"]
    status = service.until(edited, "Watching")

    assert {entry["rollout"]["weight"] for entry in service.history if "rollout" in entry} == {
        0, 20, 50, 100,
    }  # fmt: skip
    # Of a run that is over nothing could be followed any more.
    assert EDITED not in service.until(edited, "Succeeded")["rollout"]["message"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"paused": False, "autoPromote": True}, id="what-is-read-each-time"),
        pytest.param({"analysis": {}}, id="a-default"),
    ],
)
def test_what_a_run_follows_anyway_is_no_other_plan(service: Service, change: Manifest) -> None:
    service.until(deepseek(**NEW, generation=2), "Analyzing")

    run = service.one_pass(deepseek(**with_settings(**change), generation=3))["rollout"]

    assert EDITED not in run["message"]


def test_a_plan_that_is_put_back_is_no_other_one(service: Service) -> None:
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.one_pass(deepseek(**with_settings(holdTimeout="1h"), generation=3))

    assert EDITED not in service.one_pass(new)["rollout"]["message"]
