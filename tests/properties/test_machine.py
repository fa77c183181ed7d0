"""Rollouts under any history: what must never happen does not, and every run comes to an end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from deepseek_operator.rollout import record, soundness
from deepseek_operator.rollout.copies import Mirror
from deepseek_operator.rollout.exams import Grade, Opinion, Quality, Report
from deepseek_operator.rollout.facts import Facts
from deepseek_operator.rollout.machine import decide
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import ENDED, REPLACES_ALONE, Cause, Limits, Phase, Rollout, Step
from tests.examples import as_many_as
from tests.properties import damage
from tests.properties.promises import GOOD_REPORT, Watched, check, check_quality
from tests.unit.rollout.stage import CANDIDATE, ERRORS, LATE, NEXT, STABLE, plan

pytestmark = pytest.mark.campaign(has_short_form=True)

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
    quality=Quality(prompts=True, every_step=True, webhook=True, patience=timedelta(minutes=5)),
    mirror=Mirror(
        percent=20,
        min_requests=20,
        min_duration=timedelta(seconds=30),
        max_duration=timedelta(minutes=3),
    ),
)
OTHER = replace(
    PLAN,
    steps=(Step(10, min_requests=20, min_duration=timedelta(seconds=30), pause=True), Step(40)),
    breaker=replace(PLAN.breaker, restarts=2),
    limits=replace(PLAN.limits, hold=timedelta(minutes=2), keep=timedelta(minutes=2)),
    asked="another",
)
"""The same is compared: what engines are asked for is what the stage has."""
REPORTS = (
    None,
    GOOD_REPORT,
    GOOD_REPORT,
    replace(GOOD_REPORT, candidate=Grade(10, 8)),
    replace(GOOD_REPORT, opinion=Opinion(passes=False)),
    replace(GOOD_REPORT, opinion=None, missing="it cannot be reached"),
    Report(missing="TimedOut"),
)
VERBS = ("promote", "approve", "abort", "retry", "rollback", "resume", "nonsense")
SHARES = (0.0, 0.01, 0.05, 0.6)


class Rollouts(RuleBasedStateMachine):
    """A user, an operator that is killed, gateways, pods and traffic, all in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Watched(plan=PLAN, rate=60.0, report=GOOD_REPORT)

    def one_pass(self) -> None:
        stage = self.stage
        before = stage.rollout
        stage.now += timedelta(seconds=stage.seconds)
        facts = stage.facts()
        after = decide(before, facts, now=stage.now)
        check(before, facts, after)
        stage.witness.look(before, facts, after)
        stage.patience.look(before, after, now=stage.now)
        assert soundness.flaw(after, now=stage.now) is None
        self._check_blind(before, facts)
        assert after == decide(before, facts, now=stage.now)
        stage.rollout = after
        stage.take_up()

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
            if other.run.cause is Cause.NOTHING_TO_COMPARE:
                # Nobody is served, and what is not seen keeps nobody waiting.
                continue
            if other.run.weight > before.run.weight:
                assert seen.run is not None
                assert seen.run.weight == other.run.weight
                is_blind_before = before.run.weight == 0 and not before.run.mirrors
                assert is_blind_before or other.run.cause is Cause.PROMOTED_BY_HAND

        unexamined = decide(before, replace(facts, report=None), now=self.stage.now)
        if before.run and unexamined.run and unexamined.run.number == before.run.number:
            check_quality(before.run, unexamined.run)

    @precondition(lambda self: self.stage.rollout.run is not None)
    @rule(data=st.data())
    def one_leaf_of_its_record_is_damaged(self, data: st.DataObject) -> None:
        """It is refused, or gone on with as if it had always been so; the history itself goes on with the true one."""
        damage.check_kept(self.stage.rollout, now=self.stage.now)
        place, text = data.draw(damage.damaged(record.dump(Record(self.stage.rollout))))
        rollout = damage.read(text, now=self.stage.now)
        if rollout is None:
            return
        stage = damage.elsewhere(self.stage, rollout)
        for _ in range(5):
            before, facts, after = damage.next_pass(stage)
            check(before, facts, after, is_examined=not damage.is_of_quality(place))
            assert soundness.flaw(after, now=stage.now) is None

    @rule(count=st.integers(1, 30))
    def time_goes_by(self, count: int) -> None:
        for _ in range(count):
            self.one_pass()

    @rule()
    def the_operator_is_killed_before_it_records(self) -> None:
        decide(self.stage.rollout, self.stage.facts(), now=self.stage.now)

    @rule(edited=st.booleans())
    def the_user_edits_the_plan(self, edited: bool) -> None:
        """In the midst of a run it is the next one's."""
        self.stage.plan = OTHER if edited else PLAN

    @rule(seconds=st.sampled_from([5.0, 15.0, 60.0, 600.0]))
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

    @rule(hangs=st.booleans())
    def the_candidate_hangs_or_not(self, hangs: bool) -> None:
        self.stage.hangs = hangs

    @rule(report=st.sampled_from(REPORTS))
    def examinations_find(self, report: Report | None) -> None:
        self.stage.report = report

    @rule(revision=st.sampled_from([STABLE, CANDIDATE, NEXT]), ready=st.integers(0, 2))
    def pods_come_and_go(self, revision: str, ready: int) -> None:
        self.stage.ready[revision] = ready

    @rule(lags=st.booleans())
    def a_controller_lags_or_not(self, lags: bool) -> None:
        self.stage.lags = lags

    @rule(somebody=st.booleans())
    def the_user_scales(self, somebody: bool) -> None:
        self.stage.asks_for_pods = somebody

    @rule(wanted=st.sampled_from([0, 2]))
    def the_stable_revision_is_to_have(self, wanted: int) -> None:
        run = self.stage.rollout.run
        stable = run.stable if run and run.phase not in ENDED else self.stage.rollout.stable
        self.stage.wants[stable] = wanted

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

    @rule(bears=st.sampled_from([None, 1.0, 30.0]), of_stable=st.sampled_from([None, 30.0]))
    def pods_are_sized(self, bears: float | None, of_stable: float | None) -> None:
        self.stage.bears, self.stage.stable_bears = bears, of_stable

    @rule(phase=st.sampled_from([phase for phase in Phase if phase not in REPLACES_ALONE]))
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
        stage.wants = dict.fromkeys((STABLE, CANDIDATE, NEXT), 2)
        stage.bad = dict.fromkeys((STABLE, CANDIDATE, NEXT), 0.01)
        stage.sees = stage.gateways_answer = stage.promotes_itself = stage.teaches = True
        stage.paused, stage.hangs, stage.leak, stage.running = False, False, 0, 0
        stage.asks_for_pods, stage.lags = True, False
        stage.report = GOOD_REPORT
        stage.rate, stage.carries, stage.seconds = 60.0, 100, 15.0
        stage.bears = stage.stable_bears = None

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
        """However it stands now, the present run ends once nothing changes any more, if there is somebody to go back to."""
        stage = self.stage
        stage.command, stage.paused, stage.gateways_answer = None, False, True
        if stage.rollout.run is not None:
            stage.ready[stage.run.stable] = max(1, stage.ready[stage.run.stable])
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
TestRollouts.settings = settings(
    max_examples=as_many_as(150, campaign=5000), stateful_step_count=30
)
