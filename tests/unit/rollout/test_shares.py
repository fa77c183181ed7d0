"""How requests are divided: what is not what was asked for holds a run until as many requests have shown that it is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout import record
from deepseek_operator.rollout.facts import Facts
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Cause, Limits, Phase, Step
from deepseek_operator.rollout.shares import ENOUGH, Reached, Share
from tests.unit.rollout.stage import Stage, plan

STEPS = (Step(5, min_requests=20), Step(50, min_requests=20))


@pytest.mark.parametrize(
    ("candidate", "both", "weight", "agrees"),
    [
        pytest.param(0, 0, 5, True, id="none"),
        pytest.param(70, 1000, 5, True, id="by-chance"),
        pytest.param(80, 1000, 5, False, id="too-many"),
        pytest.param(20, 1000, 5, False, id="too-few"),
        pytest.param(6_900, 100_000, 5, True, id="two-points-always"),
        pytest.param(7_100, 100_000, 5, False, id="and-no-more"),
        pytest.param(14, 20, 50, True, id="few-tell-little"),
        pytest.param(20, 20, 50, False, id="but-not-nothing"),
        pytest.param(0, 100, 0, True, id="no-users-yet"),
        pytest.param(9, 100, 0, False, id="users-before-their-time"),
    ],
)
def test_what_agrees(candidate: int, both: int, weight: int, *, agrees: bool) -> None:
    assert Reached(candidate, both).agrees(weight) is agrees


def test_what_one_stretch_cannot_show_several_do() -> None:
    one, share = Reached(80, 1000), Share()
    assert one.agrees(6)
    assert not Reached(80 * 9, 9000).agrees(5)

    passed = 0
    while share.off is None and passed < 100:
        share = share.after(Reached(74, 1000), weight=5)
        passed += 1

    assert 1 < passed < 100


def test_what_did_not_agree_is_over_once_as_many_requests_do() -> None:
    share = Share().after(Reached(400, 1000), weight=20)
    assert share.off == Reached(400, 1000)

    share = share.after(Reached(100, 500), weight=20)
    assert share.off == Reached(400, 1000)
    assert not share.is_verified
    share = share.after(Reached(100, 500), weight=20)

    assert share == Share(Reached(200, 1000))
    assert share.is_verified


def test_how_many_have_to_agree_has_a_bound() -> None:
    share = Share(off=Reached(400_000, 1_000_000))

    for _ in range(7):
        share = share.after(Reached(200, 1000), weight=20)

    assert share.is_verified


def test_hours_that_agree_hide_nothing() -> None:
    share = Share()
    for _ in range(1000):
        share = share.after(Reached(200, 1000), weight=20)
    hours = 0
    while share.off is None and hours < 20:
        share = share.after(Reached(240, 1000), weight=20)
        hours += 1

    assert share.off is not None


@pytest.mark.parametrize("both", [0, ENOUGH - 1])
def test_few_requests_verify_nothing(both: int) -> None:
    assert not Share().after(Reached(both // 2, both), weight=50).is_verified
    assert Share().after(Reached(10, ENOUGH), weight=50).is_verified


def test_a_split_that_is_not_what_was_asked_for_holds_the_run() -> None:
    """Passes come more often than stretches of figures end: those in between show nothing, and nothing goes on."""
    stage = Stage(leak=10, plan=plan(*STEPS, limits=Limits(hold=timedelta(minutes=10))), seconds=5)
    stage.until(Phase.HELD)
    began = stage.now

    while stage.run.phase is Phase.HELD:
        assert (stage.run.cause, stage.run.weight) == (Cause.UNVERIFIED, 5)
        assert "instead of 5 %" in stage.run.said
        stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.ROLLING_BACK, Cause.HELD_TOO_LONG)
    assert timedelta(minutes=10) <= stage.now - began < timedelta(minutes=11)
    assert "requests reached it instead of 5 %" in stage.run.said


def test_it_goes_on_once_requests_are_divided_as_asked_for() -> None:
    stage = Stage(leak=10, plan=plan(*STEPS), seconds=5)
    stage.until(Phase.HELD)
    stage.leak = 0

    stage.until(Phase.ANALYZING, passes=20)

    assert stage.run.share.is_verified
    stage.until(Phase.WATCHING)


@pytest.mark.parametrize("rate", [1.0, 50.0])
def test_a_few_points_too_many_are_seen_by_a_whole_step(rate: float) -> None:
    lasting = plan(Step(20, min_duration=timedelta(hours=12)))
    stage = Stage(leak=6, rate=rate, plan=lasting)

    stage.until(Phase.HELD, passes=2000)

    assert stage.run.cause is Cause.UNVERIFIED


def test_no_step_is_passed_before_its_share_was_seen() -> None:
    stage = Stage(plan=plan(*STEPS))
    stage.until(Phase.ANALYZING)
    blind = stage.rollout
    while stage.run.weight == 5:
        blind = stage.rollout
        stage.one_pass()
    assert blind.run is not None
    assert blind.run.share.is_verified
    stage.rollout = replace(blind, run=replace(blind.run, share=Share()))
    stage.applied, stage.rate, stage.pending = 5, 0.0, None

    for _ in range(10):
        stage.one_pass()
        assert (stage.run.phase, stage.run.weight) == (Phase.ANALYZING, 5)
    assert stage.run.said == "of 20 requests that show how they are divided 0 were seen"
    stage.rate = 100.0

    assert stage.until(Phase.SHIFTING, passes=5).weight == 50


def test_each_step_is_verified_anew() -> None:
    stage = Stage(plan=plan(*STEPS))
    stage.until(Phase.WATCHING)

    begun = [
        rollout.run.share
        for before, rollout in zip(stage.history, stage.history[1:], strict=False)
        if before.run and rollout.run
        if (before.run.phase, rollout.run.phase) == (Phase.SHIFTING, Phase.ANALYZING)
    ]

    assert begun == [Share(), Share()]


class Sticky(Stage):
    """A header keeps each client with one revision, and a few of them ask for most."""

    def facts(self, *, traffic: bool = True) -> Facts:
        return replace(super().facts(traffic=traffic), is_sticky=True)


def test_where_clients_stay_with_a_revision_requests_tell_nothing_of_a_share() -> None:
    stage = Sticky(leak=20, plan=plan(*STEPS))

    stage.until(Phase.WATCHING)

    assert Phase.HELD not in stage.phases


def test_what_is_held_stays_held_after_a_restart_of_the_operator() -> None:
    stage = Stage(leak=10, plan=plan(*STEPS))
    stage.until(Phase.HELD)

    assert record.load(record.dump(Record(stage.rollout))) == Record(stage.rollout)
