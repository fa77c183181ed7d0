"""FakeMetrics: vLLM's page of metrics, as far as the operator reads it, of requests that a FakeEngine answered."""

import itertools
import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from deepseek_operator.engines.vllm_figures import FIRST_TOKEN_EDGES, PER_OUTPUT_TOKEN_EDGES

_LABELS = ("model_name", "engine")
_STARTS = itertools.count(time.time())
"""No two processes start in the same hundredth of a second, as they are read."""
_OF_NOW = {
    "vllm:num_requests_running": "Number of requests in model execution batches.",
    "vllm:num_requests_waiting": "Number of requests waiting to be processed.",
    "vllm:kv_cache_usage_perc": "KV-cache usage. 1 means 100 percent usage.",
}
"""Nothing runs between two answers: a request is counted once it has ended."""
_TOKEN_EDGES = (1, 2, 5, 10, 20, 50, 100)
_ENDS = ("stop", "length", "abort", "error", "repetition")


class FakeMetrics:
    """The counters of one process; each new one begins with nothing."""

    def __init__(self, model: str) -> None:
        """`model` is the name that clients send."""
        self._registry = registry = CollectorRegistry()
        self._labels = {"model_name": model, "engine": "0"}
        self._first_token = self._histogram(
            "vllm:time_to_first_token_seconds",
            "Histogram of time to first token in seconds.",
            FIRST_TOKEN_EDGES,
        )
        self._per_output_token = self._histogram(
            "vllm:request_time_per_output_token_seconds",
            "Histogram of time per output token in seconds per request.",
            PER_OUTPUT_TOKEN_EDGES,
        )
        self._between_tokens = self._histogram(
            "vllm:inter_token_latency_seconds",
            "Histogram of inter-token latency in seconds.",
            PER_OUTPUT_TOKEN_EDGES,
        )
        self._prompts = self._histogram(
            "vllm:request_prompt_tokens", "Number of prefill tokens processed.", _TOKEN_EDGES
        )
        self._generated = self._histogram(
            "vllm:request_generation_tokens", "Number of generation tokens processed.", _TOKEN_EDGES
        )
        self._ended = Counter(
            "vllm:request_success",
            "Count of successfully processed requests.",
            (*_LABELS, "finished_reason"),
            registry=registry,
        )
        for reason in _ENDS:
            self._ended.labels(**self._labels, finished_reason=reason)
        self._preemptions = Counter(
            "vllm:num_preemptions", "Cumulative number of preemption.", _LABELS, registry=registry
        ).labels(**self._labels)
        for name, told in _OF_NOW.items():
            Gauge(name, told, _LABELS, registry=registry).labels(**self._labels).set(0)
        self._asked = Counter(
            "http_requests",
            "Total number of requests by method, status and handler.",
            ("handler", "method", "status"),
            registry=registry,
        )
        self._asking = Histogram(
            "http_request_duration_highr_seconds", "Latency of all requests.", registry=registry
        )
        Gauge("process_start_time_seconds", "Start time of the process.", registry=registry).set(
            next(_STARTS)
        )

    def _histogram(self, name: str, told: str, edges: Sequence[float]) -> Histogram:
        unlabelled = Histogram(name, told, _LABELS, buckets=edges, registry=self._registry)
        return unlabelled.labels(**self._labels)

    def count(
        self,
        *,
        first_token: float,
        per_output_token: float,
        tokens: int,
        reason: str,
        prompt_tokens: int = 1,
    ) -> None:
        """One request that was answered to its end."""
        self._first_token.observe(first_token)
        self._per_output_token.observe(per_output_token)
        for _ in range(tokens - 1):
            self._between_tokens.observe(per_output_token)
        self._prompts.observe(prompt_tokens)
        self._generated.observe(tokens)
        self._ended.labels(**self._labels, finished_reason=reason).inc()

    def answer(self, handler: str, code: int) -> None:
        """One request that its API server answered, as its instrumentation counts it."""
        status = f"{code // 100}xx"
        self._asked.labels(handler=handler, method="POST", status=status).inc()
        self._asking.observe(0)

    def preempt(self) -> None:
        """A request lost its place."""
        self._preemptions.inc()

    def page(self) -> bytes:
        """As Prometheus would be told."""
        return generate_latest(self._registry)
