"""What others have published of memory and throughput, as rows that can be asked of the sizing."""

from dataclasses import dataclass
from typing import Literal

from deepseek_operator.sizing.terms import Layout

R1, V3, V32 = "DeepSeek-R1-0528", "DeepSeek-V3", "DeepSeek-V3.2"
LLAMA_70B, LLAMA_8B = "DeepSeek-R1-Distill-Llama-70B", "DeepSeek-R1-Distill-Llama-8B"
QWEN_7B = "DeepSeek-R1-Distill-Qwen-7B"

TRTLLM, VLLM = "tensorrt-llm-1.2", "vllm-0.33.0"

TRT_README = "TensorRT-LLM 1.2, performance overview"
INFERENCEX = "InferenceX (SemiAnalysis), by an article"
MLPERF = "MLPerf v5.1, Red Hat, vLLM 0.10"
GB300 = "vLLM blog 2026-02-13"
LMSYS = "LMSYS blog 2025-05-05"

_ONE = Layout()

Counted = Literal["output", "total", "prompt", "decode"]
"""Which tokens a second and GPU: of answers; of prompts too; of prompts alone; of decode alone (two fleets)."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Tokens a second of one GPU, as published for a model, a hardware and lengths."""

    source: str
    model: str
    product: str
    form: str
    layout: Layout
    input_tokens: int
    output_tokens: int
    published: float
    counted: Counted = "output"
    engine: str = TRTLLM
    cache: Literal["bf16", "fp8"] = "fp8"
    concurrency: int | None = None
    """Requests at once in the replica; None: as many as the cache holds."""
    milliseconds: float | None = None
    """Between two tokens of an answer, at most."""
    missed: str = ""
    """Why ours is further than a factor of two from it; empty: it is not."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes as published, or as the engine's source lays them out."""

    source: str
    what: str
    model: str
    kind: Literal["checkpoint", "token", "cache"]
    published: float
    form: str = "fp8"
    product: str = "H200"
    layout: Layout = _ONE
    cache: Literal["bf16", "fp8"] = "bf16"
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


def _dep(size: int, nodes: int = 1) -> Layout:
    return Layout(data=size, expert=True, nodes=nodes)


def _row(
    product: str, form: str, layout: Layout, sizes: tuple[int, int], published: float
) -> Throughput:
    return Throughput(TRT_README, R1, product, form, layout, *sizes, published)


_FAST = (
    "at so few milliseconds a token the launching of kernels decides, of which we count 3 ms a step; and the article "
    "tells neither drafts (MTP) nor whether prompts have GPUs of their own"
)

_SPARSE = "the blog itself says that sparse attention had much room for improvement in vLLM 0.14; we count what the hardware can do"

THROUGHPUT: tuple[Throughput, ...] = (
    Throughput(TRT_README, R1, "B200", "nvfp4", _dep(8), 1024, 2048, 5393, concurrency=7168),
    Throughput(TRT_README, R1, "H200", "fp8", _dep(8), 1024, 2048, 1436, concurrency=1024),
    _row("B200", "nvfp4", _dep(4), (1024, 1024), 6463),
    _row("B200", "nvfp4", _dep(4), (1024, 8192), 3862),
    _row("B200", "nvfp4", _dep(4), (8192, 1024), 1168),
    _row("GB200", "nvfp4", _dep(4), (1024, 1024), 6939),
    _row("GB200", "nvfp4", _dep(4), (1024, 8192), 4379),
    _row("GB200", "nvfp4", _dep(4), (8192, 1024), 1192),
    _row("H200", "fp8", _dep(8), (1024, 1024), 1627),
    _row("H200", "fp8", _dep(8), (1024, 8192), 1218),
    Throughput(TRT_README, LLAMA_70B, "B200", "nvfp4", Layout(), 1024, 1024, 6920),
    Throughput(TRT_README, LLAMA_70B, "H200", "fp8", Layout(2), 1024, 1024, 2587),
    Throughput(TRT_README, LLAMA_70B, "H100", "fp8", Layout(2), 1024, 1024, 2209),
    Throughput(LMSYS, V3, "H100", "fp8", _dep(32, 4), 2000, 1, 6538, "prompt", VLLM, "bf16"),
    Throughput(LMSYS, V3, "H100", "fp8", _dep(72, 9), 2000, 100, 2788, "decode", VLLM, "bf16"),
    Throughput(GB300, R1, "GB300", "nvfp4", _dep(2), 2048, 1, 22_476, "prompt", VLLM),
    Throughput(GB300, R1, "GB300", "nvfp4", _dep(2), 2048, 1024, 3072, "output", VLLM),
    Throughput(
        GB300, V32, "GB300", "nvfp4", Layout(2), 2048, 1, 7360, "prompt", VLLM, missed=_SPARSE
    ),
    Throughput(GB300, V32, "GB300", "nvfp4", Layout(2), 2048, 1024, 2816, "output", VLLM),
    Throughput(
        INFERENCEX,
        R1,
        "B200",
        "fp8",
        _dep(8),
        1024,
        1024,
        4792,
        "total",
        milliseconds=1000 / 42,
        missed=_FAST,
    ),
    Throughput(
        INFERENCEX,
        R1,
        "H100",
        "fp8",
        Layout(8, 2, expert=True, nodes=2),
        1024,
        1024,
        266,
        "total",
        milliseconds=1000 / 42,
    ),
    Throughput(
        INFERENCEX, R1, "B200", "fp8", _dep(8), 8192, 1024, 5857, "total", milliseconds=1000 / 23
    ),
    Throughput(
        INFERENCEX,
        R1,
        "B200",
        "nvfp4",
        Layout(4, expert=True),
        8192,
        1024,
        9789,
        "total",
        milliseconds=1000 / 73,
        missed=_FAST,
    ),
    Throughput(
        INFERENCEX,
        R1,
        "B200",
        "fp8",
        Layout(8, expert=True),
        8192,
        1024,
        2754,
        "total",
        milliseconds=1000 / 73,
    ),
    Throughput(MLPERF, LLAMA_8B, "H100", "fp8", Layout(), 778, 73, 5777, engine=VLLM),
    Throughput(
        MLPERF, LLAMA_8B, "H100", "fp8", Layout(), 778, 73, 5103, engine=VLLM, milliseconds=100
    ),
    Throughput(MLPERF, LLAMA_8B, "L40S", "fp8", Layout(), 778, 73, 1642, engine=VLLM),
    Throughput(
        MLPERF, LLAMA_8B, "L40S", "fp8", Layout(), 778, 73, 1207, engine=VLLM, milliseconds=100
    ),
    Throughput(
        "MLPerf v5.1, NVIDIA", LLAMA_8B, "B200", "nvfp4", Layout(), 778, 73, 18_375, engine=VLLM
    ),
    Throughput(
        "vLLM recipe DeepSeek-V3.2", V32, "H20", "fp8", Layout(8), 2048, 1024, 98.6, engine=VLLM
    ),
)
"""Llama-3.3-70B and Llama-3.1-8B are asked of the distilled models of the same networks.

MLPerf's lengths are those of its summaries' data set (CNN/DailyMail), on average.
"""

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
        "vLLM blog 2025-12-17",
        "cache of each of 8 GPUs, TP8",
        V3,
        "cache",
        34 * 2**30,
        layout=Layout(8, expert=True),
        missed="an older version, which kept more for activations and a smaller share of the memory; the blog tells neither",
    ),
)

FITS: tuple[Fit, ...] = (
    Fit("DeepSeek-V3 README, vLLM recipes", V3, "H200", 8, fits=True),
    Fit("688 GB of weights, 640 GB of memory", V3, "H100", 8, fits=False),
    Fit("vLLM recipes: 4 are enough in NVFP4", R1, "B200", 4, fits=True, form="nvfp4"),
    Fit("vLLM blog 2026-02-13: 2 are enough", R1, "GB300", 2, fits=True, form="nvfp4"),
    Fit("688 GB of weights, 24 GB of memory", V3, "L4", 1, fits=False),
)

LEFT_OUT: tuple[tuple[str, str], ...] = (
    (
        "DeepSeek, Day 6: 73.7k input or 14.8k output tokens/s a node of 8 H800",
        "no lengths; more than half of the input is cache hits",
    ),
    ("vLLM blog 2025-12-17: 2.2k output tokens/s a H200", "no lengths"),
    (
        "vLLM blog 2026-02-03: 26.2k and 10.1k tokens/s a GB200",
        "two fleets, and the row tells no lengths",
    ),
    ("GPUStack: R1-0528 on 8 H200, 5,931 to 20,448 tokens/s", "data sets in place of lengths"),
    (
        "InferenceX: GB200 NVL72, 4,130 against 941 at 125 tokens/s a user",
        "a rack-wide layout that is not told",
    ),
    ("MLPerf v5.1 and v6.0: DeepSeek-R1 on GB300", "a data set in place of lengths"),
    ("databasemart: Distill-Llama-8B on an A40, 1,156 tokens/s", "no lengths"),
    ("TensorRT-LLM: 274 (B200) and 158 (H200) tokens/s a user with three drafts", "no lengths"),
)
"""Rows of the same sources that cannot be asked, and what they lack."""
