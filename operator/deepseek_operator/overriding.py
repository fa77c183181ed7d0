"""What a serving block sets of what would be derived, in the words of its engine. Pure.

Flags whose effect the arithmetic knows are inputs of it; any other that would change memory or layout switches it off.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deepseek_operator import numbers
from deepseek_operator.api.serving import ServingBlock
from deepseek_operator.engines import trtllm_options
from deepseek_operator.engines.trtllm_options import OptionError, Options
from deepseek_operator.sizing import graphs
from deepseek_operator.sizing.terms import CacheType, CannotRunError, Overrides

_NOT_MODELLED = frozenset(
    {
        "quantization", "spec-method", "spec-model", "spec-tokens", "dtype", "block-size", "cpu-offload-gb", "hf-overrides",
        "decode-context-parallel-size", "kv-cache-memory-bytes", "kv-offloading-size",
        "num-gpu-blocks-override", "prefill-context-parallel-size", "enable-eplb", "kv-transfer-config",
        "performance-mode", "max-cudagraph-capture-size", "cudagraph-capture-sizes",
        "distributed-executor-backend", "data-parallel-backend", "data-parallel-rpc-port", "enforce-eager", "optimization-level",
    }
)  # fmt: skip
"""Flags of vLLM that change what memory or layout are computed from, in ways that the arithmetic does not know."""

_NOT_MODELLED_OPTIONS = frozenset({"max_beam_width"})
_NOT_MODELLED_KEYS = frozenset(
    {
        "attn_backend", "cache_transceiver_config", "kv_connector_config", "max_beam_width",
        "sparse_attention_config", "torch_compile_config",
        "kv_cache_config.max_attention_window", "kv_cache_config.max_gpu_total_bytes",
        "kv_cache_config.max_tokens", "kv_cache_config.sink_token_length",
        "kv_cache_config.tokens_per_block",
        "moe_config.load_balancer", "moe_config.max_num_tokens",
    }
)  # fmt: skip
"""The same of TensorRT-LLM: options of its command line, and keys of its file."""

_VLLM_FIELDS: Mapping[str, str] = {
    "contextTokens": "engine.args: --max-model-len",
    "memoryShare": "engine.args: --gpu-memory-utilization",
    "cacheType": "engine.args: --kv-cache-dtype",
    "chunkedPrefill": "engine.args: --no-enable-chunked-prefill",
    "expertParallel": "engine.args: --enable-expert-parallel",
    "mtpTokens": "engine.args: --speculative-config",
}
_TRTLLM_FIELDS: Mapping[str, str] = {
    "contextTokens": "engine.args: --max_seq_len",
    "memoryShare": "engine.args: --kv_cache_config.free_gpu_memory_fraction",
    "cacheType": "engine.args: --kv_cache_config.dtype",
    "attentionRanks": "accelerator.attention, or engine.args: --enable_attention_dp",
    "mtpTokens": "engine.args: --speculative_config",
    "graphs": "engine.args: --cuda_graph_config",
}
_COUNTED: Mapping[str, str] = {
    **dict.fromkeys(("tensor", "data", "pipeline"), "accelerator.count"),
    "attentionRanks": "accelerator.attention",
    "decodeTimes": "accelerator.decodeTimes",
}

_MISTAKE = "engine.args cannot be read: "
_MTP = "MTP"
_MTP_TOKENS = "num_nextn_predict_layers"


@dataclass(frozen=True, slots=True)
class Words:
    """How one engine is told what sizing derives."""

    fields: Mapping[str, str]
    """Where an object says what sizing calls so."""
    read: Callable[[Sequence[str]], Overrides]
    """What engine.args set; CannotRunError for what cannot be read."""
    unknown: Callable[[Sequence[str]], str | None]
    """The first entry of engine.args that the arithmetic does not know, or cannot read, in words; None without one."""


def words_of(engine: str) -> Words:
    """Of the engine of this name."""
    return _WORDS[engine]


def overrides_of(block: ServingBlock) -> Overrides:
    """What the block sets of what would be derived; CannotRunError for a flag that cannot be read."""
    found = words_of(block.engine.name).read(block.engine.args)
    return replace(
        found,
        attention_ranks=_attention(block, found.attention_ranks),
        quantization=block.quantization,
        accelerators=block.accelerator.count,
        decode_times=block.accelerator.decode_times,
        max_sequences=block.batching.max_concurrent_sequences,
        max_batched_tokens=block.batching.max_batched_tokens,
        own_source=block.source is not None,
    )


def _attention(block: ServingBlock, flag: bool | None) -> bool | None:
    """Whether GPUs attend for themselves, as the field or the engine's own flag says."""
    asked = block.accelerator.attention
    found = None if asked is None else asked == "Ranks"
    if None not in (found, flag) and found != flag:
        raise CannotRunError(
            "attentionRanks",
            f"accelerator.attention {asked} and the flag say opposites; leave one of them out",
        )
    return flag if found is None else found


def field_of(name: str, engine: str) -> str:
    """Where an object says what sizing calls so."""
    return words_of(engine).fields.get(name, _COUNTED.get(name, name))


def is_mistake(why_not: str) -> bool:
    """Whether what keeps a block from being sized is a mistake in engine.args."""
    return why_not.startswith(_MISTAKE)


def given_flags(args: Sequence[str]) -> dict[str, str]:
    """Flags of engine.args by name, as vLLM reads them: underscores are dashes, the last one wins."""
    pairs = (arg.removeprefix("--").partition("=") for arg in args)
    named = ((name.replace("_", "-"), value) for name, _, value in pairs)
    return {_VLLM_ALIASES.get(name, name): value for name, value in named}


_LONGEST = ("auto", "-1")
"""Values of --max-model-len by which vLLM finds the longest itself."""
_VLLM_ALIASES: Mapping[str, str] = {"device-memory-utilization": "gpu-memory-utilization"}


def _switch(args: Sequence[str], name: str) -> bool | None:
    """What the last flag of a switch says; None without one. --enable-x and --disable-x undo each other, as --no-x does x."""
    said = {f"enable-{name}": True, f"no-enable-{name}": False, f"disable-{name}": False}
    flags = (arg.removeprefix("--").partition("=")[0].replace("_", "-") for arg in reversed(args))
    return next((said[flag] for flag in flags if flag in said), None)


def _overlaps(args: Sequence[str]) -> bool:
    """Whether ranks compute while they exchange: vLLM does so with DeepEP's kernels alone (dual batch overlap)."""
    kernels = given_flags(args).get(_EXCHANGE, "")
    return bool(_switch(args, "dbo")) and kernels.startswith("deepep")


_EXCHANGE = "all2all-backend"


def _vllm(args: Sequence[str]) -> Overrides:
    flags = given_flags(args)
    context, chunks = flags.get("max-model-len", "auto"), _switch(args, "chunked-prefill")
    if chunks is False and flags.get("max-model-len") in _LONGEST:
        raise CannotRunError(
            "chunkedPrefill",
            f"--max-model-len={context} takes the longest request that the cache holds, and without chunked prefill one "
            "step has to compute all of it; leave one of the two out",
        )
    return Overrides(
        context_tokens=None if context in _LONGEST else _tokens(context, numbers.count),
        memory_share=_share(flags.get("gpu-memory-utilization")),
        cache_type=_cache_type(flags.get("kv-cache-dtype"), _VLLM_CACHES),
        chunked_prefill=chunks,
        prefix_caching=_switch(args, "prefix-caching"),
        expert_parallel=_switch(args, "expert-parallel"),
        overlapped=_overlaps(args),
        mtp_tokens=_drafts_of_vllm(flags),
    )


_SPECULATION = "speculative-config"
_SPECULATIVE_TOKENS = "num_speculative_tokens"
_OWN_MODULE = ("mtp", "deepseek_mtp")
"""Names of the model's own module as what drafts; the second is the older one."""


_READ = frozenset(
    {
        "max-model-len", "gpu-memory-utilization", "device-memory-utilization", "kv-cache-dtype", _SPECULATION, _EXCHANGE,
        *(
            f"{form}-{name}"
            for name in ("chunked-prefill", "prefix-caching", "expert-parallel", "dbo")
            for form in ("enable", "no-enable", "disable")
        ),
    }
)  # fmt: skip
"""Flags of vLLM that say what is planned with."""


def _drafts_of_vllm(flags: Mapping[str, str]) -> int | None:
    """Tokens that the model's own module drafts; none where drafts are switched off."""
    if _SPECULATION not in flags or _drafts_otherwise(flags):
        return None
    given = _speculation(flags)
    return 0 if given is None else _drafted(given[_SPECULATIVE_TOKENS], _SPECULATIVE_TOKENS)


def _drafts_otherwise(flags: Mapping[str, str]) -> bool:
    """Whether something else than the model's own module drafts, or drafts in another way."""
    if any(flag.startswith(f"{_SPECULATION}.") for flag in flags):
        return True
    try:
        given = _speculation(flags)
    except CannotRunError:
        return False
    return given is not None and (
        set(given) != {"method", _SPECULATIVE_TOKENS} or given["method"] not in _OWN_MODULE
    )


def _speculation(flags: Mapping[str, str]) -> dict[str, Any] | None:
    text = flags.get(_SPECULATION, "")
    try:
        # As vLLM 0.32 reads it (engine/arg_utils.py).
        found = None if text in ("", "None") else json.loads(text)
    except ValueError:
        found = text
    if found is not None and not isinstance(found, dict):
        raise CannotRunError(
            "mtpTokens",
            f'{text!r} is no map in JSON; write it as {{"method":"mtp","{_SPECULATIVE_TOKENS}":1}}, or null to draft '
            "nothing",
        )
    return found and {name.replace("-", "_"): value for name, value in found.items()}


def _unknown_to_vllm(args: Sequence[str]) -> str | None:
    flags = given_flags(args)
    given = {flag.partition(".")[0] for flag in flags}
    known = _NOT_MODELLED | _READ
    # Its parser takes the beginning of a flag for all of it, which nothing here does.
    begun = {name for name in given - known if any(one.startswith(name) for one in known)}
    drafts = {_SPECULATION} if _drafts_otherwise(flags) else set()
    found = sorted(given & _NOT_MODELLED | begun | drafts)
    return f"engine.args has --{found[0]}, which the arithmetic does not know" if found else None


def _trtllm(args: Sequence[str]) -> Overrides:
    """The file wins over the command line, as it does in the engine."""
    wrong = _wrong(args)
    if wrong is not None:
        raise CannotRunError("options", wrong)
    arguments, options = trtllm_options.split(args)
    flags = _options_of(arguments)
    cache, experts = _part(options, "kv_cache_config"), _part(options, "moe_config")
    context = options.get("max_seq_len", flags.get("max_seq_len"))
    share = cache.get("free_gpu_memory_fraction", flags.get("free_gpu_memory_fraction"))
    return Overrides(
        context_tokens=None if context is None else _tokens(f"{context}", numbers.whole),
        memory_share=_share(None if share is None else f"{share}"),
        cache_type=_cache_type(cache.get("dtype"), _TRTLLM_CACHES),
        mtp_tokens=_drafts(options),
        attention_ranks=_flag(options.get("enable_attention_dp")),
        graph_sizes=_graph_sizes(options),
        prefix_caching=_flag(cache.get("enable_block_reuse")),
        expert_backend=experts.get("backend"),
    )


def _wrong(args: Sequence[str]) -> str | None:
    """The first mistake of what is given, or None."""
    try:
        _, options = trtllm_options.split(args)
    except OptionError as error:
        return f"{error}"
    return next(iter(trtllm_options.problems(options)), None)


def _unknown_to_trtllm(args: Sequence[str]) -> str | None:
    wrong = _wrong(args)
    if wrong is not None:
        return f"{_MISTAKE}{wrong}"
    arguments, options = trtllm_options.split(args)
    below = {f"{name}.{key}" for name in options for key in _part(options, name)}
    found = sorted(
        (_NOT_MODELLED_OPTIONS & set(_options_of(arguments)))
        | (_NOT_MODELLED_KEYS & {*options, *below})
        | _switched_off(options)
    )
    return f"engine.args has --{found[0]}, which the arithmetic does not know" if found else None


def _switched_off(options: Options) -> set[str]:
    """What is planned with and is not there, or is there in a way that is not planned with."""
    found = {
        "enable_chunked_prefill": options.get("enable_chunked_prefill", True) is False,
        "speculative_config": _has_other_drafts(options),
    }
    return {name for name, is_so in found.items() if is_so}


def _has_other_drafts(options: Options) -> bool:
    """Whether something else than the model's own module drafts, or drafts in another way."""
    given = options.get("speculative_config")
    return given is not None and (
        set(given) != {"decoding_type", _MTP_TOKENS} or given["decoding_type"] != _MTP
    )


def _options_of(arguments: Sequence[str]) -> dict[str, str]:
    """Of the command line, by their first spelling; the last one wins."""
    known = trtllm_options.known()
    pairs = (argument.removeprefix("--").partition("=") for argument in arguments)
    return {known.aliases.get(name, name): value for name, _, value in pairs}


def _part(options: Options, name: str) -> Mapping[str, Any]:
    found = options.get(name)
    return found if isinstance(found, dict) else {}


def _drafts(options: Options) -> int | None:
    """Tokens that the model's own module drafts; none where drafts are switched off."""
    if "speculative_config" not in options or _has_other_drafts(options):
        return None
    given = options["speculative_config"]
    if given is None:
        return 0
    return _drafted(given[_MTP_TOKENS], _MTP_TOKENS)


def _drafted(tokens: Any, name: str) -> int:
    if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 1:
        raise CannotRunError(
            "mtpTokens",
            f"{name}: {tokens!r} is no number of tokens above 0; set 1, or null to draft nothing",
        )
    return tokens


def _graph_sizes(options: Options) -> tuple[int, ...] | None:
    given = _part(options, "cuda_graph_config")
    listed, most = given.get("batch_sizes"), given.get("max_batch_size")
    if listed is None and most is None:
        return None
    whole = graphs.sizes(most) if listed is None and most and most > 0 else listed
    if not whole or any(type(one) is not int or one < 1 for one in whole):
        raise CannotRunError(
            "graphs", "batches to capture are numbers above 0; set some, or leave them out"
        )
    if None not in (listed, most) and most != max(whole):
        raise CannotRunError(
            "graphs",
            f"max_batch_size {most} is not the largest of batch_sizes, {max(whole)}, and the engine does not start so; "
            "leave one of them out",
        )
    return tuple(sorted(whole))


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _tokens(text: str, read: Callable[[str], int | None]) -> int:
    tokens = read(text)
    if tokens is None:
        raise CannotRunError("contextTokens", f"{text!r} is no number of tokens above 0")
    return tokens


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        said = f"{text!r} is no number; set it between 0 and 1"
        raise CannotRunError("memoryShare", said) from None


_VLLM_CACHES: Mapping[str, CacheType] = {
    "auto": "bf16",
    "bfloat16": "bf16",
    "float16": "bf16",
    "fp8": "fp8",
    "fp8_e4m3": "fp8",
    "fp8_ds_mla": "fp8",
}
_TRTLLM_CACHES: Mapping[str, CacheType] = {"auto": "bf16", "fp8": "fp8"}


def _cache_type(text: str | None, known: Mapping[str, CacheType]) -> CacheType | None:
    if text is None:
        return None
    if text not in known:
        usual = " or ".join(name for name in ("auto", "bfloat16", "fp8") if name in known)
        names = usual.replace(" or ", ", ", 1) if usual.count(" or ") > 1 else usual
        raise CannotRunError("cacheType", f"{text!r} is not modelled; use {names}")
    return known[text]


_WORDS: Mapping[str, Words] = {
    "vllm": Words(_VLLM_FIELDS, _vllm, _unknown_to_vllm),
    "tensorrt-llm": Words(_TRTLLM_FIELDS, _trtllm, _unknown_to_trtllm),
}
