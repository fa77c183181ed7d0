"""A share of the traffic waits for pods that are sized for it, and a person may give it all the same."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout import demands, record
from deepseek_operator.rollout.facts import Facts, Figures
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Cause, Limits, Phase, Run, Step
from tests.unit.rollout.stage import CANDIDATE, STABLE, Stage, plan

STEPS = (Step(5, min_requests=20), Step(25, min_requests=20), Step(50, min_requests=20))


def held_at(weight: int, **changes: object) -> Stage:
    """One large replica beside eight small ones: 100 requests a second, of which it bears 20."""
    stage = Stage(plan=plan(*STEPS, **changes), rate=100.0, bears=20.0, stable_bears=160.0)
    stage.until(Phase.HELD)
    assert (stage.run.cause, stage.run.weight) == (Cause.CANDIDATE_SHORT, weight)
    return stage


def test_what_its_pods_are_not_sized_for_waits_for_a_person_and_says_why() -> None:
    stage = held_at(5)

    assert stage.run.said == (
        "its ready pods (2) are sized for 20 requests/s, and 25 % of the present 100 requests/s, 25, come next: raise "
        "replicas, workload.requestsPerSecond or autoscaling.min, or approve that it goes on all the same"
    )
    for _ in range(600):
        stage.one_pass()
    # Far longer than a run may be held for anything else.
    assert (stage.run.phase, stage.run.weight, stage.rollout.stable) == (Phase.HELD, 5, STABLE)


def test_with_more_pods_it_goes_on_by_itself() -> None:
    stage = held_at(5)
    stage.bears = 100.0

    stage.until(Phase.SUCCEEDED)

    assert stage.run.overruled == frozenset()


def test_as_it_does_when_fewer_requests_come() -> None:
    stage = held_at(5)
    stage.rate = 15.0

    stage.until(Phase.SUCCEEDED)


def test_each_weight_is_approved_by_itself() -> None:
    stage = held_at(5)
    for weight, following in ((5, 25), (25, 50), (50, 100)):
        assert stage.until(Phase.HELD).weight == weight
        stage.say("approve")
        stage.until(Phase.SHIFTING, Phase.PROMOTING, passes=3)
        assert stage.run.weight == following

    assert stage.until(Phase.SUCCEEDED).overruled == {25, 50, 100}


def test_an_approval_of_before_is_none_of_this() -> None:
    """Of a step with a pause: whoever gave it has not seen that its pods are too few."""
    pausing = (Step(5, min_requests=20, pause=True), *STEPS[1:])
    stage = Stage(plan=plan(*pausing), rate=100.0, bears=20.0)
    stage.until(Phase.ANALYZING)
    stage.say("approve")

    run = stage.until(Phase.HELD)
    assert run.cause is Cause.CANDIDATE_SHORT
    assert (list(run.approved), list(run.overruled)) == ([0], [])


def test_a_step_with_a_pause_needs_one_approval_for_both() -> None:
    pausing = (Step(5, min_requests=20, pause=True), *STEPS[1:])
    stage = Stage(plan=plan(*pausing), rate=100.0, bears=20.0)
    stage.until(Phase.HELD)
    stage.say("approve")

    stage.until(Phase.SHIFTING, passes=3)

    assert Phase.AWAITING_APPROVAL not in stage.phases


def test_promotion_by_hand_is_not_refused_for_an_estimate() -> None:
    stage = held_at(5)
    stage.say("promote")

    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.PROMOTING, Cause.PROMOTED_BY_HAND)


def test_while_it_waits_it_is_judged() -> None:
    stage = held_at(5)
    stage.bad[CANDIDATE] = 0.2

    stage.until(Phase.ROLLED_BACK, passes=60)

    assert stage.run.cause is Cause.EVIDENCE_BAD


def test_other_reasons_to_hold_come_first_and_it_is_held_for_this_again() -> None:
    stage = held_at(5)
    stage.paused = True
    stage.one_pass()
    assert stage.run.cause is Cause.PAUSED

    stage.paused = False
    for _ in range(3):
        stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.HELD, Cause.CANDIDATE_SHORT)


def test_it_ends_with_the_run_and_says_what_was_missing() -> None:
    stage = held_at(5, limits=Limits(total=timedelta(hours=2)))

    run = stage.until(Phase.ROLLED_BACK)

    assert run.cause is Cause.TOO_LONG
    assert run.said.startswith("not decided within 2:00:00: its ready pods (2) are sized for")


@pytest.mark.parametrize(
    ("bears", "stable", "demand", "is_short"),
    [
        pytest.param(20.0, None, 79.0, False, id="enough"),
        pytest.param(20.0, None, 81.0, True, id="too-few"),
        pytest.param(20.0, 160.0, 81.0, True, id="and-fewer-than-the-old-one-has"),
        pytest.param(20.0, 20.0, 1000.0, False, id="as-many-as-bear-it-now"),
        pytest.param(None, None, 1000.0, False, id="never-sized"),
        pytest.param(20.0, None, None, False, id="nothing-counted-yet"),
        pytest.param(0.0, None, 1.0, True, id="none-ready"),
    ],
)
def test_who_is_short(
    bears: float | None, stable: float | None, demand: float | None, *, is_short: bool
) -> None:
    stage = Stage(plan=plan(*STEPS))
    stage.one_pass()
    run = replace(stage.run, demand=demand)
    facts = Facts(target=CANDIDATE, plan=stage.plan, bears=bears, stable_bears=stable)

    assert (demands.short(run, facts) is not None) is is_short


def known(run: Run, *stretches: tuple[int, float]) -> float | None:
    for users, seconds in stretches:
        run = demands.seen(run, Figures({}, 20, users, seconds))
    return run.demand


def test_demand_is_of_the_last_minutes() -> None:
    stage = Stage()
    stage.one_pass()
    run = replace(stage.run, demand=None)

    assert known(run) is None
    assert known(run, (150, 15.0)) == 10.0
    assert known(run, (150, 15.0), (0, 15.0)) == 10.0
    burst = known(run, (150, 15.0), (1500, 15.0))
    assert burst == pytest.approx(10 + 90 * (1 - math.exp(-0.05)))
    assert known(run, (150, 15.0), (360_000, 3600.0)) == pytest.approx(100, abs=0.01)


def test_a_run_of_an_older_operator_has_none_and_is_not_held() -> None:
    stage = Stage(plan=plan(*STEPS))
    stage.until(Phase.ANALYZING)
    text = record.dump(Record(replace(stage.rollout, run=replace(stage.run, demand=None))))
    old = text.replace('"demand":null,', "").replace('"overruled":[],', "")
    assert old != text

    run = record.load(old).rollout.run

    assert run is not None
    assert (run.demand, run.overruled) == (None, frozenset())
