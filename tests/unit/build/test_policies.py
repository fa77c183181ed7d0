"""NetworkPolicies of an object: every pair of its pods and those around it, by the labels that they really have."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from deepseek_operator.build import policies, warmup, weights
from deepseek_operator.build.policies import Party, Scene
from deepseek_operator.engines.contract import PORT, WARDEN_PORT, Policies
from deepseek_operator.resolve import resolve_shape
from tests.conftest import Golden
from tests.unit import fences
from tests.unit.fences import End
from tests.unit.samples import (
    EVERY_FIELD,
    IMAGES,
    Manifest,
    check_against_kubernetes,
    deepseek,
)
from tests.unit.test_canary import OLD
from tests.unit.test_quality_in_rollouts import Examined, wanting
from tests.unit.world import World

TEAM, SYSTEM = "team", "deepseek-system"
CHOSEN = Policies(SYSTEM, monitoring=("monitoring",))
FENCED = replace(IMAGES, policies=CHOSEN)

SPEC: Manifest = {**EVERY_FIELD, "servedName": "chat"}
FETCHED: Manifest = {"model": "DeepSeek-R1-Distill-Qwen-7B"}
ON_TWO_NODES: Manifest = {
    "model": "DeepSeek-V3",
    "accelerator": {"product": "NVIDIA-H100-80GB-HBM3"},
}

CLIENT, TLS, REPORT, OTHER = 8080, 8443, 8081, 22
PORTS = (PORT, WARDEN_PORT, CLIENT, TLS, REPORT, 8082, 29499, 443, 6443, OTHER)

OUTSIDE = {
    "any other pod of the namespace": End(TEAM, {"app": "payments"}),
    "any pod of another namespace": End("other", {}),
    "an operator of another namespace": End("other", {"app.kubernetes.io/component": "operator"}),
    "the operator": End(SYSTEM, {"app.kubernetes.io/component": "operator", "app.kubernetes.io/name": "x"}),
    "monitoring": End("monitoring", {"app": "prometheus"}),
    "a client outside": End(address="203.0.113.7"),
    "metadata of the cloud": End(address="169.254.169.254"),
    "metadata of the cloud, IPv6": End(address="fd00:ec2::254"),
}  # fmt: skip


def world_of(**spec: Any) -> tuple[World, Manifest]:
    """What is there once the object serves, and the pods that a policy of it should know, by whose they are."""
    world, deployment = World(images=FENCED), deepseek(**spec)
    world.settle(deployment)
    shape = resolve_shape(deployment, deployment.spec, images=FENCED)
    pod: Manifest = {
        "metadata": {"name": "one", "namespace": TEAM, "uid": "u"},
        "status": {"podIP": "10.0.0.1"},
    }
    jobs = {
        "warm-up": warmup.build_warmup_job(deployment, shape, pod, container_id="x"),
        "fetch": weights.build_fetch_job(deployment, shape, "weights-x"),
        "listing": weights.build_listing_job(deployment, shape, "weights-x"),
    }
    made = {
        **{f"{kind} {name}": child for (kind, name), child in world.children.items() if kind == "Deployment"},
        **jobs,
    }  # fmt: skip
    return world, {
        name: item["spec"]["template"]["metadata"]["labels"] for name, item in made.items()
    }


def policies_in(world: World) -> list[Manifest]:
    return [child for (kind, _), child in world.children.items() if kind == "NetworkPolicy"]


def reached(
    found: list[Manifest], ends: Mapping[str, End], *, among: frozenset[str]
) -> set[tuple[str, str, int]]:
    """All connections that may be opened from or to those `among` the ends."""
    return {
        (source, target, port)
        for source, from_ in ends.items()
        for target, to in ends.items()
        for port in PORTS
        if {source, target} & among
        and not (from_.address and to.address)
        and fences.may_connect(found, from_, to, port)
    }


def parties(labels: Mapping[str, Manifest]) -> dict[str, End]:
    """One of each party, by the labels that builders give."""
    engine = next(
        name for name in labels if name.startswith("Deployment") and "gateway" not in name
    )
    gateway = next((name for name in labels if "gateway" in name), None)
    found = {"engine": End(TEAM, labels[engine])}
    if gateway:
        found["gateway"] = End(TEAM, labels[gateway])
    return found | {
        name: End(TEAM, labels[name]) for name in ("warm-up", "fetch", "listing") if name in labels
    }


_LINK_LOCAL = {"metadata of the cloud", "metadata of the cloud, IPv6"}


def test_nobody_reaches_anybody_but_who_has_to() -> None:
    world, labels = world_of(**SPEC)
    own = parties(labels)

    found = reached(policies_in(world), {**own, **OUTSIDE}, among=frozenset(own))

    asking = {
        ("gateway", "engine", PORT), ("warm-up", "engine", PORT), ("warm-up", "engine", WARDEN_PORT),
        ("the operator", "engine", PORT), ("monitoring", "engine", PORT),
        ("the operator", "gateway", REPORT), ("monitoring", "gateway", REPORT),
        *((name, "gateway", port) for name in (*OUTSIDE, "fetch", "listing") for port in (CLIENT, TLS)),
    }  # fmt: skip
    # Of an API server only the ports are known; of the object's pods none listens there.
    api = {("gateway", name, port) for name in OUTSIDE for port in (443, 6443)}
    fetching = {
        (name, target, port)
        for name in ("fetch", "listing")
        for target in OUTSIDE.keys() - _LINK_LOCAL
        for port in PORTS
    }
    assert found == asking | api | fetching


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"gateway": {"provider": "None"}}, True, id="plain-service"),
        pytest.param(
            {"gateway": {"provider": "GatewayAPI", "parentRef": {"name": "g"}}}, True, id="route"
        ),
        pytest.param({"gateway": {"provider": "Embedded"}}, False, id="gateway"),
    ],
)
def test_engines_are_open_to_clients_where_nothing_stands_before_them(
    spec: Manifest, *, expected: bool
) -> None:
    world, labels = world_of(**FETCHED, **spec)
    engine = parties(labels)["engine"]

    for name in ("any pod of another namespace", "a client outside"):
        found = fences.may_connect(policies_in(world), OUTSIDE[name], engine, PORT)
        assert found is expected, name
        assert not fences.may_connect(policies_in(world), OUTSIDE[name], engine, WARDEN_PORT)


def test_engines_ask_nobody() -> None:
    world, labels = world_of(**FETCHED)
    own = parties(labels)

    found = reached(policies_in(world), {**own, **OUTSIDE}, among=frozenset({"engine"}))

    assert {source for source, _, _ in found if source == "engine"} == set()


def test_pods_of_a_replica_on_several_nodes_reach_each_other_and_no_others() -> None:
    scene = Scene(deepseek(**ON_TWO_NODES), CHOSEN, in_groups=True)
    leader = End(
        TEAM, {"serving.deepseek.dev/deployment": "chat", "serving.deepseek.dev/revision": "k"}
    )
    worker = End(
        TEAM, {"serving.deepseek.dev/deployment": "chat", "serving.deepseek.dev/worker": "k"}
    )
    of_another = End(TEAM, {"serving.deepseek.dev/deployment": "other"})
    found = policies.build_policies(scene)

    for port in (29499, 12345):
        assert fences.may_connect(found, worker, leader, port)
        assert fences.may_connect(found, leader, worker, port)
        assert not fences.may_connect(found, of_another, leader, port)
        assert not fences.may_connect(found, leader, of_another, port)
    dns = End("kube-system", {"k8s-app": "kube-dns"})
    assert fences.may_connect(found, worker, dns, 53, protocol="UDP")
    alone = policies.build_policies(replace(scene, in_groups=False))
    assert not fences.may_connect(alone, worker, leader, 29499)
    assert not fences.may_connect(alone, worker, dns, 53, protocol="UDP")


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_dns_is_asked_where_its_pods_listen(protocol: str) -> None:
    """Most agents see a connection after the Service's address was replaced, and its port with it."""
    dns = End("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"})
    engine = End(TEAM, {"serving.deepseek.dev/deployment": "chat"})
    told = replace(CHOSEN, dns_ports=(53, 5353))
    own = policies.build_policies(Scene(deepseek(**FETCHED), told, in_groups=True))
    usual = policies.build_policies(Scene(deepseek(**FETCHED), CHOSEN, in_groups=True))

    for port in (53, 5353):
        assert fences.may_connect(own, engine, dns, port, protocol=protocol)
    assert not fences.may_connect(own, engine, dns, 5354, protocol=protocol)
    assert not fences.may_connect(usual, engine, dns, 5353, protocol=protocol)


def test_engines_that_fetch_copies_reach_sources() -> None:
    engine = End(TEAM, {"serving.deepseek.dev/deployment": "chat"})
    scene = Scene(deepseek(**FETCHED), CHOSEN, fetches=True)

    for copies in (True, False):
        found = policies.build_policies(replace(scene, copies=copies))
        assert fences.may_connect(found, engine, OUTSIDE["a client outside"], 443) is copies
        for name in _LINK_LOCAL:
            assert not fences.may_connect(found, engine, OUTSIDE[name], 80)


def exam() -> End:
    """A pod of the Job that passes over a Canary make."""
    service = Examined()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    service.until(wanting(), "Watching")
    return End(TEAM, service.made[0]["spec"]["template"]["metadata"]["labels"])


@pytest.mark.parametrize(
    ("url", "port"), [("https://judge.team.svc:8443/ok", 8443), ("https://j/ok", 443)]
)
def test_an_examination_reaches_its_judge_and_the_engines(url: str, port: int) -> None:
    pod, engine = exam(), End(TEAM, {"serving.deepseek.dev/deployment": "chat"})
    judge = OUTSIDE["a client outside"]
    quality: Manifest = {"prompts": {"name": "p"}, "webhook": {"url": url}}

    def found(asked: Manifest) -> list[Manifest]:
        rollout = {"strategy": "Canary", "analysis": {"quality": asked}}
        return policies.build_policies(Scene(deepseek(**FETCHED, rollout=rollout), CHOSEN))

    assert fences.may_connect(found(quality), pod, engine, PORT)
    assert not fences.may_connect(found(quality), pod, engine, WARDEN_PORT)
    assert [one for one in PORTS if fences.may_connect(found(quality), pod, judge, one)] in (
        [],
        [port],
    )
    assert fences.may_connect(found(quality), pod, judge, port)
    assert not fences.may_connect(found(quality), pod, OUTSIDE["metadata of the cloud"], port)
    assert not fences.may_connect(found({"prompts": {"name": "p"}}), pod, judge, port)


def test_nobody_is_sent_to_monitoring_that_is_not_there() -> None:
    found = policies.build_policies(Scene(deepseek(**FETCHED), Policies(SYSTEM)))
    engine = End(TEAM, {"serving.deepseek.dev/deployment": "chat"})

    assert not fences.may_connect(found, OUTSIDE["monitoring"], engine, PORT)
    assert fences.may_connect(found, OUTSIDE["the operator"], engine, PORT)


def test_policies_are_as_the_golden_file_shows(golden: Golden) -> None:
    world, _ = world_of(**SPEC)
    found = sorted(policies_in(world), key=lambda item: str(item["metadata"]["name"]))

    for manifest in found:
        check_against_kubernetes(manifest)
    for manifest in found:
        del manifest["metadata"]["generation"], manifest["metadata"]["annotations"]
    golden("policies.yaml", yaml.safe_dump_all(found, sort_keys=False, width=100))


def test_no_policy_has_the_name_of_another_objects() -> None:
    names = {
        policies.build_policies(Scene(deepseek(name, **FETCHED), CHOSEN))[0]["metadata"]["name"]
        for name in ("chat", "chat-engines", "c" * 63)
    }

    assert len(names) == 3
    assert all(len(name) <= 63 for name in names)


def test_every_kind_of_pod_has_a_policy_in_both_directions() -> None:
    """What no policy selects is open to everybody."""
    world, labels = world_of(**SPEC)
    found = policies_in(world)

    for name, its_labels in labels.items():
        selecting = [
            item for item in found
            if item["spec"]["podSelector"]["matchLabels"].items() <= its_labels.items()
        ]  # fmt: skip
        assert [item["spec"]["policyTypes"] for item in selecting] == [["Ingress", "Egress"]], name


def test_no_policies_are_made_where_none_are_wanted_and_those_there_go() -> None:
    world, deployment = World(images=FENCED), deepseek(**FETCHED)
    world.settle(deployment)
    assert len(policies_in(world)) == 3

    world.images = IMAGES
    world.settle(deployment)

    assert policies_in(world) == []


def test_policies_come_before_any_pod() -> None:
    plan = World(images=FENCED).plan(
        deepseek(model="tiny", source="pvc://models/tiny", accelerator={"kind": "CPU"})
    )

    kinds = [item["kind"] for item in plan.apply]
    assert kinds.index("Deployment") > max(
        i for i, kind in enumerate(kinds) if kind == "NetworkPolicy"
    )


def test_every_party_that_is_told_of_has_a_way() -> None:
    told = {party for way in policies.WAYS for party in (way.source, way.target)}

    assert told == set(Party)
