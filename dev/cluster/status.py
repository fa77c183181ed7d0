"""What of a cluster runs, as one screen of text."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from dev.cluster import client, control_plane, daemons, layout, whole
from dev.cluster.layout import NODE_ENDPOINTS, Layout

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE = ("containerd", "kubelet", "kube-proxy", "provisioner")


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a cluster."""

    pids: dict[str, int]
    """The process of each program; 0 where it does not run."""
    unready: tuple[str, ...]
    """What the API server says is not ready."""
    loop_devices: bool
    disk_free_bytes: int

    @property
    def healthy(self) -> bool:
        """Whether everything runs and is ready."""
        return all(self.pids.values()) and not self.unready


def observe(place: Layout) -> Status:
    """Look at the processes and ask the API server."""
    whole_cluster = not control_plane.has_been_at(place)
    programs = (*CONTROL_PLANE, *(NODE if whole_cluster else ("kwok",)))
    running = {one.program: one.pid for one in daemons.running(place.root)}
    return Status(
        pids={program: running.get(program, 0) for program in programs},
        unready=unready(place, whole_cluster=whole_cluster),
        loop_devices=Path("/dev/loop-control").exists(),
        disk_free_bytes=shutil.disk_usage(place.root.parent if place.root.exists() else "/").free,
    )


def unready(place: Layout, *, whole_cluster: bool) -> tuple[str, ...]:
    """What is not ready, in words."""
    if not (place.pki / "admin.crt").exists():
        return ("the cluster has not been started",)
    endpoints = NODE_ENDPOINTS if whole_cluster else layout.loopback_endpoints(place)
    connection = client.administrator(endpoints.server, place.pki)
    if not connection.ready():
        return ("the API server does not answer",)
    return tuple(f"{what} not ready" for what in whole.unready(connection)) if whole_cluster else ()


def render(report: Status, place: Layout) -> str:
    """The status as text."""
    lines = [f"cluster {place.name}: {'ready' if report.healthy else 'not ready'}"]
    lines += [f"  {what}" for what in report.unready]
    for program, pid in report.pids.items():
        lines.append(f"  {program:<24} {f'process {pid}' if pid else 'does not run'}")
    if not report.loop_devices:
        lines.append(
            "  volumes cannot be made: this machine has no loop devices (/dev/loop-control)"
        )
    lines.append(f"  {report.disk_free_bytes >> 30} GiB free for images and volumes")
    lines.append(f"  kubeconfig {place.kubeconfig}, logs {place.logs}")
    return "\n".join(lines)
