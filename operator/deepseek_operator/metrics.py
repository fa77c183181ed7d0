"""The operator's own metrics, in a registry of their own."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from deepseek_operator import object_metrics
from deepseek_operator.object_metrics import OfObjects, Series
from deepseek_operator.rollout.run import ENDED


class Run(NamedTuple):
    """What is told of a run."""

    name: str
    phase: str
    reason: str
    weight: int

    @property
    def is_over(self) -> bool:
        """Whether it has ended, either way."""
        return self.phase in ENDED


def _run(rollout: Mapping[str, Any]) -> Run:
    return Run(rollout["run"], rollout["phase"], rollout["reason"], int(rollout["weight"]))


Fallbacks = Mapping[tuple[str, str, str], int]
"""Answers by the revision whose turn it was, the one that gave them, and why."""


class ScalingMetrics:
    """Numbers of replicas that the operator decides; of objects with `autoscaling`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them."""
        labels = ["namespace", "name", "revision"]
        self.replicas = Gauge(
            "deepseek_operator_autoscaling_replicas",
            "Replicas that a revision of an object with autoscaling is to have, as decided.",
            labels,
            registry=registry,
        )
        self.needed = Gauge(
            "deepseek_operator_autoscaling_needed_replicas",
            "Replicas that were needed last, by the figure that asked for most; not bounded, not rounded.",
            labels,
            registry=registry,
        )
        self.bounds = Gauge(
            "deepseek_operator_autoscaling_bound_replicas",
            "The fewest and the most replicas that autoscaling may set, by bound: min or max.",
            [*labels, "bound"],
            registry=registry,
        )
        self.changes = Counter(
            "deepseek_operator_autoscaling_changes",
            "Changes of the number since this process was the leader, by reason (Use, Requests, Queue, FirstToken, Spare, ...).",
            [*labels, "reason"],
            registry=registry,
        )
        self._of_revisions = OfObjects(self.replicas), OfObjects(self.needed)
        self._of_bounds = OfObjects(self.bounds)
        self._told: dict[tuple[str, str], dict[str, int]] = {}

    def tell(self, namespace: str, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """What status tells of an object; nothing of one that has none, or is gone."""
        before = self._told.pop((namespace, name), {})
        now = {str(one["revision"]): int(one["replicas"]) for one in entries}
        replicas, needed = self._of_revisions
        replicas.tell(namespace, name, {(revision,): count for revision, count in now.items()})
        needed.tell(
            namespace, name, {(str(one["revision"]),): float(one["needed"]) for one in entries}
        )
        bounds: Series = {
            (str(one["revision"]), bound): float(one[bound])
            for one in entries
            for bound in ("min", "max")
        }
        self._of_bounds.tell(namespace, name, bounds)
        for one in entries:
            revision = str(one["revision"])
            if before.get(revision, now[revision]) != now[revision]:
                self.changes.labels(namespace, name, revision, one["reason"]).inc()
        if now:
            self._told[namespace, name] = now


class RolloutMetrics:
    """The present or last run of each object."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them."""
        self.phase = Gauge(
            "deepseek_operator_rollout_phase",
            "1 for the phase that an object's present or last run is in (Held, RolledBack, ...), and why; status.rollout has the words.",
            ["namespace", "name", "phase", "reason"],
            registry=registry,
        )
        self.weight = Gauge(
            "deepseek_operator_rollout_weight",
            "Percent of the requests that the candidate of an object's present or last run is to have.",
            ["namespace", "name"],
            registry=registry,
        )
        self.runs = Counter(
            "deepseek_operator_rollout_runs",
            "Runs that have ended since this process was the leader, by result (Succeeded, RolledBack) and reason.",
            ["namespace", "name", "result", "reason"],
            registry=registry,
        )
        self._phases, self._weights = OfObjects(self.phase), OfObjects(self.weight)
        self._runs: dict[tuple[str, str], Run] = {}

    def tell(self, namespace: str, name: str, rollout: Mapping[str, Any] | None) -> None:
        """What status tells of an object's run; None where it tells of none, or the object is gone."""
        run = None if not rollout or "run" not in rollout else _run(rollout)
        self._phases.tell(namespace, name, {(run.phase, run.reason): 1.0} if run else {})
        self._weights.tell(namespace, name, {(): run.weight} if run else {})
        last = self._runs.pop((namespace, name), None)
        if run is None:
            return
        self._runs[namespace, name] = run
        if last is not None and run.is_over and (last.name != run.name or not last.is_over):
            # One that is found ended was counted by who saw it end.
            self.runs.labels(namespace, name, run.phase, run.reason).inc()


class StatusMetrics:
    """What the status of each object says, in numbers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them."""
        self.alarm = Gauge(
            "deepseek_operator_rollout_alarm_ratio",
            "Share of the alarm at which an object's present run goes back, by what is compared; at 1 it goes back.",
            ["namespace", "name", "metric"],
            registry=registry,
        )
        self.conditions = Gauge(
            "deepseek_operator_condition",
            "1 for a condition of an object that is True, 0 for one that is False, with its reason; none while it is Unknown.",
            ["namespace", "name", "type", "reason"],
            registry=registry,
        )
        self.revisions = Gauge(
            "deepseek_operator_revision_info",
            "1 for each revision that an object's status names: stable (it serves, or a run compares with it), candidate or fallback.",
            ["namespace", "name", "revision", "role", "model"],
            registry=registry,
        )
        self.replicas = Gauge(
            "deepseek_operator_replicas",
            "Replicas of an object by role (stable, candidate, fallback, gateway) and state: wanted or ready.",
            ["namespace", "name", "role", "state"],
            registry=registry,
        )
        self._series = (
            (OfObjects(self.alarm), object_metrics.alarms),
            (OfObjects(self.conditions), object_metrics.conditions),
            (OfObjects(self.revisions), object_metrics.revisions),
            (OfObjects(self.replicas), object_metrics.replicas),
        )

    def tell(self, namespace: str, name: str, status: Mapping[str, Any]) -> None:
        """What it says now; nothing of an object that is gone."""
        for gauge, series in self._series:
            gauge.tell(namespace, name, series(status))


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
        self.objects: set[tuple[str, str]] = set()
        """Namespace and name of those that something is told of."""
        self._register_of_objects()
        self._register_of_process()
        self.scaling = ScalingMetrics(self.registry)

    def _register_of_objects(self) -> None:
        self.fallbacks = Counter(
            "deepseek_operator_fallbacks",
            "Answers of another revision than the one whose turn it was, as gateways told in passes.",
            ["namespace", "name", "from", "to", "reason"],
            registry=self.registry,
        )
        self.rollouts = RolloutMetrics(self.registry)
        self.statuses = StatusMetrics(self.registry)
        self.first_token_target = Gauge(
            "deepseek_operator_first_token_target_seconds",
            "The longest that an object's first tokens are to take (workload.timeToFirstToken); none where it sets no target.",
            ["namespace", "name"],
            registry=self.registry,
        )
        self._first_token_targets = OfObjects(self.first_token_target)

    def _register_of_process(self) -> None:
        self.queue = Gauge(
            "deepseek_operator_queue_keys",
            "Objects that wait for a worker.",
            registry=self.registry,
        )
        self.queue_oldest = Gauge(
            "deepseek_operator_queue_oldest_seconds",
            "How long the first of them has waited; a replica that stands by lets them wait.",
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

    def tell_object(
        self,
        namespace: str,
        name: str,
        status: Mapping[str, Any] | None,
        *,
        first_token_seconds: float | None = None,
    ) -> None:
        """What an object says of itself, and what its users are to wait at most; None where it is gone."""
        if status is None:
            self.objects.discard((namespace, name))
        else:
            self.objects.add((namespace, name))
        told = status or {}
        self.statuses.tell(namespace, name, told)
        limits: Series = {} if first_token_seconds is None else {(): first_token_seconds}
        self._first_token_targets.tell(namespace, name, limits)
        self.scaling.tell(namespace, name, told.get("autoscaling", ()))
        self.rollouts.tell(namespace, name, told.get("rollout"))

    def count_fallbacks(self, namespace: str, name: str, grown: Fallbacks) -> None:
        """Count what an object's gateway has told since it told last."""
        for (chosen, served, reason), count in grown.items():
            self.fallbacks.labels(namespace, name, chosen, served, reason).inc(count)
