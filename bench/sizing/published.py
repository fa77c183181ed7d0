"""What others have published of throughput, as rows that can be asked of the sizing."""

from dataclasses import dataclass
from typing import Literal

from bench.sizing.published_memory import LLAMA_8B, LLAMA_70B, R1, V3, V32
from deepseek_operator.sizing.terms import Layout

TRTLLM, VLLM = "tensorrt-llm-1.2", "vllm-0.33.0"

TRT_README = "TensorRT-LLM 1.2, performance overview"
INFERENCEX = "InferenceX (SemiAnalysis), by an article"
RACK = "InferenceX (SemiAnalysis), article of 2026-05-26"
LATENCY = "TensorRT-LLM, Best_perf_practice_on_DeepSeek-R1"
MLPERF = "MLPerf v5.1, Red Hat, vLLM 0.10"
GB300 = "vLLM blog 2026-02-13"
GB200 = "vLLM blog 2026-02-03"
GPUSTACK = "GPUStack, docs/performance-lab/deepseek-r1/h200.md"
LMSYS = "LMSYS blog 2025-05-05"

Counted = Literal["output", "total", "prompt", "decode", "user"]
"""Which tokens a second and GPU: of answers; of prompts too; of prompts alone; of decode alone (two fleets).

Of a user: of one answer, whatever the GPUs.
"""


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
    drafts: int = 0
    """Tokens that are drafted a step (MTP)."""
    overlapped: bool = False
    """Whether one half of a batch was computed while the other was exchanged."""
    missed: str = ""
    """Why ours is further than a factor of two from it; empty: it is not."""


def _halved(
    layout: Layout, lengths: tuple[int, int], published: float, counted: Counted
) -> Throughput:
    """Of SGLang's blog, which tells that two half batches overlap."""
    of = (LMSYS, V3, "H100", "fp8", layout)
    return Throughput(*of, *lengths, published, counted, VLLM, "bf16", overlapped=True)


def _dep(size: int, nodes: int = 1) -> Layout:
    return Layout(data=size, expert=True, nodes=nodes)


def _row(
    product: str, form: str, layout: Layout, sizes: tuple[int, int], published: float
) -> Throughput:
    return Throughput(TRT_README, R1, product, form, layout, *sizes, published)


def _crowd(
    sizes: tuple[int, int], at_once: int, published: tuple[float, float], missed: str = ""
) -> tuple[Throughput, ...]:
    """Tokens a second of the whole node, of vLLM 0.11 as it comes and of SGLang 0.5.3."""
    return tuple(
        Throughput(
            f"{GPUSTACK}, {engine}",
            R1,
            "H200",
            "fp8",
            Layout(8),
            *sizes,
            whole / 8,
            "total",
            VLLM,
            "bf16",
            at_once,
            missed=missed,
        )
        for engine, whole in zip(("vLLM", "SGLang"), published, strict=True)
    )


_CROWD = (
    "1000 requests are sent at the same moment and the time counts until the last is answered: vLLM's first tokens came after "
    "19 s on average of 22 s in all, SGLang's whole run is 6 s; we count what GPUs do all the time, which the runs with long prompts "
    "come near to"
)
_TAIL = (
    "a data set, whose shortest answers leave the few longest to run by themselves: at its peak the same run had 7,451 (vLLM) and "
    "9,601 (SGLang) output tokens/s of the node, beside 12,400 by us and 2,621 and 3,415 on average"
)

_FAST = (
    "at so few milliseconds a token the launching of kernels decides, of which we count 3 ms a step; and the article "
    "tells neither drafts (MTP) nor whether prompts have GPUs of their own"
)

_ALONE = (
    "with one request at a time a step is kernels that wait for each other, some ten of each layer, of which we count 3 ms "
    "and the latency of the exchanges. NVIDIA's own account of the same eight B200 (tech blog 1) goes from 67 to 340 tokens/s by "
    "better kernels alone, so there is no time of a layer that were a fact of the hardware; and on drafts it has 0.7 ms for each "
    "beside 9.0 ms of a step, where we count only the tokens to be checked"
)

_SPARSE = "the blog itself says that sparse attention had much room for improvement in vLLM 0.14; we count what the hardware can do"

THROUGHPUT: tuple[Throughput, ...] = (
    Throughput(TRT_README, R1, "B200", "nvfp4", _dep(8), 1024, 2048, 5393, concurrency=7168),
    Throughput(TRT_README, R1, "H200", "fp8", _dep(8), 1024, 2048, 1436, concurrency=1024),
    Throughput(
        LATENCY,
        R1,
        "B200",
        "nvfp4",
        _dep(8),
        1024,
        2048,
        4548,
        cache="bf16",
        concurrency=3072,
    ),
    Throughput(
        LATENCY,
        R1,
        "B200",
        "nvfp4",
        Layout(8, expert=True),
        1024,
        2048,
        274,
        "user",
        cache="bf16",
        concurrency=1,
        drafts=3,
        missed=_ALONE,
    ),
    Throughput(
        LATENCY,
        R1,
        "H200",
        "fp8",
        Layout(8, expert=True),
        1024,
        2048,
        158,
        "user",
        cache="bf16",
        concurrency=1,
        drafts=3,
        missed=_ALONE,
    ),
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
    *_crowd((128, 4), 1000, (5931, 20_448), _CROWD),
    *_crowd((219, 201), 1000, (5483, 7143), _TAIL),
    *_crowd((2000, 100), 500, (17_691, 19_024)),
    *_crowd((4000, 200), 500, (15_809, 16_097)),
    *_crowd((32_000, 100), 100, (15_515, 16_092)),
    _halved(_dep(32, 4), (2000, 1), 6538, "prompt"),
    _halved(_dep(72, 9), (2000, 100), 2788, "decode"),
    Throughput(GB200, R1, "GB200", "nvfp4", _dep(2), 2048, 1, 26_200, "prompt", VLLM),
    Throughput(GB200, R1, "GB200", "nvfp4", _dep(8), 2048, 2048, 10_100, "decode", VLLM),
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
    Throughput(
        RACK,
        R1,
        "GB200",
        "nvfp4",
        _dep(32),
        1024,
        1024,
        4130,
        "total",
        milliseconds=1000 / 125,
        drafts=1,
    ),
    Throughput(
        RACK,
        R1,
        "B200",
        "nvfp4",
        _dep(8),
        1024,
        1024,
        941,
        "total",
        milliseconds=1000 / 125,
        drafts=1,
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
        "databasemart, vLLM on an A40",
        LLAMA_8B,
        "A40",
        "none",
        Layout(),
        100,
        600,
        1156,
        engine=VLLM,
        cache="bf16",
        concurrency=50,
    ),
    Throughput(
        "vLLM recipe DeepSeek-V3.2", V32, "H20", "fp8", Layout(8), 2048, 1024, 98.6, engine=VLLM
    ),
)
"""Llama-3.3-70B and Llama-3.1-8B are asked of the distilled models of the same networks.

MLPerf's lengths are those of its summaries' data set (CNN/DailyMail), on average. GPUs of one NVL72 exchange over NVLink, so
they count as one node whatever trays they are in. Of RACK's two rows the article tells model, form, lengths, that prompts have
GPUs of their own and that tokens are drafted, but not how many, and of the layout that experts are over 32 GPUs at most in the
rack and over 8 of B200: that is what is asked, with one draft. Experts of LATENCY's rows for one user are over 2 and 4 of the 8
GPUs, each in slices; what a GPU reads is the same. Of GPUSTACK 219/201 are the averages of ShareGPT that its output tells, and
its SGLang is asked as TP8: `--enable-dp-attention` does nothing without `--dp-size` (server_args.py).
"""

LEFT_OUT: tuple[tuple[str, str], ...] = (
    (
        "DeepSeek, Day 6: 73.7k input or 14.8k output tokens/s a node of 8 H800",
        "no lengths; more than half of the input is cache hits",
    ),
    ("vLLM blog 2025-12-17: 2.2k output tokens/s a H200", "no lengths"),
    (
        "MLPerf v5.1 and v6.0: DeepSeek-R1 on GB300",
        "a data set, of which MLCommons tells the length of answers (4,043 tokens on average), but not that of prompts",
    ),
)
"""Rows of the same sources that cannot be asked, and what they lack."""
