"""reconcile(): the four verbs for one key. Observe, plan, execute, report."""

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import ValidationError

from deepseek_operator import scaling
from deepseek_operator.api import names
from deepseek_operator.api.analysis import seconds_of_limit
from deepseek_operator.api.conditions import ConditionType, Reason
from deepseek_operator.api.types import DeepSeekDeployment, ObjectMeta
from deepseek_operator.build import status as status_builder
from deepseek_operator.catalog.catalog import Catalog
from deepseek_operator.diagnosis import Finding
from deepseek_operator.engines.contract import EngineImages
from deepseek_operator.errors import Conflict, Stalled
from deepseek_operator.execute import execute
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.kube.errors import (
    AlreadyExistsError,
    ApiError,
    NotFoundError,
    UnreachableError,
    VersionConflictError,
)
from deepseek_operator.observe import observe
from deepseek_operator.observed import Manifest, Monitoring, Observed
from deepseek_operator.plan import TROUBLE_SECONDS, Plan, make_plan
from deepseek_operator.report import STALLED_SECONDS, Outcome, events_of_change, once_more
from deepseek_operator.telemetry import engines, gateways
from deepseek_operator.telemetry.engines import AskEngines
from deepseek_operator.telemetry.gateways import Ask

EVENTS_SECONDS = 5
"""A pass waits no longer for all of its events."""


@dataclass(frozen=True, slots=True)
class Key:
    """One DeepSeekDeployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


async def reconcile(
    kube: Kube,
    key: Key,
    *,
    images: EngineImages,
    now: datetime,
    catalog: Catalog | None = None,
    monitoring: Monitoring | None = None,
    ask_gateways: Ask = gateways.ask_nobody,
    ask_engines: AskEngines = engines.ask_no_engine,
) -> Outcome:
    """One pass: bring the cluster one step nearer to the object, and say how it stands.

    `catalog` has the facts that revisions are resolved by; None: those that are shipped. `monitoring` says how
    objects are to be scraped; None: nobody asks for it. Conflict when somebody else wrote in between; any other error is of
    this attempt only.
    """
    manifest = await kube.get(resources.DEEPSEEK_DEPLOYMENT, key.namespace, key.name)
    if manifest is None or "deletionTimestamp" in manifest["metadata"]:
        # Owner references collect the children; pods drain by their own grace period.
        return Outcome(result="gone", writes=0, generation=0, requeue_seconds=None)
    try:
        deployment = DeepSeekDeployment.model_validate({**manifest, "status": {}})
    except ValidationError as error:
        return await _report_unreadable(kube, manifest, error, now=now)
    stored = manifest.get("status", {})
    observed = await observe(
        kube,
        deployment,
        stored=stored,
        catalog=catalog,
        monitoring=monitoring,
        ask_gateways=ask_gateways,
        ask_engines=ask_engines,
        with_policies=images.policies is not None,
        tracing=images.tracing,
    )
    plan = make_plan(deployment, observed, stored=stored, images=images, now=now)
    return await _carry_out(kube, deployment, observed, plan, stored=stored, images=images, now=now)


async def _carry_out(
    kube: Kube,
    deployment: DeepSeekDeployment,
    observed: Observed,
    plan: Plan,
    *,
    stored: Manifest,
    images: EngineImages,
    now: datetime,
) -> Outcome:
    generation = deployment.metadata.generation
    if plan.records:
        # Its status is written before it is known whether what stopped the last pass stops this one: it
        # goes on saying so, and the next pass, at once, will know.
        last = _last_obstacle(stored)
        if last is not None:
            plan = make_plan(
                deployment, observed, stored=stored, images=images, now=now, obstacle=last
            )
            plan = replace(plan, requeue_seconds=0.0)
        return await _record_and_follow(kube, deployment, observed, plan, stored=stored, now=now)
    status, requeue, writes = plan.status, plan.requeue_seconds, 0
    try:
        writes = await execute(kube, deployment, observed, plan)
    except Stalled as stalled:
        finding = Finding(stalled.reason, stalled.message)
        stopped = make_plan(
            deployment, observed, stored=stored, images=images, now=now, obstacle=finding
        )
        status, requeue = stopped.status, _stalled_seconds(plan)
    writes += await _write_status(kube, deployment.metadata, status, stored=stored)
    await _tell(kube, deployment.metadata, status, stored=stored, now=now)
    result = "changed" if writes else "unchanged"
    return Outcome(
        result,
        writes,
        generation,
        requeue,
        status,
        _first_token_seconds(deployment),
        asleep_at=_asleep_at(observed, status),
    )


def _asleep_at(observed: Observed, status: Manifest) -> tuple[str, ...]:
    if 0 not in scaling.numbers(status.get("autoscaling", ())).values():
        return ()
    addresses = (pod.get("status", {}).get("podIP") for pod in observed.gateway_pods)
    return tuple(sorted({str(address) for address in addresses if address}))


def _first_token_seconds(deployment: DeepSeekDeployment) -> float | None:
    asked = deployment.spec.workload
    if asked is None or asked.time_to_first_token is None:
        return None
    return seconds_of_limit(asked.time_to_first_token)


def _stalled_seconds(plan: Plan) -> float:
    """What goes on beside what is refused (a run, gateways that take up a weight) is not looked at less."""
    seconds = plan.requeue_seconds
    return STALLED_SECONDS if seconds is None or seconds >= TROUBLE_SECONDS else seconds


def _last_obstacle(stored: Manifest) -> Finding | None:
    """What stopped the last pass while it was carried out."""
    for condition in stored.get("conditions", []):
        is_obstacle = condition["reason"] in (Reason.NAME_TAKEN, Reason.REFUSED_BY_SERVER)
        if condition["type"] == ConditionType.STALLED and is_obstacle:
            return Finding(Reason(condition["reason"]), condition["message"])
    return None


async def _record_and_follow(
    kube: Kube,
    deployment: DeepSeekDeployment,
    observed: Observed,
    plan: Plan,
    *,
    stored: Manifest,
    now: datetime,
) -> Outcome:
    """Effects follow from a decision that is stored, never from one that was only made; what tells of it comes last."""
    generation, seconds = deployment.metadata.generation, plan.requeue_seconds
    writes = await _write_status(kube, deployment.metadata, plan.status, stored=stored)
    try:
        writes += await execute(kube, deployment, observed, plan)
    except Stalled:
        # This pass has written its status: the next one meets the same and says so.
        seconds = 0.0
    except Conflict:
        # The next one finds this decision stored, and has nothing to tell of it.
        await _tell(kube, deployment.metadata, plan.status, stored=stored, now=now)
        raise
    await _tell(kube, deployment.metadata, plan.status, stored=stored, now=now)
    first_token = _first_token_seconds(deployment)
    return Outcome(
        "recorded",
        writes,
        generation,
        seconds,
        plan.status,
        first_token,
        asleep_at=_asleep_at(observed, plan.status),
    )


async def _write_status(
    kube: Kube,
    metadata: ObjectMeta,
    status: Manifest,
    *,
    stored: Manifest,
) -> int:
    """The one status write of a pass, and only of the version that was read."""
    if status == stored:
        return 0
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "status": status,
    }
    try:
        await kube.apply(resources.DEEPSEEK_DEPLOYMENT, body, sub="status")
    except (VersionConflictError, NotFoundError) as error:
        raise Conflict(f"{names.KIND} {metadata.namespace}/{metadata.name}: {error}") from error
    return 1


async def _tell(
    kube: Kube, metadata: ObjectMeta, status: Manifest, *, stored: Manifest, now: datetime
) -> None:
    """The events of a change of status.

    They tell, they decide nothing: where they are refused, or kept by a store of their own that does not answer, the
    pass is none the worse, and the rest of its events is not waited for either.
    """
    with contextlib.suppress(UnreachableError, TimeoutError):
        async with asyncio.timeout(EVENTS_SECONDS):
            for event in events_of_change(metadata, stored, status, now=now):
                await _post_event(kube, event)


async def _post_event(kube: Kube, event: Manifest) -> None:
    """One that is refused keeps none of the others from being told."""
    with contextlib.suppress(ApiError):
        try:
            await kube.create(resources.EVENT, event)
        except AlreadyExistsError:
            await _count_event(kube, event)


async def _count_event(kube: Kube, event: Manifest) -> None:
    namespace, name = event["metadata"]["namespace"], event["metadata"]["name"]
    present = await kube.get(resources.EVENT, namespace, name)
    operations = None if present is None else once_more(present, event)
    if operations is not None:
        await kube.json_patch(resources.EVENT, namespace, name, operations)


async def _report_unreadable(
    kube: Kube, manifest: Manifest, error: ValidationError, *, now: datetime
) -> Outcome:
    """An object stored under older rules: nothing of it is changed, and it says why."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    finding = Finding(Reason.INVALID_SPEC, f"{field}: {first['msg']}; correct the field")
    metadata = ObjectMeta.model_validate(manifest["metadata"])
    stored = manifest.get("status", {})
    status = status_builder.stalled_conditions(
        stored, finding, generation=metadata.generation, now=now
    )
    writes = await _write_status(kube, metadata, status, stored=stored)
    await _tell(kube, metadata, status, stored=stored, now=now)
    return Outcome("stalled", writes, metadata.generation, None, status)
