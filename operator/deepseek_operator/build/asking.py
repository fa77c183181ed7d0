"""Pods of Jobs that ask engines: what warming up and examining have in common. Pure."""

from collections.abc import Mapping, Sequence

from deepseek_operator.build.metadata import Manifest
from deepseek_operator.build.template import container_security, pod_security

PLACEMENT = ("nodeSelector", "tolerations", "imagePullSecrets", "serviceAccountName")
"""Of the engine pods; not their affinity, which may keep a second pod away."""


def asking_pod(
    engine_pod: Manifest,
    *,
    container: str,
    image: str,
    program: str,
    arguments: Sequence[str],
    volumes: Sequence[Manifest],
    mounts: Sequence[Manifest],
) -> Manifest:
    """A pod that runs a program of ours once, where the engine's pods may run, and may write nothing."""
    return {
        "restartPolicy": "Never",
        "containers": [
            {
                "name": container,
                "image": image,
                "command": ["python3", "-m", program],
                "args": list(arguments),
                "resources": {
                    "requests": {"cpu": "100m", "memory": "128Mi"},
                    "limits": {"memory": "512Mi"},
                },
                "volumeMounts": list(mounts),
                "securityContext": container_security(),
                "terminationMessagePolicy": "File",
            }
        ],
        "volumes": list(volumes),
        "securityContext": pod_security(),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 10,
        **{name: engine_pod[name] for name in PLACEMENT if name in engine_pod},
    }


def annotations_volume(name: str, files: Mapping[str, str]) -> Manifest:
    """The pod's own annotations as files: a document of its own for each Job would have to be kept."""
    items = [
        {
            "path": path,
            "fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.annotations['{annotation}']"},
        }
        for path, annotation in files.items()
    ]
    return {"name": name, "downwardAPI": {"items": items}}


def url(address: str, port: int) -> str:
    """Of a pod, by its address of either family."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}"
