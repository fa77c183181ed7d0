"""The decisions: more at once and ahead of time, fewer late and one by one, nothing without figures."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.autoscaling import law
from deepseek_operator.autoscaling.scene import PERIOD, Aim, Load, Scene
from tests.unit.autoscaling.fleet import AIM, Fleet
from tests.unit.samples import NOW


def settled(rate: float, **fields: object) -> Fleet:
    """A fleet that has had so many requests for half an hour."""
    fleet = Fleet(**fields)  # type: ignore[arg-type]
    fleet.run(rate, 45)
    return fleet


def test_it_begins_with_what_there_is() -> None:
    state = law.decide(None, Scene(NOW, None, present=4), AIM)

    assert (state.replicas, state.reason, state.message) == (4, "Started", "begins with 4")


@pytest.mark.parametrize(
    ("present", "number"), [pytest.param(0, 2, id="nothing"), pytest.param(9, 3, id="too-many")]
)
def test_it_begins_within_its_bounds(present: int, number: int) -> None:
    assert law.decide(None, Scene(NOW, None, present=present), Aim(2, 3)).replicas == number


@pytest.mark.parametrize(
    ("rate", "replicas"),
    [
        pytest.param(0.0, 1, id="nobody"),
        pytest.param(2.0, 1, id="one-is-enough"),
        pytest.param(8.0, 3, id="by-what-a-replica-does"),
        pytest.param(100.0, 10, id="no-more-than-max"),
    ],
)
def test_a_steady_load_has_the_number_that_it_needs(rate: float, replicas: int) -> None:
    assert settled(rate).replicas == replicas


def test_one_decision_is_enough_for_a_queue() -> None:
    fleet = settled(2.0)
    fleet.run(9.0, 1.5)

    assert fleet.replicas >= 3
    assert fleet.state is not None
    assert fleet.state.reason == "Queue"
    assert "requests wait; " in fleet.state.message


def test_what_waits_while_replicas_start_does_not_ask_for_ever_more() -> None:
    fleet = settled(3.0)

    assert max(fleet.run(9.0, 5)) <= 5


def test_requests_that_grow_have_their_replica_before_it_is_needed() -> None:
    """The third is asked for while two are filled less than a tenth more than they may be."""
    fleet = settled(3.5)
    assert fleet.replicas == 2
    for minute in range(60):
        fleet.run(3.5 + minute * 0.3, 1)
        if fleet.replicas > 2:
            break

    assert fleet.state is not None
    assert fleet.scene.load is not None
    filled = (fleet.scene.load.running or 0) / (2 * 40)
    assert filled < 0.75 * 1.1
    assert "times as many requests are expected in 315 s" in fleet.state.message


def test_fewer_come_only_after_the_delay_and_one_by_one() -> None:
    fleet = settled(14.0)
    had = fleet.replicas
    assert fleet.run(2.0, 9)[-1] == had

    numbers = fleet.run(2.0, 20)

    assert numbers[-1] == 1
    assert {before - after for before, after in itertools.pairwise(numbers)} == {0, 1}
    changes = [at for at, (one, other) in enumerate(itertools.pairwise(numbers)) if one != other]
    assert min(other - one for one, other in itertools.pairwise(changes)) >= 4


def test_a_tenth_of_many_goes_at_a_time() -> None:
    fleet = settled(90.0, aim=Aim(1, 40), ready=30)
    numbers = fleet.run(2.0, 12)

    assert max(one - other for one, other in itertools.pairwise(numbers)) == 3


def test_none_goes_while_another_is_on_its_way_out() -> None:
    fleet = settled(8.0)

    assert set(fleet.run(1.0, 30, is_leaving=True)) == {3}


def test_none_goes_while_a_rollout_is_under_way_and_it_says_so() -> None:
    fleet = settled(8.0)

    assert set(fleet.run(1.0, 30, run="4-new")) == {3}
    assert fleet.state is not None
    assert fleet.state.held == "1 would be enough: rollout 4-new is under way"


def test_more_come_in_a_rollout() -> None:
    fleet = settled(8.0)

    assert fleet.run(14.0, 10, run="4-new")[-1] > 3


def test_a_lower_max_waits_for_the_rollout() -> None:
    fleet = settled(8.0)
    fleet.aim = Aim(1, 2)

    assert fleet.step(8.0, run="4-new").replicas == 3
    assert fleet.step(8.0).replicas == 2


def test_a_higher_min_holds_at_once() -> None:
    fleet = settled(1.0)
    fleet.aim = Aim(4, 10)
    fleet.now -= PERIOD / 2

    state = fleet.step(1.0)

    assert (state.replicas, state.reason) == (4, "Bounds")


def test_nothing_changes_without_figures() -> None:
    fleet = settled(8.0)

    assert set(fleet.run(1.0, 30, load=None)) == {3}
    assert fleet.state is not None
    assert fleet.state.held == "no engine tells its figures"


def test_after_a_silence_the_delay_begins_anew() -> None:
    fleet = settled(8.0)
    fleet.run(1.0, 8)
    fleet.run(1.0, 3, load=None)

    assert set(fleet.run(1.0, 9)) == {3}
    assert fleet.run(1.0, 4)[-1] < 3


def test_one_silent_engine_keeps_all() -> None:
    fleet = settled(8.0)
    for _ in range(120):
        seen = replace(fleet.load(1.0), silent=1)
        assert fleet.step(1.0, load=seen).replicas == 3

    assert fleet.state is not None
    assert "1 of 3 engines do not tell their figures" in fleet.state.held


def test_no_more_are_asked_for_while_a_pod_finds_no_node() -> None:
    fleet = settled(8.0)

    assert set(fleet.run(20.0, 5, is_unplaced=True)) == {3}
    assert fleet.state is not None
    assert fleet.state.held.startswith("a pod finds no node, so no more are asked for: ")


def test_at_its_most_it_says_what_is_needed() -> None:
    fleet = settled(60.0)

    assert fleet.state is not None
    assert fleet.state.held.startswith("autoscaling.max is 10: ")
    assert fleet.state.need > 11


def test_late_answers_add_a_replica_and_are_remembered() -> None:
    fleet = settled(8.0)
    fleet.late = 0.3
    fleet.run(8.0, 3)
    assert fleet.replicas == 4
    assert fleet.state is not None
    assert fleet.state.reason == "FirstToken"
    assert "answers began after the target" in fleet.state.message

    fleet.late = 0.0

    assert set(fleet.run(8.0, 30)) == {4}


def test_few_late_answers_are_none() -> None:
    fleet = settled(8.0)
    fleet.late = 0.08

    assert set(fleet.run(8.0, 10)) == {3}


def test_late_answers_of_a_queue_are_no_reason_of_their_own() -> None:
    """A queue says itself how many are needed; answers that waited in it are late whatever a replica can do."""
    fleet = settled(3.0)
    fleet.late = 0.9
    fleet.run(9.0, 5)

    assert fleet.state is not None
    assert fleet.state.ceiling is None


def test_an_engine_that_tells_only_what_ended_is_counted_by_what_it_was_sized_for() -> None:
    fleet = Fleet(warm=2)
    for _ in range(20):
        replica = replace(fleet.scene.replica, sequences=40, requests_per_second=4.0)
        seen = Load(ready=fleet.ready, finished=8.0)
        fleet.step(8.0, load=seen, replica=replica)

    assert fleet.state is not None
    assert (fleet.replicas, fleet.state.reason) == (3, "Requests")


def test_what_nobody_can_tell_is_left_alone() -> None:
    fleet, seen = Fleet(ready=3), Load(ready=3, first_tokens=10)
    fleet.step(8.0, load=seen)

    state = fleet.step(8.0, load=seen)

    assert (state.replicas, state.held) == (3, "engines tell nothing that replicas are counted by")


def test_a_pass_between_two_decisions_changes_nothing() -> None:
    fleet = settled(8.0)
    before = fleet.state
    soon = replace(fleet.scene, now=fleet.scene.now + timedelta(seconds=5))

    assert law.decide(before, soon, AIM) == before


def test_replicas_that_do_not_answer_yet_decide_nothing() -> None:
    fleet = settled(8.0)

    state = fleet.step(8.0, load=Load(ready=0))

    assert (state.replicas, state.held) == (3, "no replica answers yet")


def test_engines_that_tell_of_requests_no_more_have_no_trend() -> None:
    """As of another engine's revision, or of a page that has changed."""
    fleet = settled(5.0)
    had = fleet.replicas
    silent = Load(ready=fleet.ready, cache_use=0.5)

    assert set(fleet.run(5.0, 10, load=silent)) == {had}
