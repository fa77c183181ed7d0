"""decide(): the ways that a rollout may take, each from its beginning to its end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.rollout import soundness
from deepseek_operator.rollout.evidence import Evidence
from deepseek_operator.rollout.run import (
    DEFAULT_STEPS,
    Cause,
    Limits,
    Phase,
    Run,
    Step,
)
from tests.unit.rollout.stage import CANDIDATE, ERRORS, LATE, NEXT, STABLE, Stage, plan

ACTIVE = [
    Phase.STARTING,
    Phase.SHIFTING,
    Phase.ANALYZING,
    Phase.AWAITING_APPROVAL,
    Phase.HELD,
]
PAUSING = plan(Step(5, min_requests=20, pause=True), Step(50, min_requests=50))


def brought_to(phase: Phase, **changes: object) -> Stage:
    """A run that is in this phase."""
    stage = Stage(plan=PAUSING, **changes)  # type: ignore[arg-type]
    if phase is Phase.STARTING:
        stage.ready[CANDIDATE] = 0
        stage.one_pass()
    elif phase is Phase.SHIFTING:
        stage.until(Phase.SHIFTING)
    elif phase is Phase.HELD:
        stage.until(Phase.ANALYZING)
        stage.paused = True
        stage.until(Phase.HELD)
    elif phase in (Phase.PROMOTING, Phase.WATCHING):
        stage.until(Phase.AWAITING_APPROVAL)
        stage.say("approve")
        stage.until(phase)
    else:
        stage.until(phase)
    assert stage.run.phase is phase
    return stage


def test_a_good_candidate_is_promoted_by_itself() -> None:
    stage = Stage()

    stage.until(Phase.SUCCEEDED)

    assert stage.rollout.stable == CANDIDATE
    weights = [r.run.weight for r in stage.history if r.run]
    assert sorted(set(weights)) == [0, *(step.weight for step in DEFAULT_STEPS), 100]
    assert weights == sorted(weights)
    assert stage.phases[-3:] == [Phase.PROMOTING, Phase.WATCHING, Phase.SUCCEEDED]
    assert stage.rollout.failures == ()


def test_a_candidate_that_fails_four_times_as_often_is_rolled_back_and_not_tried_again() -> None:
    stage = Stage(bad={STABLE: 0.01, CANDIDATE: 0.04})

    run = stage.until(Phase.ROLLED_BACK)
    for _ in range(20):
        stage.one_pass()

    assert stage.run == run
    assert (run.cause, run.weight, stage.rollout.stable) == (Cause.EVIDENCE_BAD, 0, STABLE)
    assert "requests of the candidate" in run.said
    [failure] = stage.rollout.failures
    assert (failure.revision, failure.cause) == (CANDIDATE, Cause.EVIDENCE_BAD)


def test_one_that_turns_bad_late_is_rolled_back_all_the_same() -> None:
    stage = Stage(plan=plan(Step(25, min_duration=timedelta(hours=6))))
    for _ in range(1000):
        stage.one_pass()
    assert stage.run.phase is Phase.ANALYZING
    stage.bad[CANDIDATE] = 0.08

    stage.until(Phase.ROLLING_BACK, passes=20)

    assert stage.run.cause is Cause.EVIDENCE_BAD


def test_most_requests_failing_needs_no_statistics() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.bad[CANDIDATE] = 0.7

    stage.until(Phase.ROLLING_BACK, passes=6)

    assert stage.run.cause is Cause.BREAKER


def test_engines_that_die_trip_the_breaker() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.restarts = 2
    stage.one_pass()
    assert stage.run.phase is Phase.ANALYZING

    stage.restarts = 3
    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.ROLLING_BACK, Cause.BREAKER)


@pytest.mark.parametrize(
    "phase",
    [Phase.SHIFTING, Phase.ANALYZING, Phase.AWAITING_APPROVAL, Phase.HELD, Phase.WATCHING],
)
def test_without_a_pod_the_candidate_has_no_traffic(phase: Phase) -> None:
    stage = brought_to(phase)
    stage.ready[CANDIDATE] = 0

    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.ROLLING_BACK, Cause.CANDIDATE_LOST)
    assert (stage.run.weight, stage.rollout.stable) == (0, STABLE)


@pytest.mark.parametrize("phase", [*ACTIVE, Phase.PROMOTING, Phase.WATCHING])
@pytest.mark.parametrize("trouble", ["none", "paused", "blind", "gateways", "stable"])
def test_an_abort_is_done_in_every_phase_whatever_else_is_true(phase: Phase, trouble: str) -> None:
    stage = brought_to(phase)
    stage.paused |= trouble == "paused"
    stage.sees = trouble != "blind"
    stage.gateways_answer = trouble != "gateways"
    stage.ready[STABLE] = 1 if trouble == "stable" else 2
    stage.say("abort")

    stage.one_pass()

    assert (stage.run.phase, stage.run.cause, stage.run.weight) == (
        Phase.ROLLING_BACK,
        Cause.ABORTED,
        0,
    )
    assert stage.rollout.stable == STABLE
    stage.gateways_answer = True
    assert stage.until(Phase.ROLLED_BACK).cause is Cause.ABORTED


@pytest.mark.parametrize("phase", ACTIVE)
def test_another_spec_ends_the_run_before_the_next_begins(phase: Phase) -> None:
    stage = brought_to(phase)
    stage.paused = False
    stage.target = NEXT

    stage.one_pass()
    assert (stage.run.candidate, stage.run.cause) == (CANDIDATE, Cause.SUPERSEDED)
    while stage.run.candidate == CANDIDATE:
        assert stage.applied == 0 or stage.run.phase is Phase.ROLLING_BACK
        stage.one_pass()

    assert (stage.run.candidate, stage.run.stable, stage.applied) == (NEXT, STABLE, 0)
    assert stage.rollout.failures == ()


def test_the_spec_of_before_ends_the_run_and_begins_none() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.target = STABLE

    stage.until(Phase.ROLLED_BACK)
    run = stage.run
    for _ in range(5):
        stage.one_pass()

    assert stage.run == run
    assert stage.rollout.stable == STABLE


def test_the_spec_of_before_brings_the_old_revision_back_while_it_is_kept() -> None:
    stage = brought_to(Phase.WATCHING)
    stage.target = STABLE

    stage.one_pass()

    assert (stage.run.phase, stage.run.weight, stage.rollout.stable) == (
        Phase.ROLLING_BACK, 0, STABLE,
    )  # fmt: skip


def test_a_third_revision_begins_from_the_one_that_was_promoted() -> None:
    stage = brought_to(Phase.WATCHING)
    stage.target = NEXT

    while stage.run.candidate != NEXT:
        stage.one_pass()

    assert (stage.run.stable, stage.rollout.stable) == (CANDIDATE, CANDIDATE)


def test_a_spec_that_cannot_be_served_holds_the_run() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.target = None

    stage.one_pass()
    assert (stage.run.phase, stage.run.cause) == (Phase.HELD, Cause.SPEC_NOT_SERVABLE)
    stage.target = CANDIDATE
    stage.one_pass()

    assert stage.run.phase is Phase.ANALYZING


def test_without_figures_nothing_moves_and_nothing_is_held_against_anyone() -> None:
    stage = brought_to(Phase.ANALYZING)
    weight = stage.run.weight
    stage.sees = False

    stage.until(Phase.HELD, passes=10)
    assert (stage.run.cause, stage.run.weight) == (Cause.NO_DATA, weight)
    stage.sees = True
    stage.one_pass()

    assert (stage.run.phase, stage.run.weight) == (Phase.ANALYZING, weight)


@pytest.mark.parametrize("missing", ["figures", "gateway"])
def test_nothing_is_passed_while_something_is_missing(missing: str) -> None:
    """Long before that holds the run: the step could be passed at this very moment."""
    stage = Stage(plan=plan(Step(5, min_requests=20), Step(50, min_requests=20)))
    stage.until(Phase.ANALYZING)
    ready = stage.rollout
    while stage.run.weight == 5:
        ready = stage.rollout
        stage.one_pass()
    stage.rollout, stage.applied = ready, 5
    stage.sees, stage.gateways_answer = missing != "figures", missing != "gateway"

    stage.one_pass()
    assert (stage.run.phase, stage.run.weight) == (Phase.ANALYZING, 5)
    stage.sees = stage.gateways_answer = True
    stage.one_pass()

    assert stage.run.weight == 50


def test_held_for_too_long_it_goes_back() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.sees = False

    run = stage.until(Phase.ROLLED_BACK, passes=200)

    assert run.cause is Cause.HELD_TOO_LONG
    assert "NoData" in run.said


def test_a_pause_has_no_deadline_and_keeps_nobody_from_seeing_a_bad_candidate() -> None:
    stage = brought_to(Phase.HELD)
    for _ in range(300):
        stage.one_pass()
    assert stage.run.phase is Phase.HELD

    stage.bad[CANDIDATE] = 0.2
    stage.until(Phase.ROLLING_BACK, passes=30)

    assert stage.run.cause in (Cause.EVIDENCE_BAD, Cause.BREAKER)


def test_a_paused_run_goes_on_where_it_was() -> None:
    stage = brought_to(Phase.HELD)
    stage.paused = False

    stage.one_pass()

    assert stage.run.phase is Phase.ANALYZING


def test_a_weight_waits_for_the_pods_that_bear_it() -> None:
    stage = Stage(carries=4, plan=plan(Step(1, min_requests=20), Step(25, min_requests=20)))
    stage.until(Phase.ANALYZING)
    for _ in range(40):
        stage.one_pass()
    assert (stage.run.weight, stage.run.phase) == (1, Phase.ANALYZING)
    assert "can take 4 % of the traffic, and 25 % come next" in stage.run.said

    stage.carries = 25
    stage.one_pass()

    assert stage.run.weight == 25


def test_all_of_the_traffic_waits_for_the_pods_that_bear_all_of_it() -> None:
    stage = Stage(carries=60, plan=plan(Step(50, min_requests=20)))
    for _ in range(200):
        stage.one_pass()

    assert stage.run.phase is Phase.ANALYZING
    stage.carries = 100
    stage.until(Phase.PROMOTING, passes=2)


def test_no_step_is_passed_before_enough_was_seen_of_it() -> None:
    stage = Stage(rate=1.0, plan=plan(Step(5, min_requests=20), Step(50, min_requests=20)))
    stage.until(Phase.ANALYZING)
    before = 0
    while stage.run.weight == 5:
        before = stage.run.requests
        stage.one_pass()

    assert before < 20 + 5
    assert stage.run.started + timedelta(minutes=5) < stage.now


def test_no_larger_share_for_a_candidate_that_looks_worse_until_it_looks_good_again() -> None:
    stage = Stage(rate=20.0, plan=plan(Step(20, timedelta(0), min_requests=20), Step(80)))
    stage.until(Phase.ANALYZING)
    suspicious = stage.plan.bar.suspicious_at
    suspected = {"errors": Evidence(alarm=suspicious + 2.5)}
    stage.rollout = replace(stage.rollout, run=replace(stage.run, evidence=suspected))
    stage.bad[STABLE] = 0.02

    alarms = []
    while stage.run.weight == 20:
        alarms.append(stage.run.evidence["errors"].alarm)
        assert stage.run.requests < 20 or "it looks worse so far, errors: " in stage.run.said
        stage.one_pass()

    assert len(alarms) > 2
    assert alarms[-2] >= suspicious
    assert stage.run.evidence["errors"].alarm < suspicious


def test_no_gateway_that_has_not_taken_up_a_weight_is_passed_over() -> None:
    stage = Stage()
    stage.until(Phase.SHIFTING)
    stage.gateways_answer = False
    stage.until(Phase.HELD)
    assert stage.run.cause is Cause.NOT_ACKNOWLEDGED

    stage.gateways_answer = True
    stage.until(Phase.ANALYZING, passes=5)


def test_a_weight_that_is_not_taken_up_holds_the_run_until_its_time_is_over() -> None:
    """Once held, it is held: a run that goes on and is held again each minute would never end."""
    stage = Stage()
    stage.until(Phase.SHIFTING)
    stage.gateways_answer = False
    stage.until(Phase.HELD)
    assert stage.run.hold is not None
    since = stage.run.hold.since

    for _ in range(20):
        stage.one_pass()
        assert stage.run.phase is Phase.HELD
        assert stage.run.hold.since == since
    stage.until(Phase.ROLLING_BACK)

    assert stage.run.cause is Cause.HELD_TOO_LONG


def test_most_requests_failing_are_seen_while_a_weight_is_not_taken_up() -> None:
    stage = Stage(plan=plan(Step(20), Step(50)))
    stage.until(Phase.ANALYZING)
    while stage.run.phase is not Phase.SHIFTING:
        stage.one_pass()
    stage.gateways_answer = False
    stage.bad[CANDIDATE] = 0.9

    run = stage.until(Phase.ROLLING_BACK, passes=5)

    assert run.cause is Cause.BREAKER


def test_pods_of_the_stable_revision_that_are_missing_hold_the_run() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.ready[STABLE] = 1

    stage.one_pass()

    assert stage.run.cause is Cause.STABLE_SHORT


def test_a_step_with_a_pause_waits_for_a_person_and_for_this_step() -> None:
    stage = brought_to(Phase.AWAITING_APPROVAL)
    stage.command = f"approve:{stage.run.name}/7"
    for _ in range(10):
        stage.one_pass()
    assert stage.run.phase is Phase.AWAITING_APPROVAL
    assert (
        stage.rollout.answer
        == f"approve: meant {stage.run.name}/7, and now it is {stage.run.name}/0"
    )

    stage.say("approve")
    stage.one_pass()

    assert stage.run.weight == 50


def test_an_approval_is_no_promotion_without_evidence() -> None:
    stage = Stage(plan=plan(Step(50, min_requests=20, pause=True)), rate=2.0)
    stage.until(Phase.ANALYZING)
    stage.say("approve")

    stage.one_pass()

    assert stage.run.phase is Phase.ANALYZING


def test_without_promotion_by_itself_the_last_step_waits_for_a_person() -> None:
    stage = Stage(plan=plan(Step(50, min_requests=20)), promotes_itself=False)
    stage.until(Phase.AWAITING_APPROVAL)

    stage.say("approve")

    stage.until(Phase.PROMOTING, passes=2)


def test_promotion_by_hand_needs_no_evidence_but_pods() -> None:
    stage = Stage(plan=plan(Step(5, min_requests=10**6)), carries=20)
    stage.until(Phase.ANALYZING)
    stage.say("promote")
    stage.one_pass()
    assert stage.run.phase is Phase.ANALYZING
    assert "refused" in stage.rollout.answer

    stage.carries = 100
    stage.command = None
    stage.one_pass()
    stage.say("promote")
    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.PROMOTING, Cause.PROMOTED_BY_HAND)


def test_promotion_by_hand_is_possible_while_the_stable_revision_is_in_trouble() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.ready[STABLE] = 0
    stage.until(Phase.HELD)
    stage.say("promote")

    stage.one_pass()

    assert (stage.run.phase, stage.rollout.stable) == (Phase.PROMOTING, CANDIDATE)


def test_an_approval_while_a_run_is_held_counts_once_it_goes_on() -> None:
    stage = brought_to(Phase.HELD)
    stage.say("approve")
    stage.one_pass()
    assert stage.run.phase is Phase.HELD
    stage.paused = False

    stage.until(Phase.PROMOTING)

    assert Phase.AWAITING_APPROVAL not in stage.phases


@pytest.mark.parametrize(
    ("phase", "verb"),
    [
        (Phase.STARTING, "approve"),
        (Phase.STARTING, "promote"),
        (Phase.ANALYZING, "rollback"),
        (Phase.ANALYZING, "retry"),
        (Phase.WATCHING, "approve"),
        (Phase.WATCHING, "promote"),
        (Phase.ANALYZING, "dance"),
    ],
)
def test_what_cannot_be_done_now_does_nothing_and_says_so(phase: Phase, verb: str) -> None:
    stage, other = brought_to(phase), brought_to(phase)
    stage.say(verb)

    stage.one_pass()
    other.one_pass()

    assert stage.run == other.run
    said = "not one of approve, promote" if verb == "dance" else f"not while the run is {phase}"
    assert f"{verb}: {said}" in stage.rollout.answer


def test_a_command_before_any_run_is_stale() -> None:
    stage = Stage(target=STABLE)
    stage.command = "abort:1-candidate/0"

    stage.one_pass()

    assert stage.rollout.answer == "abort: meant 1-candidate/0, and now it is no run"


def test_a_command_is_carried_out_once() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.say("abort")
    stage.until(Phase.ROLLED_BACK)
    command = stage.command

    stage.target = NEXT
    stage.until(Phase.ANALYZING)

    assert stage.command == command
    assert stage.run.candidate == NEXT


def test_a_retry_tries_a_failed_revision_once_more() -> None:
    stage = Stage(bad={STABLE: 0.01, CANDIDATE: 0.5})
    stage.until(Phase.ROLLED_BACK)
    stage.bad[CANDIDATE] = 0.01
    stage.say("retry")

    stage.until(Phase.SUCCEEDED)

    assert (stage.run.number, stage.rollout.failures) == (2, ())


def test_a_failed_revision_stays_failed_when_another_was_tried_in_between() -> None:
    stage = Stage(bad={STABLE: 0.01, CANDIDATE: 0.5, NEXT: 0.5})
    stage.until(Phase.ROLLED_BACK)
    stage.target = NEXT
    stage.until(Phase.STARTING, Phase.SHIFTING)
    stage.until(Phase.ROLLED_BACK)
    stage.target = CANDIDATE
    for _ in range(10):
        stage.one_pass()

    assert stage.run.candidate == NEXT
    assert [failure.revision for failure in stage.rollout.failures] == [NEXT, CANDIDATE]


def test_a_rollback_by_hand_brings_the_old_revision_back_within_its_window() -> None:
    stage = brought_to(Phase.WATCHING)
    stage.say("rollback")

    run = stage.until(Phase.ROLLED_BACK)

    assert (run.cause, stage.rollout.stable) == (Cause.ROLLED_BACK_BY_HAND, STABLE)


def test_a_promoted_candidate_that_breaks_within_the_window_is_rolled_back() -> None:
    stage = brought_to(Phase.WATCHING)
    stage.bad[CANDIDATE] = 0.9

    stage.until(Phase.ROLLED_BACK, passes=20)

    assert stage.rollout.stable == STABLE


def test_running_requests_may_end_before_their_pods_go() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.running = 3
    stage.say("abort")
    stage.until(Phase.DRAINING)
    for _ in range(5):
        stage.one_pass()
    assert stage.phases[-1] is Phase.DRAINING

    stage.running = 0
    stage.one_pass()

    assert stage.run.phase is Phase.ROLLED_BACK


def test_but_not_for_ever() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.running = 3
    stage.say("abort")

    stage.until(Phase.ROLLED_BACK, passes=100)


def test_no_request_is_cut_off_while_gateways_may_still_send_one() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.gateways_answer = False
    stage.say("abort")
    for _ in range(50):
        stage.one_pass()

    assert stage.run.phase is Phase.ROLLING_BACK


def test_pods_that_never_get_ready_end_the_run_without_any_traffic() -> None:
    stage = brought_to(Phase.STARTING)

    run = stage.until(Phase.ROLLED_BACK, passes=1000)

    assert run.cause is Cause.CANDIDATE_NOT_READY
    assert all(rollout.run.weight == 0 for rollout in stage.history if rollout.run)


@pytest.mark.parametrize("rate", [0.0, 0.01])
def test_every_run_ends_however_few_requests_there_are(rate: float) -> None:
    stage = Stage(rate=rate, seconds=300)

    run = stage.until(Phase.ROLLED_BACK, Phase.SUCCEEDED, passes=400)

    assert run.cause is Cause.TOO_LONG


def test_nothing_is_counted_before_a_weight_has_settled() -> None:
    stage = Stage(plan=plan(Step(50), limits=Limits(settle=timedelta(minutes=5))))
    stage.bad[CANDIDATE] = 0.3
    settled = stage.until(Phase.ANALYZING).settled
    assert settled is not None
    # A stretch that ends after that, and began before it, is not counted either.
    while stage.now < settled + timedelta(seconds=stage.stretch - stage.seconds):
        stage.one_pass()
        assert stage.run.evidence == {}

    run = stage.until(Phase.ROLLING_BACK, passes=20)
    assert run.cause is Cause.EVIDENCE_BAD


def test_a_clock_that_goes_back_ends_nothing() -> None:
    stage = brought_to(Phase.ANALYZING)
    stage.now -= timedelta(days=2)

    stage.one_pass()

    assert stage.run.phase is Phase.ANALYZING


def test_the_same_facts_give_the_same_decision() -> None:
    one, other = (
        Stage(bad={STABLE: 0.01, CANDIDATE: 0.03}),
        Stage(bad={STABLE: 0.01, CANDIDATE: 0.03}),
    )
    for _ in range(60):
        assert one.one_pass() == other.one_pass()


def test_runs_are_numbered_and_named() -> None:
    stage = Stage()
    stage.one_pass()

    assert stage.run.name == f"1-{CANDIDATE}"
    assert isinstance(stage.run, Run)


def test_what_has_to_be_learned_is_learned_before_the_first_weight_and_never_again() -> None:
    stage = Stage(plan=plan(metrics=(ERRORS, LATE)), teaches=False)
    stage.until(Phase.HELD)
    assert (stage.run.cause, stage.run.weight) == (Cause.NO_DATA, 0)
    assert not any(rollout.run and rollout.run.weight for rollout in stage.history)
    stage.teaches = True

    stage.until(Phase.ANALYZING)

    assert not stage.run.has_to_learn
    learned = stage.run.plan
    stage.until(Phase.WATCHING)
    assert stage.run.plan == learned


def test_a_run_that_learns_nothing_goes_back() -> None:
    stage = Stage(plan=plan(metrics=(ERRORS, LATE)), teaches=False)

    run = stage.until(Phase.ROLLED_BACK)

    assert run.cause is Cause.HELD_TOO_LONG


@pytest.mark.parametrize("teaches", [False, True], ids=["never-told", "told-just-now"])
def test_who_promotes_what_learned_nothing_has_it_watched_by_the_rest(*, teaches: bool) -> None:
    stage = Stage(plan=plan(metrics=(ERRORS, LATE)), teaches=False)
    stage.until(Phase.HELD)
    stage.teaches = teaches
    stage.say("promote")

    stage.one_pass()

    assert (stage.run.phase, stage.run.weight) == (Phase.PROMOTING, 100)
    assert soundness.flaw(stage.rollout) is None
    assert [metric.name for metric in stage.run.plan.metrics] == ["errors", "late"][: 1 + teaches]
    stage.until(Phase.SUCCEEDED)


def test_what_is_late_or_short_does_not_trip_the_breaker() -> None:
    """A bad hour makes the answers of both late, and short answers may be what is asked for."""
    stage = Stage(plan=plan(metrics=(replace(LATE, learns=False),)))
    stage.bad = dict.fromkeys(stage.bad, 0.9)

    stage.until(Phase.WATCHING)
