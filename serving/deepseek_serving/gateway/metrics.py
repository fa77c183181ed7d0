"""A gateway's metrics in Prometheus's form, by revision and by client; from what Envoy counted. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.parser import text_string_to_metric_families

from deepseek_serving.gateway import counts
from deepseek_serving.gateway.counts import ClientCount, Copies, Count

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily

_PREFIX = "deepseek_gateway_"
FIRST_BYTE = "dsd.first_byte"
"""Envoy's histogram, in milliseconds."""

_CAUSES = (
    ("client_gone", counts.GONE),
    ("limited", frozenset({counts.LIMITED})),
    ("overloaded", frozenset({"UO"})),
    ("timeout", frozenset({"UT", "SI"})),
    ("unreachable", frozenset({"UH", "UF", "NC"})),
    ("cut", frozenset({"UC", "UR", "LR", "UPE"})),
)
"""Why a request failed, by Envoy's flags, the first that fits."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """All that is told at once."""

    report: Mapping[str, Any] = field(default_factory=dict)
    """The agent's own."""
    requests: tuple[Count, ...] = ()
    clients: tuple[ClientCount, ...] = ()
    active: Mapping[str, int] = field(default_factory=dict)
    copies: tuple[Copies, ...] = ()
    classes: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """Requests by revision, class and status."""
    first_byte: str = ""
    """Envoy's page of its histogram."""
    expires: datetime | None = None
    """The certificate that Envoy shows; None where it shows none."""


def page(told: Told) -> str:
    """All of it as text."""
    registry = CollectorRegistry()
    registry.register(_Collector(told))
    return generate_latest(registry).decode()


def cause(count: Count) -> str | None:
    """Why a request failed; None for one that did not."""
    flags = set(count.flags.split(","))
    for name, known in _CAUSES:
        if flags & known:
            return name
    if count.code < 400:
        return None if count.code else "client_gone"
    if count.code == 401 and not count.served:
        return "unauthorized"
    if count.code in (429, 503):
        return "overloaded"
    if count.code == 504:
        return "timeout"
    return "rejected" if count.code < 500 else "engine"


@dataclass(frozen=True, slots=True, eq=False)
class _Collector:
    told: Told

    def collect(self) -> Iterator[Family]:
        """Every family, those without a sample too: so each is known from the start."""
        yield from _of_requests(self.told.requests)
        yield _of_running(self.told.active)
        yield _of_copies(self.told.copies)
        yield _counter(
            "class_requests",
            "Requests that an engine answered, by the revision whose turn it was, class (long or short) and "
            "status; only with gateway.longRequests. Long ones that were too many are those with 429.",
            ("revision", "class", "code"),
            self.told.classes,
        )
        yield _of_first_bytes(self.told.first_byte)
        yield from _of_clients(self.told.clients)
        yield from _of_configuration(self.told.report)
        yield from _of_held(self.told.report.get("hold") or {})
        yield from _of_secrets(self.told.report.get("secrets") or {}, self.told.expires)


def _counter(
    name: str, said: str, labels: tuple[str, ...], counted: Mapping[tuple[str, ...], int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(_PREFIX + name, said, labels=labels)
    for values, count in sorted(counted.items()):
        family.add_metric(values, count)
    return family


def _of_requests(requests: Iterable[Count]) -> Iterator[Family]:
    answered: Counter[tuple[str, ...]] = Counter()
    failed: Counter[tuple[str, ...]] = Counter()
    retried: Counter[tuple[str, ...]] = Counter()
    requests = tuple(requests)
    for one in requests:
        answered[one.chosen, one.served, str(one.code)] += one.count
        retried[(one.chosen,)] += max(0, one.attempts - 1) * one.count
        why = cause(one)
        if why is not None:
            failed[one.chosen, why] += one.count
    yield _counter(
        "requests",
        "Requests that have ended, by the revision whose turn it was (empty: refused before it was "
        "any's), the one that answered (empty: none did) and the status (0: none was sent).",
        ("revision", "served_by", "code"),
        answered,
    )
    yield _counter(
        "errors",
        "Requests that failed, by the revision whose turn it was: unreachable, overloaded, timeout, "
        "cut (in mid-answer), engine (another 5xx), rejected (another 4xx), unauthorized (no such "
        "key), limited (a client's own limit) or client_gone.",
        ("revision", "cause"),
        failed,
    )
    yield _counter(
        "retries", "Further tries of requests, before their first byte.", ("revision",), retried
    )
    yield _counter(
        "fallbacks",
        "Answers of another revision than the one whose turn it was: Unavailable, Overloaded or "
        "Timeout.",
        ("from", "to", "reason"),
        counts.fallbacks(requests),
    )


def _of_running(active: Mapping[str, int]) -> Family:
    family = GaugeMetricFamily(
        f"{_PREFIX}requests_in_flight",
        "Requests that run now, by the revision whose turn it was.",
        labels=("revision",),
    )
    for revision, count in sorted(active.items()):
        family.add_metric((revision,), count)
    return family


def _of_copies(copies: Iterable[Copies]) -> Family:
    counted: dict[tuple[str, ...], int] = {}
    for one in copies:
        answered = one.ended - one.failed - one.rejected
        counted[one.revision, "answered"] = answered
        counted[one.revision, "rejected"] = one.rejected
        counted[one.revision, "failed"] = one.failed
        counted[one.revision, "dropped"] = one.dropped
    return _counter(
        "copies",
        "Copies of requests that a candidate was sent (rollout.mirror), by what became of them: answered, "
        "rejected (4xx), failed, or dropped for want of room; only while copies are made.",
        ("revision", "result"),
        counted,
    )


def _of_first_bytes(text: str) -> Family:
    """Envoy's own histogram under our name, in seconds."""
    family = HistogramMetricFamily(
        f"{_PREFIX}first_byte_seconds",
        "Time to an answer's first byte, which of a stream is its first token, by the revision whose "
        "turn it was. Envoy adds to it every five seconds.",
        labels=("revision",),
    )
    buckets: dict[str, list[tuple[str, float]]] = {}
    sums: dict[str, float] = {}
    for found in text_string_to_metric_families(text):
        for sample in found.samples:
            revision = sample.labels.get("chosen", "")
            if sample.name.endswith("_bucket"):
                edge = f"{float(sample.labels['le']) / 1000:g}"
                buckets.setdefault(revision, []).append((edge, sample.value))
            elif sample.name.endswith("_sum"):
                sums[revision] = sample.value / 1000
    for revision, counted in sorted(buckets.items()):
        edges = [("+Inf" if edge == "inf" else edge, count) for edge, count in counted]
        family.add_metric((revision,), edges, sums.get(revision, 0.0))
    return family


def _of_clients(clients: Iterable[ClientCount]) -> Iterator[Family]:
    asked: Counter[tuple[str, ...]] = Counter()
    limited: Counter[tuple[str, ...]] = Counter()
    for one in clients:
        asked[one.client, str(one.code)] += one.count
        if one.is_limited:
            limited[(one.client,)] += one.count
    yield _counter(
        "client_requests",
        "Requests by client (empty: no such key) and status; only where keys are asked for.",
        ("client", "code"),
        asked,
    )
    yield _counter(
        "client_limited",
        "Requests that were refused because the client asks more often than it may.",
        ("client",),
        limited,
    )


def _gauge(name: str, said: str, value: float | None) -> Family:
    family = GaugeMetricFamily(_PREFIX + name, said)
    if value is not None:
        family.add_metric((), value)
    return family


def _of_configuration(report: Mapping[str, Any]) -> Iterator[Family]:
    told, taken = report.get("told"), report.get("taken")
    info = GaugeMetricFamily(
        f"{_PREFIX}config_info",
        "1; the label is the version of the configuration that Envoy follows.",
        labels=("version",),
    )
    if taken is not None:
        info.add_metric((str(taken),), 1)
    yield info
    is_current = told is not None and told == taken and not report.get("trouble")
    yield _gauge(
        "config_current",
        "1 while Envoy follows what the agent was told last, 0 while it does not.",
        float(is_current),
    )
    refused = CounterMetricFamily(
        f"{_PREFIX}config_refusals", "Configurations that Envoy refused (NACK)."
    )
    refused.add_metric((), report.get("refusals", 0))
    yield refused


def _of_held(hold: Mapping[str, Any]) -> Iterator[Family]:
    waiting = GaugeMetricFamily(
        f"{_PREFIX}held_requests",
        "Requests that wait for a replica now, by the revision whose turn it is; only with autoscaling.min: 0.",
        labels=("revision",),
    )
    for revision, count in sorted((hold.get("held") or {}).items()):
        waiting.add_metric((revision,), count)
    yield waiting
    yield _counter(
        "held",
        "Requests that found no replica, by what became of them: woken (sent on to one once it was there), passed "
        "(to the fallback, at once), full or late (refused with 429 or 503), or gone (their client went away); only "
        "with autoscaling.min: 0.",
        ("result",),
        {(end,): count for end, count in (hold.get("ended") or {}).items()},
    )


def _of_secrets(secrets: Mapping[str, Any], expires: datetime | None) -> Iterator[Family]:
    current = GaugeMetricFamily(
        f"{_PREFIX}secret_current",
        "1 while all of a Secret is followed, 0 while something of it is not: apiKeys or tls.",
        labels=("secret",),
    )
    for name, one in sorted(secrets.items()):
        current.add_metric((name,), float(one["held"] and not one["trouble"]))
    yield current
    known = secrets.get("apiKeys", {}).get("clients")
    yield _gauge("clients", "Clients with a key.", known)
    yield _gauge(
        "certificate_expiry_timestamp_seconds",
        "When the certificate that clients are shown ends, in seconds since 1970.",
        None if expires is None else expires.timestamp(),
    )


FAMILIES: tuple[Family, ...] = tuple(_Collector(Told()).collect())
"""Without a sample: what there is, for the reference."""
