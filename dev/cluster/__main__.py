"""The embedded cluster on the command line: up, status, down, load-image."""

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dev import packages, preflight, steps, tools
from dev.cluster import control_plane, images, layout, removal, status, temporary, whole
from dev.cluster.control_plane import ControlPlane
from dev.cluster.layout import Layout
from dev.paths import STATE


def main() -> int:
    """Parse the command line and run one command."""
    arguments = parser().parse_args()
    command: Callable[[argparse.Namespace], int] = arguments.command
    return command(arguments)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python3 -m dev.cluster", description=__doc__)
    commands = top.add_subparsers(required=True)
    for name, command, about in COMMANDS:
        one = commands.add_parser(name, help=about)
        one.add_argument("--name", default="dev", help="name of the cluster (dev)")
        one.set_defaults(command=command)
    commands.choices["up"].add_argument(
        "--control-plane-only",
        action="store_true",
        help="no node: kwok plays nodes and pods; several of them can run at once",
    )
    commands.choices["load-image"].add_argument(
        "archive", nargs="+", type=Path, help="an OCI image archive"
    )
    return top


def up(arguments: argparse.Namespace) -> int:
    """Start a cluster."""
    place = layout.named(arguments.name)
    bring_up(place, control_plane_only=arguments.control_plane_only)
    return 0


def bring_up(place: Layout, *, control_plane_only: bool = False) -> None:
    """Build what is not built yet, start a cluster, and tell how to use it."""
    refuse_other_kind(place, control_plane_only=control_plane_only)
    if control_plane_only:
        tools.install(control_plane.TOOLS)
    else:
        require_able_machine()
        packages.install()
        tools.install(whole.TOOLS)
    started = time.monotonic()
    with exclusive(place):
        if control_plane_only:
            with steps.step("control plane"):
                ControlPlane(place).start()
        else:
            whole.up(place)
    print(f"cluster {place.name} is ready after {steps.elapsed(started)}; to use it:")
    print(f"  export KUBECONFIG={place.kubeconfig}")


def show_status(arguments: argparse.Namespace) -> int:
    """Print what runs."""
    place = layout.named(arguments.name)
    report = status.observe(place)
    print(status.render(report, place))
    return 0 if report.healthy else 1


def down(arguments: argparse.Namespace) -> int:
    """Remove a cluster, and control planes whose tests were killed."""
    take_down(layout.named(arguments.name))
    for root in temporary.sweep():
        print(f"removed {root} too, whose owner was killed")
    return 0


def take_down(place: Layout) -> None:
    """Remove a cluster; one that does not exist is removed already."""
    with exclusive(place):
        if control_plane.has_been_at(place):
            with steps.step("remove control plane"):
                ControlPlane(place).stop()
        else:
            require_root()
            removal.down(place)


def load_images(arguments: argparse.Namespace) -> int:
    """Load archives, and say which ones were new."""
    place = layout.named(arguments.name)
    for archive in arguments.archive:
        with steps.step(f"load {archive}"):
            if not images.load(place, archive.resolve()):
                print("    already there")
    return 0


def refuse_other_kind(place: Layout, *, control_plane_only: bool) -> None:
    """StepError when the name is taken by a cluster of the other kind."""
    taken = whole.has_been_at(place) if control_plane_only else control_plane.has_been_at(place)
    if taken:
        raise steps.StepError(
            f"{place.name} is another kind of cluster: choose another --name, or remove it first"
            f" with `python3 -m dev.cluster down --name {place.name}`"
        )


def require_able_machine() -> None:
    """StepError with all that is in the way of a cluster on this machine."""
    if found := preflight.findings(preflight.observe("cluster")):
        raise steps.StepError("\n".join(found))


def require_root() -> None:
    """StepError unless run by root: what a node made, only root can remove."""
    if os.geteuid() != 0:
        raise steps.StepError("the whole cluster needs root: run this with sudo -E, or as root")


@contextmanager
def exclusive(place: Layout) -> Iterator[None]:
    """Let one command at a time change a cluster."""
    try:
        STATE.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        raise steps.StepError(
            f"{STATE} cannot be written: run this as root, or set DSO_STATE to a folder of your own"
        ) from None
    with (STATE / f".{place.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another command on this cluster", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


COMMANDS = (
    ("up", up, "start the cluster; a cluster that runs is left as it is"),
    ("status", show_status, "say what runs and how to use it; exit code 1 if not everything does"),
    ("down", down, "end the cluster and remove all that it made"),
    ("load-image", load_images, "make images of OCI archives available to pods"),
)


if __name__ == "__main__":
    steps.main(main)
