"""A cluster's state as one screen of text."""

import dataclasses
from pathlib import Path

from dev.cluster.layout import Layout
from dev.cluster.status import Status, observe, render

PLACE = Layout("dev", Path("/state/dev"))

WELL = Status(
    pids={"etcd": 11, "kube-apiserver": 12},
    unready=(),
    loop_devices=True,
    disk_free_bytes=(7 << 30) + 5,
)


def test_a_cluster_in_which_everything_runs_is_ready() -> None:
    assert WELL.healthy
    assert render(WELL, PLACE).splitlines() == [
        "cluster dev: ready",
        "  etcd                     process 11",
        "  kube-apiserver           process 12",
        "  7 GiB free for images and volumes",
        "  kubeconfig /state/dev/kubeconfig, logs /state/dev/logs",
    ]


def test_a_program_that_does_not_run_is_named() -> None:
    status = dataclasses.replace(WELL, pids={"etcd": 11, "kubelet": 0})

    text = render(status, PLACE)

    assert not status.healthy
    assert text.startswith("cluster dev: not ready\n")
    assert "  kubelet                  does not run" in text


def test_what_is_not_ready_is_told_although_everything_runs() -> None:
    status = dataclasses.replace(WELL, unready=("node dev-node not ready",))

    assert not status.healthy
    assert render(status, PLACE).splitlines()[1] == "  node dev-node not ready"


def test_a_machine_without_loop_devices_is_told_of() -> None:
    text = render(dataclasses.replace(WELL, loop_devices=False), PLACE)

    assert "volumes cannot be made: this machine has no loop devices" in text


def test_a_cluster_that_was_never_started_says_so(tmp_path: Path) -> None:
    status = observe(Layout("never", tmp_path / "never"))

    assert status.unready == ("the cluster has not been started",)
    assert not any(status.pids.values())
    assert {"etcd", "kubelet", "containerd"} <= set(status.pids)
