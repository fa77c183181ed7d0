"""The plan: what is asked, in which order, and how much of it at most."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepseek_serving.warmup import plan
from deepseek_serving.warmup.plan import make_plan
from deepseek_serving.warmup.requests import (
    FIRST_TOKEN_ID,
    LAST_TOKEN_ID,
    TEMPLATE_TOKENS,
    Group,
    Request,
)
from deepseek_serving.warmup.spec import WarmupSpec
from tests.unit.serving.warmup.samples import spec

PATHS = [
    "chat-stream",
    "chat",
    "completion-stream",
    "completion",
    "sampled",
    "log-probabilities",
]

specs = st.builds(
    WarmupSpec,
    model=st.just("chat"),
    engine=st.sampled_from(["vllm", "tensorrt-llm"]),
    max_model_length=st.none() | st.integers(32, 20_000),
    max_concurrent_sequences=st.integers(1, 1100),
    max_batched_tokens=st.integers(16, 20_000),
    data_parallel=st.integers(1, 4),
    api_servers=st.integers(1, 4),
    thinks=st.booleans(),
    structured_output=st.booleans(),
    system_prompts=st.lists(st.text(min_size=1, max_size=300), max_size=4).map(tuple),
    shapes=st.lists(
        st.builds(
            dict,
            input_tokens=st.integers(1, 30_000),
            output_tokens=st.integers(1, 3000),
            concurrency=st.integers(1, 50),
        ),
        max_size=3,
    ),
    concurrency=st.lists(st.integers(1, 3000), max_size=4),
    max_requests=st.integers(1, 4000),
    seed=st.integers(0, 9),
)


def names(made: plan.Plan) -> list[str]:
    return [group.name for group in made.groups]


def ladder(made: plan.Plan, kind: str) -> list[int]:
    """The numbers in the names of this kind of group."""
    return [
        int(group.name.removeprefix(f"{kind}-"))
        for group in made.groups
        if group.name.startswith(f"{kind}-")
    ]


def first_round(group: Group) -> list[Request]:
    return [group.request(0, index) for index in range(group.count)]


@pytest.mark.parametrize(
    ("changes", "lengths"),
    [
        pytest.param({"maxBatchedTokens": 512}, [16, 128, 448, 512, 576], id="small-chunk"),
        pytest.param(
            {"maxBatchedTokens": 8192, "maxModelLength": 32768},
            [16, 128, 512, 2048, 8128, 8256],
            id="large-chunk",
        ),
        pytest.param({"maxBatchedTokens": 16}, [16, 80], id="smallest-chunk"),
        pytest.param(
            {"maxBatchedTokens": 8192, "maxModelLength": 4096},
            [16, 128, 512, 2048, 4094],
            id="model-shorter-than-chunk",
        ),
        pytest.param({"maxModelLength": 100}, [16, 98], id="short-model"),
        pytest.param({"maxModelLength": None}, [16, 128, 448, 512, 576], id="unknown-length"),
    ],
)
def test_prompts_grow_up_to_the_chunk_and_across_it(
    changes: dict[str, Any], lengths: list[int]
) -> None:
    assert ladder(make_plan(spec(**changes)), "prompt") == lengths


@pytest.mark.parametrize(
    ("changes", "rungs"),
    [
        pytest.param({"maxConcurrentSequences": 1}, [1], id="one"),
        pytest.param({"maxConcurrentSequences": 8}, [1, 2, 4, 8], id="power"),
        pytest.param({"maxConcurrentSequences": 100}, [1, 2, 4, 8, 16, 32, 64, 100], id="between"),
        pytest.param({"dataParallel": 3}, [3, 6, 12], id="each-rank"),
        pytest.param({"concurrency": [9, 2, 2]}, [2, 4], id="explicit-within-the-maximum"),
    ],
)
def test_concurrency_grows_up_to_the_maximum(changes: dict[str, Any], rungs: list[int]) -> None:
    assert ladder(make_plan(spec(**changes)), "concurrency") == rungs


def test_paths_come_first_and_system_prompts_last() -> None:
    made = make_plan(
        spec(thinks=True, structuredOutput=True, systemPrompts=["Be kind.", "Be brief."])
    )

    assert names(made)[:8] == [*PATHS, "structured", "thinking"]
    assert names(made)[-5:] == [
        "mixed",
        "log-probabilities-together",
        "long-context",
        "system-1",
        "system-2",
    ]
    assert made.left_out == ()


def test_what_the_model_and_the_object_do_not_have_is_not_asked_for() -> None:
    assert not {"structured", "thinking", "system-1"} & set(names(make_plan(spec())))


def test_every_path_is_taken() -> None:
    asked = [
        (group.endpoint, request.streams, request.body["temperature"])
        for group in make_plan(spec()).groups[: len(PATHS)]
        for request in first_round(group)
    ]

    assert asked == [
        ("/v1/chat/completions", True, 0),
        ("/v1/chat/completions", False, 0),
        ("/v1/completions", True, 0),
        ("/v1/completions", False, 0),
        ("/v1/chat/completions", True, 0.6),
        ("/v1/chat/completions", False, 0),
    ]


def test_every_http_process_gets_two_connections() -> None:
    counts = {group.name: group.count for group in make_plan(spec(apiServers=3)).groups}

    assert [counts[name] for name in PATHS] == [6] * 6
    assert counts["prompt-16"] == 1


def test_half_of_a_batch_samples() -> None:
    made = make_plan(spec())
    (widest,) = [group for group in made.groups if group.name == "concurrency-4"]

    assert [request.body["temperature"] for request in first_round(widest)] == [0, 0.6, 0, 0.6]


def test_no_random_prompt_is_sent_twice() -> None:
    made = make_plan(spec())
    prompts = [
        tuple(group.request(number, index).body["prompt"])
        for group in made.groups
        if group.prompt_tokens
        for number in range(group.rounds)
        for index in range(group.count)
    ]

    assert len(set(prompts)) == len(prompts)


def test_the_long_context_is_sent_once() -> None:
    (longest,) = [group for group in make_plan(spec()).groups if group.name == "long-context"]

    assert (longest.prompt_tokens, longest.count, longest.rounds) == ((2048,), 1, 1)


def test_a_model_no_longer_than_the_ladder_has_no_long_context() -> None:
    assert "long-context" not in names(make_plan(spec(maxModelLength=600)))


def test_explicit_shapes_stand_in_place_of_the_ladder_of_prompts() -> None:
    shape = {"inputTokens": 256, "outputTokens": 100, "concurrency": 3}
    made = make_plan(spec(shapes=[shape, shape, {"inputTokens": 4000, "outputTokens": 100}]))

    assert ladder(made, "prompt") == []
    assert [name for name in names(made) if name.startswith("shape")] == ["shape-256-100-x3"]
    assert made.left_out == ("shape-4000-100-x1: longer than the model",)
    assert not {"mixed", "long-context"} & set(names(made))
    assert ladder(made, "concurrency") == [1, 2, 4]


def test_of_a_long_system_prompt_the_beginning_is_warmed() -> None:
    made = make_plan(spec(maxModelLength=200, systemPrompts=["é" * 300]))
    (request,) = first_round(made.groups[-1])
    kept = request.body["messages"][0]["content"]

    assert 0 < len(kept) < 300
    assert set(kept) == {"é"}
    assert made.left_out[-1] == f"system-1: all after its first {2 * len(kept)} bytes"


def test_few_requests_go_to_what_matters_most() -> None:
    made = make_plan(spec(maxConcurrentSequences=64, maxRequests=100, systemPrompts=["Be kind."]))

    assert made.requests <= 100
    assert {*PATHS, "concurrency-64", "system-1", "prompt-576"} <= set(names(made))
    assert "concurrency-32: more than maxRequests" in made.left_out
    assert [group.rounds for group in made.groups if group.name == "chat-stream"] == [2]


def test_there_is_always_one_request() -> None:
    """A pod whose engine never answered must not look warm."""
    assert names(make_plan(spec(maxRequests=1, apiServers=2, dataParallel=2))) == ["prompt-16"]


def test_one_request_is_the_first_path() -> None:
    assert names(make_plan(spec(maxRequests=1))) == ["chat-stream"]


@given(specs)
def test_a_plan_follows_from_its_spec(any_spec: WarmupSpec) -> None:
    again = WarmupSpec.model_validate_json(any_spec.model_dump_json(by_alias=True))

    assert make_plan(any_spec) == make_plan(again)


@given(specs)
def test_a_plan_is_bounded(any_spec: WarmupSpec) -> None:
    made = make_plan(any_spec)

    assert made.requests <= any_spec.max_requests
    assert len(set(names(made))) == len(made.groups) > 0
    assert all(group.rounds >= 1 and group.count >= 1 for group in made.groups)
    assert all(1 <= group.concurrency <= group.count for group in made.groups)


@given(specs)
def test_no_request_is_longer_than_the_model_allows(any_spec: WarmupSpec) -> None:
    for group in make_plan(any_spec).groups:
        for index in range(min(group.count, 4)):
            body = group.request(0, index).body
            assert _tokens(body) + body["max_tokens"] <= any_spec.model_length


def _tokens(body: Any) -> int:
    """As many as the prompt can have: a byte is a token at most."""
    prompt = body.get("prompt")
    if isinstance(prompt, list):
        assert all(FIRST_TOKEN_ID <= token <= LAST_TOKEN_ID for token in prompt)
        return len(prompt)
    texts = [prompt] if prompt else [message["content"] for message in body["messages"]]
    return TEMPLATE_TOKENS + sum(len(text.encode()) for text in texts)


@given(specs)
def test_a_request_is_the_same_each_time_and_only_then(any_spec: WarmupSpec) -> None:
    group = make_plan(any_spec).groups[-1]

    assert group.request(1, 0) == group.request(1, 0)
    if group.prompt_tokens and min(group.prompt_tokens) > 8:
        assert group.request(0, 0) != group.request(1, 0)


@given(specs)
def test_nothing_is_left_out_in_silence(any_spec: WarmupSpec) -> None:
    generous = any_spec.model_copy(update={"max_requests": 10**9, "max_model_length": 10**6})
    wanted = names(make_plan(generous))
    made = make_plan(any_spec)
    noted = {note.partition(":")[0] for note in made.left_out}

    for name in wanted:
        if name.startswith(("prompt", "mixed", "long")):
            continue  # their lengths follow the model's
        assert name in names(made) or name in noted, name
