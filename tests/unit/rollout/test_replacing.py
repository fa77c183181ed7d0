"""Decisions of a Replace, one at a time; tests/properties has every fault in every phase of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout import replacing
from deepseek_operator.rollout.run import ENDED, Cause, Limits, Phase
from tests.properties.test_replace_product import PHASES, Replacing
from tests.unit.rollout.stage import CANDIDATE, NEXT, STABLE, plan

PATIENT = plan(
    replaces=True,
    steps=(),
    limits=Limits(
        start=timedelta(minutes=10), drain=timedelta(minutes=2), total=timedelta(hours=1)
    ),
)


def brought_to(phase: Phase, **changes: object) -> Replacing:
    """A run that has come so far."""
    stage = Replacing(plan=PATIENT)
    for name, value in changes.items():
        setattr(stage, name, value)
    stage.until(phase)
    return stage


def test_it_goes_its_way_by_itself() -> None:
    stage = Replacing(plan=PATIENT)

    stage.until(Phase.SUCCEEDED)

    assert stage.phases == [
        Phase.PREPARING,
        Phase.CLOSING,
        Phase.STOPPING,
        Phase.STARTING,
        Phase.PROMOTING,
        Phase.WATCHING,
        Phase.SUCCEEDED,
    ]
    assert (stage.rollout.stable, stage.rollout.failures) == (CANDIDATE, ())


@pytest.mark.parametrize("phase", [phase for phase in PHASES if phase is not Phase.HELD])
def test_one_of_the_two_has_no_pods_in_any_phase(phase: Phase) -> None:
    run = brought_to(Phase.WATCHING).run

    empty = replacing.without_pods(replace(run, phase=phase))

    assert bool(empty) is (phase not in ENDED)


def test_preparations_that_never_end_are_ended_and_cost_nobody_anything() -> None:
    stage = brought_to(Phase.PREPARING, unprepared="3 % of the weights are there")

    run = stage.until(Phase.ROLLED_BACK)

    assert (run.cause, run.stopped) == (Cause.TOO_LONG, None)
    assert run.said == "not decided within 1:00:00: 3 % of the weights are there"
    assert Phase.CLOSING not in stage.phases


def test_an_approval_that_came_late_is_no_reason_to_go_back() -> None:
    stage = brought_to(Phase.AWAITING_APPROVAL, promotes_itself=False)
    stage.now += timedelta(minutes=59)
    stage.say("approve")
    stage.running = 3

    run = stage.until(Phase.STOPPING)

    assert run.started + timedelta(hours=1) < stage.now


@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.AWAITING_APPROVAL])
def test_nothing_stops_for_a_candidate_that_the_spec_does_not_ask_for_any_more(
    phase: Phase,
) -> None:
    missing = "3 % of the weights are there" if phase is Phase.PREPARING else ""
    stage = brought_to(phase, promotes_itself=False, unprepared=missing)
    stage.target = None

    held = stage.until(Phase.HELD)

    assert (held.cause, held.stopped) == (Cause.SPEC_NOT_SERVABLE, None)


def test_a_spec_that_cannot_be_served_holds_no_candidate_that_is_ready() -> None:
    stage = brought_to(Phase.STOPPING)
    stage.target = None

    stage.until(Phase.WATCHING, passes=4)

    assert (stage.rollout.stable, stage.rollout.failures) == (CANDIDATE, ())


def test_without_a_pod_nobody_takes_over_unless_nobody_is_to_be_served() -> None:
    stage = brought_to(Phase.STOPPING)
    stage.wants[CANDIDATE] = 0
    for _ in range(3):
        stage.one_pass()
    assert (stage.run.phase, stage.run.said) == (
        Phase.STARTING,
        "0 of 0 pods are ready and warmed up",
    )
    stage.asks_for_pods = False

    stage.until(Phase.WATCHING, passes=3)


def test_weights_that_are_gone_again_are_waited_for() -> None:
    stage = brought_to(Phase.AWAITING_APPROVAL, promotes_itself=False)
    stage.unprepared = "its claim is gone"
    stage.say("approve")

    stage.one_pass()

    assert (stage.run.phase, stage.run.said) == (Phase.PREPARING, "its claim is gone")


def test_a_promotion_by_hand_waits_for_nothing_but_what_it_needs() -> None:
    stage = brought_to(Phase.HELD, paused=True, unprepared="its weights are not there")
    stage.say("promote")
    stage.one_pass()
    assert stage.rollout.answer == "promote: refused, its weights are not there"
    stage.command, stage.unprepared = None, ""
    stage.one_pass()
    stage.say("promote")

    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.CLOSING, Cause.PROMOTED_BY_HAND)


@pytest.mark.parametrize(
    ("phase", "verb"),
    [
        (Phase.CLOSING, "approve"),
        (Phase.STOPPING, "promote"),
        (Phase.STARTING, "rollback"),
        (Phase.WATCHING, "promote"),
        (Phase.WATCHING, "retry"),
    ],
)
def test_what_cannot_be_asked_now_is_answered_so(phase: Phase, verb: str) -> None:
    stage = brought_to(phase, running=3, leaving=1)
    if phase is Phase.STARTING:
        stage.ready[CANDIDATE] = 0
    stage.say(verb)

    stage.one_pass()

    assert stage.rollout.answer == f"{verb}: not while the run is {phase}"
    assert stage.run.phase is phase


def test_a_deaf_gateway_keeps_nobody_from_the_way_back() -> None:
    stage = brought_to(Phase.WATCHING)
    stage.gateways_answer = False
    stage.say("rollback")

    run = stage.until(Phase.RETURNING, passes=20)

    assert (run.cause, stage.rollout.stable) == (Cause.ROLLED_BACK_BY_HAND, STABLE)


def test_another_revision_is_tried_while_the_old_one_still_comes_back() -> None:
    stage = brought_to(Phase.STARTING, ready={STABLE: 0, CANDIDATE: 0, NEXT: 2})
    stage.target = NEXT

    stage.until(Phase.WATCHING, passes=12)

    assert stage.rollout.stable == NEXT


def test_words_for_clients_name_who_goes_and_who_comes() -> None:
    stage = brought_to(Phase.CLOSING, running=3)
    assert (
        replacing.shut(stage.run)
        == "revision stable is being replaced by candidate: try again later"
    )
    stage.running = 0
    stage.until(Phase.WATCHING)
    assert replacing.shut(stage.run) == ""
    assert replacing.outage(stage.run) is None
    stage.running = 3
    stage.say("rollback")
    stage.until(Phase.DRAINING)

    assert (
        replacing.shut(stage.run)
        == "revision candidate is being replaced by stable: try again later"
    )
    said = f"nothing serves since {stage.run.stopped:%Y-%m-%d %H:%M:%S} UTC: revision stable comes back"
    assert str(replacing.outage(stage.run)).startswith(said)
