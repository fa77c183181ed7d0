"""The simulated days: traffic that is what it says, pods that queue, policies that do what they document."""

import numpy as np
import pytest

from bench.autoscaling import report
from bench.autoscaling.__main__ import main
from bench.autoscaling.days import BY_NAME, DAYS, HOUR, Day
from bench.autoscaling.pods import FULL_PER_SECOND, SEQUENCES, Pod, Second
from bench.autoscaling.policies import Hpa, View, policies
from bench.autoscaling.simulate import HELD, WARM_SECONDS, Fleet, Outcome, one_day


@pytest.mark.parametrize("day", [pytest.param(day, id=day.name) for day in DAYS])
def test_a_day_has_the_requests_that_it_says(day: Day) -> None:
    seconds = int(24 * HOUR)
    found = day.arrivals(seconds, seed=1)

    assert sum(found) == pytest.approx(sum(day.rate(float(at)) for at in range(seconds)), rel=0.08)
    assert day.arrivals(600, seed=1) == day.arrivals(600, seed=1)


def test_a_pod_does_no_more_than_it_can_and_the_rest_is_late() -> None:
    pod, chance, total = Pod(warm_at=0.0), np.random.default_rng(1), Second()
    for at in range(600):
        pod.take(float(at), 12)
        total.add(pod.second(float(at), chance))

    assert pod.running == SEQUENCES
    assert total.ended / 600 == pytest.approx(FULL_PER_SECOND, rel=0.1)
    assert total.late > total.began / 2
    assert pod.waiting == 600 * 12 - total.began


def test_a_pod_that_is_not_full_is_never_late() -> None:
    pod, chance, total = Pod(warm_at=0.0), np.random.default_rng(1), Second()
    for at in range(600):
        pod.take(float(at), 3)
        total.add(pod.second(float(at), chance))

    assert (total.late, pod.waiting) == (0, 0)


def view(now: float, *, wanted: int, ready: int, waiting: int) -> View:
    return View(
        now=now,
        wanted=wanted,
        ready=ready,
        running=0,
        waiting=waiting,
        is_leaving=False,
        since=Second(),
        seconds=15.0,
        warm_seconds=None,
    )


@pytest.mark.parametrize(
    ("wanted", "ready", "waiting", "number"),
    [
        pytest.param(4, 4, 40, 4, id="at-its-target"),
        pytest.param(4, 4, 43, 4, id="within-a-tenth"),
        pytest.param(4, 4, 60, 6, id="by-the-ratio"),
        pytest.param(1, 1, 90, 5, id="four-more-at-most"),
        pytest.param(8, 4, 60, 8, id="those-that-start-count-as-idle"),
    ],
)
def test_hpa_follows_its_ratio(wanted: int, ready: int, waiting: int, number: int) -> None:
    policy = Hpa("HPA", lambda seen: float(seen.waiting), 10.0)

    assert policy.decide(view(0.0, wanted=wanted, ready=ready, waiting=waiting)) == number


def test_hpa_goes_down_to_the_most_of_five_minutes() -> None:
    policy = Hpa("HPA", lambda seen: float(seen.waiting), 10.0)
    policy.decide(view(0.0, wanted=4, ready=4, waiting=40))

    assert policy.decide(view(285.0, wanted=4, ready=4, waiting=0)) == 4
    assert policy.decide(view(315.0, wanted=4, ready=4, waiting=0)) == 1


def test_the_same_seed_is_the_same_day() -> None:
    first, again = (
        one_day(BY_NAME["bursty"], policies()[0], seed=3, seconds=900) for _ in range(2)
    )

    assert first == again
    assert first.requests > 0


def test_an_hour_of_a_morning_prints_a_row_for_each_policy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--days", "idle nights", "--from-hour", "7", "--hours", "0.5"]) == 0

    out = capsys.readouterr().out
    assert all(f"| idle nights | {policy.name} |" in out for policy in policies())


def test_where_ours_is_behind_is_told() -> None:
    def outcome(policy: str, missed: int, hours: float) -> Outcome:
        return Outcome("step", policy, missed_minutes=missed, pod_seconds=3600 * hours)

    ours = outcome("autoscaling", 5, 10.0)

    assert report.behind([ours, outcome("worse", 6, 10.0), outcome("dearer", 5, 11.0)]) == []
    assert report.behind([ours, outcome("better", 4, 9.0), outcome("dear", 3, 12.0)]) == [
        "step: better is better: 1 minutes fewer and 1.0 accelerator-hours fewer",
        "step: dear misses 2 minutes fewer, for 2.0 accelerator-hours more",
    ]


def test_a_model_that_is_asked_now_and_then_sleeps_and_loses_nobody() -> None:
    always, lazy = (
        one_day(BY_NAME["sessions"], policy, seed=2, seconds=int(5 * HOUR), begin=int(12 * HOUR))
        for policy in policies()[:2]
    )

    assert lazy.accelerator_hours < 0.6 * always.accelerator_hours
    assert always.held == 0
    assert 0 < lazy.held < lazy.requests
    assert lazy.refused == 0
    assert WARM_SECONDS <= lazy.longest_wait <= WARM_SECONDS + 5
    assert lazy.requests == always.requests


def test_what_has_no_room_to_wait_is_refused() -> None:
    fleet = Fleet(np.random.default_rng(1), WARM_SECONDS, wanted=0)
    fleet.second(0.0, 200)
    assert (sum(count for _, count in fleet.held), fleet.refused) == (HELD, 200 - HELD)

    fleet.want(1, -WARM_SECONDS)
    fleet.second(1.0, 0)
    [pod] = fleet.pods
    assert (pod.in_flight, len(fleet.held)) == (HELD, 0)
