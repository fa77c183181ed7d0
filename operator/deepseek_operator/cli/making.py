"""Which objects the operator makes, keeps and lets go for an object, by its own plan. Pure.

Its plan of the next pass says what stands in the way; its plan of a cluster in which the new revision serves already, what
there is in the end. Neither is a copy: both are `plan.make_plan`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from deepseek_operator import fallbacks, groups, replicas, scaling, shapes
from deepseek_operator.api.conditions import ConditionType
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import weights
from deepseek_operator.capacity import holders
from deepseek_operator.cli import servable
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.observed import (
    ENGINE_SETS,
    Manifest,
    Observed,
    is_group,
    nodes_of,
    revision_of,
    template_of,
)
from deepseek_operator.plan import make_plan
from deepseek_operator.rollout.revisions import Shape, target_key

Action = Literal["make", "keep", "let go", "keep or make"]


@dataclass(frozen=True, slots=True)
class Child:
    """One object, and what becomes of it."""

    action: Action
    kind: str
    name: str
    replicas: int | None = None
    """None where its kind has none, or it goes."""
    before: int | None = None
    """Replicas that it has now."""
    accelerators: int | None = None
    """Of all its replicas; None where its kind has no engines."""


@dataclass(frozen=True, slots=True)
class Making:
    """All objects of one object."""

    children: tuple[Child, ...]
    stalled: str = ""
    """Why the operator would make nothing new."""
    unread: tuple[str, ...] = ()
    """Kinds of which it is not known what is there."""
    sizing: Manifest | None = None
    """What is derived of the revision that is asked for; None where it cannot be made."""
    claim: str = ""
    """The volume that its weights are fetched into; empty: one of the user's own."""
    keeps: str = ""
    """How long what is let go is kept after that; empty: not at all."""


def making(
    deployment: DeepSeekDeployment,
    observed: Observed,
    *,
    stored: Manifest,
    now: datetime,
    unread: tuple[str, ...] = (),
    rdma: bool = False,
) -> Making:
    """What becomes of the objects once all that the object asks for is done; `rdma` as the operator is set up."""
    images = servable.images(rdma=rdma)
    following = make_plan(deployment, observed, stored=stored, images=images, now=now)
    shape, _ = shapes.of_target(deployment, observed, target_key(deployment.spec), images=images)
    stalled = _stalled(following.status)
    wanted, leave = (*following.apply, *following.share), following.leave
    if not stalled and shape is not None:
        number = scaling.numbers(following.status.get("autoscaling", ())).get(shape.key)
        settled = _settled(deployment, observed, shape, images=images, number=number)
        stored = {"serving": {"revision": shape.key}, "desired": {"revision": shape.key}}
        last = make_plan(deployment, settled, stored=stored, images=images, now=now)
        wanted, leave = (*last.apply, *last.share), last.leave
    found = {_place(item): item for item in (*observed.children, *observed.shared)}
    kept = {_place(item) for item in wanted}
    gone = [
        item for item in observed.children if _place(item) not in kept and not _is_history(item)
    ]
    return Making(
        children=(
            *(_child(item, found.get(_place(item)), unread) for item in _by_place(wanted)),
            *(Child("let go", item["kind"], item["metadata"]["name"]) for item in (*gone, *leave)),
        ),
        stalled=stalled,
        unread=unread,
        sizing=None if shape is None else shape.sizing,
        keeps=_keeps(deployment),
        claim="" if shape is None else weights.claim_of(shape) or "",
    )


def _keeps(deployment: DeepSeekDeployment) -> str:
    """The rollback window, of runs that have one with pods in it."""
    rollout = deployment.spec.rollout
    return rollout.rollback_window or "2h" if rollout.strategy in ("Canary", "Auto") else ""


def _stalled(status: Manifest) -> str:
    for condition in status.get("conditions", ()):
        if condition["type"] == ConditionType.STALLED and condition["status"] == "True":
            return str(condition["message"])
    return ""


def _settled(
    deployment: DeepSeekDeployment,
    observed: Observed,
    shape: Shape,
    *,
    images: EngineImages,
    number: int | None,
) -> Observed:
    """The cluster with every pod of the new revision and of who stands in for it; `number` is what autoscaling begins with."""
    asking, _, _ = replicas.counted(deployment, shape, observed, key=shape.key)
    count = asking.spec.replicas if number is None else number
    sets = {shape.key: _ready(deployment, observed, shape, count)}
    entries = fallbacks.plan_fallbacks(
        deployment, observed, stored={}, target=shape.key, images=images
    )
    for one in entries:
        if one.shape is not None and one.is_member:
            sets[one.key] = _ready(deployment, observed, one.shape, one.replicas)
    others = [item for item in observed.engines if revision_of(item) not in sets]
    gateways = [item for item in observed.deployments if revision_of(item) is None]
    running = [*others, *sets.values()]
    return replace(
        observed,
        deployments=(*gateways, *(item for item in running if not is_group(item))),
        groups=tuple(item for item in running if is_group(item)),
        knows_groups=True,
    )


def _ready(
    deployment: DeepSeekDeployment, observed: Observed, shape: Shape, count: int
) -> Manifest:
    """What makes the pods of a revision, with all of them ready."""
    known = replace(observed, knows_groups=True)
    made = groups.build_engine_set(deployment, shape, known, replicas=count)
    status = {"observedGeneration": 1, "replicas": count, "readyReplicas": count}
    return {
        **made,
        "metadata": {**made["metadata"], "generation": 1},
        "spec": {**made["spec"], "replicas": count},
        "status": status,
    }


def _child(wanted: Manifest, present: Manifest | None, unread: tuple[str, ...]) -> Child:
    kind = wanted["kind"]
    action: Action = "make" if present is None else "keep"
    count = wanted["spec"].get("replicas") if kind in ENGINE_SETS else None
    before = present["spec"].get("replicas") if present and count is not None else None
    return Child(
        action="keep or make" if kind in unread else action,
        kind=kind,
        name=wanted["metadata"]["name"],
        replicas=count,
        before=before,
        accelerators=count * _accelerators(wanted)
        if count is not None and _has_engines(wanted)
        else None,
    )


def _has_engines(engine_set: Manifest) -> bool:
    """A gateway's Deployment is of no revision."""
    return revision_of(engine_set) is not None


def _accelerators(engine_set: Manifest) -> int:
    """Of one replica: of each pod of a group its own."""
    leader = holders.accelerators_of(template_of(engine_set)["spec"])
    if not is_group(engine_set):
        return leader
    worker = engine_set["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]
    return leader + (nodes_of(engine_set) - 1) * holders.accelerators_of(worker)


def _place(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _by_place(manifests: Iterable[Manifest]) -> list[Manifest]:
    return list({_place(item): item for item in manifests}.values())


def _is_history(manifest: Manifest) -> bool:
    """Old revisions stay, so that going back is exact."""
    return bool(manifest["kind"] == "ControllerRevision")
