"""What was derived of a replica, as flags of vLLM 0.33."""

import json
from collections.abc import Set as AbstractSet

from deepseek_operator.sizing.size import Sized

_LARGEST_GRAPH = 512
"""Batches up to this have CUDA graphs unless it is said otherwise (vllm/config/vllm.py)."""

MODEL_LENGTH = "--max-model-len"
SEQUENCES = "--max-num-seqs"
BATCHED_TOKENS = "--max-num-batched-tokens"


def sized_args(sized: Sized, given: AbstractSet[str]) -> list[str]:
    """The flags of a replica without those that the user gives.

    Chunked prefill and prefix caching are the engine's default and are left to it.
    """
    wanted = {**_memory_flags(sized), **_parallel_flags(sized), **_speed_flags(sized)}
    return [
        f"{flag}={value}" if value else flag for flag, value in wanted.items() if flag not in given
    ]


def _memory_flags(sized: Sized) -> dict[str, str]:
    setting = sized.setting
    found = {
        MODEL_LENGTH: f"{sized.context_tokens}",
        "--gpu-memory-utilization": f"{setting.memory_share:g}",
    }
    if setting.cache_type == "fp8":
        found["--kv-cache-dtype"] = "fp8"
    if setting.scheme.flag is not None:
        found["--quantization"] = setting.scheme.flag
    return found


def _parallel_flags(sized: Sized) -> dict[str, str]:
    layout = sized.layout
    sizes = {
        "--tensor-parallel-size": layout.tensor,
        "--pipeline-parallel-size": layout.pipeline,
        "--data-parallel-size": layout.data,
    }
    found = {flag: f"{size}" for flag, size in sizes.items() if size > 1}
    if layout.data > 1:
        # One server counts the requests of all ranks, and has one page of metrics.
        found["--api-server-count"] = "1"
    return {**found, "--enable-expert-parallel": ""} if layout.expert else found


def _speed_flags(sized: Sized) -> dict[str, str]:
    setting, sequences = sized.setting, sized.limits.sequences
    found = {SEQUENCES: f"{sequences}", BATCHED_TOKENS: f"{setting.batched_tokens}"}
    drafted = setting.mtp_tokens
    if drafted:
        method = {"method": "mtp", "num_speculative_tokens": drafted}
        found["--speculative-config"] = json.dumps(method, separators=(",", ":"))
    # What is beyond the largest that memory is kept for is computed without a graph.
    batch = min(sequences * (1 + drafted), sized.question.engine.largest_graph)
    if batch > _LARGEST_GRAPH:
        found["--max-cudagraph-capture-size"] = f"{batch}"
    return found
