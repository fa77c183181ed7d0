"""Builders of a warm-up: its Job for one engine process, and the pod's readiness gate."""

import json
from datetime import datetime
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.asking import annotations_volume, asking_pod, url
from deepseek_operator.build.metadata import Manifest, object_labels
from deepseek_operator.build.template import (
    ENGINE_CONTAINER,
    GPU_RESOURCE,
    TOOLS_CONTAINER,
)
from deepseek_operator.engines import choice
from deepseek_operator.engines.contract import PORT, WARDEN_PORT
from deepseek_operator.rollout.revisions import Shape

WARMUP_CONTAINER = "warmup"

WAIT_SECONDS = 60
"""How long engine and warden may be silent at first."""

FINISHED_SECONDS = 3600
"""How long a Job that has ended stays, for people who want to read its log."""


def warmup_name(pod: Manifest, container_id: str) -> str:
    """The Job for one process: a container that was restarted is cold again and gets another."""
    identity = f"{pod['metadata']['uid']}/{container_id}"
    return f"warmup-{names.digest(identity)}"


def build_warmup_job(
    deployment: DeepSeekDeployment, shape: Shape, pod: Manifest, *, container_id: str
) -> Manifest:
    """The Job that warms up this very engine process; it goes with its pod."""
    metadata = pod["metadata"]
    seconds = deployment.spec.warmup.seconds
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": warmup_name(pod, container_id),
            "namespace": metadata["namespace"],
            "labels": {**object_labels(deployment), names.REVISION_LABEL: shape.key},
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                }
            ],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": WAIT_SECONDS + seconds + 60,
            "ttlSecondsAfterFinished": FINISHED_SECONDS,
            "template": {
                "metadata": {
                    "labels": {
                        "app.kubernetes.io/name": "deepseek-warmup",
                        names.MANAGED_BY_LABEL: names.MANAGED_BY,
                        names.WARMUP_LABEL: deployment.metadata.name,
                    },
                    "annotations": {
                        names.WARMUP_SPEC_ANNOTATION: json.dumps(warmup_spec(deployment, shape)),
                        names.WARMUP_TOKEN_ANNOTATION: metadata["uid"],
                    },
                },
                "spec": _pod(deployment, shape, pod),
            },
        },
    }


def warmup_spec(deployment: DeepSeekDeployment, shape: Shape) -> dict[str, Any]:
    """The document that the runner plans from (deepseek_serving.warmup.spec)."""
    warmup = deployment.spec.warmup
    [engine] = [
        item for item in shape.template["spec"]["containers"] if item["name"] == ENGINE_CONTAINER
    ]
    on_gpu = GPU_RESOURCE in engine.get("resources", {}).get("limits", {})
    return {
        **choice.warmup_limits(engine, on_gpu=on_gpu, options=_options(shape)),
        "shapes": [one.model_dump(by_alias=True) for one in warmup.shapes],
        "concurrency": warmup.concurrency,
        "maxSeconds": warmup.seconds,
        "waitSeconds": WAIT_SECONDS,
        "onFailure": warmup.policy,
    }


def _options(shape: Shape) -> str:
    """The engine's file; a pod's annotations are the user's too, and may be missing."""
    annotations = shape.template["metadata"].get("annotations") or {}
    return str(annotations.get(names.OPTIONS_ANNOTATION, ""))


def build_gate(
    pod: Manifest, *, is_open: bool, reason: str, message: str, now: datetime
) -> Manifest:
    """The pod's readiness gate as its status is to have it."""
    metadata = pod["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {name: metadata[name] for name in ("name", "namespace", "uid")},
        "status": {
            "conditions": [
                {
                    "type": names.WARM_GATE,
                    "status": "True" if is_open else "False",
                    "reason": reason,
                    "message": message,
                    "lastTransitionTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
            ]
        },
    }


def _pod(deployment: DeepSeekDeployment, shape: Shape, pod: Manifest) -> Manifest:
    engine_pod, address = shape.template["spec"], pod["status"]["podIP"]
    [tools] = [item for item in engine_pod["initContainers"] if item["name"] == TOOLS_CONTAINER]
    prompts = deployment.spec.warmup.prompts
    volumes = [
        annotations_volume(
            "spec",
            {"spec.json": names.WARMUP_SPEC_ANNOTATION, "token": names.WARMUP_TOKEN_ANNOTATION},
        )
    ]
    mounts = [{"name": "spec", "mountPath": "/etc/warmup", "readOnly": True}]
    arguments = [
        "--spec=/etc/warmup/spec.json",
        f"--url={url(address, PORT)}",
        f"--warden={url(address, WARDEN_PORT)}",
        "--token-file=/etc/warmup/token",
        "--result-file=/dev/termination-log",
    ]
    if prompts is not None:
        volumes.append({"name": "prompts", "configMap": {"name": prompts.name}})
        mounts.append({"name": "prompts", "mountPath": "/etc/prompts", "readOnly": True})
        arguments.append("--prompts=/etc/prompts")
    return asking_pod(
        engine_pod,
        container=WARMUP_CONTAINER,
        image=tools["image"],
        program="deepseek_serving.warmup",
        arguments=arguments,
        volumes=volumes,
        mounts=mounts,
    )
