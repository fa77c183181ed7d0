"""Warnings: what each is said of, by both of its forms; and that a ready example says nothing that it need not."""

from typing import Any

import pytest
from cel import cel
from cel.stdlib import add_stdlib_to_context
from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator.api import warnings
from deepseek_operator.api.warnings import WARNINGS

Spec = dict[str, Any]

QUIET: Spec = {
    "model": "DeepSeek-R1",
    "replicas": 2,
    "gateway": {"apiKeys": {"secretName": "k"}, "tls": {"secretName": "t", "only": True}},
}
"""Of which nothing is said."""


def names_of(spec: Spec) -> list[str]:
    return [one.name for one in warnings.warnings_of(spec)]


def names_by_cel(spec: Spec) -> list[str]:
    """As the API server would."""
    context = cel.Context(variables={"object": {"spec": spec}})
    add_stdlib_to_context(context)
    return [one.name for one in WARNINGS if cel.evaluate(one.cel(), context)]


def _args(*args: str) -> Spec:
    return {"engine": {"args": list(args)}}


SAID: list[tuple[Spec, list[str]]] = [
    ({}, []),
    ({"replicas": 1}, ["OneReplica"]),
    ({"replicas": 1, "fallback": [{"model": "b"}]}, []),
    ({"replicas": 1, "workload": {"requestsPerSecond": 3}}, []),
    ({"replicas": 1, "autoscaling": {"min": 2, "max": 4}}, []),
    ({"replicas": 1, "autoscaling": {"max": 4}}, ["OneReplicaAtLeast"]),
    ({"replicas": 1, "autoscaling": {"min": 1, "max": 1}}, ["OneReplicaAtLeast"]),
    ({"replicas": 1, "autoscaling": {"min": 0, "max": 4}}, []),
    ({"replicas": 1, "autoscaling": {"max": 4}, "fallback": [{"model": "b"}]}, []),
    ({"gateway": {**QUIET["gateway"], "replicas": 1}}, ["OneGatewayReplica"]),
    ({"gateway": {}}, ["NoApiKeys"]),
    ({"gateway": {"apiKeys": {"secretName": "k"}}}, ["KeysInPlainText"]),
    ({"gateway": {"apiKeys": {"secretName": "k"}, "tls": {"secretName": "t"}}}, ["KeysInPlainText"]),
    ({"gateway": {"provider": "None"}}, ["NoGateway"]),
    ({"gateway": {"provider": "GatewayAPI", "parentRef": {"name": "g"}}}, []),
    ({"gateway": {**QUIET["gateway"], "pinning": True}}, ["Pinning"]),
    ({"rollout": {"strategy": "Replace"}}, ["Downtime"]),
    ({"rollout": {"strategy": "Replace"}, "fallback": [{"model": "b"}]}, []),
    ({"rollout": {"strategy": "Canary"}}, []),
    ({"rollout": {"strategy": "Canary", "autoPromote": False}}, ["WaitsForAPerson"]),
    ({"warmup": {"enabled": False}}, ["ColdPods"]),
    ({"warmup": {"onFailure": "Serve"}}, ["UnprovenPods"]),
    (_args("--seed=1", "--trust-remote-code"), ["TrustsCode"]),
    (_args("--trust_remote_code"), ["TrustsCode"]),
    (_args("--trust-remo"), ["TrustsCode"]),
    (_args("--no-trust-remote-code"), []),
    (_args("--enable-prompt-embeds"), ["TrustsClients"]),
    (_args("--trust-request-chat-template"), ["TrustsClients"]),
    (_args("--enable-prompt-tokens-details"), []),
    (_args("--log_level=debug"), ["TalkativeLog"]),
    (_args("--log-level=info"), []),
    ({"pod": {"env": [{"name": "VLLM_LOGGING_LEVEL", "value": "DEBUG"}]}}, ["TalkativeLog"]),
    ({"pod": {"env": [{"name": "OTHER", "value": "DEBUG"}]}}, []),
    ({"pod": {"env": [{"name": "VLLM_LOGGING_LEVEL", "valueFrom": {}}]}}, []),
    ({"source": "hf://a/b"}, ["MovingSource"]),
    ({"source": "hf://a/b@c"}, []),
    ({"source": "s3://bucket/x"}, []),
    ({"engine": {"image": "registry.example/vllm"}}, ["MovingImage"]),
    ({"engine": {"image": "registry.example:5000/vllm"}}, ["MovingImage"]),
    ({"engine": {"image": "registry.example/vllm:latest"}}, ["MovingImage"]),
    ({"engine": {"image": "registry.example:5000/vllm:1"}}, []),
    ({"engine": {"image": f"registry.example/vllm@sha256:{'a' * 64}"}}, []),
    ({"pod": {"tolerations": [{"operator": "Exists"}]}}, ["AllTaints"]),
    ({"pod": {"tolerations": [{"key": "gpu", "operator": "Exists"}]}}, []),
    ({"fallback": [{"model": "b"}, {"model": "c", **_args("--trust-remote-code")}]}, ["TrustsCode"]),
    ({"rollout": {"from": {"model": "b", "source": "hf://a/b"}}}, ["MovingSource"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), SAID)
def test_what_is_said_of_a_spec_and_by_both_forms(changes: Spec, expected: list[str]) -> None:
    spec = {**QUIET, **changes}

    assert names_of(spec) == expected
    assert names_by_cel(spec) == expected


def test_each_is_said_of_some_spec_here() -> None:
    assert {name for _, names in SAID for name in names} == {one.name for one in WARNINGS}


_FLAGS = st.sampled_from(
    [
        "--trust-remote-code",
        "--seed=1",
        "--tool-server=x",
        "--log-level=debug",
        "--enable-prompt-embeds",
    ]
)
_BLOCK: dict[str, st.SearchStrategy[Any]] = {
    "source": st.sampled_from(["hf://a/b", "hf://a/b@c", "pvc://x"]),
    "engine": st.fixed_dictionaries(
        {}, optional={"args": st.lists(_FLAGS, max_size=2), "image": st.sampled_from(["a", "a:1", "a:latest"])}
    ),
    "pod": st.fixed_dictionaries(
        {},
        optional={
            "tolerations": st.lists(
                st.fixed_dictionaries({}, optional={"key": st.just("k"), "operator": st.sampled_from(["Exists", "Equal"])}),
                max_size=2,
            ),
            "env": st.lists(
                st.fixed_dictionaries(
                    {"name": st.sampled_from(["VLLM_LOGGING_LEVEL", "A"])},
                    optional={"value": st.sampled_from(["DEBUG", "info"])},
                ),
                max_size=2,
            ),
        },
    ),
}  # fmt: skip
_ENTRY = st.fixed_dictionaries({"model": st.just("b")}, optional=_BLOCK)
_SPECS = st.fixed_dictionaries(
    {"model": st.just("a")},
    optional={
        **_BLOCK,
        "replicas": st.integers(0, 2),
        "workload": st.fixed_dictionaries({}, optional={"requestsPerSecond": st.just(2)}),
        "autoscaling": st.fixed_dictionaries(
            {"max": st.just(4)}, optional={"min": st.integers(0, 2)}
        ),
        "warmup": st.fixed_dictionaries(
            {}, optional={"enabled": st.booleans(), "onFailure": st.sampled_from(["Fail", "Serve"])}
        ),
        "fallback": st.lists(_ENTRY, max_size=2),
        "gateway": st.fixed_dictionaries(
            {},
            optional={
                "provider": st.sampled_from(["Embedded", "None", "GatewayAPI"]),
                "replicas": st.integers(1, 2),
                "pinning": st.booleans(),
                "apiKeys": st.just({"secretName": "k"}),
                "tls": st.fixed_dictionaries({}, optional={"only": st.booleans()}),
            },
        ),
        "rollout": st.fixed_dictionaries(
            {},
            optional={
                "strategy": st.sampled_from(["Canary", "Replace", "BlueGreen"]),
                "autoPromote": st.booleans(),
                "from": _ENTRY,
            },
        ),
    },
)


@given(_SPECS)
def test_the_plan_says_what_the_api_server_says(spec: Spec) -> None:
    assert names_of(spec) == names_by_cel(spec)


def test_messages_name_a_field_and_are_short_enough_for_the_api_server() -> None:
    for one in WARNINGS:
        assert one.message.partition(": ")[0].split(", ")[0] in (
            "replicas", "gateway", "gateway.replicas", "gateway.provider", "gateway.pinning", "rollout.strategy",
            "rollout.autoPromote", "warmup.enabled", "warmup.onFailure", "engine.args", "source", "engine.image",
            "pod.tolerations", "autoscaling.min",
        )  # fmt: skip
        assert len(one.message) <= 150, one.name
