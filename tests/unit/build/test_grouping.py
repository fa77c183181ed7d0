"""Pods of a replica on several nodes: what each has, and who is asked."""

from dataclasses import replace
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import children
from deepseek_operator.engines.contract import GROUP_DRAIN_SECONDS, PRESTOP_SECONDS, Network
from deepseek_operator.resolve import resolve_shape
from deepseek_operator.rollout.revisions import Group, Shape, shape_from_data
from tests.unit.samples import IMAGES, Manifest, check_against_kubernetes, deepseek

V3: Manifest = {
    "model": "DeepSeek-V3",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"},
}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
RDMA = Network(rdma_resource="rdma/hca_shared_devices_a", rdma_count=2)
REVISION, WORKER = "serving.deepseek.dev/revision", "serving.deepseek.dev/worker"


def resolved(
    network: Network | None = None, **spec: Any
) -> tuple[DeepSeekDeployment, Shape, Group]:
    deployment = deepseek(**{**V3, **spec})
    images = replace(IMAGES, network=network or Network())
    shape = resolve_shape(deployment, deployment.spec, images=images)
    assert shape.group is not None
    return deployment, shape, shape.group


def templates(network: Network | None = None, **spec: Any) -> tuple[Manifest, Manifest]:
    """Of the leader, and of the others."""
    _, shape, group = resolved(network, **spec)
    return shape.template, group.worker


def engine_of(template: Manifest) -> Manifest:
    [engine] = template["spec"]["containers"]
    return dict(engine)


def built(network: Network | None = None, *, replicas: int = 1, **spec: Any) -> Manifest:
    deployment, shape, group = resolved(network, **spec)
    return children.build_group(deployment, shape, group, replicas=replicas)


def test_each_node_has_a_part_of_the_gpus() -> None:
    for template in templates():
        assert engine_of(template)["resources"]["limits"] == {"nvidia.com/gpu": "8"}
        assert template["spec"]["nodeSelector"] == {
            "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"
        }


def test_only_the_leader_is_asked() -> None:
    deployment, shape, group = resolved()
    leader, worker = shape.template["metadata"]["labels"], group.worker["metadata"]["labels"]
    service = children.build_revision_service(deployment, shape)["spec"]["selector"]
    clients = children.build_client_service(deployment, serving_key=shape.key)["spec"]["selector"]

    for selector in (service, clients):
        assert selector.items() <= leader.items()
        assert not selector.items() <= worker.items()
    assert worker[WORKER] == leader[REVISION] == shape.key
    assert "serving.deepseek.dev/deployment" in worker


def test_only_the_leader_is_shut_until_it_is_warm() -> None:
    leader, worker = templates()

    assert leader["spec"]["readinessGates"]
    assert "readinessGates" not in worker["spec"]
    names = [
        [container["name"] for container in template["spec"]["initContainers"]]
        for template in (leader, worker)
    ]
    assert names == [["tools", "warden", "rendezvous"], ["tools", "rendezvous"]]


def test_a_worker_that_answers_nobody_has_no_probe_and_no_port() -> None:
    _, worker = templates()

    engine = engine_of(worker)
    assert {"startupProbe", "readinessProbe", "livenessProbe", "ports"}.isdisjoint(engine)
    assert engine["args"][-1] == "--headless"


def test_a_worker_goes_after_the_last_answer_of_its_leader() -> None:
    leader, worker = templates()

    sleep = engine_of(worker)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert f"--shutdown-timeout={GROUP_DRAIN_SECONDS}" in engine_of(leader)["args"]
    assert sleep == PRESTOP_SECONDS + GROUP_DRAIN_SECONDS
    assert worker["spec"]["terminationGracePeriodSeconds"] > sleep
    assert engine_of(leader)["lifecycle"]["preStop"]["sleep"]["seconds"] == PRESTOP_SECONDS


@pytest.mark.parametrize("source", [None, "pvc://models/v3"], ids=["fetched", "given"])
def test_every_pod_has_the_weights_and_writes_none(source: str | None) -> None:
    own: Manifest = {"source": source, "accelerator": {**V3["accelerator"], "count": 16}}
    for template in templates(None, **(own if source else {})):
        [volume] = [one for one in template["spec"]["volumes"] if one["name"] == "weights"]
        assert volume["persistentVolumeClaim"]["readOnly"] is True
        mounts = [
            mount
            for container in (*template["spec"]["initContainers"], *template["spec"]["containers"])
            for mount in container.get("volumeMounts", ())
            if mount["name"] == "weights"
        ]
        assert mounts
        assert all(mount["readOnly"] for mount in mounts)


def test_every_mount_has_its_volume_and_every_volume_its_mount() -> None:
    for template in templates():
        spec = template["spec"]
        mounted = {
            mount["name"]
            for container in (*spec["initContainers"], *spec["containers"])
            for mount in container.get("volumeMounts", ())
        }
        assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_no_container_may_more_than_it_must() -> None:
    for template in templates():
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        for container in (*spec["initContainers"], *spec["containers"]):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_no_engine_begins_before_all_pods_are_there() -> None:
    for template in templates():
        last = template["spec"]["initContainers"][-1]
        assert last["command"] == ["python3", "-m", "deepseek_serving.engine.rendezvous"]
        assert last["args"] == [
            "--leader=$(LWS_LEADER_ADDRESS)",
            "--index=$(LWS_WORKER_INDEX)",
            "--size=$(LWS_GROUP_SIZE)",
            "--port=29499",
        ]


def test_each_engine_knows_its_own_address() -> None:
    for template in templates():
        [own] = [one for one in engine_of(template)["env"] if one["name"] == "VLLM_HOST_IP"]
        assert own["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"


def test_what_an_object_says_of_its_pods_holds_for_all_of_them() -> None:
    pod = {
        "labels": {"team": "search"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "env": [{"name": "NCCL_DEBUG", "value": "INFO"}],
        "topologySpreadConstraints": [SPREAD],
        "serviceAccountName": "engines",
    }
    leader, worker = templates(pod=pod)

    for template in (leader, worker):
        assert template["metadata"]["labels"]["team"] == "search"
        assert template["spec"]["tolerations"] == pod["tolerations"]
        assert template["spec"]["serviceAccountName"] == "engines"
        assert {"name": "NCCL_DEBUG", "value": "INFO"} in engine_of(template)["env"]
        [constraint] = template["spec"]["topologySpreadConstraints"]
        selector = constraint["labelSelector"]["matchLabels"]
        assert selector.items() <= template["metadata"]["labels"].items()
    [of_leader] = leader["spec"]["topologySpreadConstraints"]
    selector = of_leader["labelSelector"]["matchLabels"]
    assert not selector.items() <= worker["metadata"]["labels"].items()


def test_rdma_is_asked_for_where_the_platform_has_it() -> None:
    for template in templates(RDMA):
        limits = engine_of(template)["resources"]["limits"]
        assert limits == {"rdma/hca_shared_devices_a": "2", "nvidia.com/gpu": "8"}
    own = {"resources": {"limits": {"rdma/hca_shared_devices_a": "4"}}}
    limits = engine_of(templates(RDMA, pod=own)[1])["resources"]["limits"]
    assert limits["rdma/hca_shared_devices_a"] == "4"


def test_rdma_lets_ranks_be_on_several_nodes() -> None:
    assert "--data-parallel-size=16" in engine_of(templates(RDMA)[0])["args"]
    assert "--pipeline-parallel-size=2" in engine_of(templates()[0])["args"]


def test_the_hosts_network_comes_with_the_clusters_names() -> None:
    for template in templates(Network(host_network=True, scheduler="volcano")):
        spec = template["spec"]
        assert (spec["hostNetwork"], spec["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
        assert spec["schedulerName"] == "volcano"
    for template in templates():
        assert {"hostNetwork", "dnsPolicy", "schedulerName"}.isdisjoint(template["spec"])


def test_what_the_platform_set_up_says_nothing_of_one_node() -> None:
    network = Network("rdma/a", 2, host_network=True, scheduler="volcano", topology="rack")
    deployment = deepseek(model="DeepSeek-V3", accelerator={"product": "NVIDIA-H200"})
    plain, other = (
        resolve_shape(deployment, deployment.spec, images=replace(IMAGES, network=one))
        for one in (Network(), network)
    )

    assert plain == other
    assert plain.group is None


def test_the_set_says_everything_that_its_webhook_would() -> None:
    spec = built(replicas=3)["spec"]

    template = spec.pop("leaderWorkerTemplate")
    assert spec == {
        "replicas": 3,
        "startupPolicy": "LeaderCreated",
        "rolloutStrategy": {
            "type": "RollingUpdate",
            "rollingUpdateConfiguration": {"maxUnavailable": 1, "maxSurge": 0, "partition": 0},
        },
        "networkConfig": {"subdomainPolicy": "UniquePerReplica"},
    }
    assert (template["size"], template["restartPolicy"]) == (2, "RecreateGroupOnPodRestart")


def test_the_services_that_the_set_makes_have_other_names_than_ours() -> None:
    """One for all its groups would have the set's own name, and not let a leader that is not ready be found."""
    deployment, shape, group = resolved()
    made = children.build_group(deployment, shape, group, replicas=1)
    ours = children.build_revision_service(deployment, shape)["metadata"]["name"]

    assert made["spec"]["networkConfig"]["subdomainPolicy"] == "UniquePerReplica"
    assert f"{made['metadata']['name']}-0" != ours


def test_a_group_may_have_a_rack_to_itself() -> None:
    key = "leaderworkerset.sigs.k8s.io/exclusive-topology"

    assert built(Network(topology="rack"))["metadata"]["annotations"][key] == "rack"
    assert key not in built()["metadata"]["annotations"]


@pytest.mark.parametrize(
    "network",
    [Network(), replace(RDMA, host_network=True, scheduler="volcano")],
    ids=["plain", "rdma"],
)
def test_both_templates_are_such_as_kubernetes_knows(network: Network) -> None:
    for template in templates(network, pod={"topologySpreadConstraints": [SPREAD]}):
        check_against_kubernetes(
            {
                "apiVersion": "v1",
                "kind": "PodTemplate",
                "metadata": {"name": "chat"},
                "template": template,
            }
        )


def test_a_frozen_group_is_read_back_whole() -> None:
    _, shape, _ = resolved(Network(topology="rack"))

    data = shape.to_data()
    assert data["format"] == 2
    assert shape_from_data(shape.key, data) == shape


def test_without_its_record_the_running_set_tells_the_shape() -> None:
    deployment, shape, group = resolved(Network(topology="rack"))
    running = children.build_group(deployment, shape, group, replicas=1)

    assert children.shape_of_engine_set(shape.key, running) == shape


TRTLLM: Manifest = {"engine": {"name": "tensorrt-llm"}}


def test_ranks_of_tensorrt_llm_are_started_by_the_leader_behind_its_front() -> None:
    leader, worker = templates(**TRTLLM)

    names = [
        [container["name"] for container in template["spec"]["initContainers"]]
        for template in (leader, worker)
    ]
    assert names == [["tools", "warden", "front", "rendezvous"], ["tools", "rendezvous"]]
    assert engine_of(leader)["command"][2] == "deepseek_serving.ranks.lead"
    assert engine_of(worker)["command"][2] == "deepseek_serving.ranks.follow"
    assert engine_of(worker)["args"] == []
    assert {"startupProbe", "readinessProbe", "livenessProbe", "ports"}.isdisjoint(
        engine_of(worker)
    )


def test_every_rank_of_tensorrt_llm_finds_our_programs_the_weights_and_its_own_address() -> None:
    for template in templates(**TRTLLM):
        engine = engine_of(template)
        env = {one["name"]: one for one in engine["env"]}
        assert env["PYTHONPATH"]["value"] == "/opt/deepseek"
        [own] = [one for one in engine["env"] if one["name"] == "DEEPSEEK_POD_ADDRESS"]
        assert own["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"
        assert "VLLM_HOST_IP" not in env
        mounted = {mount["mountPath"] for mount in engine["volumeMounts"]}
        assert {"/opt/deepseek", "/models/chat", "/tmp", "/dev/shm", "/cache"} <= mounted


@pytest.mark.parametrize("network", [Network(), replace(RDMA, host_network=True)])
def test_templates_of_tensorrt_llm_are_such_as_kubernetes_knows(network: Network) -> None:
    for template in templates(network, **TRTLLM):
        check_against_kubernetes(
            {
                "apiVersion": "v1",
                "kind": "PodTemplate",
                "metadata": {"name": "chat"},
                "template": template,
            }
        )


def test_a_frozen_group_of_tensorrt_llm_is_read_back_whole() -> None:
    _, shape, _ = resolved(RDMA, **TRTLLM)

    assert shape_from_data(shape.key, shape.to_data()) == shape
