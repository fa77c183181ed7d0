"""After a rollback nobody is sent to the candidate any more, and whoever is all the same is told of."""

from datetime import timedelta

import pytest

from deepseek_operator.observed import Gateway
from deepseek_operator.rollout import counting, record
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Limits, Phase, Step
from tests.unit.rollout.stage import Stage, plan
from tests.unit.rollout.test_counting import gateway, request


def drained(**begun: int) -> Stage:
    """Two gateways have left it, and a request still runs; what they are about to count they have counted."""
    limits = Limits(drain=timedelta(minutes=10))
    stage = Stage(plan=plan(Step(20), limits=limits), begun=dict(begun), running=1)
    stage.until(Phase.ANALYZING)
    stage.say("abort")
    stage.until(Phase.DRAINING)
    for _ in range(3):
        stage.one_pass()
    return stage


def test_a_request_that_comes_after_that_is_told_of() -> None:
    stage = drained(a=40, b=9)
    assert stage.run.late == 0

    stage.begun = {"a": 41, "b": 9}
    stage.one_pass()
    assert stage.run.late == 1
    stage.begun = {"a": 41, "b": 12}
    stage.one_pass()

    assert (stage.run.phase, stage.run.late) == (Phase.DRAINING, 4)
    assert record.load(record.dump(Record(stage.rollout))) == Record(stage.rollout)
    run = stage.until(Phase.ROLLED_BACK, passes=60)
    assert (run.late, run.left) == (4, None)


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param({"a": 40, "b": 9}, id="none-is-new"),
        pytest.param({"a": 40}, id="a-gateway-is-gone"),
        pytest.param({"a": 40, "c": 7}, id="another-process-counts-anew"),
        pytest.param({"a": 2, "b": 9}, id="fewer"),
        pytest.param(None, id="nobody-says"),
    ],
)
def test_what_is_no_new_request(begun: dict[str, int] | None) -> None:
    stage = drained(a=40, b=9)
    stage.begun = begun

    for _ in range(3):
        stage.one_pass()

    assert stage.run.late == 0


def test_what_gateways_were_about_to_count_is_not_new() -> None:
    stage = Stage(plan=plan(Step(20)), running=1, begun={"a": 40})
    stage.until(Phase.ANALYZING)
    stage.say("abort")
    stage.until(Phase.DRAINING)
    stage.seconds = 5.0
    for count in (41, 41, 43, 43, 43, 43):
        stage.begun = {"a": count}
        stage.one_pass()
        if stage.now - stage.run.since < timedelta(seconds=15):
            assert stage.run.late == 0

    assert stage.run.late == (2 if stage.run.left == {"a": 41} else 0)


def test_a_request_that_ends_is_no_new_one() -> None:
    running = gateway(request(count=5), request(pinned=True, count=1), active={"new": 2, "old": 4})
    ended = gateway(request(count=6), request(pinned=True, count=1), active={"new": 1, "old": 9})

    assert counting.begun([running], "new") == {"a/1": 8}
    assert counting.begun([ended], "new") == {"a/1": 8}
    assert counting.begun([running, Gateway("b", is_ready=True, report=None)], "new") is None
