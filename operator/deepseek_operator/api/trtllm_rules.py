"""CEL rules about TensorRT-LLM, as data, each with a message for people: what its engine asks of an object."""

from collections.abc import Mapping

from pydantic import JsonValue

OWNED_FLAGS: Mapping[str, str] = {
    "tp_size": "use accelerator.count",
    "pp_size": "use accelerator.count",
    "context_parallel_size": "use accelerator.count",
    "cp_size": "use accelerator.count",
    "moe_expert_parallel_size": "use accelerator.count",
    "ep_size": "use accelerator.count",
    "moe_cluster_parallel_size": "use accelerator.count",
    "cluster_size": "use accelerator.count",
    "gpus_per_node": "use accelerator.count",
    "max_batch_size": "use batching.maxConcurrentSequences",
    "max_num_tokens": "use batching.maxBatchedTokens",
    "backend": "the operator serves checkpoints, with the PyTorch backend",
    "extra_llm_api_options": "give the keys themselves, as --kv_cache_config.dtype=fp8",
    "return_perf_metrics": "the operator reads them",
    "metadata_server_config_file": "the operator lays out the nodes",
    "server_role": "the operator lays out the nodes",
    "disagg_cluster_uri": "the operator lays out the nodes",
    "orchestrator_type": "the operator lays out the nodes",
}
"""What users may not give in engine.args beside what rules.OWNED_FLAGS has, and what to use instead."""

_IS_IT = "has(self.name) && self.name == 'tensorrt-llm'"
_OWNED = "[" + ", ".join(f"'--{flag}'" for flag in OWNED_FLAGS) + "]"
_ARG_NAME = "arg.split('=', 2)[0]"

ENGINE: list[JsonValue] = [
    {
        "rule": f"!({_IS_IT}) || !has(self.args) || "
        f"!self.args.exists(arg, {_ARG_NAME} in {_OWNED})",
        "messageExpression": f"'engine.args: ' + self.args.filter(arg, {_ARG_NAME} in "
        f"{_OWNED})[0].split('=', 2)[0] + ' is owned by the operator; the reference of "
        "engine.args names the field to use instead'",
    },
    {
        "rule": f"!({_IS_IT}) || !has(self.args) || "
        "self.args.all(arg, arg.matches('^--[a-zA-Z0-9_.]+(=|$)'))",
        "message": "engine.args: tensorrt-llm spells its options with underscores, as "
        "--reasoning_parser; write them so",
    },
]

_NAMES_IT = "has({0}.engine) && has({0}.engine.name) && {0}.engine.name == 'tensorrt-llm'"
_ASKS_FOR_IT = _NAMES_IT.format("self")

SERVING_BLOCK: list[JsonValue] = [
    {
        "rule": f"!({_ASKS_FOR_IT}) || !has(self.accelerator) || "
        "!has(self.accelerator.kind) || self.accelerator.kind != 'CPU'",
        "message": "engine.name: tensorrt-llm runs on GPUs only; set accelerator.kind: GPU, or "
        "engine.name: vllm",
    },
]

_UNTOLD = ("empty", "preemptions")
"""Of rollout.analysis, what it does not count."""

_HAS_FROM = "has(self.rollout) && has(self.rollout.from)"
_ANY = (
    f"({_ASKS_FOR_IT}) || ({_HAS_FROM} && {_NAMES_IT.format('self.rollout.from')}) || "
    f"(has(self.fallback) && self.fallback.exists(entry, {_NAMES_IT.format('entry')}))"
)

_NOT_COUNTED: list[JsonValue] = [
    {
        "rule": f"!({_ASKS_FOR_IT}) || !has(self.rollout) || !has(self.rollout.analysis) || "
        f"!has(self.rollout.analysis.{field})",
        "message": f"rollout.analysis.{field}: tensorrt-llm does not count it; remove it, or use "
        "engine.name: vllm",
    }
    for field in _UNTOLD
]

SPEC: list[JsonValue] = [
    {
        "rule": f"!has(self.servedName) || !self.servedName.contains('/') || !({_ANY})",
        "message": "engine.name: tensorrt-llm serves under the last part of a path, and servedName "
        "has a '/'; use vllm, or an object with another servedName",
    },
    *_NOT_COUNTED,
]
