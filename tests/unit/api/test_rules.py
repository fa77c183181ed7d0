"""The CEL rules, run as the API server would: what they refuse and what they let through."""

from decimal import Decimal
from typing import Any

import pytest
from cel import (
    cel,  # its package is shared with the messages of CEL, which come with those of Envoy
)
from cel.stdlib import add_stdlib_to_context
from kubernetes.utils.quantity import parse_quantity
from pydantic import BaseModel, JsonValue
from pydantic.alias_generators import to_camel

from deepseek_operator.api import names, provider_rules, rules, rules_of_quality, strategies
from deepseek_operator.api.sources import parse_source
from deepseek_operator.api.traffic import Gateway, Rollout
from deepseek_operator.api.warmup import Warmup

Rules = list[JsonValue]

NAME = {"metadata": {"name": "chat"}, "spec": {}}


def _greater(one: Any, other: Any) -> bool:
    return Decimal(one["amount"]) > Decimal(other["amount"])


def violations(checked: Rules, value: Any, *, old: Any = None) -> list[str]:
    """Messages of the rules that a value breaks; transition rules are skipped without an old one."""
    # isGreaterThan of Kubernetes' quantity library; the evaluator does not have it.
    context = cel.Context(variables={"self": value, "oldSelf": old})
    add_stdlib_to_context(context)
    context.add_function("quantity", lambda text: {"amount": str(parse_quantity(text))})
    context.add_function("isGreaterThan", _greater)
    context.add_function("isSorted", lambda items: list(items) == sorted(items))
    broken = []
    for rule in checked:
        assert isinstance(rule, dict)
        expression = str(rule["rule"])
        if "oldSelf" in expression and old is None:
            continue
        if cel.evaluate(expression, context) is not True:
            said = rule.get("message")
            broken.append(str(said or cel.evaluate(str(rule["messageExpression"]), context)))
    return broken


@pytest.mark.parametrize(
    ("checked", "value"),
    [
        pytest.param(rules.ENGINE_ARG, "--enable-prefix-caching", id="flag"),
        pytest.param(rules.ENGINE_ARG, "--seed=7", id="flag-with-value"),
        pytest.param(rules.ENGINE_ARG, '--override-generation-config={"a":\n1}', id="json-value"),
        pytest.param(rules.ENGINE_ARG, "--model-impl=transformers", id="owned-word-is-a-prefix"),
        pytest.param(rules.ENGINE_ARG, "--compilation-config.mode=3", id="dotted-key"),
        pytest.param(rules.ACCELERATOR, {"kind": "CPU"}, id="cpu"),
        pytest.param(rules.ACCELERATOR, {"kind": "GPU", "count": 8, "product": "X"}, id="gpu"),
        pytest.param(
            rules.ACCELERATOR, {"kind": "GPU", "count": 32, "product": "X"}, id="gpus-of-nodes"
        ),
        pytest.param(rules.BATCHING, {}, id="no-limits"),
        pytest.param(rules.ANALYSIS, {}, id="no-limits-of-answers"),
        pytest.param(
            rules.ANALYSIS,
            {"timeToFirstToken": {"limit": "2560s"}, "timePerOutputToken": {"limit": "80000ms"}},
            id="the-longest-times",
        ),
        pytest.param(
            rules_of_quality.QUALITY, {"prompts": {"name": "p"}, "everyStep": True}, id="prompts"
        ),
        pytest.param(
            rules_of_quality.QUALITY,
            {
                "webhook": {"url": "https://judge.team.svc:8443/v1/ok", "timeout": "5m"},
                "timeout": "2h",
            },
            id="a-judge",
        ),
        pytest.param(
            rules_of_quality.QUALITY, {"webhook": {"url": "https://j"}}, id="a-short-name"
        ),
        pytest.param(rules.BATCHING, {"maxConcurrentSequences": 4096}, id="one-limit"),
        pytest.param(
            rules.BATCHING,
            {"maxConcurrentSequences": 64, "maxBatchedTokens": 64},
            id="equal-limits",
        ),
        pytest.param(rules.ENV_SOURCE, {"secretKeyRef": {}}, id="secret"),
        pytest.param(rules.ENV_SOURCE, {"configMapKeyRef": {}}, id="config-map"),
        pytest.param(rules.ENV_VAR, {"name": "A", "value": ""}, id="value"),
        pytest.param(rules.ENV_VAR, {"name": "HOME_TOWN", "valueFrom": {}}, id="reference"),
        pytest.param(rules.OPEN_KEYS, {"team": "a", "example.com/x": "b"}, id="own-keys"),
        pytest.param(rules.OPEN_KEYS, {"myapp.kubernetes.io/x": "b"}, id="a-likeness-of-a-prefix"),
        pytest.param(rules.RESOURCES, {}, id="no-resources"),
        *(
            pytest.param(provider_rules.GATEWAY, {"resources": resources}, id=f"gateway-{number}")
            for number, resources in enumerate(
                (
                    {},
                    {"requests": {"memory": "64Mi"}},
                    {"limits": {"cpu": 1}},
                    {"limits": {"memory": "256Mi"}},
                    {"limits": {"memory": 2**30}},
                )
            )
        ),
        pytest.param(rules.RESOURCES, {"requests": {"cpu": 1}}, id="requests-alone"),
        pytest.param(rules.RESOURCES, {"limits": {"memory": "1Gi"}}, id="limits-alone"),
        pytest.param(
            rules.RESOURCES,
            {"requests": {"cpu": 1, "hugepages-2Mi": "1Gi"}, "limits": {"cpu": "1"}},
            id="request-at-its-limit",
        ),
        pytest.param(
            rules.RESOURCES, {"requests": {}, "limits": {"rdma/hca": 1}}, id="another-device"
        ),
        pytest.param(rules.SOURCE, "pvc://models", id="whole-claim"),
        pytest.param(rules.SOURCE, "pvc://models/a/b.c", id="path"),
        pytest.param(rules.SOURCE, "hf://org/name@refs/pr/1", id="repository"),
        pytest.param(rules.FALLBACK, [{"model": "a"}, {"model": "b"}], id="whatever-the-reason"),
        pytest.param(
            rules.FALLBACK,
            [{"when": ["Timeout", "Overloaded"]}, {"when": ["Overloaded", "Timeout"]}],
            id="the-same-reasons",
        ),
        pytest.param(
            rules.FALLBACK,
            [{"when": ["Timeout", "Overloaded", "Unavailable"]}, {"model": "b"}],
            id="all-reasons-written-out",
        ),
        pytest.param(
            rules.SPEC, {"fallback": [{"model": "b"}], "gateway": {}}, id="fallback-by-default"
        ),
        pytest.param(rules.ROLLOUT, {"from": {"model": "a"}, "skipInitial": True}, id="skipped"),
        pytest.param(
            rules.SPEC, {"fallback": [], "gateway": {"provider": "None"}}, id="no-fallback-of-none"
        ),
        pytest.param(rules.WARMUP, {}, id="warmed-up-by-default"),
        pytest.param(rules.WARMUP, {"enabled": False}, id="cold"),
        pytest.param(rules.WARMUP, {"enabled": True, "timeout": "5m"}, id="warmed-up-in-time"),
        pytest.param(rules.TOLERATION, {"operator": "Exists"}, id="all-taints"),
        pytest.param(rules.TOLERATION, {"key": "a", "value": "b"}, id="equal-by-default"),
        pytest.param(
            rules.TOLERATION,
            {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9},
            id="for-a-while",
        ),
        pytest.param(rules.OBJECT, NAME, id="name"),
        pytest.param(rules.OBJECT, {**NAME, "metadata": {"name": "a" * 63}}, id="longest-name"),
    ],
)
def test_what_can_be_served_is_let_through(checked: Rules, value: Any) -> None:
    assert violations(checked, value) == []


@pytest.mark.parametrize(
    ("checked", "value", "message"),
    [
        pytest.param(rules.ENGINE_ARG, "seed=7", "written --flag or --flag=value", id="no-dashes"),
        pytest.param(
            rules.ANALYSIS,
            {"timeToFirstToken": {"limit": "2561s"}},
            "rollout.analysis.timeToFirstToken.limit: at most 2560s",
            id="first-token-of-tomorrow",
        ),
        pytest.param(
            rules.ANALYSIS,
            {"timePerOutputToken": {"limit": "80001ms"}},
            "rollout.analysis.timePerOutputToken.limit: at most 80s",
            id="next-token-of-tomorrow",
        ),
        pytest.param(
            rules_of_quality.QUALITY, {}, "give prompts, webhook, or both", id="nobody-asks"
        ),
        *(
            pytest.param(
                rules_of_quality.QUALITY,
                {"webhook": {"url": "https://judge"}, field: value},
                f"rollout.analysis.quality.{field}: it counts prompts",
                id=f"{field}-of-no-prompts",
            )
            for field, value in (
                ("minPassingPercent", 90),
                ("maxDropPercent", 0),
                ("everyStep", False),
            )
        ),
        *(
            pytest.param(
                rules_of_quality.QUALITY,
                {"webhook": {"url": url}},
                "rollout.analysis.quality.webhook.url: write https://",
                id=name,
            )
            for name, url in (
                ("plain-http", "http://judge.example"),
                ("a-user", "https://user:word@judge.example"),
                ("a-query", "https://judge.example/?token=t"),
                ("a-fragment", "https://judge.example/#t"),
                ("no-host", "https://"),
                ("a-second-line", "https://judge.example/\nx"),
            )
        ),
        pytest.param(
            rules_of_quality.QUALITY,
            {"webhook": {"url": "https://judge", "timeout": "301s"}},
            "rollout.analysis.quality.webhook.timeout: at most 5m",
            id="a-judge-that-sleeps",
        ),
        pytest.param(
            rules_of_quality.QUALITY,
            {"prompts": {"name": "p"}, "timeout": "2h1s"},
            "rollout.analysis.quality.timeout: at most 2h",
            id="a-long-examination",
        ),
        pytest.param(rules.ENGINE_ARG, "-tp=2", "written --flag", id="short-flag"),
        pytest.param(rules.ENGINE_ARG, "--seed 7", "written --flag", id="two-words"),
        pytest.param(
            rules.ACCELERATOR, {"kind": "CPU", "count": 1}, "set kind: GPU", id="count-of-cpus"
        ),
        pytest.param(
            rules.ACCELERATOR, {"kind": "CPU", "product": "X"}, "set kind: GPU", id="cpu-product"
        ),
        pytest.param(
            rules.ACCELERATOR, {"kind": "GPU", "count": 17}, "set product, or fewer", id="any-nodes"
        ),
        pytest.param(
            rules.ACCELERATOR,
            {"kind": "GPU", "attention": "Ranks"},
            "accelerator.attention: how a replica is laid out is derived for a known GPU",
            id="attention-on-any",
        ),
        pytest.param(
            rules.BATCHING,
            {"maxConcurrentSequences": 65, "maxBatchedTokens": 64},
            "maxBatchedTokens may not be below",
            id="fewer-tokens-than-sequences",
        ),
        pytest.param(rules.ENV_SOURCE, {}, "exactly one", id="no-source"),
        pytest.param(
            rules.ENV_SOURCE,
            {"secretKeyRef": {}, "configMapKeyRef": {}},
            "exactly one",
            id="two-sources",
        ),
        pytest.param(
            rules.ENV_VAR,
            {"name": "A", "value": "x", "valueFrom": {}},
            "value or valueFrom",
            id="value-and-reference",
        ),
        pytest.param(
            rules.OPEN_KEYS, {"app.kubernetes.io/name": "x"}, "another prefix", id="kubernetes-key"
        ),
        pytest.param(
            rules.OPEN_KEYS,
            {"sub.serving.deepseek.dev/x": "x"},
            "another prefix",
            id="the-operator's-key",
        ),
        pytest.param(rules.OPEN_KEYS, {"a b": "x"}, "[prefix/]name", id="space-in-a-key"),
        pytest.param(
            rules.RESOURCES, {"requests": {"nvidia.com/gpu": 1}}, "accelerator.count", id="gpu"
        ),
        pytest.param(
            rules.RESOURCES, {"limits": {"nvidia.com/gpu": 1}}, "accelerator.count", id="gpu-limit"
        ),
        pytest.param(rules.RESOURCES, {"limits": {"ram": "1Gi"}}, "use cpu, memory", id="unknown"),
        pytest.param(
            provider_rules.GATEWAY,
            {"resources": {"limits": {"memory": "255Mi"}}},
            "a limit of at least 256Mi",
            id="gateway-without-memory",
        ),
        pytest.param(
            rules.RESOURCES,
            {"requests": {"memory": "2Gi"}, "limits": {"memory": "2000Mi"}},
            "may not be above",
            id="request-above-limit",
        ),
        *(
            pytest.param(
                rules.WARMUP,
                {"enabled": False, field: "x"},
                f"warmup.{field}: enabled false asks engines nothing; remove the field",
                id=f"cold-with-{field}",
            )
            for field in rules.WARMUP_ONLY
        ),
        *(
            pytest.param(
                provider_rules.GATEWAY,
                {"provider": "None", field: {}},
                f"gateway.{field}: provider None has no gateway",
                id=f"no-gateway-with-{field}",
            )
            for field in provider_rules.GATEWAY_ONLY
        ),
        pytest.param(
            rules.TOLERATION,
            {"key": "a", "operator": "Exists", "value": "b"},
            "asks for no value",
            id="value-of-any",
        ),
        pytest.param(
            rules.TOLERATION, {"value": "b"}, "without a key only", id="value-without-a-key"
        ),
        pytest.param(
            rules.TOLERATION,
            {"key": "", "operator": "Equal"},
            "without a key only",
            id="empty-key-to-equal",
        ),
        pytest.param(
            rules.TOLERATION,
            {"key": "a", "effect": "NoSchedule", "tolerationSeconds": 1},
            "tolerationSeconds counts for effect NoExecute",
            id="a-while-without-an-end",
        ),
        pytest.param(
            rules.FALLBACK,
            [{"when": ["Timeout"]}, {"when": ["Timeout", "Overloaded"]}],
            "every entry has to have the same when",
            id="other-reasons",
        ),
        pytest.param(
            rules.FALLBACK,
            [{"model": "a"}, {"when": ["Timeout"]}],
            "every entry has to have the same when",
            id="reasons-of-one",
        ),
        pytest.param(
            rules.ROLLOUT,
            {"skipInitial": True},
            "rollout.skipInitial: without rollout.from there is nothing to skip; remove it",
            id="nothing-to-skip",
        ),
        pytest.param(
            rules.SPEC,
            {"fallback": [{"model": "b"}], "gateway": {"provider": "None"}},
            "fallback: provider None has no gateway",
            id="fallback-without-a-gateway",
        ),
        pytest.param(rules.SOURCE, "ftp://bucket/x", "source: write pvc://", id="other-scheme"),
        pytest.param(rules.SOURCE, "pvc://models/../x", "source: write pvc://", id="out-of-claim"),
        pytest.param(rules.SOURCE, "pvc://models/", "source: write pvc://", id="slash-at-the-end"),
        pytest.param(
            rules.OBJECT,
            {**NAME, "metadata": {"name": "a.b"}},
            "beginning with a letter",
            id="dot-in-name",
        ),
        pytest.param(
            rules.OBJECT,
            {**NAME, "metadata": {"name": "chat-0123456789"}},
            "names revisions",
            id="name-of-a-revision",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_in_words(
    checked: Rules, value: Any, message: str
) -> None:
    broken = violations(checked, value)

    assert len(broken) == 1
    assert message in broken[0]


@pytest.mark.parametrize(
    ("model", "switches", "refused"),
    [
        pytest.param(
            Gateway,
            {"provider"},
            (*provider_rules.GATEWAY_ONLY, *provider_rules.ROUTE_ONLY),
            id="gateway",
        ),
        # A first rollout has its baseline with every strategy, and each its accelerators.
        pytest.param(
            Rollout,
            {"strategy", "from", "skipInitial", "waitForAccelerators"},
            (*strategies.CANARY_ONLY, *strategies.RUNS_ONLY),
            id="rollout",
        ),
        pytest.param(Warmup, {"enabled"}, rules.WARMUP_ONLY, id="warmup"),
    ],
)
def test_what_is_switched_off_has_no_field_that_is_taken_and_does_nothing(
    model: type[BaseModel], switches: set[str], refused: tuple[str, ...]
) -> None:
    fields = {field.alias or to_camel(name): field for name, field in model.model_fields.items()}

    assert {*refused, *switches} == set(fields)
    for name in refused:
        # With a default in the definition the API server would set the field itself.
        assert not fields[name].get_default(call_default_factory=True) or name == "analysis"


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in rules.OWNED_ENV])
def test_an_owned_variable_is_refused_by_its_name(name: str) -> None:
    value = {"name": name, "value": "x"}

    assert [f"pod.env: {name} is owned by the operator; remove it"] == violations(
        rules.ENV_VAR, value
    )


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        pytest.param({}, {}, True, id="never-given"),
        pytest.param({"servedName": "a"}, {"servedName": "a"}, True, id="unchanged"),
        pytest.param({}, {"servedName": "chat"}, True, id="the-default-written-out"),
        pytest.param({"servedName": "chat"}, {}, True, id="the-default-left-out"),
        pytest.param({"servedName": "a"}, {"servedName": "b"}, False, id="changed"),
        pytest.param({}, {"servedName": "b"}, False, id="given-later"),
        pytest.param({"servedName": "a"}, {}, False, id="removed"),
    ],
)
def test_the_served_name_never_changes(
    old: dict[str, str], new: dict[str, str], *, allowed: bool
) -> None:
    broken = violations(rules.OBJECT, {**NAME, "spec": new}, old={**NAME, "spec": old})

    assert allowed is (broken == [])
    assert all("servedName is immutable" in said for said in broken)


_SMALL = {"rollout": {"from": {"model": "small", "replicas": 2}}}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param({}, {"rollout": {}}, None, id="never-given"),
        pytest.param(_SMALL, _SMALL, None, id="unchanged"),
        pytest.param(
            _SMALL,
            {"rollout": {**_SMALL["rollout"], "skipInitial": True}},
            None,
            id="skipped-later",
        ),
        pytest.param({}, _SMALL, "only be given when the object is made", id="given-later"),
        pytest.param({"rollout": {}}, _SMALL, "only be given when", id="given-later-beside-others"),
        pytest.param(_SMALL, {}, "rollout.from is immutable", id="removed"),
        pytest.param(_SMALL, {"rollout": {}}, "rollout.from is immutable", id="removed-alone"),
        pytest.param(
            _SMALL,
            {"rollout": {"from": {"model": "small", "replicas": 3}}},
            "to begin with spec.model at once set rollout.skipInitial: true",
            id="changed",
        ),
    ],
)
def test_where_the_first_rollout_begins_never_changes(
    old: dict[str, Any], new: dict[str, Any], said: str | None
) -> None:
    broken = violations(rules.SPEC, new, old=old)

    assert (said is None) is (broken == [])
    assert all(str(said) in message for message in broken)


@pytest.mark.parametrize(
    "text",
    [
        "pvc://m",
        "pvc://m/a",
        "pvc://a.b/c_d/e.f",
        "hf://a/b",
        "hf://a/b@c",
        "hf://A.b/c-d@v1/x",
        "s3://bucket",
        "s3://my.bucket-1/a/b",
        "oci://reg.example/a",
        "oci://r:5000/a/b:1.2-x",
        f"oci://r/a:t@sha256:{'0' * 64}",
        f"https://h/a/b.tar.gz#sha256={'A' * 64}",
    ],
)
def test_a_source_that_is_admitted_can_be_read(text: str) -> None:
    assert violations(rules.SOURCE, text) == []
    assert parse_source(text)


@pytest.mark.parametrize(
    "name", ["chat", "a", "a" * 63, "a" * 64, "1a", "a-", "a-0123456789", "a-012345678g", "A"]
)
def test_the_rule_for_names_agrees_with_the_function(name: str) -> None:
    admitted = violations(rules.OBJECT, {**NAME, "metadata": {"name": name}}) == []

    assert names.is_object_name(name) is admitted
