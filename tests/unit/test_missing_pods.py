"""Causes that are not in the status of a living pod: pods before it, pods that are refused, and those that do not go."""

import pytest

from deepseek_operator.diagnosis import Finding, diagnose
from deepseek_operator.observed import Complaint, Observed
from tests.unit.samples import Manifest
from tests.unit.test_diagnosis import KEY, LABELS, container, of, pod, waiting
from tests.unit.test_symptoms import ENGINE, LOADS, conditions, gone

EVICTED = gone("Evicted", "low on memory", name="chat-0", created="2026-03-01T11:00:00Z")


@pytest.mark.parametrize(
    ("living", "reason", "message"),
    [
        pytest.param(
            pod(container(state=waiting("ErrImagePull", "denied"))),
            "ImagePullFailed",
            f"{ENGINE}image registry.example/engine:1 cannot be pulled: denied",
            id="in-trouble-itself",
        ),
        pytest.param(
            pod(LOADS),
            "EngineLoading",
            f"{ENGINE}loading since 12:09; before it, pod chat-0: Evicted: low on memory",
            id="on-its-way",
        ),
        pytest.param(pod(), "PodFailed", "pod chat-0: Evicted: low on memory", id="just-made"),
    ],
)
def test_a_pod_that_is_over_does_not_hide_the_one_in_its_place(
    living: Manifest, reason: str, message: str
) -> None:
    assert Finding(reason, message) == of(EVICTED, living)  # type: ignore[arg-type]


def test_of_pods_that_are_over_the_last_one_is_told() -> None:
    later = gone("NodeShutdown", "it goes", name="chat-9", created="2026-03-01T11:30:00Z")

    found = of(later, EVICTED)

    assert found is not None
    assert found.message == "pod chat-9: NodeShutdown: it goes"


def maker(kind: str = "Deployment", *, replicas: int = 1, size: int = 1) -> Manifest:
    spec: Manifest = {"replicas": replicas}
    if kind == "LeaderWorkerSet":
        spec["leaderWorkerTemplate"] = {"size": size}
    return {"kind": kind, "metadata": {"name": "chat-x", "labels": LABELS}, "spec": spec}


def test_groups_whose_pods_are_refused_say_so_by_an_event() -> None:
    found = diagnose(
        Observed(
            groups=(maker("LeaderWorkerSet"),),
            complaints={
                "LeaderWorkerSet/chat-x": (
                    Complaint("FailedMount", "of no interest"),
                    Complaint("FailedCreate", "exceeded quota: gpus"),
                )
            },
        ),
        KEY,
    )

    assert found == Finding("PodsRefused", "pods are refused: exceeded quota: gpus")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made_by", "there", "told"),
    [
        pytest.param(maker(), (), True, id="nobody-is-there"),
        pytest.param(maker(), (pod(name="new"),), False, id="another-has-its-place"),
        pytest.param(maker(replicas=0), (), False, id="none-is-wanted"),
        pytest.param(
            maker("LeaderWorkerSet", size=2), (pod(name="new"),), True, id="its-worker-is-missing"
        ),
    ],
)
def test_a_pod_that_does_not_go_is_told_of_where_it_keeps_another_from_coming(
    made_by: Manifest, there: tuple[Manifest, ...], *, told: bool
) -> None:
    leaving, other = pod(), pod(name="a-other")
    leaving["metadata"]["deletionTimestamp"] = "2026-03-01T12:30:00Z"
    other["metadata"] |= {"deletionTimestamp": "2026", "labels": {}}
    kind = "groups" if made_by["kind"] == "LeaderWorkerSet" else "deployments"

    found = of(other, leaving, *there, **{kind: (made_by,)})

    expected = "pod chat-1: it was to be gone from node node-1 by 2026-03-01T12:30:00Z"
    assert (None if found is None else found.message) == (expected if told else None)


@pytest.mark.parametrize(
    ("spec", "status", "told"),
    [
        pytest.param({"schedulerName": "volcano"}, {}, True, id="not-there"),
        pytest.param({"schedulerName": "default-scheduler"}, {}, False, id="the-usual-one"),
        pytest.param({}, {}, False, id="none-named"),
        pytest.param({"schedulerName": "volcano", "nodeName": "n"}, {}, False, id="placed"),
        pytest.param(
            {"schedulerName": "volcano"},
            {"conditions": conditions(PodScheduled="True")},
            False,
            id="heard",
        ),
    ],
)
def test_a_scheduler_that_says_nothing_is_named(
    spec: Manifest, status: Manifest, *, told: bool
) -> None:
    pending = pod(**status)
    pending["spec"] = spec
    expected = Finding("Unschedulable", "pod chat-1: scheduler volcano has said nothing of it yet")  # type: ignore[arg-type]

    assert of(pending) == (expected if told else None)
