"""A run: the way of one candidate from no traffic to all of it, or back. What is recorded of it.

Everything here is data, as what it is told (rollout/facts.py). rollout/machine.py decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from deepseek_operator.rollout.copies import Copies, Mirror
from deepseek_operator.rollout.crashes import Crashes
from deepseek_operator.rollout.evidence import Bar, Evidence, Metric
from deepseek_operator.rollout.exams import Exam, Quality
from deepseek_operator.rollout.mix import Mix
from deepseek_operator.rollout.shares import Share

MOST_ANALYSED = 95
"""Above this weight there is no stable traffic left to compare with."""


class Phase(StrEnum):
    """Where a run is."""

    PREPARING = "Preparing"
    """What can be done beside the stable revision is done, before that is stopped; a Replace alone."""
    CLOSING = "Closing"
    """Gateways send nobody to the stable revision any more, and its running answers end; a Replace alone."""
    STOPPING = "Stopping"
    """The stable revision's pods end and give their accelerators up; a Replace alone."""
    STARTING = "Starting"
    """The candidate's pods start and are warmed up."""
    MIRRORING = "Mirroring"
    """It computes copies of users' requests, and nobody reads its answers."""
    SHIFTING = "Shifting"
    """A weight is asked for and the gateways have not all taken it up."""
    ANALYZING = "Analyzing"
    """Both revisions serve, and are compared."""
    AWAITING_APPROVAL = "AwaitingApproval"
    """A person has to let it go on; it is compared all the while."""
    HELD = "Held"
    """It cannot go on, and the weight stays."""
    PROMOTING = "Promoting"
    """The roles are swapped and the gateways take that up."""
    WATCHING = "Watching"
    """The candidate serves everybody; the revision before it is kept, ready to come back."""
    ROLLING_BACK = "RollingBack"
    """The gateways take the traffic back."""
    DRAINING = "Draining"
    """No new request comes; those that run may end."""
    RETURNING = "Returning"
    """The candidate's pods are gone, and those of the stable revision start again; a Replace alone."""
    ROLLED_BACK = "RolledBack"
    """The candidate is let go."""
    SUCCEEDED = "Succeeded"
    """The candidate is the stable revision, and nothing is kept beside it."""


ENDED = frozenset({Phase.ROLLED_BACK, Phase.SUCCEEDED})
ON_THE_WAY_BACK = frozenset({Phase.ROLLING_BACK, Phase.DRAINING, Phase.RETURNING})
REPLACES_ALONE = frozenset({Phase.PREPARING, Phase.CLOSING, Phase.STOPPING, Phase.RETURNING})
"""Phases that only a Replace has."""
COMPARED = frozenset({Phase.ANALYZING, Phase.AWAITING_APPROVAL, Phase.HELD, Phase.SHIFTING})
"""Phases in which users' requests reach both revisions."""
JUDGED = COMPARED | {Phase.MIRRORING, Phase.PROMOTING, Phase.WATCHING}
"""Phases in which the candidate may be found bad; a pause or a hold keeps nobody from seeing it."""


class Cause(StrEnum):
    """Why a run is where it is; never renamed within an API version."""

    # on the way forward
    PREPARING = "CandidatePreparing"
    COUNTING = "CountingAccelerators"
    CAPACITY = "WaitingForCapacity"
    CLOSING = "StableClosing"
    STOPPING = "StableStopping"
    CANDIDATE_STARTING = "CandidateStarting"
    COPIES_ASKED = "CopiesAsked"
    WEIGHT_SET = "WeightSet"
    COMPARING = "Comparing"
    STEP_PASSED = "StepPassed"
    APPROVAL_NEEDED = "ApprovalNeeded"
    ACCEPTED = "Accepted"
    PROMOTED_BY_HAND = "PromotedByHand"
    PROMOTED = "Promoted"
    NOTHING_TO_COMPARE = "NothingToCompare"
    DOUBTED = "ComparedAgain"
    WINDOW_CLOSED = "RollbackWindowClosed"
    # held
    PAUSED = "Paused"
    NO_DATA = "NoData"
    UNVERIFIED = "SplitUnverified"
    STABLE_SHORT = "StableShortOfCapacity"
    CANDIDATE_SHORT = "CandidateShortOfCapacity"
    NOT_ACKNOWLEDGED = "NotAcknowledged"
    SPEC_NOT_SERVABLE = "SpecNotServable"
    QUALITY_UNKNOWN = "QualityUnknown"
    # on the way back
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"
    SCALED_TO_ZERO = "ScaledToZero"
    CANDIDATE_LOST = "CandidateLost"
    CANDIDATE_NOT_READY = "CandidateNotReady"
    EVIDENCE_BAD = "EvidenceBad"
    QUALITY_FAILED = "QualityFailed"
    BREAKER = "BreakerTripped"
    COPIES_UNANSWERED = "CopiesUnanswered"
    HELD_TOO_LONG = "HeldTooLong"
    TOO_LONG = "MaxDurationReached"
    ROLLED_BACK_BY_HAND = "RolledBackByHand"


FOR_A_PERSON = frozenset({Cause.PAUSED, Cause.CANDIDATE_SHORT})
"""Holds that nothing but a person ends: as long as that takes, it is no time of a hold that goes back."""
NOT_ITS_FAULT = frozenset({Cause.SUPERSEDED, Cause.SCALED_TO_ZERO})
"""Causes for which a revision that was rolled back is no failed one."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way: a share of the traffic, and what has to be seen of it."""

    weight: int
    """Percent of the requests, 1 to 95."""
    min_duration: timedelta = timedelta(minutes=1)
    min_requests: int = 100
    """Requests of the candidate."""
    pause: bool = False
    """A person has to approve before the next step."""

    def __post_init__(self) -> None:
        if not 1 <= self.weight <= MOST_ANALYSED:
            raise ValueError(f"a step's weight is 1 to {MOST_ANALYSED}, not {self.weight}")


MOST_FAILURES = 10
"""Revisions that are remembered as failed."""

DEFAULT_STEPS = (
    Step(1, min_requests=20),
    Step(5, min_requests=50),
    Step(25, min_requests=100),
    Step(50, min_requests=200),
)


@dataclass(frozen=True, slots=True)
class Breaker:
    """For what needs no statistics."""

    outcomes: int = 20
    share: float = 0.5
    windows: int = 2
    """So many windows in a row, each with so many outcomes and at least this share of bad ones."""
    restarts: int = 3
    """Restarts of the candidate's engines since its pods were ready."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each part of a run may take."""

    start: timedelta = timedelta(hours=2)
    hold: timedelta = timedelta(minutes=30)
    acknowledge: timedelta = timedelta(minutes=1)
    silence: timedelta = timedelta(minutes=2)
    """Without figures for so long there are none."""
    settle: timedelta = timedelta(seconds=15)
    """After a weight was taken up: requests that began before it are still under way."""
    total: timedelta = timedelta(hours=24)
    drain: timedelta = timedelta(minutes=15)
    keep: timedelta = timedelta(hours=2)
    """The rollback window: how long the revision before is kept after a promotion."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run follows; frozen when it begins, but for limits that are learned before its first weight."""

    steps: tuple[Step, ...]
    metrics: tuple[Metric, ...]
    bar: Bar
    breaker: Breaker = Breaker()
    limits: Limits = Limits()
    quality: Quality | None = None
    """What its answers are examined for; None: for nothing."""
    replaces: bool = False
    """Whether the stable revision gives its pods up before the candidate has any: there are no steps then."""
    mirror: Mirror | None = None
    """What is asked of copies before the first step; None: none are made."""
    chosen: str = ""
    """Why the run goes this way, where the strategy left it open."""
    asked: str = ""
    """Which settings of the spec it follows, as a digest; empty where that was not noted."""

    def __post_init__(self) -> None:
        if self.replaces:
            return
        weights = [step.weight for step in self.steps]
        if not weights or weights != sorted(set(weights)):
            raise ValueError(f"the weights of the steps have to grow: {weights}")
        if not self.metrics:
            raise ValueError("a run needs a metric: without one nothing is ever accepted")


@dataclass(frozen=True, slots=True)
class Hold:
    """Why and since when a run is held, and where it goes on."""

    cause: Cause
    since: datetime
    """Of holds that follow each other since the first; what is for a person counts by itself."""
    phase: Phase


@dataclass(frozen=True, slots=True)
class Run:
    """One candidate's way, as status records it."""

    number: int
    candidate: str
    stable: str
    """The revision that it is compared with and that comes back if it fails."""
    plan: Plan
    phase: Phase
    cause: Cause
    said: str
    """The same in a sentence, with the figures that decided."""
    started: datetime
    since: datetime
    """When the phase began."""
    step: int = 0
    weight: int = 0
    """Percent of the traffic that the candidate is to have."""
    requests: int = 0
    """Of the candidate, in this step."""
    step_since: datetime | None = None
    """When every gateway had taken up the step's weight."""
    share: Share = field(default_factory=Share)
    """What was seen of how requests are divided in this step."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    tripped: int = 0
    """Windows in a row in which the breaker's share was reached."""
    crashes: Crashes | None = None
    """Restarts of the candidate's engines; None before it had traffic, as those do not count."""
    last_data: datetime | None = None
    approved: frozenset[int] = frozenset()
    hold: Hold | None = None
    exam: Exam | None = None
    """The last examination of its answers."""
    mix: Mix = field(default_factory=Mix)
    """How long requests were divided between the two revisions."""
    stopped: datetime | None = None
    """Of a Replace: since when requests are not sent to the stable revision."""
    copies: Copies | None = None
    """What became of copies for it, as last recorded."""
    demand: float | None = None
    """Users' requests a second, of both revisions, as of late; None before the first figures."""
    overruled: frozenset[int] = frozenset()
    """Weights that a person gave though its pods are not sized for them."""
    usual: tuple[Metric, ...] = ()
    """By what it is watched with all of the traffic (rollout/standards.py); none before, and of a Replace."""
    doubts: int = 0
    """How often it was compared once more for that."""
    doubted: datetime | None = None
    """When it was last."""
    left: Mapping[str, int] | None = None
    """While it drains: by gateway, requests that had been sent to it when all of them had left it."""
    late: int = 0
    """Requests that were sent to it all the same after that."""
    paused: timedelta = timedelta(0)
    """How long a person had it paused, since it began or was last doubted: no part of how long it may take."""

    @property
    def settled(self) -> datetime | None:
        """From when on what is seen is of this step's weight alone; None while that is not taken up."""
        return None if self.step_since is None else self.step_since + self.plan.limits.settle

    @property
    def judged_by(self) -> tuple[Metric, ...]:
        """What raises an alarm now."""
        is_watched = self.phase is Phase.WATCHING and self.usual
        return self.usual if is_watched else self.plan.metrics

    @property
    def place(self) -> Phase:
        """The phase, and while the run is held the one that it goes on with."""
        return self.hold.phase if self.hold else self.phase

    @property
    def name(self) -> str:
        """By which commands mean it: `<number>-<candidate>`."""
        return f"{self.number}-{self.candidate}"

    @property
    def is_over(self) -> bool:
        """Whether it has ended, either way."""
        return self.phase in ENDED

    @property
    def mirrors(self) -> bool:
        """Whether it gets copies, and no user's request; also where it is held at that."""
        return Phase.MIRRORING in (self.phase, self.hold.phase if self.hold else None)

    @property
    def has_to_learn(self) -> bool:
        """Whether its limits follow from what the stable revision does, and are not set yet."""
        return any(metric.learns for metric in self.plan.metrics)

    @property
    def has_swapped(self) -> bool:
        """Whether the candidate has the stable role."""
        return self.phase in (Phase.PROMOTING, Phase.WATCHING, Phase.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Failure:
    """A revision that was rolled back: it is not tried again by itself."""

    revision: str
    cause: Cause
    said: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """All that is recorded of rollouts."""

    stable: str
    run: Run | None = None
    runs: int = 0
    failures: tuple[Failure, ...] = ()
    """The last first."""
    command: str | None = None
    """The last command that was read, whatever became of it."""
    answer: str = ""
    """What became of it."""

    def without_failure_of(self, revision: str) -> "Rollout":
        """As if it had not failed yet."""
        others = tuple(item for item in self.failures if item.revision != revision)
        return replace(self, failures=others)

    def failure_of(self, revision: str) -> Failure | None:
        """Why this revision is not tried again by itself."""
        return next((item for item in self.failures if item.revision == revision), None)
