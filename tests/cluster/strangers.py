"""Objects of others, by the names that an object's children would have."""

from deepseek_operator.api.names import policy_child
from tests.cluster.objects import Manifest


def stranger(name: str) -> Manifest:
    """A claim and a Job in one: each kind takes of it what it knows."""
    container = {"name": "main", "image": "registry.example/main:1"}
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "suspend": True,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }


def service(name: str, _: str) -> Manifest:
    spec = {"ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def revision(_: str, name: str) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": name},
        "revision": 1,
        "data": {},
    }


def deployment(_: str, name: str) -> Manifest:
    labels = {"app": name}
    container = {"name": "main", "image": "registry.example/main:1"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }


def budget(_: str, name: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": name}}},
    }


def gateways(name: str, _: str) -> Manifest:
    """Of any kind that needs no more than a name."""
    return {"metadata": {"name": f"{name}-gateway"}}


def policy(name: str, _: str) -> Manifest:
    return {
        "metadata": {"name": policy_child(name, "engines")},
        "spec": {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress"]},
    }


def binding(name: str, _: str) -> Manifest:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "theirs"}
    return {**gateways(name, _), "roleRef": role}
