"""Traces as the operator has them made: what gateways are told, who may reach the collector, and that no engine notices."""

import json
from dataclasses import replace
from typing import Any

import pytest

from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build import policies
from deepseek_operator.build.gateway_document import DOCUMENT_KEY
from deepseek_operator.build.policies import Scene
from deepseek_operator.engines.contract import EngineImages, Policies, Tracing
from deepseek_operator.observed import revision_of
from deepseek_operator.rollout.revisions import target_key
from deepseek_serving.gateway import document
from dev.paths import REPOSITORY
from tests.unit import fences
from tests.unit.fences import End
from tests.unit.samples import CPU_SPEC, IMAGES, Manifest, deepseek
from tests.unit.test_canary import Service
from tests.unit.world import World

HOST = "otel-collector.observability.svc.cluster.local"
COLLECTOR = Tracing(HOST, 4317, 5.0)
TRACED = replace(IMAGES, tracing=COLLECTOR)
SERVED: Manifest = {
    **CPU_SPEC,
    "gateway": {},
    "fallback": [{**CPU_SPEC, "model": "small", "source": "pvc://s"}],
}
SPANS_OF_ENGINES: Manifest = {
    "engine": {"args": ["--otlp-traces-endpoint=http://otel-collector.observability.svc:4317"]}
}
CHOSEN = Policies("deepseek-system")

GATEWAY, ENGINE = "serving.deepseek.dev/gateway", "serving.deepseek.dev/deployment"
ENDS = {
    "gateway": End("team", {GATEWAY: "chat"}),
    "engine": End("team", {ENGINE: "chat", "serving.deepseek.dev/revision": "a"}),
    "collector": End("observability", {"app": "otel-collector"}),
    "stranger": End("other", {"app": "x"}),
    "outside": End(address="203.0.113.7"),
}


def settled(images: EngineImages, deployment: DeepSeekDeployment) -> World:
    """The object served, with gateways that do what they are told."""
    service = Service(images=images)
    for _ in range(8):
        service.one_pass(deployment)
    return service


def told(world: World) -> Manifest:
    found: Manifest = json.loads(world.find("ConfigMap")["data"][DOCUMENT_KEY])
    return found


def pods(world: World) -> dict[str, Any]:
    """Whatever makes pods, and what of."""
    return {
        name: child["spec"]["template"]
        for (kind, name), child in world.children.items()
        if kind == "Deployment"
    }


def test_gateways_are_told_where_the_collector_is() -> None:
    found = told(settled(TRACED, deepseek(**SERVED)))

    assert document.parse(json.dumps(found)).tracing == document.Tracing(
        HOST, 4317, 5.0, "chat-gateway", "team"
    )


@pytest.mark.parametrize(
    ("images", "gateway"),
    [
        pytest.param(IMAGES, {}, id="nobody-has-a-collector"),
        pytest.param(IMAGES, {"tracing": "Enabled"}, id="asked-for-and-nobody-has-one"),
        pytest.param(TRACED, {"tracing": "Disabled"}, id="the-object-wants-none"),
    ],
)
def test_else_they_are_told_nothing_of_it(images: EngineImages, gateway: Manifest) -> None:
    plain = told(settled(IMAGES, deepseek(**SERVED)))

    found = told(settled(images, deepseek(**{**SERVED, "gateway": gateway})))

    assert plain == found


def test_it_is_switched_on_and_off_without_a_new_pod_or_revision() -> None:
    before = deepseek(**SERVED)
    world = settled(IMAGES, before)
    made, shapes = pods(world), _revisions(world)

    for images, gateway in ((TRACED, {}), (TRACED, {"tracing": "Disabled"}), (IMAGES, {})):
        changed = deepseek(**{**SERVED, "gateway": gateway}, generation=2)
        world.images = images
        for _ in range(4):
            assert isinstance(world, Service)
            world.one_pass(changed)
        assert target_key(changed.spec) == target_key(before.spec)
        assert made == pods(world)
        assert shapes == _revisions(world)


def _revisions(world: World) -> dict[str, Any]:
    return {
        str(revision_of(child)): child["data"]
        for (kind, _), child in world.children.items()
        if kind == "ControllerRevision"
    }


def ways(scene: Scene) -> set[tuple[str, str, int]]:
    """Who may open a connection to whom."""
    found = policies.build_policies(scene)
    return {
        (source, target, port)
        for source in ("gateway", "engine")
        for target in ("collector", "stranger", "outside")
        for port in (53, 4317, 4318)
        if fences.may_connect(found, ENDS[source], ENDS[target], port)
    }


def scene(host: str = HOST, **spec: Any) -> Scene:
    deployment = deepseek(**{**SERVED, **spec})
    return Scene(deployment, CHOSEN, collector=replace(COLLECTOR, host=host))


TO_DNS = {("gateway", one, 53) for one in ("collector", "stranger", "outside")}
ENGINES_TO_DNS = {("engine", target, port) for _, target, port in TO_DNS}


def test_only_gateways_reach_only_the_collector() -> None:
    assert ways(scene()) == {("gateway", "collector", 4317), *TO_DNS}


def test_engines_that_send_spans_reach_it_too() -> None:
    found = ways(scene(**SPANS_OF_ENGINES))

    assert found == {
        ("gateway", "collector", 4317), ("engine", "collector", 4317), *TO_DNS, *ENGINES_TO_DNS,
    }  # fmt: skip
    of_fallback = scene(fallback=[{**CPU_SPEC, **SPANS_OF_ENGINES, "source": "pvc://s"}])
    assert ("engine", "collector", 4317) in ways(of_fallback)


@pytest.mark.parametrize(
    "host", ["otel-collector.observability", "collector.example.com", "203.0.113.7"]
)
def test_of_a_name_that_says_no_namespace_only_the_port_is_known(host: str) -> None:
    assert {way for way in ways(scene(host)) if way[2] != 53} == {
        ("gateway", one, 4317) for one in ("collector", "stranger", "outside")
    }


def test_without_a_collector_nobody_reaches_any() -> None:
    assert ways(Scene(deepseek(**SERVED, engine=SPANS_OF_ENGINES["engine"]), CHOSEN)) == set()


def test_our_image_of_vllm_has_what_the_flag_needs() -> None:
    """vLLM ends with an error where it is asked for spans and lacks these packages (vllm/tracing)."""
    pinned = (REPOSITORY / "serving" / "images" / "vllm-cpu" / "requirements.txt").read_text()
    flags = (REPOSITORY / "tests" / "golden" / "vllm_flags_0.33.0.txt").read_text().split()

    assert "--otlp-traces-endpoint" in flags
    for package in ("sdk", "api", "exporter-otlp", "exporter-otlp-proto-grpc"):
        assert f"\nopentelemetry-{package}==" in pinned
