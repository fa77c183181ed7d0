"""The controllers and kubelets around a FakeApi: Deployments get pods, Jobs end well, claims are bound.

What Jobs leave is what kwok's stages leave in the control plane of tests/cluster.
"""

import json

from deepseek_operator.observed import JOB_LABEL
from tests.unit.fake_api import FakeApi
from tests.unit.samples import Manifest
from tests.unit.world import ended

NAMESPACE = "/api/v1/namespaces/team"

_RESULTS = {
    "serving.deepseek.dev/weights": {"files": 1, "bytes": 2**20, "roomBytes": 2**20},
    "serving.deepseek.dev/warmup": {
        "opened": True, "seconds": 0.1, "requests": 1, "failure": None, "shapes": {},
    },
}  # fmt: skip


def play(api: FakeApi) -> None:
    """One step of each of them."""
    for path, item in list(api.objects.items()):
        if item.get("kind") == "PersistentVolumeClaim" and "status" not in item:
            api.put(path, {**item, "status": {"phase": "Bound"}})
        if item.get("kind") == "Job" and "status" not in item:
            _end_job(api, path, item)
        if item.get("kind") == "Deployment":
            _run_pods(api, path, item)


def _end_job(api: FakeApi, path: str, job: Manifest) -> None:
    labels, name = job["spec"]["template"]["metadata"]["labels"], job["metadata"]["name"]
    result = next(result for label, result in _RESULTS.items() if label in labels)
    end = {"exitCode": 0, "message": json.dumps(result), "finishedAt": "2026-03-01T12:00:00Z"}
    api.put(path, {**job, "status": {"conditions": [ended(complete=True)]}})
    pod = {
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-pod",
            "namespace": "team",
            "creationTimestamp": "2026-03-01T11:59:00Z",
            "labels": {**labels, JOB_LABEL: name},
            "ownerReferences": [{"kind": "Job", "name": name, "uid": job["metadata"]["uid"]}],
        },
        "spec": {**job["spec"]["template"]["spec"], "nodeName": "n"},
        "status": {
            "phase": "Succeeded",
            "containerStatuses": [{"name": "main", "state": {"terminated": end}}],
        },
    }
    api.put(f"{NAMESPACE}/pods/{name}-pod", pod)


def _run_pods(api: FakeApi, path: str, deployment: Manifest) -> None:
    wanted, template = deployment["spec"]["replicas"], deployment["spec"]["template"]
    names = [f"{deployment['metadata']['name']}-{number}" for number in range(wanted)]
    for name in names:
        place = f"{NAMESPACE}/pods/{name}"
        if place not in api.objects:
            api.put(place, _started(name, template))
    ready = sum(_is_ready(api.objects[f"{NAMESPACE}/pods/{name}"]) for name in names)
    status = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": wanted,
        "readyReplicas": ready,
    }
    if deployment.get("status") != status:
        api.put(path, {**deployment, "status": status})


def _started(name: str, template: Manifest) -> Manifest:
    """A pod whose containers run; Ready waits for its gates."""
    statuses = [
        {
            "name": container["name"],
            "containerID": f"containerd://{name}",
            "started": True,
            "ready": True,
            "state": {"running": {"startedAt": "2026-03-01T11:58:00Z"}},
        }
        for container in template["spec"]["containers"]
    ]
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "team",
            "creationTimestamp": "2026-03-01T11:58:00Z",
            "labels": template["metadata"]["labels"],
        },
        "spec": {**template["spec"], "nodeName": "n"},
        "status": {
            "podIP": "10.0.0.1",
            "phase": "Running",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": statuses,
        },
    }


def _is_ready(pod: Manifest) -> bool:
    gates = {gate["conditionType"] for gate in pod["spec"].get("readinessGates", ())}
    held = {item["type"] for item in pod["status"]["conditions"] if item["status"] == "True"}
    return gates <= held
