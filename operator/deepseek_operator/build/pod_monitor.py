"""Builder of the PodMonitor: whose pages a Prometheus reads of an object, and how it tells the object's series from others'."""

import re
from collections.abc import Mapping

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway
from deepseek_operator.build.metadata import Manifest, child_metadata, object_labels
from deepseek_operator.engines import trtllm_figures, vllm_figures

_POD = "__meta_kubernetes_pod"
_COMMON_LABELS = ("app.kubernetes.io/instance", names.MANAGED_BY_LABEL)
"""Of engine pods and of gateway pods; the label by which engines are selected is not on both."""


def build_pod_monitor(deployment: DeepSeekDeployment, labels: Mapping[str, str]) -> Manifest:
    """Of the object's engines, and of its gateway where it has one. Every series gets the label `name` for the object."""
    metadata = child_metadata(deployment, name=deployment.metadata.name)
    ours = object_labels(deployment)
    endpoints = [_engines()]
    if gateway.is_embedded(deployment):
        endpoints.append(_gateways())
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {**metadata, "labels": {**labels, **metadata["labels"]}},
        "spec": {
            "selector": {"matchLabels": {label: ours[label] for label in _COMMON_LABELS}},
            "podMetricsEndpoints": endpoints,
        },
    }


def _engines() -> Manifest:
    """Pods that take requests; TensorRT-LLM, which reads a file of options, has its page at a path of its own."""
    return {
        "port": "http",
        "path": vllm_figures.PATH,
        "relabelings": [
            _kept(names.REVISION_LABEL),
            _told(names.DEPLOYMENT_LABEL, "name"),
            _told(names.REVISION_LABEL, "revision"),
            {
                "action": "replace",
                "sourceLabels": [_meta("annotationpresent", names.OPTIONS_ANNOTATION)],
                "regex": "true",
                "targetLabel": "__metrics_path__",
                "replacement": trtllm_figures.PATH,
            },
        ],
    }


def _gateways() -> Manifest:
    """What their agents report: a gateway's port `http` is the clients'."""
    return {
        "port": "report",
        "path": "/metrics",
        "relabelings": [_kept(names.GATEWAY_LABEL), _told(names.GATEWAY_LABEL, "name")],
    }


def _kept(label: str) -> Manifest:
    """Only pods that have the label."""
    return {"action": "keep", "sourceLabels": [_meta("label", label)], "regex": ".+"}


def _told(label: str, target: str) -> Manifest:
    """A pod's label as one of its series."""
    return {"action": "replace", "sourceLabels": [_meta("label", label)], "targetLabel": target}


def _meta(part: str, name: str) -> str:
    """What Prometheus calls a label or an annotation of a pod while it looks for pods."""
    return f"{_POD}_{part}_{re.sub('[^a-zA-Z0-9_]', '_', name)}"
