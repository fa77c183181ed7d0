"""What a file changes of an object: only real differences, and for each what becomes of it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from deepseek_operator.api.types import DeepSeekDeploymentSpec
from deepseek_operator.cli import changes
from deepseek_operator.cli.changes import Change, Standing, Value
from deepseek_operator.cli.objects import _model_in
from deepseek_operator.observed import Observed
from deepseek_operator.plan import make_plan
from tests.unit.samples import EVERY_FIELD, IMAGES, NOW, Manifest, deepseek

V3: Manifest = {
    "model": "DeepSeek-V3",
    "source": "pvc://v3",
    "accelerator": {"product": "NVIDIA-H200"},
}
FALLBACK: Manifest = {"model": "DeepSeek-R1", "source": "pvc://r1", "accelerator": {"count": 8}}


def spec(**fields: Any) -> DeepSeekDeploymentSpec:
    return DeepSeekDeploymentSpec.model_validate({**V3, **fields})


def changed(before: Manifest, after: Manifest) -> tuple[Change, ...]:
    return changes.of_specs(spec(**before), spec(**after), name="chat")


def fields(before: Manifest, after: Manifest) -> list[tuple[str, Any, Any]]:
    return [(one.field, one.before, one.after) for one in changed(before, after)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"replicas": 1, "quantization": "auto"}, id="defaults"),
        pytest.param(
            {},
            {"gateway": {"replicas": 2, "accessLog": "All", "tracing": "Enabled"}},
            id="the-operators",
        ),
        pytest.param({}, {"gateway": {"timeouts": {"firstToken": "1m"}}}, id="times"),
        pytest.param({}, {"gateway": {"maxRequestBytes": 4194304}}, id="bytes"),
        pytest.param({}, {"servedName": "chat"}, id="the-objects-name"),
        pytest.param({}, {"workload": {"inputTokens": 1024}}, id="a-workload-of-a-chat"),
        pytest.param(
            {"workload": {"timeToFirstToken": "1s"}},
            {"workload": {"timeToFirstToken": "1000ms"}},
            id="milliseconds",
        ),
        pytest.param({}, {"engine": {"args": []}, "pod": {"labels": {}}}, id="empty"),
        pytest.param(
            {"rollout": {"startTimeout": "90m"}}, {"rollout": {"startTimeout": "1h30m"}}, id="1h30m"
        ),
        pytest.param(
            {"pod": {"resources": {"requests": {"cpu": 8}}}},
            {"pod": {"resources": {"requests": {"cpu": "8"}}}},
            id="a-number-and-its-text",
        ),
        pytest.param(
            {"pod": {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}},
            {"pod": {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}},
            id="what-has-a-name-in-another-order",
        ),
    ],
)
def test_what_means_the_same_is_no_change(before: Manifest, after: Manifest) -> None:
    assert changed(before, after) == ()
    assert changed(after, before) == ()


def test_every_field_is_the_same_as_itself() -> None:
    whole = DeepSeekDeploymentSpec.model_validate(EVERY_FIELD)

    assert changes.of_specs(whole, whole, name="chat") == ()


def test_changes_are_sorted_by_field_with_the_defaults_in_their_place() -> None:
    before = {"rollout": {"strategy": "Canary", "steps": [{"weight": 5}]}, "replicas": 2}
    after = {"gateway": {"replicas": 3}, "model": "DeepSeek-R1"}

    assert fields(before, after) == [
        ("spec.gateway.replicas", 2, 3),
        ("spec.model", "DeepSeek-V3", "DeepSeek-R1"),
        ("spec.replicas", 2, 1),
        ("spec.rollout.steps[0].minDuration", "1m", None),
        ("spec.rollout.steps[0].minRequests", 100, None),
        ("spec.rollout.steps[0].pause", False, None),
        ("spec.rollout.steps[0].weight", 5, None),
        ("spec.rollout.strategy", "Canary", "BlueGreen"),
    ]


def test_what_looks_like_a_time_and_is_none_is_compared_as_it_is() -> None:
    before, after = ({"pod": {"labels": {"every": text}}} for text in ("60s", "1m"))

    assert fields(before, after) == [("spec.pod.labels.every", "60s", "1m")]


def test_values_of_variables_are_not_shown() -> None:
    before = {"pod": {"env": [{"name": "HF_TOKEN", "value": "hf_secret"}]}}
    after = {"pod": {"env": [{"name": "HF_TOKEN", "value": "hf_other"}]}}
    entry = {"fallback": [{**FALLBACK, "pod": after["pod"]}]}

    assert fields(before, after) == [
        ("spec.pod.env[HF_TOKEN].value", changes.HIDDEN, changes.HIDDEN)
    ]
    assert "hf_" not in str(fields(before, entry))


MAKES_A_REVISION: list[Manifest] = [
    {"model": "DeepSeek-R1"},
    {"source": "pvc://other"},
    {"engine": {"args": ["--seed=1"]}},
    {"accelerator": {"product": "NVIDIA-H200", "count": 8}},
    {"quantization": "fp8"},
    {"batching": {"maxConcurrentSequences": 8}},
    {"workload": {"inputTokens": 99}},
    {"pod": {"labels": {"a": "b"}}},
    {"warmup": {"enabled": False}},
]


@pytest.mark.parametrize("after", MAKES_A_REVISION, ids=lambda after: next(iter(after)))
def test_what_shapes_the_pods_makes_a_revision(after: Manifest) -> None:
    assert {one.effect for one in changed({}, after)} == {changes.REVISION}


_GATEWAY_POD = "Deployment chat-gateway: .spec.template"
_DOCUMENT = "ConfigMap chat-gateway: .data"

WRITES: list[Any] = [
    pytest.param({"gateway": {"replicas": 3}}, "gateway pods are added", {"Deployment chat-gateway: .spec.replicas"}, id="replicas"),
    pytest.param({"gateway": {"stickyHeader": "x-a"}}, "as they run", {_DOCUMENT}, id="sticky"),
    pytest.param({"gateway": {"pinning": True}}, "as they run", {_DOCUMENT}, id="pinning"),
    pytest.param({"gateway": {"maxRequestsPerReplica": 5}}, "as they run", {_DOCUMENT}, id="limit"),
    pytest.param({"gateway": {"longRequests": {}}}, "as they run", {_DOCUMENT}, id="long"),
    pytest.param({"gateway": {"maxRequestBytes": 2048}}, "as they run", {_DOCUMENT}, id="bytes"),
    pytest.param({"gateway": {"timeouts": {"response": "5s"}}}, "as they run", {_DOCUMENT}, id="time"),
    pytest.param({"gateway": {"accessLog": "Off"}}, "as they run", {_DOCUMENT}, id="log"),
    pytest.param({"gateway": {"apiKeys": {"secretName": "a"}}}, "are replaced", {_GATEWAY_POD}, id="keys"),
    pytest.param({"gateway": {"tls": {"secretName": "t"}}}, "are replaced", {_GATEWAY_POD, "Service chat: .spec.ports"}, id="tls"),
    pytest.param({"gateway": {"drainTimeout": "1m"}}, "are replaced", {_GATEWAY_POD}, id="drain"),
    pytest.param({"gateway": {"resources": {"requests": {"cpu": 1}}}}, "are replaced", {_GATEWAY_POD}, id="cpu"),
    pytest.param({"autoscaling": {"max": 3}}, "as engines tell", set(), id="autoscaling"),
    pytest.param({"warmup": {"timeout": "1m"}}, "next engine that starts", set(), id="warmup"),
    pytest.param({"rollout": {"strategy": "Canary"}}, "next run begins", set(), id="strategy"),
    pytest.param({"rollout": {"drainTimeout": "3m"}}, "next run begins", set(), id="rollout-drain"),
]  # fmt: skip


@pytest.mark.parametrize(("after", "said", "written"), WRITES)
def test_what_is_said_of_a_change_is_what_the_operator_writes(
    after: Manifest, said: str, written: set[str]
) -> None:
    found = changed({}, after)

    assert found
    assert all(said in one.effect for one in found if "secretName" in one.field or len(found) == 1)
    assert _writes(after) == written


def _writes(after: Manifest) -> set[str]:
    """Objects and the parts of them that the next pass writes differently."""
    old = _children({**V3, "gateway": {}})
    frozen = [item for item in old.values() if item["kind"] == "ControllerRevision"]
    new = _children({**V3, "gateway": {}, **after}, Observed(revisions=tuple(frozen)))
    assert set(old) == set(new)
    return {f"{place}: {part}" for place in old for part in _parts(old[place], new[place])}


def _children(given: Manifest, observed: Observed | None = None) -> dict[str, Manifest]:
    plan = make_plan(deepseek(**given), observed or Observed(), stored={}, images=IMAGES, now=NOW)
    return {f"{item['kind']} {item['metadata']['name']}": item for item in plan.apply}


def _parts(old: Manifest, new: Manifest) -> Iterator[str]:
    for part in sorted({*old, *new}):
        if old.get(part) != new.get(part):
            inner = {*(old[part]), *(new[part])} if part == "spec" else set()
            differ = [name for name in sorted(inner) if old[part].get(name) != new[part].get(name)]
            yield from (f".spec.{name}" for name in differ) if inner else [f".{part}"]


@pytest.mark.parametrize(
    ("before", "after", "effects"),
    [
        pytest.param([], [FALLBACK], {"its pods are started and warmed up"}, id="added"),
        pytest.param([FALLBACK], [], {"its pods go"}, id="removed"),
        pytest.param(
            [FALLBACK],
            [{**FALLBACK, "model": "DeepSeek-V3.1"}],
            {"its new revision is warmed up beside the one before, which then goes; no Canary"},
            id="another",
        ),
        pytest.param(
            [FALLBACK],
            [{**FALLBACK, "replicas": 2}],
            {"pods are added or let go; those that stay do not restart"},
            id="replicas",
        ),
        pytest.param(
            [{**FALLBACK, "when": ["Timeout"]}],
            [{**FALLBACK, "when": ["Overloaded"]}],
            {"gateways take it up as they run"},
            id="when",
        ),
        pytest.param(
            [FALLBACK],
            [{**FALLBACK, "cache": {"size": "9Gi"}}],
            {"is the same to engines"},
            id="what-makes-no-pod",
        ),
    ],
)
def test_a_fallback_has_revisions_of_its_own(
    before: list[Manifest], after: list[Manifest], effects: set[str]
) -> None:
    found = changed({"fallback": before}, {"fallback": after})
    # An entry that comes or goes has a number and reasons of its own, too.
    named = {one.effect for one in found if not one.field.endswith(("replicas", "when"))}

    assert found
    assert (named or {one.effect for one in found}) == effects


@pytest.mark.parametrize("field", sorted(changes._DEFAULTS))
def test_a_default_of_the_operators_is_the_one_that_the_field_promises(field: str) -> None:
    info = _field(DeepSeekDeploymentSpec, field.split("."))
    value = changes._DEFAULTS[field]
    text = str(value).lower() if isinstance(value, bool) else str(value)

    assert re.search(rf"Default: {re.escape(text)}\b", str(info.description))


def _field(kind: type[BaseModel], path: list[str]) -> FieldInfo:
    [info] = [one for one in kind.model_fields.values() if one.alias == path[0]]
    if len(path) == 1:
        return info
    inner = _model_in(info.annotation)
    assert inner is not None
    return _field(inner, path[1:])


def test_only_values_that_differ_are_told() -> None:
    before = {
        "accelerator": "H100",
        "engine": "vllm 0.33.0",
        "values": [{"name": "layout", "value": "TP8"}, {"name": "mtpTokens", "value": "1"}],
    }
    after = {
        "accelerator": "H200",
        "engine": "vllm 0.33.0",
        "values": [{"name": "layout", "value": "TP8"}, {"name": "memoryShare", "value": "0.9"}],
    }

    assert changes.of_sizings(before, after) == (
        Value("accelerator", "H100", "H200"),
        Value("mtpTokens", "1", ""),
        Value("memoryShare", "", "0.9"),
    )
    assert changes.of_sizings({"notDerived": "no product"}, {"accelerator": "H200"}) == (
        Value("notDerived", "no product", ""),
        Value("accelerator", "", "H200"),
    )


STANDINGS = [
    pytest.param(Standing("new"), "new object: revision new is made", id="no-object"),
    pytest.param(
        Standing("a", is_there=True, desired="a", serving="a"),
        "revision a serves: no new revision, no engine restarts",
        id="the-same",
    ),
    pytest.param(
        Standing("a", is_there=True, desired="b", serving="a"),
        "revision a serves, and stays: what is on its way to b is given up",
        id="back",
    ),
    pytest.param(
        Standing("b", is_there=True, desired="b", serving="a"),
        "revision b is on its way already, and a still serves: no new revision",
        id="on-its-way",
    ),
    pytest.param(
        Standing("b", is_there=True, desired="b", serving="a", is_rolled_back=True),
        "revision b was rolled back, and a serves: no new revision; another try: kubectl deepseek retry chat",
        id="rolled-back",
    ),
    pytest.param(
        Standing("b", is_there=True, desired="b"),
        "revision b is on its way already, and nothing serves yet: no new revision",
        id="on-its-way-alone",
    ),
    pytest.param(
        Standing("c", is_there=True, desired="b"),
        "nothing serves yet: revision c comes in place of b",
        id="before-anybody-serves",
    ),
    pytest.param(
        Standing("c", is_there=True, desired="a", serving="a"),
        "new revision c takes over from a, strategy Canary",
        id="new",
    ),
    pytest.param(
        Standing("c", is_there=True, desired="a", serving="a", is_frozen=True),
        "revision c was there before: as it was frozen then it takes over from a, strategy Canary",
        id="of-the-history",
    ),
]


@pytest.mark.parametrize(("standing", "said"), STANDINGS)
def test_what_becomes_of_the_revisions_is_a_sentence(standing: Standing, said: str) -> None:
    assert standing.said("chat", "Canary").startswith(said)
    assert standing.is_new == (standing.target in ("new", "c"))
