"""TensorRT-LLM's page of metrics: names as of 1.2, where `return_perf_metrics` is on.

The times are counted by vLLM's edges. It tells neither how long an answer was nor who lost its place, nor when
its process started, and its own /metrics is another thing. A request is on the page once its answer has ended.
"""

from collections.abc import Iterable

from deepseek_operator.engines import pages
from deepseek_operator.engines.figures import EngineFigures, Sample

PATH = "/prometheus/metrics"

_FIRST_TOKEN = "trtllm_time_to_first_token_seconds"  # noqa: S105 - no password
_PER_OUTPUT_TOKEN = "trtllm_time_per_output_token_seconds"  # noqa: S105
"""Of each request its mean; one whose answer is a single token has none."""
_FINISHED = "trtllm_request_success_total"

NAMES = frozenset({f"{_FIRST_TOKEN}_bucket", f"{_PER_OUTPUT_TOKEN}_bucket", _FINISHED})
"""Samples that are read."""


def read(samples: Iterable[Sample]) -> EngineFigures:
    """The figures of a page."""
    by_name = pages.by_name(samples)
    return EngineFigures(
        first_token=pages.histogram(by_name, _FIRST_TOKEN),
        per_output_token=pages.histogram(by_name, _PER_OUTPUT_TOKEN),
        finished=pages.counts(by_name.get(_FINISHED), "finished_reason"),
    )
