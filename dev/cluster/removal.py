"""Removing a cluster from whatever state it is in, by what is there and not by what should be."""

import contextlib
import shutil
import socket
from pathlib import Path

from dev import mounts, steps
from dev.cluster import cgroups, daemons, images, network, node, sysctls
from dev.cluster.layout import Layout

CNI_RESULTS = Path("/var/lib/cni/results")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
CONTAINER_LOGS = Path("/var/log/containers")
SHIM_SOCKETS = Path("/run/containerd/s")


def down(place: Layout) -> None:
    """End every process of a cluster and remove everything it made, except cached images."""
    with steps.step("end pods and programs"):
        end_processes(place)
    with steps.step("remove mounts, network, control groups and files"):
        unmount(place.root)
        network.remove(place)
        release_namespaces(network.namespace(place).parent)
        kept = cgroups.remove(place)
        sysctls.restore(place)
        remove_outside_files(place)
        remove_files(place.root)
    if kept:
        raise steps.StepError(f"{cgroups.described(kept[0])}; run this again once it has ended")


def end_processes(place: Layout) -> None:
    """End the kubelet first, so that nothing starts pods again; then the pods, then all else."""
    running = daemons.running(place.root)
    kubelet = [one for one in running if one.program in {"kubelet", "kube-controller-manager"}]
    daemons.stop(kubelet, grace_seconds=0)
    cgroups.kill(place)
    # A containerd that does not answer leaves its containers to the next cluster's start.
    with contextlib.suppress(steps.StepError):
        if any(one.program == "containerd" for one in running):
            images.remove_containers(place)
    daemons.stop(daemons.running(place.root), grace_seconds=0)
    # A container that containerd was about to start has come since.
    cgroups.kill(place)


def unmount(root: Path) -> None:
    """Unmount everything below a folder, the innermost first."""

    def unmounted() -> bool:
        for point in reversed(mounts.below(root)):
            with contextlib.suppress(steps.StepError):
                steps.run(["umount", point])
        return not mounts.below(root)

    if not daemons.wait_until(unmounted, 10):
        for point in reversed(mounts.below(root)):
            steps.run(["umount", "--lazy", point])


def release_namespaces(folder: Path) -> None:
    """Remove the folder of named network namespaces with its last one.

    `ip netns add` mounts that folder on itself when it makes the first, and nothing takes the mount away again.
    """
    if not folder.is_dir() or any(folder.iterdir()):
        return
    # Another cluster may make its namespace just now: then the mount is busy, and it stays.
    with contextlib.suppress(steps.StepError, OSError):
        if str(folder) in mounts.points(mounts.table()):
            steps.run(["umount", folder])
        folder.rmdir()


def remove_outside_files(place: Layout) -> None:
    """Remove what the node's programs keep at places that cannot be chosen."""
    for result in CNI_RESULTS.glob(f"{node.CNI_NETWORK}-*"):
        container = result.name.split("-")[-2]
        for own in (CNI_RESULTS / f"cni-loopback-{container}-lo", result):
            own.unlink(missing_ok=True)
    for link in CONTAINER_LOGS.glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(place.root):
            link.unlink()
    for path in (DEVICE_PLUGINS / "kubelet.sock", *SHIM_SOCKETS.glob("*")):
        if abandoned(path):
            path.unlink()
    for folder in OUTSIDE_FOLDERS:
        with contextlib.suppress(OSError):  # not there, or in use by somebody else
            folder.rmdir()


OUTSIDE_FOLDERS = (
    CNI_RESULTS,
    CNI_RESULTS.parent / "cache",
    CNI_RESULTS.parent,
    CONTAINER_LOGS,
    SHIM_SOCKETS,
    SHIM_SOCKETS.parent,
    DEVICE_PLUGINS,
    DEVICE_PLUGINS.parent,
)
"""Folders that the node's programs make; only empty ones are removed."""


def abandoned(path: Path) -> bool:
    """Whether a socket is there that no process listens on."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def remove_files(root: Path) -> None:
    """Remove the cluster's folder; nothing is mounted below it any more."""
    if left := mounts.below(root):
        raise steps.StepError(f"cannot remove {root}: {left[0]} is still mounted; run this again")
    shutil.rmtree(root, ignore_errors=True)
