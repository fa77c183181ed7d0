"""What pods in trouble have to say: logs of failed containers, and events. One pod of a revision is enough."""

import asyncio
from collections.abc import Iterable
from itertools import groupby

from deepseek_operator import complaints, pod_states
from deepseek_operator.kube import resources
from deepseek_operator.kube.client import Kube
from deepseek_operator.observed import (
    JOB_LABEL,
    Complaint,
    Manifest,
    in_order,
    is_group,
    nodes_of,
    revision_of,
    worker_of,
)


async def logs(kube: Kube, namespace: str, pods: Iterable[Manifest]) -> dict[str, str]:
    """The log of the first failed container of each revision, asked for at once: nodes may not answer."""
    asked = {}
    for alike in _by_revision(pods):
        failures = ((pod, pod_states.failed_container(pod)) for pod in alike)
        pod, failed = next((pair for pair in failures if pair[1] is not None), (None, None))
        if pod is None or failed is None:
            continue
        name = pod["metadata"]["name"]
        container, previous = failed
        asked[name] = kube.log_tail(
            resources.POD, namespace, name, container=container, previous=previous
        )
    return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))


async def complaints_of(
    kube: Kube, namespace: str, pods: Iterable[Manifest]
) -> dict[str, tuple[Complaint, ...]]:
    """What events say of the first pod of each revision of which they may tell more than its status."""
    found = {}
    for alike in _by_revision(pods):
        pod = next(filter(complaints.is_wanted, alike), None)
        if pod is not None:
            about = {"involvedObject.uid": pod["metadata"]["uid"]}
            events = await kube.list_all(resources.EVENT, namespace, fields=about)
            found[pod["metadata"]["name"]] = complaints.complaints(events)
    return found


async def refusals(
    kube: Kube, namespace: str, groups: Iterable[Manifest], pods: Iterable[Manifest]
) -> dict[str, tuple[Complaint, ...]]:
    """What StatefulSets of LeaderWorkerSets were answered that lack pods: it stands only in events."""
    there = list(pods)
    short = [group for group in groups if _lacks_pods(group, there)]
    if not short:
        return {}
    asked = {"reason": complaints.REFUSED, "involvedObject.kind": "StatefulSet"}
    events = await kube.list_all(resources.EVENT, namespace, fields=asked)
    return {
        f"{group['kind']}/{name}": complaints.complaints(
            event for event in events if _is_of(event, name)
        )
        for group in short
        for name in (group["metadata"]["name"],)
    }


async def refusals_of_jobs(
    kube: Kube, namespace: str, jobs: Iterable[Manifest], pods: Iterable[Manifest]
) -> dict[str, tuple[Complaint, ...]]:
    """What Jobs were answered that go on and have no pod: it stands only in events."""
    made = {pod["metadata"]["labels"].get(JOB_LABEL) for pod in pods}
    found = {}
    for job in jobs:
        metadata, status = job["metadata"], job.get("status", {})
        # Its controller has met it, and it is neither done nor has it a pod.
        is_short = bool(status.get("startTime")) and not status.get("conditions")
        if is_short and metadata["name"] not in made:
            asked = {"reason": complaints.REFUSED, "involvedObject.uid": metadata.get("uid", "")}
            events = await kube.list_all(resources.EVENT, namespace, fields=asked)
            found[f"{job['kind']}/{metadata['name']}"] = complaints.complaints(events)
    return found


def _by_revision(pods: Iterable[Manifest]) -> list[list[Manifest]]:
    """Pods that are there, each revision's in the order in which causes are looked for: workers come last."""
    there = sorted(in_order(pods), key=lambda pod: (_key(pod), revision_of(pod) is None))
    return [list(alike) for _, alike in groupby(there, key=_key)]


def _key(pod: Manifest) -> str:
    return revision_of(pod) or worker_of(pod) or ""


def _lacks_pods(group: Manifest, pods: list[Manifest]) -> bool:
    key = revision_of(group)
    there = sum(key in (revision_of(pod), worker_of(pod)) for pod in pods)
    return is_group(group) and there < int(group["spec"].get("replicas", 1)) * nodes_of(group)


def _is_of(event: Manifest, group: str) -> bool:
    """One StatefulSet makes the leaders, by the group's name, and each leader's makes workers, by the leader's."""
    name = str(event.get("involvedObject", {}).get("name"))
    return name == group or name.rpartition("-")[0] == group
