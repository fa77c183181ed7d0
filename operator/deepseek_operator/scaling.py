"""The number of replicas of an object with `autoscaling`: decided here, kept in status, never written into the spec. Pure.

The number is the one of the revision that the spec asks for. While another one serves beside it, that one keeps what it had,
and gets more if its own users need more; neither gets fewer before the rollout is over.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from deepseek_operator import canary
from deepseek_operator.api.analysis import seconds_of_limit
from deepseek_operator.api.autoscaling import SCALE_TO_ZERO_DELAY, Autoscaling
from deepseek_operator.api.durations import seconds_of
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.autoscaling import law, load, record
from deepseek_operator.autoscaling.scene import PERIOD, Aim, Asks, Replica, Scene, State
from deepseek_operator.build import warmup
from deepseek_operator.observed import (
    Manifest,
    Observed,
    ready_replicas,
    replicas_of,
    revision_of,
)
from deepseek_operator.pod_states import unscheduled
from deepseek_operator.rollout import holding
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.switch import Roles

LOOK_SECONDS = PERIOD.total_seconds()
"""How soon a pass looks again at what the engines tell."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """The object as if it said the number itself; and what is decided, as status has it."""

    deployment: DeepSeekDeployment
    entries: tuple[Manifest, ...] = ()

    @property
    def numbers(self) -> Mapping[str, int]:
        """Replicas by revision."""
        return numbers(self.entries)

    def told(self, status: Manifest) -> Manifest:
        """The status with what is decided."""
        return {**status, "autoscaling": list(self.entries)} if self.entries else status

    def raised(self, roles: Roles) -> Roles:
        """The roles with the number of who serves beside the target, unless it gave its pods up for that one."""
        found = self.numbers
        replicas = {
            key: count if key == roles.target or self._is_given_up(roles, key) else found[key]
            for key, count in roles.replicas.items()
            if key in found
        }
        return replace(roles, replicas={**roles.replicas, **replicas})

    def _is_given_up(self, roles: Roles, key: str) -> bool:
        """Whether it is to have none, though status says otherwise: a Replace has stopped it."""
        return not roles.replicas[key] and (bool(roles.shut) or key in roles.resting)

    def sleeps(self, key: str | None) -> bool:
        """Whether this revision has no replica for as long as nobody asks."""
        return self.numbers.get(str(key)) == 0

    def look_seconds(self, otherwise: float | None) -> float | None:
        """How soon a pass looks again that had nothing else to wait for but `otherwise`."""
        if not self.entries:
            return otherwise
        return LOOK_SECONDS if otherwise is None else min(LOOK_SECONDS, otherwise)


def plan_scaling(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    target: str,
    shapes: Mapping[str, Shape],
    now: datetime,
) -> Scaling:
    """What is decided now; `shapes` of the revisions that are known."""
    asked = deployment.spec.autoscaling
    if asked is None:
        return Scaling(deployment)
    before = {str(one["revision"]): one for one in stored.get("autoscaling", ())}
    serving = stored.get("serving", {}).get("revision")
    seen = _Seen(deployment, asked, observed, stored, target, shapes, now)
    states = {target: seen.decided(target, _state(before, target) or seen.begun(before))}
    if serving in before and serving != target:
        # What serves was asked for before: a block of rollout.from says itself how many it has.
        states[serving] = seen.decided(serving, _state(before, serving))
    entries = tuple(
        {"revision": key, **record.entry(state, seen.aim)} for key, state in states.items()
    )
    spec = deployment.spec.model_copy(update={"replicas": states[target].replicas})
    return Scaling(deployment.model_copy(update={"spec": spec}), entries)


def numbers(entries: Sequence[Manifest]) -> Mapping[str, int]:
    """Replicas by revision, as status has them."""
    return {str(one["revision"]): int(one["replicas"]) for one in entries}


def _state(before: Mapping[str, Manifest], key: str) -> State | None:
    return record.load(before.get(key))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What decisions of an object's revisions follow from."""

    deployment: DeepSeekDeployment
    asked: Autoscaling
    observed: Observed
    stored: Manifest
    target: str
    shapes: Mapping[str, Shape]
    now: datetime

    @property
    def aim(self) -> Aim:
        """What the object asks for."""
        return Aim(
            least=max(1, self.asked.min),
            most=self.asked.max,
            queue=float(self.asked.target.queue),
            cache_use=self.asked.target.cache_use / 100,
            delay=timedelta(seconds=seconds_of(self.asked.scale_down_delay)),
            sleep=self._sleep(),
        )

    def _sleep(self) -> timedelta | None:
        if not self.asked.may_sleep:
            return None
        return timedelta(seconds=seconds_of(self.asked.scale_to_zero_delay or SCALE_TO_ZERO_DELAY))

    def decided(self, key: str, before: State | None) -> State:
        """The next state of a revision."""
        return law.decide(before, self._scene(key), self.aim)

    def begun(self, before: Mapping[str, Manifest]) -> State | None:
        """The first state of a target that follows another: as many as do what that one's do, as far as both were sized."""
        serving = self.stored.get("serving", {}).get("revision")
        had = _state(before, str(serving))
        if had is None:
            return None
        old, new = (self._replica(key).requests_per_second for key in (str(serving), self.target))
        number = math.ceil(had.replicas * old / new) if old and new else had.replicas
        said = f"revision {serving} has {had.replicas}"
        if old and new:
            said += f", a replica does {old:.3g} requests/s there and {new:.3g} here, as they were sized"
        number = max(1, self.asked.min, min(number, self.asked.max))
        return State(number, "Rollout", said, since=self.now, at=self.now)

    def _scene(self, key: str) -> Scene:
        engines = self.observed.told_by(key)
        present = self.observed.engine_set(key)
        return Scene(
            now=self.now,
            load=load.load(engines, ready=ready_replicas(present), limit=self._limit()),
            present=0 if present is None else replicas_of(present),
            is_leaving=any(revision_of(pod) == key for pod in self.observed.ending),
            is_unplaced=any(unscheduled(pod) is not None for pod in self.observed.pods_of(key)),
            run=self._run(),
            replica=self._replica(key),
            warm_seconds=load.warm_seconds(engines),
            needed=self._needed(key),
            through=holding.through(self.observed.gateways, key),
            asks=self._asks(key),
        )

    def _asks(self, key: str) -> Asks:
        held, ago = holding.asks(self.observed.gateways, key)
        return Asks(held, None if ago is None else self.now - timedelta(seconds=ago))

    def _needed(self, key: str) -> str:
        """What needs a replica of it whoever asks, for people; empty: nothing.

        A revision shows that it can serve before it may rest, and is compared with one that serves.
        """
        serving = self.stored.get("serving", {}).get("revision")
        if key == self.target and serving != key:
            return "it has yet to show that it can serve"
        if canary.is_under_way(self.deployment, self.stored):
            return "a rollout is under way, which compares with it or may go back to it"
        return ""

    def _run(self) -> str:
        """The rollout that is under way, by its name; empty: none."""
        if canary.is_under_way(self.deployment, self.stored):
            return str(self.stored["rollout"]["run"])
        serving = self.stored.get("serving", {}).get("revision")
        if canary.is_wanted(self.deployment) or serving in (None, self.target):
            return ""
        return f"of revision {self.target}"

    def _limit(self) -> float | None:
        """Seconds that the first token may take."""
        workload = self.deployment.spec.workload
        of_workload = None if workload is None else workload.time_to_first_token
        said = self.asked.target.time_to_first_token or of_workload
        return None if said is None else seconds_of_limit(said)

    def _replica(self, key: str) -> Replica:
        shape = self.shapes.get(key)
        if shape is None:
            return Replica()
        rate = (shape.sizing or {}).get("requestsPerSecond")
        limits = warmup.warmup_spec(self.deployment, shape)
        return Replica(
            sequences=int(limits["maxConcurrentSequences"]) * int(limits.get("dataParallel", 1)),
            requests_per_second=None if rate is None else float(rate),
        )
