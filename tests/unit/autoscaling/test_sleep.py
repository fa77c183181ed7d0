"""No replica while nobody asks: only after the delay, never for want of figures, and back with the first request."""

from dataclasses import replace
from datetime import timedelta

import pytest

from deepseek_operator.autoscaling import law, record
from deepseek_operator.autoscaling.scene import PERIOD, Aim, Asks, Load, Replica, State
from tests.unit.autoscaling.fleet import Fleet
from tests.unit.samples import NOW

DELAY = timedelta(minutes=20)
AIM = Aim(least=1, most=10, sleep=DELAY)
IDLE = Load(ready=1, running=0, waiting=0, cache_use=0.0, finished=0.0)


def fleet(**fields: object) -> Fleet:
    """One that has had a request every few seconds."""
    made = Fleet(aim=AIM, **fields)  # type: ignore[arg-type]
    made.run(0.2, 10)
    return made


def asleep() -> Fleet:
    made = fleet()
    made.run(0, 21)
    assert made.replicas == 0
    return made


def test_the_last_one_goes_once_nobody_has_asked_for_the_delay() -> None:
    made = fleet()
    assert set(made.run(0, 20)) == {1}

    assert made.step(0).replicas == 0

    assert made.state is not None
    assert (made.state.reason, made.state.message) == ("Idle", "nobody has asked for 20 minutes")
    assert made.run(0, 600) == [0] * 2400


def test_a_request_begins_the_delay_anew() -> None:
    made = fleet()
    made.run(0, 19)
    made.step(0.2)

    assert set(made.run(0, 20)) == {1}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"load": None}, id="nobody-tells"),
        pytest.param({"load": replace(IDLE, ready=2, silent=1)}, id="one-does-not-tell"),
        pytest.param({"load": Load(ready=1)}, id="nothing-is-told"),
        pytest.param({"load": replace(IDLE, ready=0)}, id="none-is-ready"),
        pytest.param({"load": replace(IDLE, running=1)}, id="one-runs"),
        pytest.param({"load": replace(IDLE, waiting=1)}, id="one-waits"),
        pytest.param({"load": replace(IDLE, finished=0.1)}, id="one-has-ended"),
        pytest.param({"through": None}, id="a-gateway-does-not-tell"),
        pytest.param({"through": 1}, id="a-gateway-has-one"),
        pytest.param({"asks": Asks(1, NOW)}, id="one-is-held"),
    ],
)
def test_what_is_not_known_to_be_idle_is_busy(changes: dict[str, object]) -> None:
    """Seen once in the midst of the delay, it begins anew."""
    made = fleet()
    made.run(0, 19)
    made.step(0, **changes)

    assert set(made.run(0, 20)) == {1}


@pytest.mark.parametrize(
    "load",
    [
        pytest.param(Load(ready=1, finished=0.0), id="ends-alone"),
        pytest.param(Load(ready=1, running=0, waiting=0), id="no-ends"),
    ],
)
def test_an_engine_that_tells_less_is_believed_with_the_gateways(load: Load) -> None:
    made = fleet()
    made.run(0, 21, load=load)

    assert made.replicas == 0


@pytest.mark.parametrize("changes", [{"run": "4-new"}, {"needed": "a rollout compares with it"}])
def test_none_goes_below_what_a_rollout_needs(changes: dict[str, object]) -> None:
    made = fleet()

    assert set(made.run(0, 300, **changes)) == {1}
    # What was idle all the time may go at once afterwards.
    assert made.step(0).replicas == 0


def test_a_rollout_has_its_replica_at_once_whoever_asks() -> None:
    made = asleep()
    state = made.step(0, needed="a rollout is under way")

    assert (state.replicas, state.reason) == (1, "Rollout")


def test_the_first_request_brings_one_back_before_the_next_look() -> None:
    made = asleep()
    assert made.state is not None
    at = made.state.at + PERIOD / 2
    scene = replace(made.scene, now=at, asks=Asks(1, at))

    state = law.decide(made.state, scene, AIM)

    assert (state.replicas, state.reason) == (1, "Asked")
    assert "a request waits at the gateway" in state.message


def test_many_that_wait_have_as_many_as_compute_them_at_once_and_four_at_most() -> None:
    made = asleep()
    assert made.state is not None

    def woken(held: int, most: int = 10) -> int:
        scene = replace(
            made.scene, asks=Asks(held, made.now), replica=Replica(sequences=40), now=made.now
        )
        assert made.state is not None
        return law.decide(made.state, scene, replace(AIM, most=most)).replicas

    assert [woken(held) for held in (1, 30, 31, 90, 91, 10_000)] == [1, 1, 2, 3, 4, 4]
    assert woken(10_000, most=2) == 2


def test_who_was_answered_by_another_wakes_it_too_but_not_who_asked_before() -> None:
    made = asleep()
    assert made.state is not None
    since = made.state.since

    before = made.step(0, asks=Asks(0, since - timedelta(seconds=1)))
    after = made.step(0, asks=Asks(0, since + timedelta(seconds=1)))

    assert (before.replicas, after.replicas) == (0, 1)


def test_it_is_warm_for_the_delay_after_a_request_that_nobody_waited_for() -> None:
    made = asleep()
    made.step(0.2)
    assert made.replicas == 1
    made.waiting = 0.0

    numbers = made.run(0, 4.75 + 20)
    assert set(numbers) == {1}
    assert made.run(0, 2)[-1] == 0


def test_what_a_replica_does_is_not_forgotten() -> None:
    made = Fleet(aim=AIM)
    made.run(2.0, 40)
    assert made.state is not None
    had = made.state.pace
    assert had is not None
    made.run(0, 40)

    assert made.replicas == 0
    assert made.state.pace == had


def test_another_least_wakes_it() -> None:
    made = asleep()
    made.aim = Aim(least=2, most=10)

    state = made.step(0)

    assert (state.replicas, state.reason) == (2, "Bounds")


def test_it_is_kept_in_status_since_when_nobody_asks() -> None:
    made = fleet()
    made.run(0, 5)
    assert made.state is not None
    assert made.state.idle_since is not None

    entry = record.entry(made.state, AIM)
    read = record.load(entry)

    assert entry["min"] == 0
    assert read is not None
    assert read.idle_since == made.state.idle_since


def test_a_state_of_before_has_no_such_time() -> None:
    state = State(1, "Started", "begins with 1", since=NOW, at=NOW)

    read = record.load(record.entry(state, AIM))

    assert read is not None
    assert read.idle_since is None


def test_nothing_changes_while_it_sleeps() -> None:
    made = asleep()
    before = made.state

    made.run(0, 60)

    assert made.state == before
