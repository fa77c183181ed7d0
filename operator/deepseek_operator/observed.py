"""What a decision reads of the cluster, frozen: the input of every pure function above the API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.capacity.room import Cluster
from deepseek_operator.catalog import catalog as catalogs
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.engines.contract import Tracing
from deepseek_operator.engines.figures import Engine

Manifest = dict[str, Any]

_UNHEARD = timedelta(minutes=1)
"""A kubelet that is there is heard again within ten seconds."""

JOB_LABEL = "batch.kubernetes.io/job-name"
"""On the pods of a Job, by the Job controller."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a gateway's pod said of itself; None where it did not answer."""

    pod: str
    is_ready: bool
    report: Manifest | None


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an event says of a pod, or of what makes pods."""

    reason: str
    message: str
    at: str = ""
    place: str = ""
    """The part of the pod that it is about, as `spec.containers{engine}`."""


@dataclass(frozen=True, slots=True)
class Monitoring:
    """How objects are to be scraped."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """Of their PodMonitors, for a Prometheus that takes only some."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The children of one object and its engine pods, as the API server holds them now.

    Children are controlled by the object. `logs` and `complaints` are read only for pods in trouble, one of a
    revision: pod name to the end of its failed container's log, and to what its events say. `complaints` of what
    makes pods and may not are told by kind and name, as `Job/x`. `claims` hold fetched
    weights, whoever of the namespace uses them; `warnings` are the last of one that has no volume; their Jobs,
    these Jobs' pods and what each pod last
    told of its progress (a JSON line by pod name) are read only while something is not there. So are
    Jobs that warm engines up and their pods, `warmers`, while an engine that has started is shut.
    Pods of the gateway are read, and `gateways` asked, while some do not serve or there is something that
    they have to take up. `told` is what engines counted, asked while a run is under way and with `autoscaling`, and
    `restarts` of each pod by revision, also of those that are too many to be asked;
    `ending` are engine pods on their way out, which hold accelerators until they are gone.
    `groups` are LeaderWorkerSets, read where a revision may have one; `knows_groups` is false where the cluster
    has no such kind, and None where it was not asked.
    `routes` are HTTPRoutes, read where there is or was one to be; `knows_routes` is false where the cluster
    has no such kind; `parent` is the Gateway that they join, None where it is not there or may not be read.
    `monitors` are PodMonitors; `monitoring` says how objects are scraped, None where nobody asks for it or the cluster has
    no such kind.
    `tracing` says where gateways send spans; None where nobody writes traces.
    `cluster` has nodes with accelerators and who holds them, read only while a revision is to be resolved, a rollout is to
    begin, or pods find no node.
    `catalog` has the facts as they were known when the pass began: what is shipped, and what the platform team adds.
    `exams` are the Jobs that examine a candidate's answers, read while it is under way, `examiners` their pods.
    """

    revisions: tuple[Manifest, ...] = ()
    deployments: tuple[Manifest, ...] = ()
    services: tuple[Manifest, ...] = ()
    budgets: tuple[Manifest, ...] = ()
    policies: tuple[Manifest, ...] = ()
    config_maps: tuple[Manifest, ...] = ()
    accounts: tuple[Manifest, ...] = ()
    roles: tuple[Manifest, ...] = ()
    bindings: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    logs: Mapping[str, str] = field(default_factory=dict)
    complaints: Mapping[str, tuple[Complaint, ...]] = field(default_factory=dict)
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claims: tuple[Manifest, ...] = ()
    jobs: tuple[Manifest, ...] = ()
    fetchers: tuple[Manifest, ...] = ()
    progress: Mapping[str, str] = field(default_factory=dict)
    warmups: tuple[Manifest, ...] = ()
    warmers: tuple[Manifest, ...] = ()
    exams: tuple[Manifest, ...] = ()
    examiners: tuple[Manifest, ...] = ()
    gateway_pods: tuple[Manifest, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    told: tuple[Engine, ...] = ()
    restarts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    ending: tuple[Manifest, ...] = ()
    groups: tuple[Manifest, ...] = ()
    knows_groups: bool | None = None
    routes: tuple[Manifest, ...] = ()
    knows_routes: bool = True
    parent: Manifest | None = None
    monitors: tuple[Manifest, ...] = ()
    monitoring: Monitoring | None = None
    tracing: Tracing | None = None
    cluster: Cluster | None = None
    catalog: Catalog = field(default_factory=catalogs.shipped)

    @property
    def children(self) -> tuple[Manifest, ...]:
        """Every child, in no particular order; pods are children of these."""
        return (
            *self.revisions,
            *self.deployments,
            *self.groups,
            *self.services,
            *self.budgets,
            *self.policies,
            *self.config_maps,
            *self.accounts,
            *self.roles,
            *self.bindings,
            *self.routes,
            *self.monitors,
        )

    @property
    def engines(self) -> tuple[Manifest, ...]:
        """What makes the pods of revisions: Deployments, and LeaderWorkerSets."""
        alone = (item for item in self.deployments if revision_of(item) is not None)
        return (*alone, *self.groups)

    @property
    def gateway(self) -> Manifest | None:
        """The Deployment of the gateway."""
        return next((item for item in self.deployments if revision_of(item) is None), None)

    @property
    def shared(self) -> tuple[Manifest, ...]:
        """What objects of the namespace use together."""
        return (*self.claims, *self.jobs)

    def revision(self, key: str) -> Manifest | None:
        """The ControllerRevision of a revision key."""
        return _by_revision(self.revisions, key)

    def engine_set(self, key: str) -> Manifest | None:
        """What makes the pods of a revision key: its Deployment, or its LeaderWorkerSet."""
        return _by_revision(self.engines, key)

    def claim(self, name: str) -> Manifest | None:
        """The claim of fetched weights of this name."""
        return by_name(self.claims, name)

    def job(self, name: str) -> Manifest | None:
        """The Job of fetched weights of this name."""
        return by_name(self.jobs, name)

    def fetchers_of(self, job: str) -> tuple[Manifest, ...]:
        """The pods of a Job, newest first."""
        pods = [pod for pod in self.fetchers if pod["metadata"]["labels"].get(JOB_LABEL) == job]
        return tuple(
            sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
        )

    def warmup(self, job: str) -> Manifest | None:
        """The warm-up Job of this name."""
        return by_name(self.warmups, job)

    def warmers_of(self, job: str) -> tuple[Manifest, ...]:
        """The pods of a warm-up Job, newest first."""
        pods = [pod for pod in self.warmers if pod["metadata"]["labels"].get(JOB_LABEL) == job]
        return tuple(
            sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
        )

    def exam(self, job: str) -> Manifest | None:
        """The Job of this name that examines a Canary's answers."""
        return by_name(self.exams, job)

    def examiners_of(self, job: Manifest) -> tuple[Manifest, ...]:
        """The pods of this very Job: another of its name may have been there before."""
        uid = job["metadata"].get("uid", "")
        return tuple(pod for pod in self.examiners if is_owner(uid, pod))

    def pods_of(self, key: str) -> tuple[Manifest, ...]:
        """The engine pods of a revision key, in order, those on their way out left out."""
        return in_order(pod for pod in self.pods if revision_of(pod) == key)

    def workers_of(self, key: str) -> tuple[Manifest, ...]:
        """The pods of a revision key that take no requests, in order, those on their way out left out."""
        return in_order(pod for pod in self.pods if worker_of(pod) == key)

    def told_by(self, key: str | None) -> tuple[Engine, ...]:
        """What the engines of a revision key counted."""
        return tuple(engine for engine in self.told if engine.revision == key)

    def client_service_revision(self, name: str) -> str | None:
        """The revision that the client Service `name` sends users to."""
        for service in self.services:
            if service["metadata"]["name"] == name:
                selector = service.get("spec", {}).get("selector") or {}
                revision = selector.get(names.REVISION_LABEL)
                return None if revision is None else str(revision)
        return None


def in_order(pods: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Oldest first, and behind them those that will not run again, the last of them first; none on its way out."""
    there = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    there.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    over = filter(is_over, reversed(there))
    return (*(pod for pod in there if not is_over(pod)), *over)


def is_over(pod: Manifest) -> bool:
    """Whether a pod will not run again: evicted, turned away by its node, or ended. It may stand there for long."""
    return pod.get("status", {}).get("phase") in ("Failed", "Succeeded")


def restarts_of(pod: Manifest) -> int:
    """Of a pod's containers, all together."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return sum(int(status.get("restartCount", 0)) for status in statuses)


def restarts_by_revision(pods: Iterable[Manifest]) -> dict[str, dict[str, int]]:
    """Of every pod that is not on its way out, by its name."""
    found: dict[str, dict[str, int]] = {}
    for pod in pods:
        key = revision_of(pod)
        if key is not None and "deletionTimestamp" not in pod["metadata"]:
            found.setdefault(key, {})[str(pod["metadata"]["name"])] = restarts_of(pod)
    return found


def revision_of(manifest: Manifest) -> str | None:
    """The revision key that a manifest is labelled with."""
    key = manifest["metadata"].get("labels", {}).get(names.REVISION_LABEL)
    return None if key is None else str(key)


def worker_of(pod: Manifest) -> str | None:
    """The revision key whose requests a pod helps to answer without taking any."""
    key = pod["metadata"].get("labels", {}).get(names.WORKER_LABEL)
    return None if key is None else str(key)


ENGINE_SETS = frozenset({"Deployment", "LeaderWorkerSet"})
"""Kinds of what makes engine pods."""


def is_group(engine_set: Manifest) -> bool:
    """Whether each replica is a group of pods: a LeaderWorkerSet's."""
    return bool(engine_set.get("kind") == "LeaderWorkerSet")


def nodes_of(engine_set: Manifest) -> int:
    """Pods of one replica: one of a Deployment's, a group's size of a LeaderWorkerSet's."""
    spec = engine_set["spec"]
    return int(spec["leaderWorkerTemplate"]["size"]) if is_group(engine_set) else 1


def template_of(engine_set: Manifest) -> Manifest:
    """The template of the pods that take requests: all of a Deployment, the leaders of a LeaderWorkerSet."""
    spec: Manifest = engine_set["spec"]
    template: Manifest = spec.get("template") or spec["leaderWorkerTemplate"]["leaderTemplate"]
    return template


def is_unheard(pod: Manifest, *, now: datetime) -> bool:
    """Whether a pod is called unready only because its node was not heard of, and that for less than a minute.

    After an outage of the API server the node controller takes the condition Ready from the pods of every node
    (MarkPodsNotReady, pkg/controller/util/node of Kubernetes); what their kubelets said of containers and gates stands.
    """
    found = {one["type"]: one for one in pod.get("status", {}).get("conditions") or ()}
    gates = [one["conditionType"] for one in pod.get("spec", {}).get("readinessGates") or ()]
    holds = all(found.get(kind, {}).get("status") == "True" for kind in ("ContainersReady", *gates))
    ready = found.get("Ready", {})
    if "deletionTimestamp" in pod["metadata"] or ready.get("status") == "True" or not holds:
        return False
    since = ready.get("lastTransitionTime")
    return since is not None and now - datetime.fromisoformat(since) < _UNHEARD


def replicas_of(engine_set: Manifest) -> int:
    """Replicas that a revision is to have, or that it had before it gave them up for another."""
    rested = (engine_set["metadata"].get("annotations") or {}).get(names.RESTING_ANNOTATION, "")
    return int(rested if rested.isdecimal() else engine_set.get("spec", {}).get("replicas", 1))


def ready_replicas(engine_set: Manifest | None) -> int:
    """Replicas that are ready, as their controller last counted them: pods, or groups of which all pods are."""
    return int((engine_set or {}).get("status", {}).get("readyReplicas", 0))


def has_served(engine_set: Manifest | None) -> bool:
    """Whether replicas are ready, or all of them have been at some time.

    Of the latter a Deployment's controller tells in the condition Progressing, and goes on telling whatever
    becomes of the pods (`NewReplicaSetAvailable`, deployment/progress.go of Kubernetes). That of a
    LeaderWorkerSet adds the condition Available then, and turns it to False later on.
    """
    if ready_replicas(engine_set):
        return True
    conditions = (engine_set or {}).get("status", {}).get("conditions") or ()
    if engine_set is not None and is_group(engine_set):
        return any(condition.get("type") == "Available" for condition in conditions)
    return any(
        condition.get("type") == "Progressing"
        and condition.get("reason") == "NewReplicaSetAvailable"
        for condition in conditions
    )


def is_current(engine_set: Manifest | None) -> bool:
    """Whether the counts speak of what is wanted now.

    LeaderWorkerSet tells of which generation they are since 0.9; a count of before is only of fewer groups, as
    a revision's template stays what it is.
    """
    if engine_set is None:
        return False
    status, generation = engine_set.get("status", {}), engine_set["metadata"].get("generation", 0)
    unsaid = generation if status and is_group(engine_set) else 0
    return bool(status.get("observedGeneration", unsaid) >= generation)


def is_at_strength(engine_set: Manifest | None, wanted: int) -> bool:
    """Whether so many replicas are ready; not while the count speaks of an older generation."""
    return is_current(engine_set) and ready_replicas(engine_set) >= wanted


def is_changed_over(deployment: Manifest | None, wanted: int) -> bool:
    """Whether so many pods of the newest template are ready, and none of another is left."""
    status = (deployment or {}).get("status", {})
    updated = int(status.get("updatedReplicas", 0))
    return (
        is_at_strength(deployment, wanted) and int(status.get("replicas", 0)) == updated >= wanted
    )


def is_owner(uid: str, manifest: Manifest) -> bool:
    """Whether the object with this uid is one of the manifest's owners."""
    owners = manifest["metadata"].get("ownerReferences", [])
    return any(owner.get("uid") == uid for owner in owners)


def is_complete(claim: Manifest) -> bool:
    """Whether all weights are in the claim, verified."""
    return names.COMPLETE_ANNOTATION in (claim["metadata"].get("annotations") or {})


def by_name(manifests: tuple[Manifest, ...], name: str) -> Manifest | None:
    """The one of this name."""
    return next((item for item in manifests if item["metadata"]["name"] == name), None)


def _by_revision(manifests: tuple[Manifest, ...], key: str) -> Manifest | None:
    return next((item for item in manifests if revision_of(item) == key), None)
