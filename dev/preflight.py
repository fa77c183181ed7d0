"""Check that this machine can do what is asked of it, before anything is changed.

python3 -m dev.preflight [--for GOAL] [--registry HOST/PATH]: exit code 1 and one sentence for each thing in the way.
"""

# Runs on Pythons that are too old for all else, in order to say so.
from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dev import paths, routes
from dev.answers import current_server, home, said, there

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GIB = 1 << 30

PYTHON = (3, 11)

GO_THAT_FETCHES = (1, 21)
"""The first Go that fetches the version that a module asks for, from the module proxy like any other module.

Source: https://go.dev/doc/toolchain.
"""

MEMORY_GIB = {"cluster": 3, "demo": 12, "test": 12}
"""Of the whole machine: the control plane takes 1.5, and an engine with its model up to 8."""

GO_MODULES_GIB = 4
"""Modules of the tools; measured 3.2."""

GO_CACHE_GIB = 6
"""Compiled packages of the tools; measured 5.5."""

PROGRAMS_GIB = 2
"""Of the cache for a cluster without images of ours: programs 0.5, what containerd keeps, and before it keeps anything
what the compiler is at: at most 1.3, for Kubernetes."""

CACHE_GIB = 20
"""Programs; images as built, as archives and as containerd keeps them; what buildah unpacks to make them."""

STATE_GIB = 2
"""The store, logs and volumes."""

WARM_GIB = 3
"""What is enough anywhere once everything has been built."""

LOOP_CONTROL = Path("/dev/loop-control")

EMBEDDED_SERVER = "https://10.243.0.1:6443"
"""The API server of the embedded cluster, whose nodes get images without a registry."""

REGISTRY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
"""The host of a registry and a path in it, as names of images begin with them."""


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
    """Which of the programs that are not installed on demand are there."""
    go: tuple[int, int] | None
    go_needed: tuple[int, int]
    memory_bytes: int
    disks: tuple[Disk, ...]
    loop_devices: bool = True
    """Whether the kernel gives loop devices, on which volumes with a size of their own stand."""
    go_toolchain: str = "auto"
    """Go's own setting GOTOOLCHAIN: whether it may fetch a newer one."""
    server: str = ""
    """The API server of the current kubeconfig, or the context's name where no kubectl tells; empty: there is none."""
    registry: str = ""
    """What the caller named as REGISTRY."""
    routes: tuple[dict[str, Any], ...] = ()
    """Those of this machine, as `ip` tells them."""


def not_linux(facts: Facts) -> list[str]:
    """Namespaces, cgroups and mounts are Linux's."""
    if facts.system == "Linux" and facts.machine == "x86_64":
        return []
    return [
        (
            f"This needs Linux on x86_64 and this machine is {facts.system} on {facts.machine}:"
            " use a Debian or Ubuntu virtual machine on x86_64; the chart can be installed from anywhere"
            " (README.md, Install it on your cluster)."
        )
    ]


def not_root(facts: Facts) -> list[str]:
    """Images and nodes need mounts, namespaces and control groups."""
    if facts.root:
        return []
    return [
        "Images and the embedded cluster need root: run the same command with sudo -E, or as root."
    ]


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
    """The cluster's programs and clients are built from Go modules; a Go from 1.21 on fetches the one they ask for."""
    least, needed = dotted(GO_THAT_FETCHES), dotted(facts.go_needed)
    if facts.goal == "current" and facts.programs >= {"kubectl", "helm"}:
        return []
    if facts.go is None:
        return [
            (
                f"Go is missing: install {least} or newer from https://go.dev/dl and put it on the PATH"
                f" (one older than {needed} fetches that by itself)."
            )
        ]
    if facts.go < GO_THAT_FETCHES:
        return [
            (
                f"Go {least} or newer is needed and `go version` says {dotted(facts.go)}:"
                " install a newer one from https://go.dev/dl and put it first on the PATH."
            )
        ]
    if facts.go < facts.go_needed and not facts.go_toolchain.endswith("auto"):
        return [
            (
                f"Go {needed} is needed, `go version` says {dotted(facts.go)}, and"
                f" GOTOOLCHAIN={facts.go_toolchain} keeps it from fetching that:"
                f" export GOTOOLCHAIN=auto, or install {needed} from https://go.dev/dl."
            )
        ]
    return []


def memory_short(facts: Facts) -> list[str]:
    """Engines and their models are held in memory."""
    needed = MEMORY_GIB[facts.goal]
    if facts.memory_bytes >= needed * GIB:
        return []
    has = facts.memory_bytes / GIB
    return [
        (
            f"{needed} GiB of memory are needed for `{facts.goal}` and this machine has {has:.1f}:"
            " use a larger one, or give this virtual machine more."
        )
    ]


def loop_devices_missing(facts: Facts) -> list[str]:
    """Volumes are file systems of a size of their own, each in a file."""
    if facts.loop_devices:
        return []
    return [
        (
            f"Volumes need loop devices and there is no {LOOP_CONTROL}: modprobe loop,"
            " or in a container, give it the device and run it privileged."
        )
    ]


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
                " free some, or move the folders with DSO_CACHE, DSO_STATE, GOCACHE and GOMODCACHE."
            )
    return findings


def context_missing(facts: Facts) -> list[str]:
    """The cluster of the user's own is the one that kubectl speaks to."""
    if facts.server:
        return []
    return [
        (
            "CLUSTER=current uses the current context of your kubeconfig and there is none:"
            " set KUBECONFIG, or `kubectl config use-context NAME`."
        )
    ]


def registry_missing(facts: Facts) -> list[str]:
    """Nodes of a cluster elsewhere pull images from a registry; those of the embedded one are given them."""
    example = "REGISTRY=registry.example.com/team"
    if facts.goal == "current" and facts.server == EMBEDDED_SERVER:
        return []
    if not facts.registry:
        nodes = facts.server if facts.goal == "current" and facts.server else "your cluster"
        return [
            (
                f"The nodes of {nodes} cannot see images that are built here: name a registry that"
                f" you may push to and they can pull from, {example}."
            )
        ]
    if not REGISTRY.fullmatch(facts.registry):
        return [
            (
                f"REGISTRY={facts.registry} is not what an image's name can begin with:"
                f" give host and path, without https:// and without a tag, as {example}."
            )
        ]
    return []


def networks_taken(facts: Facts) -> list[str]:
    """The cluster's networks are routed on this machine, and are the same on every one."""
    return list(routes.in_the_way(facts.routes))


IMAGES: tuple[Callable[[Facts], list[str]], ...] = (
    not_linux,
    not_root,
    python_too_old,
    programs_missing,
    disk_short,
)

MACHINE: tuple[Callable[[Facts], list[str]], ...] = (
    not_linux,
    not_root,
    python_too_old,
    programs_missing,
    go_missing,
    memory_short,
    loop_devices_missing,
    networks_taken,
    disk_short,
)

GOALS: dict[str, tuple[Callable[[Facts], list[str]], ...]] = {
    "setup": (python_too_old,),
    "workflows": (python_too_old, go_missing),
    "images": IMAGES,
    "push": (*IMAGES, registry_missing),
    "current": (*IMAGES, go_missing, context_missing, registry_missing),
    "cluster": MACHINE,
    "demo": MACHINE,
    "test": MACHINE,
}
"""What is looked at for each goal."""


def findings(facts: Facts) -> list[str]:
    """Everything that is in the way, one sentence each."""
    return [finding for check in GOALS[facts.goal] for finding in check(facts)]


def dotted(version: tuple[int, int]) -> str:
    """A version as people write it."""
    return f"{version[0]}.{version[1]}"


def observe(goal: str, registry: str = "") -> Facts:
    """Look at this machine; nothing is changed."""
    names = ("git", "make", "apt-get", "kubectl", "helm")
    programs = frozenset(name for name in names if shutil.which(name))
    return Facts(
        goal=goal,
        system=platform.system(),
        machine=platform.machine(),
        root=os.geteuid() == 0,
        python=(sys.version_info[0], sys.version_info[1]),
        programs=programs,
        go=parse_go(said("go", "version")),
        go_needed=newest_go(paths.REPOSITORY / "dev" / "go"),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        disks=observe_disks(goal, os.environ, programs=programs),
        loop_devices=there(LOOP_CONTROL),
        go_toolchain=said("go", "env", "GOTOOLCHAIN"),
        server=current_server(os.environ),
        registry=registry,
        routes=tuple(routes.observed()),
    )


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


def observe_disks(
    goal: str, environment: Mapping[str, str], programs: frozenset[str] = frozenset()
) -> tuple[Disk, ...]:
    """The folders that fill up, and how much each still needs."""
    built = there(paths.CACHE / "bin" / "kubectl")
    loaded = there(paths.CACHE / "images" / "vllm-cpu.tar")
    clients = goal == "current" and programs >= {"kubectl", "helm"}
    compiles = go_missing in GOALS[goal] and not built and not clients
    images = 0 if goal == "cluster" else WARM_GIB
    cache = PROGRAMS_GIB if goal == "cluster" else CACHE_GIB
    wanted = (
        (
            "compiled Go packages",
            go_folder(environment, "GOCACHE", ".cache/go-build"),
            GO_CACHE_GIB if compiles else 0,
        ),
        (
            "Go modules",
            go_folder(environment, "GOMODCACHE", "go/pkg/mod"),
            GO_MODULES_GIB if compiles else 0,
        ),
        ("programs and images", paths.CACHE, images if loaded else cache),
        ("the cluster's data", paths.STATE, STATE_GIB if memory_short in GOALS[goal] else 0),
    )
    disks = []
    for purpose, path, needed in wanted:
        place = nearest(path)
        free = shutil.disk_usage(place).free
        disks.append(Disk(purpose, str(path), place.stat().st_dev, free, needed))
    return tuple(disks)


def go_folder(environment: Mapping[str, str], variable: str, usual: str) -> Path:
    """Where Go keeps what this variable is of; `usual` is that below the home of a user who has no Go yet.

    https://pkg.go.dev/cmd/go#hdr-Build_and_test_caching, https://go.dev/ref/mod#module-cache.
    """
    return Path(environment.get(variable) or said("go", "env", variable) or home() / usual)


def nearest(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there; the present one above what is relative."""
    return path if there(path) else nearest(path.parent)


def main() -> int:
    """Print what is in the way."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.preflight", description=__doc__)
    parser.add_argument("--for", dest="goal", default="cluster", choices=sorted(GOALS))
    parser.add_argument("--registry", default="", help="where images are to be pushed, host/path")
    options = parser.parse_args()
    found = findings(observe(options.goal, options.registry))
    for finding in found:
        print(f"error: {finding}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
