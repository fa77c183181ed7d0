"""A cluster for rollouts: pods, gateways and users, as far as decide() sees them. Time is a number."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from deepseek_operator.rollout import evidence, quality
from deepseek_operator.rollout.copies import Copies
from deepseek_operator.rollout.evidence import Absolute, Metric, Outcomes, Pair, Relative
from deepseek_operator.rollout.exams import Report
from deepseek_operator.rollout.facts import Facts, Figures, Fleet
from deepseek_operator.rollout.machine import decide
from deepseek_operator.rollout.run import DEFAULT_STEPS, Phase, Plan, Rollout, Run, Step

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STABLE, CANDIDATE, NEXT = "stable", "candidate", "next"
ERRORS = Metric("errors", Relative(), (Relative(), Absolute(good=0.0025, bad=0.01)))
LATE = Metric("late", Relative(), (Relative(),), measure="timeToFirstToken", learns=True)


def plan(*steps: Step, **changes: object) -> Plan:
    """A plan that compares errors."""
    made = Plan(steps or DEFAULT_STEPS, (ERRORS,), evidence.bar(metrics=1))
    return replace(made, **changes) if changes else made  # type: ignore[arg-type]


@dataclass
class Stage:
    """One object's rollout, and everything around it that may be changed at will."""

    plan: Plan = field(default_factory=plan)
    rollout: Rollout = field(default_factory=lambda: Rollout(STABLE))
    now: datetime = START
    target: str | None = CANDIDATE
    ready: dict[str, int] = field(default_factory=lambda: {STABLE: 2, CANDIDATE: 2, NEXT: 2})
    wants: dict[str, int] = field(default_factory=lambda: {STABLE: 2, CANDIDATE: 2, NEXT: 2})
    """How many pods each revision is to have."""
    lags: bool = False
    """Whether their controller has counted them before it was told something else."""
    carries: int = 100
    bears: float | None = None
    """Requests a second that its pods are sized for; None where they are not."""
    stable_bears: float | None = None
    gateways_answer: bool = True
    applied: int = 0
    sees: bool = True
    teaches: bool = True
    """Whether the engines of the stable revision tell what is to be learned of them."""
    rate: float = 100.0
    """Requests a second of all users."""
    bad: dict[str, float] = field(
        default_factory=lambda: {STABLE: 0.01, CANDIDATE: 0.01, NEXT: 0.01}
    )
    running: int = 0
    begun: dict[str, int] | None = None
    """By gateway, requests that were sent to the candidate, while it drains."""
    restarts: int = 0
    asks_for_pods: bool = True
    """Whether anybody is to be served."""
    paused: bool = False
    promotes_itself: bool = True
    command: str | None = None
    report: Report | None = None
    """Of every examination that is under way."""
    hangs: bool = False
    """Whether the candidate answers no copy."""
    copying: bool = False
    """Whether gateways make copies for it."""
    copies: Copies = field(default_factory=Copies)
    leak: int = 0
    """Percent more than asked for that reach the candidate."""
    seed: int = 1
    seconds: float = 15.0
    """Between passes."""
    stretch: float = 30.0
    """Seconds that figures are of at the least: passes in between see none."""
    pending: Figures | None = None
    """What the present stretch has so far."""
    history: list[Rollout] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._of = (0, False)

    @property
    def run(self) -> Run:
        """The present run, or the last one."""
        assert self.rollout.run is not None
        return self.rollout.run

    def facts(self, *, traffic: bool = True) -> Facts:
        """What a pass sees: figures of a stretch only where one has ended."""
        run = self.rollout.run
        candidate = run.candidate if run else self.target or CANDIDATE
        stable = run.stable if run else self.rollout.stable
        figures = self._figures(candidate, stable) if traffic and self.sees else None
        if not (traffic and self.sees):
            # What was counted of a stretch is lost.
            self.pending = None
        return Facts(
            target=self.target,
            plan=self.plan,
            candidate=self.fleet(candidate),
            stable=self.fleet(stable),
            carries=self.carries,
            bears=self.bears,
            stable_bears=self.stable_bears,
            acknowledged=self.applied if self._is_taken_up() else None,
            sees=self.sees and self._metrics() is not None,
            metrics=self._metrics(),
            figures=figures,
            in_flight=self.running,
            begun=self.begun if run and run.phase is Phase.DRAINING else None,
            restarts={"pod": self.restarts},
            copies=self.copies if run and run.mirrors and self.sees else None,
            asks_for_pods=self.asks_for_pods,
            paused=self.paused,
            promotes_itself=self.promotes_itself,
            report=self.report if run and quality.is_open(run) else None,
            command=self.command,
        )

    def fleet(self, revision: str) -> Fleet:
        """Its pods, never more ready ones than it is to have."""
        wanted = self.wants[revision] if self.asks_for_pods else 0
        return Fleet(min(self.ready[revision], wanted), wanted, is_current=not self.lags)

    def _metrics(self) -> tuple[Metric, ...] | None:
        run = self.rollout.run
        compared = (run.plan if run and not run.is_over else self.plan).metrics
        if not self.teaches and any(metric.learns for metric in compared):
            return None
        return tuple(replace(metric, learns=False) for metric in compared)

    def _is_taken_up(self) -> bool:
        run = self.rollout.run
        return self.gateways_answer and self.copying == bool(run and run.mirrors)

    def _copied(self, candidate: str, stable: str, percent: int) -> Figures:
        """Copies of users' requests, whose answers nobody reads."""
        total = round(self.rate * self.seconds)
        made = sum(self.chance.random() < percent / 100 for _ in range(total))
        if self.hangs or not self.copying:
            self.copies += Copies(running=made if self.copying else 0)
            made = 0
        found = self._outcomes(made, candidate)
        self.copies += Copies(answered=made - found.bad, failed=found.bad)
        pair = Pair(found, self._outcomes(total, stable))
        return self._counted(pair, made, total, reached=0)

    def _figures(self, candidate: str, stable: str) -> Figures | None:
        """Of a stretch that ends with this pass; what was there before a split had settled is no part of it."""
        run, since = self.rollout.run, self.now - timedelta(seconds=self.seconds)
        is_copying = run is not None and run.mirrors and run.plan.mirror is not None
        begun = (run.number if run else 0, is_copying)
        settled = run.settled if run else None
        before = self.pending if begun == self._of else None
        if before and before.since and settled and before.since < settled <= since:
            before = None
        self._of = begun
        if run is not None and is_copying and run.plan.mirror is not None:
            found = self._copied(candidate, stable, run.plan.mirror.percent)
        else:
            found = self._asked(candidate, stable)
        self.pending = found if before is None else _together(before, found)
        if self.pending.seconds < self.stretch or not self.pending.users:
            return None
        ended, self.pending = self.pending, None
        return ended

    def _asked(self, candidate: str, stable: str) -> Figures:
        self.copies = Copies()
        weight = min(100, self.applied + (self.leak if self.applied else 0))
        total = round(self.rate * self.seconds)
        reached = sum(self.chance.random() < weight / 100 for _ in range(total))
        pair = Pair(self._outcomes(reached, candidate), self._outcomes(total - reached, stable))
        return self._counted(pair, reached, total, reached=reached)

    def _counted(self, pair: Pair, requests: int, users: int, *, reached: int) -> Figures:
        windows = {metric.name: (pair,) for metric in self.plan.metrics}
        since = self.now - timedelta(seconds=self.seconds)
        return Figures(windows, requests, users, self.seconds, reached, since)

    def _outcomes(self, total: int, revision: str) -> Outcomes:
        share = self.bad[revision]
        return Outcomes(total, sum(self.chance.random() < share for _ in range(total)))

    def one_pass(self, *, traffic: bool = True) -> Rollout:
        """Time goes by, a pass decides, and the gateways take up what was recorded."""
        self.now += timedelta(seconds=self.seconds)
        before = self.rollout
        self.rollout = decide(before, self.facts(traffic=traffic), now=self.now)
        self.history.append(self.rollout)
        self.take_up()
        return self.rollout

    def take_up(self) -> None:
        """Gateways that answer do what is recorded."""
        if self.gateways_answer:
            self.applied = self.weight()
            self.copying = bool(self.rollout.run and self.rollout.run.mirrors)

    def weight(self) -> int:
        """What the gateways are asked to send to the run's candidate."""
        return self.rollout.run.weight if self.rollout.run else 0

    def until(self, *phases: Phase, passes: int = 2000) -> Run:
        """Pass after pass until the run is in one of these phases."""
        for _ in range(passes):
            self.one_pass()
            if self.rollout.run and self.rollout.run.phase in phases:
                return self.rollout.run
        raise AssertionError(f"not within {passes} passes: {phases}, but {self.rollout.run}")

    def say(self, verb: str) -> None:
        """A person's command, for the run and step as they are."""
        self.command = f"{verb}:{self.run.name}/{self.run.step}"

    @property
    def phases(self) -> list[Phase]:
        """The phases that the runs went through."""
        found: list[Phase] = []
        for rollout in self.history:
            if rollout.run and (not found or found[-1] is not rollout.run.phase):
                found.append(rollout.run.phase)
        return found


def _together(one: Figures, other: Figures) -> Figures:
    """A stretch that goes on."""
    pairs = {
        name: sum((*pairs, *other.windows.get(name, ())), start=Pair())
        for name, pairs in one.windows.items()
    }
    return Figures(
        {name: (pair,) for name, pair in pairs.items()},
        one.requests + other.requests,
        one.users + other.users,
        one.seconds + other.seconds,
        one.reached + other.reached,
        one.since,
    )
