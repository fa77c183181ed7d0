"""The gateway's children, and what it is told; the agent reads it as it is meant."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from deepseek_operator.api import long_requests, names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway, gateway_document
from deepseek_operator.engines.contract import Placement
from deepseek_serving.gateway import __main__ as program
from deepseek_serving.gateway import document, start
from deepseek_serving.gateway.document import (
    AccessLog,
    ClientLimits,
    Limits,
    LongRequests,
    Route,
)
from deepseek_serving.gateway.overload import DEFAULT_MEMORY_BYTES, Room
from tests.unit.samples import (
    CPU_SPEC,
    EVERY_FIELD,
    IMAGES,
    Manifest,
    check_against_kubernetes,
    deepseek,
)
from tests.unit.world import World

DEFAULT = deepseek(**{**CPU_SPEC, "gateway": {}})


def told(
    deployment: DeepSeekDeployment = DEFAULT,
    *,
    weights: Mapping[str, int] | None = None,
    pods: Mapping[str, int] | None = None,
) -> Manifest:
    return gateway_document.document(
        deployment, weights=weights or {"aaa": 100}, pods=pods or {"aaa": 2}
    )


def test_every_child_is_one_that_kubernetes_knows() -> None:
    for deployment in (DEFAULT, deepseek(**EVERY_FIELD)):
        for child in gateway.build_gateway(deployment, told(deployment), image="g:1"):
            check_against_kubernetes(child)


def test_the_agent_reads_what_the_operator_says() -> None:
    read = document.parse(
        json.dumps(told(weights={"bbb": 5, "aaa": 95}, pods={"aaa": 8, "bbb": 2}))
    )

    assert read.routes == (Route("bbb", 5), Route("aaa", 95))
    assert read.replicas == {"aaa": 8, "bbb": 2}
    assert read.served_name == "chat"
    assert read.limits == Limits()
    assert (read.pins, read.sticky_header) == (False, None)


def test_every_setting_reaches_the_agent() -> None:
    read = document.parse(json.dumps(told(deepseek(**EVERY_FIELD))))

    assert read.limits == Limits(1048576, 512, 20, 300, 30)
    assert (read.pins, read.sticky_header) == (True, "x-conversation-id")
    assert read.clients == ClientLimits(600, {"batch": 30})
    assert read.access_log is AccessLog.FAILURES
    assert read.long == LongRequests(65536, 16)


@pytest.mark.parametrize(
    ("spec", "long"),
    [
        pytest.param({}, None, id="not-asked-for"),
        pytest.param({"gateway": {"longRequests": {}}}, LongRequests(16384), id="of-a-chat"),
        pytest.param(
            {
                "accelerator": {"product": "NVIDIA-L4"},
                "workload": {"inputTokens": 3000},
                "gateway": {"longRequests": {}},
            },
            LongRequests(48_000),
            id="of-what-is-expected",
        ),
        pytest.param(
            {"gateway": {"longRequests": {}, "maxRequestBytes": 20_000}},
            LongRequests(10_000),
            id="of-what-is-taken",
        ),
        pytest.param(
            {"gateway": {"longRequests": {}, "maxRequestBytes": 1024}},
            LongRequests(1024),
            id="least",
        ),
        pytest.param(
            {"gateway": {"longRequests": {"maxRequestsPerReplica": 3}}},
            LongRequests(16384, 3),
            id="number-alone",
        ),
    ],
)
def test_what_is_long_follows_from_what_users_are_expected_to_send(
    spec: Manifest, long: LongRequests | None
) -> None:
    deployment = deepseek(**{"model": "DeepSeek-R1-Distill-Qwen-7B", "gateway": {}, **spec})

    assert document.parse(json.dumps(told(deployment))).long == long


def test_what_bounds_nothing_is_measured_by_what_gateways_take_by_default() -> None:
    assert Limits().requests_per_pod == long_requests.DEFAULT_MOST_REQUESTS
    assert Limits().body_bytes == long_requests.DEFAULT_MOST_BYTES


def _container(deployment: DeepSeekDeployment, kind: str) -> tuple[Manifest, Manifest]:
    """A container of the gateway's pod, and the pod."""
    children = gateway.build_gateway(deployment, told(deployment), image="g:1")
    found = next(child for child in children if child["kind"] == "Deployment")
    pod: Manifest = found["spec"]["template"]["spec"]
    return pod[kind][0], pod


def test_secrets_are_mounted_for_the_agent_alone() -> None:
    secure = deepseek(
        **{**CPU_SPEC, "gateway": {"apiKeys": {"secretName": "k"}, "tls": {"secretName": "t"}}}
    )
    agent, pod = _container(secure, "initContainers")
    envoy, _ = _container(secure, "containers")

    options = program.parse(agent["args"])
    mounted = {mount["mountPath"]: mount["name"] for mount in agent["volumeMounts"]}
    volumes = {volume["name"]: volume.get("secret") for volume in pod["volumes"]}
    assert volumes[mounted[str(options.api_keys)]]["secretName"] == "k"
    assert volumes[mounted[str(options.tls)]]["secretName"] == "t"
    # The agent says what is not there; the kubelet would hold the pod back without a word of the field.
    assert all(secret["optional"] for secret in volumes.values() if secret)
    assert not {"api-keys", "tls"} & {mount["name"] for mount in envoy["volumeMounts"]}
    assert not options.tls_only


def test_ports_are_those_that_the_agent_has_envoy_listen_at() -> None:
    for tls, names_of_ports in (
        (None, ["http", "probe"]),
        ({"secretName": "t"}, ["http", "https", "probe"]),
        ({"secretName": "t", "only": True}, ["https", "probe"]),
    ):
        given = {"tls": tls} if tls else {}
        deployment = deepseek(**{**CPU_SPEC, "gateway": given})
        envoy, _ = _container(deployment, "containers")
        agent, _ = _container(deployment, "initContainers")

        ports = {port["name"]: port["containerPort"] for port in envoy["ports"]}
        options = program.parse(agent["args"])
        assert list(ports) == names_of_ports
        assert ports.get("https", options.tls_port) == options.tls_port
        assert ports.get("http", options.client_port) == options.client_port
        assert options.tls_only == ("http" not in ports)


def test_without_secrets_nothing_of_them_is_there() -> None:
    agent, pod = _container(DEFAULT, "initContainers")

    assert [volume["name"] for volume in pod["volumes"]] == ["state", "tmp"]
    assert not [arg for arg in agent["args"] if "keys" in arg or "tls" in arg]
    assert not {"clients", "accessLog"} & told().keys()


def test_no_role_reads_a_secret() -> None:
    for child in gateway.build_gateway(
        deepseek(**EVERY_FIELD), told(deepseek(**EVERY_FIELD)), image="g:1"
    ):
        for rule in child.get("rules", []):
            assert "secrets" not in rule["resources"]


def test_the_same_is_told_under_the_same_version() -> None:
    same = gateway_document.document(
        deepseek(**{**CPU_SPEC, "gateway": {"replicas": 7}}), weights={"aaa": 100}, pods={"aaa": 2}
    )

    assert told()["version"] == same["version"]
    assert told()["version"] != told(weights={"aaa": 99, "bbb": 1})["version"]


def test_no_selector_of_engines_means_a_gateway() -> None:
    children = gateway.build_gateway(DEFAULT, told(), image="g:1")

    deployment = next(child for child in children if child["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert names.DEPLOYMENT_LABEL not in labels
    assert labels[names.GATEWAY_LABEL] == "chat"


def test_one_replica_has_no_budget() -> None:
    alone = deepseek(**{**CPU_SPEC, "gateway": {"replicas": 1}})

    kinds = [child["kind"] for child in gateway.build_gateway(alone, told(alone), image="g:1")]

    assert "PodDisruptionBudget" not in kinds


def test_a_gateway_may_read_one_config_map_and_write_nothing() -> None:
    children = gateway.build_gateway(DEFAULT, told(), image="g:1")

    role = next(child for child in children if child["kind"] == "Role")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert [rule["resources"] for rule in role["rules"]] == [["configmaps"], ["endpointslices"]]
    assert role["rules"][0]["resourceNames"] == ["chat-gateway"]


def test_what_runs_has_its_time_before_the_pod_is_killed() -> None:
    children = gateway.build_gateway(deepseek(**EVERY_FIELD), told(), image=IMAGES.gateway)

    pod = next(child for child in children if child["kind"] == "Deployment")["spec"]["template"][
        "spec"
    ]
    [envoy] = pod["containers"]
    assert envoy["lifecycle"]["preStop"]["exec"]["command"][-1] == "--timeout=900"
    assert pod["terminationGracePeriodSeconds"] > 900
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


PLACED = Placement(
    node_selector={"pool": "edge"},
    tolerations=({"key": "edge", "operator": "Exists", "effect": "NoSchedule"},),
    affinity={"nodeAffinity": {}},
    priority_class="edge",
)
PLACES = {
    "nodeSelector": {"pool": "edge"},
    "tolerations": [{"key": "edge", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "edge",
}


def test_gateways_alone_run_where_the_platform_team_says() -> None:
    world = World(images=replace(IMAGES, gateways=PLACED))
    world.settle(DEFAULT)

    for (kind, name), child in world.children.items():
        if kind in ("Deployment", "Job"):
            pod = child["spec"]["template"]["spec"]
            placed = {field: pod[field] for field in PLACES if field in pod}
            assert placed == (PLACES if name == "chat-gateway" else {}), name
            check_against_kubernetes(child)
    assert ("Deployment", "chat-gateway") in world.children


def test_where_nothing_is_said_pods_have_no_field_of_it() -> None:
    children = gateway.build_gateway(DEFAULT, told(), image="g:1")

    [pod] = [one["spec"]["template"]["spec"] for one in children if one["kind"] == "Deployment"]
    assert not PLACES.keys() & pod.keys()


def test_the_longest_name_still_makes_names() -> None:
    long, other = "a" * 63, "a" * 62 + "b"

    assert len(names.gateway_child(long)) <= 63
    assert names.gateway_child(long) != names.gateway_child(other)
    assert names.gateway_child("chat") == "chat-gateway"
    assert not names.is_object_name("chat-gateway")


def test_each_envoy_has_a_name_of_its_own() -> None:
    one, other = (start.command(concurrency=2, node=node, room=Room()) for node in ("one", "other"))

    assert [a for a, b in zip(one, other, strict=True) if a != b] == ["one"]


def test_an_envoy_without_a_limit_holds_what_the_operators_default_would() -> None:
    children = gateway.build_gateway(DEFAULT, told(), image="g:1")

    deployment = next(child for child in children if child["kind"] == "Deployment")
    [envoy] = deployment["spec"]["template"]["spec"]["containers"]
    assert envoy["resources"]["limits"]["memory"] == f"{DEFAULT_MEMORY_BYTES // 2**30}Gi"
