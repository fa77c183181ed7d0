"""What of the weights a decision needs: claims, and while something is missing their Jobs and pods."""

import asyncio
import dataclasses
import json

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.weights import FETCH_CONTAINER
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.observe_pods import refusals_of_jobs
from deepseek_operator.observed import (
    JOB_LABEL,
    Manifest,
    Observed,
    is_complete,
    is_owner,
)
from deepseek_operator.weights import Phase

_OURS: dict[str, str | None] = {
    names.MANAGED_BY_LABEL: names.MANAGED_BY,
    names.WEIGHTS_LABEL: None,
}


async def observe_weights(
    kube: Kube, deployment: DeepSeekDeployment, observed: Observed, *, stored: Manifest
) -> Observed:
    """With the claims of fetched weights, if the object uses any; the rest while it waits for them."""
    if not _uses_fetched_weights(deployment, observed, stored):
        return observed
    namespace = deployment.metadata.namespace
    claims = await kube.list_all(resources.CLAIM, namespace, labels=_OURS)
    observed = dataclasses.replace(observed, claims=tuple(claims))
    waited_for = _waited_for(deployment, claims, stored)
    if waited_for is None:
        return observed
    jobs = await kube.list_all(resources.JOB, namespace, labels=_OURS)
    pods = await kube.list_all(resources.POD, namespace, labels=_OURS) if jobs else []
    own = [job for job in jobs if _is_used(job, deployment)]
    return dataclasses.replace(
        observed,
        jobs=tuple(jobs),
        fetchers=tuple(pods),
        progress={
            **observed.progress,
            **await _progress(kube, namespace, pods, waited_for),
        },
        warnings=await _provisioning(kube, namespace, claims, waited_for),
        complaints={
            **observed.complaints,
            **await refusals_of_jobs(kube, namespace, own, pods),
        },
    )


def _uses_fetched_weights(
    deployment: DeepSeekDeployment, observed: Observed, stored: Manifest
) -> bool:
    """By what the spec asks for, by what serves, or by what was used when status was written.

    And by the history: leaving a claim may fail once its pods are gone and status tells of others.
    """
    sources = [
        item["metadata"].get("annotations", {}).get(names.SOURCE_ANNOTATION, "")
        for item in (*observed.deployments, *observed.groups)
    ]
    sources += [item.get("data", {}).get("source", "") for item in observed.revisions]
    return (
        bool(stored.get("weights"))
        or _asks_for_fetched(deployment)
        or any(not text.startswith("pvc://") for text in sources)
    )


def _asks_for_fetched(deployment: DeepSeekDeployment) -> bool:
    first = deployment.spec.rollout.from_
    blocks = (deployment.spec, *([first] if first else []), *deployment.spec.fallback)
    return any(not (block.source or "").startswith("pvc://") for block in blocks)


def _waited_for(
    deployment: DeepSeekDeployment, claims: list[Manifest], stored: Manifest
) -> frozenset[str] | None:
    """The claims whose weights the object waits for, as far as it is known; None if for nothing."""
    used = {item["metadata"]["name"]: item for item in claims if _is_used(item, deployment)}
    settled = (Phase.READY, Phase.PER_POD)
    told = {entry["claim"]: entry["phase"] in settled for entry in stored.get("weights", [])}
    waiting = {name for name, claim in used.items() if not is_complete(claim)}
    waiting |= {name for name, ready in told.items() if not ready}
    is_untold = not told and _asks_for_fetched(deployment)
    return frozenset(waiting) if waiting or is_untold else None


def _is_used(shared: Manifest, deployment: DeepSeekDeployment) -> bool:
    return is_owner(deployment.metadata.uid, shared)


async def _progress(
    kube: Kube, namespace: str, pods: list[Manifest], claims: frozenset[str]
) -> dict[str, str]:
    """The last line of progress of each running pod that fills one of the claims."""
    filling = [
        pod
        for pod in pods
        if pod["metadata"]["labels"].get(JOB_LABEL) in claims
        and pod.get("status", {}).get("phase") == "Running"
    ]
    return await _told(kube, namespace, filling)


async def copy_progress(kube: Kube, namespace: str, pods: list[Manifest]) -> dict[str, str]:
    """The last line of progress of each engine pod that is fetching a copy of its own."""
    return await _told(kube, namespace, [pod for pod in pods if _is_copying(pod)])


def _is_copying(pod: Manifest) -> bool:
    statuses = pod.get("status", {}).get("initContainerStatuses", [])
    return any(
        item["name"] == FETCH_CONTAINER and "running" in item.get("state", {}) for item in statuses
    )


async def _told(kube: Kube, namespace: str, pods: list[Manifest]) -> dict[str, str]:
    names = [pod["metadata"]["name"] for pod in pods]
    logs = await asyncio.gather(
        *(
            kube.log_tail(resources.POD, namespace, name, container=FETCH_CONTAINER, lines=10)
            for name in names
        )
    )
    lines = zip(names, map(_last_object, logs), strict=True)
    return {name: line for name, line in lines if line is not None}


def _last_object(log: str) -> str | None:
    """The last line that is a JSON object: words for people stand between them."""
    for line in reversed(log.splitlines()):
        if line.startswith("{"):
            try:
                json.loads(line)
            except ValueError:
                continue
            return line
    return None


async def _provisioning(
    kube: Kube, namespace: str, claims: list[Manifest], waited_for: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """What the provisioner last complained of, by claim: it stands only in events."""
    said = {}
    for claim in claims:
        metadata = claim["metadata"]
        pending = claim.get("status", {}).get("phase") == "Pending"
        if pending and metadata["name"] in waited_for:
            events = await kube.list_all(
                resources.EVENT,
                namespace,
                fields={"involvedObject.uid": metadata["uid"], "type": "Warning"},
            )
            events.sort(key=lambda event: event["metadata"].get("creationTimestamp", ""))
            said[metadata["name"]] = tuple(str(event.get("message")) for event in events[-1:])
    return said
