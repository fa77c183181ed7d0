"""Builders of an examination: the Job that asks a candidate's own pods, and the user's webhook."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deepseek_operator.api import names
from deepseek_operator.api.quality import Quality, QualityWebhook
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.asking import annotations_volume, asking_pod, url
from deepseek_operator.build.metadata import Manifest, child_metadata
from deepseek_operator.build.warmup import FINISHED_SECONDS
from deepseek_operator.engines.contract import PORT
from deepseek_operator.rollout.revisions import Shape
from deepseek_operator.rollout.run import Run

EXAM_CONTAINER = "quality"

CLOSING_SECONDS = 60
"""What an examination's pod needs beside its own time: to start, and to tell."""


def exam_name(deployment: DeepSeekDeployment, run: Run) -> str:
    """The Job of a run's present examination: another gate, another run and another object have others."""
    gate = run.exam.gate if run.exam else 0
    return f"quality-{names.digest(f'{deployment.metadata.uid}/{run.name}/{gate}')}"


def build_exam_job(
    deployment: DeepSeekDeployment,
    run: Run,
    shape: Shape,
    *,
    addresses: Mapping[str, Sequence[str]],
    metrics: Sequence[Manifest],
    image: str,
) -> Manifest:
    """The Job of a run's present examination.

    `addresses` of the pods that are asked, by whose they are (candidate, stable); nobody's where no prompts
    are due. `metrics` as status has them, for the webhook. `shape` is the candidate's: the Job runs where
    its pods may.
    """
    settings = deployment.spec.rollout.analysis.quality or Quality()
    spec = exam_spec(deployment, run, settings, addresses=addresses, metrics=metrics)
    metadata = child_metadata(deployment, name=exam_name(deployment, run), key=run.candidate)
    metadata["labels"][names.QUALITY_LABEL] = deployment.metadata.name
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": settings.seconds + CLOSING_SECONDS,
            "ttlSecondsAfterFinished": FINISHED_SECONDS,
            "template": {
                "metadata": {
                    "labels": {
                        "app.kubernetes.io/name": "deepseek-quality",
                        names.MANAGED_BY_LABEL: names.MANAGED_BY,
                        names.QUALITY_LABEL: deployment.metadata.name,
                    },
                    "annotations": {
                        names.QUALITY_SPEC_ANNOTATION: json.dumps(spec, sort_keys=True)
                    },
                },
                "spec": _pod(shape, settings, image=image),
            },
        },
    }


def exam_spec(
    deployment: DeepSeekDeployment,
    run: Run,
    settings: Quality,
    *,
    addresses: Mapping[str, Sequence[str]],
    metrics: Sequence[Manifest],
) -> dict[str, Any]:
    """The document that the Job works from (deepseek_serving.quality.spec)."""
    webhook = settings.webhook
    return {
        "model": deployment.served_name,
        "promptsName": settings.prompts.name if settings.prompts else "",
        "maxSeconds": settings.seconds,
        "targets": {
            role: [url(address, PORT) for address in found] for role, found in addresses.items()
        },
        "webhook": None
        if webhook is None
        else _webhook(webhook, _review(deployment, run, metrics)),
    }


def _webhook(webhook: QualityWebhook, review: Manifest) -> Manifest:
    return {"url": webhook.url, "timeoutSeconds": webhook.seconds, "review": review}


def _review(deployment: DeepSeekDeployment, run: Run, metrics: Sequence[Manifest]) -> Manifest:
    """What the webhook is told; the Job adds what came of the prompts."""
    gate, steps = run.exam.gate if run.exam else 0, run.plan.steps
    metadata = deployment.metadata
    return {
        "apiVersion": names.API_VERSION,
        "kind": "QualityReview",
        "object": {
            "namespace": metadata.namespace,
            "name": metadata.name,
            "uid": metadata.uid,
            "generation": metadata.generation,
        },
        "run": run.name,
        "step": gate + 1 if gate < len(steps) else None,
        "steps": len(steps),
        "candidate": run.candidate,
        "stable": run.stable,
        "weight": run.weight,
        "nextWeight": steps[gate].weight if gate < len(steps) else 100,
        "metrics": list(metrics),
    }


def _pod(shape: Shape, settings: Quality, *, image: str) -> Manifest:
    engine_pod = shape.template["spec"]
    volumes = [annotations_volume("spec", {"spec.json": names.QUALITY_SPEC_ANNOTATION})]
    mounts = [_mount("spec")]
    arguments = ["--spec=/etc/quality/spec/spec.json", "--result-file=/dev/termination-log"]
    for name, volume, argument in _given(settings):
        volumes.append({"name": name, **volume})
        mounts.append(_mount(name))
        arguments.append(argument)
    return asking_pod(
        engine_pod,
        container=EXAM_CONTAINER,
        image=image,
        program="deepseek_serving.quality",
        arguments=arguments,
        volumes=volumes,
        mounts=mounts,
    )


def _given(settings: Quality) -> list[tuple[str, Manifest, str]]:
    """What the user gives, each as a volume: the operator itself reads no prompts and no Secret.

    A ConfigMap that is not there lets the pod start, for the program says so in words.
    """
    found: list[tuple[str, Manifest, str]] = []
    webhook = settings.webhook
    if settings.prompts is not None:
        volume: Manifest = {"configMap": {"name": settings.prompts.name, "optional": True}}
        found.append(("prompts", volume, "--prompts=/etc/quality/prompts"))
    if webhook is not None and webhook.token is not None:
        items = [{"key": webhook.token.key, "path": "token"}]
        volume = {"secret": {"secretName": webhook.token.name, "items": items, "optional": True}}
        found.append(("token", volume, "--token-file=/etc/quality/token/token"))
    if webhook is not None and webhook.ca is not None:
        items = [{"key": webhook.ca.key, "path": "ca.crt"}]
        volume = {"configMap": {"name": webhook.ca.name, "items": items, "optional": True}}
        found.append(("ca", volume, "--ca-file=/etc/quality/ca/ca.crt"))
    return found


def _mount(name: str) -> Manifest:
    return {"name": name, "mountPath": f"/etc/quality/{name}", "readOnly": True}
