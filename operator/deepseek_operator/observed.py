"""What a decision reads of the cluster, frozen: the input of every pure function above the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.engines.figures import Engine

Manifest = dict[str, Any]

JOB_LABEL = "batch.kubernetes.io/job-name"
"""On the pods of a Job, by the Job controller."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """What a gateway's pod said of itself; None where it did not answer."""

    pod: str
    is_ready: bool
    report: Manifest | None


@dataclass(frozen=True, slots=True)
class Observed:
    """The children of one object and its engine pods, as the API server holds them now.

    Children are controlled by the object. `logs` and `warnings` are read only for pods in trouble: pod
    name to the end of its failed container's log, and to its warning events. `claims` hold fetched
    weights, whoever of the namespace uses them; their Jobs, these Jobs' pods and what each pod last
    told of its progress (a JSON line by pod name) are read only while something is not there. So are
    Jobs that warm engines up and their pods, `warmers`, while an engine that has started is shut.
    Pods of the gateway are read, and `gateways` asked, while some do not serve or there is something that
    they have to take up. `told` is what engines counted, asked while two revisions of a Canary are there.
    """

    revisions: tuple[Manifest, ...] = ()
    deployments: tuple[Manifest, ...] = ()
    services: tuple[Manifest, ...] = ()
    budgets: tuple[Manifest, ...] = ()
    config_maps: tuple[Manifest, ...] = ()
    accounts: tuple[Manifest, ...] = ()
    roles: tuple[Manifest, ...] = ()
    bindings: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    logs: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claims: tuple[Manifest, ...] = ()
    jobs: tuple[Manifest, ...] = ()
    fetchers: tuple[Manifest, ...] = ()
    progress: Mapping[str, str] = field(default_factory=dict)
    warmups: tuple[Manifest, ...] = ()
    warmers: tuple[Manifest, ...] = ()
    gateway_pods: tuple[Manifest, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    told: tuple[Engine, ...] = ()

    @property
    def children(self) -> tuple[Manifest, ...]:
        """Every child, in no particular order; pods are their Deployments' children."""
        return (
            *self.revisions,
            *self.deployments,
            *self.services,
            *self.budgets,
            *self.config_maps,
            *self.accounts,
            *self.roles,
            *self.bindings,
        )

    @property
    def engines(self) -> tuple[Manifest, ...]:
        """The Deployments of revisions."""
        return tuple(item for item in self.deployments if revision_of(item) is not None)

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

    def deployment(self, key: str) -> Manifest | None:
        """The Deployment of a revision key."""
        return _by_revision(self.deployments, key)

    def claim(self, name: str) -> Manifest | None:
        """The claim of fetched weights of this name."""
        return _by_name(self.claims, name)

    def job(self, name: str) -> Manifest | None:
        """The Job of fetched weights of this name."""
        return _by_name(self.jobs, name)

    def fetchers_of(self, job: str) -> tuple[Manifest, ...]:
        """The pods of a Job, newest first."""
        pods = [pod for pod in self.fetchers if pod["metadata"]["labels"].get(JOB_LABEL) == job]
        return tuple(
            sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
        )

    def warmup(self, job: str) -> Manifest | None:
        """The warm-up Job of this name."""
        return _by_name(self.warmups, job)

    def warmers_of(self, job: str) -> tuple[Manifest, ...]:
        """The pods of a warm-up Job, newest first."""
        pods = [pod for pod in self.warmers if pod["metadata"]["labels"].get(JOB_LABEL) == job]
        return tuple(
            sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
        )

    def pods_of(self, key: str) -> tuple[Manifest, ...]:
        """The engine pods of a revision key, oldest first, those on their way out left out."""
        pods = [
            pod
            for pod in self.pods
            if revision_of(pod) == key and "deletionTimestamp" not in pod["metadata"]
        ]
        return tuple(sorted(pods, key=lambda pod: pod["metadata"].get("creationTimestamp", "")))

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


def restarts_of(pod: Manifest) -> int:
    """Of a pod's containers, all together."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return sum(int(status.get("restartCount", 0)) for status in statuses)


def revision_of(manifest: Manifest) -> str | None:
    """The revision key that a manifest is labelled with."""
    key = manifest["metadata"].get("labels", {}).get(names.REVISION_LABEL)
    return None if key is None else str(key)


def ready_replicas(deployment: Manifest | None) -> int:
    """Pods of a Deployment that are ready, as its controller last counted them."""
    return int((deployment or {}).get("status", {}).get("readyReplicas", 0))


def is_current(deployment: Manifest | None) -> bool:
    """Whether a Deployment's counts speak of what it is told now."""
    if deployment is None:
        return False
    counted = deployment.get("status", {}).get("observedGeneration", 0)
    return bool(counted >= deployment["metadata"].get("generation", 0))


def is_at_strength(deployment: Manifest | None, wanted: int) -> bool:
    """Whether so many pods are ready; not while the count speaks of an older generation."""
    return is_current(deployment) and ready_replicas(deployment) >= wanted


def is_owner(uid: str, manifest: Manifest) -> bool:
    """Whether the object with this uid is one of the manifest's owners."""
    owners = manifest["metadata"].get("ownerReferences", [])
    return any(owner.get("uid") == uid for owner in owners)


def is_complete(claim: Manifest) -> bool:
    """Whether all weights are in the claim, verified."""
    return names.COMPLETE_ANNOTATION in (claim["metadata"].get("annotations") or {})


def _by_name(manifests: tuple[Manifest, ...], name: str) -> Manifest | None:
    return next((item for item in manifests if item["metadata"]["name"] == name), None)


def _by_revision(manifests: tuple[Manifest, ...], key: str) -> Manifest | None:
    return next((item for item in manifests if revision_of(item) == key), None)
