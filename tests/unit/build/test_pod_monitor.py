"""The PodMonitor: which pages are read, and by what its series are known. Relabelling is played as Prometheus documents it."""

import re
from typing import Any

import pytest
import yaml

from deepseek_operator.build.pod_monitor import build_pod_monitor
from deepseek_operator.observed import Monitoring
from deepseek_operator.rollout.revisions import target_key
from dev.paths import REPOSITORY
from tests.unit.samples import CPU_SPEC, Manifest, deepseek
from tests.unit.world import World, served

TRTLLM: Manifest = {
    "model": "DeepSeek-R1-Distill-Llama-8B",
    "source": "pvc://models/llama/8b",
    "engine": {"name": "tensorrt-llm"},
}
TWO_NODES: Manifest = {
    "model": "DeepSeek-V3",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"},
}


def templates(**spec: Any) -> list[Manifest]:
    """The templates of all pods that an object gets."""
    deployment = deepseek(**spec)
    found: list[Manifest] = []
    for child in served(deployment).plan(deployment).apply:
        if child["kind"] == "Deployment":
            found.append(child["spec"]["template"])
        if child["kind"] == "LeaderWorkerSet":
            parts = child["spec"]["leaderWorkerTemplate"]
            found += [parts["leaderTemplate"], parts["workerTemplate"]]
    return found


def targets(monitor: Manifest, template: Manifest) -> list[dict[str, str]]:
    """What Prometheus scrapes of a pod: its labels once they are relabelled, with the path."""
    wanted = monitor["spec"]["selector"]["matchLabels"]
    if not wanted.items() <= template["metadata"]["labels"].items():
        return []
    spec = template["spec"]
    ports = {
        port["name"]
        for container in (*spec["containers"], *spec.get("initContainers", []))
        for port in container.get("ports", [])
    }
    found = []
    for endpoint in monitor["spec"]["podMetricsEndpoints"]:
        start = {"__metrics_path__": endpoint["path"], **discovered(template["metadata"])}
        labels = relabelled(start, endpoint["relabelings"])
        if endpoint["port"] in ports and labels is not None:
            found.append({**labels, "port": endpoint["port"]})
    return found


def discovered(metadata: Manifest) -> dict[str, str]:
    """A pod's labels and annotations as discovery tells them."""
    found = {}
    for part, values in (
        ("label", metadata["labels"]),
        ("annotation", metadata.get("annotations", {})),
    ):
        for name, value in values.items():
            safe = re.sub(r"[^a-zA-Z0-9_]", "_", name)
            found[f"__meta_kubernetes_pod_{part}_{safe}"] = value
            found[f"__meta_kubernetes_pod_{part}present_{safe}"] = "true"
    return found


def scraped_as_documented(template: Manifest) -> list[dict[str, str]]:
    """The same by the configuration of the page for a Prometheus of another kind."""
    page = (REPOSITORY / "docs" / "observability.md").read_text()
    found = re.search(r"```yaml\n(- job_name: deepseek-pods.*?)```", page, re.DOTALL)
    assert found
    [pods, _] = yaml.safe_load(found[1])
    names = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    steps = [
        {"action": "replace", **{names.get(name, name): value for name, value in one.items()}}
        for one in pods["relabel_configs"]
    ]
    results = []
    for container in (*template["spec"]["containers"], *template["spec"]["initContainers"]):
        for port in container.get("ports", []):
            start = {
                "__metrics_path__": "/metrics",
                "__meta_kubernetes_pod_container_port_name": port["name"],
                **discovered(template["metadata"]),
            }
            labels = relabelled(start, steps)
            if labels is not None:
                # Of the object's own pod: a Prometheus Operator adds these by itself.
                kept = {n: v for n, v in labels.items() if n not in ("namespace", "pod")}
                results.append({**kept, "port": port["name"]})
    return results


def relabelled(labels: dict[str, str], steps: list[Manifest]) -> dict[str, str] | None:
    """The labels that are left; None where the target is dropped."""
    labels = dict(labels)
    for step in steps:
        parts = (labels.get(name, "") for name in step["sourceLabels"])
        value = step.get("separator", ";").join(parts)
        fits = re.fullmatch(step.get("regex", "(.*)"), value)
        if step["action"] == "keep" and not fits:
            return None
        if step["action"] == "replace" and fits:
            labels[step["targetLabel"]] = step.get("replacement", value)
    # An empty label is none.
    return {n: value for n, value in labels.items() if value and not n.startswith("__meta_")}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        pytest.param(CPU_SPEC, "/metrics", id="vllm"),
        pytest.param(TRTLLM, "/prometheus/metrics", id="tensorrt-llm"),
    ],
)
def test_engines_are_read_at_their_own_path_and_gateways_by_their_agent(
    spec: Manifest, path: str
) -> None:
    deployment = deepseek(**spec, gateway={})
    monitor = build_pod_monitor(deployment, {})
    found = [
        one for template in templates(**spec, gateway={}) for one in targets(monitor, template)
    ]

    assert found == [
        one for template in templates(**spec, gateway={}) for one in scraped_as_documented(template)
    ]
    key = target_key(deployment.spec)
    assert sorted(found, key=lambda one: one["port"]) == [
        {"port": "http", "__metrics_path__": path, "name": "chat", "revision": key},
        {"port": "report", "__metrics_path__": "/metrics", "name": "chat"},
    ]


def test_workers_of_a_group_have_no_page() -> None:
    monitor = build_pod_monitor(deepseek(**TWO_NODES), {})

    leader, worker = templates(**TWO_NODES)

    assert [one["port"] for one in targets(monitor, leader)] == ["http"]
    assert targets(monitor, worker) == []


def test_pods_of_another_object_are_not_read() -> None:
    monitor = build_pod_monitor(deepseek(name="code", **CPU_SPEC), {})

    assert [one for template in templates(**CPU_SPEC) for one in targets(monitor, template)] == []


@pytest.mark.parametrize("provider", ["None", "GatewayAPI"])
def test_without_a_gateway_of_its_own_an_object_has_engines_alone(provider: str) -> None:
    edge = {"parentRef": {"name": "edge"}} if provider == "GatewayAPI" else {}
    deployment = deepseek(**CPU_SPEC, gateway={"provider": provider, **edge})

    [endpoint] = build_pod_monitor(deployment, {})["spec"]["podMetricsEndpoints"]

    assert endpoint["port"] == "http"


def test_labels_that_a_prometheus_selects_by_are_given_and_replace_none_of_ours() -> None:
    given = {"release": "prometheus", "serving.deepseek.dev/deployment": "another"}

    labels = build_pod_monitor(deepseek(**CPU_SPEC), given)["metadata"]["labels"]

    assert labels["release"] == "prometheus"
    assert labels["serving.deepseek.dev/deployment"] == "chat"


def test_an_object_gets_one_where_it_is_to_be_scraped_and_gets_it_back() -> None:
    deployment, world = deepseek(**CPU_SPEC), World(monitoring=Monitoring({"release": "p"}))
    world.settle(deployment)
    made = world.children["PodMonitor", "chat"]

    assert made["metadata"]["ownerReferences"][0]["name"] == "chat"
    assert made["metadata"]["labels"]["release"] == "p"
    del world.children["PodMonitor", "chat"]
    world.carry_out(world.plan(deployment))
    assert world.children["PodMonitor", "chat"]["spec"] == made["spec"]


def test_where_nobody_asks_for_it_there_is_none() -> None:
    world = served(deepseek(**CPU_SPEC))

    assert not [name for kind, name in world.children if kind == "PodMonitor"]
