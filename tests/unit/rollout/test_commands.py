"""What becomes of a command, and what is recorded of it, whatever stands in the annotation."""

from dataclasses import replace

import pytest

from deepseek_operator import course_told
from deepseek_operator.api.status import RolloutStatus
from deepseek_operator.canary import Course
from deepseek_operator.rollout import aside, commands, record
from deepseek_operator.rollout.commands import Verb
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Phase, Rollout, Step
from deepseek_operator.rollout.switch import Roles
from tests.unit.rollout.stage import CANDIDATE, NEXT, STABLE, Stage, plan

_FIELDS = RolloutStatus.model_fields


def most(field: str) -> int:
    """Letters that status takes there."""
    [bound] = [item.max_length for item in _FIELDS[field].metadata if hasattr(item, "max_length")]
    return int(bound)


@pytest.mark.parametrize("length", [300, 70_000])
@pytest.mark.parametrize("begin", ["x", "abort:"], ids=["no-verb", "no-run"])
def test_an_annotation_of_any_length_fits_into_status(begin: str, length: int) -> None:
    command = begin + "\N{COLLISION SYMBOL}" * (length - len(begin))
    before = Rollout("stable")

    after, verb = commands.read(before, command)

    assert verb is None
    assert after.answer.startswith(f"{begin[:5]}")
    assert len(after.answer) <= most("command")
    assert len(record.dump(Record(after))) < most("record") / 10
    assert commands.read(after, command) == (after, None)
    assert commands.read(after, command + command)[0] != after


def test_no_answer_is_longer_than_status_takes() -> None:
    """What a run waits for is in it: a claim's provisioner says as much as it likes."""
    stage = Stage()
    stage.one_pass()
    said = replace(stage.rollout, answer="promote: refused, " + 300 * "x")
    roles = Roles(target="candidate", serving="stable", replicas={}, takes_over=False)

    found = course_told.entry(Course(Record(said), roles))

    assert found is not None
    assert len(found["command"]) == most("command")


def passes(stage: Stage, count: int = 10) -> Stage:
    for _ in range(count):
        stage.one_pass()
    return stage


@pytest.fixture
def promoted() -> Stage:
    """The candidate was rolled back, the next revision promoted, and the spec asks for the candidate again."""
    stage = Stage(bad={STABLE: 0.01, CANDIDATE: 0.5, NEXT: 0.01})
    stage.until(Phase.ROLLED_BACK)
    stage.target = NEXT
    passes(stage, 3)
    stage.until(Phase.SUCCEEDED)
    stage.target, stage.bad[CANDIDATE] = CANDIDATE, 0.01
    return passes(stage)


def test_what_failed_is_tried_again_though_another_was_promoted_since(promoted: Stage) -> None:
    assert (promoted.run.candidate, promoted.run.phase) == (NEXT, Phase.SUCCEEDED)
    promoted.say("retry")

    promoted.one_pass()

    assert promoted.rollout.answer == "retry: accepted"
    assert (promoted.run.candidate, promoted.run.stable) == (CANDIDATE, NEXT)
    promoted.until(Phase.SUCCEEDED)
    assert promoted.rollout.failures == ()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        pytest.param(NEXT, "revision next was not rolled back", id="what-serves"),
        pytest.param(None, "the spec cannot be served as it is", id="a-typo"),
    ],
)
def test_a_retry_of_what_never_failed_begins_nothing(
    promoted: Stage, target: str | None, said: str
) -> None:
    promoted.target = target
    promoted.say("retry")

    passes(promoted)

    assert promoted.rollout.answer == f"retry: refused, {said}"
    assert (promoted.run.candidate, promoted.run.phase) == (NEXT, Phase.SUCCEEDED)
    assert promoted.rollout.failure_of(CANDIDATE) is not None


def test_a_revision_that_is_new_begins_by_itself_and_not_by_a_retry(promoted: Stage) -> None:
    promoted.say("retry")
    promoted.target = STABLE

    promoted.one_pass()

    assert promoted.rollout.answer == "retry: refused, revision stable was not rolled back"
    assert (promoted.run.candidate, promoted.run.phase) == (STABLE, Phase.STARTING)


def test_a_strategy_without_runs_refuses_it_in_the_same_words(promoted: Stage) -> None:
    command = f"retry:{promoted.run.name}/{promoted.run.step}"

    tried = aside.kept(promoted.rollout, target=CANDIDATE, serving=NEXT, command=command)
    refused = aside.kept(promoted.rollout, target=STABLE, serving=NEXT, command=command)

    assert tried is None
    assert refused is not None
    assert refused.answer == "retry: refused, revision stable was not rolled back"
    assert [one.revision for one in refused.failures] == [CANDIDATE]


GATED = (Step(5, min_requests=20, pause=True), Step(50, min_requests=50))


def asked(stage: Stage, verb: str) -> str:
    """What a pass answers to it, as the command line asks."""
    at = f"{stage.run.name}/{stage.run.step}"
    stage.command = commands.text(Verb(verb), at, before=stage.command)
    stage.one_pass()
    return stage.rollout.answer


@pytest.fixture
def waiting() -> Stage:
    """Before a gate; an approval was refused while it started."""
    stage = Stage(plan=plan(*GATED))
    stage.ready[CANDIDATE] = 0
    stage.one_pass()
    assert asked(stage, "approve") == "approve: not while the run is Starting"
    stage.ready[CANDIDATE] = 2
    stage.until(Phase.AWAITING_APPROVAL)
    return stage


def test_what_was_refused_has_no_effect_later() -> None:
    stage = Stage(plan=plan(*GATED))
    stage.ready[CANDIDATE] = 0
    stage.one_pass()
    asked(stage, "approve")
    stage.ready[CANDIDATE] = 2

    passes(stage, 40)

    assert (stage.run.phase, stage.run.step) == (Phase.AWAITING_APPROVAL, 0)


def test_what_was_refused_may_be_asked_once_more(waiting: Stage) -> None:
    plain = waiting.command

    assert asked(waiting, "approve") == "approve: accepted"
    assert waiting.command == f"{plain}#2"
    assert waiting.run.step == 1


def test_it_is_heard_each_time_and_only_once(waiting: Stage) -> None:
    waiting.ready[CANDIDATE] = 1
    assert asked(waiting, "promote") == "promote: refused, 1 of 2 pods are ready and warmed up"
    waiting.ready[CANDIDATE] = 2
    passes(waiting)
    assert (waiting.run.phase, waiting.run.step) == (Phase.AWAITING_APPROVAL, 0)

    assert asked(waiting, "promote") == "promote: accepted"
    assert (waiting.run.phase, waiting.run.weight) == (Phase.PROMOTING, 100)


def test_a_retry_that_came_too_early_is_asked_once_more(waiting: Stage) -> None:
    waiting.running = 3
    asked(waiting, "abort")
    waiting.until(Phase.DRAINING)
    assert asked(waiting, "retry") == "retry: not while the run is Draining"
    waiting.running = 0
    waiting.until(Phase.ROLLED_BACK)
    passes(waiting)
    assert waiting.run.number == 1

    assert asked(waiting, "retry") == "retry: accepted"
    assert waiting.run.number == 2


def test_an_abort_that_is_asked_twice_is_told_so(waiting: Stage) -> None:
    waiting.gateways_answer = False

    assert asked(waiting, "abort") == "abort: accepted"
    assert asked(waiting, "abort") == "abort: not while the run is RollingBack"


@pytest.mark.parametrize(
    ("before", "text"),
    [
        pytest.param(None, "abort:1-a/0", id="nothing-stands-there"),
        pytest.param("approve:1-a/0", "abort:1-a/0", id="something-else"),
        pytest.param("abort:1-a/1#2", "abort:1-a/0", id="another-step"),
        pytest.param("abort:1-a/0", "abort:1-a/0#2", id="the-same"),
        pytest.param("abort:1-a/0#2", "abort:1-a/0#3", id="twice"),
        pytest.param("abort:1-a/0#9", "abort:1-a/0#10", id="ten-times"),
        pytest.param("abort:1-a/0#now", "abort:1-a/0#2", id="in-words"),
        pytest.param("abort:1-a/0#" + 5000 * "9", "abort:1-a/0#2", id="without-end"),
    ],
)
def test_who_asks_the_same_again_says_so(before: str | None, text: str) -> None:
    assert commands.text(Verb.ABORT, "1-a/0", before=before) == text


def test_for_another_run_or_step_it_is_stale_however_often_it_is_asked(waiting: Stage) -> None:
    waiting.command = "approve:9-other/0#7"

    waiting.one_pass()

    now = f"{waiting.run.name}/{waiting.run.step}"
    assert waiting.rollout.answer == f"approve: meant 9-other/0, and now it is {now}"
