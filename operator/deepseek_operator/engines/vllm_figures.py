"""vLLM's page of metrics: names as of 0.32 and 0.33, the same in both."""

from collections.abc import Iterable

from deepseek_operator.engines import pages
from deepseek_operator.engines.figures import Decoded, EngineFigures, Sample

PATH = "/metrics"

_FIRST_TOKEN = "vllm:time_to_first_token_seconds"  # noqa: S105 - no password
_PER_OUTPUT_TOKEN = "vllm:request_time_per_output_token_seconds"  # noqa: S105
"""Of each request its mean: a pause is one bad answer then, and not as many as it has tokens."""
_BETWEEN_STEPS = "vllm:inter_token_latency_seconds"
"""Once a request and step, however many tokens that brings (v1/metrics/stats.py)."""
_PROMPTS = "vllm:request_prompt_tokens"
_GENERATED = "vllm:request_generation_tokens"
_FINISHED = "vllm:request_success_total"
_PREEMPTIONS = "vllm:num_preemptions_total"
_ANSWERED = "http_requests_total"
"""Of its API server, by path and class of status; of a path that was never asked for there is no sample."""
_COUNTING = "http_request_duration_highr_seconds_count"
"""There from the start wherever the one above is counted."""
_ASKED = frozenset(
    {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize"}
)
_STARTED = "process_start_time_seconds"
_RUNNING = "vllm:num_requests_running"
_WAITING = "vllm:num_requests_waiting"
_CACHE_USE = "vllm:kv_cache_usage_perc"
"""1 is all of it, whatever the name says (v1/metrics/loggers.py)."""

NAMES = frozenset(
    {f"{name}_bucket" for name in (_FIRST_TOKEN, _PER_OUTPUT_TOKEN, _PROMPTS, _GENERATED)}
    | {_FINISHED, _PREEMPTIONS, _ANSWERED, _COUNTING, _STARTED}
    | {f"{_BETWEEN_STEPS}_sum", f"{_BETWEEN_STEPS}_count"}
    | {_RUNNING, _WAITING, _CACHE_USE}
)
"""Samples that are read; a page has ten times as many."""

FIRST_TOKEN_EDGES = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip
"""Seconds that the time to the first token is counted by (vllm/v1/metrics)."""

PER_OUTPUT_TOKEN_EDGES = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
    80.0,
)  # fmt: skip
"""Seconds that the time between tokens is counted by."""


def read(samples: Iterable[Sample]) -> EngineFigures:
    """The figures of a page, of all engine processes of the pod together."""
    by_name = pages.by_name(samples)
    preemptions = by_name.get(_PREEMPTIONS)
    started = by_name.get(_STARTED)
    return EngineFigures(
        started="" if started is None else f"{started[0].value:.2f}",
        first_token=pages.histogram(by_name, _FIRST_TOKEN),
        per_output_token=pages.histogram(by_name, _PER_OUTPUT_TOKEN),
        generated=pages.histogram(by_name, _GENERATED),
        answered=_answered(by_name.get(_ANSWERED, [])) if _COUNTING in by_name else None,
        finished=pages.counts(by_name.get(_FINISHED), "finished_reason"),
        asked=pages.histogram(by_name, _PROMPTS),
        preemptions=None if preemptions is None else sum(int(one.value) for one in preemptions),
        decoded=_decoded(by_name),
        running=pages.added(by_name.get(_RUNNING)),
        waiting=pages.added(by_name.get(_WAITING)),
        cache_use=pages.mean(by_name.get(_CACHE_USE)),
    )


def _decoded(by_name: pages.ByName) -> Decoded | None:
    sums, counts = (by_name.get(f"{_BETWEEN_STEPS}_{part}") for part in ("sum", "count"))
    if sums is None or counts is None:
        return None
    return Decoded(sum(int(one.value) for one in counts), sum(one.value for one in sums))


def _answered(samples: list[Sample]) -> dict[str, int]:
    found: dict[str, int] = {}
    for sample in samples:
        if sample.labels.get("handler") in _ASKED and sample.labels.get("method") == "POST":
            status = sample.labels.get("status", "")
            found[status] = found.get(status, 0) + int(sample.value)
    return found
