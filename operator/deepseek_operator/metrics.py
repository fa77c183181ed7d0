"""The operator's own metrics, in a registry of their own."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

Fallbacks = Mapping[tuple[str, str, str], int]
"""Answers by the revision whose turn it was, the one that gave them, and why."""


class OperatorMetrics:
    """What the operator does; names begin with `deepseek_operator_`."""

    def __init__(self) -> None:
        """Register everything; two instances do not share a registry."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.passes = Counter(
            "deepseek_operator_reconcile_passes",
            "Passes by result: changed, unchanged, recorded, gone, stalled, conflict, failed.",
            ["result"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "deepseek_operator_reconcile_seconds",
            "Duration of a pass in seconds.",
            registry=self.registry,
        )
        self.calls = Counter(
            "deepseek_operator_api_calls",
            "Calls to the Kubernetes API by verb, resource and status code (0: no answer).",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self.fallbacks = Counter(
            "deepseek_operator_fallbacks",
            "Answers of another revision than the one whose turn it was, as gateways told in passes.",
            ["namespace", "name", "from", "to", "reason"],
            registry=self.registry,
        )
        self.queue = Gauge(
            "deepseek_operator_queue_keys",
            "Objects that wait for a worker.",
            registry=self.registry,
        )
        self.catalog = Gauge(
            "deepseek_operator_catalog_documents",
            "Documents of the platform team's catalog by state: taken, or refused for an error that the log and /readyz name.",
            ["state"],
            registry=self.registry,
        )
        for state in ("taken", "refused"):
            self.catalog.labels(state).set(0)
        self.leader = Gauge(
            "deepseek_operator_leader",
            "1 while this replica holds the Lease and acts.",
            registry=self.registry,
        )

    def count_call(self, verb: str, plural: str, code: int) -> None:
        """Count one call to the API."""
        self.calls.labels(verb, plural, str(code)).inc()

    def count_fallbacks(self, namespace: str, name: str, grown: Fallbacks) -> None:
        """Count what an object's gateway has told since it told last."""
        for (chosen, served, reason), count in grown.items():
            self.fallbacks.labels(namespace, name, chosen, served, reason).inc(count)
