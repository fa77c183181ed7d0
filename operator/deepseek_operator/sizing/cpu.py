"""What a CPU engine's KV cache holds: the memory that it is given, in whole blocks. Pure."""

from deepseek_operator.catalog.models import Dimensions
from deepseek_operator.sizing import memory
from deepseek_operator.sizing.terms import GIB

CACHE_VARIABLE = "VLLM_CPU_KVCACHE_SPACE"
"""GiB of the cache, which is touched whole at the start."""
CACHE_GIB = 1
"""What the operator sets it to, unless pod.env does."""
_ELEMENT_BYTES = 2
"""vLLM's CPU build keeps its cache in BF16."""
_BLOCK_TOKENS, _LATENT_BLOCK_TOKENS = 128, 16
"""Tokens of a block, and with latent attention, whose kernel knows no other size (vllm 0.32.0, platforms/cpu.py)."""


def cache_tokens(size: Dimensions, *, layers: int, gib: float) -> int:
    """Tokens that so many GiB hold, as vLLM logs them when it starts: `CPU KV cache size: … tokens`."""
    block = _BLOCK_TOKENS if size.latent is None else _LATENT_BLOCK_TOKENS
    each = layers * memory.cached_values(size) * _ELEMENT_BYTES
    return memory.whole_blocks(gib * GIB, block=block, each=each)
