"""What is told of pods of the cluster itself that do not become ready."""

from typing import Any

from dev.cluster import trouble

Manifest = dict[str, Any]


def pod(name: str, *, ready: bool, containers: list[Manifest] | None = None) -> Manifest:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": {"name": name},
        "status": {
            "phase": "Running",
            "conditions": conditions,
            "containerStatuses": containers or [],
        },
    }


def warning(number: int) -> Manifest:
    return {
        "type": "Warning",
        "reason": "FailedMount",
        "message": f"no volume {number}",
        "involvedObject": {"name": "coredns-1"},
        "lastTimestamp": f"2026-03-01T12:00:0{number}Z",
    }


def test_a_pod_that_is_ready_is_not_spoken_of() -> None:
    assert trouble.words([pod("coredns-1", ready=True)], []) == []


def test_a_container_that_does_not_stay_is_told_with_its_last_end() -> None:
    container = {
        "name": "coredns",
        "restartCount": 4,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
    }

    found = trouble.words([pod("coredns-1", ready=False, containers=[container])], [])

    assert found == [
        "coredns-1: Running, coredns waiting back-off 40s, coredns terminated Error, 4 restarts"
    ]


def test_a_pod_that_no_kubelet_has_seen_is_told() -> None:
    assert trouble.words([{"metadata": {"name": "coredns-1"}}], []) == ["coredns-1: not yet seen"]


def test_the_last_warnings_are_told() -> None:
    usual = {**warning(9), "type": "Normal"}

    found = trouble.words([], [warning(4), usual, *(warning(number) for number in range(3))])

    assert found == [f"coredns-1: FailedMount: no volume {number}" for number in (1, 2, 4)]
