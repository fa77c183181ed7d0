"""Whatever a block says: it is sized, not sized for a reason, or refused by field; and a load changes only the number."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deepseek_operator import derivation
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.catalog import catalog
from deepseek_operator.derivation import Derived, derive
from deepseek_operator.engines import choice
from deepseek_operator.errors import Stalled
from deepseek_operator.observed import Observed
from deepseek_operator.replicas import counted
from deepseek_operator.rollout.revisions import Shape, revision_key
from deepseek_operator.sizing.terms import TARGET_UTILIZATION
from tests.unit.engines.matrix import sized_request
from tests.unit.samples import Manifest, deepseek

CATALOG = catalog.shipped()

LABELS = sorted(entry.labels.gpu_operator[0] for entry in CATALOG.accelerators.values())

FLAGS = {
    "vllm": ("--max-num-seqs", "--max-num-batched-tokens", "--max-model-len"),
    "tensorrt-llm": ("--max_batch_size", "--max_num_tokens", "--max_seq_len"),
}

workloads = st.fixed_dictionaries(
    {},
    optional={
        "inputTokens": st.integers(1, 100_000),
        "outputTokens": st.integers(1, 20_000),
        "timeToFirstToken": st.sampled_from(["50ms", "1s", "20s"]),
        "timePerOutputToken": st.sampled_from(["5ms", "50ms", "1s"]),
    },
)

blocks = st.fixed_dictionaries(
    {"model": st.sampled_from(sorted(CATALOG.models)), "product": st.sampled_from(LABELS)},
    optional={
        "accelerator": st.builds(lambda count: {"count": count}, st.integers(1, 40)),
        "quantization": st.sampled_from(
            ["auto", "none", "fp8", "int8", "int4-awq", "nvfp4", "w4afp8"]
        ),
        "workload": workloads,
        "source": st.just("pvc://mine"),
        "batching": st.builds(lambda most: {"maxConcurrentSequences": most}, st.integers(1, 5000)),
        "engine": st.sampled_from(
            [
                {"args": ["--max-model-len=4096"]},
                {"args": ["--gpu-memory-utilization=0.5"]},
                *(
                    {"name": "tensorrt-llm", "args": args}
                    for args in (
                        [],
                        ["--max_seq_len=4096"],
                        ["--kv_cache_free_gpu_memory_fraction=0.5"],
                        ["--kv_cache_config.free_gpu_memory_fraction=0.5"],
                        ["--enable_attention_dp=false"],
                        ["--enable_attention_dp"],
                        ["--cuda_graph_config.max_batch_size=64"],
                        ["--speculative_config=null"],
                    )
                ),
            ]
        ),
    },
)


def block_of(given: dict[str, Any]) -> ServingBlock:
    accelerator = {"product": given["product"], **given.get("accelerator", {})}
    fields = {name: value for name, value in given.items() if name != "product"}
    return ServingBlock.model_validate({**fields, "accelerator": accelerator})


def answer(block: ServingBlock) -> Derived | Stalled:
    try:
        return derive(block, catalog=CATALOG, field="spec", rdma=False)
    except Stalled as stalled:
        return stalled


@given(blocks)
def test_a_block_is_sized_or_told_why_not(given_block: dict[str, Any]) -> None:
    block = block_of(given_block)

    found = answer(block)

    if isinstance(found, Stalled):
        assert found.message.startswith("spec.")
    elif found.sized is None:
        assert found.why_not
    else:
        layout = found.sized.layout
        assert (layout.nodes > 1) == (layout.pipeline > 1)
        assert layout.accelerators % layout.nodes == 0
        assert found.sized.memory.planned <= found.sized.memory.budget + 1
        assert block.accelerator.count in (None, found.sized.layout.accelerators)
        assert block.batching.max_concurrent_sequences in (None, found.sized.limits.sequences)


@given(blocks)
def test_what_is_frozen_and_written_is_what_was_sized(given_block: dict[str, Any]) -> None:
    found = answer(block_of(given_block))
    if isinstance(found, Stalled) or found.sized is None:
        return
    fields = {
        name: value for name, value in given_block.items() if name not in ("model", "product")
    }

    request = sized_request(given_block["model"], given_block["product"], **fields)
    args = choice.engine_container(request).args

    told = {value["name"]: value["value"] for value in derivation.frozen(found)["values"]}
    sequences, tokens, context = FLAGS[request.block.engine.name]
    assert f"{sequences}={told['maxConcurrentSequences']}" in args
    assert f"{tokens}={told['maxBatchedTokens']}" in args
    assert f"{context}={told['contextTokens']}" in args


@given(blocks, st.floats(0.001, 1_000_000))
def test_a_rate_is_in_no_key(given_block: dict[str, Any], rate: float) -> None:
    load = {**given_block.get("workload", {}), "requestsPerSecond": rate}

    without, with_rate = block_of(given_block), block_of({**given_block, "workload": load})

    assert revision_key(without) == revision_key(with_rate)


@given(st.floats(0.01, 1000), st.floats(0.01, 500), st.floats(0, 500))
def test_more_requests_never_get_fewer_replicas_and_all_are_met(
    each: float, rate: float, more: float
) -> None:
    one, other = number(each, rate), number(each, rate + more)

    if one is not None and other is not None:
        assert one <= other
    if one is not None:
        assert one * each * TARGET_UTILIZATION >= rate * (1 - 1e-9)


def number(each: float, rate: float) -> int | None:
    """Replicas for a rate when one does so much; None where they are too many."""
    spec: Manifest = {
        "model": "DeepSeek-V3",
        "accelerator": {"product": "NVIDIA-H200"},
        "workload": {"requestsPerSecond": rate},
    }
    shape = Shape("k", "m", "s", "i", {}, {"requestsPerSecond": repr(each)})
    found, _, trouble = counted(deepseek(**spec), shape, Observed(), key="k")
    return None if trouble else found.spec.replicas
