"""Models on accelerators whose pods are checked in: one of each model on products of each kind that hold it."""

from collections.abc import Iterator

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import children
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Shape
from tests.unit.samples import IMAGES, Manifest, deepseek

LARGE = ("NVIDIA-H200", "NVIDIA-B200", "nvidia-gb200")
DENSE = ("NVIDIA-L4", "NVIDIA-A100-SXM4-80GB", "h100")

PRODUCTS: dict[str, tuple[str, ...]] = {
    "DeepSeek-V3": ("NVIDIA-H200", "NVIDIA-B200", "NVIDIA-H20"),
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

PAIRS = tuple((model, product) for model, products in PRODUCTS.items() for product in products)


def resolved(model: str, product: str) -> tuple[DeepSeekDeployment, Shape]:
    """The object that asks for it by name and product alone, and what it becomes."""
    deployment = deepseek(model=model, accelerator={"product": product})
    return deployment, resolve_shape(deployment, deployment.spec, images=IMAGES)


def deployments() -> Iterator[tuple[str, Manifest]]:
    """The complete Deployment of each pair."""
    for model, product in PAIRS:
        deployment, shape = resolved(model, product)
        built = children.build_deployment(deployment, shape, replicas=1)
        yield f"{model} on {product}", built


def summary(model: str, product: str) -> Manifest:
    """What of a pair's pods follows from sizing."""
    _, shape = resolved(model, product)
    spec = shape.template["spec"]
    [engine] = spec["containers"]
    [shared] = [one["emptyDir"] for one in spec["volumes"] if one["name"] == "shm"]
    probe = engine["startupProbe"]
    return {
        "source": shape.source,
        "limits": engine["resources"]["limits"],
        "nodeSelector": spec["nodeSelector"],
        "sharedMemory": shared["sizeLimit"],
        "startsWithinSeconds": probe["periodSeconds"] * probe["failureThreshold"],
        "requestsPerSecond": (shape.sizing or {})["requestsPerSecond"],
        "args": engine["args"],
    }
