"""What engines tell under names of their own, as far as alerts and dashboards go by it.

vLLM: vllm/v1/metrics/loggers.py of 0.32, and the process's own of its Prometheus client, which it does not tell with several API
servers (--api-server-count). TensorRT-LLM: tensorrt_llm/metrics/collector.py of 1.2, where `return_perf_metrics` is on.
"""

_VLLM_HISTOGRAMS = (
    "time_to_first_token_seconds",
    "inter_token_latency_seconds",
    "request_time_per_output_token_seconds",
    "request_queue_time_seconds",
    "request_prompt_tokens",
    "request_generation_tokens",
)
_VLLM = (
    "num_requests_running",
    "num_requests_waiting",
    "kv_cache_usage_perc",
    "prefix_cache_queries_total",
    "prefix_cache_hits_total",
    "num_preemptions_total",
    "prompt_tokens_total",
    "generation_tokens_total",
    "request_success_total",
)
_TRTLLM_HISTOGRAMS = ("time_to_first_token_seconds", "time_per_output_token_seconds")

SAMPLES = frozenset(
    {f"vllm:{name}_{part}" for name in _VLLM_HISTOGRAMS for part in ("bucket", "sum", "count")}
    | {f"vllm:{name}" for name in _VLLM}
    | {
        f"trtllm_{name}_{part}"
        for name in _TRTLLM_HISTOGRAMS
        for part in ("bucket", "sum", "count")
    }
    | {"trtllm_request_success_total", "process_start_time_seconds"}
)
"""Names of series."""
