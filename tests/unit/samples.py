"""Objects, children and pods as the tests below want them."""

from datetime import UTC, datetime
from typing import Any

import kubernetes_validate

from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.sources import parse_source
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.catalog import catalog
from deepseek_operator.engines.contract import EngineImages, EngineRequest

Manifest = dict[str, Any]

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 12, 30, 0, tzinfo=UTC)

KUBERNETES = "1.35"
"""Version whose schemas every child must fit."""

IMAGES = EngineImages(
    vllm="registry.example/vllm:0.33.0",
    vllm_cpu="registry.example/vllm-cpu:0.32.0",
    tensorrt_llm="registry.example/tensorrt-llm:1.2.1",
    toolbox="registry.example/toolbox:1",
    gateway="registry.example/gateway:1",
)

CPU_SPEC: Manifest = {
    "model": "tiny",
    "source": "pvc://models/tiny",
    "accelerator": {"kind": "CPU"},
}

NO_GATEWAY: Manifest = {"provider": "None"}
"""What the tests of all else say: the gateway has tests of its own."""

EVERY_FIELD: Manifest = {
    "model": "DeepSeek-R1-Distill-Llama-70B",
    "source": "s3://models/llama/70b",
    "servedName": "team/chat",
    "engine": {
        "name": "vllm",
        "image": "registry.example/own-vllm:7",
        "args": ["--enable-prefix-caching", "--reasoning_parser=qwen3"],
    },
    "accelerator": {
        "kind": "GPU",
        "product": "NVIDIA-H200",
        "count": 4,
        "attention": "Tensor",
        "decodeTimes": 1.25,
    },
    "quantization": "fp8",
    "batching": {"maxConcurrentSequences": 64, "maxBatchedTokens": 8192},
    "workload": {
        "inputTokens": 4096,
        "outputTokens": 512,
        "timeToFirstToken": "2s",
        "timePerOutputToken": "50ms",
    },
    "autoscaling": {
        "min": 2,
        "max": 8,
        "target": {"queue": 2, "cacheUse": 70, "timeToFirstToken": "2s"},
        "scaleDownDelay": "15m",
    },
    "warmup": {
        "enabled": True,
        "prompts": {"name": "system-prompts"},
        "shapes": [{"inputTokens": 512, "outputTokens": 64, "concurrency": 8}],
        "concurrency": [1, 8, 64],
        "timeout": "5m",
        "onFailure": "Serve",
    },
    "cache": {
        "storageClassName": "fast",
        "size": "200Gi",
        "accessMode": "ReadWriteMany",
        "stallTimeout": "5m",
        "retain": True,
    },
    "pod": {
        "labels": {"team": "search"},
        "annotations": {"example.com/note": "mind the gap"},
        "nodeSelector": {"zone": "a"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "labelSelector": {"matchLabels": {"team": "search"}},
                        "topologyKey": "kubernetes.io/hostname",
                    }
                ]
            }
        },
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "priorityClassName": "serving",
        "runtimeClassName": "nvidia",
        "resources": {"requests": {"cpu": 8, "memory": "64Gi"}, "limits": {"memory": "96Gi"}},
        "env": [
            {"name": "VLLM_LOGGING_LEVEL", "value": "INFO"},
            {
                "name": "HF_TOKEN",
                "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}},
            },
            {
                "name": "PROXY",
                "valueFrom": {"configMapKeyRef": {"name": "net", "key": "proxy", "optional": True}},
            },
        ],
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "engines",
    },
    "gateway": {
        "provider": "Embedded",
        "replicas": 3,
        "stickyHeader": "x-conversation-id",
        "pinning": True,
        "maxRequestsPerReplica": 512,
        "longRequests": {"fromBytes": 65536, "maxRequestsPerReplica": 16},
        "maxRequestBytes": 1048576,
        "timeouts": {"firstToken": "20s", "betweenTokens": "30s", "response": "5m"},
        "apiKeys": {
            "secretName": "chat-keys",
            "requestsPerMinute": 600,
            "limits": [{"client": "batch", "requestsPerMinute": 30}],
        },
        "tls": {"secretName": "chat-tls", "only": True},
        "accessLog": "Failures",
        "tracing": "Enabled",
        "drainTimeout": "15m",
        "resources": {"requests": {"cpu": 2, "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
    },
    "rollout": {
        "strategy": "Canary",
        "from": {"model": "DeepSeek-R1-Distill-Qwen-7B", "replicas": 2},
        "skipInitial": True,
        "waitForAccelerators": True,
        "steps": [
            {"weight": 10, "minDuration": "2m", "minRequests": 50, "pause": True},
            {"weight": 50},
        ],
        "paused": False,
        "autoPromote": False,
        "startTimeout": "3h",
        "holdTimeout": "10m",
        "maxDuration": "12h",
        "rollbackWindow": "1h",
        "drainTimeout": "20m",
        "analysis": {
            "relative": "Always",
            "timeToFirstToken": {"limit": "2s", "maxPercent": 10},
            "timePerOutputToken": {"limit": "80ms"},
            "truncated": {"maxPercent": 20},
            "empty": {"maxPercent": 1},
            "preemptions": {"maxPercent": 5},
            "quality": {
                "prompts": {"name": "reference-prompts"},
                "minPassingPercent": 95,
                "maxDropPercent": 2,
                "everyStep": True,
                "webhook": {
                    "url": "https://judge.team.svc:8443/v1/ok",
                    "timeout": "30s",
                    "token": {"name": "judge", "key": "token"},
                    "ca": {"name": "roots", "key": "ca.crt"},
                },
                "timeout": "15m",
            },
        },
    },
    "fallback": [
        {
            "model": "DeepSeek-R1-Distill-Llama-8B",
            "accelerator": {"count": 1},
            "replicas": 2,
            "when": ["Unavailable", "Timeout"],
        }
    ],
    "replicas": 3,
}


def deepseek(
    name: str = "chat", namespace: str = "team", *, generation: int = 1, **spec: Any
) -> DeepSeekDeployment:
    """An object, by default a small model on CPU; `spec` replaces the whole spec where it is given.

    Without a gateway, unless `spec` says so.
    """
    return DeepSeekDeployment.model_validate(
        {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"uid-of-{name}",
                "generation": generation,
                "resourceVersion": "1",
            },
            "spec": {"gateway": NO_GATEWAY, **(spec or CPU_SPEC)},
        }
    )


def engine_request(served_name: str = "chat", **spec: Any) -> EngineRequest:
    """What an engine is asked for a block of these fields."""
    block = ServingBlock.model_validate(spec or CPU_SPEC)
    known = catalog.shipped()
    model = known.models.get(block.model)
    default = f"hf://{model.repository}" if model else "hf://example/unknown"
    return EngineRequest(
        block=block,
        served_name=served_name,
        source=parse_source(block.source or default),
        model=model,
        products=known.accelerators,
        images=IMAGES,
        drain=600,
    )


def conditions(status: Manifest) -> dict[str, Manifest]:
    """The conditions of a status by type."""
    return {item["type"]: item for item in status["conditions"]}


def check_against_kubernetes(manifest: Manifest) -> None:
    """ValidationError unless the manifest is one of Kubernetes' own kinds, without unknown fields."""
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
