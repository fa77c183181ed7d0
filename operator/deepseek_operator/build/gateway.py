"""Builders of the gateway: its pods, and what they may read."""

import json

from deepseek_operator.api import names
from deepseek_operator.api.traffic import Gateway
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway_document
from deepseek_operator.build.metadata import (
    Manifest,
    child_metadata,
    disruption_budget,
    object_labels,
)
from deepseek_operator.build.template import container_security, pod_security
from deepseek_operator.engines.contract import Placement

CLIENT_PORT = 8080
TLS_PORT = 8443
TLS_ONLY = "--tls-only"
REPORT_PORT = 8081
PROBE_PORT = 8082

DEFAULT_REPLICAS = 2
_CONCURRENCY = 2
"""Threads of an Envoy: each takes about 500 streams of 50 tokens a second."""
_KILL_MARGIN_SECONDS = 15
_STATE_PATH = "/var/lib/deepseek-gateway"
_SECRETS_PATH = "/var/run/deepseek-gateway"
_ANYWHERE = Placement()
_RESOURCES: Manifest = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"memory": "1Gi"},
}


def is_embedded(deployment: DeepSeekDeployment) -> bool:
    """Whether the object has a gateway of its own."""
    return deployment.spec.gateway.provider == "Embedded"


def splits(deployment: DeepSeekDeployment) -> bool:
    """Whether somebody divides the object's requests by weight."""
    return deployment.spec.gateway.provider != "None"


def is_of_others(deployment: DeepSeekDeployment) -> bool:
    """Whether requests come through a Gateway that is not the object's."""
    return splits(deployment) and not is_embedded(deployment)


def is_traced(deployment: DeepSeekDeployment) -> bool:
    """Whether the object's gateway writes traces, where the platform team has a collector of them."""
    return is_embedded(deployment) and deployment.spec.gateway.tracing != "Disabled"


def replicas(deployment: DeepSeekDeployment) -> int:
    """Pods of the gateway."""
    return deployment.spec.gateway.replicas or DEFAULT_REPLICAS


def gateway_selector(deployment: DeepSeekDeployment) -> dict[str, str]:
    """Selects the gateway's pods, and no engine's."""
    return {names.GATEWAY_LABEL: deployment.metadata.name}


def is_secure_only(gateway: Manifest | None) -> bool:
    """Whether the pods of this gateway's Deployment are to listen for TLS alone."""
    if gateway is None:
        return False
    agents = gateway["spec"]["template"]["spec"].get("initContainers", [])
    return any(TLS_ONLY in agent.get("args", ()) for agent in agents)


def build_gateway(
    deployment: DeepSeekDeployment,
    told: Manifest,
    *,
    image: str,
    placement: Placement = _ANYWHERE,
) -> list[Manifest]:
    """All children of the gateway, in the order in which they need each other."""
    budget = disruption_budget(
        deployment,
        name=names.gateway_child(deployment.metadata.name),
        selector=gateway_selector(deployment),
    )
    return [
        _config_map(deployment, told),
        _account(deployment),
        _role(deployment),
        _binding(deployment),
        _deployment(deployment, image=image, placement=placement),
        *([budget] if replicas(deployment) > 1 else []),
    ]


def _metadata(deployment: DeepSeekDeployment) -> Manifest:
    return child_metadata(deployment, name=names.gateway_child(deployment.metadata.name))


def _config_map(deployment: DeepSeekDeployment, told: Manifest) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(deployment),
        "data": {gateway_document.DOCUMENT_KEY: json.dumps(told, indent=1, sort_keys=True)},
    }


def _account(deployment: DeepSeekDeployment) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(deployment),
        "automountServiceAccountToken": False,
    }


def _role(deployment: DeepSeekDeployment) -> Manifest:
    """One ConfigMap, and the addresses of the namespace's pods; no Secret, and nothing to write."""
    name = names.gateway_child(deployment.metadata.name)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": _metadata(deployment),
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "resourceNames": [name],
                "verbs": ["get", "list", "watch"],
            },
            {
                "apiGroups": ["discovery.k8s.io"],
                "resources": ["endpointslices"],
                "verbs": ["get", "list", "watch"],
            },
        ],
    }


def _binding(deployment: DeepSeekDeployment) -> Manifest:
    name = names.gateway_child(deployment.metadata.name)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": _metadata(deployment),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": name,
                "namespace": deployment.metadata.namespace,
            }
        ],
    }


def _deployment(deployment: DeepSeekDeployment, *, image: str, placement: Placement) -> Manifest:
    selector = gateway_selector(deployment)
    labels = {**object_labels(deployment), **selector}
    # Selects engines: their budget and their Services do not mean these pods.
    del labels[names.DEPLOYMENT_LABEL]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(deployment),
        "spec": {
            "replicas": replicas(deployment),
            "selector": {"matchLabels": selector},
            # There is always one more than are needed, never one less.
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "revisionHistoryLimit": 1,
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {"kubectl.kubernetes.io/default-container": "envoy"},
                },
                "spec": {**_pod(deployment, image), **_placed(placement)},
            },
        },
    }


def _pod(deployment: DeepSeekDeployment, image: str) -> Manifest:
    drain = deployment.spec.gateway.drain_seconds
    secrets = [item.model_dump() for item in deployment.spec.pod.image_pull_secrets]
    return {
        "serviceAccountName": names.gateway_child(deployment.metadata.name),
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": drain + _KILL_MARGIN_SECONDS,
        "securityContext": pod_security(),
        "initContainers": [_agent(deployment, image)],
        "containers": [_envoy(deployment, image, drain)],
        "volumes": [
            {"name": "state", "emptyDir": {"sizeLimit": "64Mi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
            *(_volume(name, secret) for name, secret, _ in _secrets(deployment)),
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": gateway_selector(deployment)},
            }
        ],
        **({"imagePullSecrets": secrets} if secrets else {}),
    }


def _placed(placement: Placement) -> Manifest:
    """The fields that are set: without any the pods stay what they were."""
    fields = {
        "nodeSelector": dict(placement.node_selector),
        "tolerations": [dict(one) for one in placement.tolerations],
        "affinity": dict(placement.affinity),
        "priorityClassName": placement.priority_class,
    }
    return {name: value for name, value in fields.items() if value}


def _agent(deployment: DeepSeekDeployment, image: str) -> Manifest:
    """A sidecar: there before Envoy starts, and until it has ended."""
    tls = deployment.spec.gateway.tls
    name, namespace = deployment.metadata.name, deployment.metadata.namespace
    return {
        "name": "agent",
        "image": image,
        "restartPolicy": "Always",
        "command": ["python3", "-m", "deepseek_serving.gateway"],
        "args": [
            f"--namespace={namespace}",
            f"--config-map={names.gateway_child(name)}",
            f"--deployment={name}",
            f"--state={_STATE_PATH}",
            *(f"{flag}={_SECRETS_PATH}/{name}" for name, _, flag in _secrets(deployment)),
            *([TLS_ONLY] if tls is not None and tls.only else []),
        ],
        "ports": [{"name": "report", "containerPort": REPORT_PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "20m", "memory": "64Mi"},
            "limits": {"memory": "256Mi"},
        },
        "startupProbe": _probe("report", "/healthz", period=1, failures=60),
        "livenessProbe": _probe("report", "/healthz", period=10, failures=6),
        "volumeMounts": [
            {"name": "state", "mountPath": _STATE_PATH},
            {"name": "tmp", "mountPath": "/tmp"},
            *(
                {"name": name, "mountPath": f"{_SECRETS_PATH}/{name}", "readOnly": True}
                for name, _, _ in _secrets(deployment)
            ),
        ],
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _secrets(deployment: DeepSeekDeployment) -> list[tuple[str, str, str]]:
    """Volume, Secret and the agent's flag of each that the gateway uses."""
    keys, tls = deployment.spec.gateway.api_keys, deployment.spec.gateway.tls
    return [
        *([("api-keys", keys.secret_name, "--api-keys")] if keys is not None else []),
        *([("tls", tls.secret_name, "--tls")] if tls is not None else []),
    ]


def _volume(name: str, secret: str) -> Manifest:
    """For the agent alone. One that is not there is told of by the agent, which then lets nobody in."""
    return {"name": name, "secret": {"secretName": secret, "optional": True, "defaultMode": 0o440}}


def _client_ports(gateway: Gateway) -> list[Manifest]:
    ports = [("http", CLIENT_PORT)] if gateway.tls is None or not gateway.tls.only else []
    if gateway.tls is not None:
        ports.append(("https", TLS_PORT))
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports]


def _envoy(deployment: DeepSeekDeployment, image: str, drain: int) -> Manifest:
    given = deployment.spec.gateway.resources
    resources = _RESOURCES if given is None else given.model_dump(exclude_defaults=True)
    hook = ["python3", "-m", "deepseek_serving.gateway.drain", f"--timeout={drain}"]
    return {
        "name": "envoy",
        "image": image,
        "command": ["python3", "-m", "deepseek_serving.gateway.start"],
        "args": [f"--concurrency={_CONCURRENCY}"],
        "ports": [
            *_client_ports(deployment.spec.gateway),
            {"name": "probe", "containerPort": PROBE_PORT, "protocol": "TCP"},
        ],
        "resources": {
            section: {name: str(amount) for name, amount in amounts.items()}
            for section, amounts in resources.items()
        },
        # Envoy listens once it has been told whom to ask; until then nobody is sent here.
        "startupProbe": _probe("probe", "/ready", period=1, failures=600),
        "readinessProbe": _probe("probe", "/ready", period=5, failures=3),
        "livenessProbe": _probe("probe", "/ready", period=10, failures=6),
        "lifecycle": {"preStop": {"exec": {"command": hook}}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _probe(port: str, path: str, *, period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": port, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
