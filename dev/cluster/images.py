"""The images of the whole cluster: what containerd holds, and what is loaded into it."""

from collections.abc import Iterable
from pathlib import Path

from dev import steps, tools
from dev.cluster import oci
from dev.cluster.layout import Layout
from dev.paths import CACHE

PAUSE = f"{oci.REPOSITORY}/pause:1"


def coredns() -> str:
    """The name of the image of the cluster's name service."""
    return f"{oci.REPOSITORY}/coredns:{tools.version('coredns')}"


def ctr(place: Layout, *words: str | Path) -> str:
    """Run containerd's own client in the namespace that the kubelet uses."""
    address: list[str | Path] = ["--address", place.containerd_socket, "--namespace", "k8s.io"]
    return steps.run(["ctr", *address, *words])


def load_own(place: Layout) -> None:
    """Load the images that the cluster itself needs."""
    archives = []
    for program, image in (("pause", PAUSE), ("coredns", coredns())):
        built = tools.path(program)
        archive = CACHE / "images" / f"{built.parent.name}.tar"
        if not archive.exists():
            oci.write_archive(program=built, image=image, archive=archive)
        archives.append(archive)
    for archive in archives:
        load(place, archive)


def load(place: Layout, archive: Path) -> bool:
    """Load the images of an archive unless the same ones are there; whether it did."""
    if not archive.is_file():
        raise steps.StepError(f"there is no image archive {archive}: `make images` makes them")
    wanted = oci.images(archive)
    if wanted and all(listed(place).get(name) == digest for name, digest in wanted.items()):
        return False
    ctr(place, "images", "import", archive)
    remove_unnamed(place)
    return True


def listed(place: Layout) -> dict[str, str]:
    """The names of all images with their digests."""
    lines = ctr(place, "images", "list").splitlines()[1:]
    return {name: digest for name, _, digest, *_ in (line.split() for line in lines)}


def remove_unnamed(place: Layout) -> None:
    """Remove the images that lost their name to a newer build; they would hold their disk space for ever."""
    images = listed(place)
    if superfluous := unnamed(images, used=used(place)):
        ctr(place, "images", "remove", *superfluous)


def unnamed(images: dict[str, str], *, used: Iterable[str]) -> list[str]:
    """The images known only by their digest that no container uses."""
    named = {digest for name, digest in images.items() if not name.startswith("sha256:")}
    return sorted(
        name
        for name, digest in images.items()
        if name.startswith("sha256:") and digest not in named and name not in set(used)
    )


def used(place: Layout) -> set[str]:
    """The images that containers were made from."""
    lines = ctr(place, "containers", "list").splitlines()[1:]
    return {line.split()[1] for line in lines}


def remove_containers(place: Layout) -> None:
    """Remove every container and its file system; the processes in them have ended."""
    if tasks := ctr(place, "tasks", "list", "--quiet").split():
        ctr(place, "tasks", "delete", "--force", *tasks)
    if containers := ctr(place, "containers", "list", "--quiet").split():
        ctr(place, "containers", "delete", *containers)
