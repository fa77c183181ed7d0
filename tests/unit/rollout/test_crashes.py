"""Engines that die: counted from the first traffic on, whichever pods come and go."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from deepseek_operator.rollout import crashes, record
from deepseek_operator.rollout.crashes import Crashes
from deepseek_operator.rollout.facts import Facts
from deepseek_operator.rollout.record import Record
from deepseek_operator.rollout.run import Cause, Phase
from tests.unit.rollout.stage import Stage

Looks = tuple[Mapping[str, int] | None, ...]


@dataclass
class Podded(Stage):
    """Pods of the candidate, with their restarts."""

    pods: dict[str, int] | None = field(default_factory=dict)

    def facts(self, *, traffic: bool = True) -> Facts:
        return replace(super().facts(traffic=traffic), restarts=self.pods)


@pytest.mark.parametrize(
    ("looks", "count"),
    [
        pytest.param(({"a": 4}, {"a": 4}), 0, id="none-since"),
        pytest.param(({"a": 4}, {"a": 6}), 2, id="some"),
        pytest.param(({"a": 4}, {"b": 0}, {"b": 3}), 3, id="another-pod-in-its-place"),
        pytest.param(({"a": 4}, {"b": 2}), 2, id="that-was-restarted-before-it-was-seen"),
        pytest.param(({"a": 0}, {"a": 2}, {"b": 0}, {"b": 1}), 3, id="what-is-gone-stays-counted"),
        pytest.param(({"a": 4, "b": 0}, {"a": 4, "b": 1}, {"b": 2}), 2, id="one-is-evicted"),
        pytest.param(({"a": 4}, None, {"a": 5}), 1, id="nobody-looked-in-between"),
        pytest.param(({}, {"a": 1}), 1, id="the-first-pod"),
    ],
)
def test_restarts_are_counted_pod_by_pod(looks: Looks, count: int) -> None:
    first, *later = looks
    found = crashes.since(first)
    assert found is not None
    for look in later:
        found = found.after(look)

    assert found.count == count


def test_pods_without_restarts_take_no_room_in_a_record() -> None:
    assert crashes.since(dict.fromkeys(map(str, range(1000)), 0)) == Crashes()


def test_a_pod_that_takes_anothers_place_is_not_allowed_its_restarts_too() -> None:
    stage = Podded(pods={"a": 4})
    stage.until(Phase.ANALYZING)
    stage.pods = {"b": 0}
    stage.one_pass()

    stage.pods = {"b": 2}
    stage.one_pass()
    assert stage.run.phase is Phase.ANALYZING
    stage.pods = {"b": 3}
    stage.one_pass()

    assert (stage.run.phase, stage.run.cause) == (Phase.ROLLING_BACK, Cause.BREAKER)
    assert stage.run.said == "its engines were restarted 3 times"


def test_what_was_before_its_traffic_does_not_count() -> None:
    stage = Podded(pods={"a": 9})
    stage.ready["candidate"] = 0
    stage.one_pass()
    stage.pods = {"a": 20, "b": 7}
    stage.ready["candidate"] = 2

    stage.until(Phase.WATCHING)


def test_where_nobody_has_looked_it_counts_from_the_first_look() -> None:
    stage = Podded(pods=None)
    stage.until(Phase.ANALYZING)
    assert stage.run.crashes is None
    stage.pods = {"a": 9}

    stage.one_pass()
    assert stage.run.phase is Phase.ANALYZING
    stage.pods = {"a": 12}
    stage.one_pass()

    assert stage.run.cause is Cause.BREAKER


def test_a_run_of_an_older_operator_is_read_and_counts_from_then_on() -> None:
    stage = Podded(pods={"a": 1})
    stage.until(Phase.ANALYZING)
    text = record.dump(Record(stage.rollout))
    old = text.replace('"crashes":{"count":0,"seen":{"ca978112ca":1}}', '"restarts":1')
    assert old != text

    run = record.load(old).rollout.run

    assert run is not None
    assert run == replace(stage.run, crashes=None)
