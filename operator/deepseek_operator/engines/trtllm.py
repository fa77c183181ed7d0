"""TensorRT-LLM: command, YAML options, environment. Options are those of 1.2.1, on its PyTorch backend.

It has no authentication, no middleware and no limit of its queue, and whoever reaches it may change its
weights (/update_weights). So it listens on its pod's loopback only, behind a front of ours.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import yaml

from deepseek_operator.engines import probes, trtllm_group, trtllm_options, trtllm_sized
from deepseek_operator.engines.contract import (
    CACHE_PATH,
    COMPILED_PATH,
    MODELS_PATH,
    OPTIONS_FILE,
    EngineContainer,
    EngineRequest,
    UnusableError,
)
from deepseek_operator.engines.trtllm_options import OptionError, Options

NAME = "tensorrt-llm"
COMMAND = "trtllm-serve"

ENGINE_PORT = 8002
"""Of the engine itself, on the pod's loopback."""

METRICS_PATH = "/prometheus/metrics"
"""As Prometheus reads them; /metrics is JSON, and what was read of it is gone."""

OPEN_PATHS = (
    "/health",
    "/health_generate",
    "/version",
    METRICS_PATH,
    "/v1/models",
    "/v1/completions",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/responses/",
)
"""What the front passes on; of one that ends in a slash everything below."""

_SEQUENCES = 256
"""At once where no limit is given: vLLM's on most GPUs. The engine's own 2048 would be the same for any model."""

_TOKENS = 8192
"""Of a step where it is not given: the engine's own."""

_LARGEST_GRAPH = 1024
"""Sequences; a CUDA graph of a larger batch saves next to nothing, and each takes up to 200 MB."""

_REASONING_PARSERS: Mapping[str, str] = {"deepseek_r1": "deepseek-r1"}
"""By vLLM's name, which the catalog has; 1.2 has none for models that think only when they are told to."""

_COMPILERS = {
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "TRTLLM_DG_CACHE_DIR": "deep_gemm",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "CUDA_CACHE_PATH": "cuda",
    # A file, whose folder it makes.
    "TLLM_AUTOTUNER_CACHE_PATH": "autotuner/tactics.json",
}
"""What it compiles and tunes with, and where each keeps the outcome."""


def engine_container(request: EngineRequest) -> EngineContainer:
    """The container of one replica; UnusableError where engine.args cannot be given to it."""
    arguments, options = _given(request)
    several = request.nodes > 1
    return EngineContainer(
        image=request.block.engine.image or request.images.tensorrt_llm,
        command=[*(trtllm_group.leader_command(request) if several else ()), COMMAND, "serve"],
        args=_arguments(request, arguments, options),
        env={**_environment(), **(trtllm_group.environment(request) if several else {})},
        startup_probe=probes.startup_probe(request),
        readiness_probe=probes.readiness_probe(request),
        liveness_probe=probes.liveness_probe(),
        shared_memory="1Gi" if request.accelerators <= 1 else "8Gi",
        options=trtllm_options.render(_options(request, options)),
        model_path=model_path(request),
        open_paths=OPEN_PATHS,
        engine_port=ENGINE_PORT,
        worker_command=tuple(trtllm_group.worker_command(request)) if several else (),
        address_variable=trtllm_group.ADDRESS_VARIABLE,
    )


def model_path(request: EngineRequest) -> str:
    """Where the engine finds its weights: it serves under the last part of the path, and has no flag for it."""
    return f"{MODELS_PATH}/{request.served_name}"


def warmup_limits(args: Sequence[str], options: str = "") -> dict[str, Any]:
    """What a warm-up has to know of an engine, from its frozen arguments and file, as WarmupSpec names it."""
    path, *flags = args
    given = {
        name.removeprefix("--"): value for name, _, value in (flag.partition("=") for flag in flags)
    }
    # Its list of models does not say how long a sequence may be.
    length = given.get("max_seq_len", "")
    ranks = _ranks(given, options)
    return {
        "engine": NAME,
        "model": PurePosixPath(path).name,
        "maxConcurrentSequences": int(given["max_batch_size"]),
        **({"dataParallel": ranks} if ranks > 1 else {}),
        "maxBatchedTokens": int(given["max_num_tokens"]),
        **({"maxModelLength": int(length)} if length.isdecimal() else {}),
        "thinks": "reasoning_parser" in given,
        "structuredOutput": True,
    }


def _ranks(given: Mapping[str, str], options: str) -> int:
    """How many attend for themselves: limits are of each of them."""
    told = yaml.safe_load(options) or {}
    attends = isinstance(told, dict) and told.get("enable_attention_dp") is True
    return int(given.get("tensor_parallel_size", "1")) if attends else 1


def _given(request: EngineRequest) -> tuple[list[str], Options]:
    """The user's arguments and options; of the operator's own image's version all are checked."""
    try:
        arguments, options = trtllm_options.split(request.block.engine.args)
    except OptionError as error:
        raise UnusableError(f"engine.args: {error}") from error
    wrong = [*trtllm_options.unknown(arguments), *trtllm_options.problems(options)]
    if wrong and request.block.engine.image is None:
        version = trtllm_options.known().version
        raise UnusableError(
            f"engine.args: {wrong[0]} (TensorRT-LLM {version}; for an image of another version set "
            "engine.image)"
        )
    return arguments, options


def _arguments(request: EngineRequest, given: list[str], options: Options) -> list[str]:
    """Of `trtllm-serve serve`; the operator's come last, so that they win over the user's."""
    return [
        model_path(request),
        *given,
        *_model_arguments(request, given, options),
        *_shape_arguments(request, given, options),
        "--host=127.0.0.1",
        f"--port={ENGINE_PORT}",
        f"--config={OPTIONS_FILE}",
    ]


def _shape_arguments(request: EngineRequest, given: list[str], options: Options) -> list[str]:
    """Layout and limits: what was derived, or what the block sets."""
    if request.sized is None:
        return [
            *_parallel_arguments(request),
            f"--max_batch_size={_sequences(request)}",
            f"--max_num_tokens={_tokens(request)}",
        ]
    said = _said(given, options)
    derived = trtllm_sized.arguments(request.sized)
    return [f"--{name}={value}" for name, value in derived.items() if f"--{name}" not in said]


def _options(request: EngineRequest, given: Options) -> Options:
    """The YAML file: defaults that the user's keys replace, and what the operator reads the engine's figures by."""
    usual: Options = {
        # Without it a prompt longer than a step is refused.
        "enable_chunked_prefill": True,
        "guided_decoding_backend": "xgrammar",
    }
    if request.sized is None:
        chosen: Options = {"cuda_graph_config": _graphs(request), **given}
    else:
        chosen = trtllm_sized.merged(trtllm_sized.options(request.sized), given)
    return {**usual, **chosen, "return_perf_metrics": True}


def _graphs(request: EngineRequest) -> Options:
    """Batches between two graphs are rounded up to the larger: else they run without one."""
    return {
        "enable_padding": True,
        "max_batch_size": min(_sequences(request), _LARGEST_GRAPH),
    }


def _sequences(request: EngineRequest) -> int:
    """What is set, or what goes with the tokens of a step: a step computes one of each sequence at least."""
    batching = request.block.batching
    usual = min(_SEQUENCES, batching.max_batched_tokens or _TOKENS)
    return batching.max_concurrent_sequences or usual


def _tokens(request: EngineRequest) -> int:
    return request.block.batching.max_batched_tokens or max(_TOKENS, _sequences(request))


def _model_arguments(request: EngineRequest, given: list[str], options: Options) -> list[str]:
    model, said = request.model, _said(given, options)
    parser = _REASONING_PARSERS.get(model.reasoning_parser or "") if model else None
    wanted = {
        "--reasoning_parser": parser,
        "--custom_tokenizer": model.tokenizer_mode if model else None,
    }
    return [f"{flag}={value}" for flag, value in wanted.items() if value and flag not in said]


def _said(given: list[str], options: Options) -> set[str]:
    """What the user gives, on the command line or in the file."""
    return {argument.partition("=")[0] for argument in given} | {f"--{key}" for key in options}


def _parallel_arguments(request: EngineRequest) -> list[str]:
    if request.accelerators <= 1:
        return []
    parallel = [f"--tensor_parallel_size={request.accelerators}"]
    if request.model is not None and request.model.experts is not None:
        parallel.append(f"--moe_expert_parallel_size={request.accelerators}")
    return parallel


def _environment() -> dict[str, str]:
    return {
        "HOME": CACHE_PATH,
        # PyTorch asks for the user's name, and no image has an entry for ours.
        "USER": "engine",
        "HF_HOME": f"{CACHE_PATH}/huggingface",
        **{name: f"{COMPILED_PATH}/{folder}" for name, folder in _COMPILERS.items()},
        # What it serves is in the volume: nothing is asked of a hub, which may not be there.
        "HF_HUB_OFFLINE": "1",
    }
