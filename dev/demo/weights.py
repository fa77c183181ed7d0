"""The small models on a volume of the cluster, where pods find them as pvc://models/NAME."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dev import steps
from dev.kubectl import Kubectl
from dev.models import __main__ as models

CLAIM = "models"
SIZE = "256Mi"
MADE_FROM = "serving.deepseek.dev/made-from"
"""Annotation of the claim: the digest of the models that were copied whole."""

USER = 10001
POD = "copy-models"
WAIT_SECONDS = 120


def provide(kubectl: Kubectl, namespace: str, names: Sequence[str], *, toolbox: str) -> None:
    """Make the claim and copy the models into it, unless the same ones are there."""
    kubectl.apply(claim(), namespace=namespace)
    wanted = f"{models.digest()} {' '.join(names)}"
    found = kubectl.json("get", "persistentvolumeclaim", CLAIM, f"--namespace={namespace}")
    if found["metadata"].get("annotations", {}).get(MADE_FROM) == wanted:
        return
    with steps.step(f"copy {len(names)} models to pvc://{CLAIM}"):
        copy(kubectl, namespace, [models.directory() / name for name in names], toolbox=toolbox)
    mark = f"{MADE_FROM}={wanted}"
    place = f"--namespace={namespace}"
    kubectl.run("annotate", "persistentvolumeclaim", CLAIM, mark, "--overwrite", place)


def claim() -> dict[str, Any]:
    """The claim; its storage class is the cluster's default."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": SIZE}},
        },
    }


def copy(kubectl: Kubectl, namespace: str, folders: Sequence[Path], *, toolbox: str) -> None:
    """Stream the folders as a tar into a pod that has the claim mounted."""
    place = f"--namespace={namespace}"
    kubectl.run("delete", "pod", POD, place, "--ignore-not-found", "--wait=true", "--now")
    kubectl.apply(copying_pod(toolbox), namespace=namespace)
    kubectl.run("wait", f"pod/{POD}", place, "--for=condition=Ready", f"--timeout={WAIT_SECONDS}s")
    pack = ["tar", "--create", "--directory", str(folders[0].parent), *(f.name for f in folders)]
    unpack = ["exec", "--stdin", POD, place, "--", "tar", "--extract", "--directory", "/models"]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as packing:
        result = subprocess.run(
            [kubectl.program("kubectl"), *unpack],
            env=steps.environment(kubectl.environment),
            stdin=packing.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
    if packing.returncode or result.returncode:
        raise steps.StepError(f"the models could not be copied: {result.stderr.strip()}")
    kubectl.run("delete", "pod", POD, place, "--wait=false", "--now")


def copying_pod(toolbox: str) -> dict[str, Any]:
    """A pod that waits to be copied into, and ends by itself when nobody comes."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "activeDeadlineSeconds": 900,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "copy",
                    "image": toolbox,
                    "command": ["sleep", "900"],
                    "volumeMounts": [{"name": "models", "mountPath": "/models"}],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": CLAIM}}],
        },
    }
