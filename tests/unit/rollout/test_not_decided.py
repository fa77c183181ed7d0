"""What is said of a run that was not decided within its longest duration."""

from collections.abc import Callable

import pytest

from deepseek_operator.rollout.run import Cause, Phase, Step
from tests.unit.rollout.stage import CANDIDATE, Stage, plan

Trouble = Callable[[Stage], None]


def untaken(stage: Stage) -> None:
    """Gateways are there, and say that they do something else."""
    stage.applied, stage.gateways_answer = 3, False


def short(stage: Stage) -> None:
    stage.ready[CANDIDATE] = 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        pytest.param(untaken, "not every gateway says that it has taken up 1 %", id="gateways"),
        pytest.param(short, "1 of 2 pods are ready and warmed up", id="pods"),
    ],
)
def test_what_was_missing_is_said_before_what_was_seen(trouble: Trouble, said: str) -> None:
    stage = Stage(seconds=60.0, rate=20.0)
    stage.until(Phase.ANALYZING)
    for _ in range(20):
        stage.one_pass()
        if stage.run.phase is Phase.ANALYZING and stage.run.weight == 1:
            trouble(stage)

    run = stage.until(Phase.ROLLING_BACK)

    assert run.cause is Cause.TOO_LONG
    assert run.said.startswith(f"not decided within 1 day, 0:00:00: {said}; ")


def test_what_waits_for_evidence_alone_has_that_once() -> None:
    stage = Stage(plan=plan(Step(50, min_requests=1)), rate=0.02, seconds=300.0)

    run = stage.until(Phase.ROLLING_BACK)

    assert run.cause is Cause.TOO_LONG
    assert run.said.count("errors Unknown") == 1


def test_who_waits_for_an_approval_says_so() -> None:
    stage = Stage(seconds=60.0, promotes_itself=False)
    stage.until(Phase.AWAITING_APPROVAL)

    run = stage.until(Phase.ROLLING_BACK)

    assert run.said == "not decided within 1 day, 0:00:00: nobody has approved step 4; Good: errors"
