"""How much an engine reads before it answers, and how long that may take. Pure."""

import math

from deepseek_operator.sizing import memory
from deepseek_operator.sizing.size import Sized

LOAD_BYTES_PER_SECOND = 200_000_000
"""Slow network storage; a start-up probe must not kill a pod that is only loading."""

START_SECONDS = 600
"""Process start, compilation and graph capture on top of loading."""


def loaded_bytes(sized: Sized) -> float:
    """What an engine reads when it starts, and what is fetched for it: its checkpoint."""
    setting = sized.setting
    # Weights that are quantised while they load are read as they were published.
    made = setting.scheme.flag is not None
    return float(setting.model.weights_bytes) if made else memory.checkpoint_bytes(setting)


def loading_seconds(size: float) -> int:
    """What loading so many bytes and compiling may take."""
    return START_SECONDS + math.ceil(size / LOAD_BYTES_PER_SECOND)
