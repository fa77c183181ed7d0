"""Metadata of children: names, labels, owner."""

from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment

Manifest = dict[str, Any]


def object_labels(deployment: DeepSeekDeployment) -> dict[str, str]:
    """Labels of everything that belongs to the object."""
    return {
        "app.kubernetes.io/name": "deepseek",
        "app.kubernetes.io/instance": deployment.metadata.name,
        names.MANAGED_BY_LABEL: names.MANAGED_BY,
        names.DEPLOYMENT_LABEL: deployment.metadata.name,
    }


def object_selector(deployment: DeepSeekDeployment) -> dict[str, str]:
    """Selects the engine pods of every revision of the object."""
    return {names.DEPLOYMENT_LABEL: deployment.metadata.name}


def revision_selector(deployment: DeepSeekDeployment, key: str) -> dict[str, str]:
    """Selects the engine pods of exactly one revision of the object."""
    return {**object_selector(deployment), names.REVISION_LABEL: key}


def disruption_budget(
    deployment: DeepSeekDeployment, *, name: str, selector: dict[str, str], key: str | None = None
) -> Manifest:
    """At most one of the selected pods that serve leaves at a time by a drain.

    One that does not serve may always leave: it protects nobody, and a drain would wait for it until a person comes
    (https://kubernetes.io/docs/tasks/run-application/configure-pdb/#unhealthy-pod-eviction-policy).
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": child_metadata(deployment, name=name, key=key),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def child_metadata(
    deployment: DeepSeekDeployment, *, name: str, key: str | None = None
) -> Manifest:
    """Metadata of a child: its name, our labels, and the object as its controller."""
    labels = object_labels(deployment)
    if key is not None:
        labels[names.REVISION_LABEL] = key
    return {
        "name": name,
        "namespace": deployment.metadata.namespace,
        "labels": labels,
        "ownerReferences": [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": deployment.metadata.name,
                "uid": deployment.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
