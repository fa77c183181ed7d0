"""Questions for the tests of sizing, and settings to look at without deciding anything."""

from typing import Any

from deepseek_operator.catalog import catalog
from deepseek_operator.sizing.terms import (
    ASSUMED,
    Layout,
    Overrides,
    Pool,
    Question,
    Scheme,
    Setting,
    Workload,
)

CATALOG = catalog.shipped()
VLLM = CATALOG.engines["vllm-0.33.0"]
TRTLLM = CATALOG.engines["tensorrt-llm-1.2"]

BF16 = Scheme("none", 2, 2, "bf16", "bf16")
FP8 = Scheme("fp8", 1, 1, "fp8", "fp8")

V3, R1, V32 = "DeepSeek-V3", "DeepSeek-R1-0528", "DeepSeek-V3.2"
QWEN_1B, QWEN_7B = "DeepSeek-R1-Distill-Qwen-1.5B", "DeepSeek-R1-Distill-Qwen-7B"
QWEN_14B, QWEN_32B = "DeepSeek-R1-Distill-Qwen-14B", "DeepSeek-R1-Distill-Qwen-32B"
LLAMA_8B, LLAMA_70B = "DeepSeek-R1-Distill-Llama-8B", "DeepSeek-R1-Distill-Llama-70B"


def ask(
    model: str,
    product: str,
    count: int,
    *,
    node: int | None = None,
    workload: Workload = ASSUMED,
    engine: Any = VLLM,
    rdma: bool = True,
    **overrides: Any,
) -> Question:
    """A question about `count` GPUs, all on one node unless said otherwise."""
    return Question(
        model_name=model,
        model=CATALOG.models[model],
        engine=engine,
        pool=Pool(product, CATALOG.accelerators[product], count, node or count),
        workload=workload,
        overrides=Overrides(**overrides),
        products=CATALOG.accelerators,
        rdma=rdma,
    )


def setting(
    model: str,
    product: str = "H200",
    layout: Layout | None = None,
    *,
    scheme: Scheme | None = None,
    **more: Any,
) -> Setting:
    """One replica as given, in the form its model is published in."""
    entry = CATALOG.models[model]
    given: dict[str, Any] = {
        "engine": VLLM,
        "cache_type": "bf16",
        "memory_share": 0.92,
        "batched_tokens": 2048,
        **more,
    }
    return Setting(
        model=entry,
        accelerator=CATALOG.accelerators[product],
        scheme=scheme or (FP8 if entry.dtype == "fp8" else BF16),
        layout=layout or Layout(),
        **given,
    )
