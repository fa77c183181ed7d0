"""Builders of the children: ControllerRevision, Deployment, Services, PodDisruptionBudget."""

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.gateway import gateway_selector
from deepseek_operator.build.metadata import (
    Manifest,
    child_metadata,
    disruption_budget,
    object_selector,
    revision_selector,
)
from deepseek_operator.engines.contract import PORT
from deepseek_operator.rollout.revisions import Shape

SERVICE_PORT = 80


def build_controller_revision(
    deployment: DeepSeekDeployment, shape: Shape, *, number: int, reference: str | None = None
) -> Manifest:
    """The frozen pod shape of a revision; `number` orders the revisions of an object.

    `reference` is what its first pod answered to the fixed prompt, for the others to be compared with.
    """
    metadata = child_metadata(
        deployment,
        name=names.revision_child(deployment.metadata.name, shape.key),
        key=shape.key,
    )
    if reference is not None:
        metadata["annotations"] = {names.REFERENCE_ANNOTATION: reference}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "revision": number,
        "data": shape.to_data(),
    }


def build_deployment(
    deployment: DeepSeekDeployment,
    shape: Shape,
    *,
    replicas: int,
    template: Manifest | None = None,
) -> Manifest:
    """The engine pods of a revision; a revision's template never changes, so it never rolls.

    `template` is the shape's with what the cluster's storage asks for.
    """
    metadata = child_metadata(
        deployment,
        name=names.revision_child(deployment.metadata.name, shape.key),
        key=shape.key,
    )
    metadata["annotations"] = {
        names.MODEL_ANNOTATION: shape.model,
        names.SOURCE_ANNOTATION: shape.source,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": revision_selector(deployment, shape.key)},
            # Only a hand-edited and then repaired template rolls; accelerators may all be in use.
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
            },
            "revisionHistoryLimit": 1,
            "template": template or shape.template,
        },
    }


def build_revision_service(deployment: DeepSeekDeployment, shape: Shape) -> Manifest:
    """The headless Service that names the endpoints of exactly one revision."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(
            deployment,
            name=names.revision_child(deployment.metadata.name, shape.key),
            key=shape.key,
        ),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": revision_selector(deployment, shape.key),
            "ports": [_port(PORT)],
        },
    }


def build_client_service(
    deployment: DeepSeekDeployment, *, serving_key: str, through_gateway: bool = False
) -> Manifest:
    """The one address that clients use; it selects gateways, or the pods of the serving revision."""
    selector = revision_selector(deployment, serving_key)
    if through_gateway:
        selector = gateway_selector(deployment)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(deployment, name=deployment.metadata.name),
        "spec": {
            "type": "ClusterIP",
            "selector": selector,
            "ports": [_port(SERVICE_PORT)],
        },
    }


def build_disruption_budget(deployment: DeepSeekDeployment, *, replicas: int) -> Manifest | None:
    """At most one engine pod at a time leaves by a drain; none wanted for a single replica."""
    if replicas <= 1:
        return None
    return disruption_budget(
        deployment, name=deployment.metadata.name, selector=object_selector(deployment)
    )


def _port(port: int) -> Manifest:
    return {"name": "http", "port": port, "targetPort": "http", "protocol": "TCP"}


def shape_of_deployment(key: str, running: Manifest) -> Shape:
    """The shape as a running Deployment shows it: for a revision whose ControllerRevision is gone.

    The template then holds the server's defaults too; applied again it changes nothing.
    """
    annotations = running["metadata"].get("annotations", {})
    return Shape(
        key=key,
        model=annotations.get(names.MODEL_ANNOTATION, ""),
        source=annotations.get(names.SOURCE_ANNOTATION, ""),
        image=running["spec"]["template"]["spec"]["containers"][0]["image"],
        template=running["spec"]["template"],
    )
