"""What revisions need before users may reach their pods: weights, then warm engines. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.fetching import Fetching, plan_fetching
from deepseek_operator.observed import Manifest, Observed, is_owner
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.warming import Warming, plan_warming


@dataclass(frozen=True, slots=True)
class Preparation:
    """How far it is, by revision, and what it takes."""

    fetched: dict[str, Fetching]
    """Of the revisions whose weights are fetched."""
    warming: dict[str, Warming]
    waiting: str | None
    """The revision of which nothing is prepared yet, as there is no room for its pods."""

    @property
    def is_fetching(self) -> bool:
        """Whether weights are missing."""
        return any(one.weights.missing for one in self.fetched.values())

    @property
    def share(self) -> tuple[Manifest, ...]:
        """What several objects use together."""
        return _unique(item for fetching in self.fetched.values() for item in fetching.share)

    @property
    def delete(self) -> tuple[Manifest, ...]:
        """What is made anew."""
        every: tuple[Fetching | Warming, ...] = (*self.fetched.values(), *self.warming.values())
        return _unique(item for one in every for item in one.delete)

    @property
    def start(self) -> tuple[Manifest, ...]:
        """Jobs that warm engines up."""
        return tuple(job for one in self.warming.values() for job in one.jobs)

    @property
    def gates(self) -> tuple[Manifest, ...]:
        """Statuses of pods."""
        return tuple(gate for one in self.warming.values() for gate in one.gates)

    def unused(self, deployment: DeepSeekDeployment, observed: Observed) -> tuple[Manifest, ...]:
        """Jobs and claims that this object has used and does not use any more; Jobs first."""
        used = {fetching.weights.claim for fetching in self.fetched.values() if fetching.is_shared}
        return tuple(
            item
            for item in (*observed.jobs, *observed.claims)
            if item["metadata"]["labels"][names.WEIGHTS_LABEL] not in used
            and is_owner(deployment.metadata.uid, item)
            and "deletionTimestamp" not in item["metadata"]
        )


def plan_preparation(
    deployment: DeepSeekDeployment,
    observed: Observed,
    shapes: dict[str, Shape],
    *,
    asking: Mapping[str, DeepSeekDeployment],
    waiting: str | None,
    now: datetime,
) -> Preparation:
    """Of the revisions with these shapes.

    `asking` has, by revision, the object as if it asked for it: a fallback has a cache of its own. For the revision that is
    `waiting` for room nothing is fetched.
    """
    found = {
        key: plan_fetching(asking.get(key, deployment), shape, observed, now=now)
        for key, shape in shapes.items()
        if key != waiting
    }
    return Preparation(
        fetched={key: fetching for key, fetching in found.items() if fetching is not None},
        warming={
            key: plan_warming(deployment, shape, observed, now=now) for key, shape in shapes.items()
        },
        waiting=waiting,
    )


def unprepared(
    deployment: DeepSeekDeployment,
    observed: Observed,
    target: str,
    shape: Shape | None,
    *,
    now: datetime,
) -> str:
    """What of the target could be there before its pods and is not: its weights, and its frozen shape."""
    fetching = plan_fetching(deployment, shape, observed, now=now) if shape else None
    missing = fetching.weights.missing if fetching else None
    if missing is not None:
        return missing.message
    return "" if observed.revision(target) else "the shape of its pods is not frozen yet"


def _unique(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Two revisions may share one claim: it is wanted once."""
    by_name = {(item["kind"], item["metadata"]["name"]): item for item in manifests}
    return tuple(by_name.values())
