"""What is risky and allowed: said when an object is applied, and by `kubectl deepseek plan`. Nothing is refused for it.

The API server says it by the chart's ValidatingAdmissionPolicy, whose expressions are made from these predicates
(docs/decisions/0040-warnings-without-a-webhook.md). A message names the field, what may come of it, and the remedy; the
API server cuts it at 256 characters with the policy's own name before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from deepseek_operator.api.predicates import (
    All,
    Any,
    Has,
    Is,
    Matches,
    Not,
    Predicate,
    Some,
)

Spec = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing that is said."""

    name: str
    """In one word, as it stands in the reference."""
    predicate: Predicate
    message: str
    of_each_block: bool = False
    """Whether it is asked of rollout.from and of each entry of fallback, too."""

    def holds(self, spec: Spec) -> bool:
        """Whether it is to be said of this spec."""
        return any(self.predicate.holds(block) for block in self._blocks(spec))

    def _blocks(self, spec: Spec) -> Iterable[JsonValue]:
        yield dict(spec)
        if not self.of_each_block:
            return
        rollout, fallback = spec.get("rollout"), spec.get("fallback")
        if isinstance(rollout, dict) and rollout.get("from") is not None:
            yield rollout["from"]
        if isinstance(fallback, list):
            yield from fallback

    def cel(self) -> str:
        """Whether it is to be said of `object`."""
        said = self.predicate.cel("object.spec")
        if not self.of_each_block:
            return said
        first = "object.spec.rollout.from"
        return (
            f"{said} || (has(object.spec.rollout) && has({first}) && {self.predicate.cel(first)}) || "
            f"(has(object.spec.fallback) && object.spec.fallback.exists(entry, {self.predicate.cel('entry')}))"
        )


_EMBEDDED = Is("gateway.provider", "Embedded", default="Embedded")
_NO_FALLBACK = Not(Some("fallback", Has("model")))

WARNINGS: tuple[Warned, ...] = (
    Warned(
        "OneReplica",
        All(
            (
                Is("replicas", 1, default=1),
                Not(Has("workload.requestsPerSecond")),
                Not(Has("autoscaling")),
                _NO_FALLBACK,
            )
        ),
        "replicas: with one, and no fallback, nobody is served while its node is drained or its pod starts anew; set 2 or more, "
        "or fallback",
    ),
    Warned(
        # Of 0 nothing is said: whoever writes it has chosen to have none, and requests are held meanwhile.
        "OneReplicaAtLeast",
        All((Has("autoscaling"), Is("autoscaling.min", 1, default=1), _NO_FALLBACK)),
        "autoscaling.min: with one, and no fallback, nobody is served while the last one's node is drained; set 2 or more, or "
        "fallback",
    ),
    Warned(
        "OneGatewayReplica",
        All((_EMBEDDED, Is("gateway.replicas", 1))),
        "gateway.replicas: with one, requests fail while its node is drained; set 2 or more",
    ),
    Warned(
        "NoApiKeys",
        All((_EMBEDDED, Not(Has("gateway.apiKeys")))),
        "gateway: without apiKeys whoever reaches it may ask; set gateway.apiKeys",
    ),
    Warned(
        "KeysInPlainText",
        All((_EMBEDDED, Has("gateway.apiKeys"), Not(Is("gateway.tls.only", value=True)))),
        "gateway: clients may send their keys over plain HTTP; set gateway.tls with only: true",
    ),
    Warned(
        "NoGateway",
        Is("gateway.provider", "None"),
        "gateway.provider: with None clients reach engines themselves: no keys, no limits, every path of the engine",
    ),
    Warned(
        "Pinning",
        Is("gateway.pinning", value=True),
        "gateway.pinning: any client may choose a revision, also one that is on trial; remove it after the tests",
    ),
    Warned(
        "Downtime",
        All((Is("rollout.strategy", "Replace"), _NO_FALLBACK)),
        "rollout.strategy: with Replace, and no fallback, nobody is served from the stop of one revision to the start of the next; "
        "set fallback, or Canary",
    ),
    Warned(
        "WaitsForAPerson",
        Is("rollout.autoPromote", value=False),
        "rollout.autoPromote: with false a rollout waits for a person, and goes back after rollout.maxDuration",
    ),
    Warned(
        "ColdPods",
        Is("warmup.enabled", value=False),
        "warmup.enabled: users meet engines that still compile, and no pod's answers are compared; remove it",
    ),
    Warned(
        "UnprovenPods",
        Is("warmup.onFailure", "Serve"),
        "warmup.onFailure: with Serve users meet pods whose warm-up was refused or took too long",
    ),
    Warned(
        "TrustsCode",
        Some("engine.args", Matches("", "^--trust[-_]rem")),
        "engine.args: --trust-remote-code runs what the weights' source holds in the engine; leave it out, or pin the source",
        of_each_block=True,
    ),
    Warned(
        "TrustsClients",
        Some(
            "engine.args",
            Matches("", "^--(trust[-_]request|enable[-_]prompt[-_]em|tool[-_]server)"),
        ),
        "engine.args: templates, tensors or tools of clients reach the engine's own code; only for clients that you trust",
        of_each_block=True,
    ),
    Warned(
        "TalkativeLog",
        Any(
            (
                Some("pod.env", All((Is("name", "VLLM_LOGGING_LEVEL"), Matches("value", "(?i)^debug$")))),
                Some("engine.args", Matches("", "(?i)^--(uvicorn[-_])?log[-_]level=(debug|trace|verbose)$")),
            )
        ),
        "engine.args, pod.env: at this level words of users may come into the engine's log; remove it after the search",
        of_each_block=True,
    ),
    Warned(
        "MovingSource",
        Matches("source", "^hf://[^@]+$"),
        "source: without @revision whatever is there on the day is fetched; write hf://organisation/name@commit",
        of_each_block=True,
    ),
    Warned(
        "MovingImage",
        Any(
            (
                Matches("engine.image", ":latest$"),
                All((Has("engine.image"), Not(Matches("engine.image", "(:[^:/]+|@sha256:[0-9a-f]+)$")))),
            )
        ),
        "engine.image: pods that start later may run another engine; name a version or a digest",
        of_each_block=True,
    ),
    Warned(
        "AllTaints",
        Some("pod.tolerations", All((Is("operator", "Exists"), Not(Has("key"))))),
        "pod.tolerations: without a key pods are also put on nodes of the control plane and on those that are being emptied; "
        "name the taints",
        of_each_block=True,
    ),
)  # fmt: skip
"""Everything that is said."""


def warnings_of(spec: Spec) -> list[Warned]:
    """What is to be said of a spec, in order."""
    return [one for one in WARNINGS if one.holds(spec)]


def validations() -> list[dict[str, JsonValue]]:
    """The same as a ValidatingAdmissionPolicy has it: what holds where nothing is to be said."""
    return [{"expression": f"!({one.cel()})", "message": one.message} for one in WARNINGS]
