"""The engine pod template of a revision: what a ControllerRevision freezes."""

import json
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.pod import Pod
from deepseek_operator.api.sources import FetchedSource
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import front
from deepseek_operator.build.metadata import Manifest, object_labels, revision_selector
from deepseek_operator.catalog import accelerators
from deepseek_operator.engines.contract import (
    ADMISSION_VARIABLES,
    CACHE_PATH,
    COMPILED_PATH,
    COMPILED_STORE_PATH,
    PORT,
    PRESTOP_SECONDS,
    TOOLS_PATH,
    WARDEN_PORT,
    WARM_STATE_PATH,
    WEIGHTS_PATH,
    EngineContainer,
    EngineRequest,
)

USER_ID = 10001
"""Runs everything in our pods; no image needs an entry for it in /etc/passwd."""

ENGINE_CONTAINER = "engine"
TOOLS_CONTAINER = "tools"
WARDEN_CONTAINER = "warden"
WEIGHTS_VOLUME = "weights"

COMPLETION_MARKER = ".complete.json"
"""What a fetch leaves beside the weights once all of them are there and verified."""

GPU_RESOURCE = "nvidia.com/gpu"
GPU_PRODUCT_LABEL = "nvidia.com/gpu.product"

_UID_PATH = "/run/warden"

_COMPILED_FLAGS = (f"--compiled={COMPILED_PATH}", f"--store={COMPILED_STORE_PATH}")

_KILL_MARGIN_SECONDS = 15


def build_template(
    deployment: DeepSeekDeployment,
    *,
    key: str,
    request: EngineRequest,
    engine: EngineContainer,
    claim: str,
) -> Manifest:
    """The complete pod template: labels, security, volumes, tools and the engine.

    `claim` holds the weights: the user's own, or the one that they are fetched into.
    """
    pod = request.block.pod
    labels = {
        **pod.labels,
        **object_labels(deployment),
        **revision_selector(deployment, key),
    }
    annotations = {
        "kubectl.kubernetes.io/default-container": "engine",
        **front.annotations(engine),
        **pod.annotations,
    }
    return {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {
            **({"readinessGates": [{"conditionType": names.WARM_GATE}]} if request.warmed else {}),
            "initContainers": [
                _tools_container(request, engine),
                *([_warden_container(request)] if request.warmed else []),
                *front.containers(request, engine, container_security()),
            ],
            "containers": [_engine_container(request, engine)],
            "volumes": _volumes(request, engine, claim),
            "securityContext": pod_security(),
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": _grace_seconds(request),
            **_placement(deployment, key, request),
        },
    }


def _grace_seconds(request: EngineRequest) -> int:
    """Until what is still there of a pod that was told to go is killed."""
    return PRESTOP_SECONDS + request.drain_seconds + _KILL_MARGIN_SECONDS


def pod_security() -> Manifest:
    """Everything runs as one plain user, who owns the volumes."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "fsGroup": USER_ID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """No privileges, and nothing to write but the volumes."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _tools_container(request: EngineRequest, engine: EngineContainer) -> Manifest:
    """Copies our package beside the engine: its image is not ours and need not hold it.

    Fetched weights are there when the pod is made; if their volume is emptied later, it waits. With
    them it finds what engines compiled before.
    """
    command = ["python3", "-m", "deepseek_serving.engine.install", TOOLS_PATH]
    mounts: list[Manifest] = [{"name": "tools", "mountPath": TOOLS_PATH}]
    if isinstance(request.source, FetchedSource):
        command.append(f"--wait-for={request.weights_path}/{COMPLETION_MARKER}")
        mounts.append({"name": WEIGHTS_VOLUME, "mountPath": WEIGHTS_PATH, "readOnly": True})
    if request.keeps_compiled:
        command += [*_COMPILED_FLAGS, f"--revision={_compiled_key(request, engine)}"]
        mounts.append({"name": "cache", "mountPath": CACHE_PATH})
    return {
        "name": TOOLS_CONTAINER,
        "image": request.images.toolbox,
        "command": command,
        "volumeMounts": mounts,
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _compiled_key(request: EngineRequest, engine: EngineContainer) -> str:
    """Digest of all that compiled code depends on, but for the node's hardware and the weights."""
    apart = ("--served-model-name=", "--shutdown-timeout=", *filter(None, [engine.model_path]))
    args = [arg for arg in engine.args if not arg.startswith(apart)]
    environment = [
        variable
        for variable in _environment(engine, request.block.pod)
        if variable["name"] not in ADMISSION_VARIABLES
    ]
    # How it is laid out is in the arguments.
    accelerator = request.block.accelerator.model_dump(
        mode="json", exclude={"attention", "decode_times"}
    )
    options = [engine.options] if engine.options else []
    known = [engine.image, args, environment, accelerator, *options]
    return names.digest(json.dumps(known, sort_keys=True))


def _warden_container(request: EngineRequest) -> Manifest:
    """Keeps the first lock: what the readiness probe waits for, it writes when the warm-up says so.

    Its token is the pod's own uid: at random, and known to whoever may read pods, but not to pods.
    """
    kept: list[Manifest] = [
        {"name": "cache", "mountPath": CACHE_PATH, "readOnly": True},
        {"name": WEIGHTS_VOLUME, "mountPath": WEIGHTS_PATH},
    ]
    return {
        "name": WARDEN_CONTAINER,
        "image": request.images.toolbox,
        "restartPolicy": "Always",
        "command": ["python3", "-m", "deepseek_serving.warmup.warden"],
        "args": [
            f"--state={WARM_STATE_PATH}",
            f"--token-file={_UID_PATH}/uid",
            f"--port={WARDEN_PORT}",
            *(_COMPILED_FLAGS if request.keeps_compiled else []),
        ],
        "ports": [{"name": "warden", "containerPort": WARDEN_PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"memory": "128Mi"},
        },
        "startupProbe": {
            "httpGet": {"path": "/healthz", "port": "warden", "scheme": "HTTP"},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 60,
        },
        "volumeMounts": [
            {"name": "warmup", "mountPath": WARM_STATE_PATH},
            {"name": "token", "mountPath": _UID_PATH, "readOnly": True},
            *(kept if request.keeps_compiled else []),
        ],
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _engine_container(request: EngineRequest, engine: EngineContainer) -> Manifest:
    container: Manifest = {
        "name": ENGINE_CONTAINER,
        "image": engine.image,
        "command": engine.command,
        "args": engine.args,
        "env": _environment(engine, request.block.pod),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": engine.startup_probe,
        "readinessProbe": engine.readiness_probe,
        "livenessProbe": engine.liveness_probe,
        # The pod leaves the Services while it still answers; only then is the engine told to stop.
        "lifecycle": {"preStop": {"sleep": {"seconds": PRESTOP_SECONDS}}},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [*_mounts(request), *front.mounts(request, engine)],
    }
    resources = _resources(request)
    if resources:
        container["resources"] = resources
    return container


def _environment(engine: EngineContainer, pod: Pod) -> list[Manifest]:
    given = [variable.model_dump(by_alias=True, exclude_none=True) for variable in pod.env]
    taken = {variable["name"] for variable in given}
    ours = [
        {"name": name, "value": value} for name, value in engine.env.items() if name not in taken
    ]
    return [*ours, *given]


def _resources(request: EngineRequest) -> Manifest:
    given = request.block.pod.resources
    requests: dict[str, Any] = dict(given.requests) if given else {}
    limits: dict[str, Any] = dict(given.limits) if given else {}
    if request.accelerators:
        limits[GPU_RESOURCE] = str(request.accelerators_each)
    sections = {
        "requests": {name: str(amount) for name, amount in requests.items()},
        "limits": {name: str(amount) for name, amount in limits.items()},
    }
    return {name: amounts for name, amounts in sections.items() if amounts}


def _mounts(request: EngineRequest) -> list[Manifest]:
    state = [{"name": "warmup", "mountPath": WARM_STATE_PATH}] if request.warmed else []
    return [
        {"name": "tools", "mountPath": TOOLS_PATH, "readOnly": True},
        {"name": "cache", "mountPath": CACHE_PATH},
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "shm", "mountPath": "/dev/shm"},
        {"name": WEIGHTS_VOLUME, "mountPath": WEIGHTS_PATH, "readOnly": True},
        *state,
    ]


def _volumes(request: EngineRequest, engine: EngineContainer, claim: str) -> list[Manifest]:
    uid = [{"path": "uid", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}}]
    locks: list[Manifest] = [
        {"name": "warmup", "emptyDir": {}},
        {"name": "token", "downwardAPI": {"items": uid}},
    ]
    # Who may write is said where it is mounted.
    weights: Manifest = {"claimName": claim}
    if not request.keeps_compiled:
        weights["readOnly"] = True
    return [
        {"name": "tools", "emptyDir": {}},
        {"name": "cache", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": engine.shared_memory}},
        {"name": WEIGHTS_VOLUME, "persistentVolumeClaim": weights},
        *(locks if request.warmed else []),
        *front.volumes(engine),
    ]


def _placement(deployment: DeepSeekDeployment, key: str, request: EngineRequest) -> Manifest:
    pod = request.block.pod
    node_selector = dict(pod.node_selector)
    product = request.block.accelerator.product
    if product:
        label = accelerators.node_label(product, request.products)
        node_selector[label or GPU_PRODUCT_LABEL] = product
    spread = [
        {
            **constraint.model_dump(by_alias=True),
            "labelSelector": {"matchLabels": revision_selector(deployment, key)},
        }
        for constraint in pod.topology_spread_constraints
    ]
    optional: Manifest = {
        "nodeSelector": node_selector,
        "tolerations": _dump(pod.tolerations),
        "affinity": pod.affinity,
        "topologySpreadConstraints": spread,
        "priorityClassName": pod.priority_class_name,
        "runtimeClassName": pod.runtime_class_name,
        "imagePullSecrets": _dump(pod.image_pull_secrets),
        "serviceAccountName": pod.service_account_name,
    }
    return {name: value for name, value in optional.items() if value}


def _dump(items: list[Any]) -> list[Manifest]:
    return [item.model_dump(by_alias=True, exclude_none=True) for item in items]
