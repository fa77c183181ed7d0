"""What is kept of a rollout comes back as it was, and what cannot be read is refused in words."""

import json
import math
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator.rollout import record
from deepseek_operator.rollout.copies import Mirror
from deepseek_operator.rollout.evidence import Outcomes
from deepseek_operator.rollout.exams import Grade, Quality, Report
from deepseek_operator.rollout.record import Record, RecordError
from deepseek_operator.rollout.run import Phase, Rollout, Step
from deepseek_operator.rollout.stretches import Counter, Reading
from tests.unit.rollout.stage import CANDIDATE, ERRORS, LATE, STABLE, Stage, plan

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def lived_through(passes: int, *, seed: int = 1, bad: float = 0.01) -> Stage:
    stage = Stage(seed=seed)
    stage.bad[CANDIDATE] = bad
    for _ in range(passes):
        stage.one_pass()
    return stage


@given(passes=st.integers(0, 120), bad=st.sampled_from([0.01, 0.2]), seed=st.integers(1, 5))
def test_every_moment_of_a_run_comes_back_as_it_was(passes: int, bad: float, seed: int) -> None:
    rollout = lived_through(passes, bad=bad, seed=seed).rollout
    base = Reading(AT, {"pod/envoy": {Counter(STABLE, "errors", "short"): Outcomes(9, 2)}})

    text = record.dump(Record(rollout, base))

    assert record.load(text) == Record(rollout, base)
    assert record.dump(record.load(text)) == text


def test_no_run_is_kept_too() -> None:
    kept = Record(Rollout(STABLE))

    assert record.load(record.dump(kept)) == kept


def test_a_record_stays_small() -> None:
    """Status is one object in etcd, of at most 1.5 MiB; most of that is others'."""
    stage = lived_through(60)

    assert len(record.dump(Record(stage.rollout))) < 8_000


GOOD = json.loads(record.dump(Record(lived_through(40).rollout, Reading(AT, {}))))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"rollout": None},
        {"rollout": {}},
        {"rollout": {**GOOD["rollout"], "stable": None}},
        {"rollout": {**GOOD["rollout"], "run": {**GOOD["rollout"]["run"], "phase": "Flying"}}},
        {"rollout": {**GOOD["rollout"], "run": {**GOOD["rollout"]["run"], "plan": {}}}},
        {"base": {"at": "yesterday", "sources": {}}},
        {"base": {"at": AT.isoformat(), "sources": {"a": [["x", "y", "z", 1, 2]]}}},
        {"base": {"at": AT.isoformat(), "sources": {"a": [["x"]]}}},
    ],
)
def test_what_cannot_be_read_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(RecordError):
        record.load(json.dumps({**GOOD, **change}))


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_whatever_stands_there_is_a_record_or_refused(text: str) -> None:
    with pytest.raises(RecordError):
        record.load(text)


def with_changes(stage: Stage, changes: dict[str, Any], base: Reading | None = None) -> str:
    """The record of a moment in which some fields say something else."""
    data = json.loads(record.dump(Record(stage.rollout, base, {STABLE: 2})))
    for place, value in changes.items():
        *way, last = place.split(".")
        holder = data if way[:1] in (["base"], ["replicas"]) else data["rollout"]
        for name in way:
            holder = holder[int(name)] if isinstance(holder, list) else holder[name]
        holder[int(last) if isinstance(holder, list) else last] = value
    return json.dumps(data)


HELD = {"cause": "Paused", "since": "2026-03-01T12:00:00Z", "phase": "Analyzing"}
CANARY = [
    pytest.param(Phase.ANALYZING, {"run.weight": 150}, "run.weight", id="weight-above-all"),
    pytest.param(Phase.ANALYZING, {"run.weight": -5}, "run.weight", id="weight-below-0"),
    pytest.param(Phase.ANALYZING, {"run.weight": 33}, "run.weight", id="weight-of-no-step"),
    pytest.param(Phase.ANALYZING, {"run.weight": 25}, "run.weight", id="weight-of-another-step"),
    pytest.param(Phase.ANALYZING, {"run.weight": 0}, "run.weight", id="no-weight"),
    pytest.param(Phase.STARTING, {"run.weight": 5}, "run.weight", id="weight-before-the-first"),
    pytest.param(Phase.WATCHING, {"run.weight": 50}, "run.weight", id="promoted-in-part"),
    pytest.param(Phase.ROLLING_BACK, {"run.weight": 5}, "run.weight", id="weight-on-the-way-back"),
    pytest.param(Phase.ANALYZING, {"run.step": 99}, "run.step", id="step-of-no-plan"),
    pytest.param(Phase.ANALYZING, {"run.step": 2}, "run.step", id="one-step-too-many"),
    pytest.param(Phase.ANALYZING, {"run.step": -1}, "run.step", id="step-below-0"),
    pytest.param(Phase.STARTING, {"run.step": 1}, "run.step", id="step-before-the-first"),
    pytest.param(Phase.ANALYZING, {"run.approved": [7]}, "run.approved", id="approved-nothing"),
    pytest.param(Phase.ANALYZING, {"run.overruled": [7]}, "run.overruled", id="overruled-nothing"),
    pytest.param(Phase.ANALYZING, {"run.candidate": STABLE}, "run.candidate", id="one-revision"),
    pytest.param(Phase.ANALYZING, {"stable": CANDIDATE}, "stable", id="swapped-too-early"),
    pytest.param(Phase.WATCHING, {"stable": STABLE}, "stable", id="not-swapped"),
    pytest.param(Phase.ANALYZING, {"run.number": 7}, "run.number", id="another-number"),
    pytest.param(Phase.ANALYZING, {"run.phase": "Held"}, "run.hold", id="held-for-nothing"),
    pytest.param(Phase.ANALYZING, {"run.hold": HELD}, "run.hold", id="hold-of-one-that-goes-on"),
    pytest.param(Phase.HELD, {"run.hold": None}, "run.hold", id="hold-is-gone"),
    pytest.param(Phase.HELD, {"run.hold.cause": "NoData"}, "run.hold.cause", id="another-hold"),
    pytest.param(Phase.HELD, {"run.hold.phase": "Held"}, "run.hold.phase", id="held-while-held"),
    pytest.param(Phase.HELD, {"run.hold.phase": "Watching"}, "run.hold.phase", id="held-too-late"),
    pytest.param(Phase.ANALYZING, {"run.phase": "Closing"}, "run.phase", id="phase-of-a-replace"),
    pytest.param(Phase.PROMOTING, {"run.phase": "Watching"}, "run.cause", id="phase-without-cause"),
    pytest.param(Phase.ANALYZING, {"run.cause": "Promoted"}, "run.cause", id="cause-of-another"),
    pytest.param(
        Phase.STARTING,
        {"run.phase": "Mirroring", "run.cause": "CopiesAsked"},
        "run.plan.mirror",
        id="no-mirror",
    ),
    pytest.param(
        Phase.ANALYZING, {"run.phase": "Mirroring"}, "run.plan.mirror", id="copies-of-nothing"
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.evidence.errors.acceptance": [1.0]},
        "run.evidence.errors.acceptance",
        id="sums-are-missing",
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.evidence.errors.alarm": math.nan},
        "run.evidence.errors.alarm",
        id="no-number",
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.plan.bar.alarm_at": math.inf},
        "run.plan.bar.alarm_at",
        id="never-alarmed",
    ),
    pytest.param(Phase.ANALYZING, {"run.plan.bar.accept_at": 0.0}, "run.plan.bar", id="no-bar"),
    pytest.param(Phase.ANALYZING, {"run.demand": 1e300}, "run.demand", id="beyond-all-bounds"),
    pytest.param(Phase.ANALYZING, {"run.requests": -1}, "run.requests", id="fewer-than-none"),
    pytest.param(
        Phase.ANALYZING,
        {"run.evidence.errors.roughness.pairs": -3},
        "run.evidence.errors.roughness.pairs",
        id="fewer-pairs-than-none",
    ),
    pytest.param(Phase.ANALYZING, {"run.doubts": 2}, "run.doubts", id="doubted-at-no-time"),
    pytest.param(
        Phase.ANALYZING,
        {"run.doubts": 5000, "run.doubted": "2026-03-01T12:00:00Z"},
        "run.doubts",
        id="doubted-too-often",
    ),
    pytest.param(Phase.ANALYZING, {"run.since": "2026-03-01T12:00:00"}, "run.since", id="no-zone"),
    pytest.param(
        Phase.HELD, {"run.hold.since": "2026-03-01T12:00:00"}, "run.hold.since", id="held-no-zone"
    ),
    pytest.param(
        Phase.ANALYZING, {"run.since": "9999-12-31T23:59:59Z"}, "run.since", id="no-such-year"
    ),
    pytest.param(
        Phase.ANALYZING, {"run.started": "2027-03-01T12:00:00Z"}, "run.started", id="to-come"
    ),
    pytest.param(Phase.ANALYZING, {"run.step_since": None}, "run.step_since", id="since-no-time"),
    pytest.param(
        Phase.ANALYZING, {"run.stopped": "2026-03-01T12:00:00Z"}, "run.stopped", id="stopped"
    ),
    pytest.param(
        Phase.ANALYZING, {"run.plan.limits.hold": "-PT5M"}, "run.plan.limits.hold", id="no-time"
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.plan.limits.total": "P999999D"},
        "run.plan.limits.total",
        id="for-ever",
    ),
    pytest.param(Phase.ANALYZING, {"run.paused": "P90D"}, "run.paused", id="paused-for-longer"),
    pytest.param(
        Phase.ANALYZING,
        {"run.plan.metrics.0.alarm.ratio": 0.5},
        "run.plan.metrics.0.alarm",
        id="another-kind-of-criterion",
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.plan.metrics.0.accept.1.bad": -1.0},
        "run.plan.metrics.0.accept.1",
        id="another-kind-of-limit",
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.plan.metrics.0.measure": "smell"},
        "run.plan.metrics.0.measure",
        id="nothing-tells-it",
    ),
    pytest.param(
        Phase.STARTING,
        {"run.plan.metrics.0.learns": True},
        "run.plan.metrics.0.learns",
        id="learns-from-nothing",
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.plan.metrics.1.learns": True},
        "run.plan.metrics",
        id="compared-before-it-learned",
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.plan.metrics.1.name": "errors"},
        "run.plan.metrics.1.name",
        id="two-of-a-name",
    ),
    pytest.param(
        Phase.ANALYZING,
        {"run.exam": {"gate": 0, "since": "2026-03-01T12:00:00Z"}},
        "run.exam",
        id="examined-for-nothing",
    ),
    pytest.param(Phase.STARTING, {"replicas.stable": -1}, "replicas.stable", id="less-than-no-pod"),
    pytest.param(
        Phase.STARTING, {"replicas.stable": 10**6}, "replicas.stable", id="pods-without-end"
    ),
    pytest.param(Phase.STARTING, {"replicas.stable": math.inf}, "Overflow", id="endless-pods"),
    pytest.param(Phase.STARTING, {"base.at": "2026-03-01T12:00:00"}, "base.at", id="base-no-zone"),
]


@cache
def canary_at(phase: Phase) -> Stage:
    """A Canary of two steps that has come so far."""
    steps = (Step(5, min_duration=timedelta(minutes=3)), Step(50))
    stage = Stage(
        plan=plan(*steps, metrics=(ERRORS, LATE)), bad=dict.fromkeys((STABLE, CANDIDATE), 0.1)
    )
    is_compared = phase in (Phase.ANALYZING, Phase.HELD, Phase.ROLLING_BACK)
    stage.until(Phase.ANALYZING if is_compared else phase)
    for _ in range(4 if is_compared else 0):
        stage.one_pass()
    if phase is Phase.HELD:
        stage.paused = True
        stage.one_pass()
    if phase is Phase.ROLLING_BACK:
        stage.gateways_answer = False
        stage.say("abort")
        stage.one_pass()
    assert stage.run.phase is phase
    return stage


@pytest.mark.parametrize(("phase", "changes", "field"), CANARY)
def test_what_is_never_recorded_is_refused_and_its_field_named(
    phase: Phase, changes: dict[str, Any], field: str
) -> None:
    stage = canary_at(phase)
    base = Reading(AT, {})
    assert record.load(with_changes(stage, {}, base), now=stage.now).rollout == stage.rollout

    with pytest.raises(RecordError) as refused:
        record.load(with_changes(stage, changes, base), now=stage.now)

    assert str(refused.value).startswith(field)


REPLACE = [
    pytest.param({"run.phase": "Analyzing"}, "run.phase", id="phase-of-a-canary"),
    pytest.param({"run.step": 1}, "run.step", id="a-step"),
    pytest.param({"run.weight": 5}, "run.weight", id="a-share"),
    pytest.param({"run.stopped": None}, "run.stopped", id="never-stopped"),
    pytest.param({"run.plan.replaces": False}, "run.plan", id="no-steps"),
    pytest.param(
        {"run.plan.steps": [{"weight": 5}]}, "run.plan.steps", id="steps-of-one-without-any"
    ),
]


@pytest.mark.parametrize(("changes", "field"), REPLACE)
def test_what_is_never_recorded_of_a_replace_is_refused_too(
    changes: dict[str, Any], field: str
) -> None:
    stage = Stage(plan=plan(replaces=True, steps=()))
    stage.ready[CANDIDATE] = 0
    stage.until(Phase.STARTING)
    assert record.load(with_changes(stage, {})).rollout == stage.rollout

    with pytest.raises(RecordError) as refused:
        record.load(with_changes(stage, changes))

    assert str(refused.value).startswith(field)


def test_no_date_is_without_a_zone() -> None:
    """Also where nobody knows what time it is."""
    text = with_changes(canary_at(Phase.HELD), {"run.hold.since": "2026-03-01T12:00:00"})

    with pytest.raises(RecordError, match=r"run\.hold\.since"):
        record.load(text)


def test_a_canary_that_was_flipped_to_a_replace_takes_no_pods() -> None:
    """In the phase that both have the stable revision would be taken for stopped."""
    text = with_changes(canary_at(Phase.STARTING), {"run.plan.replaces": True})

    with pytest.raises(RecordError, match=r"run\.plan\.steps"):
        record.load(text)


def test_copies_are_made_for_nobody_whose_answers_were_not_found_good() -> None:
    stage = Stage(
        plan=plan(mirror=Mirror(percent=50), quality=Quality(prompts=True)),
        report=Report(candidate=Grade(10, 10)),
    )
    stage.until(Phase.MIRRORING)
    assert record.load(with_changes(stage, {})).rollout == stage.rollout

    for changes in ({"run.exam.report": None}, {"run.exam.gate": 1}, {"run.exam": None}):
        with pytest.raises(RecordError, match=r"run\.exam"):
            record.load(with_changes(stage, changes))


@pytest.mark.parametrize("percent", [0, 101])
def test_no_share_of_copies_is_beyond_all_of_them(percent: int) -> None:
    stage = Stage(plan=plan(mirror=Mirror(percent=50)))
    stage.until(Phase.MIRRORING)

    with pytest.raises(RecordError, match=r"run\.plan\.mirror"):
        record.load(with_changes(stage, {"run.plan.mirror.percent": percent}))


def test_what_was_to_come_of_a_run_that_has_ended_keeps_nobody_from_what_failed() -> None:
    """Nothing waits for it, and a revision that failed is not tried again."""
    stage = lived_through(120, bad=0.2)
    assert stage.run.phase is Phase.ROLLED_BACK
    earlier = stage.now - timedelta(days=400)

    kept = record.load(record.dump(Record(stage.rollout)), now=earlier).rollout

    assert kept.failure_of(CANDIDATE) is not None


def test_a_day_is_no_difference_of_clocks_but_hours_are() -> None:
    stage = canary_at(Phase.ANALYZING)
    text = record.dump(Record(stage.rollout))

    assert record.load(text, now=stage.now - timedelta(hours=20)).rollout == stage.rollout
    with pytest.raises(RecordError, match="is to come"):
        record.load(text, now=stage.now - timedelta(hours=30))


def test_what_has_no_end_is_refused_too() -> None:
    with pytest.raises(RecordError, match="RecursionError"):
        record.load("[" * 200_000)


def test_times_keep_their_zone() -> None:
    stage = lived_through(3)
    kept = record.load(record.dump(Record(stage.rollout))).rollout.run

    assert kept is not None
    assert kept.started.utcoffset() == timedelta(0)
