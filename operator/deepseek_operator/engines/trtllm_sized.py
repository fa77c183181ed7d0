"""What was derived of a replica, as options of `trtllm-serve` 1.2 and keys of its YAML file. Pure.

What both have is given on the command line, and of `kv_cache_config` nothing: the engine takes that key whole, so a part of
it in the file would undo what the command line says of the others.
"""

from collections.abc import Mapping
from typing import Any

from deepseek_operator.engines.trtllm_options import Options
from deepseek_operator.sizing.size import Sized


def arguments(sized: Sized) -> dict[str, int]:
    """Options by name. Ranks that attend for themselves are of the tensor-parallel group: the file says that they are."""
    layout = sized.layout
    group = layout.tensor * layout.data
    found = {
        "tensor_parallel_size": group,
        "pipeline_parallel_size": layout.pipeline,
        "moe_expert_parallel_size": group if layout.expert else 1,
    }
    return {
        **{name: size for name, size in found.items() if size > 1},
        "max_seq_len": sized.context_tokens,
        "max_batch_size": sized.limits.sequences,
        "max_num_tokens": sized.setting.batched_tokens,
    }


def options(sized: Sized) -> Options:
    """Keys of the file."""
    return {
        "cuda_graph_config": {"enable_padding": True, "batch_sizes": list(sized.graph_sizes)},
        "kv_cache_config": _cache(sized),
        **({"enable_attention_dp": True} if sized.layout.data > 1 else {}),
        **_experts(sized),
        **_drafts(sized),
    }


def merged(derived: Options, given: Mapping[str, Any]) -> Options:
    """The derived keys with the user's in their place; of a map each key by itself."""
    found = {**derived, **given}
    for name in ("cuda_graph_config", "kv_cache_config", "moe_config"):
        ours, theirs = derived.get(name), given.get(name)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            found[name] = {**ours, **theirs}
            if "max_batch_size" in theirs and "batch_sizes" not in theirs:
                # The engine makes a list of its own of that, and takes no other beside it.
                del found[name]["batch_sizes"]
    return found


def _cache(sized: Sized) -> Options:
    setting = sized.setting
    return {
        "free_gpu_memory_fraction": setting.memory_share,
        **({"dtype": "fp8"} if setting.cache_type == "fp8" else {}),
    }


def _experts(sized: Sized) -> Options:
    if sized.question.model.experts is None:
        return {}
    found: Options = {}
    if sized.expert_backend is not None:
        found["backend"] = sized.expert_backend
    if sized.bounds_experts:
        # Else they would be given the tokens of all ranks at once, which memory is not kept for.
        found["max_num_tokens"] = sized.expert_tokens
    return {"moe_config": found} if found else {}


def _drafts(sized: Sized) -> Options:
    tokens = sized.setting.mtp_tokens
    if not tokens:
        return {}
    return {"speculative_config": {"decoding_type": "MTP", "num_nextn_predict_layers": tokens}}
