"""The gateway's children, and what it is told; the agent reads it as it is meant."""

import json
from collections.abc import Mapping

from deepseek_operator.api import names
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import gateway
from deepseek_serving.gateway import document, start
from deepseek_serving.gateway.document import Limits, Route
from tests.unit.samples import (
    CPU_SPEC,
    EVERY_FIELD,
    IMAGES,
    Manifest,
    check_against_kubernetes,
    deepseek,
)

DEFAULT = deepseek(**{**CPU_SPEC, "gateway": {}})


def told(
    deployment: DeepSeekDeployment = DEFAULT,
    *,
    weights: Mapping[str, int] | None = None,
    pods: Mapping[str, int] | None = None,
) -> Manifest:
    return gateway.document(deployment, weights=weights or {"aaa": 100}, pods=pods or {"aaa": 2})


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


def test_the_same_is_told_under_the_same_version() -> None:
    same = gateway.document(
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


def test_the_longest_name_still_makes_names() -> None:
    long, other = "a" * 63, "a" * 62 + "b"

    assert len(names.gateway_child(long)) <= 63
    assert names.gateway_child(long) != names.gateway_child(other)
    assert names.gateway_child("chat") == "chat-gateway"
    assert not names.is_object_name("chat-gateway")


def test_each_envoy_has_a_name_of_its_own() -> None:
    one, other = (start.command(concurrency=2, node=node) for node in ("one", "other"))

    assert [a for a, b in zip(one, other, strict=True) if a != b] == ["one"]
