"""Every pod of ours is admitted where a namespace enforces Kubernetes' restricted standard: asked of a real API server."""

from collections.abc import Iterator
from typing import Any

import pytest

from deepseek_operator.build import warmup, weights
from deepseek_operator.build.template import container_security
from deepseek_operator.engines.contract import EngineImages, Network
from deepseek_operator.resolve import resolve_shape
from tests.chart import rendering
from tests.cluster.objects import IMAGES, NAMESPACE, Cluster, Manifest, Refused
from tests.unit.samples import EVERY_FIELD, deepseek
from tests.unit.test_canary import OLD
from tests.unit.test_quality_in_rollouts import Examined, wanting
from tests.unit.world import World

ENFORCED = {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}

TWO_NODES: Manifest = {"model": "DeepSeek-V3", "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"}}
TENSORRT_LLM: Manifest = {
    "model": "DeepSeek-R1-Distill-Llama-8B",
    "engine": {"name": "tensorrt-llm"},
}
COPIES: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}


def templates() -> Iterator[tuple[str, Manifest]]:
    """Pod specs of everything that the builders and the chart make, by whose they are."""
    yield "operator", rendering.pod_spec()
    [test] = rendering.of_kind("Pod")
    yield "helm test", test["spec"]
    specs: dict[str, Manifest] = {
        "cpu": {"model": "tiny", "source": "pvc://models/tiny", "accelerator": {"kind": "CPU"}},
        "gpu": {**EVERY_FIELD, "servedName": "chat"},
        "tensorrt-llm": TENSORRT_LLM,
    }
    for name, spec in specs.items():
        world, deployment = World(), deepseek(**{"gateway": {"provider": "Embedded"}, **spec})
        world.settle(deployment)
        for (kind, child), manifest in world.children.items():
            if kind == "Deployment":
                yield f"{name}: {child}", manifest["spec"]["template"]["spec"]
    deployment = deepseek(**COPIES)
    shape = resolve_shape(deployment, deployment.spec, images=IMAGES)
    pod: Manifest = {
        "metadata": {"name": "one", "namespace": "team", "uid": "u"},
        "status": {"podIP": "10.0.0.1"},
    }
    jobs = {
        "warm-up": warmup.build_warmup_job(deployment, shape, pod, container_id="x"),
        "fetch": weights.build_fetch_job(deployment, shape, "weights-x"),
        "listing": weights.build_listing_job(deployment, shape, "weights-x"),
        "examination": _exam(),
    }
    for name, job in jobs.items():
        yield name, job["spec"]["template"]["spec"]
    yield from _group(IMAGES, "two nodes")


def _exam() -> Manifest:
    service = Examined()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    service.until(wanting(), "Watching")
    return service.made[0]


def _group(images: EngineImages, name: str) -> Iterator[tuple[str, Manifest]]:
    deployment = deepseek(**TWO_NODES)
    shape = resolve_shape(deployment, deployment.spec, images=images)
    assert shape.group is not None
    yield f"{name}: leader", shape.template["spec"]
    yield f"{name}: worker", shape.group.worker["spec"]


async def admitted(cluster: Cluster, name: str, spec: Manifest) -> str:
    """Nothing, or why the API server would not take the pod."""
    found = {**spec, "serviceAccountName": "default"}
    # Classes that this cluster does not have say nothing of security.
    for field in ("priorityClassName", "runtimeClassName"):
        found.pop(field, None)
    label = name.replace(" ", "-").replace(":", "")[:60]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": label}, "spec": found}
    try:
        await cluster.send(
            "POST", f"{NAMESPACE}/{cluster.namespace}/pods?dryRun=All&fieldValidation=Strict", body
        )
    except Refused as refused:
        return str(refused)
    return ""


async def enforce(cluster: Cluster) -> None:
    """From now on."""
    await cluster.send(
        "PATCH", f"{NAMESPACE}/{cluster.namespace}", {"metadata": ENFORCED},
        content="application/merge-patch+json",
    )  # fmt: skip


async def test_every_pod_of_ours_passes_the_restricted_standard(cluster: Cluster) -> None:
    await enforce(cluster)
    found = dict(templates())

    refused = {
        name: said for name, spec in found.items() if (said := await admitted(cluster, name, spec))
    }

    assert len(found) >= 13
    assert refused == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hostNetwork": True}, "host namespaces"),
        ({"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}, "hostPath"),
        ({"securityContext": {"runAsNonRoot": True}}, "seccompProfile"),
    ],
)
async def test_the_api_server_would_tell(
    cluster: Cluster, change: dict[str, Any], said: str
) -> None:
    await enforce(cluster)
    container = {"name": "main", "image": "x", "securityContext": container_security()}
    spec = {"containers": [container], "securityContext": rendering.pod_spec()["securityContext"]}
    assert await admitted(cluster, "plain", spec) == ""

    found = await admitted(cluster, "changed", {**spec, **change})

    assert "violates PodSecurity" in found
    assert said in found


async def test_the_hosts_network_is_all_that_a_platform_team_may_ask_for_beyond_it(
    cluster: Cluster,
) -> None:
    """multiNode.hostNetwork of the chart; RDMA by a device plugin needs nothing."""
    await enforce(cluster)
    for network, expected in (
        (Network(rdma_resource="rdma/hca"), ""),
        (Network(host_network=True), "hostNetwork=true"),
    ):
        images = EngineImages(
            vllm="x", vllm_cpu="x", tensorrt_llm="x", toolbox="x", gateway="x", network=network
        )
        for name, spec in _group(images, "two nodes"):
            said = await admitted(cluster, name, spec)
            assert expected in said
            assert bool(said) is bool(expected)
