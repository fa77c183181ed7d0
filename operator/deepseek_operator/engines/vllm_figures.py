"""vLLM's page of metrics: names as of 0.32 and 0.33, the same in both."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from deepseek_operator.engines.figures import EngineFigures, Histogram, Sample

PATH = "/metrics"

_FIRST_TOKEN = "vllm:time_to_first_token_seconds"  # noqa: S105 - no password
_PER_OUTPUT_TOKEN = "vllm:request_time_per_output_token_seconds"  # noqa: S105
"""Of each request its mean: a pause is one bad answer then, and not as many as it has tokens."""
_GENERATED = "vllm:request_generation_tokens"
_FINISHED = "vllm:request_success_total"
_PREEMPTIONS = "vllm:num_preemptions_total"
_STARTED = "process_start_time_seconds"

NAMES = frozenset(
    {f"{name}_bucket" for name in (_FIRST_TOKEN, _PER_OUTPUT_TOKEN, _GENERATED)}
    | {_FINISHED, _PREEMPTIONS, _STARTED}
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


def is_told_by(template: Mapping[str, Any]) -> bool:
    """Whether a frozen pod template runs an engine with such a page."""
    containers = template.get("spec", {}).get("containers", [])
    return any(item.get("command", [])[:1] == ["vllm"] for item in containers)


def read(samples: Iterable[Sample]) -> EngineFigures:
    """The figures of a page, of all engine processes of the pod together."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        if math.isfinite(sample.value):
            by_name.setdefault(sample.name, []).append(sample)
    preemptions = by_name.get(_PREEMPTIONS)
    started = by_name.get(_STARTED)
    return EngineFigures(
        started="" if started is None else f"{started[0].value:.2f}",
        first_token=_histogram(by_name, _FIRST_TOKEN),
        per_output_token=_histogram(by_name, _PER_OUTPUT_TOKEN),
        generated=_histogram(by_name, _GENERATED),
        finished=_finished(by_name.get(_FINISHED)),
        preemptions=None if preemptions is None else sum(int(one.value) for one in preemptions),
    )


def _histogram(by_name: Mapping[str, list[Sample]], name: str) -> Histogram | None:
    found: dict[float, int] = {}
    for sample in by_name.get(f"{name}_bucket", []):
        edge = float(sample.labels.get("le", "nan"))
        found[edge] = found.get(edge, 0) + int(sample.value)
    ordered = dict(sorted(found.items()))
    is_whole = math.inf in ordered and list(ordered.values()) == sorted(ordered.values())
    return ordered if is_whole else None


def _finished(samples: list[Sample] | None) -> dict[str, int] | None:
    if samples is None:
        return None
    found: dict[str, int] = {}
    for sample in samples:
        reason = sample.labels.get("finished_reason", "")
        found[reason] = found.get(reason, 0) + int(sample.value)
    return found
