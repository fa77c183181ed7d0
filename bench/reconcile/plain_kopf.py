"""A plain kopf operator for the same objects, as kopf's own documentation teaches to write one.

Change handlers (`on.create`, `on.update`, `on.field`), `kopf.adopt`, the official client in blocking
handlers, status through `patch`, kopf's settings as they come. It makes the same children: they come
from this operator's own builders. Beyond kopf's tutorial it does one thing: a create that meets an
object of that name patches it, since a failed handler is retried from its beginning.

Run it with `kopf run --module bench.reconcile.plain_kopf`.
"""

from typing import Any

import kopf
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from bench.reconcile.objects import Manifest, desired_children
from deepseek_operator.api import names

REPLICAS = ("spec", "replicas")
MERGE = "application/merge-patch+json"


def changes_pods(diff: kopf.Diff, **_: Any) -> bool:
    """Whether something in the spec changed beside the number of replicas."""
    return any(path[:1] == ("spec",) and path[:2] != REPLICAS for _, path, *_ in diff)


@kopf.on.create(names.GROUP, names.VERSION, names.PLURAL)
def create(body: kopf.Body, patch: kopf.Patch, **_: Any) -> None:
    """Make the children of a new object."""
    for child in desired_children(dict(body)):
        create_or_patch(child)
    patch.status["observedGeneration"] = body["metadata"]["generation"]


@kopf.on.update(names.GROUP, names.VERSION, names.PLURAL, when=changes_pods)
def replace(body: kopf.Body, old: Any, patch: kopf.Patch, **_: Any) -> None:
    """Make the children of the new spec, then delete those that only the old one had."""
    desired = desired_children(dict(body))
    for child in desired:
        create_or_patch(child)
    kept = {(child["kind"], child["metadata"]["name"]) for child in desired}
    for child in desired_children({**body, "spec": old["spec"]}):
        if (child["kind"], child["metadata"]["name"]) not in kept:
            delete(child)
    patch.status["observedGeneration"] = body["metadata"]["generation"]


@kopf.on.field(names.GROUP, names.VERSION, names.PLURAL, field="spec.replicas", old=kopf.PRESENT)
def scale(body: kopf.Body, old: Any, new: Any, patch: kopf.Patch, **_: Any) -> None:
    """Give the Deployment the new number of replicas; the budget is for more than one."""
    for child in desired_children(dict(body)):
        if child["kind"] == "Deployment":
            calls(child, "patch")(
                name=child["metadata"]["name"],
                namespace=child["metadata"]["namespace"],
                body={"spec": {"replicas": new}},
            )
        elif child["kind"] == "PodDisruptionBudget" and old <= 1:
            create_or_patch(child)
    for child in desired_children({**body, "spec": {**body["spec"], "replicas": old}}):
        if child["kind"] == "PodDisruptionBudget" and new <= 1:
            delete(child)
    patch.status["observedGeneration"] = body["metadata"]["generation"]


def create_or_patch(child: Manifest) -> None:
    """Create a child, or patch the one that a handler made before it failed."""
    child["metadata"].pop("ownerReferences")
    kopf.adopt(child)
    name, namespace = child["metadata"]["name"], child["metadata"]["namespace"]
    try:
        calls(child, "create")(namespace=namespace, body=child)
    except ApiException as error:
        if error.status != 409:
            raise
        # A merge patch replaces an owner that was there before. The data of a ControllerRevision may
        # not be written again, and need not: its name holds a hash of them.
        wanted = {key: value for key, value in child.items() if key != "data"}
        calls(child, "patch")(name=name, namespace=namespace, body=wanted, _content_type=MERGE)


def delete(child: Manifest) -> None:
    """Delete a child if it is still there."""
    metadata = child["metadata"]
    try:
        calls(child, "delete")(name=metadata["name"], namespace=metadata["namespace"])
    except ApiException as error:
        if error.status != 404:
            raise


def calls(child: Manifest, verb: str) -> Any:
    """The client's function for a child's kind."""
    apis = {
        "Service": (client.CoreV1Api, "namespaced_service"),
        "Deployment": (client.AppsV1Api, "namespaced_deployment"),
        "ControllerRevision": (client.AppsV1Api, "namespaced_controller_revision"),
        "PodDisruptionBudget": (client.PolicyV1Api, "namespaced_pod_disruption_budget"),
    }
    api, noun = apis[child["kind"]]
    return getattr(api(), f"{verb}_{noun}")
