"""What gauges tell of an object: what status says, nothing that it does not say any more, and nothing of one that is gone."""

import pytest

from deepseek_operator.metrics import OperatorMetrics
from tests.unit.samples import Manifest, deepseek
from tests.unit.test_canary import NEW, OLD, Service

CONDITION, REVISION, REPLICAS, ALARM, TARGET = (
    f"deepseek_operator_{name}"
    for name in (
        "condition",
        "revision_info",
        "replicas",
        "rollout_alarm_ratio",
        "first_token_target_seconds",
    )
)

Told = dict[tuple[str, ...], float]


def told(metrics: OperatorMetrics, family: str) -> Told:
    """By the values of the labels that do not name the object, in the order of their names."""
    return {
        tuple(value for name, value in sorted(sample.labels.items()) if name not in ("namespace", "name")): sample.value
        for found in metrics.registry.collect()
        if found.name == family
        for sample in found.samples
    }  # fmt: skip


def revision(key: str, *, model: str = "DeepSeek-V3", wanted: int = 2, ready: int = 1) -> Manifest:
    return {"revision": key, "model": model, "replicas": wanted, "readyReplicas": ready}


def condition(kind: str, status: str, reason: str) -> Manifest:
    return {"type": kind, "status": status, "reason": reason, "message": "words"}


def run(phase: str, **fields: object) -> Manifest:
    names = {"run": "1-new", "candidate": "new", "stable": "old", "reason": "Because", "weight": 5}
    return {**names, "phase": phase, **fields}


@pytest.fixture
def metrics() -> OperatorMetrics:
    return OperatorMetrics()


def tell(metrics: OperatorMetrics, status: Manifest | None, **given: float) -> None:
    metrics.tell_object("team", "chat", status, first_token_seconds=given.get("seconds"))


def test_a_condition_is_told_with_its_one_reason_and_not_while_it_is_unknown(
    metrics: OperatorMetrics,
) -> None:
    for reason in ("Starting", "EngineFailed"):
        tell(metrics, {"conditions": [condition("Ready", "False", reason)]})
        assert told(metrics, CONDITION) == {(reason, "Ready"): 0.0}

    tell(metrics, {"conditions": [condition("Ready", "True", "Serving")]})
    assert told(metrics, CONDITION) == {("Serving", "Ready"): 1.0}

    tell(metrics, {"conditions": [condition("Ready", "Unknown", "NotStarted")]})
    assert told(metrics, CONDITION) == {}


@pytest.mark.parametrize(
    ("status", "roles"),
    [
        pytest.param({}, {}, id="nothing-known"),
        pytest.param({"desired": revision("new")}, {"new": "candidate"}, id="the-first-starts"),
        pytest.param(
            {"serving": revision("new"), "desired": revision("new")}, {"new": "stable"}, id="serves"
        ),
        pytest.param(
            {"serving": revision("old"), "desired": revision("new")},
            {"old": "stable", "new": "candidate"},
            id="another-starts",
        ),
        pytest.param(
            {
                "serving": revision("new"),
                "desired": revision("new"),
                "rollout": run("Watching"),
            },
            {"old": "stable", "new": "candidate"},
            id="promoted-and-watched",
        ),
        pytest.param(
            {
                "serving": revision("new"),
                "desired": revision("new"),
                "rollout": run("Succeeded"),
            },
            {"new": "stable"},
            id="over",
        ),
        pytest.param(
            {
                "serving": revision("old"),
                "desired": revision("new"),
                "rollout": run("Analyzing"),
                "fallback": [revision("old"), revision("other")],
            },
            {"old": "stable", "new": "candidate", "other": "fallback"},
            id="one-that-is-both-has-its-role-in-the-run",
        ),
    ],
)
def test_each_revision_has_one_role(
    metrics: OperatorMetrics, status: Manifest, roles: dict[str, str]
) -> None:
    tell(metrics, status)

    assert roles == {key: role for _, key, role in told(metrics, REVISION)}


def test_replicas_are_told_by_role(metrics: OperatorMetrics) -> None:
    status = {
        "serving": revision("old", wanted=8, ready=7),
        "desired": revision("new", wanted=2, ready=0),
        "fallback": [revision("a", wanted=1, ready=1), revision("b", wanted=2, ready=1)],
        "gateway": {"replicas": 2, "readyReplicas": 2, "version": "v"},
    }
    tell(metrics, status)

    assert told(metrics, REPLICAS) == {
        ("stable", "wanted"): 8,
        ("stable", "ready"): 7,
        ("candidate", "wanted"): 2,
        ("candidate", "ready"): 0,
        ("fallback", "wanted"): 3,
        ("fallback", "ready"): 2,
        ("gateway", "wanted"): 2,
        ("gateway", "ready"): 2,
    }


@pytest.mark.parametrize(
    ("phase", "seen"),
    [
        ("Analyzing", True),
        ("Held", True),
        ("Watching", True),
        ("RollingBack", False),
        ("RolledBack", False),
        ("Succeeded", False),
    ],
)
def test_an_alarm_is_told_while_it_can_still_go_off(
    metrics: OperatorMetrics, phase: str, *, seen: bool
) -> None:
    compared = [{"name": "errors", "alarmPercent": 40}, {"name": "longPrompts"}]
    tell(metrics, {"rollout": run(phase, metrics=compared)})

    assert told(metrics, ALARM) == ({("errors",): 0.4} if seen else {})


def test_the_limit_of_the_first_token_is_told_while_there_is_one(metrics: OperatorMetrics) -> None:
    tell(metrics, {}, seconds=0.8)
    assert told(metrics, TARGET) == {(): 0.8}

    tell(metrics, {})
    assert told(metrics, TARGET) == {}


def test_of_an_object_that_is_gone_nothing_is_left_and_all_of_the_others(
    metrics: OperatorMetrics,
) -> None:
    status = {
        "conditions": [condition("Ready", "True", "Serving")],
        "serving": revision("new"),
        "rollout": run("Analyzing", metrics=[{"name": "errors", "alarmPercent": 1}]),
    }
    metrics.tell_object("team", "other", status, first_token_seconds=1.0)
    before = {family.name: len(family.samples) for family in metrics.registry.collect()}
    tell(metrics, status, seconds=1.0)

    tell(metrics, None)

    after = {family.name: len(family.samples) for family in metrics.registry.collect()}
    assert after == before
    assert metrics.objects == {("team", "other")}


def test_the_alarm_of_a_bad_candidate_rises_until_it_goes_back(metrics: OperatorMetrics) -> None:
    service = Service()
    for _ in range(6):
        service.one_pass(deepseek(**OLD))
    new = deepseek(**NEW, generation=2)
    service.until(new, "Analyzing")
    service.bad[service.stored["rollout"]["candidate"]] = 0.1
    service.until(new, "RolledBack")

    seen = []
    for status in service.history:
        tell(metrics, status)
        seen.append(told(metrics, ALARM).get(("errors",), 0.0))

    assert max(seen) > 0.5
    assert seen[-1] == 0.0
