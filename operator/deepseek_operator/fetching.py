"""Whether the weights of a revision are there, and what is to be done so that they come. Pure.

    no claim ─▶ Sizing ─▶ Waiting ─▶ Fetching ─▶ Verifying ─▶ Ready
                  │          │           │
                  └──────────┴───────────┴─▶ Failed ─▶ tried again after a while

A claim is Ready by its own annotation: the Job that filled it may be gone. Where several pods would share
a volume and no volume can be shared between nodes, it is PerPod instead: each pod fetches a copy.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deepseek_operator import copying, diagnosis, fetch_results
from deepseek_operator.api import names
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import copies
from deepseek_operator.build import weights as builders
from deepseek_operator.diagnosis import Finding
from deepseek_operator.observed import Manifest, Observed, is_complete, revision_of, template_of
from deepseek_operator.rollout.revisions import Shape, target_key
from deepseek_operator.weights import Phase, Progress, Weights

RETRY = timedelta(minutes=2)
"""How long after its last failure a Job is made anew: what it needs may have been given since."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """What is known of a revision's weights and what is to be written so that they come.

    `template` is the pods' where each of them has a copy of its own.
    """

    weights: Weights
    share: tuple[Manifest, ...] = ()
    delete: tuple[Manifest, ...] = ()
    template: Manifest | None = None

    @property
    def is_shared(self) -> bool:
        """Whether the revision's pods use the claim."""
        return self.weights.phase is not Phase.PER_POD


def plan_fetching(
    deployment: DeepSeekDeployment, shape: Shape, observed: Observed, *, now: datetime
) -> Fetching | None:
    """Of a revision's weights; None where they are in a volume of the user's own."""
    running = observed.engine_set(shape.key)
    if running is not None and copies.is_copied(template_of(running)):
        template = template_of(running)
        volume = copies.volume_of(template)
        return _per_pod(deployment, shape, observed, volume=volume, running=template)
    name = builders.claim_of(shape)
    if name is None:
        return None
    scene = _Scene(deployment, shape, observed, name, now)
    claim = observed.claim(name)
    if claim is None:
        size = _size(scene)
        return _sizing(scene) if size is None else _fetching(scene, size=size)
    if "deletionTimestamp" in claim["metadata"]:
        message = f"the claim {name} is being deleted and is made anew once no pod uses it"
        return Fetching(scene.weights(Phase.WAITING, Finding(Reason.WEIGHTS_WAITING, message)))
    if is_complete(claim):
        progress = _completed(claim["metadata"]["annotations"][names.COMPLETE_ANNOTATION])
        share = (builders.build_claim(deployment, shape, name, size=_asked(deployment)),)
        return Fetching(Weights(name, shape.source, Phase.READY, progress), share)
    return _fetching(scene, size=_asked(deployment))


@dataclass(frozen=True, slots=True)
class _Scene:
    """What every step below looks at."""

    deployment: DeepSeekDeployment
    shape: Shape
    observed: Observed
    claim: str
    now: datetime

    def weights(
        self, phase: Phase, trouble: Finding | None, progress: Progress | None = None
    ) -> Weights:
        return Weights(self.claim, self.shape.source, phase, progress or Progress(), trouble)


def _size(scene: _Scene) -> str | None:
    """What the user asks for, what the catalog knows, or what the source has told."""
    asked = _asked(scene.deployment)
    if asked is not None:
        return asked
    model = scene.observed.catalog.models.get(scene.shape.model)
    if model is not None and f"hf://{model.repository}" == scene.shape.source:
        return builders.size_with_margin(model.weights_bytes)
    job = scene.observed.job(builders.listing_name(scene.claim))
    told = _result(scene, job) if job is not None and _ended(job) == "Complete" else {}
    return builders.size_with_margin(int(told["roomBytes"])) if "roomBytes" in told else None


def _asked(deployment: DeepSeekDeployment) -> str | None:
    size = deployment.spec.cache.size
    return None if size is None else str(size)


def _sizing(scene: _Scene) -> Fetching:
    """Ask the source how much it is; a Job that ended and told nothing is made anew."""
    desired = builders.build_listing_job(scene.deployment, scene.shape, scene.claim)
    job = scene.observed.job(desired["metadata"]["name"])
    if job is None or _ended(job) is None:
        trouble = _pods_trouble(scene, job) if job else None
        weights = scene.weights(Phase.WAITING if trouble else Phase.SIZING, trouble)
        return Fetching(weights, (desired,), _mended(scene, job, trouble))
    return _after_failure(scene, job, share=())


def _fetching(scene: _Scene, *, size: str | None) -> Fetching:
    """Have the claim and its Job; once that has succeeded the claim says so."""
    deployment, shape, name = scene.deployment, scene.shape, scene.claim
    claim = builders.build_claim(deployment, shape, name, size=size)
    job = scene.observed.job(name)
    if job is not None and _ended(job) and _is_of_another_volume(scene, job):
        return Fetching(scene.weights(Phase.WAITING, None), (claim,), (job,))
    unshared = _unshared_volume(scene)
    if unshared is not None:
        return _per_pod(deployment, shape, scene.observed, volume=unshared)
    if job is None or _ended(job) is None:
        weights = _under_way(scene, job)
        share = (claim, builders.build_fetch_job(deployment, shape, name))
        unfit = _unfit_claim(scene, asked=size)
        if unfit:
            return Fetching(weights, share[1:], unfit)
        return Fetching(weights, share, _mended(scene, job, weights.trouble))
    if _ended(job) == "Failed":
        return _after_failure(scene, job, share=(claim,))
    told = json.dumps({"bytes": _result(scene, job).get("bytes")})
    filled = builders.build_claim(deployment, shape, name, size=size, complete=told)
    return Fetching(scene.weights(Phase.READY, None, _completed(told)), (filled,))


def _per_pod(
    deployment: DeepSeekDeployment,
    shape: Shape,
    observed: Observed,
    *,
    volume: Manifest,
    running: Manifest | None = None,
) -> Fetching:
    template = copying.template_with_copies(deployment, shape, volume=volume, running=running)
    return Fetching(copying.copied_weights(deployment, shape, observed), template=template)


_NO_SHARING = re.compile(
    r"access.?modes?|ReadWriteMany|ReadWriteOnce|multi.?(node|writer|attach)|single.?node"
    r"|volume.?capabilit",
    re.IGNORECASE,
)
"""What provisioners say who cannot make a volume for several nodes; each has words of its own: local-path,
the CSI drivers of EBS, Persistent Disk, Azure Disk, Cinder, vSphere, RBD, DigitalOcean."""


def _unshared_volume(scene: _Scene) -> Manifest | None:
    """What each pod's own volume is to be, if the claim asks for several nodes and none can be made so.

    Not where the user asked for that by name, and not for pods that are there: they keep their volume. Nor on
    several nodes: a copy that is tried again is a container that restarts, and each would make its group anew.
    """
    claim, cache = scene.observed.claim(scene.claim), scene.deployment.spec.cache
    has_pods = scene.observed.engine_set(scene.shape.key) is not None
    is_grouped = scene.shape.group is not None
    if claim is None or cache.access_mode is not None or has_pods or is_grouped:
        return None
    is_pending = claim.get("status", {}).get("phase") == "Pending"
    wants_many = "ReadWriteMany" in claim["spec"].get("accessModes", [])
    said = " ".join(scene.observed.warnings.get(scene.claim, ()))
    if not (is_pending and wants_many and _NO_SHARING.search(said)):
        return None
    size = claim["spec"]["resources"]["requests"]["storage"]
    return copies.volume(size=size, storage_class_name=cache.storage_class_name)


def _mended(scene: _Scene, job: Manifest | None, trouble: Finding | None) -> tuple[Manifest, ...]:
    """A Job in trouble that was made before the spec was changed: the change may mend it.

    Where others use it too, theirs may be the spec that it was made for: not at once, then.
    """
    is_wanted = target_key(scene.deployment.spec) == scene.shape.key
    if job is None or trouble is None or not is_wanted or revision_of(job) == scene.shape.key:
        return ()
    alone = len(job["metadata"].get("ownerReferences", [])) <= 1
    is_old = datetime.fromisoformat(_created(job)) + RETRY <= scene.now
    return (job,) if alone or is_old else ()


def _unfit_claim(scene: _Scene, *, asked: str | None) -> tuple[Manifest, ...]:
    """A claim for which no volume was made, while another size is asked for: none can be given to it."""
    claim = scene.observed.claim(scene.claim)
    if claim is None or asked is None or _claim_trouble(scene) is None:
        return ()
    is_pending = claim.get("status", {}).get("phase") == "Pending"
    alone = len(claim["metadata"].get("ownerReferences", [])) <= 1
    has = claim["spec"].get("resources", {}).get("requests", {}).get("storage")
    return (claim,) if is_pending and alone and has != asked else ()


def _is_of_another_volume(scene: _Scene, job: Manifest) -> bool:
    """Whether the Job is older than the claim: a finished one stays for a day, claims come and go."""
    claim = scene.observed.claim(scene.claim)
    return claim is None or _created(job) < _created(claim)


def _after_failure(scene: _Scene, job: Manifest, *, share: tuple[Manifest, ...]) -> Fetching:
    failure = _failure(scene, job)
    due = _ended_at(job) + RETRY <= scene.now
    renewed = (job,) if due else _mended(scene, job, failure)
    return Fetching(scene.weights(Phase.FAILED, failure), share, renewed)


def _under_way(scene: _Scene, job: Manifest | None) -> Weights:
    pods = scene.observed.fetchers_of(scene.claim) if job else ()
    told = scene.observed.progress.get(pods[0]["metadata"]["name"]) if pods else None
    trouble = _claim_trouble(scene) or (_pods_trouble(scene, job) if job else None)
    if told is None:
        return scene.weights(Phase.WAITING, trouble)
    document = fetch_results.document(told)
    phase = Phase.VERIFYING if document.get("phase") == "verifying" else Phase.FETCHING
    return scene.weights(phase, trouble, Progress.told(document))


def _claim_trouble(scene: _Scene) -> Finding | None:
    """What the provisioner of the volume complains of."""
    for said in scene.observed.warnings.get(scene.claim, ()):
        return Finding(
            Reason.VOLUME_NOT_PROVISIONED,
            f"PersistentVolumeClaim {scene.claim}: {said}; see cache.storageClassName and "
            "cache.accessMode",
        )
    return None


def _pods_trouble(scene: _Scene, job: Manifest) -> Finding | None:
    """Why the newest pod does not run, or why the one before it failed and this one tries again."""
    pods = scene.observed.fetchers_of(job["metadata"]["name"])
    found = diagnosis.diagnose_pods(scene.observed, pods[:1], made_by=job)
    if found is not None and found.reason is not Reason.ENGINE_FAILED:
        return found
    return next(filter(None, (_pod_failure(scene, pod) for pod in pods[:2])), None)


def _failure(scene: _Scene, job: Manifest) -> Finding:
    """The cause as the Job's last pod told it, else as Kubernetes did."""
    pods = scene.observed.fetchers_of(job["metadata"]["name"])
    told = next(filter(None, (_pod_failure(scene, pod) for pod in pods[:1])), None)
    if told is not None:
        return told
    said = "it ended and told no size"
    if _ended(job) == "Failed":
        said = _condition(job).get("message", "it told nothing")
    return Finding(
        Reason.WEIGHTS_FAILED, f"weights of {scene.shape.source}: Job {_name(job)}: {said}"
    )


def _pod_failure(scene: _Scene, pod: Manifest) -> Finding | None:
    """What a pod that failed left as its result, or how its container ended."""
    end = _end(pod)
    if end is None or end.get("exitCode") == 0:
        return None
    return fetch_results.failure(scene.shape.source, end)


def _result(scene: _Scene, job: Manifest) -> dict[str, Any]:
    """What the Job's successful pod left as its result."""
    for pod in scene.observed.fetchers_of(job["metadata"]["name"]):
        end = _end(pod)
        if end is not None and end.get("exitCode") == 0:
            return fetch_results.document(str(end.get("message", "")))
    return {}


def _end(pod: Manifest) -> dict[str, Any] | None:
    for container in pod.get("status", {}).get("containerStatuses", []):
        end: dict[str, Any] | None = container.get("state", {}).get("terminated")
        return end
    return None


def _ended(job: Manifest) -> str | None:
    """Complete, Failed, or None while the Job goes on."""
    condition = _condition(job)
    return str(condition["type"]) if condition else None


def _ended_at(job: Manifest) -> datetime:
    return datetime.fromisoformat(_condition(job)["lastTransitionTime"])


def _condition(job: Manifest) -> dict[str, Any]:
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return dict(condition)
    return {}


def _completed(told: str) -> Progress:
    size = fetch_results.document(told).get("bytes")
    return Progress(done=size, total=size)


def _created(manifest: Manifest) -> str:
    """In the one form of the API server, so that texts compare as times."""
    return str(manifest["metadata"].get("creationTimestamp", ""))


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])
