"""One rollout from its first step to its end."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from bench.decision.traffic import Traffic, Users
from deepseek_operator.api.analysis import Analysis
from deepseek_operator.engines.figures import Engine, EngineFigures
from deepseek_operator.rollout import metrics
from deepseek_operator.rollout.engine_counts import Measure
from deepseek_operator.rollout.facts import Facts, Figures, Fleet
from deepseek_operator.rollout.machine import decide
from deepseek_operator.rollout.run import DEFAULT_STEPS, Phase, Plan, Rollout

LIMIT = Analysis.model_validate({"timeToFirstToken": {"limit": "2500ms", "maxPercent": 5}})
"""Beside all that is compared between revisions of one model: a limit of the user's own."""


def _plan() -> Plan:
    """Of a stable revision that was late in one of twenty requests."""
    late = {edge: 9500 if edge < math.inf else 10_000 for edge in (0.05, 0.5, 1.0, 2.5, math.inf)}
    told = EngineFigures("", late, late, late, {"stop": 9000, "length": 1000}, 0, late)
    chosen = metrics.choose(LIMIT, told=frozenset(Measure), are_alike=True, same_model=True)
    compared = metrics.learned(
        chosen, [Engine("pod", "stable", is_ready=True, figures=told)], "stable"
    )
    assert compared is not None
    return Plan(DEFAULT_STEPS, compared, metrics.bar(compared))


PLAN = _plan()
STRETCH_SECONDS = 15.0
STRETCH_REQUESTS = 20
"""A stretch is over after so long, and not before the candidate has had so many requests."""

START = datetime(2026, 1, 1, tzinfo=UTC)
DECIDED = (Phase.PROMOTING, Phase.ROLLING_BACK)


@dataclass(frozen=True, slots=True)
class End:
    """How a rollout ended."""

    outcome: str
    """promoted, rolled back, or held: not decided within the longest duration."""
    minutes: float
    requests: int
    """Of the candidate."""


def one_run(traffic: Traffic, seed: int, *, plan: Plan = PLAN) -> End:
    """From the first weight on; pods and gateways do what they are asked."""
    users = Users(traffic, np.random.default_rng(seed))
    rollout, seconds, requests = Rollout("stable"), 0.0, 0
    figures: Figures | None = None
    applied = 0
    while True:
        facts = Facts(
            target="candidate",
            plan=plan,
            candidate=Fleet(1, 1),
            stable=Fleet(1, 1),
            carries=100,
            acknowledged=applied,
            figures=figures,
            in_flight=0,
        )
        rollout = decide(rollout, facts, now=START + timedelta(seconds=seconds))
        run = rollout.run
        assert run is not None
        if run.phase in DECIDED:
            outcome = "promoted" if run.phase is Phase.PROMOTING else "rolled back"
            if run.cause in ("MaxDurationReached", "HeldTooLong"):
                outcome = "held"
            return End(outcome, seconds / 60, requests)
        if run.weight != applied:
            applied, figures = run.weight, None
            continue
        if run.settled is not None and START + timedelta(seconds=seconds) < run.settled:
            # Stretches begin once a split has settled.
            seconds, figures = (run.settled - START).total_seconds(), None
            continue
        length = STRETCH_SECONDS
        rate = users.per_second(seconds) * run.weight / 100
        if rate * length < STRETCH_REQUESTS and rate > 0:
            length = min(STRETCH_REQUESTS / rate, 3600.0)
        pair = users.stretch(seconds, length, run.weight / 100)
        began, seconds = START + timedelta(seconds=seconds), seconds + length
        requests += pair.candidate.total
        total = pair.candidate.total + pair.stable.total
        compared = {traffic.metric: pair, **users.usual(pair)}
        windows = {metric: (one,) for metric, one in compared.items()}
        reached = pair.candidate.total
        figures = Figures(windows, reached, total, length, reached, began)


Job = tuple[Traffic, int, int]
"""A kind of traffic, how many runs of it, and the seed of the first."""


def many_runs(job: Job) -> list[End]:
    """So many runs of one kind of traffic, with seeds from this one on."""
    traffic, runs, seed = job
    return [one_run(traffic, seed + number) for number in range(runs)]


def named_runs(job: Job) -> tuple[Traffic, list[End]]:
    """The same, with the kind of traffic that they are of: pieces end in any order."""
    return job[0], many_runs(job)
