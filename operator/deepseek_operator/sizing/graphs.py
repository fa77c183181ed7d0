"""Batches that an engine which is told them captures CUDA graphs of. Pure."""

_SMALL: tuple[int, ...] = (1, 2, 4, *range(8, 129, 8))
"""As TensorRT-LLM has them by itself (llmapi/llm_args.py): a batch in between is filled up to the next one."""


def sizes(most: int) -> tuple[int, ...]:
    """Batches up to `most`, which is one of them: close together while small, then each twice the one before."""
    found = [size for size in _SMALL if size < most]
    doubled = 2 * _SMALL[-1]
    while doubled < most:
        found.append(doubled)
        doubled *= 2
    return (*found, most)
