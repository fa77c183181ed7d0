"""Models on accelerators with an engine whose pods are checked in: of each model on products of each kind that hold it."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from deepseek_operator.api import names
from deepseek_operator.build.template import ENGINE_CONTAINER
from tests.unit.samples import Manifest, deepseek
from tests.unit.world import World, served

FOLDER = "pairs"
"""Of tests/golden."""

RATE = 5.0
"""Requests a second that each of them is asked for: so the number of replicas is a derived one too."""

LARGE = ("NVIDIA-H200", "NVIDIA-B200", "nvidia-gb200")
DENSE = ("NVIDIA-L4", "NVIDIA-A100-SXM4-80GB", "h100")

VLLM: dict[str, tuple[str, ...]] = {
    "DeepSeek-V3": ("NVIDIA-H200", "NVIDIA-B200", "NVIDIA-H20", "NVIDIA-H100-80GB-HBM3"),
    "DeepSeek-V3-0324": ("NVIDIA-H200", "NVIDIA-H100-NVL"),
    "DeepSeek-V3.1": LARGE,
    "DeepSeek-V3.2": LARGE,
    "DeepSeek-R1": (*LARGE, "NVIDIA-A100-SXM4-80GB"),
    "DeepSeek-R1-0528": (*LARGE, "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition"),
    "DeepSeek-R1-Distill-Qwen-1.5B": DENSE,
    "DeepSeek-R1-Distill-Qwen-7B": DENSE,
    "DeepSeek-R1-Distill-Llama-8B": DENSE,
    "DeepSeek-R1-Distill-Qwen-14B": DENSE,
    "DeepSeek-R1-Distill-Qwen-32B": (*DENSE, "NVIDIA-L40S"),
    "DeepSeek-R1-Distill-Llama-70B": (*DENSE, "NVIDIA-L40S"),
}
TRTLLM: dict[str, tuple[str, ...]] = {
    "DeepSeek-V3": ("NVIDIA-H200", "NVIDIA-B200", "NVIDIA-H20", "NVIDIA-H100-80GB-HBM3"),
    "DeepSeek-V3-0324": ("NVIDIA-B200",),
    "DeepSeek-V3.1": ("NVIDIA-H200", "nvidia-gb200"),
    "DeepSeek-V3.2": ("NVIDIA-H200", "NVIDIA-B200", "NVIDIA-H100-80GB-HBM3"),
    "DeepSeek-R1": ("NVIDIA-H200", "NVIDIA-H100-80GB-HBM3", "NVIDIA-B200"),
    "DeepSeek-R1-0528": ("NVIDIA-B300-SXM6-AC",),
    "DeepSeek-R1-Distill-Qwen-1.5B": ("NVIDIA-L4",),
    "DeepSeek-R1-Distill-Qwen-7B": ("NVIDIA-L40S",),
    "DeepSeek-R1-Distill-Llama-8B": ("NVIDIA-A100-SXM4-80GB",),
    "DeepSeek-R1-Distill-Qwen-14B": ("h100",),
    "DeepSeek-R1-Distill-Qwen-32B": ("NVIDIA-H200",),
    "DeepSeek-R1-Distill-Llama-70B": ("NVIDIA-H200", "NVIDIA-B200"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """One model on one product with one engine, asked for by these names alone."""

    model: str
    product: str
    engine: str

    def __str__(self) -> str:
        """Of its file, without the ending."""
        return f"{self.engine}/{self.model}.{self.product}"

    @property
    def file(self) -> str:
        """In tests/golden."""
        return f"{FOLDER}/{self}.yaml"

    @property
    def spec(self) -> Manifest:
        """What the object says."""
        return {
            "model": self.model,
            "engine": {"name": self.engine},
            "accelerator": {"product": self.product},
            "workload": {"requestsPerSecond": RATE},
        }


PAIRS: tuple[Pair, ...] = tuple(
    Pair(model, product, engine)
    for engine, products in (("vllm", VLLM), ("tensorrt-llm", TRTLLM))
    for model, names_of_products in products.items()
    for product in names_of_products
)


@functools.cache
def children(pair: Pair) -> tuple[Manifest, ...]:
    """What brings the weights of a pair, the volume they are on, and all children once they are there."""
    deployment = deepseek(**pair.spec)
    jobs = (one for one in World().plan(deployment).share if one["kind"] == "Job")
    world = served(deployment)
    claims = (
        _as_sent(one) for one in world.shared.values() if one["kind"] == "PersistentVolumeClaim"
    )
    return (*jobs, *claims, *world.plan(deployment).apply)


def _as_sent(stored: Manifest) -> Manifest:
    """Without what the server adds."""
    metadata = {
        name: value
        for name, value in stored["metadata"].items()
        if name not in ("uid", "resourceVersion")
    }
    return {
        **{name: value for name, value in stored.items() if name != "status"},
        "metadata": metadata,
    }


def has_group(pair: Pair) -> bool:
    """Whether one replica of it is several pods."""
    return any(child["kind"] == "LeaderWorkerSet" for child in children(pair))


def summary(pair: Pair) -> Manifest:
    """What of a pair's children follows from the pair: what all have alike is in the other golden files."""
    made = {child["kind"]: child for child in children(pair)}
    kind = "LeaderWorkerSet" if "LeaderWorkerSet" in made else "Deployment"
    spec, sizing = made[kind]["spec"], made["ControllerRevision"]["data"]["sizing"]
    group = spec.get("leaderWorkerTemplate")
    leader = spec["template"] if group is None else group["leaderTemplate"]
    return {
        "asks": pair.spec,
        "source": made["ControllerRevision"]["data"]["source"],
        "kind": kind,
        "replicas": spec["replicas"],
        "requestsPerSecondOfOne": sizing["requestsPerSecond"],
        **({} if group is None else {"podsOfOne": group["size"]}),
        "nodeSelector": leader["spec"]["nodeSelector"],
        **_pod(leader),
        **({} if group is None else {"worker": _pod(group["workerTemplate"])}),
    }


def _pod(template: Manifest) -> Manifest:
    spec = template["spec"]
    [engine] = [one for one in spec["containers"] if one["name"] == ENGINE_CONTAINER]
    fronts = [one for one in spec["initContainers"] if one["name"] == "front"]
    [shared] = [one["emptyDir"] for one in spec["volumes"] if one["name"] == "shm"]
    probe = engine.get("startupProbe")
    options = template["metadata"].get("annotations", {}).get(names.OPTIONS_ANNOTATION)
    return {
        "sharedMemory": shared["sizeLimit"],
        "engine": {
            "image": engine["image"],
            "command": engine["command"],
            "args": engine["args"],
            **({} if options is None else {"options": yaml.safe_load(options)}),
            "env": _environment(engine.get("env", ())),
            "resources": engine["resources"],
            **({} if probe is None else {"startsWithinSeconds": _seconds(probe)}),
        },
        **({"frontEnv": _environment(fronts[0].get("env", ()))} if fronts else {}),
    }


def _seconds(probe: Manifest) -> int:
    return int(probe["periodSeconds"]) * int(probe["failureThreshold"])


def _environment(variables: Sequence[Manifest]) -> dict[str, Any]:
    """By name; what is not a value is told as where it comes from."""
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in variables}


def text_of(pair: Pair) -> str:
    """The golden file of a pair."""
    return yaml.safe_dump(summary(pair), sort_keys=False, width=120)
