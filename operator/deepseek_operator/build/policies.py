"""Builders of the NetworkPolicies: who may open connections to an object's pods, and whom these may ask.

`WAYS` is all that there is; what is not in it is denied, in both directions. docs/security.md shows the same table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from deepseek_operator.api import names
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.types import DeepSeekDeployment
from deepseek_operator.build.gateway import (
    CLIENT_PORT,
    REPORT_PORT,
    TLS_PORT,
    gateway_selector,
    is_embedded,
)
from deepseek_operator.build.metadata import Manifest, child_metadata, object_selector
from deepseek_operator.engines.contract import PORT, WARDEN_PORT, Policies, Tracing

OPERATOR_SELECTOR = {"app.kubernetes.io/component": "operator"}
"""Of the operator's pods, which no pod of an object may have: the prefix is reserved in `pod.labels`."""

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""On every namespace its name, set by the API server."""

NOT_OUTSIDE = {
    "0.0.0.0/0": ("169.254.0.0/16",),
    "::/0": ("fe80::/10", "fd00:ec2::254/128"),
}
"""What of all addresses no pod of ours asks: link-local ones (RFC 3927, RFC 4291), where clouds answer nodes with
their credentials, and the one of Amazon's that is not
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html)."""


_ENGINES_SPANS = "--otlp-traces-endpoint"
"""The flag of both engines (vLLM 0.33, TensorRT-LLM 1.2)."""


class Party(StrEnum):
    """Who opens a connection, or takes one."""

    ENGINES = "engine pods"
    GATEWAYS = "gateway pods"
    WARMUPS = "pods of warm-ups"
    EXAMS = "pods of examinations"
    FETCHES = "pods that fetch weights"
    OPERATOR = "the operator"
    MONITORING = "namespaces of monitoring"
    ANYONE = "anyone"
    DNS = "DNS"
    API_SERVER = "the API server"
    SOURCES = "sources of weights, mirrors and proxies"
    JUDGE = "the webhook that judges answers"
    COLLECTOR = "the collector of traces"


@dataclass(frozen=True, slots=True)
class Scene:
    """What of an object decides which ways there are."""

    deployment: DeepSeekDeployment
    policies: Policies
    is_reached_directly: bool = False
    """Whether clients, or a Gateway of others, ask engines themselves."""
    fetches: bool = False
    """Whether weights are fetched at all."""
    copies: bool = False
    """Whether engine pods fetch a copy of their own."""
    in_groups: bool = False
    """Whether a replica is on several nodes."""
    collector: Tracing | None = None
    """Where the object's traces go; None where it has none."""

    @property
    def is_traced(self) -> bool:
        """Whether spans are sent to anybody."""
        return self.collector is not None

    @property
    def has_tracing_engines(self) -> bool:
        """Whether engines of a block of the object send spans of their own."""
        spec = self.deployment.spec
        first = spec.rollout.from_
        blocks: list[ServingBlock] = [spec, *spec.fallback, *([first] if first else [])]
        flags = (flag.replace("_", "-") for block in blocks for flag in block.engine.args)
        return self.is_traced and any(flag.startswith(_ENGINES_SPANS) for flag in flags)

    @property
    def has_judge(self) -> bool:
        """Whether a webhook is asked."""
        quality = self.deployment.spec.rollout.analysis.quality
        return quality is not None and quality.webhook is not None


@dataclass(frozen=True, slots=True)
class Way:
    """One pair that may connect."""

    source: Party
    target: Party
    why: str
    ports: tuple[int, ...] = ()
    """None: all of them, or those that the scene names."""
    where: Callable[[Scene], bool] = lambda _: True
    """Which objects have it."""
    of: str = "every object"
    """The same in words."""


WAYS = (
    Way(Party.GATEWAYS, Party.ENGINES, "users' requests", (PORT,)),
    Way(Party.ANYONE, Party.ENGINES, "users' requests", (PORT,), lambda scene: scene.is_reached_directly,
        "provider None or GatewayAPI"),
    Way(Party.WARMUPS, Party.ENGINES, "a warm-up's requests, and its word that all is well", (PORT, WARDEN_PORT)),
    Way(Party.EXAMS, Party.ENGINES, "questions of an examination", (PORT,)),
    Way(Party.OPERATOR, Party.ENGINES, "engines' counters", (PORT,)),
    Way(Party.MONITORING, Party.ENGINES, "engines' metrics, on the port of their API", (PORT,),
        lambda scene: bool(scene.policies.monitoring), "networkPolicies.monitoringNamespaces"),
    Way(Party.ENGINES, Party.ENGINES, "nodes of one replica exchange on ports that their libraries choose", (),
        lambda scene: scene.in_groups, "replicas on several nodes"),
    Way(Party.ANYONE, Party.GATEWAYS, "users' requests", (CLIENT_PORT, TLS_PORT)),
    Way(Party.OPERATOR, Party.GATEWAYS, "what a gateway has taken up and counted", (REPORT_PORT,)),
    Way(Party.MONITORING, Party.GATEWAYS, "gateways' metrics", (REPORT_PORT,),
        lambda scene: bool(scene.policies.monitoring), "networkPolicies.monitoringNamespaces"),
    Way(Party.GATEWAYS, Party.API_SERVER, "its document, and where engines are"),
    Way(Party.ENGINES, Party.DNS, "the names of the leader, of sources and of the collector", (),
        lambda scene: scene.in_groups or scene.copies or scene.has_tracing_engines,
        "replicas on several nodes, copies of each pod, --otlp-traces-endpoint"),
    Way(Party.ENGINES, Party.SOURCES, "a copy of the weights of its own", (), lambda scene: scene.copies,
        "copies of each pod"),
    Way(Party.GATEWAYS, Party.DNS, "the collector's name", (), lambda scene: scene.is_traced, "tracing.endpoint"),
    Way(Party.GATEWAYS, Party.COLLECTOR, "spans of requests", (), lambda scene: scene.is_traced, "tracing.endpoint"),
    Way(Party.ENGINES, Party.COLLECTOR, "spans of what they compute", (), lambda scene: scene.has_tracing_engines,
        "tracing.endpoint, with --otlp-traces-endpoint in engine.args"),
    Way(Party.FETCHES, Party.DNS, "the names of sources", ()),
    Way(Party.FETCHES, Party.SOURCES, "weights"),
    Way(Party.EXAMS, Party.DNS, "the judge's name", (), lambda scene: scene.has_judge, "quality.webhook"),
    Way(Party.EXAMS, Party.JUDGE, "the judge's opinion", (), lambda scene: scene.has_judge, "quality.webhook"),
)  # fmt: skip

_GUARDED: tuple[tuple[Party, str, Callable[[Scene], bool]], ...] = (
    (Party.ENGINES, "engines", lambda _: True),
    (Party.GATEWAYS, "gateway", lambda scene: is_embedded(scene.deployment)),
    (Party.WARMUPS, "warmups", lambda scene: scene.deployment.spec.warmup.enabled),
    (Party.EXAMS, "quality", lambda scene: scene.deployment.spec.rollout.analysis.quality is not None),
    (Party.FETCHES, "weights", lambda scene: scene.fetches),
)  # fmt: skip
"""Whose pods have a policy, its name, and which objects have such pods."""


def build_policies(scene: Scene) -> list[Manifest]:
    """One policy for each kind of pod that the object has: both directions, and only the ways that there are.

    A direction without any way is written as an empty list, so that what somebody adds there is ours to remove.
    """
    return [_policy(scene, party, name) for party, name, is_there in _GUARDED if is_there(scene)]


def _policy(scene: Scene, party: Party, name: str) -> Manifest:
    ways = [way for way in WAYS if way.where(scene)]
    rules = {
        "ingress": [_rule(scene, way, way.source, "from") for way in ways if way.target is party],
        "egress": [_rule(scene, way, way.target, "to") for way in ways if way.source is party],
    }
    metadata = child_metadata(
        scene.deployment, name=names.policy_child(scene.deployment.metadata.name, name)
    )
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": {"matchLabels": selector(scene.deployment, party)},
            "policyTypes": ["Ingress", "Egress"],
            **rules,
        },
    }


def _rule(scene: Scene, way: Way, other: Party, direction: str) -> Manifest:
    """Without peers or ports: all of them."""
    peers, ports = _peers(scene, other), _ports(scene, way)
    return {
        **({direction: peers} if peers else {}),
        **({"ports": ports} if ports else {}),
    }


def selector(deployment: DeepSeekDeployment, party: Party) -> dict[str, str]:
    """Selects the pods of a party that are the object's, or all that fetch weights in its namespace."""
    name = deployment.metadata.name
    found: dict[Party, dict[str, str]] = {
        Party.ENGINES: object_selector(deployment),
        Party.GATEWAYS: gateway_selector(deployment),
        Party.WARMUPS: {names.WARMUP_LABEL: name},
        Party.EXAMS: {names.QUALITY_LABEL: name},
        # Objects share them: each of their policies selects all.
        Party.FETCHES: {
            "app.kubernetes.io/name": "deepseek-weights",
            names.MANAGED_BY_LABEL: names.MANAGED_BY,
        },
    }
    return found[party]


def _peers(scene: Scene, party: Party) -> list[Manifest]:
    policies = scene.policies
    if party in (Party.ANYONE, Party.DNS, Party.API_SERVER):
        # Where an API server and its DNS are no selector says; of both only ports are known.
        return []
    if party is Party.OPERATOR:
        return [
            {
                "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: policies.operator_namespace}},
                "podSelector": {"matchLabels": OPERATOR_SELECTOR},
            }
        ]
    if party is Party.MONITORING:
        return [
            {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}}}
            for namespace in policies.monitoring
        ]
    if party is Party.COLLECTOR and scene.collector is not None:
        namespace = _namespace_of(scene.collector.host)
        if namespace:
            return [{"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}}}]
    if party in (Party.SOURCES, Party.JUDGE, Party.COLLECTOR):
        # To some agents a block of addresses means none of the cluster's own pods.
        blocks = [
            {"ipBlock": {"cidr": block, "except": list(but)}} for block, but in NOT_OUTSIDE.items()
        ]
        return [{"namespaceSelector": {}}, *blocks]
    return [{"podSelector": {"matchLabels": selector(scene.deployment, party)}}]


def _ports(scene: Scene, way: Way) -> list[Manifest]:
    ports = way.ports
    if way.target is Party.API_SERVER:
        ports = scene.policies.api_server_ports
    if way.target is Party.DNS:
        ports = scene.policies.dns_ports
    if way.target is Party.JUDGE:
        ports = (_port_of_judge(scene.deployment),)
    if way.target is Party.COLLECTOR and scene.collector is not None:
        ports = (scene.collector.port,)
    protocols = ("UDP", "TCP") if way.target is Party.DNS else ("TCP",)
    return [{"port": port, "protocol": protocol} for port in ports for protocol in protocols]


def _namespace_of(host: str) -> str:
    """The namespace of a Service, where its name says that it is one; of any other name nothing is known."""
    _, _, rest = host.partition(".")
    namespace, _, rest = rest.partition(".")
    return namespace if rest == "svc" or rest.startswith("svc.") else ""


def _port_of_judge(deployment: DeepSeekDeployment) -> int:
    quality = deployment.spec.rollout.analysis.quality
    assert quality is not None
    assert quality.webhook is not None
    return urlsplit(quality.webhook.url).port or 443
