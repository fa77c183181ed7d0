"""Check that this machine can do what is asked of it, before anything is changed.

python3 -m dev.preflight [--for demo|test|cluster]: exit code 1 and one sentence for each thing in the way.
"""

# Runs on Pythons that are too old for all else, in order to say so.
from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dev import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GIB = 1 << 30

PYTHON = (3, 11)

MEMORY_GIB = {"cluster": 3, "demo": 12, "test": 12}
"""Of the whole machine: the control plane takes 1.5, and an engine with its model up to 8."""

GO_CACHE_GIB = 9
"""Modules and compiled packages of the tools; measured 3.2 and 5.5."""

CACHE_GIB = {"cluster": 2, "demo": 20, "test": 20}
"""Programs 0.5; images as built, as archives and as containerd keeps them."""

STATE_GIB = 2
"""The store, logs and volumes."""

WARM_GIB = 3
"""What is enough anywhere once everything has been built."""


@dataclass(frozen=True)
class Disk:
    """Room that is needed in a folder."""

    purpose: str
    path: str
    device: int
    free_bytes: int
    needed_gib: int


@dataclass(frozen=True)
class Facts:
    """All that the checks look at."""

    goal: str
    system: str
    machine: str
    root: bool
    python: tuple[int, int]
    programs: frozenset[str]
    """Which of the programs that cannot be installed on demand are there."""
    go: tuple[int, int] | None
    go_needed: tuple[int, int]
    memory_bytes: int
    disks: tuple[Disk, ...]


def not_linux(facts: Facts) -> list[str]:
    """Namespaces, cgroups and mounts are Linux's."""
    if facts.system == "Linux" and facts.machine == "x86_64":
        return []
    return [
        (
            f"This needs Linux on x86_64 and this machine is {facts.system} on {facts.machine}:"
            " use a Debian or Ubuntu virtual machine, or CLUSTER=current with your own cluster."
        )
    ]


def not_root(facts: Facts) -> list[str]:
    """A node needs mounts, namespaces and control groups."""
    if facts.root:
        return []
    return ["The embedded cluster needs root: run the same command with sudo -E, or as root."]


def python_too_old(facts: Facts) -> list[str]:
    """The oldest Python that the operator supports."""
    if facts.python >= PYTHON:
        return []
    return [
        (
            f"Python {dotted(PYTHON)} or newer is needed and python3 is {dotted(facts.python)}:"
            " install a newer one (Debian 12 has 3.11) and put it first on the PATH as python3."
        )
    ]


def programs_missing(facts: Facts) -> list[str]:
    """What set-up itself runs on."""
    missing = [name for name in ("git", "make", "apt-get") if name not in facts.programs]
    return [
        "apt-get is missing, which installs what the cluster needs: use Debian or Ubuntu."
        if name == "apt-get"
        else f"{name} is missing: apt-get install {name}."
        for name in missing
    ]


def go_missing(facts: Facts) -> list[str]:
    """The cluster's programs are built from Go modules."""
    needed = dotted(facts.go_needed)
    if facts.go is None:
        return [f"Go {needed} or newer is needed and there is none on the PATH: install it."]
    if facts.go < facts.go_needed:
        return [
            f"Go {needed} or newer is needed and `go version` says {dotted(facts.go)}: update it."
        ]
    return []


def memory_short(facts: Facts) -> list[str]:
    """Engines and their models are held in memory."""
    needed = MEMORY_GIB[facts.goal]
    if facts.memory_bytes >= needed * GIB:
        return []
    has = facts.memory_bytes / GIB
    return [f"{needed} GiB of memory are needed for `{facts.goal}` and this machine has {has:.1f}."]


def disk_short(facts: Facts) -> list[str]:
    """Folders on one file system share its room."""
    findings = []
    for device in sorted({disk.device for disk in facts.disks}):
        here = [disk for disk in facts.disks if disk.device == device]
        needed, free = sum(disk.needed_gib for disk in here), here[0].free_bytes / GIB
        if free < needed:
            parts = ", ".join(f"{d.needed_gib} for {d.purpose} in {d.path}" for d in here)
            findings.append(
                f"{needed} GiB of disk are needed and {free:.1f} are free ({parts}):"
                " free some, or move the folders with DSO_CACHE, DSO_STATE and GOCACHE."
            )
    return findings


CHECKS: tuple[Callable[[Facts], list[str]], ...] = (
    not_linux,
    not_root,
    python_too_old,
    programs_missing,
    go_missing,
    memory_short,
    disk_short,
)


def findings(facts: Facts) -> list[str]:
    """Everything that is in the way, one sentence each."""
    return [finding for check in CHECKS for finding in check(facts)]


def dotted(version: tuple[int, int]) -> str:
    """A version as people write it."""
    return f"{version[0]}.{version[1]}"


def observe(goal: str) -> Facts:
    """Look at this machine; nothing is changed."""
    names = ("git", "make", "apt-get")
    return Facts(
        goal=goal,
        system=platform.system(),
        machine=platform.machine(),
        root=os.geteuid() == 0,
        python=(sys.version_info[0], sys.version_info[1]),
        programs=frozenset(name for name in names if shutil.which(name)),
        go=go_version(),
        go_needed=newest_go(paths.REPOSITORY / "dev" / "go"),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        disks=observe_disks(goal, os.environ),
    )


def go_version() -> tuple[int, int] | None:
    """The version of the Go on the PATH."""
    if shutil.which("go") is None:
        return None
    result = subprocess.run(["go", "version"], capture_output=True, text=True, check=False)
    return parse_go(result.stdout)


def parse_go(text: str) -> tuple[int, int] | None:
    """The first Go version in a text: of `go version`, or of a go.mod."""
    match = re.search(r"\bgo ?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None


def newest_go(modules: Path) -> tuple[int, int]:
    """The newest Go that any of the modules asks for."""
    asked = [
        parse_go(file.read_text()[file.read_text().index("\ngo ") :])
        for file in modules.glob("*/go.mod")
    ]
    return max(version for version in asked if version)


def observe_disks(goal: str, environment: Mapping[str, str]) -> tuple[Disk, ...]:
    """The folders that fill up, and how much each still needs."""
    built = (paths.CACHE / "bin" / "kubectl").exists()
    loaded = (paths.CACHE / "images" / "vllm-cpu.tar").exists()
    go_cache = Path(environment.get("GOCACHE") or Path.home() / ".cache" / "go-build")
    images = 0 if goal == "cluster" else WARM_GIB
    wanted = (
        ("compiled Go packages", go_cache, 0 if built else GO_CACHE_GIB),
        ("programs and images", paths.CACHE, images if loaded else CACHE_GIB[goal]),
        ("the cluster's data", paths.STATE, STATE_GIB),
    )
    disks = []
    for purpose, path, needed in wanted:
        there = nearest(path)
        free = shutil.disk_usage(there).free
        disks.append(Disk(purpose, str(path), there.stat().st_dev, free, needed))
    return tuple(disks)


def nearest(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return path if path.exists() else nearest(path.parent)


def main() -> int:
    """Print what is in the way."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.preflight", description=__doc__)
    parser.add_argument("--for", dest="goal", default="cluster", choices=sorted(MEMORY_GIB))
    found = findings(observe(parser.parse_args().goal))
    for finding in found:
        print(f"error: {finding}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
