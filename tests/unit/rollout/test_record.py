"""What is kept of a rollout comes back as it was, and what cannot be read is refused in words."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator.rollout import record
from deepseek_operator.rollout.evidence import Outcomes
from deepseek_operator.rollout.record import Record, RecordError
from deepseek_operator.rollout.run import Rollout
from deepseek_operator.rollout.stretches import Counter, Reading
from tests.unit.rollout.stage import CANDIDATE, STABLE, Stage

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


def test_times_keep_their_zone() -> None:
    stage = lived_through(3)
    kept = record.load(record.dump(Record(stage.rollout))).rollout.run

    assert kept is not None
    assert kept.started.utcoffset() == timedelta(0)
