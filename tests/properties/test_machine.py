"""Rollouts under any history: what must never happen does not, and every run comes to an end."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deepseek_operator.rollout import evidence
from deepseek_operator.rollout.evidence import Verdict
from deepseek_operator.rollout.machine import decide
from deepseek_operator.rollout.run import (
    ENDED,
    Cause,
    Facts,
    Limits,
    Phase,
    Rollout,
    Run,
    Step,
)
from tests.unit.rollout.stage import CANDIDATE, ERRORS, LATE, NEXT, STABLE, Stage, plan

PLAN = plan(
    Step(5, min_requests=20, min_duration=timedelta(seconds=30)),
    Step(25, min_requests=20, min_duration=timedelta(seconds=30), pause=True),
    Step(50, min_requests=50, min_duration=timedelta(seconds=30)),
    limits=Limits(
        start=timedelta(minutes=10),
        hold=timedelta(minutes=5),
        total=timedelta(hours=2),
        drain=timedelta(minutes=2),
        keep=timedelta(minutes=5),
    ),
    metrics=(ERRORS, LATE),
)
VERBS = ("promote", "approve", "abort", "retry", "rollback", "resume", "nonsense")
SHARES = (0.0, 0.01, 0.05, 0.6)


def check(before: Rollout, facts: Facts, after: Rollout) -> None:
    """What holds of any one decision."""
    old, new = before.run, after.run
    assert after.runs >= before.runs
    if new is None:
        return
    assert 0 <= new.weight <= 100
    assert new.weight in {0, 100, *(step.weight for step in new.plan.steps)}
    _check_beginning(before, facts, after)
    if old is None or old.number != new.number:
        assert new.weight == 0
        return
    assert (new.plan == old.plan) or _has_learned(old, facts, new)
    assert not (new.weight and new.has_to_learn)
    _check_rise(old, facts, new)
    _check_steps(old, facts, new)
    _check_promotion(old, facts, new)
    if after.stable != before.stable:
        assert {before.stable, after.stable} == {new.candidate, new.stable}


def _has_learned(old: Run, facts: Facts, new: Run) -> bool:
    """The one change of a plan: what the stable revision teaches, before the first weight."""
    is_first = old.phase is Phase.STARTING and new.phase is Phase.SHIFTING
    learned = replace(old.plan, metrics=facts.metrics) if facts.metrics else None
    return is_first and old.has_to_learn and new.plan == learned


def _check_beginning(before: Rollout, facts: Facts, after: Rollout) -> None:
    """A run begins from rest, and a revision that failed only when that is asked for."""
    old, new = before.run, after.run
    if new is None or (old is not None and old.number == new.number):
        return
    assert old is None or old.phase in ENDED
    assert (new.candidate, new.stable) == (facts.target, before.stable)
    assert new.candidate != new.stable
    is_asked_for = (facts.command or "").startswith("retry:")
    assert before.failure_of(new.candidate) is None or is_asked_for


def _check_rise(old: Run, facts: Facts, new: Run) -> None:
    """More traffic only for warm pods that can bear it, on figures that are there."""
    if new.weight <= old.weight:
        return
    assert facts.candidate.ready >= max(1, facts.candidate.wanted)
    assert facts.carries >= new.weight
    assert not facts.paused
    assert facts.target == new.candidate
    assert (
        not (facts.command or "").startswith("abort:")
        or facts.command != f"abort:{old.name}/{old.step}"
    )
    if old.weight:
        assert facts.sees or new.cause is Cause.PROMOTED_BY_HAND
        assert facts.stable.ready >= facts.stable.wanted


def _check_steps(old: Run, facts: Facts, new: Run) -> None:
    """Step by step, none left out, and none with a gate passed without its approval."""
    assert old.step <= new.step <= old.step + 1
    if new.step == old.step:
        return
    step = old.plan.steps[old.step]
    assert facts.acknowledged == old.weight == step.weight
    assert old.step_since is not None
    if step.pause:
        assert old.step in new.approved


def _check_promotion(old: Run, facts: Facts, new: Run) -> None:
    if new.phase is not Phase.PROMOTING or old.phase is Phase.PROMOTING:
        return
    if new.cause is Cause.PROMOTED_BY_HAND:
        return
    assert new.cause is Cause.ACCEPTED
    assert old.step == len(old.plan.steps) - 1
    assert facts.acknowledged == old.weight
    verdicts = [new.evidence[metric.name].verdict(new.plan.bar) for metric in new.plan.metrics]
    assert evidence.overall(verdicts) is Verdict.GOOD


class Rollouts(RuleBasedStateMachine):
    """A user, an operator that is killed, gateways, pods and traffic, all in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(plan=PLAN, rate=60.0)

    def one_pass(self) -> None:
        stage = self.stage
        before = stage.rollout
        stage.now += timedelta(seconds=stage.seconds)
        facts = stage.facts()
        after = decide(before, facts, now=stage.now)
        check(before, facts, after)
        self._check_blind(before, facts)
        assert after == decide(before, facts, now=stage.now)
        stage.rollout = after
        if stage.gateways_answer:
            stage.applied = stage.weight()

    def _check_blind(self, before: Rollout, facts: Facts) -> None:
        """Whatever is taken away from what is seen never gives the candidate more."""
        seen = decide(before, facts, now=self.stage.now)
        for blind in (
            replace(facts, sees=False, figures=None),
            replace(facts, acknowledged=None),
            replace(facts, target=None),
        ):
            other = decide(before, blind, now=self.stage.now)
            if other.run is None or before.run is None or other.run.number != before.run.number:
                continue
            if other.run.weight > before.run.weight:
                assert seen.run is not None
                assert seen.run.weight == other.run.weight
                assert before.run.weight == 0 or other.run.cause is Cause.PROMOTED_BY_HAND

    @rule(count=st.integers(1, 30))
    def time_goes_by(self, count: int) -> None:
        for _ in range(count):
            self.one_pass()

    @rule()
    def the_operator_is_killed_before_it_records(self) -> None:
        decide(self.stage.rollout, self.stage.facts(), now=self.stage.now)

    @rule(seconds=st.sampled_from([15.0, 60.0, 600.0]))
    def passes_come(self, seconds: float) -> None:
        self.stage.seconds = seconds

    @rule(hours=st.integers(-2, 2))
    def the_clock_jumps(self, hours: int) -> None:
        self.stage.now += timedelta(hours=hours)

    @rule(wanted=st.sampled_from([STABLE, CANDIDATE, NEXT, None]))
    def the_user_applies(self, wanted: str | None) -> None:
        self.stage.target = wanted

    @rule(verb=st.sampled_from(VERBS), stale=st.booleans())
    def a_person_commands(self, verb: str, stale: bool) -> None:
        if self.stage.rollout.run is None:
            return
        self.stage.say(verb)
        if stale:
            self.stage.command = f"{verb}:0-another/0"

    @rule()
    def the_command_is_taken_away(self) -> None:
        self.stage.command = None

    @rule(paused=st.booleans(), itself=st.booleans())
    def the_user_pauses(self, paused: bool, itself: bool) -> None:
        self.stage.paused, self.stage.promotes_itself = paused, itself

    @rule(sees=st.booleans(), answer=st.booleans())
    def what_is_seen_changes(self, sees: bool, answer: bool) -> None:
        self.stage.sees, self.stage.gateways_answer = sees, answer

    @rule(teaches=st.booleans())
    def engines_answer_or_not(self, teaches: bool) -> None:
        self.stage.teaches = teaches

    @rule(revision=st.sampled_from([STABLE, CANDIDATE, NEXT]), ready=st.integers(0, 2))
    def pods_come_and_go(self, revision: str, ready: int) -> None:
        self.stage.ready[revision] = ready

    @rule(revision=st.sampled_from([STABLE, CANDIDATE, NEXT]), share=st.sampled_from(SHARES))
    def a_revision_turns(self, revision: str, share: float) -> None:
        self.stage.bad[revision] = share

    @rule(
        rate=st.sampled_from([0.0, 1.0, 60.0]),
        carries=st.sampled_from([0, 4, 30, 100]),
        leak=st.sampled_from([0, 0, 0, 30]),
        running=st.sampled_from([0, 0, 3]),
        restarts=st.integers(0, 4),
    )
    def the_world_changes(
        self, rate: float, carries: int, leak: int, running: int, restarts: int
    ) -> None:
        stage = self.stage
        stage.rate, stage.carries, stage.leak = rate, carries, leak
        stage.running, stage.restarts = running, max(stage.restarts, restarts)

    @rule(phase=st.sampled_from(list(Phase)))
    def all_is_well_until(self, phase: Phase) -> None:
        """Random rules seldom come to the later phases: this one goes there."""
        self._all_is_well()
        for _ in range(150):
            run = self.stage.rollout.run
            if run is not None and run.phase is phase:
                return
            if run is not None and run.phase is Phase.AWAITING_APPROVAL:
                self.stage.say("approve")
            self.one_pass()

    def _all_is_well(self) -> None:
        stage = self.stage
        stage.ready = dict.fromkeys((STABLE, CANDIDATE, NEXT), 2)
        stage.bad = dict.fromkeys((STABLE, CANDIDATE, NEXT), 0.01)
        stage.sees = stage.gateways_answer = stage.promotes_itself = stage.teaches = True
        stage.paused, stage.leak, stage.running = False, 0, 0
        stage.rate, stage.carries, stage.seconds = 60.0, 100, 15.0

    @precondition(lambda self: self.stage.rollout.run is not None)
    @rule()
    def an_abort_takes_all_traffic_at_once(self) -> None:
        stage = self.stage
        if stage.run.phase in ENDED:
            return
        stage.command = None
        self.one_pass()
        if stage.run.phase in ENDED:
            return
        number, kept = stage.run.number, stage.run.stable
        stage.say("abort")
        self.one_pass()
        if stage.run.number == number and stage.run.phase not in ENDED:
            assert stage.run.weight == 0
            assert stage.rollout.stable == kept
        stage.command = None

    @invariant()
    def who_serves_is_known(self) -> None:
        run = self.stage.rollout.run
        assert self.stage.rollout.stable in (STABLE, CANDIDATE, NEXT)
        if run is not None and not run.has_swapped:
            assert self.stage.rollout.stable in (run.stable, run.candidate)

    def teardown(self) -> None:
        """However it stands now, the present run ends once nothing changes any more."""
        stage = self.stage
        stage.command, stage.paused, stage.gateways_answer = None, False, True
        stage.target = stage.target or STABLE
        for _ in range(800):
            run = stage.rollout.run
            if run is None or run.phase in ENDED:
                return
            self.one_pass()
        if stage.run.phase is Phase.AWAITING_APPROVAL:
            return
        raise AssertionError(f"it does not end: {stage.run}")


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
