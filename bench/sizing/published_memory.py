"""What others have published of memory, as rows that can be asked of the sizing."""

from dataclasses import dataclass
from typing import Literal

from deepseek_operator.sizing.terms import GIB, Layout

R1, V3, V32 = "DeepSeek-R1-0528", "DeepSeek-V3", "DeepSeek-V3.2"
LLAMA_70B, LLAMA_8B = "DeepSeek-R1-Distill-Llama-70B", "DeepSeek-R1-Distill-Llama-8B"
QWEN_1_5B, QWEN_7B = "DeepSeek-R1-Distill-Qwen-1.5B", "DeepSeek-R1-Distill-Qwen-7B"
QWEN_14B = "DeepSeek-R1-Distill-Qwen-14B"

_ONE = Layout()


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes as published, or as the engine's source lays them out."""

    source: str
    what: str
    model: str
    kind: Literal["checkpoint", "weights", "token", "cache", "tokens"]
    """Files; of the GPU that holds most: weights, cache of a token, cache; tokens of a cache of so many GiB."""
    published: float
    form: str = "fp8"
    product: str = "H200"
    layout: Layout = _ONE
    cache: Literal["bf16", "fp8"] = "bf16"
    gib: float = 0.0
    """Of the cache whose tokens are asked."""
    missed: str = ""


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model runs on so many GPUs of one node."""

    source: str
    model: str
    product: str
    count: int
    fits: bool
    form: str = "fp8"


_SOURCE = "vllm 0.33.0, v1/kv_cache_interface.py"

MEMORY: tuple[Memory, ...] = (
    Memory("DeepSeek-V3 repository", "checkpoint", V3, "checkpoint", 688e9),
    Memory("DeepSeek-V3.2 repository", "checkpoint", V32, "checkpoint", 690e9),
    Memory(
        "nvidia/DeepSeek-R1-0528-NVFP4-v2, 385 to 415 GB",
        "checkpoint",
        R1,
        "checkpoint",
        400e9,
        "nvfp4",
        "B200",
    ),
    Memory(
        "RedHatAI/DeepSeek-R1-quantized.w4a16",
        "checkpoint",
        "DeepSeek-R1",
        "checkpoint",
        350e9,
        "int4-awq",
    ),
    Memory(
        "DeepSeek-R1-Distill-Qwen-7B repository",
        "checkpoint",
        QWEN_7B,
        "checkpoint",
        15.23e9,
        "none",
    ),
    Memory(
        "DeepSeek-R1-Distill-Llama-70B repository",
        "checkpoint",
        LLAMA_70B,
        "checkpoint",
        141.1e9,
        "none",
    ),
    Memory(_SOURCE, "cache of a token", V3, "token", 70_272),
    Memory(_SOURCE, "cache of a token, FP8", V3, "token", 35_136, cache="fp8"),
    Memory(_SOURCE, "cache of a token, fp8_ds_mla and indexer", V32, "token", 48_068, cache="fp8"),
    Memory(_SOURCE, "cache of a token", LLAMA_8B, "token", 131_072, "none"),
    Memory(_SOURCE, "cache of a token, FP8", LLAMA_70B, "token", 163_840, "none", cache="fp8"),
    Memory(
        "vllm issue 12539, L4, vLLM 0.7.0",
        "weights of each of 4 GPUs, TP4",
        QWEN_1_5B,
        "weights",
        0.8988 * GIB,
        "none",
        "L4",
        Layout(4),
    ),
    Memory(
        "vllm issue 13061, RTX 4090",
        "weights of each of 2 GPUs, TP2",
        QWEN_14B,
        "weights",
        13.9476 * GIB,
        "none",
        layout=Layout(2),
    ),
    Memory(
        "HabanaAI/vllm-fork issue 809, Gaudi 2",
        "weights of each of 8 accelerators, TP8",
        "DeepSeek-R1",
        "weights",
        79.41 * GIB,
        layout=Layout(8),
    ),
    Memory(
        "vllm issue 13074, H20 of 141 GB",
        "weights of each of 16 GPUs, TP8 x PP2",
        "DeepSeek-R1",
        "weights",
        39.66 * GIB,
        layout=Layout(8, 2, nodes=2),
    ),
    Memory(
        "sglang pull request 11309, B200",
        "a cache of 43.67 GiB in FP8, DP8, tokens",
        V32,
        "tokens",
        975_424,
        product="B200",
        layout=Layout(data=8, expert=True),
        cache="fp8",
        gib=43.67,
    ),
    Memory(
        "GenAIExamples pull request 1762, vLLM on CPUs",
        "a cache of 4 GiB, tokens",
        QWEN_14B,
        "tokens",
        21_840,
        "none",
        gib=4,
    ),
    Memory(
        "vLLM blog 2025-12-17",
        "cache of each of 8 GPUs, TP8",
        V3,
        "cache",
        34 * 2**30,
        layout=Layout(8, expert=True),
        missed="an older version, which kept more for activations and a smaller share of the memory; the blog tells neither",
    ),
)
"""What was logged of weights, and of a cache of known size, depends neither on the product nor on the version, so those that the
catalog does not have are asked of others. On CPUs vLLM took 4 GiB unless told otherwise.
"""

FITS: tuple[Fit, ...] = (
    Fit("DeepSeek-V3 README, vLLM recipes", V3, "H200", 8, fits=True),
    Fit("688 GB of weights, 640 GB of memory", V3, "H100", 8, fits=False),
    Fit("vLLM recipes: 4 are enough in NVFP4", R1, "B200", 4, fits=True, form="nvfp4"),
    Fit("vLLM blog 2026-02-13: 2 are enough", R1, "GB300", 2, fits=True, form="nvfp4"),
    Fit("688 GB of weights, 24 GB of memory", V3, "L4", 1, fits=False),
)
