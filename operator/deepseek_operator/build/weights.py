"""Builders of what brings weights into the cluster: the claim that keeps them and its Jobs.

Claim and Jobs belong to every object that uses the source: each object is one of their owners, and the
last one that goes takes them with it.
"""

import math
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.durations import seconds_of
from deepseek_operator.api.serving import Cache
from deepseek_operator.api.sources import FetchedSource
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.metadata import Manifest
from deepseek_operator.build.template import (
    ENGINE_CONTAINER,
    TOOLS_CONTAINER,
    WEIGHTS_VOLUME,
    container_security,
    pod_security,
)
from deepseek_operator.engines.contract import FETCHED_FOLDER, WEIGHTS_PATH
from deepseek_operator.rollout.revisions import Shape

FETCH_CONTAINER = "fetch"

MARGIN = 1.15
"""The volume beside the weights' own size: file systems keep some, and listings are no promise."""

GIB = 2**30

FINISHED_SECONDS = 24 * 3600
"""How long a finished Job stays, for people who want to read its log."""

_BACKOFF_LIMIT = 20
"""Attempts of the Job, each of which goes on where the last one stopped; killed pods count too."""

NEEDS_A_PERSON = 2
"""Exit code of a fetch that another attempt does not help."""

_FETCH_VARIABLES = frozenset(
    {
        "HF_TOKEN", "HF_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",
        "https_proxy", "http_proxy", "no_proxy", "SSL_CERT_FILE",
    }
)  # fmt: skip
"""Of pod.env, what fetching reads."""

PATIENCE_FLAG = "--stall-timeout="

_PLACEMENT = ("nodeSelector", "tolerations", "affinity", "imagePullSecrets", "serviceAccountName")
"""Of the engine pods, what decides where the weights are fetched: a volume may stay on that node."""

_REGISTRY_PATH = "/etc/deepseek/registry"


def claim_name(source: FetchedSource, cache: Cache) -> str:
    """The claim of a source; another class or way of access that the user asks for is another one."""
    asked = [source.text, cache.storage_class_name or "", cache.access_mode or ""]
    return names.weights_claim(source.title, "\n".join(asked))


def claim_of(shape: Shape) -> str | None:
    """The claim that the weights of a revision are fetched into; None for a user's own volume."""
    if shape.source.startswith("pvc://"):
        return None
    for volume in shape.template["spec"].get("volumes", []):
        if volume["name"] == WEIGHTS_VOLUME and "persistentVolumeClaim" in volume:
            return str(volume["persistentVolumeClaim"]["claimName"])
    # Each pod has a copy of its own, or it is a revision of before weights were fetched: its engine fetches them itself.
    return None


def listing_name(claim: str) -> str:
    """The Job that asks a source for its size."""
    return f"{claim}-listing"


def size_with_margin(weights_bytes: int) -> str:
    """The size of a volume for so many bytes of weights."""
    return f"{max(1, math.ceil(weights_bytes * MARGIN / GIB))}Gi"


def build_claim(
    deployment: DeepSeekDeployment,
    shape: Shape,
    claim: str,
    *,
    size: str | None,
    complete: str | None = None,
) -> Manifest:
    """The claim; `size` None leaves that of a claim that exists, `complete` marks it as filled."""
    cache = deployment.spec.cache
    annotations = {names.SOURCE_ANNOTATION: shape.source}
    metadata: Manifest = {
        **_metadata(deployment, claim, name=claim),
        "annotations": annotations,
    }
    if complete is not None:
        annotations[names.COMPLETE_ANNOTATION] = complete
    if cache.retain:
        annotations[names.RETAIN_ANNOTATION] = "true"
        metadata["ownerReferences"] = []
    asked = deployment.spec.autoscaling
    # The volume is that of all replicas that there may be: its mode cannot be changed later.
    most = deployment.spec.replicas if asked is None else asked.max
    several = most > 1 or shape.group is not None
    spec: Manifest = {
        "accessModes": [cache.access_mode or ("ReadWriteMany" if several else "ReadWriteOnce")]
    }
    if cache.storage_class_name:
        spec["storageClassName"] = cache.storage_class_name
    if size is not None:
        spec["resources"] = {"requests": {"storage": size}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": spec,
    }


def build_fetch_job(
    deployment: DeepSeekDeployment, shape: Shape, claim: str, *, patience: str | None = None
) -> Manifest:
    """The Job that fetches the weights into the claim, and goes on where an earlier one stopped.

    `patience` is the flag for how long a source may be silent, where it was decided before.
    """
    target = f"--target={WEIGHTS_PATH}/{FETCHED_FOLDER}"
    arguments = [f"--source={shape.source}", target, patience or _patience(deployment)]
    volume = {"name": WEIGHTS_VOLUME, "persistentVolumeClaim": {"claimName": claim}}
    mount = {"name": WEIGHTS_VOLUME, "mountPath": WEIGHTS_PATH}
    return _job(deployment, shape, claim, name=claim, arguments=arguments, mounts=[(volume, mount)])


def build_listing_job(deployment: DeepSeekDeployment, shape: Shape, claim: str) -> Manifest:
    """The Job that asks the source for its size, before there is a volume."""
    arguments = [f"--source={shape.source}", "--list", _patience(deployment)]
    return _job(deployment, shape, claim, name=listing_name(claim), arguments=arguments, mounts=[])


def _patience(deployment: DeepSeekDeployment) -> str:
    return f"{PATIENCE_FLAG}{seconds_of(deployment.spec.cache.stall_timeout)}"


def _metadata(deployment: DeepSeekDeployment, claim: str, *, name: str) -> Manifest:
    """Of something shared: every object that uses it is an owner, none its controller."""
    owner = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "name": deployment.metadata.name,
        "uid": deployment.metadata.uid,
    }
    return {
        "name": name,
        "namespace": deployment.metadata.namespace,
        "labels": _labels(claim),
        "ownerReferences": [owner],
    }


def _labels(claim: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "deepseek-weights",
        names.MANAGED_BY_LABEL: names.MANAGED_BY,
        names.WEIGHTS_LABEL: claim,
    }


def _job(
    deployment: DeepSeekDeployment,
    shape: Shape,
    claim: str,
    *,
    name: str,
    arguments: list[str],
    mounts: list[tuple[Manifest, Manifest]],
) -> Manifest:
    metadata = _metadata(deployment, claim, name=name)
    # Whoever made it: an object whose spec has changed since makes another, if this one is in trouble.
    metadata["labels"] = {**metadata["labels"], names.REVISION_LABEL: shape.key}
    metadata["annotations"] = {names.SOURCE_ANNOTATION: shape.source}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": _BACKOFF_LIMIT,
            "ttlSecondsAfterFinished": FINISHED_SECONDS,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": FETCH_CONTAINER,
                            "operator": "In",
                            "values": [NEEDS_A_PERSON],
                        },
                    },
                    # A drained node is nobody's failure.
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                ]
            },
            "template": _pod(shape, claim, arguments=arguments, mounts=mounts),
        },
    }


def _pod(
    shape: Shape, claim: str, *, arguments: list[str], mounts: list[tuple[Manifest, Manifest]]
) -> Manifest:
    """Where the engine's pods run, with what of their environment fetching reads."""
    engine_pod = shape.template["spec"]
    registry = _registry_login(engine_pod)
    mounts = [({"name": "tmp", "emptyDir": {}}, {"name": "tmp", "mountPath": "/tmp"}), *mounts]
    mounts += registry
    environment = [
        {"name": "HOME", "value": "/tmp"},
        *([{"name": "DOCKER_CONFIG", "value": _REGISTRY_PATH}] if registry else []),
        *_environment(engine_pod),
    ]
    return {
        "metadata": {"labels": _labels(claim)},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": FETCH_CONTAINER,
                    "image": _container(engine_pod, "initContainers", TOOLS_CONTAINER)["image"],
                    "command": ["python3", "-m", "deepseek_serving.weights"],
                    "args": arguments,
                    "env": environment,
                    # Measured under 60 MB of its own, whatever the file size; the rest is page cache.
                    "resources": {
                        "requests": {"cpu": "250m", "memory": "256Mi"},
                        "limits": {"memory": "1Gi"},
                    },
                    "volumeMounts": [mount for _, mount in mounts],
                    "securityContext": container_security(),
                    "terminationMessagePolicy": "File",
                }
            ],
            "volumes": [volume for volume, _ in mounts],
            "securityContext": pod_security(),
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 30,
            **{name: engine_pod[name] for name in _PLACEMENT if name in engine_pod},
        },
    }


def _registry_login(engine_pod: Manifest) -> list[tuple[Manifest, Manifest]]:
    """The first pull secret as a registry's client reads it: weights may lie in a registry too."""
    secrets = engine_pod.get("imagePullSecrets", [])
    if not secrets:
        return []
    secret = {"secretName": secrets[0]["name"], "optional": True}
    mount = {"name": "registry", "mountPath": _REGISTRY_PATH, "readOnly": True}
    return [({"name": "registry", "secret": secret}, mount)]


def _environment(engine_pod: Manifest) -> list[Any]:
    engine = _container(engine_pod, "containers", ENGINE_CONTAINER)
    return [item for item in engine.get("env", []) if item["name"] in _FETCH_VARIABLES]


def _container(pod: Manifest, field: str, name: str) -> Manifest:
    return next(item for item in pod[field] if item["name"] == name)
