"""What a run is told each time: the spec, pods, gateways, and what users' requests came to. Data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deepseek_operator.rollout.copies import Copies
from deepseek_operator.rollout.evidence import Metric, Window
from deepseek_operator.rollout.exams import Report
from deepseek_operator.rollout.run import Plan


@dataclass(frozen=True, slots=True)
class Fleet:
    """The pods of a revision: how many are ready and warmed up, of how many that there are to be.

    A count of before the last change of their number is none to give traffic on, and no reason to take any: pods that
    it has counted are most likely still there.
    """

    ready: int = 0
    """As their Deployment's controller counted them last."""
    wanted: int = 0
    is_current: bool = True
    """Whether it has counted them since it was last told something else, and counts none out that may well be there."""

    @property
    def sure(self) -> int:
        """Those that more traffic may be given for."""
        return self.ready if self.is_current else 0


@dataclass(frozen=True, slots=True)
class Figures:
    """One stretch of time of users' requests, by metric; each request is in one of them."""

    windows: Mapping[str, Window]
    requests: int
    """Of the candidate."""
    users: int = 0
    """Requests of users, of both revisions."""
    seconds: float = 0.0
    """How long it took."""
    reached: int = 0
    """Of users' requests those that were the candidate's, whatever became of them."""
    since: datetime | None = None
    """When it began; None where that is not known: then nobody can say of which weight it is."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is seen now."""

    target: str | None
    """The revision that the spec asks for; None where it cannot be served."""
    plan: Plan
    """What a run that begins now would follow."""
    candidate: Fleet = Fleet()
    stable: Fleet = Fleet()
    carries: int = 0
    """Percent of the pods that the candidate is to have that are ready."""
    bears: float | None = None
    """Requests a second that the candidate's ready pods are sized for; None where that was never computed."""
    stable_bears: float | None = None
    """Likewise, of all pods that the stable revision is to have."""
    acknowledged: int | None = None
    """The candidate's weight that every ready gateway has taken up; None where they differ or are silent."""
    sees: bool = True
    """Whether every source of figures has answered just now."""
    unseen: str = ""
    """Which one has not, in words."""
    metrics: tuple[Metric, ...] | None = None
    """The run's, with what had to be learned of the stable revision; None while that is not known."""
    figures: Figures | None = None
    """Of a stretch that has just ended; None in between."""
    sees_share: bool = True
    """Whether what is counted of users' requests is all of them."""
    is_sticky: bool = False
    """Whether a client stays with one revision: then a share is one of clients, and requests do not tell it."""
    in_flight: int | None = None
    """Requests that run on the revision that is let go; None where it is not known."""
    begun: Mapping[str, int] | None = None
    """By gateway, requests that were sent to the candidate, ended or not; None where nobody says."""
    restarts: Mapping[str, int] | None = None
    """Of the candidate's engines, by pod; None where nobody looked."""
    copies: Copies | None = None
    """What became of copies for it so far; None where it is not known, or none are made."""
    asks_for_pods: bool = True
    """Whether anybody is to be served: not with `replicas: 0`."""
    paused: bool = False
    promotes_itself: bool = True
    report: Report | None = None
    """Of the run's examination; None while it is under way."""
    unprepared: str = ""
    """What of the target is not there yet and can be had without its pods, in words."""
    leaving: int = 0
    """Pods of the stable revision beyond those that it is to have."""
    lacking: str = ""
    """What a run of the target lacks to begin, or to take from the stable revision, in words; empty: nothing."""
    counted: bool = True
    """Whether that is known just now."""
    command: str | None = None

    @property
    def leaves_nobody(self) -> bool:
        """Whether going back would leave users without any pod, while the candidate has one that is ready."""
        is_away = bool(self.stable.wanted) and not self.stable.ready
        return is_away and bool(self.candidate.ready)
