"""Wait for an object as its user would, by what its status says, and print each thing that changes."""

import time
from typing import Any

from dev import steps
from dev.kubectl import Kubectl

POLL_SECONDS = 0.5


def wait_ready(kubectl: Kubectl, namespace: str, name: str, *, seconds: float) -> Any:
    """The object, once its status says that the present spec is rolled out and answers."""
    deadline, said = time.monotonic() + seconds, ""
    while True:
        found = kubectl.json("get", "deepseekdeployment", name, f"--namespace={namespace}")
        line = summary(found)
        if line != said:
            print(f"    {line}", flush=True)
            said = line
        if is_done(found):
            return found
        if time.monotonic() > deadline:
            raise steps.StepError(
                f"{name} is not ready after {seconds:g}s: {said}; look closer with"
                f" `kubectl describe dsd {name} --namespace {namespace}`"
            )
        time.sleep(POLL_SECONDS)


def is_done(manifest: Any) -> bool:
    """Whether users are served by the revision of the present spec, at full strength."""
    wanted = {"Ready": "True", "RolledOut": "True", "Reconciling": "False"}
    return all(condition(manifest, kind).get("status") == value for kind, value in wanted.items())


def summary(manifest: Any) -> str:
    """One line: the Ready condition and its message."""
    ready = condition(manifest, "Ready")
    if not ready:
        return "the operator has not seen the object yet"
    return f"Ready={ready['status']} {ready['reason']}: {ready['message']}"


def condition(manifest: Any, kind: str) -> Any:
    """A condition that speaks of the present spec; empty where there is none."""
    generation = manifest["metadata"]["generation"]
    for item in manifest.get("status", {}).get("conditions", []):
        if item["type"] == kind and item["observedGeneration"] == generation:
            return item
    return {}
