"""A cluster in memory: what plans are carried out on, and what the next one observes."""

import copy
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.catalog import catalog as catalogs
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.engines.figures import Engine
from deepseek_operator.kube import drift, sharing
from deepseek_operator.observed import JOB_LABEL, Gateway, Monitoring, Observed, revision_of
from deepseek_operator.plan import Plan, make_plan
from tests.unit import structural
from tests.unit.samples import IMAGES, NOW, Manifest

_FIELDS = {
    "ControllerRevision": "revisions",
    "Deployment": "deployments",
    "LeaderWorkerSet": "groups",
    "Service": "services",
    "PodDisruptionBudget": "budgets",
    "NetworkPolicy": "policies",
    "ConfigMap": "config_maps",
    "ServiceAccount": "accounts",
    "Role": "roles",
    "RoleBinding": "bindings",
    "HTTPRoute": "routes",
    "PodMonitor": "monitors",
}


@dataclass
class World:
    """The children of one object, its pods, and its stored status."""

    children: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    shared: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    fetchers: list[Manifest] = field(default_factory=list)
    pods: list[Manifest] = field(default_factory=list)
    stored: Manifest = field(default_factory=dict)
    gateways: tuple[Gateway, ...] = ()
    told: tuple[Engine, ...] = ()
    knows_groups: bool = True
    """Whether LeaderWorkerSet is installed."""
    knows_routes: bool = True
    monitoring: Monitoring | None = None
    """How objects are scraped; None: nobody asks for it, or PodMonitors are not known."""
    parent: Manifest | None = None
    catalog: Catalog = field(default_factory=catalogs.shipped)
    images: EngineImages = IMAGES

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
            policies=tuple(found["policies"]),
            config_maps=tuple(found["config_maps"]),
            accounts=tuple(found["accounts"]),
            roles=tuple(found["roles"]),
            bindings=tuple(found["bindings"]),
            groups=tuple(found["groups"]),
            knows_groups=self._asked_for_groups(),
            routes=tuple(found["routes"]),
            knows_routes=self.knows_routes,
            monitors=tuple(found["monitors"]),
            monitoring=self.monitoring,
            tracing=self.images.tracing,
            parent=self.parent,
            gateways=self.gateways,
            told=self.told,
            pods=tuple(self.pods),
            ending=tuple(pod for pod in self.pods if "deletionTimestamp" in pod["metadata"]),
            claims=self._shared("PersistentVolumeClaim"),
            jobs=self._shared("Job"),
            fetchers=tuple(copy.deepcopy(self.fetchers)),
            catalog=self.catalog,
        )

    def plan(self, deployment: DeepSeekDeployment, *, now: datetime = NOW) -> Plan:
        """The plan of a pass over what there is now."""
        return make_plan(
            deployment,
            self.observed(),
            stored=copy.deepcopy(self.stored),
            images=self.images,
            now=now,
        )

    def carry_out(self, plan: Plan) -> None:
        """Do what a pass does with a plan."""
        for desired in map(drift.with_digest, plan.apply):
            self._apply(copy.deepcopy(desired))
        for desired in plan.share:
            self._share(copy.deepcopy(desired))
        for unwanted in plan.delete:
            place = (unwanted["kind"], unwanted["metadata"]["name"])
            del (self.shared if place in self.shared else self.children)[place]
        for unused in plan.leave:
            self._leave(unused, uid="uid-of-chat")
        # The API server refuses a status that does not fit, and drops what it does not know.
        assert [*structural.faults(structural.schema_of("status"), plan.status)] == []
        self.stored = copy.deepcopy(plan.status)

    def carry_out_part(self, plan: Plan, count: int) -> None:
        """Do so many writes of a plan: the operator dies after them."""
        cut = Plan(
            apply=plan.apply[:count],
            delete=plan.delete[: max(0, count - len(plan.apply))],
            status=plan.status if plan.records else self.stored,
            records=plan.records,
            requeue_seconds=None,
        )
        self.carry_out(cut)

    def settle(
        self, deployment: DeepSeekDeployment, *, ready: bool = True, now: datetime = NOW
    ) -> Plan:
        """Pass after pass, pods becoming ready in between, until nothing is left to write."""
        for _ in range(12):
            if ready:
                self.end_jobs()
                self.start_pods()
            plan = self.plan(deployment, now=now)
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
        changed += [
            f"share {item['kind']} {item['metadata']['name']}"
            for item in plan.share
            if (present := self.shared.get((item["kind"], item["metadata"]["name"]))) is None
            or sharing.join(present, item) is not None
        ]
        changed += [
            f"delete {item['kind']} {item['metadata']['name']}"
            for item in (*plan.delete, *plan.leave)
        ]
        return changed + (["status"] if plan.status != self.stored else [])

    def _asked_for_groups(self) -> bool | None:
        """As observe() asks: where a revision that was frozen is on several nodes, or status tells of one."""
        frozen = [
            child for (kind, _), child in self.children.items() if kind == "ControllerRevision"
        ]
        told = [self.stored.get("serving", {}), self.stored.get("desired", {})]
        told += self.stored.get("fallback", [])
        is_asked = any("group" in child["data"] for child in frozen) or any(
            "nodes" in entry for entry in told
        )
        return self.knows_groups if is_asked else None

    def start_pods(self, key: str | None = None, *, ready: int | None = None) -> None:
        """Let replicas of a revision (of all) become ready: all of them, or so many."""
        for (kind, _), child in self.children.items():
            if kind in ("Deployment", "LeaderWorkerSet") and key in (None, revision_of(child)):
                wanted = child["spec"]["replicas"]
                child["status"] = {
                    "observedGeneration": child["metadata"]["generation"],
                    "replicas": wanted,
                    "updatedReplicas": wanted,
                    "readyReplicas": wanted if ready is None else min(ready, wanted),
                }

    def follow(self) -> None:
        """The gateway's pods take up what they are told."""
        told = json.loads(self.find("ConfigMap")["data"]["gateway.json"])
        self.gateways = (Gateway("gateway-1", is_ready=True, report={"taken": told["version"]}),)

    def end_jobs(self, *, result: Manifest | None = None, code: int = 0) -> None:
        """Every Job that is under way ends: with success, or with a failure of this exit code."""
        told = result or {"files": 9, "bytes": 10 * 2**30, "roomBytes": 10 * 2**30}
        for (kind, name), job in self.shared.items():
            if kind == "Job" and not job.get("status"):
                job["status"] = {"conditions": [ended(complete=code == 0)]}
                self.fetchers.append(fetcher(job, name, result=told, code=code))

    def find(self, kind: str, key: str | None = None) -> Manifest:
        """The child of this kind: of a revision, or the one that is of none."""
        return next(
            child
            for (its_kind, _), child in self.children.items()
            if its_kind == kind and revision_of(child) == key
        )

    def _shared(self, kind: str) -> tuple[Manifest, ...]:
        return tuple(
            copy.deepcopy(item) for (its_kind, _), item in self.shared.items() if its_kind == kind
        )

    def _share(self, desired: Manifest) -> None:
        place = (desired["kind"], desired["metadata"]["name"])
        present = self.shared.get(place)
        if present is None:
            metadata = {"resourceVersion": "1", "uid": f"uid-of-{place[1]}"}
            self.shared[place] = {**desired, "metadata": {**desired["metadata"], **metadata}}
        else:
            patch(present, sharing.join(present, desired) or [])

    def _leave(self, unused: Manifest, *, uid: str) -> None:
        place = (unused["kind"], unused["metadata"]["name"])
        operations = sharing.leave(self.shared[place], uid)
        if operations is None:
            del self.shared[place]
        else:
            patch(self.shared[place], operations)

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


def ended(*, complete: bool, at: str = "2026-03-01T12:00:00Z") -> Manifest:
    """The condition of a Job that has ended."""
    kind = "Complete" if complete else "Failed"
    return {"type": kind, "status": "True", "lastTransitionTime": at, "message": "it ended"}


def fetcher(job: Manifest, name: str, *, result: Manifest, code: int = 0) -> Manifest:
    """A pod of a Job that has ended and left a result."""
    end = {"exitCode": code, "message": json.dumps(result)}
    return {
        "metadata": {
            "name": f"{name}-pod",
            "creationTimestamp": "2026-03-01T11:59:00Z",
            "labels": {**job["metadata"]["labels"], JOB_LABEL: name},
        },
        "status": {
            "phase": "Succeeded" if code == 0 else "Failed",
            "containerStatuses": [{"name": "fetch", "state": {"terminated": end}}],
        },
    }


def patch(manifest: Manifest, operations: list[Manifest]) -> None:
    """Apply JSON patch operations that add or replace, or remove."""
    for operation in operations:
        words = operation["path"].removeprefix("/").split("/")
        *parents, last = (word.replace("~1", "/").replace("~0", "~") for word in words)
        place: Any = manifest
        for parent in parents:
            place = place[int(parent) if isinstance(place, list) else parent]
        if operation["op"] == "remove":
            del place[int(last) if isinstance(place, list) else last]
        else:
            place[last] = operation["value"]
