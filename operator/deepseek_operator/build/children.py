"""Builders of the children: ControllerRevision, Deployment or LeaderWorkerSet, Services, PodDisruptionBudget."""

import json
from collections.abc import Sequence

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.gateway import gateway_selector
from deepseek_operator.build.metadata import (
    Manifest,
    child_metadata,
    disruption_budget,
    revision_selector,
)
from deepseek_operator.engines.contract import PORT
from deepseek_operator.observed import template_of
from deepseek_operator.rollout.revisions import Group, Shape

SERVICE_PORT = 80

_EXCLUSIVE_TOPOLOGY = "leaderworkerset.sigs.k8s.io/exclusive-topology"
"""Of a LeaderWorkerSet: its controller gives each group a domain of this node label to itself."""


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
    resting: int | None = None,
) -> Manifest:
    """The engine pods of a revision; a revision's template never changes, so it never rolls.

    `template` is the shape's with what the cluster's storage asks for; `resting` is how many pods it comes
    back with, where it has given them up.
    """
    name = names.revision_child(deployment.metadata.name, shape.key)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _engine_metadata(deployment, shape, name=name, resting=resting),
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


def build_group(
    deployment: DeepSeekDeployment,
    shape: Shape,
    group: Group,
    *,
    replicas: int,
    resting: int | None = None,
) -> Manifest:
    """The LeaderWorkerSet of a revision whose replica is on several nodes; everything in it is said.

    Whatever ends in a group ends all of it: its engines hold parts of one model, and wait for each other.
    """
    name = names.revision_group(deployment.metadata.name, shape.key)
    metadata = _engine_metadata(deployment, shape, name=name, resting=resting)
    if group.topology:
        metadata["annotations"][_EXCLUSIVE_TOPOLOGY] = group.topology
    rolling = {"maxUnavailable": 1, "maxSurge": 0, "partition": 0}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            # A leader is ready once its engine answers, and that it does with its workers.
            "startupPolicy": "LeaderCreated",
            # As of a Deployment: only a template that was edited and is repaired rolls.
            "rolloutStrategy": {"type": "RollingUpdate", "rollingUpdateConfiguration": rolling},
            # A shared Service would have the set's name; each leader's own has the pod's.
            "networkConfig": {"subdomainPolicy": "UniquePerReplica"},
            "leaderWorkerTemplate": {
                "size": group.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": shape.template,
                "workerTemplate": group.worker,
            },
        },
    }


def _engine_metadata(
    deployment: DeepSeekDeployment, shape: Shape, *, name: str, resting: int | None
) -> Manifest:
    """Of what makes a revision's pods; with what its ControllerRevision holds beside their template."""
    metadata = child_metadata(deployment, name=name, key=shape.key)
    metadata["annotations"] = {
        names.MODEL_ANNOTATION: shape.model,
        names.SOURCE_ANNOTATION: shape.source,
        **({} if resting is None else {names.RESTING_ANNOTATION: str(resting)}),
    }
    if shape.sizing is not None:
        metadata["annotations"][names.SIZING_ANNOTATION] = json.dumps(shape.sizing)
    return metadata


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
    deployment: DeepSeekDeployment,
    *,
    serving_key: str,
    through_gateway: bool = False,
    ports: Sequence[str] = ("http",),
) -> Manifest:
    """The one address that clients use; it selects gateways, or the pods of the serving revision.

    `ports` are http and https, each of which leads to the pods that have a port of this name.
    """
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
            "ports": [_port(_CLIENT_PORTS[name], name) for name in ports],
        },
    }


def build_disruption_budget(
    deployment: DeepSeekDeployment, key: str, *, replicas: int
) -> Manifest | None:
    """At most one engine pod of a revision at a time leaves by a drain; none wanted for a single replica.

    One for each: pods of a candidate that do not start keep none of what serves from leaving.
    """
    if replicas <= 1:
        return None
    return disruption_budget(
        deployment,
        name=names.revision_child(deployment.metadata.name, key),
        selector=revision_selector(deployment, key),
        key=key,
    )


_CLIENT_PORTS = {"http": SERVICE_PORT, "https": 443}


def _port(port: int, name: str = "http") -> Manifest:
    return {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}


def shape_of_engine_set(key: str, running: Manifest) -> Shape:
    """The shape as a running Deployment or LeaderWorkerSet shows it: for a revision whose ControllerRevision is gone.

    The template then holds the server's defaults too; applied again it changes nothing.
    """
    annotations, template = running["metadata"].get("annotations", {}), template_of(running)
    return Shape(
        key=key,
        model=annotations.get(names.MODEL_ANNOTATION, ""),
        source=annotations.get(names.SOURCE_ANNOTATION, ""),
        image=template["spec"]["containers"][0]["image"],
        template=template,
        sizing=json.loads(annotations.get(names.SIZING_ANNOTATION, "null")),
        group=_group_of(running),
    )


def _group_of(running: Manifest) -> Group | None:
    """What a LeaderWorkerSet has beside its leader; None for a Deployment."""
    parts = running["spec"].get("leaderWorkerTemplate")
    if parts is None:
        return None
    topology = running["metadata"]["annotations"].get(_EXCLUSIVE_TOPOLOGY, "")
    return Group(int(parts["size"]), parts["workerTemplate"], topology)
