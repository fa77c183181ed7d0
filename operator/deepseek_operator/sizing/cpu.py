"""What a CPU engine's KV cache holds: the memory that it is given, in whole blocks. Pure."""

import math

from deepseek_operator.catalog.models import Dimensions
from deepseek_operator.sizing.terms import GIB

_ELEMENT_BYTES = 2
"""vLLM's CPU build keeps its cache in BF16."""
_BLOCK_TOKENS, _LATENT_BLOCK_TOKENS = 128, 16
"""Tokens of a block, and with latent attention, whose kernel knows no other size (vllm 0.32.0, platforms/cpu.py)."""


def cache_tokens(size: Dimensions, *, layers: int, gib: float) -> int:
    """Tokens that so many GiB hold, as vLLM logs them when it starts: `CPU KV cache size: … tokens`."""
    if size.latent is None:
        block, values = _BLOCK_TOKENS, 2 * (size.kv_heads or 0) * (size.head_width or 0)
    else:
        block, values = _LATENT_BLOCK_TOKENS, size.latent.kv_rank + size.latent.rope_width
    return block * math.floor(gib * GIB / (block * layers * values * _ELEMENT_BYTES))
