"""vLLM: command, environment, probes. Flags are those of 0.33.0; the CPU build is 0.32.0."""

import math
from collections.abc import Sequence
from typing import Any

from deepseek_operator.engines.contract import (
    CACHE_PATH,
    COMPILED_PATH,
    DRAIN_SECONDS,
    PORT,
    TOOLS_PATH,
    WARM_STATE_PATH,
    EngineContainer,
    EngineRequest,
)

_LOAD_BYTES_PER_SECOND = 200_000_000
"""Slow network storage; a start-up probe must not kill a pod that is only loading."""

_START_SECONDS = 600
"""Process start, compilation and graph capture on top of loading."""

_UNKNOWN_WEIGHTS_BYTES = 150_000_000_000
"""Assumed for a model outside the catalog: the largest that one node of small GPUs holds."""

_STARTUP_PERIOD_SECONDS = 5

_CPU_COMPILATION = '{"custom_ops":["all","-rotary_embedding"]}'
"""vLLM 0.32.0's CPU kernel rotates the queries of latent attention (MLA) by wrong angles: it reads
their heads as tokens. Answers are then fluent and wrong; PyTorch's own operations are right."""

_SEQUENCES_ON_GPU, _SEQUENCES_ON_CPU = 256, 4
"""Top of a warm-up's ladder of concurrencies where no limit is given: vLLM's own limit on most GPUs; on
a CPU more would only queue for the cores."""

_TOKENS_ON_GPU, _TOKENS_ON_CPU = 8192, 2048
"""Size of a chunk of prefill where it is not given."""

_COMPILERS = {
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "DG_JIT_CACHE_DIR": "deep_gemm",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "VLLM_FLASHINFER_AUTOTUNE_CACHE_DIR": "flashinfer_autotune",
    "CUDA_CACHE_PATH": "cuda",
}
"""What vLLM compiles and tunes with, and where each keeps the outcome; torch.compile's is vLLM's own."""

_CPU_CACHE_GIB = 1
"""KV cache on a CPU unless pod.env sets VLLM_CPU_KVCACHE_SPACE; it is touched whole at the start."""


def engine_container(request: EngineRequest) -> EngineContainer:
    """The vLLM container of one replica."""
    return EngineContainer(
        image=request.block.engine.image or _default_image(request),
        command=["vllm", "serve"],
        args=engine_args(request),
        env=_environment(request),
        startup_probe={
            "httpGet": _health(),
            "periodSeconds": _STARTUP_PERIOD_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": math.ceil(startup_seconds(request) / _STARTUP_PERIOD_SECONDS),
        },
        readiness_probe=_readiness_probe(request),
        # Health answers as long as the engine process lives; a busy API server may be late, so
        # only a silence of two minutes is a dead engine.
        liveness_probe={
            "httpGet": _health(),
            "periodSeconds": 15,
            "timeoutSeconds": 15,
            "failureThreshold": 8,
        },
        shared_memory="1Gi" if request.accelerators <= 1 else "8Gi",
    )


def engine_args(request: EngineRequest) -> list[str]:
    """Arguments of `vllm serve`; the operator's come last, so that they win over the user's."""
    return [
        request.weights_path,
        *request.block.engine.args,
        *_model_args(request),
        *_parallel_args(request),
        *(_cpu_args(request) if request.on_cpu else []),
        *_batching_args(request),
        f"--served-model-name={request.served_name}",
        "--host=0.0.0.0",
        f"--port={PORT}",
        f"--shutdown-timeout={DRAIN_SECONDS}",
        "--disable-access-log-for-endpoints=/health,/metrics",
        # A stream begins with its first token, so that until then another engine may be asked.
        "--middleware=deepseek_serving.engine.hold.FirstToken",
    ]


def warmup_limits(args: Sequence[str], *, on_gpu: bool) -> dict[str, Any]:
    """What a warm-up has to know of an engine, from its arguments, as WarmupSpec names it.

    A revision's arguments are frozen: read from them it holds for whatever the spec says by now.
    """
    # vLLM takes underscores for dashes in the names of its flags.
    given = {
        name.removeprefix("--").replace("_", "-"): value
        for name, _, value in (arg.partition("=") for arg in args)
    }
    sequences = given.get("max-num-seqs", _SEQUENCES_ON_GPU if on_gpu else _SEQUENCES_ON_CPU)
    tokens = given.get("max-num-batched-tokens", _TOKENS_ON_GPU if on_gpu else _TOKENS_ON_CPU)
    return {
        "engine": "vllm",
        "model": given["served-model-name"],
        "maxConcurrentSequences": int(sequences),
        "maxBatchedTokens": int(tokens),
        "thinks": "reasoning-parser" in given,
        "structuredOutput": True,
    }


def startup_seconds(request: EngineRequest) -> int:
    """Budget of the start-up probe: twice what loading and compiling may take."""
    size = request.model.weights_bytes if request.model else _UNKNOWN_WEIGHTS_BYTES
    return 2 * (_START_SECONDS + math.ceil(size / _LOAD_BYTES_PER_SECOND))


def _default_image(request: EngineRequest) -> str:
    return request.images.vllm_cpu if request.on_cpu else request.images.vllm


def _health() -> dict[str, Any]:
    return {"path": "/health", "port": "http", "scheme": "HTTP"}


def _readiness_probe(request: EngineRequest) -> dict[str, Any]:
    """Ready once this very process has been warmed up or asked, and as long as it is healthy."""
    lock = ["--require-warm", f"--state={WARM_STATE_PATH}"] if request.warmed else []
    return {
        "exec": {
            "command": [
                "python3",
                "-S",
                f"{TOOLS_PATH}/deepseek_serving/engine/ready.py",
                f"--port={PORT}",
                f"--model={request.served_name}",
                *lock,
            ]
        },
        "periodSeconds": 5,
        "timeoutSeconds": 30,
        "failureThreshold": 3,
        "successThreshold": 1,
    }


def _given(request: EngineRequest) -> set[str]:
    """The flags that the user gives; of a dotted one, --flag.part, the flag."""
    flags = (arg.partition("=")[0].partition(".")[0] for arg in request.block.engine.args)
    return {flag.replace("_", "-") for flag in flags}


def _cpu_args(request: EngineRequest) -> list[str]:
    """Our image has no compiler, so nothing is compiled unless the user's own image can."""
    given = _given(request)
    wanted = {
        "--enforce-eager": {"--enforce-eager", "--no-enforce-eager"},
        f"--compilation-config={_CPU_COMPILATION}": {"--compilation-config"},
    }
    return [arg for arg, said in wanted.items() if not said & given]


def _model_args(request: EngineRequest) -> list[str]:
    given = _given(request)
    wanted = {
        "--reasoning-parser": request.model.reasoning_parser if request.model else None,
        "--tokenizer-mode": request.model.tokenizer_mode if request.model else None,
    }
    if not request.on_cpu:
        # The longest context for which the KV cache has room, instead of refusing to start.
        wanted["--max-model-len"] = "auto"
    return [f"{flag}={value}" for flag, value in wanted.items() if value and flag not in given]


def _parallel_args(request: EngineRequest) -> list[str]:
    if request.accelerators <= 1:
        return []
    parallel = [f"--tensor-parallel-size={request.accelerators}"]
    if request.model is not None and request.model.experts is not None:
        parallel.append("--enable-expert-parallel")
    return parallel


def _batching_args(request: EngineRequest) -> list[str]:
    batching = request.block.batching
    limits = {
        "--max-num-seqs": batching.max_concurrent_sequences,
        "--max-num-batched-tokens": batching.max_batched_tokens,
    }
    return [f"{flag}={limit}" for flag, limit in limits.items() if limit is not None]


def _environment(request: EngineRequest) -> dict[str, str]:
    environment = {
        "HOME": CACHE_PATH,
        "HF_HOME": f"{CACHE_PATH}/huggingface",
        "VLLM_CACHE_ROOT": f"{COMPILED_PATH}/vllm",
        **{name: f"{COMPILED_PATH}/{folder}" for name, folder in _COMPILERS.items()},
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENGINE_READY_TIMEOUT_S": str(startup_seconds(request)),
        "PYTHONPATH": TOOLS_PATH,
        # What it serves is in the volume: nothing is asked of a hub, which may not be there.
        "HF_HUB_OFFLINE": "1",
    }
    if request.on_cpu:
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(_CPU_CACHE_GIB)
        # "auto" pins every engine of a node to the same first cores; the kubelet's limits decide.
        environment["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
    return environment
