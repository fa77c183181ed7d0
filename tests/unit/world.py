"""A cluster in memory: what plans are carried out on, and what the next one observes."""

import copy
from dataclasses import dataclass, field
from datetime import datetime

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.kube import drift
from deepseek_operator.observed import Observed, revision_of
from deepseek_operator.plan import Plan, make_plan
from tests.unit.samples import IMAGES, NOW, Manifest

_FIELDS = {
    "ControllerRevision": "revisions",
    "Deployment": "deployments",
    "Service": "services",
    "PodDisruptionBudget": "budgets",
}


@dataclass
class World:
    """The children of one object, its pods, and its stored status."""

    children: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    pods: list[Manifest] = field(default_factory=list)
    stored: Manifest = field(default_factory=dict)

    def observed(self) -> Observed:
        """Everything, as observe() would read it."""
        found: dict[str, list[Manifest]] = {name: [] for name in _FIELDS.values()}
        for child in self.children.values():
            found[_FIELDS[child["kind"]]].append(copy.deepcopy(child))
        return Observed(
            revisions=tuple(found["revisions"]),
            deployments=tuple(found["deployments"]),
            services=tuple(found["services"]),
            budgets=tuple(found["budgets"]),
            pods=tuple(self.pods),
        )

    def plan(self, deployment: DeepSeekDeployment, *, now: datetime = NOW) -> Plan:
        """The plan of a pass over what there is now."""
        return make_plan(
            deployment, self.observed(), stored=copy.deepcopy(self.stored), images=IMAGES, now=now
        )

    def carry_out(self, plan: Plan) -> None:
        """Do what a pass does with a plan."""
        for desired in map(drift.with_digest, plan.apply):
            self._apply(copy.deepcopy(desired))
        for unwanted in plan.delete:
            del self.children[unwanted["kind"], unwanted["metadata"]["name"]]
        self.stored = copy.deepcopy(plan.status)

    def settle(self, deployment: DeepSeekDeployment, *, ready: bool = True) -> Plan:
        """Pass after pass, pods becoming ready in between, until nothing is left to write."""
        for _ in range(12):
            if ready:
                self.start_pods()
            plan = self.plan(deployment)
            if not self.writes(plan):
                return plan
            self.carry_out(plan)
        raise AssertionError("the plans do not come to rest")

    def writes(self, plan: Plan) -> list[str]:
        """What carrying the plan out would change, in words."""
        changed = [
            f"apply {item['kind']} {item['metadata']['name']}"
            for item in map(drift.with_digest, plan.apply)
            if (present := self.children.get((item["kind"], item["metadata"]["name"]))) is None
            or drift.differs(present, item)
        ]
        changed += [f"delete {item['kind']} {item['metadata']['name']}" for item in plan.delete]
        return changed + (["status"] if plan.status != self.stored else [])

    def start_pods(self, key: str | None = None, *, ready: int | None = None) -> None:
        """Let pods of a revision (of all) become ready: all of them, or so many."""
        for (kind, _), child in self.children.items():
            if kind == "Deployment" and key in (None, revision_of(child)):
                wanted = child["spec"]["replicas"]
                child["status"] = {
                    "observedGeneration": child["metadata"]["generation"],
                    "replicas": wanted,
                    "readyReplicas": wanted if ready is None else min(ready, wanted),
                }

    def find(self, kind: str, key: str | None = None) -> Manifest:
        """The child of this kind: of a revision, or the one that is of none."""
        return next(
            child
            for (its_kind, _), child in self.children.items()
            if its_kind == kind and revision_of(child) == key
        )

    def _apply(self, desired: Manifest) -> None:
        place = (desired["kind"], desired["metadata"]["name"])
        present = self.children.get(place)
        generation = 1
        if present is not None:
            generation = present["metadata"]["generation"]
            generation += present.get("spec") != desired.get("spec")
            if "status" in present:
                desired["status"] = present["status"]
        desired["metadata"]["generation"] = generation
        self.children[place] = desired


def served(deployment: DeepSeekDeployment) -> World:
    """A world in which the object's spec is served in full."""
    world = World()
    world.settle(deployment)
    return world
