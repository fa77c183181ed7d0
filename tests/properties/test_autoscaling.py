"""Whatever engines tell: bounds hold, more load is never fewer replicas, silence lets none go, nothing flaps."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deepseek_operator.autoscaling import law, record
from deepseek_operator.autoscaling.scene import PERIOD, Aim, Asks, Load, Replica, Scene, State
from tests.examples import as_many_as
from tests.unit.autoscaling.fleet import Fleet
from tests.unit.samples import NOW

pytestmark = pytest.mark.campaign(has_short_form=True)

AIMS = st.tuples(st.integers(1, 5), st.integers(0, 20)).map(lambda two: Aim(two[0], sum(two)))
SLEEPERS = st.tuples(AIMS, st.integers(1, 20)).map(
    lambda two: replace(two[0], least=1, sleep=timedelta(minutes=two[1]))
)
REPLICAS = st.builds(
    Replica,
    sequences=st.none() | st.integers(1, 512),
    requests_per_second=st.none() | st.floats(0.01, 1000),
)


def _amounts(most: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(0, most)


@st.composite
def loads(draw: st.DrawFn) -> Load:
    """What engines may tell, any part of it missing."""
    ready = draw(st.integers(0, 25))
    first_tokens = draw(st.integers(0, 500))
    return Load(
        ready=ready,
        silent=draw(st.integers(0, ready)),
        running=draw(_amounts(5000)),
        waiting=draw(_amounts(5000)),
        cache_use=draw(_amounts(1)),
        finished=draw(_amounts(500)),
        first_tokens=first_tokens,
        late=draw(st.integers(0, first_tokens)),
    )


@st.composite
def scenes(draw: st.DrawFn, at: int = 0) -> Scene:
    """What may be seen at the so manieth time."""
    return Scene(
        now=NOW + at * PERIOD,
        load=draw(st.none() | loads()),
        present=draw(st.integers(0, 30)),
        is_leaving=draw(st.booleans()),
        is_unplaced=draw(st.booleans()),
        run=draw(st.sampled_from(["", "4-new"])),
        replica=draw(REPLICAS),
        warm_seconds=draw(_amounts(4000)),
        needed=draw(st.sampled_from(["", "a rollout"])),
        through=draw(st.none() | st.integers(0, 3)),
        asks=draw(st.builds(Asks, st.integers(0, 99), st.none() | st.just(NOW + at * PERIOD))),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[Aim, list[Scene]]:
    """Some scenes, one period apart, of which long stretches are alike."""
    aim, found = draw(AIMS), []
    for _ in range(draw(st.integers(1, 3))):
        scene = draw(scenes())
        found += [scene] * draw(st.integers(1, 12))
    return aim, [replace(scene, now=NOW + at * PERIOD) for at, scene in enumerate(found)]


def decided(aim: Aim, history: list[Scene]) -> State:
    state: State | None = None
    for scene in history:
        state = law.decide(state, scene, aim)
    assert state is not None
    return state


@settings(max_examples=as_many_as(15), deadline=None)
@given(histories())
def test_every_number_is_within_its_bounds_and_has_a_reason(
    history: tuple[Aim, list[Scene]],
) -> None:
    aim, found = history
    state: State | None = None
    for scene in found:
        state = law.decide(state, scene, aim)
        assert aim.least <= state.replicas <= aim.most
        assert state.reason
        assert state.message


@settings(max_examples=as_many_as(15), deadline=None)
@given(histories())
def test_the_same_is_decided_from_what_status_keeps(history: tuple[Aim, list[Scene]]) -> None:
    """But for figures that are kept with four digits; so the text is compared, read back once and again."""
    aim, found = history
    state = decided(aim, found)
    once = record.entry(state, aim)
    read = record.load(once)

    assert read is not None
    assert record.entry(read, aim) == once
    assert decided(aim, found) == state


@settings(max_examples=as_many_as(20), deadline=None)
@given(histories(), scenes(), st.data())
def test_more_load_is_never_fewer_replicas(
    history: tuple[Aim, list[Scene]], scene: Scene, data: st.DataObject
) -> None:
    aim, found = history
    state = decided(aim, found)
    load = scene.load
    assume(load is not None)
    assert load is not None

    def grown(value: float | None, most: float) -> float | None:
        return None if value is None else min(most, value + data.draw(st.floats(0, most)))

    more = replace(
        load,
        running=grown(load.running, 5000),
        waiting=grown(load.waiting, 5000),
        cache_use=grown(load.cache_use, 1),
        late=data.draw(st.integers(load.late, max(load.late, load.first_tokens))),
    )
    now = found[-1].now + PERIOD

    fewer_requests = law.decide(state, replace(scene, now=now), aim)
    more_requests = law.decide(state, replace(scene, now=now, load=more), aim)

    assert more_requests.replicas >= fewer_requests.replicas


@settings(max_examples=as_many_as(15), deadline=None)
@given(histories(), st.integers(1, 12))
def test_silence_lets_none_go(history: tuple[Aim, list[Scene]], times: int) -> None:
    aim, found = history
    state = decided(aim, found)
    had = state.replicas
    for number in range(1, times + 1):
        silent: list[Any] = [None, Load(ready=0), Load(ready=3, silent=3), Load(ready=3)]
        scene = replace(found[-1], now=found[-1].now + number * PERIOD, load=silent[number % 4])
        state = law.decide(state, scene, aim)
        assert state.replicas == had


@settings(max_examples=as_many_as(4), deadline=None)
@given(st.floats(0, 35), st.floats(0, 35), st.integers(1, 40))
def test_a_load_that_stays_the_same_is_followed_without_a_way_back(
    before: float, rate: float, warm: int
) -> None:
    fleet = Fleet(warm=warm)
    fleet.run(before, 35)

    fleet.run(rate, 60)
    numbers = fleet.run(rate, 60)

    rises = [after > one for one, after in itertools.pairwise(numbers)]
    assert not any(rises)
    assert numbers[-1] == numbers[len(numbers) // 2]


@settings(max_examples=as_many_as(15), deadline=None)
@given(histories())
def test_none_goes_while_a_rollout_is_under_way(history: tuple[Aim, list[Scene]]) -> None:
    aim, found = history
    state: State | None = None
    for scene in found:
        following = law.decide(state, replace(scene, run="4-new"), aim)
        assert state is None or following.replicas >= state.replicas
        state = following


QUIET = Load(ready=1, running=0, waiting=0, cache_use=0.0, finished=0.0)


@st.composite
def nights(draw: st.DrawFn) -> tuple[Aim, list[Scene]]:
    """Half of the time nobody asks, as far as all tell; else whatever."""
    aim, found = draw(SLEEPERS), []
    for _ in range(draw(st.integers(1, 4))):
        scene = draw(scenes())
        if draw(st.booleans()):
            scene = replace(scene, load=QUIET, through=0, asks=Asks(), run="", needed="")
        found += [scene] * draw(st.integers(1, 100))
    return aim, [replace(scene, now=NOW + at * PERIOD) for at, scene in enumerate(found)]


@settings(max_examples=as_many_as(15), deadline=None)
@given(nights())
def test_there_is_none_only_after_a_delay_in_which_all_said_that_nobody_asks(
    night: tuple[Aim, list[Scene]],
) -> None:
    """And never while a rollout needs one."""
    aim, found = night
    assert aim.sleep is not None
    state: State | None = None
    for number, scene in enumerate(found):
        had, state = state, law.decide(state, scene, aim)
        assert 0 <= state.replicas <= aim.most
        if scene.needed:
            assert state.replicas
        if state.replicas or had is None or not had.replicas:
            continue
        assert not scene.run
        lately = [one for one in found[: number + 1] if one.now > scene.now - aim.sleep]
        assert len(lately) >= aim.sleep / PERIOD
        for one in lately:
            assert one.through == 0
            assert not one.asks.held
            assert one.load is not None
            assert not one.load.silent
            assert not one.load.in_flight
            assert not one.load.finished


@settings(max_examples=as_many_as(15), deadline=None)
@given(nights())
def test_none_becomes_some_only_if_somebody_asks_or_a_rollout_does(
    night: tuple[Aim, list[Scene]],
) -> None:
    aim, found = night
    state: State | None = None
    for scene in found:
        had, state = state, law.decide(state, scene, aim)
        if had is None or had.replicas:
            continue
        has_come = scene.asks.last is not None and scene.asks.last > had.since
        assert bool(state.replicas) == bool(scene.asks.held or has_come or scene.needed)


@settings(max_examples=as_many_as(4), deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 5))
def test_each_request_wakes_it_once(warm: int, minutes: int, times: int) -> None:
    """One request now and then, farther apart than the delay: one way up and one way down for each."""
    fleet = Fleet(aim=Aim(1, 5, sleep=timedelta(minutes=minutes)), warm=warm)
    fleet.run(0, minutes + 1)
    numbers: list[int] = []
    for _ in range(times):
        numbers += [fleet.step(0.05).replicas]
        numbers += fleet.run(0, minutes + warm / 4 + 5)

    changes = [after - one for one, after in itertools.pairwise([0, *numbers])]
    assert [change for change in changes if change] == [1, -1] * times
