"""What is derived of a block, what is not, and what is refused: with field, arithmetic and remedy."""

from typing import Any

import pytest

from deepseek_operator import derivation
from deepseek_operator.api.conditions import Reason
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.api.workload import Workload
from deepseek_operator.catalog import accelerators, catalog
from deepseek_operator.derivation import Derived, derive
from deepseek_operator.errors import Stalled
from deepseek_operator.sizing.size import Sized
from deepseek_operator.sizing.terms import ASSUMED
from tests.unit.samples import Manifest

V3, QWEN, LLAMA_70B = "DeepSeek-V3", "DeepSeek-R1-Distill-Qwen-7B", "DeepSeek-R1-Distill-Llama-70B"
H200, H100, L4 = "NVIDIA-H200", "NVIDIA-H100-80GB-HBM3", "NVIDIA-L4"
A100 = "NVIDIA-A100-SXM4-80GB"


def on(product: str, count: int | None = None) -> Manifest:
    return {"product": product, **({} if count is None else {"count": count})}


def derived(block: Manifest, *, field: str = "spec", rdma: bool = False) -> Derived:
    asking = ServingBlock.model_validate(block)
    return derive(asking, catalog=catalog.shipped(), field=field, rdma=rdma)


def asked(
    model: str = QWEN,
    product: str = H200,
    count: int | None = None,
    *,
    rdma: bool = False,
    **more: Any,
) -> Derived:
    return derived({"model": model, "accelerator": on(product, count), **more}, rdma=rdma)


def sized(*words: Any, **more: Any) -> Sized:
    found = asked(*words, **more).sized
    assert found is not None
    return found


def refused(*words: Any, **more: Any) -> Stalled:
    with pytest.raises(Stalled) as raised:
        asked(*words, **more)
    return raised.value


@pytest.mark.parametrize(
    ("block", "said"),
    [
        pytest.param(
            {"model": "own", "source": "hf://a/b", "accelerator": on(H200)},
            "own is not in the catalog",
            id="a-model-of-ones-own",
        ),
        pytest.param({"model": QWEN}, "accelerator.product is not set", id="any-product"),
        pytest.param(
            {
                "model": QWEN,
                "accelerator": on(H200),
                "engine": {"args": ["--seed=1", "--cpu_offload_gb=4"]},
            },
            "engine.args has --cpu-offload-gb, which the arithmetic does not know",
            id="a-flag-that-is-not-modelled",
        ),
        pytest.param(
            {
                "model": QWEN,
                "accelerator": on(H200),
                "engine": {"args": ["--speculative-config.method=ngram"]},
            },
            "engine.args has --speculative-config, which the arithmetic does not know",
            id="a-part-of-one",
        ),
    ],
)
def test_what_is_not_known_is_not_derived_and_told(block: Manifest, said: str) -> None:
    found = derived(block)

    assert (found.sized, found.why_not) == (None, said)
    assert derivation.frozen(found) == {"notDerived": said}


@pytest.mark.parametrize(
    ("field", "value"),
    [("workload", {"inputTokens": 99}), ("quantization", "fp8")],
)
def test_a_field_that_would_do_nothing_is_refused(field: str, value: Any) -> None:
    args = {"args": ["--cpu-offload-gb=4"]}

    error = refused(QWEN, H200, engine=args, **{field: value})

    assert error.reason == Reason.CANNOT_RUN
    assert error.message == (
        f"spec.{field}: nothing is derived from it, as engine.args has --cpu-offload-gb, which the arithmetic does not "
        "know; remove it"
    )


REFUSED = [
    pytest.param(
        (QWEN, H200, 8),
        {},
        Reason.CANNOT_RUN,
        "spec.accelerator.count: 8 does not divide the 28 attention heads of DeepSeek-R1-Distill-Qwen-7B; use one of "
        "1, 2, 4",
        id="tp-does-not-divide-the-heads",
    ),
    pytest.param(
        (V3, H200),
        {"engine": {"args": ["--max-model-len=200000"]}},
        Reason.CANNOT_RUN,
        "spec.engine.args: --max-model-len: 200000 is beyond the 163840 tokens that DeepSeek-V3 was made for; set at "
        "most 163840",
        id="context-beyond-the-models",
    ),
    pytest.param(
        (QWEN, A100),
        {"quantization": "fp8"},
        Reason.CANNOT_RUN,
        "spec.quantization: fp8 needs compute capability 8.9 or newer and A100-80GB (Ampere) has 8. Nearest that "
        "works: quantization: int8",
        id="fp8-on-a100",
    ),
    pytest.param(
        (V3, L4, 1),
        {},
        Reason.CANNOT_RUN,
        "48 x L4 on 6 nodes of 8 would do; one node holds it with",
        id="v3-on-one-l4",
    ),
    pytest.param(
        (V3, H100, 8),
        {},
        Reason.CANNOT_RUN,
        "16 x H100 on 2 nodes of 8 would do; one node holds it with",
        id="v3-on-as-many-h100-as-are-set",
    ),
    pytest.param(
        (V3, "NVIDIA-H2000"),
        {},
        Reason.CANNOT_RUN,
        "spec.accelerator.product: NVIDIA-H2000 is not in the catalog (nearest: NVIDIA-H200, ",
        id="unknown-product",
    ),
    pytest.param(
        (V3, "H200"),
        {},
        Reason.CANNOT_RUN,
        "spec.accelerator.product: no node is labelled H200; write what nodes with it have as nvidia.com/gpu.product: "
        "NVIDIA-H200",
        id="the-catalogs-own-name",
    ),
    pytest.param(
        (QWEN, L4),
        {"batching": {"maxConcurrentSequences": 20_000, "maxBatchedTokens": 20_000}},
        Reason.CANNOT_RUN,
        "spec.batching.maxConcurrentSequences: 20000 sequences need 22.7 GiB for their logits, which leaves no room",
        id="more-sequences-than-memory",
    ),
    pytest.param(
        (QWEN, L4),
        {"workload": {"inputTokens": 120_000, "outputTokens": 20_000}},
        Reason.CANNOT_RUN,
        "spec.workload: inputTokens 120000 + outputTokens 20000 = 140000 are more than the context of 131072 tokens",
        id="requests-longer-than-the-context",
    ),
    pytest.param(
        (QWEN, L4),
        {"engine": {"args": ["--gpu-memory-utilization=1.5"]}},
        Reason.CANNOT_RUN,
        "spec.engine.args: --gpu-memory-utilization: 1.5 is not a share; set it between 0 and 1",
        id="more-than-all-memory",
    ),
    pytest.param(
        (QWEN, L4),
        {"engine": {"args": ["--gpu-memory-utilization=most"]}},
        Reason.CANNOT_RUN,
        "spec.engine.args: --gpu-memory-utilization: 'most' is no number; set it between 0 and 1",
        id="a-share-in-words",
    ),
    pytest.param(
        (QWEN, L4),
        {"engine": {"args": ["--max-model-len=long"]}},
        Reason.CANNOT_RUN,
        "spec.engine.args: --max-model-len: 'long' is no number of tokens above 0",
        id="a-length-in-words",
    ),
    pytest.param(
        (QWEN, A100),
        {"engine": {"args": ["--kv-cache-dtype=fp8"]}},
        Reason.CANNOT_RUN,
        "spec.engine.args: --kv-cache-dtype: fp8 needs compute capability 8.9 and A100-80GB has 8; leave it out",
        id="fp8-cache-on-a100",
    ),
    pytest.param(
        (QWEN, H200),
        {"engine": {"args": ["--kv-cache-dtype=int4"]}},
        Reason.CANNOT_RUN,
        "spec.engine.args: --kv-cache-dtype: 'int4' is not modelled; use auto, bfloat16 or fp8",
        id="a-cache-of-its-own-kind",
    ),
    pytest.param(
        ("DeepSeek-V3.2", A100),
        {},
        Reason.CANNOT_RUN,
        "spec.accelerator.product: vllm 0.33.0 runs DeepSeek-V3.2 from compute capability 9 on, and A100-80GB has 8; "
        "use another product",
        id="too-old-for-sparse-attention",
    ),
]


@pytest.mark.parametrize(("words", "more", "reason", "said"), REFUSED)
def test_what_cannot_run_is_refused_by_field_and_remedy(
    words: tuple[Any, ...], more: Manifest, reason: Reason, said: str
) -> None:
    error = refused(*words, **more)

    assert error.reason == reason
    assert said in error.message
    assert error.message.startswith("spec.")


def test_a_refusal_names_the_block_that_it_speaks_of() -> None:
    block: Manifest = {"model": QWEN, "accelerator": on(H200, 8)}

    with pytest.raises(Stalled, match=r"spec\.fallback\[1\]\.accelerator\.count: 8 does not"):
        derived(block, field="spec.fallback[1]")


def test_a_catalog_without_the_engine_is_told() -> None:
    bare = catalog.Catalog(catalog.shipped().models, catalog.shipped().accelerators, {})
    block = ServingBlock.model_validate({"model": QWEN, "accelerator": on(H200)})

    with pytest.raises(Stalled, match=r"spec\.engine\.name: the catalog has no version of vllm"):
        derive(block, catalog=bare, field="spec", rdma=False)


@pytest.mark.parametrize(
    ("args", "context"),
    [
        (["--max-model-len=8192"], 8192),
        (["--max_model_len=8k"], 8000),
        (["--max-model-len=8K"], 8192),
        (["--max-model-len=1024", "--max-model-len=2048"], 2048),
    ],
    ids=str,
)
def test_a_context_is_read_as_the_engine_reads_it(args: list[str], context: int) -> None:
    assert sized(QWEN, L4, engine={"args": args}).context_tokens == context


@pytest.mark.parametrize("text", ["auto", "-1"])
def test_a_context_that_the_engine_finds_is_none_that_is_set(text: str) -> None:
    found = sized(QWEN, L4, engine={"args": [f"--max-model-len={text}"]})

    assert found.question.overrides.context_tokens is None


@pytest.mark.parametrize(("text", "kind"), [("fp8", "fp8"), ("auto", "bf16"), ("bfloat16", "bf16")])
def test_a_cache_format_is_taken(text: str, kind: str) -> None:
    found = sized(QWEN, H200, engine={"args": [f"--kv-cache-dtype={text}"]})

    assert found.setting.cache_type == kind


def test_nothing_said_of_requests_is_a_chat() -> None:
    assert derivation.load_of(None) == derivation.load_of(Workload()) == ASSUMED


def test_how_many_requests_there_are_makes_no_other_replica() -> None:
    few = sized(V3, H200, workload={"requestsPerSecond": 1})
    many = sized(V3, H200, workload={"requestsPerSecond": 1000})

    assert few == many


def test_latency_targets_become_limits() -> None:
    calm = sized(QWEN, L4)
    fast = sized(QWEN, L4, workload={"timePerOutputToken": "50ms"})
    prompt = sized(QWEN, L4, 1, workload={"timeToFirstToken": "280ms"})

    assert fast.limits.sequences < calm.limits.sequences
    assert fast.limits.by == prompt.limits.by == "the latency targets"
    assert prompt.limits.sequences < calm.limits.sequences


def test_a_target_that_none_keeps_is_told_and_served() -> None:
    found = asked(QWEN, L4, workload={"timePerOutputToken": "1ms"})

    assert derivation.frozen(found)["missed"][0].startswith("workload.timePerOutputToken: ")


def test_a_source_that_is_set_is_served_as_it_is() -> None:
    own, ours = sized(QWEN, H200, source="pvc://mine"), sized(QWEN, H200)

    assert (own.setting.scheme.name, own.setting.scheme.flag) == ("none", None)
    assert (ours.setting.scheme.name, ours.setting.scheme.checkpoint) == (
        "fp8",
        f"RedHatAI/{QWEN}-FP8-dynamic",
    )


def test_a_source_that_is_set_is_made_smaller_on_request() -> None:
    found = sized(QWEN, H200, source="pvc://mine", quantization="fp8")

    assert (found.setting.scheme.flag, found.setting.scheme.checkpoint) == ("fp8_per_tensor", None)


def test_a_source_that_may_be_smaller_than_what_is_published_is_not_refused() -> None:
    found = asked(LLAMA_70B, H100, 1, source="pvc://in-four-bits")

    assert found.sized is None
    assert found.why_not.startswith(f"as published {LLAMA_70B} does not fit there")


def test_but_it_is_where_a_field_would_do_nothing_then() -> None:
    error = refused(LLAMA_70B, H100, 1, source="pvc://mine", workload={"inputTokens": 9})

    assert error.reason == Reason.CANNOT_RUN
    assert f"spec.accelerator: {LLAMA_70B} in none on 1 x H100" in error.message


def test_what_is_frozen_has_every_value_with_a_reason() -> None:
    found = derivation.frozen(asked(V3, H200, batching={"maxConcurrentSequences": 8}))

    assert (found["accelerator"], found["engine"]) == ("H200", "vllm 0.33.0")
    assert float(found["requestsPerSecond"]) > 0
    names = [value["name"] for value in found["values"]]
    assert {"quantization", "layout", "maxConcurrentSequences", "requestsPerSecond"} <= set(names)
    assert len(names) == len(set(names)) <= 23
    assert all(0 < len(value["why"]) <= 512 for value in found["values"])
    assert [value["name"] for value in found["values"] if value.get("set")] == [
        "maxConcurrentSequences"
    ]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("NVIDIA-H200", "nvidia.com/gpu.product"),
        ("nvidia-h200-141gb", "cloud.google.com/gke-accelerator"),
        ("h200", "karpenter.k8s.aws/instance-gpu-name"),
        ("Standard_ND96isr_H200_v5", "node.kubernetes.io/instance-type"),
        ("H200", None),
    ],
)
def test_a_product_is_known_by_whichever_label_names_it(value: str, label: str | None) -> None:
    assert accelerators.node_label(value, catalog.shipped().accelerators) == label


def test_no_value_means_two_products() -> None:
    values = [
        (field, value)
        for entry in catalog.shipped().accelerators.values()
        for field, named in entry.labels.model_dump().items()
        for value in named
    ]

    assert len(values) == len(set(values))


@pytest.mark.parametrize(
    ("model", "product", "more", "drafts"),
    [
        pytest.param(V3, "NVIDIA-H20", {}, 1, id="as-published"),
        pytest.param(V3, "NVIDIA-H20", {"source": "pvc://mine"}, 0, id="from-ones-own-source"),
        pytest.param("DeepSeek-R1", A100, {}, 0, id="from-a-quantised-checkpoint"),
    ],
)
def test_nothing_drafts_where_the_weights_may_lack_the_module(
    model: str, product: str, more: Manifest, drafts: int
) -> None:
    found = asked(model, product, **more)

    assert found.sized is not None
    assert found.sized.setting.mtp_tokens == drafts
    told = {value["name"]: value["why"] for value in derivation.frozen(found)["values"]}
    assert ("is not known" in told["mtpTokens"]) is (drafts == 0)
