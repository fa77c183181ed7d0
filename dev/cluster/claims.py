"""A claim with a volume that no provisioner has to make: where pods are played, so is what they mount."""

from typing import Any

Manifest = dict[str, Any]


def bound_claim(name: str, namespace: str, *, size: str = "1Gi") -> dict[str, Manifest]:
    """By the path where each is created: a volume and the claim that is bound to it alone."""
    common = {
        "accessModes": ["ReadWriteMany"],
        # Empty, not left out: no class' provisioner may see to it.
        "storageClassName": "",
    }
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{namespace}-{name}"},
        "spec": {
            **common,
            "capacity": {"storage": size},
            "hostPath": {"path": f"/nowhere/{namespace}/{name}"},
            "claimRef": {"namespace": namespace, "name": name},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            **common,
            "resources": {"requests": {"storage": size}},
            "volumeName": f"{namespace}-{name}",
        },
    }
    return {
        "/api/v1/persistentvolumes": volume,
        f"/api/v1/namespaces/{namespace}/persistentvolumeclaims": claim,
    }
