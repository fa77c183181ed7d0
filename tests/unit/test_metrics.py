"""What the operator's metrics tell of rollouts: enough to be called at night by, and no more than there is."""

import pytest

from deepseek_operator.metrics import OperatorMetrics
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_canary import NEW, OLD, Service

PHASE, WEIGHT, RUNS = (f"deepseek_operator_rollout_{name}" for name in ("phase", "weight", "runs"))


def told(metrics: OperatorMetrics, family: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each series, but for when it was made."""
    return [
        ({name: value for name, value in sample.labels.items() if name in ("phase", "result", "reason", "bound")}, sample.value)
        for found in metrics.registry.collect()
        if found.name == family
        for sample in found.samples
        if not sample.name.endswith("_created")
    ]  # fmt: skip


def run(phase: str, reason: str = "Because", *, name: str = "1-new", weight: int = 5) -> Manifest:
    return {"run": name, "phase": phase, "reason": reason, "weight": weight, "message": "words"}


@pytest.fixture
def metrics() -> OperatorMetrics:
    return OperatorMetrics()


def test_an_object_is_in_one_phase_at_a_time(metrics: OperatorMetrics) -> None:
    for phase, weight in (("Starting", 0), ("Analyzing", 5), ("Held", 5)):
        metrics.rollouts.tell("team", "chat", run(phase, weight=weight))

    assert told(metrics, PHASE) == [({"phase": "Held", "reason": "Because"}, 1.0)]
    assert told(metrics, WEIGHT) == [({}, 5.0)]
    assert told(metrics, RUNS) == []


def test_a_run_that_ends_is_counted_once(metrics: OperatorMetrics) -> None:
    for phase in ("Watching", "RolledBack", "RolledBack"):
        metrics.rollouts.tell("team", "chat", run(phase, "EvidenceBad"))
    metrics.rollouts.tell("team", "chat", run("RolledBack", "Aborted", name="2-new"))

    assert told(metrics, RUNS) == [
        ({"result": "RolledBack", "reason": "EvidenceBad"}, 1.0),
        ({"result": "RolledBack", "reason": "Aborted"}, 1.0),
    ]


def test_one_that_had_ended_before_is_not_counted(metrics: OperatorMetrics) -> None:
    metrics.rollouts.tell("team", "chat", run("Succeeded"))

    assert told(metrics, RUNS) == []
    assert told(metrics, PHASE) == [({"phase": "Succeeded", "reason": "Because"}, 1.0)]


@pytest.mark.parametrize("nothing", [None, {}, {"phase": "Idle", "reason": "RecordUnreadable"}])
def test_of_an_object_without_a_run_nothing_is_told(
    metrics: OperatorMetrics, nothing: Manifest | None
) -> None:
    metrics.rollouts.tell("team", "chat", nothing)
    metrics.rollouts.tell("team", "chat", run("Held"))
    metrics.rollouts.tell("team", "chat", nothing)

    assert (told(metrics, PHASE), told(metrics, WEIGHT)) == ([], [])


def test_each_object_has_its_own(metrics: OperatorMetrics) -> None:
    for name in ("chat", "code"):
        metrics.rollouts.tell("team", name, run("Held"))
    metrics.rollouts.tell("team", "chat", None)

    assert told(metrics, PHASE) == [({"phase": "Held", "reason": "Because"}, 1.0)]


def test_what_status_tells_of_a_real_run_can_be_told(metrics: OperatorMetrics) -> None:
    service = Service()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    service.until(deepseek(**NEW, generation=2), "Succeeded")

    for status in service.history:
        metrics.rollouts.tell("team", "chat", status.get("rollout"))

    assert told(metrics, RUNS) == [({"result": "Succeeded", "reason": "RollbackWindowClosed"}, 1.0)]


NUMBER, NEEDED, BOUNDS, CHANGES = (
    f"deepseek_operator_autoscaling_{name}"
    for name in ("replicas", "needed_replicas", "bound_replicas", "changes")
)


def scaled(replicas: int, *, revision: str = "a", reason: str = "Use") -> Manifest:
    bounds = {"min": 2, "max": 6}
    return {
        "revision": revision,
        "replicas": replicas,
        "needed": "2.41",
        "reason": reason,
        **bounds,
    }


def test_the_number_that_is_decided_is_told(metrics: OperatorMetrics) -> None:
    metrics.scaling.tell("team", "chat", [scaled(3)])

    assert told(metrics, NUMBER) == [({}, 3.0)]
    assert told(metrics, NEEDED) == [({}, 2.41)]
    assert told(metrics, BOUNDS) == [({"bound": "min"}, 2.0), ({"bound": "max"}, 6.0)]
    assert told(metrics, CHANGES) == []


def test_each_change_of_it_is_counted_once_with_its_reason(metrics: OperatorMetrics) -> None:
    for entry in (scaled(3), scaled(5, reason="Queue"), scaled(5), scaled(4, reason="Spare")):
        metrics.scaling.tell("team", "chat", [entry])

    assert told(metrics, CHANGES) == [({"reason": "Queue"}, 1.0), ({"reason": "Spare"}, 1.0)]


def test_of_a_revision_that_is_gone_no_number_is_told(metrics: OperatorMetrics) -> None:
    metrics.scaling.tell("team", "chat", [scaled(3), scaled(2, revision="b")])
    metrics.scaling.tell("team", "chat", [scaled(2, revision="b")])
    assert told(metrics, NUMBER) == [({}, 2.0)]

    metrics.scaling.tell("team", "chat", [])

    assert told(metrics, NUMBER) == told(metrics, NEEDED) == told(metrics, BOUNDS) == []
