"""vLLM: command, environment, probes. Flags are those of 0.33.0; the CPU build is 0.32.0."""

from collections.abc import Mapping, Sequence
from typing import Any

from deepseek_operator import numbers
from deepseek_operator.api.serving import Batching
from deepseek_operator.engines import probes, vllm_flags, vllm_group, vllm_sized
from deepseek_operator.engines.contract import (
    CACHE_PATH,
    COMPILED_PATH,
    LONG_PRIORITY_VARIABLE,
    MOST_LONG_VARIABLE,
    PORT,
    TOOLS_PATH,
    EngineContainer,
    EngineRequest,
    UnusableError,
)
from deepseek_operator.sizing import cpu

_CPU_COMPILATION = '{"custom_ops":["all","-rotary_embedding"]}'
"""vLLM 0.32.0's CPU kernel rotates the queries of latent attention (MLA) by wrong angles: it reads
their heads as tokens. Answers are then fluent and wrong; PyTorch's own operations are right."""

_SEQUENCES_ON_GPU, _SEQUENCES_ON_CPU = 256, 4
"""Top of a warm-up's ladder of concurrencies where no limit is given: vLLM's own limit on most GPUs; on
a CPU more would only queue for the cores."""

_TOKENS_ON_GPU, _TOKENS_ON_CPU = 8192, 2048
"""Size of a chunk of prefill where it is not given."""

_LEAST_TOKENS, _MOST_SEQUENCES, _USUAL_SEQUENCES_ON_CPU = 2048, 1024, 128
"""Of what vLLM 0.33 takes by itself, by the memory of its GPU (engine/arg_utils.py)."""

_COMPILERS = {
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "DG_JIT_CACHE_DIR": "deep_gemm",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "VLLM_FLASHINFER_AUTOTUNE_CACHE_DIR": "flashinfer_autotune",
    "CUDA_CACHE_PATH": "cuda",
}
"""What vLLM compiles and tunes with, and where each keeps the outcome; torch.compile's is vLLM's own."""

_LONG_PRIORITY = "1"
"""Of long requests, behind the 0 of those that say nothing."""


def engine_container(request: EngineRequest) -> EngineContainer:
    """The vLLM container of one replica, or of its leader; UnusableError where engine.args cannot be given to it."""
    _check(request)
    args, nodes = engine_args(request), request.nodes
    return EngineContainer(
        image=request.block.engine.image or _default_image(request),
        command=["vllm", "serve"],
        args=vllm_group.leader_args(args, nodes) if nodes > 1 else args,
        worker_args=tuple(vllm_group.worker_args(args, nodes)) if nodes > 1 else (),
        address_variable=vllm_group.HOST_VARIABLE,
        env=_environment(request),
        startup_probe=probes.startup_probe(request),
        readiness_probe=probes.readiness_probe(request),
        liveness_probe=probes.liveness_probe(),
        shared_memory="1Gi" if request.accelerators <= 1 else "8Gi",
    )


def _check(request: EngineRequest) -> None:
    """Refuse flags with which vLLM does not start; an image of the user's own may know others."""
    given, version = request.block.engine.args, vllm_flags.known().version
    wrong = vllm_flags.unknown(given)
    if wrong and request.block.engine.image is None:
        raise UnusableError(
            f"engine.args: {wrong[0]} (vLLM {version}; for an image of another version set engine.image)"
        )
    of_experts = vllm_flags.of_experts(given)
    if of_experts and request.model is not None and request.model.experts is None:
        raise UnusableError(
            f"engine.args: --{of_experts[0]}: {request.block.model} has no experts, and the flag is for models that "
            "have some; leave it out"
        )


def engine_args(request: EngineRequest) -> list[str]:
    """Arguments of `vllm serve` on one node; the operator's come last, so that they win over the user's."""
    return [
        request.weights_path,
        *request.block.engine.args,
        *_model_args(request),
        *_shape_args(request),
        *(_cpu_args(request) if request.on_cpu else []),
        f"--served-model-name={request.served_name}",
        "--host=0.0.0.0",
        f"--port={PORT}",
        f"--shutdown-timeout={request.drain_seconds}",
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
    sequences = _SEQUENCES_ON_GPU if on_gpu else _SEQUENCES_ON_CPU
    tokens = _TOKENS_ON_GPU if on_gpu else _TOKENS_ON_CPU
    # Limits are of one rank of data parallelism.
    ranks = _count(given, "data-parallel-size", 1)
    return {
        "engine": "vllm",
        "model": given["served-model-name"],
        "maxConcurrentSequences": _count(given, "max-num-seqs", sequences),
        **({"dataParallel": ranks} if ranks > 1 else {}),
        "maxBatchedTokens": _count(given, "max-num-batched-tokens", tokens),
        "thinks": "reasoning-parser" in given,
        "structuredOutput": True,
    }


def _count(given: Mapping[str, str], name: str, default: int) -> int:
    """What no number is the engine does not take: it does not start, and says so itself."""
    return numbers.count(given.get(name, "")) or default


def _default_image(request: EngineRequest) -> str:
    return request.images.vllm_cpu if request.on_cpu else request.images.vllm


def _given(request: EngineRequest) -> set[str]:
    """The flags that the user gives; of a dotted one, --flag.part, the flag."""
    return {f"--{vllm_flags.name_of(arg)}" for arg in request.block.engine.args}


def _schedules_by_priority(request: EngineRequest) -> bool:
    """Whether vLLM was told to by engine.args; by default it serves in the order of arrival."""
    pairs = (arg.partition("=") for arg in request.block.engine.args)
    policies = [
        value for flag, _, value in pairs if flag.replace("_", "-") == "--scheduling-policy"
    ]
    return policies[-1:] == ["priority"]


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
    if not request.on_cpu and request.sized is None:
        # The longest context for which the KV cache has room, instead of refusing to start.
        wanted["--max-model-len"] = "auto"
    return [f"{flag}={value}" for flag, value in wanted.items() if value and flag not in given]


def _shape_args(request: EngineRequest) -> list[str]:
    """Layout and limits: what was derived, or what the block sets."""
    if request.sized is not None:
        return vllm_sized.sized_args(request.sized, _given(request))
    return [*_parallel_args(request), *_batching_args(request)]


def _parallel_args(request: EngineRequest) -> list[str]:
    if request.accelerators <= 1:
        return []
    parallel = [f"--tensor-parallel-size={request.accelerators}"]
    has_experts = request.model is not None and request.model.experts is not None
    if has_experts and not any(flag.endswith("-expert-parallel") for flag in _given(request)):
        parallel.append("--enable-expert-parallel")
    return parallel


def _batching_args(request: EngineRequest) -> list[str]:
    limits = _limits(request.block.batching, on_cpu=request.on_cpu)
    return [f"{flag}={limit}" for flag, limit in limits.items() if limit is not None]


def _limits(batching: Batching, *, on_cpu: bool) -> dict[str, int | None]:
    """What is set; and where only one is, the other if vLLM's own default would not go with it.

    It does not start with fewer tokens a step than sequences.
    """
    sequences, tokens = batching.max_concurrent_sequences, batching.max_batched_tokens
    if tokens is None and sequences is not None and sequences > _LEAST_TOKENS:
        tokens = max(sequences, _TOKENS_ON_GPU)
    if sequences is None and tokens is not None and tokens < _MOST_SEQUENCES:
        sequences = min(tokens, _USUAL_SEQUENCES_ON_CPU if on_cpu else _SEQUENCES_ON_GPU)
    return {vllm_sized.SEQUENCES: sequences, vllm_sized.BATCHED_TOKENS: tokens}


def _environment(request: EngineRequest) -> dict[str, str]:
    environment = {
        "HOME": CACHE_PATH,
        "HF_HOME": f"{CACHE_PATH}/huggingface",
        "VLLM_CACHE_ROOT": f"{COMPILED_PATH}/vllm",
        **{name: f"{COMPILED_PATH}/{folder}" for name, folder in _COMPILERS.items()},
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENGINE_READY_TIMEOUT_S": str(probes.startup_seconds(request)),
        "PYTHONPATH": TOOLS_PATH,
        # What it serves is in the volume: nothing is asked of a hub, which may not be there.
        "HF_HUB_OFFLINE": "1",
    }
    if request.sized is not None:
        environment[MOST_LONG_VARIABLE] = str(request.sized.long.most)
    if _schedules_by_priority(request):
        environment[LONG_PRIORITY_VARIABLE] = _LONG_PRIORITY
    if request.nodes > 1:
        environment |= request.images.network.variables
    if request.on_cpu:
        environment[cpu.CACHE_VARIABLE] = str(cpu.CACHE_GIB)
        # "auto" pins every engine of a node to the same first cores; the kubelet's limits decide.
        environment["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
    return environment
