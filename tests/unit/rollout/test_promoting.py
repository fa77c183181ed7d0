"""Between the promotion and the last gateway that takes it up: judged, told, and never without end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout.run import Cause, Phase
from tests.properties.test_replace_product import Replacing
from tests.unit.rollout.stage import CANDIDATE, STABLE, Stage, plan


def promoted() -> Stage:
    """By a run of which the gateways take up no more."""
    stage = Stage(rate=50.0)
    stage.until(Phase.PROMOTING)
    stage.gateways_answer, stage.applied = False, 50
    return stage


@pytest.mark.parametrize(
    ("share", "cause"),
    [
        pytest.param(0.1, Cause.EVIDENCE_BAD, id="worse-where-some-still-get-the-stable-one"),
        pytest.param(0.9, Cause.BREAKER, id="broken"),
    ],
)
def test_it_is_judged_while_a_gateway_has_not_taken_it_up(share: float, cause: Cause) -> None:
    stage = promoted()
    stage.bad[CANDIDATE] = share

    run = stage.until(Phase.ROLLING_BACK, passes=20)

    assert (run.cause, stage.rollout.stable) == (cause, STABLE)


def test_a_gateway_that_never_takes_it_up_is_told_of_and_then_it_goes_back() -> None:
    stage = promoted()
    began = stage.now
    for _ in range(5):
        stage.one_pass()
    assert (stage.run.phase, stage.run.cause) == (Phase.PROMOTING, Cause.NOT_ACKNOWLEDGED)
    assert stage.run.said == "not every gateway has taken up 100 %"

    run = stage.until(Phase.ROLLING_BACK, passes=150)

    limits = run.plan.limits
    assert run.cause is Cause.HELD_TOO_LONG
    assert run.said.endswith("(NotAcknowledged): not every gateway has taken up 100 %")
    assert limits.hold <= stage.now - began < limits.hold + timedelta(minutes=2)
    assert stage.rollout.stable == STABLE


def test_one_that_takes_it_up_late_is_waited_for() -> None:
    stage = promoted()
    for _ in range(60):
        stage.one_pass()
    stage.gateways_answer = True

    run = stage.until(Phase.WATCHING, passes=2)

    assert run.cause is Cause.PROMOTED


def test_a_replace_goes_on_instead() -> None:
    """Going back would have everybody wait for the old revision's pods, and the gateway would be as silent."""
    stage = Replacing(plan=replace(plan(), replaces=True, steps=()))
    stage.until(Phase.PROMOTING)
    stage.gateways_answer = False
    for _ in range(6):
        stage.one_pass()
    assert (stage.run.phase, stage.run.cause) == (Phase.PROMOTING, Cause.NOT_ACKNOWLEDGED)

    run = stage.until(Phase.WATCHING, passes=150)

    assert "not every gateway says that it sends its requests to candidate" in run.said
    assert stage.until(Phase.SUCCEEDED).cause is Cause.WINDOW_CLOSED
