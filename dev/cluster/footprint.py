"""What clusters leave on a machine: `python3 -m dev.cluster.footprint` prints it, so that two moments can be compared."""

import json
import subprocess
from pathlib import Path

from dev import mounts, steps
from dev.cluster import daemons, sysctls

COMMANDS = {
    "links": ["ip", "-brief", "link", "show"],
    "addresses": ["ip", "-brief", "address", "show"],
    "routes": ["ip", "route", "show", "table", "all"],
    "network namespaces": ["ip", "netns", "list"],
    "packet filter": ["nft", "list", "ruleset"],
    "loop devices": ["losetup", "--noheadings", "--output", "BACK-FILE", "--all"],
}

FOLDERS = (
    "/run/containerd",
    "/run/netns",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
)
"""Places outside the cluster's own folder where the node's programs keep things."""


def observe() -> dict[str, list[str]]:
    """Everything that starting a cluster changes on the machine, by kind."""
    found = {kind: lines(command) for kind, command in COMMANDS.items()}
    found["mounts"] = mounts.points(mounts.table())
    found["processes"] = marked_processes()
    found["control groups"] = [str(path) for path in Path("/sys/fs/cgroup").rglob("dso-*")]
    found["kernel settings"] = [f"{name}={value}" for name, value in settings().items()]
    found["files"] = [str(path) for folder in FOLDERS for path in Path(folder).rglob("*")]
    return {kind: sorted(entries) for kind, entries in found.items()}


def settings() -> dict[str, str]:
    """The kernel settings that a node changes."""
    forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
    return {**sysctls.current(), "net/ipv4/ip_forward": forwarding}


def marked_processes() -> list[str]:
    """The programs of every cluster on the machine."""
    processes = map(daemons.read_process, pids())
    return [f"{one.marks[daemons.CLUSTER]} {one.program}" for one in processes if one]


def pids() -> list[int]:
    """Every process there is."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def lines(command: list[str]) -> list[str]:
    """A command's output."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.splitlines()


def main() -> int:
    """Print the footprint as JSON."""
    print(json.dumps(observe(), indent=2))
    return 0


if __name__ == "__main__":
    steps.main(main)
