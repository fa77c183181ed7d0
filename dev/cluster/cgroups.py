"""The control groups below which the kubelet runs every pod."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from dev.cluster import daemons
from dev.cluster.layout import Layout

MOUNT = Path("/sys/fs/cgroup")


def name(place: Layout) -> str:
    """The group's path, as the kubelet's cgroupRoot has it."""
    return f"/dso-{place.name}"


def hierarchies() -> list[Path]:
    """The roots of the machine's control group trees: one in version 2, one a controller in version 1."""
    if (MOUNT / "cgroup.controllers").exists():
        return [MOUNT]
    return [entry for entry in sorted(MOUNT.iterdir()) if (entry / "cgroup.procs").exists()]


def create(place: Layout) -> None:
    """Make the group in every tree."""
    for root in hierarchies():
        (root / name(place)[1:]).mkdir(exist_ok=True)


def processes(place: Layout) -> set[int]:
    """The processes of all pods."""
    found: set[int] = set()
    for group in groups(place):
        with contextlib.suppress(OSError):  # somebody else removed the empty group
            found.update(int(line) for line in (group / "cgroup.procs").read_text().split())
    return found


def groups(place: Layout) -> Iterator[Path]:
    """Our groups in every tree, the deepest first."""
    for root in hierarchies():
        for folder, _, _ in os.walk(root / name(place)[1:], topdown=False):
            yield Path(folder)


def kill(place: Layout) -> None:
    """End every process of every pod at once."""

    def emptied() -> bool:
        daemons.send(processes(place), signal.SIGKILL)
        return not processes(place)

    daemons.wait_until(emptied, 10)


def remove(place: Layout, *, seconds: float = 15) -> list[Path]:
    """Remove the groups; those that the kernel does not let go, because a process in them does not end."""

    def all_removed() -> bool:
        tried = [removed(group) for group in list(groups(place))]
        return all(tried)

    daemons.wait_until(all_removed, seconds)
    return list(groups(place))


def described(group: Path) -> str:
    """A group that is kept, with the first process in it."""
    with contextlib.suppress(OSError, IndexError):
        number = (group / "cgroup.procs").read_text().split()[0]
        status = Path("/proc", number, "status").read_text()
        wanted = ("Name:", "State:")
        said = ", ".join(
            line.partition("\t")[2] for line in status.splitlines() if line.startswith(wanted)
        )
        return f"the control group {group} has a process that does not end: {number} ({said})"
    return f"the control group {group} cannot be removed"


def removed(group: Path) -> bool:
    """Try to remove one group: the kernel refuses for an instant after its last process has ended."""
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
